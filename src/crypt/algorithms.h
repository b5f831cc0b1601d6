/* algorithms.h: algorithms.def as rows, and as the lists that OpenSSL reads. */
#ifndef CRYPT_ALGORITHMS_H
#define CRYPT_ALGORITHMS_H

#include "base/bytes.h"

enum algorithm_kind {
	ALGORITHM_TLS13_SUITE,
	ALGORITHM_TLS12_SUITE,
	ALGORITHM_GROUP,
	ALGORITHM_SIGNATURE
};

enum algorithm_status {
	ALGORITHM_REFUSED,
	ALGORITHM_LEGACY,
	ALGORITHM_ALLOWED,
	ALGORITHM_MANDATORY
};

struct algorithm {
	enum algorithm_kind kind;
	const char *name;
	unsigned strength;
	enum algorithm_status status;
	uint32_t sunset; /* YYYYMMDD, 0: none */
	const char *text;
};

/* Rows in the table's order; NULL from the end on. */
const struct algorithm *algorithm_row(size_t index);

/* The row of a name; NULL when there is none. */
const struct algorithm *algorithm_find(struct bytes name);

/* What counts on a day (ms since 1970): a row past its sunset is REFUSED. */
enum algorithm_status algorithm_status_at(const struct algorithm *row, int64_t now);

enum { ALGORITHM_LIST_MAX = 1024 };

/* The names of one kind that may be used now, joined by ':', NUL-terminated.
 * `legacy` adds the LEGACY rows. ERR_MISSING when nothing is left. */
err_t algorithm_list(enum algorithm_kind kind, bool legacy, int64_t now,
                     char out[ALGORITHM_LIST_MAX]) MUST_USE;

#endif
