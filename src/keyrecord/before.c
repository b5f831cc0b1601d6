/* before.c: the keys of a store as an order found them. */
#include "keyrecord/before.h"

#include "provider/token.h"

void keyrecord_free(struct vault_key *k)
{
	k->provider->unload(&k->key);
	mem_free(k);
}

static void end(struct keys_before *b)
{
	mem_free(b->keys);
	mem_free(b->was);
	*b = (struct keys_before){ .n = 0 };
}

err_t keys_remember(struct keys_before *b, struct vault_key *const *keys, size_t n)
{
	*b = (struct keys_before){ mem_new(n + 1, sizeof(*b->keys)), mem_new(n + 1, sizeof(*b->was)), n };
	if (!b->keys || !b->was) {
		end(b);
		return ERR_MEMORY;
	}
	for (size_t i = 0; i < n; i++) {
		b->keys[i] = keys[i];
		b->was[i] = *keys[i];
		keys[i]->before = true;
	}
	return ERR_OK;
}

/* The record of a key on a token may stand twice; who goes takes along what is known of it. */
static void note_again(struct vault_key *k)
{
	if (k->provider == &token_provider)
		must(k->provider->load(&k->key) == ERR_OK); /* once more */
}

void keys_keep(struct keys_before *b, struct vault_key *const *keys, size_t n)
{
	for (size_t i = 0; i < b->n; i++) {
		if (b->keys[i]->gone)
			keyrecord_free(b->keys[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (!keys[i]->before)
			note_again(keys[i]);
		keys[i]->before = false;
	}
	end(b);
}

void keys_restore(struct keys_before *b, struct vault_key **keys, size_t *n)
{
	if (!b->keys)
		return;
	for (size_t i = 0; i < *n; i++) {
		if (!keys[i]->before)
			keyrecord_free(keys[i]);
	}
	for (size_t i = 0; i < b->n; i++) {
		bool gone = b->keys[i]->gone;

		keys[i] = b->keys[i];
		*keys[i] = b->was[i];
		if (gone)
			note_again(keys[i]);
	}
	*n = b->n;
	end(b);
}
