/* timeSeriesInstance [TS-0001 9.6.37; TS-0004 7.4.39]: one datum of a time series. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(NP),
	ROW_LABELS(OPT, NP),
	ROWS_ANNOUNCEMENT(NP),
	{ "dgt", "dataGenerationTime", V_STAMP, MAN, NP, OPT, F_ONCE | F_INDEX, 0 },
	{ "con", "content", V_SCALAR, MAN, NP, OPT, F_ONCE, 0 },
	{ "snr", "sequenceNr", V_UINT, OPT, NP, OPT, F_ONCE, 0 },
	{ "cs", "contentSize", V_UINT, NP, NP, OPT, F_SERVER, 0 },
};

static const uint32_t parents[] = { 29 };

const struct resource_type resource_type_tsi = {
	.number = 30,
	.name = "timeSeriesInstance",
	.short_name = "tsi",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_UPDATE,
	.announced = true,
	.policy_of_parent = true,
};
