/* keeper_tls: pre-shared keys in TLS 1.3 and 1.2, against OpenSSL's own KDFs. */
#include "keeper_help.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

static const uint8_t psk32[32] = "thirty-two octets of shared key!";

static uint8_t nothing[32]; /* SHA-256 of no octets */

static int setup(void **state)
{
	struct bed *b;
	int rc = bed_setup(state);

	b = *state;
	crypt_sha256(BYTES_NONE, nothing);
	return rc || import_psk(b, BYTES("net@demo.example"), BYTES_OF(psk32), tomorrow()) != ERR_OK ||
	       import_psk(b, BYTES("short"), bytes_make(psk32, 16), tomorrow()) != ERR_OK;
}

/* --- the same steps by OpenSSL ------------------------------------------------ */

static void hkdf(int mode, struct bytes key, struct bytes salt_or_info, uint8_t out[32])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char digest[] = "SHA256";
	uint8_t zeros[32] = { 0 };
	struct bytes other = salt_or_info.n ? salt_or_info : BYTES_OF(zeros);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key.p, key.n),
		OSSL_PARAM_construct_octet_string(mode == EVP_KDF_HKDF_MODE_EXTRACT_ONLY ?
			OSSL_KDF_PARAM_SALT : OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)other.p, other.n),
		OSSL_PARAM_construct_end(),
	};

	assert_int_equal(EVP_KDF_derive(ctx, out, 32, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

static void expand_label(const uint8_t key[32], const char *label, struct bytes context, uint8_t out[32])
{
	struct buf info = buf_make(256);
	struct bytes text = bytes_str(label);

	assert_int_equal(buf_add(&info, BYTES("\0\x20")), ERR_OK);
	assert_int_equal(buf_add_byte(&info, (uint8_t)(6 + text.n)), ERR_OK);
	assert_int_equal(buf_add(&info, BYTES("tls13 ")), ERR_OK);
	assert_int_equal(buf_add(&info, text), ERR_OK);
	assert_int_equal(buf_add_byte(&info, (uint8_t)context.n), ERR_OK);
	assert_int_equal(buf_add(&info, context), ERR_OK);
	hkdf(EVP_KDF_HKDF_MODE_EXPAND_ONLY, bytes_make(key, 32), bytes_of_buf(&info), out);
	buf_free(&info);
}

static void tls1_prf(const char *digest, struct bytes secret, struct bytes seed, uint8_t out[48])
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
	char name[16], label[] = "extended master secret";

	assert_int_equal(bytes_put_str(name, sizeof(name), bytes_str(digest)), ERR_OK);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label, sizeof(label) - 1),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed.p, seed.n),
		OSSL_PARAM_construct_end(),
	};
	assert_int_equal(EVP_KDF_derive(ctx, out, 48, params), 1);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
}

/* P_hash by hand [RFC 5246 5], for a second opinion. */
static void p_hash(const EVP_MD *md, struct bytes secret, struct bytes seed, uint8_t out[48])
{
	uint8_t a[64], block[64], message[256], ls[128];
	struct bytes label = BYTES("extended master secret");
	size_t ls_n = label.n + seed.n, at = 0;
	unsigned n = 0;

	bytes_copy(ls, label.p, label.n);
	bytes_copy(ls + label.n, seed.p, seed.n);
	HMAC(md, secret.p, (int)secret.n, ls, ls_n, a, &n);
	while (at < 48) {
		size_t take = 48 - at < n ? 48 - at : n;
		unsigned got = 0;

		bytes_copy(message, a, n);
		bytes_copy(message + n, ls, ls_n);
		HMAC(md, secret.p, (int)secret.n, message, n + ls_n, block, &got);
		bytes_copy(out + at, block, take);
		at += take;
		bytes_copy(message, a, n);
		HMAC(md, secret.p, (int)secret.n, message, n, a, &got);
	}
}

/* --- the keeper's steps --------------------------------------------------------- */

static uint32_t psk(struct bed *b, struct bytes identity, size_t n)
{
	uint32_t h;

	assert_int_equal(open_psk(b, identity), ERR_OK);
	h = wire_get_u32(&b->r);
	assert_int_equal(wire_get_u8(&b->r), n);
	assert_int_equal(wire_done(&b->r), ERR_OK);
	return h;
}

static err_t extract(struct bed *b, uint32_t from, struct bytes other)
{
	begin(b, OP_TLS13_EXTRACT);
	wire_put_u32(&b->w, from);
	wire_put_bytes(&b->w, other);
	return ask(b, ROLE_GATE);
}

