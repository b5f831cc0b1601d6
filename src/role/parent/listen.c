/* listen.c: listeners, opened before the rights to open them are given up.
 *
 * Each gate has a socket of its own on the same address (SO_REUSEPORT): the
 * kernel spreads connections, and a gate that is started again finds those
 * that came meanwhile. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, DOOR_BACKLOG = 64 };

struct place {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	socklen_t n;
};

/* "127.0.0.1:443", "[::1]:443": numbers only, nothing is resolved. */
static err_t parse(struct bytes text, struct place *out)
{
	struct bytes host = text, port;
	char name[INET6_ADDRSTRLEN];
	uint64_t number;
	err_t err;

	*out = (struct place){ 0 };
	while (host.n && host.p[host.n - 1] != ':')
		host.n--;
	if (host.n < 2)
		return ERR_SYNTAX;
	port = bytes_sub(text, host.n, text.n);
	host.n--;
	TRY(bytes_to_u64(port, 65535, &number));
	if (bytes_starts(host, BYTES("[")) && bytes_ends(host, BYTES("]"))) {
		TRY(bytes_put_str(name, sizeof(name), bytes_sub(host, 1, host.n - 2)));
		out->to.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		                                    .sin6_port = htons((uint16_t)number) };
		out->n = sizeof(out->to.v6);
		return inet_pton(AF_INET6, name, &out->to.v6.sin6_addr) == 1 ? ERR_OK : ERR_SYNTAX;
	}
	TRY(bytes_put_str(name, sizeof(name), host));
	out->to.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
	                                   .sin_port = htons((uint16_t)number) };
	out->n = sizeof(out->to.v4);
	if (inet_pton(AF_INET, name, &out->to.v4.sin_addr) != 1)
		err = ERR_SYNTAX;
out:
	return err;
}

static bool is_loopback(const struct place *a)
{
	if (a->to.any.sa_family == AF_INET)
		return ntohl(a->to.v4.sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&a->to.v6.sin6_addr);
}

static bool is_any(const struct place *a)
{
	if (a->to.any.sa_family == AF_INET)
		return a->to.v4.sin_addr.s_addr == htonl(INADDR_ANY);
	return IN6_IS_ADDR_UNSPECIFIED(&a->to.v6.sin6_addr);
}

err_t listen_is_loopback(struct bytes text, bool *loopback)
{
	struct place a;
	err_t err;

	TRY(parse(text, &a));
	*loopback = is_loopback(&a);
out:
	return err;
}

/* One bound socket; *a gets the port that the system chose for 0. */
static int bind_one(struct place *a, bool shared)
{
	int on = 1;
	int fd = socket(a->to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (shared && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) != 0) ||
	    (a->to.any.sa_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
	    bind(fd, &a->to.any, a->n) != 0 || getsockname(fd, &a->to.any, &a->n) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static err_t open_for_gates(struct parent *p, const char *option, struct bytes text, bool lab)
{
	struct place a;
	int probe = -1;
	err_t err;

	TRY(parse(text, &a));
	if (is_any(&a))
		log_event(LOG_WARN, "listens on every address", "option=%s", option);
	/* Alone first: a shared port would let two nodes share their clients. */
	probe = bind_one(&a, false);
	if (probe < 0 || listen(probe, 1) != 0)
		TRY(ERR_IO);
	close(probe);
	probe = -1;
	for (size_t i = 0; i < p->children_n; i++) {
		struct child *c = &p->children[i];
		int *fd = lab ? &c->lab_fd : &c->https_fd;

		if (c->role != ROLE_GATE)
			continue;
		*fd = bind_one(&a, true);
		if (*fd < 0 || listen(*fd, BACKLOG) != 0)
			TRY(ERR_IO);
	}
	log_event(LOG_NOTE, "listening", "option=%s port=%u", option,
	          ntohs(a.to.any.sa_family == AF_INET ? a.to.v4.sin_port : a.to.v6.sin6_port));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "cannot listen", "option=%s address=%.*s why=%s", option,
		          BYTES_FMT(text), err == ERR_IO ? strerror(errno)
		                                         : "an address and a port are expected");
	if (probe >= 0)
		close(probe);
	return err;
}

err_t listen_open(struct parent *p)
{
	struct bytes https = bytes_str(options_text(&p->options, OPT_listen_https));
	struct bytes lab = bytes_str(options_text(&p->options, OPT_listen_lab_http));
	err_t err = ERR_OK;

	if (https.n)
		TRY(open_for_gates(p, "listen.https", https, false));
	if (lab.n && options_flag(&p->options, OPT_lab))
		TRY(open_for_gates(p, "listen.lab_http", lab, true));
	if (!https.n && !lab.n)
		log_event(LOG_NOTE, "nothing listens", "why=listen.https is empty");
out:
	return err;
}

/* The path of a socket is short by nature: bind by name from its directory. */
err_t listen_open_door(struct parent *p)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "admin.sock" };
	mode_t old = umask(0177);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err_t err = ERR_OK;

	if (fd < 0 || fchdir(p->node.run_fd) != 0 ||
	    (unlink(to.sun_path) != 0 && errno != ENOENT) ||
	    bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0 ||
	    (p->root && fchownat(p->node.run_fd, to.sun_path, p->node.owner, (gid_t)-1,
	                         AT_SYMLINK_NOFOLLOW) != 0) ||
	    listen(fd, DOOR_BACKLOG) != 0) {
		log_event(LOG_ERROR, "no door", "why=%s", strerror(errno));
		err = ERR_IO;
	}
	(void)umask(old);
	if (chdir("/") != 0)
		err = ERR_IO;
	if (err != ERR_OK && fd >= 0)
		close(fd);
	p->node.door_fd = err == ERR_OK ? fd : -1;
	return err;
}

