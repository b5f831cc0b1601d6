/* probe.h: does a token hold this node's keys, and are they usable in this measured state
 * of the machine? Asked each time the token comes, and every minute, of one of its keys,
 * without doing anything with it, so that people see it before somebody needs a key. */
#ifndef PROVIDER_PROBE_H
#define PROVIDER_PROBE_H

#include "provider/provider.h"

/* A key that lies on a token; the last one is asked about, rather a pair than another. */
void probe_note(const struct provider_key *k);

/* The token is there, or not: ask, if that was not done lately. */
void probe_look(unsigned number, bool there);

/* Was this the answer to it? */
bool probe_answered(unsigned number, uint64_t ref, err_t status);

/* What is wrong with the keys on a token that is there; "" nothing, as far as is known. */
const char *probe_why(unsigned number);

#endif
