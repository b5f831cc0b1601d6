/* memory.c: the engine for tests, and for a node that shall forget.
 *
 * One ordered map holds everything; the first octet of a key says what:
 *
 *   R id                  -> row            N name hash   -> id
 *   C parent type id      -> nothing        I ident hash  -> id
 *   E expires id          -> nothing        L log first   -> block
 *   S attr 0 value id     -> check          T id attr 0 value -> nothing
 *   K kind key hash       -> record         P epoch       -> sealed key */
#include "store/engine.h"
#include "store/memory/ordered.h"

enum { KEY_MAX = 96, ATTRIBUTE_MAX = 32 };

struct engine {
	struct ordered map;
	uint64_t rows;
	uint64_t rows_before; /* at begin */
	bool inside;
};

struct key {
	uint8_t p[KEY_MAX];
	size_t n;
};

static struct bytes key_view(const struct key *k)
{
	return bytes_make(k->p, k->n);
}

static struct key key_of(char what)
{
	struct key k = { .n = 1 };

	k.p[0] = (uint8_t)what;
	return k;
}

static void key_u64(struct key *k, uint64_t v)
{
	must(k->n + 8 <= KEY_MAX);
	put_be64(k->p + k->n, v);
	k->n += 8;
}

static void key_bytes(struct key *k, struct bytes b)
{
	must(b.n <= KEY_MAX - k->n);
	bytes_copy(k->p + k->n, b.p, b.n);
	k->n += b.n;
}

static struct key key_id(char what, uint64_t id)
{
	struct key k = key_of(what);

	key_u64(&k, id);
	return k;
}

static struct key key_hash(char what, const uint8_t *hash)
{
	struct key k = key_of(what);

	key_bytes(&k, bytes_make(hash, ENGINE_HASH));
	return k;
}

static struct key key_child(uint64_t parent, uint32_t type, uint64_t id)
{
	struct key k = key_id('C', parent);

	key_u64(&k, type);
	key_u64(&k, id);
	return k;
}

static struct key key_expiry(int64_t expires, uint64_t id)
{
	struct key k = key_id('E', (uint64_t)expires);

	key_u64(&k, id);
	return k;
}

static struct key key_search(const struct index_entry *entry)
{
	struct key k = key_of('S');

	must(entry->attribute.n <= ATTRIBUTE_MAX);
	key_bytes(&k, entry->attribute);
	key_bytes(&k, BYTES("\0"));
	key_bytes(&k, BYTES_OF(entry->value_h));
	key_u64(&k, entry->id);
	return k;
}

static struct key key_back(const struct index_entry *entry)
{
	struct key k = key_id('T', entry->id);

	must(entry->attribute.n <= ATTRIBUTE_MAX);
	key_bytes(&k, entry->attribute);
	key_bytes(&k, BYTES("\0"));
	key_bytes(&k, BYTES_OF(entry->value_h));
	return k;
}

static struct key key_record(uint32_t kind, const uint8_t *hash)
{
	struct key k = key_id('K', kind);

	if (hash)
		key_bytes(&k, bytes_make(hash, ENGINE_HASH));
	return k;
}

static struct key key_block(uint32_t log, uint64_t first)
{
	struct key k = key_id('L', log);

	key_u64(&k, first);
	return k;
}

/* A node above `key` that still begins with its first n octets. */
static const struct ordered_node *above(struct engine *e, const struct key *key, size_t n)
{
	const struct ordered_node *node = ordered_above(&e->map, key_view(key));

	return node && bytes_starts(node->key, bytes_make(key->p, n)) ? node : NULL;
}

static const struct ordered_node *below(struct engine *e, const struct key *key, size_t n)
{
	const struct ordered_node *node = ordered_below(&e->map, key_view(key));

	return node && bytes_starts(node->key, bytes_make(key->p, n)) ? node : NULL;
}

static err_t put(struct engine *e, struct key key, struct bytes value)
{
	must(e->inside);
	return ordered_put(&e->map, key_view(&key), value);
}

static err_t drop(struct engine *e, struct key key)
{
	must(e->inside);
	return ordered_drop(&e->map, key_view(&key), NULL);
}

