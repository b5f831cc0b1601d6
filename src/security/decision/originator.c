/* originator.c: the forms of an accessControlOriginators entry [TS-0003 7.1.3;
 * TS-0004 7.3.3.15]. Identifiers are compared in absolute form only. */
#include "primitive/id.h"
#include "security/decision/rule.h"

enum { ENTRY_MAX = 256, ABSOLUTE_MAX = 512 };

static bool has(struct bytes b, uint8_t c)
{
	return bytes_find(b, c) < b.n;
}

/* The entry with every '*' as a letter, so that its form can be judged. */
static struct bytes without_wildcards(struct bytes entry, uint8_t out[ENTRY_MAX])
{
	for (size_t i = 0; i < entry.n; i++)
		out[i] = entry.p[i] == '*' ? (uint8_t)'x' : entry.p[i];
	return bytes_make(out, entry.n);
}

/* An entry of three forms, written as an absolute pattern. */
static err_t absolute_pattern(struct bytes entry, const struct decision_facts *f,
                              uint8_t out[ABSOLUTE_MAX], struct bytes *pattern)
{
	struct bytes parts[3] = { BYTES_NONE, BYTES_NONE, entry };
	size_t at = 0;

	if (bytes_starts(entry, BYTES("//"))) {
		/* as it stands */
	} else if (bytes_starts(entry, BYTES("/"))) {
		parts[0] = f->sp_id;
	} else {
		parts[0] = f->sp_id;
		if (entry.n && entry.p[0] == 'C')
			parts[1] = f->cse_id;
	}
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		if (parts[i].n > ABSOLUTE_MAX - 1 - at)
			return ERR_LIMIT;
		/* a stem is a segment of its own */
		if (i == 2 && at && entry.p[0] != '/')
			out[at++] = '/';
		bytes_copy(out + at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	*pattern = bytes_make(out, at);
	return ERR_OK;
}

/* The SP domain of an absolute identifier: up to the third slash. */
static struct bytes domain_of(struct bytes absolute)
{
	struct bytes rest = bytes_sub(absolute, 2, absolute.n);

	return bytes_sub(absolute, 0, 2 + bytes_find(rest, '/'));
}

/* No wildcard in an SP domain: standard.md G10 [TS-0003 7.1.3]. */
static bool well_formed(struct bytes pattern)
{
	return pattern.n > 2 && !has(domain_of(pattern), '*') && id_is_sp(domain_of(pattern));
}

static bool among(struct bytes entry, const struct bytes *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_equal(entry, list[i]))
			return true;
	}
	return false;
}

/* "*", "*7": the stem of an AE whose first letter the pattern leaves open. */
static bool is_stem_pattern(struct bytes entry)
{
	return entry.n && entry.p[0] == '*' && !has(entry, '/');
}

static bool is_identifier(struct bytes entry)
{
	uint8_t plain[ENTRY_MAX];
	enum id_form form;

	if (has(entry, '*'))
		/* a segment that is all wildcard is no identifier, yet a pattern */
		return bytes_starts(entry, BYTES("/")) || entry.p[0] == 'C' ||
		       entry.p[0] == 'S';
	form = id_form(without_wildcards(entry, plain));
	return form != ID_INVALID && form != ID_ASSIGN;
}

bool rule_is_group_entry(struct bytes entry)
{
	return entry.n && entry.n <= ENTRY_MAX && !bytes_equal(entry, BYTES("all")) &&
	       !has(entry, '*') && !has(entry, '@') && !id_is_sp(entry) &&
	       !is_identifier(entry);
}

/* Written CSE-relative is an AE of this CSE ("C...") and one of the provider ("S..."). */
static bool stem_matches(struct bytes entry, const struct decision_facts *f)
{
	struct bytes stem = id_behind_sp(f->originator, f->sp_id), own = id_behind_sp(stem, f->cse_id);

	if (own.n)
		stem = own;
	stem = bytes_sub(stem, stem.n > 0, stem.n);
	return id_form(stem) == ID_AE_STEM && id_stem_matches(stem, entry);
}

static enum verdict entry_matches(const struct cbor *item, const struct decision_facts *f)
{
	uint8_t octets[ABSOLUTE_MAX];
	struct bytes pattern;
	bool yes;

	if (item->kind != CBOR_TEXT || item->s.n == 0 || item->s.n > ENTRY_MAX)
		return VERDICT_MALFORMED;
	if (bytes_equal(item->s, BYTES("all")))
		return VERDICT_YES;
	if (f->originator.n == 0)
		return VERDICT_NO;
	if (has(item->s, '@')) {
		yes = among(item->s, f->roles, f->roles_n);
	} else if (id_is_sp(item->s)) {
		yes = bytes_starts(f->originator, item->s) &&
		      bytes_equal(domain_of(f->originator), item->s);
	} else if (is_stem_pattern(item->s)) {
		yes = stem_matches(item->s, f);
	} else if (is_identifier(item->s)) {
		if (absolute_pattern(item->s, f, octets, &pattern) != ERR_OK ||
		    !well_formed(pattern))
			return VERDICT_MALFORMED;
		yes = id_matches(f->originator, pattern);
	} else {
		/* a wildcard in what is neither AE-ID nor CSE-ID says nothing */
		if (has(item->s, '*'))
			return VERDICT_MALFORMED;
		yes = among(item->s, f->memberships, f->memberships_n);
	}
	return yes ? VERDICT_YES : VERDICT_NO;
}

enum verdict rule_originators(const struct cbor *acor, const struct decision_facts *f)
{
	return rule_any_of(acor, entry_matches, f);
}
