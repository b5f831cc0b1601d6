/* statsCollect [TS-0001 9.6.25; TS-0004 7.4.25]. Nothing is collected yet: a rule is
 * kept, but cannot be made active. */
#include "resource/engine.h"

enum { ACTIVE = 1 };

static err_t check(struct resource_work *w)
{
	if (set_uint(&w->set, BYTES("srs"), 0) == ACTIVE)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "statistics are not collected here",
		              BYTES("srs"));
	return ERR_OK;
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check(w));
	TRY(work_put_identifier(w, BYTES("sci")));
out:
	return err;
}

const struct resource_hooks resource_hooks_stcl = { .created = created, .updated = check };
