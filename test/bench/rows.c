/* rows: our store against bare SQLite writing and reading the same rows.
 *
 *   bench-rows [FOLDER [ROWS...]]     default: the working folder, 1000 and 1000000
 *   bench-rows FOLDER limit BATCH BODY AUDIT REPLAY
 *                                     the limit alone: creates into one container,
 *                                     BATCH a transaction, octets as given
 *
 * create  one contentInstance, its container updated, an audit record of 200
 *         octets and a replay record of 50, in transactions of 1 and 64 requests;
 *         over 1 000 containers and over a single one
 * la      the newest contentInstance of a container drawn at random, opened
 *
 * The limit writes what our store writes: a row and its two index entries for
 * each contentInstance, each changed container once a transaction, each kind of
 * record as one row a transaction; in clear, with the same settings. Figures:
 * microseconds of CPU an operation, and operations a second by the clock; a line
 * `name ours limit ratio` for each of three runs. The ratio is limit / ours for
 * times, ours / limit for rates: 1 is the limit reached. */
#include "base/clock.h"
#include "crypt/crypt.h"
#include "store/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CONTAINERS = 1000, BODY = 180, AUDIT = 200, REPLAY = 50, RUNS = 3 };

#define OK(expr) must((expr) == ERR_OK)

struct meter {
	double cpu, wall;
};

static struct meter meter_now(void)
{
	struct rusage u;
	struct timespec t;

	getrusage(RUSAGE_SELF, &u);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct meter){
		(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
			(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec),
		(double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3,
	};
}

/* What is measured, of one side. */
struct side {
	const char *name;
	void (*open)(struct side *s, const char *path);
	void (*close)(struct side *s);
	void (*begin)(struct side *s);
	void (*commit)(struct side *s);
	void (*make_container)(struct side *s, uint64_t id);
	void (*create)(struct side *s, uint64_t container);
	void (*newest)(struct side *s, uint64_t container);
	struct store *store;
	sqlite3 *db;
	sqlite3_stmt *st[16];
	uint64_t next, size_of[CONTAINERS + 2];
	uint64_t changed[64];
	size_t changed_n, records;
};

static uint8_t body[1024], record[1024 * 64];
static size_t body_n = BODY, audit_n = AUDIT, replay_n = REPLAY;
static uint64_t draw_state = 1;

static uint64_t draw(uint64_t below)
{
	draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
	return (draw_state >> 33) % below;
}

/* --- ours ------------------------------------------------------------------------ */

static err_t key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	crypt_random(key, 32);
	return buf_add(sealed, bytes_make(key, 32));
}

static err_t key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	return bytes_put(key, 32, sealed);
}

static err_t key_index(void *self, struct bytes attribute, uint8_t key[32])
{
	crypt_sha256(attribute, key);
	return ERR_OK;
}

static void ours_open(struct side *s, const char *path)
{
	struct store_setup setup = { "sqlite", path, 4096, { NULL, key_new, key_open, key_index, NULL } };

	OK(store_open(&setup, &s->store));
}

static void ours_close(struct side *s)
{
	store_close(s->store);
}

static void ours_begin(struct side *s)
{
	OK(store_begin(s->store));
}

static void ours_commit(struct side *s)
{
	OK(store_commit(s->store));
}

static void ours_insert(struct side *s, uint64_t parent, uint32_t type, const char *prefix)
{
	struct store_row row = { .id = store_next_id(s->store), .parent = parent, .type = type,
		.created = 1700000000000, .modified = 1700000000000,
		.expires = type == 4 ? 1800000000000 + (int64_t)s->next : 0, .body = bytes_make(body, BODY) };
	struct buf name = buf_make(64);

	s->next++;
	OK(buf_printf(&name, "%s%llu", prefix, (unsigned long long)row.id));
	row.name = bytes_of_buf(&name);
	OK(store_insert(s->store, &row));
	buf_free(&name);
}

static void ours_container(struct side *s, uint64_t id)
{
	ours_insert(s, 0, 3, "cnt");
}

