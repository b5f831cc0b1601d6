/* file.c: opening the file: settings, schema, statements. The file is ours alone
 * (mode 0600, exclusive lock, no shared memory) and its schema must be ours to
 * the letter: a foreign trigger or view in it is refused. */
#include "store/sqlite/inner.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *sql, *answer;
} settings[] = {
#define SETTING(sql, answer) { sql, answer },
#include "store/statements.def"
};

static const char *const schema[] = {
#define SCHEMA(sql) sql,
#include "store/statements.def"
};

static const char *const statements[] = {
#define STATEMENT(name, sql) [SQL_##name] = sql,
#include "store/statements.def"
};

enum { APPLICATION = 1212568404, PRAGMAS_OF_SCHEMA = 2 };

static const struct {
	int code;
	err_t err;
} errors[] = {
	{ SQLITE_OK, ERR_OK }, { SQLITE_DONE, ERR_OK }, { SQLITE_ROW, ERR_OK },
	{ SQLITE_CONSTRAINT, ERR_EXISTS }, { SQLITE_FULL, ERR_FULL }, { SQLITE_NOMEM, ERR_MEMORY },
	{ SQLITE_CORRUPT, ERR_TAMPERED }, { SQLITE_NOTADB, ERR_TAMPERED },
	{ SQLITE_BUSY, ERR_BAD_STATE }, { SQLITE_LOCKED, ERR_BAD_STATE },
	{ SQLITE_TOOBIG, ERR_LIMIT },
};

err_t sqlite_error(int code)
{
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		if (errors[i].code == (code & 0xff))
			return errors[i].err;
	log_event(LOG_ERROR, "store", "sqlite=%d", code);
	return ERR_IO;
}

/* Make the file with the mode it shall have, or see that it has it. */
static err_t own_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	err_t err = ERR_IO;

	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		goto out;
	if ((st.st_mode & 077) && fchmod(fd, 0600) != 0)
		goto out;
	if (st.st_mode & 077)
		log_event(LOG_WARN, "store", "mode=%o corrected", (unsigned)st.st_mode & 0777);
	err = ERR_OK;
out:
	close(fd);
	return err;
}

/* Run one row of the tables; its answer, if one is expected, must be that. */
static err_t run_text(sqlite3 *db, const char *sql, const char *answer)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	err_t err;

	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	err = sqlite_error(code);
	if (err == ERR_OK && answer &&
	    (code != SQLITE_ROW ||
	     !bytes_equal(bytes_str(answer), bytes_str((const char *)sqlite3_column_text(st, 0)))))
		err = ERR_UNSUPPORTED;
	while (code == SQLITE_ROW)
		code = sqlite3_step(st);
	sqlite3_finalize(st);
	return err;
}

static err_t ask_number(sqlite3 *db, const char *sql, const char *parameter, int64_t *out)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (code == SQLITE_OK && parameter)
		code = sqlite3_bind_text(st, 1, parameter, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(st);
	*out = code == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_finalize(st);
	return sqlite_error(code);
}

static err_t make_schema(sqlite3 *db)
{
	err_t err;

	TRY(run_text(db, statements[SQL_BEGIN], NULL));
	for (size_t i = 0; i < COUNT_OF(schema); i++)
		TRY(run_text(db, schema[i], NULL));
	TRY(run_text(db, statements[SQL_COMMIT], NULL));
out:
	return err;
}

static err_t check_schema(sqlite3 *db)
{
	int64_t application, version, objects, same;
	err_t err;

	TRY(ask_number(db, statements[SQL_APPLICATION], NULL, &application));
	TRY(ask_number(db, statements[SQL_VERSION], NULL, &version));
	TRY(ask_number(db, statements[SQL_OBJECTS], NULL, &objects));
	if (application == 0 && version == 0 && objects == 0)
		return make_schema(db);
	if (application != APPLICATION || version != ENGINE_VERSION)
		return ERR_UNSUPPORTED;
	if (objects != COUNT_OF(schema) - PRAGMAS_OF_SCHEMA)
		return ERR_TAMPERED;
	for (size_t i = 0; i < COUNT_OF(schema) - PRAGMAS_OF_SCHEMA; i++) {
		TRY(ask_number(db, statements[SQL_SAME_OBJECT], schema[i], &same));
		if (same != 1)
			return ERR_TAMPERED;
	}
out:
	return err;
}

/* What a hostile file could use. */
static void close_doors(sqlite3 *db)
{
	static const struct {
		int option, value;
	} options[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 }, { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 }, { SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 0 }, { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 }, { SQLITE_DBCONFIG_DQS_DDL, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(options); i++)
		must(sqlite3_db_config(db, options[i].option, options[i].value, NULL) == SQLITE_OK);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024);
}

static err_t prepare_all(struct engine *e)
{
	for (int i = 0; i < SQL_COUNT; i++) {
		int code = sqlite3_prepare_v3(e->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
		                              &e->statements[i], NULL);

		if (code != SQLITE_OK)
			return sqlite_error(code);
	}
	return ERR_OK;
}

err_t sqlite_file_open(const char *path, struct engine **out)
{
	struct engine *e = mem_new(1, sizeof(*e));
	err_t err = ERR_MEMORY;

	*out = NULL;
	if (!e)
		goto out;
	/* One thread, nobody asks for statistics. Too late when another store is
	 * open already: then it was done. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	TRY(own_file(path));
	TRY(sqlite_error(sqlite3_open_v2(path, &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	                                 SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, sqlite_gather())));
	close_doors(e->db);
	for (size_t i = 0; i < COUNT_OF(settings); i++)
		TRY(run_text(e->db, settings[i].sql, settings[i].answer));
	TRY(check_schema(e->db));
	TRY(prepare_all(e));
	*out = e;
	e = NULL;
out:
	sqlite_file_close(e);
	return err;
}

void sqlite_file_close(struct engine *e)
{
	if (!e)
		return;
	if (e->statements[SQL_CHECKPOINT])
		(void)sqlite3_step(e->statements[SQL_CHECKPOINT]);
	for (int i = 0; i < SQL_COUNT; i++)
		sqlite3_finalize(e->statements[i]);
	sqlite3_close(e->db);
	mem_free(e);
}
