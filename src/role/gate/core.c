/* core.c: the link to the core. Messages of one turn of the loop leave in one
 * write and arrive in one read. Bodies: security/association/registry.h for
 * associations, request/request.h for REQUEST; ANSWER is the response primitive. */
#include "base/log.h"
#include "base/secret.h"
#include "primitive/status.h"
#include "schema/schema.h"
#include "role/gate/gate.h"

/* Of REQUEST (request/request.h): what stands before the primitive, where in it the length
 * of the address, the mark of exports behind the primitive, and the size of one. */
enum { REASON_MAX = 256, ANSWER_KEEP = 64 * 1024, HEAD_ADDRESS = 8, HEAD = HEAD_ADDRESS + 1 + 16,
       EXPORTS = 128, EXPORTED = 48 };

/* --- to the core --------------------------------------------------------------- */

err_t core_open_association(struct gate *g, struct connection *c,
                            const struct channel_peer *peer)
{
	struct wire_out out = wire_out(&g->message);
	bool psk = peer->kind == CREDENTIAL_PSK;
	err_t err;

	buf_clear(&g->message);
	wire_put_fixed(&out, BYTES_OF(peer->tag));
	wire_put_u8(&out, (uint8_t)peer->kind);
	wire_put_fixed(&out, BYTES_OF(peer->fingerprint));
	wire_put_bytes(&out, psk ? bytes_str(peer->identity) : BYTES_NONE);
	wire_put_u64(&out, (uint64_t)peer->not_after);
	wire_put_u16(&out, peer->version);
	wire_put_u16(&out, peer->suite);
	wire_put_u8(&out, c->address.n);
	wire_put_fixed(&out, BYTES_OF(c->address.octets));
	wire_put_u16(&out, c->port);
	/* The client's own proof, for the core to judge. */
	wire_put_bytes(&out, channel_transcript(c->ssl));
	channel_forget(c->ssl);
	TRY(out.err);
	err = core_send_lazily(g, MSG_ASSOCIATION_OPEN, c->id, bytes_of_buf(&g->message));
out:
	return err;
}

void core_close_association(struct gate *g, uint64_t number)
{
	uint8_t body[8];
	err_t err;

	put_be64(body, number);
	err = core_send_lazily(g, MSG_ASSOCIATION_CLOSE, 0, BYTES_OF(body));
	/* Without a core there is no association either. */
	if (err != ERR_OK && err != ERR_CLOSED)
		log_event(LOG_WARN, "association not closed", "why=%s", err_name(err));
}

err_t core_request_head(struct gate *g, const struct connection *c)
{
	struct wire_out out = wire_out(&g->message);

	buf_clear(&g->message);
	wire_put_u64(&out, c->number);
	wire_put_u8(&out, c->address.n);
	wire_put_fixed(&out, BYTES_OF(c->address.octets));
	return out.err;
}

/* Does the primitive create what may take keys that the connection exports? */
static bool wants_exports(struct bytes primitive)
{
	const struct resource_type *type = NULL;
	struct cbor ty;
	bool found;

	if (cbor_find(primitive, BYTES("ty"), &ty, &found) == ERR_OK && found && ty.kind == CBOR_UINT &&
	    ty.u <= UINT32_MAX)
		type = resource_type((uint32_t)ty.u);
	return type && type->exports;
}

/* Behind the primitive, and a mark in the head. */
static err_t add_exports(struct gate *g, const struct connection *c)
{
	SSL *ssl = c->whole ? c->whole->ssl : c->ssl;
	uint8_t octets[2 * EXPORTED];
	err_t err = ERR_OK;

	if (!ssl)
		return ERR_OK;
	TRY(channel_export(ssl, "EXPORTER-oneM2M-Bootstrap", octets, EXPORTED));
	TRY(channel_export(ssl, "EXPORTER-oneM2M-Connection", octets + EXPORTED, EXPORTED));
	TRY(buf_add(&g->message, BYTES_OF(octets)));
	g->message.p[HEAD_ADDRESS] |= EXPORTS;
out:
	secret_wipe(octets, sizeof(octets));
	return err;
}

err_t core_request(struct gate *g, const struct connection *c)
{
	bool exports = c->parser.method == HTTP_POST &&
	               wants_exports(bytes_sub(bytes_of_buf(&g->message), HEAD, g->message.n));
	err_t err = exports ? add_exports(g, c) : ERR_OK;

	if (err == ERR_OK)
		err = link_send(&g->core, MSG_REQUEST, c->id, bytes_of_buf(&g->message));
	if (exports)
		secret_wipe(g->message.p, g->message.n);
	g->exported |= exports;
	g->secret |= exports;
	g->fresh++;
	return err;
}

