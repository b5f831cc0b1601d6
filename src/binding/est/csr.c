/* csr.c: a certification request from outside. The library takes the DER apart; what
 * may stand in it is decided here. */
#include "binding/est/est.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { QUAD = 4, TRIPLE = 3 };

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Padding only at the end, and the last quad whole. */
static err_t decode(struct bytes base64, struct buf *out)
{
	uint8_t quad[QUAD], three[TRIPLE + 1];
	size_t n = 0, pad = 0;
	err_t err = ERR_OK;

	if (base64.n > CSR_BASE64_MAX)
		return ERR_LIMIT;
	for (size_t i = 0; i < base64.n; i++) {
		if (is_blank(base64.p[i]))
			continue;
		if (pad && base64.p[i] != '=')
			return ERR_SYNTAX;
		pad += base64.p[i] == '=';
		quad[n++] = base64.p[i];
		if (n < QUAD)
			continue;
		if (pad > 2 || EVP_DecodeBlock(three, quad, QUAD) != TRIPLE)
			return ERR_SYNTAX;
		TRY(buf_add(out, bytes_make(three, TRIPLE - pad)));
		n = 0;
	}
	if (n || out->n == 0)
		return ERR_SYNTAX;
out:
	return err;
}

static err_t read_key(X509_REQ *req, uint8_t point[CSR_POINT])
{
	const unsigned char *octets;
	ASN1_OBJECT *algorithm;
	X509_ALGOR *whole;
	const void *curve;
	int n = 0, type = 0;

	if (X509_PUBKEY_get0_param(&algorithm, &octets, &n, &whole, X509_REQ_get_X509_PUBKEY(req)) != 1)
		return ERR_SYNTAX;
	X509_ALGOR_get0(NULL, &type, &curve, whole);
	if (OBJ_obj2nid(algorithm) != NID_X9_62_id_ecPublicKey || type != V_ASN1_OBJECT ||
	    OBJ_obj2nid(curve) != NID_X9_62_prime256v1 || n != CSR_POINT || octets[0] != 4)
		return ERR_TYPE;
	bytes_copy(point, octets, CSR_POINT);
	return ERR_OK;
}

static err_t copy_name(const char *prefix, const ASN1_STRING *name, char out[CSR_NAME_MAX])
{
	struct bytes b = bytes_make(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name));

	if (b.n == 0 || !bytes_is_printable(b))
		return ERR_SYNTAX;
	return text_print(out, CSR_NAME_MAX, "%s%.*s", prefix, BYTES_FMT(b)) ? ERR_OK : ERR_LIMIT;
}

static err_t read_names(const GENERAL_NAMES *names, char out[CSR_NAME_MAX])
{
	const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, 0);

	if (sk_GENERAL_NAME_num(names) != 1)
		return ERR_DUPLICATE;
	if (name->type == GEN_URI)
		return copy_name("URI:", name->d.ia5, out);
	if (name->type == GEN_DNS)
		return copy_name("DNS:", name->d.ia5, out);
	return ERR_TYPE;
}

static err_t read_name(X509_REQ *req, char out[CSR_NAME_MAX])
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(req);
	int critical = 0;
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	err_t err = ERR_OK;

	out[0] = '\0';
	if (names)
		err = read_names(names, out);
	else if (extensions && critical != -1)
		err = critical == -2 ? ERR_DUPLICATE : ERR_SYNTAX;
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return err;
}

/* RFC 2985 5.4.1: one value, of a kind of string that is octets here. */
static err_t read_proof(X509_REQ *req, char out[CSR_PROOF_MAX])
{
	int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
	X509_ATTRIBUTE *attribute = at < 0 ? NULL : X509_REQ_get_attr(req, at);
	const ASN1_TYPE *value = attribute ? X509_ATTRIBUTE_get0_type(attribute, 0) : NULL;
	struct bytes text;

	out[0] = '\0';
	if (at < 0)
		return ERR_OK;
	if (X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, at) >= 0 ||
	    X509_ATTRIBUTE_count(attribute) != 1)
		return ERR_DUPLICATE;
	if (!value || (value->type != V_ASN1_PRINTABLESTRING && value->type != V_ASN1_UTF8STRING))
		return ERR_TYPE;
	text = bytes_make(ASN1_STRING_get0_data(value->value.asn1_string),
	                  (size_t)ASN1_STRING_length(value->value.asn1_string));
	if (!bytes_is_printable(text))
		return ERR_SYNTAX;
	return bytes_put_str(out, CSR_PROOF_MAX, text);
}

/* Both are views into out->der: what is checked is what was sent. */
static err_t find_parts(X509_REQ *req, struct csr *out)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *algorithm;
	unsigned char *info = NULL;
	int n = i2d_re_X509_REQ_tbs(req, &info);
	struct bytes all = bytes_of_buf(&out->der), first;
	size_t head = all.n > 1 && all.p[1] < 0x80 ? 2 : all.n > 1 ? 2 + (size_t)(all.p[1] & 0x7f) : 0;
	err_t err = ERR_SYNTAX;

	X509_REQ_get0_signature(req, &signature, &algorithm);
	if (n <= 0 || OBJ_obj2nid(algorithm->algorithm) != NID_ecdsa_with_SHA256) {
		err = n <= 0 ? ERR_SYNTAX : ERR_TYPE;
		goto out;
	}
	first = bytes_sub(all, head, (size_t)n);
	if (!bytes_equal(first, bytes_make(info, (size_t)n)))
		goto out;
	out->info = first;
	out->signature = bytes_make(ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature));
	/* The signature is the last of it. */
	if (!bytes_ends(all, out->signature) || out->signature.n == 0)
		goto out;
	out->signature = bytes_sub(all, all.n - out->signature.n, all.n);
	err = ERR_OK;
out:
	OPENSSL_free(info);
	return err;
}

err_t csr_read(struct bytes base64, struct csr *out)
{
	X509_REQ *req = NULL;
	const unsigned char *at;
	err_t err;

	*out = (struct csr){ .der = buf_make(CSR_MAX) };
	TRY(decode(base64, &out->der));
	at = out->der.p;
	req = d2i_X509_REQ(NULL, &at, (long)out->der.n);
	if (!req || at != out->der.p + out->der.n || X509_REQ_get_version(req) != 0)
		TRY(ERR_SYNTAX);
	TRY(read_key(req, out->point));
	TRY(read_name(req, out->name));
	TRY(read_proof(req, out->proof));
	TRY(find_parts(req, out));
out:
	X509_REQ_free(req);
	ERR_clear_error();
	return err;
}

void csr_free(struct csr *c)
{
	buf_free(&c->der);
}
