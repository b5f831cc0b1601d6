/* batch.c: the transaction of a turn, and the answers that wait for it. No
 * answer to a change leaves before the change is durable; when it does not
 * become durable, the answer is 5000 instead. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

err_t batch_begin(struct core *c)
{
	err_t err = ERR_OK;

	if (c->inside)
		return ERR_OK;
	TRY(store_begin(c->store));
	c->inside = true;
	c->since = clock_steady();
	c->room.must_commit = false;
out:
	return err;
}

/* What lives in memory beside the store follows what became of the transaction. */
static void settle(struct core *c, bool committed)
{
	audit_settle(c->room.audit, committed);
	replay_settle(c->room.replay, committed);
	quota_settle(c->room.quota, committed);
	queue_settle(c->room.queue, committed);
	c->deliver_at = 0;
	c->inside = false;
	c->room.must_commit = false;
	c->room.later.stale |= !committed;
	for (size_t i = 0; committed && i < c->waited_n && c->durable_n < COUNT_OF(c->durable); i++)
		c->durable[c->durable_n++] = c->waited[i];
	c->waited_n = 0;
	/* Forgetting a credential that was not undone would open nothing; keeping
	 * one that was would. */
	if (!committed)
		node_reload_registers(c);
	if (!committed && c->room.resources)
		resource_expire_again(c->room.resources);
	if (c->touched.n)
		registered_settle(c);
}

/* What could not be kept leaves a gap in what the log tells, permitted reads among
 * it: that there is one, and since when, stands in the first batch that is kept. */
static err_t record_gap(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now, .rule = BYTES("audit") };
	char since[CLOCK_STAMP_LENGTH + 1];
	struct buf text = buf_make(160);
	err_t err;

	clock_stamp(c->failed_since, since);
	TRY(buf_printf(&text, "since %s %llu batches of records could not be kept", since,
	               (unsigned long long)c->failed_commits));
	record.text = bytes_of_buf(&text);
	TRY(batch_record(c, &record));
out:
	buf_free(&text);
	return err;
}

/* A full disk fails every batch: one line in a while. */
static void note_failure(struct core *c, err_t err)
{
	int64_t now = clock_steady();

	if (c->failed_commits++ == 0)
		c->failed_since = c->now;
	else if (now - c->failed_said < CORE_FULL_MS)
		return;
	c->failed_said = now;
	log_event(LOG_ERROR, "commit failed", "why=%s batches=%llu", err_text(err),
	          (unsigned long long)c->failed_commits);
}

err_t batch_commit(struct core *c)
{
	err_t err = ERR_OK;

	if (!c->inside)
		return ERR_OK;
	if (c->failed_commits)
		err = record_gap(c);
	if (err == ERR_OK)
		err = quota_write(c->room.quota);
	if (err == ERR_OK)
		err = store_commit(c->store);
	else
		store_rollback(c->store);
	settle(c, err == ERR_OK);
	if (err != ERR_OK) {
		note_failure(c, err);
		return err;
	}
	c->failed_commits = 0;
	c->batches++;
	c->batches_since_anchor++;
	return ERR_OK;
}

err_t batch_mark(struct core *c)
{
	err_t err;

	TRY(batch_begin(c));
	TRY(store_mark(c->store));
	audit_mark(c->room.audit);
	replay_mark(c->room.replay);
	quota_mark(c->room.quota);
	queue_mark(c->room.queue);
out:
	return err;
}

void batch_unmark(struct core *c, err_t result)
{
	if (result == ERR_OK) {
		store_release_mark(c->store);
		return;
	}
	store_undo_to_mark(c->store);
	audit_undo_to_mark(c->room.audit);
	replay_undo_to_mark(c->room.replay);
	quota_undo_to_mark(c->room.quota);
	queue_undo_to_mark(c->room.queue);
}

err_t batch_record(struct core *c, const struct audit_record *record)
{
	err_t err;

	TRY(batch_mark(c));
	err = audit_append(c->room.audit, record);
	batch_unmark(c, err);
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "not recorded", "why=%s", err_text(err));
	return err;
}

err_t batch_record_of(struct core *c, const struct audit_record *record, err_t result)
{
	c->room.must_commit = true;
	return result == ERR_OK ? audit_append(c->room.audit, record) : batch_record(c, record);
}

/* --- answers ------------------------------------------------------------------- */

