/* acrs.c: the form of a set of access control rules [TS-0004 6.3.5.26-28].
 *
 *   { "acr": [ { "acor": [..], "acop": n, "acco": [ {"actw": [..], "acip":
 *     {"ipv4": [..], "ipv6": [..]}, "aclr": {"accr": [..]} | {"accc": [..]} } ],
 *     "acod": [ {"ty": n, "spty": s, "chty": [..]} ], "acaf": bool } ] }
 *
 * A condition that is not understood must not be dropped: a rule without its
 * condition grants more. So an unknown member and an empty condition are
 * refused, everywhere. Whether a rule holds is security/decision's business. */
#include "resource/engine.h"

#include <arpa/inet.h>

enum { RULES_MAX = 64, ITEMS_MAX = 64, CONDITIONS_MAX = 16, ORIGINATOR_MAX = 256 };

struct member_row {
	const char *key;
	bool (*ok)(const struct cbor *v);
	bool mandatory;
};

/* A map of known members only, with all the mandatory ones, not empty. */
static bool map_ok(const struct cbor *v, const struct member_row *rows, size_t n)
{
	struct bytes content = v->s, key;
	struct cbor value;
	unsigned seen = 0;
	bool found;

	if (v->kind != CBOR_MAP || v->u == 0)
		return false;
	while (cbor_pair(&content, &key, &value, &found) == ERR_OK && found) {
		size_t i = 0;

		while (i < n && !bytes_equal(key, bytes_str(rows[i].key)))
			i++;
		if (i == n || !rows[i].ok(&value))
			return false;
		seen |= 1u << i;
	}
	for (size_t i = 0; i < n; i++) {
		if (rows[i].mandatory && !(seen & 1u << i))
			return false;
	}
	return content.n == 0;
}

static bool array_ok(const struct cbor *v, size_t max, bool (*ok)(const struct cbor *))
{
	struct bytes content = v->s;
	struct cbor item;

	if (v->kind != CBOR_ARRAY || v->u == 0 || v->u > max)
		return false;
	for (uint64_t i = 0; i < v->u; i++) {
		if (cbor_next(&content, &item) != ERR_OK || !ok(&item))
			return false;
	}
	return true;
}

static bool originator_ok(const struct cbor *v)
{
	return v->kind == CBOR_TEXT && v->s.n > 0 && v->s.n <= ORIGINATOR_MAX &&
	       bytes_is_printable(v->s) && bytes_find(v->s, ' ') == v->s.n;
}

static bool originators_ok(const struct cbor *v)
{
	return array_ok(v, ITEMS_MAX, originator_ok);
}

static bool operations_ok(const struct cbor *v)
{
	return v->kind == CBOR_UINT && v->u <= 63;
}

static bool flag_ok(const struct cbor *v)
{
	return v->kind == CBOR_BOOL;
}

/* Seven fields of "*", numbers, ranges, steps [TS-0004 7.4.9.1]. */
static bool schedule_ok(const struct cbor *v)
{
	size_t fields = 0;
	struct bytes rest = v->s;

	if (v->kind != CBOR_TEXT || v->s.n > 256 || bytes_ends(rest, BYTES(" ")))
		return false;
	while (rest.n) {
		struct bytes field = bytes_cut(&rest, ' ');

		if (field.n == 0)
			return false;
		for (size_t i = 0; i < field.n; i++) {
			uint8_t c = field.p[i];

			if (!(c >= '0' && c <= '9') && c != '*' && c != ',' && c != '-' && c != '/')
				return false;
		}
		fields++;
	}
	return fields == 7;
}

static bool window_ok(const struct cbor *v)
{
	return array_ok(v, CONDITIONS_MAX, schedule_ok);
}

static bool address_ok(const struct cbor *v, int family)
{
	uint8_t octets[16];
	char text[64];

	return v->kind == CBOR_TEXT && bytes_put_str(text, sizeof(text), v->s) == ERR_OK &&
	       inet_pton(family, text, octets) == 1;
}

