/* certificate.h: what a certificate says, in plain words. Nothing is verified
 * here: that is the channel's work. */
#ifndef CLI_CERTIFICATE_H
#define CLI_CERTIFICATE_H

#include "cli/cli.h"

struct certificate {
	char subject[256], issuer[256], serial[72];
	char names[512];      /* subject alternative names, "DNS:... URI:..." */
	char purpose[128];    /* "server client", "CA" */
	char key[64];         /* "P-256" */
	char constraints[256];/* permitted names of a CA */
	int64_t from, until;  /* ms */
	uint8_t fingerprint[32];
	uint8_t point[65];    /* of a P-256 key, uncompressed; else zeros */
	bool ca;
};

/* PEM (its first certificate) or DER. ERR_SYNTAX. */
err_t certificate_read(struct bytes file, struct certificate *out) MUST_USE;

#endif
