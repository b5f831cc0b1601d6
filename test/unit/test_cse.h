/* test_cse.h: a CSE in memory for the tests of resource/ and request/: who it is,
 * what time it is there, and a store without a keeper. */
#ifndef TEST_CSE_H
#define TEST_CSE_H

#include "base/clock.h"
#include "codec/json.h"
#include "resource/resource.h"
#include "unit.h"

#include <string.h>

#define NOW INT64_C(1767225600000) /* 20260101T000000 */

static err_t test_key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)(i * 7 + 1);
	return buf_add(sealed, bytes_make(key, 32));
}

static err_t test_key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	return bytes_put(key, 32, sealed);
}

static err_t test_index_key(void *self, struct bytes attribute, uint8_t key[32])
{
	bytes_zero(key, 32);
	bytes_copy(key, attribute.p, attribute.n < 32 ? attribute.n : 32);
	return ERR_OK;
}

static const struct cse_identity test_cse = {
	.sp_id = BYTES("//demo.example"), .cse_id = BYTES("/in-cse"),
	.cse_name = BYTES("cse-in"), .cse_type = 1,
};

static inline void test_store_open(struct store **out)
{
	struct store_setup setup = {
		.engine = "memory", .cache_rows = 1000,
		.keys = { NULL, test_key_new, test_key_open, test_index_key },
	};

	assert_int_equal(store_open(&setup, out), ERR_OK);
}

/* JSON with single quotes for double ones, as canonical CBOR appended to out. */
static inline void test_cbor(const char *json, struct buf *out)
{
	struct buf text = buf_make(4 << 20);

	for (size_t i = 0; json[i]; i++)
		assert_int_equal(buf_add_byte(&text, json[i] == '\'' ? '"' : (uint8_t)json[i]), ERR_OK);
	if (json_to_cbor(bytes_of_buf(&text), &codec_default_limits, out) != ERR_OK)
		fail_msg("not JSON: %s", json);
	buf_free(&text);
}

/* Is `part`, written with single quotes, in the text? */
static inline bool test_has(const char *text, const char *part)
{
	char quoted[1024];
	size_t n = 0;

	for (; part[n] && n < sizeof(quoted) - 1; n++)
		quoted[n] = part[n] == '\'' ? '"' : part[n];
	quoted[n] = '\0';
	return strstr(text, quoted) != NULL;
}

#endif
