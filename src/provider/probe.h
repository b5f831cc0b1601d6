/* probe.h: does a token hold this node's keys as they were made, and are they usable in this
 * measured state of the machine? Asked of each key when the token comes, and every minute,
 * one after the other, without doing anything with them, so that people see it before somebody
 * needs a key.
 *
 * What a PKCS#11 token says of a pair that was made on it (CKA_LOCAL, always sensitive, never
 * extractable) raises nothing, and lowers: one that was put in its place counts as level 1. */
#ifndef PROVIDER_PROBE_H
#define PROVIDER_PROBE_H

#include "provider/provider.h"

/* The token is there, or not: ask about the next key, if that was not done lately. */
void probe_look(unsigned number, bool there);

/* Was this the answer to it? */
bool probe_answered(unsigned number, uint64_t ref, err_t status);

/* What is wrong with the keys on a token that is there; "" nothing, as far as is known. */
const char *probe_why(unsigned number);

/* Does its token say that it is not the one that was made there, or nothing of it? */
bool probe_is_foreign(const struct provider_key *k);

#endif
