/* filter.c: filter criteria [TS-0004 6.3.5.8], one row a member. Members that
 * the standard has and this program not yet are known, so that the refusal says
 * "not implemented" and not "malformed". */
#include "base/clock.h"
#include "primitive/request.h"

#include <stddef.h>

enum { USAGE_LAST = 3, USAGE_SUPPORTED = 2, ACCESS_ALL = 63 };

struct row {
	struct bytes name;
	err_t (*read)(const struct row *row, const struct cbor *v, struct filter_criteria *f);
	size_t at, has_at; /* offsets into struct filter_criteria */
	unsigned last;     /* of an enumeration */
};

static err_t read_usage(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	if (v->kind != CBOR_UINT)
		return ERR_TYPE;
	if (v->u < 1 || v->u > USAGE_LAST)
		return ERR_RANGE;
	f->usage = (unsigned)v->u;
	return v->u <= USAGE_SUPPORTED ? ERR_OK : ERR_UNSUPPORTED;
}

static void *field(struct filter_criteria *f, size_t at)
{
	return (uint8_t *)f + at;
}

/* A number of an enumeration from 1 to row->last. */
static err_t read_enum(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	unsigned *out = field(f, row->at);

	if (v->kind != CBOR_UINT)
		return ERR_TYPE;
	if (v->u < 1 || v->u > row->last)
		return ERR_RANGE;
	*out = (unsigned)v->u;
	return ERR_OK;
}

static err_t read_stamp(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	int64_t *out = field(f, row->at);

	return v->kind == CBOR_TEXT ? clock_parse(v->s, out) : ERR_TYPE;
}

static err_t read_number(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	uint64_t *out = field(f, row->at);
	bool *has = field(f, row->has_at);

	if (v->kind != CBOR_UINT)
		return ERR_TYPE;
	*out = v->u;
	*has = true;
	return ERR_OK;
}

/* A list, or a single value in its place, of at most FILTER_LIST_MAX. */
static err_t list_next(const struct cbor *v, struct bytes *rest, struct cbor *item, bool *more)
{
	*more = rest->n > 0;
	if (!*more)
		return ERR_OK;
	if (v->kind == CBOR_ARRAY)
		return cbor_next(rest, item);
	*item = *v;
	*rest = BYTES_NONE;
	return ERR_OK;
}

static struct bytes list_content(const struct cbor *v)
{
	return v->kind == CBOR_ARRAY ? v->s : v->raw;
}

static err_t read_types(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	struct filter_values *values = field(f, row->at);
	struct bytes rest = list_content(v);
	struct cbor item;
	bool more;
	err_t err;

	for (;;) {
		TRY(list_next(v, &rest, &item, &more));
		if (!more)
			return ERR_OK;
		if (item.kind != CBOR_UINT)
			return ERR_TYPE;
		if (item.u > UINT32_MAX)
			return ERR_RANGE;
		if (values->types_n == FILTER_LIST_MAX)
			return ERR_LIMIT;
		values->types[values->types_n++] = (uint32_t)item.u;
	}
out:
	return err;
}

static err_t read_texts(const struct cbor *v, struct bytes out[FILTER_LIST_MAX], size_t *n)
{
	struct bytes rest = list_content(v);
	struct cbor item;
	bool more;
	err_t err;

	for (;;) {
		TRY(list_next(v, &rest, &item, &more));
		if (!more)
			return ERR_OK;
		if (item.kind != CBOR_TEXT)
			return ERR_TYPE;
		if (*n == FILTER_LIST_MAX)
			return ERR_LIMIT;
		out[(*n)++] = item.s;
	}
out:
	return err;
}

static err_t read_labels(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	struct filter_values *values = field(f, row->at);

	return read_texts(v, values->labels, &values->labels_n);
}

static err_t read_label_queries(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	return read_texts(v, f->label_queries, &f->label_queries_n);
}

static err_t read_content_types(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	return read_texts(v, f->content_types, &f->content_types_n);
}

/* Those that have a condition of their own are none here [TS-0004 7.3.3.17.9]. */
static bool has_condition(struct bytes name)
{
	static const struct bytes names[] = { BYTES("ct"), BYTES("lt"), BYTES("st"), BYTES("et"),
	                                      BYTES("lbl"), BYTES("ty"), BYTES("cs"), BYTES("cnf") };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (bytes_equal(name, names[i]))
			return true;
	}
	return false;
}

/* { nm: short name, val: value } */
static err_t read_attribute(const struct cbor *pair, struct filter_values *f)
{
	struct cbor name, value;
	bool named, valued;
	err_t err;

	if (pair->kind != CBOR_MAP)
		return ERR_TYPE;
	TRY(cbor_find(pair->raw, BYTES("nm"), &name, &named));
	TRY(cbor_find(pair->raw, BYTES("val"), &value, &valued));
	if (!named || !valued || pair->u != 2)
		return ERR_SYNTAX;
	if (name.kind != CBOR_TEXT || value.kind == CBOR_MAP || value.kind == CBOR_ARRAY)
		return ERR_TYPE;
	if (has_condition(name.s))
		return ERR_SYNTAX;
	if (f->attributes_n == FILTER_LIST_MAX)
		return ERR_LIMIT;
	f->attribute_names[f->attributes_n] = name.s;
	f->attributes[f->attributes_n++] = value;
out:
	return err;
}

static err_t read_attributes(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	struct bytes rest = list_content(v);
	struct cbor item;
	bool more;
	err_t err;

	for (;;) {
		TRY(list_next(v, &rest, &item, &more));
		if (!more)
			return ERR_OK;
		TRY(read_attribute(&item, field(f, row->at)));
	}
out:
	return err;
}

