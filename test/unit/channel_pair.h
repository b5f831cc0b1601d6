/* channel_pair.h: a server with a real keeper behind it, clients, and handshakes
 * between them in memory. For the tests of the channel. */
#ifndef CHANNEL_PAIR_H
#define CHANNEL_PAIR_H

#include "security/association/channel_inside.h"

#include "certificates.h"
#include "keeper_child.h"
#include "unit.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>

static struct keeper_child child;
static struct authority trusted, rogue, constrained;
static SSL_CTX *server;
static struct buf ae_pem, ae_key;
static uint8_t psk32[32], psk16[16];

#define AE "m2m://sp.example.org/in-cse/Cdev1"
#define PSK_NAME "net@sp.example.org"
#define PSK_SHORT "short@sp.example.org"

static inline SSL_CTX *server_make(struct keeper *k, bool legacy)
{
	struct channel_server_setup setup = { .keeper = k, .legacy = legacy };
	struct buf anchors = buf_make(65536);
	SSL_CTX *ctx;

	assert_int_equal(buf_add(&anchors, bytes_of_buf(&child.ca_pem)), ERR_OK);
	assert_int_equal(buf_add(&anchors, bytes_of_buf(&trusted.pem)), ERR_OK);
	assert_int_equal(buf_add(&anchors, bytes_of_buf(&constrained.pem)), ERR_OK);
	setup.anchor_pem = bytes_of_buf(&anchors);
	setup.certificate_pem = bytes_of_buf(&child.node_pem);
	assert_int_equal(channel_server_new(&setup, &ctx), ERR_OK);
	buf_free(&anchors);
	return ctx;
}

/* --- our client and the server in one process, over memory --------------------- */

struct pair {
	SSL *client, *server;
	bool client_done, server_done;
	char why[128]; /* of the server's failure */
	int alert;     /* that the server sent, -1 none */
};

static int pair_alert;

static inline void on_alert(const SSL *ssl, int where, int value)
{
	if (where == SSL_CB_WRITE_ALERT)
		pair_alert = value & 0xff;
}

/* One step of one side; false when it failed for good. */
static inline bool step(SSL *ssl, bool *done)
{
	int n;

	if (*done)
		return true;
	n = SSL_do_handshake(ssl);
	if (n == 1) {
		*done = true;
		return true;
	}
	n = SSL_get_error(ssl, n);
	return n == SSL_ERROR_WANT_READ || n == SSL_ERROR_WANT_WRITE;
}

static inline void pair_open(struct pair *p, SSL_CTX *client_ctx, SSL_CTX *server_ctx)
{
	BIO *a, *b;

	*p = (struct pair){ .alert = -1 };
	pair_alert = -1;
	assert_int_equal(channel_new(server_ctx, &p->server), ERR_OK);
	p->client = SSL_new(client_ctx);
	SSL_set_connect_state(p->client);
	assert_int_equal(BIO_new_bio_pair(&a, 65536, &b, 65536), 1);
	SSL_set_bio(p->client, a, a);
	SSL_set_bio(p->server, b, b);
}

/* The handshake. True when both ends were content. */
static inline bool pair_shake(struct pair *p)
{
	bool good = true;

	ERR_clear_error();
	for (int i = 0; i < 20 && good && !(p->client_done && p->server_done); i++) {
		good = step(p->client, &p->client_done);
		ERR_clear_error();
		if (!step(p->server, &p->server_done)) {
			good = false;
			channel_error(p->why, sizeof(p->why));
		}
	}
	return p->client_done && p->server_done;
}

static inline void pair_close(struct pair *p)
{
	SSL_free(p->client);
	SSL_free(p->server);
	ERR_clear_error();
}

/* An octet each way. */
static inline bool pair_talk(struct pair *p)
{
	char c = 0;

	return SSL_write(p->client, "a", 1) == 1 && SSL_read(p->server, &c, 1) == 1 && c == 'a' &&
	       SSL_write(p->server, "b", 1) == 1 && SSL_read(p->client, &c, 1) == 1 && c == 'b';
}

static inline SSL_CTX *certificate_client(struct bytes pem, struct bytes key)
{
	struct channel_client_setup setup = { .anchor_pem = bytes_of_buf(&child.ca_pem),
		                              .certificate_pem = pem, .key_pem = key,
		                              .name = CHILD_HOST };
	SSL_CTX *ctx;

	assert_int_equal(channel_client_new(&setup, &ctx), ERR_OK);
	return ctx;
}

static inline SSL_CTX *psk_client(const char *identity, struct bytes key)
{
	struct channel_client_setup setup = { .psk_identity = bytes_str(identity), .psk = key };
	SSL_CTX *ctx;

	assert_int_equal(channel_client_new(&setup, &ctx), ERR_OK);
	return ctx;
}

/* A client of libssl alone, without any of our habits. */
static inline SSL_CTX *bare_client(const char *suites, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	if (suites)
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, suites), 1);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, version), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	return ctx;
}

static inline void bare_credential(SSL_CTX *ctx, struct bytes pem, struct bytes key)
{
	BIO *a = BIO_new_mem_buf(pem.p, (int)pem.n), *b = BIO_new_mem_buf(key.p, (int)key.n);
	X509 *x = PEM_read_bio_X509(a, NULL, NULL, NULL);
	EVP_PKEY *k = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);

	assert_int_equal(SSL_CTX_use_certificate(ctx, x), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(ctx, k), 1);
	X509_free(x);
	while ((x = PEM_read_bio_X509(a, NULL, NULL, NULL)) != NULL)
		assert_int_equal(SSL_CTX_add0_chain_cert(ctx, x), 1);
	EVP_PKEY_free(k);
	BIO_free(a);
	BIO_free(b);
	ERR_clear_error();
}

static inline unsigned bare_psk_callback(SSL *ssl, const char *hint, char *identity, unsigned max,
                                  unsigned char *out, unsigned out_max)
{
	assert_int_equal(bytes_put_str(identity, max, BYTES(PSK_NAME)), ERR_OK);
	bytes_copy(out, psk32, 32);
	return 32;
}

/* --- before and after all tests -------------------------------------------------- */

static inline int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	keeper_child_start(&child);
	authority_make(&trusted, "trusted", NULL);
	authority_make(&rogue, "rogue", NULL);
	authority_make(&constrained, "constrained",
	               "critical,permitted;URI:sp.example.org,permitted;DNS:sp.example.org");
	ae_pem = buf_make(8192);
	ae_key = buf_make(4096);
	must(keeper_child_certificate(&child, CERTIFY_AE, bytes_make(AE + 4, sizeof(AE) - 5),
	                              &ae_pem, &ae_key) == ERR_OK);
	crypt_random(psk32, 32);
	crypt_random(psk16, 16);
	must(keeper_child_psk(&child, BYTES(PSK_NAME), BYTES_OF(psk32)) == ERR_OK);
	must(keeper_child_psk(&child, BYTES(PSK_SHORT), BYTES_OF(psk16)) == ERR_OK);
	server = server_make(&child.gates[0], false);
	return 0;
}

static inline int teardown(void **state)
{
	SSL_CTX_free(server);
	authority_free(&trusted);
	authority_free(&rogue);
	authority_free(&constrained);
	buf_free(&ae_pem);
	buf_free(&ae_key);
	keeper_child_stop(&child);
	return 0;
}

#endif
