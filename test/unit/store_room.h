/* store_room.h: a store for tests: keys without a keeper, a file in a folder of
 * its own, both engines. */
#ifndef STORE_ROOM_H
#define STORE_ROOM_H

#include "base/secret.h"
#include "crypt/crypt.h"
#include "store/inner.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct store_room {
	const char *engine;
	char folder[64], path[96];
	struct store *s;
	unsigned keys_drawn, keys_opened;
	size_t cache_rows;
};

/* "Sealed": a word, the key. Enough for tests. */
static err_t room_key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	struct store_room *room = self;
	err_t err;

	room->keys_drawn++;
	crypt_random(key, 32);
	TRY(buf_add(sealed, BYTES("test")));
	TRY(buf_add(sealed, bytes_make(key, 32)));
out:
	return err;
}

static err_t room_key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	struct store_room *room = self;

	room->keys_opened++;
	if (sealed.n != 36)
		return ERR_TAMPERED;
	bytes_copy(key, sealed.p + 4, 32);
	return ERR_OK;
}

static err_t room_index_key(void *self, struct bytes attribute, uint8_t key[32])
{
	crypt_hmac_sha256(BYTES("a key for tests"), attribute, key);
	return ERR_OK;
}

static inline struct store_setup room_setup(struct store_room *room)
{
	return (struct store_setup){ .engine = room->engine, .path = room->path,
		.cache_rows = room->cache_rows ? room->cache_rows : 64,
		.keys = { room, room_key_new, room_key_open, room_index_key } };
}

static inline void room_open(struct store_room *room)
{
	struct store_setup setup = room_setup(room);

	assert_int_equal(store_open(&setup, &room->s), ERR_OK);
}

static inline int room_make(void **state)
{
	struct store_room *room = calloc(1, sizeof(*room));

	room->engine = *state;
	bytes_put_str(room->folder, sizeof(room->folder), BYTES("/tmp/holdfast-store-XXXXXX")) == ERR_OK
		? (void)0 : abort();
	if (!mkdtemp(room->folder))
		return -1;
	snprintf(room->path, sizeof(room->path), "%s/holdfast.db", room->folder);
	room_open(room);
	*state = room;
	return 0;
}

static inline int room_end(void **state)
{
	struct store_room *room = *state;
	char name[128];

	engine_fail_at(0, ERR_OK);
	mem_fail_at(0);
	store_close(room->s);
	unlink(room->path);
	snprintf(name, sizeof(name), "%s-wal", room->path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-journal", room->path);
	unlink(name);
	rmdir(room->folder);
	free(room);
	return 0;
}

/* A restart; the memory engine forgets. */
static inline void room_restart(struct store_room *room)
{
	store_close(room->s);
	room->s = NULL;
	room_open(room);
}

__attribute__((unused)) static char engine_of_sqlite[] = "sqlite";
__attribute__((unused)) static char engine_of_memory[] = "memory";

#define ON_SQLITE(f) { #f " (sqlite)", f, room_make, room_end, engine_of_sqlite }
#define ON_MEMORY(f) { #f " (memory)", f, room_make, room_end, engine_of_memory }
#define ON_BOTH(f) ON_SQLITE(f), ON_MEMORY(f)

#define OK(expr) assert_int_equal(expr, ERR_OK)

static inline struct store_row room_row(struct store *s, uint64_t parent, uint32_t type, const char *name)
{
	return (struct store_row){ .id = store_next_id(s), .parent = parent, .type = type,
		.created = 1000, .modified = 1000, .name = bytes_str(name), .body = BYTES("a body") };
}

static inline uint64_t room_insert(struct store *s, uint64_t parent, uint32_t type, const char *name)
{
	struct store_row row = room_row(s, parent, type, name);

	OK(store_insert(s, &row));
	return row.id;
}

static inline uint64_t room_child(struct store *s, uint64_t parent, const char *name)
{
	uint64_t id;

	OK(store_find_child(s, parent, bytes_str(name), &id));
	return id;
}

#endif
