/* sandbox: each role's confinement says no, and lets its own work pass.
 *
 * Every attempt runs in a process of its own that is confined as a role. The
 * layers are tried together and without the list of system calls, so that the
 * user, the root and Landlock are seen to refuse by themselves. As root both
 * ways of starting are tried, else only the ordinary user's. */
#define _GNU_SOURCE
#include "base/secret.h"
#include "role/common/sandbox.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { DONE = 0, FAILED = 1, NOT_CONFINED = 2, USER = 61234 };

static const enum role roles[] = { ROLE_KEEPER, ROLE_CORE, ROLE_GATE, ROLE_COURIER, ROLE_NETWORK, ROLE_DOOR };

static char folder[] = "/tmp/holdfast-sandbox-XXXXXX";
static char outside[64], inside[64];
static int listener, other_listener;
static uint16_t port, other_port;

static int listen_on(uint16_t *number)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 100), 0); /* nobody accepts */
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*number = ntohs(a.sin_port);
	return fd;
}

static int setup(void **state)
{
	int fd;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(outside, sizeof(outside), "%s/outside", folder);
	snprintf(inside, sizeof(inside), "%s/inside", folder);
	fd = open(outside, O_CREAT | O_WRONLY, 0666);
	assert_true(fd >= 0 && fchmod(fd, 0666) == 0);
	close(fd);
	assert_int_equal(mkdir(inside, 0777), 0);
	assert_int_equal(chmod(inside, 0777), 0);
	listener = listen_on(&port);
	other_listener = listen_on(&other_port);
	return 0;
}

static int teardown(void **state)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/made", inside);
	unlink(path);
	rmdir(inside);
	unlink(outside);
	rmdir(folder);
	return 0;
}

/* How a process that did `attempt` in the sandbox ended. */
struct end {
	bool killed; /* bad system call */
	int status;
};

struct how {
	enum role role;
	bool root, no_seccomp;
};

static _Noreturn void confined(const struct how *how, bool (*attempt)(void))
{
	struct sandbox s = { .role = how->role, .root = how->root, .user = USER + how->role,
	                     .no_seccomp = how->no_seccomp, .ports = { port }, .ports_n = 1 };
	struct buf missing = buf_make(1000);
	unsigned held;

	if (how->role == ROLE_TOKEN)
		s.kept = inside;
	s.directory_fd = open(inside, O_PATH | O_DIRECTORY);
	if (geteuid() == 0 && !how->root && (setresgid(USER, USER, USER) != 0 ||
	                                     setresuid(USER, USER, USER) != 0))
		_exit(NOT_CONFINED);
	if (s.directory_fd < 0 || sandbox_enter(&s, &held, &missing) != ERR_OK)
		_exit(NOT_CONFINED);
	errno = 0;
	_exit(attempt() ? DONE : FAILED);
}

static struct end run(const struct how *how, bool (*attempt)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		confined(how, attempt);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_CONFINED)
		fail_msg("%s was not confined", role_name(how->role));
	return (struct end){ WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS,
		             WIFEXITED(status) ? WEXITSTATUS(status) : -1 };
}

/* --- attempts: true when the forbidden thing was done --------------------- */

static bool read_passwd(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool write_outside(void) { return open(outside, O_WRONLY) >= 0; }
static bool climb(void) { return open("../outside", O_RDONLY) >= 0; }
static bool truncate_outside(void) { return truncate(outside, 0) == 0; }
static bool read_proc(void) { return open("/proc/1/status", O_RDONLY) >= 0; }
static bool list_root(void) { return open("/", O_RDONLY | O_DIRECTORY) >= 0 && open("/etc", O_RDONLY | O_DIRECTORY) >= 0; }

static bool run_program(void)
{
	char *const args[] = { (char[]){ "true" }, NULL };

	execve("/bin/true", args, args + 1);
	return false;
}

static bool make_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static bool trace_parent(void) { return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0; }
static bool signal_parent(void) { return kill(getppid(), 0) == 0; }

static bool bind_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static bool connect_to(uint16_t number)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(number),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
}

