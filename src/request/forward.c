/* forward.c: a request for another CSE goes on, to the CSE registered here that it
 * is for or that is on the way to it, else to our registrar [TS-0004 7.3.2.6].
 *
 * The CSE that hosts the target decides; here only who asks is certain, and that
 * goes on as From in its SP-relative form. What the next hop answers is answered.
 * Nothing is remembered against replay: the same request again goes on again, and
 * is the same to the CSE that hosts the target. */
#include "base/clock.h"
#include "primitive/id.h"
#include "request/delivery.h"
#include "request/reach.h"
#include "request/work.h"
#include "wire/wire.h"

enum { PRIMITIVE_MAX = 4 << 20, MEMBERS = PARAM_COUNT, RQI_MAX = 512 };

struct bytes forward_from(const struct work *w)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id, rest = id_behind_sp(w->originator, sp);

	if (w->announces.n && !w->next_provider.n) /* as it is: behind the CSE stands for whom it asks */
		return bytes_starts(w->request.from, BYTES("//")) ? id_behind_sp(w->request.from, sp) : w->request.from;
	return rest.n && !w->next_provider.n ? rest : w->originator;
}

struct bytes forward_cse(const struct work *w, struct bytes to)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id;

	if (bytes_starts(to, BYTES("//")))
		to = id_behind_sp(to, sp);
	return bytes_sub(to, 0, 1 + bytes_find(bytes_sub(to, 1, to.n), '/'));
}

struct bytes forward_host(const struct work *w)
{
	struct bytes to = w->request.to;
	size_t n = 0;

	if (!forward_is_due(w))
		return BYTES_NONE;
	if (bytes_starts(to, BYTES("//")))
		n = 2 + bytes_find(bytes_sub(to, 2, to.n), '/');
	return bytes_sub(to, 0, n + 1 + bytes_find(bytes_sub(to, n + 1, to.n), '/'));
}

/* Back to where it came from it does not go. */
static err_t came_from(struct work *w, uint64_t hop, bool *yes)
{
	const struct store_row *row;
	struct cbor csi;
	bool found;
	err_t err;

	*yes = false;
	if (!w->association || !w->association->facts.entity_is_cse)
		return ERR_OK;
	TRY(store_get(w->room->store, hop, &row));
	TRY(row ? cbor_find(row->body, BYTES("csi"), &csi, &found) : ERR_TAMPERED);
	*yes = found && bytes_equal(csi.s, behind_cse(w, bytes_str(w->association->facts.entity)));
out:
	return err;
}

bool forward_is_due(const struct work *w)
{
	return w->next_hop || w->next_provider.n;
}

/* Of another provider: by its IN-CSE, where this is ours. What comes from one is for us. */
static void route_out(struct work *w)
{
	struct provider p;

	if (provider_of(w->room, w->request.to, &p) && !provider_asks(w) && !reach_is_revoked(w, p.cse))
		w->next_provider = p.url;
}

/* What is executed at once where it arrives is not handed on any more; a member of a group,
 * or what waited here, had its time. */
static bool is_past(const struct work *w)
{
	int64_t arrived = w->in->memo.arrived ? w->in->memo.arrived : w->in->now;

	return w->request.has[PARAM_OET] && !w->in->deferred && !w->depth && w->request.executes <= arrived;
}

err_t forward_route(struct work *w)
{
	struct bytes cse = forward_cse(w, w->request.to), at = BYTES_NONE, address;
	uint64_t hop = 0;
	bool behind, back = false;
	err_t err = ERR_OK;

	/* One registers where one is connected [TS-0004 7.3.2.8]: as this node itself does. */
	if (!w->in->own && w->request.operation == OPERATION_CREATE &&
	    (w->request.type == TYPE_AE || w->request.type == TYPE_REMOTE_CSE)) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.3.2.8", "a registration is not forwarded");
		return ERR_OK;
	}
	if (cse.n > 1)
		TRY(resource_remote(w->room->resources, cse, &hop, &behind));
	if (!hop)
		TRY(stem_route(w, w->request.to, &at, &address));
	if (!hop && at.n) {
		w->request.to = address;
		TRY(resource_remote(w->room->resources, at, &hop, &behind));
	}
	if (!hop && w->room->registrar.n)
		TRY(resource_remote(w->room->resources, w->room->registrar, &hop, &behind));
	if (hop)
		TRY(came_from(w, hop, &back));
	if (!hop && cse.n == 0)
		route_out(w);
	w->next_hop = back ? 0 : hop;
	if (is_past(w))
		work_refuse(w, RSC_REQUEST_TIMEOUT, "TS-0004 7.3.2.6", "the Operation Execution Time is past");
	else if (!forward_is_due(w))
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.3.2.6", "no CSE is known on the way there");
	else if (w->originator.n == 0)
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.3.2.6", "From is missing");
out:
	return err;
}

/* In a delivery a request waits, nobody knows for how long; and one that was kept may be sent once more, and
 * is the same then: the time itself. */
static err_t put_stamp(int64_t at, struct buf *times)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];

	clock_stamp(at + 999, stamp);
	return cbor_put_text(times, bytes_str(stamp));
}

/* Of a time that is relative, what is left: it began when the request arrived here. */
static err_t put_left(const struct work *w, enum param p, struct buf *times, struct bytes *value)
{
	const struct request_primitive *r = &w->request;
	int64_t at = p == PARAM_RQET ? r->expires : p == PARAM_RSET ? r->result_expires
	             : p == PARAM_OET ? r->executes : 0;
	size_t before = times->n;
	err_t err = ERR_OK;

	if (at == 0 || r->value[p].kind != CBOR_UINT)
		goto out;
	TRY(w->carries || w->in->deferred ? put_stamp(at, times) : cbor_put_uint(times, at > w->in->now ? (uint64_t)(at - w->in->now) : 0));
	*value = bytes_sub(bytes_of_buf(times), before, times->n);
out:
	return err;
}

