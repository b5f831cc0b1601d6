/* compose.c: a canonical CBOR map from members in any order. */
#include "binding/http/compose.h"

#include "binding/http/fields.h"

err_t compose_key(struct compose *c, const char *key)
{
	if (c->n == COMPOSE_MAX)
		return ERR_LIMIT;
	if (c->n)
		c->member[c->n - 1].end = c->parts->n;
	c->member[c->n].key = key;
	c->member[c->n++].at = c->parts->n;
	return ERR_OK;
}

err_t compose_put(struct compose *c, struct buf *out)
{
	struct cbor_member members[COMPOSE_MAX];

	must(out != c->parts);
	if (c->n)
		c->member[c->n - 1].end = c->parts->n;
	for (size_t i = 0; i < c->n; i++) {
		size_t at = c->member[i].at;

		members[i].key = bytes_str(c->member[i].key);
		members[i].value = bytes_make(c->parts->p + at, c->member[i].end - at);
	}
	return cbor_put_members(out, members, c->n);
}

static err_t put_text(struct buf *out, struct bytes text)
{
	return text.n ? cbor_put_text(out, text) : ERR_SYNTAX;
}

static err_t put_uint(struct buf *out, struct bytes text)
{
	uint64_t v;
	err_t err;

	TRY(bytes_to_u64(text, UINT64_MAX, &v));
	TRY(cbor_put_uint(out, v));
out:
	return err;
}

/* Absolute, or relative in ms [TS-0004 6.3.3 m2m:absRelTimestamp]. */
static err_t put_time(struct buf *out, struct bytes text)
{
	bool relative = octets_are(text, OCTET_DIGIT);

	return relative ? put_uint(out, text) : put_text(out, text);
}

static err_t put_bool(struct buf *out, struct bytes text)
{
	bool yes = bytes_equal(text, BYTES("true")) || bytes_equal(text, BYTES("1"));
	bool no = bytes_equal(text, BYTES("false")) || bytes_equal(text, BYTES("0"));

	return yes || no ? cbor_put_bool(out, yes) : ERR_SYNTAX;
}

static err_t put_list(struct buf *out, struct bytes text)
{
	size_t n = 1;
	err_t err;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '+';
	if (n > HTTP_QUERY_MAX)
		return ERR_LIMIT;
	TRY(cbor_put_array(out, n));
	while (n--)
		TRY(put_text(out, bytes_cut(&text, '+')));
out:
	return err;
}

static err_t put_targets(struct buf *out, struct bytes text)
{
	size_t n = text.n > 0;
	err_t err;

	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == '&';
	if (n > HTTP_QUERY_MAX)
		return ERR_LIMIT;
	TRY(cbor_put_text(out, BYTES("nu")));
	TRY(cbor_put_array(out, n));
	while (n--)
		TRY(put_text(out, octets_trim(bytes_cut(&text, '&'))));
out:
	return err;
}

/* m2m:responseTypeInfo: the number from the query, the targets of notifications
 * from X-M2M-RTU [TS-0009 6.4.9]. "nu" sorts before "rtv". */
static err_t put_response_type(struct compose *c, struct bytes text)
{
	err_t err;

	TRY(cbor_put_map(c->parts, (text.n > 0) + c->notifies));
	if (c->notifies)
		TRY(put_targets(c->parts, c->notify));
	if (text.n) {
		TRY(cbor_put_text(c->parts, BYTES("rtv")));
		TRY(put_uint(c->parts, text));
	}
	c->notifies = false;
out:
	return err;
}

static err_t (*const put_kind[])(struct buf *, struct bytes) = {
	[PARAM_TEXT] = put_text, [PARAM_UINT] = put_uint, [PARAM_TIME] = put_time,
	[PARAM_BOOL] = put_bool, [PARAM_LIST] = put_list, [PARAM_MAP] = put_text,
	[PARAM_ANY] = put_text, [PARAM_SPAN] = put_time,
};

err_t compose_param(struct compose *c, enum param p, struct bytes text)
{
	const struct param_row *row = param_row(p);
	err_t err;

	TRY(compose_key(c, row->short_name));
	TRY(p == PARAM_RT ? put_response_type(c, text) : put_kind[row->kind](c->parts, text));
out:
	return err;
}
