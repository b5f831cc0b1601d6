/* timeSyncBeacon (TS-0001 of Release 4): who is told the time of this CSE. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "bcnu", "beaconNotificationURI", V_LIST_URI, MAN, OPT, NP, 0, 0 },
	{ "bcnc", "beaconCriteria", V_ENUM, OPT, NP, NP, F_ONCE, 2 },
	{ "bcni", "beaconInterval", V_DURATION, OPT, OPT, NP, 0, 0 },
	{ "bcnt", "beaconThreshold", V_DURATION, OPT, OPT, NP, 0, 0 },
	{ "bcnr", "beaconRequester", V_ID, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 2, 5, 16 };

const struct resource_type resource_type_tsb = {
	.number = 60,
	.name = "timeSyncBeacon",
	.short_name = "tsb",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_built = "nobody vouches for the clock of this node's machine: no time is told",
};