/* A member of a group is asked by a request of this CSE; what was kept is made each time it is sent, so that it
 * is late nowhere. Who has it already knows it by its identifier: the time does not tell requests apart (replay.h). */
int64_t forward_made(const struct work *w)
{
	bool ours = w->in->deferred ? !w->carries : w->depth && !w->request.originated;

	return ours ? w->in->now : 0;
}

static err_t put_made(const struct work *w, struct buf *times, struct bytes *value)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];
	int64_t at = forward_made(w);
	size_t before = times->n;
	err_t err = ERR_OK;

	if (!at)
		goto out;
	clock_stamp(at, stamp);
	TRY(cbor_put_text(times, bytes_str(stamp)));
	*value = bytes_sub(bytes_of_buf(times), before, times->n);
out:
	return err;
}

/* An AE's is its own; elsewhere its AE-ID-Stem before it tells it from those of others [TS-0001 7.1.7].
 * A CSE's goes on as it came; so does one that would be longer than may be. */
err_t forward_identifier(struct work *w, struct bytes *rqi)
{
	struct bytes stem = w->request.from;
	struct buf b = buf_make(RQI_MAX);
	err_t err = ERR_OK;

	*rqi = w->request.rqi;
	/* Members of one group are asked at once, each by a request of its own. */
	if (w->depth)
		return outbound_identifier(w, w->request.to, rqi);
	if (id_form(stem) != ID_AE_STEM || stem.n + 1 + rqi->n > RQI_MAX)
		return ERR_OK;
	TRY(buf_printf(&b, "%.*s/%.*s", BYTES_FMT(stem), BYTES_FMT(*rqi)));
	err = arena_copy(&w->room->arena, bytes_of_buf(&b), rqi);
out:
	buf_free(&b);
	return err;
}

/* What a Release 1 entity does not know [TS-0004 7.3.2.6]. */
static bool is_of_later(enum param p)
{
	return p == PARAM_RVI || p == PARAM_VSI;
}

/* What the next hop has to see otherwise: who asks, and what is asked when it is a
 * member of a group. How the answer is wanted (rt) is between the originator and
 * its registrar. */
err_t forward_compose(struct work *w, struct bytes rqi, bool first, struct buf *out)
{
	struct buf from = buf_make(512), to = buf_make(16384), id = buf_make(1024), times = buf_make(128);
	struct cbor_member m[MEMBERS];
	size_t n = 0;
	err_t err;

	TRY(buf_reserve(&times, 128));
	TRY(cbor_put_text(&from, forward_from(w)));
	TRY(cbor_put_text(&to, w->request.to));
	TRY(cbor_put_text(&id, rqi));
	for (unsigned p = 0; p < PARAM_COUNT; p++) {
		struct bytes value = w->request.has[p] ? w->request.value[p].raw : BYTES_NONE;

		if (p == PARAM_OT)
			TRY(put_made(w, &times, &value));
		if (!value.n || p == PARAM_RT || (p == PARAM_OET && w->request.executes <= w->in->now) ||
		    (first && is_of_later((enum param)p)))
			continue;
		TRY(put_left(w, (enum param)p, &times, &value));
		if (p == PARAM_FR)
			value = bytes_of_buf(&from);
		else if (p == PARAM_TO)
			value = bytes_of_buf(&to);
		else if (p == PARAM_RQI)
			value = bytes_of_buf(&id);
		m[n++] = (struct cbor_member){ bytes_str(param_row((enum param)p)->short_name), value };
	}
	err = cbor_put_members(out, m, n);
out:
	buf_free(&from);
	buf_free(&to);
	buf_free(&id);
	buf_free(&times);
	return err;
}

static err_t take_answer(struct work *w, const struct response_primitive *r)
{
	if (r->status == 0) {
		work_refuse(w, RSC_TARGET_NOT_REACHABLE, "TS-0004 7.3.2.6",
		            "the next CSE on the way cannot be reached");
		return ERR_OK;
	}
	/* A number that is no status is not passed on as one. */
	if (!status_row(r->status)) {
		work_refuse(w, RSC_INTERNAL_SERVER_ERROR, "TS-0004 7.3.2.6",
		            "the answer from the next CSE has no known status");
		return ERR_OK;
	}
	w->outcome = (struct outcome){ .status = r->status, .what = "the answer of another CSE",
		                       .content_status = r->content_status,
		                       .content_offset = r->content_offset };
	w->vendor = r->vendor;
	(void)text_print(w->decision.text, sizeof(w->decision.text), "forwarded [TS-0004 7.3.2.6]");
	return buf_add(&w->content, r->content);
}

err_t forward_run(struct work *w)
{
	struct buf primitive = buf_make(PRIMITIVE_MAX);
	struct response_primitive r;
	struct reach reach;
	struct bytes rqi;
	err_t err = ERR_OK;

	if (delivery_wanted(w))
		TRY(delivery_carry(w, &w->carried));
	if (w->carried)
		goto out;
	TRY(forward_identifier(w, &rqi));
	if (w->next_provider.n)
		reach_provider(w->next_provider, &reach);
	else
		TRY(reach_row(w, w->next_hop, &reach));
	TRY(forward_compose(w, rqi, reach.first, &primitive));
	TRY(reach_exchange(w, &reach, bytes_of_buf(&primitive),
	                   w->request.operation == OPERATION_RETRIEVE ? SEND_REPEAT : 0, &r));
	err = take_answer(w, &r);
out:
	buf_free(&primitive);
	return err;
}
