/* container [TS-0001 9.6.6; TS-0004 7.4.6]: instances of data, and how many of
 * them at most. Its counts are exact after every operation. */
#include "resource/engine.h"

enum { CONTENT_INSTANCE = 4 };

/* Latest and oldest in the order of creation, which is the order of ids. */
static err_t latest(struct resources *r, const struct store_row *container, uint64_t *id)
{
	return instance_first(r, container->id, CONTENT_INSTANCE, true, id);
}

static err_t oldest(struct resources *r, const struct store_row *container, uint64_t *id)
{
	return instance_first(r, container->id, CONTENT_INSTANCE, false, id);
}

static const struct virtual_child virtuals[] = {
	{ .name = "la", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = latest,
	  .member_type = 20002 },
	{ .name = "ol", .operations = RIGHT_RETRIEVE | RIGHT_DELETE, .stands_for = oldest,
	  .member_type = 20001 },
};

static struct instances instances_of(const struct store_row *container, struct attribute_set *set)
{
	return (struct instances){ .set = set, .parent = container->id, .type = CONTENT_INSTANCE,
		                   .mni = set_uint(set, BYTES("mni"), UINT64_MAX),
		                   .mbs = set_uint(set, BYTES("mbs"), UINT64_MAX) };
}

/* Lower bounds hold at once. What came in while retrieval was disabled is for nobody: when it is
 * enabled again, all instances go [TS-0001 9.6.6] (doc/decision/083-clauses.md). */
static err_t updated(struct resource_work *w)
{
	struct instances of = instances_of(&w->row, &w->set);

	if (set_true(&w->before, BYTES("disr")) && !set_true(&w->set, BYTES("disr")))
		of.mni = 0;
	return instances_fit(w, &of);
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(updated(w));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("st"), 0));
out:
	return err;
}

static err_t child_created(struct resource_work *w)
{
	struct instances of = instances_of(&w->parent, &w->parent_set);
	uint64_t st = set_uint(&w->parent_set, BYTES("st"), 0) + 1;
	err_t err = ERR_OK;

	if (w->row.type != CONTENT_INSTANCE)
		goto out;
	of.coming = true;
	of.size = w->row.size;
	w->row.expires = instance_end(&w->parent_set, w->now, w->row.expires);
	TRY(instances_fit(w, &of));
	TRY(set_put_uint(w->r, w->arena, &w->parent_set, BYTES("st"), st));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("st"), st));
	w->parent.modified = w->now;
	w->parent_changed = true;
out:
	return err;
}

static err_t child_deleted(struct resource_work *w)
{
	return instance_gone(w, CONTENT_INSTANCE);
}

const struct resource_hooks resource_hooks_cnt = {
	.virtuals = virtuals,
	.virtuals_n = COUNT_OF(virtuals),
	.created = created,
	.updated = updated,
	.child_created = child_created,
	.child_deleted = child_deleted,
};
