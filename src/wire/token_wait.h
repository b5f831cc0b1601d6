/* token_wait.h: calls that wait for a token.
 *
 * A token takes milliseconds. So that nobody waits behind it who does not need
 * it, and many questions are on their way to it at once, a call whose provider
 * asks a token is put aside, and carried out once more, from its beginning, when
 * the answer came; it then finds the answer where it found none before. Only
 * operations that change nothing before their last question may be put aside
 * (the keeper's dispatch.c says which); all others wait for their token. Nothing that a call
 * looked up is kept meanwhile: keys and handles may go. */
#ifndef WIRE_TOKEN_WAIT_H
#define WIRE_TOKEN_WAIT_H

#include "wire/wire.h"

enum { WAITING_MAX = 256, WAITING_EACH = 16 /* its caller is not read then */, WAIT_ASKS_MAX = 6, WAIT_BODY_MAX = 1024, WAIT_MS = 9000 };

struct waiting;

/* Put the call aside when it comes to ask a token. NULL: no place, or too large;
 * it then waits there and then. */
struct waiting *wait_begin(const void *who, uint64_t ref, enum message_type type,
                           struct bytes body);

/* Around carrying it out. */
void wait_enter(struct waiting *w);
void wait_leave(void);

void wait_end(struct waiting *w);

/* The next one whose answers are all there, or that waited too long. */
struct waiting *wait_ready(void);
struct bytes wait_body(const struct waiting *w);
const void *wait_caller(const struct waiting *w);
uint64_t wait_ref(const struct waiting *w);
enum message_type wait_type(const struct waiting *w); /* of the message that asked */

/* Its caller is gone. */
void wait_drop_caller(const void *who);

size_t wait_count(const void *who); /* NULL: all */

/* --- for the provider ---------------------------------------------------------------- */

/* Is the call that is being carried out one that may be put aside? */
bool wait_may(void);

/* The answer to this question, when it was asked before: *known, then its status.
 * A question that differs from the one that stood here before is a new one. */
err_t wait_look(struct bytes question, bool *known, struct buf *answer) MUST_USE;

/* It was sent now, under this reference. ERR_LIMIT: asks without end. */
err_t wait_asked(struct bytes question, unsigned token, uint64_t ref) MUST_USE;

/* An answer came; perhaps nobody waits for it any more. */
void wait_answer(unsigned token, uint64_t ref, err_t status, struct bytes answer);

/* No answer will come from there. */
void wait_lost(unsigned token);

#endif
