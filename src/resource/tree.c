/* tree.c: where an address leads [TS-0001 7.2; TS-0004 6.8, 7.3.2.6].
 *
 *   //sp.example/in-cse/cse-in/ae1/cnt1/la     absolute
 *            /in-cse/cse-in/ae1/cnt1/la        SP-relative
 *                    cse-in/ae1/cnt1/la        CSE-relative, structured
 *                         -/ae1/cnt1/la        "-" for the CSEBase's name
 *                           cnt12/la           unstructured, then names (hybrid)
 *
 * Identifiers are compared octet by octet; nothing is decoded, folded or
 * matched as a pattern here. */
#include "resource/engine.h"

#include "primitive/id.h"
#include "resource/stem.h"

static bool cut_origin(struct resources *r, struct bytes *to, enum target_place *where)
{
	struct bytes rest = *to, sp = r->cse.sp_id, cse = r->cse.cse_id;

	*where = TARGET_HERE;
	if (!bytes_starts(rest, BYTES("/")))
		return true;
	if (bytes_starts(rest, BYTES("//"))) {
		if (!bytes_starts(rest, sp) || rest.n == sp.n || rest.p[sp.n] != '/') {
			*where = TARGET_ELSEWHERE;
			return false;
		}
		rest = bytes_sub(rest, sp.n, rest.n);
	}
	if (!bytes_starts(rest, cse) || (rest.n > cse.n && rest.p[cse.n] != '/')) {
		*where = TARGET_ELSEWHERE;
		return false;
	}
	/* The CSE-ID alone is the CSEBase. */
	*to = rest.n == cse.n ? r->base_ri : bytes_sub(rest, cse.n + 1, rest.n);
	return true;
}

/* The AE-ID of an AE with an S-type stem that is registered here, "/Sapp/cnt1". It looks like an address at
 * a CSE: one that is known goes before it. */
static err_t cut_stem(struct resources *r, struct bytes *to, bool *here)
{
	struct bytes rest = *to, first;
	uint64_t remote;
	bool behind;
	err_t err = ERR_OK;

	*here = false;
	if (bytes_starts(rest, BYTES("//")))
		rest = id_behind_sp(rest, r->cse.sp_id);
	first = bytes_sub(rest, 0, 1 + bytes_find(bytes_sub(rest, 1, rest.n), '/'));
	if (rest.n < 2 || id_form(first) != ID_SP_S_AE)
		return ERR_OK;
	TRY(resource_remote(r, first, &remote, &behind));
	if (!remote)
		TRY(resource_stem_here(r, bytes_sub(first, 1, first.n), here));
	if (*here)
		*to = bytes_sub(rest, 1, rest.n);
out:
	return err;
}

/* "cnt12" -> 12 when row 12 is a container; 0 otherwise. */
err_t tree_unstructured(struct resources *r, struct bytes ri, uint64_t *id)
{
	const struct resource_type *type;
	const struct store_row *row;
	size_t letters = 0;
	uint64_t number;
	err_t err;

	TRY(store_find_ident(r->store, ri, id));
	if (*id)
		goto out;
	while (letters < ri.n && (ri.p[letters] < '0' || ri.p[letters] > '9'))
		letters++;
	if (bytes_to_u64(bytes_sub(ri, letters, ri.n), UINT64_MAX, &number) != ERR_OK)
		goto out;
	TRY(store_get(r->store, number, &row));
	type = row ? resource_type(row->type) : NULL;
	/* One resource has one identifier: no "ae3" beside its stem. */
	if (type && bytes_equal(bytes_sub(ri, 0, letters), bytes_str(type->short_name)) &&
	    row->parent != 0 && row->ident.n == 0)
		*id = number;
out:
	return err;
}

static err_t find_first(struct resources *r, struct bytes name, uint64_t *id)
{
	*id = 0;
	if (bytes_equal(name, r->cse.cse_name) || bytes_equal(name, BYTES("-")) ||
	    bytes_equal(name, r->base_ri)) {
		*id = 1;
		return ERR_OK;
	}
	return name.n ? tree_unstructured(r, name, id) : ERR_OK;
}

const struct virtual_child *tree_virtual(const struct resource_type *type, struct bytes name)
{
	const struct resource_hooks *hooks = resource_hooks(type);

	for (size_t i = 0; i < hooks->virtuals_n; i++) {
		if (bytes_equal(name, bytes_str(hooks->virtuals[i].name)))
			return &hooks->virtuals[i];
	}
	return NULL;
}

/* A name that is no row: a virtual child, or nothing. `rest` stands behind it. */
static void walk_virtual(struct place *out, struct bytes name, struct bytes rest, bool more)
{
	const struct resource_type *type = resource_type(out->type);
	const struct virtual_child *v = type ? tree_virtual(type, name) : NULL;

	if (!v || (more && !v->fans_out)) {
		out->where = TARGET_NONE;
		return;
	}
	out->virtual_child = v;
	out->rest = rest;
}

static err_t place_row(struct resources *r, uint64_t id, struct place *out)
{
	const struct store_row *row = NULL;
	err_t err = ERR_OK;

	out->id = id;
	if (id)
		TRY(store_get(r->store, id, &row));
	if (row)
		out->type = row->type;
	else
		out->where = TARGET_NONE;
out:
	return err;
}

