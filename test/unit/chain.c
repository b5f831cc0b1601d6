/* chain: certificates of a maker's, up to the one that is trusted; and what is refused. */
#include "certificates.h"
#include "chain/chain.h"
#include "unit.h"

static struct authority root, other;
static uint8_t point[CRYPT_POINT];

struct made {
	struct buf pem, key, der;
	struct authority as;
};

static void make(const struct authority *by, const struct certificate_spec *spec, bool authority, struct made *m)
{
	*m = (struct made){ .pem = buf_make(32768), .key = buf_make(4096), .der = buf_make(32768) };
	certificate_make(by, spec, &m->pem, &m->key, authority ? &m->as : NULL);
	assert_int_equal(crypt_certificate_der(bytes_of_buf(&m->pem), &m->der), ERR_OK);
}

static void made_free(struct made *m)
{
	if (m->as.x)
		authority_free(&m->as);
	buf_free(&m->pem);
	buf_free(&m->key);
	buf_free(&m->der);
}

static struct buf der_of(const struct authority *a)
{
	struct buf der = buf_make(32768);

	assert_int_equal(crypt_certificate_der(bytes_of_buf(&a->pem), &der), ERR_OK);
	return der;
}

static err_t check(const struct made *const *chain, size_t n, const struct authority *anchor, int64_t now)
{
	struct buf end = der_of(anchor);
	struct bytes der[CHAIN_MAX + 1];
	err_t err;

	for (size_t i = 0; i < n; i++)
		der[i] = bytes_of_buf(&chain[i]->der);
	err = chain_check(der, n, bytes_of_buf(&end), now, point);
	buf_free(&end);
	return err;
}

/* One that the root made. */
static err_t alone(const struct certificate_spec *spec, const struct authority *anchor)
{
	struct made m;
	const struct made *chain[] = { &m };
	err_t err;

	make(&root, spec, false, &m);
	err = check(chain, 1, anchor, clock_now());
	made_free(&m);
	return err;
}

static void test_a_client(void **state)
{
	struct crypt_key key = { NULL };
	uint8_t is[CRYPT_POINT];
	struct made m;
	const struct made *chain[] = { &m };

	make(&root, &(struct certificate_spec){ .san = "URI:urn:x" }, false, &m);
	assert_int_equal(check(chain, 1, &root, clock_now()), ERR_OK);
	assert_int_equal(crypt_p256_from_pem(bytes_of_buf(&m.key), &key), ERR_OK);
	assert_int_equal(crypt_p256_point(&key, is), ERR_OK);
	assert_memory_equal(is, point, CRYPT_POINT);
	/* an authority of the same name is another */
	assert_int_equal(check(chain, 1, &other, clock_now()), ERR_TAMPERED);
	assert_int_equal(check(chain, 1, &root, clock_now() - 90 * 60000), ERR_EXPIRED);
	assert_int_equal(check(chain, 1, &root, clock_now() + 25 * INT64_C(3600000)), ERR_EXPIRED);
	assert_int_equal(check(chain, 0, &root, clock_now()), ERR_REFUSED);
	crypt_key_free(&key);
	made_free(&m);
}

