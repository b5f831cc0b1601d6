/* channel.c: contexts and connections; what is offered and what is refused.
 *
 * Everything that decides how strong a connection is stands in this file, in
 * crypt/algorithms.def and in channel_verify.c. */
#include "security/association/channel_inside.h"

#include "base/clock.h"
#include "crypt/crypt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>

enum {
	CERTIFICATES_MAX = 8 * 1024, /* octets of a certificate message */
	INTERMEDIATES_MAX = 1,       /* leaf, intermediate, anchor: depth 2 */
	PEM_MAX = 64 * 1024,
	SECURITY_LEVEL = 2,
};

#define FROM_DEFAULT "provider=default"

static int context_index = -1, state_index = -1;

/* libssl works on one handshake at a time in a thread; the signer must know on
 * which, and EVP does not carry it there. */
static _Thread_local uint8_t current_tag[CHANNEL_TAG];

const uint8_t *channel_current_tag(void)
{
	return current_tag;
}

static _Thread_local bool our_fault;

/* One that comes too late may be the work of those who ask for too many. */
void channel_no_signature(err_t why)
{
	our_fault = why == ERR_ABSENT || why == ERR_LOCKED || why == ERR_CLOSED;
}

bool channel_our_fault(void)
{
	bool was = our_fault;

	our_fault = false;
	return was;
}

/* --- what hangs on contexts and connections ------------------------------------------ */

static void context_free(void *parent, void *self, CRYPTO_EX_DATA *data, int index, long argl,
                         void *argp)
{
	struct channel_context *c = self;

	if (c) {
		secret_free(&c->psk);
		buf_free(&c->staple);
		X509_STORE_free(c->makers);
		channel_known_free(c);
	}
	mem_free(c);
}

static void state_free(void *parent, void *self, CRYPTO_EX_DATA *data, int index, long argl,
                       void *argp)
{
	struct channel_state *state = self;

	if (state) {
		channel_psk_end(&state->psk);
		channel_session_wipe(state);
		buf_free(&state->transcript);
	}
	mem_free(state);
}

static err_t indices(void)
{
	if (context_index < 0)
		context_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, context_free);
	if (state_index < 0)
		state_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, state_free);
	return context_index >= 0 && state_index >= 0 ? ERR_OK : ERR_MEMORY;
}

struct channel_context *channel_context_of(const SSL_CTX *ctx)
{
	return SSL_CTX_get_ex_data(ctx, context_index);
}

struct channel_state *channel_state_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, state_index);
}

err_t channel_export(SSL *ssl, const char *label, uint8_t *out, size_t n)
{
	if (!SSL_is_init_finished(ssl) ||
	    (SSL_version(ssl) < TLS1_3_VERSION && SSL_get_extms_support(ssl) != 1))
		return ERR_REFUSED;
	return SSL_export_keying_material(ssl, out, n, label, bytes_str(label).n, NULL, 0, 0) == 1
	               ? ERR_OK : ERR_CRYPTO;
}

/* --- both sides ------------------------------------------------------------------------ */

/* Called by libssl before each message that it reads or writes. */
static void on_progress(const SSL *ssl, int where, int value)
{
	const struct channel_state *state = channel_state_of(ssl);

	if (state)
		bytes_copy(current_tag, state->tag, CHANNEL_TAG);
}

static err_t set_algorithms(SSL_CTX *ctx, struct channel_context *c)
{
	enum algorithm_choice choice = c->legacy ? ALGORITHMS_WITH_LEGACY : ALGORITHMS_ACCEPTED;
	int64_t now = clock_now();
	char list[ALGORITHM_LIST_MAX];
	err_t err;

	c->legacy |= algorithm_legacy_enabled();
	TRY(algorithm_list(ALGORITHM_TLS13_SUITE, choice, now, list));
	if (SSL_CTX_set_ciphersuites(ctx, list) != 1)
		return ERR_CRYPTO;
	TRY(algorithm_list(ALGORITHM_TLS12_SUITE, ALGORITHMS_STRONG, now, c->strong_suites));
	TRY(algorithm_list(ALGORITHM_TLS12_SUITE, choice, now, list));
	if (SSL_CTX_set_cipher_list(ctx, list) != 1)
		return ERR_CRYPTO;
	TRY(algorithm_list(ALGORITHM_GROUP, choice, now, list));
	if (SSL_CTX_set1_groups_list(ctx, list) != 1)
		return ERR_CRYPTO;
	TRY(algorithm_list(ALGORITHM_SIGNATURE, choice, now, list));
	if (SSL_CTX_set1_sigalgs_list(ctx, list) != 1 ||
	    SSL_CTX_set1_client_sigalgs_list(ctx, list) != 1)
		return ERR_CRYPTO;
out:
	return err;
}

