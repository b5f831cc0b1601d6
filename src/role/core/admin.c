/* admin.c: commands through the door [wire/admin.h]. Each is recorded with the
 * user who gave it, done or refused. A command that changes is one transaction
 * of its own; its answer leaves after the commit. */
#include "base/clock.h"
#include "base/log.h"
#include "role/core/core.h"
#include "wire/order.h"

enum { ROWS_MAX = 256 * 1024, ROW_MAX = 65000, USER_TEXT = 16 + ORDER_BY_MAX };

enum { ANY = 0, OPEN = 1 };

static const struct {
	err_t (*run)(struct admin *a);
	bool needs_node;
} commands[ADMIN_COUNT] = {
#define ADMIN(number, name, function, effect, when, text) [number] = { admin_##function, (when) == OPEN },
#include "wire/admin.def"
#undef ADMIN
};

/* --- rows ------------------------------------------------------------------------ */

struct row row_begin(void)
{
	return (struct row){ .values = buf_make(ROW_MAX) };
}

/* Bookkeeping around one value: its place in r->values. */
static bool value_begin(struct row *r, const char *key)
{
	must(r->n < COUNT_OF(r->m));
	r->m[r->n].key = key;
	r->m[r->n].at = r->values.n;
	return r->err == ERR_OK;
}

static void value_end(struct row *r)
{
	r->m[r->n].n = r->values.n - r->m[r->n].at;
	r->n++;
}

void row_text(struct row *r, const char *key, struct bytes utf8)
{
	if (!value_begin(r, key))
		return;
	r->err = cbor_put_text(&r->values, utf8);
	value_end(r);
}

void row_uint(struct row *r, const char *key, uint64_t v)
{
	if (!value_begin(r, key))
		return;
	r->err = cbor_put_uint(&r->values, v);
	value_end(r);
}

void row_bool(struct row *r, const char *key, bool v)
{
	if (!value_begin(r, key))
		return;
	r->err = cbor_put_bool(&r->values, v);
	value_end(r);
}

void row_bytes(struct row *r, const char *key, struct bytes octets)
{
	if (!value_begin(r, key))
		return;
	r->err = cbor_put_bytes(&r->values, octets);
	value_end(r);
}

void row_hex(struct row *r, const char *key, struct bytes octets)
{
	char text[2 * 128 + 1];

	must(octets.n <= 128);
	bytes_to_hex(octets, text, sizeof(text));
	row_text(r, key, bytes_str(text));
}

err_t admin_encoded_row_out(struct admin *a, struct bytes map)
{
	struct wire_out out = wire_out(&a->rows);

	if (!a->changes)
		return link_send(&a->door->link, MSG_ADMIN_ROW, a->ref, map);
	wire_put_bytes(&out, map);
	return out.err;
}

err_t admin_row_out(struct admin *a, struct row *r)
{
	struct cbor_member members[COUNT_OF(r->m)];
	struct buf map = buf_make(ROW_MAX);
	err_t err;

	TRY(r->err);
	for (size_t i = 0; i < r->n; i++) {
		members[i].key = bytes_str(r->m[i].key);
		members[i].value = bytes_sub(bytes_of_buf(&r->values), r->m[i].at, r->m[i].n);
	}
	TRY(cbor_put_members(&map, members, r->n));
	TRY(admin_encoded_row_out(a, bytes_of_buf(&map)));
out:
	buf_free(&r->values);
	buf_free(&map);
	return err;
}

void admin_say(struct admin *a, const char *text)
{
	must(bytes_put_str(a->text, sizeof(a->text),
	                   bytes_sub(bytes_str(text), 0, sizeof(a->text) - 1)) == ERR_OK);
}

/* --- the answer -------------------------------------------------------------------- */

static err_t send_rows(struct admin *a)
{
	struct wire_in in = wire_in(bytes_of_buf(&a->rows));
	err_t err = ERR_OK;

	while (in.rest.n) {
		struct bytes row = wire_get_bytes(&in, ROW_MAX);

		TRY(in.err);
		TRY(link_send(&a->door->link, MSG_ADMIN_ROW, a->ref, row));
	}
out:
	return err;
}

void admin_answer(struct admin *a, err_t result)
{
	struct buf body = buf_make(512);
	struct wire_out out = wire_out(&body);
	err_t err = ERR_OK;

	if (result == ERR_OK)
		TRY(send_rows(a));
	wire_put_u8(&out, (uint8_t)result);
	wire_put_bytes(&out, bytes_str(a->text[0] ? a->text : err_text(result)));
	TRY(out.err);
	TRY(link_send(&a->door->link, MSG_ADMIN_DONE, a->ref, bytes_of_buf(&body)));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "answer lost", "to=door why=%s", err_text(err));
	buf_free(&body);
}

/* --- one command -------------------------------------------------------------------- */

