/* mgmt.c: management objects, rows a definition [TS-0004 7.4.15], and of TS-0022 7.1.
 * What an object reports of itself is written by whoever manages the device. An
 * attribute that asks for an action (F_ACTION) needs an executor on this node. */
#include "schema/inner.h"

#define ROW_LINK(create) { "cmlk", "mgmtLink", V_STRUCTS, create, OPT, NP, 0, C_mgmtLinkRef }
/* Which requests a rule of CMDH is for. */
#define ROWS_REQUESTS                                                                    \
	{ "od", "order", V_POSITIVE, MAN, OPT, NP, 0, 0 },                                \
	{ "ror", "requestOrigin", V_LIST_URI, MAN, OPT, NP, 0, 0 },                       \
	{ "rct", "requestContext", V_ANY, OPT, OPT, NP, 0, 0 },                           \
	{ "rctn", "requestContextNotification", V_BOOL, OPT, OPT, NP, 0, 0 },             \
	{ "rch", "requestCharacteristics", V_ANY, OPT, OPT, NP, 0, 0 }

static const struct attribute rows_fwr[] = {
	{ "vr", "version", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "fwn", "firmwareName", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "url", "URL", V_URI, MAN, OPT, OPT, 0, 0 },
	{ "ud", "update", V_BOOL, MAN, OPT, OPT, F_ACTION, 0 },
	{ "uds", "updateStatus", V_STRUCT, NP, OPT, OPT, 0, C_actionStatus },
};
static const struct attribute rows_swr[] = {
	{ "vr", "version", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "swn", "softwareName", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "url", "URL", V_URI, MAN, OPT, OPT, 0, 0 },
	{ "in", "install", V_BOOL, NP, OPT, OPT, F_ACTION, 0 },
	{ "un", "uninstall", V_BOOL, NP, OPT, OPT, F_ACTION, 0 },
	{ "ins", "installStatus", V_STRUCT, NP, OPT, OPT, 0, C_actionStatus },
	{ "act", "activate", V_BOOL, NP, OPT, OPT, F_ACTION, 0 },
	{ "dea", "deactivate", V_BOOL, NP, OPT, OPT, F_ACTION, 0 },
	{ "acts", "activeStatus", V_STRUCT, NP, OPT, OPT, 0, C_actionStatus },
};
static const struct attribute rows_mem[] = {
	{ "mma", "memAvailable", V_UINT, MAN, OPT, OPT, 0, 0 },
	{ "mmt", "memTotal", V_UINT, MAN, OPT, OPT, 0, 0 },
};
static const struct attribute rows_ani[] = {
	{ "ant", "areaNwkType", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "ldv", "listOfDevices", V_LIST_URI, OPT, OPT, OPT, F_LINK, 0 },
};
static const struct attribute rows_andi[] = {
	{ "dvd", "devID", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "dvt", "devType", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "awi", "areaNwkId", V_URI, MAN, OPT, OPT, F_LINK, 0 },
	{ "sli", "sleepInterval", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "sld", "sleepDuration", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "ss", "devStatus", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "lnh", "listOfNeighbors", V_LIST_URI, OPT, OPT, OPT, F_LINK, 0 },
};
static const struct attribute rows_bat[] = {
	{ "btl", "batteryLevel", V_UINT, MAN, OPT, OPT, 0, 100 },
	{ "bts", "batteryStatus", V_ENUM, MAN, OPT, OPT, 0, 7 },
};
static const struct attribute rows_dvi[] = {
	{ "dlb", "deviceLabel", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "man", "manufacturer", V_STRING, MAN, NP, OPT, F_ONCE, 0 },
	{ "mfdl", "manufacturerDetailsLink", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "mfd", "manufacturingDate", V_TIMESTAMP, OPT, NP, OPT, F_ONCE, 0 },
	{ "mod", "model", V_STRING, MAN, NP, OPT, F_ONCE, 0 },
	{ "smod", "subModel", V_STRING, OPT, NP, OPT, F_ONCE, 0 },
	{ "dty", "deviceType", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "dvnm", "deviceName", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "fwv", "fwVersion", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "swv", "swVersion", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "hwv", "hwVersion", V_STRING, OPT, NP, OPT, F_ONCE, 0 },
	{ "osv", "osVersion", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "cnty", "country", V_STRING, OPT, NP, OPT, F_ONCE, 0 },
	{ "loc", "location", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "syst", "systemTime", V_TIMESTAMP, OPT, OPT, OPT, 0, 0 },
	{ "spur", "supportURL", V_URI, OPT, OPT, OPT, 0, 0 },
	{ "purl", "presentationURL", V_URI, OPT, OPT, OPT, 0, 0 },
	{ "ptl", "protocol", V_LIST_STRING, OPT, OPT, OPT, 0, 0 },
};
static const struct attribute rows_dvc[] = {
	{ "can", "capabilityName", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "att", "attached", V_BOOL, MAN, OPT, OPT, 0, 0 },
	{ "cas", "capabilityActionStatus", V_STRUCT, MAN, OPT, OPT, 0, C_actionStatus },
	{ "cus", "currentState", V_BOOL, MAN, OPT, OPT, 0, 0 },
	{ "ena", "enable", V_BOOL, OPT, OPT, OPT, F_ACTION, 0 },
	{ "dis", "disable", V_BOOL, OPT, OPT, OPT, F_ACTION, 0 },
};
static const struct attribute rows_rbo[] = {
	{ "rbo", "reboot", V_BOOL, OPT, OPT, OPT, F_ACTION, 0 },
	{ "far", "factoryReset", V_BOOL, OPT, OPT, OPT, F_ACTION, 0 },
};
static const struct attribute rows_evl[] = {
	{ "lgt", "logTypeId", V_ENUM, MAN, OPT, OPT, 0, 5 },
	{ "lgd", "logData", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "lgst", "logStatus", V_ENUM, MAN, OPT, OPT, 0, 5 },
	{ "lga", "logStart", V_BOOL, OPT, OPT, OPT, F_ACTION, 0 },
	{ "lgo", "logStop", V_BOOL, OPT, OPT, OPT, F_ACTION, 0 },
};
static const struct attribute rows_cmp[] = {
	{ "cpn", "cmdhPolicyName", V_STRING, MAN, OPT, NP, 0, 0 },
	ROW_LINK(MAN),
};
static const struct attribute rows_acmp[] = {
	{ "acmlk", "activeCmdhPolicyLink", V_URI, MAN, OPT, NP, 0, 0 },
};
static const struct attribute rows_cmdf[] = {
	ROW_LINK(MAN),
};
static const struct attribute rows_cmdv[] = {
	{ "dev", "defEcValue", V_NUMBER_OF, MAN, OPT, NP, 0, S_eventCat },
	ROWS_REQUESTS,
};
static const struct attribute rows_cmpv[] = {
	{ "aec", "applicableEventCategory", V_LIST_NUMBER_OF, MAN, OPT, NP, F_FILLED, S_eventCatWithDef },
	{ "dqet", "defaultRequestExpTime", V_INT, MAN, OPT, NP, 0, 0 },
	{ "dset", "defaultResultExpTime", V_INT, MAN, OPT, NP, 0, 0 },
	{ "doet", "defaultOpExecTime", V_INT, MAN, OPT, NP, 0, 0 },
	{ "drp", "defaultRespPersistence", V_INT, MAN, OPT, NP, 0, 0 },
	{ "dda", "defaultDelAggregation", V_BOOL, MAN, OPT, NP, 0, 0 },
};
static const struct attribute rows_cml[] = {
	ROWS_REQUESTS,
	{ "lec", "limitsEventCategory", V_LIST_NUMBER_OF, MAN, OPT, NP, F_FILLED, S_eventCat },
	{ "lqet", "limitsRequestExpTime", V_MIN_MAX, MAN, OPT, NP, 0, 2 },
	{ "lset", "limitsResultExpTime", V_MIN_MAX, MAN, OPT, NP, 0, 2 },
	{ "loet", "limitsOpExecTime", V_MIN_MAX, MAN, OPT, NP, 0, 2 },
	{ "lrp", "limitsRespPersistence", V_MIN_MAX, MAN, OPT, NP, 0, 2 },
	{ "lda", "limitsDelAggregation", V_LIST_BOOL, MAN, OPT, NP, F_FILLED, 2 },
};
static const struct attribute rows_cmnr[] = {
	{ "aecs", "applicableEventCategories", V_LIST_NUMBER_OF, MAN, OPT, NP, F_FILLED, S_eventCatWithDef },
	ROW_LINK(OPT),
};
static const struct attribute rows_cmwr[] = {
	{ "ttn", "targetNetwork", V_LIST_URI, MAN, OPT, NP, 0, 0 },
	{ "mrv", "minReqVolume", V_UINT, MAN, OPT, NP, 0, 0 },
	{ "swt", "spreadingWaitTime", V_UINT, MAN, OPT, NP, 0, 0 },
	{ "bop", "backOffParameters", V_STRUCT, MAN, OPT, NP, 0, C_backOffParameters },
	{ "ohc", "otherConditions", V_ANY, OPT, OPT, NP, 0, 0 },
	ROW_LINK(MAN),
};
static const struct attribute rows_cmbf[] = {
	{ "aec", "applicableEventCategory", V_LIST_NUMBER_OF, MAN, OPT, NP, F_FILLED, S_eventCatWithDef },
	{ "mbfs", "maxBufferSize", V_UINT, MAN, OPT, NP, 0, 0 },
	{ "sgp", "storagePriority", V_POSITIVE, MAN, OPT, NP, 0, 10 },
};

