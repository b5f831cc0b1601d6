/* attributes.c: what may be seen of an object, a row each [Cryptoki 2.40, 4].
 *
 * Of a private key only what the keeper says of it: nothing secret is here, and
 * asking for it gets CKR_ATTRIBUTE_SENSITIVE. */
#include "pkcs11/module.h"

#define PRIVATE (1u << OBJECT_PRIVATE)
#define PUBLIC (1u << OBJECT_PUBLIC)
#define CERTIFICATE (1u << OBJECT_CERTIFICATE)
#define SECRET (1u << OBJECT_SECRET)
#define SEALING (1u << OBJECT_SEALING)
#define KEYS (PRIVATE | PUBLIC)
#define SYMMETRIC (SECRET | SEALING)

/* What a getter looks at. */
struct view {
	enum object_kind kind;
	const struct key *key;       /* NULL: a secret */
	const struct agreed *secret;
	struct certificate parts;
};

static err_t put_flag(struct buf *out, bool yes)
{
	return buf_add_byte(out, yes ? CK_TRUE : CK_FALSE);
}

static err_t put_number(struct buf *out, CK_ULONG n)
{
	return buf_add(out, BYTES_OF(&n));
}

static err_t get_yes(const struct view *v, struct buf *out)
{
	return put_flag(out, true);
}

static err_t get_no(const struct view *v, struct buf *out)
{
	return put_flag(out, false);
}

static err_t get_empty(const struct view *v, struct buf *out)
{
	return ERR_OK;
}

static err_t get_class(const struct view *v, struct buf *out)
{
	static const CK_ULONG classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY, CKO_CERTIFICATE,
		                            CKO_SECRET_KEY, CKO_SECRET_KEY };

	return put_number(out, classes[v->kind]);
}

static err_t get_token(const struct view *v, struct buf *out)
{
	return put_flag(out, v->key != NULL);
}

static err_t get_label(const struct view *v, struct buf *out)
{
	return v->key ? buf_add(out, v->key->label) : ERR_OK;
}

static err_t get_key_type(const struct view *v, struct buf *out)
{
	if (!v->key)
		return put_number(out, v->secret->by ? CKK_AES : CKK_GENERIC_SECRET);
	if (v->kind == OBJECT_SEALING)
		return put_number(out, CKK_AES);
	return put_number(out, v->key->class == KEY_ED25519 ? CKK_EC_EDWARDS : CKK_EC);
}

static err_t get_origin(const struct view *v, struct buf *out)
{
	if (v->kind == OBJECT_SEALING)
		return put_number(out, CKM_AES_KEY_GEN);
	return put_number(out, v->key->class == KEY_ED25519 ? CKM_EC_EDWARDS_KEY_PAIR_GEN
	                                                    : CKM_EC_KEY_PAIR_GEN);
}

static err_t get_sign(const struct view *v, struct buf *out)
{
	return put_flag(out, v->key->purpose != AGREE_PROGRAM);
}

static err_t get_derive(const struct view *v, struct buf *out)
{
	return put_flag(out, v->key->purpose == AGREE_PROGRAM);
}

static err_t get_mechanisms(const struct view *v, struct buf *out)
{
	static const CK_ULONG of[] = { [SIGN_PROGRAM] = CKM_ECDSA_SHA256,
		                       [SIGN_PROGRAM_DIGEST] = CKM_ECDSA,
		                       [AGREE_PROGRAM] = CKM_ECDH1_DERIVE,
		                       [SEAL_PROGRAM] = CKM_AES_GCM, [WRAP_PROGRAM] = CKM_AES_GCM };

	return put_number(out, v->key->class == KEY_ED25519 ? CKM_EDDSA : of[v->key->purpose]);
}

/* The object identifier of the curve. */
static err_t get_curve(const struct view *v, struct buf *out)
{
	return buf_add(out, v->key->class == KEY_ED25519
	                            ? BYTES("\x06\x03\x2b\x65\x70")
	                            : BYTES("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"));
}

