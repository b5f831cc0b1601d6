/* join.c: who has no credential here asks for one. The gate brings what it was given;
 * whether it may is decided by security/enrolment, the certificate is the keeper's.
 *
 *   JOIN -> within what a second may bring -> authorised (a use is spent, or a wrong
 *     secret counted) -> certified and enrolled, provisionally, or the use comes back
 *     -> recorded -> commit -> JOINED
 *   a store or keeper that fails refuses nobody: all is undone, and who asked is to come again
 *   not used within join.time -> forgotten, the use comes back */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "primitive/id.h"
#include "primitive/status.h"
#include "role/core/core.h"
#include "security/enrolment/enrolment.h"

enum { JOINS_A_SECOND = 20, RENEWALS_A_SECOND = 10, TEXT_MAX = 160, SHOWN_MAX = 160, PROOF_MAX = 128, POINT = 65, REQUEST_MAX = 2048 };

/* Body of JOIN: u8 way, ticket, proof (by ticket its MAC, else of holder.c, in hex), of a device
 * the tag of its handshake, the handshake's messages and its maker's certificate (DER), of
 * others three times nothing, u64 association (0: none), identifier that is asked for (empty:
 * the association's), public key (65), proof of possession, what it was made over (empty:
 * CERTIFY of keeper_calls.h, else CERTIFY_REQUEST).
 * Of JOINED: u8 err_t (REFUSED; anything else but OK: come again), text, Credential-ID, u64 end
 * in ms, certificate (DER). */
struct joining {
	struct join_ask ask;
	struct join_grant grant;
	struct keeper_certify certify;
	struct credential credential;
	struct buf entity, der;
	uint64_t association;
	const struct credential *held; /* by association: what it came by */
	struct join_grant holder;
	struct device_shown shown;     /* by a maker's device */
	struct device_proved proved;
	const char *reason;
};

static const char failed[] = "the joining could not be judged";

static err_t read_join(struct bytes body, int64_t now, struct joining *j)
{
	struct wire_in in = wire_in(body);

	j->ask = (struct join_ask){ .way = (enum join_way)wire_get_u8(&in), .now = now };
	j->ask.ticket = wire_get_bytes(&in, TICKET_ID);
	j->ask.mac = wire_get_bytes(&in, SHOWN_MAX);
	j->shown.tag = wire_get_bytes(&in, KEEPER_TAG);
	j->shown.transcript = wire_get_bytes(&in, DEVICE_TRANSCRIPT_MAX);
	j->shown.maker = wire_get_bytes(&in, DEVICE_MAKER_MAX);
	j->association = wire_get_u64(&in);
	j->ask.id = wire_get_bytes(&in, FACT_ID_MAX - 1);
	j->ask.key = j->certify.public_key = wire_get_bytes(&in, POINT);
	j->certify.proof = wire_get_bytes(&in, PROOF_MAX);
	j->certify.request = wire_get_bytes(&in, REQUEST_MAX);
	return wire_done(&in);
}

/* --- what must hold ------------------------------------------------------------------ */

/* Registered without a credential of its own: an AE of before, a CSE below or behind
 * one. Our registrar speaks for all that is elsewhere, registered or not. */
err_t join_is_here(struct core *c, struct bytes id, bool *yes)
{
	uint64_t there;
	bool behind;
	err_t err;

	*yes = bytes_equal(id, c->room.registrar);
	if (*yes)
		return ERR_OK;
	if (id_form(id) == ID_SP_CSE)
		TRY(resource_remote(c->room.resources, id, &there, &behind));
	else
		TRY(store_find_ident(c->store, id, &there));
	*yes = there != 0;
out:
	return err;
}

/* Nobody joins as somebody who is, or was, here: that is an operator's decision. */
static err_t check_free(struct core *c, struct joining *j)
{
	bool known, live, here;
	err_t err;

	TRY(registry_entity_live(c->room.registry, bytes_of_buf(&j->entity), c->now, &known, &live));
	TRY(join_is_here(c, j->ask.id, &here));
	if (known || here) {
		j->reason = "the identifier is taken";
		err = ERR_REFUSED;
	}
out:
	return err;
}

/* A name may be written in full, as certificates have it; the rest is the stem. */
static enum id_form shorten(struct bytes *id, struct bytes sp)
{
	enum id_form form = id_form(*id);
	size_t at = id->n;

	if (form == ID_ABS_CSE)
		*id = bytes_sub(*id, sp.n, id->n);
	while (form == ID_ABS_AE && at > 0 && id->p[at - 1] != '/')
		at--;
	if (form == ID_ABS_AE)
		*id = bytes_sub(*id, at, id->n);
	return id_form(*id);
}

