/* later_run.c: keeping a request that is answered later, doing it at its time, and
 * sending its result [TS-0004 7.2.2.2, 7.3.2.2-5, 7.5.1.2].
 *
 * What was found out when it arrived - who asked, on which credential - is kept;
 * what may change is judged anew when it is done: whether the credential still
 * stands, and whether the originator has the right. */
#include "request/action.h"
#include "request/coordinate.h"
#include "request/delivery.h"
#include "request/later_work.h"
#include "request/reach.h"
#include "resource/delivery.h"
#include "wire/wire.h"

enum {
	COMPLETED = 1, FAILED = 2, PENDING = 3, FORWARDED = 4,
	TRIES_MAX = 4, RETRY_MS = 15000,
	RESULT_MAX = 1 << 20, PRIMITIVE_MAX = 2 << 20,
	TARGETS_MAX = 16,
};

/* A result is kept this long when nothing is asked, and at most. */
static const int64_t keep_ms = INT64_C(3600) * 1000, keep_max = INT64_C(7) * 86400 * 1000;

static const char reason[] = "request resource";

/* --- what is asked ------------------------------------------------------------------- */

/* nu of the Response Type: whom to tell. */
static bool targets_of(const struct request_primitive *r, struct cbor *nu)
{
	bool found;

	return r->has[PARAM_RT] &&
	       cbor_find(r->value[PARAM_RT].raw, BYTES("nu"), nu, &found) == ERR_OK && found &&
	       nu->kind == CBOR_ARRAY;
}

bool later_wanted(const struct request_primitive *r, int64_t now)
{
	return r->response_type == RT_SYNCH || r->response_type == RT_ASYNCH ||
	       (r->response_type == RT_FLEX && r->executes > now);
}

static bool is_asynchronous(const struct request_primitive *r)
{
	struct cbor nu;

	return r->response_type == RT_ASYNCH ||
	       (r->response_type == RT_FLEX && targets_of(r, &nu) && nu.u > 0);
}

/* Until when the result is there, for one that is known at `from`. */
static int64_t kept_until(const struct request_primitive *r, int64_t from)
{
	int64_t until = from + (r->persistence ? r->persistence : keep_ms);

	if (r->persists > from)
		until = r->persists;
	if (r->result_expires > from && r->result_expires < until)
		until = r->result_expires;
	return until > from + keep_max ? from + keep_max : until;
}

/* --- keeping ---------------------------------------------------------------------------- */

/* Those to be told of the result: nu, nobody when it is empty [TS-0001 8.1.2], else the
 * originator itself. */
static void own_targets(struct later_own *o, const struct work *w)
{
	struct cbor nu;
	err_t err;

	later_own_begin(o, BYTES("@nu"));
	if (targets_of(&w->request, &nu)) {
		TRY(buf_add(&o->values, nu.raw));
	} else {
		TRY(cbor_put_array(&o->values, 1));
		TRY(cbor_put_text(&o->values, w->request.from));
	}
out:
	later_own_end(o, err);
}

static int64_t due_of(const struct work *w)
{
	return w->request.executes > w->in->now ? w->request.executes : w->in->now;
}

static void own_fill(struct later_own *o, const struct work *w)
{
	*o = (struct later_own){ .values = buf_make(LATER_OCTETS + 65536) };
	later_own_uint(o, BYTES("@at"), (uint64_t)w->in->now);
	later_own_uint(o, BYTES("@du"), (uint64_t)due_of(w));
	later_own_bytes(o, BYTES("@ad"), bytes_make(w->in->address, w->in->address_n));
	later_own_raw(o, BYTES("@rq"), w->in->primitive);
	if (w->association)
		later_own_text(o, BYTES("@cd"), bytes_str(w->association->facts.credential));
	if (is_asynchronous(&w->request))
		own_targets(o, w);
}

