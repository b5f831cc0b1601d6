/* assurance.c: from evidence to a level. */
#include "security/assurance/assurance.h"

static const char *const factor_names[] = {
	[FACTOR_POSSESSION] = "possession", [FACTOR_NETWORK] = "network",
	[FACTOR_STATE] = "state", [FACTOR_PERSON] = "person",
};

const char *assurance_factor_name(unsigned factor)
{
	return factor < COUNT_OF(factor_names) && factor_names[factor] ? factor_names[factor] : "unknown";
}

/* A key, as opposed to what somebody or something said. */
static bool is_key(const struct evidence *e)
{
	return e->factor == FACTOR_POSSESSION || e->factor == FACTOR_NETWORK;
}

static bool is_fresh(const struct evidence *e, int64_t now)
{
	return e->factor != FACTOR_NONE && e->since <= now && now < e->until;
}

static bool counts(const struct evidence *e, unsigned protection, int64_t now)
{
	if (!is_fresh(e, now) || !e->checked)
		return false;
	if (!is_key(e))
		return true;
	return e->protection >= protection && (protection < PROTECTION_HIGH || e->bound);
}

/* Two factors: of different kinds, and no two keys in one environment. */
static bool are_two(const struct evidence *a, const struct evidence *b)
{
	if (a->factor == b->factor)
		return false;
	return !is_key(a) || !is_key(b) ||
	       !bytes_equal(bytes_str(a->environment), bytes_str(b->environment));
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until when one factor stands: the last of those that count. 0: none. */
static int64_t one_factor(const struct evidence *e, size_t n, int64_t now)
{
	int64_t until = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_key(&e[i]) && counts(&e[i], PROTECTION_LOW, now) && e[i].until > until)
			until = e[i].until;
	}
	return until;
}

/* The same for two factors, one of them a key. At the highest level every key that
 * takes part is judged, not only the two that make the pair. */
static int64_t two_factors(const struct evidence *e, size_t n, unsigned protection, int64_t now)
{
	int64_t until = 0;

	for (size_t i = 0; i < n; i++) {
		if (!is_key(&e[i]) || !counts(&e[i], protection, now))
			continue;
		for (size_t k = 0; k < n; k++) {
			if (!counts(&e[k], protection, now) || !are_two(&e[i], &e[k]))
				continue;
			if (earlier(e[i].until, e[k].until) > until)
				until = earlier(e[i].until, e[k].until);
		}
	}
	return until;
}

static bool every_key_in_hardware(const struct evidence *e, size_t n, int64_t now)
{
	for (size_t i = 0; i < n; i++) {
		if (is_key(&e[i]) && is_fresh(&e[i], now) && !counts(&e[i], PROTECTION_HIGH, now))
			return false;
	}
	return true;
}

static int64_t any_until(const struct evidence *e, size_t n)
{
	int64_t until = 0;

	for (size_t i = 0; i < n; i++) {
		if (is_key(&e[i]) && e[i].ends > until)
			until = e[i].ends;
	}
	return until;
}

void assurance_compute(const struct evidence *e, size_t n, int64_t now, struct assurance *out)
{
	int64_t until;

	if (n > EVIDENCE_MAX)
		n = EVIDENCE_MAX;
	until = any_until(e, n);
	*out = (struct assurance){ .missing = "a security association of an enrolled credential" };
	if (until <= now)
		return;
	*out = (struct assurance){ 1, until,
		"a fresh proof of a key checked at enrolment and kept in an environment of level 1" };
	until = one_factor(e, n, now);
	if (until == 0)
		return;
	*out = (struct assurance){ 2, until,
		"a second factor of another kind, its key in another environment, both of level 2" };
	until = two_factors(e, n, PROTECTION_MEDIUM, now);
	if (until == 0)
		return;
	*out = (struct assurance){ 3, until,
		"every key in tamper-resistant hardware (level 3) that is bound to its node" };
	until = every_key_in_hardware(e, n, now) ? two_factors(e, n, PROTECTION_HIGH, now) : 0;
	if (until != 0)
		*out = (struct assurance){ 4, until, "" };
}
