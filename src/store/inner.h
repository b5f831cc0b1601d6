/* inner.h: the sealed layer from inside. Only files of this room include it.
 *
 * A transaction lives in memory until commit: changed rows are slots of the
 * cache marked dirty, changed records and appended log records wait in lists.
 * store_commit seals each once and writes all in one engine transaction, so a
 * parent changed by every request of a batch costs one write, and giving up is
 * forgetting. What the mark needs to go back to is kept beside.
 *
 *     store_*  ->  slots, changes, logs  --commit-->  seal  ->  engine
 *     reads    <-  slots               <-- miss ---  open  <-          */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include "base/hash.h"
#include "crypt/crypt.h"
#include "store/engine.h"
#include "store/store.h"

enum {
	LOGS = 2,
	EPOCHS_OPEN = 16,            /* data keys of earlier starts kept open */
	INDEX_KEYS = 128,            /* 64 attributes that may be indexed, of two generations */
	ATTRIBUTE_MAX = 32,
	SKIPS = 8, CHILDLESS = 256,
	IDS_RESERVED = 65536,
	IDS_AHEAD = IDS_RESERVED / 2, /* reserved at least, after a commit */
	NAME_MAX_OCTETS = 1024,
	BODY_MAX = 8 * 1024 * 1024,
	INSERTED = 32 * 1024,        /* octets of bodies that go to the engine together; a larger one goes alone */
	RECORD_BLOCK = 256 * 1024,   /* a log block is closed behind this many octets */
	CHANGES_MAX = 1 << 21,       /* rows of one transaction */
	PENDING_MAX = 256 * 1024 * 1024, /* octets of one transaction's logs or records */
	CHAINS = 1024,
	STORE_INTERNAL = 0,          /* kind of our own records */
};

/* One version of a row: a slot's present state. Never changed once made, but for its
 * hashes when it is written while index keys are rotated. */
struct row_data {
	struct store_row row; /* views into octets */
	bool has_name;        /* its name stands in the name index */
	uint8_t name_h[ENGINE_HASH], ident_h[ENGINE_HASH];
	size_t size;          /* of this allocation */
	uint8_t octets[];
};

/* The values an attribute was given in this transaction; newest first. */
struct index_change {
	struct index_change *next;
	uint8_t attribute_n, attribute[ATTRIBUTE_MAX];
	uint32_t generation;         /* of the key they are hashed under */
	size_t n;
	uint8_t values[][ENGINE_HASH];
};

enum slot_state {
	SLOT_CLEAN,
	SLOT_NEW,      /* not in the engine yet */
	SLOT_CHANGED,
	SLOT_TOUCHED,  /* only its index entries changed */
	SLOT_DELETED,
	SLOT_VOID      /* came and went in this transaction */
};

enum slot_link { BY_ID, BY_NAME, BY_IDENT, SLOT_LINKS };

struct slot {
	struct slot *next[SLOT_LINKS]; /* in its bucket */
	uint64_t hash[SLOT_LINKS];
	bool linked[SLOT_LINKS];
	struct slot *newer, *older;    /* clean: by last use */
	struct slot *sibling;          /* new: next of its parent's bucket */
	uint64_t id;
	uint64_t parent;               /* of a new one */
	enum slot_state state;
	size_t dirty_at;               /* place in the dirty list */
	uint64_t saved_in;             /* mark for which its state was kept, */
	size_t saved_at;               /* and where */
	struct row_data *data;         /* NULL when deleted */
	struct index_change *index;
};

struct slot_table {
	struct slot **heads;
	size_t buckets, used;
};

/* What a slot that was dirty before the mark was then. */
struct slot_saved {
	struct slot *slot;
	enum slot_state state;
	struct row_data *data; /* owned here unless the slot still has it */
	struct index_change *index;
};

struct record_change {
	struct record_change *older; /* in its chain */
	uint32_t kind;
	uint8_t key_h[ENGINE_HASH];
	bool deleted;
	struct bytes key, value;     /* behind it */
};

struct log_state {
	uint64_t last;        /* number of the last record, pending ones included */
	struct buf pending;   /* u32 length, record; ... */
	uint64_t pending_n;
	uint64_t trim;        /* drop blocks below at commit */
};

/* Engine rows of (parent, type) up to this id are known to be deleted in this
 * transaction: a scan may start behind. */
struct skip {
	uint64_t parent, id;
	uint32_t type;
	bool newest_first;
};

/* Children that the engine does not have: each change asks for subscriptions, and most
 * resources have none. Forgotten when one is inserted, and when changes are undone. */
struct childless {
	uint64_t parent;
	uint32_t type;
};

struct epoch_key {
	uint32_t epoch;
	uint64_t used;
	struct crypt_aead aead;
};

