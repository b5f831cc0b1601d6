/* The room token: the grammar of its configuration, and both back ends, on a
 * software token and a TPM simulator that the test starts. */
#include "token_room.h"
#include "crypt/der.h"
#include "crypt/tpm_policy.h"
#include "wire/signature.h"
#include "token/pkcs11.h"
#include "token/tpm.h"
#include "base/clock.h"
#include "unit.h"

#include <string.h>

static struct token_room room;
static struct token token;
static struct asking a;

static int softhsm(void **state)
{
	room_softhsm(&room);
	return room_open(&room, "1234", "pairing", &token) == ERR_OK ? 0 : -1;
}

static int swtpm(void **state)
{
	room_swtpm(&room, "");
	return room_open(&room, NULL, "pairing", &token) == ERR_OK ? 0 : -1;
}

static int swtpm_pcr(void **state)
{
	room_swtpm(&room, "?pcrs=16,23");
	return room_open(&room, NULL, "pairing", &token) == ERR_OK ? 0 : -1;
}

static int end(void **state)
{
	token_unload(&token);
	asking_end(&a);
	a = (struct asking){ .call = { 0 } };
	room_end(&room);
	return 0;
}

/* --- configuration -------------------------------------------------------------- */

static void test_config(void **state)
{
	static const char *const good[] = {
		"pkcs11:token=a?module-path=/m", "pkcs11:serial=1;token=a%20b?module-path=/m&pin-source=file:/p",
		"pkcs11:slot-id=3?module-path=/m", "tpm:device:/dev/tpmrm0", "tpm:swtpm:host=127.0.0.1,port=1",
		"tpm:device:/dev/tpmrm0?pcrs=0,7", "pkcs11:token=a?module-path=/m&x-env=A=/b&x-files=/c",
	};
	static const char *const bad[] = {
		"", "pkcs11", "pkcs11:", "pkcs11:token=a", "pkcs11:token=a?module-path=m", "pkcs11:?module-path=/m",
		"pkcs11:token=a;token=b?module-path=/m", "pkcs11:color=red?module-path=/m",
		"pkcs11:token=a?module-path=/m&pin-value=1234", "pkcs11:token=%zz?module-path=/m",
		"pkcs11:token=%00?module-path=/m", "pkcs11:token=a%0ab?module-path=/m", "pkcs11:token=a%?module-path=/m",
		"pkcs11:token=a?module-path=/m&x-files=c", "pkcs11:token=a?module-path=/m&x-env=A",
		"tpm:", "tpm:cmd:rm", "tpm:device:/dev/tpm0?pcrs=24", "tpm:device:/dev/tpm0?pcrs=",
		"tpm:device:/dev/tpm0?pcrs=1&pcrs=2", "soft:a", "pkcs11:slot-id=x?module-path=/m",
	};
	struct token_config c;
	const char *why;

	for (size_t i = 0; i < COUNT_OF(good); i++)
		assert_int_equal(token_config_parse(bytes_str(good[i]), &c, &why), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(token_config_parse(bytes_str(bad[i]), &c, &why), ERR_SYNTAX);
		assert_true(why && *why);
	}
	assert_int_equal(token_config_parse(bytes_str(good[1]), &c, &why), ERR_OK);
	assert_string_equal(c.label, "a b");
	assert_string_equal(token_config_pin_file(&c), "/p");
	assert_int_equal(token_config_parse(bytes_str(good[5]), &c, &why), ERR_OK);
	assert_int_equal(c.pcrs, 1 | 1 << 7);
	assert_int_equal(token_config_parse(bytes_str(good[4]), &c, &why), ERR_OK);
	assert_int_equal(token_config_port(&c), 1);
}

/* --- what a token does -------------------------------------------------------------- */

static void assert_signs(const struct room_key *k)
{
	uint8_t digest[32], raw[64];
	struct buf der = buf_make(100);

	crypt_sha256(BYTES("to be signed"), digest);
	assert_int_equal(room_sign(&a, &token, k, BYTES_OF(digest), raw), ERR_OK);
	assert_int_equal(der_signature(raw, &der), ERR_OK);
	assert_int_equal(crypt_p256_verify(k->public_key, BYTES("to be signed"), bytes_of_buf(&der)), ERR_OK);
	assert_int_equal(crypt_p256_verify(k->public_key, BYTES("to be signeD"), bytes_of_buf(&der)),
	                 ERR_TAMPERED);
	buf_free(&der);
}

static void test_signs(void **state)
{
	struct room_key k;
	uint8_t raw[64];

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_int_equal(k.public_n, 65);
	for (int i = 0; i < 20; i++)
		assert_signs(&k);
	assert_int_equal(room_sign(&a, &token, &k, BYTES("short"), raw), ERR_TYPE);
}

