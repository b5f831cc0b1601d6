/* probe.h: are the keys on a token usable in this measured state of the machine? Asked
 * once each time the token comes, of one of its keys, without doing anything with it:
 * its process tells from then on, so that people see it before somebody needs a key. */
#ifndef PROVIDER_PROBE_H
#define PROVIDER_PROBE_H

#include "provider/provider.h"

/* A key that lies on a token; the last one is asked about. */
void probe_note(const struct provider_key *k);

/* The token is there: ask, if that was not done since it came. */
void probe_look(unsigned number, bool there);

/* Was this the answer to it? */
bool probe_answered(unsigned number, uint64_t ref);

#endif
