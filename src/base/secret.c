/* secret.c: octets that must not be seen.
 *
 *   | guard page | slots of one page ... | guard page |
 *
 * A pool of one mapping holds fixed slots, so that ten thousand keys do not
 * take ten thousand mappings. The pool is made on first use and never grows
 * in place: a further pool is mapped when one is full. */
#define _GNU_SOURCE
#include "base/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOT = 64, POOL_OCTETS = 64 * 1024, POOL_SLOTS = POOL_OCTETS / SLOT,
       SECRET_MAX = 4096 };

struct pool {
	struct pool *next;
	uint8_t *base;
	uint8_t taken[POOL_SLOTS]; /* slots of the run that starts here, 0 free */
	uint8_t busy[POOL_SLOTS];
};

static struct pool *pools;
static bool not_locked, not_hidden; /* of any page so far */

/* Pages that no other process, dump or swap sees, as far as the kernel helps. */
static uint8_t *map_pages(size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *whole, *inner;
	int fd = (int)syscall(SYS_memfd_secret, 0);
	bool hidden;

	whole = mmap(NULL, n + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (whole == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	inner = MAP_FAILED;
	if (fd >= 0 && ftruncate(fd, (off_t)n) == 0)
		inner = mmap(whole + page, n, PROT_READ | PROT_WRITE,
		             MAP_SHARED | MAP_FIXED, fd, 0);
	if (fd >= 0)
		close(fd);
	hidden = inner != MAP_FAILED;
	if (!hidden) {
		not_hidden = true;
		inner = mmap(whole + page, n, PROT_READ | PROT_WRITE,
		             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	if (inner == MAP_FAILED) {
		munmap(whole, n + 2 * page);
		return NULL;
	}
	/* Best effort where the limit on locked memory is low; doctor says so. What
	 * memfd_secret gave is never swapped, and mlock refuses it. */
	not_locked |= !hidden && mlock(inner, n) != 0;
	(void)madvise(inner, n, MADV_DONTDUMP);
	(void)madvise(inner, n, MADV_DONTFORK);
	return inner;
}

static struct pool *pool_add(void)
{
	struct pool *p = mem_new(1, sizeof(*p));

	if (!p)
		return NULL;
	p->base = map_pages(POOL_OCTETS);
	if (!p->base) {
		mem_free(p);
		return NULL;
	}
	p->next = pools;
	pools = p;
	return p;
}

/* First run of `want` free slots in the pool, or POOL_SLOTS. */
static size_t pool_find(const struct pool *p, size_t want)
{
	size_t run = 0;

	for (size_t i = 0; i < POOL_SLOTS; i++) {
		run = p->busy[i] ? 0 : run + 1;
		if (run == want)
			return i + 1 - want;
	}
	return POOL_SLOTS;
}

err_t secret_new(size_t n, struct secret *out)
{
	size_t want = (n + SLOT - 1) / SLOT;
	struct pool *p = pools;
	size_t at = POOL_SLOTS;

	*out = (struct secret){ 0 };
	must(n > 0 && n <= SECRET_MAX);
	for (; p; p = p->next) {
		at = pool_find(p, want);
		if (at < POOL_SLOTS)
			break;
	}
	if (!p) {
		p = pool_add();
		if (!p)
			return ERR_MEMORY;
		at = 0;
	}
	p->taken[at] = (uint8_t)want;
	memset(p->busy + at, 1, want);
	out->p = p->base + at * SLOT;
	out->n = n;
	bytes_zero(out->p, n);
	return ERR_OK;
}

err_t secret_copy(struct bytes from, struct secret *out)
{
	err_t err;

	TRY(secret_new(from.n, out));
	bytes_copy(out->p, from.p, from.n);
out:
	return err;
}

void secret_free(struct secret *s)
{
	if (!s->p)
		return;
	secret_wipe(s->p, s->n);
	for (struct pool *p = pools; p; p = p->next) {
		if (s->p >= p->base && s->p < p->base + POOL_OCTETS) {
			size_t at = (size_t)(s->p - p->base) / SLOT;

			memset(p->busy + at, 0, p->taken[at]);
			p->taken[at] = 0;
		}
	}
	*s = (struct secret){ 0 };
}

bool secret_locked(void)
{
	return pools && !not_locked;
}

bool secret_hidden(void)
{
	return pools && !not_hidden;
}

bool secret_equal(struct bytes a, struct bytes b)
{
	uint8_t diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= (uint8_t)(a.p[i] ^ b.p[i]);
	return diff == 0;
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}
