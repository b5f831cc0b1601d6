/* coordinate.c: the rounds of a transactionMgmt that is done step by step. */
#include "request/coordinate.h"

#include "primitive/id.h"
#include "request/action.h"
#include "request/later_work.h"
#include "request/notification.h"
#include "request/work.h"
#include "resource/coordinate.h"
#include "resource/subscribe.h"

enum { PRIMITIVE_MAX = 512 * 1024, ADDRESS_TEXT = 2048, RESPONSE_TEXT = 64 * 1024 };

static const char reason[] = "transactionMgmt";

static bool get(struct bytes map, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

static bool requests_of(const struct work *w, struct cbor *tram, struct cbor *list)
{
	struct cbor rqps;

	return !w->depth && w->request.has_content && get(w->request.content, "m2m:tram", CBOR_MAP, tram) &&
	       get(tram->raw, "rqps", CBOR_MAP, &rqps) &&
	       (get(rqps.raw, "rqp", CBOR_ARRAY, list) || get(rqps.raw, "m2m:rqp", CBOR_ARRAY, list)) &&
	       list->u > 0 && list->u <= COORDINATED_MAX;
}

/* From is who makes the transaction, in each [TS-0004 7.4.60.2.1]. */
static err_t check_from(struct work *w, struct bytes items)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf from = buf_make(ADDRESS_TEXT);
	struct request_primitive q;
	struct cbor item;
	err_t err = ERR_OK;

	while (items.n && !w->status) {
		TRY(cbor_next(&items, &item));
		buf_clear(&from);
		if (request_read(item.raw, w->in->now, &q) != ERR_OK || !q.from.n ||
		    id_absolute(q.from, cse->sp_id, cse->cse_id, &from) != ERR_OK ||
		    !bytes_equal(bytes_of_buf(&from), w->originator))
			work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.4.60.2.1", "From is not who makes the transaction");
	}
out:
	buf_free(&from);
	return err;
}

static err_t is_elsewhere(struct request_room *room, struct bytes request, bool *yes)
{
	struct target target;
	struct cbor to;
	err_t err = ERR_OK;

	*yes = false;
	if (!get(request, "to", CBOR_TEXT, &to))
		goto out;
	TRY(resource_resolve(room->resources, to.s, &target));
	*yes = target.place == TARGET_ELSEWHERE;
out:
	return err;
}

err_t coordinate_wanted(struct work *w, bool *yes)
{
	struct cbor tram, tmd, list, item;
	struct bytes rest;
	err_t err = ERR_OK;

	*yes = false;
	if (!requests_of(w, &tram, &list))
		goto out;
	*yes = get(tram.raw, "tmd", CBOR_UINT, &tmd) && tmd.u == 2;
	for (rest = list.s; !*yes && rest.n;) {
		TRY(cbor_next(&rest, &item));
		TRY(is_elsewhere(w->room, item.raw, yes));
	}
	if (*yes)
		TRY(check_from(w, list.s));
out:
	return err;
}

/* --- one request of a round ------------------------------------------------------------------ */

/* What the <transaction> stands below: the target without a virtual child. */
static struct bytes parent_of(struct bytes to)
{
	if (bytes_ends(to, BYTES("/la")) || bytes_ends(to, BYTES("/ol")))
		return bytes_sub(to, 0, to.n - 3);
	return to;
}

/* The request as the CSE of its target reads it: From in absolute form elsewhere. */
static err_t put_request(struct request_room *room, const struct coordinated *t, size_t i, struct buf *out)
{
	struct buf from = buf_make(ADDRESS_TEXT);
	struct cbor_member m[PARAM_COUNT];
	struct cbor map, value;
	bool found = true, elsewhere;
	size_t n = 0;
	err_t err;

	TRY(is_elsewhere(room, t->requests[i], &elsewhere));
	if (!elsewhere)
		return buf_add(out, t->requests[i]);
	TRY(cbor_put_text(&from, t->creator));
	TRY(cbor_read(t->requests[i], &map));
	while (found && n < PARAM_COUNT) {
		TRY(cbor_pair(&map.s, &m[n].key, &value, &found));
		m[n].value = bytes_equal(m[n].key, BYTES("fr")) ? bytes_of_buf(&from) : value.raw;
		n += found;
	}
	err = cbor_put_members(out, m, n);
out:
	buf_free(&from);
	return err;
}

