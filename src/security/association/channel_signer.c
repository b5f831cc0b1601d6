/* channel_signer.c: an EC key whose private half is with the keeper.
 *
 * KEYMGMT "EC": the public point, and who to ask; nothing can be exported.
 * SIGNATURE: one shot only, because the keeper must see the whole input of a
 * CertificateVerify or a ServerKeyExchange and judge its form [CM26]. */
#include "security/association/channel_inside.h"

#include "base/log.h"
#include "crypt/crypt.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define PARAM_SIGNER "holdfast-signer"

enum { BLANKS = 64 };

struct signer {
	struct keeper *keeper;
	char name[KEEPER_NAME_MAX + 1];
	uint32_t handle;
	bool asks; /* has a keeper behind it; false: a public key to compare with */
	uint8_t point[CRYPT_POINT];
};

static void *signer_new(void *provider)
{
	return mem_new(1, sizeof(struct signer));
}

static void signer_free(void *self)
{
	mem_free(self);
}

static int signer_has(const void *self, int selection)
{
	const struct signer *s = self;

	return s && (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || s->asks);
}

static int signer_match(const void *a, const void *b, int selection)
{
	const struct signer *one = a, *other = b;

	return bytes_equal(BYTES_OF(one->point), BYTES_OF(other->point));
}

/* The point of a public key that OpenSSL compares us with, or all of a signer. */
static int signer_import(void *self, int selection, const OSSL_PARAM params[])
{
	struct signer *s = self;
	const OSSL_PARAM *point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
	const OSSL_PARAM *whole = OSSL_PARAM_locate_const(params, PARAM_SIGNER);

	if (whole) {
		if (whole->data_type != OSSL_PARAM_OCTET_STRING || whole->data_size != sizeof(*s))
			return 0;
		bytes_copy(s, whole->data, sizeof(*s));
		return 1;
	}
	if (!point || point->data_type != OSSL_PARAM_OCTET_STRING || point->data_size != CRYPT_POINT)
		return 0;
	bytes_copy(s->point, point->data, CRYPT_POINT);
	return 1;
}

static const OSSL_PARAM *signer_import_types(int selection)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_octet_string(PARAM_SIGNER, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

static const OSSL_PARAM *signer_gettable(void *provider)
{
	static const OSSL_PARAM known[] = {
		OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
		OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_FIELD_TYPE, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
		OSSL_PARAM_END,
	};

	return known;
}

static const struct { const char *name; int value; } numbers[] = {
	{ OSSL_PKEY_PARAM_BITS, 256 },
	{ OSSL_PKEY_PARAM_SECURITY_BITS, 128 },
	{ OSSL_PKEY_PARAM_MAX_SIZE, CRYPT_SIGNATURE_MAX },
};

static const struct { const char *name, *value; } texts[] = {
	{ OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1" },
	{ OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256" },
	{ OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "uncompressed" },
	{ OSSL_PKEY_PARAM_EC_FIELD_TYPE, "prime-field" },
};

static int signer_get_params(void *self, OSSL_PARAM params[])
{
	struct signer *s = self;
	const char *points[] = { OSSL_PKEY_PARAM_PUB_KEY, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY };
	OSSL_PARAM *p;
	int ok = 1;

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		if ((p = OSSL_PARAM_locate(params, numbers[i].name)) != NULL)
			ok &= OSSL_PARAM_set_int(p, numbers[i].value);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if ((p = OSSL_PARAM_locate(params, texts[i].name)) != NULL)
			ok &= OSSL_PARAM_set_utf8_string(p, texts[i].value);
	for (size_t i = 0; i < COUNT_OF(points); i++)
		if ((p = OSSL_PARAM_locate(params, points[i])) != NULL)
			ok &= OSSL_PARAM_set_octet_string(p, s->point, CRYPT_POINT);
	return ok;
}

static const char *signer_operation_name(int operation)
{
	return operation == OSSL_OP_SIGNATURE ? "HOLDFAST-ECDSA" : NULL;
}

const OSSL_DISPATCH channel_signer_keymgmt[] = {
	{ OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))signer_new },
	{ OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))signer_free },
	{ OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))signer_has },
	{ OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))signer_match },
	{ OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))signer_import },
	{ OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))signer_import_types },
	{ OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))signer_get_params },
	{ OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))signer_gettable },
	{ OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, (void (*)(void))signer_operation_name },
	{ 0, NULL },
};

