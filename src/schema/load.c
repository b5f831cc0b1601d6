/* load.c: definitions of specialised resources from the text of a file.
 *
 *   # a comment
 *   definition  org.onem2m.common.moduleclass.binarySwitch   (or: management 2001)
 *   name        binarySwitch
 *   member      cod:binSh
 *   attribute   powSe  powerState  bool  M O OA  [bound]  [personal] [searched] [secret] [action]
 *
 * A definition begins with its first line and ends with the next one. The columns
 * of an attribute: short and long name, kind (value.c), optionality on create and
 * on update (M O NP), announcement (MA OA NA). A file is taken whole or not at all:
 * it is read once without effect first. */
#include "schema/inner.h"

enum { WORDS_MAX = 12, NAME_MAX_OCTETS = 96, FILE_DEFINITIONS_MAX = 256 };

struct draft {
	struct specialization s;
	uint32_t general;
	struct attribute rows[TYPE_ROWS_MAX];
	size_t rows_n;
	size_t definitions;
	bool keep; /* the second time: for good */
};

static err_t keep_text(struct draft *d, struct bytes word, const char **out)
{
	*out = "";
	if (word.n == 0 || word.n > NAME_MAX_OCTETS || !bytes_is_printable(word))
		return ERR_SYNTAX;
	if (!d->keep)
		return ERR_OK;
	*out = schema_text(word);
	return *out ? ERR_OK : ERR_LIMIT;
}

/* Words of a line; '#' begins a comment. */
static size_t words_of(struct bytes line, struct bytes words[WORDS_MAX])
{
	size_t n = 0;

	line = bytes_cut(&line, '#');
	for (size_t i = 0; i < line.n && n < WORDS_MAX;) {
		size_t begin;

		while (i < line.n && (line.p[i] == ' ' || line.p[i] == '\t' || line.p[i] == '\r'))
			i++;
		begin = i;
		while (i < line.n && line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
			i++;
		if (i > begin)
			words[n++] = bytes_sub(line, begin, i - begin);
	}
	return n;
}

static bool option_read(struct bytes word, const char *none, const char *optional,
                        const char *mandatory, enum option *out)
{
	*out = NP;
	if (bytes_equal(word, bytes_str(none)))
		return true;
	*out = bytes_equal(word, bytes_str(mandatory)) ? MAN : OPT;
	return *out == MAN || bytes_equal(word, bytes_str(optional));
}

static bool is_name(struct bytes word)
{
	for (size_t i = 0; i < word.n; i++) {
		uint8_t c = word.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '_' || c == '-'))
			return false;
	}
	return word.n > 0 && word.n <= 32 && (word.p[0] > '9');
}

static err_t read_bound(struct bytes word, struct attribute *a)
{
	uint64_t bound;

	static const struct { const char *word; unsigned flag; } flags[] = {
		{ "personal", F_PERSON }, { "searched", F_INDEX }, { "secret", F_SECRET },
		{ "action", F_ACTION },
	};

	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (bytes_equal(word, bytes_str(flags[i].word))) {
			a->flags |= flags[i].flag;
			return ERR_OK;
		}
	}
	if (bytes_to_u64(word, UINT32_MAX, &bound) != ERR_OK)
		return ERR_SYNTAX;
	a->enum_max = (uint32_t)bound;
	return ERR_OK;
}

/* What is never shown is not announced and not searched for; an action is asked for
 * by true. */
static bool flags_fit(const struct attribute *a)
{
	if (a->flags & F_SECRET && (a->announce != NP || a->flags & F_INDEX))
		return false;
	return !(a->flags & F_ACTION) || a->kind == V_BOOL;
}

/* Kinds that need a row of another table are not for files. */
static bool kind_is_plain(const struct attribute *a)
{
	return a->kind != V_STRUCT && a->kind != V_STRUCTS && a->kind != V_ACRS && a->kind < V_NUMBER_OF &&
	       ((a->kind != V_ENUM && a->kind != V_LIST_ENUM) || a->enum_max > 0);
}

