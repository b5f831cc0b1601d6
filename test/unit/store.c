/* store: rows, transactions, marks, scans, index, records, logs; both engines.
 * What a stranger does to the file is in store_tamper.c, failures in store_torture.c. */
#include "store_room.h"

static void test_rows_come_back(void **state)
{
	struct store_room *room = *state;
	const struct store_row *row;
	struct store_row r;
	uint64_t id, n;

	OK(store_begin(room->s));
	r = room_row(room->s, 0, 5, "cse-in");
	r.ident = BYTES("in-cse");
	r.expires = 77;
	r.size = 12;
	assert_int_equal(r.id, 1);
	OK(store_insert(room->s, &r));
	room_insert(room->s, 1, 3, "a");
	OK(store_commit(room->s));
	OK(store_find_ident(room->s, BYTES("in-cse"), &id));
	assert_int_equal(id, 1);
	OK(store_get(room->s, 1, &row));
	assert_non_null(row);
	assert_true(bytes_equal(row->name, BYTES("cse-in")) && bytes_equal(row->ident, BYTES("in-cse")));
	assert_true(bytes_equal(row->body, BYTES("a body")));
	assert_true(row->type == 5 && row->expires == 77 && row->size == 12 && row->version == 1);
	assert_int_equal(room_child(room->s, 1, "a"), 2);
	OK(store_count(room->s, &n));
	assert_int_equal(n, 2);
	/* absence is not an error */
	OK(store_get(room->s, 99, &row));
	assert_null(row);
	assert_int_equal(room_child(room->s, 1, "b"), 0);
	assert_int_equal(room_child(room->s, 2, "a"), 0);
	OK(store_find_ident(room->s, BYTES("other"), &id));
	assert_int_equal(id, 0);
}

static void test_names_are_unique(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct store_row r;

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	room_insert(s, 1, 3, "x");
	r = room_row(s, 1, 3, "x");
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	r.parent = 2;
	OK(store_insert(s, &r)); /* under another parent */
	r = room_row(s, 1, 3, "y");
	r.ident = BYTES("C1");
	OK(store_insert(s, &r));
	r = room_row(s, 1, 3, "z");
	r.ident = BYTES("C1");
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	OK(store_commit(s));
	OK(store_begin(s));
	r = room_row(s, 1, 3, "x");
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	r.name = BYTES("z");
	r.ident = BYTES("C1");
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	r.id = 2;
	r.ident = BYTES_NONE;
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	/* deleted and made again, in one transaction */
	OK(store_delete(s, 2));
	assert_int_equal(room_child(s, 1, "x"), 0);
	r = room_row(s, 1, 3, "x");
	OK(store_insert(s, &r));
	assert_int_equal(room_child(s, 1, "x"), r.id);
	OK(store_commit(s));
	assert_int_equal(room_child(s, 1, "x"), r.id);
}

/* A row named after its own number is in no index, and yet unique. */
static void test_own_number_names(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct store_row r;
	char name[32];

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	r = room_row(s, 1, 4, "");
	snprintf(name, sizeof(name), "cin%llu", (unsigned long long)r.id);
	r.name = bytes_str(name);
	OK(store_insert(s, &r));
	assert_int_equal(room_child(s, 1, name), r.id);
	OK(store_commit(s));
	cache_trim(s);
	assert_int_equal(room_child(s, 1, "cin2"), 2);
	assert_int_equal(room_child(s, 2, "cin2"), 0);
	assert_int_equal(room_child(s, 1, "cnt2"), 0);
	OK(store_begin(s));
	r = room_row(s, 1, 4, "cin2"); /* given by somebody */
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	r.name = BYTES("cin5");
	OK(store_insert(s, &r));
	OK(store_commit(s));
	assert_true(r.id != 5);
	OK(store_begin(s));
	r.id = 5;
	assert_int_equal(store_insert(s, &r), ERR_EXISTS);
	r.parent = 2;
	OK(store_insert(s, &r));
	store_rollback(s);
	assert_int_equal(room_child(s, 2, "cin5"), 0);
	assert_int_equal(room_child(s, 1, "cin5"), 3);
}

