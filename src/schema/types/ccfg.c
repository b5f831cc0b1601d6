/* Configuration of a client of the MAF or the MEF [TS-0003 8.3.5.2.4, 8.8.2.4, 12.4.1-3]: what
 * its stakeholder wants it to register. It comes and goes with the registration; operators
 * say what stands in it. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(NP),
	{ "crc", "clientRegCfg", V_STRUCT, NP, NP, NP, F_SERVER, C_clientRegCfg },
	{ "krc", "keyRegCfg", V_STRUCTS, NP, NP, NP, F_SERVER, C_keyRegCfg },
};

static const uint32_t parents[] = { 243, 244 };

const struct resource_type resource_type_ccfg = {
	.number = 247,
	.name = "clientCfg",
	.short_name = "ccfg",
	.prefix = "sec",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.not_allowed = RIGHT_CREATE | RIGHT_UPDATE | RIGHT_DELETE,
	.direct = true,
};
