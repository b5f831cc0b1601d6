/* later_own.c: what this CSE keeps with a request that it does later. */
#include "request/later_work.h"

void later_own_begin(struct later_own *o, struct bytes key)
{
	must(o->n < LATER_OWN_MAX);
	o->m[o->n].key = key;
	o->m[o->n].at = o->values.n;
}

void later_own_end(struct later_own *o, err_t err)
{
	o->err = o->err == ERR_OK ? err : o->err;
	o->m[o->n++].end = o->values.n;
}

void later_own_uint(struct later_own *o, struct bytes key, uint64_t v)
{
	later_own_begin(o, key);
	later_own_end(o, cbor_put_uint(&o->values, v));
}

void later_own_text(struct later_own *o, struct bytes key, struct bytes text)
{
	later_own_begin(o, key);
	later_own_end(o, cbor_put_text(&o->values, text));
}

void later_own_bytes(struct later_own *o, struct bytes key, struct bytes octets)
{
	later_own_begin(o, key);
	later_own_end(o, cbor_put_bytes(&o->values, octets));
}

void later_own_raw(struct later_own *o, struct bytes key, struct bytes encoded)
{
	later_own_begin(o, key);
	later_own_end(o, buf_add(&o->values, encoded));
}

size_t later_own_members(const struct later_own *o, struct cbor_member out[LATER_OWN_MAX])
{
	for (size_t i = 0; i < o->n; i++)
		out[i] = (struct cbor_member){ o->m[i].key,
			bytes_sub(bytes_of_buf(&o->values), o->m[i].at, o->m[i].end - o->m[i].at) };
	return o->n;
}

err_t later_order(struct request_room *room, struct later_own *own, const struct later_order *o, struct arena *a)
{
	struct cbor_member members[LATER_OWN_MAX];
	struct request_primitive q;
	struct resource_kept kept = {
		.request = &q, .originator = o->originator, .now = o->now, .expires = o->expires, .own = members,
	};
	uint64_t row;
	err_t err;

	TRY(request_read(o->primitive, o->now, &q));
	later_own_uint(own, BYTES("@at"), (uint64_t)o->now);
	later_own_uint(own, BYTES("@du"), (uint64_t)o->due);
	later_own_bytes(own, BYTES("@ad"), BYTES_NONE); /* from nowhere: rules by address do not hold */
	later_own_raw(own, BYTES("@rq"), o->primitive);
	if (o->credential.n)
		later_own_text(own, BYTES("@cd"), o->credential);
	TRY(own->err);
	kept.own_n = later_own_members(own, members);
	TRY(resource_request_keep(room->resources, permit_for_system("request kept"), &kept, a, &row));
	err = later_add(&room->later, o->due, row, o->originator);
out:
	return err;
}