static void set_habits(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_NO_DHE_KEX |
	                           SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION |
	                           SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
	                         SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
	                      SSL_MODE_ENABLE_PARTIAL_WRITE |
	                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                      SSL_MODE_SEND_SERVERHELLO_TIME); /* the core asks how old a proof is */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_recv_max_early_data(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, CERTIFICATES_MAX);
	SSL_CTX_set_verify_depth(ctx, INTERMEDIATES_MAX);
	SSL_CTX_set_cert_verify_callback(ctx, channel_verify_chain, channel_context_of(ctx));
	SSL_CTX_set_info_callback(ctx, on_progress);
}

/* A context with its own part; the part is the context's from here on. */
static err_t context_new(const SSL_METHOD *method, bool node, SSL_CTX **out,
                         struct channel_context **part)
{
	struct channel_context *c = mem_new(1, sizeof(*c));
	SSL_CTX *ctx = NULL;
	err_t err;

	*out = NULL;
	TRY(c ? ERR_OK : ERR_MEMORY);
	c->node = node;
	c->server = node && method == TLS_server_method();
	TRY(indices());
	crypt_start();
	/* A client's own key is in this process: our provider stays out. */
	if (node)
		TRY(channel_library(&c->library));
	ctx = SSL_CTX_new_ex(c->library, node ? CHANNEL_PROPERTIES : FROM_DEFAULT, method);
	TRY(ctx ? ERR_OK : ERR_MEMORY);
	TRY(SSL_CTX_set_ex_data(ctx, context_index, c) == 1 ? ERR_OK : ERR_MEMORY);
	*part = c;
	c = NULL;
	set_habits(ctx);
	TRY(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 ? ERR_OK : ERR_CRYPTO);
	TRY(SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) == 1 ? ERR_OK : ERR_CRYPTO);
	*out = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	mem_free(c);
	return err;
}

static int no_password(char *out, int size, int writing, void *self)
{
	return -1;
}

/* The next certificate of a PEM, in the context's library; NULL at the end. */
static X509 *next_certificate(SSL_CTX *ctx, BIO *bio)
{
	X509 *x = X509_new_ex(channel_context_of(ctx)->library, FROM_DEFAULT);

	if (x && !PEM_read_bio_X509(bio, &x, no_password, NULL)) {
		X509_free(x);
		x = NULL;
	}
	return x;
}

static BIO *bio_of(struct bytes b)
{
	return b.n && b.n <= PEM_MAX ? BIO_new_mem_buf(b.p, (int)b.n) : NULL;
}

/* Trust anchors: exactly the certificates given, and no others of the system. */
static err_t add_anchors(SSL_CTX *ctx, X509_STORE *store, struct bytes pem)
{
	BIO *bio = bio_of(pem);
	size_t n = 0;
	X509 *x;

	while (bio && (x = next_certificate(ctx, bio)) != NULL) {
		n += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN);
	return n ? ERR_OK : ERR_SYNTAX;
}

static err_t set_anchors(SSL_CTX *ctx, struct bytes pem)
{
	return add_anchors(ctx, SSL_CTX_get_cert_store(ctx), pem);
}

err_t channel_trust(SSL_CTX *ctx, struct bytes der)
{
	const uint8_t *p = der.p;
	X509 *x = X509_new_ex(channel_context_of(ctx)->library, FROM_DEFAULT);
	err_t err = x && der.n <= PEM_MAX && d2i_X509(&x, &p, (long)der.n) && p == der.p + der.n && X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), x) == 1
	                    ? ERR_OK : ERR_SYNTAX;

	X509_free(x);
	ERR_clear_error();
	return err;
}

