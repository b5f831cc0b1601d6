/* mefClientReg [TS-0003 8.3.5.2.3; TS-0032]: a client of the MEF, as one administrating
 * stakeholder has it. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_CLIENT_REGISTRATION,
};

static const uint32_t parents[] = { 242 };

const struct resource_type resource_type_mecr = {
	.number = 244,
	.name = "mefClientReg",
	.short_name = "mecr",
	.prefix = "sec",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.direct = true,
};
