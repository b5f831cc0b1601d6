/* schedule [TS-0001 9.6.9; TS-0004 7.4.9]: only that of a node is coordinated with the
 * network. */
#include "resource/engine.h"

static err_t check(struct resource_work *w)
{
	struct cbor nco;

	if (w->parent.type != TYPE_NODE && set_get(&w->asked, BYTES("nco"), &nco))
		return refuse(w->out, RSC_CONTENTS_UNACCEPTABLE, "only for a schedule of a node", BYTES("nco"));
	return ERR_OK;
}

const struct resource_hooks resource_hooks_sch = { .created = check, .updated = check };
