/* channel_inside.h: what the files of the channel share. Private to them.
 *
 *   OpenSSL ---- psk callbacks ----> channel_psk.c ----\
 *      |                                                > keeper (wire)
 *      |---- TLS13-KDF, TLS1-PRF, HMAC, ECDSA --> channel_schedule.c
 *                                                 channel_signer.c
 *
 * On the node's side a pre-shared key is, for OpenSSL, a row of octets of the
 * key's length that only looks like a key: a *stand-in*. It names a use of a key
 * (struct psk_use) and how far the key schedule has come. */
#ifndef ASSOCIATION_CHANNEL_INSIDE_H
#define ASSOCIATION_CHANNEL_INSIDE_H

#include "base/secret.h"
#include "crypt/algorithms.h"
#include "security/association/channel.h"
#include "wire/keeper_calls.h"

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

enum { CHANNEL_REALMS_MAX = 1024 };

/* One pre-shared key in one handshake. */
struct psk_use {
	struct keeper *keeper;
	const uint8_t *tag;   /* of its handshake */
	const char *identity;
	uint32_t slot;    /* of the table of stand-ins; 0: not in use */
	uint32_t handle;  /* the keeper's, of the key; 0: it gave none yet */
	size_t n;         /* length of the key */
	bool spent;       /* the keeper gave the session-bound secret */
	bool own;         /* TLS 1.3: this node connects by it; its binder is made, not compared */
	bool shown;       /* TLS 1.3: the client sent a binder for this identity */
	uint8_t binder[32];
};

/* What belongs to one connection. */
struct channel_state {
	const struct channel_wear *limits;   /* of its context */
	uint8_t tag[CHANNEL_TAG];
	char identity[CHANNEL_IDENTITY_MAX]; /* PSK identity that was shown */
	char shows[CHANNEL_IDENTITY_MAX];    /* node as client: the one that it shows, as it shows it */
	struct psk_use psk;
	struct buf transcript; /* server: the handshake messages up to the client's proof */
	size_t hello;          /* where the last ClientHello begins in it */
	uint64_t records, fresh_records, fresh_octets; /* in all; since there were new keys */
	struct channel_session_wanted session;
	enum { SESSION_NONE, SESSION_WANTED, SESSION_GIVEN } session_state;
	uint16_t session_suite;
	uint8_t session_secret[CHANNEL_HASH];
	bool whole;            /* the client's CertificateVerify is its last message */
	char wanted[CHANNEL_IDENTITY_MAX]; /* identity whose key is not here yet */
};

/* What belongs to a context; lies behind SSL_CTX ex_data. */
struct channel_context {
	bool server, legacy;
	bool guests;                        /* server: who shows nothing is taken */
	char realms[CHANNEL_REALMS_MAX];    /* server: whose keys may come late */
	struct buf staple;                  /* server: OCSP response of its certificate */
	struct channel_wear limits;
	void (*session)(void *self, SSL *ssl, const struct channel_session *s);
	void *self;
	X509_STORE *makers;                 /* server: whose devices are guests; NULL none */
	struct channel_known *known;        /* server: certificates that were verified; NULL none yet */
	bool node;                          /* our own key is with the keeper */
	OSSL_LIB_CTX *library;              /* node: ours; client: the default */
	struct keeper *keeper;              /* node */
	char identity[CHANNEL_IDENTITY_MAX];/* client with PSK */
	struct secret psk;                  /* client with PSK: its own key */
	char strong_suites[ALGORITHM_LIST_MAX]; /* TLS 1.2, without the LEGACY ones */
};

struct channel_context *channel_context_of(const SSL_CTX *ctx);
struct channel_state *channel_state_of(const SSL *ssl);

/* The tag of the handshake that OpenSSL works on in this thread. */
const uint8_t *channel_current_tag(void);

/* The keeper gave no signature to the handshake of this thread. */
void channel_no_signature(err_t why);

/* --- channel_provider.c --------------------------------------------------- */

/* The library context with the default provider and ours; made once. */
err_t channel_library(OSSL_LIB_CTX **out) MUST_USE;

/* Prefers our key schedule, and the default provider's everything else. */
#define CHANNEL_PROPERTIES "?holdfast.key=yes,?holdfast.tls=yes,?provider=default"
#define CHANNEL_SCHEDULE_PROPERTIES "provider=holdfast,holdfast.key=yes,holdfast.tls=yes"
#define CHANNEL_SIGNER_PROPERTIES "provider=holdfast,holdfast.signer=yes"

