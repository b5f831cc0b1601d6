/* pollingChannel [TS-0001 9.6.21, 9.6.22; TS-0004 7.4.21, 7.4.22]: its pcu is where
 * the owner asks for requests and brings the responses. What waits there, and that
 * only the owner comes, is the request room's. */
#include "resource/engine.h"

static const struct virtual_child virtuals[] = {
	{ .name = "pcu", .operations = RIGHT_RETRIEVE | RIGHT_NOTIFY, .polls = true },
};

const struct resource_hooks resource_hooks_pch = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
};