static err_t pending_room(struct core *c)
{
	size_t cap = c->pending_cap ? c->pending_cap * 2 : 256;
	struct pending *more;

	if (c->pending_n < c->pending_cap)
		return ERR_OK;
	more = mem_grow(c->pending, c->pending_cap, cap, sizeof(*more));
	if (!more)
		return ERR_MEMORY;
	c->pending = more;
	c->pending_cap = cap;
	return ERR_OK;
}

err_t batch_answer(struct core *c, const struct pending *p, struct bytes body)
{
	err_t err;

	TRY(pending_room(c));
	c->pending[c->pending_n] = *p;
	c->pending[c->pending_n].at = c->answers.n;
	c->pending[c->pending_n].n = body.n;
	TRY(buf_add(&c->answers, body));
	c->pending_n++;
	p->to->answering += body.n;
out:
	return err;
}

static void count_answer(struct core *c, unsigned status)
{
	size_t class = status / 1000;

	c->answered[class < COUNT_OF(c->answered) ? class : 0]++;
}

/* What is said instead of an answer whose transaction failed. */
static err_t answer_of_failure(struct core *c, const struct pending *p, struct buf *out)
{
	struct wire_out w = wire_out(out);

	if (p->type == MSG_JOINED)
		return join_answer_of_failure(out);
	if (p->type == MSG_STATE_SHOWN) {
		if (p->association)
			registry_state_forget(c->room.registry, p->association);
		return state_answer_of_failure(out);
	}
	if (p->type == MSG_NETWORK_KEYED) {
		wire_put_u8(&w, ERR_IO);
		return w.err;
	}
	if (p->type == MSG_SESSION_TAKEN) {
		/* It is there again: what was taken opens nothing. */
		registry_sessions_untake(c->room.registry, p->to->link.peer_number);
		return session_answer_of_failure(out);
	}
	if (p->type == MSG_STATEMENT) {
		wire_put_u8(&w, ERR_IO);
		wire_put_bytes(&w, BYTES("it could not be recorded"));
		wire_put_bytes(&w, BYTES_NONE);
		return w.err;
	}
	if (p->type == MSG_ANSWER)
		return request_refuse(p->primitive, RSC_INTERNAL_SERVER_ERROR, out);
	registry_close_association(c->room.registry, p->association, p->to->link.peer_number);
	wire_put_u64(&w, 0);
	wire_put_u64(&w, 0);
	wire_put_u32(&w, 0);
	wire_put_bytes(&w, BYTES("the association has ended, or could not be recorded"));
	return w.err;
}

static void not_sent(const struct pending *p, err_t err)
{
	if (err != ERR_OK)
		log_event(LOG_ERROR, "answer lost", "gate=%u why=%s", p->to->link.peer_number,
		          err_text(err));
}

void batch_send(struct core *c, const struct pending *p, struct bytes body)
{
	if (p->type == MSG_ANSWER)
		count_answer(c, p->status);
	not_sent(p, link_send(&p->to->link, p->type, p->ref, body));
}

static void send_failure(struct core *c, struct pending *p)
{
	struct buf instead = buf_make(1024);
	err_t err = answer_of_failure(c, p, &instead);

	p->status = RSC_INTERNAL_SERVER_ERROR;
	if (err == ERR_OK)
		batch_send(c, p, bytes_of_buf(&instead));
	not_sent(p, err);
	buf_free(&instead);
}

/* The association ended in the turn in which it was opened: its end was told already, and a gate that heard of
 * it now would keep the connection. */
static bool has_ended(struct core *c, const struct pending *p)
{
	return p->type == MSG_ASSOCIATION_OPENED && p->association &&
	       !registry_association(c->room.registry, p->association, p->to->link.peer_number, c->now);
}

static void send_one(struct core *c, struct pending *p, bool durable)
{
	struct bytes body = bytes_sub(bytes_of_buf(&c->answers), p->at, p->n);

	if (!durable || !p->to->used)
		channel_untake(c, p->serving);
	if (!p->to->used)
		return; /* the gate is gone */
	if (!durable || has_ended(c, p))
		send_failure(c, p);
	else if (!p->announced || !resource_announce_waits(c->room.resources, p->announced) ||
	         !awaited_take(c, p, body))
		batch_send(c, p, body);
}

/* The answers of this turn say something that must be on disk before. */
static bool answers_need_commit(const struct core *c)
{
	if (c->room.must_commit || c->stopping)
		return true;
	return c->pending_n && bytes_equal(bytes_str(options_text(&c->worker->options, OPT_audit_read)),
	                                   BYTES("durable"));
}

