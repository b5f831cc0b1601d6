/* chain.h: is a certificate of one who is trusted? A second look at certificates that a
 * gate has judged by the library's rules, for who must not believe the gate.
 *
 * It takes less than the library does: DER only, X.509 v3, keys of P-256 with
 * ecdsa-with-SHA256, each certificate signed by the next; and no critical extension but
 * those below [RFC 5280 4.2, 6.1]. What is stranger is refused, not understood. */
#ifndef CRYPT_CHAIN_H
#define CRYPT_CHAIN_H

#include "crypt/crypt.h"

enum { CHAIN_MAX = 4, CHAIN_CERTIFICATE_MAX = 4096 };

/* What is read of one; views into its DER. path: -1 no bound; client: may authenticate a
 * client, by its extended key usage or without one. */
struct chain_certificate {
	struct bytes der, tbs, issuer, subject, signature;
	const uint8_t *point;
	int64_t from, until; /* ms */
	bool authority, has_usage, client;
	unsigned usage;      /* first octet of keyUsage: 0x80 digitalSignature, 0x04 keyCertSign */
	int path;
};

/* ERR_SYNTAX: not such a certificate; ERR_UNSUPPORTED: of other algorithms, or with a
 * critical extension that is not known here. */
err_t chain_read(struct bytes der, struct chain_certificate *out) MUST_USE;

/* May it vouch for others? */
bool chain_may_vouch(const struct chain_certificate *c);

/* der[0] is a client's, der[i] of who signed der[i - 1], and the last is signed by the
 * anchor or is it; all good at `now`. point: the client's key. ERR_REFUSED: the chain does
 * not hold; ERR_EXPIRED; ERR_TAMPERED: a signature; those of chain_read. */
err_t chain_check(const struct bytes *der, size_t n, struct bytes anchor, int64_t now,
                  uint8_t point[CRYPT_POINT]) MUST_USE;

#endif
