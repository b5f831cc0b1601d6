/* statistics.c: rules of statsCollect at work. */
#include "resource/statistics.h"

#include "base/clock.h"
#include "codec/json.h"
#include "primitive/context.h"
#include "primitive/id.h"
#include "resource/engine.h"

enum {
	RULE = 21, EVENT = 7, CONTAINER = 3, INSTANCE = 4,
	DATA_OPERATION = 1, STORAGE_BASED, TIMER_BASED, ID_TEXT = 1024, RECORD_MAX = 8192
};

/* A rule with its event, each a row taken apart. */
struct rule {
	struct attribute_set set, event;
};

bool statistics_exist(const struct resources *r)
{
	return r->statistics;
}

err_t statistics_rules(struct resources *r, uint64_t *ids, size_t *n)
{
	static const uint8_t active = 1; /* in CBOR, as the index keeps it */
	struct store_find find = { .name = BYTES("srs"), .value = bytes_make(&active, 1),
	                           .limit = STATISTICS_RULES };

	return store_index_find(r->store, &find, ids, n);
}

err_t statistics_open(struct resources *r)
{
	uint64_t ids[STATISTICS_RULES];
	size_t n;
	err_t err;

	TRY(statistics_rules(r, ids, &n));
	r->statistics = n > 0;
out:
	return err;
}

static err_t load(struct resources *r, struct arena *a, uint64_t id, struct attribute_set *set)
{
	const struct store_row *row;
	struct bytes body;
	err_t err;

	set->n = 0;
	TRY(store_get(r->store, id, &row));
	if (!row)
		goto out;
	TRY(arena_copy(a, row->body, &body));
	err = set_load(set, body);
out:
	return err;
}

/* *found false: it is no rule any more, or its event is gone. */
static err_t rule_load(struct resources *r, struct arena *a, uint64_t id, struct rule **out, bool *found)
{
	struct store_find find = { .name = BYTES("evi"), .limit = STATISTICS_RULES };
	uint64_t ids[STATISTICS_RULES];
	const struct store_row *row;
	struct cbor evi;
	size_t n;
	void *p;
	err_t err;

	*found = false;
	TRY(arena_take(a, sizeof(**out), &p));
	*out = p;
	TRY(load(r, a, id, &(*out)->set));
	if (!set_get(&(*out)->set, BYTES("evi"), &evi) || evi.kind != CBOR_TEXT)
		goto out;
	find.value = evi.s;
	TRY(store_index_find(r->store, &find, ids, &n));
	for (size_t i = 0; i < n && !*found; i++) {
		TRY(store_get(r->store, ids[i], &row));
		*found = row && row->type == EVENT;
		if (*found)
			TRY(load(r, a, ids[i], &(*out)->event));
	}
out:
	return err;
}

/* --- is it an event? ------------------------------------------------------------------------ */

static bool has_number(const struct attribute_set *set, struct bytes key, uint64_t want)
{
	struct cbor list, item;
	bool found = false;

	if (!set_get(set, key, &list) || list.kind != CBOR_ARRAY)
		return true; /* nothing said: all */
	while (!found && list.s.n && cbor_next(&list.s, &item) == ERR_OK)
		found = item.kind == CBOR_UINT && item.u == want;
	return found;
}

static err_t names_resource(struct resources *r, const struct attribute_set *event,
                            const struct statistics_operation *o, bool *yes)
{
	struct cbor list, item;
	struct place place;
	err_t err = ERR_OK;

	*yes = !set_get(event, BYTES("eris"), &list) || list.kind != CBOR_ARRAY;
	while (!*yes && list.s.n) {
		TRY(cbor_next(&list.s, &item));
		TRY(tree_walk(r, item.s, &place));
		*yes = place.where == TARGET_HERE && (place.id == o->resource || place.id == o->above);
	}
out:
	return err;
}

static bool time_of(const struct attribute_set *set, struct bytes key, int64_t *out)
{
	struct cbor v;

	return set_get(set, key, &v) && v.kind == CBOR_TEXT && clock_parse(v.s, out) == ERR_OK;
}

/* eventStart <= now < eventEnd, as far as they are said. */
static bool in_time(const struct attribute_set *event, int64_t now)
{
	int64_t begin, end;

	if (time_of(event, BYTES("evs"), &begin) && now < begin)
		return false;
	return !time_of(event, BYTES("eve"), &end) || now < end;
}

