/* asker.c: the other end of the binding: a request primitive as an HTTP
 * request, an HTTP response as a response primitive. Client and courier. */
#include "base/clock.h"
#include "binding/http/compose.h"
#include "binding/http/fields.h"

struct asked {
	struct cbor value[PARAM_COUNT];
	bool has[PARAM_COUNT];
};

static err_t read_primitive(struct bytes primitive, struct asked *a)
{
	struct cbor map, v;
	struct bytes key;
	bool found;
	err_t err;

	*a = (struct asked){ 0 };
	TRY(cbor_read(primitive, &map));
	if (map.kind != CBOR_MAP)
		return ERR_TYPE;
	for (;;) {
		enum param p;

		TRY(cbor_pair(&map.s, &key, &v, &found));
		if (!found)
			return ERR_OK;
		if (!param_named(key, &p))
			return ERR_UNSUPPORTED;
		a->value[p] = v;
		a->has[p] = true;
	}
out:
	return err;
}

/* Name or address with its port; an IPv6 address stands in brackets. */
static bool host_fits(struct bytes host)
{
	for (size_t i = 0; i < host.n; i++) {
		if (!octet_is(host.p[i], OCTET_PATH) && host.p[i] != '[' && host.p[i] != ']')
			return false;
	}
	return host.n > 0;
}

/* The request target: of the URL, or of To. */
static err_t put_target(const struct asked *a, struct bytes primitive,
                        const struct http_to *t, struct buf *out)
{
	struct bytes query = t->path, path = bytes_cut(&query, '?');
	err_t err;

	if (t->path.n)
		return octets_are(path, OCTET_PATH) && (!query.n || octets_are(query, OCTET_QUERY)) ?
			       buf_add(out, t->path) : ERR_SYNTAX;
	if (t->before.n && !octets_are(t->before, OCTET_PATH))
		return ERR_SYNTAX;
	TRY(buf_add(out, t->before));
	TRY(uri_put_path(a->value[PARAM_TO].s, out));
	TRY(query_write(primitive, out));
out:
	return err;
}

static err_t put_start(const struct asked *a, struct bytes primitive,
                       const struct http_to *t, struct buf *out)
{
	static const char *const methods[] = { "", "POST ", "GET ", "PUT ", "DELETE ", "POST " };
	const struct cbor *op = &a->value[PARAM_OP], *to = &a->value[PARAM_TO];
	err_t err;

	if (!a->has[PARAM_OP] || !a->has[PARAM_TO])
		return ERR_MISSING;
	if (op->kind != CBOR_UINT || op->u < 1 || op->u >= COUNT_OF(methods) ||
	    to->kind != CBOR_TEXT || !host_fits(t->host))
		return ERR_SYNTAX;
	TRY(buf_add(out, bytes_str(methods[op->u])));
	TRY(put_target(a, primitive, t, out));
	TRY(buf_add(out, BYTES(" HTTP/1.1\r\nHost: ")));
	TRY(buf_add(out, t->host));
	TRY(buf_add(out, BYTES("\r\n")));
out:
	return err;
}

static err_t put_scalar(const struct cbor *v, struct buf *out)
{
	if (v->kind == CBOR_UINT)
		return buf_add_u64(out, v->u);
	if (v->kind == CBOR_TEXT && v->s.n && bytes_is_printable(v->s))
		return buf_add(out, v->s);
	return ERR_SYNTAX;
}

/* One header field; lists joined as the binding says. */
static err_t put_header(const char *name, const struct cbor *v, uint8_t joint, struct buf *out)
{
	struct bytes items = v->s;
	bool first = true;
	struct cbor item;
	err_t err;

	TRY(buf_add(out, bytes_str(name)));
	TRY(buf_add(out, BYTES(": ")));
	if (v->kind != CBOR_ARRAY)
		TRY(put_scalar(v, out));
	for (; v->kind == CBOR_ARRAY && items.n; first = false) {
		TRY(cbor_next(&items, &item));
		if (!first)
			TRY(buf_add_byte(out, joint));
		TRY(put_scalar(&item, out));
	}
	TRY(buf_add(out, BYTES("\r\n")));
out:
	return err;
}

static err_t put_headers(const struct asked *a, struct buf *out)
{
	struct cbor targets;
	bool found = false;
	err_t err = ERR_OK;

	for (unsigned p = 0; p < PARAM_COUNT; p++) {
		const char *header = param_row((enum param)p)->header;

		if (a->has[p] && header && header[0])
			TRY(put_header(header, &a->value[p], '+', out));
	}
	if (a->has[PARAM_RT])
		TRY(cbor_find(a->value[PARAM_RT].raw, BYTES("nu"), &targets, &found));
	if (found)
		TRY(put_header("X-M2M-RTU", &targets, '&', out));
out:
	return err;
}

