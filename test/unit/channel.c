/* channel: who gets in, by what, and who does not. Clients are ours and bare
 * libssl; channel_keys.c has the stock client and the custody of the keys. */
#include "channel_pair.h"

/* --- the good cases -------------------------------------------------------------------- */

struct good {
	const char *suites; /* of TLS 1.2, NULL: any */
	int version;
	uint16_t suite;
};

/* What the keeper told the core: this handshake, this credential, told before
 * the answer left. */
static void assert_told(const struct channel_peer *peer, unsigned kind, const char *name)
{
	assert_int_equal(keeper_drain(&child.core), ERR_OK);
	assert_true(child.used > 0);
	assert_memory_equal(child.used_tag, peer->tag, CHANNEL_TAG);
	assert_int_equal(child.used_kind, kind);
	assert_string_equal(child.used_name, name);
	child.used = 0;
}

static void run_good(SSL_CTX *client, const struct good *g, struct channel_peer *peer)
{
	struct pair p;

	assert_int_equal(SSL_CTX_set_max_proto_version(client, g->version), 1);
	if (g->suites)
		assert_int_equal(SSL_CTX_set_cipher_list(client, g->suites), 1);
	pair_open(&p, client, server);
	if (!pair_shake(&p))
		fail_msg("handshake: %s", p.why);
	assert_true(pair_talk(&p));
	assert_int_equal(channel_peer(p.server, peer), ERR_OK);
	assert_int_equal(peer->version, g->version);
	assert_int_equal(peer->suite, g->suite);
	pair_close(&p);
}

static void test_certificate(void **state)
{
	static const struct good rows[] = {
		{ NULL, TLS1_3_VERSION, 0x1301 },
		{ NULL, TLS1_2_VERSION, 0xc02b },
		{ "ECDHE-ECDSA-CHACHA20-POLY1305", TLS1_2_VERSION, 0xcca9 },
		{ "ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION, 0xc02c },
		{ "ECDHE-ECDSA-AES128-CCM", TLS1_2_VERSION, 0xc0ac },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		SSL_CTX *ctx = certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
		struct buf der = buf_make(4096);
		struct channel_peer peer;
		uint8_t print[32];

		run_good(ctx, &rows[i], &peer);
		assert_int_equal(peer.kind, CREDENTIAL_CERTIFICATE);
		assert_string_equal(peer.identity, "URI:" AE);
		assert_int_equal(crypt_certificate_der(bytes_of_buf(&ae_pem), &der), ERR_OK);
		crypt_sha256(bytes_of_buf(&der), print);
		assert_memory_equal(peer.fingerprint, print, 32);
		/* The leaf was asked for a day; the end is in whole seconds. */
		assert_true(peer.not_after > clock_now() + 86000000);
		assert_true(peer.not_after <= clock_now() + 86400000);
		assert_told(&peer, CREDENTIAL_USED_NODE_KEY, "node");
		buf_free(&der);
		SSL_CTX_free(ctx);
	}
}

static void test_psk(void **state)
{
	static const struct good rows[] = {
		{ NULL, TLS1_3_VERSION, 0x1301 },
		{ NULL, TLS1_2_VERSION, 0xccac },
		{ "PSK-AES128-GCM-SHA256", TLS1_2_VERSION, 0x00a8 },
	};

	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		bool brief = i >= COUNT_OF(rows);
		const char *name = brief ? PSK_SHORT : PSK_NAME;
		SSL_CTX *ctx = psk_client(name, brief ? BYTES_OF(psk16) : BYTES_OF(psk32));
		struct channel_peer peer;

		run_good(ctx, &rows[i % COUNT_OF(rows)], &peer);
		assert_int_equal(peer.kind, CREDENTIAL_PSK);
		assert_string_equal(peer.identity, name);
		assert_int_equal(peer.not_after, 0);
		/* over TLS 1.2 the client's proof comes too late to be seen by the keeper */
		assert_told(&peer, peer.version == TLS1_3_VERSION ? CREDENTIAL_USED_PSK
		                                                  : CREDENTIAL_USED_PSK_UNPROVED, name);
		SSL_CTX_free(ctx);
	}
}

/* The first key share is of a group that we refuse: HelloRetryRequest, and the
 * identity is asked for twice. */
