/* semanticDescriptor [TS-0001 9.6.30; TS-0004 7.4.34]: what the parent means, as a document
 * that is stored and found, not reasoned about (no SPARQL). */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_EXPIRATION(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "dcrp", "descriptorRepresentation", V_ENUM, MAN, OPT, OPT, F_INDEX, 7 },
	{ "soe", "semanticOpExec", V_STRING, NP, OPT, OPT, 0, 0 },
	{ "dsp", "descriptor", V_BASE64, MAN, OPT, OPT, 0, 0 },
	ROW_ONTOLOGY(OPT),
	{ "rels", "relatedSemantics", V_LIST_URI, OPT, OPT, OPT, F_LINK, 0 },
	{ "svd", "semanticValidated", V_BOOL, NP, NP, OPT, F_SERVER, 0 },
	{ "vlde", "validationEnable", V_BOOL, OPT, OPT, OPT, 0, 0 },
};

static const uint32_t parents[] = { 2, 3, 4, 5, 9, 14, 13, 16, 28, 29, 30 };

const struct resource_type resource_type_smd = {
	.number = 24,
	.name = "semanticDescriptor",
	.short_name = "smd",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