static void test_what_a_client_may_be(void **state)
{
	static const struct { struct certificate_spec spec; err_t err; } cases[] = {
		{ { .san = "URI:urn:x" }, ERR_OK },
		{ { .usage = "serverAuth" }, ERR_REFUSED },
		{ { .usage = "serverAuth,clientAuth" }, ERR_OK },
		{ { .usage = "anyExtendedKeyUsage" }, ERR_OK },
		{ { .key_usage = "" }, ERR_OK },
		{ { .key_usage = "critical,keyAgreement" }, ERR_REFUSED },
		{ { .ca = true }, ERR_REFUSED },
		{ { .curve = "P-384" }, ERR_UNSUPPORTED },
		{ { .curve = "RSA" }, ERR_UNSUPPORTED },
		{ { .digest = "SHA384" }, ERR_UNSUPPORTED },
		{ { .digest = "SHA1" }, ERR_UNSUPPORTED },
		{ { .from_hours = -3, .to_hours = -1 }, ERR_EXPIRED },
		{ { .from_hours = 1, .to_hours = 2 }, ERR_EXPIRED },
		{ { .padding = 5000 }, ERR_LIMIT },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(alone(&cases[i].spec, &root), cases[i].err);
}

static void test_between(void **state)
{
	struct made ca, below, leaf, of_leaf, of_below;
	const struct made *chain[CHAIN_MAX + 1] = { &leaf, &ca };
	const struct certificate_spec authority = { .ca = true, .key_usage = "critical,keyCertSign" };
	struct buf end = der_of(&root);
	struct bytes sent[3];

	make(&root, &authority, true, &ca);
	make(&ca.as, &(struct certificate_spec){ .san = "URI:urn:x" }, true, &leaf);
	assert_int_equal(check(chain, 2, &root, clock_now()), ERR_OK);
	/* the anchor may be sent, too; what is behind it is not looked at */
	sent[0] = bytes_of_buf(&leaf.der), sent[1] = bytes_of_buf(&ca.der), sent[2] = bytes_of_buf(&end);
	assert_int_equal(chain_check(sent, 3, bytes_of_buf(&end), clock_now(), point), ERR_OK);
	assert_int_equal(check(chain, 1, &root, clock_now()), ERR_REFUSED);
	assert_int_equal(check(chain, 2, &other, clock_now()), ERR_TAMPERED);
	/* who is no authority vouches for nobody: a device that was taken makes no other */
	make(&leaf.as, &(struct certificate_spec){ .san = "URI:urn:y" }, false, &of_leaf);
	chain[0] = &of_leaf, chain[1] = &leaf, chain[2] = &ca;
	assert_int_equal(check(chain, 3, &root, clock_now()), ERR_REFUSED);
	/* one authority below the root is as many as it lets be */
	make(&ca.as, &authority, true, &below);
	make(&below.as, &(struct certificate_spec){ .san = "URI:urn:z" }, false, &of_below);
	chain[0] = &of_below, chain[1] = &below, chain[2] = &ca;
	assert_int_equal(check(chain, 3, &root, clock_now()), ERR_REFUSED);
	assert_int_equal(check(chain, 2, &ca.as, clock_now()), ERR_OK);
	assert_int_equal(chain_check(sent, CHAIN_MAX + 1, bytes_of_buf(&end), clock_now(), point), ERR_REFUSED);
	made_free(&ca), made_free(&leaf), made_free(&of_leaf), made_free(&below), made_free(&of_below);
	buf_free(&end);
}

/* Each octet of a certificate, changed: nothing that still holds. */
static void test_altered(void **state)
{
	struct buf end = der_of(&root);
	struct bytes der;
	struct made m;

	make(&root, &(struct certificate_spec){ .san = "URI:urn:x" }, false, &m);
	der = bytes_of_buf(&m.der);
	for (size_t i = 0; i < der.n; i++) {
		m.der.p[i] ^= 1;
		assert_int_not_equal(chain_check(&der, 1, bytes_of_buf(&end), clock_now(), point), ERR_OK);
		m.der.p[i] ^= 1;
	}
	for (size_t n = 0; n < der.n; n++) {
		struct bytes part = bytes_sub(der, 0, n);

		assert_int_not_equal(chain_check(&part, 1, bytes_of_buf(&end), clock_now(), point), ERR_OK);
	}
	assert_int_equal(chain_check(&der, 1, bytes_of_buf(&end), clock_now(), point), ERR_OK);
	made_free(&m);
	buf_free(&end);
}

/* What would have to be understood, and is not, is refused. */
static void test_extensions(void **state)
{
	static const struct { int nid; const char *value; err_t err; } cases[] = {
		{ NID_netscape_comment, "x", ERR_OK },
		{ NID_netscape_comment, "critical,x", ERR_UNSUPPORTED },
		{ NID_name_constraints, "permitted;DNS:example", ERR_UNSUPPORTED },
		{ NID_info_access, "caIssuers;URI:http://x", ERR_OK },
		{ NID_info_access, "critical,caIssuers;URI:http://x", ERR_UNSUPPORTED },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		EVP_PKEY *key = test_key(NULL);
		X509 *x = certificate_begin("entity", key, root.x);
		struct made m = { .pem = buf_make(32768), .der = buf_make(32768) };
		const struct made *chain[] = { &m };

		times(x, -1, 24);
		extend(x, root.x, NID_key_usage, "critical,digitalSignature");
		extend(x, root.x, cases[i].nid, cases[i].value);
		assert_true(X509_sign(x, root.key, EVP_sha256()) > 0);
		pem_of(x, &m.pem);
		assert_int_equal(crypt_certificate_der(bytes_of_buf(&m.pem), &m.der), ERR_OK);
		assert_int_equal(check(chain, 1, &root, clock_now()), cases[i].err);
		X509_free(x);
		EVP_PKEY_free(key);
		made_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_client), cmocka_unit_test(test_what_a_client_may_be), cmocka_unit_test(test_between),
		cmocka_unit_test(test_altered), cmocka_unit_test(test_extensions),
	};
	int failed;

	authority_make(&root, "maker", NULL);
	authority_make(&other, "maker", NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	authority_free(&root);
	authority_free(&other);
	return failed;
}
