/* base64.h: base64 [RFC 4648 4] with its padding, of what is short and known in length. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/bytes.h"

/* Appended, without line breaks. */
err_t base64_write(struct bytes octets, struct buf *out) MUST_USE;

/* Exactly n octets. ERR_SYNTAX: other characters, another length, bits that say nothing
 * and are not zero. */
err_t base64_read(struct bytes text, uint8_t *out, size_t n) MUST_USE;

#endif
