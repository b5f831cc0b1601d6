/* AEContactList [TS-0001 9.6.45; TS-0004 7.4.51]: which CSEs hold references to which AEs,
 * kept by the IN-CSE. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	{ "et", "expirationTime", V_TIMESTAMP, NP, NP, MAN, F_COLUMN | F_SERVER, 0 },
	ROW_POLICIES(NP, NP),
	ROW_LABELS(NP, NP),
	ROW_CONSULTATION(NP, NP),
	{ "nic", "numberImpactedCSEs", V_UINT, NP, NP, NP, F_SERVER, 0 },
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_alst = {
	.number = 43,
	.name = "AEContactList",
	.short_name = "alst",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE,
	.of_infrastructure = true,
};
