/* help.c: everything a person can read about the command, from the tables. */
#include "cli/cli.h"
#include "cli/document.h"

#include <stdio.h>

static const struct {
	const char *flag, *value, *text;
} options[] = {
#define OPTION(name, flag, value, text) { flag, value, text },
#include "cli/options.def"
#undef OPTION
};

static void print_synopsis(const struct command_row *row)
{
	printf("holdfast %s%s%s%s%s", row->object, row->verb[0] ? " " : "", row->verb,
	       row->arguments[0] ? " " : "", row->arguments);
}

static void print_options(uint64_t set)
{
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++) {
		char head[40];

		if (!(set >> o & 1))
			continue;
		(void)text_print(head, sizeof(head), "%s%s%s", options[o].flag,
		                 options[o].value[0] ? " " : "", options[o].value);
		printf("  %-24s %s\n", head, options[o].text);
	}
}

static void print_common(void)
{
	printf("  %-24s %s\n", "-d DIR", "node directory ($HOLDFAST_DIR, /var/lib/holdfast)");
	printf("  %-24s %s\n", "-o json", "results as JSON");
	printf("  %-24s %s\n", "--help", "this text");
}

static void print_all(void)
{
	printf("holdfast %s: a secure oneM2M service layer\n\n", HOLDFAST_VERSION);
	printf("usage: holdfast [-d DIR] [-o json] COMMAND [ARGUMENTS] [OPTIONS]\n\n");
	for (size_t i = 0; command_row(i); i++) {
		const struct command_row *row = command_row(i);
		char head[64];

		(void)text_print(head, sizeof(head), "%s%s%s %s", row->object, row->verb[0] ? " " : "",
		                 row->verb, row->arguments);
		printf("  %-32s %s\n", head, row->text);
	}
	printf("\nholdfast COMMAND --help says more. Exit: 0 done, 1 refused or failed, 2 usage.\n");
}

void help_print(const struct command_row *command)
{
	if (!command) {
		print_all();
		return;
	}
	printf("usage: ");
	print_synopsis(command);
	printf("%s\n\n%s\n\n", command->options ? " [OPTIONS]" : "", command->text);
	print_options(command->options);
	print_common();
}

void help_man(void)
{
	printf(".TH HOLDFAST 1 \"\" \"Holdfast %s\"\n.SH NAME\n", HOLDFAST_VERSION);
	printf("holdfast \\- client and administration of a Holdfast node\n.SH SYNOPSIS\n");
	printf(".B holdfast\n[\\-d DIR] [\\-o json] COMMAND [ARGUMENTS] [OPTIONS]\n.SH COMMANDS\n");
	for (size_t i = 0; command_row(i); i++) {
		const struct command_row *row = command_row(i);

		printf(".TP\n.B %s%s%s%s%s\n%s.", row->object, row->verb[0] ? " " : "", row->verb,
		       row->arguments[0] ? " " : "", row->arguments, row->text);
		for (unsigned o = 0; o < CLI_OPTION_COUNT; o++) {
			if (row->options >> o & 1)
				printf(" [\\-\\-%s]", options[o].flag + 2);
		}
		printf("\n");
	}
	printf(".SH OPTIONS\n");
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++)
		printf(".TP\n.B \\-\\-%s%s%s\n%s.\n", options[o].flag + 2, options[o].value[0] ? " " : "",
		       options[o].value, options[o].text);
	printf(".SH ENVIRONMENT\n.TP\n.B HOLDFAST_DIR\nthe node directory when \\-d is not given.\n");
	printf(".SH EXIT STATUS\n0 done, 1 refused or failed, 2 usage.\n");
	printf(".SH SEE ALSO\nholdfastd(8), holdfast.conf(5)\n");
}

void help_completion(void)
{
	const char *last = "";

	printf("# holdfast: completion for bash, printed by `holdfast help completion`\n");
	printf("_holdfast() {\n\tlocal words\n\tcase \"$COMP_CWORD:${COMP_WORDS[1]}\" in\n\t1:*) words=\"");
	for (size_t i = 0; command_row(i); i++) {
		if (!bytes_equal(bytes_str(last), bytes_str(command_row(i)->object)))
			printf("%s ", command_row(i)->object);
		last = command_row(i)->object;
	}
	printf("\" ;;\n");
	for (size_t i = 0; command_row(i); i++) {
		const struct command_row *row = command_row(i);
		bool first = i == 0 || !bytes_equal(bytes_str(command_row(i - 1)->object), bytes_str(row->object));

		if (row->verb[0] == '\0' || !first)
			continue;
		printf("\t2:%s) words=\"", row->object);
		for (size_t k = i; command_row(k); k++) {
			if (bytes_equal(bytes_str(command_row(k)->object), bytes_str(row->object)))
				printf("%s ", command_row(k)->verb);
		}
		printf("\" ;;\n");
	}
	printf("\t*) words=\"");
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++)
		printf("%s ", options[o].flag);
	printf("\" ;;\n\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\n");
	printf("complete -o default -F _holdfast holdfast\n");
}

int run_help(struct cli *c)
{
	struct bytes what = bytes_str(c->arguments_n ? c->argument[0] : "");

	if (what.n == 0)
		help_print(NULL);
	else if (bytes_equal(what, BYTES("man")))
		help_man();
	else if (bytes_equal(what, BYTES("completion")))
		help_completion();
	else if (bytes_equal(what, BYTES("types")))
		help_types();
	else
		return cli_usage(c, "help is man, completion or types");
	return CLI_OK;
}
