/* account.c: whose a row is, and how much of the node it takes. */
#include "resource/engine.h"

enum { ROW_OCTETS = 128 }; /* what a row takes beside its body */

void resources_account(struct resources *r, struct resource_accounts accounts)
{
	r->accounts = accounts;
}

static struct bytes creator_of(struct bytes body)
{
	struct cbor v;
	bool found;

	if (body.n == 0 || cbor_find(body, BYTES(INTERNAL_CREATOR), &v, &found) != ERR_OK || !found)
		return BYTES_NONE;
	return v.kind == CBOR_TEXT ? v.s : BYTES_NONE;
}

err_t account_change(struct resources *r, struct bytes before, struct bytes after)
{
	uint64_t had = before.n ? before.n + ROW_OCTETS : 0, has = after.n ? after.n + ROW_OCTETS : 0;
	struct bytes creator = creator_of(after.n ? after : before);
	const struct resource_accounts *a = &r->accounts;
	bool well = true;
	err_t err = ERR_OK;

	if (!a->take || creator.n == 0)
		return ERR_OK;
	if (has > had)
		TRY(a->take(a->self, creator, before.n == 0, has - had, &well));
	else if (had > has)
		TRY(a->give(a->self, creator, after.n == 0, had - has));
	err = well ? ERR_OK : ERR_REFUSED;
out:
	return err;
}

err_t account_own(struct resources *r, struct bytes before, struct bytes after)
{
	const struct resource_accounts *a = &r->accounts;
	err_t err = account_change(r, before, after);

	if (err == ERR_REFUSED)
		err = a->owe(a->self, creator_of(after), after.n - before.n);
	return err;
}

err_t work_account(struct resource_work *w, struct bytes before, struct bytes after)
{
	err_t err = account_change(w->r, before, after);

	if (err == ERR_REFUSED)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "the creator's share of this node is used up",
		              NO_DETAIL);
	return err;
}
