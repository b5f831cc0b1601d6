/* clock.h: the time, real or simulated.
 *
 * Absolute times are milliseconds since 1970-01-01T00:00:00Z. The wire form is
 * m2m:timestamp, ISO 8601 basic in UTC: 20141003T112032, optionally with a
 * comma and up to six fraction digits [TS-0004 6.3.3]. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/bytes.h"

enum { CLOCK_STAMP_LENGTH = 15 };

/* Now, in ms since 1970 UTC. */
int64_t clock_now(void);

/* A clock that never runs backwards, in ms since some start. */
int64_t clock_steady(void);

/* The same in microseconds. */
int64_t clock_micro(void);

/* For tests: freeze clock_now at ms; 0 returns to the real clock. */
void clock_simulate(int64_t ms);

/* Before a process gives up opening files: the conversions of the system open
 * the file of the time zone when they are first used, though all here is UTC. */
void clock_start(void);

/* ms as 20141003T112032 into out[16], NUL-terminated. */
void clock_stamp(int64_t ms, char out[CLOCK_STAMP_LENGTH + 1]);

/* Parse m2m:timestamp; ERR_SYNTAX, ERR_RANGE (no such date). */
err_t clock_parse(struct bytes stamp, int64_t *ms) MUST_USE;

/* xs:duration, P[nY][nM][nD][T[nH][nM][n[.n]S]], not negative, in ms; a year
 * counts 365 days, a month 30. ERR_SYNTAX, ERR_RANGE. */
err_t clock_duration(struct bytes text, int64_t *ms) MUST_USE;

#endif