static uint64_t tail_u64(struct bytes key)
{
	return get_be64(key.p + key.n - 8);
}

/* --- opening, transactions --------------------------------------------------- */

static err_t memory_open(const char *path, struct engine **out)
{
	struct engine *e = mem_new(1, sizeof(*e));

	if (!e)
		return ERR_MEMORY;
	e->map.seed = (uint64_t)(uintptr_t)e;
	*out = e;
	return ERR_OK;
}

static void memory_close(struct engine *e)
{
	ordered_free(&e->map);
	mem_free(e);
}

static err_t memory_begin(struct engine *e)
{
	must(!e->inside);
	e->inside = true;
	e->rows_before = e->rows;
	return ERR_OK;
}

static err_t memory_commit(struct engine *e)
{
	must(e->inside);
	ordered_settle(&e->map, true);
	e->inside = false;
	return ERR_OK;
}

static void memory_rollback(struct engine *e)
{
	if (!e->inside)
		return;
	ordered_settle(&e->map, false);
	e->rows = e->rows_before;
	e->inside = false;
}

/* --- rows --------------------------------------------------------------------- */

static void row_unpack(struct bytes value, struct sealed_row *out)
{
	must(value.n >= sizeof(*out));
	bytes_copy(out, value.p, sizeof(*out));
	out->body = bytes_sub(value, sizeof(*out), value.n);
}

static err_t row_write(struct engine *e, const struct sealed_row *row)
{
	struct buf packed = buf_make(sizeof(*row) + row->body.n);
	err_t err;

	TRY(buf_add(&packed, bytes_make(row, sizeof(*row))));
	TRY(buf_add(&packed, row->body));
	TRY(put(e, key_id('R', row->id), bytes_of_buf(&packed)));
out:
	buf_free(&packed);
	return err;
}

static err_t hash_claim(struct engine *e, char what, const uint8_t *hash, uint64_t id)
{
	struct key k = key_hash(what, hash);
	uint8_t octets[8];

	if (ordered_get(&e->map, key_view(&k)))
		return ERR_EXISTS;
	put_be64(octets, id);
	return put(e, k, BYTES_OF(octets));
}

static err_t row_insert(struct engine *e, const struct sealed_row *row)
{
	struct key k = key_id('R', row->id);
	err_t err = ERR_EXISTS;

	if (ordered_get(&e->map, key_view(&k)))
		goto out;
	if (row->has_name)
		TRY(hash_claim(e, 'N', row->name_h, row->id));
	if (row->has_ident)
		TRY(hash_claim(e, 'I', row->ident_h, row->id));
	if (row->expires)
		TRY(put(e, key_expiry(row->expires, row->id), BYTES_NONE));
	TRY(put(e, key_child(row->parent, row->type, row->id), BYTES_NONE));
	TRY(row_write(e, row));
	e->rows++;
out:
	return err;
}

static err_t memory_rows_insert(struct engine *e, const struct sealed_row *rows, size_t n)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++)
		TRY(row_insert(e, &rows[i]));
out:
	return err;
}

static err_t memory_row_get(struct engine *e, uint64_t id, struct sealed_row *out, bool *found)
{
	struct key k = key_id('R', id);
	const struct ordered_node *node = ordered_get(&e->map, key_view(&k));

	*found = node != NULL;
	if (node)
		row_unpack(node->value, out);
	return ERR_OK;
}

static err_t memory_row_update(struct engine *e, const struct sealed_row *row)
{
	struct sealed_row old;
	bool found;
	err_t err;

	TRY(memory_row_get(e, row->id, &old, &found));
	if (!found)
		return ERR_TAMPERED;
	if (old.expires && old.expires != row->expires)
		TRY(drop(e, key_expiry(old.expires, row->id)));
	if (row->expires && old.expires != row->expires)
		TRY(put(e, key_expiry(row->expires, row->id), BYTES_NONE));
	TRY(row_write(e, row));
out:
	return err;
}

