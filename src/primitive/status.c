/* status.c: the table of response status codes. */
#include "primitive/status.h"

enum { PLAIN = 0, SECURITY = 1, BARE = 0, DETAIL = 1 };

static const struct status_row statuses[] = {
#define STATUS(code, name, http, coap, audited, shown)                         \
	{ (code), #name, (http), (audited), (shown) },
#include "primitive/errors.def"
#undef STATUS
};

const struct status_row *status_row(unsigned code)
{
	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		if (statuses[i].code == code)
			return &statuses[i];
	}
	return NULL;
}
