/* witness: two keepers of one key store see each other in one file; keepers of others do not. */
#include "provider/witness.h"

#include "crypt/crypt.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/holdfast-witness-XXXXXX";
static int fd = -1;
static const uint8_t key[32] = "the key of one key store", other_key[32] = "of another";

static struct witness begin(uint8_t identity)
{
	uint8_t id[WITNESS_ID] = { identity };
	struct witness w = { .fd = fd };

	put_be16(id + 4, (uint16_t)(identity * 3));
	witness_begin(&w, id);
	return w;
}

static bool mark(struct witness *w, const uint8_t k[32], uint64_t writes)
{
	struct counter c = { .writes = writes, .generation = 1, .at = (int64_t)writes };
	bool copied;

	assert_int_equal(witness_mark(w, bytes_make(k, 32), &c, &copied), ERR_OK);
	return copied;
}

static bool ahead(const struct witness *w, const uint8_t k[32], uint64_t writes)
{
	return witness_is_ahead(w, bytes_make(k, 32), &(struct counter){ .writes = writes });
}

static int fresh(void **state)
{
	return ftruncate(fd, 0);
}

static void test_alone(void **state)
{
	struct witness a = begin(1);

	assert_false(ahead(&a, key, 0));
	for (uint64_t i = 1; i < 5; i++)
		assert_false(mark(&a, key, i));
	/* started anew, it is where it was, or further */
	a = begin(1);
	assert_false(ahead(&a, key, 4));
	assert_false(mark(&a, key, 5));
	assert_false(a.copied);
}

static void test_copies(void **state)
{
	struct witness a = begin(1), b = begin(1);

	assert_false(mark(&a, key, 1));
	assert_false(mark(&b, key, 1)); /* it cannot know yet */
	assert_true(mark(&a, key, 1));
	assert_true(mark(&b, key, 1));
	assert_true(a.copied && b.copied);
	/* nothing happens when the other is gone, but that it was there stays */
	assert_true(mark(&a, key, 2));
	assert_false(mark(&a, key, 3));
	assert_true(a.copied);
}

/* Under another key (bound to another machine) it is a copy all the same. */
static void test_a_copy_with_another_binding(void **state)
{
	struct witness a = begin(1), b = begin(1);

	assert_false(mark(&a, key, 7));
	assert_false(ahead(&b, other_key, 1)); /* cannot be read, so says nothing */
	assert_false(mark(&b, other_key, 1));
	assert_true(mark(&a, key, 7));
}

static void test_older(void **state)
{
	struct witness a = begin(1);

	assert_false(mark(&a, key, 9));
	a = begin(1);
	assert_true(ahead(&a, key, 8));
	assert_false(ahead(&a, key, 9));
	/* what nobody with the key has written counts for nothing */
	{
		uint8_t octet;

		for (off_t at = 0; at < WITNESS_SLOT; at++) {
			assert_int_equal(pread(fd, &octet, 1, at), 1);
			octet ^= 1;
			assert_int_equal(pwrite(fd, &octet, 1, at), 1);
			assert_false(ahead(&a, key, 8));
			octet ^= 1;
			assert_int_equal(pwrite(fd, &octet, 1, at), 1);
		}
	}
	assert_true(ahead(&a, key, 8));
}

static void test_others(void **state)
{
	struct witness a = begin(1), b = begin(2);

	for (uint64_t i = 1; i < 4; i++) {
		assert_false(mark(&a, key, i));
		assert_false(mark(&b, other_key, i + 10));
	}
	assert_int_not_equal(a.at, b.at);
	assert_true(ahead(&a, key, 2) && !ahead(&a, key, 3));
	/* the file is gone, or another key store took the slot: it is found, or made, again */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_false(mark(&b, other_key, 20));
	assert_false(mark(&a, key, 4));
	assert_false(mark(&b, other_key, 21));
	assert_true(ahead(&a, key, 3) && ahead(&b, other_key, 20));
}

/* A full file: the one that was used the longest ago makes room. */
static void test_full(void **state)
{
	uint8_t id[WITNESS_ID] = { 9 };
	struct witness a = begin(1), w = { .fd = fd };
	struct counter c = { .writes = 1 };
	bool copied;

	assert_false(mark(&a, key, 5));
	for (uint32_t i = 0; i < WITNESS_SLOTS - 1; i++) {
		uint8_t slot[WITNESS_SLOT] = "HFWT";

		put_be32(slot + 10, i + 1);
		put_be64(slot + 56, i == 77 ? 3 : 1000);
		assert_int_equal(pwrite(fd, slot, sizeof(slot), (off_t)(i + 1) * WITNESS_SLOT), WITNESS_SLOT);
	}
	witness_begin(&w, id);
	assert_int_equal(witness_mark(&w, BYTES_OF(key), &c, &copied), ERR_OK);
	assert_false(copied);
	assert_int_equal(w.at, 78);
	assert_false(mark(&a, key, 6));
}

static void test_none(void **state)
{
	struct witness none = { .fd = -1 }, closed = begin(1);

	assert_false(mark(&none, key, 1));
	assert_false(ahead(&none, key, 0));
	closed.fd = open("/dev/null", O_RDONLY);
	{
		struct counter c = { .writes = 1 };
		bool copied;

		assert_int_equal(witness_mark(&closed, BYTES_OF(key), &c, &copied), ERR_IO);
	}
	close(closed.fd);
}

static int setup(void **state)
{
	crypt_start();
	fd = mkstemp(path);
	return fd < 0;
}

static int teardown(void **state)
{
	close(fd);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_alone, fresh),
		cmocka_unit_test_setup(test_copies, fresh),
		cmocka_unit_test_setup(test_a_copy_with_another_binding, fresh),
		cmocka_unit_test_setup(test_older, fresh),
		cmocka_unit_test_setup(test_others, fresh),
		cmocka_unit_test_setup(test_full, fresh),
		cmocka_unit_test_setup(test_none, fresh),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
