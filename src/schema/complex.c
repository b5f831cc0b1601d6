/* complex.c: complex values, as rows [TS-0004 6.3.5]. A member is an attribute of
 * which only the names, the kind, the bound and whether it is mandatory count. */
#include "schema/schema.h"

#define M(short_name, long_name, kind, option, bound)                                   \
	{ short_name, long_name, kind, option, option, NP, 0, bound }
#define MF(short_name, long_name, kind, option, flags, bound)                           \
	{ short_name, long_name, kind, option, option, NP, flags, bound }
#define MANY(id, max) (C_##id | (uint32_t)(max) << 16)

/* --- access control [TS-0004 6.3.5.26-28] ------------------------------------------
 * A condition that is not understood must not be dropped: a rule without its
 * condition grants more. So lists must be filled. */

static const struct attribute members_setOfAcrs[] = {
	MF("acr", "accessControlRule", V_STRUCTS, OPT, 0, MANY(accessControlRule, 64)),
};
static const struct attribute members_accessControlRule[] = {
	MF("acor", "accessControlOriginators", V_ORIGINATORS, MAN, F_FILLED, 0),
	M("acop", "accessControlOperations", V_POSITIVE, MAN, 63),
	M("acco", "accessControlContexts", V_STRUCTS, OPT, MANY(accessControlContexts, 16)),
	M("acaf", "accessControlAuthenticationFlag", V_BOOL, OPT, 0),
	MF("acod", "accessControlObjectDetails", V_STRUCTS, OPT, F_FILLED,
	   MANY(accessControlObjectDetails, 16)),
};
static const struct attribute members_accessControlContexts[] = {
	MF("actw", "accessControlWindow", V_SCHEDULES, OPT, F_FILLED | F_REPEAT, 16),
	M("acip", "accessControlIpAddresses", V_STRUCT, OPT, C_accessControlIpAddresses),
	M("aclr", "accessControlLocationRegion", V_STRUCT, OPT, C_locationRegion),
};
static const struct attribute members_accessControlIpAddresses[] = {
	MF("ipv4", "ipv4Addresses", V_LIST_IPV4, OPT, F_FILLED, 0),
	MF("ipv6", "ipv6Addresses", V_LIST_IPV6, OPT, F_FILLED, 0),
};
static const struct attribute members_locationRegion[] = {
	MF("accr", "circRegion", V_CIRCLE, OPT, F_FILLED, 3),
	MF("accc", "countryCode", V_COUNTRIES, OPT, F_FILLED, 0),
};
static const struct attribute members_accessControlObjectDetails[] = {
	M("ty", "resourceType", V_UINT, OPT, UINT32_MAX),
	M("spty", "specializationType", V_SPECIALIZATION, OPT, 0),
	MF("chty", "childResourceType", V_LIST_UINT, MAN, F_FILLED, 0),
};
static const struct attribute members_specializationType[] = {
	M("cnd", "containerDefinition", V_URI, OPT, 0),
	M("mgd", "mgmtDefinition", V_UINT, OPT, UINT32_MAX),
};

/* --- subscriptions ------------------------------------------------------------------- */

