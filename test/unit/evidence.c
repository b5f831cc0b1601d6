/* evidence: what the keeper believes of a token's level, against a token process
 * that is in other hands; which keys of a TPM may answer. */
#include "base/log.h"
#include "cli/evidence.h"
#include "crypt/crypt.h"
#include "crypt/der.h"
#include "provider/approval.h"
#include "provider/place.h"
#include "provider/certified.h"
#include "provider/held.h"
#include "provider/proof.h"
#include "wire/tpm_area.h"
#include "unit.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <unistd.h>

enum { NUMBER = 1, HEAD = 2 + TOKEN_IDENTITY, GENERATION = HEAD + 4 + TOKEN_COUNTER };

static struct link token; /* the token's end */
static struct crypt_key right, wrong;
static struct proof_pin pin;
static uint8_t identity[TOKEN_IDENTITY] = { 7 };

/* --- a token process --------------------------------------------------------------- */

static err_t put_state(const struct token_state *s)
{
	struct buf body = buf_make(512);
	struct wire_out w = wire_out(&body);
	err_t err;

	TRY(token_state_put(&w, s));
	TRY(link_send(&token, MSG_TOKEN_STATE, 0, bytes_of_buf(&body)));
	TRY(link_flush(&token));
	token_read(NUMBER);
out:
	buf_free(&body);
	return err;
}

/* The pattern with its I (identity), J (another) and S (a state of such octets) filled in. */
static void fill(const char *pattern, const char *id, uint8_t octet, char *out, size_t size)
{
	struct buf text = buf_make(size - 1);

	for (const char *p = pattern; *p; p++) {
		uint8_t state[TOKEN_MEASURED];

		for (size_t i = 0; i < sizeof(state); i++)
			state[i] = octet;
		if (*p == 'I')
			assert_int_equal(buf_add(&text, bytes_str(id)), ERR_OK);
		else if (*p == 'J')
			assert_int_equal(buf_add_hex(&text, bytes_make(state, TOKEN_IDENTITY)), ERR_OK);
		else if (*p == 'S')
			assert_int_equal(buf_add_hex(&text, BYTES_OF(state)), ERR_OK);
		else
			assert_int_equal(buf_add_byte(&text, (uint8_t)*p), ERR_OK);
	}
	assert_int_equal(bytes_put_str(out, size, bytes_of_buf(&text)), ERR_OK);
	buf_free(&text);
}

static void say_state(bool present)
{
	struct token_state s = { .present = present, .kind = TOKEN_KIND_PKCS11, .name = "card" };

	bytes_copy(s.identity, identity, sizeof(identity));
	if (!present)
		(void)text_print(s.why, sizeof(s.why), "pulled");
	assert_int_equal(put_state(&s), ERR_OK);
	proof_look();
	token_flush();
}

/* The next question, when there is one: its reference and what is to be signed. */
static bool question(uint64_t *ref, uint8_t digest[32])
{
	struct message m;
	struct wire_in in;
	bool found = false;

	(void)(link_wait(&token, 50) == ERR_OK && link_read(&token) == ERR_OK);
	assert_int_equal(link_next(&token, &m, &found), ERR_OK);
	if (!found)
		return false;
	in = wire_in(m.body);
	assert_int_equal(wire_get_u16(&in), TOKEN_SIGN);
	assert_int_equal(wire_get_u8(&in), KEY_EC_P256);
	(void)wire_get_fixed(&in, TOKEN_IDENTITY);
	(void)wire_get_bytes(&in, TOKEN_REFERENCE_MAX);
	bytes_copy(digest, wire_get_bytes(&in, 32).p, 32);
	assert_int_equal(wire_done(&in), ERR_OK);
	*ref = m.ref;
	return true;
}

/* ECDSA over a digest as it stands, r and s. */
static void sign(const struct crypt_key *key, const uint8_t digest[32], uint8_t raw[64])
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(key->pkey, NULL);
	unsigned char der[80];
	size_t n = sizeof(der), at = 4;

	assert_int_equal(EVP_PKEY_sign_init(c), 1);
	assert_int_equal(EVP_PKEY_sign(c, der, &n, digest, 32), 1);
	EVP_PKEY_CTX_free(c);
	for (int part = 0; part < 2; part++) {
		size_t size = der[at - 1], skip = size > 32 ? size - 32 : 0, pad = size < 32 ? 32 - size : 0;

		bytes_zero(raw + 32 * part, 32);
		bytes_copy(raw + 32 * part + pad, der + at + skip, size - skip);
		at += size + 2;
	}
}

