/* seen.c: a set of marks, by open addressing. A proof is a MAC under a key that the
 * asker does not hold, so nobody can choose where it falls. */
#include "base/seen.h"

/* The slot of the mark, or the free one where it would be. */
static uint8_t *slot_of(uint8_t (*table)[SEEN_MARK], const uint8_t *proof)
{
	static const uint8_t none[SEEN_MARK];
	struct bytes mark = bytes_make(proof, SEEN_MARK);
	size_t at = get_be32(proof) % SEEN_SLOTS;

	while (!bytes_equal(bytes_make(table[at], SEEN_MARK), BYTES_OF(none)) &&
	       !bytes_equal(bytes_make(table[at], SEEN_MARK), mark))
		at = (at + 1) % SEEN_SLOTS;
	return table[at];
}

static bool holds(uint8_t (*table)[SEEN_MARK], const uint8_t *proof)
{
	return bytes_equal(bytes_make(slot_of(table, proof), SEEN_MARK), bytes_make(proof, SEEN_MARK));
}

static void turn(struct seen *s)
{
	uint8_t (*old)[SEEN_MARK] = s->table[1];

	s->table[1] = s->table[0];
	s->table[0] = old;
	bytes_zero(old, SEEN_SLOTS * SEEN_MARK);
	s->n = 0;
}

err_t seen_once(struct seen *s, const uint8_t proof[32])
{
	for (size_t i = 0; i < COUNT_OF(s->table); i++) {
		if (!s->table[i])
			s->table[i] = mem_new(SEEN_SLOTS, SEEN_MARK);
		if (!s->table[i])
			return ERR_MEMORY;
		if (holds(s->table[i], proof))
			return ERR_REFUSED;
	}
	if (s->n == SEEN_MAX)
		turn(s);
	bytes_copy(slot_of(s->table[0], proof), proof, SEEN_MARK);
	s->n++;
	return ERR_OK;
}

void seen_free(struct seen *s)
{
	for (size_t i = 0; i < COUNT_OF(s->table); i++)
		mem_free(s->table[i]);
	*s = (struct seen){ 0 };
}
