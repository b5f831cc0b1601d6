/* signature.c: two INTEGERs of a SEQUENCE. */
#include "wire/signature.h"

enum { SCALAR = SIGNATURE_RAW / 2 };

/* An INTEGER of r or s, right-aligned into 32 octets. */
static err_t scalar(struct wire_in *in, uint8_t out[SCALAR])
{
	struct bytes n;

	if (wire_get_u8(in) != 0x02)
		return ERR_SYNTAX;
	n = wire_get_fixed(in, wire_get_u8(in));
	if (in->err != ERR_OK || n.n == 0 || n.p[0] & 0x80)
		return ERR_SYNTAX;
	if (n.n == SCALAR + 1 && n.p[0] == 0)
		n = bytes_sub(n, 1, n.n);
	if (n.n > SCALAR)
		return ERR_SYNTAX;
	bytes_zero(out, SCALAR - n.n);
	bytes_copy(out + SCALAR - n.n, n.p, n.n);
	return ERR_OK;
}

err_t signature_raw(struct bytes der, uint8_t out[SIGNATURE_RAW])
{
	struct wire_in in = wire_in(der);
	err_t err;

	if (wire_get_u8(&in) != 0x30 || wire_get_u8(&in) != in.rest.n)
		return ERR_SYNTAX;
	TRY(scalar(&in, out));
	TRY(scalar(&in, out + SCALAR));
	err = wire_done(&in);
out:
	return err;
}
