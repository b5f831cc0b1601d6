/* container [TS-0001 9.6.6; TS-0004 7.4.6]: instances of data, and how many of
 * them at most. Its counts are exact after every operation. */
#include "resource/engine.h"

enum { CONTAINER = 3, CONTENT_INSTANCE = 4 };

/* Latest and oldest in the order of creation, which is the order of ids. */
static err_t one_instance(struct resources *r, const struct store_row *container,
                          bool newest, uint64_t *id)
{
	struct store_scan scan = { .parent = container->id, .type = CONTENT_INSTANCE,
	                           .newest_first = newest, .limit = 1 };
	size_t n;
	err_t err;

	*id = 0;
	TRY(store_children(r->store, &scan, id, &n));
	if (n == 0)
		*id = 0;
out:
	return err;
}

static err_t latest(struct resources *r, const struct store_row *container, uint64_t *id)
{
	return one_instance(r, container, true, id);
}

static err_t oldest(struct resources *r, const struct store_row *container, uint64_t *id)
{
	return one_instance(r, container, false, id);
}

static const struct virtual_child virtuals[] = {
	{ .name = "la", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = latest,
	  .member_type = 20002 },
	{ .name = "ol", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = oldest,
	  .member_type = 20001 },
};

struct fill {
	uint64_t cni, cbs;
};

static struct fill fill_of(const struct attribute_set *set)
{
	return (struct fill){ set_uint(set, BYTES("cni"), 0), set_uint(set, BYTES("cbs"), 0) };
}

static err_t put_fill(struct resource_work *w, struct attribute_set *set, struct fill fill)
{
	err_t err;

	TRY(set_put_uint(w->r, w->arena, set, BYTES("cni"), fill.cni));
	TRY(set_put_uint(w->r, w->arena, set, BYTES("cbs"), fill.cbs));
out:
	return err;
}

/* Remove the oldest until count and octets are within the bounds. */
static err_t make_room(struct resource_work *w, const struct store_row *container,
                       struct fill *fill, uint64_t mni, uint64_t mbs)
{
	const struct store_row *row;
	uint64_t id;
	err_t err = ERR_OK;

	while (fill->cni > mni || fill->cbs > mbs) {
		TRY(oldest(w->r, container, &id));
		if (id == 0)
			break;
		TRY(store_get(w->r->store, id, &row));
		must(row != NULL && fill->cni > 0 && fill->cbs >= row->size);
		fill->cni--;
		fill->cbs -= row->size;
		TRY(tree_remove(w->r, id));
	}
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(put_fill(w, &w->set, (struct fill){ 0, 0 }));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("st"), 0));
out:
	return err;
}

/* Lower bounds hold at once. */
static err_t updated(struct resource_work *w)
{
	struct fill fill = fill_of(&w->set);
	err_t err;

	TRY(make_room(w, &w->row, &fill, set_uint(&w->set, BYTES("mni"), UINT64_MAX),
	              set_uint(&w->set, BYTES("mbs"), UINT64_MAX)));
	TRY(put_fill(w, &w->set, fill));
out:
	return err;
}

/* An instance lives at most maxInstanceAge seconds. */
static void bound_age(struct resource_work *w)
{
	uint64_t mia = set_uint(&w->parent_set, BYTES("mia"), UINT64_MAX);
	int64_t end;

	if (mia > EXPIRATION_MAX_MS / 1000)
		return;
	/* 0 would mean "never" in the row; an age of 0 ends at once. */
	end = w->now + (int64_t)mia * 1000;
	if (w->row.expires == 0 || w->row.expires > end)
		w->row.expires = end;
}

static err_t instance_created(struct resource_work *w)
{
	uint64_t mni = set_uint(&w->parent_set, BYTES("mni"), UINT64_MAX);
	uint64_t mbs = set_uint(&w->parent_set, BYTES("mbs"), UINT64_MAX);
	uint64_t st = set_uint(&w->parent_set, BYTES("st"), 0) + 1;
	struct fill fill = fill_of(&w->parent_set);
	err_t err;

	if (w->row.size > mbs || mni == 0)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "larger than the container holds",
		              BYTES("con"));
	bound_age(w);
	fill.cni++;
	fill.cbs += w->row.size;
	TRY(make_room(w, &w->parent, &fill, mni, mbs));
	TRY(put_fill(w, &w->parent_set, fill));
	TRY(set_put_uint(w->r, w->arena, &w->parent_set, BYTES("st"), st));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("st"), st));
	w->parent.modified = w->now;
	w->parent_changed = true;
out:
	return err;
}

static err_t child_created(struct resource_work *w)
{
	return w->row.type == CONTENT_INSTANCE ? instance_created(w) : ERR_OK;
}

static err_t child_deleted(struct resource_work *w)
{
	struct fill fill = fill_of(&w->parent_set);
	err_t err = ERR_OK;

	if (w->row.type != CONTENT_INSTANCE)
		goto out;
	must(fill.cni > 0 && fill.cbs >= w->row.size);
	fill.cni--;
	fill.cbs -= w->row.size;
	TRY(put_fill(w, &w->parent_set, fill));
	w->parent_changed = true;
out:
	return err;
}

const struct resource_hooks resource_hooks_cnt = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = created,
	.updated = updated,
	.child_created = child_created,
	.child_deleted = child_deleted,
};
