/* contentInstance [TS-0001 9.6.7; TS-0004 7.4.7]: one datum, never changed. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(NP),
	ROW_STATE,
	ROW_LABELS(OPT, NP),
	ROWS_ANNOUNCEMENT(NP),
	ROW_CREATOR,
	{ "cnf", "contentInfo", V_CONTENT_INFO, OPT, NP, OPT, F_ONCE, 0 },
	{ "cs", "contentSize", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "conr", "contentRef", V_STRUCT, OPT, NP, OPT, F_ONCE, C_contentRef },
	ROW_ONTOLOGY(NP),
	{ "con", "content", V_ANY, MAN, NP, OPT, F_ONCE, 0 },
};

static const uint32_t parents[] = { 3 };

const struct resource_type resource_type_cin = {
	.number = 4,
	.name = "contentInstance",
	.short_name = "cin",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
	.not_allowed = RIGHT_UPDATE,
	.policy_of_parent = true,
};
