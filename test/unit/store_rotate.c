/* store_rotate.c: rotation of the data key: everything, interrupted, undone, broken. */
#include "store_room.h"

enum { ROWS = 700, RECORDS = 50, BLOCKS = 40, STEPS_MAX = 500 };

/* Every tenth has an identifier and a label. */
static void insert(struct store *s, uint64_t parent, const char *name, int i)
{
	struct bytes label = i % 20 ? BYTES("red") : BYTES("blue");
	struct store_row row = room_row(s, parent, 3, name);

	if (i % 10 == 0)
		row.ident = bytes_str(name);
	OK(store_insert(s, &row));
	if (i % 10 == 0)
		OK(store_index_set(s, row.id, BYTES("lbl"), &label, 1));
}

/* What those labels were. */
static err_t label_again(void *self, const struct store_row *row)
{
	struct store_room *room = self;
	struct bytes label = (row->id - 2) % 20 ? BYTES("red") : BYTES("blue");

	return row->ident.n ? store_index_set(room->s, row->id, BYTES("lbl"), &label, 1) : ERR_OK;
}

static void check_found(struct store *s)
{
	struct store_find find = { .name = BYTES("lbl"), .value = BYTES("red"), .limit = 100 };
	uint64_t ids[100], id;
	size_t n;

	for (int i = 0; i < ROWS; i += 7) {
		char name[32];

		snprintf(name, sizeof(name), "row%dx", i);
		assert_int_equal(room_child(s, 1, name), (uint64_t)i + 2);
		if (i % 10 == 0) {
			OK(store_find_ident(s, bytes_str(name), &id));
			assert_int_equal(id, (uint64_t)i + 2);
		}
	}
	store_trim(s);
	OK(store_index_find(s, &find, ids, &n));
	assert_int_equal(n, ROWS / 20);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(ids[i], 12 + 20 * i);
	find.limit = 5;
	find.after = ids[9];
	OK(store_index_find(s, &find, ids, &n));
	assert_int_equal(n, 5);
	assert_int_equal(ids[0], 12 + 20 * 10);
}

static void fill(struct store_room *room)
{
	struct store *s = room->s;
	uint64_t parent, number;

	OK(store_begin(s));
	parent = room_insert(s, 0, 5, "base");
	OK(store_commit(s));
	for (int i = 0; i < ROWS; i++) {
		char name[32];

		if (i % 100 == 0)
			OK(store_begin(s));
		snprintf(name, sizeof(name), "row%dx", i);
		insert(s, parent, name, i);
		if (i % 100 == 99)
			OK(store_commit(s));
	}
	for (int i = 0; i < BLOCKS; i++) {
		char text[32];

		OK(store_begin(s));
		snprintf(text, sizeof(text), "record %d", i);
		OK(store_log_append(s, i % 2 ? STORE_AUDIT : STORE_REPLAY, bytes_str(text), &number));
		if (i < RECORDS)
			OK(store_record_put(s, STORE_CREDENTIAL, bytes_str(text), bytes_str(text)));
		OK(store_commit(s));
		if (i % 10 == 9 && bytes_equal(bytes_str(room->engine), BYTES("sqlite")))
			room_restart(room), s = room->s; /* more than one old key */
	}
}

static err_t count_record(void *self, uint64_t number, struct bytes record)
{
	assert_true(bytes_starts(record, BYTES("record ")));
	(*(unsigned *)self)++;
	return ERR_OK;
}

static err_t count_named(void *self, struct bytes key, struct bytes value)
{
	assert_true(bytes_equal(key, value));
	(*(unsigned *)self)++;
	return ERR_OK;
}

/* Everything is there, opens, and is what it was: version and body too. */
static void check_whole(struct store *s)
{
	unsigned logs = 0, records = 0;
	const struct store_row *row;
	uint64_t bad, n;

	OK(store_verify(s, &bad, NULL, NULL));
	assert_int_equal(bad, 0);
	OK(store_count(s, &n));
	assert_int_equal(n, ROWS + 1);
	for (uint64_t id = 2; id <= ROWS + 1; id += 13) {
		OK(store_get(s, id, &row));
		assert_non_null(row);
		assert_int_equal(row->version, 1);
		assert_true(bytes_equal(row->body, BYTES("a body")));
	}
	check_found(s);
	OK(store_log_walk(s, STORE_AUDIT, 0, SIZE_MAX, count_record, &logs));
	OK(store_log_walk(s, STORE_REPLAY, 0, SIZE_MAX, count_record, &logs));
	OK(store_record_walk(s, STORE_CREDENTIAL, count_named, &records));
	assert_int_equal(logs, BLOCKS);
	assert_int_equal(records, BLOCKS);
}

