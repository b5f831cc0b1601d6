/* assurance.c: levels of assurance: the rules that ask for one, and what a live
 * association is worth. */
#include "cli/asking.h"

#include <stdio.h>

enum { MINUTES_DEFAULT = 15, MINUTES_MAX = 24 * 60, SECONDS = 60 };

int run_assurance_require(struct cli *c)
{
	struct buf fields = buf_make(4096), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	uint64_t level, type;
	uint8_t operations;
	int code = number_argument(c, UINT8_MAX, &level);

	if (code == CLI_OK)
		code = read_operations(c, &operations);
	if (code == CLI_OK && cli_number(c, CLI_TY, UINT32_MAX, 0, &type) != ERR_OK)
		code = CLI_USAGE;
	if (code != CLI_OK)
		goto out;
	wire_put_u8(&w, (uint8_t)level);
	wire_put_u8(&w, operations);
	wire_put_u32(&w, (uint32_t)type);
	wire_put_bytes(&w, bytes_str(c->argument[1]));
	wire_put_bytes(&w, bytes_str(c->option[CLI_OUTSIDE]));
	wire_put_bytes(&w, bytes_str(c->option[CLI_DURING]));
	code = ask_node(c, ADMIN_ASSURANCE_REQUIRE, &w, &rows);
	if (code == CLI_OK && c->json)
		code = output_value(c, bytes_of_buf(&rows)) == ERR_OK ? CLI_OK : CLI_FAILED;
	else if (code == CLI_OK)
		printf("rule %llu: %s needs level %llu from now on\n",
		       (unsigned long long)row_number(bytes_of_buf(&rows), "number"), c->argument[1],
		       (unsigned long long)level);
out:
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_assurance_list(struct cli *c)
{
	static const char *const types[] = { "any", NULL };
	static const struct column columns[] = {
		{ "number", "RULE", COLUMN_PLAIN, NULL }, { "level", "LEVEL", COLUMN_PLAIN, NULL },
		{ "address", "ADDRESS", COLUMN_PLAIN, NULL }, { "operations", "OPERATIONS", COLUMN_OPERATIONS, NULL },
		{ "type", "TYPE", COLUMN_NAMED, types }, { "outside", "OUTSIDE", COLUMN_PLAIN, NULL },
		{ "during", "DURING", COLUMN_PLAIN, NULL },
	};

	return ask_rows(c, ADMIN_ASSURANCE_LIST, NULL, columns, COUNT_OF(columns),
	                "no rule asks for a level of assurance");
}

int run_assurance_remove(struct cli *c)
{
	return ask_take_back(c, ADMIN_ASSURANCE_REMOVE, BYTES_NONE, "removed");
}

/* The first row is the association, the others are its evidence. */
static err_t print_association(const struct cli *c, struct bytes rows)
{
	static const struct column head[] = {
		{ "entity", "entity", COLUMN_PLAIN, NULL }, { "credential", "credential", COLUMN_PLAIN, NULL },
		{ "level", "level of assurance", COLUMN_PLAIN, NULL }, { "until", "until", COLUMN_TIME, NULL },
		{ "missing", "the next level needs", COLUMN_PLAIN, NULL },
	};
	static const struct column evidence[] = {
		{ "factor", "FACTOR", COLUMN_PLAIN, NULL }, { "source", "BY", COLUMN_PLAIN, NULL },
		{ "environment", "ENVIRONMENT", COLUMN_PLAIN, NULL },
		{ "protection", "PROTECTION", COLUMN_PLAIN, NULL }, { "bound", "BOUND", COLUMN_YES, NULL },
		{ "since", "SINCE", COLUMN_TIME, NULL }, { "until", "FRESH UNTIL", COLUMN_TIME, NULL },
		{ "fresh", "COUNTS", COLUMN_YES, NULL },
	};
	struct bytes rest = rows;
	struct cbor first;
	err_t err;

	if (c->json)
		return output_rows(c, rows, evidence, COUNT_OF(evidence), "");
	TRY(cbor_next(&rest, &first));
	TRY(output_record(c, first.raw, head, COUNT_OF(head)));
	TRY(output_rows(c, rest, evidence, COUNT_OF(evidence), "no evidence"));
out:
	return err;
}

int run_association_show(struct cli *c)
{
	struct buf fields = buf_make(16), rows = buf_make(65536);
	struct wire_out w = wire_out(&fields);
	uint64_t number;
	int code = number_argument(c, UINT64_MAX, &number);

	if (code == CLI_OK) {
		wire_put_u64(&w, number);
		code = ask_node(c, ADMIN_ASSOCIATION_SHOW, &w, &rows);
	}
	if (code == CLI_OK && print_association(c, bytes_of_buf(&rows)) != ERR_OK)
		code = CLI_FAILED;
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

/* An approval is a factor, no level: what became of that is said. */
static int report_approval(struct cli *c, uint64_t number)
{
	struct buf fields = buf_make(16), rows = buf_make(65536);
	struct wire_out w = wire_out(&fields);
	struct bytes rest;
	struct cbor first;
	int code;

	wire_put_u64(&w, number);
	code = ask_node(c, ADMIN_ASSOCIATION_SHOW, &w, &rows);
	rest = bytes_of_buf(&rows);
	if (code == CLI_OK && cbor_next(&rest, &first) != ERR_OK)
		code = CLI_FAILED;
	if (code == CLI_OK)
		printf("association %llu is approved; its level of assurance is %llu (what the next one needs: "
		       "holdfast association show %llu)\n", (unsigned long long)number,
		       (unsigned long long)row_number(first.raw, "level"), (unsigned long long)number);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_association_approve(struct cli *c)
{
	struct buf fields = buf_make(16), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	uint64_t number, minutes;
	int code = number_argument(c, UINT64_MAX, &number);

	if (code == CLI_OK && cli_number(c, CLI_MINUTES, MINUTES_MAX, MINUTES_DEFAULT, &minutes) != ERR_OK)
		code = CLI_USAGE;
	if (code == CLI_OK) {
		wire_put_u64(&w, number);
		wire_put_u32(&w, (uint32_t)minutes * SECONDS);
		code = ask_node(c, ADMIN_ASSOCIATION_APPROVE, &w, &rows);
	}
	if (code == CLI_OK && c->json)
		printf("{\"approved\":%llu}\n", (unsigned long long)number);
	else if (code == CLI_OK)
		code = report_approval(c, number);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}
