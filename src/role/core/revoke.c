/* revoke.c: the end of a credential, everywhere, and the receipt for it [CM24].
 *
 *   REVOKE --> one transaction: credential, certificate listed, sessions, what is queued
 *     commit --> the keeper withdraws the key and what was derived from it
 *            --> the gates are told which associations ended
 *     each gate says "closed", or the time is over --> the receipt
 *
 * From the commit on nothing is served to it: a request counts on an association of the
 * register only, whatever a gate does. The receipt is a record of the audit log that is
 * the end of the chain when the keeper signs it: record, hash before it and the keeper's
 * signature prove it without the node. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

enum { RECEIPT_MAX = 4096, GATES_MAX = 64, ORDERED_MAX = 64 * 1024 };

/* --- the command ---------------------------------------------------------------------- */

static struct revocation *place(struct core *c)
{
	for (size_t i = 0; i < CORE_REVOCATIONS; i++) {
		if (!c->revocations[i].used)
			return &c->revocations[i];
	}
	return NULL;
}

/* The entity may have another credential that is good: then what it is owed stays. */
static err_t end_what_is_owed(struct admin *a, struct revocation *r)
{
	struct request_room *room = &a->core->room;
	bool known, live;
	err_t err;

	TRY(registry_entity_live(room->registry, bytes_str(r->entity), a->core->now, &known, &live));
	if (!live)
		TRY(notification_revoked(room, bytes_str(r->entity), a->core->now, &r->notifications));
out:
	return err;
}

static err_t end_credential(struct admin *a, const struct credential *credential, struct revocation *r)
{
	struct buf name = buf_make(KEEPER_NAME_MAX);
	err_t err;

	TRY(source_revoke_of(a->core, credential));
	TRY(registry_sessions_end(a->core->room.registry, bytes_str(credential->id), &r->sessions));
	TRY(end_what_is_owed(a, r));
	/* The key goes when the revocation is durable, not before. */
	if (credential->psk) {
		TRY(buf_printf(&name, "psk/%s", credential->psk_identity));
		TRY(bytes_put_str(a->destroy, sizeof(a->destroy), bytes_of_buf(&name)));
		TRY(network_revoke_behind(a->core, credential));
	}
out:
	buf_free(&name);
	return err;
}

err_t admin_revoke(struct admin *a)
{
	struct bytes id = wire_get_bytes(&a->in, FACT_ID_MAX - 1);
	struct revocation *r = place(a->core);
	const struct credential *credential;
	bool found, was;
	err_t err;

	TRY(wire_done(&a->in));
	if (bytes_is_printable(id))
		TRY(bytes_put_str(a->subject, sizeof(a->subject), id));
	if (!r) {
		admin_say(a, "too many revocations are under way; ask again");
		return ERR_FULL;
	}
	TRY(registry_find(a->core->room.registry, id, &credential));
	if (!credential) {
		admin_say(a, "no such credential (holdfast credential list)");
		return ERR_MISSING;
	}
	was = credential->revoked;
	TRY(registry_revoke(a->core->room.registry, id, &found));
	*r = (struct revocation){ .used = true, .door = a->door,
		                       .ref = a->ref, .asked = clock_now() };
	a->revocation = r;
	TRY(bytes_put_str(r->credential, sizeof(r->credential), bytes_str(credential->id)));
	TRY(bytes_put_str(r->entity, sizeof(r->entity), bytes_str(credential->entity)));
	/* Since when it is, the list says already. */
	if (!was)
		TRY(enrol_list_revoked(a->core, credential));
	TRY(end_credential(a, credential, r));
out:
	return err;
}

/* --- ordered by administrators of the keeper -------------------------------------------------- */

#define REVOKE BYTES("REVOKE ")

void revoke_note(struct core *c, struct bytes subject)
{
	struct wire_out out = wire_out(&c->ordered);
	size_t n = c->ordered.n;

	if (!bytes_starts(subject, REVOKE))
		return;
	if (!c->ordered.max)
		c->ordered = buf_make(ORDERED_MAX);
	wire_put_bytes(&out, bytes_sub(subject, REVOKE.n, subject.n));
	c->ordered_at = 0;
	if (out.err != ERR_OK) {
		c->ordered.n = n;
		log_event(LOG_ERROR, "ordered revocation not carried out", "why=%s", err_text(out.err));
	}
}

