/* store.h: rows in, rows out, in transactions. Every body sealed.
 *
 * What an engine (sqlite, memory) holds of a resource row:
 *
 *   in clear    id, parent, type, created, modified, expires, size, version
 *   keyed hash  name (HMAC under its index key), identifier, each label; index keys have
 *               generations and are rotated with the data key
 *   sealed      body: AES-256-GCM; nonce = epoch (4) and counter (8); associated
 *               data = every column above, so that a row moved, renamed or
 *               edited in the file is refused as ERR_TAMPERED [T8 T20]
 *
 * A fresh data key is drawn at every start of the core (epoch), so no nonce
 * comes twice whatever crashed. Transactions: store_begin ..
 * store_commit; everything between is in one, durable when commit returns.
 * Rows read are cached opened; changed rows are sealed and written once at
 * commit. Pointers to rows are valid until the next store_* call that changes
 * or the end of the transaction; take what must live longer into an arena. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/arena.h"
#include "base/bytes.h"

struct store;

struct store_row {
	uint64_t id;        /* surrogate, never reused; the CSEBase is 1 */
	uint64_t parent;    /* 0 for the CSEBase */
	uint32_t type;      /* oneM2M resource type */
	int64_t created;    /* ms */
	int64_t modified;   /* ms */
	int64_t expires;    /* ms, 0 never */
	uint64_t size;      /* contentSize where the type has one, else 0 */
	uint64_t version;   /* 1, 2, ... set by the store */
	struct bytes name;  /* resourceName */
	struct bytes ident; /* a further identifier (AE-ID-Stem), or empty; unique */
	struct bytes body;  /* canonical CBOR map of the other attributes */
};

/* Where keys come from, so that tests need no keeper. */
struct store_keys {
	void *self;
	err_t (*data_key_new)(void *self, uint8_t key[32], struct buf *sealed);
	err_t (*data_key_open)(void *self, struct bytes sealed, uint8_t key[32]);
	err_t (*index_key)(void *self, struct bytes attribute, uint8_t key[32]);
	/* The same data key sealed anew, appended; NULL: nothing ever is. */
	err_t (*data_key_rewrap)(void *self, struct bytes sealed, struct buf *out);
};

struct store_setup {
	const char *engine; /* "sqlite", "memory" */
	const char *path;   /* file for sqlite; ignored by memory */
	size_t cache_rows;  /* opened rows kept in memory */
	struct store_keys keys;
};

/* Open or create. ERR_TAMPERED, ERR_IO, ERR_VERSION as ERR_UNSUPPORTED. */
err_t store_open(const struct store_setup *setup, struct store **out) MUST_USE;

/* Checkpoint and close. */
void store_close(struct store *s);

err_t store_begin(struct store *s) MUST_USE;

/* Durable on return. On failure everything since begin is undone. */
err_t store_commit(struct store *s) MUST_USE;
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);

/* A savepoint inside a transaction, one level: one request of a batch. Cached
 * rows and counters return to what they were when it is undone; undo and
 * release both end the mark. */
err_t store_mark(struct store *s) MUST_USE;
void store_undo_to_mark(struct store *s);
void store_release_mark(struct store *s);

/* Row pointers given out until now end here. Begin, mark, undo, commit and
 * rollback do this too; a walk over very many rows without any of them (more
 * than 65 536, or 256 MiB) must call it now and then, else reads end in
 * ERR_LIMIT. */
void store_trim(struct store *s);

/* --- resource rows ---------------------------------------------------------- */

uint64_t store_next_id(struct store *s);

/* Numbers [from, end). */
struct store_ids {
	uint64_t from, end;
};

/* Numbers that were promised to a request which is undone and served again: store_keep_ids
 * after the undo gives nobody those below `end`; false: after a crash somebody might have them,
 * so they are to be told to nobody. store_promise_ids hands out those of the list, in its order,
 * before all others until it is called again; it is read until then; 0: none. store_id_at: the
 * next that nobody had. */
uint64_t store_id_at(const struct store *s);
bool store_keep_ids(struct store *s, uint64_t end) MUST_USE;
void store_promise_ids(struct store *s, const struct store_ids *list, size_t n);

/* ERR_EXISTS when the parent has a child of that name, or the ident is taken. */
err_t store_insert(struct store *s, const struct store_row *row) MUST_USE;

/* Replace body, modified, expires, size of row->id; name and parent stay. */
err_t store_update(struct store *s, const struct store_row *row) MUST_USE;

/* The row alone; children are the caller's business. */
err_t store_delete(struct store *s, uint64_t id) MUST_USE;

/* out[i] = row of ids[i], or NULL when absent. ERR_TAMPERED. */
err_t store_fetch(struct store *s, const uint64_t *ids, size_t n,
                  const struct store_row **out) MUST_USE;
err_t store_get(struct store *s, uint64_t id, const struct store_row **out) MUST_USE;

/* 0 when absent. */
err_t store_find_child(struct store *s, uint64_t parent, struct bytes name, uint64_t *id) MUST_USE;
err_t store_find_ident(struct store *s, struct bytes ident, uint64_t *id) MUST_USE;

struct store_scan {
	uint64_t parent;
	uint32_t type;      /* 0: any */
	bool newest_first;
	uint64_t after;     /* continue behind this id, 0: from the start */
	size_t limit;
	/* Which types are looked at, where type is 0; NULL: all. */
	bool (*wanted)(const void *self, uint32_t type);
	const void *wanted_self;
};
/* Ids of children in id order; *n of them into ids[scan->limit]. */
err_t store_children(struct store *s, const struct store_scan *scan,
                     uint64_t *ids, size_t *n) MUST_USE;

