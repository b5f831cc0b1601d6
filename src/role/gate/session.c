/* session.c: sessions are the core's. One that is made goes there before its client knows
 * it; one that a client names is asked for, with what the client proved. */
#include "base/log.h"
#include "base/secret.h"
#include "role/gate/gate.h"

enum { SECRET_MAX = 64 };

void session_made(void *self, SSL *ssl, const struct channel_session *s)
{
	struct gate *g = self;
	struct wire_out out = wire_out(&g->message);
	err_t err;

	/* Made later than it was asked for: nobody knows whose it is, and it opens nothing. */
	if (!g->offered || g->offered->ssl != ssl)
		return;
	buf_clear(&g->message);
	wire_put_u64(&out, g->offered->number);
	wire_put_fixed(&out, BYTES_OF(s->id));
	wire_put_u16(&out, s->suite);
	wire_put_bytes(&out, s->secret);
	err = out.err == ERR_OK ? core_send_lazily(g, MSG_SESSION_KEEP, 0, bytes_of_buf(&g->message)) : out.err;
	secret_wipe(g->message.p, g->message.n);
	if (err != ERR_OK)
		log_event(LOG_DEBUG, "session not kept", "why=%s", err_name(err));
}

void session_offer(struct gate *g, struct connection *c, uint32_t seconds)
{
	if (!seconds || !c->ssl)
		return;
	g->offered = c;
	if (channel_session_offer(c->ssl, seconds) != ERR_OK)
		log_event(LOG_DEBUG, "session not offered", "connection=%llu", (unsigned long long)c->id);
	g->offered = NULL;
}

err_t session_ask(struct gate *g, const struct connection *c, const struct channel_session_wanted *wanted)
{
	struct wire_out out = wire_out(&g->message);
	uint8_t tag[CHANNEL_TAG];
	err_t err;

	channel_tag(c->ssl, tag);
	buf_clear(&g->message);
	wire_put_fixed(&out, BYTES_OF(tag));
	wire_put_fixed(&out, BYTES_OF(wanted->id));
	wire_put_fixed(&out, BYTES_OF(wanted->hash));
	wire_put_fixed(&out, BYTES_OF(wanted->binder));
	TRY(out.err);
	err = core_send_lazily(g, MSG_SESSION_TAKE, c->id, bytes_of_buf(&g->message));
out:
	return err;
}

/* With the session or without it: the handshake says which. */
err_t session_taken(struct gate *g, const struct message *m)
{
	struct connection *c = connections_find(g->connections, m->ref);
	struct wire_in in = wire_in(m->body);
	unsigned verdict = wire_get_u8(&in), suite = wire_get_u16(&in);
	struct bytes secret = wire_get_bytes(&in, SECRET_MAX);
	err_t err;

	TRY(wire_done(&in));
	if (!c)
		goto out;
	if (verdict == ERR_OK && channel_session_give(c->ssl, (uint16_t)suite, secret) != ERR_OK)
		log_event(LOG_WARN, "session not used", "connection=%llu", (unsigned long long)c->id);
	connection_continue(c);
out:
	return err;
}
