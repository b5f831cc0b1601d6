/* session.c: an association is taken up again: the register judges, here it is recorded
 * and told to the gate. A session is gone, durably, before its secret leaves. */
#include "base/log.h"
#include "base/secret.h"
#include "role/core/core.h"

enum { SWEEP = 1024, ANSWER_MAX = 128 };

static err_t answer_body(err_t verdict, const struct session_taken *taken, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_u8(&w, (uint8_t)verdict);
	wire_put_u16(&w, verdict == ERR_OK ? taken->suite : 0);
	wire_put_bytes(&w, verdict == ERR_OK ? BYTES_OF(taken->secret) : BYTES_NONE);
	return w.err;
}

err_t session_answer_of_failure(struct buf *out)
{
	return answer_body(ERR_IO, NULL, out);
}

/* Who is refused may show his credential: the handshake goes on as a whole one. */
static err_t record_refusal(struct core *c, const struct session_taken *taken)
{
	struct audit_record record = { .kind = AUDIT_ASSOCIATION, .at = c->now, .rule = BYTES("session"),
		                       .credential = bytes_str(taken->credential), .text = bytes_str(taken->why) };

	return batch_record(c, &record);
}

static err_t take(struct core *c, unsigned gate, struct bytes body, struct session_taken *taken)
{
	err_t err, verdict;

	*taken = (struct session_taken){ .why = "the node is not open" };
	if (!c->open)
		return ERR_LOCKED;
	TRY(batch_mark(c));
	verdict = registry_session_take(c->room.registry, gate, body, c->now, taken);
	batch_unmark(c, ERR_OK);
	c->room.must_commit = true;
	/* A name that nobody has any more is no event: it ended, or was used. */
	if (verdict == ERR_TAMPERED || verdict == ERR_REFUSED)
		TRY(record_refusal(c, taken));
	err = verdict;
out:
	return err;
}

err_t session_take(struct core *c, struct neighbour *from, const struct message *m)
{
	struct pending p = { .to = from, .type = MSG_SESSION_TAKEN, .ref = m->ref };
	struct buf body = buf_make(ANSWER_MAX);
	struct session_taken taken;
	err_t err, verdict = take(c, from->link.peer_number, m->body, &taken);

	if (verdict == ERR_SYNTAX)
		return ERR_SYNTAX;
	if (verdict != ERR_OK && verdict != ERR_MISSING)
		log_event(LOG_NOTE, "session refused", "gate=%u why=%s", from->link.peer_number, taken.why);
	TRY(answer_body(verdict, &taken, &body));
	TRY(batch_answer(c, &p, bytes_of_buf(&body)));
out:
	secret_wipe(&taken, sizeof(taken));
	if (body.p)
		secret_wipe(body.p, body.n);
	buf_free(&body);
	return err;
}

/* What is not kept cannot be taken up again, and the client comes as it came before. */
err_t session_keep(struct core *c, struct neighbour *from, const struct message *m)
{
	err_t err;

	if (!c->open)
		return ERR_OK;
	TRY(batch_mark(c));
	err = registry_session_keep(c->room.registry, from->link.peer_number, m->body, c->now);
	batch_unmark(c, err);
	/* What was not even begun costs nobody the reading of all sessions. */
	if (err == ERR_MEMORY || err == ERR_IO)
		node_reload_registers(c);
	if (err != ERR_OK && err != ERR_SYNTAX)
		log_event(LOG_DEBUG, "session not kept", "gate=%u why=%s", from->link.peer_number, err_text(err));
	err = err == ERR_SYNTAX ? ERR_SYNTAX : ERR_OK;
out:
	return err;
}

void session_sweep(struct core *c)
{
	err_t err;

	if (!registry_sessions_due(c->room.registry, c->now))
		return;
	TRY(batch_mark(c));
	err = registry_sessions_sweep(c->room.registry, c->now, SWEEP);
	batch_unmark(c, err);
	if (err != ERR_OK)
		node_reload_registers(c);
out:
	if (err != ERR_OK)
		log_event(LOG_WARN, "sessions not swept", "why=%s", err_text(err));
}
