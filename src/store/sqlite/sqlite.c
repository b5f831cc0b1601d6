/* sqlite.c: the engine for a node: each call is one prepared statement. */
#include "store/sqlite/inner.h"

/* log * 2^56 + number */
enum { LOG_SHIFT = 56, ROW_COLUMNS = 13 };

/* --- running statements ---------------------------------------------------------- */

/* The statement, with the views of the last one ended. */
static sqlite3_stmt *use(struct engine *e, enum statement which)
{
	if (e->open) {
		sqlite3_reset(e->open);
		e->open = NULL;
	}
	return e->statements[which];
}

static void bind_u64(sqlite3_stmt *st, int at, uint64_t v)
{
	must(sqlite3_bind_int64(st, at, (sqlite3_int64)v) == SQLITE_OK);
}

/* Bound octets are read before the call returns: not copied. */
static void bind_bytes(sqlite3_stmt *st, int at, struct bytes b)
{
	must(b.n <= INT32_MAX);
	must(sqlite3_bind_blob(st, at, b.p ? b.p : (const void *)"", (int)b.n, SQLITE_STATIC) == SQLITE_OK);
}

static void bind_hash(sqlite3_stmt *st, int at, const uint8_t hash[ENGINE_HASH])
{
	bind_bytes(st, at, bytes_make(hash, ENGINE_HASH));
}

static void bind_hash_of(sqlite3_stmt *st, int at, bool has, const uint8_t hash[ENGINE_HASH])
{
	if (has)
		bind_hash(st, at, hash);
	else
		must(sqlite3_bind_null(st, at) == SQLITE_OK);
}

static void bind_text(sqlite3_stmt *st, int at, struct bytes b)
{
	must(sqlite3_bind_text(st, at, (const char *)b.p, (int)b.n, SQLITE_STATIC) == SQLITE_OK);
}

static err_t run(sqlite3_stmt *st)
{
	int code = sqlite3_step(st);

	sqlite3_reset(st);
	return sqlite_error(code);
}

/* One row, left open for views. */
static err_t first(struct engine *e, sqlite3_stmt *st, bool *found)
{
	int code = sqlite3_step(st);

	*found = code == SQLITE_ROW;
	e->open = st;
	return sqlite_error(code);
}

static err_t one_number(struct engine *e, sqlite3_stmt *st, uint64_t *out)
{
	bool found;
	err_t err = first(e, st, &found);

	*out = err == ERR_OK && found ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
	return err;
}

static struct bytes column_bytes(sqlite3_stmt *st, int at)
{
	const void *p = sqlite3_column_blob(st, at);

	return bytes_make(p, (size_t)sqlite3_column_bytes(st, at));
}

/* A hash column: absent, or exactly one hash. */
static err_t column_hash(sqlite3_stmt *st, int at, uint8_t out[ENGINE_HASH], bool *has)
{
	struct bytes b;

	*has = sqlite3_column_type(st, at) != SQLITE_NULL;
	bytes_zero(out, ENGINE_HASH);
	if (!*has)
		return ERR_OK;
	b = column_bytes(st, at);
	if (b.n != ENGINE_HASH)
		return ERR_TAMPERED;
	bytes_copy(out, b.p, ENGINE_HASH);
	return ERR_OK;
}

/* --- transactions ------------------------------------------------------------------- */

static err_t sqlite_begin(struct engine *e)
{
	return run(use(e, SQL_BEGIN));
}

static err_t sqlite_commit(struct engine *e)
{
	return run(use(e, SQL_COMMIT));
}

static void sqlite_rollback(struct engine *e)
{
	sqlite3_stmt *st = use(e, SQL_ROLLBACK);

	/* Some errors end the transaction by themselves. */
	if (sqlite3_get_autocommit(e->db))
		return;
	sqlite3_step(st);
	sqlite3_reset(st);
}

/* --- rows --------------------------------------------------------------------------- */

/* Its columns, behind those of `before` other rows. */
static void bind_row(sqlite3_stmt *st, size_t before, const struct sealed_row *row)
{
	int at = (int)before * ROW_COLUMNS;

	bind_u64(st, at + 1, row->id);
	bind_u64(st, at + 2, row->parent);
	bind_u64(st, at + 3, row->type);
	bind_u64(st, at + 4, (uint64_t)row->created);
	bind_u64(st, at + 5, (uint64_t)row->modified);
	bind_u64(st, at + 6, (uint64_t)row->expires);
	bind_u64(st, at + 7, row->size);
	bind_u64(st, at + 8, row->version);
	bind_u64(st, at + 9, row->epoch);
	bind_u64(st, at + 10, row->counter);
	bind_hash_of(st, at + 11, row->has_name, row->name_h);
	bind_hash_of(st, at + 12, row->has_ident, row->ident_h);
	bind_bytes(st, at + ROW_COLUMNS, row->body);
}

