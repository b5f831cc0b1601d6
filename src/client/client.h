/* client.h: a oneM2M client over HTTP/1.1 in a security association [TS-0009;
 * TS-0003 8.2]. The command, load generators, tests.
 *
 *   request --client_compose--> primitive --client_write--> HTTP octets
 *   HTTP octets --client_parse--> response
 *
 * These two halves do no I/O, so that a program with many connections brings
 * its own. client_connection is the simple way: one blocking connection, one
 * request at a time, kept alive. The key of a profile is in this process: a
 * node's own keys never come near this code. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "binding/http/http.h"
#include "client/profile.h"

enum {
	CLIENT_RESPONSE_MAX = 8 * 1024 * 1024, /* octets of a response's body */
	CLIENT_RQI = 24,                       /* octets of an identifier made here */
	CLIENT_TIME_S = 30,                    /* connect, read, write */
};

/* All views. Empty or 0: left out, unless said otherwise. */
struct client_request {
	unsigned operation;      /* enum operation_code */
	struct bytes to, from;
	struct bytes rqi;        /* empty: drawn at random by client_compose */
	struct bytes rvi;        /* empty: "3" */
	uint32_t type;           /* ty of a Create */
	bool has_rcn;
	unsigned rcn;
	unsigned result_id_type; /* drt */
	struct bytes originated; /* ot, m2m:timestamp */
	struct bytes expires;    /* rqet, m2m:timestamp */
	struct bytes filter;     /* fc: an encoded map */
	struct bytes content;    /* pc: one encoded item */
};

/* The request primitive in canonical CBOR, appended. ERR_MISSING without
 * operation or to. `rqi` receives what identifies the request. */
err_t client_compose(const struct client_request *r, char rqi[CLIENT_RQI + 1],
                     struct buf *out) MUST_USE;

/* One association's side of the conversation: buffers, no connection. */
struct client {
	struct http_mapper mapper;
	struct http_parser parser;
	struct buf primitive;
	char host[288];          /* of the Host field */
	char rqi[CLIENT_RQI + 1]; /* of the last request written; "" when it was the caller's */
	size_t passed;           /* octets of interim responses seen so far */
};

err_t client_init(struct client *c, const struct profile *p) MUST_USE;
void client_free(struct client *c);

/* A request as HTTP octets, appended. */
err_t client_write(struct client *c, const struct client_request *r, struct buf *out) MUST_USE;

/* A response from its first octet as far as it has arrived. *used: 0 while it is
 * not whole, then its octets. Views of *out are valid until the next use of the
 * client and as long as `in` is. Interim responses (1xx) are passed over.
 * ERR_SYNTAX (also: it answers another request), ERR_LIMIT...: the connection
 * cannot be trusted any more.
 * ERR_MISSING: an HTTP answer that is no oneM2M response; *http says its status. */
struct client_response {
	struct response_primitive primitive;
	unsigned http;
	bool close;         /* the peer ends the connection */
};
err_t client_parse(struct client *c, struct bytes in, struct client_response *out,
                   size_t *used) MUST_USE;

/* --- one blocking connection ------------------------------------------------- */

struct client_connection;

/* Connect and shake hands. `why` receives one line when it fails. ERR_IO (no
 * connection), ERR_REFUSED (the handshake was refused), ERR_TIMEOUT. */
err_t client_connect(const struct profile *p, struct client_connection **out,
                     char *why, size_t why_size) MUST_USE;
void client_disconnect(struct client_connection *c);

/* Send and wait for the answer. Views of *out are valid until the next call.
 * When the kept connection turned out to be closed before anything was read,
 * it is opened anew once for operations that only read, never for others: these
 * return ERR_CLOSED, and the caller knows that the outcome is unknown. */
err_t client_send(struct client_connection *c, const struct client_request *r,
                  struct client_response *out) MUST_USE;

/* HTTP that is no oneM2M: a whole request as it stands, and what came. *body is a view,
 * valid until the next call. */
err_t client_exchange(struct client_connection *c, struct bytes request, unsigned *http,
                      struct bytes *body) MUST_USE;

/* The head of what client_exchange got last; valid until the next call. */
struct bytes client_head(const struct client_connection *c);

/* Keying material of the association, as channel_export. ERR_REFUSED without TLS. */
err_t client_export(struct client_connection *c, const char *label, uint8_t *out, size_t n) MUST_USE;

#endif
