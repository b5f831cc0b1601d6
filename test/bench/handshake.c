/* handshake: what it costs that the keys are in another process.
 *
 * Ours: the channel with its keeper, CPU of both processes. Limit: libssl alone
 * with the same suites, groups and certificates and the key in the process that
 * serves. Resumed: each takes up the session of the one before, and gives a
 * ticket for the next; both keep the session themselves. The client is the same, in a process and on a processor of its own, and
 * not counted. Prints
 * a line per case and round: name, ours, limit (CPU microseconds a handshake),
 * limit / ours.
 *
 * Usage: bench-handshake [handshakes a round [case]] */
#define _GNU_SOURCE
#include "../unit/keeper_child.h"
#include "security/association/channel.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 5 };

#define IDENTITY "net@sp.example.org"
#define AE "//sp.example.org/in-cse/Cdev1"

static struct keeper_child child;
static struct buf ae_pem, ae_key, node_key_pem, limit_node_pem;
static uint8_t psk[32];

struct server {
	pid_t pid;
	int fd;
};

/* --- servers: one handshake after the other over one socket ----------------- */

static uint8_t kept_secret[32];
static struct channel_session kept;

static void keep(void *self, SSL *ssl, const struct channel_session *s)
{
	kept = *s;
	must(s->secret.n == sizeof(kept_secret));
	bytes_copy(kept_secret, s->secret.p, s->secret.n);
}

static void shake_ours(SSL *ssl, bool sessions)
{
	struct channel_peer peer;
	int done = SSL_do_handshake(ssl);

	if (done != 1 && channel_session_wanted(ssl)) {
		must(bytes_equal(BYTES_OF(channel_session_wanted(ssl)->id), BYTES_OF(kept.id)));
		must(channel_session_give(ssl, kept.suite, BYTES_OF(kept_secret)) == ERR_OK);
		done = SSL_do_handshake(ssl);
	}
	must(done == 1 && channel_peer(ssl, &peer) == ERR_OK);
	if (sessions)
		must(channel_session_offer(ssl, 3600) == ERR_OK);
}

static void serve(SSL_CTX *ctx, int fd, bool ours, bool sessions)
{
	char c;

	for (;;) {
		SSL *ssl = NULL;

		if (recv(fd, &c, 1, MSG_PEEK) != 1)
			_exit(0);
		if (ours) {
			must(channel_new(ctx, &ssl) == ERR_OK);
		} else {
			ssl = SSL_new(ctx);
			SSL_set_accept_state(ssl);
		}
		SSL_set_fd(ssl, fd);
		if (ours)
			shake_ours(ssl, sessions);
		else
			must(SSL_do_handshake(ssl) == 1);
		must(SSL_read(ssl, &c, 1) == 1 && SSL_write(ssl, &c, 1) == 1);
		/* Without an end libssl would forget the session. */
		SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(ssl);
	}
}

static SSL_CTX *ours_context(bool sessions)
{
	struct channel_server_setup setup = { .keeper = &child.gates[sessions],
		                              .anchor_pem = bytes_of_buf(&child.ca_pem),
		                              .certificate_pem = bytes_of_buf(&child.node_pem),
		                              .session = sessions ? keep : NULL };
	SSL_CTX *ctx;

	must(channel_server_new(&setup, &ctx) == ERR_OK);
	return ctx;
}

static SSL_SESSION *session_of(SSL *ssl)
{
	static const uint8_t suite[] = { 0x13, 0x01 };
	SSL_SESSION *s = SSL_SESSION_new();

	must(s && SSL_SESSION_set1_master_key(s, psk, 32) == 1 &&
	     SSL_SESSION_set_cipher(s, SSL_CIPHER_find(ssl, suite)) == 1 &&
	     SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1);
	return s;
}

static int limit_find(SSL *ssl, const unsigned char *identity, size_t n, SSL_SESSION **out)
{
	*out = bytes_equal(bytes_make(identity, n), BYTES(IDENTITY)) ? session_of(ssl) : NULL;
	return 1;
}

