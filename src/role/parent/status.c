/* status.c: DIR/run/status, a text that everybody may read.
 *
 *   parent 0 PID USER ready|starting|stopping PROTECTIONS
 *   ROLE NUMBER PID USER absent|starting|ready PROTECTIONS MISSING...
 *
 * A line a process; PROTECTIONS separated by commas, "-" none; MISSING is the
 * rest of the line, words for people, empty when nothing is missing. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const state_names[] = { "absent", "starting", "ready" };

static err_t print_child(const struct child *c, struct buf *out)
{
	err_t err;

	TRY(buf_printf(out, "%s %u %ld %u %s ", role_name(c->role), c->number, (long)c->pid,
	               c->user, state_names[c->state]));
	TRY(protections_print(c->state == CHILD_READY ? c->held : 0, out));
	TRY(buf_printf(out, " %s\n", c->state == CHILD_READY ? c->missing : ""));
out:
	return err;
}

static err_t print(const struct parent *p, struct buf *out)
{
	unsigned held = HELD_NO_NEW_PRIVILEGES | HELD_LIMITS;
	err_t err;

#ifndef HOLDFAST_SANITIZE
	held |= HELD_NO_DUMPS | HELD_SYSTEM_CALLS;
#endif
	TRY(buf_printf(out, "parent 0 %ld %u %s ", (long)getpid(), (unsigned)geteuid(),
	               p->stop_round ? "stopping" : p->was_ready ? "ready" : "starting"));
	TRY(protections_print(held, out));
	TRY(buf_printf(out, " \n"));
	for (size_t i = 0; i < p->children_n; i++)
		TRY(print_child(&p->children[i], out));
out:
	return err;
}

void node_write_status(const struct parent *p)
{
	struct buf text = buf_make(128 * 1024);
	int fd = openat(p->node.run_fd, "status.new",
	                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	bool written = fd >= 0 && print(p, &text) == ERR_OK &&
	               write(fd, text.p, text.n) == (ssize_t)text.n && fchmod(fd, 0644) == 0;

	if (fd >= 0)
		close(fd);
	if (!written || renameat(p->node.run_fd, "status.new", p->node.run_fd, "status") != 0)
		log_event(LOG_WARN, "status not written", "path=%s", p->node.path);
	buf_free(&text);
}
