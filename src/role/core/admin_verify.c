/* admin_verify.c: is the audit log whole, and is the store what it says?
 *
 * A seal shows that a row was written by this node; it does not show that it is
 * the last one written. The audit log has the version and the digest of each
 * row that a request changed: an older row put back, and a row that comes back
 * after its deletion, are found here [T3 T8]. What a row became as a side effect
 * of its children (counters of a container) is younger than its last record. */
#include "role/core/core.h"

err_t admin_audit_verify(struct admin *a)
{
	struct keeper_anchor anchor;
	struct audit_verdict v;
	struct row r = row_begin();
	err_t err;

	TRY(wire_done(&a->in));
	TRY(keeper_anchor_read(&a->core->keeper, &anchor));
	TRY(audit_verify(a->core->room.audit, a->core->anchors ? anchor.sequence : 0,
	                 anchor.hash, &v));
	row_uint(&r, "records", v.records);
	row_uint(&r, "first_bad", v.first_bad);
	row_text(&r, "what", bytes_str(v.what));
	row_uint(&r, "anchored", v.anchored);
	row_bool(&r, "anchor_agrees", v.anchor_agrees);
	if (v.first_bad || !v.anchor_agrees)
		admin_say(a, "the audit log does NOT verify");
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}

/* --- rows against records --------------------------------------------------------- */

struct comparison {
	struct store *store;
	uint64_t compared, first_bad;
	const char *what;
};

static uint64_t number_of(struct bytes map, struct bytes key)
{
	struct cbor value;
	bool found;

	return cbor_find(map, key, &value, &found) == ERR_OK && found && value.kind == CBOR_UINT
	               ? value.u : 0;
}

static const char *fault_of(const struct store_row *row, struct bytes map)
{
	uint64_t version = number_of(map, BYTES("vn"));
	uint8_t digest[32];
	struct cbor value;
	bool found;

	if (number_of(map, BYTES("op")) == OPERATION_DELETE)
		return row ? "a deleted row is there again" : NULL;
	if (!row)
		return NULL; /* deleted since, with its parent or by expiry */
	if (row->version < version)
		return "an older row was put back";
	if (row->version > version || cbor_find(map, BYTES("dg"), &value, &found) != ERR_OK ||
	    !found)
		return NULL;
	store_digest(row->body, digest);
	return bytes_equal(value.s, BYTES_OF(digest)) ? NULL : "a row is not what was recorded";
}

static err_t compare_one(void *self, struct bytes map)
{
	struct comparison *c = self;
	uint64_t id = number_of(map, BYTES("id"));
	const struct store_row *row;
	const char *fault;
	err_t err;

	if (id == 0)
		return ERR_OK;
	err = store_get(c->store, id, &row);
	if (err != ERR_OK && err != ERR_TAMPERED)
		return err;
	fault = err == ERR_TAMPERED ? "the seal of a row is broken" : fault_of(row, map);
	c->compared++;
	if (fault && !c->first_bad) {
		c->first_bad = id;
		c->what = fault;
	}
	return ERR_OK;
}

err_t admin_store_verify(struct admin *a)
{
	struct comparison c = { .store = a->core->store, .what = "" };
	struct row r = row_begin();
	uint64_t rows = 0;
	err_t err;

	TRY(wire_done(&a->in));
	TRY(store_verify(a->core->store, &c.first_bad, NULL, NULL));
	if (c.first_bad)
		c.what = "the seal of a row is broken";
	TRY(store_count(a->core->store, &rows));
	TRY(audit_walk(a->core->room.audit, 1, SIZE_MAX, compare_one, &c));
	row_uint(&r, "rows", rows);
	row_uint(&r, "compared", c.compared);
	row_uint(&r, "first_bad", c.first_bad);
	row_text(&r, "what", bytes_str(c.what));
	if (c.first_bad)
		admin_say(a, c.what);
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}
