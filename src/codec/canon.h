/* canon.h: builds canonical CBOR from a stream of values; inside codec only.
 *
 * Items are appended to the caller's buffer as they come. A container's head is
 * one octet until it closes; then the count is known, and a map whose keys did
 * not come in order is put in order:
 *
 *   out  ... | head | key value key value ...          (open, marks hold offsets)
 *   out  ... | head | key value key value | ...        (closed, sorted)
 */
#ifndef CODEC_CANON_H
#define CODEC_CANON_H

#include "codec/cbor.h"

enum { CODEC_DEPTH_MAX = 64, CANON_MARKS = 64 };

/* One pair of an open map. */
struct canon_mark {
	size_t at;    /* of the encoded key in out */
	size_t key;   /* of the key's text */
	size_t key_n;
};

struct canon_frame {
	bool map, unsorted;
	size_t head;  /* where the head stands in out */
	size_t marks; /* marks below this one belong to outer maps */
	uint64_t count;
};

struct canon {
	struct buf *out;
	const struct codec_limits *limits;
	size_t start, depth, items;
	struct canon_frame frames[CODEC_DEPTH_MAX];
	struct canon_mark *marks, first_marks[CANON_MARKS];
	size_t marks_n, marks_cap;
};

void canon_init(struct canon *c, struct buf *out, const struct codec_limits *limits);

/* Release; unless err is ERR_OK the buffer is as it was. Returns err. */
err_t canon_end(struct canon *c, err_t err) MUST_USE;

/* The frame that is open, NULL at the top. */
static inline struct canon_frame *canon_top(struct canon *c)
{
	return c->depth ? &c->frames[c->depth - 1] : NULL;
}

/* Before each value, also before canon_open: counts it. */
err_t canon_count(struct canon *c) MUST_USE;

err_t canon_open(struct canon *c, bool map) MUST_USE;
err_t canon_close(struct canon *c) MUST_USE;

/* A key of the open map. ERR_DUPLICATE may come here or at canon_close. */
err_t canon_key(struct canon *c, struct bytes text) MUST_USE;

/* Head of a major type with its argument. */
err_t canon_head(struct buf *out, unsigned major, uint64_t n) MUST_USE;

/* Order of text keys in canonical CBOR: the head holds the length, so the
 * shorter key comes first. */
static inline int canon_compare(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return a.n < b.n ? -1 : 1;
	/* Most keys are told apart by their first octet. */
	if (a.n && a.p[0] != b.p[0])
		return a.p[0] < b.p[0] ? -1 : 1;
	return bytes_compare(a, b);
}

/* Sort in place; no memory. */
void canon_sort(struct cbor_member *members, size_t n);

/* Read a head; n is the argument, 0 for an indefinite length (info 31). ERR_SYNTAX. */
struct canon_in {
	unsigned major, info; /* info: the low five bits */
	uint64_t n;
};
static inline err_t canon_read_head(struct bytes *in, struct canon_in *out)
{
	unsigned info;
	size_t size = 0;

	if (in->n == 0)
		return ERR_SYNTAX;
	out->major = in->p[0] >> 5;
	out->info = info = in->p[0] & 31;
	out->n = info;
	if (__builtin_expect(info >= 24, 0)) {
		if (info >= 28 && info != 31)
			return ERR_SYNTAX;
		size = info < 28 ? (size_t)1 << (info - 24) : 0;
		if (in->n - 1 < size)
			return ERR_SYNTAX;
		out->n = 0;
		for (size_t i = 0; i < size; i++)
			out->n = out->n << 8 | in->p[1 + i];
	}
	in->p += 1 + size;
	in->n -= 1 + size;
	return ERR_OK;
}

/* True when the head was the shortest there is. */
static inline bool canon_is_shortest(const struct canon_in *h)
{
	static const uint64_t above[] = { 23, UINT8_MAX, UINT16_MAX, UINT32_MAX };

	return h->info < 24 || (h->info < 28 && h->n > above[h->info - 24]);
}

#endif
