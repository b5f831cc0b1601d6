/* authorizationPolicy [TS-0001 9.6.42; TS-0004 7.4.44]: policies asked of a retrieval point. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "ps", "policies", V_ANY, NP, NP, NP, F_SERVER, 0 },
	{ "ca", "combiningAlgorithm", V_ENUM, NP, NP, NP, F_SERVER, 1 },
	{ "sus", "status", V_ENUM, NP, NP, NP, F_SERVER, 5 },
	{ "to", "to", V_URI, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_aupy = {
	.number = 36,
	.name = "authorizationPolicy",
	.short_name = "aupy",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
