/* lock.h: resources that a transaction holds until it is over [TS-0001 10.2.18.1]: the newest
 * <transaction> below them is open. Held is the resource itself: among the children of another
 * it is shown as it is, which is as it was before the transaction. A lock ends with the transaction, at the latest a minute
 * after it was made. */
#ifndef RESOURCE_LOCK_H
#define RESOURCE_LOCK_H

#include "resource/resource.h"

enum { TRANSACTION = 51, LOCK_MS = 60000 };
/* m2m:transactionControl; m2m:transactionState has the same numbers, with ERROR and ABORTED. */
enum { TRANSACTION_INITIAL = 1, TRANSACTION_LOCK, TRANSACTION_EXECUTE, TRANSACTION_COMMIT, TRANSACTION_ABORT };
enum { STATE_LOCKED = 2, STATE_EXECUTED, STATE_COMMITTED, STATE_ERROR, STATE_ABORTED };

/* Is the resource held against this operation, but for transaction `but`? */
err_t lock_holds(struct resources *r, uint64_t resource, bool reads, int64_t now, uint64_t but, bool *yes) MUST_USE;
/* Is the row such a transaction? What stands above it is not deleted meanwhile; it expires. */
bool lock_is_open(const struct store_row *row, int64_t now);
err_t locks_open(struct resources *r) MUST_USE;

/* May its creator take this step now? */
bool lock_steps(const struct store_row *transaction, struct bytes originator, uint64_t step);

#endif
