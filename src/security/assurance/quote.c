/* quote.c: what a quote says, word by word; nothing in it is taken on trust but what the
 * accepted key has signed. */
#include "security/assurance/quote.h"

#include "crypt/crypt.h"
#include "wire/tpm_area.h"

enum { ALG_SHA256 = 0x000b, SELECT_MAX = 4, DIGEST = 32 };

_Static_assert((int)QUOTE_CLOCK == (int)TPM_CLOCK, "one form");

struct quote {
	struct bytes nonce, clock, digest;
	uint32_t pcrs;
};

/* One bank. */
static uint32_t get_selection(struct wire_in *in)
{
	uint32_t banks = wire_get_u32(in), pcrs = 0;
	unsigned hash = wire_get_u16(in), n = wire_get_u8(in);

	if (banks != 1 || hash != ALG_SHA256 || n > SELECT_MAX) {
		in->err = ERR_SYNTAX;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		pcrs |= (uint32_t)wire_get_u8(in) << 8 * i;
	return pcrs;
}

static err_t quote_read(struct bytes attest, struct quote *q)
{
	struct wire_in in = wire_in(attest);

	if (!tpm_attest_begin(&in, TPM_ATTEST_QUOTE, &q->nonce, &q->clock) || q->clock.p[QUOTE_CLOCK - 1] > 1)
		return ERR_SYNTAX;
	q->pcrs = get_selection(&in);
	q->digest = tpm_get_sized(&in, DIGEST);
	return wire_done(&in);
}

err_t quote_judge(const struct quote_accepted *a, const uint8_t nonce[QUOTE_NONCE],
                  const struct quote_shown *shown, uint8_t clock[QUOTE_CLOCK], const char **why)
{
	struct bytes digest = bytes_make(a->state + 4, DIGEST);
	struct quote q;

	*why = "this is no quote";
	if (shown->attest.n > QUOTE_MAX || shown->signature.n == 0 || shown->signature.n > QUOTE_SIGNATURE_MAX ||
	    quote_read(shown->attest, &q) != ERR_OK)
		return ERR_REFUSED;
	*why = "the quote is not by the attestation key that was accepted";
	if (crypt_p256_verify(a->point, shown->attest, shown->signature) != ERR_OK)
		return ERR_REFUSED;
	*why = "the quote is not over the nonce that was given: it is stale, or was shown before";
	if (!bytes_equal(q.nonce, bytes_make(nonce, QUOTE_NONCE)))
		return ERR_REFUSED;
	*why = "the quote is over other PCRs than were accepted";
	if (q.pcrs != get_be32(a->state))
		return ERR_REFUSED;
	*why = "the machine is not in the measured state (PCRs) that was accepted";
	if (!bytes_equal(q.digest, digest))
		return ERR_REFUSED;
	bytes_copy(clock, q.clock.p, QUOTE_CLOCK);
	*why = "";
	return ERR_OK;
}
