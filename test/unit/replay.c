/* replay: seen before, or too late [T9]; an honest retry gets its first answer. */
#include "security/replay/replay.h"
#include "store_room.h"

enum { WINDOW = 300000, ENTRIES = 2000, NOW = 1000000000 };

struct replay_room {
	struct store_room *store;
	struct replay *r;
	int64_t now;
	size_t entries;
};

static void open_replay(struct replay_room *m)
{
	OK(replay_open(m->store->s, WINDOW, m->entries, m->now, &m->r));
}

static int replay_make(void **state)
{
	struct replay_room *m = calloc(1, sizeof(*m));

	if (room_make(state) != 0)
		return -1;
	m->store = *state;
	m->now = NOW;
	m->entries = ENTRIES;
	open_replay(m);
	*state = m;
	return 0;
}

static int replay_end(void **state)
{
	struct replay_room *m = *state;
	void *store = m->store;

	replay_close(m->r);
	free(m);
	return room_end(&store);
}

static struct replay_question ask(struct replay_room *m, const char *rqi)
{
	return (struct replay_question){ .changes = true, .originator = BYTES("//sp.example/C1"),
		.request = bytes_str(rqi), .content = BYTES("content"), .now = m->now };
}

static enum replay_verdict check(struct replay_room *m, const struct replay_question *q,
                                 struct replay_result *kept)
{
	enum replay_verdict verdict;

	OK(replay_check(m->r, q, &verdict, kept));
	return verdict;
}

static enum replay_verdict verdict_of(struct replay_room *m, struct replay_question q)
{
	struct replay_result kept;

	return check(m, &q, &kept);
}

static void remember(struct replay_room *m, struct replay_question q, uint64_t resource)
{
	OK(replay_remember(m->r, &q, &(struct replay_result){ 2001, resource }));
}

static void begin(struct replay_room *m)
{
	OK(store_begin(m->store->s));
}

static void commit(struct replay_room *m)
{
	OK(store_commit(m->store->s));
	replay_settle(m->r, true);
}

static void restart(struct replay_room *m)
{
	replay_close(m->r);
	m->r = NULL;
	room_restart(m->store);
	open_replay(m);
}

static void test_repeat_and_conflict(void **state)
{
	struct replay_room *m = *state;
	struct replay_question q = ask(m, "r1");
	struct replay_result kept;

	begin(m);
	assert_int_equal(check(m, &q, &kept), REPLAY_NEW);
	remember(m, q, 42);
	/* in the same transaction, and after it */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(check(m, &q, &kept), REPLAY_REPEATED);
		assert_true(kept.status == 2001 && kept.resource == 42);
		q.content = BYTES("other");
		assert_int_equal(check(m, &q, &kept), REPLAY_CONFLICT);
		assert_int_equal(kept.resource, 0);
		q.content = BYTES("content");
		if (i == 0)
			commit(m);
	}
	/* another originator has his own identifiers, however they are cut */
	q.originator = BYTES("//sp.example/C1r");
	q.request = BYTES("1");
	assert_int_equal(check(m, &q, &kept), REPLAY_NEW);
	assert_int_equal(verdict_of(m, ask(m, "r2")), REPLAY_NEW);
	if (m->store->engine[0] == 's') {
		restart(m);
		q = ask(m, "r1");
		assert_int_equal(check(m, &q, &kept), REPLAY_REPEATED);
		assert_true(kept.status == 2001 && kept.resource == 42);
	}
	m->now += WINDOW;
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_REPEATED);
	m->now += 1;
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_NEW);
}