/* The tables that channel_provider.c registers. */
extern const OSSL_ALGORITHM channel_kdfs[];
extern const OSSL_DISPATCH channel_mac_keymgmt[];
extern const OSSL_DISPATCH channel_mac_signature[];
extern const OSSL_DISPATCH channel_signer_keymgmt[];
extern const OSSL_DISPATCH channel_signer_signature[];

/* --- channel_signer.c ------------------------------------------------------ */

/* A private key of the keeper, as OpenSSL sees it: its public point and who to
 * ask. The key name is opened now, and again when the keeper was restarted. */
err_t channel_signer_key(OSSL_LIB_CTX *lib, struct keeper *k, struct bytes name,
                         EVP_PKEY **out) MUST_USE;

/* --- channel_standin.c ----------------------------------------------------- */

/* How far the key schedule has come [RFC 8446 7.1]. */
enum standin { STANDIN_NONE, STANDIN_KEY, STANDIN_EARLY, STANDIN_BINDER, STANDIN_FINISHED };

enum { STANDIN_MIN = 16, STANDIN_MAX = 64 };

/* Give the use a slot. ERR_LIMIT when too many are open, ERR_MEMORY. */
err_t standin_open(struct psk_use *use) MUST_USE;
void standin_close(struct psk_use *use);

/* n octets (STANDIN_MIN..STANDIN_MAX) that stand for this use at this stage. */
void standin_write(const struct psk_use *use, enum standin stage, uint8_t *out, size_t n);

/* What stage the octets stand for, and of which use; STANDIN_NONE for octets
 * that are no stand-in. */
enum standin standin_read(struct bytes octets, struct psk_use **use);

/* --- channel_transcript.c ---------------------------------------------------- */

enum { TRANSCRIPT_OCTETS_MAX = 20 * 1024 };

/* Keep what a server context's handshakes say. */
void channel_transcript_keep(SSL_CTX *ctx);

/* The binder that the ClientHello has for this identity [RFC 8446 4.2.11]. ERR_MISSING,
 * ERR_SYNTAX. */
err_t transcript_binder(const struct channel_state *state, struct bytes identity,
                        uint8_t binder[32]) MUST_USE;

/* The ClientHello that was read last, as it came. */
struct bytes transcript_hello(const struct channel_state *state);

/* --- channel_session.c -------------------------------------------------------- */

void channel_session_server(SSL_CTX *ctx);
/* The first ClientHello names a session: it is to be waited for. */
bool channel_session_awaits(SSL *ssl);
/* Was the handshake that of the session that was given? */
bool channel_session_used(SSL *ssl);
void channel_session_wipe(struct channel_state *state);

/* --- channel_psk.c ---------------------------------------------------------- */

void channel_psk_server(SSL_CTX *ctx);
void channel_psk_client(SSL_CTX *ctx);
void channel_psk_node(SSL_CTX *ctx);

/* The first pre-shared key of a ClientHello is to be waited for: it is of one of the
 * realms, the keeper has not got it, and it was not waited for before. */
bool channel_psk_awaits(SSL *ssl);

/* Give the keeper its handle back. */
void channel_psk_end(struct psk_use *use);

/* The three things that need the key; asked of the keeper. */
/* The binder that the client sent, when it is that of the transcript; else octets that
 * are not. */
err_t psk_binder(struct psk_use *use, struct bytes hash, uint8_t out[32]) MUST_USE;
err_t psk_handshake_secret(struct psk_use *use, struct bytes ecdhe, uint8_t out[32]) MUST_USE;
err_t psk_tls12_master(struct psk_use *use, unsigned hash, struct bytes other,
                       struct bytes session_hash, uint8_t out[48]) MUST_USE;

/* --- channel_verify.c -------------------------------------------------------- */

/* X509_verify_cert and the profile of oneM2M certificates; self: the context. */
int channel_verify_chain(X509_STORE_CTX *store, void *self);

/* Why the last chain in this thread was refused; NULL when it was not. */
const char *channel_verify_why(void);

/* --- channel_known.c --------------------------------------------------------- */

/* digest: SHA-256 of the leaf. Was it verified in this context? */
bool channel_is_known(const struct channel_context *c, const uint8_t digest[32]);
/* The same, and neither it nor its anchor has ended: then the store context has the chain of
 * both, as if it had been verified now. */
bool channel_known_take(const struct channel_context *c, const uint8_t digest[32], time_t now, X509_STORE_CTX *store);
/* The chain was verified. */
void channel_known_keep(struct channel_context *c, const uint8_t digest[32], STACK_OF(X509) *chain);
void channel_known_free(struct channel_context *c);

#endif