/* The binder of a transcript hash by the book. */
static void binder_of(struct bytes key, struct bytes hash, uint8_t out[32])
{
	uint8_t secret[32], step[32], finished[32];

	hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, key, BYTES_NONE, secret);
	expand_label(secret, "ext binder", BYTES_OF(nothing), step);
	expand_label(step, "finished", BYTES_NONE, finished);
	HMAC(EVP_sha256(), finished, 32, hash.p, hash.n, out, NULL);
}

static err_t show(struct bed *b, struct bytes identity, struct bytes hash, struct bytes mac)
{
	begin(b, OP_TLS13_BINDER);
	wire_put_bytes(&b->w, identity);
	wire_put_fixed(&b->w, BYTES_OF(TAG));
	wire_put_bytes(&b->w, hash);
	wire_put_bytes(&b->w, mac);
	return ask(b, ROLE_GATE);
}

/* A handle whose client sent a binder, another one each time. */
static uint32_t proved(struct bed *b, struct bytes identity, struct bytes key)
{
	static uint8_t hash[32];
	uint8_t mac[32];
	uint32_t h;

	hash[0]++;
	hash[1] = 77;
	binder_of(key, BYTES_OF(hash), mac);
	assert_int_equal(show(b, identity, BYTES_OF(hash), BYTES_OF(mac)), ERR_OK);
	h = wire_get_u32(&b->r);
	assert_int_equal(b->r.rest.n, 0); /* nothing of the key comes out */
	return h;
}

static void check_schedule(struct bed *b, struct bytes identity, struct bytes key)
{
	uint8_t secret[32], step[32], want[32], ecdhe[32] = { 1, 2, 3 };
	uint32_t h = proved(b, identity, key);

	b->told = (enum message_type)0;
	assert_int_equal(extract(b, h, BYTES_OF(ecdhe)), ERR_OK);
	assert_int_equal(b->told, MSG_CREDENTIAL_USED);
	hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, key, BYTES_NONE, secret);
	expand_label(secret, "derived", BYTES_OF(nothing), step);
	hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, BYTES_OF(ecdhe), BYTES_OF(step), want);
	assert_bytes(b->r.rest, BYTES_OF(want));
	assert_int_equal(extract(b, h, BYTES_OF(ecdhe)), ERR_MISSING); /* spent */
}

static void test_schedule(void **state)
{
	check_schedule(*state, BYTES("net@demo.example"), BYTES_OF(psk32));
	check_schedule(*state, BYTES("short"), bytes_make(psk32, 16));
}

static void test_notice_names_identity_and_handshake(void **state)
{
	struct bed *b = *state;
	uint8_t ecdhe[32] = { 5 };
	struct wire_in in;

	assert_int_equal(extract(b, proved(b, BYTES("short"), bytes_make(psk32, 16)), BYTES_OF(ecdhe)), ERR_OK);
	in = wire_in(bytes_of_buf(&b->notice));
	assert_int_equal(wire_get_u8(&in), ROLE_GATE);
	assert_int_equal(wire_get_u8(&in), 1);
	assert_bytes(wire_get_fixed(&in, KEEPER_TAG), BYTES_OF(TAG));
	assert_int_equal(wire_get_u8(&in), CREDENTIAL_USED_PSK);
	assert_bytes(wire_get_bytes(&in, 128), BYTES("short"));
	assert_bytes(wire_get_fixed(&in, 32), BYTES_OF(nothing)); /* nothing was signed */
	assert_int_equal(wire_done(&in), ERR_OK);
	b->deaf = ERR_CLOSED;
	assert_int_equal(extract(b, proved(b, BYTES("short"), bytes_make(psk32, 16)), BYTES_OF(ecdhe)), ERR_CLOSED);
	assert_int_equal(b->out.n, 1);
	b->deaf = ERR_OK;
}

