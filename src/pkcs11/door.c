/* door.c: the connection to holdfast-door. */
#define _GNU_SOURCE
#include "pkcs11/module.h"

#include "base/clock.h"
#include "local/local.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { ASK_MAX = 40960, LIMIT_TRIES = 200, LIMIT_WAIT_MS = 20 };

void door_close(void)
{
	if (module.link.fd >= 0)
		link_close(&module.link);
	module.link = (struct link){ .fd = -1, .dead = true };
}

static err_t door_connect(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd;
	err_t err;

	door_close();
	TRY(bytes_put_str(to.sun_path, sizeof(to.sun_path), bytes_str(module.socket)));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	if (connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to)) != 0) {
		err = errno == EACCES ? ERR_REFUSED : ERR_CLOSED;
		close(fd);
		return err;
	}
	err = local_listener_check(fd, module.socket);
	if (err != ERR_OK) {
		close(fd);
		return err;
	}
	link_init(&module.link, fd, ROLE_PROGRAM, ROLE_DOOR, 0);
out:
	return err;
}

static err_t flush(void)
{
	int64_t end = clock_steady() + KEEPER_WAIT_MS;
	err_t err;

	TRY(link_flush(&module.link));
	while (link_wants_write(&module.link)) {
		struct pollfd p = { .fd = module.link.fd, .events = POLLOUT };
		int64_t left = end - clock_steady();

		if (left <= 0)
			return ERR_TIMEOUT;
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return ERR_IO;
		TRY(link_flush(&module.link));
	}
out:
	return err;
}

/* The answer to the open question; what else comes ends the connection. */
static err_t read_answer(struct buf *result)
{
	struct message m;
	bool found = false;
	err_t err;

	for (;;) {
		TRY(link_next(&module.link, &m, &found));
		if (found)
			break;
		TRY(link_wait(&module.link, KEEPER_WAIT_MS));
		TRY(link_read(&module.link));
	}
	err = ERR_SYNTAX;
	if (m.ref == module.ref && m.body.n && m.body.p[0] < ERR_COUNT) {
		err = (err_t)m.body.p[0];
		if (err == ERR_OK)
			err = buf_add(result, bytes_sub(m.body, 1, m.body.n));
	} else {
		module.link.dead = true;
	}
out:
	return err;
}

static err_t ask_once(struct bytes body, struct buf *result)
{
	err_t err;

	buf_clear(result);
	if (module.link.dead)
		TRY(door_connect());
	TRY(link_send(&module.link, MSG_PROGRAM_ASK, ++module.ref, body));
	TRY(flush());
	err = read_answer(result);
out:
	/* An answer that comes late must not be taken for the next one's. */
	if (err == ERR_TIMEOUT || err == ERR_IO)
		door_close();
	return err;
}

err_t door_ask(enum operation op, struct bytes fields, struct buf *result)
{
	struct buf body = buf_make(ASK_MAX);
	struct wire_out w = wire_out(&body);
	bool fresh = module.link.dead;
	err_t err;

	wire_put_u16(&w, (uint16_t)op);
	wire_put_fixed(&w, fields);
	TRY(w.err);
	err = ask_once(bytes_of_buf(&body), result);
	/* The door closes what is idle. */
	if (err == ERR_CLOSED && !fresh) {
		door_close();
		err = ask_once(bytes_of_buf(&body), result);
	}
	/* The keeper answers a user so many a second: wait for the next one. */
	for (int tries = 0; err == ERR_LIMIT && tries < LIMIT_TRIES; tries++) {
		(void)poll(NULL, 0, LIMIT_WAIT_MS);
		err = ask_once(bytes_of_buf(&body), result);
	}
out:
	buf_free(&body);
	return err;
}
