/* m2mServiceSubscriptionProfile [TS-0001 9.6.19; TS-0004 7.4.19]: who has a service
 * subscription; the nodes stand below. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_mssp = {
	.number = 11,
	.name = "m2mServiceSubscriptionProfile",
	.short_name = "mssp",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
