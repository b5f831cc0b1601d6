/* tpm.c: what a key in the TPM does; the back end's table. */
#include "token/tpm.h"

#include "crypt/crypt.h"

enum { COORDINATE = 32, HASH = 32 };

err_t tpm_put_number(struct token *t, uint8_t *to, const TPM2B_ECC_PARAMETER *n)
{
	if (n->size > COORDINATE)
		return token_fault(t, ERR_CRYPTO, "a number of %u octets", n->size);
	bytes_zero(to, COORDINATE);
	bytes_copy(to + COORDINATE - n->size, n->buffer, n->size);
	return ERR_OK;
}

static err_t tpm_sign(struct token *t, const struct token_key *k, struct bytes input,
                      uint8_t out[TOKEN_SIGNATURE])
{
	TPMT_SIG_SCHEME how = { .scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256 };
	TPMT_TK_HASHCHECK unseen = { .tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL };
	TPM2B_DIGEST digest = { .size = HASH };
	TPMT_SIGNATURE *signature = NULL;
	struct tpm *p = t->own;
	ESYS_TR key, session;
	uint32_t pcrs;
	err_t err;

	if (input.n != HASH)
		return ERR_UNSUPPORTED;
	bytes_copy(digest.buffer, input.p, HASH);
	TRY(tpm_key(t, k, &key, &pcrs));
	TRY(tpm_authorise(t, pcrs, &session));
	TRY(tpm_result(t, "sign", Esys_TRSess_SetAttributes(p->esys, session, 0, TPMA_SESSION_ENCRYPT)));
	err = tpm_result(t, "sign", Esys_Sign(p->esys, key, session, ESYS_TR_NONE, ESYS_TR_NONE, &digest,
	                                      &how, &unseen, &signature));
	/* A signature's first field is of no size, and is public anyhow. Other answers are not,
	 * also after one that failed. */
	TRY(Esys_TRSess_SetAttributes(p->esys, session, TPMA_SESSION_ENCRYPT, TPMA_SESSION_ENCRYPT) == TSS2_RC_SUCCESS
	            ? err : ERR_CRYPTO);
	TRY(tpm_put_number(t, out, &signature->signature.ecdsa.signatureR));
	TRY(tpm_put_number(t, out + COORDINATE, &signature->signature.ecdsa.signatureS));
out:
	Esys_Free(signature);
	return err;
}

static err_t tpm_agree(struct token *t, const struct token_key *k, struct bytes peer,
                       uint8_t out[HASH])
{
	TPM2B_ECC_POINT in = { .point = { .x.size = COORDINATE, .y.size = COORDINATE } };
	TPM2B_ECC_POINT *shared = NULL;
	struct tpm *p = t->own;
	ESYS_TR key, session;
	uint32_t pcrs;
	err_t err;

	if (peer.n != 1 + 2 * COORDINATE || peer.p[0] != 4)
		return ERR_SYNTAX;
	bytes_copy(in.point.x.buffer, peer.p + 1, COORDINATE);
	bytes_copy(in.point.y.buffer, peer.p + 1 + COORDINATE, COORDINATE);
	TRY(tpm_key(t, k, &key, &pcrs));
	TRY(tpm_authorise(t, pcrs, &session));
	TRY(tpm_result(t, "key agreement", Esys_ECDH_ZGen(p->esys, key, session, ESYS_TR_NONE,
	                                                  ESYS_TR_NONE, &in, &shared)));
	err = tpm_put_number(t, out, &shared->point.x);
	secret_wipe(shared, sizeof(*shared));
out:
	Esys_Free(shared);
	return err;
}

static err_t tpm_mac(struct token *t, const struct token_key *k, struct bytes message,
                     uint8_t out[HASH])
{
	TPM2B_MAX_BUFFER in = { .size = (UINT16)message.n };
	TPM2B_DIGEST *mac = NULL;
	struct tpm *p = t->own;
	ESYS_TR key, session;
	uint32_t pcrs;
	err_t err;

	if (message.n > TPM2_MAX_DIGEST_BUFFER)
		return token_fault(t, ERR_UNSUPPORTED, "the TPM takes %u octets at once", TPM2_MAX_DIGEST_BUFFER);
	bytes_copy(in.buffer, message.p, message.n);
	TRY(tpm_key(t, k, &key, &pcrs));
	TRY(tpm_authorise(t, pcrs, &session));
	TRY(tpm_result(t, "HMAC", Esys_HMAC(p->esys, key, session, ESYS_TR_NONE, ESYS_TR_NONE, &in,
	                                    TPM2_ALG_SHA256, &mac)));
	if (mac->size == HASH)
		bytes_copy(out, mac->buffer, HASH);
	else
		err = token_fault(t, ERR_CRYPTO, "a MAC of %u octets", mac->size);
	secret_wipe(mac, sizeof(*mac));
out:
	secret_wipe(&in, sizeof(in));
	Esys_Free(mac);
	return err;
}

/* The TPM hashes no key of its own. */
static err_t tpm_extract(struct token *t, const struct token_key *k, struct bytes salt,
                         uint8_t out[HASH])
{
	return ERR_UNSUPPORTED;
}

/* Nothing of it is in the TPM but a loaded copy. */
static err_t tpm_destroy(struct token *t, const struct token_key *k)
{
	tpm_forget(t, k);
	return ERR_OK;
}

const struct token_backend token_tpm = {
	.name = "tpm",
	.kind = TOKEN_KIND_TPM,
	.load = tpm_load, .unload = tpm_unload,
	.open = tpm_open, .close = tpm_close, .check = tpm_check,
	.make = tpm_make, .import = tpm_import, .destroy = tpm_destroy,
	.sign = tpm_sign, .agree = tpm_agree, .mac = tpm_mac, .extract = tpm_extract,
	.random = tpm_random, .fit = tpm_fit, .evidence = tpm_evidence, .activate = tpm_activate,
	.certify = tpm_certify, .approve = tpm_approve, .count = tpm_count,
};
