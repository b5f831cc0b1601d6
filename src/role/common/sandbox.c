/* sandbox.c: limits, user, root and capabilities of a process.
 *
 * Landlock is sandbox_landlock.c, system calls are sandbox_seccomp.c. The order
 * matters: the user changes while the right to change root is kept, so that the
 * new root is entered with the new user's rights and not with root's; what was
 * kept goes last. */
#define _GNU_SOURCE
#include "role/common/sandbox.h"

#include "base/clock.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CAPABILITY_LAST = 63 };

static const struct sandbox_row rows[ROLE_COUNT] = {
#define BENEATH true, false
#define NO_FILES false, false
#define MAKERS false, true
#define CONNECTS true
#define NO_CONNECT false
#define SANDBOX(role, files, connects, descriptors, text)                      \
	[ROLE_##role] = { files, connects, descriptors },
#include "role/common/sandbox.def"
#undef SANDBOX
#undef BENEATH
#undef MAKERS
#undef NO_FILES
#undef CONNECTS
#undef NO_CONNECT
};

static const struct {
	unsigned bit;
	const char *name;
} protections[] = {
	{ HELD_USER, "user" }, { HELD_ROOT, "root" },
	{ HELD_CAPABILITIES, "capabilities" }, { HELD_FILES, "files" },
	{ HELD_NETWORK, "network" }, { HELD_SCOPE, "scope" },
	{ HELD_SYSTEM_CALLS, "system-calls" }, { HELD_NO_DUMPS, "no-dumps" },
	{ HELD_NO_NEW_PRIVILEGES, "no-new-privileges" }, { HELD_LIMITS, "limits" },
};

err_t protections_print(unsigned held, struct buf *out)
{
	const char *comma = "";
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(protections); i++) {
		if (!(held & protections[i].bit))
			continue;
		TRY(buf_printf(out, "%s%s", comma, protections[i].name));
		comma = ",";
	}
	if (!*comma)
		err = buf_add_byte(out, '-');
out:
	return err;
}

const struct sandbox_row *sandbox_row(enum role role)
{
	must((unsigned)role < ROLE_COUNT);
	return &rows[role];
}

static err_t limit(int what, rlim_t n)
{
	struct rlimit now;

	if (getrlimit(what, &now) != 0)
		return ERR_IO;
	if (now.rlim_max != RLIM_INFINITY && n > now.rlim_max)
		n = now.rlim_max;
	return setrlimit(what, &(struct rlimit){ n, n }) == 0 ? ERR_OK : ERR_IO;
}

static err_t limit_all(const struct sandbox *s, unsigned *held, struct buf *missing)
{
	uint64_t files = s->files ? s->files : sandbox_row(s->role)->files;
	struct rlimit now;
	err_t err;

	TRY(limit(RLIMIT_CORE, 0));
	TRY(limit(RLIMIT_NOFILE, files));
	if (getrlimit(RLIMIT_NOFILE, &now) != 0)
		return ERR_IO;
	if (now.rlim_cur < files)
		TRY(buf_printf(missing, "%s%llu open files instead of %llu", missing->n ? "; " : "",
		               (unsigned long long)now.rlim_cur, (unsigned long long)files));
#ifndef HOLDFAST_SANITIZE
	TRY(limit(RLIMIT_NPROC, 0));
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ERR_IO;
	*held |= HELD_NO_DUMPS;
#else
	TRY(buf_printf(missing, "%sunreadable memory: built with sanitizers", missing->n ? "; " : ""));
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return ERR_IO;
	*held |= HELD_LIMITS | HELD_NO_NEW_PRIVILEGES;
out:
	return err;
}

static err_t set_capabilities(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ (uint32_t)effective, (uint32_t)permitted, 0 },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), 0 },
	};

	return syscall(SYS_capset, &head, data) == 0 ? ERR_OK : ERR_IO;
}

static err_t permitted_capabilities(uint64_t *out)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &head, data) != 0)
		return ERR_IO;
	*out = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return ERR_OK;
}

err_t sandbox_keep_capabilities(uint64_t mask)
{
	uint64_t have;
	err_t err;

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	TRY(permitted_capabilities(&have));
	for (unsigned i = 0; i <= CAPABILITY_LAST && have & 1ull << CAP_SETPCAP; i++) {
		int held = prctl(PR_CAPBSET_READ, i, 0, 0, 0);

		/* Beyond the last capability that the kernel knows. */
		if (held < 0)
			break;
		if (held && !(mask & 1ull << i) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) != 0)
			return ERR_IO;
	}
	err = set_capabilities(have & mask, have & mask);
out:
	return err;
}

/* Become the role's user with only what changing the root takes. */
static err_t become(uint32_t user)
{
	uint64_t keep = 1ull << CAP_SYS_CHROOT | 1ull << CAP_SETPCAP, have;
	err_t err;

	if (user == 0)
		return ERR_BAD_STATE;
	if (setgroups(0, NULL) != 0 || setresgid(user, user, user) != 0)
		return ERR_IO;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setresuid(user, user, user) != 0)
		return ERR_IO;
	TRY(permitted_capabilities(&have));
	err = set_capabilities(have & keep, have & keep);
out:
	return err;
}

static err_t change_root(int directory_fd)
{
	if (directory_fd < 0)
		return ERR_BAD_STATE;
	return fchdir(directory_fd) == 0 && chroot(".") == 0 && chdir("/") == 0 ? ERR_OK : ERR_IO;
}

/* What a maker's library loads and reads later, nobody knows. */
static err_t own_root(const struct sandbox *s, unsigned *held, struct buf *missing)
{
	err_t err;

	if (sandbox_row(s->role)->makers)
		return buf_printf(missing, "%sa root of its own: the maker's library reads the system's files",
		                  missing->n ? "; " : "");
	TRY(change_root(s->directory_fd));
	*held |= HELD_ROOT;
out:
	return err;
}

static err_t become_user(const struct sandbox *s, unsigned *held, struct buf *missing)
{
	uint64_t left;
	err_t err;

	if (s->root) {
		TRY(become(s->user));
		*held |= HELD_USER;
		TRY(own_root(s, held, missing));
	} else {
		if (s->directory_fd >= 0 && fchdir(s->directory_fd) != 0)
			return ERR_IO;
		TRY(buf_printf(missing, "%sa user of its own and a root of its own: not started as root",
		               missing->n ? "; " : ""));
	}
	TRY(sandbox_keep_capabilities(0));
	TRY(permitted_capabilities(&left));
	if (left)
		return ERR_BAD_STATE;
	(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	*held |= HELD_CAPABILITIES;
	/* A change of user forgets this: the parent's end is the worker's. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		err = ERR_IO;
out:
	return err;
}

err_t sandbox_enter(const struct sandbox *s, unsigned *held, struct buf *missing)
{
	err_t err;

	*held = 0;
	clock_start();
	TRY(limit_all(s, held, missing));
	TRY(become_user(s, held, missing));
	/* The change of user may have reset it. */
#ifndef HOLDFAST_SANITIZE
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return ERR_IO;
#endif
	TRY(sandbox_landlock(s, held, missing));
	TRY(sandbox_seccomp(s, held, missing));
out:
	return err;
}
