/* apply.c: the operation itself, under the permit. What the standard refuses
 * is a status of the outcome; nothing of a refused change remains. */
#include "request/action.h"
#include "request/coordinate.h"
#include "request/delivery.h"
#include "request/notification.h"
#include "request/statistics.h"
#include "request/work.h"

typedef err_t (*operation_fn)(struct resources *r, const struct resource_ask *ask,
                              struct buf *content, struct outcome *out);

static const operation_fn operations[] = {
	[OPERATION_CREATE] = resource_create, [OPERATION_RETRIEVE] = resource_retrieve,
	[OPERATION_UPDATE] = resource_update, [OPERATION_DELETE] = resource_delete,
	[OPERATION_NOTIFY] = NULL,
};

static struct resource_ask ask_of(struct work *w, const struct discovery *children)
{
	struct resource_ask ask = {
		.request = &w->request, .target = &w->target, .originator = w->originator,
		.app_id = w->app_id, .permit = w->permit, .arena = &w->room->arena,
		.now = w->in->now, .children = children, .unlocked = w->unlocked, .stem = w->stem,
		.blocks = notification_blocks, .blocks_self = w,
	};

	if (w->association) {
		ask.entity = bytes_str(w->association->facts.entity);
		ask.credential = bytes_str(w->association->facts.credential);
		ask.subscription_required = w->room->subscription_required;
	}
	return ask;
}

/* Does what the first request made still stand where the permit covers it? */
static err_t still_stands(struct work *w, bool *yes)
{
	const struct store_row *row;
	err_t err = ERR_OK;

	*yes = false;
	if (w->request.operation != OPERATION_CREATE || !w->permit || !w->kept.resource)
		goto out;
	TRY(store_get(w->room->store, w->kept.resource, &row));
	*yes = row && row->parent == w->target.id;
out:
	return err;
}

err_t apply_represent(struct work *w)
{
	struct discovery children = { facts_may_retrieve, w };
	struct resource_ask ask = ask_of(w, &children);

	buf_clear(&w->content);
	return resource_represent(w->room->resources, &ask, w->outcome.resource, &w->content);
}

/* The first result once more: its status and, of a create, its content as far
 * as it stands. The decision was made anew: who lost the right does not get it. */
static err_t apply_again(struct work *w)
{
	struct discovery children = { facts_may_retrieve, w };
	struct resource_ask ask = ask_of(w, &children);
	bool stands;
	err_t err;

	w->outcome = (struct outcome){ .status = w->kept.status, .resource = w->kept.resource,
		                       .what = "repeated: the first result" };
	TRY(still_stands(w, &stands));
	if (stands)
		TRY(resource_represent(w->room->resources, &ask, w->kept.resource, &w->content));
out:
	return err;
}

static err_t operate(struct work *w)
{
	struct discovery discoverable = { facts_may_discover, w };
	struct discovery children = { facts_may_retrieve, w };
	struct resource_ask ask = ask_of(w, &children);
	struct transaction_result result;
	err_t err;

	TRY(delivery_before(w));
	if (!w->status)
		TRY(stem_before(w));
	if (w->status)
		goto refused;
	ask.stem = w->stem;
	TRY(notification_before(w));
	TRY(action_before(w));
	TRY(statistics_before(w));
	if (w->status)
		goto refused;
	ask.tells_others = w->tells_others;
	result = (struct transaction_result){ .committed = false };
	if (transaction_wanted(w)) {
		TRY(coordinate_wanted(w, &result.coordinated));
		if (!w->status && !result.coordinated)
			TRY(transaction_run(w, &result));
		ask.transaction = &result;
	} else if (transaction_step_wanted(w)) {
		TRY(transaction_step(w, &result));
		ask.transaction = &result;
	}
	if (w->status)
		goto refused;
	TRY(members_ask(w, &ask.members, &ask.members_n));
	if (w->request.result_content == RCN_PERMISSIONS)
		ask.permissions = facts_rights(w);
	if (w->discovers)
		err = resource_discover(w->room->resources, &ask, &discoverable, &w->content,
		                        &w->outcome);
	else
		err = operations[w->request.operation](w->room->resources, &ask, &w->content,
		                                       &w->outcome);
	TRY(err == ERR_OK ? w->judge_err : err);
	if (status_is_success(w->outcome.status))
		TRY(stem_after(w));
	if (w->status)
		goto refused;
	if (status_is_success(w->outcome.status))
		TRY(notification_after(w));
	if (status_is_success(w->outcome.status))
		TRY(action_after(w));
	if (status_is_success(w->outcome.status))
		TRY(statistics_after(w));
	if (status_is_success(w->outcome.status))
		TRY(coordinate_after(w));
	if (status_is_success(w->outcome.status))
		TRY(transaction_after(w));
	if (status_is_success(w->outcome.status))
		TRY(delivery_after(w));
	goto out;
refused:
	/* As an outcome, so that it is undone and kept as any other. */
	w->outcome = (struct outcome){ .status = w->status, .what = w->what };
	w->status = 0;
out:
	resource_on_removal(w->room->resources, NULL, NULL);
	return err;
}

