/* resource_type.h: numbers of m2m:resourceType [TS-0004 6.3.4.2.1] and of the types of
 * MAF and MEF [TS-0032], as far as the program speaks of single types. What a type is
 * stands in its rows (schema/types/), by which everything else is done. */
#ifndef PRIMITIVE_RESOURCE_TYPE_H
#define PRIMITIVE_RESOURCE_TYPE_H

enum {
	TYPE_ACP = 1,
	TYPE_AE = 2,
	TYPE_CONTENT_INSTANCE = 4,
	TYPE_CSE_BASE = 5,
	TYPE_GROUP = 9,
	TYPE_SERVICE_PROFILE = 11,
	TYPE_MGMT_OBJ = 13,
	TYPE_NODE = 14,
	TYPE_POLLING_CHANNEL = 15,
	TYPE_REMOTE_CSE = 16,
	TYPE_REQUEST = 17,
	TYPE_SCHEDULE = 18,
	TYPE_APP_RULE = 19,        /* serviceSubscribedAppRule */
	TYPE_SUBSCRIBED_NODE = 20, /* serviceSubscribedNode */
	TYPE_FLEX_CONTAINER = 28,
	TYPE_TIME_SERIES = 29,
	TYPE_ROLE = 31,
	TYPE_TRANSACTION_MGMT = 50,
	TYPE_LAST = 66,            /* of TS-0004 at our release, whether it is built or not */
	TYPE_MEF_CLIENT = 244,     /* mefClientReg */
	TYPE_KEY = 245,            /* symmKeyReg */
	TYPE_MEF_COMMAND = 246,    /* mefClientCmd */
	TYPE_CLIENT_CFG = 247,
	TYPE_ANNOUNCED = 10000,    /* an announced variant's is so much above its original's */
	TYPE_AE_ANNOUNCED = TYPE_ANNOUNCED + TYPE_AE,
	TYPE_CSE_BASE_ANNOUNCED = TYPE_ANNOUNCED + TYPE_CSE_BASE,
};

#endif