struct index_key {
	uint32_t generation;
	uint8_t name_n, name[ATTRIBUTE_MAX + 8];
	struct crypt_hmac hmac;
};

/* Log blocks to be sealed anew with the commit: `first` from..to. log 0: none. */
struct log_reseal {
	uint32_t log, below_epoch;
	uint64_t from, to;
};

/* Of index keys: what is written is found under `now`, what a rotation has not moved yet
 * under `before`. */
#define NO_GENERATION UINT32_MAX
struct generations {
	uint32_t now, before;
};

/* What index keys of a generation above 0 are made of. */
struct generation_key {
	uint32_t generation; /* 0: none */
	struct crypt_hmac hmac;
};

struct counters {
	uint64_t next_id, promised;
	struct generations generations;
	struct log_reseal reseal;
	uint32_t drop_below;
	bool rewrap;
	int64_t rows; /* difference to what the engine has */
	size_t dirty_n, index_n, records_n;
	struct { uint64_t last, pending_n, trim; size_t octets; } log[LOGS];
};

struct store {
	const struct engine_ops *ops;
	struct engine *engine;
	struct store_keys keys;
	struct hash_key hash_key;
	bool inside, marked;

	/* cache */
	struct slot_table tables[SLOT_LINKS];
	struct slot *newest, *oldest; /* clean slots */
	size_t clean_n, clean_octets;
	size_t cache_rows, cache_octets;

	/* transaction */
	struct slot **dirty;
	size_t dirty_n, dirty_cap;
	struct slot **indexed; /* slots whose index list is not empty */
	size_t indexed_n, indexed_cap;
	struct slot *new_children[CHAINS];
	struct slot_saved *saved;
	size_t saved_n, saved_cap;
	struct record_change **records;
	size_t records_n, records_cap;
	struct record_change *record_chains[CHAINS];
	size_t record_octets;
	struct log_state log[LOGS];
	struct skip skips[SKIPS];
	size_t skip_at;
	struct childless childless[CHILDLESS]; /* by parent and type */
	uint64_t mark_serial;
	struct counters at_begin, at_mark;

	/* ids and counts */
	uint64_t next_id, fresh_from, reserved;
	const struct store_ids *promises; /* handed out first; `promised` of them were */
	size_t promises_n;
	uint64_t promised;
	bool closing; /* nothing is reserved any more */
	uint64_t future, future_stored; /* greatest number of a name not its row's, see rows.c */
	uint64_t rows;
	bool rows_known;
	int64_t rows_change;

	/* rotation, of this transaction */
	struct log_reseal reseal;
	uint32_t drop_below; /* data keys of earlier epochs go; 0: none */
	bool rewrap;         /* all of them are sealed anew */

	/* keys */
	uint32_t epoch;
	bool epoch_stored;
	uint64_t counter;
	struct crypt_aead aead;
	struct buf epoch_sealed;
	struct epoch_key old[EPOCHS_OPEN];
	uint64_t old_used;
	struct index_key index_keys[INDEX_KEYS];
	size_t index_keys_n;
	struct generations generations;
	struct generation_key generation_keys[2];
	uint32_t generation_stored; /* whose key the engine has */
	struct buf generation_sealed;
	struct buf scratch, opened;
	struct buf inserted; /* bodies of new rows that go to the engine together: never grows */
};

/* --- cache.c -------------------------------------------------------------------- */
struct slot *cache_find(struct store *s, uint64_t id);
struct slot *cache_find_name(struct store *s, uint64_t parent, struct bytes name);
struct slot *cache_find_ident(struct store *s, struct bytes ident);

/* A slot for id, clean and without data; ERR_MEMORY, ERR_LIMIT. */
err_t cache_add(struct store *s, uint64_t id, struct slot **out) MUST_USE;
/* Give a slot its data and stand it in the name chains. */
void cache_attach(struct store *s, struct slot *slot, struct row_data *data);
/* Take its data out of the name chains and return it. */
struct row_data *cache_detach(struct store *s, struct slot *slot);
void cache_drop(struct store *s, struct slot *slot);
void cache_use(struct store *s, struct slot *slot);
void cache_out_of_lru(struct store *s, struct slot *slot);
void cache_into_lru(struct store *s, struct slot *slot);
void cache_trim(struct store *s);
void cache_free(struct store *s);
err_t row_data_new(const struct store_row *row, struct row_data **out) MUST_USE;

/* --- change.c: what a transaction changed ------------------------------------------- */

/* About to change: note the slot in the dirty list and, when it was dirty
 * before the mark, what it was. Its state is then `state`. */
err_t change_slot(struct store *s, struct slot *slot, enum slot_state state) MUST_USE;
/* The slot has a new version: put it in, let the old one go. */
void change_data(struct store *s, struct slot *slot, struct row_data *data);
void change_as_child(struct store *s, struct slot *slot);
struct slot *change_children(struct store *s, uint64_t parent);
err_t change_index(struct store *s, struct slot *slot, struct index_change *change) MUST_USE;

