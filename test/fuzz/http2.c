/* http2: octets as a list of fields and a content: u8 length and name, u8 length
 * and value, ... until a name of length 0; the rest is content. The same list is
 * written as one message of HTTP/1.1. What is taken of the list, the parser of
 * HTTP/1.1 takes as exactly that message, and finds the same in it. */
#include "binding/http/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_list list;
static struct buf text, message;

static struct bytes piece(struct bytes *in)
{
	size_t n = in->n ? in->p[0] : 0;
	struct bytes got = bytes_sub(*in, 1, n);

	*in = bytes_sub(*in, 1 + n, in->n);
	return got;
}

static void put(struct bytes b)
{
	must(buf_add(&text, b) == ERR_OK);
}

static void put_line(struct bytes name, struct bytes value)
{
	put(name);
	put(BYTES(": "));
	put(value);
	put(BYTES("\r\n"));
}

static struct bytes found(struct bytes in, struct bytes wanted)
{
	struct bytes name, value;

	while ((name = piece(&in)).n) {
		value = piece(&in);
		if (bytes_equal(name, wanted))
			return value;
	}
	return BYTES_NONE;
}

/* Of fields that a list has otherwise, or that say nothing in one. */
static bool is_left_out(struct bytes name)
{
	return name.p[0] == ':' || bytes_equal(name, BYTES("host")) || bytes_equal(name, BYTES("te")) ||
	       bytes_equal(name, BYTES("content-length")) || bytes_equal(name, BYTES("expect"));
}

static void write_text(struct bytes in, struct bytes content)
{
	struct bytes all = in, name, value, host = found(in, BYTES(":authority"));

	buf_clear(&text);
	put(found(all, BYTES(":method")));
	put(BYTES(" "));
	put(found(all, BYTES(":path")));
	put(BYTES(" HTTP/1.1\r\n"));
	put_line(BYTES("host"), host.n ? host : found(all, BYTES("host")));
	while ((name = piece(&in)).n) {
		value = piece(&in);
		if (!is_left_out(name))
			put_line(name, value);
	}
	if (content.n) {
		put(BYTES("content-length: "));
		must(buf_add_u64(&text, content.n) == ERR_OK);
		put(BYTES("\r\n"));
	}
	put(BYTES("\r\n"));
	put(content);
}

static void are_equal(const struct http_parser *a, struct bytes in_a, const struct http_parser *b,
                      struct bytes in_b)
{
	must(a->method == b->method && a->close == b->close && a->expect_continue == b->expect_continue);
	must(bytes_equal(bytes_sub(in_a, a->target.at, a->target.n), bytes_sub(in_b, b->target.at, b->target.n)));
	must(bytes_equal(http_body(a, in_a), http_body(b, in_b)));
	must(!b->field[HTTP_FIELD_TRANSFER_ENCODING].at);
	for (unsigned i = 0; i < HTTP_FIELD_COUNT; i++) {
		if (i == HTTP_FIELD_CONTENT_LENGTH)
			continue;
		must(!a->field[i].at == !b->field[i].at);
		must(bytes_equal(http_field(a, in_a, i), http_field(b, in_b, i)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_make(data, size), all = in, name;
	struct http_parser p, again;
	bool done = false;

	if (!list.text.max)
		http_list_init(&list, HTTP_BODY_MAX);
	text.max = message.max = HTTP_HEAD_MAX * 4 + HTTP_BODY_MAX;
	http_list_reset(&list);
	while ((name = piece(&in)).n)
		http_list_add(&list, name, piece(&in));
	if (http_list_end(&list) != ERR_OK || in.n > HTTP_BODY_MAX) {
		must(list.err == ERR_OK || list.parser.status >= 400);
		return 0;
	}
	p = list.parser;
	if (http_list_whole(&p, list.text.n, in.n) != ERR_OK)
		return 0;
	buf_clear(&message);
	must(buf_add(&message, bytes_of_buf(&list.text)) == ERR_OK && buf_add(&message, in) == ERR_OK);
	write_text(all, in);
	http_parser_init(&again, false, HTTP_BODY_MAX);
	must(http_parse(&again, bytes_of_buf(&text), &done) == ERR_OK && done);
	must(again.head_n + again.body_n == text.n);
	are_equal(&p, bytes_of_buf(&message), &again, bytes_of_buf(&text));
	return 0;
}
