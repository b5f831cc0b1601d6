/* rotate.c: the rotation of data keys and index keys, in steps between the requests. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

static const char *const phases[] = {
	[ROTATE_NEVER] = "never", [ROTATE_ROWS] = "rows", [ROTATE_RECORDS] = "records",
	[ROTATE_LOGS] = "logs", [ROTATE_DONE] = "done",
};

err_t admin_store_rotate(struct admin *a)
{
	err_t err;

	TRY(wire_done(&a->in));
	err = store_rotate(a->core->store);
	if (err == ERR_EXISTS)
		admin_say(a, "a rotation is not finished: holdfast store status");
	if (err == ERR_OK)
		a->core->next_rotate = 0;
out:
	return err;
}

err_t admin_store_rewrap(struct admin *a)
{
	struct row r = row_begin();
	uint64_t n;
	err_t err;

	TRY(wire_done(&a->in));
	TRY(store_rewrap(a->core->store, &n));
	row_uint(&r, "rewrapped", n);
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}

err_t admin_store_status(struct admin *a)
{
	struct store_rotation now;
	struct row r = row_begin();
	uint64_t rows;
	err_t err;

	TRY(wire_done(&a->in));
	TRY(store_count(a->core->store, &rows));
	TRY(store_rotation(a->core->store, &now));
	row_uint(&r, "rows", rows);
	row_uint(&r, "keys", now.keys);
	row_uint(&r, "index_generation", now.generation);
	row_text(&r, "rotation", now.phase < COUNT_OF(phases) ? bytes_str(phases[now.phase])
	                                                      : BYTES("unknown"));
	row_uint(&r, "resealed", now.resealed);
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}

static err_t finished(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now,
		                       .rule = BYTES("data and index key rotation") };
	struct store_rotation now;
	struct buf text = buf_make(128);
	err_t err;

	TRY(store_rotation(c->store, &now));
	TRY(buf_printf(&text, "%llu rows, records and blocks sealed and hashed anew; earlier data keys and index keys destroyed",
	               (unsigned long long)now.resealed));
	record.text = bytes_of_buf(&text);
	err = audit_append(c->room.audit, &record);
out:
	buf_free(&text);
	return err;
}

/* Of one step: whether there is more, *was whether there was anything. */
static err_t step(struct core *c, bool *more, bool *was)
{
	const struct store_reindex reindex = { resource_reindex, c->room.resources };
	struct store_rotation now;
	err_t err;

	*more = *was = false;
	TRY(store_rotation(c->store, &now));
	*was = now.phase != ROTATE_NEVER && now.phase != ROTATE_DONE;
	if (!*was)
		goto out;
	TRY(batch_mark(c));
	err = store_rotate_step(c->store, &reindex, more);
	if (err == ERR_OK && !*more)
		err = finished(c);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK;
out:
	return err;
}

/* A broken seal, or a disk that is full, stops it until the next start or command;
 * nothing is destroyed then. */
void rotate_when_due(struct core *c)
{
	bool more, was;
	err_t err;

	if (c->rollback || clock_steady() < c->next_rotate)
		return;
	err = step(c, &more, &was);
	c->next_rotate = err == ERR_OK && more ? clock_steady() + CORE_ROTATE_MS : INT64_MAX;
	if (err != ERR_OK)
		log_event(LOG_ERROR, "rotation stopped", "why=%s", err_text(err));
	else if (was && !more)
		log_event(LOG_NOTE, "rotation done", "earlier data keys and index keys are destroyed");
}