static void answer(uint64_t ref, const uint8_t raw[64])
{
	uint8_t body[65] = { ERR_OK };

	bytes_copy(body + 1, raw, 64);
	assert_int_equal(link_send(&token, MSG_TOKEN_RESULT, ref, BYTES_OF(body)), ERR_OK);
	assert_int_equal(link_flush(&token), ERR_OK);
	token_read(NUMBER);
}

static const char *certification, *why;

static unsigned level(void)
{
	assert_int_equal(place_level(NUMBER), proof_level(NUMBER, &certification, &why));
	return place_level(NUMBER);
}

/* Its process came, with the token in it. */
static void come(void)
{
	int ends[2];

	assert_int_equal(link_pair(ends), ERR_OK);
	link_init(&token, ends[1], ROLE_TOKEN, ROLE_KEEPER, 0);
	token_attach(NUMBER, ends[0]);
	say_state(true);
}

static int begin(void **state)
{
	token_link_hooks((struct token_hooks){ proof_answered, proof_lost });
	if (crypt_p256_new(&right) != ERR_OK || crypt_p256_new(&wrong) != ERR_OK)
		return -1;
	pin = (struct proof_pin){ .level = 3, .certification = "fips", .blob = { 1, NUMBER }, .blob_n = HEAD + 4 };
	identity[0] = 7;
	bytes_copy(pin.blob + 2, identity, sizeof(identity));
	return crypt_p256_point(&right, pin.point) == ERR_OK ? 0 : -1;
}

static int end(void **state)
{
	token_detach(NUMBER);
	link_close(&token);
	proof_set(NUMBER, NULL);
	crypt_key_free(&right);
	crypt_key_free(&wrong);
	return 0;
}

/* --- what is believed ------------------------------------------------------------------- */

static void test_answers(void **state)
{
	uint8_t digest[32], raw[64];
	uint64_t ref;

	come();
	assert_int_equal(level(), 1); /* nothing was accepted, and nothing is asked */
	assert_false(question(&ref, digest));
	proof_set(NUMBER, &pin);
	assert_int_equal(level(), 1); /* accepted, not answered */
	proof_look();
	token_flush();
	assert_true(question(&ref, digest));
	sign(&right, digest, raw);
	answer(ref, raw);
	assert_int_equal(level(), 3);
	assert_string_equal(certification, "fips");
	assert_string_equal(why, "");
	/* withdrawn */
	proof_set(NUMBER, NULL);
	assert_int_equal(level(), 1);
	assert_string_equal(certification, "");
}

static void test_wrong_key(void **state)
{
	uint8_t digest[32], raw[64];
	uint64_t ref;

	proof_set(NUMBER, &pin);
	come();
	assert_true(question(&ref, digest));
	sign(&wrong, digest, raw);
	answer(ref, raw);
	assert_int_equal(level(), 1);
	assert_non_null(strstr(why, "does not answer by the key"));
	/* what comes later, unasked, is nothing */
	sign(&right, digest, raw);
	answer(ref, raw);
	assert_int_equal(level(), 1);
}

/* An answer of yesterday, from a process that no longer has the token. */
static void test_replay(void **state)
{
	uint8_t first[32], second[32], raw[64];
	uint64_t ref;

	proof_set(NUMBER, &pin);
	come();
	assert_true(question(&ref, first));
	sign(&right, first, raw);
	answer(ref, raw);
	assert_int_equal(level(), 3);
	token_detach(NUMBER);
	assert_int_equal(level(), 1);
	link_close(&token);
	come();
	assert_int_equal(level(), 1);
	assert_true(question(&ref, second));
	assert_memory_not_equal(first, second, 32);
	answer(ref, raw);
	assert_int_equal(level(), 1);
}

