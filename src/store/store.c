/* store.c: opening, transactions, commit. */
#include "store/inner.h"

#include "base/secret.h"

static uint64_t fail_at, writes;
static err_t fail_with = ERR_IO;

void engine_fail_at(uint64_t n, err_t err)
{
	fail_at = n;
	fail_with = err;
	writes = 0;
}

uint64_t engine_writes(void)
{
	return writes;
}

err_t engine_may_write(void)
{
	writes++;
	return fail_at != 0 && writes == fail_at ? fail_with : ERR_OK;
}

/* --- opening -------------------------------------------------------------------- */

/* Numbers of our own that outlive a start are records of kind STORE_INTERNAL. */
static err_t own_number(struct store *s, struct bytes name, uint64_t *out)
{
	struct bytes value;
	err_t err;

	TRY(record_get(s, STORE_INTERNAL, name, &value));
	if (value.n != 0 && value.n != 8)
		return ERR_TAMPERED;
	*out = value.n ? get_be64(value.p) : 0;
out:
	return err;
}

static err_t own_number_put(struct store *s, struct bytes name, uint64_t value)
{
	uint8_t octets[8];

	put_be64(octets, value);
	return record_change_internal(s, name, BYTES_OF(octets));
}

/* Ids are reserved in blocks, so that none comes twice even when the newest row
 * was deleted before a restart. */
static err_t open_ids(struct store *s)
{
	uint64_t last, reserved;
	err_t err;

	TRY(s->ops->row_last(s->engine, &last));
	TRY(own_number(s, BYTES("ids"), &reserved));
	TRY(own_number(s, BYTES("future"), &s->future));
	s->future_stored = s->future;
	s->next_id = reserved > last ? reserved : last + 1;
	s->fresh_from = s->next_id;
out:
	return err;
}

err_t store_open(const struct store_setup *setup, struct store **out)
{
	struct store *s = mem_new(1, sizeof(*s));
	err_t err = ERR_MEMORY;

	*out = NULL;
	if (!s)
		goto out;
	s->ops = engine_named(setup->engine);
	s->keys = setup->keys;
	s->cache_rows = setup->cache_rows > 16 ? setup->cache_rows : 16;
	s->cache_octets = s->cache_rows * 4096;
	err = ERR_UNSUPPORTED;
	if (!s->ops)
		goto out;
	crypt_random(&s->hash_key, sizeof(s->hash_key));
	TRY(s->ops->open(setup->path, &s->engine));
	TRY(seal_open_keys(s));
	TRY(keyed_open(s));
	TRY(rotate_open(s));
	TRY(log_start(s));
	TRY(open_ids(s));
	*out = s;
	s = NULL;
out:
	store_close(s);
	return err;
}

/* Ids that were reserved and not used are given back; if that fails they are
 * merely skipped. */
static void give_back_ids(struct store *s)
{
	if (s->reserved <= s->next_id || store_begin(s) != ERR_OK)
		return;
	s->reserved = s->next_id;
	s->closing = true;
	if (own_number_put(s, BYTES("ids"), s->next_id) == ERR_OK && store_commit(s) == ERR_OK)
		return;
	store_rollback(s);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->inside)
		store_rollback(s);
	if (s->ops && s->engine) {
		give_back_ids(s);
		s->ops->close(s->engine);
	}
	cache_free(s);
	seal_close_keys(s);
	mem_free(s->dirty);
	mem_free(s->indexed);
	mem_free(s->saved);
	mem_free(s->records);
	for (int i = 0; i < LOGS; i++)
		buf_free(&s->log[i].pending);
	secret_wipe(s, sizeof(*s));
	mem_free(s);
}

/* --- transactions ---------------------------------------------------------------- */

err_t store_begin(struct store *s)
{
	must(!s->inside);
	cache_trim(s);
	s->inside = true;
	s->marked = false;
	change_keep_place(s, &s->at_begin);
	return ERR_OK;
}

void store_rollback(struct store *s)
{
	if (!s->inside)
		return;
	s->marked = false;
	change_forget(s);
	s->inside = false;
	cache_trim(s);
}

