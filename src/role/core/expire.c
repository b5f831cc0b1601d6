/* expire.c: what time does to resources and to the memory of replay. */
#include "base/clock.h"
#include "base/log.h"
#include "request/action.h"
#include "request/coordinate.h"
#include "request/members.h"
#include "request/notification.h"
#include "request/statistics.h"
#include "resource/action.h"
#include "resource/coordinate.h"
#include "resource/series.h"
#include "resource/statistics.h"
#include "role/core/core.h"

enum { CORE_PAGE = 64, EXPIRE_TRIES = 64, EVERY_MS = 1000 };

/* What fails once may fail each second: a line in a while. */
static void note(const char *what, uint64_t row, err_t why)
{
	static int64_t said;
	static unsigned long long more;
	int64_t now = clock_steady();

	if (said && now - said < CORE_FULL_MS) {
		more++;
		return;
	}
	log_event(LOG_ERROR, "expiry failed", "of=%s row=%llu why=%s before=%llu", what, (unsigned long long)row,
	          err_text(why), more);
	said = now;
	more = 0;
}

struct way {
	err_t (*go)(struct core *c, size_t limit, size_t *n);
	size_t limit;
	const char *rest;
};

static err_t told(struct core *c, size_t limit, size_t *n)
{
	return notification_expire(&c->room, c->now, limit, n);
}

static err_t untold(struct core *c, size_t limit, size_t *n)
{
	return resource_expire(c->room.resources, permit_for_system("expirationTime"), c->now, limit, n);
}

static err_t delete_expired(struct core *c, const struct way *way)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now,
		                       .rule = BYTES("expirationTime") };
	struct buf text = buf_make(96);
	bool nothing;
	size_t n;
	err_t err;

	TRY(batch_mark(c));
	err = way->go(c, way->limit, &n);
	nothing = err == ERR_OK && n == 0; /* but what is passed over */
	if (err == ERR_OK)
		err = buf_printf(&text, "%zu expired resources deleted%s", n, way->rest);
	record.text = bytes_of_buf(&text);
	if (err == ERR_OK && !nothing)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK && !nothing;
out:
	buf_free(&text);
	return err;
}

/* All at once; where that fails, one after the other, as far as a tick goes. One with more below it than
 * its subscribers can be told of at once keeps no other, nor itself; one that cannot be read keeps no
 * other. */
static err_t expire_one_by_one(struct core *c)
{
	static const struct way one = { told, 1, "" }, alone = { untold, 1, ", and nobody told: too much at once, or not to be read" };
	bool any = true;
	err_t err = ERR_OK;

	for (size_t i = 0; i < EXPIRE_TRIES && any; i++) {
		err = delete_expired(c, &one);
		if (err == ERR_LIMIT || err == ERR_TAMPERED)
			err = delete_expired(c, &alone);
		if (err == ERR_TAMPERED)
			note("expirationTime", resource_stuck(c->room.resources), err);
		TRY(err == ERR_TAMPERED ? ERR_OK : err);
		TRY(resource_expired(c->room.resources, c->now, &any));
	}
out:
	return err;
}

static err_t expire_resources(struct core *c)
{
	static const struct way all = { told, CORE_EXPIRE_ROWS, "" };
	bool any;
	err_t err;

	/* Nothing is written, and no transaction begun, where nothing expired. */
	TRY(resource_expired(c->room.resources, c->now, &any));
	err = any ? delete_expired(c, &all) : ERR_OK;
	if (err == ERR_LIMIT || err == ERR_TAMPERED)
		err = expire_one_by_one(c);
out:
	return err;
}

/* --- what is looked at once a second, a page of rows at a time, each with its record ---- */

static err_t tell_missing(void *self, uint64_t sub, struct bytes tsn)
{
	struct core *c = self;

	return notification_missing(&c->room, sub, tsn, c->now);
}

