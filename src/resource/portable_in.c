/* portable_in.c: a subtree on its way in. Nothing of the file is believed: every row is
 * checked against the rows of its type and against what may stand where, and the counts
 * of containers against what they hold. No hook runs: what they would have made stands
 * in the file. */
#include "resource/portable.h"

#include "primitive/id.h"
#include "resource/engine.h"
#include "resource/subscribe.h"

enum { TEXT_MAX = 8192, BODY_MAX = 4 << 20, SIZE_MAX_OCTETS = 1 << 30 };

/* Types whose counts stand for their instances. */
static const struct { uint32_t type, instance; } counted[] = { { 3, 4 }, { 29, 30 }, { 28, 58 } };

struct one {
	struct bytes item;
	uint32_t type;
	uint64_t parent, id; /* number in the file, 0 outside; of the row made */
	size_t depth;
	uint64_t instances, octets;
};

struct importing {
	struct resources *r;
	struct portable_import *in;
	struct one *rows;
	size_t n;
	struct buf root;     /* "/ae1": path behind the CSEBase's name */
	struct arena arena;
};

static err_t refuse_file(struct importing *m, err_t err, const char *what)
{
	m->in->what = what;
	return err;
}

static bool get(struct bytes map, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

static uint64_t number(struct bytes map, const char *key)
{
	struct cbor v;

	return get(map, key, CBOR_UINT, &v) ? v.u : 0;
}

/* --- the file -------------------------------------------------------------------------- */

static err_t next_item(struct bytes *rest, struct cbor *out)
{
	static const struct codec_limits limits = { .octets = BODY_MAX, .depth = 24, .members = 4096,
		                                    .items = 65536, .string = 1 << 20 };
	err_t err = cbor_next(rest, out);

	return err == ERR_OK && out->kind == CBOR_MAP && cbor_check(out->raw, &limits) == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

static err_t read_rows(struct importing *m, struct bytes octets)
{
	struct cbor item, kind;
	uint64_t n;
	err_t err;

	TRY(next_item(&octets, &item));
	n = number(item.raw, "rows");
	if (!get(item.raw, "holdfast", CBOR_TEXT, &kind) || !bytes_equal(kind.s, BYTES("subtree")) ||
	    number(item.raw, "version") != 1)
		TRY(refuse_file(m, ERR_SYNTAX, "this is no exported subtree"));
	if (n == 0 || n > PORTABLE_ROWS)
		TRY(refuse_file(m, ERR_LIMIT, "no rows, or too many"));
	m->rows = mem_new((size_t)n, sizeof(*m->rows));
	TRY(m->rows ? ERR_OK : ERR_MEMORY);
	for (m->n = 0; m->n < n; m->n++) {
		struct one *o = &m->rows[m->n];

		TRY(next_item(&octets, &item));
		*o = (struct one){ .item = item.raw, .type = (uint32_t)number(item.raw, "ty"),
			           .parent = number(item.raw, "p") };
		/* The root alone stands outside; a parent comes before its children. */
		if (o->parent > m->n || (o->parent == 0) != (m->n == 0) || number(item.raw, "ty") > UINT32_MAX)
			TRY(refuse_file(m, ERR_SYNTAX, "the rows are not in order"));
		o->depth = m->n ? m->rows[o->parent - 1].depth + 1 : 1;
	}
	err = octets.n ? refuse_file(m, ERR_SYNTAX, "something stands behind the rows") : ERR_OK;
out:
	return err;
}

/* --- texts that name resources ------------------------------------------------------------ */

static err_t put_origin(struct importing *m, uint64_t slashes, struct buf *out)
{
	const struct cse_identity *cse = &m->r->cse;
	err_t err = ERR_OK;

	if (slashes == 2)
		TRY(buf_add(out, cse->sp_id));
	if (slashes) {
		TRY(buf_add(out, cse->cse_id));
		TRY(buf_add_byte(out, '/'));
	}
out:
	return err;
}

/* The resourceID of a resource outside, by where it stands. */
static err_t put_outside(struct importing *m, struct bytes address, struct buf *out)
{
	const struct store_row *row;
	struct place place;
	err_t err;

	TRY(tree_walk(m->r, address, &place));
	if (place.where != TARGET_HERE || place.virtual_child || place.attribute.n)
		return refuse_file(m, ERR_MISSING, "it names a resource outside that is not here");
	TRY(store_get(m->r->store, place.id, &row));
	err = row ? resource_identifier(row, out) : ERR_TAMPERED;
out:
	return err;
}

static err_t put_inside(struct importing *m, struct bytes digits, struct buf *out)
{
	const struct resource_type *type;
	uint64_t n;

	if (bytes_to_u64(digits, m->n, &n) != ERR_OK || n == 0)
		return refuse_file(m, ERR_SYNTAX, "it names a row that is not in the file");
	type = resource_type(m->rows[n - 1].type);
	if (!type)
		return refuse_file(m, ERR_SYNTAX, "a type that is not known here");
	return buf_printf(out, "%s%llu", type->short_name, (unsigned long long)m->rows[n - 1].id);
}

/* A resourceID that led nowhere where it came from must not lead to somebody else's
 * resource here: a policy would let other originators in. */
static err_t put_as_it_is(struct importing *m, struct bytes text, struct buf *out)
{
	struct portable_name name;
	const struct store_row *row;
	err_t err;

	TRY(portable_split(m->r, text, &name));
	if (name.id) {
		TRY(store_get(m->r->store, name.id, &row));
		if (row && !row->ident.n)
			TRY(refuse_file(m, ERR_REFUSED, "a resourceID in it is another resource's here"));
	}
	err = buf_add(out, text);
out:
	return err;
}

static err_t inward(void *self, struct bytes text, struct buf *out)
{
	struct importing *m = self;
	struct bytes rest = text, head;
	uint8_t how;
	err_t err;

	if (!bytes_starts(text, BYTES("!")))
		return put_as_it_is(m, text, out);
	if (bytes_starts(text, BYTES("!!")))
		return buf_add(out, bytes_sub(text, 1, text.n));
	head = bytes_cut(&rest, ':');
	how = head.n == 3 ? head.p[1] : 0;
	if ((how != 'i' && how != 's' && how != 'd' && how != 'o') || head.p[2] < '0' || head.p[2] > '2')
		return refuse_file(m, ERR_SYNTAX, "a text that names no resource in the form of a file");
	TRY(put_origin(m, head.p[2] - '0', out));
	if (how == 's' || how == 'd') {
		TRY(buf_add(out, how == 's' ? m->r->cse.cse_name : BYTES("-")));
		TRY(buf_add(out, bytes_of_buf(&m->root)));
	} else {
		head = bytes_cut(&rest, ':');
		TRY(how == 'i' ? put_inside(m, head, out) : put_outside(m, head, out));
	}
	err = buf_add(out, rest);
out:
	return err;
}

/* --- one row ------------------------------------------------------------------------------- */

static err_t check_attribute(struct importing *m, const struct resource_type *type, struct bytes key,
                             const struct cbor *v)
{
	const struct attribute *a = type_attribute(type, key);

	if (bytes_equal(key, BYTES(INTERNAL_CREATOR)))
		return v->kind == CBOR_TEXT && id_form(v->s) != ID_INVALID
		               ? ERR_OK : refuse_file(m, ERR_SYNTAX, "a creator that is no identifier");
	if (!a || a->flags & (F_COLUMN | F_NOT_BUILT))
		return refuse_file(m, ERR_SYNTAX, "an attribute that the type has not");
	return value_ok(a, v) ? ERR_OK : refuse_file(m, ERR_SYNTAX, "a value that is not acceptable");
}

/* Every attribute is one of the type, and none that must be there is missing. */
static err_t check_body(struct importing *m, const struct resource_type *type, struct bytes body)
{
	struct cbor map, v;
	struct bytes key;
	bool found = true;
	err_t err;

	TRY(cbor_read(body, &map));
	while (found) {
		TRY(cbor_pair(&map.s, &key, &v, &found));
		if (found)
			TRY(check_attribute(m, type, key, &v));
	}
	for (size_t i = 0; i < type->attributes_n; i++) {
		const struct attribute *a = &type->attributes[i];

		if (a->create != MAN || a->flags & (F_COLUMN | F_LATER))
			continue;
		TRY(cbor_find(body, bytes_str(a->short_name), &v, &found));
		if (!found)
			TRY(refuse_file(m, ERR_SYNTAX, "a mandatory attribute is missing"));
	}
out:
	return err;
}

/* May a row of this type and name stand there? */
static err_t check_place(struct importing *m, const struct one *o, uint32_t parent, struct bytes name)
{
	const struct resource_type *type = resource_type(o->type), *above = resource_type(parent);
	bool instance = false;

	for (size_t i = 0; i < COUNT_OF(counted); i++)
		instance = instance || o->type == counted[i].instance;
	if (!type || !above || type->not_built || o->type == TYPE_CSE_BASE || o->type == TYPE_CSE_BASE_ANNOUNCED ||
	    o->type == TYPE_REQUEST || (instance && !o->parent) || !type_allows_parent(type, parent))
		return refuse_file(m, ERR_REFUSED, "a resource of a type that cannot stand there");
	if (!id_is_resource_name(name) || tree_virtual(above, name))
		return refuse_file(m, ERR_SYNTAX, "a name that no resource may have");
	return ERR_OK;
}

/* An AE's stem, and it alone, is an identifier: as its attribute says. */
static err_t check_ident(struct importing *m, const struct one *o, const struct store_row *row)
{
	struct cbor v;

	if (o->type != TYPE_AE)
		return row->ident.n ? refuse_file(m, ERR_SYNTAX, "an identifier of what has none") : ERR_OK;
	return id_form(row->ident) == ID_AE_STEM && get(row->body, "aei", CBOR_TEXT, &v) && bytes_equal(v.s, row->ident)
	               ? ERR_OK : refuse_file(m, ERR_SYNTAX, "an identifier that is not its attribute's");
}

static err_t read_times(struct importing *m, struct bytes item, struct store_row *row)
{
	static const char *const names[] = { "ct", "lt", "et" };
	int64_t *const to[] = { &row->created, &row->modified, &row->expires };
	int64_t latest = m->in->now + EXPIRATION_MAX_MS;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (number(item, names[i]) > (uint64_t)latest)
			return refuse_file(m, ERR_SYNTAX, "a time too far off");
		*to[i] = (int64_t)number(item, names[i]);
	}
	row->size = number(item, "sz");
	return row->size <= SIZE_MAX_OCTETS ? ERR_OK : refuse_file(m, ERR_SYNTAX, "a size too large");
}

static err_t read_row(struct importing *m, const struct one *o, struct store_row *row)
{
	struct buf body = buf_make(BODY_MAX);
	const struct resource_type *type;
	struct cbor rn, id, b;
	err_t err;

	*row = (struct store_row){ .id = o->id, .type = o->type,
		                   .parent = o->parent ? m->rows[o->parent - 1].id : m->in->parent };
	if (!get(o->item, "rn", CBOR_TEXT, &rn) || !get(o->item, "b", CBOR_MAP, &b))
		TRY(refuse_file(m, ERR_SYNTAX, "a row without name or attributes"));
	row->name = !o->parent && m->in->name.n ? m->in->name : rn.s;
	row->ident = get(o->item, "id", CBOR_TEXT, &id) ? id.s : BYTES_NONE;
	TRY(read_times(m, o->item, row));
	row->body = b.raw;
	type = resource_row_type(row);
	TRY(type ? ERR_OK : refuse_file(m, ERR_SYNTAX, "a type that is not known here"));
	if (type->selector && !type->definition && !type->management)
		TRY(refuse_file(m, ERR_SYNTAX, "a definition that is not known here"));
	err = portable_body(type, b.raw, inward, m, &body);
	if (err != ERR_OK && !m->in->what)
		err = refuse_file(m, err, "attributes that cannot be read");
	TRY(err);
	TRY(arena_copy(&m->arena, bytes_of_buf(&body), &row->body));
	TRY(check_body(m, type, row->body));
	err = check_ident(m, o, row);
out:
	buf_free(&body);
	return err;
}

static err_t insert(struct importing *m, const struct store_row *row)
{
	struct attribute_set set;
	err_t err;

	TRY(set_load(&set, row->body));
	err = account_change(m->r, BYTES_NONE, row->body);
	TRY(err == ERR_REFUSED ? refuse_file(m, err, "a creator's share of this node is used up") : err);
	err = store_insert(m->r->store, row);
	TRY(err == ERR_EXISTS ? refuse_file(m, err, "a name or an identifier is taken") : err);
	TRY(index_write(m->r, resource_row_type(row), row->id, &set, NULL));
	TRY(announce_changed(m->r, row->id, &set, NULL));
	if (row->type == SUBSCRIPTION)
		TRY(subscription_watch_row(m->r, row->parent));
	TRY(m->in->made(m->in->self, row));
out:
	return err;
}

static void count(struct importing *m, const struct one *o, const struct store_row *row)
{
	struct one *parent = o->parent ? &m->rows[o->parent - 1] : NULL;

	for (size_t i = 0; parent && i < COUNT_OF(counted); i++) {
		if (parent->type != counted[i].type || o->type != counted[i].instance)
			continue;
		parent->instances++;
		parent->octets += row->size;
	}
}

static err_t import_row(struct importing *m, size_t i, uint32_t above)
{
	struct one *o = &m->rows[i];
	struct store_row row;
	err_t err;

	arena_reset(&m->arena);
	store_trim(m->r->store);
	TRY(read_row(m, o, &row));
	TRY(check_place(m, o, above, row.name));
	TRY(insert(m, &row));
	count(m, o, &row);
out:
	return err;
}

/* What containers say of themselves holds: their later changes rely on it. */
static err_t check_counts(struct importing *m)
{
	const struct store_row *row;
	struct cbor v;
	err_t err = ERR_OK;

	for (size_t i = 0; i < m->n; i++) {
		struct one *o = &m->rows[i];
		bool counts = o->instances > 0;

		for (size_t k = 0; k < COUNT_OF(counted); k++)
			counts = counts || o->type == counted[k].type;
		if (!counts)
			continue;
		TRY(store_get(m->r->store, o->id, &row));
		TRY(row ? ERR_OK : ERR_TAMPERED);
		if ((get(row->body, "cni", CBOR_UINT, &v) ? v.u : 0) != o->instances ||
		    (get(row->body, "cbs", CBOR_UINT, &v) ? v.u : 0) != o->octets)
			TRY(refuse_file(m, ERR_SYNTAX, "a container that does not hold what it says"));
	}
out:
	return err;
}

/* Where the root will stand, by path and in depth. */
static err_t begin(struct importing *m, uint32_t *above)
{
	struct buf address = buf_make(TEXT_MAX);
	const struct store_row *row;
	size_t depth, deepest = 0;
	struct cbor rn;
	err_t err;

	TRY(store_get(m->r->store, m->in->parent, &row));
	TRY(row ? ERR_OK : ERR_MISSING);
	*above = row->type;
	TRY(tree_depth(m->r, m->in->parent, &depth));
	for (size_t i = 0; i < m->n; i++) {
		deepest = m->rows[i].depth > deepest ? m->rows[i].depth : deepest;
		m->rows[i].id = store_next_id(m->r->store);
	}
	if (depth + deepest > TREE_DEPTH_MAX)
		TRY(refuse_file(m, ERR_LIMIT, "the tree would be too deep"));
	if (!get(m->rows[0].item, "rn", CBOR_TEXT, &rn))
		TRY(refuse_file(m, ERR_SYNTAX, "a row without name"));
	TRY(resource_address(m->r, m->in->parent, &address));
	TRY(buf_add(&m->root, bytes_sub(bytes_of_buf(&address), m->r->cse.cse_name.n, address.n)));
	TRY(buf_add_byte(&m->root, '/'));
	err = buf_add(&m->root, m->in->name.n ? m->in->name : rn.s);
out:
	buf_free(&address);
	return err;
}

err_t portable_import(struct resources *r, const struct permit *system, struct bytes octets,
                      struct portable_import *in)
{
	struct importing m = { .r = r, .in = in, .root = buf_make(TEXT_MAX) };
	uint32_t above = 0;
	err_t err;

	in->what = NULL;
	arena_init(&m.arena, 2 * BODY_MAX);
	if (!permit_covers(system, RIGHT_CREATE, in->parent))
		TRY(ERR_REFUSED);
	err = read_rows(&m, octets);
	if (err == ERR_SYNTAX && !in->what)
		in->what = "this is no exported subtree";
	TRY(err);
	TRY(begin(&m, &above));
	for (size_t i = 0; i < m.n; i++)
		TRY(import_row(&m, i, i ? m.rows[m.rows[i].parent - 1].type : above));
	TRY(check_counts(&m));
	in->rows = m.n;
out:
	arena_free(&m.arena);
	buf_free(&m.root);
	mem_free(m.rows);
	return err;
}