static void test_psk_after_retry(void **state)
{
	SSL_CTX *ctx = psk_client(PSK_NAME, BYTES_OF(psk32));
	struct channel_peer peer;
	struct pair p;

	assert_int_equal(SSL_CTX_set1_groups_list(ctx, "ffdhe2048:P-256"), 1);
	pair_open(&p, ctx, server);
	assert_true(pair_shake(&p));
	assert_int_equal(channel_peer(p.server, &peer), ERR_OK);
	assert_string_equal(peer.identity, PSK_NAME);
	pair_close(&p);
	SSL_CTX_free(ctx);
}

/* Names on the client's side, and the peer as the client sees it. */
static void test_client_sees_server(void **state)
{
	SSL_CTX *ctx = certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
	struct channel_peer peer;
	struct pair p;

	pair_open(&p, ctx, server);
	SSL_free(p.client);
	assert_int_equal(channel_new(ctx, &p.client), ERR_OK);
	{
		BIO *a, *b;

		assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
		SSL_set_bio(p.client, a, a);
		SSL_set_bio(p.server, b, b);
	}
	assert_int_equal(channel_peer(p.client, &peer), ERR_BAD_STATE);
	assert_true(pair_shake(&p));
	assert_int_equal(channel_peer(p.client, &peer), ERR_OK);
	assert_string_equal(peer.identity, "DNS:" CHILD_HOST);
	pair_close(&p);
	SSL_CTX_free(ctx);
}

static void test_client_refuses_server(void **state)
{
	static const struct { const char *name; bool other_anchor; } rows[] = {
		{ "other.sp.example.org", false }, { "sp.example.org", false },
		{ "*.sp.example.org", false }, { CHILD_HOST, true },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct channel_client_setup setup = {
			.anchor_pem = bytes_of_buf(rows[i].other_anchor ? &rogue.pem : &child.ca_pem),
			.certificate_pem = bytes_of_buf(&ae_pem), .key_pem = bytes_of_buf(&ae_key),
			.name = rows[i].name };
		struct pair p;
		SSL_CTX *ctx;

		assert_int_equal(channel_client_new(&setup, &ctx), ERR_OK);
		pair_open(&p, ctx, server);
		assert_false(pair_shake(&p));
		assert_false(p.client_done);
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
}

/* A client with a key and no anchor trusts no certificate whatever: a node that
 * does not have the key cannot stand in for one that has. */
static void test_psk_client_takes_no_certificate(void **state)
{
	SSL_CTX *ctx = psk_client(PSK_NAME, BYTES_OF(psk32));
	SSL_CTX *bare = SSL_CTX_new(TLS_server_method());
	struct buf pem = buf_make(16384), key = buf_make(4096);
	SSL *a = SSL_new(ctx), *b = SSL_new(bare);
	bool a_done = false, b_done = false;
	BIO *x, *y;

	certificate_make(&trusted, &(struct certificate_spec){ .san = "DNS:" CHILD_HOST,
	                 .usage = "serverAuth" }, &pem, &key, NULL);
	bare_credential(bare, bytes_of_buf(&pem), bytes_of_buf(&key));
	SSL_free(b);
	b = SSL_new(bare);
	SSL_set_connect_state(a);
	SSL_set_accept_state(b);
	assert_int_equal(BIO_new_bio_pair(&x, 0, &y, 0), 1);
	SSL_set_bio(a, x, x);
	SSL_set_bio(b, y, y);
	for (int i = 0; i < 10; i++) {
		(void)step(a, &a_done);
		(void)step(b, &b_done);
		ERR_clear_error();
	}
	assert_false(a_done);
	SSL_free(a);
	SSL_free(b);
	SSL_CTX_free(ctx);
	SSL_CTX_free(bare);
	buf_free(&pem);
	buf_free(&key);
}

/* --- refusals ---------------------------------------------------------------------------------- */

static void assert_refused(SSL_CTX *client, const char *what)
{
	struct channel_peer peer;
	struct pair p;

	pair_open(&p, client, server);
	if (pair_shake(&p))
		fail_msg("accepted: %s", what);
	assert_false(p.server_done);
	assert_int_not_equal(channel_peer(p.server, &peer), ERR_OK);
	assert_int_equal(peer.kind, CREDENTIAL_NONE);
	pair_close(&p);
}

static void test_certificates_refused(void **state)
{
	static const struct { const char *what; struct certificate_spec spec; bool good; } rows[] = {
		{ "good URI", { .san = "URI:" AE }, true },
		{ "good DNS", { .san = "DNS:mn.sp.example.org" }, true },
		{ "expired", { .san = "URI:" AE, .from_hours = -2, .to_hours = -1 }, false },
		{ "not yet", { .san = "URI:" AE, .from_hours = 2, .to_hours = 24 }, false },
		{ "no name", { .san = NULL }, false },
		{ "two names", { .san = "URI:" AE ",URI:m2m://sp.example.org/Sother" }, false },
		{ "two kinds", { .san = "URI:" AE ",DNS:mn.sp.example.org" }, false },
		{ "wildcard", { .san = "DNS:*.sp.example.org" }, false },
		{ "wildcard inside", { .san = "URI:m2m://sp.example.org/*" }, false },
		{ "mail name", { .san = "email:a@sp.example.org" }, false },
		{ "address", { .san = "IP:192.0.2.1" }, false },
		{ "for servers", { .san = "URI:" AE, .usage = "serverAuth" }, false },
		{ "no usage", { .san = "URI:" AE, .key_usage = "" }, false },
		{ "agreement only", { .san = "URI:" AE, .key_usage = "critical,keyAgreement" }, false },
		{ "RSA", { .san = "URI:" AE, .curve = "RSA" }, false },
		{ "P-384", { .san = "URI:" AE, .curve = "P-384" }, false },
		{ "SHA-384", { .san = "URI:" AE, .digest = "SHA384" }, false },
		{ "SHA-1", { .san = "URI:" AE, .digest = "SHA1" }, false },
		{ "authority", { .san = "URI:" AE, .ca = true,
		                 .key_usage = "critical,digitalSignature,keyCertSign" }, false },
		{ "large", { .san = "URI:" AE, .padding = 9000 }, false },
	};
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		size_t row = i / 2;
		struct buf pem = buf_make(32768), key = buf_make(4096);
		SSL_CTX *ctx = bare_client(NULL, versions[i % 2]);
		struct pair p;

		certificate_make(&trusted, &rows[row].spec, &pem, &key, NULL);
		bare_credential(ctx, bytes_of_buf(&pem), bytes_of_buf(&key));
		if (rows[row].good) {
			pair_open(&p, ctx, server);
			if (!pair_shake(&p))
				fail_msg("%s: %s", rows[row].what, p.why);
			pair_close(&p);
		} else {
			assert_refused(ctx, rows[row].what);
		}
		SSL_CTX_free(ctx);
		buf_free(&pem);
		buf_free(&key);
	}
}

