/* worker.c: a worker's dealings with its parent.
 *
 * The control link is the only one over which descriptors travel. */
#define _GNU_SOURCE
#include "role/common/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "role/common/network_place.h"
#include "role/common/sandbox.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { START_MS = 10000, NAME_SIZE = 32 };

#ifdef HOLDFAST_SANITIZE
/* The leak checker needs files and processes that the sandbox takes away. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static _Noreturn void by_hand(enum role role, int argc, char **argv)
{
	struct bytes first = argc > 1 ? bytes_str(argv[1]) : BYTES_NONE;

	if (bytes_equal(first, BYTES("--version"))) {
		printf("%s %s\n", role_program(role), HOLDFAST_VERSION);
		exit(0);
	}
	if (bytes_equal(first, BYTES("--help"))) {
		printf("%s is a worker process of Holdfast. It is started by holdfastd and\n"
		       "takes no arguments but --version and --help.\n", role_program(role));
		exit(0);
	}
	fprintf(stderr, "%s cannot be started by hand: start holdfastd.\n", role_program(role));
	exit(2);
}

static bool is_socket(int fd)
{
	int type = 0;
	socklen_t n = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM;
}

static void open_log(enum role role, unsigned number)
{
	static char name[NAME_SIZE];
	struct buf text = buf_make(NAME_SIZE - 1);
	err_t err;

	TRY(buf_printf(&text, "%s", role_name(role)));
	if (role == ROLE_GATE || role == ROLE_TOKEN)
		TRY(buf_printf(&text, " %u", number));
	TRY(bytes_put_str(name, sizeof(name), bytes_of_buf(&text)));
	log_open(name);
out:
	buf_free(&text);
}

static void apply_log_level(const struct options *o)
{
	enum log_level level;

	if (log_level_parse(bytes_str(options_text(o, OPT_log_level)), &level) == ERR_OK)
		log_level_set(level);
}

static err_t take_start(struct worker *w, struct bytes body, unsigned *wanted)
{
	struct wire_in in = wire_in(body);
	struct bytes bad;
	err_t err;

	w->number = wire_get_u8(&in);
	w->user = wire_get_u32(&in);
	w->owner = wire_get_u32(&in);
	TRY(bytes_put_str(w->directory, sizeof(w->directory),
	                  wire_get_bytes(&in, sizeof(w->directory) - 1)));
	w->flags = wire_get_u8(&in);
	*wanted = wire_get_u8(&in);
	TRY(in.err);
	TRY(options_read(&w->options, in.rest));
	TRY(options_algorithms(&w->options, &bad));
	if (*wanted > WORKER_LINKS_MAX)
		err = ERR_LIMIT;
	open_log(w->role, w->number);
	apply_log_level(&w->options);
out:
	return err;
}

/* The fields of a LINK, and the descriptor that came with it. */
static err_t take_link(struct worker *w, struct bytes body, struct worker_event *out)
{
	struct wire_in in = wire_in(body);
	unsigned what = wire_get_u8(&in), peer = wire_get_u8(&in);
	err_t err;

	out->number = wire_get_u8(&in);
	(void)wire_get_u8(&in);
	TRY(wire_done(&in));
	if (what < WORKER_LINK_NEIGHBOUR || what > WORKER_LINK_WITNESS ||
	    peer >= ROLE_COUNT || w->descriptor < 0)
		return ERR_SYNTAX;
	out->what = (enum worker_link)what;
	out->peer = (enum role)peer;
	out->fd = w->descriptor;
	w->descriptor = -1;
out:
	return err;
}

/* One read. The parent sends each descriptor with its LINK, and a read ends with
 * the octets that a descriptor came with: so at most one is waiting. */
static err_t read_control(struct worker *w)
{
	int fd = -1;
	err_t err = link_read_fd(&w->control, &fd);

	if (fd >= 0 && w->descriptor >= 0) {
		close(fd);
		return ERR_SYNTAX;
	}
	if (fd >= 0)
		w->descriptor = fd;
	return err;
}

