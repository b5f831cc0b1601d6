/* revoke.c: a credential ends, and the keeper's receipt for it. */
#include "cli/door.h"
#include "cli/order.h"

#include "crypt/crypt.h"

#include <stdio.h>
#include <unistd.h>

enum { HASH = 32, POINT = 65, ORDERED_TRIES = ORDER_RECORD_MS / 100, ORDERED_US = 100000 };

static struct bytes octets(struct bytes row, const char *key)
{
	struct cbor v = { .u = 0 };
	bool found;

	return cbor_find(row, bytes_str(key), &v, &found) == ERR_OK && found && v.kind == CBOR_BYTES
	               ? v.s : BYTES_NONE;
}

/* The record follows from what was before it, and the keeper signed just that end of the
 * chain (as doc/protocol/audit.md has it). */
static err_t receipt_check(struct bytes row, const uint8_t key[POINT])
{
	struct bytes hash = octets(row, "hash");
	struct keeper_anchor anchor = { .sequence = row_number(row, "number"), .at = (int64_t)row_number(row, "at") };
	uint8_t wanted[HASH], message[ANCHOR_MESSAGE];
	err_t err;

	crypt_sha256_two(octets(row, "before"), octets(row, "record"), wanted);
	TRY(octets(row, "before").n == HASH && bytes_equal(hash, BYTES_OF(wanted)) ? ERR_OK : ERR_TAMPERED);
	bytes_copy(anchor.hash, wanted, sizeof(anchor.hash));
	keeper_anchor_message(&anchor, message);
	err = crypt_p256_verify(key, BYTES_OF(message), octets(row, "signature"));
out:
	return err;
}

static int print(const struct cli *c, struct bytes row, bool is_signed)
{
	static const struct column columns[] = {
		{ "credential", "revoked", COLUMN_PLAIN, NULL }, { "entity", "entity", COLUMN_PLAIN, NULL },
		{ "associations", "associations ended", COLUMN_PLAIN, NULL },
		{ "unconfirmed", "not confirmed by gates", COLUMN_PLAIN, NULL },
		{ "sessions", "sessions ended", COLUMN_PLAIN, NULL },
		{ "notifications", "notifications dropped", COLUMN_PLAIN, NULL },
		{ "receipt", "receipt", COLUMN_PLAIN, NULL }, { "number", "record", COLUMN_PLAIN, NULL },
	};

	if (output_record(c, row, columns, COUNT_OF(columns)) != ERR_OK)
		return CLI_FAILED;
	if (!c->json)
		printf("%s\n", is_signed ? "the receipt is signed by the keeper"
		                         : "the receipt is NOT signed: the audit log of this node is not anchored");
	return CLI_OK;
}

/* --- by order ------------------------------------------------------------------------------- */

/* Is it in the list, and as revoked? */
static err_t look(struct door *d, struct bytes id, bool *there, bool *revoked)
{
	struct buf rows = buf_make(DOOR_ROWS_MAX);
	struct bytes rest;
	struct cbor row, v;
	bool found;
	err_t err;

	*there = *revoked = false;
	TRY(door_command(d, ADMIN_CREDENTIAL_LIST, BYTES_NONE, &rows));
	rest = bytes_of_buf(&rows);
	while (rest.n && !*there) {
		TRY(cbor_next(&rest, &row));
		TRY(cbor_find(row.raw, BYTES("id"), &v, &found));
		*there = found && v.kind == CBOR_TEXT && bytes_equal(v.s, id);
		if (*there)
			TRY(cbor_find(row.raw, BYTES("revoked"), &v, revoked));
		*revoked = *there && *revoked && v.kind == CBOR_BOOL && v.u;
	}
out:
	buf_free(&rows);
	return err;
}

/* The keeper took the order; the node ends it right after that is on record. */
static int await(struct cli *c, struct bytes id)
{
	bool there = false, revoked = false;
	struct door d;
	err_t err = ERR_OK;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	for (unsigned i = 0; err == ERR_OK && !revoked && i < ORDERED_TRIES; i++) {
		err = look(&d, id, &there, &revoked);
		if (err == ERR_OK && !there)
			break;
		if (!revoked)
			usleep(ORDERED_US);
	}
	door_close(&d);
	if (err != ERR_OK || !revoked)
		return cli_fail(c, ERR_MISSING, "%s", there ? "it is ordered, and not revoked yet" : "there is no such credential: nothing was revoked");
	if (!c->json)
		printf("revoked; the receipt is in the audit log\n");
	return CLI_OK;
}

static int revoke_by_order(struct cli *c)
{
	struct bytes id = bytes_str(c->argument[0]);
	int code = order_give_name(c, ORDER_REVOKE, id);

	return code == CLI_OK && !c->option[CLI_ORDER] ? await(c, id) : code;
}

int run_revoke(struct cli *c)
{
	struct buf fields = buf_make(1024), rows = buf_make(65536);
	struct wire_out w = wire_out(&fields);
	uint8_t key[POINT];
	bool is_signed;
	struct door d;
	int code = CLI_FAILED;
	err_t err;

	if (c->administrators_n || c->option[CLI_ORDER])
		return revoke_by_order(c);
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	wire_put_bytes(&w, bytes_str(c->argument[0]));
	TRY(w.err);
	TRY(door_command(&d, ADMIN_REVOKE, bytes_of_buf(&fields), &rows));
	is_signed = octets(bytes_of_buf(&rows), "signature").n > 0;
	if (is_signed && (door_public_key(&d, BYTES("audit"), key) != ERR_OK ||
	                  receipt_check(bytes_of_buf(&rows), key) != ERR_OK))
		code = cli_fail(c, ERR_TAMPERED, "it is revoked, but the receipt does not verify");
	else
		code = print(c, bytes_of_buf(&rows), is_signed);
out:
	door_close(&d);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}
