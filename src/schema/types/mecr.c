/* mefClientReg [TS-0003 8.3.5.2.3; TS-0032]: a client of the MEF, as one administrating
 * stakeholder has it. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	{ "cr", "creator", V_ID, NP, NP, NP, F_SERVER | F_INDEX, 0 },
	{ "adfq", "adminFQDN", V_STRING, MAN, NP, NP, F_ONCE, 0 },
	{ "aski", "symmKeyID", V_STRING, NP, NP, NP, F_SERVER, 0 },
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
