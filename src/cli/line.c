/* line.c: the command line, understood by the tables. */
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

static const char default_dir[] = "/var/lib/holdfast";

_Static_assert(CLI_OPTION_COUNT <= 64, "a set of options has 64 places");
#define O(name) (UINT64_C(1) << CLI_##name)
#define ENROL (O(CERTIFICATE) | O(ID) | O(APP_ID) | O(PSK) | O(IDENTITY) | O(REPLAY) | O(DAYS) | O(OUT) | O(SERVER) \
               | O(FACTOR) | O(PROTECTION) | O(ENVIRONMENT) | O(BOUND))
#define ORDERS (O(ADMINISTRATOR) | O(ADMINISTRATOR_PASSPHRASE) | O(ORDER))
#define REQUEST (O(AS) | O(TO) | O(RCN) | O(FROM) | O(RQI) | O(OT) | O(RVI))

static const struct command_row commands[] = {
#define COMMAND(object, verb, function, arguments, least, most, options, text)  \
	{ object, verb, arguments, run_##function, least, most, options, text },
#include "cli/commands.def"
#undef COMMAND
};

static const struct {
	struct bytes name;
	bool flag;
} options[] = {
#define OPTION(name, flag, value, text) { { (const uint8_t *)flag, sizeof(flag) - 1 }, sizeof(value) == 1 },
#include "cli/options.def"
#undef OPTION
};

const struct command_row *command_row(size_t index)
{
	return index < COUNT_OF(commands) ? &commands[index] : NULL;
}

static err_t fault(struct cli *c, const char *what, const char *which)
{
	struct bytes text = bytes_str(which);

	(void)text_print(c->why, sizeof(c->why), "%s%s%s", what, text.n ? ": " : "",
	                 bytes_is_printable(text) ? which : "(unprintable)");
	return ERR_SYNTAX;
}

/* --- options ---------------------------------------------------------------------- */

struct words {
	int argc, at;
	char **argv;
	bool ended; /* behind "--" */
};

/* The value of an option: behind '=', or the next word. */
static err_t take_value(struct cli *c, struct words *w, const char *word, struct bytes rest,
                        const char **out)
{
	if (rest.n > 0) {
		*out = (const char *)rest.p + 1;
		return ERR_OK;
	}
	if (w->at >= w->argc)
		return fault(c, "a value is missing behind", word);
	*out = w->argv[w->at++];
	return ERR_OK;
}

static err_t set_option(struct cli *c, unsigned o, const char *value)
{
	if (o == CLI_ADMINISTRATOR) {
		if (c->administrators_n == CLI_ADMINISTRATORS_MAX)
			return fault(c, "too many administrators", "");
		c->option[o] = value;
		c->administrator[c->administrators_n++] = value;
		return ERR_OK;
	}
	if (o == CLI_CUSTODIAN || o == CLI_SHARE) {
		if (c->several_n == CLI_SEVERAL_MAX)
			return fault(c, "too many of", (const char *)options[o].name.p);
		c->option[o] = value;
		c->several[c->several_n++] = value;
		return ERR_OK;
	}
	if (o != CLI_FILTER) {
		if (c->option[o])
			return fault(c, "stands twice", (const char *)options[o].name.p);
		c->option[o] = value;
		return ERR_OK;
	}
	if (c->filters_n == CLI_FILTERS_MAX)
		return fault(c, "too many filters", "");
	c->option[o] = value;
	c->filter[c->filters_n++] = value;
	return ERR_OK;
}

static err_t take_long(struct cli *c, struct words *w, const char *word)
{
	struct bytes whole = bytes_str(word), name, rest;
	const char *value = "";
	err_t err;

	name = bytes_sub(whole, 0, bytes_find(whole, '='));
	rest = bytes_sub(whole, name.n, whole.n);
	if (bytes_equal(whole, BYTES("--help"))) {
		c->help = true;
		return ERR_OK;
	}
	if (bytes_equal(whole, BYTES("--version"))) {
		c->version = true;
		return ERR_OK;
	}
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++) {
		if (!bytes_equal(name, options[o].name))
			continue;
		if (options[o].flag && rest.n)
			return fault(c, "takes no value", word);
		if (!options[o].flag)
			TRY(take_value(c, w, word, rest, &value));
		return set_option(c, o, value);
	}
	return fault(c, "no such option", word);
out:
	return err;
}