static void test_extract_refusals(void **state)
{
	struct bed *b = *state;
	uint8_t zeros[32] = { 0 }, some[256];
	uint32_t e = proved(b, BYTES("short"), bytes_make(psk32, 16)), p = psk(b, BYTES("short"), 16);

	for (size_t i = 0; i < sizeof(some); i++)
		some[i] = 7;
	b->notices = 0;
	assert_int_equal(extract(b, e, BYTES_NONE), ERR_REFUSED); /* psk_ke */
	assert_int_equal(extract(b, e, BYTES_OF(zeros)), ERR_REFUSED);
	assert_int_equal(extract(b, p, BYTES_OF(zeros)), ERR_REFUSED);
	for (size_t n = 1; n < 32; n++) {
		assert_int_equal(extract(b, e, bytes_make(some, n)), ERR_REFUSED);
		assert_int_equal(extract(b, p, bytes_make(some, n)), ERR_REFUSED);
	}
	assert_int_equal(extract(b, p, bytes_make(some, 32)), ERR_REFUSED); /* no client proved a thing */
	assert_int_equal(b->notices, 0);
	begin(b, OP_TLS13_EXTRACT);
	wire_put_u32(&b->w, e);
	wire_put_bytes(&b->w, BYTES_OF(some));
	assert_int_equal(ask_of(b, b->gate2), ERR_MISSING);
}

/* A handshake that no client began gets nothing: no binder, a wrong one, that of another
 * transcript or key, one that was shown before. */
static void test_binder_refusals(void **state)
{
	struct bed *b = *state;
	uint8_t hash[32] = { 3 }, other[32] = { 4 }, mac[32], ecdhe[32] = { 1 };
	struct bytes who = BYTES("short");
	size_t used = b->by[ROLE_GATE]->used;
	uint32_t p;

	binder_of(bytes_make(psk32, 16), BYTES_OF(hash), mac);
	assert_int_equal(show(b, who, BYTES_OF(other), BYTES_OF(mac)), ERR_REFUSED);
	assert_int_equal(show(b, who, BYTES_OF(hash), BYTES_OF(other)), ERR_REFUSED);
	assert_int_equal(show(b, who, bytes_make(hash, 31), BYTES_OF(mac)), ERR_REFUSED);
	assert_int_equal(show(b, who, BYTES_OF(hash), bytes_make(mac, 31)), ERR_REFUSED);
	assert_int_equal(show(b, who, BYTES_OF(hash), BYTES_NONE), ERR_REFUSED);
	assert_int_equal(show(b, BYTES("net@demo.example"), BYTES_OF(hash), BYTES_OF(mac)), ERR_REFUSED);
	assert_int_equal(show(b, BYTES("nobody"), BYTES_OF(hash), BYTES_OF(mac)), ERR_MISSING);
	assert_int_equal(b->by[ROLE_GATE]->used, used); /* a refusal leaves no handle */
	p = psk(b, who, 16);
	assert_int_equal(show(b, who, BYTES_OF(hash), BYTES_OF(mac)), ERR_OK);
	assert_int_equal(extract(b, p, BYTES_OF(ecdhe)), ERR_REFUSED); /* proved is the handle that came of it, and no other */
	assert_int_equal(show(b, who, BYTES_OF(hash), BYTES_OF(mac)), ERR_REFUSED); /* recorded, replayed */
	assert_int_equal(b->by[ROLE_GATE]->used, used + 2);
}

static err_t show_own(struct bed *b, enum role by, struct bytes hash)
{
	begin(b, OP_TLS13_SHOW);
	wire_put_bytes(&b->w, BYTES("own@demo.example"));
	wire_put_fixed(&b->w, BYTES_OF(TAG));
	wire_put_fixed(&b->w, hash);
	return ask(b, by);
}

/* What the node shows is a key for that and nothing else; what a gate takes from others the courier
 * cannot show as theirs. */
