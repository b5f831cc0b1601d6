/* fields.c: the header fields known here, found by length and then by name.
 * The rows of the parameters come from params.def. */
#include "binding/http/fields.h"

struct field_row {
	struct bytes name; /* lower case */
	uint8_t field;
	uint8_t next;      /* of the same length, 1 + index; 0 the end */
};

enum { FIELD_NAME_MAX = 24, FIELD_ROWS_MAX = HTTP_FIELD_COUNT };

static const struct { const char *name; enum http_field field; } plain_fields[] = {
	{ "host", HTTP_FIELD_HOST },
	{ "content-length", HTTP_FIELD_CONTENT_LENGTH },
	{ "content-type", HTTP_FIELD_CONTENT_TYPE },
	{ "transfer-encoding", HTTP_FIELD_TRANSFER_ENCODING },
	{ "expect", HTTP_FIELD_EXPECT },
	{ "connection", HTTP_FIELD_CONNECTION },
	{ "accept", HTTP_FIELD_ACCEPT },
	{ "content-location", HTTP_FIELD_CONTENT_LOCATION },
	{ "x-m2m-rtu", HTTP_FIELD_RTU },
	{ "if-match", HTTP_FIELD_IF_MATCH },
};

static struct field_row rows[FIELD_ROWS_MAX + 1];
static uint8_t first_of_length[FIELD_NAME_MAX + 1];
static char names[FIELD_ROWS_MAX + 1][FIELD_NAME_MAX + 1];
static unsigned rows_n;

static void field_add(const char *name, unsigned field)
{
	struct bytes b = bytes_str(name);
	unsigned row = ++rows_n;

	must(row <= FIELD_ROWS_MAX && b.n <= FIELD_NAME_MAX);
	for (size_t i = 0; i < b.n; i++) {
		char c = name[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		names[row][i] = c;
	}
	rows[row] = (struct field_row){ bytes_make(names[row], b.n), (uint8_t)field,
	                                first_of_length[b.n] };
	first_of_length[b.n] = (uint8_t)row;
}

static void fields_init(void)
{
	for (size_t i = 0; i < COUNT_OF(plain_fields); i++)
		field_add(plain_fields[i].name, plain_fields[i].field);
	for (unsigned p = 0; p < PARAM_COUNT; p++) {
		const char *header = param_row((enum param)p)->header;

		if (header && header[0])
			field_add(header, HTTP_FIELD_PARAM + p);
	}
}

unsigned field_of(struct bytes name)
{
	unsigned last;

	if (rows_n == 0)
		fields_init();
	if (name.n > FIELD_NAME_MAX)
		return HTTP_FIELD_COUNT;
	/* Names of one length often begin alike; they hardly ever end alike. */
	last = name.n ? name.p[name.n - 1] | 32 : 0;
	for (unsigned i = first_of_length[name.n]; i; i = rows[i].next) {
		if (last == (rows[i].name.p[name.n - 1] | 32) && octets_equal_nocase(name, rows[i].name))
			return rows[i].field;
	}
	return HTTP_FIELD_COUNT;
}