static err_t judge_series(struct core *c, uint64_t id, bool *changed)
{
	struct series_report report = { tell_missing, c };

	*changed = true;
	return series_judge(c->room.resources, permit_for_system("missingDataDetect"), id, c->now, &report);
}

static err_t evaluate(struct core *c, uint64_t id, bool *changed)
{
	*changed = true;
	return action_period(&c->room, id, c->now);
}

static err_t poll_subject(struct core *c, uint64_t id, bool *changed)
{
	return action_poll(&c->room, id, c->now, changed);
}

static err_t end_rule(struct core *c, uint64_t id, bool *changed)
{
	return statistics_time(&c->room, id, c->now, changed);
}

static err_t rules_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit, size_t *n)
{
	*n = 0;
	return statistics_exist(r) ? statistics_rules(r, ids, n) : ERR_OK;
}

static err_t step_transaction(struct core *c, uint64_t id, bool *changed)
{
	return coordinate_time(&c->room, id, c->now, changed);
}

static err_t validate_group(struct core *c, uint64_t id, bool *changed)
{
	return members_due(&c->room, id, c->now, changed);
}

_Static_assert((int)CORE_PAGE >= (int)STATISTICS_RULES, "all rules are one page");

static const struct round {
	const char *rule;
	/* Rows that may be due, of the next `limit` behind *after. Reads only. */
	err_t (*due)(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit, size_t *n);
	err_t (*one)(struct core *c, uint64_t id, bool *changed);
} rounds[] = {
	{ "missingDataDetect", series_due, judge_series },
	{ "evalMode", actions_due, evaluate },
	{ "subjectResourceID", polled_due, poll_subject },
	{ "eventEnd", rules_due, end_rule },
	{ "transactionTime", coordinated_due, step_transaction },
	{ "memberTypeValidated", resource_groups_due, validate_group },
};

static err_t look_at(struct core *c, const struct round *round, uint64_t id)
{
	struct audit_record record = { .kind = AUDIT_CHANGE, .at = c->now, .resource = id,
		                       .rule = bytes_str(round->rule) };
	bool changed = false;
	err_t err;

	TRY(batch_mark(c));
	err = round->one(c, id, &changed);
	if (err == ERR_OK && changed)
		err = audit_append(c->room.audit, &record);
	batch_unmark(c, err);
	c->room.must_commit |= err == ERR_OK && changed;
out:
	return err;
}

/* What one resource brings, whoever made it, holds up no other; what fails for all of them does. */
static err_t passed_over(const struct round *round, uint64_t id, err_t err)
{
	if (err == ERR_OK || err == ERR_MEMORY || err == ERR_IO || err == ERR_FULL)
		return err;
	note(round->rule, id, err);
	return ERR_OK;
}

static err_t go_round(struct core *c, const struct round *round, uint64_t *after)
{
	uint64_t ids[CORE_PAGE];
	size_t n;
	err_t err;

	TRY(round->due(c->room.resources, c->now, after, ids, CORE_PAGE, &n));
	for (size_t i = 0; i < n; i++)
		TRY(passed_over(round, ids[i], look_at(c, round, ids[i])));
out:
	return err;
}

static err_t look_around(struct core *c)
{
	static int64_t next;
	static uint64_t after[COUNT_OF(rounds)];
	err_t err = ERR_OK;

	/* A clock that was set back does not stop it. */
	if (c->now < next && next - c->now <= EVERY_MS)
		goto out;
	next = c->now + EVERY_MS;
	for (size_t i = 0; i < COUNT_OF(rounds); i++)
		TRY(passed_over(&rounds[i], 0, go_round(c, &rounds[i], &after[i])));
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
	static const struct { const char *what; err_t (*go)(struct core *c); } parts[] = {
		{ "expirationTime", expire_resources }, { "rounds", look_around }, { "replay", sweep_replay },
	};
	err_t err;

	for (size_t i = 0; i < COUNT_OF(parts) && !c->rollback; i++) {
		err = parts[i].go(c);
		if (err != ERR_OK)
			note(parts[i].what, 0, err);
	}
}
