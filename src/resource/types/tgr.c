/* triggerRequest [TS-0001 9.6.50; TS-0004 7.4.57]. No underlying network is connected:
 * the request is kept, and its status says that no network was found to carry it. */
#include "resource/engine.h"

enum { TRIGGER_NO_NETWORK = 2 };

static err_t created(struct resource_work *w)
{
	return set_put_uint(w->r, w->arena, &w->set, BYTES("tst"), TRIGGER_NO_NETWORK);
}

const struct resource_hooks resource_hooks_tgr = { .created = created, .updated = created };
