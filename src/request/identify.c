/* identify.c: who asks: what From claims, what the register knows of the one who
 * may claim it, and whether the same was asked before. */
#include "primitive/id.h"
#include "request/work.h"

/* From in absolute form; empty when absent or asking for an identity. Still
 * only claimed. */
err_t identify_claim(struct work *w)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	struct buf b = buf_make(FACT_ID_MAX * 2);
	err_t err = ERR_OK;

	struct bytes from = stem_announcer(w);

	if (!from.n)
		from = w->request.from;
	if (from.n && id_form(from) != ID_ASSIGN) {
		TRY(id_absolute(from, cse->sp_id, cse->cse_id, &b));
		TRY(arena_copy(&w->room->arena, bytes_of_buf(&b), &w->claimed));
	}
out:
	buf_free(&b);
	return err;
}

/* What the register knows of the one who is identified now. */
err_t identify_accept(struct work *w)
{
	const struct credential *credential;
	err_t err = ERR_OK;

	w->originator = w->claimed;
	if (!w->association)
		return ERR_OK;
	if (w->originator.n == 0)
		w->originator = bytes_str(w->association->facts.entity);
	if (!w->in->again)
		registry_touch(w->room->registry, w->association->number, w->in->now);
	TRY(registry_find(w->room->registry, bytes_str(w->association->facts.credential),
	                  &credential));
	if (credential)
		TRY(arena_copy(&w->room->arena, bytes_str(credential->app_id), &w->app_id));
out:
	return err;
}

static const struct {
	unsigned status;
	const char *what;
} replay_refusals[] = {
	[REPLAY_CONFLICT] = { RSC_CONFLICT,
	                      "this Request Identifier was used for another request" },
	[REPLAY_PENDING] = { RSC_CONFLICT,
	                     "a request with this Request Identifier is being worked on" },
	[REPLAY_LATE] = { RSC_REQUEST_TIMEOUT, "the request is outside the replay window" },
	[REPLAY_UNDATED] = { RSC_BAD_REQUEST,
	                     "the credential asks for an Originating Timestamp (ot)" },
};

/* Whoever notifies takes a refusal for the receiver's answer and does not come again: while that is still to
 * be had, nobody knows whether it arrives. */
static void refuse_replay(struct work *w, enum replay_verdict v)
{
	bool waits = v == REPLAY_PENDING && w->request.operation == OPERATION_NOTIFY;

	must((size_t)v < COUNT_OF(replay_refusals));
	work_refuse(w, waits ? RSC_TARGET_NOT_REACHABLE : replay_refusals[v].status, "replay [CM10]",
	            replay_refusals[v].what);
}

/* Seen before, or too late? The memory is kept by originator, so it can only be
 * asked now. */
err_t identify_replay(struct work *w)
{
	enum replay_verdict verdict;
	err_t err;

	if (!w->in->again && w->room->is_kept &&
	    w->room->is_kept(w->room->kept_by, w->originator, w->request.rqi)) {
		refuse_replay(w, REPLAY_PENDING);
		return ERR_OK;
	}
	/* Within a delivery the time of the delivery counts, which was judged when that came: how
	 * long it was on the way since is nobody's fault. */
	w->question = (struct replay_question){
		.mode = w->association ? (enum replay_mode)w->association->facts.replay_mode
		                       : REPLAY_OFF,
		.changes = w->request.operation != OPERATION_RETRIEVE,
		.originator = w->originator,
		.request = w->request.rqi,
		.content = w->request.raw,
		.made = w->request.has[PARAM_OT] ? w->request.value[PARAM_OT].raw : BYTES_NONE,
		.now = w->in->now,
		.originated = w->delivered ? 0 : w->request.originated,
		.expires = w->request.expires,
	};
	TRY(replay_check(w->room->replay, &w->question, &verdict, &w->kept));
	w->repeated = verdict == REPLAY_REPEATED;
	if (verdict != REPLAY_NEW && verdict != REPLAY_REPEATED)
		refuse_replay(w, verdict);
out:
	return err;
}
