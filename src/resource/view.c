/* view.c: what is shown of a row: its columns and public attributes as the
 * members of m2m:<short name>. Nothing secret and nothing internal passes. */
#include "resource/engine.h"

#include "base/clock.h"

/* m2m:<short name> */
static err_t put_member_key(const struct resource_type *type, struct buf *out)
{
	struct buf key = buf_make(URI_MAX);
	err_t err;

	TRY(type_member(type, &key));
	TRY(cbor_put_text(out, bytes_of_buf(&key)));
out:
	buf_free(&key);
	return err;
}

static err_t put_time(struct resources *r, struct arena *a, struct attribute_set *set,
                      struct bytes key, int64_t ms)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];

	clock_stamp(ms, stamp);
	return set_put_text(r, a, set, key, bytes_str(stamp));
}

/* Identifier of row `id` as text under `key`; empty above the CSEBase. */
static err_t put_identifier(struct resources *r, struct arena *a, struct attribute_set *set,
                            struct bytes key, const struct store_row *row)
{
	err_t err = ERR_OK;

	buf_clear(&r->identifier);
	if (row)
		TRY(resource_identifier(row, &r->identifier));
	err = set_put_text(r, a, set, key, bytes_of_buf(&r->identifier));
out:
	return err;
}

static err_t put_columns(struct resources *r, struct arena *a, const struct store_row *row,
                         struct attribute_set *out)
{
	const struct store_row *parent = NULL;
	err_t err;

	TRY(set_put_text(r, a, out, BYTES("rn"), row->name));
	TRY(set_put_uint(r, a, out, BYTES("ty"), row->type));
	TRY(put_identifier(r, a, out, BYTES("ri"), row));
	if (row->parent)
		TRY(store_get(r->store, row->parent, &parent));
	TRY(put_identifier(r, a, out, BYTES("pi"), parent));
	TRY(put_time(r, a, out, BYTES("ct"), row->created));
	TRY(put_time(r, a, out, BYTES("lt"), row->modified));
	if (row->expires)
		TRY(put_time(r, a, out, BYTES("et"), row->expires));
out:
	return err;
}

err_t view_attributes(struct resources *r, struct arena *a, const struct store_row *row,
                      struct attribute_set *out)
{
	const struct resource_type *type = resource_row_type(row);
	const struct attribute *rule;
	size_t n = 0;
	err_t err;

	if (!type)
		return ERR_TAMPERED;
	TRY(set_load(out, row->body));
	for (size_t i = 0; i < out->n; i++) {
		if (out->m[i].key.n && out->m[i].key.p[0] == INTERNAL_MARK)
			continue;
		rule = type_attribute(type, out->m[i].key);
		if (!rule || rule->flags & F_SECRET || (rule->flags & F_LATER && r->release == 1))
			continue;
		out->m[n++] = out->m[i];
	}
	out->n = n;
	TRY(put_columns(r, a, row, out));
out:
	return err;
}

err_t view_put(const struct resource_type *type, struct attribute_set *set, struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(put_member_key(type, out));
	TRY(cbor_put_members(out, set->m, set->n));
out:
	return err;
}

err_t view_address(struct resources *r, uint64_t id, unsigned result_id_type, struct buf *out)
{
	const struct store_row *row;
	err_t err;

	if (result_id_type != 2)
		return resource_address(r, id, out);
	TRY(store_get(r->store, id, &row));
	if (!row)
		return ERR_MISSING;
	TRY(resource_identifier(row, out));
out:
	return err;
}

static err_t put_address(struct resources *r, uint64_t id, unsigned result_id_type,
                         struct buf *out)
{
	struct buf text = buf_make(2 * URI_MAX);
	err_t err;