static err_t check_identifier(struct core *c, struct joining *j, unsigned *kind)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	enum id_form form;
	err_t err;

	j->reason = "the identifier is none that can be had by joining";
	err = id_absolute(j->ask.id, cse->sp_id, cse->cse_id, &j->entity);
	if (err == ERR_MEMORY)
		return err;
	if (err != ERR_OK || j->entity.n >= FACT_ID_MAX)
		return ERR_REFUSED;
	if (id_behind_sp(bytes_of_buf(&j->entity), cse->sp_id).n == 0)
		return ERR_REFUSED;
	form = shorten(&j->ask.id, cse->sp_id);
	if (form != ID_AE_STEM && form != ID_SP_CSE)
		return ERR_REFUSED;
	*kind = form == ID_SP_CSE ? ENTITY_CSE : ENTITY_AE;
	TRY(check_free(c, j));
out:
	return err;
}

/* --- another credential of who is there ------------------------------------------------- */

/* The association is looked up here, the gate's word is a number. What it may have is a
 * certificate of its own entity; the name in a request may say so, or nothing. */
static err_t check_holder(struct core *c, struct joining *j, unsigned gate, unsigned *kind)
{
	const struct association *a = registry_association(c->room.registry, j->association, gate, c->now);
	const struct cse_identity *cse = resources_cse(c->room.resources);
	const struct credential *held;
	err_t err;

	j->reason = "there is no association";
	if (!a)
		return ERR_REFUSED;
	TRY(registry_find(c->room.registry, bytes_str(a->facts.credential), &held));
	if (!held || held->revoked)
		return ERR_REFUSED;
	j->held = held;
	j->reason = "the request is for somebody else";
	if (j->ask.id.n && !bytes_equal(j->ask.id, bytes_str(held->entity)))
		return ERR_REFUSED;
	TRY(buf_add(&j->entity, bytes_str(held->entity)));
	j->ask.id = bytes_of_buf(&j->entity);
	*kind = held->kind;
	(void)shorten(&j->ask.id, cse->sp_id);
	j->reason = "the entity itself did not ask for it";
	TRY(holder_proves(c, held, &j->certify, j->ask.mac));
	/* Where the new key is kept nobody here knows. */
	j->holder = (struct join_grant){ .by = "its own association", .protection = held->protection };
	if (j->holder.protection > PROTECTION_LOW)
		j->holder.protection = PROTECTION_LOW;
	TRY(bytes_put_str(j->holder.app_id, sizeof(j->holder.app_id), bytes_str(held->app_id)));
	j->ask.holder = &j->holder;
out:
	return err;
}

/* --- a device of a maker's ---------------------------------------------------------------- */

/* That it is one is no word of the gate's: the keeper says which handshake it was, the device's
 * signature and its chain of certificates are judged here. Which makers are accepted
 * security/enrolment knows. */
static err_t check_device(struct core *c, struct joining *j, unsigned gate)
{
	struct credential device = { .psk = false };
	err_t err;

	if (j->ask.way != JOIN_BY_MAKER)
		return ERR_OK;
	/* The keeper said it before the gate could know the end of the handshake. */
	association_hear_keeper(c);
	TRY(registry_device(c->room.registry, gate, &j->shown, c->now, &j->proved, &j->reason));
	j->ask.device = BYTES_OF(j->proved.digest);
	j->ask.maker = BYTES_OF(j->proved.maker);
	/* Nor whose the new key is. */
	j->reason = "the device itself did not ask for it";
	bytes_copy(device.point, j->proved.point, sizeof(device.point));
	TRY(bytes_put_str(device.entity, sizeof(device.entity), bytes_of_buf(&j->entity)));
	TRY(holder_proves(c, &device, &j->certify, j->ask.mac));
out:
	return err;
}

/* --- granted ---------------------------------------------------------------------------- */

static err_t enrol(struct core *c, struct joining *j, unsigned kind, struct admin *a)
{
	struct enrolment e = {
		.name = j->ask.id, .entity = bytes_of_buf(&j->entity), .kind = kind,
		.app_id = bytes_str(j->grant.app_id), .days = j->grant.days,
		.factor = FACTOR_POSSESSION, .protection = j->grant.protection,
		.by = bytes_str(j->grant.by),
		.unfinished = c->now + 1000 * (int64_t)options_number(&c->worker->options, OPT_join_time),
		.renews = j->held != NULL,
	};
	err_t err;

	/* What one credential got is no second factor beside it. */
	if (j->held) {
		e.replay_mode = j->held->replay_mode;
		e.factor = j->held->factor ? j->held->factor : FACTOR_POSSESSION;
		e.environment = bytes_str(j->held->environment);
	}
	err = enrol_by_key(a, &e, &j->certify, &j->credential, &j->der);
	if (err != ERR_OK)
		j->reason = a->text[0] ? a->text : err_text(err);
	/* What was judged has been put in words. */
	return err != ERR_OK && err != ERR_LOCKED && a->text[0] ? ERR_REFUSED : err;
}

