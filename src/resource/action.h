/* action.h: actions: requests that this CSE makes for their creators when a condition on
 * a resource holds, and the dependencies that are conditions besides (TS-0001 of Release
 * 4; doc/decision/068-actions.md). Whose right is asked, and the request itself, are the
 * request room's. */
#ifndef RESOURCE_ACTION_H
#define RESOURCE_ACTION_H

#include "resource/resource.h"

enum { ACTION = 65, DEPENDENCY = 66, ACTIONS_OF_SUBJECT = 32, ACTION_DEPENDENCIES = 16, ACTION_INPUTS = 8 };

enum evaluation { EVALUATE_OFF, EVALUATE_ONCE, EVALUATE_PERIODIC, EVALUATE_CONTINUOUS };

/* Views into the arena that it was read into. */
struct action {
	uint64_t id, subject, priority, times;
	enum evaluation mode;
	struct bytes creator;    /* absolute */
	struct bytes credential; /* of the association that its request came on; empty without */
	struct bytes criteria;   /* evalCriteria, encoded */
	struct bytes dependencies[ACTION_DEPENDENCIES]; /* addresses */
	size_t dependencies_n;
	struct bytes inputs[ACTION_INPUTS]; /* addresses of attributes */
	size_t inputs_n;
	bool elsewhere;          /* its subject is at another CSE */
};

struct dependency {
	uint64_t subject;        /* 0: nothing is there */
	bool elsewhere, held;    /* it is at another CSE: did it hold when it was asked there last? */
	int64_t asked;           /* and when that was */
	struct bytes creator, criteria;
	bool sufficient;
};

/* Is there any that is on? Never wrongly no. */
bool actions_exist(const struct resources *r);

/* Those that wait for changes of the row. ids: ACTIONS_OF_SUBJECT. */
err_t actions_on(struct resources *r, uint64_t subject, uint64_t *ids, size_t *n) MUST_USE;

/* Those whose period is over, of the next `limit` behind *after, which moves; 0 at the
 * end. Reads only. */
err_t actions_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                  size_t *n) MUST_USE;

/* *found false: there is none that is on. */
err_t action_read(struct resources *r, struct arena *a, uint64_t id, int64_t now,
                  struct action *out, bool *found) MUST_USE;
/* The same, be it on or off. */
err_t action_load(struct resources *r, struct arena *a, uint64_t id, int64_t now, struct action *out, bool *found) MUST_USE;
/* Its actionPrimitive, encoded: a view, until the store is asked next. ERR_MISSING. */
err_t action_primitive(struct resources *r, uint64_t id, struct bytes *out) MUST_USE;
/* Of the action, by its address; *found false: it has no such. */
err_t action_dependency(struct resources *r, struct arena *a, uint64_t action, struct bytes address,
                        struct dependency *out, bool *found) MUST_USE;

/* Do the criteria hold for what everybody who may retrieve the row is shown of it? */
err_t action_holds(struct resources *r, struct arena *a, uint64_t subject, struct bytes criteria,
                   bool *yes) MUST_USE;

/* Its request is made; evaluated in vain, a periodic one waits for its next time.
 * `system` must cover RIGHT_UPDATE on it, here and below. */
err_t action_fired(struct resources *r, const struct permit *system, uint64_t id, int64_t now) MUST_USE;
err_t action_waits(struct resources *r, const struct permit *system, uint64_t id, int64_t now) MUST_USE;
/* What came of it: a response primitive, encoded. */
err_t action_result(struct resources *r, const struct permit *system, uint64_t id,
                    struct bytes response) MUST_USE;

/* [types/actr.c] Does the originator of w retrieve the row, and is there what the criteria
 * of w->set compare? Else 4000, with the attribute that names it. */
err_t action_criteria_fit(struct resource_work *w, uint64_t subject, const char *attribute) MUST_USE;
/* Does the attribute name a resource at another CSE? 4000 when it names a part of one. */
err_t action_elsewhere(struct resource_work *w, const char *key, bool *yes) MUST_USE;

/* --- subjects at other CSEs (polled.c): asked for from time to time, in the name of who made
 * the action or the dependency */

/* Where `key` (sri, rri) leads to another CSE: that is remembered with what it takes to ask there; else
 * forgotten. */
err_t polled_keep(struct resource_work *w, struct bytes key) MUST_USE;
/* Its row was written, or goes (set NULL). */
err_t polled_index(struct resources *r, uint64_t id, const struct attribute_set *set) MUST_USE;
bool polled_is(const struct attribute_set *set);

/* Those that are to be asked for, as actions_due. */
err_t polled_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                 size_t *n) MUST_USE;
/* Views into the arena. *found false: nothing is to be asked. */
struct polled {
	uint64_t id;
	struct bytes creator, from, credential, subject;
};
err_t polled_read(struct resources *r, struct arena *a, uint64_t id, int64_t now, struct polled *out,
                  bool *found) MUST_USE;
/* It is asked now: no other is before an answer can no more come. */
err_t polled_asked(struct resources *r, const struct permit *system, uint64_t id, int64_t now) MUST_USE;
/* It was answered, by a representation, or (empty) it was not shown. *fires: it is an action whose own
 * criteria hold. */
err_t polled_answered(struct resources *r, const struct permit *system, uint64_t id, int64_t now,
                      struct bytes content, bool *fires) MUST_USE;

/* Do the criteria hold for an attribute set as shown? */
bool action_criteria_hold(struct bytes criteria, const struct attribute_set *shown);

/* --- input (input.c): `ipu` names attributes of resources whose values, at the time, take the
 * place of the texts $1, $2 ... in the content of the request */

/* Is it of a resource at another CSE, and which attribute of which? */
err_t action_input_elsewhere(struct resources *r, struct bytes input, struct bytes *to, struct bytes *attribute,
                             bool *yes) MUST_USE;
/* The value in a representation, encoded; empty: it is not shown. A view. */
struct bytes action_input_shown(struct bytes content, struct bytes attribute);

/* The row that an input is read from, 0: none here; and the attribute. */
err_t action_input(struct resources *r, struct bytes input, uint64_t *id, struct bytes *attribute) MUST_USE;
/* The value as it is shown. ERR_MISSING. In the arena. */
err_t action_input_value(struct resources *r, struct arena *a, uint64_t id, struct bytes attribute, struct bytes *value) MUST_USE;
/* The encoded content with values in their places. */
err_t action_input_put(struct bytes content, const struct bytes *values, size_t n, struct buf *out) MUST_USE;

/* Its row was written: who finds it. At the start: is there any? */
err_t actions_open(struct resources *r) MUST_USE;
err_t action_index(struct resources *r, uint64_t id, const struct attribute_set *set, uint64_t subject) MUST_USE;
/* The row that an action watches: by its subjectResourceID, else its parent; 0: none here. */
err_t action_subject(struct resources *r, const struct attribute_set *set, uint64_t parent,
                     uint64_t *out) MUST_USE;

#endif
