/* admin_trust.c: the operator opens the MAF or the MEF of this node, and looks who is
 * registered there. Who may become a client is a rule of access at its base
 * (admin_access.c). */
#include "resource/trust.h"
#include "role/core/core.h"

enum { PAGE = 64 };

static err_t refuse(struct admin *a, err_t err, const char *text)
{
	admin_say(a, text);
	return err;
}

static err_t read_place(struct admin *a, enum trust_place *place)
{
	unsigned n = wire_get_u8(&a->in);
	err_t err;

	TRY(wire_done(&a->in));
	if (n != TRUST_MAF && n != TRUST_MEF)
		return ERR_SYNTAX;
	*place = (enum trust_place)n;
	TRY(bytes_put_str(a->subject, sizeof(a->subject), n == TRUST_MAF ? BYTES("MAF") : BYTES("MEF")));
out:
	return err;
}

err_t admin_trust_open(struct admin *a)
{
	enum trust_place place;
	err_t err;

	TRY(read_place(a, &place));
	err = trust_open(a->core->room.resources, permit_for_system("an operator opens MAF or MEF"), place,
	                 a->core->now);
	if (err == ERR_EXISTS)
		err = refuse(a, err, "it is open already");
out:
	return err;
}

static void put_text(struct row *r, const char *key, struct bytes body, const char *attribute)
{
	struct cbor v;
	bool found;

	if (cbor_find(body, bytes_str(attribute), &v, &found) == ERR_OK && found && v.kind == CBOR_TEXT)
		row_text(r, key, v.s);
}

static err_t put_registration(struct admin *a, const struct store_row *row)
{
	const struct resource_type *type = resource_row_type(row);
	struct buf id = buf_make(FACT_ID_MAX);
	struct row r = row_begin();
	struct bytes done;
	err_t err;

	TRY(resource_identifier(row, &id));
	row_text(&r, "id", bytes_of_buf(&id));
	row_text(&r, "type", bytes_str(type ? type->name : "?"));
	put_text(&r, "client", row->body, "cr");
	put_text(&r, "administrator", row->body, "adfq");
	row_uint(&r, "until", (uint64_t)row->expires);
	arena_reset(&a->core->room.scratch);
	TRY(trust_commands_done(a->core->room.resources, row->id, &a->core->room.scratch, &done));
	if (done.n)
		row_text(&r, "commands", done);
	err = admin_row_out(a, &r);
out:
	buf_free(&id);
	return err;
}

