/* list.h: the lists of fields of HTTP/2 as the text of HTTP/1.1 and back.
 *
 *   :method :path :authority, fields, content  --http_list_message-->  one message
 *   the head of an answer                      --http_list_next----->  its fields
 *
 * So one parser and one set of limits read both versions; what it says of a
 * message does not depend on which carried it. A list that could be read as more
 * than one message, or as another, is refused here [RFC 9113 8.2, 8.3, 10.3]. */
#ifndef BINDING_HTTP_LIST_H
#define BINDING_HTTP_LIST_H

#include "binding/http/http.h"

enum http_pseudo { HTTP_PSEUDO_METHOD, HTTP_PSEUDO_PATH, HTTP_PSEUDO_AUTHORITY,
	           HTTP_PSEUDO_SCHEME, HTTP_PSEUDO_COUNT };

struct http_list {
	struct buf pseudo; /* their values, one behind the other */
	struct buf fields; /* the others as lines */
	struct http_span at[HTTP_PSEUDO_COUNT];
	bool seen[HTTP_PSEUDO_COUNT];
	bool host, regular;
	unsigned count;
	err_t err;         /* why the list is no request; sticky */
};

/* An empty list; what was taken is kept for the next. */
void http_list_init(struct http_list *l);
void http_list_reset(struct http_list *l);
void http_list_free(struct http_list *l);

/* One field of the list, in its order. l->err: ERR_LIMIT beyond HTTP_HEAD_MAX
 * octets or HTTP_HEADERS_MAX fields, ERR_SYNTAX for what may not stand in one. */
void http_list_add(struct http_list *l, struct bytes name, struct bytes value);

/* The request and its content as one message of HTTP/1.1, appended to out. l->err,
 * ERR_SYNTAX without method, path or host. */
err_t http_list_message(const struct http_list *l, struct bytes body, struct buf *out) MUST_USE;

/* The status of an answer that we wrote; *head is then its fields. */
unsigned http_list_status(struct bytes *head);
/* Its next field; false: none is left, and *head is the content. */
bool http_list_next(struct bytes *head, struct bytes *name, struct bytes *value);

#endif
