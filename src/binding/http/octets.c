/* octets.c: what an octet may be in HTTP. The table is spelled out by ranges
 * of the two RFCs; nothing is computed at run time. */
#include "binding/http/fields.h"

#define T OCTET_TOKEN
#define V OCTET_VALUE
#define P (OCTET_PATH | OCTET_QUERY)
#define Q OCTET_QUERY
#define U OCTET_PLAIN
#define A (T | V | P | U | OCTET_ALNUM)

const uint8_t octet_classes[256] = {
	['\t'] = V, [' '] = V,
	['!'] = T | V | P, ['"'] = V, ['#'] = T | V, ['$'] = T | V | P,
	['%'] = T | V | P, ['&'] = T | V | P, ['\''] = T | V | P,
	['('] = V | P, [')'] = V | P, ['*'] = T | V | P, ['+'] = T | V | P,
	[','] = V | P, ['-'] = T | V | P | U, ['.'] = T | V | P | U, ['/'] = V | P,
	['0' ... '9'] = A | OCTET_DIGIT | OCTET_HEX,
	[':'] = V | P, [';'] = V | P, ['<'] = V, ['='] = V | P, ['>'] = V,
	['?'] = V | Q, ['@'] = V | P,
	['A' ... 'F'] = A | OCTET_HEX, ['G' ... 'Z'] = A,
	['['] = V, ['\\'] = V, [']'] = V, ['^'] = T | V, ['_'] = T | V | P | U,
	['`'] = T | V,
	['a' ... 'f'] = A | OCTET_HEX, ['g' ... 'z'] = A,
	['{'] = V, ['|'] = T | V, ['}'] = V, ['~'] = T | V | P | U,
};

bool octets_are(struct bytes b, unsigned class)
{
	/* Without a branch for each octet. */
	for (size_t i = 0; i < b.n; i++)
		class &= octet_classes[b.p[i]];
	return b.n > 0 && class;
}

static inline uint8_t octet_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool octets_equal_nocase(struct bytes b, struct bytes lower)
{
	if (b.n != lower.n)
		return false;
	for (size_t i = 0; i < b.n; i++) {
		if (octet_lower(b.p[i]) != lower.p[i])
			return false;
	}
	return true;
}

struct bytes octets_trim(struct bytes b)
{
	while (b.n && (b.p[0] == ' ' || b.p[0] == '\t'))
		b = bytes_sub(b, 1, b.n);
	while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t'))
		b.n--;
	return b;
}
