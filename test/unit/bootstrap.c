/* bootstrap: the device's side of keys of the underlying network: HTTP Digest AKA, what the
 * module says, what the bootstrapping server says. */
#include "client/bootstrap.h"
#include "client/digest.h"
#include "base/base64.h"
#include "unit.h"

#define OK(expr) assert_int_equal((expr), ERR_OK)
#define RSPAUTH "e0424df4f467d92e38285cf121e1d54f" /* by hashlib, for the body "body" */
#define NONCE "EREREREREREREREREREREREREREREREREREREREREREREQ=="
/* 16 octets 0x11, 16 octets 0x22 */
#define GOOD "ERERERERERERERERERERESIiIiIiIiIiIiIiIiIiIiI="
#define CHALLENGE "Digest realm=\"bsf.example\", nonce=\"" GOOD "\", algorithm=AKAv1-MD5, qop=\"auth-int\""

static struct digest fresh(void)
{
	return (struct digest){ .username = BYTES("user@ims.example"), .password = BYTES("\xa5\x42\x11\xd5\xe3\xba\x50\xbf"),
		                .uri = BYTES("/") };
}

static void test_base64(void **state)
{
	static const struct { const char *octets, *text; } rows[] = {
		{ "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
	};
	static const char *const bad[] = { "Zh==", "Zg=", "Zg", "Z===", "Zg==\n", "====", "Zm8=", "Z\0==" };
	uint8_t out[8];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes octets = bytes_str(rows[i].octets);
		struct buf text = buf_make(64);

		OK(base64_write(octets, &text));
		assert_true(bytes_equal(bytes_of_buf(&text), bytes_str(rows[i].text)));
		OK(base64_read(bytes_of_buf(&text), out, octets.n));
		assert_memory_equal(out, octets.p, octets.n);
		buf_free(&text);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(base64_read(bytes_str(bad[i]), out, 1), ERR_SYNTAX);
}

static void test_challenge(void **state)
{
	struct digest d = fresh();

	OK(digest_challenge(BYTES(CHALLENGE), &d));
	assert_string_equal(d.realm, "bsf.example");
	assert_int_equal(d.rand[0], 0x11);
	assert_int_equal(d.rand[15], 0x11);
	assert_int_equal(d.autn[0], 0x22);
	assert_int_equal(d.autn[15], 0x22);
	OK(digest_challenge(BYTES("digest QOP=\"auth, auth-int\",algorithm=AKAv1-MD5 , nonce=\"" GOOD "\",realm=\"b\",opaque=\"x\""), &d));
}

static void test_challenges_that_are_none(void **state)
{
	static const struct { const char *field; err_t err; } rows[] = {
		{ "", ERR_UNSUPPORTED }, { "Basic realm=\"b\"", ERR_UNSUPPORTED },
		{ "Digest realm=\"b\", nonce=\"" GOOD "\", algorithm=MD5, qop=\"auth-int\"", ERR_UNSUPPORTED },
		{ "Digest realm=\"b\", nonce=\"" GOOD "\", qop=\"auth-int\"", ERR_UNSUPPORTED },
		{ "Digest realm=\"b\", nonce=\"" GOOD "\", algorithm=AKAv1-MD5, qop=\"auth\"", ERR_UNSUPPORTED },
		{ "Digest realm=\"b\", nonce=\"" GOOD "\", algorithm=AKAv1-MD5", ERR_UNSUPPORTED },
		{ "Digest realm=\"\", nonce=\"" GOOD "\", algorithm=AKAv1-MD5, qop=auth-int", ERR_SYNTAX },
		{ "Digest realm=\"b\", nonce=\"" NONCE "\", algorithm=AKAv1-MD5, qop=\"auth-int\"", ERR_SYNTAX },
		{ "Digest realm=\"b\", nonce=\"short\", algorithm=AKAv1-MD5, qop=\"auth-int\"", ERR_SYNTAX },
		{ "Digest realm=\"b\", realm=\"c\", nonce=\"" GOOD "\", algorithm=AKAv1-MD5, qop=\"auth-int\"", ERR_SYNTAX },
		{ "Digest realm=\"b\\\"c\", nonce=\"" GOOD "\", algorithm=AKAv1-MD5, qop=\"auth-int\"", ERR_SYNTAX },
		{ "Digest realm=\"b, nonce=" GOOD, ERR_SYNTAX }, { "Digest realm", ERR_SYNTAX }, { "Digest =x", ERR_SYNTAX },
		{ "Digest a=b c=d", ERR_UNSUPPORTED }, { "Digest a=\"b\" c=d", ERR_SYNTAX },
		{ "Digest a=,b=,c=,d=,e=,f=,g=,h=,i=,j=,k=,l=,m=,n=,o=,p=,q=", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct digest d = fresh();

		assert_int_equal(digest_challenge(bytes_str(rows[i].field), &d), rows[i].err);
	}
}

static void test_field(void **state)
{
	struct bytes head = BYTES("HTTP/1.1 401 X\r\nwww-AUTHENTICATE:  Digest a=b \r\nTwice: 1\r\nTwice: 2\r\n\r\n");

	assert_true(bytes_equal(digest_field(head, BYTES("WWW-Authenticate")), BYTES("Digest a=b")));
	assert_int_equal(digest_field(head, BYTES("Twice")).n, 0);
	assert_int_equal(digest_field(head, BYTES("WWW")).n, 0);
}

static void test_response(void **state)
{
	struct digest d = fresh();
	struct buf out = buf_make(2048);
	char *at;

	OK(digest_challenge(BYTES(CHALLENGE), &d));
	OK(digest_authorization(&d, BYTES("GET"), BYTES_NONE, &out));
	OK(buf_add_byte(&out, 0));
	at = strstr((char *)out.p, "cnonce=\"");
	assert_non_null(at);
	assert_memory_equal(at + 8, d.cnonce, DIGEST_CNONCE);
	assert_null(strstr((char *)out.p, "auts"));
	/* the server's confirmation of this body, with that cnonce */
	OK(bytes_put_str(d.cnonce, sizeof(d.cnonce), BYTES("0123456789abcdef")));
	OK(digest_confirm(&d, BYTES("qop=auth-int, rspauth=\"" RSPAUTH "\", cnonce=\"0123456789abcdef\", nc=00000001"), BYTES("body")));
	assert_int_equal(digest_confirm(&d, BYTES("qop=auth-int, rspauth=\"" RSPAUTH "\", cnonce=\"0123456789abcdef\", nc=00000001"),
	                                BYTES("Body")), ERR_REFUSED);
	assert_int_equal(digest_confirm(&d, BYTES("qop=auth, rspauth=\"" RSPAUTH "\", cnonce=\"0123456789abcdef\", nc=00000001"),
	                                BYTES("body")), ERR_REFUSED);
	assert_int_equal(digest_confirm(&d, BYTES("qop=auth-int, rspauth=\"" RSPAUTH "\", cnonce=\"0\", nc=00000001"), BYTES("body")),
	                 ERR_REFUSED);
	assert_int_equal(digest_confirm(&d, BYTES("rspauth"), BYTES("body")), ERR_REFUSED);
	assert_int_equal(digest_confirm(&d, BYTES_NONE, BYTES("body")), ERR_REFUSED);
	d.password = BYTES("other");
	assert_int_equal(digest_confirm(&d, BYTES("qop=auth-int, rspauth=\"" RSPAUTH "\", cnonce=\"0123456789abcdef\", nc=00000001"),
	                                BYTES("body")), ERR_REFUSED);
	buf_free(&out);
}

static void test_resynchronisation_carries_auts(void **state)
{
	uint8_t auts[USIM_AUTS] = { 0xff };
	struct digest d = fresh();
	struct buf out = buf_make(2048);

	OK(digest_challenge(BYTES(CHALLENGE), &d));
	d.password = BYTES_NONE;
	OK(digest_authorization(&d, BYTES("GET"), BYTES_OF(auts), &out));
	OK(buf_add_byte(&out, 0));
	assert_non_null(strstr((char *)out.p, ", auts=\"/wAAAAAAAAAAAAAAAAA=\""));
	buf_free(&out);
}

#define HEX16 "000102030405060708090a0b0c0d0e0f"

static void test_module(void **state)
{
	static const char *const bad[] = {
		"", "ERROR", "RES", "RES 00", "RES 001122334", "RES " HEX16 "00", "RES 00112233 " HEX16, "RES 00112233 " HEX16 " " HEX16 " x",
		"RES 00112233  " HEX16, "SYNC 00", "MAC 00", "KEY", "KEY " HEX16, "KEY a b " HEX16 HEX16, "IMPI", "IMPI a b", "IMPI a\tb",
		"res 00112233", " RES 00112233",
	};
	struct usim_answer a;

	OK(usim_read(BYTES("RES a54211d5e3ba50bf " HEX16 " " HEX16), &a));
	assert_int_equal(a.said, USIM_RES);
	assert_int_equal(a.res_n, 8);
	assert_true(a.has_ks);
	assert_int_equal(a.ks[31], 0x0f);
	OK(usim_read(BYTES("RES a54211d5"), &a));
	assert_false(a.has_ks);
	OK(usim_read(BYTES("SYNC 0102030405060708090a0b0c0d0e"), &a));
	assert_int_equal(a.auts[13], 0x0e);
	OK(usim_read(BYTES("MAC"), &a));
	OK(usim_read(BYTES("KEY rid.atid@akma " HEX16 HEX16), &a));
	assert_string_equal(a.text, "rid.atid@akma");
	OK(usim_read(BYTES("KEY " HEX16 HEX16), &a));
	assert_string_equal(a.text, "");
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(usim_read(bytes_str(bad[i]), &a), ERR_SYNTAX);
}

static void test_info(void **state)
{
	static const char *const bad[] = {
		"", "<btid>a@b</btid>", "<lifetime>x</lifetime>", "<btid></btid><lifetime>x</lifetime>",
		"<btid>a@b</btid><btid>c@d</btid><lifetime>x</lifetime>", "<btid>a&amp;b</btid><lifetime>x</lifetime>",
		"<btid>a<x/></btid><lifetime>x</lifetime>", "<btid>a</lifetime><lifetime>x</lifetime>", "<btid>a\001</btid><lifetime>x</lifetime>",
		"<btid>a", "<btid>a</btid><lifetime>x",
	};
	struct bootstrap_info info;

	OK(bootstrap_info_read(BYTES("<?xml version=\"1.0\"?><BootstrappingInfo><btid> a@b </btid>\n<lifetime>2026</lifetime></BootstrappingInfo>"),
	                       &info));
	assert_string_equal(info.btid, "a@b");
	assert_true(bytes_equal(info.lifetime, BYTES("2026")));
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(bootstrap_info_read(bytes_str(bad[i]), &info), ERR_SYNTAX);
}

static void test_behind(void **state)
{
	struct profile owner = { .credential = PROFILE_PSK, .identity = "3GPP-bootstrapping;AAAAAAAAAAAAAAAAAAAAAA==@bsf" };
	struct profile a = { .host = "" }, b = { .host = "" };
	uint8_t key[GAA_KEY] = { 1 };

	OK(secret_copy(BYTES_OF(key), &owner.key));
	OK(bootstrap_behind(&owner, BYTES("Ca"), BYTES("//sp/cse/Ca"), &a));
	OK(bootstrap_behind(&owner, BYTES("Cb"), BYTES("//sp/cse/Cb"), &b));
	assert_string_equal(a.identity, "Ca:AAAAAAAAAAAAAAAAAAAAAA==@bsf");
	assert_int_equal(a.key.n, GAA_KEY);
	assert_memory_not_equal(a.key.p, b.key.p, GAA_KEY);
	assert_memory_not_equal(a.key.p, key, GAA_KEY);
	profile_free(&a);
	/* what was derived is not the network's: nobody is behind a device behind */
	assert_int_equal(bootstrap_behind(&b, BYTES("Cc"), BYTES("//sp/cse/Cc"), &a), ERR_REFUSED);
	owner.credential = PROFILE_CERTIFICATE;
	assert_int_equal(bootstrap_behind(&owner, BYTES("Ca"), BYTES("//sp/cse/Ca"), &a), ERR_REFUSED);
	profile_free(&b);
	secret_free(&owner.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64), cmocka_unit_test(test_challenge),
		cmocka_unit_test(test_challenges_that_are_none), cmocka_unit_test(test_field), cmocka_unit_test(test_response),
		cmocka_unit_test(test_resynchronisation_carries_auts), cmocka_unit_test(test_module), cmocka_unit_test(test_info),
		cmocka_unit_test(test_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
