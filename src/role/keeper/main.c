/* main.c: the process holdfast-keeper: links in, answers out.
 *
 * One turn: read every link once, carry out at most TURN_CALLS calls of each, so
 * that no caller starves another; then write: the core's notices first, and only
 * when they are gone the answers of the others. No key and no rule is here:
 * keeper/keeper.h. */
#include "base/clock.h"
#include "base/log.h"
#include "keeper/keeper.h"
#include "provider/place.h"
#include "provider/proof.h"
#include "wire/token_wait.h"
#include "role/common/worker.h"
#include "role/keeper/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

enum { UNREAD_MAX = 1024 * 1024, OUT_ROOM = 128 * 1024, STOP_TURNS = 2000, TICK_MS = 1000,
       TOKEN_TURN_MS = 1000 };

struct neighbour {
	struct link link;
	struct keeper_caller *caller; /* NULL: place is free */
};

struct process {
	struct worker worker;
	struct keeper_state keeper;
	struct neighbour all[KEEPER_CALLERS_MAX];
	struct buf result;
	struct machine machine;
	struct secret passphrase; /* while the files of the key store are missing, for when they return, or it
	                           * is on another machine, for when its administrators rebind it */
	int64_t tick_at; /* clock_steady */
	unsigned paired; /* set of 1 << number: whose first word is still to come */
	bool settled;
	bool more; /* calls were left for the next turn */
	bool stop;
};

/* --- neighbours ------------------------------------------------------------- */

static struct neighbour *find(struct process *p, enum role role, unsigned number)
{
	for (size_t i = 0; i < COUNT_OF(p->all); i++) {
		struct neighbour *n = &p->all[i];

		if (n->caller && n->link.peer == role && n->link.peer_number == number)
			return n;
	}
	return NULL;
}

static void drop(struct process *p, struct neighbour *n)
{
	log_event(LOG_INFO, "link closed", "peer=%s/%u", role_name(n->link.peer),
	          n->link.peer_number);
	keeper_caller_end(&p->keeper, n->caller);
	n->caller = NULL;
	link_close(&n->link);
}

/* A token's process, or its successor; a token seen for the first time is paired. */
static err_t add_token(struct process *p, int fd, unsigned number)
{
	bool made = false;
	err_t err;

	if (number < 1 || number > TOKENS_MAX) {
		close(fd);
		return ERR_RANGE;
	}
	token_attach(number, fd);
	err = token_open(&p->keeper.vault, number, &made);
	if (made) { /* no secret leaves before it is on disk */
		p->paired |= 1u << number;
		TRY(vault_save(&p->keeper.vault));
	}
	token_flush();
out:
	if (made && err != ERR_OK) { /* it has not heard the secret: its successor gets another */
		token_detach(number);
		if (token_record(&p->keeper.vault, "token", number))
			vault_remove(&p->keeper.vault, token_record(&p->keeper.vault, "token", number));
	}
	return err == ERR_LOCKED ? ERR_OK : err;
}

/* Who was paired now has said what it is: its state of today is the first that is approved. */
static void greet(struct process *p)
{
	for (unsigned n = 1; n <= TOKENS_MAX; n++) {
		if (!(p->paired & 1u << n) || !token_state_of(n)->present || !p->keeper.vault.open)
			continue;
		p->paired &= ~(1u << n);
		if (token_first(&p->keeper.vault, n) != ERR_OK || vault_save(&p->keeper.vault) != ERR_OK)
			log_event(LOG_ERROR, "state of the token not approved", "token=%u", n);
		approvals_tell(&p->keeper.vault);
	}
}

/* A neighbour, or its successor after a restart. Owns fd. */
static err_t add(struct process *p, int fd, enum role role, unsigned number)
{
	struct neighbour *n = find(p, role, number);
	err_t err;

	if (role == ROLE_TOKEN)
		return add_token(p, fd, number);
	if (n)
		drop(p, n);
	for (n = p->all; n < p->all + COUNT_OF(p->all) && n->caller; n++)
		;
	if (n == p->all + COUNT_OF(p->all)) {
		close(fd);
		return ERR_FULL;
	}
	link_init(&n->link, fd, ROLE_KEEPER, role, number);
	/* Room at once: a buffer that grows leaves copies of answers behind. */
	TRY(buf_reserve(&n->link.out, OUT_ROOM));
	TRY(keeper_caller_new(&p->keeper, role, number, &n->caller));
out:
	if (err != ERR_OK)
		link_close(&n->link);
	return err;
}

