/* worker.h: what every worker process does first and last.
 *
 *   parent forks, execs the role's program with the control link on descriptor 3
 *     START    options that this role sees, its number, its directory, flags
 *     LINK...  one socket a neighbour; listeners for gate and door
 *     (worker) own user, empty root or Landlock, seccomp, no dumps   -> READY
 *   RELOAD, further LINKs after a neighbour was restarted, PENALTY, STOP
 *
 * START body: u8 number, u32 user id, u32 owner, directory bytes (worker's own
 * directory, "" none), u8 flags, u8 links that follow, then options_write.
 * LINK body: u8 what (enum worker_link), u8 neighbour role, u8 neighbour number,
 * u8 listener flags. LIFE is a locked file that the worker only keeps: while it
 * lives, no other parent starts workers on this directory. PENALTY body: u8 address length (4 or 16), address 16
 * octets (zeros after the address), u32 seconds.
 * READY body: u32 protections in force (enum protection), text bytes: what is
 * missing and why, "" nothing.
 * Between START and READY no outside octet is read.
 *
 * What must happen before worker_confine, because nothing can be opened after
 * it: everything read from files (certificates), OPENSSL_init_crypto and
 * OPENSSL_init_ssl with the error strings, providers, contexts. Keeper and core
 * may open files beneath their directory at any time, by relative path. */
#ifndef ROLE_WORKER_H
#define ROLE_WORKER_H

#include "role/common/options.h"

enum worker_link { WORKER_LINK_NEIGHBOUR = 1, WORKER_LINK_HTTPS = 2, WORKER_LINK_LAB_HTTP = 3,
	           WORKER_LINK_DOOR = 4, WORKER_LINK_CRASH_PAGE = 5, WORKER_LINK_PASSPHRASE = 6,
	           WORKER_LINK_DIRECTORY = 7, WORKER_LINK_EMPTY_ROOT = 8,
	           WORKER_LINK_LIFE = 9, WORKER_LINK_PROGRAMS = 10, WORKER_LINK_PIN = 11,
	           WORKER_LINK_WITNESS = 12 };

enum { WORKER_CONTROL_FD = 3, WORKER_LINKS_MAX = 80 };

/* Start flags. */
enum { WORKER_ROOT = 1, WORKER_NO_SECCOMP = 2 };

/* The gate's page of WORKER_LINK_CRASH_PAGE: a shared mapping of this, which the
 * parent reads when the gate died by a signal. The gate writes the address whose
 * octets it is about to parse, the length last, and 0 after. A captured gate can
 * write what it likes: the worst is that an innocent source waits a while. */
struct crash_page {
	volatile uint8_t address_n; /* 0 nobody, 4, 16 */
	uint8_t zero[3];
	uint8_t address[16];
};

/* Protections that READY reports. */
enum protection {
	HELD_USER = 1,           /* a numeric user of its own */
	HELD_ROOT = 2,           /* an empty root, or the own directory as root */
	HELD_CAPABILITIES = 4,   /* none, and none to be had */
	HELD_FILES = 8,          /* Landlock: files */
	HELD_NETWORK = 16,       /* Landlock: TCP bind and connect */
	HELD_SCOPE = 32,         /* Landlock: signals, abstract sockets */
	HELD_SYSTEM_CALLS = 64,  /* the role's seccomp list */
	HELD_NO_DUMPS = 128,
	HELD_NO_NEW_PRIVILEGES = 256,
	HELD_LIMITS = 512,
};

/* "user,root,..." of a set of protections, for the status file. */
err_t protections_print(unsigned held, struct buf *out) MUST_USE;

struct worker {
	enum role role;
	unsigned number;
	uint32_t user;         /* to become, when flags & WORKER_ROOT */
	uint32_t owner;        /* who owns the node's directory */
	unsigned flags;
	char directory[512];   /* "" none */
	struct options options;
	struct link control;
	/* what came before READY; the role takes them */
	struct { enum worker_link what; enum role peer; unsigned number; int fd; } links[WORKER_LINKS_MAX];
	size_t links_n;
	/* a token's, set before worker_confine: its maker's files to write and to read,
	 * its simulator's port (and the one after it) */
	const char *kept, *read;
	uint16_t port;
	int descriptor;        /* came with a LINK that is not read yet, -1 none */
};

/* Read START and LINKs from descriptor 3 until the announced number arrived or
 * 10 s passed (ERR_TIMEOUT). For a gate the current directory is then its
 * directory; keeper and core are in theirs after worker_confine only, because
 * it belongs to the user that they become there. argv: --version and --help
 * work; anything else started by hand is refused with a line that says to start
 * holdfastd; these end the process. */
err_t worker_start(enum role role, int argc, char **argv, struct worker *w) MUST_USE;

/* The descriptor of a link of that kind (and peer), -1 when it did not come or
 * was taken before. It belongs to the caller. `number` counts gates; for links
 * without a neighbour peer is ROLE_PARENT and number 0. */
int worker_take_link(struct worker *w, enum worker_link what, enum role peer, unsigned number);

/* Any neighbour link not taken yet, in order of arrival: for keeper and core,
 * who do not know how many gates there are. -1 when there is none. */
int worker_take_neighbour(struct worker *w, enum role *peer, unsigned *number);

/* Close the gate behind us: user, root or Landlock, dumps, seccomp of the role.
 * The current directory is then the role's directory ("/" after a changed
 * root). Then READY. */
err_t worker_confine(struct worker *w) MUST_USE;

/* The role has begun its work: what only its start needed is given up, too. */
err_t worker_settle(const struct worker *w) MUST_USE;

/* A message on the control link after READY. fd is -1 or a descriptor that the
 * caller owns now. type 0: nothing there. */
struct worker_event {
	enum message_type type;   /* LINK RELOAD STOP PENALTY, 0 none */
	enum worker_link what;
	enum role peer;
	unsigned number;
	int fd;
	struct bytes body;        /* PENALTY; valid until the next call */
};
/* Reads descriptor 3 (w->control.fd) without blocking; call until type is 0.
 * RELOAD is applied to w->options before it is returned. ERR_CLOSED: the parent
 * is gone, end. */
err_t worker_next_event(struct worker *w, struct worker_event *out) MUST_USE;

/* Close what was not taken, and the control link. */
void worker_end(struct worker *w);

#endif