/* "33-//sp.example/Cx by acme" */
static err_t carry_out(struct core *c, struct bytes ordered)
{
	struct buf fields = buf_make(FACT_ID_MAX + 8);
	struct wire_out w = wire_out(&fields);
	struct bytes by = ordered, id = bytes_cut(&by, ' ');
	err_t err;

	(void)bytes_cut(&by, ' ');
	wire_put_bytes(&w, id);
	err = w.err == ERR_OK ? admin_ordered(c, ADMIN_REVOKE, bytes_of_buf(&fields), by) : ERR_SYNTAX;
	if (err != ERR_OK)
		log_event(LOG_WARN, "ordered revocation not carried out", "credential=%.*s why=%s", BYTES_FMT(id), err_text(err));
	buf_free(&fields);
	return err;
}

/* It will never be carried out: there is nothing to revoke. */
static bool is_final(err_t err)
{
	return err == ERR_OK || err == ERR_MISSING || err == ERR_SYNTAX;
}

/* What cannot be carried out now stays; while as many as may are under way, it is not even tried. */
void revoke_ordered(struct core *c)
{
	struct wire_in in = wire_in(bytes_of_buf(&c->ordered));
	struct buf left = buf_make(ORDERED_MAX);
	struct wire_out out = wire_out(&left);

	if (!c->ordered.n || !c->open || clock_steady() < c->ordered_at || !place(c))
		return;
	c->ordered_at = clock_steady() + CORE_FULL_MS;
	while (in.err == ERR_OK && in.rest.n) {
		struct bytes one = wire_get_bytes(&in, KEEPER_EVENT_NAME);
		bool tried = place(c) != NULL;

		if (!tried)
			c->ordered_at = 0; /* as soon as one is over */
		if (in.err == ERR_OK && (!tried || !is_final(carry_out(c, one))))
			wire_put_bytes(&out, one);
	}
	must(out.err == ERR_OK); /* no more than there was */
	buf_free(&c->ordered);
	c->ordered = left;
}

/* --- what the gates say ------------------------------------------------------------------ */

void revoke_ended(struct core *c, const struct association *a)
{
	for (size_t i = 0; i < CORE_REVOCATIONS; i++) {
		struct revocation *r = &c->revocations[i];

		if (!r->used || r->ended_n == COUNT_OF(r->ended) ||
		    !bytes_equal(bytes_str(r->credential), bytes_str(a->facts.credential)))
			continue;
		r->ended[r->ended_n].number = a->number;
		r->ended[r->ended_n++].gate = a->gate;
		r->waiting++;
	}
}

static void closed(struct core *c, unsigned gate, uint64_t number)
{
	for (size_t i = 0; i < CORE_REVOCATIONS; i++) {
		struct revocation *r = &c->revocations[i];

		for (size_t k = 0; r->used && k < r->ended_n; k++) {
			if (r->ended[k].gate != gate || (number && r->ended[k].number != number) || r->ended[k].closed)
				continue;
			r->ended[k].closed = r->closed = clock_now();
			r->waiting--;
		}
	}
}

void revoke_closed(struct core *c, unsigned gate, uint64_t number)
{
	if (number)
		closed(c, gate, number);
}

void revoke_gate_lost(struct core *c, unsigned gate)
{
	closed(c, gate, 0);
}

void revoke_door_lost(struct core *c, const struct neighbour *door)
{
	for (size_t i = 0; i < CORE_REVOCATIONS; i++) {
		if (c->revocations[i].door == door)
			c->revocations[i].door = NULL;
	}
}

void revoke_wait(struct admin *a)
{
	a->revocation->deadline = clock_steady() + CORE_REVOKE_MS;
	must(bytes_put_str(a->revocation->said, sizeof(a->revocation->said), bytes_str(a->text)) == ERR_OK);
}

int64_t revoke_next(const struct core *c)
{
	int64_t next = INT64_MAX;
	bool room = false;

	for (size_t i = 0; i < CORE_REVOCATIONS; i++) {
		const struct revocation *r = &c->revocations[i];

		room |= !r->used;
		if (r->used && r->deadline < next)
			next = r->deadline;
	}
	if (room && c->open && c->ordered.n && c->ordered_at < next)
		next = c->ordered_at;
	return next;
}

/* --- the receipt ---------------------------------------------------------------------------- */

/* How many of a gate's ended, how many it closed, and the last when. */
static err_t put_gate(const struct revocation *r, unsigned gate, struct buf *out)
{
	unsigned n = 0, done = 0;
	int64_t last = 0;

	for (size_t i = 0; i < r->ended_n; i++) {
		if (r->ended[i].gate != gate)
			continue;
		n++;
		done += r->ended[i].closed != 0;
		last = r->ended[i].closed > last ? r->ended[i].closed : last;
	}
	if (n == 0)
		return ERR_OK;
	return buf_printf(out, " gate.%u=%u/%u,%+lld", gate, done, n, last ? (long long)(last - r->asked) : -1);
}