static void test_goes(void **state)
{
	uint8_t digest[32], raw[64];
	uint64_t ref;

	proof_set(NUMBER, &pin);
	come();
	assert_true(question(&ref, digest));
	sign(&right, digest, raw);
	answer(ref, raw);
	assert_int_equal(level(), 3);
	say_state(false);
	assert_int_equal(level(), 1);
	/* another in its place, in the words of the same process */
	identity[0] = 8;
	say_state(true);
	assert_int_equal(level(), 1);
	assert_non_null(strstr(why, "another token"));
	/* back again: asked anew */
	identity[0] = 7;
	say_state(false);
	say_state(true);
	assert_int_equal(level(), 1);
}

static void test_ended(void **state)
{
	uint8_t digest[32], raw[64];
	uint64_t ref;

	pin.not_after = 1000;
	proof_set(NUMBER, &pin);
	come();
	assert_true(question(&ref, digest));
	sign(&right, digest, raw);
	answer(ref, raw);
	assert_int_equal(level(), 1);
	assert_non_null(strstr(why, "has ended"));
}

/* --- the order's fields -------------------------------------------------------------------- */

static err_t fields(unsigned as, const char *name, uint64_t not_after, size_t reference_n)
{
	uint8_t reference[64] = { 1 };
	struct buf body = buf_make(1024);
	struct wire_out w = wire_out(&body);
	struct proof_pin got;
	struct wire_in in;
	err_t err;

	wire_put_u8(&w, (uint8_t)as);
	wire_put_bytes(&w, bytes_str(name));
	wire_put_u64(&w, not_after);
	wire_put_fixed(&w, BYTES_OF(identity));
	wire_put_bytes(&w, bytes_make(reference, reference_n));
	wire_put_fixed(&w, BYTES_OF(pin.point));
	in = wire_in(bytes_of_buf(&body));
	err = proof_pin_get(&in, NUMBER, &got);
	buf_free(&body);
	return err;
}

static void test_fields(void **state)
{
	assert_int_equal(fields(2, "fips", 0, 4), ERR_OK);
	assert_int_equal(fields(3, "fips", UINT64_C(99999999999999), 4), ERR_OK);
	assert_int_equal(fields(0, "fips", 0, 4), ERR_RANGE);
	assert_int_equal(fields(1, "fips", 0, 4), ERR_RANGE);
	assert_int_equal(fields(4, "fips", 0, 4), ERR_RANGE);
	assert_int_equal(fields(2, "", 0, 4), ERR_RANGE);
	assert_int_equal(fields(2, "fips", 1000, 4), ERR_RANGE);
	assert_int_equal(fields(2, "fips", 0, 0), ERR_RANGE);
}

/* --- which key of a TPM ----------------------------------------------------------------------- */

enum { AREA = 20, PUBLIC = AREA + 2 * 34 };

static size_t reference_of(const uint8_t area[AREA], uint8_t out[128])
{
	static const uint8_t wrapped[] = { 0, 3, 1, 2, 3 };
	size_t n = 5 + sizeof(wrapped) + 2 + PUBLIC, at = 5;

	bytes_zero(out, 128);
	out[0] = 1;
	put_be32(out + 1, (uint32_t)n);
	out[at] = 1; /* format; no PCRs */
	at += 5;
	bytes_copy(out + at, wrapped, sizeof(wrapped));
	at += sizeof(wrapped);
	put_be16(out + at, PUBLIC);
	bytes_copy(out + at + 2, area, AREA);
	at += 2 + AREA;
	put_be16(out + at, 32);
	put_be16(out + at + 34, 32);
	return 5 + n;
}

static void test_key_that_may_answer(void **state)
{
	static const uint8_t good[AREA] = { 0, 0x23, 0, 0x0b, 0, 5, 4, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10 };
	uint8_t reference[128], area[AREA], name[34], point[65];
	size_t n = reference_of(good, reference);

	assert_int_equal(credential_key(bytes_make(reference, n), name, point), ERR_OK);
	assert_int_equal(point[0], 4);
	/* not fixed to its TPM, nor made in it, of another kind: every bit counts */
	for (size_t bit = 0; bit < 8 * AREA; bit++) {
		bytes_copy(area, good, AREA);
		area[bit / 8] ^= (uint8_t)(1 << bit % 8);
		(void)reference_of(area, reference);
		assert_int_equal(credential_key(bytes_make(reference, n), name, point), ERR_REFUSED);
	}
	/* cut anywhere */
	(void)reference_of(good, reference);
	for (size_t cut = 0; cut < n; cut++)
		assert_int_equal(credential_key(bytes_make(reference, cut), name, point), ERR_REFUSED);
}

