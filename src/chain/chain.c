/* chain.c: certificates read octet by octet, and their signatures. Reads nothing that it
 * does not use, but the form of it. */
#include "chain/chain.h"

#include "base/clock.h"
#include "crypt/der.h"

enum { CONTEXT_0 = DER_CONTEXT_CONSTRUCTED, CONTEXT_3 = DER_CONTEXT_CONSTRUCTED + 3,
       KEY_CERT_SIGN = 0x04, DIGITAL_SIGNATURE = 0x80, STAMP = 15 };

/* One value of this tag off the front: its content, and *whole with its head. Lengths
 * have one spelling, of at most two octets. */
static err_t take(struct bytes *in, unsigned tag, struct bytes *content, struct bytes *whole)
{
	size_t head = 2, n;

	if (in->n < 2 || in->p[0] != tag)
		return ERR_SYNTAX;
	n = in->p[1];
	if (n == 0x81 && in->n > 2 && in->p[2] >= 0x80) {
		n = in->p[2];
		head = 3;
	} else if (n == 0x82 && in->n > 3 && in->p[2] > 0) {
		n = get_be16(in->p + 2);
		head = 4;
	} else if (n >= 0x80) {
		return ERR_SYNTAX;
	}
	if (n > in->n - head)
		return ERR_SYNTAX;
	*content = bytes_sub(*in, head, n);
	if (whole)
		*whole = bytes_sub(*in, 0, head + n);
	*in = bytes_sub(*in, head + n, in->n);
	return ERR_OK;
}

static err_t take_end(struct bytes in)
{
	return in.n ? ERR_SYNTAX : ERR_OK;
}

/* --- parts --------------------------------------------------------------------------- */

/* ecdsa-with-SHA256, without parameters [RFC 5758 3.2]. */
static err_t take_algorithm(struct bytes *in)
{
	static const uint8_t ecdsa[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02 };
	struct bytes algorithm;
	err_t err;

	TRY(take(in, DER_SEQUENCE, &algorithm, NULL));
	err = bytes_equal(algorithm, BYTES_OF(ecdsa)) ? ERR_OK : ERR_UNSUPPORTED;
out:
	return err;
}

/* A point of P-256, not compressed [RFC 5480 2]. */
static err_t take_key(struct bytes *in, const uint8_t **point)
{
	static const uint8_t p256[] = { 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
		0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, CRYPT_POINT + 1, 0x00 };
	struct bytes key;
	err_t err;

	TRY(take(in, DER_SEQUENCE, &key, NULL));
	TRY(key.n == sizeof(p256) + CRYPT_POINT && bytes_starts(key, BYTES_OF(p256)) ? ERR_OK : ERR_UNSUPPORTED);
	*point = key.p + sizeof(p256);
out:
	return err;
}

/* UTCTime, of 1950 to 2049, or GeneralizedTime, in seconds and UTC [RFC 5280 4.1.2.5]. */
static err_t take_time(struct bytes *in, int64_t *ms)
{
	bool utc = in->n && in->p[0] == DER_UTC_TIME;
	char stamp[STAMP + 1] = "20";
	size_t at = utc ? 2 : 0;
	struct bytes text;
	err_t err;

	TRY(take(in, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, &text, NULL));
	TRY(text.n == 15 - at && text.p[text.n - 1] == 'Z' ? ERR_OK : ERR_SYNTAX);
	if (utc && text.p[0] >= '5')
		bytes_copy(stamp, "19", 2);
	/* YYYYMMDD, T, HHMMSS */
	bytes_copy(stamp + at, text.p, 8 - at);
	stamp[8] = 'T';
	bytes_copy(stamp + 9, text.p + 8 - at, 6);
	err = clock_parse(bytes_make(stamp, STAMP), ms);
out:
	return err;
}

static err_t take_validity(struct bytes *in, struct chain_certificate *c)
{
	struct bytes validity;
	err_t err;

	TRY(take(in, DER_SEQUENCE, &validity, NULL));
	TRY(take_time(&validity, &c->from));
	TRY(take_time(&validity, &c->until));
	err = take_end(validity);
out:
	return err;
}