static void test_ed25519(void **state)
{
	struct room_key k;
	uint8_t raw[64];

#ifdef HOLDFAST_SANITIZE
	skip(); /* SoftHSM leaks the name of the curve */
#endif
	if (!(token.state.can & TOKEN_CAN_ED25519)) {
		assert_int_equal(room_make(&a, &token, KEY_ED25519, PAIR_SIGN, &k), ERR_UNSUPPORTED);
		return;
	}
	assert_int_equal(room_make(&a, &token, KEY_ED25519, PAIR_SIGN, &k), ERR_OK);
	assert_int_equal(room_sign(&a, &token, &k, BYTES("a message"), raw), ERR_OK);
	assert_int_equal(crypt_ed25519_verify(k.public_key, BYTES("a message"), BYTES_OF(raw)), ERR_OK);
	assert_int_equal(crypt_ed25519_verify(k.public_key, BYTES("a Message"), BYTES_OF(raw)), ERR_TAMPERED);
}

/* A pair for one thing does not do the other [CM26]: the token itself refuses. */
static void test_agrees(void **state)
{
	uint8_t mine[32], theirs[32], point[65], raw[64], digest[32] = { 1 };
	struct room_key k, signs;
	struct crypt_key own;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_AGREE, &k), ERR_OK);
	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &signs), ERR_OK);
	assert_int_equal(crypt_p256_new(&own), ERR_OK);
	assert_int_equal(crypt_p256_point(&own, point), ERR_OK);
	assert_int_equal(room_agree(&a, &token, &k, point, theirs), ERR_OK);
	assert_int_equal(crypt_p256_ecdh(&own, k.public_key, mine), ERR_OK);
	assert_memory_equal(mine, theirs, 32);
	assert_int_not_equal(room_agree(&a, &token, &signs, point, theirs), ERR_OK);
	assert_int_not_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_OK);
	point[40] ^= 1;
	assert_int_not_equal(room_agree(&a, &token, &k, point, theirs), ERR_OK);
	/* and the token is as well as before */
	assert_signs(&signs);
	crypt_key_free(&own);
}

static void test_macs(void **state)
{
	uint8_t raw[32], expected[32], mac[32];

	for (size_t n = 16; n <= 32; n += 16) {
		struct room_key k;

		crypt_random(raw, n);
		assert_int_equal(room_import(&a, &token, bytes_make(raw, n), &k), ERR_OK);
		assert_int_equal(room_mac(&a, &token, &k, PART_KEY, BYTES("message"), mac), ERR_OK);
		crypt_hmac_sha256(bytes_make(raw, n), BYTES("message"), expected);
		assert_memory_equal(mac, expected, 32);
		assert_int_equal(room_mac(&a, &token, &k, PART_COUNT, BYTES("m"), mac), ERR_UNSUPPORTED);
	}
	assert_int_equal(room_import(&a, &token, bytes_make(raw, 31), &(struct room_key){ 0 }), ERR_RANGE);
}

/* The key schedule of TLS 1.3 [RFC 8446 7.1] by two HMACs on the token. */
static void test_tls13(void **state)
{
	uint8_t raw[32], early[32], nothing[32], key[32], binder[32], expected[32], mac[32];
	struct room_key k;

	crypt_random(raw, sizeof(raw));
	assert_int_equal(room_import(&a, &token, BYTES_OF(raw), &k), ERR_OK);
	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, BYTES_OF(raw), early);
	crypt_expand_label(BYTES_OF(early), BYTES("derived"), BYTES_OF(nothing), key, 32);
	crypt_hkdf_extract(BYTES_OF(key), BYTES("an (EC)DHE secret of 32 octets .."), expected);
	assert_int_equal(room_mac(&a, &token, &k, PART_DERIVED, BYTES("an (EC)DHE secret of 32 octets .."), mac),
	                 ERR_OK);
	assert_memory_equal(mac, expected, 32);
	crypt_expand_label(BYTES_OF(early), BYTES("ext binder"), BYTES_OF(nothing), binder, 32);
	crypt_expand_label(BYTES_OF(binder), BYTES("finished"), BYTES_NONE, key, 32);
	crypt_hmac_sha256(BYTES_OF(key), BYTES_OF(nothing), expected);
	assert_int_equal(room_mac(&a, &token, &k, PART_FINISHED, BYTES_OF(nothing), mac), ERR_OK);
	assert_memory_equal(mac, expected, 32);
}

static void test_extracts(void **state)
{
	uint8_t raw[32], expected[32], out[32];
	struct room_key k;

	crypt_random(raw, sizeof(raw));
	assert_int_equal(room_import(&a, &token, BYTES_OF(raw), &k), ERR_OK);
	for (size_t n = 0; n <= 100; n += 50) {
		uint8_t salt[100] = { 7 };

		asking_key(&a, TOKEN_EXTRACT, &k);
		wire_put_bytes(&a.w, bytes_make(salt, n));
		if (!(token.state.can & TOKEN_CAN_EXTRACT)) {
			assert_int_equal(room_octets(&a, &token, out, 32), ERR_UNSUPPORTED);
			continue;
		}
		assert_int_equal(room_octets(&a, &token, out, 32), ERR_OK);
		crypt_hkdf_extract(bytes_make(salt, n), BYTES_OF(raw), expected);
		assert_memory_equal(out, expected, 32);
	}
}

/* Sealed by the key on the token, in the form that this token can; what is altered, cut, or
 * of another key or other additional data is not opened, and the token stays open. */
