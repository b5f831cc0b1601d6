/* sign.c: signatures by the keeper. The mechanism follows from the key: what it is
 * for was fixed when it was made [CM26]. */
#include "pkcs11/module.h"

enum { RESULT_MAX = 512 };

static CK_RV check_mechanism(const struct key *key, const CK_MECHANISM *m)
{
	bool fits;

	if (m->mechanism == CKM_EDDSA)
		fits = key->class == KEY_ED25519;
	else if (m->mechanism == CKM_ECDSA)
		fits = key->class == KEY_EC_P256 && key->purpose == SIGN_PROGRAM_DIGEST;
	else if (m->mechanism == CKM_ECDSA_SHA256)
		fits = key->class == KEY_EC_P256 && key->purpose == SIGN_PROGRAM;
	else
		return CKR_MECHANISM_INVALID;
	if (key->purpose == AGREE_PROGRAM || !fits)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	return m->pParameter || m->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

static CK_RV sign_init(CK_SESSION_HANDLE handle, const CK_MECHANISM *m, CK_OBJECT_HANDLE object)
{
	struct session *s = session_find(handle);
	struct key *key = object_key(object, 1u << OBJECT_PRIVATE);
	CK_RV rv;

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!m)
		return CKR_ARGUMENTS_BAD;
	if (s->signing)
		return CKR_OPERATION_ACTIVE;
	if (!key)
		return CKR_KEY_HANDLE_INVALID;
	rv = check_mechanism(key, m);
	if (rv != CKR_OK)
		return rv;
	s->signing = object;
	buf_clear(&s->input);
	return CKR_OK;
}

CK_RV C_SignInit(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE object)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(sign_init(handle, m, object)) : rv;
}

static err_t ask(const struct key *key, struct bytes input, uint8_t out[SIGNATURE])
{
	struct buf fields = buf_make(PROGRAM_INPUT_MAX + KEEPER_NAME_MAX + 16);
	struct buf result = buf_make(RESULT_MAX);
	struct wire_out w = wire_out(&fields);
	struct wire_in in;
	struct bytes signature;
	err_t err;

	wire_put_bytes(&w, bytes_str(key->name));
	wire_put_u8(&w, (uint8_t)key->purpose);
	wire_put_bytes(&w, input);
	TRY(w.err);
	TRY(door_ask(OP_PROGRAM_SIGN, bytes_of_buf(&fields), &result));
	in = wire_in(bytes_of_buf(&result));
	signature = wire_get_bytes(&in, RESULT_MAX);
	TRY(wire_done(&in));
	if (key->class == KEY_EC_P256)
		err = signature_raw(signature, out);
	else
		err = signature.n == SIGNATURE ? bytes_put(out, SIGNATURE, signature) : ERR_SYNTAX;
out:
	buf_free(&fields);
	buf_free(&result);
	return err;
}

/* The end of an operation, but for a question of length. */
static CK_RV finish(struct session *s, unsigned char *out, CK_ULONG *n)
{
	struct key *key = object_key(s->signing, 1u << OBJECT_PRIVATE);
	CK_RV rv;

	if (!n) {
		rv = CKR_ARGUMENTS_BAD;
	} else if (!out || *n < SIGNATURE) {
		*n = SIGNATURE;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	} else if (!key) {
		rv = CKR_KEY_HANDLE_INVALID;
	} else if (key->purpose == SIGN_PROGRAM_DIGEST && s->input.n != PROGRAM_DIGEST) {
		rv = CKR_DATA_LEN_RANGE;
	} else {
		rv = module_result(ask(key, bytes_of_buf(&s->input), out));
		*n = SIGNATURE;
	}
	s->signing = 0;
	buf_clear(&s->input);
	return rv;
}

static CK_RV feed(struct session *s, const unsigned char *data, CK_ULONG n)
{
	if (n && !data)
		return CKR_ARGUMENTS_BAD;
	if (buf_add(&s->input, bytes_make(data, n)) == ERR_OK)
		return CKR_OK;
	s->signing = 0;
	return CKR_DATA_LEN_RANGE;
}

static CK_RV sign_all(CK_SESSION_HANDLE handle, struct bytes data, unsigned char *out, CK_ULONG *n)
{
	struct session *s = session_find(handle);
	CK_RV rv;

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->signing)
		return CKR_OPERATION_NOT_INITIALIZED;
	/* What was asked the length of is given again. */
	buf_clear(&s->input);
	rv = feed(s, data.p, data.n);
	return rv == CKR_OK ? finish(s, out, n) : rv;
}

CK_RV C_Sign(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_n, unsigned char *out,
             CK_ULONG *n)
{
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	return module_leave(sign_all(handle, bytes_make(data, data_n), out, n));
}

CK_RV C_SignUpdate(CK_SESSION_HANDLE handle, unsigned char *part, CK_ULONG n)
{
	CK_RV rv = module_enter();
	struct session *s;

	if (rv != CKR_OK)
		return rv;
	s = session_find(handle);
	if (!s)
		return module_leave(CKR_SESSION_HANDLE_INVALID);
	return module_leave(s->signing ? feed(s, part, n) : CKR_OPERATION_NOT_INITIALIZED);
}

CK_RV C_SignFinal(CK_SESSION_HANDLE handle, unsigned char *out, CK_ULONG *n)
{
	CK_RV rv = module_enter();
	struct session *s;

	if (rv != CKR_OK)
		return rv;
	s = session_find(handle);
	if (!s)
		return module_leave(CKR_SESSION_HANDLE_INVALID);
	return module_leave(s->signing ? finish(s, out, n) : CKR_OPERATION_NOT_INITIALIZED);
}