/* The same certificate with one octet of its signature changed. */
static void spoil(const struct buf *pem, struct buf *out)
{
	struct buf der = buf_make(8192);
	const unsigned char *p;
	BIO *text = BIO_new(BIO_s_mem());
	char *octets;
	size_t n;
	X509 *x;

	assert_int_equal(crypt_certificate_der(bytes_of_buf(pem), &der), ERR_OK);
	der.p[der.n - 1] ^= 1;
	p = der.p;
	x = d2i_X509(NULL, &p, (long)der.n);
	assert_non_null(x);
	assert_int_equal(PEM_write_bio_X509(text, x), 1);
	n = (size_t)BIO_get_mem_data(text, &octets);
	assert_int_equal(buf_add(out, bytes_make(octets, n)), ERR_OK);
	X509_free(x);
	BIO_free(text);
	buf_free(&der);
}

static void digest_of(const struct buf *pem, uint8_t digest[32])
{
	struct buf der = buf_make(8192);

	assert_int_equal(crypt_certificate_der(bytes_of_buf(pem), &der), ERR_OK);
	crypt_sha256(bytes_of_buf(&der), digest);
	buf_free(&der);
}

/* Who was verified is known: until it ends, and nobody but it. */
static void test_known(void **state)
{
	const struct certificate_spec hour = { .san = "URI:" AE, .from_hours = -1, .to_hours = 1 };
	struct buf pem = buf_make(32768), bad = buf_make(32768), key = buf_make(4096);
	struct channel_context *c = channel_context_of(server);
	SSL_CTX *ctx = bare_client(NULL, TLS1_3_VERSION), *changed = bare_client(NULL, TLS1_3_VERSION);
	uint8_t digest[32];

	certificate_make(&trusted, &hour, &pem, &key, NULL);
	spoil(&pem, &bad);
	bare_credential(ctx, bytes_of_buf(&pem), bytes_of_buf(&key));
	bare_credential(changed, bytes_of_buf(&bad), bytes_of_buf(&key));
	digest_of(&pem, digest);
	assert_false(channel_is_known(c, digest));
	for (int i = 0; i < 2; i++) {
		struct channel_peer peer;
		struct pair p;

		pair_open(&p, ctx, server);
		if (!pair_shake(&p))
			fail_msg("%s", p.why);
		assert_int_equal(channel_peer(p.server, &peer), ERR_OK);
		assert_true(peer.not_after <= clock_now() + 3600000);
		assert_true(channel_is_known(c, digest));
		pair_close(&p);
	}
	assert_refused(changed, "changed");
	digest_of(&bad, digest);
	assert_false(channel_is_known(c, digest));
	clock_simulate(clock_now() + 2 * 3600000);
	assert_refused(ctx, "ended since");
	clock_simulate(0);
	SSL_CTX_free(ctx);
	SSL_CTX_free(changed);
	buf_free(&pem);
	buf_free(&bad);
	buf_free(&key);
}