static void test_seals(void **state)
{
	struct buf sealed = buf_make(8192), opened = buf_make(8192);
	uint8_t raw[32], plain[4096], mac[32];
	struct room_key k, other;
	size_t more;

	crypt_random(raw, sizeof(raw));
	crypt_random(plain, sizeof(plain));
	assert_int_equal(room_import_for(&a, &token, SECRET_SEAL, BYTES_OF(raw), &k), ERR_OK);
	assert_int_equal(room_make(&a, &token, KEY_SYMMETRIC_32, SECRET_SEAL, &other), ERR_OK);
	for (size_t n = 0; n <= sizeof(plain); n = n ? n * 16 : 16) {
		buf_clear(&sealed);
		buf_clear(&opened);
		assert_int_equal(room_text(&a, &token, &k, TOKEN_SEAL, BYTES("more"), bytes_make(plain, n), &sealed), ERR_OK);
		assert_int_equal(room_text(&a, &token, &k, TOKEN_UNSEAL, BYTES("more"), bytes_of_buf(&sealed), &opened), ERR_OK);
		assert_true(bytes_equal(bytes_of_buf(&opened), bytes_make(plain, n)));
	}
	more = sealed.n - sizeof(plain);
	assert_int_equal(sealed.p[0], token.state.can & TOKEN_CAN_GCM ? FORM_GCM : FORM_HMAC_GCM);
	assert_int_equal(more, token.state.can & TOKEN_CAN_GCM ? 1 + 12 + 16 : TOKEN_SEAL_MORE);
	buf_clear(&sealed);
	assert_int_equal(room_text(&a, &token, &k, TOKEN_SEAL, BYTES("more"), BYTES("short"), &sealed), ERR_OK);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(room_text(&a, &token, &k, TOKEN_UNSEAL, BYTES("more"), bytes_of_buf(&sealed), &opened), ERR_TAMPERED);
		sealed.p[i] ^= 1;
		assert_int_equal(room_text(&a, &token, &k, TOKEN_UNSEAL, BYTES("more"), bytes_make(sealed.p, i), &opened), ERR_TAMPERED);
	}
	assert_int_equal(room_text(&a, &token, &other, TOKEN_UNSEAL, BYTES("more"), bytes_of_buf(&sealed), &opened), ERR_TAMPERED);
	assert_int_equal(room_text(&a, &token, &k, TOKEN_UNSEAL, BYTES("less"), bytes_of_buf(&sealed), &opened), ERR_TAMPERED);
	if (token.state.can & TOKEN_CAN_GCM) /* one use a key */
		assert_int_equal(room_mac(&a, &token, &k, PART_KEY, BYTES("m"), mac), ERR_TYPE);
	buf_clear(&opened);
	assert_int_equal(room_text(&a, &token, &k, TOKEN_UNSEAL, BYTES("more"), bytes_of_buf(&sealed), &opened), ERR_OK);
	buf_free(&sealed);
	buf_free(&opened);
}

/* Sealed on the token, opened by AES-GCM elsewhere: it is what it says. */
static void test_seals_as_said(void **state)
{
	uint8_t raw[32], key[32], text[14 + 32], out[64];
	struct buf sealed = buf_make(256);
	struct crypt_aead aead = { 0 };
	struct room_key k;
	size_t nonce;

	crypt_random(raw, sizeof(raw));
	assert_int_equal(room_import_for(&a, &token, SECRET_SEAL, BYTES_OF(raw), &k), ERR_OK);
	assert_int_equal(room_text(&a, &token, &k, TOKEN_SEAL, BYTES("more"), BYTES("plain"), &sealed), ERR_OK);
	nonce = sealed.p[0] == FORM_GCM ? 12 : 32;
	bytes_copy(key, raw, 32);
	if (nonce == 32) {
		bytes_copy(text, "holdfast seal\0", 14);
		bytes_copy(text + 14, sealed.p + 1, 32);
		crypt_hmac_sha256(BYTES_OF(raw), BYTES_OF(text), key);
	}
	assert_int_equal(crypt_aead_init(&aead, key), ERR_OK);
	assert_int_equal(crypt_aead_open(&aead, nonce == 12 ? sealed.p + 1 : (const uint8_t[12]){ 0 }, BYTES("more"),
	                                 bytes_make(sealed.p + 1 + nonce, sealed.n - 1 - nonce), out), ERR_OK);
	assert_memory_equal(out, "plain", 5);
	crypt_aead_free(&aead);
	buf_free(&sealed);
}