/* Whoever listens there would not be reached any more, and would not notice. Asked by a socket of
 * another kind, which is never let in: where nobody is, it is refused otherwise. */
static bool is_served(const struct sockaddr_un *place)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served = fd >= 0 && (sendto(fd, "", 0, MSG_NOSIGNAL, (const struct sockaddr *)place, sizeof(*place)) == 0 ||
	                          errno == EPROTOTYPE);

	if (fd >= 0)
		close(fd);
	return served;
}

/* A socket of an earlier start may stand there; nothing else is taken away. */
static err_t clear_place(const struct sockaddr_un *place)
{
	const char *path = place->sun_path;
	struct stat s;

	if (lstat(path, &s) != 0)
		return errno == ENOENT ? ERR_OK : ERR_IO;
	if (!S_ISSOCK(s.st_mode)) {
		errno = EEXIST;
		return ERR_EXISTS;
	}
	if (is_served(place)) {
		errno = EADDRINUSE;
		return ERR_EXISTS;
	}
	return unlink(path) == 0 ? ERR_OK : ERR_IO;
}

/* Who may connect: the group, or every user. Who may use which key is the
 * keeper's word, by the user whom the kernel names. */
static err_t open_to(const char *path, uint64_t group)
{
	if (group && lchown(path, (uid_t)-1, (gid_t)group) != 0)
		return ERR_IO;
	return chmod(path, group ? 0660 : 0666) == 0 ? ERR_OK : ERR_IO;
}

err_t listen_open_programs(struct parent *p)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct bytes path = bytes_str(options_text(&p->options, OPT_door_programs));
	mode_t old;
	int fd = -1;
	err_t err;

	if (!path.n)
		return ERR_OK;
	old = umask(0177);
	errno = EINVAL;
	TRY(path.p[0] == '/' ? bytes_put_str(to.sun_path, sizeof(to.sun_path), path) : ERR_SYNTAX);
	TRY(clear_place(&to));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		TRY(ERR_IO);
	TRY(open_to(to.sun_path, options_number(&p->options, OPT_door_programs_group)));
	if (listen(fd, DOOR_BACKLOG) != 0)
		TRY(ERR_IO);
	log_event(LOG_NOTE, "listening", "option=door.programs path=%s", to.sun_path);
	p->node.programs_fd = fd;
out:
	(void)umask(old);
	if (err != ERR_OK) {
		log_event(LOG_ERROR, "no socket for programs", "path=%.*s why=%s", BYTES_FMT(path),
		          strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	return err;
}
