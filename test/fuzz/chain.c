/* chain: any octets are refused, or are a certificate whose parts lie in what was sent. */
#include "chain/chain.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void lies_in(struct bytes part, struct bytes whole)
{
	must(part.n && part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes der = bytes_make(data, size);
	struct chain_certificate c;
	uint8_t point[CRYPT_POINT];

	if (chain_read(der, &c) == ERR_OK) {
		lies_in(c.tbs, der);
		lies_in(c.issuer, c.tbs);
		lies_in(c.subject, c.tbs);
		lies_in(c.signature, der);
		lies_in(bytes_make(c.point, CRYPT_POINT), c.tbs);
	}
	/* itself its anchor: what is an authority is no client */
	must(chain_check(&der, 1, der, 0, point) != ERR_OK);
	return 0;
}
