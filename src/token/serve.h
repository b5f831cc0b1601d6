/* serve.h: one operation being carried out. Private to the room. */
#ifndef TOKEN_SERVE_H
#define TOKEN_SERVE_H

#include "token/token.h"

struct token_work {
	struct wire_in in;   /* the operation's fields, from their beginning at each run */
	struct wire_out out;
};

typedef err_t (*token_run)(struct token *t, struct token_work *w);

/* Run it on the open token, once more after it was lost and is back. */
err_t token_use(struct token *t, token_run run, struct token_work *w) MUST_USE;

#endif
