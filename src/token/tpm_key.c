/* tpm_key.c: keys made and imported: created below the primary key, wrapped. */
#include "token/tpm.h"

#include "crypt/crypt.h"

#include <tss2/tss2_mu.h>

enum { RANDOM_STEP = 32, COORDINATE = 32 };

/* The policy of now: these PCRs as they are, and the authorisation value. */
static err_t policy_of_now(struct token *t, uint32_t pcrs, TPM2B_DIGEST *out)
{
	TPMT_SYM_DEF none = { .algorithm = TPM2_ALG_NULL };
	TPML_PCR_SELECTION selection = tpm_pcrs(pcrs);
	TPM2B_DIGEST now = { 0 }, *digest = NULL;
	ESYS_TR trial = ESYS_TR_NONE, no = ESYS_TR_NONE;
	struct tpm *p = t->own;
	err_t err;

	TRY(tpm_result(t, "policy", Esys_StartAuthSession(p->esys, no, no, no, no, no, NULL, TPM2_SE_TRIAL,
	                                                  &none, TPM2_ALG_SHA256, &trial)));
	TRY(tpm_result(t, "policy", Esys_PolicyPCR(p->esys, trial, no, no, no, &now, &selection)));
	TRY(tpm_result(t, "policy", Esys_PolicyAuthValue(p->esys, trial, no, no, no)));
	TRY(tpm_result(t, "policy", Esys_PolicyGetDigest(p->esys, trial, no, no, no, &digest)));
	*out = *digest;
	Esys_Free(digest);
out:
	if (trial != ESYS_TR_NONE)
		(void)Esys_FlushContext(p->esys, trial);
	return err;
}

/* Whatever was and will be approved, where somebody does. */
static err_t policy_of(struct token *t, uint32_t pcrs, TPM2B_DIGEST *out)
{
	return pcrs & TPM_APPROVED ? tpm_approved_policy(t, out) : policy_of_now(t, pcrs, out);
}

static err_t put_reference(uint32_t pcrs, const TPM2B_PRIVATE *wrapped, const TPM2B_PUBLIC *shown,
                           struct token_made *out)
{
	size_t at = 5;

	out->reference[0] = TPM_FORMAT;
	put_be32(out->reference + 1, pcrs);
	if (Tss2_MU_TPM2B_PRIVATE_Marshal(wrapped, out->reference, sizeof(out->reference), &at) !=
	            TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_PUBLIC_Marshal(shown, out->reference, sizeof(out->reference), &at) !=
	            TSS2_RC_SUCCESS)
		return ERR_LIMIT;
	out->reference_n = at;
	return ERR_OK;
}

static void put_coordinate(uint8_t *to, const TPM2B_ECC_PARAMETER *c)
{
	size_t n = c->size > COORDINATE ? COORDINATE : c->size;

	bytes_zero(to, COORDINATE);
	bytes_copy(to + COORDINATE - n, c->buffer, n);
}

/* raw: of an imported key; empty: the TPM draws it. */
static err_t create(struct token *t, TPM2B_PUBLIC *template, struct bytes raw, struct token_made *out)
{
	TPM2B_SENSITIVE_CREATE sensitive = { 0 };
	TPML_PCR_SELECTION none = { 0 };
	TPM2B_PRIVATE *wrapped = NULL;
	TPM2B_PUBLIC *shown = NULL;
	TPM2B_DATA outside = { 0 };
	uint32_t pcrs = t->config.pcrs | (t->config.pcrs && t->approvals.known ? TPM_APPROVED : 0);
	struct tpm *p = t->own;
	ESYS_TR primary;
	err_t err = ERR_OK;

	template->publicArea.objectAttributes |= TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
	        TPMA_OBJECT_NODA | (raw.n ? 0 : TPMA_OBJECT_SENSITIVEDATAORIGIN) |
	        (t->config.pcrs ? 0 : TPMA_OBJECT_USERWITHAUTH);
	if (t->config.pcrs)
		TRY(policy_of(t, pcrs, &template->publicArea.authPolicy));
	tpm_auth(t, &sensitive.sensitive.userAuth);
	sensitive.sensitive.data.size = (UINT16)raw.n;
	bytes_copy(sensitive.sensitive.data.buffer, raw.p, raw.n);
	TRY(tpm_primary(t, &primary));
	tpm_clear_slots(t, primary); /* making needs a place, too */
	TRY(tpm_result(t, "make a key", Esys_Create(p->esys, primary, p->session, ESYS_TR_NONE, ESYS_TR_NONE,
	                                            &sensitive, template, &outside, &none, &wrapped,
	                                            &shown, NULL, NULL, NULL)));
	TRY(put_reference(pcrs, wrapped, shown, out));
	if (shown->publicArea.type == TPM2_ALG_ECC) {
		out->public_key[0] = 4;
		put_coordinate(out->public_key + 1, &shown->publicArea.unique.ecc.x);
		put_coordinate(out->public_key + 1 + COORDINATE, &shown->publicArea.unique.ecc.y);
		out->public_n = 1 + 2 * COORDINATE;
	}
out:
	secret_wipe(&sensitive, sizeof(sensitive));
	Esys_Free(wrapped);
	Esys_Free(shown);
	return err;
}

