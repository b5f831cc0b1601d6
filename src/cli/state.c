/* state.c: which measured state of a client's machine counts as evidence, and which key of
 * its TPM vouches for it. The key's public part is read here, and has to be one that signs
 * nothing but what its TPM has made. */
#include "cli/asking.h"

#include "base/file.h"

#include <stdio.h>

enum { FILE_MAX = 1024, POINT = 65, COORDINATE = 32, STATE = 36, PCR_MAX = 23,
       ALG_ECC = 0x0023, ALG_SHA256 = 0x000b, ALG_NULL = 0x0010, ALG_ECDSA = 0x0018, CURVE_P256 = 3 };

/* fixedTPM, fixedParent, sensitiveDataOrigin, restricted, sign; not decrypt. */
static const uint32_t must_be = 0x00050032, must_not_be = 0x00020000;

static void take_coordinate(struct wire_in *in, uint8_t out[COORDINATE])
{
	size_t n = wire_get_u16(in);
	struct bytes c = wire_get_fixed(in, n <= COORDINATE ? n : 0);

	if (n > COORDINATE || n == 0)
		in->err = ERR_SYNTAX;
	bytes_zero(out, COORDINATE);
	if (in->err == ERR_OK)
		bytes_copy(out + COORDINATE - c.n, c.p, c.n);
}

/* TPM2B_PUBLIC of a restricted P-256 signing key [TPM 2.0 part 2, 12.2]. ERR_REFUSED: of
 * another kind. */
static err_t attestation_key(struct bytes file, uint8_t point[POINT])
{
	struct wire_in in = wire_in(file);
	bool known = wire_get_u16(&in) == in.rest.n;
	uint32_t attributes;

	known &= wire_get_u16(&in) == ALG_ECC;
	known &= wire_get_u16(&in) == ALG_SHA256;
	attributes = wire_get_u32(&in);
	(void)wire_get_fixed(&in, wire_get_u16(&in)); /* policy */
	known &= wire_get_u16(&in) == ALG_NULL;       /* symmetric */
	known &= wire_get_u16(&in) == ALG_ECDSA;
	known &= wire_get_u16(&in) == ALG_SHA256;
	known &= wire_get_u16(&in) == CURVE_P256;
	known &= wire_get_u16(&in) == ALG_NULL; /* kdf */
	point[0] = 4;
	take_coordinate(&in, point + 1);
	take_coordinate(&in, point + 1 + COORDINATE);
	if (wire_done(&in) != ERR_OK)
		return ERR_SYNTAX;
	return known && (attributes & must_be) == must_be && !(attributes & must_not_be) ? ERR_OK : ERR_REFUSED;
}

static err_t read_pcrs(struct bytes text, uint32_t *out)
{
	uint64_t n;
	err_t err = ERR_OK;

	*out = 0;
	while (text.n) {
		TRY(bytes_to_u64(bytes_cut(&text, ','), PCR_MAX, &n));
		*out |= 1u << n;
	}
	err = *out ? ERR_OK : ERR_SYNTAX;
out:
	return err;
}

static int tell(struct cli *c, const uint8_t point[POINT], const uint8_t state[STATE], const char *said)
{
	struct buf fields = buf_make(512), rows = buf_make(4096);
	struct wire_out w = wire_out(&fields);
	int code;

	wire_put_bytes(&w, bytes_str(c->argument[0]));
	wire_put_fixed(&w, bytes_make(point, POINT));
	wire_put_fixed(&w, bytes_make(state, STATE));
	code = ask_node(c, ADMIN_STATE_ACCEPT, &w, &rows);
	if (code == CLI_OK && c->json)
		printf("{\"%s\":true}\n", said);
	else if (code == CLI_OK)
		printf("%s: %s\n", c->argument[0], said);
	buf_free(&fields);
	buf_free(&rows);
	return code;
}

int run_state_accept(struct cli *c)
{
	struct buf file = buf_make(FILE_MAX);
	uint8_t point[POINT], state[STATE];
	uint32_t pcrs = 0;
	err_t err = ERR_OK;
	int code = CLI_OK;

	if (read_pcrs(bytes_str(c->argument[2]), &pcrs) != ERR_OK)
		return cli_usage(c, "PCRS are numbers from 0 to 23, as 0,7");
	if (bytes_str(c->argument[3]).n != 64 || bytes_from_hex(bytes_str(c->argument[3]), state + 4, 32) != ERR_OK)
		return cli_usage(c, "DIGEST is 64 hex digits");
	put_be32(state, pcrs);
	if (file_read(c->argument[1], FILE_MAX, &file) != ERR_OK)
		code = cli_fail(c, ERR_IO, "%s cannot be read", c->argument[1]);
	else if ((err = attestation_key(bytes_of_buf(&file), point)) != ERR_OK)
		code = cli_fail(c, err, "%s is not the public part (TPM2B_PUBLIC) of an attestation key: P-256, ECDSA with "
		                "SHA-256, restricted to what its TPM has made, fixed to it", c->argument[1]);
	buf_free(&file);
	return code == CLI_OK ? tell(c, point, state, "accepted") : code;
}

int run_state_withdraw(struct cli *c)
{
	static const uint8_t none[POINT];

	return tell(c, none, none, "withdrawn");
}
