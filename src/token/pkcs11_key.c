/* pkcs11_key.c: objects on the token: made, imported, found, destroyed.
 *
 * Whatever the token says, a key that could be read out again is not used: the
 * attributes are read back after it was made. */
#include "token/pkcs11.h"

#include "crypt/crypt.h"

static const CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

/* Cryptoki's attributes are not const, whatever they are for. */
#define NOTHING_ELSE                                                                            \
	ATTRIBUTE(CKA_DECRYPT, &no, 1), ATTRIBUTE(CKA_UNWRAP, &no, 1)
/* A symmetric key does one thing: HMAC, AES-GCM or wrapping. */
#define ONE_USE(mac, seal, wrap)                                                                \
	ATTRIBUTE(CKA_SIGN, (mac), 1), ATTRIBUTE(CKA_ENCRYPT, (seal), 1),                       \
	        ATTRIBUTE(CKA_DECRYPT, (seal), 1), ATTRIBUTE(CKA_WRAP, (wrap), 1),              \
	        ATTRIBUTE(CKA_UNWRAP, (wrap), 1), ATTRIBUTE(CKA_DERIVE, &no, 1),                \
	        ATTRIBUTE(CKA_VERIFY, &no, 1)
#define ATTRIBUTE(type, pointer, size) { (type), (void *)(uintptr_t)(pointer), (size) }

static const uint8_t p256[] = { 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7 };
static const uint8_t ed25519[] = { 0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9' };

enum { POINT_DER = 2 + 65, LABEL = 8 };

/* --- found -------------------------------------------------------------------------- */

static void remember(struct p11 *p, const uint8_t *id, CK_OBJECT_CLASS class, CK_OBJECT_HANDLE h)
{
	struct p11_handle *at = &p->handles[p->next++ % P11_HANDLES];

	bytes_copy(at->id, id, P11_ID);
	at->class = class;
	at->handle = h;
}

err_t p11_find(struct token *t, const struct token_key *k, CK_OBJECT_CLASS class,
               CK_OBJECT_HANDLE *out)
{
	struct p11 *p = t->own;
	CK_ATTRIBUTE wanted[] = { ATTRIBUTE(CKA_ID, k->reference.p, k->reference.n),
		                  ATTRIBUTE(CKA_CLASS, &class, sizeof(class)) };
	CK_OBJECT_HANDLE found[2];
	CK_ULONG n = 0;
	err_t err;

	if (!k->reference.n || k->reference.n > P11_ID_MAX)
		return ERR_SYNTAX;
	for (size_t i = 0; i < P11_HANDLES; i++) {
		struct p11_handle *h = &p->handles[i];

		if (h->handle && h->class == class && bytes_equal(BYTES_OF(h->id), k->reference)) {
			*out = h->handle;
			return ERR_OK;
		}
	}
	TRY(p11_result(t, "search", p->f->C_FindObjectsInit(p->session, wanted, COUNT_OF(wanted))));
	err = p11_result(t, "search", p->f->C_FindObjects(p->session, found, COUNT_OF(found), &n));
	(void)p->f->C_FindObjectsFinal(p->session);
	TRY(err);
	if (n != 1)
		return token_fault(t, ERR_MISSING, "the key is not on the token: %lu objects have its "
		                   "identifier", (unsigned long)n);
	if (k->reference.n == P11_ID) /* one of ours */
		remember(p, k->reference.p, class, found[0]);
	*out = found[0];
out:
	return err;
}

err_t p11_fit(struct token *t, const struct token_key *k)
{
	CK_OBJECT_HANDLE h;
	err_t err;

	TRY(p11_find(t, k, k->class == KEY_EC_P256 || k->class == KEY_ED25519 ? CKO_PRIVATE_KEY : CKO_SECRET_KEY, &h));
	if (k->made)
		err = p11_made_here(t, h);
out:
	return err;
}

/* --- made ------------------------------------------------------------------------------ */

err_t p11_made_here(struct token *t, CK_OBJECT_HANDLE h)
{
	struct p11 *p = t->own;
	CK_BBOOL said[5] = { CK_FALSE, CK_FALSE, CK_FALSE, CK_FALSE, CK_TRUE };
	CK_ATTRIBUTE read[] = { ATTRIBUTE(CKA_LOCAL, &said[0], 1), ATTRIBUTE(CKA_ALWAYS_SENSITIVE, &said[1], 1),
		                ATTRIBUTE(CKA_NEVER_EXTRACTABLE, &said[2], 1), ATTRIBUTE(CKA_SENSITIVE, &said[3], 1),
		                ATTRIBUTE(CKA_EXTRACTABLE, &said[4], 1) };
	CK_RV rv = p->f->C_GetAttributeValue(p->session, h, read, COUNT_OF(read));

	if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE)
		return token_fault(t, ERR_UNSUPPORTED, "the token does not say where its keys were made");
	if (rv != CKR_OK)
		return p11_result(t, "look at the key", rv);
	if (said[0] && said[1] && said[2] && said[3] && !said[4])
		return ERR_OK;
	return token_fault(t, ERR_TAMPERED, "a key %s", !said[0] ? "was made elsewhere and brought to the token" :
	                   "could be read out of the token, or can be");
}