static void begin_rotation(struct store *s)
{
	OK(store_begin(s));
	OK(store_rotate(s));
	assert_int_equal(store_rotate(s), ERR_EXISTS);
	OK(store_commit(s));
}

static bool one_step(struct store_room *room)
{
	const struct store_reindex all = { label_again, room };
	struct store *s = room->s;
	bool more;

	OK(store_begin(s));
	OK(store_rotate_step(s, &all, &more));
	OK(store_commit(s));
	return more;
}

/* No sealed thing is left below the target. */
static void check_epochs(struct store *s, uint32_t target)
{
	struct sealed_row row;
	struct sealed_block block;
	bool found;

	for (uint64_t at = 0;; at = row.id) {
		OK(s->ops->row_next(s->engine, at, &row, &found));
		if (!found)
			break;
		assert_true(row.epoch >= target);
	}
	for (unsigned log = 1; log <= LOGS; log++) {
		for (uint64_t at = 1;; at = block.first + 1) {
			OK(s->ops->log_get(s->engine, log, at, true, &block, &found));
			if (!found)
				break;
			assert_true(block.epoch >= target);
		}
	}
}

static void test_all(void **state)
{
	struct store_room *room = *state;
	struct store_rotation r;
	unsigned drawn, steps = 1;
	uint64_t number;

	fill(room);
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.phase, ROTATE_NEVER);
	assert_false(one_step(room));
	drawn = room->keys_drawn;
	begin_rotation(room->s);
	assert_true(room->keys_drawn <= drawn + 2);
	while (one_step(room)) {
		assert_true(++steps < STEPS_MAX);
		/* work goes on */
		OK(store_begin(room->s));
		OK(store_log_append(room->s, STORE_AUDIT, BYTES("record later"), &number));
		OK(store_record_put(room->s, STORE_NODE, BYTES("k"), BYTES("v")));
		OK(store_commit(room->s));
	}
	assert_true(steps >= ROWS / 128);
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.phase, ROTATE_DONE);
	assert_true(r.resealed >= ROWS + BLOCKS + RECORDS - 10);
	assert_int_equal(r.keys, 1);
	check_epochs(room->s, r.target);
	/* and a second one */
	begin_rotation(room->s);
	while (one_step(room))
		;
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.keys, 1);
	check_epochs(room->s, r.target);
}

/* A restart between any two steps: it goes on where it was. */
static void test_restarts(void **state)
{
	struct store_room *room = *state;
	struct store_rotation r;
	unsigned steps = 0;

	fill(room);
	begin_rotation(room->s);
	do {
		room_restart(room);
		check_whole(room->s);
		OK(store_rotation(room->s, &r));
		assert_true(r.phase != ROTATE_DONE && r.phase != ROTATE_NEVER);
	} while (one_step(room) && ++steps < STEPS_MAX);
	assert_true(steps >= ROWS / 128);
	room_restart(room);
	check_whole(room->s);
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.phase, ROTATE_DONE);
	check_epochs(room->s, r.target);
	assert_true(r.keys <= steps + 4); /* one a start, none of before */
}

/* Any write of any step fails once: nothing is lost, and it goes on. */
static void test_faults(void **state)
{
	struct store_room *room = *state;
	unsigned failed = 0, steps = 0;
	struct store_rotation r;
	bool more = true;

	fill(room);
	begin_rotation(room->s);
	while (more && steps++ < STEPS_MAX) {
		for (uint64_t at = 1; at < 400; at += at < 6 ? 1 : 37) {
			OK(store_begin(room->s));
			OK(store_rotate_step(room->s, &(struct store_reindex){ label_again, room }, &more));
			engine_fail_at(at, ERR_FULL);
			if (store_commit(room->s) == ERR_OK)
				break;
			failed++;
			engine_fail_at(0, ERR_OK);
			more = true;
		}
		engine_fail_at(0, ERR_OK);
	}
	assert_true(failed > 20);
	check_whole(room->s);
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.phase, ROTATE_DONE);
	check_epochs(room->s, r.target);
}

/* Undone to the mark, and given up: as if it had not been. */
static void test_undone(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct store_rotation r;
	bool more;

	fill(room);
	s = room->s;
	OK(store_begin(s));
	OK(store_mark(s));
	OK(store_rotate(s));
	store_undo_to_mark(s);
	OK(store_commit(s));
	OK(store_rotation(s, &r));
	assert_int_equal(r.phase, ROTATE_NEVER);
	check_whole(s);
	begin_rotation(s);
	for (int i = 0; i < 30; i++) {
		OK(store_begin(s));
		OK(store_mark(s));
		OK(store_rotate_step(s, &(struct store_reindex){ label_again, room }, &more));
		store_undo_to_mark(s);
		OK(store_commit(s));
		OK(store_begin(s));
		OK(store_rotate_step(s, &(struct store_reindex){ label_again, room }, &more));
		store_rollback(s);
		if (!one_step(room))
			break;
	}
	OK(store_rotation(s, &r));
	assert_int_equal(r.phase, ROTATE_DONE);
	check_epochs(s, r.target);
	check_whole(s);
}

