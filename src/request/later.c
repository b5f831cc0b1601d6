/* later.c: when which request that is answered later is due, and taking it. */
#include "request/later_work.h"
#include "resource/delivery.h"

enum { PAGE_ROWS = 64, PENDING = 3, FORWARDED = 4 };

void later_free(struct later *l)
{
	mem_free(l->heap);
	*l = (struct later){ .heap = NULL };
}

int64_t later_next(const struct later *l)
{
	if (l->stale)
		return 0;
	return l->n ? l->heap[0].due : INT64_MAX;
}

/* --- the heap: every entry is due no earlier than the one above it ------------------ */

/* What is due at the same time is done in the order in which it was kept. */
static bool earlier(const struct later_entry *a, const struct later_entry *b)
{
	return a->due != b->due ? a->due < b->due : a->row < b->row;
}

static void swap(struct later_entry *a, struct later_entry *b)
{
	struct later_entry kept = *a;

	*a = *b;
	*b = kept;
}

static void sift_up(struct later *l, size_t at)
{
	while (at > 0 && earlier(&l->heap[at], &l->heap[(at - 1) / 2])) {
		swap(&l->heap[at], &l->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
}

static void sift_down(struct later *l)
{
	size_t at = 0;

	for (;;) {
		size_t least = at;

		for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < l->n; child++) {
			if (earlier(&l->heap[child], &l->heap[least]))
				least = child;
		}
		if (least == at)
			return;
		swap(&l->heap[at], &l->heap[least]);
		at = least;
	}
}

static uint64_t who_of(const struct later *l, struct bytes originator)
{
	return hash_bytes(&l->key, originator);
}

bool later_full(const struct later *l, struct bytes originator)
{
	uint64_t who = who_of(l, originator);
	size_t same = 0;

	for (size_t i = 0; i < l->n; i++)
		same += l->heap[i].who == who;
	return l->n >= LATER_MAX || same >= LATER_PER_ORIGINATOR;
}

err_t later_add(struct later *l, int64_t due, uint64_t row, struct bytes originator)
{
	size_t cap = l->cap ? 2 * l->cap : 64;
	struct later_entry *more;

	if (l->n == l->cap) {
		more = cap <= 2 * LATER_MAX ? mem_grow(l->heap, l->cap, cap, sizeof(*more)) : NULL;
		if (!more)
			return ERR_LIMIT;
		l->heap = more;
		l->cap = cap;
	}
	l->added = true;
	l->heap[l->n] = (struct later_entry){ due, row, who_of(l, originator) };
	sift_up(l, l->n++);
	return ERR_OK;
}

/* --- from the store ------------------------------------------------------------------ */

static bool number_of(const struct store_row *row, struct bytes key, uint64_t *out)
{
	struct cbor v;
	bool found;

	if (cbor_find(row->body, key, &v, &found) != ERR_OK || !found || v.kind != CBOR_UINT)
		return false;
	*out = v.u;
	return true;
}

static struct bytes value_of(const struct store_row *row, struct bytes key)
{
	struct cbor v;
	bool found;

	if (cbor_find(row->body, key, &v, &found) != ERR_OK || !found)
		return BYTES_NONE;
	return v.kind == CBOR_TEXT || v.kind == CBOR_BYTES ? v.s : v.raw;
}

bool later_is_undone(const struct store_row *row, uint64_t rs)
{
	return rs == PENDING || (rs == FORWARDED && value_of(row, BYTES("@rq")).n > 0);
}

/* Something is left to be done with it. */
static bool is_open(const struct store_row *row)
{
	uint64_t rs = 0;

	if (row && row->type == TYPE_GROUP)
		return number_of(row, BYTES("@nx"), &rs);
	if (row && row->type == DELIVERY)
		return number_of(row, BYTES("@du"), &rs);
	return row && row->type == TYPE_REQUEST && number_of(row, BYTES("rs"), &rs) &&
	       (later_is_undone(row, rs) || value_of(row, BYTES("@nu")).n > 0);
}

static err_t reload_row(struct request_room *room, uint64_t id)
{
	const struct store_row *row;
	uint64_t due;
	err_t err;

	TRY(store_get(room->store, id, &row));
	if (is_open(row) && number_of(row, BYTES("@du"), &due))
		TRY(later_add(&room->later, (int64_t)due, id, value_of(row, BYTES("@cr"))));
out:
	return err;
}

static err_t reload_type(struct request_room *room, uint32_t type)
{
	struct store_scan scan = { .parent = 1, .type = type, .limit = PAGE_ROWS };
	uint64_t ids[PAGE_ROWS];
	size_t n;
	err_t err;

	do {
		TRY(store_children(room->store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++)
			TRY(reload_row(room, ids[i]));
		if (n)
			scan.after = ids[n - 1];
	} while (n == PAGE_ROWS);
out:
	return err;
}

err_t later_reload(struct request_room *room)
{
	err_t err;

	room->later.n = 0;
	TRY(reload_type(room, TYPE_REQUEST));
	TRY(reload_type(room, DELIVERY));
	room->later.stale = false;
out:
	return err;
}

static err_t arrive(const struct store_row *row, int64_t now, struct buf *primitive,
                    struct request_arrival *in)
{
	struct bytes address = value_of(row, BYTES("@ad"));
	uint64_t at = 0;
	err_t err;

	*in = (struct request_arrival){ .now = now, .deferred = row->id };
	if (!number_of(row, BYTES("@at"), &at))
		return ERR_TAMPERED;
	in->memo.arrived = (int64_t)at;
	TRY(bytes_put(in->address, sizeof(in->address), address));
	in->address_n = (unsigned)address.n;
	buf_clear(primitive);
	TRY(buf_add(primitive, value_of(row, BYTES("@rq"))));
	in->primitive = bytes_of_buf(primitive);
out:
	return err;
}

err_t later_take(struct request_room *room, int64_t now, struct buf *primitive,
                 struct request_arrival *in, bool *found)
{
	struct later *l = &room->later;
	const struct store_row *row;
	uint64_t due;
	err_t err = ERR_OK;

	*found = false;
	if (l->stale)
		TRY(later_reload(room));
	while (!*found && l->n && l->heap[0].due <= now) {
		uint64_t id = l->heap[0].row;

		l->heap[0] = l->heap[--l->n];
		sift_down(l);
		TRY(store_get(room->store, id, &row));
		/* One whose time has not come has an entry of its own. */
		if (!is_open(row) || (number_of(row, BYTES("@du"), &due) && due > (uint64_t)now))
			continue;
		/* One that cannot be read arrives without a primitive, and comes to an end as failed. */
		err = arrive(row, now, primitive, in);
		TRY(err == ERR_MEMORY ? err : ERR_OK);
		if (err != ERR_OK)
			*in = (struct request_arrival){ .now = now, .deferred = id };
		*found = true;
	}
out:
	return err;
}
