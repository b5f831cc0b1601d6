/* asking.c: one administrative command from its line to its rows. */
#include "cli/asking.h"

#include <stdio.h>

int ask_node(struct cli *c, enum admin_command command, const struct wire_out *w, struct buf *rows)
{
	struct door d;
	err_t err;

	if (w && w->err != ERR_OK)
		return cli_fail(c, w->err, "an argument is too long");
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, command, w ? bytes_of_buf(w->buf) : BYTES_NONE, rows);
	door_close(&d);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int ask_rows(struct cli *c, enum admin_command command, const struct wire_out *w,
             const struct column *columns, size_t n, const char *none)
{
	struct buf rows = buf_make(DOOR_ROWS_MAX);
	int code = ask_node(c, command, w, &rows);

	if (code == CLI_OK && output_rows(c, bytes_of_buf(&rows), columns, n, none) != ERR_OK)
		code = CLI_FAILED;
	buf_free(&rows);
	return code;
}

int ask_take_back(struct cli *c, enum admin_command command, struct bytes more, const char *done)
{
	struct buf fields = buf_make(64), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	uint64_t number;
	int code = number_argument(c, UINT32_MAX, &number);

	if (code == CLI_OK) {
		wire_put_u32(&w, (uint32_t)number);
		wire_put_fixed(&w, more);
		code = ask_node(c, command, &w, &rows);
	}
	if (code == CLI_OK && c->json)
		printf("{\"%s\":%llu}\n", done, (unsigned long long)number);
	else if (code == CLI_OK)
		printf("rule %llu is taken back\n", (unsigned long long)number);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int number_argument(struct cli *c, uint64_t max, uint64_t *out)
{
	if (bytes_to_u64(bytes_str(c->argument[0]), max, out) == ERR_OK)
		return CLI_OK;
	return cli_usage(c, "\"%s\" is no number that could be meant", c->argument[0]);
}

int read_operations(struct cli *c, uint8_t *out)
{
	static const char letters[] = OPERATION_LETTERS;
	struct bytes text = bytes_str(c->option[CLI_OPERATIONS]);

	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		size_t at = bytes_find(bytes_str(letters), text.p[i]);

		if (at == sizeof(letters) - 1)
			return cli_usage(c, "--operations takes letters of " OPERATION_LETTERS);
		*out |= (uint8_t)(1u << at);
	}
	return CLI_OK;
}
