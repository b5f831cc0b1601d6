/* http2_stream.c: one request among those that share a connection. For the owner
 * it is a connection of its own; here it has no socket, only a place among the
 * streams of the whole. Its request is judged by the functions that judge one of
 * HTTP/1.1 (binding/http/list.h). */
#include "binding/link/inside.h"

#include <nghttp2/nghttp2.h>

enum { FIELDS_MAX = 48 };

struct connection *stream_begin(struct connection *c, int32_t number)
{
	struct connection *s = mem_new(1, sizeof(*s));
	struct http2 *h = c->http2;

	if (!s)
		return NULL;
	*s = (struct connection){ .set = c->set, .whole = c, .stream = number, .fd = -1,
		                  .address = c->address, .port = c->port, .number = c->number,
		                  .guest = c->guest, .shed = c->shed, .device = c->device,
		                  .until = INT64_MAX, .state = CONNECTION_REQUEST };
	s->in = buf_make(c->set->limits.body);
	s->out = buf_make(SIZE_MAX / 4);
	s->id = slot_take(c->set, s);
	if (!s->id) {
		mem_free(s);
		return NULL;
	}
	s->stream_next = h->streams;
	s->stream_from = &h->streams;
	if (s->stream_next)
		s->stream_next->stream_from = &s->stream_next;
	h->streams = s;
	if (h->streams_n++ == 0)
		http2_deadline(c);
	connection_enter(s, CONNECTION_REQUEST);
	return s;
}

static void forget(struct connection *s, struct buf *b)
{
	s->set->buffered -= b->cap;
	buf_free(b);
}

void stream_end(struct connection *s)
{
	struct connection *c = s->whole;

	connection_left(s);
	wheel_remove(&s->timed);
	*s->stream_from = s->stream_next;
	if (s->stream_next)
		s->stream_next->stream_from = s->stream_from;
	if (--c->http2->streams_n == 0 && c->state != CONNECTION_CLOSED)
		http2_deadline(c);
	forget(s, &s->in);
	forget(s, &s->out);
	slot_release(s->set, s->id);
	s->state = CONNECTION_CLOSED;
	mem_free(s);
}

/* --- the request ------------------------------------------------------------------- */

/* An answer without the owner. */
static void refuse(struct connection *s, unsigned status, const char *why, struct bytes message)
{
	struct http_refusal refusal;
	struct buf out = buf_make(HTTP_REFUSAL_MAX);

	s->parser.status = (uint16_t)status;
	s->parser.why = why;
	refusal = http_parser_refusal(&s->parser, message);
	s->set->owner.refused(s->set->owner.self, &s->address, why);
	connection_enter(s, CONNECTION_SERVING);
	if (http_refusal_write(&refusal, http_identifier(&s->parser, message), false, &out) == ERR_OK)
		stream_answer(s, bytes_of_buf(&out), false);
	else
		http2_doom(s->whole, "");
	buf_free(&out);
}

/* The owner gets the message: head, then content. */
static void serve(struct connection *s, struct bytes message, size_t head_n)
{
	if (http_list_whole(&s->parser, head_n, message.n - head_n) != ERR_OK) {
		refuse(s, s->parser.status, s->parser.why, message);
		return;
	}
	s->whole->http2->frames = 0;
	s->whole->http2->octets = 0;
	connection_enter(s, CONNECTION_SERVING);
	s->asked = true;
	s->set->owner.request(s->set->owner.self, s, message);
}

/* The session's list becomes the head of the message, before another one arrives. Until
 * the content is there, parser.seen is where it begins. */
void stream_list(struct connection *s, bool alone)
{
	struct http_list *list = &s->whole->http2->list;
	struct bytes head = bytes_of_buf(&list->text);
	err_t err = http_list_end(list);

	s->parser = list->parser;
	if (err != ERR_OK) {
		refuse(s, s->parser.status, s->parser.why, head);
		return;
	}
	if (alone) {
		serve(s, head, head.n);
		return;
	}
	s->in.max = HTTP_HEAD_MAX + s->set->limits.body;
	s->parser.seen = (uint32_t)head.n;
	if (s->set->buffered + head.n > s->set->limits.buffered || buf_add(&s->in, head) != ERR_OK)
		refuse(s, 503, "too much is waiting here", BYTES_NONE);
	s->set->buffered += s->in.cap;
}

