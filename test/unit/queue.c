/* queue: nothing is sent before it is durable, nothing is lost or sent twice by an
 * undo, lanes keep their order and hold up nobody else, pauses grow and end. */
#include "request/queue.h"
#include "store_room.h"

enum { NOW = 1700000000 };

static const int64_t start = (int64_t)NOW * 1000;

static struct queue *open_queue(struct store_room *room)
{
	struct queue *q;

	assert_int_equal(queue_open(room->s, &q), ERR_OK);
	return q;
}

static err_t owe(struct queue *q, const char *target, uint64_t sub, unsigned flags, unsigned batch)
{
	struct queue_entry e = {
		.subscription = sub, .created = start, .due = flags & QUEUE_BATCHED ? start + 5000 : start,
		.flags = flags, .batch = batch, .target = bytes_str(target),
		.originator = BYTES("//sp/cse/C1"), .content = BYTES("\xa0"),
	};

	return queue_add(q, &e, start);
}

static void commit(struct store_room *room, struct queue *q)
{
	assert_int_equal(store_commit(room->s), ERR_OK);
	queue_settle(q, true);
	assert_int_equal(store_begin(room->s), ERR_OK);
}

static void test_durable_first(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	assert_int_equal(queue_next(q, start), 0);
	assert_true(queue_wake(q) == INT64_MAX);
	commit(room, q);
	assert_int_not_equal(queue_next(q, start), 0);
	/* rolled back: never there */
	assert_int_equal(owe(q, "b", 1, 0, 0), ERR_OK);
	store_rollback(room->s);
	queue_settle(q, false);
	assert_int_equal(queue_count(q), 1);
	queue_close(q);
	q = open_queue(room);
	assert_int_equal(queue_count(q), 1);
	queue_close(q);
}

static void test_undo(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t first;
	size_t n;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	commit(room, q);
	first = queue_next(q, start);
	assert_int_equal(store_mark(room->s), ERR_OK);
	queue_mark(q);
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	assert_int_equal(queue_cancel(q, 1, false, &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_false(queue_has(q, first));
	store_undo_to_mark(room->s);
	queue_undo_to_mark(q);
	assert_true(queue_has(q, first));
	assert_int_equal(queue_count(q), 1);
	commit(room, q);
	/* removed for good: also after a restart */
	assert_int_equal(queue_remove(q, first), ERR_OK);
	assert_int_equal(queue_next(q, start), 0);
	commit(room, q);
	assert_int_equal(queue_count(q), 0);
	store_rollback(room->s);
	queue_close(q);
	q = open_queue(room);
	assert_int_equal(queue_count(q), 0);
	queue_close(q);
}

static err_t owe_of(struct queue *q, const char *originator, unsigned target, struct bytes content)
{
	struct queue_entry e = { .subscription = 1, .created = start, .due = start, .content = content };
	char text[32];

	snprintf(text, sizeof(text), "t%u", target);
	e.target = bytes_str(text);
	e.originator = bytes_str(originator);
	return queue_add(q, &e, start);
}

/* Whoever has more told than is ever fetched loses of his own: there is a place, a lane and room for who comes
 * after him. Without that he goes on until all is full. */
static void test_share(void **state)
{
	static const struct { unsigned lane; size_t octets; } ways[] = {
		{ 1000, 1 }, { 1, 1 }, { 16, 900000 }, /* entries, lanes, octets */
	};
	struct store_room *room = *state;
	static uint8_t much[900000];
	uint64_t first;

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct queue *q = open_queue(room);
		unsigned n = 0;

		assert_int_equal(store_begin(room->s), ERR_OK);
		while (n < 20000 && owe_of(q, "//sp/cse/Chog", n / ways[i].lane, bytes_make(much, ways[i].octets)) == ERR_OK)
			n++;
		assert_true(n > 30 && n < 20000);
		for (unsigned k = 0; k < 8; k++)
			assert_int_equal(owe_of(q, "//sp/cse/Cother", 100000 + k, bytes_make(much, ways[i].octets)), ERR_OK);
		/* when his own has gone, he has his share again */
		for (unsigned k = 0; k < n && (first = queue_after(q, 0)) != 0; k++)
			assert_int_equal(queue_remove(q, first), ERR_OK);
		assert_int_equal(owe_of(q, "//sp/cse/Chog", 0, bytes_make(much, ways[i].octets)), ERR_OK);
		store_rollback(room->s);
		queue_settle(q, false);
		queue_close(q);
	}
}

/* Who answered last is told when there is no room for those who did not. */
static void test_proven(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t good, bad;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "bad", 1, 0, 0), ERR_OK);
	assert_int_equal(owe(q, "good", 2, 0, 0), ERR_OK);
	commit(room, q);
	bad = queue_next(q, start);
	assert_false(queue_proven(q, bad));
	queue_sending(q, bad, 0, false);
	good = queue_next(q, start);
	queue_sending(q, good, 0, false);
	assert_int_equal(queue_remove(q, good), ERR_OK);
	queue_sent(q, good);
	queue_failed(q, bad, start, 0);
	commit(room, q);
	/* its lane was empty: it is remembered all the same */
	assert_int_equal(owe(q, "good", 2, 0, 0), ERR_OK);
	commit(room, q);
	queue_only_proven(q, true);
	good = queue_next(q, start + 3600000);
	assert_true(good != 0 && good != bad && queue_proven(q, good));
	queue_sending(q, good, 0, false);
	assert_int_equal(queue_next(q, start + 3600000), 0);
	assert_true(queue_wake(q) == INT64_MAX);
	queue_only_proven(q, false);
	assert_int_equal(queue_next(q, start + 3600000), bad);
	/* once in vain, and it is as the others */
	queue_failed(q, good, start, 0);
	queue_only_proven(q, true);
	assert_int_equal(queue_next(q, start + 3600000), 0);
	/* who fetches what waits takes nobody's connection */
	queue_sending(q, good, 7, true);
	queue_failed(q, good, start, 0);
	assert_int_equal(queue_next(q, start + 3600000), good);
	store_rollback(room->s);
	queue_close(q);
}