static err_t tell_core(void *self, enum message_type type, struct bytes body)
{
	struct neighbour *core = find(self, ROLE_CORE, 0);

	return core ? link_send(&core->link, type, 0, body) : ERR_CLOSED;
}

/* --- calls ------------------------------------------------------------------- */

static err_t serve_one(struct process *p, struct neighbour *n, const struct message *m)
{
	err_t err;

	/* The table of messages lets nothing else come from a neighbour. */
	must(m->type == MSG_CALL || m->type == MSG_PROGRAM_CALL);
	/* It may have come while the call before waited for another: no key is made on it before its
	 * state is approved. */
	if (p->paired)
		greet(p);
	if (m->type == MSG_PROGRAM_CALL)
		TRY(keeper_ask_program(&p->keeper, n->caller, m->ref, m->body, &p->result));
	else
		TRY(keeper_ask(&p->keeper, n->caller, m->ref, m->body, &p->result));
	TRY(link_send(&n->link, MSG_RESULT, m->ref, bytes_of_buf(&p->result)));
out:
	link_wipe(&n->link, m->body);
	if (p->result.p)
		secret_wipe(p->result.p, p->result.n);
	return err == ERR_PENDING ? ERR_OK : err; /* put aside */
}

/* Results of the calls that waited for a token. */
static err_t serve_waiting(struct process *p)
{
	struct keeper_caller *who;
	uint64_t ref;
	err_t err;

	for (;;) {
		TRY(keeper_next(&p->keeper, &who, &ref, &p->result));
		if (!who)
			return ERR_OK;
		for (size_t i = 0; i < COUNT_OF(p->all); i++) {
			if (p->all[i].caller == who &&
			    link_send(&p->all[i].link, MSG_RESULT, ref, bytes_of_buf(&p->result)) != ERR_OK)
				p->all[i].link.dead = true;
		}
		secret_wipe(p->result.p, p->result.n);
	}
out:
	return err;
}

/* A caller that does not read its answers gets no more; nor does one that a token works for
 * already: what stands in a token's queue stands before everybody. */
static bool is_clogged(const struct neighbour *n)
{
	return n->link.out.n > UNREAD_MAX || wait_count(n->caller) >= WAITING_EACH;
}

static err_t serve(struct process *p, struct neighbour *n)
{
	struct message m;
	bool found;
	err_t err = ERR_OK;

	unsigned most = keeper_turn(&p->keeper, n->caller);

	for (unsigned i = 0; i < most && !is_clogged(n); i++) {
		TRY(link_next(&n->link, &m, &found));
		if (!found)
			return n->link.dead ? ERR_CLOSED : ERR_OK;
		TRY(serve_one(p, n, &m));
	}
	p->more |= !is_clogged(n);
out:
	return err;
}

/* What the core must know leaves before the answer that it is about. */
static void flush_all(struct process *p)
{
	struct neighbour *core = find(p, ROLE_CORE, 0);

	if (core && link_flush_wipe(&core->link) == ERR_OK && link_wants_write(&core->link))
		return;
	for (size_t i = 0; i < COUNT_OF(p->all); i++) {
		if (p->all[i].caller && &p->all[i] != core && link_wants_write(&p->all[i].link))
			(void)!link_flush_wipe(&p->all[i].link); /* a dead link is dropped next turn */
	}
}

/* --- the loop ------------------------------------------------------------------ */

static void handle_event(struct process *p, const struct worker_event *e)
{
	if (e->type == MSG_STOP)
		p->stop = true;
	if (e->type != MSG_LINK)
		return;
	if (e->what != WORKER_LINK_NEIGHBOUR)
		close(e->fd);
	else if (add(p, e->fd, e->peer, e->number) != ERR_OK)
		log_event(LOG_ERROR, "link refused", "peer=%s/%u", role_name(e->peer), e->number);
}

static err_t handle_control(struct process *p)
{
	struct worker_event e;
	err_t err;

	do {
		TRY(worker_next_event(&p->worker, &e));
		handle_event(p, &e);
	} while (e.type != 0);
out:
	return err;
}