/* A reference to a P-256 key in a TPM with this point. */
static size_t reference_with(const uint8_t area[AREA], const struct crypt_key *key, uint8_t out[128])
{
	size_t n = reference_of(area, out);
	uint8_t point[65];

	assert_int_equal(crypt_p256_point(key, point), ERR_OK);
	bytes_copy(out + n - 66, point + 1, 32);
	bytes_copy(out + n - 32, point + 33, 32);
	return n;
}

struct statement {
	uint32_t magic;
	unsigned type;
	uint8_t nonce[32], name[34];
};

/* An answer to CERTIFY: attest, signature. */
static void state(const struct statement *s, const struct crypt_key *by, struct buf *out)
{
	struct buf attest = buf_make(512);
	struct wire_out w = wire_out(&attest), o = wire_out(out);
	uint8_t digest[32], raw[64];

	wire_put_u32(&w, s->magic);
	wire_put_u16(&w, (uint16_t)s->type);
	wire_put_u16(&w, 4);
	wire_put_fixed(&w, BYTES("name"));
	wire_put_u16(&w, 32);
	wire_put_fixed(&w, BYTES_OF(s->nonce));
	wire_put_fixed(&w, BYTES("clockclkresetresYfirmware"));
	wire_put_u16(&w, 34);
	wire_put_fixed(&w, BYTES_OF(s->name));
	wire_put_u16(&w, 2);
	wire_put_fixed(&w, BYTES("qn"));
	crypt_sha256(bytes_of_buf(&attest), digest);
	sign(by, digest, raw);
	buf_clear(out);
	o = wire_out(out);
	wire_put_bytes(&o, bytes_of_buf(&attest));
	wire_put_fixed(&o, BYTES_OF(raw));
	assert_int_equal(o.err, ERR_OK);
	buf_free(&attest);
}

/* A key counts as the TPM's only when the accepted key has certified just it: not by another
 * key, of another nonce, name or kind, and not one that could have been outside. */
static void test_certified(void **state_)
{
	static const uint8_t answers[AREA] = { 0, 0x23, 0, 0x0b, 0, 5, 4, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10 };
	/* as the node's keys are: no scheme, padded to the length of AREA by a policy of two octets */
	static const uint8_t usual[AREA] = { 0, 0x23, 0, 0x0b, 0, 4, 4, 0x72, 0, 2, 7, 7, 0, 0x10, 0, 0x10, 0, 3, 0, 0x10 };
	uint8_t reference[128], area[AREA], nonce[32] = { 5 };
	struct statement good = { .magic = 0xff544347, .type = 0x8017, .nonce = { 5 } }, s;
	struct buf answer_ = buf_make(1024);
	struct tpm_area seen;
	struct bytes of;

	pin.blob_n = HEAD + reference_with(answers, &right, pin.blob + HEAD);
	assert_true(certified_can(&pin));
	of = bytes_make(reference, reference_with(usual, &wrong, reference));
	assert_int_equal(tpm_area_read(of, &seen), ERR_OK);
	assert_false(seen.answers);
	good.name[1] = 0x0b;
	crypt_sha256(seen.shown, good.name + 2);
	state(&good, &right, &answer_);
	assert_int_equal(certified_judge(&pin, of, nonce, bytes_of_buf(&answer_)), ERR_OK);
	for (size_t n = 0; n < answer_.n; n++)
		assert_int_equal(certified_judge(&pin, of, nonce, bytes_make(answer_.p, n)), ERR_TAMPERED);
	for (size_t i = 4; i < answer_.n; i++) {
		answer_.p[i] ^= 1;
		assert_int_equal(certified_judge(&pin, of, nonce, bytes_of_buf(&answer_)), ERR_TAMPERED);
		answer_.p[i] ^= 1;
	}
	state(&good, &wrong, &answer_); /* the key certifies itself */
	assert_int_equal(certified_judge(&pin, of, nonce, bytes_of_buf(&answer_)), ERR_TAMPERED);
	for (int i = 0; i < 4; i++) {
		s = good;
		s.magic ^= i == 0;
		s.type += i == 1;
		s.nonce[0] ^= i == 2;
		s.name[33] ^= i == 3;
		state(&s, &right, &answer_);
		assert_int_equal(certified_judge(&pin, of, nonce, bytes_of_buf(&answer_)), ERR_TAMPERED);
	}
	/* certified truly, and not made in the TPM, or able to leave it */
	for (unsigned bit = 1; bit < 0x40; bit <<= 1) {
		if (!(bit & TPM_AREA_INSIDE))
			continue;
		bytes_copy(area, usual, AREA);
		area[7] ^= (uint8_t)bit;
		of = bytes_make(reference, reference_with(area, &wrong, reference));
		assert_int_equal(tpm_area_read(of, &seen), ERR_OK);
		s = good;
		crypt_sha256(seen.shown, s.name + 2);
		state(&s, &right, &answer_);
		assert_int_equal(certified_judge(&pin, of, nonce, bytes_of_buf(&answer_)), ERR_TAMPERED);
	}
	/* a key that signs whatever it is given certifies nothing */
	pin.blob_n = HEAD + reference_with(usual, &right, pin.blob + HEAD);
	assert_false(certified_can(&pin));
	buf_free(&answer_);
}

