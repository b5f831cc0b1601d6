/* eventConfig [TS-0001 9.6.24; TS-0004 7.4.24]: an event, with an identifier that
 * collections name. What goes with its type stands only with it. */
#include "resource/engine.h"

enum { DATA_OPERATION = 1, STORAGE_BASED, TIMER_BASED };

static err_t check(struct resource_work *w)
{
	static const struct { const char *attribute; uint64_t type; } rows[] = {
		{ "evs", TIMER_BASED }, { "eve", TIMER_BASED }, { "opt", DATA_OPERATION },
		{ "ds", STORAGE_BASED },
	};
	uint64_t type = set_uint(&w->set, BYTES("evt"), 0);
	struct cbor v;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes name = bytes_str(rows[i].attribute);

		if (type != rows[i].type && set_get(&w->set, name, &v))
			return refuse(w->out, RSC_BAD_REQUEST, "not of this type of event", name);
	}
	return ERR_OK;
}

static err_t created(struct resource_work *w)
{
	struct buf *b = &w->r->scratch;
	struct bytes id;
	err_t err;

	TRY(check(w));
	buf_clear(b);
	TRY(buf_add(b, BYTES("evcg")));
	TRY(buf_add_u64(b, w->row.id));
	TRY(arena_copy(w->arena, bytes_of_buf(b), &id));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("evi"), id));
out:
	return err;
}

const struct resource_hooks resource_hooks_evcg = { .created = created, .updated = check };