	TRY(view_address(r, id, result_id_type, &text));
	TRY(cbor_put_text(out, bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err;
}

err_t view_put_uri(struct resources *r, const struct resource_ask *ask, uint64_t id,
                   struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:uri")));
	TRY(put_address(r, id, ask->request->result_id_type, out));
out:
	return err;
}

/* {"nm","typ","val"(,"spid")}: m2m:childResourceRef. Keys in canonical order. */
static err_t put_reference(struct resources *r, const struct store_row *row,
                           unsigned result_id_type, struct buf *out)
{
	struct cbor special;
	bool found;
	err_t err;

	TRY(row_specialization(row, &special, &found));
	TRY(cbor_put_map(out, found ? 4 : 3));
	TRY(cbor_put_text(out, BYTES("nm")));
	TRY(cbor_put_text(out, row->name));
	TRY(cbor_put_text(out, BYTES("typ")));
	TRY(cbor_put_uint(out, row->type));
	TRY(cbor_put_text(out, BYTES("val")));
	TRY(put_address(r, row->id, result_id_type, out));
	if (found) {
		TRY(cbor_put_text(out, BYTES("spid")));
		TRY(buf_add(out, special.raw));
	}
out:
	return err;
}

static err_t put_references(struct selection *s, unsigned result_id_type, struct buf *out)
{
	const struct store_row *row;
	err_t err;

	TRY(cbor_put_array(out, s->n));
	for (size_t i = 0; i < s->n; i++) {
		TRY(store_get(s->r->store, s->list[i].id, &row));
		if (!row)
			return ERR_MISSING;
		TRY(put_reference(s->r, row, result_id_type, out));
	}
out:
	return err;
}

err_t view_put_references(struct selection *s, unsigned result_id_type, struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:rrl")));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("rrf")));
	TRY(put_references(s, result_id_type, out));
out:
	return err;
}

static err_t put_node(struct selection *s, const struct store_row *row, size_t first,
                      bool attributes, struct buf *out);

/* The type of the i-th chosen row, when it is a child in the run that starts at
 * `first`; else NULL. */
static err_t child_type(struct selection *s, size_t first, size_t i,
                        const struct resource_type **type, const struct store_row **row)
{
	err_t err = ERR_OK;

	*type = NULL;
	if (s->list[i].depth != s->list[first].depth)
		goto out;
	TRY(store_get(s->r->store, s->list[i].id, row));
	if (!*row)
		return ERR_MISSING;
	*type = resource_row_type(*row);
out:
	return err;
}

static bool same_member(const struct resource_type *a, const struct resource_type *b)
{
	return a == b || (a && b && a->prefix == b->prefix &&
	                  bytes_equal(bytes_str(a->short_name), bytes_str(b->short_name)));
}

/* Direct children with the member name of `type` among the chosen from `first`
 * on, as one list; *n of them. out NULL: only count. */
static err_t children_of_type(struct selection *s, const struct resource_type *type,
                              size_t first, size_t *n, struct buf *out)
{
	const struct resource_type *one;
	const struct store_row *row;
	err_t err = ERR_OK;

	if (out)
		TRY(cbor_put_array(out, *n));
	*n = 0;
	for (size_t i = first; i < s->n && s->list[i].depth >= s->list[first].depth; i++) {
		TRY(child_type(s, first, i, &one, &row));
		if (!one || !same_member(one, type))
			continue;
		(*n)++;
		if (out)
			TRY(put_node(s, row, i + 1, true, out));
	}
out:
	return err;
}

static err_t add_list(struct selection *s, const struct resource_type *type, size_t first,
                      struct attribute_set *set, struct buf *list)
{
	struct bytes key, value;
	size_t n = 0;
	err_t err;

	buf_clear(list);
	TRY(type_member(type, list));
	TRY(arena_copy(s->arena, bytes_of_buf(list), &key));
	TRY(children_of_type(s, type, first, &n, NULL));
	buf_clear(list);
	TRY(children_of_type(s, type, first, &n, list));
	TRY(arena_copy(s->arena, bytes_of_buf(list), &value));
	TRY(set_put(set, key, value));
out:
	return err;
}

/* Lists of children become members m2m:<short> of their parent: one for each
 * name that is met. */
static err_t add_children(struct selection *s, size_t first, struct attribute_set *set,
                          size_t max)
{
	const struct resource_type *met[ATTRIBUTES_MAX], *type;
	const struct store_row *row;
	struct buf list = buf_make(max);
	size_t met_n = 0, k;
	err_t err = ERR_OK;

	for (size_t i = first; i < s->n && s->list[i].depth >= s->list[first].depth; i++) {
		TRY(child_type(s, first, i, &type, &row));
		for (k = 0; k < met_n && !same_member(met[k], type); k++)
			continue;
		if (!type || k < met_n)
			continue;
		TRY(met_n < COUNT_OF(met) ? ERR_OK : ERR_LIMIT);
		met[met_n++] = type;
		TRY(add_list(s, type, first, set, &list));
	}
out:
	buf_free(&list);
	return err;
}

/* One resource with its chosen children, which stand from `first` on. The depth
 * of the recursion is that of the tree, TREE_DEPTH_MAX. */
static err_t put_node(struct selection *s, const struct store_row *row, size_t first,
                      bool attributes, struct buf *out)
{
	uint64_t above = first > 0 ? s->list[first - 1].depth : 0;
	struct attribute_set set = { .n = 0 }, lists = { .n = 0 };
	err_t err = ERR_OK;

	/* Children first: what is shown of the row itself passes at once. */
	if (first < s->n && s->list[first].depth > above)
		TRY(add_children(s, first, &lists, out->max));
	arena_reset(&s->r->passing);
	if (attributes)
		TRY(view_attributes(s->r, &s->r->passing, row, &set));
	for (size_t i = 0; i < lists.n; i++)
		TRY(set_put(&set, lists.m[i].key, lists.m[i].value));
	TRY(cbor_put_members(out, set.m, set.n));
out:
	return err;
}

err_t view_put_tree(struct selection *s, const struct store_row *root, bool attributes,
                    struct buf *out)
{
	const struct resource_type *type = resource_row_type(root);
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(put_member_key(type, out));
	TRY(put_node(s, root, 0, attributes, out));
out:
	return err;
}