err_t p11_look_at(struct token *t, CK_OBJECT_HANDLE h)
{
	struct p11 *p = t->own;
	CK_BBOOL sensitive = CK_FALSE, extractable = CK_TRUE;
	CK_ATTRIBUTE read[] = { ATTRIBUTE(CKA_SENSITIVE, &sensitive, sizeof(sensitive)),
		                ATTRIBUTE(CKA_EXTRACTABLE, &extractable, sizeof(extractable)) };
	err_t err;

	TRY(p11_result(t, "look at the key", p->f->C_GetAttributeValue(p->session, h, read, 2)));
	if (!sensitive || extractable)
		err = token_fault(t, ERR_REFUSED, "the token made a key that can be read out");
out:
	if (err != ERR_OK)
		(void)p->f->C_DestroyObject(p->session, h);
	return err;
}

/* CKA_EC_POINT is an OCTET STRING around the point; some tokens leave it out. */
static err_t read_point(struct token *t, CK_OBJECT_HANDLE h, size_t n, struct token_made *out)
{
	struct p11 *p = t->own;
	uint8_t der[POINT_DER + 8];
	CK_ATTRIBUTE read[] = { ATTRIBUTE(CKA_EC_POINT, der, sizeof(der)) };
	struct bytes point;
	err_t err;

	TRY(p11_result(t, "public part", p->f->C_GetAttributeValue(p->session, h, read, 1)));
	point = bytes_make(der, read[0].ulValueLen <= sizeof(der) ? read[0].ulValueLen : 0);
	if (point.n == n + 2 && point.p[0] == 4 && point.p[1] == n)
		point = bytes_sub(point, 2, n);
	if (point.n != n || (n == 65 && point.p[0] != 4))
		return token_fault(t, ERR_TYPE, "the public part has no known form");
	bytes_copy(out->public_key, point.p, n);
	out->public_n = n;
out:
	return err;
}

static err_t make_pair(struct token *t, const struct token_key *k, struct token_made *out)
{
	struct p11 *p = t->own;
	bool ed = k->class == KEY_ED25519;
	CK_MECHANISM how = { ed ? CKM_EC_EDWARDS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0 };
	const CK_BBOOL *sign = k->use == PAIR_AGREE ? &no : &yes, *agree = k->use == PAIR_SIGN ? &no : &yes;
	CK_ATTRIBUTE public_part[] = {
		ATTRIBUTE(CKA_EC_PARAMS, ed ? ed25519 : p256, ed ? sizeof(ed25519) : sizeof(p256)),
		ATTRIBUTE(CKA_TOKEN, &yes, 1), ATTRIBUTE(CKA_VERIFY, sign, 1),
		ATTRIBUTE(CKA_ENCRYPT, &no, 1), ATTRIBUTE(CKA_WRAP, &no, 1),
		ATTRIBUTE(CKA_ID, out->reference, P11_ID), ATTRIBUTE(CKA_LABEL, "holdfast", LABEL),
	};
	CK_ATTRIBUTE private_part[] = {
		ATTRIBUTE(CKA_TOKEN, &yes, 1), ATTRIBUTE(CKA_PRIVATE, &yes, 1),
		ATTRIBUTE(CKA_SENSITIVE, &yes, 1), ATTRIBUTE(CKA_EXTRACTABLE, &no, 1),
		ATTRIBUTE(CKA_ID, out->reference, P11_ID), ATTRIBUTE(CKA_LABEL, "holdfast", LABEL),
		ATTRIBUTE(CKA_SIGN, sign, 1), ATTRIBUTE(CKA_DERIVE, ed ? &no : agree, 1),
		NOTHING_ELSE,
	};
	CK_OBJECT_HANDLE public_key, private_key;
	err_t err;

	TRY(p11_result(t, "key generation",
	               p->f->C_GenerateKeyPair(p->session, &how, public_part, COUNT_OF(public_part),
	                                       private_part, COUNT_OF(private_part), &public_key,
	                                       &private_key)));
	TRY(p11_look_at(t, private_key));
	TRY(read_point(t, public_key, ed ? 32 : 65, out));
out:
	return err;
}

static bool is_aes(const struct token *t, enum pair_use use)
{
	return (use == SECRET_SEAL && t->state.can & TOKEN_CAN_GCM) || use == SECRET_WRAP;
}

