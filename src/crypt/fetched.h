/* fetched.h: what this room fetched from OpenSSL, once per process. Private to
 * src/crypt. */
#ifndef CRYPT_FETCHED_H
#define CRYPT_FETCHED_H

#include <openssl/types.h>
#include <stdbool.h>

struct crypt_fetched {
	bool done;
	EVP_MD *sha256, *sha384;
	EVP_CIPHER *gcm;
	EVP_KDF *tls1_prf;
};

const struct crypt_fetched *crypt_fetched(void);

#endif
