/* handle.c: the table of a caller's handles.
 *
 *   number = turn of the slot (20 bits) | index of the slot (12 bits)
 *
 * so that a number that was closed does not soon mean something else. */
#include "keeper/handle.h"

#include "base/clock.h"
#include "crypt/crypt.h"

enum { INDEX_BITS = 12, INDEX_MASK = (1 << INDEX_BITS) - 1 };

/* More slots. */
static err_t table_grow(struct keeper_caller *who)
{
	struct handle *more;

	if (who->handles_n == KEEPER_HANDLES_MAX)
		return ERR_FULL;
	more = mem_grow(who->handles, who->handles_n, who->handles_n + HANDLE_SLAB, sizeof(*more));
	if (!more)
		return ERR_MEMORY;
	who->handles = more;
	/* Turns begin anywhere, so that another link's number is unknown here, and not
	 * by chance a handle of ours. */
	for (size_t i = 0; i < HANDLE_SLAB; i++)
		crypt_random(&more[who->handles_n + i].number, sizeof(more->number));
	who->handles_n += HANDLE_SLAB;
	return ERR_OK;
}

/* Handshakes that were given up without a word. */
static void close_old(struct keeper_caller *who)
{
	int64_t limit = clock_steady() - HANDLE_LIFE_MS;

	for (size_t i = 0; i < who->handles_n; i++) {
		struct handle *h = &who->handles[i];

		if (h->kind > HANDLE_KEY && h->made < limit)
			handle_close(who, h);
	}
}

static struct handle *free_slot(struct keeper_caller *who)
{
	for (size_t i = 0; i < who->handles_n; i++) {
		size_t at = (who->next + i) % who->handles_n;

		if (who->handles[at].kind == HANDLE_FREE) {
			who->next = at + 1;
			return &who->handles[at];
		}
	}
	return NULL;
}

err_t handle_new(struct keeper_caller *who, enum handle_kind kind, struct vault_key *key,
                 const uint8_t *tag, struct handle **out)
{
	uint32_t turn, index;
	struct handle *h;
	err_t err = ERR_OK;

	if (who->used == who->handles_n) {
		err = table_grow(who);
		if (err == ERR_FULL)
			close_old(who);
	}
	if (who->used == who->handles_n)
		return err;
	h = free_slot(who);
	must(h);
	index = (uint32_t)(h - who->handles);
	turn = (h->number >> INDEX_BITS) + 1;
	turn &= UINT32_MAX >> INDEX_BITS;
	h->number = (turn ? turn : 1) << INDEX_BITS | index;
	h->kind = kind;
	h->key = key;
	h->proved = false;
	h->made = clock_steady();
	bytes_zero(h->tag, sizeof(h->tag));
	if (tag)
		bytes_copy(h->tag, tag, sizeof(h->tag));
	who->used++;
	*out = h;
	return ERR_OK;
}

err_t handle_find(struct keeper_caller *who, uint32_t number, unsigned kinds, struct handle **out)
{
	size_t index = number & INDEX_MASK;
	struct handle *h;

	if (index >= who->handles_n)
		return ERR_MISSING;
	h = &who->handles[index];
	if (h->kind == HANDLE_FREE || h->number != number)
		return ERR_MISSING;
	if (!(kinds & 1u << h->kind))
		return ERR_TYPE;
	if (vault_key_ended(h->key, clock_now()))
		return ERR_MISSING;
	*out = h;
	return ERR_OK;
}

bool handle_is_anothers(const struct keeper_state *ks, const struct keeper_caller *who, uint32_t number)
{
	struct handle *h;

	for (size_t i = 0; i < ks->callers_n; i++) {
		if (ks->callers[i] != who && handle_find(ks->callers[i], number, ~0u, &h) == ERR_OK)
			return true;
	}
	return false;
}

void handle_close(struct keeper_caller *who, struct handle *h)
{
	h->kind = HANDLE_FREE;
	h->key = NULL;
	who->used--;
}

void handles_close_all(struct keeper_caller *who)
{
	mem_free(who->handles);
	who->handles = NULL;
	who->handles_n = who->used = 0;
}

void handles_drop_key(struct keeper_state *ks, const struct vault_key *key)
{
	for (size_t c = 0; c < ks->callers_n; c++) {
		struct keeper_caller *who = ks->callers[c];

		for (size_t i = 0; i < who->handles_n; i++) {
			if (who->handles[i].kind != HANDLE_FREE && who->handles[i].key == key)
				handle_close(who, &who->handles[i]);
		}
	}
}

size_t handles_count(const struct keeper_state *ks)
{
	size_t n = 0;

	for (size_t c = 0; c < ks->callers_n; c++)
		n += ks->callers[c]->used;
	return n;
}
