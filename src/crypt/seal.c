/* seal.c: octets for one reader. */
#include "crypt/seal.h"

#include "base/secret.h"

static const uint8_t no_nonce[CRYPT_AEAD_NONCE];

static err_t agree(const struct crypt_key *own, const uint8_t peer[CRYPT_POINT], struct bytes label,
                   struct bytes points, struct crypt_aead *out)
{
	uint8_t x[32], key[32], info[SEAL_LABEL_MAX + 1 + 2 * CRYPT_POINT];
	err_t err;

	must(label.n <= SEAL_LABEL_MAX && points.n == 2 * CRYPT_POINT);
	TRY(crypt_p256_ecdh(own, peer, x));
	bytes_copy(info, label.p, label.n);
	info[label.n] = 0;
	bytes_copy(info + label.n + 1, points.p, points.n);
	crypt_hkdf_sha256(BYTES_NONE, BYTES_OF(x), bytes_make(info, label.n + 1 + points.n), key, 32);
	TRY(crypt_aead_init(out, key));
out:
	secret_wipe(x, sizeof(x));
	secret_wipe(key, sizeof(key));
	return err;
}

err_t seal_to(const uint8_t point[CRYPT_POINT], struct bytes label, struct bytes plain,
              struct buf *out)
{
	struct crypt_key ephemeral = { 0 };
	struct crypt_aead aead = { 0 };
	uint8_t points[2 * CRYPT_POINT];
	err_t err;

	TRY(crypt_p256_new(&ephemeral));
	TRY(crypt_p256_point(&ephemeral, points));
	bytes_copy(points + CRYPT_POINT, point, CRYPT_POINT);
	TRY(agree(&ephemeral, point, label, BYTES_OF(points), &aead));
	TRY(buf_reserve(out, plain.n + SEAL_MORE));
	TRY(buf_add(out, bytes_make(points, CRYPT_POINT)));
	TRY(crypt_aead_seal(&aead, no_nonce, label, plain, out->p + out->n));
	out->n += plain.n + CRYPT_AEAD_TAG;
out:
	crypt_aead_free(&aead);
	crypt_key_free(&ephemeral);
	return err;
}

err_t seal_open(const struct crypt_key *key, struct bytes label, struct bytes sealed, uint8_t *out)
{
	struct crypt_aead aead = { 0 };
	uint8_t points[2 * CRYPT_POINT];
	err_t err;

	if (sealed.n < SEAL_MORE)
		return ERR_TAMPERED;
	bytes_copy(points, sealed.p, CRYPT_POINT);
	TRY(crypt_p256_point(key, points + CRYPT_POINT));
	TRY(agree(key, points, label, BYTES_OF(points), &aead));
	TRY(crypt_aead_open(&aead, no_nonce, label, bytes_sub(sealed, CRYPT_POINT, sealed.n), out));
out:
	crypt_aead_free(&aead);
	return err == ERR_SYNTAX ? ERR_TAMPERED : err;
}
