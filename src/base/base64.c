/* base64.c: see base64.h. */
#include "base/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { GROUP = 3, QUAD = 4, BITS = 6 };

err_t base64_write(struct bytes octets, struct buf *out)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < octets.n; i += GROUP) {
		struct bytes part = bytes_sub(octets, i, GROUP);
		uint32_t bits = 0;

		for (size_t k = 0; k < GROUP; k++)
			bits = bits << 8 | (k < part.n ? part.p[k] : 0);
		for (size_t k = 0; k < QUAD; k++)
			TRY(buf_add_byte(out, k <= part.n ? (uint8_t)letters[bits >> BITS * (QUAD - 1 - k) & 63] : '='));
	}
out:
	return err;
}

static err_t value_of(uint8_t letter, uint32_t *out)
{
	size_t at = bytes_find(BYTES_OF(letters), letter);

	*out = (uint32_t)at;
	return letter && at < sizeof(letters) - 1 ? ERR_OK : ERR_SYNTAX;
}

err_t base64_read(struct bytes text, uint8_t *out, size_t n)
{
	err_t err = ERR_OK;

	if (text.n != (n + GROUP - 1) / GROUP * QUAD)
		return ERR_SYNTAX;
	for (size_t i = 0; i < n; i += GROUP) {
		size_t octets = n - i < GROUP ? n - i : GROUP;
		uint32_t bits = 0, more;

		for (size_t k = 0; k < QUAD; k++) {
			uint8_t letter = text.p[i / GROUP * QUAD + k];

			more = 0;
			TRY(k <= octets ? value_of(letter, &more) : letter == '=' ? ERR_OK : ERR_SYNTAX);
			bits = bits << BITS | more;
		}
		for (size_t k = 0; k < octets; k++)
			out[i + k] = (uint8_t)(bits >> 8 * (GROUP - 1 - k));
		/* One octet string, one text. */
		TRY((bits & ((1u << 8 * (GROUP - octets)) - 1)) == 0 ? ERR_OK : ERR_SYNTAX);
	}
out:
	return err;
}
