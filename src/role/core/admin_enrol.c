/* admin_enrol.c: credentials come and go. The identity is checked here, once;
 * from then on it is read from the credential's record only. The private or
 * pre-shared key never passes through this process in clear. */
#include "base/log.h"
#include "crypt/crypt.h"
#include "primitive/id.h"
#include "role/core/core.h"
#include "security/enrolment/enrolment.h"

enum { PEER_DER_MAX = 8192, NAME_MAX_OCTETS = 63, POINT = 65, PROOF_MAX = 128, DAYS_MAX = 3650 };
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static err_t refuse(struct admin *a, err_t err, const char *text)
{
	admin_say(a, text);
	return err;
}

/* --- what is asked --------------------------------------------------------------- */

static void read_common(struct admin *a, struct enrolment *e)
{
	*e = (struct enrolment){ .name = wire_get_bytes(&a->in, NAME_MAX_OCTETS) };
	e->kind = wire_get_u8(&a->in);
	e->entity = wire_get_bytes(&a->in, FACT_ID_MAX - 1);
	e->app_id = wire_get_bytes(&a->in, FACT_ID_MAX - 1);
	e->replay_mode = wire_get_u8(&a->in);
	e->days = wire_get_u32(&a->in);
	e->factor = wire_get_u8(&a->in);
	e->protection = wire_get_u8(&a->in);
	e->bound = wire_get_u8(&a->in);
	e->environment = wire_get_bytes(&a->in, sizeof(((struct credential *)0)->environment) - 1);
}

static bool within(struct bytes id, struct bytes above)
{
	return id.n > above.n && bytes_starts(id, above) && id.p[above.n] == '/';
}

/* //sp/Sapp or //sp/this-cse/Cdev: an AE of another CSE registers there. */
static bool is_ae_here(const struct cse_identity *cse, struct bytes id)
{
	struct bytes rest = bytes_sub(id, cse->sp_id.n, id.n);

	if (id_form(id) != ID_ABS_AE || !within(id, cse->sp_id))
		return false;
	return rest.n > 1 && rest.p[1] == 'S' && bytes_find(bytes_sub(rest, 1, rest.n), '/') == rest.n - 1
	               ? true
	               : within(rest, cse->cse_id);
}

static bool is_other_cse(const struct cse_identity *cse, struct bytes id)
{
	return id_form(id) == ID_ABS_CSE && within(id, cse->sp_id) &&
	       !bytes_equal(bytes_sub(id, cse->sp_id.n, id.n), cse->cse_id);
}

/* Of this provider; or the IN-CSE of one that mcc.providers names, by a key of its own. */
static bool is_cse_there(const struct core *c, struct bytes id)
{
	return is_other_cse(resources_cse(c->room.resources), id) || request_is_provider(&c->room, id);
}

err_t enrol_check(struct admin *a, const struct enrolment *e)
{
	const struct cse_identity *cse = resources_cse(a->core->room.resources);

	if (!bytes_is_utf8(e->name) || !bytes_is_printable(e->app_id))
		return refuse(a, ERR_SYNTAX, "name and App-ID must be printable");
	if (e->kind != ENTITY_AE && e->kind != ENTITY_CSE)
		return refuse(a, ERR_SYNTAX, "an entity is an AE (1) or a CSE (2)");
	if (e->kind == ENTITY_AE && !is_ae_here(cse, e->entity))
		return refuse(a, ERR_SYNTAX,
		              "not an AE-ID of this node: //sp/cse/C... or //sp/S...");
	if (e->kind == ENTITY_CSE && !is_cse_there(a->core, e->entity))
		return refuse(a, ERR_SYNTAX, "not the absolute CSE-ID of another CSE of this provider, or of one in mcc.providers");
	if (e->replay_mode > REPLAY_OFF)
		return refuse(a, ERR_SYNTAX, "replay protection is window (0) or strict (1)");
	if (e->replay_mode == REPLAY_OFF && !a->core->room.lab)
		return refuse(a, ERR_REFUSED, "replay protection may be off in lab mode only");
	if (e->factor < FACTOR_POSSESSION || e->factor > FACTOR_NETWORK || e->bound > 1)
		return refuse(a, ERR_SYNTAX, "the factor of a credential is possession (1) or network (2)");
	if (e->protection > PROTECTION_HIGH)
		return refuse(a, ERR_RANGE, "protection levels are 0 to 3");
	if (!bytes_is_printable(e->environment))
		return refuse(a, ERR_SYNTAX, "the name of a secure environment must be printable");
	if (e->days > DAYS_MAX)
		return refuse(a, ERR_RANGE, "a credential is valid for at most 3650 days");
	return ERR_OK;
}

