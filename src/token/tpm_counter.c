/* tpm_counter.c: counters in the TPM that nobody takes back: one of what is approved
 * (tpm_approve.c), one of the starts of keepers with this key store, by which a copy of it is told.
 *
 * Each lies in an index of its own for each pairing. */
#include "token/tpm.h"

#include "crypt/crypt.h"

enum { COUNTER_OCTETS = 8 };

/* Owner's range of indices [TCG registry of reserved TPM handles 2.2], beside that of approvals. */
#define COPIES_FIRST 0x01a10000u

static const ESYS_TR no = ESYS_TR_NONE;

err_t tpm_answer_plain(struct token *t, bool yes)
{
	struct tpm *p = t->own;

	return tpm_result(t, "session", Esys_TRSess_SetAttributes(p->esys, p->session, yes ? 0 : TPMA_SESSION_ENCRYPT,
	                                                          TPMA_SESSION_ENCRYPT));
}

err_t tpm_counter_go_on(struct token *t, ESYS_TR counter)
{
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_answer_plain(t, true));
	err = tpm_result(t, "counter", Esys_NV_Increment(p->esys, counter, counter, p->session, no, no));
	TRY(tpm_answer_plain(t, false) == ERR_OK ? err : ERR_CRYPTO);
out:
	return err;
}

static err_t define_counter(struct token *t, TPM2_HANDLE index, const TPM2B_AUTH *auth, ESYS_TR *counter)
{
	TPM2B_NV_PUBLIC as = { .nvPublic = {
		.nvIndex = index, .nameAlg = TPM2_ALG_SHA256, .dataSize = COUNTER_OCTETS,
		.attributes = (TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT) | TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE |
		              TPMA_NV_NO_DA,
	} };
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_answer_plain(t, true));
	err = tpm_result(t, "counter", Esys_NV_DefineSpace(p->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, p->session, no,
	                                                   auth, &as, counter));
	TRY(tpm_answer_plain(t, false) == ERR_OK ? err : ERR_CRYPTO);
out:
	return err;
}

/* Its name covers that it was written; who makes it may end before it does that. */
static err_t write_first(struct token *t, ESYS_TR counter)
{
	TPM2B_NV_PUBLIC *as = NULL;
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_result(t, "counter", Esys_NV_ReadPublic(p->esys, counter, no, no, no, &as, NULL)));
	if (!(as->nvPublic.attributes & TPMA_NV_WRITTEN))
		err = tpm_counter_go_on(t, counter);
out:
	Esys_Free(as);
	return err;
}

err_t tpm_counter_open(struct token *t, const struct tpm_counting *c, ESYS_TR *counter)
{
	TPM2B_AUTH auth = { .size = TPM_DIGEST };
	struct tpm *p = t->own;
	ESYS_TR found = no;
	TPM2_HANDLE index;
	uint8_t chosen[32];
	err_t err;

	if (*counter != no)
		return ERR_OK;
	token_paired(t, bytes_str(c->index), chosen);
	index = c->first | get_be16(chosen);
	token_paired(t, bytes_str(c->auth), auth.buffer);
	if (Esys_TR_FromTPMPublic(p->esys, index, no, no, no, &found) != TSS2_RC_SUCCESS)
		TRY(define_counter(t, index, &auth, &found));
	TRY(tpm_result(t, "counter", Esys_TR_SetAuth(p->esys, found, &auth)));
	TRY(write_first(t, found));
	*counter = found;
	found = no;
out:
	if (found != no)
		(void)Esys_TR_Close(p->esys, &found);
	secret_wipe(&auth, sizeof(auth));
	return err;
}

err_t tpm_count(struct token *t, bool on, uint64_t *out)
{
	static const struct tpm_counting copies = { "holdfast tpm copies", "holdfast tpm copies index", COPIES_FIRST };
	TPM2B_MAX_NV_BUFFER *value = NULL;
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_counter_open(t, &copies, &p->copies));
	if (on)
		TRY(tpm_counter_go_on(t, p->copies));
	TRY(tpm_result(t, "counter", Esys_NV_Read(p->esys, p->copies, p->copies, p->session, no, no, COUNTER_OCTETS, 0,
	                                          &value)));
	TRY(value->size == COUNTER_OCTETS ? ERR_OK : ERR_CRYPTO);
	*out = get_be64(value->buffer);
out:
	Esys_Free(value);
	return err;
}
