/* expire.c: what time does to resources and to the memory of replay. */
#include "base/log.h"
#include "role/core/core.h"

static err_t expire_resources(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now,
		                       .rule = BYTES("expirationTime") };
	struct buf text = buf_make(64);
	uint64_t first;
	size_t n;
	err_t err;

	/* Nothing is written, and no transaction begun, where nothing expired. */
	TRY(store_expired(c->store, c->now, &first, 1, &n));
	if (n == 0)
		goto out;
	TRY(batch_mark(c));
	err = resource_expire(c->room.resources, permit_for_system("expirationTime"), c->now,
	                      CORE_EXPIRE_ROWS, &n);
	if (err == ERR_OK)
		err = buf_printf(&text, "%zu expired resources deleted", n);
	record.text = bytes_of_buf(&text);
	if (err == ERR_OK)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK;
out:
	buf_free(&text);
	return err;
}

static err_t sweep_replay(struct core *c)
{
	err_t err;

	if (!replay_sweep_due(c->room.replay, c->now))
		return ERR_OK;
	TRY(batch_mark(c));
	err = replay_sweep(c->room.replay, c->now);
	batch_unmark(c, err);
out:
	return err;
}

void expire_when_due(struct core *c)
{
	err_t err;

	if (c->rollback)
		return;
	TRY(expire_resources(c));
	TRY(sweep_replay(c));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "expiry failed", "why=%s", err_text(err));
}
