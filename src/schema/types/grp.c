/* group [TS-0001 9.6.13; TS-0004 7.4.13]: resources that are addressed as one,
 * and originators that are granted as one.
 *
 * A member that stands on this CSE is looked up; one that stands elsewhere is asked for,
 * and until that succeeds the group says that it is not validated (mtv). */
#include "schema/types/rows.h"

static const struct attribute rows[] = {
	ROWS_UNIVERSAL(OPT),
	ROW_POLICIES(OPT, OPT),
	ROW_EXPIRATION(OPT),
	ROW_LABELS(OPT, OPT),
	ROWS_ANNOUNCEMENT(OPT),
	ROW_CONSULTATION(OPT, OPT),
	ROW_CREATOR,
	{ "mt", "memberType", V_UINT, OPT, NP, OPT, F_ONCE, 20003 },
	{ "spty", "specializationType", V_SPECIALIZATION, OPT, NP, OPT, F_ONCE, 0 },
	{ "cnm", "currentNrOfMembers", V_UINT, NP, NP, OPT, F_SERVER, 0 },
	{ "mnm", "maxNrOfMembers", V_POSITIVE, MAN, OPT, OPT, 0, 0 },
	{ "mid", "memberIDs", V_LIST_URI, MAN, OPT, OPT, F_LINK, GROUP_MEMBERS_MAX },
	{ "macp", "membersAccessControlPolicyIDs", V_LIST_URI, OPT, OPT, OPT, F_POLICY | F_LINK, 16 },
	{ "mtv", "memberTypeValidated", V_BOOL, NP, NP, OPT, F_SERVER, 0 },
	{ "csy", "consistencyStrategy", V_ENUM, OPT, NP, OPT, F_ONCE, 3 },
	{ "gn", "groupName", V_STRING, OPT, OPT, OPT, F_INDEX, 0 },
	{ "ssi", "semanticSupportIndicator", V_BOOL, NP, NP, NP, F_SERVER, 0 },
	{ "nar", "notifyAggregation", V_STRUCT, OPT, OPT, OPT, 0, C_batchNotify },
};

static const uint32_t parents[] = { 2, 5, 16, 10002 };

const struct resource_type resource_type_grp = {
	.number = 9,
	.name = "group",
	.short_name = "grp",
	.attributes = rows,
	.attributes_n = COUNT_OF(rows),
	.parents = parents,
	.parents_n = COUNT_OF(parents),
	.announced = true,
};
