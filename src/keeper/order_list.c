/* order_list.c: administrators, and what waits, as anybody at the door may see. */
#include "keeper/order.h"

err_t run_administrator_list(struct call *c)
{
	uint32_t index = wire_get_u32(&c->in);
	const struct administration *a = &c->ks->vault.admin;
	const struct administrator *one;
	err_t err;

	TRY(wire_done(&c->in));
	if (index >= a->n)
		return ERR_MISSING;
	one = &a->all[index];
	wire_put_u8(&c->out, index + 1 < a->n);
	wire_put_bytes(&c->out, bytes_str(one->name));
	wire_put_u8(&c->out, (uint8_t)one->class);
	wire_put_bytes(&c->out, bytes_make(one->public_key, one->public_n));
	wire_put_u64(&c->out, (uint64_t)one->since);
out:
	return err;
}

err_t run_pending_list(struct call *c)
{
	uint32_t index = wire_get_u32(&c->in);
	const struct administration *a = &c->ks->vault.admin;
	uint64_t now = administration_now(a);
	const struct waiting_order *p;
	err_t err;

	TRY(wire_done(&c->in));
	if (index >= a->pending_n)
		return ERR_MISSING;
	p = a->pending[index];
	wire_put_u8(&c->out, index + 1 < a->pending_n);
	wire_put_u32(&c->out, p->number);
	wire_put_u16(&c->out, (uint16_t)p->kind);
	wire_put_u64(&c->out, p->due > now ? p->due - now : 0);
	wire_put_u64(&c->out, (uint64_t)p->taken);
	wire_put_bytes(&c->out, bytes_str(p->by));
	wire_put_bytes(&c->out, order_subject(p->kind, bytes_make(p->body, p->body_n)));
out:
	return err;
}
