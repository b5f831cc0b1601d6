/* http2.c: one connection whose requests share it [RFC 9113]. The library keeps the
 * frames, the field tables and the windows; here stand the limits that it does not
 * have, and the turns: read what is there, serve what is whole, write once.
 *
 * What a peer may do without asking for anything is counted in frames between two
 * requests that are served: SETTINGS, PING, PRIORITY, WINDOW_UPDATE, empty DATA.
 * A stream that the peer takes back still counts as under way until the owner has
 * answered, so that taking back is no way to ask for more at once. */
#include "binding/link/inside.h"

#include <nghttp2/nghttp2.h>

static const struct bytes preface = { (const uint8_t *)NGHTTP2_CLIENT_MAGIC,
	                              NGHTTP2_CLIENT_MAGIC_LEN };

bool http2_is_preface(struct bytes octets, bool *more)
{
	bool starts = bytes_starts(octets, bytes_sub(preface, 0, octets.n));

	/* A request of HTTP/1.1 may begin with the same letter, not with three. */
	*more = octets.n < preface.n && starts;
	return octets.n >= preface.n && bytes_starts(octets, preface);
}

bool http2_is_chosen(const struct connection *c)
{
	const unsigned char *name = NULL;
	unsigned n = 0;

	if (c->ssl)
		SSL_get0_alpn_selected(c->ssl, &name, &n);
	return bytes_equal(bytes_make(name, n), BYTES("h2"));
}

void http2_doom(struct connection *c, const char *why)
{
	if (!c->http2 || c->http2->doomed)
		return;
	c->http2->doomed = why;
	connection_queue(c, false);
}

/* --- what the library tells of frames ---------------------------------------------- */

static struct connection *stream_of(struct connection *c, int32_t number)
{
	return nghttp2_session_get_stream_user_data(c->http2->session, number);
}

/* Too much of something: the rest of what arrived is not looked at. */
static int enough(struct connection *c, const char *why)
{
	http2_doom(c, why);
	return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *frame, void *self)
{
	struct connection *c = self;
	struct http2 *h = c->http2;

	if (frame->type == NGHTTP2_HEADERS)
		h->continuations = 0;
	if (frame->type == NGHTTP2_CONTINUATION && ++h->continuations > HTTP2_CONTINUATIONS)
		return enough(c, "too many pieces of one list of fields");
	if (++h->frames > HTTP2_FRAMES)
		return enough(c, "too many frames without a request");
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
	struct connection *c = self, *stream;
	struct http2 *h = c->http2;

	http_list_reset(&h->list);
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = h->last || h->streams_n >= c->set->limits.streams
	                 ? NULL
	                 : stream_begin(c, frame->hd.stream_id);
	if (!stream || nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream) != 0)
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
		                                 NGHTTP2_REFUSED_STREAM) == 0
		               ? 0
		               : NGHTTP2_ERR_CALLBACK_FAILURE;
	return 0;
}

static struct bytes octets_of(nghttp2_rcbuf *b)
{
	nghttp2_vec v = nghttp2_rcbuf_get_buf(b);

	return bytes_make(v.base, v.len);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, nghttp2_rcbuf *name,
                     nghttp2_rcbuf *value, uint8_t flags, void *self)
{
	struct connection *c = self;

	http_list_add(&c->http2->list, octets_of(name), octets_of(value));
	return 0;
}

/* The list is whole, or the content is. Fields behind the content mean nothing
 * here, and are refused. */
static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
	struct connection *c = self, *stream;
	struct http2 *h = c->http2;

	if (frame->hd.type == NGHTTP2_RST_STREAM && ++h->resets > HTTP2_RESETS)
		return enough(c, "too many streams taken back");
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	stream = stream_of(c, frame->hd.stream_id);
	if (!stream)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
		                                 NGHTTP2_PROTOCOL_ERROR) == 0
		               ? 0
		               : NGHTTP2_ERR_CALLBACK_FAILURE;
	if (frame->hd.type == NGHTTP2_HEADERS)
		stream_list(stream, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
	else if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
		stream_serve(stream);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t number, const uint8_t *data,
                   size_t n, void *self)
{
	struct connection *c = self, *stream = stream_of(c, number);

	if (stream)
		stream_content(stream, bytes_make(data, n));
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t number, uint32_t error, void *self)
{
	struct connection *stream = stream_of(self, number);

	if (stream)
		stream_forsake(stream);
	return 0;
}

