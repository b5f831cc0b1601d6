/* statistics.c: operations on their way into records. */
#include "request/statistics.h"

#include "request/notification.h"
#include "request/work.h"
#include "resource/statistics.h"

enum { TARGET_TEXT = 512 };

static const char reason[] = "statsCollect";

/* Those who subscribed to the records hear of each, as of any instance. */
static err_t tell(struct request_room *room, const struct request_arrival *in, const struct statistics_made *made)
{
	struct work w = { .room = room, .in = in };

	if (!made->record)
		return ERR_OK;
	w.request.operation = OPERATION_CREATE;
	w.request.from = resources_cse(room->resources)->cse_id;
	return notification_child(&w, made->container, made->record);
}

/* Which rules want the operation, and may: *n of them into ids[STATISTICS_RULES]. */
static err_t wanted(struct work *w, const struct statistics_operation *o, uint64_t judged, uint64_t *ids,
                    size_t *n)
{
	uint64_t rules[STATISTICS_RULES];
	struct bytes creator;
	size_t all;
	bool yes;
	err_t err;

	*n = 0;
	TRY(statistics_rules(w->room->resources, rules, &all));
	for (size_t i = 0; i < all && judged; i++) {
		TRY(statistics_wants(w->room->resources, &w->room->arena, rules[i], o, &yes, &creator));
		if (yes)
			TRY(notification_creator_may(w, creator, judged, &yes));
		if (yes)
			ids[(*n)++] = rules[i];
	}
out:
	return err;
}

static err_t collect(struct work *w, const struct statistics_operation *o, const uint64_t *ids, size_t n)
{
	struct statistics_made made;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		TRY(statistics_collect(w->room->resources, permit_for_system(reason), ids[i], o, &made));
		w->room->must_commit = true;
		TRY(tell(w->room, w->in, &made));
	}
out:
	return err;
}

static err_t operation_of(struct work *w, struct statistics_operation *o)
{
	bool made = w->request.operation == OPERATION_CREATE;
	const struct store_row *row;
	err_t err;

	*o = (struct statistics_operation){
		.operation = w->request.operation, .resource = made ? w->outcome.resource : w->target.id,
		.above = made ? w->target.id : 0, .type = made ? w->request.type : w->target.type,
		.originator = w->originator, .to = bytes_sub(w->request.to, 0, TARGET_TEXT), .now = w->in->now,
	};
	if (w->request.operation == OPERATION_RETRIEVE)
		o->octets = w->content.n;
	TRY(store_get(w->room->store, o->resource, &row));
	if (row && (made || w->request.operation == OPERATION_UPDATE))
		o->octets = row->size ? row->size : row->body.n;
out:
	return err;
}

/* What goes is asked about before it is gone. */
err_t statistics_before(struct work *w)
{
	struct statistics_operation o;
	void *p;
	err_t err;

	w->counted_n = 0;
	if (w->request.operation != OPERATION_DELETE || !statistics_exist(w->room->resources))
		return ERR_OK;
	TRY(arena_take(&w->room->arena, STATISTICS_RULES * sizeof(*w->counted), &p));
	w->counted = p;
	TRY(operation_of(w, &o));
	err = wanted(w, &o, w->target.id, w->counted, &w->counted_n);
out:
	return err;
}

err_t statistics_after(struct work *w)
{
	struct statistics_operation o;
	uint64_t ids[STATISTICS_RULES];
	size_t n;
	err_t err;

	if (!statistics_exist(w->room->resources))
		return ERR_OK;
	TRY(operation_of(w, &o));
	if (w->request.operation == OPERATION_DELETE)
		return collect(w, &o, w->counted, w->counted_n);
	TRY(wanted(w, &o, w->target.id, ids, &n));
	err = collect(w, &o, ids, n);
out:
	return err;
}

err_t statistics_time(struct request_room *room, uint64_t rule, int64_t now, bool *changed)
{
	struct request_arrival in = { .now = now };
	struct statistics_made made;
	err_t err;

	arena_reset(&room->arena);
	TRY(statistics_end(room->resources, permit_for_system(reason), rule, now, changed, &made));
	err = tell(room, &in, &made);
out:
	return err;
}
