/* list.c: administrators, and what waits, as anybody at the door may see. */
#include "administration/administration.h"

err_t administration_row(const struct administration *a, uint32_t index, struct wire_out *out)
{
	const struct bounded_administrator *bounded = index >= a->n ? &a->bounded[index - a->n] : NULL;
	const struct administrator *one = bounded ? &bounded->who : &a->all[index];
	struct administrator_row row = { .more = index + 1 < a->n + a->bounded_n };

	if (index >= a->n + a->bounded_n)
		return ERR_MISSING;
	row.name = bytes_str(one->name);
	row.class = one->class;
	row.public_key = bytes_make(one->public_key, one->public_n);
	row.since = (uint64_t)one->since;
	if (bounded)
		row.bounds = bounded->bounds;
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