static const struct attribute members_eventNotificationCriteria[] = {
	M("crb", "createdBefore", V_TIMESTAMP, OPT, 0),
	M("cra", "createdAfter", V_TIMESTAMP, OPT, 0),
	M("ms", "modifiedSince", V_TIMESTAMP, OPT, 0),
	M("us", "unmodifiedSince", V_TIMESTAMP, OPT, 0),
	M("sts", "stateTagSmaller", V_POSITIVE, OPT, 0),
	M("stb", "stateTagBigger", V_UINT, OPT, 0),
	M("exb", "expireBefore", V_TIMESTAMP, OPT, 0),
	M("exa", "expireAfter", V_TIMESTAMP, OPT, 0),
	M("lbl", "labels", V_LIST_STRING, OPT, 0),
	M("sza", "sizeAbove", V_UINT, OPT, 0),
	M("szb", "sizeBelow", V_POSITIVE, OPT, 0),
	M("om", "operationMonitor", V_STRUCTS, OPT, C_operationMonitor),
	M("atr", "attribute", V_LIST_STRING, OPT, 0),
	M("net", "notificationEventType", V_LIST_ENUM, OPT, 10),
	M("md", "missingData", V_STRUCT, OPT, C_missingData),
	M("chty", "childResourceType", V_LIST_UINT, OPT, 0),
	M("fo", "filterOperation", V_ENUM, OPT, 3),
};
static const struct attribute members_operationMonitor[] = {
	M("op", "operation", V_ENUM, OPT, 5),
	M("ops", "operations", V_POSITIVE, OPT, 63),
	M("or", "originator", V_STRING, OPT, 0),
};
static const struct attribute members_missingData[] = {
	M("num", "number", V_POSITIVE, MAN, 0),
	M("dur", "duration", V_DURATION, MAN, 0),
};
static const struct attribute members_eventNotificationCriteriaSet[] = {
	MF("encn", "eventNotificationCriteriaEntry", V_STRUCTS, MAN, F_FILLED,
	   C_eventNotificationCriteria),
};
static const struct attribute members_batchNotify[] = {
	M("num", "number", V_POSITIVE, OPT, 0),
	M("dur", "duration", V_DURATION, OPT, 0),
};
static const struct attribute members_rateLimit[] = {
	M("mnn", "maxNrOfNotify", V_UINT, MAN, 0),
	M("tww", "timeWindow", V_DURATION, MAN, 0),
};
static const struct attribute members_notificationStatsInfo[] = {
	M("tg", "target", V_URI, MAN, 0),
	M("rqs", "requests", V_UINT, MAN, 0), M("rsr", "responses", V_UINT, MAN, 0),
};
static const struct attribute members_deletionContexts[] = {
	MF("tod", "timeOfDay", V_SCHEDULES, OPT, F_FILLED | F_REPEAT, 16),
	MF("lr", "locationRegions", V_STRUCTS, OPT, F_FILLED, MANY(locationRegion, 16)),
};

/* --- management ------------------------------------------------------------------------ */

static const struct attribute members_scheduleEntries[] = {
	MF("sce", "scheduleEntry", V_SCHEDULES, MAN, F_FILLED | F_REPEAT, 64),
};
static const struct attribute members_actionStatus[] = {
	M("acn", "action", V_STRING, OPT, 0),
	M("sus", "status", V_ENUM0, OPT, 3),
};
static const struct attribute members_mgmtLinkRef[] = {
	MF("nm", "name", V_NAME, MAN, F_MARK, 0),
	MF("typ", "type", V_UINT, MAN, F_MARK, UINT32_MAX),
	MF("val", "value", V_URI, MAN, F_TEXT, 0),
};
static const struct attribute members_backOffParameters[] = {
	MF("bops", "backOffParametersSet", V_STRUCTS, MAN, F_FILLED, C_backOffParametersEntry),
};
static const struct attribute members_backOffParametersEntry[] = {
	M("nwa", "networkAction", V_ENUM, OPT, 5),
	M("ibt", "initialBackoffTime", V_UINT, MAN, 0),
	M("abt", "additionalBackoffTime", V_UINT, MAN, 0),
	M("mbt", "maximumBackoffTime", V_UINT, MAN, 0),
	M("rbt", "optionalRandomBackoffTime", V_UINT, OPT, 0),
};
static const struct attribute members_listOfDataLinks[] = {
	MF("dle", "dataLinkEntry", V_STRUCTS, MAN, F_FILLED, C_dataLinkEntry),
};
static const struct attribute members_dataLinkEntry[] = {
	M("nm", "name", V_STRING, MAN, 0),
	M("dcid", "dataContainerID", V_URI, MAN, 0),
	M("atn", "attributeName", V_STRING, OPT, 0),
};

#define ROW_ANY_ARGS M("any", "anyArg", V_STRUCTS, OPT, C_anyArg)
#define ROWS_CREDENTIAL                                                                 \
	M("unm", "username", V_STRING, OPT, 0), M("pwd", "password", V_STRING, OPT, 0)