static err_t memory_row_rehash(struct engine *e, const struct sealed_row *row)
{
	struct sealed_row old;
	bool found;
	err_t err;

	TRY(memory_row_get(e, row->id, &old, &found));
	if (!found)
		return ERR_TAMPERED;
	if (old.has_name)
		TRY(drop(e, key_hash('N', old.name_h)));
	if (old.has_ident)
		TRY(drop(e, key_hash('I', old.ident_h)));
	if (row->has_name)
		TRY(hash_claim(e, 'N', row->name_h, row->id));
	if (row->has_ident)
		TRY(hash_claim(e, 'I', row->ident_h, row->id));
	err = memory_row_update(e, row);
out:
	return err;
}

static err_t index_drop_under(struct engine *e, struct key prefix)
{
	const struct ordered_node *node;
	size_t n = prefix.n;
	err_t err = ERR_OK;

	while ((node = above(e, &prefix, n)) != NULL) {
		struct key k = key_of('S');

		key_bytes(&k, bytes_sub(node->key, 9, KEY_MAX));
		key_bytes(&k, bytes_sub(node->key, 1, 8));
		TRY(drop(e, k));
		prefix.n = 0;
		key_bytes(&prefix, node->key);
		TRY(drop(e, prefix));
	}
out:
	return err;
}

static err_t memory_row_delete(struct engine *e, uint64_t id)
{
	struct sealed_row row;
	bool found;
	err_t err;

	TRY(memory_row_get(e, id, &row, &found));
	if (!found)
		return ERR_TAMPERED;
	TRY(index_drop_under(e, key_id('T', id)));
	if (row.has_name)
		TRY(drop(e, key_hash('N', row.name_h)));
	if (row.has_ident)
		TRY(drop(e, key_hash('I', row.ident_h)));
	if (row.expires)
		TRY(drop(e, key_expiry(row.expires, id)));
	TRY(drop(e, key_child(row.parent, row.type, id)));
	TRY(drop(e, key_id('R', id)));
	e->rows--;
out:
	return err;
}

static err_t memory_row_next(struct engine *e, uint64_t after, struct sealed_row *out, bool *found)
{
	struct key k = key_id('R', after);
	const struct ordered_node *node = above(e, &k, 1);

	*found = node != NULL;
	if (node)
		row_unpack(node->value, out);
	return ERR_OK;
}

static err_t hash_find(struct engine *e, char what, const uint8_t *hash, uint64_t *id)
{
	struct key k = key_hash(what, hash);
	const struct ordered_node *node = ordered_get(&e->map, key_view(&k));

	*id = node ? get_be64(node->value.p) : 0;
	return ERR_OK;
}

static err_t memory_row_named(struct engine *e, const uint8_t name_h[ENGINE_HASH], uint64_t *id)
{
	return hash_find(e, 'N', name_h, id);
}

static err_t memory_row_ident(struct engine *e, const uint8_t ident_h[ENGINE_HASH], uint64_t *id)
{
	return hash_find(e, 'I', ident_h, id);
}

static err_t memory_row_count(struct engine *e, uint64_t *n)
{
	*n = e->rows;
	return ERR_OK;
}

static err_t memory_row_last(struct engine *e, uint64_t *id)
{
	struct key k = key_id('R', UINT64_MAX);
	const struct ordered_node *node = below(e, &k, 1);

	*id = node ? tail_u64(node->key) : 0;
	return ERR_OK;
}

static err_t memory_children(struct engine *e, const struct engine_scan *scan, uint64_t *ids,
                             size_t limit, size_t *n)
{
	uint64_t from = scan->newest_first && !scan->after ? UINT64_MAX : scan->after;

	for (*n = 0; *n < limit; (*n)++) {
		struct key k = key_child(scan->parent, scan->type, from);
		const struct ordered_node *node = scan->newest_first ? below(e, &k, 17) : above(e, &k, 17);

		if (!node)
			break;
		from = ids[*n] = tail_u64(node->key);
	}
	return ERR_OK;
}

static err_t memory_child_types(struct engine *e, uint64_t parent, uint32_t types[ENGINE_TYPES], size_t *n)
{
	struct key k = key_child(parent, 0, UINT64_MAX);

	for (*n = 0; *n < ENGINE_TYPES; (*n)++) {
		const struct ordered_node *node = above(e, &k, 9);

		if (!node)
			break;
		types[*n] = (uint32_t)get_be64(node->key.p + 9);
		k = key_child(parent, types[*n], UINT64_MAX);
	}
	return ERR_OK;
}

