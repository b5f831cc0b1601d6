/* buf.c: owned octets with a bound, and the one door to the allocator. */
#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t fail_at;
static uint64_t allocations;

void mem_fail_at(uint64_t n)
{
	fail_at = n;
	allocations = 0;
}

uint64_t mem_count(void)
{
	return allocations;
}

static bool allocation_fails(void)
{
	allocations++;
	return fail_at != 0 && allocations == fail_at;
}

void *mem_new(size_t count, size_t size)
{
	return allocation_fails() ? NULL : calloc(count ? count : 1, size);
}

void *mem_grow(void *old, size_t old_count, size_t new_count, size_t size)
{
	uint8_t *p;

	must(new_count >= old_count && size > 0);
	if (allocation_fails() || new_count > SIZE_MAX / size)
		return NULL;
	p = realloc(old, new_count ? new_count * size : 1);
	if (p)
		bytes_zero(p + old_count * size, (new_count - old_count) * size);
	return p;
}

void mem_free(void *p)
{
	free(p);
}

struct buf buf_make(size_t max)
{
	return (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	mem_free(b->p);
	*b = (struct buf){ .max = b->max };
}

err_t buf_reserve(struct buf *b, size_t n)
{
	size_t want, cap;
	uint8_t *p;

	if (n > b->max || b->n > b->max - n)
		return ERR_LIMIT;
	want = b->n + n;
	if (want <= b->cap)
		return ERR_OK;
	cap = b->cap ? b->cap : 64;
	while (cap < want)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	if (allocation_fails())
		return ERR_MEMORY;
	p = realloc(b->p, cap);
	if (!p)
		return ERR_MEMORY;
	b->p = p;
	b->cap = cap;
	return ERR_OK;
}

err_t buf_add_u64(struct buf *b, uint64_t n)
{
	uint8_t text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (uint8_t)('0' + n % 10);
		n /= 10;
	} while (n);
	return buf_add(b, bytes_make(text + at, sizeof(text) - at));
}

err_t buf_add_hex(struct buf *b, struct bytes raw)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < raw.n; i++) {
		char two[3];

		bytes_to_hex(bytes_sub(raw, i, 1), two, sizeof(two));
		TRY(buf_add(b, bytes_make(two, 2)));
	}
out:
	return err;
}

err_t buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char small[512];
	int n;
	err_t err;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0)
		return ERR_SYNTAX;
	if ((size_t)n < sizeof(small))
		return buf_add(b, bytes_make(small, (size_t)n));
	TRY(buf_reserve(b, (size_t)n + 1));
	va_start(ap, fmt);
	n = vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
out:
	return err;
}

void buf_consume(struct buf *b, size_t n)
{
	must(n <= b->n);
	if (n && n < b->n)
		memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
}
