/* revoked.c: serial numbers of certificates that are revoked, until they would have
 * ended anyway: a credential's record may make way for another, this stays. */
#include "security/enrolment/inner.h"

#include "wire/wire.h"

static bool is_known(const uint8_t serial[SERIAL])
{
	uint8_t any = 0;

	for (size_t i = 0; i < SERIAL; i++)
		any |= serial[i];
	return any != 0;
}

err_t revoked_add(struct store *s, const uint8_t serial[SERIAL], int64_t now, int64_t not_after)
{
	struct buf key = buf_make(ENROLMENT_KEY_MAX), record = buf_make(16);
	struct wire_out w = wire_out(&record);
	err_t err = ERR_OK;

	if (!is_known(serial))
		goto out;
	wire_put_u64(&w, (uint64_t)now);
	wire_put_u64(&w, (uint64_t)not_after);
	TRY(w.err);
	TRY(buf_add(&key, BYTES("r/")));
	TRY(buf_add(&key, bytes_make(serial, SERIAL)));
	TRY(store_record_put(s, STORE_ENROLMENT, bytes_of_buf(&key), bytes_of_buf(&record)));
out:
	buf_free(&key);
	buf_free(&record);
	return err;
}

struct gather {
	int64_t now;
	struct buf *out;
};

static err_t gather_one(void *self, struct bytes key, struct bytes value)
{
	const struct gather *g = self;
	struct wire_in in = wire_in(value);
	uint64_t since, not_after;
	struct wire_out w = wire_out(g->out);
	err_t err;

	if (!bytes_starts(key, BYTES("r/")))
		return ERR_OK;
	since = wire_get_u64(&in);
	not_after = wire_get_u64(&in);
	TRY(wire_done(&in));
	if (key.n != 2 + SERIAL)
		return ERR_TAMPERED;
	if ((int64_t)not_after <= g->now)
		return ERR_OK;
	wire_put_fixed(&w, bytes_sub(key, 2, SERIAL));
	wire_put_u64(&w, since);
	err = w.err;
out:
	return err;
}

err_t revoked_gather(struct store *s, int64_t now, struct buf *out)
{
	struct gather g = { now, out };

	return store_record_walk(s, STORE_ENROLMENT, gather_one, &g);
}
