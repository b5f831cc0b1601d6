/* select.c: the rows below a root that match filter criteria and may be shown
 * [TS-0004 7.3.3.17]. In the order of a walk: a resource, then what is below it,
 * siblings oldest first.
 *
 * Bounded: VISIT_MAX rows looked at, SELECTION_MAX chosen; what lies behind is
 * said to be there (more). Every row is shown only after may() said yes. */
#include "resource/engine.h"

/* With types among the criteria, rows that are of none of them, and can have none of
 * them below, need not be looked at: most rows are instances. By type number. */
enum { PLANNED_TYPES = 256, IS_ASKED = 1, LEADS_THERE = 2, ENTER_EFFORT = 4 };
struct type_plan {
	uint8_t of[PLANNED_TYPES];
};

static bool plan_wants(const void *self, uint32_t type)
{
	const struct type_plan *plan = self;

	return type >= PLANNED_TYPES || plan->of[type];
}

static bool plan_enters(const struct selection *s, uint32_t type)
{
	return !s->plan || type >= PLANNED_TYPES || s->plan->of[type] & LEADS_THERE;
}

/* The parents of what is asked or leads there lead there; true when one is new. */
static bool plan_parents(struct type_plan *plan, const struct resource_type *type)
{
	bool more = false;

	if (type->number >= PLANNED_TYPES || !plan->of[type->number])
		return false;
	for (size_t i = 0; i < type->parents_n; i++) {
		uint32_t parent = type->parents[i];

		if (parent >= PLANNED_TYPES || plan->of[parent] & LEADS_THERE)
			continue;
		plan->of[parent] |= LEADS_THERE;
		more = true;
	}
	return more;
}

static err_t plan_types(struct selection *s)
{
	const struct filter_criteria *f = s->filter;
	const struct resource_type *const *types;
	size_t n = resource_types(&types);
	struct type_plan *plan;
	bool more = true;
	void *p;
	err_t err = ERR_OK;

	s->plan = NULL;
	if (!f || f->operation != FILTER_AND || f->self.types_n == 0 || !s->through)
		return ERR_OK;
	TRY(arena_take(s->arena, sizeof(*plan), &p));
	plan = p;
	for (size_t i = 0; i < f->self.types_n; i++) {
		/* Announced resources stand below many. */
		if (f->self.types[i] >= PLANNED_TYPES)
			return ERR_OK;
		plan->of[f->self.types[i]] |= IS_ASKED;
	}
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++)
			more |= plan_parents(plan, types[i]);
	}
	s->plan = plan;
out:
	return err;
}

void select_limits(struct selection *s, const struct filter_criteria *filter)
{
	s->levels = filter && filter->has_level ? filter->level : TREE_DEPTH_MAX;
	/* The first one is number 1 [TS-0001 8.1.2; TS-0004 7.3.3.17.15]. */
	s->skip = filter && filter->has_offset && filter->offset ? filter->offset - 1 : 0;
	s->limit = filter && filter->has_limit && filter->limit < SELECTION_MAX
	               ? filter->limit : SELECTION_MAX;
}

static err_t choose(struct selection *s, uint64_t id, uint64_t depth)
{
	void *p;
	err_t err = ERR_OK;

	s->passed += !s->nested || depth == 1;
	if (s->passed <= s->skip)
		return ERR_OK;
	if (s->n == s->limit) {
		s->more = true;
		s->cut = depth;
		return ERR_OK;
	}
	if (s->n == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : PAGE;

		TRY(arena_take(s->arena, capacity * sizeof(*s->list), &p));
		bytes_copy(p, s->list, s->n * sizeof(*s->list));
		s->list = p;
		s->capacity = capacity;
	}
	s->list[s->n++] = (struct chosen){ id, depth };
out:
	return err;
}

static bool may_show(const struct selection *s, uint64_t id)
{
	if (s->may)
		return s->may->may(s->may->self, id);
	return permit_covers(s->permit, s->right, id);
}

