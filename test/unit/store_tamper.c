#define _GNU_SOURCE /* memmem */
/* store_tamper: a stranger writes in the file [T3 T8 T20]. Each edit is one that
 * SQLite itself finds in order; the seal must say no. */
#include "store_room.h"

#include <string.h>

#include <sqlite3.h>

/* Rows 1 (cse), 2 and 3 (children a, b), labels, a record, two log blocks. */
static void prepare(struct store_room *room)
{
	struct bytes red = BYTES("red");
	struct store_row r;
	uint64_t number;

	OK(store_begin(room->s));
	room_insert(room->s, 0, 5, "cse");
	for (int i = 0; i < 2; i++) {
		r = room_row(room->s, 1, 3, i ? "b" : "a");
		r.ident = i ? BYTES("Cb") : BYTES("Ca");
		r.expires = 5000;
		OK(store_insert(room->s, &r));
		OK(store_index_set(room->s, r.id, BYTES("lbl"), &red, 1));
	}
	OK(store_record_put(room->s, STORE_CREDENTIAL, BYTES("one"), BYTES("1")));
	OK(store_record_put(room->s, STORE_CREDENTIAL, BYTES("two"), BYTES("2")));
	for (int i = 0; i < 3; i++)
		OK(store_log_append(room->s, STORE_AUDIT, BYTES("12345678"), &number));
	OK(store_commit(room->s));
	OK(store_begin(room->s));
	OK(store_log_append(room->s, STORE_AUDIT, BYTES("12345678"), &number));
	OK(store_commit(room->s));
	OK(store_begin(room->s));
	OK(store_log_append(room->s, STORE_AUDIT, BYTES("12345678"), &number));
	OK(store_commit(room->s));
}

