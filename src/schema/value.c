/* value.c: is this value of the kind its row says? One function per kind.
 *
 * Strict: a number in a string is a string, and a kind that is not understood
 * is refused. What a value means is not judged here. */
#include "schema/inner.h"

#include "base/clock.h"
#include "primitive/context.h"
#include "primitive/id.h"

#include <arpa/inet.h>

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

static size_t characters(struct bytes utf8)
{
	size_t n = 0;

	for (size_t i = 0; i < utf8.n; i++)
		n += (utf8.p[i] & 0xc0) != 0x80;
	return n;
}

static bool ok_string(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, STRING_MAX) && (a->enum_max == 0 || characters(v->s) <= a->enum_max);
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
	bool counted = a->kind != V_LIST_ENUM && a->kind != V_LIST_NUMBER_OF && a->kind != V_LIST_TEXT_OF;
	size_t bound = a->kind == V_STRUCTS ? a->enum_max >> 16 : counted ? a->enum_max : 0;
	size_t max = bound ? bound : LIST_ITEMS_DEFAULT;
	struct bytes content = v->s;
	struct cbor one;

	if (v->kind != CBOR_ARRAY || v->u > max || (a->flags & F_FILLED && v->u == 0))
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

static bool item_enum(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT && v->u >= 1 && (a->enum_max == 0 || v->u <= a->enum_max);
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

static bool ok_list_enum(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_enum);
}

static bool ok_int(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT || v->kind == CBOR_NINT;
}

static bool ok_enum0(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT && v->u <= a->enum_max;
}

static bool item_float(const struct attribute *a, const struct cbor *v)
{
	return ok_float(a, v);
}

static bool ok_list_float(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_float);
}

static double number_of(const struct cbor *v)
{
	return v->kind == CBOR_FLOAT ? v->f : v->kind == CBOR_UINT ? (double)v->u : -1.0 - (double)v->u;
}

/* Latitude, longitude, radius in metres [TS-0004 6.3.5.28]. */
static bool ok_circle(const struct attribute *a, const struct cbor *v)
{
	static const struct { double from, to; } limits[] = { { -90, 90 }, { -180, 180 }, { 0, 1e9 } };
	struct bytes content = v->s;
	struct cbor one;

	if (v->kind != CBOR_ARRAY || v->u != COUNT_OF(limits))
		return false;
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		if (cbor_next(&content, &one) != ERR_OK || !ok_float(a, &one) ||
		    !(number_of(&one) >= limits[i].from && number_of(&one) <= limits[i].to))
			return false;
	}
	return true;
}

/* Milliseconds, or -1 for no end. */
static bool item_limit(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT || (v->kind == CBOR_NINT && number_of(v) == -1.0);
}

static bool ok_min_max(const struct attribute *a, const struct cbor *v)
{
	return v->u == 2 && list_ok(a, v, item_limit);
}

static bool ok_number_of(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_UINT && schema_simple_number(a->enum_max, v->u);
}

static bool ok_list_number_of(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_number_of);
}

static bool ok_text_of(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, STRING_MAX) && schema_simple_text(a->enum_max, v->s);
}

static bool ok_list_text_of(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_text_of);
}

static bool ok_list_bool(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_bool);
}

/* m2m:absRelTimestamp: a time, or milliseconds from now as text or number. */
static bool ok_stamp(const struct attribute *a, const struct cbor *v)
{
	uint64_t ms;

	if (v->kind == CBOR_UINT)
		return true;
	return ok_timestamp(a, v) ||
	       (v->kind == CBOR_TEXT && bytes_to_u64(v->s, INT64_MAX, &ms) == ERR_OK);
}

static bool ok_duration(const struct attribute *a, const struct cbor *v)
{
	int64_t ms;

	return v->kind == CBOR_TEXT && clock_duration(v->s, &ms) == ERR_OK;
}

static bool ok_list_duration(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_duration);
}

static bool is_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