/* A row changed and one deleted in the very transaction of a step. */
static void test_beside_changes(void **state)
{
	struct store_room *room = *state;
	struct store_row row = { .id = 5, .modified = 2000, .body = BYTES("another") };
	const struct store_row *got;
	bool more;

	fill(room);
	begin_rotation(room->s);
	OK(store_begin(room->s));
	OK(store_update(room->s, &row));
	OK(store_delete(room->s, 6));
	OK(store_rotate_step(room->s, &(struct store_reindex){ label_again, room }, &more));
	row.body = BYTES("a third");
	row.id = 7;
	OK(store_update(room->s, &row));
	OK(store_delete(room->s, 8));
	OK(store_commit(room->s));
	while (one_step(room))
		;
	OK(store_get(room->s, 5, &got));
	assert_true(got->version == 2 && bytes_equal(got->body, BYTES("another")));
	OK(store_get(room->s, 7, &got));
	assert_true(got->version == 2 && bytes_equal(got->body, BYTES("a third")));
	OK(store_get(room->s, 6, &got));
	assert_null(got);
	OK(store_get(room->s, 8, &got));
	assert_null(got);
}

/* A broken seal stops it: no key is destroyed. */
static void test_broken(void **state)
{
	struct store_room *room = *state;
	struct sealed_row row;
	struct store_rotation before, r;
	uint8_t body[4096];
	bool found, more = true;
	err_t err = ERR_OK;

	fill(room);
	begin_rotation(room->s);
	OK(store_rotation(room->s, &before));
	store_trim(room->s);
	OK(room->s->ops->row_get(room->s->engine, 600, &row, &found));
	assert_true(found && row.body.n < sizeof(body));
	bytes_copy(body, row.body.p, row.body.n);
	body[3] ^= 1;
	row.body.p = body;
	OK(room->s->ops->begin(room->s->engine));
	OK(room->s->ops->row_update(room->s->engine, &row));
	OK(room->s->ops->commit(room->s->engine));
	for (int i = 0; more && err == ERR_OK && i < STEPS_MAX; i++) {
		OK(store_begin(room->s));
		err = store_rotate_step(room->s, &(struct store_reindex){ label_again, room }, &more);
		if (err == ERR_OK)
			OK(store_commit(room->s));
		else
			store_rollback(room->s);
	}
	assert_int_equal(err, ERR_TAMPERED);
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.phase, ROTATE_ROWS);
	assert_true(r.keys >= before.keys);
}

/* "Sealed anew": another word; fails when `left` is used up. */
static int left;

static err_t rewrap(void *self, struct bytes sealed, struct buf *out)
{
	err_t err;

	TRY(left-- > 0 ? ERR_OK : ERR_CLOSED);
	TRY(buf_add(out, BYTES("anew")));
	err = buf_add(out, bytes_sub(sealed, 4, sealed.n));
out:
	return err;
}

/* --- index keys --------------------------------------------------------------------- */

/* Whoever took the index keys of a generation from memory: is the name in this store? */
static bool guess(struct store_room *room, const struct crypt_hmac *taken, const char *name)
{
	struct store *s = room->s;
	uint8_t parent[8] = { [7] = 1 }, whole[32];
	struct crypt_hmac hmac = *taken;
	uint64_t id;

	crypt_hmac_two(&hmac, BYTES_OF(parent), bytes_str(name), whole);
	OK(s->ops->row_named(s->engine, whole, &id));
	return id != 0;
}

static struct index_key *kept_key(struct store *s, struct bytes purpose)
{
	for (size_t i = 0; i < s->index_keys_n; i++)
		if (bytes_equal(bytes_make(s->index_keys[i].name, s->index_keys[i].name_n), purpose))
			return &s->index_keys[i];
	return NULL;
}

