/* transaction.c: requests that are done together or not at all [TS-0001 10.2.18; TS-0004
 * 7.4.60, 7.4.61].
 *
 * transactionMgmt: several requests of one originator, of this CSE's resources, controlled
 * by this CSE, and at once: a request of this node is one transaction anyway, so nothing is
 * locked for anybody to see, and there are no <transaction> resources.
 *
 *   each request in turn, by the steps of any request, with its own decision and record
 *     --all done--> the resource, COMMITTED, with the responses
 *     --one is refused--> undone; the resource, ABORTED, with the responses until then
 *
 * One that has to be answered from elsewhere (a subscription's targets, a blocking
 * update) has all of it wait.
 *
 * transaction: one request, below its target, step by step by its originator, who may have
 * others at other CSEs.
 *
 *   Create --tried, and undone--> LOCKED: others are refused at the target
 *     --EXECUTE: tried, and undone--> EXECUTED, with the response; or ERROR
 *     --COMMIT: done--> COMMITTED; or, refused now, ABORTED
 *     --ABORT--> ABORTED
 *
 * Where it names times (tltm text tct) this CSE takes the steps at these times, each by a request of
 * its creator that is kept until then: before tltm it is INITIAL, and holds nothing. */
#include "request/later_work.h"
#include "resource/delivery.h"
#include "resource/lock.h"

enum { REQUESTS_MAX = 64, RESPONSES_MAX = 1 << 20 };

bool transaction_wanted(const struct work *w)
{
	/* Where there can be none, nothing is tried: its type says so. */
	return w->request.operation == OPERATION_CREATE && w->request.type == TYPE_TRANSACTION_MGMT &&
	       type_allows_parent(resource_type(TYPE_TRANSACTION_MGMT), w->target.type);
}