static bool in_period(const struct attribute_set *rule, int64_t now)
{
	struct cbor cp, list, entry;
	bool found;

	if (!set_get(rule, BYTES("cp"), &cp))
		return true;
	if (cbor_find(cp.raw, BYTES("sce"), &list, &found) != ERR_OK || !found)
		return false;
	while (list.s.n && cbor_next(&list.s, &entry) == ERR_OK) {
		if (schedule_holds(entry.s, now) == VERDICT_YES)
			return true;
	}
	return false;
}

/* Nobody named: everybody. */
static err_t collects(struct resources *r, const struct attribute_set *rule, struct bytes originator, bool *yes)
{
	struct buf id = buf_make(ID_TEXT);
	struct cbor list, item;
	err_t err = ERR_OK;

	*yes = !set_get(rule, BYTES("cdi"), &list) || list.kind != CBOR_ARRAY;
	while (!*yes && list.s.n) {
		TRY(cbor_next(&list.s, &item));
		buf_clear(&id);
		*yes = id_absolute(item.s, r->cse.sp_id, r->cse.cse_id, &id) == ERR_OK &&
		       bytes_equal(bytes_of_buf(&id), originator);
	}
out:
	buf_free(&id);
	return err;
}

static bool is_event(const struct attribute_set *event, const struct statistics_operation *o)
{
	uint64_t type = set_uint(event, BYTES("evt"), 0);

	if (!has_number(event, BYTES("erts"), o->type))
		return false;
	if (type == DATA_OPERATION)
		return has_number(event, BYTES("opt"), o->operation);
	if (type == STORAGE_BASED)
		return (o->operation == OPERATION_CREATE || o->operation == OPERATION_UPDATE) &&
		       o->octets >= set_uint(event, BYTES("ds"), UINT64_MAX);
	return type == TIMER_BASED && in_time(event, o->now);
}

/* The rule is read in memory of its own: this is asked for each operation of a request, and rule. */
err_t statistics_wants(struct resources *r, struct arena *a, uint64_t id,
                       const struct statistics_operation *o, bool *yes, struct bytes *creator)
{
	struct arena scratch;
	struct rule *rule;
	struct cbor cr;
	err_t err;

	*creator = BYTES_NONE;
	arena_init(&scratch, SCRATCH_MAX);
	TRY(rule_load(r, &scratch, id, &rule, yes));
	if (*yes)
		*yes = is_event(&rule->event, o) && in_period(&rule->set, o->now) &&
		       set_get(&rule->set, BYTES(INTERNAL_CREATOR), &cr);
	if (*yes)
		TRY(collects(r, &rule->set, o->originator, yes));
	if (*yes)
		TRY(names_resource(r, &rule->event, o, yes));
	if (*yes)
		err = arena_copy(a, cr.s, creator);
out:
	arena_free(&scratch);
	return err;
}

/* --- records ---------------------------------------------------------------------------------- */

static err_t put_text_of(struct buf *out, const struct attribute_set *set, const char *key)
{
	struct cbor v;
	err_t err = ERR_OK;

	if (!set_get(set, bytes_str(key), &v))
		goto out;
	TRY(cbor_put_text(out, bytes_str(key)));
	err = buf_add(out, v.raw);
out:
	return err;
}

static err_t put_number(struct buf *out, const char *key, uint64_t v)
{
	err_t err;

	TRY(cbor_put_text(out, bytes_str(key)));
	err = cbor_put_uint(out, v);
out:
	return err;
}

static err_t put_string(struct buf *out, const char *key, struct bytes text)
{
	err_t err;

	TRY(cbor_put_text(out, bytes_str(key)));
	err = cbor_put_text(out, text);
out:
	return err;
}

static size_t count_of(const struct attribute_set *set, const char *const *keys, size_t n)
{
	size_t count = 0;
	struct cbor v;

	for (size_t i = 0; i < n; i++)
		count += set_get(set, bytes_str(keys[i]), &v);
	return count;
}

/* { sci, cei, evi, evt } of the rule and its event; then of the operation, or, of a time that
 * is over, how many there were and how much. As JSON. */
