/* request.c: the path of one request, to be read from top to bottom. What each
 * step does in detail is in the file of its name; the order is steps.def and
 * nothing else. */
#include "request/blocked.h"
#include "request/delivery.h"
#include "request/later_work.h"
#include "request/notification.h"
#include "request/work.h"
#include "resource/subscribe.h"

enum { CONTENT_KEEP = 64 * 1024 };

void work_refuse(struct work *w, unsigned status, const char *rule, const char *what)
{
	must(status_row(status) && !status_is_success(status));
	w->status = status;
	w->rule = rule;
	w->what = what;
}

unsigned work_status(const struct work *w)
{
	return w->status ? w->status : w->outcome.status;
}

/* --- admit --------------------------------------------------------------------- */

/* The association first: octets that came on none are not looked at further. */
static bool admit_association(struct work *w)
{
	const struct request_room *room = w->room;

	if (w->in->deferred)
		return true; /* later_arrived knows whose it is */
	if (w->in->own || (w->in->association == 0 && room->lab))
		return true;
	if (w->in->association != 0)
		w->association = (w->in->again ? registry_association_held : registry_association)(
			room->registry, w->in->association, w->in->gate, w->in->now);
	if (!w->association)
		work_refuse(w, RSC_SECURITY_ASSOCIATION_REQUIRED, "association register",
		            "no live security association of this gate");
	return w->association != NULL;
}

static err_t step_admit(struct work *w)
{
	err_t read;

	if (!admit_association(w))
		return ERR_OK;
	read = request_read(w->in->primitive, w->in->memo.arrived ? w->in->memo.arrived : w->in->now,
	                    &w->request);
	if (read == ERR_MEMORY)
		return read;
	if (read != ERR_OK) {
		work_refuse(w, read == ERR_UNSUPPORTED ? RSC_NOT_IMPLEMENTED : RSC_BAD_REQUEST,
		            "TS-0004 7.2.1",
		            w->request.unread ? "a parameter has no value of its type" : "the primitive cannot be read");
		w->detail = w->request.unread ? w->request.unread : err_text(read);
		return ERR_OK;
	}
	resource_release(w->room->resources, w->request.release);
	return admission_run(w, STEP_admit);
}

/* --- identify ------------------------------------------------------------------ */

static err_t step_identify(struct work *w)
{
	err_t err;

	TRY(identify_claim(w));
	TRY(admission_run(w, STEP_identify));
	if (!w->status)
		TRY(identify_accept(w));
	if (!w->status && (!w->in->deferred || w->delivered))
		TRY(identify_replay(w));
out:
	return err;
}

/* --- defer --------------------------------------------------------------------- */

static err_t step_defer(struct work *w)
{
	if (w->in->deferred || !later_wanted(&w->request, w->in->now))
		return ERR_OK;
	return later_keep(w);
}

/* --- resolve ------------------------------------------------------------------- */

/* la and ol of an empty container: that it is empty is for those to know who
 * may read it. */
static bool stands_for_none(const struct work *w)
{
	return w->target.place == TARGET_NONE && w->target.virtual_child;
}

static err_t step_resolve(struct work *w)
{
	err_t err;

	TRY(resource_resolve(w->room->resources, w->request.to, &w->target));
	if (w->target.place == TARGET_ELSEWHERE)
		TRY(facts_barred_elsewhere(w) ? ERR_OK : forward_route(w));
	else if (w->target.place != TARGET_HERE && !w->repeated && !stands_for_none(w))
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.3.2.6", "no such resource");
out:
	return err;
}

/* --- decide -------------------------------------------------------------------- */

static err_t step_decide(struct work *w)
{
	err_t err;

	/* A first result whose target is gone since: to whom it was given is known,
	 * and there is nothing left to be judged. */
	if (w->target.place != TARGET_HERE && !stands_for_none(w))
		return ERR_OK;
	TRY(facts_decide(w));
	if (!w->status && !w->permit)
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, w->decision.text,
		            w->decision.text);
	else if (!w->status && stands_for_none(w) && !w->repeated) {
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 6.8", "there is no instance");
		err = notification_empty(w);
	}
	/* After the decision: who may do nothing uses up no identifier. */
	if (err == ERR_OK && !w->status)
		err = once_check(w);
