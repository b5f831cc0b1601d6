/* compare.c: receipts that a keeper signs of its history, and two copies told by them. */
#include "cli/door.h"

#include "base/file.h"

#include <stdio.h>

enum { RECEIPT_MAX = 4096, POINT = 65, SIGNATURE_MAX = 80, HASH = 32 };

/* {"holdfast":"receipt","key":"04..","sequence":..,"hash":"..","at":..,"signature":".."} */
int run_keeper_receipt(struct cli *c)
{
	struct buf anchor = buf_make(65536), json = buf_make(RECEIPT_MAX), file = buf_make(RECEIPT_MAX);
	struct buf plain = buf_make(RECEIPT_MAX);
	char hex[2 * POINT + 1];
	uint8_t key[POINT];
	struct door d;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	TRY(door_public_key(&d, BYTES("audit"), key));
	TRY(door_command(&d, ADMIN_ANCHOR, BYTES_NONE, &anchor));
	TRY(row_number(bytes_of_buf(&anchor), "sequence") ? ERR_OK : ERR_MISSING);
	bytes_to_hex(BYTES_OF(key), hex, sizeof(hex));
	TRY(output_plain(bytes_of_buf(&anchor), &plain));
	TRY(cbor_to_json(bytes_of_buf(&plain), &json));
	TRY(buf_printf(&file, "{\"holdfast\":\"receipt\",\"key\":\"%s\",%.*s\n", hex,
	               BYTES_FMT(bytes_sub(bytes_of_buf(&json), 1, json.n))));
	err = file_write_new(c->argument[0], bytes_of_buf(&file), 0644);
out:
	door_close(&d);
	buf_free(&anchor);
	buf_free(&plain);
	buf_free(&json);
	buf_free(&file);
	if (err != ERR_OK)
		return cli_fail(c, err, "no receipt was written: %s", err == ERR_MISSING ? "nothing is anchored yet" : err_text(err));
	if (!c->json)
		printf("%s: what this keeper signed of its history; compare it on any node that may have a copy: "
		       "holdfast keeper compare %s\n", c->argument[0], c->argument[0]);
	return CLI_OK;
}

static err_t hex_member(struct bytes map, const char *name, uint8_t *out, size_t n)
{
	struct bytes text;
	err_t err;

	TRY(cbor_find_text(map, name, &text));
	TRY(text.n == 2 * n ? ERR_OK : ERR_SYNTAX);
	err = bytes_from_hex(text, out, n);
out:
	return err;
}

/* The fields of ADMIN_COMPARE. ERR_SYNTAX: no receipt. */
static err_t read_receipt(const char *path, struct wire_out *w)
{
	struct codec_limits limits = codec_default_limits;
	struct buf file = buf_make(RECEIPT_MAX), cbor = buf_make(RECEIPT_MAX);
	uint8_t key[POINT], hash[HASH], signature[SIGNATURE_MAX];
	struct bytes map, kind, text;
	err_t err;

	TRY(file_read(path, RECEIPT_MAX, &file));
	TRY(json_to_cbor(bytes_of_buf(&file), &limits, &cbor) == ERR_OK ? ERR_OK : ERR_SYNTAX);
	map = bytes_of_buf(&cbor);
	TRY(cbor_find_text(map, "holdfast", &kind));
	TRY(bytes_equal(kind, BYTES("receipt")) ? ERR_OK : ERR_SYNTAX);
	TRY(hex_member(map, "key", key, sizeof(key)));
	TRY(hex_member(map, "hash", hash, sizeof(hash)));
	TRY(cbor_find_text(map, "signature", &text));
	TRY(text.n <= 2 * sizeof(signature) && text.n % 2 == 0 ? ERR_OK : ERR_SYNTAX);
	TRY(bytes_from_hex(text, signature, text.n / 2));
	wire_put_fixed(w, BYTES_OF(key));
	wire_put_u64(w, row_number(map, "sequence"));
	wire_put_fixed(w, BYTES_OF(hash));
	wire_put_u64(w, row_number(map, "at"));
	wire_put_bytes(w, bytes_make(signature, text.n / 2));
	err = w->err;
out:
	buf_free(&file);
	buf_free(&cbor);
	return err;
}

int run_keeper_compare(struct cli *c)
{
	struct buf fields = buf_make(RECEIPT_MAX), rows = buf_make(65536);
	struct wire_out w = wire_out(&fields);
	char text[DOOR_TEXT_MAX] = "";
	struct bytes row;
	struct door d;
	bool one;
	err_t err;

	err = read_receipt(c->argument[0], &w);
	if (err != ERR_OK) {
		buf_free(&fields);
		return cli_fail(c, err, "%s is no receipt (holdfast keeper receipt): %s", c->argument[0], file_text(err));
	}
	if (door_open(c, &d) != ERR_OK) {
		buf_free(&fields);
		return CLI_FAILED;
	}
	err = door_ask(&d, ADMIN_COMPARE, bytes_of_buf(&fields), &rows, text);
	row = bytes_of_buf(&rows);
	one = err == ERR_OK && row_number(row, "one_history");
	if (err != ERR_OK)
		(void)cli_fail(c, err, "not compared: %s", text[0] ? text : err_text(err));
	else if (!one)
		(void)cli_fail(c, ERR_DUPLICATE, "ALARM: two keepers use copies of one key store: record %llu, which the receipt is of, is not "
		               "in this node's history (%llu records). Find the copy and stop it; see holdfast doctor: copies",
		               (unsigned long long)row_number(row, "record"), (unsigned long long)row_number(row, "records_here"));
	else if (c->json)
		printf("{\"one_history\":true,\"record\":%llu}\n", (unsigned long long)row_number(row, "record"));
	else
		printf("one history: record %llu is the same here\n", (unsigned long long)row_number(row, "record"));
	door_close(&d);
	buf_free(&fields);
	buf_free(&rows);
	return one ? CLI_OK : CLI_FAILED;
}
