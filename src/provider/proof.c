/* proof.c: challenges to the key that answers for a token. */
#include "provider/proof.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "crypt/der.h"
#include "provider/certified.h"
#include "provider/probe.h"
#include "wire/token_wait.h"

enum { NONCE = 32, AGAIN_MS = 60000, LATE_MS = 20000, HEAD = 2 + TOKEN_IDENTITY, DIGEST = 32, TEXT_MAX = 128,
       FORMAT = 1, BODY_MAX = 4096 };

struct challenge {
	uint8_t text[TEXT_MAX]; /* label 0 nonce identity */
	size_t n;
};

static struct proof {
	bool pinned, proved, asked;
	struct proof_pin pin;
	struct challenge challenge;
	uint64_t ref;
	int64_t at; /* when it was asked */
	const char *why;
} proofs[TOKENS_MAX + 1];

static struct bytes identity_of(const struct proof_pin *pin)
{
	return bytes_make(pin->blob + 2, TOKEN_IDENTITY);
}

static void forget(struct proof *p)
{
	p->proved = p->asked = false;
	p->ref = 0;
	p->why = "the token has not yet answered for its evidence";
}

void proof_set(unsigned number, const struct proof_pin *pin)
{
	struct proof *p = &proofs[number];

	must(number >= 1 && number <= TOKENS_MAX);
	*p = (struct proof){ .pinned = pin != NULL };
	certified_reset(number);
	if (!pin)
		return;
	must(pin->blob_n > HEAD && pin->level <= LEVEL_MAX);
	p->pin = *pin;
	forget(p);
}

/* --- asked -------------------------------------------------------------------------- */

/* The body of SIGN for a fresh challenge. */
static err_t put_question(const struct proof_pin *pin, struct challenge *c, struct buf *body)
{
	struct bytes label = BYTES("holdfast evidence\0");
	struct wire_out w = wire_out(body);
	uint8_t digest[DIGEST];

	bytes_copy(c->text, label.p, label.n);
	crypt_random(c->text + label.n, NONCE);
	bytes_copy(c->text + label.n + NONCE, identity_of(pin).p, TOKEN_IDENTITY);
	c->n = label.n + NONCE + TOKEN_IDENTITY;
	crypt_sha256(bytes_make(c->text, c->n), digest);
	/* The key of a TPM signs what its TPM says only: it certifies itself. */
	if (certified_can(pin))
		return certified_question(pin, bytes_make(pin->blob + HEAD, pin->blob_n - HEAD), digest, body);
	wire_put_u16(&w, TOKEN_SIGN);
	wire_put_u8(&w, KEY_EC_P256);
	wire_put_fixed(&w, identity_of(pin));
	wire_put_bytes(&w, bytes_make(pin->blob + HEAD, pin->blob_n - HEAD));
	wire_put_bytes(&w, BYTES_OF(digest));
	return w.err;
}

static err_t judge(const struct proof_pin *pin, const struct challenge *c, struct bytes answer)
{
	struct buf der = buf_make(128);
	uint8_t raw[TOKEN_SIGNATURE], digest[DIGEST];
	err_t err;

	crypt_sha256(bytes_make(c->text, c->n), digest);
	if (certified_can(pin))
		return certified_judge(pin, bytes_make(pin->blob + HEAD, pin->blob_n - HEAD), digest, answer);
	TRY(answer.n == TOKEN_SIGNATURE ? ERR_OK : ERR_TAMPERED);
	bytes_copy(raw, answer.p, answer.n);
	TRY(der_signature(raw, &der));
	err = crypt_p256_verify(pin->point, bytes_make(c->text, c->n), bytes_of_buf(&der));
out:
	buf_free(&der);
	return err == ERR_MEMORY || err == ERR_OK ? err : ERR_TAMPERED;
}

err_t proof_challenge(unsigned number, const struct proof_pin *pin)
{
	struct buf body = buf_make(BODY_MAX), answer = buf_make(1024);
	struct challenge c;
	err_t err;

	TRY(put_question(pin, &c, &body));
	TRY(token_link_ask(number, bytes_of_buf(&body), &answer));
	err = judge(pin, &c, bytes_of_buf(&answer));
out:
	buf_free(&body);
	buf_free(&answer);
	return err;
}

static void ask(unsigned number, struct proof *p)
{
	struct buf body = buf_make(BODY_MAX);

	p->at = clock_steady();
	p->asked = put_question(&p->pin, &p->challenge, &body) == ERR_OK &&
	           token_link_send(number, bytes_of_buf(&body), &p->ref) == ERR_OK;
	buf_free(&body);
}

static bool is_there(unsigned number)
{
	bool told;

	return token_is_attached(number, &told) && told && token_state_of(number)->present;
}

void proof_look(void)
{
	int64_t now = clock_steady();

	for (unsigned n = 1; n <= TOKENS_MAX; n++) {
		struct proof *p = &proofs[n];

		probe_look(n, is_there(n));
		if (!p->pinned)
			continue;
		if (!is_there(n)) {
			forget(p);
			p->at = 0; /* asked at once when it is back */
			continue;
		}
		if (p->proved)
			certified_look(n, &p->pin);
		if (p->asked && now - p->at > LATE_MS)
			forget(p);
		if (!p->asked && (!p->at || now - p->at > AGAIN_MS || (!p->proved && now - p->at > LATE_MS)))
			ask(n, p);
	}
}

/* --- answered ------------------------------------------------------------------------ */

