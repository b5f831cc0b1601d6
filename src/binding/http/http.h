/* http.h: HTTP/1.1 as oneM2M uses it [TS-0009; RFC 9110, 9112]. Gate, courier,
 * client.
 *
 *   octets --http_parse--> spans --http_request_read--> primitive (canonical CBOR)
 *   response primitive --http_response_write--> octets
 *   and for the side that asks: http_request_write, http_response_read
 *
 * The parser is strict: what RFC 9112 lets a receiver repair (bare LF, folded
 * lines, blanks before a colon, repeated or signed lengths, chunks in a request) is
 * refused, because two readers that repair differently see two requests [T16].
 * It holds no connection, takes no memory and logs nothing. */
#ifndef BINDING_HTTP_H
#define BINDING_HTTP_H

#include "primitive/request.h"

enum {
	HTTP_LINE_MAX = 4096,    /* octets of the request line, without CRLF */
	HTTP_HEAD_MAX = 16384,   /* octets up to and with the blank line */
	HTTP_HEADERS_MAX = 64,
	HTTP_BODY_MAX = 1048576, /* of a request */
	HTTP_QUERY_MAX = 64,     /* pairs in a query, and values of one pair */
};

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_METHOD_COUNT };
enum http_serial { HTTP_JSON, HTTP_CBOR, HTTP_XML, HTTP_SERIAL_COUNT };

/* Header fields that mean something here; those of params.def follow. */
enum http_field {
	HTTP_FIELD_HOST, HTTP_FIELD_CONTENT_LENGTH, HTTP_FIELD_CONTENT_TYPE,
	HTTP_FIELD_TRANSFER_ENCODING, HTTP_FIELD_EXPECT, HTTP_FIELD_CONNECTION,
	HTTP_FIELD_ACCEPT, HTTP_FIELD_CONTENT_LOCATION, HTTP_FIELD_RTU, HTTP_FIELD_IF_MATCH,
	HTTP_FIELD_PARAM, /* + enum param */
	HTTP_FIELD_COUNT = HTTP_FIELD_PARAM + PARAM_COUNT
};

/* A part of the message; offsets, because the buffer may move. at 0: absent. */
struct http_span {
	uint16_t at, n;
};

/* What the peer accepts, by serialisation. */
struct http_accept {
	bool present;
	bool vnd[HTTP_SERIAL_COUNT];     /* asked as application/vnd.onem2m-... */
	uint8_t rank[HTTP_SERIAL_COUNT]; /* 0 not named, 1 any, 2 application, 3 exact */
	uint16_t q[HTTP_SERIAL_COUNT];   /* 0..1000 */
};

struct http_parser {
	/* set by http_parser_init */
	bool response;
	bool old; /* set behind it, for the lab: HTTP/1.0, content that ends with the
	           * connection and content in chunks are taken in a response */
	uint32_t body_max;
	/* where it is */
	uint8_t state;
	uint32_t line, seen;  /* start of the current line; octets looked at */
	uint16_t headers;
	/* what it found */
	enum http_method method;
	uint16_t status;      /* of a response; after an error: the HTTP status to answer */
	const char *why;      /* after an error: a literal */
	uint32_t head_n;      /* octets of the head with its blank line; 0: not whole yet */
	uint32_t body_n;      /* octets of the body */
	bool close, expect_continue;
	bool named_twice; /* refused with a second Request Identifier */
	bool until_end; /* old: the content ends with the connection */
	bool chunked;   /* old: the body is chunks, body_n with their sizes */
	struct http_accept accept;
	struct http_span target;
	struct http_span field[HTTP_FIELD_COUNT];
};

/* For one message. body_max: octets its body may have. */
void http_parser_init(struct http_parser *p, bool response, size_t body_max);

/* `in`: the message from its first octet as far as it has arrived; call again
 * with more. *done: it is whole, head_n + body_n octets; what follows is not
 * its. ERR_SYNTAX, ERR_LIMIT, ERR_UNSUPPORTED: refused with p->status and
 * p->why; nothing after it on this connection can be trusted. The result does
 * not depend on how the octets were cut. An interim response (1xx) is a message
 * of its own. */
err_t http_parse(struct http_parser *p, struct bytes in, bool *done) MUST_USE;

/* The peer closed after these octets: ERR_OK when the message was whole by that
 * (old, until_end), else ERR_CLOSED. */
err_t http_parse_end(struct http_parser *p, struct bytes in) MUST_USE;

