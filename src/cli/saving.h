/* saving.h: a profile that a command made. */
#ifndef CLI_SAVING_H
#define CLI_SAVING_H

#include "cli/cli.h"
#include "client/profile.h"

/* Into --out, which is new; says so, with its end (ms; 0: not told). An exit code. */
int save_profile(struct cli *c, const struct profile *p, int64_t until);

#endif
