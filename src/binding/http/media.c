/* media.c: Content-Type and Accept [TS-0004 6.7; TS-0009 6.4.1, 6.4.3]. */
#include "binding/http/fields.h"

static const struct media_row {
	const char *name;
	enum http_serial serial;
	bool vnd, notification;
} medias[] = {
	{ "application/json", HTTP_JSON, false, false },
	{ "application/cbor", HTTP_CBOR, false, false },
	{ "application/xml", HTTP_XML, false, false },
	{ "application/vnd.onem2m-res+json", HTTP_JSON, true, false },
	{ "application/vnd.onem2m-res+cbor", HTTP_CBOR, true, false },
	{ "application/vnd.onem2m-res+xml", HTTP_XML, true, false },
	{ "application/vnd.onem2m-ntfy+json", HTTP_JSON, true, true },
	{ "application/vnd.onem2m-ntfy+cbor", HTTP_CBOR, true, true },
	{ "application/vnd.onem2m-ntfy+xml", HTTP_XML, true, true },
};

static const struct media_row *media_row(struct bytes name)
{
	for (size_t i = 0; i < COUNT_OF(medias); i++) {
		if (octets_equal_nocase(name, bytes_str(medias[i].name)))
			return &medias[i];
	}
	return NULL;
}

const char *media_name(enum http_serial serial, bool vnd, bool notification)
{
	for (size_t i = 0; i < COUNT_OF(medias); i++) {
		if (medias[i].serial == serial && medias[i].vnd == vnd &&
		    medias[i].notification == (vnd && notification))
			return medias[i].name;
	}
	must(!"a media type for every serialisation");
	return "";
}

/* "text" -> text. An escape in it is left: no value known here has one. */
static struct bytes unquoted(struct bytes value)
{
	if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
		return bytes_sub(value, 1, value.n - 2);
	return value;
}

/* One ";name=value", with blanks around "=" as some clients write them. A
 * parameter that is not known says nothing [RFC 9110 8.3.1]. */
static err_t media_parameter(struct bytes text, struct media *out)
{
	struct bytes value = text, name = octets_trim(bytes_cut(&value, '='));
	uint64_t type;

	if (text.n == 0)
		return ERR_OK;
	value = unquoted(octets_trim(value));
	if (!octets_are(name, OCTET_TOKEN))
		return ERR_SYNTAX;
	if (octets_equal_nocase(name, BYTES("charset")))
		return octets_equal_nocase(value, BYTES("utf-8")) ? ERR_OK : ERR_UNSUPPORTED;
	if (!octets_equal_nocase(name, BYTES("ty")))
		return ERR_OK;
	if (out->has_type || bytes_to_u64(value, UINT32_MAX, &type) != ERR_OK)
		return ERR_SYNTAX;
	out->has_type = true;
	out->type = (uint32_t)type;
	return ERR_OK;
}

err_t media_read(struct bytes value, struct media *out)
{
	const struct media_row *row = media_row(octets_trim(bytes_cut(&value, ';')));
	err_t err = ERR_OK;

	*out = (struct media){ 0 };
	if (!row)
		return ERR_UNSUPPORTED;
	out->serial = row->serial;
	out->vnd = row->vnd;
	out->notification = row->notification;
	while (value.n)
		TRY(media_parameter(octets_trim(bytes_cut(&value, ';')), out));
out:
	return err;
}

/* "0", "0.5", "1.000" as thousandths [RFC 9110 12.4.2]; ".2" as one library writes it. */
static err_t read_q(struct bytes text, unsigned *q)
{
	unsigned scale = 100;
	size_t point = text.n && text.p[0] == '.' ? 0 : 1;

	if (text.n == 0 || text.n > 5 || (point && text.p[0] != '0' && text.p[0] != '1') ||
	    (text.n > point && text.p[point] != '.'))
		return ERR_SYNTAX;
	*q = text.p[0] == '1' ? 1000 : 0;
	for (size_t i = point + 1; i < text.n; i++, scale /= 10) {
		if (!octet_is(text.p[i], OCTET_DIGIT))
			return ERR_SYNTAX;
		*q += (unsigned)(text.p[i] - '0') * scale;
	}
	return *q <= 1000 ? ERR_OK : ERR_SYNTAX;
}

/* The more exact range wins [RFC 9110 12.5.1]; of equals the one liked more. */
static void accept_set(struct http_accept *a, enum http_serial s, unsigned rank,
                       unsigned q, bool vnd)
{
	if (rank < a->rank[s] || (rank == a->rank[s] && q <= a->q[s]))
		return;
	a->rank[s] = (uint8_t)rank;
	a->q[s] = (uint16_t)q;
	a->vnd[s] = vnd;
}

static err_t accept_range(struct bytes range, struct http_accept *a)
{
	struct bytes name = octets_trim(bytes_cut(&range, ';')), rest = name,
		     type = bytes_cut(&rest, '/');
	const struct media_row *row = media_row(name);
	unsigned q = 1000, rank = 0;
	err_t err = ERR_OK;

	if (bytes_equal(name, BYTES("*"))) /* the same library, for any */
		name = BYTES("*/*");
	else if (!octets_are(type, OCTET_TOKEN) || !octets_are(rest, OCTET_TOKEN))
		return ERR_SYNTAX;
	while (range.n) {
		struct bytes value = octets_trim(bytes_cut(&range, ';'));
		struct bytes key = bytes_cut(&value, '=');

		if (octets_equal_nocase(key, BYTES("q")))
			TRY(read_q(value, &q));
	}
	if (row) {
		accept_set(a, row->serial, 3, q, row->vnd);
		return ERR_OK;
	}
	if (bytes_equal(name, BYTES("*/*")))
		rank = 1;
	else if (octets_equal_nocase(name, BYTES("application/*")))
		rank = 2;
	for (int s = 0; rank && s < HTTP_SERIAL_COUNT; s++)
		accept_set(a, (enum http_serial)s, rank, q, false);
out:
	return err;
}

err_t accept_read(struct bytes value, struct http_accept *a)
{
	err_t err = ERR_OK;

	while (value.n) {
		struct bytes range = octets_trim(bytes_cut(&value, ','));

		if (range.n) {
			a->present = true; /* an empty list says nothing */
			TRY(accept_range(range, a));
		}
	}
out:
	return err;
}

bool accept_choose(const struct http_accept *a, const struct media *own, struct http_form *form)
{
	enum http_serial s = own->serial;

	form->serial = (uint8_t)s;
	form->vnd = own->vnd;
	if (!a->present)
		return true;
	for (int other = 0; other < HTTP_SERIAL_COUNT; other++) {
		if (a->q[other] > a->q[s])
			s = (enum http_serial)other;
	}
	if (a->q[s] == 0)
		return false;
	form->serial = (uint8_t)s;
	/* A wildcard leaves the choice to us: answered in kind. */
	form->vnd = a->rank[s] == 3 ? a->vnd[s] : own->vnd;
	return true;
}
