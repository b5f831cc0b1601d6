/* gaa.c: the derivations of gaa.h: one function of the network's, and one of oneM2M's. */
#include "gaa/gaa.h"

#include "base/clock.h"

enum { PARAMETERS_MAX = 4, INPUT_MAX = 1 + PARAMETERS_MAX * (GAA_NAME_MAX + GAA_UA + 2), FQDN_MAX = GAA_NAME_MAX - 1,
       FC_NAF = 0x01, FC_AKMA = 0x80, FC_ATID = 0x81, FC_AF = 0x82 };

err_t gaa_kdf(struct bytes key, const struct gaa_parameters *s, uint8_t out[GAA_KEY])
{
	struct buf input = buf_make(INPUT_MAX);
	err_t err;

	TRY(buf_add_byte(&input, (uint8_t)s->fc));
	for (size_t i = 0; i < s->n; i++) {
		uint8_t n[2];

		TRY(s->p[i].n <= UINT16_MAX ? ERR_OK : ERR_LIMIT);
		put_be16(n, (uint16_t)s->p[i].n);
		TRY(buf_add(&input, s->p[i]));
		TRY(buf_add(&input, BYTES_OF(n)));
	}
	crypt_hmac_sha256(key, bytes_of_buf(&input), out);
out:
	buf_free(&input);
	return err;
}

err_t gaa_service(struct bytes fqdn, const uint8_t ua[GAA_UA], struct buf *out)
{
	err_t err;

	TRY(fqdn.n > 0 && fqdn.n <= FQDN_MAX && bytes_is_utf8(fqdn) ? ERR_OK : ERR_SYNTAX);
	TRY(buf_add(out, fqdn));
	TRY(buf_add(out, bytes_make(ua, GAA_UA)));
out:
	return err;
}

err_t gaa_naf_key(const struct gaa_session *s, enum gaa_place place, struct bytes naf_id,
                  uint8_t out[GAA_KEY])
{
	const struct bytes p[] = { place == GAA_U ? BYTES("gba-u") : BYTES("gba-me"), s->rand,
		                   s->impi, naf_id };
	const struct gaa_parameters parameters = { FC_NAF, p, COUNT_OF(p) };

	if (s->ks.n != GAA_KEY || s->rand.n != GAA_RAND || s->impi.n == 0)
		return ERR_RANGE;
	return gaa_kdf(s->ks, &parameters, out);
}

static err_t of_kausf(struct bytes kausf, unsigned fc, struct bytes label, struct bytes supi,
                      uint8_t out[GAA_KEY])
{
	const struct bytes p[] = { label, supi };
	const struct gaa_parameters parameters = { fc, p, COUNT_OF(p) };

	return kausf.n == GAA_KEY && supi.n ? gaa_kdf(kausf, &parameters, out) : ERR_RANGE;
}

err_t gaa_anchor_key(struct bytes kausf, struct bytes supi, uint8_t out[GAA_KEY])
{
	return of_kausf(kausf, FC_AKMA, BYTES("AKMA"), supi, out);
}

err_t gaa_temporary_id(struct bytes kausf, struct bytes supi, uint8_t out[GAA_KEY])
{
	return of_kausf(kausf, FC_ATID, BYTES("A-TID"), supi, out);
}

err_t gaa_application_key(struct bytes kakma, struct bytes af_id, uint8_t out[GAA_KEY])
{
	const struct gaa_parameters parameters = { FC_AF, &af_id, 1 };

	return kakma.n == GAA_KEY && af_id.n > GAA_UA ? gaa_kdf(kakma, &parameters, out) : ERR_RANGE;
}

err_t gaa_device_key(struct bytes naf_key, struct bytes suid, struct bytes target,
                     uint8_t out[GAA_KEY])
{
	struct buf input = buf_make(INPUT_MAX);
	err_t err;

	/* Two digits, so that SUID and target cannot run into each other. */
	TRY(naf_key.n == GAA_KEY && suid.n == 2 && target.n && bytes_is_utf8(target) ? ERR_OK : ERR_RANGE);
	TRY(buf_add(&input, BYTES("oneM2M Enrolment Key to Usage-Constrained Symmetric Key derivation")));
	TRY(buf_add(&input, suid));
	TRY(buf_add(&input, target));
	crypt_hmac_sha256(naf_key, bytes_of_buf(&input), out);
out:
	buf_free(&input);
	return err;
}

/* --- the end of a key ------------------------------------------------------------ */

enum { DATE = 10, TIME = 8, BASIC = 15, OFFSET = 6, FRACTION_MAX = 9 };

static bool two_digits(struct bytes text, size_t at, unsigned max, int64_t *out)
{
	unsigned high = text.p[at] - '0', low = text.p[at + 1] - '0';

	*out = high * 10 + low;
	return high <= 9 && low <= 9 && *out <= max;
}

/* "+01:00" in minutes; "Z". */
static err_t read_offset(struct bytes text, int64_t *minutes)
{
	int64_t h, m;

	*minutes = 0;
	if (bytes_equal(text, BYTES("Z")) || bytes_equal(text, BYTES("z")))
		return ERR_OK;
	if (text.n != OFFSET || (text.p[0] != '+' && text.p[0] != '-') || text.p[3] != ':' ||
	    !two_digits(text, 1, 23, &h) || !two_digits(text, 4, 59, &m))
		return ERR_SYNTAX;
	*minutes = (h * 60 + m) * (text.p[0] == '-' ? -1 : 1);
	return ERR_OK;
}

err_t gaa_time(struct bytes text, int64_t *ms)
{
	struct bytes rest = bytes_sub(text, DATE + 1 + TIME, text.n);
	char basic[BASIC + 1];
	int64_t minutes;
	size_t n = 0;
	err_t err;

	if (text.n <= DATE + 1 + TIME || (text.p[DATE] != 'T' && text.p[DATE] != 't'))
		return ERR_SYNTAX;
	for (size_t i = 0; i < DATE + 1 + TIME; i++) {
		bool mark = i == 4 || i == 7 || i == 13 || i == 16;

		if (mark && text.p[i] != (i < DATE ? '-' : ':'))
			return ERR_SYNTAX;
		if (!mark)
			basic[n++] = (char)(i == DATE ? 'T' : text.p[i]);
	}
	if (rest.p[0] == '.') {
		size_t end = 1;

		while (end < rest.n && end <= FRACTION_MAX && rest.p[end] >= '0' && rest.p[end] <= '9')
			end++;
		if (end == 1)
			return ERR_SYNTAX;
		rest = bytes_sub(rest, end, rest.n);
	}
	TRY(read_offset(rest, &minutes));
	TRY(clock_parse(bytes_make(basic, n), ms));
	*ms -= minutes * 60 * 1000;
out:
	return err;
}