void stream_content(struct connection *s, struct bytes octets)
{
	struct http2 *h = s->whole->http2;
	size_t before = s->in.cap;
	err_t err = ERR_FULL;

	if (s->state != CONNECTION_REQUEST)
		return; /* answered already: the rest is not wanted */
	/* Content is no idle frame. */
	h->frames -= h->frames > 0;
	h->octets -= octets.n < h->octets ? octets.n : h->octets;
	if (s->in.n - s->parser.seen + octets.n > s->set->limits.body) {
		refuse(s, 413, "the content is too large", bytes_of_buf(&s->in));
		return;
	}
	if (s->set->buffered + octets.n <= s->set->limits.buffered)
		err = buf_add(&s->in, octets);
	s->set->buffered += s->in.cap - before;
	if (err != ERR_OK)
		refuse(s, 503, "too much is waiting here", BYTES_NONE);
}

void stream_serve(struct connection *s)
{
	if (s->state != CONNECTION_REQUEST)
		return;
	serve(s, bytes_of_buf(&s->in), s->parser.seen);
	forget(s, &s->in);
}

void stream_forsake(struct connection *s)
{
	(void)nghttp2_session_set_stream_user_data(s->whole->http2->session, s->stream, NULL);
	if (s->state == CONNECTION_SERVING) {
		s->forsaken = true;
		connection_left(s);
	} else {
		stream_end(s);
	}
}

/* --- the answer --------------------------------------------------------------------- */

static ssize_t on_source(nghttp2_session *session, int32_t number, uint8_t *to, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *self)
{
	struct connection *s = source->ptr;
	struct bytes rest = bytes_sub(bytes_of_buf(&s->out), s->out_at, max);

	bytes_copy(to, rest.p, rest.n);
	s->out_at += rest.n;
	if (s->out_at == s->out.n) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		s->asked = false;
	}
	return (ssize_t)rest.n;
}

/* Name and value stay where they are until the answer has left. */
static nghttp2_nv field(struct bytes name, struct bytes value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n,
		             value.n, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}

/* Our own octets, in s->out: letters, digits and hyphens, for which this is lower case. */
static void make_lower(struct bytes name)
{
	uint8_t *p = (uint8_t *)(uintptr_t)name.p;

	for (size_t i = 0; i < name.n; i++)
		p[i] |= 0x20;
}

/* Names in lower case; of one hop is only Connection. */
static size_t fields_of(struct bytes *head, nghttp2_nv nv[FIELDS_MAX])
{
	struct bytes name, value;
	size_t n = 1;

	nv[0] = field(BYTES(":status"), http_list_status(head));
	while (n < FIELDS_MAX && http_list_next(head, &name, &value)) {
		make_lower(name);
		if (bytes_equal(name, BYTES("connection")))
			continue;
		nv[n] = field(name, value);
		n++;
	}
	return n;
}

static err_t submit(struct connection *s, struct bytes octets)
{
	nghttp2_data_provider source = { { .ptr = s }, on_source };
	nghttp2_nv nv[FIELDS_MAX];
	size_t n;
	err_t err;

	if (s->set->buffered + octets.n > s->set->limits.buffered)
		return ERR_FULL;
	TRY(buf_add(&s->out, octets));
	s->set->buffered += s->out.cap;
	octets = bytes_of_buf(&s->out);
	n = fields_of(&octets, nv);
	s->out_at = s->out.n - octets.n;
	if (nghttp2_submit_response(s->whole->http2->session, s->stream, nv, n,
	                            octets.n ? &source : NULL) != 0)
		err = ERR_CLOSED;
	s->asked = s->asked && octets.n;
out:
	return err;
}

void stream_answer(struct connection *s, struct bytes octets, bool close)
{
	struct connection *c = s->whole;
	struct http2 *h = c->http2;

	h->resets -= h->resets > 0 && !s->forsaken;
	if (close)
		http2_finish(c);
	if (s->forsaken) {
		stream_end(s);
	} else {
		connection_enter(s, CONNECTION_WRITING);
		if (submit(s, octets) != ERR_OK)
			http2_doom(c, "");
	}
	connection_queue(c, false);
}
