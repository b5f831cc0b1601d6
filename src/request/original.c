/* original.c: a retrieve of an announced resource that asks for the original, Result
 * Content 7 [TS-0001 8.1.2]. Who may read the announcement is decided here; who may
 * read the original, by the CSE that hosts it, for the same originator. */
#include "request/work.h"

/* Where the original is; empty when the target announces nothing. */
static err_t link_of(struct work *w, struct bytes *link)
{
	const struct resource_type *type;
	const struct store_row *row;
	struct cbor lnk;
	bool found;
	err_t err;

	*link = BYTES_NONE;
	TRY(store_get(w->room->store, w->target.id, &row));
	type = row ? resource_row_type(row) : NULL;
	if (!type || type->number < TYPE_ANNOUNCED)
		goto out;
	TRY(cbor_find(row->body, BYTES("lnk"), &lnk, &found));
	if (found && lnk.kind == CBOR_TEXT)
		TRY(arena_copy(&w->room->arena, lnk.s, link));
out:
	return err;
}

static err_t here(struct work *w)
{
	err_t err;

	w->permit = NULL;
	TRY(facts_decide(w));
	if (!w->permit && !w->status)
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, w->decision.text, w->decision.text);
out:
	return err;
}

err_t original_run(struct work *w, err_t (*retrieve)(struct work *w))
{
	struct bytes link;
	err_t err;

	TRY(link_of(w, &link));
	if (link.n == 0)
		return retrieve(w); /* which refuses the result content */
	w->request.to = link;
	w->request.has[PARAM_RCN] = false;
	w->request.result_content = PRIMITIVE_DEFAULT_RCN;
	TRY(resource_resolve(w->room->resources, link, &w->target));
	if (w->target.place == TARGET_ELSEWHERE) {
		TRY(forward_route(w));
		return w->status ? ERR_OK : forward_run(w);
	}
	if (w->target.place != TARGET_HERE || w->target.virtual_child) {
		work_refuse(w, RSC_NOT_FOUND, "TS-0001 8.1.2", "the original is gone");
		goto out;
	}
	TRY(here(w));
	if (!w->status)
		TRY(channel_owner(w));
	if (!w->status)
		err = retrieve(w);
out:
	return err;
}