/* One relative path: names, behind ways up if there are any. */
static err_t read_path(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	struct bytes rest = v->s;
	bool up = true;

	if (v->kind != CBOR_TEXT)
		return ERR_TYPE;
	if (v->s.n == 0)
		return ERR_SYNTAX;
	while (rest.n > 0) {
		struct bytes part = bytes_cut(&rest, '/');

		up &= bytes_equal(part, BYTES(".."));
		if (part.n == 0 || (part.p[0] == '.' && !up))
			return ERR_SYNTAX;
	}
	f->arp = v->s;
	return ERR_OK;
}

/* A sum of access bits, or a list of such. */
static err_t read_rights(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	struct bytes rest = list_content(v);
	struct cbor item;
	bool more;
	err_t err;

	for (;;) {
		TRY(list_next(v, &rest, &item, &more));
		if (!more)
			break;
		if (item.kind != CBOR_UINT)
			return ERR_TYPE;
		if (item.u < 1 || item.u > ACCESS_ALL)
			return ERR_RANGE;
		f->operations |= item.u;
	}
	f->has_operations = f->operations != 0;
	err = f->has_operations ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

static err_t read_content_query(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	if (v->kind != CBOR_TEXT)
		return ERR_TYPE;
	f->content_query = v->s;
	return v->s.n ? ERR_OK : ERR_SYNTAX;
}

static err_t read_geometry(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	if (v->kind != CBOR_TEXT)
		return ERR_TYPE;
	f->geometry = v->s;
	return v->s.n ? ERR_OK : ERR_SYNTAX;
}

static err_t read_member(struct bytes key, const struct cbor *v, struct filter_criteria *f);

/* The three of a geo-query as one. */
static err_t read_geo(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	static const struct bytes names[] = { BYTES("gmty"), BYTES("geom"), BYTES("gsf") };
	struct cbor value;
	bool found;
	err_t err;

	if (v->kind != CBOR_MAP)
		return ERR_TYPE;
	if (v->u != COUNT_OF(names))
		return ERR_SYNTAX;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		TRY(cbor_find(v->raw, names[i], &value, &found));
		if (!found)
			return ERR_SYNTAX;
		TRY(read_member(names[i], &value, f));
	}
out:
	return err;
}

static err_t read_unsupported(const struct row *row, const struct cbor *v, struct filter_criteria *f)
{
	return ERR_UNSUPPORTED;
}

#define NAME(lit) { (const uint8_t *)("" lit), sizeof(lit) - 1 }
#define AT(field) offsetof(struct filter_criteria, field)
#define STAMP(lit, field) { NAME(lit), read_stamp, AT(field), 0, 0 }
#define NUMBER(lit, field) { NAME(lit), read_number, AT(field), AT(has_##field), 0 }
#define ENUM(lit, field, last) { NAME(lit), read_enum, AT(field), 0, last }
#define VALUES(lit, function, field) { NAME(lit), function, AT(field), 0, 0 }
#define OWN(lit, function) { NAME(lit), function, 0, 0, 0 }

static const struct row rows[] = {
	OWN("fu", read_usage), ENUM("fo", operation, FILTER_XOR),
	VALUES("ty", read_types, self), VALUES("chty", read_types, child),
	VALUES("pty", read_types, parent),
	VALUES("lbl", read_labels, self), VALUES("clbl", read_labels, child),
	VALUES("palb", read_labels, parent),
	VALUES("atr", read_attributes, self), VALUES("catr", read_attributes, child),
	VALUES("patr", read_attributes, parent),
	OWN("lbq", read_label_queries),
	STAMP("crb", created_before), STAMP("cra", created_after),
	STAMP("ms", modified_since), STAMP("us", unmodified_since),
	STAMP("exb", expire_before), STAMP("exa", expire_after),
	NUMBER("sza", size_above), NUMBER("szb", size_below),
	NUMBER("stb", state_above), NUMBER("sts", state_below),
	NUMBER("lim", limit), NUMBER("lvl", level), NUMBER("ofst", offset),
	OWN("arp", read_path), OWN("cty", read_content_types), OWN("ops", read_rights),
	OWN("gq", read_geo), ENUM("gmty", geometry_type, GEO_POLYGONS),
	ENUM("gsf", space, GEO_INTERSECTS), OWN("geom", read_geometry),
	ENUM("cfs", content_syntax, FILTER_JSON_PATH), OWN("cfq", read_content_query),
	OWN("smf", read_unsupported), /* SPARQL is not spoken */
};

static err_t read_member(struct bytes key, const struct cbor *v, struct filter_criteria *f)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (bytes_equal(rows[i].name, key))
			return rows[i].read(&rows[i], v, f);
	}
	return ERR_SYNTAX;
}

err_t filter_read(const struct request_primitive *r, struct filter_criteria *out)
{
	struct bytes content, key;
	struct cbor value;
	bool found;
	err_t err;

	*out = (struct filter_criteria){ .usage = 2, .operation = FILTER_AND };
	if (!r->has[PARAM_FC])
		return ERR_OK;
	content = r->value[PARAM_FC].s;
	for (;;) {
		TRY(cbor_pair(&content, &key, &value, &found));
		if (!found)
			break;
		TRY(read_member(key, &value, out));
	}
	/* Queries are whole or not there. */
	if (!out->content_syntax != !out->content_query.n)
		return ERR_SYNTAX;
	if (!out->geometry_type != !out->space || !out->space != !out->geometry.n)
		return ERR_SYNTAX;
out:
	return err;
}
