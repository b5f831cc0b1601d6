/* instances.c: what container, timeSeries and flexContainer have in common: a
 * bounded number of instances, the oldest of which make room [TS-0001 9.6.6]. */
#include "resource/engine.h"

err_t instance_first(struct resources *r, uint64_t parent, uint32_t type, bool newest, uint64_t *id)
{
	struct store_scan scan = { .parent = parent, .type = type, .newest_first = newest, .limit = 1 };
	size_t n;
	err_t err;

	*id = 0;
	TRY(store_children(r->store, &scan, id, &n));
	if (n == 0)
		*id = 0;
out:
	return err;
}

static err_t put_fill(struct resource_work *w, struct attribute_set *set, uint64_t cni, uint64_t cbs)
{
	err_t err;

	TRY(set_put_uint(w->r, w->arena, set, BYTES("cni"), cni));
	TRY(set_put_uint(w->r, w->arena, set, BYTES("cbs"), cbs));
out:
	return err;
}

err_t instances_fit(struct resource_work *w, struct instances *of)
{
	uint64_t cni = set_uint(of->set, BYTES("cni"), 0) + of->coming;
	uint64_t cbs = set_uint(of->set, BYTES("cbs"), 0) + (of->coming ? of->size : 0), id;
	const struct store_row *row;
	err_t err = ERR_OK;

	if (of->coming && (of->mni == 0 || of->size > of->mbs))
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "larger than the limits allow", NO_DETAIL);
	while (cni > of->mni || cbs > of->mbs) {
		TRY(instance_first(w->r, of->parent, of->type, false, &id));
		if (id == 0)
			break;
		TRY(store_get(w->r->store, id, &row));
		must(row != NULL && cni > 0 && cbs >= row->size);
		cni--;
		cbs -= row->size;
		TRY(tree_remove(w->r, id));
	}
	TRY(put_fill(w, of->set, cni, cbs));
out:
	return err;
}

err_t instance_gone(struct resource_work *w, uint32_t type)
{
	uint64_t cni = set_uint(&w->parent_set, BYTES("cni"), 0);
	uint64_t cbs = set_uint(&w->parent_set, BYTES("cbs"), 0);
	err_t err = ERR_OK;

	if (w->row.type != type)
		goto out;
	must(cni > 0 && cbs >= w->row.size);
	TRY(put_fill(w, &w->parent_set, cni - 1, cbs - w->row.size));
	w->parent_changed = true;
out:
	return err;
}

int64_t instance_end(const struct attribute_set *parent, int64_t now, int64_t end)
{
	uint64_t mia = set_uint(parent, BYTES("mia"), UINT64_MAX);

	if (mia > EXPIRATION_MAX_MS / 1000)
		return end;
	/* 0 would mean "never" in the row; an age of 0 ends at once. */
	return end == 0 || end > now + (int64_t)mia * 1000 ? now + (int64_t)mia * 1000 : end;
}
