/* triggerRequest [TS-0001 9.6.50; TS-0004 7.4.57]: wakes a device through the underlying
 * network. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "mei", "M2M-Ext-ID", V_STRING, MAN, NP, NP, F_ONCE | F_INDEX | F_PERSON, 0 },
	{ "tri", "Trigger-Recipient-ID", V_UINT, MAN, OPT, NP, 0, UINT16_MAX },
	{ "tpe", "triggerPurpose", V_ENUM, OPT, OPT, NP, 0, 4 },
	{ "tst", "triggerStatus", V_ENUM, NP, NP, NP, F_SERVER, 9 },
	{ "tvt", "triggerValidityTime", V_DURATION, MAN, OPT, NP, 0, 0 },
	{ "tiae", "triggerInfoAE-ID", V_ID, OPT, OPT, NP, 0, 0 },
	{ "tia", "triggerInfoAddress", V_URI, OPT, OPT, NP, 0, 0 },
	{ "tio", "triggerInfoOperation", V_ENUM, OPT, OPT, NP, 0, 5 },
	{ "tirt", "targetedResourceType", V_NUMBER_OF, OPT, OPT, NP, 0, S_resourceType },
	{ "trf", "triggerReference", V_STRING, NP, NP, NP, F_SERVER, 0 },
};

static const uint32_t parents[] = { 2, 5, 16 };

const struct resource_type resource_type_tgr = {
	.number = 47,
	.name = "triggerRequest",
	.short_name = "tgr",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.of_infrastructure = true,
};
