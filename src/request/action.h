/* action.h: actions: a change of a resource has requests made for those who asked for it
 * (resource/action.h; doc/decision/068-actions.md).
 *
 *   a change, or a period is over --> the criteria of each action that waits for it, on
 *     the right of its creator to read what they compare
 *   all hold --> its request is kept, as one that is answered later: done in a turn of
 *     its own, on the credential of its creator as far as that stands, by the access
 *     decision of that moment --> the response in actionResult
 *
 * What one request from outside may lead to is bounded, however much it changes: the requests
 * of actions share what is left of ACTION_CHAIN among those that they set off in turn. */
#ifndef REQUEST_ACTION_H
#define REQUEST_ACTION_H

#include "request/request.h"

enum { ACTION_CHAIN = 32 };

struct work;

/* Around an operation: before it (of a delete the parent is known then), and after it
 * succeeded. */
err_t action_before(struct work *w) MUST_USE;
err_t action_after(struct work *w) MUST_USE;

/* Was the request set off by an action (*inside)? Then what is left of its chain goes to
 * what it has done later in another way. */
err_t action_chain_rest(struct work *w, uint64_t *rest, bool *inside) MUST_USE;

/* A periodic action whose time has come. In the transaction of the caller. */
err_t action_period(struct request_room *room, uint64_t id, int64_t now) MUST_USE;

/* [action_poll.c] The subject of one, or of a dependency, at another CSE is asked for, by a request of
 * its creator that is kept; *asked false: nobody wants to know it, and nothing was written. In the
 * transaction of the caller. */
err_t action_poll(struct request_room *room, uint64_t id, int64_t now, bool *asked) MUST_USE;
/* As action_answered: was it such a request? */
err_t action_polled(struct request_room *room, const struct request_arrival *in,
                    const struct response_primitive *response, bool *was) MUST_USE;
/* The criteria of its own hold: as soon as those it depends on do, too, its request is made. */
err_t action_held(struct request_room *room, uint64_t id, int64_t now) MUST_USE;

struct action;

/* [action_input.c] Are inputs of it at other CSEs? Then *asked: they are asked for, one after the other, by
 * requests of its creator that are kept; with the last answer its request is made. left: of its chain. */
err_t action_inputs_ask(struct work *w, const struct action *a, uint64_t left, bool *asked) MUST_USE;
/* As action_answered: was it such a request? */
err_t action_inputs_answered(struct request_room *room, const struct request_arrival *in,
                             const struct response_primitive *response, bool *was) MUST_USE;
/* Its request is kept, to be made when it is due. gathered: the value of each input that is at another CSE,
 * empty for those here; NULL: none is. *made false: what kept it from being made is on record. */
err_t action_make(struct work *w, const struct action *a, int64_t due, uint64_t left, const struct bytes *gathered,
                  bool *made) MUST_USE;
/* Why it is not made is on record. */
err_t action_record(struct work *w, const struct action *a, const char *text) MUST_USE;
/* What is the action's fault, or its creator's, is none of the request that set it off; NULL: it is this node's. */
const char *action_not_done(err_t err);

/* The request that was kept in this row is answered: was it an action's? Then the action
 * has the response, and the row is needed no more. */
err_t action_answered(struct request_room *room, uint64_t row, const struct response_primitive *response,
                      bool *was) MUST_USE;

#endif