/* As many as there can be go in one statement: table and indexes are opened once for all. */
static err_t sqlite_rows_insert(struct engine *e, const struct sealed_row *rows, size_t n)
{
	enum statement which = n == ENGINE_ROWS ? SQL_ROWS_INSERT : SQL_ROW_INSERT;
	size_t each = n == ENGINE_ROWS ? ENGINE_ROWS : 1;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i += each) {
		sqlite3_stmt *st = use(e, which);

		for (size_t k = 0; k < each; k++)
			bind_row(st, k, &rows[i + k]);
		TRY(run(st));
	}
out:
	return err;
}

static void bind_update(sqlite3_stmt *st, const struct sealed_row *row)
{
	bind_u64(st, 1, row->id);
	bind_u64(st, 2, (uint64_t)row->modified);
	bind_u64(st, 3, (uint64_t)row->expires);
	bind_u64(st, 4, row->size);
	bind_u64(st, 5, row->version);
	bind_u64(st, 6, row->epoch);
	bind_u64(st, 7, row->counter);
	bind_bytes(st, 8, row->body);
}

static err_t update(struct engine *e, enum statement which, const struct sealed_row *row)
{
	sqlite3_stmt *st = use(e, which);

	bind_update(st, row);
	return run(st);
}

static err_t sqlite_row_rehash(struct engine *e, const struct sealed_row *row)
{
	sqlite3_stmt *st = use(e, SQL_ROW_REHASH);
	err_t err;

	bind_update(st, row);
	bind_hash_of(st, 9, row->has_name, row->name_h);
	bind_hash_of(st, 10, row->has_ident, row->ident_h);
	TRY(run(st));
	if (sqlite3_changes(e->db) != 1)
		err = ERR_TAMPERED;
out:
	return err;
}

static err_t sqlite_row_update(struct engine *e, const struct sealed_row *row)
{
	err_t err;

	TRY(update(e, SQL_ROW_UPDATE, row));
	if (sqlite3_changes(e->db) == 1)
		goto out;
	TRY(update(e, SQL_ROW_UPDATE_EXPIRES, row));
	if (sqlite3_changes(e->db) != 1)
		err = ERR_TAMPERED;
out:
	return err;
}

static err_t sqlite_row_delete(struct engine *e, uint64_t id)
{
	sqlite3_stmt *st = use(e, SQL_INDEX_DROP_ROW);
	err_t err;

	bind_u64(st, 1, id);
	TRY(run(st));
	st = use(e, SQL_ROW_DELETE);
	bind_u64(st, 1, id);
	TRY(run(st));
	if (sqlite3_changes(e->db) != 1)
		err = ERR_TAMPERED;
out:
	return err;
}

static err_t read_row(sqlite3_stmt *st, struct sealed_row *out)
{
	err_t err;

	*out = (struct sealed_row){
		.id = (uint64_t)sqlite3_column_int64(st, 0),
		.parent = (uint64_t)sqlite3_column_int64(st, 1),
		.type = (uint32_t)sqlite3_column_int64(st, 2),
		.created = sqlite3_column_int64(st, 3),
		.modified = sqlite3_column_int64(st, 4),
		.expires = sqlite3_column_int64(st, 5),
		.size = (uint64_t)sqlite3_column_int64(st, 6),
		.version = (uint64_t)sqlite3_column_int64(st, 7),
		.epoch = (uint32_t)sqlite3_column_int64(st, 8),
		.counter = (uint64_t)sqlite3_column_int64(st, 9),
		.body = column_bytes(st, 12),
	};
	TRY(column_hash(st, 10, out->name_h, &out->has_name));
	TRY(column_hash(st, 11, out->ident_h, &out->has_ident));
out:
	return err;
}

static err_t fetch_row(struct engine *e, enum statement which, uint64_t id, struct sealed_row *out,
                       bool *found)
{
	sqlite3_stmt *st = use(e, which);
	err_t err;

	bind_u64(st, 1, id);
	TRY(first(e, st, found));
	if (*found)
		TRY(read_row(st, out));
out:
	return err;
}