void proof_answered(unsigned number, uint64_t ref, err_t status, struct bytes answer)
{
	struct proof *p = &proofs[number];
	err_t err = status;

	if (probe_answered(number, ref, status) || certified_answered(number, ref, status, answer))
		return;
	if (!p->asked || p->ref != ref) {
		wait_answer(number, ref, status, answer);
		return;
	}
	p->asked = false;
	if (err == ERR_OK)
		err = judge(&p->pin, &p->challenge, answer);
	if (err != ERR_OK || !p->proved)
		log_event(err == ERR_OK ? LOG_NOTE : LOG_WARN,
		          err == ERR_OK ? "token level proved" : "token level not proved",
		          "token=%u level=%u why=%s", number, p->pin.level, err_text(err));
	p->proved = err == ERR_OK;
	p->why = "the token does not answer by the key of its evidence";
}

void proof_lost(unsigned number)
{
	forget(&proofs[number]);
	proofs[number].at = 0;
	probe_look(number, false);
	certified_lost(number);
	wait_lost(number);
}

bool proof_is_by(unsigned number, struct bytes blob)
{
	const struct proof *p = &proofs[number];

	return p->pinned && bytes_equal(blob, bytes_make(p->pin.blob, p->pin.blob_n));
}

bool proof_is_of_keys(unsigned number)
{
	return proofs[number].pinned && certified_wanted(&proofs[number].pin);
}

unsigned proof_level(unsigned number, const char **certification, const char **why)
{
	const struct proof *p = &proofs[number];

	*certification = "";
	*why = "";
	if (!number || number > TOKENS_MAX)
		return LEVEL_UNPROVED;
	if (!p->pinned)
		*why = "no evidence of its level was accepted";
	else if (p->pin.not_after && p->pin.not_after <= clock_now())
		*why = "the evidence of its level has ended";
	else if (!is_there(number))
		*why = "it is not there to answer for its evidence";
	else if (!bytes_equal(identity_of(&p->pin), BYTES_OF(token_state_of(number)->identity)))
		*why = "it is another token than the one of the evidence";
	else if (!p->proved)
		*why = p->why;
	else
		*certification = p->pin.certification;
	return **why ? LEVEL_UNPROVED : p->pin.level;
}

/* --- accepted --------------------------------------------------------------------------- */

err_t proof_pass(enum token_op op, struct wire_in *in, struct wire_out *out)
{
	unsigned number = token_number(wire_get_bytes(in, KEEPER_NAME_MAX));
	struct buf body = buf_make(BODY_MAX), answer = buf_make(2 * BODY_MAX);
	struct wire_out w = wire_out(&body);
	err_t err;

	TRY(in->err);
	TRY(number ? ERR_OK : ERR_MISSING);
	wire_put_u16(&w, (uint16_t)op);
	wire_put_fixed(&w, in->rest);
	TRY(w.err);
	TRY(token_link_ask(number, bytes_of_buf(&body), &answer));
	wire_put_fixed(out, bytes_of_buf(&answer));
out:
	buf_free(&body);
	buf_free(&answer);
	return err;
}

err_t proof_pin_get(struct wire_in *in, unsigned number, struct proof_pin *pin)
{
	struct bytes certification, identity, reference, point;
	err_t err;

	*pin = (struct proof_pin){ .level = wire_get_u8(in), .blob = { FORMAT, (uint8_t)number } };
	certification = wire_get_bytes(in, PROOF_CERTIFICATION);
	pin->not_after = (int64_t)wire_get_u64(in);
	identity = wire_get_fixed(in, TOKEN_IDENTITY);
	reference = wire_get_bytes(in, TOKEN_REFERENCE_MAX);
	point = wire_get_fixed(in, KEY_POINT);
	TRY(wire_done(in));
	TRY(pin->level > LEVEL_UNPROVED && pin->level <= LEVEL_MAX && certification.n ? ERR_OK : ERR_RANGE);
	TRY(reference.n && !(pin->not_after && pin->not_after <= clock_now()) ? ERR_OK : ERR_RANGE);
	TRY(bytes_put_str(pin->certification, sizeof(pin->certification), certification));
	bytes_copy(pin->blob + 2, identity.p, identity.n);
	bytes_copy(pin->blob + HEAD, reference.p, reference.n);
	pin->blob_n = HEAD + reference.n;
	bytes_copy(pin->point, point.p, point.n);
out:
	return err;
}

bool proof_set_named(unsigned number, struct bytes name, const struct provider_key *key, int64_t not_after)
{
	struct proof_pin pin = { .not_after = not_after, .blob_n = key->blob.n };
	uint64_t level;

	(void)bytes_cut(&name, '/');
	(void)bytes_cut(&name, '/');
	if (key->public_n != KEY_POINT || key->blob.n <= HEAD || key->blob.n > KEY_BLOB_MAX ||
	    bytes_to_u64(bytes_cut(&name, '/'), LEVEL_MAX, &level) != ERR_OK ||
	    bytes_put_str(pin.certification, sizeof(pin.certification), name) != ERR_OK)
		return false;
	pin.level = (unsigned)level;
	bytes_copy(pin.blob, key->blob.p, pin.blob_n);
	bytes_copy(pin.point, key->public_key, KEY_POINT);
	proof_set(number, &pin);
	return true;
}

err_t proof_key(unsigned number, const struct proof_pin *pin, char name[KEEPER_NAME_MAX],
                struct provider_key *out)
{
	err_t err;

	must(text_print(name, KEEPER_NAME_MAX, "evidence/%u/%u/%s", number, pin->level, pin->certification));
	TRY(secret_copy(bytes_make(pin->blob, pin->blob_n), &out->blob));
	bytes_copy(out->public_key, pin->point, KEY_POINT);
	out->public_n = KEY_POINT;
out:
	return err;
}
