/* shed.c: who comes when too many do gets an answer, 503 with a time of its own to come again,
 * and nothing else: neither core nor store hears of it. */
#include "base/clock.h"
#include "role/gate/gate.h"

enum { SHED_MS = 5000, SHEDS_MAX = 4096, MS_US = 1000 };

static uint64_t rate_of(const struct gate *g)
{
	return options_number(&g->worker.options, OPT_gate_admissions);
}

bool shed_admits(struct gate *g)
{
	return admission_takes(&g->admission, rate_of(g), clock_steady() * MS_US);
}

unsigned shed_retry(struct gate *g)
{
	return admission_book(&g->admission, rate_of(g), clock_steady() * MS_US);
}

void shed_begin(struct gate *g, struct connection *c)
{
	if (g->sheds >= SHEDS_MAX) {
		clients_refused(g, &c->address, "too many come at once");
		connection_close(c);
		return;
	}
	channel_forget(c->ssl); /* nobody judges it */
	g->sheds++;
	c->shed = true;
	connection_admit(c, clock_now() + SHED_MS);
}