static bool connect_allowed(void) { return connect_to(port); }
static bool connect_other(void) { return connect_to(other_port); }
static bool open_udp(void) { return socket(AF_INET, SOCK_DGRAM, 0) >= 0; }
static bool open_raw(void) { return socket(AF_PACKET, SOCK_RAW, 0) >= 0; }
static bool open_unix(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }

static bool regain_root(void) { return setresuid(0, 0, 0) == 0; }
static bool leave_root(void) { return chroot(".") == 0; }
static bool new_namespace(void) { return unshare(0x10000000 /* CLONE_NEWUSER */) == 0; }

static bool make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
	            -1, 0) != MAP_FAILED;
}

static bool turn_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool dump_core(void)
{
	struct rlimit r;

	return getrlimit(RLIMIT_CORE, &r) != 0 || r.rlim_cur || r.rlim_max ||
	       setrlimit(RLIMIT_CORE, &(struct rlimit){ 1000, 1000 }) == 0;
}

#ifndef HOLDFAST_SANITIZE
static bool is_dumpable(void) { return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1; }
#endif
static bool may_gain_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1; }

/* --- work that must pass: true when it was done --------------------------- */

static bool keep_secrets(void)
{
	struct secret s;
	uint8_t octets[16];

	if (secret_new(100, &s) != ERR_OK || getentropy(octets, sizeof(octets)) != 0)
		return false;
	secret_free(&s);
	return true;
}

static bool speak(void) { return write(STDERR_FILENO, "", 0) == 0 && getpid() > 1; }

