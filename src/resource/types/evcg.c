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
	err_t err;

	TRY(check(w));
	TRY(work_put_identifier(w, BYTES("evi")));
out:
	return err;
}

const struct resource_hooks resource_hooks_evcg = { .created = created, .updated = check };
