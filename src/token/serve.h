/* serve.h: one operation being carried out. Private to the room. */
#ifndef TOKEN_SERVE_H
#define TOKEN_SERVE_H

#include "token/token.h"

struct token_work {
	struct wire_in in;   /* the operation's fields, from their beginning at each run */
	struct wire_out out;
	struct token_key key; /* the last that was taken from the fields; a view of them */
};

typedef err_t (*token_run)(struct token *t, struct token_work *w);

/* The key of the fields, this part of it; where another token has taken the place of the
 * one that made it: ERR_MISSING. */
err_t token_get_key(struct token *t, struct token_work *w, unsigned part, struct token_key *k) MUST_USE;
/* Identity and reference of so many parts. */
void token_put_reference(struct token *t, struct token_work *w, const struct token_made *parts,
                         unsigned count);

/* seal.c */
err_t token_run_seal(struct token *t, struct token_work *w) MUST_USE;
err_t token_run_unseal(struct token *t, struct token_work *w) MUST_USE;
err_t token_run_wrap(struct token *t, struct token_work *w) MUST_USE;
err_t token_run_unwrap(struct token *t, struct token_work *w) MUST_USE;

/* approve.c: taken also while the token is away. */
err_t token_run_approve(struct token *t, struct token_work *w) MUST_USE;

/* The machine is not in the state that this key is bound to. */
void token_unfit(struct token *t, const struct token_key *k);

/* Run it on the open token, once more after it was lost and is back. */
err_t token_use(struct token *t, token_run run, struct token_work *w) MUST_USE;

#endif
