/* series.h: missing data of time series [TS-0001 9.6.36, 10.2.18; TS-0004 7.4.38].
 *
 * With missingDataDetect, periodicInterval and missingDataDetectTimer a series is
 * watched from its first instance on: the k-th datum is expected at first + k
 * intervals, give or take periodicIntervalDelta, and missing when it has not come
 * by then plus the timer. What is missing is listed, the newest missingDataMaxNr
 * of it, and reported to the subscriptions that ask for it. */
#ifndef RESOURCE_SERIES_H
#define RESOURCE_SERIES_H

#include "resource/resource.h"

enum { SERIES_MISSING_MAX = 1000 }; /* listed at most, whatever missingDataMaxNr says */

/* Whom to tell: subscription `sub`, whose number and duration of missing data are
 * reached; tsn is the content, m2m:tsn. */
struct series_report {
	err_t (*tell)(void *self, uint64_t sub, struct bytes tsn);
	void *self;
};

/* Series with data overdue, of the next `limit` that are watched behind *after, which
 * moves; 0 at the end. Reads only. */
err_t series_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                 size_t *n) MUST_USE;

/* Judge one of them. The caller holds the transaction and records it. */
err_t series_judge(struct resources *r, const struct permit *system, uint64_t id, int64_t now,
                   const struct series_report *report) MUST_USE;

#endif