static void ours_create(struct side *s, uint64_t container)
{
	const struct store_row *row;
	struct store_row next;
	uint64_t number;

	OK(store_mark(s->store));
	OK(store_get(s->store, container, &row));
	next = *row;
	next.size++;
	OK(store_update(s->store, &next));
	ours_insert(s, container, 4, "cin");
	OK(store_log_append(s->store, STORE_AUDIT, bytes_make(record, AUDIT), &number));
	OK(store_log_append(s->store, STORE_REPLAY, bytes_make(record, REPLAY), &number));
	store_release_mark(s->store);
}

static void ours_newest(struct side *s, uint64_t container)
{
	struct store_scan scan = { .parent = container, .type = 4, .newest_first = true, .limit = 1 };
	const struct store_row *row;
	uint64_t id;
	size_t n;

	OK(store_children(s->store, &scan, &id, &n));
	must(n == 1);
	OK(store_get(s->store, id, &row));
	must(row && row->body.n == BODY);
	if (draw(64) == 0)
		store_trim(s->store);
}

/* --- the limit --------------------------------------------------------------------- */

static const char *const limit_setup[] = {
	"PRAGMA page_size=4096", "PRAGMA locking_mode=EXCLUSIVE", "PRAGMA journal_mode=WAL",
	"PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=8192", "PRAGMA cache_size=-8192",
	"PRAGMA secure_delete=FAST",
	"CREATE TABLE resource(id INTEGER PRIMARY KEY,parent INTEGER,type INTEGER,created INTEGER,"
	"modified INTEGER,expires INTEGER,size INTEGER,version INTEGER,name TEXT,body BLOB)",
	"CREATE INDEX resource_child ON resource(parent,type)",
	"CREATE INDEX resource_expires ON resource(expires) WHERE expires<>0",
	"CREATE TABLE log(kind INTEGER,number INTEGER,body BLOB,PRIMARY KEY(kind,number))",
};

enum { BEGIN, COMMIT, INSERT, UPDATE, LOG, NEWEST, GET, STATEMENTS };

static const char *const limit_statements[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE", [COMMIT] = "COMMIT",
	[INSERT] = "INSERT INTO resource VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	[UPDATE] = "UPDATE resource SET modified=?2,size=?3,version=?4,body=?5 WHERE id=?1",
	[LOG] = "INSERT INTO log VALUES(?1,?2,?3)",
	[NEWEST] = "SELECT id FROM resource WHERE parent=?1 AND type=4 ORDER BY id DESC LIMIT 1",
	[GET] = "SELECT * FROM resource WHERE id=?1",
};