static err_t put_reference(struct work *w, uint64_t row)
{
	struct resources *r = w->room->resources;
	struct buf text = buf_make(128);
	const struct store_row *found;
	err_t err;

	TRY(store_get(w->room->store, row, &found));
	if (!found)
		goto out;
	/* Who is registered here reads it relative to this CSE; others do not. */
	if (w->association && w->association->facts.entity_is_cse) {
		TRY(buf_add(&text, resources_cse(r)->cse_id));
		TRY(buf_add_byte(&text, '/'));
	}
	TRY(resource_identifier(found, &text));
	TRY(cbor_put_map(&w->content, 1));
	TRY(cbor_put_text(&w->content, BYTES("m2m:uri")));
	TRY(cbor_put_text(&w->content, bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err;
}

static err_t keep(struct work *w, uint64_t *row)
{
	const struct permit *system = permit_for_system(reason);
	struct cbor_member members[LATER_OWN_MAX];
	struct resource_kept kept = {
		.request = &w->request, .originator = w->originator, .now = w->in->now,
		.expires = kept_until(&w->request, due_of(w)), .own = members,
	};
	struct later_own own;
	err_t err;

	/* It must be there at least until it is done. */
	if (kept.expires <= due_of(w))
		kept.expires = due_of(w) + keep_ms;
	own_fill(&own, w);
	TRY(own.err);
	kept.own_n = later_own_members(&own, members);
	TRY(resource_request_keep(w->room->resources, system, &kept, &w->room->arena, row));
	TRY(later_add(&w->room->later, due_of(w), *row, w->originator));
out:
	buf_free(&own.values);
	return err;
}

static const char *too_much(const struct work *w)
{
	struct cbor nu;

	if (w->in->primitive.n > LATER_OCTETS)
		return "too large for a request that is answered later";
	if (targets_of(&w->request, &nu) && nu.u > TARGETS_MAX)
		return "too many notification targets";
	return later_full(&w->room->later, w->originator) ? "too many requests wait already" : NULL;
}

/* A request resource is answered at once: its result would be one again
 * [TS-0004 7.4.12.2.2-4]. */
static err_t of_request(struct work *w, bool *yes)
{
	struct target target;
	const struct store_row *row = NULL;
	err_t err;

	TRY(resource_resolve(w->room->resources, w->request.to, &target));
	if (target.place == TARGET_HERE)
		TRY(store_get(w->room->store, target.id, &row));
	*yes = row && row->type == TYPE_REQUEST;
out:
	return err;
}

err_t later_keep(struct work *w)
{
	unsigned status = is_asynchronous(&w->request) ? RSC_ACCEPTED_NONBLOCKING_ASYNCH
	                                               : RSC_ACCEPTED_NONBLOCKING_SYNCH;
	uint64_t row = w->kept.resource;
	struct replay_result result;
	bool nested;
	err_t err = ERR_OK;

	TRY(of_request(w, &nested));
	if (nested) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.4.12.2.2",
		            "a request resource is answered at once");
		return ERR_OK;
	}
	if (!w->repeated && too_much(w)) {
		work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", too_much(w));
		return ERR_OK;
	}
	if (!w->repeated)
		err = keep(w, &row);
	if (err == ERR_REFUSED) {
		work_refuse(w, RSC_NOT_ACCEPTABLE, "limit",
		            "the originator's share of this node is used up");
		return ERR_OK;
	}
	TRY(err);
	TRY(put_reference(w, row));
	w->outcome = (struct outcome){ .status = w->repeated ? w->kept.status : status,
		                       .resource = row, .what = "kept, to be answered later" };
	/* The acknowledgement promises a result: it is durable first. */
	w->room->must_commit = true;
	result = (struct replay_result){ status, row };
	if (!w->repeated && w->question.changes)
		TRY(replay_remember(w->room->replay, &w->question, &result));
out:
	return err;
}

/* --- doing ------------------------------------------------------------------------------- */

static err_t member_of(struct work *w, struct bytes key, struct cbor *out, bool *found)
{
	const struct store_row *row;
	err_t err;

	*found = false;
	TRY(store_get(w->room->store, w->in->deferred, &row));
	if (!row)
		goto out;
	TRY(cbor_find(row->body, key, out, found));
	if (*found) {
		TRY(arena_copy(&w->room->arena, out->raw, &out->raw));
		TRY(cbor_read(out->raw, out));
	}
out:
	return err;
}

