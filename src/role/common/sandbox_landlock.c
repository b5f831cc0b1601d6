/* sandbox_landlock.c: Landlock, by raw system calls and as far as the kernel goes.
 *
 *   ABI 1  files        3  truncation      4  TCP bind and connect
 *       2  moving       5  device ioctls   6  signals and abstract sockets
 *
 * The structures stand here because the headers of the build machine may be
 * older than the kernel that runs. Everything that the kernel handles is
 * forbidden; the role's row gives back its directory and its TCP ports. */
#define _GNU_SOURCE
#include "role/common/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum { ASK_VERSION = 1, RULE_PATH = 1, RULE_PORT = 2 };

/* Rights to files, bit numbers of the kernel. */
enum {
	F_EXECUTE = 1 << 0, F_WRITE = 1 << 1, F_READ = 1 << 2, F_READ_DIR = 1 << 3,
	F_REMOVE_DIR = 1 << 4, F_REMOVE = 1 << 5, F_MAKE_CHAR = 1 << 6, F_MAKE_DIR = 1 << 7,
	F_MAKE = 1 << 8, F_MAKE_SOCKET = 1 << 9, F_MAKE_FIFO = 1 << 10,
	F_MAKE_BLOCK = 1 << 11, F_MAKE_LINK = 1 << 12, F_MOVE = 1 << 13,
	F_TRUNCATE = 1 << 14, F_IOCTL = 1 << 15,
	F_OF_FILE = F_EXECUTE | F_WRITE | F_READ | F_TRUNCATE | F_IOCTL,
	F_KEPT = F_WRITE | F_READ | F_READ_DIR | F_REMOVE | F_MAKE | F_TRUNCATE,
};
enum { N_BIND = 1 << 0, N_CONNECT = 1 << 1 };
enum { S_ABSTRACT_SOCKET = 1 << 0, S_SIGNAL = 1 << 1 };

struct ruleset {
	uint64_t files, network, scoped;
};

struct rule_path {
	uint64_t rights;
	int32_t fd;
} __attribute__((packed));

struct rule_port {
	uint64_t rights, port;
};

/* What each ABI brought: what is handled is the sum of the rows up to it. */
static const struct {
	long abi;
	struct ruleset adds;
	size_t size; /* of struct ruleset, as that kernel knows it */
	unsigned held;
	const char *without;
} abis[] = {
	{ 1, { 0x1fff, 0, 0 }, 8, HELD_FILES, "files out of reach (Landlock)" },
	{ 2, { F_MOVE, 0, 0 }, 8, 0, NULL },
	{ 3, { F_TRUNCATE, 0, 0 }, 8, 0, "truncation of files out of reach (Landlock 3)" },
	{ 4, { 0, N_BIND | N_CONNECT, 0 }, 16, HELD_NETWORK, "TCP out of reach (Landlock 4)" },
	{ 5, { F_IOCTL, 0, 0 }, 16, 0, NULL },
	{ 6, { 0, 0, S_ABSTRACT_SOCKET | S_SIGNAL }, 24, HELD_SCOPE,
	  "signals to other processes out of reach (Landlock 6)" },
};

/* Sum up what this kernel handles; name what it does not. */
static err_t handled(long abi, struct ruleset *all, size_t *size, unsigned *held,
                     struct buf *missing)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(abis); i++) {
		if (abi >= abis[i].abi) {
			all->files |= abis[i].adds.files;
			all->network |= abis[i].adds.network;
			all->scoped |= abis[i].adds.scoped;
			*size = abis[i].size;
			*held |= abis[i].held;
		} else if (abis[i].without) {
			TRY(buf_printf(missing, "%s%s", missing->n ? "; " : "", abis[i].without));
		}
	}
out:
	return err;
}

static err_t allow_directory(int ruleset, int fd, uint64_t files)
{
	struct rule_path rule = { F_KEPT & files, fd };

	return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) == 0 ? ERR_OK : ERR_IO;
}

/* A file takes fewer rights than a folder; what is not there needs none. */
static err_t allow_path(int ruleset, const char *path, uint64_t rights)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct rule_path rule = { rights, fd };
	struct stat st;
	err_t err = ERR_OK;

	if (fd < 0)
		return ERR_OK;
	if (fstat(fd, &st) != 0 || !S_ISDIR(st.st_mode))
		rule.rights &= F_OF_FILE;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH, &rule, 0) != 0)
		err = ERR_IO;
	close(fd);
	return err;
}

/* Libraries, configuration, readers of cards; and what the maker keeps. */
static err_t allow_makers(int ruleset, const struct sandbox *s, uint64_t files)
{
	static const char *const read[] = { "/usr", "/lib", "/lib64", "/etc", "/run/pcscd",
		                            "/dev/urandom", "/proc/self" };
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(read); i++)
		TRY(allow_path(ruleset, read[i], (F_EXECUTE | F_READ | F_READ_DIR) & files));
	if (s->read)
		TRY(allow_path(ruleset, s->read, (F_READ | F_READ_DIR) & files));
	if (s->kept)
		TRY(allow_path(ruleset, s->kept,
		               (F_KEPT | F_MAKE_DIR | F_REMOVE_DIR | F_IOCTL) & files));
out:
	return err;
}

static err_t allow_ports(int ruleset, const struct sandbox *s)
{
	for (size_t i = 0; i < s->ports_n; i++) {
		struct rule_port rule = { N_CONNECT, s->ports[i] };

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_PORT, &rule, 0) != 0)
			return ERR_IO;
	}
	return ERR_OK;
}

err_t sandbox_landlock(const struct sandbox *s, unsigned *held, struct buf *missing)
{
	const struct sandbox_row *row = sandbox_row(s->role);
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, ASK_VERSION);
	struct ruleset all = { 0 };
	size_t size = 0;
	unsigned gained = 0;
	int fd = -1;
	err_t err;

	TRY(handled(abi, &all, &size, &gained, missing));
	if (row->connects && s->any_port) {
		all.network &= ~(uint64_t)N_CONNECT;
		TRY(buf_printf(missing, "%sTCP ports to connect to: lab mode", missing->n ? "; " : ""));
	}
	if (abi < 1)
		return ERR_OK;
	fd = (int)syscall(SYS_landlock_create_ruleset, &all, size, 0);
	if (fd < 0)
		return ERR_IO;
	if (row->keeps_directory && s->directory_fd >= 0)
		TRY(allow_directory(fd, s->directory_fd, all.files));
	if (row->makers)
		TRY(allow_makers(fd, s, all.files));
	if (row->connects && all.network & N_CONNECT)
		TRY(allow_ports(fd, s));
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		err = ERR_IO;
	else
		*held |= gained;
out:
	if (fd >= 0)
		close(fd);
	return err;
}
