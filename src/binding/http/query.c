/* query.c: the query of a request target [TS-0009 6.2.2.2].
 *
 *   ?fu=1&ty=3+4&lbl=kitchen&ct=20260101T000000&rcn=6
 *
 * A pair is a parameter of params.def, a member of the filter criteria, the
 * attribute list of a partial retrieve (atrl), or else a filter on the
 * attribute of that short name; c. and p. before it mean child and parent.
 * '+' joins the values of a list and is never a blank; %2B is a plus. Numbers and
 * names hold neither: there an encoded plus or blank joins, too, as libraries that
 * encode everything write it. A name that takes one value may stand once; lists may
 * be spread over several pairs. */
#include "binding/http/compose.h"
#include "binding/http/fields.h"

enum row_kind { ROW_TEXT, ROW_UINT, ROW_TEXTS, ROW_UINTS, ROW_PAIRS };

/* Members of m2m:filterCriteria [TS-0004 6.3.5.8]. The last three gather the
 * filters on attributes. */
static const struct filter_row {
	const char *name;
	enum row_kind kind;
} filters[] = {
	{ "fu", ROW_UINT }, { "fo", ROW_UINT }, { "ty", ROW_UINTS },
	{ "lbl", ROW_TEXTS }, { "crb", ROW_TEXT }, { "cra", ROW_TEXT },
	{ "ms", ROW_TEXT }, { "us", ROW_TEXT }, { "exb", ROW_TEXT },
	{ "exa", ROW_TEXT }, { "sts", ROW_UINT }, { "stb", ROW_UINT },
	{ "sza", ROW_UINT }, { "szb", ROW_UINT }, { "lim", ROW_UINT },
	{ "lvl", ROW_UINT }, { "ofst", ROW_UINT }, { "arp", ROW_TEXT },
	{ "cty", ROW_TEXTS }, { "chty", ROW_UINTS }, { "pty", ROW_UINTS },
	{ "clbl", ROW_TEXTS }, { "palb", ROW_TEXTS }, { "lbq", ROW_TEXTS },
	{ "smf", ROW_TEXTS }, { "cfs", ROW_UINT }, { "cfq", ROW_TEXT },
	{ "gmty", ROW_UINT }, { "gsf", ROW_UINT }, { "geom", ROW_TEXT }, { "ops", ROW_UINTS },
	{ "atr", ROW_PAIRS }, { "catr", ROW_PAIRS }, { "patr", ROW_PAIRS },
};

enum { ROW_TY = 2, FILTERS = COUNT_OF(filters), ROW_ATR = FILTERS - 3, ROW_CATR, ROW_PATR,
       ROW_ATRL = FILTERS, ROW_PARAM };

struct pair {
	unsigned row; /* of filters, ROW_ATRL, ROW_PARAM + enum param */
	struct bytes name, value;
};

struct query {
	struct pair pair[HTTP_QUERY_MAX];
	size_t n;
	bool filter;
};

/* The row of a name; the prefix of an attribute's name is cut off. */
static unsigned row_of(struct bytes *name)
{
	for (unsigned i = 0; i < ROW_ATR; i++) {
		if (bytes_equal(*name, bytes_str(filters[i].name)))
			return i;
	}
	if (bytes_equal(*name, BYTES("rty"))) /* resourceType, as clients of Release 1 write it */
		return ROW_TY;
	if (bytes_equal(*name, BYTES("atrl")))
		return ROW_ATRL;
	for (unsigned p = 0; p < PARAM_COUNT; p++) {
		const char *query = param_row((enum param)p)->query;

		if (query && query[0] && bytes_equal(*name, bytes_str(query)))
			return ROW_PARAM + p;
	}
	if (bytes_starts(*name, BYTES("c.")) || bytes_starts(*name, BYTES("p."))) {
		bool child = name->p[0] == 'c';

		*name = bytes_sub(*name, 2, name->n);
		return child ? ROW_CATR : ROW_PATR;
	}
	return ROW_ATR;
}

/* Short names are letters and digits [TS-0004 8.2.1]. */
static bool is_short_name(struct bytes name)
{
	return name.n <= 32 && octets_are(name, OCTET_ALNUM);
}

static err_t split(struct bytes text, struct query *q)
{
	while (text.n) {
		struct bytes value = bytes_cut(&text, '&'), name;
		struct pair *pair = &q->pair[q->n];

		if (q->n++ == HTTP_QUERY_MAX)
			return ERR_LIMIT;
		if (bytes_find(value, '=') == value.n)
			return ERR_SYNTAX;
		name = bytes_cut(&value, '=');
		pair->row = row_of(&name);
		pair->name = name;
		pair->value = value;
		q->filter |= pair->row < ROW_ATRL;
		if (!is_short_name(name) || value.n == 0)
			return ERR_SYNTAX;
	}
	return ERR_OK;
}

/* Of which nothing but numbers, or short names, can be meant. */
static bool is_plain(unsigned row)
{
	return row == ROW_ATRL || (row < FILTERS && filters[row].kind == ROW_UINTS);
}

/* The value up to the next join; *more: one follows. */
static struct bytes cut_value(struct bytes *rest, unsigned row, bool *more)
{
	struct bytes value;
	size_t n = 0, skip = 1;

	for (; n < rest->n && rest->p[n] != '+'; n++) {
		struct bytes escape = bytes_sub(*rest, n, 3);

		if (is_plain(row) && (octets_equal_nocase(escape, BYTES("%2b")) || bytes_equal(escape, BYTES("%20")))) {
			skip = 3;
			break;
		}
	}
	*more = n < rest->n;
	value = bytes_sub(*rest, 0, n);
	*rest = bytes_sub(*rest, n + skip, rest->n);
	return value;
}

