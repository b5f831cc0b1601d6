/* association.c: opening, ending and sweeping security associations. The
 * register decides; here its verdicts are recorded and told to the gates. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

enum { EVENTS_MAX = 64 * 1024, REASON_MAX = 128 };

static const char ended[] = "ended: expired or revoked";

void association_credential_used(void *self, struct bytes body)
{
	struct core *c = self;

	/* The gate will tell of this handshake: until then nothing follows from it. */
	c->keeper_at = clock_steady() + CORE_NOTICE_MS;
	if (!c->open)
		return;
	/* What is not noted confirms no association: it fails closed. */
	if (registry_credential_used(c->room.registry, body) != ERR_OK)
		log_event(LOG_WARN, "keeper notice not taken", "octets=%zu", body.n);
}

void association_hear_keeper(struct core *c)
{
	if (c->keeper_up && !c->heard && keeper_drain(&c->keeper) != ERR_OK)
		log_event(LOG_WARN, "keeper link", "cannot be read");
	c->heard = true;
}

/* --- what the keeper reports --------------------------------------------------- */

void association_keeper_event(void *self, struct bytes body)
{
	struct core *c = self;
	struct wire_out out = wire_out(&c->events);
	size_t n = c->events.n;

	wire_put_bytes(&out, body);
	if (out.err != ERR_OK) {
		c->events.n = n;
		log_event(LOG_ERROR, "keeper event not recorded", "why=%s", err_text(out.err));
	}
}

/* What an operation of the keeper is called in the log, beside its number. */
static const char *const operation_names[OP_COUNT] = {
#define OPERATION(number, name, who, rate, audited, text) [number] = #name,
#include "wire/operations.def"
#undef OPERATION
};

static err_t record_event(struct core *c, struct bytes body)
{
	struct audit_record record = { .kind = AUDIT_KEEPER, .at = c->now };
	struct wire_in in = wire_in(body);
	struct buf text = buf_make(512);
	unsigned operation = wire_get_u16(&in), role = wire_get_u8(&in);
	unsigned number = wire_get_u8(&in), result = wire_get_u8(&in);
	struct bytes name = wire_get_bytes(&in, KEEPER_EVENT_NAME);
	uint64_t event = wire_get_u64(&in);
	err_t err;

	TRY(wire_done(&in));
	if (!bytes_is_printable(name))
		name = BYTES("?");
	if (operation)
		TRY(buf_printf(&text, "operation %u asked by ", operation));
	TRY(buf_printf(&text, "%s %u%s: %s", role_name((enum role)role), number,
	               operation ? "" : " broke the rules of its link to the keeper",
	               result < ERR_COUNT ? err_text((err_t)result) : "?"));
	record.target = name;
	record.rule = bytes_str(operation < OP_COUNT ? operation_names[operation] : NULL);
	record.text = bytes_of_buf(&text);
	TRY(batch_record(c, &record));
	c->room.must_commit = true;
	if (operation == OP_ORDER_EXECUTE && result == ERR_OK)
		revoke_note(c, name);
	/* Who is not told of it carries nothing out. */
	if (event && c->waited_n < COUNT_OF(c->waited))
		c->waited[c->waited_n++] = event;
out:
	buf_free(&text);
	return err;
}

void association_record_events(struct core *c)
{
	struct wire_in in = wire_in(bytes_of_buf(&c->events));

	if (!c->open)
		return;
	while (in.err == ERR_OK && in.rest.n) {
		struct bytes body = wire_get_bytes(&in, EVENTS_MAX);

		if (in.err == ERR_OK && record_event(c, body) != ERR_OK)
			log_event(LOG_ERROR, "keeper event not recorded", "octets=%zu", body.n);
	}
	buf_clear(&c->events);
}

void association_tell_recorded(struct core *c)
{
	for (size_t i = 0; i < c->durable_n; i++) {
		if (c->keeper_up && keeper_recorded(&c->keeper, c->durable[i]) != ERR_OK)
			log_event(LOG_WARN, "keeper not told", "event=%llu",
			          (unsigned long long)c->durable[i]);
	}
	c->durable_n = 0;
}

/* --- opening --------------------------------------------------------------------- */

/* Body of ASSOCIATION_OPENED: security/association/registry.h. */
static err_t opened_body(struct core *c, const struct association *a, const char *reason, struct buf *out)
{
	struct wire_out w = wire_out(out);
	int64_t life = a ? registry_session_life(c->room.registry, a, c->now) : 0;

	wire_put_u64(&w, a ? a->number : 0);
	wire_put_u64(&w, a ? (uint64_t)a->facts.until : 0);
	wire_put_u32(&w, (uint32_t)(life / 1000));
	wire_put_bytes(&w, bytes_sub(bytes_str(reason), 0, REASON_MAX));
	return w.err;
}

static err_t record_association(struct core *c, const struct association *a, const char *text)
{
	struct audit_record record = { .kind = AUDIT_ASSOCIATION, .at = c->now,
		                       .text = bytes_str(text) };

	if (a) {
		record.association = a->number;
		record.credential = bytes_str(a->facts.credential);
		record.originator = bytes_str(a->facts.entity);
	} else {
		record.credential = registry_turned_away(c->room.registry);
	}
	return batch_record(c, &record);
}

