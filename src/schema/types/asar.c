/* serviceSubscribedAppRule [TS-0001 9.6.29; TS-0004 7.4.29]: which applications may
 * register with which credentials. Enforced by the registrar, not here. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "apci", "applicableCredIDs", V_LIST_URI, OPT, OPT, NP, F_INDEX, 0 },
	{ "aai", "allowedApp-IDs", V_LIST_URI, OPT, OPT, NP, F_INDEX, 0 },
	{ "aae", "allowedAEs", V_LIST_URI, OPT, OPT, NP, F_INDEX, 0 },
	{ "ari", "allowedRole-IDs", V_LIST_NAMED, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_asar = {
	.number = 19,
	.name = "serviceSubscribedAppRule",
	.short_name = "asar",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
