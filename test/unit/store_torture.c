/* store_torture: every allocation and every engine write fails once. What was
 * acknowledged stays, what failed left nothing, and the store goes on. */
#include "store_room.h"

#include <signal.h>
#include <sys/resource.h>

enum { ROUNDS = 3 };

/* What a transaction of round i does; on error the caller sees it undone. */
static err_t change_rows(struct store *s, unsigned i)
{
	const struct store_row *row;
	struct bytes label = BYTES("red");
	struct store_row r;
	char name[16];
	err_t err;

	snprintf(name, sizeof(name), "n%ux", i);
	TRY(store_get(s, 1, &row));
	if (!row) {
		r = room_row(s, 0, 5, "cse");
		TRY(store_insert(s, &r));
		TRY(store_get(s, 1, &row));
	}
	r = *row;
	r.size = i;
	TRY(store_update(s, &r));
	r = room_row(s, 1, 3, name);
	r.expires = 100 + i;
	r.ident = bytes_str(name);
	TRY(store_insert(s, &r));
	TRY(store_index_set(s, r.id, BYTES("lbl"), &label, 1));
	if (i > 0)
		TRY(store_delete(s, r.id - 1));
out:
	return err;
}

static err_t change(struct store *s, unsigned i)
{
	uint8_t octets[8];
	uint64_t number;
	err_t err;

	TRY(store_begin(s));
	TRY(store_mark(s));
	err = change_rows(s, i);
	if (err != ERR_OK) {
		store_undo_to_mark(s);
		goto out;
	}
	store_release_mark(s);
	put_be64(octets, i);
	TRY(store_record_put(s, STORE_NODE, BYTES("round"), BYTES_OF(octets)));
	TRY(store_log_append(s, STORE_AUDIT, BYTES_OF(octets), &number));
	TRY(store_commit(s));
out:
	store_rollback(s);
	return err;
}

static err_t take_round(void *self, uint64_t number, struct bytes record)
{
	assert_int_equal(record.n, 8);
	assert_int_equal(get_be64(record.p) + 1, number);
	return ERR_OK;
}

/* Exactly `rounds` rounds are there. */
static void check(struct store *s, unsigned rounds)
{
	const struct store_row *row;
	uint64_t n, ids[8], bad;
	struct store_expiry expired[8];
	struct bytes value;
	struct arena a;
	size_t found;

	arena_init(&a, 100);
	OK(store_count(s, &n));
	assert_int_equal(n, rounds ? 2 : 0);
	OK(store_log_last(s, STORE_AUDIT, &n));
	assert_int_equal(n, rounds);
	OK(store_log_walk(s, STORE_AUDIT, 0, SIZE_MAX, take_round, NULL));
	OK(store_index_find(s, &(struct store_find){ BYTES("lbl"), BYTES("red"), 0, 8 }, ids, &found));
	assert_int_equal(found, rounds ? 1 : 0);
	OK(store_expired(s, 1000, NULL, expired, 8, &found));
	assert_int_equal(found, rounds ? 1 : 0);
	OK(store_record_get(s, STORE_NODE, BYTES("round"), &a, &value));
	assert_int_equal(value.n, rounds ? 8 : 0);
	OK(store_get(s, 1, &row));
	assert_int_equal(row != NULL, rounds > 0);
	if (row) {
		assert_int_equal(row->version, rounds + 1);
		assert_int_equal(row->size, rounds - 1);
		assert_int_equal(get_be64(value.p), rounds - 1);
	}
	OK(store_verify(s, &bad, NULL, NULL));
	assert_int_equal(bad, 0);
	arena_free(&a);
}

/* Run rounds with one failure at the n-th; true when it never came. */
static bool survive(struct store_room *room, uint64_t n, bool memory, err_t with)
{
	unsigned done = 0;
	bool failed = false;

	for (unsigned tries = 0; done < ROUNDS; tries++) {
		err_t err;

		assert_true(tries < ROUNDS + 1);
		if (tries == 0 && memory)
			mem_fail_at(n);
		else if (tries == 0)
			engine_fail_at(n, with);
		err = change(room->s, done);
		if (err == ERR_OK) {
			done++;
			continue;
		}
		assert_int_equal(err, memory ? ERR_MEMORY : with);
		failed = true;
		mem_fail_at(0);
		engine_fail_at(0, ERR_OK);
		check(room->s, done);
	}
	mem_fail_at(0);
	engine_fail_at(0, ERR_OK);
	check(room->s, done);
	if (room->engine[0] == 's') {
		room_restart(room);
		check(room->s, done);
	}
	return !failed;
}

static void torture(void **state, bool memory, err_t with)
{
	const char *engine = *state;

	for (uint64_t n = 1, passed = 0; passed < 5; n++) {
		void *each = engine[0] == 's' ? engine_of_sqlite : engine_of_memory;

		assert_int_equal(room_make(&each), 0);
		/* a failure that is survived silently (a table that stays small) is
		 * fine; five in a row say that the end is reached */
		passed = survive(each, n, memory, with) ? passed + 1 : 0;
		room_end(&each);
		assert_true(n < 2000);
	}
}

static void test_memory_fails(void **state)
{
	torture(state, true, ERR_MEMORY);
}

static void test_engine_fails(void **state)
{
	torture(state, false, ERR_FULL);
	torture(state, false, ERR_IO);
}

/* Opening runs out of memory, each time elsewhere. */
static void test_open_fails(void **state)
{
	void *each = *state;
	struct store_room *room;
	err_t err = ERR_MEMORY;

	assert_int_equal(room_make(&each), 0);
	room = each;
	for (uint64_t n = 1; err != ERR_OK; n++) {
		struct store_setup setup = room_setup(room);

		store_close(room->s);
		room->s = NULL;
		mem_fail_at(n);
		err = store_open(&setup, &room->s);
		mem_fail_at(0);
		assert_true(err == ERR_OK || err == ERR_MEMORY);
		assert_true(n < 100);
	}
	room_end(&each);
}

/* A disk that is really full: the system refuses to let the files grow. */
static void test_disk_is_full(void **state)
{
	struct store_room *room = *state;
	struct rlimit old, small;
	unsigned done = 0;
	bool failed = false;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 160 * 1024;
	setrlimit(RLIMIT_FSIZE, &small);
	for (unsigned i = 0; i < 200 && !failed; i++) {
		err_t err = change(room->s, done);

		if (err == ERR_OK) {
			done++;
			continue;
		}
		assert_true(err == ERR_FULL || err == ERR_IO);
		failed = true;
	}
	setrlimit(RLIMIT_FSIZE, &old);
	assert_true(failed && done > 0);
	check(room->s, done);
	OK(change(room->s, done++));
	check(room->s, done);
	room_restart(room);
	check(room->s, done);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{ "memory fails (memory)", test_memory_fails, NULL, NULL, engine_of_memory },
		{ "memory fails (sqlite)", test_memory_fails, NULL, NULL, engine_of_sqlite },
		{ "engine fails (memory)", test_engine_fails, NULL, NULL, engine_of_memory },
		{ "engine fails (sqlite)", test_engine_fails, NULL, NULL, engine_of_sqlite },
		{ "open fails (sqlite)", test_open_fails, NULL, NULL, engine_of_sqlite },
		{ "open fails (memory)", test_open_fails, NULL, NULL, engine_of_memory },
		ON_SQLITE(test_disk_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