/* --- commands of a MEF [TS-0003 8.3.9, 12.4.4; TS-0032] ------------------------------ */

static const struct attribute members_cmdDescription[] = {
	M("ccid", "cmdClassID", V_ENUM0, MAN, 3), M("cma", "cmdArgs", V_STRUCT, OPT, C_cmdArgs),
	M("tgi", "targetID", V_URI, OPT, 0),
};
static const struct attribute members_cmdArgs[] = {
	M("nmca", "noMoreCmdArgs", V_STRUCT, OPT, C_noMoreCmdArgs),
	M("cpca", "certProvCmdArgs", V_STRUCT, OPT, C_certProvCmdArgs),
	M("dcca", "devCfgCmdArgs", V_STRUCT, OPT, C_devCfgCmdArgs),
	M("nnca", "MONodeCmdArgs", V_STRUCT, OPT, C_MONodeCmdArgs),
};
static const struct attribute members_noMoreCmdArgs[] = {
	M("rdu", "retryDuration", V_DURATION, OPT, 0),
};
static const struct attribute members_certProvCmdArgs[] = {
	M("cppi", "certProvProtocolID", V_ENUM, MAN, 2), M("uri", "URI", V_URI, MAN, 0),
	M("csty", "certSubjectType", V_ENUM, OPT, 3), M("csid", "certSubjectID", V_URI, OPT, 0),
};
static const struct attribute members_devCfgCmdArgs[] = {
	M("dcu", "deviceConfigURI", V_URI, MAN, 0),
};
static const struct attribute members_MONodeCmdArgs[] = {
	M("opth", "objectPath", V_STRING, MAN, 0), M("otyp", "objectTypeID", V_STRING, MAN, 0),
	M("otsa", "objectTypeSpecificArgs", V_STRING, OPT, 0),
};
static const struct attribute members_clientRegCfg[] = {
	M("et", "expirationTime", V_TIMESTAMP, OPT, 0), M("lbl", "labels", V_LIST_STRING, OPT, 0),
	M("fq", "fqdn", V_STRING, MAN, 0), M("adfq", "adminFQDN", V_STRING, MAN, 0),
	M("hpt", "httpPort", V_UINT, OPT, UINT16_MAX), M("copt", "coapPort", V_UINT, OPT, UINT16_MAX),
	M("wpt", "websocketPort", V_UINT, OPT, UINT16_MAX),
};
static const struct attribute members_keyRegCfg[] = {
	M("et", "expirationTime", V_TIMESTAMP, OPT, 0), M("lbl", "labels", V_LIST_STRING, OPT, 0),
	M("adfq", "adminFQDN", V_STRING, MAN, 0), M("suid", "SUID", V_ENUM, MAN, 45),
	M("tgis", "targetIDs", V_LIST_STRING, OPT, 16),
};