/* Makers are anchors as well; a chain that ends in one of them is a guest's. */
static err_t set_guests(SSL_CTX *ctx, struct channel_context *c,
                        const struct channel_server_setup *setup)
{
	err_t err = ERR_OK;

	c->guests = setup->guests;
	if (!setup->guests || setup->makers_pem.n == 0)
		goto out;
	c->makers = X509_STORE_new();
	TRY(c->makers ? ERR_OK : ERR_MEMORY);
	TRY(add_anchors(ctx, c->makers, setup->makers_pem));
	TRY(set_anchors(ctx, setup->makers_pem));
out:
	return err;
}

/* The leaf, then what stands between it and the anchor. */
static err_t set_certificates(SSL_CTX *ctx, struct bytes pem)
{
	BIO *bio = bio_of(pem);
	X509 *x = bio ? next_certificate(ctx, bio) : NULL;
	err_t err = x && SSL_CTX_use_certificate(ctx, x) == 1 ? ERR_OK : ERR_SYNTAX;

	X509_free(x);
	while (err == ERR_OK && (x = next_certificate(ctx, bio)) != NULL) {
		if (SSL_CTX_add1_chain_cert(ctx, x) != 1)
			err = ERR_SYNTAX;
		X509_free(x);
	}
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

static err_t set_key(SSL_CTX *ctx, EVP_PKEY *key)
{
	return SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1
	               ? ERR_OK
	               : ERR_TYPE;
}

/* --- the node's side ---------------------------------------------------------------------- */

static bool hello_has(SSL *ssl, unsigned type)
{
	const unsigned char *p;
	size_t n;

	return SSL_client_hello_get0_ext(ssl, type, &p, &n) == 1;
}

/* supported_versions: u8 length, then u16 each [RFC 8446 4.2.1]. */
static bool hello_offers_tls13(SSL *ssl)
{
	const unsigned char *p;
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &p, &n) != 1)
		return false;
	for (size_t i = 1; i + 2 <= n; i += 2)
		if (get_be16(p + i) == TLS1_3_VERSION)
			return true;
	return false;
}

/* Refused before any key is used: TLS 1.2 without extended master secret. And
 * the LEGACY suites are CBC: never without encrypt-then-mac. */
static int on_hello(SSL *ssl, int *alert, void *self)
{
	const struct channel_context *c = self;

	if (hello_offers_tls13(ssl))
		return channel_session_awaits(ssl) || channel_psk_awaits(ssl) ? SSL_CLIENT_HELLO_RETRY : SSL_CLIENT_HELLO_SUCCESS;
	if (!hello_has(ssl, TLSEXT_TYPE_extended_master_secret)) {
		*alert = SSL_AD_HANDSHAKE_FAILURE;
		return SSL_CLIENT_HELLO_ERROR;
	}
	if (c->legacy && !hello_has(ssl, TLSEXT_TYPE_encrypt_then_mac) &&
	    SSL_set_cipher_list(ssl, c->strong_suites) != 1)
		return SSL_CLIENT_HELLO_ERROR;
	return SSL_CLIENT_HELLO_SUCCESS;
}

static int on_status(SSL *ssl, void *self)
{
	const struct channel_context *c = self;
	unsigned char *copy = c->staple.n ? OPENSSL_memdup(c->staple.p, c->staple.n) : NULL;

	if (!copy)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)c->staple.n) == 1)
		return SSL_TLSEXT_ERR_OK;
	OPENSSL_free(copy);
	return SSL_TLSEXT_ERR_NOACK;
}

err_t channel_staple(SSL_CTX *ctx, struct bytes ocsp_response)
{
	struct channel_context *c = channel_context_of(ctx);

	must(c->server);
	buf_clear(&c->staple);
	return buf_add(&c->staple, ocsp_response);
}

static err_t keeper_key(SSL_CTX *ctx, struct channel_context *c)
{
	EVP_PKEY *key = NULL;
	err_t err;

	TRY(channel_signer_key(c->library, c->keeper, BYTES("node"), &key));
	TRY(set_key(ctx, key));
out:
	EVP_PKEY_free(key);
	return err;
}

