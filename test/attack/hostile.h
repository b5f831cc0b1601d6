/* hostile.h: what programs share that stand in for a captured worker.
 *
 * Such a program never confines itself, which makes it stronger than the captured one.
 * Each start plays the next case, because a message that the table does not allow ends
 * its link. Findings go to a report, a line each: <case> refused|FELL|can|said|end <text>
 */
#pragma once
#include "role/common/worker.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct worker w;
static struct link core;
static int report_fd;
static unsigned case_number; /* of the case that this start plays */

static void say(const char *verdict, const char *what, const char *detail)
{
	char line[400];
	int n = snprintf(line, sizeof(line), "%u %s %s%s%s\n", case_number, verdict, what,
	                 *detail ? ": " : "", detail);

	if (write(report_fd, line, (size_t)n) != n)
		_exit(9);
}

/* The report is opened, or made; the cases that have ended in it are counted. */
static bool report_open(const char *path)
{
	static char before[65536];
	ssize_t n;

	report_fd = open(path, O_CREAT | O_APPEND | O_RDWR, 0644);
	if (report_fd < 0)
		return false;
	n = pread(report_fd, before, sizeof(before) - 1, 0);
	for (const char *at = n > 0 ? before : NULL; at && (at = strstr(at, " end ")) != NULL; at++)
		case_number++;
	return true;
}

__attribute__((unused)) static void judge(bool refused, const char *what, err_t err)
{
	say(refused ? "refused" : "FELL", what, err_name(err));
}

/* Past our own link_send: a head that claims so many octets, and n of them. */
static void raw_frame(int fd, unsigned type, uint16_t zero, uint32_t claimed, size_t n)
{
	uint8_t head[WIRE_HEAD] = { 0 };
	static const uint8_t body[4096];

	put_be32(head, claimed);
	put_be16(head + 4, (uint16_t)type);
	put_be16(head + 6, zero);
	put_be64(head + 8, 4711);
	if (send(fd, head, sizeof(head), MSG_NOSIGNAL) < 0 || (n && send(fd, body, n, MSG_NOSIGNAL) < 0))
		return;
}

/* True when the other end closed within two seconds. */
static bool link_ended(struct link *l)
{
	for (int i = 0; i < 20; i++) {
		struct message m;
		bool found = true;
		err_t err = link_wait(l, 100);

		if (err == ERR_TIMEOUT)
			continue;
		if (err != ERR_OK || link_read(l) != ERR_OK)
			return true;
		while (found) {
			if (link_next(l, &m, &found) != ERR_OK)
				return true;
		}
	}
	return false;
}

/* What is not ready in time is ended by the parent. */
static bool ready(struct bytes name)
{
	struct buf body = buf_make(64);
	struct wire_out out = wire_out(&body);

	wire_put_u32(&out, 0);
	wire_put_bytes(&out, name);
	return out.err == ERR_OK &&
	       link_send(&w.control, MSG_READY, 0, bytes_of_buf(&body)) == ERR_OK &&
	       link_flush(&w.control) == ERR_OK;
}

/* Messages that the core takes from another role, or from nobody: a case each. */
struct foreign {
	unsigned type;
	const char *what;
};

/* A start without a case of its own waits, so that it is not started anew. */
__attribute__((unused)) static void play_foreign(const struct foreign *rows, size_t n, unsigned first)
{
	while (case_number - first >= n)
		pause();
	raw_frame(core.fd, rows[case_number - first].type, 0, 16, 16);
	say(link_ended(&core) ? "refused" : "FELL", rows[case_number - first].what, "");
}
