/* gather.c: what the core is told together, so that it is woken once for many and judges and
 * records associations in one transaction. Who comes alone waits for nobody. */
#include "base/log.h"
#include "base/secret.h"
#include "role/gate/gate.h"

/* --- of associations ------------------------------------------------------------- */

/* Frames of the buffer: u8 type, u64 reference, body bytes. It never grows, so that no
 * session's secret is left where it was. */
enum { LAZY_OCTETS = 64 * 1024, FRAME_HEAD = 1 + 8 + 4 };

void gather_forget(struct gate *g)
{
	if (g->lazy.n)
		secret_wipe(g->lazy.p, g->lazy.n);
	buf_clear(&g->lazy);
	g->lazy_asks = false;
	(void)uv_timer_stop(&g->lazily);
}

/* The core does not keep up: who waits for its word would wait in vain. */
static void not_told(struct gate *g, uint64_t ref, err_t err)
{
	struct connection *c = ref ? connections_find(g->connections, ref) : NULL;

	log_event(LOG_WARN, "core not told", "why=%s", err_name(err));
	if (c)
		connection_close(c);
}

static void tell(struct gate *g)
{
	struct wire_in in = wire_in(bytes_of_buf(&g->lazy));

	while (in.rest.n) {
		unsigned type = wire_get_u8(&in);
		uint64_t ref = wire_get_u64(&in);
		struct bytes body = wire_get_bytes(&in, LAZY_OCTETS);
		err_t err;

		must(in.err == ERR_OK);
		g->secret |= type == MSG_SESSION_KEEP;
		err = link_send(&g->core, (enum message_type)type, ref, body);
		if (err != ERR_OK)
			not_told(g, ref, err);
	}
	gather_forget(g);
}

err_t core_send_lazily(struct gate *g, enum message_type type, uint64_t ref, struct bytes body)
{
	struct wire_out out = wire_out(&g->lazy);
	err_t err;

	if (g->core.dead)
		return ERR_CLOSED;
	if (g->lazy.n + FRAME_HEAD + body.n > LAZY_OCTETS)
		tell(g);
	TRY(buf_reserve(&g->lazy, g->lazy.p ? FRAME_HEAD + body.n : LAZY_OCTETS));
	if (!g->lazy.n)
		g->lazy_since = uv_now(&g->loop);
	wire_put_u8(&out, (uint8_t)type);
	wire_put_u64(&out, ref);
	wire_put_bytes(&out, body);
	g->lazy_asks |= type == MSG_ASSOCIATION_OPEN || type == MSG_SESSION_TAKE;
	err = out.err;
out:
	return err;
}

static void on_lazily(uv_timer_t *timer)
{
	/* The turn that it begins looks again. */
}

/* While others' handshakes go on: with pauses, when nobody waits for an answer to it; then it
 * leaves with what else is said. */
static bool may_wait(struct gate *g, bool said)
{
	uint64_t waited = uv_now(&g->loop) - g->lazy_since, gap = g->lazy_asks ? GATE_LAZY_GAP_MS : GATE_LAZY_MS;

	if (waited >= GATE_LAZY_MS || (said && !g->lazy_asks) || !connections_handshaking(g->connections, gap))
		return false;
	(void)uv_timer_start(&g->lazily, on_lazily, waited + gap < GATE_LAZY_MS ? gap : GATE_LAZY_MS - waited, 0);
	return true;
}

/* --- requests -------------------------------------------------------------------- */

static void on_gather(uv_idle_t *handle)
{
	/* Its being there keeps the loop from waiting. */
}

/* While each turn brings requests, for a while. What a connection exports waits for nothing. */
static bool more_may_come(struct gate *g)
{
	uint64_t now = uv_now(&g->loop);

	if (!g->waiting)
		g->since = now;
	g->waiting += g->fresh;
	return g->fresh && (g->waiting > 1 || g->several) && g->waiting < GATE_GATHER &&
	       now - g->since < GATE_GATHER_MS && !g->exported;
}

void core_gather(struct gate *g)
{
	bool more = more_may_come(g);

	g->fresh = 0;
	if (g->lazy.n && !may_wait(g, !more && link_wants_write(&g->core)))
		tell(g);
	if (more) {
		(void)uv_idle_start(&g->gather, on_gather);
		return;
	}
	if (g->waiting)
		g->several = g->waiting > 1;
	g->waiting = 0;
	(void)uv_idle_stop(&g->gather);
	core_flush(g);
}

err_t gather_init(struct gate *g)
{
	g->lazy = buf_make(LAZY_OCTETS);
	return uv_idle_init(&g->loop, &g->gather) == 0 && uv_timer_init(&g->loop, &g->lazily) == 0 ? ERR_OK : ERR_IO;
}