out:
	return err;
}

/* --- apply --------------------------------------------------------------------- */

/* A blocking request is done at its Operation Execution Time, not before; it was looked at
 * and is looked at again then. Of one that goes on, the CSE that hosts the target waits. */
static err_t wait_for_time(struct work *w)
{
	struct buf target = buf_make(64);
	err_t err = ERR_OK;

	if (w->depth || w->repeated || w->request.executes <= w->in->now || forward_is_due(w))
		goto out;
	TRY(buf_printf(&target, "%s%llu", OUTBOUND_AT, (unsigned long long)w->request.executes));
	err = outbound_wait(w, bytes_of_buf(&target), bytes_of_buf(&target));
out:
	buf_free(&target);
	return err;
}

static err_t step_apply(struct work *w)
{
	struct replay_result result;
	err_t err;

	TRY(wait_for_time(w));
	TRY(apply_run(w));
	if (w->repeated || w->depth || (forward_is_due(w) && !w->carried) || !w->question.changes ||
	    !status_is_success(work_status(w)))
		goto out;
	result = (struct replay_result){ work_status(w), w->outcome.resource };
	TRY(replay_remember(w->room->replay, &w->question, &result));
out:
	return err;
}

/* --- answer -------------------------------------------------------------------- */

/* The debug text, where the status row allows one [TS-0004 7.2.1.2]. */
static err_t put_debug(struct work *w)
{
	const struct status_row *row = status_row(work_status(w));
	struct cbor_member member = { BYTES("m2m:dbg"), BYTES_NONE };
	struct buf value = buf_make(256);
	char text[192];
	err_t err;

	buf_clear(&w->content);
	if (!row || !row->detail)
		return ERR_OK;
	TRY(cbor_put_text(&value, record_text(w, text)));
	member.value = bytes_of_buf(&value);
	TRY(cbor_put_members(&w->content, &member, 1));
out:
	buf_free(&value);
	return err;
}

/* --- the order ------------------------------------------------------------------ */

static err_t step_answer(struct work *w)
{
	err_t err = ERR_OK;

	if (!status_is_success(work_status(w)))
		TRY(put_debug(w));
	TRY(record_request(w));
out:
	return err;
}

static const struct {
	const char *name;
	err_t (*run)(struct work *w);
} steps[STEP_COUNT] = {
#define STEP(step, text) [STEP_##step] = { #step, step_##step },
#include "request/steps.def"
#undef STEP
};

static err_t run_steps(struct work *w, enum request_step from)
{
	err_t err = ERR_OK;

	for (size_t i = from; i < STEP_answer && !work_status(w); i++)
		TRY(steps[i].run(w));
	TRY(steps[STEP_answer].run(w));
out:
	return err;
}

/* A member of a group: the same steps, from resolve on; who asks is known. */
err_t request_member(struct work *w)
{
	return run_steps(w, STEP_resolve);
}

/* noResponse: that it came is all that is said. */
static void say_nothing(const struct work *w, struct response_primitive *response)
{
	if (w->request.response_type != RT_NONE || !status_is_success(response->status))
		return;
	response->status = RSC_ACCEPTED;
	response->content = BYTES_NONE;
	response->content_status = 0;
}

/* Where it is announced is for the answer to say, which may wait for it [TS-0004 7.3.3.10]. */
static uint64_t announced(const struct work *w)
{
	bool creates = w->request.operation == OPERATION_CREATE;
	struct bytes asked = subscription_asked(w->request.content);
	struct cbor at;
	bool found = false;

	if ((!creates && w->request.operation != OPERATION_UPDATE) || !w->content.n || !asked.n ||
	    w->target.virtual_child || !status_is_success(work_status(w)))
		return 0;
	if (cbor_find(asked, BYTES("at"), &at, &found) != ERR_OK || !found || at.kind != CBOR_ARRAY || !at.u)
		return 0;
	return creates ? w->outcome.resource : w->target.id;
}

