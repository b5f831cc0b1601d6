/* dependency (TS-0001 of Release 4): a further condition of an action. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "evc", "evalCriteria", V_STRUCT, MAN, OPT, OPT, 0, C_evalCriteria },
	{ "sfc", "sufficient", V_BOOL, MAN, OPT, OPT, 0, 0 },
	{ "rri", "referencedResourceID", V_URI, MAN, OPT, OPT, F_LINK, 0 },
};

static const uint32_t parents[] = { 65 };

const struct resource_type resource_type_depr = {
	.number = 66,
	.name = "dependency",
	.short_name = "depr",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