/* As SQLite does. */
static bool keep_a_database(void)
{
	int fd = open("made", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char octet = 'x';

	if (fd < 0 || pwrite(fd, &octet, 1, 0) != 1 || fdatasync(fd) != 0 || ftruncate(fd, 0) != 0 ||
	    fcntl(fd, F_SETLK, &(struct flock){ .l_type = F_WRLCK }) != 0)
		return false;
	close(fd);
	return access("made", F_OK) == 0 && unlink("made") == 0 && usleep(1) == 0;
}

/* As the keeper does. */
static bool keep_a_key_store(void)
{
	int fd = open("made", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char octet = 'x';

	if (fd < 0 || write(fd, &octet, 1) != 1 || fsync(fd) != 0)
		return false;
	close(fd);
	return renameat(AT_FDCWD, "made", AT_FDCWD, "made2") == 0 && unlinkat(AT_FDCWD, "made2", 0) == 0;
}

static bool make_a_file(void) { return open("made", O_RDWR | O_CREAT, 0600) >= 0; }
static bool type_for_others(void) { return ioctl(STDERR_FILENO, TIOCSTI, "x") == 0; }

/* --- tables ---------------------------------------------------------------- */

enum { EVERYBODY = ROLES_ALL, OUTWARD = ROLES_COURIER | ROLES_NETWORK, NOT_OUTWARD = ROLES_ALL & ~OUTWARD,
       NO_FILES = ROLES_GATE | ROLES_COURIER | ROLES_NETWORK | ROLES_DOOR };

/* `layer`: refused also without the list of system calls. */
static const struct {
	const char *name;
	bool (*attempt)(void);
	unsigned roles;
	bool layer;
} forbidden[] = {
	{ "read /etc/passwd", read_passwd, EVERYBODY, true },
	{ "write a file outside", write_outside, EVERYBODY, true },
	{ "climb out of the directory", climb, EVERYBODY, true },
	{ "truncate a file outside", truncate_outside, EVERYBODY, true },
	{ "read another process's status", read_proc, EVERYBODY, true },
	{ "list directories", list_root, EVERYBODY, true },
	{ "make a file", make_a_file, NO_FILES, true },
	{ "type on a terminal", type_for_others, EVERYBODY, true },
	{ "run a program", run_program, EVERYBODY, true },
#ifndef HOLDFAST_SANITIZE
	{ "make a process", make_process, EVERYBODY, true },
	{ "be dumped", is_dumpable, EVERYBODY, true },
#endif
	{ "trace its parent", trace_parent, EVERYBODY, true },
	{ "signal its parent", signal_parent, EVERYBODY, true },
	{ "bind a TCP port", bind_tcp, EVERYBODY, true },
	{ "connect to a TCP port", connect_allowed, NOT_OUTWARD, true },
	{ "connect to a place that is not allowed", connect_other, EVERYBODY, true },
	{ "open a datagram socket", open_udp, EVERYBODY, false },
	{ "open a raw socket", open_raw, EVERYBODY, true },
	{ "open a local socket", open_unix, EVERYBODY, false },
	{ "become root", regain_root, EVERYBODY, true },
	{ "change root", leave_root, EVERYBODY, true },
	{ "make a namespace", new_namespace, EVERYBODY, false },
	{ "map memory that is written and run", make_code, EVERYBODY, false },
	{ "turn data into code", turn_into_code, EVERYBODY, false },
	{ "dump core", dump_core, EVERYBODY, true },
	{ "gain privileges", may_gain_privileges, EVERYBODY, true },
};

static const struct {
	const char *name;
	bool (*attempt)(void);
	unsigned roles;
} allowed[] = {
	{ "keep secrets", keep_secrets, EVERYBODY & ~ROLES_DOOR },
	{ "write its log", speak, EVERYBODY },
	{ "keep a database in its directory", keep_a_database, ROLES_CORE },
	{ "keep a key store in its directory", keep_a_key_store, ROLES_KEEPER },
	{ "connect to an allowed place", connect_allowed, OUTWARD },
};

static void for_each_how(void (*each)(const struct how *how))
{
	for (size_t i = 0; i < COUNT_OF(roles); i++) {
		each(&(struct how){ roles[i], false, true });
		if (geteuid() == 0)
			each(&(struct how){ roles[i], true, true });
#ifndef HOLDFAST_SANITIZE
		each(&(struct how){ roles[i], false, false });
		if (geteuid() == 0)
			each(&(struct how){ roles[i], true, false });
#endif
	}
}

static void try_forbidden(const struct how *how)
{
	for (size_t i = 0; i < COUNT_OF(forbidden); i++) {
		struct end e;

		if (!(forbidden[i].roles & 1u << how->role) || (how->no_seccomp && !forbidden[i].layer))
			continue;
		e = run(how, forbidden[i].attempt);
		if (!e.killed && e.status != FAILED)
			fail_msg("%s could %s (root %d, without system call list %d, status %d)",
			         role_name(how->role), forbidden[i].name, how->root,
			         how->no_seccomp, e.status);
	}
}

static void try_allowed(const struct how *how)
{
	for (size_t i = 0; i < COUNT_OF(allowed); i++) {
		struct end e;

		if (!(allowed[i].roles & 1u << how->role))
			continue;
		e = run(how, allowed[i].attempt);
		if (e.killed || e.status != DONE)
			fail_msg("%s could not %s (root %d, without system call list %d, killed %d)",
			         role_name(how->role), allowed[i].name, how->root,
			         how->no_seccomp, e.killed);
	}
}

static void test_no(void **state) { for_each_how(try_forbidden); }
static void test_yes(void **state) { for_each_how(try_allowed); }

/* What the keeper does at its start and no more at work, call by call; and that the
 * rest still goes. */
static bool settled(bool (*attempt)(void))
{
	return sandbox_settle(ROLE_KEEPER) == ERR_OK && attempt();
}

/* With a page for secrets already, as the keeper: which of two ways there are is known. */
static bool hide(void)
{
	struct secret s;

	return secret_new(32, &s) == ERR_OK;
}

/* Many, so that further pages are mapped. */
static bool keep_many_secrets(void)
{
	struct secret s[64];
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(s); i++)
		good = good && secret_new(4096, &s[i]) == ERR_OK;
	return good;
}

/* Locked and hidden as before, where the kernel hides pages. */
static bool keep_hidden_secrets(void)
{
	return keep_many_secrets() && secret_locked();
}

static bool number_is_none(void) { return getpid() == 0; }
static bool wake_nobody(void) { uint32_t word = 0; return syscall(SYS_futex, &word, 1, 1, NULL, NULL, 0) == 0; }
static bool guard_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED && mprotect(p, 4096, PROT_NONE) == 0;
}

