/* crypt: published vectors, and what must be refused. */
#include "crypt/algorithms.h"
#include "crypt/crypt.h"

#include "base/clock.h"
#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

/* Octets of a hex literal, in a static array. */
static struct bytes hex(const char *text)
{
	static uint8_t room[16][256];
	static unsigned at;
	uint8_t *p = room[at++ % 16];
	struct bytes b = bytes_str(text);

	assert_int_equal(bytes_from_hex(b, p, b.n / 2), ERR_OK);
	return bytes_make(p, b.n / 2);
}

static err_t scalar_of(const struct crypt_key *k, uint8_t out[CRYPT_SCALAR])
{
	BIGNUM *n = NULL;
	err_t err = ERR_CRYPTO;

	if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1 &&
	    BN_bn2binpad(n, out, CRYPT_SCALAR) == CRYPT_SCALAR)
		err = ERR_OK;
	BN_clear_free(n);
	return err;
}

static void assert_octets(const uint8_t *p, const char *text)
{
	struct bytes want = hex(text);

	assert_memory_equal(p, want.p, want.n);
}

static void test_digest(void **state)
{
	uint8_t out[32], two[32];

	crypt_sha256(BYTES("abc"), out); /* FIPS 180-4 */
	assert_octets(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypt_sha256_two(BYTES("a"), BYTES("bc"), two);
	assert_memory_equal(out, two, 32);
	crypt_sha256(BYTES_NONE, out);
	assert_octets(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hmac(void **state)
{
	struct crypt_hmac h;
	uint8_t out[32];

	/* RFC 4231, case 2; twice, so that the key outlives a message. */
	assert_int_equal(crypt_hmac_init(&h, BYTES("Jefe")), ERR_OK);
	for (int i = 0; i < 2; i++) {
		crypt_hmac(&h, BYTES("what do ya want for nothing?"), out);
		assert_octets(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	}
	crypt_hmac_two(&h, BYTES("what do ya want "), BYTES("for nothing?"), out);
	assert_octets(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	crypt_hmac_free(&h);
	crypt_hmac_free(&h);
	/* Case 6: a key that is longer than a block. */
	crypt_hmac_sha256(hex("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
	                  BYTES("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	assert_octets(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	/* An empty key is a key, not the one of before. */
	crypt_hmac_sha256(BYTES_NONE, BYTES_NONE, out);
	assert_octets(out, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_hkdf(void **state)
{
	uint8_t out[82], prk[32], derived[32], hash[32];
	static const uint8_t zeros[32];

	/* RFC 5869 A.1, A.3 */
	crypt_hkdf_sha256(hex("000102030405060708090a0b0c"),
	                  hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
	                  hex("f0f1f2f3f4f5f6f7f8f9"), out, 42);
	assert_octets(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
	                   "34007208d5b887185865");
	crypt_hkdf_sha256(BYTES_NONE, hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"),
	                  BYTES_NONE, out, 42);
	assert_octets(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
	                   "9d201395faa4b61a96c8");
	/* RFC 8448 3: early secret without PSK, and "derived" of it */
	crypt_hkdf_extract(BYTES_NONE, BYTES_OF(zeros), prk);
	assert_octets(prk, "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a");
	crypt_sha256(BYTES_NONE, hash);
	crypt_expand_label(BYTES_OF(prk), BYTES("derived"), BYTES_OF(hash), derived, 32);
	assert_octets(derived, "6f2615a108c702c5678f54fc9dbab69716c076189c48250cebeac3576c3611ba");
}

static void test_prf(void **state)
{
	uint8_t out[48];

	assert_int_equal(crypt_tls12_prf(CRYPT_SHA256, hex("9bbe436ba940f017b17652849a71db35"),
	                                 BYTES("test label"),
	                                 hex("a0ba9f936cda311827a6f796ffd5198c"), out, 48), ERR_OK);
	assert_octets(out, "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
	                   "6b301791e90d35c9c9a46b4e14baf9af");
}

static void test_aead(void **state)
{
	static const uint8_t key[32], nonce[12];
	static const uint8_t plain[16];
	uint8_t sealed[32], out[16];
	struct crypt_aead a;

	/* Test case 14 of the GCM specification. */
	assert_int_equal(crypt_aead_init(&a, key), ERR_OK);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(crypt_aead_seal(&a, nonce, BYTES_NONE, BYTES_OF(plain), sealed), ERR_OK);
		assert_octets(sealed, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
		assert_int_equal(crypt_aead_open(&a, nonce, BYTES_NONE, BYTES_OF(sealed), out), ERR_OK);
		assert_memory_equal(out, plain, 16);
	}
	/* In place, with associated data, and nothing to seal at all. */
	assert_int_equal(crypt_aead_seal(&a, nonce, BYTES("row 7"), BYTES_OF(plain), sealed), ERR_OK);
	assert_int_equal(crypt_aead_open(&a, nonce, BYTES("row 7"), BYTES_OF(sealed), sealed), ERR_OK);
	assert_memory_equal(sealed, plain, 16);
	assert_int_equal(crypt_aead_seal(&a, nonce, BYTES("row 7"), BYTES_NONE, sealed), ERR_OK);
	assert_int_equal(crypt_aead_open(&a, nonce, BYTES("row 7"), bytes_make(sealed, 16), out), ERR_OK);
	crypt_aead_free(&a);
	crypt_aead_free(&a);
}

static void test_aead_refuses(void **state)
{
	static const uint8_t key[32] = { 1 }, nonce[12] = { 2 }, other[12] = { 3 };
	uint8_t sealed[8 + 16], out[8] = "";
	struct crypt_aead a;

	assert_int_equal(crypt_aead_init(&a, key), ERR_OK);
	assert_int_equal(crypt_aead_seal(&a, nonce, BYTES("aad"), BYTES("eight888"), sealed), ERR_OK);
	for (size_t i = 0; i < sizeof(sealed); i++) {
		sealed[i] ^= 0x10;
		bytes_copy(out, "UNTOUCHD", 8);
		assert_int_equal(crypt_aead_open(&a, nonce, BYTES("aad"), BYTES_OF(sealed), out), ERR_TAMPERED);
		assert_octets(out, "0000000000000000");
		sealed[i] ^= 0x10;
	}
	assert_int_equal(crypt_aead_open(&a, nonce, BYTES("aaD"), BYTES_OF(sealed), out), ERR_TAMPERED);
	assert_int_equal(crypt_aead_open(&a, other, BYTES("aad"), BYTES_OF(sealed), out), ERR_TAMPERED);
	assert_int_equal(crypt_aead_open(&a, nonce, BYTES("aad"), bytes_make(sealed, 15), out), ERR_TAMPERED);
	assert_int_equal(crypt_aead_open(&a, nonce, BYTES("aad"), BYTES_NONE, out), ERR_TAMPERED);
	/* and none of it spoils the next one */
	assert_int_equal(crypt_aead_open(&a, nonce, BYTES("aad"), BYTES_OF(sealed), out), ERR_OK);
	assert_memory_equal(out, "eight888", 8);
	crypt_aead_free(&a);
}

#define RFC6979_SCALAR "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
#define RFC6979_POINT                                                          \
	"0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"   \
	"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"

static void test_p256(void **state)
{
	struct bytes signature = hex("3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
	                             "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
	struct crypt_key k, other;
	uint8_t point[65], scalar[32], x[32], y[32], theirs[65];
	struct buf mine = buf_make(80);

	/* RFC 6979 A.2.5 */
	assert_int_equal(crypt_p256_from_scalar(hex(RFC6979_SCALAR).p, &k), ERR_OK);
	assert_int_equal(crypt_p256_point(&k, point), ERR_OK);
	assert_octets(point, RFC6979_POINT);
	assert_int_equal(scalar_of(&k, scalar), ERR_OK);
	assert_octets(scalar, RFC6979_SCALAR);
	assert_int_equal(crypt_p256_verify(point, BYTES("sample"), signature), ERR_OK);
	assert_int_equal(crypt_p256_verify(point, BYTES("samplE"), signature), ERR_TAMPERED);
	assert_int_equal(crypt_p256_verify(point, BYTES("sample"), bytes_sub(signature, 0, 70)), ERR_TAMPERED);
	assert_int_equal(crypt_p256_verify(point, BYTES("sample"), BYTES_NONE), ERR_TAMPERED);

	assert_int_equal(crypt_p256_sign(&k, BYTES("m"), &mine), ERR_OK);
	assert_int_equal(crypt_p256_verify(point, BYTES("m"), bytes_of_buf(&mine)), ERR_OK);
	assert_int_equal(crypt_p256_new(&other), ERR_OK);
	assert_int_equal(crypt_p256_point(&other, theirs), ERR_OK);
	assert_int_equal(crypt_p256_verify(theirs, BYTES("m"), bytes_of_buf(&mine)), ERR_TAMPERED);
	assert_int_equal(crypt_p256_ecdh(&k, theirs, x), ERR_OK);
	assert_int_equal(crypt_p256_ecdh(&other, point, y), ERR_OK);
	assert_memory_equal(x, y, 32);
	crypt_key_free(&k);
	crypt_key_free(&other);
	buf_free(&mine);
}

static void test_p256_refuses(void **state)
{
	struct crypt_key k;
	uint8_t point[65], scalar[32] = { 0 }, x[32];

	assert_int_equal(crypt_p256_from_scalar(scalar, &k), ERR_RANGE);
	/* the order of the curve */
	bytes_copy(scalar, hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").p, 32);
	assert_int_equal(crypt_p256_from_scalar(scalar, &k), ERR_RANGE);
	scalar[31]--;
	assert_int_equal(crypt_p256_from_scalar(scalar, &k), ERR_OK);
	bytes_copy(point, hex(RFC6979_POINT).p, 65);
	point[64] ^= 1; /* off the curve */
	assert_int_equal(crypt_p256_ecdh(&k, point, x), ERR_SYNTAX);
	assert_int_equal(crypt_p256_verify(point, BYTES("m"), BYTES("x")), ERR_SYNTAX);
	point[64] ^= 1;
	point[0] = 6; /* hybrid form of the same point */
	assert_int_equal(crypt_p256_ecdh(&k, point, x), ERR_SYNTAX);
	bytes_zero(point, 65); /* infinity */
	assert_int_equal(crypt_p256_ecdh(&k, point, x), ERR_SYNTAX);
	crypt_key_free(&k);
}

static void test_pem(void **state)
{
	struct buf pem = buf_make(1024);
	struct crypt_key k, again;
	uint8_t a[32], b[32];

	assert_int_equal(crypt_p256_new(&k), ERR_OK);
	assert_int_equal(crypt_p256_to_pem(&k, &pem), ERR_OK);
	assert_int_equal(crypt_p256_from_pem(bytes_of_buf(&pem), &again), ERR_OK);
	assert_int_equal(scalar_of(&k, a), ERR_OK);
	assert_int_equal(scalar_of(&again, b), ERR_OK);
	assert_memory_equal(a, b, 32);
	crypt_key_free(&k);
	crypt_key_free(&again);
	assert_int_equal(crypt_p256_from_pem(BYTES("-----BEGIN"), &k), ERR_SYNTAX);
	assert_int_equal(crypt_p256_from_pem(BYTES_NONE, &k), ERR_SYNTAX);
	buf_clear(&pem);
	assert_int_equal(crypt_certificate_der(BYTES("none"), &pem), ERR_SYNTAX);
	assert_int_equal(crypt_certificate_pem(BYTES("none"), &pem), ERR_SYNTAX);
	buf_free(&pem);
}

static void test_ed25519(void **state)
{
	/* RFC 8032 7.1, test 2 */
	struct bytes seed = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
	uint8_t pub[32], sig[64];
	struct crypt_key k;

	assert_int_equal(crypt_ed25519_from_seed(seed.p, &k), ERR_OK);
	assert_int_equal(crypt_ed25519_public(&k, pub), ERR_OK);
	assert_octets(pub, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	assert_int_equal(crypt_ed25519_sign(&k, BYTES("\x72"), sig), ERR_OK);
	assert_octets(sig, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	                   "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	assert_int_equal(crypt_ed25519_verify(pub, BYTES("\x72"), BYTES_OF(sig)), ERR_OK);
	assert_int_equal(crypt_ed25519_verify(pub, BYTES("\x73"), BYTES_OF(sig)), ERR_TAMPERED);
	crypt_key_free(&k);
}

static void test_random(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	crypt_random(a, 32);
	crypt_random(b, 32);
	assert_memory_not_equal(a, b, 32);
}

static int64_t day(const char *stamp)
{
	int64_t ms;

	assert_int_equal(clock_parse(bytes_str(stamp), &ms), ERR_OK);
	return ms;
}

/* The whole of what may be used: whoever changes the table changes this too. */
static void test_algorithms(void **state)
{
	static const struct {
		enum algorithm_kind kind;
		bool legacy;
		const char *when, *list;
	} rows[] = {
		{ ALGORITHM_TLS13_SUITE, false, "20260101T000000",
		  "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:"
		  "TLS_AES_128_CCM_SHA256" },
		{ ALGORITHM_TLS12_SUITE, false, "20260101T000000",
		  "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256:"
		  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
		  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-CCM" },
		{ ALGORITHM_TLS12_SUITE, true, "20260101T000000",
		  "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256:PSK-AES128-CBC-SHA256:"
		  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
		  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-CCM:"
		  "ECDHE-ECDSA-AES128-SHA256" },
		{ ALGORITHM_TLS12_SUITE, true, "20310101T000000",
		  "ECDHE-PSK-CHACHA20-POLY1305:"
		  "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
		  "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-CCM" },
		{ ALGORITHM_GROUP, true, "20260101T000000", "X25519:P-256" },
		{ ALGORITHM_SIGNATURE, true, "20260101T000000", "ECDSA+SHA256" },
	};
	char list[ALGORITHM_LIST_MAX];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(algorithm_list(rows[i].kind, rows[i].legacy, day(rows[i].when), list), ERR_OK);
		assert_string_equal(list, rows[i].list);
	}
	assert_null(algorithm_find(BYTES("RC4-SHA")));
	assert_int_equal(algorithm_find(BYTES("ECDHE-ECDSA-NULL-SHA"))->status, ALGORITHM_REFUSED);
}

/* Narrowing and enabling by name; everything else is refused and changes nothing. */
static void test_algorithm_policy(void **state)
{
	static const struct { const char *refuse, *legacy, *when; err_t want; const char *bad; } rows[] = {
		{ "X25519", "", "20260101T000000", ERR_OK, "" }, { "", "X25519", "20260101T000000", ERR_REFUSED, "X25519" },
		{ "P-256", "", "20260101T000000", ERR_REFUSED, "P-256" }, { "x25519", "", "20260101T000000", ERR_MISSING, "x25519" },
		{ "", "AECDH-AES128-SHA", "20260101T000000", ERR_REFUSED, "AECDH-AES128-SHA" },
		{ "", "PSK-AES128-CBC-SHA256", "20310101T000000", ERR_REFUSED, "PSK-AES128-CBC-SHA256" },
		{ "X25519", "ED25519", "20260101T000000", ERR_REFUSED, "ED25519" },
	};
	int64_t now = day("20260101T000000");
	const struct algorithm *x = algorithm_find(BYTES("X25519")), *cbc = algorithm_find(BYTES("PSK-AES128-CBC-SHA256"));
	char list[ALGORITHM_LIST_MAX];
	struct bytes bad;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(algorithm_policy(bytes_str(rows[i].refuse), bytes_str(rows[i].legacy), day(rows[i].when), &bad),
		                 rows[i].want);
		assert_true(bytes_equal(bad, bytes_str(rows[i].bad)));
		/* after the first row, and unchanged by those that were refused */
		assert_false(algorithm_accepted(x, now));
		assert_false(algorithm_legacy_enabled());
	}
	assert_int_equal(algorithm_list(ALGORITHM_GROUP, ALGORITHMS_WITH_LEGACY, now, list), ERR_OK);
	assert_string_equal(list, "P-256");
	assert_false(algorithm_accepted(cbc, now));
	assert_int_equal(algorithm_policy(BYTES_NONE, BYTES(" PSK-AES128-CBC-SHA256  "), now, &bad), ERR_OK);
	assert_true(algorithm_accepted(cbc, now) && algorithm_accepted(x, now) && algorithm_legacy_enabled());
	assert_false(algorithm_accepted(cbc, day("20310101T000000")));
	assert_int_equal(algorithm_policy(BYTES_NONE, BYTES_NONE, now, &bad), ERR_OK);
	for (unsigned class = 1; class <= 4; class++)
		assert_non_null(algorithm_numbered(ALGORITHM_KEY, class));
	assert_null(algorithm_numbered(ALGORITHM_KEY, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hkdf),
		cmocka_unit_test(test_prf),
		cmocka_unit_test(test_aead),
		cmocka_unit_test(test_aead_refuses),
		cmocka_unit_test(test_p256),
		cmocka_unit_test(test_p256_refuses),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_ed25519),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_algorithms), cmocka_unit_test(test_algorithm_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
