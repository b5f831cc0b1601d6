/* seal.c: AES-GCM by the keeper, keys that a wrapping key keeps, and random octets.
 *
 * The keeper chooses the nonce, and gives one octet string: version, nonce, ciphertext, tag.
 * A program that wants to choose nonces is refused: one used twice gives AES-GCM's own key
 * away. A wrapped key is an object of its session; what is here of it is what the keeper
 * sealed, and every use of it happens there. */
#include "pkcs11/module.h"

#include "base/secret.h"
#include "wire/token_calls.h"

enum { MORE = 4 + TOKEN_SEAL_MORE, ANSWER_MAX = TOKEN_MESSAGE_MAX + MORE, GCM_TAG_BITS = 128 };

/* The keeper's key behind an object, and what it wraps when it is a wrapped one. */
struct by {
	const struct key *key;
	struct bytes wrapped;
};

static CK_RV by_object(CK_OBJECT_HANDLE object, struct by *out)
{
	struct agreed *secret = object_secret(object);

	if (secret && !secret->by)
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	*out = (struct by){ .key = secret ? secret->by : object_key(object, 1u << OBJECT_SEALING) };
	if (secret)
		out->wrapped = bytes_make(secret->wrapped, secret->n);
	if (!out->key || out->key->gone)
		return object_exists(object) ? CKR_KEY_FUNCTION_NOT_PERMITTED : CKR_KEY_HANDLE_INVALID;
	return secret || out->key->purpose == SEAL_PROGRAM ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

static err_t ask(enum operation op, const struct by *by, struct bytes additional, struct bytes octets,
                 struct buf *out)
{
	struct buf fields = buf_make(2 * ANSWER_MAX);
	struct wire_out w = wire_out(&fields);
	err_t err;

	wire_put_bytes(&w, bytes_str(by->key->name));
	if (op != OP_PROGRAM_WRAP) {
		wire_put_bytes(&w, additional);
		wire_put_bytes(&w, octets);
	}
	if (by->wrapped.n)
		wire_put_bytes(&w, by->wrapped);
	TRY(w.err);
	err = door_ask(op, bytes_of_buf(&fields), out);
out:
	if (fields.p)
		secret_wipe(fields.p, fields.cap);
	buf_free(&fields);
	return err;
}

/* --- AES-GCM ------------------------------------------------------------------------ */

static CK_RV read_mechanism(const CK_MECHANISM *m, struct bytes *additional)
{
	const CK_GCM_PARAMS *p = m->pParameter;

	*additional = BYTES_NONE;
	if (m->mechanism != CKM_AES_GCM)
		return CKR_MECHANISM_INVALID;
	if (!p)
		return m->ulParameterLen ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
	if (m->ulParameterLen != sizeof(*p) || p->iv_len || (p->tag_bits && p->tag_bits != GCM_TAG_BITS))
		return CKR_MECHANISM_PARAM_INVALID;
	*additional = bytes_make(p->aad_ptr, p->aad_ptr ? p->aad_len : 0);
	return additional->n <= TOKEN_ADDITIONAL_MAX ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

static CK_RV begin(CK_SESSION_HANDLE handle, const CK_MECHANISM *m, CK_OBJECT_HANDLE object, bool open)
{
	struct session *s = session_find(handle);
	struct bytes additional;
	struct by by;
	CK_RV rv;

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!m)
		return CKR_ARGUMENTS_BAD;
	if (s->sealing)
		return CKR_OPERATION_ACTIVE;
	rv = by_object(object, &by);
	if (rv == CKR_OK)
		rv = read_mechanism(m, &additional);
	if (rv != CKR_OK)
		return rv;
	s->additional = s->additional.max ? s->additional : buf_make(TOKEN_ADDITIONAL_MAX);
	buf_clear(&s->additional);
	if (buf_add(&s->additional, additional) != ERR_OK)
		return CKR_HOST_MEMORY;
	s->sealing = object;
	s->opening = open;
	return CKR_OK;
}

static CK_RV carry_out(const struct session *s, struct bytes in, unsigned char *out, CK_ULONG *n)
{
	struct buf result = buf_make(ANSWER_MAX);
	struct by by;
	CK_RV rv = by_object(s->sealing, &by);
	err_t err;

	if (rv != CKR_OK)
		return rv;
	err = buf_reserve(&result, ANSWER_MAX);
	if (err == ERR_OK)
		err = ask(s->opening ? OP_PROGRAM_UNSEAL : OP_PROGRAM_SEAL, &by, bytes_of_buf(&s->additional), in, &result);
	rv = err == ERR_TAMPERED ? CKR_ENCRYPTED_DATA_INVALID : module_result(err);
	if (rv == CKR_OK && result.n > *n)
		rv = CKR_DEVICE_ERROR; /* more than it can be */
	if (rv == CKR_OK) {
		bytes_copy(out, result.p, result.n);
		*n = result.n;
	}
	if (result.p)
		secret_wipe(result.p, result.cap);
	buf_free(&result);
	return rv;
}

/* In one call; a question of length does not end it [Cryptoki 5.2]. */
static CK_RV do_it(CK_SESSION_HANDLE handle, bool open, struct bytes in, unsigned char *out, CK_ULONG *n)
{
	struct session *s = session_find(handle);
	CK_ULONG most = in.n + (open ? 0 : MORE);
	CK_RV rv;

	if (!s)
		return CKR_SESSION_HANDLE_INVALID;
	if (!s->sealing || s->opening != open)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!n || (in.n && !in.p)) {
		rv = CKR_ARGUMENTS_BAD;
	} else if (in.n > (open ? ANSWER_MAX : TOKEN_MESSAGE_MAX)) {
		rv = open ? CKR_ENCRYPTED_DATA_LEN_RANGE : CKR_DATA_LEN_RANGE;
	} else if (!out || *n < most) {
		*n = most;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	} else {
		rv = carry_out(s, in, out, n);
	}
	s->sealing = 0;
	buf_clear(&s->additional);
	return rv;
}

