/* channel_psk.c: pre-shared keys, by identity [TS-0003 8.2.2.1, 10.2.2].
 *
 * The node's side: OpenSSL asks for the key of an identity and gets a stand-in.
 * An identity that the keeper does not know fails as a wrong key does, so that an
 * outsider learns no identities. The client's side: its own key, in its own process. */
#include "security/association/channel_inside.h"

#include "base/log.h"
#include "crypt/crypt.h"

#include <openssl/err.h>

enum { DECOY = 32, PSK_MIN = 16, PSK_MAX = 64, RELATIVE_KEY = 16, STANDIN_TLS13 = 32 /* of any length */ };

/* --- what the keeper does for a use of a key ------------------------------------ */

void channel_psk_end(struct psk_use *use)
{
	/* A key that gave its session-bound secret has no handle any more. */
	if (use->handle && !use->spent)
		(void)!keeper_close_handle(use->keeper, use->handle);
	standin_close(use);
	*use = (struct psk_use){ 0 };
}

/* Whether there is the key, and whether it is its binder, the keeper is asked at once. A
 * binder that is none of this key, and one of an identity that the keeper does not know,
 * end as any other that is wrong: an outsider learns no identities. */
err_t psk_binder(struct psk_use *use, struct bytes hash, uint8_t out[32])
{
	struct keeper_shown ask = { bytes_str(use->identity), hash, BYTES_OF(use->binder), use->tag };
	err_t err;

	if (use->spent || (!use->shown && !use->own))
		return ERR_BAD_STATE;
	if (use->handle) /* of the ClientHello before a HelloRetryRequest */
		(void)!keeper_close_handle(use->keeper, use->handle);
	use->handle = 0;
	if (use->own)
		return hash.n == sizeof(use->binder) ? keeper_show(use->keeper, &ask, &use->handle, out) : ERR_BAD_STATE;
	err = keeper_binder(use->keeper, &ask, &use->handle);
	if (err == ERR_OK)
		bytes_copy(out, use->binder, sizeof(use->binder));
	if (err != ERR_REFUSED && err != ERR_MISSING)
		return err;
	crypt_random(out, sizeof(use->binder));
	return ERR_OK;
}

err_t psk_handshake_secret(struct psk_use *use, struct bytes ecdhe, uint8_t out[32])
{
	err_t err;

	if (use->spent || !use->handle)
		return ERR_BAD_STATE;
	err = keeper_handshake_secret(use->keeper, use->handle, ecdhe, out);
	use->spent = err == ERR_OK;
	return err;
}

err_t psk_tls12_master(struct psk_use *use, unsigned hash, struct bytes other,
                       struct bytes session_hash, uint8_t out[48])
{
	err_t err;

	if (use->spent)
		return ERR_BAD_STATE;
	err = keeper_tls12_master(use->keeper, use->handle, hash, other, session_hash, out);
	use->spent = err == ERR_OK;
	return err;
}

/* --- the node's side ---------------------------------------------------------------- */

/* Octets that our identities can be; a ticket of another server is none. */
static bool identity_fits(struct bytes identity)
{
	return identity.n > 0 && identity.n < CHANNEL_IDENTITY_MAX && bytes_is_printable(identity);
}

/* What says which network an identity is of; the identity itself is what follows. An
 * application in the UICC has a key of its own [TS 33.222 5.4]. */
static const struct {
	struct bytes shown, kept;
} prefixes[] = {
	{ BYTES("3GPP-bootstrapping;"), BYTES("") },
	{ BYTES("3GPP-bootstrapping-uicc;"), BYTES("uicc:") },
	{ BYTES("3GPP-AKMA;"), BYTES("") },
};

static bool is_of_realms(const char *realms, struct bytes identity)
{
	struct bytes rest = bytes_str(realms), realm = identity;

	(void)bytes_cut(&realm, '@');
	while (rest.n && realm.n) {
		if (bytes_equal(bytes_cut(&rest, ' '), realm))
			return true;
	}
	return false;
}

/* RelativeKeyID@FQDN of a function that is asked for keys: xs:hexBinary has one value in
 * small letters and in large ones, of which the large ones are kept. */
static void one_case(const char *realms, char identity[CHANNEL_IDENTITY_MAX])
{
	struct bytes domain = bytes_str(identity), relative = bytes_cut(&domain, '@');
	uint8_t octets[RELATIVE_KEY];

	if (relative.n != 2 * sizeof(octets) || bytes_from_hex(relative, octets, sizeof(octets)) != ERR_OK ||
	    !is_of_realms(realms, bytes_str(identity)))
		return;
	for (size_t i = 0; i < relative.n; i++) {
		if (identity[i] >= 'a')
			identity[i] = (char)(identity[i] - 'a' + 'A');
	}
}

