/* request [TS-0001 9.6.12; TS-0004 7.4.12]: a request that is answered later, made by the CSE. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	{ "et", "expirationTime", V_TIMESTAMP, NP, NP, MAN, F_COLUMN | F_SERVER, 0 },
	ROW_POLICIES(NP, NP),
	ROW_LABELS(NP, NP),
	ROW_CONSULTATION(NP, NP),
	{ "op", "operation", V_ENUM, NP, NP, NP, F_SERVER, 5 },
	{ "tg", "target", V_URI, NP, NP, NP, F_SERVER, 0 },
	{ "org", "originator", V_ID, NP, NP, NP, F_SERVER, 0 },
	{ "rid", "requestID", V_STRING, NP, NP, NP, F_SERVER, 0 },
	{ "mi", "metaInformation", V_STRUCT, NP, NP, NP, F_SERVER, C_metaInformation },
	{ "pc", "primitiveContent", V_CONTENT, NP, NP, NP, F_SERVER, 0 },
	{ "rs", "requestStatus", V_ENUM, NP, NP, NP, F_SERVER, 5 },
	{ "ors", "operationResult", V_STRUCT, NP, NP, NP, F_SERVER, C_responsePrimitive },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_req = {
	.number = 17,
	.name = "request",
	.short_name = "req",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE,
};
