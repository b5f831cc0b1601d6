/* audit: the chain, and that every way to rewrite it is found [T3 T9]. */
#include "codec/cbor.h"
#include "security/audit/audit.h"
#include "store_room.h"

#include <sqlite3.h>

struct audit_room {
	struct store_room *store;
	struct audit *a;
};

static void open_audit(struct audit_room *m)
{
	OK(audit_open(m->store->s, &m->a));
}

static void append(struct audit_room *m, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct audit_record r = { .kind = AUDIT_DECISION, .at = 1000 + i,
			.originator = BYTES("//sp.example/Cdev1"), .operation = 1, .target = BYTES("cse-in/a"),
			.request = BYTES("r1"), .status = 2001, .rule = BYTES("acp 5 rule 1") };

		OK(audit_append(m->a, &r));
	}
}

/* Blocks of 3 records. */
static void commit(struct audit_room *m, unsigned blocks)
{
	for (unsigned i = 0; i < blocks; i++) {
		OK(store_begin(m->store->s));
		append(m, 3);
		OK(store_commit(m->store->s));
		audit_settle(m->a, true);
	}
}

static int audit_make(void **state)
{
	struct audit_room *m = calloc(1, sizeof(*m));

	if (room_make(state) != 0)
		return -1;
	m->store = *state;
	open_audit(m);
	*state = m;
	return 0;
}

static int audit_end(void **state)
{
	struct audit_room *m = *state;
	void *store = m->store;

	audit_close(m->a);
	free(m);
	return room_end(&store);
}

