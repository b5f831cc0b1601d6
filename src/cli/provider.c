/* provider.c: where keys are kept: software, tokens, TPMs. */
#include "cli/provider.h"

#include "cli/order.h"
#include "cli/token.h"

#include <stdio.h>

static err_t read_row(struct bytes fields, struct keeper_provider_row *out)
{
	struct wire_in in = wire_in(fields);
	unsigned present;

	*out = (struct keeper_provider_row){ .more = wire_get_u8(&in) != 0 };
	out->name = wire_get_bytes(&in, 16);
	present = wire_get_u8(&in);
	out->present = present != 0;
	out->unfit = present == 2;
	out->level = wire_get_u8(&in);
	out->proved = wire_get_u8(&in) != 0;
	out->certification = wire_get_bytes(&in, KEEPER_NAME_MAX);
	out->can = wire_get_u32(&in);
	out->device = wire_get_bytes(&in, KEEPER_NAME_MAX);
	out->why = wire_get_bytes(&in, 256);
	out->identity = wire_get_fixed(&in, 16);
	out->pcrs = wire_get_u32(&in);
	out->measured = wire_get_fixed(&in, 32);
	out->approved = wire_get_u8(&in) != 0;
	return wire_done(&in);
}

err_t provider_ask(struct door *d, uint32_t index, struct buf *result,
                   struct keeper_provider_row *out, bool *found)
{
	uint8_t field[4];
	err_t err;

	put_be32(field, index);
	*found = false;
	err = door_call(d, OP_PROVIDER_LIST, BYTES_OF(field), result);
	if (err == ERR_MISSING)
		return ERR_OK;
	TRY(err);
	TRY(read_row(bytes_of_buf(result), out));
	*found = true;
out:
	return err;
}

static err_t put_abilities(unsigned can, struct buf *out)
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
		{ TOKEN_CAN_P256, "p256" }, { TOKEN_CAN_ED25519, "ed25519" }, { TOKEN_CAN_AGREE, "ecdh" },
		{ TOKEN_CAN_HMAC, "hmac" }, { TOKEN_CAN_EXTRACT, "extract" }, { TOKEN_CAN_GCM, "aes-gcm" },
		{ TOKEN_CAN_PCR, "measured-state" }, { TOKEN_CAN_WRAP, "key-wrap" },
	};
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (can & names[i].bit)
			TRY(buf_printf(out, "%s%s", out->n ? " " : "", names[i].name));
	}
out:
	return err;
}

/* "16,23 HEX approved", or "" where nothing is measured. */
static err_t put_measured(const struct keeper_provider_row *row, struct buf *out)
{
	char state[65];
	err_t err = ERR_OK;

	if (!row->pcrs)
		return ERR_OK;
	for (unsigned i = 0; i < 24; i++) {
		if (row->pcrs & 1u << i)
			TRY(buf_printf(out, "%s%u", out->n ? "," : "", i));
	}
	bytes_to_hex(row->measured, state, sizeof(state));
	err = buf_printf(out, " %s %s", state, row->approved ? "approved" : "NOT approved");
out:
	return err;
}

enum { MEMBERS = 8 };

static err_t put_values(const struct keeper_provider_row *row, struct buf *values, size_t *at)
{
	struct bytes state = row->unfit ? BYTES("UNFIT") : row->present ? BYTES("present") : BYTES("ABSENT");
	struct bytes proof = row->proved ? row->certification : BYTES("nothing: counts as software");
	struct buf can = buf_make(256), measured = buf_make(256);
	err_t err;

	TRY(put_abilities(row->can, &can));
	TRY(put_measured(row, &measured));
	at[0] = values->n;
	TRY(cbor_put_text(values, row->name));
	at[1] = values->n;
	TRY(cbor_put_text(values, state));
	at[2] = values->n;
	TRY(cbor_put_uint(values, row->level));
	at[3] = values->n;
	TRY(cbor_put_text(values, bytes_equal(row->name, BYTES("software")) ? BYTES("-") : proof));
	at[4] = values->n;
	TRY(cbor_put_text(values, row->device));
	at[5] = values->n;
	TRY(cbor_put_text(values, bytes_of_buf(&can)));
	at[6] = values->n;
	TRY(cbor_put_text(values, row->why));
	at[7] = values->n;
	TRY(cbor_put_text(values, bytes_of_buf(&measured)));
out:
	buf_free(&can);
	buf_free(&measured);
	return err;
}