static void turn(struct process *p)
{
	p->more = false;
	for (size_t i = 0; i < COUNT_OF(p->all); i++) {
		struct neighbour *n = &p->all[i];
		err_t err = n->caller ? serve(p, n) : ERR_OK;

		if (err == ERR_REFUSED || err == ERR_SYNTAX)
			keeper_caller_broke(&p->keeper, n->caller, err);
		if (err != ERR_OK)
			drop(p, n);
	}
	if (serve_waiting(p) != ERR_OK)
		log_event(LOG_ERROR, "no answer", "why=out of memory");
	token_flush();
	flush_all(p);
}

static void poll_tokens(struct pollfd *fds)
{
	for (unsigned i = 1; i <= TOKENS_MAX; i++)
		fds[i - 1] = (struct pollfd){ .fd = token_fd(i),
			.events = (short)(POLLIN | (token_wants_write(i) ? POLLOUT : 0)) };
}

static void read_tokens(const struct pollfd *fds)
{
	for (unsigned i = 1; i <= TOKENS_MAX; i++) {
		if (fds[i - 1].revents & (POLLIN | POLLHUP | POLLERR))
			token_read(i);
	}
	proof_look();
}

/* Wait, then read once from whom has something. Answers that are held back for
 * the core are not waited for: the core's own socket is. */
