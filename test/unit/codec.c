/* codec: JSON and CBOR against vectors, limits, views. */
#include "codec/json.h"

#include <stdio.h>

#include "unit.h"

static struct buf vectors; /* test/vectors/codec.json in CBOR */

static int load(void **state)
{
	static struct codec_limits wide;
	struct buf text = buf_make(1 << 20);
	FILE *f = fopen(SOURCE_DIR "/test/vectors/codec.json", "rb");

	assert_non_null(f);
	assert_int_equal(buf_reserve(&text, 1 << 20), ERR_OK);
	text.n = fread(text.p, 1, 1 << 20, f);
	fclose(f);
	wide = codec_default_limits;
	vectors = buf_make(1 << 20);
	assert_int_equal(json_to_cbor(bytes_of_buf(&text), &wide, &vectors), ERR_OK);
	assert_int_equal(cbor_check(bytes_of_buf(&vectors), &wide), ERR_OK);
	buf_free(&text);
	return 0;
}

static int unload(void **state)
{
	buf_free(&vectors);
	return 0;
}

/* The text member `name` of a row; empty when absent. */
static struct bytes member(struct bytes row, const char *name)
{
	struct cbor v;
	bool found;

	assert_int_equal(cbor_find(row, bytes_str(name), &v, &found), ERR_OK);
	return found ? v.s : BYTES_NONE;
}

/* The array `name` of the vector file. */
static struct bytes rows(const char *name)
{
	struct cbor v;
	bool found;

	assert_int_equal(cbor_find(bytes_of_buf(&vectors), bytes_str(name), &v, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(v.kind, CBOR_ARRAY);
	return v.s;
}

static void unhex(struct bytes hex, struct buf *out)
{
	assert_int_equal(buf_reserve(out, hex.n / 2 + 1), ERR_OK);
	assert_int_equal(bytes_from_hex(hex, out->p, hex.n / 2), ERR_OK);
	out->n = hex.n / 2;
}

static void expect_equal(struct bytes name, struct bytes got, struct bytes want)
{
	if (!bytes_equal(got, want))
		fail_msg("%.*s: other octets than expected", BYTES_FMT(name));
}

static void expect_error(struct bytes row, err_t err)
{
	struct bytes want = member(row, "error");

	if (!bytes_equal(bytes_str(err_name(err)), want))
		fail_msg("%.*s: %s instead of %.*s", BYTES_FMT(member(row, "name")),
		         err_name(err), BYTES_FMT(want));
}

static void test_accept(void **state)
{
	struct bytes list = rows("accept");
	size_t n = 0;

	for (struct cbor row; list.n > 0; n++) {
		struct buf want = buf_make(4096), got = buf_make(4096), text = buf_make(4096);
		struct buf again = buf_make(4096);
		struct bytes name;

		assert_int_equal(cbor_next(&list, &row), ERR_OK);
		name = member(row.raw, "name");
		unhex(member(row.raw, "cbor"), &want);
		if (json_to_cbor(member(row.raw, "json"), &codec_default_limits, &got) != ERR_OK)
			fail_msg("%.*s: refused", BYTES_FMT(name));
		expect_equal(name, bytes_of_buf(&got), bytes_of_buf(&want));
		assert_int_equal(cbor_check(bytes_of_buf(&got), &codec_default_limits), ERR_OK);
		/* and back again */
		assert_int_equal(cbor_to_json(bytes_of_buf(&got), &text), ERR_OK);
		assert_int_equal(json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &again), ERR_OK);
		expect_equal(name, bytes_of_buf(&again), bytes_of_buf(&want));
		buf_clear(&text);
		buf_clear(&again);
		assert_int_equal(cbor_to_json_pretty(bytes_of_buf(&got), &text), ERR_OK);
		assert_int_equal(json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &again), ERR_OK);
		expect_equal(name, bytes_of_buf(&again), bytes_of_buf(&want));
		buf_free(&want);
		buf_free(&got);
		buf_free(&text);
		buf_free(&again);
	}
	assert_true(n > 40);
}

static void test_refuse(void **state)
{
	struct bytes list = rows("refuse");
	size_t n = 0;

	for (struct cbor row; list.n > 0; n++) {
		struct buf got = buf_make(4096);

		assert_int_equal(buf_add(&got, BYTES("before")), ERR_OK);
		assert_int_equal(cbor_next(&list, &row), ERR_OK);
		expect_error(row.raw, json_to_cbor(member(row.raw, "json"),
		                                   &codec_default_limits, &got));
		assert_true(bytes_equal(bytes_of_buf(&got), BYTES("before")));
		buf_free(&got);
	}
	assert_true(n > 40);
}