/* The example of RFC 3394 4.6; the unwrapped key is one for HMAC that nobody saw. */
static void test_wraps(void **state)
{
	static const uint8_t expected[] = {
		0x28, 0xc9, 0xf4, 0x04, 0xc4, 0xb8, 0x10, 0xf4, 0xcb, 0xcc, 0xb3, 0x5c, 0xfb, 0x87, 0xf8, 0x26,
		0x3f, 0x57, 0x86, 0xe2, 0xd8, 0x0e, 0xd3, 0x26, 0xcb, 0xc7, 0xf0, 0xe7, 0x1a, 0x99, 0xf4, 0x3b,
		0xfb, 0x98, 0x8b, 0x9b, 0x7a, 0x02, 0xdd, 0x21,
	};
	uint8_t kek[32], raw[32], mac[32], wanted[32], wrapped[40];
	struct buf out = buf_make(256);
	struct room_key k, inner;

	for (unsigned i = 0; i < 32; i++) {
		kek[i] = (uint8_t)i;
		raw[i] = (uint8_t)(i < 16 ? 0x11 * i : i - 16);
	}
	if (!(token.state.can & TOKEN_CAN_WRAP)) {
		assert_int_equal(room_import_for(&a, &token, SECRET_WRAP, BYTES_OF(kek), &k), ERR_UNSUPPORTED);
		assert_int_equal(room_make(&a, &token, KEY_SYMMETRIC_32, SECRET_WRAP, &k), ERR_UNSUPPORTED);
		return;
	}
	assert_int_equal(room_import_for(&a, &token, SECRET_WRAP, BYTES_OF(kek), &k), ERR_OK);
	assert_int_equal(room_text(&a, &token, &k, TOKEN_WRAP, BYTES_NONE, BYTES_OF(raw), &out), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&out), BYTES_OF(expected)));
	for (size_t i = 0; i <= sizeof(expected); i++) {
		bytes_copy(wrapped, expected, 40);
		if (i < 40)
			wrapped[i] ^= 1;
		asking_key(&a, TOKEN_UNWRAP, &k);
		wire_put_bytes(&a.w, BYTES_OF(wrapped));
		assert_int_equal(asking_ask(&a, &token), i < 40 ? ERR_TAMPERED : ERR_OK);
	}
	inner = (struct room_key){ .class = KEY_SYMMETRIC_32 };
	room_take_key(&a, &inner);
	assert_int_equal(room_mac(&a, &token, &inner, PART_KEY, BYTES("m"), mac), ERR_OK);
	crypt_hmac_sha256(BYTES_OF(raw), BYTES("m"), wanted);
	assert_memory_equal(mac, wanted, 32);
	/* neither does the other's work */
	assert_int_not_equal(room_mac(&a, &token, &k, PART_KEY, BYTES("m"), mac), ERR_OK);
	assert_int_not_equal(room_text(&a, &token, &inner, TOKEN_WRAP, BYTES_NONE, BYTES_OF(raw), &out), ERR_OK);
	buf_free(&out);
}

/* More keys than fit into a TPM at once, in turn. */
static void test_many(void **state)
{
	struct room_key k[7];
	uint8_t first[7][32], mac[32];

	for (size_t i = 0; i < COUNT_OF(k); i++) {
		assert_int_equal(room_make(&a, &token, i % 2 ? KEY_SYMMETRIC_16 : KEY_SYMMETRIC_32, PAIR_ANY, &k[i]),
		                 ERR_OK);
		assert_int_equal(room_mac(&a, &token, &k[i], PART_KEY, BYTES("m"), first[i]), ERR_OK);
	}
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < COUNT_OF(k); i++) {
			assert_int_equal(room_mac(&a, &token, &k[i], PART_KEY, BYTES("m"), mac), ERR_OK);
			assert_memory_equal(mac, first[i], 32);
			assert_memory_not_equal(mac, first[(i + 1) % COUNT_OF(k)], 32);
		}
	}
}

static void test_random(void **state)
{
	uint8_t one[100], two[100];

	for (int i = 0; i < 2; i++) {
		asking_begin(&a, TOKEN_RANDOM);
		wire_put_u16(&a.w, sizeof(one));
		assert_int_equal(room_octets(&a, &token, i ? two : one, sizeof(one)), ERR_OK);
	}
	assert_memory_not_equal(one, two, sizeof(one));
}

/* What is stored of a key outside of the token: not one octet of it may differ. */
static void test_flipped(void **state)
{
	enum { PCRS_AT = 6 }; /* behind u8 count, u32 length, u8 form */
	uint8_t digest[32] = { 1 }, raw[64];
	struct room_key k;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_signs(&k);
	for (size_t i = 0; i < k.reference_n; i++) {
		k.reference[i] ^= 0x10;
		/* Of a key whose states are approved the PCRs of its making are a note. */
		if (!token.approvals.known || i < PCRS_AT || i >= PCRS_AT + 4)
			assert_int_not_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_OK);
		k.reference[i] ^= 0x10;
	}
	for (size_t i = 0; i < TOKEN_IDENTITY; i++) {
		k.identity[i] ^= 0x10;
		assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_MISSING);
		k.identity[i] ^= 0x10;
	}
	assert_signs(&k);
}

static void test_destroyed(void **state)
{
	uint8_t digest[32] = { 0 }, raw[64];
	struct room_key k;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_signs(&k);
	asking_key(&a, TOKEN_DESTROY, &k);
	assert_int_equal(asking_ask(&a, &token), ERR_OK);
	if (token.state.kind == TOKEN_KIND_PKCS11)
		assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_MISSING);
	asking_key(&a, TOKEN_DESTROY, &k);
	assert_int_equal(asking_ask(&a, &token), ERR_OK);
}

