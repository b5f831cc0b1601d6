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
	struct buf *b = &w->r->scratch;
	struct bytes id;
	err_t err;

	TRY(check(w));
	buf_clear(b);
	TRY(buf_add(b, BYTES("stcl")));
	TRY(buf_add_u64(b, w->row.id));
	TRY(arena_copy(w->arena, bytes_of_buf(b), &id));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("sci"), id));
out:
	return err;
}

const struct resource_hooks resource_hooks_stcl = { .created = created, .updated = check };