/* Values of one row: pieces between joins over all of its pairs. */
static size_t count_values(const struct query *q, unsigned row)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct bytes rest = q->pair[i].value;
		bool more = q->pair[i].row == row;

		for (; more; n++)
			(void)cut_value(&rest, row, &more);
	}
	return n;
}

static err_t put_value(struct bytes raw, bool number, struct buf *out)
{
	uint8_t room[HTTP_LINE_MAX];
	struct bytes text = BYTES_NONE;
	uint64_t v;
	err_t err;

	TRY(uri_decode(raw, room, sizeof(room), &text));
	if (text.n == 0)
		return ERR_SYNTAX;
	if (!number)
		return cbor_put_text(out, text);
	TRY(bytes_to_u64(text, UINT64_MAX, &v));
	TRY(cbor_put_uint(out, v));
out:
	return err;
}

static err_t put_attribute(const struct pair *pair, struct buf *out)
{
	err_t err;

	/* A list of values for one attribute is several filters to some readers
	 * and one to others. */
	if (bytes_find(pair->value, '+') != pair->value.n)
		return ERR_SYNTAX;
	TRY(cbor_put_map(out, 2));
	TRY(cbor_put_text(out, BYTES("nm")));
	TRY(cbor_put_text(out, pair->name));
	TRY(cbor_put_text(out, BYTES("val")));
	TRY(put_value(pair->value, false, out));
out:
	return err;
}

/* lbq=NT+color: a blank was meant, and would be read as two expressions, one of them the
 * contrary. */
static bool is_keyword(const struct pair *pair, struct bytes value)
{
	static const char *const words[] = { "NT", "EQ", "NE", "IN", "NI" };

	for (size_t i = 0; i < COUNT_OF(words) && bytes_equal(pair->name, BYTES("lbq")); i++) {
		if (bytes_equal(value, bytes_str(words[i])))
			return true;
	}
	return false;
}

static err_t put_values(const struct pair *pair, enum row_kind kind, struct buf *out)
{
	bool number = kind == ROW_UINT || kind == ROW_UINTS;
	struct bytes rest = pair->value;
	bool more = true;
	err_t err = ERR_OK;

	if (kind == ROW_PAIRS)
		return put_attribute(pair, out);
	/* "a+" is "a" and an empty value: put_value refuses it. */
	while (more) {
		struct bytes value = cut_value(&rest, pair->row, &more);

		TRY(kind == ROW_TEXTS && is_keyword(pair, value) ? ERR_SYNTAX : ERR_OK);
		TRY(put_value(value, number, out));
	}
out:
	return err;
}

/* All pairs of a row as one value. */
static err_t put_row(const struct query *q, unsigned row, enum row_kind kind, struct buf *out)
{
	size_t n = count_values(q, row);
	bool list = kind != ROW_TEXT && kind != ROW_UINT;
	err_t err = ERR_OK;

	if (!list && n != 1)
		return ERR_SYNTAX;
	if (n > HTTP_QUERY_MAX)
		return ERR_LIMIT;
	if (list)
		TRY(cbor_put_array(out, n));
	for (size_t i = 0; i < q->n; i++) {
		if (q->pair[i].row == row)
			TRY(put_values(&q->pair[i], kind, out));
	}
out:
	return err;
}

static err_t put_filter(const struct query *q, struct compose *c, struct buf *inner)
{
	struct compose fc = compose_in(inner);
	err_t err;

	buf_clear(inner);
	for (unsigned row = 0; row < FILTERS; row++) {
		if (count_values(q, row) == 0)
			continue;
		TRY(compose_key(&fc, filters[row].name));
		TRY(put_row(q, row, filters[row].kind, inner));
	}
	TRY(compose_key(c, param_row(PARAM_FC)->short_name));
	TRY(compose_put(&fc, c->parts));
out:
	return err;
}

static err_t put_params(const struct query *q, struct compose *c)
{
	uint8_t room[HTTP_LINE_MAX];
	struct bytes text = BYTES_NONE;
	err_t err = ERR_OK;

	for (size_t i = 0; i < q->n; i++) {
		unsigned row = q->pair[i].row;
		enum param p = (enum param)(row - ROW_PARAM);

		if (row < ROW_PARAM)
			continue;
		/* compose_put refuses a parameter that stands twice. In a list the
		 * joining '+' must be seen before %2B becomes one. */
		if (param_row(p)->kind == PARAM_LIST) {
			TRY(compose_key(c, param_row(p)->short_name));
			TRY(put_row(q, row, ROW_TEXTS, c->parts));
			continue;
		}
		TRY(uri_decode(q->pair[i].value, room, sizeof(room), &text));
		TRY(compose_param(c, p, text));
	}
out:
	return err;
}

/* A partial retrieve: the names of the attributes wanted are the content. */
static err_t put_attribute_list(const struct query *q, struct compose *c)
{
	err_t err;

	TRY(compose_key(c, param_row(PARAM_PC)->short_name));
	TRY(cbor_put_map(c->parts, 1));
	TRY(cbor_put_text(c->parts, BYTES("m2m:atrl")));
	TRY(put_row(q, ROW_ATRL, ROW_TEXTS, c->parts));
out:
	return err;
}

err_t query_read(struct bytes query, struct compose *c, struct buf *inner,
                 enum http_method method)
{
	struct query q;
	err_t err;

	q.n = 0;
	q.filter = false;
	TRY(split(query, &q));
	TRY(put_params(&q, c));
	if (q.filter)
		TRY(put_filter(&q, c, inner));
	if (count_values(&q, ROW_ATRL)) {
		if (method != HTTP_GET)
			return ERR_SYNTAX;
		TRY(put_attribute_list(&q, c));
	}
out:
	return err;
}
