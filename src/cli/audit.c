/* audit.c: the audit log of a running node: listed, verified, exported. */
#include "cli/door.h"

#include "base/file.h"
#include "cli/export.h"
#include "cli/records.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PAGE = 5000, LIMIT_DEFAULT = 50, PATH_SIZE = 1024 };

/* One page from `from`, at most `limit`, renamed, into rows. *n: how many. */
static err_t fetch(struct door *d, uint64_t from, uint64_t limit, struct buf *rows, uint64_t *n)
{
	struct buf raw = buf_make(DOOR_ROWS_MAX);
	struct bytes rest;
	uint8_t fields[12];
	struct cbor row;
	err_t err;

	put_be64(fields, from);
	put_be32(fields + 8, (uint32_t)limit);
	*n = 0;
	TRY(door_command(d, ADMIN_AUDIT_LIST, BYTES_OF(fields), &raw));
	for (rest = bytes_of_buf(&raw); rest.n > 0; ++*n) {
		TRY(cbor_next(&rest, &row));
		TRY(record_outward(row.raw, rows));
	}
out:
	buf_free(&raw);
	return err;
}

static err_t number_of_last(struct door *d, uint64_t *out)
{
	struct buf rows = buf_make(65536);
	struct cbor v;
	bool found;
	err_t err;

	*out = 0;
	TRY(door_command(d, ADMIN_STATUS, BYTES_NONE, &rows));
	TRY(cbor_find(bytes_of_buf(&rows), BYTES("audit"), &v, &found));
	if (found && v.kind == CBOR_UINT)
		*out = v.u;
out:
	buf_free(&rows);
	return err;
}

static err_t list(struct door *d, uint64_t from, uint64_t limit, struct buf *rows)
{
	uint64_t last, n = 0;
	err_t err = ERR_OK;

	if (from == 0) {
		/* the last ones */
		TRY(number_of_last(d, &last));
		from = last >= limit ? last - limit + 1 : 1;
	}
	for (uint64_t page = 0; n == page || page == 0; from += n, limit -= n) {
		/* A page that is not full is the last; asking for more would list
		 * the records of our own asking. */
		page = limit < PAGE ? limit : PAGE;
		if (page == 0)
			break;
		TRY(fetch(d, from, page, rows, &n));
	}
out:
	return err;
}

