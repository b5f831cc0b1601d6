/* keeper_calls.h: the keeper's operations, as their callers see them.
 *
 * A CALL body is: u16 operation, then the operation's own fields. A RESULT body
 * is: u8 err_t, then the fields below when it is ERR_OK. Each function here
 * sends one CALL and blocks for its RESULT (at most KEEPER_WAIT_MS, once: until a
 * late answer came, the next ones fail at once with ERR_TIMEOUT); what else
 * arrives meanwhile (CREDENTIAL_USED) goes to the link's notice function.
 * Fields in order, all fixed layout (wire/wire.h): name: u32 length + octets;
 * tag: 16 octets; handle: u32. */
#ifndef WIRE_KEEPER_CALLS_H
#define WIRE_KEEPER_CALLS_H

#include "wire/wire.h"

enum {
	KEEPER_WAIT_MS = 10000,
	KEEPER_NAME_MAX = 128,      /* key names: [A-Za-z0-9._:@/+=-]+ */
	KEEPER_TAG = 16,            /* a handshake, chosen at random by the gate */
	KEEPER_INPUT_MAX = 4096,
};

enum key_class { KEY_EC_P256 = 1, KEY_ED25519 = 2, KEY_SYMMETRIC_16 = 3, KEY_SYMMETRIC_32 = 4 };
bool key_is_symmetric(enum key_class class);

/* What a key may sign; fixed when the key is made: one purpose a key
 * [CM26]; the node's own has its three forms of one. */
enum sign_purpose {
	SIGN_NOTHING = 0,
	SIGN_TLS13_SERVER = 1, /* 64 blanks, "TLS 1.3, server CertificateVerify", 0, hash of 32 or
	                          48 octets (of the suite) */
	SIGN_TLS13_CLIENT = 2, /* the same with "client": the courier */
	SIGN_TLS12_SERVER = 3, /* client random, server random, 3, named curve, point */
	SIGN_STATEMENT = 4,    /* "holdfast statement" 0 text: UTF-8, no control characters; by
	                          generated keys only, for the core only */
	SIGN_PROGRAM = 5,        /* what a program gives, hashed by the keeper; keys under app/ */
	SIGN_PROGRAM_DIGEST = 6, /* a SHA-256 digest of a program's; P-256 keys under app/ */
	AGREE_PROGRAM = 7,       /* no signature: ECDH; P-256 keys under app/ */
	SEAL_PROGRAM = 8,        /* nor this: AES-256-GCM; symmetric keys of 32 octets under app/ */
	WRAP_PROGRAM = 9,        /* the same by keys that this one wraps, and no other use of it */
};

/* What else a key may be used for, beside the purposes of signatures, in one set;
 * fixed when it is made. */
enum key_use {
	USE_HANDSHAKE = 1 << 16, /* pre-shared key of a handshake */
	USE_DERIVE = 1 << 17,    /* input of a derivation */
	USE_OPEN = 1 << 18,      /* opens what was sealed to it */
	USE_NODE = 1 << 19,      /* index keys, and what seals data keys */
	USE_CERTIFY = 1 << 20,   /* certificates that the keeper composed */
	USE_ANCHOR = 1 << 21,    /* anchors of the audit chain */
	USE_SIGN = 0xffff,       /* any purpose of a signature */
};

/* Where a key stands. */
enum key_state {
	KEY_ACTIVE = 0,
	KEY_DEPRECATED = 1, /* opens what was sealed to it; nothing new by it */
	KEY_OLD = 2,        /* an earlier version, named NAME#VERSION: likewise */
	KEY_WITHDRAWN = 3,  /* not usable; erased after the delay, until then it can be undone */
	KEY_LOST = 4,       /* with the token that it was on, named NAME#NUMBER */
};
enum { KEY_NO_OWNER = 0xffffffff };

/* KEEPER_EVENT: u16 operation, u8 role, u8 number, u8 err_t, name or subject of an
 * order, u64 event: not 0 when the keeper waits for ORDER_RECORDED of it. */
enum { KEEPER_EVENT_NAME = 1200, KEEPER_EVENT_MAX = KEEPER_EVENT_NAME + 80 };

struct keeper_event {
	unsigned op; /* 0: the link's rules were broken */
	enum role role;
	unsigned number;
	uint32_t user; /* of a program: whose it was; the name says it: "app/1000/tls user 1001" */
	err_t status;
	struct bytes subject;
	uint64_t event;
};
void keeper_event_put(const struct keeper_event *e, struct wire_out *w);