static bool ipv4_ok(const struct cbor *v)
{
	return address_ok(v, AF_INET);
}

static bool ipv6_ok(const struct cbor *v)
{
	return address_ok(v, AF_INET6);
}

static bool ipv4s_ok(const struct cbor *v)
{
	return array_ok(v, ITEMS_MAX, ipv4_ok);
}

static bool ipv6s_ok(const struct cbor *v)
{
	return array_ok(v, ITEMS_MAX, ipv6_ok);
}

static bool addresses_ok(const struct cbor *v)
{
	static const struct member_row rows[] = {
		{ "ipv4", ipv4s_ok, false }, { "ipv6", ipv6s_ok, false },
	};

	return map_ok(v, rows, COUNT_OF(rows));
}

static bool number_ok(const struct cbor *v)
{
	return v->kind == CBOR_FLOAT || v->kind == CBOR_UINT || v->kind == CBOR_NINT;
}

static bool circle_ok(const struct cbor *v)
{
	return v->u == 3 && array_ok(v, 3, number_ok);
}

static bool country_ok(const struct cbor *v)
{
	return v->kind == CBOR_TEXT && v->s.n == 2 && v->s.p[0] >= 'A' && v->s.p[0] <= 'Z' &&
	       v->s.p[1] >= 'A' && v->s.p[1] <= 'Z';
}

static bool countries_ok(const struct cbor *v)
{
	return array_ok(v, ITEMS_MAX, country_ok);
}

static bool location_ok(const struct cbor *v)
{
	static const struct member_row rows[] = {
		{ "accr", circle_ok, false }, { "accc", countries_ok, false },
	};

	return v->u == 1 && map_ok(v, rows, COUNT_OF(rows));
}

static bool context_ok(const struct cbor *v)
{
	static const struct member_row rows[] = {
		{ "actw", window_ok, false }, { "acip", addresses_ok, false },
		{ "aclr", location_ok, false },
	};

	return map_ok(v, rows, COUNT_OF(rows));
}

static bool contexts_ok(const struct cbor *v)
{
	return array_ok(v, CONDITIONS_MAX, context_ok);
}

static bool type_ok(const struct cbor *v)
{
	return v->kind == CBOR_UINT && v->u <= UINT32_MAX;
}

static bool types_ok(const struct cbor *v)
{
	return array_ok(v, ITEMS_MAX, type_ok);
}

static bool specialization_ok(const struct cbor *v)
{
	return originator_ok(v) || type_ok(v);
}

static bool object_ok(const struct cbor *v)
{
	static const struct member_row rows[] = {
		{ "ty", type_ok, false }, { "spty", specialization_ok, false },
		{ "chty", types_ok, true },
	};

	return map_ok(v, rows, COUNT_OF(rows));
}

static bool objects_ok(const struct cbor *v)
{
	return array_ok(v, CONDITIONS_MAX, object_ok);
}

static bool rule_ok(const struct cbor *v)
{
	static const struct member_row rows[] = {
		{ "acor", originators_ok, true }, { "acop", operations_ok, true },
		{ "acco", contexts_ok, false }, { "acod", objects_ok, false },
		{ "acaf", flag_ok, false },
	};

	return map_ok(v, rows, COUNT_OF(rows));
}

static bool rules_ok(const struct cbor *v)
{
	return (v->kind == CBOR_ARRAY && v->u == 0) || array_ok(v, RULES_MAX, rule_ok);
}

bool acrs_ok(const struct cbor *v)
{
	static const struct member_row rows[] = { { "acr", rules_ok, false } };

	/* {} is a set without rules: privileges may be empty. */
	return v->kind == CBOR_MAP && (v->u == 0 || map_ok(v, rows, COUNT_OF(rows)));
}

size_t acrs_rules(const struct cbor *v)
{
	struct cbor rules;
	bool found;

	if (cbor_find(v->raw, BYTES("acr"), &rules, &found) != ERR_OK || !found)
		return 0;
	return (size_t)rules.u;
}
