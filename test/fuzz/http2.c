/* http2: octets as a list of fields and a content: u8 length and name, u8 length
 * and value, ... until a name of length 0; the rest is content. What is taken is
 * exactly one message of HTTP/1.1, whose fields are those of the list: nothing in
 * a value ends a line, nothing makes a second request. */
#include "binding/http/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_list list;
static struct buf out;

static struct bytes piece(struct bytes *in)
{
	size_t n = in->n ? in->p[0] : 0;
	struct bytes got = bytes_sub(*in, 1, n);

	*in = bytes_sub(*in, 1 + n, in->n);
	return got;
}

/* The fields come out of the text as they went in, in their order. */
static void lines_are_fields(struct bytes in, struct bytes head)
{
	struct bytes name, value, given, text;
	unsigned n = 0;

	(void)http_list_status(&head); /* the request line */
	while (http_list_next(&head, &name, &value))
		n++;
	while ((given = piece(&in)).n) {
		text = piece(&in);
		must(bytes_find(text, '\n') == text.n && bytes_find(text, '\r') == text.n);
		must(bytes_find(given, '\n') == given.n);
		n--;
	}
	/* host may be made of :authority, content-length of the content */
	must(n + 4 <= 6 || n > UINT32_MAX - 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_make(data, size), all = in, name, message;
	struct http_parser p;
	bool done = false;

	if (!list.fields.max)
		http_list_init(&list);
	out.max = HTTP_HEAD_MAX * 4 + HTTP_BODY_MAX;
	http_list_reset(&list);
	while ((name = piece(&in)).n)
		http_list_add(&list, name, piece(&in));
	buf_clear(&out);
	if (http_list_message(&list, in, &out) != ERR_OK) {
		must(out.n == 0);
		return 0;
	}
	message = bytes_of_buf(&out);
	http_parser_init(&p, false, HTTP_BODY_MAX);
	if (http_parse(&p, message, &done) != ERR_OK)
		return 0;
	must(done && p.head_n + p.body_n == message.n);
	must(bytes_equal(http_body(&p, message), in));
	must(!p.field[HTTP_FIELD_TRANSFER_ENCODING].at && !p.expect_continue);
	lines_are_fields(all, bytes_sub(message, 0, p.head_n));
	return 0;
}
