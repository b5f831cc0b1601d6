/* remove.c: DELETE and expiry [TS-0004 7.3.3.8]. A subtree goes bottom up, a
 * page of rows at a time; the right to the root is the right to what is below. */
#include "resource/engine.h"
#include "resource/lock.h"

static err_t remove_row(struct resources *r, uint64_t id)
{
	const struct resource_type *type;
	const struct store_row *row;
	struct attribute_set set;
	err_t err;

	TRY(store_get(r->store, id, &row));
	if (!row)
		goto out;
	if (r->removing_for && id != r->removing_but && lock_is_open(row, r->removing_at))
		return refuse(r->removing_for, RSC_TRANSACTION_PROCESSING_IS_INCOMPLETE,
		              "a transaction holds what would go", NO_DETAIL);
	type = resource_row_type(row);
	if (type && r->removing && r->removing_root && id != r->removing_root &&
	    resource_hooks(type)->told_of_removal) {
		TRY(r->removing(r->removing_self, id, r->removing_root));
		TRY(store_get(r->store, id, &row));
	}
	/* A row that cannot be read still has to go; what the index says of it
	 * leads nowhere then. */
	if (type && set_load(&set, row->body) == ERR_OK) {
		TRY(resource_hooks(type)->removed ? resource_hooks(type)->removed(r, row, &set) : ERR_OK);
		TRY(index_write(r, type, id, NULL, &set));
		TRY(announce_changed(r, id, &set, NULL));
		TRY(store_get(r->store, id, &row));
	}
	TRY(account_change(r, row->body, BYTES_NONE));
	TRY(store_delete(r->store, id));
out:
	return err;
}

/* Delete the children of `id` that can have none themselves; *next is one that
 * can, 0 when no child is left. */