/* What succeeded is within the mark of the command, and undone with it. */
static err_t record(struct admin *a, const char *command, err_t result)
{
	struct audit_record record = {
		.kind = AUDIT_ADMIN, .at = a->core->now,
		.status = result == ERR_OK ? RSC_OK : RSC_BAD_REQUEST,
		.target = bytes_str(a->subject), .rule = bytes_str(command),
		.text = bytes_str(err_text(result)),
	};
	struct buf user = buf_make(USER_TEXT);
	err_t err;

	TRY(a->by.n ? buf_printf(&user, "ordered by %.*s", BYTES_FMT(a->by))
	            : buf_printf(&user, "user %u process %u", a->user, a->process));
	record.originator = bytes_of_buf(&user);
	err = batch_record_of(a->core, &record, result);
out:
	buf_free(&user);
	return err;
}

/* Run inside the transaction, with its record or not at all; what failed leaves nothing
 * but that. */
static err_t run_marked(struct admin *a, const struct admin_row *row, err_t (*run)(struct admin *a))
{
	struct core *c = a->core;
	err_t err;

	TRY(batch_mark(c));
	err = run(a);
	if (err == ERR_OK)
		err = record(a, row->name, ERR_OK);
	batch_unmark(c, err);
	if (err != ERR_OK && a->changes)
		node_reload_registers(c);
out:
	return err;
}

/* A key without its credential is good for nothing, and the reverse is refused. */
static void settle_keys(struct admin *a, err_t result)
{
	const char *name = result == ERR_OK ? a->destroy : a->imported;
	err_t err;

	if (!name[0])
		return;
	err = keeper_destroy(&a->core->keeper, bytes_str(name));
	if (a->revocation && (err == ERR_OK || err == ERR_MISSING))
		a->revocation->key = clock_now();
	if (err == ERR_OK || err == ERR_MISSING)
		return;
	log_event(LOG_ERROR, "key not destroyed", "name=%s why=%s", name, err_text(err));
	if (result == ERR_OK)
		admin_say(a, "done, but the key could not be destroyed in the key store");
}

static err_t serve(struct admin *a, const struct admin_row *row,
                   err_t (*run)(struct admin *a))
{
	struct core *c = a->core;
	err_t err;

	if (!c->open)
		return run(a);
	err = run_marked(a, row, run);
	if (err != ERR_OK)
		(void)!record(a, row->name, err); /* refused it is in any case; that it is not on record, the log says */
	/* Whatever was refused is durable too before the refusal is told. */
	if (c->inside) {
		err_t committed = batch_commit(c);

		/* On a full disk nothing changes, but an administrator can look why. */
		if (committed == ERR_FULL && !a->changes)
			log_event(LOG_WARN, "not recorded", "command=%s user=%u why=%s", row->name,
			          a->user, err_text(committed));
		else if (err == ERR_OK)
			err = committed;
	}
	if (a->revocation) {
		a->revocation->used = err == ERR_OK;
		a->revocation->recorded = clock_now();
	}
	settle_keys(a, err);
	if (err != ERR_OK && a->approved)
		registry_approve_undo(c->room.registry, a->approved, c->now);
	if (err == ERR_OK && a->trusted.n)
		admin_tell_trusted(c, a->trusted);
	if (a->changes)
		association_sweep(c);
	return err;
}

/* Why the command is not run at all. */
static err_t barred(struct admin *a, const struct admin_row *row, bool needs_node)
{
	const struct core *c = a->core;

	if (!c->open && needs_node) {
		admin_say(a, c->locked ? "the key store is locked" : "the node is not open");
		return ERR_LOCKED;
	}
	if (c->rollback && row->changes) {
		admin_say(a, "the store is older than its anchor: changes are refused");
		return ERR_ROLLBACK;
	}
	return ERR_OK;
}

static err_t carry_out(struct admin *a, unsigned command)
{
	const struct admin_row *row = a->in.err == ERR_OK ? admin_row(command) : NULL;
	err_t err = ERR_UNSUPPORTED;

	/* What others wait for is finished first. */
	batch_finish(a->core);
	if (row) {
		a->changes = row->changes;
		err = barred(a, row, commands[command].needs_node);
		if (err == ERR_OK)
			err = serve(a, row, commands[command].run);
	}
	return err;
}

err_t admin_ordered(struct core *c, enum admin_command command, struct bytes fields, struct bytes by)
{
	struct admin a = { .core = c, .by = by, .in = wire_in(fields), .rows = buf_make(ROWS_MAX) };
	err_t err = carry_out(&a, command);

	if (err == ERR_OK && a.revocation)
		revoke_wait(&a);
	buf_free(&a.rows);
	return err;
}

void admin_serve(struct core *c, struct neighbour *door, const struct message *m)
{
	struct admin a = { .core = c, .door = door, .ref = m->ref, .in = wire_in(m->body),
		           .rows = buf_make(ROWS_MAX) };
	unsigned command;
	err_t err;

	a.user = wire_get_u32(&a.in);
	a.process = wire_get_u32(&a.in);
	command = wire_get_u16(&a.in);
	err = carry_out(&a, command);
	if (err == ERR_OK && a.revocation)
		revoke_wait(&a);
	else
		admin_answer(&a, err);
	buf_free(&a.rows);
}