/* The same over a restart: a name given before its number was in use. */
static void test_names_of_the_future(void **state)
{
	struct store_room *room = *state;
	struct store_row r;
	uint64_t id;

	OK(store_begin(room->s));
	room_insert(room->s, 0, 5, "cse");
	r = room_row(room->s, 1, 4, "cin70000");
	OK(store_insert(room->s, &r));
	r = room_row(room->s, 1, 4, "x3"); /* its own */
	assert_int_equal(r.id, 3);
	OK(store_insert(room->s, &r));
	OK(store_commit(room->s));
	if (room->engine[0] == 's')
		room_restart(room);
	OK(store_begin(room->s));
	id = room_child(room->s, 1, "cin70000");
	assert_int_equal(id, 2);
	do
		id = store_next_id(room->s);
	while (id < 70000);
	r.id = id;
	r.name = BYTES("cin70000");
	assert_int_equal(store_insert(room->s, &r), ERR_EXISTS);
	r.name = BYTES("cin70001");
	r.id = store_next_id(room->s);
	OK(store_insert(room->s, &r));
	assert_int_equal(room_child(room->s, 1, "cin70001"), 70001);
	r.id = store_next_id(room->s);
	assert_int_equal(store_insert(room->s, &r), ERR_EXISTS);
	OK(store_commit(room->s));
}

static void test_update_and_delete(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	const struct store_row *row;
	struct store_expiry expired[4];
	struct store_row r;
	size_t n;

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	OK(store_commit(s));
	OK(store_begin(s));
	OK(store_get(s, 1, &row));
	r = *row;
	r.body = BYTES("another");
	r.expires = 50;
	r.name = BYTES("not changed by an update");
	OK(store_update(s, &r));
	OK(store_get(s, 1, &row));
	assert_int_equal(row->version, 2);
	r = *row; /* views into the version that goes */
	r.size = 5;
	OK(store_update(s, &r));
	OK(store_commit(s));
	cache_free(s);
	bytes_zero(s->tables, sizeof(s->tables));
	OK(store_get(s, 1, &row));
	assert_true(row->version == 3 && row->size == 5 && row->expires == 50);
	assert_true(bytes_equal(row->name, BYTES("cse")) && bytes_equal(row->body, BYTES("another")));
	OK(store_expired(s, 50, NULL, expired, 4, &n));
	assert_int_equal(n, 1);
	OK(store_begin(s));
	OK(store_delete(s, 1));
	assert_int_equal(store_delete(s, 1), ERR_MISSING);
	assert_int_equal(store_update(s, &r), ERR_MISSING);
	OK(store_expired(s, 50, NULL, expired, 4, &n));
	assert_int_equal(n, 0);
	OK(store_commit(s));
	OK(store_get(s, 1, &row));
	assert_null(row);
}

static void test_limits(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct store_row r;
	uint8_t *large = mem_new(1, BODY_MAX + 1);

	OK(store_begin(s));
	r = room_row(s, 0, 5, "cse");
	r.body = bytes_make(large, BODY_MAX + 1);
	assert_int_equal(store_insert(s, &r), ERR_LIMIT);
	r.body.n = BODY_MAX;
	OK(store_insert(s, &r));
	r = room_row(s, 1, 5, "");
	assert_int_equal(store_insert(s, &r), ERR_RANGE);
	r.name = bytes_make(large, NAME_MAX_OCTETS + 1);
	assert_int_equal(store_insert(s, &r), ERR_LIMIT);
	OK(store_commit(s));
	mem_free(large);
}

/* --- marks --------------------------------------------------------------------- */

