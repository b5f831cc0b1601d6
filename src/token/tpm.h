/* tpm.h: a TPM 2.0 as a token, by the Enhanced System API. Private to the back end.
 *
 * Keys are children of a primary key under the storage hierarchy, made anew from
 * its template at each opening; the TPM wraps them, and the wrapped parts are the
 * reference: u8 1, u32 set of PCRs that bind it (0: none; with bit 31: as they are in a
 * state that was approved, whichever PCRs that is of), TPM2B_PRIVATE, TPM2B_PUBLIC. Each has an authorisation value of the pairing secret, given in
 * one kept session that is salted with the primary key, and whose parameters are
 * encrypted: who listens on the bus learns neither keys nor results.
 *
 * Three objects may be loaded at once, the least that a TPM offers: the longest
 * unused one makes room. */
#ifndef TOKEN_TPM_H
#define TOKEN_TPM_H

#include "token/token.h"

#include <tss2/tss2_esys.h>

/* The first handles of their kinds; the standard's macros shift into the sign. */
#define TPM_TRANSIENT 0x80000000u
#define TPM_LOADED_SESSION 0x02000000u

/* In a set of PCRs: not those of the key's making, but of what was approved. */
#define TPM_APPROVED 0x80000000u

enum { TPM_SLOTS = 3, TPM_DIGEST = 32, TPM_FORMAT = 1 };

struct tpm_slot {
	ESYS_TR handle; /* ESYS_TR_NONE: free */
	bool primary;
	uint8_t digest[TPM_DIGEST]; /* of the reference */
	uint64_t used;
};

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	void *library; /* of the TCTI, held so that it can be opened again */
	ESYS_TR session, policy; /* HMAC; for keys bound to PCRs */
	TPMS_CONTEXT *primary;   /* saved */
	struct tpm_slot slots[TPM_SLOTS];
	ESYS_TR counter;         /* of approvals; NONE: there is none */
	ESYS_TR copies;          /* of keepers' starts; likewise */
	TPM2B_NAME approver;     /* size 0: nobody's word was verified */
	TPMT_TK_VERIFIED tickets[TOKEN_STATES_MAX]; /* tag 0: not verified */
	size_t fits;             /* the approval that fitted last */
	uint64_t clock;
};

/* What a response code means here; says it in state.why. */
err_t tpm_result(struct token *t, const char *what, TSS2_RC rc) MUST_USE;

/* Is it this, of whichever parameter? */
bool tpm_says(TSS2_RC rc, TSS2_RC what);

/* tpm_session.c */
err_t tpm_load(struct token *t) MUST_USE;
void tpm_unload(struct token *t);
err_t tpm_open(struct token *t) MUST_USE;
void tpm_close(struct token *t);
err_t tpm_check(struct token *t) MUST_USE;
TPML_PCR_SELECTION tpm_pcrs(uint32_t pcrs);
/* A policy session as new. */
err_t tpm_policy_begin(struct token *t) MUST_USE;
/* The session that authorises one use of a key bound to these PCRs. */
err_t tpm_authorise(struct token *t, uint32_t pcrs, ESYS_TR *session) MUST_USE;

/* tpm_slot.c: the primary key; a key of a reference, ready to be used. */
err_t tpm_primary(struct token *t, ESYS_TR *out) MUST_USE;
err_t tpm_key(struct token *t, const struct token_key *k, ESYS_TR *out, uint32_t *pcrs) MUST_USE;
err_t tpm_primary_made(struct token *t, ESYS_TR handle) MUST_USE;
/* All slots but this object's are free. */
void tpm_clear_slots(struct token *t, ESYS_TR but);
/* Are the PCRs as the key's policy wants them? */
err_t tpm_fit(struct token *t, const struct token_key *k) MUST_USE;
void tpm_forget(struct token *t, const struct token_key *k);
/* The authorisation value of all keys of this pairing. */
void tpm_auth(struct token *t, TPM2B_AUTH *out);

/* tpm_counter.c: a counter of this pairing, made where there is none. Labels of its
 * authorisation value and of its index, which is one of 65 536 from `first`. */
struct tpm_counting {
	const char *auth, *index;
	TPM2_HANDLE first;
};
err_t tpm_counter_open(struct token *t, const struct tpm_counting *c, ESYS_TR *counter) MUST_USE;
/* For commands whose answer has nothing to be encrypted, and back. */
err_t tpm_answer_plain(struct token *t, bool yes) MUST_USE;
err_t tpm_counter_go_on(struct token *t, ESYS_TR counter) MUST_USE;
err_t tpm_count(struct token *t, bool on, uint64_t *out) MUST_USE;

/* tpm_approve.c: states that were approved, by TPM2_PolicyAuthorize. */
/* What it measures, and its counter, for the state. */
err_t tpm_measure(struct token *t) MUST_USE;
err_t tpm_counter(struct token *t) MUST_USE;
err_t tpm_approve(struct token *t) MUST_USE;
/* The policy of new keys. */
err_t tpm_approved_policy(struct token *t, TPM2B_DIGEST *out) MUST_USE;
/* Take the policy session, which is new, to that policy. ERR_BAD_STATE. */
err_t tpm_approved(struct token *t) MUST_USE;
/* With the numbers of the counters, which are of one connection. */
void tpm_approvals_forget(struct tpm *p);

/* tpm_key.c */
err_t tpm_make(struct token *t, const struct token_key *k, struct token_made *out) MUST_USE;
err_t tpm_import(struct token *t, enum pair_use use, struct bytes raw, struct token_made *out) MUST_USE;
/* A number of a signature or point in 32 octets. */
err_t tpm_put_number(struct token *t, uint8_t *to, const TPM2B_ECC_PARAMETER *n) MUST_USE;
err_t tpm_random(struct token *t, uint8_t *out, size_t n) MUST_USE;

/* A pair for signatures that no PCR binds: it answers for the TPM itself. */
err_t tpm_make_answering(struct token *t, struct token_made *out) MUST_USE;

/* tpm_evidence.c */
err_t tpm_evidence(struct token *t, bool make, struct buf *certificate,
                   struct token_made *out) MUST_USE;
err_t tpm_certify(struct token *t, const struct token_key *k, const struct token_key *other,
                  struct bytes nonce, struct token_statement *out) MUST_USE;
err_t tpm_activate(struct token *t, const struct token_key *k, struct bytes sealed,
                   struct bytes seed, struct buf *out) MUST_USE;

#endif
