/* inner.h: what the files of this room share. */
#ifndef SCHEMA_INNER_H
#define SCHEMA_INNER_H

#include "schema/schema.h"

enum {
	TYPES_MAX = 1024,         /* composed: specializations and announced variants */
	COMPOSED_ROWS_MAX = 49152, /* their attributes */
	TYPE_ROWS_MAX = 128,      /* of one type */
};

/* A specialization as rows: what it adds to its general type. */
struct specialization {
	const char *name, *short_name;
	const char *prefix;     /* NULL: "m2m" */
	uint32_t management;    /* mgmtObj: mgmtDefinition */
	const char *definition; /* flexContainer: containerDefinition */
	const struct attribute *rows;
	size_t rows_n;
};

/* Management objects, types/mgmt.c. */
extern const struct specialization *const schema_management;
extern const size_t schema_management_n;

/* Compose the specialization of `general` and its announced variant. Strings and
 * rows must live as long as the program. ERR_LIMIT; ERR_DUPLICATE when its name
 * or definition is taken. */
err_t schema_specialize(const struct resource_type *general, const struct specialization *s) MUST_USE;

/* RFC 4648 clause 4, padded, no line breaks. */
bool schema_is_base64(struct bytes s);

/* A copy that lives as long as the program, NULL when there is no room. */
const char *schema_text(struct bytes text);

#endif
