/* statement.c: what the node's CA says: which certificates are revoked, for who may ask
 * [RFC 5280 5], and in each handshake that the node's own is good [RFC 6960].
 *
 *   GET /.well-known/holdfast/crl  the list (DER), application/pkix-crl
 *
 * Who may have it the core decides (crl.readers); the statements are the keeper's. */
#include "base/clock.h"
#include "base/log.h"
#include "role/gate/gate.h"

enum { TEXT_MAX = 256, STATEMENT_MAX = 60000, RETRY_MS = 5000, LIST = 1, GOOD = 2, SECOND_MS = 1000 };

#define OF_THE_NODE UINT64_MAX /* no connection has this number */

/* Body of STATEMENT_ASK: u8 which, u64 association, u64 seconds it is to be good for,
 * certificate. Of STATEMENT: u8 err_t, text, DER. */
static err_t ask(struct gate *g, uint64_t ref, unsigned which, uint64_t association)
{
	struct wire_out out = wire_out(&g->message);

	buf_clear(&g->message);
	wire_put_u8(&out, (uint8_t)which);
	wire_put_u64(&out, association);
	wire_put_u64(&out, options_number(&g->worker.options, OPT_staple_time));
	wire_put_bytes(&out, which == GOOD ? bytes_of_buf(&g->certificate) : BYTES_NONE);
	return out.err == ERR_OK ? link_send(&g->core, MSG_STATEMENT_ASK, ref, bytes_of_buf(&g->message)) : out.err;
}

bool statement_takes(struct gate *g, struct connection *c, struct bytes message)
{
	struct bytes target = bytes_sub(message, c->parser.target.at, c->parser.target.n);

	if (c->guest || !c->number || c->parser.method != HTTP_GET ||
	    !bytes_equal(target, BYTES("/.well-known/holdfast/crl")))
		return false;
	c->form.close = c->parser.close;
	if (ask(g, c->id, LIST, c->number) != ERR_OK)
		page_refuse(g, c, 503, BYTES("the node does not answer"));
	return true;
}

/* --- the own certificate ------------------------------------------------------------ */

/* An old one is better than none until it ends. */
static void on_time(uv_timer_t *timer)
{
	struct gate *g = timer->data;
	err_t err = ERR_OK;

	if (g->stapled && clock_steady() >= g->stapled) {
		g->stapled = 0;
		err = channel_staple(g->ctx, BYTES_NONE);
	}
	if (err == ERR_OK)
		err = ask(g, OF_THE_NODE, GOOD, 0);
	if (err != ERR_OK)
		log_event(LOG_WARN, "certificate status", "not asked for: %s", err_text(err));
	must(uv_timer_start(&g->staple, on_time, RETRY_MS, 0) == 0);
}

void statement_start(struct gate *g)
{
	if (g->ctx && options_number(&g->worker.options, OPT_staple_time))
		must(uv_timer_start(&g->staple, on_time, 0, 0) == 0);
}

static void take_good(struct gate *g, unsigned verdict, struct bytes text, struct bytes der)
{
	int64_t life = SECOND_MS * (int64_t)options_number(&g->worker.options, OPT_staple_time);
	err_t err = verdict == ERR_OK ? channel_staple(g->ctx, der) : ERR_REFUSED;

	if (err != ERR_OK) { /* it is asked again soon */
		log_event(LOG_WARN, "certificate status", "none: %.*s", BYTES_FMT(text));
		return;
	}
	g->stapled = clock_steady() + life;
	must(uv_timer_start(&g->staple, on_time, (uint64_t)life / 2, 0) == 0);
}

err_t statement_answered(struct gate *g, const struct message *m)
{
	struct connection *c = connections_find(g->connections, m->ref);
	struct wire_in in = wire_in(m->body);
	unsigned verdict = wire_get_u8(&in);
	struct bytes text = wire_get_bytes(&in, TEXT_MAX), der = wire_get_bytes(&in, STATEMENT_MAX);
	err_t err;

	TRY(wire_done(&in));
	if (m->ref == OF_THE_NODE)
		take_good(g, verdict, text, der);
	else if (c && c->state == CONNECTION_SERVING && verdict == ERR_OK)
		page_answer(g, c, &(struct page){ 200, "OK", "application/pkix-crl", der, NULL });
	else if (c && c->state == CONNECTION_SERVING)
		page_refuse(g, c, verdict == ERR_REFUSED ? 403 : 503, text);
out:
	return err;
}
