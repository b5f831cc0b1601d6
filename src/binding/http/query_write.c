/* query_write.c: the parameters and filter criteria of a primitive as the query
 * of a request target; what query.c reads. */
#include "binding/http/compose.h"
#include "binding/http/fields.h"

struct writer {
	struct buf *out;
	bool begun;
};

static err_t write_name(struct writer *w, const char *prefix, struct bytes name)
{
	err_t err;

	if (name.n > 32 || !octets_are(name, OCTET_ALNUM))
		return ERR_SYNTAX;
	TRY(buf_add_byte(w->out, w->begun ? '&' : '?'));
	w->begun = true;
	TRY(buf_add(w->out, bytes_str(prefix)));
	TRY(buf_add(w->out, name));
	TRY(buf_add_byte(w->out, '='));
out:
	return err;
}

static err_t write_value(struct writer *w, const struct cbor *v)
{
	static const char *const words[] = { "false", "true" };

	if (v->kind == CBOR_UINT)
		return buf_add_u64(w->out, v->u);
	if (v->kind == CBOR_BOOL)
		return buf_add(w->out, bytes_str(words[v->u != 0]));
	return v->kind == CBOR_TEXT && v->s.n ? uri_encode(v->s, false, w->out) : ERR_TYPE;
}

static err_t write_list(struct writer *w, struct bytes items)
{
	struct cbor item;
	bool first = true;
	err_t err = items.n ? ERR_OK : ERR_SYNTAX;

	for (; items.n; first = false) {
		TRY(cbor_next(&items, &item));
		if (!first)
			TRY(buf_add_byte(w->out, '+'));
		TRY(write_value(w, &item));
	}
out:
	return err;
}

/* atr: a list of { nm, val } -> one pair each. */
static err_t write_attributes(struct writer *w, const char *prefix, struct bytes items)
{
	err_t err = ERR_OK;

	while (items.n) {
		struct cbor item, name, value;
		bool has_name, has_value;

		TRY(cbor_next(&items, &item));
		TRY(cbor_find(item.raw, BYTES("nm"), &name, &has_name));
		TRY(cbor_find(item.raw, BYTES("val"), &value, &has_value));
		if (!has_name || !has_value || name.kind != CBOR_TEXT)
			return ERR_TYPE;
		TRY(write_name(w, prefix, name.s));
		TRY(write_value(w, &value));
	}
out:
	return err;
}

static err_t write_member(struct writer *w, struct bytes key, const struct cbor *v)
{
	static const struct { const char *name, *prefix; } attributes[] = {
		{ "atr", "" }, { "catr", "c." }, { "patr", "p." },
	};
	err_t err;

	for (size_t i = 0; i < COUNT_OF(attributes); i++) {
		if (bytes_equal(key, bytes_str(attributes[i].name)))
			return v->kind == CBOR_ARRAY ?
				       write_attributes(w, attributes[i].prefix, v->s) :
				       ERR_TYPE;
	}
	TRY(write_name(w, "", key));
	if (v->kind == CBOR_ARRAY)
		TRY(write_list(w, v->s));
	else
		TRY(write_value(w, v));
out:
	return err;
}

static err_t write_filter(struct writer *w, struct bytes content)
{
	struct bytes key;
	struct cbor v;
	bool found = true;
	err_t err;

	for (;;) {
		TRY(cbor_pair(&content, &key, &v, &found));
		if (!found)
			return ERR_OK;
		TRY(write_member(w, key, &v));
	}
out:
	return err;
}

static err_t write_param(struct writer *w, enum param p, const struct cbor *v)
{
	struct cbor inner;
	bool found = false;
	err_t err;

	if (p == PARAM_FC)
		return v->kind == CBOR_MAP ? write_filter(w, v->s) : ERR_TYPE;
	if (p != PARAM_RT)
		return write_member(w, bytes_str(param_row(p)->query), v);
	TRY(cbor_find(v->raw, BYTES("rtv"), &inner, &found));
	if (found)
		TRY(write_member(w, BYTES("rt"), &inner));
out:
	return err;
}

bool query_attributes(struct bytes primitive, struct cbor *list)
{
	struct cbor op, content;
	bool found = false;

	return cbor_find(primitive, BYTES("op"), &op, &found) == ERR_OK && found && op.kind == CBOR_UINT &&
	       op.u == OPERATION_RETRIEVE && cbor_find(primitive, BYTES("pc"), &content, &found) == ERR_OK && found &&
	       content.kind == CBOR_MAP && content.u == 1 &&
	       cbor_find(content.raw, BYTES("m2m:atrl"), list, &found) == ERR_OK && found &&
	       list->kind == CBOR_ARRAY && list->u > 0;
}

err_t query_write(struct bytes primitive, struct buf *out)
{
	struct writer w = { .out = out };
	struct cbor names;
	err_t err = ERR_OK;

	for (unsigned p = 0; p < PARAM_COUNT; p++) {
		const struct param_row *row = param_row((enum param)p);
		struct cbor v;
		bool found;

		if (p != PARAM_FC && !(row->query && row->query[0]))
			continue;
		TRY(cbor_find(primitive, bytes_str(row->short_name), &v, &found));
		if (found)
			TRY(write_param(&w, (enum param)p, &v));
	}
	if (query_attributes(primitive, &names))
		err = write_member(&w, BYTES("atrl"), &names);
out:
	return err;
}
