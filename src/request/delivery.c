/* delivery.c: gathering requests for another CSE, and handing them on. */
#include "request/delivery.h"

#include "request/later_work.h"
#include "request/reach.h"
#include "resource/delivery.h"
#include "base/clock.h"
#include "wire/wire.h"

enum {
	IMMEDIATE = 2, BEST_EFFORT = 3, RCN_NOTHING = 0,
	GATHER_MS = 1000, RETRY_MS = 5000, RETRY_DOUBLES = 7,
	LIFESPAN_MS = 3600000,   /* of what says nothing */
	PRIMITIVE_MAX = 1 << 20, TEXT_MAX = 2048,
};

static const char reason[] = "delivery";

/* --- which requests ------------------------------------------------------------------------- */

bool delivery_wanted(const struct work *w)
{
	const struct request_primitive *r = &w->request;
	const struct resource_type *type = resource_type(r->type);
	struct cbor content;

	if (!r->has[PARAM_DA] || !r->value[PARAM_DA].u || w->depth || w->in->own || !w->next_hop ||
	    r->operation == OPERATION_RETRIEVE)
		return false;
	if (r->response_type != RT_NONE && !(r->has[PARAM_RCN] && r->result_content == RCN_NOTHING))
		return false;
	/* What may bring a key is kept nowhere; a delivery within another carries nothing. */
	if (r->operation == OPERATION_CREATE && (r->type == DELIVERY || (type && type->direct)))
		return false;
	if (r->has_content && (cbor_read(r->content, &content) != ERR_OK || resource_brings_key(&content)))
		return false;
	return r->raw.n <= DELIVERY_OCTETS / 4;
}

/* --- does the next CSE take deliveries? ------------------------------------------------------ */

static bool lists(struct bytes content)
{
	struct cbor cb, srt, item;
	bool found = false;

	if (cbor_find(content, BYTES("m2m:cb"), &cb, &found) != ERR_OK || !found || cb.kind != CBOR_MAP ||
	    cbor_find(cb.raw, BYTES("srt"), &srt, &found) != ERR_OK || !found || srt.kind != CBOR_ARRAY)
		return false;
	while (srt.s.n && cbor_next(&srt.s, &item) == ERR_OK) {
		if (item.kind == CBOR_UINT && item.u == DELIVERY)
			return true;
	}
	return false;
}

/* The CSEBase of the next CSE, as its remoteCSE names it; empty: it does not. */
static err_t base_of(struct work *w, struct bytes *out)
{
	const struct store_row *row;
	struct cbor cb;
	bool found = false;
	err_t err;

	*out = BYTES_NONE;
	TRY(store_get(w->room->store, w->next_hop, &row));
	if (row)
		TRY(cbor_find(row->body, BYTES("cb"), &cb, &found));
	if (found && cb.kind == CBOR_TEXT)
		err = arena_copy(&w->room->arena, cb.s, out);
out:
	return err;
}

/* This CSE asks for itself; who may not see it, or gets no answer, carries nothing there. */
static err_t next_takes(struct work *w, bool *yes)
{
	struct outbound_request request = { .operation = OPERATION_RETRIEVE, .rvi = BYTES("3") };
	struct buf primitive = buf_make(TEXT_MAX);
	struct response_primitive r;
	struct reach reach;
	err_t err;

	*yes = false;
	request.originated = w->in->now;
	TRY(base_of(w, &request.to));
	if (!request.to.n)
		goto out;
	TRY(outbound_identifier(w, BYTES("supportedResourceType"), &request.rqi));
	request.from = resources_cse(w->room->resources)->cse_id;
	TRY(outbound_compose(&request, &primitive));
	TRY(reach_row(w, w->next_hop, &reach));
	TRY(reach_exchange(w, &reach, bytes_of_buf(&primitive), SEND_REPEAT, &r));
	*yes = r.status == RSC_OK && lists(r.content);
out:
	buf_free(&primitive);
	return err;
}

/* --- gathering --------------------------------------------------------------------------------- */

static err_t compose(struct work *w, struct bytes *out)
{
	struct buf b = buf_make(PRIMITIVE_MAX);
	struct bytes rqi;
	err_t err;

	w->carries = true; /* times as they will still be right then */
	TRY(forward_identifier(w, &rqi));
	TRY(forward_compose(w, rqi, false, &b));
	err = arena_copy(&w->room->arena, bytes_of_buf(&b), out);
out:
	w->carries = false;
	buf_free(&b);
	return err;
}

/* Gathered for one originator: nobody's requests stand beside another's, nor on another's
 * credential. */