/* An OCTET STRING of the point. */
static err_t get_point(const struct view *v, struct buf *out)
{
	err_t err;

	TRY(buf_add_byte(out, 0x04));
	TRY(buf_add_byte(out, (uint8_t)v->key->public_n));
	err = buf_add(out, bytes_make(v->key->public_key, v->key->public_n));
out:
	return err;
}

static err_t get_certificate(const struct view *v, struct buf *out)
{
	return buf_add(out, bytes_of_buf(&v->key->certificate));
}

static err_t get_certificate_type(const struct view *v, struct buf *out)
{
	return put_number(out, CKC_X_509);
}

static err_t get_subject(const struct view *v, struct buf *out)
{
	return buf_add(out, v->parts.subject);
}

static err_t get_issuer(const struct view *v, struct buf *out)
{
	return buf_add(out, v->parts.issuer);
}

static err_t get_serial(const struct view *v, struct buf *out)
{
	return buf_add(out, v->parts.serial);
}

static err_t get_hidden(const struct view *v, struct buf *out)
{
	return put_flag(out, !v->secret->readable);
}

/* Of a private key there is nothing to give; an agreed value is the program's. */
static err_t get_value(const struct view *v, struct buf *out)
{
	if (!v->secret || !v->secret->readable || v->secret->by)
		return ERR_REFUSED;
	return buf_add(out, bytes_make(v->secret->value, v->secret->n));
}

static err_t get_value_length(const struct view *v, struct buf *out)
{
	return put_number(out, v->secret && !v->secret->by ? v->secret->n : AGREED);
}

/* A key for sealing, or a wrapped one. */
static err_t get_seals(const struct view *v, struct buf *out)
{
	return put_flag(out, v->secret ? v->secret->by != NULL : v->key->purpose == SEAL_PROGRAM);
}

static err_t get_wraps(const struct view *v, struct buf *out)
{
	return put_flag(out, v->key->purpose == WRAP_PROGRAM);
}

/* Of a wrapped key its octets may be asked for, under the key that keeps it. */
static err_t get_extractable(const struct view *v, struct buf *out)
{
	return put_flag(out, v->secret->readable || v->secret->by);
}

