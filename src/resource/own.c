/* own.c: what this CSE changes of a row by itself: counters, lists that it keeps. No
 * request, no hook, no event; the caller holds the transaction. */
#include "resource/engine.h"

err_t own_begin(struct resources *r, const struct permit *system, uint64_t id,
                struct own_change *c)
{
	const struct store_row *row;
	err_t err;

	arena_init(&c->arena, SCRATCH_MAX);
	c->row.id = 0;
	if (!permit_covers(system, RIGHT_UPDATE, id))
		TRY(ERR_REFUSED);
	TRY(store_get(r->store, id, &row));
	if (!row)
		goto out;
	c->row = *row;
	TRY(arena_copy(&c->arena, row->body, &c->row.body));
	TRY(set_load(&c->set, c->row.body));
	c->before = c->set;
out:
	return err;
}

err_t own_write(struct resources *r, struct own_change *c)
{
	struct bytes had = c->row.body;
	err_t err;

	TRY(set_encode(r, &c->arena, &c->set, &c->row.body));
	TRY(account_own(r, had, c->row.body));
	TRY(store_update(r->store, &c->row));
	err = index_write(r, resource_type(c->row.type), c->row.id, &c->set, &c->before);
out:
	return err;
}

err_t own_insert(struct resource_work *w)
{
	err_t err;

	TRY(work_generate_name(w));
	TRY(set_encode(w->r, w->arena, &w->set, &w->row.body));
	TRY(account_change(w->r, BYTES_NONE, w->row.body));
	TRY(store_insert(w->r->store, &w->row));
	err = index_write(w->r, w->type, w->row.id, &w->set, NULL);
out:
	return err;
}

void own_start(struct resource_work *w, struct resources *r, struct arena *a, const char *member, int64_t now)
{
	bytes_zero(w, sizeof(*w));
	w->r = r;
	w->arena = a;
	w->now = now;
	w->type = resource_type_named(bytes_str(member));
	must(w->type != NULL);
	w->row = (struct store_row){ .id = store_next_id(r->store), .parent = 1, .type = w->type->number,
		                     .created = now, .modified = now };
}

void own_end(struct own_change *c)
{
	arena_free(&c->arena);
}
