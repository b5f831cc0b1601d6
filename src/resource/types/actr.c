/* action (Release 4): conditions are not evaluated yet, so that an action can be kept,
 * but not switched on. */
#include "resource/engine.h"

static err_t check(struct resource_work *w)
{
	if (set_uint(&w->set, BYTES("evm"), 0) != 0)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "actions are not carried out here",
		              BYTES("evm"));
	return ERR_OK;
}

const struct resource_hooks resource_hooks_actr = { .created = check, .updated = check };