/* --- a session ---------------------------------------------------------------------- */

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *b = NULL;

	if (nghttp2_session_callbacks_new(&b) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_frame_callback(b, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(b, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback2(b, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(b, on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(b, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(b, on_stream_close);
	return b;
}

static nghttp2_option *options_new(void)
{
	nghttp2_option *o = NULL;

	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_max_outbound_ack(o, HTTP2_ACKS);
	nghttp2_option_set_max_deflate_dynamic_table_size(o, HTTP2_TABLE);
	nghttp2_option_set_no_closed_streams(o, 1);
	/* What a list of fields means is judged once, by binding/http/list.h. */
	nghttp2_option_set_no_http_messaging(o, 1);
	nghttp2_option_set_max_continuations(o, HTTP2_CONTINUATIONS);
	return o;
}

static err_t settle(struct connection *c)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)c->set->limits.streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_WINDOW },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HTTP_HEAD_MAX },
		{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, HTTP2_TABLE },
		{ NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 }, /* deprecated: nothing is kept of them */
	};
	nghttp2_session *session = c->http2->session;

	if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, COUNT_OF(settings)) != 0 ||
	    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
	                                          HTTP2_WINDOW_ALL) != 0)
		return ERR_MEMORY;
	return ERR_OK;
}

static err_t session_new(struct connection *c)
{
	nghttp2_session_callbacks *callbacks = callbacks_new();
	nghttp2_option *options = options_new();
	err_t err = ERR_MEMORY;

	if (callbacks && options &&
	    nghttp2_session_server_new2(&c->http2->session, callbacks, c, options) == 0)
		err = settle(c);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	return err;
}

/* True when the octets are taken; the connection is to be ended otherwise. */
static bool take(struct connection *c, struct bytes octets)
{
	struct http2 *h = c->http2;
	ssize_t taken;

	h->inside = true;
	h->octets += octets.n;
	taken = nghttp2_session_mem_recv(h->session, octets.p, octets.n);
	h->inside = false;
	if (taken < 0 && !h->doomed)
		http2_doom(c, nghttp2_strerror((int)taken));
	if (h->octets > HTTP2_OCTETS)
		http2_doom(c, "too many octets without a request");
	return !h->doomed;
}

void http2_begin(struct connection *c, struct bytes octets)
{
	connection_enter(c, CONNECTION_SHARED);
	c->http2 = mem_new(1, sizeof(*c->http2));
	if (c->http2)
		http_list_init(&c->http2->list, c->set->limits.body);
	if (!c->http2 || session_new(c) != ERR_OK) {
		connection_close(c);
		return;
	}
	http2_deadline(c);
	(void)take(c, octets);
	c->set->buffered -= c->in.cap;
	buf_free(&c->in);
	/* Our settings leave at once, with what the octets brought. */
	connection_queue(c, false);
}

void http2_free(struct connection *c)
{
	struct http2 *h = c->http2;

	if (!h)
		return;
	while (h->streams)
		stream_end(h->streams);
	nghttp2_session_del(h->session);
	http_list_free(&h->list);
	c->http2 = NULL;
	mem_free(h);
}

void http2_finish(struct connection *c)
{
	struct http2 *h = c->http2;

	if (h->last)
		return;
	h->last = true;
	if (nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
	                          nghttp2_session_get_last_proc_stream_id(h->session),
	                          NGHTTP2_NO_ERROR, NULL, 0) != 0)
		http2_doom(c, "");
	connection_queue(c, false);
}

/* --- turns -------------------------------------------------------------------------- */

