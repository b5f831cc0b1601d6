/* registry_join.c: credentials got by joining. Until the first association such a
 * credential is provisional: who joins and never comes, or never got the answer, leaves
 * nothing behind [fail-safe]. */
#include "security/association/registry_inner.h"

void registry_await_joining(struct registry *r)
{
	r->unfinished = 0;
	for (const struct enrolled *e = r->credentials.newest; e; e = e->older) {
		int64_t until = e->c.unfinished;

		if (until && !e->c.revoked && (r->unfinished == 0 || until < r->unfinished))
			r->unfinished = until;
	}
}

err_t registry_finish_joining(struct registry *r, struct enrolled *e)
{
	struct credential c = e->c;
	err_t err = ERR_OK;

	if (!e->c.unfinished)
		goto out;
	c.unfinished = 0;
	TRY(registry_put_record(r, &c));
	e->c.unfinished = 0;
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
		if (!e->c.unfinished || e->c.unfinished > now || e->c.revoked)
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