static int64_t end_of(const struct admin *a, uint32_t days)
{
	if (days == 0)
		days = (uint32_t)options_number(&a->core->worker->options, OPT_credential_days);
	return a->core->now + (int64_t)days * DAY_MS;
}

/* --- the record -------------------------------------------------------------------- */

static err_t put_id(struct credential *c, struct bytes prefix, struct bytes value)
{
	if (prefix.n + value.n >= sizeof(c->id))
		return ERR_LIMIT;
	bytes_copy(c->id, prefix.p, prefix.n);
	return bytes_put_str(c->id + prefix.n, sizeof(c->id) - prefix.n, value);
}

static err_t fill(struct admin *a, const struct enrolment *e, struct credential *out)
{
	err_t err;

	*out = (struct credential){ .kind = (enum entity_kind)e->kind,
		                    .replay_mode = e->replay_mode,
		                    .enrolled = a->core->now,
		                    .not_after = end_of(a, e->days),
		                    .factor = e->factor, .protection = e->protection,
		                    .bound = e->bound != 0, .unfinished = e->unfinished };
	TRY(bytes_put_str(out->name, sizeof(out->name), e->name));
	TRY(bytes_put_str(out->entity, sizeof(out->entity), e->entity));
	TRY(bytes_put_str(out->app_id, sizeof(out->app_id), e->app_id));
	TRY(bytes_put_str(out->environment, sizeof(out->environment), e->environment));
	TRY(bytes_put_str(out->by, sizeof(out->by), e->by));
out:
	return err;
}

/* Before the keeper is asked: an id that is taken makes no certificate. */
static err_t enrol(struct admin *a, const struct credential *c)
{
	err_t err = registry_enrol(a->core->room.registry, c);

	if (err == ERR_EXISTS)
		return refuse(a, err, "this credential is enrolled already; revoke it first");
	return err;
}

static err_t put_row(struct admin *a, const struct credential *c, struct bytes certificate)
{
	struct row r = row_begin();

	row_text(&r, "id", bytes_str(c->id));
	row_uint(&r, "until", (uint64_t)c->not_after);
	if (certificate.n)
		row_bytes(&r, "certificate", certificate);
	return admin_row_out(a, &r);
}

static err_t taken(struct admin *a, const struct credential *c)
{
	const struct credential *there;
	err_t err;

	TRY(bytes_put_str(a->subject, sizeof(a->subject), bytes_str(c->id)));
	TRY(registry_find(a->core->room.registry, bytes_str(c->id), &there));
	if (there && !there->revoked)
		err = refuse(a, ERR_EXISTS, "this credential is enrolled already; revoke it first");
out:
	return err;
}

/* --- certificate ------------------------------------------------------------------- */

/* Public domain name [TS-0001 6.5.1.1]: this node is <cse>.<sp domain>, and a
 * CSE below it <cse>.<name of this node>. */
static err_t domain_name(struct admin *a, struct bytes entity, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(a->core->room.resources);
	struct bytes id = bytes_sub(entity, cse->sp_id.n + 1, entity.n);
	err_t err;

	TRY(buf_add(out, id));
	TRY(buf_add_byte(out, '.'));
	TRY(buf_add(out, bytes_sub(cse->cse_id, 1, cse->cse_id.n)));
	TRY(buf_add_byte(out, '.'));
	TRY(buf_add(out, bytes_sub(cse->sp_id, 2, cse->sp_id.n)));
out:
	return err;
}

static err_t subject_of(struct admin *a, const struct enrolment *e, struct credential *c,
                        struct buf *subject)
{
	err_t err;

	if (e->kind == ENTITY_CSE && !is_other_cse(resources_cse(a->core->room.resources), e->entity))
		return refuse(a, ERR_REFUSED, "a CSE of another provider has a certificate of its own");
	if (e->kind == ENTITY_CSE) {
		TRY(domain_name(a, e->entity, subject));
		return put_id(c, BYTES("32-"), bytes_of_buf(subject));
	}
	TRY(buf_add(subject, e->entity));
	TRY(put_id(c, BYTES("33-"), e->entity));
out:
	return err;
}