static err_t describe(struct work *w, struct delivery *d)
{
	err_t err;

	*d = (struct delivery){
		.source = resources_cse(w->room->resources)->cse_id, .target = forward_cse(w, w->request.to),
		.creator = w->originator, .n = 1, .category = BEST_EFFORT, .until = w->in->now + LIFESPAN_MS,
	};
	if (w->request.has[PARAM_RQET])
		d->until = w->request.expires;
	if (d->until > w->in->now + EXPIRATION_MAX_MS)
		d->until = w->in->now + EXPIRATION_MAX_MS;
	if (w->request.has[PARAM_EC])
		d->category = w->request.value[PARAM_EC].u;
	if (w->association)
		d->credential = bytes_str(w->association->facts.credential);
	TRY(compose(w, &d->requests[0]));
	d->octets = d->requests[0].n;
out:
	return err;
}

static err_t gather(struct work *w, const struct delivery *one, struct delivery *all)
{
	all->requests[all->n++] = one->requests[0];
	all->until = one->until > all->until ? one->until : all->until;
	return delivery_regather(w->room->resources, permit_for_system(reason), all);
}

static err_t begin(struct work *w, struct delivery *d, uint64_t *id)
{
	err_t err;

	d->due = d->category == IMMEDIATE ? w->in->now : w->in->now + GATHER_MS;
	TRY(delivery_make(w->room->resources, permit_for_system(reason), &w->room->arena, d, w->in->now, id));
	err = later_add(&w->room->later, d->due, *id, w->originator);
out:
	return err;
}

static err_t put(struct work *w, bool *carried)
{
	struct delivery *d;
	bool found;
	void *p;
	err_t err;

	TRY(arena_take(&w->room->arena, 2 * sizeof(*d), &p));
	d = p;
	TRY(describe(w, &d[0]));
	TRY(delivery_gathering(w->room->resources, &w->room->arena, &d[0], w->in->now, &d[1], &found));
	if (!found) {
		TRY(next_takes(w, carried));
		if (!*carried)
			goto out;
		if (later_full(&w->room->later, w->originator))
			TRY(ERR_REFUSED);
	}
	*carried = true;
	w->outcome = (struct outcome){ .status = RSC_ACCEPTED, .resource = d[1].id,
		                       .what = "carried in a delivery" };
	if (found)
		err = gather(w, &d[0], &d[1]);
	else
		err = begin(w, &d[0], &w->outcome.resource);
	w->room->must_commit = true;
out:
	return err;
}

err_t delivery_carry(struct work *w, bool *carried)
{
	err_t err = ERR_OK;

	*carried = true;
	if (w->repeated)
		w->outcome = (struct outcome){ .status = w->kept.status, .resource = w->kept.resource,
			                       .what = "repeated: the first result" };
	else
		err = put(w, carried);
	if (err == ERR_REFUSED) {
		work_refuse(w, RSC_NOT_ACCEPTABLE, "limit", "the originator's share of this node is used up");
		return ERR_OK;
	}
	TRY(err);
	if (*carried)
		(void)text_print(w->decision.text, sizeof(w->decision.text), "delivery [TS-0001 10.2.5.7]");
out:
	return err;
}

/* --- handing on ---------------------------------------------------------------------------------- */

struct composer {
	struct buf values;
	struct cbor_member m[8];
	size_t at[8], n;
};

static struct buf *next(struct composer *c, const char *key)
{
	must(c->n < COUNT_OF(c->m));
	c->m[c->n].key = bytes_str(key);
	c->at[c->n++] = c->values.n;
	return &c->values;
}

static err_t finish(struct composer *c, struct buf *out)
{
	for (size_t i = 0; i < c->n; i++) {
		size_t end = i + 1 < c->n ? c->at[i + 1] : c->values.n;

		c->m[i].value = bytes_sub(bytes_of_buf(&c->values), c->at[i], end - c->at[i]);
	}
	return cbor_put_members(out, c->m, c->n);
}

/* Who asked for a trace finds this CSE in it; and so does this CSE, should it come round. */
static err_t put_meta(struct work *w, const struct delivery *d, struct buf *out)
{
	struct composer c = { .values = buf_make(PRIMITIVE_MAX) };
	struct buf *b;
	err_t err;

	TRY(cbor_put_bool(next(&c, "tcop"), d->traced));
	b = next(&c, "tcin");
	TRY(cbor_put_array(b, d->trace_n + 1));
	for (size_t i = 0; i < d->trace_n; i++)
		TRY(cbor_put_text(b, d->trace[i]));
	TRY(cbor_put_text(b, resources_cse(w->room->resources)->cse_id));
	err = finish(&c, out);
out:
	buf_free(&c.values);
	return err;
}