/* Suites of TLS 1.2 that a PSK client may need are not for HTTP/2 [RFC 9113 9.2.2]. */
static int on_protocols(SSL *ssl, const unsigned char **out, unsigned char *n,
                        const unsigned char *offered, unsigned offered_n, void *arg)
{
	static const unsigned char both[] = "\x02h2\x08http/1.1";
	unsigned skip = SSL_version(ssl) >= TLS1_3_VERSION ? 0 : 3;
	unsigned char *chosen;

	if (SSL_select_next_proto(&chosen, n, both + skip, sizeof(both) - 1 - skip, offered,
	                          offered_n) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

err_t channel_server_new(const struct channel_server_setup *setup, SSL_CTX **out)
{
	static const unsigned char name[] = "holdfast";
	struct channel_context *c;
	SSL_CTX *ctx = NULL;
	err_t err;

	*out = NULL;
	TRY(context_new(TLS_server_method(), true, &ctx, &c));
	c->legacy = setup->legacy;
	c->keeper = setup->keeper;
	TRY(set_algorithms(ctx, c));
	TRY(set_anchors(ctx, setup->anchor_pem));
	TRY(set_certificates(ctx, setup->certificate_pem));
	TRY(keeper_key(ctx, c));
	TRY(set_guests(ctx, c, setup));
	TRY(bytes_put_str(c->realms, sizeof(c->realms), setup->realms));
	/* TLS 1.2: a device with several identities learns which is meant [TS 33.222 5.4]. */
	if (c->realms[0])
		TRY(SSL_CTX_use_psk_identity_hint(ctx, "3GPP-bootstrapping") == 1 ? ERR_OK : ERR_MEMORY);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (c->guests ? 0 : SSL_VERIFY_FAIL_IF_NO_PEER_CERT), NULL);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, c);
	c->staple = buf_make(CHANNEL_STAPLE_MAX);
	TRY(SSL_CTX_set_tlsext_status_cb(ctx, on_status) == 1 && SSL_CTX_set_tlsext_status_arg(ctx, c) == 1
	            ? ERR_OK : ERR_CRYPTO);
	if (setup->http2)
		SSL_CTX_set_alpn_select_cb(ctx, on_protocols, NULL);
	TRY(SSL_CTX_set_num_tickets(ctx, 0) == 1 ? ERR_OK : ERR_CRYPTO);
	TRY(SSL_CTX_set_session_id_context(ctx, name, sizeof(name) - 1) == 1 ? ERR_OK
	                                                                     : ERR_CRYPTO);
	channel_psk_server(ctx);
	c->limits = setup->limits;
	c->session = setup->session;
	c->self = setup->self;
	if (setup->session)
		channel_session_server(ctx);
	channel_transcript_keep(ctx);
	*out = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	return err;
}

/* --- the client's side --------------------------------------------------------------------- */

static err_t client_name(SSL_CTX *ctx, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	if (!name || !name[0])
		return ERR_MISSING;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_WILDCARDS |
	                                       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return X509_VERIFY_PARAM_set1_host(param, name, 0) == 1 ? ERR_OK : ERR_MEMORY;
}

static err_t client_certificate(SSL_CTX *ctx, const struct channel_client_setup *setup)
{
	struct crypt_key key = { NULL };
	err_t err;

	TRY(set_certificates(ctx, setup->certificate_pem));
	TRY(crypt_p256_from_pem(setup->key_pem, &key));
	TRY(set_key(ctx, key.pkey));
out:
	crypt_key_free(&key);
	return err;
}

static err_t client_psk(SSL_CTX *ctx, struct channel_context *c,
                        const struct channel_client_setup *setup)
{
	err_t err;

	if (setup->psk.n != 16 && setup->psk.n != 32)
		return ERR_RANGE;
	TRY(bytes_put_str(c->identity, sizeof(c->identity), setup->psk_identity));
	TRY(c->identity[0] ? ERR_OK : ERR_MISSING);
	TRY(secret_copy(setup->psk, &c->psk));
	channel_psk_client(ctx);
out:
	return err;
}

