/* csr: any octets are refused, or are a request whose parts lie in what was sent. */
#include "binding/est/est.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr csr;

	if (csr_read(bytes_make(data, size), &csr) == ERR_OK) {
		must(csr.info.p >= csr.der.p && csr.info.p + csr.info.n < csr.der.p + csr.der.n);
		must(csr.info.n > CSR_POINT && csr.info.p[0] == 0x30);
		must(csr.signature.p + csr.signature.n == csr.der.p + csr.der.n);
		must(bytes_is_printable(bytes_str(csr.name)) && bytes_is_printable(bytes_str(csr.proof)));
	}
	csr_free(&csr);
	return 0;
}