static bool ask_terminal(void) { return ioctl(STDERR_FILENO, TCGETS, &(struct termios){ 0 }) == 0 || errno == ENOTTY; }
static bool read_a_file(void)
{
	int fd = open("made", O_RDWR | O_CREAT, 0600);
	char octet;

	return fd >= 0 && read(fd, &octet, 1) == 0;
}
static bool lock_a_file(void) { return flock(STDERR_FILENO, LOCK_SH | LOCK_UN) == 0 || errno != ENOSYS; }
static bool ask_who(void) { return geteuid() != 1; }
static bool handle_a_signal(void) { return sigaction(SIGUSR1, NULL, &(struct sigaction){ 0 }) == 0; }
static bool block_a_signal(void) { return sigprocmask(SIG_BLOCK, NULL, &(sigset_t){ 0 }) == 0; }
static bool signal_itself(void) { return raise(0) == 0; }
static bool write_pieces(void) { return writev(STDERR_FILENO, &(struct iovec){ 0 }, 0) == 0; }
static bool filter_again(void) { return syscall(SYS_seccomp, 1, 0, NULL) == 0 || errno == EFAULT; }
static bool much_memory(void)
{
	bool good = true;

	/* large blocks grow without mremap */
	void *small[4096];

	for (size_t i = 0; good && i < COUNT_OF(small); i++) {
		small[i] = malloc(1 + i % 3000);
		good = small[i] != NULL;
	}
	for (size_t i = 0; good && i < COUNT_OF(small); i++)
		free(small[i]);
	for (size_t n = 1; good && n < 64; n++) {
		char *p = malloc(n * 100000), *q = p ? realloc(p, n * 200000) : NULL;

		good = q != NULL;
		if (good)
			q[n * 200000 - 1] = 1;
		free(q ? q : p);
	}
	return good;
}

static const struct {
	bool (*attempt)(void);
	bool before, after; /* does it go? */
} at_work[] = {
	{ ask_terminal, true, false }, { read_a_file, true, false }, { lock_a_file, true, false },
	{ ask_who, true, false }, { handle_a_signal, true, false }, { block_a_signal, true, false },
	{ guard_memory, true, false }, { number_is_none, false, true }, { wake_nobody, true, true },
	{ keep_many_secrets, true, true }, { keep_hidden_secrets, true, true },
	{ signal_itself, true, false }, { write_pieces, true, false }, { filter_again, true, false },
	{ keep_secrets, true, true }, { keep_a_key_store, true, true }, { much_memory, true, true },
};

static size_t trying;
static bool try_settled(void) { return settled(at_work[trying].attempt); }
static bool try_settled_hidden(void) { return hide() && settled(at_work[trying].attempt); }

