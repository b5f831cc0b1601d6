/* keeper_certificate: what the keeper composes is what OpenSSL reads and trusts,
 * and nothing is certified that should not be. The reading is the test's. */
#include "keeper_help.h"

#include "keeper/enrolment.h"
#include "crypt/der.h"

#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static struct crypt_key device;
static uint8_t device_point[65];
static X509 *ca;

static X509 *read_der(struct bytes der)
{
	const uint8_t *p = der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);

	assert_non_null(x);
	assert_ptr_equal(p, der.p + der.n);
	return x;
}

static int setup(void **state)
{
	struct bed *b;
	int rc = bed_setup(state);
	BIO *bio;

	b = *state;
	bio = BIO_new_mem_buf(b->pem.p, (int)b->pem.n);
	ca = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	rc |= crypt_p256_new(&device) != ERR_OK || crypt_p256_point(&device, device_point) != ERR_OK;
	return rc || !ca;
}

static int teardown(void **state)
{
	X509_free(ca);
	crypt_key_free(&device);
	return bed_teardown(state);
}

/* 0, or OpenSSL's reason. */
static int verify(X509 *leaf, int purpose)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int rc;

	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	X509_STORE_set_flags(store, X509_V_FLAG_X509_STRICT);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	assert_int_equal(X509_STORE_CTX_set_purpose(ctx, purpose), 1);
	rc = X509_verify_cert(ctx) == 1 ? 0 : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return rc;
}

/* The one name in the subjectAltName. */
static void assert_san(X509 *x, int type, struct bytes want)
{
	int critical = -1;
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, &critical, NULL);
	GENERAL_NAME *name;

	assert_non_null(names);
	assert_int_equal(critical, 1);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	name = sk_GENERAL_NAME_value(names, 0);
	assert_int_equal(name->type, type);
	assert_bytes(bytes_make(ASN1_STRING_get0_data(name->d.ia5), (size_t)ASN1_STRING_length(name->d.ia5)), want);
	GENERAL_NAMES_free(names);
}

/* --- asking ------------------------------------------------------------------------ */

struct asked {
	unsigned kind;
	struct bytes subject, point, proof;
	int64_t until;
};

static void prove(const struct crypt_key *key, unsigned kind, struct bytes subject,
                  struct bytes point, struct buf *out)
{
	struct buf message = buf_make(1024);

	assert_int_equal(buf_add(&message, BYTES("holdfast enrolment\0")), ERR_OK);
	assert_int_equal(buf_add_byte(&message, (uint8_t)kind), ERR_OK);
	assert_int_equal(buf_add(&message, subject), ERR_OK);
	assert_int_equal(buf_add(&message, point), ERR_OK);
	buf_clear(out);
	assert_int_equal(crypt_p256_sign(key, bytes_of_buf(&message), out), ERR_OK);
	buf_free(&message);
}

static err_t certify_raw(struct bed *b, const struct asked *a)
{
	b->by[ROLE_CORE]->rates[OP_CERTIFY] = (struct rate){ 0 };
	begin(b, OP_CERTIFY);
	wire_put_u8(&b->w, (uint8_t)a->kind);
	wire_put_fixed(&b->w, a->point);
	wire_put_bytes(&b->w, a->proof);
	wire_put_bytes(&b->w, a->subject);
	wire_put_u64(&b->w, (uint64_t)a->until);
	return ask(b, ROLE_CORE);
}

static err_t certify(struct bed *b, unsigned kind, const char *subject, int64_t until)
{
	struct buf proof = buf_make(256);
	struct asked a = { .kind = kind, .subject = bytes_str(subject), .until = until,
		           .point = BYTES_OF(device_point) };
	err_t err;

	prove(&device, kind, a.subject, a.point, &proof);
	a.proof = bytes_of_buf(&proof);
	err = certify_raw(b, &a);
	buf_free(&proof);
	return err;
}

static X509 *certified(struct bed *b, unsigned kind, const char *subject)
{
	struct bytes der, serial;
	X509 *x;
	BIGNUM *n;

	assert_int_equal(certify(b, kind, subject, tomorrow()), ERR_OK);
	der = wire_get_bytes(&b->r, 4096);
	serial = wire_get_fixed(&b->r, 16);
	assert_int_equal(wire_done(&b->r), ERR_OK);
	x = read_der(der);
	n = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	assert_int_equal(BN_num_bytes(n), 16);
	assert_false(BN_is_negative(n));
	BN_free(n);
	assert_memory_equal(X509_get0_serialNumber(x)->data, serial.p, 16);
	return x;
}

