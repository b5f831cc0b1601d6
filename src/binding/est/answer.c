/* answer.c: what an EST client is given. */
#include "binding/est/est.h"

#include "crypt/der.h"

#include <openssl/evp.h>

enum { ANSWER_MAX = 64 * 1024, LINE = 48, LINE_TEXT = 65 };

#define OID_DATA BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")
#define OID_SIGNED_DATA BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
#define OID_EC_PUBLIC_KEY BYTES("\x2a\x86\x48\xce\x3d\x02\x01")
#define OID_P256 BYTES("\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define OID_ECDSA_SHA256 BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x02")

static err_t encode(struct bytes der, struct buf *out)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < der.n; i += LINE) {
		struct bytes part = bytes_sub(der, i, LINE);
		uint8_t text[LINE_TEXT];
		int n = EVP_EncodeBlock(text, part.p, (int)part.n);

		TRY(buf_add(out, bytes_make(text, (size_t)n)));
		TRY(buf_add(out, BYTES("\r\n")));
	}
out:
	return err;
}

err_t est_certificates(const struct bytes *ders, size_t n, struct buf *out)
{
	struct buf content = buf_make(ANSWER_MAX);
	struct der d = { .out = &content };
	size_t whole = der_begin(&d), tagged, data, part;
	err_t err;

	der_put(&d, DER_OID, OID_SIGNED_DATA);
	tagged = data = der_begin(&d);
	der_unsigned(&d, BYTES("\x01"));
	der_put(&d, DER_SET, BYTES_NONE); /* no digest */
	part = der_begin(&d);
	der_put(&d, DER_OID, OID_DATA);
	der_end(&d, part, DER_SEQUENCE);
	part = der_begin(&d);
	for (size_t i = 0; i < n; i++)
		der_raw(&d, ders[i]);
	der_end(&d, part, DER_CONTEXT_CONSTRUCTED + 0);
	der_put(&d, DER_SET, BYTES_NONE); /* nobody signs */
	der_end(&d, data, DER_SEQUENCE);
	der_end(&d, tagged, DER_CONTEXT_CONSTRUCTED + 0);
	der_end(&d, whole, DER_SEQUENCE);
	TRY(d.err);
	TRY(encode(bytes_of_buf(&content), out));
out:
	buf_free(&content);
	return err;
}

err_t est_attributes(struct buf *out)
{
	struct buf content = buf_make(256);
	struct der d = { .out = &content };
	size_t whole = der_begin(&d), attribute = whole, values;
	err_t err;

	der_put(&d, DER_OID, OID_EC_PUBLIC_KEY);
	values = der_begin(&d);
	der_put(&d, DER_OID, OID_P256);
	der_end(&d, values, DER_SET);
	der_end(&d, attribute, DER_SEQUENCE);
	der_put(&d, DER_OID, OID_ECDSA_SHA256);
	der_end(&d, whole, DER_SEQUENCE);
	TRY(d.err);
	TRY(encode(bytes_of_buf(&content), out));
out:
	buf_free(&content);
	return err;
}