static void test_at_work(void **state)
{
#ifndef HOLDFAST_SANITIZE
	struct how how = { ROLE_KEEPER, false, false };

	for (trying = 0; trying < COUNT_OF(at_work); trying++) {
		struct end before = run(&how, at_work[trying].attempt), after = run(&how, try_settled);
		struct end hidden = run(&how, try_settled_hidden);

		if ((!hidden.killed && hidden.status == DONE) != at_work[trying].after)
			fail_msg("call %zu, with hidden pages: %d/%d", trying, hidden.killed, hidden.status);
		if ((!before.killed && before.status == DONE) != at_work[trying].before ||
		    (!after.killed && after.status == DONE) != at_work[trying].after)
			fail_msg("call %zu: before %d/%d after %d/%d", trying, before.killed, before.status,
			         after.killed, after.status);
	}
#endif
	/* What a writing of the key store, an answer and a page for secrets take. */
	assert_int_equal(sandbox_count(ROLE_KEEPER, false), 38);
	assert_int_equal(sandbox_count(ROLE_KEEPER, true), 20);
	assert_int_equal(sandbox_count(ROLE_GATE, true), sandbox_count(ROLE_GATE, false));
}

#ifndef HOLDFAST_SANITIZE
/* What is not on the list ends the process; it does not merely fail. */
static void test_a_forbidden_call_ends_the_process(void **state)
{
	static const struct {
		enum role role;
		bool (*attempt)(void);
	} rows[] = {
		{ ROLE_GATE, read_passwd }, { ROLE_DOOR, read_passwd }, { ROLE_COURIER, read_passwd }, { ROLE_NETWORK, read_passwd },
		{ ROLE_KEEPER, connect_allowed }, { ROLE_CORE, connect_allowed },
		{ ROLE_GATE, connect_allowed }, { ROLE_KEEPER, run_program }, { ROLE_CORE, make_process },
		{ ROLE_GATE, trace_parent }, { ROLE_COURIER, open_unix }, { ROLE_COURIER, bind_tcp }, { ROLE_NETWORK, bind_tcp }, { ROLE_NETWORK, open_unix },
		{ ROLE_KEEPER, make_code }, { ROLE_GATE, turn_into_code },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct end e = run(&(struct how){ rows[i].role, false, false }, rows[i].attempt);

		if (!e.killed)
			fail_msg("row %zu was not ended: status %d", i, e.status);
	}
}
#endif

#if !defined(HOLDFAST_SANITIZE) && defined(__x86_64__)
static long call_number;

static bool make_call(void)
{
	return syscall(call_number, -1, 0, 0, 0, 0, 0) >= 0;
}

static bool make_call_at_work(void)
{
	return sandbox_settle(ROLE_KEEPER) == ERR_OK && make_call();
}

/* The keeper's list, whole. Every other call ends it, too. */
static const long keepers_start[] = {
	/* locks, the passphrase's terminal, the list of work */
	SYS_flock, SYS_ioctl, SYS_read, SYS_seccomp, SYS_geteuid, SYS_mremap,
	/* memory and secrets, where another way is there: refused at work. Not this: no such
	 * pages were made here, so it is the way without memfd_secret that stays */
	SYS_mprotect, SYS_brk, SYS_futex, SYS_getpid, SYS_memfd_secret, SYS_ftruncate,
	/* in trouble */
	SYS_gettid, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_tgkill, SYS_writev,
};
static const long keepers_work[] = {
	/* seen: handshakes, orders, backups, tokens, saving, stopping */
	SYS_close, SYS_exit_group, SYS_fsync, SYS_mmap,
	SYS_munmap, SYS_newfstatat, SYS_openat, SYS_poll, SYS_pread64, SYS_pwrite64,
	SYS_recvmsg, SYS_renameat, SYS_restart_syscall, SYS_sendto, SYS_write,
	/* the pool of secrets grows; chance; a clock that the kernel alone reads; a full disk */
	SYS_clock_gettime, SYS_getrandom, SYS_madvise, SYS_mlock, SYS_unlinkat,
};

static const long keepers_refused[] = {
	SYS_mremap, SYS_brk, SYS_mprotect, SYS_futex, SYS_getpid, SYS_memfd_secret, SYS_ftruncate,
};

static bool is_in(const long *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (list[i] == call_number)
			return true;
	}
	return false;
}

