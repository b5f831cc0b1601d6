/* base: octets, arena, secret, clock, log. */
#define _GNU_SOURCE
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/number.h"
#include "base/hash.h"
#include "base/secret.h"
#include "unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void test_numbers(void **state)
{
	uint64_t v = 7;

	assert_int_equal(bytes_to_u64(BYTES("0"), UINT64_MAX, &v), ERR_OK);
	assert_int_equal(v, 0);
	assert_int_equal(bytes_to_u64(BYTES("18446744073709551615"), UINT64_MAX, &v), ERR_OK);
	assert_true(v == UINT64_MAX);
	assert_int_equal(bytes_to_u64(BYTES("18446744073709551616"), UINT64_MAX, &v), ERR_RANGE);
	assert_int_equal(bytes_to_u64(BYTES("01"), UINT64_MAX, &v), ERR_SYNTAX);
	assert_int_equal(bytes_to_u64(BYTES("-1"), UINT64_MAX, &v), ERR_SYNTAX);
	assert_int_equal(bytes_to_u64(BYTES(""), UINT64_MAX, &v), ERR_SYNTAX);
	assert_int_equal(bytes_to_u64(BYTES("11"), 10, &v), ERR_RANGE);
}

static void test_utf8(void **state)
{
	assert_true(bytes_is_utf8(BYTES("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80")));
	assert_false(bytes_is_utf8(BYTES("\xc0\xaf")));         /* overlong */
	assert_false(bytes_is_utf8(BYTES("\xed\xa0\x80")));     /* surrogate */
	assert_false(bytes_is_utf8(BYTES("\xf4\x90\x80\x80"))); /* too large */
	assert_false(bytes_is_utf8(BYTES("\xe2\x82")));         /* cut */
	assert_false(bytes_is_utf8(BYTES("a\0b")));
}

/* What is looked at eight octets at a time: one that differs at each place, of each value. */
static void test_utf8_anywhere(void **state)
{
	uint8_t text[27];

	for (size_t n = 1; n <= sizeof(text); n++) {
		for (size_t at = 0; at < n; at++) {
			for (unsigned v = 0; v < 256; v++) {
				memset(text, '\x01', sizeof(text));
				text[at] = (uint8_t)v;
				assert_int_equal(bytes_is_utf8(bytes_make(text, n)), v >= 1 && v < 0x80);
			}
			memset(text, '\x7f', sizeof(text));
			bytes_copy(text + at, "\xc3\xbc", at + 2 <= n ? 2 : 1);
			assert_int_equal(bytes_is_utf8(bytes_make(text, n)), at + 2 <= n);
		}
	}
}

static void test_is(void **state)
{
	static const struct {
		struct bytes b;
		const char *text;
		bool is;
	} rows[] = {
		{ { (const uint8_t *)"ty", 2 }, "ty", true },    { { NULL, 0 }, "", true },
		{ { (const uint8_t *)"ty", 2 }, "tyx", false },  { { (const uint8_t *)"tyx", 3 }, "ty", false },
		{ { (const uint8_t *)"ty", 2 }, "", false },     { { NULL, 0 }, "t", false },
		{ { (const uint8_t *)"ty\0", 3 }, "ty", false }, { { (const uint8_t *)"Ty", 2 }, "ty", false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(bytes_is(rows[i].b, rows[i].text), rows[i].is);
}

static void test_buf_has_a_maximum(void **state)
{
	struct buf b = buf_make(4);

	assert_int_equal(buf_add(&b, BYTES("abc")), ERR_OK);
	assert_int_equal(buf_add(&b, BYTES("de")), ERR_LIMIT);
	assert_true(bytes_equal(bytes_of_buf(&b), BYTES("abc")));
	buf_free(&b);
}

static void test_arena_has_a_maximum(void **state)
{
	struct arena a;
	void *p;

	arena_init(&a, 1000);
	assert_int_equal(arena_take(&a, 900, &p), ERR_OK);
	assert_int_equal(arena_take(&a, 200, &p), ERR_LIMIT);
	arena_reset(&a);
	assert_int_equal(arena_take(&a, 200, &p), ERR_OK);
	arena_free(&a);
}

static void test_secret_is_wiped(void **state)
{
	struct secret s, again;
	uint8_t *where;

	assert_int_equal(secret_copy(BYTES("sixteen octets.."), &s), ERR_OK);
	assert_true(secret_equal(secret_view(&s), BYTES("sixteen octets..")));
	assert_false(secret_equal(secret_view(&s), BYTES("sixteen octets.!")));
	where = s.p;
	secret_free(&s);
	assert_null(s.p);
	/* The page stays mapped: what was there must be gone. */
	assert_int_equal(where[0], 0);
	assert_int_equal(where[15], 0);
	assert_int_equal(secret_new(16, &again), ERR_OK);
	assert_ptr_equal(again.p, where);
	secret_free(&again);
}

static void test_clock(void **state)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];
	int64_t ms;

	assert_int_equal(clock_parse(BYTES("20141003T112032"), &ms), ERR_OK);
	assert_true(ms == 1412335232000);
	clock_stamp(ms, stamp);
	assert_string_equal(stamp, "20141003T112032");
	assert_int_equal(clock_parse(BYTES("20141003T112032,250"), &ms), ERR_OK);
	assert_true(ms == 1412335232250);
	assert_int_equal(clock_parse(BYTES("20140231T112032"), &ms), ERR_RANGE);
	assert_int_equal(clock_parse(BYTES("2014-10-03T11:20:32"), &ms), ERR_SYNTAX);
	assert_int_equal(clock_parse(BYTES("20141003T112032,"), &ms), ERR_SYNTAX);
	assert_int_equal(clock_parse(BYTES("20141003T1120"), &ms), ERR_SYNTAX);
}

