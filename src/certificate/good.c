/* good.c: that the node's own certificate is good, for its peers to see in the handshake
 * [RFC 6066 8; RFC 6960 4.2]. */
#include "certificate/inner.h"

#include "crypt/crypt.h"

enum { HASH = 32, HEAD = 2, DAY_MS = 24 * 3600 * 1000, NAME_MAX_OCTETS = 256, SUCCESSFUL = 0 };

#define OID_SHA256 BYTES("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
#define OID_OCSP_BASIC BYTES("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")

/* The next element: its content, and itself with its head. */
static err_t take(struct bytes *in, uint8_t tag, struct bytes *content, struct bytes *whole)
{
	size_t octets, n;

	if (in->n < HEAD || in->p[0] != tag)
		return ERR_SYNTAX;
	octets = in->p[1] < 0x80 ? 0 : in->p[1] - 0x80u;
	if (octets > 2 || in->n < HEAD + octets)
		return ERR_SYNTAX;
	n = octets == 0 ? in->p[1] : octets == 1 ? in->p[2] : get_be16(in->p + 2);
	if (in->n - HEAD - octets < n)
		return ERR_SYNTAX;
	*content = bytes_sub(*in, HEAD + octets, n);
	*whole = bytes_sub(*in, 0, HEAD + octets + n);
	*in = bytes_sub(*in, whole->n, in->n);
	return ERR_OK;
}

/* What this CA signed has the form that this CA gives it: behind the signature that
 * verifies, nothing is taken apart that came from outside. */
static err_t read_serial(const struct certificate_ca *ca, const struct certificate_good *good, struct bytes *serial)
{
	struct bytes in = good->certificate, content, body, whole, signature, algorithm, skipped;
	struct buf ours = buf_make(32);
	struct der d = { .out = &ours };
	err_t err;

	TRY(take(&in, DER_SEQUENCE, &content, &whole));
	TRY(in.n == 0 ? ERR_OK : ERR_SYNTAX);
	TRY(take(&content, DER_SEQUENCE, &body, &whole));
	TRY(take(&content, DER_SEQUENCE, &skipped, &algorithm));
	TRY(take(&content, DER_BIT_STRING, &signature, &skipped));
	put_algorithm(&d);
	TRY(d.err);
	TRY(bytes_equal(algorithm, bytes_of_buf(&ours)) ? ERR_OK : ERR_SYNTAX);
	TRY(content.n == 0 && signature.n > 1 && signature.p[0] == 0 ? ERR_OK : ERR_SYNTAX);
	TRY(crypt_p256_verify(ca->public_key.p, whole, bytes_sub(signature, 1, signature.n)));
	TRY(certificate_holds_key(whole, good->public_key) ? ERR_OK : ERR_REFUSED);
	TRY(take(&body, DER_CONTEXT_CONSTRUCTED + 0, &skipped, &whole)); /* version */
	TRY(take(&body, DER_INTEGER, serial, &whole));
out:
	buf_free(&ours);
	return err == ERR_OK ? ERR_OK : ERR_REFUSED;
}

static err_t put_certificate_id(struct der *d, const struct certificate_ca *ca, struct bytes serial)
{
	struct buf name = buf_make(NAME_MAX_OCTETS);
	struct der n = { .out = &name };
	size_t id = der_begin(d), algorithm = id;
	uint8_t hash[HASH];

	put_ca_name(&n, ca);
	if (n.err != ERR_OK)
		d->err = n.err;
	der_put(d, DER_OID, OID_SHA256);
	der_end(d, algorithm, DER_SEQUENCE);
	crypt_sha256(bytes_of_buf(&name), hash);
	der_put(d, DER_OCTET_STRING, BYTES_OF(hash));
	crypt_sha256(ca->public_key, hash);
	der_put(d, DER_OCTET_STRING, BYTES_OF(hash));
	der_put(d, DER_INTEGER, serial);
	der_end(d, id, DER_SEQUENCE);
	buf_free(&name);
	return d->err;
}

/* ResponseData, of one response. */
static err_t put_data(struct der *d, const struct certificate_ca *ca, const struct certificate_good *good,
                      struct bytes serial)
{
	size_t data = der_begin(d), part = data, single, tagged;
	err_t err;

	put_ca_name(d, ca);
	der_end(d, part, DER_CONTEXT_CONSTRUCTED + 1); /* responderID, byName */
	der_moment(d, good->this_update);
	part = single = der_begin(d);
	TRY(put_certificate_id(d, ca, serial));
	der_put(d, DER_CONTEXT + 0, BYTES_NONE); /* good */
	der_moment(d, good->this_update);
	tagged = der_begin(d);
	der_moment(d, good->next_update);
	der_end(d, tagged, DER_CONTEXT_CONSTRUCTED + 0);
	der_end(d, single, DER_SEQUENCE);
	der_end(d, part, DER_SEQUENCE);
	der_end(d, data, DER_SEQUENCE);
	err = d->err;
out:
	return err;
}

err_t certificate_good(const struct certificate_ca *ca, const struct certificate_good *good, struct buf *der)
{
	struct buf signature = buf_make(256);
	struct der d = { .out = der };
	size_t whole = der_begin(&d), tagged, response, octets, basic;
	struct bytes serial;
	err_t err;

	TRY(good->next_update > good->this_update &&
	    good->next_update - good->this_update <= (int64_t)CERTIFICATE_GOOD_DAYS * DAY_MS ? ERR_OK : ERR_RANGE);
	TRY(read_serial(ca, good, &serial));
	der_put(&d, DER_ENUMERATED, BYTES("\0"));
	tagged = response = der_begin(&d);
	der_put(&d, DER_OID, OID_OCSP_BASIC);
	octets = basic = der_begin(&d);
	TRY(put_data(&d, ca, good, serial));
	TRY(ca->sign(ca->self, bytes_make(der->p + basic, der->n - basic), &signature));
	put_algorithm(&d);
	der_bits(&d, bytes_of_buf(&signature));
	der_end(&d, basic, DER_SEQUENCE);
	der_end(&d, octets, DER_OCTET_STRING);
	der_end(&d, response, DER_SEQUENCE);
	der_end(&d, tagged, DER_CONTEXT_CONSTRUCTED + 0);
	der_end(&d, whole, DER_SEQUENCE);
	err = d.err;
out:
	buf_free(&signature);
	return err;
}
