/* notificationTargetMgmtPolicyRef [TS-0001 9.6.31; TS-0004 7.4.30]: which policy judges the
 * removal of a notification target. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "ntu", "notificationTargetURI", V_LIST_URI, MAN, OPT, NP, 0, 0 },
	{ "npi", "notificationPolicyID", V_URI, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 23, 48 };

const struct resource_type resource_type_ntpr = {
	.number = 25,
	.name = "notificationTargetMgmtPolicyRef",
	.short_name = "ntpr",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
