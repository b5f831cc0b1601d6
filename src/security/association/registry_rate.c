/* registry_rate.c: how fast one enrolled peer may ask, over all of its associations.
 *
 * A bucket of thousandths of a request a credential: it fills with time, up to
 * RATE_SECONDS' worth; a request takes a thousand. Refusals are counted, so that
 * one record can speak for many. */
#include "security/association/registry_inner.h"

static void fill(struct bucket *b, uint64_t rate, int64_t steady)
{
	uint64_t most = rate * 1000 * RATE_SECONDS, passed, paid;

	if (b->at == 0 || steady < b->at) {
		b->credit = most;
		b->at = steady;
		return;
	}
	passed = (uint64_t)(steady - b->at);
	b->at = steady;
	/* ms times requests a second: thousandths of a request */
	passed = passed > DEBT_SECONDS * 1000 ? DEBT_SECONDS * 1000 * rate : passed * rate;
	paid = passed < b->debt ? passed : b->debt;
	b->debt -= paid;
	b->credit += passed - paid;
	if (b->credit > most)
		b->credit = most;
}

bool bucket_spend(struct bucket *b, unsigned rate, int64_t steady)
{
	if (rate == 0)
		return true;
	fill(b, rate, steady);
	if (b->credit < 1000)
		return false;
	b->credit -= 1000;
	return true;
}

bool registry_spend(struct registry *r, uint64_t association, unsigned rate, int64_t steady)
{
	struct live *l = registry_live(r, association);
	struct bucket *b = l && l->of ? &l->of->usage.asked : NULL;

	if (!b || bucket_spend(b, rate, steady))
		return true;
	b->refused++;
	return false;
}

static void charge(struct bucket *b, uint64_t units, unsigned rate, int64_t steady)
{
	uint64_t cost = units * 1000, most = (uint64_t)rate * 1000 * DEBT_SECONDS, paid;

	fill(b, rate, steady);
	paid = cost < b->credit ? cost : b->credit;
	b->credit -= paid;
	b->debt += cost - paid;
	if (b->debt > most)
		b->debt = most;
}

void registry_work(struct registry *r, struct bytes credential, uint64_t units, unsigned rate, int64_t steady)
{
	struct enrolled *e = credentials_by_id(&r->credentials, credential);

	if (e && rate)
		charge(&e->usage.worked, units, rate, steady);
}

bool registry_rested(struct registry *r, uint64_t association, unsigned rate, int64_t steady)
{
	struct live *l = registry_live(r, association);
	struct bucket *b = l && l->of ? &l->of->usage.worked : NULL;

	if (!b || rate == 0)
		return true;
	fill(b, rate, steady);
	if (b->debt == 0)
		return true;
	l->of->usage.asked.refused++;
	return false;
}

uint64_t registry_refused(struct registry *r, uint64_t association, int64_t steady, int64_t every)
{
	struct live *l = registry_live(r, association);
	struct bucket *b = l && l->of ? &l->of->usage.asked : NULL;
	uint64_t n = b ? b->refused : 0;

	if (n == 0 || (b->said && steady - b->said < every))
		return 0;
	b->said = steady;
	b->refused = 0;
	return n;
}
