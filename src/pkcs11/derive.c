/* derive.c: ECDH by the keeper. What comes out is between the program and its
 * peer: an object of its session, which it may read unless it asked otherwise. */
#include "pkcs11/module.h"

#include "base/secret.h"

enum { RESULT_MAX = 256 };

/* The peer's point, as it is or in an OCTET STRING. */
static CK_RV peer_of(const CK_MECHANISM *m, struct bytes *point)
{
	const CK_ECDH1_DERIVE_PARAMS *p = m->pParameter;

	if (m->mechanism != CKM_ECDH1_DERIVE)
		return CKR_MECHANISM_INVALID;
	if (!p || m->ulParameterLen != sizeof(*p) || p->kdf != CKD_NULL || p->ulSharedDataLen)
		return CKR_MECHANISM_PARAM_INVALID;
	*point = bytes_make(p->pPublicData, p->pPublicData ? p->ulPublicDataLen : 0);
	if (point->n == POINT + 2 && point->p[0] == 0x04 && point->p[1] == POINT)
		*point = bytes_sub(*point, 2, POINT);
	return point->n == POINT ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* What the program wants of its secret. Nothing of it stays behind in the keeper. */
static CK_RV read_template(const CK_ATTRIBUTE *templ, CK_ULONG n, struct agreed *out)
{
	for (CK_ULONG i = 0; i < n; i++) {
		struct bytes v = bytes_make(templ[i].pValue, templ[i].pValue ? templ[i].ulValueLen : 0);
		bool yes = v.n == 1 && v.p[0];
		CK_ULONG number = 0;

		if (v.n == sizeof(number))
			bytes_copy(&number, v.p, sizeof(number));
		if ((templ[i].type == CKA_CLASS && number != CKO_SECRET_KEY) ||
		    (templ[i].type == CKA_TOKEN && yes))
			return CKR_TEMPLATE_INCONSISTENT;
		if (templ[i].type == CKA_VALUE)
			return CKR_ATTRIBUTE_READ_ONLY;
		if (templ[i].type == CKA_VALUE_LEN && (number == 0 || number > AGREED))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		if (templ[i].type == CKA_VALUE_LEN)
			out->n = number;
		if ((templ[i].type == CKA_SENSITIVE && yes) ||
		    (templ[i].type == CKA_EXTRACTABLE && !yes))
			out->readable = false;
	}
	return CKR_OK;
}

/* A shorter one is what is left when the first octets are cut [Cryptoki mechanisms 2.3.8]. */
static err_t agree(const struct key *key, struct bytes point, struct agreed *out)
{
	struct buf fields = buf_make(KEEPER_NAME_MAX + POINT + 16), result = buf_make(RESULT_MAX);
	struct wire_out w = wire_out(&fields);
	err_t err;

	wire_put_bytes(&w, bytes_str(key->name));
	wire_put_bytes(&w, point);
	TRY(w.err);
	TRY(buf_reserve(&result, RESULT_MAX));
	TRY(door_ask(OP_PROGRAM_AGREE, bytes_of_buf(&fields), &result));
	if (result.n != AGREED)
		return ERR_SYNTAX;
	bytes_copy(out->value, result.p + AGREED - out->n, out->n);
out:
	if (result.p)
		secret_wipe(result.p, result.cap);
	buf_free(&fields);
	buf_free(&result);
	return err;
}

static struct agreed *free_place(size_t *index)
{
	for (*index = 0; *index < SECRETS_MAX; ++*index) {
		if (!module.secrets[*index].session)
			return &module.secrets[*index];
	}
	return NULL;
}

static CK_RV derive(CK_SESSION_HANDLE handle, const CK_MECHANISM *m, const struct key *key,
                    struct agreed *fresh, CK_OBJECT_HANDLE *out)
{
	struct bytes point;
	struct agreed *place;
	size_t index;
	CK_RV rv = peer_of(m, &point);

	if (rv != CKR_OK)
		return rv;
	if (key->purpose != AGREE_PROGRAM)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	place = free_place(&index);
	if (!place)
		return CKR_DEVICE_MEMORY;
	rv = module_result(agree(key, point, fresh));
	if (rv == CKR_DATA_INVALID) /* no point of the curve */
		rv = CKR_MECHANISM_PARAM_INVALID;
	if (rv == CKR_OK) {
		*place = *fresh;
		place->session = handle;
		*out = object_handle(index, OBJECT_SECRET);
	}
	return rv;
}

CK_RV C_DeriveKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE base,
                  CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	struct agreed fresh = { .n = AGREED, .readable = true };
	CK_RV rv = module_enter();
	struct key *key;

	if (rv != CKR_OK)
		return rv;
	key = object_key(base, 1u << OBJECT_PRIVATE);
	if (!session_find(handle))
		rv = CKR_SESSION_HANDLE_INVALID;
	else if (!m || !out || (n && !templ))
		rv = CKR_ARGUMENTS_BAD;
	else if (!key)
		rv = CKR_KEY_HANDLE_INVALID;
	if (rv == CKR_OK)
		rv = read_template(templ, n, &fresh);
	if (rv == CKR_OK)
		rv = derive(handle, m, key, &fresh, out);
	secret_wipe(&fresh, sizeof(fresh));
	return module_leave(rv);
}
