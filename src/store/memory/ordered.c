/* ordered.c: a treap. Weights are drawn by a small generator: who chooses the
 * keys does not see them. */
#include "store/memory/ordered.h"

static uint64_t draw(struct ordered *o)
{
	/* splitmix64 */
	uint64_t z = o->seed += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void free_tree(struct ordered_node *n)
{
	while (n) {
		struct ordered_node *right = n->right;

		free_tree(n->left);
		mem_free(n);
		n = right;
	}
}

/* All keys below `key` into *low, the others into *high. */
static void split(struct ordered_node *n, struct bytes key, struct ordered_node **low,
                  struct ordered_node **high)
{
	while (n) {
		if (bytes_compare(n->key, key) < 0) {
			*low = n;
			low = &n->right;
			n = n->right;
		} else {
			*high = n;
			high = &n->left;
			n = n->left;
		}
	}
	*low = *high = NULL;
}

static struct ordered_node *merge(struct ordered_node *low, struct ordered_node *high)
{
	struct ordered_node *root = NULL, **at = &root;

	while (low && high) {
		if (low->weight > high->weight) {
			*at = low;
			at = &low->right;
			low = low->right;
		} else {
			*at = high;
			at = &high->left;
			high = high->left;
		}
	}
	*at = low ? low : high;
	return root;
}

static void link_node(struct ordered *o, struct ordered_node *n)
{
	struct ordered_node **at = &o->root;

	while (*at && (*at)->weight >= n->weight)
		at = bytes_compare(n->key, (*at)->key) < 0 ? &(*at)->left : &(*at)->right;
	split(*at, n->key, &n->left, &n->right);
	*at = n;
	o->n++;
}

static struct ordered_node *unlink_node(struct ordered *o, struct bytes key)
{
	struct ordered_node **at = &o->root, *n;

	while (*at) {
		int c = bytes_compare(key, (*at)->key);

		if (c == 0)
			break;
		at = c < 0 ? &(*at)->left : &(*at)->right;
	}
	n = *at;
	if (n) {
		*at = merge(n->left, n->right);
		o->n--;
	}
	return n;
}

static err_t note_room(struct ordered *o)
{
	size_t cap = o->changes_cap ? o->changes_cap * 2 : 256;
	struct ordered_change *grown;

	if (o->changes_n < o->changes_cap)
		return ERR_OK;
	grown = mem_grow(o->changes, o->changes_cap, cap, sizeof(*grown));
	if (!grown)
		return ERR_MEMORY;
	o->changes = grown;
	o->changes_cap = cap;
	return ERR_OK;
}

void ordered_free(struct ordered *o)
{
	ordered_settle(o, true);
	free_tree(o->root);
	mem_free(o->changes);
	*o = (struct ordered){ 0 };
}

void ordered_settle(struct ordered *o, bool keep)
{
	while (o->changes_n > 0) {
		struct ordered_change *c = &o->changes[--o->changes_n];

		if (keep) {
			mem_free(c->removed);
			continue;
		}
		if (c->added)
			mem_free(unlink_node(o, c->added->key));
		if (c->removed)
			link_node(o, c->removed);
	}
}

err_t ordered_put(struct ordered *o, struct bytes key, struct bytes value)
{
	struct ordered_change change = { 0 };
	struct ordered_node *n;
	uint8_t *octets;
	err_t err;

	TRY(note_room(o));
	n = mem_new(1, sizeof(*n) + key.n + value.n);
	if (!n)
		return ERR_MEMORY;
	octets = (uint8_t *)(n + 1);
	bytes_copy(octets, key.p, key.n);
	bytes_copy(octets + key.n, value.p, value.n);
	n->key = bytes_make(octets, key.n);
	n->value = bytes_make(octets + key.n, value.n);
	n->weight = draw(o);
	change.removed = unlink_node(o, n->key);
	change.added = n;
	link_node(o, n);
	o->changes[o->changes_n++] = change;
out:
	return err;
}

err_t ordered_drop(struct ordered *o, struct bytes key, bool *found)
{
	struct ordered_node *n;
	err_t err;

	TRY(note_room(o));
	n = unlink_node(o, key);
	if (n)
		o->changes[o->changes_n++] = (struct ordered_change){ .removed = n };
	if (found)
		*found = n != NULL;
out:
	return err;
}

const struct ordered_node *ordered_get(const struct ordered *o, struct bytes key)
{
	const struct ordered_node *n = o->root;

	while (n) {
		int c = bytes_compare(key, n->key);

		if (c == 0)
			break;
		n = c < 0 ? n->left : n->right;
	}
	return n;
}

const struct ordered_node *ordered_above(const struct ordered *o, struct bytes key)
{
	const struct ordered_node *n = o->root, *best = NULL;

	while (n) {
		if (bytes_compare(n->key, key) > 0) {
			best = n;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return best;
}

const struct ordered_node *ordered_below(const struct ordered *o, struct bytes key)
{
	const struct ordered_node *n = o->root, *best = NULL;

	while (n) {
		if (bytes_compare(n->key, key) < 0) {
			best = n;
			n = n->right;
		} else {
			n = n->left;
		}
	}
	return best;
}
