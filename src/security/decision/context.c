/* context.c: accessControlContexts: time, network address, place [TS-0003
 * 7.1.3]. A part that is absent holds; a part that asks for what is not known
 * of the originator does not. */
#include "security/decision/rule.h"

#include <math.h>

/* --- network address ----------------------------------------------------------- */

static enum verdict address_matches(const struct cbor *item, const struct decision_facts *f, unsigned octets)
{
	const struct context_facts *c = &f->context;

	return item->kind == CBOR_TEXT ? network_holds(item->s, octets, bytes_make(c->address, c->address_n))
	                               : VERDICT_MALFORMED;
}

static enum verdict ipv4_matches(const struct cbor *item, const struct decision_facts *f)
{
	return address_matches(item, f, 4);
}

static enum verdict ipv6_matches(const struct cbor *item, const struct decision_facts *f)
{
	return address_matches(item, f, 16);
}

/* --- place ------------------------------------------------------------------------ */

static bool number_of(const struct cbor *c, double *out)
{
	switch (c->kind) {
	case CBOR_UINT: *out = (double)c->u; return true;
	case CBOR_NINT: *out = -1.0 - (double)c->u; return true;
	case CBOR_FLOAT: *out = c->f; return isfinite(c->f);
	default: return false;
	}
}

/* Great-circle distance in metres, by the haversine on a sphere. */
static double distance(double lat1, double lon1, double lat2, double lon2)
{
	const double radian = 3.14159265358979323846 / 180, radius = 6371008.8;
	double a = sin((lat2 - lat1) * radian / 2), b = sin((lon2 - lon1) * radian / 2);
	double h = a * a + cos(lat1 * radian) * cos(lat2 * radian) * b * b;

	return 2 * radius * asin(sqrt(h > 1 ? 1 : h));
}

/* accr: latitude, longitude, radius in metres. */
static enum verdict circle_holds(const struct cbor *circle, const struct decision_facts *f)
{
	const struct context_facts *c = &f->context;
	struct bytes rest = circle->s;
	struct cbor item;
	double v[3];

	if (circle->kind != CBOR_ARRAY || circle->u != 3)
		return VERDICT_MALFORMED;
	for (size_t i = 0; i < 3; i++) {
		if (cbor_next(&rest, &item) != ERR_OK || !number_of(&item, &v[i]))
			return VERDICT_MALFORMED;
	}
	if (fabs(v[0]) > 90 || fabs(v[1]) > 180 || v[2] < 0)
		return VERDICT_MALFORMED;
	if (!c->located)
		return VERDICT_NO;
	return distance(v[0], v[1], c->latitude, c->longitude) <= v[2] ? VERDICT_YES
	                                                               : VERDICT_NO;
}

static enum verdict country_matches(const struct cbor *item, const struct decision_facts *f)
{
	if (item->kind != CBOR_TEXT || item->s.n != 2)
		return VERDICT_MALFORMED;
	return bytes_equal(item->s, bytes_str(f->context.country)) ? VERDICT_YES : VERDICT_NO;
}

static enum verdict countries_hold(const struct cbor *list, const struct decision_facts *f)
{
	return rule_any_of(list, country_matches, f);
}

/* --- time ------------------------------------------------------------------------- */

static enum verdict window_holds(const struct cbor *item, const struct decision_facts *f)
{
	return item->kind == CBOR_TEXT ? schedule_holds(item->s, f->context.now)
	                               : VERDICT_MALFORMED;
}

static enum verdict windows_hold(const struct cbor *list, const struct decision_facts *f)
{
	return rule_any_of(list, window_holds, f);
}

/* --- the whole -------------------------------------------------------------------- */

struct part {
	const char *name;
	enum verdict (*holds)(const struct cbor *value, const struct decision_facts *f);
};

/* Members of a map by a table; a member that is not in it cannot be judged. */
static enum verdict parts_hold(const struct cbor *map, const struct part *parts, size_t n,
                               const struct decision_facts *f, bool any)
{
	struct bytes rest = map->s, key;
	unsigned yes = 0, seen = 0;
	struct cbor value;
	bool found;

	if (map->kind != CBOR_MAP)
		return VERDICT_MALFORMED;
	while (cbor_pair(&rest, &key, &value, &found) == ERR_OK && found) {
		enum verdict one = VERDICT_MALFORMED;

		for (size_t i = 0; i < n; i++) {
			if (bytes_equal(key, bytes_str(parts[i].name)))
				one = parts[i].holds(&value, f);
		}
		if (one == VERDICT_MALFORMED)
			return one;
		seen++;
		yes += one == VERDICT_YES;
	}
	if (seen != map->u || (any && seen == 0))
		return VERDICT_MALFORMED;
	return (any ? yes > 0 : yes == seen) ? VERDICT_YES : VERDICT_NO;
}

static enum verdict ipv4_list(const struct cbor *list, const struct decision_facts *f)
{
	return rule_any_of(list, ipv4_matches, f);
}

static enum verdict ipv6_list(const struct cbor *list, const struct decision_facts *f)
{
	return rule_any_of(list, ipv6_matches, f);
}

static const struct part addresses[] = { { "ipv4", ipv4_list }, { "ipv6", ipv6_list } };
static const struct part places[] = { { "accr", circle_holds }, { "accc", countries_hold } };

static enum verdict addresses_hold(const struct cbor *acip, const struct decision_facts *f)
{
	return parts_hold(acip, addresses, COUNT_OF(addresses), f, true);
}

static enum verdict places_hold(const struct cbor *aclr, const struct decision_facts *f)
{
	return parts_hold(aclr, places, COUNT_OF(places), f, true);
}

static const struct part context_parts[] = {
	{ "actw", windows_hold }, { "acip", addresses_hold }, { "aclr", places_hold },
};

static enum verdict context_holds(const struct cbor *context, const struct decision_facts *f)
{
	return parts_hold(context, context_parts, COUNT_OF(context_parts), f, false);
}

enum verdict rule_contexts(const struct cbor *acco, const struct decision_facts *f)
{
	/* 0..n: none is said, as where the member is absent; XML writes both alike */
	if (acco->kind == CBOR_ARRAY && acco->u == 0)
		return VERDICT_YES;
	return rule_any_of(acco, context_holds, f);
}