static void limit_open(struct side *s, const char *path)
{
	/* As our store has it; too late, and done, where that is open already. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	must(sqlite3_open(path, &s->db) == SQLITE_OK);
	for (size_t i = 0; i < COUNT_OF(limit_setup); i++)
		must(sqlite3_exec(s->db, limit_setup[i], NULL, NULL, NULL) == SQLITE_OK);
	for (int i = 0; i < STATEMENTS; i++)
		must(sqlite3_prepare_v2(s->db, limit_statements[i], -1, &s->st[i], NULL) == SQLITE_OK);
	s->next = 1;
}

static void limit_close(struct side *s)
{
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->st[i]);
	sqlite3_close(s->db);
}

static void step(sqlite3_stmt *st)
{
	must(sqlite3_step(st) == SQLITE_DONE);
	sqlite3_reset(st);
}

static void limit_begin(struct side *s)
{
	step(s->st[BEGIN]);
	s->changed_n = s->records = 0;
}

static void limit_log(struct side *s, int kind, size_t size)
{
	sqlite3_bind_int(s->st[LOG], 1, kind);
	sqlite3_bind_int64(s->st[LOG], 2, (sqlite3_int64)s->next);
	sqlite3_bind_blob(s->st[LOG], 3, record, (int)(size * s->records), SQLITE_STATIC);
	step(s->st[LOG]);
}

static void limit_commit(struct side *s)
{
	for (size_t i = 0; i < s->changed_n; i++) {
		sqlite3_stmt *st = s->st[UPDATE];

		sqlite3_bind_int64(st, 1, (sqlite3_int64)s->changed[i]);
		sqlite3_bind_int64(st, 2, 1700000000001);
		sqlite3_bind_int64(st, 3, (sqlite3_int64)++s->size_of[s->changed[i]]);
		sqlite3_bind_int64(st, 4, 2);
		sqlite3_bind_blob(st, 5, body, (int)body_n, SQLITE_STATIC);
		step(st);
	}
	if (s->records > 0) {
		limit_log(s, 1, audit_n);
		limit_log(s, 2, replay_n);
	}
	step(s->st[COMMIT]);
}

static void limit_insert(struct side *s, uint64_t parent, int type, const char *prefix)
{
	sqlite3_stmt *st = s->st[INSERT];
	struct buf name = buf_make(64);

	OK(buf_printf(&name, "%s%llu", prefix, (unsigned long long)s->next));
	sqlite3_bind_int64(st, 1, (sqlite3_int64)s->next++);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)parent);
	sqlite3_bind_int(st, 3, type);
	sqlite3_bind_int64(st, 4, 1700000000000);
	sqlite3_bind_int64(st, 5, 1700000000000);
	sqlite3_bind_int64(st, 6, type == 4 ? 1800000000000 + (sqlite3_int64)s->next : 0);
	sqlite3_bind_int64(st, 7, 0);
	sqlite3_bind_int64(st, 8, 1);
	sqlite3_bind_text(st, 9, (const char *)name.p, (int)name.n, SQLITE_STATIC);
	sqlite3_bind_blob(st, 10, body, (int)body_n, SQLITE_STATIC);
	step(st);
	buf_free(&name);
}

static void limit_container(struct side *s, uint64_t id)
{
	limit_insert(s, 0, 3, "cnt");
}

static void limit_create(struct side *s, uint64_t container)
{
	size_t i = 0;

	while (i < s->changed_n && s->changed[i] != container)
		i++;
	if (i == s->changed_n && i < COUNT_OF(s->changed))
		s->changed[s->changed_n++] = container;
	limit_insert(s, container, 4, "cin");
	if (s->records < 64)
		s->records++;
}

static void limit_newest(struct side *s, uint64_t container)
{
	sqlite3_bind_int64(s->st[NEWEST], 1, (sqlite3_int64)container);
	must(sqlite3_step(s->st[NEWEST]) == SQLITE_ROW);
	sqlite3_bind_int64(s->st[GET], 1, sqlite3_column_int64(s->st[NEWEST], 0));
	must(sqlite3_step(s->st[GET]) == SQLITE_ROW);
	must(sqlite3_column_bytes(s->st[GET], 9) == BODY);
	sqlite3_reset(s->st[NEWEST]);
	sqlite3_reset(s->st[GET]);
}

/* --- measuring ----------------------------------------------------------------------- */

static struct side sides[2] = {
	{ .name = "ours", .open = ours_open, .close = ours_close, .begin = ours_begin,
	  .commit = ours_commit, .make_container = ours_container, .create = ours_create,
	  .newest = ours_newest },
	{ .name = "limit", .open = limit_open, .close = limit_close, .begin = limit_begin,
	  .commit = limit_commit, .make_container = limit_container, .create = limit_create,
	  .newest = limit_newest },
};

static void creates(struct side *s, size_t n, size_t batch, uint64_t containers)
{
	for (size_t done = 0; done < n;) {
		s->begin(s);
		for (size_t i = 0; i < batch && done < n; i++, done++)
			s->create(s, 1 + draw(containers));
		s->commit(s);
	}
}

static void newests(struct side *s, size_t n, size_t batch, uint64_t containers)
{
	for (size_t i = 0; i < n; i++)
		s->newest(s, 1 + draw(containers));
}

static void fill(struct side *s, size_t rows)
{
	s->begin(s);
	for (uint64_t i = 1; i <= CONTAINERS; i++)
		s->make_container(s, i);
	s->commit(s);
	/* one each, so that la finds something; then the rest in large steps */
	s->begin(s);
	for (uint64_t i = 1; i <= CONTAINERS; i++)
		s->create(s, i);
	s->commit(s);
	creates(s, rows > CONTAINERS ? rows - CONTAINERS : 0, 8192, CONTAINERS);
}

struct job {
	const char *name;
	void (*work)(struct side *s, size_t n, size_t batch, uint64_t containers);
	size_t n, batch;
	uint64_t containers;
};

static const struct job jobs[] = {
	{ "create-batch1", creates, 2000, 1, CONTAINERS },
	{ "create-batch64", creates, 64 * 400, 64, CONTAINERS },
	{ "create-batch64-one", creates, 64 * 400, 64, 1 },
	{ "la", newests, 50000, 0, CONTAINERS },
};

/* CPU microseconds and wall microseconds an operation. */
static struct meter run_job(struct side *s, const struct job *job, int run)
{
	struct meter before = meter_now(), after;

	draw_state = (uint64_t)run + 1;
	job->work(s, job->n, job->batch, job->containers);
	after = meter_now();
	return (struct meter){ (after.cpu - before.cpu) / (double)job->n,
		               (after.wall - before.wall) / (double)job->n };
}

static void measure(const struct job *job, size_t rows)
{
	for (int run = 0; run < RUNS; run++) {
		struct meter ours = run_job(&sides[0], job, run);
		struct meter limit = run_job(&sides[1], job, run);

		printf("%s-%zu-cpu-us %.2f %.2f %.2f\n", job->name, rows, ours.cpu, limit.cpu,
		       limit.cpu / ours.cpu);
		printf("%s-%zu-per-s %.0f %.0f %.2f\n", job->name, rows, 1e6 / ours.wall, 1e6 / limit.wall,
		       limit.wall / ours.wall);
	}
	fflush(stdout);
}

static void side_open(struct side *s, const char *folder, size_t rows)
{
	struct buf path = buf_make(4096);

	OK(buf_printf(&path, "%s/bench-rows-%s.db", folder, s->name));
	OK(buf_add_byte(&path, 0));
	s->next = 0;
	s->open(s, (const char *)path.p);
	fill(s, rows);
	buf_free(&path);
}

static void side_close(struct side *s, const char *folder)
{
	static const char *const tails[] = { "", "-wal", "-shm" };

	s->close(s);
	for (size_t t = 0; t < COUNT_OF(tails); t++) {
		struct buf path = buf_make(4096);

		OK(buf_printf(&path, "%s/bench-rows-%s.db%s", folder, s->name, tails[t]));
		OK(buf_add_byte(&path, 0));
		unlink((const char *)path.p);
		buf_free(&path);
	}
}

static void measure_at(const char *folder, size_t rows)
{
	for (int side = 0; side < 2; side++)
		side_open(&sides[side], folder, rows);
	for (size_t i = 0; i < COUNT_OF(jobs); i++)
		measure(&jobs[i], rows);
	for (int side = 0; side < 2; side++)
		side_close(&sides[side], folder);
}

/* The limit alone: what SQLite does with batches of this size. */
static void measure_limit(const char *folder, size_t batch)
{
	const struct job job = { "limit", creates, batch * 400, batch, 1 };

	side_open(&sides[1], folder, 1000);
	for (int run = 0; run < RUNS; run++) {
		struct meter m = run_job(&sides[1], &job, run);

		printf("limit-batch%zu %.2f %.0f\n", batch, m.cpu, 1e6 / m.wall);
	}
	side_close(&sides[1], folder);
}

int main(int argc, char **argv)
{
	const char *folder = argc > 1 ? argv[1] : ".";

	crypt_random(body, sizeof(body));
	crypt_random(record, sizeof(record));
	if (argc == 7 && bytes_equal(bytes_str(argv[2]), BYTES("limit"))) {
		uint64_t n[4];

		for (size_t i = 0; i < COUNT_OF(n); i++)
			OK(bytes_to_u64(bytes_str(argv[3 + i]), i == 0 ? 64 : 1024, &n[i]));
		body_n = (size_t)n[1];
		audit_n = (size_t)n[2];
		replay_n = (size_t)n[3];
		measure_limit(folder, (size_t)n[0]);
		return 0;
	}
	if (argc < 3) {
		measure_at(folder, 1000);
		measure_at(folder, 1000000);
	}
	for (int i = 2; i < argc; i++) {
		uint64_t rows;

		OK(bytes_to_u64(bytes_str(argv[i]), 100000000, &rows));
		measure_at(folder, (size_t)rows);
	}
	return 0;
}