/* Of a request within a delivery the memory is asked, not the age: see identify_replay. */
static unsigned replay_of(const struct work *w, const struct credential *c)
{
	if (!w->delivered)
		return REPLAY_OFF;
	return c->replay_mode == REPLAY_STRICT ? REPLAY_WINDOW : c->replay_mode;
}

/* Not one that came after it under the same name: whoever had that when the request was kept may be
 * why it was revoked. A key of a MAF's is the same one each time it is retrieved. */
static bool stands(const struct work *w, const struct credential *c)
{
	bool same = c && (c->enrolled <= w->in->memo.arrived || bytes_starts(bytes_str(c->by), BYTES(REGISTRY_BY_TRUST)));

	return same && !c->revoked && c->not_after > w->in->now;
}

/* The association as it was, on the credential as it is. */
static err_t stand_in(struct work *w, struct bytes credential)
{
	const struct credential *c;
	struct association *a;
	void *p;
	err_t err;

	TRY(registry_find(w->room->registry, credential, &c));
	if (!stands(w, c)) {
		work_refuse(w, RSC_ORIGINATOR_NOT_AUTHENTICATED, "association register",
		            "the credential that the request came on stands no more");
		goto out;
	}
	TRY(arena_take(&w->room->arena, sizeof(*a), &p));
	a = p;
	a->facts = (struct association_facts){ .secured = true, .until = c->not_after,
		.entity_is_cse = c->kind == ENTITY_CSE, .replay_mode = replay_of(w, c), .suid = c->suid };
	TRY(bytes_put_str(a->facts.credential, sizeof(a->facts.credential), bytes_str(c->id)));
	TRY(bytes_put_str(a->facts.entity, sizeof(a->facts.entity), bytes_str(c->entity)));
	a->opened = w->in->memo.arrived;
	w->association = a;
out:
	return err;
}

/* Is the row a group, or a delivery, or was the request within one? One that was cancelled, or whose
 * lifespan is over, takes with it what was not done. */
static err_t of_delivery(struct work *w)
{
	const struct store_row *row;
	struct cbor v;
	err_t err;

	TRY(store_get(w->room->store, w->in->deferred, &row));
	w->delivers = row && row->type == DELIVERY;
	w->validates = row && row->type == TYPE_GROUP;
	TRY(member_of(w, BYTES("@dv"), &v, &w->delivered));
	if (!w->delivered)
		goto out;
	TRY(store_get(w->room->store, v.u, &row));
	if (!row || (row->expires && row->expires <= w->in->now))
		work_refuse(w, RSC_REQUEST_TIMEOUT, "TS-0001 10.2.5.11", "its delivery was cancelled, or its lifespan is over");
out:
	return err;
}

err_t later_arrived(struct work *w)
{
	const struct store_row *row;
	struct cbor v;
	bool found;
	err_t err;

	TRY(of_delivery(w));
	TRY(store_get(w->room->store, w->in->deferred, &row));
	if (!row)
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.4.12.2.4", "it was taken back");
	TRY(member_of(w, BYTES("rs"), &v, &found));
	TRY(store_get(w->room->store, w->in->deferred, &row));
	w->notifies = found && row && !later_is_undone(row, v.u);
	TRY(member_of(w, BYTES("@cd"), &v, &found));
	if (found)
		TRY(stand_in(w, v.s));
	else if (!w->room->lab)
		work_refuse(w, RSC_SECURITY_ASSOCIATION_REQUIRED, "association register",
		            "the request came on no security association");
out:
	return err;
}

static err_t change(struct request_room *room, const struct request_arrival *in,
                    const struct later_own *own, int64_t expires)
{
	struct cbor_member members[LATER_OWN_MAX];
	struct resource_change c = { .m = members, .n = later_own_members(own, members),
		                     .now = in->now, .expires = expires };

	if (own->err != ERR_OK)
		return own->err;
	return resource_request_change(room->resources, permit_for_system(reason), in->deferred, &c,
	                               &room->arena);
}

