/* engine.c: what every operation on a resource has in common. */
#include "resource/engine.h"

#include "base/log.h"

err_t refuse(struct outcome *out, unsigned status, const char *what, struct bytes detail)
{
	out->status = status;
	out->what = what;
	out->detail[0] = '\0';
	/* What came from outside is repeated only where it can do no harm. */
	detail = bytes_sub(detail, 0, sizeof(out->detail) - 1);
	if (bytes_is_printable(detail))
		must(bytes_put_str(out->detail, sizeof(out->detail), detail) == ERR_OK);
	return ERR_REFUSED;
}

err_t refusal_is_result(err_t err, const struct outcome *out)
{
	return err == ERR_REFUSED && out->status != 0 ? ERR_OK : err;
}

void work_start(struct resource_work *w, struct resources *r, const struct resource_ask *ask,
                struct outcome *out)
{
	bytes_zero(w, offsetof(struct resource_work, set));
	w->set.n = w->before.n = w->asked.n = w->parent_set.n = 0;
	w->r = r;
	w->ask = ask;
	w->out = out;
	w->arena = ask->arena;
	w->now = ask->now;
}

err_t work_whole(struct resource_work *w)
{
	struct bytes to = w->ask->request->to;

	if (bytes_find(to, '#') < to.n)
		return refuse(w->out, RSC_BAD_REQUEST, "an attribute is no target", BYTES("to"));
	return ERR_OK;
}

void resource_begin(struct resources *r)
{
	r->effort = EFFORT_MAX;
	r->release = 0;
}

void resource_release(struct resources *r, unsigned release)
{
	r->release = release;
}

bool resource_spend(struct resources *r, uint64_t units)
{
	r->effort -= units < r->effort ? units : r->effort;
	return r->effort > 0;
}

uint64_t resource_spent(const struct resources *r)
{
	return r->effort < EFFORT_MAX ? EFFORT_MAX - r->effort : 0;
}

bool row_expired(const struct store_row *row, int64_t now)
{
	return row->expires != 0 && row->expires <= now;
}

err_t work_row(struct resource_work *w, uint64_t id, struct store_row *out)
{
	const struct store_row *row;
	err_t err;

	TRY(store_get(w->r->store, id, &row));
	if (!row || row_expired(row, w->now))
		return refuse(w->out, RSC_NOT_FOUND, "no such resource", NO_DETAIL);
	*out = *row;
	TRY(arena_copy(w->arena, row->name, &out->name));
	TRY(arena_copy(w->arena, row->ident, &out->ident));
	TRY(arena_copy(w->arena, row->body, &out->body));
out:
	return err;
}

static err_t barred(struct resource_work *w, enum resource_right right)
{
	bool hidden = false;
	err_t err = ERR_OK;

	if (resource_hooks(w->type)->hidden && right != RIGHT_UPDATE)
		TRY(resource_hooks(w->type)->hidden(w->r, &w->row, &hidden));
	if (hidden || w->type->not_allowed & right)
		return refuse(w->out, RSC_OPERATION_NOT_ALLOWED,
		              hidden ? "retrieval is disabled" : "not of this type", NO_DETAIL);
out:
	return err;
}

err_t work_target(struct resource_work *w, enum resource_right right)
{
	const struct target *t = w->ask->target;
	err_t err;

	if (t->place != TARGET_HERE)
		return refuse(w->out, RSC_NOT_FOUND, "no such resource", NO_DETAIL);
	if (t->virtual_child && !(t->virtual_child->operations & right))
		return refuse(w->out, RSC_OPERATION_NOT_ALLOWED, "not of this virtual resource",
		              NO_DETAIL);
	if (t->virtual_child && !t->virtual_child->stands_for)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "not addressed by itself", NO_DETAIL);
	TRY(work_row(w, t->id, &w->row));
	w->type = resource_row_type(&w->row);
	if (!w->type)
		return ERR_TAMPERED;
	TRY(barred(w, right));
out:
	return err;
}

err_t work_parent(struct resource_work *w, uint64_t id)
{
	err_t err;

	TRY(work_row(w, id, &w->parent));
	w->parent_type = resource_row_type(&w->parent);
	if (!w->parent_type) {
		err = ERR_TAMPERED;
		goto out;
	}
	TRY(set_load(&w->parent_set, w->parent.body));
out:
	return err;
}

err_t work_parent_write(struct resource_work *w)
{
	err_t err = ERR_OK;

	if (!w->parent_changed)
		goto out;
	TRY(set_encode(w->r, w->arena, &w->parent_set, &w->parent.body));
	TRY(store_update(w->r->store, &w->parent));
	TRY(announce_changed(w->r, w->parent.id, &w->parent_set, NULL));
out:
	return err;
}

