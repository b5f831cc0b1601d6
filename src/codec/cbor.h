/* cbor.h: CBOR, RFC 8949. The internal form of every primitive and resource.
 *
 * Inside the program CBOR is canonical: core deterministic encoding [RFC 8949
 * 4.2.1] - shortest heads, definite lengths, map keys sorted by their encoded
 * octets, no duplicate keys - and keys are text strings. Numbers are integers
 * from -2^63 to 2^64 - 1, or finite float64 (always 9 octets); a float
 * with an integral value within +-2^53 is encoded as an integer, so that 1,
 * 1.0 and their JSON forms are one value. Undefined, tags and simple values
 * other than false, true, null are refused; so is text that is no UTF-8 or
 * holds a NUL. */
#ifndef CODEC_CBOR_H
#define CODEC_CBOR_H

#include "base/bytes.h"

enum cbor_kind {
	CBOR_UINT, CBOR_NINT, CBOR_BYTES, CBOR_TEXT, CBOR_ARRAY, CBOR_MAP,
	CBOR_BOOL, CBOR_NULL, CBOR_FLOAT
};

struct cbor {
	enum cbor_kind kind;
	uint64_t u;         /* UINT: value. NINT: -1 - value. BOOL: 0, 1. ARRAY: items. MAP: pairs */
	double f;           /* FLOAT */
	struct bytes s;     /* TEXT, BYTES: the octets. ARRAY, MAP: the encoded content */
	struct bytes raw;   /* the whole encoded item */
};

/* Bounds on what is read from outside; all apply before anything is stored. */
struct codec_limits {
	size_t octets;  /* of the input */
	size_t depth;   /* nesting; 64 at most, whatever is set */
	size_t members; /* of one array or map */
	size_t items;   /* in all */
	size_t string;  /* octets of one string */
};

/* 1 MiB, 16 deep, 4096 members, 65536 items, 1 MiB a string. */
extern const struct codec_limits codec_default_limits;

/* Well-formed CBOR from outside -> canonical form appended to out. Accepts
 * indefinite lengths and any key order. ERR_SYNTAX, ERR_LIMIT, ERR_DUPLICATE,
 * ERR_TYPE (tag, undefined, key that is no text), ERR_RANGE (NaN, infinity, an
 * integer below -2^63), ERR_MEMORY. On error out is as it was. */
err_t cbor_canonical(struct bytes in, const struct codec_limits *limits,
                     struct buf *out) MUST_USE;

/* ERR_OK when `in` is exactly one item in canonical form within the limits. */
err_t cbor_check(struct bytes in, const struct codec_limits *limits) MUST_USE;

/* --- reading canonical CBOR as views: bounds are always checked ------------
 * Order of keys and UTF-8 are not: octets from another process pass cbor_check
 * (or cbor_canonical) first. */

/* The first item of *in; *in moves behind it. ERR_SYNTAX at the end or when
 * the octets are not canonical. */
err_t cbor_next(struct bytes *in, struct cbor *out) MUST_USE;

/* The one item that `in` is; ERR_SYNTAX when more follows. */
err_t cbor_read(struct bytes in, struct cbor *out) MUST_USE;

/* The next pair of a map's content: walk with content = map.s. *found is false
 * at the end. */
err_t cbor_pair(struct bytes *content, struct bytes *key, struct cbor *value,
                bool *found) MUST_USE;

/* What stands behind the head of the map that `raw` begins with, and how many
 * pairs: for a walk that reads each pair itself, so that the content is not
 * passed twice. The map is whole when so many pairs were read, and alone when
 * nothing is left. ERR_TYPE when raw is no map, ERR_SYNTAX. */
err_t cbor_map(struct bytes raw, struct bytes *content, uint64_t *pairs) MUST_USE;

/* The member `key` of an encoded map (raw). Empty (*found false) when absent.
 * ERR_TYPE when raw is no map. */
err_t cbor_find(struct bytes raw, struct bytes key, struct cbor *value,
                bool *found) MUST_USE;

/* The text that the member `key` is; ERR_SYNTAX when it is absent or no text. */
err_t cbor_find_text(struct bytes raw, const char *key, struct bytes *out) MUST_USE;

/* --- writing --------------------------------------------------------------- */

err_t cbor_put_uint(struct buf *out, uint64_t v) MUST_USE;
err_t cbor_put_int(struct buf *out, int64_t v) MUST_USE;
err_t cbor_put_float(struct buf *out, double v) MUST_USE; /* as integer where the rule above says */
err_t cbor_put_bool(struct buf *out, bool v) MUST_USE;
err_t cbor_put_null(struct buf *out) MUST_USE;
err_t cbor_put_text(struct buf *out, struct bytes utf8) MUST_USE;
err_t cbor_put_bytes(struct buf *out, struct bytes b) MUST_USE;
/* Heads: n items or pairs must follow; pairs in canonical order. */
err_t cbor_put_array(struct buf *out, size_t n) MUST_USE;
err_t cbor_put_map(struct buf *out, size_t n) MUST_USE;

struct cbor_member {
	struct bytes key;
	struct bytes value; /* one encoded item */
};

/* A map of n members: sorts the array in place into canonical order and
 * appends head and members. ERR_DUPLICATE. */
err_t cbor_put_members(struct buf *out, struct cbor_member *members, size_t n) MUST_USE;

#endif
