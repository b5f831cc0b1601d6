/* list.h: the lists of fields of HTTP/2, judged as the lines of HTTP/1.1 are, and back.
 *
 *   :method :path :authority, fields  --http_list_add-->  spans of a parser into a text
 *   the head of an answer             --http_list_next->  its fields
 *
 * One grammar and one set of limits for both versions: what a request line, a field and a
 * whole mean is judged by the same functions, only that no line is cut here. What could be
 * read as more than one message, or as another, is refused [RFC 9113 8.2, 8.3, 10.3]. */
#ifndef BINDING_HTTP_LIST_H
#define BINDING_HTTP_LIST_H

#include "binding/http/http.h"

enum http_pseudo { HTTP_PSEUDO_METHOD, HTTP_PSEUDO_PATH, HTTP_PSEUDO_AUTHORITY,
	           HTTP_PSEUDO_SCHEME, HTTP_PSEUDO_COUNT };

struct http_list {
	struct http_parser parser; /* what was found; after an error: status and why */
	struct buf text;           /* the values, one behind the other, behind a blank: the head
	                            * that the parser's spans mean */
	struct http_span at[HTTP_PSEUDO_COUNT];
	size_t body_max, octets;
	unsigned count;
	bool regular;              /* the pseudo fields are over */
	err_t err;                 /* why the list is no request; sticky */
};

/* An empty list; what was taken is kept for the next. */
void http_list_init(struct http_list *l, size_t body_max);
void http_list_reset(struct http_list *l);
void http_list_free(struct http_list *l);

/* One field of the list, in its order. l->err: ERR_LIMIT beyond HTTP_HEAD_MAX
 * octets or HTTP_HEADERS_MAX fields, ERR_SYNTAX for what may not stand in one, and as
 * http_parse. */
void http_list_add(struct http_list *l, struct bytes name, struct bytes value);

/* There are no more. l->err, ERR_SYNTAX without method, scheme or path. */
err_t http_list_end(struct http_list *l) MUST_USE;

/* The head's parser, or a copy of it, once the content is there: is it a whole that can be
 * trusted? The message is head_n octets of l->text, then body_n of content, as many as
 * Content-Length says where it is there. As http_parse. */
err_t http_list_whole(struct http_parser *p, size_t head_n, size_t body_n) MUST_USE;

/* The status of an answer that we wrote, three digits; *head is then its fields. */
struct bytes http_list_status(struct bytes *head);
/* Its next field; false: none is left, and *head is the content. */
bool http_list_next(struct bytes *head, struct bytes *name, struct bytes *value);

#endif
