/* handshake: what it costs that the keys are in another process.
 *
 * Ours: the channel with its keeper, CPU of both processes. Limit: libssl alone
 * with the same suites, groups and certificates and the key in the process that
 * serves. The client is the same, in a process and on a processor of its own, and
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

/* --- servers: one handshake after the other over one socket ----------------- */

static void serve(SSL_CTX *ctx, int fd, bool ours)
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
		must(SSL_do_handshake(ssl) == 1);
		if (ours) {
			struct channel_peer peer;

			must(channel_peer(ssl, &peer) == ERR_OK);
		}
		must(SSL_read(ssl, &c, 1) == 1 && SSL_write(ssl, &c, 1) == 1);
		SSL_free(ssl);
	}
}

static SSL_CTX *ours_context(void)
{
	struct channel_server_setup setup = { .keeper = &child.gates[0],
		                              .anchor_pem = bytes_of_buf(&child.ca_pem),
		                              .certificate_pem = bytes_of_buf(&child.node_pem) };
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
	*out = session_of(ssl);
	return 1;
}

static unsigned limit_psk(SSL *ssl, const char *identity, unsigned char *out, unsigned max)
{
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

static SSL_CTX *limit_context(void)
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
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	must(SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"limit", 5) == 1);
	SSL_CTX_set_psk_find_session_callback(ctx, limit_find);
	SSL_CTX_set_psk_server_callback(ctx, limit_psk);
	X509_free(leaf);
	X509_free(ca);
	crypt_key_free(&key);
	return ctx;
}

/* A server in a process of its own; its socket comes back. */
static pid_t server_start(bool ours, int *fd)
{
	int pair[2];
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		close(pair[0]);
		serve(ours ? ours_context() : limit_context(), pair[1], ours);
	}
	close(pair[1]);
	*fd = pair[0];
	return pid;
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

static void shake(SSL_CTX *ctx, int fd)
{
	SSL *ssl;
	char c = 'x';

	must(channel_new(ctx, &ssl) == ERR_OK);
	SSL_set_fd(ssl, fd);
	must(SSL_do_handshake(ssl) == 1);
	must(SSL_write(ssl, &c, 1) == 1 && SSL_read(ssl, &c, 1) == 1);
	SSL_free(ssl);
}

/* CPU microseconds of a handshake over the processes given. */
static double measure(SSL_CTX *ctx, int fd, const pid_t *pids, size_t n, unsigned times)
{
	double before = 0, after = 0;

	for (size_t i = 0; i < n; i++)
		before += cpu_of(pids[i]);
	for (unsigned i = 0; i < times; i++) {
		shake(ctx, fd);
		/* The core would read these; a full socket would stop the keeper. */
		must(keeper_drain(&child.core) == ERR_OK);
	}
	for (size_t i = 0; i < n; i++)
		after += cpu_of(pids[i]);
	return (after - before) / times;
}

static SSL_CTX *client_context(bool by_psk, int version)
{
	struct channel_client_setup setup = { .name = CHILD_HOST,
		                              .anchor_pem = bytes_of_buf(&child.ca_pem) };
	SSL_CTX *ctx;

	if (by_psk) {
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

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		bool by_psk;
		int version;
	} cases[] = {
		{ "handshake-certificate-tls13", false, TLS1_3_VERSION },
		{ "handshake-psk-tls13", true, TLS1_3_VERSION },
		{ "handshake-certificate-tls12", false, TLS1_2_VERSION },
		{ "handshake-psk-tls12", true, TLS1_2_VERSION },
	};
	uint64_t times = 400;
	int fd[2];
	pid_t pids[2], limit;

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
	pids[0] = server_start(true, &fd[0]);
	pids[1] = child.pid;
	limit = server_start(false, &fd[1]);
	pin(0, 0);
	pin(pids[0], 1);
	pin(pids[1], 1);
	pin(limit, 1);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SSL_CTX *ours, *bare;

		if (argc > 2 && !bytes_equal(bytes_str(argv[2]), bytes_str(cases[i].name)))
			continue;
		ours = client_context(cases[i].by_psk, cases[i].version);
		bare = client_context(cases[i].by_psk, cases[i].version);
		if (!cases[i].by_psk)
			must(X509_VERIFY_PARAM_set1_host(SSL_CTX_get0_param(bare),
			                                 "limit.sp.example.org", 0) == 1);
		(void)measure(ours, fd[0], pids, 2, 20);
		(void)measure(bare, fd[1], &limit, 1, 20);
		for (int r = 0; r < ROUNDS; r++) {
			double a = measure(ours, fd[0], pids, 2, (unsigned)times);
			double b = measure(bare, fd[1], &limit, 1, (unsigned)times);

			printf("%-28s %8.1f %8.1f %6.2f\n", cases[i].name, a, b, b / a);
		}
		fflush(stdout);
		SSL_CTX_free(ours);
		SSL_CTX_free(bare);
	}
	close(fd[0]);
	close(fd[1]);
	keeper_child_stop(&child);
	return 0;
}
