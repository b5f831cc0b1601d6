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
 *     --ABORT--> ABORTED */
#include "request/work.h"
#include "resource/lock.h"

enum { TYPE_TRANSACTION_MGMT = 50, REQUESTS_MAX = 64, RESPONSES_MAX = 1 << 20 };

bool transaction_wanted(const struct work *w)
{
	return w->request.operation == OPERATION_CREATE && w->request.type == TYPE_TRANSACTION_MGMT;
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
	       (w->request.type == TYPE_TRANSACTION_MGMT || w->request.type == TRANSACTION) &&
	       cbor_read(w->request.content, &content) == ERR_OK && resource_brings_key(&content);
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

/* One request by the steps of any request; its response is appended. */
static err_t perform(struct work *w, struct work *m, struct bytes primitive, struct buf *responses, bool *done)
{
	err_t err = request_read(primitive, w->in->now, &m->request);

	if (err == ERR_MEMORY)
		goto out;
	if (err != ERR_OK) {
		m->request.operation = 0;
		work_refuse(m, RSC_BAD_REQUEST, "TS-0004 7.2.1", "the primitive cannot be read");
	} else {
		TRY(admit(m, w));
	}
	TRY(request_member(m));
	TRY(fanout_response(responses, m));
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

	TRY(perform(w, &m, primitive, responses, done));
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

/* Its request is tried, or done: when it is made, and at EXECUTE and COMMIT. */
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
	return *step == TRANSACTION_EXECUTE || *step == TRANSACTION_COMMIT;
}

bool transaction_step_wanted(const struct work *w)
{
	uint64_t step;

	return step_of(w, &step);
}

/* Of the resource it stands below, and nothing that would take itself away. */
static err_t is_of(struct work *w, struct bytes primitive, uint64_t parent, bool *yes)
{
	struct request_primitive q;
	struct target target;
	err_t err = ERR_OK;

	*yes = false;
	if (request_read(primitive, w->in->now, &q) != ERR_OK)
		goto out;
	TRY(resource_resolve(w->room->resources, q.to, &target));
	*yes = target.place == TARGET_HERE &&
	       (target.parent_of_virtual ? target.parent_of_virtual : target.id) == parent;
	if (*yes && q.operation == OPERATION_DELETE && !target.parent_of_virtual)
		work_refuse(w, RSC_NOT_IMPLEMENTED, "TS-0004 7.4.61", "the transaction would go with its target");
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
	if (step == TRANSACTION_LOCK) {
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
 * now what is to be done. */
static err_t may_lock(struct work *w, const struct work *m, bool done)
{
	if (!facts_may_update(w, w->target.id))
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.4.61", "a lock needs the right to update the target");
	else if (!done)
		work_refuse(w, work_status(m), "TS-0004 7.4.61", "the request would be refused now");
	return w->judge_err;
}

err_t transaction_step(struct work *w, struct transaction_result *out)
{
	struct buf response = buf_make(RESPONSES_MAX);
	struct work m = member_of(w);
	struct bytes primitive;
	uint64_t step, parent;
	bool well;
	err_t err;

	*out = (struct transaction_result){ .committed = false };
	must(step_of(w, &step));
	TRY(primitive_of(w, step, &primitive, &parent, &well));
	if (well)
		TRY(is_of(w, primitive, parent, &well));
	else
		goto out;
	if (!well && !w->status)
		work_refuse(w, RSC_BAD_REQUEST, "TS-0001 10.2.18.1", "no request to the resource above");
	if (w->status)
		goto out;
	m.unlocked = step == TRANSACTION_LOCK ? 0 : w->target.id;
	TRY(perform(w, &m, primitive, &response, &out->committed));
	if (step != TRANSACTION_COMMIT || !out->committed)
		TRY(undo(w));
	TRY(arena_copy(&w->room->arena, bytes_of_buf(&response), &out->responses));
	if (step == TRANSACTION_LOCK)
		err = may_lock(w, &m, out->committed);
out:
	buf_free(&m.content);
	buf_free(&response);
	return err;
}

err_t transaction_admits(struct work *w)
{
	uint64_t target = w->target.parent_of_virtual ? w->target.parent_of_virtual : w->target.id;
	bool locked;
	err_t err;

	TRY(lock_holds(w->room->resources, target, w->request.operation == OPERATION_RETRIEVE, w->in->now,
	               w->unlocked, &locked));
	if (locked)
		work_refuse(w, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE, "TS-0001 10.2.18.1",
		            "a transaction holds this resource");
out:
	return err;
}
