/* request.c: an HTTP request as a request primitive [TS-0009 6.2, 6.4].
 *
 *   method, ty        -> op, ty         path  -> to
 *   X-M2M-... headers -> parameters     query -> parameters, fc
 *   body              -> pc, in canonical CBOR whatever it was written in
 *
 * What does not fit is refused with 4000, what is no known format with 4015 or
 * 5207; whether what fits may be served is the core's question. */
#include "binding/http/compose.h"
#include "binding/http/fields.h"
#include "primitive/release.h"

enum { SCRATCH_KEEP = 64 * 1024 };

void http_mapper_init(struct http_mapper *m, size_t body_max)
{
	*m = (struct http_mapper){ .limits = codec_default_limits };
	if (m->limits.octets < body_max)
		m->limits.octets = body_max;
	if (m->limits.string < body_max)
		m->limits.string = body_max;
	/* JSON may grow as CBOR, CBOR as JSON (escapes), but not without bound. */
	m->scratch = buf_make(8 * body_max + HTTP_HEAD_MAX);
	m->inner = buf_make((size_t)4 * HTTP_HEAD_MAX);
}

void http_mapper_trim(struct http_mapper *m)
{
	if (m->scratch.cap > SCRATCH_KEEP)
		buf_free(&m->scratch);
}

void http_mapper_free(struct http_mapper *m)
{
	buf_free(&m->scratch);
	buf_free(&m->inner);
}

static err_t refuse(struct http_refusal *why, unsigned http, unsigned status, const char *text)
{
	*why = (struct http_refusal){ .http = http, .status = status, .why = text };
	return status == 4015 || status == 5207 ? ERR_UNSUPPORTED : ERR_SYNTAX;
}

/* The parameters that stand in header fields. */
static err_t read_params(const struct http_parser *p, struct bytes message, struct compose *c)
{
	err_t err = ERR_OK;

	for (unsigned i = 0; i < PARAM_COUNT; i++) {
		struct bytes value;

		if (!p->field[HTTP_FIELD_PARAM + i].at)
			continue;
		value = http_field(p, message, HTTP_FIELD_PARAM + i);
		/* An AE that has no identity yet may leave it empty. */
		if (i == PARAM_FR && value.n == 0)
			continue;
		if (!(param_row((enum param)i)->where & PARAM_REQ) ||
		    !bytes_is_printable(value))
			return ERR_SYNTAX;
		TRY(compose_param(c, (enum param)i, value));
	}
out:
	return err;
}

static err_t read_operation(const struct http_parser *p, const struct media *media,
                            struct compose *c)
{
	static const unsigned operations[HTTP_METHOD_COUNT] = {
		[HTTP_GET] = OPERATION_RETRIEVE, [HTTP_PUT] = OPERATION_UPDATE,
		[HTTP_DELETE] = OPERATION_DELETE, [HTTP_POST] = OPERATION_NOTIFY,
	};
	/* ty belongs to the media type of a Create [TS-0009 6.4.3]; some clients write
	 * the one Content-Type they have on everything, where it says nothing. */
	bool creates = p->method == HTTP_POST && media->has_type;
	err_t err;

	TRY(compose_key(c, param_row(PARAM_OP)->short_name));
	TRY(cbor_put_uint(c->parts, creates ? OPERATION_CREATE : operations[p->method]));
	if (creates) {
		TRY(compose_key(c, param_row(PARAM_TY)->short_name));
		TRY(cbor_put_uint(c->parts, media->type));
	}
out:
	return err;
}

static err_t read_content(struct bytes body, const struct media *media,
                          const struct codec_limits *limits, struct compose *c)
{
	err_t err = ERR_OK;

	if (body.n == 0)
		return ERR_OK;
	TRY(compose_key(c, param_row(PARAM_PC)->short_name));
	TRY(content_read(media->serial, body, limits, c->parts));
out:
	return err;
}

/* Both directions' formats; sets the form of the answer. */
static err_t read_formats(const struct http_parser *p, struct bytes message,
                          struct media *media, struct http_form *form,
                          struct http_refusal *why)
{
	bool named = p->field[HTTP_FIELD_CONTENT_TYPE].at != 0;
	err_t err = ERR_OK;

	*media = (struct media){ .serial = HTTP_JSON };
	if (named)
		err = media_read(http_field(p, message, HTTP_FIELD_CONTENT_TYPE), media);
	if (err == ERR_SYNTAX)
		return refuse(why, 400, 4000, "Content-Type is malformed");
	if (err != ERR_OK || (!named && p->body_n))
		return refuse(why, 415, 4015, "the format of the content is not spoken here");
	if (media->notification && media->has_type)
		return refuse(why, 400, 4000, "a notification has no resource type");
	if (!accept_choose(&p->accept, media, form))
		return refuse(why, 406, 5207, "no format accepted is spoken here");
	return ERR_OK;
}

static err_t compose_all(const struct http_parser *p, struct bytes message,
                         const struct media *media, struct http_mapper *m,
                         struct compose *c)
{
	err_t err;

	TRY(read_operation(p, media, c));
	if (p->field[HTTP_FIELD_RTU].at) {
		c->notify = http_field(p, message, HTTP_FIELD_RTU);
		c->notifies = true; /* nobody, when it is empty [TS-0001 8.1.2] */
		if (!bytes_is_printable(c->notify))
			return ERR_SYNTAX;
	}
	TRY(target_read(bytes_sub(message, p->target.at, p->target.n), c, &m->inner, p->method));
	if (c->notifies)
		TRY(compose_param(c, PARAM_RT, BYTES_NONE));
	TRY(read_params(p, message, c));
out:
	return err;
}

/* No answer has an entity tag, so none is any more what somebody read: a change that asks
 * for that is not made [RFC 9110 13.1.1]. That there is something at all, "*", the core sees. */
static err_t check_match(const struct http_parser *p, struct bytes message, struct http_refusal *why)
{
	if (!p->field[HTTP_FIELD_IF_MATCH].at ||
	    bytes_equal(http_field(p, message, HTTP_FIELD_IF_MATCH), BYTES("*")))
		return ERR_OK;
	return refuse(why, 412, 4000, "there are no entity tags here: ask for a state by filter criteria");
}

err_t http_request_read(const struct http_parser *p, struct bytes message,
                        struct http_mapper *m, struct buf *out,
                        struct http_form *form, struct http_refusal *why)
{
	struct compose c = compose_in(&m->scratch);
	size_t before = out->n;
	struct media media;
	err_t err;

	*form = (struct http_form){ .close = p->close };
	buf_clear(&m->scratch);
	TRY(read_formats(p, message, &media, form, why));
	TRY(check_match(p, message, why));
	refuse(why, 400, 4000, "the target or a parameter is malformed");
	TRY(compose_all(p, message, &media, m, &c));
	why->why = "the content is malformed";
	TRY(read_content(http_body(p, message), &media, &m->limits, &c));
	why->why = "a parameter stands twice";
	TRY(compose_put(&c, out));
out:
	if (err != ERR_OK)
		out->n = before;
	if (err == ERR_MEMORY)
		*why = (struct http_refusal){ .http = 500, .status = 5000, .why = "out of memory" };
	why->form = *form;
	why->rvi = release_of_answer(http_field(p, message, HTTP_FIELD_PARAM + PARAM_RVI));
	return err;
}
