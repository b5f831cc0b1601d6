/* options.c: the rows of options.def and the values of one configuration.
 *
 * The grammar of the file is options_file.c. Nothing here opens a file. */
#include "role/common/options.h"

#include "base/clock.h"
#include "crypt/algorithms.h"

static struct option_row rows[OPT_COUNT] = {
#define OPTION(name, kind, def, min, max, unit, roles, when, text)             \
	[OPT_##name] = { #name, OPTION_##kind, def, unit, text, NULL, min, max, \
	                 (roles), OPTION_##when },
#define OPTION_START false
#define OPTION_RELOAD true
#include "role/common/options.def"
#undef OPTION
};

static const struct {
	enum option_id id;
	const char *words;
} choices[] = {
#define OPTION(name, kind, def, min, max, unit, roles, when, text)
#define CHOICE(name, words) { OPT_##name, words },
#include "role/common/options.def"
#undef OPTION
};

static char names[OPT_COUNT][OPTION_NAME_MAX];

/* The file's names: a C identifier with its first underscore as a dot. */
static void rows_complete(void)
{
	if (names[0][0])
		return;
	for (size_t i = 0; i < OPT_COUNT; i++) {
		struct bytes name = bytes_str(rows[i].name);
		size_t dot = bytes_find(name, '_');

		must(bytes_put_str(names[i], sizeof(names[i]), name) == ERR_OK);
		if (dot < name.n)
			names[i][dot] = '.';
		rows[i].name = names[i];
	}
	for (size_t i = 0; i < COUNT_OF(choices); i++)
		rows[choices[i].id].choices = choices[i].words;
}

const struct option_row *option_row(enum option_id id)
{
	must((unsigned)id < OPT_COUNT);
	rows_complete();
	return &rows[id];
}

static bool is_choice(const char *words, struct bytes value)
{
	struct bytes rest = bytes_str(words);

	while (rest.n) {
		if (bytes_equal(bytes_cut(&rest, ' '), value))
			return true;
	}
	return false;
}

/* Text of an option: no control characters, whatever comes of it later. */
static err_t check_text(const struct option_row *row, struct bytes value)
{
	if (!bytes_is_utf8(value))
		return ERR_SYNTAX;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < 0x20 || value.p[i] == 0x7f)
			return ERR_SYNTAX;
	}
	if (value.n < row->min || value.n > row->max)
		return ERR_RANGE;
	return row->choices && !is_choice(row->choices, value) ? ERR_SYNTAX : ERR_OK;
}

static err_t check_value(const struct option_row *row, struct bytes value, uint64_t *number)
{
	err_t err = ERR_OK;

	*number = 0;
	if (row->kind == OPTION_TEXT)
		return check_text(row, value);
	if (row->kind == OPTION_FLAG) {
		*number = bytes_equal(value, BYTES("yes"));
		return *number || bytes_equal(value, BYTES("no")) ? ERR_OK : ERR_SYNTAX;
	}
	TRY(bytes_to_u64(value, row->max, number));
	if (*number < row->min)
		err = ERR_RANGE;
out:
	return err;
}

static err_t set_by_id(struct options *o, enum option_id id, struct bytes value)
{
	const struct option_row *row = option_row(id);
	uint64_t number;
	char *text = NULL;
	err_t err;

	TRY(check_value(row, value, &number));
	text = mem_new(value.n + 1, 1);
	if (!text)
		return ERR_MEMORY;
	TRY(bytes_put_str(text, value.n + 1, value));
	mem_free(o->text[id]);
	o->text[id] = text;
	o->number[id] = number;
	text = NULL;
out:
	mem_free(text);
	return err;
}

err_t options_init(struct options *o)
{
	err_t err = ERR_OK;

	*o = (struct options){ 0 };
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = option_row((enum option_id)i);

		/* An empty default of a text that must not be empty stays unset. */
		if (row->kind != OPTION_TEXT)
			TRY(check_value(row, bytes_str(row->initial), &o->number[i]));
	}
out:
	return err;
}

void options_free(struct options *o)
{
	for (size_t i = 0; i < OPT_COUNT; i++)
		mem_free(o->text[i]);
	*o = (struct options){ 0 };
}

uint64_t options_number(const struct options *o, enum option_id id)
{
	must(option_row(id)->kind == OPTION_NUMBER);
	return o->number[id];
}

bool options_flag(const struct options *o, enum option_id id)
{
	must(option_row(id)->kind == OPTION_FLAG);
	return o->number[id] != 0;
}

const char *options_text(const struct options *o, enum option_id id)
{
	return o->text[id] ? o->text[id] : option_row(id)->initial;
}

err_t options_set(struct options *o, struct bytes name, struct bytes value)
{
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		if (bytes_equal(name, bytes_str(option_row((enum option_id)i)->name)))
			return set_by_id(o, (enum option_id)i, value);
	}
	return ERR_MISSING;
}

/* Body: u16 count, then u16 row and value bytes each. Both ends are of one
 * build, so the row number is enough. */
err_t options_write(const struct options *o, enum role role, bool reload, struct buf *out)
{
	struct wire_out w = wire_out(out);
	uint16_t count = 0;

	for (int pass = 0; pass < 2; pass++) {
		if (pass == 1)
			wire_put_u16(&w, count);
		for (unsigned i = 0; i < OPT_COUNT; i++) {
			const struct option_row *row = option_row((enum option_id)i);

			if (!(row->roles & 1u << role) || (reload && !row->reloads))
				continue;
			if (pass == 0) {
				count++;
				continue;
			}
			wire_put_u16(&w, (uint16_t)i);
			wire_put_bytes(&w, bytes_str(options_text(o, (enum option_id)i)));
		}
	}
	return w.err;
}

err_t options_read(struct options *o, struct bytes body)
{
	struct wire_in in = wire_in(body);
	uint16_t count = wire_get_u16(&in);
	err_t err = ERR_OK;

	for (; count > 0 && in.err == ERR_OK; count--) {
		uint16_t id = wire_get_u16(&in);
		struct bytes value = wire_get_bytes(&in, OPTIONS_FILE_MAX);

		if (in.err != ERR_OK || id >= OPT_COUNT)
			return ERR_SYNTAX;
		TRY(set_by_id(o, (enum option_id)id, value));
	}
	err = wire_done(&in);
out:
	return err;
}

err_t options_algorithms(const struct options *o, struct bytes *bad)
{
	return algorithm_policy(bytes_str(options_text(o, OPT_algorithms_refuse)),
	                        bytes_str(options_text(o, OPT_algorithms_legacy)), clock_now(), bad);
}
