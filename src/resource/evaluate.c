/* evaluate.c: what actions wait for: whether criteria hold, and the rows as they are
 * found, counted and answered. What may be asked of an action when it is made is in
 * types/actr.c. */
#include "resource/action.h"

#include "base/number.h"
#include "resource/engine.h"

/* evalCriteriaOperator */
enum operator { EQUAL = 1, NOT_EQUAL, GREATER, LESS, GREATER_OR_EQUAL, LESS_OR_EQUAL };

enum { TIMES_DEFAULT = 1000, PERIOD_DEFAULT = 10000 };
#define SUBJECT_INDEX BYTES("@subject")

/* --- criteria ------------------------------------------------------------------------- */

static bool is_number(const struct cbor *v)
{
	return v->kind == CBOR_UINT || v->kind == CBOR_NINT || v->kind == CBOR_FLOAT;
}

static double as_double(const struct cbor *v)
{
	if (v->kind == CBOR_FLOAT)
		return v->f;
	return v->kind == CBOR_UINT ? (double)v->u : -1.0 - (double)v->u;
}

/* -1, 0, 1; *ordered false: equal or not is all there is. False: not to be compared. */
static bool compare(const struct cbor *a, const struct cbor *b, int *out, bool *ordered)
{
	*ordered = true;
	if (a->kind == CBOR_UINT && b->kind == CBOR_UINT) {
		*out = (a->u > b->u) - (a->u < b->u);
		return true;
	}
	if (is_number(a) && is_number(b)) {
		double x = as_double(a), y = as_double(b);

		*out = (x > y) - (x < y);
		return x == x && y == y;
	}
	if (a->kind != b->kind || (a->kind != CBOR_TEXT && a->kind != CBOR_BOOL))
		return false;
	*ordered = a->kind == CBOR_TEXT;
	*out = a->kind == CBOR_TEXT ? bytes_compare(a->s, b->s) : a->u != b->u;
	return true;
}

/* A threshold of free type may have come as text, as XML writes it. */
static struct cbor like(const struct cbor *value, const struct cbor *threshold)
{
	struct cbor out = *threshold;

	if (threshold->kind != CBOR_TEXT)
		return out;
	if (is_number(value) && number_parse(threshold->s, &out.f) == ERR_OK)
		out.kind = CBOR_FLOAT;
	if (value->kind == CBOR_BOOL && (bytes_equal(threshold->s, BYTES("true")) || bytes_equal(threshold->s, BYTES("false"))))
		out = (struct cbor){ .kind = CBOR_BOOL, .u = threshold->s.n == 4 };
	return out;
}

static bool holds(const struct cbor *value, uint64_t operator, const struct cbor *threshold)
{
	struct cbor other = like(value, threshold);
	bool ordered;
	int order;

	if (!compare(value, &other, &order, &ordered) ||
	    (!ordered && operator != EQUAL && operator != NOT_EQUAL))
		return false;
	switch (operator) {
	case EQUAL: return order == 0;
	case NOT_EQUAL: return order != 0;
	case GREATER: return order > 0;
	case LESS: return order < 0;
	case GREATER_OR_EQUAL: return order >= 0;
	case LESS_OR_EQUAL: return order <= 0;
	default: return false;
	}
}

static bool member(struct bytes map, const char *key, struct cbor *out)
{
	bool found = false;

	return cbor_find(map, bytes_str(key), out, &found) == ERR_OK && found;
}

bool action_criteria_hold(struct bytes criteria, const struct attribute_set *shown)
{
	struct cbor optr, sbjt, thld, value;

	return member(criteria, "optr", &optr) && member(criteria, "sbjt", &sbjt) && member(criteria, "thld", &thld) &&
	       optr.kind == CBOR_UINT && sbjt.kind == CBOR_TEXT && set_get(shown, sbjt.s, &value) &&
	       holds(&value, optr.u, &thld);
}

err_t action_holds(struct resources *r, struct arena *a, uint64_t subject, struct bytes criteria,
                   bool *yes)
{
	struct attribute_set *shown;
	const struct store_row *row;
	void *p;
	err_t err;

	*yes = false;
	TRY(store_get(r->store, subject, &row));
	if (!row)
		goto out;
	TRY(arena_take(a, sizeof(*shown), &p));
	shown = p;
	TRY(view_attributes(r, a, row, shown));
	*yes = action_criteria_hold(criteria, shown);
out:
	return err;
}

/* --- finding ---------------------------------------------------------------------------- */

err_t actions_open(struct resources *r)
{
	static const uint8_t modes[] = { EVALUATE_ONCE, EVALUATE_PERIODIC, EVALUATE_CONTINUOUS };

	return index_has_any(r, BYTES("evm"), modes, COUNT_OF(modes), &r->actions);
}

bool actions_exist(const struct resources *r)
{
	return r->actions;
}