static void test_the_node_shows_its_own(void **state)
{
	struct bed *b = *state;
	uint8_t hash[32] = { 9 }, other[32] = { 10 }, mac[32], ecdhe[32] = { 1, 2, 3 }, secret[32], step[32], want[32];
	size_t used = b->by[ROLE_COURIER]->used;
	struct vault_key *key;
	uint32_t h;

	assert_int_equal(show_own(b, ROLE_COURIER, BYTES_OF(hash)), ERR_MISSING);
	assert_int_equal(import_psk(b, BYTES("own@demo.example"), BYTES_OF(psk32), tomorrow()), ERR_OK);
	assert_int_equal(show_own(b, ROLE_COURIER, BYTES_OF(hash)), ERR_MISSING); /* a client's */
	key = vault_find(&b->ks.vault, BYTES("psk/own@demo.example"));
	assert_non_null(key);
	key->policy = TO(GATE) | TO(COURIER);
	assert_int_equal(show_own(b, ROLE_COURIER, BYTES_OF(hash)), ERR_REFUSED);
	key->policy = TO(COURIER);
	assert_true(show_own(b, ROLE_GATE, BYTES_OF(hash)) != ERR_OK);
	assert_int_equal(b->by[ROLE_COURIER]->used, used);
	assert_int_equal(show_own(b, ROLE_COURIER, BYTES_OF(hash)), ERR_OK);
	h = wire_get_u32(&b->r);
	binder_of(BYTES_OF(psk32), BYTES_OF(hash), mac);
	assert_bytes(b->r.rest, BYTES_OF(mac));
	/* no gate takes it from anybody */
	assert_int_equal(open_psk(b, BYTES("own@demo.example")), ERR_MISSING);
	binder_of(BYTES_OF(psk32), BYTES_OF(other), mac);
	assert_int_equal(show(b, BYTES("own@demo.example"), BYTES_OF(other), BYTES_OF(mac)), ERR_MISSING);
	begin(b, OP_TLS13_EXTRACT);
	wire_put_u32(&b->w, h);
	wire_put_bytes(&b->w, BYTES_OF(ecdhe));
	assert_int_equal(ask(b, ROLE_COURIER), ERR_OK);
	hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, BYTES_OF(psk32), BYTES_NONE, secret);
	expand_label(secret, "derived", BYTES_OF(nothing), step);
	hkdf(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, BYTES_OF(ecdhe), BYTES_OF(step), want);
	assert_bytes(b->r.rest, BYTES_OF(want));
	begin(b, OP_TLS13_EXTRACT);
	wire_put_u32(&b->w, h);
	wire_put_bytes(&b->w, BYTES_OF(ecdhe));
	assert_int_equal(ask(b, ROLE_COURIER), ERR_MISSING); /* spent */
}

/* The memory of proofs: bounded, and the younger half is always there. */
static void test_seen(void **state)
{
	struct seen s = { 0 };
	uint8_t proof[32] = { 1 };

	for (uint32_t i = 1; i <= 2 * SEEN_MAX + 10; i++) {
		put_be32(proof, i * 2654435761u);
		put_be32(proof + 4, i);
		assert_int_equal(seen_once(&s, proof), ERR_OK);
		assert_int_equal(seen_once(&s, proof), ERR_REFUSED);
	}
	put_be32(proof, (SEEN_MAX + 20) * 2654435761u);
	put_be32(proof + 4, SEEN_MAX + 20);
	assert_int_equal(seen_once(&s, proof), ERR_REFUSED);
	put_be32(proof, 2654435761u);
	put_be32(proof + 4, 1);
	assert_int_equal(seen_once(&s, proof), ERR_OK); /* the oldest is forgotten */
	seen_free(&s);
}

static err_t master(struct bed *b, uint32_t from, unsigned hash, struct bytes other, struct bytes session)
{
	begin(b, OP_TLS12_MASTER);
	wire_put_u32(&b->w, from);
	wire_put_u8(&b->w, (uint8_t)hash);
	wire_put_bytes(&b->w, other);
	wire_put_bytes(&b->w, session);
	return ask(b, ROLE_GATE);
}

static void check_master(struct bed *b, struct bytes identity, struct bytes key, struct bytes other,
                         unsigned hash)
{
	uint8_t session[48] = { 4, 5, 6 }, premaster[256], want[48], again[48];
	struct bytes sh = { session, hash ? 48 : 32 }, pm;
	uint32_t handle;
	size_t first = other.n ? other.n : key.n;

	bytes_zero(premaster, sizeof(premaster));
	premaster[1] = (uint8_t)first;
	if (other.n)
		bytes_copy(premaster + 2, other.p, other.n);
	premaster[3 + first] = (uint8_t)key.n;
	bytes_copy(premaster + 4 + first, key.p, key.n);
	pm = bytes_make(premaster, 4 + first + key.n);
	tls1_prf(hash ? "SHA384" : "SHA256", pm, sh, want);
	p_hash(hash ? EVP_sha384() : EVP_sha256(), pm, sh, again);
	assert_memory_equal(want, again, 48);
	b->told = (enum message_type)0;
	handle = psk(b, identity, key.n);
	assert_int_equal(master(b, handle, hash, other, sh), ERR_OK);
	assert_int_equal(b->told, MSG_CREDENTIAL_USED);
	assert_bytes(b->r.rest, BYTES_OF(want));
	assert_int_equal(master(b, handle, hash, other, sh), ERR_MISSING); /* spent */
}

