/* deliveries.c: what the core wants sent, in order of arrival, and what became of
 * it. Whether a place may be reached is decided here, before anything is opened. */
#include "base/clock.h"
#include "base/log.h"
#include "role/courier/courier.h"

static struct delivery *free_delivery(struct courier *c)
{
	for (size_t i = 0; i < COURIER_DELIVERIES; i++) {
		if (c->deliveries[i].state == DELIVERY_FREE)
			return &c->deliveries[i];
	}
	return NULL;
}

static void answer(struct courier *c, uint64_t ref, err_t result, struct bytes primitive)
{
	struct buf body = buf_make(message_row(MSG_SENT)->max);
	struct wire_out out = wire_out(&body);
	err_t err;

	wire_put_u8(&out, (uint8_t)result);
	wire_put_bytes(&out, primitive);
	TRY(out.err);
	err = link_send(&c->core, MSG_SENT, ref, bytes_of_buf(&body));
out:
	if (err != ERR_OK)
		link_close(&c->core);
	buf_free(&body);
}

void delivery_end(struct courier *c, struct delivery *d, err_t err, struct bytes primitive)
{
	if (err != ERR_OK)
		log_event(LOG_INFO, "not delivered", "why=%s", err_text(err));
	answer(c, d->ref, err, primitive);
	buf_free(&d->target);
	buf_free(&d->primitive);
	*d = (struct delivery){ .state = DELIVERY_FREE };
}

/* May it go there? In the lab: to this machine, plain too. Else to places of the
 * list, never plain. */
static err_t judge(const struct courier *c, struct delivery *d)
{
	struct bytes list = bytes_str(options_text(&c->worker.options, OPT_courier_allow));
	err_t err;

	TRY(place_of(bytes_of_buf(&d->target), &d->url));
	if (c->lab && place_is_loopback(&d->url, &d->at))
		return ERR_OK;
	if (d->url.plain)
		return ERR_UNSUPPORTED;
	if (!place_allowed(list, &d->url, &d->at))
		return ERR_REFUSED;
	/* A name that is not pinned: nothing is resolved here. */
	if (d->at.n == 0)
		err = ERR_UNSUPPORTED;
out:
	return err;
}

static err_t read_send(struct delivery *d, struct bytes body)
{
	struct wire_in in = wire_in(body);
	uint32_t ms = wire_get_u32(&in);
	struct bytes target, primitive;
	unsigned serial;
	err_t err;

	d->flags = wire_get_u8(&in);
	serial = wire_get_u8(&in);
	target = wire_get_bytes(&in, PLACE_TARGET_MAX);
	primitive = wire_get_bytes(&in, body.n);
	TRY(wire_done(&in));
	TRY(serial < HTTP_SERIAL_COUNT ? ERR_OK : ERR_SYNTAX);
	d->serial = (enum http_serial)serial;
	d->deadline = clock_steady() + (ms < COURIER_TIME_MAX_MS ? ms : COURIER_TIME_MAX_MS);
	TRY(buf_add(&d->target, target));
	TRY(buf_add(&d->primitive, primitive));
out:
	return err;
}

void delivery_wait(struct courier *c, struct delivery *d)
{
	d->state = DELIVERY_WAITING;
	must(c->waiting_n < COURIER_DELIVERIES);
	c->waiting[c->waiting_n++] = d;
}

err_t delivery_take(struct courier *c, const struct message *m)
{
	struct delivery *d = free_delivery(c);
	err_t err;

	if (!d) {
		answer(c, m->ref, ERR_LIMIT, BYTES_NONE);
		return ERR_OK;
	}
	*d = (struct delivery){ .ref = m->ref, .target = buf_make(PLACE_TARGET_MAX), .primitive = buf_make(m->body.n) };
	err = read_send(d, m->body);
	if (err == ERR_OK)
		err = judge(c, d);
	if (err == ERR_OK)
		delivery_wait(c, d);
	else
		delivery_end(c, d, err, BYTES_NONE);
	return ERR_OK;
}

static void end_late(struct courier *c)
{
	int64_t now = clock_steady();

	for (size_t i = 0; i < COURIER_CONNECTIONS; i++) {
		struct connection *x = &c->connections[i];
		struct delivery *d = x->delivery;

		if (x->state == CONNECTION_IDLE && now >= x->idle_until)
			connection_close(c, x);
		if (!d || now < d->deadline)
			continue;
		connection_close(c, x);
		delivery_end(c, d, ERR_TIMEOUT, BYTES_NONE);
	}
	for (size_t i = 0; i < COURIER_DELIVERIES; i++) {
		if (c->deliveries[i].state == DELIVERY_WAITING && now >= c->deliveries[i].deadline)
			delivery_end(c, &c->deliveries[i], ERR_TIMEOUT, BYTES_NONE);
	}
}

void deliveries_turn(struct courier *c)
{
	size_t n = c->waiting_n;

	end_late(c);
	c->waiting_n = 0;
	for (size_t i = 0; i < n; i++) {
		struct delivery *d = c->waiting[i];
		struct connection *x;

		if (d->state != DELIVERY_WAITING)
			continue; /* was late */
		x = connection_for(c, d);
		if (x)
			connection_carry(c, x, d);
		else if (d->state == DELIVERY_WAITING)
			c->waiting[c->waiting_n++] = d;
	}
}

void deliveries_forget(struct courier *c)
{
	for (size_t i = 0; i < COURIER_CONNECTIONS; i++) {
		if (c->connections[i].delivery)
			connection_close(c, &c->connections[i]);
	}
	for (size_t i = 0; i < COURIER_DELIVERIES; i++) {
		buf_free(&c->deliveries[i].target);
		buf_free(&c->deliveries[i].primitive);
		c->deliveries[i] = (struct delivery){ .state = DELIVERY_FREE };
	}
	c->waiting_n = 0;
}
