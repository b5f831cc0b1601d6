/* dynamicAuthorizationConsultation [TS-0001 9.6.40; TS-0004 7.4.36]: whom to ask when the
 * policies say no. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "dae", "dynamicAuthorizationEnabled", V_BOOL, MAN, OPT, NP, 0, 0 },
	{ "dap", "dynamicAuthorizationPoA", V_LIST_TEXT_OF, MAN, OPT, NP, F_FILLED, S_pointOfAccess },
	{ "dal", "dynamicAuthorizationLifetime", V_TIMESTAMP, OPT, OPT, NP, 0, 0 },
};

static const uint32_t parents[] = { 2, 5, 16 };

const struct resource_type resource_type_dac = {
	.number = 34,
	.name = "dynamicAuthorizationConsultation",
	.short_name = "dac",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
};