/* Built anew it says another time, and is the same. Only that time may differ, and it may not come or go. */
static void test_made_again(void **state)
{
	static const struct { const char *content; size_t at, n; enum replay_verdict verdict; } rows[] = {
		{ "(ot=1)(to=x)", 4, 1, REPLAY_REPEATED },
		{ "(ot=2)(to=x)", 4, 1, REPLAY_REPEATED },
		{ "(ot=345)(to=x)", 4, 3, REPLAY_REPEATED },
		{ "(ot=345)(to=y)", 4, 3, REPLAY_CONFLICT },
		{ "(op=1)(ot=345)(to=x)", 10, 3, REPLAY_CONFLICT },
		{ "(to=x)", 0, 0, REPLAY_CONFLICT },
		{ "(ot=1)(to=x)", 0, 0, REPLAY_CONFLICT },
	};
	struct replay_room *m = *state;
	struct replay_question q = ask(m, "r1");
	struct replay_result kept;

	begin(m);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		q.content = bytes_str(rows[i].content);
		q.made = bytes_sub(q.content, rows[i].at, rows[i].n);
		if (i == 0)
			remember(m, q, 42);
		assert_int_equal(check(m, &q, &kept), rows[i].verdict);
	}
	commit(m);
}

static void test_pending(void **state)
{
	struct replay_room *m = *state;

	begin(m);
	replay_mark(m->r);
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_NEW);
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_PENDING);
	remember(m, ask(m, "r1"), 1);
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_REPEATED);
	/* undone: it is new again, once the next request begins */
	OK(store_mark(m->store->s));
	replay_mark(m->r);
	assert_int_equal(verdict_of(m, ask(m, "r2")), REPLAY_NEW);
	remember(m, ask(m, "r2"), 2);
	store_undo_to_mark(m->store->s);
	replay_undo_to_mark(m->r);
	assert_int_equal(verdict_of(m, ask(m, "r2")), REPLAY_NEW);
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_REPEATED);
	store_rollback(m->store->s);
	replay_settle(m->r, false);
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_NEW);
}

static const struct {
	enum replay_mode mode;
	bool changes;
	int64_t originated, expires; /* relative to now; 0 absent */
	enum replay_verdict verdict;
} times[] = {
	{ REPLAY_WINDOW, true, 0, 0, REPLAY_NEW },
	{ REPLAY_WINDOW, true, -WINDOW, 0, REPLAY_NEW },
	{ REPLAY_WINDOW, true, -WINDOW - 1, 0, REPLAY_LATE },
	{ REPLAY_WINDOW, false, -WINDOW - 1, 0, REPLAY_LATE },
	{ REPLAY_WINDOW, true, 60000, 0, REPLAY_NEW },
	{ REPLAY_WINDOW, true, 60001, 0, REPLAY_LATE },
	{ REPLAY_WINDOW, true, 0, 1, REPLAY_NEW },
	{ REPLAY_WINDOW, true, 0, -1, REPLAY_LATE },
	{ REPLAY_WINDOW, false, 0, -1, REPLAY_LATE },
	{ REPLAY_STRICT, true, 0, 0, REPLAY_UNDATED },
	{ REPLAY_STRICT, false, 0, 0, REPLAY_UNDATED },
	{ REPLAY_STRICT, true, -5, 0, REPLAY_NEW },
	{ REPLAY_STRICT, true, -WINDOW - 1, 0, REPLAY_LATE },
	{ REPLAY_STRICT, true, 0, -1, REPLAY_LATE },
	{ REPLAY_OFF, true, -WINDOW - 1, 0, REPLAY_NEW },
	{ REPLAY_OFF, true, 0, -1, REPLAY_LATE },
};

static void test_times(void **state)
{
	struct replay_room *m = *state;

	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct replay_question q = ask(m, "r");

		q.mode = times[i].mode;
		q.changes = times[i].changes;
		q.originated = times[i].originated ? m->now + times[i].originated : 0;
		q.expires = times[i].expires ? m->now + times[i].expires : 0;
		if (verdict_of(m, q) != times[i].verdict)
			fail_msg("row %zu", i);
		replay_mark(m->r);
	}
}

static void test_reads_are_not_kept(void **state)
{
	struct replay_room *m = *state;
	struct replay_question q = ask(m, "r1");
	uint64_t last;

	begin(m);
	q.changes = false;
	remember(m, q, 1);
	q.changes = true;
	q.mode = REPLAY_OFF;
	remember(m, q, 1);
	commit(m);
	OK(store_log_last(m->store->s, STORE_REPLAY, &last));
	assert_int_equal(last, 0);
	assert_int_equal(verdict_of(m, ask(m, "r1")), REPLAY_NEW);
}

