/* container [TS-0001 9.6.6; TS-0004 7.4.6]: instances of data, and how many of
 * them at most. Its counts are exact after every operation. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_STATE,
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "mni", "maxNrOfInstances", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mbs", "maxByteSize", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mia", "maxInstanceAge", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "cni", "currentNrOfInstances", V_UINT, NP, NP, NP, F_SERVER, 0 },
	{ "cbs", "currentByteSize", V_UINT, NP, NP, NP, F_SERVER, 0 },
	{ "li", "locationID", V_URI, NP, NP, OPT, F_SERVER | F_LINK, 0 },
	ROW_ONTOLOGY(OPT),
	{ "disr", "disableRetrieval", V_BOOL, OPT, OPT, OPT, 0, 0 },
};

static const uint32_t parents[] = { 2, 3, 5, 16, 28, 10002, 10016 };

const struct resource_type resource_type_cnt = {
	.number = 3,
	.name = "container",
	.short_name = "cnt",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
