/* delivery [TS-0001 9.6.11; TS-0004 7.4.11]: requests that are being carried to another
 * CSE together. What is done with it is in request/delivery.c and delivery_take.c. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "sr", "source", V_ID, MAN, NP, NP, F_ONCE, 0 },
	{ "tg", "target", V_ID, MAN, NP, NP, F_ONCE, 0 },
	{ "ls", "lifespan", V_TIMESTAMP, MAN, OPT, NP, 0, 0 },
	{ "ec", "eventCat", V_NUMBER_OF, MAN, OPT, NP, 0, S_eventCat },
	{ "dmd", "deliveryMetaData", V_STRUCT, MAN, OPT, NP, 0, C_deliveryMetaData },
	{ "arq", "aggregatedRequest", V_STRUCT, OPT, OPT, NP, 0, C_aggregatedRequest },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_dlv = {
	.number = 6,
	.name = "delivery",
	.short_name = "dlv",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.between_cses = true,
};
