/* compare.c: a receipt of this keeper, signed here or by a copy of it [CM5 CM10].
 *
 * Whatever this keeper ever signed as the end of the audit chain is in the log here. A
 * receipt that says otherwise comes from another keeper with the same keys: two copies of a
 * key store that went on by themselves, or this one is the older one of them. Nothing is
 * stopped, because nobody here knows which of the two is the node (decision 061). */
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/core/core.h"

enum { SIGNATURE_MAX = 80, POINT = 65 };

static err_t check_signed(const uint8_t key[POINT], const struct keeper_anchor *r)
{
	uint8_t message[ANCHOR_MESSAGE];

	keeper_anchor_message(r, message);
	return crypt_p256_verify(key, BYTES_OF(message), bytes_make(r->signature, r->signature_n));
}

static err_t take_receipt(struct wire_in *in, uint8_t key[POINT], struct keeper_anchor *out)
{
	struct bytes point = wire_get_fixed(in, POINT), hash, signature;
	err_t err;

	*out = (struct keeper_anchor){ .sequence = wire_get_u64(in) };
	hash = wire_get_fixed(in, sizeof(out->hash));
	out->at = (int64_t)wire_get_u64(in);
	signature = wire_get_bytes(in, SIGNATURE_MAX);
	TRY(wire_done(in));
	TRY(out->sequence ? ERR_OK : ERR_RANGE);
	bytes_copy(key, point.p, point.n);
	bytes_copy(out->hash, hash.p, hash.n);
	bytes_copy(out->signature, signature.p, signature.n);
	out->signature_n = signature.n;
out:
	return err;
}

/* Says why a receipt is none of this keeper. */
static err_t check_receipt(struct admin *a, const uint8_t key[POINT], const struct keeper_anchor *r)
{
	struct keeper_anchor own;
	err_t err;

	TRY(keeper_anchor_read(&a->core->keeper, &own));
	if (own.sequence == 0 || check_signed(key, &own) != ERR_OK) {
		admin_say(a, "the receipt is by another key than this keeper's of today");
		return ERR_TYPE;
	}
	if (check_signed(key, r) != ERR_OK) {
		admin_say(a, "the receipt is not signed by this keeper");
		return ERR_TAMPERED;
	}
out:
	return err;
}

/* An alarm: in the record, the log, and `status`. */
static err_t alarm(struct core *c, uint64_t sequence, const char *how)
{
	struct audit_record record = { .kind = AUDIT_KEEPER, .at = c->now, .rule = BYTES("copies compared") };
	struct buf text = buf_make(256);
	err_t err;

	c->copied = true;
	log_event(LOG_ERROR, "key store copied", "a receipt of record %llu %s", (unsigned long long)sequence, how);
	TRY(buf_printf(&text, "another keeper uses a copy of this key store: its receipt of record %llu %s",
	               (unsigned long long)sequence, how));
	record.text = bytes_of_buf(&text);
	err = audit_append(c->room.audit, &record); /* in the command's own mark */
out:
	buf_free(&text);
	return err;
}

err_t admin_compare(struct admin *a)
{
	struct core *c = a->core;
	struct keeper_anchor receipt;
	const char *how = NULL;
	uint8_t key[POINT], hash[32];
	struct row r = row_begin();
	bool same = false;
	uint64_t head;
	err_t err;

	TRY(take_receipt(&a->in, key, &receipt));
	TRY(check_receipt(a, key, &receipt));
	audit_head(c->room.audit, &head, hash);
	if (receipt.sequence > head)
		how = "is of one that this node does not have";
	else
		TRY(anchor_is_here(c, &receipt, &same));
	if (!how && !same)
		how = "is of another one than this node has";
	if (how)
		TRY(alarm(c, receipt.sequence, how));
	row_bool(&r, "one_history", !how);
	row_uint(&r, "record", receipt.sequence);
	row_uint(&r, "at", (uint64_t)receipt.at);
	row_uint(&r, "records_here", head);
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}
