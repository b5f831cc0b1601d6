/* errand.c: what this CSE asks of others by itself: registration at its registrar,
 * announcements. An errand is a request like any other, but for its origin: it is
 * routed, held, sent and recorded by the same steps, with this CSE as originator. */
#include "base/log.h"
#include "role/core/core.h"

enum { PRIMITIVE_MAX = 1 << 20, SLOT_BITS = 8 };

static struct errand *errand_of(struct core *c, uint64_t number)
{
	struct errand *e = &c->errands[number & (CORE_ERRANDS - 1)];

	return e->number == number ? e : NULL;
}

static struct errand *free_errand(struct core *c)
{
	for (size_t i = 0; i < CORE_ERRANDS; i++) {
		if (!c->errands[i].number)
			return &c->errands[i];
	}
	return NULL;
}

/* Unique over restarts, too: the time is in it. */
static err_t identifier(struct core *c, uint64_t number, struct buf *out)
{
	return buf_printf(out, "own-%llx-%llx", (unsigned long long)c->now,
	                  (unsigned long long)number);
}

err_t errand_ask(struct core *c, struct outbound_request *r, errand_fn done, uint64_t cookie)
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	struct buf primitive = buf_make(PRIMITIVE_MAX), rqi = buf_make(64);
	struct pending p = { .type = MSG_ANSWER };
	struct request_arrival in = { .now = c->now };
	struct errand *e = free_errand(c);
	err_t err;

	if (!e)
		return ERR_FULL;
	in.own = ++c->errands_n << SLOT_BITS | (uint64_t)(e - c->errands);
	*e = (struct errand){ in.own, done, cookie };
	TRY(identifier(c, in.own, &rqi));
	r->from = cse->cse_id;
	r->rqi = bytes_of_buf(&rqi);
	r->rvi = BYTES("3");
	r->originated = c->now;
	TRY(outbound_compose(r, &primitive));
	in.primitive = bytes_of_buf(&primitive);
	TRY(batch_serve(c, &p, &in, NULL));
	/* Answered in this turn: nobody looks at the primitive any more. */
out:
	if (err != ERR_OK)
		*e = (struct errand){ 0 };
	buf_free(&primitive);
	buf_free(&rqi);
	return err;
}

void errand_answered(struct core *c, uint64_t number, struct bytes answer)
{
	struct errand *e = errand_of(c, number), kept;
	struct response_primitive r;

	if (!e)
		return;
	kept = *e;
	*e = (struct errand){ 0 };
	if (response_read(answer, &r) != ERR_OK)
		r = (struct response_primitive){ .status = RSC_INTERNAL_SERVER_ERROR };
	kept.done(c, kept.cookie, &r);
}
