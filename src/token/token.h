/* token.h: one token or TPM, behind one table of back ends.
 *
 * The process holdfast-token serves one; tests and benchmarks use it without
 * the process. To add a back end: a file with its table, and its line in
 * backend.def. A key stays on the token or is wrapped by it: what is handed
 * out is a reference. Every function may say ERR_ABSENT: the token is gone; it
 * is then closed, opened again and the operation tried once more, here and not
 * in the back ends. */
#ifndef TOKEN_TOKEN_H
#define TOKEN_TOKEN_H

#include "base/secret.h"
#include "token/config.h"
#include "wire/keeper_calls.h"

struct token;

/* A key in use, or being made. */
struct token_key {
	enum key_class class;
	enum pair_use use;
	bool made; /* on the token, as far as is known */
	struct bytes reference; /* one part's */
};

/* What a back end hands out for a new key. */
struct token_made {
	uint8_t reference[TOKEN_REFERENCE_MAX];
	size_t reference_n;
	uint8_t public_key[65];
	size_t public_n;
};

/* An attestation, and its signature. */
struct token_statement {
	uint8_t attest[512];
	size_t n;
	uint8_t signature[TOKEN_SIGNATURE];
};

/* One message under AES-GCM. ERR_TAMPERED when opening. */
struct token_gcm {
	const struct token_key *key;
	bool open;
	uint8_t nonce[12];
	struct bytes additional, input;
};

/* Measured states that an approver signed for; as APPROVE brought them. */
struct token_approvals {
	bool known; /* there is an approver, even when he approves of nothing */
	uint8_t point[65];
	uint64_t generation;
	size_t n;
	struct token_approval {
		uint32_t pcrs;
		uint8_t policy[TOKEN_MEASURED], signature[TOKEN_SIGNATURE];
	} all[TOKEN_STATES_MAX];
};

struct token_backend {
	const char *name;
	enum token_kind kind;

	/* Before the sandbox closes: the maker's code, no session. */
	err_t (*load)(struct token *t) MUST_USE;
	void (*unload)(struct token *t);
	/* A session; fills state: identity, name, can. On error state.why says
	 * more. ERR_ABSENT, ERR_REFUSED (PIN). */
	err_t (*open)(struct token *t) MUST_USE;
	void (*close)(struct token *t);
	/* Is it still there? */
	err_t (*check)(struct token *t) MUST_USE;
	/* A fresh key that never leaves; ERR_UNSUPPORTED. */
	err_t (*make)(struct token *t, const struct token_key *k, struct token_made *out) MUST_USE;
	/* 16 or 32 octets as an HMAC key; or 32 for sealing or wrapping. */
	err_t (*import)(struct token *t, enum pair_use use, struct bytes raw,
	                struct token_made *out) MUST_USE;
	err_t (*destroy)(struct token *t, const struct token_key *k) MUST_USE;
	/* P-256: a digest of 32 octets; Ed25519: the message. */
	err_t (*sign)(struct token *t, const struct token_key *k, struct bytes input,
	              uint8_t out[TOKEN_SIGNATURE]) MUST_USE;
	err_t (*agree)(struct token *t, const struct token_key *k, struct bytes peer,
	               uint8_t out[32]) MUST_USE;
	err_t (*mac)(struct token *t, const struct token_key *k, struct bytes message,
	             uint8_t out[32]) MUST_USE;
	err_t (*extract)(struct token *t, const struct token_key *k, struct bytes salt,
	                 uint8_t out[32]) MUST_USE;
	err_t (*random)(struct token *t, uint8_t *out, size_t n) MUST_USE;
	/* AES-256-GCM with the key itself: ciphertext and tag, appended; and back.
	 * Asked where state.can says so. */
	err_t (*gcm)(struct token *t, const struct token_gcm *g, struct buf *out) MUST_USE;
	/* A key wrapped by this one [RFC 3394], appended; and back, as an HMAC key that does
	 * not leave. NULL: it cannot. */
	err_t (*wrap)(struct token *t, const struct token_key *k, struct bytes raw,
	              struct buf *out) MUST_USE;
	err_t (*unwrap)(struct token *t, const struct token_key *k, struct bytes wrapped,
	                struct token_made *out) MUST_USE;
	/* Is the key there, and the machine in the state that it is bound to? ERR_MISSING,
	 * ERR_BAD_STATE; ERR_TAMPERED, ERR_UNSUPPORTED: not as one that was made on the token
	 * (k->made), or it does not say. */
	err_t (*fit)(struct token *t, const struct token_key *k) MUST_USE;
	/* The maker's certificate, appended; reference of the key that answers for it
	 * (`make`: a fresh one, where it needs one). ERR_MISSING: there is none. */
	err_t (*evidence)(struct token *t, bool make, struct buf *certificate,
	                  struct token_made *out) MUST_USE;
	/* What the TPM says of another key, signed by this one; NULL: never. */
	err_t (*certify)(struct token *t, const struct token_key *k, const struct token_key *other,
	                 struct bytes nonce, struct token_statement *out) MUST_USE;
	/* Open what was sealed to the TPM's endorsement key and this key; NULL: never. */
	err_t (*activate)(struct token *t, const struct token_key *k, struct bytes sealed,
	                  struct bytes seed, struct buf *out) MUST_USE;
	/* A counter of this pairing that nobody takes back, after it went on by one if `on`. NULL:
	 * it has none. */
	err_t (*count)(struct token *t, bool on, uint64_t *out) MUST_USE;
	/* t->approvals are others now, or the token was opened. NULL: it has no states. */
	err_t (*approve)(struct token *t) MUST_USE;
};

struct token {
	const struct token_backend *backend;
	struct token_config config;
	struct token_state state;
	struct secret pin;      /* from a file; empty: sealed by the keeper, or none */
	struct secret pairing;  /* the keeper's; empty until it came */
	enum token_pair pair;
	struct token_approvals approvals;
	bool loaded;            /* its maker's code */
	bool refused;           /* a wrong PIN is not tried again: tokens count */
	int64_t retry_at;       /* clock_steady: not opened before */
	/* The key that was refused because of the measured state: looked at until it fits. */
	uint8_t unfit[TOKEN_REFERENCE_MAX];
	size_t unfit_n;
	void *own;              /* the back end's */
};

/* Choose the back end and load the maker's code. state.why on error. */
err_t token_load(struct token *t, struct bytes config) MUST_USE;
void token_unload(struct token *t);

/* One TOKEN_CALL body to one TOKEN_RESULT body; `result` is cleared first. */
err_t token_serve(struct token *t, struct bytes call, struct buf *result) MUST_USE;

/* From time to time: is it still there, is it back, in the measured state of its keys? */
void token_look(struct token *t);

/* The state as the keeper is told: why is "" when nothing is wrong. */
void token_tell(const struct token *t, struct token_state *out);

/* --- private to the room ------------------------------------------------------ */

/* Say why, for the log and for people; returns err. */
err_t token_fault(struct token *t, err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4))) MUST_USE;

/* The secret of this pairing for one use: HMAC(pairing, label). */
void token_paired(const struct token *t, struct bytes label, uint8_t out[32]);

#define TOKEN_BACKEND(name, table) extern const struct token_backend table;
#include "token/backend.def"
#undef TOKEN_BACKEND

#endif
