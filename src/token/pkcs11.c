/* pkcs11.c: what a key on the token does; the back end's table. */
#include "token/pkcs11.h"

#include "crypt/crypt.h"

enum { BLOCK = 64, HASH = 32 };

static CK_BYTE_PTR mutable(struct bytes b)
{
	return (CK_BYTE_PTR)(uintptr_t)b.p;
}

/* One signature or MAC of exactly n octets. */
static err_t sign_with(struct token *t, CK_MECHANISM_TYPE how, CK_OBJECT_HANDLE h,
                       struct bytes input, struct bytes out)
{
	CK_MECHANISM mechanism = { how, NULL, 0 };
	struct p11 *p = t->own;
	CK_ULONG n = out.n;
	err_t err;

	TRY(p11_result(t, "sign", p->f->C_SignInit(p->session, &mechanism, h)));
	TRY(p11_result(t, "sign", p->f->C_Sign(p->session, mutable(input), input.n, mutable(out), &n)));
	if (n != out.n)
		err = token_fault(t, ERR_CRYPTO, "a signature of %lu octets", (unsigned long)n);
out:
	return err;
}

static err_t p11_sign(struct token *t, const struct token_key *k, struct bytes input,
                      uint8_t out[TOKEN_SIGNATURE])
{
	CK_OBJECT_HANDLE h;
	err_t err;

	TRY(p11_find(t, k, CKO_PRIVATE_KEY, &h));
	err = sign_with(t, k->class == KEY_ED25519 ? CKM_EDDSA : CKM_ECDSA, h, input,
	                bytes_make(out, TOKEN_SIGNATURE));
out:
	return err;
}

static err_t p11_mac(struct token *t, const struct token_key *k, struct bytes message,
                     uint8_t out[HASH])
{
	CK_OBJECT_HANDLE h;
	err_t err;

	TRY(p11_find(t, k, CKO_SECRET_KEY, &h));
	err = sign_with(t, CKM_SHA256_HMAC, h, message, bytes_make(out, HASH));
out:
	return err;
}

/* HMAC with the key as message: H(opad H(ipad key)), the inner hash by the token. */
static err_t p11_extract(struct token *t, const struct token_key *k, struct bytes salt,
                         uint8_t out[HASH])
{
	CK_MECHANISM sha256 = { CKM_SHA256, NULL, 0 };
	uint8_t pad[BLOCK] = { 0 }, inner[HASH];
	struct p11 *p = t->own;
	CK_ULONG n = HASH;
	CK_OBJECT_HANDLE h;
	err_t err;

	/* One of 16 octets lies there padded, and is another as a message. */
	if (k->class != KEY_SYMMETRIC_32)
		return ERR_UNSUPPORTED;
	TRY(p11_find(t, k, CKO_SECRET_KEY, &h));
	if (salt.n > BLOCK)
		crypt_sha256(salt, pad);
	else
		bytes_copy(pad, salt.p, salt.n);
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36;
	TRY(p11_result(t, "hash", p->f->C_DigestInit(p->session, &sha256)));
	TRY(p11_result(t, "hash", p->f->C_DigestUpdate(p->session, pad, BLOCK)));
	TRY(p11_result(t, "hash of a key", p->f->C_DigestKey(p->session, h)));
	TRY(p11_result(t, "hash", p->f->C_DigestFinal(p->session, inner, &n)));
	for (size_t i = 0; i < BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	crypt_sha256_two(BYTES_OF(pad), BYTES_OF(inner), out);
out:
	/* Ends a hash that was begun; a session has one at a time. */
	if (err != ERR_OK && err != ERR_ABSENT)
		(void)p->f->C_DigestFinal(p->session, inner, &n);
	secret_wipe(inner, sizeof(inner));
	return err;
}

/* The shared secret as an object of the session only, read and destroyed. */
static err_t p11_agree(struct token *t, const struct token_key *k, struct bytes peer,
                       uint8_t out[HASH])
{
	CK_ECDH1_DERIVE_PARAMS with = { .kdf = CKD_NULL, .public_data_len = peer.n,
		                        .public_data = mutable(peer) };
	CK_MECHANISM how = { CKM_ECDH1_DERIVE, &with, sizeof(with) };
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG size = HASH;
	CK_ATTRIBUTE wanted[] = {
		{ CKA_CLASS, &class, sizeof(class) }, { CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &no, 1 }, { CKA_SENSITIVE, &no, 1 }, { CKA_EXTRACTABLE, &yes, 1 },
		{ CKA_VALUE_LEN, &size, sizeof(size) },
	};
	CK_ATTRIBUTE value[] = { { CKA_VALUE, out, HASH } };
	struct p11 *p = t->own;
	CK_OBJECT_HANDLE h, shared;
	err_t err;

	TRY(p11_find(t, k, CKO_PRIVATE_KEY, &h));
	TRY(p11_result(t, "key agreement",
	               p->f->C_DeriveKey(p->session, &how, h, wanted, COUNT_OF(wanted), &shared)));
	err = p11_result(t, "key agreement", p->f->C_GetAttributeValue(p->session, shared, value, 1));
	(void)p->f->C_DestroyObject(p->session, shared);
	if (err == ERR_OK && value[0].ulValueLen != HASH)
		err = token_fault(t, ERR_CRYPTO, "a shared secret of another size");
out:
	return err;
}

static err_t p11_random(struct token *t, uint8_t *out, size_t n)
{
	struct p11 *p = t->own;

	return p11_result(t, "random", p->f->C_GenerateRandom(p->session, out, n));
}

const struct token_backend token_pkcs11 = {
	.name = "pkcs11",
	.kind = TOKEN_KIND_PKCS11,
	.load = p11_load, .unload = p11_unload,
	.open = p11_open, .close = p11_close, .check = p11_check,
	.make = p11_make, .import = p11_import, .destroy = p11_destroy,
	.sign = p11_sign, .agree = p11_agree, .mac = p11_mac, .extract = p11_extract,
	.random = p11_random, .fit = p11_fit, .evidence = p11_evidence,
	.gcm = p11_gcm, .wrap = p11_wrap, .unwrap = p11_unwrap,
};
