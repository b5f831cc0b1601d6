/* token_link.h: the keeper's ends of its links to the processes holdfast-token.
 *
 * One end a token, by its number. What comes from there is judged like what comes
 * from anywhere; a link that breaks a rule is detached. */
#ifndef WIRE_TOKEN_LINK_H
#define WIRE_TOKEN_LINK_H

#include "wire/token_calls.h"

/* A process holdfast-token came, or its successor. Owns fd. */
void token_attach(unsigned number, int fd);
void token_detach(unsigned number);
/* *told: it said which token it has. */
bool token_is_attached(unsigned number, bool *told);

/* What the token said last; present false when there is no such link. */
const struct token_state *token_state_of(unsigned number);

/* For the process's loop: descriptor or -1; one read and everything in it; what
 * is queued goes out. */
int token_fd(unsigned number);
bool token_wants_write(unsigned number);
void token_read(unsigned number);
void token_flush(void);

/* Wait until the token said whether it is there, at most ms. */
err_t token_await(unsigned number, int ms) MUST_USE;

/* Send a TOKEN_CALL body; its answer goes to the hook. ERR_ABSENT, ERR_LIMIT. */
err_t token_link_send(unsigned number, struct bytes question, uint64_t *ref) MUST_USE;
/* The same for OPEN, whose answer is a state. */
err_t token_link_open(unsigned number, struct bytes question) MUST_USE;
/* The same, and wait for the answer: its fields, appended. */
err_t token_link_ask(unsigned number, struct bytes question, struct buf *answer) MUST_USE;

/* Who is told of answers that nobody stands waiting for, and that none will come. */
struct token_hooks {
	void (*answered)(unsigned number, uint64_t ref, err_t status, struct bytes answer);
	void (*lost)(unsigned number);
};
void token_link_hooks(struct token_hooks h);

#endif
