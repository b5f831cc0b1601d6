/* fake_worker.c: a worker that does nothing but behave, for tests of the parent
 * and of the door. Under which name it is started says which role it plays.
 *
 *   keeper  answers every CALL with ERR_OK and what it got
 *   core    answers every ADMIN with one row (user, process, body) and DONE; the
 *           command 62 sends its fields to the courier and answers what that says;
 *           the command 63 ends it without an answer
 *   gate    notes who connects and aborts when the first octet is "!";
 *           says "penalty" on standard error when it is told of one */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/common/worker.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMAND_AT = 8, SENDS = 62, DIES = 63, POLLED = 2 + WORKER_LINKS_MAX };

struct fake {
	struct worker worker;
	struct link links[WORKER_LINKS_MAX];
	size_t links_n;
	int listener;
	struct crash_page *page;
	bool stopping;
};

static struct fake fake;

static enum role role_of(const char *path)
{
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		if (bytes_ends(bytes_str(path), bytes_str(role_program((enum role)i))))
			return (enum role)i;
	}
	abort();
}

static void take_neighbour(struct fake *f, enum role peer, unsigned number, int fd)
{
	struct link *l = NULL;

	for (size_t i = 0; i < f->links_n; i++) {
		if (f->links[i].peer == peer && f->links[i].peer_number == number)
			l = &f->links[i];
	}
	if (!l)
		l = &f->links[f->links_n++];
	link_close(l);
	link_init(l, fd, f->worker.role, peer, number);
}

static void must_send(struct link *l, enum message_type type, uint64_t ref, struct bytes body)
{
	must(link_send(l, type, ref, body) == ERR_OK && link_flush(l) == ERR_OK);
}

static struct link *neighbour(struct fake *f, enum role role)
{
	for (size_t i = 0; i < f->links_n; i++) {
		if (f->links[i].peer == role)
			return &f->links[i];
	}
	abort();
}

static void administer(struct fake *f, struct link *l, const struct message *m)
{
	unsigned command = m->body.n >= COMMAND_AT + 2 ? get_be16(m->body.p + COMMAND_AT) : 0;

	if (command == DIES)
		_exit(3);
	if (command == SENDS) {
		must_send(neighbour(f, ROLE_COURIER), MSG_SEND, m->ref,
		          bytes_sub(m->body, COMMAND_AT + 2, m->body.n));
		return;
	}
	must_send(l, MSG_ADMIN_ROW, m->ref, m->body);
	must_send(l, MSG_ADMIN_DONE, m->ref, BYTES("\0\0\0\0\0"));
}

static void answer(struct fake *f, struct link *l, const struct message *m)
{
	struct buf body = buf_make(70000);

	if (f->worker.role == ROLE_KEEPER && m->type == MSG_CALL) {
		must(buf_add_byte(&body, ERR_OK) == ERR_OK && buf_add(&body, m->body) == ERR_OK);
		must_send(l, MSG_RESULT, m->ref, bytes_of_buf(&body));
	} else if (m->type == MSG_ADMIN) {
		administer(f, l, m);
	} else if (m->type == MSG_SENT) {
		must_send(neighbour(f, ROLE_DOOR), MSG_ADMIN_ROW, m->ref, m->body);
		must_send(neighbour(f, ROLE_DOOR), MSG_ADMIN_DONE, m->ref, BYTES("\0\0\0\0\0"));
	}
	buf_free(&body);
}

static void serve(struct fake *f, struct link *l)
{
	err_t end = link_read(l);
	struct message m;
	bool found = true;

	while (found && link_next(l, &m, &found) == ERR_OK) {
		if (found)
			answer(f, l, &m);
	}
	if (end != ERR_OK)
		l->dead = true;
}

static void greet(struct fake *f)
{
	struct sockaddr_in from;
	socklen_t n = sizeof(from);
	int fd = accept4(f->listener, (struct sockaddr *)&from, &n, SOCK_CLOEXEC);
	char octet = 0;

	if (fd < 0)
		return;
	bytes_copy(f->page->address, &from.sin_addr, 4);
	f->page->address_n = 4;
	if (read(fd, &octet, 1) == 1 && octet == '!')
		abort();
	f->page->address_n = 0;
	close(fd);
}

static bool events(struct fake *f)
{
	struct worker_event e;

	do {
		if (worker_next_event(&f->worker, &e) != ERR_OK)
			return false;
		if (e.type == MSG_LINK)
			take_neighbour(f, e.peer, e.number, e.fd);
		if (e.type == MSG_PENALTY)
			log_event(LOG_NOTE, "penalty", "octets=%zu", e.body.n);
		if (e.type == MSG_RELOAD)
			log_event(LOG_NOTE, "reloaded", "level=%s",
			          options_text(&f->worker.options, OPT_log_level));
		if (e.type == MSG_STOP)
			f->stopping = true;
	} while (e.type);
	return true;
}

static void run(struct fake *f)
{
	struct pollfd p[POLLED];

	while (!f->stopping) {
		p[0] = (struct pollfd){ f->worker.control.fd, POLLIN, 0 };
		p[1] = (struct pollfd){ f->listener, POLLIN, 0 };
		for (size_t i = 0; i < f->links_n; i++)
			p[2 + i] = (struct pollfd){ f->links[i].dead ? -1 : f->links[i].fd, POLLIN, 0 };
		if (poll(p, 2 + f->links_n, -1) < 0)
			continue;
		for (size_t i = 0; i < f->links_n; i++) {
			if (p[2 + i].revents)
				serve(f, &f->links[i]);
		}
		if (p[1].revents)
			greet(f);
		if (p[0].revents && !events(f))
			return;
	}
}

int main(int argc, char **argv)
{
	struct fake *f = &fake;
	struct worker *w = &f->worker;
	enum role peer;
	unsigned number;
	int fd;

	if (worker_start(role_of(argv[0]), argc, argv, w) != ERR_OK)
		return 1;
	while ((fd = worker_take_neighbour(w, &peer, &number)) >= 0)
		take_neighbour(f, peer, number, fd);
	f->listener = worker_take_link(w, WORKER_LINK_HTTPS, ROLE_PARENT, 0);
	fd = worker_take_link(w, WORKER_LINK_CRASH_PAGE, ROLE_PARENT, 0);
	if (fd >= 0) {
		f->page = mmap(NULL, sizeof(*f->page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (worker_confine(w) != ERR_OK)
		return 1;
	run(f);
	return 0;
}