static void check_before(struct store *s, uint64_t next, uint64_t log)
{
	const struct store_row *row;
	uint64_t n, ids[8];
	size_t found;

	OK(store_get(s, 1, &row));
	assert_int_equal(row->version, 2);
	assert_true(bytes_equal(row->body, BYTES("second")));
	assert_int_equal(room_child(s, 1, "kept"), 2);
	assert_int_equal(room_child(s, 1, "gone"), 0);
	assert_int_equal(room_child(s, 1, "more"), 0);
	OK(store_count(s, &n));
	assert_int_equal(n, 2);
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), BYTES("red"), 0, 8 }, ids, &found));
	assert_int_equal(found, 1);
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), BYTES("blue"), 0, 8 }, ids, &found));
	assert_int_equal(found, 0);
	OK(store_log_last(s, STORE_AUDIT, &n));
	assert_int_equal(n, log);
	if (s->inside)
		assert_int_equal(s->next_id, next);
}

/* As after a crash: what is reserved is not given back. */
static void crash(struct store_room *room)
{
	room->s->reserved = 0;
	room_restart(room);
}

/* What was told to others is nobody else's, be there a commit behind it or not. */
static void test_kept_ids(void **state)
{
	struct store_room *room = *state;
	struct store_ids told[2];
	uint64_t number, other;

	OK(store_begin(room->s));
	assert_false(store_keep_ids(room->s, room->s->next_id + 1)); /* not even a first commit */
	room_insert(room->s, 0, 5, "cse");
	OK(store_commit(room->s));
	room_restart(room);
	OK(store_begin(room->s));
	OK(store_log_append(room->s, STORE_AUDIT, BYTES("started"), &number));
	OK(store_commit(room->s));
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		OK(store_begin(room->s));
		OK(store_mark(room->s));
		told[i].from = store_next_id(room->s);
		told[i].end = store_next_id(room->s) + 1;
		store_undo_to_mark(room->s);
		assert_true(store_keep_ids(room->s, told[i].end));
		other = store_next_id(room->s);
		assert_true(other >= told[i].end);
		store_rollback(room->s);
	}
	assert_true(told[1].from >= told[0].end);
	/* in their order, and again after an undo; then others */
	store_promise_ids(room->s, told, 2);
	OK(store_begin(room->s));
	OK(store_mark(room->s));
	assert_int_equal(store_next_id(room->s), told[0].from);
	store_undo_to_mark(room->s);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(store_next_id(room->s), told[i / 2].from + i % 2);
	assert_true(store_next_id(room->s) >= told[1].end);
	store_rollback(room->s);
	store_promise_ids(room->s, NULL, 0);
	crash(room);
	OK(store_begin(room->s));
	assert_true(store_next_id(room->s) >= told[1].end);
	while (store_keep_ids(room->s, room->s->next_id))
		room->s->next_id += 1000;
	assert_true(room->s->next_id > room->s->reserved);
	store_rollback(room->s);
}

static void test_undo_to_mark(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	const struct store_row *row;
	struct store_row r;
	struct bytes red = BYTES("red"), blue = BYTES("blue"), value;
	uint64_t gone, number, next;
	struct arena a;

	arena_init(&a, 1000);
	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	room_insert(s, 1, 3, "kept");
	gone = room_insert(s, 1, 3, "gone");
	OK(store_commit(s));
	OK(store_begin(s));
	OK(store_get(s, 1, &row));
	r = *row;
	r.body = BYTES("second");
	OK(store_update(s, &r));
	OK(store_delete(s, gone));
	OK(store_index_set(s, 2, BYTES("lbl"), &red, 1));
	OK(store_log_append(s, STORE_AUDIT, BYTES("one"), &number));
	OK(store_record_put(s, STORE_NODE, BYTES("k"), BYTES("first")));
	next = s->next_id;
	for (int i = 0; i < 2; i++) {
		uint64_t more;

		OK(store_mark(s));
		OK(store_get(s, 1, &row));
		r = *row;
		r.body = BYTES("third");
		OK(store_update(s, &r));
		r.body = BYTES("fourth");
		OK(store_update(s, &r));
		more = room_insert(s, 1, 3, "more");
		room_insert(s, more, 3, "below");
		room_insert(s, 1, 3, "gone");
		OK(store_index_set(s, 2, BYTES("lbl"), &blue, 1));
		OK(store_index_set(s, more, BYTES("lbl"), &blue, 1));
		OK(store_delete(s, 2));
		OK(store_delete(s, more));
		OK(store_delete(s, 1));
		OK(store_log_append(s, STORE_AUDIT, BYTES("two"), &number));
		assert_int_equal(number, 2);
		OK(store_record_put(s, STORE_NODE, BYTES("k"), BYTES("second")));
		OK(store_record_delete(s, STORE_NODE, BYTES("k")));
		store_undo_to_mark(s);
		check_before(s, next, 1);
		OK(store_record_get(s, STORE_NODE, BYTES("k"), &a, &value));
		assert_true(bytes_equal(value, BYTES("first")));
	}
	OK(store_commit(s));
	check_before(s, next, 1);
	if (bytes_equal(bytes_str(room->engine), BYTES("sqlite"))) {
		room_restart(room);
		check_before(room->s, next, 1);
	}
	arena_free(&a);
}

