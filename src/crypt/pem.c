/* pem.c: keys and certificates in the armour that people keep in files.
 *
 * Only P-256 keys and only PEM without a password: what protects a key file is
 * its owner's business, what protects a node's key is the keeper. */
#include "crypt/crypt.h"

#include "base/secret.h"

#include <openssl/bio.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

enum { PEM_MAX = 65536 };

/* Never ask a person on the terminal. */
static int no_password(char *out, int size, int writing, void *self)
{
	return -1;
}

static BIO *bio_of(struct bytes b)
{
	return b.n > 0 && b.n <= PEM_MAX ? BIO_new_mem_buf(b.p, (int)b.n) : NULL;
}

err_t crypt_p256_from_pem(struct bytes pem, struct crypt_key *out)
{
	BIO *bio = bio_of(pem);
	char group[32] = "";
	err_t err = ERR_SYNTAX;

	out->pkey = bio ? PEM_read_bio_PrivateKey_ex(bio, NULL, no_password, NULL, NULL,
	                                             "provider=default")
	                : NULL;
	BIO_free(bio);
	if (out->pkey) {
		size_t n = 0;

		err = ERR_OK;
		if (!EVP_PKEY_is_a(out->pkey, "EC") ||
		    EVP_PKEY_get_group_name(out->pkey, group, sizeof(group), &n) != 1 ||
		    !bytes_equal(bytes_str(group), BYTES("prime256v1"))) {
			crypt_key_free(out);
			err = ERR_TYPE;
		}
	}
	ERR_clear_error();
	return err;
}

/* What a memory BIO holds, appended; the BIO's copy is wiped. */
static err_t take(BIO *bio, struct buf *out)
{
	char *p = NULL;
	long n = BIO_get_mem_data(bio, &p);
	err_t err;

	if (n <= 0)
		return ERR_CRYPTO;
	err = buf_add(out, bytes_make(p, (size_t)n));
	secret_wipe(p, (size_t)n);
	return err;
}

err_t crypt_p256_to_pem(const struct crypt_key *k, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	err_t err = ERR_CRYPTO;

	if (bio && PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) == 1)
		err = take(bio, out);
	BIO_free(bio);
	return err;
}

err_t crypt_certificate_pem(struct bytes der, struct buf *out)
{
	const unsigned char *at = der.p;
	X509 *x = der.n <= PEM_MAX ? d2i_X509(NULL, &at, (long)der.n) : NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	err_t err = ERR_SYNTAX;

	if (x && bio && at == der.p + der.n && PEM_write_bio_X509(bio, x) == 1)
		err = take(bio, out);
	BIO_free(bio);
	X509_free(x);
	ERR_clear_error();
	return err;
}

err_t crypt_certificate_der(struct bytes pem, struct buf *out)
{
	BIO *bio = bio_of(pem);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, no_password, NULL) : NULL;
	unsigned char *der = NULL;
	int n = x ? i2d_X509(x, &der) : -1;
	err_t err = n > 0 ? buf_add(out, bytes_make(der, (size_t)n)) : ERR_SYNTAX;

	OPENSSL_free(der);
	X509_free(x);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}