static void test_error_says_why(void **state)
{
	const struct certificate_spec late = { .san = "URI:" AE, .from_hours = -2, .to_hours = -1 };
	struct buf pem = buf_make(32768), key = buf_make(4096);
	SSL_CTX *ctx = bare_client(NULL, TLS1_3_VERSION);
	char cut[12];
	struct pair p;

	certificate_make(&trusted, &late, &pem, &key, NULL);
	bare_credential(ctx, bytes_of_buf(&pem), bytes_of_buf(&key));
	pair_open(&p, ctx, server);
	assert_false(pair_shake(&p));
	assert_string_equal(p.why, "certificate verify failed: certificate has expired");
	assert_int_equal(ERR_peek_error(), 0);
	channel_error(p.why, sizeof(p.why));
	assert_string_equal(p.why, "the connection ended");
	channel_error(cut, sizeof(cut));
	assert_string_equal(cut, "the connect");
	pair_close(&p);
	SSL_CTX_free(ctx);
	buf_free(&pem);
	buf_free(&key);
}

static void test_chains_refused(void **state)
{
	struct authority middle, lower;
	struct buf pem = buf_make(32768), key = buf_make(4096), more = buf_make(4096);
	const struct certificate_spec ca = { .ca = true, .key_usage = "critical,keyCertSign,cRLSign" };
	const struct certificate_spec ae = { .san = "URI:" AE };
	static const struct { const char *what; unsigned depth; bool good; } rows[] = {
		{ "one intermediate", 1, true }, { "two intermediates", 2, false },
	};

	certificate_make(&trusted, &ca, &pem, &more, &middle);
	buf_clear(&more);
	certificate_make(&middle, &ca, &pem, &more, &lower);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		SSL_CTX *ctx = bare_client(NULL, TLS1_3_VERSION);
		struct pair p;

		buf_clear(&pem);
		buf_clear(&key);
		certificate_make(rows[i].depth == 1 ? &middle : &lower, &ae, &pem, &key, NULL);
		if (rows[i].depth == 2)
			assert_int_equal(buf_add(&pem, bytes_of_buf(&lower.pem)), ERR_OK);
		assert_int_equal(buf_add(&pem, bytes_of_buf(&middle.pem)), ERR_OK);
		bare_credential(ctx, bytes_of_buf(&pem), bytes_of_buf(&key));
		pair_open(&p, ctx, server);
		if (pair_shake(&p) != rows[i].good)
			fail_msg("%s: %s", rows[i].what, p.why);
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
	authority_free(&middle);
	authority_free(&lower);
	buf_free(&pem);
	buf_free(&key);
	buf_free(&more);
}