err_t channel_client_new(const struct channel_client_setup *setup, SSL_CTX **out)
{
	struct channel_context *c;
	SSL_CTX *ctx = NULL;
	bool stranger;
	err_t err;

	*out = NULL;
	TRY(context_new(TLS_client_method(), false, &ctx, &c));
	TRY(set_algorithms(ctx, c));
	stranger = setup->guest && setup->anchor_pem.n == 0;
	/* With a pre-shared key and no anchor every certificate is refused. */
	if (!stranger && (setup->anchor_pem.n || !setup->psk.n))
		TRY(set_anchors(ctx, setup->anchor_pem));
	if (setup->name || !setup->psk.n)
		TRY(client_name(ctx, setup->name));
	SSL_CTX_set_verify(ctx, stranger ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (setup->psk.n)
		TRY(client_psk(ctx, c, setup));
	else if (!setup->guest)
		TRY(client_certificate(ctx, setup));
	*out = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	return err;
}

/* --- the node as the one that connects ------------------------------------------------------ */

err_t channel_node_new(const struct channel_server_setup *setup, SSL_CTX **out)
{
	struct channel_context *c;
	SSL_CTX *ctx = NULL;
	err_t err;

	*out = NULL;
	TRY(context_new(TLS_client_method(), true, &ctx, &c));
	c->keeper = setup->keeper;
	TRY(set_algorithms(ctx, c));
	TRY(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) == 1 ? ERR_OK : ERR_CRYPTO);
	TRY(set_anchors(ctx, setup->anchor_pem));
	TRY(set_certificates(ctx, setup->certificate_pem));
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	channel_psk_node(ctx);
	*out = ctx;
	ctx = NULL;
out:
	SSL_CTX_free(ctx);
	return err;
}

err_t channel_node_key(SSL_CTX *ctx)
{
	return SSL_CTX_get0_privatekey(ctx) ? ERR_OK : keeper_key(ctx, channel_context_of(ctx));
}

err_t channel_node_connect(SSL_CTX *ctx, const char *name, SSL **out)
{
	X509_VERIFY_PARAM *param;
	err_t err;

	*out = NULL;
	if (!name || !name[0])
		return ERR_MISSING;
	TRY(channel_new(ctx, out));
	param = SSL_get0_param(*out);
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_WILDCARDS |
	                                       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 ||
	    SSL_set_tlsext_host_name(*out, name) != 1) {
		SSL_free(*out);
		*out = NULL;
		err = ERR_MEMORY;
	}
out:
	return err;
}

err_t channel_new(SSL_CTX *ctx, SSL **out)
{
	struct channel_context *c = channel_context_of(ctx);
	struct channel_state *state = mem_new(1, sizeof(*state));
	SSL *ssl = state ? SSL_new(ctx) : NULL;

	*out = NULL;
	if (!ssl || SSL_set_ex_data(ssl, state_index, state) != 1) {
		SSL_free(ssl);
		mem_free(state);
		return ERR_MEMORY;
	}
	state->limits = &c->limits;
	SSL_set_msg_callback_arg(ssl, state); /* asked for with each record */
	if (c->node)
		crypt_random(state->tag, sizeof(state->tag));
	if (c->server) {
		SSL_set_accept_state(ssl);
	} else {
		SSL_set_connect_state(ssl);
		if (X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0))
			(void)SSL_set_tlsext_host_name(
			        ssl, X509_VERIFY_PARAM_get0_host(SSL_get0_param(ssl), 0));
	}
	*out = ssl;
	return ERR_OK;
}

/* --- wear ---------------------------------------------------------------------------------- */

void channel_refresh(SSL *ssl)
{
	struct channel_state *state = channel_state_of(ssl);
	const struct channel_wear *limits = state->limits;

	if (!((limits->update_records && state->fresh_records >= limits->update_records) ||
	      (limits->update_octets && state->fresh_octets >= limits->update_octets)) ||
	    SSL_version(ssl) < TLS1_3_VERSION || !SSL_is_init_finished(ssl))
		return;
	/* Not in the middle of a record that waits: with what is written after it. */
	if (SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1)
		state->fresh_records = state->fresh_octets = 0;
	ERR_clear_error();
}

bool channel_worn(const SSL *ssl)
{
	const struct channel_state *state = ssl ? channel_state_of(ssl) : NULL;

	return state && state->limits->records && state->records >= state->limits->records;
}

/* --- why it failed --------------------------------------------------------------------------- */

void channel_error(char *out, size_t size)
{
	/* The oldest is the cause; what follows are its consequences. Texts of the
	 * library's own tables only: details could hold octets of the peer. */
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : "the connection ended";
	const char *chain = ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED
	                            ? channel_verify_why()
	                            : NULL;
	struct buf line = buf_make(256);

	must(size > 0);
	out[0] = '\0';
	if (buf_printf(&line, "%s%s%s", reason ? reason : "unknown", chain ? ": " : "",
	               chain ? chain : "") == ERR_OK)
		(void)!bytes_put_str(out, size, bytes_sub(bytes_of_buf(&line), 0, size - 1));
	buf_free(&line);
	ERR_clear_error();
}
