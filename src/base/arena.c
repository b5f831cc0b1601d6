/* arena.c: memory that dies with the request. */
#include "base/arena.h"

#include <stdalign.h>

enum { BLOCK_SIZE = 16 * 1024, ALIGN = alignof(max_align_t) };

struct arena_block {
	struct arena_block *next;
	size_t size;
	size_t used;
	alignas(max_align_t) uint8_t data[];
};

void arena_init(struct arena *a, size_t max)
{
	*a = (struct arena){ .max = max };
}

static err_t arena_add_block(struct arena *a, size_t n)
{
	size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
	struct arena_block *b = mem_new(1, sizeof(*b) + size);

	if (!b)
		return ERR_MEMORY;
	b->size = size;
	b->next = a->blocks;
	a->blocks = b;
	return ERR_OK;
}

err_t arena_room(struct arena *a, size_t n, void **out)
{
	size_t need = n > SIZE_MAX - ALIGN ? n : (n + ALIGN - 1) / ALIGN * ALIGN;
	struct arena_block *b = a->blocks;
	err_t err;

	*out = NULL;
	if (need > a->max || a->used > a->max - need)
		return ERR_LIMIT;
	if (!b || b->size - b->used < need)
		TRY(arena_add_block(a, need));
	b = a->blocks;
	*out = b->data + b->used;
	b->used += need;
	a->used += need;
	err = ERR_OK;
out:
	return err;
}

err_t arena_take(struct arena *a, size_t n, void **out)
{
	err_t err;

	TRY(arena_room(a, n, out));
	bytes_zero(*out, n);
out:
	return err;
}

err_t arena_copy(struct arena *a, struct bytes b, struct bytes *out)
{
	void *p;
	err_t err;

	TRY(arena_room(a, b.n, &p));
	bytes_copy(p, b.p, b.n);
	*out = bytes_make(p, b.n);
out:
	return err;
}

void arena_reset(struct arena *a)
{
	struct arena_block *b = a->blocks;

	/* One block of ordinary size stays for the next request. */
	while (b && (b->next || b->size > BLOCK_SIZE)) {
		struct arena_block *next = b->next;

		mem_free(b);
		b = next;
	}
	if (b)
		b->used = 0;
	a->blocks = b;
	a->used = 0;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;

		mem_free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}