static void test_authorities_refused(void **state)
{
	static const struct { const char *what; struct authority *by; const char *san; bool good; } rows[] = {
		{ "unknown authority", &rogue, "URI:" AE, false },
		{ "inside the constraint", &constrained, "URI:" AE, true },
		{ "outside the constraint", &constrained, "URI:m2m://evil.example/Sapp", false },
		{ "outside, by DNS", &constrained, "DNS:mn.evil.example", false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate_spec spec = { .san = rows[i].san };
		struct buf pem = buf_make(32768), key = buf_make(4096);
		SSL_CTX *ctx = bare_client(NULL, TLS1_3_VERSION);
		struct pair p;

		certificate_make(rows[i].by, &spec, &pem, &key, NULL);
		bare_credential(ctx, bytes_of_buf(&pem), bytes_of_buf(&key));
		pair_open(&p, ctx, server);
		if (pair_shake(&p) != rows[i].good)
			fail_msg("%s: %s", rows[i].what, p.why);
		pair_close(&p);
		SSL_CTX_free(ctx);
		buf_free(&pem);
		buf_free(&key);
	}
}

static void test_nobody_refused(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		SSL_CTX *ctx = bare_client(NULL, versions[i]);

		assert_refused(ctx, "no credential");
		SSL_CTX_free(ctx);
	}
}

static void test_old_versions_refused(void **state)
{
	static const int versions[] = { TLS1_VERSION, TLS1_1_VERSION };

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		SSL_CTX *ctx = bare_client("ALL:@SECLEVEL=0", versions[i]);

		bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
		assert_refused(ctx, "old version");
		SSL_CTX_free(ctx);
	}
}

static void test_no_extended_master_secret_refused(void **state)
{
	SSL_CTX *ctx = bare_client(NULL, TLS1_2_VERSION);

	SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
	assert_refused(ctx, "certificate without extended master secret");
	SSL_CTX_free(ctx);
	ctx = bare_client("PSK", TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	SSL_CTX_set_psk_client_callback(ctx, bare_psk_callback);
	assert_refused(ctx, "PSK without extended master secret");
	SSL_CTX_free(ctx);
}

/* An unknown identity and a wrong key look the same from outside. */
static void test_psk_refused(void **state)
{
	static const uint8_t wrong[32] = { 1, 2, 3 };
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		static const char *const names[] = { PSK_NAME, "nobody@sp.example.org" };
		int alerts[2];

		for (size_t j = 0; j < COUNT_OF(names); j++) {
			SSL_CTX *ctx = psk_client(names[j], BYTES_OF(wrong));
			struct pair p;

			SSL_CTX_set_max_proto_version(ctx, versions[i]);
			pair_open(&p, ctx, server);
			SSL_set_info_callback(p.server, on_alert);
			assert_false(pair_shake(&p));
			assert_false(p.server_done);
			alerts[j] = pair_alert;
			pair_close(&p);
			SSL_CTX_free(ctx);
		}
		assert_int_not_equal(alerts[0], -1);
		assert_int_equal(alerts[0], alerts[1]);
	}
}

/* Octets that are no identity of ours reach no keeper. */
static void test_psk_identity_form(void **state)
{
	static const char *const names[] = { "a\nb", "\xc3\xbc", "tab\t" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		SSL_CTX *ctx = psk_client(names[i], BYTES_OF(psk32));

		assert_refused(ctx, "identity");
		SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
		assert_refused(ctx, "identity, TLS 1.2");
		SSL_CTX_free(ctx);
	}
}

/* A PSK is bound to SHA-256: a client that has it first and AES-256 first too
 * still gets AES-128, and so its PSK. With SHA-384 only there is no PSK. */
static void test_psk_and_sha384(void **state)
{
	SSL_CTX *ctx = psk_client(PSK_NAME, BYTES_OF(psk32));
	struct channel_peer peer;
	struct pair p;

	assert_int_equal(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384:"
	                 "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"), 1);
	pair_open(&p, ctx, server);
	assert_true(pair_shake(&p));
	assert_int_equal(SSL_session_reused(p.server), 1);
	assert_null(SSL_get0_peer_certificate(p.client));
	assert_int_equal(channel_peer(p.server, &peer), ERR_OK);
	assert_int_equal(peer.suite, 0x1301);
	pair_close(&p);
	assert_int_equal(SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384"), 1);
	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	assert_refused(ctx, "PSK with SHA-384");
	SSL_CTX_free(ctx);
}

/* --- no tickets, no renegotiation ------------------------------------------------------------------ */

