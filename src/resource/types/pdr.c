/* policyDeletionRules [TS-0001 9.6.33; TS-0004 7.4.32]: a policy has two at most. */
#include "resource/engine.h"

enum { RULES_MAX = 2 };

static err_t created(struct resource_work *w)
{
	struct store_scan scan = { .parent = w->parent.id, .type = w->type->number, .limit = RULES_MAX };
	uint64_t ids[RULES_MAX];
	size_t n;
	err_t err;

	TRY(store_children(w->r->store, &scan, ids, &n));
	if (n == RULES_MAX)
		return refuse(w->out, RSC_CONFLICT, "the policy has two of them", BYTES("ty"));
out:
	return err;
}

const struct resource_hooks resource_hooks_pdr = { .created = created };
