/* connection.c: one blocking connection of a client. */
#define _GNU_SOURCE
#include "client/client.h"
#include "security/association/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 16384, INPUT_MAX = CLIENT_RESPONSE_MAX + HTTP_HEAD_MAX + READ_SIZE };

struct client_connection {
	const struct profile *profile;
	struct client client;
	SSL_CTX *context; /* NULL: plain, loopback only */
	SSL *ssl;
	int fd;
	bool used; /* something was answered on it */
	struct buf in, out;
	size_t head;  /* octets of the head that client_exchange got */
	size_t taken; /* octets of `in` that belong to the last response */
};

static void explain(char *why, size_t size, const char *what, const char *detail)
{
	(void)text_print(why, size, "%s%s%s", what, detail[0] ? ": " : "", detail);
}

/* --- TCP ------------------------------------------------------------------------ */

static bool is_loopback(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;

		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	}
	if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;

		return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
	}
	return false;
}

static err_t wait_connected(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int n, error = 0;

	do {
		n = poll(&p, 1, CLIENT_TIME_S * 1000);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		return ERR_TIMEOUT;
	if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
		return ERR_IO;
	return ERR_OK;
}

/* Blocking from here on, each read and write within CLIENT_TIME_S. */
static err_t settle(int fd)
{
	struct timeval time = { .tv_sec = CLIENT_TIME_S };
	int one = 1, flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) != 0)
		return ERR_IO;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return ERR_OK;
}

static err_t connect_one(const struct addrinfo *a, int *out)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	err_t err = ERR_OK;

	if (fd < 0)
		return ERR_IO;
	if (connect(fd, a->ai_addr, a->ai_addrlen) != 0)
		err = errno == EINPROGRESS ? wait_connected(fd) : ERR_IO;
	if (err == ERR_OK)
		err = settle(fd);
	if (err == ERR_OK)
		*out = fd;
	else
		close(fd);
	return err;
}

static err_t connect_tcp(const struct profile *p, int *out, char *why, size_t why_size)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *list = NULL;
	int failed = getaddrinfo(p->host, p->port, &hints, &list);
	err_t err = ERR_IO;

	if (failed) {
		explain(why, why_size, "the address cannot be resolved", gai_strerror(failed));
		return ERR_IO;
	}
	for (struct addrinfo *a = list; a && err != ERR_OK; a = a->ai_next) {
		if (p->credential == PROFILE_NONE && !is_loopback(a->ai_addr)) {
			err = ERR_REFUSED;
			explain(why, why_size, "plain HTTP goes to loopback addresses only", "");
			continue;
		}
		err = connect_one(a, out);
		if (err != ERR_OK)
			(void)text_print(why, why_size, "nobody answers at %s port %s%s", p->host, p->port,
			                 err == ERR_TIMEOUT ? " in time" : "");
	}
	freeaddrinfo(list);
	return err;
}

/* --- the association --------------------------------------------------------------- */

static err_t make_context(const struct profile *p, SSL_CTX **out)
{
	struct channel_client_setup setup = { .name = p->name };

	if (p->credential == PROFILE_PSK) {
		setup.psk_identity = bytes_str(p->identity);
		setup.psk = secret_view(&p->key);
	} else if (p->credential == PROFILE_GUEST) {
		setup.anchor_pem = bytes_of_buf(&p->anchor);
		setup.guest = true;
	} else {
		setup.anchor_pem = bytes_of_buf(&p->anchor);
		setup.certificate_pem = bytes_of_buf(&p->certificate);
		setup.key_pem = secret_view(&p->key);
	}
	return channel_client_new(&setup, out);
}

static err_t shake_hands(struct client_connection *c, char *why, size_t why_size)
{
	struct channel_peer peer;
	char detail[160] = "";
	err_t err;

	if (!c->context)
		return ERR_OK;
	TRY(channel_new(c->context, &c->ssl));
	if (SSL_set_fd(c->ssl, c->fd) != 1)
		return ERR_CRYPTO;
	SSL_set_connect_state(c->ssl);
	if (SSL_do_handshake(c->ssl) != 1) {
		channel_error(detail, sizeof(detail));
		explain(why, why_size, "no security association could be established", detail);
		return ERR_REFUSED;
	}
	if (c->profile->credential == PROFILE_GUEST && c->profile->anchor.n == 0)
		goto out; /* nobody is believed here */
	err = channel_peer(c->ssl, &peer);
	if (err != ERR_OK)
		explain(why, why_size, "the node did not authenticate as the profile asks", "");
out:
	return err;
}

static void hang_up(struct client_connection *c)
{
	if (c->ssl) {
		(void)SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
		c->ssl = NULL;
	}
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->used = false;
	c->taken = 0;
	buf_clear(&c->in);
}

static err_t establish(struct client_connection *c, char *why, size_t why_size)
{
	err_t err;

	TRY(connect_tcp(c->profile, &c->fd, why, why_size));
	err = shake_hands(c, why, why_size);
out:
	if (err != ERR_OK)
		hang_up(c);
	return err;
}

