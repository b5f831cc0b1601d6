/* certified.c: single keys, certified by the key that answers for their TPM. */
#include "provider/certified.h"

#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "crypt/der.h"
#include "provider/held.h"
#include "wire/tpm_area.h"

enum { HEAD = 2 + TOKEN_IDENTITY, NONCE = 32, DIGEST = 32, AGAIN_MS = 60000 };

bool certified_is(const struct provider_key *k)
{
	const struct held *e = held_note(k);

	return e && e->standing == CERTIFIED;
}

void certified_reset(unsigned number)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (held[i].number == number)
			held[i].standing = UNKNOWN;
	}
}

bool certified_wanted(const struct proof_pin *pin)
{
	struct tpm_area area;

	return tpm_area_read(bytes_make(pin->blob + HEAD, pin->blob_n - HEAD), &area) == ERR_OK;
}

/* --- one key -------------------------------------------------------------------------- */

bool certified_can(const struct proof_pin *pin)
{
	struct tpm_area area;

	return tpm_area_read(bytes_make(pin->blob + HEAD, pin->blob_n - HEAD), &area) == ERR_OK &&
	       area.answers && bytes_equal(BYTES_OF(area.point), BYTES_OF(pin->point));
}

err_t certified_question(const struct proof_pin *pin, struct bytes reference, const uint8_t nonce[NONCE],
                         struct buf *body)
{
	struct wire_out w = wire_out(body);

	wire_put_u16(&w, TOKEN_CERTIFY);
	wire_put_u8(&w, KEY_EC_P256);
	wire_put_fixed(&w, bytes_make(pin->blob + 2, TOKEN_IDENTITY));
	wire_put_bytes(&w, bytes_make(pin->blob + HEAD, pin->blob_n - HEAD));
	wire_put_bytes(&w, reference);
	wire_put_bytes(&w, bytes_make(nonce, NONCE));
	return w.err;
}

/* What is attested is the name of just this key. */
static bool names(struct wire_in *in, const struct tpm_area *area)
{
	uint8_t name[TPM_NAME] = { 0x00, 0x0b };
	struct bytes said = tpm_get_sized(in, TPM_NAME);

	crypt_sha256(area->shown, name + 2);
	(void)tpm_get_sized(in, 68); /* its qualified name */
	return wire_done(in) == ERR_OK && bytes_equal(said, BYTES_OF(name));
}

err_t certified_judge(const struct proof_pin *pin, struct bytes reference, const uint8_t nonce[NONCE],
                      struct bytes answer)
{
	struct wire_in in = wire_in(answer);
	struct bytes attest = wire_get_bytes(&in, TPM_ATTEST_MAX), raw = wire_get_fixed(&in, TOKEN_SIGNATURE), said, clock;
	uint8_t signature[TOKEN_SIGNATURE];
	struct buf der = buf_make(128);
	struct tpm_area area;
	err_t err;

	TRY(wire_done(&in));
	TRY(certified_can(pin) ? ERR_OK : ERR_TAMPERED);
	TRY(tpm_area_read(reference, &area));
	TRY((area.attributes & TPM_AREA_INSIDE) == TPM_AREA_INSIDE ? ERR_OK : ERR_TAMPERED);
	bytes_copy(signature, raw.p, sizeof(signature));
	TRY(der_signature(signature, &der));
	TRY(crypt_p256_verify(pin->point, attest, bytes_of_buf(&der)));
	in = wire_in(attest);
	if (!tpm_attest_begin(&in, TPM_ATTEST_CERTIFY, &said, &clock) || !bytes_equal(said, bytes_make(nonce, NONCE)) ||
	    !names(&in, &area))
		err = ERR_TAMPERED;
out:
	buf_free(&der);
	return err == ERR_MEMORY || err == ERR_OK ? err : ERR_TAMPERED;
}

/* --- all of them ---------------------------------------------------------------------- */

static bool is_next(const struct held *e, const struct proof_pin *pin)
{
	if (!e->certifiable || e->standing == ASKED || e->standing == CERTIFIED ||
	    !bytes_equal(bytes_make(e->blob + 2, TOKEN_IDENTITY), bytes_make(pin->blob + 2, TOKEN_IDENTITY)))
		return false;
	return e->standing == UNKNOWN || clock_steady() - e->at > AGAIN_MS;
}

void certified_look(unsigned number, const struct proof_pin *pin)
{
	struct buf body = buf_make(4096);
	struct held *e = NULL;

	if (!certified_can(pin))
		return;
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (held[i].n && held[i].number == number && held[i].standing == ASKED)
			return; /* one after the other */
		if (!e && is_next(&held[i], pin))
			e = &held[i];
	}
	if (!e)
		return;
	crypt_random(e->nonce, sizeof(e->nonce));
	e->pin = *pin;
	e->number = number;
	e->at = clock_steady();
	e->standing = REFUSED;
	if (certified_question(pin, held_reference(e), e->nonce, &body) == ERR_OK &&
	    token_link_send(number, bytes_of_buf(&body), &e->ref) == ERR_OK)
		e->standing = ASKED;
	buf_free(&body);
}

bool certified_answered(unsigned number, uint64_t ref, err_t status, struct bytes answer)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		struct held *e = &held[i];

		if (!e->n || e->number != number || e->standing != ASKED || e->ref != ref)
			continue;
		if (status == ERR_OK)
			status = certified_judge(&e->pin, held_reference(e), e->nonce, answer);
		e->standing = status == ERR_OK ? CERTIFIED : REFUSED;
		if (status != ERR_OK)
			log_event(LOG_WARN, "key not certified", "token=%u why=%s", number, err_text(status));
		return true;
	}
	return false;
}

/* What was certified lies in the TPM, whether it is here or not; what was asked is not. */
void certified_lost(unsigned number)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (held[i].number == number && held[i].standing != CERTIFIED)
			held[i].standing = UNKNOWN;
	}
}
