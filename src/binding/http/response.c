/* response.c: a response primitive as an HTTP response [TS-0009 6.3, 6.4]. */
#include "binding/http/compose.h"
#include "binding/http/fields.h"
#include "base/clock.h"
#include "crypt/crypt.h"
#include "primitive/status.h"

const struct bytes http_continue = {
	(const uint8_t *)"HTTP/1.1 100 Continue\r\n\r\n", 25
};

/* What every answer carries: it is for its asker alone, now, as what it says. */
static const char every_answer[] =
	"Cache-Control: no-store\r\n"
	"X-Content-Type-Options: nosniff\r\n";

/* "name: value" of a value from a primitive: nothing in it may end the line. */
static err_t put_field(struct buf *out, const char *name, struct bytes value)
{
	err_t err = ERR_OK;

	if (value.n == 0)
		return ERR_OK;
	if (!bytes_is_printable(value))
		return ERR_SYNTAX;
	TRY(buf_add(out, bytes_str(name)));
	TRY(buf_add(out, value));
	TRY(buf_add(out, BYTES("\r\n")));
out:
	return err;
}

static err_t put_number(struct buf *out, const char *name, uint64_t n)
{
	err_t err;

	TRY(buf_add(out, bytes_str(name)));
	TRY(buf_add_u64(out, n));
	TRY(buf_add(out, BYTES("\r\n")));
out:
	return err;
}

unsigned http_retry_seconds(void)
{
	uint8_t draw;

	crypt_random(&draw, sizeof(draw));
	return 1u + draw % RETRY_SECONDS;
}

static err_t put_status(unsigned http, unsigned retry, struct buf *out)
{
	err_t err;

	/* "The Reason-Phrase shall be omitted" [TS-0009 6.3.3]; the blank before it stays [RFC 9112 4]. */
	TRY(buf_add(out, BYTES("HTTP/1.1 ")));
	TRY(buf_add_u64(out, http));
	TRY(buf_add(out, BYTES(" \r\n")));
	if (http == 405)
		TRY(buf_add(out, BYTES("Allow: GET, POST, PUT, DELETE\r\n")));
	if (http == 503)
		TRY(put_number(out, "Retry-After: ", retry ? retry : http_retry_seconds()));
out:
	return err;
}

static struct bytes text_of(struct bytes raw)
{
	struct cbor v;

	return cbor_next(&raw, &v) == ERR_OK && v.kind == CBOR_TEXT ? v.s : BYTES_NONE;
}

/* Where a created resource is: uri of the content (rcn 2, 3), else its ri. */
static struct bytes created_at(struct bytes content)
{
	struct bytes rest;
	struct cbor name, v;
	uint64_t pairs;
	bool found = false;

	if (!content.n || cbor_map(content, &rest, &pairs) != ERR_OK || pairs == 0 ||
	    cbor_next(&rest, &name) != ERR_OK)
		return BYTES_NONE;
	if (bytes_equal(name.s, BYTES("m2m:uri")))
		return text_of(rest);
	if ((cbor_find(rest, BYTES("uri"), &v, &found) == ERR_OK && found) ||
	    (cbor_find(rest, BYTES("ri"), &v, &found) == ERR_OK && found))
		return v.kind == CBOR_TEXT ? v.s : BYTES_NONE;
	return BYTES_NONE;
}

static err_t put_location(const struct response_primitive *r, struct buf *out)
{
	struct bytes where = r->status == RSC_CREATED ? created_at(r->content) : BYTES_NONE;
	struct buf at = buf_make(r->from.n + 1 + where.n);
	err_t err = ERR_OK;

	if (where.n == 0)
		goto out;
	/* Of another CSE: its address is none of ours. */
	if (r->from.n && !bytes_starts(where, BYTES("/"))) {
		TRY(buf_add(&at, r->from));
		TRY(buf_add_byte(&at, '/'));
		TRY(buf_add(&at, where));
		where = bytes_of_buf(&at);
	}
	TRY(buf_add(out, BYTES("Content-Location: ")));
	TRY(uri_put_path(where, out));
	TRY(buf_add(out, BYTES("\r\n")));
out:
	buf_free(&at);
	return err;
}

