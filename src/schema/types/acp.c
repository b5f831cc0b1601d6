/* accessControlPolicy [TS-0001 9.6.2; TS-0004 7.4.2]: rules others are judged
 * by. Itself it is judged by its selfPrivileges, which may never be empty. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	{ "pv", "privileges", V_ACRS, MAN, OPT, MAN, 0, 0 },
	{ "pvs", "selfPrivileges", V_ACRS, MAN, OPT, MAN, 0, 0 },
	{ "adri", "authorizationDecisionResourceIDs", V_LIST_URI, OPT, OPT, OPT, F_NOT_BUILT, 0 },
	{ "apri", "authorizationPolicyResourceIDs", V_LIST_URI, OPT, OPT, OPT, F_NOT_BUILT, 0 },
	{ "airi", "authorizationInformationResourceIDs", V_LIST_URI, OPT, OPT, OPT, F_NOT_BUILT, 0 },
};

static const uint32_t parents[] = { 2, 5, 16, 10002 };

const struct resource_type resource_type_acp = {
	.number = 1,
	.name = "accessControlPolicy",
	.short_name = "acp",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
	.self_governed = true,
};