err_t later_forwarded(struct work *w)
{
	struct later_own own = { .values = buf_make(64) };
	const struct store_row *row;
	struct cbor rs;
	bool found;
	err_t err;

	TRY(member_of(w, BYTES("rs"), &rs, &found));
	if (!found || rs.u != PENDING || !forward_is_due(w))
		goto out;
	TRY(store_get(w->room->store, w->in->deferred, &row));
	later_own_uint(&own, BYTES("rs"), FORWARDED);
	TRY(change(w->room, w->in, &own, row->expires));
	w->room->must_commit = true;
out:
	buf_free(&own.values);
	return err;
}

static void own_result(struct later_own *o, const struct response_primitive *response)
{
	struct response_primitive bare = *response;
	size_t at = o->values.n;
	err_t err;

	later_own_begin(o, BYTES("ors"));
	err = response_write(response, &o->values);
	if (err == ERR_LIMIT) {
		/* More than a resource holds. */
		o->values.n = at;
		bare.status = RSC_NOT_ACCEPTABLE;
		bare.content = BYTES_NONE;
		bare.content_status = 0;
		err = response_write(&bare, &o->values);
	}
	later_own_end(o, err);
}

/* 1000: it is on its way, in a delivery [TS-0001 10.2.5.7]. */
static unsigned state_of(unsigned status)
{
	if (status == RSC_ACCEPTED)
		return FORWARDED;
	return status_is_success(status) ? COMPLETED : FAILED;
}

static err_t finish(struct request_room *room, const struct request_arrival *in,
                    const struct request_primitive *q, const struct response_primitive *response)
{
	struct later_own own = { .values = buf_make(RESULT_MAX) };
	const struct store_row *row;
	bool ours;
	err_t err;

	later_own_uint(&own, BYTES("rs"), state_of(response->status));
	own_result(&own, response);
	later_own_raw(&own, BYTES("@rq"), BYTES_NONE);
	TRY(action_inputs_answered(room, in, response, &ours));
	if (!ours)
		TRY(action_answered(room, in->deferred, response, &ours));
	if (!ours)
		TRY(coordinate_answered(room, in, response, &ours));
	if (!ours)
		TRY(action_polled(room, in, response, &ours));
	if (!ours)
		TRY(transaction_answered(room, in, &ours));
	if (!ours)
		TRY(delivery_answered(room, in, &ours));
	TRY(change(room, in, &own, ours ? in->now : kept_until(q, in->now)));
	TRY(store_get(room->store, in->deferred, &row));
	if (row)
		TRY(later_add(&room->later, in->now, in->deferred, BYTES_NONE));
	room->must_commit = true;
out:
	buf_free(&own.values);
	return err;
}

err_t later_result(struct work *w, const struct response_primitive *response)
{
	return finish(w->room, w->in, &w->request, response);
}

err_t later_failed(struct request_room *room, const struct request_arrival *in)
{
	struct response_primitive response = { .status = RSC_INTERNAL_SERVER_ERROR,
		                               .rqi = answer_identifier(in->primitive) };
	const struct store_row *row = NULL;
	struct request_primitive q;
	struct cbor rid;
	bool found;
	err_t err = ERR_OK;

	if (store_get(room->store, in->deferred, &row) == ERR_OK && row && row->type == DELIVERY)
		return delivery_failed(room, in);
	if (row && row->type == TYPE_GROUP)
		return ERR_OK; /* its time comes again */
	if (request_read(in->primitive, in->memo.arrived, &q) != ERR_OK)
		q.persistence = q.persists = q.result_expires = 0;
	arena_reset(&room->arena);
	if (!response.rqi.n && row && cbor_find(row->body, BYTES("rid"), &rid, &found) == ERR_OK && found && rid.kind == CBOR_TEXT)
		TRY(arena_copy(&room->arena, rid.s, &response.rqi));
	err = finish(room, in, &q, &response);
out:
	return err;
}

/* --- telling -------------------------------------------------------------------------------- */

/* A URL, or an entity here: itself, or one that it may notify. */
static err_t may_tell(struct work *w, struct bytes target, bool *yes)
{
	struct target t;
	err_t err = ERR_OK;

	*yes = reach_is_url(target) || bytes_equal(target, w->request.from);
	if (*yes)
		goto out;
	TRY(resource_resolve(w->room->resources, target, &t));
	*yes = t.place == TARGET_HERE && !t.virtual_child && facts_may_notify(w, t.id);
	TRY(w->judge_err);
out:
	return err;
}

