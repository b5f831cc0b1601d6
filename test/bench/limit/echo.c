/* echo.c: the limit that the gate is held against: one process with libuv,
 * OpenSSL and the same HTTP parser, the key in its own memory, that answers
 * each request with the same 400 octets. No limits, no times, no mapping, no
 * association, no core: what any server of this kind must at least do.
 *
 * usage: bench-echo --port N [--ca FILE --cert FILE --key FILE | --psk ID:HEX]
 *                   [--octets N] [--address A] [--sessions yes]
 * Without TLS options it speaks plain HTTP. Mutual TLS: client certificates are
 * asked for and verified. With sessions it gives one ticket a handshake, whose session it keeps
 * itself (no ticket key). Prints "listening" when it does. */
#define _GNU_SOURCE
#include "base/bytes.h"
#include "binding/http/http.h"
#include "crypt/algorithms.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <uv.h>

enum { ROOM = 20 * 1024, OCTETS = 400 };

struct client {
	uv_poll_t poll;
	SSL *ssl;
	int fd;
	bool open;
	struct buf in;
};

static struct {
	const char *port, *address, *ca, *cert, *key, *psk, *octets, *sessions;
} o = { .address = "127.0.0.1" };

static uv_loop_t loop;
static SSL_CTX *ctx;
static struct buf answer;
static uint8_t room[ROOM];
static uint8_t psk_key[32];
static size_t psk_n;
static char psk_identity[128];

static _Noreturn void die(const char *why)
{
	fprintf(stderr, "echo: %s\n", why);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* --- the channel: the same suites and habits as security/association/channel --- */

static int find_psk(SSL *ssl, const unsigned char *identity, size_t n, SSL_SESSION **out)
{
	static const unsigned char suite[] = { 0x13, 0x01 };
	SSL_SESSION *s;

	*out = NULL;
	if (!bytes_equal(bytes_make(identity, n), bytes_str(psk_identity)))
		return 1;
	s = SSL_SESSION_new();
	if (!s || !SSL_SESSION_set1_master_key(s, psk_key, psk_n) ||
	    !SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite)) ||
	    !SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return 0;
	*out = s;
	return 1;
}

static void open_psk(void)
{
	struct bytes whole = bytes_str(o.psk), identity, hex;
	size_t at = whole.n;

	/* An identity may have colons of its own. */
	while (at && whole.p[at - 1] != ':')
		at--;
	if (!at)
		die("--psk ID:HEX");
	identity = bytes_sub(whole, 0, at - 1);
	hex = bytes_sub(whole, at, whole.n);
	psk_n = hex.n / 2;
	if (psk_n > sizeof(psk_key) || bytes_from_hex(hex, psk_key, psk_n) != ERR_OK ||
	    bytes_put_str(psk_identity, sizeof(psk_identity), identity) != ERR_OK)
		die("--psk ID:HEX");
	SSL_CTX_set_psk_find_session_callback(ctx, find_psk);
}

static void open_certificate(void)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, o.cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, o.key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_load_verify_locations(ctx, o.ca, NULL) != 1)
		die("certificate, key or trust anchor");
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void open_channel(void)
{
	char suites[ALGORITHM_LIST_MAX], suites12[ALGORITHM_LIST_MAX], groups[ALGORITHM_LIST_MAX];

	ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx || algorithm_list(ALGORITHM_TLS13_SUITE, false, 0, suites) != ERR_OK ||
	    algorithm_list(ALGORITHM_TLS12_SUITE, false, 0, suites12) != ERR_OK ||
	    algorithm_list(ALGORITHM_GROUP, false, 0, groups) != ERR_OK ||
	    SSL_CTX_set_ciphersuites(ctx, suites) != 1 ||
	    SSL_CTX_set_cipher_list(ctx, suites12) != 1 ||
	    SSL_CTX_set1_groups_list(ctx, groups) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		die("context");
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
	                         SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, o.sessions ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_num_tickets(ctx, o.sessions ? 1 : 0) != 1 ||
	    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"echo", 4) != 1)
		die("sessions");
	SSL_CTX_set_read_ahead(ctx, 1);
	if (o.psk)
		open_psk();
	else
		open_certificate();
}

/* --- one connection -------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	mem_free(handle->data);
}

static void end(struct client *c)
{
	uv_close((uv_handle_t *)&c->poll, on_closed);
	/* Without a goodbye libssl would forget the session. */
	if (c->ssl && c->open)
		(void)SSL_shutdown(c->ssl);
	if (c->ssl)
		SSL_free(c->ssl);
	close(c->fd);
	buf_free(&c->in);
}

/* >0 octets, 0 nothing now, -1 the end. */
static int receive(struct client *c, uint8_t *p, size_t n)
{
	int got;

	if (!c->ssl) {
		got = (int)recv(c->fd, p, n, MSG_DONTWAIT);
		return got > 0 ? got : got < 0 && errno == EAGAIN ? 0 : -1;
	}
	ERR_clear_error();
	got = SSL_read(c->ssl, p, (int)n);
	if (got > 0)
		return got;
	return SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ ? 0 : -1;
}

static bool reply(struct client *c)
{
	if (!c->ssl)
		return send(c->fd, answer.p, answer.n, MSG_NOSIGNAL) == (ssize_t)answer.n;
	return SSL_write(c->ssl, answer.p, (int)answer.n) == (int)answer.n;
}