/* Rows whose expiry is past, oldest first, but those that this transaction changed last;
 * behind `after`, NULL: from the first. */
struct store_expiry {
	int64_t expires;
	uint64_t id;
};
err_t store_expired(struct store *s, int64_t now, const struct store_expiry *after,
                    struct store_expiry *out, size_t limit, size_t *n) MUST_USE;

/* Search index: attribute `name` of resource `id` has these values now
 * (replaces what it had). Values are kept as keyed hashes only. */
err_t store_index_set(struct store *s, uint64_t id, struct bytes name,
                      const struct bytes *values, size_t n) MUST_USE;

struct store_find {
	struct bytes name, value; /* attribute and the value it has */
	uint64_t after;           /* continue behind this id, 0: from the start */
	size_t limit;
};
/* Ids of resources whose attribute has the value, in id order; *n of them into
 * ids[find->limit]. */
err_t store_index_find(struct store *s, const struct store_find *find,
                       uint64_t *ids, size_t *n) MUST_USE;

/* SHA-256 of a body, for the audit record of a change. */
void store_digest(struct bytes body, uint8_t digest[32]);

err_t store_count(struct store *s, uint64_t *rows) MUST_USE;

/* Check every row's seal; *bad is the first bad id, 0 when all are well.
 * progress may be NULL. */
err_t store_verify(struct store *s, uint64_t *bad,
                   void (*progress)(void *self, uint64_t done), void *self) MUST_USE;

/* In a transaction: every data key sealed anew, as it is, by what seals data keys now; *n
 * of them. It is done with the commit, of all or of none, which fails where one does not
 * open. ERR_UNSUPPORTED. */
err_t store_rewrap(struct store *s, uint64_t *n) MUST_USE;

/* --- rotation of data key and index keys ------------------------------------------ */

/* In a transaction: from its commit on everything is sealed by a fresh data key, and found
 * by index keys of a fresh generation. ERR_EXISTS when an earlier rotation is not finished. */
err_t store_rotate(struct store *s) MUST_USE;

/* Who knows which index values a row has: sets each of them anew by store_index_set. */
struct store_reindex {
	err_t (*row)(void *self, const struct store_row *row);
	void *self;
};

/* In a transaction: seal and hash anew a bounded part of what earlier keys did (at most
 * 128 items, about 1 MiB). *more false: nothing is left, and with the commit the
 * earlier keys are destroyed; or nothing was to be done. ERR_TAMPERED: a seal is
 * broken; nothing is destroyed then. `reindex` NULL: no row has index values. */
err_t store_rotate_step(struct store *s, const struct store_reindex *reindex, bool *more) MUST_USE;

enum store_rotate_phase { ROTATE_NEVER, ROTATE_ROWS, ROTATE_RECORDS, ROTATE_LOGS, ROTATE_DONE };
struct store_rotation {
	enum store_rotate_phase phase;
	uint64_t resealed;      /* rows, records and log blocks of this rotation */
	uint32_t target, epoch; /* keys below the target go; the key of now */
	uint64_t keys;          /* data keys that are kept */
	uint32_t generation;    /* of index keys */
};
err_t store_rotation(struct store *s, struct store_rotation *out) MUST_USE;

/* --- records of the mechanisms: audit, replay, credentials --------------------- */

/* An append-only log with consecutive numbers from 1. kind: see below. */
enum store_log { STORE_AUDIT = 1, STORE_REPLAY = 2 };
err_t store_log_append(struct store *s, enum store_log log, struct bytes record,
                       uint64_t *number) MUST_USE;
/* Walk from `from` (0: the start), calling each at most `limit` times; stops when
 * each returns an error. Where records are missing, each is called once with the
 * first missing number and a record whose p is NULL; where the seal of a block is
 * broken, once with its first number and an empty record whose p is not NULL. */
err_t store_log_walk(struct store *s, enum store_log log, uint64_t from, size_t limit,
                     err_t (*each)(void *self, uint64_t number, struct bytes record),
                     void *self) MUST_USE;
err_t store_log_last(struct store *s, enum store_log log, uint64_t *number) MUST_USE;
err_t store_log_trim(struct store *s, enum store_log log, uint64_t below) MUST_USE;

/* Small named records: credentials, the node's own state, what it owes others.
 * kind and key name one record; value empty on get when absent. */
enum store_record { STORE_CREDENTIAL = 1, STORE_NODE = 2, STORE_ASSURANCE = 3, STORE_OUTBOUND = 4,
	            STORE_ACCOUNT = 5, STORE_ANNOUNCED = 6, STORE_ENROLMENT = 20,
	            STORE_SESSION = 22,
	            STORE_KEYS = 21 /* RelativeKeyIDs that were given, and the keeper's names */ };
err_t store_record_put(struct store *s, enum store_record kind, struct bytes key,
                       struct bytes value) MUST_USE;
err_t store_record_get(struct store *s, enum store_record kind, struct bytes key,
                       struct arena *a, struct bytes *value) MUST_USE;
err_t store_record_delete(struct store *s, enum store_record kind, struct bytes key) MUST_USE;
err_t store_record_walk(struct store *s, enum store_record kind,
                        err_t (*each)(void *self, struct bytes key, struct bytes value),
                        void *self) MUST_USE;

#endif
