/* channel.c: long polling: the owner of a polling channel asks for a request that
 * waits for it, and brings the response as a notification [TS-0004 7.4.22]. A poll
 * that finds nothing is held, as a request that waits for others is (outbound.h). */
#include "request/channel.h"

#include "request/reach.h"
#include "request/work.h"

enum { PRIMITIVE_MAX = 2 << 20,
       AGGREGATED_MAX = 64, AGGREGATED_OCTETS = 256 * 1024 };

err_t channel_owner(struct work *w)
{
	const struct store_row *row;
	struct buf owner = buf_make(1024);
	uint64_t entity = w->target.id;
	err_t err = ERR_OK;

	if (w->request.operation == OPERATION_CREATE && !w->target.virtual_child) {
		if (w->request.type != TYPE_POLLING_CHANNEL)
			goto out;
	} else {
		if (w->target.type != TYPE_POLLING_CHANNEL)
			goto out;
		TRY(store_get(w->room->store, w->target.id, &row));
		entity = row ? row->parent : 0;
	}
	TRY(reach_identity(w, entity, &owner));
	/* Not even an administrator reads what was meant for another. */
	if (!owner.n || !bytes_equal(bytes_of_buf(&owner), w->originator))
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.4.21.2",
		            "a polling channel is its owner's alone");
out:
	buf_free(&owner);
	return err;
}

/* { "m2m:rqp": request } */
static err_t put_request(struct work *w, struct bytes primitive)
{
	err_t err;

	TRY(cbor_put_map(&w->content, 1));
	TRY(cbor_put_text(&w->content, BYTES("m2m:rqp")));
	TRY(buf_add(&w->content, primitive));
	w->outcome = (struct outcome){ .status = RSC_OK, .resource = w->target.id };
out:
	return err;
}

/* What is waited for has the poll's own identifier. */
static err_t wait_for_request(struct work *w, const struct outbound_answer **answer)
{
	struct outbound_request ask = { .operation = OPERATION_RETRIEVE, .to = w->request.to,
		                        .rqi = w->request.rqi };
	struct buf primitive = buf_make(PRIMITIVE_MAX), target = buf_make(64);
	err_t err;

	TRY(outbound_compose(&ask, &primitive));
	TRY(buf_printf(&target, "%s%llu", CHANNEL_POLL, (unsigned long long)w->target.id));
	TRY(outbound_ask(w, bytes_of_buf(&target), bytes_of_buf(&primitive), 0, answer));
out:
	buf_free(&primitive);
	buf_free(&target);
	return err;
}

/* requestAggregation: all that waits, as far as an answer holds it. */
static err_t aggregates(struct work *w, bool *yes)
{
	const struct store_row *row;
	struct cbor v;
	err_t err;

	*yes = false;
	TRY(store_get(w->room->store, w->target.id, &row));
	if (row)
		TRY(cbor_find(row->body, BYTES("rqag"), &v, yes));
	*yes = *yes && v.kind == CBOR_BOOL && v.u;
out:
	return err;
}

/* { "m2m:agrp": { "m2m:rqp": [requests] } } */
static err_t put_requests(struct work *w, struct bytes first)
{
	const struct channel_house *house = &w->room->channels;
	struct buf list = buf_make(PRIMITIVE_MAX);
	struct bytes next = first;
	size_t n = 0;
	err_t err;

	do {
		TRY(buf_add(&list, next));
	} while (++n < AGGREGATED_MAX && list.n < AGGREGATED_OCTETS &&
	         house->take(house->self, w->target.id, AGGREGATED_OCTETS - list.n, &next));
	TRY(cbor_put_map(&w->content, 1));
	TRY(cbor_put_text(&w->content, BYTES("m2m:agrp")));
	TRY(cbor_put_map(&w->content, 1));
	TRY(cbor_put_text(&w->content, BYTES("m2m:rqp")));
	TRY(cbor_put_array(&w->content, n));
	TRY(buf_add(&w->content, bytes_of_buf(&list)));
	w->outcome = (struct outcome){ .status = RSC_OK, .resource = w->target.id };
out:
	buf_free(&list);
	return err;
}

static err_t poll(struct work *w)
{
	const struct channel_house *house = &w->room->channels;
	const struct outbound_answer *answer;
	struct bytes primitive = BYTES_NONE;
	bool many;
	err_t err;

	TRY(aggregates(w, &many));
	if (house->take && house->take(house->self, w->target.id, SIZE_MAX, &primitive))
		return many ? put_requests(w, primitive) : put_request(w, primitive);
	TRY(wait_for_request(w, &answer));
	work_refuse(w, RSC_REQUEST_TIMEOUT, "TS-0004 7.4.22.2.2", "no request came in time");
out:
	return err;
}

/* Content { "m2m:rsp": response primitive } */
static err_t take_response(struct work *w)
{
	const struct channel_house *house = &w->room->channels;
	struct response_primitive response;
	struct cbor rsp;
	bool found;
	err_t err;

	TRY(cbor_find(w->request.content, BYTES("m2m:rsp"), &rsp, &found));
	if (!found || response_read(rsp.raw, &response) != ERR_OK || !response.rqi.n) {
		work_refuse(w, RSC_BAD_REQUEST, "TS-0004 7.5.1.2.7",
		            "the content is no response to a request of this channel");
		goto out;
	}
	if (!house->answer || !house->answer(house->self, w->target.id, response.rqi, rsp.raw)) {
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.4.22.2.5",
		            "no request of this channel waits for this response");
		goto out;
	}
	w->outcome = (struct outcome){ .status = RSC_OK, .resource = w->target.id };
out:
	return err;
}

err_t channel_run(struct work *w)
{
	return w->request.operation == OPERATION_NOTIFY ? take_response(w) : poll(w);
}