static err_t put_record(const struct rule *rule, const struct statistics_operation *o, struct buf *json)
{
	static const char *const of_rule[] = { "sci", "cei", "evi" }, *const of_time[] = { "evs", "eve" };
	size_t times = o->operation ? 0 : count_of(&rule->event, of_time, 2);
	struct buf map = buf_make(RECORD_MAX);
	err_t err;

	TRY(cbor_put_map(&map, count_of(&rule->set, of_rule, 3) + 1 + (o->operation ? 5 : 2) + times));
	for (size_t i = 0; i < 3; i++)
		TRY(put_text_of(&map, &rule->set, of_rule[i]));
	TRY(put_number(&map, "evt", set_uint(&rule->event, BYTES("evt"), 0)));
	if (o->operation) {
		TRY(put_string(&map, "cdi", o->originator));
		TRY(put_number(&map, "opt", o->operation));
		TRY(put_string(&map, "to", o->to));
		TRY(put_number(&map, "ty", o->type));
	} else {
		TRY(put_number(&map, "n", set_uint(&rule->set, BYTES("@n"), 0)));
	}
	TRY(put_number(&map, "ds", o->octets));
	for (size_t i = 0; i < COUNT_OF(of_time) && times; i++)
		TRY(put_text_of(&map, &rule->event, of_time[i]));
	err = cbor_to_json(bytes_of_buf(&map), json);
out:
	buf_free(&map);
	return err;
}

static err_t put_counts(struct resources *r, struct own_change *c, uint64_t cni, uint64_t cbs)
{
	err_t err;

	TRY(set_put_uint(r, &c->arena, &c->set, BYTES("cni"), cni));
	err = set_put_uint(r, &c->arena, &c->set, BYTES("cbs"), cbs);
out:
	return err;
}

/* The oldest make room; what can never fit is not kept. */
static err_t make_room(struct resources *r, struct own_change *c, uint64_t size, bool *fits)
{
	uint64_t mni = set_uint(&c->set, BYTES("mni"), UINT64_MAX), mbs = set_uint(&c->set, BYTES("mbs"), UINT64_MAX);
	uint64_t cni = set_uint(&c->set, BYTES("cni"), 0), cbs = set_uint(&c->set, BYTES("cbs"), 0), oldest;
	const struct store_row *row;
	err_t err = ERR_OK;

	*fits = mni > 0 && size <= mbs;
	while (*fits && cni > 0 && (cni + 1 > mni || cbs + size > mbs)) {
		TRY(instance_first(r, c->row.id, INSTANCE, false, &oldest));
		if (oldest == 0)
			break;
		TRY(store_get(r->store, oldest, &row));
		must(row != NULL && cbs >= row->size);
		cni--;
		cbs -= row->size;
		TRY(tree_remove(r, oldest));
	}
	if (*fits)
		err = put_counts(r, c, cni, cbs);
out:
	return err;
}

static err_t body_of_record(struct resources *r, struct own_change *c, const struct rule *rule,
                            struct bytes text, struct bytes *body)
{
	struct attribute_set set = { .n = 0 };
	struct cbor creator;
	err_t err;

	TRY(set_put_text(r, &c->arena, &set, BYTES("con"), text));
	TRY(set_put_text(r, &c->arena, &set, BYTES("cnf"), BYTES("application/json:0")));
	TRY(set_put_uint(r, &c->arena, &set, BYTES("cs"), text.n));
	TRY(set_put_uint(r, &c->arena, &set, BYTES("st"), set_uint(&c->set, BYTES("st"), 0) + 1));
	if (set_get(&rule->set, BYTES(INTERNAL_CREATOR), &creator))
		TRY(set_put(&set, BYTES(INTERNAL_CREATOR), creator.raw));
	err = set_encode(r, &c->arena, &set, body);
out:
	return err;
}

