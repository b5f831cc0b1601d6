/* echo2.c: the limit of HTTP/2: one process with libuv and libnghttp2 that answers
 * each request with the fields of our answers and the same octets. No list of fields
 * is read, no mapping, no core: what any server on this library must at least do. One
 * read and one write a turn of a connection, as in binding/link/http2.c.
 *
 * usage: bench-echo2 --port N [--octets N]
 * Plain, with prior knowledge. Prints "listening" when it does. */
#define _GNU_SOURCE
#include "base/bytes.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nghttp2/nghttp2.h>
#include <uv.h>

enum { ROOM = 20 * 1024, SENDING = 512 * 1024, OCTETS = 178, OCTETS_MAX = 16384 };

struct client {
	uv_poll_t poll;
	nghttp2_session *session;
	int fd;
};

static uv_loop_t loop;
static struct buf sending;
static uint8_t room[ROOM], content[OCTETS_MAX];
static size_t content_n = OCTETS;
static char length[24];

static _Noreturn void die(const char *why)
{
	fprintf(stderr, "echo2: %s\n", why);
	exit(1);
}

static ssize_t on_source(nghttp2_session *session, int32_t number, uint8_t *to, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *self)
{
	size_t n = content_n < max ? content_n : max;

	bytes_copy(to, content, n);
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
	struct bytes n = bytes_str(name), v = bytes_str(value);

	return (nghttp2_nv){ (uint8_t *)(uintptr_t)n.p, (uint8_t *)(uintptr_t)v.p, n.n, v.n,
		             NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE };
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *self)
{
	const nghttp2_nv nv[] = {
		field(":status", "200"), field("x-m2m-rsc", "2000"), field("x-m2m-ri", "h2"),
		field("x-m2m-rvi", "3"), field("cache-control", "no-store"),
		field("x-content-type-options", "nosniff"), field("content-type", "application/json"),
		field("content-length", length),
	};
	nghttp2_data_provider source = { .read_callback = on_source };

	if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	return nghttp2_submit_response(session, frame->hd.stream_id, nv, COUNT_OF(nv), &source);
}

static nghttp2_session *session_new(struct client *c)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options;
	nghttp2_session *session;

	must(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&options) == 0);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_no_http_messaging(options, 1);
	must(nghttp2_session_server_new2(&session, callbacks, c, options) == 0);
	must(nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, NULL, 0) == 0);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(options);
	return session;
}

/* What the session has to say, in one write. */
static bool flush(struct client *c)
{
	const uint8_t *data;
	ssize_t n;

	buf_clear(&sending);
	while ((n = nghttp2_session_mem_send(c->session, &data)) > 0)
		must(buf_add(&sending, bytes_make(data, (size_t)n)) == ERR_OK);
	return n == 0 && (!sending.n || send(c->fd, sending.p, sending.n, MSG_NOSIGNAL) == (ssize_t)sending.n);
}

static void on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct client *c = handle->data;
	ssize_t n = recv(c->fd, room, sizeof(room), MSG_DONTWAIT);

	if (n > 0 && nghttp2_session_mem_recv(c->session, room, (size_t)n) == n && flush(c))
		return;
	(void)uv_poll_stop(handle);
	nghttp2_session_del(c->session);
	close(c->fd);
	uv_close((uv_handle_t *)handle, on_closed);
}

static void on_arrival(uv_poll_t *handle, int status, int events)
{
	int fd = accept4(*(int *)handle->data, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
	struct client *c;

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	c = mem_new(1, sizeof(*c));
	must(c && uv_poll_init(&loop, &c->poll, fd) == 0);
	c->fd = fd;
	c->poll.data = c;
	c->session = session_new(c);
	must(flush(c) && uv_poll_start(&c->poll, UV_READABLE, on_poll) == 0);
}

static int open_listener(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1024) != 0)
		die("cannot listen");
	return fd;
}

int main(int argc, char **argv)
{
	static uv_poll_t listener;
	uint64_t port = 0, n = OCTETS;
	int fd;

	if (argc < 3 || !bytes_equal(bytes_str(argv[1]), BYTES("--port")) ||
	    bytes_to_u64(bytes_str(argv[2]), 65535, &port) != ERR_OK ||
	    (argc == 5 && bytes_to_u64(bytes_str(argv[4]), OCTETS_MAX, &n) != ERR_OK))
		die("usage: --port N [--octets N]");
	content_n = (size_t)n;
	(void)text_print(length, sizeof(length), "%zu", content_n);
	(void)signal(SIGPIPE, SIG_IGN);
	sending = buf_make(SENDING);
	for (size_t i = 0; i < content_n; i++)
		content[i] = 'x';
	fd = open_listener((uint16_t)port);
	must(uv_loop_init(&loop) == 0 && uv_poll_init(&loop, &listener, fd) == 0);
	listener.data = &fd;
	must(uv_poll_start(&listener, UV_READABLE, on_arrival) == 0);
	puts("listening");
	fflush(stdout);
	return uv_run(&loop, UV_RUN_DEFAULT);
}