static err_t record(struct core *c, const struct joining *j, err_t verdict)
{
	struct audit_record record = {
		.kind = AUDIT_ADMIN, .at = c->now, .rule = BYTES("JOIN [CM6]"),
		.status = verdict == ERR_OK ? RSC_OK : verdict == ERR_REFUSED ? RSC_ORIGINATOR_HAS_NO_PRIVILEGE
		                                                              : RSC_INTERNAL_SERVER_ERROR,
		.originator = bytes_str(j->grant.by), .text = bytes_str(j->reason),
		.target = bytes_is_printable(j->ask.id) ? j->ask.id : BYTES("?"),
	};

	if (verdict == ERR_OK)
		record.credential = bytes_str(j->credential.id);
	/* Which ticket was tried in vain; its secret is nowhere. */
	if (!j->grant.by[0] && bytes_is_printable(j->ask.ticket))
		record.originator = j->ask.ticket;
	return batch_record_of(c, &record, verdict);
}

static err_t enrol_recorded(struct core *c, struct joining *j, unsigned kind, struct admin *a)
{
	err_t err;

	TRY(enrol(c, j, kind, a));
	j->reason = "joined";
	err = record(c, j, ERR_OK);
	if (err != ERR_OK)
		j->reason = "it could not be recorded";
out:
	return err;
}

/* What is granted is enrolled and on record, or nothing of it is left: it costs no use. A
 * wrong secret counts. */
static err_t authorise(struct core *c, struct joining *j, unsigned kind, struct admin *a)
{
	err_t err, verdict;

	TRY(batch_mark(c));
	verdict = join_authorise(c->store, &j->ask, &j->grant, &j->reason);
	if (verdict != ERR_OK) {
		batch_unmark(c, verdict == ERR_REFUSED ? ERR_OK : verdict);
		return verdict;
	}
	err = enrol_recorded(c, j, kind, a);
	batch_unmark(c, err);
	if (err != ERR_OK)
		node_reload_registers(c);
out:
	return err;
}

/* Of one entity on its association few, so that it does not take the room of all. */
static bool too_many_of_one(struct core *c, unsigned gate, const struct joining *j)
{
	const struct association *a = NULL;
	uint8_t digest[CRYPT_SHA256_SIZE], *n;

	if (j->ask.way == JOIN_BY_ASSOCIATION)
		a = registry_association(c->room.registry, j->association, gate, c->now);
	if (!a)
		return false;
	crypt_sha256(bytes_str(a->facts.entity), digest);
	n = &c->renewals[get_be16(digest) % HOLDER_COUNTS];
	*n += *n < UINT8_MAX;
	return *n > RENEWALS_A_SECOND;
}

static bool too_many(struct core *c, unsigned gate, const struct joining *j)
{
	int64_t second = clock_steady() / 1000;

	if (second != c->join_second) {
		c->join_second = second;
		c->joins = 0;
		bytes_zero(c->renewals, sizeof(c->renewals));
	}
	return too_many_of_one(c, gate, j) || c->joins++ >= JOINS_A_SECOND;
}

/* ERR_REFUSED: by somebody's decision, or by what was shown. All else failed here. */
static err_t judge_ask(struct core *c, unsigned gate, struct joining *j, struct admin *a)
{
	unsigned kind = 0;
	err_t err;

	j->reason = failed;
	TRY(batch_begin(c));
	TRY(j->ask.way == JOIN_BY_ASSOCIATION ? check_holder(c, j, gate, &kind)
	                                      : check_identifier(c, j, &kind));
	TRY(check_device(c, j, gate));
	j->reason = failed;
	err = authorise(c, j, kind, a);
out:
	return err;
}

static err_t judge(struct core *c, unsigned gate, struct joining *j, struct admin *a)
{
	err_t err;

	j->reason = "the node is not open";
	if (!c->open || c->rollback)
		return ERR_LOCKED;
	j->reason = "joining is off";
	if (!options_flag(&c->worker->options, OPT_join_enabled))
		return ERR_REFUSED;
	j->reason = "too many join at once: try again";
	if (too_many(c, gate, j))
		return ERR_LIMIT;
	err = judge_ask(c, gate, j, a);
	return err == ERR_OK || err == ERR_REFUSED ? err : ERR_IO;
}

