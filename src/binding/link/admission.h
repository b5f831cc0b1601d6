/* admission.h: not all at once. After a restart, or at a common end, all come together: so
 * many are taken a second; who is one too many is given a place, in the order of coming,
 * and told when that is. Places are given at the rate itself; a tenth more is open to who
 * was not told to come, so that nobody waits for those who were and did not.
 * Pure: times are given, microseconds of any clock that never runs backwards. */
#ifndef LINK_ADMISSION_H
#define LINK_ADMISSION_H

#include "base/bytes.h"

enum { ADMISSION_WAIT_MAX = 600 }; /* s */

struct admission {
	int64_t second, booked; /* of what is counted; the last place that was given */
	uint64_t admitted;      /* in that second */
};

/* One comes: is it taken? rate: a second; 0: any number. */
bool admission_takes(struct admission *a, uint64_t rate, int64_t now);
/* It was not: the seconds until its place. Where all places are given, one drawn by
 * chance: who comes then asks again. */
unsigned admission_book(struct admission *a, uint64_t rate, int64_t now);

#endif
