/* MAFBase [TS-0003 6.2.6, 8.8; TS-0032]: the M2M Authentication Function of this node.
 * Made when an operator opens it, and changed by no request. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	ROW_LABELS(NP, NP),
	ROW_POLICIES(NP, NP),
};

static const uint32_t parents[] = { 5 };

const struct resource_type resource_type_maf = {
	.number = 241,
	.name = "MAFBase",
	.short_name = "maf",
	.prefix = "sec",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE,
	.direct = true,
};
