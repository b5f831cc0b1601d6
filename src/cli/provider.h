/* provider.h: where keys are kept, as the keeper tells it. */
#ifndef CLI_PROVIDER_H
#define CLI_PROVIDER_H

#include "cli/door.h"
#include "wire/token_calls.h"

/* Row `index` of the keeper's providers; views lie in `result`. *found false
 * behind the last. */
err_t provider_ask(struct door *d, uint32_t index, struct buf *result,
                   struct keeper_provider_row *out, bool *found) MUST_USE;

enum { PROVIDER_WHY = 512 };

/* Why it is away, or counts as software. */
void provider_why(struct cli *c, struct door *d, const struct keeper_provider_row *row,
                  char *out, size_t size);

/* The same as provider accept, for a node that was just made in this folder and does not
 * run yet. Returns the exit code, and has said why. */
int provider_accept_first(struct cli *c, const char *dir, const char *provider);

#endif
