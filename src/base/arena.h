/* arena.h: memory that dies with the request.
 *
 * Blocks are kept over a reset up to one block, so that a request of ordinary
 * size takes no memory from the system. Nothing is freed one by one. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t used;                /* octets given out since the last reset */
	size_t max;                 /* octets that may be given out */
};

void arena_init(struct arena *a, size_t max);

/* n zeroed octets, aligned for any type. ERR_LIMIT beyond max, ERR_MEMORY. */
err_t arena_take(struct arena *a, size_t n, void **out) MUST_USE;

/* The same with whatever is in them. */
err_t arena_room(struct arena *a, size_t n, void **out) MUST_USE;

/* A copy of b that lives as long as the arena's content. */
err_t arena_copy(struct arena *a, struct bytes b, struct bytes *out) MUST_USE;

/* Forget everything taken. */
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif
