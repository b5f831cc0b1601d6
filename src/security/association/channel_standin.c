/* channel_standin.c: octets that stand for a key that is elsewhere.
 *
 *    0      1          4                             n
 *    +------+----------+-----------------------------+
 *    | stage|   slot   | n - 4 octets of this process|
 *    +------+----------+-----------------------------+
 *
 * OpenSSL carries a pre-shared key through its key schedule as octets of a
 * certain length, and TLS 1.2 puts that length into the premaster secret: a
 * stand-in is exactly as long as what it stands for. The last octets are drawn
 * at random when the process starts; nothing from outside can be taken for a
 * stand-in but with a chance of 2^-96. They are no secret: whoever has one can
 * ask the keeper only what this process may ask anyway. */
#include "security/association/channel_inside.h"

#include "crypt/crypt.h"

enum { HEAD = 4, SLOTS_MAX = 1 << 16, SLOTS_FIRST = 64 };

static struct {
	struct psk_use **uses; /* slot 0 is never given out */
	uint32_t n, cap;       /* slots ever used, slots there are */
	uint32_t *free;        /* slots given back */
	uint32_t free_n;
	uint8_t magic[STANDIN_MAX - HEAD];
	bool drawn;
} table;

static err_t table_grow(void)
{
	uint32_t cap = table.cap ? table.cap * 2 : SLOTS_FIRST;
	struct psk_use **uses;
	uint32_t *free_slots;

	if (cap > SLOTS_MAX)
		return ERR_LIMIT;
	uses = mem_grow(table.uses, table.cap, cap, sizeof(table.uses[0]));
	if (!uses)
		return ERR_MEMORY;
	table.uses = uses;
	free_slots = mem_grow(table.free, table.cap, cap, sizeof(*free_slots));
	if (!free_slots)
		return ERR_MEMORY;
	table.free = free_slots;
	table.cap = cap;
	return ERR_OK;
}

err_t standin_open(struct psk_use *use)
{
	err_t err = ERR_OK;

	must(use->slot == 0);
	if (!table.drawn) {
		crypt_random(table.magic, sizeof(table.magic));
		table.drawn = true;
	}
	if (table.free_n) {
		use->slot = table.free[--table.free_n];
	} else {
		if (table.n + 1 >= table.cap)
			TRY(table_grow());
		use->slot = ++table.n;
	}
	table.uses[use->slot] = use;
out:
	return err;
}

void standin_close(struct psk_use *use)
{
	if (!use->slot)
		return;
	must(table.uses[use->slot] == use);
	table.uses[use->slot] = NULL;
	table.free[table.free_n++] = use->slot;
	use->slot = 0;
}

void standin_write(const struct psk_use *use, enum standin stage, uint8_t *out, size_t n)
{
	must(use->slot && n >= STANDIN_MIN && n <= STANDIN_MAX);
	put_be32(out, (uint32_t)stage << 24 | use->slot);
	bytes_copy(out + HEAD, table.magic, n - HEAD);
}

enum standin standin_read(struct bytes octets, struct psk_use **use)
{
	uint32_t head, slot;

	*use = NULL;
	if (!table.drawn || octets.n < STANDIN_MIN || octets.n > STANDIN_MAX ||
	    !bytes_equal(bytes_sub(octets, HEAD, octets.n),
	                 bytes_make(table.magic, octets.n - HEAD)))
		return STANDIN_NONE;
	head = get_be32(octets.p);
	slot = head & 0xffffff;
	/* A stand-in whose use has ended stands for nothing and is still no key. */
	if (slot < table.cap)
		*use = table.uses[slot];
	return (enum standin)(head >> 24);
}
