/* tpm_slot.c: which objects are loaded. */
#include "token/tpm.h"

#include "crypt/crypt.h"

#include <tss2/tss2_mu.h>

void tpm_auth(struct token *t, TPM2B_AUTH *out)
{
	out->size = TPM_DIGEST;
	token_paired(t, BYTES("holdfast tpm authorisation"), out->buffer);
}

static void use(struct tpm *p, struct tpm_slot *s)
{
	s->used = ++p->clock;
}

/* A free slot; the longest unused object goes when there is none. */
static struct tpm_slot *free_slot(struct tpm *p)
{
	struct tpm_slot *oldest = &p->slots[0];

	for (size_t i = 0; i < TPM_SLOTS; i++) {
		if (p->slots[i].handle == ESYS_TR_NONE)
			return &p->slots[i];
		if (p->slots[i].used < oldest->used)
			oldest = &p->slots[i];
	}
	(void)Esys_FlushContext(p->esys, oldest->handle);
	oldest->handle = ESYS_TR_NONE;
	return oldest;
}

static void fill(struct tpm *p, struct tpm_slot *s, ESYS_TR handle, const uint8_t *digest)
{
	s->handle = handle;
	s->primary = !digest;
	bytes_zero(s->digest, sizeof(s->digest));
	if (digest)
		bytes_copy(s->digest, digest, sizeof(s->digest));
	use(p, s);
}

err_t tpm_primary_made(struct token *t, ESYS_TR handle)
{
	struct tpm *p = t->own;

	fill(p, &p->slots[0], handle, NULL); /* the first of all */
	return ERR_OK;
}

err_t tpm_primary(struct token *t, ESYS_TR *out)
{
	struct tpm *p = t->own;
	struct tpm_slot *s;
	err_t err;

	for (size_t i = 0; i < TPM_SLOTS; i++) {
		s = &p->slots[i];
		if (s->handle != ESYS_TR_NONE && s->primary) {
			use(p, s);
			*out = s->handle;
			return ERR_OK;
		}
	}
	s = free_slot(p);
	TRY(tpm_result(t, "primary key", Esys_ContextLoad(p->esys, p->primary, out)));
	fill(p, s, *out, NULL);
out:
	return err;
}

struct parts {
	uint32_t pcrs;
	TPM2B_PRIVATE wrapped;
	TPM2B_PUBLIC shown;
};

static err_t read_reference(struct bytes r, struct parts *out)
{
	size_t at = 5, from;

	*out = (struct parts){ 0 };
	if (r.n < at || r.p[0] != TPM_FORMAT)
		return ERR_SYNTAX;
	out->pcrs = get_be32(r.p + 1);
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(r.p, r.n, &at, &out->wrapped) != TSS2_RC_SUCCESS)
		return ERR_SYNTAX;
	from = at;
	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(r.p, r.n, &at, &out->shown) != TSS2_RC_SUCCESS || at != r.n ||
	    get_be16(r.p + from) != at - from - 2) /* which the library does not look at */
		return ERR_SYNTAX;
	return ERR_OK;
}

static err_t load_key(struct token *t, const struct parts *parts, const uint8_t digest[TPM_DIGEST],
                      ESYS_TR *out)
{
	struct tpm *p = t->own;
	TPM2B_AUTH auth = { 0 };
	struct tpm_slot *s;
	ESYS_TR primary;
	err_t err;

	/* The primary is the last used from here on: the slot is another's. */
	TRY(tpm_primary(t, &primary));
	s = free_slot(p);
	TRY(tpm_result(t, "load", Esys_Load(p->esys, primary, p->session, ESYS_TR_NONE, ESYS_TR_NONE,
	                                    &parts->wrapped, &parts->shown, out)));
	fill(p, s, *out, digest);
	tpm_auth(t, &auth);
	err = tpm_result(t, "load", Esys_TR_SetAuth(p->esys, *out, &auth));
out:
	secret_wipe(&auth, sizeof(auth));
	return err;
}

err_t tpm_key(struct token *t, const struct token_key *k, ESYS_TR *out, uint32_t *pcrs)
{
	struct tpm *p = t->own;
	uint8_t digest[TPM_DIGEST];
	struct parts parts;
	err_t err;

	if (k->reference.n < 5 || k->reference.p[0] != TPM_FORMAT)
		return ERR_SYNTAX;
	*pcrs = get_be32(k->reference.p + 1);
	crypt_sha256(k->reference, digest);
	for (size_t i = 0; i < TPM_SLOTS; i++) {
		struct tpm_slot *s = &p->slots[i];

		if (s->handle != ESYS_TR_NONE && !s->primary &&
		    bytes_equal(BYTES_OF(digest), BYTES_OF(s->digest))) {
			use(p, s);
			*out = s->handle;
			return ERR_OK;
		}
	}
	TRY(read_reference(k->reference, &parts));
	err = load_key(t, &parts, digest, out);
out:
	return err;
}

err_t tpm_fit(struct token *t, const struct token_key *k)
{
	struct tpm *p = t->own;
	TPM2B_DIGEST *now = NULL;
	struct parts parts;
	const TPM2B_DIGEST *wanted = &parts.shown.publicArea.authPolicy;
	ESYS_TR session;
	err_t err;

	TRY(read_reference(k->reference, &parts));
	if (!parts.pcrs)
		return ERR_OK;
	TRY(tpm_authorise(t, parts.pcrs, &session));
	if (parts.pcrs & TPM_APPROVED)
		return ERR_OK; /* one that fits was found */
	TRY(tpm_result(t, "policy", Esys_PolicyGetDigest(p->esys, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &now)));
	if (!bytes_equal(bytes_make(now->buffer, now->size), bytes_make(wanted->buffer, wanted->size)))
		err = tpm_result(t, "look", TPM2_RC_POLICY_FAIL);
out:
	Esys_Free(now);
	return err;
}

void tpm_clear_slots(struct token *t, ESYS_TR but)
{
	struct tpm *p = t->own;

	for (size_t i = 0; i < TPM_SLOTS; i++) {
		if (p->slots[i].handle == ESYS_TR_NONE || p->slots[i].handle == but)
			continue;
		(void)Esys_FlushContext(p->esys, p->slots[i].handle);
		p->slots[i].handle = ESYS_TR_NONE;
	}
}

void tpm_forget(struct token *t, const struct token_key *k)
{
	struct tpm *p = t->own;
	uint8_t digest[TPM_DIGEST];

	crypt_sha256(k->reference, digest);
	for (size_t i = 0; i < TPM_SLOTS; i++) {
		struct tpm_slot *s = &p->slots[i];

		if (s->handle == ESYS_TR_NONE || !bytes_equal(BYTES_OF(digest), BYTES_OF(s->digest)))
			continue;
		(void)Esys_FlushContext(p->esys, s->handle);
		s->handle = ESYS_TR_NONE;
	}
}
