/* child.c: one worker process, from fork to READY.
 *
 *   neighbours: keeper and core with everybody, tokens with the keeper only, the
 *               network with the core only; nobody else with anybody
 *
 * A fresh socket pair is made for each neighbour that runs: one end comes with
 * START, the other goes to the neighbour, which drops its old end. Nothing here
 * may block on a worker: a control link that does not take its few octets is a
 * fault of the worker, which is ended. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/log.h"
#include "role/common/network_place.h"
#include "role/parent/parent.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBER_NONE = 0 };

/* What a worker is told with START, in order. */
struct given {
	enum worker_link what;
	enum role peer;
	unsigned number;
	int fd;
	bool ours; /* to close after it was sent */
};

struct gift_list {
	struct given list[WORKER_LINKS_MAX];
	size_t n;
};

static err_t add(struct parent *p, enum role role, unsigned number)
{
	struct child *c = &p->children[p->children_n++];

	*c = (struct child){ .role = role, .number = number, .https_fd = -1, .lab_fd = -1,
	                     .page_fd = -1 };
	c->control.dead = true;
	c->user = parent_user(p, role == ROLE_TOKEN ? TOKEN_USERS + number : (unsigned)role);
	if (role != ROLE_GATE)
		return ERR_OK;
	c->page_fd = memfd_create("holdfast-crash", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (c->page_fd < 0 || ftruncate(c->page_fd, sizeof(struct crash_page)) != 0 ||
	    /* A gate that shortens the page would end its reader. */
	    fcntl(c->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
		return ERR_IO;
	c->page = mmap(NULL, sizeof(*c->page), PROT_READ | PROT_WRITE, MAP_SHARED, c->page_fd, 0);
	return c->page == MAP_FAILED ? ERR_IO : ERR_OK;
}

err_t children_make(struct parent *p)
{
	uint64_t gates = options_number(&p->options, OPT_gate_workers);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	err_t err;

	if (gates == 0)
		gates = cores > 2 ? (uint64_t)cores - 1 : 1;
	if (gates > GATES_MAX)
		gates = GATES_MAX;
	TRY(add(p, ROLE_KEEPER, 0));
	for (unsigned i = 1; i <= TOKENS_MAX; i++) {
		if (*options_text(&p->options, (enum option_id)(OPT_token_1 + i - 1)))
			TRY(add(p, ROLE_TOKEN, i));
	}
	TRY(add(p, ROLE_CORE, 0));
	for (unsigned i = 0; i < gates; i++)
		TRY(add(p, ROLE_GATE, i));
	TRY(add(p, ROLE_COURIER, 0));
	if (network_is_on(&p->options))
		TRY(add(p, ROLE_NETWORK, 0));
	err = add(p, ROLE_DOOR, 0);
out:
	return err;
}

void child_kill(struct child *c, const char *why)
{
	log_event(LOG_ERROR, "worker ended by force", "role=%s number=%u why=%s",
	          role_name(c->role), c->number, why);
	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
	c->forced = true;
	c->control.dead = true;
}

void child_send(struct child *c, enum message_type type, struct bytes body)
{
	if (c->pid == 0 || c->control.dead)
		return;
	if (link_send(&c->control, type, 0, body) != ERR_OK ||
	    link_flush(&c->control) != ERR_OK || link_wants_write(&c->control))
		child_kill(c, "does not read its control link");
}

static void send_link(struct child *c, const struct given *g)
{
	uint8_t body[4] = { (uint8_t)g->what, (uint8_t)g->peer, (uint8_t)g->number, 0 };

	if (c->pid == 0 || c->control.dead)
		return;
	if (link_send_fd(&c->control, MSG_LINK, 0, BYTES_OF(body), g->fd) != ERR_OK)
		child_kill(c, "does not read its control link");
}

/* After fork: only calls that are safe there. */
static _Noreturn void become_worker(const struct parent *p, const char *program, int control)
{
	const char *const args[] = { program, NULL };
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)setsid();
	if (control == WORKER_CONTROL_FD)
		(void)fcntl(control, F_SETFD, 0);
	else if (dup2(control, WORKER_CONTROL_FD) < 0)
		_exit(127);
	if (dup2(p->null_fd, 0) < 0 || dup2(p->null_fd, 1) < 0 ||
	    close_range(WORKER_CONTROL_FD + 1, ~0u, 0) != 0 || chdir("/") != 0)
		_exit(127);
	(void)umask(077);
	execve(program, (char *const *)(uintptr_t)args, (char *const *)(uintptr_t)p->environment);
	_exit(127);
}

static err_t spawn(struct parent *p, struct child *c)
{
	struct buf path = buf_make(PATH_MAX - 1);
	char program[PATH_MAX];
	int ends[2];
	pid_t pid;
	err_t err;

	TRY(buf_printf(&path, "%s%s", p->programs, role_program(c->role)));
	TRY(bytes_put_str(program, sizeof(program), bytes_of_buf(&path)));
	TRY(link_pair(ends));
	pid = fork();
	if (pid == 0)
		become_worker(p, program, ends[1]);
	close(ends[1]);
	if (pid < 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) {
		close(ends[0]);
		TRY(ERR_IO);
	}
	c->pid = pid;
	link_close(&c->control);
	link_init(&c->control, ends[0], ROLE_PARENT, c->role, c->number);
out:
	buf_free(&path);
	return err;
}

static void gift(struct gift_list *g, enum worker_link what, int fd, bool ours)
{
	if (fd < 0)
		return;
	must(g->n < COUNT_OF(g->list));
	g->list[g->n++] = (struct given){ what, ROLE_PARENT, NUMBER_NONE, fd, ours };
}

static bool are_neighbours(enum role a, enum role b)
{
	bool a_serves = a == ROLE_KEEPER || a == ROLE_CORE;
	bool b_serves = b == ROLE_KEEPER || b == ROLE_CORE;

	if (a == ROLE_TOKEN || b == ROLE_TOKEN)
		return a == ROLE_KEEPER || b == ROLE_KEEPER;
	if (a == ROLE_NETWORK || b == ROLE_NETWORK)
		return a == ROLE_CORE || b == ROLE_CORE;
	return a_serves ? a != b : b_serves;
}

/* A pair for each neighbour that runs; its end is sent at once. */
static err_t make_pairs(struct parent *p, struct child *c, struct gift_list *g)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < p->children_n; i++) {
		struct child *other = &p->children[i];
		struct given mine = { WORKER_LINK_NEIGHBOUR, other->role, other->number, -1, true };
		struct given theirs = { WORKER_LINK_NEIGHBOUR, c->role, c->number, -1, true };
		int ends[2];

		if (other == c || other->pid == 0 || other->control.dead ||
		    !are_neighbours(c->role, other->role))
			continue;
		TRY(link_pair(ends));
		mine.fd = ends[0];
		theirs.fd = ends[1];
		must(g->n < COUNT_OF(g->list));
		g->list[g->n++] = mine;
		send_link(other, &theirs);
		close(theirs.fd);
	}
out:
	return err;
}

