/* hash.c: SipHash-2-4 (Aumasson, Bernstein). */
#include "base/hash.h"

#include <endian.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t m)
{
	s->v3 ^= m;
	sip_round(s);
	sip_round(s);
	s->v0 ^= m;
}

static inline uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint64_t load_word(const uint8_t *p)
{
	uint64_t v;

	bytes_copy(&v, p, sizeof(v));
	return le64toh(v);
}

uint64_t hash_bytes(const struct hash_key *key, struct bytes b)
{
	struct sip s = { key->k[0] ^ 0x736f6d6570736575, key->k[1] ^ 0x646f72616e646f6d,
	                 key->k[0] ^ 0x6c7967656e657261, key->k[1] ^ 0x7465646279746573 };
	size_t whole = b.n / 8;

	for (size_t i = 0; i < whole; i++)
		sip_word(&s, load_word(b.p + 8 * i));
	sip_word(&s, (uint64_t)b.n << 56 | (b.n % 8 ? load_le(b.p + 8 * whole, b.n % 8) : 0));
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_u64(const struct hash_key *key, uint64_t v)
{
	uint8_t octets[8];

	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)(v >> (8 * i));
	return hash_bytes(key, BYTES_OF(octets));
}
