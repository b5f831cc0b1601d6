/* flexContainer [TS-0001 9.6.35; TS-0004 7.4.37]: data with a shape of its own; the
 * definition (cnd) says which. Definitions are rows read from files. */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_STATE,
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CREATOR,
	ROW_CONSULTATION(OPT, OPT),
	{ "cnd", "containerDefinition", V_URI, MAN, NP, MAN, F_ONCE | F_INDEX, 0 },
	ROW_ONTOLOGY(OPT),
	{ "cs", "contentSize", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	/* Release 4: what it held before, as instances. */
	{ "fcied", "flexContainerInstancesEnabled", V_BOOL, OPT, OPT, NP, 0, 0 },
	{ "mni", "maxNrOfInstances", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mbs", "maxByteSize", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "mia", "maxInstanceAge", V_UINT, OPT, OPT, OPT, 0, 0 },
	{ "cni", "currentNrOfInstances", V_UINT, NP, NP, NP, F_SERVER, 0 },
	{ "cbs", "currentByteSize", V_UINT, NP, NP, NP, F_SERVER, 0 },
	{ "nl", "nodeLink", V_URI, OPT, OPT, OPT, F_LINK, 0 },
};

static const uint32_t parents[] = { 2, 3, 5, 14, 16, 28 };

const struct resource_type resource_type_fcnt = {
	.number = 28,
	.name = "flexContainer",
	.short_name = "fcnt",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
	.instances = 58,
	.selector = "cnd",
};