static const struct attribute members_execReqArgs[] = {
	M("rst", "reset", V_STRUCTS, OPT, C_resetArgs),
	M("rbo", "reboot", V_STRUCTS, OPT, C_resetArgs),
	M("uld", "upload", V_STRUCTS, OPT, C_uploadArgs),
	M("dld", "download", V_STRUCTS, OPT, C_downloadArgs),
	M("swin", "softwareInstall", V_STRUCTS, OPT, C_softwareInstallArgs),
	M("swup", "softwareUpdate", V_STRUCTS, OPT, C_softwareUpdateArgs),
	M("swun", "softwareUninstall", V_STRUCTS, OPT, C_softwareUninstallArgs),
};
static const struct attribute members_resetArgs[] = { ROW_ANY_ARGS };
static const struct attribute members_uploadArgs[] = {
	M("ftyp", "fileType", V_STRING, MAN, 0), M("url", "URL", V_URI, MAN, 0), ROWS_CREDENTIAL,
	ROW_ANY_ARGS,
};
static const struct attribute members_downloadArgs[] = {
	M("ftyp", "fileType", V_STRING, MAN, 0), M("url", "URL", V_URI, MAN, 0), ROWS_CREDENTIAL,
	M("fsi", "filesize", V_UINT, OPT, 0), M("tgf", "targetFile", V_STRING, OPT, 0),
	M("dss", "delaySeconds", V_UINT, OPT, 0), M("surl", "successURL", V_URI, OPT, 0),
	M("stt", "startTime", V_STAMP, OPT, 0), M("cpt", "completeTime", V_STAMP, OPT, 0),
	ROW_ANY_ARGS,
};
static const struct attribute members_softwareInstallArgs[] = {
	M("url", "URL", V_URI, MAN, 0), M("uuid", "UUID", V_STRING, OPT, 0), ROWS_CREDENTIAL,
	M("eer", "executionEnvRef", V_STRING, OPT, 0), ROW_ANY_ARGS,
};
static const struct attribute members_softwareUpdateArgs[] = {
	M("uuid", "UUID", V_STRING, MAN, 0), M("vr", "version", V_STRING, OPT, 0),
	M("url", "URL", V_URI, MAN, 0), ROWS_CREDENTIAL,
	M("eer", "executionEnvRef", V_STRING, OPT, 0), ROW_ANY_ARGS,
};
static const struct attribute members_softwareUninstallArgs[] = {
	M("uuid", "UUID", V_STRING, MAN, 0), M("vr", "version", V_STRING, OPT, 0),
	M("eer", "executionEnvRef", V_STRING, OPT, 0), ROW_ANY_ARGS,
};
static const struct attribute members_anyArg[] = {
	M("nm", "name", V_TEXT_OF, MAN, S_NCName), M("val", "value", V_SCALAR, MAN, 0),
};

/* --- the rest --------------------------------------------------------------------------- */

static const struct attribute members_contentRef[] = {
	MF("urir", "URIReference", V_STRUCTS, MAN, F_FILLED, MANY(contentRefEntry, 64)),
};
static const struct attribute members_contentRefEntry[] = {
	M("nm", "name", V_TEXT_OF, MAN, S_NCName), M("uri", "URI", V_URI, MAN, 0),
};
static const struct attribute members_tokenPermissions[] = {
	M("pm", "permission", V_STRUCTS, OPT, C_tokenPermission),
};
static const struct attribute members_tokenPermission[] = {
	M("ris", "resourceIDs", V_LIST_URI, OPT, 0), M("pv", "privileges", V_ACRS, OPT, 0),
	M("rids", "roleIDs", V_LIST_NAMED, OPT, 0),
};
static const struct attribute members_ipAddress[] = {
	M("ip4", "ipv4Address", V_IPV4, OPT, 0), M("ip6", "ipv6Address", V_IPV6, OPT, 0),
};
static const struct attribute members_deliveryMetaData[] = {
	M("tcop", "tracingOption", V_BOOL, MAN, 0), M("tcin", "tracingInfo", V_LIST_ID, OPT, 0),
};
static const struct attribute members_aggregatedRequest[] = {
	M("rqp", "requestPrimitive", V_REQUESTS, OPT, C_requestPrimitive),
	M("m2m:rqp", "requestPrimitive", V_REQUESTS, OPT, C_requestPrimitive),
};
static const struct attribute members_activityPatternElements[] = {
	M("apt", "activityPattern", V_STRUCTS, OPT, C_activityPattern),
};
static const struct attribute members_activityPattern[] = {
	MF("se", "scheduleElement", V_STRUCTS, MAN, F_FILLED, C_scheduleEntries),
	M("sti", "stationaryIndication", V_ENUM, OPT, 2), M("dsi", "dataSizeIndicator", V_POSITIVE, OPT, 0),
};
static const struct attribute members_e2eSecInfo[] = {
	MF("esf", "supportede2ESecFeatures", V_LIST_NUMBER_OF, MAN, F_FILLED, S_suid),
	M("escert", "certificates", V_LIST_TEXT_OF, OPT, S_base64Binary),
	M("esro", "sharedReceiverESPrimRandObject", V_ANY, OPT, 0),
};
static const struct attribute members_evalCriteria[] = {
	M("optr", "operator", V_ENUM, MAN, 6), M("sbjt", "subject", V_STRING, MAN, 0),
	M("thld", "threshold", V_SCALAR, MAN, 0),
};

