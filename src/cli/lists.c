/* lists.c: what the node tells about itself. */
#include "cli/asking.h"

#include <stdio.h>

int run_credential_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "id", "CREDENTIAL", COLUMN_PLAIN, NULL }, { "name", "NAME", COLUMN_PLAIN, NULL },
		{ "kind", "KIND", COLUMN_PLAIN, NULL }, { "by", "BY", COLUMN_PLAIN, NULL },
		{ "entity", "ENTITY", COLUMN_PLAIN, NULL }, { "app_id", "APP-ID", COLUMN_PLAIN, NULL },
		{ "until", "UNTIL", COLUMN_TIME, NULL }, { "replay", "REPLAY", COLUMN_PLAIN, NULL },
		{ "revoked", "REVOKED", COLUMN_YES, NULL },
	};

	return ask_rows(c, ADMIN_CREDENTIAL_LIST, NULL, columns, COUNT_OF(columns), "nobody is enrolled");
}

int run_association_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "number", "NUMBER", COLUMN_PLAIN, NULL }, { "credential", "CREDENTIAL", COLUMN_PLAIN, NULL },
		{ "entity", "ENTITY", COLUMN_PLAIN, NULL }, { "assurance", "LEVEL", COLUMN_PLAIN, NULL },
		{ "address", "FROM", COLUMN_PLAIN, NULL }, { "port", "PORT", COLUMN_PLAIN, NULL },
		{ "gate", "GATE", COLUMN_PLAIN, NULL }, { "opened", "SINCE", COLUMN_TIME, NULL },
		{ "until", "UNTIL", COLUMN_TIME, NULL }, { "requests", "REQUESTS", COLUMN_PLAIN, NULL },
	};

	return ask_rows(c, ADMIN_ASSOCIATION_LIST, NULL, columns, COUNT_OF(columns), "nobody is connected");
}

