/* subscription [TS-0001 9.6.8; TS-0004 7.4.8]: who is told of what happens to the parent. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "enc", "eventNotificationCriteria", V_STRUCT, OPT, OPT, NP, 0, C_eventNotificationCriteria },
	{ "exc", "expirationCounter", V_POSITIVE, OPT, OPT, NP, 0, 0 },
	{ "nu", "notificationURI", V_LIST_URI, MAN, OPT, NP, F_INDEX | F_FILLED, 0 },
	{ "gpi", "groupID", V_URI, OPT, OPT, NP, 0, 0 },
	{ "nfu", "notificationForwardingURI", V_URI, OPT, OPT, NP, 0, 0 },
	{ "bn", "batchNotify", V_STRUCT, OPT, OPT, NP, 0, C_batchNotify },
	{ "rl", "rateLimit", V_STRUCT, OPT, OPT, NP, 0, C_rateLimit },
	{ "psn", "preSubscriptionNotify", V_POSITIVE, OPT, NP, NP, F_ONCE, 0 },
	{ "pn", "pendingNotification", V_ENUM, OPT, OPT, NP, 0, 2 },
	{ "nsp", "notificationStoragePriority", V_POSITIVE, OPT, OPT, NP, 0, 0 },
	{ "ln", "latestNotify", V_BOOL, OPT, OPT, NP, 0, 0 },
	{ "nct", "notificationContentType", V_ENUM, OPT, OPT, NP, F_ONE, 5 },
	{ "nec", "notificationEventCat", V_NUMBER_OF, OPT, OPT, NP, 0, S_eventCat },
	{ "su", "subscriberURI", V_URI, OPT, NP, NP, F_ONCE, 0 },
	{ "acrs", "associatedCrossResourceSub", V_LIST_URI, OPT, OPT, NP, 0, 0 },
	{ "nse", "notificationStatsEnable", V_BOOL, OPT, OPT, NP, 0, 0 },
	{ "nsi", "notificationStatsInfo", V_STRUCTS, NP, NP, NP, F_SERVER, C_notificationStatsInfo },
};

static const uint32_t parents[] = {
	1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 27,
	28, 29, 31, 32, 34, 35, 36, 37, 43, 44, 47, 50, 51, 65, 66,
};

const struct resource_type resource_type_sub = {
	.number = 23,
	.name = "subscription",
	.short_name = "sub",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
