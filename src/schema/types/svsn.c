/* serviceSubscribedNode [TS-0001 9.6.20; TS-0004 7.4.20]: a node with a service subscription. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "ni", "nodeID", V_STRING, MAN, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "csi", "CSE-ID", V_ID, OPT, NP, NP, F_ONCE | F_INDEX, 0 },
	{ "di", "deviceIdentifier", V_LIST_STRING, OPT, NP, NP, F_ONCE, 0 },
	{ "rlk", "ruleLinks", V_LIST_URI, OPT, OPT, NP, 0, 0 },
	{ "nrq", "niddRequired", V_BOOL, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 11 };

const struct resource_type resource_type_svsn = {
	.number = 20,
	.name = "serviceSubscribedNode",
	.short_name = "svsn",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