/* Every parameter must have found a place. */
static bool all_placed(const struct asked *a)
{
	static const enum param placed[] = { PARAM_OP, PARAM_TO, PARAM_TY, PARAM_PC,
		                             PARAM_FC, PARAM_RT };

	for (unsigned p = 0; p < PARAM_COUNT; p++) {
		const struct param_row *row = param_row((enum param)p);
		bool ok = !a->has[p] || (row->header && row->header[0]) ||
			  (row->query && row->query[0]);

		for (size_t i = 0; i < COUNT_OF(placed); i++)
			ok |= placed[i] == p;
		if (!ok)
			return false;
	}
	return true;
}

static err_t put_content(const struct asked *a, struct http_mapper *m,
                         const struct http_to *to, bool in_query, struct buf *out)
{
	bool kind = a->value[PARAM_OP].u == OPERATION_NOTIFY && !to->plain;
	enum http_serial serial = to->serial;
	struct bytes body = BYTES_NONE;
	err_t err;

	if (a->has[PARAM_PC] && !in_query) {
		body = a->value[PARAM_PC].raw;
		buf_clear(&m->scratch);
		if (serial != HTTP_CBOR) {
			TRY(content_write(serial, body, &m->scratch));
			body = bytes_of_buf(&m->scratch);
		}
	}
	TRY(buf_printf(out, "Accept: %s\r\n", media_name(serial, false, false)));
	if (body.n || a->has[PARAM_TY])
		TRY(buf_printf(out, "Content-Type: %s", media_name(serial, kind, kind)));
	if (a->has[PARAM_TY])
		TRY(buf_printf(out, ";ty=%llu", (unsigned long long)a->value[PARAM_TY].u));
	if (body.n || a->has[PARAM_TY])
		TRY(buf_add(out, BYTES("\r\n")));
	TRY(buf_printf(out, "Content-Length: %zu\r\n\r\n", body.n));
	TRY(buf_add(out, body));
out:
	return err;
}

err_t http_request_write(struct bytes primitive, struct http_mapper *m,
                         struct bytes host, enum http_serial serial, struct buf *out)
{
	struct http_to to = { .host = host, .serial = serial };

	return http_request_write_to(primitive, m, &to, out);
}

err_t http_request_write_to(struct bytes primitive, struct http_mapper *m,
                            const struct http_to *to, struct buf *out)
{
	size_t before = out->n;
	struct cbor names;
	struct asked a;
	err_t err;

	TRY(read_primitive(primitive, &a));
	if (!all_placed(&a))
		return ERR_UNSUPPORTED;
	TRY(put_start(&a, primitive, to, out));
	TRY(put_headers(&a, out));
	TRY(put_content(&a, m, to, !to->path.n && query_attributes(primitive, &names), out));
out:
	if (err != ERR_OK)
		out->n = before;
	return err;
}

static err_t number_of(const struct http_parser *p, struct bytes message, enum param param,
                       uint64_t *out)
{
	struct bytes text = http_field(p, message, HTTP_FIELD_PARAM + param);

	*out = 0;
	return text.n ? bytes_to_u64(text, UINT32_MAX, out) : ERR_OK;
}

static err_t read_body(const struct http_parser *p, struct bytes message,
                       struct http_mapper *m, struct response_primitive *out)
{
	struct bytes body = http_body(p, message);
	struct buf joined = buf_make(body.n);
	struct media media = { .serial = HTTP_JSON };
	err_t err = ERR_OK;

	if (p->chunked) {
		TRY(chunks_join(body, &joined));
		body = bytes_of_buf(&joined);
	}
	if (body.n == 0)
		goto out;
	buf_clear(&m->scratch);
	TRY(media_read(http_field(p, message, HTTP_FIELD_CONTENT_TYPE), &media));
	TRY(content_read(media.serial, body, &m->limits, &m->scratch));
	out->content = bytes_of_buf(&m->scratch);
out:
	buf_free(&joined);
	return err;
}

err_t http_response_read(const struct http_parser *p, struct bytes message,
                         struct http_mapper *m, struct response_primitive *out)
{
	struct bytes stamp = http_field(p, message, HTTP_FIELD_PARAM + PARAM_OT);
	uint64_t status, content_status;
	err_t err;

	*out = (struct response_primitive){ 0 };
	must(p->response);
	TRY(number_of(p, message, PARAM_RSC, &status));
	if (status == 0)
		return ERR_MISSING;
	TRY(number_of(p, message, PARAM_CNST, &content_status));
	TRY(number_of(p, message, PARAM_CNOT, &out->content_offset));
	out->status = (unsigned)status;
	out->content_status = (unsigned)content_status;
	out->rqi = http_field(p, message, HTTP_FIELD_PARAM + PARAM_RQI);
	out->rvi = http_field(p, message, HTTP_FIELD_PARAM + PARAM_RVI);
	out->from = http_field(p, message, HTTP_FIELD_PARAM + PARAM_FR);
	if (bytes_is_printable(http_field(p, message, HTTP_FIELD_PARAM + PARAM_VSI)))
		out->vendor = http_field(p, message, HTTP_FIELD_PARAM + PARAM_VSI);
	if (stamp.n)
		TRY(clock_parse(stamp, &out->originated));
	TRY(read_body(p, message, m, out));
out:
	return err;
}