static void test_the_keepers_list_is_this(void **state)
{
	struct how how = { ROLE_KEEPER, false, false };
	size_t ended = 0, ended_at_work = 0;

	for (call_number = 0; call_number < 463; call_number++) {
		/* 335 to 423 are nobody's. */
		if (is_in(keepers_work, COUNT_OF(keepers_work)) || (call_number > 334 && call_number < 424))
			continue;
		if (!is_in(keepers_start, COUNT_OF(keepers_start))) {
			if (!run(&how, make_call).killed)
				fail_msg("system call %ld did not end the keeper at its start", call_number);
			ended++;
		}
		/* refused, or answered with 0 */
		if (is_in(keepers_refused, COUNT_OF(keepers_refused)))
			continue;
		if (!run(&how, make_call_at_work).killed)
			fail_msg("system call %ld did not end the keeper at work", call_number);
		ended_at_work++;
	}
	assert_true(ended > 300 && ended_at_work > ended);
	assert_int_equal(COUNT_OF(keepers_start) + COUNT_OF(keepers_work), sandbox_count(ROLE_KEEPER, false));
	assert_int_equal(COUNT_OF(keepers_work), sandbox_count(ROLE_KEEPER, true));
}
#endif

/* Unconfined, the same attempts succeed: the tests above test something. */
static void test_the_attempts_work_without_a_sandbox(void **state)
{
	static bool (*const attempts[])(void) = {
		read_passwd, write_outside, truncate_outside, read_proc, list_root, make_process,
		signal_parent, bind_tcp, connect_allowed, connect_other, open_udp, open_unix,
		make_code, turn_into_code,
	};

	for (size_t i = 0; i < COUNT_OF(attempts); i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(attempts[i]() ? DONE : FAILED);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != DONE)
			fail_msg("attempt %zu proves nothing here", i);
	}
}

#ifndef HOLDFAST_SANITIZE
static bool write_kept(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/made", inside);
	return open(path, O_CREAT | O_WRONLY, 0600) >= 0;
}

/* A token's process reads the system's files, because its maker's library does, and
 * writes its maker's; what it must not do is refused, and need not end it. */
static void test_token(void **state)
{
	static const struct {
		bool (*attempt)(void);
		int status;
	} rows[] = {
		{ write_outside, FAILED }, { truncate_outside, FAILED }, { read_proc, FAILED },
		{ run_program, FAILED }, { make_process, FAILED }, { signal_parent, FAILED },
		{ trace_parent, FAILED }, { bind_tcp, FAILED }, { connect_other, FAILED },
		{ open_udp, FAILED }, { read_passwd, DONE }, { write_kept, DONE }, { connect_allowed, DONE },
	};

	for (int root = 0; root <= (geteuid() == 0); root++) {
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			struct end e = run(&(struct how){ ROLE_TOKEN, root != 0, false }, rows[i].attempt);

			if (e.killed || e.status != rows[i].status)
				fail_msg("row %zu, root %d: status %d, killed %d", i, root, e.status, e.killed);
			{
				char path[80];

				snprintf(path, sizeof(path), "%s/made", inside);
				unlink(path);
			}
		}
	}
}

#endif

static void test_protections_have_names(void **state)
{
	struct buf text = buf_make(300);

	assert_int_equal(protections_print(0, &text), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&text), BYTES("-")));
	buf_clear(&text);
	assert_int_equal(protections_print(HELD_USER | HELD_LIMITS, &text), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&text), BYTES("user,limits")));
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_attempts_work_without_a_sandbox),
		cmocka_unit_test(test_no),
		cmocka_unit_test(test_yes),
		cmocka_unit_test(test_at_work),
#ifndef HOLDFAST_SANITIZE
		cmocka_unit_test(test_a_forbidden_call_ends_the_process),
		cmocka_unit_test(test_token),
#endif
#if !defined(HOLDFAST_SANITIZE) && defined(__x86_64__)
		cmocka_unit_test(test_the_keepers_list_is_this),
#endif
		cmocka_unit_test(test_protections_have_names),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
