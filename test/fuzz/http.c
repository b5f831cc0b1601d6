/* http: any octets. What is accepted must mean the same however it was cut,
 * must be a canonical primitive, and must come out of the writer and the parser
 * again as it went in; no answer may hold a line that its primitive made. */
#include "binding/http/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct http_mapper mapper;
static struct buf primitive, again, out;

static void answer(struct bytes rqi, struct http_form form)
{
	struct response_primitive r = { .status = 2000, .rqi = rqi, .rvi = rqi };
	struct http_parser p;
	bool done;

	buf_clear(&out);
	if (http_response_write(&r, &mapper, form, &out) != ERR_OK)
		return;
	http_parser_init(&p, true, HTTP_BODY_MAX);
	must(http_parse(&p, bytes_of_buf(&out), &done) == ERR_OK && done);
	must(p.head_n + p.body_n == out.n);
	must(bytes_equal(http_field(&p, bytes_of_buf(&out), HTTP_FIELD_PARAM + PARAM_RQI), rqi) ||
	     rqi.n == 0);
}

static void there_and_back(struct http_form form)
{
	struct http_refusal why;
	struct http_form second;
	struct http_parser p;
	bool done;

	buf_clear(&out);
	/* A binding cannot carry what it could not have said (an empty list...). */
	if (http_request_write(bytes_of_buf(&primitive), &mapper, BYTES("h"),
	                       (enum http_serial)form.serial, &out) != ERR_OK)
		return;
	http_parser_init(&p, false, 4 * HTTP_BODY_MAX);
	/* Encoding may lengthen the line beyond what is read. */
	if (http_parse(&p, bytes_of_buf(&out), &done) != ERR_OK)
		return;
	must(done);
	buf_clear(&again);
	if (http_request_read(&p, bytes_of_buf(&out), &mapper, &again, &second, &why) != ERR_OK)
		return;
	must(bytes_equal(bytes_of_buf(&primitive), bytes_of_buf(&again)));
}

static void request(struct bytes in)
{
	struct http_parser p, cut;
	struct http_refusal why = { 0 };
	struct http_form form;
	bool done, cut_done = false;
	err_t err, cut_err = ERR_OK;

	http_parser_init(&p, false, 4096);
	http_parser_init(&cut, false, 4096);
	err = http_parse(&p, in, &done);
	for (size_t n = 0; n <= in.n && cut_err == ERR_OK && !cut_done; n++)
		cut_err = http_parse(&cut, bytes_sub(in, 0, n), &cut_done);
	must(err == cut_err && done == cut_done && p.status == cut.status);
	if (err != ERR_OK) {
		must(p.status >= 400 && p.why);
		return;
	}
	if (!done)
		return;
	buf_clear(&primitive);
	err = http_request_read(&p, in, &mapper, &primitive, &form, &why);
	if (err != ERR_OK) {
		must(why.http >= 400 && why.status && why.why && primitive.n == 0);
	} else {
		must(cbor_check(bytes_of_buf(&primitive), &mapper.limits) == ERR_OK);
		there_and_back(form);
	}
	answer(http_field(&p, in, HTTP_FIELD_PARAM + PARAM_RQI), form);
}

/* old: as the courier reads it in the lab, with the end of the connection behind. */
static void response(struct bytes in, bool old)
{
	struct response_primitive r;
	struct http_parser p;
	bool done;

	http_parser_init(&p, true, 4096);
	p.old = old;
	if (http_parse(&p, in, &done) != ERR_OK ||
	    (!done && (!old || http_parse_end(&p, in) != ERR_OK)))
		return;
	must((size_t)p.head_n + p.body_n <= in.n);
	if (http_response_read(&p, in, &mapper, &r) == ERR_OK && r.content.n)
		must(cbor_check(r.content, &mapper.limits) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!mapper.scratch.max) {
		http_mapper_init(&mapper, 65536);
		primitive = buf_make(1 << 20);
		again = buf_make(1 << 20);
		out = buf_make(8 << 20);
	}
	request(bytes_make(data, size));
	response(bytes_make(data, size), false);
	response(bytes_make(data, size), true);
	return 0;
}
