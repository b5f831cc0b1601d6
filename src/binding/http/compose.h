/* compose.h: a canonical CBOR map put together from members that come in any
 * order. The parts stand in a buffer that may move, so they are kept as
 * offsets. Internal to binding/http. */
#ifndef BINDING_HTTP_COMPOSE_H
#define BINDING_HTTP_COMPOSE_H

#include "binding/http/http.h"

enum { COMPOSE_MAX = 48 };

struct compose {
	struct buf *parts; /* the encoded values, one behind the other */
	struct bytes notify; /* X-M2M-RTU, until rt is put */
	bool notifies;       /* it is there, and rt is not put yet */
	size_t n;
	struct { const char *key; size_t at, end; } member[COMPOSE_MAX];
};

static inline struct compose compose_in(struct buf *parts)
{
	return (struct compose){ .parts = parts };
}

/* What is put into c->parts from here is the value of `key`, a literal or a
 * table's text. ERR_LIMIT. */
err_t compose_key(struct compose *c, const char *key) MUST_USE;

/* The map, appended to out, which is not c->parts. ERR_DUPLICATE. */
err_t compose_put(struct compose *c, struct buf *out) MUST_USE;

/* A parameter's text as the value its kind asks for; lists are joined by '+'.
 * For rt the text is its number, empty when only c->notify is known.
 * ERR_SYNTAX, ERR_RANGE. */
err_t compose_param(struct compose *c, enum param p, struct bytes text) MUST_USE;

/* The request target into `to` (member To) and the parameters and filter
 * criteria of the query. `inner` is working memory. */
err_t target_read(struct bytes target, struct compose *c, struct buf *inner,
                  enum http_method method) MUST_USE;

err_t query_read(struct bytes query, struct compose *c, struct buf *inner,
                 enum http_method method) MUST_USE;

/* One percent-decoding of raw into out[size]: UTF-8 without control characters.
 * ERR_SYNTAX, ERR_LIMIT. */
err_t uri_decode(struct bytes raw, uint8_t *out, size_t size, struct bytes *text) MUST_USE;

/* text percent-encoded; "/" stays where `path`. */
err_t uri_encode(struct bytes text, bool path, struct buf *out) MUST_USE;

/* The path of an address: "/" + CSE-relative, "/~" SP-relative, "/_" absolute. */
err_t uri_put_path(struct bytes to, struct buf *out) MUST_USE;

/* fc, rt, the attribute list of a partial Retrieve and the parameters with a place in the query, as "?a=b&..." */
err_t query_write(struct bytes primitive, struct buf *out) MUST_USE;
/* That attribute list, which is no body [TS-0009 6.2.2.2, 6.5]; false: there is none. */
bool query_attributes(struct bytes primitive, struct cbor *list);

#endif