/* With the keys of before nothing is found afterwards; and they are gone. */
static void test_index_keys(void **state)
{
	struct store_room *room = *state;
	struct crypt_hmac taken = { 0 };
	struct store_rotation r;
	struct bytes sealed;
	uint8_t key[32];

	fill(room);
	room_index_key(room, BYTES("row/name"), key) == ERR_OK ? (void)0 : abort();
	OK(crypt_hmac_init(&taken, BYTES_OF(key)));
	assert_true(guess(room, &taken, "row500x"));
	begin_rotation(room->s);
	assert_true(guess(room, &taken, "row500x")); /* not moved yet, and found all the same */
	check_found(room->s);
	while (one_step(room))
		check_found(room->s);
	assert_false(guess(room, &taken, "row500x"));
	check_whole(room->s);
	OK(store_rotation(room->s, &r));
	assert_int_equal(r.generation, 1);
	/* the next one destroys what the second generation was made of */
	OK(room->s->ops->epoch_get(room->s->engine, ENGINE_INDEX + 1, &sealed));
	assert_true(sealed.n > 0);
	assert_non_null(kept_key(room->s, BYTES("row/name")));
	assert_int_equal(kept_key(room->s, BYTES("row/name"))->generation, 1);
	begin_rotation(room->s);
	while (one_step(room))
		;
	OK(room->s->ops->epoch_get(room->s->engine, ENGINE_INDEX + 1, &sealed));
	assert_int_equal(sealed.n, 0);
	assert_int_equal(kept_key(room->s, BYTES("row/name"))->generation, 2);
	check_whole(room->s);
	crypt_hmac_free(&taken);
}

/* Without the key of its generation a store does not open as an empty one. */
static void test_index_key_taken_out(void **state)
{
	struct store_room *room = *state;
	struct store_setup setup = room_setup(room);

	fill(room);
	begin_rotation(room->s);
	while (one_step(room))
		;
	room_restart(room);
	check_whole(room->s);
	OK(room->s->ops->begin(room->s->engine));
	OK(room->s->ops->epoch_drop(room->s->engine, ENGINE_INDEX, UINT32_MAX));
	OK(room->s->ops->commit(room->s->engine));
	store_close(room->s);
	room->s = NULL;
	assert_int_equal(store_open(&setup, &room->s), ERR_TAMPERED);
	assert_null(room->s);
}

/* How many sealed keys begin with the word, of how many. */
static unsigned begin_with(struct store *s, const char *word, unsigned *all)
{
	struct bytes sealed;
	unsigned n = 0;
	uint32_t last;

	OK(s->ops->epoch_last(s->engine, UINT32_MAX, &last));
	*all = 0;
	for (uint32_t epoch = 1; epoch <= last; epoch++) {
		OK(s->ops->epoch_get(s->engine, epoch, &sealed));
		*all += sealed.n > 0;
		n += bytes_starts(sealed, bytes_str(word));
	}
	return n;
}

/* All data keys are sealed anew, or none is; and everything opens. */
static void test_rewrap(void **state)
{
	struct store_room *room = *state;
	struct bytes sealed;
	unsigned all;
	uint64_t n;

	fill(room);
	OK(store_begin(room->s));
	assert_int_equal(store_rewrap(room->s, &n), ERR_UNSUPPORTED);
	store_rollback(room->s);
	room->s->keys.data_key_rewrap = rewrap;
	/* the keeper goes away in the middle: nothing is changed */
	left = bytes_equal(bytes_str(room->engine), BYTES("sqlite")) ? 2 : 0;
	OK(store_begin(room->s));
	OK(store_rewrap(room->s, &n));
	assert_int_equal(store_commit(room->s), ERR_CLOSED);
	assert_int_equal(begin_with(room->s, "anew", &all), 0);
	assert_true(all > 0);
	left = 1000;
	OK(store_begin(room->s));
	OK(store_rewrap(room->s, &n));
	store_rollback(room->s);
	assert_int_equal(begin_with(room->s, "anew", &all), 0);
	OK(store_begin(room->s));
	OK(store_rewrap(room->s, &n));
	OK(store_commit(room->s));
	assert_int_equal(begin_with(room->s, "anew", &all), n);
	assert_int_equal(n, all);
	if (bytes_equal(bytes_str(room->engine), BYTES("sqlite")))
		room_restart(room);
	check_whole(room->s);
	/* what index keys are made of, too */
	room->s->keys.data_key_rewrap = rewrap;
	begin_rotation(room->s);
	while (one_step(room))
		;
	OK(store_begin(room->s));
	OK(store_rewrap(room->s, &n));
	OK(store_commit(room->s));
	OK(room->s->ops->epoch_get(room->s->engine, ENGINE_INDEX + 1, &sealed));
	assert_true(bytes_starts(sealed, BYTES("anew")));
	if (bytes_equal(bytes_str(room->engine), BYTES("sqlite")))
		room_restart(room);
	check_whole(room->s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_all), ON_SQLITE(test_restarts), ON_BOTH(test_faults), ON_BOTH(test_undone),
		ON_BOTH(test_beside_changes), ON_BOTH(test_broken), ON_BOTH(test_rewrap),
		ON_BOTH(test_index_keys), ON_SQLITE(test_index_key_taken_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
