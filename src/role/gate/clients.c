/* clients.c: connections and their requests. Here outside octets become
 * primitives; nothing is decided but whether they are well formed. */
#include "base/clock.h"
#include "base/log.h"
#include "role/gate/gate.h"

#include <arpa/inet.h>

struct connection_limits clients_limits(const struct gate *g)
{
	const struct options *o = &g->worker.options;

	return (struct connection_limits){
		.total = options_number(o, OPT_gate_connections),
		.per_address = options_number(o, OPT_gate_connections_per_address),
		.failures = options_number(o, OPT_gate_failures_per_address),
		.half_open = (options_number(o, OPT_gate_connections) + GATE_HALF_OPEN - 1) / GATE_HALF_OPEN,
		.handshake_ms = 1000 * (int64_t)options_number(o, OPT_gate_handshake_time),
		.request_ms = 1000 * (int64_t)options_number(o, OPT_gate_request_time),
		/* A core that hangs must not hold its clients for ever. */
		.answer_ms = 2000 * (int64_t)options_number(o, OPT_gate_request_time),
		.idle_ms = 1000 * (int64_t)options_number(o, OPT_gate_idle_time),
		.streams = options_number(o, OPT_gate_streams),
		.body = options_number(o, OPT_gate_body_octets),
		.buffered = GATE_BUFFERED,
	};
}

void clients_refused(void *self, const struct address *from, const char *why)
{
	struct gate *g = self;
	int64_t second = clock_steady() / 1000;
	char text[INET6_ADDRSTRLEN] = "";

	if (second != g->second) {
		if (g->quiet)
			log_event(LOG_INFO, "connections refused", "more=%u", g->quiet);
		g->second = second;
		g->lines = g->quiet = 0;
	}
	if (g->lines++ >= GATE_LINES_A_SECOND) {
		g->quiet++;
		return;
	}
	(void)inet_ntop(from->n == 4 ? AF_INET : AF_INET6, from->octets, text, sizeof(text));
	log_event(LOG_INFO, "connection refused", "address=%s why=\"%s\"", text, why);
}

static void refuse(struct gate *g, struct connection *c, const char *why)
{
	clients_refused(g, &c->address, why);
	connection_close(c);
}

/* The handshake proved a credential; whose it is the core knows. */
static void on_secured(void *self, struct connection *c)
{
	struct gate *g = self;
	struct channel_peer peer;

	if (!c->ssl) {
		connection_admit(c, 0);
		return;
	}
	if (channel_peer(c->ssl, &peer) != ERR_OK)
		refuse(g, c, "nobody authenticated");
	else if (peer.guest)
		join_admit(g, c, &peer);
	else if (!shed_admits(g))
		shed_begin(g, c);
	else if (core_open_association(g, c, &peer) != ERR_OK)
		refuse(g, c, "the core does not answer");
}

/* Without a core that can get it the handshake goes on without the key, or the session. */
static void on_wanted(void *self, struct connection *c)
{
	struct gate *g = self;
	const struct channel_session_wanted *session = channel_session_wanted(c->ssl);
	err_t err = session ? session_ask(g, c, session) : core_want_key(g, c, channel_wanted(c->ssl));

	if (err != ERR_OK)
		connection_continue(c);
}

static void answer_refusal(struct gate *g, struct connection *c,
                           const struct http_refusal *why, struct bytes rqi)
{
	bool close = c->form.close || g->stopping || c->shed;

	buf_clear(&g->answer);
	if (http_refusal_write(why, rqi, close, &g->answer) == ERR_OK)
		connection_answer(c, bytes_of_buf(&g->answer), close);
	else
		connection_close(c);
}

/* What the core could not be told. */
static struct http_refusal unsent(err_t err)
{
	if (err == ERR_REFUSED)
		return (struct http_refusal){ .http = 413, .status = 4000, .why = "the content is too large" };
	return (struct http_refusal){ .http = 503, .status = 5000, .why = "too much is waiting here" };
}

static void on_request(void *self, struct connection *c, struct bytes message)
{
	struct gate *g = self;
	struct bytes rqi = http_field(&c->parser, message, HTTP_FIELD_PARAM + PARAM_RQI);
	struct http_refusal why = unsent(ERR_LIMIT);
	err_t err;

	if (c->shed) {
		why.why = "too many come at once: come again in time";
		why.retry = shed_retry(g);
		answer_refusal(g, c, &why, rqi);
		return;
	}
	if (statement_takes(g, c, message) || join_takes(g, c, message) || state_takes(g, c, message))
		return;
	TRY(core_request_head(g, c));
	TRY(http_request_read(&c->parser, message, &g->mapper, &g->message, &c->form, &why));
	err = core_request(g, c);
	if (err != ERR_OK)
		why = unsent(err);
out:
	if (err == ERR_CLOSED)
		connection_close(c);
	else if (err != ERR_OK)
		answer_refusal(g, c, &why, rqi);
	http_mapper_trim(&g->mapper);
}

static void on_left(void *self, struct connection *c)
{
	core_request_left(self, c);
}

static void on_closed(void *self, struct connection *c)
{
	struct gate *g = self;

	if (c->number)
		core_close_association(g, c->number);
	if (c->guest)
		g->guests--;
	if (c->shed)
		g->sheds--;
	/* This one is still counted. */
	if (g->stopping && connections_count(g->connections) <= 1)
		uv_stop(&g->loop);
}

/* So that a crash has a source: written before its octets are looked at, the
 * length last, and taken back after. */
static void on_parsing(void *self, const struct address *from)
{
	struct crash_page *page = ((struct gate *)self)->crash;

	if (!page)
		return;
	if (from)
		bytes_copy(page->address, from->octets, sizeof(page->address));
	__atomic_store_n(&page->address_n, from ? from->n : 0, __ATOMIC_RELEASE);
}

struct connection_owner clients_owner(struct gate *g)
{
	return (struct connection_owner){
		.self = g, .secured = on_secured, .wanted = on_wanted, .request = on_request,
		.left = on_left, .closed = on_closed, .refused = clients_refused, .parsing = on_parsing,
	};
}
