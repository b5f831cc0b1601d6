/* access.c: who may do what at the CSEBase itself. */
#include "cli/asking.h"

#include <stdio.h>

enum { TYPES_MAX = 16 };

static int read_types(struct cli *c, uint32_t types[TYPES_MAX], size_t *n)
{
	struct bytes text = bytes_str(c->option[CLI_TYPES]);

	*n = 0;
	while (text.n) {
		uint64_t type;

		if (*n == TYPES_MAX || bytes_to_u64(bytes_cut(&text, ','), UINT32_MAX, &type) != ERR_OK)
			return cli_usage(c, "--types are at most %d numbers with commas between", TYPES_MAX);
		types[(*n)++] = (uint32_t)type;
	}
	return CLI_OK;
}

int run_access_grant(struct cli *c)
{
	struct buf fields = buf_make(4096), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	uint32_t types[TYPES_MAX];
	uint8_t operations = 0;
	size_t n = 0;
	int code = read_operations(c, &operations);

	if (code == CLI_OK && operations == 0)
		code = cli_usage(c, "--operations are needed: what may it do?");
	if (code == CLI_OK)
		code = read_types(c, types, &n);
	if (code != CLI_OK)
		goto out;
	wire_put_bytes(&w, bytes_str(c->argument[0]));
	wire_put_u8(&w, operations);
	wire_put_u8(&w, (uint8_t)n);
	for (size_t i = 0; i < n; i++)
		wire_put_u32(&w, types[i]);
	code = ask_node(c, ADMIN_ACCESS_GRANT, &w, &rows);
	if (code == CLI_OK)
		printf(c->json ? "{\"granted\":true}\n" : "%s may do that at the CSEBase from now on\n",
		       c->argument[0]);
out:
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_access_list(struct cli *c)
{
	static const struct column columns[] = {
		{ "number", "RULE", COLUMN_PLAIN, NULL }, { "acor", "ORIGINATORS", COLUMN_PLAIN, NULL },
		{ "acop", "OPERATIONS", COLUMN_OPERATIONS, NULL }, { "acod", "OBJECTS", COLUMN_PLAIN, NULL },
	};

	return ask_rows(c, ADMIN_ACCESS_LIST, NULL, columns, COUNT_OF(columns),
	                "nobody has access to the CSEBase itself");
}

int run_access_withdraw(struct cli *c)
{
	return ask_take_back(c, ADMIN_ACCESS_WITHDRAW, BYTES_NONE, "withdrawn");
}