static void gift_door(struct gift_list *g, const struct node *n)
{
	gift(g, WORKER_LINK_DOOR, n->door_fd, false);
	gift(g, WORKER_LINK_PROGRAMS, n->programs_fd, false);
}

static err_t collect(struct parent *p, struct child *c, struct gift_list *g)
{
	struct node *n = &p->node;

	gift(g, WORKER_LINK_LIFE, n->life_fd, false);
	if (c->role == ROLE_KEEPER) {
		/* The file may have been read by the one before. */
		if (n->passphrase_fd >= 0)
			(void)lseek(n->passphrase_fd, 0, SEEK_SET);
		gift(g, WORKER_LINK_PASSPHRASE, n->passphrase_fd, false);
		gift(g, WORKER_LINK_WITNESS, n->witness_fd, false);
		gift(g, WORKER_LINK_DIRECTORY, n->keeper_fd, false);
	} else if (c->role == ROLE_CORE) {
		gift(g, WORKER_LINK_DIRECTORY, n->store_fd, false);
	} else {
		gift(g, WORKER_LINK_EMPTY_ROOT, n->empty_fd, false);
	}
	if (c->role == ROLE_TOKEN && n->pin_fd[c->number] >= 0) {
		(void)lseek(n->pin_fd[c->number], 0, SEEK_SET);
		gift(g, WORKER_LINK_PIN, n->pin_fd[c->number], false);
	}
	if (c->role == ROLE_GATE || c->role == ROLE_COURIER)
		gift(g, WORKER_LINK_DIRECTORY, n->public_fd, false);
	if (c->role == ROLE_GATE) {
		gift(g, WORKER_LINK_HTTPS, c->https_fd, false);
		gift(g, WORKER_LINK_LAB_HTTP, c->lab_fd, false);
		gift(g, WORKER_LINK_CRASH_PAGE, c->page_fd, false);
	}
	if (c->role == ROLE_DOOR)
		gift_door(g, n);
	return make_pairs(p, c, g);
}

