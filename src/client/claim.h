/* claim.h: what somebody is given so that a device can join: one line of text, also as a
 * QR code. doc/protocol/joining.md
 *
 *   HOLDFAST1/ticket/secret/anchor/host:port/domain/CSE
 *
 * ticket 16 and secret 32 hex digits, or "-" both (a device of an accepted maker);
 * anchor: SHA-256 of the node's CA certificate in hex; domain: of the service provider,
 * as sp.example.org; CSE: the CSE-ID without slash. Hex in either case. */
#ifndef CLIENT_CLAIM_H
#define CLIENT_CLAIM_H

#include "base/bytes.h"

enum { CLAIM_MAX = 640, CLAIM_TICKET = 16, CLAIM_SECRET = 16 };

struct claim {
	bool has_ticket;
	char ticket[CLAIM_TICKET + 1];
	uint8_t secret[CLAIM_SECRET]; /* the caller wipes it */
	uint8_t anchor[32];
	char address[280];
	char domain[160], cse[96];
};

/* ERR_SYNTAX; blanks and line ends around it are left out. */
err_t claim_read(struct bytes text, struct claim *out) MUST_USE;
/* Appended. */
err_t claim_write(const struct claim *c, struct buf *out) MUST_USE;

#endif
