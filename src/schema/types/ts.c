/* timeSeries [TS-0001 9.6.36; TS-0004 7.4.38]: data that come at a known pace, and what
 * of them is missing. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "mni", "maxNrOfInstances", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mbs", "maxByteSize", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mia", "maxInstanceAge", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "cni", "currentNrOfInstances", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "cbs", "currentByteSize", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "pei", "periodicInterval", V_POSITIVE, OPT, OPT, OPT, 0, 0 },
	{ "peid", "periodicIntervalDelta", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mdd", "missingDataDetect", V_BOOL, OPT, OPT, OPT, F_INDEX, 0 },
	{ "mdn", "missingDataMaxNr", V_POSITIVE, OPT, OPT, OPT, 0, 0 },
	{ "mdlt", "missingDataList", V_LIST_STRING, NP, NP, OPT, F_SERVER, 0 },
	{ "mdc", "missingDataCurrentNr", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "mdt", "missingDataDetectTimer", V_POSITIVE, OPT, OPT, OPT, 0, 0 },
	ROW_ONTOLOGY(OPT),
	{ "cnf", "contentInfo", V_CONTENT_INFO, OPT, NP, OPT, F_ONCE, 0 },
};

static const uint32_t parents[] = { 2, 3, 5, 16, 28 };

const struct resource_type resource_type_ts = {
	.number = 29,
	.name = "timeSeries",
	.short_name = "ts",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
