/* schedule [TS-0001 9.6.9; TS-0004 7.4.9]: when something may happen. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_CONSULTATION(OPT, OPT),
	{ "se", "scheduleElement", V_STRUCT, MAN, OPT, OPT, 0, C_scheduleEntries },
	{ "nco", "networkCoordinated", V_BOOL, OPT, OPT, OPT, 0, 0 },
};

static const uint32_t parents[] = { 2, 5, 14, 16, 23, 48 };
/* A node has one for each of its networks. */
static const uint32_t alone[] = { 2, 5, 16, 23, 48 };

const struct resource_type resource_type_sch = {
	.number = 18,
	.name = "schedule",
	.short_name = "sch",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.alone = alone,
	.alone_n = COUNT_OF(alone),
	.announced = true,
};