/* --- bad input -------------------------------------------------------------------------- */

/* Every operation, cut at every octet, lengthened, and with other references:
 * refused, and the token works as before. */
static void test_malformed(void **state)
{
	struct buf whole = buf_make(8192), result = buf_make(8192);
	struct room_key k, signs;
	uint8_t raw[32] = { 9 };

	assert_int_equal(room_import(&a, &token, BYTES_OF(raw), &k), ERR_OK);
	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &signs), ERR_OK);
	for (unsigned op = 0; op < TOKEN_TRY; op++) { /* which looks at a key and uses none */
		if (op == TOKEN_OPEN)
			continue;
		asking_key(&a, op, op == TOKEN_SIGN ? &signs : &k);
		wire_put_u8(&a.w, 0);
		wire_put_bytes(&a.w, BYTES_OF(raw));
		buf_clear(&whole);
		assert_int_equal(buf_add(&whole, bytes_of_buf(&a.call)), ERR_OK);
		for (size_t n = 0; n < whole.n; n++) {
			/* of MAKE class and use are all there is; EXTRACT takes an empty salt */
			if (op == TOKEN_DESTROY || (op == TOKEN_MAKE && n == 4) ||
			    (op == TOKEN_EXTRACT && n == whole.n - sizeof(raw) - 1))
				continue;
			assert_int_equal(token_serve(&token, bytes_make(whole.p, n), &result), ERR_OK);
			assert_int_equal(result.n, 1);
			assert_int_not_equal(result.p[0], ERR_OK);
		}
		for (size_t i = 3; i < 44; i++) { /* identity, and the first part */
			whole.p[i] ^= 0x55;
			assert_int_equal(token_serve(&token, bytes_of_buf(&whole), &result), ERR_OK);
			if (op != TOKEN_DESTROY)
				assert_int_not_equal(result.p[0], ERR_OK);
			whole.p[i] ^= 0x55;
		}
	}
	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &signs), ERR_OK);
	assert_signs(&signs);
	buf_free(&whole);
	buf_free(&result);
}

/* --- lost and found ---------------------------------------------------------------------- */

static void test_session_lost(void **state)
{
	struct p11 *p = token.own;
	struct room_key k;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_int_equal(p->f->C_CloseSession(p->session), CKR_OK);
	assert_signs(&k);
	assert_int_equal(p->f->C_Logout(p->session), CKR_OK);
	assert_signs(&k);
	assert_int_equal(p->f->C_Finalize(NULL), CKR_OK);
	assert_signs(&k);
}

static void test_simulator_restarted(void **state)
{
	uint8_t digest[32] = { 0 }, raw[64];
	struct room_key k;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_signs(&k);
	room_kill_simulator(&room);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_ABSENT);
	assert_true(token.state.why[0]);
	room_simulator(&room);
	token.retry_at = 0;
	assert_signs(&k);
}

/* Sessions that somebody took away. */
static void test_tpm_session_lost(void **state)
{
	struct tpm *p = token.own;
	struct room_key k;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_int_equal(Esys_FlushContext(p->esys, p->session), TSS2_RC_SUCCESS);
	assert_signs(&k);
}

static bool answers_encrypted(void)
{
	struct tpm *p = token.own;
	TPMA_SESSION is;

	assert_int_equal(Esys_TRSess_GetAttributes(p->esys, p->session, &is), TSS2_RC_SUCCESS);
	return is & TPMA_SESSION_ENCRYPT;
}

/* Made by one who was killed before he wrote it. */
static void leave_unwritten(void)
{
	TPM2B_AUTH auth = { .size = TPM_DIGEST };
	TPM2B_NV_PUBLIC as = { .nvPublic = {
		.nameAlg = TPM2_ALG_SHA256, .dataSize = 8,
		.attributes = (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT) | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA,
	} };
	ESYS_TR no = ESYS_TR_NONE, index;
	struct tpm *p = token.own;
	uint8_t chosen[32];

	token_paired(&token, BYTES("holdfast tpm copies"), auth.buffer);
	token_paired(&token, BYTES("holdfast tpm copies index"), chosen);
	as.nvPublic.nvIndex = 0x01a10000u | get_be16(chosen);
	assert_int_equal(Esys_NV_DefineSpace(p->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, no, no, &auth, &as, &index),
	                 TSS2_RC_SUCCESS);
	assert_int_equal(Esys_TR_Close(p->esys, &index), TSS2_RC_SUCCESS);
}

/* Starts are counted by one that was left unwritten, too, and over a lost connection; when it
 * cannot be made, what the TPM answers afterwards is encrypted as before. */
