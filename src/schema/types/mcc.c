/* mefClientCmd [TS-0003 8.3.9, 12.4.4; TS-0032]: what a MEF wants its client to do next. It
 * comes and goes with the registration; the client reads it, and writes what became of it. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	{ "mcci", "cmdID", V_UINT, NP, OPT, NP, 0, UINT32_MAX },
	{ "mccd", "cmdDescription", V_STRUCT, NP, NP, NP, F_SERVER, C_cmdDescription },
	{ "mccs", "cmdStatusCode", V_UINT, NP, OPT, NP, 0, 999 },
};

static const uint32_t parents[] = { 244 };

const struct resource_type resource_type_mcc = {
	.number = 246,
	.name = "mefClientCmd",
	.short_name = "mcc",
	.prefix = "sec",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_DELETE,
	.direct = true,
};
