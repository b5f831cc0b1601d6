/* action (TS-0001 of Release 4): a request that the CSE makes when a condition on a
 * resource holds. What it does is announced to nobody. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "apy", "actionPriority", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "sri", "subjectResourceID", V_URI, OPT, NP, NP, F_ONCE, 0 },
	{ "evc", "evalCriteria", V_STRUCT, MAN, OPT, OPT, 0, C_evalCriteria },
	{ "evm", "evalMode", V_ENUM0, MAN, OPT, OPT, F_INDEX, 3 },
	{ "ecp", "evalControlParam", V_POSITIVE, OPT, OPT, OPT, 0, 0 },
	{ "dep", "dependencies", V_LIST_URI, OPT, OPT, OPT, F_LINK, 0 },
	{ "orc", "objectResourceID", V_URI, MAN, NP, OPT, F_ONCE | F_LINK, 0 },
	{ "apv", "actionPrimitive", V_STRUCT, MAN, OPT, NP, 0, C_requestPrimitive },
	{ "ipu", "input", V_LIST_STRING, OPT, OPT, NP, 0, 0 },
	{ "air", "actionResult", V_STRUCT, NP, NP, NP, F_SERVER, C_responsePrimitive },
};

static const uint32_t parents[] = { 2, 3, 5, 14, 16, 28, 29 };

const struct resource_type resource_type_actr = {
	.number = 65,
	.name = "action",
	.short_name = "actr",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