bool store_in_transaction(const struct store *s)
{
	return s->inside;
}

err_t store_mark(struct store *s)
{
	must(s->inside && !s->marked);
	cache_trim(s);
	s->marked = true;
	s->mark_serial++;
	change_keep_place(s, &s->at_mark);
	return ERR_OK;
}

void store_undo_to_mark(struct store *s)
{
	must(s->inside && s->marked);
	change_undo(s);
	s->marked = false;
	cache_trim(s);
}

void store_release_mark(struct store *s)
{
	must(s->inside && s->marked);
	change_unmark(s);
	s->marked = false;
}

void store_trim(struct store *s)
{
	cache_trim(s);
}

/* --- commit ------------------------------------------------------------------------ */

static err_t flush_deleted(struct store *s)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < s->dirty_n; i++) {
		if (s->dirty[i]->state != SLOT_DELETED)
			continue;
		TRY(engine_may_write());
		TRY(s->ops->row_delete(s->engine, s->dirty[i]->id));
	}
out:
	return err;
}

/* New rows that wait for others; their bodies stand in store.inserted. */
struct inserts {
	struct sealed_row rows[ENGINE_ROWS];
	size_t n;
};

static err_t flush_inserts(struct store *s, struct inserts *in)
{
	err_t err = in->n ? s->ops->rows_insert(s->engine, in->rows, in->n) : ERR_OK;

	in->n = 0;
	buf_clear(&s->inserted);
	return err;
}

static err_t insert(struct store *s, struct inserts *in, const struct sealed_row *row)
{
	struct sealed_row *kept;
	err_t err = ERR_OK;

	if (row->body.n > INSERTED)
		return s->ops->rows_insert(s->engine, row, 1);
	if (row->body.n > INSERTED - s->inserted.n)
		TRY(flush_inserts(s, in));
	kept = &in->rows[in->n++];
	*kept = *row;
	kept->body = bytes_make(s->inserted.p + s->inserted.n, row->body.n);
	TRY(buf_add(&s->inserted, row->body));
	if (in->n == ENGINE_ROWS)
		err = flush_inserts(s, in);
out:
	return err;
}

static err_t flush_rows(struct store *s)
{
	bool moves = s->generations.before != NO_GENERATION;
	struct inserts in;
	err_t err = ERR_OK;

	in.n = 0;
	buf_clear(&s->inserted);

	for (size_t i = 0; i < s->dirty_n; i++) {
		const struct slot *slot = s->dirty[i];
		struct sealed_row row;

		if (slot->state != SLOT_NEW && slot->state != SLOT_CHANGED)
			continue;
		if (moves)
			TRY(rows_rehash(s, slot->data));
		TRY(seal_row(s, slot->data, &row));
		TRY(engine_may_write());
		TRY(slot->state == SLOT_NEW ? insert(s, &in, &row)
		    : moves                 ? s->ops->row_rehash(s->engine, &row)
		                            : s->ops->row_update(s->engine, &row));
	}
	TRY(flush_inserts(s, &in));
out:
	return err;
}

static bool set_again_later(const struct slot *slot, const struct index_change *c)
{
	for (const struct index_change *newer = slot->index; newer != c; newer = newer->next)
		if (bytes_equal(bytes_make(newer->attribute, newer->attribute_n),
		                bytes_make(c->attribute, c->attribute_n)))
			return true;
	return false;
}

static err_t flush_index_change(struct store *s, const struct slot *slot, const struct index_change *c)
{
	struct index_entry entry = { .attribute = bytes_make(c->attribute, c->attribute_n), .id = slot->id };
	err_t err = ERR_OK;

	if (slot->state != SLOT_NEW) {
		TRY(engine_may_write());
		TRY(s->ops->index_drop(s->engine, slot->id, entry.attribute));
	}
	for (size_t i = 0; i < c->n; i++) {
		bytes_copy(entry.value_h, c->values[i], ENGINE_HASH);
		TRY(keyed_check(s, c->generation, &entry));
		TRY(engine_may_write());
		TRY(s->ops->index_add(s->engine, &entry));
	}
out:
	return err;
}