static bool get(struct bytes map, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

/* The requests, an array; false: there is none, or nothing that may be one. */
static bool requests_of(const struct work *w, struct cbor *out)
{
	struct cbor tram, rqps;

	return w->request.has_content && get(w->request.content, "m2m:tram", CBOR_MAP, &tram) &&
	       get(tram.raw, "rqps", CBOR_MAP, &rqps) &&
	       (get(rqps.raw, "rqp", CBOR_ARRAY, out) || get(rqps.raw, "m2m:rqp", CBOR_ARRAY, out)) &&
	       out->u > 0 && out->u <= REQUESTS_MAX;
}

bool transaction_keeps_key(const struct work *w)
{
	struct cbor content;

	return w->request.operation == OPERATION_CREATE && w->request.has_content &&
	       (w->request.type == TYPE_TRANSACTION_MGMT || w->request.type == TRANSACTION ||
	        w->request.type == DELIVERY) && cbor_read(w->request.content, &content) == ERR_OK && resource_brings_key(&content);
}

/* What cannot be taken back, waits, or is no request of this CSE's resources alone. */
static err_t admit(struct work *m, const struct work *w)
{
	struct target target;
	err_t err;

	TRY(identify_claim(m));
	if (!bytes_equal(m->claimed, w->originator)) {
		work_refuse(m, RSC_BAD_REQUEST, "TS-0004 7.4.60.2.1", "From is not who makes the transaction");
		goto out;
	}
	TRY(admission_run(m, STEP_admit));
	TRY(admission_run(m, STEP_identify));
	if (m->status)
		goto out;
	TRY(resource_resolve(m->room->resources, m->request.to, &target));
	if (m->request.operation == OPERATION_NOTIFY || m->request.type == TYPE_TRANSACTION_MGMT ||
	    m->request.type == TRANSACTION || target.type == TRANSACTION ||
	    target.place == TARGET_ELSEWHERE || (target.virtual_child && target.parent_of_virtual && !target.virtual_child->stands_for) ||
	    (m->request.response_type && m->request.response_type != RT_BLOCKING) || m->request.executes > m->in->now)
		work_refuse(m, RSC_NOT_IMPLEMENTED, "TS-0001 10.2.18", "not within a transaction of this CSE");
out:
	return err;
}

/* Read, and admitted: else w->status of the member. */
static err_t prepare(struct work *w, struct work *m, struct bytes primitive)
{
	err_t err = request_read(primitive, w->in->now, &m->request);

	if (err == ERR_MEMORY)
		goto out;
	if (err == ERR_OK)
		return admit(m, w);
	m->request.operation = 0;
	work_refuse(m, RSC_BAD_REQUEST, "TS-0004 7.2.1", "the primitive cannot be read");
	err = ERR_OK;
out:
	return err;
}

/* Prepared, and done by the steps of any request; its response is appended. */
static err_t perform(struct work *w, struct work *m, struct buf *responses, bool *done)
{
	err_t err;

	TRY(request_member(m));
	TRY(fanout_response(responses, m, m->request.to));
	*done = status_is_success(work_status(m));
	err = record_remember(w, m);
out:
	return err;
}

static struct work member_of(struct work *w)
{
	return (struct work){
		.room = w->room, .in = w->in, .association = w->association, .originator = w->originator,
		.app_id = w->app_id, .question = w->question, .depth = w->depth + 1,
		.content = buf_make(w->room->content_max),
	};
}

/* What was done until here is undone, and on record are why, and what. */
static err_t undo(struct work *w)
{
	err_t err;

	work_undo(w->room);
	TRY(work_mark(w->room));
	err = record_undone(w);
out:
	return err;
}

static err_t run_one(struct work *w, struct bytes primitive, struct buf *responses, bool *done)
{
	struct work m = member_of(w);
	err_t err;

	TRY(prepare(w, &m, primitive));
	TRY(perform(w, &m, responses, done));
	if (!*done)
		err = undo(w);
out:
	buf_free(&m.content);
	return err;
}

static err_t put_responses(struct work *w, size_t n, struct bytes items, struct bytes *out)
{
	struct buf b = buf_make(RESPONSES_MAX + 64);
	err_t err;

	TRY(cbor_put_map(&b, 1));
	TRY(cbor_put_text(&b, BYTES("m2m:rsp")));
	TRY(cbor_put_array(&b, n));
	TRY(buf_add(&b, items));
	err = arena_copy(&w->room->arena, bytes_of_buf(&b), out);
out:
	buf_free(&b);
	return err;
}

err_t transaction_run(struct work *w, struct transaction_result *out)
{
	struct buf responses = buf_make(RESPONSES_MAX);
	struct cbor list, item;
	size_t n = 0;
	err_t err = ERR_OK;

	*out = (struct transaction_result){ .committed = true };
	if (!requests_of(w, &list) || w->depth) {
		work_refuse(w, w->depth ? RSC_NOT_IMPLEMENTED : RSC_BAD_REQUEST, "TS-0004 7.4.60",
		            w->depth ? "not through a group" : "one to sixty-four requests");
		goto out;
	}
	while (list.s.n && out->committed) {
		TRY(cbor_next(&list.s, &item));
		TRY(run_one(w, item.raw, &responses, &out->committed));
		n++;
	}
	err = put_responses(w, n, bytes_of_buf(&responses), &out->responses);
out:
	buf_free(&responses);
	if (err == ERR_LIMIT) {
		work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", "too much for one transaction");
		err = ERR_OK;
	}
	return err;
}

/* --- one request, step by step ------------------------------------------------------------- */

/* The attributes of the request, where it is one for such a resource. */
static bool asked_of(const struct work *w, struct cbor *out)
{
	return w->request.has_content && get(w->request.content, "m2m:trac", CBOR_MAP, out);
}

/* Its request is tried, or done: when it is made, and at LOCK, EXECUTE and COMMIT. */
static bool step_of(const struct work *w, uint64_t *step)
{
	struct cbor trac, tctl;

	*step = TRANSACTION_LOCK;
	if (w->depth || !asked_of(w, &trac))
		return false;
	if (w->request.operation == OPERATION_CREATE && w->request.type == TRANSACTION)
		return true;
	if (w->request.operation != OPERATION_UPDATE || w->target.type != TRANSACTION ||
	    !get(trac.raw, "tctl", CBOR_UINT, &tctl))
		return false;
	*step = tctl.u;
	return *step == TRANSACTION_LOCK || *step == TRANSACTION_EXECUTE || *step == TRANSACTION_COMMIT;
}

/* It is made, and its lock is to come. */
static bool waits(const struct work *w)
{
	struct transaction_times times;
	struct cbor trac;

	if (w->request.operation != OPERATION_CREATE || !asked_of(w, &trac))
		return false;
	transaction_times_read(trac.raw, &times);
	return times.lock > w->in->now;
}

bool transaction_step_wanted(const struct work *w)
{
	uint64_t step;

	return step_of(w, &step);
}

/* Of the resource it stands below. *itself: the transaction goes with its target. */
static err_t is_of(struct work *w, struct bytes primitive, uint64_t parent, bool *yes, bool *itself)
{
	struct request_primitive q;
	struct target target;
	err_t err = ERR_OK;

	*yes = *itself = false;
	if (request_read(primitive, w->in->now, &q) != ERR_OK)
		goto out;
	TRY(resource_resolve(w->room->resources, q.to, &target));
	*yes = target.place == TARGET_HERE &&
	       (target.parent_of_virtual ? target.parent_of_virtual : target.id) == parent;
	*itself = *yes && q.operation == OPERATION_DELETE && !target.parent_of_virtual;
out:
	return err;
}

/* The request, and below what it stands; *well false: the step is not for this state, or not for
 * this originator, as the resource will say. */
static err_t primitive_of(struct work *w, uint64_t step, struct bytes *out, uint64_t *parent, bool *well)
{
	const struct store_row *row;
	struct cbor trac, rqp;
	err_t err = ERR_OK;

	*out = BYTES_NONE;
	*well = true;
	*parent = w->target.id;
	if (w->request.operation == OPERATION_CREATE) {
		if (asked_of(w, &trac) && get(trac.raw, "rqp", CBOR_MAP, &rqp))
			*out = rqp.raw;
		goto out;
	}
	TRY(store_get(w->room->store, w->target.id, &row));
	TRY(row ? ERR_OK : ERR_TAMPERED);
	*parent = row->parent;
	*well = lock_steps(row, w->originator, step);
	if (get(row->body, "rqp", CBOR_MAP, &rqp))
		TRY(arena_copy(&w->room->arena, rqp.raw, out));
out:
	return err;
}

/* Who locks others out must be one who could change the resource anyway, and could do just
 * now what is to be done. When it is made, it is not made else; later it is ABORTED. */
static err_t may_lock(struct work *w, struct work *m, uint64_t parent)
{
	if (!facts_may_update(w, parent) && !m->status)
		work_refuse(m, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.4.61", "a lock needs the right to update the target");
	return w->judge_err;
}

static void refuse_lock(struct work *w, const struct work *m)
{
	work_refuse(w, work_status(m), "TS-0004 7.4.61", m->status && m->what ? m->what : "the request would be refused now");
}

/* The request is tried, or done. */
static err_t try_step(struct work *w, struct work *m, uint64_t step, struct transaction_result *out)
{
	struct buf response = buf_make(RESPONSES_MAX);
	bool made = w->request.operation == OPERATION_CREATE;
	err_t err;

	m->unlocked = made ? 0 : w->target.id;
	TRY(perform(w, m, &response, &out->committed));
	if (!out->committed)
		w->takes_itself = BYTES_NONE;
	if (step != TRANSACTION_COMMIT || !out->committed || w->takes_itself.n)
		TRY(undo(w));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&response), &out->responses));
	if (made && !out->committed)
		refuse_lock(w, m);