static void test_counts(void **state)
{
	TPM2B_AUTH foreign = { .size = 1, .buffer = { 'x' } }, none = { .size = 0 };
	ESYS_TR no = ESYS_TR_NONE, owner = ESYS_TR_RH_OWNER;
	struct tpm *p = token.own;
	uint64_t first, n;

	assert_int_equal(Esys_HierarchyChangeAuth(p->esys, owner, ESYS_TR_PASSWORD, no, no, &foreign), TSS2_RC_SUCCESS);
	assert_int_equal(Esys_TR_SetAuth(p->esys, owner, &none), TSS2_RC_SUCCESS);
	assert_int_not_equal(tpm_count(&token, true, &n), ERR_OK);
	assert_true(answers_encrypted());
	assert_int_equal(Esys_TR_SetAuth(p->esys, owner, &foreign), TSS2_RC_SUCCESS);
	assert_int_equal(Esys_HierarchyChangeAuth(p->esys, owner, ESYS_TR_PASSWORD, no, no, &none), TSS2_RC_SUCCESS);
	leave_unwritten();
	assert_int_equal(tpm_count(&token, false, &first), ERR_OK);
	for (uint64_t i = 1; i < 4; i++) {
		assert_int_equal(tpm_count(&token, true, &n), ERR_OK);
		assert_int_equal(n, first + i);
		assert_true(answers_encrypted());
		tpm_close(&token);
		assert_int_equal(tpm_open(&token), ERR_OK);
	}
}

/* --- who may use it ------------------------------------------------------------------------ */

static void test_wrong_pin(void **state)
{
	struct token other;

	token_unload(&token);
	assert_int_equal(room_open(&room, "9999", "pairing", &other), ERR_ABSENT);
	assert_non_null(strstr(other.state.why, "wrong PIN"));
	assert_true(other.refused);
	token_unload(&other);
	assert_int_equal(room_open(&room, NULL, "pairing", &other), ERR_ABSENT);
	token_unload(&other);
	assert_int_equal(room_open(&room, "1234", "pairing", &token), ERR_OK);
}

static void test_wrong_pairing(void **state)
{
	uint8_t digest[32] = { 0 }, raw[64];
	struct room_key k;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	token_unload(&token);
	assert_int_equal(room_open(&room, NULL, "of another node", &token), ERR_OK);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_REFUSED);
	assert_true(answers_encrypted());
	token_unload(&token);
	assert_int_equal(room_open(&room, NULL, "pairing", &token), ERR_OK);
	assert_signs(&k);
}

/* After it was made in one measured state, its use in another is seen to fail. */
static void test_measured_state(void **state)
{
	TPML_DIGEST_VALUES more = { .count = 1, .digests[0] = { .hashAlg = TPM2_ALG_SHA256 } };
	struct tpm *p = token.own;
	uint8_t digest[32] = { 0 }, raw[64], mac[32], secret[32] = { 5 };
	struct room_key k, m, fresh;

	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_int_equal(room_import(&a, &token, BYTES_OF(secret), &m), ERR_OK);
	assert_signs(&k);
	assert_int_equal(room_mac(&a, &token, &m, PART_KEY, BYTES("m"), mac), ERR_OK);
	assert_int_equal(Esys_PCR_Extend(p->esys, ESYS_TR_PCR23, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
	                                 &more), TSS2_RC_SUCCESS);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	assert_non_null(strstr(token.state.why, "measured state"));
	assert_int_equal(room_mac(&a, &token, &m, PART_KEY, BYTES("m"), mac), ERR_BAD_STATE);
	asking_key(&a, TOKEN_TRY, &k);
	assert_int_equal(asking_ask(&a, &token), ERR_BAD_STATE);
	token_look(&token);
	assert_true(token.state.unfit);
	/* of the new state */
	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &fresh), ERR_OK);
	assert_signs(&fresh);
	assert_int_equal(Esys_PCR_Reset(p->esys, ESYS_TR_PCR23, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE),
	                 TSS2_RC_SUCCESS);
	token_look(&token); /* seen without a use */
	assert_false(token.state.unfit);
	asking_key(&a, TOKEN_TRY, &k);
	assert_int_equal(asking_ask(&a, &token), ERR_OK);
	assert_signs(&k);
	assert_int_equal(room_sign(&a, &token, &fresh, BYTES_OF(digest), raw), ERR_BAD_STATE);
}

static struct crypt_key approver;

