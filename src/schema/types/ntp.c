/* notificationTargetPolicy [TS-0001 9.6.32; TS-0004 7.4.32]: what happens when a target
 * asks to be removed. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "acn", "action", V_ENUM, OPT, NP, NP, F_ONCE, 4 },
	{ "plbl", "policyLabel", V_STRING, OPT, OPT, NP, 0, 0 },
	{ "rrs", "rulesRelationship", V_ENUM, OPT, OPT, NP, 0, 2 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_ntp = {
	.number = 26,
	.name = "notificationTargetPolicy",
	.short_name = "ntp",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
