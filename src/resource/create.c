/* create.c: CREATE [TS-0004 7.2.2.2, 7.3.3.3, 7.3.3.5]. All that can be refused
 * is refused before the first row changes, as far as the types allow. */
#include "resource/engine.h"

static err_t create_type(struct resource_work *w)
{
	uint32_t number = w->ask->request->type;

	if (number == 0)
		return refuse(w->out, RSC_BAD_REQUEST, "resource type is missing", BYTES("ty"));
	w->type = resource_type(number);
	if (!w->type || w->type->not_built)
		return refuse(w->out, RSC_NOT_IMPLEMENTED,
		              w->type ? w->type->not_built : "resource type is not supported", BYTES("ty"));
	if (w->type->of_infrastructure && w->r->cse.cse_type != IN_CSE)
		return refuse(w->out, RSC_OPERATION_NOT_ALLOWED, "only at an IN-CSE", BYTES("ty"));
	if (w->type->not_allowed & RIGHT_CREATE)
		return refuse(w->out, RSC_OPERATION_NOT_ALLOWED, "cannot be created", BYTES("ty"));
	if (!type_allows_parent(w->type, w->parent.type))
		return refuse(w->out, resource_hooks(w->type)->wrong_parent
		                      ? resource_hooks(w->type)->wrong_parent
		                      : RSC_INVALID_CHILD_RESOURCE_TYPE,
		              "the target takes no child of this type", BYTES("ty"));
	return ERR_OK;
}

static err_t create_target(struct resource_work *w)
{
	const struct target *t = w->ask->target;

	if (t->place != TARGET_HERE)
		return refuse(w->out, RSC_NOT_FOUND, "no such resource", NO_DETAIL);
	if (t->virtual_child)
		return refuse(w->out, t->virtual_child->fans_out ? RSC_NOT_IMPLEMENTED
		                                                 : RSC_OPERATION_NOT_ALLOWED,
		              "a virtual resource takes no child", NO_DETAIL);
	return work_parent(w, t->id);
}

static err_t name_taken(struct resource_work *w, struct bytes name, bool *taken)
{
	uint64_t id;
	err_t err;

	*taken = tree_virtual(w->parent_type, name) != NULL;
	if (*taken)
		return ERR_OK;
	TRY(store_find_child(w->r->store, w->parent.id, name, &id));
	*taken = id != 0;
out:
	return err;
}

/* Short name of the type and the row's number; a suffix only where somebody
 * has given a sibling just this name. */
err_t work_generate_name(struct resource_work *w)
{
	struct buf *b = &w->r->scratch;
	bool taken = true;
	err_t err = ERR_OK;

	for (unsigned i = 0; taken; i++) {
		buf_clear(b);
		TRY(buf_add(b, bytes_str(w->type->short_name)));
		TRY(buf_add_u64(b, w->row.id));
		if (i > 0)
			TRY(buf_printf(b, "-%u", i));
		TRY(name_taken(w, bytes_of_buf(b), &taken));
	}
	TRY(arena_copy(w->arena, bytes_of_buf(b), &w->row.name));
out:
	return err;
}

err_t work_put_identifier(struct resource_work *w, struct bytes key)
{
	struct buf *b = &w->r->scratch;
	struct bytes id;
	err_t err;

	buf_clear(b);
	TRY(resource_identifier(&w->row, b));
	TRY(arena_copy(w->arena, bytes_of_buf(b), &id));
	TRY(set_put_text(w->r, w->arena, &w->set, key, id));
out:
	return err;
}

static err_t create_name(struct resource_work *w)
{
	struct cbor name;

	if (!set_get(&w->asked, BYTES("rn"), &name))
		return work_generate_name(w);
	w->row.name = name.s;
	return ERR_OK;
}

/* After the type was asked: an AE that is registered is told that (4117), not that its
 * name is taken. */
