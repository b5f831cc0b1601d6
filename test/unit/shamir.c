/* shamir: any m shares have the secret, m-1 have not; octets for one reader. */
#include "crypt/seal.h"
#include "crypt/shamir.h"
#include "unit.h"

static uint8_t shares[SHAMIR_MOST][SHAMIR_SHARE];

static void test_any_m_of_n(void **state)
{
	uint8_t secret[32], picked[SHAMIR_MOST][SHAMIR_SHARE], out[32];

	for (unsigned n = 1; n <= 6; n++) {
		for (unsigned m = 1; m <= n; m++) {
			crypt_random(secret, sizeof(secret));
			shamir_split(secret, m, n, shares);
			for (unsigned set = 1; set < 1u << n; set++) {
				unsigned k = 0;

				for (unsigned i = 0; i < n; i++)
					if (set & 1u << i)
						bytes_copy(picked[k++], shares[i], SHAMIR_SHARE);
				assert_int_equal(shamir_join((const uint8_t (*)[SHAMIR_SHARE])picked, k, out), ERR_OK);
				if (k >= m)
					assert_memory_equal(out, secret, 32);
				else
					assert_memory_not_equal(out, secret, 32);
			}
		}
	}
}

/* Of a share alone each secret is as likely as any other: its octets are spread. */
static void test_a_share_says_nothing(void **state)
{
	uint8_t secret[32] = { 0 };
	unsigned seen[256] = { 0 };

	for (int i = 0; i < 4096; i++) {
		shamir_split(secret, 2, 2, shares);
		seen[shares[0][1]]++;
	}
	for (int v = 0; v < 256; v++)
		assert_in_range(seen[v], 1, 64);
}

static void test_refused(void **state)
{
	uint8_t secret[32] = { 1 }, out[32];

	shamir_split(secret, 2, 3, shares);
	assert_int_equal(shamir_join((const uint8_t (*)[SHAMIR_SHARE])shares, 0, out), ERR_RANGE);
	bytes_copy(shares[1], shares[0], SHAMIR_SHARE);
	assert_int_equal(shamir_join((const uint8_t (*)[SHAMIR_SHARE])shares, 2, out), ERR_DUPLICATE);
	shares[1][0] = 0;
	assert_int_equal(shamir_join((const uint8_t (*)[SHAMIR_SHARE])shares, 2, out), ERR_RANGE);
}

static void test_sealed_to_one(void **state)
{
	struct crypt_key key, other;
	uint8_t point[65], out[64];
	struct buf sealed = buf_make(256);

	assert_int_equal(crypt_p256_new(&key), ERR_OK);
	assert_int_equal(crypt_p256_new(&other), ERR_OK);
	assert_int_equal(crypt_p256_point(&key, point), ERR_OK);
	assert_int_equal(seal_to(point, BYTES("for this"), BYTES("what is told"), &sealed), ERR_OK);
	assert_int_equal(sealed.n, 12 + SEAL_MORE);
	assert_int_equal(seal_open(&key, BYTES("for this"), bytes_of_buf(&sealed), out), ERR_OK);
	assert_memory_equal(out, "what is told", 12);
	assert_int_equal(seal_open(&key, BYTES("for that"), bytes_of_buf(&sealed), out), ERR_TAMPERED);
	assert_int_equal(seal_open(&other, BYTES("for this"), bytes_of_buf(&sealed), out), ERR_TAMPERED);
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(seal_open(&key, BYTES("for this"), bytes_of_buf(&sealed), out), ERR_TAMPERED);
		sealed.p[i] ^= 1;
	}
	assert_int_equal(seal_open(&key, BYTES("for this"), bytes_make(sealed.p, 40), out), ERR_TAMPERED);
	crypt_key_free(&key);
	crypt_key_free(&other);
	buf_free(&sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_m_of_n), cmocka_unit_test(test_a_share_says_nothing),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_sealed_to_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
