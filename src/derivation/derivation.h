/* derivation.h: the derivations of TS-0003 10.3: which there are, from what kind of
 * key, by what parameters, for which security usage, and what comes out.
 *
 * Pure but for the provider that holds the input key: it names no key, knows no
 * asker and keeps nothing; that is the keeper's. */
#ifndef DERIVATION_DERIVATION_H
#define DERIVATION_DERIVATION_H

#include "provider/provider.h"

/* Where a key came from: a number of enum derivation, or: */
enum key_origin { ORIGIN_MADE = 16, ORIGIN_IMPORTED = 17, ORIGIN_GENERATED = 18 };

enum { DERIVATION_KEY = 32, DERIVATION_TEXT_MAX = KEEPER_INPUT_MAX, EXPORTED_ID = 16,
       EXPORTED = EXPORTED_ID + DERIVATION_KEY };

struct derivation_ask {
	unsigned derivation;
	struct bytes input; /* name of the key, empty for EXPORTER */
	struct bytes first, second;
};

/* ERR_UNSUPPORTED: no such derivation; ERR_SYNTAX: parameters of another form. */
err_t derivation_check(const struct derivation_ask *a) MUST_USE;

/* May a key of this origin and security usage (0: any) be its input [CM26]? */
bool derivation_from(unsigned derivation, enum key_origin origin, unsigned suid);

/* The usage of the new key: named by the derivation, or its input's. */
uint8_t derivation_suid(const struct derivation_ask *a, uint8_t input);

/* The new key of the input key, checked before. Not for EXPORTER. */
err_t derivation_compute(const struct derivation_ask *a, const struct key_provider *provider,
                         struct provider_key *key, uint8_t out[DERIVATION_KEY]) MUST_USE;

/* Of derivation and parameters: no two questions share one. */
void derivation_digest(const struct derivation_ask *a, uint8_t out[32]);

#endif