static unsigned limit_psk(SSL *ssl, const char *identity, unsigned char *out, unsigned max)
{
	if (!bytes_equal(bytes_str(identity), BYTES(IDENTITY)))
		return 0;
	bytes_copy(out, psk, 32);
	return 32;
}

static X509 *certificate_of(const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->p, (int)pem->n);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return x;
}

static SSL_CTX *limit_context(bool sessions)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509 *leaf = certificate_of(&limit_node_pem), *ca = certificate_of(&child.ca_pem);
	struct crypt_key key;

	must(crypt_p256_from_pem(bytes_of_buf(&node_key_pem), &key) == ERR_OK);
	must(SSL_CTX_use_certificate(ctx, leaf) == 1 && SSL_CTX_use_PrivateKey(ctx, key.pkey) == 1);
	must(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca) == 1);
	must(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") == 1);
	must(SSL_CTX_set_cipher_list(ctx, "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-GCM-SHA256:"
	                                  "ECDHE-ECDSA-AES128-GCM-SHA256") == 1);
	must(SSL_CTX_set1_groups_list(ctx, "X25519:P-256") == 1);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_session_cache_mode(ctx, sessions ? SSL_SESS_CACHE_SERVER : SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, sessions ? 1 : 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	must(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"limit", 5) == 1);
	SSL_CTX_set_psk_find_session_callback(ctx, limit_find);
	SSL_CTX_set_psk_server_callback(ctx, limit_psk);
	X509_free(leaf);
	X509_free(ca);
	crypt_key_free(&key);
	return ctx;
}

/* A server in a process of its own. */
static struct server server_start(bool ours, bool sessions)
{
	struct server s;
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	s.pid = fork();
	must(s.pid >= 0);
	if (s.pid == 0) {
		close(pair[0]);
		serve(ours ? ours_context(sessions) : limit_context(sessions), pair[1], ours, sessions);
	}
	close(pair[1]);
	s.fd = pair[0];
	return s;
}

/* --- the client and the clock --------------------------------------------------- */

/* Servers and keeper on one processor, the client on another. */
static void pin(pid_t pid, int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	(void)sched_setaffinity(pid, sizeof(set), &set);
}

static double cpu_of(pid_t pid)
{
	clockid_t id;
	struct timespec t;

	must(clock_getcpuclockid(pid, &id) == 0 && clock_gettime(id, &t) == 0);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The client's ticket of the connection before; NULL: none yet, or none wanted. */
static SSL_SESSION *ticket;

static int on_ticket(SSL *ssl, SSL_SESSION *made)
{
	SSL_SESSION_free(ticket);
	ticket = made;
	return 1;
}

/* Who takes up a session has nothing else to show. */
struct clients {
	SSL_CTX *whole, *resuming; /* resuming NULL: none */
};

static void shake(const struct clients *k, int fd)
{
	bool resumes = ticket;
	SSL *ssl;
	char c = 'x';

	must(channel_new(resumes ? k->resuming : k->whole, &ssl) == ERR_OK);
	SSL_set_fd(ssl, fd);
	must(!resumes || SSL_set_session(ssl, ticket) == 1);
	must(SSL_do_handshake(ssl) == 1);
	must(!resumes || SSL_session_reused(ssl) == 1);
	must(SSL_write(ssl, &c, 1) == 1 && SSL_read(ssl, &c, 1) == 1);
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(ssl);
}

/* CPU microseconds of a handshake over server and, with ours, keeper. */
static double measure(const struct clients *k, const struct server *s, bool ours, unsigned times)
{
	double before = cpu_of(s->pid) + (ours ? cpu_of(child.pid) : 0);

	for (unsigned i = 0; i < times; i++) {
		shake(k, s->fd);
		/* The core would read these; a full socket would stop the keeper. */
		must(keeper_drain(&child.core) == ERR_OK);
	}
	return (cpu_of(s->pid) + (ours ? cpu_of(child.pid) : 0) - before) / times;
}

static SSL_CTX *client_context(bool guest, bool by_psk, int version)
{
	struct channel_client_setup setup = { .name = CHILD_HOST, .guest = guest,
		                              .anchor_pem = bytes_of_buf(&child.ca_pem) };
	SSL_CTX *ctx;

	if (guest) {
		/* nothing */
	} else if (by_psk) {
		setup.psk_identity = BYTES(IDENTITY);
		setup.psk = BYTES_OF(psk);
	} else {
		setup.certificate_pem = bytes_of_buf(&ae_pem);
		setup.key_pem = bytes_of_buf(&ae_key);
	}
	must(channel_client_new(&setup, &ctx) == ERR_OK);
	must(SSL_CTX_set_max_proto_version(ctx, version) == 1);
	return ctx;
}

/* A certificate of the node's own name for the limit, with a key that we have. */
static void limit_certificate(void)
{
	must(keeper_child_certificate(&child, CERTIFY_CSE, BYTES("limit.sp.example.org"),
	                              &limit_node_pem, &node_key_pem) == ERR_OK);
}

struct bench_case {
	const char *name;
	bool by_psk;
	int version;
	bool resumed;
};

static SSL_CTX *client_of(const struct bench_case *c, bool ours, bool guest)
{
	SSL_CTX *ctx = client_context(guest, c->by_psk, c->version);

	if (!ours && !c->by_psk)
		must(X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(ctx), "limit.sp.example.org", 0) == 1);
	if (c->resumed) {
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
		SSL_CTX_sess_set_new_cb(ctx, on_ticket);
	}
	return ctx;
}