static void test_release_keeps(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	const struct store_row *row;
	struct store_row r;

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	for (int i = 0; i < 3; i++) {
		OK(store_mark(s));
		OK(store_get(s, 1, &row));
		r = *row;
		r.size++;
		OK(store_update(s, &r));
		store_release_mark(s);
	}
	OK(store_mark(s));
	OK(store_delete(s, 1));
	store_undo_to_mark(s);
	OK(store_commit(s));
	OK(store_get(s, 1, &row));
	assert_true(row->size == 3 && row->version == 4);
}

static void test_rollback(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	const struct store_row *row;
	uint64_t number, n;
	uint64_t counter;

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	OK(store_log_append(s, STORE_AUDIT, BYTES("r"), &number));
	store_rollback(s);
	assert_false(store_in_transaction(s));
	OK(store_get(s, 1, &row));
	assert_null(row);
	OK(store_log_last(s, STORE_AUDIT, &n));
	assert_int_equal(n, 0);
	/* a counter once used for a seal is spent, also when the engine refused */
	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	counter = s->counter;
	engine_fail_at(4, ERR_FULL);
	assert_int_equal(store_commit(s), ERR_FULL);
	engine_fail_at(0, ERR_OK);
	assert_true(s->counter > counter);
	OK(store_get(s, 1, &row));
	assert_null(row);
	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	OK(store_commit(s));
	OK(store_get(s, 1, &row));
	assert_non_null(row);
}

/* --- scans ---------------------------------------------------------------------- */

static size_t children(struct store *s, struct store_scan scan, uint64_t *ids)
{
	size_t n;

	OK(store_children(s, &scan, ids, &n));
	return n;
}

/* That there were none is no answer once there is one, whatever was undone between. */
static void test_childless(void **state)
{
	const struct store_scan scan = { .parent = 1, .type = 23, .limit = 1 };
	struct store_room *room = *state;
	struct store *s = room->s;
	uint64_t ids[1], id;

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	assert_int_equal(children(s, scan, ids), 0);
	OK(store_commit(s));
	OK(store_begin(s));
	assert_int_equal(children(s, scan, ids), 0);
	OK(store_mark(s));
	id = room_insert(s, 1, 23, "sub");
	store_release_mark(s);
	assert_int_equal(children(s, scan, ids), 1);
	OK(store_mark(s));
	OK(store_delete(s, id));
	assert_int_equal(children(s, scan, ids), 0);
	store_undo_to_mark(s);
	assert_int_equal(children(s, scan, ids), 1);
	OK(store_commit(s));
	assert_int_equal(children(s, scan, ids), 1);
	OK(store_begin(s));
	OK(store_delete(s, id));
	assert_int_equal(children(s, scan, ids), 0);
	store_rollback(s);
	assert_int_equal(children(s, scan, ids), 1);
	OK(store_begin(s));
	OK(store_delete(s, id));
	OK(store_commit(s));
	assert_int_equal(children(s, scan, ids), 0);
	assert_int_equal(children(s, scan, ids), 0);
}

