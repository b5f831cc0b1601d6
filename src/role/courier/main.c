/* main.c: holdfast-courier, primitives outbound to allowed places.
 *
 *   SEND: target URL bytes, primitive bytes      (reference in the head)
 *   SENT: u8 err_t, answer primitive bytes (empty unless ERR_OK)
 *
 * A place that is not on the list courier.allow is refused before anything is
 * opened. Delivery itself is not there yet: doc/decision/courier.md says what
 * is, and each allowed SEND is answered with ERR_UNSUPPORTED. */
#include "base/log.h"
#include "role/common/worker.h"
#include "role/courier/places.h"

#include <poll.h>
#include <unistd.h>

enum { TURN_MS = -1 };

struct courier {
	struct worker worker;
	struct link core, keeper;
	bool stopping;
};

static err_t deliver(const struct courier *c, struct bytes body)
{
	struct wire_in in = wire_in(body);
	struct bytes target = wire_get_bytes(&in, PLACE_TARGET_MAX);
	struct bytes host;
	uint16_t port;
	err_t err;

	(void)wire_get_bytes(&in, body.n);
	TRY(wire_done(&in));
	TRY(place_of(target, &host, &port));
	if (!place_allowed(bytes_str(options_text(&c->worker.options, OPT_courier_allow)),
	                   host, port))
		return ERR_REFUSED;
	err = ERR_UNSUPPORTED;
out:
	return err;
}

static err_t answer(struct courier *c, const struct message *m)
{
	struct buf body = buf_make(16);
	struct wire_out out = wire_out(&body);
	err_t err;

	wire_put_u8(&out, (uint8_t)deliver(c, m->body));
	wire_put_bytes(&out, BYTES_NONE);
	TRY(out.err);
	err = link_send(&c->core, MSG_SENT, m->ref, bytes_of_buf(&body));
out:
	buf_free(&body);
	return err;
}

static void serve_core(struct courier *c)
{
	err_t end = link_read(&c->core);
	struct message m;
	bool found = true;

	while (end == ERR_OK && found) {
		end = link_next(&c->core, &m, &found);
		if (end == ERR_OK && found)
			end = m.type == MSG_SEND ? answer(c, &m) : ERR_REFUSED;
	}
	if (end == ERR_OK)
		end = link_flush(&c->core);
	if (end != ERR_OK)
		link_close(&c->core);
}

/* Nothing is asked of the keeper yet, so nothing may come but the end. */
static void serve_keeper(struct courier *c)
{
	struct message m;
	bool found;

	if (link_read(&c->keeper) != ERR_OK || link_next(&c->keeper, &m, &found) != ERR_OK || found)
		link_close(&c->keeper);
}

static void take_neighbour(struct link *l, enum role role, int fd)
{
	link_close(l);
	if (fd >= 0)
		link_init(l, fd, ROLE_COURIER, role, 0);
}

static err_t take_events(struct courier *c)
{
	struct worker_event e;
	err_t err;

	do {
		TRY(worker_next_event(&c->worker, &e));
		if (e.type == MSG_LINK && e.what == WORKER_LINK_NEIGHBOUR && e.peer == ROLE_CORE)
			take_neighbour(&c->core, ROLE_CORE, e.fd);
		else if (e.type == MSG_LINK && e.what == WORKER_LINK_NEIGHBOUR && e.peer == ROLE_KEEPER)
			take_neighbour(&c->keeper, ROLE_KEEPER, e.fd);
		else if (e.fd >= 0)
			close(e.fd);
		if (e.type == MSG_STOP)
			c->stopping = true;
	} while (e.type);
out:
	return err;
}

static err_t run(struct courier *c)
{
	enum { CONTROL, CORE, KEEPER, POLLED };
	err_t err = ERR_OK;

	while (!c->stopping) {
		struct pollfd p[POLLED] = {
			[CONTROL] = { c->worker.control.fd, POLLIN, 0 },
			[CORE] = { c->core.dead ? -1 : c->core.fd,
			           (short)(POLLIN | (link_wants_write(&c->core) ? POLLOUT : 0)), 0 },
			[KEEPER] = { c->keeper.dead ? -1 : c->keeper.fd, POLLIN, 0 },
		};

		if (poll(p, POLLED, TURN_MS) < 0)
			continue;
		if (p[CONTROL].revents)
			TRY(take_events(c));
		if (p[CORE].revents && !c->core.dead)
			serve_core(c);
		if (p[KEEPER].revents && !c->keeper.dead)
			serve_keeper(c);
	}
out:
	return err;
}

int main(int argc, char **argv)
{
	static struct courier courier;
	struct courier *c = &courier;
	struct worker *w = &c->worker;
	err_t err;

	c->core.dead = c->keeper.dead = true;
	TRY(worker_start(ROLE_COURIER, argc, argv, w));
	take_neighbour(&c->core, ROLE_CORE, worker_take_link(w, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0));
	take_neighbour(&c->keeper, ROLE_KEEPER,
	               worker_take_link(w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0));
	TRY(worker_confine(w));
	err = run(c);
out:
	link_close(&c->core);
	link_close(&c->keeper);
	worker_end(w);
	return err == ERR_OK ? 0 : 1;
}