int run_audit_list(struct cli *c)
{
	struct buf rows = buf_make(DOOR_ROWS_MAX);
	uint64_t from, limit;
	struct door d;
	err_t err;

	if (cli_number(c, CLI_LIMIT, UINT32_MAX, LIMIT_DEFAULT, &limit) != ERR_OK ||
	    cli_number(c, CLI_FIRST, UINT64_MAX, 0, &from) != ERR_OK)
		return CLI_USAGE;
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = list(&d, from, limit, &rows);
	door_close(&d);
	if (err == ERR_OK)
		err = output_rows(c, bytes_of_buf(&rows), record_columns, record_columns_n, "no records");
	buf_free(&rows);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

/* --- verify ------------------------------------------------------------------------ */

static void print_verdict(struct bytes row, bool good)
{
	uint64_t records = row_number(row, "records"), anchored = row_number(row, "anchored");
	struct column what = { "what", "", COLUMN_PLAIN, NULL };
	struct buf text = buf_make(1024);
	struct cbor v;
	bool found;

	printf("%llu records, each follows from the one before\n", (unsigned long long)records);
	if (anchored && row_number(row, "anchor_agrees"))
		printf("the keeper's anchor at record %llu agrees; %llu later ones are not anchored yet\n",
		       (unsigned long long)anchored, (unsigned long long)(records > anchored ? records - anchored : 0));
	if (!good && cbor_find(row, BYTES("what"), &v, &found) == ERR_OK && found &&
	    output_cell(&what, &v, &text) == ERR_OK)
		printf("BROKEN: %.*s\n", BYTES_FMT(bytes_of_buf(&text)));
	if (!good)
		printf("the audit log does NOT verify\n");
	buf_free(&text);
}

static int verify_node(struct cli *c)
{
	struct buf rows = buf_make(65536);
	char text[DOOR_TEXT_MAX];
	struct door d;
	bool good;
	err_t err;

	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_ask(&d, ADMIN_AUDIT_VERIFY, BYTES_NONE, &rows, text);
	door_close(&d);
	if (rows.n == 0) {
		buf_free(&rows);
		return cli_fail(c, err, "%s", text[0] ? text : err_text(err));
	}
	good = err == ERR_OK && row_number(bytes_of_buf(&rows), "first_bad") == 0 &&
	       row_number(bytes_of_buf(&rows), "anchor_agrees");
	if (c->json)
		err = output_value(c, bytes_of_buf(&rows));
	else
		print_verdict(bytes_of_buf(&rows), good);
	buf_free(&rows);
	return good && err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int run_audit_verify(struct cli *c)
{
	return c->arguments_n ? export_verify(c, c->argument[0]) : verify_node(c);
}

/* --- export ------------------------------------------------------------------------ */

static err_t write_lines(FILE *f, struct bytes rows)
{
	struct buf json = buf_make(1 << 20);
	struct cbor row;
	err_t err = ERR_OK;

	while (rows.n > 0) {
		TRY(cbor_next(&rows, &row));
		buf_clear(&json);
		TRY(cbor_to_json(row.raw, &json));
		TRY(buf_add_byte(&json, '\n'));
		if (fwrite(json.p, 1, json.n, f) != json.n)
			return ERR_IO;
	}
out:
	buf_free(&json);
	return err;
}

/* The first line says what it is and by which key the anchor is signed. */
static err_t write_first(FILE *f, const uint8_t key[65])
{
	char hex[2 * 65 + 1];

	bytes_to_hex(bytes_make(key, 65), hex, sizeof(hex));
	return fprintf(f, "{\"holdfast\":\"audit export\",\"version\":1,\"audit_key\":\"%s\"}\n", hex) > 0
	               ? ERR_OK : ERR_IO;
}

static err_t write_records(struct door *d, FILE *f, uint64_t last, uint64_t *written)
{
	struct buf rows = buf_make(DOOR_ROWS_MAX);
	uint64_t from = 1, n = 1;
	err_t err = ERR_OK;

	/* What is recorded meanwhile, this export included, belongs to the next one. */
	while (n > 0 && from <= last) {
		uint64_t left = last - from + 1;

		buf_clear(&rows);
		TRY(fetch(d, from, left < PAGE ? left : PAGE, &rows, &n));
		TRY(write_lines(f, bytes_of_buf(&rows)));
		from += n;
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%llu of %llu records", (unsigned long long)(from - 1), (unsigned long long)last);
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\n");
	*written = from - 1;
out:
	buf_free(&rows);
	return err;
}

/* {"anchor": row of ADMIN_ANCHOR} */
static err_t write_anchor(FILE *f, struct bytes row)
{
	struct buf json = buf_make(4096), plain = buf_make(4096);
	err_t err;

	TRY(output_plain(row, &plain));
	TRY(cbor_to_json(bytes_of_buf(&plain), &json));
	if (fprintf(f, "{\"anchor\":%.*s}\n", BYTES_FMT(bytes_of_buf(&json))) < 0)
		err = ERR_IO;
out:
	buf_free(&json);
	buf_free(&plain);
	return err;
}

static err_t export_all(struct door *d, FILE *f, uint64_t *written)
{
	struct buf anchor = buf_make(65536);
	uint8_t key[65];
	uint64_t last;
	err_t err;

	TRY(door_public_key(d, BYTES("audit"), key));
	/* The anchor first: it then lies within what is exported. */
	TRY(door_command(d, ADMIN_ANCHOR, BYTES_NONE, &anchor));
	TRY(number_of_last(d, &last));
	TRY(write_first(f, key));
	TRY(write_records(d, f, last, written));
	TRY(write_anchor(f, bytes_of_buf(&anchor)));
	if (fflush(f) != 0 || fsync(fileno(f)) != 0)
		err = ERR_IO;
	if (err == ERR_OK)
		export_pin(d->cli, key);
out:
	buf_free(&anchor);
	return err;
}

int run_audit_export(struct cli *c)
{
	const char *path = c->argument[0];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	uint64_t written = 0;
	struct door d;
	err_t err = ERR_IO;

	if (!f) {
		if (fd >= 0)
			close(fd);
		return cli_fail(c, ERR_EXISTS, "%s cannot be made anew (an export is never written over a file)", path);
	}
	if (door_open(c, &d) == ERR_OK) {
		err = export_all(&d, f, &written);
		if (err != ERR_OK)
			(void)cli_fail(c, err, "the audit log was not exported: %s", err_text(err));
		door_close(&d);
	}
	if (fclose(f) != 0)
		err = ERR_IO;
	if (err != ERR_OK) {
		(void)unlink(path);
		return CLI_FAILED;
	}
	if (c->json)
		printf("{\"records\":%llu}\n", (unsigned long long)written);
	else
		printf("%llu records exported to %s; check them anywhere: holdfast audit verify %s\n",
		       (unsigned long long)written, path, path);
	return CLI_OK;
}