static err_t subject_text(uint64_t subject, struct buf *out)
{
	buf_clear(out);
	return buf_add_u64(out, subject);
}

err_t action_index(struct resources *r, uint64_t id, const struct attribute_set *set, uint64_t subject)
{
	uint64_t mode = set ? set_uint(set, BYTES("evm"), EVALUATE_OFF) : EVALUATE_OFF;
	struct buf text = buf_make(32);
	struct bytes value;
	err_t err;

	TRY(subject_text(subject, &text));
	value = bytes_of_buf(&text);
	r->actions |= mode != EVALUATE_OFF;
	err = store_index_set(r->store, id, SUBJECT_INDEX, &value,
	                      subject && (mode == EVALUATE_ONCE || mode == EVALUATE_CONTINUOUS) ? 1 : 0);
out:
	buf_free(&text);
	return err;
}

err_t actions_on(struct resources *r, uint64_t subject, uint64_t *ids, size_t *n)
{
	struct store_find find = { .name = SUBJECT_INDEX, .limit = ACTIONS_OF_SUBJECT };
	struct buf text = buf_make(32);
	err_t err = ERR_OK;

	*n = 0;
	if (!r->actions || !subject)
		goto out;
	TRY(subject_text(subject, &text));
	find.value = bytes_of_buf(&text);
	TRY(store_index_find(r->store, &find, ids, n));
out:
	buf_free(&text);
	return err;
}

static uint64_t number_of(const struct store_row *row, struct bytes key, uint64_t otherwise)
{
	struct cbor v;
	bool found;

	return body_get(row->body, key, &v, &found) == ERR_OK && found && v.kind == CBOR_UINT ? v.u
	                                                                                      : otherwise;
}

err_t actions_due(struct resources *r, int64_t now, uint64_t *after, uint64_t *ids, size_t limit,
                  size_t *n)
{
	static const uint8_t periodic = EVALUATE_PERIODIC; /* in CBOR, as the index keeps it */
	struct store_find find = { .name = BYTES("evm"), .value = bytes_make(&periodic, 1),
	                           .after = *after, .limit = limit < PAGE ? limit : PAGE };
	const struct store_row *row;
	uint64_t found[PAGE];
	size_t found_n = 0;
	err_t err = ERR_OK;

	*n = 0;
	if (!r->actions)
		goto out;
	TRY(store_index_find(r->store, &find, found, &found_n));
	*after = found_n < find.limit ? 0 : found[found_n - 1];
	for (size_t i = 0; i < found_n; i++) {
		TRY(store_get(r->store, found[i], &row));
		if (row && row->type == ACTION && !row_expired(row, now) && !number_of(row, BYTES("@el"), 0) &&
		    number_of(row, BYTES("@nx"), 0) <= (uint64_t)now)
			ids[(*n)++] = found[i];
	}
out:
	return err;
}

err_t action_subject(struct resources *r, const struct attribute_set *set, uint64_t parent,
                     uint64_t *out)
{
	struct place place;
	struct cbor sri;
	err_t err;

	*out = parent;
	if (!set_get(set, BYTES("sri"), &sri))
		return ERR_OK;
	*out = 0;
	TRY(tree_walk(r, sri.s, &place));
	if (place.where == TARGET_HERE && !place.virtual_child && !place.attribute.n)
		*out = place.id;
out:
	return err;
}

/* --- reading ---------------------------------------------------------------------------- */

static err_t text_of(const struct attribute_set *set, struct arena *a, struct bytes key, struct bytes *out)
{
	struct cbor v;

	*out = BYTES_NONE;
	if (!set_get(set, key, &v))
		return ERR_OK;
	return arena_copy(a, v.kind == CBOR_TEXT ? v.s : v.raw, out);
}