static void test_children(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	uint64_t ids[300];
	char name[16];

	OK(store_begin(s));
	room_insert(s, 0, 5, "cse");
	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%dx", i);
		room_insert(s, 1, i % 2 ? 3 : 4, name); /* id i + 2 */
		if (i == 99) {
			OK(store_commit(s));
			OK(store_begin(s));
		}
	}
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .limit = 300 }, ids), 200);
	for (uint64_t i = 0; i < 200; i++)
		assert_int_equal(ids[i], i + 2);
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .type = 4, .limit = 300 }, ids), 100);
	assert_int_equal(ids[99], 200);
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .type = 3, .newest_first = true,
	                                                  .limit = 1 }, ids), 1);
	assert_int_equal(ids[0], 201);
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .after = 100, .limit = 3 }, ids), 3);
	assert_int_equal(ids[0], 101);
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .newest_first = true, .after = 103,
	                                                  .limit = 3 }, ids), 3);
	assert_int_equal(ids[0], 102);
	assert_int_equal(children(s, (struct store_scan){ .parent = 2, .limit = 3 }, ids), 0);
	/* deleted ones are passed over, from both ends, again and again */
	for (uint64_t i = 2; i < 180; i++) {
		assert_int_equal(children(s, (struct store_scan){ .parent = 1, .limit = 2 }, ids), 2);
		assert_int_equal(ids[0], i);
		OK(store_delete(s, i));
	}
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .type = 4, .limit = 300 }, ids), 11);
	store_rollback(s);
	assert_int_equal(children(s, (struct store_scan){ .parent = 1, .limit = 300 }, ids), 100);
	assert_int_equal(ids[0], 2);
}

static void test_expired(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct store_expiry expired[300], behind;
	struct store_row r;
	char name[16];
	size_t n;

	OK(store_begin(s));
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "n%dx", i);
		r = room_row(s, 0, 3, name);
		r.expires = i == 7 ? 0 : 1000 - i;
		OK(store_insert(s, &r));
	}
	OK(store_commit(s));
	OK(store_expired(s, 850, NULL, expired, 300, &n));
	assert_int_equal(n, 0);
	OK(store_expired(s, 852, NULL, expired, 300, &n));
	assert_int_equal(n, 2);
	assert_true(expired[0].id == 150 && expired[0].expires == 851);
	behind = expired[0];
	OK(store_expired(s, 852, &behind, expired, 300, &n));
	assert_true(n == 1 && expired[0].id == 149);
	OK(store_begin(s)); /* what the transaction changed is behind as well, or not */
	for (uint64_t id = 140; id < 142; id++) {
		const struct store_row *row;

		OK(store_get(s, id, &row));
		r = *row;
		r.expires = id == 140 ? 850 : 852;
		OK(store_update(s, &r));
	}
	OK(store_expired(s, 852, &behind, expired, 300, &n));
	assert_true(n == 2 && expired[0].id == 149 && expired[1].id == 141);
	store_rollback(s);
	OK(store_begin(s));
	for (int i = 0; i < 149; i++) { /* one by one, all but the one without end */
		OK(store_expired(s, 2000, NULL, expired, 1, &n));
		assert_int_equal(n, 1);
		OK(store_delete(s, expired[0].id));
	}
	OK(store_expired(s, 2000, NULL, expired, 1, &n));
	assert_int_equal(n, 0);
	OK(store_commit(s));
	OK(store_expired(s, 2000, NULL, expired, 1, &n));
	assert_int_equal(n, 0);
}

