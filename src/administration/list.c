/* list.c: administrators, and what waits, as anybody at the door may see. */
#include "administration/administration.h"

err_t administration_row(const struct administration *a, uint32_t index, struct wire_out *out)
{
	const struct administrator *one;

	if (index >= a->n)
		return ERR_MISSING;
	one = &a->all[index];
	wire_put_u8(out, index + 1 < a->n);
	wire_put_bytes(out, bytes_str(one->name));
	wire_put_u8(out, (uint8_t)one->class);
	wire_put_bytes(out, bytes_make(one->public_key, one->public_n));
	wire_put_u64(out, (uint64_t)one->since);
	return out->err;
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
