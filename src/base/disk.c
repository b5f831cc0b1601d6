/* disk.c: the writes of key store and counter. */
#include "base/disk.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static unsigned fail_at, steps;
static err_t fail_with;
static bool stay_dead;

void disk_fail_at(unsigned n, err_t err, bool dead)
{
	fail_at = n;
	fail_with = err;
	stay_dead = dead;
	steps = 0;
}

unsigned disk_steps(void)
{
	return steps;
}

static err_t step(void)
{
	steps++;
	return fail_at && (steps == fail_at || (stay_dead && steps > fail_at)) ? fail_with : ERR_OK;
}

static err_t of_errno(void)
{
	return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

err_t disk_write(int fd, struct bytes b, off_t at)
{
	err_t failed = step();

	if (failed != ERR_OK)
		b.n = steps == fail_at ? b.n / 2 : 0;
	while (b.n) {
		ssize_t n = pwrite(fd, b.p, b.n, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? of_errno() : ERR_IO;
		b = bytes_sub(b, (size_t)n, b.n);
		at += n;
	}
	return failed;
}

/* Files and folders by one system call: the keeper has few. */
err_t disk_sync(int fd)
{
	err_t failed = step();

	return failed != ERR_OK || fsync(fd) == 0 ? failed : of_errno();
}

err_t disk_rename(int directory, const char *from, const char *to)
{
	err_t failed = step();

	return failed != ERR_OK || renameat(directory, from, directory, to) == 0 ? failed : of_errno();
}