/* A link to the keeper and what to do with its notices. */
struct keeper {
	struct link link;
	uint64_t next_ref;
	/* CREDENTIAL_USED, core only; may be NULL. */
	void (*notice)(void *self, struct bytes body);
	/* KEEPER_EVENT, core only; may be NULL. Neither may call the keeper. */
	void (*event)(void *self, struct bytes body);
	void *self;
};

struct keeper_key {
	uint32_t handle;
	enum key_class class;
	uint8_t public_key[65]; /* EC P-256 uncompressed, or 32 octets Ed25519 */
	size_t public_n;        /* 0 for a symmetric key */
};

/* The generic call; result holds the fields after the status. */
err_t keeper_call(struct keeper *k, enum operation op, struct bytes fields,
                  struct buf *result) MUST_USE;

/* Hand out the notices that arrived, without waiting. ERR_CLOSED after the last
 * of a keeper that is gone. The core calls it when its link can be read, and
 * before it judges an ASSOCIATION_OPEN. */
err_t keeper_drain(struct keeper *k) MUST_USE;

/* OPEN_KEY: name, and u8 level of assurance of the association that it is for (may
 * be left out: none is stated, 0) -> u32 handle, u8 class, public key bytes. Only
 * keys that sign: "node" (TLS key of this node), "user/...". ERR_REFUSED: the
 * key's policy names another role or a higher assurance. */
err_t keeper_open_key(struct keeper *k, struct bytes name, struct keeper_key *out) MUST_USE;

/* SIGN: handle, u8 purpose, tag, input -> signature (DER ECDSA-SHA256, or raw
 * Ed25519). Tells the core CREDENTIAL_USED for the tag, but of SIGN_STATEMENT,
 * whose tag counts for nothing. ERR_REFUSED: not this key's purpose, not this
 * asker's, or not of its form. */
err_t keeper_sign(struct keeper *k, uint32_t handle, enum sign_purpose purpose,
                  const uint8_t tag[KEEPER_TAG], struct bytes input, struct buf *out) MUST_USE;

/* PSK_OPEN: identity, tag -> handle, u8 key length (16 or 32): for TLS 1.2, where no proof
 * comes before the secret. ERR_MISSING for an unknown or ended identity. */
err_t keeper_psk_open(struct keeper *k, struct bytes identity,
                      const uint8_t tag[KEEPER_TAG], uint32_t *handle, size_t *n) MUST_USE;

/* TLS13_BINDER: identity, tag, transcript hash (32 octets), the binder that the client sent
 * (32 octets) -> handle, the only kind that is good for a handshake secret. ERR_MISSING for
 * an unknown or ended identity; ERR_REFUSED: it is not the binder of that transcript, or it
 * was shown before. */
struct keeper_shown {
	struct bytes identity, hash, binder;
	const uint8_t *tag; /* KEEPER_TAG octets */
};
err_t keeper_binder(struct keeper *k, const struct keeper_shown *ask, uint32_t *handle) MUST_USE;

/* TLS13_SHOW: identity, tag, transcript hash -> handle, as above, and the binder that this
 * node sends. ERR_MISSING: no such key for the courier; ERR_REFUSED: it is for others, too. */
err_t keeper_show(struct keeper *k, const struct keeper_shown *ask, uint32_t *handle,
                  uint8_t binder[32]) MUST_USE;

/* TLS13_EXTRACT: PSK handle, (EC)DHE secret -> the 32 octets of the handshake secret.
 * Early secret and Derive-Secret(early, "derived", "") are made inside. Refused without
 * a binder before it, and with an empty (EC)DHE secret (psk_ke). Tells CREDENTIAL_USED.
 * The handle is spent: closed by success. */
err_t keeper_handshake_secret(struct keeper *k, uint32_t psk, struct bytes ecdhe,
                              uint8_t out[32]) MUST_USE;

/* TLS12_MASTER: PSK handle, u8 suite hash (0 SHA-256, 1 SHA-384), other secret
 * (empty: plain PSK, zeros of the key's length), session hash -> 48 octets.
 * Tells CREDENTIAL_USED. The handle is spent: closed by success. */
err_t keeper_tls12_master(struct keeper *k, uint32_t psk, unsigned hash,
                          struct bytes other, struct bytes session_hash,
                          uint8_t out[48]) MUST_USE;

