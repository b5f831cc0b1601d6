/* action_poll.c: subjects of actions at other CSEs: asked for, and looked at. Who shows what decides
 * that CSE, for the creator: the request takes the same way as one that the creator makes itself. */
#include "request/action.h"

#include "request/later_work.h"
#include "resource/action.h"

static const char reason[] = "action";

static err_t keep(struct request_room *room, const struct polled *p, int64_t now)
{
	enum { OCTETS = 8192, KEPT_MS = 60000 };
	struct later_own own = { .values = buf_make(2 * OCTETS) };
	struct buf primitive = buf_make(OCTETS), rqi = buf_make(64);
	struct outbound_request r = { .operation = OPERATION_RETRIEVE, .to = p->subject, .from = p->from, .rvi = BYTES("3") };
	struct later_order order = { .originator = p->creator, .credential = p->credential, .now = now, .due = now,
		                     .expires = now + KEPT_MS };
	err_t err;

	TRY(buf_printf(&rqi, "pol-%llx-%llx", (unsigned long long)now, (unsigned long long)p->id));
	r.rqi = bytes_of_buf(&rqi);
	TRY(outbound_compose(&r, &primitive));
	order.primitive = bytes_of_buf(&primitive);
	later_own_uint(&own, BYTES("@po"), p->id);
	err = later_order(room, &own, &order, &room->arena);
out:
	buf_free(&own.values);
	buf_free(&primitive);
	buf_free(&rqi);
	return err;
}

/* One that cannot be asked for now waits like one that was. */
err_t action_poll(struct request_room *room, uint64_t id, int64_t now, bool *asked)
{
	struct polled p;
	err_t err;

	arena_reset(&room->arena);
	TRY(polled_read(room->resources, &room->arena, id, now, &p, asked));
	if (!*asked)
		goto out;
	if (!later_full(&room->later, p.creator))
		err = keep(room, &p, now);
	TRY(err == ERR_REFUSED || err == ERR_LIMIT ? ERR_OK : err);
	err = polled_asked(room->resources, permit_for_system(reason), id, now);
out:
	return err;
}

err_t action_polled(struct request_room *room, const struct request_arrival *in,
                    const struct response_primitive *response, bool *was)
{
	struct bytes shown = status_is_success(response->status) ? response->content : BYTES_NONE;
	const struct store_row *row;
	struct cbor id;
	bool fires;
	err_t err;

	*was = false;
	TRY(store_get(room->store, in->deferred, &row));
	if (row)
		TRY(cbor_find(row->body, BYTES("@po"), &id, was));
	if (!*was)
		goto out;
	TRY(polled_answered(room->resources, permit_for_system(reason), id.u, in->now, shown, &fires));
	if (fires)
		err = action_held(room, id.u, in->now);
out:
	return err;
}
