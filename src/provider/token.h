/* token.h: the provider of keys on tokens.
 *
 * The code of a token's maker runs in its process and never here. What a key
 * record keeps is a reference: u8 1, u8 number of the token when it was made,
 * identity of the token (TOKEN_IDENTITY), then the token's own. A key finds its
 * token by identity: another in its place does not do. */
#ifndef PROVIDER_TOKEN_H
#define PROVIDER_TOKEN_H

#include "provider/provider.h"
#include "wire/token_link.h"

/* Number of the token that a key is on; what it was when the token is away. */
unsigned token_place(const struct provider_key *k);

/* A number that the TPM keeps for this key store, and nobody takes back; `on`: after it went
 * on by one. Asks there and then. ERR_UNSUPPORTED: a token that keeps none. */
err_t token_count(unsigned number, bool on, uint64_t *out) MUST_USE;

/* There is no process of its token, and none whose token is it. */
bool token_is_gone(const struct provider_key *k);

/* Number of "token.N"; 0 for anything else. */
unsigned token_number(struct bytes name);

#endif
