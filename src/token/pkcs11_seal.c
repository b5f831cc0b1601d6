/* pkcs11_seal.c: AES-GCM and key wrap by the token itself. */
#include "token/pkcs11.h"

#include "crypt/crypt.h"

enum { KEY = 32, TAG = 16 };

static CK_BYTE_PTR mutable(struct bytes b)
{
	return (CK_BYTE_PTR)(uintptr_t)b.p;
}

/* Some libraries say of a wrong tag no more than that they failed; a token that is there
 * did not fail. */
static err_t opened(struct token *t, CK_RV rv)
{
	err_t err = p11_result(t, "open", rv);

	if (rv == CKR_GENERAL_ERROR && p11_check(t) == ERR_OK)
		err = token_fault(t, ERR_TAMPERED, "open: not sealed by this key, or altered");
	return err;
}

err_t p11_gcm(struct token *t, const struct token_gcm *g, struct buf *out)
{
	CK_GCM_PARAMS with = { .iv_ptr = mutable(BYTES_OF(g->nonce)), .iv_len = sizeof(g->nonce),
		               .iv_bits = 8 * sizeof(g->nonce), .aad_ptr = mutable(g->additional),
		               .aad_len = g->additional.n, .tag_bits = 8 * TAG };
	CK_MECHANISM how = { CKM_AES_GCM, &with, sizeof(with) };
	size_t expected = g->open ? g->input.n - TAG : g->input.n + TAG;
	struct p11 *p = t->own;
	/* Opening, some want room for what they throw away at the end. */
	CK_ULONG n = g->input.n + TAG;
	CK_OBJECT_HANDLE h;
	err_t err;

	TRY(buf_reserve(out, n));
	TRY(p11_find(t, g->key, CKO_SECRET_KEY, &h));
	if (g->open) {
		TRY(p11_result(t, "open", p->f->C_DecryptInit(p->session, &how, h)));
		TRY(opened(t, p->f->C_Decrypt(p->session, mutable(g->input), g->input.n, out->p + out->n, &n)));
	} else {
		TRY(p11_result(t, "seal", p->f->C_EncryptInit(p->session, &how, h)));
		TRY(p11_result(t, "seal", p->f->C_Encrypt(p->session, mutable(g->input), g->input.n,
		                                          out->p + out->n, &n)));
	}
	if (n != expected)
		return token_fault(t, ERR_CRYPTO, "AES-GCM gave %lu octets", (unsigned long)n);
	out->n += n;
out:
	return err;
}

/* What is wrapped is an object of the session for that moment. */
err_t p11_wrap(struct token *t, const struct token_key *k, struct bytes raw, struct buf *out)
{
	CK_MECHANISM how = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE secret[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, 1 }, { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_VALUE, mutable(raw), raw.n },
	};
	struct p11 *p = t->own;
	CK_ULONG n = TOKEN_WRAPPED;
	CK_OBJECT_HANDLE h, inner;
	err_t err;

	TRY(buf_reserve(out, n));
	TRY(p11_find(t, k, CKO_SECRET_KEY, &h));
	TRY(p11_result(t, "wrap", p->f->C_CreateObject(p->session, secret, COUNT_OF(secret), &inner)));
	err = p11_result(t, "wrap", p->f->C_WrapKey(p->session, &how, h, inner, out->p + out->n, &n));
	(void)p->f->C_DestroyObject(p->session, inner);
	TRY(err);
	out->n += n;
out:
	return err;
}

err_t p11_unwrap(struct token *t, const struct token_key *k, struct bytes wrapped, struct token_made *out)
{
	CK_MECHANISM how = { CKM_AES_KEY_WRAP, NULL, 0 };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ATTRIBUTE secret[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, 1 }, { CKA_PRIVATE, &yes, 1 }, { CKA_SENSITIVE, &yes, 1 },
		{ CKA_EXTRACTABLE, &no, 1 }, { CKA_ID, out->reference, P11_ID },
		{ CKA_LABEL, (void *)(uintptr_t)"holdfast", 8 }, { CKA_SIGN, &yes, 1 },
		{ CKA_ENCRYPT, &no, 1 }, { CKA_DECRYPT, &no, 1 }, { CKA_WRAP, &no, 1 },
		{ CKA_UNWRAP, &no, 1 }, { CKA_DERIVE, &no, 1 }, { CKA_VERIFY, &no, 1 },
	};
	struct p11 *p = t->own;
	CK_OBJECT_HANDLE h, inner;
	CK_RV rv;
	err_t err;

	crypt_random(out->reference, P11_ID);
	out->reference_n = P11_ID;
	TRY(p11_find(t, k, CKO_SECRET_KEY, &h));
	rv = p->f->C_UnwrapKey(p->session, &how, h, mutable(wrapped), wrapped.n, secret, COUNT_OF(secret), &inner);
	err = p11_result(t, "unwrap", rv);
	if (rv == CKR_GENERAL_ERROR && p11_check(t) == ERR_OK)
		err = token_fault(t, ERR_TAMPERED, "unwrap: not wrapped by this key, or altered");
	TRY(err);
	err = p11_look_at(t, inner);
out:
	return err;
}