out:
	buf_free(&response);
	return err;
}

err_t transaction_step(struct work *w, struct transaction_result *out)
{
	struct work m = member_of(w);
	struct bytes primitive;
	uint64_t step, parent;
	bool well, itself;
	err_t err;

	*out = (struct transaction_result){ .committed = false };
	must(step_of(w, &step));
	TRY(primitive_of(w, step, &primitive, &parent, &well));
	if (!well)
		goto out;
	TRY(is_of(w, primitive, parent, &well, &itself));
	if (!well) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0001 10.2.18.1", "no request to the resource above");
		goto out;
	}
	if (itself && step == TRANSACTION_COMMIT)
		w->takes_itself = primitive;
	TRY(prepare(w, &m, primitive));
	if (step == TRANSACTION_LOCK)
		TRY(may_lock(w, &m, parent));
	if (!waits(w))
		err = try_step(w, &m, step, out);
	else if (m.status)
		refuse_lock(w, &m);
out:
	buf_free(&m.content);
	return err;
}

/* --- steps at their times --------------------------------------------------------------------- */

static err_t put_step(struct work *w, uint64_t id, uint64_t step, struct buf *out)
{
	struct buf address = buf_make(64), rqi = buf_make(64), control = buf_make(16), inner = buf_make(32);
	struct outbound_request r = { .operation = OPERATION_UPDATE, .from = w->request.from, .rvi = BYTES("3") };
	struct cbor_member m = { BYTES("tctl"), BYTES_NONE };
	struct buf content = buf_make(64);
	const struct store_row *row;
	err_t err;

	TRY(store_get(w->room->store, id, &row));
	TRY(row ? resource_identifier(row, &address) : ERR_BAD_STATE);
	TRY(buf_printf(&rqi, "trs-%llx-%llx-%llx", (unsigned long long)w->in->now, (unsigned long long)id,
	               (unsigned long long)step));
	TRY(cbor_put_uint(&control, step));
	m.value = bytes_of_buf(&control);
	TRY(cbor_put_members(&inner, &m, 1));
	m = (struct cbor_member){ BYTES("m2m:trac"), bytes_of_buf(&inner) };
	TRY(cbor_put_members(&content, &m, 1));
	r.to = bytes_of_buf(&address);
	r.rqi = bytes_of_buf(&rqi);
	r.content = bytes_of_buf(&content);
	err = outbound_compose(&r, out);
out:
	buf_free(&address);
	buf_free(&rqi);
	buf_free(&control);
	buf_free(&inner);
	buf_free(&content);
	return err;
}