static err_t put_provider(const struct keeper_provider_row *row, struct buf *rows)
{
	static const char *const keys[MEMBERS] = { "name", "state", "level", "proof", "device", "can", "why", "measured" };
	struct cbor_member m[MEMBERS];
	struct buf values = buf_make(4096);
	size_t at[MEMBERS + 1];
	err_t err;

	TRY(put_values(row, &values, at));
	at[MEMBERS] = values.n;
	for (size_t i = 0; i < MEMBERS; i++)
		m[i] = (struct cbor_member){ .key = bytes_str(keys[i]),
			.value = bytes_sub(bytes_of_buf(&values), at[i], at[i + 1] - at[i]) };
	err = cbor_put_members(rows, m, MEMBERS);
out:
	buf_free(&values);
	return err;
}

int run_provider_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "name", "PROVIDER", COLUMN_PLAIN, NULL }, { "state", "STATE", COLUMN_PLAIN, NULL },
		{ "level", "LEVEL", COLUMN_PLAIN, NULL }, { "proof", "PROVED BY", COLUMN_PLAIN, NULL },
		{ "device", "DEVICE", COLUMN_PLAIN, NULL }, { "can", "ABILITIES", COLUMN_PLAIN, NULL },
		{ "why", "WHY", COLUMN_PLAIN, NULL }, { "measured", "MEASURED", COLUMN_PLAIN, NULL },
	};
	struct buf rows = buf_make(65536), result = buf_make(65536);
	char why[PROVIDER_WHY];
	struct keeper_provider_row row;
	bool found = true;
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	for (uint32_t i = 0; found; i++) {
		TRY(provider_ask(&d, i, &result, &row, &found));
		if (!found)
			break;
		provider_why(c, &d, &row, why, sizeof(why));
		row.why = bytes_str(why);
		TRY(put_provider(&row, &rows));
	}
	err = output_rows(c, bytes_of_buf(&rows), columns, COUNT_OF(columns), "no providers");
out:
	if (err != ERR_OK)
		(void)cli_fail(c, err, "the keeper does not list its providers: %s", err_text(err));
	door_close(&d);
	buf_free(&rows);
	buf_free(&result);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

/* --- measured states ------------------------------------------------------------------- */

/* The row of a token that measures. */
static err_t find_measured(struct door *d, const char *token, struct buf *result, struct keeper_provider_row *row)
{
	bool found = true;
	err_t err;

	for (uint32_t i = 0;; i++) {
		TRY(provider_ask(d, i, result, row, &found));
		if (!found)
			return ERR_MISSING;
		if (bytes_equal(row->name, bytes_str(token)))
			return row->present && row->pcrs ? ERR_OK : ERR_UNSUPPORTED;
	}
out:
	return err;
}

static err_t put_order(struct wire_out *w, const struct keeper_provider_row *row, bool approve, struct bytes state)
{
	char identity[33], hex[65], name[KEEPER_NAME_MAX + 1];

	bytes_to_hex(row->identity, identity, sizeof(identity));
	bytes_to_hex(state, hex, sizeof(hex));
	must(text_print(name, sizeof(name), "%.*s/%s/%s/%08x/%s", BYTES_FMT(row->name), approve ? "approve" : "withdraw",
	                identity, row->pcrs, hex));
	wire_put_bytes(w, bytes_str(name));
	return w->err;
}

static int approve_or_not(struct cli *c, bool approve)
{
	struct bytes hex = bytes_str(c->argument[1]);
	struct buf result = buf_make(65536), body = buf_make(256);
	struct wire_out w = wire_out(&body);
	struct keeper_provider_row row;
	uint8_t state[TOKEN_MEASURED];
	struct door d;
	int code;
	err_t err;

	if (!token_provider_number(c->argument[0]))
		return cli_usage(c, "token.1 to token.4");
	if (c->argument[1] && (hex.n != 2 * sizeof(state) || bytes_from_hex(hex, state, sizeof(state)) != ERR_OK))
		return cli_usage(c, "STATE is 64 hex digits: the SHA-256 over the values of the PCRs, in their order");
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	TRY(find_measured(&d, c->argument[0], &result, &row));
	err = put_order(&w, &row, approve, c->argument[1] ? BYTES_OF(state) : row.measured);
out:
	door_close(&d);
	if (err != ERR_OK)
		code = cli_fail(c, err, "%s is not a TPM that is here and measures (pcrs=): %s", c->argument[0],
		                err == ERR_MISSING ? "it is not configured" : err_text(err));
	else
		code = order_give(c, ORDER_STATE_APPROVE, &w);
	buf_free(&result);
	buf_free(&body);
	return code;
}

int run_provider_approve(struct cli *c)
{
	return approve_or_not(c, true);
}

int run_provider_disapprove(struct cli *c)
{
	return approve_or_not(c, false);
}
