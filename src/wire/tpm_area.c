/* tpm_area.c: public areas and attestations, read octet by octet. */
#include "wire/tpm_area.h"

enum { GENERATED = 0xff544347u, SIGNER_MAX = 68, FIRMWARE = 8, COORDINATE = 32,
       POLICY_MAX = 64, ECC = 0x23, SHA256 = 0x0b, NONE = 0x10, ECDSA = 0x18, P256 = 3, HEAD = 5 };

/* TPMT_PUBLIC of the key that answers, up to its point: SHA-256; made in the TPM, fixed to
 * it and to its parent, restricted, for signatures; no policy; ECDSA with SHA-256. */
static const uint8_t answering[] = {
	0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x04, 0x72, 0x00, 0x00, 0x00, 0x10,
	0x00, 0x18, 0x00, 0x0b, 0x00, 0x03, 0x00, 0x10,
};

struct bytes tpm_get_sized(struct wire_in *in, size_t most)
{
	size_t n = wire_get_u16(in);

	if (n > most && in->err == ERR_OK)
		in->err = ERR_SYNTAX;
	return wire_get_fixed(in, in->err == ERR_OK ? n : 0);
}

bool tpm_attest_begin(struct wire_in *in, unsigned kind, struct bytes *nonce, struct bytes *clock)
{
	bool fits = wire_get_u32(in) == GENERATED;

	fits &= wire_get_u16(in) == kind;
	(void)tpm_get_sized(in, SIGNER_MAX); /* known by its signature */
	*nonce = tpm_get_sized(in, TPM_ATTEST_MAX);
	*clock = wire_get_fixed(in, TPM_CLOCK);
	(void)wire_get_fixed(in, FIRMWARE);
	return fits && in->err == ERR_OK;
}

static err_t take_area(struct bytes shown, struct tpm_area *out)
{
	struct wire_in in = wire_in(shown);
	bool known = wire_get_u16(&in) == ECC;
	struct bytes x, y;
	unsigned scheme;

	known &= wire_get_u16(&in) == SHA256;
	out->attributes = wire_get_u32(&in);
	(void)tpm_get_sized(&in, POLICY_MAX);
	known &= wire_get_u16(&in) == NONE; /* symmetric */
	scheme = wire_get_u16(&in);
	known &= scheme == NONE || (scheme == ECDSA && wire_get_u16(&in) == SHA256);
	known &= wire_get_u16(&in) == P256;
	known &= wire_get_u16(&in) == NONE; /* kdf */
	x = tpm_get_sized(&in, COORDINATE);
	y = tpm_get_sized(&in, COORDINATE);
	if (wire_done(&in) != ERR_OK || !known || x.n != COORDINATE || y.n != COORDINATE)
		return ERR_REFUSED;
	out->shown = shown;
	out->answers = bytes_starts(shown, BYTES_OF(answering));
	out->point[0] = 4;
	bytes_copy(out->point + 1, x.p, COORDINATE);
	bytes_copy(out->point + 1 + COORDINATE, y.p, COORDINATE);
	return ERR_OK;
}

err_t tpm_area_read(struct bytes reference, struct tpm_area *out)
{
	struct wire_in in = wire_in(reference);
	unsigned parts = wire_get_u8(&in);
	struct bytes part = wire_get_bytes(&in, TOKEN_REFERENCE_MAX);
	err_t err;

	TRY(wire_done(&in) == ERR_OK && parts == 1 && part.n > HEAD ? ERR_OK : ERR_REFUSED);
	in = wire_in(bytes_sub(part, HEAD, part.n));
	(void)tpm_get_sized(&in, TOKEN_REFERENCE_MAX); /* wrapped */
	TRY(wire_get_u16(&in) == in.rest.n && in.err == ERR_OK ? ERR_OK : ERR_REFUSED);
	err = take_area(in.rest, out);
out:
	return err;
}