/* --- the answer ------------------------------------------------------------------------------ */

/* Who has no ticket is not told which part of it was wrong; nobody, what fails here. */
static const char *told(const struct joining *j, err_t verdict)
{
	if (verdict == ERR_OK)
		return "joined";
	if (verdict == ERR_LIMIT || verdict == ERR_LOCKED)
		return j->reason;
	return verdict == ERR_REFUSED ? "refused" : "the node cannot do it now: try again later";
}

static err_t put_answer(const struct joining *j, err_t verdict, struct buf *out)
{
	struct wire_out w = wire_out(out);
	bool joined = verdict == ERR_OK;

	wire_put_u8(&w, (uint8_t)verdict);
	wire_put_bytes(&w, bytes_str(told(j, verdict)));
	wire_put_bytes(&w, joined ? bytes_str(j->credential.id) : BYTES_NONE);
	wire_put_u64(&w, joined ? (uint64_t)j->credential.not_after : 0);
	wire_put_bytes(&w, joined ? bytes_of_buf(&j->der) : BYTES_NONE);
	return w.err;
}

static const char cannot_keep[] = "the node cannot keep it";

err_t join_answer_of_failure(struct buf *out)
{
	const struct joining none = { .reason = cannot_keep };

	return put_answer(&none, ERR_LOCKED, out);
}

err_t join_request(struct core *c, struct neighbour *from, const struct message *m)
{
	struct pending p = { .to = from, .type = MSG_JOINED, .ref = m->ref };
	struct joining j = { .entity = buf_make(FACT_ID_MAX * 2), .der = buf_make(4096) };
	struct admin a = { .core = c, .changes = true };
	struct buf body = buf_make(8192);
	err_t verdict, err;

	TRY(read_join(m->body, c->now, &j));
	verdict = judge(c, from->link.peer_number, &j, &a);
	/* What is not on record is not told of, not even why. */
	if (verdict != ERR_OK && verdict != ERR_LIMIT && c->open && record(c, &j, verdict) != ERR_OK) {
		verdict = ERR_LOCKED;
		j.reason = cannot_keep;
	}
	if (verdict != ERR_OK)
		log_event(verdict == ERR_IO ? LOG_ERROR : LOG_NOTE, verdict == ERR_IO ? "joining failed" : "joining refused",
		          "gate=%u why=\"%s\"", from->link.peer_number, j.reason);
	TRY(put_answer(&j, verdict, &body));
	TRY(batch_answer(c, &p, bytes_of_buf(&body)));
out:
	buf_free(&j.entity);
	buf_free(&j.der);
	buf_free(&body);
	return err;
}

/* --- what was not finished ------------------------------------------------------------------ */

static err_t undo_one(void *self, const struct credential *credential)
{
	struct core *c = self;
	struct audit_record record = {
		.kind = AUDIT_ADMIN, .at = c->now, .rule = BYTES("JOIN [CM6]"),
		.originator = bytes_str(credential->by), .credential = bytes_str(credential->id),
		.target = bytes_str(credential->entity), .status = RSC_REQUEST_TIMEOUT,
		.text = credential->unfinished ? BYTES("not finished in time: forgotten")
		                               : BYTES("the key that it came by has ended: forgotten"),
	};
	char key[KEEPER_NAME_MAX + 1];
	err_t err;

	TRY(join_give_back(c->store, bytes_str(credential->by)));
	TRY(enrol_list_revoked(c, credential));
	TRY(audit_append(c->room.audit, &record));
	c->room.must_commit = true;
	if (!credential->psk || !text_print(key, sizeof(key), "psk/%s", credential->psk_identity))
		goto out;
	/* It has ended with its record, whether it goes now or not. */
	if (keeper_destroy(&c->keeper, bytes_str(key)) != ERR_OK)
		log_event(LOG_INFO, "key not destroyed", "credential=%s", credential->id);
out:
	return err;
}

void join_when_due(struct core *c)
{
	err_t err;

	if (c->rollback || !registry_awaits(c->room.registry, c->now))
		return;
	TRY(batch_mark(c));
	err = registry_forget_unfinished(c->room.registry, c->now, undo_one, c);
	batch_unmark(c, err);
	if (err != ERR_OK)
		node_reload_registers(c);
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "unfinished joining not undone", "why=%s", err_text(err));
}
