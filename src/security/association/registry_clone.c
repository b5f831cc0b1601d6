/* registry_clone.c: does a credential seem to be in two hands [T15]? What can be seen
 * here is where it is used from: at two places at once, or moving to and fro faster
 * than one device would; the address is the gate's word. And whether the counters of its
 * TPM run backwards, which are signed by that TPM's key. */
#include "security/association/registry_inner.h"

enum { HOUR_MS = 3600 * 1000, PLACES_MAX = 64 };

static bool same_place(const uint8_t a[16], unsigned a_n, const uint8_t b[16], unsigned b_n)
{
	return bytes_equal(bytes_make(a, a_n), bytes_make(b, b_n));
}

/* Different addresses of its live associations, with the new one. */
static unsigned places_now(const struct registry *r, const struct enrolled *e, const struct association *from)
{
	const struct association *seen[PLACES_MAX] = { from };
	unsigned n = 1;

	for (const struct live *l = *registry_entity(r, e->c.entity); l && n < PLACES_MAX; l = l->next_of_entity) {
		unsigned i = 0;

		if (l->of != e || l->ended)
			continue;
		while (i < n && !same_place(seen[i]->address, seen[i]->address_n, l->a.address, l->a.address_n))
			i++;
		if (i == n)
			seen[n++] = &l->a;
	}
	return n;
}

/* How often it changed its address within this hour. */
static unsigned count_move(struct usage *u, const struct association *from, int64_t now)
{
	if (now - u->moved >= HOUR_MS || now < u->moved) {
		u->moved = now;
		u->moves = 0;
	}
	if (u->address_n && !same_place(u->address, u->address_n, from->address, from->address_n))
		u->moves++;
	bytes_copy(u->address, from->address, from->address_n);
	u->address_n = from->address_n;
	return u->moves;
}

const char *clone_suspicion(struct registry *r, struct enrolled *e, const struct association *from,
                            int64_t now)
{
	unsigned moves = count_move(&e->usage, from, now);

	if (r->policy.places && places_now(r, e, from) > r->policy.places)
		return "clone alarm: the credential is used at more places at once than it may";
	if (r->policy.moves && moves > r->policy.moves)
		return "clone alarm: the credential moves to and fro faster than it may";
	return NULL;
}

/* --- the counters of a TPM: TPMS_CLOCK_INFO [TPM 2.0 part 2, 10.11] ----------------------- */

enum { AT_RESETS = 8, AT_RESTARTS = 12, AT_SAFE = 16 };

/* A TPM keeps its clock at least so often (ms); what was not kept is lost when it is not shut down. */
static const uint64_t clock_lost_most = 1 << 22;

static bool is_less(uint32_t difference)
{
	return difference > INT32_MAX;
}

bool clone_counter_is_less(const uint8_t said[CREDENTIAL_CLOCK], const uint8_t before[CREDENTIAL_CLOCK])
{
	static const uint8_t none[CREDENTIAL_CLOCK];
	uint32_t resets = get_be32(said + AT_RESETS) - get_be32(before + AT_RESETS);
	uint32_t restarts = get_be32(said + AT_RESTARTS) - get_be32(before + AT_RESTARTS);
	uint64_t clock = get_be64(said), then = get_be64(before);
	bool may_lose = (resets || restarts) && !said[AT_SAFE];

	if (bytes_equal(bytes_make(before, CREDENTIAL_CLOCK), BYTES_OF(none)))
		return false;
	if (is_less(resets) || (!resets && is_less(restarts)))
		return true;
	return clock < then && (!may_lose || then - clock > clock_lost_most);
}
