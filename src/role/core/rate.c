/* rate.c: a peer that asks faster than it may is answered before anything of its
 * request is looked at: no look into the store, no record of each. */
#include "base/clock.h"
#include "role/core/core.h"

/* One record for many, of the first at once. */
static err_t record_refusals(struct core *c, const struct request_arrival *in)
{
	struct audit_record record = { .kind = AUDIT_DECISION, .at = c->now,
		                       .association = in->association, .rule = BYTES("peer.requests"),
		                       .status = RSC_NOT_ACCEPTABLE };
	uint64_t n = registry_refused(c->room.registry, in->association, clock_steady(), CORE_RATE_MS);
	const struct association *a;
	struct buf text = buf_make(96);
	err_t err = ERR_OK;

	if (n == 0)
		return ERR_OK;
	a = registry_association(c->room.registry, in->association, in->gate, c->now);
	if (a) {
		record.originator = bytes_str(a->facts.entity);
		record.credential = bytes_str(a->facts.credential);
	}
	TRY(buf_printf(&text, "faster than it may, or too much work: %llu requests refused", (unsigned long long)n));
	record.text = bytes_of_buf(&text);
	TRY(batch_record(c, &record));
out:
	buf_free(&text);
	return err;
}

bool rate_admits(struct core *c, const struct request_arrival *in)
{
	unsigned rate = (unsigned)options_number(&c->worker->options, OPT_peer_requests);
	unsigned work = (unsigned)options_number(&c->worker->options, OPT_peer_work);

	if (in->association == 0 || !c->open)
		return true;
	if (registry_rested(c->room.registry, in->association, work, clock_steady()) &&
	    registry_spend(c->room.registry, in->association, rate, clock_steady()))
		return true;
	(void)record_refusals(c, in);
	return false;
}

void rate_worked(struct core *c)
{
	unsigned work = (unsigned)options_number(&c->worker->options, OPT_peer_work);
	struct bytes whose = bytes_str(c->room.served);
	uint64_t units = c->open ? resource_spent(c->room.resources) : 0;

	/* What any request takes is counted as a request. */
	if (whose.n && units > RATE_UNITS_FREE)
		registry_work(c->room.registry, whose, units - RATE_UNITS_FREE, work, clock_steady());
}
