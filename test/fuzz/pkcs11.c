/* fuzz pkcs11: what the module reads: answers of the keeper, signatures,
 * certificates. The first octet says which. */
#include "pkcs11/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_within(struct bytes part, struct bytes whole)
{
	must(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes input = bytes_make(data + 1, size ? size - 1 : 0);
	struct wire_in in = wire_in(input);
	uint8_t raw[SIGNATURE];
	struct certificate c;
	struct key_row row;

	if (size == 0)
		return 0;
	if (data[0] % 3 == 0) {
		(void)!signature_raw(input, raw);
	} else if (data[0] % 3 == 1 && certificate_read(input, &c) == ERR_OK) {
		is_within(c.serial, input);
		is_within(c.issuer, input);
		is_within(c.subject, input);
		is_within(c.public_key_info, input);
	} else if (data[0] % 3 == 2) {
		while (key_row_read(&in, &row) == ERR_OK)
			must(row.public_key.n == POINT || row.public_key.n == ED_POINT ||
			     (row.public_key.n == 0 && (row.purpose == SEAL_PROGRAM || row.purpose == WRAP_PROGRAM)));
	}
	return 0;
}
