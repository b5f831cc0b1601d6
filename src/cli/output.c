/* output.c: results and refusals, for people and for programs. Everything that
 * came from elsewhere passes here, so no control character reaches a terminal. */
#include "cli/cli.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

enum { CELL_MAX = 4096, CELL_TEXT = 1000, COLUMNS_MAX = 16, JSON_MAX = 256 << 20 };

/* Text as it stands, but for control characters and what is no UTF-8. */
static err_t put_safe(struct bytes text, struct buf *out)
{
	bool utf8 = bytes_is_utf8(text);
	err_t err = ERR_OK;

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		bool c1 = c == 0xc2 && i + 1 < text.n && text.p[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c1 || (!utf8 && c >= 0x80))
			TRY(buf_printf(out, "\\x%02x", c1 ? text.p[++i] : c));
		else
			TRY(buf_add_byte(out, c));
	}
out:
	return err;
}

/* --- refusals ------------------------------------------------------------------- */

static int vfail(const struct cli *c, const char *code, const char *fmt, va_list ap)
{
	struct buf safe = buf_make(32768), json = buf_make(65536);
	char line[4096];

	(void)text_vprint(line, sizeof(line), fmt, ap);
	if (put_safe(bytes_str(line), &safe) != ERR_OK || json_put_string(&json, bytes_of_buf(&safe)) != ERR_OK)
		json.n = 0;
	if (c->json && json.n)
		printf("{\"error\":{\"code\":\"%s\",\"text\":%.*s}}\n", code, BYTES_FMT(bytes_of_buf(&json)));
	else
		fprintf(stderr, "holdfast: %.*s\n", BYTES_FMT(bytes_of_buf(&safe)));
	buf_free(&safe);
	buf_free(&json);
	return CLI_FAILED;
}

int cli_fail(const struct cli *c, err_t err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfail(c, err_name(err), fmt, ap);
	va_end(ap);
	return CLI_FAILED;
}

int cli_usage(const struct cli *c, const char *fmt, ...)
{
	const char *object = c->command ? c->command->object : c->object ? c->object : "";
	const char *verb = c->command ? c->command->verb : "";
	va_list ap;

	va_start(ap, fmt);
	(void)vfail(c, "USAGE", fmt, ap);
	va_end(ap);
	if (!c->json)
		fprintf(stderr, "holdfast: see holdfast %s%s%s%s--help\n", object, object[0] ? " " : "", verb,
		        verb[0] ? " " : "");
	return CLI_USAGE;
}

bool text_contains(struct bytes b, struct bytes part)
{
	for (size_t i = 0; i + part.n <= b.n; i++) {
		if (bytes_equal(bytes_sub(b, i, part.n), part))
			return true;
	}
	return false;
}

const char *file_text(err_t err)
{
	return err == ERR_MISSING ? "no such file" : err == ERR_TYPE ? "it is no regular file"
	       : err == ERR_IO ? "it does not open for this user" : err_text(err);
}

void output_members(const char *const members[][2], size_t n)
{
	struct buf json = buf_make(65536);

	for (size_t i = 0; i < n; i++) {
		struct bytes text = bytes_str(members[i][1]);

		buf_clear(&json);
		if (json_put_string(&json, bytes_is_utf8(text) ? text : BYTES("(unprintable)")) == ERR_OK)
			printf("%s\"%s\":%.*s", i ? "," : "{", members[i][0], BYTES_FMT(bytes_of_buf(&json)));
	}
	printf("}");
	buf_free(&json);
}

uint64_t row_number(struct bytes row, const char *key)
{
	struct cbor v;
	bool found;

	if (cbor_find(row, bytes_str(key), &v, &found) != ERR_OK || !found)
		return 0;
	return v.kind == CBOR_UINT || v.kind == CBOR_BOOL ? v.u : 0;
}

/* --- values ----------------------------------------------------------------------- */