int run_store_verify(struct cli *c)
{
	static const struct column columns[] = {
		{ "rows", "rows", COLUMN_PLAIN, NULL }, { "first_bad", "first bad row", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(65536);
	struct cbor bad = { .u = 0 };
	bool found = false;
	struct door d;
	int code = CLI_FAILED;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	if (door_command(&d, ADMIN_STORE_VERIFY, BYTES_NONE, &rows) == ERR_OK &&
	    output_record(c, bytes_of_buf(&rows), columns, COUNT_OF(columns)) == ERR_OK &&
	    cbor_find(bytes_of_buf(&rows), BYTES("first_bad"), &bad, &found) == ERR_OK &&
	    found && bad.u == 0)
		code = CLI_OK;
	if (!c->json && found)
		printf("%s\n", code == CLI_OK ? "every row opens and is what the audit log says"
		                              : "the store was ALTERED");
	door_close(&d);
	buf_free(&rows);
	return code;
}

static int store_ask(struct cli *c, enum admin_command command)
{
	static const struct column columns[] = {
		{ "rows", "rows", COLUMN_PLAIN, NULL }, { "keys", "data keys", COLUMN_PLAIN, NULL },
		{ "rotation", "rotation", COLUMN_PLAIN, NULL }, { "resealed", "sealed anew", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(65536);
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, command, BYTES_NONE, &rows);
	if (err == ERR_OK && command == ADMIN_STORE_ROTATE)
		err = door_command(&d, ADMIN_STORE_STATUS, BYTES_NONE, &rows);
	door_close(&d);
	if (err == ERR_OK)
		err = output_record(c, bytes_of_buf(&rows), columns, COUNT_OF(columns));
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_store_rotate(struct cli *c)
{
	return store_ask(c, ADMIN_STORE_ROTATE);
}

int run_store_rewrap(struct cli *c)
{
	static const struct column columns[] = { { "rewrapped", "data keys sealed anew", COLUMN_PLAIN, NULL } };
	struct buf rows = buf_make(65536);
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, ADMIN_STORE_REWRAP, BYTES_NONE, &rows);
	door_close(&d);
	if (err == ERR_OK)
		err = output_record(c, bytes_of_buf(&rows), columns, COUNT_OF(columns));
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_store_status(struct cli *c)
{
	return store_ask(c, ADMIN_STORE_STATUS);
}

/* --- keys ------------------------------------------------------------------------- */

/* "gate core: handshake, derive; usage 22 only": which processes, and for what. */
static err_t put_policy(const struct keeper_key_row *row, struct buf *values)
{
	static const struct {
		uint32_t use;
		const char *name;
	} uses[] = {
		{ 1 << SIGN_TLS13_SERVER | 1 << SIGN_TLS13_CLIENT | 1 << SIGN_TLS12_SERVER, "sign handshakes" },
		{ 1 << SIGN_STATEMENT, "sign statements" }, { 1 << SIGN_PROGRAM, "sign" },
		{ 1 << SIGN_PROGRAM_DIGEST, "sign digests" }, { 1 << AGREE_PROGRAM, "agree" },
		{ 1 << SEAL_PROGRAM, "seal" }, { 1 << WRAP_PROGRAM, "wrap" },
		{ USE_HANDSHAKE, "handshake" }, { USE_DERIVE, "derive" }, { USE_OPEN, "open" },
		{ USE_NODE, "seal the store" }, { USE_CERTIFY, "certify" }, { USE_ANCHOR, "anchor" },
	};
	struct buf text = buf_make(512);
	const char *between = "";
	err_t err;

	for (unsigned role = 0; role < ROLE_COUNT; role++) {
		if (row->policy & 1u << role)
			TRY(buf_printf(&text, "%s ", role_name((enum role)role)));
	}
	if (row->owner != KEY_NO_OWNER)
		TRY(buf_printf(&text, "user %u ", row->owner));
	if (text.n)
		text.p[text.n - 1] = ':';
	for (size_t i = 0; i < COUNT_OF(uses); i++) {
		if (row->purposes & uses[i].use) {
			TRY(buf_printf(&text, "%s %s", between, uses[i].name));
			between = ",";
		}
	}
	if (row->suid)
		TRY(buf_printf(&text, "; usage %u only", row->suid));
	if (row->uses_max)
		TRY(buf_printf(&text, "; %llu uses at most", (unsigned long long)row->uses_max));
	if (row->assurance)
		TRY(buf_printf(&text, "; level %u at least", row->assurance));
	err = cbor_put_text(values, bytes_trim(bytes_of_buf(&text)));
out:
	buf_free(&text);
	return err;
}

static err_t put_members(const struct keeper_key_row *row, struct buf *values, struct cbor_member *m,
                         size_t *at)
{
	static const char *const states[] = { "active", "deprecated", "old", "withdrawn", "lost" };
	static const char *const classes[] = { "", "P-256", "Ed25519", "symmetric 128", "symmetric 256" };
	const char *class = row->class < COUNT_OF(classes) ? classes[row->class] : "unknown";
	bool symmetric = row->class == KEY_SYMMETRIC_16 || row->class == KEY_SYMMETRIC_32;
	char provider[16];
	err_t err;

	m[0].key = BYTES("name"); at[0] = values->n;
	TRY(cbor_put_text(values, row->name));
	m[1].key = BYTES("class"); at[1] = values->n;
	TRY(cbor_put_text(values, bytes_str(class)));
	m[2].key = BYTES("version"); at[2] = values->n;
	TRY(cbor_put_uint(values, row->version));
	m[3].key = BYTES("uses"); at[3] = values->n;
	TRY(cbor_put_uint(values, row->uses));
	m[4].key = BYTES("until"); at[4] = values->n;
	TRY(cbor_put_int(values, row->not_after));
	m[5].key = BYTES("check"); at[5] = values->n;
	TRY(cbor_put_bytes(values, symmetric ? BYTES_OF(row->check) : BYTES_NONE));
	m[6].key = BYTES("public"); at[6] = values->n;
	TRY(cbor_put_bytes(values, row->public_key));
	m[7].key = BYTES("provider"); at[7] = values->n;
	(void)text_print(provider, sizeof(provider), "token.%u", row->place);
	TRY(cbor_put_text(values, row->place ? bytes_str(provider) : BYTES("software")));
	m[8].key = BYTES("state"); at[8] = values->n;
	TRY(cbor_put_text(values, bytes_str(row->state < COUNT_OF(states) ? states[row->state] : "unknown")));
	m[9].key = BYTES("policy"); at[9] = values->n;
	TRY(put_policy(row, values));
	m[10].key = BYTES("level"); at[10] = values->n;
	TRY(cbor_put_uint(values, row->level));
out:
	return err;
}

enum { KEY_MEMBERS = 11 };

static err_t put_key(const struct keeper_key_row *row, struct buf *rows)
{
	struct cbor_member m[KEY_MEMBERS];
	struct buf values = buf_make(4096);
	size_t at[KEY_MEMBERS];
	err_t err;

	TRY(put_members(row, &values, m, at));
	for (size_t i = 0; i < KEY_MEMBERS; i++) {
		size_t end = i + 1 < KEY_MEMBERS ? at[i + 1] : values.n;

		m[i].value = bytes_sub(bytes_of_buf(&values), at[i], end - at[i]);
	}
	err = cbor_put_members(rows, m, KEY_MEMBERS);
out:
	buf_free(&values);
	return err;
}

int run_key_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "name", "NAME", COLUMN_PLAIN, NULL }, { "class", "CLASS", COLUMN_PLAIN, NULL },
		{ "version", "VERSION", COLUMN_PLAIN, NULL }, { "state", "STATE", COLUMN_PLAIN, NULL }, { "uses", "USES", COLUMN_PLAIN, NULL },
		{ "until", "UNTIL", COLUMN_TIME, NULL }, { "provider", "PROVIDER", COLUMN_PLAIN, NULL },
		{ "level", "LEVEL", COLUMN_PLAIN, NULL },
		{ "check", "CHECK", COLUMN_PLAIN, NULL }, { "policy", "POLICY", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(64 << 20), result = buf_make(65536);
	struct keeper_key_row row;
	bool found = true;
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	for (uint32_t i = 0; found; i++) {
		TRY(door_key(&d, i, &result, &row, &found));
		if (found)
			TRY(put_key(&row, &rows));
	}
	err = output_rows(c, bytes_of_buf(&rows), columns, COUNT_OF(columns), "no keys");
out:
	if (err != ERR_OK)
		(void)cli_fail(c, err, "the keeper does not list its keys: %s", err_text(err));
	door_close(&d);
	buf_free(&rows);
	buf_free(&result);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_key_export(struct cli *c)
{
	struct buf fields = buf_make(1024), result = buf_make(65536);
	struct wire_out w = wire_out(&fields);
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	wire_put_bytes(&w, bytes_str(c->argument[0]));
	err = w.err == ERR_OK ? door_call(&d, OP_EXPORT, bytes_of_buf(&fields), &result) : w.err;
	door_close(&d);
	buf_free(&fields);
	buf_free(&result);
	/* There is no way to export: an answer would be a fault of the keeper. */
	if (err == ERR_OK)
		return cli_fail(c, ERR_BAD_STATE, "the keeper answered an export; this must not happen");
	return cli_fail(c, err, "export of \"%s\" was refused by the keeper: nobody may ask for a "
	                "secret in clear, and the attempt is on record", c->argument[0]);
}