/* The i-th request of many, by one originator of sixty-four. */
static struct replay_question ask_number(struct replay_room *m, unsigned i)
{
	static char name[16], originator[32];
	struct replay_question q;

	snprintf(name, sizeof(name), "r%u", i);
	snprintf(originator, sizeof(originator), "//sp.example/C%u", i % 64);
	q = ask(m, name);
	q.originator = bytes_str(originator);
	return q;
}

static void remember_many(struct replay_room *m, unsigned from, unsigned n)
{
	begin(m);
	for (unsigned i = from; i < from + n; i++)
		remember(m, ask_number(m, i), i);
	commit(m);
}

static bool knows(struct replay_room *m, unsigned i)
{
	replay_mark(m->r);
	return verdict_of(m, ask_number(m, i)) == REPLAY_REPEATED;
}

/* One who changes very much forgets its own, and nobody else's. */
static void test_shares(void **state)
{
	struct replay_room *m = *state;
	char name[16];

	remember_many(m, 0, 64);
	for (unsigned k = 0; k < 40; k++) {
		begin(m);
		for (unsigned i = k * 500; i < (k + 1) * 500; i++) {
			snprintf(name, sizeof(name), "flood%u", i);
			remember(m, ask(m, name), i);
		}
		commit(m);
		remember_many(m, 64 + k, 1);
	}
	for (unsigned i = 0; i < 104; i++) {
		if (i % 64 != 1) /* the flooding one's own */
			assert_true(knows(m, i));
	}
	replay_mark(m->r);
	assert_int_equal(verdict_of(m, ask(m, "flood19999")), REPLAY_REPEATED);
	assert_int_equal(verdict_of(m, ask(m, "flood19876")), REPLAY_REPEATED);
	replay_mark(m->r);
	assert_int_equal(verdict_of(m, ask(m, "flood19874")), REPLAY_NEW);
	replay_mark(m->r);
	assert_int_equal(verdict_of(m, ask(m, "flood0")), REPLAY_NEW);
	/* out of the window all go, shares and all */
	m->now += WINDOW + 1000;
	for (int i = 0; i < 3; i++) {
		begin(m);
		OK(replay_sweep(m->r, m->now));
		commit(m);
	}
	assert_false(knows(m, 70));
	remember_many(m, 200, 300);
	assert_true(knows(m, 200) && knows(m, 499));
}

static void test_oldest_go_out(void **state)
{
	struct replay_room *m = *state;

	for (unsigned i = 0; i < 5; i++)
		remember_many(m, i * 1000, 1000);
	assert_false(knows(m, 2999));
	assert_true(knows(m, 3000));
	assert_true(knows(m, 4999));
	if (m->store->engine[0] == 's') {
		restart(m);
		assert_false(knows(m, 2999));
		assert_true(knows(m, 3000));
		assert_true(knows(m, 4999));
	}
	/* a batch that is undone pushes nobody out for good */
	begin(m);
	for (unsigned i = 10000; i < 11500; i++)
		remember(m, ask_number(m, i), i);
	store_rollback(m->store->s);
	replay_settle(m->r, false);
	assert_true(knows(m, 3000));
	assert_true(knows(m, 4999));
}

static uint64_t first_kept;

static err_t see(void *self, uint64_t number, struct bytes record)
{
	if (record.p && !first_kept)
		first_kept = number;
	return ERR_OK;
}

static void test_sweep(void **state)
{
	struct replay_room *m = *state;

	for (unsigned i = 0; i < 4; i++) {
		remember_many(m, i * 400, 400);
		m->now += 1000;
	}
	m->now += WINDOW - 2000; /* the first two hundred batches... left the window */
	begin(m);
	OK(replay_sweep(m->r, m->now));
	commit(m);
	first_kept = 0;
	OK(store_log_walk(m->store->s, STORE_REPLAY, 0, SIZE_MAX, see, NULL));
	assert_int_equal(first_kept, 801);
	assert_true(knows(m, 800));
	assert_true(knows(m, 1599));
	/* the rest, in bounded steps; numbers go on */
	m->now += 100000;
	for (int i = 0; i < 3; i++) {
		begin(m);
		OK(replay_sweep(m->r, m->now));
		commit(m);
	}
	assert_false(knows(m, 1599));
	remember_many(m, 5000, 1);
	assert_true(knows(m, 5000));
	if (m->store->engine[0] == 's') {
		restart(m);
		assert_true(knows(m, 5000));
	}
}

