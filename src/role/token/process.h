/* process.h: the parts of holdfast-token. */
#ifndef ROLE_TOKEN_PROCESS_H
#define ROLE_TOKEN_PROCESS_H

#include "token/token.h"

/* holdfast-token --serve CONFIG LINK-FD USER [PIN-FD] */
struct token_serve_arguments {
	const char *config;
	int link_fd, pin_fd; /* -1 none */
	uint32_t user;       /* to become, when root starts it */
};

/* Is it started so? */
bool token_serve_asked(int argc, char **argv, struct token_serve_arguments *out);

/* The first line of the file. ERR_MISSING, ERR_LIMIT. */
err_t token_pin_read(int fd, struct secret *out) MUST_USE;

#endif
