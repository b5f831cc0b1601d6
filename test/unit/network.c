/* network: what the adapters of the underlying networks ask, and what they take for an
 * answer. */
#include "base/clock.h"
#include "network/network.h"
#include "unit.h"

enum { GBA, AKMA };

#define OK(expr) assert_int_equal((expr), ERR_OK)
#define KEY "104f705c841a34566830d3fe116e3d37956fac55086b056e0819c41d72a4298f"
#define BTID "qWsj+6vcQ4pzCWd+Y++JGw==@bsf.example"

static const int64_t now = INT64_C(1795787797000); /* 2026-11-27T13:56:37Z */

static struct network_ask ask_for(struct bytes identity)
{
	return (struct network_ask){ .identity = identity, .fqdn = BYTES("in-cse.demo.example"),
		                     .ua = { 1, 0, 0, 0, 7 } };
}

static void asks(unsigned which, const struct network_ask *ask, const char *path, const char *content)
{
	struct buf p = buf_make(NETWORK_PATH_MAX), c = buf_make(4096);

	OK(network_adapter(which)->ask(ask, &p, &c));
	assert_true(bytes_equal(bytes_of_buf(&p), bytes_str(path)));
	assert_true(bytes_equal(bytes_of_buf(&c), bytes_str(content)));
	buf_free(&p);
	buf_free(&c);
}

static err_t refuses(unsigned which, const struct network_ask *ask)
{
	struct buf p = buf_make(NETWORK_PATH_MAX), c = buf_make(4096);
	err_t err = network_adapter(which)->ask(ask, &p, &c);

	buf_free(&p);
	buf_free(&c);
	return err;
}

static void test_questions(void **state)
{
	struct network_ask ask = ask_for(BYTES(BTID));

	asks(GBA, &ask, "/nbsp-gba/v1/bootstrapping-info-retrieval",
	     "{\"btId\":\"" BTID "\",\"nafId\":{\"nafFqdn\":\"in-cse.demo.example\","
	     "\"uaSecProtId\":\"0100000007\"},\"gbaUAware\":false}");
	ask = ask_for(BYTES("rid1.atid9@akma.example"));
	asks(AKMA, &ask, "/naanf-akma/v1/retrieve-applicationkey",
	     "{\"afId\":\"in-cse.demo.example/0100000007\",\"aKId\":\"rid1.atid9@akma.example\"}");
}

static void test_identities_of_nobody(void **state)
{
	static const struct bytes none[] = {
		BYTES(""), BYTES("@bsf.example"), BYTES("qWsj+6vcQ4pzCWd+Y++JGw==@"), BYTES("qWsj+6vcQ4pzCWd+Y++JGw=@bsf.example"),
		BYTES("qWsj+6vcQ4pzCWd+Y++JG\"==@bsf.example"), BYTES("somebody@bsf.example"),
	};
	struct network_ask ask = ask_for(BYTES("a@b"));

	for (size_t i = 0; i < COUNT_OF(none); i++) {
		struct network_ask nobody = ask_for(none[i]);

		assert_int_equal(refuses(GBA, &nobody), ERR_SYNTAX);
	}
	OK(refuses(AKMA, &ask));
	ask.uicc = true;
	assert_int_equal(refuses(AKMA, &ask), ERR_UNSUPPORTED);
	ask = ask_for(BYTES("@b"));
	assert_int_equal(refuses(AKMA, &ask), ERR_SYNTAX);
	assert_null(network_adapter(2));
}

static err_t answer(unsigned which, bool uicc, unsigned http, const char *content, struct network_key *out)
{
	struct network_ask ask = ask_for(BYTES(BTID));

	ask.uicc = uicc;
	return network_adapter(which)->answer(http, bytes_str(content), &ask, now, out);
}

static void test_answers(void **state)
{
	struct network_key key;

	OK(answer(GBA, false, 200, "{\"meKeyMaterial\":\"" KEY "\",\"impi\":\"a@b\",\"gbaType\":\"3G_GBA\","
	          "\"keyExpiryTime\":\"2026-11-27T14:56:37.482911+00:00\"}", &key));
	assert_int_equal(key.not_after, now + 3600000);
	assert_string_equal(key.subscriber, "a@b");
	assert_int_equal(key.key[0], 0x10);
	OK(answer(GBA, true, 200, "{\"meKeyMaterial\":\"00\",\"uiccKeyMaterial\":\"" KEY "\",\"impi\":\"a@b\","
	          "\"keyExpiryTime\":\"2026-11-27T16:56:37+02:00\"}", &key));
	assert_int_equal(key.not_after, now + 3600000);
	OK(answer(AKMA, false, 200, "{\"expiry\":\"2026-11-27T14:56:37Z\",\"kaf\":\"" KEY "\",\"supi\":\"imsi-1\"}", &key));
	assert_string_equal(key.subscriber, "imsi-1");
}

static void test_no_answers(void **state)
{
	static const struct {
		unsigned http;
		const char *content;
		err_t err;
	} rows[] = {
		{ 404, "", ERR_MISSING }, { 204, "", ERR_MISSING }, { 403, "", ERR_REFUSED }, { 500, "", ERR_IO },
		{ 302, "", ERR_IO }, { 200, "", ERR_SYNTAX }, { 200, "[]", ERR_SYNTAX }, { 200, "{}", ERR_SYNTAX },
		{ 200, "{\"meKeyMaterial\":\"" KEY "\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
		{ 200, "{\"meKeyMaterial\":\"" KEY "\",\"impi\":\"\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
		{ 200, "{\"meKeyMaterial\":\"" KEY "\",\"impi\":\"a\\u0000b\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
		{ 200, "{\"meKeyMaterial\":\"" KEY "\",\"impi\":\"a\",\"keyExpiryTime\":\"2026-11-27T13:56:37Z\"}", ERR_EXPIRED },
		{ 200, "{\"meKeyMaterial\":\"" KEY "00\",\"impi\":\"a\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
		{ 200, "{\"meKeyMaterial\":7,\"impi\":\"a\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
		{ 200, "{\"meKeyMaterial\":\"" KEY "\",\"impi\":\"a\",\"impi\":\"b\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
		{ 200, "{\"uiccKeyMaterial\":\"" KEY "\",\"impi\":\"a\",\"keyExpiryTime\":\"2026-11-27T14:56:37Z\"}", ERR_SYNTAX },
	};
	struct network_key key;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(answer(GBA, false, rows[i].http, rows[i].content, &key), rows[i].err);
}

static void test_times(void **state)
{
	static const char *const bad[] = {
		"", "2026-11-27", "2026-11-27T14:56:37", "2026-11-27 14:56:37Z", "2026-13-27T14:56:37Z", "2026-11-27T14:56:37.Z",
		"2026-11-27T14:56:37.1234567890123Z", "2026-11-27T14:56:37+1:00", "2026-11-27T14:56:37+01:60", "20261127T145637Z",
		"2026-11-27T14:56:37ZZ",
	};
	int64_t ms;

	OK(gaa_time(BYTES("2026-11-27T13:56:37Z"), &ms));
	assert_int_equal(ms, now);
	OK(gaa_time(BYTES("2026-11-27t08:26:37.5-05:30"), &ms));
	assert_int_equal(ms, now);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_not_equal(gaa_time(bytes_str(bad[i]), &ms), ERR_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions), cmocka_unit_test(test_identities_of_nobody),
		cmocka_unit_test(test_answers), cmocka_unit_test(test_no_answers), cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
