/* der.c: writes DER. */
#include "crypt/der.h"

#include "base/clock.h"

size_t der_begin(struct der *d)
{
	return d->out->n;
}

/* Tag and length of n octets of content; returns their length. */
static size_t head(uint8_t tag, size_t n, uint8_t out[6])
{
	size_t octets = n < 0x80 ? 0 : n < 0x100 ? 1 : 2;

	must(n <= 0xffff);
	out[0] = tag;
	out[1] = octets ? (uint8_t)(0x80 + octets) : (uint8_t)n;
	for (size_t i = 0; i < octets; i++)
		out[2 + i] = (uint8_t)(n >> 8 * (octets - 1 - i));
	return 2 + octets;
}

void der_end(struct der *d, size_t begin, uint8_t tag)
{
	size_t n = d->out->n - begin, at;
	uint8_t front[6];

	if (d->err == ERR_OK && n > 0xffff)
		d->err = ERR_LIMIT;
	if (d->err != ERR_OK)
		return;
	at = head(tag, n, front);
	d->err = buf_reserve(d->out, at);
	if (d->err != ERR_OK)
		return;
	/* Move the content up, last octet first: the places overlap. */
	for (size_t i = n; i > 0; i--)
		d->out->p[begin + at + i - 1] = d->out->p[begin + i - 1];
	bytes_copy(d->out->p + begin, front, at);
	d->out->n += at;
}

void der_raw(struct der *d, struct bytes content)
{
	if (d->err == ERR_OK)
		d->err = buf_add(d->out, content);
}

void der_put(struct der *d, uint8_t tag, struct bytes content)
{
	size_t begin = der_begin(d);

	der_raw(d, content);
	der_end(d, begin, tag);
}

void der_unsigned(struct der *d, struct bytes number)
{
	size_t begin = der_begin(d);

	while (number.n > 1 && number.p[0] == 0)
		number = bytes_sub(number, 1, number.n);
	/* A leading one bit would make it negative. */
	if (number.n == 0 || number.p[0] & 0x80)
		der_raw(d, BYTES("\0"));
	der_raw(d, number);
	der_end(d, begin, DER_INTEGER);
}

void der_true(struct der *d)
{
	der_put(d, DER_BOOLEAN, BYTES("\xff"));
}

static void put_time(struct der *d, struct bytes text, bool utc)
{
	size_t begin = der_begin(d);

	der_raw(d, bytes_sub(text, utc ? 2 : 0, utc ? 6 : 8));
	der_raw(d, bytes_sub(text, 9, 6));
	der_raw(d, BYTES("Z"));
	der_end(d, begin, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME);
}

void der_time(struct der *d, int64_t ms)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];

	clock_stamp(ms, stamp); /* 20141003T112032 */
	put_time(d, bytes_str(stamp), bytes_compare(bytes_sub(bytes_str(stamp), 0, 4), BYTES("2050")) < 0);
}

void der_moment(struct der *d, int64_t ms)
{
	char stamp[CLOCK_STAMP_LENGTH + 1];

	clock_stamp(ms, stamp);
	put_time(d, bytes_str(stamp), false);
}

void der_bits(struct der *d, struct bytes octets)
{
	size_t begin = der_begin(d);

	der_raw(d, BYTES("\0"));
	der_raw(d, octets);
	der_end(d, begin, DER_BIT_STRING);
}

err_t der_signature(const uint8_t rs[64], struct buf *out)
{
	struct der d = { .out = out };
	size_t begin = der_begin(&d);

	der_unsigned(&d, bytes_make(rs, 32));
	der_unsigned(&d, bytes_make(rs + 32, 32));
	der_end(&d, begin, DER_SEQUENCE);
	return d.err;
}
