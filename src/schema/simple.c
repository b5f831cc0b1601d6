/* simple.c: is it of this simple data type? Numbers by their ranges, texts by their form. */
#include "schema/inner.h"

enum { RANGES_MAX = 8, TOKEN_PARTS = 5 };

static bool is_word(struct bytes s)
{
	return s.n > 0 && bytes_is_printable(s) && bytes_find(s, ' ') == s.n;
}

static bool is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* A name of XML without a colon: a letter or '_', then digits, '-' and '.' as well. What is no ASCII
 * counts as a letter. */
static bool is_name(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!is_letter(c) && c != '_' && c < 0x80 && (i == 0 || (!is_digit(c) && c != '-' && c != '.')))
			return false;
	}
	return s.n > 0;
}

/* A URI with its scheme; an IP address or a name, too [TS-0001 9.6.5]: by those alone nobody is reached. */
static bool is_point_of_access(struct bytes s)
{
	return is_word(s);
}

/* "3", "2a"; of what comes later, too: who speaks it has this release as well. */
static bool is_release(struct bytes s)
{
	if (s.n && s.p[s.n - 1] >= 'a' && s.p[s.n - 1] <= 'z')
		s.n--;
	if (s.n == 0 || s.n > 2 || s.p[0] == '0')
		return false;
	return is_digit(s.p[0]) && is_digit(s.p[s.n - 1]);
}

/* media type ":" protocol */
static bool is_capability(struct bytes s)
{
	struct bytes rest = s;

	return is_word(s) && bytes_cut(&rest, ':').n > 0 && rest.n > 0;
}

/* Of an item that is empty nothing would be left in XML. */
static bool is_octets(struct bytes s)
{
	return s.n > 0 && schema_is_base64(s);
}

static bool is_base64url(struct bytes s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_letter(s.p[i]) && !is_digit(s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
			return false;
	}
	return true;
}

/* Compact serialization: a JWS [a].[b].[c] where a and c are, a JWE [a].[b].[c].[d].[e] where a and d are. */
static bool is_token(struct bytes s)
{
	bool filled[TOKEN_PARTS] = { false }, more = true;
	size_t n = 0;

	while (more && n < TOKEN_PARTS) {
		struct bytes part;

		more = bytes_find(s, '.') < s.n;
		part = bytes_cut(&s, '.');
		if (!is_base64url(part))
			return false;
		filled[n++] = part.n > 0;
	}
	return !more && filled[0] && ((n == 3 && filled[2]) || (n == TOKEN_PARTS && filled[3]));
}

static const struct simple {
	const char *name;
	struct {
		uint32_t from, to;
	} ranges[RANGES_MAX];
	bool (*ok)(struct bytes);
} simples[] = {
#define NUMBERS(id, ...) [S_##id] = { #id, { __VA_ARGS__ }, NULL },
#define TEXTS(id, check) [S_##id] = { #id, { { 0, 0 } }, check },
#include "schema/simple.def"
#undef NUMBERS
#undef TEXTS
};

static const struct simple *simple_of(uint32_t id)
{
	must(id < COUNT_OF(simples));
	return &simples[id];
}

const char *schema_simple_name(uint32_t id)
{
	return simple_of(id)->name;
}

bool schema_simple_number(uint32_t id, uint64_t v)
{
	const struct simple *s = simple_of(id);
	bool ok = false;

	for (size_t i = 0; i < RANGES_MAX && s->ranges[i].to; i++)
		ok |= v >= s->ranges[i].from && v <= s->ranges[i].to;
	return ok;
}

bool schema_simple_text(uint32_t id, struct bytes s)
{
	const struct simple *simple = simple_of(id);

	return simple->ok && simple->ok(s);
}
