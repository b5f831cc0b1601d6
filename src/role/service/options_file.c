/* options_file.c: the configuration file.
 *
 *   file  = *line
 *   line  = blanks [ name blanks "=" blanks value ] blanks [ "#" anything ]
 *
 * A comment starts at the head of a line or after a blank, so that a value may
 * hold "#". The first fault refuses the whole file: a node never runs with half
 * of what its administrator wrote. */
#include "role/common/options.h"

enum { NEAR = 3 };

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes b)
{
	while (b.n && is_blank(b.p[0]))
		b = bytes_sub(b, 1, b.n);
	while (b.n && is_blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

static struct bytes without_comment(struct bytes line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '#' && (i == 0 || is_blank(line.p[i - 1])))
			return bytes_sub(line, 0, i);
	}
	return line;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits from a to b: one octet put in, left out or changed. */
static size_t distance(struct bytes a, struct bytes b)
{
	size_t row[OPTION_NAME_MAX + 1];

	if (a.n > OPTION_NAME_MAX || b.n > OPTION_NAME_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t changed = corner + (a.p[i - 1] != b.p[j - 1]);

			corner = row[j];
			row[j] = least(changed, least(row[j], row[j - 1]) + 1);
		}
	}
	return row[b.n];
}

/* The option whose name comes nearest, NULL when none is near. */
static const char *nearest(struct bytes name)
{
	size_t best = NEAR + 1;
	const char *found = NULL;

	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const char *candidate = option_row((enum option_id)i)->name;
		size_t d = distance(name, bytes_str(candidate));

		if (d < best) {
			best = d;
			found = candidate;
		}
	}
	return found;
}

/* Says the fault; a text that does not fit is cut. */
static void say(char *where, size_t size, unsigned line, struct buf *text)
{
	struct buf whole = buf_make(512);

	if (size == 0)
		return;
	where[0] = '\0';
	if (buf_printf(&whole, "line %u: ", line) == ERR_OK &&
	    buf_add(&whole, bytes_of_buf(text)) == ERR_OK) {
		struct bytes cut = bytes_sub(bytes_of_buf(&whole), 0, size - 1);

		/* What cannot be shown (a NUL in the file) leaves the line number. */
		if (bytes_put_str(where, size, cut) != ERR_OK)
			where[0] = '\0';
	}
	buf_free(&whole);
}

static void explain_value(const struct option_row *row, struct buf *why)
{
	err_t err;

	if (row->kind == OPTION_FLAG)
		TRY(buf_printf(why, "%s: yes or no is expected", row->name));
	else if (row->choices)
		TRY(buf_printf(why, "%s: one of these is expected: %s", row->name, row->choices));
	else if (row->kind == OPTION_NUMBER)
		TRY(buf_printf(why, "%s: a number from %llu to %llu is expected", row->name,
		               (unsigned long long)row->min, (unsigned long long)row->max));
	else
		TRY(buf_printf(why, "%s: a text of %llu to %llu octets without control characters "
		               "is expected", row->name, (unsigned long long)row->min,
		               (unsigned long long)row->max));
out:
	return;
}

static void explain_name(struct bytes name, struct buf *why)
{
	const char *near = nearest(name);
	err_t err;

	if (!bytes_is_printable(name) || name.n > OPTION_NAME_MAX) {
		TRY(buf_printf(why, "no such option"));
		return;
	}
	TRY(buf_printf(why, "there is no option \"%.*s\"", BYTES_FMT(name)));
	if (near)
		TRY(buf_printf(why, "; \"%s\" is meant?", near));
out:
	return;
}

static bool find(struct bytes name, enum option_id *id)
{
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		*id = (enum option_id)i;
		if (bytes_equal(name, bytes_str(option_row(*id)->name)))
			return true;
	}
	return false;
}

/* One line into *o; on a fault the reason is in why. */
static err_t take_line(struct options *o, struct bytes line, bool *seen, struct buf *why)
{
	struct bytes rest = trim(without_comment(line));
	struct bytes name;
	enum option_id id;
	err_t err;

	if (rest.n == 0)
		return ERR_OK;
	if (bytes_find(rest, '=') == rest.n)
		return buf_printf(why, "\"name = value\" is expected") ? ERR_MEMORY : ERR_SYNTAX;
	name = trim(bytes_cut(&rest, '='));
	if (!find(name, &id)) {
		explain_name(name, why);
		return ERR_MISSING;
	}
	if (id == OPT_lab)
		return buf_printf(why, "lab mode is set by holdfastd --lab only") ? ERR_MEMORY
		                                                                   : ERR_REFUSED;
	if (seen[id])
		return buf_printf(why, "%s stands here a second time", option_row(id)->name)
		               ? ERR_MEMORY : ERR_DUPLICATE;
	seen[id] = true;
	TRY(options_set(o, name, trim(rest)));
out:
	if (err != ERR_OK)
		explain_value(option_row(id), why);
	return err;
}

err_t options_parse(struct options *o, struct bytes file, char *where, size_t where_size)
{
	bool seen[OPT_COUNT] = { false };
	struct buf why = buf_make(400);
	struct options fresh = { 0 };
	unsigned line = 0;
	err_t err;

	if (where_size)
		where[0] = '\0';
	TRY(options_init(&fresh));
	if (file.n > OPTIONS_FILE_MAX) {
		TRY(buf_printf(&why, "the file is longer than %d octets", OPTIONS_FILE_MAX));
		TRY(ERR_LIMIT);
	}
	while (file.n) {
		line++;
		TRY(take_line(&fresh, bytes_cut(&file, '\n'), seen, &why));
	}
	options_free(o);
	*o = fresh;
	fresh = (struct options){ 0 };
out:
	if (err != ERR_OK)
		say(where, where_size, line, &why);
	buf_free(&why);
	options_free(&fresh);
	return err;
}

static err_t print_row(const struct option_row *row, struct buf *out)
{
	err_t err;

	TRY(buf_printf(out, "# %s\n", row->text));
	if (row->kind == OPTION_NUMBER)
		TRY(buf_printf(out, "# from %llu to %llu%s%s", (unsigned long long)row->min,
		               (unsigned long long)row->max, row->unit[0] ? " " : "", row->unit));
	else if (row->choices)
		TRY(buf_printf(out, "# one of: %s", row->choices));
	else
		TRY(buf_printf(out, "# %s", row->kind == OPTION_FLAG ? "yes or no" : "text"));
	TRY(buf_printf(out, "; %s\n", row->reloads ? "taken over by a reload" : "read at the start only"));
	TRY(buf_printf(out, "#%s = %s\n\n", row->name, row->initial));
out:
	return err;
}

err_t options_print(struct buf *out)
{
	err_t err;

	TRY(buf_printf(out, "# holdfast.conf: every option with its default.\n\n"));
	for (unsigned i = 0; i < OPT_COUNT; i++) {
		if (i != OPT_lab)
			TRY(print_row(option_row((enum option_id)i), out));
	}
out:
	return err;
}
