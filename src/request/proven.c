/* proven.c: each has two places, so that one that is taken costs nobody his memory. */
#include "request/proven.h"

#include "wire/wire.h"

enum { WAYS = 2 };

static size_t place_of(const uint8_t key[PROVEN_KEY], unsigned way)
{
	return get_be16(key + 2 * way) % PROVEN_PLACES;
}

static bool is_at(const struct proven *p, const uint8_t key[PROVEN_KEY], unsigned way)
{
	return bytes_equal(BYTES_OF(p->keys[place_of(key, way)]), bytes_make(key, PROVEN_KEY));
}

bool proven_has(const struct proven *p, const uint8_t key[PROVEN_KEY])
{
	return is_at(p, key, 0) || is_at(p, key, 1);
}

void proven_add(struct proven *p, const uint8_t key[PROVEN_KEY])
{
	static const uint8_t none[PROVEN_KEY];
	bool taken = !bytes_equal(BYTES_OF(p->keys[place_of(key, 0)]), BYTES_OF(none));

	if (!proven_has(p, key))
		bytes_copy(p->keys[place_of(key, taken)], key, PROVEN_KEY);
}

void proven_drop(struct proven *p, const uint8_t key[PROVEN_KEY])
{
	for (unsigned way = 0; way < WAYS; way++) {
		if (is_at(p, key, way))
			bytes_zero(p->keys[place_of(key, way)], PROVEN_KEY);
	}
}