/* A certification request's signed part, as far as the keeper looks at it. */
static void put_request(struct buf *out, struct bytes point)
{
	static const uint8_t head[] = { 0x30, 0x81, 0x80, 0x02, 0x01, 0x00, 0x30, 0x00 };
	static const uint8_t info[] = { 0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
		0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00 };

	buf_clear(out);
	assert_int_equal(buf_add(out, BYTES_OF(head)), ERR_OK);
	assert_int_equal(buf_add(out, BYTES_OF(info)), ERR_OK);
	assert_int_equal(buf_add(out, point), ERR_OK);
}

static err_t certify_request(struct bed *b, unsigned kind, struct bytes request, const struct crypt_key *by)
{
	struct buf proof = buf_make(256);
	err_t err;

	assert_int_equal(crypt_p256_sign(by, request, &proof), ERR_OK);
	b->by[ROLE_CORE]->rates[OP_CERTIFY_REQUEST] = (struct rate){ 0 };
	begin(b, OP_CERTIFY_REQUEST);
	wire_put_u8(&b->w, (uint8_t)kind);
	wire_put_fixed(&b->w, BYTES_OF(device_point));
	wire_put_bytes(&b->w, bytes_of_buf(&proof));
	wire_put_bytes(&b->w, BYTES("//sp.example.org/in-cse/Crequest"));
	wire_put_u64(&b->w, (uint64_t)tomorrow());
	wire_put_bytes(&b->w, request);
	err = ask(b, ROLE_CORE);
	buf_free(&proof);
	return err;
}

/* --- tests -------------------------------------------------------------------------- */

static void test_request(void **state)
{
	struct bed *b = *state;
	struct buf request = buf_make(1024);
	struct crypt_key other = { NULL };
	uint8_t point[CRYPT_POINT];

	assert_int_equal(crypt_p256_new(&other), ERR_OK);
	assert_int_equal(crypt_p256_point(&other, point), ERR_OK);
	put_request(&request, BYTES_OF(device_point));
	assert_int_equal(certify_request(b, CERTIFY_AE, bytes_of_buf(&request), &device), ERR_OK);
	/* signed by somebody else; of another key; of no request; for the node itself */
	assert_int_equal(certify_request(b, CERTIFY_AE, bytes_of_buf(&request), &other), ERR_TAMPERED);
	assert_int_equal(certify_request(b, CERTIFY_NODE_SELF, bytes_of_buf(&request), &device), ERR_SYNTAX);
	put_request(&request, BYTES_OF(point));
	assert_int_equal(certify_request(b, CERTIFY_AE, bytes_of_buf(&request), &device), ERR_TAMPERED);
	assert_int_equal(certify_request(b, CERTIFY_AE, BYTES("holdfast enrolment"), &device), ERR_SYNTAX);
	assert_int_equal(certify_request(b, CERTIFY_AE, BYTES_NONE, &device), ERR_SYNTAX);
	crypt_key_free(&other);
	buf_free(&request);
}

static void test_ca(void **state)
{
	int critical = 0;
	NAME_CONSTRAINTS *nc = X509_get_ext_d2i(ca, NID_name_constraints, &critical, NULL);
	struct bytes domain = BYTES("sp.example.org");

	assert_int_equal(verify(ca, X509_PURPOSE_ANY), 0);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_int_equal(X509_get_version(ca), X509_VERSION_3);
	assert_non_null(nc);
	assert_int_equal(critical, 1);
	assert_null(nc->excludedSubtrees);
	assert_int_equal(sk_GENERAL_SUBTREE_num(nc->permittedSubtrees), 2);
	for (int i = 0; i < 2; i++) {
		GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(nc->permittedSubtrees, i)->base;

		assert_int_equal(base->type, i ? GEN_URI : GEN_DNS);
		assert_bytes(bytes_make(base->d.ia5->data, (size_t)base->d.ia5->length), domain);
	}
	NAME_CONSTRAINTS_free(nc);
}

