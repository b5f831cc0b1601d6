/* rotate.c: a new data key and new index keys now, and everything sealed or hashed by
 * earlier ones sealed and hashed anew, a bounded part in each step; then the earlier keys
 * are destroyed.
 *
 *   store_rotate       a fresh epoch; target = its number; a fresh generation of index keys
 *   store_rotate_step  rows, then records of each kind, then both logs
 *                      --all done--> the keys of epochs below the target go, and those of
 *                                    the generation before
 *
 * Meanwhile what is written is hashed by the fresh generation, and what is looked for is
 * looked for under both. A row that was there at the start has its index entries set anew;
 * values are in no index, so whoever knows the row says them.
 *
 * What is written meanwhile is sealed by the fresh key or a later start's, so one
 * pass is enough. Where it stands is a record of our own, changed in the same
 * transaction as what it speaks of: after a crash the next step goes on there. A
 * row is sealed anew as it is: version, times and digest stay. */
#include "store/inner.h"

#include "base/secret.h"

enum {
	STEP_ITEMS = 128, STEP_SCANNED = 4096, STEP_OCTETS = 1 << 20,
	KINDS_MAX = 64, STATE_BEFORE = 4 + 1 + 4 + ENGINE_HASH + 8, STATE = STATE_BEFORE + 4 + 8,
};

struct state {
	uint32_t target;
	uint8_t phase;
	uint32_t kind;          /* of records, or the log */
	uint8_t at[ENGINE_HASH];/* id, number (8 octets) or hash to go on behind */
	uint64_t resealed;
	uint32_t generation;    /* of index keys; 0: these are not rotated (a record of before) */
	uint64_t through;       /* rows below had index entries of the generation before */
};

/* What is left of this step. */
struct budget {
	size_t items, scanned, octets;
};

static bool spent(const struct budget *b)
{
	return b->items == 0 || b->scanned == 0 || b->octets == 0;
}

static void spend(struct budget *b, bool sealed, size_t octets)
{
	b->scanned--;
	b->items -= sealed;
	b->octets -= sealed && octets < b->octets ? octets : sealed ? b->octets : 0;
}

static err_t state_read(struct store *s, struct state *st)
{
	struct bytes value;
	err_t err;

	*st = (struct state){ .phase = ROTATE_NEVER };
	TRY(record_get(s, STORE_INTERNAL, BYTES("rotate"), &value));
	if (value.n == 0)
		return ERR_OK;
	if (value.n != STATE && value.n != STATE_BEFORE)
		return ERR_TAMPERED;
	st->target = get_be32(value.p);
	st->phase = value.p[4];
	st->kind = get_be32(value.p + 5);
	bytes_copy(st->at, value.p + 9, ENGINE_HASH);
	st->resealed = get_be64(value.p + 9 + ENGINE_HASH);
	if (value.n == STATE) {
		st->generation = get_be32(value.p + STATE_BEFORE);
		st->through = get_be64(value.p + STATE_BEFORE + 4);
	}
out:
	return err;
}

static err_t state_write(struct store *s, const struct state *st)
{
	uint8_t octets[STATE];

	put_be32(octets, st->target);
	octets[4] = st->phase;
	put_be32(octets + 5, st->kind);
	bytes_copy(octets + 9, st->at, ENGINE_HASH);
	put_be64(octets + 9 + ENGINE_HASH, st->resealed);
	put_be32(octets + STATE_BEFORE, st->generation);
	put_be64(octets + STATE_BEFORE + 4, st->through);
	return record_change_internal(s, BYTES("rotate"), BYTES_OF(octets));
}

static void next_phase(struct state *st, uint8_t phase, uint32_t kind)
{
	st->phase = phase;
	st->kind = kind;
	bytes_zero(st->at, sizeof(st->at));
}

/* --- steps -------------------------------------------------------------------------- */

/* Sealed with this commit, and its index entries set anew where there is who knows them. */
static err_t reseal_row(struct store *s, uint64_t id, const struct store_reindex *reindex)
{
	struct slot *slot;
	err_t err;

	TRY(rows_slot(s, id, &slot));
	if (!slot) /* deleted */
		return ERR_OK;
	if (slot->state != SLOT_NEW && slot->state != SLOT_CHANGED)
		TRY(change_slot(s, slot, SLOT_CHANGED));
	if (reindex)
		err = reindex->row(reindex->self, &slot->data->row);
out:
	return err;
}

static err_t step_rows(struct store *s, const struct store_reindex *reindex, struct state *st,
                       struct budget *b)
{
	struct sealed_row row;
	bool found = true;
	err_t err = ERR_OK;

