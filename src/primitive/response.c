/* response.c: the response primitive. */
#include "base/clock.h"
#include "primitive/request.h"
#include "primitive/status.h"

static err_t put_pair(struct buf *out, const char *key, struct bytes text)
{
	err_t err = ERR_OK;

	if (text.n == 0)
		return ERR_OK;
	TRY(cbor_put_text(out, bytes_str(key)));
	err = cbor_put_text(out, text);
out:
	return err;
}

static err_t put_number(struct buf *out, const char *key, uint64_t n)
{
	err_t err;

	TRY(cbor_put_text(out, bytes_str(key)));
	err = cbor_put_uint(out, n);
out:
	return err;
}

static err_t put_content(struct buf *out, struct bytes encoded)
{
	err_t err = ERR_OK;

	if (encoded.n == 0)
		return ERR_OK;
	TRY(cbor_put_text(out, BYTES("pc")));
	err = buf_add(out, encoded);
out:
	return err;
}

/* In canonical order: shorter keys first, then by octets. */
static err_t put_members(const struct response_primitive *r, struct buf *out)
{
	char stamp[CLOCK_STAMP_LENGTH + 1] = "", until[CLOCK_STAMP_LENGTH + 1] = "";
	err_t err;

	if (r->originated)
		clock_stamp(r->originated, stamp);
	if (r->result_expires)
		clock_stamp(r->result_expires, until);
	TRY(put_pair(out, "fr", r->from));
	TRY(put_pair(out, "ot", bytes_str(stamp)));
	TRY(put_content(out, r->content));
	TRY(put_pair(out, "to", r->to));
	TRY(put_pair(out, "rqi", r->rqi));
	TRY(put_number(out, "rsc", r->status));
	TRY(put_pair(out, "rvi", r->rvi));
	TRY(put_pair(out, "vsi", r->vendor));
	if (r->content_status) {
		TRY(put_number(out, "cnot", r->content_offset));
		TRY(put_number(out, "cnst", r->content_status));
	}
	TRY(put_pair(out, "rset", bytes_str(until)));
out:
	return err;
}

err_t response_write(const struct response_primitive *r, struct buf *out)
{
	size_t start = out->n, n = 1;
	err_t err;

	n += (r->from.n > 0) + (r->originated != 0) + (r->content.n > 0) + (r->to.n > 0);
	n += (r->rqi.n > 0) + (r->rvi.n > 0) + (r->vendor.n > 0) + (r->content_status ? 2 : 0) + (r->result_expires != 0);
	TRY(cbor_put_map(out, n));
	TRY(put_members(r, out));
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}

static err_t take_text(const struct cbor *v, struct bytes *out)
{
	*out = v->s;
	return v->kind == CBOR_TEXT ? ERR_OK : ERR_TYPE;
}

static err_t take_number(const struct cbor *v, uint64_t max, uint64_t *out)
{
	if (v->kind != CBOR_UINT)
		return ERR_TYPE;
	*out = v->u;
	return v->u <= max ? ERR_OK : ERR_RANGE;
}

static err_t take_small(const struct cbor *v, unsigned *out)
{
	uint64_t n = 0;
	err_t err = take_number(v, UINT16_MAX, &n);

	*out = (unsigned)n;
	return err;
}

static err_t take_stamp(const struct cbor *v, int64_t *out)
{
	return v->kind == CBOR_TEXT ? clock_parse(v->s, out) : ERR_TYPE;
}

static err_t take_member(struct response_primitive *r, enum param p, const struct cbor *v)
{
	switch (p) {
	case PARAM_RSC:
		return take_small(v, &r->status);
	case PARAM_RQI:
		return take_text(v, &r->rqi);
	case PARAM_TO:
		return take_text(v, &r->to);
	case PARAM_FR:
		return take_text(v, &r->from);
	case PARAM_RVI:
		return take_text(v, &r->rvi);
	case PARAM_VSI:
		return take_text(v, &r->vendor);
	case PARAM_PC:
		r->content = v->raw;
		return ERR_OK;
	case PARAM_OT:
		return take_stamp(v, &r->originated);
	case PARAM_RSET:
		return take_stamp(v, &r->result_expires);
	case PARAM_CNST:
		return take_small(v, &r->content_status);
	case PARAM_CNOT:
		return take_number(v, UINT64_MAX, &r->content_offset);
	default:
		return ERR_OK;
	}
}

err_t response_read(struct bytes cbor, struct response_primitive *out)
{
	struct bytes content, key;
	struct cbor value;
	uint64_t pairs;
	bool found;
	err_t err;

	*out = (struct response_primitive){ 0 };
	TRY(cbor_map(cbor, &content, &pairs));
	for (uint64_t i = 0; i < pairs; i++) {
		const struct param_row *row;
		enum param p;

		TRY(cbor_pair(&content, &key, &value, &found));
		if (!found)
			return ERR_SYNTAX;
		row = param_named(key, &p);
		if (!row || !(row->where & PARAM_RSP))
			return ERR_UNSUPPORTED;
		TRY(take_member(out, p, &value));
	}
	if (content.n)
		return ERR_SYNTAX;
	err = out->status ? ERR_OK : ERR_MISSING;
out:
	return err;
}
