/* authorizationInformation [TS-0001 9.6.43; TS-0004 7.4.45]: roles and tokens asked of an
 * information point. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "sus", "status", V_ENUM, NP, NP, NP, F_SERVER, 5 },
	{ "fr", "from", V_ID, OPT, OPT, NP, 0, 0 },
	{ "rids", "roleIDs", V_LIST_NAMED, OPT, OPT, NP, 0, 0 },
	{ "tids", "tokenIDs", V_LIST_NAMED, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_auif = {
	.number = 37,
	.name = "authorizationInformation",
	.short_name = "auif",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