bool schema_is_base64(struct bytes s)
{
	size_t pad = 0;

	if (s.n % 4 != 0)
		return false;
	while (pad < 2 && pad < s.n && s.p[s.n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < s.n - pad; i++) {
		if (!is_base64(s.p[i]))
			return false;
	}
	return true;
}

static bool ok_base64(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, DOCUMENT_MAX) && schema_is_base64(v->s);
}

/* xs:anySimpleType: text, number or truth. */
static bool ok_scalar(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_TEXT || v->kind == CBOR_BOOL || ok_float(a, v);
}

static bool is_made_of(struct bytes s, bool upper, bool underscore)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		      (upper && c >= 'A' && c <= 'Z') || (underscore && c == '_')))
			return false;
	}
	return s.n > 0;
}

/* roleID, tokenID: name@fqdn, the name of letters, digits, '.', '_' and '-', the domain
 * in lower case [TS-0004 6.3.3]. */
static bool ok_named(const struct attribute *a, const struct cbor *v)
{
	struct bytes domain = v->s, name;

	if (!is_text(v, 256))
		return false;
	name = bytes_cut(&domain, '@');
	return is_made_of(name, true, true) && is_made_of(domain, false, false);
}

static bool ok_list_named(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_named);
}

/* Read as it will be read when it counts [TS-0004 7.4.9.1]. */
static bool ok_schedule(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, 256) && schedule_holds(v->s, 0) != VERDICT_MALFORMED;
}

static bool ok_schedules(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_schedule);
}

static bool item_country(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_TEXT && v->s.n == 2 && v->s.p[0] >= 'A' && v->s.p[0] <= 'Z' &&
	       v->s.p[1] >= 'A' && v->s.p[1] <= 'Z';
}

static bool ok_countries(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_country);
}

/* Media types of contents, or the form alone, as releases before them say [TS-0004 6.7]. */
static bool item_serialization(const struct attribute *a, const struct cbor *v)
{
	static const char *const forms[] = { "json", "xml", "cbor" };
	static const char *const kinds[] = { "", "application/", "application/vnd.onem2m-res+",
		                             "application/vnd.onem2m-ntfy+", "application/vnd.onem2m-preq+",
		                             "application/vnd.onem2m-prsp+" };

	for (size_t i = 0; v->kind == CBOR_TEXT && i < COUNT_OF(kinds) * COUNT_OF(forms); i++) {
		struct bytes kind = bytes_str(kinds[i / COUNT_OF(forms)]);

		if (bytes_starts(v->s, kind) &&
		    bytes_equal(bytes_sub(v->s, kind.n, v->s.n), bytes_str(forms[i % COUNT_OF(forms)])))
			return true;
	}
	return false;
}

static bool ok_serializations(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_serialization);
}

static bool is_address(const struct cbor *v, int family)
{
	uint8_t octets[16];
	char text[64];

	return v->kind == CBOR_TEXT && bytes_put_str(text, sizeof(text), v->s) == ERR_OK &&
	       inet_pton(family, text, octets) == 1;
}

static bool ok_ipv4(const struct attribute *a, const struct cbor *v)
{
	return is_address(v, AF_INET);
}

static bool ok_ipv6(const struct attribute *a, const struct cbor *v)
{
	return is_address(v, AF_INET6);
}

/* In a rule: an address, or a network "10.0.0.0/8" [TS-0004 6.3.3, 6.3.5.27]. */
static bool item_network4(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_TEXT && network_holds(v->s, 4, BYTES_NONE) != VERDICT_MALFORMED;
}

static bool item_network6(const struct attribute *a, const struct cbor *v)
{
	return v->kind == CBOR_TEXT && network_holds(v->s, 16, BYTES_NONE) != VERDICT_MALFORMED;
}

static bool ok_list_ipv4(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_network4);
}

static bool ok_list_ipv6(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_network6);
}

/* What may stand in accessControlOriginators: identifiers, patterns, roles. */
static bool item_originator(const struct attribute *a, const struct cbor *v)
{
	return is_text(v, 256) && v->s.n > 0 && bytes_is_printable(v->s) &&
	       bytes_find(v->s, ' ') == v->s.n;
}

