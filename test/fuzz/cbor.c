/* CBOR from outside: canonical form is a fixed point, the checker agrees with
 * the maker, and the readers stay inside whatever the octets are. */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Walk everything that can be walked. */
static void walk(struct bytes in, int depth)
{
	struct cbor v;

	while (depth < 8 && cbor_next(&in, &v) == ERR_OK) {
		struct bytes content = v.s, key;
		struct cbor member;
		bool found = true;

		must(v.raw.n > 0);
		if (v.kind == CBOR_ARRAY)
			walk(v.s, depth + 1);
		while (v.kind == CBOR_MAP && found) {
			if (cbor_pair(&content, &key, &member, &found) != ERR_OK)
				break;
			if (found)
				walk(member.raw, depth + 1);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_make(data, size);
	struct buf first = buf_make(16 << 20), again = buf_make(16 << 20), text = buf_make(64 << 20);
	struct cbor v;
	bool found;
	err_t err = cbor_canonical(in, &codec_default_limits, &first);
	bool canonical = cbor_check(in, &codec_default_limits) == ERR_OK;

	walk(in, 0);
	must(cbor_find(in, BYTES("con"), &v, &found) != ERR_OK || !found || v.raw.n > 0);
	if (cbor_to_json(in, &text) != ERR_OK)
		must(text.n == 0);
	must(!canonical || (err == ERR_OK && bytes_equal(in, bytes_of_buf(&first))));
	if (err == ERR_OK) {
		struct codec_limits same = codec_default_limits;

		same.octets = 16 << 20; /* halves grow into doubles */
		must(cbor_check(bytes_of_buf(&first), &same) == ERR_OK);
		must(cbor_canonical(bytes_of_buf(&first), &same, &again) == ERR_OK);
		must(bytes_equal(bytes_of_buf(&first), bytes_of_buf(&again)));
	} else {
		must(first.n == 0);
	}
	buf_free(&first);
	buf_free(&again);
	buf_free(&text);
	return 0;
}
