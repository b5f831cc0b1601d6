/* list.c: what waits; administrators, and that, as anybody at the door may see. */
#include "administration/administration.h"

#include "base/clock.h"

err_t administration_wait(struct administration *a, const struct waiting_order *o, struct bytes body,
                          uint64_t delay)
{
	struct waiting_order *p = a->pending_n < WAITING_ORDERS ? mem_new(1, sizeof(*p)) : NULL;

	if (!p)
		return ERR_FULL;
	must(body.n <= sizeof(p->body));
	*p = *o;
	p->number = ++a->numbers;
	p->taken = clock_now();
	p->due = administration_now(a) + delay;
	bytes_copy(p->body, body.p, body.n);
	p->body_n = body.n;
	a->pending[a->pending_n++] = p;
	return ERR_OK;
}

err_t administration_row(const struct administration *a, uint32_t index, struct wire_out *out)
{
	struct administrator_row row = { .more = index + UINT64_C(1) < a->n + a->bounded_n };
	const struct administrator *one;

	if (index >= a->n + a->bounded_n)
		return ERR_MISSING;
	one = index < a->n ? &a->all[index] : &a->bounded[index - a->n].who;
	row.name = bytes_str(one->name);
	row.class = one->class;
	row.public_key = bytes_make(one->public_key, one->public_n);
	row.since = (uint64_t)one->since;
	if (index >= a->n)
		row.bounds = a->bounded[index - a->n].bounds;
	return administrator_row_put(out, &row);
}

err_t administration_waiting_row(const struct administration *a, uint32_t index, struct wire_out *out)
{
	uint64_t now = administration_now(a);
	const struct waiting_order *p;

	if (index >= a->pending_n)
		return ERR_MISSING;
	p = a->pending[index];
	wire_put_u8(out, index + 1 < a->pending_n);
	wire_put_u32(out, p->number);
	wire_put_u16(out, (uint16_t)p->kind);
	wire_put_u64(out, p->due > now ? p->due - now : 0);
	wire_put_u64(out, (uint64_t)p->taken);
	wire_put_bytes(out, bytes_str(p->by));
	wire_put_bytes(out, order_subject(p->kind, bytes_make(p->body, p->body_n)));
	return out->err;
}
