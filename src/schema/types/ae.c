/* AE [TS-0001 9.6.5, 10.2.2.2; TS-0004 7.4.5]: an application, registered.
 * Creating one binds an AE-ID-Stem, so the stem is judged by the security
 * association: it says who is at the other end, the request does not. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "apn", "appName", V_STRING, OPT, OPT, OPT, F_INDEX, 0 },
	{ "api", "App-ID", V_STRING, MAN, NP, MAN, F_INDEX | F_ONCE, 0 },
	{ "aei", "AE-ID", V_ID, NP, NP, MAN, F_SERVER | F_INDEX, 0 },
	{ "poa", "pointOfAccess", V_LIST_TEXT_OF, OPT, OPT, OPT, 0, S_pointOfAccess },
	ROW_ONTOLOGY(OPT),
	{ "nl", "nodeLink", V_URI, OPT, OPT, OPT, F_LINK, 0 },
	{ "rr", "requestReachability", V_BOOL, MAN, OPT, OPT, 0, 0 },
	{ "csz", "contentSerialization", V_SERIALIZATIONS, OPT, OPT, OPT, F_LATER, 0 },
	{ "esi", "e2eSecInfo", V_STRUCT, OPT, OPT, OPT, 0, C_e2eSecInfo },
	{ "mei", "M2M-Ext-ID", V_STRING, OPT, OPT, NP, F_PERSON, 0 },
	{ "srv", "supportedReleaseVersions", V_LIST_TEXT_OF, MAN, OPT, OPT,
	  F_LATER | F_FILLED, S_releaseVersion },
	{ "regs", "registrationStatus", V_ENUM, OPT, OPT, NP, F_NOT_BUILT, 2 },
	{ "trps", "trackRegistrationPoints", V_BOOL, OPT, OPT, NP, F_NOT_BUILT, 0 },
	{ "scp", "sessionCapabilities", V_LIST_TEXT_OF, OPT, OPT, NP, 0, S_sessionCapability },
	{ "tren", "triggerEnable", V_BOOL, OPT, OPT, NP, 0, 0 },
	{ "ape", "activityPatternElements", V_STRUCT, OPT, OPT, OPT, 0,
	  C_activityPatternElements },
	{ "tri", "Trigger-Recipient-ID", V_UINT, OPT, OPT, NP, 0, UINT16_MAX },
	{ "trn", "triggerReferenceNumber", V_UINT, OPT, OPT, NP, 0, UINT32_MAX },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_ae = {
	.number = 2,
	.name = "AE",
	.short_name = "ae",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