/* A field's value without blanks around it; empty when absent. */
struct bytes http_field(const struct http_parser *p, struct bytes message, unsigned field);
struct bytes http_body(const struct http_parser *p, struct bytes message);

/* Working memory of the mapping, one a thread; kept from message to message. */
struct http_mapper {
	struct buf scratch, inner;
	struct codec_limits limits;
};
/* body_max bounds content in both directions. */
void http_mapper_init(struct http_mapper *m, size_t body_max);
/* Give back what an unusually large message took. */
void http_mapper_trim(struct http_mapper *m);
void http_mapper_free(struct http_mapper *m);

/* How the answer is to look. */
struct http_form {
	uint8_t serial; /* enum http_serial */
	bool vnd;       /* application/vnd.onem2m-res+... */
	bool close;     /* this is the last answer on the connection */
};

/* For Retry-After, drawn, 1 to RETRY_SECONDS: what was refused together does not come together. */
unsigned http_retry_seconds(void);

/* Why there is no primitive. HTTP_REFUSAL_MAX: the answer to what was not parsed. */
enum { RETRY_SECONDS = 8, HTTP_IDENTIFIER_MAX = 1024, HTTP_REFUSAL_MAX = HTTP_IDENTIFIER_MAX + 1024 };
struct http_refusal {
	unsigned http;
	unsigned status; /* response status code, 4000 */
	const char *why; /* a literal */
	unsigned retry;  /* 503: seconds after which to come again; 0: drawn, 1 to RETRY_SECONDS */
	struct bytes rvi; /* of the answer, may be a view into the request; empty: none */
	struct http_form form; /* JSON, unless the request says another */
};

/* After http_parse failed: what to answer. */
struct http_refusal http_parser_refusal(const struct http_parser *p, struct bytes message);
/* And to which Request Identifier: that of the fields read, or of those that have arrived
 * behind the one that was refused. Empty when there is none, or more than one, or it is too
 * long for a refusal: HTTP_IDENTIFIER_MAX. */
struct bytes http_identifier(const struct http_parser *p, struct bytes message);

/* A whole request -> request primitive appended to out. `form` is set in any
 * case. On error `why` is set, out is as it was, and the connection may go on.
 * Whether the primitive is one that may be served is the core's question: a
 * missing Request Identifier, From or version passes. */
err_t http_request_read(const struct http_parser *p, struct bytes message,
                        struct http_mapper *m, struct buf *out,
                        struct http_form *form, struct http_refusal *why) MUST_USE;

/* A response primitive -> head and body appended to out. From: the CSE, where it is
 * another, that what was made is at; Content-Location says so. ERR_SYNTAX when a
 * value of the primitive must not stand in a header; ERR_TYPE when the content
 * has no form in the serialisation. On error out is as it was. */
err_t http_response_write(const struct response_primitive *r, struct http_mapper *m,
                          struct http_form form, struct buf *out) MUST_USE;

/* An answer for what was no primitive. rqi: the Request Identifier where it was
 * readable; left out when it may not stand in a header. */
err_t http_refusal_write(const struct http_refusal *why, struct bytes rqi,
                         bool close, struct buf *out) MUST_USE;

/* "HTTP/1.1 100 Continue" */
extern const struct bytes http_continue;

/* A request primitive (canonical CBOR) -> HTTP request appended to out. host:
 * value of the Host field. ERR_SYNTAX for a primitive that HTTP cannot carry,
 * ERR_MISSING without op or to, ERR_UNSUPPORTED for a parameter that has no
 * place in the binding. */
err_t http_request_write(struct bytes primitive, struct http_mapper *m,
                         struct bytes host, enum http_serial serial,
                         struct buf *out) MUST_USE;

/* The same to a URL of its own: `path`, with its query, is the request target
 * where it is not empty, and To is not written; else To is behind `before`, the
 * path that the peer's point of access begins with ("" none). */
struct http_to {
	struct bytes host, path, before;
	enum http_serial serial;
	bool plain; /* a notification goes as application/json, not as application/vnd.onem2m-ntfy+json */
};
err_t http_request_write_to(struct bytes primitive, struct http_mapper *m,
                            const struct http_to *to, struct buf *out) MUST_USE;

/* A whole response -> response primitive. Views into message and mapper, valid
 * until the mapper's next use. ERR_MISSING without X-M2M-RSC: then it was no
 * oneM2M answer and only p->status says something. */
err_t http_response_read(const struct http_parser *p, struct bytes message,
                         struct http_mapper *m, struct response_primitive *out) MUST_USE;

#endif
