/* announce_ask.c: what a request may ask of announcements [TS-0004 7.3.3.10]. */
#include "resource/announce_work.h"

/* Does `at` of the parent name this CSE, by its identifier or by an address there? */
static bool parent_goes_there(const struct resource_work *w, struct bytes cse)
{
	struct cbor at, item;
	struct bytes rest;

	if (!set_get(&w->parent_set, BYTES("at"), &at) || at.kind != CBOR_ARRAY)
		return false;
	while (at.s.n && cbor_next(&at.s, &item) == ERR_OK) {
		if (bytes_equal(announce_cse(w->r, item.s, &rest), cse))
			return true;
	}
	return false;
}

/* An instance goes below what holds it, wherever that is, and has no other place. */
static bool has_no_place(const struct resource_work *w, struct bytes cse, struct bytes rest)
{
	return w->row.version == 0 && w->type->policy_of_parent && rest.n == 0 &&
	       !parent_goes_there(w, cse);
}

/* Who names a CSE again where it is announced already is told where [TS-0004 7.3.3.10]. */
static err_t put_known(struct resource_work *w, struct bytes list)
{
	struct bytes texts[ANNOUNCE_TARGETS];
	struct cbor item;
	size_t n = 0, k;
	err_t err = ERR_OK;

	while (list.n && n < ANNOUNCE_TARGETS) {
		TRY(cbor_next(&list, &item));
		TRY(announce_known(w->r, w->row.id, w->arena, &item.s));
		for (k = 0; k < n && !bytes_equal(texts[k], item.s); k++)
			;
		texts[k] = item.s;
		n += k == n;
	}
	err = set_put_texts(w->r, w->arena, &w->set, BYTES("at"), texts, n);
out:
	return err;
}

err_t announce_check(struct resource_work *w)
{
	struct cbor at, item;
	struct bytes rest, list;
	err_t err = ERR_OK;

	if (!set_get(&w->asked, BYTES("at"), &at) || at.kind != CBOR_ARRAY)
		return ERR_OK;
	if (at.u > ANNOUNCE_TARGETS)
		return refuse(w->out, RSC_BAD_REQUEST, "too many CSEs to announce to", BYTES("at"));
	list = at.s;
	for (uint64_t i = 0; i < at.u; i++) {
		struct bytes cse;

		TRY(cbor_next(&at.s, &item));
		cse = announce_cse(w->r, item.s, &rest);
		if (!cse.n || bytes_equal(cse, w->r->cse.cse_id))
			return refuse(w->out, RSC_BAD_REQUEST, "announced to other CSEs, as /mn", BYTES("at"));
		if (has_no_place(w, cse, rest))
			return refuse(w->out, RSC_OPERATION_NOT_ALLOWED,
			              "what holds the instance is not announced there", BYTES("at"));
	}
	if (w->row.version && at.u)
		TRY(put_known(w, list));
out:
	return err;
}
