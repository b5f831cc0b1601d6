/* channel_session.c: TLS 1.3 resumption with sessions that are elsewhere [RFC 8446 2.2].
 *
 *   ClientHello names one --> the handshake stops (channel_session_wanted), the owner asks
 *     who keeps it, with the binder --> channel_session_give --> libssl checks the binder too
 *   after the handshake: channel_session_offer --> libssl makes name and secret --> the
 *     owner hands them over --> the client is told the name
 *
 * Nothing of a session stays in this process but with its connection. Of TLS 1.2 none is
 * kept, as its sessions are the very secret of the first connection: the name that libssl
 * tells a client there opens nothing. */
#include "security/association/channel_inside.h"

#include "crypt/crypt.h"

#include <openssl/err.h>

enum { NOT_PRINTABLE = 0xff, PSK_EXTENSION = 41, SECRET_MAX = 64, SKEW_SECONDS = 300 };

static const uint8_t session_context[] = "holdfast";

/* --- taking one up again -------------------------------------------------------------- */

/* PreSharedKeyExtension, which is the last of the message: the first identity, where the
 * binders begin, and the first of them. */
static err_t read_first(struct bytes extension, struct channel_session_wanted *out, size_t *binders)
{
	size_t all, n, at;

	if (extension.n < 2 + 2 + CHANNEL_SESSION_ID + 4)
		return ERR_MISSING;
	all = get_be16(extension.p);
	n = get_be16(extension.p + 2);
	at = 2 + all;
	if (n != CHANNEL_SESSION_ID || extension.p[4] != NOT_PRINTABLE)
		return ERR_MISSING;
	if (extension.n < at + 2 + 1 + CHANNEL_HASH || extension.p[at + 2] != CHANNEL_HASH)
		return ERR_UNSUPPORTED; /* another hash than SHA-256 */
	bytes_copy(out->id, extension.p + 4, CHANNEL_SESSION_ID);
	bytes_copy(out->binder, extension.p + at + 3, CHANNEL_HASH);
	*binders = extension.n - at;
	return ERR_OK;
}

bool channel_session_awaits(SSL *ssl)
{
	struct channel_state *state = channel_state_of(ssl);
	struct bytes hello = transcript_hello(state);
	const unsigned char *p;
	size_t n, binders = 0;

	/* A second ClientHello, after a HelloRetryRequest, is of the same. */
	if (!channel_context_of(SSL_get_SSL_CTX(ssl))->session || state->session_state != SESSION_NONE || state->hello != 0 ||
	    SSL_client_hello_get0_ext(ssl, PSK_EXTENSION, &p, &n) != 1 ||
	    read_first(bytes_make(p, n), &state->session, &binders) != ERR_OK || binders >= hello.n)
		return false;
	crypt_sha256(bytes_sub(hello, 0, hello.n - binders), state->session.hash);
	state->session_state = SESSION_WANTED;
	return true;
}

void channel_tag(const SSL *ssl, uint8_t tag[CHANNEL_TAG])
{
	bytes_copy(tag, channel_state_of(ssl)->tag, CHANNEL_TAG);
}

const struct channel_session_wanted *channel_session_wanted(const SSL *ssl)
{
	const struct channel_state *state = channel_state_of(ssl);

	return state && state->session_state == SESSION_WANTED ? &state->session : NULL;
}

err_t channel_session_give(SSL *ssl, uint16_t suite, struct bytes secret)
{
	struct channel_state *state = channel_state_of(ssl);

	if (state->session_state != SESSION_WANTED || secret.n != sizeof(state->session_secret))
		return ERR_BAD_STATE;
	bytes_copy(state->session_secret, secret.p, secret.n);
	state->session_suite = suite;
	state->session_state = SESSION_GIVEN;
	return ERR_OK;
}

void channel_session_wipe(struct channel_state *state)
{
	secret_wipe(state->session_secret, sizeof(state->session_secret));
}