static err_t memory_expired(struct engine *e, int64_t now, const struct engine_expiry *after,
                            struct engine_expiry *out, size_t limit, size_t *n)
{
	struct engine_expiry at = *after;

	for (*n = 0; *n < limit; (*n)++) {
		struct key k = key_expiry(at.expires, at.id);
		const struct ordered_node *node = above(e, &k, 1);

		if (!node || (int64_t)get_be64(node->key.p + 1) > now)
			break;
		at.expires = (int64_t)get_be64(node->key.p + 1);
		at.id = tail_u64(node->key);
		out[*n] = at;
	}
	return ERR_OK;
}

/* --- search index -------------------------------------------------------------- */

static err_t memory_index_add(struct engine *e, const struct index_entry *entry)
{
	err_t err;

	TRY(put(e, key_search(entry), BYTES_OF(entry->check)));
	TRY(put(e, key_back(entry), BYTES_NONE));
out:
	return err;
}

static err_t memory_index_drop(struct engine *e, uint64_t id, struct bytes attribute)
{
	struct key k = key_id('T', id);

	must(attribute.n <= ATTRIBUTE_MAX);
	key_bytes(&k, attribute);
	key_bytes(&k, BYTES("\0"));
	return index_drop_under(e, k);
}

static err_t memory_index_find(struct engine *e, const struct index_entry *entry,
                               struct index_entry *out, size_t limit, size_t *n)
{
	struct key k = key_search(entry);

	for (*n = 0; *n < limit; (*n)++) {
		const struct ordered_node *node = above(e, &k, k.n - 8);

		if (!node)
			break;
		out[*n] = *entry;
		out[*n].id = tail_u64(node->key);
		bytes_copy(out[*n].check, node->value.p, ENGINE_CHECK);
		k = key_search(&out[*n]);
	}
	return ERR_OK;
}

/* --- records, logs, epochs --------------------------------------------------------- */

static err_t memory_record_put(struct engine *e, const struct sealed_record *r)
{
	struct buf packed = buf_make(sizeof(*r) + r->body.n);
	err_t err;

	TRY(buf_add(&packed, bytes_make(r, sizeof(*r))));
	TRY(buf_add(&packed, r->body));
	TRY(put(e, key_record(r->kind, r->key_h), bytes_of_buf(&packed)));
out:
	buf_free(&packed);
	return err;
}

static err_t memory_record_delete(struct engine *e, uint32_t kind, const uint8_t key_h[ENGINE_HASH])
{
	return drop(e, key_record(kind, key_h));
}

static void record_unpack(const struct ordered_node *node, struct sealed_record *out, bool *found)
{
	*found = node != NULL;
	if (!node)
		return;
	bytes_copy(out, node->value.p, sizeof(*out));
	out->body = bytes_sub(node->value, sizeof(*out), node->value.n);
}

static err_t memory_record_get(struct engine *e, uint32_t kind, const uint8_t key_h[ENGINE_HASH],
                               struct sealed_record *out, bool *found)
{
	struct key k = key_record(kind, key_h);

	record_unpack(ordered_get(&e->map, key_view(&k)), out, found);
	return ERR_OK;
}

static err_t memory_record_next(struct engine *e, uint32_t kind, const uint8_t *key_h,
                                struct sealed_record *out, bool *found)
{
	struct key k = key_record(kind, key_h);

	record_unpack(above(e, &k, 9), out, found);
	return ERR_OK;
}

static err_t log_write(struct engine *e, const struct sealed_block *b, bool again)
{
	struct buf packed = buf_make(sizeof(*b) + b->body.n);
	struct key k = key_block(b->log, b->first);
	err_t err = again ? ERR_TAMPERED : ERR_EXISTS;

	if ((ordered_get(&e->map, key_view(&k)) != NULL) != again)
		goto out;
	TRY(buf_add(&packed, bytes_make(b, sizeof(*b))));
	TRY(buf_add(&packed, b->body));
	TRY(put(e, k, bytes_of_buf(&packed)));
out:
	buf_free(&packed);
	return err;
}

