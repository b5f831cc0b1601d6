/* coordinate.c: the rounds of a transactionMgmt that is done step by step. */
#include "request/coordinate.h"

#include "primitive/id.h"
#include "request/action.h"
#include "request/coordinate_work.h"
#include "request/later_work.h"
#include "request/notification.h"
#include "resource/subscribe.h"

enum { ADDRESS_TEXT = 2048, RESPONSE_TEXT = 64 * 1024, TRIES_MAX = 8, RETRY_MS = 1000 };

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

/* Each request of a round is kept, with the request of the transaction within. */
static bool is_kept(struct bytes request)
{
	struct cbor to;

	return request.n + (get(request, "to", CBOR_TEXT, &to) ? to.s.n : 0) + ROUND_REQUEST_OWN <= LATER_OCTETS;
}

/* From is who makes the transaction, in each [TS-0004 7.4.60.2.1]. */
static err_t check_requests(struct work *w, struct bytes items)
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
		else if (!is_kept(item.raw))
			work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", "a request is too large to be kept");
	}
out:
	buf_free(&from);
	return err;
}

err_t coordinate_wanted(struct work *w, bool *yes)
{
	struct cbor tram, tmd, list, item;
	struct transaction_times times;
	int64_t now = w->in->now;
	struct bytes rest;
	err_t err = ERR_OK;

	*yes = false;
	if (!requests_of(w, &tram, &list))
		goto out;
	transaction_times_read(tram.raw, &times);
	*yes = (get(tram.raw, "tmd", CBOR_UINT, &tmd) && tmd.u == 2) || times.lock > now || times.execute > now ||
	       times.commit > now;
	for (rest = list.s; !*yes && rest.n;) {
		TRY(cbor_next(&rest, &item));
		TRY(coordinate_elsewhere(w->room, item.raw, yes));
	}
	if (*yes)
		TRY(check_requests(w, list.s));
out:
	return err;
}

/* --- rounds -------------------------------------------------------------------------------- */

static bool is_over(const struct coordinated *t)
{
	return t->state == STATE_COMMITTED || t->state == STATE_ABORTED;
}

/* When the step behind this state is to be taken, 0: no time is named for it. */
static int64_t step_time(const struct coordinated *t)
{
	switch (t->state) {
	case STATE_INITIAL: return t->times.lock;
	case STATE_LOCKED: return t->times.execute;
	case STATE_EXECUTED: return t->times.commit;
	default: return 0;
	}
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a && (!b || a < b) ? a : b;
}

/* As it is now; and when it is to be looked at: while a round is under way, when it has waited for all
 * of its answers. */
static err_t save(struct request_room *room, struct coordinated *t)
{
	int64_t step = t->retry ? t->retry : step_time(t);

	if (t->left == 0)
		t->next = is_over(t) ? 0 : sooner(step, t->times.end);
	return coordinated_write(room->resources, permit_for_system(reason), t);
}

/* Where the last round led. */
static uint64_t state_after(const struct coordinated *t)
{
	if (t->failed)
		return STATE_ERROR; /* after ABORT: it may be asked once more */
	return t->control == TRANSACTION_ABORT ? STATE_ABORTED : t->control; /* the others have its number */
}

static bool is_done(const struct coordinated *t, size_t i)
{
	return t->done >> i & 1;
}

/* A request for each, but in a later round for those that have no <transaction>; and where it is tried
 * again, for those that failed. */