/* Within the share of the rule's creator: *record 0 when that is used up. */
static err_t insert(struct resources *r, struct own_change *c, const struct rule *rule, struct bytes text,
                    int64_t now, uint64_t *record)
{
	struct store_row row = { .parent = c->row.id, .type = INSTANCE, .created = now, .modified = now,
		                 .size = text.n, .expires = instance_end(&c->set, now, c->row.expires) };
	struct buf name = buf_make(32);
	err_t err;

	*record = 0;
	TRY(body_of_record(r, c, rule, text, &row.body));
	err = account_change(r, BYTES_NONE, row.body);
	if (err == ERR_REFUSED)
		err = ERR_OK;
	else if (err == ERR_OK)
		*record = row.id = store_next_id(r->store);
	if (!*record)
		goto out;
	TRY(buf_printf(&name, "cin%llu", (unsigned long long)row.id));
	row.name = bytes_of_buf(&name);
	TRY(store_insert(r->store, &row));
	TRY(set_put_uint(r, &c->arena, &c->set, BYTES("st"), set_uint(&c->set, BYTES("st"), 0) + 1));
	err = put_counts(r, c, set_uint(&c->set, BYTES("cni"), 0) + 1, set_uint(&c->set, BYTES("cbs"), 0) + text.n);
out:
	buf_free(&name);
	return err;
}

/* Into the rule's container. Whoever took that away wants no records. */
static err_t keep(struct resources *r, const struct permit *system, const struct rule *rule,
                  const struct statistics_operation *o, struct statistics_made *out)
{
	struct buf json = buf_make(RECORD_MAX);
	struct own_change c;
	bool fits;
	err_t err;

	TRY(own_begin(r, system, set_uint(&rule->set, BYTES("@ct"), 0), &c));
	if (!c.row.id || c.row.type != CONTAINER)
		goto out;
	TRY(put_record(rule, o, &json));
	TRY(make_room(r, &c, json.n, &fits));
	if (!fits)
		goto out;
	TRY(insert(r, &c, rule, bytes_of_buf(&json), o->now, &out->record));
	if (!out->record && set_uint(&c.set, BYTES("cni"), 0) == set_uint(&c.before, BYTES("cni"), 0))
		goto out;
	c.row.modified = o->now;
	out->container = c.row.id;
	err = own_write(r, &c);
out:
	own_end(&c);
	buf_free(&json);
	return err;
}

static err_t count(struct resources *r, const struct permit *system, uint64_t id, uint64_t octets, bool over)
{
	struct own_change c;
	err_t err;

	TRY(own_begin(r, system, id, &c));
	if (!c.row.id)
		goto out;
	if (over) {
		set_drop(&c.set, BYTES("@n"));
		set_drop(&c.set, BYTES("@o"));
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@dn"), 1));
	} else {
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@n"), set_uint(&c.set, BYTES("@n"), 0) + 1));
		TRY(set_put_uint(r, &c.arena, &c.set, BYTES("@o"), set_uint(&c.set, BYTES("@o"), 0) + octets));
	}
	err = own_write(r, &c);
out:
	own_end(&c);
	return err;
}

err_t statistics_collect(struct resources *r, const struct permit *system, uint64_t id,
                         const struct statistics_operation *o, struct statistics_made *out)
{
	struct arena a;
	struct rule *rule;
	bool found;
	err_t err;

	*out = (struct statistics_made){ 0 };
	arena_init(&a, SCRATCH_MAX);
	TRY(rule_load(r, &a, id, &rule, &found));
	if (!found)
		goto out;
	if (set_uint(&rule->event, BYTES("evt"), 0) == TIMER_BASED)
		err = count(r, system, id, o->octets, false);
	else
		err = keep(r, system, rule, o, out);
out:
	arena_free(&a);
	return err;
}

err_t statistics_end(struct resources *r, const struct permit *system, uint64_t id, int64_t now,
                     bool *over, struct statistics_made *out)
{
	struct statistics_operation o = { .now = now };
	struct arena a;
	struct rule *rule;
	int64_t end;
	bool found;
	err_t err;

	*over = false;
	*out = (struct statistics_made){ 0 };
	arena_init(&a, SCRATCH_MAX);
	TRY(rule_load(r, &a, id, &rule, &found));
	if (!found || set_uint(&rule->event, BYTES("evt"), 0) != TIMER_BASED || set_uint(&rule->set, BYTES("@dn"), 0) ||
	    !time_of(&rule->event, BYTES("eve"), &end) || now < end)
		goto out;
	*over = true;
	o.octets = set_uint(&rule->set, BYTES("@o"), 0);
	TRY(keep(r, system, rule, &o, out));
	err = count(r, system, id, 0, true);
out:
	arena_free(&a);
	return err;
}
