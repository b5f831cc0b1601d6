/* tpm_approve.c: measured states that were approved for keys that exist.
 *
 * Such a key's policy is TPM2_PolicyAuthorize by the keeper's approver, and the
 * authorisation value. What the approver signed for is one state of PCRs while a counter in
 * the TPM stands at one number (crypt/tpm_policy.h): when something is approved no more, the
 * counter goes on by one, and no signature from before opens anything, whoever kept it.
 *
 * The counter lies in an index of its own for each pairing; whoever may delete it (the
 * owner of the TPM) gains nothing: a new one begins above all that there were. */
#include "token/tpm.h"

#include "base/log.h"
#include "crypt/crypt.h"
#include "crypt/tpm_policy.h"

#include <tss2/tss2_mu.h>

enum { COUNTER_OCTETS = 8, STEPS_MAX = 64, PCRS = 24 };

/* Owner's range of indices [TCG registry of reserved TPM handles 2.2]. */
#define COUNTER_FIRST 0x01a00000u

static const ESYS_TR no = ESYS_TR_NONE;

/* --- the counter ---------------------------------------------------------------------- */

static err_t open_counter(struct token *t)
{
	static const struct tpm_counting approvals = { "holdfast tpm counter", "holdfast tpm counter index", COUNTER_FIRST };
	struct tpm *p = t->own;

	return tpm_counter_open(t, &approvals, &p->counter);
}

static err_t read_counter(struct token *t)
{
	TPM2B_MAX_NV_BUFFER *value = NULL;
	TPM2B_NAME *name = NULL;
	struct tpm *p = t->own;
	err_t err;

	TRY(open_counter(t));
	TRY(tpm_result(t, "counter", Esys_NV_Read(p->esys, p->counter, p->counter, p->session, no, no, COUNTER_OCTETS, 0,
	                                          &value)));
	TRY(tpm_result(t, "counter", Esys_TR_GetName(p->esys, p->counter, &name)));
	TRY(value->size == COUNTER_OCTETS && name->size == TOKEN_COUNTER ? ERR_OK : ERR_CRYPTO);
	t->state.generation = get_be64(value->buffer);
	bytes_copy(t->state.counter, name->name, name->size);
out:
	Esys_Free(value);
	Esys_Free(name);
	return err;
}

/* Never beyond, and not by more than a few: a record that is not of this counter. */
static err_t advance(struct token *t)
{
	struct tpm *p = t->own;
	err_t err;

	TRY(read_counter(t));
	for (int i = 0; t->state.generation < t->approvals.generation && i < STEPS_MAX; i++) {
		TRY(tpm_counter_go_on(t, p->counter));
		TRY(read_counter(t));
	}
	if (t->state.generation != t->approvals.generation)
		err = token_fault(t, ERR_BAD_STATE, "the counter of approvals is not the one that they were signed for");
out:
	return err;
}

/* --- what is measured ------------------------------------------------------------------- */

/* A TPM gives eight at a time at most. */
static err_t read_pcrs(struct token *t, struct buf *values)
{
	struct tpm *p = t->own;
	err_t err = ERR_OK;

	for (unsigned i = 0; i < PCRS; i++) {
		TPML_PCR_SELECTION one = tpm_pcrs(1u << i);
		TPML_DIGEST *got = NULL;

		if (!(t->config.pcrs & 1u << i))
			continue;
		TRY(tpm_result(t, "PCRs", Esys_PCR_Read(p->esys, no, no, no, &one, NULL, NULL, &got)));
		err = got->count == 1 ? buf_add(values, bytes_make(got->digests[0].buffer, got->digests[0].size)) : ERR_CRYPTO;
		Esys_Free(got);
		TRY(err);
	}
out:
	return err;
}

err_t tpm_measure(struct token *t)
{
	struct buf values = buf_make(PCRS * TPM_DIGEST);
	err_t err;

	if (!t->config.pcrs)
		return ERR_OK;
	t->state.pcrs = t->config.pcrs;
	TRY(read_pcrs(t, &values));
	crypt_sha256(bytes_of_buf(&values), t->state.measured);
out:
	buf_free(&values);
	return err;
}

err_t tpm_counter(struct token *t)
{
	return t->config.pcrs ? read_counter(t) : ERR_OK;
}

/* --- the approver ------------------------------------------------------------------------- */

static TPM2B_PUBLIC approver_of(const uint8_t point[65])
{
	TPM2B_PUBLIC k = { .publicArea = {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256, .objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT,
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256,
			.scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
			.kdf.scheme = TPM2_ALG_NULL,
		},
		.unique.ecc = { .x.size = TPM_DIGEST, .y.size = TPM_DIGEST },
	} };

	bytes_copy(k.publicArea.unique.ecc.x.buffer, point + 1, TPM_DIGEST);
	bytes_copy(k.publicArea.unique.ecc.y.buffer, point + 1 + TPM_DIGEST, TPM_DIGEST);
	return k;
}

static TPM2B_NONCE qualifier_of(const struct token *t)
{
	TPM2B_NONCE q = { .size = TOKEN_IDENTITY };

	bytes_copy(q.buffer, t->state.identity, TOKEN_IDENTITY);
	return q;
}

