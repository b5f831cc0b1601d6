/* bytes.h: octets, borrowed and owned.
 *
 * struct bytes  a view: borrowed, never freed, valid as long as its owner.
 * struct buf    owned octets that know their maximum from birth.
 *
 * Outside base nothing calls memcpy, strlen, malloc and kin: lengths travel
 * with pointers, and growth has a bound. [CM22] */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct buf {
	uint8_t *p;
	size_t n;   /* octets in use */
	size_t cap; /* octets allocated */
	size_t max; /* octets it may ever hold */
};

/* A view of a string literal, of an array. */
#define BYTES(lit) ((struct bytes){ (const uint8_t *)("" lit), sizeof(lit) - 1 })
#define BYTES_OF(array) ((struct bytes){ (const uint8_t *)(array), sizeof(array) })
#define BYTES_NONE ((struct bytes){ NULL, 0 })
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* For printf("%.*s"): only for octets known to be printable. */
#define BYTES_FMT(b) (int)(b).n, (const char *)(b).p

static inline struct bytes bytes_make(const void *p, size_t n)
{
	return (struct bytes){ (const uint8_t *)p, n };
}

static inline struct bytes bytes_of_buf(const struct buf *b)
{
	return (struct bytes){ b->p, b->n };
}

/* A view of a NUL-terminated string; s may be NULL (empty). */
static inline struct bytes bytes_str(const char *s)
{
	return bytes_make(s, s ? strlen(s) : 0);
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* As bytes_equal to a short text, which is not measured first. */
static inline bool bytes_is(struct bytes b, const char *text)
{
	for (size_t i = 0; i < b.n; i++) {
		if (!text[i] || b.p[i] != (uint8_t)text[i])
			return false;
	}
	return !text[b.n];
}

/* Three-way comparison of octets, the shorter first where one is a prefix. */
int bytes_compare(struct bytes a, struct bytes b);

bool bytes_starts(struct bytes b, struct bytes prefix);
bool bytes_ends(struct bytes b, struct bytes suffix);

/* Index of the first octet c, or b.n when there is none. */
size_t bytes_find(struct bytes b, uint8_t c);

/* The part from `at` with at most n octets; clipped to what is there. */
static inline struct bytes bytes_sub(struct bytes b, size_t at, size_t n)
{
	if (!b.p)
		return BYTES_NONE;
	if (at > b.n)
		at = b.n;
	if (n > b.n - at)
		n = b.n - at;
	return bytes_make(b.p + at, n);
}

/* Cut b at the first separator: returns what stands before it and leaves in
 * *b what stands after. Without separator: all of it, and *b becomes empty. */
struct bytes bytes_cut(struct bytes *b, uint8_t separator);

/* Without blanks, tabs and carriage returns at both ends. */
struct bytes bytes_trim(struct bytes b);

/* Unsigned decimal without sign, blanks or leading zeros. ERR_SYNTAX, ERR_RANGE. */
err_t bytes_to_u64(struct bytes b, uint64_t max, uint64_t *out) MUST_USE;

/* Lower-case hex of b into out; out holds 2 * b.n + 1 octets, NUL-terminated. */
void bytes_to_hex(struct bytes b, char *out, size_t out_size);

/* Hex (either case) of exactly n octets into out. ERR_SYNTAX. */
err_t bytes_from_hex(struct bytes hex, uint8_t *out, size_t n) MUST_USE;

/* Copy n octets; regions must not overlap. n may be 0 with NULL pointers. */
static inline void bytes_copy(void *to, const void *from, size_t n)
{
	if (n)
		memcpy(to, from, n);
}

/* The same for regions that may overlap. */
void bytes_move(void *to, const void *from, size_t n);

static inline void bytes_zero(void *p, size_t n)
{
	if (n)
		memset(p, 0, n);
}

/* Copy into a fixed array of `size` octets, ERR_LIMIT when it does not fit. */
err_t bytes_put(void *to, size_t size, struct bytes from) MUST_USE;

/* Copy as a NUL-terminated string into to[size]; ERR_LIMIT when it does not
 * fit, ERR_SYNTAX when it holds a NUL. */
err_t bytes_put_str(char *to, size_t size, struct bytes from) MUST_USE;

/* Formatted text into to[size], cut where it does not fit, always terminated.
 * False when it was cut. */
bool text_print(char *to, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool text_vprint(char *to, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

/* True when every octet is a well-formed UTF-8 sequence without NUL,
 * surrogates or overlong forms. */
bool bytes_is_utf8(struct bytes b);

/* True when every octet is printable ASCII (0x20..0x7e). */
bool bytes_is_printable(struct bytes b);

/* An empty buffer that may grow to max octets. No memory is taken yet. */
struct buf buf_make(size_t max);
void buf_free(struct buf *b);

/* Forget the content, keep the memory. */
static inline void buf_clear(struct buf *b)
{
	b->n = 0;
}

/* Make room for n more octets. ERR_LIMIT beyond max, ERR_MEMORY. */
err_t buf_reserve(struct buf *b, size_t n) MUST_USE;

/* Inline, as what an answer is made of comes in pieces of few octets. */
static inline MUST_USE err_t buf_add(struct buf *b, struct bytes add)
{
	err_t err = ERR_OK;

	if (add.n > b->cap - b->n)
		TRY(buf_reserve(b, add.n));
	if (add.n)
		memcpy(b->p + b->n, add.p, add.n);
	b->n += add.n;
out:
	return err;
}

static inline MUST_USE err_t buf_add_byte(struct buf *b, uint8_t c)
{
	err_t err = ERR_OK;

	if (b->n == b->cap)
		TRY(buf_reserve(b, 1));
	b->p[b->n++] = c;
out:
	return err;
}

err_t buf_add_u64(struct buf *b, uint64_t n) MUST_USE; /* decimal */
err_t buf_add_hex(struct buf *b, struct bytes raw) MUST_USE;
err_t buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3))) MUST_USE;

/* Drop the first n octets. */
void buf_consume(struct buf *b, size_t n);

/* Memory for tables that live as long as the process: zeroed, or NULL.
 * count * size is checked for overflow. Freed by mem_free. */
void *mem_new(size_t count, size_t size);

/* Grow an array; the new part is zeroed. The old pointer stays valid on NULL. */
void *mem_grow(void *old, size_t old_count, size_t new_count, size_t size);
void mem_free(void *p);

/* For torture tests: the n-th allocation from now fails (0: none does). */
void mem_fail_at(uint64_t n);

/* Allocations since mem_fail_at was last called. */
uint64_t mem_count(void);

/* Big-endian integers. */
static inline void put_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, (uint16_t)(v >> 16));
	put_be16(p + 2, (uint16_t)v);
}

static inline void put_be64(uint8_t *p, uint64_t v)
{
	put_be32(p, (uint32_t)(v >> 32));
	put_be32(p + 4, (uint32_t)v);
}

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

#endif
