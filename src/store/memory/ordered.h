/* ordered.h: an ordered map of octets to octets, with a way back.
 *
 * Keys compare as octets. Between ordered_begin and ordered_settle every change
 * is noted with the node it took out or put in, so that going back needs no
 * memory and cannot fail. */
#ifndef STORE_MEMORY_ORDERED_H
#define STORE_MEMORY_ORDERED_H

#include "base/bytes.h"

struct ordered_node {
	struct ordered_node *left, *right;
	uint64_t weight;
	struct bytes key, value; /* behind the node, one allocation */
};

struct ordered_change {
	struct ordered_node *added, *removed;
};

struct ordered {
	struct ordered_node *root;
	uint64_t seed;
	size_t n;
	struct ordered_change *changes;
	size_t changes_n, changes_cap;
};

void ordered_free(struct ordered *o);
void ordered_settle(struct ordered *o, bool keep);

/* Put, replacing. ERR_MEMORY: nothing was changed. */
err_t ordered_put(struct ordered *o, struct bytes key, struct bytes value) MUST_USE;
/* Take out; *found may be NULL. */
err_t ordered_drop(struct ordered *o, struct bytes key, bool *found) MUST_USE;

/* NULL when there is none. */
const struct ordered_node *ordered_get(const struct ordered *o, struct bytes key);
const struct ordered_node *ordered_above(const struct ordered *o, struct bytes key); /* > */
const struct ordered_node *ordered_below(const struct ordered *o, struct bytes key); /* < */

#endif
