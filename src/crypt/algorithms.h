/* algorithms.h: algorithms.def as rows, and as the lists that OpenSSL reads. */
#ifndef CRYPT_ALGORITHMS_H
#define CRYPT_ALGORITHMS_H

#include "base/bytes.h"

enum algorithm_kind {
	ALGORITHM_TLS13_SUITE,
	ALGORITHM_TLS12_SUITE,
	ALGORITHM_GROUP,
	ALGORITHM_SIGNATURE,
	ALGORITHM_KEY
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
	unsigned number;
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

/* The row of a kind and number; NULL. */
const struct algorithm *algorithm_numbered(enum algorithm_kind kind, unsigned number);

/* The node's policy, of this process from here on: names separated by blanks.
 * `refuse` narrows the table by rows that are not MANDATORY; `legacy` enables
 * LEGACY rows, each by its name. Nothing else can be changed: ERR_MISSING for a
 * name that the table has not, ERR_REFUSED for one that cannot be refused or
 * enabled (REFUSED, or past its sunset at `now`); *bad is that name. Then the
 * policy is as it was. */
err_t algorithm_policy(struct bytes refuse, struct bytes legacy, int64_t now,
                       struct bytes *bad) MUST_USE;

/* By table, date and policy. */
bool algorithm_accepted(const struct algorithm *row, int64_t now);

/* Has the policy enabled a LEGACY row? */
bool algorithm_legacy_enabled(void);

enum { ALGORITHM_LIST_MAX = 1024 };

/* Which rows a list has: none that is LEGACY; every LEGACY one too; what is
 * accepted. Never one that the policy refuses. */
enum algorithm_choice { ALGORITHMS_STRONG, ALGORITHMS_WITH_LEGACY, ALGORITHMS_ACCEPTED };

/* The names of one kind that may be used now, joined by ':', NUL-terminated.
 * ERR_MISSING when nothing is left. */
err_t algorithm_list(enum algorithm_kind kind, enum algorithm_choice choice, int64_t now,
                     char out[ALGORITHM_LIST_MAX]) MUST_USE;

#endif