/* --- signing ---------------------------------------------------------------- */

/* A signature in the making: which key. Owns nothing of it. */
struct signing {
	struct signer *signer;
};

static void *signing_new(void *provider, const char *properties)
{
	return mem_new(1, sizeof(struct signing));
}

static void signing_free(void *self)
{
	mem_free(self);
}

static void *signing_dup(void *self)
{
	struct signing *copy = mem_new(1, sizeof(*copy));

	if (copy)
		*copy = *(struct signing *)self;
	return copy;
}

static int signing_init(void *self, const char *digest, void *key, const OSSL_PARAM params[])
{
	struct signing *s = self;

	/* TLS names SHA-256 in more than one way; the keeper uses no other. */
	if (key)
		s->signer = key;
	return s->signer && s->signer->asks;
}

/* The form of the input says what the key is asked to promise; the keeper checks
 * that the input has that form. */
static enum sign_purpose purpose_of(struct bytes input)
{
	for (size_t i = 0; i < BLANKS; i++)
		if (i >= input.n || input.p[i] != ' ')
			return SIGN_TLS12_SERVER;
	return bytes_starts(bytes_sub(input, BLANKS, input.n), BYTES("TLS 1.3, client"))
	               ? SIGN_TLS13_CLIENT
	               : SIGN_TLS13_SERVER;
}

static err_t signer_open(struct signer *s)
{
	struct keeper_key key;
	err_t err;

	TRY(keeper_open_key(s->keeper, bytes_str(s->name), &key));
	if (key.class != KEY_EC_P256 || key.public_n != CRYPT_POINT)
		return ERR_TYPE;
	/* The certificate speaks of one key: another is a mistake of the keeper's. */
	if (s->asks && !bytes_equal(BYTES_OF(key.public_key), BYTES_OF(s->point)))
		return ERR_TAMPERED;
	bytes_copy(s->point, key.public_key, CRYPT_POINT);
	s->handle = key.handle;
out:
	return err;
}

static int signing_sign(void *self, unsigned char *out, size_t *n, size_t size,
                        const unsigned char *input, size_t input_n)
{
	struct signer *s = ((struct signing *)self)->signer;
	struct bytes in = bytes_make(input, input_n);
	struct buf signature = buf_make(CRYPT_SIGNATURE_MAX);
	err_t err;

	if (!out) {
		*n = CRYPT_SIGNATURE_MAX;
		return 1;
	}
	err = keeper_sign(s->keeper, s->handle, purpose_of(in), channel_current_tag(), in,
	                  &signature);
	if (err != ERR_OK) {
		/* A keeper that was restarted knows the handle no more. */
		buf_clear(&signature);
		TRY(signer_open(s));
		TRY(keeper_sign(s->keeper, s->handle, purpose_of(in), channel_current_tag(), in,
		                &signature));
	}
	TRY(bytes_put(out, size, bytes_of_buf(&signature)));
	*n = signature.n;
out:
	if (err != ERR_OK) {
		log_event(LOG_WARN, "keeper did not sign", "error=%s", err_name(err));
		channel_no_signature(err);
	}
	buf_free(&signature);
	return err == ERR_OK;
}

const OSSL_DISPATCH channel_signer_signature[] = {
	{ OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))signing_new },
	{ OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))signing_free },
	{ OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))signing_dup },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))signing_init },
	{ OSSL_FUNC_SIGNATURE_DIGEST_SIGN, (void (*)(void))signing_sign },
	{ 0, NULL },
};

err_t channel_signer_key(OSSL_LIB_CTX *lib, struct keeper *k, struct bytes name, EVP_PKEY **out)
{
	EVP_PKEY_CTX *ctx = NULL;
	struct signer s = { .keeper = k };
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(PARAM_SIGNER, &s, sizeof(s)),
		OSSL_PARAM_construct_end(),
	};
	err_t err;

	*out = NULL;
	TRY(bytes_put_str(s.name, sizeof(s.name), name));
	TRY(signer_open(&s));
	s.asks = true;
	ctx = EVP_PKEY_CTX_new_from_name(lib, "EC", "holdfast.signer=yes");
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, out, EVP_PKEY_KEYPAIR, params) != 1)
		err = ERR_CRYPTO;
out:
	EVP_PKEY_CTX_free(ctx);
	return err;
}
