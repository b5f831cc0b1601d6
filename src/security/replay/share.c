/* share.c: how much of the memory of replay each originator has. */
#include "security/replay/inner.h"

enum { COMPACT_LEAST = 4096 };

static struct owner **place_of(struct replay *r, uint64_t who)
{
	struct owner **at = &r->owners[hash_u64(&r->hash_key, who) % OWNERS];

	while (*at && (*at)->who != who)
		at = &(*at)->next;
	return at;
}

static size_t share_of(const struct replay *r)
{
	return r->entries / SHARES > SHARE_LEAST ? r->entries / SHARES : SHARE_LEAST;
}

void share_release(struct replay *r, const struct entry *e)
{
	struct owner **at = place_of(r, e->who), *o = *at;

	if (!e->who || !o)
		return;
	o->oldest += e->forth;
	if (--o->n > 0)
		return;
	*at = o->next;
	mem_free(o);
}

/* Takes the entry among those of its owner; without memory it has none. */
static struct owner *own(struct replay *r, uint64_t count)
{
	struct entry *e = entry_at(r, count);
	struct owner **at, *o;

	if (!e->who || !e->status)
		return NULL;
	at = place_of(r, e->who);
	o = *at ? *at : mem_new(1, sizeof(*o));
	if (!o) {
		e->who = 0;
		return NULL;
	}
	if (!*at) {
		*o = (struct owner){ .who = e->who, .oldest = count };
		*at = o;
	} else {
		entry_at(r, o->newest)->forth = (uint32_t)(count - o->newest);
	}
	o->newest = count;
	o->n++;
	return o;
}

void share_settle(struct replay *r, uint64_t count)
{
	struct owner *o = own(r, count);
	struct entry *e;

	if (!o || o->n <= share_of(r))
		return;
	e = entry_at(r, o->oldest);
	replay_unlink(r, e);
	share_release(r, e);
	e->status = 0;
	r->empty++;
}

void share_free(struct replay *r)
{
	for (size_t i = 0; i < OWNERS; i++) {
		while (r->owners[i]) {
			struct owner *o = r->owners[i];

			r->owners[i] = o->next;
			mem_free(o);
		}
	}
}

void share_compact(struct replay *r)
{
	uint64_t end = r->tail, to = r->head;

	if (r->empty < COMPACT_LEAST || 2 * r->empty < r->tail - r->head)
		return;
	share_free(r);
	bytes_zero(r->table, r->ring_n * sizeof(*r->table));
	for (uint64_t i = r->head; i < end; i++) {
		if (!entry_at(r, i)->status)
			continue;
		*entry_at(r, to) = *entry_at(r, i);
		replay_link(r, entry_at(r, to));
		r->tail = ++to;
		(void)own(r, to - 1);
	}
	r->tail = to;
	r->empty = 0;
}
