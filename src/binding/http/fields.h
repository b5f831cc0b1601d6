/* fields.h: what an octet may be in HTTP, and the header fields known here.
 * Internal to binding/http. */
#ifndef BINDING_HTTP_FIELDS_H
#define BINDING_HTTP_FIELDS_H

#include "binding/http/http.h"

enum octet_class {
	OCTET_TOKEN = 1,  /* tchar [RFC 9110 5.6.2] */
	OCTET_VALUE = 2,  /* in a field value: visible, blank, tab; no obs-text */
	OCTET_PATH = 4,   /* pchar or "/", "%" among them [RFC 3986 3.3] */
	OCTET_QUERY = 8,  /* the same and "?" */
	OCTET_PLAIN = 16, /* unreserved: stands for itself in a URI */
	OCTET_DIGIT = 32, OCTET_HEX = 64, OCTET_ALNUM = 128,
};

extern const uint8_t octet_classes[256];

static inline bool octet_is(uint8_t c, unsigned classes)
{
	return (octet_classes[c] & classes) != 0;
}

/* Not empty, and every octet of the class. */
bool octets_are(struct bytes b, unsigned class);

/* Equal but for the case of ASCII letters; `lower` is in lower case. */
bool octets_equal_nocase(struct bytes b, struct bytes lower);

struct bytes octets_trim(struct bytes b);

/* Of parse.c, the judgements that do not depend on lines, for lists.c: what of a request
 * line, what of a field, what of the whole. at: where target or value stands in the message,
 * not 0. Errors as http_parse. */
err_t parse_request(struct http_parser *p, struct bytes method, struct bytes target, size_t at) MUST_USE;
err_t parse_field(struct http_parser *p, struct bytes name, struct bytes value, size_t at) MUST_USE;
err_t parse_whole(struct http_parser *p, size_t head_n, size_t body_n) MUST_USE;

/* The chunk at the front of `rest`: its octets, of the last one none, and how much it takes;
 * *whole 0: its end is not there. All of a content that has ended, appended. ERR_SYNTAX. */
err_t chunk_next(struct bytes rest, struct bytes *octets, size_t *whole) MUST_USE;
err_t chunks_join(struct bytes body, struct buf *out) MUST_USE;

/* The field of a name, HTTP_FIELD_COUNT for one that means nothing here. */
unsigned field_of(struct bytes name);

/* The media types [TS-0004 6.7; TS-0009 6.4.3], one entry of Content-Type. */
struct media {
	enum http_serial serial;
	bool vnd;
	bool notification; /* ...-ntfy+... */
	bool has_type;     /* ;ty= */
	uint32_t type;
};
/* ERR_UNSUPPORTED for another media type, ERR_SYNTAX for a malformed value. */
err_t media_read(struct bytes value, struct media *out) MUST_USE;
const char *media_name(enum http_serial serial, bool vnd, bool notification);

/* Content to and from canonical CBOR, appended. Errors of the codecs. */
err_t content_read(enum http_serial serial, struct bytes in, const struct codec_limits *limits,
                   struct buf *out) MUST_USE;
err_t content_write(enum http_serial serial, struct bytes in, struct buf *out) MUST_USE;

/* One Accept line into what is accepted. ERR_SYNTAX. */
err_t accept_read(struct bytes value, struct http_accept *a) MUST_USE;

/* The serialisation of the answer: what is accepted, else `own`. False when
 * nothing accepted is spoken here. */
bool accept_choose(const struct http_accept *a, const struct media *own, struct http_form *form);

#endif