static err_t put_content(struct request_room *room, const struct coordinated *t, size_t i, struct buf *out)
{
	struct buf tid = buf_make(32), control = buf_make(32), request = buf_make(PRIMITIVE_MAX);
	struct cbor_member m[2], one;
	struct buf inner = buf_make(PRIMITIVE_MAX);
	size_t n = 0;
	err_t err;

	if (t->control == TRANSACTION_LOCK) {
		TRY(buf_printf(&control, "tram%llu", (unsigned long long)t->id));
		TRY(cbor_put_text(&tid, bytes_of_buf(&control)));
		TRY(put_request(room, t, i, &request));
		m[n++] = (struct cbor_member){ BYTES("tid"), bytes_of_buf(&tid) };
		m[n++] = (struct cbor_member){ BYTES("rqp"), bytes_of_buf(&request) };
	} else {
		TRY(cbor_put_uint(&control, t->control));
		m[n++] = (struct cbor_member){ BYTES("tctl"), bytes_of_buf(&control) };
	}
	TRY(cbor_put_members(&inner, m, n));
	one = (struct cbor_member){ BYTES("m2m:trac"), bytes_of_buf(&inner) };
	err = cbor_put_members(out, &one, 1);
out:
	buf_free(&tid);
	buf_free(&control);
	buf_free(&request);
	buf_free(&inner);
	return err;
}

static err_t compose(struct request_room *room, const struct coordinated *t, size_t i, int64_t now, struct buf *out)
{
	struct buf content = buf_make(PRIMITIVE_MAX), rqi = buf_make(64);
	struct outbound_request r = {
		.operation = t->control == TRANSACTION_LOCK ? OPERATION_CREATE : OPERATION_UPDATE,
		.type = t->control == TRANSACTION_LOCK ? TRANSACTION : 0, .to = t->addresses[i],
		.from = t->from, .rvi = BYTES("3"),
	};
	struct cbor to;
	err_t err;

	if (t->control == TRANSACTION_LOCK && get(t->requests[i], "to", CBOR_TEXT, &to))
		r.to = parent_of(to.s);
	TRY(buf_printf(&rqi, "trn-%llx-%llx-%zx-%llx", (unsigned long long)now, (unsigned long long)t->id, i,
	               (unsigned long long)t->control));
	r.rqi = bytes_of_buf(&rqi);
	TRY(put_content(room, t, i, &content));
	r.content = bytes_of_buf(&content);
	err = outbound_compose(&r, out);
out:
	buf_free(&content);
	buf_free(&rqi);
	return err;
}

static err_t keep(struct request_room *room, const struct coordinated *t, size_t i, int64_t now)
{
	enum { KEPT_MS = 120000, ROUNDS = 3 };
	struct later_own own = { .values = buf_make(PRIMITIVE_MAX + 4096) };
	struct buf primitive = buf_make(PRIMITIVE_MAX);
	struct cbor_member members[LATER_OWN_MAX];
	struct request_primitive q;
	struct resource_kept kept = { .request = &q, .originator = t->creator, .now = now, .expires = now + KEPT_MS,
		                      .own = members };
	uint64_t row;
	err_t err;

	TRY(compose(room, t, i, now, &primitive));
	TRY(request_read(bytes_of_buf(&primitive), now, &q));
	later_own_uint(&own, BYTES("@at"), (uint64_t)now);
	later_own_uint(&own, BYTES("@du"), (uint64_t)now);
	later_own_uint(&own, BYTES("@tm"), t->id);
	later_own_uint(&own, BYTES("@ix"), i);
	later_own_bytes(&own, BYTES("@ad"), BYTES_NONE);
	later_own_raw(&own, BYTES("@rq"), bytes_of_buf(&primitive));
	if (t->inside) /* each in each round has its part */
		later_own_uint(&own, BYTES("@bg"), t->chain / (ROUNDS * t->n));
	if (t->credential.n)
		later_own_text(&own, BYTES("@cd"), t->credential);
	TRY(own.err);
	kept.own_n = later_own_members(&own, members);
	TRY(resource_request_keep(room->resources, permit_for_system(reason), &kept, &room->arena, &row));
	err = later_add(&room->later, now, row, t->creator);
out:
	buf_free(&own.values);
	buf_free(&primitive);
	return err;
}

