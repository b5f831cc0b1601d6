/* announced.c: whose an announced resource is [TS-0004 7.4.26.2.4-5]. The CSE of the original
 * updates and deletes it, whatever policies are linked to it; nobody else does, as long as that
 * CSE is registered here or behind one that is. Beside the letter: what links policies is judged
 * as everywhere, its creator has the rights of one, and what a CSE left behind that is gone
 * may be cleared away [doc/decision/080-procedures.md]. */
#include "primitive/id.h"
#include "request/work.h"

enum { ID_MAX = 4096 };

/* The link, absolute; empty: not an announced resource. */
static err_t link_of(struct work *w, const struct store_row *row, struct buf *out)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	const struct resource_type *type = resource_row_type(row);
	struct cbor lnk;
	bool found = false;
	err_t err = ERR_OK;

	if (type && type->number > TYPE_ANNOUNCED)
		TRY(cbor_find(row->body, BYTES("lnk"), &lnk, &found));
	if (!found || lnk.kind != CBOR_TEXT)
		return ERR_OK;
	if (!bytes_starts(lnk.s, BYTES("//")))
		TRY(buf_add(out, cse->sp_id));
	TRY(buf_add(out, lnk.s));
out:
	return err;
}

static bool is_creator(const struct work *w, const struct store_row *row)
{
	struct cbor creator;
	bool found = false;

	return cbor_find(row->body, BYTES("@cr"), &creator, &found) == ERR_OK && found &&
	       bytes_equal(creator.s, w->originator);
}

err_t announced_whose(struct work *w, const struct store_row *row, bool *announcer)
{
	struct buf link = buf_make(ID_MAX);
	struct bytes cse;
	uint64_t there = 0;
	bool behind, links, creator;
	err_t err = ERR_OK;

	*announcer = false;
	if ((w->access != ACCESS_UPDATE && w->access != ACCESS_DELETE) || w->target.virtual_child)
		goto out;
	TRY(link_of(w, row, &link));
	cse = behind_cse(w, bytes_of_buf(&link));
	if (!cse.n)
		goto out;
	/* Who links policies needs what the linked ones say of themselves [TS-0001 9.6.1.3.2]; the CSE
	 * that announced it keeps them in step, and could as well announce it anew. */
	links = resource_updates_policy_link(&w->request);
	creator = is_creator(w, row);
	*announcer = (creator || !links) && id_form(w->originator) == ID_ABS_CSE &&
	             bytes_equal(behind_cse(w, w->originator), cse);
	if (*announcer || creator || links)
		goto out;
	TRY(resource_remote(w->room->resources, cse, &there, &behind));
	if (there)
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.4.26.2.4",
		            "an announced resource is changed by the CSE of its original");
	if (w->status)
		decision_refuse(&w->decision, "an announced resource is changed by the CSE of its original");
out:
	buf_free(&link);
	return err;
}