static err_t remove_leaves(struct resources *r, uint64_t id, uint64_t *next)
{
	struct store_scan scan = { .parent = id, .limit = PAGE };
	const struct resource_type *type;
	const struct store_row *row;
	uint64_t ids[PAGE];
	size_t n;
	err_t err;

	*next = 0;
	do {
		TRY(store_children(r->store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++) {
			TRY(store_get(r->store, ids[i], &row));
			type = row ? resource_type(row->type) : NULL;
			if (type && type_has_children(type)) {
				*next = ids[i];
				goto out;
			}
			TRY(remove_row(r, ids[i]));
		}
	} while (n == PAGE);
out:
	return err;
}

err_t tree_remove(struct resources *r, uint64_t root)
{
	uint64_t path[TREE_DEPTH_MAX + 2], next;
	const struct resource_type *type;
	const struct store_row *row;
	size_t depth = 0;
	err_t err;

	TRY(store_get(r->store, root, &row));
	type = row ? resource_type(row->type) : NULL;
	if (type && !type_has_children(type))
		return remove_row(r, root);
	path[depth++] = root;
	while (depth > 0) {
		TRY(remove_leaves(r, path[depth - 1], &next));
		if (next == 0) {
			TRY(remove_row(r, path[--depth]));
		} else {
			if (depth == COUNT_OF(path))
				return ERR_TAMPERED; /* deeper than any create allows */
			path[depth++] = next;
		}
	}
out:
	return err;
}

void resource_on_removal(struct resources *r, err_t (*removing)(void *self, uint64_t id, uint64_t root),
                         void *self)
{
	r->removing = removing;
	r->removing_self = self;
}

/* The row and what is below it, and what its parent keeps of it. */
static err_t remove_with_parent(struct resource_work *w)
{
	err_t err;

	if (w->r->removing)
		TRY(w->r->removing(w->r->removing_self, w->row.id, w->row.id));
	TRY(work_parent(w, w->row.parent));
	TRY(set_load(&w->set, w->row.body));
	w->r->removing_root = w->row.id;
	err = tree_remove(w->r, w->row.id);
	w->r->removing_root = 0;
	TRY(err);
	if (w->type && resource_hooks(w->type)->deleted)
		TRY(resource_hooks(w->type)->deleted(w));
	if (resource_hooks(w->parent_type)->child_deleted)
		TRY(resource_hooks(w->parent_type)->child_deleted(w));
	TRY(work_parent_write(w));
	TRY(work_hosted(w, &w->set, NULL));
out:
	return err;
}

static err_t delete(struct resource_work *w, struct buf *content)
{
	struct filter_criteria filter;
	bool has;
	err_t err;

	TRY(work_whole(w));
	TRY(work_target(w, RIGHT_DELETE));
	TRY(work_condition(w, &filter, &has));
	/* What is shown is what was there. */
	TRY(result_of_row(w, w->ask->request->result_content == PRIMITIVE_DEFAULT_RCN
	                         ? 0 : w->ask->request->result_content, content));
	/* What this CSE ends by itself waits for no lock: nobody would undo a part of it. */
	w->r->removing_for = work_is_asked(w) ? w->out : NULL;
	w->r->removing_at = w->now;
	w->r->removing_but = w->ask->unlocked;
	err = remove_with_parent(w);
	w->r->removing_for = NULL;
	TRY(err);
	w->out->resource = w->row.id;
	w->out->version = w->row.version;
	w->out->changed = true;
	w->out->status = RSC_DELETED;
out:
	return err;
}

err_t resource_delete(struct resources *r, const struct resource_ask *ask,
                      struct buf *content, struct outcome *out)
{
	struct resource_work w;
	size_t n = content->n;
	err_t err;

	*out = (struct outcome){ 0 };
	if (!permit_covers(ask->permit, RIGHT_DELETE, ask->target->id))
		return ERR_REFUSED;
	work_start(&w, r, ask, out);
	err = refusal_is_result(delete(&w, content), out);
	if (err != ERR_OK || !status_is_success(out->status))
		content->n = n;
	return err;
}

static err_t expire_one(struct resources *r, uint64_t id, struct arena *a)
{
	const struct store_row *row;
	struct outcome out = { 0 };
	struct resource_work w;
	err_t err;

	bytes_zero(&w, sizeof(w));
	w.r = r;
	w.out = &out;
	w.arena = a;
	w.now = 0; /* its parent may have expired too, and is still there */
	TRY(store_get(r->store, id, &row));
	if (!row || !row->parent)
		goto out;
	TRY(work_row(&w, id, &w.row));
	w.type = resource_row_type(&w.row);
	TRY(remove_with_parent(&w));
out:
	return err;
}

uint64_t resource_stuck(const struct resources *r)
{
	return r->stuck.id;
}

/* It is undone with what fails beside it, and would keep all that expires later. At the moment when it
 * expires not yet: others of that moment may come before it. */
static void pass_over(struct resources *r, const struct store_expiry *row, int64_t now)
{
	if (row->expires < now)
		r->stuck = *row;
}

void resource_expire_again(struct resources *r)
{
	r->stuck = (struct store_expiry){ 0, 0 };
}

/* Behind those that were passed over; once more from the first where the clock was set back. */
static err_t expired(struct resources *r, int64_t now, struct store_expiry *rows, size_t limit, size_t *n)
{
	if (r->stuck.expires >= now)
		resource_expire_again(r);
	return store_expired(r->store, now, &r->stuck, rows, limit, n);
}

err_t resource_expired(struct resources *r, int64_t now, bool *any)
{
	struct store_expiry first;
	size_t n;
	err_t err;

	TRY(expired(r, now, &first, 1, &n));
	*any = n > 0;
out:
	return err;
}

err_t resource_expire(struct resources *r, const struct permit *system, int64_t now,
                      size_t limit, size_t *n)
{
	struct store_expiry rows[PAGE];
	struct arena a;
	size_t found;
	err_t err = ERR_OK;

	*n = 0;
	arena_init(&a, SCRATCH_MAX);
	while (*n < limit) {
		size_t want = limit - *n < PAGE ? limit - *n : PAGE;

		TRY(expired(r, now, rows, want, &found));
		for (size_t i = 0; i < found; i++) {
			if (!permit_covers(system, RIGHT_DELETE, rows[i].id)) {
				err = ERR_REFUSED;
				goto out;
			}
			err = expire_one(r, rows[i].id, &a);
			if (err == ERR_TAMPERED && !r->removing)
				pass_over(r, &rows[i], now);
			TRY(err);
			arena_reset(&a);
		}
		*n += found;
		if (found < want)
			break;
	}
out:
	arena_free(&a);
	return err;
}
