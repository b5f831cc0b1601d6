/* channel_wait: a handshake whose pre-shared key is not there yet: it waits for it, once,
 * for identities of the realms that it was told, and goes on with the key or without. */
#include "channel_pair.h"

#include <poll.h>

#define REALMS "bsf.example akma.example"

static SSL_CTX *waiting;

static int setup_waiting(void **state)
{
	struct channel_server_setup s = { .keeper = &child.gates[0], .realms = BYTES(REALMS) };

	if (setup(state) != 0)
		return -1;
	s.anchor_pem = bytes_of_buf(&child.ca_pem);
	s.certificate_pem = bytes_of_buf(&child.node_pem);
	return channel_server_new(&s, &waiting) == ERR_OK ? 0 : -1;
}

static int teardown_waiting(void **state)
{
	SSL_CTX_free(waiting);
	return teardown(state);
}

/* The key is with the keeper. It tells of its own keys so many times a second only. */
static void comes(const char *identity)
{
	err_t err;

	for (int i = 0; (err = keeper_child_psk(&child, bytes_str(identity), BYTES_OF(psk32))) == ERR_LIMIT && i < 100; i++)
		(void)poll(NULL, 0, 50);
	assert_int_equal(err, ERR_OK);
}

/* Until the server waits, or it is over; true when it waits. */
static bool waits(struct pair *p)
{
	for (int i = 0; i < 20 && !(p->client_done && p->server_done); i++) {
		int n;

		ERR_clear_error();
		if (!step(p->client, &p->client_done))
			return false;
		ERR_clear_error();
		n = SSL_do_handshake(p->server);
		p->server_done = n == 1;
		if (n != 1 && SSL_get_error(p->server, n) == SSL_ERROR_WANT_CLIENT_HELLO_CB)
			return true;
		if (n != 1 && SSL_get_error(p->server, n) != SSL_ERROR_WANT_READ)
			return false;
	}
	return false;
}

static void test_the_key_comes(void **state)
{
	static const struct { const char *shown, *kept; } rows[] = {
		{ "3GPP-bootstrapping;AAAAAAAAAAAAAAAAAAAAAA==@bsf.example", "AAAAAAAAAAAAAAAAAAAAAA==@bsf.example" },
		{ "BAAAAAAAAAAAAAAAAAAAAA==@bsf.example", "BAAAAAAAAAAAAAAAAAAAAA==@bsf.example" },
		{ "3GPP-bootstrapping-uicc;AAAAAAAAAAAAAAAAAAAAAA==@bsf.example", "uicc:AAAAAAAAAAAAAAAAAAAAAA==@bsf.example" },
		{ "3GPP-AKMA;rid1.atid2@akma.example", "rid1.atid2@akma.example" },
		{ "0123456789abcdef0123456789ABCDEF@bsf.example", "0123456789ABCDEF0123456789ABCDEF@bsf.example" },
		{ "0123456789abcdef0123456789abcdeg@bsf.example", "0123456789abcdef0123456789abcdeg@bsf.example" },
		{ "0123456789abcdef0123456789abcde@bsf.example", "0123456789abcdef0123456789abcde@bsf.example" },
		{ "Cdev:AAAAAAAAAAAAAAAAAAAAAA==@bsf.example", "Cdev:AAAAAAAAAAAAAAAAAAAAAA==@bsf.example" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		SSL_CTX *ctx = psk_client(rows[i].shown, BYTES_OF(psk32));
		struct channel_peer peer;
		struct pair p;

		pair_open(&p, ctx, waiting);
		assert_true(waits(&p));
		assert_true(bytes_equal(channel_wanted(p.server), bytes_str(rows[i].kept)));
		comes(rows[i].kept);
		assert_true(pair_shake(&p) && pair_talk(&p));
		assert_int_equal(channel_peer(p.server, &peer), ERR_OK);
		assert_string_equal(peer.identity, rows[i].kept);
		pair_close(&p);
		/* the next does not wait */
		pair_open(&p, ctx, waiting);
		assert_false(waits(&p));
		assert_true(p.client_done && p.server_done);
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
}

static void test_the_key_does_not_come(void **state)
{
	SSL_CTX *ctx = psk_client("CAAAAAAAAAAAAAAAAAAAAA==@bsf.example", BYTES_OF(psk32));
	struct pair p;

	pair_open(&p, ctx, waiting);
	assert_true(waits(&p));
	assert_false(waits(&p)); /* once */
	assert_false(p.server_done);
	pair_close(&p);
	SSL_CTX_free(ctx);
}

/* After a HelloRetryRequest the identity comes twice. */
static void test_after_retry(void **state)
{
	SSL_CTX *ctx = psk_client("DAAAAAAAAAAAAAAAAAAAAA==@bsf.example", BYTES_OF(psk32));
	struct pair p;

	assert_int_equal(SSL_CTX_set1_groups_list(ctx, "P-521:P-256"), 1);
	pair_open(&p, ctx, waiting);
	assert_true(waits(&p));
	comes("DAAAAAAAAAAAAAAAAAAAAA==@bsf.example");
	assert_true(pair_shake(&p) && pair_talk(&p));
	pair_close(&p);
	SSL_CTX_free(ctx);
}

static void test_nobody_else_waits(void **state)
{
	static const char *const names[] = {
		"EAAAAAAAAAAAAAAAAAAAAA==@elsewhere.example", "nobody@sp.example.org", "bsf.example", "@", "x@bsf.example@", "x@",
		"3GPP-bootstrapping;", "x@bsf.example akma.example", "x@example",
	};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SSL_CTX *ctx = psk_client(names[i], BYTES_OF(psk32));
		struct pair p;

		pair_open(&p, ctx, waiting);
		assert_false(waits(&p));
		assert_false(p.server_done);
		assert_int_equal(channel_wanted(p.server).n, 0);
		pair_close(&p);
		/* and nobody where no realm is configured */
		pair_open(&p, ctx, server);
		assert_false(waits(&p));
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
}

/* The identity comes too late to wait; but it is told. */
static void test_tls12(void **state)
{
	SSL_CTX *ctx = psk_client("FAAAAAAAAAAAAAAAAAAAAA==@bsf.example", BYTES_OF(psk32));
	struct pair p;

	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
	pair_open(&p, ctx, waiting);
	assert_false(waits(&p));
	assert_false(p.server_done);
	assert_true(bytes_equal(channel_wanted(p.server), BYTES("FAAAAAAAAAAAAAAAAAAAAA==@bsf.example")));
	pair_close(&p);
	comes("FAAAAAAAAAAAAAAAAAAAAA==@bsf.example");
	pair_open(&p, ctx, waiting);
	assert_true(pair_shake(&p) && pair_talk(&p));
	assert_int_equal(channel_wanted(p.server).n, 0);
	pair_close(&p);
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_key_comes),
		cmocka_unit_test(test_the_key_does_not_come),
		cmocka_unit_test(test_after_retry),
		cmocka_unit_test(test_nobody_else_waits),
		cmocka_unit_test(test_tls12),
	};

	return cmocka_run_group_tests(tests, setup_waiting, teardown_waiting);
}