static void restart(struct audit_room *m, const char *sql)
{
	audit_close(m->a);
	m->a = NULL;
	store_close(m->store->s);
	m->store->s = NULL;
	if (sql) {
		sqlite3 *db;

		assert_int_equal(sqlite3_open(m->store->path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
		sqlite3_close(db);
	}
	room_open(m->store);
}

static void test_chain_goes_on(void **state)
{
	struct audit_room *m = *state;
	struct audit_verdict v;
	uint8_t hash[32], again[32];
	uint64_t number;

	audit_head(m->a, &number, hash);
	assert_int_equal(number, 0);
	commit(m, 3);
	audit_head(m->a, &number, hash);
	assert_int_equal(number, 9);
	OK(audit_verify(m->a, 9, hash, &v));
	assert_true(v.records == 9 && v.first_bad == 0 && v.anchor_agrees && v.anchored == 9);
	if (m->store->engine[0] == 's') {
		restart(m, NULL);
		open_audit(m);
		audit_head(m->a, &number, again);
		assert_int_equal(number, 9);
		assert_memory_equal(hash, again, 32);
	}
	commit(m, 1);
	OK(audit_verify(m->a, 9, hash, &v));
	assert_true(v.records == 12 && v.first_bad == 0 && v.anchor_agrees);
	OK(audit_verify(m->a, 0, hash, &v));
	assert_true(v.first_bad == 0 && v.anchored == 0);
}

static void test_undo(void **state)
{
	struct audit_room *m = *state;
	struct audit_verdict v;
	uint8_t hash[32];
	uint64_t number;

	commit(m, 1);
	OK(store_begin(m->store->s));
	append(m, 1);
	OK(store_mark(m->store->s));
	audit_mark(m->a);
	assert_int_equal(audit_since_mark(m->a), 0);
	append(m, 2);
	assert_int_equal(audit_since_mark(m->a), 2);
	store_undo_to_mark(m->store->s);
	audit_undo_to_mark(m->a);
	assert_int_equal(audit_since_mark(m->a), 0);
	append(m, 1);
	/* what is not durable is not for the anchor */
	audit_head(m->a, &number, hash);
	assert_int_equal(number, 3);
	OK(store_commit(m->store->s));
	audit_settle(m->a, true);
	OK(store_begin(m->store->s));
	append(m, 5);
	store_rollback(m->store->s);
	/* forgotten to say so: nothing is chained to what does not exist */
	OK(store_begin(m->store->s));
	assert_int_equal(audit_append(m->a, &(struct audit_record){ .kind = AUDIT_STOP }), ERR_BAD_STATE);
	store_rollback(m->store->s);
	audit_settle(m->a, false);
	commit(m, 1);
	OK(audit_verify(m->a, 0, hash, &v));
	assert_true(v.records == 8 && v.first_bad == 0);
}

static const struct {
	const char *sql;
	uint64_t first_bad;
	const char *what;
} edits[] = {
	{ "DELETE FROM log WHERE number=(1<<56)+4", 4, "record 4 is missing" },
	{ "DELETE FROM log WHERE number=(1<<56)+1", 1, "record 1 is missing" },
	{ "UPDATE log SET body=zeroblob(length(body)) WHERE number=(1<<56)+4", 4,
	  "record 4 was edited: its seal is broken" },
	{ "UPDATE log SET count=2 WHERE number=(1<<56)+1", 1, "record 1 was edited: its seal is broken" },
	{ "UPDATE log SET number=-number WHERE number IN((1<<56)+4,(1<<56)+7);"
	  "UPDATE log SET number=(1<<57)+11+number WHERE number<0", 4,
	  "record 4 was edited: its seal is broken" },
	{ "DELETE FROM log WHERE number>=(1<<56)+7", 7,
	  "records from 7 on are cut off: later ones were anchored" },
	{ "DELETE FROM log", 1, "records from 1 on are cut off: later ones were anchored" },
};

static void test_rewriting_is_found(void **state)
{
	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		void *each = engine_of_sqlite;
		struct audit_room *m;
		struct audit_verdict v;
		uint8_t hash[32];
		uint64_t number;

		assert_int_equal(audit_make(&each), 0);
		m = each;
		commit(m, 4);
		audit_head(m->a, &number, hash);
		restart(m, edits[i].sql);
		open_audit(m);
		OK(audit_verify(m->a, number, hash, &v));
		assert_int_equal(v.first_bad, edits[i].first_bad);
		assert_int_equal(v.records, edits[i].first_bad - 1);
		assert_false(v.anchor_agrees);
		assert_string_equal(v.what, edits[i].what);
		audit_end(&each);
	}
}

/* Without an anchor a cut tail cannot be seen: said, and so tested. */
static void test_cut_tail_needs_the_anchor(void **state)
{
	struct audit_room *m = *state;
	struct audit_verdict v;
	uint8_t hash[32];
	uint64_t number;

	commit(m, 4);
	audit_head(m->a, &number, hash);
	restart(m, "DELETE FROM log WHERE number>=(1<<56)+10");
	open_audit(m);
	OK(audit_verify(m->a, 0, hash, &v));
	assert_int_equal(v.first_bad, 0);
	OK(audit_verify(m->a, number, hash, &v));
	assert_int_equal(v.first_bad, 10);
	/* a tail written anew by one who has the data key: another hash */
	commit(m, 1);
	hash[0] ^= 1;
	OK(audit_verify(m->a, 12, hash, &v));
	assert_true(v.first_bad == 12 && !v.anchor_agrees);
	assert_string_equal(v.what, "record 12 is not the one that was anchored");
}

static void test_broken_end_is_refused(void **state)
{
	struct audit_room *m = *state;

	commit(m, 2);
	restart(m, "UPDATE log SET body=zeroblob(length(body)) WHERE number=(1<<56)+4");
	assert_int_equal(audit_open(m->store->s, &m->a), ERR_TAMPERED);
	assert_null(m->a);
}

/* Somebody who has the data key and appends what does not follow. */
static void test_foreign_record_is_found(void **state)
{
	struct audit_room *m = *state;
	struct audit_verdict v;
	uint8_t hash[32] = { 0 }, record[40] = { 0 };
	uint64_t number;

	commit(m, 1);
	OK(store_begin(m->store->s));
	OK(store_log_append(m->store->s, STORE_AUDIT, BYTES_OF(record), &number));
	OK(store_log_append(m->store->s, STORE_AUDIT, BYTES("short"), &number));
	OK(store_commit(m->store->s));
	OK(audit_verify(m->a, 0, hash, &v));
	assert_int_equal(v.first_bad, 4);
	assert_string_equal(v.what, "record 4 does not follow from the one before");
}

struct listed {
	uint64_t n, last;
};

static err_t list(void *self, struct bytes map)
{
	struct listed *l = self;
	struct cbor v;
	bool found;

	OK(cbor_check(map, &codec_default_limits));
	OK(cbor_find(map, BYTES("n"), &v, &found));
	assert_true(found);
	l->last = v.u;
	OK(cbor_find(map, BYTES("h"), &v, &found));
	assert_true(found && v.s.n == 32);
	OK(cbor_find(map, BYTES("fr"), &v, &found));
	assert_true(found && bytes_equal(v.s, BYTES("//sp.example/Cdev1")));
	OK(cbor_find(map, BYTES("rsc"), &v, &found));
	assert_true(found && v.u == 2001);
	OK(cbor_find(map, BYTES("dg"), &v, &found));
	assert_false(found);
	l->n++;
	return ERR_OK;
}

static void test_list(void **state)
{
	struct audit_room *m = *state;
	struct listed l = { 0 };

	commit(m, 3);
	OK(audit_walk(m->a, 4, 4, list, &l));
	assert_true(l.n == 4 && l.last == 7);
	OK(audit_walk(m->a, 10, 4, list, &l));
	assert_int_equal(l.n, 4);
}

static void test_every_member(void **state)
{
	uint8_t digest[32] = { 9 };
	struct audit_record r = { .kind = AUDIT_ADMIN, .at = 5, .originator = BYTES("a"),
		.credential = BYTES("b"), .association = UINT64_MAX, .operation = 5, .target = BYTES("c"),
		.request = BYTES("\xff not text"), .status = 4103, .rule = BYTES("d"), .resource = 6,
		.version = 7, .digest = BYTES_OF(digest), .text = BYTES("e") };
	struct buf out = buf_make(1000), none = buf_make(3);
	struct cbor v;
	bool found;

	OK(audit_encode(&r, &out));
	OK(cbor_check(bytes_of_buf(&out), &codec_default_limits));
	OK(cbor_read(bytes_of_buf(&out), &v));
	assert_int_equal(v.u, 14);
	OK(cbor_find(bytes_of_buf(&out), BYTES("rqi"), &v, &found));
	assert_true(found && v.kind == CBOR_BYTES);
	OK(cbor_find(bytes_of_buf(&out), BYTES("as"), &v, &found));
	assert_true(found && v.u == UINT64_MAX);
	assert_int_equal(audit_encode(&r, &none), ERR_LIMIT);
	assert_int_equal(none.n, 0);
	buf_free(&out);
	buf_free(&none);
}

/* What cannot be recorded is refused: the request then fails. */
static void test_no_record_no_deed(void **state)
{
	struct audit_room *m = *state;
	struct audit_record r = { .kind = AUDIT_DECISION, .text = BYTES("x") };
	static uint8_t large[70000];
	struct audit_verdict v;
	uint8_t hash[32];

	OK(store_begin(m->store->s));
	r.text = BYTES_OF(large);
	assert_int_equal(audit_append(m->a, &r), ERR_LIMIT);
	r.text = BYTES("x");
	OK(audit_append(m->a, &r));
	engine_fail_at(3, ERR_FULL);
	assert_int_equal(store_commit(m->store->s), ERR_FULL);
	engine_fail_at(0, ERR_OK);
	audit_settle(m->a, false);
	commit(m, 1);
	OK(audit_verify(m->a, 0, hash, &v));
	assert_true(v.records == 3 && v.first_bad == 0);
}

#define AUDIT_SQLITE(f) { #f " (sqlite)", f, audit_make, audit_end, engine_of_sqlite }
#define AUDIT_BOTH(f) AUDIT_SQLITE(f), { #f " (memory)", f, audit_make, audit_end, engine_of_memory }

int main(void)
{
	const struct CMUnitTest tests[] = {
		AUDIT_BOTH(test_chain_goes_on),
		AUDIT_BOTH(test_undo),
		AUDIT_SQLITE(test_cut_tail_needs_the_anchor),
		AUDIT_SQLITE(test_broken_end_is_refused),
		AUDIT_BOTH(test_foreign_record_is_found),
		AUDIT_BOTH(test_list),
		AUDIT_BOTH(test_no_record_no_deed),
		cmocka_unit_test(test_rewriting_is_found),
		cmocka_unit_test(test_every_member),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
