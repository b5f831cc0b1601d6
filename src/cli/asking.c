/* asking.c: one administrative command from its line to its rows. */
#include "cli/asking.h"

int ask_node(struct cli *c, enum admin_command command, const struct wire_out *w, struct buf *rows)
{
	struct door d;
	err_t err;

	if (w->err != ERR_OK)
		return cli_fail(c, w->err, "an argument is too long");
	if (door_open(c, &d) != ERR_OK)
		return CLI_FAILED;
	err = door_command(&d, command, bytes_of_buf(w->buf), rows);
	door_close(&d);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

int number_argument(struct cli *c, uint64_t max, uint64_t *out)
{
	if (bytes_to_u64(bytes_str(c->argument[0]), max, out) == ERR_OK)
		return CLI_OK;
	return cli_usage(c, "\"%s\" is no number that could be meant", c->argument[0]);
}

int read_operations(struct cli *c, uint8_t *out)
{
	static const char letters[] = "CRUDNL";
	struct bytes text = bytes_str(c->option[CLI_OPERATIONS]);

	*out = 0;
	for (size_t i = 0; i < text.n; i++) {
		size_t at = bytes_find(bytes_str(letters), text.p[i]);

		if (at == sizeof(letters) - 1)
			return cli_usage(c, "--operations takes letters of CRUDNL");
		*out |= (uint8_t)(1u << at);
	}
	return CLI_OK;
}
