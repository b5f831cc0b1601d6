/* request.c: the request primitive, checked parameter by parameter. */
#include "base/clock.h"
#include "primitive/release.h"
#include "primitive/request.h"

enum {
	ID_MAX = 512,      /* octets of From, Request Identifier and their like */
	TO_MAX = 4096,
	RCN_LAST = 100,
	YEARS_10 = 10, DAY_S = 86400,
};

static const int64_t relative_max = (int64_t)YEARS_10 * 366 * DAY_S * 1000;

/* A request's CBOR: content of 1 MiB, whose floats may be longer than as JSON,
 * and the parameters around it. */
static const struct codec_limits primitive_limits = {
	.octets = 4 << 20, .depth = 20, .members = 4096, .items = 1 << 17, .string = 1 << 20,
};

/* --- kinds: what a value of a parameter looks like ------------------------------ */

static err_t kind_list(const struct cbor *v)
{
	struct bytes rest = v->s;

	if (v->kind != CBOR_ARRAY)
		return ERR_TYPE;
	for (uint64_t i = 0; i < v->u; i++) {
		struct cbor item;
		err_t err = cbor_next(&rest, &item);

		if (err != ERR_OK)
			return err;
		if (item.kind != CBOR_TEXT)
			return ERR_TYPE;
	}
	return ERR_OK;
}

/* m2m:absRelTimestamp: digits alone are milliseconds, whether a serialisation made them
 * a number or left them a text [TS-0004 6.3.3]. The value as sent stays in raw. */
static struct cbor as_time(struct cbor v)
{
	uint64_t ms;

	if (v.kind == CBOR_TEXT && bytes_to_u64(v.s, UINT64_MAX, &ms) == ERR_OK) {
		v.kind = CBOR_UINT;
		v.u = ms;
	}
	return v;
}

/* Absolute as text, relative in ms as a number: of as_time. */
static err_t kind_time(const struct cbor *v)
{
	int64_t ms;

	if (v->kind == CBOR_UINT)
		return v->u <= (uint64_t)relative_max ? ERR_OK : ERR_RANGE;
	return v->kind == CBOR_TEXT ? clock_parse(v->s, &ms) : ERR_TYPE;
}

/* A time, or a duration: xs:duration, or ms as a number. */
static err_t kind_span(const struct cbor *v)
{
	int64_t ms;

	if (v->kind == CBOR_TEXT && bytes_starts(v->s, BYTES("P")))
		return clock_duration(v->s, &ms);
	return kind_time(v);
}

static err_t kind_of(const struct cbor *v, enum cbor_kind wanted)
{
	return v->kind == wanted ? ERR_OK : ERR_TYPE;
}

static err_t kind_check(enum param_kind kind, const struct cbor *v)
{
	static const enum cbor_kind plain[] = {
		[PARAM_TEXT] = CBOR_TEXT, [PARAM_UINT] = CBOR_UINT,
		[PARAM_BOOL] = CBOR_BOOL, [PARAM_MAP] = CBOR_MAP,
	};

	if (kind == PARAM_ANY)
		return ERR_OK;
	if (kind == PARAM_TIME)
		return kind_time(v);
	if (kind == PARAM_SPAN)
		return kind_span(v);
	if (kind == PARAM_LIST)
		return kind_list(v);
	return kind_of(v, plain[kind]);
}

/* --- the decoded ones ------------------------------------------------------------ */

static err_t small_text(const struct cbor *v, size_t max, struct bytes *out)
{
	if (v->s.n == 0 || v->s.n > max)
		return ERR_RANGE;
	*out = v->s;
	return ERR_OK;
}

static err_t small_uint(const struct cbor *v, uint64_t first, uint64_t last, unsigned *out)
{
	if (v->u < first || v->u > last)
		return ERR_RANGE;
	*out = (unsigned)v->u;
	return ERR_OK;
}

/* rt: { rtv: number, nu: list }; targets alone change nothing of the default. */
static err_t read_response_type(const struct cbor *v, unsigned *out)
{
	struct cbor type, nu;
	bool found;
	err_t err;

	*out = RT_BLOCKING;
	TRY(cbor_find(v->raw, BYTES("nu"), &nu, &found));
	TRY(!found || nu.kind == CBOR_ARRAY ? ERR_OK : ERR_TYPE);
	for (uint64_t i = 0; found && i < nu.u; i++) {
		TRY(cbor_next(&nu.s, &type));
		TRY(type.kind == CBOR_TEXT && type.s.n && bytes_find(type.s, ' ') == type.s.n ? ERR_OK : ERR_SYNTAX);
	}
	TRY(cbor_find(v->raw, BYTES("rtv"), &type, &found));
	if (!found)
		return ERR_OK;
	if (type.kind != CBOR_UINT)
		return ERR_TYPE;
	err = small_uint(&type, 1, 5, out);
out:
	return err;
}

/* eventCat [TS-0004 6.3.4.2]: the standard's own, or one by policy. */
static err_t read_category(const struct cbor *v)
{
	return (v->u >= 1 && v->u <= 4) || (v->u >= 100 && v->u <= 999) ? ERR_OK : ERR_RANGE;
}

