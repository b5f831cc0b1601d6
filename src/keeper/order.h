/* order.h: orders under way. Private to the room. */
#ifndef KEEPER_ORDER_H
#define KEEPER_ORDER_H

#include "keeper/dispatch.h"

/* Verified, and not yet carried out: until the core has recorded it. */
struct order_held {
	uint32_t ticket;
	unsigned kind;
	uint64_t event;
	bool recorded;
	int64_t since; /* clock_steady */
	struct signers who;
	uint8_t body[ORDER_BODY_MAX];
	size_t body_n;
};

/* order_run.c: carry it out in memory, or (really false) only see whether it could be. */
err_t order_run(struct call *c, const struct order_held *h, bool really) MUST_USE;

/* lost.c: another key at that place under its name, by its policy, one version later. */
err_t order_renew(struct call *c, struct vault_key *old, unsigned place, struct vault_key **made) MUST_USE;

/* copies.c: once a second. */
void keeper_look_for_copies(struct keeper_state *ks, int64_t now);

/* How many persons it needs, with what it proves. */
unsigned order_persons(struct call *c, const struct order_held *h);

/* Nothing is prepared, nothing was announced: the core that would have recorded it
 * is gone. */
void orders_forget(struct keeper_state *ks);

#endif
