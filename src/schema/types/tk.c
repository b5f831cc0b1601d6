/* token [TS-0001 9.6.39; TS-0004 7.4.41]: an authorization token, as issued. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "tkid", "tokenID", V_NAMED, MAN, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "tkob", "tokenObject", V_TEXT_OF, MAN, NP, NP, F_ONCE, S_dynAuthJWT },
	{ "vr", "version", V_STRING, OPT, NP, NP, F_ONCE, 0 },
	{ "tkis", "issuer", V_ID, OPT, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "tkhd", "holder", V_ID, OPT, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "tknb", "notBefore", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tkna", "notAfter", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tknm", "tokenName", V_STRING, OPT, NP, NP, F_ONCE, 0 },
	{ "tkau", "audience", V_LIST_ID, OPT, NP, NP, F_ONCE, 0 },
	{ "tkps", "permissions", V_STRUCT, OPT, NP, NP, F_ONCE, C_tokenPermissions },
	{ "tkex", "extension", V_STRING, OPT, NP, NP, F_ONCE, 0 },
};

static const uint32_t parents[] = { 2, 5, 16, 37 };

const struct resource_type resource_type_tk = {
	.number = 32,
	.name = "token",
	.short_name = "tk",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
