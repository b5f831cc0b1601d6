/* channel.h: the protected connection of an association [TS-0003 8.2, 10.2; CM7 8 19].
 *
 * Gate, courier and client. TLS 1.3 preferred, 1.2 the floor and only with
 * extended master secret; suites from crypt/algorithms.def; both sides always
 * authenticate. On the node's side private keys and pre-shared keys are keeper
 * handles (channel_inside.h); nothing long-term is in this process.
 * No stateless tickets, no renegotiation, no early data, no compression. */
#ifndef ASSOCIATION_CHANNEL_H
#define ASSOCIATION_CHANNEL_H

#include "base/bytes.h"

#include <openssl/ssl.h>

struct keeper;

enum credential_kind { CREDENTIAL_NONE = 0, CREDENTIAL_CERTIFICATE = 1, CREDENTIAL_PSK = 2,
	               CREDENTIAL_SESSION = 3 /* what it came by before; whose it is the core knows */ };

enum { CHANNEL_TAG = 16, CHANNEL_IDENTITY_MAX = 128 };

/* What the handshake proved about the peer. */
struct channel_peer {
	enum credential_kind kind;
	uint8_t tag[CHANNEL_TAG];           /* names this handshake to keeper and core */
	uint8_t fingerprint[32];            /* SHA-256 of the peer's certificate (DER) */
	char identity[CHANNEL_IDENTITY_MAX];/* PSK identity; or the one SAN of the certificate
	                                       as "URI:..." or "DNS:..." */
	int64_t not_after;                  /* of the certificate, ms; 0 for PSK */
	bool guest;                         /* nobody: kind is NONE; or a maker's device */
	uint16_t suite;                     /* IANA number */
	uint16_t version;                   /* 0x0303, 0x0304 */
};

/* --- sessions [RFC 8446 2.2, 4.6.1]: TLS 1.3 only, kept by somebody else ------------- */

enum { CHANNEL_SESSION_ID = 32, CHANNEL_HASH = 32 };
struct channel_session {
	uint8_t id[CHANNEL_SESSION_ID]; /* begins with 0xff: no identity of a pre-shared key does */
	uint16_t suite;
	struct bytes secret;
};
/* Who wants to take one up again: its name, the hash of the ClientHello up to its binders,
 * and the binder. */
struct channel_session_wanted {
	uint8_t id[CHANNEL_SESSION_ID], hash[CHANNEL_HASH], binder[CHANNEL_HASH];
};
/* Server: of a guest with a maker's certificate, that maker's (DER), appended. ERR_MISSING. */
err_t channel_maker(SSL *ssl, struct buf *out) MUST_USE;

/* The tag of the connection, before its handshake is over. */
void channel_tag(const SSL *ssl, uint8_t tag[CHANNEL_TAG]);

/* Server: what this handshake waits for (as channel_wanted); NULL: nothing. */
const struct channel_session_wanted *channel_session_wanted(const SSL *ssl);
/* Its secret; never called: the handshake goes on as a whole one. */
err_t channel_session_give(SSL *ssl, uint16_t suite, struct bytes secret) MUST_USE;
/* Server, TLS 1.3, after the handshake: the client may come again within so many seconds.
 * `session` of the setup is called before it knows. */
err_t channel_session_offer(SSL *ssl, uint32_t seconds) MUST_USE;

/* What a connection's traffic keys are used for [RFC 8446 4.6.3, 5.5]. As limits: */
struct channel_wear {
	uint64_t records;                        /* of a connection: then it is worn */
	uint64_t update_records, update_octets;  /* TLS 1.3: then there are new keys, both ways */
};
/* Before something is written: new keys, where it is time. */
void channel_refresh(SSL *ssl);
/* Has it had its records? NULL: no. */
bool channel_worn(const SSL *ssl);

/* A server context: certificate chain (PEM of leaf), trust anchor (PEM), key by
 * keeper. `k` must outlive the context; its link may be replaced meanwhile. */
