/* curve.c: keys of P-256 and Ed25519, as raw points and scalars at the border.
 *
 * Every object is made by the default provider by name: the channel's own
 * provider, which asks the keeper, must never be picked for a key in process. */
#include "crypt/crypt.h"

#include "base/secret.h"
#include "crypt/fetched.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>

#define FROM_DEFAULT "provider=default"

void crypt_key_free(struct crypt_key *k)
{
	EVP_PKEY_free(k->pkey);
	k->pkey = NULL;
}

err_t crypt_p256_new(struct crypt_key *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", FROM_DEFAULT);
	err_t err = ERR_CRYPTO;

	out->pkey = NULL;
	if (ctx && EVP_PKEY_keygen_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1) == 1 &&
	    EVP_PKEY_generate(ctx, &out->pkey) == 1)
		err = ERR_OK;
	EVP_PKEY_CTX_free(ctx);
	return err;
}

/* A key from its parts; scalar may be NULL (public key). */
static err_t p256_make(const BIGNUM *scalar, const uint8_t point[CRYPT_POINT], EVP_PKEY **out)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", FROM_DEFAULT);
	int part = scalar ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
	OSSL_PARAM *params = NULL;
	err_t err = ERR_SYNTAX;

	*out = NULL;
	if (bld && ctx &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point, CRYPT_POINT) == 1 &&
	    (!scalar || OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, scalar) == 1) &&
	    (params = OSSL_PARAM_BLD_to_param(bld)) != NULL &&
	    EVP_PKEY_fromdata_init(ctx) == 1 &&
	    EVP_PKEY_fromdata(ctx, out, part, params) == 1)
		err = ERR_OK;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return err;
}

/* The uncompressed form only: what is compared elsewhere has one encoding. */
static err_t p256_public(const uint8_t point[CRYPT_POINT], EVP_PKEY **out)
{
	*out = NULL;
	return point[0] == POINT_CONVERSION_UNCOMPRESSED ? p256_make(NULL, point, out)
	                                                 : ERR_SYNTAX;
}

/* 0 < n < order of the curve. */
static bool p256_scalar_fits(const BIGNUM *n, const EC_GROUP *group)
{
	return !BN_is_zero(n) && BN_cmp(n, EC_GROUP_get0_order(group)) < 0;
}

err_t crypt_p256_from_scalar(const uint8_t scalar[CRYPT_SCALAR], struct crypt_key *out)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *at = group ? EC_POINT_new(group) : NULL;
	BIGNUM *n = BN_secure_new();
	uint8_t point[CRYPT_POINT];
	err_t err = ERR_CRYPTO;

	out->pkey = NULL;
	if (!at || !n || !BN_bin2bn(scalar, CRYPT_SCALAR, n))
		goto out;
	BN_set_flags(n, BN_FLG_CONSTTIME);
	if (!p256_scalar_fits(n, group)) {
		err = ERR_RANGE;
		goto out;
	}
	if (EC_POINT_mul(group, at, n, NULL, NULL, NULL) != 1 ||
	    EC_POINT_point2oct(group, at, POINT_CONVERSION_UNCOMPRESSED, point, CRYPT_POINT,
	                       NULL) != CRYPT_POINT)
		goto out;
	err = p256_make(n, point, &out->pkey);
out:
	BN_clear_free(n);
	EC_POINT_free(at);
	EC_GROUP_free(group);
	return err;
}

err_t crypt_p256_point(const struct crypt_key *k, uint8_t out[CRYPT_POINT])
{
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(k->pkey, OSSL_PKEY_PARAM_PUB_KEY, out, CRYPT_POINT,
	                                    &n) != 1 || n != CRYPT_POINT)
		return ERR_CRYPTO;
	return ERR_OK;
}

err_t crypt_p256_sign(const struct crypt_key *k, struct bytes message, struct buf *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = CRYPT_SIGNATURE_MAX;
	err_t err = ERR_OK;

	TRY(buf_reserve(out, n));
	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, "SHA256", NULL, FROM_DEFAULT, k->pkey,
	                                  NULL) != 1 ||
	    EVP_DigestSign(ctx, out->p + out->n, &n, message.p, message.n) != 1)
		err = ERR_CRYPTO;
	else
		out->n += n;
out:
	EVP_MD_CTX_free(ctx);
	return err;
}

static err_t verify(EVP_PKEY *key, const char *digest, struct bytes message,
                    struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	err_t err = ERR_CRYPTO;

	if (ctx && EVP_DigestVerifyInit_ex(ctx, NULL, digest, NULL, FROM_DEFAULT, key, NULL) == 1)
		err = EVP_DigestVerify(ctx, signature.p, signature.n, message.p, message.n) == 1
		          ? ERR_OK
		          : ERR_TAMPERED;
	EVP_MD_CTX_free(ctx);
	return err;
}

err_t crypt_p256_verify(const uint8_t point[CRYPT_POINT], struct bytes message,
                        struct bytes signature)
{
	static _Thread_local EVP_PKEY *key; /* making one takes a quarter of the time */
	err_t err;

	if (!key)
		TRY(p256_public(point, &key));
	else if (point[0] != POINT_CONVERSION_UNCOMPRESSED || EVP_PKEY_set1_encoded_public_key(key, point, CRYPT_POINT) != 1)
		return ERR_SYNTAX;
	err = verify(key, "SHA256", message, signature);
out:
	return err;
}

err_t crypt_p256_ecdh(const struct crypt_key *k, const uint8_t peer[CRYPT_POINT],
                      uint8_t out[32])
{
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *other = NULL;
	size_t n = 32;
	err_t err;

	TRY(p256_public(peer, &other));
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, FROM_DEFAULT);
	if (!ctx || EVP_PKEY_derive_init(ctx) != 1 || EVP_PKEY_derive_set_peer(ctx, other) != 1 ||
	    EVP_PKEY_derive(ctx, out, &n) != 1 || n != 32)
		err = ERR_CRYPTO;
out:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	return err;
}

err_t crypt_ed25519_from_seed(const uint8_t seed[32], struct crypt_key *out)
{
	out->pkey = EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", FROM_DEFAULT, seed, 32);
	return out->pkey ? ERR_OK : ERR_CRYPTO;
}

err_t crypt_ed25519_public(const struct crypt_key *k, uint8_t out[32])
{
	size_t n = 32;

	return EVP_PKEY_get_raw_public_key(k->pkey, out, &n) == 1 && n == 32 ? ERR_OK : ERR_CRYPTO;
}

err_t crypt_ed25519_sign(const struct crypt_key *k, struct bytes message, uint8_t out[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;
	err_t err = ERR_OK;

	if (!ctx || EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, FROM_DEFAULT, k->pkey, NULL) != 1 ||
	    EVP_DigestSign(ctx, out, &n, message.p, message.n) != 1 || n != 64)
		err = ERR_CRYPTO;
	EVP_MD_CTX_free(ctx);
	return err;
}

err_t crypt_ed25519_verify(const uint8_t public_key[32], struct bytes message,
                           struct bytes signature)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", FROM_DEFAULT, public_key, 32);
	err_t err = ERR_SYNTAX;

	if (key)
		TRY(verify(key, NULL, message, signature));
out:
	EVP_PKEY_free(key);
	return err;
}
