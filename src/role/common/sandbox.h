/* sandbox.h: what a process may no longer do.
 *
 * Works as root (own numeric user, changed root, no capability) and as an
 * ordinary user (Landlock, seccomp). Each step that the system does not offer
 * is named in `missing`; a step that is offered and fails is an error. The
 * table of roles is sandbox.def, the lists of system calls sandbox_calls.def. */
#ifndef ROLE_SANDBOX_H
#define ROLE_SANDBOX_H

#include "role/common/worker.h"

enum { SANDBOX_PORTS_MAX = 64 };

struct sandbox {
	enum role role;
	bool root;             /* started as root: become `user`, change root */
	bool no_seccomp;
	uint32_t user;
	int directory_fd;      /* the one directory that the role keeps, or an empty one; -1 */
	uint64_t files;        /* open descriptors wanted, 0: the role's row */
	uint16_t ports[SANDBOX_PORTS_MAX]; /* TCP ports that may be connected to */
	size_t ports_n;
	bool any_port;         /* lab mode: every port, which only the program narrows */
	/* Files and folders of a token's maker: to write, to read; NULL: none. */
	const char *kept, *read;
};

/* Confine this process for good. *held: enum protection; `missing`: words for
 * people, separated by "; ". */
err_t sandbox_enter(const struct sandbox *s, unsigned *held, struct buf *missing) MUST_USE;

/* Its last parts, in this order. */
err_t sandbox_landlock(const struct sandbox *s, unsigned *held, struct buf *missing) MUST_USE;
err_t sandbox_seccomp(const struct sandbox *s, unsigned *held, struct buf *missing) MUST_USE;

/* Once the role has begun its work: give up what only its start needed, too. */
err_t sandbox_settle(enum role role) MUST_USE;

/* How many system calls the role's list lets through, before and after that. */
unsigned sandbox_count(enum role role, bool settled);

/* Give up all capabilities but those of the mask (bit = capability number), in
 * the bounding set too. */
err_t sandbox_keep_capabilities(uint64_t mask) MUST_USE;

/* The parent's own list: calls that neither it nor any worker ever makes are
 * answered with EPERM, inherited by all. */
err_t sandbox_parent(void) MUST_USE;

/* What the role's row says. */
struct sandbox_row {
	bool keeps_directory;  /* reads and writes beneath directory_fd */
	bool makers;           /* reads the system's files, writes sandbox.kept */
	bool connects;         /* TCP connect to sandbox.ports */
	uint64_t files;        /* RLIMIT_NOFILE */
};
const struct sandbox_row *sandbox_row(enum role role);

#endif