static err_t texts_of(const struct attribute_set *set, struct arena *a, struct bytes key, struct bytes *out,
                      size_t max, size_t *n)
{
	struct cbor list, item;
	err_t err = ERR_OK;

	if (!set_get(set, key, &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	while (list.s.n && *n < max) {
		TRY(cbor_next(&list.s, &item));
		TRY(arena_copy(a, item.s, &out[(*n)++]));
	}
out:
	return err;
}

err_t action_read(struct resources *r, struct arena *a, uint64_t id, int64_t now,
                  struct action *out, bool *found)
{
	err_t err;

	TRY(action_load(r, a, id, now, out, found));
	*found &= out->mode != EVALUATE_OFF && (out->subject != 0 || out->elsewhere);
out:
	return err;
}

err_t action_load(struct resources *r, struct arena *a, uint64_t id, int64_t now, struct action *out, bool *found)
{
	struct attribute_set *set;
	const struct store_row *row;
	void *p;
	err_t err;

	*out = (struct action){ .id = id };
	*found = false;
	TRY(store_get(r->store, id, &row));
	if (!row || row->type != ACTION || row_expired(row, now))
		goto out;
	TRY(arena_take(a, sizeof(*set), &p));
	set = p;
	TRY(set_load(set, row->body));
	out->mode = (enum evaluation)set_uint(set, BYTES("evm"), EVALUATE_OFF);
	out->priority = set_uint(set, BYTES("apy"), UINT64_MAX);
	out->times = set_uint(set, BYTES("@n"), 0);
	TRY(text_of(set, a, BYTES(INTERNAL_CREATOR), &out->creator));
	TRY(text_of(set, a, BYTES("@cd"), &out->credential));
	TRY(text_of(set, a, BYTES("evc"), &out->criteria));
	TRY(texts_of(set, a, BYTES("dep"), out->dependencies, ACTION_DEPENDENCIES, &out->dependencies_n));
	TRY(texts_of(set, a, BYTES("ipu"), out->inputs, ACTION_INPUTS, &out->inputs_n));
	TRY(action_subject(r, set, row->parent, &out->subject));
	out->elsewhere = polled_is(set);
	*found = true;
out:
	return err;
}

err_t action_primitive(struct resources *r, uint64_t id, struct bytes *out)
{
	const struct store_row *row;
	struct cbor apv = { .u = 0 };
	bool found = false;
	err_t err;

	TRY(store_get(r->store, id, &row));
	if (row)
		TRY(body_get(row->body, BYTES("apv"), &apv, &found));
	TRY(found ? ERR_OK : ERR_MISSING);
	*out = apv.raw;
out:
	return err;
}

err_t action_dependency(struct resources *r, struct arena *a, uint64_t action, struct bytes address,
                        struct dependency *out, bool *found)
{
	struct attribute_set *set;
	const struct store_row *row;
	struct place place;
	struct cbor rri;
	void *p;
	err_t err;

	*out = (struct dependency){ 0 };
	*found = false;
	TRY(tree_walk(r, address, &place));
	if (place.where != TARGET_HERE || place.virtual_child || place.type != DEPENDENCY)
		goto out;
	TRY(store_get(r->store, place.id, &row));
	if (!row || row->parent != action)
		goto out;
	TRY(arena_take(a, sizeof(*set), &p));
	set = p;
	TRY(set_load(set, row->body));
	out->sufficient = set_true(set, BYTES("sfc"));
	TRY(text_of(set, a, BYTES(INTERNAL_CREATOR), &out->creator));
	TRY(text_of(set, a, BYTES("evc"), &out->criteria));
	out->elsewhere = polled_is(set);
	out->held = set_uint(set, BYTES("@ok"), 0) == 1;
	out->asked = (int64_t)set_uint(set, BYTES("@oa"), 0);
	*found = true;
	if (!set_get(set, BYTES("rri"), &rri) || rri.kind != CBOR_TEXT)
		goto out;
	TRY(tree_walk(r, rri.s, &place));
	if (place.where == TARGET_HERE && !place.virtual_child)
		out->subject = place.id;
out:
	return err;
}

/* --- changing --------------------------------------------------------------------------- */

static err_t next_time(struct resources *r, struct own_change *c, int64_t now)
{
	uint64_t period = set_uint(&c->set, BYTES("ecp"), PERIOD_DEFAULT);

	return set_put_uint(r, &c->arena, &c->set, BYTES("@nx"), (uint64_t)now + period);
}

/* How often it may be done before it is switched off; 0: as often as it comes. */
static uint64_t times_allowed(const struct attribute_set *set, uint64_t mode)
{
	if (mode == EVALUATE_ONCE)
		return 1;
	return mode == EVALUATE_CONTINUOUS ? set_uint(set, BYTES("ecp"), TIMES_DEFAULT) : 0;
}

err_t action_fired(struct resources *r, const struct permit *system, uint64_t id, int64_t now)
{
	struct own_change c;
	uint64_t mode, times, allowed;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	mode = set_uint(&c.set, BYTES("evm"), EVALUATE_OFF);
	times = set_uint(&c.set, BYTES("@n"), 0) + 1;
	allowed = times_allowed(&c.set, mode);
	TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@n"), times));
	if (mode == EVALUATE_PERIODIC)
		TRY(next_time(r, &c, now));
	if (allowed && times >= allowed) {
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("evm"), EVALUATE_OFF));
		TRY(action_index(r, id, NULL, 0));
		TRY(polled_index(r, id, NULL));
	}
	TRY(announce_changed(r, id, &c.set, &c.before));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

err_t action_waits(struct resources *r, const struct permit *system, uint64_t id, int64_t now)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	TRY(next_time(r, &c, now));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

err_t action_result(struct resources *r, const struct permit *system, uint64_t id,
                    struct bytes response)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id || c.row.type != ACTION)
		goto out;
	TRY(set_put(&c.set, BYTES("air"), response));
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}
