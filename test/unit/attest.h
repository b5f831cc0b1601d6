/* attest.h: what a TPM says when it quotes (TPMS_ATTEST), as a test wants it. */
#ifndef ATTEST_H
#define ATTEST_H

#include "unit.h"
#include "wire/wire.h"

struct made {
	uint32_t magic, banks, pcrs;
	unsigned type, hash;
	struct bytes nonce;
	uint64_t clock;
	uint8_t digest[32], safe;
};

static inline void attest(const struct made *m, struct buf *out)
{
	struct wire_out w = wire_out(out);

	buf_clear(out);
	wire_put_u32(&w, m->magic);
	wire_put_u16(&w, (uint16_t)m->type);
	wire_put_u16(&w, 34);
	wire_put_fixed(&w, BYTES("0123456789012345678901234567890123"));
	wire_put_u16(&w, (uint16_t)m->nonce.n);
	wire_put_fixed(&w, m->nonce);
	wire_put_u64(&w, m->clock);
	wire_put_fixed(&w, BYTES("resetres"));
	wire_put_u8(&w, m->safe);
	wire_put_fixed(&w, BYTES("firmware"));
	wire_put_u32(&w, m->banks);
	wire_put_u16(&w, (uint16_t)m->hash);
	wire_put_u8(&w, 3);
	for (int i = 0; i < 3; i++)
		wire_put_u8(&w, (uint8_t)(m->pcrs >> 8 * i));
	wire_put_u16(&w, 32);
	wire_put_fixed(&w, BYTES_OF(m->digest));
	assert_int_equal(w.err, ERR_OK);
}

#endif