static err_t make_secret(struct token *t, enum pair_use use, struct token_made *out)
{
	struct p11 *p = t->own;
	bool aes = is_aes(t, use);
	CK_MECHANISM how = { aes ? CKM_AES_KEY_GEN : CKM_GENERIC_SECRET_KEY_GEN, NULL, 0 };
	const CK_BBOOL *mac = aes ? &no : &yes, *seal = aes && use == SECRET_SEAL ? &yes : &no;
	CK_ULONG size = 32;
	CK_ATTRIBUTE secret[] = {
		ATTRIBUTE(CKA_TOKEN, &yes, 1), ATTRIBUTE(CKA_PRIVATE, &yes, 1),
		ATTRIBUTE(CKA_SENSITIVE, &yes, 1), ATTRIBUTE(CKA_EXTRACTABLE, &no, 1),
		ATTRIBUTE(CKA_ID, out->reference, P11_ID), ATTRIBUTE(CKA_LABEL, "holdfast", LABEL),
		ATTRIBUTE(CKA_VALUE_LEN, &size, sizeof(size)),
		ONE_USE(mac, seal, use == SECRET_WRAP ? &yes : &no),
	};
	CK_OBJECT_HANDLE h;
	err_t err;

	TRY(p11_result(t, "key generation",
	               p->f->C_GenerateKey(p->session, &how, secret, COUNT_OF(secret), &h)));
	TRY(p11_look_at(t, h));
out:
	return err;
}

/* Many tokens do not take a short key for HMAC-SHA-256. Zeros behind it change
 * nothing [RFC 2104 2]: a key of 16 octets lies there as one of 32. */
err_t p11_import(struct token *t, enum pair_use use, struct bytes raw, struct token_made *out)
{
	struct p11 *p = t->own;
	bool aes = is_aes(t, use);
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = aes ? CKK_AES : CKK_GENERIC_SECRET;
	const CK_BBOOL *mac = aes ? &no : &yes, *seal = aes && use == SECRET_SEAL ? &yes : &no;
	uint8_t padded[32] = { 0 };
	CK_ATTRIBUTE secret[] = {
		ATTRIBUTE(CKA_CLASS, &class, sizeof(class)), ATTRIBUTE(CKA_KEY_TYPE, &type, sizeof(type)),
		ATTRIBUTE(CKA_TOKEN, &yes, 1), ATTRIBUTE(CKA_PRIVATE, &yes, 1),
		ATTRIBUTE(CKA_SENSITIVE, &yes, 1), ATTRIBUTE(CKA_EXTRACTABLE, &no, 1),
		ATTRIBUTE(CKA_ID, out->reference, P11_ID), ATTRIBUTE(CKA_LABEL, "holdfast", LABEL),
		ATTRIBUTE(CKA_VALUE, padded, sizeof(padded)),
		ONE_USE(mac, seal, use == SECRET_WRAP ? &yes : &no),
	};
	CK_OBJECT_HANDLE h;
	err_t err;

	crypt_random(out->reference, P11_ID);
	out->reference_n = P11_ID;
	TRY(use == SECRET_WRAP && !(t->state.can & TOKEN_CAN_WRAP) ? ERR_UNSUPPORTED : ERR_OK);
	TRY(bytes_put(padded, sizeof(padded), raw));
	TRY(p11_result(t, "import", p->f->C_CreateObject(p->session, secret, COUNT_OF(secret), &h)));
	TRY(p11_look_at(t, h));
out:
	secret_wipe(padded, sizeof(padded));
	return err;
}

err_t p11_make(struct token *t, const struct token_key *k, struct token_made *out)
{
	struct p11 *p = t->own;
	uint8_t raw[16];
	err_t err;

	crypt_random(out->reference, P11_ID);
	out->reference_n = P11_ID;
	switch (k->class) {
	case KEY_EC_P256:
		return make_pair(t, k, out);
	case KEY_ED25519:
		return t->state.can & TOKEN_CAN_ED25519 ? make_pair(t, k, out) : ERR_UNSUPPORTED;
	case KEY_SYMMETRIC_32:
		if (k->use == SECRET_WRAP && !(t->state.can & TOKEN_CAN_WRAP))
			return ERR_UNSUPPORTED;
		return make_secret(t, k->use, out);
	case KEY_SYMMETRIC_16:
		break;
	default:
		return ERR_UNSUPPORTED;
	}
	/* See p11_import; the octets are the token's own. */
	TRY(p11_result(t, "random", p->f->C_GenerateRandom(p->session, raw, sizeof(raw))));
	err = p11_import(t, PAIR_ANY, BYTES_OF(raw), out);
out:
	secret_wipe(raw, sizeof(raw));
	return err;
}

/* --- destroyed -------------------------------------------------------------------------- */

err_t p11_destroy(struct token *t, const struct token_key *k)
{
	bool pair = k->class == KEY_EC_P256 || k->class == KEY_ED25519;
	struct p11 *p = t->own;
	CK_OBJECT_HANDLE h;
	err_t err;

	err = p11_find(t, k, pair ? CKO_PRIVATE_KEY : CKO_SECRET_KEY, &h);
	if (err == ERR_MISSING)
		return ERR_OK;
	TRY(err);
	TRY(p11_result(t, "destroy", p->f->C_DestroyObject(p->session, h)));
	bytes_zero(p->handles, sizeof(p->handles));
	if (pair && p11_find(t, k, CKO_PUBLIC_KEY, &h) == ERR_OK)
		TRY(p11_result(t, "destroy", p->f->C_DestroyObject(p->session, h)));
out:
	bytes_zero(p->handles, sizeof(p->handles));
	return err;
}
