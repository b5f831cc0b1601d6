/* codec against other readers: jansson for JSON, libcbor for CBOR. Texts are
 * made by changing good ones, so that most are nearly right; each must be
 * accepted or refused by both, and mean the same. Known differences are listed
 * where they are allowed, and counted. */
#include "codec/json.h"

#include <cbor.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "unit.h"

enum { ROUNDS = 200000, TEXT_MAX_OCTETS = 512 };

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % below);
}

static const char *const json_seeds[] = {
	"{\"m2m:cin\":{\"con\":\"21.7\",\"lbl\":[\"a\",\"b\"],\"x\":[1,-2,3.25e-3,true,null]}}",
	"[0,-1,9223372036854775807,-9223372036854775808,1e10,0.1,[],{},\"\"]",
	"{\"a\":\"\\u00fc\\ud83d\\ude00\\n\\\\\\\"\",\"b\":{\"c\":{\"d\":[[[]]]}}}",
	" { \"k\" : [ 1 , 2 ] } ",
	"\"text\"", "12.5e+3", "-0", "false",
};

/* A seed with one to four octets changed, left out, doubled or put in. */
static struct bytes mutate(struct bytes from, uint8_t *out)
{
	static const uint8_t likely[] = "{}[]\",:\\u0123456789+-.eE \n\ttruefalsn\xc3\xbc\x80\xff\x00\x1f";
	size_t n = from.n;

	bytes_copy(out, from.p, n);
	for (uint32_t i = draw(4) + 1; i > 0 && n > 1 && n < TEXT_MAX_OCTETS - 1; i--) {
		size_t at = draw((uint32_t)n);
		uint8_t c = likely[draw(sizeof(likely) - 1)];

		switch (draw(4)) {
		case 0:
			out[at] = c;
			break;
		case 1:
			bytes_move(out + at, out + at + 1, n - at - 1);
			n--;
			break;
		case 2:
			bytes_move(out + at + 1, out + at, n - at);
			n++;
			break;
		default:
			bytes_move(out + at + 1, out + at, n - at);
			out[at] = c;
			n++;
		}
	}
	return bytes_make(out, n);
}

static void differ(struct bytes in, err_t ours, const char *theirs)
{
	char hex[2 * TEXT_MAX_OCTETS + 1];

	bytes_to_hex(in, hex, sizeof(hex));
	fail_msg("%s: ours %s, theirs %s", hex, err_name(ours), theirs);
}

/* Does jansson's value equal our CBOR? */
static bool same_value(const json_t *j, const struct cbor *v);

static bool same_members(const json_t *j, const struct cbor *v)
{
	struct bytes content = v->s, key;
	struct cbor member;
	bool found;

	if (json_object_size(j) != v->u)
		return false;
	for (;;) {
		char name[TEXT_MAX_OCTETS + 1];

		if (cbor_pair(&content, &key, &member, &found) != ERR_OK)
			return false;
		if (!found)
			return true;
		if (bytes_put_str(name, sizeof(name), key) != ERR_OK ||
		    !same_value(json_object_get(j, name), &member))
			return false;
	}
}

static bool same_items(const json_t *j, const struct cbor *v)
{
	struct bytes rest = v->s;
	struct cbor item;

	if (json_array_size(j) != v->u)
		return false;
	for (size_t i = 0; i < v->u; i++) {
		if (cbor_next(&rest, &item) != ERR_OK || !same_value(json_array_get(j, i), &item))
			return false;
	}
	return true;
}

static bool same_value(const json_t *j, const struct cbor *v)
{
	switch (v->kind) {
	case CBOR_MAP:
		return json_is_object(j) && same_members(j, v);
	case CBOR_ARRAY:
		return json_is_array(j) && same_items(j, v);
	case CBOR_TEXT:
		return json_is_string(j) && bytes_equal(v->s, bytes_make(json_string_value(j), json_string_length(j)));
	case CBOR_UINT:
		return json_is_integer(j) ? (uint64_t)json_integer_value(j) == v->u && json_integer_value(j) >= 0
		                          : json_is_real(j) && json_real_value(j) == (double)v->u;
	case CBOR_NINT:
		return json_is_integer(j) ? json_integer_value(j) == -1 - (int64_t)v->u
		                          : json_is_real(j) && json_real_value(j) == -1.0 - (double)v->u;
	case CBOR_FLOAT:
		return json_is_real(j) && json_real_value(j) == v->f;
	case CBOR_BOOL:
		return v->u ? json_is_true(j) : json_is_false(j);
	default:
		return json_is_null(j);
	}
}

static void test_json(void **state)
{
	struct buf out = buf_make(65536);
	uint8_t text[TEXT_MAX_OCTETS];
	size_t accepted = 0, refused = 0, ranges = 0;

	seed = 1;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct bytes in = mutate(bytes_str(json_seeds[i % COUNT_OF(json_seeds)]), text);
		json_error_t why;
		json_t *peer = json_loadb((const char *)in.p, in.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
		struct cbor v;
		err_t err;

		buf_clear(&out);
		err = json_to_cbor(in, &codec_default_limits, &out);
		if (bytes_find(in, 0) < in.n) {
			/* jansson does not see a NUL between two tokens */
			assert_int_not_equal(err, ERR_OK);
		} else if ((err == ERR_OK) != (peer != NULL)) {
			/* jansson keeps integers in 63 bits and sign; we in 64. */
			if (err == ERR_OK && json_error_code(&why) == json_error_numeric_overflow)
				ranges++;
			else
				differ(in, err, peer ? "accepts" : why.text);
		} else if (peer) {
			assert_int_equal(cbor_read(bytes_of_buf(&out), &v), ERR_OK);
			if (!same_value(peer, &v))
				fail_msg("%.*s: other values", BYTES_FMT(in));
		}
		accepted += err == ERR_OK;
		refused += err != ERR_OK;
		json_decref(peer);
	}
	printf("JSON: %zu accepted, %zu refused by both; %zu integers of 64 bits only here\n", accepted, refused, ranges);
	assert_true(accepted > ROUNDS / 20 && refused > ROUNDS / 20);
	buf_free(&out);
}

