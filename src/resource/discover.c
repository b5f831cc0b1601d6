/* discover.c: discovery, a retrieve of addresses [TS-0004 7.3.3.14]. */
#include "resource/engine.h"

/* { "m2m:uril": [addresses] } */
static err_t put_uri_list(struct selection *s, unsigned result_id_type, struct buf *out)
{
	struct buf text = buf_make(2 * URI_MAX);
	err_t err;

	TRY(cbor_put_map(out, 1));
	TRY(cbor_put_text(out, BYTES("m2m:uril")));
	TRY(cbor_put_array(out, s->n));
	for (size_t i = 0; i < s->n; i++) {
		buf_clear(&text);
		TRY(view_address(s->r, s->list[i].id, result_id_type, &text));
		TRY(cbor_put_text(out, bytes_of_buf(&text)));
	}
out:
	buf_free(&text);
	return err;
}

static err_t discover(struct resource_work *w, const struct discovery *d, struct buf *content)
{
	const struct request_primitive *q = w->ask->request;
	struct filter_criteria filter;
	struct selection s;
	err_t err;

	TRY(work_whole(w));
	TRY(work_target(w, RIGHT_RETRIEVE));
	err = filter_read(q, &filter);
	if (err == ERR_UNSUPPORTED)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "filter criteria not supported", NO_DETAIL);
	if (err != ERR_OK || filter.usage != 1 || !filter_known(&filter))
		return refuse(w->out, RSC_BAD_REQUEST, "malformed filter criteria", NO_DETAIL);
	if (q->result_content != PRIMITIVE_DEFAULT_RCN && q->result_content != 6 &&
	    q->result_content != 11)
		return rcn_unknown(w, q->result_content);
	s = select_for(w, &filter);
	s.may = d;
	s.right = RIGHT_DISCOVERY;
	s.through = true;
	err = select_below(&s, w->row.id);
	note_rest(w->out, &s);
	w->out->resource = w->row.id;
	w->out->version = w->row.version;
	if (err == ERR_OK)
		err = q->result_content == 6
		          ? view_put_references(&s, q->result_id_type, content)
		          : put_uri_list(&s, q->result_id_type, content);
	if (err == ERR_LIMIT)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "the result is too large", BYTES("lim"));
	if (err == ERR_OK)
		w->out->status = RSC_OK;
out:
	return err;
}

err_t resource_discover(struct resources *r, const struct resource_ask *ask,
                        const struct discovery *d, struct buf *content,
                        struct outcome *out)
{
	struct resource_work w;
	size_t n = content->n;
	err_t err;

	*out = (struct outcome){ 0 };
	if (!permit_covers(ask->permit, RIGHT_DISCOVERY, ask->target->id))
		return ERR_REFUSED;
	work_start(&w, r, ask, out);
	err = refusal_is_result(discover(&w, d, content), out);
	if (err != ERR_OK || !status_is_success(out->status))
		content->n = n;
	return err;
}