/* The vector of the SipHash paper. */
static void test_siphash(void **state)
{
	const struct hash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	const struct hash_key other = { { 1, 2 } };
	uint8_t octets[15];

	for (uint8_t i = 0; i < 15; i++)
		octets[i] = i;
	assert_true(hash_bytes(&key, BYTES_OF(octets)) == 0xa129ca6149be45e5);
	assert_true(hash_bytes(&other, BYTES_OF(octets)) != 0xa129ca6149be45e5);
	assert_true(hash_u64(&key, 0x0706050403020100) == hash_bytes(&key, bytes_make(octets, 8)));
}

/* Exact both ways; the shortest text; never like an integer. */
static void test_float_text(void **state)
{
	static const struct {
		double v;
		const char *text;
	} floats[] = {
		{ 0.1, "0.1" },          { -40.25, "-40.25" },   { 1013.25, "1013.25" },
		{ 1.0, "1.0" },          { 1e9, "1000000000.0" },{ 0.001, "0.001" },
		{ 1e-6, "1e-06" },       { 1e300, "1e+300" },    { 0.30000000000000004, "0.30000000000000004" },
		{ 1.7976931348623157e308, "1.7976931348623157e+308" },
		{ 5e-324, "4.94065645841247e-324" },
	};
	double back;

	for (size_t i = 0; i < COUNT_OF(floats); i++) {
		char text[NUMBER_TEXT_MAX];
		size_t n = number_print(floats[i].v, text);

		assert_true(bytes_equal(bytes_make(text, n), bytes_str(floats[i].text)));
		assert_int_equal(number_parse(bytes_make(text, n), &back), ERR_OK);
		assert_true(back == floats[i].v);
	}
	assert_int_equal(number_parse(BYTES("1e309"), &back), ERR_RANGE);
	assert_int_equal(number_parse(BYTES("-1e309"), &back), ERR_RANGE);
	assert_int_equal(number_parse(BYTES("9007199254740993.0"), &back), ERR_OK);
	assert_true(back == 9007199254740992.0); /* to even */
	assert_int_equal(number_parse(BYTES("0x1p3"), &back), ERR_SYNTAX);
	assert_int_equal(number_parse(BYTES("inf"), &back), ERR_SYNTAX);
	assert_int_equal(number_parse(BYTES("1."), &back), ERR_SYNTAX);
	assert_int_equal(number_parse(BYTES("01.5"), &back), ERR_SYNTAX);
	assert_int_equal(number_parse(BYTES(""), &back), ERR_SYNTAX);
}

static void test_text_is_cut_and_ended(void **state)
{
	char text[8];

	assert_true(text_print(text, sizeof(text), "%d", 1234567));
	assert_string_equal(text, "1234567");
	assert_false(text_print(text, sizeof(text), "%d", 12345678));
	assert_string_equal(text, "1234567");
	assert_true(bytes_equal(bytes_trim(BYTES(" \t a b\r ")), BYTES("a b")));
	assert_int_equal(bytes_trim(BYTES(" \t")).n, 0);
}

static void test_regions_may_overlap(void **state)
{
	char text[] = "abcdef";

	bytes_move(text + 1, text, 5);
	assert_string_equal(text, "aabcde");
	bytes_move(text, text + 1, 5);
	assert_string_equal(text, "abcdee");
}

/* A reader that does not keep up loses lines, and is told how many with the first that it gets. */
static void test_lost_lines_are_told(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char text[65536], longest[900];
	ssize_t n;

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_true(saved >= 0 && pipe2(fds, O_NONBLOCK) == 0 && dup2(fds[1], STDERR_FILENO) >= 0);
	while (write(fds[1], text, sizeof(text)) > 0)
		;
	for (int i = 0; i < 3; i++)
		log_event(LOG_ERROR, "lost", "%s", longest);
	while (read(fds[0], text, sizeof(text)) > 0)
		;
	log_event(LOG_ERROR, "first", "%s", longest);
	log_event(LOG_ERROR, "second", "an \n octet");
	n = read(fds[0], text, sizeof(text) - 1);
	assert_true(dup2(saved, STDERR_FILENO) >= 0 && n > 0);
	text[n] = '\0';
	assert_non_null(strstr(text, "first: after 3 lost lines: xxx"));
	assert_non_null(strstr(text, "second: an \\x0a octet\n"));
	assert_null(strstr(text, "lost: "));
	close(saved);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_utf8_anywhere),
		cmocka_unit_test(test_is),
		cmocka_unit_test(test_buf_has_a_maximum),
		cmocka_unit_test(test_arena_has_a_maximum),
		cmocka_unit_test(test_secret_is_wiped),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_float_text),
		cmocka_unit_test(test_text_is_cut_and_ended),
		cmocka_unit_test(test_regions_may_overlap),
		cmocka_unit_test(test_siphash),
		cmocka_unit_test(test_lost_lines_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
