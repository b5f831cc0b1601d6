/* requests.c: the request resource, which only the CSE makes and changes [TS-0001
 * 9.6.12; TS-0004 7.3.2.2, 7.3.2.5]. Whose it is may read and delete it, nobody
 * else: its policy is that of a resource without policies. */
#include "resource/engine.h"

enum { PENDING = 3, SO_FAR_MAX = 1024 };

/* Parameters that metaInformation repeats. */
static const enum param repeated[] = {
	PARAM_TY, PARAM_OT, PARAM_RQET, PARAM_RSET, PARAM_OET, PARAM_RT, PARAM_RP, PARAM_RCN,
	PARAM_EC, PARAM_DA, PARAM_GID, PARAM_FC, PARAM_DRT,
};

static err_t put_meta(struct resource_work *w, const struct request_primitive *q)
{
	struct cbor_member m[COUNT_OF(repeated)];
	struct bytes kept;
	size_t n = 0;
	err_t err;

	for (size_t i = 0; i < COUNT_OF(repeated); i++) {
		if (!q->has[repeated[i]])
			continue;
		m[n++] = (struct cbor_member){ bytes_str(param_row(repeated[i])->short_name),
			                       q->value[repeated[i]].raw };
	}
	buf_clear(&w->r->scratch);
	TRY(cbor_put_members(&w->r->scratch, m, n));
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &kept));
	TRY(set_put(&w->set, BYTES("mi"), kept));
out:
	return err;
}

/* What is known of the result until there is one [TS-0004 table 7.3.2.2-2]. */
static err_t put_accepted(struct resource_work *w, const struct request_primitive *q)
{
	struct response_primitive r = { .status = RSC_ACCEPTED, .rqi = q->rqi };
	struct buf b = buf_make(SO_FAR_MAX);
	struct bytes kept;
	err_t err;

	TRY(response_write(&r, &b));
	TRY(arena_copy(w->arena, bytes_of_buf(&b), &kept));
	TRY(set_put(&w->set, BYTES("ors"), kept));
out:
	buf_free(&b);
	return err;
}

static err_t put_request(struct resource_work *w, const struct resource_kept *kept)
{
	const struct request_primitive *q = kept->request;
	err_t err;

	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("op"), q->operation));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("tg"), q->to));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("org"), q->from));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("rid"), q->rqi));
	TRY(set_put_uint(w->r, w->arena, &w->set, BYTES("rs"), PENDING));
	if (q->has_content)
		TRY(set_put(&w->set, BYTES("pc"), q->content));
	TRY(put_meta(w, q));
	TRY(put_accepted(w, q));
	if (q->from.n)
		TRY(set_put_texts(w->r, w->arena, &w->set, BYTES("lbl"), &q->from, 1));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(INTERNAL_CREATOR), kept->originator));
	for (size_t i = 0; i < kept->own_n; i++)
		TRY(set_put(&w->set, kept->own[i].key, kept->own[i].value));
out:
	return err;
}

err_t resource_request_keep(struct resources *r, const struct permit *system,
                            const struct resource_kept *kept, struct arena *a, uint64_t *id)
{
	struct resource_work w;
	err_t err;

	if (!permit_covers(system, RIGHT_CREATE, 1))
		return ERR_REFUSED;
	own_start(&w, r, a, "m2m:req", kept->now);
	w.row.expires = kept->expires;
	TRY(work_parent(&w, 1));
	TRY(put_request(&w, kept));
	TRY(own_insert(&w));
	*id = w.row.id;
out:
	return err;
}

err_t resource_request_change(struct resources *r, const struct permit *system, uint64_t id,
                              const struct resource_change *change, struct arena *a)
{
	const struct store_row *found;
	struct attribute_set set;
	struct store_row row;
	struct bytes had;
	err_t err;

	if (!permit_covers(system, RIGHT_UPDATE, id))
		return ERR_REFUSED;
	TRY(store_get(r->store, id, &found));
	if (!found)
		goto out;
	row = *found;
	TRY(arena_copy(a, found->body, &row.body));
	had = row.body;
	TRY(set_load(&set, row.body));
	for (size_t i = 0; i < change->n; i++) {
		if (change->m[i].value.n == 0)
			set_drop(&set, change->m[i].key);
		else
			TRY(set_put(&set, change->m[i].key, change->m[i].value));
	}
	TRY(set_encode(r, a, &set, &row.body));
	/* A result that was promised is kept, whatever there is of it. */
	TRY(account_own(r, had, row.body));
	row.modified = change->now;
	row.expires = change->expires;
	TRY(store_update(r->store, &row));
out:
	return err;
}
