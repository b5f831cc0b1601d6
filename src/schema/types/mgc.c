/* mgmtCmd [TS-0001 9.6.16; TS-0004 7.4.16]: a command to nodes. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "dc", "description", V_STRING, OPT, OPT, NP, 0, 256 },
	{ "cmt", "cmdType", V_ENUM, MAN, NP, NP, F_ONCE, 7 },
	{ "exra", "execReqArgs", V_STRUCT, OPT, OPT, NP, F_SECRET, C_execReqArgs },
	{ "exe", "execEnable", V_BOOL, OPT, OPT, NP, F_ACTION, 0 },
	{ "ext", "execTarget", V_STRING, MAN, OPT, NP, 0, 0 },
	{ "exm", "execMode", V_ENUM, OPT, OPT, NP, 0, 4 },
	{ "exf", "execFrequency", V_DURATION, OPT, OPT, NP, 0, 0 },
	{ "exy", "execDelay", V_DURATION, OPT, OPT, NP, 0, 0 },
	{ "exn", "execNumber", V_UINT, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_mgc = {
	.number = 12,
	.name = "mgmtCmd",
	.short_name = "mgc",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
