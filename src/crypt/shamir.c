/* shamir.c: shares of a secret. */
#include "crypt/shamir.h"

#include "base/secret.h"
#include "crypt/crypt.h"

/* Without tables and branches: an octet of a secret chooses no address. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
	uint8_t out = 0;

	for (int i = 0; i < 8; i++) {
		out ^= (uint8_t)(-(b & 1) & a);
		a = (uint8_t)((uint8_t)(a << 1) ^ (-(a >> 7) & 0x1b));
		b >>= 1;
	}
	return out;
}

/* a^254 = 1/a. */
static uint8_t inverse(uint8_t a)
{
	uint8_t power = multiply(a, a), out = power;

	for (int i = 0; i < 6; i++) {
		power = multiply(power, power);
		out = multiply(out, power);
	}
	return out;
}

void shamir_split(const uint8_t secret[SHAMIR_SECRET], unsigned m, unsigned n,
                  uint8_t shares[][SHAMIR_SHARE])
{
	uint8_t terms[SHAMIR_MOST];

	must(m >= 1 && m <= n && n <= SHAMIR_MOST);
	for (unsigned k = 0; k < n; k++)
		shares[k][0] = (uint8_t)(k + 1);
	for (size_t i = 0; i < SHAMIR_SECRET; i++) {
		crypt_random(terms, sizeof(terms));
		for (unsigned k = 0; k < n; k++) {
			uint8_t sum = 0;

			/* Horner: the secret is the value at 0. */
			for (unsigned t = m - 1; t > 0; t--)
				sum = multiply(sum ^ terms[t], shares[k][0]);
			shares[k][1 + i] = sum ^ secret[i];
		}
	}
	secret_wipe(terms, sizeof(terms));
}

err_t shamir_join(const uint8_t (*shares)[SHAMIR_SHARE], unsigned m, uint8_t secret[SHAMIR_SECRET])
{
	uint8_t weight;

	bytes_zero(secret, SHAMIR_SECRET);
	if (m == 0 || m > SHAMIR_MOST)
		return ERR_RANGE;
	for (unsigned k = 0; k < m; k++) {
		weight = 1;
		if (shares[k][0] == 0)
			return ERR_RANGE;
		/* Lagrange's weight at 0. */
		for (unsigned j = 0; j < m; j++) {
			if (j == k)
				continue;
			if (shares[j][0] == shares[k][0])
				return ERR_DUPLICATE;
			weight = multiply(weight, multiply(shares[j][0], inverse(shares[j][0] ^ shares[k][0])));
		}
		for (size_t i = 0; i < SHAMIR_SECRET; i++)
			secret[i] ^= multiply(weight, shares[k][1 + i]);
	}
	return ERR_OK;
}
