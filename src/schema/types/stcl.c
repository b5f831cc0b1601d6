/* statsCollect [TS-0001 9.6.25; TS-0004 7.4.25]: a collection of events, for whom and of whom. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "sci", "statsCollectID", V_STRING, NP, NP, NP, F_SERVER | F_INDEX, 0 },
	{ "cei", "collectingEntityID", V_ID, MAN, NP, NP, F_ONCE, 0 },
	{ "cdi", "collectedEntityID", V_LIST_URI, OPT, NP, NP, F_ONCE, 0 },
	{ "srs", "statsRuleStatus", V_ENUM, MAN, OPT, NP, F_INDEX, 2 },
	{ "sm", "statModel", V_ENUM, MAN, OPT, NP, 0, 1 },
	{ "cp", "collectPeriod", V_STRUCT, OPT, OPT, NP, 0, C_scheduleEntries },
	{ "evi", "eventID", V_STRING, OPT, OPT, NP, F_INDEX, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_stcl = {
	.number = 21,
	.name = "statsCollect",
	.short_name = "stcl",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.of_infrastructure = true,
};
