/* guard.c: what the parent itself may still do.
 *
 * As root it keeps the rights to become another user, to change root and to
 * end a worker; it can read and write only what user 0 owns. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/common/sandbox.h"
#include "role/parent/parent.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef HOLDFAST_LIBEXEC
#define HOLDFAST_LIBEXEC "/usr/libexec/holdfast"
#endif

/* Who polls refuses more places than it may have open: the courier has the most, 259. */
enum { LOCKED_OCTETS = 256 << 20, FILES_MIN = 320 };

/* The workers stand beside this executable, else in the libexec folder. */
err_t guard_programs(struct parent *p)
{
	char self[PATH_MAX], beside[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	struct bytes folder;
	struct buf path = buf_make(sizeof(beside) - 1);
	err_t err;

	if (n <= 0)
		return ERR_IO;
	folder = bytes_make(self, (size_t)n);
	while (folder.n > 1 && folder.p[folder.n - 1] != '/')
		folder.n--;
	TRY(buf_add(&path, folder));
	TRY(buf_add(&path, bytes_str(role_program(ROLE_KEEPER))));
	TRY(bytes_put_str(beside, sizeof(beside), bytes_of_buf(&path)));
	if (access(beside, X_OK) != 0)
		folder = BYTES(HOLDFAST_LIBEXEC "/");
	err = bytes_put_str(p->programs, sizeof(p->programs), folder);
out:
	buf_free(&path);
	return err;
}

/* As much as asked, or as much as the system gives. */
static void raise_limit(int what, rlim_t want)
{
	struct rlimit now;

	if (getrlimit(what, &now) != 0 || (now.rlim_max != RLIM_INFINITY && now.rlim_max >= want &&
	                                   now.rlim_cur >= want))
		return;
	if (setrlimit(what, &(struct rlimit){ want, want }) == 0)
		return;
	(void)setrlimit(what, &(struct rlimit){ now.rlim_max, now.rlim_max });
}

static err_t enough_files(void)
{
	struct rlimit now;

	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return ERR_IO;
	if (now.rlim_cur >= FILES_MIN)
		return ERR_OK;
	log_event(LOG_ERROR, "too few open files", "limit=%llu needed=%u: raise it (LimitNOFILE=, ulimit -Hn)",
	          (unsigned long long)now.rlim_cur, FILES_MIN);
	return ERR_LIMIT;
}

err_t guard_enter(struct parent *p)
{
	uint64_t keep = 1ull << CAP_SETUID | 1ull << CAP_SETGID | 1ull << CAP_SETPCAP |
	                1ull << CAP_SYS_CHROOT | 1ull << CAP_KILL;
	err_t err;

	raise_limit(RLIMIT_NOFILE, options_number(&p->options, OPT_gate_connections) + 256);
	TRY(enough_files());
	raise_limit(RLIMIT_MEMLOCK, LOCKED_OCTETS);
	if (setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }) != 0)
		return ERR_IO;
	TRY(sandbox_keep_capabilities(p->root ? keep : 0));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_IO;
#ifndef HOLDFAST_SANITIZE
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ERR_IO;
	TRY(sandbox_parent());
#endif
out:
	return err;
}
