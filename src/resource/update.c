/* update.c: UPDATE [TS-0004 7.3.3.4, 7.3.3.7]. What is not named stays; null
 * deletes. */
#include "resource/engine.h"

bool resource_updates_policy_link(const struct request_primitive *request)
{
	struct cbor content, value, link;
	struct bytes pairs, key;
	bool found;

	if (request->operation != OPERATION_UPDATE || !request->has_content ||
	    cbor_read(request->content, &content) != ERR_OK || content.kind != CBOR_MAP)
		return false;
	pairs = content.s;
	while (cbor_pair(&pairs, &key, &value, &found) == ERR_OK && found) {
		if (value.kind == CBOR_MAP &&
		    cbor_find(value.raw, BYTES("acpi"), &link, &found) == ERR_OK && found)
			return true;
	}
	return false;
}

static err_t update_target(struct resource_work *w)
{
	struct filter_criteria filter;
	bool has;
	err_t err;

	TRY(work_target(w, RIGHT_UPDATE));
	TRY(work_condition(w, &filter, &has));
	if (w->row.parent)
		TRY(work_parent(w, w->row.parent));
	TRY(set_load(&w->set, w->row.body));
	w->before = w->set;
out:
	return err;
}

static err_t update(struct resource_work *w, struct buf *content)
{
	struct bytes had;
	err_t err;

	TRY(work_whole(w));
	TRY(update_target(w));
	TRY(work_asked(w));
	TRY(work_check_update(w));
	/* What is announced is the original's, its stateTag, too. */
	if (w->type->number < TYPE_ANNOUNCED && type_attribute(w->type, BYTES("st")))
		TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("st"),
		                 set_uint(&w->set, BYTES("st"), 0) + 1));
	TRY(announce_check(w));
	TRY(work_actions(w));
	if (resource_hooks(w->type)->updated)
		TRY(resource_hooks(w->type)->updated(w));
	w->row.modified = w->now;
	had = w->row.body;
	TRY(set_encode(w->r, w->arena, &w->set, &w->row.body));
	TRY(work_account(w, had, w->row.body));
	TRY(store_update(w->r->store, &w->row));
	TRY(index_write(w->r, w->type, w->row.id, &w->set, &w->before));
	TRY(work_hosted(w, &w->before, &w->set));
	TRY(announce_changed(w->r, w->row.id, &w->set, &w->before));
	if (resource_hooks(w->type)->written)
		TRY(resource_hooks(w->type)->written(w));
	w->row.version++;
	w->out->resource = w->row.id;
	w->out->version = w->row.version;
	w->out->changed = true;
	store_digest(w->row.body, w->out->digest);
	w->out->status = RSC_UPDATED;
	TRY(result_of_change(w, w->ask->request->result_content, content));
out:
	return err;
}

err_t resource_update(struct resources *r, const struct resource_ask *ask,
                      struct buf *content, struct outcome *out)
{
	struct resource_work w;
	size_t n = content->n;
	err_t err;

	*out = (struct outcome){ 0 };
	if (!permit_covers(ask->permit, RIGHT_UPDATE, ask->target->id))
		return ERR_REFUSED;
	work_start(&w, r, ask, out);
	err = refusal_is_result(update(&w, content), out);
	if (err != ERR_OK || !status_is_success(out->status))
		content->n = n;
	return err;
}
