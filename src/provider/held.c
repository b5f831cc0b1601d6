/* held.c: the table of keys on tokens. */
#include "provider/held.h"

#include "wire/tpm_area.h"

enum { HEAD = 2 + TOKEN_IDENTITY };

struct held held[HELD_MAX];

static struct held *find(const struct provider_key *k)
{
	for (size_t i = 0; i < HELD_MAX; i++) {
		if (held[i].n && bytes_equal(bytes_make(held[i].blob, held[i].n), secret_view(&k->blob)))
			return &held[i];
	}
	return NULL;
}

struct bytes held_reference(const struct held *h)
{
	return bytes_make(h->blob + HEAD, h->n - HEAD);
}

struct held *held_note(const struct provider_key *k)
{
	struct bytes blob = secret_view(&k->blob);
	struct held *h = find(k);
	struct tpm_area area;

	for (size_t i = 0; i < HELD_MAX && !h; i++) {
		if (held[i].n || bytes_put(held[i].blob, sizeof(held[i].blob), blob) != ERR_OK)
			continue;
		h = &held[i];
		h->n = blob.n;
		h->class = k->class;
		/* What is certified is the reference: the record's public key has to be its. */
		h->certifiable = k->class == KEY_EC_P256 && tpm_area_read(held_reference(h), &area) == ERR_OK &&
		                 bytes_equal(BYTES_OF(area.point), bytes_make(k->public_key, k->public_n));
	}
	return h;
}

void held_forget(const struct provider_key *k)
{
	struct held *h = find(k);

	if (h)
		*h = (struct held){ .n = 0 };
}
