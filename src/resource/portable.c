/* portable.c: a subtree on its way out. */
#include "resource/portable.h"

#include "resource/engine.h"

#include <stdlib.h>

enum { TEXT_MAX = 8192, BODY_MAX = 4 << 20, COMPLEX_MASK = 0xffff };

/* --- texts that may name resources --------------------------------------------------- */

struct walk {
	portable_text *text;
	void *self;
	struct buf *out;
};

static err_t put_value(const struct walk *w, const struct attribute *a, const struct cbor *v);

static err_t put_text(const struct walk *w, struct bytes text)
{
	struct buf form = buf_make(TEXT_MAX);
	err_t err;

	TRY(w->text(w->self, text, &form));
	TRY(cbor_put_text(w->out, bytes_of_buf(&form)));
out:
	buf_free(&form);
	return err;
}

static err_t put_members(const struct walk *w, const struct complex *c, const struct cbor *map)
{
	struct bytes pairs = map->s, key;
	const struct attribute *a;
	struct cbor value;
	bool found = true;
	err_t err;

	TRY(cbor_put_map(w->out, (size_t)map->u));
	while (found) {
		TRY(cbor_pair(&pairs, &key, &value, &found));
		if (!found)
			break;
		a = complex_member(c, key);
		TRY(cbor_put_text(w->out, key));
		TRY(a ? put_value(w, a, &value) : buf_add(w->out, value.raw));
	}
out:
	return err;
}

/* The complex value that an attribute is, NULL: none. */
static const struct complex *complex_of(const struct attribute *a)
{
	if (a->kind == V_ACRS)
		return schema_complex(C_setOfAcrs);
	return a->kind == V_STRUCT || a->kind == V_STRUCTS ? schema_complex(a->enum_max & COMPLEX_MASK) : NULL;
}

static bool names_resources(const struct attribute *a)
{
	return a->kind == V_URI || a->kind == V_LIST_URI || a->kind == V_ORIGINATORS;
}

static err_t put_item(const struct walk *w, const struct attribute *a, const struct cbor *v)
{
	const struct complex *c = complex_of(a);

	if (c && v->kind == CBOR_MAP)
		return put_members(w, c, v);
	if (names_resources(a) && v->kind == CBOR_TEXT)
		return put_text(w, v->s);
	return buf_add(w->out, v->raw);
}

static err_t put_value(const struct walk *w, const struct attribute *a, const struct cbor *v)
{
	struct bytes items = v->s;
	struct cbor item;
	err_t err;

	if (v->kind != CBOR_ARRAY)
		return put_item(w, a, v);
	TRY(cbor_put_array(w->out, (size_t)v->u));
	for (uint64_t i = 0; i < v->u; i++) {
		TRY(cbor_next(&items, &item));
		TRY(put_item(w, a, &item));
	}
out:
	return err;
}

err_t portable_body(const struct resource_type *type, struct bytes body, portable_text *text,
                    void *self, struct buf *out)
{
	struct buf values = buf_make(BODY_MAX);
	struct walk w = { text, self, &values };
	struct cbor_member m[ATTRIBUTES_MAX];
	size_t at[ATTRIBUTES_MAX + 1], n = 0;
	struct cbor map, value;
	bool found = true;
	err_t err;

	TRY(cbor_read(body, &map));
	TRY(map.kind == CBOR_MAP && map.u <= ATTRIBUTES_MAX ? ERR_OK : ERR_SYNTAX);
	while (found) {
		const struct attribute *a;

		TRY(cbor_pair(&map.s, &m[n].key, &value, &found));
		if (!found)
			break;
		/* Of what is ours alone, only who made it. */
		if (m[n].key.n && m[n].key.p[0] == INTERNAL_MARK && !bytes_equal(m[n].key, BYTES(INTERNAL_CREATOR)))
			continue;
		a = type_attribute(type, m[n].key);
		at[n++] = values.n;
		TRY(a ? put_value(&w, a, &value) : buf_add(&values, value.raw));
	}
	at[n] = values.n;
	for (size_t i = 0; i < n; i++)
		m[i].value = bytes_sub(bytes_of_buf(&values), at[i], at[i + 1] - at[i]);
	TRY(cbor_put_members(out, m, n));
out:
	buf_free(&values);
	return err;
}

/* --- which resource a text names ---------------------------------------------------------- */

struct place_in {
	uint64_t id, number; /* of the row; in the file, from 1 */
};

struct exporting {
	struct resources *r;
	struct buf root;          /* "cse-in/ae1" */
	struct place_in *rows;    /* in the order of the file */
	size_t n, capacity;
	struct place_in *by_id;   /* sorted */
};

