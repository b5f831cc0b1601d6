/* lab.c: holdfastd --lab, for interoperability labs and old clients.
 *
 * Lab mode has a directory of its own: the first start of a directory decides,
 * and leaves a file "lab" in it. A node that was ever started in earnest is never
 * started this way, and a lab's never without. Every listener is on a loopback
 * address or the start is refused. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LAB_ADMIN "CAdmin"
enum { LAB_DEPTH = 3 };

/* `holdfast init` beside us makes the directory; it is the only one that knows how. */
static err_t run_init(const struct parent *p, const char *directory)
{
	struct buf path = buf_make(PATH_MAX);
	char program[PATH_MAX];
	int status;
	pid_t pid;
	err_t err;

	TRY(buf_printf(&path, "%sholdfast", p->programs));
	TRY(bytes_put_str(program, sizeof(program), bytes_of_buf(&path)));
	pid = fork();
	if (pid == 0) {
		const char *const args[] = { "holdfast", "init", directory, "--sp", "//lab.example",
			                     "--cse-id", "/in-cse", "--listen", "", NULL };

		/* What to do next is for a node's administrator. */
		(void)dup2(p->null_fd, STDOUT_FILENO);
		execv(program, (char *const *)(uintptr_t)args);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		err = ERR_IO;
out:
	buf_free(&path);
	return err;
}

static err_t mark(const char *directory)
{
	int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	if (at < 0)
		return ERR_IO;
	fd = openat(at, "lab", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	close(at);
	if (fd < 0)
		return ERR_IO;
	close(fd);
	return ERR_OK;
}

static bool has(const char *directory, const char *name)
{
	int at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool yes = at >= 0 && faccessat(at, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;

	if (at >= 0)
		close(at);
	return yes;
}

static err_t refuse(const char *directory, const char *why)
{
	log_event(LOG_ERROR, "start refused", "path=%s why=%s", directory, why);
	return ERR_REFUSED;
}

/* Remove what is beneath a directory; links are removed, never followed. */
static void remove_below(int at, unsigned depth)
{
	DIR *d = fdopendir(dup(at));
	struct dirent *e;

	while (d && (e = readdir(d))) {
		int fd;

		if (bytes_equal(bytes_str(e->d_name), BYTES(".")) ||
		    bytes_equal(bytes_str(e->d_name), BYTES("..")))
			continue;
		if (unlinkat(at, e->d_name, 0) == 0 || depth == LAB_DEPTH)
			continue;
		fd = openat(at, e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0) {
			remove_below(fd, depth + 1);
			close(fd);
		}
		(void)unlinkat(at, e->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
}

/* A process that outlives us however we end, and removes the temporary
 * directory: by then this one has no right to it any more. */
static err_t start_sweeper(const char *directory)
{
	int at = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ends[2];
	pid_t pid;
	char octet;

	if (at < 0 || pipe2(ends, O_CLOEXEC) != 0)
		return ERR_IO;
	pid = fork();
	if (pid == 0) {
		close(ends[1]);
		(void)setsid();
		while (read(ends[0], &octet, 1) < 0 && errno == EINTR)
			;
		remove_below(at, 0);
		(void)rmdir(directory);
		_exit(0);
	}
	close(at);
	close(ends[0]);
	/* The other end stays open as long as we run. */
	return pid > 0 ? ERR_OK : ERR_IO;
}

static err_t temporary(struct parent *p)
{
	const char *base = getenv("TMPDIR");
	struct buf path = buf_make(PATH_MAX - 1);
	err_t err;

	TRY(buf_printf(&path, "%s/holdfast-lab-XXXXXX", base && *base ? base : "/tmp"));
	TRY(bytes_put_str(p->arguments.directory, sizeof(p->arguments.directory), bytes_of_buf(&path)));
	if (!mkdtemp(p->arguments.directory) || chmod(p->arguments.directory, 0755) != 0)
		TRY(ERR_IO);
	p->arguments.lab_made = true;
	err = start_sweeper(p->arguments.directory);
out:
	buf_free(&path);
	return err;
}

static err_t make(struct parent *p)
{
	err_t err = ERR_OK;

	if (!p->arguments.directory[0])
		TRY(temporary(p));
	TRY(run_init(p, p->arguments.directory));
	err = mark(p->arguments.directory);
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "no lab directory", "path=%s", p->arguments.directory);
	return err;
}

err_t lab_prepare(struct parent *p)
{
	const char *directory = p->arguments.directory;

	if (!p->arguments.lab) {
		if (has(directory, "lab"))
			return refuse(directory, "it is the directory of a lab; holdfastd --lab");
		return ERR_OK;
	}
	if (!*directory || access(directory, F_OK) != 0)
		return p->arguments.check ? refuse(directory, "there is no such directory") : make(p);
	if (has(directory, "lab") || p->arguments.check)
		return ERR_OK;
	/* The lock is made by the first start. */
	if (has(directory, "run/lock"))
		return refuse(directory, "this node was started without --lab before; "
		              "a lab needs a directory of its own");
	return mark(directory);
}

/* --lab-port, else the file's address, else 127.0.0.1:8080. */
static err_t set_listener(const struct parent *p, struct options *o)
{
	struct buf place = buf_make(64);
	err_t err = ERR_OK;

	if (p->arguments.lab_port)
		TRY(buf_printf(&place, "127.0.0.1:%s", p->arguments.lab_port));
	else if (!*options_text(o, OPT_listen_lab_http))
		TRY(buf_add(&place, BYTES("127.0.0.1:8080")));
	if (place.n)
		TRY(options_set(o, BYTES("listen.lab_http"), bytes_of_buf(&place)));
out:
	buf_free(&place);
	return err;
}

err_t lab_options(const struct parent *p, struct options *o, char *where, size_t size)
{
	static const enum option_id listeners[] = { OPT_listen_lab_http, OPT_listen_https };
	err_t err;

	TRY(options_set(o, BYTES("lab"), BYTES("yes")));
	TRY(set_listener(p, o));
	if (p->arguments.lab_made)
		TRY(options_set(o, BYTES("store.engine"), BYTES("memory")));
	if (!*options_text(o, OPT_lab_admin))
		TRY(options_set(o, BYTES("lab.admin"), BYTES(LAB_ADMIN)));
	for (size_t i = 0; i < COUNT_OF(listeners); i++) {
		struct bytes place = bytes_str(options_text(o, listeners[i]));
		bool loopback = false;

		if (place.n && (listen_is_loopback(place, &loopback) != ERR_OK || !loopback))
			return node_fault(where, size, "lab mode listens on loopback addresses only",
			                  ERR_REFUSED);
	}
out:
	if (err != ERR_OK)
		return node_fault(where, size, "the options of lab mode do not fit", err);
	return err;
}

void lab_announce(const struct parent *p)
{
	log_event(LOG_WARN, "LAB MODE", "this node protects nothing; never use it for real data");
	log_event(LOG_WARN, "LAB MODE", "off: encryption and authentication of connections on %s",
	          options_text(&p->options, OPT_listen_lab_http));
	log_event(LOG_WARN, "LAB MODE", "off: enrolment; applications register themselves");
	log_event(LOG_WARN, "LAB MODE", "off: access decisions for originator %s",
	          options_text(&p->options, OPT_lab_admin));
	if (p->arguments.lab_made)
		log_event(LOG_WARN, "LAB MODE", "off: the store; nothing survives the end; directory %s",
		          p->node.path);
}