/* One whose time, or that of its result, is past would have the whole refused. */
static bool is_over(const struct request_primitive *q, int64_t now)
{
	return (q->has[PARAM_RQET] && q->expires <= now) || (q->has[PARAM_RSET] && q->result_expires <= now);
}

/* Those whose time is not over. *n: how many. */
static err_t put_requests(struct work *w, const struct delivery *d, struct buf *out, size_t *n)
{
	struct request_primitive q;
	struct bytes kept[DELIVERY_REQUESTS];
	err_t err;

	*n = 0;
	for (size_t i = 0; i < d->n; i++) {
		if (request_read(d->requests[i], w->in->memo.arrived, &q) == ERR_OK && !is_over(&q, w->in->now))
			kept[(*n)++] = d->requests[i];
	}
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("rqp")));
	TRY(cbor_put_array(out, *n));
	for (size_t i = 0; i < *n; i++)
		TRY(buf_add(out, kept[i]));
out:
	return err;
}

/* The name is the same each time: one that was taken, and whose answer was lost, is not taken
 * twice. Nobody can take it before who does not know the requests. */
static err_t put_name(struct work *w, const struct delivery *d, struct buf *out)
{
	struct buf seed = buf_make(PRIMITIVE_MAX);
	struct bytes name;
	err_t err;

	TRY(buf_printf(&seed, "name %llu ", (unsigned long long)d->id));
	TRY(buf_add(&seed, d->requests[0]));
	TRY(outbound_identifier(w, bytes_of_buf(&seed), &name));
	err = cbor_put_text(out, name);
out:
	buf_free(&seed);
	return err;
}

static err_t put_content(struct work *w, const struct delivery *d, struct buf *out, size_t *n)
{
	struct composer c = { .values = buf_make(PRIMITIVE_MAX) };
	struct buf inner = buf_make(PRIMITIVE_MAX);
	char stamp[CLOCK_STAMP_LENGTH + 1];
	struct cbor_member one = { BYTES("m2m:dlv"), BYTES_NONE };
	err_t err;

	clock_stamp(d->until, stamp);
	TRY(put_name(w, d, next(&c, "rn")));
	TRY(cbor_put_text(next(&c, "sr"), d->source));
	TRY(cbor_put_text(next(&c, "tg"), d->target));
	TRY(cbor_put_text(next(&c, "ls"), bytes_str(stamp)));
	TRY(cbor_put_uint(next(&c, "ec"), d->category));
	TRY(put_meta(w, d, next(&c, "dmd")));
	TRY(put_requests(w, d, next(&c, "arq"), n));
	TRY(finish(&c, &inner));
	one.value = bytes_of_buf(&inner);
	err = cbor_put_members(out, &one, 1);
out:
	buf_free(&c.values);
	buf_free(&inner);
	return err;
}

/* rsc 0: nobody answered; n 0: nothing is left of it. Each try is a request of its own, of its
 * own time: the memory of replay is shorter than the outage that a delivery outlasts. */
static err_t exchange(struct work *w, const struct delivery *d, size_t *n, unsigned *rsc)
{
	struct outbound_request request = { .operation = OPERATION_CREATE, .type = DELIVERY, .rvi = BYTES("3") };
	struct buf content = buf_make(PRIMITIVE_MAX), primitive = buf_make(PRIMITIVE_MAX), seed = buf_make(64);
	struct response_primitive r;
	struct reach reach;
	err_t err;

	*rsc = 0;
	*n = 0;
	request.originated = w->in->now;
	TRY(base_of(w, &request.to));
	if (d->n)
		TRY(put_content(w, d, &content, n));
	if (*n == 0 || !request.to.n)
		goto out;
	TRY(buf_printf(&seed, "delivery %llu %llu", (unsigned long long)d->id, (unsigned long long)d->tries));
	TRY(outbound_identifier(w, bytes_of_buf(&seed), &request.rqi));
	request.from = resources_cse(w->room->resources)->cse_id;
	request.content = bytes_of_buf(&content);
	TRY(outbound_compose(&request, &primitive));
	TRY(reach_row(w, w->next_hop, &reach));
	TRY(reach_exchange(w, &reach, bytes_of_buf(&primitive), SEND_REPEAT, &r));
	*rsc = r.status;
out:
	buf_free(&content);
	buf_free(&primitive);
	buf_free(&seed);
	return err;
}

static int64_t next_try(const struct delivery *d, int64_t now)
{
	return now + ((int64_t)RETRY_MS << (d->tries < RETRY_DOUBLES ? d->tries : RETRY_DOUBLES));
}

