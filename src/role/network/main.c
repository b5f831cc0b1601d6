/* main.c: holdfast-network, the node's side of the reference point Z.
 *
 * It asks the functions of the underlying network that are configured for the keys of
 * their subscribers, seals each to the keeper, and hands it to the core. It knows no
 * policy: whom it is asked for, and what becomes of the key, is the core's. Its own
 * process, because what parses a network's answer has the key in clear. */
#include "base/clock.h"
#include "base/log.h"
#include "role/network/network.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

enum { TURN_MS = 60000 };
enum { CONTROL, CORE, FIRST_EXCHANGE, POLLED = FIRST_EXCHANGE + EXCHANGES };

static void forget_all(struct network *n)
{
	for (size_t i = 0; i < EXCHANGES; i++)
		exchange_free(&n->exchanges[i]);
}

static void take_core(struct network *n, int fd)
{
	link_close(&n->core);
	forget_all(n);
	if (fd >= 0)
		link_init(&n->core, fd, ROLE_NETWORK, ROLE_CORE, 0);
}

static void serve_core(struct network *n)
{
	err_t end = link_read(&n->core);
	struct message m;
	bool found = true;

	while (end == ERR_OK && found) {
		end = link_next(&n->core, &m, &found);
		if (end == ERR_OK && found)
			end = m.type == MSG_NETWORK_FETCH ? exchange_take(n, &m) : ERR_REFUSED;
	}
	if (end != ERR_OK)
		take_core(n, -1);
}

static err_t take_events(struct network *n)
{
	struct worker_event e;
	err_t err;

	do {
		TRY(worker_next_event(&n->worker, &e));
		if (e.type == MSG_LINK && e.what == WORKER_LINK_NEIGHBOUR && e.peer == ROLE_CORE)
			take_core(n, e.fd);
		else if (e.fd >= 0)
			close(e.fd);
		if (e.type == MSG_STOP)
			n->stopping = true;
	} while (e.type);
out:
	return err;
}

static int time_left(const struct network *n)
{
	int64_t now = clock_steady(), left = TURN_MS;

	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *x = &n->exchanges[i];

		if (x->state != EXCHANGE_FREE && x->deadline - now < left)
			left = x->deadline - now;
	}
	return left > 0 ? (int)left + 1 : 0;
}

static void prepare(const struct network *n, struct pollfd p[POLLED])
{
	p[CONTROL] = (struct pollfd){ n->worker.control.fd, POLLIN, 0 };
	p[CORE] = (struct pollfd){ n->core.dead ? -1 : n->core.fd,
		                   (short)(POLLIN | (link_wants_write(&n->core) ? POLLOUT : 0)), 0 };
	for (size_t i = 0; i < EXCHANGES; i++) {
		const struct exchange *x = &n->exchanges[i];

		p[FIRST_EXCHANGE + i] = (struct pollfd){ x->state == EXCHANGE_FREE ? -1 : x->fd,
			x->state == EXCHANGE_READING ? POLLIN : POLLOUT, 0 };
	}
}

static err_t turn(struct network *n)
{
	struct pollfd p[POLLED];
	err_t err = ERR_OK;

	prepare(n, p);
	if (poll(p, POLLED, time_left(n)) < 0)
		return errno == EINTR ? ERR_OK : ERR_IO;
	if (p[CONTROL].revents)
		TRY(take_events(n));
	for (size_t i = 0; i < EXCHANGES; i++) {
		struct exchange *x = &n->exchanges[i];

		if (x->state == EXCHANGE_FREE)
			continue;
		/* The whole of it within its time, however often an octet comes. */
		if (clock_steady() >= x->deadline)
			exchange_end(n, x, ERR_TIMEOUT);
		else if (p[FIRST_EXCHANGE + i].revents && x->fd == p[FIRST_EXCHANGE + i].fd)
			exchange_step(n, x);
	}
	if (p[CORE].revents && p[CORE].fd == n->core.fd)
		serve_core(n);
	if (!n->core.dead && link_flush(&n->core) != ERR_OK)
		take_core(n, -1);
out:
	return err;
}

/* Its name as NAF: the public domain name of its CSE-ID. */
static err_t configure(struct network *n)
{
	const struct options *o = &n->worker.options;
	const char *sp = options_text(o, OPT_node_sp_id), *cse = options_text(o, OPT_node_cse_id);
	err_t err = ERR_OK;

	if (!text_print(n->fqdn, sizeof(n->fqdn), "%.*s.%.*s", BYTES_FMT(bytes_sub(bytes_str(cse), 1, SIZE_MAX)),
	                BYTES_FMT(bytes_sub(bytes_str(sp), 2, SIZE_MAX))))
		return ERR_LIMIT;
	TRY(bytes_from_hex(bytes_str(options_text(o, OPT_network_ua)), n->ua, sizeof(n->ua)));
	for (unsigned i = 0; i < NETWORK_COUNT; i++)
		TRY(network_place(o, (enum network_id)i, &n->places[i], &n->on[i]));
out:
	return err;
}

int main(int argc, char **argv)
{
	static struct network network;
	struct network *n = &network;
	err_t err;

	n->core.dead = true;
	for (size_t i = 0; i < EXCHANGES; i++)
		n->exchanges[i].fd = -1;
	TRY(worker_start(ROLE_NETWORK, argc, argv, &n->worker));
	(void)signal(SIGPIPE, SIG_IGN);
	crypt_start();
	clock_start();
	TRY(configure(n));
	take_core(n, worker_take_link(&n->worker, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0));
	TRY(worker_confine(&n->worker));
	while (err == ERR_OK && !n->stopping)
		err = turn(n);
out:
	forget_all(n);
	link_close(&n->core);
	worker_end(&n->worker);
	return err == ERR_OK ? 0 : 1;
}
