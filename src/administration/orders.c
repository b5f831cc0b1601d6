/* orders.c: orders about who and what may: no key is touched by them. */
#include "administration/administration.h"

#include "wire/name.h"

static err_t policy_change(struct administration *a, struct wire_in *in, bool really)
{
	struct standing to;
	err_t err;

	TRY(standing_parse(in->rest, &to));
	if (really)
		a->standing = to;
out:
	return err;
}

static err_t enrol_allow(struct administration *a, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, STANDING_NAME);
	err_t err;

	TRY(wire_done(in));
	TRY(name_is_key(name) ? ERR_OK : ERR_SYNTAX);
	if (really)
		TRY(bytes_put_str(a->allowed, sizeof(a->allowed), name));
out:
	return err;
}

static err_t administrator_add(struct administration *a, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, ADMINISTRATOR_NAME);
	unsigned class = wire_get_u8(in);
	struct bytes public_key = wire_get_bytes(in, 65);
	struct administration now = *a;
	err_t err;

	TRY(wire_done(in));
	TRY(administration_add(really ? a : &now, name, (enum key_class)class, public_key));
out:
	return err;
}

static err_t administrator_remove(struct administration *a, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, ADMINISTRATOR_NAME);
	struct administrator *one = administration_find(a, name);
	err_t err;

	TRY(wire_done(in));
	TRY(one ? ERR_OK : ERR_MISSING);
	TRY(a->n > 1 ? ERR_OK : ERR_REFUSED); /* nobody could order anything any more */
	if (really)
		*one = a->all[--a->n];
out:
	return err;
}

static err_t administrator_bound(struct administration *a, struct wire_in *in, bool really)
{
	return administration_bound(a, in->rest, really);
}

/* Whose credential it is, and what ends with it, the core knows; it carries it out when it is
 * told that this was ordered. No blank: the record of the order is taken apart by these. */
static err_t revoke(struct administration *a, struct wire_in *in, bool really)
{
	struct bytes id = wire_get_bytes(in, KEEPER_NAME_MAX);
	err_t err;

	TRY(wire_done(in));
	err = id.n && bytes_is_printable(id) && bytes_find(id, ' ') == id.n ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

static err_t (*const runs[ORDER_COUNT])(struct administration *a, struct wire_in *in, bool really) = {
	[ORDER_POLICY] = policy_change,
	[ORDER_ENROL_ALLOW] = enrol_allow,
	[ORDER_ADMINISTRATOR_ADD] = administrator_add,
	[ORDER_ADMINISTRATOR_REMOVE] = administrator_remove,
	[ORDER_ADMINISTRATOR_BOUND] = administrator_bound,
	[ORDER_REVOKE] = revoke,
};

err_t administration_order(struct administration *a, unsigned kind, struct wire_in *in, bool really)
{
	return kind < ORDER_COUNT && runs[kind] ? runs[kind](a, in, really) : ERR_UNSUPPORTED;
}