/* As the keeper and the core have it: one key, one identity. */
static err_t identity_canonical(const char *realms, struct bytes shown, char out[CHANNEL_IDENTITY_MAX])
{
	struct bytes kept = BYTES_NONE;
	err_t err;

	for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
		if (!bytes_starts(shown, prefixes[i].shown))
			continue;
		kept = prefixes[i].kept;
		shown = bytes_sub(shown, prefixes[i].shown.n, shown.n);
		break;
	}
	TRY(shown.n ? ERR_OK : ERR_MISSING); /* of nobody, as one that is not known */
	TRY(bytes_put_str(out, CHANNEL_IDENTITY_MAX, kept));
	TRY(bytes_put_str(out + kept.n, CHANNEL_IDENTITY_MAX - kept.n, shown));
	one_case(realms, out);
out:
	return err;
}

/* The state holds the use of the key of this identity, of which the keeper was asked
 * nothing yet. The same comes twice after a HelloRetryRequest. ERR_MISSING. */
static err_t psk_begin(SSL *ssl, struct bytes shown)
{
	struct channel_state *state = channel_state_of(ssl);
	struct channel_context *context = channel_context_of(SSL_get_SSL_CTX(ssl));
	struct psk_use *use = &state->psk;
	char canonical[CHANNEL_IDENTITY_MAX];
	err_t err;

	TRY(identity_canonical(context->realms, shown, canonical));
	if (use->slot && bytes_equal(bytes_str(canonical), bytes_str(state->identity)))
		return ERR_OK;
	channel_psk_end(use);
	state->identity[0] = '\0';
	*use = (struct psk_use){ .keeper = context->keeper, .tag = state->tag, .identity = state->identity, .n = STANDIN_TLS13 };
	TRY(standin_open(use));
	TRY(bytes_put_str(state->identity, sizeof(state->identity), bytes_str(canonical)));
out:
	return err;
}

/* For TLS 1.2: there the length counts, and the proof comes later. ERR_MISSING. */
static err_t psk_find(SSL *ssl, struct bytes shown)
{
	struct psk_use *use = &channel_state_of(ssl)->psk;
	err_t err;

	TRY(psk_begin(ssl, shown));
	if (use->handle)
		return ERR_OK;
	err = keeper_psk_open(use->keeper, bytes_str(use->identity), use->tag, &use->handle, &use->n);
	if (err == ERR_OK && (use->n < PSK_MIN || use->n > PSK_MAX))
		err = ERR_RANGE;
	if (err != ERR_OK) {
		channel_psk_end(use);
		channel_state_of(ssl)->identity[0] = '\0';
	}
out:
	return err;
}

/* --- keys that come late --------------------------------------------------------- */

/* Note that the key of this identity is wanted; false when it is not one of the realms'. */
static bool want(SSL *ssl, struct bytes shown)
{
	struct channel_state *state = channel_state_of(ssl);
	const struct channel_context *c = channel_context_of(SSL_get_SSL_CTX(ssl));

	return identity_canonical(c->realms, shown, state->wanted) == ERR_OK &&
	       is_of_realms(c->realms, bytes_str(state->wanted));
}

/* PreSharedKeyExtension: u16 length of all identities, u16 length of the first [RFC 8446
 * 4.2.11]. Without one: empty. */
static struct bytes first_identity(SSL *ssl)
{
	const unsigned char *p;
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &p, &n) != 1 || n < 4 ||
	    (size_t)get_be16(p + 2) + 4 > n)
		return BYTES_NONE;
	return bytes_make(p + 4, get_be16(p + 2));
}

/* Asked with what cannot be a binder: refused where there is the key. */
static bool is_missing(SSL *ssl)
{
	const struct channel_state *state = channel_state_of(ssl);
	struct keeper_shown ask = { .identity = bytes_str(state->wanted), .tag = state->tag };
	uint32_t none;

	return keeper_binder(channel_context_of(SSL_get_SSL_CTX(ssl))->keeper, &ask, &none) == ERR_MISSING;
}

bool channel_psk_awaits(SSL *ssl)
{
	struct channel_state *state = channel_state_of(ssl);
	struct bytes shown;

	if (!channel_context_of(SSL_get_SSL_CTX(ssl))->realms[0] || state->wanted[0])
		return false;
	shown = first_identity(ssl);
	if (identity_fits(shown) && want(ssl, shown) && is_missing(ssl))
		return true;
	state->wanted[0] = '\0';
	return false;
}

struct bytes channel_wanted(const SSL *ssl)
{
	return bytes_str(channel_state_of(ssl)->wanted);
}

/* A session as TLS 1.3 wants an external key: bound to SHA-256. */
static SSL_SESSION *session_of(SSL *ssl, const uint8_t *key, size_t n)
{
	static const uint8_t aes_128_gcm_sha256[] = { 0x13, 0x01 };
	const SSL_CIPHER *suite = SSL_CIPHER_find(ssl, aes_128_gcm_sha256);
	SSL_SESSION *s = SSL_SESSION_new();

	if (s && suite && SSL_SESSION_set1_master_key(s, key, n) == 1 &&
	    SSL_SESSION_set_cipher(s, suite) == 1 &&
	    SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION) == 1)
		return s;
	SSL_SESSION_free(s);
	return NULL;
}

