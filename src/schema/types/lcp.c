/* locationPolicy [TS-0001 9.6.10; TS-0004 7.4.10]: where the places of a node come from,
 * and the container that holds them. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "los", "locationSource", V_ENUM, MAN, NP, OPT, F_ONCE, 3 },
	{ "lit", "locationInformationType", V_ENUM, OPT, OPT, OPT, 0, 2 },
	{ "lou", "locationUpdatePeriod", V_LIST_DURATION, OPT, OPT, OPT, 0, 0 },
	{ "lot", "locationTargetID", V_STRING, OPT, NP, OPT, F_ONCE | F_PERSON | F_INDEX, 0 },
	{ "lor", "locationServer", V_URI, OPT, NP, OPT, F_ONCE, 0 },
	{ "loi", "locationContainerID", V_URI, NP, NP, OPT, F_SERVER | F_LINK, 0 },
	{ "lon", "locationContainerName", V_STRING, OPT, NP, OPT, F_ONCE, 0 },
	{ "lost", "locationStatus", V_STRING, NP, NP, OPT, F_SERVER, 0 },
	{ "gta", "geographicalTargetArea", V_ANY, OPT, OPT, OPT, F_NOT_BUILT, 0 },
	{ "gec", "geofenceEventCriteria", V_ENUM, OPT, OPT, OPT, F_NOT_BUILT, 4 },
	{ "aid", "authID", V_STRING, OPT, NP, OPT, F_ONCE | F_PERSON, 0 },
	{ "rlkl", "retrieveLastKnownLocation", V_BOOL, OPT, OPT, OPT, F_NOT_BUILT, 0 },
	{ "luec", "locationUpdateEventCriteria", V_ENUM0, OPT, OPT, OPT, F_NOT_BUILT, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_lcp = {
	.number = 10,
	.name = "locationPolicy",
	.short_name = "lcp",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