void http2_deadline(struct connection *c)
{
	const struct connection_limits *l = &c->set->limits;
	int64_t deadline = INT64_MAX;

	if (c->out.n)
		deadline = (int64_t)uv_now(c->set->loop) + l->request_ms;
	else if (!c->http2->streams_n)
		deadline = (int64_t)uv_now(c->set->loop) + l->idle_ms;
	wheel_set(&c->set->wheel, &c->timed, deadline < c->until ? deadline : c->until);
}

/* What the session has to say, as much as one write takes, into set->sending. */
static err_t gather(struct connection *c)
{
	struct buf *out = &c->set->sending;
	err_t err = ERR_OK;

	buf_clear(out);
	while (out->n < HTTP2_SENDING) {
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(c->http2->session, &data);

		if (n < 0)
			return ERR_CLOSED;
		if (n == 0)
			break;
		TRY(buf_add(out, bytes_make(data, (size_t)n)));
	}
out:
	return err;
}

/* What waits from earlier, first. *done: nothing waits any more. */
static err_t put_waiting(struct connection *c, bool *done)
{
	struct bytes rest = bytes_sub(bytes_of_buf(&c->out), c->out_at, c->out.n);
	err_t err;

	TRY(connection_put(c, &rest));
	c->out_at = c->out.n - rest.n;
	*done = rest.n == 0;
	if (!*done || !c->out.cap)
		goto out;
	c->set->buffered -= c->out.cap;
	buf_free(&c->out);
	c->out_at = 0;
	http2_deadline(c);
out:
	return err;
}

static err_t flush(struct connection *c)
{
	struct bytes octets;
	bool done;
	err_t err;

	for (;;) {
		TRY(put_waiting(c, &done));
		if (!done)
			return ERR_OK;
		c->http2->inside = true;
		err = gather(c);
		c->http2->inside = false;
		octets = bytes_of_buf(&c->set->sending);
		if (err != ERR_OK || octets.n == 0)
			return err;
		TRY(connection_put(c, &octets));
		if (!octets.n)
			continue;
		TRY(connection_keep_rest(c, octets));
		http2_deadline(c);
		return ERR_OK;
	}
out:
	return err;
}

/* Read what is there, at most a few times. *more: there may be more. */
static err_t read_some(struct connection *c, bool *more)
{
	*more = false;
	for (unsigned i = 0; i < READS_A_TURN && !c->out.n; i++) {
		size_t got;

		switch (io_read(c, c->set->room, ROOM_OCTETS, &got)) {
		case IO_DONE:
			if (!take(c, bytes_make(c->set->room, got)))
				return ERR_OK;
			*more = true;
			break;
		case IO_ENDED:
			return ERR_CLOSED;
		default:
			*more = false;
			return ERR_OK;
		}
	}
	return ERR_OK;
}

/* A last word: GOAWAY with the reason's number, then the end. */
static void end(struct connection *c)
{
	struct http2 *h = c->http2;

	if (*h->doomed) {
		c->set->owner.refused(c->set->owner.self, &c->address, h->doomed);
		(void)nghttp2_session_terminate_session(h->session, NGHTTP2_ENHANCE_YOUR_CALM);
		(void)flush(c);
	}
	connection_close(c);
}

static bool is_over(const struct connection *c)
{
	const struct http2 *h = c->http2;

	return !c->out.n && ((h->last && !h->streams_n) ||
	                     (!nghttp2_session_want_read(h->session) &&
	                      !nghttp2_session_want_write(h->session)));
}

void http2_step(struct connection *c)
{
	struct http2 *h = c->http2;
	bool more = false;
	err_t err = ERR_OK;

	connection_suspect(c, true);
	if (!h->doomed)
		err = read_some(c, &more);
	connection_suspect(c, false);
	if (err == ERR_OK && !h->doomed)
		err = flush(c);
	if (err == ERR_OK && !h->doomed && is_over(c))
		err = ERR_CLOSED;
	if (h->doomed) {
		end(c);
		return;
	}
	if (err != ERR_OK) {
		connection_close(c);
		return;
	}
	io_watch(c, c->out.n ? UV_WRITABLE : UV_READABLE);
	if (more || (!c->out.n && connection_has_leftover(c)))
		connection_queue(c, false);
}
