/* provider.c: where keys are kept: software, tokens, TPMs. */
#include "cli/provider.h"

#include <stdio.h>

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
	TRY(keeper_provider_row_read(bytes_of_buf(result), out));
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

enum { MEMBERS = 7 };

static err_t put_values(const struct keeper_provider_row *row, struct buf *values, size_t *at)
{
	struct bytes state = row->unfit ? BYTES("UNFIT") : row->present ? BYTES("present") : BYTES("ABSENT");
	struct bytes proof = row->proved ? row->certification : BYTES("nothing: counts as software");
	struct buf can = buf_make(256);
	err_t err;

	TRY(put_abilities(row->can, &can));
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
out:
	buf_free(&can);
	return err;
}

static err_t put_provider(const struct keeper_provider_row *row, struct buf *rows)
{
	static const char *const keys[MEMBERS] = { "name", "state", "level", "proof", "device", "can", "why" };
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
		{ "why", "WHY", COLUMN_PLAIN, NULL },
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
