/* inner.h: the SQLite engine from inside. */
#ifndef STORE_SQLITE_INNER_H
#define STORE_SQLITE_INNER_H

#include "store/engine.h"

#include <sqlite3.h>

enum statement {
#define STATEMENT(name, sql) SQL_##name,
#include "store/statements.def"
	SQL_COUNT
};

struct engine {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_COUNT];
	sqlite3_stmt *open; /* whose row was handed out as views */
};

/* The error of a result code; writes a line for those that need a person. */
err_t sqlite_error(int code);

/* --- file.c: opening, checking, making the file ---------------------------------- */
err_t sqlite_file_open(const char *path, struct engine **out) MUST_USE;
void sqlite_file_close(struct engine *e);

/* --- gather.c: a file system that gathers what is appended to the write-ahead log -- */
/* Its name; NULL: SQLite has none below, and none is used. */
const char *sqlite_gather(void);

#endif
