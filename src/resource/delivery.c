/* delivery.c: deliveries, as they are stored. */
#include "resource/delivery.h"

#include "base/clock.h"
#include "resource/engine.h"

enum { SCAN = 64, OWN_OPEN = 1, OWN_CLOSED = 2 /* "@ow" of one that was gathered here */ };

bool delivery_list(struct bytes aggregated, struct cbor *out)
{
	bool found = false;

	if (cbor_find(aggregated, BYTES("rqp"), out, &found) != ERR_OK)
		return false;
	if (!found && cbor_find(aggregated, BYTES("m2m:rqp"), out, &found) != ERR_OK)
		return false;
	return found && out->kind == CBOR_ARRAY;
}

/* --- reading -------------------------------------------------------------------------------- */

static err_t text_of(const struct attribute_set *set, struct arena *a, const char *key, struct bytes *out)
{
	struct cbor v;

	if (!set_get(set, bytes_str(key), &v) || v.kind != CBOR_TEXT)
		return ERR_OK;
	return arena_copy(a, v.s, out);
}

static err_t trace_of(const struct attribute_set *set, struct arena *a, struct delivery *out)
{
	struct cbor dmd, v;
	bool found = false;
	err_t err = ERR_OK;

	if (!set_get(set, BYTES("dmd"), &dmd))
		goto out;
	TRY(cbor_find(dmd.raw, BYTES("tcop"), &v, &found));
	out->traced = found && v.kind == CBOR_BOOL && v.u;
	TRY(cbor_find(dmd.raw, BYTES("tcin"), &v, &found));
	while (found && v.kind == CBOR_ARRAY && v.s.n && out->trace_n < DELIVERY_TRACE) {
		struct cbor item;

		TRY(cbor_next(&v.s, &item));
		TRY(arena_copy(a, item.s, &out->trace[out->trace_n++]));
	}
out:
	return err;
}

static err_t requests_of(const struct attribute_set *set, struct arena *a, struct delivery *out)
{
	struct cbor arq, list, item;
	err_t err = ERR_OK;

	if (!set_get(set, BYTES("arq"), &arq) || !delivery_list(arq.raw, &list))
		return ERR_OK;
	while (list.s.n && out->n < DELIVERY_REQUESTS) {
		TRY(cbor_next(&list.s, &item));
		TRY(arena_copy(a, item.raw, &out->requests[out->n++]));
		out->octets += item.raw.n;
	}
out:
	return err;
}

static err_t read_set(const struct attribute_set *set, struct arena *a, struct delivery *out)
{
	struct cbor ls;
	err_t err;

	TRY(text_of(set, a, "sr", &out->source));
	TRY(text_of(set, a, "tg", &out->target));
	TRY(text_of(set, a, INTERNAL_CREATOR, &out->creator));
	TRY(text_of(set, a, "@cd", &out->credential));
	if (set_get(set, BYTES("ls"), &ls) && ls.kind == CBOR_TEXT)
		TRY(clock_parse(ls.s, &out->until));
	out->category = set_uint(set, BYTES("ec"), 0);
	out->tries = set_uint(set, BYTES("@tr"), 0);
	out->gathers = set_uint(set, BYTES("@ow"), 0) == OWN_OPEN;
	TRY(trace_of(set, a, out));
	TRY(requests_of(set, a, out));
out:
	return err;
}

err_t delivery_read(struct resources *r, struct arena *a, uint64_t id, int64_t now, struct delivery *out, bool *found)
{
	struct attribute_set *set;
	const struct store_row *row;
	void *p;
	err_t err;

	*out = (struct delivery){ .id = id };
	TRY(store_get(r->store, id, &row));
	*found = row && row->type == DELIVERY && !row_expired(row, now);
	if (!*found)
		goto out;
	TRY(arena_take(a, sizeof(*set), &p));
	set = p;
	TRY(set_load(set, row->body));
	out->stops = row->created + DELIVERY_KNOWN_MS;
	TRY(read_set(set, a, out));
	out->stops = out->until < out->stops ? out->until : out->stops;
out:
	return err;
}

static bool body_has(struct bytes body, const char *key, enum cbor_kind kind, struct cbor *out)
{
	bool found = false;

	return cbor_find(body, bytes_str(key), out, &found) == ERR_OK && found && out->kind == kind;
}

static bool body_number(struct bytes body, const char *key, uint64_t number)
{
	struct cbor v;

	return body_has(body, key, CBOR_UINT, &v) && v.u == number;
}

/* An empty one may be absent. */
static bool body_text(struct bytes body, const char *key, struct bytes text)
{
	struct bytes is;

	return bytes_equal(cbor_find_text(body, key, &is) == ERR_OK ? is : BYTES_NONE, text);
}

/* Told from the row, of which nothing is copied. */
static bool takes_more(const struct store_row *row, const struct delivery *like)
{
	struct cbor arq, list;

	return row && body_number(row->body, "@ow", OWN_OPEN) && body_number(row->body, "ec", like->category) &&
	       body_text(row->body, "tg", like->target) && body_text(row->body, INTERNAL_CREATOR, like->creator) &&
	       body_text(row->body, "@cd", like->credential) && body_has(row->body, "arq", CBOR_MAP, &arq) &&
	       delivery_list(arq.raw, &list) && list.u < DELIVERY_REQUESTS && list.s.n + like->octets <= DELIVERY_OCTETS;
}