struct channel_server_setup {
	struct keeper *keeper;
	struct bytes certificate_pem;
	struct bytes anchor_pem;
	bool legacy; /* also the LEGACY rows of crypt/algorithms.def */
	/* Who shows nothing gets a connection all the same, and so does who shows a
	 * certificate of one of these makers (PEM): to join, and nothing else. What
	 * is shown is checked as ever. */
	bool guests;
	struct bytes makers_pem;
	/* Whose pre-shared keys may come late: realms of identities, separated by blanks. A
	 * handshake with one that the keeper has not got stops where channel_wanted says. */
	struct bytes realms;
	/* A session is there (channel_session_offer): its name, suite and secret, once. */
	void (*session)(void *self, SSL *ssl, const struct channel_session *s);
	void *self;
	struct channel_wear limits; /* of a connection's keys; zeros: none */
	bool http2;  /* ALPN: "h2" over TLS 1.3, else "http/1.1"; a client that offers
	                neither is refused, one that offers nothing speaks HTTP/1.1 */
};
err_t channel_server_new(const struct channel_server_setup *setup, SSL_CTX **out) MUST_USE;

/* From now on the server shows this beside its certificate to who asks for it
 * [RFC 6066 8]; empty: nothing. */
enum { CHANNEL_STAPLE_MAX = 4096 };
err_t channel_staple(SSL_CTX *ctx, struct bytes ocsp_response) MUST_USE;

/* A client context (command, device, tests): own key in this process. Either
 * certificate + key, or PSK. `name` is the node's public domain name, matched
 * exactly against dNSName. For PSK anchor_pem may be empty. */
struct channel_client_setup {
	struct bytes anchor_pem, certificate_pem, key_pem;
	struct bytes psk_identity, psk;
	const char *name;
	/* No credential of its own: to join. Without anchor_pem the node is not
	 * authenticated either: good for nothing but fetching an anchor whose
	 * fingerprint is known. */
	bool guest;
};
err_t channel_client_new(const struct channel_client_setup *setup, SSL_CTX **out) MUST_USE;

/* One more anchor of a context that is in use: this certificate (DER). Handshakes from now
 * on. ERR_SYNTAX. */
err_t channel_trust(SSL_CTX *ctx, struct bytes der) MUST_USE;

/* The node as the one that connects (courier): TLS 1.3 only, the node's own
 * certificate, its key used by the keeper. No name is set: each connection has
 * one of its own. The key may be out of reach (a locked keeper): then
 * channel_node_key is called again before a connection is made. */
err_t channel_node_new(const struct channel_server_setup *setup, SSL_CTX **out) MUST_USE;
err_t channel_node_key(SSL_CTX *ctx) MUST_USE;
/* A connection of it to the peer whose certificate names `name`, exactly, as its
 * dNSName. */
err_t channel_node_connect(SSL_CTX *ctx, const char *name, SSL **out) MUST_USE;

/* Before its handshake: it shows this pre-shared key, which the keeper has for the courier
 * alone, and its certificate does not do; empty: none. */
err_t channel_node_show(SSL *ssl, struct bytes identity) MUST_USE;

/* A connection of the other contexts. Server connections draw their tag here. */
err_t channel_new(SSL_CTX *ctx, SSL **out) MUST_USE;

/* After the handshake: who is there. ERR_REFUSED when TLS 1.2 came without
 * extended master secret, or nobody authenticated and guests are not taken. */
err_t channel_peer(SSL *ssl, struct channel_peer *out) MUST_USE;

/* Server: the identity of one of `realms` that this handshake wants the key of and the
 * keeper has not got, as the keeper would have it; empty: none. TLS 1.3: the handshake
 * waits (SSL_ERROR_WANT_CLIENT_HELLO_CB), and goes on when it is tried again, with the
 * key or without. TLS 1.2 tells it too late: it fails, and another may do better. A view,
 * until the connection ends. */
struct bytes channel_wanted(const SSL *ssl);

/* Server: the handshake messages up to and with the client's CertificateVerify, by which
 * somebody else can judge it; empty for a pre-shared key. A view, until the connection
 * or channel_forget ends it. */
struct bytes channel_transcript(const SSL *ssl);
void channel_forget(SSL *ssl);

/* Keying material of the connection [RFC 5705; RFC 8446 7.5], without a context [G1]; no
 * two labels or connections have the same. ERR_REFUSED before the handshake is over. */
err_t channel_export(SSL *ssl, const char *label, uint8_t *out, size_t n) MUST_USE;

/* Did the last handshake of this thread fail because our own key cannot be used now, which is
 * nobody's fault who came? Told once. */
bool channel_our_fault(void);

/* Why the last handshake failed, one line without secrets. Empties OpenSSL's
 * error queue of this thread. */
void channel_error(char *out, size_t size);

#endif