/* It is approved, nothing else is, and the counter stands there. */
static void approves_alone(const char *pattern, const char *id, const struct provider_key *old, uint64_t generation)
{
	struct provider_key next = { .class = KEY_EC_P256 };
	char text[256];

	fill(pattern, id, 0x55, text, sizeof(text));
	assert_int_equal(approval_order(NUMBER, old, bytes_str(text), &next), ERR_OK);
	assert_int_equal(next.blob.n, GENERATION + 8 + 1 + TOKEN_MEASURED);
	assert_int_equal(get_be64(next.blob.p + GENERATION), generation);
	secret_free(&next.blob);
}

/* What an order may say of measured states, and what becomes of the record. */
static void test_approvals(void **state)
{
	struct token_state s = { .present = true, .kind = TOKEN_KIND_TPM, .name = "TPM", .pcrs = 0x81, .generation = 7 };
	static const char *const bad[] = {
		"", "approve", "approve/07", "renew/I/00000081/S", "approve/I/00000081/S/", "approve/I/0000081/S",
		"approve/I/00000081/S0", "approve/J/00000081/S", "approve/I/00000083/S",
	};
	struct provider_key record = { .class = KEY_EC_P256 }, next = { .class = KEY_EC_P256 };
	char text[256], hex[33];

	come();
	bytes_copy(s.identity, identity, sizeof(identity));
	bytes_to_hex(BYTES_OF(identity), hex, sizeof(hex));
	/* a token that measures nothing */
	assert_int_equal(approval_first(NUMBER, &record), ERR_MISSING);
	assert_int_equal(put_state(&s), ERR_OK);
	assert_int_equal(approval_first(NUMBER, &record), ERR_OK);
	assert_true(approval_is(&record));
	assert_int_equal(approval_check(&record), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		fill(bad[i], hex, 0xaa, text, sizeof(text));
		assert_int_not_equal(approval_order(NUMBER, &record, bytes_str(text), &next), ERR_OK);
	}
	fill("approve/I/00000081/S", hex, 0, text, sizeof(text)); /* the first was zeros */
	assert_int_equal(approval_order(NUMBER, &record, bytes_str(text), &next), ERR_EXISTS);
	fill("withdraw/I/00000081/S", hex, 0xaa, text, sizeof(text));
	assert_int_equal(approval_order(NUMBER, &record, bytes_str(text), &next), ERR_MISSING);
	assert_int_equal(approval_order(0, &record, bytes_str(text), &next), ERR_MISSING);
	for (uint8_t i = 1; i < TOKEN_STATES_MAX; i++) {
		fill("approve/I/00000081/S", hex, i, text, sizeof(text));
		assert_int_equal(approval_order(NUMBER, &record, bytes_str(text), &next), ERR_OK);
		secret_free(&record.blob);
		record.blob = next.blob;
	}
	fill("approve/I/00000081/S", hex, 0xaa, text, sizeof(text));
	assert_int_equal(approval_order(NUMBER, &record, bytes_str(text), &next), ERR_FULL);
	fill("withdraw/I/00000081/S", hex, 3, text, sizeof(text));
	assert_int_equal(approval_order(NUMBER, &record, bytes_str(text), &next), ERR_OK);
	/* one less, and the counter one further */
	assert_int_equal(next.blob.n, record.blob.n - TOKEN_MEASURED);
	assert_int_equal(get_be64(next.blob.p + GENERATION), 8);
	next.blob.n--;
	assert_int_equal(approval_check(&next), ERR_TAMPERED);
	next.blob.n++;
	secret_free(&next.blob);
	/* other PCRs: the states of those before are withdrawn */
	s.pcrs = 0x83;
	assert_int_equal(put_state(&s), ERR_OK);
	approves_alone("approve/I/00000083/S", hex, &record, 8);
	/* the TPM is further than the record: nothing of it holds */
	s = (struct token_state){ .present = true, .kind = TOKEN_KIND_TPM, .name = "TPM", .pcrs = 0x81,
		                  .generation = 9 };
	bytes_copy(s.identity, identity, sizeof(identity));
	assert_int_equal(put_state(&s), ERR_OK);
	approves_alone("approve/I/00000081/S", hex, &record, 9);
	/* another TPM in its place: its own counter */
	s.generation = 2;
	s.counter[0] = 1;
	assert_int_equal(put_state(&s), ERR_OK);
	approves_alone("approve/I/00000081/S", hex, &record, 2);
	secret_free(&record.blob);
}

