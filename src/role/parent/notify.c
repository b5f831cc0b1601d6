/* notify.c: READY=1 and its like to $NOTIFY_SOCKET [sd_notify(3)].
 *
 * The protocol is one datagram; a library for it would bring more code into
 * the parent than the parent has. */
#define _GNU_SOURCE
#include "role/parent/parent.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;
static struct sockaddr_un notify_to;
static socklen_t notify_to_n;

void notify_open(struct parent *p)
{
	struct bytes path = bytes_str(getenv("NOTIFY_SOCKET"));
	struct bytes every = bytes_str(getenv("WATCHDOG_USEC"));
	uint64_t us;

	if (path.n < 2 || (path.p[0] != '/' && path.p[0] != '@') ||
	    bytes_put(notify_to.sun_path, sizeof(notify_to.sun_path) - 1, path) != ERR_OK)
		return;
	notify_to.sun_family = AF_UNIX;
	notify_to_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n);
	if (path.p[0] == '@')
		notify_to.sun_path[0] = '\0';
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (bytes_to_u64(every, UINT32_MAX * 1000ull, &us) == ERR_OK && us >= 2000)
		p->watchdog_ms = (int64_t)(us / 2000);
}

void notify_send(const char *state)
{
	struct bytes b = bytes_str(state);

	/* A service manager that does not listen is no reason to stop. */
	if (notify_fd >= 0)
		(void)sendto(notify_fd, b.p, b.n, MSG_NOSIGNAL,
		             (const struct sockaddr *)&notify_to, notify_to_n);
}
