/* later.c: requests that are answered later, when they are due (request/later.h). */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"

enum { TURN_MAX = 64 };

int64_t later_left(const struct core *c)
{
	int64_t next = c->open && !c->rollback ? later_next(&c->room.later) : INT64_MAX;

	if (next == INT64_MAX)
		return next;
	return next > clock_now() ? next - clock_now() : 0;
}

static err_t one(struct core *c, struct buf *primitive, bool *found)
{
	struct pending p = { .to = NULL, .type = MSG_ANSWER };
	struct request_arrival in;
	err_t err;

	TRY(batch_begin(c));
	TRY(later_take(&c->room, c->now, primitive, &in, found));
	if (*found)
		err = batch_serve(c, &p, &in, NULL);
out:
	return err;
}

void later_turn(struct core *c)
{
	struct buf primitive = buf_make(LATER_OCTETS);
	bool found = true;
	err_t err = ERR_OK;

	for (size_t i = 0; i < TURN_MAX && found && later_left(c) == 0; i++)
		TRY(one(c, &primitive, &found));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "request not done", "why=%s", err_text(err));
	buf_free(&primitive);
}