static void edit_file(struct store_room *room, const char *sql)
{
	sqlite3 *db;

	store_close(room->s);
	room->s = NULL;
	assert_int_equal(sqlite3_open(room->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void edit(struct store_room *room, const char *sql)
{
	edit_file(room, sql);
	room_open(room);
}

static void test_untouched_is_well(void **state)
{
	struct store_room *room = *state;
	const struct store_row *row;
	uint64_t bad;

	prepare(room);
	edit(room, "ANALYZE; DROP TABLE sqlite_stat1");
	OK(store_verify(room->s, &bad, NULL, NULL));
	assert_int_equal(bad, 0);
	OK(store_get(room->s, 2, &row));
	assert_non_null(row);
}

/* Row 2 is broken by each of these. */
static const char *const row_edits[] = {
	"UPDATE resource SET parent=3 WHERE id=2",
	"UPDATE resource SET type=4 WHERE id=2",
	"UPDATE resource SET created=created+1 WHERE id=2",
	"UPDATE resource SET modified=modified+1 WHERE id=2",
	"UPDATE resource SET expires=expires+1 WHERE id=2",
	"UPDATE resource SET expires=0 WHERE id=2",
	"UPDATE resource SET size=1 WHERE id=2",
	"UPDATE resource SET version=version+1 WHERE id=2",
	"UPDATE resource SET counter=counter+1 WHERE id=2",
	"UPDATE resource SET epoch=2 WHERE id=2",
	"UPDATE resource SET epoch=77 WHERE id=2",
	"UPDATE resource SET name_h=NULL WHERE id=2",
	"UPDATE resource SET ident_h=NULL WHERE id=2",
	"UPDATE resource SET name_h=zeroblob(16) WHERE id=2",
	"UPDATE resource SET name_h=zeroblob(15) WHERE id=2",
	"UPDATE resource SET body=zeroblob(length(body)) WHERE id=2",
	"UPDATE resource SET body=substr(body,1,length(body)-1) WHERE id=2",
	"UPDATE resource SET body=zeroblob(0) WHERE id=2",
	"UPDATE resource SET body='text' WHERE id=2",
	"UPDATE resource SET body=body||x'00' WHERE id=2",
	/* bodies swapped, with their nonces */
	"CREATE TEMP TABLE t AS SELECT * FROM resource;"
	"UPDATE resource SET (epoch,counter,body)=(SELECT epoch,counter,body FROM t WHERE id=5-resource.id)"
	" WHERE id IN(2,3)",
	/* rows swapped but for the number */
	"UPDATE resource SET id=-id WHERE id IN(2,3);UPDATE resource SET id=5+id WHERE id IN(-2,-3)",
};

static void test_edited_rows_are_refused(void **state)
{
	for (size_t i = 0; i < COUNT_OF(row_edits); i++) {
		void *each = engine_of_sqlite;
		const struct store_row *row;
		struct store_room *room;
		uint64_t bad;

		assert_int_equal(room_make(&each), 0);
		room = each;
		prepare(room);
		edit(room, row_edits[i]);
		if (store_get(room->s, 2, &row) != ERR_TAMPERED)
			fail_msg("not refused: %s", row_edits[i]);
		OK(store_verify(room->s, &bad, NULL, NULL));
		assert_true(bad == 1 || bad == 2);
		room_end(&each);
	}
}

/* Without the data keys of earlier starts there is no start. */
static void test_edited_keys_are_refused(void **state)
{
	static const char *const edits[] = {
		"UPDATE epoch SET sealed=x'74657374'||randomblob(32) WHERE number=1",
		"UPDATE epoch SET sealed=zeroblob(3) WHERE number=1",
		"DELETE FROM epoch WHERE number=1",
	};

	for (size_t i = 0; i < COUNT_OF(edits); i++) {
		void *each = engine_of_sqlite;
		struct store_setup setup;
		struct store_room *room;

		assert_int_equal(room_make(&each), 0);
		room = each;
		prepare(room);
		edit_file(room, edits[i]);
		setup = room_setup(room);
		assert_int_equal(store_open(&setup, &room->s), ERR_TAMPERED);
		room_end(&each);
	}
}

/* The name index leads elsewhere: swap what the hashes stand beside. */
static void test_moved_index_is_refused(void **state)
{
	struct store_room *room = *state;
	uint64_t ids[4], id;
	size_t n;

	prepare(room);
	edit(room, "UPDATE search SET id=1 WHERE id=2");
	assert_int_equal(store_index_find(room->s, &(struct store_find){ BYTES("lbl"), BYTES("red"), 0, 4 }, ids, &n), ERR_TAMPERED);
	edit(room, "UPDATE search SET id=2 WHERE id=1; UPDATE search SET mac=zeroblob(7) WHERE id=3");
	assert_int_equal(store_index_find(room->s, &(struct store_find){ BYTES("lbl"), BYTES("red"), 0, 4 }, ids, &n), ERR_TAMPERED);
	edit(room, "CREATE TEMP TABLE t AS SELECT * FROM resource;"
	           "UPDATE resource SET name_h=zeroblob(16) WHERE id=3;"
	           "UPDATE resource SET name_h=(SELECT name_h FROM t WHERE id=3) WHERE id=2");
	assert_int_equal(store_find_child(room->s, 1, BYTES("b"), &id), ERR_TAMPERED);
	/* a hash that names nothing is absence */
	OK(store_find_child(room->s, 1, BYTES("c"), &id));
	assert_int_equal(id, 0);
}

static err_t any_record(void *self, struct bytes key, struct bytes value)
{
	return ERR_OK;
}

static void test_edited_records_are_refused(void **state)
{
	struct store_room *room = *state;
	struct bytes value;
	struct arena a;

	arena_init(&a, 1000);
	prepare(room);
	OK(store_record_walk(room->s, STORE_CREDENTIAL, any_record, NULL));
	edit(room, "CREATE TEMP TABLE t AS SELECT * FROM record WHERE kind=1;"
	           "UPDATE record SET (epoch,counter,body)=(SELECT epoch,counter,body FROM t"
	           " WHERE t.key_h<>record.key_h) WHERE kind=1");
	assert_int_equal(store_record_get(room->s, STORE_CREDENTIAL, BYTES("one"), &a, &value), ERR_TAMPERED);
	assert_int_equal(store_record_walk(room->s, STORE_CREDENTIAL, any_record, NULL), ERR_TAMPERED);
	edit(room, "UPDATE record SET kind=2 WHERE kind=1");
	assert_int_equal(store_record_walk(room->s, STORE_NODE, any_record, NULL), ERR_TAMPERED);
	arena_free(&a);
}

struct told {
	uint64_t missing, broken, well;
};

static err_t tell(void *self, uint64_t number, struct bytes record)
{
	struct told *told = self;

	if (!record.p)
		told->missing = number;
	else if (!record.n)
		told->broken = number;
	else
		told->well++;
	return ERR_OK;
}

static const struct {
	const char *sql;
	struct told told;
} log_edits[] = {
	{ "DELETE FROM log WHERE number=(1<<56)+4", { 4, 0, 4 } },
	{ "DELETE FROM log WHERE number=(1<<56)+1", { 1, 0, 2 } },
	{ "UPDATE log SET body=zeroblob(length(body)) WHERE number=(1<<56)+4", { 0, 4, 4 } },
	{ "UPDATE log SET body=zeroblob(length(body)) WHERE number=(1<<56)+1", { 0, 1, 2 } },
	{ "UPDATE log SET count=2 WHERE number=(1<<56)+1", { 0, 1, 2 } },
	{ "UPDATE log SET count=2 WHERE number=(1<<56)+4", { 0, 4, 4 } },
	{ "UPDATE log SET number=number+1 WHERE number=(1<<56)+5", { 5, 6, 4 } },
	{ "UPDATE log SET number=number-1000 WHERE number=(1<<56)+5;"
	  "UPDATE log SET number=number+1 WHERE number=(1<<56)+4;"
	  "UPDATE log SET number=number+999 WHERE number=(1<<56)-995", { 0, 5, 3 } },
	{ "DELETE FROM log WHERE number=(1<<56)+5", { 0, 0, 4 } }, /* the tail: only the anchor knows */
};

static void test_edited_logs_are_told(void **state)
{
	for (size_t i = 0; i < COUNT_OF(log_edits); i++) {
		void *each = engine_of_sqlite;
		struct told told = { 0 };
		struct store_room *room;

		assert_int_equal(room_make(&each), 0);
		room = each;
		prepare(room);
		edit(room, log_edits[i].sql);
		OK(store_log_walk(room->s, STORE_AUDIT, 0, SIZE_MAX, tell, &told));
		if (told.missing != log_edits[i].told.missing || told.broken != log_edits[i].told.broken ||
		    told.well != log_edits[i].told.well)
			fail_msg("%s: missing %llu broken %llu well %llu", log_edits[i].sql,
			         (unsigned long long)told.missing, (unsigned long long)told.broken,
			         (unsigned long long)told.well);
		room_end(&each);
	}
}

static const struct {
	const char *sql;
	err_t err;
} schema_edits[] = {
	{ "CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM log; END", ERR_TAMPERED },
	{ "CREATE VIEW v AS SELECT * FROM resource", ERR_TAMPERED },
	{ "DROP INDEX resource_name", ERR_TAMPERED },
	{ "DROP INDEX resource_name;CREATE INDEX resource_name ON resource(name_h)", ERR_TAMPERED },
	{ "PRAGMA user_version=2", ERR_UNSUPPORTED },
	{ "PRAGMA application_id=7", ERR_UNSUPPORTED },
};

static void test_foreign_schema_is_refused(void **state)
{
	for (size_t i = 0; i < COUNT_OF(schema_edits); i++) {
		void *each = engine_of_sqlite;
		struct store_setup setup;
		struct store_room *room;

		assert_int_equal(room_make(&each), 0);
		room = each;
		edit_file(room, schema_edits[i].sql);
		setup = room_setup(room);
		assert_int_equal(store_open(&setup, &room->s), schema_edits[i].err);
		room_end(&each);
	}
}

static void test_no_database_is_refused(void **state)
{
	struct store_room *room = *state;
	struct store_setup setup = room_setup(room);
	FILE *f;

	store_close(room->s);
	f = fopen(room->path, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_int_equal(store_open(&setup, &room->s), ERR_TAMPERED);
}

/* Nothing of names, labels, identifiers or bodies stands in the file. */
static void test_file_shows_nothing(void **state)
{
	static const char *const words[] = { "canary-name", "canary-ident", "canary-body", "canary-label",
		                             "canary-record", "canary-key", "canary-log" };
	struct store_room *room = *state;
	struct bytes label = BYTES("canary-label");
	struct store_row r;
	uint64_t number;
	char *file;
	size_t n;
	FILE *f;

	OK(store_begin(room->s));
	r = room_row(room->s, 0, 3, "canary-name");
	r.ident = BYTES("canary-ident");
	r.body = BYTES("canary-body");
	OK(store_insert(room->s, &r));
	OK(store_index_set(room->s, r.id, BYTES("lbl"), &label, 1));
	OK(store_record_put(room->s, STORE_NODE, BYTES("canary-key"), BYTES("canary-record")));
	OK(store_log_append(room->s, STORE_AUDIT, BYTES("canary-log"), &number));
	OK(store_commit(room->s));
	room_restart(room);
	f = fopen(room->path, "r");
	assert_non_null(f);
	file = calloc(1, 1 << 20);
	n = fread(file, 1, 1 << 20, f);
	fclose(f);
	assert_true(n > 4096 && n < 1 << 20);
	/* the test sees what is in clear */
	assert_non_null(memmem(file, n, "resource_child", 14));
	for (size_t i = 0; i < COUNT_OF(words); i++)
		assert_null(memmem(file, n, words[i], strlen(words[i])));
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_SQLITE(test_untouched_is_well),
		ON_SQLITE(test_moved_index_is_refused),
		ON_SQLITE(test_edited_records_are_refused),
		ON_SQLITE(test_no_database_is_refused),
		ON_SQLITE(test_file_shows_nothing),
		cmocka_unit_test(test_edited_rows_are_refused),
		cmocka_unit_test(test_edited_keys_are_refused),
		cmocka_unit_test(test_edited_logs_are_told),
		cmocka_unit_test(test_foreign_schema_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