/* Refused by the standard: nothing of the attempt may stay. */
static err_t undo_attempt(struct work *w)
{
	work_undo(w->room);
	return work_mark(w->room);
}

static struct refused *refused_before(struct fan *fan)
{
	struct refused *r = fan->refused;

	while (r && r->number != fan->number)
		r = r->next;
	return r;
}

static err_t remember_refused(struct work *w)
{
	struct refused *r;
	void *room;
	err_t err;

	TRY(arena_take(&w->room->arena, sizeof(*r), &room));
	r = room;
	*r = (struct refused){ w->fan->refused, w->fan->number, w->outcome };
	w->fan->refused = r;
	w->fan->again = true;
out:
	return err;
}

/* A change for one member of a group. */
static err_t operate_in_fan(struct work *w)
{
	struct refused *before;
	err_t err;

	w->fan->number++;
	before = refused_before(w->fan);
	if (before) {
		w->outcome = before->outcome;
		return ERR_OK;
	}
	TRY(operate(w));
	if (!status_is_success(w->outcome.status))
		TRY(remember_refused(w));
out:
	return err;
}

static err_t operate_alone(struct work *w)
{
	err_t err;

	w->recorded = NULL;
	TRY(operate(w));
	if (!status_is_success(w->outcome.status)) {
		TRY(undo_attempt(w));
		TRY(record_undone(w));
		TRY(stem_undone(w));
	}
out:
	return err;
}

/* An aggregate of which a group takes a part only is not taken. */
static err_t notify_alone(struct work *w)
{
	err_t err;

	TRY(notify_run(w));
	if (status_is_success(work_status(w)))
		TRY(statistics_after(w));
	else if (!w->fan) /* of a group's member nothing is changed, and what others brought about stays */
		TRY(undo_attempt(w));
out:
	return err;
}

/* A fan-out that costs or answers more than one request may: all or nothing. */
static err_t too_much(struct work *w)
{
	buf_clear(&w->content);
	work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", "too much for one request to a group");
	return undo_attempt(w);
}

static err_t fan_out(struct work *w)
{
	struct fan fan = { .refused = NULL };
	bool brought = w->request.has[PARAM_GID];
	err_t err = ERR_OK;

	if (w->fan)
		return fanout_run(w);
	for (unsigned pass = 0; pass < FAN_OUT_PASSES; pass++) {
		w->fan = &fan;
		fan = (struct fan){ .members_left = FAN_OUT_MEMBERS, .refused = fan.refused,
		                     .reached = fan.reached, .brought = brought };
		err = fanout_run(w);
		if (err != ERR_OK || !fan.again)
			goto out;
		buf_clear(&w->content);
		TRY(undo_attempt(w));
	}
	err = ERR_LIMIT;
out:
	w->fan = NULL;
	return err == ERR_LIMIT ? too_much(w) : err;
}

err_t apply_run(struct work *w)
{
	const struct virtual_child *v = w->target.virtual_child;
	err_t err = ERR_OK;

	if (forward_is_due(w))
		return forward_run(w);
	if (w->repeated)
		return apply_again(w);
	must(w->permit);
	must(!v || v->operations & w->access);
	TRY(transaction_admits(w));
	if (w->status)
		return ERR_OK;
	if (v && v->fans_out)
		return fan_out(w);
	if (w->request.has[PARAM_GRTM]) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.4.14.2.4", "Group Request Target Members belongs to a group");
		return ERR_OK;
	}
	TRY(channel_owner(w));
	if (w->status)
		return ERR_OK;
	if (v && v->polls)
		return channel_run(w);
	if (v && v->leaves)
		return notification_leave(w);
	if (w->request.operation == OPERATION_NOTIFY)
		return notify_alone(w);
	if (w->request.operation == OPERATION_RETRIEVE && w->request.result_content == RCN_ORIGINAL)
		TRY(original_run(w, operate));
	else if (w->request.operation == OPERATION_RETRIEVE)
		TRY(operate(w));
	else
		TRY(w->fan ? operate_in_fan(w) : operate_alone(w));
	TRY(w->status || status_row(w->outcome.status) ? ERR_OK : ERR_BAD_STATE);
out:
	return err;
}