/* Fill in what OpenSSL takes for the key. 0 when the keeper is out of reach. */
static size_t psk_octets(SSL *ssl, struct bytes identity, uint8_t out[PSK_MAX])
{
	const struct psk_use *use = &channel_state_of(ssl)->psk;
	err_t err = psk_find(ssl, identity);

	if (err == ERR_OK) {
		standin_write(use, STANDIN_KEY, out, use->n);
		return use->n;
	}
	if (err != ERR_MISSING) {
		log_event(LOG_WARN, "keeper gave no key", "error=%s", err_name(err));
		return 0;
	}
	crypt_random(out, DECOY);
	return DECOY;
}

static int find_session(SSL *ssl, const unsigned char *identity, size_t n, SSL_SESSION **out)
{
	struct channel_state *state = channel_state_of(ssl);
	struct bytes shown = bytes_make(identity, n);
	uint8_t key[STANDIN_TLS13];
	err_t err;

	*out = NULL;
	if (!identity_fits(shown))
		return 1;
	err = psk_begin(ssl, shown);
	if (err == ERR_OK)
		standin_write(&state->psk, STANDIN_KEY, key, sizeof(key));
	else if (err == ERR_MISSING)
		crypt_random(key, sizeof(key));
	else
		return 0;
	state->psk.shown = transcript_binder(state, shown, state->psk.binder) == ERR_OK;
	*out = session_of(ssl, key, sizeof(key));
	return *out != NULL;
}

static unsigned psk_for_tls12(SSL *ssl, const char *identity, unsigned char *out, unsigned max)
{
	uint8_t key[PSK_MAX];
	size_t n;

	/* libssl asks here too when find_session had none for TLS 1.3. */
	if (SSL_version(ssl) != TLS1_2_VERSION || !identity_fits(bytes_str(identity)))
		return 0;
	n = psk_octets(ssl, bytes_str(identity), key);
	if (!channel_state_of(ssl)->psk.slot && !want(ssl, bytes_str(identity)))
		channel_state_of(ssl)->wanted[0] = '\0';
	if (n > max)
		return 0;
	bytes_copy(out, key, n);
	return (unsigned)n;
}

void channel_psk_server(SSL_CTX *ctx)
{
	SSL_CTX_set_psk_find_session_callback(ctx, find_session);
	SSL_CTX_set_psk_server_callback(ctx, psk_for_tls12);
}

/* --- the client's side ---------------------------------------------------------------- */

static int use_session(SSL *ssl, const EVP_MD *hash, const unsigned char **identity, size_t *n,
                       SSL_SESSION **out)
{
	const struct channel_context *c = channel_context_of(SSL_get_SSL_CTX(ssl));

	*out = NULL;
	*identity = NULL;
	*n = 0;
	/* After a HelloRetryRequest the hash is settled; ours is SHA-256. */
	if (hash && !EVP_MD_is_a(hash, "SHA256"))
		return 1;
	*out = session_of(ssl, c->psk.p, c->psk.n);
	if (!*out)
		return 0;
	*identity = (const unsigned char *)c->identity;
	*n = bytes_str(c->identity).n;
	return 1;
}

static unsigned own_psk(SSL *ssl, const char *hint, char *identity, unsigned identity_max,
                        unsigned char *out, unsigned max)
{
	const struct channel_context *c = channel_context_of(SSL_get_SSL_CTX(ssl));

	if (c->psk.n > max ||
	    bytes_put_str(identity, identity_max, bytes_str(c->identity)) != ERR_OK)
		return 0;
	bytes_copy(out, c->psk.p, c->psk.n);
	return (unsigned)c->psk.n;
}

/* --- the node as a client: the keeper makes the binder ---------------------------------- */

static int show_session(SSL *ssl, const EVP_MD *hash, const unsigned char **identity, size_t *n,
                        SSL_SESSION **out)
{
	struct channel_state *state = channel_state_of(ssl);
	struct bytes shows = bytes_str(state->shows);
	uint8_t key[STANDIN_TLS13];

	*out = NULL;
	*identity = NULL;
	*n = 0;
	if (!shows.n || (hash && !EVP_MD_is_a(hash, "SHA256")))
		return 1;
	if (psk_begin(ssl, shows) != ERR_OK)
		return 0;
	state->psk.own = true;
	standin_write(&state->psk, STANDIN_KEY, key, sizeof(key));
	*out = session_of(ssl, key, sizeof(key));
	*identity = (const unsigned char *)state->shows;
	*n = shows.n;
	return *out != NULL;
}

void channel_psk_node(SSL_CTX *ctx)
{
	SSL_CTX_set_psk_use_session_callback(ctx, show_session);
}

err_t channel_node_show(SSL *ssl, struct bytes identity)
{
	return bytes_put_str(channel_state_of(ssl)->shows, CHANNEL_IDENTITY_MAX, identity);
}

void channel_psk_client(SSL_CTX *ctx)
{
	SSL_CTX_set_psk_use_session_callback(ctx, use_session);
	SSL_CTX_set_psk_client_callback(ctx, own_psk);
}
