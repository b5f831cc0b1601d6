/* schedule.c: a schedule entry of seven fields, second
 * minute hour day month weekday year, in UTC [TS-0004 7.4.9.1]. '*', numbers,
 * ranges a-b, both but numbers with a step behind '/', and lists of these. Sunday is 0. */
#include "primitive/context.h"

static const struct {
	unsigned min, max;
} fields[] = {
	{ 0, 59 }, { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 12 }, { 0, 6 }, { 2000, 9999 },
};

enum { WEEKDAY = 5, FIELDS = COUNT_OF(fields) };

/* Days since 1970-01-01 -> year, month, day of the Gregorian calendar; the year
 * is counted from March so that the leap day is its last. */
static void civil(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
	int64_t shifted = days + 719468; /* since 0000-03-01 */
	int64_t era = shifted / 146097;
	unsigned of_era = (unsigned)(shifted - era * 146097);
	unsigned y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * y + y / 4 - y / 100);
	unsigned m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = (unsigned)(era * 400) + y + (*month <= 2);
}

static void split(int64_t now, unsigned out[FIELDS])
{
	int64_t seconds = now / 1000;
	int64_t days = seconds / 86400;
	unsigned of_day = (unsigned)(seconds % 86400);

	out[0] = of_day % 60;
	out[1] = of_day / 60 % 60;
	out[2] = of_day / 3600;
	out[WEEKDAY] = (unsigned)((days + 4) % 7); /* 1970-01-01 was a Thursday */
	civil(days, &out[6], &out[4], &out[3]);
}

struct range {
	uint64_t from, to, step;
};

static err_t range_read(struct bytes text, size_t field, struct range *out)
{
	bool stepped = bytes_find(text, '/') < text.n;
	struct bytes high = bytes_cut(&text, '/'), low = high;
	err_t err;

	*out = (struct range){ fields[field].min, fields[field].max, 1 };
	if (stepped)
		TRY(bytes_to_u64(text, fields[field].max, &out->step));
	if (bytes_equal(high, BYTES("*")))
		return out->step ? ERR_OK : ERR_RANGE;
	if (bytes_find(high, '-') < high.n)
		low = bytes_cut(&high, '-');
	else if (stepped)
		return ERR_SYNTAX;
	TRY(bytes_to_u64(low, fields[field].max, &out->from));
	TRY(bytes_to_u64(high, fields[field].max, &out->to));
	if (out->from < fields[field].min || out->to < out->from || !out->step)
		err = ERR_RANGE;
out:
	return err;
}

static bool within(const struct range *r, unsigned value)
{
	return value >= r->from && value <= r->to && (value - r->from) % r->step == 0;
}

/* One element of a field. */
static enum verdict range_holds(struct bytes text, size_t field, unsigned value)
{
	struct range r;

	if (range_read(text, field, &r) != ERR_OK)
		return VERDICT_MALFORMED;
	return within(&r, value) ? VERDICT_YES : VERDICT_NO;
}

static enum verdict field_holds(struct bytes text, size_t field, unsigned value)
{
	enum verdict all = VERDICT_NO;

	if (text.n == 0 || text.p[text.n - 1] == ',')
		return VERDICT_MALFORMED;
	while (text.n) {
		enum verdict one = range_holds(bytes_cut(&text, ','), field, value);

		if (one == VERDICT_MALFORMED)
			return one;
		if (one == VERDICT_YES)
			all = one;
	}
	return all;
}

enum verdict schedule_holds(struct bytes entry, int64_t now)
{
	enum verdict all = VERDICT_YES;
	unsigned value[FIELDS];
	size_t field = 0;

	if (now < 0 || entry.n == 0 || entry.p[entry.n - 1] == ' ')
		return VERDICT_MALFORMED;
	split(now, value);
	for (; entry.n && field < FIELDS; field++) {
		enum verdict one = field_holds(bytes_cut(&entry, ' '), field, value[field]);

		if (one == VERDICT_MALFORMED)
			return one;
		if (one == VERDICT_NO)
			all = one;
	}
	return entry.n == 0 && field == FIELDS ? all : VERDICT_MALFORMED;
}