/* --- primitives and answers ---------------------------------------------------------------
 * V_CONTENT is one of the roots: a resource by its name, or a row of `root`. V_REQUESTS are
 * carried as V_STRUCTS, and judged one by one by who serves them. */

static const struct attribute members_childResourceRef[] = {
	MF("nm", "name", V_STRING, MAN, F_MARK, 0), MF("typ", "type", V_UINT, MAN, F_MARK, 0),
	MF("spid", "specializationID", V_STRING, OPT, F_MARK, 0),
	MF("val", "value", V_URI, MAN, F_TEXT, 0),
};
static const struct attribute members_listOfChildResourceRef[] = {
	M("rrf", "resourceRef", V_STRUCTS, MAN, C_childResourceRef),
};
static const struct attribute members_resourceWrapper[] = { MF("uri", "URI", V_URI, MAN, F_MARK, 0) };
#define ROWS_BOTH                                                                       \
	M("to", "to", V_URI, OPT, 0), M("fr", "from", V_STRING, OPT, 0),                \
	M("rqi", "requestIdentifier", V_STRING, MAN, 0),                                \
	M("pc", "primitiveContent", V_CONTENT, OPT, 0),                                 \
	M("ot", "originatingTimestamp", V_STRING, OPT, 0),                              \
	M("rset", "resultExpirationTimestamp", V_STAMP, OPT, 0),                        \
	M("ec", "eventCategory", V_UINT, OPT, 0),                                       \
	M("rvi", "releaseVersionIndicator", V_STRING, OPT, 0),                          \
	M("vsi", "vendorInformation", V_STRING, OPT, 0)
