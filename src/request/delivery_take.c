/* delivery_take.c: deliveries from other CSEs. What is within one is judged twice as any
 * request that comes by itself: whether the CSE at the other end may speak for its
 * originator, before the delivery is taken, and again, with all the rest, when it is done. */
#include "request/delivery.h"

#include "primitive/id.h"
#include "request/later_work.h"
#include "resource/delivery.h"
#include "resource/subscribe.h"

enum { PRIMITIVE_MAX = 256 * 1024 };

static const char reason[] = "delivery";

bool delivery_by_cse(const struct work *w)
{
	if (w->depth || w->in->own || w->in->deferred)
		return false;
	return w->association ? w->association->facts.entity_is_cse : lab_is_cse(w);
}

/* No transit: the CSE at the other end, itself, that is registered here or our registrar. */
err_t delivery_is_direct(struct work *w, const struct store_row *row, bool *yes)
{
	uint64_t there = 0;
	bool behind = false;
	err_t err = ERR_OK;

	*yes = false;
	if (w->request.operation != OPERATION_CREATE || w->request.type != DELIVERY || row->type != TYPE_CSE_BASE ||
	    !delivery_by_cse(w) || id_form(w->originator) != ID_ABS_CSE ||
	    (w->association && !bytes_equal(w->originator, bytes_str(w->association->facts.entity))))
		return ERR_OK;
	TRY(resource_remote(w->room->resources, behind_cse(w, w->originator), &there, &behind));
	*yes = there && !behind;
out:
	return err;
}

/* --- what is asked ---------------------------------------------------------------------------- */

static bool member(struct bytes map, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return map.n && cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

static bool concerns(const struct work *w)
{
	if (w->request.operation == OPERATION_CREATE)
		return w->request.type == DELIVERY;
	return w->request.operation == OPERATION_UPDATE && w->target.type == DELIVERY && !w->target.virtual_child;
}

/* The CSE that it is for; empty: none that can be read. */
static err_t target_of(struct work *w, struct bytes asked, struct bytes *out)
{
	const struct store_row *row;
	struct cbor tg;
	err_t err = ERR_OK;

	*out = BYTES_NONE;
	if (w->request.operation == OPERATION_UPDATE) {
		TRY(store_get(w->room->store, w->target.id, &row));
		if (row && member(row->body, "tg", CBOR_TEXT, &tg))
			TRY(arena_copy(&w->room->arena, tg.s, out));
	} else if (member(asked, "tg", CBOR_TEXT, &tg)) {
		*out = tg.s;
	}
out:
	return err;
}

static bool is_here(const struct work *w, struct bytes target)
{
	return bytes_equal(forward_cse(w, target), resources_cse(w->room->resources)->cse_id);
}

static struct work within(const struct work *w)
{
	return (struct work){ .room = w->room, .in = w->in, .association = w->association, .originator = w->originator };
}

static void refuse_as(struct work *w, const struct work *m)
{
	if (m->status)
		work_refuse(w, m->status, m->rule, m->what);
}

/* The source is the CSE at the other end, or one that it may speak for. */
static err_t check_source(struct work *w, struct bytes asked)
{
	struct work m = within(w);
	bool yes = false;
	struct cbor sr;
	err_t err = ERR_OK;

	if (!member(asked, "sr", CBOR_TEXT, &sr) || (id_form(sr.s) != ID_SP_CSE && id_form(sr.s) != ID_ABS_CSE))
		goto out; /* the type refuses it */
	m.request.from = sr.s;
	TRY(identify_claim(&m));
	TRY(m.association ? behind_speaks(&m, &yes) : lab_believes(&m, &yes));
	if (!yes)
		work_refuse(w, RSC_ORIGINATOR_NOT_AUTHENTICATED, "TS-0004 7.3.2.1 (5)",
		            "the source is no CSE behind the one of this security association");
out:
	return err;
}

/* It came round: this CSE is in the trace, or too many are. */
static bool circles(const struct work *w, struct bytes asked)
{
	struct cbor dmd, tcin, item;

	if (!member(asked, "dmd", CBOR_MAP, &dmd) || !member(dmd.raw, "tcin", CBOR_ARRAY, &tcin))
		return false;
	if (tcin.u >= DELIVERY_TRACE)
		return true;
	while (tcin.s.n && cbor_next(&tcin.s, &item) == ERR_OK) {
		if (item.kind == CBOR_TEXT && is_here(w, item.s))
			return true;
	}
	return false;
}

static err_t check_route(struct work *w, struct bytes asked, struct bytes target)
{
	struct work m = within(w);
	err_t err = ERR_OK;

	if (!target.n || is_here(w, target))
		goto out;
	if (circles(w, asked)) {
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.3.2.6", "it was here before, or went through too many CSEs");
		goto out;
	}
	m.request.to = target;
	TRY(forward_route(&m));
	if (!m.status && !m.next_hop)
		work_refuse(&m, RSC_NOT_FOUND, "TS-0004 7.3.2.6", "no CSE is known on the way there");
	refuse_as(w, &m);
out:
	return err;
}

static void check_form(struct work *m, struct bytes target)
{
	const struct request_primitive *q = &m->request;

	if (q->response_type == RT_SYNCH || q->response_type == RT_ASYNCH || q->response_type == RT_FLEX)
		work_refuse(m, RSC_NOT_IMPLEMENTED, "TS-0001 10.2.5.7", "no result comes back to a request in a delivery");
	else if (q->operation == OPERATION_CREATE && q->type == DELIVERY)
		work_refuse(m, RSC_BAD_REQUEST, "TS-0001 9.6.11", "a delivery is in no delivery");
	else if (!bytes_equal(forward_cse(m, q->to), target))
		work_refuse(m, RSC_BAD_REQUEST, "TS-0001 9.6.11", "a request is not for the CSE that the delivery is for");
}

/* One request, up to where its target would be looked at. */
static err_t check_request(struct work *w, struct bytes primitive, struct bytes target)
{
	struct work m = within(w);
	err_t err = request_read(primitive, w->in->now, &m.request);

	if (err == ERR_MEMORY)
		goto out;
	if (err != ERR_OK) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.2.1", "a primitive in the delivery cannot be read");
		return ERR_OK;
	}
	TRY(identify_claim(&m));
	TRY(admission_run(&m, STEP_admit));
	TRY(admission_run(&m, STEP_identify));
	if (!m.status)
		check_form(&m, target);
	refuse_as(w, &m);
out:
	return err;
}