static int order(const void *a, const void *b)
{
	const struct place_in *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static uint64_t number_of(const struct exporting *e, uint64_t id)
{
	struct place_in wanted = { .id = id };
	const struct place_in *found = bsearch(&wanted, e->by_id, e->n, sizeof(wanted), order);

	return found ? found->number : 0;
}

/* By path: below the root? *rest is what stands behind it. */
static bool below_root(const struct exporting *e, struct bytes tail, struct bytes *rest)
{
	struct bytes root = bytes_of_buf(&e->root), name = e->r->cse.cse_name;

	root = bytes_sub(root, name.n, root.n); /* "/ae1" */
	if (!bytes_starts(tail, root))
		return false;
	*rest = bytes_sub(tail, root.n, tail.n);
	return rest->n == 0 || rest->p[0] == '/' || rest->p[0] == '#';
}

static err_t put_by_id(struct exporting *e, const struct portable_name *name, struct bytes text,
                       struct buf *out)
{
	uint64_t number = number_of(e, name->id);
	const struct store_row *row;
	err_t err;

	TRY(store_get(e->r->store, name->id, &row));
	/* An AE keeps its identifier. */
	if (!row || row->ident.n)
		return buf_add(out, text);
	if (number)
		return buf_printf(out, "!i%u:%llu:%.*s", name->slashes, (unsigned long long)number, BYTES_FMT(name->tail));
	TRY(buf_printf(out, "!o%u:", name->slashes));
	TRY(resource_address(e->r, name->id, out));
	TRY(buf_add_byte(out, ':'));
	TRY(buf_add(out, name->tail));
out:
	return err;
}

err_t portable_split(struct resources *r, struct bytes text, struct portable_name *out)
{
	const struct cse_identity *cse = &r->cse;
	struct bytes rest = text;
	size_t slash, mark;
	err_t err = ERR_OK;

	*out = (struct portable_name){ .slashes = 0 };
	if (bytes_starts(rest, cse->sp_id) && bytes_starts(bytes_sub(rest, cse->sp_id.n, rest.n), BYTES("/"))) {
		out->slashes = 2;
		rest = bytes_sub(rest, cse->sp_id.n, rest.n);
	}
	if (bytes_starts(rest, BYTES("/"))) {
		if (!bytes_starts(rest, cse->cse_id) || rest.n <= cse->cse_id.n + 1 || rest.p[cse->cse_id.n] != '/')
			return ERR_OK;
		out->slashes = out->slashes ? out->slashes : 1;
		rest = bytes_sub(rest, cse->cse_id.n + 1, rest.n);
	}
	slash = bytes_find(rest, '/');
	mark = bytes_find(rest, '#');
	out->first = bytes_sub(rest, 0, slash < mark ? slash : mark);
	out->tail = bytes_sub(rest, out->first.n, rest.n);
	out->by_path = bytes_equal(out->first, BYTES("-")) || bytes_equal(out->first, cse->cse_name);
	if (!out->by_path && out->first.n)
		TRY(tree_unstructured(r, out->first, &out->id));
out:
	return err;
}

static err_t outward(void *self, struct bytes text, struct buf *out)
{
	struct exporting *e = self;
	struct portable_name name;
	struct bytes behind;
	err_t err;

	if (bytes_starts(text, BYTES("!")))
		TRY(buf_add_byte(out, '!'));
	TRY(portable_split(e->r, text, &name));
	if (name.by_path && below_root(e, name.tail, &behind))
		return buf_printf(out, "!%s%u:%.*s", name.first.n == 1 ? "d" : "s", name.slashes, BYTES_FMT(behind));
	if (name.id)
		return put_by_id(e, &name, text, out);
	err = buf_add(out, text);
out:
	return err;
}

/* --- the rows ------------------------------------------------------------------------------ */

static err_t add(struct exporting *e, uint64_t id)
{
	size_t cap = e->capacity ? e->capacity * 2 : 256;
	struct place_in *more;

	if (e->n >= PORTABLE_ROWS)
		return ERR_LIMIT;
	if (e->n == e->capacity) {
		more = mem_grow(e->rows, e->capacity, cap, sizeof(*more));
		if (!more)
			return ERR_MEMORY;
		e->rows = more;
		e->capacity = cap;
	}
	e->rows[e->n] = (struct place_in){ id, e->n + 1 };
	e->n++;
	return ERR_OK;
}

/* Breadth first: the children of each, in their order. */
static err_t collect(struct exporting *e, uint64_t root)
{
	struct store_scan scan;
	uint64_t ids[PAGE];
	size_t n;
	err_t err;

	TRY(add(e, root));
	for (size_t i = 0; i < e->n; i++) {
		scan = (struct store_scan){ .parent = e->rows[i].id, .limit = PAGE };
		do {
			TRY(store_children(e->r->store, &scan, ids, &n));
			for (size_t k = 0; k < n; k++)
				TRY(add(e, ids[k]));
			scan.after = n ? ids[n - 1] : 0;
		} while (n == PAGE);
	}
	e->by_id = mem_new(e->n, sizeof(*e->by_id));
	TRY(e->by_id ? ERR_OK : ERR_MEMORY);
	for (size_t i = 0; i < e->n; i++)
		e->by_id[i] = e->rows[i];
	qsort(e->by_id, e->n, sizeof(*e->by_id), order);
out:
	return err;
}

/* Members of one row; what is 0 or empty is left out. */
struct members {
	struct buf values;
	struct cbor_member m[9];
	size_t at[10], n;
	err_t err;
};

static struct buf *put(struct members *m, const char *key)
{
	must(m->n < COUNT_OF(m->m));
	m->m[m->n].key = bytes_str(key);
	m->at[m->n++] = m->values.n;
	return &m->values;
}

static void put_number(struct members *m, const char *key, uint64_t v)
{
	if (v && m->err == ERR_OK)
		m->err = cbor_put_uint(put(m, key), v);
}

static void put_name(struct members *m, const char *key, struct bytes text)
{
	if (text.n && m->err == ERR_OK)
		m->err = cbor_put_text(put(m, key), text);
}

static err_t put_row(struct exporting *e, size_t i, struct buf *out)
{
	struct members m = { .values = buf_make(BODY_MAX) };
	const struct store_row *found;
	struct bytes body;
	struct store_row row;
	err_t err;

	arena_reset(&e->r->passing);
	TRY(store_get(e->r->store, e->rows[i].id, &found));
	TRY(found ? ERR_OK : ERR_TAMPERED);
	row = *found;
	TRY(arena_copy(&e->r->passing, found->body, &body));
	TRY(arena_copy(&e->r->passing, found->name, &row.name));
	TRY(arena_copy(&e->r->passing, found->ident, &row.ident));
	put_number(&m, "p", i ? number_of(e, row.parent) : 0);
	put_number(&m, "ct", (uint64_t)row.created);
	put_number(&m, "et", (uint64_t)row.expires);
	put_number(&m, "lt", (uint64_t)row.modified);
	put_number(&m, "sz", row.size);
	put_number(&m, "ty", row.type);
	put_name(&m, "rn", row.name);
	/* An AE that is registered elsewhere is announced anew. */
	put_name(&m, "id", row.type < TYPE_ANNOUNCED ? row.ident : BYTES_NONE);
	TRY(m.err);
	row.body = body;
	TRY(portable_body(resource_row_type(&row), body, outward, e, put(&m, "b")));
	m.at[m.n] = m.values.n;
	for (size_t k = 0; k < m.n; k++)
		m.m[k].value = bytes_sub(bytes_of_buf(&m.values), m.at[k], m.at[k + 1] - m.at[k]);
	err = cbor_put_members(out, m.m, m.n);
out:
	buf_free(&m.values);
	return err;
}

static err_t put_head(const struct exporting *e, struct buf *out)
{
	err_t err;

	TRY(cbor_put_map(out, 3));
	TRY(cbor_put_text(out, BYTES("rows")));
	TRY(cbor_put_uint(out, e->n));
	TRY(cbor_put_text(out, BYTES("version")));
	TRY(cbor_put_uint(out, 1));
	TRY(cbor_put_text(out, BYTES("holdfast")));
	TRY(cbor_put_text(out, BYTES("subtree")));
out:
	return err;
}

err_t portable_export(struct resources *r, const struct permit *system, uint64_t root,
                      struct buf *out)
{
	struct exporting e = { .r = r, .root = buf_make(TEXT_MAX) };
	err_t err;

	if (!permit_covers(system, RIGHT_RETRIEVE, root) || root == 1)
		TRY(ERR_REFUSED);
	TRY(resource_address(r, root, &e.root));
	TRY(collect(&e, root));
	TRY(put_head(&e, out));
	for (size_t i = 0; i < e.n; i++)
		TRY(put_row(&e, i, out));
out:
	arena_reset(&r->passing);
	buf_free(&e.root);
	mem_free(e.rows);
	mem_free(e.by_id);
	return err;
}
