/* match.h: what the files that judge a row by filter criteria share. */
#ifndef RESOURCE_MATCH_H
#define RESOURCE_MATCH_H

#include "resource/engine.h"

/* A row under judgement. */
struct subject {
	const struct matcher *m;
	const struct store_row *row;
	const struct resource_type *type;
	struct attribute_set body;
};

/* What of the values of a condition was found so far. */
struct seen {
	bool types, labels, attributes;
};

/* Children of one row that a condition looks at, at most; what lies behind does
 * not count. */
enum { CHILDREN_MAX = 16384 };

/* *known false: a type that this program has not. */
err_t subject_open(const struct matcher *m, const struct store_row *row, struct subject *out,
                   bool *known) MUST_USE;
/* Adds what of v is true of the row. */
err_t values_see(const struct subject *s, const struct filter_values *v, struct seen *seen) MUST_USE;

/* Expressions on labels: "key", "NT key", "key EQ v", "key:v", "key NE v",
 * "key IN (v, w)", "key NI (v, w)". One that cannot be read never holds. *steps grows by what was
 * compared. */
bool label_query_ok(struct bytes query);
bool label_query_holds(const struct attribute_set *body, struct bytes query, size_t *steps);

/* '*' stands for any octets, nothing else is special. *steps grows by what it took; a
 * text for which that would be too much does not match. */
bool pattern_matches(struct bytes text, struct bytes pattern, size_t *steps);

/* [content.c] A query on content: can it be read, and does the content of this row satisfy
 * it? One that cannot be read never holds. */
bool content_query_ok(struct bytes query);
err_t content_query_holds(struct resources *r, const struct attribute_set *body, struct bytes query,
                          bool *yes) MUST_USE;

/* Geometry of the criteria against the attribute location (loc). */
bool geo_ok(unsigned geometry_type, struct bytes geometry);
bool geo_holds(const struct matcher *m, const struct attribute_set *body);

#endif
