/* result.c: the content of an answer, by result content (rcn) [TS-0001 8.1.2;
 * TS-0004 7.5.2]. */
#include "resource/engine.h"

err_t rcn_unknown(struct resource_work *w, unsigned rcn)
{
	/* 10 is SPARQL's. */
	if (rcn == 10 || (rcn == 7 && w->type->number > TYPE_ANNOUNCED))
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "result content is not supported",
		              BYTES("rcn"));
	if (rcn == 7)
		return refuse(w->out, RSC_BAD_REQUEST, "not an announced resource", BYTES("rcn"));
	return refuse(w->out, RSC_BAD_REQUEST, "result content does not suit the operation",
	              BYTES("rcn"));
}

struct selection select_for(struct resource_work *w, const struct filter_criteria *filter)
{
	struct selection s = {
		.r = w->r, .arena = w->arena, .filter = filter, .may = w->ask->children,
		.permit = w->ask->permit, .right = RIGHT_RETRIEVE, .now = w->now,
	};

	select_limits(&s, filter);
	return s;
}

void note_rest(struct outcome *out, const struct selection *s)
{
	out->content_status = s->more ? 1 : 0;
	out->content_offset = s->more ? s->skip + (s->nested ? s->children : s->n) + 1 : 0;
}

/* attributes, then "ch": [references]. */
static err_t with_references(struct resource_work *w, struct selection *s, struct buf *content)
{
	struct attribute_set *set;
	struct cbor rrl, rrf;
	struct bytes encoded;
	bool found;
	void *p;
	err_t err;

	TRY(arena_take(w->arena, sizeof(*set), &p));
	set = p;
	buf_clear(&w->r->scratch);
	TRY(view_put_references(s, w->ask->request->result_id_type, &w->r->scratch));
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &encoded));
	TRY(cbor_find(encoded, BYTES("m2m:rrl"), &rrl, &found));
	TRY(cbor_find(rrl.raw, BYTES("rrf"), &rrf, &found));
	TRY(view_attributes(w->r, w->arena, &w->row, set));
	TRY(set_put(set, BYTES("ch"), rrf.raw));
	TRY(view_put(w->type, set, content));
out:
	return err;
}

static err_t with_children(struct resource_work *w, unsigned rcn, struct buf *content)
{
	struct filter_criteria filter;
	struct selection s;
	bool has;
	err_t err;

	TRY(work_condition(w, &filter, &has));
	if (w->ask->request->operation == OPERATION_DELETE)
		has = false; /* the criteria were the condition, and what goes is all of it */
	s = select_for(w, has ? &filter : NULL);
	s.through = rcn == 5 || rcn == 6;
	s.nested = !s.through;
	TRY(select_below(&s, w->row.id));
	note_rest(w->out, &s);
	if (rcn == 6)
		TRY(view_put_references(&s, w->ask->request->result_id_type, content));
	else if (rcn == 5)
		TRY(with_references(w, &s, content));
	else
		TRY(view_put_tree(&s, &w->row, rcn == 4, content));
out:
	return err;
}

/* permissions: what the originator itself may do here, as the permissions of a token would
 * say it [TS-0004 6.3.5.44]. What others may is not told. */
static err_t put_permissions(struct resource_work *w, struct buf *out)
{
	struct buf text = buf_make(2 * URI_MAX);
	err_t err;

	TRY(view_address(w->r, w->row.id, w->ask->request->result_id_type, &text));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:tkps")));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("pm")));
	TRY(cbor_put_array(out, 1));
	TRY(cbor_put_map(out, 2));
	TRY(cbor_put_text(out, BYTES("pv")));
	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("acr")));
	TRY(cbor_put_array(out, 1));
	TRY(cbor_put_map(out, 2));
	TRY(cbor_put_text(out, BYTES("acop")));
	TRY(cbor_put_uint(out, w->ask->permissions));
	TRY(cbor_put_text(out, BYTES("acor")));
	TRY(cbor_put_array(out, 1));
	TRY(cbor_put_text(out, w->ask->request->from));
	TRY(cbor_put_text(out, BYTES("ris")));
	TRY(cbor_put_array(out, 1));
	err = cbor_put_text(out, bytes_of_buf(&text));
out:
	buf_free(&text);
	return err;
}

static err_t result_shape(struct resource_work *w, unsigned rcn, struct buf *content)
{
	struct attribute_set set;
	err_t err;

	if (rcn == 0)
		return ERR_OK;
	if (rcn == 4 || rcn == 5 || rcn == 6 || rcn == 8)
		return with_children(w, rcn, content);
	if (rcn == RCN_PERMISSIONS && w->ask->request->operation == OPERATION_RETRIEVE)
		return put_permissions(w, content);
	if (rcn != 1)
		return rcn_unknown(w, rcn);
	TRY(view_attributes(w->r, w->arena, &w->row, &set));
	if (resource_hooks(w->type)->shown && w->ask->request->operation == OPERATION_RETRIEVE)
		TRY(resource_hooks(w->type)->shown(w, &set));
	TRY(view_put(w->type, &set, content));
out:
	return err;
}