err_t keeper_close_handle(struct keeper *k, uint32_t handle) MUST_USE;

/* STATUS: -> u8 locked, u8 protection level (0..3), u64 generation,
 * u32 keys, u32 handles, provider name bytes, u8 warnings bits, bytes why it is
 * locked (text; empty when it is not). */
struct keeper_status {
	bool locked;
	unsigned level;
	uint64_t generation;
	uint32_t keys, handles;
	char provider[32];
	unsigned warnings; /* 1 memory not locked, 2 no memfd_secret, 4 not bound to the machine,
	                      * 8 bound, and no administrators could rebind it,
	                      * 16 another keeper used a copy since the start, 32 none would be noticed */
	char why[160];
};
err_t keeper_status(struct keeper *k, struct keeper_status *out) MUST_USE;

enum { SEALED_KEY_MAX = 128 };

/* DATA_KEY_NEW: -> 32 octets key, sealed bytes (at most SEALED_KEY_MAX). */
err_t keeper_data_key_new(struct keeper *k, uint8_t key[32], struct buf *sealed) MUST_USE;
/* DATA_KEY_OPEN: sealed -> 32 octets. ERR_TAMPERED. */
err_t keeper_data_key_open(struct keeper *k, struct bytes sealed, uint8_t key[32]) MUST_USE;
/* DATA_KEY_REWRAP: sealed -> sealed by the root key of today, appended. ERR_TAMPERED. */
err_t keeper_data_key_rewrap(struct keeper *k, struct bytes sealed, struct buf *out) MUST_USE;
/* INDEX_KEY: attribute name -> 32 octets, the same for the life of the store. */
err_t keeper_index_key(struct keeper *k, struct bytes attribute, uint8_t key[32]) MUST_USE;

struct keeper_anchor {
	uint64_t sequence;   /* of the last anchored audit record */
	uint8_t hash[32];    /* of the chain there */
	int64_t at;          /* ms since 1970 */
	uint8_t signature[80];
	size_t signature_n;  /* ECDSA DER by the key "audit" over
	                        "holdfast audit anchor" 0 u64 seq hash u64 at */
};
/* What that signature is over. */
enum { ANCHOR_MESSAGE = 22 + 8 + 32 + 8 };
void keeper_anchor_message(const struct keeper_anchor *a, uint8_t out[ANCHOR_MESSAGE]);

/* ANCHOR: u64 sequence, hash -> the anchor. ERR_ROLLBACK when sequence is lower
 * than the last, or equal with another hash. */
err_t keeper_anchor(struct keeper *k, uint64_t sequence, const uint8_t hash[32],
                    struct keeper_anchor *out) MUST_USE;
/* Before the first anchor: sequence 0, hash of zeros, at 0, no signature. */
err_t keeper_anchor_read(struct keeper *k, struct keeper_anchor *out) MUST_USE;

/* ORDER_RECORDED: see wire/order.h. */
err_t keeper_recorded(struct keeper *k, uint64_t event) MUST_USE;

enum certify_kind { CERTIFY_AE = 1, CERTIFY_CSE = 2, CERTIFY_NODE_SELF = 3 };

/* CERTIFY: u8 kind, 65-octet public key, proof of possession (DER ECDSA-SHA256
 * over "holdfast enrolment" 0 kind subject public key), subject (absolute AE-ID
 * or public domain name of the CSE-ID), u64 not after (ms) -> certificate (DER),
 * serial (16 octets). Profiles of TS-0003 10.1.1. The proof is checked.
 * NODE_SELF: the node's own key and public domain name, proof empty.
 * ERR_TAMPERED: the proof is wrong; ERR_SYNTAX: no such subject; ERR_REFUSED:
 * not of this service provider; ERR_RANGE: the end is past, or after the CA's,
 * or later than the standing policy allows; ERR_REFUSED: nor such a name; ERR_LIMIT:
 * enough for a day. */
/* CERTIFY_REQUEST: as CERTIFY, then what the proof was made over (bytes): the
 * CertificationRequestInfo of a PKCS#10 request, which holds the key. Nothing else of
 * it is looked at. Not for NODE_SELF. */
struct keeper_certify {
	enum certify_kind kind;
	struct bytes public_key, proof, subject;
	struct bytes request; /* empty: CERTIFY */
	int64_t not_after;
};
err_t keeper_certify(struct keeper *k, const struct keeper_certify *ask, struct buf *der) MUST_USE;

