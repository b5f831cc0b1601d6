/* rows.h: rows that many types have [TS-0004 tables 7.4.x.1-2].
 * { short, long, kind, create, update, announce, flags, bound } */
#ifndef SCHEMA_TYPES_ROWS_H
#define SCHEMA_TYPES_ROWS_H

#include "schema/schema.h"

/* option: of resourceName in a Create. */
#define ROWS_UNIVERSAL(option)                                                          \
	{ "rn", "resourceName", V_NAME, option, NP, NP, F_COLUMN | F_ONCE | F_MARK, 0 }, \
	{ "ty", "resourceType", V_UINT, NP, NP, NP, F_COLUMN | F_SERVER, 0 },            \
	{ "ri", "resourceID", V_STRING, NP, NP, NP, F_COLUMN | F_SERVER, 0 },            \
	{ "pi", "parentID", V_STRING, NP, NP, NP, F_COLUMN | F_SERVER, 0 },              \
	{ "ct", "creationTime", V_TIMESTAMP, NP, NP, NP, F_COLUMN | F_SERVER, 0 },       \
	{ "lt", "lastModifiedTime", V_TIMESTAMP, NP, NP, NP, F_COLUMN | F_SERVER, 0 }

#define ROW_LABELS(create, update)                                                      \
	{ "lbl", "labels", V_LIST_STRING, create, update, MAN, F_INDEX, 0 }
#define ROW_EXPIRATION(update)                                                          \
	{ "et", "expirationTime", V_TIMESTAMP, OPT, update, MAN, F_COLUMN, 0 }
#define ROW_POLICIES(create, update)                                                    \
	{ "acpi", "accessControlPolicyIDs", V_LIST_URI, create, update, MAN, \
	  F_POLICY | F_FILLED, 16 }
#define ROW_CONSULTATION(create, update)                                                \
	{ "daci", "dynamicAuthorizationConsultationIDs", V_LIST_URI, create, update, OPT, \
	  F_NOT_BUILT, 0 }
#define ROWS_ANNOUNCEMENT(update)                                                       \
	{ "at", "announceTo", V_LIST_URI, OPT, update, NP, 0, 0 },             \
	{ "aa", "announcedAttribute", V_LIST_STRING, OPT, update, NP, 0, 0 }
#define ROW_CREATOR                                                                     \
	{ "cr", "creator", V_ID, OPT, NP, OPT, F_SERVER | F_INDEX, 0 }
/* Of a client of the MAF or the MEF, as one administrating stakeholder has it. */
#define ROWS_CLIENT_REGISTRATION                                                        \
	ROWS_UNIVERSAL(OPT), ROW_EXPIRATION(OPT), ROW_LABELS(OPT, OPT),              \
	{ "cr", "creator", V_ID, NP, NP, NP, F_SERVER | F_INDEX, 0 },                \
	{ "adfq", "adminFQDN", V_STRING, MAN, NP, NP, F_ONCE, 0 },                   \
	{ "aski", "symmKeyID", V_STRING, NP, NP, NP, F_SERVER, 0 }
#define ROW_STATE                                                                       \
	{ "st", "stateTag", V_UINT, NP, NP, OPT, F_SERVER, 0 }
#define ROW_ONTOLOGY(update)                                                            \
	{ "or", "ontologyRef", V_URI, OPT, update, OPT, F_INDEX, 0 }

#endif
