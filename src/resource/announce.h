/* announce.h: resources that are made known at other CSEs [TS-0001 9.6.26, 10.2.18;
 * TS-0004 7.3.3.x]. Nothing here speaks to anybody: what is announced where is on
 * record, what should be is in the resource (at, aa), and the difference is one step
 * at a time, which the core carries out (role/core/announce.c).
 *
 *   create, update, delete --in the same transaction--> record says: due
 *   due --> resource_announce_step --> CREATE, UPDATE or DELETE at the other CSE
 *       --> resource_announce_done: the record, and `at` with the address there
 *       ... until nothing differs
 *
 * An unreachable CSE catches up: the record stays due, over restarts, too. */
#ifndef RESOURCE_ANNOUNCE_H
#define RESOURCE_ANNOUNCE_H

#include "resource/resource.h"

enum { ANNOUNCE_TARGETS = 16, ANNOUNCE_DUE = 4096 };

enum announce_what { ANNOUNCE_NOTHING, ANNOUNCE_WAIT, ANNOUNCE_CREATE, ANNOUNCE_UPDATE,
	             ANNOUNCE_DELETE };

/* Views into the arena. */
struct announce_step {
	enum announce_what what;
	struct bytes to;      /* parent, or the announced resource */
	uint32_t type;
	struct bytes content; /* encoded */
	struct bytes target;  /* which entry: as `at` named it */
	struct bytes names;   /* of the attributes sent, by blanks */
	struct bytes name;    /* ANNOUNCE_CREATE: resourceName there; empty: its CSE gives one */
	bool found;           /* done: it was there already, by that name */
	bool home;            /* of an AE with an S-type AE-ID, at the IN-CSE (resource/stem.h) */
	bool ends;            /* when it is done, that is nothing to this CSE any more */
	bool passed;          /* CSEs were passed over that are not asked now */
	uint8_t digest[32];   /* of what was sent */
};

/* A row that is due, once; 0: none. After a start: those that were due before. */
uint64_t resource_announce_due(struct resources *r);
/* Is another one due? */
bool resource_announce_more(const struct resources *r);
/* Is this one? Of what was due lately. */
bool resource_announce_waits(const struct resources *r, uint64_t id);
/* Due again, for what could not be done now. */
void resource_announce_again(struct resources *r, uint64_t id);

struct announce_round {
	size_t failed;  /* the first of what is to be done that are passed over */
	bool nameless;  /* no resourceName is proposed: a CSE refuses one [TS-0004 table 7.4.26.1-2] */
	/* Is this CSE ("/mn") not to be asked now, because it did not answer lately? NULL: none is. */
	bool (*is_silent)(void *self, struct bytes cse);
	void *self;
};

/* What is to be done next for this row, inside a transaction. ANNOUNCE_WAIT: its parent has to be
 * announced first. */
err_t resource_announce_step(struct resources *r, uint64_t id, struct arena *a,
                             const struct announce_round *round, struct announce_step *out) MUST_USE;

/* It was done: `address` of what was created, else empty. `lost`: it is no longer
 * there, and is announced anew. Inside a transaction. */
err_t resource_announce_done(struct resources *r, uint64_t id, struct arena *a,
                             const struct announce_step *step, struct bytes address,
                             bool lost) MUST_USE;

#endif
