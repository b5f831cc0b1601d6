/* evidence: what a token's process hands to an administrator's command as the key
 * that answers, and what an order says was accepted. */
#include "cli/evidence.h"
#include "provider/proof.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_in in = wire_in(bytes_make(data, size));
	uint8_t name[34] = { 0 }, point[65] = { 0 };
	struct proof_pin pin;

	if (credential_key(bytes_make(data, size), name, point) == ERR_OK)
		must(point[0] == 4 && name[1] == 0x0b);
	if (proof_pin_get(&in, 1, &pin) == ERR_OK) {
		must(pin.level >= 2 && pin.level <= LEVEL_MAX && pin.certification[0]);
		must(pin.blob_n > 2 + TOKEN_IDENTITY && pin.blob_n <= sizeof(pin.blob));
	}
	return 0;
}