/* REVOKED_LIST: u64 next update (ms), u16 n, n entries: serial (16), u64 since when (ms)
 * -> CertificateList (DER). At most REVOKED_MAX, in any order. */
enum { REVOKED_ENTRY = 24, REVOKED_MAX = 1000, REVOKED_OCTETS = 56 * 1024 };
err_t keeper_revoked_list(struct keeper *k, int64_t next_update, struct bytes entries,
                          struct buf *der) MUST_USE;

/* CERTIFICATE_GOOD: u64 next update (ms, at most a week), certificate (DER) of the node's CA
 * for the node's key as it is now -> OCSPResponse (DER). ERR_REFUSED for any other. */
enum { CERTIFICATE_GOOD_MAX = 1024, CERTIFICATE_GOOD_DAYS = 7 };
err_t keeper_certificate_good(struct keeper *k, int64_t next_update, struct bytes certificate,
                              struct buf *der) MUST_USE;

/* IMPORT_PSK: identity, sealed key, u64 not after, u8 the only security usage that it is
 * for (may be left out: any) -> key name ("psk/" + identity).
 * Sealed: ephemeral P-256 point (65) || AES-256-GCM(nonce 12 zero octets) of the
 * key, tag 16; key = HKDF-SHA256(salt "", ECDH x, info "holdfast import" 0
 * identity). AAD = identity. ERR_EXISTS, ERR_TAMPERED, ERR_RANGE (key must be 16
 * or 32 octets). Or, in its place, the name of a key that RELEASE would give: the same
 * key under the identity, too, and in clear nowhere but in the keeper. */
err_t keeper_import_psk(struct keeper *k, struct bytes identity, struct bytes sealed,
                        int64_t not_after, struct buf *name) MUST_USE;
err_t keeper_import_psk_for(struct keeper *k, struct bytes identity, struct bytes sealed,
                            int64_t not_after, unsigned suid, struct buf *name) MUST_USE;

/* DESTROY: name. A derived key is gone; one of "psk/..." is out of use, and
 * erased after the keeper's delay. ERR_MISSING, ERR_REFUSED: others are destroyed by
 * order (wire/order.h). */
err_t keeper_destroy(struct keeper *k, struct bytes name) MUST_USE;

/* DERIVE [TS-0003 10.3]. */
enum derivation {
	DERIVE_KM = 1,          /* Ke, MAF-ID */
	DERIVE_KPSA = 2,        /* Ke, Enrolee-B-ID */
	DERIVE_USAGE = 3,       /* Ke, SUID (decimal), Enrolment-Target-ID */
	DERIVE_ESPRIM = 4,      /* pairwiseESPrimKey, receiver and originator objects (JCS) */
	DERIVE_E2E_MASTER = 5,  /* Kpsa, salt */
	DERIVE_E2E_MSG_AUTH = 6, DERIVE_E2E_MSG_CONF = 7,
	DERIVE_E2E_ATT_AUTH = 8, DERIVE_E2E_ATT_CONF = 9, /* Ke2e_master */
	DERIVE_EXPORTER = 10,   /* 48 exported octets (session-bound input) -> id, key */
};
/* DERIVE: u8 derivation, input key name, first text, second text -> new key
 * name (chosen by the keeper: input name + "/" + derivation + "/" + short hash
 * of the parameters), identifier bytes (EXPORTER: 16 octets, else empty).
 * EXPORTER: input empty, first the 48 octets, second empty; the name begins
 * with "exported". Asking again for the same gives the same name. */
struct keeper_derive {
	enum derivation derivation;
	struct bytes input, first, second;
};
err_t keeper_derive(struct keeper *k, const struct keeper_derive *ask, struct buf *name,
                    struct buf *id) MUST_USE;

/* ASSIGN_PSK: identity, another one, u64 not after -> the key of the first under the second,
 * too, until then: no longer than the first is. ERR_REFUSED: it was not provisioned for a MAF
 * (SUID 21); ERR_RANGE; ERR_UNSUPPORTED: it lies on a token. Counts as an enrolment. */
err_t keeper_assign_psk(struct keeper *k, struct bytes identity, struct bytes assigned, int64_t not_after) MUST_USE;

/* RELEASE: name, "exported/..." -> 32 octets. ERR_REFUSED: any other; ERR_UNSUPPORTED: it
 * lies on a token, which gives nothing away. */
err_t keeper_release(struct keeper *k, struct bytes name, uint8_t out[32]) MUST_USE;

