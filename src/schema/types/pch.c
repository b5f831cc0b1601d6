/* pollingChannel [TS-0001 9.6.21; TS-0004 7.4.21]: where one that cannot be reached asks
 * for its requests. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	{ "rqag", "requestAggregation", V_BOOL, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 2, 16 };

const struct resource_type resource_type_pch = {
	.number = 15,
	.name = "pollingChannel",
	.short_name = "pch",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	/* which of two would be asked? */
	.alone = parents,
	.alone_n = COUNT_OF(parents),
	.policy_of_parent = true,
};