/* Its word for one state: a ticket of this TPM, good from then on. */
static err_t verify(struct token *t, ESYS_TR approver, const struct token_approval *a, TPMT_TK_VERIFIED *ticket)
{
	TPMT_SIGNATURE signature = { .sigAlg = TPM2_ALG_ECDSA, .signature.ecdsa = { .hash = TPM2_ALG_SHA256,
		.signatureR.size = TPM_DIGEST, .signatureS.size = TPM_DIGEST } };
	uint8_t text[TPM_POLICY + TOKEN_IDENTITY];
	TPM2B_DIGEST digest = { .size = TPM_DIGEST };
	TPMT_TK_VERIFIED *got = NULL;
	struct tpm *p = t->own;
	err_t err;

	bytes_copy(signature.signature.ecdsa.signatureR.buffer, a->signature, TPM_DIGEST);
	bytes_copy(signature.signature.ecdsa.signatureS.buffer, a->signature + TPM_DIGEST, TPM_DIGEST);
	bytes_copy(text, a->policy, TPM_POLICY);
	bytes_copy(text + TPM_POLICY, t->state.identity, TOKEN_IDENTITY);
	crypt_sha256(BYTES_OF(text), digest.buffer);
	TRY(tpm_result(t, "approval", Esys_VerifySignature(p->esys, approver, no, no, no, &digest, &signature, &got)));
	*ticket = *got;
out:
	Esys_Free(got);
	return err;
}

void tpm_approvals_forget(struct tpm *p)
{
	p->approver.size = 0;
	p->counter = p->copies = no;
	bytes_zero((uint8_t *)p->tickets, sizeof(p->tickets));
}

static err_t verify_all(struct token *t)
{
	TPM2B_PUBLIC area = approver_of(t->approvals.point);
	ESYS_TR primary, approver = no;
	TPM2B_NAME *name = NULL;
	struct tpm *p = t->own;
	err_t err;

	p->fits = 0;
	bytes_zero((uint8_t *)p->tickets, sizeof(p->tickets));
	TRY(tpm_primary(t, &primary));
	tpm_clear_slots(t, primary);
	TRY(tpm_result(t, "approver", Esys_LoadExternal(p->esys, no, no, no, NULL, &area, ESYS_TR_RH_OWNER, &approver)));
	TRY(tpm_result(t, "approver", Esys_TR_GetName(p->esys, approver, &name)));
	p->approver = *name;
	for (size_t i = 0; i < t->approvals.n; i++) {
		if (verify(t, approver, &t->approvals.all[i], &p->tickets[i]) != ERR_OK)
			log_event(LOG_WARN, "measured state not approved", "why=%s", t->state.why);
	}
out:
	if (approver != no)
		(void)Esys_FlushContext(p->esys, approver);
	Esys_Free(name);
	return err;
}

err_t tpm_approve(struct token *t)
{
	err_t err;

	if (!t->approvals.known)
		return ERR_OK;
	TRY(verify_all(t));
	err = advance(t);
out:
	return err;
}

/* --- keys that it speaks for ------------------------------------------------------------------ */

err_t tpm_approved_policy(struct token *t, TPM2B_DIGEST *out)
{
	struct tpm *p = t->own;

	if (p->approver.size != TPM_OBJECT_NAME)
		return token_fault(t, ERR_BAD_STATE, "the TPM has not taken whose approvals it is to follow");
	out->size = TPM_POLICY;
	tpm_policy_approved(bytes_make(p->approver.name, p->approver.size), BYTES_OF(t->state.identity), out->buffer);
	return ERR_OK;
}

static err_t follow(struct token *t, size_t which)
{
	const struct token_approval *a = &t->approvals.all[which];
	TPM2B_DIGEST now = { 0 }, policy = { .size = TPM_POLICY };
	TPML_PCR_SELECTION selection = tpm_pcrs(a->pcrs);
	TPM2B_OPERAND operand = { .size = COUNTER_OCTETS };
	TPM2B_NONCE qualifier = qualifier_of(t);
	struct tpm *p = t->own;
	TSS2_RC rc;
	err_t err;

	put_be64(operand.buffer, t->approvals.generation);
	bytes_copy(policy.buffer, a->policy, TPM_POLICY);
	TRY(tpm_policy_begin(t));
	TRY(tpm_result(t, "policy", Esys_PolicyPCR(p->esys, p->policy, no, no, no, &now, &selection)));
	TRY(tpm_answer_plain(t, true));
	err = tpm_result(t, "policy", Esys_PolicyNV(p->esys, p->counter, p->counter, p->policy, p->session, no, no,
	                                            &operand, 0, TPM2_EO_EQ));
	TRY(tpm_answer_plain(t, false) == ERR_OK ? err : ERR_CRYPTO);
	rc = Esys_PolicyAuthorize(p->esys, p->policy, no, no, no, &policy, &qualifier, &p->approver, &p->tickets[which]);
	err = tpm_says(rc, TPM2_RC_VALUE) ? ERR_BAD_STATE : tpm_result(t, "policy", rc); /* of another state */
out:
	return err;
}

err_t tpm_approved(struct token *t)
{
	struct tpm *p = t->own;
	size_t n = p->counter != no ? t->approvals.n : 0;
	err_t err;

	for (size_t i = 0; i < n; i++) {
		size_t which = (p->fits + i) % n;

		if (!p->tickets[which].tag)
			continue;
		err = follow(t, which);
		if (err == ERR_OK)
			p->fits = which;
		if (err != ERR_BAD_STATE)
			return err;
	}
	return token_fault(t, ERR_BAD_STATE, "the machine is not in a measured state that was approved");
}