err_t admin_trust_list(struct admin *a)
{
	struct store *store = a->core->store;
	struct store_scan scan = { .limit = PAGE };
	const struct store_row *row;
	enum trust_place place;
	uint64_t ids[PAGE];
	size_t n;
	err_t err;

	TRY(read_place(a, &place));
	TRY(trust_base(a->core->room.resources, place, &scan.parent));
	if (!scan.parent)
		return refuse(a, ERR_MISSING, "it is not open on this node");
	do {
		TRY(store_children(store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++) {
			TRY(store_get(store, ids[i], &row));
			if (row)
				TRY(put_registration(a, row));
		}
		if (n)
			scan.after = ids[n - 1];
		store_trim(store);
	} while (n == PAGE);
out:
	return err;
}

/* --- configuration of clients ---------------------------------------------------------------- */

enum { TARGETS_MAX = 16 };

err_t admin_trust_configure(struct admin *a)
{
	struct trust_configuration c = { .place = (enum trust_place)wire_get_u8(&a->in), .now = a->core->now };
	struct bytes targets[TARGETS_MAX];
	err_t err;

	c.registration = wire_get_bytes(&a->in, FACT_ID_MAX);
	c.suid = wire_get_u8(&a->in);
	c.targets = targets;
	c.targets_n = wire_get_u8(&a->in);
	TRY(c.targets_n <= TARGETS_MAX ? ERR_OK : ERR_LIMIT);
	for (size_t i = 0; i < c.targets_n; i++)
		targets[i] = wire_get_bytes(&a->in, FACT_ID_MAX);
	TRY(wire_done(&a->in));
	if (bytes_is_printable(c.registration))
		TRY(bytes_put_str(a->subject, sizeof(a->subject), bytes_sub(c.registration, 0, sizeof(a->subject) - 1)));
	err = trust_configure(a->core->room.resources, permit_for_system("an operator configures clients of MAF or MEF"), &c);
	if (err == ERR_MISSING)
		err = refuse(a, err, "no client is registered so, or the function is not open");
	else if (err == ERR_RANGE)
		err = refuse(a, err, "a usage is 21 to 25 of a MEF, 32 to 35 of a MAF");
	else if (err == ERR_SYNTAX || err == ERR_LIMIT)
		err = refuse(a, ERR_SYNTAX, "a target is an AE or a CSE in full, or (21) the domain name of a MAF");
out:
	return err;
}

/* --- commands of the MEF ------------------------------------------------------------------ */

enum { CLASS_CERT_PROV = 1, CLASS_DEV_CFG, CLASS_MO_NODE, PROTOCOL_EST = 1, TEXT_MAX = 1024, COMMAND_MAX = 4096 };

/* The arguments of a class: their name, and the names of their texts in order. */
static const struct { const char *args, *texts[3]; } classes[] = {
	[CLASS_CERT_PROV] = { "cpca", { "uri" } },
	[CLASS_DEV_CFG] = { "dcca", { "dcu" } },
	[CLASS_MO_NODE] = { "nnca", { "opth", "otyp", "otsa" } },
};

static err_t put_map(struct buf *out, const char *key, struct bytes value)
{
	struct cbor_member m = { bytes_str(key), value };

	return cbor_put_members(out, &m, 1);
}

static err_t put_arguments(struct admin *a, unsigned class, struct buf *out)
{
	struct buf values[3] = { buf_make(TEXT_MAX), buf_make(TEXT_MAX), buf_make(TEXT_MAX) };
	struct cbor_member m[4];
	uint8_t est[1] = { PROTOCOL_EST };
	size_t n = 0;
	err_t err = ERR_OK;

	if (class == CLASS_CERT_PROV)
		m[n++] = (struct cbor_member){ BYTES("cppi"), BYTES_OF(est) };
	for (size_t i = 0; i < COUNT_OF(values) && classes[class].texts[i]; i++) {
		struct bytes text = wire_get_bytes(&a->in, TEXT_MAX - 8);

		if (text.n == 0 && i == 2)
			continue;
		if (text.n == 0 || !bytes_is_printable(text)) {
			err = refuse(a, ERR_SYNTAX, "its arguments are printable texts");
			goto out;
		}
		TRY(cbor_put_text(&values[i], text));
		m[n++] = (struct cbor_member){ bytes_str(classes[class].texts[i]), bytes_of_buf(&values[i]) };
	}
	TRY(wire_done(&a->in));
	TRY(cbor_put_members(out, m, n));
out:
	for (size_t i = 0; i < COUNT_OF(values); i++)
		buf_free(&values[i]);
	return err;
}

/* A cmdDescription [TS-0003 12.4.4]. */
static err_t put_description(struct admin *a, unsigned class, struct buf *out)
{
	struct buf arguments = buf_make(COMMAND_MAX), one = buf_make(COMMAND_MAX), id = buf_make(8);
	struct cbor_member m[2];
	err_t err;

	TRY(put_arguments(a, class, &arguments));
	TRY(put_map(&one, classes[class].args, bytes_of_buf(&arguments)));
	TRY(cbor_put_uint(&id, class));
	m[0] = (struct cbor_member){ BYTES("ccid"), bytes_of_buf(&id) };
	m[1] = (struct cbor_member){ BYTES("cma"), bytes_of_buf(&one) };
	TRY(cbor_put_members(out, m, COUNT_OF(m)));
out:
	buf_free(&arguments);
	buf_free(&one);
	buf_free(&id);
	return err;
}

err_t admin_trust_command(struct admin *a)
{
	struct buf description = buf_make(COMMAND_MAX);
	struct trust_command command = { .registration = wire_get_bytes(&a->in, FACT_ID_MAX), .now = a->core->now };
	unsigned class = wire_get_u8(&a->in);
	struct row r = row_begin();
	uint64_t number;
	err_t err;

	if (class < CLASS_CERT_PROV || class > CLASS_MO_NODE) {
		err = refuse(a, ERR_SYNTAX, "a command is a certificate (1), a configuration (2) or an object (3)");
		goto out;
	}
	TRY(put_description(a, class, &description));
	command.description = bytes_of_buf(&description);
	if (bytes_is_printable(command.registration))
		TRY(bytes_put_str(a->subject, sizeof(a->subject), bytes_sub(command.registration, 0, sizeof(a->subject) - 1)));
	err = trust_command(a->core->room.resources, permit_for_system("a command for a client of the MEF"),
	                    &command, &number);
	if (err == ERR_MISSING)
		err = refuse(a, err, "no client of the MEF is registered so");
	else if (err == ERR_FULL)
		err = refuse(a, err, "as many commands wait as may");
	TRY(err);
	row_uint(&r, "command", number);
	err = admin_row_out(a, &r);
	r.values = buf_make(1);
out:
	buf_free(&r.values);
	buf_free(&description);
	return err;
}
