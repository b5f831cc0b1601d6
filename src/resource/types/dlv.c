/* delivery [TS-0001 9.6.11, 10.2.5.7-11; TS-0004 7.4.11]: what may be asked of one when it
 * is made or changed by another CSE. Who may ask, and each request within, was looked at
 * by the request room. */
#include "resource/delivery.h"

#include "base/clock.h"
#include "primitive/id.h"
#include "resource/engine.h"

static err_t bad(struct resource_work *w, const char *what, const char *attribute)
{
	return refuse(w->out, RSC_BAD_REQUEST, what, bytes_str(attribute));
}

/* It lives as long as what it carries. */
static err_t check_lifespan(struct resource_work *w)
{
	int64_t until = 0;
	struct cbor ls;

	if (!set_get(&w->set, BYTES("ls"), &ls) || clock_parse(ls.s, &until) != ERR_OK)
		return bad(w, "no such time", "ls");
	if (until <= w->now)
		return bad(w, "the lifespan is over", "ls");
	w->row.expires = until < w->now + EXPIRATION_MAX_MS ? until : w->now + EXPIRATION_MAX_MS;
	return ERR_OK;
}

static err_t check_requests(struct resource_work *w)
{
	struct cbor arq, list;

	if (!set_get(&w->asked, BYTES("arq"), &arq))
		return ERR_OK;
	if (!delivery_list(arq.raw, &list) || list.u == 0)
		return bad(w, "no requests", "arq");
	if (list.u > DELIVERY_REQUESTS || arq.raw.n > DELIVERY_OCTETS)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "too much for one delivery", BYTES("arq"));
	return ERR_OK;
}

static err_t check_cse(struct resource_work *w, const char *attribute)
{
	struct cbor id;

	if (!set_get(&w->set, bytes_str(attribute), &id) ||
	    (id_form(id.s) != ID_SP_CSE && id_form(id.s) != ID_ABS_CSE))
		return bad(w, "no CSE-ID", attribute);
	return ERR_OK;
}

/* On this credential it is carried on, as long as it stands. */
static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check_cse(w, "sr"));
	TRY(check_cse(w, "tg"));
	TRY(check_lifespan(w));
	TRY(check_requests(w));
	if (w->ask->credential.n)
		TRY(set_put_text(w->r, w->arena, &w->set, BYTES("@cd"), w->ask->credential));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@at"), (uint64_t)w->now));
out:
	return err;
}

/* Requests may come after it; what was taken on is not exchanged. */
static err_t updated(struct resource_work *w)
{
	struct cbor value;
	err_t err;

	if (set_get(&w->asked, BYTES("arq"), &value) && set_get(&w->before, BYTES("arq"), &value))
		return bad(w, "its requests were taken on already", "arq");
	TRY(check_requests(w));
	if (set_get(&w->asked, BYTES("ls"), &value))
		TRY(check_lifespan(w));
out:
	return err;
}

const struct resource_hooks resource_hooks_dlv = { .created = created, .updated = updated };
