/* keyed.c: keyed hashes, by which is found what nobody is to read.
 *
 * Index keys of generation 0 come from the keeper by name. Those of each later one are made
 * of a key of its own, drawn and sealed as data keys are, which nobody can make again when it
 * is destroyed. While a rotation runs there are two generations. */
#include "store/inner.h"

#include "base/secret.h"

static struct index_key *find_key(struct store *s, uint32_t generation, struct bytes purpose)
{
	for (size_t i = 0; i < s->index_keys_n; i++) {
		struct index_key *k = &s->index_keys[i];

		if (k->generation == generation && bytes_equal(bytes_make(k->name, k->name_n), purpose))
			return k;
	}
	return NULL;
}

/* The place of a generation's key: its own, or that of neither now nor before. */
static struct generation_key *place_of(struct store *s, uint32_t generation)
{
	struct generation_key *k = s->generation_keys;

	if (k[1].generation == generation)
		return &k[1];
	if (k[0].generation == generation)
		return &k[0];
	return k[0].generation && k[0].generation == s->generations.now ? &k[1] : &k[0];
}

static err_t keep_key(struct store *s, uint32_t generation, const uint8_t key[CRYPT_AEAD_KEY])
{
	struct generation_key *k = place_of(s, generation);

	crypt_hmac_free(&k->hmac);
	*k = (struct generation_key){ 0 };
	k->generation = generation;
	return crypt_hmac_init(&k->hmac, bytes_make(key, CRYPT_AEAD_KEY));
}

static err_t key_of_generation(struct store *s, uint32_t generation, struct crypt_hmac **out)
{
	struct generation_key *k = place_of(s, generation);
	uint8_t key[CRYPT_AEAD_KEY];
	struct bytes sealed;
	err_t err = ERR_OK;

	if (k->generation != generation) {
		TRY(s->ops->epoch_get(s->engine, ENGINE_INDEX + generation, &sealed));
		if (!sealed.n)
			return ERR_TAMPERED;
		TRY(s->keys.data_key_open(s->keys.self, sealed, key));
		err = keep_key(s, generation, key);
		secret_wipe(key, sizeof(key));
	}
	*out = &k->hmac;
out:
	return err;
}

static err_t make_key(struct store *s, uint32_t generation, struct bytes purpose, uint8_t key[32])
{
	struct crypt_hmac *hmac;
	err_t err;

	if (generation == 0)
		return s->keys.index_key(s->keys.self, purpose, key);
	TRY(key_of_generation(s, generation, &hmac));
	crypt_hmac_two(hmac, BYTES("holdfast index key\0"), purpose, key);
out:
	return err;
}

static err_t index_key(struct store *s, uint32_t generation, struct bytes purpose,
                       struct crypt_hmac **out)
{
	struct index_key *k = find_key(s, generation, purpose);
	uint8_t key[32];
	err_t err = ERR_OK;

	if (!k) {
		if (s->index_keys_n == INDEX_KEYS)
			return ERR_LIMIT;
		k = &s->index_keys[s->index_keys_n];
		TRY(bytes_put(k->name, sizeof(k->name), purpose));
		k->name_n = (uint8_t)purpose.n;
		k->generation = generation;
		TRY(make_key(s, generation, purpose, key));
		err = crypt_hmac_init(&k->hmac, BYTES_OF(key));
		secret_wipe(key, sizeof(key));
		if (err != ERR_OK)
			goto out;
		s->index_keys_n++;
	}
	*out = &k->hmac;
out:
	return err;
}

err_t keyed_hash(struct store *s, uint32_t generation, struct bytes purpose, struct bytes a,
                 struct bytes b, uint8_t out[ENGINE_HASH])
{
	struct crypt_hmac *hmac;
	uint8_t whole[32];
	err_t err;

	TRY(index_key(s, generation, purpose, &hmac));
	crypt_hmac_two(hmac, a, b, whole);
	bytes_copy(out, whole, ENGINE_HASH);
out:
	return err;
}

err_t keyed_check(struct store *s, uint32_t generation, struct index_entry *entry)
{
	uint8_t purpose[6 + ATTRIBUTE_MAX] = "check/", octets[8], whole[ENGINE_HASH];
	struct bytes attribute = entry->attribute;
	err_t err;

	must(attribute.n <= ATTRIBUTE_MAX);
	bytes_copy(purpose + 6, attribute.p, attribute.n);
	put_be64(octets, entry->id);
	TRY(keyed_hash(s, generation, bytes_make(purpose, 6 + attribute.n), BYTES_OF(entry->value_h),
	               BYTES_OF(octets), whole));
	bytes_copy(entry->check, whole, ENGINE_CHECK);
out:
	return err;
}

/* --- generations ------------------------------------------------------------------- */

unsigned keyed_generations(const struct store *s, uint32_t out[2])
{
	out[0] = s->generations.now;
	out[1] = s->generations.before;
	return out[1] == NO_GENERATION ? 1 : 2;
}

/* Of the generations but `kept`. */
static void forget_keys(struct store *s, uint32_t kept, uint32_t kept_too)
{
	size_t n = 0;

	for (size_t i = 0; i < s->index_keys_n; i++) {
		struct index_key *k = &s->index_keys[i];

		if (k->generation == kept || k->generation == kept_too) {
			s->index_keys[n++] = *k;
			continue;
		}
		crypt_hmac_free(&k->hmac);
	}
	secret_wipe(&s->index_keys[n], (s->index_keys_n - n) * sizeof(s->index_keys[0]));
	s->index_keys_n = n;
	for (size_t i = 0; i < COUNT_OF(s->generation_keys); i++) {
		struct generation_key *k = &s->generation_keys[i];

		if (k->generation == kept || k->generation == kept_too)
			continue;
		crypt_hmac_free(&k->hmac);
		*k = (struct generation_key){ 0 };
	}
}

void keyed_forget(struct store *s)
{
	forget_keys(s, s->generations.now, NO_GENERATION);
}

err_t keyed_draw(struct store *s)
{
	uint32_t now = s->generations.now, next = now + 1;
	uint8_t key[CRYPT_AEAD_KEY];
	err_t err;

	if (next >= ENGINE_INDEX - 1)
		return ERR_LIMIT;
	/* One that was drawn and taken back may have had this number. */
	forget_keys(s, now, NO_GENERATION);
	buf_clear(&s->generation_sealed);
	TRY(s->keys.data_key_new(s->keys.self, key, &s->generation_sealed));
	err = keep_key(s, next, key);
	secret_wipe(key, sizeof(key));
	if (err == ERR_OK)
		s->generations = (struct generations){ next, now };
out:
	return err;
}

err_t keyed_open(struct store *s)
{
	uint32_t last;
	err_t err;

	s->generation_sealed = buf_make(1024);
	TRY(s->ops->epoch_last(s->engine, UINT32_MAX, &last));
	s->generations.now = s->generation_stored = last > ENGINE_INDEX ? last - ENGINE_INDEX : 0;
	s->generations.before = s->generations.now ? s->generations.now - 1 : NO_GENERATION;
out:
	return err;
}

void keyed_close(struct store *s)
{
	forget_keys(s, NO_GENERATION, NO_GENERATION);
	buf_free(&s->generation_sealed);
}