/* --- security and collection, TS-0022 7.1 ---------------------------------------------
 * Keys written into an object are kept and never shown. */

static const struct attribute rows_reg[] = {
	{ "oid", "originatorID", V_ID, OPT, OPT, NP, 0, 0 },
	{ "poa", "pointOfAccess", V_LIST_TEXT_OF, OPT, OPT, NP, 0, S_pointOfAccess },
	{ "cb", "CSEBase", V_URI, OPT, OPT, NP, 0, 0 },
	{ "csi", "CSE-ID", V_ID, OPT, OPT, NP, 0, 0 },
	{ "api", "App-ID", V_STRING, OPT, OPT, NP, 0, 0 },
	{ "mei", "M2M-Ext-ID", V_STRING, OPT, OPT, NP, F_PERSON, 0 },
	{ "tri", "Trigger-Recipient-ID", V_UINT, OPT, OPT, NP, 0, UINT16_MAX },
	ROW_LINK(OPT),
};
static const struct attribute rows_datc[] = {
	{ "cntp", "containerPath", V_URI, MAN, OPT, NP, 0, 0 },
	{ "rpsc", "reportingSchedule", V_STRUCT, OPT, OPT, NP, 0, C_scheduleEntries },
	{ "mesc", "measurementSchedule", V_STRUCT, OPT, OPT, NP, 0, C_scheduleEntries },
	ROW_LINK(OPT),
};
static const struct attribute rows_autp[] = {
	{ "suid", "SUID", V_NUMBER_OF, MAN, OPT, NP, 0, S_suid },
	{ "tlcs", "TLSCiphersuites", V_LIST_STRING, OPT, OPT, NP, 0, 0 },
	{ "aski", "symmKeyID", V_STRING, OPT, OPT, NP, 0, 0 },
	{ "skv", "symmKeyValue", V_BASE64, OPT, OPT, NP, F_SECRET, 0 },
	{ "mkrl", "MAFKeyRegLabels", V_LIST_STRING, OPT, OPT, NP, 0, 0 },
	{ "mkrd", "MAFKeyRegDuration", V_DURATION, OPT, OPT, NP, 0, 0 },
	{ "mcfp", "mycertFingerprint", V_STRING, OPT, OPT, NP, 0, 0 },
	{ "rpki", "rawPubKeyID", V_STRING, OPT, OPT, NP, 0, 0 },
	ROW_LINK(OPT),
};
static const struct attribute rows_nycfc[] = {
	{ "suids", "SUIDs", V_LIST_NUMBER_OF, MAN, OPT, NP, 0, S_suid },
	{ "mcff", "myCertFileFormat", V_STRING, MAN, OPT, NP, 0, 0 },
	{ "mcfc", "myCertFileContent", V_STRING, MAN, OPT, NP, F_SECRET, 0 },
};
static const struct attribute rows_tac[] = {
	{ "cfp", "certFingerprint", V_STRING, MAN, OPT, NP, 0, 0 },
	{ "uri", "URI", V_URI, OPT, OPT, NP, 0, 0 },
};
/* Of a client of a MAF and of a MEF alike. */
static const struct attribute rows_client[] = {
	{ "fq", "fqdn", V_STRING, MAN, OPT, NP, 0, 0 },
	{ "adfq", "adminFQDN", V_STRING, MAN, OPT, NP, 0, 0 },
	{ "hpt", "httpPort", V_UINT, OPT, OPT, NP, 0, UINT16_MAX },
	{ "copt", "coapPort", V_UINT, OPT, OPT, NP, 0, UINT16_MAX },
	{ "wpt", "websocketPort", V_UINT, OPT, OPT, NP, 0, UINT16_MAX },
	ROW_LINK(OPT),
};
static const struct attribute rows_wific[] = {
	{ "ssid", "ssid", V_STRING, MAN, OPT, OPT, 0, 0 },
	{ "wcrds", "credentials", V_ANY, OPT, OPT, NP, F_SECRET, 0 },
	{ "maca", "macAddress", V_STRING, OPT, OPT, OPT, 0, 0 },
	{ "chan", "channel", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "cons", "connectionStatus", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "scan", "scan", V_BOOL, OPT, OPT, NP, F_ACTION, 0 },
	{ "scanr", "scanResult", V_LIST_STRING, OPT, OPT, OPT, 0, 0 },
	{ "ud", "update", V_BOOL, OPT, OPT, NP, F_ACTION, 0 },
	{ "uds", "updateStatus", V_STRUCT, OPT, OPT, OPT, 0, C_actionStatus },
	{ "trdst", "toggleRadioStatus", V_BOOL, OPT, OPT, NP, F_ACTION, 0 },
	{ "rdst", "radioStatus", V_BOOL, OPT, OPT, OPT, 0, 0 },
};