err_t tree_walk(struct resources *r, struct bytes to, struct place *out)
{
	struct bytes path, name;
	size_t depth = 0;
	uint64_t id;
	bool here;
	err_t err = ERR_OK;

	*out = (struct place){ .where = TARGET_NONE };
	path = bytes_cut(&to, '#');
	out->attribute = to;
	if (path.n == 0 || bytes_ends(path, BYTES("/")) || path.n > URI_MAX)
		return ERR_OK;
	here = cut_origin(r, &path, &out->where);
	if (!here)
		TRY(cut_stem(r, &path, &here));
	if (!here)
		return ERR_OK;
	out->where = TARGET_HERE;
	name = bytes_cut(&path, '/');
	TRY(find_first(r, name, &id));
	TRY(place_row(r, id, out));
	while (path.n && out->where == TARGET_HERE) {
		struct bytes from = bytes_make(path.p - 1, path.n + 1);

		name = bytes_cut(&path, '/');
		if (name.n == 0 || ++depth > TREE_DEPTH_MAX) {
			out->where = TARGET_NONE;
			break;
		}
		TRY(store_find_child(r->store, out->id, name, &id));
		if (id == 0) {
			walk_virtual(out, name, bytes_sub(from, name.n + 1, from.n), path.n != 0);
			break;
		}
		TRY(place_row(r, id, out));
	}
out:
	return err;
}

/* One name: a child, or what a virtual child stands for; or the parent. */
static err_t follow_name(struct resources *r, uint64_t id, struct bytes name, uint64_t *to)
{
	const struct virtual_child *v = NULL;
	const struct resource_type *type;
	const struct store_row *row;
	err_t err;

	if (bytes_equal(name, TREE_UP)) {
		TRY(store_get(r->store, id, &row));
		*to = row ? row->parent : 0;
		goto out;
	}
	TRY(store_find_child(r->store, id, name, to));
	if (*to)
		goto out;
	TRY(store_get(r->store, id, &row));
	type = row ? resource_type(row->type) : NULL;
	if (type)
		v = tree_virtual(type, name);
	if (v && v->stands_for)
		TRY(v->stands_for(r, row, to));
out:
	return err;
}

err_t tree_follow(struct resources *r, uint64_t id, struct bytes path, uint64_t *to)
{
	size_t depth = 0;
	err_t err = ERR_OK;

	*to = id;
	while (path.n && *to && depth++ <= TREE_DEPTH_MAX)
		TRY(follow_name(r, *to, bytes_cut(&path, '/'), to));
	if (path.n)
		*to = 0;
out:
	return err;
}

err_t resource_resolve(struct resources *r, struct bytes to, struct target *out)
{
	const struct store_row *parent;
	struct place place;
	uint64_t id;
	err_t err;

	*out = (struct target){ .place = TARGET_NONE };
	TRY(tree_walk(r, to, &place));
	out->place = place.where;
	if (place.where != TARGET_HERE)
		goto out;
	out->id = place.id;
	out->type = place.type;
	out->rest = place.rest;
	out->virtual_child = place.virtual_child;
	if (!place.virtual_child)
		goto out;
	out->parent_of_virtual = place.id;
	if (!place.virtual_child->stands_for)
		goto out;
	TRY(store_get(r->store, place.id, &parent));
	TRY(place.virtual_child->stands_for(r, parent, &id));
	TRY(place_row(r, id, &place));
	out->place = place.where;
	/* Nothing there: whether that may be known is a matter of its parent. */
	out->id = place.where == TARGET_HERE ? id : out->parent_of_virtual;
	if (place.where == TARGET_HERE)
		out->type = place.type;
out:
	return err;
}

err_t resource_identifier(const struct store_row *row, struct buf *out)
{
	const struct resource_type *type = resource_type(row->type);
	size_t n = out->n;
	err_t err;

	/* The CSEBase and AEs keep theirs in the row. */
	if (row->ident.n)
		return buf_add(out, row->ident);
	if (!type)
		return ERR_TAMPERED;
	TRY(buf_add(out, bytes_str(type->short_name)));
	TRY(buf_add_u64(out, row->id));
out:
	if (err != ERR_OK)
		out->n = n;
	return err;
}

err_t resource_address(struct resources *r, uint64_t id, struct buf *out)
{
	uint64_t path[TREE_DEPTH_MAX + 2];
	const struct store_row *row;
	size_t n = 0, start = out->n;
	err_t err = ERR_OK;

	for (uint64_t at = id; at != 0;) {
		TRY(store_get(r->store, at, &row));
		if (!row || n == COUNT_OF(path)) {
			err = ERR_MISSING;
			goto out;
		}
		path[n++] = at;
		at = row->parent;
	}
	while (n-- > 0) {
		TRY(store_get(r->store, path[n], &row));
		TRY(buf_add(out, row->name));
		if (n > 0)
			TRY(buf_add_byte(out, '/'));
	}
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}

err_t tree_below(struct resources *r, uint64_t id, uint64_t root, bool *below, uint64_t *depth)
{
	const struct store_row *row;
	err_t err = ERR_OK;

	*below = false;
	*depth = 0;
	while (id != 0 && *depth <= TREE_DEPTH_MAX) {
		if (id == root) {
			*below = *depth > 0;
			break;
		}
		TRY(store_get(r->store, id, &row));
		if (!row)
			break;
		id = row->parent;
		(*depth)++;
	}
out:
	return err;
}

err_t tree_depth(struct resources *r, uint64_t id, size_t *depth)
{
	const struct store_row *row;
	err_t err = ERR_OK;

	for (*depth = 0; id != 0 && *depth <= TREE_DEPTH_MAX; (*depth)++) {
		TRY(store_get(r->store, id, &row));
		id = row ? row->parent : 0;
	}
out:
	return err;
}
