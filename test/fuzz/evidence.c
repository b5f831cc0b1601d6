/* evidence: a quote that a client shows; what a token's process hands to an administrator's command as the key
 * that answers, and what an order says was accepted. */
#include "cli/evidence.h"
#include "provider/certified.h"
#include "provider/proof.h"
#include "security/assurance/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_in in = wire_in(bytes_make(data, size));
	uint8_t name[34] = { 0 }, point[65] = { 0 };
	static const uint8_t accepted[QUOTE_STATE], nonce[QUOTE_NONCE];
	const struct quote_accepted quote = { point, accepted };
	const struct quote_shown shown = { bytes_make(data, size), bytes_make(data, size < 72 ? size : 72) };
	uint8_t clock[QUOTE_CLOCK];
	struct proof_pin none = { .blob_n = 30 };
	struct bytes all = bytes_make(data, size);
	const char *why = NULL;
	struct proof_pin pin;

	/* No key signs here: all are refused, with a reason. */
	must(certified_judge(&none, all, nonce, all) == ERR_TAMPERED);
	must(quote_judge(&quote, nonce, &shown, clock, &why) == ERR_REFUSED && why && *why);
	if (credential_key(bytes_make(data, size), name, point) == ERR_OK)
		must(point[0] == 4 && name[1] == 0x0b);
	if (proof_pin_get(&in, 1, &pin) == ERR_OK) {
		must(pin.level >= 2 && pin.level <= LEVEL_MAX && pin.certification[0]);
		must(pin.blob_n > 2 + TOKEN_IDENTITY && pin.blob_n <= sizeof(pin.blob));
	}
	return 0;
}
