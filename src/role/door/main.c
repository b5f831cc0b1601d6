/* main.c: holdfast-door, local administration, and keys for other programs.
 *
 * It holds no key, no data and no policy, and parses nothing but heads. */
#include "base/clock.h"
#include "base/log.h"
#include "role/door/door.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { AT_CONTROL, AT_LISTENER, AT_PROGRAMS, AT_CORE, AT_KEEPER, AT_CLIENTS,
       POLLED = AT_CLIENTS + DOOR_CLIENTS_MAX, TURN_MS = 1000 };

static void take_neighbour(struct door *d, enum role role, int fd)
{
	door_neighbour_lost(d, role);
	if (fd >= 0)
		link_init(door_neighbour(d, role), fd, ROLE_DOOR, role, 0);
}

static err_t take_events(struct door *d)
{
	struct worker_event e;
	err_t err;

	do {
		TRY(worker_next_event(&d->worker, &e));
		if (e.type == MSG_LINK && e.what == WORKER_LINK_NEIGHBOUR &&
		    (e.peer == ROLE_CORE || e.peer == ROLE_KEEPER))
			take_neighbour(d, e.peer, e.fd);
		else if (e.fd >= 0)
			close(e.fd);
		if (e.type == MSG_STOP && !d->stopping) {
			d->stopping = true;
			d->stop_by = clock_steady() + DOOR_STOP_MS;
		}
	} while (e.type);
out:
	return err;
}

static struct pollfd watch(const struct link *l, bool reads)
{
	/* A descriptor of -1 is passed over by poll. */
	return (struct pollfd){ l->dead ? -1 : l->fd,
		                (short)((reads ? POLLIN : 0) | (link_wants_write(l) ? POLLOUT : 0)), 0 };
}

static void watch_all(const struct door *d, struct pollfd *p)
{
	p[AT_CONTROL] = (struct pollfd){ d->worker.control.fd, POLLIN, 0 };
	p[AT_LISTENER] = (struct pollfd){ d->stopping ? -1 : d->listener, POLLIN, 0 };
	p[AT_PROGRAMS] = (struct pollfd){ d->stopping ? -1 : d->programs, POLLIN, 0 };
	p[AT_CORE] = watch(&d->core, true);
	p[AT_KEEPER] = watch(&d->keeper, true);
	/* Nobody asks any more when the node stops. */
	for (size_t i = 0; i < DOOR_CLIENTS_MAX; i++)
		p[AT_CLIENTS + i] = d->clients[i].used ? watch(&d->clients[i].link, !d->stopping)
		                                       : (struct pollfd){ -1, 0, 0 };
}

static void flush(struct link *l)
{
	/* A failure marks the link dead, which the next turn sees. */
	if (!l->dead && link_flush_wipe(l) != ERR_OK)
		l->dead = true;
}

static void serve_neighbour(struct door *d, enum role role, short events)
{
	struct link *l = door_neighbour(d, role);

	if (events & POLLOUT)
		flush(l);
	if (events & (POLLIN | POLLHUP | POLLERR))
		door_answers(d, role);
}

/* When the node stops, who is gone is not waited for, and what he left unread is not asked. */
static void serve_clients(struct door *d, const struct pollfd *p)
{
	for (size_t i = 0; i < DOOR_CLIENTS_MAX; i++) {
		bool says = d->clients[i].used && p[i].revents & (POLLIN | POLLHUP | POLLERR);

		if (d->clients[i].used && p[i].revents & POLLOUT)
			flush(&d->clients[i].link);
		if (says && d->stopping)
			door_client_drop(d, i, NULL);
		else if (says)
			door_client_read(d, i);
	}
}

static bool any_open(const struct door *d)
{
	for (size_t i = 0; i < DOOR_CLIENTS_MAX; i++) {
		if (d->clients[i].used && (d->clients[i].open || d->clients[i].link.out.n))
			return true;
	}
	return false;
}

static err_t run(struct door *d)
{
	struct pollfd p[POLLED];
	err_t err = ERR_OK;

	/* On STOP the open questions are answered first, for a while. */
	while (!d->stopping || (any_open(d) && clock_steady() < d->stop_by)) {
		watch_all(d, p);
		if (poll(p, POLLED, TURN_MS) < 0 && errno != EINTR)
			return ERR_IO;
		if (p[AT_CONTROL].revents)
			TRY(take_events(d));
		serve_neighbour(d, ROLE_CORE, p[AT_CORE].revents);
		serve_neighbour(d, ROLE_KEEPER, p[AT_KEEPER].revents);
		serve_clients(d, p + AT_CLIENTS);
		if (p[AT_LISTENER].revents & POLLIN)
			door_accept(d);
		if (p[AT_PROGRAMS].revents & POLLIN)
			door_accept_program(d);
		door_sweep(d, clock_steady());
	}
out:
	return err;
}

int main(int argc, char **argv)
{
	static struct door door;
	struct door *d = &door;
	err_t err;

	d->core.dead = d->keeper.dead = true;
	TRY(worker_start(ROLE_DOOR, argc, argv, &d->worker));
	take_neighbour(d, ROLE_CORE, worker_take_link(&d->worker, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0));
	take_neighbour(d, ROLE_KEEPER, worker_take_link(&d->worker, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0));
	d->listener = worker_take_link(&d->worker, WORKER_LINK_DOOR, ROLE_PARENT, 0);
	d->programs = worker_take_link(&d->worker, WORKER_LINK_PROGRAMS, ROLE_PARENT, 0);
	TRY(worker_confine(&d->worker));
	err = run(d);
out:
	for (size_t i = 0; i < DOOR_CLIENTS_MAX; i++) {
		if (d->clients[i].used)
			door_client_drop(d, i, NULL);
	}
	door_close(&d->core);
	door_close(&d->keeper);
	worker_end(&d->worker);
	return err == ERR_OK ? 0 : 1;
}
