/* release.c: the table of releases. */
#include "primitive/release.h"

static const struct release rows[] = {
#define RELEASE(indicator, number) { indicator, number },
#include "primitive/releases.def"
#undef RELEASE
};

size_t releases(const struct release **out)
{
	*out = rows;
	return COUNT_OF(rows);
}

unsigned release_number(struct bytes rvi)
{
	if (rvi.n == 0)
		return 1;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (bytes_is(rvi, rows[i].indicator))
			return rows[i].number;
	}
	return 0;
}

struct bytes release_of_answer(struct bytes rvi)
{
	return rvi.n == 0 || release_number(rvi) ? rvi : BYTES("3");
}
