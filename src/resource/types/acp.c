/* accessControlPolicy [TS-0001 9.6.2; TS-0004 7.4.2]: rules others are judged
 * by. Itself it is judged by its selfPrivileges, which may never be empty. */
#include "resource/engine.h"

/* Without a rule for itself nobody could ever change it again. */
static err_t check_self(struct resource_work *w)
{
	struct cbor pvs;

	if (!set_get(&w->set, BYTES("pvs"), &pvs) || acrs_rules(&pvs) == 0)
		return refuse(w->out, RSC_BAD_REQUEST, "selfPrivileges must hold a rule",
		              BYTES("pvs"));
	return ERR_OK;
}

const struct resource_hooks resource_hooks_acp = {
	.created = check_self,
	.updated = check_self,
};
