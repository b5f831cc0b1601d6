/* transaction [TS-0001 9.6.54; TS-0004 7.4.61]: one request to the parent, done step by
 * step. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CREATOR,
	ROW_CONSULTATION(OPT, OPT),
	{ "tid", "transactionID", V_STRING, MAN, NP, NP, F_ONCE, 0 },
	{ "tctl", "transactionControl", V_ENUM, NP, OPT, NP, 0, 5 },
	{ "trst", "transactionState", V_ENUM, NP, NP, NP, F_SERVER | F_INDEX, 6 },
	{ "tltm", "transactionLockTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "text", "transactionExecuteTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tct", "transactionCommitTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tltp", "transactionLockType", V_ENUM, OPT, NP, NP, F_ONCE, 2 },
	{ "rqp", "requestPrimitive", V_STRUCT, MAN, NP, NP, F_ONCE, C_requestPrimitive },
	{ "rsp", "responsePrimitive", V_STRUCT, NP, NP, NP, F_SERVER, C_responsePrimitive },
};

static const uint32_t parents[] = {
	1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
	28, 29, 30, 31, 32, 34, 35, 36, 37, 47, 48,
};

const struct resource_type resource_type_trac = {
	.number = 51,
	.name = "transaction",
	.short_name = "trac",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