static const struct attribute members_requestPrimitive[] = {
	ROWS_BOTH,
	M("op", "operation", V_ENUM, MAN, 5), M("ty", "resourceType", V_UINT, OPT, 0),
	M("rids", "roleIDs", V_LIST_STRING, OPT, 0),
	M("rqet", "requestExpirationTimestamp", V_STAMP, OPT, 0),
	M("oet", "operationExecutionTime", V_STAMP, OPT, 0),
	M("rt", "responseType", V_STRUCT, OPT, C_responseTypeInfo),
	M("rp", "resultPersistence", V_STAMP, OPT, 0), M("rcn", "resultContent", V_UINT, OPT, 0),
	M("da", "deliveryAggregation", V_BOOL, OPT, 0),
	M("gid", "groupRequestIdentifier", V_STRING, OPT, 0),
	M("fc", "filterCriteria", V_STRUCT, OPT, C_filterCriteria),
	M("drt", "desiredIdentifierResultType", V_ENUM, OPT, 2),
	M("tkns", "tokens", V_LIST_STRING, OPT, 0), M("tids", "tokenIDs", V_LIST_STRING, OPT, 0),
	M("ltids", "localTokenIDs", V_LIST_STRING, OPT, 0),
	M("tqi", "tokenRequestIndicator", V_BOOL, OPT, 0),
	M("grtm", "groupRequestTargetMembers", V_LIST_URI, OPT, 0),
	M("asi", "authorSignIndicator", V_BOOL, OPT, 0), M("aus", "authorSigns", V_LIST_STRING, OPT, 0),
	M("auri", "authorRelIndicator", V_BOOL, OPT, 0),
	M("sqi", "semanticQueryIndicator", V_BOOL, OPT, 0),
};
/* Of the request primitive what a request resource keeps [6.3.5.4]. */
static const struct attribute members_metaInformation[] = {
	M("ty", "resourceType", V_UINT, OPT, 0), M("ot", "originatingTimestamp", V_STRING, OPT, 0),
	M("rqet", "requestExpirationTimestamp", V_STAMP, OPT, 0),
	M("rset", "resultExpirationTimestamp", V_STAMP, OPT, 0),
	M("oet", "operationExecutionTime", V_STAMP, OPT, 0),
	M("rt", "responseType", V_STRUCT, OPT, C_responseTypeInfo),
	M("rp", "resultPersistence", V_STAMP, OPT, 0), M("rcn", "resultContent", V_UINT, OPT, 0),
	M("ec", "eventCategory", V_UINT, OPT, 0), M("da", "deliveryAggregation", V_BOOL, OPT, 0),
	M("gid", "groupRequestIdentifier", V_STRING, OPT, 0),
	M("fc", "filterCriteria", V_STRUCT, OPT, C_filterCriteria),
	M("drt", "desiredIdentifierResultType", V_ENUM, OPT, 2),
};
static const struct attribute members_responsePrimitive[] = {
	ROWS_BOTH,
	M("rsc", "responseStatusCode", V_UINT, MAN, 0), M("cnst", "contentStatus", V_ENUM, OPT, 2),
	M("cnot", "contentOffset", V_UINT, OPT, 0),
	M("ati", "assignedTokenIdentifiers", V_ANY, OPT, 0),
	M("tqf", "tokenRequestInformation", V_ANY, OPT, 0),
	M("asri", "authorSignReqInfo", V_ANY, OPT, 0),
};
static const struct attribute members_responseTypeInfo[] = {
	M("rtv", "responseTypeValue", V_ENUM, OPT, 5), M("nu", "notificationURI", V_LIST_URI, OPT, 0),
};
static const struct attribute members_filterCriteria[] = {
	M("lbl", "labels", V_LIST_STRING, OPT, 0), M("ty", "resourceType", V_LIST_UINT, OPT, 0),
	M("sza", "sizeAbove", V_UINT, OPT, 0), M("szb", "sizeBelow", V_UINT, OPT, 0),
	M("sts", "stateTagSmaller", V_UINT, OPT, 0), M("stb", "stateTagBigger", V_UINT, OPT, 0),
	M("cty", "contentType", V_LIST_STRING, OPT, 0),
	MF("atr", "attribute", V_STRUCTS, OPT, 0, C_filterAttribute),
	M("fu", "filterUsage", V_UINT, OPT, 0), M("fo", "filterOperation", V_UINT, OPT, 0),
	M("lim", "limit", V_UINT, OPT, 0), M("lvl", "level", V_UINT, OPT, 0),
	M("ofst", "offset", V_UINT, OPT, 0), M("arp", "applyRelativePath", V_STRING, OPT, 0),
	M("chty", "childResourceType", V_LIST_UINT, OPT, 0), M("pty", "parentResourceType", V_LIST_UINT, OPT, 0),
	M("clbl", "childLabels", V_LIST_STRING, OPT, 0), M("palb", "parentLabels", V_LIST_STRING, OPT, 0),
	MF("catr", "childAttribute", V_STRUCTS, OPT, 0, C_filterAttribute),
	MF("patr", "parentAttribute", V_STRUCTS, OPT, 0, C_filterAttribute),
	M("cfs", "contentFilterSyntax", V_UINT, OPT, 0), M("cfq", "contentFilterQuery", V_STRING, OPT, 0),
	M("crb", "createdBefore", V_STRING, OPT, 0), M("cra", "createdAfter", V_STRING, OPT, 0),
	M("ms", "modifiedSince", V_STRING, OPT, 0), M("us", "unmodifiedSince", V_STRING, OPT, 0),
	M("exb", "expireBefore", V_STRING, OPT, 0), M("exa", "expireAfter", V_STRING, OPT, 0),
};
static const struct attribute members_filterAttribute[] = {
	M("nm", "name", V_STRING, MAN, 0), M("val", "value", V_ANY, MAN, 0),
};
static const struct attribute members_aggregatedResponse[] = {
	M("m2m:rsp", "responsePrimitive", V_STRUCTS, OPT, C_responsePrimitive),
	M("rsp", "responsePrimitive", V_STRUCTS, OPT, C_responsePrimitive),
};
static const struct attribute members_notification[] = {
	M("nev", "notificationEvent", V_STRUCT, OPT, C_notificationEvent),
	M("vrq", "verificationRequest", V_BOOL, OPT, 0), M("sud", "subscriptionDeletion", V_BOOL, OPT, 0),
	M("sur", "subscriptionReference", V_URI, OPT, 0), M("cr", "creator", V_ID, OPT, 0),
	M("nfu", "notificationForwardingURI", V_URI, OPT, 0),
	M("ntt", "notificationTarget", V_URI, OPT, 0), M("trr", "targetRemovalRequest", V_BOOL, OPT, 0),
	M("tra", "targetRemovalAllowance", V_BOOL, OPT, 0),
};
static const struct attribute members_notificationEvent[] = {
	M("rep", "representation", V_CONTENT, OPT, 0),
	M("om", "operationMonitor", V_STRUCT, OPT, C_operationMonitor),
	M("net", "notificationEventType", V_UINT, OPT, 0),
};
static const struct attribute members_aggregatedNotification[] = {
	M("m2m:sgn", "notification", V_STRUCTS, OPT, C_notification),
	M("sgn", "notification", V_STRUCTS, OPT, C_notification),
};
static const struct attribute members_timeSeriesNotification[] = {
	M("mdlt", "missingDataList", V_LIST_STRING, OPT, 0),
	M("mdc", "missingDataCurrentNr", V_UINT, OPT, 0),
};
static const struct attribute members_polledRequests[] = {
	M("m2m:rqp", "requestPrimitive", V_STRUCTS, OPT, C_requestPrimitive),
};
static const struct attribute members_root[] = {
	M("m2m:rqp", "requestPrimitive", V_STRUCT, OPT, C_requestPrimitive),
	M("m2m:rsp", "responsePrimitive", V_STRUCT, OPT, C_responsePrimitive),
	M("m2m:agr", "aggregatedResponse", V_STRUCT, OPT, C_aggregatedResponse),
	M("m2m:rce", "resource", V_STRUCT, OPT, C_resourceWrapper),
	M("m2m:uri", "URI", V_URI, OPT, 0), M("m2m:uril", "URIList", V_LIST_URI, OPT, 0),
	M("m2m:rrl", "resourceRefList", V_STRUCT, OPT, C_listOfChildResourceRef),
	M("m2m:atrl", "attributeList", V_LIST_STRING, OPT, 0),
	M("m2m:dbg", "debugInfo", V_STRING, OPT, 0),
	M("m2m:sgn", "notification", V_STRUCT, OPT, C_notification),
	M("m2m:agn", "aggregatedNotification", V_STRUCT, OPT, C_aggregatedNotification),
	M("m2m:tsn", "timeSeriesNotification", V_STRUCT, OPT, C_timeSeriesNotification),
	M("m2m:tgp", "triggerPayload", V_ANY, OPT, 0), M("m2m:seci", "securityInfo", V_ANY, OPT, 0),
	M("m2m:qres", "queryResult", V_ANY, OPT, 0),
	M("m2m:agrp", "aggregatedRequest", V_STRUCT, OPT, C_polledRequests),
	M("m2m:tkps", "permissions", V_STRUCT, OPT, C_tokenPermissions),
};

static const struct complex complexes[] = {
#define COMPLEX(id, flags) [C_##id] = { #id, members_##id, COUNT_OF(members_##id), flags },
#include "schema/complex.def"
#undef COMPLEX
};

const struct complex *schema_complex(uint32_t id)
{
	must(id < C_COUNT);
	return &complexes[id];
}

const struct attribute *complex_member(const struct complex *c, struct bytes short_name)
{
	for (size_t i = 0; short_name.n && i < c->members_n; i++) {
		if (bytes_equal(short_name, bytes_str(c->members[i].short_name)))
			return &c->members[i];
	}
	return NULL;
}