/* --- rounds -------------------------------------------------------------------------------- */

/* Where the last round led. */
static uint64_t state_after(const struct coordinated *t)
{
	if (t->failed)
		return STATE_ERROR; /* after ABORT: it may be asked once more */
	return t->control == TRANSACTION_ABORT ? STATE_ABORTED : t->control; /* the others have its number */
}

/* A request for each, but in a later round for those that have no <transaction>. */
static err_t round_begin(struct request_room *room, struct coordinated *t, uint64_t control, int64_t now)
{
	err_t err = ERR_OK;

	t->control = control;
	t->failed = false;
	t->left = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (control != TRANSACTION_LOCK && t->addresses[i].n == 0)
			continue;
		if (later_full(&room->later, t->creator)) {
			t->failed = true;
			continue;
		}
		err = keep(room, t, i, now);
		t->failed |= err == ERR_REFUSED;
		t->left += err == ERR_OK;
		TRY(err == ERR_REFUSED ? ERR_OK : err);
	}
	if (t->left == 0)
		t->state = state_after(t);
	room->must_commit = true;
	err = coordinated_write(room->resources, permit_for_system(reason), t);
out:
	return err;
}

/* Who subscribed to it hears of each state. */
static err_t tell(struct request_room *room, const struct request_arrival *in, uint64_t id)
{
	struct work w = { .room = room, .in = in };

	w.request.operation = OPERATION_UPDATE;
	w.request.from = resources_cse(room->resources)->cse_id;
	return notification_changed(&w, id);
}

/* This CSE goes on by itself where it is in control; what failed before the commit is taken
 * back. */
static err_t round_end(struct request_room *room, const struct request_arrival *in, struct coordinated *t)
{
	uint64_t done = t->control;
	err_t err;

	t->state = state_after(t);
	TRY(coordinated_write(room->resources, permit_for_system(reason), t));
	TRY(tell(room, in, t->id));
	if (t->by_cse && done != TRANSACTION_ABORT && done != TRANSACTION_COMMIT)
		err = round_begin(room, t, t->state == STATE_ERROR ? TRANSACTION_ABORT : done + 1, in->now);
out:
	return err;
}

err_t coordinate_after(struct work *w)
{
	struct coordinated *t;
	struct cbor tctl;
	bool found, made = w->request.operation == OPERATION_CREATE;
	void *p;
	err_t err;

	if (made ? w->request.type != TRANSACTION_MGMT
	         : w->request.operation != OPERATION_UPDATE || w->target.type != TRANSACTION_MGMT ||
	               !get(subscription_asked(w->request.content), "tctl", CBOR_UINT, &tctl))
		return ERR_OK;
	TRY(arena_take(&w->room->arena, sizeof(*t), &p));
	t = p;
	TRY(coordinated_read(w->room->resources, &w->room->arena, made ? w->outcome.resource : w->target.id, t, &found));
	if (!found || (made && !t->by_cse))
		goto out;
	TRY(action_chain_rest(w, &t->chain, &t->inside));
	err = round_begin(w->room, t, made ? TRANSACTION_LOCK : tctl.u, w->in->now);
out:
	return err;
}

