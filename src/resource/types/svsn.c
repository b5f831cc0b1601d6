/* serviceSubscribedNode [TS-0001 9.6.20; TS-0004 7.4.20]: rules are linked for the
 * registrar of a CSE only. */
#include "resource/engine.h"

static err_t check(struct resource_work *w)
{
	struct cbor v;

	if (set_get(&w->asked, BYTES("rlk"), &v) && v.kind != CBOR_NULL && !set_get(&w->set, BYTES("csi"), &v))
		return refuse(w->out, RSC_BAD_REQUEST, "rules are for a CSE, and none is named", BYTES("rlk"));
	return ERR_OK;
}

const struct resource_hooks resource_hooks_svsn = { .created = check, .updated = check };
