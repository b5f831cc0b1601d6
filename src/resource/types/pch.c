/* pollingChannel [TS-0001 9.6.21, 9.6.22; TS-0004 7.4.21, 7.4.22]: its pcu is where
 * the owner asks for requests and brings the responses. What waits there, and that
 * only the owner comes, is the request room's. */
#include "resource/engine.h"

static const struct virtual_child virtuals[] = {
	{ .name = "pcu", .operations = RIGHT_RETRIEVE | RIGHT_NOTIFY, .polls = true },
};

/* An AE or remoteCSE has one [TS-0001 9.6.4, 9.6.5]: which of two would be asked? */
static err_t created(struct resource_work *w)
{
	struct store_scan scan = { .parent = w->parent.id, .type = w->type->number, .limit = 1 };
	uint64_t id;
	size_t n;
	err_t err;

	TRY(store_children(w->r->store, &scan, &id, &n));
	if (n)
		return refuse(w->out, RSC_CONFLICT, "there is a pollingChannel", NO_DETAIL);
out:
	return err;
}

const struct resource_hooks resource_hooks_pch = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = created,
};