static bool ok_originators(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, item_originator);
}

/* m2m:specializationType: the management definition's number or the container
 * definition's URI, bare or as the member of its choice. */
static bool ok_specialization(const struct attribute *a, const struct cbor *v)
{
	static const struct attribute choice = { "spty", "specializationType", V_STRUCT, OPT, OPT,
		                                 NP, 0, C_specializationType };

	return item_originator(a, v) || (v->kind == CBOR_UINT && v->u <= UINT32_MAX) ||
	       value_ok(&choice, v);
}

static bool member_ok(const struct complex *c, struct bytes key, const struct cbor *v, uint64_t *seen)
{
	const struct attribute *m = complex_member(c, key);

	if (!m)
		return (c->flags & X_OPEN) != 0;
	*seen |= UINT64_C(1) << (m - c->members);
	return value_ok(m, v);
}

/* A map of known members only, with all the mandatory ones. */
static bool struct_ok(const struct complex *c, const struct cbor *v)
{
	struct bytes content = v->s, key;
	struct cbor value;
	uint64_t seen = 0;
	bool found;

	if (v->kind != CBOR_MAP || (v->u == 0 && !(c->flags & X_EMPTY)) ||
	    (c->flags & X_ONE && v->u != 1))
		return false;
	while (cbor_pair(&content, &key, &value, &found) == ERR_OK && found) {
		if (!member_ok(c, key, &value, &seen))
			return false;
	}
	for (size_t i = 0; i < c->members_n; i++) {
		if (c->members[i].create == MAN && !(seen >> i & 1))
			return false;
	}
	return content.n == 0;
}

static bool ok_struct(const struct attribute *a, const struct cbor *v)
{
	return struct_ok(schema_complex(a->enum_max & UINT16_MAX), v);
}

static bool ok_structs(const struct attribute *a, const struct cbor *v)
{
	return list_ok(a, v, ok_struct);
}

static bool ok_acrs(const struct attribute *a, const struct cbor *v)
{
	return acrs_ok(v);
}

bool acrs_ok(const struct cbor *v)
{
	return struct_ok(schema_complex(C_setOfAcrs), v);
}