static err_t read_span(const struct cbor *v, struct request_primitive *r)
{
	if (v->kind == CBOR_TEXT && !bytes_starts(v->s, BYTES("P")))
		return clock_parse(v->s, &r->persists);
	if (v->kind == CBOR_TEXT)
		return clock_duration(v->s, &r->persistence);
	r->persistence = (int64_t)v->u;
	return ERR_OK;
}

/* Absolute, or relative to now. */
static err_t read_time(const struct cbor *v, int64_t now, int64_t *out)
{
	if (v->kind == CBOR_TEXT)
		return clock_parse(v->s, out);
	*out = now + (int64_t)v->u;
	return ERR_OK;
}

/* The Originating Timestamp is a moment, never relative. */
static err_t read_originated(const struct cbor *v, int64_t *out)
{
	return v->kind == CBOR_TEXT ? clock_parse(v->s, out) : ERR_TYPE;
}

static err_t decode(struct request_primitive *r, enum param p, int64_t now)
{
	const struct cbor *v = &r->value[p];

	switch (p) {
	case PARAM_OP:
		return small_uint(v, OPERATION_CREATE, OPERATION_NOTIFY, &r->operation);
	case PARAM_TO:
		return small_text(v, TO_MAX, &r->to);
	case PARAM_FR:
		return small_text(v, ID_MAX, &r->from);
	case PARAM_RQI:
		return small_text(v, ID_MAX, &r->rqi);
	case PARAM_RVI:
		return small_text(v, ID_MAX, &r->rvi);
	case PARAM_TY:
		r->type = (uint32_t)v->u;
		return v->u <= UINT32_MAX ? ERR_OK : ERR_RANGE;
	case PARAM_PC:
		r->has_content = true;
		r->content = v->raw;
		return ERR_OK;
	case PARAM_RT:
		return read_response_type(v, &r->response_type);
	case PARAM_RCN:
		return small_uint(v, 0, RCN_LAST, &r->result_content);
	case PARAM_DRT:
		return small_uint(v, 1, 2, &r->result_id_type);
	case PARAM_OT:
		return read_originated(v, &r->originated);
	case PARAM_RQET:
		return read_time(v, now, &r->expires);
	case PARAM_RSET:
		return read_time(v, now, &r->result_expires);
	case PARAM_OET:
		return read_time(v, now, &r->executes);
	case PARAM_RP:
		return read_span(v, r);
	case PARAM_EC:
		return read_category(v);
	default:
		return ERR_OK;
	}
}

/* One member of the map into *r. */
static err_t read_member(struct request_primitive *r, struct bytes key,
                         const struct cbor *value, int64_t now)
{
	enum param p;
	const struct param_row *row = param_named(key, &p);
	err_t err;

	if (!row || !(row->where & PARAM_REQ))
		return ERR_UNSUPPORTED;
	r->value[p] = row->kind == PARAM_TIME || row->kind == PARAM_SPAN ? as_time(*value) : *value;
	TRY(kind_check(row->kind, &r->value[p]));
	TRY(decode(r, p, now));
	r->has[p] = true;
out:
	return err;
}

/* So that an answer can be made to what is not canonical: the three texts,
 * where they can be seen. */
static void salvage(struct bytes cbor, struct request_primitive *r)
{
	const struct {
		struct bytes key;
		struct bytes *out;
	} wanted[] = { { BYTES("rqi"), &r->rqi }, { BYTES("fr"), &r->from }, { BYTES("rvi"), &r->rvi } };

	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		struct cbor v;
		bool found;

		if (cbor_find(cbor, wanted[i].key, &v, &found) == ERR_OK && found &&
		    v.kind == CBOR_TEXT && v.s.n <= ID_MAX && bytes_is_utf8(v.s))
			*wanted[i].out = v.s;
	}
}

err_t request_read(struct bytes cbor, int64_t now, struct request_primitive *out)
{
	struct bytes content, key;
	struct cbor value;
	uint64_t pairs;
	bool found;
	err_t err, first = ERR_OK;

	bytes_zero(out->has, sizeof(out->has));
	out->raw = cbor;
	out->operation = out->type = out->response_type = 0;
	out->to = out->from = out->rqi = out->rvi = out->content = BYTES_NONE;
	out->has_content = false;
	out->result_content = PRIMITIVE_DEFAULT_RCN;
	out->result_id_type = 1;
	out->release = 0;
	out->originated = out->expires = out->result_expires = out->executes = 0;
	out->persists = out->persistence = 0;
	out->unread = NULL;
	err = cbor_check(cbor, &primitive_limits);
	if (err != ERR_OK) {
		salvage(cbor, out);
		return err;
	}
	/* It is one whole item: that was checked. */
	TRY(cbor_map(cbor, &content, &pairs));
	while (pairs-- > 0) {
		TRY(cbor_pair(&content, &key, &value, &found));
		/* Go on after the first fault: the rest may name the request. */
		err = found ? read_member(out, key, &value, now) : ERR_SYNTAX;
		if (err != ERR_OK && first == ERR_OK) {
			enum param p;
			const struct param_row *row = param_named(key, &p);

			out->unread = row ? row->short_name : NULL;
			first = err;
		}
	}
	out->release = release_number(out->rvi);
	err = first;
out:
	return err;
}
