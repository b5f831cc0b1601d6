/* crossResourceSubscription [TS-0001 9.6.49; TS-0004 7.4.58]: who is told when several
 * resources change within a window. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "rrat", "regularResourcesAsTarget", V_LIST_URI, OPT, NP, NP, F_ONCE, 0 },
	{ "srat", "subscriptionResourcesAsTarget", V_LIST_URI, OPT, NP, NP, F_ONCE, 0 },
	{ "rrats", "regularResourcesAsTargetSubscriptions", V_LIST_URI, NP, NP, NP, F_SERVER, 0 },
	{ "twt", "timeWindowType", V_ENUM, MAN, OPT, NP, 0, 2 },
	{ "tws", "timeWindowSize", V_DURATION, MAN, OPT, NP, 0, 0 },
	{ "encs", "eventNotificationCriteriaSet", V_STRUCT, OPT, NP, NP, F_ONCE,
	  C_eventNotificationCriteriaSet },
	{ "nec", "notificationEventCat", V_NUMBER_OF, OPT, NP, NP, F_ONCE, S_eventCat },
	{ "exc", "expirationCounter", V_POSITIVE, OPT, OPT, NP, 0, 0 },
	{ "nu", "notificationURI", V_LIST_URI, MAN, OPT, NP, F_INDEX | F_FILLED, 0 },
	{ "su", "subscriberURI", V_URI, OPT, NP, NP, F_ONCE, 0 },
};

static const uint32_t parents[] = { 2, 5, 16 };

const struct resource_type resource_type_crs = {
	.number = 48,
	.name = "crossResourceSubscription",
	.short_name = "crs",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