/* So many handshakes, after some that warm up: of sessions only the first is a whole one. */
static double round_of(const struct bench_case *c, const struct server *s, bool ours, unsigned times)
{
	struct clients k = { client_of(c, ours, false), c->resumed ? client_of(c, ours, true) : NULL };
	double us;

	(void)measure(&k, s, ours, 20);
	us = measure(&k, s, ours, times);
	SSL_SESSION_free(ticket);
	ticket = NULL;
	SSL_CTX_free(k.whole);
	SSL_CTX_free(k.resuming);
	return us;
}

/* Servers of a kind, without sessions and with them. */
static void start_servers(bool ours, struct server out[2])
{
	for (int sessions = 0; sessions < 2; sessions++) {
		out[sessions] = server_start(ours, sessions);
		pin(out[sessions].pid, 1);
	}
}

int main(int argc, char **argv)
{
	static const struct bench_case cases[] = {
		{ "handshake-certificate-tls13", false, TLS1_3_VERSION, false },
		{ "handshake-certificate-resumed", false, TLS1_3_VERSION, true },
		{ "handshake-psk-tls13", true, TLS1_3_VERSION, false },
		{ "handshake-psk-resumed", true, TLS1_3_VERSION, true },
		{ "handshake-certificate-tls12", false, TLS1_2_VERSION, false },
		{ "handshake-psk-tls12", true, TLS1_2_VERSION, false },
	};
	struct server ours[2], limit[2];
	uint64_t times = 400;

	if (argc > 1 && bytes_to_u64(bytes_str(argv[1]), 1000000, &times) != ERR_OK)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	ae_pem = limit_node_pem = buf_make(8192);
	ae_key = node_key_pem = buf_make(4096);
	keeper_child_start(&child);
	must(keeper_child_certificate(&child, CERTIFY_AE, BYTES(AE), &ae_pem, &ae_key) == ERR_OK);
	limit_certificate();
	crypt_random(psk, 32);
	must(keeper_child_psk(&child, BYTES(IDENTITY), BYTES_OF(psk)) == ERR_OK);
	start_servers(true, ours);
	start_servers(false, limit);
	pin(0, 0);
	pin(child.pid, 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct bench_case *c = &cases[i];

		if (argc > 2 && !bytes_equal(bytes_str(argv[2]), bytes_str(c->name)))
			continue;
		for (int r = 0; r < ROUNDS; r++) {
			double a = round_of(c, &ours[c->resumed], true, (unsigned)times);
			double b = round_of(c, &limit[c->resumed], false, (unsigned)times);

			printf("%-30s %8.1f %8.1f %6.2f\n", c->name, a, b, b / a);
		}
		fflush(stdout);
	}
	for (int i = 0; i < 2; i++) {
		close(ours[i].fd);
		close(limit[i].fd);
	}
	keeper_child_stop(&child);
	return 0;
}
