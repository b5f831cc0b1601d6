/* mafClientReg [TS-0003 8.8.2.3; TS-0032]: a client of the MAF, as one administrating
 * stakeholder has it. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_CLIENT_REGISTRATION,
};

static const uint32_t parents[] = { 241 };

const struct resource_type resource_type_macr = {
	.number = 243,
	.name = "mafClientReg",
	.short_name = "macr",
	.prefix = "sec",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.direct = true,
};