static err_t sqlite_row_get(struct engine *e, uint64_t id, struct sealed_row *out, bool *found)
{
	return fetch_row(e, SQL_ROW_GET, id, out, found);
}

static err_t sqlite_row_next(struct engine *e, uint64_t after, struct sealed_row *out, bool *found)
{
	return fetch_row(e, SQL_ROW_NEXT, after, out, found);
}

static err_t sqlite_row_named(struct engine *e, const uint8_t name_h[ENGINE_HASH], uint64_t *id)
{
	sqlite3_stmt *st = use(e, SQL_ROW_NAMED);

	bind_hash(st, 1, name_h);
	return one_number(e, st, id);
}

static err_t sqlite_row_ident(struct engine *e, const uint8_t ident_h[ENGINE_HASH], uint64_t *id)
{
	sqlite3_stmt *st = use(e, SQL_ROW_IDENT);

	bind_hash(st, 1, ident_h);
	return one_number(e, st, id);
}

static err_t sqlite_row_count(struct engine *e, uint64_t *n)
{
	return one_number(e, use(e, SQL_ROW_COUNT), n);
}

static err_t sqlite_row_last(struct engine *e, uint64_t *id)
{
	return one_number(e, use(e, SQL_ROW_LAST), id);
}

static err_t sqlite_children(struct engine *e, const struct engine_scan *scan, uint64_t *ids,
                             size_t limit, size_t *n)
{
	sqlite3_stmt *st = use(e, scan->newest_first ? SQL_CHILDREN_DOWN : SQL_CHILDREN_UP);
	int code = SQLITE_DONE;

	bind_u64(st, 1, scan->parent);
	bind_u64(st, 2, scan->type);
	bind_u64(st, 3, scan->newest_first && !scan->after ? INT64_MAX : scan->after);
	bind_u64(st, 4, limit);
	for (*n = 0; *n < limit && (code = sqlite3_step(st)) == SQLITE_ROW; (*n)++)
		ids[*n] = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	return sqlite_error(code);
}

static err_t sqlite_child_types(struct engine *e, uint64_t parent, uint32_t types[ENGINE_TYPES], size_t *n)
{
	uint64_t type = 0;
	err_t err = ERR_OK;

	for (*n = 0; *n < ENGINE_TYPES; (*n)++) {
		sqlite3_stmt *st = use(e, SQL_CHILD_TYPE);

		bind_u64(st, 1, parent);
		bind_u64(st, 2, type);
		TRY(one_number(e, st, &type));
		if (type == 0)
			break;
		types[*n] = (uint32_t)type;
	}
out:
	return err;
}

static err_t sqlite_expired(struct engine *e, int64_t now, const struct engine_expiry *after,
                            struct engine_expiry *out, size_t limit, size_t *n)
{
	sqlite3_stmt *st = use(e, SQL_EXPIRED);
	int code = SQLITE_DONE;

	bind_u64(st, 1, (uint64_t)now);
	bind_u64(st, 2, (uint64_t)after->expires);
	bind_u64(st, 3, after->id);
	bind_u64(st, 4, limit);
	for (*n = 0; *n < limit && (code = sqlite3_step(st)) == SQLITE_ROW; (*n)++) {
		out[*n].expires = sqlite3_column_int64(st, 0);
		out[*n].id = (uint64_t)sqlite3_column_int64(st, 1);
	}
	sqlite3_reset(st);
	return sqlite_error(code);
}

/* --- search index ------------------------------------------------------------------- */

static err_t sqlite_index_add(struct engine *e, const struct index_entry *entry)
{
	sqlite3_stmt *st = use(e, SQL_INDEX_ADD);

	bind_text(st, 1, entry->attribute);
	bind_hash(st, 2, entry->value_h);
	bind_u64(st, 3, entry->id);
	bind_bytes(st, 4, BYTES_OF(entry->check));
	return run(st);
}

static err_t sqlite_index_drop(struct engine *e, uint64_t id, struct bytes attribute)
{
	sqlite3_stmt *st = use(e, SQL_INDEX_DROP);

	bind_u64(st, 1, id);
	bind_text(st, 2, attribute);
	return run(st);
}

static err_t sqlite_index_find(struct engine *e, const struct index_entry *entry,
                               struct index_entry *out, size_t limit, size_t *n)
{
	sqlite3_stmt *st = use(e, SQL_INDEX_FIND);
	int code = SQLITE_DONE;

