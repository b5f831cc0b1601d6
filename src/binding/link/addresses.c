/* addresses.c: how many connections a source has, and until when it is refused.
 *
 * A source is an IPv4 address or an IPv6 /64: whoever has one address of a /64
 * has them all. The table is keyed with octets of this process, so that no one
 * can choose addresses that fall into one bucket. */
#include "base/log.h"
#include "binding/link/inside.h"

#include <sys/random.h>

enum { BUCKETS = 16384, PENALTIES_MAX = 4096, FAILING_MAX = 8192, MINUTE_MS = 60000, SETTLE_MS = 1000 };

struct source {
	struct source *next;
	uint8_t key[9]; /* length, then 4 or 8 octets */
	size_t connections;
	int64_t until; /* refused until, 0 not */
	/* a bucket that a failed handshake fills and a minute empties */
	uint64_t failures; /* times MINUTE_MS */
	int64_t failed;    /* when that was so */
};

struct addresses {
	struct source *bucket[BUCKETS];
	uint64_t seed[2];
	size_t penalties, failing;
	int64_t settled;   /* when all were looked at last */
};

err_t addresses_new(struct addresses **out)
{
	struct addresses *a = mem_new(1, sizeof(*a));

	*out = a;
	if (!a)
		return ERR_MEMORY;
	if (getrandom(a->seed, sizeof(a->seed), 0) != (ssize_t)sizeof(a->seed)) {
		mem_free(a);
		*out = NULL;
		return ERR_IO;
	}
	return ERR_OK;
}

void addresses_free(struct addresses *a)
{
	for (size_t i = 0; a && i < BUCKETS; i++) {
		while (a->bucket[i]) {
			struct source *next = a->bucket[i]->next;

			mem_free(a->bucket[i]);
			a->bucket[i] = next;
		}
	}
	mem_free(a);
}

static void source_key(const struct address *from, uint8_t key[9])
{
	bytes_zero(key, 9);
	key[0] = from->n;
	bytes_copy(key + 1, from->octets, from->n == 4 ? 4 : 8);
}

static struct source **source_place(struct addresses *a, const uint8_t key[9])
{
	/* Multiply-xor over two words with secret seeds; 128-bit products. */
	uint64_t x = get_be64(key) ^ a->seed[0], y = (uint64_t)key[8] ^ a->seed[1];
	__uint128_t product = (__uint128_t)x * (y | 1) + ((__uint128_t)y << 64 | x);
	uint64_t folded = (uint64_t)product ^ (uint64_t)(product >> 64);
	struct source **at;

	product = (__uint128_t)(folded ^ a->seed[1]) * (a->seed[0] | 1);
	at = &a->bucket[(uint64_t)(product >> 64) % BUCKETS];
	while (*at && !bytes_equal(bytes_make((*at)->key, 9), bytes_make(key, 9)))
		at = &(*at)->next;
	return at;
}

static struct source *source_get(struct addresses *a, const struct address *from)
{
	uint8_t key[9];
	struct source **at;

	source_key(from, key);
	at = source_place(a, key);
	if (!*at) {
		*at = mem_new(1, sizeof(**at));
		if (*at)
			bytes_copy((*at)->key, key, sizeof(key));
	}
	return *at;
}

/* Forget the source at *at when nothing is known of it any more. */
static void source_settle(struct addresses *a, struct source **at, int64_t now)
{
	struct source *s = *at;

	if (s->until && s->until <= now) {
		s->until = 0;
		a->penalties--;
	}
	if (s->failures && (now - s->failed >= MINUTE_MS || a->failing > FAILING_MAX)) {
		s->failures = 0;
		a->failing--;
	}
	if (s->connections || s->until || s->failures)
		return;
	*at = s->next;
	mem_free(s);
}

const char *address_take(struct addresses *a, const struct address *from,
                         size_t limit, int64_t now)
{
	struct source *s = source_get(a, from);

	if (!s)
		return "no memory";
	if (s->until > now)
		return "penalty";
	if (s->connections >= limit)
		return "too many connections from this address";
	s->connections++;
	return NULL;
}

void address_release(struct addresses *a, const struct address *from)
{
	uint8_t key[9];
	struct source **at;

	source_key(from, key);
	at = source_place(a, key);
	must(*at && (*at)->connections > 0);
	(*at)->connections--;
	/* Penalties and failures are settled when they are counted. */
	source_settle(a, at, INT64_MIN / 2);
}

static void penalties_settle(struct addresses *a, int64_t now)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct source **at = &a->bucket[i];

		while (*at) {
			struct source *s = *at;

			source_settle(a, at, now);
			if (*at == s)
				at = &s->next;
		}
	}
}

void address_penalty(struct addresses *a, const struct address *from, int64_t now,
                     int64_t until)
{
	struct source *s;

	if (a->penalties >= PENALTIES_MAX)
		penalties_settle(a, now);
	if (a->penalties >= PENALTIES_MAX) {
		log_event(LOG_WARN, "penalty not kept", "why=too many");
		return;
	}
	s = source_get(a, from);
	if (!s)
		return;
	a->penalties += s->until == 0;
	s->until = until;
}

bool address_failed(struct addresses *a, const struct address *from, size_t limit, int64_t now)
{
	struct source *s = limit ? source_get(a, from) : NULL;
	uint64_t emptied;

	if (!s)
		return false;
	a->failing += s->failures == 0;
	emptied = (uint64_t)(now - s->failed) * limit;
	s->failures = s->failures > emptied ? s->failures - emptied : 0;
	s->failures += MINUTE_MS;
	s->failed = now;
	if (a->failing > FAILING_MAX && now - a->settled >= SETTLE_MS) {
		a->settled = now;
		penalties_settle(a, now); /* not this one: its connection is counted still */
	}
	if (s->failures <= (uint64_t)limit * MINUTE_MS)
		return false;
	s->failures = 0;
	a->failing--;
	address_penalty(a, from, now, now + MINUTE_MS);
	return true;
}

bool address_is_loopback(const struct address *a)
{
	static const uint8_t six[16] = { [15] = 1 };

	return a->n == 4 ? a->octets[0] == 127 :
	                   bytes_equal(bytes_make(a->octets, 16), BYTES_OF(six));
}
