/* params.c: the table of primitive parameters. */
#include "primitive/request.h"

enum { REQ = PARAM_REQ, RSP = PARAM_RSP, BOTH = PARAM_BOTH, NO = 0, YES = 1 };

static const struct param_row rows[PARAM_COUNT] = {
#define PARAM(name, short_name, kind, where, header, query, support)           \
	[PARAM_##name] = { (short_name), PARAM_##kind, (enum param_where)(where), (header), (query), (support) },
#include "primitive/params.def"
#undef PARAM
};

static const uint8_t lengths[PARAM_COUNT] = {
#define PARAM(name, short_name, kind, where, header, query, support)           \
	[PARAM_##name] = sizeof(short_name) - 1,
#include "primitive/params.def"
#undef PARAM
};

const struct param_row *param_row(enum param p)
{
	must((unsigned)p < PARAM_COUNT);
	return &rows[p];
}

const struct param_row *param_named(struct bytes short_name, enum param *out)
{
	for (unsigned i = 0; i < PARAM_COUNT; i++) {
		if (lengths[i] == short_name.n && short_name.n &&
		    rows[i].short_name[0] == (char)short_name.p[0] &&
		    bytes_equal(bytes_make(rows[i].short_name, lengths[i]), short_name)) {
			*out = (enum param)i;
			return &rows[i];
		}
	}
	return NULL;
}
