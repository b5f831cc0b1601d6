/* digest.h: HTTP Digest authentication with AKA: AKAv1-MD5 [RFC 3310; RFC 2617], the
 * device's side, as the reference point Ub of GBA has it [TS 24.109 4].
 *
 *   WWW-Authenticate --digest_challenge--> RAND, AUTN --module--> RES
 *   RES as password --digest_authorization--> Authorization
 *   Authentication-Info --digest_confirm--> the server knew RES, too, and said this body
 *
 * MD5 is what the text has. What it carries is the proof of knowing RES, which serves
 * once. */
#ifndef CLIENT_DIGEST_H
#define CLIENT_DIGEST_H

#include "gaa/gaa.h"

enum { DIGEST_TEXT_MAX = 256, DIGEST_CNONCE = 16, DIGEST_AUTN = 16, DIGEST_HEX = 32 };

struct digest {
	struct bytes username, password; /* IMPI; RES, empty when it is about AUTS */
	struct bytes uri;
	char realm[DIGEST_TEXT_MAX], nonce[DIGEST_TEXT_MAX];
	char cnonce[DIGEST_CNONCE + 1];  /* drawn by digest_authorization */
	uint8_t rand[GAA_RAND], autn[DIGEST_AUTN];
};

/* The value of a header field in the head of an HTTP message (strictly parsed before);
 * empty: none. Of several, none is believed. */
struct bytes digest_field(struct bytes head, struct bytes name);

/* A challenge, into realm, nonce, rand and autn. ERR_SYNTAX; ERR_UNSUPPORTED: another
 * scheme, algorithm or quality of protection than Digest, AKAv1-MD5, auth-int. */
err_t digest_challenge(struct bytes field, struct digest *d) MUST_USE;

/* Value of the field that begins: nobody is proved. Then of the one that answers a
 * challenge; auts: 14 octets, or empty. Appended. */
err_t digest_first(const struct digest *d, struct buf *out) MUST_USE;
err_t digest_authorization(struct digest *d, struct bytes method, struct bytes auts,
                           struct buf *out) MUST_USE;

/* ERR_REFUSED: not said by somebody who knows RES, or not about this body. */
err_t digest_confirm(const struct digest *d, struct bytes field, struct bytes body) MUST_USE;

#endif
