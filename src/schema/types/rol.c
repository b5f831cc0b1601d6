/* role [TS-0001 9.6.38; TS-0004 7.4.40]: a role that an entity holds. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "rlid", "roleID", V_NAMED, MAN, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "tkis", "issuer", V_ID, MAN, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "tkhd", "holder", V_ID, MAN, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "tknb", "notBefore", V_TIMESTAMP, MAN, NP, NP, F_ONCE, 0 },
	{ "tkna", "notAfter", V_TIMESTAMP, MAN, NP, NP, F_ONCE, 0 },
	{ "rlnm", "roleName", V_STRING, OPT, NP, NP, F_ONCE, 0 },
	{ "rltl", "tokenLink", V_URI, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 2, 5, 16, 37 };

const struct resource_type resource_type_rol = {
	.number = 31,
	.name = "role",
	.short_name = "rol",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