CK_RV C_EncryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE object)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(begin(handle, m, object, false)) : rv;
}

CK_RV C_Encrypt(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_n, unsigned char *out, CK_ULONG *n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(do_it(handle, false, bytes_make(data, data_n), out, n)) : rv;
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE object)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(begin(handle, m, object, true)) : rv;
}

CK_RV C_Decrypt(CK_SESSION_HANDLE handle, unsigned char *data, CK_ULONG data_n, unsigned char *out, CK_ULONG *n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(do_it(handle, true, bytes_make(data, data_n), out, n)) : rv;
}

/* --- wrapped keys --------------------------------------------------------------------- */

/* For the session, never read, never kept; the label, when there is one, is the wrapping key's. */
static CK_RV read_template(const CK_ATTRIBUTE *templ, CK_ULONG n, struct bytes *label)
{
	*label = BYTES_NONE;
	for (CK_ULONG i = 0; i < n; i++) {
		struct bytes v = bytes_make(templ[i].pValue, templ[i].pValue ? templ[i].ulValueLen : 0);
		bool yes = v.n == 1 && v.p[0];
		CK_ULONG number = 0;

		if (v.n == sizeof(number))
			bytes_copy(&number, v.p, sizeof(number));
		if ((templ[i].type == CKA_CLASS && number != CKO_SECRET_KEY) ||
		    (templ[i].type == CKA_KEY_TYPE && number != CKK_AES) || (templ[i].type == CKA_TOKEN && yes) ||
		    (templ[i].type == CKA_SENSITIVE && !yes))
			return CKR_TEMPLATE_INCONSISTENT;
		if (templ[i].type == CKA_VALUE_LEN && number != AGREED)
			return CKR_ATTRIBUTE_VALUE_INVALID;
		if (templ[i].type == CKA_VALUE)
			return CKR_ATTRIBUTE_READ_ONLY;
		if (templ[i].type == CKA_LABEL)
			*label = v;
	}
	return CKR_OK;
}