static err_t take_format(struct cli *c, const char *value)
{
	if (!bytes_equal(bytes_str(value), BYTES("json")) && !bytes_equal(bytes_str(value), BYTES("text")))
		return fault(c, "-o is json or text", value);
	c->json = bytes_equal(bytes_str(value), BYTES("json"));
	return ERR_OK;
}

/* -d DIR, -o FORMAT, -h; together with the value too: -ojson. */
static err_t take_short(struct cli *c, struct words *w, const char *word)
{
	struct bytes whole = bytes_str(word);
	const char *value = word + 2;
	err_t err;

	if (bytes_equal(whole, BYTES("-h"))) {
		c->help = true;
		return ERR_OK;
	}
	if (word[1] != 'd' && word[1] != 'o')
		return fault(c, "no such option", word);
	if (whole.n == 2)
		TRY(take_value(c, w, word, BYTES_NONE, &value));
	if (word[1] == 'o')
		return take_format(c, value);
	c->dir = value;
	err = ERR_OK;
out:
	return err;
}

/* --- the command -------------------------------------------------------------------- */

static bool word_is(const char *word, const char *name)
{
	return bytes_equal(bytes_str(word), bytes_str(name));
}

static bool is_object(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		if (word_is(word, commands[i].object))
			return true;
	}
	return false;
}

/* The words before options and between them: object, verb, arguments. */
static err_t take_word(struct cli *c, const char *word)
{
	if (c->command) {
		if (c->arguments_n == CLI_ARGUMENTS_MAX)
			return fault(c, "too many arguments", word);
		c->argument[c->arguments_n++] = word;
		return ERR_OK;
	}
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		const struct command_row *row = &commands[i];

		if (c->object ? word_is(c->object, row->object) && word_is(word, row->verb)
		              : word_is(word, row->object) && row->verb[0] == '\0') {
			c->command = row;
			return ERR_OK;
		}
	}
	if (c->object)
		return fault(c, "no such verb", word);
	if (!is_object(word))
		return fault(c, "no such command", word);
	c->object = word;
	return ERR_OK;
}

static err_t check_line(struct cli *c)
{
	if (c->help || c->version)
		return ERR_OK;
	if (!c->command)
		return fault(c, c->object ? "a verb is missing behind" : "a command is missing",
		             c->object ? c->object : "");
	if (c->arguments_n < c->command->least)
		return fault(c, "missing", c->command->arguments);
	if (c->arguments_n > c->command->most)
		return fault(c, "one argument too many", c->argument[c->command->most]);
	for (unsigned o = 0; o < CLI_OPTION_COUNT; o++) {
		if (c->option[o] && !(c->command->options >> o & 1))
			return fault(c, "does not go with this command", (const char *)options[o].name.p);
	}
	return ERR_OK;
}

err_t cli_parse(int argc, char **argv, struct cli *c)
{
	const char *from_environment = getenv("HOLDFAST_DIR");
	struct words w = { .argc = argc, .at = 1, .argv = argv };
	err_t err = ERR_OK;

	*c = (struct cli){ .dir = from_environment && from_environment[0] ? from_environment
	                                                                 : default_dir };
	while (w.at < argc) {
		const char *word = argv[w.at++];

		if (w.ended || word[0] != '-' || word[1] == '\0')
			TRY(take_word(c, word));
		else if (word_is(word, "--"))
			w.ended = true;
		else if (word[1] == '-')
			TRY(take_long(c, &w, word));
		else
			TRY(take_short(c, &w, word));
	}
	err = check_line(c);
out:
	return err;
}

err_t cli_number(struct cli *c, enum cli_option o, uint64_t max, uint64_t initial, uint64_t *out)
{
	err_t err;

	*out = initial;
	if (!c->option[o])
		return ERR_OK;
	err = bytes_to_u64(bytes_str(c->option[o]), max, out);
	if (err != ERR_OK)
		(void)cli_usage(c, "%s must be a number of at most %llu",
		                (const char *)options[o].name.p, (unsigned long long)max);
	return err;
}

int cli_main(int argc, char **argv)
{
	struct cli c;
	int code;

	if (argc == 1) {
		help_print(NULL, NULL);
		return CLI_USAGE;
	}
	if (cli_parse(argc, argv, &c) != ERR_OK)
		return cli_usage(&c, "%s", c.why);
	if (c.help || c.version) {
		if (c.help)
			help_print(c.command, c.object);
		else
			printf("holdfast %s\n", HOLDFAST_VERSION);
		return CLI_OK;
	}
	code = c.command->run(&c);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "holdfast: the result could not be written\n");
		return CLI_FAILED;
	}
	return code;
}