/* A drop says nothing of the target, nor does a channel of the place beside it that hangs. */
static void test_proves_nothing(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t number, next;

	assert_int_equal(store_begin(room->s), ERR_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	commit(room, q);
	number = queue_next(q, start);
	queue_sending(q, number, 0, false);
	queue_failed(q, number, start, 0);
	next = queue_after(q, number);
	assert_int_equal(queue_remove(q, number), ERR_OK);
	commit(room, q);
	assert_false(queue_proven(q, next));
	assert_int_equal(queue_attempts(q, next), 1);
	assert_int_equal(queue_next(q, start), 0);
	assert_int_equal(queue_next(q, start + 2000), next);
	/* by the channel, and answered there */
	number = next;
	queue_sending(q, number, 7, false);
	next = queue_after(q, number);
	assert_int_equal(queue_remove(q, number), ERR_OK);
	queue_sent(q, number);
	commit(room, q);
	assert_false(queue_proven(q, next));
	queue_only_proven(q, true);
	assert_int_equal(queue_next(q, start + 2000), 0);
	/* by channels alone: it takes no connection, and is none of those that answered at a place */
	queue_sending(q, next, 7, true);
	queue_failed(q, next, start, 0);
	assert_false(queue_proven(q, next));
	assert_int_equal(queue_next(q, start + 2000), next);
	store_rollback(room->s);
	queue_close(q);
}

static void test_lanes(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	struct queue_entry e;
	struct arena a;
	uint64_t one, other;

	arena_init(&a, 1 << 20);
	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	assert_int_equal(owe(q, "a", 2, 0, 0), ERR_OK);
	assert_int_equal(owe(q, "b", 3, 0, 0), ERR_OK);
	commit(room, q);
	one = queue_next(q, start);
	assert_int_equal(queue_read(q, one, &a, &e), ERR_OK);
	assert_true(bytes_equal(e.target, BYTES("a")) && e.subscription == 1 && e.rqi.n == 16);
	queue_sending(q, one, 0, false);
	/* the lane is busy: the next is the other target's */
	other = queue_next(q, start);
	assert_int_equal(queue_read(q, other, &a, &e), ERR_OK);
	assert_true(bytes_equal(e.target, BYTES("b")));
	queue_sending(q, other, 0, false);
	assert_int_equal(queue_next(q, start), 0);
	/* what hangs pauses alone, and is first again */
	queue_failed(q, one, start, 0);
	queue_sent(q, other);
	assert_int_equal(queue_remove(q, other), ERR_OK);
	commit(room, q);
	assert_int_equal(queue_next(q, start), 0);
	assert_int_equal(queue_next(q, start + 2000), one);
	/* cancelled while it is under way: the lane goes on */
	queue_sending(q, one, 0, false);
	assert_int_equal(queue_remove(q, one), ERR_OK);
	commit(room, q);
	queue_sent(q, one);
	assert_int_not_equal(queue_next(q, start + 2000), 0);
	store_rollback(room->s);
	queue_close(q);
	arena_free(&a);
}

static void test_pauses(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	int64_t now = start, least = INT64_MAX;
	uint64_t number;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	commit(room, q);
	number = queue_next(q, now);
	for (unsigned i = 0; i < 40; i++) {
		int64_t pause, nominal = i < 9 ? 1000 << i : QUEUE_PAUSE_MAX_MS;

		if (nominal > QUEUE_PAUSE_MAX_MS)
			nominal = QUEUE_PAUSE_MAX_MS;
		queue_sending(q, number, 7, true);
		queue_failed(q, number, now, (uint16_t)(i * 9973));
		assert_int_equal(queue_attempts(q, number), i + 1);
		pause = queue_wake(q) - now;
		if (pause < nominal * 3 / 4 || pause > nominal * 5 / 4)
			fail_msg("pause %u is %lld", i, (long long)pause);
		assert_int_equal(queue_next(q, now + pause - 1), 0);
		now += pause;
		assert_int_equal(queue_next(q, now), number);
		if (i > 10 && pause < least)
			least = pause;
	}
	/* not all the same */
	assert_true(least < QUEUE_PAUSE_MAX_MS);
	queue_failed(q, number, now, 0);
	queue_reached(q, BYTES("b"));
	assert_int_equal(queue_next(q, now), 0);
	queue_reached(q, BYTES("a"));
	assert_int_equal(queue_next(q, now), number);
	assert_int_equal(queue_attempts(q, number), 0);
	queue_sending(q, number, 7, true);
	queue_failed(q, number, now, 0);
	assert_int_equal(queue_next(q, now), 0);
	queue_awake(q, 8);
	assert_int_equal(queue_next(q, now), 0);
	queue_awake(q, 7);
	assert_int_equal(queue_next(q, now), number);
	store_rollback(room->s);
	queue_close(q);
}

/* One that its own subscription holds back waits alone; let go, it goes. */
static void test_held(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t held, next;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, QUEUE_KEPT | QUEUE_HELD, 0), ERR_OK);
	assert_int_equal(owe(q, "a", 2, 0, 0), ERR_OK);
	commit(room, q);
	held = queue_next(q, start);
	queue_wait(q, held, start + 10000);
	next = queue_next(q, start);
	assert_true(next && next != held);
	assert_int_equal(queue_remove(q, next), ERR_OK);
	commit(room, q);
	assert_int_equal(queue_next(q, start), 0);
	assert_int_equal(queue_next(q, start + 10000), held);
	/* a batch of another does not care, its own goes before it is full */
	assert_int_equal(owe(q, "a", 3, QUEUE_BATCHED, 9), ERR_OK);
	commit(room, q);
	assert_int_equal(queue_release(q, 4, start, true), ERR_OK);
	assert_int_equal(queue_next(q, start), 0);
	assert_int_equal(queue_release(q, 3, start, false), ERR_OK);
	commit(room, q);
	assert_int_not_equal(queue_next(q, start), 0);
	/* nor does it wait again after a restart, behind what came later */
	assert_int_equal(queue_remove(q, held), ERR_OK);
	commit(room, q);
	next = queue_next(q, start);
	assert_int_equal(owe(q, "a", 3, 0, 0), ERR_OK);
	commit(room, q);
	queue_close(q);
	q = open_queue(room);
	assert_int_equal(queue_next(q, start), next);
	store_rollback(room->s);
	queue_close(q);
}

