/* token.h: a process holdfast-token between two programs, without a node:
 * for `init` and `keeper test`. The maker's code runs there, not here. */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "cli/cli.h"

#include <sys/types.h>

enum { TOKEN_PATH = 1024 };

struct token_child {
	pid_t pid;
	int link_fd; /* who speaks to it is the keeper for it; -1 none */
};

/* N of "token.N"; 0 for anything else. */
unsigned token_provider_number(const char *provider);

/* Is it well formed? Says why not; an exit code. */
int token_check(struct cli *c, const char *uri);

/* A program of ours beside this one, or where an installation puts it. */
err_t token_find_program(const char *name, char out[TOKEN_PATH]) MUST_USE;

/* Start it as the user that will serve token `number`, with the PIN of
 * --pin-file or else of pin-source. An exit code. */
int token_start(struct cli *c, const char *uri, unsigned number, struct token_child *out);

/* The other end was handed on; wait for its end. */
void token_let_go(struct token_child *t);
void token_end(struct token_child *t);

#endif