/* --- extensions ------------------------------------------------------------------------ */

static err_t read_constraints(struct bytes value, struct chain_certificate *c)
{
	struct bytes in, one;
	err_t err;

	TRY(take(&value, DER_SEQUENCE, &in, NULL));
	TRY(take_end(value));
	if (in.n && in.p[0] == DER_BOOLEAN) {
		TRY(take(&in, DER_BOOLEAN, &one, NULL));
		c->authority = one.n == 1 && one.p[0] == 0xff;
		TRY(c->authority ? ERR_OK : ERR_SYNTAX);
	}
	if (in.n) {
		TRY(take(&in, DER_INTEGER, &one, NULL));
		TRY(c->authority && one.n == 1 && one.p[0] < 0x80 ? ERR_OK : ERR_SYNTAX);
		c->path = one.p[0];
	}
	err = take_end(in);
out:
	return err;
}

static err_t read_usage(struct bytes value, struct chain_certificate *c)
{
	struct bytes bits;
	err_t err;

	TRY(take(&value, DER_BIT_STRING, &bits, NULL));
	TRY(take_end(value));
	TRY(bits.n >= 2 && bits.n <= 3 && bits.p[0] < 8 ? ERR_OK : ERR_SYNTAX);
	c->has_usage = true;
	c->usage = bits.p[1];
out:
	return err;
}

static err_t read_purposes(struct bytes value, struct chain_certificate *c)
{
	static const uint8_t client[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02 }, any[] = { 0x55, 0x1d, 0x25, 0x00 };
	struct bytes in, one;
	err_t err;

	TRY(take(&value, DER_SEQUENCE, &in, NULL));
	TRY(take_end(value));
	c->client = false;
	while (in.n) {
		TRY(take(&in, DER_OID, &one, NULL));
		c->client |= bytes_equal(one, BYTES_OF(client)) || bytes_equal(one, BYTES_OF(any));
	}
out:
	return err;
}

static err_t refuse(struct bytes value, struct chain_certificate *c)
{
	return ERR_UNSUPPORTED;
}

/* Below 2.5.29. What is critical and not here is refused. */
static const struct {
	uint8_t number;
	err_t (*read)(struct bytes value, struct chain_certificate *c); /* NULL: says nothing that matters here */
} known[] = {
	{ 14, NULL },             /* subjectKeyIdentifier */
	{ 15, read_usage },
	{ 17, NULL },             /* subjectAltName: who it is, the joining itself says */
	{ 19, read_constraints },
	{ 30, refuse },           /* nameConstraints: critical or not, it would have to be judged */
	{ 32, NULL },             /* certificatePolicies */
	{ 35, NULL },             /* authorityKeyIdentifier */
	{ 37, read_purposes },
};

static err_t read_extension(struct bytes in, struct chain_certificate *c, uint32_t *seen)
{
	struct bytes oid, value, one = BYTES_NONE;
	err_t err;

	TRY(take(&in, DER_OID, &oid, NULL));
	if (in.n && in.p[0] == DER_BOOLEAN) {
		TRY(take(&in, DER_BOOLEAN, &one, NULL));
		TRY(one.n == 1 && one.p[0] == 0xff ? ERR_OK : ERR_SYNTAX);
	}
	TRY(take(&in, DER_OCTET_STRING, &value, NULL));
	TRY(take_end(in));
	for (size_t i = 0; oid.n == 3 && oid.p[0] == 0x55 && oid.p[1] == 0x1d && i < COUNT_OF(known); i++) {
		if (oid.p[2] != known[i].number)
			continue;
		TRY(*seen & 1u << i ? ERR_DUPLICATE : ERR_OK);
		*seen |= 1u << i;
		return known[i].read ? known[i].read(value, c) : ERR_OK;
	}
	err = one.n ? ERR_UNSUPPORTED : ERR_OK;
out:
	return err;
}

