/* processes.h: DIR/run/status, which the parent writes: a line a process. */
#ifndef CLI_PROCESSES_H
#define CLI_PROCESSES_H

#include "cli/cli.h"

enum { PROCESSES_MAX = 80 };

struct process {
	char role[16], number[8], pid[16], user[16], state[16];
	char held[256];    /* protections, by comma */
	char missing[512]; /* words for people, "" when nothing is missing */
};

/* ERR_MISSING when no node wrote one. */
err_t processes_read(const struct cli *c, struct process *out, size_t max, size_t *n) MUST_USE;

#endif
