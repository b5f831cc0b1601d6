/* transaction.c: transactionMgmt: several requests of one originator that are done all or
 * not at all [TS-0001 10.2.18; TS-0004 7.4.60]. Of this CSE's resources, controlled by this
 * CSE, and at once: a request of this node is one transaction anyway, so nothing is locked
 * for anybody to see, and there are no <transaction> resources.
 *
 *   each request in turn, by the steps of any request, with its own decision and record
 *     --all done--> the resource, COMMITTED, with the responses
 *     --one is refused--> undone; the resource, ABORTED, with the responses until then
 *
 * One that has to be answered from elsewhere (a subscription's targets, a blocking
 * update) has all of it wait. */
#include "request/work.h"

enum { TYPE_GROUP = 9, TYPE_TRANSACTION_MGMT = 50, REQUESTS_MAX = 64, RESPONSES_MAX = 1 << 20 };

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

/* What cannot be taken back, or is no request of this CSE's resources alone. */
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
	    target.place == TARGET_ELSEWHERE || (target.virtual_child && target.parent_of_virtual && !target.virtual_child->stands_for) ||
	    (m->request.response_type && m->request.response_type != RT_BLOCKING))
		work_refuse(m, RSC_NOT_IMPLEMENTED, "TS-0001 10.2.18", "not within a transaction of this CSE");
out:
	return err;
}

/* *done: it was. Else all that was done until here is undone, and on record are why, and what
 * is undone. */
static err_t run_one(struct work *w, struct bytes primitive, struct buf *responses, bool *done)
{
	struct work m = {
		.room = w->room, .in = w->in, .association = w->association, .originator = w->originator,
		.app_id = w->app_id, .question = w->question, .depth = w->depth + 1,
		.content = buf_make(w->room->content_max),
	};
	err_t err = request_read(primitive, w->in->now, &m.request);

	if (err == ERR_MEMORY)
		goto out;
	if (err != ERR_OK) {
		m.request.operation = 0;
		work_refuse(&m, RSC_BAD_REQUEST, "TS-0004 7.2.1", "the primitive cannot be read");
	} else {
		TRY(admit(&m, w));
	}
	TRY(request_member(&m));
	TRY(fanout_response(responses, &m));
	*done = status_is_success(work_status(&m));
	TRY(record_remember(w, &m));
	if (*done)
		goto out;
	work_undo(w->room);
	TRY(work_mark(w->room));
	TRY(record_undone(w));
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