err_t output_plain(struct bytes item, struct buf *out)
{
	size_t start = out->n;
	err_t err = ERR_OK;

	/* Heads one after the other: a container's content stands behind its head. */
	while (item.n > 0) {
		struct bytes rest = item;
		struct cbor v;
		size_t head;

		TRY(cbor_next(&rest, &v));
		head = v.kind == CBOR_ARRAY || v.kind == CBOR_MAP ? v.raw.n - v.s.n : v.raw.n;
		if (v.kind == CBOR_BYTES) {
			struct buf hex = buf_make(2 * v.s.n + 1);

			err = buf_add_hex(&hex, v.s);
			if (err == ERR_OK)
				err = cbor_put_text(out, bytes_of_buf(&hex));
			buf_free(&hex);
			TRY(err);
		} else {
			TRY(buf_add(out, bytes_sub(item, 0, head)));
		}
		item = bytes_sub(item, head, item.n);
	}
out:
	if (err != ERR_OK)
		out->n = start;
	return err;
}

static err_t put_json(struct bytes item, bool pretty, struct buf *out)
{
	struct buf plain = buf_make(JSON_MAX);
	err_t err;

	TRY(output_plain(item, &plain));
	err = pretty ? cbor_to_json_pretty(bytes_of_buf(&plain), out)
	             : cbor_to_json(bytes_of_buf(&plain), out);
out:
	buf_free(&plain);
	return err;
}

static void print_bytes(struct bytes b)
{
	(void)fwrite(b.p, 1, b.n, stdout);
}

err_t output_value(const struct cli *c, struct bytes item)
{
	struct buf json = buf_make(JSON_MAX);
	err_t err;

	TRY(put_json(item, !c->json, &json));
	print_bytes(bytes_of_buf(&json));
	printf("\n");
out:
	buf_free(&json);
	return err;
}

/* --- cells -------------------------------------------------------------------------- */

static err_t put_time(uint64_t ms, struct buf *out)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];
	struct bytes s;

	if (ms == 0 || ms > INT64_C(253402300799000))
		return buf_add(out, BYTES("-"));
	clock_stamp((int64_t)ms, stamp);
	s = bytes_str(stamp);
	/* 20260131T120000 is for machines; both are UTC */
	return buf_printf(out, "%.4s-%.2s-%.2s %.2s:%.2s:%.2sZ", (const char *)s.p,
	                  (const char *)s.p + 4, (const char *)s.p + 6, (const char *)s.p + 9,
	                  (const char *)s.p + 11, (const char *)s.p + 13);
}

static err_t put_named(const struct column *column, uint64_t n, struct buf *out)
{
	for (uint64_t i = 0; column->names[i]; i++) {
		if (i == n)
			return buf_add(out, bytes_str(column->names[i]));
	}
	return buf_add_u64(out, n);
}

static err_t put_operations(uint64_t set, struct buf *out)
{
	static const char letters[] = OPERATION_LETTERS;
	err_t err = ERR_OK;

	if (set == 0)
		return buf_add(out, BYTES("any"));
	for (unsigned i = 0; letters[i]; i++) {
		if (set >> i & 1)
			TRY(buf_add_byte(out, (uint8_t)letters[i]));
	}
out:
	return err;
}

/* A cell is no place for what is longer. */
static err_t put_cut(struct bytes text, struct buf *out)
{
	err_t err;

	if (text.n <= CELL_TEXT)
		return put_safe(text, out);
	TRY(put_safe(bytes_sub(text, 0, CELL_TEXT), out));
	err = buf_add(out, BYTES("..."));
out:
	return err;
}

static err_t put_plain(const struct cbor *v, struct buf *out)
{
	struct buf json = buf_make(JSON_MAX);
	err_t err;

	if (v->kind == CBOR_TEXT)
		return put_cut(v->s, out);
	if (v->kind == CBOR_BYTES)
		err = buf_add_hex(&json, v->s);
	else
		err = put_json(v->raw, false, &json);
	if (err == ERR_OK)
		err = put_cut(bytes_of_buf(&json), out);
	buf_free(&json);
	return err;
}