/* --- CBOR ---------------------------------------------------------------------------- */

/* libcbor takes memory for what a head promises before it is there, gigabytes
 * of it: such heads are kept from it. */
static void see_size(void *self, size_t n)
{
	if (n > 1 << 16)
		*(bool *)self = true;
}

static bool promises_too_much(struct bytes in)
{
	struct cbor_callbacks callbacks = cbor_empty_callbacks;
	bool huge = false;

	callbacks.array_start = see_size;
	callbacks.map_start = see_size;
	while (in.n > 0 && !huge) {
		struct cbor_decoder_result r = cbor_stream_decode(in.p, in.n, &callbacks, &huge);

		if (r.status != CBOR_DECODER_FINISHED || r.read == 0)
			break;
		in = bytes_sub(in, r.read, in.n);
	}
	return huge;
}

/* What libcbor accepts and we refuse on purpose: tags, undefined, other simple
 * values, NaN and infinities, keys that are no text or stand twice, bad UTF-8,
 * negative integers beyond 64 bits, NUL in text. */
static bool allowed_item(const cbor_item_t *item)
{
	switch (cbor_typeof(item)) {
	case CBOR_TYPE_UINT:
		return true;
	case CBOR_TYPE_NEGINT:
		return cbor_get_int(item) <= INT64_MAX;
	case CBOR_TYPE_BYTESTRING:
		return true;
	case CBOR_TYPE_STRING: {
		size_t chunks = cbor_string_is_definite(item) ? 0 : cbor_string_chunk_count(item);

		if (cbor_string_is_definite(item))
			return bytes_is_utf8(bytes_make(cbor_string_handle(item), cbor_string_length(item)));
		for (size_t i = 0; i < chunks; i++) {
			if (!allowed_item(cbor_string_chunks_handle(item)[i]))
				return false;
		}
		return true;
	}
	case CBOR_TYPE_ARRAY:
		for (size_t i = 0; i < cbor_array_size(item); i++) {
			if (!allowed_item(cbor_array_handle(item)[i]))
				return false;
		}
		return true;
	case CBOR_TYPE_MAP:
		for (size_t i = 0; i < cbor_map_size(item); i++) {
			const struct cbor_pair *pair = &cbor_map_handle(item)[i];

			if (cbor_typeof(pair->key) != CBOR_TYPE_STRING || !allowed_item(pair->key) ||
			    !allowed_item(pair->value))
				return false;
		}
		return true;
	case CBOR_TYPE_TAG:
		return false;
	default:
		if (cbor_is_float(item))
			return isfinite(cbor_float_get_float(item));
		return cbor_is_bool(item) || cbor_is_null(item);
	}
}

static void test_cbor(void **state)
{
	static const uint8_t likely[] = { 0x00, 0x17, 0x18, 0x19, 0x1b, 0x20, 0x40, 0x41, 0x5f, 0x60, 0x61, 0x62, 0x7f,
		0x80, 0x81, 0x82, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xf4, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb, 0xff };
	uint8_t text[TEXT_MAX_OCTETS];
	struct buf seeds[COUNT_OF(json_seeds)], out = buf_make(1 << 20);
	size_t accepted = 0, refused = 0, duplicates = 0;

	for (size_t i = 0; i < COUNT_OF(json_seeds); i++) {
		seeds[i] = buf_make(65536);
		assert_int_equal(json_to_cbor(bytes_str(json_seeds[i]), &codec_default_limits, &seeds[i]), ERR_OK);
	}
	seed = 2;
	for (size_t i = 0; i < ROUNDS; i++) {
		struct bytes in = mutate(bytes_of_buf(&seeds[i % COUNT_OF(json_seeds)]), text);
		struct cbor_load_result result;
		cbor_item_t *peer;
		bool theirs;
		err_t err;

		if (draw(2) && in.n)
			text[draw((uint32_t)in.n)] = likely[draw(sizeof(likely))];
		peer = promises_too_much(in) ? NULL : cbor_load(in.p, in.n, &result);
		/* libcbor stops behind the first item, and lets octets follow */
		theirs = peer && result.read == in.n && allowed_item(peer);
		buf_clear(&out);
		err = cbor_canonical(in, &codec_default_limits, &out);
		if ((err == ERR_OK) != theirs) {
			if (err == ERR_DUPLICATE)
				duplicates++;
			else {
				differ(in, err, theirs ? "accepts" : "refuses");
			}
		}
		accepted += err == ERR_OK;
		refused += err != ERR_OK;
		if (peer)
			cbor_decref(&peer);
	}
	printf("CBOR: %zu accepted, %zu refused by both; %zu duplicate keys refused only here\n", accepted, refused, duplicates);
	assert_true(accepted > ROUNDS / 20 && refused > ROUNDS / 20);
	for (size_t i = 0; i < COUNT_OF(json_seeds); i++)
		buf_free(&seeds[i]);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_cbor),
	};

	return cmocka_run_group_tests_name("codec_peers", tests, NULL, NULL);
}
