/* credential.c: a secret sealed to the endorsement key of a TPM and to the name of
 * another key in it. */
#include "cli/evidence.h"

#include "base/secret.h"
#include "crypt/crypt.h"
#include "wire/tpm_area.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

enum { SEED = 32, NAME = 34, COORDINATE = 32, SEALED_MAX = 512, AES_KEY = 16, HASH = 32 };

err_t credential_key(struct bytes reference, uint8_t name[NAME], uint8_t point[65])
{
	struct tpm_area area;

	if (tpm_area_read(reference, &area) != ERR_OK || !area.answers)
		return ERR_REFUSED;
	bytes_copy(point, area.point, sizeof(area.point));
	put_be16(name, 0x000b);
	crypt_sha256(area.shown, name + 2);
	return ERR_OK;
}

/* KDFa with SHA-256, at most one block. */
static err_t kdfa(struct bytes key, const char *label, struct bytes context, uint8_t *out, size_t n)
{
	struct buf text = buf_make(128);
	struct wire_out w = wire_out(&text);
	uint8_t hash[HASH];
	err_t err;

	wire_put_u32(&w, 1);
	wire_put_fixed(&w, bytes_str(label));
	wire_put_u8(&w, 0);
	wire_put_fixed(&w, context);
	wire_put_u32(&w, (uint32_t)(8 * n));
	TRY(w.err);
	crypt_hmac_sha256(key, bytes_of_buf(&text), hash);
	bytes_copy(out, hash, n);
out:
	buf_free(&text);
	secret_wipe(hash, sizeof(hash));
	return err;
}

static err_t aes_cfb(const uint8_t key[AES_KEY], struct bytes plain, uint8_t *out)
{
	static const uint8_t zero[AES_KEY];
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;
	bool done = c && EVP_EncryptInit_ex2(c, EVP_aes_128_cfb128(), key, zero, NULL) == 1 &&
	            EVP_EncryptUpdate(c, out, &n, plain.p, (int)plain.n) == 1 && (size_t)n == plain.n;

	EVP_CIPHER_CTX_free(c);
	return done ? ERR_OK : ERR_CRYPTO;
}

static err_t seal_seed(EVP_PKEY *to, const uint8_t seed[SEED], struct buf *out)
{
	static const char label[] = "IDENTITY"; /* with its zero */
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, to, NULL);
	unsigned char *copy = OPENSSL_memdup(label, sizeof(label));
	size_t n = SEALED_MAX;
	err_t err;

	TRY(buf_reserve(out, SEALED_MAX));
	err = ERR_CRYPTO;
	if (!c || !copy || EVP_PKEY_encrypt_init(c) != 1 || EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha256()) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha256()) != 1 ||
	    EVP_PKEY_CTX_set0_rsa_oaep_label(c, copy, sizeof(label)) != 1)
		goto out;
	copy = NULL;
	if (EVP_PKEY_encrypt(c, out->p, &n, seed, SEED) == 1) {
		out->n = n;
		err = ERR_OK;
	}
out:
	OPENSSL_free(copy);
	EVP_PKEY_CTX_free(c);
	ERR_clear_error();
	return err;
}

/* The secret that both ends make of an ephemeral key: KDFe with SHA-256 [TPM 2.0 part 1,
 * C.6.3]; out: the ephemeral point as the TPM reads it. */
static err_t agree_seed(EVP_PKEY *to, uint8_t seed[SEED], struct buf *out)
{
	uint8_t theirs[CRYPT_POINT], mine[CRYPT_POINT], z[COORDINATE];
	struct buf text = buf_make(256);
	struct crypt_key own = { 0 };
	struct wire_out w = wire_out(&text), point = wire_out(out);
	size_t n = 0;
	err_t err;

	if (EVP_PKEY_get_octet_string_param(to, OSSL_PKEY_PARAM_PUB_KEY, theirs, sizeof(theirs), &n) != 1 ||
	    n != sizeof(theirs) || theirs[0] != 4)
		return ERR_UNSUPPORTED;
	TRY(crypt_p256_new(&own));
	TRY(crypt_p256_point(&own, mine));
	TRY(crypt_p256_ecdh(&own, theirs, z));
	wire_put_u32(&w, 1);
	wire_put_fixed(&w, BYTES_OF(z));
	wire_put_fixed(&w, BYTES("IDENTITY\0"));
	wire_put_fixed(&w, bytes_make(mine + 1, COORDINATE));
	wire_put_fixed(&w, bytes_make(theirs + 1, COORDINATE));
	TRY(w.err);
	crypt_sha256(bytes_of_buf(&text), seed);
	for (size_t i = 0; i < 2; i++) {
		wire_put_u16(&point, COORDINATE);
		wire_put_fixed(&point, bytes_make(mine + 1 + i * COORDINATE, COORDINATE));
	}
	err = point.err;
out:
	secret_wipe(z, sizeof(z));
	if (text.p)
		secret_wipe(text.p, text.n);
	buf_free(&text);
	crypt_key_free(&own);
	return err;
}

err_t credential_make(EVP_PKEY *endorsement, const uint8_t name[NAME], struct credential *out)
{
	uint8_t seed[SEED], key[AES_KEY], mac_key[HASH], mac[HASH], plain[2 + 32], identity[2 + 32];
	struct bytes named = bytes_make(name, NAME);
	struct wire_out w = wire_out(&out->sealed);
	err_t err;

	*out = (struct credential){ .sealed = buf_make(SEALED_MAX), .seed = buf_make(SEALED_MAX) };
	if (!EVP_PKEY_is_a(endorsement, "EC") && (!EVP_PKEY_is_a(endorsement, "RSA") || EVP_PKEY_get_bits(endorsement) != 2048))
		return ERR_UNSUPPORTED;
	crypt_random(seed, sizeof(seed));
	if (EVP_PKEY_is_a(endorsement, "EC"))
		TRY(agree_seed(endorsement, seed, &out->seed));
	else
		TRY(seal_seed(endorsement, seed, &out->seed));
	crypt_random(out->secret, sizeof(out->secret));
	put_be16(plain, sizeof(out->secret));
	bytes_copy(plain + 2, out->secret, sizeof(out->secret));
	TRY(kdfa(BYTES_OF(seed), "STORAGE", named, key, sizeof(key)));
	TRY(kdfa(BYTES_OF(seed), "INTEGRITY", BYTES_NONE, mac_key, sizeof(mac_key)));
	TRY(aes_cfb(key, BYTES_OF(plain), identity));
	TRY(buf_add(&out->sealed, BYTES_OF(identity)));
	TRY(buf_add(&out->sealed, named));
	crypt_hmac_sha256(BYTES_OF(mac_key), bytes_of_buf(&out->sealed), mac);
	buf_clear(&out->sealed);
	wire_put_u16(&w, HASH);
	wire_put_fixed(&w, BYTES_OF(mac));
	wire_put_fixed(&w, BYTES_OF(identity));
	err = w.err;
out:
	secret_wipe(seed, sizeof(seed));
	secret_wipe(key, sizeof(key));
	secret_wipe(mac_key, sizeof(mac_key));
	secret_wipe(plain, sizeof(plain));
	return err;
}

void credential_end(struct credential *c)
{
	secret_wipe(c->secret, sizeof(c->secret));
	buf_free(&c->sealed);
	buf_free(&c->seed);
}
