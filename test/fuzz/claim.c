/* claim: any line is refused, or is a claim that is written and read as the same. */
#include "client/claim.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = buf_make(CLAIM_MAX);
	struct claim claim, again;

	if (claim_read(bytes_make(data, size), &claim) == ERR_OK) {
		must(claim_write(&claim, &text) == ERR_OK);
		must(claim_read(bytes_of_buf(&text), &again) == ERR_OK);
		must(claim.has_ticket == again.has_ticket);
		must(bytes_equal(BYTES_OF(claim.secret), BYTES_OF(again.secret)));
		must(bytes_equal(BYTES_OF(claim.anchor), BYTES_OF(again.anchor)));
		must(bytes_equal(bytes_str(claim.address), bytes_str(again.address)));
		must(bytes_equal(bytes_str(claim.cse), bytes_str(again.cse)));
	}
	buf_free(&text);
	return 0;
}