static SSL_SESSION *session_of(SSL *ssl, const struct channel_state *state)
{
	const uint8_t suite[] = { (uint8_t)(state->session_suite >> 8), (uint8_t)state->session_suite };
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && cipher && SSL_SESSION_set1_master_key(s, state->session_secret, sizeof(state->session_secret)) == 1 &&
	    SSL_SESSION_set_cipher(s, cipher) == 1 && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1 &&
	    SSL_SESSION_set1_id(s, state->session.id, CHANNEL_SESSION_ID) == 1 &&
	    SSL_SESSION_set1_id_context(s, session_context, sizeof(session_context) - 1) == 1 &&
	    SSL_SESSION_set_timeout(s, SKEW_SECONDS) == 1)
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* libssl looks for a session: there is the one that was given, for who named it. */
static SSL_SESSION *on_find(SSL *ssl, const unsigned char *id, int n, int *copy)
{
	const struct channel_state *state = channel_state_of(ssl);

	*copy = 0;
	if (!state || state->session_state != SESSION_GIVEN || n != CHANNEL_SESSION_ID ||
	    !bytes_equal(bytes_make(id, (size_t)n), BYTES_OF(state->session.id)))
		return NULL;
	return session_of(ssl, state);
}

bool channel_session_used(SSL *ssl)
{
	const struct channel_state *state = channel_state_of(ssl);
	unsigned n = 0;
	const unsigned char *id = SSL_SESSION_get_id(SSL_get_session(ssl), &n);

	return state->session_state == SESSION_GIVEN && SSL_session_reused(ssl) &&
	       bytes_equal(bytes_make(id, n), BYTES_OF(state->session.id));
}

/* --- making one ---------------------------------------------------------------------------- */

static int on_name(SSL *ssl, unsigned char *id, unsigned *n)
{
	*n = CHANNEL_SESSION_ID;
	crypt_random(id, CHANNEL_SESSION_ID);
	id[0] = NOT_PRINTABLE;
	return 1;
}

static int on_made(SSL *ssl, SSL_SESSION *made)
{
	const struct channel_context *c = channel_context_of(SSL_get_SSL_CTX(ssl));
	const SSL_CIPHER *cipher = SSL_SESSION_get0_cipher(made);
	struct channel_session s;
	uint8_t secret[SECRET_MAX];
	unsigned n = 0;
	const unsigned char *id = SSL_SESSION_get_id(made, &n);
	size_t secret_n = SSL_SESSION_get_master_key(made, secret, sizeof(secret));

	if (SSL_version(ssl) == TLS1_3_VERSION && n == CHANNEL_SESSION_ID && cipher) {
		bytes_copy(s.id, id, n);
		s.suite = SSL_CIPHER_get_protocol_id(cipher);
		s.secret = bytes_make(secret, secret_n);
		c->session(c->self, ssl, &s);
	}
	secret_wipe(secret, sizeof(secret));
	return 0; /* not kept here */
}

err_t channel_session_offer(SSL *ssl, uint32_t seconds)
{
	if (SSL_version(ssl) != TLS1_3_VERSION)
		return ERR_UNSUPPORTED;
	if (SSL_SESSION_set_timeout(SSL_get_session(ssl), (long)seconds) != 1 || SSL_new_session_ticket(ssl) != 1)
		return ERR_CRYPTO;
	/* Written now; where it cannot be, with what is written next. */
	(void)SSL_do_handshake(ssl);
	ERR_clear_error();
	return ERR_OK;
}

void channel_session_server(SSL_CTX *ctx)
{
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL | SSL_SESS_CACHE_NO_AUTO_CLEAR);
	(void)SSL_CTX_set_generate_session_id(ctx, on_name);
	SSL_CTX_sess_set_get_cb(ctx, on_find);
	SSL_CTX_sess_set_new_cb(ctx, on_made);
}
