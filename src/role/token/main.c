/* main.c: the process holdfast-token: one token or TPM, for the keeper.
 *
 * The code of its maker runs here and nowhere else. As a worker it is started by
 * holdfastd; `holdfast-token --serve` is the same for `holdfast init` and
 * `holdfast keeper test`, between two programs and without a parent.
 *
 * One turn: what the keeper asked, in order; answers leave together, but none
 * waits longer than FLUSH_MS for the next. */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/common/sandbox.h"
#include "role/token/process.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { FLUSH_MS = 1, LOOK_MS = 1000 };

struct process {
	struct worker worker;
	struct token token;
	struct link keeper; /* dead: the keeper is gone, its successor comes */
	struct buf result;
	int64_t look_at;
	bool told, unfit; /* what it was told: that it is there, and in the wrong state */
	uint8_t measured[TOKEN_MEASURED]; /* and which that is */
	bool stop;
};

/* --- the keeper ------------------------------------------------------------------ */

static err_t serve_one(struct process *p, const struct message *m)
{
	err_t err;

	/* The table of messages lets nothing else come from the keeper. */
	must(m->type == MSG_TOKEN_CALL);
	TRY(token_serve(&p->token, m->body, &p->result));
	TRY(link_send(&p->keeper, MSG_TOKEN_RESULT, m->ref, bytes_of_buf(&p->result)));
out:
	link_wipe(&p->keeper, m->body);
	if (p->result.p)
		secret_wipe(p->result.p, p->result.n);
	return err;
}

static err_t serve(struct process *p)
{
	int64_t since = clock_steady();
	struct message m;
	bool found;
	err_t err;

	for (;;) {
		TRY(link_next(&p->keeper, &m, &found));
		if (!found)
			break;
		TRY(serve_one(p, &m));
		if (clock_steady() - since >= FLUSH_MS) {
			TRY(link_flush_wipe(&p->keeper));
			TRY(link_read(&p->keeper));
			since = clock_steady();
		}
	}
	err = link_flush_wipe(&p->keeper);
out:
	return err;
}

static void serve_or_drop(struct process *p)
{
	err_t end = link_read(&p->keeper), err = serve(p);

	if (end == ERR_OK && err == ERR_OK)
		return;
	log_event(LOG_INFO, "link closed", "why=%s", err_text(end != ERR_OK ? end : err));
	link_close(&p->keeper);
}

static err_t tell_state(struct process *p)
{
	struct buf body = buf_make(512);
	struct wire_out w = wire_out(&body);
	struct token_state state;
	err_t err;

	token_tell(&p->token, &state);
	TRY(token_state_put(&w, &state));
	TRY(link_send(&p->keeper, MSG_TOKEN_STATE, 0, bytes_of_buf(&body)));
	err = link_flush_wipe(&p->keeper);
out:
	buf_free(&body);
	return err;
}

/* From time to time, and not while the keeper asks: using it tells as much. */
static void look(struct process *p)
{
	const struct token_state *s = &p->token.state;
	int64_t now = clock_steady();

	if (now >= p->look_at) {
		p->look_at = now + LOOK_MS;
		token_look(&p->token);
	}
	if ((p->told == s->present && p->unfit == s->unfit &&
	     bytes_equal(BYTES_OF(p->measured), BYTES_OF(s->measured))) || p->keeper.dead)
		return;
	bytes_copy(p->measured, s->measured, sizeof(p->measured));
	p->told = s->present;
	p->unfit = s->unfit;
	if (tell_state(p) != ERR_OK)
		link_close(&p->keeper);
}

/* --- the loop ---------------------------------------------------------------------- */