static err_t keep_step(struct work *w, uint64_t id, uint64_t step, int64_t due)
{
	enum { OCTETS = 2048, KEPT_MS = 120000 };
	struct later_own own = { .values = buf_make(2 * OCTETS) };
	struct buf primitive = buf_make(OCTETS);
	struct later_order order = { .originator = w->originator, .now = w->in->now, .due = due, .expires = due + KEPT_MS };
	err_t err = ERR_REFUSED;

	if (later_full(&w->room->later, w->originator))
		goto out;
	TRY(put_step(w, id, step, &primitive));
	order.primitive = bytes_of_buf(&primitive);
	if (w->association)
		order.credential = bytes_str(w->association->facts.credential);
	later_own_uint(&own, BYTES("@tc"), id);
	err = later_order(w->room, &own, &order, &w->room->arena);
out:
	buf_free(&own.values);
	buf_free(&primitive);
	return err;
}

/* Each at its time, or when the one before it is, in this order. */
static err_t keep_steps(struct work *w, uint64_t id)
{
	struct transaction_times times;
	int64_t due = w->in->now;
	struct cbor trac;
	err_t err = ERR_OK;

	if (!asked_of(w, &trac))
		goto out;
	transaction_times_read(trac.raw, &times);
	if (times.lock > due)
		TRY(keep_step(w, id, TRANSACTION_LOCK, due = times.lock));
	if (times.execute || times.commit)
		TRY(keep_step(w, id, TRANSACTION_EXECUTE, due = times.execute > due ? times.execute : due + 1));
	if (times.commit)
		err = keep_step(w, id, TRANSACTION_COMMIT, times.commit > due ? times.commit : due + 1);
out:
	if (err == ERR_REFUSED) {
		w->outcome = (struct outcome){ .status = RSC_NOT_ACCEPTABLE, .what = "too many requests of the originator wait" };
		err = ERR_OK;
	}
	return err;
}

/* The resource says that it is COMMITTED; now it goes, with what it stands below. */
static err_t take_itself(struct work *w)
{
	struct buf response = buf_make(RESPONSES_MAX);
	struct work m = member_of(w);
	bool done;
	err_t err;

	TRY(prepare(w, &m, w->takes_itself));
	TRY(perform(w, &m, &response, &done));
	TRY(done ? ERR_OK : ERR_BAD_STATE); /* it could be done a moment ago */
	w->outcome.changed = false; /* nothing of it stays to be compared */
out:
	buf_free(&m.content);
	buf_free(&response);
	return err;
}

err_t transaction_after(struct work *w)
{
	err_t err = ERR_OK;

	if (w->depth)
		goto out;
	if (w->request.operation == OPERATION_CREATE && w->request.type == TRANSACTION)
		err = keep_steps(w, w->outcome.resource);
	else if (w->takes_itself.n)
		err = take_itself(w);
out:
	return err;
}

err_t transaction_answered(struct request_room *room, const struct request_arrival *in, bool *was)
{
	const struct store_row *row;
	struct cbor v;
	err_t err;

	TRY(store_get(room->store, in->deferred, &row));
	*was = row && get(row->body, "@tc", CBOR_UINT, &v);
out:
	return err;
}

err_t transaction_admits(struct work *w)
{
	/* A virtual one is held with its parent, and with what it stands for. */
	const uint64_t asked[] = { w->target.id, w->target.parent_of_virtual };
	bool locked = false;
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(asked) && !locked; i++)
		TRY(lock_holds(w->room->resources, asked[i], w->request.operation == OPERATION_RETRIEVE, w->in->now,
		               w->unlocked, &locked));
	if (locked)
		work_refuse(w, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE, "TS-0001 10.2.18.1",
		            "a transaction holds this resource");
out:
	return err;
}
