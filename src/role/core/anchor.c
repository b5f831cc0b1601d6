/* anchor.c: the end of the audit chain, kept by the keeper where an older copy
 * of the store cannot reach it [T2 T3]. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

enum { NOTHING = 0 };

struct chain_end {
	bool found;
	uint8_t hash[32];
};

static err_t take_hash(void *self, struct bytes map)
{
	struct chain_end *end = self;
	struct cbor h;
	bool found;
	err_t err;

	TRY(cbor_find(map, BYTES("h"), &h, &found));
	if (found && h.s.n == sizeof(end->hash)) {
		bytes_copy(end->hash, h.s.p, h.s.n);
		end->found = true;
	}
out:
	return err;
}

static err_t say_rollback(struct core *c, const char *what)
{
	struct audit_record record = { .kind = AUDIT_ANCHOR, .at = c->now,
		                       .text = bytes_str(what) };

	c->rollback = true;
	log_event(LOG_ERROR, "ROLLBACK", "%s; changes are refused", what);
	return batch_record(c, &record);
}

err_t anchor_is_here(struct core *c, const struct keeper_anchor *anchor, bool *is)
{
	struct chain_end end = { .found = false };
	err_t err;

	TRY(audit_walk(c->room.audit, anchor->sequence, 1, take_hash, &end));
	*is = end.found && bytes_equal(BYTES_OF(end.hash), BYTES_OF(anchor->hash));
out:
	return err;
}

err_t anchor_compare(struct core *c)
{
	struct keeper_anchor anchor;
	bool is;
	uint8_t head_hash[32];
	uint64_t head;
	err_t err;

	TRY(keeper_anchor_read(&c->keeper, &anchor));
	c->anchored = anchor.sequence;
	if (anchor.sequence == NOTHING)
		goto out;
	audit_head(c->room.audit, &head, head_hash);
	if (head < anchor.sequence)
		return say_rollback(c, "the audit log is shorter than its anchor");
	TRY(anchor_is_here(c, &anchor, &is));
	if (!is)
		err = say_rollback(c, "the audit log differs from its anchor");
out:
	return err;
}

/* For `holdfast audit verify` when the keeper is away: the last receipt. */
static err_t keep_receipt(struct core *c, const struct keeper_anchor *anchor)
{
	struct buf value = buf_make(256);
	struct wire_out out = wire_out(&value);
	err_t err;

	wire_put_u64(&out, anchor->sequence);
	wire_put_fixed(&out, BYTES_OF(anchor->hash));
	wire_put_u64(&out, (uint64_t)anchor->at);
	wire_put_bytes(&out, bytes_make(anchor->signature, anchor->signature_n));
	TRY(out.err);
	TRY(batch_begin(c));
	TRY(store_record_put(c->store, STORE_NODE, BYTES("anchor"), bytes_of_buf(&value)));
out:
	buf_free(&value);
	return err;
}

static bool is_due(const struct core *c, bool now)
{
	return now || c->batches_since_anchor >= CORE_ANCHOR_BATCHES ||
	       clock_steady() - c->anchored_at >= CORE_TICK_MS;
}

static bool can_anchor(const struct core *c)
{
	return c->open && c->anchors && !c->rollback && c->keeper_up;
}

err_t anchor_signed(struct core *c, struct keeper_anchor *out)
{
	uint8_t hash[32];
	uint64_t head;
	err_t err;

	if (!can_anchor(c))
		return ERR_MISSING;
	c->anchored_at = clock_steady();
	audit_head(c->room.audit, &head, hash);
	TRY(keeper_anchor(&c->keeper, head, hash, out));
	c->anchored = head;
	c->batches_since_anchor = 0;
	TRY(keep_receipt(c, out));
out:
	if (err == ERR_ROLLBACK)
		err = say_rollback(c, "the keeper has a later anchor");
	if (err != ERR_OK)
		log_event(LOG_ERROR, "not anchored", "why=%s", err_text(err));
	return err;
}

void anchor_when_due(struct core *c, bool now)
{
	struct keeper_anchor anchor;
	uint8_t hash[32];
	uint64_t head;

	if (!can_anchor(c) || !is_due(c, now))
		return;
	audit_head(c->room.audit, &head, hash); /* of what is durable */
	if (head == c->anchored)
		c->anchored_at = clock_steady();
	else
		(void)!anchor_signed(c, &anchor); /* it says why not */
}