static err_t certify(struct admin *a, const struct keeper_certify *ask, struct buf *der)
{
	static const struct {
		err_t err;
		const char *text;
	} reasons[] = {
		{ ERR_TAMPERED, "the proof of possession is wrong" },
		{ ERR_SYNTAX, "the keeper does not certify such a subject" },
		{ ERR_REFUSED, "the keeper does not certify this subject" },
		{ ERR_RANGE, "the certificate would outlive the authority that signs it" },
		{ ERR_LOCKED, "the key store is locked" },
	};
	err_t err = keeper_certify(&a->core->keeper, ask, der);

	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (err == reasons[i].err)
			return refuse(a, err, reasons[i].text);
	}
	return err;
}

/* It stands at one place in all certificates that the keeper composes. */
static void read_serial(struct bytes der, uint8_t serial[16])
{
	static const uint8_t before[] = { 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x10 };
	enum { AT = 8 };

	if (bytes_equal(bytes_sub(der, AT, sizeof(before)), BYTES_OF(before)) &&
	    der.n > AT + sizeof(before) + 16)
		bytes_copy(serial, der.p + AT + sizeof(before), 16);
}

/* Both that it may be used by; and those before that others would take still. */
err_t enrol_list_revoked(struct core *c, const struct credential *credential)
{
	err_t err;

	buf_clear(&c->list);
	TRY(revoked_add(c->store, credential->serial, c->now, credential->not_after));
	TRY(revoked_add(c->store, credential->next_serial, c->now, credential->next_not_after));
	for (size_t i = 0; i < CREDENTIAL_FORMERS; i++) {
		const uint8_t *former = credential->former[i];
		int64_t end = (int64_t)get_be64(former + SERIAL);

		if (end > c->now)
			TRY(revoked_add(c->store, former, c->now, end));
	}
out:
	return err;
}

static bool is_live(struct admin *a, const struct credential *c)
{
	const struct credential *there = NULL;

	return registry_find(a->core->room.registry, bytes_str(c->id), &there) == ERR_OK && there &&
	       !there->revoked;
}

err_t enrol_by_key(struct admin *a, const struct enrolment *e, struct keeper_certify *ask,
                   struct credential *credential, struct buf *der)
{
	struct buf subject = buf_make(FACT_ID_MAX * 2);
	bool renews;
	err_t err;

	TRY(enrol_check(a, e));
	TRY(ask->public_key.n == POINT ? ERR_OK : ERR_SYNTAX);
	err = fill(a, e, credential);
	if (err == ERR_OK)
		err = subject_of(a, e, credential, &subject);
	if (err == ERR_LIMIT)
		admin_say(a, "the name or the identifier is too long");
	TRY(err);
	renews = e->renews && is_live(a, credential);
	if (!renews)
		TRY(taken(a, credential));
	ask->kind = e->kind == ENTITY_CSE ? CERTIFY_CSE : CERTIFY_AE;
	ask->subject = bytes_of_buf(&subject);
	ask->not_after = credential->not_after;
	TRY(certify(a, ask, der));
	crypt_sha256(bytes_of_buf(der), credential->fingerprint);
	bytes_copy(credential->point, ask->public_key.p, POINT);
	read_serial(bytes_of_buf(der), credential->serial);
	TRY(renews ? registry_renew(a->core->room.registry, bytes_str(credential->id), credential)
	           : enrol(a, credential));
out:
	buf_free(&subject);
	return err;
}

err_t admin_enrol_certificate(struct admin *a)
{
	struct buf der = buf_make(4096);
	struct keeper_certify ask = { .not_after = 0 };
	struct credential credential;
	struct enrolment e;
	err_t err;

	read_common(a, &e);
	ask.public_key = wire_get_bytes(&a->in, POINT);
	ask.proof = wire_get_bytes(&a->in, PROOF_MAX);
	TRY(wire_done(&a->in));
	TRY(enrol_by_key(a, &e, &ask, &credential, &der));
	TRY(put_row(a, &credential, bytes_of_buf(&der)));
out:
	buf_free(&der);
	return err;
}

/* --- a certificate of another authority ------------------------------------------------ */

/* It is trusted as it is, by its fingerprint: nothing else that its authority signs
 * is. The handshake is the proof of possession. */