static void test_node(void **state)
{
	struct bed *b = *state;
	BIO *bio = BIO_new_mem_buf(b->pem.p, (int)b->pem.n);
	X509 *first = PEM_read_bio_X509(bio, NULL, NULL, NULL), *node = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	assert_true(first && node && !PEM_read_bio_X509(bio, NULL, NULL, NULL));
	assert_san(node, GEN_DNS, BYTES("in-cse.sp.example.org"));
	assert_int_equal(verify(node, X509_PURPOSE_SSL_SERVER), 0);
	assert_int_equal(verify(node, X509_PURPOSE_SSL_CLIENT), 0);
	assert_int_equal(X509_check_host(node, "in-cse.sp.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_get_key_usage(node), KU_DIGITAL_SIGNATURE);
	X509_free(first);
	X509_free(node);
	BIO_free(bio);
}

static void test_node_again(void **state)
{
	struct bed *b = *state;
	struct vault_key *node = vault_find(&b->ks.vault, BYTES("node"));
	struct asked a = { .kind = CERTIFY_NODE_SELF, .subject = BYTES("in-cse.sp.example.org"),
		           .point = BYTES_OF(node->key.public_key), .until = tomorrow() };
	X509 *x;

	assert_int_equal(certify_raw(b, &a), ERR_OK);
	x = read_der(wire_get_bytes(&b->r, 4096));
	assert_int_equal(verify(x, X509_PURPOSE_SSL_SERVER), 0);
	X509_free(x);
	a.subject = BYTES("other.sp.example.org");
	assert_int_equal(certify_raw(b, &a), ERR_REFUSED);
	a.subject = BYTES("in-cse.sp.example.org");
	a.point = BYTES_OF(device_point);
	assert_int_equal(certify_raw(b, &a), ERR_REFUSED);
}

static void test_ae(void **state)
{
	struct bed *b = *state;
	X509 *x = certified(b, CERTIFY_AE, "//sp.example.org/in-cse/Cdev1");
	EVP_PKEY *key = X509_get0_pubkey(x);
	uint8_t point[65];
	size_t n;

	assert_san(x, GEN_URI, BYTES("m2m://sp.example.org/in-cse/Cdev1"));
	assert_int_equal(verify(x, X509_PURPOSE_SSL_CLIENT), 0);
	assert_int_not_equal(verify(x, X509_PURPOSE_SSL_SERVER), 0);
	assert_int_equal(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	assert_int_equal(X509_get_extended_key_usage(x), XKU_SSL_CLIENT);
	assert_int_equal(X509_NAME_entry_count(X509_get_subject_name(x)), 0);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", point, 65, &n), 1);
	assert_memory_equal(point, device_point, 65);
	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	X509_free(x);
	x = certified(b, CERTIFY_AE, "//sp.example.org/Sapp.1");
	assert_san(x, GEN_URI, BYTES("m2m://sp.example.org/Sapp.1"));
	assert_int_equal(verify(x, X509_PURPOSE_SSL_CLIENT), 0);
	X509_free(x);
}

static void test_cse(void **state)
{
	X509 *x = certified(*state, CERTIFY_CSE, "mn-1.in-cse.sp.example.org");

	assert_san(x, GEN_DNS, BYTES("mn-1.in-cse.sp.example.org"));
	assert_int_equal(verify(x, X509_PURPOSE_SSL_CLIENT), 0);
	assert_int_equal(verify(x, X509_PURPOSE_SSL_SERVER), 0);
	X509_free(x);
}

static void test_subjects_refused(void **state)
{
	static const struct { unsigned kind; const char *subject; err_t want; } rows[] = {
		{ CERTIFY_AE, "//other.example/in-cse/Cdev1", ERR_REFUSED },
		{ CERTIFY_AE, "//sp.example.org.evil.example/in-cse/Cdev1", ERR_SYNTAX },
		{ CERTIFY_AE, "/in-cse/Cdev1", ERR_SYNTAX },
		{ CERTIFY_AE, "Cdev1", ERR_SYNTAX },
		{ CERTIFY_AE, "", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/C", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/Sdev", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/C*", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/Cdev/1", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/Cdev 1", ERR_SYNTAX },
		{ CERTIFY_AE, "//sp.example.org/in-cse/Cdev\x01", ERR_SYNTAX },
		{ CERTIFY_AE, "m2m://sp.example.org/in-cse/Cdev", ERR_SYNTAX },
		{ CERTIFY_CSE, "mn.other.example", ERR_REFUSED },
		{ CERTIFY_CSE, "evilsp.example.org", ERR_REFUSED },
		{ CERTIFY_CSE, "sp.example.org", ERR_REFUSED },
		{ CERTIFY_CSE, "in-cse.sp.example.org", ERR_REFUSED },
		{ CERTIFY_CSE, "IN-CSE.sp.example.org", ERR_REFUSED },
		{ CERTIFY_CSE, "*.sp.example.org", ERR_SYNTAX },
		{ CERTIFY_CSE, ".sp.example.org", ERR_SYNTAX },
		{ CERTIFY_CSE, "a..sp.example.org", ERR_SYNTAX },
		{ CERTIFY_CSE, "mn.sp.example.org.", ERR_SYNTAX },
		{ CERTIFY_CSE, "", ERR_SYNTAX },
		{ CERTIFY_NODE_SELF, "in-cse.sp.example.org", ERR_REFUSED },
		{ 0, "//sp.example.org/in-cse/Cdev1", ERR_UNSUPPORTED },
		{ 4, "//sp.example.org/in-cse/Cdev1", ERR_UNSUPPORTED },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(certify(*state, rows[i].kind, rows[i].subject, tomorrow()), rows[i].want);
}

static void test_proof(void **state)
{
	struct bed *b = *state;
	struct bytes subject = BYTES("//sp.example.org/in-cse/Cdev1");
	struct asked a = { .kind = CERTIFY_AE, .subject = subject, .point = BYTES_OF(device_point),
		           .until = tomorrow() };
	struct buf proof = buf_make(256);
	uint8_t off[65];
	struct crypt_key other;

	assert_int_equal(certify_raw(b, &a), ERR_TAMPERED); /* none */
	assert_int_equal(crypt_p256_new(&other), ERR_OK);
	prove(&other, a.kind, subject, a.point, &proof);
	a.proof = bytes_of_buf(&proof);
	assert_int_equal(certify_raw(b, &a), ERR_TAMPERED); /* another's */
	prove(&device, CERTIFY_CSE, subject, a.point, &proof);
	a.proof = bytes_of_buf(&proof);
	assert_int_equal(certify_raw(b, &a), ERR_TAMPERED); /* for another kind */
	prove(&device, a.kind, BYTES("//sp.example.org/in-cse/Cdev2"), a.point, &proof);
	a.proof = bytes_of_buf(&proof);
	assert_int_equal(certify_raw(b, &a), ERR_TAMPERED); /* for another subject */
	prove(&device, a.kind, subject, a.point, &proof);
	a.proof = bytes_of_buf(&proof);
	assert_int_equal(certify_raw(b, &a), ERR_OK);
	/* not on the curve; not uncompressed */
	bytes_copy(off, device_point, 65);
	off[64] ^= 1;
	a.point = BYTES_OF(off);
	assert_int_equal(certify_raw(b, &a), ERR_SYNTAX);
	off[64] ^= 1;
	off[0] = 6;
	assert_int_equal(certify_raw(b, &a), ERR_SYNTAX);
	crypt_key_free(&other);
	buf_free(&proof);
}

/* A key of the vault is nobody's certificate, whoever could prove it. */
static void test_own_keys_are_not_certified(void **state)
{
	static const char *const names[] = { "node", "ca", "audit", "import" };
	struct bed *b = *state;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct vault_key *key = vault_find(&b->ks.vault, bytes_str(names[i]));
		struct asked a = { .kind = CERTIFY_AE, .subject = BYTES("//sp.example.org/in-cse/Cdev1"),
			           .point = BYTES_OF(key->key.public_key), .until = tomorrow() };
		struct buf proof = buf_make(256);
		struct crypt_key private;

		assert_int_equal(crypt_p256_from_scalar(key->key.blob.p, &private), ERR_OK);
		prove(&private, a.kind, a.subject, a.point, &proof);
		a.proof = bytes_of_buf(&proof);
		assert_int_equal(certify_raw(b, &a), ERR_REFUSED);
		crypt_key_free(&private);
		buf_free(&proof);
	}
}

static void test_times(void **state)
{
	struct bed *b = *state;
	struct vault_key *own = vault_find(&b->ks.vault, BYTES("ca"));
	const char *subject = "//sp.example.org/in-cse/Cdev1";

	assert_int_equal(certify(b, CERTIFY_AE, subject, clock_now() - 1), ERR_RANGE);
	assert_int_equal(certify(b, CERTIFY_AE, subject, 0), ERR_RANGE);
	assert_int_equal(certify(b, CERTIFY_AE, subject, -1), ERR_RANGE);
	assert_int_equal(certify(b, CERTIFY_AE, subject, INT64_MAX), ERR_RANGE);
	assert_int_equal(certify(b, CERTIFY_AE, subject, own->not_after + 1), ERR_RANGE);
	/* the standing policy ends before the CA does */
	assert_int_equal(certify(b, CERTIFY_AE, subject, own->not_after), ERR_RANGE);
	assert_int_equal(certify(b, CERTIFY_AE, subject, clock_now() + 3650 * INT64_C(86400000)), ERR_OK);
}

/* Were the keeper to compose such a one, a verifier would still refuse it. */
static void test_constraints_bite(void **state)
{
	static const struct { enum certify_kind kind; const char *subject; int want; } rows[] = {
		{ CERTIFY_AE, "//other.example/in-cse/Cdev1", X509_V_ERR_PERMITTED_VIOLATION },
		{ CERTIFY_CSE, "mn.other.example", X509_V_ERR_PERMITTED_VIOLATION },
		{ CERTIFY_AE, "//sp.example.org/in-cse/Cdev1", 0 },
	};
	struct bed *b = *state;
	struct certificate_ca own = authority_of(&b->ks.vault, vault_find(&b->ks.vault, BYTES("ca")));

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct certificate_ask a = { rows[i].kind, BYTES_OF(device_point),
			                     bytes_str(rows[i].subject), tomorrow() };
		struct buf der = buf_make(4096);
		uint8_t serial[16];
		X509 *x;

		assert_int_equal(certificate_of_entity(&own, &a, serial, &der), ERR_OK);
		x = read_der(bytes_of_buf(&der));
		assert_int_equal(verify(x, X509_PURPOSE_SSL_CLIENT), rows[i].want);
		X509_free(x);
		buf_free(&der);
	}
}

static void test_der(void **state)
{
	static const struct { size_t n; uint8_t head[4]; size_t head_n; } lengths[] = {
		{ 0, { 4, 0 }, 2 }, { 127, { 4, 127 }, 2 }, { 128, { 4, 0x81, 128 }, 3 },
		{ 255, { 4, 0x81, 255 }, 3 }, { 256, { 4, 0x82, 1, 0 }, 4 },
		{ 65535, { 4, 0x82, 255, 255 }, 4 } };
	static uint8_t content[65536];
	struct buf out = buf_make(70000);
	struct der d = { .out = &out };

	content[0] = 1;
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		buf_clear(&out);
		der_put(&d, DER_OCTET_STRING, bytes_make(content, lengths[i].n));
		assert_int_equal(out.n, lengths[i].n + lengths[i].head_n);
		assert_memory_equal(out.p, lengths[i].head, lengths[i].head_n);
		if (lengths[i].n)
			assert_memory_equal(out.p + lengths[i].head_n, content, lengths[i].n);
	}
	buf_clear(&out);
	der_unsigned(&d, BYTES("\x00\x00\x80"));
	der_unsigned(&d, BYTES("\x00\x7f"));
	der_unsigned(&d, BYTES("\x00"));
	assert_bytes(bytes_of_buf(&out), BYTES("\x02\x02\x00\x80\x02\x01\x7f\x02\x01\x00"));
	buf_clear(&out);
	der_time(&d, INT64_C(2524607999999)); /* 2049-12-31T23:59:59 */
	der_time(&d, INT64_C(2524608000000));
	assert_bytes(bytes_of_buf(&out), BYTES("\x17\x0d" "491231235959Z" "\x18\x0f" "20500101000000Z"));
	buf_clear(&out);
	der_put(&d, DER_OCTET_STRING, bytes_make(content, 65536));
	assert_int_equal(d.err, ERR_LIMIT);
	buf_free(&out);
}

/* --- that the node's own is good ------------------------------------------------------- */

static err_t ask_good(struct bed *b, struct bytes certificate, int64_t until)
{
	b->by[ROLE_CORE]->rates[OP_CERTIFICATE_GOOD] = (struct rate){ 0 };
	begin(b, OP_CERTIFICATE_GOOD);
	wire_put_u64(&b->w, (uint64_t)until);
	wire_put_bytes(&b->w, certificate);
	return ask(b, ROLE_CORE);
}

/* OpenSSL verifies it, and finds this certificate good in it. */
static void assert_good(struct bytes der, X509 *node)
{
	const uint8_t *p = der.p;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &p, (long)der.n);
	OCSP_BASICRESP *basic;
	X509_STORE *store = X509_STORE_new();
	STACK_OF(X509) *known = sk_X509_new_null();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), node, ca);
	ASN1_GENERALIZEDTIME *from, *to;
	int status, reason;

	assert_non_null(response);
	assert_ptr_equal(p, der.p + der.n);
	assert_int_equal(OCSP_response_status(response), OCSP_RESPONSE_STATUS_SUCCESSFUL);
	basic = OCSP_response_get1_basic(response);
	assert_non_null(basic);
	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	sk_X509_push(known, ca);
	assert_int_equal(OCSP_basic_verify(basic, known, store, 0), 1);
	assert_int_equal(OCSP_resp_find_status(basic, id, &status, &reason, NULL, &from, &to), 1);
	assert_int_equal(status, V_OCSP_CERTSTATUS_GOOD);
	assert_int_equal(OCSP_check_validity(from, to, 5, -1), 1);
	sk_X509_free(known);
	X509_STORE_free(store);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
}

