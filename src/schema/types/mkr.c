/* symmKeyReg [TS-0003 8.3.5.2.7, 8.8.2.7; TS-0032]: a key registered with MAF or MEF. The
 * key itself is the keeper's; keyValue stands in a request that brings one, and in the
 * answer to a target that retrieves it. The identifier is the RelativeKeyID. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	{ "cr", "creator", V_ID, NP, NP, NP, F_SERVER | F_INDEX, 0 },
	{ "adfq", "adminFQDN", V_STRING, MAN, NP, NP, F_ONCE, 0 },
	{ "suid", "SUID", V_ENUM, MAN, NP, NP, F_ONCE, 45 },
	{ "tgis", "targetIDs", V_LIST_STRING, OPT, OPT, NP, F_FILLED, 16 },
	{ "kv", "keyValue", V_BASE64, OPT, NP, NP, F_ONCE | F_SECRET, 0 },
};

static const uint32_t parents[] = { 241, 242 };

const struct resource_type resource_type_mkr = {
	.number = 245,
	.name = "symmKeyReg",
	.short_name = "mkr",
	.prefix = "sec",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.direct = true,
	.exports = true,
};
