/* token_calls.h: what passes between the keeper and a process holdfast-token.
 *
 * A TOKEN_CALL body is: u16 operation, then its fields. A TOKEN_RESULT body is:
 * u8 err_t, then the fields below when it is ERR_OK. Many calls may be on their
 * way; they are carried out in order. Fields that every use of a key has, "key":
 *   u8 class, identity (TOKEN_IDENTITY octets: of the token that made it),
 *   reference bytes (at most TOKEN_REFERENCE_MAX)
 *
 *   OPEN     pairing (32), u8 token_pair  -> the fields of a state
 *   MAKE     u8 class, u8 use             -> identity, reference bytes, public key bytes
 *   IMPORT   u8 class, octets bytes, u8 use (may be left out: any) -> identity, reference bytes
 *   DESTROY  key                          -> nothing
 *   SIGN     key, input bytes             -> r and s, or the Ed25519 signature (64)
 *   AGREE    key, point (65)              -> x (32)
 *   MAC      key, u8 part, message bytes  -> 32 octets
 *   EXTRACT  key, salt bytes              -> 32 octets
 *   RANDOM   u16 n                        -> n octets
 *   EVIDENCE u8 make                      -> identity, certificate bytes, reference bytes:
 *            of the key that answers from now on (PKCS#11: that of the certificate; TPM: a
 *            fresh one, "" when make is 0)
 *   ACTIVATE key, credential bytes, seed bytes -> octets bytes [TPM 2.0 part 1, 24]
 *   SEAL     key, additional bytes, octets bytes -> sealed bytes
 *   UNSEAL   key, additional bytes, sealed bytes -> octets bytes; ERR_TAMPERED
 *   WRAP     key, octets bytes (32)        -> wrapped bytes (40)
 *   UNWRAP   key, wrapped bytes (40)       -> identity, reference bytes: an HMAC key of 32
 *            octets that does not leave; ERR_TAMPERED
 *   TRY      key, u8 made on the token (may be left out: not known) -> nothing; ERR_TAMPERED:
 *            the token says of it that it was made elsewhere, or could once be read out;
 *            ERR_UNSUPPORTED: it does not say
 *   CERTIFY  key (the one that answers), reference bytes, nonce bytes (32) -> TPMS_ATTEST
 *            bytes, r and s (64) [TPM 2.0 part 3, 18.2]
 *   APPROVE  identity, public key of the approver (65), u64 generation of the counter, u8 n
 *            (at most TOKEN_STATES_MAX), n times: u32 set of PCRs, digest of the policy of one
 *            state at that generation (32), r and s of the approver over it and the identity
 *            (64) [TPM 2.0 part 3, 23.16] -> nothing; the counter is taken to that generation
 * Sealed: u8 form, then nonce, ciphertext and tag (16) of AES-256-GCM over the additional
 * data. Form 1: the key itself, nonce of 12 octets. Form 2, of tokens without AES-GCM:
 * nonce of 32 octets, the key of this one message is HMAC-SHA-256(key, "holdfast seal" 0
 * nonce), AES-GCM's own nonce is zeros.
 *
 * ERR_ABSENT: the token is not there, or is another; ERR_BAD_STATE: the machine
 * is not in the state that the key is bound to; ERR_UNSUPPORTED: it cannot.
 *
 * A TOKEN_STATE body: u8 present (2: there, and the machine is not in the state that keys
 * are bound to), u8 kind, identity, name bytes (TOKEN_NAME_MAX),
 * u32 abilities (set of enum token_can), why bytes (TOKEN_WHY_MAX, "" present); what it
 * measures: u32 set of PCRs that new keys are bound to (0: none; the rest is zeros then),
 * SHA-256 over their values now (32), name (34) of the counter of approvals and what it
 * stands at (u64; 0: the TPM has none). */
#ifndef WIRE_TOKEN_CALLS_H
#define WIRE_TOKEN_CALLS_H

#include "wire/wire.h"

enum token_op {
#define TOKEN_OP(number, name, text) TOKEN_##name = (number),
#include "wire/token_ops.def"
#undef TOKEN_OP
};

enum {
	TOKENS_MAX = 4,
	TOKEN_IDENTITY = 16,
	TOKEN_REFERENCE_MAX = 900,
	TOKEN_PAIRING = 32,
	TOKEN_NAME_MAX = 64,
	TOKEN_WHY_MAX = 160,
	TOKEN_MESSAGE_MAX = 4096,
	TOKEN_SIGNATURE = 64,
	TOKEN_RANDOM_MAX = 256,
	TOKEN_CERTIFICATE_MAX = 4096,
	TOKEN_SEALED_MAX = 512,
	TOKEN_ADDITIONAL_MAX = 1024,
	TOKEN_SEAL_MORE = 1 + 32 + 16, /* by so much at most is sealed longer */
	TOKEN_WRAPPED = 40,
	TOKEN_MEASURED = 32,
	TOKEN_COUNTER = 34,
	TOKEN_STATES_MAX = 8,
};

/* How it is opened: as always; for the first time, and a sealed PIN is set; on
 * trial, with the PIN that was given and nothing is set. */
enum token_pair { TOKEN_PAIR_KNOWN = 0, TOKEN_PAIR_FIRST = 1, TOKEN_PAIR_TRIAL = 2 };

enum token_kind { TOKEN_KIND_PKCS11 = 1, TOKEN_KIND_TPM = 2 };

/* Parts of a symmetric key. An imported one also has what TLS 1.3 makes of a
 * pre-shared key, so that a token that offers HMAC only can take part:
 *   DERIVED  = Derive-Secret(HKDF-Extract(0, key), "derived", "")
 *   FINISHED = the finished key of its external binder [RFC 8446 7.1, 4.2.11.2] */
enum token_part { PART_KEY = 0, PART_DERIVED = 1, PART_FINISHED = 2, PART_COUNT = 3 };

enum token_can {
	TOKEN_CAN_P256 = 1, TOKEN_CAN_ED25519 = 2, TOKEN_CAN_AGREE = 4, TOKEN_CAN_HMAC = 8,
	TOKEN_CAN_EXTRACT = 16, TOKEN_CAN_GCM = 32, TOKEN_CAN_RANDOM = 64, TOKEN_CAN_PCR = 128,
	TOKEN_CAN_WRAP = 256,
};

/* What a key may be used for, so that the token holds it to it [CM26]: a pair, or a
 * symmetric key, which is for HMAC otherwise. */
enum pair_use { PAIR_ANY = 0, PAIR_SIGN = 1, PAIR_AGREE = 2, SECRET_SEAL = 3, SECRET_WRAP = 4 };

/* The forms of what is sealed; see above. */
enum token_form { FORM_GCM = 1, FORM_HMAC_GCM = 2 };

struct token_state {
	bool present;
	bool unfit; /* present, and refuses keys: the machine is in another measured state */
	enum token_kind kind;
	uint8_t identity[TOKEN_IDENTITY];
	char name[TOKEN_NAME_MAX + 1];
	unsigned can;
	char why[TOKEN_WHY_MAX + 1];
	uint32_t pcrs;
	uint8_t measured[TOKEN_MEASURED], counter[TOKEN_COUNTER];
	uint64_t generation;
};

err_t token_state_put(struct wire_out *out, const struct token_state *s) MUST_USE;
err_t token_state_get(struct wire_in *in, struct token_state *s) MUST_USE;

#endif
