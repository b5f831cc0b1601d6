/* shamir.h: a secret split between n persons, of whom any m have it together, and
 * fewer have nothing [Shamir 1979]. Over GF(2^8) with the polynomial of AES, each
 * octet by itself; in time that does not depend on any octet. */
#ifndef CRYPT_SHAMIR_H
#define CRYPT_SHAMIR_H

#include "base/bytes.h"

enum { SHAMIR_SECRET = 32, SHAMIR_SHARE = 1 + SHAMIR_SECRET, SHAMIR_MOST = 15 };

/* A share: its number (1..n), then its octets. must(1 <= m <= n <= SHAMIR_MOST). */
void shamir_split(const uint8_t secret[SHAMIR_SECRET], unsigned m, unsigned n,
                  uint8_t shares[][SHAMIR_SHARE]);

/* From m shares. ERR_DUPLICATE: one twice, ERR_RANGE: a number 0, or none at all.
 * That they belong together, and are enough, only the secret itself can tell. */
err_t shamir_join(const uint8_t (*shares)[SHAMIR_SHARE], unsigned m,
                  uint8_t secret[SHAMIR_SECRET]) MUST_USE;

#endif