err_t client_connect(const struct profile *p, struct client_connection **out,
                     char *why, size_t why_size)
{
	struct client_connection *c = mem_new(1, sizeof(*c));
	err_t err;

	*out = NULL;
	why[0] = '\0';
	if (!c)
		return ERR_MEMORY;
	c->profile = p;
	c->fd = -1;
	c->in = buf_make(INPUT_MAX);
	c->out = buf_make(INPUT_MAX);
	TRY(client_init(&c->client, p));
	if (p->credential != PROFILE_NONE && p->credential != PROFILE_BARE)
		TRY(make_context(p, &c->context));
	TRY(establish(c, why, why_size));
	*out = c;
	c = NULL;
out:
	if (err != ERR_OK && why[0] == '\0')
		explain(why, why_size, "the credential of the profile cannot be used", err_text(err));
	client_disconnect(c);
	return err;
}

void client_disconnect(struct client_connection *c)
{
	if (!c)
		return;
	hang_up(c);
	SSL_CTX_free(c->context);
	client_free(&c->client);
	buf_free(&c->in);
	buf_free(&c->out);
	mem_free(c);
}

struct bytes client_head(const struct client_connection *c)
{
	return bytes_sub(bytes_of_buf(&c->in), 0, c->head);
}

err_t client_export(struct client_connection *c, const char *label, uint8_t *out, size_t n)
{
	return c->ssl ? channel_export(c->ssl, label, out, n) : ERR_REFUSED;
}

/* --- octets -------------------------------------------------------------------------- */

static err_t write_plain(int fd, struct bytes b)
{
	while (b.n > 0) {
		ssize_t n = send(fd, b.p, b.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
		b = bytes_sub(b, (size_t)n, b.n);
	}
	return ERR_OK;
}

static err_t write_out(struct client_connection *c)
{
	size_t n = 0;

	if (!c->ssl)
		return write_plain(c->fd, bytes_of_buf(&c->out));
	return SSL_write_ex(c->ssl, c->out.p, c->out.n, &n) == 1 && n == c->out.n ? ERR_OK : ERR_CLOSED;
}

static err_t read_in(struct client_connection *c)
{
	size_t n = 0;
	err_t err;

	TRY(buf_reserve(&c->in, READ_SIZE));
	if (c->ssl) {
		errno = 0;
		if (SSL_read_ex(c->ssl, c->in.p + c->in.n, READ_SIZE, &n) != 1)
			return errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
	} else {
		ssize_t got;

		do {
			got = recv(c->fd, c->in.p + c->in.n, READ_SIZE, 0);
		} while (got < 0 && errno == EINTR);
		if (got <= 0)
			return got < 0 && errno == EAGAIN ? ERR_TIMEOUT : ERR_CLOSED;
		n = (size_t)got;
	}
	c->in.n += n;
out:
	return err;
}

/* One exchange on the connection as it is. *early: nothing of an answer came. */
static err_t exchange(struct client_connection *c, struct client_response *out, bool *early)
{
	size_t used = 0;
	err_t err;

	*early = true;
	buf_consume(&c->in, c->taken);
	c->taken = 0;
	if (c->in.n > 0)
		return ERR_SYNTAX; /* an answer that nobody asked for */
	TRY(write_out(c));
	while (used == 0) {
		TRY(read_in(c));
		*early = false;
		TRY(client_parse(&c->client, bytes_of_buf(&c->in), out, &used));
	}
out:
	c->taken = used;
	c->used |= err == ERR_OK;
	return err;
}

err_t client_send(struct client_connection *c, const struct client_request *r,
                  struct client_response *out)
{
	char why[160];
	bool early = false, kept = c->used;
	err_t err;

	*out = (struct client_response){ .http = 0 };
	buf_clear(&c->out);
	TRY(client_write(&c->client, r, &c->out));
	if (c->fd < 0)
		TRY(establish(c, why, sizeof(why)));
	err = exchange(c, out, &early);
	if (err == ERR_CLOSED && early && kept && r->operation == OPERATION_RETRIEVE) {
		/* The node may close an idle connection at any time. */
		hang_up(c);
		TRY(establish(c, why, sizeof(why)));
		err = exchange(c, out, &early);
	}
	if (err == ERR_OK || err == ERR_MISSING) {
		if (!out->close)
			return err;
		/* the answer stays in c->in until the next call */
		if (c->ssl)
			SSL_free(c->ssl);
		c->ssl = NULL;
		close(c->fd);
		c->fd = -1;
		c->used = false;
		return err;
	}
	hang_up(c);
out:
	return err;
}

err_t client_exchange(struct client_connection *c, struct bytes request, unsigned *http,
                      struct bytes *body)
{
	struct http_parser parser;
	bool done = false;
	err_t err;

	buf_clear(&c->out);
	buf_clear(&c->in);
	c->taken = 0;
	http_parser_init(&parser, true, CLIENT_RESPONSE_MAX);
	TRY(buf_add(&c->out, request));
	TRY(write_out(c));
	while (!done) {
		TRY(read_in(c));
		TRY(http_parse(&parser, bytes_of_buf(&c->in), &done));
	}
	*http = parser.status;
	*body = http_body(&parser, bytes_of_buf(&c->in));
	c->head = parser.head_n;
	c->taken = (size_t)parser.head_n + parser.body_n;
out:
	if (c->out.p)
		secret_wipe(c->out.p, c->out.cap);
	return err;
}