static err_t round_begin(struct request_room *room, struct coordinated *t, uint64_t control, int64_t now)
{
	bool again = control == t->round;
	err_t err = ERR_OK;

	if (!again)
		t->done = t->tries = 0;
	t->began = again ? t->began : now;
	t->control = t->round = control;
	t->again = true;
	t->failed = false;
	t->left = 0;
	t->retry = 0;
	for (size_t i = 0; i < t->n; i++) {
		if (is_done(t, i) || (control != TRANSACTION_LOCK && t->addresses[i].n == 0))
			continue;
		if (later_full(&room->later, t->creator)) {
			t->failed = true;
			continue;
		}
		err = coordinate_keep(room, t, i, now);
		t->failed |= err == ERR_REFUSED || err == ERR_LIMIT;
		t->left += err == ERR_OK;
		TRY(err == ERR_REFUSED || err == ERR_LIMIT ? ERR_OK : err);
	}
	t->next = now + ROUND_MS;
	if (t->left == 0)
		t->state = state_after(t);
	room->must_commit = true;
	err = save(room, t);
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

/* What did not answer, or was held by somebody else, may do so a moment later; what was refused would
 * be again. */
static bool may_retry(const struct coordinated *t)
{
	return t->failed && t->again && t->control != TRANSACTION_ABORT && t->tries < t->tries_max &&
	       t->tries < TRIES_MAX;
}

static bool is_late(const struct coordinated *t, int64_t now)
{
	return t->times.end && now >= t->times.end;
}

/* This CSE goes on by itself where it is in control; what failed before the commit is taken
 * back, and so is what did not come to its commit in time. */
static err_t go_on(struct request_room *room, struct coordinated *t, int64_t now)
{
	if (is_over(t) || t->round == TRANSACTION_COMMIT || t->round == TRANSACTION_ABORT)
		return ERR_OK;
	if (is_late(t, now) || (t->state == STATE_ERROR && t->by_cse))
		return round_begin(room, t, TRANSACTION_ABORT, now);
	if (t->state != STATE_ERROR && (step_time(t) ? step_time(t) <= now : t->by_cse))
		return round_begin(room, t, t->state + 1, now);
	return ERR_OK;
}

static err_t round_end(struct request_room *room, const struct request_arrival *in, struct coordinated *t)
{
	err_t err;

	if (may_retry(t)) {
		t->retry = in->now + ((int64_t)RETRY_MS << t->tries++);
		return save(room, t);
	}
	t->state = state_after(t);
	TRY(save(room, t));
	TRY(tell(room, in, t->id));
	err = go_on(room, t, in->now);
out:
	return err;
}

static err_t load(struct request_room *room, uint64_t id, struct coordinated **out, bool *found)
{
	void *p;
	err_t err;

	TRY(arena_take(&room->arena, sizeof(**out), &p));
	*out = p;
	err = coordinated_read(room->resources, &room->arena, id, *out, found);
out:
	return err;
}

err_t coordinate_after(struct work *w)
{
	struct coordinated *t;
	struct cbor tctl;
	bool found, made = w->request.operation == OPERATION_CREATE;
	err_t err;

	if (made ? w->request.type != TRANSACTION_MGMT
	         : w->request.operation != OPERATION_UPDATE || w->target.type != TRANSACTION_MGMT ||
	               !get(subscription_asked(w->request.content), "tctl", CBOR_UINT, &tctl))
		return ERR_OK;
	TRY(load(w->room, made ? w->outcome.resource : w->target.id, &t, &found));
	if (!found)
		goto out;
	TRY(action_chain_rest(w, &t->chain, &t->inside));
	if (!made)
		err = round_begin(w->room, t, tctl.u, w->in->now);
	else if (t->by_cse && t->times.lock <= w->in->now)
		err = round_begin(w->room, t, TRANSACTION_LOCK, w->in->now);
	else
		err = save(w->room, t);
out:
	return err;
}

/* What was kept may be gone, by its creator or by its time: what did not answer until now has failed. */
static err_t give_up(struct request_room *room, struct coordinated *t, int64_t now)
{
	struct request_arrival in = { .now = now };

	t->left = 0;
	t->failed = true;
	return round_end(room, &in, t);
}

err_t coordinate_time(struct request_room *room, uint64_t id, int64_t now, bool *changed)
{
	struct coordinated *t;
	bool found;
	err_t err;

	*changed = false;
	arena_reset(&room->arena);
	TRY(load(room, id, &t, &found));
	if (!found || !t->next || t->next > now)
		goto out;
	*changed = true;
	if (t->left)
		return give_up(room, t, now);
	/* A commit that some have done is done by the others, however late. */
	if (t->retry && (t->control == TRANSACTION_COMMIT || !is_late(t, now)))
		TRY(t->retry <= now ? round_begin(room, t, t->control, now) : ERR_OK);
	else
		TRY(go_on(room, t, now));
	/* Nothing more is to be done by this CSE: it is not looked at again. */
	if (t->left == 0 && t->next && t->next <= now) {
		t->times = (struct transaction_times){ 0 };
		t->retry = 0;
		err = save(room, t);
	}
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

/* Nobody answered, or somebody else held the target. */
static bool may_change(unsigned status)
{
	return status == RSC_TARGET_NOT_REACHABLE || status == RSC_REQUEST_TIMEOUT ||
	       status == RSC_REMOTE_ENTITY_NOT_REACHABLE || status == RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE;
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
	t->again &= well ? trst.u == want : may_change(r->status);
	t->done |= (uint64_t)(well && trst.u == want) << i;
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
	uint64_t tram, i, at;
	bool found;
	err_t err;

	TRY(store_get(room->store, in->deferred, &row));
	*was = number_of(row, "@tm", &tram) && number_of(row, "@ix", &i) && number_of(row, "@at", &at);
	if (!*was)
		goto out;
	TRY(load(room, tram, &t, &found));
	/* One of a round that was given up counts in no other. */
	if (!found || i >= t->n || t->left == 0 || (t->next && (int64_t)at + ROUND_MS != t->next))
		goto out;
	TRY(take(room, t, i, response));
	t->left--;
	if (t->left)
		err = save(room, t);
	else
		err = round_end(room, in, t);
out:
	return err;
}