static int sessions_seen;

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	sessions_seen++;
	return 0;
}

static void test_no_tickets(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		SSL_CTX *ctx = bare_client(NULL, versions[i]);
		SSL_SESSION *old;
		struct pair p;

		bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
		SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT);
		SSL_CTX_sess_set_new_cb(ctx, on_session);
		sessions_seen = 0;
		pair_open(&p, ctx, server);
		assert_true(pair_shake(&p));
		assert_true(pair_talk(&p));
		old = SSL_get1_session(p.client);
		assert_int_equal(SSL_SESSION_has_ticket(old), 0);
		if (versions[i] == TLS1_3_VERSION)
			assert_int_equal(sessions_seen, 0);
		pair_close(&p);
		/* What the client kept is of no use. */
		pair_open(&p, ctx, server);
		SSL_set_session(p.client, old);
		assert_true(pair_shake(&p));
		assert_int_equal(SSL_session_reused(p.server), 0);
		pair_close(&p);
		SSL_SESSION_free(old);
		SSL_CTX_free(ctx);
	}
}

static void test_no_renegotiation(void **state)
{
	SSL_CTX *ctx = bare_client(NULL, TLS1_2_VERSION);
	struct pair p;
	char c;

	bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
	pair_open(&p, ctx, server);
	assert_true(pair_shake(&p));
	SSL_set_info_callback(p.server, on_alert);
	assert_int_equal(SSL_renegotiate(p.client), 1);
	(void)SSL_do_handshake(p.client);
	assert_true(SSL_read(p.server, &c, 1) <= 0);
	assert_int_equal(pair_alert, SSL_AD_NO_RENEGOTIATION);
	assert_int_not_equal(SSL_do_handshake(p.client), 1);
	pair_close(&p);
	SSL_CTX_free(ctx);
}

/* --- exactly what is accepted ------------------------------------------------------------------------ */

/* Offer one thing at a time, all that libssl knows, and write down what the
 * server took. */
static void probe_tls12(SSL_CTX *at, struct buf *out)
{
	SSL_CTX *all = bare_client("ALL:COMPLEMENTOFALL:eNULL:@SECLEVEL=0", TLS1_2_VERSION);
	STACK_OF(SSL_CIPHER) *suites = SSL_CTX_get_ciphers(all);

	for (int i = 0; i < sk_SSL_CIPHER_num(suites); i++) {
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(suites, i));
		SSL_CTX *ctx;
		struct pair p;

		if (bytes_starts(bytes_str(name), BYTES("TLS_")))
			continue;
		ctx = bare_client(NULL, TLS1_2_VERSION);
		if (SSL_CTX_set_cipher_list(ctx, name) != 1) {
			SSL_CTX_free(ctx);
			continue;
		}
		bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
		SSL_CTX_set_psk_client_callback(ctx, bare_psk_callback);
		pair_open(&p, ctx, at);
		if (pair_shake(&p))
			assert_int_equal(buf_printf(out, "%s ", name), ERR_OK);
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
	SSL_CTX_free(all);
}

static void probe_tls13(struct buf *out)
{
	static const char *const suites[] = {
		"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
		"TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256",
	};

	for (size_t i = 0; i < COUNT_OF(suites); i++) {
		SSL_CTX *ctx = bare_client(NULL, TLS1_3_VERSION);
		struct pair p;

		assert_int_equal(SSL_CTX_set_ciphersuites(ctx, suites[i]), 1);
		bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
		pair_open(&p, ctx, server);
		if (pair_shake(&p))
			assert_int_equal(buf_printf(out, "%s ", suites[i]), ERR_OK);
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
}

static void probe_groups(struct buf *out)
{
	static const char *const groups[] = { "X25519", "P-256", "X448", "P-384", "P-521",
		                              "brainpoolP256r1", "secp256k1", "ffdhe2048",
		                              "ffdhe3072", "P-224" };

	for (size_t i = 0; i < COUNT_OF(groups); i++) {
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			SSL_CTX *ctx = bare_client(NULL, version);
			struct pair p;

			bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
			if (SSL_CTX_set1_groups_list(ctx, groups[i]) == 1) {
				pair_open(&p, ctx, server);
				if (pair_shake(&p))
					assert_int_equal(buf_printf(out, "%s/%x ", groups[i],
					                            (unsigned)version), ERR_OK);
				pair_close(&p);
			}
			SSL_CTX_free(ctx);
			ERR_clear_error();
		}
	}
}