err_t result_of_row(struct resource_work *w, unsigned rcn, struct buf *content)
{
	size_t n = content->n;
	err_t err = result_shape(w, rcn, content);

	if (err == ERR_LIMIT) {
		content->n = n;
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "the result is too large", BYTES("lim"));
	}
	return err;
}

/* What the originator does not know yet: what differs from the request and, on
 * update, from what was there [TS-0004 7.3.3.12]. */
static err_t modified_attributes(struct resource_work *w, struct attribute_set *set)
{
	struct cbor value, asked, before;
	size_t n = 0;

	for (size_t i = 0; i < set->n; i++) {
		struct bytes key = set->m[i].key;
		bool same;

		must(cbor_read(set->m[i].value, &value) == ERR_OK);
		same = set_get(&w->asked, key, &asked) && bytes_equal(asked.raw, value.raw);
		if (!same && w->before.n && !set_get(&w->asked, key, &asked)) {
			const struct attribute *a = type_attribute(w->type, key);

			/* lt is the one column that an update changes by itself. */
			same = set_get(&w->before, key, &before)
			           ? bytes_equal(before.raw, value.raw)
			           : a && a->flags & F_COLUMN && !bytes_equal(key, BYTES("lt"));
		}
		if (!same)
			set->m[n++] = set->m[i];
	}
	set->n = n;
	return ERR_OK;
}

static err_t with_address(struct resource_work *w, struct attribute_set *set,
                          struct buf *content)
{
	struct buf text = buf_make(2 * URI_MAX);
	struct cbor_member members[2];
	struct bytes wrapped, member;
	struct buf *b = &w->r->scratch;
	struct cbor map, inner;
	bool found;
	err_t err;

	buf_clear(b);
	TRY(view_put(w->type, set, b));
	TRY(arena_copy(w->arena, bytes_of_buf(b), &wrapped));
	TRY(cbor_read(wrapped, &map));
	TRY(cbor_pair(&map.s, &members[0].key, &inner, &found));
	members[0].value = inner.raw;
	TRY(view_address(w->r, w->row.id, w->ask->request->result_id_type, &text));
	buf_clear(b);
	TRY(cbor_put_text(b, bytes_of_buf(&text)));
	TRY(arena_copy(w->arena, bytes_of_buf(b), &member));
	members[1] = (struct cbor_member){ BYTES("uri"), member };
	TRY(cbor_put_map(content, 1));
	TRY(cbor_put_text(content, BYTES("m2m:rce")));
	TRY(cbor_put_members(content, members, 2));
out:
	buf_free(&text);
	return err;
}

err_t result_of_change(struct resource_work *w, unsigned rcn, struct buf *content)
{
	bool create = w->ask->request->operation == OPERATION_CREATE;
	struct attribute_set set;
	err_t err;

	if (rcn == PRIMITIVE_DEFAULT_RCN)
		rcn = 1;
	if (rcn == 0)
		return ERR_OK;
	if (rcn > 9 || !(rcn == 1 || rcn == 9 || (create && (rcn == 2 || rcn == 3))))
		return rcn_unknown(w, rcn);
	if (rcn == 2)
		return view_put_uri(w->r, w->ask, w->row.id, content);
	TRY(view_attributes(w->r, w->arena, &w->row, &set));
	if (rcn == 3)
		return with_address(w, &set, content);
	if (rcn == 9)
		TRY(modified_attributes(w, &set));
	if (set.n)
		TRY(view_put(w->type, &set, content));
out:
	return err;
}

err_t resource_represent(struct resources *r, const struct resource_ask *ask, uint64_t id,
                         struct buf *content)
{
	const struct store_row *row;
	struct outcome out = { 0 };
	struct resource_work w;
	size_t n = content->n;
	err_t err;

	work_start(&w, r, ask, &out);
	TRY(store_get(r->store, id, &row));
	if (!row || row_expired(row, ask->now))
		goto out;
	if (!permit_covers(ask->permit, RIGHT_CREATE, row->parent))
		return ERR_REFUSED;
	TRY(work_row(&w, id, &w.row));
	w.type = resource_row_type(&w.row);
	if (!w.type)
		return ERR_TAMPERED;
	TRY(work_asked(&w));
	err = refusal_is_result(result_of_change(&w, ask->request->result_content, content), &out);
out:
	if (err != ERR_OK || out.status != 0)
		content->n = n;
	return err;
}
