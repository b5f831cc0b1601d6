/* courier: where it may go. The process itself is tested by test_processes.py. */
#include "unit.h"

#include "role/courier/places.c"

static void place(struct bytes target, err_t want, struct bytes host, uint16_t port)
{
	struct url u;
	err_t err = place_of(target, &u);

	if (err != want)
		fail_msg("%.*s: %s", BYTES_FMT(target), err_name(err));
	if (err != ERR_OK)
		return;
	assert_true(bytes_equal(u.host, host));
	assert_int_equal(u.port, port);
}

static void test_targets(void **state)
{
	place(BYTES("https://a.example/x/y?z"), ERR_OK, BYTES("a.example"), 443);
	place(BYTES("https://a.example"), ERR_OK, BYTES("a.example"), 443);
	place(BYTES("https://192.0.2.1:8443/"), ERR_OK, BYTES("192.0.2.1"), 8443);
	place(BYTES("https://[2001:db8::1]:8443/"), ERR_OK, BYTES("[2001:db8::1]"), 8443);
	place(BYTES("https://[2001:db8::1]/"), ERR_OK, BYTES("[2001:db8::1]"), 443);
	place(BYTES("http://a.example/"), ERR_OK, BYTES("a.example"), 80);
	place(BYTES("ftp://a.example/"), ERR_UNSUPPORTED, BYTES_NONE, 0);
	place(BYTES("coaps://a.example/"), ERR_UNSUPPORTED, BYTES_NONE, 0);
	place(BYTES("HTTPS://a.example/"), ERR_UNSUPPORTED, BYTES_NONE, 0);
	place(BYTES("https://"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://u@a.example/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example:/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example:0/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example:65536/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example:443x/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example:80:443/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://A.example/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a%2eexample/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example?x/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://[::1/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://::1]/"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example/\r\nHost: b"), ERR_SYNTAX, BYTES_NONE, 0);
	place(BYTES("https://a.example/\0"), ERR_SYNTAX, BYTES_NONE, 0);
}

static bool allowed(const char *list, const char *target, struct place_address *at)
{
	struct url u;

	assert_int_equal(place_of(bytes_str(target), &u), ERR_OK);
	return place_allowed(bytes_str(list), &u, at);
}

static void test_allowed(void **state)
{
	const char *list = "a.example:443 192.0.2.1:8443  [2001:db8::1]:443 bad broken:x "
			   "b.example:443@192.0.2.9 c.example:443@nothing d.example:443@[::1]";
	static const char *const no[] = {
		"https://a.example:8443", "https://b.a.example", "https://example",
		"https://a.example.", "https://bad", "https://c.example", "https://b.example:444",
		"https://192.0.2.9", "https://192.0.2.1", "https://3221225985:8443",
	};
	struct place_address at;

	assert_true(allowed(list, "https://a.example", &at));
	assert_int_equal(at.n, 0);
	assert_true(allowed(list, "https://192.0.2.1:8443/x", &at));
	assert_int_equal(at.n, 4);
	assert_true(allowed(list, "https://[2001:db8::1]/", &at));
	assert_int_equal(at.n, 16);
	assert_true(allowed(list, "https://b.example/", &at));
	assert_memory_equal(at.octets, ((uint8_t[]){ 192, 0, 2, 9 }), 4);
	assert_true(allowed(list, "https://d.example/", &at));
	assert_int_equal(at.n, 16);
	for (size_t i = 0; i < COUNT_OF(no); i++) {
		if (allowed(list, no[i], &at))
			fail_msg("%s", no[i]);
	}
	assert_false(allowed("", "https://a.example", &at));
	assert_false(allowed("*:443", "https://a.example", &at));
}

static void test_loopback(void **state)
{
	static const struct { const char *target; bool is; } rows[] = {
		{ "http://127.0.0.1:9/x", true }, { "http://localhost:9", true },
		{ "http://[::1]:9", true }, { "http://127.255.0.3", true },
		{ "http://128.0.0.1", false }, { "http://2130706433", false },
		{ "http://127.1", false }, { "http://0.0.0.0", false },
		{ "http://localhost.example", false }, { "http://[::ffff:127.0.0.1]", false },
		{ "http://127.0.0.1.example", false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct place_address at;
		struct url u;

		assert_int_equal(place_of(bytes_str(rows[i].target), &u), ERR_OK);
		if (place_is_loopback(&u, &at) != rows[i].is)
			fail_msg("%s", rows[i].target);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_allowed),
		cmocka_unit_test(test_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
