/* clients.c: connections to the door: who may, how many, for how long. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "role/door/door.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* The superuser, and who owns the node's directory: both can read its files
 * anyway. The kernel says who is there, not the client [T1 T19]. */
static bool may_enter(const struct door *d, uint32_t user)
{
	return user == 0 || user == d->worker.owner;
}

/* Whoever may connect can be turned away as often as he likes: so many lines a second. */
static bool is_said(struct door *d)
{
	int64_t second = clock_steady() / 1000;

	if (second != d->second) {
		if (d->quiet)
			log_event(LOG_WARN, "turned away at the door", "more=%u", d->quiet);
		d->second = second;
		d->lines = d->quiet = 0;
	}
	if (d->lines++ < DOOR_LINES_A_SECOND)
		return true;
	d->quiet++;
	return false;
}

static struct door_client *free_client(struct door *d, bool program)
{
	for (size_t i = 0; i < DOOR_CLIENTS_MAX; i++) {
		if (door_is_program(i) == program && !d->clients[i].used)
			return &d->clients[i];
	}
	return NULL;
}

static bool has_too_many(const struct door *d, uint32_t user)
{
	size_t n = 0;

	for (size_t i = DOOR_ADMINS_MAX; i < DOOR_CLIENTS_MAX; i++)
		n += d->clients[i].used && d->clients[i].user == user;
	return n >= DOOR_PER_USER_MAX;
}

static void take(struct door *d, int fd, const struct ucred *who, bool program)
{
	struct door_client *c = free_client(d, program);

	if (!c || (program && has_too_many(d, who->uid))) {
		if (is_said(d))
			log_event(LOG_WARN, "door full", "user=%u for=%s", (unsigned)who->uid,
			          program ? "programs" : "administration");
		close(fd);
		return;
	}
	*c = (struct door_client){ .used = true, .user = who->uid,
	                           .process = (uint32_t)who->pid, .active = clock_steady() };
	link_init(&c->link, fd, ROLE_DOOR, program ? ROLE_PROGRAM : ROLE_CLIENT,
	          (unsigned)(c - d->clients));
}

/* A connection and who the kernel says is there; -1. */
static int accept_from(int listener, struct ucred *who)
{
	socklen_t n = sizeof(*who);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	*who = (struct ucred){ 0 };
	if (fd >= 0 && (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &n) != 0 || n != sizeof(*who))) {
		log_event(LOG_WARN, "refused at the door", "why=no credentials");
		close(fd);
		fd = -1;
	}
	return fd;
}

void door_accept(struct door *d)
{
	struct ucred who;
	int fd = accept_from(d->listener, &who);

	if (fd < 0)
		return;
	if (!may_enter(d, who.uid)) {
		if (is_said(d))
			log_event(LOG_WARN, "refused at the door", "user=%u process=%u",
			          (unsigned)who.uid, (unsigned)who.pid);
		close(fd);
		return;
	}
	take(d, fd, &who, false);
}

/* Everybody whom the socket's mode lets in: what he may use is the keeper's word. */
void door_accept_program(struct door *d)
{
	struct ucred who;
	int fd = accept_from(d->programs, &who);

	if (fd >= 0)
		take(d, fd, &who, true);
}

void door_client_drop(struct door *d, size_t i, const char *why)
{
	struct door_client *c = &d->clients[i];

	if (why && is_said(d))
		log_event(LOG_NOTE, "client dropped", "process=%u why=%s", c->process, why);
	door_forget_client(d, i);
	door_close(&c->link);
	*c = (struct door_client){ 0 };
}

void door_client_read(struct door *d, size_t i)
{
	struct door_client *c = &d->clients[i];
	err_t end = link_read(&c->link);
	struct message m;
	bool found = true;

	/* What came before the end of the connection is not answered any more. */
	if (end != ERR_OK) {
		door_client_drop(d, i, end == ERR_CLOSED ? NULL : err_text(end));
		return;
	}
	while (c->used && found) {
		if (link_next(&c->link, &m, &found) != ERR_OK) {
			door_client_drop(d, i, "a message that is not allowed");
			return;
		}
		if (found) {
			c->active = clock_steady();
			door_question(d, i, &m);
			link_wipe(&c->link, m.body);
		}
	}
}

void door_sweep(struct door *d, int64_t now)
{
	for (size_t i = 0; i < DOOR_CLIENTS_MAX; i++) {
		struct door_client *c = &d->clients[i];
		int64_t most = c->open ? DOOR_ANSWER_MS : DOOR_IDLE_MS;

		if (c->used && now - c->active > most)
			door_client_drop(d, i, "idle");
		else if (c->used && c->link.out.n > DOOR_QUEUE_MAX)
			door_client_drop(d, i, "does not read its answers");
		else if (c->used && c->link.dead)
			door_client_drop(d, i, NULL);
	}
}