static void test_batches(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t numbers[QUEUE_BATCH], first;

	assert_int_equal(store_begin(room->s), ERR_OK);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(owe(q, "a", 1, QUEUE_BATCHED, 3), ERR_OK);
	commit(room, q);
	assert_int_equal(queue_next(q, start), 0);
	assert_int_equal(owe(q, "a", 1, QUEUE_BATCHED, 3), ERR_OK);
	commit(room, q);
	first = queue_next(q, start);
	assert_int_not_equal(first, 0);
	assert_int_equal(queue_together(q, first, start, numbers), 3);
	queue_sending(q, first, 0, false);
	/* the next waits for its own */
	assert_int_equal(owe(q, "a", 1, QUEUE_BATCHED, 3), ERR_OK);
	commit(room, q);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(queue_remove(q, numbers[i]), ERR_OK);
	commit(room, q);
	queue_sent(q, first);
	assert_int_equal(queue_next(q, start + 4999), 0);
	assert_int_not_equal(queue_next(q, start + 5000), 0);
	store_rollback(room->s);
	queue_close(q);
}

static void test_latest(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t first;
	size_t n;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, QUEUE_LATEST, 0), ERR_OK);
	assert_int_equal(owe(q, "a", 2, 0, 0), ERR_OK);
	commit(room, q);
	first = queue_next(q, start);
	queue_sending(q, first, 0, false);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(owe(q, "a", 1, QUEUE_LATEST, 0), ERR_OK);
	commit(room, q);
	/* the one under way, the other subscription's, the last */
	assert_int_equal(queue_count(q), 3);
	assert_true(queue_has(q, first));
	assert_true(queue_outdated(q, first));
	assert_false(queue_outdated(q, queue_after(q, first)));
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_OK);
	assert_int_equal(queue_cancel(q, 1, true, &n), ERR_OK);
	assert_int_equal(n, 2);
	commit(room, q);
	assert_int_equal(queue_count(q), 2);
	store_rollback(room->s);
	queue_close(q);
}