static err_t again(struct request_room *room, const struct delivery *d, int64_t now)
{
	const struct permit *system = permit_for_system(reason);
	int64_t due = next_try(d, now);
	err_t err;

	if (due >= d->stops)
		return delivery_end(room->resources, system, d->id, now);
	TRY(delivery_due(room->resources, system, d->id, due, d->tries + 1));
	err = later_add(&room->later, due, d->id, d->creator);
out:
	return err;
}

/* Refused is refused: nobody waits for an answer, but it is on record. What the next CSE
 * cannot do now it is asked again. That there is one of this name: it was taken before, and
 * the answer was lost. */
static err_t settle(struct work *w, const struct delivery *d, size_t n, unsigned rsc)
{
	bool later = n && (rsc == 0 || rsc == RSC_TARGET_NOT_REACHABLE || rsc == RSC_INTERNAL_SERVER_ERROR ||
	                   rsc == RSC_NOT_ACCEPTABLE || rsc == RSC_REQUEST_TIMEOUT) &&
	             next_try(d, w->in->now) < d->stops;
	err_t err;

	if (later)
		err = again(w->room, d, w->in->now);
	else
		err = delivery_end(w->room->resources, permit_for_system(reason), d->id, w->in->now);
	TRY(err);
	if (n && (status_is_success(rsc) || rsc == RSC_CONFLICT))
		w->outcome = (struct outcome){ .status = RSC_OK, .resource = d->id, .what = "a delivery was handed on" };
	else
		work_refuse(w, n == 0 ? RSC_REQUEST_TIMEOUT : status_row(rsc) ? rsc : RSC_TARGET_NOT_REACHABLE,
		            "TS-0001 10.2.5.7", later ? "a delivery is not taken now: later again"
		                                      : "a delivery was not taken, and is given up");
out:
	return err;
}

/* Never back to the CSE that brought it. */
static err_t route(struct work *w, const struct delivery *d)
{
	const struct store_row *row;
	struct cbor csi;
	bool found = false;
	err_t err;

	w->request.to = d->target;
	TRY(forward_route(w));
	if (w->status)
		goto out;
	if (w->next_hop) {
		TRY(store_get(w->room->store, w->next_hop, &row));
		if (row)
			TRY(cbor_find(row->body, BYTES("csi"), &csi, &found));
	}
	if (!found || bytes_equal(csi.s, behind_cse(w, d->creator)))
		work_refuse(w, RSC_NOT_FOUND, "TS-0004 7.3.2.6", "no CSE is known on the way there");
out:
	return err;
}

/* Nothing comes to it any more, before it is sent: a request that came meanwhile would be
 * taken for one that was. */
static err_t close_it(struct work *w, const struct delivery *d)
{
	err_t err;

	TRY(delivery_due(w->room->resources, permit_for_system(reason), d->id, w->in->now, 0));
	TRY(later_add(&w->room->later, w->in->now, d->id, d->creator));
	w->outcome = (struct outcome){ .status = RSC_OK, .resource = d->id, .what = "a delivery is complete" };
out:
	return err;
}

static err_t hand_on(struct work *w, const struct delivery *d)
{
	unsigned rsc = 0;
	size_t n = 0;
	err_t err = ERR_OK;

	if (!w->status)
		TRY(route(w, d));
	if (w->status)
		return delivery_end(w->room->resources, permit_for_system(reason), d->id, w->in->now);
	if (d->gathers)
		return close_it(w, d);
	TRY(exchange(w, d, &n, &rsc));
	err = settle(w, d, n, rsc);
out:
	return err;
}

/* w->status: the credential that it came on stands no more. */
err_t delivery_send(struct work *w)
{
	struct delivery *d;
	bool found;
	void *p;
	err_t err;

	TRY(arena_take(&w->room->arena, sizeof(*d), &p));
	d = p;
	TRY(delivery_read(w->room->resources, &w->room->arena, w->in->deferred, w->in->now, d, &found));
	w->request.operation = OPERATION_CREATE;
	w->originator = d->creator;
	if (found)
		TRY(hand_on(w, d));
	else
		work_refuse(w, RSC_NOT_FOUND, "TS-0001 10.2.5.11", "the delivery was cancelled");
	w->room->must_commit = true;
	err = record_request(w);
out:
	return err;
}

err_t delivery_failed(struct request_room *room, const struct request_arrival *in)
{
	struct delivery *d;
	bool found;
	void *p;
	err_t err;

	arena_reset(&room->arena);
	TRY(arena_take(&room->arena, sizeof(*d), &p));
	d = p;
	TRY(delivery_read(room->resources, &room->arena, in->deferred, in->now, d, &found));
	if (found)
		err = again(room, d, in->now);
	room->must_commit = true;
out:
	return err;
}