static const struct key *find_wrapping(struct bytes label)
{
	for (size_t i = 0; i < module.keys_n; i++) {
		const struct key *k = module.keys[i];

		if (!k->gone && k->purpose == WRAP_PROGRAM && (!label.n || bytes_equal(k->label, label)))
			return k;
	}
	return NULL;
}

static CK_RV keep(CK_SESSION_HANDLE session, const struct key *by, struct bytes wrapped, CK_OBJECT_HANDLE *out)
{
	struct agreed *place = NULL;
	size_t i;

	for (i = 0; i < SECRETS_MAX && !place; i++)
		place = module.secrets[i].session ? NULL : &module.secrets[i];
	if (!place)
		return CKR_DEVICE_MEMORY;
	if (bytes_put(place->wrapped, sizeof(place->wrapped), wrapped) != ERR_OK)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	place->n = wrapped.n;
	place->by = by;
	place->session = session;
	*out = object_handle(i - 1, OBJECT_SECRET);
	return CKR_OK;
}

static CK_RV generate(CK_SESSION_HANDLE handle, const CK_MECHANISM *m, const CK_ATTRIBUTE *templ, CK_ULONG n,
                      CK_OBJECT_HANDLE *out)
{
	struct buf wrapped = buf_make(ANSWER_MAX);
	struct by by = { .key = NULL };
	struct bytes label;
	CK_RV rv;

	if (!session_find(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!m || !out || (n && !templ))
		return CKR_ARGUMENTS_BAD;
	if (m->mechanism != CKM_AES_KEY_GEN)
		return CKR_MECHANISM_INVALID;
	rv = read_template(templ, n, &label);
	if (rv != CKR_OK)
		return rv;
	rv = module_result(objects_refresh());
	by.key = find_wrapping(label);
	if (rv == CKR_OK && !by.key)
		rv = CKR_ACTION_PROHIBITED; /* keys that stay are made by administrators */
	if (rv == CKR_OK)
		rv = module_result(ask(OP_PROGRAM_WRAP, &by, BYTES_NONE, BYTES_NONE, &wrapped));
	if (rv == CKR_OK)
		rv = keep(handle, by.key, bytes_of_buf(&wrapped), out);
	buf_free(&wrapped);
	return rv;
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_ATTRIBUTE *templ, CK_ULONG n,
                    CK_OBJECT_HANDLE *out)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(generate(handle, m, templ, n, out)) : rv;
}

