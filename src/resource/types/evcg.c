/* eventConfig [TS-0001 9.6.24; TS-0004 7.4.24]: an event, with an identifier that
 * collections name. What goes with its type stands only with it. */
#include "resource/engine.h"

#include "base/clock.h"

enum { DATA_OPERATION = 1, STORAGE_BASED, TIMER_BASED };

/* By type or by name; and no end before the beginning [TS-0004 7.4.24.2.1]. */
static err_t check_pairs(struct resource_work *w)
{
	struct cbor one, other;
	int64_t begin, end;

	if (set_get(&w->set, BYTES("erts"), &one) && set_get(&w->set, BYTES("eris"), &other))
		return refuse(w->out, RSC_BAD_REQUEST, "not beside eventResourceTypes", BYTES("eris"));
	if (set_get(&w->set, BYTES("evs"), &one) && set_get(&w->set, BYTES("eve"), &other) &&
	    (clock_parse(one.s, &begin) != ERR_OK || clock_parse(other.s, &end) != ERR_OK || end < begin))
		return refuse(w->out, RSC_BAD_REQUEST, "ends before it begins", BYTES("eve"));
	return ERR_OK;
}

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
	if (type == STORAGE_BASED && !set_get(&w->set, BYTES("ds"), &v))
		return refuse(w->out, RSC_BAD_REQUEST, "is needed for this type of event", BYTES("ds"));
	return check_pairs(w);
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
