/* delivery.h: requests that go to another CSE together [TS-0001 9.6.11, 10.2.5.7]
 * (doc/decision/075-delivery.md). Inside the room only.
 *
 *   a request with Delivery Aggregation, to another CSE, no result wanted
 *     --> a <delivery> here, 1000 to its originator --a second later-->
 *     CREATE <delivery> at the next CSE, again and again until its lifespan is over
 *   CREATE <delivery> from the next CSE --each request within is admitted as if it came
 *     by itself--> for this CSE: each is done by the steps of any request
 *              --> for another: it goes on as a whole */
#ifndef REQUEST_DELIVERY_H
#define REQUEST_DELIVERY_H

#include "request/work.h"

/* [delivery.c] May the request, which goes on to another CSE, be carried: it asks for it,
 * waits for no result, and may be kept? */
bool delivery_wanted(const struct work *w);
/* It is, where the next CSE takes deliveries: *carried, and the outcome. ERR_PENDING. */
err_t delivery_carry(struct work *w, bool *carried) MUST_USE;
/* w->in->deferred is a delivery that is due: to the next CSE. ERR_PENDING. */
err_t delivery_send(struct work *w) MUST_USE;
/* That failed here: later again. */
err_t delivery_failed(struct request_room *room, const struct request_arrival *in) MUST_USE;

/* [delivery_take.c] Is the one who asks a CSE, on this request's own association? */
bool delivery_by_cse(const struct work *w);
/* Does a CSE that is registered here, or that we are registered at, make one below the
 * CSEBase? */
err_t delivery_is_direct(struct work *w, const struct store_row *row, bool *yes) MUST_USE;
/* One is about to be made, or gets its requests: each of them is admitted, or w->status. */
err_t delivery_before(struct work *w) MUST_USE;
/* It was: its requests are to be done, or carried on. ERR_REFUSED: too much. */
err_t delivery_after(struct work *w) MUST_USE;
/* A request that was within one was answered. *was false: it was in none. */
err_t delivery_answered(struct request_room *room, const struct request_arrival *in, bool *was) MUST_USE;

#endif