/* Verdict of the register, recorded. An association that cannot be recorded
 * does not exist. */
static err_t judge(struct core *c, unsigned gate, struct bytes body,
                   const struct association **a, const char **reason)
{
	bool suspicious;
	err_t verdict, err;

	*a = NULL;
	*reason = c->locked ? "the key store is locked" : "the node is not open";
	if (!c->open)
		return ERR_LOCKED;
	/* The keeper said it before the gate could know the end of the handshake. */
	association_hear_keeper(c);
	*reason = "the association could not be judged";
	/* The first use of a credential may have to be noted. */
	if (batch_begin(c) != ERR_OK)
		return ERR_IO;
	verdict = registry_open_association(c->room.registry, gate, body, c->now, a, reason);
	if (verdict != ERR_OK)
		*a = NULL;
	must(*reason != NULL);
	suspicious = verdict == ERR_BAD_STATE || (verdict == ERR_OK && (*reason)[0]);
	err = record_association(c, *a, verdict != ERR_OK ? *reason : (*a)->resumed ? "resumed" : "opened");
	if (err == ERR_OK && verdict == ERR_OK && suspicious)
		err = record_association(c, *a, *reason);
	if (suspicious)
		log_event(LOG_WARN, "clone alarm", "gate=%u why=%s", gate, *reason);
	/* Others of the credential, or the one that it goes on with, may have been ended. */
	if (verdict == ERR_BAD_STATE || (*a && (*a)->resumed))
		association_sweep(c);
	c->room.must_commit = true;
	if (err == ERR_OK)
		return verdict;
	if (*a)
		registry_close_association(c->room.registry, (*a)->number, gate);
	*a = NULL;
	*reason = "the association could not be recorded";
	return err;
}

err_t association_open(struct core *c, struct neighbour *from, const struct message *m)
{
	struct pending p = { .to = from, .type = MSG_ASSOCIATION_OPENED, .ref = m->ref };
	struct buf body = buf_make(512);
	const struct association *a;
	const char *reason;
	err_t verdict, err;

	verdict = judge(c, from->link.peer_number, m->body, &a, &reason);
	if (verdict == ERR_OK)
		p.association = a->number;
	else
		log_event(LOG_NOTE, "association refused", "gate=%u why=%s",
		          from->link.peer_number, reason);
	TRY(opened_body(c, a, verdict == ERR_OK ? "" : reason, &body));
	TRY(batch_answer(c, &p, bytes_of_buf(&body)));
out:
	buf_free(&body);
	return err;
}

/* --- ending ----------------------------------------------------------------------- */

err_t association_close(struct core *c, struct neighbour *from, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	uint64_t number = wire_get_u64(&in);
	unsigned gate = from->link.peer_number;
	const struct association *a;
	err_t err;

	TRY(wire_done(&in));
	if (!c->open)
		goto out;
	/* At 0 none has expired: a gate that closes at the end of an association may
	 * be faster than the sweep, and that end is recorded as well. */
	a = registry_association(c->room.registry, number, gate, 0);
	if (a)
		err = record_association(c, a, a->facts.until <= c->now ? ended : "closed by the gate");
	registry_close_association(c->room.registry, number, gate);
	revoke_closed(c, gate, number);
out:
	return err;
}

static struct neighbour *gate_of(struct core *c, unsigned number)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		struct neighbour *n = &c->neighbours[i];

		if (n->used && n->link.peer == ROLE_GATE && n->link.peer_number == number)
			return n;
	}
	return NULL;
}

static void end_one(void *self, const struct association *a)
{
	struct core *c = self;
	struct neighbour *gate = gate_of(c, a->gate);
	uint8_t body[8];
	err_t err = record_association(c, a, ended);

	put_be64(body, a->number);
	if (gate)
		revoke_ended(c, a);
	if (gate && err == ERR_OK)
		err = link_send(&gate->link, MSG_ASSOCIATION_END, 0, BYTES_OF(body));
	/* The register has forgotten it whatever the gate does. */
	if (err != ERR_OK)
		log_event(LOG_ERROR, "association end", "gate=%u why=%s", a->gate, err_text(err));
}

void association_sweep(struct core *c)
{
	if (c->open)
		registry_sweep(c->room.registry, c->now, end_one, c);
}

/* Closed: it ended or died. Anything else: it broke a rule of its link. */
void association_gate_lost(struct core *c, unsigned gate, err_t why)
{
	struct audit_record record = {
		.kind = AUDIT_ASSOCIATION, .at = c->now, .rule = bytes_str(err_text(why)),
		.text = why == ERR_CLOSED
		                ? BYTES("a gate is gone: its associations are ended")
		                : BYTES("a gate broke the rules of its link: its associations are ended"),
	};

	if (!c->open)
		return;
	if (batch_begin(c) != ERR_OK) /* sessions of what ends are settled in it */
		log_event(LOG_ERROR, "gate lost", "gate=%u no transaction", gate);
	registry_gate_lost(c->room.registry, gate);
	revoke_gate_lost(c, gate);
	if (batch_record(c, &record) == ERR_OK)
		c->room.must_commit |= why != ERR_CLOSED;
	else
		log_event(LOG_ERROR, "gate lost", "gate=%u not recorded", gate);
}
