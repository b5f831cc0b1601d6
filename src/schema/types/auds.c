/* authorizationDecision [TS-0001 9.6.41; TS-0004 7.4.43]: a decision asked of a decision point. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "dec", "decision", V_ENUM, NP, NP, NP, F_SERVER, 2 },
	{ "sus", "status", V_ENUM, NP, NP, NP, F_SERVER, 5 },
	{ "to", "to", V_URI, OPT, OPT, NP, 0, 0 },
	{ "fr", "from", V_ID, OPT, OPT, NP, 0, 0 },
	{ "op", "operation", V_ENUM, OPT, OPT, NP, 0, 5 },
	{ "rrt", "requestedResourceType", V_NUMBER_OF, OPT, OPT, NP, 0, S_resourceType },
	{ "fu", "filterUsage", V_MAP, OPT, OPT, NP, 0, 0 },
	{ "rids", "roleIDs", V_LIST_NAMED, OPT, OPT, NP, 0, 0 },
	{ "tids", "tokenIDs", V_LIST_NAMED, OPT, OPT, NP, 0, 0 },
	{ "tkns", "tokens", V_LIST_TEXT_OF, OPT, OPT, NP, F_SECRET, S_dynAuthJWT },
	{ "rtm", "requestTime", V_TIMESTAMP, OPT, OPT, NP, 0, 0 },
	{ "olo", "originatorLocation", V_STRUCT, OPT, OPT, NP, F_PERSON, C_locationRegion },
	{ "oip", "originatorIP", V_STRUCT, OPT, OPT, NP, F_PERSON, C_ipAddress },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_auds = {
	.number = 35,
	.name = "authorizationDecision",
	.short_name = "auds",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