void core_request_left(struct gate *g, const struct connection *c)
{
	/* What waits in the core for it ends by itself, too. */
	if (link_send(&g->core, MSG_REQUEST_LEFT, c->id, BYTES_NONE) != ERR_OK)
		log_event(LOG_DEBUG, "request not taken back", "ref=%llu", (unsigned long long)c->id);
}

err_t core_want_key(struct gate *g, const struct connection *c, struct bytes identity)
{
	struct wire_out out = wire_out(&g->message);
	err_t err;

	buf_clear(&g->message);
	wire_put_bytes(&out, identity);
	wire_put_u8(&out, c->address.n);
	wire_put_fixed(&out, BYTES_OF(c->address.octets));
	TRY(out.err);
	err = link_send(&g->core, MSG_NETWORK_KEY, c->id, bytes_of_buf(&g->message));
out:
	return err;
}

/* --- from the core ------------------------------------------------------------- */

static err_t take_opened(struct gate *g, const struct message *m)
{
	struct connection *c = connections_find(g->connections, m->ref);
	struct wire_in in = wire_in(m->body);
	uint64_t number = wire_get_u64(&in), until = wire_get_u64(&in);
	uint32_t resumable = wire_get_u32(&in);
	struct bytes reason = wire_get_bytes(&in, REASON_MAX);
	char why[REASON_MAX + 1];
	err_t err;

	TRY(wire_done(&in));
	if (number == 0) {
		if (!c)
			return ERR_OK;
		if (bytes_put_str(why, sizeof(why), reason) != ERR_OK)
			why[0] = '\0';
		clients_refused(g, &c->address, why);
		connection_close(c);
		return ERR_OK;
	}
	if (!c || c->state != CONNECTION_JUDGED) {
		core_close_association(g, number);
		return ERR_OK;
	}
	c->number = number;
	session_offer(g, c, resumable);
	connection_admit(c, until > INT64_MAX ? 0 : (int64_t)until);
out:
	return err;
}

static err_t take_end(struct gate *g, const struct message *m)
{
	struct wire_in in = wire_in(m->body);
	uint64_t number = wire_get_u64(&in);
	struct connection *c;
	uint8_t body[8];
	err_t err;

	TRY(wire_done(&in));
	c = number ? connections_numbered(g->connections, number) : NULL;
	if (c) {
		c->number = 0;
		clients_refused(g, &c->address, "the association ended");
		connection_close(c);
	}
	/* The core has forgotten it; whoever had it ended waits for this. */
	put_be64(body, number);
	err = link_send(&g->core, MSG_ASSOCIATION_CLOSE, 0, BYTES_OF(body));
out:
	return err;
}

static err_t take_answer(struct gate *g, const struct message *m)
{
	static const struct http_refusal failed = { .http = 500, .status = 5000, .why = "the answer cannot be written" };
	static const struct http_refusal no_form = { .http = 406, .status = 5207, .why = "the result has no form in this serialisation" };
	struct connection *c = connections_find(g->connections, m->ref);
	struct response_primitive r = { .status = 0 };
	bool close;
	err_t err;

	/* Gone meanwhile: nobody waits for it. */
	if (!c || c->state != CONNECTION_SERVING)
		return ERR_OK;
	c->form.close |= g->stopping || channel_worn(c->whole ? c->whole->ssl : c->ssl);
	close = c->form.close;
	buf_clear(&g->answer);
	err = response_read(m->body, &r);
	if (err == ERR_OK)
		err = http_response_write(&r, &g->mapper, c->form, &g->answer);
	/* What was done is not said to be refused: it has no representation in this form. */
	if (err == ERR_TYPE && (r.status == RSC_CREATED || r.status == RSC_UPDATED || r.status == RSC_DELETED)) {
		r.content = BYTES_NONE;
		err = http_response_write(&r, &g->mapper, c->form, &g->answer);
	}
	if (err == ERR_TYPE && r.status) {
		/* A request of XML for what XML has no form for. */
		TRY(http_refusal_write(&no_form, r.rqi, close, &g->answer));
	} else if (err != ERR_OK) {
		log_event(LOG_ERROR, "answer not written", "why=%s", err_name(err));
		TRY(http_refusal_write(&failed, BYTES_NONE, close, &g->answer));
	}
	connection_answer(c, bytes_of_buf(&g->answer), close);
	http_mapper_trim(&g->mapper);
	if (g->answer.cap > ANSWER_KEEP)
		buf_free(&g->answer);
	err = ERR_OK;
out:
	return err;
}

