/* backup.c: the octets of backups. */
#include "wire/backup.h"

enum { FORM = 1, POINT = 65 };

err_t backup_print(const struct backup *b, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_fixed(&w, BYTES("HOLDFBAK"));
	wire_put_u16(&w, FORM);
	wire_put_fixed(&w, b->keeper);
	wire_put_bytes(&w, b->sp);
	wire_put_bytes(&w, b->cse);
	wire_put_bytes(&w, b->name);
	wire_put_fixed(&w, b->point);
	wire_put_u64(&w, b->at);
	wire_put_u64(&w, b->sequence);
	wire_put_fixed(&w, b->hash);
	wire_put_u64(&w, b->anchored_at);
	wire_put_u8(&w, (uint8_t)b->m);
	wire_put_u8(&w, (uint8_t)b->n);
	for (unsigned i = 0; i < b->n; i++) {
		wire_put_bytes(&w, b->custodians[i].name);
		wire_put_fixed(&w, b->custodians[i].point);
		wire_put_bytes(&w, b->custodians[i].sealed);
	}
	wire_put_bytes(&w, b->content_key);
	return w.err;
}

err_t backup_plan_get(struct wire_in *in, struct backup *b)
{
	err_t err;

	b->name = wire_get_bytes(in, KEEPER_NAME_MAX);
	b->m = wire_get_u8(in);
	b->n = wire_get_u8(in);
	TRY(b->m >= 1 && b->m <= b->n && b->n <= BACKUP_CUSTODIANS ? ERR_OK : ERR_RANGE);
	for (unsigned i = 0; i < b->n; i++) {
		b->custodians[i].name = wire_get_bytes(in, ADMINISTRATOR_NAME);
		b->custodians[i].point = wire_get_fixed(in, POINT);
		TRY(in->err);
		for (unsigned j = 0; j < i; j++)
			TRY(bytes_equal(b->custodians[i].point, b->custodians[j].point) ? ERR_DUPLICATE : ERR_OK);
	}
	err = wire_done(in);
out:
	return err;
}

static void get_custodians(struct wire_in *in, struct backup *out)
{
	out->m = wire_get_u8(in);
	out->n = wire_get_u8(in);
	if (out->n > BACKUP_CUSTODIANS || out->m == 0 || out->m > out->n)
		in->err = ERR_SYNTAX;
	for (unsigned i = 0; in->err == ERR_OK && i < out->n; i++) {
		out->custodians[i].name = wire_get_bytes(in, ADMINISTRATOR_NAME);
		out->custodians[i].point = wire_get_fixed(in, POINT);
		out->custodians[i].sealed = wire_get_bytes(in, BACKUP_SEALED_SHARE);
	}
}

err_t backup_parse(struct bytes file, struct backup *out)
{
	struct wire_in in = wire_in(file);
	struct bytes magic = wire_get_fixed(&in, 8);
	unsigned form = wire_get_u16(&in);

	*out = (struct backup){ .keeper = wire_get_fixed(&in, KEEPER_IDENTITY) };
	out->sp = wire_get_bytes(&in, 256);
	out->cse = wire_get_bytes(&in, 256);
	out->name = wire_get_bytes(&in, KEEPER_NAME_MAX);
	out->point = wire_get_fixed(&in, POINT);
	out->at = wire_get_u64(&in);
	out->sequence = wire_get_u64(&in);
	out->hash = wire_get_fixed(&in, 32);
	out->anchored_at = wire_get_u64(&in);
	get_custodians(&in, out);
	out->content_key = wire_get_bytes(&in, BACKUP_SEALED_KEY);
	out->keystore = in.rest;
	return in.err == ERR_OK && bytes_equal(magic, BYTES("HOLDFBAK")) && form == FORM ? ERR_OK
	                                                                               : ERR_SYNTAX;
}

err_t restore_request_print(const struct restore_request *r, struct buf *out)
{
	struct wire_out w = wire_out(out);

	wire_put_fixed(&w, BYTES("HOLDFREQ"));
	wire_put_u16(&w, FORM);
	wire_put_fixed(&w, r->keeper);
	wire_put_fixed(&w, r->point);
	wire_put_fixed(&w, r->audit);
	return w.err;
}

err_t restore_request_parse(struct bytes file, struct restore_request *out)
{
	struct wire_in in = wire_in(file);
	struct bytes magic = wire_get_fixed(&in, 8);
	unsigned form = wire_get_u16(&in);

	*out = (struct restore_request){ .keeper = wire_get_fixed(&in, KEEPER_IDENTITY) };
	out->point = wire_get_fixed(&in, POINT);
	out->audit = wire_get_fixed(&in, POINT);
	out->covered = bytes_sub(file, 0, file.n - in.rest.n);
	out->signature = wire_get_bytes(&in, ORDER_SIGNATURE_MAX);
	return wire_done(&in) == ERR_OK && bytes_equal(magic, BYTES("HOLDFREQ")) && form == FORM
	           ? ERR_OK : ERR_SYNTAX;
}
