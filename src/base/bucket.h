/* bucket.h: a share of somebody's time: so many milliseconds of each second, and what was
 * not used of them for half a second. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include "base/bytes.h"

struct bucket {
	int64_t left;  /* microseconds; below zero after a long piece of work */
	int64_t since; /* clock_micro; 0: full */
};

/* Is anything left of a share of `ms` a second? 0: no bound. */
bool bucket_has(struct bucket *b, unsigned ms, int64_t now);

/* This much was used, in microseconds. */
void bucket_take(struct bucket *b, int64_t used);

#endif
