/* provider.h: where a key lives and is used.
 *
 * A provider keeps keys of the classes of keeper_calls.h. What it wants stored
 * for a key is its blob: for the software provider the key itself, for a token
 * or TPM a reference or a wrapped key. To add one: a file with its table, and
 * its line in provider.def. No function returns the key; what mac, extract and
 * tls12_master return is bound to the message, salt or session they were given.
 *
 * Everything that the keeper derives is composed of mac and extract, because
 * tokens offer HMAC and seldom HKDF. */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/secret.h"
#include "wire/keeper_calls.h"
#include "wire/token_calls.h"

enum {
	KEY_BLOB_MAX = 1024, KEY_POINT = 65, KEY_AGREED = 32,
#define PROVIDER(number, name, table) PROVIDER_##name = (number),
#include "provider/provider.def"
#undef PROVIDER
};

/* A key as its provider sees it. */
struct provider_key {
	enum key_class class;
	enum pair_use use;               /* for make and import */
	unsigned place;                 /* for make and import: number of the token */
	struct secret blob;             /* what is stored */
	uint8_t public_key[KEY_POINT];  /* empty for symmetric keys */
	size_t public_n;
	void *loaded;                   /* the provider's own; NULL: not loaded */
};

/* Which hash a TLS 1.2 suite uses. */
enum tls12_hash { TLS12_SHA256 = 0, TLS12_SHA384 = 1 };

struct tls12_ask {
	enum tls12_hash hash;
	struct bytes other;        /* empty: as many zeros as the key has octets */
	struct bytes session_hash; /* as long as the hash */
};

struct key_provider {
	const char *name;
	unsigned id;    /* in key records */
	unsigned level; /* protection level 0..3 [TS-0003 6.3.1] */

	/* Fresh key of k->class: fills blob and public part. ERR_UNSUPPORTED. */
	err_t (*make)(struct provider_key *k) MUST_USE;
	/* A symmetric key of k->class from its octets. ERR_RANGE: wrong length. */
	err_t (*import)(struct provider_key *k, struct bytes raw) MUST_USE;
	/* From blob to usable. ERR_TAMPERED when blob and public part disagree. */
	err_t (*load)(struct provider_key *k) MUST_USE;
	/* Forget, and wipe the blob. */
	void (*unload)(struct provider_key *k);
	/* The key is never used again: what lies outside the blob goes too. Before
	 * unload; what cannot be reached stays there. NULL: all is in the blob. */
	void (*destroy)(struct provider_key *k);

	/* ECDSA with SHA-256, DER; or Ed25519, 64 octets; appended. */
	err_t (*sign)(struct provider_key *k, struct bytes input, struct buf *out) MUST_USE;
	/* ECDSA over a SHA-256 digest as it stands, DER, appended; may be NULL. */
	err_t (*sign_digest)(struct provider_key *k, const uint8_t digest[32],
	                     struct buf *out) MUST_USE;
	/* x coordinate of the shared point. ERR_SYNTAX: peer not on the curve. */
	err_t (*agree)(struct provider_key *k, struct bytes peer, uint8_t out[KEY_AGREED]) MUST_USE;
	/* HMAC-SHA-256(key, message). */
	err_t (*mac)(struct provider_key *k, struct bytes message, uint8_t out[32]) MUST_USE;
	/* HKDF-Extract: HMAC-SHA-256(salt, key). Empty salt: zeros. */
	err_t (*extract)(struct provider_key *k, struct bytes salt, uint8_t out[32]) MUST_USE;
	/* Octets under AES-256-GCM, appended, in the forms of wire/token_calls.h; and back:
	 * ERR_TAMPERED. At most TOKEN_MESSAGE_MAX and TOKEN_ADDITIONAL_MAX octets. */
	err_t (*seal)(struct provider_key *k, struct bytes additional, struct bytes plain,
	              struct buf *out) MUST_USE;
	err_t (*unseal)(struct provider_key *k, struct bytes additional, struct bytes sealed,
	                struct buf *out) MUST_USE;
	/* HMAC-SHA-256(part, message): what a pre-shared key of TLS 1.3 does. The
	 * parts are the same in each handshake; message and result are of one. */
	err_t (*tls13)(struct provider_key *k, enum token_part part, struct bytes message,
	               uint8_t out[32]) MUST_USE;
	/* Extended master secret of a PSK suite [RFC 4279, 5489, 7627]. */
	err_t (*tls12_master)(struct provider_key *k, const struct tls12_ask *ask,
	                      uint8_t out[48]) MUST_USE;
};

/* The provider of a number, NULL when there is none. */
const struct key_provider *key_provider(unsigned id);

/* The first of the table. */
const struct key_provider *key_provider_first(void);

#define PROVIDER(number, name, table) extern const struct key_provider table;
#include "provider/provider.def"
#undef PROVIDER

#endif
