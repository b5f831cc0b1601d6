/* retrieve.c: RETRIEVE of a resource or of some of its attributes
 * [TS-0004 7.3.3.6]. */
#include "resource/engine.h"

/* Attribute names asked for: one behind '#', or the list in the content. */
static err_t asked_names(struct resource_work *w, struct cbor *list, struct bytes *single)
{
	struct bytes to = w->ask->request->to, content;
	struct cbor map, value;
	bool found;

	(void)bytes_cut(&to, '#');
	*single = to;
	list->kind = CBOR_NULL;
	if (!w->ask->request->has_content)
		return ERR_OK;
	content = w->ask->request->content;
	if (to.n || cbor_read(content, &map) != ERR_OK || map.kind != CBOR_MAP || map.u != 1 ||
	    cbor_find(content, BYTES("m2m:atrl"), &value, &found) != ERR_OK || !found ||
	    value.kind != CBOR_ARRAY || value.u == 0 || value.u > ATTRIBUTES_MAX)
		return refuse(w->out, RSC_BAD_REQUEST, "content of a retrieve must be m2m:atrl",
		              NO_DETAIL);
	*list = value;
	return ERR_OK;
}

static err_t take_name(struct resource_work *w, const struct attribute_set *all,
                       struct bytes name, struct attribute_set *some)
{
	const struct attribute *a = type_attribute(w->type, name);
	struct cbor value;

	if (!a || a->flags & F_SECRET)
		return refuse(w->out, RSC_BAD_REQUEST, "unknown attribute", name);
	if (!set_get(all, name, &value))
		return ERR_OK;
	return set_put(some, bytes_str(a->short_name), value.raw);
}

static err_t retrieve_part(struct resource_work *w, const struct cbor *list,
                           struct bytes single, struct buf *content)
{
	struct attribute_set all, some = { .n = 0 };
	struct bytes items = list->s;
	struct cbor item;
	err_t err;

	if (w->ask->request->result_content != PRIMITIVE_DEFAULT_RCN &&
	    w->ask->request->result_content != 1)
		return rcn_unknown(w, w->ask->request->result_content);
	TRY(view_attributes(w->r, w->arena, &w->row, &all));
	if (single.n)
		TRY(take_name(w, &all, single, &some));
	for (uint64_t i = 0; list->kind == CBOR_ARRAY && i < list->u; i++) {
		TRY(cbor_next(&items, &item));
		TRY(take_name(w, &all, item.kind == CBOR_TEXT ? item.s : item.raw, &some));
	}
	if (single.n && some.n == 0)
		return refuse(w->out, RSC_NOT_FOUND, "the attribute is not there", NO_DETAIL);
	TRY(view_put(w->type, &some, content));
out:
	return err;
}

static err_t retrieve(struct resource_work *w, struct buf *content)
{
	unsigned rcn = w->ask->request->result_content;
	struct filter_criteria filter;
	struct bytes single;
	struct cbor list;
	bool has;
	err_t err;

	TRY(work_target(w, RIGHT_RETRIEVE));
	TRY(work_condition(w, &filter, &has));
	TRY(asked_names(w, &list, &single));
	w->out->resource = w->row.id;
	w->out->version = w->row.version;
	if (single.n || list.kind == CBOR_ARRAY)
		TRY(retrieve_part(w, &list, single, content));
	else if (rcn == 0)
		return rcn_unknown(w, rcn);
	else
		TRY(result_of_row(w, rcn == PRIMITIVE_DEFAULT_RCN ? 1 : rcn, content));
	w->out->status = RSC_OK;
out:
	return err;
}

err_t resource_retrieve(struct resources *r, const struct resource_ask *ask,
                        struct buf *content, struct outcome *out)
{
	struct resource_work w;
	size_t n = content->n;
	err_t err;

	*out = (struct outcome){ 0 };
	if (!permit_covers(ask->permit, RIGHT_RETRIEVE, ask->target->id))
		return ERR_REFUSED;
	work_start(&w, r, ask, out);
	err = refusal_is_result(retrieve(&w, content), out);
	if (err != ERR_OK || !status_is_success(out->status))
		content->n = n;
	return err;
}
