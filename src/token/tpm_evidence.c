/* tpm_evidence.c: the endorsement certificate, and what only the TPM of that
 * certificate opens [TCG EK Credential Profile 2.2.1.4; TPM 2.0 part 1, 24].
 *
 * RSA 2048, template L-1, which nearly every TPM with a certificate has; else P-256, L-2. */
#include "token/tpm.h"

#include <tss2/tss2_mu.h>

enum { EK_HANDLE = 0x81010001, NV_STEP = 512, RSA_SEED = 256 };

/* Where the certificate lies, in order of preference. */
static const TPM2_HANDLE nv_certificates[] = { 0x01c00002, 0x01c0000a };

/* PolicySecret(endorsement hierarchy) */
#define ENDORSEMENT_POLICY { .size = TPM_DIGEST, .buffer = { \
	0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, \
	0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa } }

static const TPM2B_PUBLIC elliptic = { .publicArea = {
	.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	                    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
	.authPolicy = ENDORSEMENT_POLICY,
	.parameters.eccDetail = {
		.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
		.scheme.scheme = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256, .kdf.scheme = TPM2_ALG_NULL,
	},
	.unique.ecc = { .x.size = 32, .y.size = 32 },
} };

static const TPM2B_PUBLIC endorsement = { .publicArea = {
	.type = TPM2_ALG_RSA, .nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	                    TPMA_OBJECT_ADMINWITHPOLICY | TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
	.authPolicy = ENDORSEMENT_POLICY,
	.parameters.rsaDetail = {
		.symmetric = { .algorithm = TPM2_ALG_AES, .keyBits.aes = 128, .mode.aes = TPM2_ALG_CFB },
		.scheme.scheme = TPM2_ALG_NULL, .keyBits = 2048,
	},
	.unique.rsa.size = 256,
} };

static err_t read_nv(struct token *t, ESYS_TR nv, struct buf *out)
{
	struct tpm *p = t->own;
	TPM2B_NV_PUBLIC *about = NULL;
	size_t size;
	err_t err;

	TRY(tpm_result(t, "certificate", Esys_NV_ReadPublic(p->esys, nv, ESYS_TR_NONE, ESYS_TR_NONE,
	                                                    ESYS_TR_NONE, &about, NULL)));
	size = about->nvPublic.dataSize;
	Esys_Free(about);
	for (size_t at = 0; at < size; at += NV_STEP) {
		size_t n = size - at < NV_STEP ? size - at : NV_STEP;
		TPM2B_MAX_NV_BUFFER *part = NULL;

		TRY(tpm_result(t, "certificate", Esys_NV_Read(p->esys, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE,
		                                              ESYS_TR_NONE, (UINT16)n, (UINT16)at, &part)));
		err = part->size == n ? buf_add(out, bytes_make(part->buffer, n)) : ERR_CRYPTO;
		Esys_Free(part);
		TRY(err);
	}
out:
	return err;
}

err_t tpm_evidence(struct token *t, bool make, struct buf *certificate, struct token_made *out)
{
	struct tpm *p = t->own;
	ESYS_TR nv = ESYS_TR_NONE, no = ESYS_TR_NONE;
	bool found = false;
	err_t err;

	for (size_t i = 0; i < COUNT_OF(nv_certificates) && !found; i++)
		found = Esys_TR_FromTPMPublic(p->esys, nv_certificates[i], no, no, no, &nv) == TSS2_RC_SUCCESS;
	if (!found)
		return token_fault(t, ERR_MISSING, "the TPM has no endorsement certificate");
	err = read_nv(t, nv, certificate);
	(void)Esys_TR_Close(p->esys, &nv);
	TRY(err);
	if (make)
		TRY(tpm_make_answering(t, out));
out:
	return err;
}

/* --- what was sealed to it ------------------------------------------------------------ */

/* The one that is kept in the TPM, or made again from its template: *made. */
static err_t open_endorsement(struct token *t, const TPM2B_PUBLIC *template, ESYS_TR *out, bool *made)
{
	TPM2B_SENSITIVE_CREATE nothing = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TPM2B_DATA outside = { 0 };
	struct tpm *p = t->own;
	ESYS_TR no = ESYS_TR_NONE;

	*made = template != &endorsement || Esys_TR_FromTPMPublic(p->esys, EK_HANDLE, no, no, no, out) != TSS2_RC_SUCCESS;
	if (!*made)
		return ERR_OK;
	return tpm_result(t, "endorsement key",
	                  Esys_CreatePrimary(p->esys, ESYS_TR_RH_ENDORSEMENT, ESYS_TR_PASSWORD, no, no, &nothing,
	                                     template, &outside, &none, out, NULL, NULL, NULL, NULL));
}