/* A sweep whose transaction is undone loses nothing that is still good. */
static void test_sweep_undone(void **state)
{
	struct replay_room *m = *state;

	remember_many(m, 0, 10);
	m->now += WINDOW / 2;
	remember_many(m, 10, 10);
	m->now += WINDOW / 2 + 1;
	begin(m);
	OK(replay_sweep(m->r, m->now));
	store_rollback(m->store->s);
	replay_settle(m->r, false);
	assert_false(knows(m, 9));
	assert_true(knows(m, 10));
}

/* Where nothing left the window nothing is written: a sweep each second is free. */
static void test_sweep_writes_only_what_moved(void **state)
{
	struct replay_room *m = *state;

	assert_false(replay_sweep_due(m->r, m->now));
	remember_many(m, 0, 10);
	assert_false(replay_sweep_due(m->r, m->now));
	m->now += 1000;
	remember_many(m, 10, 10);
	m->now += WINDOW;
	assert_true(replay_sweep_due(m->r, m->now));
	/* undone: still due */
	begin(m);
	OK(replay_sweep(m->r, m->now));
	store_rollback(m->store->s);
	replay_settle(m->r, false);
	assert_true(replay_sweep_due(m->r, m->now));
	/* a later part of the transaction that is undone does not undo the sweep */
	begin(m);
	OK(replay_sweep(m->r, m->now));
	replay_mark(m->r);
	replay_undo_to_mark(m->r);
	commit(m);
	assert_false(replay_sweep_due(m->r, m->now));
	assert_true(knows(m, 10));
	/* all gone, then something new: no write but for what leaves */
	m->now += 1;
	assert_true(replay_sweep_due(m->r, m->now + 1000));
	m->now += 1000;
	begin(m);
	OK(replay_sweep(m->r, m->now));
	commit(m);
	assert_false(replay_sweep_due(m->r, m->now));
	remember_many(m, 30, 1);
	assert_false(replay_sweep_due(m->r, m->now));
}

static void test_memory_fails(void **state)
{
	struct replay_room *m = *state;
	unsigned done = 0;

	for (uint64_t n = 1; n < 40; n++) {
		struct replay_question q;
		err_t err;

		q = ask_number(m, done);
		begin(m);
		mem_fail_at(n);
		err = replay_remember(m->r, &q, &(struct replay_result){ 2001, done });
		if (err == ERR_OK)
			err = store_commit(m->store->s);
		mem_fail_at(0);
		store_rollback(m->store->s);
		replay_settle(m->r, err == ERR_OK);
		assert_true(err == ERR_OK || err == ERR_MEMORY);
		assert_int_equal(knows(m, done), err == ERR_OK);
		done += err == ERR_OK;
	}
	assert_true(done > 10);
	for (unsigned i = 0; i < done; i++)
		assert_true(knows(m, i));
}

#define REPLAY_BOTH(f) { #f " (sqlite)", f, replay_make, replay_end, engine_of_sqlite }, \
	{ #f " (memory)", f, replay_make, replay_end, engine_of_memory }

int main(void)
{
	const struct CMUnitTest tests[] = {
		REPLAY_BOTH(test_repeat_and_conflict),
		REPLAY_BOTH(test_made_again),
		REPLAY_BOTH(test_pending),
		REPLAY_BOTH(test_times),
		REPLAY_BOTH(test_reads_are_not_kept),
		REPLAY_BOTH(test_oldest_go_out),
		REPLAY_BOTH(test_shares),
		REPLAY_BOTH(test_sweep),
		REPLAY_BOTH(test_sweep_undone),
		REPLAY_BOTH(test_sweep_writes_only_what_moved),
		REPLAY_BOTH(test_memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