static const struct {
	CK_ATTRIBUTE_TYPE type;
	unsigned kinds;
	err_t (*get)(const struct view *v, struct buf *out);
} rows[] = {
	{ CKA_CLASS, KEYS | CERTIFICATE | SYMMETRIC, get_class },
	{ CKA_TOKEN, KEYS | CERTIFICATE | SYMMETRIC, get_token },
	{ CKA_PRIVATE, KEYS | CERTIFICATE | SYMMETRIC, get_no }, /* no login: the kernel knows who asks */
	{ CKA_MODIFIABLE, KEYS | CERTIFICATE | SYMMETRIC, get_no },
	{ CKA_COPYABLE, KEYS | CERTIFICATE | SYMMETRIC, get_no },
	{ CKA_DESTROYABLE, KEYS | CERTIFICATE | SEALING, get_no },
	{ CKA_DESTROYABLE, SECRET, get_yes },
	{ CKA_LABEL, KEYS | CERTIFICATE | SYMMETRIC, get_label },
	{ CKA_ID, KEYS | CERTIFICATE | SYMMETRIC, get_label },
	{ CKA_KEY_TYPE, KEYS | SYMMETRIC, get_key_type },
	{ CKA_START_DATE, KEYS | CERTIFICATE | SYMMETRIC, get_empty },
	{ CKA_END_DATE, KEYS | CERTIFICATE | SYMMETRIC, get_empty },
	{ CKA_LOCAL, KEYS | SEALING, get_yes },
	{ CKA_LOCAL, SECRET, get_no },
	{ CKA_KEY_GEN_MECHANISM, KEYS | SEALING, get_origin },
	{ CKA_ALLOWED_MECHANISMS, PRIVATE | SEALING, get_mechanisms },
	{ CKA_EC_PARAMS, KEYS, get_curve },
	{ CKA_EC_POINT, PUBLIC, get_point },
	{ CKA_SUBJECT, KEYS, get_empty },
	{ CKA_SIGN, PRIVATE, get_sign },
	{ CKA_DERIVE, PRIVATE, get_derive },
	{ CKA_DERIVE, PUBLIC | SYMMETRIC, get_no },
	{ CKA_SENSITIVE, PRIVATE | SEALING, get_yes },
	{ CKA_ALWAYS_SENSITIVE, PRIVATE | SEALING, get_yes },
	{ CKA_EXTRACTABLE, PRIVATE | SEALING, get_no },
	{ CKA_NEVER_EXTRACTABLE, PRIVATE | SEALING, get_yes },
	{ CKA_SENSITIVE, SECRET, get_hidden },
	{ CKA_ALWAYS_SENSITIVE, SECRET, get_no },
	{ CKA_EXTRACTABLE, SECRET, get_extractable },
	{ CKA_NEVER_EXTRACTABLE, SECRET, get_no },
	{ CKA_SIGN, SYMMETRIC, get_no },
	{ CKA_SIGN_RECOVER, PRIVATE, get_no },
	{ CKA_DECRYPT, PRIVATE, get_no },
	{ CKA_DECRYPT, SYMMETRIC, get_seals },
	{ CKA_ENCRYPT, PUBLIC, get_no },
	{ CKA_ENCRYPT, SYMMETRIC, get_seals },
	{ CKA_VERIFY, PUBLIC | SYMMETRIC, get_no },
	{ CKA_VERIFY_RECOVER, PUBLIC, get_no },
	{ CKA_WRAP, PUBLIC | SECRET, get_no },
	{ CKA_WRAP, SEALING, get_wraps },
	{ CKA_UNWRAP, PRIVATE | SECRET, get_no },
	{ CKA_UNWRAP, SEALING, get_wraps },
	{ CKA_WRAP_WITH_TRUSTED, PRIVATE | SYMMETRIC, get_no },
	{ CKA_ALWAYS_AUTHENTICATE, PRIVATE, get_no },
	{ CKA_TRUSTED, PUBLIC | CERTIFICATE, get_no },
	{ CKA_CERTIFICATE_TYPE, CERTIFICATE, get_certificate_type },
	{ CKA_CERTIFICATE_CATEGORY, CERTIFICATE, get_certificate_type }, /* 0: unspecified */
	{ CKA_VALUE, CERTIFICATE, get_certificate },
	{ CKA_SUBJECT, CERTIFICATE, get_subject },
	{ CKA_ISSUER, CERTIFICATE, get_issuer },
	{ CKA_SERIAL_NUMBER, CERTIFICATE, get_serial },
	{ CKA_VALUE, PRIVATE | SYMMETRIC, get_value },
	{ CKA_VALUE_LEN, SYMMETRIC, get_value_length },
};

CK_RV attribute_get(CK_OBJECT_HANDLE handle, CK_ATTRIBUTE_TYPE type, struct buf *out)
{
	struct view v = { .kind = (enum object_kind)(handle & 7), .key = object_key(handle, OBJECT_OF_KEY),
		          .secret = object_secret(handle) };
	err_t err;

	if (!v.key && !v.secret)
		return CKR_OBJECT_HANDLE_INVALID;
	if (v.kind == OBJECT_CERTIFICATE &&
	    (!v.key || certificate_read(bytes_of_buf(&v.key->certificate), &v.parts) != ERR_OK))
		return CKR_DEVICE_ERROR;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].type != type || !(rows[i].kinds & 1u << v.kind))
			continue;
		err = rows[i].get(&v, out);
		return err == ERR_OK ? CKR_OK : err == ERR_REFUSED ? CKR_ATTRIBUTE_SENSITIVE : CKR_HOST_MEMORY;
	}
	return CKR_ATTRIBUTE_TYPE_INVALID;
}
