/* statsConfig [TS-0001 9.6.23; TS-0004 7.4.23]: the events that can be collected stand below. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_stcg = {
	.number = 22,
	.name = "statsConfig",
	.short_name = "stcg",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.of_infrastructure = true,
};
