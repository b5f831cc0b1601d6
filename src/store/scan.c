/* scan.c: walking children, expired rows, all rows.
 *
 * The engine knows the rows as they were at begin; the slots know what changed
 * since. Both are walked and merged by id. */
#include "store/inner.h"

enum { CHUNK = 64 };

/* ids in the order asked, at most `limit` of them. */
struct gather {
	const struct store_scan *scan;
	uint64_t *ids;
	size_t n;
	bool childless; /* the engine has none of the type */
};

static bool goes_before(const struct gather *g, uint64_t a, uint64_t b)
{
	return g->scan->newest_first ? a > b : a < b;
}

static bool gather_full(const struct gather *g, uint64_t id)
{
	return g->n == g->scan->limit && !goes_before(g, id, g->ids[g->n - 1]);
}

static void gather_add(struct gather *g, uint64_t id)
{
	size_t at;

	if (g->scan->limit == 0 || gather_full(g, id))
		return;
	at = g->n < g->scan->limit ? g->n++ : g->n - 1;
	for (; at > 0 && goes_before(g, id, g->ids[at - 1]); at--)
		g->ids[at] = g->ids[at - 1];
	g->ids[at] = id;
}

static bool is_deleted(struct store *s, uint64_t id)
{
	const struct slot *slot = cache_find(s, id);

	return slot && (slot->state == SLOT_DELETED || slot->state == SLOT_VOID);
}

static struct skip *skip_of(struct store *s, const struct engine_scan *scan)
{
	for (size_t i = 0; i < SKIPS; i++) {
		struct skip *k = &s->skips[i];

		if (k->id && k->parent == scan->parent && k->type == scan->type &&
		    k->newest_first == scan->newest_first)
			return k;
	}
	return NULL;
}

/* All engine rows up to `id` in this direction are deleted. */
static void skip_note(struct store *s, const struct engine_scan *scan, uint64_t id)
{
	struct skip *k = skip_of(s, scan);

	if (!k)
		k = &s->skips[s->skip_at++ % SKIPS];
	*k = (struct skip){ .parent = scan->parent, .id = id, .type = scan->type,
		            .newest_first = scan->newest_first };
}

static err_t gather_type(struct store *s, struct gather *g, uint32_t type)
{
	struct engine_scan scan = { g->scan->parent, type, g->scan->newest_first, g->scan->after };
	const struct skip *skip = scan.after ? NULL : skip_of(s, &scan);
	bool from_start = scan.after == 0;
	uint64_t ids[CHUNK];
	size_t n, want = g->scan->limit < CHUNK ? g->scan->limit : CHUNK;
	err_t err;

	if (skip)
		scan.after = skip->id;
	do {
		TRY(s->ops->children(s->engine, &scan, ids, want, &n));
		g->childless |= n == 0 && scan.after == 0;
		for (size_t i = 0; i < n; i++) {
			bool gone = is_deleted(s, ids[i]);

			scan.after = ids[i];
			if (gone && from_start)
				skip_note(s, &scan, ids[i]);
			if (gone)
				continue;
			from_start = false;
			if (gather_full(g, ids[i]))
				goto out;
			gather_add(g, ids[i]);
		}
	} while (n == want);
out:
	return err;
}

static bool is_wanted(const struct store_scan *scan, uint32_t type)
{
	if (scan->type)
		return type == scan->type;
	return !scan->wanted || scan->wanted(scan->wanted_self, type);
}

static void gather_new(struct store *s, struct gather *g)
{
	const struct store_scan *scan = g->scan;

	for (struct slot *slot = change_children(s, scan->parent); slot; slot = slot->sibling) {
		if (slot->state != SLOT_NEW || slot->parent != scan->parent)
			continue;
		if (!is_wanted(scan, slot->data->row.type))
			continue;
		if (scan->after && !goes_before(g, scan->after, slot->id))
			continue;
		gather_add(g, slot->id);
	}
}

struct childless *childless_at(struct store *s, uint64_t parent, uint32_t type)
{
	return &s->childless[(parent * 31 + type) % CHILDLESS];
}

static bool is_childless(struct store *s, const struct store_scan *scan)
{
	const struct childless *c = childless_at(s, scan->parent, scan->type);

	return scan->type && c->type == scan->type && c->parent == scan->parent;
}

err_t store_children(struct store *s, const struct store_scan *scan, uint64_t *ids, size_t *n)
{
	struct gather g = { scan, ids, 0, false };
	uint32_t types[ENGINE_TYPES] = { scan->type };
	size_t types_n = is_childless(s, scan) ? 0 : 1;
	err_t err = ERR_OK;

	*n = 0;
	if (scan->limit == 0)
		goto out;
	if (scan->type == 0)
		TRY(s->ops->child_types(s->engine, scan->parent, types, &types_n));
	if (types_n == ENGINE_TYPES)
		return ERR_LIMIT;
	for (size_t i = 0; i < types_n; i++) {
		if (is_wanted(scan, types[i]))
			TRY(gather_type(s, &g, types[i]));
	}
	gather_new(s, &g);
	*n = g.n;
	if (scan->type && g.childless && g.n == 0)
		*childless_at(s, scan->parent, scan->type) = (struct childless){ scan->parent, scan->type };
out:
	return err;
}

/* --- expiry ----------------------------------------------------------------------- */

static void expired_changed(struct store *s, int64_t now, const struct store_expiry *after,
                            struct store_expiry *out, size_t limit, size_t *n)
{
	for (size_t i = 0; i < s->dirty_n && *n < limit; i++) {
		const struct slot *slot = s->dirty[i];
		int64_t expires = slot->data ? slot->data->row.expires : 0;

		if (expires && expires <= now &&
		    (expires > after->expires || (expires == after->expires && slot->id > after->id)))
			out[(*n)++] = (struct store_expiry){ expires, slot->id };
	}
}

err_t store_expired(struct store *s, int64_t now, const struct store_expiry *after,
                    struct store_expiry *out, size_t limit, size_t *n)
{
	static const struct store_expiry first = { 0, 0 };
	struct engine_expiry at, chunk[CHUNK];
	size_t got;
	err_t err;

	after = after ? after : &first;
	at = (struct engine_expiry){ after->expires, after->id };
	*n = 0;
	do {
		TRY(s->ops->expired(s->engine, now, &at, chunk, CHUNK, &got));
		for (size_t i = 0; i < got && *n < limit; i++) {
			const struct slot *slot = cache_find(s, chunk[i].id);

			at = chunk[i];
			if (!slot || slot->state == SLOT_CLEAN)
				out[(*n)++] = (struct store_expiry){ at.expires, at.id };
		}
	} while (got == CHUNK && *n < limit);
	expired_changed(s, now, after, out, limit, n);
out:
	return err;
}

/* --- all rows ---------------------------------------------------------------------- */

err_t store_verify(struct store *s, uint64_t *bad, void (*progress)(void *self, uint64_t done), void *self)
{
	struct sealed_row row = { 0 };
	uint64_t done = 0, well = 0;
	bool found;
	err_t err;

	*bad = 0;
	for (;;) {
		struct row_data *data = NULL;

		TRY(s->ops->row_next(s->engine, well, &row, &found));
		if (!found)
			break;
		TRY(unseal_row(s, &row, &data));
		mem_free(data);
		well = row.id;
		if (progress && ++done % 1000 == 0)
			progress(self, done);
	}
out:
	if (err != ERR_TAMPERED)
		return err;
	/* Where the engine cannot tell which, it is one behind the last that is well. */
	*bad = row.id > well ? row.id : well + 1;
	return ERR_OK;
}