	while (!spent(b)) {
		bool old;

		TRY(s->ops->row_next(s->engine, get_be64(st->at), &row, &found));
		if (!found) {
			next_phase(st, ROTATE_RECORDS, 0);
			break;
		}
		old = row.epoch < st->target || row.id < st->through;
		spend(b, old, row.body.n);
		put_be64(st->at, row.id);
		if (old) {
			TRY(reseal_row(s, row.id, row.id < st->through ? reindex : NULL));
			st->resealed++;
		}
	}
out:
	return err;
}

/* *resealed: it was of an earlier epoch, or stood where the generation before has it. */
static err_t reseal_record(struct store *s, const struct sealed_record *r, bool *resealed)
{
	uint8_t key_h[ENGINE_HASH];
	struct bytes key, value;
	struct buf copy = buf_make(BODY_MAX);
	size_t key_n;
	err_t err = ERR_OK;

	if (record_is_changed(s, r->kind, r->key_h))
		goto out;
	TRY(unseal_record(s, r, &key, &value));
	TRY(record_hash(s, r->kind, key, key_h));
	*resealed |= !bytes_equal(BYTES_OF(key_h), BYTES_OF(r->key_h));
	if (!*resealed)
		goto out;
	key_n = key.n;
	TRY(buf_add(&copy, key));
	TRY(buf_add(&copy, value));
	err = record_change_same(s, r->kind, bytes_make(copy.p, key_n),
	                         bytes_make(copy.p + key_n, copy.n - key_n));
out:
	if (copy.p)
		secret_wipe(copy.p, copy.cap);
	buf_free(&copy);
	return err;
}

static err_t step_records(struct store *s, struct state *st, struct budget *b)
{
	static const uint8_t start[ENGINE_HASH];
	err_t err = ERR_OK;

	while (!spent(b)) {
		bool first = bytes_equal(BYTES_OF(st->at), BYTES_OF(start)), found, old;
		struct sealed_record r;
		size_t size;

		TRY(s->ops->record_next(s->engine, st->kind, first ? NULL : st->at, &r, &found));
		if (!found && st->kind + 1 < KINDS_MAX) {
			next_phase(st, ROTATE_RECORDS, st->kind + 1);
			b->scanned--;
			continue;
		}
		if (!found) {
			next_phase(st, ROTATE_LOGS, 1);
			break;
		}
		old = r.epoch < st->target;
		size = r.body.n;
		bytes_copy(st->at, r.key_h, ENGINE_HASH);
		r.kind = st->kind;
		if (old || st->generation)
			TRY(reseal_record(s, &r, &old));
		spend(b, old, size);
		st->resealed += old;
	}
out:
	return err;
}

/* Blocks are sealed anew at the commit; here it is seen that they open. */
static err_t step_logs(struct store *s, struct state *st, struct budget *b)
{
	struct log_reseal *todo = &s->reseal;
	err_t err = ERR_OK;

	*todo = (struct log_reseal){ .log = st->kind, .from = get_be64(st->at) + 1,
		                     .below_epoch = st->target };
	while (!spent(b)) {
		struct sealed_block block;
		struct bytes plain;
		bool found, old;

		TRY(s->ops->log_get(s->engine, st->kind, get_be64(st->at) + 1, true, &block, &found));
		if (!found && st->kind < LOGS)
			next_phase(st, ROTATE_LOGS, st->kind + 1);
		else if (!found)
			next_phase(st, ROTATE_DONE, 0);
		if (!found)
			break;
		old = block.epoch < st->target;
		spend(b, old, block.body.n);
		put_be64(st->at, block.first);
		todo->to = block.first;
		if (old) {
			TRY(unseal_block(s, &block, &plain));
			st->resealed++;
		}
	}
out:
	if (err != ERR_OK)
		*todo = (struct log_reseal){ 0 };
	return err;
}

err_t rotate_flush_blocks(struct store *s)
{
	uint64_t at = s->reseal.from;
	err_t err = ERR_OK;

	while (s->reseal.log && at <= s->reseal.to) {
		struct sealed_block block;
		struct bytes plain;
		bool found;

		TRY(s->ops->log_get(s->engine, s->reseal.log, at, true, &block, &found));
		if (!found || block.first > s->reseal.to)
			break;
		at = block.first + 1;
		if (block.epoch >= s->reseal.below_epoch)
			continue;
		TRY(unseal_block(s, &block, &plain));
		TRY(seal_block(s, plain, &block));
		TRY(engine_may_write());
		TRY(s->ops->log_replace(s->engine, &block));
	}
out:
	return err;
}

/* --- the whole ------------------------------------------------------------------------- */

