/* main.c: holdfastd, the parent of the node's processes. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define DIRECTORY "/var/lib/holdfast"

static const char usage[] =
	"usage: holdfastd [-d DIRECTORY] [--check]\n"
	"       holdfastd --lab [--lab-port PORT] [-d DIRECTORY] [OPTION VALUE]...\n"
	"       holdfastd --print-options | --help | --version\n"
	"\n"
	"Starts the node of DIRECTORY (" DIRECTORY "), which `holdfast init` made,\n"
	"and stays in the foreground; its log goes to standard error.\n"
	"\n"
	"  -d DIRECTORY     the node's directory\n"
	"  --check          only check the configuration\n"
	"  --lab            plain HTTP on a loopback address, for laboratories only;\n"
	"                   without -d in a temporary directory; nothing is protected\n"
	"  --lab-port PORT  its port (8080); --lab --help names the other options\n"
	"  --foreground     the default\n"
	"  --print-options  every option with its default, as a configuration file\n"
	"\n"
	"Signals: SIGTERM and SIGINT end the node in order, SIGHUP reads the\n"
	"configuration again. Exit status: 0 ended well, 1 failed, 2 usage.\n";

static int print_options(void)
{
	struct buf text = buf_make(OPTIONS_FILE_MAX);
	bool done = options_print(&text) == ERR_OK &&
	            fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;

	buf_free(&text);
	return done ? EXIT_OK : EXIT_FAILED;
}

static int print(const char *text)
{
	return fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

static bool is(const char *arg, const char *name)
{
	return bytes_equal(bytes_str(arg), bytes_str(name));
}

static int print_lab_help(void)
{
	struct buf text = buf_make(OPTIONS_FILE_MAX);
	bool done = lab_help(&text) == ERR_OK && buf_add_byte(&text, 0) == ERR_OK &&
	            print((const char *)text.p) == EXIT_OK;

	buf_free(&text);
	return done ? EXIT_OK : EXIT_FAILED;
}

/* Words that need no node: the exit status, or -1. */
static int answer_at_once(int argc, char **argv)
{
	if (argc == 3 && is(argv[1], "--lab") && is(argv[2], "--help"))
		return print_lab_help();
	if (argc != 2)
		return -1;
	if (is(argv[1], "--help"))
		return print(usage);
	if (is(argv[1], "--version"))
		return print("holdfastd " HOLDFAST_VERSION "\n");
	if (is(argv[1], "--print-options"))
		return print_options();
	return -1;
}

static err_t parse_arguments(int argc, char **argv, struct arguments *a)
{
	bool words = false;
	err_t err = ERR_OK;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (is(argv[i], "--check")) {
			a->check = true;
		} else if (is(argv[i], "--lab")) {
			a->lab = true;
		} else if (lab_argument(a, argc, argv, &i)) {
			words = true;
		} else if (is(argv[i], "-d") && value && *value) {
			TRY(bytes_put_str(a->directory, sizeof(a->directory), bytes_str(value)));
			i++;
		} else if (!is(argv[i], "--foreground")) {
			log_event(LOG_ERROR, "not understood", "argument=%s", argv[i]);
			return ERR_SYNTAX;
		}
	}
	if (words && !a->lab) {
		log_event(LOG_ERROR, "not understood", "why=options of a laboratory without --lab");
		return ERR_SYNTAX;
	}
	if (!a->directory[0] && !a->lab)
		err = bytes_put_str(a->directory, sizeof(a->directory), BYTES(DIRECTORY));
out:
	return err;
}

/* Descriptors 0 to 3 are never given to anything else by accident. */
static err_t open_standard(struct parent *p)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= WORKER_CONTROL_FD);
	if (fd < 0)
		return ERR_IO;
	p->null_fd = fd;
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? ERR_OK : ERR_IO;
}

/* A reader of the log that does not read holds up no process: a line that does not go is lost. A pipe
 * or a terminal is opened anew, so that nobody else's writes change; where that is not possible, a
 * pipe is changed for all who share it. A socket to a journal is the service's own. */
static void unblock_log(void)
{
	bool terminal = isatty(STDERR_FILENO);
	int flags = fcntl(STDERR_FILENO, F_GETFL), fd = -1;
	struct stat s;

	if (flags < 0 || fstat(STDERR_FILENO, &s) != 0 ||
	    !(terminal || S_ISFIFO(s.st_mode) || S_ISSOCK(s.st_mode)))
		return;
	if (!S_ISSOCK(s.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if ((fd < 0 || dup2(fd, STDERR_FILENO) < 0) && !terminal)
		(void)fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
}

/* To read the configuration again, before it was read, can wait; a log that nobody reads any more
 * ends nobody. */
static void hold_signals(void)
{
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* What the workers see of the environment. */
static void choose_environment(struct parent *p)
{
	static const char *const kept[ENVIRONMENT_MAX] = {
		"JOURNAL_STREAM=",
#ifdef HOLDFAST_SANITIZE
		"ASAN_OPTIONS=", "UBSAN_OPTIONS=",
#endif
	};
	size_t n = 0;

	for (size_t i = 0; environ[i]; i++) {
		for (size_t j = 0; j < ENVIRONMENT_MAX && kept[j]; j++) {
			if (n < ENVIRONMENT_MAX &&
			    bytes_starts(bytes_str(environ[i]), bytes_str(kept[j])))
				p->environment[n++] = environ[i];
		}
	}
}

static err_t open_signals(struct parent *p)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return ERR_IO;
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signal_fd >= 0 ? ERR_OK : ERR_IO;
}

static err_t prepare(struct parent *p)
{
	char where[300] = "";
	err_t err;

	TRY(guard_programs(p));
	TRY(lab_prepare(p));
	TRY(node_open(p));
	err = node_read_options(p, &p->options, where, sizeof(where));
	if (err != ERR_OK)
		log_event(LOG_ERROR, "configuration refused", "path=%s/holdfast.conf %s", p->node.path,
		          *where ? where : err_text(err));
	if (err != ERR_OK || p->arguments.check)
		return err;
	TRY(node_prepare(p));
	TRY(children_make(p));
	TRY(listen_open(p));
	TRY(listen_open_door(p));
	TRY(listen_open_programs(p));
	TRY(open_signals(p));
	notify_open(p);
	if (p->arguments.lab)
		lab_announce(p);
	err = guard_enter(p);
out:
	return err;
}

int main(int argc, char **argv)
{
	static struct parent parent = { .node = { .fd = -1, .run_fd = -1, .lock_fd = -1,
		.life_fd = -1,
		.keeper_fd = -1, .store_fd = -1, .public_fd = -1, .empty_fd = -1, .door_fd = -1,
		.programs_fd = -1,
		.witness_fd = -1, .passphrase_fd = -1 } };
	struct parent *p = &parent;
	int status = answer_at_once(argc, argv);
	err_t err;

	if (status >= 0)
		return status;
	hold_signals();
	log_open("parent");
	(void)umask(022);
	p->root = geteuid() == 0;
	if (parse_arguments(argc, argv, &p->arguments) != ERR_OK) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	TRY(open_standard(p));
	unblock_log();
	choose_environment(p);
	TRY(prepare(p));
	if (p->arguments.check)
		return print("the configuration is good\n");
	if (!p->root)
		log_event(LOG_WARN, "not started as root",
		          "missing=users and roots of their own for the workers");
	status = watch_run(p);
	node_close(p);
	return status;
out:
	log_event(LOG_ERROR, "not started", "why=%s", err_text(err));
	return EXIT_FAILED;
}