static const struct specialization objects[] = {
	{ "firmware", "fwr", NULL, 1001, NULL, rows_fwr, COUNT_OF(rows_fwr) },
	{ "software", "swr", NULL, 1002, NULL, rows_swr, COUNT_OF(rows_swr) },
	{ "memory", "mem", NULL, 1003, NULL, rows_mem, COUNT_OF(rows_mem) },
	{ "areaNwkInfo", "ani", NULL, 1004, NULL, rows_ani, COUNT_OF(rows_ani) },
	{ "areaNwkDeviceInfo", "andi", NULL, 1005, NULL, rows_andi, COUNT_OF(rows_andi) },
	{ "battery", "bat", NULL, 1006, NULL, rows_bat, COUNT_OF(rows_bat) },
	{ "deviceInfo", "dvi", NULL, 1007, NULL, rows_dvi, COUNT_OF(rows_dvi) },
	{ "deviceCapability", "dvc", NULL, 1008, NULL, rows_dvc, COUNT_OF(rows_dvc) },
	{ "reboot", "rbo", NULL, 1009, NULL, rows_rbo, COUNT_OF(rows_rbo) },
	{ "eventLog", "evl", NULL, 1010, NULL, rows_evl, COUNT_OF(rows_evl) },
	{ "cmdhPolicy", "cmp", NULL, 1011, NULL, rows_cmp, COUNT_OF(rows_cmp) },
	{ "activeCmdhPolicy", "acmp", NULL, 1012, NULL, rows_acmp, COUNT_OF(rows_acmp) },
	{ "cmdhDefaults", "cmdf", NULL, 1013, NULL, rows_cmdf, COUNT_OF(rows_cmdf) },
	{ "cmdhDefEcValue", "cmdv", NULL, 1014, NULL, rows_cmdv, COUNT_OF(rows_cmdv) },
	{ "cmdhEcDefParamValues", "cmpv", NULL, 1015, NULL, rows_cmpv, COUNT_OF(rows_cmpv) },
	{ "cmdhLimits", "cml", NULL, 1016, NULL, rows_cml, COUNT_OF(rows_cml) },
	{ "cmdhNetworkAccessRules", "cmnr", NULL, 1017, NULL, rows_cmnr, COUNT_OF(rows_cmnr) },
	{ "cmdhNwAccessRule", "cmwr", NULL, 1018, NULL, rows_cmwr, COUNT_OF(rows_cmwr) },
	{ "cmdhBuffer", "cmbf", NULL, 1019, NULL, rows_cmbf, COUNT_OF(rows_cmbf) },
	{ "registration", "reg", NULL, 1020, NULL, rows_reg, COUNT_OF(rows_reg) },
	{ "dataCollection", "datc", NULL, 1021, NULL, rows_datc, COUNT_OF(rows_datc) },
	{ "authenticationProfile", "autp", NULL, 1022, NULL, rows_autp, COUNT_OF(rows_autp) },
	{ "myCertFileCred", "nycfc", NULL, 1023, NULL, rows_nycfc, COUNT_OF(rows_nycfc) },
	{ "trustAnchorCred", "tac", NULL, 1024, NULL, rows_tac, COUNT_OF(rows_tac) },
	{ "MAFClientRegCfg", "macrc", NULL, 1025, NULL, rows_client, COUNT_OF(rows_client) },
	{ "MEFClientRegCfg", "mecrc", NULL, 1026, NULL, rows_client, COUNT_OF(rows_client) },
	{ "wificlient", "wific", NULL, 1028, NULL, rows_wific, COUNT_OF(rows_wific) },
};

const struct specialization *const schema_management = objects;
const size_t schema_management_n = COUNT_OF(objects);