static void test_credential_of_known_kinds(void **state)
{
	struct credential c = { 0 };
	uint8_t name[34] = { 0, 0x0b };
	EVP_PKEY *small = EVP_RSA_gen(1024), *usual = EVP_RSA_gen(2048), *large = EVP_EC_gen("P-384");

	assert_int_equal(credential_make(small, name, &c), ERR_UNSUPPORTED);
	credential_end(&c);
	assert_int_equal(credential_make(large, name, &c), ERR_UNSUPPORTED);
	credential_end(&c);
	assert_int_equal(credential_make(right.pkey, name, &c), ERR_OK);
	assert_int_equal(c.seed.n, 2 * (2 + 32));
	credential_end(&c);
	assert_int_equal(credential_make(usual, name, &c), ERR_OK);
	assert_int_equal(c.seed.n, 256);
	assert_int_equal(c.sealed.n, 2 + 32 + 2 + 32);
	credential_end(&c);
	EVP_PKEY_free(small);
	EVP_PKEY_free(usual);
	EVP_PKEY_free(large);
}

/* Of a key for which the table has no place nothing is known: it counts as level 1. */
static void test_more_keys_than_are_held(void **state)
{
	uint8_t digest[32], raw[64];
	struct provider_key k[HELD_MAX + 1];
	uint64_t ref;

	proof_set(NUMBER, &pin);
	come();
	assert_true(question(&ref, digest));
	sign(&right, digest, raw);
	answer(ref, raw);
	for (size_t i = 0; i < COUNT_OF(k); i++) {
		k[i] = (struct provider_key){ .class = KEY_SYMMETRIC_32, .place = NUMBER };
		assert_int_equal(secret_copy(bytes_make(pin.blob, pin.blob_n), &k[i].blob), ERR_OK);
		k[i].blob.p[HEAD] = (uint8_t)i;
		assert_int_equal(token_provider.load(&k[i]), ERR_OK);
		assert_int_equal(place_key_level(&token_provider, &k[i]), i < HELD_MAX ? 3 : 1);
	}
	token_provider.unload(&k[0]);
	assert_int_equal(place_key_level(&token_provider, &k[HELD_MAX]), 3);
	for (size_t i = 1; i < COUNT_OF(k); i++)
		token_provider.unload(&k[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, begin, end),
		cmocka_unit_test_setup_teardown(test_wrong_key, begin, end),
		cmocka_unit_test_setup_teardown(test_replay, begin, end),
		cmocka_unit_test_setup_teardown(test_goes, begin, end),
		cmocka_unit_test_setup_teardown(test_ended, begin, end),
		cmocka_unit_test_setup_teardown(test_more_keys_than_are_held, begin, end),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_key_that_may_answer),
		cmocka_unit_test_setup_teardown(test_certified, begin, end),
		cmocka_unit_test_setup_teardown(test_credential_of_known_kinds, begin, end),
		cmocka_unit_test_setup_teardown(test_approvals, begin, end),
	};

	log_open("unit");
	log_level_set(LOG_ERROR);
	crypt_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
