/* mgmtObj [TS-0001 9.6.15; TS-0004 7.4.15]: something of a node that is managed; the
 * management definition (mgd) says what. The definitions are in mgmt.c. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "mgd", "mgmtDefinition", V_UINT, MAN, NP, MAN, F_ONCE | F_INDEX, UINT32_MAX },
	{ "obis", "objectIDs", V_LIST_URI, OPT, NP, OPT, F_ONCE, 0 },
	{ "obps", "objectPaths", V_LIST_URI, OPT, NP, OPT, F_ONCE, 0 },
	{ "dc", "description", V_STRING, OPT, OPT, OPT, 0, 0 },
};

static const uint32_t parents[] = { 14 };

const struct resource_type resource_type_mgo = {
	.number = 13,
	.name = "mgmtObj",
	.short_name = "mgo",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
	.selector = "mgd",
};