static struct bytes der_of(X509 *x, uint8_t out[2048])
{
	uint8_t *p = out;

	return bytes_make(out, (size_t)i2d_X509(x, &p));
}

static void test_good(void **state)
{
	const int64_t minute = 60 * 1000, day = 24 * 60 * minute;
	struct bed *b = *state;
	BIO *bio = BIO_new_mem_buf(b->pem.p, (int)b->pem.n);
	X509 *first = PEM_read_bio_X509(bio, NULL, NULL, NULL), *node = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	uint8_t octets[2048], other[2048];
	struct bytes der = der_of(node, octets), foreign;

	assert_int_equal(ask_good(b, der, clock_now() + minute), ERR_OK);
	assert_good(wire_get_bytes(&b->r, 4096), node);
	/* times */
	assert_int_equal(ask_good(b, der, clock_now() - minute), ERR_RANGE);
	assert_int_equal(ask_good(b, der, clock_now() + 8 * day), ERR_RANGE);
	/* the CA's own, and an entity's, are none of the node's */
	foreign = der_of(ca, other);
	assert_int_equal(ask_good(b, foreign, clock_now() + minute), ERR_REFUSED);
	assert_int_equal(certify(b, CERTIFY_AE, "//sp.example.org/in-cse/Cgood", clock_now() + day), ERR_OK);
	foreign = wire_get_bytes(&b->r, 4096);
	assert_int_equal(bytes_put(other, sizeof(other), foreign), ERR_OK);
	assert_int_equal(ask_good(b, bytes_make(other, foreign.n), clock_now() + minute), ERR_REFUSED);
	/* cut short, with something behind it, and each octet changed */
	assert_int_equal(ask_good(b, BYTES_NONE, clock_now() + minute), ERR_REFUSED);
	for (size_t i = 0; i < der.n; i++) {
		octets[i] ^= 1;
		assert_int_equal(ask_good(b, der, clock_now() + minute), ERR_REFUSED);
		octets[i] ^= 1;
		assert_int_equal(ask_good(b, bytes_sub(der, 0, i), clock_now() + minute), ERR_REFUSED);
	}
	octets[der.n] = 0;
	assert_int_equal(ask_good(b, bytes_make(octets, der.n + 1), clock_now() + minute), ERR_REFUSED);
	/* a gate does not ask: the core does */
	begin(b, OP_CERTIFICATE_GOOD);
	wire_put_u64(&b->w, (uint64_t)(clock_now() + minute));
	wire_put_bytes(&b->w, der);
	assert_int_equal(ask(b, ROLE_GATE), ERR_REFUSED);
	X509_free(first);
	X509_free(node);
	BIO_free(bio);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ca), cmocka_unit_test(test_request),
		cmocka_unit_test(test_node),
		cmocka_unit_test(test_node_again),
		cmocka_unit_test(test_ae),
		cmocka_unit_test(test_cse),
		cmocka_unit_test(test_subjects_refused),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_own_keys_are_not_certified),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_constraints_bite),
		cmocka_unit_test(test_der), cmocka_unit_test(test_good),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