static void test_index(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct bytes two[] = { BYTES("red"), BYTES("round") }, red = BYTES("red");
	struct bytes twice[] = { BYTES("red"), BYTES("red") };
	uint64_t ids[4];
	size_t n;

	OK(store_begin(s));
	for (int i = 0; i < 5; i++) {
		const char *names[] = { "a", "b", "c", "d", "e" };

		room_insert(s, 0, 3, names[i]);
	}
	OK(store_index_set(s, 1, BYTES("lbl"), two, 2));
	OK(store_index_set(s, 2, BYTES("lbl"), twice, 2));
	OK(store_index_set(s, 3, BYTES("poa"), &red, 1));
	OK(store_commit(s));
	OK(store_begin(s));
	OK(store_index_set(s, 4, BYTES("lbl"), &red, 1));
	OK(store_index_set(s, 5, BYTES("lbl"), &red, 1));
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), red, 0, 4 }, ids, &n));
	assert_int_equal(n, 4);
	assert_true(ids[0] == 1 && ids[1] == 2 && ids[2] == 4 && ids[3] == 5);
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), red, 1, 2 }, ids, &n));
	assert_int_equal(n, 2);
	assert_true(ids[0] == 2 && ids[1] == 4);
	OK(store_index_set(s, 1, BYTES("lbl"), NULL, 0));
	OK(store_delete(s, 2));
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), red, 0, 4 }, ids, &n));
	assert_int_equal(n, 2);
	OK(store_index_find(s, &(struct store_find){ BYTES("poa"), red, 0, 4 }, ids, &n));
	assert_true(n == 1 && ids[0] == 3);
	OK(store_commit(s));
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), red, 0, 4 }, ids, &n));
	assert_true(n == 2 && ids[0] == 4);
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), BYTES("round"), 0, 4 }, ids, &n));
	assert_int_equal(n, 0);
	assert_int_equal(store_index_find(s, &(struct store_find){ BYTES("a\0b"), red, 0, 4 }, ids, &n), ERR_RANGE);
	OK(store_begin(s));
	assert_int_equal(store_index_set(s, 2, BYTES("lbl"), &red, 1), ERR_MISSING);
}

/* --- records, logs ------------------------------------------------------------------ */

static err_t count_record(void *self, struct bytes key, struct bytes value)
{
	unsigned *sum = self;

	assert_true(bytes_equal(key, value));
	*sum += key.p[0];
	return ERR_OK;
}

static void test_records(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct bytes value;
	unsigned sum = 0;
	struct arena a;

	arena_init(&a, 1000);
	OK(store_begin(s));
	OK(store_record_put(s, STORE_CREDENTIAL, BYTES("a"), BYTES("old")));
	OK(store_record_put(s, STORE_CREDENTIAL, BYTES("a"), BYTES("a")));
	OK(store_record_put(s, STORE_CREDENTIAL, BYTES("b"), BYTES("b")));
	OK(store_record_put(s, STORE_NODE, BYTES("c"), BYTES("c")));
	OK(store_commit(s));
	OK(store_begin(s));
	OK(store_record_delete(s, STORE_CREDENTIAL, BYTES("b")));
	OK(store_record_put(s, STORE_CREDENTIAL, BYTES("d"), BYTES("old")));
	OK(store_record_put(s, STORE_CREDENTIAL, BYTES("d"), BYTES("d")));
	OK(store_record_walk(s, STORE_CREDENTIAL, count_record, &sum));
	assert_int_equal(sum, 'a' + 'd');
	OK(store_record_get(s, STORE_CREDENTIAL, BYTES("b"), &a, &value));
	assert_int_equal(value.n, 0);
	OK(store_commit(s));
	sum = 0;
	OK(store_record_walk(s, STORE_CREDENTIAL, count_record, &sum));
	assert_int_equal(sum, 'a' + 'd');
	OK(store_record_get(s, STORE_NODE, BYTES("c"), &a, &value));
	assert_true(bytes_equal(value, BYTES("c")));
	OK(store_record_get(s, STORE_NODE, BYTES("a"), &a, &value));
	assert_int_equal(value.n, 0);
	arena_free(&a);
}

struct seen {
	uint64_t first, n, sum, missing, broken;
};

static err_t see(void *self, uint64_t number, struct bytes record)
{
	struct seen *seen = self;

	if (!record.p)
		seen->missing = number;
	else if (!record.n)
		seen->broken = number;
	else
		assert_int_equal(get_be64(record.p), number);
	if (seen->n++ == 0)
		seen->first = number;
	seen->sum += number;
	return ERR_OK;
}

static struct seen walk(struct store *s, uint64_t from, size_t limit)
{
	struct seen seen = { 0 };

