/* policyDeletionRules [TS-0001 9.6.33; TS-0004 7.4.32]: when a policy applies. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "dr", "deletionRules", V_STRUCT, OPT, NP, NP, F_ONCE, C_deletionContexts },
	{ "drr", "deletionRulesRelation", V_ENUM, OPT, OPT, NP, 0, 2 },
};

static const uint32_t parents[] = { 26 };

const struct resource_type resource_type_pdr = {
	.number = 27,
	.name = "policyDeletionRules",
	.short_name = "pdr",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