static err_t put_step(struct buf *out, const char *name, const struct revocation *r, int64_t at)
{
	return at ? buf_printf(out, " %s=%+lld", name, (long long)(at - r->asked)) : ERR_OK;
}

/* doc/protocol/audit.md has its words. */
static err_t put_text(const struct revocation *r, int64_t complete, struct buf *out)
{
	err_t err;

	TRY(buf_printf(out, "revoked entity=%s asked=%lld", r->entity, (long long)r->asked));
	TRY(put_step(out, "recorded", r, r->recorded));
	TRY(put_step(out, "key", r, r->key));
	TRY(buf_printf(out, " sessions=%zu notifications=%zu", r->sessions, r->notifications));
	for (unsigned gate = 0; gate < GATES_MAX; gate++)
		TRY(put_gate(r, gate, out));
	TRY(put_step(out, "complete", r, complete));
out:
	return err;
}

/* What is recorded, and the hash it is chained to. */
struct receipt {
	uint64_t number;
	uint8_t before[32], hash[32];
	struct buf text, record;
	struct keeper_anchor anchor;
	err_t signed_;
};

static err_t keep(struct core *c, const struct revocation *r, struct receipt *out)
{
	struct audit_record record = {
		.kind = AUDIT_CHANGE, .at = clock_now(), .credential = bytes_str(r->credential),
		.target = bytes_str(r->credential), .rule = BYTES("revocation receipt"),
	};
	err_t err;

	/* So that it is the end of the chain, and nothing of others is with it. */
	batch_finish(c);
	TRY(batch_begin(c));
	TRY(batch_commit(c));
	audit_head(c->room.audit, &out->number, out->before);
	TRY(put_text(r, record.at, &out->text));
	record.text = bytes_of_buf(&out->text);
	TRY(audit_encode(&record, &out->record));
	TRY(batch_record(c, &record));
	TRY(batch_commit(c));
	audit_head(c->room.audit, &out->number, out->hash);
	out->signed_ = anchor_signed(c, &out->anchor);
out:
	return err;
}

static err_t answer_row(struct admin *a, const struct revocation *r, const struct receipt *receipt)
{
	struct row row = row_begin();

	row_bool(&row, "revoked", true);
	row_text(&row, "credential", bytes_str(r->credential));
	row_text(&row, "entity", bytes_str(r->entity));
	row_uint(&row, "associations", r->ended_n);
	row_uint(&row, "unconfirmed", r->waiting);
	row_uint(&row, "sessions", r->sessions);
	row_uint(&row, "notifications", r->notifications);
	row_text(&row, "receipt", bytes_of_buf(&receipt->text));
	row_uint(&row, "number", receipt->number);
	row_bytes(&row, "record", bytes_of_buf(&receipt->record));
	row_bytes(&row, "before", BYTES_OF(receipt->before));
	row_bytes(&row, "hash", BYTES_OF(receipt->hash));
	if (receipt->signed_ == ERR_OK) {
		row_uint(&row, "at", (uint64_t)receipt->anchor.at);
		row_bytes(&row, "signature", bytes_make(receipt->anchor.signature, receipt->anchor.signature_n));
	}
	return admin_row_out(a, &row);
}

static void finish(struct core *c, struct revocation *r)
{
	struct admin a = { .core = c, .door = r->door, .ref = r->ref, .rows = buf_make(RECEIPT_MAX * 4), .changes = true };
	struct receipt receipt = { .text = buf_make(RECEIPT_MAX), .record = buf_make(RECEIPT_MAX * 2) };
	err_t err;

	if (r->waiting)
		log_event(LOG_WARN, "revoked", "credential=%s gates did not say that %zu connections are closed", r->credential, r->waiting);
	admin_say(&a, r->said);
	err = keep(c, r, &receipt);
	if (err == ERR_OK)
		err = answer_row(&a, r, &receipt);
	if (err != ERR_OK)
		admin_say(&a, "it is revoked, but there is no receipt");
	if (a.door)
		admin_answer(&a, err);
	r->used = false;
	buf_free(&a.rows);
	buf_free(&receipt.text);
	buf_free(&receipt.record);
}

void revoke_turn(struct core *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; i < CORE_REVOCATIONS; i++) {
		struct revocation *r = &c->revocations[i];

		if (r->used && (r->waiting == 0 || now >= r->deadline || c->stopping))
			finish(c, r);
	}
}
