/* place.h: where keys can be kept, and how well: the capability record of each
 * place. What a provider says of itself never raises its level: without evidence
 * that was verified it counts as software. */
#ifndef PROVIDER_PLACE_H
#define PROVIDER_PLACE_H

#include "provider/token.h"

/* Provider and place of "software" (place 0) or "token.N". ERR_MISSING. */
err_t place_parse(struct bytes name, const struct key_provider **provider, unsigned *place) MUST_USE;
struct bytes place_name(unsigned place);
/* NULL when there is no such place. */
const struct key_provider *place_provider(unsigned place);

/* Where a key of that provider is. */
unsigned place_of(const struct key_provider *provider, const struct provider_key *key);

/* Protection level of what is kept there [TS-0003 6.3.1]. */
unsigned place_level(unsigned place);

/* Of one key there: what is proved of the place, where that speaks for single keys (a
 * PKCS#11 token's evidence) or the key itself was certified (a TPM's); 1 otherwise. */
unsigned place_key_level(const struct key_provider *provider, const struct provider_key *key);

/* Row `index` of the places that there are, as the fields of PROVIDER_LIST.
 * ERR_MISSING behind the last. */
err_t place_row(unsigned index, struct wire_out *out) MUST_USE;

#endif
