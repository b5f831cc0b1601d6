/* json_escape.h: what stands behind a backslash in a JSON string [RFC 8259 7]. */
#ifndef CODEC_JSON_ESCAPE_H
#define CODEC_JSON_ESCAPE_H

#include "base/bytes.h"

/* *at stands behind the backslash and moves behind the escape; the character is appended as
 * UTF-8. ERR_SYNTAX: none, half a pair of surrogates, or NUL. */
err_t json_escape(const uint8_t **at, const uint8_t *end, struct buf *out) MUST_USE;

#endif
