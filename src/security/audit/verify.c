/* verify.c: reading the chain again: for the judge, for lists and exports. */
#include "security/audit/inner.h"

struct check {
	struct audit_verdict *verdict;
	uint8_t hash[HASH];  /* of the record before */
	uint64_t anchor;
	const uint8_t *anchor_hash;
};

/* "<before> <number> <after>" is what is wrong. */
static err_t say(struct check *c, uint64_t number, const char *before, const char *after)
{
	struct buf text = buf_make(2 * sizeof(c->verdict->what));
	err_t err;

	c->verdict->first_bad = number;
	TRY(buf_printf(&text, "%s %llu %s", before, (unsigned long long)number, after));
	TRY(bytes_put_str(c->verdict->what, sizeof(c->verdict->what), bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err == ERR_OK ? ERR_TAMPERED : err;
}

static err_t check_record(void *self, uint64_t number, struct bytes stored)
{
	struct check *c = self;
	struct bytes hash, record;
	uint8_t wanted[HASH];

	if (!stored.p)
		return say(c, number, "record", "is missing");
	if (chain_split(stored, &hash, &record) != ERR_OK)
		return say(c, number, "record", "was edited: its seal is broken");
	chain_next(c->hash, record, wanted);
	if (!bytes_equal(hash, BYTES_OF(wanted)))
		return say(c, number, "record", "does not follow from the one before");
	if (number == c->anchor && !bytes_equal(hash, bytes_make(c->anchor_hash, HASH)))
		return say(c, number, "record", "is not the one that was anchored");
	if (number == c->anchor)
		c->verdict->anchor_agrees = true;
	bytes_copy(c->hash, hash.p, HASH);
	c->verdict->records = number;
	return ERR_OK;
}

err_t audit_verify(struct audit *a, uint64_t anchor_number, const uint8_t anchor_hash[32],
                   struct audit_verdict *out)
{
	struct check c = { .verdict = out, .anchor = anchor_number, .anchor_hash = anchor_hash };
	err_t err;

	*out = (struct audit_verdict){ .anchored = anchor_number, .anchor_agrees = anchor_number == 0 };
	err = store_log_walk(a->store, STORE_AUDIT, 1, SIZE_MAX, check_record, &c);
	if (err == ERR_OK && out->records < anchor_number)
		err = say(&c, out->records + 1, "records from", "on are cut off: later ones were anchored");
	return err == ERR_TAMPERED && out->first_bad ? ERR_OK : err;
}

/* --- listing ---------------------------------------------------------------------- */

struct listing {
	struct buf map;
	err_t (*each)(void *self, struct bytes cbor_map);
	void *self;
};

enum { MEMBERS_MAX = 32 };

/* h and n go in front of the record's own members. */
static err_t list_members(struct listing *l, uint64_t number, struct bytes hash, struct bytes record)
{
	struct cbor_member members[MEMBERS_MAX];
	struct buf h = buf_make(64), n = buf_make(16);
	struct cbor map;
	struct bytes content;
	size_t count = 0;
	err_t err;

	TRY(cbor_put_bytes(&h, hash));
	TRY(cbor_put_uint(&n, number));
	TRY(cbor_read(record, &map));
	if (map.kind != CBOR_MAP)
		return ERR_TAMPERED;
	members[count++] = (struct cbor_member){ BYTES("h"), bytes_of_buf(&h) };
	members[count++] = (struct cbor_member){ BYTES("n"), bytes_of_buf(&n) };
	for (content = map.s; content.n > 0 && count < MEMBERS_MAX;) {
		struct cbor value;
		bool found;

		TRY(cbor_pair(&content, &members[count].key, &value, &found));
		members[count++].value = value.raw;
	}
	buf_clear(&l->map);
	TRY(cbor_put_members(&l->map, members, count));
out:
	buf_free(&h);
	buf_free(&n);
	return err;
}

static err_t list_record(void *self, uint64_t number, struct bytes stored)
{
	struct listing *l = self;
	struct bytes hash, record;
	err_t err;

	TRY(chain_split(stored, &hash, &record));
	TRY(list_members(l, number, hash, record));
	TRY(l->each(l->self, bytes_of_buf(&l->map)));
out:
	return err;
}

err_t audit_walk(struct audit *a, uint64_t from, size_t limit,
                 err_t (*each)(void *self, struct bytes cbor_map), void *self)
{
	struct listing l = { buf_make(RECORD_MAX + 128), each, self };
	err_t err = store_log_walk(a->store, STORE_AUDIT, from, limit, list_record, &l);

	buf_free(&l.map);
	return err;
}