	bind_text(st, 1, entry->attribute);
	bind_hash(st, 2, entry->value_h);
	bind_u64(st, 3, entry->id);
	bind_u64(st, 4, limit);
	for (*n = 0; *n < limit && (code = sqlite3_step(st)) == SQLITE_ROW; (*n)++) {
		struct bytes mac = column_bytes(st, 1);

		out[*n] = *entry;
		out[*n].id = (uint64_t)sqlite3_column_int64(st, 0);
		/* One of another length matches none: zeros. */
		bytes_zero(out[*n].check, ENGINE_CHECK);
		if (mac.n == ENGINE_CHECK)
			bytes_copy(out[*n].check, mac.p, ENGINE_CHECK);
	}
	sqlite3_reset(st);
	return sqlite_error(code);
}

/* --- records -------------------------------------------------------------------------- */

static err_t sqlite_record_put(struct engine *e, const struct sealed_record *r)
{
	sqlite3_stmt *st = use(e, SQL_RECORD_PUT);

	bind_u64(st, 1, r->kind);
	bind_hash(st, 2, r->key_h);
	bind_u64(st, 3, r->epoch);
	bind_u64(st, 4, r->counter);
	bind_bytes(st, 5, r->body);
	return run(st);
}

static err_t sqlite_record_delete(struct engine *e, uint32_t kind, const uint8_t key_h[ENGINE_HASH])
{
	sqlite3_stmt *st = use(e, SQL_RECORD_DELETE);

	bind_u64(st, 1, kind);
	bind_hash(st, 2, key_h);
	return run(st);
}

static err_t fetch_record(struct engine *e, sqlite3_stmt *st, uint32_t kind, struct sealed_record *out,
                          bool *found)
{
	bool has;
	err_t err;

	TRY(first(e, st, found));
	if (!*found)
		goto out;
	*out = (struct sealed_record){
		.kind = kind,
		.epoch = (uint32_t)sqlite3_column_int64(st, 1),
		.counter = (uint64_t)sqlite3_column_int64(st, 2),
		.body = column_bytes(st, 3),
	};
	TRY(column_hash(st, 0, out->key_h, &has));
out:
	return err;
}

static err_t sqlite_record_get(struct engine *e, uint32_t kind, const uint8_t key_h[ENGINE_HASH],
                               struct sealed_record *out, bool *found)
{
	sqlite3_stmt *st = use(e, SQL_RECORD_GET);

	bind_u64(st, 1, kind);
	bind_hash(st, 2, key_h);
	return fetch_record(e, st, kind, out, found);
}

static err_t sqlite_record_next(struct engine *e, uint32_t kind, const uint8_t *key_h,
                                struct sealed_record *out, bool *found)
{
	sqlite3_stmt *st = use(e, SQL_RECORD_NEXT);

	bind_u64(st, 1, kind);
	bind_bytes(st, 2, bytes_make(key_h, key_h ? ENGINE_HASH : 0));
	return fetch_record(e, st, kind, out, found);
}

/* --- logs, epochs ---------------------------------------------------------------------- */

static uint64_t log_number(uint32_t log, uint64_t number)
{
	uint64_t most = ((uint64_t)1 << LOG_SHIFT) - 1;

	return ((uint64_t)log << LOG_SHIFT) + (number < most ? number : most);
}

static err_t log_write(struct engine *e, sqlite3_stmt *st, const struct sealed_block *b)
{
	bind_u64(st, 1, log_number(b->log, b->first));
	bind_u64(st, 2, b->count);
	bind_u64(st, 3, b->epoch);
	bind_u64(st, 4, b->counter);
	bind_bytes(st, 5, b->body);
	return run(st);
}

static err_t sqlite_log_add(struct engine *e, const struct sealed_block *b)
{
	return log_write(e, use(e, SQL_LOG_ADD), b);
}

static err_t sqlite_log_replace(struct engine *e, const struct sealed_block *b)
{
	err_t err = log_write(e, use(e, SQL_LOG_REPLACE), b);

	return err == ERR_OK && sqlite3_changes(e->db) != 1 ? ERR_TAMPERED : err;
}

static err_t sqlite_log_get(struct engine *e, uint32_t log, uint64_t number, bool next,
                            struct sealed_block *out, bool *found)
{
	sqlite3_stmt *st = use(e, next ? SQL_LOG_FROM : SQL_LOG_AT);
	err_t err;