/* The name of its own directory is for messages: it is entered by descriptor. */
static err_t put_directory(const struct parent *p, enum role role, struct wire_out *out)
{
	static const char *const names[ROLE_COUNT] = {
		[ROLE_KEEPER] = "keeper", [ROLE_CORE] = "store", [ROLE_GATE] = "node",
		[ROLE_COURIER] = "node",
	};
	struct buf path = buf_make(511);
	err_t err = ERR_OK;

	if (names[role])
		TRY(buf_printf(&path, "%s/%s", p->node.path, names[role]));
	wire_put_bytes(out, bytes_of_buf(&path));
out:
	buf_free(&path);
	return err;
}

static err_t send_start(struct parent *p, struct child *c, size_t links)
{
	struct buf body = buf_make(65536);
	struct wire_out out = wire_out(&body);
	unsigned flags = p->root ? WORKER_ROOT : 0;
	err_t err;

#ifdef HOLDFAST_SANITIZE
	flags |= WORKER_NO_SECCOMP;
#endif
	wire_put_u8(&out, (uint8_t)c->number);
	wire_put_u32(&out, c->user);
	wire_put_u32(&out, p->node.owner);
	TRY(put_directory(p, c->role, &out));
	wire_put_u8(&out, (uint8_t)flags);
	wire_put_u8(&out, (uint8_t)links);
	TRY(out.err);
	TRY(options_write(&p->options, c->role, false, &body));
	child_send(c, MSG_START, bytes_of_buf(&body));
out:
	buf_free(&body);
	return err;
}

void child_start(struct parent *p, struct child *c)
{
	struct gift_list g = { .n = 0 };
	err_t err;

	if (c->page)
		c->page->address_n = 0;
	c->missing[0] = '\0';
	c->asked_to_stop = c->forced = false;
	c->started = clock_steady();
	TRY(spawn(p, c));
	c->state = CHILD_STARTING;
	TRY(collect(p, c, &g));
	TRY(send_start(p, c, g.n));
	for (size_t i = 0; i < g.n; i++)
		send_link(c, &g.list[i]);
	/* Read before the first connection is accepted: a source that waited in the
	 * listener while its victim was started again finds the door shut. */
	if (c->role == ROLE_GATE)
		crash_penalties_to(p, c);
out:
	for (size_t i = 0; i < g.n; i++) {
		if (g.list[i].ours)
			close(g.list[i].fd);
	}
	if (err == ERR_OK)
		return;
	if (c->pid > 0)
		child_kill(c, err_text(err));
	else
		crash_note(p, c, err_text(err));
}

static err_t take_ready(struct parent *p, struct child *c, struct bytes body)
{
	struct wire_in in = wire_in(body);
	err_t err;

	if (c->state != CHILD_STARTING)
		return ERR_BAD_STATE;
	c->held = wire_get_u32(&in);
	TRY(bytes_put_str(c->missing, sizeof(c->missing), wire_get_bytes(&in, sizeof(c->missing) - 1)));
	TRY(wire_done(&in));
	if (!bytes_is_printable(bytes_str(c->missing)))
		return ERR_SYNTAX;
	c->state = CHILD_READY;
	log_event(LOG_INFO, "worker ready", "role=%s number=%u process=%ld", role_name(c->role),
	          c->number, (long)c->pid);
	if (c->missing[0])
		log_event(LOG_WARN, "protections missing", "role=%s number=%u missing=%s",
		          role_name(c->role), c->number, c->missing);
out:
	return err;
}

void child_read(struct parent *p, struct child *c)
{
	struct message m;
	bool found = true;
	err_t end = link_read(&c->control);

	/* The end itself is told by SIGCHLD. */
	while (found && link_next(&c->control, &m, &found) == ERR_OK) {
		if (found && (m.type != MSG_READY || take_ready(p, c, m.body) != ERR_OK)) {
			child_kill(c, "a message that is not allowed");
			return;
		}
	}
	if (end != ERR_OK)
		c->control.dead = true;
	else if (c->control.dead)
		child_kill(c, "a message that is not allowed");
}