/* MAC_CHECK: name -> 4 octets: leftmost of HMAC-SHA-256(key, "holdfast check value"). */
err_t keeper_check_value(struct keeper *k, struct bytes name, uint8_t out[4]) MUST_USE;

/* KEY_LIST: u32 index -> u8 more, name bytes, u8 class, u32 version, u8 policy
 * (set of roles that may use it), u64 uses, u64 not after (ms, 0 no
 * end), 4 octets check value (zeros unless symmetric), public key bytes, u32
 * purposes and uses (sets of sign_purpose, key_use), u8 suid (0 none), u8 least
 * assurance, u8 state, u32 least version, u64 most uses (0 no end), u8 provider,
 * u32 owner, u8 place, u8 protection level that is proved of this key. ERR_MISSING after the last. The row's views lie in `fields`. */
struct keeper_key_row {
	bool more;
	struct bytes name;
	enum key_class class;
	uint32_t version;
	unsigned policy;
	uint64_t uses;
	int64_t not_after;
	uint8_t check[4];
	struct bytes public_key;
	uint32_t purposes, minimum, owner;
	unsigned suid, assurance, state, provider, place, level;
	uint64_t uses_max;
};
err_t keeper_key_row_read(struct bytes fields, struct keeper_key_row *out) MUST_USE;

/* PROVIDER_LIST: u32 index -> u8 more, name bytes ("software", "token.1"), u8 present
 * (2: there, and the machine is not in the measured state of its keys),
 * u8 level (0..3; what is proved, never what the provider says of itself), u8
 * proved, bytes by whom (certification; "" not proved), u32 abilities (enum
 * token_can), device bytes, why bytes (it is away, or its level is not proved), and of a TPM
 * that measures (zeros else): identity (16), u32 set of PCRs, SHA-256 over their values now
 * (32), u8 whether that state is approved. ERR_MISSING after the last.
 * The row's views lie in `fields`. */
struct keeper_provider_row {
	bool more, present, unfit, proved;
	unsigned level, can;
	struct bytes name, certification, device, why, identity, measured;
	uint32_t pcrs;
	bool approved;
};

/* CREDENTIAL_USED body: u8 role, u8 gate number, tag, u8 kind (1 PSK, 2 node
 * key, 3 PSK whose owner's proof the keeper has not seen: TLS 1.2), name bytes (PSK identity, or key name), SHA-256 of what the node's key signed
 * (of nothing for a PSK). */
enum { CREDENTIAL_USED_PSK = 1, CREDENTIAL_USED_NODE_KEY = 2, CREDENTIAL_USED_PSK_UNPROVED = 3 };

/* --- programs: wire/program_calls.h asks these, through the door --------------
 *
 * PROGRAM_KEYS: u32 index, 0 first -> u32 index to go on with (0: that was all),
 * u32 rows, each: key name, u8 class, u8 purpose, public key bytes. A call may
 * find no row and yet not be the last.
 * PROGRAM_SIGN: key name, u8 purpose, input -> signature as of SIGN.
 * PROGRAM_AGREE: key name, peer's point (65) -> 32 octets.
 * PROGRAM_SEAL: key name, additional bytes (at most TOKEN_ADDITIONAL_MAX), octets bytes (at
 * most TOKEN_MESSAGE_MAX) -> u32 version of the key, then sealed (wire/token_calls.h).
 * PROGRAM_UNSEAL: key name, additional bytes, all that PROGRAM_SEAL gave, bytes -> octets.
 * ERR_TAMPERED; ERR_MISSING also when that version is gone.
 * PROGRAM_WRAP: name of a wrapping key -> u32 version of it, then a fresh key sealed by it,
 * which nobody sees. SEAL and UNSEAL by such a key: the name of the wrapping key, the fields
 * as above, and behind them all that PROGRAM_WRAP gave, bytes; what is sealed has no version
 * in front of it.
 * PROGRAM_RANDOM: u16 n (at most PROGRAM_RANDOM_MAX) -> n octets.
 * ERR_REFUSED: not a key of this user, whether it exists or not; not the key's
 * purpose. ERR_MISSING: the user has no such key. ERR_LIMIT: too often. */
enum { PROGRAM_INPUT_MAX = 32768, PROGRAM_DIGEST = 32, PROGRAM_ROWS = 64, PROGRAM_RANDOM_MAX = 1024,
       PROGRAM_WRAPPED_MAX = 4 + 32 + 49 };

#endif
