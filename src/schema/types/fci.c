/* flexContainerInstance (TS-0001 of Release 4): what a flexContainer held, made by
 * the CSE at each change. It is shown under the name of its definition. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	{ "et", "expirationTime", V_TIMESTAMP, NP, NP, OPT, F_COLUMN | F_SERVER, 0 },
	{ "lbl", "labels", V_LIST_STRING, NP, NP, OPT, F_INDEX | F_SERVER, 0 },
	{ "cnd", "containerDefinition", V_URI, NP, NP, OPT, F_SERVER | F_INDEX, 0 },
	{ "cs", "contentSize", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "org", "originator", V_STRING, NP, NP, NP, F_SERVER, 0 },
};

static const uint32_t parents[] = { 28 };

const struct resource_type resource_type_fci = {
	.number = 58,
	.name = "flexContainerInstance",
	.short_name = "fci",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE,
	.policy_of_parent = true,
	.selector = "cnd",
};
