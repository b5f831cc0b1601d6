/* value.c: is this value of the kind its row says? One function per kind.
 *
 * Strict: a number in a string is a string, and a kind that is not understood
 * is refused. What a value means is not judged here. */
#include "resource/engine.h"

#include "base/clock.h"
#include "primitive/id.h"

enum { VALUE_DEPTH_MAX = 32 };

static bool is_text(const struct cbor *v, size_t max)
{
	return v->kind == CBOR_TEXT && v->s.n <= max;
}

static bool is_uri(struct bytes s)
{
	return s.n > 0 && s.n <= URI_MAX && bytes_is_printable(s) &&
	       bytes_find(s, ' ') == s.n;
}

static bool ok_string(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, STRING_MAX);
}

static bool ok_uint(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT && (a->enum_max == 0 || v->u <= a->enum_max);
}

static bool ok_positive(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT && v->u > 0 && (a->enum_max == 0 || v->u <= a->enum_max);
}

static bool ok_bool(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_BOOL;
}

static bool ok_timestamp(const struct attribute *a, const struct cbor *v)
{
	int64_t ms;

	return v->kind == CBOR_TEXT && clock_parse(v->s, &ms) == ERR_OK;
}

static bool ok_uri(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_TEXT && is_uri(v->s);
}

static bool ok_id(const struct attribute *a, const struct cbor *v)
{
	enum id_form form = v->kind == CBOR_TEXT ? id_form(v->s) : ID_INVALID;

	return form != ID_INVALID && form != ID_ASSIGN;
}

static bool ok_name(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_TEXT && id_is_resource_name(v->s);
}

static bool ok_enum(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT && v->u >= 1 && v->u <= a->enum_max;
}

static bool ok_float(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_FLOAT || v->kind == CBOR_UINT || v->kind == CBOR_NINT;
}

/* A list whose items `item` accepts; item sees the row of the list. */
static bool list_ok(const struct attribute *a, const struct cbor *v,
                    bool (*item)(const struct attribute *, const struct cbor *))
{
	size_t max = a->enum_max ? a->enum_max : LIST_ITEMS_DEFAULT;
	struct bytes content = v->s;
	struct cbor one;

	if (v->kind != CBOR_ARRAY || v->u > max)
		return false;
	for (uint64_t i = 0; i < v->u; i++) {
		if (cbor_next(&content, &one) != ERR_OK || !item(a, &one))
			return false;
	}
	return true;
}

static bool item_string(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, STRING_MAX / 4) && v->s.n > 0;
}

static bool item_uint(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT;
}

static bool ok_list_string(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_string);
}

static bool ok_list_uri(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_uri);
}

static bool ok_list_id(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_id);
}

static bool ok_list_uint(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_uint);
}

static bool ok_acrs(const struct attribute *a, const struct cbor *v)
{
	return acrs_ok(v);
}

static bool part_is_digit(struct bytes part, uint8_t max)
{
	return part.n == 1 && part.p[0] >= '0' && part.p[0] <= max;
}

/* media type [":" encoding 0..2 [":" security 0..5]] [TS-0004 6.3.3]. */
static bool ok_content_info(const struct attribute *a, const struct cbor *v)
{
	struct bytes rest, media, encoding, type;

	if (!is_text(v, 128) || !bytes_is_printable(v->s) || bytes_ends(v->s, BYTES(":")))
		return false;
	rest = v->s;
	media = bytes_cut(&rest, ':');
	type = bytes_cut(&media, '/');
	if (type.n == 0 || media.n == 0 || bytes_find(media, '/') != media.n ||
	    bytes_find(v->s, ' ') != v->s.n)
		return false;
	if (rest.n == 0)
		return true;
	encoding = bytes_cut(&rest, ':');
	return part_is_digit(encoding, '2') && (rest.n == 0 || part_is_digit(rest, '5'));
}

/* Octet strings have no JSON form. `depth` is bounded by the codec already; the
 * bound here keeps that from being a condition of this room's safety. */
static bool has_json_form(const struct cbor *v, size_t depth)
{
	struct bytes content = v->s;
	struct cbor item;

	if (v->kind == CBOR_BYTES || depth == VALUE_DEPTH_MAX)
		return false;
	if (v->kind != CBOR_ARRAY && v->kind != CBOR_MAP)
		return true;
	/* A map is a sequence of keys and values. */
	while (content.n) {
		if (cbor_next(&content, &item) != ERR_OK || !has_json_form(&item, depth + 1))
			return false;
	}
	return true;
}

static bool ok_any(const struct attribute *a, const struct cbor *v)
{
	return v->kind != CBOR_NULL && has_json_form(v, 0);
}

static bool ok_map(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_MAP && v->raw.n <= STRING_MAX && ok_any(a, v);
}

bool value_ok(const struct attribute *a, const struct cbor *v)
{
	static bool (*const checks[])(const struct attribute *,
	                              const struct cbor *) = {
		[V_STRING] = ok_string, [V_UINT] = ok_uint, [V_POSITIVE] = ok_positive,
		[V_BOOL] = ok_bool, [V_TIMESTAMP] = ok_timestamp, [V_URI] = ok_uri,
		[V_ID] = ok_id, [V_LIST_STRING] = ok_list_string,
		[V_LIST_URI] = ok_list_uri, [V_LIST_ID] = ok_list_id,
		[V_LIST_UINT] = ok_list_uint, [V_ENUM] = ok_enum, [V_ACRS] = ok_acrs,
		[V_NAME] = ok_name, [V_CONTENT_INFO] = ok_content_info, [V_ANY] = ok_any,
		[V_MAP] = ok_map, [V_FLOAT] = ok_float,
	};

	must((size_t)a->kind < COUNT_OF(checks));
	return checks[a->kind](a, v);
}
