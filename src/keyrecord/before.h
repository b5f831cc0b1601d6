/* before.h: the keys of a store as an order found them, so that what cannot be written is
 * not done. In between, a key of then that is taken out is only marked (`gone`). */
#ifndef KEYRECORD_BEFORE_H
#define KEYRECORD_BEFORE_H

#include "keyrecord/keyrecord.h"

struct keys_before {
	struct vault_key **keys, *was;
	size_t n;
};

/* Wipe and free. */
void keyrecord_free(struct vault_key *k);

/* Freed by one of the two below. ERR_MEMORY. */
err_t keys_remember(struct keys_before *b, struct vault_key *const *keys, size_t n) MUST_USE;

/* It is on disk: what is gone is freed. `keys`: those of now. */
void keys_keep(struct keys_before *b, struct vault_key *const *keys, size_t n);

/* It is not: those of then with their names and states again, in `keys`, *n of them; those
 * made since are freed. Harmless on {0} and a second time. */
void keys_restore(struct keys_before *b, struct vault_key **keys, size_t *n);

#endif