static err_t serve(struct work *w, struct buf *answer)
{
	struct response_primitive response;
	err_t err;

	if (w->in->deferred)
		TRY(later_arrived(w));
	if (w->validates)
		return members_validate(w);
	if (w->delivers)
		return delivery_send(w);
	if (w->notifies)
		return later_notify(w);
	if (w->in->deferred) /* else it is not what was kept: ours to answer for, not the originator's */
		TRY(w->in->primitive.n ? ERR_OK : ERR_TAMPERED);
	TRY(run_steps(w, STEP_admit));
	/* No way leads out of here without a record. */
	TRY(audit_since_mark(w->room->audit) > 0 ? ERR_OK : ERR_BAD_STATE);
	response = (struct response_primitive){
		.status = work_status(w),
		.rqi = w->request.rqi.n ? w->request.rqi : answer_identifier(w->in->primitive),
		.rvi = answer_release(w), .content = bytes_of_buf(&w->content),
		/* said again, in its absolute form [TS-0001 8.1.3] */
		.result_expires = w->request.result_expires,
		.content_status = w->outcome.content_status,
		.content_offset = w->outcome.content_offset,
	};
	if (response.rvi.n) /* not to a Release 1 entity [TS-0004 7.3.2.6] */
		response.vendor = w->vendor;
	if (w->in->deferred)
		return later_result(w, &response);
	response.from = forward_host(w); /* whose the addresses in the content are */
	say_nothing(w, &response);
	TRY(response_write(&response, answer));
	w->room->answered = response.status;
	w->room->announced = announced(w);
out:
	return err;
}

/* Who was asked about a row that the request makes was told its number: that is kept. */
static err_t keep_rows(struct request_room *room)
{
	struct store_ids *rows = &room->needs.rows;

	if (!room->needs.names_rows)
		rows->from = rows->end;
	if (rows->from == rows->end || store_keep_ids(room->store, rows->end))
		return ERR_PENDING;
	room->must_commit = true; /* and there are numbers again */
	return ERR_LIMIT;
}

err_t request_serve(struct request_room *room, const struct request_arrival *in,
                    struct buf *answer)
{
	struct work w = { .room = room, .in = in };
	size_t answered = answer->n;
	err_t err;

	arena_reset(&room->arena);
	room->needs.n = 0;
	room->needs.names_rows = false;
	room->announced = 0;
	room->served[0] = '\0';
	resource_begin(room->resources);
	if (room->content.cap > room->content_max)
		buf_free(&room->content);
	w.content = room->content;
	w.content.max = room->content_max;
	store_promise_ids(room->store, in->memo.rows, in->memo.rows_n);
	room->needs.rows.from = store_id_at(room->store);
	TRY(work_mark(room));
	err = serve(&w, answer);
	if (w.association)
		must(bytes_put_str(room->served, sizeof(room->served), bytes_str(w.association->facts.credential)) == ERR_OK);
	room->needs.rows.end = store_id_at(room->store);
	if (err == ERR_OK) {
		store_release_mark(room->store);
	} else {
		work_undo(room);
		answer->n = answered;
	}
	if (err == ERR_PENDING)
		err = keep_rows(room);
	if (err == ERR_PENDING && in->deferred && later_forwarded(&w) != ERR_OK)
		err = ERR_IO;
	if (err != ERR_PENDING)
		blocked_end(&w);
out:
	store_promise_ids(room->store, NULL, 0);
	/* Its memory serves the next request, unless this one was out of the way. */
	buf_clear(&w.content);
	if (w.content.cap > CONTENT_KEEP)
		buf_free(&w.content);
	room->content = w.content;
	return err;
}
