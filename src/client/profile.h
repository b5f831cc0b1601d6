/* profile.h: who a client is and whom it talks to: a folder.
 *
 *   profile.conf   address = host:port        where the node listens
 *                  name = in-cse.sp.example   its public domain name, checked in its certificate
 *                  originator = Cdev1         From of requests
 *                  credential = certificate | psk | none
 *   ca.pem         trust anchor               (certificate; for psk unused)
 *   cert.pem key.pem                          certificate and private key, key 0600
 *   psk.identity psk.key                      identity; key in hex, 0600
 *
 * "none" is plain HTTP and connects to loopback addresses only: lab mode.
 * A key file that others may read is refused [T19]. */
#ifndef CLIENT_PROFILE_H
#define CLIENT_PROFILE_H

#include "base/secret.h"

enum profile_credential { PROFILE_CERTIFICATE = 1, PROFILE_PSK = 2, PROFILE_NONE = 3,
	PROFILE_GUEST = 4, /* in no file: who joins (client/join.h) */
	PROFILE_BARE = 5 /* in no file: HTTP without TLS to anywhere (client/bootstrap.h) */ };

enum { PROFILE_TEXT_MAX = 256, PROFILE_PSK_MAX = 64 };

struct profile {
	char host[PROFILE_TEXT_MAX];
	char port[8];
	char name[PROFILE_TEXT_MAX];
	char originator[PROFILE_TEXT_MAX];
	enum profile_credential credential;
	struct buf anchor, certificate; /* PEM */
	struct secret key;              /* private key in PEM, or the pre-shared key */
	char identity[PROFILE_TEXT_MAX];
};

/* `why` receives one line on error. ERR_MISSING, ERR_SYNTAX, ERR_REFUSED (a key
 * file that others may read)... */
err_t profile_read(const char *dir, struct profile *out, char *why, size_t why_size) MUST_USE;
/* cert.pem and key.pem alone: what a device has from its maker. As profile_read. */
err_t profile_read_device(const char *dir, struct profile *out, char *why, size_t why_size) MUST_USE;
void profile_free(struct profile *p);

/* The text of profile.conf alone; checks every line. */
err_t profile_parse(struct bytes conf, struct profile *out, char *why, size_t why_size) MUST_USE;

/* "host:port", "[::1]:port" into its parts. ERR_SYNTAX. */
err_t profile_address(struct bytes address, struct profile *out) MUST_USE;

/* Make the folder and write it. ERR_EXISTS when it is there; what was made
 * is removed on error. */
err_t profile_write(const char *dir, const struct profile *p) MUST_USE;

/* The same where the folder is there: it makes way for the new one at once and whole, or
 * stays as it was. ERR_UNSUPPORTED: the file system cannot exchange two names. */
err_t profile_replace(const char *dir, const struct profile *p) MUST_USE;

#endif