static err_t keep_link(struct worker *w, const struct worker_event *e)
{
	if (w->links_n == WORKER_LINKS_MAX) {
		close(e->fd);
		return ERR_LIMIT;
	}
	w->links[w->links_n].what = e->what;
	w->links[w->links_n].peer = e->peer;
	w->links[w->links_n].number = e->number;
	w->links[w->links_n++].fd = e->fd;
	return ERR_OK;
}

/* A message before READY: START first, then as many LINKs as it announced. */
static err_t take_early(struct worker *w, const struct message *m, bool *started,
                        unsigned *wanted)
{
	struct worker_event e = { .fd = -1 };
	err_t err;

	if (!*started) {
		*started = true;
		return m->type == MSG_START ? take_start(w, m->body, wanted) : ERR_BAD_STATE;
	}
	if (m->type != MSG_LINK)
		return ERR_BAD_STATE;
	TRY(take_link(w, m->body, &e));
	err = keep_link(w, &e);
out:
	return err;
}

static err_t read_start(struct worker *w)
{
	int64_t end = clock_steady() + START_MS;
	bool started = false, found;
	unsigned wanted = 0;
	struct message m;
	err_t err;

	for (;;) {
		TRY(link_next(&w->control, &m, &found));
		if (found) {
			TRY(take_early(w, &m, &started, &wanted));
			if (started && w->links_n == wanted)
				return ERR_OK;
			continue;
		}
		if (clock_steady() >= end)
			return ERR_TIMEOUT;
		TRY(link_wait(&w->control, (int)(end - clock_steady())));
		TRY(read_control(w));
	}
out:
	return err;
}

/* The directory came as a descriptor: no path has to be searched. What belongs
 * to the worker's user is closed to root without rights; worker_confine enters. */
static err_t enter_directory(struct worker *w)
{
	if (w->flags & WORKER_ROOT && sandbox_row(w->role)->keeps_directory)
		return ERR_OK;
	for (size_t i = 0; i < w->links_n; i++) {
		if (w->links[i].what == WORKER_LINK_DIRECTORY)
			return fchdir(w->links[i].fd) == 0 ? ERR_OK : ERR_IO;
	}
	return ERR_OK;
}

err_t worker_start(enum role role, int argc, char **argv, struct worker *w)
{
	err_t err;

	if (argc != 1 || !is_socket(WORKER_CONTROL_FD))
		by_hand(role, argc, argv);
	*w = (struct worker){ .role = role, .descriptor = -1 };
	open_log(role, 0);
	link_init(&w->control, WORKER_CONTROL_FD, role, ROLE_PARENT, 0);
	(void)fcntl(WORKER_CONTROL_FD, F_SETFD, FD_CLOEXEC);
	TRY(options_init(&w->options));
	TRY(read_start(w));
	TRY(enter_directory(w));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "not started", "why=%s", err_text(err));
	return err;
}

/* Give link i away. */
static int give(struct worker *w, size_t i)
{
	int fd = w->links[i].fd;

	w->links_n--;
	for (; i < w->links_n; i++)
		w->links[i] = w->links[i + 1];
	return fd;
}

int worker_take_link(struct worker *w, enum worker_link what, enum role peer, unsigned number)
{
	for (size_t i = 0; i < w->links_n; i++) {
		if (w->links[i].what == what && w->links[i].peer == peer &&
		    w->links[i].number == number)
			return give(w, i);
	}
	return -1;
}

int worker_take_neighbour(struct worker *w, enum role *peer, unsigned *number)
{
	for (size_t i = 0; i < w->links_n; i++) {
		if (w->links[i].what == WORKER_LINK_NEIGHBOUR) {
			*peer = w->links[i].peer;
			*number = w->links[i].number;
			return give(w, i);
		}
	}
	return -1;
}

/* The ports of "host:port host:port@address": what the kernel may let through. */
static void allowed_ports(const struct worker *w, struct sandbox *s)
{
	struct bytes rest = bytes_str(options_text(&w->options, OPT_courier_allow));

	while (rest.n && s->ports_n < SANDBOX_PORTS_MAX) {
		struct bytes pin = bytes_cut(&rest, ' '), place = bytes_cut(&pin, '@');
		size_t colon = place.n;
		uint64_t port;

		while (colon > 0 && place.p[colon - 1] != ':')
			colon--;
		if (colon > 0 && bytes_to_u64(bytes_sub(place, colon, place.n), 65535, &port) == ERR_OK)
			s->ports[s->ports_n++] = (uint16_t)port;
	}
}