/* What the keeper sends: these states, signed at a generation of the counter. */
static err_t approve(uint64_t generation, const uint8_t (*states)[TOKEN_MEASURED], size_t n, bool falsely)
{
	struct buf text = buf_make(128), der = buf_make(128);
	uint8_t point[65], raw[64], policy[TPM_POLICY];

	assert_int_equal(crypt_p256_point(&approver, point), ERR_OK);
	asking_begin(&a, TOKEN_APPROVE);
	wire_put_fixed(&a.w, BYTES_OF(token.state.identity));
	wire_put_fixed(&a.w, BYTES_OF(point));
	wire_put_u64(&a.w, generation);
	wire_put_u8(&a.w, (uint8_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct tpm_condition c = { .pcrs = token.state.pcrs, .state = BYTES_OF(states[i]),
			                         .counter = BYTES_OF(token.state.counter), .generation = generation };

		tpm_policy_state(&c, policy);
		buf_clear(&text);
		buf_clear(&der);
		assert_int_equal(buf_add(&text, BYTES_OF(policy)), ERR_OK);
		assert_int_equal(buf_add(&text, BYTES_OF(token.state.identity)), ERR_OK);
		assert_int_equal(crypt_p256_sign(&approver, bytes_of_buf(&text), &der), ERR_OK);
		assert_int_equal(signature_raw(bytes_of_buf(&der), raw), ERR_OK);
		raw[10] ^= falsely;
		wire_put_u32(&a.w, c.pcrs);
		wire_put_fixed(&a.w, BYTES_OF(policy));
		wire_put_fixed(&a.w, BYTES_OF(raw));
	}
	buf_free(&text);
	buf_free(&der);
	return asking_ask(&a, &token);
}

static void extend_23(uint8_t first)
{
	TPML_DIGEST_VALUES more = { .count = 1, .digests[0] = { .hashAlg = TPM2_ALG_SHA256, .digest.sha256 = { first } } };
	struct tpm *p = token.own;

	assert_int_equal(Esys_PCR_Reset(p->esys, ESYS_TR_PCR23, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE), TSS2_RC_SUCCESS);
	if (first)
		assert_int_equal(Esys_PCR_Extend(p->esys, ESYS_TR_PCR23, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &more),
		                 TSS2_RC_SUCCESS);
	token_look(&token);
}

/* Keys made under an approver: of the states that he signed for, also later ones, and of no
 * other; what is withdrawn opens no more, also with the signature from before. Keys of before
 * stay with the state of their making. */
static void test_approved_state(void **state)
{
	uint8_t states[3][TOKEN_MEASURED], digest[32] = { 0 }, raw[64], first = 0;
	struct room_key before, k;

	assert_int_equal(crypt_p256_new(&approver), ERR_OK);
	assert_int_equal(token.state.pcrs, 1 << 16 | 1 << 23);
	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &before), ERR_OK);
	for (uint8_t i = 3; i > 0; i--) {
		extend_23(i - 1);
		bytes_copy(states[i - 1], token.state.measured, TOKEN_MEASURED);
	}
	assert_memory_not_equal(states[0], states[1], TOKEN_MEASURED);
	first = (uint8_t)token.state.generation;
	assert_int_equal(approve(first, states, 1, false), ERR_OK);
	assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k), ERR_OK);
	assert_signs(&k);
	assert_signs(&before);

	extend_23(1);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	assert_non_null(strstr(token.state.why, "approved"));
	/* somebody else's word, or one for another counter */
	assert_int_equal(approve(first, states, 2, true), ERR_OK);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	assert_int_equal(approve(first, states, 2, false), ERR_OK);
	assert_signs(&k);
	assert_int_equal(room_sign(&a, &token, &before, BYTES_OF(digest), raw), ERR_BAD_STATE);
	extend_23(2);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	extend_23(0);
	assert_signs(&k);
	assert_signs(&before);

	/* the first is withdrawn: the counter goes on, and there is no way back */
	assert_int_equal(approve(first + 1u, &states[1], 1, false), ERR_OK);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	assert_int_equal(approve(first, states, 2, false), ERR_BAD_STATE);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	assert_signs(&before);
	extend_23(1);
	assert_int_equal(room_sign(&a, &token, &k, BYTES_OF(digest), raw), ERR_BAD_STATE);
	assert_int_equal(approve(first + 1u, &states[1], 1, false), ERR_OK);
	assert_signs(&k);
	/* and over a restart of the TPM */
	room_kill_simulator(&room);
	room_simulator(&room);
	extend_23(1);
	assert_signs(&k);
	crypt_key_free(&approver);
}

/* The key that answers certifies another, also one that PCRs bind; it signs nothing else. */
static void test_certifies(void **state)
{
	const struct token_key kind = { .class = KEY_EC_P256, .use = PAIR_SIGN };
	struct token_made answering, other;
	struct token_statement said = { .n = 0 };
	uint8_t nonce[32] = { 9 }, raw[64];
	struct token_key k, o;

	assert_int_equal(tpm_make_answering(&token, &answering), ERR_OK);
	assert_int_equal(tpm_make(&token, &kind, &other), ERR_OK);
	k = (struct token_key){ .class = KEY_EC_P256, .reference = bytes_make(answering.reference, answering.reference_n) };
	o = (struct token_key){ .class = KEY_EC_P256, .reference = bytes_make(other.reference, other.reference_n) };
	for (int i = 0; i < 10; i++)
		assert_int_equal(tpm_certify(&token, &k, &o, BYTES_OF(nonce), &said), ERR_OK);
	assert_in_range(said.n, 60, sizeof(said.attest));
	assert_int_equal(get_be32(said.attest), 0xff544347);
	assert_int_equal(tpm_certify(&token, &k, &k, BYTES_OF(nonce), &said), ERR_OK);
	assert_int_not_equal(token.backend->sign(&token, &k, BYTES_OF(nonce), raw), ERR_OK);
	/* a key that signs anything is none that answers */
	assert_int_equal(token.backend->sign(&token, &o, BYTES_OF(nonce), raw), ERR_OK);
}