err_t delivery_before(struct work *w)
{
	struct bytes asked, target;
	struct cbor arq, list, item;
	err_t err = ERR_OK;

	if (!concerns(w))
		return ERR_OK;
	asked = subscription_asked(w->request.content);
	TRY(target_of(w, asked, &target));
	if (w->request.operation == OPERATION_CREATE) {
		TRY(check_source(w, asked));
		if (!w->status)
			TRY(check_route(w, asked, target));
	}
	if (w->status || !member(asked, "arq", CBOR_MAP, &arq) || !delivery_list(arq.raw, &list))
		goto out;
	if (list.u <= DELIVERY_REQUESTS && later_full(&w->room->later, w->originator))
		work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", "too many requests wait already");
	target = forward_cse(w, target);
	while (list.s.n && list.u <= DELIVERY_REQUESTS && !w->status) {
		TRY(cbor_next(&list.s, &item));
		TRY(check_request(w, item.raw, target));
	}
out:
	return err;
}

/* --- what is done with it ----------------------------------------------------------------------- */

static err_t keep(struct work *w, const struct delivery *d, size_t i)
{
	struct later_own own = { .values = buf_make(PRIMITIVE_MAX) };
	struct cbor_member members[LATER_OWN_MAX];
	struct request_primitive q;
	struct resource_kept kept = { .request = &q, .originator = w->originator, .now = w->in->now, .own = members };
	int64_t due;
	uint64_t row;
	err_t err;

	TRY(request_read(d->requests[i], w->in->now, &q));
	due = q.executes > w->in->now ? q.executes : w->in->now;
	kept.expires = due + EXPIRATION_MAX_MS; /* not before it is done, nor before the delivery */
	later_own_uint(&own, BYTES("@at"), (uint64_t)w->in->now);
	later_own_uint(&own, BYTES("@du"), (uint64_t)due);
	later_own_uint(&own, BYTES("@dv"), d->id);
	later_own_bytes(&own, BYTES("@ad"), bytes_make(w->in->address, w->in->address_n));
	later_own_raw(&own, BYTES("@rq"), d->requests[i]);
	if (d->credential.n)
		later_own_text(&own, BYTES("@cd"), d->credential);
	TRY(own.err);
	kept.own_n = later_own_members(&own, members);
	TRY(resource_request_keep(w->room->resources, permit_for_system(reason), &kept, &w->room->arena, &row));
	err = later_add(&w->room->later, due, row, w->originator);
out:
	buf_free(&own.values);
	return err;
}

static err_t take(struct work *w, const struct delivery *d)
{
	const struct permit *system = permit_for_system(reason);
	err_t err;

	if (!is_here(w, d->target)) {
		TRY(delivery_due(w->room->resources, system, d->id, w->in->now, 0));
		return later_add(&w->room->later, w->in->now, d->id, w->originator);
	}
	TRY(delivery_waits(w->room->resources, system, d->id, d->n));
	for (size_t i = 0; i < d->n; i++)
		TRY(keep(w, d, i));
out:
	return err;
}

err_t delivery_after(struct work *w)
{
	bool made = w->request.operation == OPERATION_CREATE, found;
	struct delivery *d;
	struct cbor arq;
	void *p;
	err_t err;

	if (!concerns(w) || !member(subscription_asked(w->request.content), "arq", CBOR_MAP, &arq))
		return ERR_OK;
	TRY(arena_take(&w->room->arena, sizeof(*d), &p));
	d = p;
	TRY(delivery_read(w->room->resources, &w->room->arena, made ? w->outcome.resource : w->target.id, w->in->now, d, &found));
	if (found && d->n)
		err = take(w, d);
	if (err == ERR_REFUSED) {
		w->outcome = (struct outcome){ .status = RSC_NOT_ACCEPTABLE,
			                       .what = "the originator's share of this node is used up" };
		err = ERR_OK;
	}
out:
	return err;
}

err_t delivery_answered(struct request_room *room, const struct request_arrival *in, bool *was)
{
	const struct store_row *row;
	struct cbor v;
	err_t err;

	TRY(store_get(room->store, in->deferred, &row));
	*was = row && member(row->body, "@dv", CBOR_UINT, &v);
	if (*was)
		err = delivery_done_one(room->resources, permit_for_system(reason), v.u, in->now);
out:
	return err;
}
