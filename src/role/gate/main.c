/* main.c: holdfast-gate, octets from outside to primitives and back.
 *
 *   listener --TLS--> request --binding/http--> REQUEST --> core
 *                      answer <-binding/http--- ANSWER <---
 *
 * It holds no long-term key (the keeper uses them, over a link), no store and no
 * policy. A worker that falls to a hostile octet holds the connections it had. */
#include "base/file.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/service/definitions.h"
#include "role/service/key_source.h"
#include "role/common/network_place.h"
#include "role/gate/gate.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PEM_MAX = 64 * 1024, PEERS_MAX = 4 * 1024 * 1024, MESSAGE_MAX = 1114112, ANSWER_MAX = 64 * 1024 * 1024, LOCKED_MS = 1000 };

/* --- before the sandbox -------------------------------------------------------- */

static err_t read_whole(const char *path, size_t max, struct buf *out)
{
	err_t err = file_read(path, max, out);

	if (err != ERR_OK)
		log_event(LOG_ERROR, "file not read", "path=%s why=%s", path, err_name(err));
	return err;
}

/* A locked keeper may be opened yet, when what is missing comes back: wait for it,
 * unless the parent has something to say. */
static err_t channel_when_unlocked(struct gate *g, const struct channel_server_setup *setup)
{
	struct pollfd parent = { .fd = g->worker.control.fd, .events = POLLIN };
	bool said = false;
	err_t err;

	while ((err = channel_server_new(setup, &g->ctx)) == ERR_LOCKED) {
		if (!said)
			log_event(LOG_WARN, "locked", "no secured listener until the key store is open");
		said = true;
		if (poll(&parent, 1, LOCKED_MS) != 0)
			break;
	}
	return err;
}

/* Of the networks, MAFs and MEFs that are configured, for the channel. */
static err_t put_realms(const struct gate *g, struct buf *out)
{
	struct bytes list = bytes_str(options_text(&g->worker.options, OPT_trust_keys));
	struct key_source source;
	err_t err = ERR_OK;

	while (key_source_next(&list, &source))
		TRY(buf_printf(out, "%s%.*s", out->n ? " " : "", BYTES_FMT(source.fqdn)));
	for (unsigned i = 0; i < NETWORK_COUNT; i++) {
		struct network_place place;
		bool on;

		TRY(network_place(&g->worker.options, (enum network_id)i, &place, &on));
		if (on)
			TRY(buf_printf(out, "%s%.*s", out->n ? " " : "", BYTES_FMT(place.realm)));
	}
out:
	return err;
}

static err_t open_channel(struct gate *g)
{
	struct buf node = buf_make(PEM_MAX), anchor = buf_make(PEERS_MAX), makers = buf_make(PEM_MAX);
	struct buf realms = buf_make(PEM_MAX);
	struct channel_server_setup setup = { .keeper = &g->keeper, .http2 = true, .guests = g->joining,
		                              .session = session_made, .self = g };
	const struct options *o = &g->worker.options;
	err_t err;

	setup.limits = (struct channel_wear){ .records = options_number(o, OPT_association_records),
		                              .update_records = options_number(o, OPT_association_update_records),
		                              .update_octets = options_number(o, OPT_association_update_octets) };
	TRY(read_whole("node.pem", PEM_MAX, &node));
	TRY(read_whole("ca.pem", PEM_MAX, &anchor));
	if (g->joining)
		TRY(buf_add(&g->anchor, bytes_of_buf(&anchor)));
	if (g->joining && access("makers.pem", F_OK) == 0)
		TRY(read_whole("makers.pem", PEM_MAX, &makers));
	if (access("peers.pem", F_OK) == 0)
		TRY(read_whole("peers.pem", PEERS_MAX - PEM_MAX, &anchor));
	TRY(crypt_certificate_der(bytes_of_buf(&node), &g->certificate));
	setup.certificate_pem = bytes_of_buf(&node);
	setup.anchor_pem = bytes_of_buf(&anchor);
	setup.makers_pem = bytes_of_buf(&makers);
	TRY(put_realms(g, &realms));
	setup.realms = bytes_of_buf(&realms);
	TRY(channel_when_unlocked(g, &setup));
out:
	if (err != ERR_OK && err != ERR_LOCKED)
		log_event(LOG_ERROR, "no secured listener", "why=%s", err_name(err));
	buf_free(&node);
	buf_free(&anchor);
	buf_free(&makers);
	buf_free(&realms);
	return err;
}

