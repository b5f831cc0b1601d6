/* remoteCSE [TS-0001 9.6.4; TS-0004 7.4.4]: another CSE, registered. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "cst", "cseType", V_ENUM, OPT, NP, OPT, F_ONCE, 3 },
	{ "poa", "pointOfAccess", V_LIST_TEXT_OF, OPT, OPT, OPT, 0, S_pointOfAccess },
	{ "cb", "CSEBase", V_URI, MAN, NP, OPT, F_ONCE | F_INDEX, 0 },
	{ "csi", "CSE-ID", V_STRING, OPT, NP, OPT, F_ONCE | F_INDEX, 0 },
	{ "mei", "M2M-Ext-ID", V_STRING, OPT, OPT, OPT, F_INDEX | F_PERSON, 0 },
	{ "tri", "Trigger-Recipient-ID", V_UINT, OPT, OPT, OPT, 0, UINT16_MAX },
	{ "rr", "requestReachability", V_BOOL, MAN, OPT, OPT, 0, 0 },
	{ "nl", "nodeLink", V_URI, OPT, OPT, OPT, F_LINK, 0 },
	{ "trn", "triggerReferenceNumber", V_UINT, OPT, OPT, OPT, 0, UINT32_MAX },
	{ "csz", "contentSerialization", V_SERIALIZATIONS, OPT, OPT, OPT, F_LATER, 0 },
	{ "esi", "e2eSecInfo", V_STRUCT, OPT, OPT, OPT, 0, C_e2eSecInfo },
	{ "dcse", "descendantCSEs", V_LIST_STRING, OPT, OPT, OPT, F_INDEX, 0 },
	{ "srv", "supportedReleaseVersions", V_LIST_TEXT_OF, MAN, OPT, OPT,
	  F_LATER | F_FILLED, S_releaseVersion },
	{ "mtcc", "multicastCapability", V_ENUM, OPT, OPT, OPT, 0, 2 },
	{ "egid", "externalGroupID", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "tren", "triggerEnable", V_BOOL, OPT, OPT, OPT, 0, 0 },
	{ "ape", "activityPatternElements", V_STRUCT, OPT, OPT, OPT, 0, C_activityPatternElements },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_csr = {
	.number = 16,
	.name = "remoteCSE",
	.short_name = "csr",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
