/* clock.c: the time, real or simulated. */
#define _GNU_SOURCE
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t simulated;

int64_t clock_now(void)
{
	struct timespec t;

	if (simulated)
		return simulated;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_steady(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_micro(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void clock_start(void)
{
	tzset();
}

void clock_simulate(int64_t ms)
{
	simulated = ms;
}

/* n decimal digits of v, with leading zeros; where the next goes. */
static char *put_digits(char *out, size_t n, unsigned v)
{
	for (size_t i = n; i-- > 0; v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + n;
}

struct date {
	unsigned year, month, day;
};

/* The Gregorian date so many days after 1970-01-01. Counted in years that begin
 * in March, so that the leap day is the last one of its year. */
static struct date date_of(unsigned days)
{
	enum { YEAR = 365, YEARS_4 = 1461, YEARS_100 = 36524, YEARS_400 = 146097,
	       BEFORE_1970 = 719468 /* days from March 0000 */ };
	unsigned since = days + BEFORE_1970, cycle = since / YEARS_400, in = since % YEARS_400;
	unsigned year = (in - in / (YEARS_4 - 1) + in / YEARS_100 - in / (YEARS_400 - 1)) / YEAR;
	unsigned day = in - (YEAR * year + year / 4 - year / 100);
	unsigned month = (5 * day + 2) / 153; /* 0 is March; five months have 153 days */

	return (struct date){ .year = 400 * cycle + year + (month >= 10),
		              .month = month < 10 ? month + 3 : month - 9,
		              .day = day - (153 * month + 2) / 5 + 1 };
}

/* By hand: each representation has three; strftime asks for the locale, and
 * gmtime takes a lock to look whether the time zone changed. */
void clock_stamp(int64_t ms, char out[CLOCK_STAMP_LENGTH + 1])
{
	int64_t seconds = ms >= 0 ? ms / 1000 : 0;
	struct date date;
	unsigned time;

	/* Years above 9999 have no form on the wire. */
	if (seconds > 253402300799)
		seconds = 253402300799;
	date = date_of((unsigned)(seconds / 86400));
	time = (unsigned)(seconds % 86400);
	out = put_digits(out, 4, date.year);
	out = put_digits(out, 2, date.month);
	out = put_digits(out, 2, date.day);
	*out++ = 'T';
	out = put_digits(out, 2, time / 3600);
	out = put_digits(out, 2, time / 60 % 60);
	out = put_digits(out, 2, time % 60);
	*out = '\0';
}

static bool take_digits(struct bytes *in, size_t n, int *out)
{
	*out = 0;
	if (in->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (in->p[i] < '0' || in->p[i] > '9')
			return false;
		*out = *out * 10 + (in->p[i] - '0');
	}
	*in = bytes_sub(*in, n, in->n);
	return true;
}

/* The fraction after the comma, in ms; all octets must be digits. */
static bool take_fraction(struct bytes in, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (in.n == 0)
		return true;
	if (in.p[0] != ',' || in.n < 2 || in.n > 7)
		return false;
	for (size_t i = 1; i < in.n; i++) {
		if (in.p[i] < '0' || in.p[i] > '9')
			return false;
		*ms += (in.p[i] - '0') * scale;
		scale /= 10;
	}
	return true;
}

err_t clock_parse(struct bytes in, int64_t *out)
{
	struct tm tm = { 0 }, back;
	int year, month, fraction;
	time_t seconds;

	if (!take_digits(&in, 4, &year) || !take_digits(&in, 2, &month) ||
	    !take_digits(&in, 2, &tm.tm_mday) || in.n == 0 || in.p[0] != 'T')
		return ERR_SYNTAX;
	in = bytes_sub(in, 1, in.n);
	if (!take_digits(&in, 2, &tm.tm_hour) || !take_digits(&in, 2, &tm.tm_min) ||
	    !take_digits(&in, 2, &tm.tm_sec) || !take_fraction(in, &fraction))
		return ERR_SYNTAX;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	back = tm;
	seconds = timegm(&tm);
	/* timegm normalises 20260231; what it changed was no date. */
	if (year < 1970 || tm.tm_mday != back.tm_mday || tm.tm_mon != back.tm_mon ||
	    tm.tm_hour != back.tm_hour || tm.tm_min != back.tm_min ||
	    tm.tm_sec != back.tm_sec)
		return ERR_RANGE;
	*out = (int64_t)seconds * 1000 + fraction;
	return ERR_OK;
}

/* One "12M" or "1.5S" of a duration; the unit is its last octet. Milliseconds
 * are kept of a fraction, which only seconds may have. */
static err_t duration_part(struct bytes *in, uint8_t *unit, uint64_t *whole, uint64_t *ms)
{
	struct bytes digits, fraction;
	size_t n = 0, scale = 100;
	err_t err;

	while (n < in->n && ((in->p[n] >= '0' && in->p[n] <= '9') || in->p[n] == '.'))
		n++;
	if (n == 0 || n == in->n)
		return ERR_SYNTAX;
	*unit = in->p[n];
	fraction = bytes_sub(*in, 0, n);
	*in = bytes_sub(*in, n + 1, in->n);
	digits = bytes_cut(&fraction, '.');
	*ms = 0;
	TRY(bytes_to_u64(digits, UINT32_MAX, whole));
	if (digits.n < n && (*unit != 'S' || fraction.n == 0))
		return ERR_SYNTAX;
	for (size_t i = 0; i < fraction.n; i++, scale /= 10) {
		if (fraction.p[i] == '.')
			return ERR_SYNTAX;
		*ms += (uint64_t)(fraction.p[i] - '0') * scale;
	}
out:
	return err;
}

err_t clock_duration(struct bytes text, int64_t *ms)
{
	static const struct { bool time; uint8_t unit; uint64_t seconds; } units[] = {
		{ false, 'Y', 365 * 86400 }, { false, 'M', 30 * 86400 }, { false, 'D', 86400 },
		{ true, 'H', 3600 }, { true, 'M', 60 }, { true, 'S', 1 },
	};
	uint64_t whole, part, total = 0;
	size_t next = 0, parts = 0;
	bool time = false;
	uint8_t unit;
	err_t err = ERR_OK;

	if (!bytes_starts(text, BYTES("P")) || bytes_ends(text, BYTES("T")))
		return ERR_SYNTAX;
	text = bytes_sub(text, 1, text.n);
	for (; text.n; parts++) {
		if (!time && text.p[0] == 'T') {
			time = true;
			text = bytes_sub(text, 1, text.n);
		}
		TRY(duration_part(&text, &unit, &whole, &part));
		while (next < COUNT_OF(units) && (units[next].time != time || units[next].unit != unit))
			next++;
		if (next == COUNT_OF(units))
			return ERR_SYNTAX;
		total += whole * units[next++].seconds * 1000 + part;
	}
	if (parts == 0)
		return ERR_SYNTAX;
	if (total > (uint64_t)INT64_MAX / 2)
		return ERR_RANGE;
	*ms = (int64_t)total;
out:
	return err;
}