static err_t tell(struct work *w, struct bytes target, struct bytes result, bool *told)
{
	struct outbound_request request = {
		.operation = OPERATION_NOTIFY, .to = target,
		.from = resources_cse(w->room->resources)->cse_id, .originated = w->in->now,
	};
	struct buf content = buf_make(PRIMITIVE_MAX), primitive = buf_make(PRIMITIVE_MAX);
	struct response_primitive r;
	struct reach reach;
	bool may;
	err_t err;

	*told = true; /* one that may not be told is done with */
	TRY(may_tell(w, target, &may));
	if (!may)
		goto out;
	TRY(outbound_identifier(w, target, &request.rqi));
	TRY(cbor_put_map(&content, 1));
	TRY(cbor_put_text(&content, BYTES("m2m:rsp")));
	TRY(buf_add(&content, result));
	request.content = bytes_of_buf(&content);
	TRY(reach_of(w, target, &reach));
	request.rvi = reach_release(&reach);
	TRY(outbound_compose(&request, &primitive));
	TRY(reach_exchange(w, &reach, bytes_of_buf(&primitive), SEND_REPEAT, &r));
	*told = r.status != 0;
out:
	buf_free(&content);
	buf_free(&primitive);
	return err;
}

/* All of them; each that is missing is asked for before ERR_PENDING. */
static err_t tell_all(struct work *w, const struct cbor *targets, struct bytes result, bool *told)
{
	struct bytes rest = targets->s;
	bool pending = false;
	struct cbor item;
	err_t err = ERR_OK;

	*told = true;
	while (rest.n) {
		bool one = true;

		TRY(cbor_next(&rest, &item));
		if (item.kind == CBOR_TEXT)
			err = tell(w, item.s, result, &one);
		pending |= err == ERR_PENDING;
		TRY(err == ERR_PENDING ? ERR_OK : err);
		*told = *told && one;
	}
	err = pending ? ERR_PENDING : ERR_OK;
out:
	return err;
}

static err_t told_or_again(struct work *w, bool told, unsigned tries)
{
	struct later_own own = { .values = buf_make(64) };
	const struct store_row *row;
	int64_t due = w->in->now + ((int64_t)RETRY_MS << (2 * tries));
	err_t err;

	TRY(store_get(w->room->store, w->in->deferred, &row));
	if (!row)
		goto out;
	if (told || tries + 1 >= TRIES_MAX || due >= row->expires) {
		later_own_raw(&own, BYTES("@nu"), BYTES_NONE);
	} else {
		later_own_uint(&own, BYTES("@tr"), tries + 1);
		later_own_uint(&own, BYTES("@du"), (uint64_t)due);
		TRY(later_add(&w->room->later, due, w->in->deferred, w->originator));
	}
	TRY(change(w->room, w->in, &own, row->expires));
out:
	buf_free(&own.values);
	return err;
}

err_t later_notify(struct work *w)
{
	struct cbor targets, result, tries;
	bool found, told = true, retried;
	err_t err;

	TRY(member_of(w, BYTES("@nu"), &targets, &found));
	if (found)
		TRY(member_of(w, BYTES("ors"), &result, &found));
	if (!found)
		return ERR_OK; /* a result that nobody waits for */
	TRY(member_of(w, BYTES("@tr"), &tries, &retried));
	TRY(member_of(w, BYTES("org"), &w->request.value[PARAM_FR], &found));
	w->request.from = found ? w->request.value[PARAM_FR].s : BYTES_NONE;
	w->request.operation = OPERATION_NOTIFY;
	TRY(identify_claim(w));
	w->originator = w->claimed;
	if (!w->status)
		TRY(tell_all(w, &targets, result.raw, &told));
	TRY(told_or_again(w, told, retried ? (unsigned)tries.u : 0));
	w->outcome = (struct outcome){ .status = told ? RSC_OK : RSC_TARGET_NOT_REACHABLE,
		                       .resource = w->in->deferred, .what = "the result of a request" };
	w->room->must_commit = true;
	TRY(record_request(w));
out:
	return err;
}