static void test_bounds(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	size_t lane = 0;

	assert_int_equal(store_begin(room->s), ERR_OK);
	while (owe(q, "a", 1, 0, 0) == ERR_OK)
		lane++;
	assert_int_equal(lane, QUEUE_LANE);
	/* a full lane takes nothing, another does */
	assert_int_equal(owe(q, "a", 1, 0, 0), ERR_LIMIT);
	assert_int_equal(owe(q, "b", 1, 0, 0), ERR_OK);
	assert_int_equal(queue_count(q), QUEUE_LANE + 1);
	store_rollback(room->s);
	queue_settle(q, false);
	assert_int_equal(queue_count(q), 0);
	queue_close(q);
}

static void test_tampered(void **state)
{
	struct store_room *room = *state;
	struct queue *q;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(store_record_put(room->s, STORE_OUTBOUND, BYTES("12345678"), BYTES("x")), ERR_OK);
	assert_int_equal(store_commit(room->s), ERR_OK);
	assert_int_equal(queue_open(room->s, &q), ERR_TAMPERED);
}

/* The latest takes the place of what it makes old, whatever share its originator has. */
static void test_share_of_latest(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	unsigned n = 0;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "latest", 1, QUEUE_LATEST, 0), ERR_OK);
	while (n < 20000 && owe_of(q, "//sp/cse/C1", n / 1000, BYTES("x")) == ERR_OK)
		n++;
	assert_int_equal(owe(q, "latest", 1, QUEUE_LATEST, 0), ERR_OK);
	store_rollback(room->s);
	queue_settle(q, false);
	queue_close(q);
}

/* Several who take all the lanes they can leave one. */
static void test_share_of_lanes(void **state)
{
	static const char *const hogs[] = { "//sp/cse/Ca", "//sp/cse/Cb", "//sp/cse/Cc" };
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	unsigned n = 0;

	assert_int_equal(store_begin(room->s), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(hogs); i++) {
		while (n < 20000 && owe_of(q, hogs[i], n, BYTES("x")) == ERR_OK)
			n++;
	}
	assert_int_equal(owe_of(q, "//sp/cse/Cother", 100000, BYTES("x")), ERR_OK);
	store_rollback(room->s);
	queue_settle(q, false);
	queue_close(q);
}

/* What may be held back has a lane of its own, and its target answers, too. */
static void test_reached_held(void **state)
{
	struct store_room *room = *state;
	struct queue *q = open_queue(room);
	uint64_t number;

	assert_int_equal(store_begin(room->s), ERR_OK);
	assert_int_equal(owe(q, "a", 1, QUEUE_HELD, 0), ERR_OK);
	commit(room, q);
	number = queue_next(q, start);
	assert_int_not_equal(number, 0);
	queue_sending(q, number, 0, false);
	queue_failed(q, number, start, 0);
	assert_int_equal(queue_next(q, start), 0);
	queue_reached(q, BYTES("a"));
	assert_int_equal(queue_next(q, start), number);
	store_rollback(room->s);
	queue_close(q);
}

int main(void)
{
	static char engine[] = "sqlite";
#define T(f) cmocka_unit_test_prestate_setup_teardown(f, room_make, room_end, engine)
	const struct CMUnitTest tests[] = {
		T(test_durable_first), T(test_undo), T(test_proven), T(test_share), T(test_share_of_latest), T(test_share_of_lanes),
		T(test_reached_held), T(test_proves_nothing), T(test_lanes), T(test_pauses),
		T(test_held), T(test_batches), T(test_latest), T(test_bounds), T(test_tampered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
