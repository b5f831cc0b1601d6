/* statsCollect [TS-0001 9.6.25; TS-0004 7.4.25]: a rule that is active has an event, and
 * beside it the container for its records. */
#include "resource/statistics.h"

#include "resource/engine.h"

enum { ACTIVE = 1, EVENT = 7, CONTAINER = 3 };

static bool is_active(const struct attribute_set *set)
{
	return set_uint(set, BYTES("srs"), 0) == ACTIVE;
}

/* eventID names an eventConfig [TS-0004 7.4.25.2.1]. */
static err_t check_event(struct resource_work *w)
{
	struct store_find find = { .name = BYTES("evi"), .limit = STATISTICS_RULES };
	uint64_t ids[STATISTICS_RULES];
	const struct store_row *row;
	bool known = false;
	struct cbor evi;
	size_t n = 0;
	err_t err = ERR_OK;

	if (set_get(&w->set, BYTES("evi"), &evi)) {
		find.value = evi.s;
		TRY(store_index_find(w->r->store, &find, ids, &n));
	}
	for (size_t i = 0; i < n && !known; i++) {
		TRY(store_get(w->r->store, ids[i], &row));
		known = row && row->type == EVENT;
	}
	if (!known)
		return refuse(w->out, RSC_BAD_REQUEST, "names no eventConfig here", BYTES("evi"));
	TRY(statistics_rules(w->r, ids, &n));
	for (size_t i = 0; i < n; i++) {
		if (ids[i] == w->row.id)
			n = 0;
	}
	if (n == STATISTICS_RULES)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "too many rules are active", BYTES("srs"));
out:
	return err;
}

/* The container that it has, else a number for one. */
static err_t check_container(struct resource_work *w)
{
	uint64_t id = set_uint(&w->set, BYTES("@ct"), 0);
	const struct store_row *row = NULL;
	err_t err = ERR_OK;

	if (id)
		TRY(store_get(w->r->store, id, &row));
	if (!row || row->type != CONTAINER || row->parent != w->parent.id)
		TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("@ct"), store_next_id(w->r->store)));
out:
	return err;
}

static err_t check(struct resource_work *w)
{
	struct cbor v;
	err_t err = ERR_OK;

	/* Asked anew it counts anew. */
	if (set_get(&w->asked, BYTES("srs"), &v) || set_get(&w->asked, BYTES("evi"), &v)) {
		set_drop(&w->set, BYTES("@n"));
		set_drop(&w->set, BYTES("@o"));
		set_drop(&w->set, BYTES("@dn"));
	}
	if (!is_active(&w->set))
		goto out;
	TRY(check_event(w));
	TRY(check_container(w));
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	err_t err;

	TRY(check(w));
	TRY(work_put_identifier(w, BYTES("sci")));
out:
	return err;
}

static err_t body_of_container(struct resource_work *w, struct bytes *body)
{
	struct attribute_set set = { .n = 0 };
	struct cbor acpi, sci, creator;
	err_t err;

	if (set_get(&w->set, BYTES("acpi"), &acpi))
		TRY(set_put(&set, BYTES("acpi"), acpi.raw));
	if (set_get(&w->set, BYTES("sci"), &sci))
		TRY(set_put_texts(w->r, w->arena, &set, BYTES("lbl"), &sci.s, 1));
	if (set_get(&w->set, BYTES(INTERNAL_CREATOR), &creator))
		TRY(set_put(&set, BYTES(INTERNAL_CREATOR), creator.raw));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("mni"), STATISTICS_RECORDS));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("cni"), 0));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("cbs"), 0));
	TRY(set_put_uint(w->r, w->arena, &set, BYTES("st"), 0));
	TRY(set_encode(w->r, w->arena, &set, body));
out:
	return err;
}

static err_t written(struct resource_work *w)
{
	struct store_row row = { .parent = w->parent.id, .type = CONTAINER, .created = w->now, .modified = w->now,
		                 .expires = w->row.expires };
	const struct store_row *there;
	struct attribute_set set;
	err_t err = ERR_OK;

	if (!is_active(&w->set))
		goto out;
	w->r->statistics = true;
	row.id = set_uint(&w->set, BYTES("@ct"), 0);
	TRY(store_get(w->r->store, row.id, &there));
	if (there)
		goto out;
	buf_clear(&w->r->scratch);
	TRY(buf_printf(&w->r->scratch, "cnt%llu", (unsigned long long)row.id));
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &row.name));
	TRY(body_of_container(w, &row.body));
	TRY(work_account(w, BYTES_NONE, row.body));
	TRY(store_insert(w->r->store, &row));
	TRY(set_load(&set, row.body));
	TRY(index_write(w->r, resource_type(CONTAINER), row.id, &set, NULL));
out:
	return err;
}

/* The records go with their rule. */
static err_t deleted(struct resource_work *w)
{
	struct attribute_set set;
	const struct store_row *row;
	err_t err;

	TRY(set_load(&set, w->row.body));
	TRY(store_get(w->r->store, set_uint(&set, BYTES("@ct"), 0), &row));
	if (row && row->type == CONTAINER && row->parent == w->row.parent)
		TRY(tree_remove(w->r, row->id));
out:
	return err;
}

const struct resource_hooks resource_hooks_stcl = {
	.created = created, .updated = check, .written = written, .deleted = deleted,
};
