/* AEContactListPerCSE [TS-0001 9.6.46; TS-0004 7.4.52]: the references that one CSE holds. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	{ "et", "expirationTime", V_TIMESTAMP, NP, NP, MAN, F_COLUMN | F_SERVER, 0 },
	ROW_POLICIES(NP, NP),
	ROW_LABELS(NP, NP),
	ROW_CONSULTATION(NP, NP),
	{ "csi", "CSE-ID", V_ID, NP, NP, NP, F_SERVER | F_INDEX, 0 },
	{ "ail", "AE-IDList", V_LIST_STRING, NP, NP, NP, F_SERVER, 0 },
};

static const uint32_t parents[] = { 43 };

const struct resource_type resource_type_alpc = {
	.number = 44,
	.name = "AEContactListPerCSE",
	.short_name = "alpc",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE,
	.of_infrastructure = true,
};