err_t output_cell(const struct column *column, const struct cbor *v, struct buf *out)
{
	if (column->kind == COLUMN_TIME && v->kind == CBOR_UINT)
		return put_time(v->u, out);
	if (column->kind == COLUMN_NAMED && v->kind == CBOR_UINT)
		return put_named(column, v->u, out);
	if (column->kind == COLUMN_OPERATIONS && v->kind == CBOR_UINT)
		return put_operations(v->u, out);
	if (v->kind == CBOR_BOOL)
		return buf_add(out, v->u ? BYTES("yes") : BYTES("no"));
	return put_plain(v, out);
}

static err_t member_cell(struct bytes row, const struct column *column, struct buf *out)
{
	struct cbor v;
	bool found;
	err_t err;

	buf_clear(out);
	TRY(cbor_find(row, bytes_str(column->key), &v, &found));
	if (found)
		err = output_cell(column, &v, out);
out:
	return err;
}

/* Characters, not octets, so that columns stand straight. */
static size_t width_of(struct bytes text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++)
		n += (text.p[i] & 0xc0) != 0x80;
	return n;
}

/* --- tables ------------------------------------------------------------------------- */

static err_t measure(struct bytes rows, const struct column *columns, size_t n, size_t *widths)
{
	struct buf cell = buf_make(CELL_MAX);
	struct cbor row;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++)
		widths[i] = bytes_str(columns[i].title).n;
	while (rows.n > 0) {
		TRY(cbor_next(&rows, &row));
		for (size_t i = 0; i < n; i++) {
			size_t width;

			TRY(member_cell(row.raw, &columns[i], &cell));
			width = width_of(bytes_of_buf(&cell));
			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
out:
	buf_free(&cell);
	return err;
}

static void print_cell(struct bytes text, size_t width, bool last)
{
	print_bytes(text);
	if (last)
		printf("\n");
	else
		printf("%*s", (int)(width - width_of(text)) + 2, "");
}

static err_t print_table(struct bytes rows, const struct column *columns, size_t n)
{
	size_t widths[COLUMNS_MAX];
	struct buf cell = buf_make(CELL_MAX);
	struct cbor row;
	err_t err;

	must(n <= COLUMNS_MAX);
	TRY(measure(rows, columns, n, widths));
	for (size_t i = 0; i < n; i++)
		print_cell(bytes_str(columns[i].title), widths[i], i + 1 == n);
	while (rows.n > 0) {
		TRY(cbor_next(&rows, &row));
		for (size_t i = 0; i < n; i++) {
			TRY(member_cell(row.raw, &columns[i], &cell));
			print_cell(bytes_of_buf(&cell), widths[i], i + 1 == n);
		}
	}
out:
	buf_free(&cell);
	return err;
}

static err_t print_array(struct bytes rows)
{
	struct buf json = buf_make(JSON_MAX);
	bool first = true;
	struct cbor row;
	err_t err = ERR_OK;

	printf("[");
	for (; rows.n > 0; first = false) {
		TRY(cbor_next(&rows, &row));
		buf_clear(&json);
		TRY(put_json(row.raw, false, &json));
		printf("%s", first ? "\n" : ",\n");
		print_bytes(bytes_of_buf(&json));
	}
	printf("%s]\n", first ? "" : "\n");
out:
	buf_free(&json);
	return err;
}

err_t output_rows(const struct cli *c, struct bytes rows, const struct column *columns,
                  size_t columns_n, const char *none)
{
	err_t err;

	if (c->json)
		return print_array(rows);
	err = print_table(rows, columns, columns_n);
	if (err == ERR_OK && rows.n == 0)
		printf("%s\n", none);
	return err;
}

err_t output_record(const struct cli *c, struct bytes row, const struct column *columns,
                    size_t columns_n)
{
	struct buf cell = buf_make(CELL_MAX);
	err_t err = ERR_OK;

	if (c->json)
		return output_value(c, row);
	for (size_t i = 0; i < columns_n; i++) {
		TRY(member_cell(row, &columns[i], &cell));
		if (cell.n == 0)
			continue;
		printf("%-16s ", columns[i].title);
		print_bytes(bytes_of_buf(&cell));
		printf("\n");
	}
out:
	buf_free(&cell);
	return err;
}
