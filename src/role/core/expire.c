/* expire.c: what time does to resources and to the memory of replay. */
#include "base/log.h"
#include "request/action.h"
#include "request/notification.h"
#include "request/statistics.h"
#include "resource/action.h"
#include "resource/series.h"
#include "resource/statistics.h"
#include "role/core/core.h"

enum { CORE_SERIES = 64, SERIES_EVERY_MS = 1000 };

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
	err = notification_expire(&c->room, c->now, CORE_EXPIRE_ROWS, &n);
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

/* --- missing data of time series ----------------------------------------------------- */

static err_t tell_missing(void *self, uint64_t sub, struct bytes tsn)
{
	struct core *c = self;

	return notification_missing(&c->room, sub, tsn, c->now);
}

static err_t judge_series(struct core *c, uint64_t id)
{
	struct series_report report = { tell_missing, c };
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now, .resource = id,
		                       .rule = BYTES("missingDataDetect") };
	err_t err;

	TRY(batch_mark(c));
	err = series_judge(c->room.resources, permit_for_system("missingDataDetect"), id, c->now, &report);
	if (err == ERR_OK)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK;
out:
	return err;
}

/* Once a second a page of the series that are watched. */
static err_t detect_missing(struct core *c)
{
	static int64_t next;
	static uint64_t after;
	uint64_t ids[CORE_SERIES];
	size_t n;
	err_t err = ERR_OK;

	/* A clock that was set back does not stop it. */
	if (c->now < next && next - c->now <= SERIES_EVERY_MS)
		goto out;
	next = c->now + SERIES_EVERY_MS;
	TRY(series_due(c->room.resources, c->now, &after, ids, CORE_SERIES, &n));
	for (size_t i = 0; i < n; i++)
		TRY(judge_series(c, ids[i]));
out:
	return err;
}

/* --- actions that are evaluated from time to time ---------------------------------------- */

static err_t evaluate(struct core *c, uint64_t id)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now, .resource = id,
		                       .rule = BYTES("evalMode") };
	err_t err;

	TRY(batch_mark(c));
	err = action_period(&c->room, id, c->now);
	if (err == ERR_OK)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK;
out:
	return err;
}

static err_t evaluate_actions(struct core *c)
{
	static int64_t next;
	static uint64_t after;
	uint64_t ids[CORE_SERIES];
	size_t n;
	err_t err = ERR_OK;

	if (c->now < next && next - c->now <= SERIES_EVERY_MS)
		goto out;
	next = c->now + SERIES_EVERY_MS;
	TRY(actions_due(c->room.resources, c->now, &after, ids, CORE_SERIES, &n));
	for (size_t i = 0; i < n; i++)
		TRY(evaluate(c, ids[i]));
out:
	return err;
}

/* --- statistics whose time is over ------------------------------------------------------- */

static err_t end_rule(struct core *c, uint64_t id)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now, .resource = id,
		                       .rule = BYTES("eventEnd") };
	bool changed = false;
	err_t err;

	TRY(batch_mark(c));
	err = statistics_time(&c->room, id, c->now, &changed);
	if (err == ERR_OK && changed)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK && changed;
out:
	return err;
}

static err_t end_statistics(struct core *c)
{
	static int64_t next;
	uint64_t ids[STATISTICS_RULES];
	size_t n;
	err_t err = ERR_OK;

	if (!statistics_exist(c->room.resources) || (c->now < next && next - c->now <= SERIES_EVERY_MS))
		goto out;
	next = c->now + SERIES_EVERY_MS;
	TRY(statistics_rules(c->room.resources, ids, &n));
	for (size_t i = 0; i < n; i++)
		TRY(end_rule(c, ids[i]));
out:
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
	TRY(detect_missing(c));
	TRY(evaluate_actions(c));
	TRY(end_statistics(c));
	TRY(sweep_replay(c));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "expiry failed", "why=%s", err_text(err));
}