static void map_crash_page(struct gate *g)
{
	int fd = worker_take_link(&g->worker, WORKER_LINK_CRASH_PAGE, ROLE_PARENT, 0);
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(struct crash_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (page == MAP_FAILED)
		log_event(LOG_WARN, "no crash page", "why=mmap");
	else
		g->crash = page;
}

/* The listeners, kept closed until a core is there. */
static err_t open_listeners(struct gate *g)
{
	bool lab = options_flag(&g->worker.options, OPT_lab);
	int https = worker_take_link(&g->worker, WORKER_LINK_HTTPS, ROLE_PARENT, 0);
	int plain = worker_take_link(&g->worker, WORKER_LINK_LAB_HTTP, ROLE_PARENT, 0);
	err_t err = ERR_OK;

	if (https >= 0) {
		TRY(open_channel(g));
		TRY(connections_listen(g->connections, https, g->ctx, false));
	}
	/* A plain listener without --lab is a mistake of the parent's. */
	if (plain >= 0 && !lab)
		return ERR_REFUSED;
	if (plain >= 0)
		TRY(connections_listen(g->connections, plain, NULL, true));
out:
	return err;
}

/* --- the control link ---------------------------------------------------------- */

static void take_keeper(struct gate *g, int fd)
{
	link_close(&g->keeper.link);
	if (fd >= 0)
		link_init(&g->keeper.link, fd, ROLE_GATE, ROLE_KEEPER, 0);
	else
		g->keeper.link.dead = true;
}

static void on_stop_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void stop(struct gate *g)
{
	static uv_timer_t timer;

	if (g->stopping)
		return;
	g->stopping = true;
	connections_accept(g->connections, false);
	must(uv_timer_init(&g->loop, &timer) == 0);
	must(uv_timer_start(&timer, on_stop_time, GATE_STOP_MS, 0) == 0);
	connections_close_all(g->connections, false);
	if (connections_count(g->connections) == 0)
		uv_stop(&g->loop);
}

static void take_penalty(struct gate *g, struct bytes body)
{
	struct wire_in in = wire_in(body);
	struct address from = { .n = wire_get_u8(&in) };
	struct bytes octets = wire_get_fixed(&in, sizeof(from.octets));
	uint32_t seconds = wire_get_u32(&in);

	if (wire_done(&in) != ERR_OK || (from.n != 4 && from.n != 16))
		return;
	bytes_copy(from.octets, octets.p, from.n);
	connections_penalty(g->connections, &from, 1000 * (int64_t)seconds);
}

static void take_reload(struct gate *g)
{
	struct connection_limits limits = clients_limits(g);
	enum log_level level;

	connections_limits(g->connections, &limits);
	if (log_level_parse(bytes_str(options_text(&g->worker.options, OPT_log_level)),
	                    &level) == ERR_OK)
		log_level_set(level);
}

static void take_link(struct gate *g, const struct worker_event *e)
{
	if (e->what == WORKER_LINK_NEIGHBOUR && e->peer == ROLE_CORE && e->fd >= 0)
		core_take(g, e->fd);
	else if (e->what == WORKER_LINK_NEIGHBOUR && e->peer == ROLE_KEEPER)
		take_keeper(g, e->fd);
	else if (e->fd >= 0)
		close(e->fd);
}

static void take_event(struct gate *g, const struct worker_event *e)
{
	switch (e->type) {
	case MSG_LINK:
		take_link(g, e);
		break;
	case MSG_PENALTY:
		take_penalty(g, e->body);
		break;
	case MSG_RELOAD:
		take_reload(g);
		break;
	case MSG_STOP:
		stop(g);
		break;
	default:
		break;
	}
}

static void on_control(uv_poll_t *handle, int status, int events)
{
	struct gate *g = handle->data;
	struct worker_event e;
	err_t err;

	do {
		err = worker_next_event(&g->worker, &e);
		if (err == ERR_OK)
			take_event(g, &e);
	} while (err == ERR_OK && e.type);
	/* Without a parent nobody would restart us, or stop us. */
	if (err != ERR_OK)
		uv_stop(&g->loop);
}

/* --- the loop ------------------------------------------------------------------ */

static void on_prepare(uv_prepare_t *handle)
{
	core_gather(handle->data);
}

static void close_handle(uv_handle_t *handle, void *self)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void run(struct gate *g, int core)
{
	static uv_poll_t control;
	static uv_prepare_t prepare;

	must(uv_poll_init(&g->loop, &control, g->worker.control.fd) == 0);
	must(uv_prepare_init(&g->loop, &prepare) == 0);
	control.data = prepare.data = g;
	must(uv_poll_start(&control, UV_READABLE, on_control) == 0);
	must(uv_prepare_start(&prepare, on_prepare) == 0);
	if (core >= 0)
		core_take(g, core);
	renewal_start(g);
	/* What came with the START's last read lies in memory, not in the socket. */
	on_control(&control, 0, UV_READABLE);
	(void)uv_run(&g->loop, UV_RUN_DEFAULT);
	core_lost(g);
	connections_free(g->connections);
	(void)uv_run(&g->loop, UV_RUN_NOWAIT);
	uv_walk(&g->loop, close_handle, NULL);
	(void)uv_run(&g->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&g->loop);
}

static err_t begin(struct gate *g)
{
	struct connection_owner owner = clients_owner(g);
	struct connection_limits limits = clients_limits(g);
	err_t err;

	g->core.dead = true;
	g->message = buf_make(MESSAGE_MAX);
	g->answer = buf_make(ANSWER_MAX);
	g->anchor = buf_make(PEM_MAX);
	g->certificate = buf_make(PEM_MAX);
	g->staple.data = g;
	g->joining = options_flag(&g->worker.options, OPT_join_enabled);
	http_mapper_init(&g->mapper, limits.body);
	take_keeper(g, worker_take_link(&g->worker, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0));
	if (uv_loop_init(&g->loop) != 0 || uv_timer_init(&g->loop, &g->staple) != 0)
		return ERR_IO;
	TRY(gather_init(g));
	TRY(connections_new(&g->loop, &limits, &owner, &g->connections));
	connections_accept(g->connections, false);
	TRY(open_listeners(g));
	map_crash_page(g);
out:
	return err;
}

int main(int argc, char **argv)
{
	static struct gate gate;
	struct gate *g = &gate;
	int core;
	err_t err;

	TRY(worker_start(ROLE_GATE, argc, argv, &g->worker));
	/* The TLS library writes with write(2). */
	(void)signal(SIGPIPE, SIG_IGN);
	definitions_load(&g->worker.options);
	TRY(begin(g));
	core = worker_take_link(&g->worker, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0);
	TRY(worker_confine(&g->worker));
	run(g, core);
out:
	SSL_CTX_free(g->ctx);
	link_close(&g->keeper.link);
	http_mapper_free(&g->mapper);
	buf_free(&g->message);
	buf_free(&g->lazy);
	buf_free(&g->answer);
	buf_free(&g->anchor);
	buf_free(&g->certificate);
	worker_end(&g->worker);
	/* It waited for the key store, and the parent ends it or starts it anew: no fault. */
	if (err == ERR_OK || err == ERR_LOCKED)
		return 0;
	log_event(LOG_ERROR, "gate ended", "why=%s", err_name(err));
	return 1;
}
