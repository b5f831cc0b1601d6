/* main.c: holdfast-core. Start, confinement, the loop, and a clean end. */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/service/definitions.h"
#include "role/core/core.h"

enum { EVENTS_MAX = 64 * 1024 };

static err_t take_neighbours(struct core *c)
{
	enum role peer;
	unsigned number;
	err_t err = ERR_OK;
	int fd;

	while ((fd = worker_take_neighbour(c->worker, &peer, &number)) >= 0)
		TRY(loop_add_link(c, peer, number, fd));
out:
	return err;
}

static void close_links(struct core *c)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		if (c->neighbours[i].used)
			link_close(&c->neighbours[i].link);
	}
	if (c->keeper_up)
		link_close(&c->keeper.link);
	held_free(c);
	deliver_free(c);
	channel_free(c);
	announce_free(c);
	awaited_free(c);
	network_free(c);
	source_free(c);
	mem_free(c->pending);
	buf_free(&c->answers);
	buf_free(&c->answer);
	buf_free(&c->events);
	buf_free(&c->ordered);
}

int main(int argc, char **argv)
{
	static struct worker worker;
	static struct core core;
	err_t err;

	core = (struct core){ .worker = &worker, .keeper.link.fd = -1 };
	core.answers = buf_make(CORE_ANSWERS);
	core.answer = buf_make(message_row(MSG_ANSWER)->max);
	core.events = buf_make(EVENTS_MAX);
	TRY(worker_start(ROLE_CORE, argc, argv, &worker));
	crypt_start();
	definitions_load(&worker.options);
	TRY(take_neighbours(&core));
	TRY(worker_confine(&worker));
	core.started = core.now = clock_now();
	/* The first tick opens the node: at once, and again while it is locked. */
	TRY(loop_run(&core));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "ended", "why=%s", err_text(err));
	node_close(&core);
	close_links(&core);
	worker_end(&worker);
	return err == ERR_OK ? 0 : 1;
}
