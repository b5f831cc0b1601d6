/* courier: where it may go. The process itself is tested by test_processes.py. */
#include "unit.h"

#include "role/courier/places.c"

static void place(struct bytes target, err_t want, struct bytes host, uint16_t port)
{
	struct bytes h = BYTES_NONE;
	uint16_t p = 0;
	err_t err = place_of(target, &h, &p);

	if (err != want)
		fail_msg("%.*s: %s", BYTES_FMT(target), err_name(err));
	if (err != ERR_OK)
		return;
	assert_true(bytes_equal(h, host));
	assert_int_equal(p, port);
}

static void test_targets(void **state)
{
	place(BYTES("https://a.example/x/y?z"), ERR_OK, BYTES("a.example"), 443);
	place(BYTES("https://a.example"), ERR_OK, BYTES("a.example"), 443);
	place(BYTES("https://192.0.2.1:8443/"), ERR_OK, BYTES("192.0.2.1"), 8443);
	place(BYTES("https://[2001:db8::1]:8443/"), ERR_OK, BYTES("[2001:db8::1]"), 8443);
	place(BYTES("https://[2001:db8::1]/"), ERR_OK, BYTES("[2001:db8::1]"), 443);
	place(BYTES("http://a.example/"), ERR_UNSUPPORTED, BYTES_NONE, 0);
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

static void test_allowed(void **state)
{
	struct bytes list = BYTES("a.example:443 192.0.2.1:8443  [2001:db8::1]:443 bad broken:x");

	assert_true(place_allowed(list, BYTES("a.example"), 443));
	assert_true(place_allowed(list, BYTES("192.0.2.1"), 8443));
	assert_true(place_allowed(list, BYTES("[2001:db8::1]"), 443));
	assert_false(place_allowed(list, BYTES("a.example"), 8443));
	assert_false(place_allowed(list, BYTES("b.a.example"), 443));
	assert_false(place_allowed(list, BYTES("example"), 443));
	assert_false(place_allowed(list, BYTES("a.example."), 443));
	assert_false(place_allowed(list, BYTES("bad"), 443));
	assert_false(place_allowed(list, BYTES("broken"), 0));
	assert_false(place_allowed(BYTES(""), BYTES("a.example"), 443));
	assert_false(place_allowed(BYTES("*:443"), BYTES("a.example"), 443));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
