/* json.h: JSON, RFC 8259, to and from canonical CBOR.
 *
 * Strict: valid UTF-8 only, no duplicate names, no lone surrogates, no NUL in
 * strings, no trailing text, numbers within 64 bits or float64. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "codec/cbor.h"

/* One JSON text -> canonical CBOR appended to out. Errors as cbor_canonical,
 * ERR_RANGE for an integer beyond 64 bits or a float beyond float64. On error
 * out is as it was. */
err_t json_to_cbor(struct bytes in, const struct codec_limits *limits,
                   struct buf *out) MUST_USE;

/* Canonical CBOR -> JSON without blanks appended to out. Octet strings have no
 * JSON form: ERR_TYPE. */
err_t cbor_to_json(struct bytes in, struct buf *out) MUST_USE;

/* The same, indented by two blanks a level, for people. */
err_t cbor_to_json_pretty(struct bytes in, struct buf *out) MUST_USE;

/* A JSON string literal of UTF-8 text, with quotes. */
err_t json_put_string(struct buf *out, struct bytes utf8) MUST_USE;

#endif
