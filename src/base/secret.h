/* secret.h: octets that must not be seen.
 *
 * Each secret lives on pages of its own, locked, left out of dumps and, where
 * the kernel has memfd_secret, unmapped from every other address space; it is
 * wiped when freed and compared in constant time. No log function takes it.
 * Guard pages stand on both sides. [T1 T6, CM4] */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/bytes.h"

struct secret {
	uint8_t *p;
	size_t n;
};

/* n zeroed octets, 1..4096. ERR_MEMORY when no page can be had. */
err_t secret_new(size_t n, struct secret *out) MUST_USE;
err_t secret_copy(struct bytes from, struct secret *out) MUST_USE;

/* Wipe and release; harmless on an empty one. */
void secret_free(struct secret *s);

/* Equal in time that depends on the lengths only. */
bool secret_equal(struct bytes a, struct bytes b);

/* Overwrite in a way no compiler removes. */
void secret_wipe(void *p, size_t n);

/* Are all pages so far locked in memory; unmapped from every other address
 * space? False before the first secret. */
bool secret_locked(void);
bool secret_hidden(void);

static inline struct bytes secret_view(const struct secret *s)
{
	return (struct bytes){ s->p, s->n };
}

#endif
