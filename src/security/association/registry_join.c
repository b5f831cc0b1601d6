/* registry_join.c: credentials got by joining. Until the first association such a
 * credential is provisional: who joins and never comes, or never got the answer, leaves
 * nothing behind [fail-safe]. */
#include "security/association/registry_inner.h"

/* When the record is forgotten: what was not used in time; and what the underlying
 * network vouched for with its key, revoked or not, for another never has its identity.
 * 0: stays. */
int64_t registry_forgotten_at(const struct credential *c)
{
	if (bytes_starts(bytes_str(c->by), BYTES("network ")))
		return c->unfinished && !c->revoked ? c->unfinished : c->not_after;
	if (bytes_starts(bytes_str(c->by), BYTES(REGISTRY_BY_TRUST)) && !c->revoked)
		return c->not_after; /* if it is good still, it can be asked for again */
	return c->revoked ? 0 : c->unfinished;
}

void registry_await_joining(struct registry *r)
{
	r->unfinished = 0;
	for (const struct enrolled *e = r->credentials.newest; e; e = e->older) {
		int64_t until = registry_forgotten_at(&e->c);

		if (until && (r->unfinished == 0 || until < r->unfinished))
			r->unfinished = until;
	}
}

enum { SERIAL = 16 };

static int64_t end_of(const struct credential *c, size_t i)
{
	return (int64_t)get_be64(c->former[i] + SERIAL);
}

/* In the place of the one that ends first. */
static void keep_former(struct credential *c, const uint8_t serial[SERIAL], int64_t not_after)
{
	static const uint8_t unknown[SERIAL];
	size_t at = 0;

	if (bytes_equal(bytes_make(serial, SERIAL), BYTES_OF(unknown)))
		return;
	for (size_t i = 1; i < CREDENTIAL_FORMERS; i++)
		at = end_of(c, i) < end_of(c, at) ? i : at;
	bytes_copy(c->former[at], serial, SERIAL);
	put_be64(c->former[at] + SERIAL, (uint64_t)not_after);
}

/* One more would push one out that is good still. */
static bool is_full(const struct credential *c, int64_t now)
{
	for (size_t i = 0; i < CREDENTIAL_FORMERS; i++) {
		if (end_of(c, i) <= now)
			return false;
	}
	return true;
}

struct credential registry_as_used(const struct enrolled *e, const uint8_t *fingerprint)
{
	struct credential c = e->c;

	if (!fingerprint || !c.next_not_after ||
	    !bytes_equal(BYTES_OF(c.next_fingerprint), bytes_make(fingerprint, 32)))
		return c;
	keep_former(&c, c.serial, c.not_after);
	bytes_copy(c.fingerprint, c.next_fingerprint, sizeof(c.fingerprint));
	bytes_copy(c.point, c.next_point, sizeof(c.point));
	bytes_copy(c.serial, c.next_serial, sizeof(c.serial));
	c.not_after = c.next_not_after;
	bytes_zero(c.next_fingerprint, sizeof(c.next_fingerprint));
	bytes_zero(c.next_point, sizeof(c.next_point));
	bytes_zero(c.next_serial, sizeof(c.next_serial));
	c.next_not_after = 0;
	/* Where the old key was kept says nothing of who made this one, and where. */
	if (c.protection > PROTECTION_LOW)
		c.protection = PROTECTION_LOW;
	c.bound = false;
	return c;
}

err_t registry_first_use(struct registry *r, struct enrolled *e, const uint8_t *fingerprint)
{
	struct credential c = registry_as_used(e, fingerprint);
	err_t err = ERR_OK;

	if (!c.unfinished && c.next_not_after == e->c.next_not_after)
		goto out;
	c.unfinished = 0;
	TRY(registry_put_record(r, &c));
	credentials_change(&r->credentials, e, &c);
out:
	return err;
}

err_t registry_renew(struct registry *r, struct bytes id, const struct credential *next)
{
	struct enrolled *e = credentials_by_id(&r->credentials, id);
	struct credential c;
	err_t err;

	if (!e)
		return ERR_MISSING;
	if (e->c.revoked || e->c.psk || next->not_after <= 0 || next->point[0] != 4)
		return ERR_REFUSED;
	if (credentials_by_fingerprint(&r->credentials, next->fingerprint))
		return ERR_EXISTS;
	c = e->c;
	if (c.next_not_after)
		keep_former(&c, c.next_serial, c.next_not_after);
	if (is_full(&c, next->enrolled))
		return ERR_REFUSED;
	bytes_copy(c.next_fingerprint, next->fingerprint, sizeof(c.next_fingerprint));
	bytes_copy(c.next_point, next->point, sizeof(c.next_point));
	bytes_copy(c.next_serial, next->serial, sizeof(c.next_serial));
	c.next_not_after = next->not_after;
	TRY(registry_put_record(r, &c));
	credentials_change(&r->credentials, e, &c);
out:
	return err;
}

bool registry_awaits(const struct registry *r, int64_t now)
{
	return r->unfinished && r->unfinished <= now;
}

err_t registry_forget_unfinished(struct registry *r, int64_t now,
                                 err_t (*each)(void *self, const struct credential *c), void *self)
{
	err_t err = ERR_OK;

	if (!registry_awaits(r, now))
		goto out;
	for (struct enrolled *e = r->credentials.newest, *older; e; e = older) {
		older = e->older;
		if (!registry_forgotten_at(&e->c) || registry_forgotten_at(&e->c) > now)
			continue;
		TRY(each(self, &e->c));
		r->changed = true;
		TRY(store_record_delete(r->store, STORE_CREDENTIAL, bytes_str(e->c.id)));
		registry_end_all_of(r, e);
		credentials_remove(&r->credentials, e);
	}
	registry_await_joining(r);
out:
	return err;
}