static err_t make_pair(struct token *t, const struct token_key *k, struct token_made *out)
{
	TPM2B_PUBLIC template = { .publicArea = {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = (k->use == PAIR_AGREE ? 0 : TPMA_OBJECT_SIGN_ENCRYPT) |
		                    (k->use == PAIR_SIGN ? 0 : TPMA_OBJECT_DECRYPT),
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256,
			.scheme.scheme = TPM2_ALG_NULL, .kdf.scheme = TPM2_ALG_NULL,
		},
	} };

	return create(t, &template, BYTES_NONE, out);
}

static TPM2B_PUBLIC hmac_template(void)
{
	return (TPM2B_PUBLIC){ .publicArea = {
		.type = TPM2_ALG_KEYEDHASH, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT,
		.parameters.keyedHashDetail.scheme = { .scheme = TPM2_ALG_HMAC,
		                                       .details.hmac.hashAlg = TPM2_ALG_SHA256 },
	} };
}

/* Restricted: it signs nothing that begins like an attestation and was not made in the TPM. */
err_t tpm_make_answering(struct token *t, struct token_made *out)
{
	TPM2B_PUBLIC template = { .publicArea = {
		.type = TPM2_ALG_ECC, .nameAlg = TPM2_ALG_SHA256,
		.objectAttributes = TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_RESTRICTED,
		.parameters.eccDetail = {
			.symmetric.algorithm = TPM2_ALG_NULL, .curveID = TPM2_ECC_NIST_P256,
			.scheme = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 },
			.kdf.scheme = TPM2_ALG_NULL,
		},
	} };
	uint32_t pcrs = t->config.pcrs;
	err_t err;

	t->config.pcrs = 0;
	err = create(t, &template, BYTES_NONE, out);
	t->config.pcrs = pcrs;
	return err;
}

/* A key for sealing is one for HMAC here (seal.c); no key in a TPM wraps by RFC 3394. */
err_t tpm_import(struct token *t, enum pair_use use, struct bytes raw, struct token_made *out)
{
	TPM2B_PUBLIC template = hmac_template();

	if (use == SECRET_WRAP)
		return token_fault(t, ERR_UNSUPPORTED, "a TPM does not wrap keys by RFC 3394");
	return create(t, &template, raw, out);
}

err_t tpm_random(struct token *t, uint8_t *out, size_t n)
{
	struct tpm *p = t->own;
	err_t err = ERR_OK;

	for (size_t at = 0; at < n;) {
		size_t want = n - at < RANDOM_STEP ? n - at : RANDOM_STEP;
		TPM2B_DIGEST *got = NULL;

		TRY(tpm_result(t, "random", Esys_GetRandom(p->esys, ESYS_TR_NONE, ESYS_TR_NONE,
		                                           ESYS_TR_NONE, (UINT16)want, &got)));
		if (got->size == 0 || got->size > want)
			err = token_fault(t, ERR_CRYPTO, "no random octets");
		else
			bytes_copy(out + at, got->buffer, got->size);
		at += got->size;
		secret_wipe(got, sizeof(*got));
		Esys_Free(got);
		TRY(err);
	}
out:
	return err;
}

err_t tpm_make(struct token *t, const struct token_key *k, struct token_made *out)
{
	TPM2B_PUBLIC template = hmac_template();
	uint8_t raw[16];
	err_t err;

	if (k->use == SECRET_WRAP)
		return token_fault(t, ERR_UNSUPPORTED, "a TPM does not wrap keys by RFC 3394");
	switch (k->class) {
	case KEY_EC_P256:
		return make_pair(t, k, out);
	case KEY_SYMMETRIC_32:
		return create(t, &template, BYTES_NONE, out);
	case KEY_SYMMETRIC_16:
		break; /* a keyed hash of the TPM's own making has 32 octets */
	default:
		return ERR_UNSUPPORTED;
	}
	TRY(tpm_random(t, raw, sizeof(raw)));
	err = tpm_import(t, PAIR_ANY, BYTES_OF(raw), out);
out:
	secret_wipe(raw, sizeof(raw));
	return err;
}
