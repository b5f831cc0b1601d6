/* state.c: the measured state of the machine at the other end, as a factor of its
 * association's level of assurance [draft 8.1.1]: a nonce, a quote of its TPM over it, and
 * until when that counts. What may be quoted, by which key, an administrator accepted. */
#include "base/log.h"
#include "role/core/core.h"
#include "security/assurance/quote.h"

_Static_assert((int)CREDENTIAL_STATE == (int)QUOTE_STATE && (int)CREDENTIAL_CLOCK == (int)QUOTE_CLOCK, "one form");

enum { POINT = 65, DIGEST = 32 };

/* Body of STATE_SHOW: u64 association, attest bytes (empty: a nonce is asked for), signature
 * bytes. Of STATE_SHOWN: u8 err_t, why bytes, nonce bytes (32 or none), u64 until when it
 * counts (ms). */
struct showing {
	uint64_t association;
	struct quote_shown quote;
	uint8_t nonce[QUOTE_NONCE];
	bool given;
	int64_t until;
	const char *why;
};

static err_t read_showing(struct bytes body, struct showing *s)
{
	struct wire_in in = wire_in(body);

	*s = (struct showing){ .association = wire_get_u64(&in), .why = "" };
	s->quote.attest = wire_get_bytes(&in, QUOTE_MAX);
	s->quote.signature = wire_get_bytes(&in, QUOTE_SIGNATURE_MAX);
	return wire_done(&in);
}

static err_t put_answer(const struct showing *s, err_t verdict, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_u8(&w, (uint8_t)verdict);
	wire_put_bytes(&w, bytes_str(s->why));
	wire_put_bytes(&w, s->given ? BYTES_OF(s->nonce) : BYTES_NONE);
	wire_put_u64(&w, (uint64_t)s->until);
	return w.err;
}

static const char not_kept[] = "the node cannot keep it";

err_t state_answer_of_failure(struct buf *out)
{
	const struct showing none = { .why = not_kept };

	return put_answer(&none, ERR_LOCKED, out);
}

static err_t give_nonce(struct core *c, struct showing *s)
{
	err_t err = registry_nonce(c->room.registry, s->association, c->now, s->nonce);

	s->given = err == ERR_OK;
	if (err == ERR_MISSING)
		s->why = "no attestation key was accepted for this credential";
	else if (err == ERR_LIMIT)
		s->why = "a nonce was given a moment ago";
	return err;
}

/* A nonce is spent by the first quote that comes, good or not. On ERR_OK s->why is "", or what
 * speaks against the quote and is only recorded. */
static err_t judge_quote(struct core *c, struct showing *s)
{
	uint8_t nonce[QUOTE_NONCE], clock[QUOTE_CLOCK];
	const struct credential *of = NULL;
	struct quote_accepted accepted;
	int64_t until = c->now + c->room.state_fresh;
	err_t err;

	err = registry_nonce_take(c->room.registry, s->association, c->now, nonce, &of);
	s->why = err == ERR_EXPIRED ? "there is no nonce that is good: ask for one"
	                            : "no attestation key was accepted for this credential";
	TRY(err);
	accepted = (struct quote_accepted){ of->state_point, of->state };
	TRY(quote_judge(&accepted, nonce, &s->quote, clock, &s->why));
	err = registry_state_shown(c->room.registry, s->association, clock, c->now, &until, &s->why);
	if (err == ERR_OK)
		s->until = until;
	else if (err != ERR_BAD_STATE) {
		s->why = not_kept;
		err = ERR_LOCKED;
	}
out:
	return err;
}

/* Under a mark. */
static err_t record(struct core *c, const struct association *a, const char *text)
{
	struct audit_record record = {
		.kind = AUDIT_ASSOCIATION, .at = c->now, .association = a->number,
		.credential = bytes_str(a->facts.credential), .originator = bytes_str(a->facts.entity),
		.text = bytes_str(text),
	};

	return batch_record_of(c, &record, ERR_OK);
}

/* It counts, with its counters, as long as that is on record: batch.c takes it back. A TPM of an older
 * state [T15] is told of as a credential at two places is. */
static err_t take_quote(struct core *c, const struct association *a, struct showing *s, err_t *verdict)
{
	err_t err;

	TRY(batch_mark(c));
	*verdict = judge_quote(c, s);
	if (*verdict == ERR_BAD_STATE || (*verdict == ERR_OK && s->why[0]))
		log_event(LOG_WARN, "clone alarm", "gate=%u why=%s", a->gate, s->why);
	err = *verdict == ERR_OK ? record(c, a, "the measured state of its machine was shown") : ERR_OK;
	if (err == ERR_OK && s->why[0])
		err = record(c, a, s->why);
	batch_unmark(c, err);
	if (err == ERR_OK)
		return ERR_OK;
	log_event(LOG_ERROR, "not recorded", "why=%s", err_text(err));
	registry_state_forget(c->room.registry, s->association);
	node_reload_registers(c);
	*s = (struct showing){ .association = s->association, .why = not_kept };
	*verdict = ERR_LOCKED;
	err = ERR_OK;
out:
	return err;
}

err_t state_show(struct core *c, struct neighbour *from, const struct message *m)
{
	struct pending p = { .to = from, .type = MSG_STATE_SHOWN, .ref = m->ref };
	const struct association *a = NULL;
	struct buf body = buf_make(512);
	struct showing s;
	err_t verdict = ERR_LOCKED, err;

	TRY(read_showing(m->body, &s));
	s.why = "the node is not open";
	if (c->open)
		a = registry_association(c->room.registry, s.association, from->link.peer_number, c->now);
	if (c->open && !a) {
		verdict = ERR_REFUSED;
		s.why = "there is no such association";
	} else if (a && s.quote.attest.n) {
		TRY(take_quote(c, a, &s, &verdict));
		p.association = verdict == ERR_OK ? s.association : 0;
		if (verdict == ERR_BAD_STATE) /* others of the credential may have been ended */
			association_sweep(c);
	} else if (a) {
		TRY(batch_begin(c));
		verdict = give_nonce(c, &s);
	}
	TRY(put_answer(&s, verdict, &body));
	TRY(batch_answer(c, &p, bytes_of_buf(&body)));
out:
	buf_free(&body);
	return err;
}

/* --- what is accepted ----------------------------------------------------------------- */

err_t admin_state_accept(struct admin *a)
{
	struct bytes id = wire_get_bytes(&a->in, FACT_ID_MAX - 1);
	struct bytes point = wire_get_fixed(&a->in, POINT);
	struct bytes state = wire_get_fixed(&a->in, CREDENTIAL_STATE);
	static const uint8_t none[POINT];
	err_t err;

	TRY(wire_done(&a->in));
	TRY(bytes_put_str(a->subject, sizeof(a->subject), bytes_sub(id, 0, sizeof(a->subject) - 1)));
	if (!bytes_equal(point, BYTES_OF(none)) && (point.p[0] != 4 || get_be32(state.p) == 0)) {
		admin_say(a, "a P-256 point, at least one PCR");
		return ERR_RANGE;
	}
	err = registry_accept_state(a->core->room.registry, id, point.p, state.p);
	if (err == ERR_MISSING || err == ERR_REFUSED)
		admin_say(a, "there is no such credential, or it is revoked");
out:
	return err;
}
