/* eventConfig [TS-0001 9.6.24; TS-0004 7.4.24]: an event whose occurrences are counted. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "evi", "eventID", V_STRING, NP, NP, NP, F_SERVER | F_INDEX, 0 },
	{ "evt", "eventType", V_ENUM, MAN, OPT, NP, 0, 3 },
	{ "evs", "eventStart", V_TIMESTAMP, OPT, OPT, NP, 0, 0 },
	{ "eve", "eventEnd", V_TIMESTAMP, OPT, OPT, NP, 0, 0 },
	{ "opt", "operationType", V_LIST_ENUM, OPT, OPT, NP, 0, 5 },
	{ "ds", "dataSize", V_UINT, OPT, OPT, NP, 0, 0 },
	{ "erts", "eventResourceTypes", V_LIST_NUMBER_OF, OPT, OPT, NP, 0, S_resourceType },
	{ "eris", "eventResourceIDs", V_LIST_URI, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 22 };

const struct resource_type resource_type_evcg = {
	.number = 7,
	.name = "eventConfig",
	.short_name = "evcg",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.of_infrastructure = true,
};
