/* certificate.c: what a certificate says. */
#include "cli/certificate.h"

#include "crypt/crypt.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

enum { DER_MAX = 65536 };

static void add(char *to, size_t size, const char *prefix, struct bytes text)
{
	struct bytes have = bytes_str(to);

	if (!bytes_is_printable(text))
		text = BYTES("(unprintable)");
	(void)text_print(to + have.n, size - have.n, "%s%s%.*s", have.n ? " " : "", prefix, BYTES_FMT(text));
}

static struct bytes string_of(const ASN1_STRING *s)
{
	return bytes_make(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void read_name(const X509_NAME *name, char *to, size_t size)
{
	for (int i = 0; i < X509_NAME_entry_count(name); i++) {
		const X509_NAME_ENTRY *e = X509_NAME_get_entry(name, i);
		int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(e));
		char prefix[32];

		(void)text_print(prefix, sizeof(prefix), "%s=", nid ? OBJ_nid2sn(nid) : "?");
		add(to, size, prefix, string_of(X509_NAME_ENTRY_get_data(e)));
	}
}

static void read_general(const GENERAL_NAME *g, char *to, size_t size)
{
	int type;
	const void *value = GENERAL_NAME_get0_value(g, &type);

	if (type == GEN_DNS)
		add(to, size, "DNS:", string_of(value));
	else if (type == GEN_URI)
		add(to, size, "URI:", string_of(value));
	else if (type == GEN_IPADD)
		add(to, size, "", BYTES("IP address"));
	else
		add(to, size, "", BYTES("other name"));
}

static void read_names(X509 *x, struct certificate *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	NAME_CONSTRAINTS *limits = X509_get_ext_d2i(x, NID_name_constraints, NULL, NULL);

	for (int i = 0; names && i < sk_GENERAL_NAME_num(names); i++)
		read_general(sk_GENERAL_NAME_value(names, i), out->names, sizeof(out->names));
	for (int i = 0; limits && i < sk_GENERAL_SUBTREE_num(limits->permittedSubtrees); i++)
		read_general(sk_GENERAL_SUBTREE_value(limits->permittedSubtrees, i)->base,
		             out->constraints, sizeof(out->constraints));
	GENERAL_NAMES_free(names);
	NAME_CONSTRAINTS_free(limits);
}

static int64_t time_of(const ASN1_TIME *t)
{
	ASN1_TIME *start = ASN1_TIME_set(NULL, 0);
	int days = 0, seconds = 0;
	int64_t ms = 0;

	if (start && ASN1_TIME_diff(&days, &seconds, start, t) == 1)
		ms = ((int64_t)days * 86400 + seconds) * 1000;
	ASN1_TIME_free(start);
	return ms;
}

static void read_purpose(X509 *x, struct certificate *out)
{
	uint32_t flags = X509_get_extension_flags(x), use = X509_get_extended_key_usage(x);
	EVP_PKEY *key = X509_get0_pubkey(x);
	char group[32] = "";
	size_t n = 0;

	out->ca = (flags & EXFLAG_CA) != 0;
	if (out->ca)
		add(out->purpose, sizeof(out->purpose), "", BYTES("signs certificates (CA)"));
	if (use != UINT32_MAX && use & XKU_SSL_SERVER)
		add(out->purpose, sizeof(out->purpose), "", BYTES("server"));
	if (use != UINT32_MAX && use & XKU_SSL_CLIENT)
		add(out->purpose, sizeof(out->purpose), "", BYTES("client"));
	if (key && EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1)
		add(out->key, sizeof(out->key), "EC ", bytes_str(group));
	else if (key)
		(void)text_print(out->key, sizeof(out->key), "%s, %d bits",
		                 EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "?",
		                 EVP_PKEY_get_bits(key));
	if (bytes_equal(bytes_str(group), BYTES("prime256v1")) &&
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out->point, sizeof(out->point),
	                                    &n) != 1)
		bytes_zero(out->point, sizeof(out->point));
}

static err_t read_x509(X509 *x, struct bytes der, struct certificate *out)
{
	struct bytes serial = string_of(X509_get0_serialNumber(x));

	*out = (struct certificate){ .from = time_of(X509_get0_notBefore(x)),
		                     .until = time_of(X509_get0_notAfter(x)) };
	if (2 * serial.n + 1 > sizeof(out->serial))
		return ERR_SYNTAX;
	bytes_to_hex(serial, out->serial, sizeof(out->serial));
	crypt_sha256(der, out->fingerprint);
	read_name(X509_get_subject_name(x), out->subject, sizeof(out->subject));
	read_name(X509_get_issuer_name(x), out->issuer, sizeof(out->issuer));
	read_names(x, out);
	read_purpose(x, out);
	return ERR_OK;
}

err_t certificate_read(struct bytes file, struct certificate *out)
{
	struct buf der = buf_make(DER_MAX);
	const unsigned char *at;
	X509 *x = NULL;
	err_t err = ERR_SYNTAX;

	if (crypt_certificate_der(file, &der) != ERR_OK && file.n <= DER_MAX)
		TRY(buf_add(&der, file));
	at = der.p;
	x = der.n ? d2i_X509(NULL, &at, (long)der.n) : NULL;
	err = x ? read_x509(x, bytes_of_buf(&der), out) : ERR_SYNTAX;
out:
	X509_free(x);
	buf_free(&der);
	ERR_clear_error();
	return err;
}
