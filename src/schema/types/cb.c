/* CSEBase [TS-0001 9.6.3; TS-0004 7.4.3]: this CSE. Made by resources_open, and
 * changed by no request. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	ROW_LABELS(NP, NP),
	ROW_POLICIES(NP, NP),
	{ "cst", "cseType", V_ENUM, NP, NP, OPT, F_SERVER, 3 },
	{ "csi", "CSE-ID", V_ID, NP, NP, OPT, F_SERVER, 0 },
	{ "srt", "supportedResourceType", V_LIST_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "poa", "pointOfAccess", V_LIST_STRING, NP, NP, OPT, F_SERVER, 0 },
	{ "nl", "nodeLink", V_URI, NP, NP, OPT, F_SERVER | F_LINK, 0 },
	ROW_CONSULTATION(NP, NP),
	{ "csz", "contentSerialization", V_SERIALIZATIONS, NP, NP, OPT, F_SERVER | F_LATER, 0 },
	{ "esi", "e2eSecInfo", V_MAP, NP, NP, OPT, F_SERVER | F_NOT_BUILT, 0 },
	{ "srv", "supportedReleaseVersions", V_LIST_STRING, NP, NP, OPT, F_SERVER | F_LATER, 0 },
};

const struct resource_type resource_type_cb = {
	.number = 5,
	.name = "CSEBase",
	.short_name = "cb",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.announced = true,
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE,
};
