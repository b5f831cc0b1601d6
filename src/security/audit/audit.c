/* audit.c: appending to the chain. */
#include "security/audit/inner.h"

#include "base/clock.h"

void chain_next(const uint8_t before[HASH], struct bytes record, uint8_t out[HASH])
{
	crypt_sha256_two(bytes_make(before, HASH), record, out);
}

err_t chain_split(struct bytes stored, struct bytes *hash, struct bytes *record)
{
	if (stored.n <= HASH)
		return ERR_TAMPERED;
	*hash = bytes_sub(stored, 0, HASH);
	*record = bytes_sub(stored, HASH, stored.n);
	return ERR_OK;
}

/* --- encoding ------------------------------------------------------------------- */

/* The members, in canonical order: shorter keys first, then by octets. */
enum { MEMBERS = 14 };

struct member {
	struct bytes key;
	enum { NUMBER, TEXT, OCTETS } how;
	uint64_t number;
	struct bytes octets;
};

static bool is_absent(const struct member *m)
{
	return m->how == NUMBER ? m->number == 0 : m->octets.n == 0;
}

static err_t put_member(struct buf *out, const struct member *m)
{
	err_t err;

	TRY(cbor_put_text(out, m->key));
	if (m->how == NUMBER)
		TRY(cbor_put_uint(out, m->number));
	else if (m->how == TEXT && bytes_is_utf8(m->octets))
		TRY(cbor_put_text(out, m->octets));
	else
		TRY(cbor_put_bytes(out, m->octets));
out:
	return err;
}

err_t audit_encode(const struct audit_record *r, struct buf *out)
{
	const struct member members[MEMBERS] = {
		{ .key = BYTES("k"), .number = r->kind },
		{ .key = BYTES("t"), .number = r->at > 0 ? (uint64_t)r->at : 0 },
		{ .key = BYTES("as"), .number = r->association },
		{ .key = BYTES("cr"), .how = TEXT, .octets = r->credential },
		{ .key = BYTES("dg"), .how = OCTETS, .octets = r->digest },
		{ .key = BYTES("fr"), .how = TEXT, .octets = r->originator },
		{ .key = BYTES("id"), .number = r->resource },
		{ .key = BYTES("op"), .number = r->operation },
		{ .key = BYTES("ru"), .how = TEXT, .octets = r->rule },
		{ .key = BYTES("to"), .how = TEXT, .octets = r->target },
		{ .key = BYTES("tx"), .how = TEXT, .octets = r->text },
		{ .key = BYTES("vn"), .number = r->version },
		{ .key = BYTES("rqi"), .how = TEXT, .octets = r->request },
		{ .key = BYTES("rsc"), .number = r->status },
	};
	size_t start = out->n, n = 0;
	err_t err;

	for (size_t i = 0; i < MEMBERS; i++)
		n += !is_absent(&members[i]);
	TRY(cbor_put_map(out, n));
	for (size_t i = 0; i < MEMBERS; i++)
		if (!is_absent(&members[i]))
			TRY(put_member(out, &members[i]));
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}

/* --- opening ---------------------------------------------------------------------- */

struct tail {
	struct head *head;
	bool any; /* the one before the last was seen */
};

/* The last two records: the last must follow from the one before. */
static err_t read_tail(void *self, uint64_t number, struct bytes stored)
{
	struct tail *t = self;
	struct bytes hash, record;
	uint8_t wanted[HASH];
	err_t err;

	TRY(chain_split(stored, &hash, &record));
	must(hash.p != NULL && hash.n == HASH);
	if (t->any || number == 1) {
		chain_next(t->head->hash, record, wanted);
		if (!bytes_equal(hash, BYTES_OF(wanted)))
			return ERR_TAMPERED;
	}
	bytes_copy(t->head->hash, hash.p, HASH);
	t->head->number = number;
	t->any = true;
out:
	return err;
}

err_t audit_open(struct store *s, struct audit **out)
{
	struct audit *a = mem_new(1, sizeof(*a));
	struct tail tail = { 0 };
	uint64_t last;
	err_t err = ERR_MEMORY;

	*out = NULL;
	if (!a)
		goto out;
	a->store = s;
	a->record = buf_make(HASH + RECORD_MAX);
	tail.head = &a->now;
	TRY(store_log_last(s, STORE_AUDIT, &last));
	if (last > 0)
		TRY(store_log_walk(s, STORE_AUDIT, last > 1 ? last - 1 : 1, 2, read_tail, &tail));
	if (a->now.number != last)
		err = ERR_TAMPERED;
	if (err != ERR_OK)
		goto out;
	a->settled = a->marked = a->now;
	*out = a;
	a = NULL;
out:
	audit_close(a);
	return err;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	buf_free(&a->record);
	mem_free(a);
}

/* --- appending -------------------------------------------------------------------- */

err_t audit_append(struct audit *a, const struct audit_record *record)
{
	struct audit_record r = *record;
	uint8_t hash[HASH] = { 0 };
	uint64_t number;
	err_t err;

	if (r.at == 0)
		r.at = clock_now();
	/* Whoever undoes the store undoes the chain as well. */
	TRY(store_log_last(a->store, STORE_AUDIT, &number));
	if (number != a->now.number)
		return ERR_BAD_STATE;
	buf_clear(&a->record);
	TRY(buf_add(&a->record, BYTES_OF(hash)));
	TRY(audit_encode(&r, &a->record));
	chain_next(a->now.hash, bytes_sub(bytes_of_buf(&a->record), HASH, a->record.n), hash);
	bytes_copy(a->record.p, hash, HASH);
	TRY(store_log_append(a->store, STORE_AUDIT, bytes_of_buf(&a->record), &number));
	a->now.number = number;
	bytes_copy(a->now.hash, hash, HASH);
out:
	return err;
}

void audit_mark(struct audit *a)
{
	a->marked = a->now;
}

void audit_undo_to_mark(struct audit *a)
{
	a->now = a->marked;
}

void audit_settle(struct audit *a, bool committed)
{
	if (committed)
		a->settled = a->now;
	else
		a->now = a->settled;
	a->marked = a->now;
}

uint64_t audit_since_mark(const struct audit *a)
{
	return a->now.number - a->marked.number;
}

void audit_head(const struct audit *a, uint64_t *number, uint8_t hash[32])
{
	*number = a->settled.number;
	bytes_copy(hash, a->settled.hash, HASH);
}