err_t admin_enrol_peer(struct admin *a)
{
	struct credential credential;
	struct bytes name, fingerprint, point, der;
	uint8_t digest[CRYPT_SHA256_SIZE];
	struct enrolment e;
	uint64_t until;
	err_t err;

	read_common(a, &e);
	name = wire_get_bytes(&a->in, FACT_ID_MAX - 4);
	fingerprint = wire_get_fixed(&a->in, sizeof(credential.fingerprint));
	until = wire_get_u64(&a->in);
	point = wire_get_fixed(&a->in, POINT);
	der = wire_get_bytes(&a->in, PEER_DER_MAX);
	TRY(wire_done(&a->in));
	TRY(enrol_check(a, &e));
	crypt_sha256(der, digest);
	if (!bytes_equal(BYTES_OF(digest), fingerprint)) {
		err = refuse(a, ERR_SYNTAX, "the fingerprint is that of another certificate");
		goto out;
	}
	if (e.kind != ENTITY_CSE || name.n == 0 || !bytes_is_printable(name) || until > INT64_MAX) {
		err = refuse(a, ERR_SYNTAX, "only a CSE with a domain name is enrolled so");
		goto out;
	}
	TRY(fill(a, &e, &credential));
	if (e.days == 0 || credential.not_after > (int64_t)until)
		credential.not_after = (int64_t)until;
	TRY(put_id(&credential, BYTES("32-"), name));
	bytes_copy(credential.fingerprint, fingerprint.p, fingerprint.n);
	bytes_copy(credential.point, point.p, point.n);
	TRY(taken(a, &credential));
	TRY(enrol(a, &credential));
	TRY(put_row(a, &credential, BYTES_NONE));
	a->trusted = der;
out:
	return err;
}

void admin_tell_trusted(struct core *c, struct bytes der)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		struct neighbour *n = &c->neighbours[i];
		bool tells = n->used && (n->link.peer == ROLE_GATE || n->link.peer == ROLE_COURIER);

		/* A link that is full or broken is lost soon, and its successor reads the file. */
		if (tells && link_send(&n->link, MSG_PEER_TRUST, 0, der) != ERR_OK)
			log_event(LOG_WARN, "peer not told", "to=%s", role_name(n->link.peer));
	}
}

/* --- pre-shared key ------------------------------------------------------------------ */

static bool is_psk_identity(struct bytes id)
{
	return id.n && bytes_is_printable(id) && bytes_find(id, ' ') == id.n;
}

/* A key that the keeper has although nobody is enrolled with it is left from an
 * enrolment or a revocation that a crash cut short: it makes way. */
static err_t import(struct admin *a, const struct credential *c, struct bytes sealed,
                    struct buf *name)
{
	struct keeper *keeper = &a->core->keeper;
	struct bytes identity = bytes_str(c->psk_identity);
	struct buf stale = buf_make(KEEPER_NAME_MAX);
	err_t err = keeper_import_psk(keeper, identity, sealed, c->not_after, name);

	if (err == ERR_EXISTS) {
		TRY(buf_printf(&stale, "psk/%s", c->psk_identity));
		TRY(keeper_destroy(keeper, bytes_of_buf(&stale)));
		err = keeper_import_psk(keeper, identity, sealed, c->not_after, name);
	}
	if (err == ERR_TAMPERED)
		admin_say(a, "the key was not sealed to this node's import key");
out:
	buf_free(&stale);
	return err;
}

err_t admin_enrol_psk(struct admin *a)
{
	struct buf name = buf_make(KEEPER_NAME_MAX);
	struct credential credential;
	struct bytes identity, sealed;
	struct enrolment e;
	err_t err;

	read_common(a, &e);
	identity = wire_get_bytes(&a->in, FACT_ID_MAX - 4);
	sealed = wire_get_bytes(&a->in, KEEPER_INPUT_MAX);
	TRY(wire_done(&a->in));
	TRY(enrol_check(a, &e));
	if (!is_psk_identity(identity)) {
		err = refuse(a, ERR_SYNTAX, "a PSK identity is printable, without blanks");
		goto out;
	}
	TRY(fill(a, &e, &credential));
	credential.psk = true;
	TRY(bytes_put_str(credential.psk_identity, sizeof(credential.psk_identity), identity));
	TRY(put_id(&credential, BYTES("12-"), identity));
	TRY(taken(a, &credential));
	TRY(import(a, &credential, sealed, &name));
	TRY(bytes_put_str(a->imported, sizeof(a->imported), bytes_of_buf(&name)));
	TRY(enrol(a, &credential));
	TRY(put_row(a, &credential, BYTES_NONE));
out:
	buf_free(&name);
	return err;
}
