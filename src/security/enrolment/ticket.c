/* ticket.c: claim tickets: their record, and what an operator does with them. */
#include "security/enrolment/inner.h"

#include "wire/wire.h"

enum { VERSION = 1, RECORD_MAX = 1024, RECORD_ARENA = 4096 };

/* --- the record ----------------------------------------------------------------------- */

static err_t key_of(struct bytes id, struct buf *key)
{
	err_t err;

	TRY(buf_add(key, BYTES("t/")));
	TRY(buf_add(key, id));
out:
	return err;
}

err_t ticket_write(struct store *s, const struct ticket *t)
{
	struct buf key = buf_make(ENROLMENT_KEY_MAX), record = buf_make(RECORD_MAX);
	struct wire_out w = wire_out(&record);
	err_t err;

	wire_put_u8(&w, VERSION);
	wire_put_u8(&w, (uint8_t)t->state);
	wire_put_u8(&w, (uint8_t)t->kind);
	wire_put_fixed(&w, BYTES_OF(t->digest));
	wire_put_bytes(&w, bytes_str(t->pattern));
	wire_put_bytes(&w, bytes_str(t->app_id));
	wire_put_u8(&w, (uint8_t)t->protection);
	wire_put_u32(&w, t->days);
	wire_put_u32(&w, t->uses);
	wire_put_u32(&w, t->used);
	wire_put_u32(&w, t->wrong);
	wire_put_u64(&w, (uint64_t)t->created);
	wire_put_u64(&w, (uint64_t)t->until);
	TRY(w.err);
	TRY(key_of(bytes_str(t->id), &key));
	TRY(store_record_put(s, STORE_ENROLMENT, bytes_of_buf(&key), bytes_of_buf(&record)));
out:
	buf_free(&key);
	buf_free(&record);
	return err;
}

/* A record that is not ours in every octet is nobody's. */
static err_t read_record(struct bytes id, struct bytes record, struct ticket *out)
{
	struct wire_in in = wire_in(record);
	struct bytes digest;
	unsigned version = wire_get_u8(&in);
	err_t err;

	*out = (struct ticket){ .state = (enum ticket_state)wire_get_u8(&in) };
	out->kind = (enum ticket_kind)wire_get_u8(&in);
	digest = wire_get_fixed(&in, sizeof(out->digest));
	TRY(bytes_put_str(out->pattern, sizeof(out->pattern), wire_get_bytes(&in, FACT_ID_MAX - 1)));
	TRY(bytes_put_str(out->app_id, sizeof(out->app_id), wire_get_bytes(&in, FACT_ID_MAX - 1)));
	out->protection = wire_get_u8(&in);
	out->days = wire_get_u32(&in);
	out->uses = wire_get_u32(&in);
	out->used = wire_get_u32(&in);
	out->wrong = wire_get_u32(&in);
	out->created = (int64_t)wire_get_u64(&in);
	out->until = (int64_t)wire_get_u64(&in);
	TRY(wire_done(&in));
	if (version != VERSION || out->state > TICKET_GUESSED || out->kind > TICKET_SUBSCRIBER)
		return ERR_TAMPERED;
	bytes_copy(out->digest, digest.p, digest.n);
	TRY(bytes_put_str(out->id, sizeof(out->id), id));
out:
	return err == ERR_OK ? ERR_OK : ERR_TAMPERED;
}

err_t ticket_read(struct store *s, struct bytes id, struct ticket *out, bool *found)
{
	struct buf key = buf_make(ENROLMENT_KEY_MAX);
	struct arena arena;
	struct bytes record;
	err_t err;

	*found = false;
	arena_init(&arena, RECORD_ARENA);
	if (id.n != TICKET_ID)
		goto none;
	TRY(key_of(id, &key));
	TRY(store_record_get(s, STORE_ENROLMENT, bytes_of_buf(&key), &arena, &record));
	*found = record.n > 0;
	if (*found)
		TRY(read_record(id, record, out));
	goto out;
none:
	err = ERR_OK;
out:
	arena_free(&arena);
	buf_free(&key);
	return err;
}

/* --- all of them ----------------------------------------------------------------------- */

struct walk {
	err_t (*each)(void *self, const struct ticket *t);
	void *self;
};

static err_t walk_one(void *self, struct bytes key, struct bytes value)
{
	const struct walk *w = self;
	struct ticket t;
	err_t err;

	if (!bytes_starts(key, BYTES("t/")))
		return ERR_OK;
	TRY(read_record(bytes_sub(key, 2, key.n), value, &t));
	TRY(w->each(w->self, &t));
out:
	return err;
}

err_t ticket_walk(struct store *s, err_t (*each)(void *self, const struct ticket *t), void *self)
{
	struct walk w = { each, self };

	return store_record_walk(s, STORE_ENROLMENT, walk_one, &w);
}

static err_t count_one(void *self, const struct ticket *t)
{
	size_t *n = self;

	(*n)++;
	return ERR_OK;
}

/* --- what an operator does ---------------------------------------------------------------- */

err_t ticket_create(struct store *s, const struct ticket *t)
{
	struct ticket there;
	bool found;
	size_t n = 0;
	err_t err;

	if (bytes_str(t->id).n != TICKET_ID || !t->pattern[0] || t->uses == 0 ||
	    t->until <= t->created || t->protection > PROTECTION_HIGH)
		return ERR_RANGE;
	TRY(ticket_read(s, bytes_str(t->id), &there, &found));
	if (found)
		return ERR_EXISTS;
	TRY(ticket_walk(s, count_one, &n));
	if (n >= TICKETS_MAX)
		return ERR_FULL;
	TRY(ticket_write(s, t));
out:
	return err;
}

err_t ticket_kill(struct store *s, struct bytes id, bool *found)
{
	struct ticket t;
	err_t err;

	TRY(ticket_read(s, id, &t, found));
	if (*found && t.state == TICKET_LIVE) {
		t.state = TICKET_KILLED;
		TRY(ticket_write(s, &t));
	}
out:
	return err;
}