/* What it is good for says its credential, in the core. */
static err_t take_trust(struct gate *g, const struct message *m)
{
	return g->ctx ? channel_trust(g->ctx, m->body) : ERR_OK;
}

/* With the key or without it: the handshake says which. */
static err_t take_keyed(struct gate *g, const struct message *m)
{
	struct connection *c = connections_find(g->connections, m->ref);
	struct wire_in in = wire_in(m->body);
	err_t err;

	(void)wire_get_u8(&in);
	TRY(wire_done(&in));
	if (c)
		connection_continue(c);
out:
	return err;
}

static const struct {
	enum message_type type;
	err_t (*take)(struct gate *g, const struct message *m);
} takers[] = {
	{ MSG_ANSWER, take_answer },
	{ MSG_ASSOCIATION_OPENED, take_opened },
	{ MSG_ASSOCIATION_END, take_end },
	{ MSG_JOINED, join_answered },
	{ MSG_STATE_SHOWN, state_answered },
	{ MSG_PEER_TRUST, take_trust },
	{ MSG_NETWORK_KEYED, take_keyed },
	{ MSG_STATEMENT, statement_answered },
	{ MSG_SESSION_TAKEN, session_taken },
};

static err_t take_message(struct gate *g, const struct message *m)
{
	for (size_t i = 0; i < COUNT_OF(takers); i++) {
		if (takers[i].type == m->type)
			return takers[i].take(g, m);
	}
	return ERR_REFUSED;
}

static void watch(struct gate *g, int events);

static void on_core(uv_poll_t *handle, int status, int events)
{
	struct gate *g = handle->data;
	struct message m;
	bool found = true;
	err_t err = ERR_OK;

	if (events & UV_READABLE || status < 0)
		err = link_read(&g->core);
	/* What came before the end is still delivered. */
	for (;;) {
		err_t next = link_next(&g->core, &m, &found);

		if (next == ERR_OK && found)
			next = take_message(g, &m);
		if (next != ERR_OK || !found) {
			err = err == ERR_OK ? next : err;
			break;
		}
	}
	if (err != ERR_OK) {
		log_event(LOG_WARN, "core lost", "why=%s", err_name(err));
		core_lost(g);
	}
}

/* --- the link itself ----------------------------------------------------------- */

static void watch(struct gate *g, int events)
{
	if (!g->core_poll || g->core_events == events)
		return;
	g->core_events = events;
	must(uv_poll_start(g->core_poll, events, on_core) == 0);
}

/* A secret stays nowhere: not once it is sent, nor when it cannot be. */
static void wipe_secret(struct gate *g)
{
	if (g->secret && g->core.out.p)
		secret_wipe(g->core.out.p, g->core.out.cap);
	g->secret = g->exported = false;
}

void core_flush(struct gate *g)
{
	if (!link_wants_write(&g->core))
		return;
	/* That it is gone, its end of the link says too; one place tells it. */
	if (link_flush(&g->core) != ERR_OK)
		core_lost(g);
	else
		watch(g, link_wants_write(&g->core) ? UV_READABLE | UV_WRITABLE : UV_READABLE);
	if (!link_wants_write(&g->core))
		wipe_secret(g);
}

static void on_poll_closed(uv_handle_t *handle)
{
	mem_free(handle);
}

void core_lost(struct gate *g)
{
	if (g->core_poll)
		uv_close((uv_handle_t *)g->core_poll, on_poll_closed);
	g->core_poll = NULL;
	wipe_secret(g);
	link_close(&g->core);
	gather_forget(g);
	connections_accept(g->connections, false);
	connections_close_all(g->connections, true);
}

void core_take(struct gate *g, int fd)
{
	core_lost(g);
	g->core_poll = mem_new(1, sizeof(*g->core_poll));
	must(g->core_poll && uv_poll_init(&g->loop, g->core_poll, fd) == 0);
	g->core_poll->data = g;
	g->core_events = 0;
	link_init(&g->core, fd, ROLE_GATE, ROLE_CORE, 0);
	watch(g, UV_READABLE);
	connections_accept(g->connections, !g->stopping);
	statement_start(g);
}
