/* triggerRequest [TS-0001 9.6.50; TS-0004 7.4.57]. No underlying network is connected:
 * the request is kept, and its status says that no network was found to carry it. */
#include "resource/engine.h"

enum { TRIGGER_NO_NETWORK = 2 };

static err_t created(struct resource_work *w)
{
	return set_put_uint(w->r, w->arena, &w->set, BYTES("tst"), TRIGGER_NO_NETWORK);
}

/* No network has it, so none can replace it. */
static err_t updated(struct resource_work *w)
{
	return refuse(w->out, RSC_UNABLE_TO_REPLACE_REQUEST, "the request is not on its way", NO_DETAIL);
}

const struct resource_hooks resource_hooks_tgr = { .created = created, .updated = updated };