size_t acrs_rules(const struct cbor *v)
{
	struct cbor rules;
	bool found;

	if (cbor_find(v->raw, BYTES("acr"), &rules, &found) != ERR_OK || !found)
		return 0;
	return (size_t)rules.u;
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

static const struct kind_row {
	const char *name; /* in definition files */
	bool (*ok)(const struct attribute *, const struct cbor *);
	enum value_form form;
	bool list;
} kinds[] = {
	[V_STRING] = { "string", ok_string, FORM_TEXT, false },
	[V_UINT] = { "uint", ok_uint, FORM_NUMBER, false },
	[V_POSITIVE] = { "positive", ok_positive, FORM_NUMBER, false },
	[V_BOOL] = { "bool", ok_bool, FORM_BOOL, false },
	[V_TIMESTAMP] = { "timestamp", ok_timestamp, FORM_TEXT, false },
	[V_URI] = { "uri", ok_uri, FORM_TEXT, false },
	[V_ID] = { "id", ok_id, FORM_TEXT, false },
	[V_LIST_STRING] = { "list-string", ok_list_string, FORM_TEXT, true },
	[V_LIST_URI] = { "list-uri", ok_list_uri, FORM_TEXT, true },
	[V_LIST_ID] = { "list-id", ok_list_id, FORM_TEXT, true },
	[V_LIST_UINT] = { "list-uint", ok_list_uint, FORM_NUMBER, true },
	[V_ENUM] = { "enum", ok_enum, FORM_NUMBER, false },
	[V_ACRS] = { "acrs", ok_acrs, FORM_STRUCT, false },
	[V_NAME] = { "name", ok_name, FORM_TEXT, false },
	[V_CONTENT_INFO] = { "content-info", ok_content_info, FORM_TEXT, false },
	[V_ANY] = { "any", ok_any, FORM_ANY, false },
	[V_MAP] = { "map", ok_map, FORM_ANY, false },
	[V_FLOAT] = { "float", ok_float, FORM_NUMBER, false },
	[V_INT] = { "int", ok_int, FORM_NUMBER, false },
	[V_ENUM0] = { "enum0", ok_enum0, FORM_NUMBER, false },
	[V_LIST_ENUM] = { "list-enum", ok_list_enum, FORM_NUMBER, true },
	[V_STAMP] = { "stamp", ok_stamp, FORM_ANY, false },
	[V_DURATION] = { "duration", ok_duration, FORM_TEXT, false },
	[V_LIST_DURATION] = { "list-duration", ok_list_duration, FORM_TEXT, true },
	[V_BASE64] = { "base64", ok_base64, FORM_TEXT, false },
	[V_SCALAR] = { "scalar", ok_scalar, FORM_ANY, false },
	[V_NAMED] = { "named", ok_named, FORM_TEXT, false },
	[V_LIST_NAMED] = { "list-named", ok_list_named, FORM_TEXT, true },
	[V_SCHEDULE] = { "schedule", ok_schedule, FORM_TEXT, false },
	[V_SCHEDULES] = { "schedules", ok_schedules, FORM_TEXT, true },
	[V_LIST_FLOAT] = { "list-float", ok_list_float, FORM_NUMBER, true },
	[V_CIRCLE] = { "circle", ok_circle, FORM_NUMBER, true },
	[V_LIST_BOOL] = { "list-bool", ok_list_bool, FORM_BOOL, true },
	[V_COUNTRIES] = { "countries", ok_countries, FORM_TEXT, true },
	[V_SERIALIZATIONS] = { "serializations", ok_serializations, FORM_TEXT, true },
	[V_IPV4] = { "ipv4", ok_ipv4, FORM_TEXT, false },
	[V_LIST_IPV4] = { "list-ipv4", ok_list_ipv4, FORM_TEXT, true },
	[V_IPV6] = { "ipv6", ok_ipv6, FORM_TEXT, false },
	[V_LIST_IPV6] = { "list-ipv6", ok_list_ipv6, FORM_TEXT, true },
	[V_ORIGINATORS] = { "originators", ok_originators, FORM_TEXT, true },
	[V_STRUCT] = { "struct", ok_struct, FORM_STRUCT, false },
	[V_STRUCTS] = { "structs", ok_structs, FORM_STRUCT, true },
	[V_CONTENT] = { "content", ok_any, FORM_STRUCT, false },
	[V_REQUESTS] = { "requests", ok_any, FORM_STRUCT, true },
	[V_SPECIALIZATION] = { "specialization", ok_specialization, FORM_ANY, false },
	[V_MIN_MAX] = { "min-max", ok_min_max, FORM_NUMBER, true },
	[V_NUMBER_OF] = { "number-of", ok_number_of, FORM_NUMBER, false },
	[V_LIST_NUMBER_OF] = { "list-number-of", ok_list_number_of, FORM_NUMBER, true },
	[V_TEXT_OF] = { "text-of", ok_text_of, FORM_TEXT, false },
	[V_LIST_TEXT_OF] = { "list-text-of", ok_list_text_of, FORM_TEXT, true },
};

static const struct kind_row *kind_of(enum value_kind kind)
{
	must((size_t)kind < COUNT_OF(kinds) && kinds[kind].ok != NULL);
	return &kinds[kind];
}

bool value_ok(const struct attribute *a, const struct cbor *v)
{
	return kind_of(a->kind)->ok(a, v);
}

enum value_form value_form(const struct attribute *a, bool *list)
{
	*list = kind_of(a->kind)->list;
	return kind_of(a->kind)->form;
}

const char *value_kind_name(enum value_kind kind)
{
	return kind_of(kind)->name;
}

bool value_kind_named(struct bytes name, enum value_kind *out)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (bytes_equal(name, bytes_str(kinds[i].name))) {
			*out = (enum value_kind)i;
			return true;
		}
	}
	return false;
}
