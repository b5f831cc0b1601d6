/* status.h: response status codes, from errors.def. */
#ifndef PRIMITIVE_STATUS_H
#define PRIMITIVE_STATUS_H

#include "base/bytes.h"

enum status {
#define STATUS(code, name, http, coap, audited, shown) RSC_##name = (code),
#include "primitive/errors.def"
#undef STATUS
};

struct status_row {
	unsigned code;
	const char *name;
	unsigned http;   /* 200 */
	bool security;   /* a refusal an auditor looks for */
	bool detail;     /* the answer may say what was wrong */
};

/* NULL for an unknown code. */
const struct status_row *status_row(unsigned code);

static inline bool status_is_success(unsigned code)
{
	return code >= 1000 && code < 3000;
}

#endif