static void network_ports(const struct worker *w, struct sandbox *s)
{
	for (unsigned i = 0; i < NETWORK_COUNT; i++) {
		struct network_place place;
		bool on;

		if (network_place(&w->options, (enum network_id)i, &place, &on) == ERR_OK && on)
			s->ports[s->ports_n++] = place.port;
	}
}

static err_t send_ready(struct worker *w, unsigned held, const struct buf *missing)
{
	struct buf body = buf_make(1024);
	struct wire_out out = wire_out(&body);
	err_t err;

	wire_put_u32(&out, held);
	wire_put_bytes(&out, bytes_of_buf(missing));
	TRY(out.err);
	TRY(link_send(&w->control, MSG_READY, 0, bytes_of_buf(&body)));
	err = link_flush(&w->control);
out:
	buf_free(&body);
	return err;
}

err_t worker_confine(struct worker *w)
{
	enum worker_link home = sandbox_row(w->role)->keeps_directory ? WORKER_LINK_DIRECTORY
	                                                              : WORKER_LINK_EMPTY_ROOT;
	struct buf missing = buf_make(900);
	struct sandbox s = {
		.role = w->role,
		.root = w->flags & WORKER_ROOT,
		.no_seccomp = w->flags & WORKER_NO_SECCOMP,
		.user = w->user,
		.directory_fd = worker_take_link(w, home, ROLE_PARENT, 0),
	};
	int other = worker_take_link(w, WORKER_LINK_DIRECTORY, ROLE_PARENT, 0);
	unsigned held = 0;
	err_t err;

	if (other >= 0)
		close(other);
	if (w->role == ROLE_GATE)
		s.files = options_number(&w->options, OPT_gate_connections) + 256;
	if (w->role == ROLE_COURIER)
		allowed_ports(w, &s);
	if (w->role == ROLE_NETWORK)
		network_ports(w, &s);
	s.any_port = w->role == ROLE_COURIER && options_flag(&w->options, OPT_lab);
	if (w->port)
		for (s.ports_n = 0; s.ports_n < 2; s.ports_n++)
			s.ports[s.ports_n] = (uint16_t)(w->port + s.ports_n);
	s.kept = w->kept;
	s.read = w->read;
	TRY(sandbox_enter(&s, &held, &missing));
	TRY(send_ready(w, held, &missing));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "not confined", "why=%s", err_text(err));
	if (s.directory_fd >= 0)
		close(s.directory_fd);
	buf_free(&missing);
	return err;
}

err_t worker_settle(const struct worker *w)
{
	return w->flags & WORKER_NO_SECCOMP ? ERR_OK : sandbox_settle(w->role);
}

static err_t take_event(struct worker *w, const struct message *m, struct worker_event *out)
{
	err_t err = ERR_OK;

	out->type = m->type;
	if (m->type == MSG_LINK)
		return take_link(w, m->body, out);
	if (m->type == MSG_PENALTY)
		out->body = m->body;
	if (m->type == MSG_RELOAD) {
		TRY(options_read(&w->options, m->body));
		apply_log_level(&w->options);
	}
	if (m->type == MSG_START)
		err = ERR_BAD_STATE;
out:
	return err;
}

err_t worker_next_event(struct worker *w, struct worker_event *out)
{
	struct message m;
	bool found;
	err_t err;

	*out = (struct worker_event){ .fd = -1 };
	TRY(link_next(&w->control, &m, &found));
	if (!found) {
		err = read_control(w);
		/* What came before the end is still delivered. */
		if (err != ERR_OK && err != ERR_CLOSED)
			return err;
		TRY(link_next(&w->control, &m, &found));
	}
	if (found)
		err = take_event(w, &m, out);
	else if (w->control.dead)
		err = ERR_CLOSED;
out:
	return err;
}

void worker_end(struct worker *w)
{
	for (size_t i = 0; i < w->links_n; i++)
		close(w->links[i].fd);
	w->links_n = 0;
	if (w->descriptor >= 0)
		close(w->descriptor);
	w->descriptor = -1;
	link_close(&w->control);
	options_free(&w->options);
}