static void assert_snapshot(struct buf *got, const char *want)
{
	assert_int_equal(buf_add_byte(got, 0), ERR_OK);
	assert_string_equal((const char *)got->p, want);
	buf_clear(got);
}

static void test_snapshot(void **state)
{
	struct buf got = buf_make(4096);
	SSL_CTX *old = server_make(&child.gates[0], true);

	probe_tls12(server, &got);
	assert_snapshot(&got, "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 "
	                      "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-CCM "
	                      "ECDHE-PSK-CHACHA20-POLY1305 PSK-AES128-GCM-SHA256 ");
	probe_tls12(old, &got);
	assert_snapshot(&got, "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 "
	                      "ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-CCM "
	                      "ECDHE-ECDSA-AES128-SHA256 "
	                      "ECDHE-PSK-CHACHA20-POLY1305 PSK-AES128-GCM-SHA256 "
	                      "PSK-AES128-CBC-SHA256 ");
	probe_tls13(&got);
	assert_snapshot(&got, "TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 "
	                      "TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_CCM_SHA256 ");
	probe_groups(&got);
	assert_snapshot(&got, "X25519/304 P-256/303 P-256/304 ");
	SSL_CTX_free(old);
	buf_free(&got);
}

/* CBC never without encrypt-then-mac, even where the operator asked for CBC. */
static void test_legacy_needs_encrypt_then_mac(void **state)
{
	SSL_CTX *old = server_make(&child.gates[0], true);

	for (int without = 0; without < 2; without++) {
		SSL_CTX *ctx = bare_client("ECDHE-ECDSA-AES128-SHA256", TLS1_2_VERSION);
		struct pair p;

		if (without)
			SSL_CTX_set_options(ctx, SSL_OP_NO_ENCRYPT_THEN_MAC);
		bare_credential(ctx, bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
		pair_open(&p, ctx, old);
		assert_int_equal(pair_shake(&p), !without);
		if (!without)
			assert_true(pair_talk(&p));
		pair_close(&p);
		SSL_CTX_free(ctx);
	}
	SSL_CTX_free(old);
}
/* --- which handshake ------------------------------------------------------------------ */

/* Two handshakes in turns in one process: what the keeper tells the core names
 * the one that it was asked for. */
static void test_each_handshake_its_tag(void **state)
{
	SSL_CTX *ctx = certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
	struct pair p[2];

	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION), 1);
	for (int i = 0; i < 2; i++)
		pair_open(&p[i], ctx, server);
	for (int round = 0; round < 10; round++) {
		for (int i = 1; i >= 0; i--) {
			child.used = 0;
			assert_true(step(p[i].client, &p[i].client_done));
			assert_true(step(p[i].server, &p[i].server_done));
			assert_int_equal(keeper_drain(&child.core), ERR_OK);
			if (child.used)
				assert_memory_equal(child.used_tag, channel_state_of(p[i].server)->tag,
				                    CHANNEL_TAG);
			ERR_clear_error();
		}
	}
	for (int i = 0; i < 2; i++) {
		assert_true(p[i].server_done);
		pair_close(&p[i]);
	}
	child.used = 0;
	SSL_CTX_free(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificate),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_psk_after_retry),
		cmocka_unit_test(test_client_sees_server),
		cmocka_unit_test(test_client_refuses_server),
		cmocka_unit_test(test_psk_client_takes_no_certificate),
		cmocka_unit_test(test_certificates_refused),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_error_says_why),
		cmocka_unit_test(test_chains_refused),
		cmocka_unit_test(test_authorities_refused),
		cmocka_unit_test(test_nobody_refused),
		cmocka_unit_test(test_old_versions_refused),
		cmocka_unit_test(test_no_extended_master_secret_refused),
		cmocka_unit_test(test_psk_refused),
		cmocka_unit_test(test_psk_identity_form),
		cmocka_unit_test(test_psk_and_sha384),
		cmocka_unit_test(test_no_tickets),
		cmocka_unit_test(test_no_renegotiation),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_legacy_needs_encrypt_then_mac),
		cmocka_unit_test(test_each_handshake_its_tag),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
