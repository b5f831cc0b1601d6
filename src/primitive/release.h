/* release.h: the releases of the standard that are spoken, from releases.def. */
#ifndef PRIMITIVE_RELEASE_H
#define PRIMITIVE_RELEASE_H

#include "base/bytes.h"

struct release {
	const char *indicator; /* "2a" */
	unsigned number;       /* 3: its place in their order */
};
enum { RELEASE_1 = 1, RELEASE_3 = 4 }; /* places of some */
size_t releases(const struct release **out);

/* The number of a Release Version Indicator: 1 when it is empty (Release 1 had
 * none [TS-0004 7.3.2.1]), 0 when it is not spoken. */
unsigned release_number(struct bytes rvi);

/* The indicator of the answer: the one asked with, "3" when that is not spoken,
 * none to a Release 1 entity [TS-0004 7.3.3.12]. */
struct bytes release_of_answer(struct bytes rvi);

#endif