static err_t flush_index(struct store *s)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < s->indexed_n; i++) {
		const struct slot *slot = s->indexed[i];

		for (const struct index_change *c = slot->index; slot->data && c; c = c->next)
			if (!set_again_later(slot, c))
				TRY(flush_index_change(s, slot, c));
	}
out:
	return err;
}

static err_t flush_records(struct store *s)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < s->records_n; i++) {
		const struct record_change *c = s->records[i];
		struct sealed_record r;

		TRY(engine_may_write());
		if (c->deleted) {
			TRY(s->ops->record_delete(s->engine, c->kind, c->key_h));
			continue;
		}
		TRY(seal_record(s, c, &r));
		TRY(s->ops->record_put(s->engine, &r));
	}
out:
	return err;
}

/* Our own numbers, where this transaction went beyond what is stored. Ids are reserved ahead:
 * some are told to others before there is a row to be committed. */
static err_t put_own_numbers(struct store *s, uint64_t *reserved)
{
	err_t err = ERR_OK;

	*reserved = s->reserved;
	if (s->future > s->future_stored)
		TRY(own_number_put(s, BYTES("future"), s->future));
	if (s->closing || s->next_id + IDS_AHEAD <= s->reserved)
		goto out;
	*reserved = s->next_id + IDS_RESERVED;
	TRY(own_number_put(s, BYTES("ids"), *reserved));
out:
	return err;
}

static bool nothing_changed(const struct store *s)
{
	bool nothing = s->dirty_n == 0 && s->records_n == 0 && !s->rewrap;

	for (int i = 0; i < LOGS; i++)
		nothing = nothing && s->log[i].pending_n == 0 && s->log[i].trim == 0;
	return nothing;
}

static err_t flush(struct store *s)
{
	err_t err;

	TRY(engine_may_write());
	TRY(s->ops->begin(s->engine));
	if (!s->epoch_stored) {
		TRY(engine_may_write());
		TRY(s->ops->epoch_put(s->engine, s->epoch, bytes_of_buf(&s->epoch_sealed)));
	}
	if (s->generations.now != s->generation_stored) {
		TRY(engine_may_write());
		TRY(s->ops->epoch_put(s->engine, ENGINE_INDEX + s->generations.now,
		                      bytes_of_buf(&s->generation_sealed)));
	}
	if (s->rewrap)
		TRY(rotate_flush_keys(s));
	TRY(flush_deleted(s));
	TRY(flush_rows(s));
	TRY(flush_index(s));
	TRY(flush_records(s));
	TRY(rotate_flush_blocks(s));
	for (unsigned log = 1; log <= LOGS; log++)
		TRY(log_flush(s, log));
	if (s->drop_below) {
		TRY(engine_may_write());
		TRY(s->ops->epoch_drop(s->engine, 0, s->drop_below));
		TRY(s->ops->epoch_drop(s->engine, ENGINE_INDEX, ENGINE_INDEX + s->generations.now));
	}
	TRY(engine_may_write());
	TRY(s->ops->commit(s->engine));
out:
	if (err != ERR_OK)
		s->ops->rollback(s->engine);
	return err;
}

err_t store_commit(struct store *s)
{
	uint64_t reserved = 0;
	err_t err = ERR_OK;

	must(s->inside && !s->marked);
	if (!nothing_changed(s)) {
		TRY(put_own_numbers(s, &reserved));
		TRY(flush(s));
		s->reserved = reserved;
		s->future_stored = s->future;
		s->epoch_stored = true;
		s->generation_stored = s->generations.now;
		if (s->drop_below) {
			s->generations.before = NO_GENERATION;
			keyed_forget(s);
			seal_forget_keys(s, s->drop_below);
		}
		s->fresh_from = s->next_id;
		s->rows = (uint64_t)((int64_t)s->rows + s->rows_change);
	}
	s->rows_change = 0;
	change_settle(s);
	s->inside = false;
	cache_trim(s);
out:
	if (err != ERR_OK)
		store_rollback(s);
	return err;
}
