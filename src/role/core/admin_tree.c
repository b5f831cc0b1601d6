/* admin_tree.c: subtrees out of the node and into it (resource/portable.h), where
 * store.portable lets them. An import comes in pieces that are kept until it is asked
 * for, by its digest; it is one transaction, with a record for each row. */
#include "resource/portable.h"
#include "role/core/core.h"

enum { PIECE = 60000, BASE = 1 };

static err_t refuse(struct admin *a, err_t err, const char *text)
{
	admin_say(a, text);
	return err;
}

static err_t permitted(struct admin *a)
{
	return options_flag(&a->core->worker->options, OPT_store_portable)
	               ? ERR_OK : refuse(a, ERR_REFUSED, "store.portable is not set in holdfast.conf");
}

/* A row of this CSE; whole, no virtual child. */
static err_t find(struct admin *a, struct bytes address, uint64_t *id)
{
	struct target target;
	err_t err;

	TRY(bytes_put_str(a->subject, sizeof(a->subject), bytes_sub(address, 0, sizeof(a->subject) - 1)));
	TRY(resource_resolve(a->core->room.resources, address, &target));
	if (target.place != TARGET_HERE || target.virtual_child)
		return refuse(a, ERR_MISSING, "there is no such resource here");
	*id = target.id;
out:
	return err;
}

err_t admin_tree_export(struct admin *a)
{
	struct bytes address = wire_get_bytes(&a->in, ADMIN_FIELD_MAX), rest;
	struct buf octets = buf_make(PORTABLE_MAX);
	uint64_t id;
	err_t err;

	TRY(wire_done(&a->in));
	TRY(permitted(a));
	TRY(find(a, address, &id));
	if (id == BASE)
		TRY(refuse(a, ERR_REFUSED, "the CSEBase is the node's: export what stands below it"));
	err = portable_export(a->core->room.resources, permit_for_system("an operator exports a subtree"), id, &octets);
	TRY(err == ERR_LIMIT ? refuse(a, err, "larger than 8 MiB or 32768 resources: export its parts") : err);
	for (rest = bytes_of_buf(&octets); rest.n; rest = bytes_sub(rest, PIECE, rest.n)) {
		struct row r = row_begin();

		row_bytes(&r, "o", bytes_sub(rest, 0, PIECE));
		TRY(admin_row_out(a, &r));
	}
out:
	buf_free(&octets);
	return err;
}

err_t admin_tree_piece(struct admin *a)
{
	struct buf *kept = &a->core->subtree;
	bool first = wire_get_u8(&a->in) != 0;
	struct bytes piece = wire_get_bytes(&a->in, PIECE);
	err_t err;

	TRY(wire_done(&a->in));
	TRY(permitted(a));
	if (first) {
		buf_free(kept);
		*kept = buf_make(PORTABLE_MAX);
	}
	err = buf_add(kept, piece);
	if (err != ERR_OK)
		buf_free(kept);
out:
	return err;
}

static err_t record_row(void *self, const struct store_row *row)
{
	struct admin *a = self;
	uint8_t digest[32];
	struct audit_record record = {
		.kind = AUDIT_CHANGE, .at = a->core->now, .operation = OPERATION_CREATE, .status = RSC_CREATED,
		.target = bytes_str(a->subject), .rule = BYTES("import"), .resource = row->id, .version = 1,
		.digest = BYTES_OF(digest),
	};

	store_digest(row->body, digest);
	return audit_append(a->core->room.audit, &record);
}

err_t admin_tree_import(struct admin *a)
{
	struct bytes address = wire_get_bytes(&a->in, ADMIN_FIELD_MAX), name = wire_get_bytes(&a->in, 128);
	struct bytes wanted = wire_get_fixed(&a->in, 32);
	struct portable_import in = { .name = name, .now = a->core->now, .made = record_row, .self = a };
	struct row r = row_begin();
	uint8_t digest[32];
	err_t err;

	TRY(wire_done(&a->in));
	TRY(permitted(a));
	TRY(find(a, address, &in.parent));
	store_digest(bytes_of_buf(&a->core->subtree), digest);
	if (!a->core->subtree.n || !bytes_equal(wanted, BYTES_OF(digest)))
		TRY(refuse(a, ERR_MISSING, "the subtree did not arrive whole"));
	err = portable_import(a->core->room.resources, permit_for_system("an operator imports a subtree"),
	                      bytes_of_buf(&a->core->subtree), &in);
	if (err != ERR_OK && in.what)
		admin_say(a, in.what);
	buf_free(&a->core->subtree);
	TRY(err);
	row_uint(&r, "resources", in.rows);
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}