static void test_tls12_master(void **state)
{
	uint8_t ecdhe[66];

	for (size_t i = 0; i < sizeof(ecdhe); i++)
		ecdhe[i] = (uint8_t)(200 - i);
	for (unsigned hash = 0; hash < 2; hash++) {
		check_master(*state, BYTES("net@demo.example"), BYTES_OF(psk32), BYTES_NONE, hash);
		check_master(*state, BYTES("net@demo.example"), BYTES_OF(psk32), BYTES_OF(ecdhe), hash);
		check_master(*state, BYTES("short"), bytes_make(psk32, 16), BYTES_NONE, hash);
		check_master(*state, BYTES("short"), bytes_make(psk32, 16), bytes_make(ecdhe, 32), hash);
	}
}

static void test_tls12_refusals(void **state)
{
	struct bed *b = *state;
	uint32_t p = psk(b, BYTES("short"), 16);
	uint8_t session[64] = { 1 };

	b->notices = 0;
	/* both randoms are 64 octets: the plain master secret's seed is no hash */
	for (size_t n = 0; n <= 64; n++) {
		if (n != 32)
			assert_int_equal(master(b, p, 0, BYTES_NONE, bytes_make(session, n)), ERR_REFUSED);
		if (n != 48)
			assert_int_equal(master(b, p, 1, BYTES_NONE, bytes_make(session, n)), ERR_REFUSED);
	}
	assert_int_equal(master(b, p, 2, BYTES_NONE, bytes_make(session, 32)), ERR_REFUSED);
	assert_int_equal(b->notices, 0);
}

static void test_unknown_identity(void **state)
{
	struct bed *b = *state;

	assert_int_equal(open_psk(b, BYTES("nobody")), ERR_MISSING);
	assert_int_equal(open_psk(b, BYTES("")), ERR_MISSING);
	assert_int_equal(open_psk(b, BYTES("../node")), ERR_MISSING);
	assert_int_equal(open_psk(b, BYTES("short\0")), ERR_MISSING);
	/* what was derived from it is no pre-shared key */
	begin(b, OP_DERIVE);
	wire_put_u8(&b->w, DERIVE_KM);
	wire_put_bytes(&b->w, BYTES("psk/short"));
	wire_put_bytes(&b->w, BYTES("maf.example.org"));
	wire_put_bytes(&b->w, BYTES_NONE);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	{
		struct bytes name = wire_get_bytes(&b->r, 128);
		struct bytes identity = bytes_sub(name, 4, name.n);

		assert_true(bytes_starts(name, BYTES("psk/short/1/")));
		assert_int_equal(open_psk(b, identity), ERR_MISSING);
	}
}

static void test_end_of_a_key(void **state)
{
	struct bed *b = *state;
	int64_t end = clock_now() + 1000;
	uint8_t ecdhe[32] = { 1 };
	uint32_t p, e;

	assert_int_equal(import_psk(b, BYTES("ends"), BYTES_OF(psk32), end), ERR_OK);
	p = psk(b, BYTES("ends"), 32);
	e = proved(b, BYTES("ends"), BYTES_OF(psk32));
	clock_simulate(end);
	assert_int_equal(open_psk(b, BYTES("ends")), ERR_MISSING);
	assert_int_equal(extract(b, p, BYTES_NONE), ERR_MISSING);
	assert_int_equal(extract(b, e, BYTES_OF(ecdhe)), ERR_MISSING);
	clock_simulate(0);
}

static void test_destroyed_now(void **state)
{
	struct bed *b = *state;
	uint8_t ecdhe[32] = { 1 };
	size_t handles;
	uint32_t e;

	assert_int_equal(import_psk(b, BYTES("goes"), BYTES_OF(psk32), tomorrow()), ERR_OK);
	handles = handles_count(&b->ks);
	e = proved(b, BYTES("goes"), BYTES_OF(psk32));
	begin(b, OP_DESTROY);
	wire_put_bytes(&b->w, BYTES("psk/goes"));
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	assert_int_equal(handles_count(&b->ks), handles);
	assert_int_equal(extract(b, e, BYTES_OF(ecdhe)), ERR_MISSING);
	assert_int_equal(open_psk(b, BYTES("goes")), ERR_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_notice_names_identity_and_handshake),
		cmocka_unit_test(test_extract_refusals),
		cmocka_unit_test(test_binder_refusals), cmocka_unit_test(test_the_node_shows_its_own),
		cmocka_unit_test(test_seen),
		cmocka_unit_test(test_tls12_master),
		cmocka_unit_test(test_tls12_refusals),
		cmocka_unit_test(test_unknown_identity),
		cmocka_unit_test(test_end_of_a_key),
		cmocka_unit_test(test_destroyed_now),
	};

	return cmocka_run_group_tests(tests, setup, bed_teardown);
}