static UINT32 handles_from(UINT32 first)
{
	ESYS_TR no = ESYS_TR_NONE;
	struct tpm *p = token.own;
	TPMS_CAPABILITY_DATA *seen;
	TPMI_YES_NO more;
	UINT32 n;

	assert_int_equal(Esys_GetCapability(p->esys, no, no, no, TPM2_CAP_HANDLES, first, 64, &more, &seen),
	                 TSS2_RC_SUCCESS);
	n = seen->data.handles.count;
	Esys_Free(seen);
	return n;
}

static long resident_pages(pid_t of)
{
	long whole, resident = 0;
	char path[64];
	FILE *f;

	must(text_print(path, sizeof(path), "/proc/%d/statm", (int)of));
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%ld %ld", &whole, &resident), 2);
	fclose(f);
	return resident;
}

static int flat_seconds; /* 0: a short run */

/* Many uses with a second session held: no handle and no memory is left behind. */
static void test_flat(void **state)
{
	TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	ESYS_TR no = ESYS_TR_NONE, second;
	int64_t until = clock_steady() + flat_seconds * 1000;
	UINT32 objects = 0, sessions = 0;
	struct tpm *p = token.own;
	unsigned long signatures = 0;
	struct room_key k[4];
	long pages = 0, simulator = 0;

	for (size_t i = 0; i < COUNT_OF(k); i++)
		assert_int_equal(room_make(&a, &token, KEY_EC_P256, PAIR_SIGN, &k[i]), ERR_OK);
	assert_int_equal(Esys_StartAuthSession(p->esys, no, no, no, no, no, NULL, TPM2_SE_HMAC, &none,
	                                       TPM2_ALG_SHA256, &second), TSS2_RC_SUCCESS);
	for (int round = 0; round < 4 || clock_steady() < until; round++) {
		for (int n = 0; n < 50; n++, signatures++)
			assert_signs(&k[round % 4]);
		assert_in_range(handles_from(TPM_TRANSIENT), 1, TPM_SLOTS);
		if (round == 3) {
			objects = handles_from(TPM_TRANSIENT);
			sessions = handles_from(TPM_LOADED_SESSION);
			pages = resident_pages(getpid());
			simulator = resident_pages(room.simulator);
		}
	}
	assert_int_equal(handles_from(TPM_TRANSIENT), objects);
	assert_int_equal(handles_from(TPM_LOADED_SESSION), sessions);
	assert_in_range(resident_pages(getpid()), 1, pages + 128);
	assert_in_range(resident_pages(room.simulator), 1, simulator + 128);
	assert_int_equal(Esys_FlushContext(p->esys, second), TSS2_RC_SUCCESS);
	if (flat_seconds)
		printf("%lu signatures in %d s, %u objects and %u sessions loaded, resident pages %ld then %ld, "
		       "of the simulator %ld then %ld\n", signatures, flat_seconds, objects, sessions, pages,
		       resident_pages(getpid()), simulator, resident_pages(room.simulator));
}

#define EVERY_TOKEN                                                                             \
	cmocka_unit_test(test_signs), cmocka_unit_test(test_ed25519), cmocka_unit_test(test_agrees), \
	cmocka_unit_test(test_macs), cmocka_unit_test(test_tls13), cmocka_unit_test(test_extracts), \
	cmocka_unit_test(test_seals), cmocka_unit_test(test_seals_as_said), cmocka_unit_test(test_wraps), \
	cmocka_unit_test(test_many), cmocka_unit_test(test_random), cmocka_unit_test(test_flipped), cmocka_unit_test(test_destroyed), \
	cmocka_unit_test(test_malformed)

/* `unit-token long SECONDS`: test_flat for so long. */
int main(int argc, char **argv)
{
	const struct CMUnitTest flat[] = { cmocka_unit_test(test_flat) };
	const struct CMUnitTest plain[] = { cmocka_unit_test(test_config) };
	const struct CMUnitTest on_softhsm[] = {
		EVERY_TOKEN, cmocka_unit_test(test_session_lost), cmocka_unit_test(test_wrong_pin),
	};
	const struct CMUnitTest on_swtpm[] = {
		EVERY_TOKEN, cmocka_unit_test(test_simulator_restarted), cmocka_unit_test(test_tpm_session_lost),
		cmocka_unit_test(test_counts), cmocka_unit_test(test_wrong_pairing), cmocka_unit_test(test_certifies), cmocka_unit_test(test_flat),
	};
	const struct CMUnitTest on_pcr[] = {
		cmocka_unit_test(test_measured_state), cmocka_unit_test(test_approved_state), cmocka_unit_test(test_flipped), cmocka_unit_test(test_many), cmocka_unit_test(test_agrees), cmocka_unit_test(test_certifies),
	};
	int failed = 0;

	log_level_set(LOG_ERROR);
	crypt_start();
	if (argc == 3) {
		flat_seconds = atoi(argv[2]);
		return cmocka_run_group_tests(flat, swtpm, end);
	}
	failed += cmocka_run_group_tests(plain, NULL, NULL);
	failed += cmocka_run_group_tests(on_softhsm, softhsm, end);
	failed += cmocka_run_group_tests(on_swtpm, swtpm, end);
	failed += cmocka_run_group_tests(on_pcr, swtpm_pcr, end);
	return failed;
}
