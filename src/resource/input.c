/* input.c: what an action takes from resources at the time when its request is made. Only whole values
 * are put, and only for whole texts: nothing is put together from parts. */
#include "resource/action.h"

#include "resource/engine.h"

enum { NESTED_MAX = 64 };

err_t action_input(struct resources *r, struct bytes input, uint64_t *id, struct bytes *attribute)
{
	struct target target;
	struct place place;
	err_t err;

	*id = 0;
	TRY(tree_walk(r, input, &place));
	*attribute = place.attribute;
	if (place.where != TARGET_HERE || !place.attribute.n)
		goto out;
	TRY(resource_resolve(r, input, &target));
	if (target.place == TARGET_HERE && (!target.virtual_child || target.virtual_child->stands_for))
		*id = target.id;
out:
	return err;
}

err_t action_input_elsewhere(struct resources *r, struct bytes input, struct bytes *to, struct bytes *attribute, bool *yes)
{
	struct place place;
	err_t err;

	TRY(tree_walk(r, input, &place));
	*yes = place.where == TARGET_ELSEWHERE && place.attribute.n > 0;
	*attribute = place.attribute;
	*to = bytes_sub(input, 0, bytes_find(input, '#'));
out:
	return err;
}

struct bytes action_input_shown(struct bytes content, struct bytes attribute)
{
	struct bytes key, pairs;
	struct cbor map, value;
	bool found = false;

	/* { "m2m:cnt": { attributes } } */
	if (!content.n || cbor_read(content, &map) != ERR_OK || map.kind != CBOR_MAP)
		return BYTES_NONE;
	pairs = map.s;
	if (cbor_pair(&pairs, &key, &map, &found) != ERR_OK || !found || map.kind != CBOR_MAP ||
	    cbor_find(map.raw, attribute, &value, &found) != ERR_OK || !found || value.kind == CBOR_NULL)
		return BYTES_NONE;
	return value.raw;
}

err_t action_input_value(struct resources *r, struct arena *a, uint64_t id, struct bytes attribute, struct bytes *value)
{
	struct attribute_set *shown;
	const struct store_row *row;
	struct cbor v;
	void *p;
	err_t err;

	TRY(store_get(r->store, id, &row));
	TRY(row ? arena_take(a, sizeof(*shown), &p) : ERR_MISSING);
	shown = p;
	TRY(view_attributes(r, a, row, shown));
	err = set_get(shown, attribute, &v) ? arena_copy(a, v.raw, value) : ERR_MISSING;
out:
	return err;
}

struct putting {
	const struct bytes *values;
	size_t n;
	unsigned nested;
	struct buf *out;
};

/* "$1" */
static const struct bytes *value_for(const struct putting *p, const struct cbor *v)
{
	if (v->kind != CBOR_TEXT || v->s.n != 2 || v->s.p[0] != '$' || v->s.p[1] < '1')
		return NULL;
	return (size_t)(v->s.p[1] - '1') < p->n ? &p->values[v->s.p[1] - '1'] : NULL;
}

static err_t put(struct putting *p, struct cbor v)
{
	const struct bytes *value = value_for(p, &v);
	struct bytes key;
	struct cbor item;
	bool found = true;
	err_t err;

	if (value || (v.kind != CBOR_MAP && v.kind != CBOR_ARRAY))
		return buf_add(p->out, value ? *value : v.raw);
	if (++p->nested > NESTED_MAX)
		return ERR_LIMIT;
	TRY(v.kind == CBOR_MAP ? cbor_put_map(p->out, v.u) : cbor_put_array(p->out, v.u));
	for (uint64_t i = 0; i < v.u; i++) {
		if (v.kind == CBOR_MAP) {
			TRY(cbor_pair(&v.s, &key, &item, &found));
			TRY(found ? cbor_put_text(p->out, key) : ERR_SYNTAX);
		} else {
			TRY(cbor_next(&v.s, &item));
		}
		TRY(put(p, item));
	}
	p->nested--;
out:
	return err;
}

err_t action_input_put(struct bytes content, const struct bytes *values, size_t n, struct buf *out)
{
	struct putting p = { values, n, 0, out };
	struct cbor v;
	err_t err;

	TRY(cbor_read(content, &v));
	err = put(&p, v);
out:
	return err;
}