/* --- answers ------------------------------------------------------------------------------------ */

/* The address of a <transaction> that was made: at another CSE relative to the provider. */
static err_t address_of(struct request_room *room, struct bytes to, struct bytes ri, struct bytes *out)
{
	struct buf b = buf_make(ADDRESS_TEXT);
	struct bytes cse = BYTES_NONE;
	err_t err;

	if (bytes_starts(to, BYTES("//")))
		cse = bytes_sub(to, 0, 2 + bytes_find(bytes_sub(to, 2, to.n), '/'));
	if (bytes_starts(to, BYTES("/"))) {
		struct bytes rest = bytes_sub(to, cse.n, to.n);

		cse = bytes_sub(to, 0, cse.n + 1 + bytes_find(bytes_sub(rest, 1, rest.n), '/'));
	}
	TRY(buf_add(&b, cse));
	if (cse.n)
		TRY(buf_add_byte(&b, '/'));
	TRY(buf_add(&b, ri));
	err = arena_copy(&room->arena, bytes_of_buf(&b), out);
out:
	buf_free(&b);
	return err;
}

static err_t take(struct request_room *room, struct coordinated *t, size_t i, const struct response_primitive *r)
{
	uint64_t want = t->control == TRANSACTION_ABORT ? STATE_ABORTED : t->control;
	struct cbor trac, trst, ri, rsp, to;
	bool well = status_is_success(r->status) && r->content.n && get(r->content, "m2m:trac", CBOR_MAP, &trac) &&
	            get(trac.raw, "trst", CBOR_UINT, &trst);
	struct buf refusal = buf_make(RESPONSE_TEXT);
	err_t err = ERR_OK;

	/* One that let go, or is gone, is not asked to ABORT (once more). */
	if ((well && trst.u == STATE_ABORTED) || (t->control == TRANSACTION_ABORT && r->status == RSC_NOT_FOUND))
		t->addresses[i] = BYTES_NONE;
	else
		t->failed |= !well;
	t->failed |= well && trst.u != want;
	if (well && t->control == TRANSACTION_LOCK && get(trac.raw, "ri", CBOR_TEXT, &ri) &&
	    get(t->requests[i], "to", CBOR_TEXT, &to))
		TRY(address_of(room, to.s, ri.s, &t->addresses[i]));
	if (well && get(trac.raw, "rsp", CBOR_MAP, &rsp)) {
		t->responses[i] = rsp.raw;
	} else if (!well && t->control != TRANSACTION_ABORT) {
		err = response_write(r, &refusal);
		if (err == ERR_OK)
			TRY(arena_copy(&room->arena, bytes_of_buf(&refusal), &t->responses[i]));
		err = err == ERR_LIMIT ? ERR_OK : err;
	}
out:
	buf_free(&refusal);
	return err;
}

static bool number_of(const struct store_row *row, const char *key, uint64_t *out)
{
	struct cbor v;

	if (!row || !get(row->body, key, CBOR_UINT, &v))
		return false;
	*out = v.u;
	return true;
}

err_t coordinate_answered(struct request_room *room, const struct request_arrival *in,
                          const struct response_primitive *response, bool *was)
{
	const struct store_row *row;
	struct coordinated *t;
	uint64_t tram, i;
	bool found;
	void *p;
	err_t err;

	TRY(store_get(room->store, in->deferred, &row));
	*was = number_of(row, "@tm", &tram) && number_of(row, "@ix", &i);
	if (!*was)
		goto out;
	TRY(arena_take(&room->arena, sizeof(*t), &p));
	t = p;
	TRY(coordinated_read(room->resources, &room->arena, tram, t, &found));
	if (!found || i >= t->n || t->left == 0)
		goto out;
	TRY(take(room, t, i, response));
	t->left--;
	if (t->left)
		err = coordinated_write(room->resources, permit_for_system(reason), t);
	else
		err = round_end(room, in, t);
out:
	return err;
}
