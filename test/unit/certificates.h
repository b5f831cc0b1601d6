/* certificates.h: authorities and certificates of a test's own making, good and
 * bad ones. */
#ifndef CERTIFICATES_H
#define CERTIFICATES_H

#include "base/clock.h"
#include "crypt/crypt.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

struct authority {
	X509 *x;
	EVP_PKEY *key;
	struct buf pem;
};

/* What a certificate is to say; zero members mean what is usual. */
struct certificate_spec {
	const char *san;   /* NULL: none */
	const char *usage; /* NULL: clientAuth */
	const char *key_usage; /* NULL: critical,digitalSignature; "": none */
	const char *curve; /* NULL: P-256; "RSA" */
	const char *digest;/* NULL: SHA256 */
	int from_hours, to_hours; /* both 0: -1 .. 24 */
	bool ca;
	unsigned padding;  /* octets of a comment, to make it large */
};

static inline EVP_PKEY *test_key(const char *curve)
{
	if (curve && bytes_equal(bytes_str(curve), BYTES("RSA")))
		return EVP_RSA_gen(2048);
	return EVP_EC_gen(curve ? curve : "P-256");
}

static inline void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	must(e && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static inline X509 *certificate_begin(const char *name, EVP_PKEY *key, const X509 *issuer)
{
	X509 *x = X509_new();
	uint8_t serial[8];
	BIGNUM *n;

	crypt_random(serial, sizeof(serial));
	serial[0] &= 0x7f;
	n = BN_bin2bn(serial, sizeof(serial), NULL);
	must(x && n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)));
	BN_free(n);
	must(X509_set_version(x, X509_VERSION_3) == 1);
	must(X509_set_pubkey(x, key) == 1);
	must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
	                                (const unsigned char *)name, -1, -1, 0) == 1);
	must(X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer)
	                                    : X509_get_subject_name(x)) == 1);
	return x;
}

static inline void pem_of(X509 *x, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);

	must(n > 0 && crypt_certificate_pem(bytes_make(der, (size_t)n), out) == ERR_OK);
	OPENSSL_free(der);
}

static inline void times(X509 *x, int from_hours, int to_hours)
{
	must(X509_gmtime_adj(X509_getm_notBefore(x), 3600L * from_hours) != NULL);
	must(X509_gmtime_adj(X509_getm_notAfter(x), 3600L * to_hours) != NULL);
}

static inline void authority_make(struct authority *a, const char *name, const char *constraints)
{
	a->key = test_key(NULL);
	a->x = certificate_begin(name, a->key, NULL);
	a->pem = buf_make(16384);
	times(a->x, -2, 48);
	extend(a->x, a->x, NID_basic_constraints, "critical,CA:TRUE,pathlen:1");
	extend(a->x, a->x, NID_key_usage, "critical,keyCertSign,cRLSign");
	extend(a->x, a->x, NID_subject_key_identifier, "hash");
	if (constraints)
		extend(a->x, a->x, NID_name_constraints, constraints);
	must(X509_sign(a->x, a->key, EVP_sha256()) > 0);
	pem_of(a->x, &a->pem);
}

static inline void authority_free(struct authority *a)
{
	X509_free(a->x);
	EVP_PKEY_free(a->key);
	buf_free(&a->pem);
}

/* The certificate of a spec and its key as PEM. `out` may become an authority of
 * its own (NULL: not wanted). */
static inline void certificate_make(const struct authority *by, const struct certificate_spec *spec,
                             struct buf *pem, struct buf *key_pem, struct authority *out)
{
	const char *usage = spec->key_usage ? spec->key_usage : "critical,digitalSignature";
	EVP_PKEY *key = test_key(spec->curve);
	X509 *x = certificate_begin("entity", key, by->x);
	BIO *bio = BIO_new(BIO_s_mem());
	char comment[16384];
	char *p;
	long n;

	times(x, spec->from_hours ? spec->from_hours : -1, spec->to_hours ? spec->to_hours : 24);
	if (spec->ca)
		extend(x, by->x, NID_basic_constraints, "critical,CA:TRUE");
	if (usage[0])
		extend(x, by->x, NID_key_usage, usage);
	if (!out)
		extend(x, by->x, NID_ext_key_usage, spec->usage ? spec->usage : "clientAuth");
	extend(x, by->x, NID_subject_key_identifier, "hash");
	extend(x, by->x, NID_authority_key_identifier, "keyid:always");
	if (spec->san)
		extend(x, by->x, NID_subject_alt_name, spec->san);
	for (unsigned i = 0; i < spec->padding; i++)
		comment[i] = 'x';
	comment[spec->padding] = '\0';
	if (spec->padding)
		extend(x, by->x, NID_netscape_comment, comment);
	must(X509_sign(x, by->key, EVP_get_digestbyname(spec->digest ? spec->digest : "SHA256")) > 0);
	pem_of(x, pem);
	must(bio && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	n = BIO_get_mem_data(bio, &p);
	must(buf_add(key_pem, bytes_make(p, (size_t)n)) == ERR_OK);
	BIO_free(bio);
	if (out) {
		*out = (struct authority){ .x = x, .key = key, .pem = buf_make(16384) };
		pem_of(x, &out->pem);
		return;
	}
	X509_free(x);
	EVP_PKEY_free(key);
}

#endif