void batch_finish(struct core *c)
{
	bool needed = answers_need_commit(c), durable = true;

	if (c->inside && (needed || clock_steady() - c->since >= CORE_READ_LAG_MS))
		durable = batch_commit(c) == ERR_OK || !needed;
	network_settled(c, durable);
	for (size_t i = 0; i < c->pending_n; i++) {
		send_one(c, &c->pending[i], durable);
		c->pending[i].to->answering = 0;
	}
	c->pending_n = 0;
	buf_clear(&c->answers);
}

/* --- requests -------------------------------------------------------------------- */

/* 5000 with its record; without, when even that cannot be written. */
static err_t fail(struct core *c, const struct request_arrival *in, err_t why, struct buf *answer)
{
	/* At a limit is where anybody can bring it. */
	log_event(why == ERR_LIMIT ? LOG_DEBUG : LOG_ERROR, "request failed", "why=%s", err_text(why));
	if (c->inside && request_failed(&c->room, in, why, answer) == ERR_OK) {
		c->room.must_commit = true;
		return ERR_OK;
	}
	return request_refuse(in->primitive, RSC_INTERNAL_SERVER_ERROR, answer);
}

/* A node that is not open, or whose store was put back, changes nothing. */
static const char *barred(const struct core *c, struct bytes primitive)
{
	if (!c->open)
		return c->locked ? "locked" : "not open";
	if (c->rollback && !request_only_reads(primitive))
		return "the store is older than its anchor";
	return NULL;
}

err_t batch_serve(struct core *c, struct pending *p, struct request_arrival *in, struct held *h)
{
	const char *bar = barred(c, in->primitive);
	err_t err = ERR_OK, served = ERR_OK;

	p->primitive = in->primitive;
	p->status = RSC_INTERNAL_SERVER_ERROR;
	buf_clear(&c->answer);
	if (bar) {
		log_event(LOG_DEBUG, "request not served", "why=%s", bar);
		TRY(request_refuse(in->primitive, RSC_INTERNAL_SERVER_ERROR, &c->answer));
	} else {
		served = batch_begin(c);
		c->exported = in->exported;
		c->serving_to = p->to;
		c->serving_left = h && h->left;
		c->serving_ref = p->ref;
		p->serving = ++c->servings;
		c->room.served[0] = '\0'; /* nobody is charged what was used before */
		if (served == ERR_OK)
			served = request_serve(&c->room, in, &c->answer);
		rate_worked(c);
		c->exported = BYTES_NONE;
		if (served == ERR_PENDING)
			served = held_keep(c, p, in, h);
		if (served == ERR_PENDING)
			goto out;
		if (served == ERR_OK) {
			p->status = c->room.answered;
			p->announced = c->room.announced;
		} else {
			channel_untake(c, c->servings);
			TRY(fail(c, in, served, &c->answer));
		}
	}
	if (h)
		held_done(c, h);
	if (c->open)
		registry_count(c->room.registry, in->association, in->primitive.n + c->answer.n);
	if (in->own)
		errand_answered(c, in->own, bytes_of_buf(&c->answer));
	else if (p->to)
		err = batch_answer(c, p, bytes_of_buf(&c->answer));
	if (c->answer.cap > CORE_ANSWER_KEEP)
		buf_free(&c->answer);
out:
	return err;
}

static err_t too_fast(struct core *c, struct pending *p, struct bytes primitive)
{
	err_t err;

	p->primitive = primitive;
	p->status = RSC_NOT_ACCEPTABLE;
	buf_clear(&c->answer);
	TRY(request_refuse(primitive, RSC_NOT_ACCEPTABLE, &c->answer));
	err = batch_answer(c, p, bytes_of_buf(&c->answer));
out:
	return err;
}

err_t batch_request(struct core *c, struct neighbour *from, const struct message *m)
{
	struct pending p = { .to = from, .type = MSG_ANSWER, .ref = m->ref };
	struct request_arrival in;
	err_t err;

	TRY(request_arrival_read(m->body, from->link.peer_number, c->now, &in));
	err = rate_admits(c, &in) ? batch_serve(c, &p, &in, NULL) : too_fast(c, &p, in.primitive);
	link_wipe(&from->link, in.exported); /* it is with the keeper, or refused */
out:
	return err;
}
