/* parent.h: the parts of holdfastd.
 *
 *   main     arguments          node     the directory, its file, lock and status
 *   listen   listeners          lab      lab mode
 *   guard    its own rights     child    one worker: start, START and LINKs
 *   watch    the loop           crash    ends nobody asked for, penalties
 *   reload   SIGHUP             notify   the service manager
 *   status   run/status         passphrase  whence the keeper gets it
 *
 * It reads its own configuration and nothing from outside; it holds no key and
 * no data. What it keeps is what restarting a worker needs: listeners, the
 * descriptors of directories, the page in which a gate notes whom it reads. */
#ifndef ROLE_PARENT_H
#define ROLE_PARENT_H

#include "role/common/worker.h"
#include "wire/token_calls.h"

#include <limits.h>
#include <poll.h>
#include <sys/types.h>

enum {
	GATES_MAX = 64,
	CHILDREN_MAX = GATES_MAX + 5 + TOKENS_MAX,
	READY_MS = 60000,        /* START to READY */
	STOP_MS = 10000,         /* STOP to the end, each round */
	LIFE_MS = 10000, LIFE_STEP_MS = 20, /* for the workers of a parent that died */
	DELAY_MIN_MS = 50, DELAY_MAX_MS = 5000,
	STABLE_MS = 30000,       /* who ran this long starts again without delay */
	CRASHES_MAX = 10, CRASH_SPAN_MS = 60000, /* of keeper or core: give up */
	CRASHES_AT_START = 3,    /* of anyone before all were ready once: give up */
	ENVIRONMENT_MAX = 3,
	PENALTY_S = 60, PENALTY_MAX_S = 86400, PENALTIES_MAX = 256,
};

enum child_state { CHILD_ABSENT, CHILD_STARTING, CHILD_READY };

struct child {
	enum role role;
	unsigned number;
	enum child_state state;
	pid_t pid;                 /* 0 none */
	uint32_t user;
	struct link control;
	int64_t started;           /* clock_steady */
	int64_t again_at;          /* not before, when ABSENT */
	unsigned row;              /* crashes without a stable run between */
	int64_t crashes[CRASHES_MAX];
	size_t crashes_n;
	bool asked_to_stop, forced; /* told to end; ended by us with SIGKILL */
	unsigned held;             /* enum protection, from READY */
	char missing[900];
	/* gates: kept over restarts, -1 none */
	int https_fd, lab_fd, page_fd;
	struct crash_page *page;
};

struct penalty {
	uint8_t address[16];
	unsigned address_n;  /* 0 free */
	uint32_t seconds;
	int64_t until;       /* clock_steady */
};

struct node {
	char path[PATH_MAX];
	int fd, run_fd, lock_fd;
	int life_fd; /* locked as long as one of our workers lives */
	int keeper_fd, store_fd, public_fd, empty_fd; /* directories, O_PATH */
	int door_fd, programs_fd;                     /* listeners, -1 none */
	int witness_fd;                               /* of keeper.witness; -1 none */
	int passphrase_fd;                            /* -1 none */
	int pin_fd[TOKENS_MAX + 1];                   /* by token; -1 none */
	uint32_t owner;
};

/* The words of lab.def, in its order. */
enum {
#define LAB(word, value, option, text) + 1
	LAB_WORDS = 0
#include "role/parent/lab.def"
#undef LAB
};

struct arguments {
	char directory[PATH_MAX];
	bool check, lab, lab_made; /* lab_made: a temporary directory of ours */
	const char *lab_word[LAB_WORDS]; /* their values; NULL not given */
};

struct parent {
	struct arguments arguments;
	struct options options;
	struct node node;
	char programs[PATH_MAX]; /* folder of the executables */
	const char *environment[ENVIRONMENT_MAX + 1]; /* of the workers */
	bool root;
	struct child children[CHILDREN_MAX];
	size_t children_n;
	struct penalty penalties[PENALTIES_MAX];
	int signal_fd, null_fd;
	bool was_ready;          /* all of them, once */
	unsigned stop_round;     /* 0 running, then 1.. */
	int64_t stop_by;
	bool failed;             /* the exit status is 1 */
	int64_t watchdog_ms, watchdog_next;
};

/* The user of a worker: of its own when started as root, `place` above user.base; else ours. */
uint32_t parent_user(const struct parent *p, unsigned place);

/* node.c. Messages go to the log; ERR_* only says that it failed. */
err_t node_open(struct parent *p) MUST_USE;
/* Put a reason where the caller wants it; returns err. */
err_t node_fault(char *where, size_t size, const char *text, err_t err) MUST_USE;
/* Options from the file and the command line, checked as a whole, into *out. */
err_t node_read_options(const struct parent *p, struct options *out, char *where,
                        size_t where_size) MUST_USE;
/* Run directory, lock, directories of the workers, passphrase. */
err_t node_prepare(struct parent *p) MUST_USE;
/* run/status, for `holdfast doctor`; format in status.c. */
void node_write_status(const struct parent *p);
void node_close(struct parent *p);

/* passphrase.c */
err_t node_open_passphrase(struct parent *p) MUST_USE;
/* The file of keeper.witness; without one the node starts all the same, and says so. */
void node_open_witness(struct parent *p);
/* Files with the PINs of tokens. */
err_t node_open_pins(struct parent *p) MUST_USE;

/* listen.c */
err_t listen_open(struct parent *p) MUST_USE;
/* The door's socket, in the run directory. */
err_t listen_open_door(struct parent *p) MUST_USE;
/* The door's socket for other programs, where door.programs says. */
err_t listen_open_programs(struct parent *p) MUST_USE;
/* True for "127.x:port" and "[::1]:port". ERR_SYNTAX when it is no address. */
err_t listen_is_loopback(struct bytes place, bool *loopback) MUST_USE;

/* lab.c */
/* Is argv[*at] a word of lab.def with a value behind it? Then *at is on that. */
bool lab_argument(struct arguments *a, int argc, char **argv, int *at);
/* The text of --lab --help. */
err_t lab_help(struct buf *out) MUST_USE;
err_t lab_prepare(struct parent *p) MUST_USE;
err_t lab_options(const struct parent *p, struct options *o, char *where, size_t where_size) MUST_USE;
void lab_announce(const struct parent *p);

/* guard.c */
err_t guard_programs(struct parent *p) MUST_USE;
/* Limits up, then rights down; nothing is opened for root after this. */
err_t guard_enter(struct parent *p) MUST_USE;

/* child.c */
err_t children_make(struct parent *p) MUST_USE;
/* Fork, exec, START and LINKs; its neighbours get LINKs too. A failure counts as
 * a crash of the worker. */
void child_start(struct parent *p, struct child *c);
/* A message to one, a queue that does not empty is a fault of the worker. */
void child_send(struct child *c, enum message_type type, struct bytes body);
void child_read(struct parent *p, struct child *c);
void child_kill(struct child *c, const char *why);

/* crash.c */
void crash_reap(struct parent *p);
/* The worker ended, or never came to be; again after a delay. */
void crash_note(struct parent *p, struct child *c, const char *how);
void crash_penalties_to(struct parent *p, struct child *gate);

/* watch.c: until all ended; the exit status. */
int watch_run(struct parent *p);
void watch_stop(struct parent *p, const char *why);

/* reload.c: read the configuration again, or say why the old one stays. */
void reload(struct parent *p);
void reload_log_level(const struct parent *p);

/* notify.c: a line to the service manager, when there is one. */
void notify_open(struct parent *p);
void notify_send(const char *state);

#endif
