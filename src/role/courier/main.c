/* main.c: holdfast-courier, primitives outbound to allowed places.
 *
 * The only process of a node that opens connections. It holds no long-term key
 * (the keeper uses the node's, over a link), no store and no policy; what it may
 * reach is a list that it cannot change, and the kernel holds the ports of that
 * list before it [T21]. Deliveries are in deliveries.c, connections in
 * connection.c. */
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/courier/courier.h"
#include "role/service/definitions.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { TURN_MS = 60000, PEM_MAX = 64 * 1024, PEERS_MAX = 4 * 1024 * 1024 };
enum { CONTROL, CORE, KEEPER, FIRST_CONNECTION, POLLED = FIRST_CONNECTION + COURIER_CONNECTIONS };

static err_t take_message(struct courier *c, const struct message *m)
{
	if (m->type == MSG_PEER_TRUST)
		return c->ctx ? channel_trust(c->ctx, m->body) : ERR_OK;
	return m->type == MSG_SEND ? delivery_take(c, m) : ERR_REFUSED;
}

static void serve_core(struct courier *c)
{
	err_t end = link_read(&c->core);
	struct message m;
	bool found = true;

	while (end == ERR_OK && found) {
		end = link_next(&c->core, &m, &found);
		if (end == ERR_OK && found)
			end = take_message(c, &m);
	}
	if (end == ERR_OK)
		return;
	link_close(&c->core);
	deliveries_forget(c);
}

/* Between calls the keeper says nothing to a courier but that it ends. */
static void serve_keeper(struct courier *c)
{
	if (keeper_drain(&c->keeper) != ERR_OK)
		link_close(&c->keeper.link);
}

static void take_core(struct courier *c, int fd)
{
	link_close(&c->core);
	deliveries_forget(c);
	if (fd >= 0)
		link_init(&c->core, fd, ROLE_COURIER, ROLE_CORE, 0);
}

static void take_keeper(struct courier *c, int fd)
{
	link_close(&c->keeper.link);
	if (fd >= 0)
		link_init(&c->keeper.link, fd, ROLE_COURIER, ROLE_KEEPER, 0);
}

static err_t take_events(struct courier *c)
{
	struct worker_event e;
	err_t err;

	do {
		TRY(worker_next_event(&c->worker, &e));
		if (e.type == MSG_LINK && e.what == WORKER_LINK_NEIGHBOUR && e.peer == ROLE_CORE)
			take_core(c, e.fd);
		else if (e.type == MSG_LINK && e.what == WORKER_LINK_NEIGHBOUR && e.peer == ROLE_KEEPER)
			take_keeper(c, e.fd);
		else if (e.fd >= 0)
			close(e.fd);
		if (e.type == MSG_STOP)
			c->stopping = true;
	} while (e.type);
out:
	return err;
}

static int time_left(const struct courier *c)
{
	int64_t now = clock_steady(), left = TURN_MS;

	for (size_t i = 0; i < COURIER_DELIVERIES; i++) {
		if (c->deliveries[i].state != DELIVERY_FREE && c->deliveries[i].deadline - now < left)
			left = c->deliveries[i].deadline - now;
	}
	for (size_t i = 0; i < COURIER_CONNECTIONS; i++) {
		if (c->connections[i].state == CONNECTION_IDLE &&
		    c->connections[i].idle_until - now < left)
			left = c->connections[i].idle_until - now;
	}
	return left > 0 ? (int)left + 1 : 0;
}

static void prepare(const struct courier *c, struct pollfd p[POLLED])
{
	p[CONTROL] = (struct pollfd){ c->worker.control.fd, POLLIN, 0 };
	p[CORE] = (struct pollfd){ c->core.dead ? -1 : c->core.fd,
		                   (short)(POLLIN | (link_wants_write(&c->core) ? POLLOUT : 0)), 0 };
	p[KEEPER] = (struct pollfd){ c->keeper.link.dead ? -1 : c->keeper.link.fd, POLLIN, 0 };
	for (size_t i = 0; i < COURIER_CONNECTIONS; i++) {
		const struct connection *x = &c->connections[i];
		short events = x->wants_write ? POLLOUT : POLLIN;

		p[FIRST_CONNECTION + i] = (struct pollfd){
			x->state == CONNECTION_FREE ? -1 : x->fd, events, 0 };
	}
}

static err_t turn(struct courier *c)
{
	struct pollfd p[POLLED];
	err_t err = ERR_OK;

	prepare(c, p);
	if (poll(p, POLLED, time_left(c)) < 0)
		return errno == EINTR ? ERR_OK : ERR_IO;
	if (p[CONTROL].revents)
		TRY(take_events(c));
	if (p[KEEPER].revents && p[KEEPER].fd == c->keeper.link.fd)
		serve_keeper(c);
	for (size_t i = 0; i < COURIER_CONNECTIONS; i++) {
		struct connection *x = &c->connections[i];

		if (p[FIRST_CONNECTION + i].revents && x->fd == p[FIRST_CONNECTION + i].fd)
			connection_step(c, x);
	}
	if (p[CORE].revents && p[CORE].fd == c->core.fd)
		serve_core(c);
	deliveries_turn(c);
	if (!c->core.dead && link_flush(&c->core) != ERR_OK) {
		link_close(&c->core);
		deliveries_forget(c);
	}
out:
	return err;
}

/* Before the sandbox: nothing can be read after it. Without certificate the
 * courier serves all the same, and reaches nobody by https. */
static void open_context(struct courier *c)
{
	struct buf node = buf_make(PEM_MAX), anchor = buf_make(PEERS_MAX);
	struct channel_server_setup setup = { .keeper = &c->keeper };
	err_t err;

	crypt_start();
	TRY(file_read("node.pem", PEM_MAX, &node));
	TRY(file_read("ca.pem", PEM_MAX, &anchor));
	if (access("peers.pem", F_OK) == 0)
		TRY(file_read("peers.pem", PEERS_MAX - PEM_MAX, &anchor));
	setup.certificate_pem = bytes_of_buf(&node);
	setup.anchor_pem = bytes_of_buf(&anchor);
	TRY(channel_node_new(&setup, &c->ctx));
out:
	if (err != ERR_OK)
		log_event(LOG_WARN, "no https outward", "why=%s", err_text(err));
	buf_free(&node);
	buf_free(&anchor);
}

static void end(struct courier *c)
{
	for (size_t i = 0; i < COURIER_CONNECTIONS; i++)
		connection_close(c, &c->connections[i]);
	deliveries_forget(c);
	link_close(&c->core);
	link_close(&c->keeper.link);
	SSL_CTX_free(c->ctx);
	http_mapper_free(&c->mapper);
	worker_end(&c->worker);
}

int main(int argc, char **argv)
{
	static struct courier courier;
	struct courier *c = &courier;
	struct worker *w = &c->worker;
	err_t err;

	c->core.dead = c->keeper.link.dead = true;
	for (size_t i = 0; i < COURIER_CONNECTIONS; i++)
		c->connections[i].fd = -1;
	TRY(worker_start(ROLE_COURIER, argc, argv, w));
	/* The TLS library writes with write(2). */
	(void)signal(SIGPIPE, SIG_IGN);
	c->lab = options_flag(&w->options, OPT_lab);
	http_mapper_init(&c->mapper, COURIER_BODY_MAX);
	take_core(c, worker_take_link(w, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0));
	take_keeper(c, worker_take_link(w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0));
	definitions_load(&w->options);
	open_context(c);
	TRY(worker_confine(w));
	while (err == ERR_OK && !c->stopping)
		err = turn(c);
out:
	end(c);
	return err == ERR_OK ? 0 : 1;
}
