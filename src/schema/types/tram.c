/* transactionMgmt [TS-0001 9.6.53; TS-0004 7.4.60]: several requests that succeed or fail
 * together. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CREATOR,
	ROW_CONSULTATION(OPT, OPT),
	{ "tltm", "transactionLockTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "text", "transactionExecuteTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tct", "transactionCommitTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tept", "transactionExpirationTime", V_TIMESTAMP, OPT, NP, NP, F_ONCE, 0 },
	{ "tmd", "transactionMode", V_ENUM, OPT, NP, NP, F_ONCE, 2 },
	{ "tltp", "transactionLockType", V_ENUM, OPT, NP, NP, F_ONCE, 2 },
	{ "tctl", "transactionControl", V_ENUM, NP, OPT, NP, 0, 5 },
	{ "trst", "transactionState", V_ENUM, NP, NP, NP, F_SERVER, 6 },
	{ "tmr", "transactionMaxRetries", V_UINT, OPT, OPT, NP, 0, 0 },
	{ "tmh", "transactionMgmtHandling", V_ENUM, OPT, OPT, NP, 0, 2 },
	{ "rqps", "requestPrimitives", V_STRUCT, MAN, NP, NP, F_ONCE, C_aggregatedRequest },
	{ "rsps", "responsePrimitives", V_STRUCT, NP, NP, NP, F_SERVER, C_aggregatedResponse },
};

static const uint32_t parents[] = { 2, 5, 16 };

const struct resource_type resource_type_tram = {
	.number = 50,
	.name = "transactionMgmt",
	.short_name = "tram",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