	OK(store_log_walk(s, STORE_AUDIT, from, limit, see, &seen));
	return seen;
}

static void append(struct store *s, unsigned n, size_t size)
{
	uint8_t *record = mem_new(1, size);
	uint64_t last, number;

	OK(store_log_last(s, STORE_AUDIT, &last));
	for (unsigned i = 0; i < n; i++) {
		put_be64(record, last + 1 + i);
		OK(store_log_append(s, STORE_AUDIT, bytes_make(record, size), &number));
		assert_int_equal(number, last + 1 + i);
	}
	mem_free(record);
}

static void test_log(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	struct seen seen;
	uint64_t last;

	for (int i = 0; i < 10; i++) {
		OK(store_begin(s));
		append(s, 10, 20);
		OK(store_commit(s));
	}
	OK(store_begin(s));
	append(s, 5, 100000); /* more than one block */
	seen = walk(s, 0, SIZE_MAX);
	assert_true(seen.first == 1 && seen.n == 105 && !seen.missing && !seen.broken);
	OK(store_commit(s));
	seen = walk(s, 0, SIZE_MAX);
	assert_true(seen.n == 105 && seen.sum == 105 * 106 / 2);
	seen = walk(s, 37, 20);
	assert_true(seen.first == 37 && seen.n == 20);
	seen = walk(s, 106, 20);
	assert_int_equal(seen.n, 0);
	OK(store_begin(s));
	OK(store_log_trim(s, STORE_AUDIT, 45));
	OK(store_commit(s));
	seen = walk(s, 0, SIZE_MAX);
	assert_true(seen.missing == 1 && seen.n == 66);
	OK(store_begin(s));
	OK(store_log_trim(s, STORE_AUDIT, 1000));
	OK(store_commit(s));
	OK(store_log_last(s, STORE_AUDIT, &last));
	assert_int_equal(last, 105);
	OK(store_begin(s));
	append(s, 1, 8);
	OK(store_commit(s));
}

