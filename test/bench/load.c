/* load.c: the load generator, the same for ours and for the limit.
 *
 * usage: load --port N [--name NAME --ca F (--cert F --key F... | --psk ID:HEX)] --connections N
 *             --seconds N [--origin ID] (--get PATH | --post PATH [--ty N --content JSON] | --idle)
 *             [--visits [--resume]]
 * One request in flight on each connection. Several --cert and --key pairs take
 * turns over the connections. --seconds 0 with --requests N ends after so many
 * requests instead. --post creates contentInstances, or what --ty and --content say, with
 * fresh request identifiers; `#` in path and content is the number of the request, from 1. --idle opens the connections, prints "open"
 * and waits for the end of its standard input. Prints one line:
 *   requests N errors N seconds S rate R p50 US p99 US
 * --visits makes --requests connections, one after the other, with one request each; --resume
 * takes up the session that the one before was given. Then the line says as well
 *   octets N (records of a handshake, tickets among them, both ways) resumed N
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 20000, SAMPLES = 1 << 20, PAIRS = 64 };

struct connection {
	int fd;
	SSL *ssl;
	int open;       /* handshake done */
	char out[1024];
	int out_n, out_at;
	char in[65536];
	int in_n;
	long long asked; /* ns */
};

static struct {
	int port, connections, idle, visits, resume;
	double seconds;
	long requests;
	const char *name, *ca, *cert[PAIRS], *key[PAIRS], *psk, *origin, *get, *post, *content;
	int certs, keys, ty;
} o = { .connections = 16, .seconds = 3, .origin = "Cdev", .ty = 4,
	.content = "{\"m2m:cin\":{\"con\":\"reading # of the meter\"}}" };

static struct connection *c;
static float *samples;
static long sample_n, requests, errors, serial;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static SSL_SESSION *kept;
static long octets, resumed;

static int on_session(SSL *ssl, SSL_SESSION *s)
{
	(void)ssl;
	SSL_SESSION_free(kept);
	kept = s;
	return 1;
}

/* Counts records of the handshake; what a protected one holds is told after its head. */
static void on_record(int out, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
	static long head[2];
	const unsigned char *b = p;

	(void)version, (void)n, (void)ssl, (void)arg;
	if (type == SSL3_RT_INNER_CONTENT_TYPE && b[0] == SSL3_RT_HANDSHAKE)
		octets += head[out];
	if (type != SSL3_RT_HEADER)
		return;
	head[out] = SSL3_RT_HEADER_LENGTH + (b[3] << 8 | b[4]);
	if (b[0] == SSL3_RT_HANDSHAKE || b[0] == SSL3_RT_CHANGE_CIPHER_SPEC)
		octets += head[out];
}

static unsigned char psk_key[64];
static size_t psk_n;
static char psk_identity[128];

static int psk_use(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_n, SSL_SESSION **session)
{
	static const unsigned char suite[] = { 0x13, 0x01 };
	SSL_SESSION *s;

	(void)md;
	*session = NULL;
	if (o.resume && kept) /* it is known by that */
		return 1;
	s = SSL_SESSION_new();
	if (!s || !SSL_SESSION_set1_master_key(s, psk_key, psk_n) ||
	    !SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite)) ||
	    !SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
		return 0;
	*id = (const unsigned char *)psk_identity;
	*id_n = strlen(psk_identity);
	*session = s;
	return 1;
}

/* Context number i: the certificate and key of pair i. */
static SSL_CTX *context(int i)
{
	SSL_CTX *ctx;

	if (!o.ca && !o.psk)
		return NULL;
	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set1_groups_list(ctx, "X25519:P-256");
	if (o.visits) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, on_session);
		SSL_CTX_set_msg_callback(ctx, on_record);
	}
	if (o.certs && (SSL_CTX_use_certificate_file(ctx, o.cert[i], SSL_FILETYPE_PEM) != 1 ||
	                SSL_CTX_use_PrivateKey_file(ctx, o.key[i], SSL_FILETYPE_PEM) != 1)) {
		fprintf(stderr, "load: cannot read %s\n", o.cert[i]);
		exit(2);
	}
	if (o.ca) {
		SSL_CTX_load_verify_locations(ctx, o.ca, NULL);
		SSL_CTX_set_verify(ctx, o.certs ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	}
	if (o.psk) {
		const char *colon = strrchr(o.psk, ':');
		long n;
		unsigned char *raw = OPENSSL_hexstr2buf(colon + 1, &n);

		memcpy(psk_key, raw, (size_t)n);
		psk_n = (size_t)n;
		snprintf(psk_identity, sizeof(psk_identity), "%.*s", (int)(colon - o.psk), o.psk);
		SSL_CTX_set_psk_use_session_callback(ctx, psk_use);
	}
	return ctx;
}

