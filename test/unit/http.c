#define _GNU_SOURCE /* memmem */
/* http: the parser refuses what two readers could read differently, and the
 * mapping is the same from JSON and from CBOR, and the same there and back. */
#include "binding/http/fields.h"
#include "binding/http/list.h"
#include "codec/json.h"
#include "unit.h"

#include <string.h>

#define HEAD "GET /cse-in HTTP/1.1\r\nHost: a\r\n"

/* --- the parser -------------------------------------------------------------- */

struct outcome {
	err_t err;
	bool done;
	struct http_parser p;
};

/* Parse in pieces of `step` octets; 0 all at once. */
static struct outcome parse_in(struct bytes message, size_t step, bool response)
{
	struct outcome o = { 0 };
	size_t n = step ? 0 : message.n;

	http_parser_init(&o.p, response, 1000);
	for (;;) {
		/* Behind what has arrived there is nothing: a copy of the exact size
		 * lets the sanitizer see a look ahead. */
		uint8_t *copy = mem_new(n, 1);

		bytes_copy(copy, message.p, n);
		o.err = http_parse(&o.p, bytes_make(copy, n), &o.done);
		mem_free(copy);
		if (o.err != ERR_OK || o.done || n == message.n)
			return o;
		n = n + step > message.n ? message.n : n + step;
	}
}

static struct outcome parse(struct bytes message)
{
	struct outcome whole = parse_in(message, 0, false);
	static const size_t steps[] = { 1, 2, 3, 7 };

	/* However it is cut, the result is the same. */
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct outcome cut = parse_in(message, steps[i], false);

		assert_int_equal(cut.err, whole.err);
		assert_int_equal(cut.done, whole.done);
		assert_int_equal(cut.p.status, whole.p.status);
		assert_ptr_equal(cut.p.why, whole.p.why);
		assert_int_equal(cut.p.head_n, whole.p.head_n);
		assert_memory_equal(cut.p.field, whole.p.field, sizeof(cut.p.field));
	}
	return whole;
}

static void test_parse_good(void **state)
{
	struct bytes m = BYTES("POST /cse-in?rcn=1 HTTP/1.1\r\nHost: [::1]:8443\r\n"
	                       "x-m2m-ri: \t 17 \r\nX-M2M-ORIGIN:Cdev\r\nContent-Length: 2\r\n"
	                       "Connection: keep-alive, Close\r\nX-Other: \r\n"
	                       "X-M2M-Later: 1\r\n\r\n{}GET");
	struct outcome o = parse(m);

	assert_int_equal(o.err, ERR_OK);
	assert_true(o.done);
	assert_int_equal(o.p.method, HTTP_POST);
	assert_int_equal(o.p.head_n + o.p.body_n, m.n - 3);
	assert_true(o.p.close);
	assert_true(bytes_equal(http_body(&o.p, m), BYTES("{}")));
	assert_true(bytes_equal(http_field(&o.p, m, HTTP_FIELD_PARAM + PARAM_RQI), BYTES("17")));
	assert_true(bytes_equal(http_field(&o.p, m, HTTP_FIELD_PARAM + PARAM_FR), BYTES("Cdev")));
	assert_int_equal(http_field(&o.p, m, HTTP_FIELD_PARAM + PARAM_RVI).n, 0);
}