static CK_RV wrapping_key(CK_SESSION_HANDLE handle, const CK_MECHANISM *m, CK_OBJECT_HANDLE object,
                          const struct key **out)
{
	struct bytes additional;
	CK_RV rv;

	if (!session_find(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (!m)
		return CKR_ARGUMENTS_BAD;
	rv = read_mechanism(m, &additional);
	if (rv != CKR_OK || additional.n)
		return rv != CKR_OK ? rv : CKR_MECHANISM_PARAM_INVALID;
	*out = object_key(object, 1u << OBJECT_SEALING);
	if (!*out)
		return CKR_WRAPPING_KEY_HANDLE_INVALID;
	return (*out)->purpose == WRAP_PROGRAM ? CKR_OK : CKR_KEY_FUNCTION_NOT_PERMITTED;
}

/* What the keeper gave for it; nothing else is ever wrapped. */
static CK_RV wrap(const struct key *by, CK_OBJECT_HANDLE object, unsigned char *out, CK_ULONG *n)
{
	const struct agreed *secret = object_secret(object);
	CK_ULONG room = n ? *n : 0;

	if (!secret || !secret->by)
		return object_exists(object) ? CKR_KEY_UNEXTRACTABLE : CKR_KEY_HANDLE_INVALID;
	if (secret->by != by)
		return CKR_KEY_NOT_WRAPPABLE;
	if (!n)
		return CKR_ARGUMENTS_BAD;
	*n = secret->n;
	if (!out)
		return CKR_OK;
	if (room < secret->n)
		return CKR_BUFFER_TOO_SMALL;
	bytes_copy(out, secret->wrapped, secret->n);
	return CKR_OK;
}

CK_RV C_WrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, CK_OBJECT_HANDLE object,
                unsigned char *out, CK_ULONG *n)
{
	const struct key *by;
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	rv = wrapping_key(handle, m, wrapping, &by);
	return module_leave(rv == CKR_OK ? wrap(by, object, out, n) : rv);
}

/* Whether it is one is tried by sealing nothing with it. */
static CK_RV unwrap(CK_SESSION_HANDLE handle, const struct key *key, struct bytes wrapped, CK_OBJECT_HANDLE *out)
{
	struct buf nothing = buf_make(ANSWER_MAX);
	const struct by by = { .key = key, .wrapped = wrapped };
	err_t err;

	if (!out || !wrapped.p)
		return CKR_ARGUMENTS_BAD;
	if (wrapped.n == 0 || wrapped.n > PROGRAM_WRAPPED_MAX)
		return CKR_WRAPPED_KEY_LEN_RANGE;
	err = ask(OP_PROGRAM_SEAL, &by, BYTES_NONE, BYTES_NONE, &nothing);
	buf_free(&nothing);
	if (err != ERR_OK)
		return err == ERR_TAMPERED ? CKR_WRAPPED_KEY_INVALID : module_result(err);
	return keep(handle, key, wrapped, out);
}

CK_RV C_UnwrapKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_OBJECT_HANDLE wrapping, unsigned char *wrapped,
                  CK_ULONG wrapped_n, CK_ATTRIBUTE *templ, CK_ULONG n, CK_OBJECT_HANDLE *out)
{
	const struct key *by;
	struct bytes label;
	CK_RV rv = module_enter();

	if (rv != CKR_OK)
		return rv;
	rv = wrapping_key(handle, m, wrapping, &by);
	if (rv == CKR_OK && n && !templ)
		rv = CKR_ARGUMENTS_BAD;
	if (rv == CKR_OK)
		rv = read_template(templ, n, &label);
	return module_leave(rv == CKR_OK ? unwrap(handle, by, bytes_make(wrapped, wrapped_n), out) : rv);
}

/* --- random -------------------------------------------------------------------------- */

static err_t random_part(unsigned char *out, CK_ULONG n)
{
	struct buf result = buf_make(PROGRAM_RANDOM_MAX);
	uint8_t field[2];
	err_t err;

	put_be16(field, (uint16_t)n);
	TRY(buf_reserve(&result, PROGRAM_RANDOM_MAX));
	TRY(door_ask(OP_PROGRAM_RANDOM, BYTES_OF(field), &result));
	err = result.n == n ? bytes_put(out, n, bytes_of_buf(&result)) : ERR_SYNTAX;
out:
	if (result.p)
		secret_wipe(result.p, result.cap);
	buf_free(&result);
	return err;
}

static CK_RV random_octets(CK_SESSION_HANDLE handle, unsigned char *out, CK_ULONG n)
{
	err_t err = ERR_OK;

	if (!session_find(handle))
		return CKR_SESSION_HANDLE_INVALID;
	if (n && !out)
		return CKR_ARGUMENTS_BAD;
	for (CK_ULONG at = 0; at < n && err == ERR_OK; at += PROGRAM_RANDOM_MAX)
		err = random_part(out + at, n - at < PROGRAM_RANDOM_MAX ? n - at : PROGRAM_RANDOM_MAX);
	return module_result(err);
}

CK_RV C_GenerateRandom(CK_SESSION_HANDLE handle, unsigned char *out, CK_ULONG n)
{
	CK_RV rv = module_enter();

	return rv == CKR_OK ? module_leave(random_octets(handle, out, n)) : rv;
}