static err_t memory_log_add(struct engine *e, const struct sealed_block *b)
{
	return log_write(e, b, false);
}

static err_t memory_log_replace(struct engine *e, const struct sealed_block *b)
{
	return log_write(e, b, true);
}

static err_t memory_log_get(struct engine *e, uint32_t log, uint64_t number, bool next,
                            struct sealed_block *out, bool *found)
{
	struct key k = key_block(log, number);
	const struct ordered_node *node = ordered_get(&e->map, key_view(&k));

	if (!node)
		node = next ? above(e, &k, 9) : below(e, &k, 9);
	*found = node != NULL;
	if (node) {
		bytes_copy(out, node->value.p, sizeof(*out));
		out->body = bytes_sub(node->value, sizeof(*out), node->value.n);
	}
	return ERR_OK;
}

static err_t memory_log_trim(struct engine *e, uint32_t log, uint64_t bound)
{
	struct sealed_block b;
	bool found;
	err_t err;

	for (;;) {
		TRY(memory_log_get(e, log, 0, true, &b, &found));
		if (!found || b.first + b.count > bound)
			break;
		TRY(drop(e, key_block(log, b.first)));
	}
out:
	return err;
}

static err_t memory_epoch_put(struct engine *e, uint32_t epoch, struct bytes sealed)
{
	return put(e, key_id('P', epoch), sealed);
}

static err_t memory_epoch_get(struct engine *e, uint32_t epoch, struct bytes *sealed)
{
	struct key k = key_id('P', epoch);
	const struct ordered_node *node = ordered_get(&e->map, key_view(&k));

	*sealed = node ? node->value : BYTES_NONE;
	return ERR_OK;
}

static err_t memory_epoch_last(struct engine *e, uint32_t bound, uint32_t *epoch)
{
	struct key k = key_id('P', bound);
	const struct ordered_node *node = below(e, &k, 1);

	*epoch = node ? (uint32_t)tail_u64(node->key) : 0;
	return ERR_OK;
}

static err_t memory_epoch_count(struct engine *e, uint32_t bound, uint64_t *n)
{
	struct key k = key_of('P');
	const struct ordered_node *node = above(e, &k, 1);

	for (*n = 0; node && tail_u64(node->key) < bound; ++*n) {
		k = key_id('P', tail_u64(node->key));
		node = above(e, &k, 1);
	}
	return ERR_OK;
}

static err_t memory_epoch_drop(struct engine *e, uint32_t from, uint32_t bound)
{
	const struct key first = from ? key_id('P', from - 1) : key_of('P');
	const struct ordered_node *node;
	err_t err = ERR_OK;

	while ((node = above(e, &first, 1)) && tail_u64(node->key) < bound)
		TRY(drop(e, key_id('P', tail_u64(node->key))));
out:
	return err;
}

static void memory_tidy(struct engine *e)
{
}

const struct engine_ops engine_memory = {
	.name = "memory",
	.open = memory_open, .close = memory_close,
	.begin = memory_begin, .commit = memory_commit, .rollback = memory_rollback,
	.rows_insert = memory_rows_insert, .row_update = memory_row_update,
	.row_rehash = memory_row_rehash,
	.row_delete = memory_row_delete, .row_get = memory_row_get, .row_next = memory_row_next,
	.row_named = memory_row_named, .row_ident = memory_row_ident,
	.row_count = memory_row_count, .row_last = memory_row_last,
	.children = memory_children, .child_types = memory_child_types, .expired = memory_expired,
	.index_add = memory_index_add, .index_drop = memory_index_drop, .index_find = memory_index_find,
	.record_put = memory_record_put, .record_delete = memory_record_delete,
	.record_get = memory_record_get, .record_next = memory_record_next,
	.log_add = memory_log_add, .log_get = memory_log_get, .log_trim = memory_log_trim,
	.epoch_put = memory_epoch_put, .epoch_get = memory_epoch_get, .epoch_last = memory_epoch_last,
	.log_replace = memory_log_replace, .epoch_count = memory_epoch_count,
	.epoch_drop = memory_epoch_drop, .tidy = memory_tidy,
};
