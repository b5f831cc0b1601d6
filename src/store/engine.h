/* engine.h: what a store engine does. Inside the room only.
 *
 * An engine keeps sealed rows, keyed hashes and sealed records; it sees neither
 * keys nor content. All writes come between begin and commit, at most once per
 * transaction of the store: the layer above gathers changes and writes them in
 * one go. Reads may come at any time. To add an engine: its folder, and its row
 * in engines.c (and its line in the build's link list).
 *
 * Errors: ERR_EXISTS a unique hash is taken, ERR_TAMPERED the file is damaged,
 * ERR_FULL, ERR_IO, ERR_MEMORY; ERR_BAD_STATE another process has it. After any
 * error between begin and commit, and after a failed commit, rollback is called
 * and must leave what was there at begin. Views handed out are valid until the
 * next call. Absent: ERR_OK and *found false or id 0. */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "base/bytes.h"

enum {
	ENGINE_HASH = 16,   /* octets of a keyed hash */
	ENGINE_CHECK = 8,   /* octets that bind an index entry to its row */
	ENGINE_TYPES = 64,  /* most resource types told of one parent */
	ENGINE_ROWS = 8,    /* most new rows given in one call */
	ENGINE_VERSION = 1, /* of the form of what is stored */
};

/* Sealed keys stand under a number: data keys under their epoch, keys that index keys are
 * made of under this and their generation. */
#define ENGINE_INDEX UINT32_C(0x80000000)

struct sealed_row {
	uint64_t id, parent;
	uint32_t type;
	int64_t created, modified, expires;
	uint64_t size, version;
	uint32_t epoch;   /* names the data key */
	uint64_t counter; /* with the epoch: the nonce */
	bool has_name, has_ident;
	uint8_t name_h[ENGINE_HASH], ident_h[ENGINE_HASH];
	struct bytes body;
};

struct sealed_record {
	uint32_t kind;
	uint8_t key_h[ENGINE_HASH];
	uint32_t epoch;
	uint64_t counter;
	struct bytes body;
};

/* A block of consecutive log records. */
struct sealed_block {
	uint32_t log;
	uint64_t first;
	uint32_t count;
	uint32_t epoch;
	uint64_t counter;
	struct bytes body;
};

struct index_entry {
	struct bytes attribute;      /* in clear: "lbl" */
	uint8_t value_h[ENGINE_HASH];
	uint64_t id;
	uint8_t check[ENGINE_CHECK];
};

struct engine_expiry {
	int64_t expires;
	uint64_t id;
};

/* Which children: of `parent` and `type`, behind id `after` (0: from the start)
 * in the direction asked. */
struct engine_scan {
	uint64_t parent;
	uint32_t type;
	bool newest_first;
	uint64_t after;
};

struct engine; /* one per folder */

struct engine_ops {
	const char *name;
	err_t (*open)(const char *path, struct engine **out);
	void (*close)(struct engine *e);

	err_t (*begin)(struct engine *e);
	err_t (*commit)(struct engine *e);
	void (*rollback)(struct engine *e); /* harmless outside a transaction */

	err_t (*rows_insert)(struct engine *e, const struct sealed_row *rows, size_t n);
	err_t (*row_update)(struct engine *e, const struct sealed_row *row); /* ERR_TAMPERED: not there */
	err_t (*row_rehash)(struct engine *e, const struct sealed_row *row); /* the same, with other hashes */
	err_t (*row_delete)(struct engine *e, uint64_t id);                  /* and its index entries */
	err_t (*row_get)(struct engine *e, uint64_t id, struct sealed_row *out, bool *found);
	err_t (*row_next)(struct engine *e, uint64_t after, struct sealed_row *out, bool *found);
	err_t (*row_named)(struct engine *e, const uint8_t name_h[ENGINE_HASH], uint64_t *id);
	err_t (*row_ident)(struct engine *e, const uint8_t ident_h[ENGINE_HASH], uint64_t *id);
	err_t (*row_count)(struct engine *e, uint64_t *n);
	err_t (*row_last)(struct engine *e, uint64_t *id);
	err_t (*children)(struct engine *e, const struct engine_scan *scan, uint64_t *ids,
	                  size_t limit, size_t *n);
	err_t (*child_types)(struct engine *e, uint64_t parent, uint32_t types[ENGINE_TYPES], size_t *n);
	/* expires <> 0 and <= now, behind *after, in order */
	err_t (*expired)(struct engine *e, int64_t now, const struct engine_expiry *after,
	                 struct engine_expiry *out, size_t limit, size_t *n);

	err_t (*index_add)(struct engine *e, const struct index_entry *entry);
	err_t (*index_drop)(struct engine *e, uint64_t id, struct bytes attribute);
	/* entry: attribute, value_h and id = behind which */
	err_t (*index_find)(struct engine *e, const struct index_entry *entry,
	                    struct index_entry *out, size_t limit, size_t *n);

	err_t (*record_put)(struct engine *e, const struct sealed_record *r);
	err_t (*record_delete)(struct engine *e, uint32_t kind, const uint8_t key_h[ENGINE_HASH]);
	err_t (*record_get)(struct engine *e, uint32_t kind, const uint8_t key_h[ENGINE_HASH],
	                    struct sealed_record *out, bool *found);
	/* The record behind key_h (NULL: the first), by hash. */
	err_t (*record_next)(struct engine *e, uint32_t kind, const uint8_t *key_h,
	                     struct sealed_record *out, bool *found);

	err_t (*log_add)(struct engine *e, const struct sealed_block *b);
	/* The block with the greatest first <= number, or >= number when next. */
	err_t (*log_get)(struct engine *e, uint32_t log, uint64_t number, bool next,
	                 struct sealed_block *out, bool *found);
	err_t (*log_trim)(struct engine *e, uint32_t log, uint64_t below); /* blocks wholly below */

	/* Another seal of the block that begins at b->first; ERR_TAMPERED: not there. */
	err_t (*log_replace)(struct engine *e, const struct sealed_block *b);

	err_t (*epoch_put)(struct engine *e, uint32_t epoch, struct bytes sealed);
	err_t (*epoch_get)(struct engine *e, uint32_t epoch, struct bytes *sealed);
	err_t (*epoch_last)(struct engine *e, uint32_t below, uint32_t *epoch); /* 0: none */
	err_t (*epoch_count)(struct engine *e, uint32_t below, uint64_t *n);
	err_t (*epoch_drop)(struct engine *e, uint32_t from, uint32_t below);

	/* Outside a transaction: what was deleted goes from the disk, as far as the
	 * engine can bring it about. */
	void (*tidy)(struct engine *e);
};

/* NULL when there is no engine of that name. */
const struct engine_ops *engine_named(const char *name);

extern const struct engine_ops engine_sqlite, engine_memory;

#endif
