/* der.h: writes DER [X.690 10, 11]: what a certificate needs, and no reader.
 *
 * Content first, then its head: der_begin() marks where content starts,
 * der_end() puts tag and length in front of it. Errors stick. */
#ifndef CRYPT_DER_H
#define CRYPT_DER_H

#include "base/bytes.h"

enum {
	DER_BOOLEAN = 0x01, DER_INTEGER = 0x02, DER_BIT_STRING = 0x03, DER_OCTET_STRING = 0x04,
	DER_OID = 0x06, DER_ENUMERATED = 0x0a, DER_UTF8_STRING = 0x0c, DER_UTC_TIME = 0x17, DER_GENERALIZED_TIME = 0x18,
	DER_SEQUENCE = 0x30, DER_SET = 0x31,
	DER_CONTEXT = 0x80, DER_CONTEXT_CONSTRUCTED = 0xa0, /* + number */
};

struct der {
	struct buf *out;
	err_t err;
};

size_t der_begin(struct der *d);
void der_end(struct der *d, size_t begin, uint8_t tag);

/* Content as it stands; tag, length and content at once. */
void der_raw(struct der *d, struct bytes content);
void der_put(struct der *d, uint8_t tag, struct bytes content);

/* An unsigned number, big-endian, without leading zeros. */
void der_unsigned(struct der *d, struct bytes number);

void der_true(struct der *d);

/* UTCTime before 2050, GeneralizedTime from then on [RFC 5280 4.1.2.5]. */
void der_time(struct der *d, int64_t ms);

/* GeneralizedTime always [RFC 6960 4.2.2.2]. */
void der_moment(struct der *d, int64_t ms);

/* r and s of ECDSA P-256, 32 octets each, as it travels [RFC 3279 2.2.3]; appended. */
err_t der_signature(const uint8_t rs[64], struct buf *out) MUST_USE;

/* Octets in a BIT STRING without unused bits. */
void der_bits(struct der *d, struct bytes octets);

#endif
