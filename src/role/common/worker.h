/* worker.h: what every worker process does first and last.
 *
 *   parent forks, execs the role's program with the control link on descriptor 3
 *     START    options that this role sees, its number, its directory, flags
 *     LINK...  one socket a neighbour; listeners for gate and door
 *     (worker) own user, empty root or Landlock, seccomp, no dumps   -> READY
 *   RELOAD, further LINKs after a neighbour was restarted, PENALTY, STOP
 *
 * LINK body: u8 what (enum worker_link), u8 neighbour role, u8 neighbour number,
 * u8 listener flags. START body: u8 number, u32 user id, directory bytes (worker's
 * own directory, "" none), u8 flags, then options_write.
 * Between START and READY no outside octet is read. */
#ifndef ROLE_WORKER_H
#define ROLE_WORKER_H

#include "role/common/options.h"

enum worker_link { WORKER_LINK_NEIGHBOUR = 1, WORKER_LINK_HTTPS = 2, WORKER_LINK_LAB_HTTP = 3,
	           WORKER_LINK_DOOR = 4, WORKER_LINK_CRASH_PAGE = 5, WORKER_LINK_PASSPHRASE = 6 };

enum { WORKER_CONTROL_FD = 3, WORKER_LINKS_MAX = 80 };

/* Start flags. */
enum { WORKER_ROOT = 1, WORKER_NO_SECCOMP = 2 };

struct worker {
	enum role role;
	unsigned number;
	uint32_t user;         /* to become, when flags & WORKER_ROOT */
	unsigned flags;
	char directory[512];   /* "" none */
	struct options options;
	struct link control;
	/* what came before READY; the role takes them */
	struct { enum worker_link what; enum role peer; unsigned number; int fd; } links[WORKER_LINKS_MAX];
	size_t links_n;
};

/* Read START and LINKs from descriptor 3 until `wanted` arrived or 10 s passed.
 * argv: --version and --help work; anything else started by hand is refused
 * with a line that says to start holdfastd. */
err_t worker_start(enum role role, int argc, char **argv, struct worker *w) MUST_USE;

/* The descriptor of a link of that kind (and peer), -1 when it did not come. */
int worker_take_link(struct worker *w, enum worker_link what, enum role peer, unsigned number);

/* Close the gate behind us: user, root or Landlock, dumps, seccomp of the role.
 * `directory_fd` is the one directory the role keeps (-1 none). Then READY. */
err_t worker_confine(struct worker *w) MUST_USE;

/* A message on the control link after READY. fd is -1 or a descriptor that the
 * caller owns now. kind 0: nothing there. */
struct worker_event {
	enum message_type type;   /* LINK RELOAD STOP PENALTY, 0 none */
	enum worker_link what;
	enum role peer;
	unsigned number;
	int fd;
	struct bytes body;        /* PENALTY */
};
/* RELOAD is applied to w->options before it is returned. ERR_CLOSED: the parent
 * is gone, end. */
err_t worker_next_event(struct worker *w, struct worker_event *out) MUST_USE;

#endif