static err_t is_hidden(const struct selection *s, const struct store_row *row, bool *hidden)
{
	const struct resource_type *type = row ? resource_type(row->type) : NULL;

	*hidden = !type || row_expired(row, s->now);
	if (*hidden || !resource_hooks(type)->hidden)
		return ERR_OK;
	return resource_hooks(type)->hidden(s->r, row, hidden);
}

/* Where `id` is in the sorted list, or would be. */
static size_t place_in(const uint64_t *list, size_t n, uint64_t id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (list[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* False when the list is full. */
static bool merge_id(uint64_t *list, size_t *n, uint64_t id)
{
	size_t at = place_in(list, *n, id);

	if (at < *n && list[at] == id)
		return true;
	if (*n == SELECTION_MAX)
		return false;
	bytes_move(list + at + 1, list + at, (*n - at) * sizeof(*list));
	list[at] = id;
	(*n)++;
	return true;
}

/* What ways up lead to, once each: they lead from many to one. */
static err_t note_reached(struct selection *s, uint64_t id, bool *before)
{
	size_t n = s->reached_n;
	void *p;
	err_t err = ERR_OK;

	if (!s->reached) {
		TRY(arena_take(s->arena, SELECTION_MAX * sizeof(*s->reached), &p));
		s->reached = p;
	}
	s->more |= !merge_id(s->reached, &s->reached_n, id);
	*before = s->reached_n == n;
out:
	return err;
}

/* applyRelativePath: in the place of what matched stands what is at the path from
 * there, if anything is and may be shown [TS-0004 7.3.3.17.17]. */
static err_t choose_at(struct selection *s, uint64_t id, uint64_t depth)
{
	const struct store_row *row;
	bool hidden, before = false;
	uint64_t to;
	err_t err;

	if (!s->filter || s->filter->arp.n == 0)
		return choose(s, id, depth);
	s->r->looked++;
	/* Each name of the path, of two octets at least with its slash, is a row to look at. */
	if (!resource_spend(s->r, 1 + s->filter->arp.n / 2))
		s->more = true;
	TRY(tree_follow(s->r, id, s->filter->arp, &to));
	if (to && bytes_starts(s->filter->arp, TREE_UP))
		TRY(note_reached(s, to, &before));
	if (!to || before)
		goto out;
	TRY(store_get(s->r->store, to, &row));
	TRY(is_hidden(s, row, &hidden));
	if (!hidden && may_show(s, to))
		TRY(choose(s, to, depth));
out:
	return err;
}

/* Looks at one row; *into: what is below it is to be looked at too. */
static err_t visit(struct selection *s, uint64_t id, uint64_t depth, bool *into)
{
	const struct store_row *row;
	bool matches = true, hidden;
	err_t err;

	*into = false;
	s->visited++;
	if (++s->r->looked >= TRIM_EVERY) {
		store_trim(s->r->store);
		s->r->looked = 0;
	}
	TRY(store_get(s->r->store, id, &row));
	/* Opening a large row costs as much as many small ones. */
	if (!resource_spend(s->r, 1 + (row ? row->body.n / 4096 : 0)))
		s->more = true;
	TRY(is_hidden(s, row, &hidden));
	if (hidden)
		goto out;
	if (s->filter)
		TRY(filter_matches(&(struct matcher){ s->r, s->filter, s->may, s->now }, row, &matches));
	/* may() can read other rows: nothing of `row` is used behind it. */
	*into = depth < s->levels && type_has_children(resource_type(row->type)) &&
	        plan_enters(s, row->type);
	matches = matches && may_show(s, id);
	*into = *into && (matches || s->through);
	if (matches)
		TRY(choose_at(s, id, depth));
out:
	return err;
}

struct level {
	uint64_t parent, after;
};

/* Looks at children of the level until one is to be entered (*into) or none is
 * left (0). */
static err_t scan_level(struct selection *s, struct level *at, uint64_t depth, uint64_t *into)
{
	struct store_scan scan = { .parent = at->parent, .limit = PAGE,
	                           .wanted = s->plan ? plan_wants : NULL, .wanted_self = s->plan };
	uint64_t ids[PAGE];
	size_t n;
	bool enter;
	err_t err;

	*into = 0;
	do {
		scan.after = at->after;
		TRY(store_children(s->r->store, &scan, ids, &n));
		for (size_t i = 0; i < n && !s->more; i++) {
			if (s->visited >= VISIT_MAX)
				s->more = true;
			at->after = ids[i];
			TRY(visit(s, ids[i], depth, &enter));
			if (enter) {
				*into = ids[i];
				goto out;
			}
		}
	} while (n == PAGE && !s->more);
out:
	return err;
}

static err_t select_walk(struct selection *s, uint64_t root)
{
	struct level levels[TREE_DEPTH_MAX + 2];
	size_t depth = 0;
	uint64_t into;
	err_t err = ERR_OK;

	if (s->levels == 0)
		goto out;
	levels[depth++] = (struct level){ root, 0 };
	while (depth > 0 && !s->more) {
		TRY(scan_level(s, &levels[depth - 1], depth, &into));
		/* Asking for the children of a row costs more than looking at it. */
		if (into && !resource_spend(s->r, ENTER_EFFORT))
			s->more = true;
		if (into == 0)
			depth--;
		else if (depth < COUNT_OF(levels))
			levels[depth++] = (struct level){ into, 0 };
	}
out:
	return err;
}

/* Ids that the index holds for one value, merged into the sorted list. */
static err_t index_merge(struct selection *s, struct bytes name, struct bytes value,
                         uint64_t *list, size_t *n)
{
	struct store_find find = { .name = name, .value = value, .limit = PAGE };
	uint64_t ids[PAGE];
	size_t found;
	err_t err;

	do {
		TRY(store_index_find(s->r->store, &find, ids, &found));
		for (size_t i = 0; i < found && !s->more; i++)
			s->more = !merge_id(list, n, ids[i]);
		if (found)
			find.after = ids[found - 1];
	} while (found == PAGE && !s->more);
out:
	return err;
}

/* *cut: the index holds more than the list takes, most of it perhaps of others
 * and not below the root: nobody's labels may hide what another labelled so. */
static err_t select_indexed(struct selection *s, uint64_t root, bool *cut)
{
	uint64_t *list, depth;
	size_t n = 0;
	void *p;
	bool below, into;
	err_t err;

	TRY(arena_take(s->arena, SELECTION_MAX * sizeof(*list), &p));
	list = p;
	for (size_t i = 0; i < s->filter->self.labels_n; i++)
		TRY(index_merge(s, BYTES("lbl"), s->filter->self.labels[i], list, &n));
	*cut = s->more;
	s->more = false;
	for (size_t i = 0; i < n && !s->more && !*cut; i++) {
		TRY(tree_below(s->r, list[i], root, &below, &depth));
		if (below && depth <= s->levels)
			TRY(visit(s, list[i], depth, &into));
	}
out:
	return err;
}

/* A child that has not all below it is not shown, but for the first: with nothing nobody would get on
 * [TS-0001 8.1.2]. */
static void whole_children(struct selection *s)
{
	size_t last = s->n;

	while (last > 0 && s->list[last - 1].depth != 1)
		last--;
	if (s->more && s->cut != 1 && last > 1)
		s->n = last - 1;
	s->children = 0;
	for (size_t i = 0; i < s->n; i++)
		s->children += s->list[i].depth == 1;
}

err_t select_below(struct selection *s, uint64_t root)
{
	bool cut = true;
	err_t err = ERR_OK;

	s->n = s->capacity = 0;
	s->passed = s->visited = s->cut = 0;
	s->reached_n = 0;
	s->more = false;
	/* Labels are in the index; with OR and XOR another condition may hold alone. */
	if (s->through && s->filter && s->filter->self.labels_n &&
	    s->filter->operation == FILTER_AND)
		TRY(select_indexed(s, root, &cut));
	if (cut) {
		TRY(plan_types(s));
		TRY(select_walk(s, root));
	}
	if (s->nested)
		whole_children(s);
out:
	return err;
}