static err_t read_attribute(struct draft *d, const struct bytes *w, size_t n)
{
	struct attribute a = { .kind = V_ANY };
	err_t err = ERR_SYNTAX;

	if (n < 7 || n == WORDS_MAX || !d->s.name || !is_name(w[1]) || d->rows_n == TYPE_ROWS_MAX / 2 ||
	    !value_kind_named(w[3], &a.kind) || !option_read(w[4], "NP", "O", "M", &a.create) ||
	    !option_read(w[5], "NP", "O", "M", &a.update) ||
	    !option_read(w[6], "NA", "OA", "MA", &a.announce))
		goto out;
	for (size_t i = 7; i < n; i++)
		TRY(read_bound(w[i], &a));
	if (!kind_is_plain(&a) || !flags_fit(&a))
		return ERR_SYNTAX;
	if (a.update == NP)
		a.flags |= a.create == NP ? F_SERVER : F_ONCE;
	TRY(keep_text(d, w[1], &a.short_name));
	TRY(keep_text(d, w[2], &a.long_name));
	d->rows[d->rows_n++] = a;
out:
	return err;
}

static err_t read_member(struct draft *d, struct bytes word)
{
	struct bytes name = word, prefix = bytes_cut(&name, ':');
	err_t err;

	if (!is_name(name) || !is_name(prefix))
		return ERR_SYNTAX;
	if (resource_type_named(word))
		return ERR_DUPLICATE;
	TRY(keep_text(d, name, &d->s.short_name));
	if (!bytes_equal(prefix, BYTES("m2m")))
		TRY(keep_text(d, prefix, &d->s.prefix));
out:
	return err;
}

/* What was gathered becomes a type. */
static err_t finish(struct draft *d)
{
	err_t err = ERR_OK;

	if (d->general == 0)
		goto out;
	if (!d->s.name || !d->s.short_name || ++d->definitions > FILE_DEFINITIONS_MAX)
		return ERR_SYNTAX;
	d->s.rows = d->rows;
	d->s.rows_n = d->rows_n;
	if (d->keep)
		TRY(schema_specialize(resource_type(d->general), &d->s));
out:
	d->s = (struct specialization){ .name = NULL };
	d->rows_n = 0;
	d->general = 0;
	return err;
}

static err_t begin(struct draft *d, bool management, struct bytes word)
{
	struct cbor selector = { .kind = management ? CBOR_UINT : CBOR_TEXT, .s = word };
	uint64_t number = 0;
	err_t err;

	TRY(finish(d));
	d->general = management ? 13 : 28;
	if (management) {
		TRY(bytes_to_u64(word, UINT32_MAX, &number));
		selector.u = d->s.management = (uint32_t)number;
	} else {
		TRY(keep_text(d, word, &d->s.definition));
	}
	if ((management && number == 0) ||
	    type_specialization(resource_type(d->general), &selector))
		err = ERR_DUPLICATE;
out:
	return err;
}

static err_t read_line(struct draft *d, struct bytes line)
{
	struct bytes w[WORDS_MAX];
	size_t n = words_of(line, w);

	if (n == 0)
		return ERR_OK;
	if (bytes_equal(w[0], BYTES("attribute")))
		return d->general ? read_attribute(d, w, n) : ERR_SYNTAX;
	if (n != 2)
		return ERR_SYNTAX;
	if (bytes_equal(w[0], BYTES("definition")) || bytes_equal(w[0], BYTES("management")))
		return begin(d, w[0].p[0] == 'm', w[1]);
	if (d->general && bytes_equal(w[0], BYTES("name")))
		return keep_text(d, w[1], &d->s.name);
	if (d->general && bytes_equal(w[0], BYTES("member")))
		return read_member(d, w[1]);
	return ERR_SYNTAX;
}

static err_t read_text(struct draft *d, struct bytes text, size_t *line)
{
	err_t err = ERR_OK;

	*line = 0;
	while (text.n) {
		++*line;
		TRY(read_line(d, bytes_cut(&text, '\n')));
	}
	TRY(finish(d));
out:
	return err;
}

err_t schema_load(struct bytes text, size_t *line)
{
	static struct draft d;
	err_t err;

	d = (struct draft){ .keep = false };
	TRY(read_text(&d, text, line));
	d = (struct draft){ .keep = true };
	TRY(read_text(&d, text, line));
out:
	return err;
}
