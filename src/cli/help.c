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

/* Of a row's text the first words: up to a semicolon, colon or full stop. */
static int gist(const char *text)
{
	struct bytes whole = bytes_str(text);

	for (size_t i = 0; i + 1 < whole.n; i++) {
		if ((text[i] == ';' || text[i] == ':' || text[i] == '.') && text[i + 1] == ' ')
			return (int)i;
	}
	return (int)whole.n;
}

/* The commands of one object, or all (NULL), a line each. */
static void print_overview(const char *object)
{
	printf("usage: holdfast [-d DIR] [-o json] %s %s [OPTIONS]\n\n", object ? object : "COMMAND",
	       object ? "VERB" : "[ARGUMENTS]");
	for (size_t i = 0; command_row(i); i++) {
		const struct command_row *row = command_row(i);
		char head[64];

		if (object && !bytes_equal(bytes_str(object), bytes_str(row->object)))
			continue;
		(void)text_print(head, sizeof(head), "%s%s%s %s", row->object, row->verb[0] ? " " : "",
		                 row->verb, row->arguments);
		printf("  %-32s%s%.*s\n", head, bytes_str(head).n > 31 ? "\n                                  " : "",
		       gist(row->text), row->text);
	}
	printf("\nholdfast %s --help says more. Exit: 0 done, 1 refused or failed, 2 usage.\n",
	       object ? "COMMAND VERB" : "COMMAND [VERB]");
}

void help_print(const struct command_row *command, const char *object)
{
	if (!command) {
		if (!object)
			printf("holdfast %s: a secure oneM2M service layer\n\n", HOLDFAST_VERSION);
		print_overview(object);
		return;
	}
	printf("usage: ");
	print_synopsis(command);
	printf("%s\n\n%s\n\n", command->options ? " [OPTIONS]" : "", command->text);
	print_options(command->options);
	print_common();
}

static void help_man(void)
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

/* The words before the one to be completed, without options and their values. */
static const char completion_head[] =
	"# holdfast: completion for bash, printed by `holdfast help completion`\n"
	"_holdfast() {\n"
	"\tlocal word words= command= value=\n"
	"\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	"\t\tif [ -n \"$value\" ]; then value=; continue; fi\n"
	"\t\tcase \"$word\" in\n";

static void complete_verbs(size_t first)
{
	const char *object = command_row(first)->object;

	printf("\t\" %s\") words=\"", object);
	for (size_t i = first; command_row(i) && bytes_equal(bytes_str(command_row(i)->object), bytes_str(object)); i++)
		printf("%s ", command_row(i)->verb);
	printf("\" ;;\n");
}

static void complete_row(const struct command_row *row)
{
	printf("\t\" %s%s%s\"*) words=\"", row->object, row->verb[0] ? " " : "", row->verb);
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++) {
		if (row->options >> o & 1)
			printf("%s ", options[o].flag);
	}
	printf("--help\" ;;\n");
}

/* True on the first row of an object. */
static bool is_first(size_t i)
{
	return i == 0 || !bytes_equal(bytes_str(command_row(i - 1)->object), bytes_str(command_row(i)->object));
}

static void help_completion(void)
{
	printf("%s\t\t-d|-o", completion_head);
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++) {
		if (options[o].value[0])
			printf("|%s", options[o].flag);
	}
	printf(") value=1 ;;\n\t\t-*) ;;\n\t\t*) command+=\" $word\" ;;\n\t\tesac\n\tdone\n");
	printf("\tCOMPREPLY=()\n\t[ -n \"$value\" ] && return\n\tcase \"$command\" in\n\t\"\") words=\"");
	for (size_t i = 0; command_row(i); i++) {
		if (is_first(i))
			printf("%s ", command_row(i)->object);
	}
	printf("\" ;;\n\t\" help\") words=\"man completion types\" ;;\n");
	for (size_t i = 0; command_row(i); i++) {
		if (command_row(i)->verb[0] && is_first(i))
			complete_verbs(i);
	}
	for (size_t i = 0; command_row(i); i++)
		complete_row(command_row(i));
	printf("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\")\n}\n");
	printf("complete -o default -F _holdfast holdfast\n");
}

int run_help(struct cli *c)
{
	struct bytes what = bytes_str(c->arguments_n ? c->argument[0] : "");

	if (what.n == 0)
		help_print(NULL, NULL);
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
