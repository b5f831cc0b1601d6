/* records.c: audit records inside and outside. */
#include "cli/records.h"

enum how { AS_IT_IS, HEX };

static const struct member {
	struct bytes inside, outside;
	enum how how;
} members[] = {
#define MEMBER(in, out, how) { { (const uint8_t *)in, sizeof(in) - 1 }, { (const uint8_t *)out, sizeof(out) - 1 }, how }
	MEMBER("n", "n", AS_IT_IS),           MEMBER("h", "hash", HEX),
	MEMBER("k", "kind", AS_IT_IS),        MEMBER("t", "at", AS_IT_IS),
	MEMBER("as", "association", AS_IT_IS), MEMBER("cr", "credential", AS_IT_IS),
	MEMBER("dg", "digest", HEX),          MEMBER("fr", "from", AS_IT_IS),
	MEMBER("id", "resource", AS_IT_IS),   MEMBER("op", "operation", AS_IT_IS),
	MEMBER("ru", "rule", AS_IT_IS),       MEMBER("to", "to", AS_IT_IS),
	MEMBER("tx", "text", AS_IT_IS),       MEMBER("vn", "version", AS_IT_IS),
	MEMBER("rqi", "rqi", AS_IT_IS),       MEMBER("rsc", "rsc", AS_IT_IS),
#undef MEMBER
};

static const char *const kinds[] = { "", "start", "stop", "decision", "change", "association",
	                             "admin", "keeper", "anchor", NULL };
static const char *const operations[] = { "", "create", "retrieve", "update", "delete", "notify", NULL };

const struct column record_columns[] = {
	{ "n", "N", COLUMN_PLAIN, NULL },          { "at", "TIME", COLUMN_TIME, NULL },
	{ "kind", "KIND", COLUMN_NAMED, kinds },   { "rsc", "RSC", COLUMN_PLAIN, NULL },
	{ "from", "FROM", COLUMN_PLAIN, NULL },    { "operation", "DOES", COLUMN_NAMED, operations },
	{ "to", "TO", COLUMN_PLAIN, NULL },        { "rule", "RULE", COLUMN_PLAIN, NULL },
	{ "text", "TEXT", COLUMN_PLAIN, NULL },
};
const size_t record_columns_n = COUNT_OF(record_columns);

static const struct member *member_of(struct bytes name, bool inside)
{
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		if (bytes_equal(name, inside ? members[i].inside : members[i].outside))
			return &members[i];
	}
	return NULL;
}

/* A value on its way out or in, appended to `values`. */
static err_t put_value(const struct member *m, const struct cbor *v, bool outward, struct buf *values)
{
	uint8_t raw[256];
	char text[2 * sizeof(raw) + 1];
	err_t err;

	if (m->how == AS_IT_IS)
		return buf_add(values, v->raw);
	if (v->kind != (outward ? CBOR_BYTES : CBOR_TEXT) || v->s.n > (outward ? sizeof(raw) : sizeof(text) - 1) ||
	    (!outward && v->s.n % 2))
		return ERR_SYNTAX;
	if (outward) {
		bytes_to_hex(v->s, text, sizeof(text));
		return cbor_put_text(values, bytes_str(text));
	}
	TRY(bytes_from_hex(v->s, raw, v->s.n / 2));
	err = cbor_put_bytes(values, bytes_make(raw, v->s.n / 2));
out:
	return err;
}

struct rename {
	struct buf values;
	struct cbor_member members[COUNT_OF(members)];
	size_t at[COUNT_OF(members) + 1], n;
};

static err_t rename_one(struct rename *r, struct bytes key, const struct cbor *v, bool outward)
{
	const struct member *m = member_of(key, outward);

	if (!m || r->n == COUNT_OF(members))
		return ERR_SYNTAX;
	r->members[r->n].key = outward ? m->outside : m->inside;
	r->at[r->n++] = r->values.n;
	return put_value(m, v, outward, &r->values);
}

static err_t finish(struct rename *r, struct buf *out)
{
	r->at[r->n] = r->values.n;
	for (size_t i = 0; i < r->n; i++)
		r->members[i].value = bytes_sub(bytes_of_buf(&r->values), r->at[i], r->at[i + 1] - r->at[i]);
	return cbor_put_members(out, r->members, r->n);
}

typedef err_t take_fn(struct rename *r, struct bytes key, const struct cbor *v, void *self);

static err_t walk(struct bytes map, struct rename *r, take_fn *take, void *self)
{
	struct cbor whole, v;
	struct bytes key;
	bool found;
	err_t err;

	TRY(cbor_read(map, &whole));
	if (whole.kind != CBOR_MAP)
		return ERR_SYNTAX;
	for (;;) {
		TRY(cbor_pair(&whole.s, &key, &v, &found));
		if (!found)
			return ERR_OK;
		TRY(take(r, key, &v, self));
	}
out:
	return err;
}

static err_t take_outward(struct rename *r, struct bytes key, const struct cbor *v, void *self)
{
	return rename_one(r, key, v, true);
}

err_t record_outward(struct bytes map, struct buf *out)
{
	struct rename r = { .values = buf_make(1 << 20) };
	err_t err;

	TRY(walk(map, &r, take_outward, NULL));
	err = finish(&r, out);
out:
	buf_free(&r.values);
	return err;
}

/* What stands beside the record: its place in the chain. */
struct place {
	uint64_t number;
	uint8_t *hash;
	bool has_number, has_hash;
};

static err_t take_inward(struct rename *r, struct bytes key, const struct cbor *v, void *self)
{
	struct place *p = self;

	if (bytes_equal(key, BYTES("n"))) {
		p->number = v->u;
		p->has_number = v->kind == CBOR_UINT;
		return p->has_number ? ERR_OK : ERR_SYNTAX;
	}
	if (bytes_equal(key, BYTES("hash"))) {
		p->has_hash = v->kind == CBOR_TEXT && bytes_from_hex(v->s, p->hash, RECORD_HASH) == ERR_OK;
		return p->has_hash ? ERR_OK : ERR_SYNTAX;
	}
	return rename_one(r, key, v, false);
}

err_t record_inward(struct bytes map, uint64_t *number, uint8_t hash[RECORD_HASH], struct buf *record)
{
	struct rename r = { .values = buf_make(1 << 20) };
	struct place place = { .hash = hash };
	err_t err;

	TRY(walk(map, &r, take_inward, &place));
	if (!place.has_number || !place.has_hash)
		TRY(ERR_SYNTAX);
	*number = place.number;
	err = finish(&r, record);
out:
	buf_free(&r.values);
	return err;
}
