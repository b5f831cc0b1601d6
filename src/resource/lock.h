/* lock.h: resources that a transaction holds until it is over [TS-0001 10.2.18.1]: a
 * <transaction> below them is open. Held is the resource itself: among the children of another
 * it is shown as it is, which is as it was before the transaction. A lock ends with the transaction, at the latest a minute
 * after it was obtained. */
#ifndef RESOURCE_LOCK_H
#define RESOURCE_LOCK_H

#include "resource/resource.h"

struct attribute_set;
struct resource_work;

enum { TRANSACTION = 51, LOCK_MS = 60000 };
/* m2m:transactionControl; m2m:transactionState has the same numbers, with ERROR and ABORTED. */
enum { TRANSACTION_INITIAL = 1, TRANSACTION_LOCK, TRANSACTION_EXECUTE, TRANSACTION_COMMIT, TRANSACTION_ABORT };
enum { STATE_INITIAL = 1, STATE_LOCKED, STATE_EXECUTED, STATE_COMMITTED, STATE_ERROR, STATE_ABORTED };

/* When the CSE itself takes the steps of a transaction, ms; 0: not named. A step without a time of
 * its own before one that has one follows the one before it at once. */
struct transaction_times {
	int64_t lock, execute, commit, end;
};

/* Is the resource held against this operation, but for transaction `but`? */
err_t lock_holds(struct resources *r, uint64_t resource, bool reads, int64_t now, uint64_t but, bool *yes) MUST_USE;
/* Is the row such a transaction? What stands above it is not deleted meanwhile; it expires. */
bool lock_is_open(const struct store_row *row, int64_t now);
err_t locks_open(struct resources *r) MUST_USE;
/* The <transaction> was written, or goes (set NULL): who finds it. */
err_t lock_index(struct resources *r, const struct store_row *row, const struct attribute_set *set) MUST_USE;

/* Those of w->set, of a transaction or a transactionMgmt that is made: in their order (4000), not
 * after its end (4000), and none later than a minute after the lock (5207). */
err_t transaction_times(struct resource_work *w, struct transaction_times *out) MUST_USE;
/* As they stand in a body, or in what is asked. */
void transaction_times_read(struct bytes body, struct transaction_times *out);

/* May its creator take this step now? */
bool lock_steps(const struct store_row *transaction, struct bytes originator, uint64_t step);

#endif
