/* gather.c: writes of the write-ahead log, gathered.
 *
 * SQLite writes each frame in two pieces, head and page; a commit of one turn is
 * some forty of them, one behind the other. A file system of our own in front of
 * that of the system keeps what is appended and hands it on in one piece: before
 * every sync, so that what a commit promised is as durable as without, and before
 * anything else that looks at the file. What fails then fails the commit, as it
 * would have before. All files but the log go straight through. */
#include "store/sqlite/inner.h"

enum { GATHERED_MAX = 128 * 1024 };

struct wal {
	sqlite3_file file; /* first: SQLite's view of this */
	uint8_t *p;
	size_t n;
	sqlite3_int64 at;  /* where the first octet belongs */
	/* the file of the system stands behind */
};

static sqlite3_vfs vfs, *below;

static struct wal *wal_of(sqlite3_file *f)
{
	return (struct wal *)f;
}

static sqlite3_file *inner(sqlite3_file *f)
{
	return (sqlite3_file *)(wal_of(f) + 1);
}

/* Hand on what was kept. What could not be written is forgotten: the commit that
 * it belongs to fails, and SQLite writes anew from where it was. */
static int hand_on(sqlite3_file *f)
{
	struct wal *w = wal_of(f);
	size_t n = w->n;

	w->n = 0;
	return n ? inner(f)->pMethods->xWrite(inner(f), w->p, (int)n, w->at) : SQLITE_OK;
}

static int wal_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	struct wal *w = wal_of(f);
	bool follows = w->n > 0 && at == w->at + (sqlite3_int64)w->n;
	int code = SQLITE_OK;

	if (!follows || w->n + (size_t)n > GATHERED_MAX)
		code = hand_on(f);
	if (code != SQLITE_OK)
		return code;
	if ((size_t)n > GATHERED_MAX)
		return inner(f)->pMethods->xWrite(inner(f), p, n, at);
	if (w->n == 0)
		w->at = at;
	bytes_copy(w->p + w->n, p, (size_t)n);
	w->n += (size_t)n;
	return SQLITE_OK;
}

static int wal_close(sqlite3_file *f)
{
	int code = hand_on(f), closed = inner(f)->pMethods->xClose(inner(f));

	sqlite3_free(wal_of(f)->p);
	return code != SQLITE_OK ? code : closed;
}

static int wal_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int code = hand_on(f);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xRead(inner(f), p, n, at);
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int code = hand_on(f);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xTruncate(inner(f), size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
	int code = hand_on(f);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xSync(inner(f), flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *size)
{
	int code = hand_on(f);

	return code != SQLITE_OK ? code : inner(f)->pMethods->xFileSize(inner(f), size);
}

static int wal_lock(sqlite3_file *f, int how)
{
	return inner(f)->pMethods->xLock(inner(f), how);
}

static int wal_unlock(sqlite3_file *f, int how)
{
	return inner(f)->pMethods->xUnlock(inner(f), how);
}

static int wal_reserved(sqlite3_file *f, int *out)
{
	return inner(f)->pMethods->xCheckReservedLock(inner(f), out);
}

static int wal_control(sqlite3_file *f, int what, void *p)
{
	return inner(f)->pMethods->xFileControl(inner(f), what, p);
}

static int wal_sector(sqlite3_file *f)
{
	return inner(f)->pMethods->xSectorSize(inner(f));
}

static int wal_device(sqlite3_file *f)
{
	return inner(f)->pMethods->xDeviceCharacteristics(inner(f));
}

static const sqlite3_io_methods wal_methods = {
	.iVersion = 1, .xClose = wal_close, .xRead = wal_read, .xWrite = wal_write,
	.xTruncate = wal_truncate, .xSync = wal_sync, .xFileSize = wal_size, .xLock = wal_lock,
	.xUnlock = wal_unlock, .xCheckReservedLock = wal_reserved, .xFileControl = wal_control,
	.xSectorSize = wal_sector, .xDeviceCharacteristics = wal_device,
};

/* Without methods SQLite does not close what was not opened. */
static int open_wal(sqlite3_file *f, const char *name, int flags, int *out)
{
	struct wal *w = wal_of(f);
	int code;

	*w = (struct wal){ .p = sqlite3_malloc(GATHERED_MAX) };
	if (!w->p)
		return SQLITE_NOMEM;
	code = below->xOpen(below, name, inner(f), flags, out);
	if (code == SQLITE_OK) {
		f->pMethods = &wal_methods;
		return code;
	}
	if (inner(f)->pMethods)
		(void)inner(f)->pMethods->xClose(inner(f));
	sqlite3_free(w->p);
	return code;
}

static int gather_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
	return flags & SQLITE_OPEN_WAL ? open_wal(f, name, flags, out)
	                               : below->xOpen(below, name, f, flags, out);
}

const char *sqlite_gather(void)
{
	if (vfs.zName)
		return vfs.zName;
	below = sqlite3_vfs_find(NULL);
	if (!below)
		return NULL;
	/* The rest is the system's own, which finds its data in pAppData. */
	vfs = *below;
	vfs.zName = "gather";
	vfs.szOsFile += (int)sizeof(struct wal);
	vfs.xOpen = gather_open;
	vfs.pNext = NULL;
	if (sqlite3_vfs_register(&vfs, 0) == SQLITE_OK)
		return vfs.zName;
	vfs.zName = NULL;
	return NULL;
}
