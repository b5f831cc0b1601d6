/* cli.h: the command `holdfast`: its line, its way of printing, its commands.
 *
 * Exit codes: 0 done, 1 refused or failed, 2 usage. With -o json everything
 * that is a result goes to standard output as JSON, an error too:
 * {"error":{"code":"REFUSED","text":"..."}}. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "codec/json.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum cli_option {
#define OPTION(name, flag, value, text) CLI_##name,
#include "cli/options.def"
#undef OPTION
	CLI_OPTION_COUNT
};

struct cli;

struct command_row {
	const char *object, *verb, *arguments;
	int (*run)(struct cli *c);
	size_t least, most;
	uint64_t options; /* set of enum cli_option */
	const char *text;
};

/* By index; NULL from the end on. */
const struct command_row *command_row(size_t index);

enum { CLI_ARGUMENTS_MAX = 4, CLI_FILTERS_MAX = 32, CLI_ADMINISTRATORS_MAX = 8, CLI_SEVERAL_MAX = 15, CLI_SAY_MAX = 512 };

/* One command line, understood. */
struct cli {
	const struct command_row *command;
	const char *object; /* the word before a verb, once it was understood; else NULL */
	bool help, version, json;
	const char *dir; /* node directory */
	const char *argument[CLI_ARGUMENTS_MAX];
	size_t arguments_n;
	const char *option[CLI_OPTION_COUNT]; /* NULL: not given; a flag: "" */
	const char *filter[CLI_FILTERS_MAX];
	size_t filters_n;
	const char *administrator[CLI_ADMINISTRATORS_MAX];
	size_t administrators_n;
	const char *several[CLI_SEVERAL_MAX]; /* --custodian, or --share */
	size_t several_n;
	char why[CLI_SAY_MAX]; /* why the line was not understood */
};

/* ERR_SYNTAX with c->why. */
err_t cli_parse(int argc, char **argv, struct cli *c) MUST_USE;

/* A number option, `initial` when it was not given. ERR_SYNTAX, ERR_RANGE; says so. */
err_t cli_number(struct cli *c, enum cli_option o, uint64_t max, uint64_t initial,
                 uint64_t *out) MUST_USE;

/* Parse, run, exit code. */
int cli_main(int argc, char **argv);

/* help.c: for a command; for the verbs of an object; for all, where both are NULL. */
void help_print(const struct command_row *command, const char *object);

/* --- output.c ------------------------------------------------------------------ */

/* Say why it failed; returns CLI_FAILED. */
int cli_fail(const struct cli *c, err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A wrong command line found late; returns CLI_USAGE. */
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Does part stand anywhere in b? */
bool text_contains(struct bytes b, struct bytes part);

/* Why a file was not read (file_read), in words about files. */
const char *file_text(err_t err);

/* Texts as one JSON object, {"name":"text",...}, escaped; no line end. */
void output_members(const char *const members[][2], size_t n);

/* One canonical CBOR item: JSON with -o json, indented JSON else. */
err_t output_value(const struct cli *c, struct bytes item) MUST_USE;

/* COLUMN_OPERATIONS: a set of operations by letter, as --operations takes it. */
enum column_kind { COLUMN_PLAIN, COLUMN_TIME, COLUMN_YES, COLUMN_NAMED, COLUMN_OPERATIONS };

/* Create, retrieve, update, delete, notify, list: bit 0 and on. */
#define OPERATION_LETTERS "CRUDNL"

/* A column of a table: a member of the rows. */
struct column {
	const char *key, *title;
	enum column_kind kind;
	const char *const *names; /* COLUMN_NAMED: text by number, NULL-terminated */
};

/* Rows: encoded maps one behind the other. JSON array with -o json, else a
 * table; `none` is printed when there are none. */
err_t output_rows(const struct cli *c, struct bytes rows, const struct column *columns,
                  size_t columns_n, const char *none) MUST_USE;

/* One row as lines "title: value". */
err_t output_record(const struct cli *c, struct bytes row, const struct column *columns,
                    size_t columns_n) MUST_USE;

/* The text form of a value for people; no control character gets through. */
err_t output_cell(const struct column *column, const struct cbor *v, struct buf *out) MUST_USE;

/* A number or truth value of a row; 0 when there is none. */
uint64_t row_number(struct bytes row, const char *key);

/* CBOR with octet strings replaced by hex text, so that it has a JSON form. */
err_t output_plain(struct bytes item, struct buf *out) MUST_USE;

/* --- conf.c: holdfast.conf as far as the command needs it -------------------------- */

struct conf {
	char sp[160], cse[96], cse_name[96], listen[280], passphrase[512];
	char makers[513]; /* file of token.makers */
	char refuse[1025], legacy[1025]; /* algorithms */
	uint64_t user_base;
	char node_name[256]; /* public domain name: <cse>.<sp domain> */
};

/* ERR_MISSING: no node here; says so. */
err_t conf_read(const struct cli *c, struct conf *out) MUST_USE;

/* The public domain name of an IN-CSE [TS-0001 6.5.1.1]. */
err_t conf_node_name(const char *sp, const char *cse, char *out, size_t size) MUST_USE;

/* --- commands ------------------------------------------------------------------------ */

#define COMMAND(object, verb, function, arguments, least, most, options, text)  \
	int run_##function(struct cli *c);
#include "cli/commands.def"
#undef COMMAND

#endif