static void test_cbor_from_outside(void **state)
{
	struct bytes list = rows("cbor");

	for (struct cbor row; list.n > 0;) {
		struct buf in = buf_make(4096), want = buf_make(4096), got = buf_make(4096);
		struct bytes name;
		err_t err;

		assert_int_equal(cbor_next(&list, &row), ERR_OK);
		name = member(row.raw, "name");
		unhex(member(row.raw, "in"), &in);
		unhex(member(row.raw, "cbor"), &want);
		err = cbor_canonical(bytes_of_buf(&in), &codec_default_limits, &got);
		if (member(row.raw, "error").n > 0) {
			expect_error(row.raw, err);
			assert_int_equal(got.n, 0);
			assert_int_not_equal(cbor_check(bytes_of_buf(&in), &codec_default_limits), ERR_OK);
		} else {
			if (err != ERR_OK)
				fail_msg("%.*s: %s", BYTES_FMT(name), err_name(err));
			expect_equal(name, bytes_of_buf(&got), bytes_of_buf(&want));
			assert_int_equal(cbor_check(bytes_of_buf(&got), &codec_default_limits), ERR_OK);
		}
		buf_free(&in);
		buf_free(&want);
		buf_free(&got);
	}
}

/* What is not canonical is refused where canonical form is promised. */
static void test_check_says_no(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		err_t err;
	} bad[] = {
		{ "\x18\x00", 2, ERR_SYNTAX },                 /* long head */
		{ "\xfb\x3f\xf0\0\0\0\0\0\0", 9, ERR_SYNTAX }, /* 1.0 as a float */
		{ "\xf9\x3e\x00", 3, ERR_SYNTAX },             /* half */
		{ "\xfb\x7f\xf0\0\0\0\0\0\0", 9, ERR_SYNTAX }, /* infinity */
		{ "\x9f\xff", 2, ERR_SYNTAX },                 /* indefinite */
		{ "\xa2\x61" "b\x01\x61" "a\x02", 7, ERR_SYNTAX },    /* order */
		{ "\xa2\x61" "a\x01\x61" "a\x02", 7, ERR_DUPLICATE },
		{ "\xa1\x01\x01", 3, ERR_TYPE },               /* key */
		{ "\xc0\x01", 2, ERR_SYNTAX },                 /* tag */
		{ "\x00\x00", 2, ERR_SYNTAX },                 /* more follows */
		{ "\x82\x01", 2, ERR_SYNTAX },                 /* less follows */
		{ "\x61\xff", 2, ERR_SYNTAX },                 /* UTF-8 */
		{ "", 0, ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(cbor_check(bytes_make(bad[i].octets, bad[i].n),
		                            &codec_default_limits), bad[i].err);
}

/* Each limit, one below and one above. */
static void test_limits(void **state)
{
	struct codec_limits l = { .octets = 64, .depth = 2, .members = 3, .items = 5, .string = 4 };
	static const struct {
		const char *json;
		err_t err;
	} cases[] = {
		{ "[[1]]", ERR_OK },         { "[[[1]]]", ERR_LIMIT },
		{ "[1,2,3]", ERR_OK },       { "[1,2,3,4]", ERR_LIMIT },
		{ "{\"a\":1,\"b\":2,\"c\":3}", ERR_OK },
		{ "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", ERR_LIMIT },
		{ "[[1,2],[3]]", ERR_LIMIT }, { "[[1,2],3]", ERR_OK },
		{ "\"abcd\"", ERR_OK },      { "\"abcde\"", ERR_LIMIT },
		{ "{\"abcde\":1}", ERR_LIMIT },
		{ "\"\\u20ac\\u20ac\"", ERR_LIMIT },
		{ "                                                               1", ERR_OK },
		{ "                                                                1", ERR_LIMIT },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf out = buf_make(4096), wide = buf_make(4096);

		assert_int_equal(json_to_cbor(bytes_str(cases[i].json), &l, &out), cases[i].err);
		/* the same over CBOR */
		assert_int_equal(json_to_cbor(bytes_str(cases[i].json),
		                              &codec_default_limits, &wide), ERR_OK);
		if (i < COUNT_OF(cases) - 1) {
			assert_int_equal(cbor_check(bytes_of_buf(&wide), &l), cases[i].err);
			buf_clear(&out);
			assert_int_equal(cbor_canonical(bytes_of_buf(&wide), &l, &out), cases[i].err);
		}
		buf_free(&out);
		buf_free(&wide);
	}
}

/* A view of nothing has no octets to point at. */
static void test_nothing(void **state)
{
	struct buf out = buf_make(8);

	assert_int_equal(json_to_cbor(BYTES_NONE, &codec_default_limits, &out), ERR_SYNTAX);
	assert_int_equal(cbor_canonical(BYTES_NONE, &codec_default_limits, &out), ERR_SYNTAX);
	assert_int_equal(cbor_check(BYTES_NONE, &codec_default_limits), ERR_SYNTAX);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static void test_output_has_a_maximum(void **state)
{
	struct buf out = buf_make(8);

	assert_int_equal(json_to_cbor(BYTES("{\"b\":2,\"a\":1}"), &codec_default_limits, &out), ERR_OK);
	buf_clear(&out);
	assert_int_equal(json_to_cbor(BYTES("{\"b\":2,\"a\":[1,2,3]}"), &codec_default_limits, &out), ERR_LIMIT);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

/* Many members, in the worst order, over the first marks and the short sort. */
static void test_large_map(void **state)
{
	struct buf json = buf_make(1 << 20), a = buf_make(1 << 20), b = buf_make(1 << 20);
	struct cbor v;
	bool found;

	for (int pass = 0; pass < 2; pass++) {
		struct buf *out = pass ? &b : &a;

		buf_clear(&json);
		assert_int_equal(buf_add_byte(&json, '{'), ERR_OK);
		for (int i = 0; i < 4096; i++) {
			int k = pass ? i : (i * 1237 + 11) % 4096;

			assert_int_equal(buf_printf(&json, "%s\"k%d\":%d", i ? "," : "", k, k), ERR_OK);
		}
		assert_int_equal(buf_add_byte(&json, '}'), ERR_OK);
		assert_int_equal(json_to_cbor(bytes_of_buf(&json), &codec_default_limits, out), ERR_OK);
		assert_int_equal(cbor_check(bytes_of_buf(out), &codec_default_limits), ERR_OK);
	}
	assert_true(bytes_equal(bytes_of_buf(&a), bytes_of_buf(&b)));
	assert_int_equal(cbor_find(bytes_of_buf(&a), BYTES("k4095"), &v, &found), ERR_OK);
	assert_true(found && v.u == 4095);
	assert_int_equal(cbor_find(bytes_of_buf(&a), BYTES("k4096"), &v, &found), ERR_OK);
	assert_false(found);
	/* a duplicate far away */
	json.n--;
	assert_int_equal(buf_add(&json, BYTES(",\"k7\":1}")), ERR_OK);
	buf_clear(&a);
	struct codec_limits more = codec_default_limits;
	more.members = 5000;
	assert_int_equal(json_to_cbor(bytes_of_buf(&json), &more, &a), ERR_DUPLICATE);
	buf_free(&json);
	buf_free(&a);
	buf_free(&b);
}

static void test_views(void **state)
{
	struct buf c = buf_make(4096);
	struct cbor v, inner;
	struct bytes content, key;
	bool found;

	assert_int_equal(json_to_cbor(BYTES("{\"a\":[1,-2,2.5],\"b\":{\"c\":\"x\"},\"d\":true}"),
	                              &codec_default_limits, &c), ERR_OK);
	assert_int_equal(cbor_read(bytes_of_buf(&c), &v), ERR_OK);
	assert_int_equal(v.kind, CBOR_MAP);
	assert_int_equal(v.u, 3);
	content = v.s;
	assert_int_equal(cbor_pair(&content, &key, &v, &found), ERR_OK);
	assert_true(found && bytes_equal(key, BYTES("a")) && v.kind == CBOR_ARRAY && v.u == 3);
	struct bytes list = v.s;
	assert_int_equal(cbor_next(&list, &inner), ERR_OK);
	assert_true(inner.kind == CBOR_UINT && inner.u == 1);
	assert_int_equal(cbor_next(&list, &inner), ERR_OK);
	assert_true(inner.kind == CBOR_NINT && inner.u == 1);
	assert_int_equal(cbor_next(&list, &inner), ERR_OK);
	assert_true(inner.kind == CBOR_FLOAT && inner.f == 2.5);
	assert_int_equal(cbor_next(&list, &inner), ERR_SYNTAX);
	assert_int_equal(cbor_pair(&content, &key, &v, &found), ERR_OK);
	assert_int_equal(cbor_find(v.raw, BYTES("c"), &inner, &found), ERR_OK);
	assert_true(found && bytes_equal(inner.s, BYTES("x")));
	assert_int_equal(cbor_pair(&content, &key, &v, &found), ERR_OK);
	assert_true(v.kind == CBOR_BOOL && v.u == 1);
	assert_int_equal(cbor_pair(&content, &key, &v, &found), ERR_OK);
	assert_false(found);
	assert_int_equal(cbor_find(inner.raw, BYTES("c"), &v, &found), ERR_TYPE);
	/* cut anywhere, it is noticed */
	for (size_t n = 0; n < c.n; n++)
		assert_int_equal(cbor_read(bytes_make(c.p, n), &v), ERR_SYNTAX);
	buf_free(&c);
}

static void test_put_members(void **state)
{
	struct buf c = buf_make(64);
	struct cbor_member m[] = { { BYTES("rsc"), BYTES("\x19\x07\xd0") },
		                   { BYTES("to"), BYTES("\x61" "x") },
		                   { BYTES("fr"), BYTES("\x61" "y") } };
	struct cbor_member twice[] = { { BYTES("a"), BYTES("\x01") }, { BYTES("a"), BYTES("\x01") } };

	assert_int_equal(cbor_put_members(&c, m, COUNT_OF(m)), ERR_OK);
	assert_int_equal(cbor_check(bytes_of_buf(&c), &codec_default_limits), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&c),
	            BYTES("\xa3\x62" "fr\x61y\x62to\x61x\x63rsc\x19\x07\xd0")));
	assert_int_equal(cbor_put_members(&c, twice, 2), ERR_DUPLICATE);
	buf_free(&c);
}

static void test_octets_have_no_json(void **state)
{
	struct buf out = buf_make(64);

	assert_int_equal(cbor_to_json(BYTES("\x81\x41\x01"), &out), ERR_TYPE);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static void test_print(void **state)
{
	struct buf c = buf_make(256), out = buf_make(1024);

	assert_int_equal(json_to_cbor(BYTES("{\"a\":[],\"b\":{},\"c\":[1,{\"d\":0.1}]}"),
	                              &codec_default_limits, &c), ERR_OK);
	assert_int_equal(cbor_to_json_pretty(bytes_of_buf(&c), &out), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&out),
	            BYTES("{\n  \"a\": [],\n  \"b\": {},\n  \"c\": [\n    1,\n    {\n      \"d\": 0.1\n    }\n  ]\n}")));
	buf_clear(&out);
	/* no control octet reaches a terminal */
	assert_int_equal(json_put_string(&out, BYTES("\x1b[2J\x7f\xc2\x9b\xc3\xbc\"")), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&out),
	            BYTES("\"\\u001b[2J\\u007f\\u009b\xc3\xbc\\\"\"")));
	buf_free(&c);
	buf_free(&out);
}

/* Out of memory at every place: the error comes back, nothing is lost. */
static void test_memory_runs_out(void **state)
{
	struct bytes in = BYTES("{\"z\":\"\\n\",\"b\":[1,2,3,{\"y\":1,\"x\":0.25}],\"a\":\"0123456789012345678901234567890123456789\"}");
	uint64_t n;
	struct buf out = buf_make(4096);

	mem_fail_at(0);
	assert_int_equal(json_to_cbor(in, &codec_default_limits, &out), ERR_OK);
	n = mem_count();
	assert_true(n > 0);
	for (uint64_t i = 1; i <= n; i++) {
		buf_free(&out);
		mem_fail_at(i);
		assert_int_equal(json_to_cbor(in, &codec_default_limits, &out), ERR_MEMORY);
		assert_int_equal(out.n, 0);
	}
	mem_fail_at(0);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_cbor_from_outside),
		cmocka_unit_test(test_check_says_no),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_output_has_a_maximum),
		cmocka_unit_test(test_large_map),
		cmocka_unit_test(test_views),
		cmocka_unit_test(test_put_members),
		cmocka_unit_test(test_octets_have_no_json),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_memory_runs_out),
	};

	return cmocka_run_group_tests_name("codec", tests, load, unload);
}