static void test_restart(void **state)
{
	struct store_room *room = *state;
	const struct store_row *row;
	struct store_row r;
	uint64_t last, id;
	char wal[128];
	struct stat st;

	OK(stat(room->path, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(wal, sizeof(wal), "%s-wal", room->path);
	OK(stat(wal, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(wal, sizeof(wal), "%s-shm", room->path);
	assert_int_not_equal(stat(wal, &st), 0);
	OK(chmod(room->path, 0644)); /* corrected when opened */
	room_restart(room);
	OK(stat(room->path, &st));
	assert_int_equal(st.st_mode & 0777, 0600);
	for (int i = 0; i < EPOCHS_OPEN + 4; i++) {
		char name[16];

		OK(store_begin(room->s));
		snprintf(name, sizeof(name), "n%dx", i);
		id = room_insert(room->s, 0, 3, name);
		OK(store_delete(room->s, room_insert(room->s, 0, 3, "last")));
		append(room->s, 3, 20);
		OK(store_commit(room->s));
		room_restart(room);
		/* numbers go on, though the newest row is gone */
		OK(store_begin(room->s));
		assert_true(store_next_id(room->s) > id + 1);
		store_rollback(room->s);
	}
	assert_int_equal(room->keys_opened > 0, true);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < EPOCHS_OPEN + 4; i++) {
			OK(store_get(room->s, (uint64_t)(2 * i + 1), &row));
			assert_non_null(row);
		}
	OK(store_log_last(room->s, STORE_AUDIT, &last));
	assert_int_equal(last, 3 * (EPOCHS_OPEN + 4));
	assert_int_equal(walk(room->s, 0, SIZE_MAX).n, last);
	OK(store_begin(room->s));
	OK(store_get(room->s, 1, &row));
	r = *row;
	OK(store_update(room->s, &r));
	OK(store_commit(room->s));
	OK(store_verify(room->s, &id, NULL, NULL));
	assert_int_equal(id, 0);
}

static void test_cache_is_bounded(void **state)
{
	struct store_room *room = *state;
	struct store *s = room->s;
	const struct store_row *row;
	char name[32];

	for (int i = 0; i < 40; i++) {
		OK(store_begin(s));
		for (int k = 0; k < 50; k++) {
			snprintf(name, sizeof(name), "n%d-%dx", i, k);
			room_insert(s, 0, 3, name);
		}
		OK(store_commit(s));
		assert_true(s->clean_n <= s->cache_rows);
	}
	for (uint64_t id = 1; id <= 2000; id++) {
		OK(store_get(s, id, &row));
		assert_true(row && row->id == id);
	}
	store_trim(s);
	assert_true(s->clean_n <= s->cache_rows);
}

static void copy_file(const char *from, const char *to)
{
	static uint8_t octets[1 << 16];
	FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
	size_t n;

	assert_true(in && out);
	while ((n = fread(octets, 1, sizeof(octets), in)) > 0)
		assert_int_equal(fwrite(octets, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

/* The files as they are, as if the process had ended here: a store of its own. */
static void open_copy(struct store_room *room, struct store_room *copy)
{
	char from[128], to[128];

	*copy = *room;
	snprintf(copy->path, sizeof(copy->path), "%s/copy.db", room->folder);
	copy_file(room->path, copy->path);
	snprintf(from, sizeof(from), "%s-wal", room->path);
	snprintf(to, sizeof(to), "%s-wal", copy->path);
	copy_file(from, to);
	room_open(copy);
}

static void end_copy(struct store_room *copy)
{
	char name[128];

	store_close(copy->s);
	unlink(copy->path);
	snprintf(name, sizeof(name), "%s-wal", copy->path);
	unlink(name);
}

/* What is committed stands in the files when the commit returns, be it little or
 * more than is gathered before it is written; what is not committed does not. */
static void test_commit_is_in_the_files(void **state)
{
	static const size_t rows[] = { 1, 3, 200 };
	static uint8_t octets[4000];
	struct store_room *room = *state, copy;
	uint64_t count, all = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		OK(store_begin(room->s));
		for (size_t k = 0; k < rows[i]; k++) {
			struct store_row row = room_row(room->s, 0, 4, "");
			char name[32];

			snprintf(name, sizeof(name), "row%zu-%zu-x", i, k);
			row.name = bytes_str(name);
			row.body = BYTES_OF(octets);
			OK(store_insert(room->s, &row));
		}
		open_copy(room, &copy);
		OK(store_count(copy.s, &count));
		assert_int_equal(count, all);
		end_copy(&copy);
		OK(store_commit(room->s));
		all += rows[i];
		open_copy(room, &copy);
		OK(store_count(copy.s, &count));
		assert_int_equal(count, all);
		end_copy(&copy);
	}
}

static void test_unknown_engine(void **state)
{
	struct store_room *room = *state;
	struct store_setup setup = room_setup(room);
	struct store *other;

	setup.engine = "other";
	assert_int_equal(store_open(&setup, &other), ERR_UNSUPPORTED);
	assert_null(other);
}

static void test_one_process_only(void **state)
{
	struct store_room *room = *state;
	struct store_setup setup = room_setup(room);
	struct store *other;

	assert_int_equal(store_open(&setup, &other), ERR_BAD_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(test_rows_come_back),
		ON_BOTH(test_names_are_unique),
		ON_BOTH(test_own_number_names),
		ON_BOTH(test_names_of_the_future),
		ON_BOTH(test_update_and_delete),
		ON_BOTH(test_limits),
		ON_BOTH(test_undo_to_mark), ON_SQLITE(test_kept_ids),
		ON_BOTH(test_release_keeps),
		ON_BOTH(test_rollback),
		ON_BOTH(test_childless),
		ON_BOTH(test_children),
		ON_BOTH(test_expired),
		ON_BOTH(test_index),
		ON_BOTH(test_records),
		ON_BOTH(test_log),
		ON_SQLITE(test_restart),
		ON_SQLITE(test_commit_is_in_the_files),
		ON_BOTH(test_cache_is_bounded),
		ON_BOTH(test_unknown_engine),
		ON_SQLITE(test_one_process_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