err_t store_rotate(struct store *s)
{
	struct state st;
	err_t err;

	must(s->inside);
	TRY(state_read(s, &st));
	/* Done is what is committed: until then both generations are needed. */
	if ((st.phase != ROTATE_NEVER && st.phase != ROTATE_DONE) || s->drop_below)
		return ERR_EXISTS;
	TRY(seal_fresh_key(s));
	TRY(keyed_draw(s));
	st = (struct state){ .target = s->epoch, .phase = ROTATE_ROWS,
		             .generation = s->generations.now, .through = s->next_id };
	err = state_write(s, &st);
out:
	return err;
}

err_t store_rewrap(struct store *s, uint64_t *n)
{
	err_t err;

	must(s->inside);
	TRY(s->keys.data_key_rewrap ? ERR_OK : ERR_UNSUPPORTED);
	TRY(s->ops->epoch_count(s->engine, UINT32_MAX, n));
	*n += !s->epoch_stored; /* comes with this transaction */
	s->rewrap = true;
out:
	return err;
}

static err_t rewrap(struct store *s, uint32_t number)
{
	struct buf fresh = buf_make(1024);
	struct bytes sealed;
	err_t err;

	TRY(s->ops->epoch_get(s->engine, number, &sealed));
	if (!sealed.n)
		goto out;
	TRY(s->keys.data_key_rewrap(s->keys.self, sealed, &fresh));
	TRY(s->ops->epoch_put(s->engine, number, bytes_of_buf(&fresh)));
out:
	buf_free(&fresh);
	return err;
}

err_t rotate_flush_keys(struct store *s)
{
	uint32_t last, generation[2];
	unsigned n = keyed_generations(s, generation);
	err_t err;

	TRY(s->ops->epoch_last(s->engine, ENGINE_INDEX, &last));
	for (uint32_t epoch = 1; epoch <= last; epoch++)
		TRY(rewrap(s, epoch));
	for (unsigned i = 0; i < n; i++)
		TRY(rewrap(s, ENGINE_INDEX + generation[i]));
out:
	return err;
}

/* Row 1 is found under the keys that are here, if it has a name to be found by: else the
 * key that it was hashed with was taken out, and everything would look absent. */
static err_t check_first_row(struct store *s)
{
	uint8_t name_h[ENGINE_HASH];
	struct row_data *data = NULL;
	struct generations were = s->generations;
	uint32_t generation[2];
	unsigned n = keyed_generations(s, generation);
	struct sealed_row row;
	bool found;
	err_t err;

	TRY(s->ops->row_get(s->engine, 1, &row, &found));
	if (!found)
		goto out;
	TRY(unseal_row(s, &row, &data));
	bytes_copy(name_h, data->name_h, ENGINE_HASH);
	found = !data->has_name;
	for (unsigned i = 0; i < n && !found; i++) {
		s->generations.now = generation[i];
		TRY(rows_rehash(s, data));
		found = bytes_equal(BYTES_OF(name_h), BYTES_OF(data->name_h));
	}
	err = found ? ERR_OK : ERR_TAMPERED;
out:
	s->generations = were;
	mem_free(data);
	return err;
}

err_t rotate_open(struct store *s)
{
	struct state st;
	err_t err;

	TRY(state_read(s, &st));
	if (st.generation != s->generations.now)
		return ERR_TAMPERED;
	if (st.phase == ROTATE_DONE)
		s->generations.before = NO_GENERATION;
	err = check_first_row(s);
out:
	return err;
}

err_t store_rotate_step(struct store *s, const struct store_reindex *reindex, bool *more)
{
	struct budget b = { STEP_ITEMS, STEP_SCANNED, STEP_OCTETS };
	struct state st;
	err_t err;

	must(s->inside);
	/* With the transaction that began it there may be rows that the engine has not yet; and
	 * what one commit is to do with the logs is one range. */
	*more = s->generations.now != s->generation_stored || s->reseal.log;
	if (*more)
		return ERR_OK;
	TRY(state_read(s, &st));
	if (st.phase == ROTATE_ROWS)
		TRY(step_rows(s, reindex, &st, &b));
	else if (st.phase == ROTATE_RECORDS)
		TRY(step_records(s, &st, &b));
	else if (st.phase == ROTATE_LOGS)
		TRY(step_logs(s, &st, &b));
	else
		return ERR_OK;
	*more = st.phase != ROTATE_DONE;
	if (!*more)
		s->drop_below = st.target;
	err = state_write(s, &st);
out:
	return err;
}

err_t store_rotation(struct store *s, struct store_rotation *out)
{
	struct state st;
	err_t err;

	TRY(state_read(s, &st));
	*out = (struct store_rotation){ .phase = (enum store_rotate_phase)st.phase,
		                        .resealed = st.resealed, .target = st.target,
		                        .epoch = s->epoch, .generation = s->generations.now };
	TRY(s->ops->epoch_count(s->engine, ENGINE_INDEX, &out->keys));
out:
	return err;
}
