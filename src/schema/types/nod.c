/* node [TS-0001 9.6.18; TS-0004 7.4.18]: a device, and what is managed of it. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "ni", "nodeID", V_STRING, MAN, OPT, OPT, F_INDEX, 0 },
	{ "hcl", "hostedCSELink", V_URI, OPT, OPT, OPT, F_LINK, 0 },
	{ "hael", "hostedAELinks", V_LIST_URI, OPT, OPT, OPT, F_PERSON | F_LINK, 0 },
	{ "hsl", "hostedServiceLinks", V_LIST_URI, OPT, OPT, OPT, F_LINK, 0 },
	{ "mgca", "mgmtClientAddress", V_STRING, OPT, OPT, OPT, F_PERSON, 0 },
	{ "rms", "roamingStatus", V_BOOL, NP, NP, OPT, F_SERVER, 0 },
	{ "nid", "networkID", V_STRING, NP, NP, OPT, F_SERVER, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_nod = {
	.number = 14,
	.name = "node",
	.short_name = "nod",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