static err_t read_extensions(struct bytes in, struct chain_certificate *c)
{
	struct bytes list, one;
	uint32_t seen = 0;
	err_t err;

	TRY(take(&in, DER_SEQUENCE, &list, NULL));
	TRY(take_end(in));
	while (list.n) {
		TRY(take(&list, DER_SEQUENCE, &one, NULL));
		TRY(read_extension(one, c, &seen));
	}
out:
	return err;
}

/* --- one certificate ---------------------------------------------------------------------- */

static err_t read_tbs(struct bytes in, struct chain_certificate *c)
{
	static const uint8_t v3[] = { DER_INTEGER, 1, 2 };
	struct bytes part;
	err_t err;

	TRY(take(&in, CONTEXT_0, &part, NULL));
	TRY(bytes_equal(part, BYTES_OF(v3)) ? ERR_OK : ERR_UNSUPPORTED);
	TRY(take(&in, DER_INTEGER, &part, NULL));
	TRY(take_algorithm(&in));
	TRY(take(&in, DER_SEQUENCE, &part, &c->issuer));
	TRY(take_validity(&in, c));
	TRY(take(&in, DER_SEQUENCE, &part, &c->subject));
	TRY(take_key(&in, &c->point));
	TRY(take(&in, CONTEXT_3, &part, NULL));
	TRY(take_end(in));
	err = read_extensions(part, c);
out:
	return err;
}

err_t chain_read(struct bytes der, struct chain_certificate *c)
{
	struct bytes in = der, body, tbs, bits;
	err_t err;

	*c = (struct chain_certificate){ .der = der, .client = true, .path = -1 };
	TRY(der.n <= CHAIN_CERTIFICATE_MAX ? ERR_OK : ERR_LIMIT);
	TRY(take(&in, DER_SEQUENCE, &body, NULL));
	TRY(take_end(in));
	TRY(take(&body, DER_SEQUENCE, &tbs, &c->tbs));
	TRY(take_algorithm(&body));
	TRY(take(&body, DER_BIT_STRING, &bits, NULL));
	TRY(take_end(body));
	TRY(bits.n > 1 && bits.p[0] == 0 ? ERR_OK : ERR_SYNTAX);
	c->signature = bytes_sub(bits, 1, bits.n);
	err = read_tbs(tbs, c);
out:
	return err;
}

/* --- the chain ------------------------------------------------------------------------------ */

bool chain_may_vouch(const struct chain_certificate *c)
{
	return c->authority && (!c->has_usage || c->usage & KEY_CERT_SIGN);
}

static err_t check_time(const struct chain_certificate *c, int64_t now)
{
	return now < c->from || now > c->until ? ERR_EXPIRED : ERR_OK;
}

/* Did `by` sign it, and may it, with so many authorities already below it? */
static err_t check_link(const struct chain_certificate *c, const struct chain_certificate *by, int below, int64_t now)
{
	err_t err;

	TRY(bytes_equal(c->issuer, by->subject) && chain_may_vouch(by) && (by->path < 0 || below <= by->path)
	            ? ERR_OK : ERR_REFUSED);
	TRY(check_time(by, now));
	err = crypt_p256_verify(by->point, c->tbs, c->signature);
out:
	return err;
}

static err_t check_client(const struct chain_certificate *c, int64_t now)
{
	if (c->authority || !c->client || (c->has_usage && !(c->usage & DIGITAL_SIGNATURE)))
		return ERR_REFUSED;
	return check_time(c, now);
}

err_t chain_check(const struct bytes *der, size_t n, struct bytes anchor, int64_t now, uint8_t point[CRYPT_POINT])
{
	struct chain_certificate c, next, end;
	int below = 0;
	err_t err;

	TRY(n && n <= CHAIN_MAX ? ERR_OK : ERR_REFUSED);
	TRY(chain_read(anchor, &end));
	TRY(chain_read(der[0], &c));
	TRY(check_client(&c, now));
	bytes_copy(point, c.point, CRYPT_POINT);
	for (size_t i = 1; i < n && !bytes_equal(der[i], anchor); i++, below++) {
		TRY(chain_read(der[i], &next));
		TRY(check_link(&c, &next, below, now));
		c = next;
	}
	err = check_link(&c, &end, below, now);
out:
	return err;
}
