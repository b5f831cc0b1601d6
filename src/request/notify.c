/* notify.c: NOTIFY as it comes in [TS-0004 7.4.8, 7.5.1.2]. To an AE or a CSE
 * that is registered here it is handed on, with its identifier, and what the
 * receiver says is the answer; other resources take none. */
#include "request/reach.h"
#include "request/work.h"
#include "wire/wire.h"

enum { TYPE_AE = 2, TYPE_REMOTE_CSE = 16, PRIMITIVE_MAX = 4 << 20 };

static err_t hand_on(struct work *w, const struct reach *reach, struct response_primitive *r)
{
	struct outbound_request request = {
		.operation = OPERATION_NOTIFY, .to = w->request.to, .from = forward_from(w),
		.rqi = w->request.rqi, .rvi = answer_release(w), .content = w->request.content,
	};
	struct buf primitive = buf_make(PRIMITIVE_MAX);
	err_t err;

	TRY(outbound_compose(&request, &primitive));
	TRY(reach_exchange(w, reach, bytes_of_buf(&primitive), SEND_REPEAT, r));
out:
	buf_free(&primitive);
	return err;
}

err_t notify_run(struct work *w)
{
	struct response_primitive r;
	struct reach reach;
	err_t err;

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