static void handle_event(struct process *p, const struct worker_event *e)
{
	if (e->type == MSG_STOP)
		p->stop = true;
	if (e->type != MSG_LINK)
		return;
	if (e->what != WORKER_LINK_NEIGHBOUR || e->peer != ROLE_KEEPER) {
		close(e->fd);
		return;
	}
	link_close(&p->keeper);
	link_init(&p->keeper, e->fd, ROLE_TOKEN, ROLE_KEEPER, e->number);
	p->told = p->unfit = false;
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

/* Without a parent the end of the keeper is the end. */
static err_t turn(struct process *p, bool alone)
{
	struct pollfd fds[2] = {
		{ .fd = alone ? -1 : p->worker.control.fd, .events = POLLIN },
		{ .fd = p->keeper.dead ? -1 : p->keeper.fd,
		  .events = (short)(POLLIN | (link_wants_write(&p->keeper) ? POLLOUT : 0)) },
	};

	if (poll(fds, 2, LOOK_MS) < 0)
		return errno == EINTR ? ERR_OK : ERR_IO;
	if (fds[1].revents)
		serve_or_drop(p);
	look(p);
	if (alone)
		return p->keeper.dead ? ERR_CLOSED : ERR_OK;
	return fds[0].revents ? handle_control(p) : ERR_OK;
}

static err_t loop(struct process *p, bool alone)
{
	err_t err = ERR_OK;

	while (!p->stop)
		TRY(turn(p, alone));
out:
	return err == ERR_CLOSED ? ERR_OK : err;
}

/* --- start --------------------------------------------------------------------------- */

static void take_pin(struct process *p, int fd)
{
	if (fd < 0)
		return;
	if (token_pin_read(fd, &p->token.pin) != ERR_OK)
		log_event(LOG_ERROR, "no PIN", "why=the file is empty, or too long");
	close(fd);
}

/* Its library and files are what it keeps when it is confined. */
static void load(struct process *p, struct bytes config, int pin_fd)
{
	const struct token_config *c = &p->token.config;

	if (token_load(&p->token, config) != ERR_OK)
		log_event(LOG_ERROR, "token not loaded", "why=%s", p->token.state.why);
	take_pin(p, pin_fd);
	p->worker.kept = c->files[0] ? c->files : NULL;
	p->worker.read = token_config_read_file(c);
	p->worker.port = token_config_port(c);
}

static err_t run(struct process *p)
{
	enum option_id option = (enum option_id)(OPT_token_1 + p->worker.number - 1);
	int fd = worker_take_link(&p->worker, WORKER_LINK_PIN, ROLE_PARENT, 0);
	err_t err;

	must(p->worker.number >= 1 && p->worker.number <= TOKENS_MAX);
	load(p, bytes_str(options_text(&p->worker.options, option)), fd);
	TRY(worker_confine(&p->worker));
	fd = worker_take_link(&p->worker, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0);
	if (fd >= 0)
		link_init(&p->keeper, fd, ROLE_TOKEN, ROLE_KEEPER, 0);
	TRY(loop(p, false));
out:
	return err;
}

static err_t run_alone(struct process *p, const struct token_serve_arguments *a)
{
	struct sandbox s = { .role = ROLE_TOKEN, .root = geteuid() == 0, .user = a->user,
		             .directory_fd = -1 };
	struct buf missing = buf_make(900);
	unsigned held;
	err_t err;

#ifdef HOLDFAST_SANITIZE
	s.no_seccomp = true;
#endif
	log_level_set(LOG_ERROR); /* what is wrong is told to who started it */
	load(p, bytes_str(a->config), a->pin_fd);
	s.kept = p->worker.kept;
	s.read = p->worker.read;
	for (; p->worker.port && s.ports_n < 2; s.ports_n++)
		s.ports[s.ports_n] = (uint16_t)(p->worker.port + s.ports_n);
	TRY(sandbox_enter(&s, &held, &missing));
	link_init(&p->keeper, a->link_fd, ROLE_TOKEN, ROLE_KEEPER, 0);
	err = loop(p, true);
out:
	buf_free(&missing);
	return err;
}

int main(int argc, char **argv)
{
	static struct process p = { .keeper = { .fd = -1, .dead = true } };
	struct token_serve_arguments a;
	err_t err;

	log_open("token");
	crypt_start();
	p.result = buf_make(TOKEN_MESSAGE_MAX + 1024);
	if (token_serve_asked(argc, argv, &a)) {
		err = run_alone(&p, &a);
	} else {
		TRY(worker_start(ROLE_TOKEN, argc, argv, &p.worker));
		err = run(&p);
		worker_end(&p.worker);
	}
out:
	link_close(&p.keeper);
	token_unload(&p.token);
	buf_free(&p.result);
	if (err != ERR_OK)
		log_event(LOG_ERROR, "ended", "why=%s", err_text(err));
	return err == ERR_OK ? 0 : 1;
}
