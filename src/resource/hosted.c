/* hosted.c: what a node hosts [TS-0001 9.6.18]. An AE or a CSE that names a node of
 * this CSE (nodeLink) stands in the node's hostedAELinks or hostedCSELink, as long
 * as it names it. What is announced here is hosted elsewhere. */
#include "resource/engine.h"

enum { HOSTED_MAX = 1024 };

static const struct { const char *identity, *link; bool list; } rows[] = {
	{ "aei", "hael", true }, { "csi", "hcl", false },
};

/* The node here that the set names; 0 none. */
static err_t node_of(struct resources *r, const struct attribute_set *set, uint64_t *id)
{
	struct place place;
	struct cbor nl;
	err_t err = ERR_OK;

	*id = 0;
	if (!set || !set_get(set, BYTES("nl"), &nl) || nl.kind != CBOR_TEXT)
		goto out;
	TRY(tree_walk(r, nl.s, &place));
	if (place.where == TARGET_HERE && place.type == TYPE_NODE && !place.virtual_child && !place.attribute.n)
		*id = place.id;
out:
	return err;
}

/* The list without `entity`, and with it at the end when `in`. */
static err_t change_list(struct resource_work *w, struct attribute_set *node, struct bytes key,
                         struct bytes entity, bool in)
{
	struct cbor list, item;
	struct bytes *texts;
	size_t n = 0;
	void *p;
	err_t err;

	TRY(arena_take(w->arena, (HOSTED_MAX + 1) * sizeof(*texts), &p));
	texts = p;
	if (set_get(node, key, &list) && list.kind == CBOR_ARRAY) {
		for (uint64_t i = 0; i < list.u && n < HOSTED_MAX; i++) {
			TRY(cbor_next(&list.s, &item));
			if (!bytes_equal(item.s, entity))
				texts[n++] = item.s;
		}
	}
	if (in)
		texts[n++] = entity;
	if (n)
		TRY(set_put_texts(w->r, w->arena, node, key, texts, n));
	else
		set_drop(node, key);
out:
	return err;
}

/* Another CSE that is registered here is hosted there: nobody takes its place. */
static err_t is_others(struct resource_work *w, const struct attribute_set *node, struct bytes key,
                       struct bytes entity, bool *yes)
{
	struct cbor had;
	uint64_t there;
	bool behind;
	err_t err = ERR_OK;

	*yes = false;
	if (!set_get(node, key, &had) || had.kind != CBOR_TEXT || bytes_equal(had.s, entity))
		return ERR_OK;
	TRY(resource_remote(w->r, had.s, &there, &behind));
	*yes = there != 0;
out:
	return err;
}

static err_t change_node(struct resource_work *w, uint64_t id, size_t row, struct bytes entity,
                         bool in)
{
	struct bytes key = bytes_str(rows[row].link);
	const struct store_row *found;
	struct attribute_set set;
	struct store_row node;
	struct cbor had;
	bool others;
	err_t err;

	TRY(store_get(w->r->store, id, &found));
	if (!found)
		goto out;
	node = *found;
	TRY(arena_copy(w->arena, found->name, &node.name));
	TRY(arena_copy(w->arena, found->body, &node.body));
	TRY(set_load(&set, node.body));
	TRY(is_others(w, &set, key, entity, &others));
	if (others && !rows[row].list)
		goto out;
	if (rows[row].list)
		TRY(change_list(w, &set, key, entity, in));
	else if (in)
		TRY(set_put_text(w->r, w->arena, &set, key, entity));
	else if (set_get(&set, key, &had) && bytes_equal(had.s, entity))
		set_drop(&set, key);
	TRY(set_encode(w->r, w->arena, &set, &node.body));
	node.modified = w->now ? w->now : node.modified;
	TRY(store_update(w->r->store, &node));
out:
	return err;
}

err_t work_hosted(struct resource_work *w, const struct attribute_set *before,
                  const struct attribute_set *now)
{
	uint64_t old, new;
	struct cbor entity;
	err_t err = ERR_OK;

	if (!w->type || w->type->number >= TYPE_ANNOUNCED || !type_attribute(w->type, BYTES("nl")))
		goto out;
	TRY(node_of(w->r, before, &old));
	TRY(node_of(w->r, now, &new));
	for (size_t i = 0; i < COUNT_OF(rows) && old != new; i++) {
		struct bytes identity = bytes_str(rows[i].identity);

		if (!set_get(now ? now : before, identity, &entity) || entity.kind != CBOR_TEXT)
			continue;
		if (old)
			TRY(change_node(w, old, i, entity.s, false));
		if (new)
			TRY(change_node(w, new, i, entity.s, true));
	}
out:
	return err;
}