static bool lists_references(const struct request_primitive *q)
{
	return q->result_content == 5 || q->result_content == 6;
}

static bool shows_children(const struct request_primitive *q)
{
	return lists_references(q) || q->result_content == 4 || q->result_content == 8;
}

static bool may_read(const struct resource_work *w)
{
	return w->ask->children && w->ask->children->may(w->ask->children->self, w->row.id);
}

err_t work_condition(struct resource_work *w, struct filter_criteria *filter, bool *has)
{
	bool matches;
	err_t err;

	*has = w->ask->request->has[PARAM_FC];
	if (!*has)
		return ERR_OK;
	err = filter_read(w->ask->request, filter);
	if (err == ERR_UNSUPPORTED)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "filter criteria not supported", NO_DETAIL);
	if (err != ERR_OK || !filter_known(filter))
		return refuse(w->out, RSC_BAD_REQUEST, "malformed filter criteria", NO_DETAIL);
	if (filter->arp.n && !lists_references(w->ask->request))
		return refuse(w->out, RSC_BAD_REQUEST, "a relative path suits lists of references only",
		              BYTES("arp"));
	/* With children in the result the criteria choose among these; what is
	 * deleted is the target. */
	if (w->ask->request->operation == OPERATION_RETRIEVE && shows_children(w->ask->request))
		return ERR_OK;
	/* Who may change it and not read it would learn its content by asking. */
	if (w->ask->request->operation != OPERATION_RETRIEVE && filter_reads(filter) &&
	    !may_read(w))
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
		              "criteria on what the originator may not read", NO_DETAIL);
	TRY(filter_matches(&(struct matcher){ w->r, filter, w->ask->children, w->now },
	                   &w->row, &matches));
	if (!matches)
		return refuse(w->out, RSC_NOT_FOUND, "the resource does not match", NO_DETAIL);
out:
	return err;
}

/* Values of one attribute as the index keeps them: text as its octets, other
 * values encoded. */
static err_t index_one(struct resources *r, uint64_t id, struct bytes name,
                       const struct cbor *value)
{
	struct bytes values[LIST_ITEMS_DEFAULT], content = value->s;
	struct cbor item;
	size_t n = 0;

	if (value->kind != CBOR_ARRAY) {
		values[n++] = value->kind == CBOR_TEXT ? value->s : value->raw;
		return store_index_set(r->store, id, name, values, n);
	}
	while (n < COUNT_OF(values) && n < value->u) {
		if (cbor_next(&content, &item) != ERR_OK)
			return ERR_TAMPERED;
		values[n++] = item.kind == CBOR_TEXT ? item.s : item.raw;
	}
	return store_index_set(r->store, id, name, values, n);
}

err_t index_write(struct resources *r, const struct resource_type *type, uint64_t id,
                  const struct attribute_set *set, const struct attribute_set *before)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < type->attributes_n; i++) {
		const struct attribute *a = &type->attributes[i];
		struct bytes name;
		struct cbor now, then;
		bool has, had;

		if (!(a->flags & F_INDEX))
			continue;
		name = bytes_str(a->short_name);
		has = set && set_get(set, name, &now);
		had = before && set_get(before, name, &then);
		if (has && (!had || !bytes_equal(now.raw, then.raw)))
			TRY(index_one(r, id, name, &now));
		if (!has && had)
			TRY(store_index_set(r->store, id, name, NULL, 0));
	}
out:
	return err;
}

err_t index_has_any(struct resources *r, struct bytes attribute, const uint8_t *values, size_t n, bool *yes)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < n && !*yes; i++) {
		struct store_find find = { .name = attribute, .value = bytes_make(&values[i], 1), .limit = 1 };
		uint64_t id;
		size_t found;

		TRY(store_index_find(r->store, &find, &id, &found));
		*yes = found > 0;
	}
out:
	return err;
}

err_t resource_reindex(void *resources, const struct store_row *row)
{
	const struct resource_type *type = resource_row_type(row);
	static bool told;
	struct attribute_set set;
	err_t err = ERR_OK;

	if (!type && !told)
		log_event(LOG_WARN, "not indexed", "row=%llu type=%u unknown", (unsigned long long)row->id, row->type);
	told |= !type;
	if (!type)
		goto out;
	TRY(set_load(&set, row->body));
	TRY(index_write(resources, type, row->id, &set, NULL));
	if (resource_hooks(type)->reindexed)
		err = resource_hooks(type)->reindexed(resources, row, &set);
out:
	return err;
}