err_t delivery_gathering(struct resources *r, struct arena *a, const struct delivery *like, int64_t now,
                         struct delivery *out, bool *found)
{
	struct store_scan scan = { .parent = 1, .type = DELIVERY, .newest_first = true, .limit = SCAN };
	const struct store_row *row;
	uint64_t ids[SCAN];
	size_t n;
	err_t err;

	*found = false;
	TRY(store_children(r->store, &scan, ids, &n));
	for (size_t i = 0; i < n && !*found; i++) {
		TRY(store_get(r->store, ids[i], &row));
		if (takes_more(row, like))
			TRY(delivery_read(r, a, ids[i], now, out, found));
	}
out:
	return err;
}

/* --- writing --------------------------------------------------------------------------------- */

/* { "rqp": [ requests ] } */
static err_t put_requests(struct arena *a, struct attribute_set *set, const struct delivery *d)
{
	struct buf b = buf_make(2 * DELIVERY_OCTETS);
	struct bytes kept;
	err_t err;

	TRY(cbor_put_map(&b, 1));
	TRY(cbor_put_text(&b, BYTES("rqp")));
	TRY(cbor_put_array(&b, d->n));
	for (size_t i = 0; i < d->n; i++)
		TRY(buf_add(&b, d->requests[i]));
	TRY(arena_copy(a, bytes_of_buf(&b), &kept));
	err = set_put(set, BYTES("arq"), kept);
out:
	buf_free(&b);
	return err;
}

static err_t put_until(struct resources *r, struct arena *a, struct attribute_set *set, int64_t until)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];

	clock_stamp(until, stamp);
	return set_put_text(r, a, set, BYTES("ls"), bytes_str(stamp));
}

/* Nobody asked for a trace. */
static err_t put_untraced(struct resources *r, struct arena *a, struct attribute_set *set)
{
	struct bytes kept;
	err_t err;

	buf_clear(&r->scratch);
	TRY(cbor_put_map(&r->scratch, 1));
	TRY(cbor_put_text(&r->scratch, BYTES("tcop")));
	TRY(cbor_put_bool(&r->scratch, false));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &kept));
	err = set_put(set, BYTES("dmd"), kept);
out:
	return err;
}

static err_t fill(struct resource_work *w, const struct delivery *d)
{
	err_t err;

	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("sr"), d->source));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("tg"), d->target));
	TRY(put_until(w->r, w->arena, &w->set, d->until));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("ec"), d->category));
	TRY(put_untraced(w->r, w->arena, &w->set));
	TRY(put_requests(w->arena, &w->set, d));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(INTERNAL_CREATOR), d->creator));
	if (d->credential.n)
		TRY(set_put_text(w->r, w->arena, &w->set, BYTES("@cd"), d->credential));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@at"), (uint64_t)w->now));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@du"), (uint64_t)d->due));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@ow"), OWN_OPEN));
out:
	return err;
}

err_t delivery_make(struct resources *r, const struct permit *system, struct arena *a, const struct delivery *d,
                    int64_t now, uint64_t *id)
{
	struct resource_work w;
	err_t err;

	if (!permit_covers(system, RIGHT_CREATE, 1))
		return ERR_REFUSED;
	own_start(&w, r, a, "m2m:dlv", now);
	w.row.expires = d->until;
	TRY(work_parent(&w, 1));
	TRY(fill(&w, d));
	TRY(own_insert(&w));
	*id = w.row.id;
out:
	return err;
}

err_t delivery_regather(struct resources *r, const struct permit *system, const struct delivery *d)
{
	struct own_change c;
	struct bytes had;
	err_t err;

	TRY(own_begin(r, system, d->id, &c));
	must(c.row.id != 0);
	had = c.row.body;
	TRY(put_requests(&c.arena, &c.set, d));
	TRY(put_until(r, &c.arena, &c.set, d->until));
	TRY(set_encode(r, &c.arena, &c.set, &c.row.body));
	TRY(account_change(r, had, c.row.body)); /* its creator asked for it */
	c.row.expires = d->until;
	err = store_update(r->store, &c.row);
out:
	own_end(&c);
	return err;
}

err_t delivery_due(struct resources *r, const struct permit *system, uint64_t id, int64_t due, uint64_t tries)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@du"), (uint64_t)due));
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@tr"), tries));
	if (set_uint(&c.set, BYTES("@ow"), 0))
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@ow"), OWN_CLOSED));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

err_t delivery_waits(struct resources *r, const struct permit *system, uint64_t id, uint64_t n)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@lf"), n));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

/* Its requests go; what was made here goes itself. The name of another stays taken: under it
 * it would be brought again [doc/decision/075-delivery.md]. */
static err_t empty(struct own_change *c, int64_t now)
{
	static const struct delivery nothing = { .n = 0 };
	int64_t known = now + DELIVERY_KNOWN_MS;

	if (set_uint(&c->set, BYTES("@ow"), 0))
		known = now;
	if (c->row.expires == 0 || c->row.expires > known)
		c->row.expires = known;
	return put_requests(&c->arena, &c->set, &nothing);
}

err_t delivery_done_one(struct resources *r, const struct permit *system, uint64_t id, int64_t now)
{
	struct own_change c;
	uint64_t left;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id || c.row.type != DELIVERY)
		goto out;
	left = set_uint(&c.set, BYTES("@lf"), 0);
	if (left <= 1)
		TRY(empty(&c, now));
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@lf"), left ? left - 1 : 0));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

err_t delivery_end(struct resources *r, const struct permit *system, uint64_t id, int64_t now)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	TRY(empty(&c, now));
	set_drop(&c.set, BYTES("@du"));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}
