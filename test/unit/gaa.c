/* gaa: keys of the underlying network, against test/vectors/gaa.txt, which is computed
 * by another program in another language (test/lib/gaa.py; test/scenario/test_network.py
 * computes it anew). */
#include "base/file.h"
#include "gaa/gaa.h"
#include "unit.h"

enum { WORDS_MAX = 8, FILE_MAX = 65536 };

static void octets(struct bytes hex, uint8_t *out, size_t n)
{
	assert_int_equal(bytes_from_hex(hex, out, n), ERR_OK);
}

static err_t service(const struct bytes *w, struct buf *out)
{
	uint8_t ua[GAA_UA];

	octets(w[1], ua, sizeof(ua));
	return gaa_service(w[0], ua, out);
}

static err_t naf(const struct bytes *w, enum gaa_place place, uint8_t out[GAA_KEY])
{
	struct buf id = buf_make(GAA_NAME_MAX + GAA_UA);
	uint8_t ks[GAA_KEY], rand[GAA_RAND];
	const struct gaa_session s = { BYTES_OF(ks), BYTES_OF(rand), w[3] };
	err_t err;

	octets(w[1], ks, sizeof(ks));
	octets(w[2], rand, sizeof(rand));
	TRY(service(w + 4, &id));
	err = gaa_naf_key(&s, place, bytes_of_buf(&id), out);
out:
	buf_free(&id);
	return err;
}

static err_t application(const struct bytes *w, struct bytes key, uint8_t out[GAA_KEY])
{
	struct buf id = buf_make(GAA_NAME_MAX + GAA_UA);
	err_t err;

	TRY(service(w + 2, &id));
	err = gaa_application_key(key, bytes_of_buf(&id), out);
out:
	buf_free(&id);
	return err;
}

static err_t derive(const struct bytes *w, uint8_t out[GAA_KEY])
{
	uint8_t key[GAA_KEY];

	octets(w[1], key, sizeof(key));
	if (bytes_equal(w[0], BYTES("gba-me")))
		return naf(w, GAA_ME, out);
	if (bytes_equal(w[0], BYTES("gba-u")))
		return naf(w, GAA_U, out);
	if (bytes_equal(w[0], BYTES("akma")))
		return gaa_anchor_key(BYTES_OF(key), w[2], out);
	if (bytes_equal(w[0], BYTES("a-tid")))
		return gaa_temporary_id(BYTES_OF(key), w[2], out);
	if (bytes_equal(w[0], BYTES("akma-af")))
		return application(w, BYTES_OF(key), out);
	assert_true(bytes_equal(w[0], BYTES("device")));
	return gaa_device_key(BYTES_OF(key), w[2], w[3], out);
}

static void test_vectors(void **state)
{
	struct buf file = buf_make(FILE_MAX);
	struct bytes rest;
	size_t lines = 0;

	assert_int_equal(file_read(SOURCE_DIR "/test/vectors/gaa.txt", FILE_MAX, &file), ERR_OK);
	rest = bytes_of_buf(&file);
	while (rest.n) {
		struct bytes line = bytes_cut(&rest, '\n'), w[WORDS_MAX] = { 0 };
		uint8_t expected[GAA_KEY], got[GAA_KEY];
		size_t n = 0;

		while (line.n && n < WORDS_MAX)
			w[n++] = bytes_cut(&line, ' ');
		assert_true(n >= 4);
		octets(w[n - 1], expected, sizeof(expected));
		assert_int_equal(derive(w, got), ERR_OK);
		assert_memory_equal(got, expected, sizeof(expected));
		lines++;
	}
	assert_true(lines >= 9);
	buf_free(&file);
}

/* The known answer of TS-0003 10.3 that the fact sheet has. */
static void test_of_onem2m(void **state)
{
	static const uint8_t expected[4] = { 0xc2, 0xa5, 0x52, 0x41 };
	uint8_t key[GAA_KEY], out[GAA_KEY];

	for (unsigned i = 0; i < GAA_KEY; i++)
		key[i] = (uint8_t)i;
	assert_int_equal(gaa_device_key(BYTES_OF(key), BYTES("21"), BYTES("maf.example.org"), out), ERR_OK);
	assert_memory_equal(out, expected, sizeof(expected));
}

/* Lengths stand between the parameters, so that no two sets of them are one. */
static void test_parameters_do_not_run_together(void **state)
{
	const struct bytes one[] = { BYTES("ab"), BYTES("c") }, two[] = { BYTES("a"), BYTES("bc") };
	uint8_t key[GAA_KEY] = { 1 }, a[GAA_KEY], b[GAA_KEY];

	assert_int_equal(gaa_kdf(BYTES_OF(key), &(struct gaa_parameters){ 1, one, 2 }, a), ERR_OK);
	assert_int_equal(gaa_kdf(BYTES_OF(key), &(struct gaa_parameters){ 1, two, 2 }, b), ERR_OK);
	assert_memory_not_equal(a, b, sizeof(a));
}

static void test_refused(void **state)
{
	uint8_t key[GAA_KEY] = { 1 }, rand[GAA_RAND] = { 2 }, ua[GAA_UA] = { 1 }, out[GAA_KEY];
	struct gaa_session s = { BYTES_OF(key), BYTES_OF(rand), BYTES("impi") };
	static uint8_t long_name[70000];
	struct buf id = buf_make(GAA_NAME_MAX + GAA_UA);

	assert_int_equal(gaa_service(BYTES_NONE, ua, &id), ERR_SYNTAX);
	assert_int_equal(gaa_service(bytes_make(long_name, GAA_NAME_MAX), ua, &id), ERR_SYNTAX);
	assert_int_equal(gaa_naf_key(&s, GAA_ME, BYTES("naf01234"), out), ERR_OK);
	s.ks.n = 16;
	assert_int_equal(gaa_naf_key(&s, GAA_ME, BYTES("naf01234"), out), ERR_RANGE);
	s.ks.n = GAA_KEY;
	s.rand.n = 15;
	assert_int_equal(gaa_naf_key(&s, GAA_ME, BYTES("naf01234"), out), ERR_RANGE);
	s.rand.n = GAA_RAND;
	s.impi = BYTES_NONE;
	assert_int_equal(gaa_naf_key(&s, GAA_ME, BYTES("naf01234"), out), ERR_RANGE);
	s.impi = BYTES_OF(long_name);
	assert_int_not_equal(gaa_naf_key(&s, GAA_ME, BYTES("naf01234"), out), ERR_OK);
	assert_int_equal(gaa_anchor_key(bytes_make(key, 16), BYTES("s"), out), ERR_RANGE);
	assert_int_equal(gaa_application_key(BYTES_OF(key), BYTES("12345"), out), ERR_RANGE);
	assert_int_equal(gaa_device_key(BYTES_OF(key), BYTES("2"), BYTES("x"), out), ERR_RANGE);
	assert_int_equal(gaa_device_key(BYTES_OF(key), BYTES("22"), BYTES_NONE, out), ERR_RANGE);
	buf_free(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_of_onem2m),
		cmocka_unit_test(test_parameters_do_not_run_together),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
