/* notify.c: NOTIFY as it comes in [TS-0004 7.4.8, 7.5.1.2]. To an AE or a CSE
 * that is registered here it is handed on, with its identifier, and what the
 * receiver says is the answer. The CSEBase is this CSE as a target: it answers a
 * verification, and has no use for what follows. Other resources take none; a fan-out
 * point hands it to each member, of which a group is none: what is gathered comes from elsewhere. */
#include "primitive/id.h"
#include "request/notification.h"
#include "request/reach.h"
#include "request/work.h"
#include "wire/wire.h"

enum { PRIMITIVE_MAX = 4 << 20, ID_TEXT = 1024 };

static err_t hand_on(struct work *w, const struct reach *reach, struct response_primitive *r)
{
	struct outbound_request request = {
		.operation = OPERATION_NOTIFY, .to = w->request.to, .from = forward_from(w),
		.rqi = w->request.rqi, .rvi = reach->first ? BYTES_NONE : answer_release(w), .content = w->request.content,
		.originated = w->request.originated,
	};
	struct buf primitive = buf_make(PRIMITIVE_MAX);
	int64_t made = forward_made(w);
	err_t err;

	request.originated = made ? made : request.originated;
	TRY(outbound_compose(&request, &primitive));
	TRY(reach_exchange(w, reach, bytes_of_buf(&primitive), SEND_REPEAT, r));
out:
	buf_free(&primitive);
	return err;
}

/* Who makes the subscription has to have the right to notify here, as the one who
 * asks, who was judged already [7.5.1.2.3]. */
static err_t verify(struct work *w, struct bytes creator)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf absolute = buf_make(ID_TEXT);
	bool may = false;
	err_t err;

	err = id_absolute(creator, cse->sp_id, cse->cse_id, &absolute);
	if (err != ERR_OK) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.5.1.2.3", "the creator is no identifier");
		err = err == ERR_MEMORY ? err : ERR_OK;
		goto out;
	}
	TRY(notification_creator_may_notify(w, bytes_of_buf(&absolute), w->target.id, &may));
	if (may)
		w->outcome = (struct outcome){ .status = RSC_OK, .resource = w->target.id };
	else
		work_refuse(w, RSC_SUBSCRIPTION_CREATOR_HAS_NO_PRIVILEGE, "TS-0004 7.5.1.2.3",
		            "the subscription's creator may not notify this CSE");
out:
	buf_free(&absolute);
	return err;
}

static bool member(struct bytes map, const char *key, struct cbor *out)
{
	bool found = false;

	return cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found;
}

static err_t notify_base(struct work *w)
{
	struct cbor sgn, vrq, cr;
	bool known = member(w->request.content, "m2m:sgn", &sgn);

	if (known && (sgn.kind != CBOR_MAP || (member(sgn.raw, "vrq", &vrq) && vrq.kind != CBOR_BOOL))) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.5.1.1", "this is no notification");
	} else if (!known || !member(sgn.raw, "vrq", &vrq) || !vrq.u) {
		work_refuse(w, RSC_NOT_IMPLEMENTED, "TS-0004 7.5.1.2",
		            "this CSE does nothing with such a notification");
	} else if (!member(sgn.raw, "cr", &cr) || cr.kind != CBOR_TEXT) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.5.1.2.3",
		            "a verification names the creator");
	} else {
		return verify(w, cr.s);
	}
	return ERR_OK;
}

err_t notify_run(struct work *w)
{
	struct response_primitive r;
	struct reach reach;
	err_t err;

	if (w->target.type == TYPE_CSE_BASE)
		return notify_base(w);
	if (w->target.type == TYPE_GROUP && !w->fan)
		return notification_report(w);
	if (w->target.type != TYPE_AE && w->target.type != TYPE_REMOTE_CSE) {
		work_refuse(w, RSC_OPERATION_NOT_ALLOWED, "TS-0004 7.4.8",
		            "this resource takes no notification");
		return ERR_OK;
	}
	TRY(reach_row(w, w->target.id, &reach));
	TRY(hand_on(w, &reach, &r));
	if (r.status == 0) {
		work_refuse(w, RSC_TARGET_NOT_REACHABLE, "TS-0004 7.5.1.2",
		            "the receiver cannot be reached");
		goto out;
	}
	/* A number that is no status is not passed on as one. */
	if (!status_row(r.status)) {
		work_refuse(w, RSC_INTERNAL_SERVER_ERROR, "TS-0004 7.5.1.2",
		            "the receiver's answer has no known status");
		goto out;
	}
	w->outcome = (struct outcome){ .status = r.status, .resource = w->target.id,
		                       .what = "the receiver's answer" };
	TRY(buf_add(&w->content, r.content));
out:
	return err;
}