/* All whole requests at the head of `view`; what remains, or NULL at the end. */
static bool serve(struct client *c, struct bytes *view)
{
	while (view->n) {
		struct http_parser p;
		bool done;

		http_parser_init(&p, false, HTTP_BODY_MAX);
		if (http_parse(&p, *view, &done) != ERR_OK)
			return false;
		if (!done)
			return true;
		*view = bytes_sub(*view, p.head_n + p.body_n, view->n);
		if (!reply(c))
			return false;
	}
	return true;
}

/* *some: octets came. */
static bool receive_and_serve(struct client *c, bool *some)
{
	bool fresh = c->in.n == 0;
	struct bytes view;
	int got;

	if (!fresh && buf_reserve(&c->in, ROOM) != ERR_OK)
		return false;
	got = receive(c, fresh ? room : c->in.p + c->in.n, ROOM);
	*some = got > 0;
	if (got <= 0)
		return got == 0;
	c->in.n += fresh ? 0 : (size_t)got;
	view = fresh ? bytes_make(room, (size_t)got) : bytes_of_buf(&c->in);
	if (!serve(c, &view))
		return false;
	if (fresh)
		return !view.n || buf_add(&c->in, view) == ERR_OK;
	buf_consume(&c->in, c->in.n - view.n);
	if (!c->in.n)
		buf_free(&c->in);
	return true;
}

/* False when the connection is over. */
static bool handshake(struct client *c)
{
	int result;

	ERR_clear_error();
	result = SSL_accept(c->ssl);
	c->open = result == 1;
	return c->open || SSL_get_error(c->ssl, result) == SSL_ERROR_WANT_READ;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
	struct client *c = handle->data;
	bool more = status >= 0, some = true;

	if (more && !c->open)
		more = handshake(c);
	else if (more)
		more = receive_and_serve(c, &some);
	/* A request may come along with the end of the handshake, or with another. */
	while (more && some && c->open && c->ssl && SSL_has_pending(c->ssl))
		more = receive_and_serve(c, &some);
	if (!more)
		end(c);
}

static void on_arrival(uv_poll_t *handle, int status, int events)
{
	int listener = *(int *)handle->data;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
	struct client *c;

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	c = mem_new(1, sizeof(*c));
	must(c && uv_poll_init(&loop, &c->poll, fd) == 0);
	c->fd = fd;
	c->poll.data = c;
	c->in = buf_make(HTTP_HEAD_MAX + HTTP_BODY_MAX + ROOM);
	c->open = !ctx;
	if (ctx) {
		c->ssl = SSL_new(ctx);
		must(c->ssl && SSL_set_fd(c->ssl, fd) == 1);
	}
	must(uv_poll_start(&c->poll, UV_READABLE, on_poll) == 0);
}

/* --- the program ----------------------------------------------------------------- */

static int open_listener(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
	uint64_t port;

	if (!o.port || bytes_to_u64(bytes_str(o.port), 65535, &port) != ERR_OK ||
	    inet_pton(AF_INET, o.address, &a.sin_addr) != 1)
		die("--port N --address A");
	a.sin_port = htons((uint16_t)port);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1024) != 0)
		die("cannot listen");
	return fd;
}

/* The head of an answer of ours, and so many octets of content. */
static void make_answer(void)
{
	struct http_mapper mapper;
	struct response_primitive r = { .status = 2000, .rqi = BYTES("12345678"), .rvi = BYTES("3") };
	struct buf text = buf_make(1 << 20), content = buf_make(1 << 20);
	uint64_t n = OCTETS;

	if (o.octets && bytes_to_u64(bytes_str(o.octets), 1000000, &n) != ERR_OK)
		die("--octets N");
	while (text.n + 4 < n)
		must(buf_add_byte(&text, 'x') == ERR_OK);
	must(cbor_put_text(&content, bytes_of_buf(&text)) == ERR_OK);
	r.content = bytes_of_buf(&content);
	answer = buf_make(2 << 20);
	http_mapper_init(&mapper, 1 << 20);
	must(http_response_write(&r, &mapper, (struct http_form){ HTTP_JSON, false, false }, &answer) == ERR_OK);
	http_mapper_free(&mapper);
	buf_free(&text);
	buf_free(&content);
}

static void read_options(int argc, char **argv)
{
	const struct { const char *name; const char **value; } options[] = {
		{ "--port", &o.port }, { "--address", &o.address }, { "--ca", &o.ca },
		{ "--cert", &o.cert }, { "--key", &o.key }, { "--psk", &o.psk },
		{ "--octets", &o.octets }, { "--sessions", &o.sessions },
	};

	for (int i = 1; i + 1 < argc; i += 2) {
		size_t k = 0;

		while (k < COUNT_OF(options) &&
		       !bytes_equal(bytes_str(argv[i]), bytes_str(options[k].name)))
			k++;
		if (k == COUNT_OF(options))
			die("unknown option");
		*options[k].value = argv[i + 1];
	}
	if (argc < 3 || argc % 2 == 0 || (o.cert && !(o.ca && o.key)))
		die("usage: --port N [--ca FILE --cert FILE --key FILE | --psk ID:HEX] [--octets N] [--sessions yes]");
}

int main(int argc, char **argv)
{
	static uv_poll_t listener;
	int fd;

	read_options(argc, argv);
	(void)signal(SIGPIPE, SIG_IGN);
	make_answer();
	if (o.cert || o.psk)
		open_channel();
	fd = open_listener();
	must(uv_loop_init(&loop) == 0 && uv_poll_init(&loop, &listener, fd) == 0);
	listener.data = &fd;
	must(uv_poll_start(&listener, UV_READABLE, on_arrival) == 0);
	puts("listening");
	fflush(stdout);
	return uv_run(&loop, UV_RUN_DEFAULT);
}