	bind_u64(st, 1, log_number(log, number));
	bind_u64(st, 2, next ? log_number(log, UINT64_MAX) : log_number(log, 0));
	TRY(first(e, st, found));
	if (!*found)
		goto out;
	*out = (struct sealed_block){
		.log = log,
		.first = (uint64_t)sqlite3_column_int64(st, 0) - log_number(log, 0),
		.count = (uint32_t)sqlite3_column_int64(st, 1),
		.epoch = (uint32_t)sqlite3_column_int64(st, 2),
		.counter = (uint64_t)sqlite3_column_int64(st, 3),
		.body = column_bytes(st, 4),
	};
out:
	return err;
}

static err_t sqlite_log_trim(struct engine *e, uint32_t log, uint64_t below)
{
	sqlite3_stmt *st = use(e, SQL_LOG_TRIM);

	bind_u64(st, 1, log_number(log, 0));
	bind_u64(st, 2, log_number(log, below));
	return run(st);
}

static err_t sqlite_epoch_put(struct engine *e, uint32_t epoch, struct bytes sealed)
{
	sqlite3_stmt *st = use(e, SQL_EPOCH_PUT);

	bind_u64(st, 1, epoch);
	bind_bytes(st, 2, sealed);
	return run(st);
}

static err_t sqlite_epoch_get(struct engine *e, uint32_t epoch, struct bytes *sealed)
{
	sqlite3_stmt *st = use(e, SQL_EPOCH_GET);
	bool found;
	err_t err;

	*sealed = BYTES_NONE;
	bind_u64(st, 1, epoch);
	TRY(first(e, st, &found));
	if (found)
		*sealed = column_bytes(st, 0);
out:
	return err;
}

static err_t sqlite_epoch_last(struct engine *e, uint32_t below, uint32_t *epoch)
{
	sqlite3_stmt *st = use(e, SQL_EPOCH_LAST);
	uint64_t last;
	err_t err;

	bind_u64(st, 1, below);
	err = one_number(e, st, &last);

	*epoch = last > UINT32_MAX ? UINT32_MAX : (uint32_t)last;
	return err;
}

static err_t sqlite_epoch_count(struct engine *e, uint32_t below, uint64_t *n)
{
	sqlite3_stmt *st = use(e, SQL_EPOCH_COUNT);

	bind_u64(st, 1, below);
	return one_number(e, st, n);
}

static err_t sqlite_epoch_drop(struct engine *e, uint32_t from, uint32_t below)
{
	sqlite3_stmt *st = use(e, SQL_EPOCH_DROP);

	bind_u64(st, 1, from);
	bind_u64(st, 2, below);
	return run(st);
}

/* The pages that held it are zeroed (secure_delete) and leave the journal. */
static void sqlite_tidy(struct engine *e)
{
	(void)sqlite3_step(use(e, SQL_CHECKPOINT));
	(void)sqlite3_reset(e->statements[SQL_CHECKPOINT]);
}

const struct engine_ops engine_sqlite = {
	.name = "sqlite",
	.open = sqlite_file_open, .close = sqlite_file_close,
	.begin = sqlite_begin, .commit = sqlite_commit, .rollback = sqlite_rollback,
	.rows_insert = sqlite_rows_insert, .row_update = sqlite_row_update,
	.row_rehash = sqlite_row_rehash,
	.row_delete = sqlite_row_delete, .row_get = sqlite_row_get, .row_next = sqlite_row_next,
	.row_named = sqlite_row_named, .row_ident = sqlite_row_ident,
	.row_count = sqlite_row_count, .row_last = sqlite_row_last,
	.children = sqlite_children, .child_types = sqlite_child_types, .expired = sqlite_expired,
	.index_add = sqlite_index_add, .index_drop = sqlite_index_drop, .index_find = sqlite_index_find,
	.record_put = sqlite_record_put, .record_delete = sqlite_record_delete,
	.record_get = sqlite_record_get, .record_next = sqlite_record_next,
	.log_add = sqlite_log_add, .log_get = sqlite_log_get, .log_trim = sqlite_log_trim,
	.epoch_put = sqlite_epoch_put, .epoch_get = sqlite_epoch_get, .epoch_last = sqlite_epoch_last,
	.log_replace = sqlite_log_replace, .epoch_count = sqlite_epoch_count,
	.epoch_drop = sqlite_epoch_drop, .tidy = sqlite_tidy,
};