static err_t put_parameters(const struct response_primitive *r, struct buf *out)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];
	err_t err;

	TRY(put_number(out, "X-M2M-RSC: ", r->status));
	TRY(put_field(out, "X-M2M-RI: ", r->rqi));
	TRY(put_field(out, "X-M2M-RVI: ", r->rvi));
	/* Another CSE's, that goes on: what cannot stand in a field is no reason to answer nothing. */
	if (bytes_is_printable(r->vendor))
		TRY(put_field(out, "X-M2M-VSI: ", r->vendor));
	if (r->originated > 0) {
		clock_stamp(r->originated, stamp);
		TRY(put_field(out, "X-M2M-OT: ", bytes_str(stamp)));
	}
	if (r->result_expires > 0) {
		clock_stamp(r->result_expires, stamp);
		TRY(put_field(out, "X-M2M-RST: ", bytes_str(stamp)));
	}
	if (r->content_status) {
		TRY(put_number(out, "X-M2M-CTS: ", r->content_status));
		TRY(put_number(out, "X-M2M-CTO: ", r->content_offset));
	}
out:
	return err;
}

static err_t put_body(struct bytes body, struct http_form form, struct buf *out)
{
	err_t err;

	if (body.n) {
		TRY(buf_add(out, BYTES("Content-Type: ")));
		TRY(buf_add(out, bytes_str(media_name((enum http_serial)form.serial,
		                                      form.vnd, false))));
		TRY(buf_add(out, BYTES("\r\n")));
	}
	if (form.close)
		TRY(buf_add(out, BYTES("Connection: close\r\n")));
	TRY(put_number(out, "Content-Length: ", body.n));
	TRY(buf_add(out, BYTES("\r\n")));
	TRY(buf_add(out, body));
out:
	return err;
}

err_t http_response_write(const struct response_primitive *r, struct http_mapper *m,
                          struct http_form form, struct buf *out)
{
	const struct status_row *row = status_row(r->status);
	struct bytes body = r->content;
	size_t before = out->n;
	err_t err;

	if (body.n && form.serial != HTTP_CBOR) {
		buf_clear(&m->scratch);
		TRY(content_write((enum http_serial)form.serial, body, &m->scratch));
		body = bytes_of_buf(&m->scratch);
	}
	TRY(buf_reserve(out, 512 + body.n));
	TRY(put_status(row ? row->http : 500, 0, out));
	TRY(put_parameters(r, out));
	TRY(put_location(r, out));
	TRY(buf_add(out, bytes_make(every_answer, sizeof(every_answer) - 1)));
	TRY(put_body(body, form, out));
out:
	if (err != ERR_OK)
		out->n = before;
	return err;
}

/* {"m2m:dbg": why} in a serialisation. */
static err_t put_why(const char *why, struct http_form form, struct buf *out)
{
	struct cbor_member member = { BYTES("m2m:dbg"), BYTES_NONE };
	struct buf text = buf_make(256), content = buf_make(512);
	err_t err;

	TRY(cbor_put_text(&text, bytes_str(why)));
	member.value = bytes_of_buf(&text);
	TRY(cbor_put_members(&content, &member, 1));
	TRY(content_write((enum http_serial)form.serial, bytes_of_buf(&content), out));
out:
	buf_free(&text);
	buf_free(&content);
	return err;
}

err_t http_refusal_write(const struct http_refusal *why, struct bytes rqi,
                         bool close, struct buf *out)
{
	struct http_form form = { .serial = why->form.serial, .vnd = why->form.vnd, .close = close };
	struct buf body = buf_make(512);
	size_t before = out->n;
	err_t err;

	TRY(put_why(why->why, form, &body));
	TRY(put_status(why->http, why->retry, out));
	TRY(put_number(out, "X-M2M-RSC: ", why->status));
	if (bytes_is_printable(rqi))
		TRY(put_field(out, "X-M2M-RI: ", rqi));
	TRY(put_field(out, "X-M2M-RVI: ", why->rvi));
	TRY(buf_add(out, bytes_make(every_answer, sizeof(every_answer) - 1)));
	TRY(put_body(bytes_of_buf(&body), form, out));
out:
	buf_free(&body);
	if (err != ERR_OK)
		out->n = before;
	return err;
}