static err_t check_name(struct resource_work *w)
{
	bool taken = false;
	struct cbor name;
	err_t err = ERR_OK;

	if (set_get(&w->asked, BYTES("rn"), &name))
		TRY(name_taken(w, name.s, &taken));
	if (taken)
		return refuse(w->out, RSC_CONFLICT, "a child has this name", BYTES("rn"));
out:
	return err;
}

static err_t create_depth(struct resource_work *w)
{
	size_t depth;
	err_t err = ERR_OK;

	if (!type_has_children(w->type))
		goto out;
	TRY(tree_depth(w->r, w->parent.id, &depth));
	if (depth >= TREE_DEPTH_MAX)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "the tree is too deep", NO_DETAIL);
out:
	return err;
}

/* Of some types a parent holds one: multiplicity 0..1 [TS-0001 9.6.3-9.6.5, 9.6.8]. */
static err_t check_alone(struct resource_work *w)
{
	struct store_scan scan = { .parent = w->parent.id, .type = w->type->number, .limit = 1 };
	bool alone = false;
	uint64_t id;
	size_t n;
	err_t err = ERR_OK;

	for (size_t i = 0; i < w->type->alone_n; i++)
		alone |= w->type->alone[i] == w->parent.type;
	if (!alone)
		goto out;
	TRY(store_children(w->r->store, &scan, &id, &n));
	if (n)
		return refuse(w->out, RSC_CONFLICT, "the target holds one of this type, and has it",
		              BYTES("ty"));
out:
	return err;
}

static err_t create_row(struct resource_work *w)
{
	err_t err;

	w->row.id = store_next_id(w->r->store);
	w->row.parent = w->parent.id;
	w->row.type = w->type->number;
	w->row.created = w->row.modified = w->now;
	TRY(create_name(w));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(INTERNAL_CREATOR), w->ask->originator));
	TRY(work_actions(w));
	if (resource_hooks(w->type)->created)
		TRY(resource_hooks(w->type)->created(w));
	TRY(check_name(w));
	if (resource_hooks(w->parent_type)->child_created)
		TRY(resource_hooks(w->parent_type)->child_created(w));
	TRY(set_encode(w->r, w->arena, &w->set, &w->row.body));
	TRY(work_account(w, BYTES_NONE, w->row.body));
	TRY(store_insert(w->r->store, &w->row));
	TRY(index_write(w->r, w->type, w->row.id, &w->set, NULL));
	TRY(announce_changed(w->r, w->row.id, &w->set, NULL));
	TRY(work_parent_write(w));
	TRY(work_hosted(w, NULL, &w->set));
	if (resource_hooks(w->type)->written)
		TRY(resource_hooks(w->type)->written(w));
out:
	return err;
}

static err_t create(struct resource_work *w, struct buf *content)
{
	err_t err;

	TRY(work_whole(w));
	TRY(create_target(w));
	TRY(create_type(w));
	TRY(create_depth(w));
	TRY(work_asked(w));
	TRY(work_check_create(w));
	TRY(announce_check(w));
	TRY(check_alone(w));
	TRY(create_row(w));
	w->out->resource = w->row.id;
	w->out->version = 1;
	w->out->changed = true;
	store_digest(w->row.body, w->out->digest);
	w->out->status = RSC_CREATED;
	TRY(result_of_change(w, w->ask->request->result_content, content));
out:
	return err;
}

err_t resource_create(struct resources *r, const struct resource_ask *ask,
                      struct buf *content, struct outcome *out)
{
	struct resource_work w;
	size_t n = content->n;
	err_t err;

	*out = (struct outcome){ 0 };
	if (!permit_covers(ask->permit, RIGHT_CREATE, ask->target->id))
		return ERR_REFUSED;
	work_start(&w, r, ask, out);
	err = refusal_is_result(create(&w, content), out);
	if (err != ERR_OK || !status_is_success(out->status))
		content->n = n;
	return err;
}