static const struct { const char *text; unsigned status; } malformed_messages[] = {
	/* two lengths, or none that can be trusted */
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 05\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", 413 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551617\r\n\r\n", 413 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501 },
	{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 400 },
	{ "DELETE /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n", 400 },
	/* lines */
	{ "GET / HTTP/1.1\nHost: a\n\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\n: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", 400 },
	{ "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	/* request line */
	{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400 },
	{ "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.0\r\nHost: a\r\n\r\n", 505 },
	{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
	{ "GET / HTTP/11\r\nHost: a\r\n\r\n", 400 },
	{ "GET / http/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /\r\nHost: a\r\n\r\n", 400 },
	{ "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
	{ "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405 },
	{ "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501 },
	{ "G\xc3T / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a?b=/c HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http:/a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://c@a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a%2f/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a\\@c/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a#/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a/b#c HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET a://b/c HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET http://a/b HTTP/1.1\r\n\r\n", 400 },
	{ "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /a?b=\"c\" HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	{ "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
	/* fields */
	{ "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
	{ "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400 },
	{ HEAD "X-M2M-RI: 1\r\nx-m2m-ri: 1\r\n\r\n", 400 },
	{ HEAD "Accept: application\r\n\r\n", 400 },
	{ HEAD "Accept: application/json;q=2\r\n\r\n", 400 },
	{ HEAD "Expect: something\r\n\r\n", 417 },
	{ HEAD "Connection: a b\r\n\r\n", 400 },
};

static void test_parse_refuses(void **state)
{
	for (size_t i = 0; i < COUNT_OF(malformed_messages); i++) {
		struct outcome o = parse(bytes_str(malformed_messages[i].text));

		if (o.err == ERR_OK || o.p.status != malformed_messages[i].status)
			print_error("case %zu: %s", i, malformed_messages[i].text);
		assert_int_not_equal(o.err, ERR_OK);
		assert_int_equal(o.p.status, malformed_messages[i].status);
		assert_non_null(o.p.why);
	}
	/* A NUL ends no string here. */
	assert_int_not_equal(parse(BYTES(HEAD "X: a\0b\r\n\r\n")).err, ERR_OK);
	assert_int_not_equal(parse(BYTES("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n")).err, ERR_OK);
	/* ... and nothing that is only incomplete is refused. */
	assert_int_equal(parse(BYTES(HEAD)).err, ERR_OK);
	assert_false(parse(BYTES(HEAD)).done);
	assert_false(parse(BYTES("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab")).done);
}

/* What stands before the path of an absolute form makes no difference [RFC 9112 3.2.2]. */
static void test_parse_absolute(void **state)
{
	static const struct { const char *text, *target; } forms[] = {
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "/" },
		{ "GET http://other.example:8080/a/b?c=d HTTP/1.1\r\nHost: a\r\n\r\n", "/a/b?c=d" },
		{ "GET HTTPS://[2001:db8::1]:443/~/x HTTP/1.1\r\nHost: a\r\n\r\n", "/~/x" },
		{ "GET http://a//b HTTP/1.1\r\nHost: a\r\n\r\n", "//b" },
		{ "GET /http://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "/http://a/b" },
		{ "GET //a/b HTTP/1.1\r\nHost: a\r\n\r\n", "//a/b" },
	};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct bytes text = bytes_str(forms[i].text);
		struct outcome o = parse(text);

		assert_int_equal(o.err, ERR_OK);
		assert_true(bytes_equal(bytes_sub(text, o.p.target.at, o.p.target.n), bytes_str(forms[i].target)));
	}
}

/* A request line of n octets, then a header block of `fields` fields, then
 * filler until `head` octets. */
static struct outcome parse_sized(size_t line, size_t fields, size_t head)
{
	struct buf b = buf_make(1 << 20);
	struct outcome o;

	assert_int_equal(buf_add(&b, BYTES("GET /")), ERR_OK);
	while (b.n < line - 9)
		assert_int_equal(buf_add_byte(&b, 'a'), ERR_OK);
	assert_int_equal(buf_add(&b, BYTES(" HTTP/1.1\r\nHost: a\r\n")), ERR_OK);
	for (size_t i = 1; i < fields; i++)
		assert_int_equal(buf_add(&b, BYTES("a:b\r\n")), ERR_OK);
	if (head) {
		assert_int_equal(buf_add(&b, BYTES("f:")), ERR_OK);
		while (b.n < head - 4)
			assert_int_equal(buf_add_byte(&b, 'f'), ERR_OK);
		assert_int_equal(buf_add(&b, BYTES("\r\n")), ERR_OK);
	}
	assert_int_equal(buf_add(&b, BYTES("\r\n")), ERR_OK);
	o = parse(bytes_of_buf(&b));
	buf_free(&b);
	return o;
}

static void test_parse_limits(void **state)
{
	assert_true(parse_sized(HTTP_LINE_MAX, 1, 0).done);
	assert_int_equal(parse_sized(HTTP_LINE_MAX + 1, 1, 0).p.status, 414);
	assert_int_equal(parse_sized(HTTP_LINE_MAX + 2, 1, 0).p.status, 414);
	assert_true(parse_sized(100, HTTP_HEADERS_MAX, 0).done);
	assert_int_equal(parse_sized(100, HTTP_HEADERS_MAX + 1, 0).p.status, 431);
	assert_true(parse_sized(100, 1, HTTP_HEAD_MAX).done);
	assert_int_equal(parse_sized(100, 1, HTTP_HEAD_MAX + 1).p.status, 431);
	assert_int_equal(parse_sized(100, 1, HTTP_HEAD_MAX + 9).p.status, 431);
}

static void test_parse_response(void **state)
{
	struct bytes good = BYTES("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-M2M-RSC: 2000\r\n"
	                          "X-Server: y\r\n\r\n{}");
	static const char *const bad[] = {
		"HTTP/1.1 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 204 None\r\nContent-Length: 3\r\n\r\nabc",
		"HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n",
	};
	struct outcome o = parse_in(good, 1, true);

	assert_true(o.done);
	assert_int_equal(o.p.status, 200);
	assert_true(parse_in(BYTES("HTTP/1.1 100 Continue\r\n\r\n"), 0, true).done);
	assert_true(parse_in(BYTES("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), 0, true).done);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_not_equal(parse_in(bytes_str(bad[i]), 0, true).err, ERR_OK);
}

#define CHUNKED "HTTP/1.1 200 OK\r\nX-M2M-RSC: 2000\r\nTransfer-Encoding: chunked\r\n"

/* As the courier reads an answer in the lab, whole or in two parts. */
static struct outcome parse_old(struct bytes m, size_t cut)
{
	struct outcome o = { .err = ERR_OK };

	http_parser_init(&o.p, true, 40);
	o.p.old = true;
	if (cut)
		o.err = http_parse(&o.p, bytes_sub(m, 0, cut), &o.done);
	if (o.err == ERR_OK && !o.done)
		o.err = http_parse(&o.p, m, &o.done);
	return o;
}

static void test_chunks_of_an_answer(void **state)
{
	static const struct { const char *body; bool whole; const char *content; } rows[] = {
		{ "0\r\n\r\n", true, "" },
		{ "2\r\nab\r\n0\r\n\r\n", true, "ab" },
		{ "A;x=\"y\"\r\n0123456789\r\n01\r\nZ\r\n0\r\n\r\n", true, "0123456789Z" },
		{ "2\r\n\r\n\r\n0\r\n\r\nHTTP/1.1", true, "\r\n" },
		{ "2\r\nab\r\n0\r\n\r", false, NULL }, { "2\r\nab\r\n", false, NULL }, { "ffffffff\r\n", false, NULL }, { "", false, NULL },
		{ "0\r\nX: y\r\n\r\n", false, "400" }, { "2\r\nabc\r\n0\r\n\r\n", false, "400" }, { "2\nab\r\n0\r\n\r\n", false, "400" },
		{ "\r\n\r\n", false, "400" }, { " 2\r\nab\r\n0\r\n\r\n", false, "400" }, { "0x2\r\nab\r\n0\r\n\r\n", false, "400" },
		{ "-1\r\n\r\n", false, "400" }, { "100000000\r\n", false, "400" }, { "2;\1\r\nab\r\n0\r\n\r\n", false, "400" },
		{ "23\r\n01234567890123456789012345678901234\r\n0\r\n\r\n", false, "413" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf m = buf_make(1000), joined = buf_make(1000);

		assert_int_equal(buf_printf(&m, CHUNKED "\r\n%s", rows[i].body), ERR_OK);
		for (size_t cut = 0; cut < m.n; cut++) {
			struct outcome o = parse_old(bytes_of_buf(&m), cut);

			assert_int_equal(o.done, rows[i].whole);
			assert_int_equal(o.err != ERR_OK, !rows[i].whole && rows[i].content);
			if (o.err != ERR_OK)
				assert_int_equal(o.p.status, rows[i].content[2] == '0' ? 400 : 413);
		}
		if (rows[i].whole) {
			struct outcome o = parse_old(bytes_of_buf(&m), 0);

			assert_int_equal(chunks_join(http_body(&o.p, bytes_of_buf(&m)), &joined), ERR_OK);
			assert_true(bytes_equal(bytes_of_buf(&joined), bytes_str(rows[i].content)));
		}
		buf_free(&m);
		buf_free(&joined);
	}
	assert_int_not_equal(parse_old(BYTES(CHUNKED "Content-Length: 1\r\n\r\n0\r\n\r\n"), 0).err, ERR_OK);
	assert_int_not_equal(parse_old(BYTES("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 0).err, ERR_OK);
}

/* --- HTTP -> primitive ------------------------------------------------------- */

struct mapped {
	err_t err;
	struct http_refusal why;
	struct http_form form;
	char json[4096]; /* the primitive, members in canonical order */
};

static struct mapped map(struct bytes message)
{
	struct buf primitive = buf_make(1 << 20), json = buf_make(sizeof((struct mapped){ 0 }.json) - 1);
	struct mapped m = { 0 };
	struct http_mapper mapper;
	struct http_parser p;
	bool done;

	http_mapper_init(&mapper, 100000);
	http_parser_init(&p, false, 100000);
	assert_int_equal(http_parse(&p, message, &done), ERR_OK);
	assert_true(done);
	m.err = http_request_read(&p, message, &mapper, &primitive, &m.form, &m.why);
	if (m.err == ERR_OK) {
		assert_int_equal(cbor_check(bytes_of_buf(&primitive), &codec_default_limits), ERR_OK);
		assert_int_equal(cbor_to_json(bytes_of_buf(&primitive), &json), ERR_OK);
		assert_int_equal(bytes_put_str(m.json, sizeof(m.json), bytes_of_buf(&json)), ERR_OK);
	} else {
		assert_int_equal(primitive.n, 0);
	}
	buf_free(&primitive);
	buf_free(&json);
	http_mapper_free(&mapper);
	return m;
}

/* A request without content. */
static struct mapped map_line(const char *method, const char *target, const char *fields)
{
	struct buf message = buf_make(8192);
	struct mapped m;

	assert_int_equal(buf_printf(&message, "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method,
	                            target, fields), ERR_OK);
	m = map(bytes_of_buf(&message));
	buf_free(&message);
	return m;
}

static struct mapped get(const char *path, const char *query)
{
	struct buf target = buf_make(1000);
	struct mapped m;

	assert_int_equal(buf_printf(&target, "%s%s", path, query), ERR_OK);
	assert_int_equal(buf_add_byte(&target, 0), ERR_OK);
	m = map_line("GET", (const char *)target.p, "");
	buf_free(&target);
	return m;
}

static void assert_members(const struct mapped *m, const char *members)
{
	struct buf wanted = buf_make(1000);

	assert_int_equal(buf_printf(&wanted, "{%s}", members), ERR_OK);
	assert_int_equal(buf_add_byte(&wanted, 0), ERR_OK);
	assert_string_equal(m->json, (const char *)wanted.p);
	buf_free(&wanted);
}

/* A request with content. */
static struct mapped map_body(const char *method, const char *type, struct bytes body)
{
	struct buf message = buf_make(8192);
	struct mapped m;

	assert_int_equal(buf_printf(&message, "%s /cse-in HTTP/1.1\r\nHost: a\r\n%s%s%s"
	                            "Content-Length: %zu\r\n\r\n", method,
	                            type ? "Content-Type: " : "", type ? type : "",
	                            type ? "\r\n" : "", body.n), ERR_OK);
	assert_int_equal(buf_add(&message, body), ERR_OK);
	m = map(bytes_of_buf(&message));
	buf_free(&message);
	return m;
}

static void test_map_operations(void **state)
{
	assert_string_equal(map_line("GET", "/cse-in/lamp", "").json,
	                    "{\"op\":2,\"to\":\"cse-in/lamp\"}");
	assert_string_equal(map_line("DELETE", "/cse-in/lamp", "").json,
	                    "{\"op\":4,\"to\":\"cse-in/lamp\"}");
	assert_string_equal(map_body("PUT", "application/json", BYTES("{\"m2m:cnt\":{\"mni\":5}}")).json,
	                    "{\"op\":3,\"pc\":{\"m2m:cnt\":{\"mni\":5}},\"to\":\"cse-in\"}");
	assert_string_equal(map_body("POST", "application/json;ty=3", BYTES("{ \"m2m:cnt\" : {} }")).json,
	                    "{\"op\":1,\"pc\":{\"m2m:cnt\":{}},\"to\":\"cse-in\",\"ty\":3}");
	assert_string_equal(map_body("POST", "application/vnd.onem2m-res+json; charset=UTF-8 ; ty=3",
	                             BYTES("{}")).json,
	                    "{\"op\":1,\"pc\":{},\"to\":\"cse-in\",\"ty\":3}");
	assert_string_equal(map_body("POST", "application/vnd.onem2m-ntfy+json", BYTES("{\"m2m:sgn\":1}")).json,
	                    "{\"op\":5,\"pc\":{\"m2m:sgn\":1},\"to\":\"cse-in\"}");
	assert_string_equal(map_body("POST", "application/json", BYTES("{}")).json,
	                    "{\"op\":5,\"pc\":{},\"to\":\"cse-in\"}");
}

static void test_map_serialisations_agree(void **state)
{
	struct bytes json = BYTES("{\"m2m:cin\":{\"con\":\"21.5 \\u20ac\",\"cnf\":\"text/plain:0\",\"x\":[1,-2,1.5,true,null]}}");
	struct buf cbor = buf_make(1000);
	struct mapped a, b;

	assert_int_equal(json_to_cbor(json, &codec_default_limits, &cbor), ERR_OK);
	a = map_body("POST", "application/json;ty=4", json);
	b = map_body("POST", "application/cbor;ty=4", bytes_of_buf(&cbor));
	assert_int_equal(a.err, ERR_OK);
	assert_int_equal(b.err, ERR_OK);
	assert_string_equal(a.json, b.json);
	/* The answer comes in kind. */
	assert_int_equal(a.form.serial, HTTP_JSON);
	assert_int_equal(b.form.serial, HTTP_CBOR);
	/* CBOR that is not canonical means the same: {_ "b": 1_0, "a": 2} */
	b = map_body("PUT", "application/cbor", BYTES("\xbf\x61" "b\x18\x01\x61" "a\x02\xff"));
	assert_string_equal(b.json, "{\"op\":3,\"pc\":{\"a\":2,\"b\":1},\"to\":\"cse-in\"}");
	buf_free(&cbor);
}

static void test_map_headers(void **state)
{
	struct mapped m = map_line("GET", "/cse-in?rt=2",
	                           "X-M2M-Origin: Cdev\r\nX-M2M-RI: r 1\r\nX-M2M-RVI: 3\r\n"
	                           "X-M2M-RET: 20300101T000000\r\nX-M2M-RST: 5000\r\nX-M2M-OT: 20260101T000000\r\n"
	                           "X-M2M-RTU: http://a/b&coap://c\r\nX-M2M-GID: g\r\nX-M2M-VSI: v\r\n"
	                           "Authorization: t1+t2\r\n");

	assert_string_equal(m.json,
	        "{\"fr\":\"Cdev\",\"op\":2,\"ot\":\"20260101T000000\","
	        "\"rt\":{\"nu\":[\"http://a/b\",\"coap://c\"],\"rtv\":2},\"to\":\"cse-in\","
	        "\"gid\":\"g\",\"rqi\":\"r 1\",\"rvi\":\"3\",\"vsi\":\"v\","
	        "\"rqet\":\"20300101T000000\",\"rset\":5000,\"tkns\":[\"t1\",\"t2\"]}");
	assert_string_equal(map_line("GET", "/a", "X-M2M-RTU: http://a\r\n").json,
	                    "{\"op\":2,\"rt\":{\"nu\":[\"http://a\"]},\"to\":\"a\"}");
	/* What only an answer carries, what is empty, what holds a tab. */
	assert_int_equal(map_line("GET", "/a", "X-M2M-RSC: 2000\r\n").why.status, 4000);
	assert_int_equal(map_line("GET", "/a", "X-M2M-RI:\r\n").why.status, 4000);
	/* From may be left empty by an AE that has none yet. */
	assert_string_equal(map_line("GET", "/a", "X-M2M-Origin:\r\n").json,
	                    "{\"op\":2,\"to\":\"a\"}");
	assert_int_equal(map_line("GET", "/a", "X-M2M-RI: a\tb\r\n").why.status, 4000);
	/* Told to nobody. */
	assert_string_equal(map_line("GET", "/a?rt=2", "X-M2M-RTU:\r\n").json,
	                    "{\"op\":2,\"rt\":{\"nu\":[],\"rtv\":2},\"to\":\"a\"}");
	assert_int_equal(map_line("GET", "/a", "X-M2M-EC: -1\r\n").why.status, 4000);
}

static void test_map_addresses(void **state)
{
	static const struct { const char *path, *to; } good[] = {
		{ "/cse-in", "cse-in" },
		{ "/cse-in/a/b.c_d-e", "cse-in/a/b.c_d-e" },
		{ "/~/mn-cse/cse/a", "/mn-cse/cse/a" },
		{ "/~/in-cse", "/in-cse" },
		{ "/%7E/in-cse", "/in-cse" },
		{ "/_/sp.example/in-cse/a", "//sp.example/in-cse/a" },
		{ "/-/a", "-/a" },
		{ "/a%23atr", "a#atr" },
		{ "/gr%C3%BCn", "gr\u00fcn" },
		{ "/a%2525", "a%25" },
	};
	static const char *const bad[] = {
		"/", "/~", "/_", "/~/", "//", "/a/", "//a", "/a//b", "/~//a", "/_//a/b",
		"/.", "/..", "/a/../b", "/a/.", "/%2e%2e/a", "/a/%2E", "/a%2fb", "/a%2Fb",
		"/a%00", "/a%0d%0aX", "/a%7f", "/a%", "/a%2", "/a%zz", "/a%c0%af", "/a%ff",
		"/a%ed%a0%80", "/a%u0041",
	};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct mapped m = get(good[i].path, "");
		struct buf members = buf_make(200);

		assert_int_equal(buf_printf(&members, "\"op\":2,\"to\":\"%s\"%c", good[i].to, 0), ERR_OK);
		assert_members(&m, (const char *)members.p);
		buf_free(&members);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct mapped m = map_line("GET", bad[i], "");

		if (m.err == ERR_OK)
			print_error("%s -> %s\n", bad[i], m.json);
		assert_int_equal(m.err, ERR_SYNTAX);
		assert_int_equal(m.why.http, 400);
		assert_int_equal(m.why.status, 4000);
	}
}

static void test_map_query(void **state)
{
	static const struct { const char *query, *members; } good[] = {
		{ "", "\"op\":2,\"to\":\"a\"" },
		{ "?", "\"op\":2,\"to\":\"a\"" },
		{ "?rcn=6&drt=2", "\"op\":2,\"to\":\"a\",\"drt\":2,\"rcn\":6" },
		{ "?fu=1&ty=3+4&lbl=kitchen+a%2Bb&lim=10",
		  "\"fc\":{\"fu\":1,\"ty\":[3,4],\"lbl\":[\"kitchen\",\"a+b\"],\"lim\":10},\"op\":2,\"to\":\"a\"" },
		{ "?fu=1&ty=3&ty=4", "\"fc\":{\"fu\":1,\"ty\":[3,4]},\"op\":2,\"to\":\"a\"" },
		{ "?cra=20260101T000000&sza=5&lvl=1&ofst=2&fo=2&arp=x%2Fy&cty=text%2Fplain",
		  "\"fc\":{\"fo\":2,\"arp\":\"x/y\",\"cra\":\"20260101T000000\",\"cty\":[\"text/plain\"],\"lvl\":1,\"sza\":5,\"ofst\":2},\"op\":2,\"to\":\"a\"" },
		{ "?fu=1&cr=Cdev&rn=x%20y&c.lbl=z&p.ty=3",
		  "\"fc\":{\"fu\":1,\"atr\":[{\"nm\":\"cr\",\"val\":\"Cdev\"},{\"nm\":\"rn\",\"val\":\"x y\"}],"
		  "\"catr\":[{\"nm\":\"lbl\",\"val\":\"z\"}],\"patr\":[{\"nm\":\"ty\",\"val\":\"3\"}]},\"op\":2,\"to\":\"a\"" },
		{ "?atrl=rn+ct", "\"op\":2,\"pc\":{\"m2m:atrl\":[\"rn\",\"ct\"]},\"to\":\"a\"" },
		{ "?tids=a%2B+b&da=true&tqi=0",
		  "\"da\":true,\"op\":2,\"to\":\"a\",\"tqi\":false,\"tids\":[\"a+\",\"b\"]" },
	};
	static const char *const bad[] = {
		"?rcn", "?rcn=", "?rcn=x", "?rcn=-1", "?rcn=1+2", "?rcn=1&rcn=1", "?rcn=01", "?=1",
		"?fu=1&fu=1", "?fu=1+1", "?lim=1.5", "?ty=", "?ty=3+", "?ty=+3", "?ty=3++4", "?ty=a",
		"?lbl=%00", "?lbl=%0a", "?lbl=%ff", "?lbl=a+", "?cra=a+b", "?cr=a+b", "?cr=", "?a%62=c",
		"?c.=x", "?a.b=c", "?&", "?rcn=1&&drt=1", "?da=yes", "?rt=x", "?rcn=1?drt=1",
		"?rcn=18446744073709551616",
	};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct mapped m = get("/a", good[i].query);

		assert_members(&m, good[i].members);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct mapped m = get("/a", bad[i]);

		if (m.err == ERR_OK)
			print_error("%s -> %s\n", bad[i], m.json);
		assert_int_not_equal(m.err, ERR_OK);
		assert_int_equal(m.why.status, 4000);
	}
	/* An attribute list is a Retrieve's. */
	assert_int_equal(map_line("DELETE", "/a?atrl=rn", "").err, ERR_SYNTAX);
}

static void test_map_many_pairs(void **state)
{
	struct buf b = buf_make(10000);

	assert_int_equal(buf_add(&b, BYTES("/a?fu=1")), ERR_OK);
	for (int i = 0; i < HTTP_QUERY_MAX - 1; i++)
		assert_int_equal(buf_add(&b, BYTES("&lbl=x")), ERR_OK);
	assert_int_equal(buf_add_byte(&b, 0), ERR_OK);
	assert_int_equal(map_line("GET", (char *)b.p, "").err, ERR_OK);
	b.n--;
	assert_int_equal(buf_add(&b, BYTES("&lbl=x\0")), ERR_OK);
	assert_int_equal(map_line("GET", (char *)b.p, "").err, ERR_LIMIT);
	buf_free(&b);
}

static void test_map_formats(void **state)
{
	static const char *const unknown[] = {
		"text/plain", "text/xml", "application/vnd.onem2m-res+xmlx",
		"application/json;charset=latin1", "application/jsonx", "",
	};
	static const char *const malformed[] = {
		"application/json;ty=", "application/json;ty=x", "application/json;ty=1;ty=1",
		"application/json;ty=4294967296", "application/vnd.onem2m-ntfy+json;ty=4",
		"application/json;ty=\"\"", "application/json;ty=\"3", "application/json;=3",
		"application/json;ty==3", "application/json;ty=\"3\";TY=3", "application/json; ty 3",
	};
	static const char *const odd[] = {
		"application/json; ty = 3", "Application/JSON ;TY=3;", "application/json;ty=\"3\"",
		"application/json;v=1;ty=3", "application/vnd.onem2m-res+json;;ty=3 ; charset=\"UTF-8\"",
	};

	for (size_t i = 0; i < COUNT_OF(odd); i++)
		assert_string_equal(map_body("POST", odd[i], BYTES("{}")).json,
		                    "{\"op\":1,\"pc\":{},\"to\":\"cse-in\",\"ty\":3}");
	/* Where nothing is created it says nothing. */
	assert_string_equal(map_body("PUT", "application/json;ty=3", BYTES("{}")).json,
	                    "{\"op\":3,\"pc\":{},\"to\":\"cse-in\"}");

	for (size_t i = 0; i < COUNT_OF(unknown); i++) {
		struct mapped m = map_body("POST", unknown[i], BYTES("{}"));

		assert_int_equal(m.err, ERR_UNSUPPORTED);
		assert_int_equal(m.why.http, 415);
		assert_int_equal(m.why.status, 4015);
	}
	assert_int_equal(map_body("POST", NULL, BYTES("{}")).why.status, 4015);
	for (size_t i = 0; i < COUNT_OF(malformed); i++)
		assert_int_equal(map_body("POST", malformed[i], BYTES("{}")).why.status, 4000);
	assert_int_equal(map_body("POST", "application/json", BYTES("{\"a\":1,\"a\":1}")).why.status, 4000);
	assert_int_equal(map_body("POST", "application/json", BYTES("{} {}")).why.status, 4000);
	assert_int_equal(map_body("POST", "application/json", BYTES("\xa0")).why.status, 4000);
	assert_int_equal(map_body("POST", "application/cbor", BYTES("{}")).why.status, 4000);
	assert_int_equal(map_body("POST", "application/cbor", BYTES("\xc0\x60")).why.status, 4000);
}

static void test_map_accept(void **state)
{
	static const struct { const char *accept; int serial; bool vnd; } good[] = {
		{ "Accept: application/cbor\r\n", HTTP_CBOR, false },
		{ "Accept: application/json\r\n", HTTP_JSON, false },
		{ "Accept: application/xml\r\n", HTTP_XML, false },
		{ "Accept: application/json;q=0.2, application/vnd.onem2m-res+xml\r\n", HTTP_XML, true },
		{ "Accept: */*\r\n", HTTP_JSON, false },
		{ "Accept: application/*\r\n", HTTP_JSON, false },
		{ "Accept: text/html, application/vnd.onem2m-res+cbor\r\n", HTTP_CBOR, true },
		{ "Accept: application/json;q=0.1, application/cbor;q=0.5\r\n", HTTP_CBOR, false },
		{ "Accept: */*, application/json;q=0\r\n", HTTP_CBOR, false },
		{ "Accept: text/html\r\nAccept: application/vnd.onem2m-res+json\r\n", HTTP_JSON, true },
		{ "", HTTP_JSON, false }, { "Accept:\r\n", HTTP_JSON, false },
		{ "Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\n", HTTP_JSON, false },
		{ "Accept: application/xml;q=.4, application/json;q=.3\r\n", HTTP_XML, false },
	};
	static const char *const bad[] = {
		"Accept: text/html\r\n", "Accept: text/xml\r\n",
		"Accept: application/json;q=0\r\n", "Accept: *;q=0\r\n",
	};

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct mapped m = map_line("GET", "/a", good[i].accept);

		assert_int_equal(m.err, ERR_OK);
		assert_int_equal(m.form.serial, good[i].serial);
		assert_int_equal(m.form.vnd, good[i].vnd);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct mapped m = map_line("GET", "/a", bad[i]);

		assert_int_equal(m.err, ERR_UNSUPPORTED);
		assert_int_equal(m.why.http, 406);
		assert_int_equal(m.why.status, 5207);
	}
}

/* --- primitive -> HTTP ------------------------------------------------------- */

static void write_response(const struct response_primitive *r, struct http_form form, struct buf *out)
{
	struct http_mapper mapper;

	http_mapper_init(&mapper, 100000);
	assert_int_equal(http_response_write(r, &mapper, form, out), ERR_OK);
	http_mapper_free(&mapper);
}

static void test_response_write(void **state)
{
	struct buf content = buf_make(1000), out = buf_make(10000);
	struct response_primitive r = { .status = 2001, .rqi = BYTES("r1"), .rvi = BYTES("3"),
		                        .originated = 1412335232000, .result_expires = 1412335233000 };

	assert_int_equal(json_to_cbor(BYTES("{\"m2m:cnt\":{\"ri\":\"cnt7\",\"rn\":\"x\"}}"),
	                              &codec_default_limits, &content), ERR_OK);
	r.content = bytes_of_buf(&content);
	write_response(&r, (struct http_form){ HTTP_JSON, true, false }, &out);
	assert_int_equal(buf_add_byte(&out, 0), ERR_OK);
	assert_string_equal((char *)out.p,
	        "HTTP/1.1 201 \r\nX-M2M-RSC: 2001\r\nX-M2M-RI: r1\r\nX-M2M-RVI: 3\r\n"
	        "X-M2M-OT: 20141003T112032\r\nX-M2M-RST: 20141003T112033\r\nContent-Location: /cnt7\r\n"
	        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	        "Content-Type: application/vnd.onem2m-res+json\r\nContent-Length: 34\r\n\r\n"
	        "{\"m2m:cnt\":{\"ri\":\"cnt7\",\"rn\":\"x\"}}");
	out.n = 0;
	r.from = BYTES("//sp.example/mn"); /* made at another CSE */
	write_response(&r, (struct http_form){ HTTP_JSON, true, false }, &out);
	assert_int_equal(buf_add_byte(&out, 0), ERR_OK);
	assert_non_null(strstr((char *)out.p, "\r\nContent-Location: /_/sp.example/mn/cnt7\r\n"));
	assert_null(strstr((char *)out.p, "X-M2M-Origin"));
	buf_free(&content);
	buf_free(&out);
}

static void test_response_cannot_be_split(void **state)
{
	static const char *const evil[] = { "a\r\nX: y", "a\nb", "a\rb", "\x7f", "\xc3\xbc", "a\tb" };
	struct http_mapper mapper;
	struct buf out = buf_make(10000);

	http_mapper_init(&mapper, 1000);
	assert_int_equal(buf_add(&out, BYTES("before")), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(evil); i++) {
		struct response_primitive r = { .status = 2000, .rqi = bytes_str(evil[i]) };
		struct http_refusal why = { .http = 400, .status = 4000, .why = "reason" };

		assert_int_equal(http_response_write(&r, &mapper, (struct http_form){ 0 }, &out), ERR_SYNTAX);
		assert_int_equal(out.n, 6);
		/* Another CSE's word stays away by itself. */
		r = (struct response_primitive){ .status = 2000, .vendor = bytes_str(evil[i]) };
		assert_int_equal(http_response_write(&r, &mapper, (struct http_form){ 0 }, &out), ERR_OK);
		assert_null(memmem(out.p, out.n, "X-M2M-VSI", 9));
		out.n = 6;
		r.rqi = bytes_str(evil[i]);
		/* A refusal goes out without it. */
		assert_int_equal(http_refusal_write(&why, r.rqi, true, &out), ERR_OK);
		assert_null(memmem(out.p, out.n, "X-M2M-RI", 8));
		assert_non_null(memmem(out.p, out.n, "Connection: close\r\n", 19));
		assert_non_null(memmem(out.p, out.n, "{\"m2m:dbg\":\"reason\"}", 20));
		out.n = 6;
	}
	buf_free(&out);
	http_mapper_free(&mapper);
}

/* Every status of the table has a status line of its own HTTP code. */
static void test_every_status_has_a_line(void **state)
{
	static const unsigned codes[] = {
#define STATUS(code, name, http, coap, audited, shown) code, http,
#include "primitive/errors.def"
#undef STATUS
	};
	struct buf out = buf_make(1000);

	for (size_t i = 0; i < COUNT_OF(codes); i += 2) {
		struct response_primitive r = { .status = codes[i], .rqi = BYTES("1") };
		struct buf line = buf_make(20);

		buf_clear(&out);
		write_response(&r, (struct http_form){ 0 }, &out);
		assert_int_equal(buf_printf(&line, "HTTP/1.1 %u ", codes[i + 1]), ERR_OK);
		assert_true(bytes_starts(bytes_of_buf(&out), bytes_of_buf(&line)));
		buf_free(&line);
	}
	buf_free(&out);
}

/* --- there and back ---------------------------------------------------------- */

static void there_and_back(const char *json, enum http_serial serial)
{
	struct buf primitive = buf_make(10000), http = buf_make(10000), back = buf_make(10000);
	struct http_refusal why;
	struct http_mapper mapper;
	struct http_parser p;
	struct http_form form;
	bool done;

	http_mapper_init(&mapper, 100000);
	http_parser_init(&p, false, 100000);
	assert_int_equal(json_to_cbor(bytes_str(json), &codec_default_limits, &primitive), ERR_OK);
	assert_int_equal(http_request_write(bytes_of_buf(&primitive), &mapper, BYTES("a.example:443"), serial, &http),
	                 ERR_OK);
	assert_int_equal(http_parse(&p, bytes_of_buf(&http), &done), ERR_OK);
	assert_true(done);
	assert_int_equal(http_request_read(&p, bytes_of_buf(&http), &mapper, &back, &form, &why), ERR_OK);
	assert_int_equal(form.serial, serial);
	assert_true(bytes_equal(bytes_of_buf(&primitive), bytes_of_buf(&back)));
	buf_free(&primitive);
	buf_free(&http);
	buf_free(&back);
	http_mapper_free(&mapper);
}

static void test_request_there_and_back(void **state)
{
	static const char *const primitives[] = {
		"{\"op\":1,\"to\":\"cse-in/a\",\"fr\":\"Cdev\",\"rqi\":\"1\",\"rvi\":\"3\",\"ty\":4,\"pc\":{\"m2m:cin\":{\"con\":\"x\"}}}",
		"{\"op\":2,\"to\":\"/mn-cse/b c\",\"rqi\":\"1\",\"rcn\":6,\"drt\":2,\"fc\":{\"fu\":1,\"ty\":[3,4],\"lbl\":[\"a+b\",\"c&d=e\"],"
		"\"lim\":7,\"cra\":\"20260101T000000\",\"atr\":[{\"nm\":\"cr\",\"val\":\"C%\"}]}}",
		"{\"op\":2,\"to\":\"//sp.example/in-cse\",\"rqi\":\"1\",\"rt\":{\"nu\":[\"http://x\",\"http://y\"],\"rtv\":2}}",
		"{\"op\":3,\"to\":\"a\",\"rqi\":\"1\",\"rqet\":5000,\"pc\":{\"m2m:cnt\":{\"lbl\":null}}}",
		"{\"op\":4,\"to\":\"a\",\"rqi\":\"1\",\"ot\":\"20260101T000000\",\"gid\":\"g\",\"tids\":[\"a\",\"b+c\"]}",
		"{\"op\":2,\"to\":\"g/fopt\",\"rqi\":\"1\",\"grtm\":[\"cse-in/a\",\"/mn/cse/b+c\"]}",
		"{\"op\":5,\"to\":\"a\",\"rqi\":\"1\",\"pc\":{\"m2m:sgn\":{\"sur\":\"x\"}}}",
		"{\"op\":2,\"to\":\"/mn-cse/a\",\"rqi\":\"1\",\"rcn\":1,\"pc\":{\"m2m:atrl\":[\"rn\",\"lbl\"]}}",
	};

	for (size_t i = 0; i < COUNT_OF(primitives); i++) {
		there_and_back(primitives[i], HTTP_JSON);
		there_and_back(primitives[i], HTTP_CBOR);
	}
}

static void test_request_write_refuses(void **state)
{
	static const struct { const char *json; err_t err; } bad[] = {
		{ "{\"to\":\"a\"}", ERR_MISSING },
		{ "{\"op\":2}", ERR_MISSING },
		{ "{\"op\":9,\"to\":\"a\"}", ERR_SYNTAX },
		{ "{\"op\":2,\"to\":\"a\",\"rqi\":\"x\\r\\nY: z\"}", ERR_SYNTAX },
		{ "{\"op\":2,\"to\":\"a\",\"nonsense\":1}", ERR_UNSUPPORTED },
		{ "{\"op\":2,\"to\":\"a\",\"fc\":{\"a b\":\"x\"}}", ERR_SYNTAX },
	};
	struct buf primitive = buf_make(1000), out = buf_make(10000);
	struct http_mapper mapper;

	http_mapper_init(&mapper, 1000);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		buf_clear(&primitive);
		assert_int_equal(json_to_cbor(bytes_str(bad[i].json), &codec_default_limits, &primitive), ERR_OK);
		assert_int_equal(http_request_write(bytes_of_buf(&primitive), &mapper, BYTES("a"), HTTP_JSON, &out),
		                 bad[i].err);
		assert_int_equal(out.n, 0);
	}
	buf_clear(&primitive);
	assert_int_equal(json_to_cbor(BYTES("{\"op\":2,\"to\":\"a\"}"), &codec_default_limits, &primitive), ERR_OK);
	assert_int_equal(http_request_write(bytes_of_buf(&primitive), &mapper, BYTES("a\r\nb"), HTTP_JSON, &out),
	                 ERR_SYNTAX);
	buf_free(&primitive);
	buf_free(&out);
	http_mapper_free(&mapper);
}

static void test_response_there_and_back(void **state)
{
	struct buf content = buf_make(1000), http = buf_make(10000);
	struct response_primitive r = { .status = 2000, .rqi = BYTES("r1"), .rvi = BYTES("3"), .vendor = BYTES("v 1"),
		                        .content_status = 1, .content_offset = 40 }, back;
	struct http_mapper mapper;

	http_mapper_init(&mapper, 100000);
	assert_int_equal(json_to_cbor(BYTES("{\"m2m:cb\":{\"ri\":\"x\",\"csi\":\"/in-cse\"}}"),
	                              &codec_default_limits, &content), ERR_OK);
	r.content = bytes_of_buf(&content);
	for (int serial = 0; serial < HTTP_SERIAL_COUNT; serial++) {
		struct http_parser p;
		bool done;

		buf_clear(&http);
		write_response(&r, (struct http_form){ (uint8_t)serial, false, false }, &http);
		http_parser_init(&p, true, 100000);
		assert_int_equal(http_parse(&p, bytes_of_buf(&http), &done), ERR_OK);
		assert_true(done);
		assert_int_equal(http_response_read(&p, bytes_of_buf(&http), &mapper, &back), ERR_OK);
		assert_int_equal(back.status, 2000);
		assert_int_equal(back.content_status, 1);
		assert_int_equal(back.content_offset, 40);
		assert_true(bytes_equal(back.vendor, r.vendor));
		assert_true(bytes_equal(back.rqi, r.rqi));
		assert_true(bytes_equal(back.content, r.content));
	}
	buf_free(&content);
	buf_free(&http);
	http_mapper_free(&mapper);
}

static void test_response_read_wants_a_status(void **state)
{
	struct bytes m = BYTES("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	struct outcome o = parse_in(m, 0, true);
	struct response_primitive r;
	struct http_mapper mapper;

	http_mapper_init(&mapper, 1000);
	assert_int_equal(http_response_read(&o.p, m, &mapper, &r), ERR_MISSING);
	http_mapper_free(&mapper);
}

static void put_long(struct buf *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(buf_add_byte(out, 'r'), ERR_OK);
}

/* Of what is refused: the one that it has, not one of two, none that makes the refusal too long. */
static void test_identifier_of_a_refusal(void **state)
{
	static const struct { const char *before, *after; size_t more, n; } rows[] = {
		{ HEAD "X-M2M-RI: 1", "\r\nHost: b\r\n\r\n", 0, 1 },
		{ HEAD "Host: b\r\nX-M2M-RI: 1", "\r\n\r\n", 0, 1 },
		{ HEAD "X-M2M-RI: 1\r\nx-m2m-ri: 2", "\r\n\r\n", 0, 0 },
		{ HEAD "X-M2M-RI: 1\r\nHost: b\r\nx-m2m-ri: 2", "\r\n\r\n", 0, 0 },
		{ HEAD "X-M2M-RI: ", "\r\nHost: b\r\n\r\n", HTTP_IDENTIFIER_MAX, HTTP_IDENTIFIER_MAX },
		{ HEAD "X-M2M-RI: ", "\r\nHost: b\r\n\r\n", HTTP_IDENTIFIER_MAX + 1, 0 },
		{ HEAD "Host: b\r\nX-M2M-RI: ", "\r\n\r\n", HTTP_IDENTIFIER_MAX + 1, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf message = buf_make(8192), out = buf_make(HTTP_REFUSAL_MAX);
		struct outcome o;
		struct bytes found;
		struct http_refusal why;

		assert_int_equal(buf_add(&message, bytes_str(rows[i].before)), ERR_OK);
		put_long(&message, rows[i].more);
		assert_int_equal(buf_add(&message, bytes_str(rows[i].after)), ERR_OK);
		o = parse(bytes_of_buf(&message));
		assert_int_equal(o.err, ERR_SYNTAX);
		found = http_identifier(&o.p, bytes_of_buf(&message));
		assert_int_equal(found.n, rows[i].n);
		why = http_parser_refusal(&o.p, bytes_of_buf(&message));
		assert_int_equal(http_refusal_write(&why, found, true, &out), ERR_OK);
		buf_free(&message);
		buf_free(&out);
	}
}

/* The release that it was asked in, before or behind what is refused; none where it names none, or two. */
static void test_release_of_a_refusal(void **state)
{
	static const struct { const char *message, *rvi; } rows[] = {
		{ "PATCH /a HTTP/1.1\r\nHost: b\r\nx-m2m-rvi: 2a\r\n\r\n", "2a" },
		{ HEAD "Host: b\r\nX-M2M-RVI: 3\r\n\r\n", "3" },
		{ HEAD "X-M2M-RVI: 9\r\nHost: b\r\n\r\n", "3" },
		{ HEAD "Host: b\r\nX-M2M-RVI: 3\r\nX-M2M-RVI: 4\r\n\r\n", "" },
		{ HEAD "Host: b\r\n\r\n", "" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bytes message = bytes_str(rows[i].message);
		struct outcome o = parse(message);

		assert_int_not_equal(o.err, ERR_OK);
		assert_true(bytes_is(http_parser_refusal(&o.p, message).rvi, rows[i].rvi));
	}
}

/* --- lists of HTTP/2 ------------------------------------------------------------------------- */

struct pair {
	const char *name, *value;
};

/* The message of a list and its parser. */
static err_t listed(const struct pair *pairs, size_t n, struct bytes body, struct buf *out,
                    struct http_parser *p)
{
	struct http_list l;
	err_t err;

	buf_clear(out);
	http_list_init(&l, 1000);
	for (size_t i = 0; i < n; i++)
		http_list_add(&l, bytes_str(pairs[i].name), bytes_str(pairs[i].value));
	err = http_list_end(&l);
	*p = l.parser;
	if (err == ERR_OK) {
		assert_int_equal(buf_add(out, bytes_of_buf(&l.text)), ERR_OK);
		assert_int_equal(buf_add(out, body), ERR_OK);
		err = http_list_whole(p, l.text.n, body.n);
	}
	http_list_free(&l);
	return err;
}

/* Which request a refused list was is known from behind what is refused; of two, nothing. */
static void test_list_that_is_refused(void **state)
{
	static const struct { struct pair last[2]; const char *rqi, *rvi; } rows[] = {
		{ { { "x-m2m-ri", "7" }, { "x-m2m-rvi", "2a" } }, "7", "2a" },
		{ { { "x-m2m-ri", "7" }, { "x-m2m-ri", "8" } }, "", "" },
		{ { { "x-m2m-ri", " 7" }, { "x-m2m-rvi", "3" } }, "", "3" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct http_list l;

		http_list_init(&l, 1000);
		http_list_add(&l, BYTES(":method"), BYTES("PATCH"));
		http_list_add(&l, BYTES(":scheme"), BYTES("https"));
		http_list_add(&l, BYTES(":path"), BYTES("/a"));
		http_list_add(&l, BYTES("x-other"), BYTES("y"));
		for (size_t k = 0; k < 2; k++)
			http_list_add(&l, bytes_str(rows[i].last[k].name), bytes_str(rows[i].last[k].value));
		assert_int_not_equal(http_list_end(&l), ERR_OK);
		assert_int_equal(l.parser.status, 405);
		assert_true(bytes_is(http_identifier(&l.parser, bytes_of_buf(&l.text)), rows[i].rqi));
		assert_true(bytes_is(http_parser_refusal(&l.parser, bytes_of_buf(&l.text)).rvi, rows[i].rvi));
		http_list_free(&l);
	}
}

static void test_list_is_one_message(void **state)
{
	static const struct pair pairs[] = {
		{ ":method", "POST" }, { ":scheme", "https" }, { ":path", "/a?rcn=1" },
		{ ":authority", "h" }, { "x-m2m-ri", "7" }, { "content-length", "4" },
		{ "te", "trailers" }, { "host", "h" },
	};
	struct buf out = buf_make(4096);
	struct bytes message;
	struct http_parser p;

	assert_int_equal(listed(pairs, COUNT_OF(pairs), BYTES("body"), &out, &p), ERR_OK);
	message = bytes_of_buf(&out);
	assert_int_equal(p.method, HTTP_POST);
	assert_true(bytes_equal(bytes_sub(message, p.target.at, p.target.n), BYTES("/a?rcn=1")));
	assert_true(bytes_equal(http_field(&p, message, HTTP_FIELD_HOST), BYTES("h")));
	assert_true(bytes_equal(http_field(&p, message, HTTP_FIELD_PARAM + PARAM_RQI), BYTES("7")));
	assert_true(bytes_equal(http_body(&p, message), BYTES("body")));
	assert_false(p.close || p.expect_continue);
	assert_int_equal(listed(pairs, COUNT_OF(pairs), BYTES("bodies"), &out, &p), ERR_SYNTAX);
	assert_int_equal(listed(pairs, COUNT_OF(pairs), BYTES_NONE, &out, &p), ERR_SYNTAX);
	assert_int_equal(p.status, 400);
	buf_free(&out);
}

static void test_list_refuses(void **state)
{
	static const struct pair bad[][2] = {
		{ { "connection", "close" } }, { { "transfer-encoding", "chunked" } },
		{ { "upgrade", "h2c" } }, { { "te", "gzip" } }, { { "X", "upper" } },
		{ { "x", "a\r\ny: b" } }, { { "x", "a\nb" } }, { { "x", " blank" } },
		{ { "x y", "a" } }, { { "x:", "a" } }, { { ":path", "/twice" } },
		{ { ":other", "a" } }, { { "x", "a" }, { ":authority", "late" } },
		{ { "host", "other" } }, { { "", "a" } }, { { "x-m2m-ri", "1" }, { "x-m2m-ri", "1" } },
		{ { "accept", "a/" } }, { { "content-length", "5" } }, { { "content-length", "-1" } },
		{ { "expect", "a\nb: c" } },
		{ { "content-length", "0" }, { "content-length", "0" } },
	};
	static const struct pair first[] = { { ":method", "GET" }, { ":path", "/a" },
		                             { ":scheme", "http" }, { ":authority", "h" } };
	struct buf out = buf_make(4096);
	struct http_parser p;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct pair pairs[6];

		for (size_t k = 0; k < 4; k++)
			pairs[k] = first[k];
		pairs[4] = bad[i][0];
		pairs[5] = bad[i][1].name ? bad[i][1] : (struct pair){ "x-last", "1" };
		assert_int_equal(listed(pairs, 6, BYTES_NONE, &out, &p), ERR_SYNTAX);
		assert_int_equal(p.status, 400);
	}
	assert_int_equal(listed(first, 4, BYTES_NONE, &out, &p), ERR_OK);
	assert_int_equal(listed(first, 3, BYTES_NONE, &out, &p), ERR_SYNTAX); /* no host */
	assert_int_equal(listed(first + 1, 3, BYTES_NONE, &out, &p), ERR_SYNTAX);
	assert_int_equal(listed((struct pair[]){ first[0], first[1], first[3] }, 3, BYTES_NONE, &out, &p),
	                 ERR_SYNTAX); /* no scheme */
	assert_int_equal(listed(first, 4, BYTES("body"), &out, &p), ERR_SYNTAX); /* of a GET */
	assert_int_equal(listed((struct pair[]){ { ":method", "TRACE" }, first[1], first[2], first[3] }, 4,
	                        BYTES_NONE, &out, &p), ERR_UNSUPPORTED);
	assert_int_equal(p.status, 405);
	/* a request line is not to be lengthened */
	assert_int_equal(listed((struct pair[]){ first[0], { ":path", "http://a/b" }, first[2], first[3] }, 4,
	                        BYTES_NONE, &out, &p), ERR_SYNTAX);
	assert_int_equal(listed((struct pair[]){ first[0], { ":path", "/a HTTP/1.1" }, first[2], first[3] }, 4,
	                        BYTES_NONE, &out, &p), ERR_SYNTAX);
	buf_free(&out);
}

static void test_list_limits(void **state)
{
	struct http_list l;
	char value[HTTP_LINE_MAX];

	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = 'v';
	value[0] = '/';
	http_list_init(&l, 1000);
	http_list_add(&l, BYTES(":method"), BYTES("GET"));
	http_list_add(&l, BYTES(":path"), BYTES("/a"));
	http_list_add(&l, BYTES(":scheme"), BYTES("http"));
	for (unsigned i = 3; i <= HTTP_HEADERS_MAX; i++) {
		assert_int_equal(l.err, ERR_OK);
		http_list_add(&l, BYTES("x"), BYTES("y"));
	}
	assert_int_equal(http_list_end(&l), ERR_LIMIT);
	assert_int_equal(l.parser.status, 431);
	http_list_reset(&l);
	http_list_add(&l, BYTES(":method"), BYTES("GET"));
	http_list_add(&l, BYTES(":path"), BYTES("/a"));
	http_list_add(&l, BYTES(":scheme"), BYTES("http"));
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(l.err, ERR_OK);
		http_list_add(&l, BYTES("x"), bytes_make(value, sizeof(value)));
	}
	assert_int_equal(l.err, ERR_LIMIT);
	assert_int_equal(l.parser.status, 431);
	http_list_reset(&l);
	http_list_add(&l, BYTES(":method"), BYTES("GET"));
	http_list_add(&l, BYTES(":path"), bytes_make(value, sizeof(value)));
	http_list_add(&l, BYTES(":scheme"), BYTES("http"));
	assert_int_equal(http_list_end(&l), ERR_LIMIT);
	assert_int_equal(l.parser.status, 414);
	http_list_reset(&l);
	http_list_add(&l, BYTES(":method"), BYTES("GET"));
	assert_int_equal(l.err, ERR_OK);
	http_list_free(&l);
}

static void test_list_of_an_answer(void **state)
{
	struct bytes head = BYTES("HTTP/1.1 404 Not Found\r\nX-M2M-RSC: 4004\r\nA:b\r\n\r\nbody");
	struct bytes name, value;

	assert_true(bytes_equal(http_list_status(&head), BYTES("404")));
	assert_true(http_list_next(&head, &name, &value));
	assert_true(bytes_equal(name, BYTES("X-M2M-RSC")) && bytes_equal(value, BYTES("4004")));
	assert_true(http_list_next(&head, &name, &value));
	assert_true(bytes_equal(name, BYTES("A")) && bytes_equal(value, BYTES("b")));
	assert_false(http_list_next(&head, &name, &value));
	assert_true(bytes_equal(head, BYTES("body")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identifier_of_a_refusal),
		cmocka_unit_test(test_release_of_a_refusal),
		cmocka_unit_test(test_list_that_is_refused),
		cmocka_unit_test(test_list_is_one_message),
		cmocka_unit_test(test_list_refuses),
		cmocka_unit_test(test_list_limits),
		cmocka_unit_test(test_list_of_an_answer),
		cmocka_unit_test(test_parse_good),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_absolute),
		cmocka_unit_test(test_parse_limits),
		cmocka_unit_test(test_parse_response),
		cmocka_unit_test(test_chunks_of_an_answer),
		cmocka_unit_test(test_map_operations),
		cmocka_unit_test(test_map_serialisations_agree),
		cmocka_unit_test(test_map_headers),
		cmocka_unit_test(test_map_addresses),
		cmocka_unit_test(test_map_query),
		cmocka_unit_test(test_map_many_pairs),
		cmocka_unit_test(test_map_formats),
		cmocka_unit_test(test_map_accept),
		cmocka_unit_test(test_response_write),
		cmocka_unit_test(test_response_cannot_be_split),
		cmocka_unit_test(test_every_status_has_a_line),
		cmocka_unit_test(test_request_there_and_back),
		cmocka_unit_test(test_request_write_refuses),
		cmocka_unit_test(test_response_there_and_back),
		cmocka_unit_test(test_response_read_wants_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
