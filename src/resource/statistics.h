/* statistics.h: what rules of statsCollect collect [TS-0001 9.6.23-25, 10.2.11; TS-0004
 * 7.4.23-25]: which of them an operation is an event for, and the records, each an
 * instance of a container that is made beside its rule (doc/decision/068-actions.md). On
 * whose right is the request room's. */
#ifndef RESOURCE_STATISTICS_H
#define RESOURCE_STATISTICS_H

#include "resource/resource.h"

enum { STATISTICS_RULES = 32, STATISTICS_RECORDS = 1000 };

/* An operation that was done. */
struct statistics_operation {
	unsigned operation;
	uint64_t resource;   /* operated on; of a create what was made */
	uint64_t above;      /* of a create the parent, else 0 */
	uint32_t type;       /* of the resource */
	uint64_t octets;     /* stored or answered */
	struct bytes originator, to;
	int64_t now;
};

/* Is there any active rule? Never wrongly no. */
bool statistics_exist(const struct resources *r);
err_t statistics_open(struct resources *r) MUST_USE;

/* Active ones; ids: STATISTICS_RULES. */
err_t statistics_rules(struct resources *r, uint64_t *ids, size_t *n) MUST_USE;

/* Does the rule want it? *creator: absolute, in the arena. */
err_t statistics_wants(struct resources *r, struct arena *a, uint64_t rule,
                       const struct statistics_operation *o, bool *yes, struct bytes *creator) MUST_USE;

/* What came of it: the record that was made, and where; 0: none. */
struct statistics_made {
	uint64_t container, record;
};

/* It counts. `system` must cover RIGHT_UPDATE on the rule, here and below. */
err_t statistics_collect(struct resources *r, const struct permit *system, uint64_t rule,
                         const struct statistics_operation *o, struct statistics_made *out) MUST_USE;
/* *over: the time of a timer-based event is over, and there is its record. Else nothing
 * happens. */
err_t statistics_end(struct resources *r, const struct permit *system, uint64_t rule, int64_t now,
                     bool *over, struct statistics_made *out) MUST_USE;

#endif
