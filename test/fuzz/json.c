/* JSON from outside: what is accepted becomes canonical CBOR, and goes to JSON
 * and back without change. */
#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = buf_make(16 << 20), text = buf_make(64 << 20), again = buf_make(16 << 20);

	if (json_to_cbor(bytes_make(data, size), &codec_default_limits, &first) == ERR_OK) {
		struct codec_limits same = codec_default_limits;

		same.octets = 64 << 20;
		must(cbor_check(bytes_of_buf(&first), &same) == ERR_OK);
		must(cbor_canonical(bytes_of_buf(&first), &same, &again) == ERR_OK);
		must(bytes_equal(bytes_of_buf(&first), bytes_of_buf(&again)));
		for (int pretty = 0; pretty < 2; pretty++) {
			buf_clear(&text);
			buf_clear(&again);
			must((pretty ? cbor_to_json_pretty : cbor_to_json)(bytes_of_buf(&first), &text) == ERR_OK);
			must(json_to_cbor(bytes_of_buf(&text), &same, &again) == ERR_OK);
			must(bytes_equal(bytes_of_buf(&first), bytes_of_buf(&again)));
		}
	} else {
		must(first.n == 0);
	}
	buf_free(&first);
	buf_free(&text);
	buf_free(&again);
	return 0;
}