static err_t wait_and_read(struct process *p, int ms)
{
	struct pollfd fds[1 + KEEPER_CALLERS_MAX + TOKENS_MAX] = {
		{ .fd = p->worker.control.fd, .events = POLLIN } };
	struct pollfd *tokens = &fds[1 + KEEPER_CALLERS_MAX];
	struct neighbour *core = find(p, ROLE_CORE, 0);
	bool held = core && link_wants_write(&core->link);

	for (size_t i = 0; i < COUNT_OF(p->all); i++) {
		struct neighbour *n = &p->all[i];

		fds[1 + i] = (struct pollfd){ .fd = n->caller ? n->link.fd : -1 };
		if (n->caller && !is_clogged(n))
			fds[1 + i].events |= POLLIN;
		if (n->caller && link_wants_write(&n->link) && (!held || n == core))
			fds[1 + i].events |= POLLOUT;
	}
	poll_tokens(tokens);
	if (wait_count(NULL)) /* who waits too long is told */
		ms = TOKEN_TURN_MS;
	if (poll(fds, COUNT_OF(fds), p->more ? 0 : ms) < 0)
		return errno == EINTR ? ERR_OK : ERR_IO;
	read_tokens(tokens);
	greet(p);
	for (size_t i = 0; i < COUNT_OF(p->all); i++) {
		if (!p->all[i].caller || !(fds[1 + i].revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		/* Dead now: serve() drops it after what had come before. */
		if (link_read(&p->all[i].link) != ERR_OK)
			p->all[i].link.dead = true;
	}
	return fds[0].revents ? handle_control(p) : ERR_OK;
}


/* --- start ----------------------------------------------------------------------- */

/* Are the files missing, so that they may come back? */
static bool files_are_missing(const struct vault *v)
{
	struct stat st;

	return fstatat(v->directory, "keystore", &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	       fstatat(v->directory, "counter", &st, AT_SYMLINK_NOFOLLOW) != 0;
}

static void forget_passphrase(struct process *p)
{
	secret_free(&p->passphrase);
	p->keeper.unlock = (struct vault_setup){ 0 };
}

/* Open the vault, or say why the node is locked. */
static void unlock(struct process *p)
{
	struct vault *v = &p->keeper.vault;
	struct vault_setup setup = { .machine = &p->machine, .passphrase = secret_view(&p->passphrase) };
	err_t err = vault_open(v, &setup);

	if (err == ERR_OK)
		log_event(LOG_NOTE, "key store open", "keys=%zu generation=%llu warnings=%u", v->keys_n,
		          (unsigned long long)v->generation, keeper_warnings(&p->keeper));
	else
		log_event(LOG_ERROR, "locked", "error=%s why=%s", err_name(err), v->why);
	/* A person need not come for files that are put back. */
	p->keeper.unlock = setup;
	if (err == ERR_OK || (!files_are_missing(v) && !v->elsewhere))
		forget_passphrase(p);
}

/* Once a second; returns after how many ms again. */
static int what_time_brings(struct process *p)
{
	int64_t now = clock_steady();

	if (now >= p->tick_at) {
		p->tick_at = now + TICK_MS;
		(void)keeper_tick(&p->keeper);
		if (!p->keeper.vault.open && p->passphrase.n && !p->keeper.vault.elsewhere &&
		    !files_are_missing(&p->keeper.vault))
			unlock(p);
		if (p->keeper.vault.open && !p->keeper.rebinding)
			forget_passphrase(p);
	}
	return (int)(p->tick_at - now);
}

/* The key store is open, so there is nothing more to be read, locked or asked for. */
static err_t settle(struct process *p)
{
	err_t err = ERR_OK;

	if (p->settled || !p->keeper.vault.open)
		return ERR_OK;
	TRY(worker_settle(&p->worker));
	p->settled = true;
out:
	return err;
}

static err_t loop(struct process *p)
{
	err_t err = ERR_OK;

	while (!p->stop) {
		int ms = what_time_brings(p);

		TRY(settle(p));
		TRY(wait_and_read(p, ms));
		turn(p);
	}
	/* What was accepted is finished; what comes now is not read. */
	for (int i = 0; p->more && i < STOP_TURNS; i++)
		turn(p);
out:
	return err == ERR_CLOSED ? ERR_OK : err;
}

static void begin(struct process *p)
{
	int fd = worker_take_link(&p->worker, WORKER_LINK_PASSPHRASE, ROLE_PARENT, 0);
	err_t err = fd >= 0 ? passphrase_read(fd, &p->passphrase) : ERR_MISSING;

	if (fd >= 0)
		close(fd);
	if (err == ERR_OK) {
		unlock(p);
		return;
	}
	p->keeper.vault.why = "there is no passphrase";
	log_event(LOG_ERROR, "locked", "error=%s why=%s", err_name(err), p->keeper.vault.why);
}

/* How much of the keeper's time one of each role may have. */
static void set_shares(struct process *p)
{
	static const struct {
		enum role role;
		enum option_id option;
	} rows[] = {
		{ ROLE_GATE, OPT_keeper_share_gate }, { ROLE_COURIER, OPT_keeper_share_courier },
		{ ROLE_DOOR, OPT_keeper_share_door }, { ROLE_PROGRAM, OPT_keeper_share_program },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		p->keeper.share[rows[i].role] = (unsigned)options_number(&p->worker.options, rows[i].option);
}

static err_t run(struct process *p)
{
	const struct key_provider *provider;
	enum role role;
	unsigned number;
	err_t err;
	int fd, directory = -1;

	/* What the machine is stands outside the directory that is kept; the key
	 * store inside, and only the worker's own user may read it. */
	machine_read(&p->machine);
	TRY(worker_confine(&p->worker));
	directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	TRY(directory >= 0 ? ERR_OK : ERR_IO);
	keeper_init(&p->keeper, directory);
	set_shares(p);
	p->keeper.notify = tell_core;
	p->keeper.notify_self = p;
	TRY(place_parse(bytes_str(options_text(&p->worker.options, OPT_keeper_provider)), &provider,
	                &p->keeper.place));
	p->keeper.vault.witness.fd = worker_take_link(&p->worker, WORKER_LINK_WITNESS, ROLE_PARENT, 0);
	begin(p);
	while ((fd = worker_take_neighbour(&p->worker, &role, &number)) >= 0)
		TRY(add(p, fd, role, number));
	TRY(loop(p));
out:
	for (size_t i = 0; i < COUNT_OF(p->all); i++) {
		if (p->all[i].caller)
			drop(p, &p->all[i]);
	}
	secret_free(&p->passphrase);
	if (directory >= 0) {
		keeper_end(&p->keeper);
		close(directory);
	}
	return err;
}

int main(int argc, char **argv)
{
	static struct process p;
	err_t err;

	log_open("keeper");
	TRY(keeper_start());
	if (argc > 1 && bytes_equal(bytes_str(argv[1]), BYTES("--init")))
		return keeper_init_command(argc, argv);
	if (argc > 1 && bytes_equal(bytes_str(argv[1]), BYTES("--first")))
		return keeper_first_command(argc, argv);
	TRY(worker_start(ROLE_KEEPER, argc, argv, &p.worker));
	p.result = buf_make(KEEPER_RESULT_MAX);
	err = run(&p);
	buf_free(&p.result);
	worker_end(&p.worker);
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "ended", "why=%s", err_text(err));
	return err == ERR_OK ? 0 : 1;
}