static err_t may_use_endorsement(struct token *t, ESYS_TR *session)
{
	TPMT_SYM_DEF plain = { .algorithm = TPM2_ALG_NULL };
	struct tpm *p = t->own;
	ESYS_TR no = ESYS_TR_NONE;
	err_t err;

	TRY(tpm_result(t, "endorsement key", Esys_StartAuthSession(p->esys, no, no, no, no, no, NULL, TPM2_SE_POLICY,
	                                                           &plain, TPM2_ALG_SHA256, session)));
	TRY(tpm_result(t, "endorsement key", Esys_PolicySecret(p->esys, ESYS_TR_RH_ENDORSEMENT, *session,
	                                                       ESYS_TR_PASSWORD, no, no, NULL, NULL, NULL, 0,
	                                                       NULL, NULL)));
out:
	return err;
}

static err_t take_sealed(struct bytes sealed, struct bytes seed, TPM2B_ID_OBJECT *object,
                         TPM2B_ENCRYPTED_SECRET *secret)
{
	object->size = (UINT16)sealed.n;
	secret->size = (UINT16)seed.n;
	if (sealed.n > sizeof(object->credential) || seed.n > sizeof(secret->secret))
		return ERR_SYNTAX;
	bytes_copy(object->credential, sealed.p, sealed.n);
	bytes_copy(secret->secret, seed.p, seed.n);
	return ERR_OK;
}

err_t tpm_activate(struct token *t, const struct token_key *k, struct bytes sealed,
                   struct bytes seed, struct buf *out)
{
	ESYS_TR key, ek = ESYS_TR_NONE, session = ESYS_TR_NONE;
	TPM2B_ID_OBJECT object = { 0 };
	TPM2B_ENCRYPTED_SECRET secret = { 0 };
	TPM2B_DIGEST *opened = NULL;
	struct tpm *p = t->own;
	bool made = false;
	uint32_t pcrs;
	err_t err;

	TRY(take_sealed(sealed, seed, &object, &secret));
	TRY(tpm_key(t, k, &key, &pcrs));
	TRY(pcrs ? ERR_UNSUPPORTED : ERR_OK);
	tpm_clear_slots(t, key);
	/* What was sealed to an elliptic key comes with a point. */
	TRY(open_endorsement(t, seed.n == RSA_SEED ? &endorsement : &elliptic, &ek, &made));
	TRY(may_use_endorsement(t, &session));
	TRY(tpm_result(t, "credential", Esys_ActivateCredential(p->esys, key, ek, p->session, session,
	                                                        ESYS_TR_NONE, &object, &secret, &opened)));
	err = buf_add(out, bytes_make(opened->buffer, opened->size));
	Esys_Free(opened);
out:
	if (session != ESYS_TR_NONE)
		(void)Esys_FlushContext(p->esys, session);
	if (made && ek != ESYS_TR_NONE)
		(void)Esys_FlushContext(p->esys, ek);
	else if (ek != ESYS_TR_NONE)
		(void)Esys_TR_Close(p->esys, &ek);
	return err;
}

/* --- what it says of another key -------------------------------------------------------- */

/* The other key is asked for its consent, too, in a session of its own: one authorises one
 * key in a command. */
static err_t certify(struct token *t, ESYS_TR key, ESYS_TR other, const TPM2B_DATA *nonce,
                     struct token_statement *out)
{
	TPMT_SYM_DEF plain = { .algorithm = TPM2_ALG_NULL };
	TPMT_SIG_SCHEME own = { .scheme = TPM2_ALG_NULL };
	ESYS_TR consent = ESYS_TR_NONE, no = ESYS_TR_NONE;
	TPMT_SIGNATURE *signature = NULL;
	TPM2B_ATTEST *said = NULL;
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_result(t, "certify", Esys_StartAuthSession(p->esys, no, no, no, no, no, NULL, TPM2_SE_HMAC, &plain,
	                                                   TPM2_ALG_SHA256, &consent)));
	TRY(tpm_result(t, "certify", Esys_Certify(p->esys, other, key, consent, p->session, no, nonce, &own, &said,
	                                          &signature)));
	TRY(said->size <= sizeof(out->attest) ? ERR_OK : ERR_LIMIT);
	bytes_copy(out->attest, said->attestationData, said->size);
	out->n = said->size;
	TRY(tpm_put_number(t, out->signature, &signature->signature.ecdsa.signatureR));
	TRY(tpm_put_number(t, out->signature + 32, &signature->signature.ecdsa.signatureS));
out:
	if (consent != ESYS_TR_NONE)
		(void)Esys_FlushContext(p->esys, consent);
	Esys_Free(said);
	Esys_Free(signature);
	return err;
}

err_t tpm_certify(struct token *t, const struct token_key *k, const struct token_key *other,
                  struct bytes nonce, struct token_statement *out)
{
	TPM2B_DATA in = { .size = (UINT16)nonce.n };
	ESYS_TR key, subject;
	uint32_t pcrs;
	err_t err;

	TRY(nonce.n <= sizeof(in.buffer) ? ERR_OK : ERR_RANGE);
	bytes_copy(in.buffer, nonce.p, nonce.n);
	/* The first is still loaded after the second: there are three places, one the primary's. */
	TRY(tpm_key(t, other, &subject, &pcrs));
	TRY(tpm_key(t, k, &key, &pcrs));
	err = certify(t, key, subject, &in, out);
out:
	return err;
}