/* The text with the number of the request in place of each `#`. */
static int numbered(const char *text, char *out, size_t max)
{
	size_t n = 0;

	for (; *text && n + 24 < max; text++) {
		if (*text == '#')
			n += (size_t)snprintf(out + n, max - n, "%ld", serial);
		else
			out[n++] = *text;
	}
	out[n] = 0;
	return (int)n;
}

static void prepare(struct connection *k)
{
	char body[512], path[256];
	int n;

	serial++;
	if (o.post) {
		n = numbered(o.content, body, sizeof(body));
		numbered(o.post, path, sizeof(path));
		k->out_n = snprintf(k->out, sizeof(k->out),
		    "POST %s HTTP/1.1\r\nHost: %s\r\nX-M2M-Origin: %s\r\nX-M2M-RI: %d-%ld\r\nX-M2M-RVI: 3\r\n"
		    "Content-Type: application/json;ty=%d\r\nAccept: application/json\r\nContent-Length: %d\r\n\r\n%s",
		    path, o.name ? o.name : "x", o.origin, (int)getpid(), serial, o.ty, n, body);
	} else {
		k->out_n = snprintf(k->out, sizeof(k->out),
		    "GET %s HTTP/1.1\r\nHost: %s\r\nX-M2M-Origin: %s\r\nX-M2M-RI: %d-%ld\r\nX-M2M-RVI: 3\r\n"
		    "Accept: application/json\r\n\r\n",
		    o.get ? o.get : "/", o.name ? o.name : "x", o.origin, (int)getpid(), serial);
	}
	k->out_at = 0;
	k->in_n = 0;
	k->asked = now();
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int put(struct connection *k)
{
	while (k->out_at < k->out_n) {
		int n = k->ssl ? SSL_write(k->ssl, k->out + k->out_at, k->out_n - k->out_at)
		               : (int)write(k->fd, k->out + k->out_at, (size_t)(k->out_n - k->out_at));

		if (n <= 0)
			return 0;
		k->out_at += n;
	}
	return 1;
}

/* 1 when a whole answer is there. */
static int answered(struct connection *k)
{
	char *end = memmem(k->in, (size_t)k->in_n, "\r\n\r\n", 4), *length;
	int n = 0;

	if (!end)
		return 0;
	*end = 0;
	length = strcasestr(k->in, "content-length:");
	if (length)
		n = atoi(length + 15);
	*end = '\r';
	return k->in_n >= end + 4 - k->in + n;
}

static void take(struct connection *k)
{
	for (;;) {
		int n = k->ssl ? SSL_read(k->ssl, k->in + k->in_n, (int)sizeof(k->in) - 1 - k->in_n)
		               : (int)read(k->fd, k->in + k->in_n, sizeof(k->in) - 1 - (size_t)k->in_n);

		if (n <= 0) {
			if (k->ssl ? SSL_get_error(k->ssl, n) == SSL_ERROR_WANT_READ : errno == EAGAIN)
				return;
			fprintf(stderr, "load: the server closed\n");
			exit(1);
		}
		k->in_n += n;
		k->in[k->in_n] = 0;
		if (answered(k)) {
			requests++;
			if (strncmp(k->in, "HTTP/1.1 2", 10) != 0 && errors++ == 0)
				fprintf(stderr, "load: %.300s\n", k->in);
			if (sample_n < SAMPLES)
				samples[sample_n++] = (float)((double)(now() - k->asked) / 1000);
			prepare(k);
			put(k);
		}
	}
}

static void dial(struct connection *k, SSL_CTX *ctx)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)o.port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1;

	k->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (k->fd < 0 || connect(k->fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		die("connect");
	setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (ctx) {
		k->ssl = SSL_new(ctx);
		SSL_set_fd(k->ssl, k->fd);
		if (o.name)
			SSL_set_tlsext_host_name(k->ssl, o.name);
		if (o.resume && kept)
			SSL_set_session(k->ssl, kept);
		if (SSL_connect(k->ssl) != 1) {
			fprintf(stderr, "load: handshake failed\n");
			exit(1);
		}
	}
	fcntl(k->fd, F_SETFL, O_NONBLOCK);
}

/* One connection, one request, its answer. */
static void visit(struct connection *k, SSL_CTX *ctx)
{
	bool known = o.resume && kept;

	dial(k, ctx);
	resumed += known && SSL_session_reused(k->ssl); /* by a pre-shared key it is said to be, too */
	prepare(k);
	put(k);
	while (!answered(k)) {
		int n = SSL_read(k->ssl, k->in + k->in_n, (int)sizeof(k->in) - 1 - k->in_n);
		struct pollfd p = { .fd = k->fd, .events = POLLIN };

		if (n <= 0 && (SSL_get_error(k->ssl, n) != SSL_ERROR_WANT_READ || poll(&p, 1, 10000) != 1))
			die("no answer");
		k->in_n += n > 0 ? n : 0;
		k->in[k->in_n] = 0;
	}
	requests++;
	errors += strncmp(k->in, "HTTP/1.1 2", 10) != 0;
	samples[sample_n++] = (float)((double)(now() - k->asked) / 1000);
	SSL_shutdown(k->ssl);
	SSL_free(k->ssl);
	close(k->fd);
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static void options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *v = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--idle")) { o.idle = 1; continue; }
		if (!strcmp(argv[i], "--visits")) { o.visits = 1; continue; }
		if (!strcmp(argv[i], "--resume")) { o.resume = 1; continue; }
		i++;
		if (!strcmp(argv[i - 1], "--port")) o.port = atoi(v);
		else if (!strcmp(argv[i - 1], "--connections")) o.connections = atoi(v);
		else if (!strcmp(argv[i - 1], "--seconds")) o.seconds = atof(v);
		else if (!strcmp(argv[i - 1], "--name")) o.name = v;
		else if (!strcmp(argv[i - 1], "--ca")) o.ca = v;
		else if (!strcmp(argv[i - 1], "--requests")) o.requests = atol(v);
		else if (!strcmp(argv[i - 1], "--cert") && o.certs < PAIRS) o.cert[o.certs++] = v;
		else if (!strcmp(argv[i - 1], "--key") && o.keys < PAIRS) o.key[o.keys++] = v;
		else if (!strcmp(argv[i - 1], "--psk")) o.psk = v;
		else if (!strcmp(argv[i - 1], "--origin")) o.origin = v;
		else if (!strcmp(argv[i - 1], "--get")) o.get = v;
		else if (!strcmp(argv[i - 1], "--post")) o.post = v;
		else if (!strcmp(argv[i - 1], "--content")) o.content = v;
		else if (!strcmp(argv[i - 1], "--ty")) o.ty = atoi(v);
		else { fprintf(stderr, "load: %s?\n", argv[i - 1]); exit(2); }
	}
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx[PAIRS];
	int pairs;
	long long began, end;
	int ep = epoll_create1(0);

	options(argc, argv);
	if (o.connections > MAX || o.certs != o.keys || (o.visits && (!o.requests || o.requests > SAMPLES || (!o.ca && !o.psk))))
		return 2;
	pairs = o.certs ? o.certs : 1;
	for (int i = 0; i < pairs; i++)
		ctx[i] = context(i);
	c = calloc((size_t)o.connections, sizeof(*c));
	samples = calloc(SAMPLES, sizeof(*samples));
	for (int i = 0; i < o.connections && !o.visits; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = &c[i] };

		dial(&c[i], ctx[i % pairs]);
		epoll_ctl(ep, EPOLL_CTL_ADD, c[i].fd, &e);
	}
	if (o.idle) {
		char octet;

		puts("open");
		fflush(stdout);
		return read(0, &octet, 1) < 0;
	}
	began = now();
	end = began + (long long)((o.requests ? 3600 : o.seconds) * 1e9);
	for (long i = 0; o.visits && i < o.requests; i++)
		visit(c, ctx[0]);
	for (int i = 0; i < o.connections && !o.visits; i++) {
		prepare(&c[i]);
		put(&c[i]);
	}
	while (now() < end && (!o.requests || requests < o.requests)) {
		struct epoll_event events[256];
		int n = epoll_wait(ep, events, 256, 100);

		for (int i = 0; i < n; i++)
			take(events[i].data.ptr);
	}
	qsort(samples, (size_t)sample_n, sizeof(*samples), by_value);
	printf("requests %ld errors %ld seconds %.3f rate %.0f p50 %.0f p99 %.0f", requests, errors,
	       (double)(now() - began) / 1e9, (double)requests / ((double)(now() - began) / 1e9),
	       sample_n ? samples[sample_n / 2] : 0, sample_n ? samples[sample_n * 99 / 100] : 0);
	if (o.visits)
		printf(" octets %ld resumed %ld", requests ? octets / requests : 0, resumed);
	puts("");
	return errors != 0;
}
