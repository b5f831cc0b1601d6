/* execInstance [TS-0001 9.6.17; TS-0004 7.4.17]: one execution of a management command,
 * made by the CSE when the command is enabled. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	ROW_POLICIES(NP, OPT),
	{ "et", "expirationTime", V_TIMESTAMP, NP, OPT, MAN, F_COLUMN, 0 },
	ROW_LABELS(NP, OPT),
	ROW_CONSULTATION(NP, OPT),
	{ "exs", "execStatus", V_ENUM, NP, NP, NP, F_SERVER, 6 },
	{ "exr", "execResult", V_ENUM0, NP, NP, NP, F_SERVER, 31 },
	{ "exd", "execDisable", V_BOOL, NP, OPT, NP, F_ACTION, 0 },
	{ "ext", "execTarget", V_STRING, NP, NP, NP, F_SERVER, 0 },
	{ "exm", "execMode", V_ENUM, NP, NP, NP, F_SERVER, 4 },
	{ "exf", "execFrequency", V_DURATION, NP, NP, NP, F_SERVER, 0 },
	{ "exy", "execDelay", V_DURATION, NP, NP, NP, F_SERVER, 0 },
	{ "exn", "execNumber", V_UINT, NP, NP, NP, F_SERVER, 0 },
	{ "exra", "execReqArgs", V_STRUCT, NP, NP, NP, F_SERVER | F_SECRET, C_execReqArgs },
};

static const uint32_t parents[] = { 12 };

const struct resource_type resource_type_exin = {
	.number = 8,
	.name = "execInstance",
	.short_name = "exin",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE,
};