void change_keep_place(struct store *s, struct counters *out);
void change_undo(struct store *s);     /* to the mark */
void change_unmark(struct store *s);   /* what was kept for the mark is not needed */
void change_forget(struct store *s);   /* the whole transaction */
void change_settle(struct store *s);   /* it is in the engine now */

/* Room for one more element of `size` in *list; ERR_MEMORY. */
err_t list_room(void *list, size_t n, size_t *cap, size_t size) MUST_USE;

/* --- seal.c ------------------------------------------------------------------------- */
err_t seal_open_keys(struct store *s) MUST_USE;
void seal_close_keys(struct store *s);
/* A fresh data key and epoch; what the one of now sealed can still be opened. */
err_t seal_fresh_key(struct store *s) MUST_USE;
/* Data keys of earlier epochs are gone from the engine: forget them too. */
void seal_forget_keys(struct store *s, uint32_t below);
err_t seal_row(struct store *s, const struct row_data *data, struct sealed_row *out) MUST_USE;
err_t unseal_row(struct store *s, const struct sealed_row *row, struct row_data **out) MUST_USE;
err_t seal_record(struct store *s, const struct record_change *c, struct sealed_record *out) MUST_USE;
/* key and value are views into s->opened. */
err_t unseal_record(struct store *s, const struct sealed_record *r, struct bytes *key,
                    struct bytes *value) MUST_USE;
err_t seal_block(struct store *s, struct bytes plain, struct sealed_block *b) MUST_USE;
err_t unseal_block(struct store *s, const struct sealed_block *b, struct bytes *plain) MUST_USE;

/* --- keyed.c: hashes under index keys ------------------------------------------------ */
err_t keyed_open(struct store *s) MUST_USE;
void keyed_close(struct store *s);
/* A fresh generation is the one of now; the one of now becomes that of before. */
err_t keyed_draw(struct store *s) MUST_USE;
/* Only that of now is left: forget the others. */
void keyed_forget(struct store *s);
/* Those under which something may be found, that of now first; how many. */
unsigned keyed_generations(const struct store *s, uint32_t out[2]);
err_t keyed_hash(struct store *s, uint32_t generation, struct bytes purpose, struct bytes a,
                 struct bytes b, uint8_t out[ENGINE_HASH]) MUST_USE;
/* Binds an index entry to its row; entry->check is filled. */
err_t keyed_check(struct store *s, uint32_t generation, struct index_entry *entry) MUST_USE;

/* --- scan.c ------------------------------------------------------------------------- */

/* Where it would stand that the engine has no such children. */
struct childless *childless_at(struct store *s, uint64_t parent, uint32_t type);

/* --- rows.c ------------------------------------------------------------------------- */
err_t rows_slot(struct store *s, uint64_t id, struct slot **out) MUST_USE; /* NULL: no such row */
/* The hashes of a row under the index keys of now. */
err_t rows_rehash(struct store *s, struct row_data *data) MUST_USE;

/* --- record.c, log.c ---------------------------------------------------------------- */
/* A view, valid until the next call. */
err_t record_get(struct store *s, uint32_t kind, struct bytes key, struct bytes *value) MUST_USE;
err_t record_change_internal(struct store *s, struct bytes key, struct bytes value) MUST_USE;
void records_forget(struct store *s, size_t down_to);
/* Does this transaction change it? Write it again as it is. */
bool record_is_changed(struct store *s, uint32_t kind, const uint8_t key_h[ENGINE_HASH]);
err_t record_change_same(struct store *s, uint32_t kind, struct bytes key, struct bytes value) MUST_USE;
/* Its hash under the index keys of now. */
err_t record_hash(struct store *s, uint32_t kind, struct bytes key, uint8_t out[ENGINE_HASH]) MUST_USE;
err_t log_start(struct store *s) MUST_USE;
err_t log_flush(struct store *s, unsigned log) MUST_USE;

/* --- rotate.c ---------------------------------------------------------------------- */
/* Is the generation before still needed? ERR_TAMPERED: nothing here is of the one of now. */
err_t rotate_open(struct store *s) MUST_USE;
err_t rotate_flush_blocks(struct store *s) MUST_USE;
/* Data keys sealed anew, in the engine's transaction. */
err_t rotate_flush_keys(struct store *s) MUST_USE;

/* --- store.c ----------------------------------------------------------------------- */

/* For tests: the n-th engine write from now fails with err (0: none does).
 * begin and commit count as writes. */
void engine_fail_at(uint64_t n, err_t err);
uint64_t engine_writes(void);

/* Ask this before each engine write. */
err_t engine_may_write(void) MUST_USE;

#endif
