/* attributes.c: a body taken apart into its members, and put together again. */
#include "resource/engine.h"

enum { HEAD_MAX = 9 }; /* of an encoded item */

err_t set_load(struct attribute_set *set, struct bytes body)
{
	struct cbor value;
	struct bytes content, key;
	uint64_t pairs;
	bool found;

	set->n = 0;
	if (cbor_map(body, &content, &pairs) != ERR_OK)
		return ERR_TAMPERED;
	for (uint64_t i = 0; i < pairs; i++) {
		if (cbor_pair(&content, &key, &value, &found) != ERR_OK || !found)
			return ERR_TAMPERED;
		if (set->n == ATTRIBUTES_MAX)
			return ERR_LIMIT;
		set->m[set->n++] = (struct cbor_member){ key, value.raw };
	}
	return content.n == 0 ? ERR_OK : ERR_TAMPERED;
}

/* Most keys differ in length or in their first octet: look there first. */
static bool is_key(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || (a.p[0] == b.p[0] && bytes_equal(a, b)));
}

static struct cbor_member *member(struct attribute_set *set, struct bytes key)
{
	for (size_t i = 0; i < set->n; i++) {
		if (is_key(set->m[i].key, key))
			return &set->m[i];
	}
	return NULL;
}

bool set_get(const struct attribute_set *set, struct bytes key, struct cbor *value)
{
	for (size_t i = 0; i < set->n; i++) {
		if (is_key(set->m[i].key, key)) {
			/* Values in a set were read or written by this program. */
			must(cbor_read(set->m[i].value, value) == ERR_OK);
			return true;
		}
	}
	return false;
}

uint64_t set_uint(const struct attribute_set *set, struct bytes key, uint64_t otherwise)
{
	struct cbor v;

	return set_get(set, key, &v) && v.kind == CBOR_UINT ? v.u : otherwise;
}

bool set_true(const struct attribute_set *set, struct bytes key)
{
	struct cbor v;

	return set_get(set, key, &v) && v.kind == CBOR_BOOL && v.u == 1;
}

err_t set_put(struct attribute_set *set, struct bytes key, struct bytes encoded)
{
	struct cbor_member *m = member(set, key);

	if (m) {
		m->value = encoded;
		return ERR_OK;
	}
	if (set->n == ATTRIBUTES_MAX)
		return ERR_LIMIT;
	set->m[set->n++] = (struct cbor_member){ key, encoded };
	return ERR_OK;
}

/* Room in the arena, to be encoded into: `n` octets behind a head. */
static err_t encoding_room(struct arena *a, size_t n, struct buf *out)
{
	size_t room = HEAD_MAX + n;
	void *p;
	err_t err;

	TRY(arena_room(a, room, &p));
	*out = (struct buf){ .p = p, .cap = room, .max = room };
out:
	return err;
}

/* What was encoded into the scratch, kept in the arena, becomes the value. */
static err_t put_scratch(struct resources *r, struct arena *a, struct attribute_set *set,
                         struct bytes key)
{
	struct bytes kept;
	err_t err;

	TRY(arena_copy(a, bytes_of_buf(&r->scratch), &kept));
	TRY(set_put(set, key, kept));
out:
	return err;
}

err_t set_put_uint(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes key, uint64_t v)
{
	struct buf value;
	err_t err;

	TRY(encoding_room(a, 0, &value));
	TRY(cbor_put_uint(&value, v));
	err = set_put(set, key, bytes_of_buf(&value));
out:
	return err;
}

err_t set_put_text(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes key, struct bytes text)
{
	struct buf value;
	err_t err;

	TRY(encoding_room(a, text.n, &value));
	TRY(cbor_put_text(&value, text));
	err = set_put(set, key, bytes_of_buf(&value));
out:
	return err;
}

err_t set_put_bool(struct resources *r, struct arena *a, struct attribute_set *set,
                   struct bytes key, bool v)
{
	err_t err;

	buf_clear(&r->scratch);
	TRY(cbor_put_bool(&r->scratch, v));
	TRY(put_scratch(r, a, set, key));
out:
	return err;
}

err_t set_put_texts(struct resources *r, struct arena *a, struct attribute_set *set,
                    struct bytes key, const struct bytes *texts, size_t n)
{
	err_t err;

	buf_clear(&r->scratch);
	TRY(cbor_put_array(&r->scratch, n));
	for (size_t i = 0; i < n; i++)
		TRY(cbor_put_text(&r->scratch, texts[i]));
	TRY(put_scratch(r, a, set, key));
out:
	return err;
}

void set_drop(struct attribute_set *set, struct bytes key)
{
	struct cbor_member *m = member(set, key);

	if (m)
		*m = set->m[--set->n];
}

err_t set_encode(struct resources *r, struct arena *a, struct attribute_set *set,
                 struct bytes *body)
{
	err_t err;

	buf_clear(&r->scratch);
	TRY(cbor_put_members(&r->scratch, set->m, set->n));
	TRY(arena_copy(a, bytes_of_buf(&r->scratch), body));
out:
	return err;
}

err_t body_get(struct bytes body, struct bytes key, struct cbor *value, bool *found)
{
	return cbor_find(body, key, value, found) == ERR_OK ? ERR_OK : ERR_TAMPERED;
}
