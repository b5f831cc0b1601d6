/* stem.c: S-type AE-IDs where the AE is registered elsewhere: its AEAnnc, below the CSEBase of
 * the IN-CSE [TS-0001 10.2.2.2, 10.2.2.5]. Whether a CSE may announce it is judged
 * before (request/stem.c): what was not found good there is an AEAnnc like any other. */
#include "resource/stem.h"

#include "base/clock.h"
#include "primitive/id.h"
#include "resource/engine.h"

/* --- where it is ------------------------------------------------------------------------- */

struct bytes resource_stem_of(const struct resources *r, struct bytes link, struct bytes *cse)
{
	struct bytes rest = BYTES_NONE;

	*cse = announce_cse(r, link, &rest);
	if (!cse->n || (!bytes_equal(rest, BYTES("/S")) && id_form(rest) != ID_SP_S_AE))
		return BYTES_NONE;
	return bytes_sub(rest, 1, rest.n);
}

err_t resource_stem_here(struct resources *r, struct bytes stem, bool *yes)
{
	const struct store_row *row;
	uint64_t id;
	err_t err;

	*yes = false;
	TRY(store_find_ident(r->store, stem, &id));
	if (!id)
		goto out;
	TRY(store_get(r->store, id, &row));
	*yes = row && row->type == TYPE_AE;
out:
	return err;
}

err_t resource_stem_at(struct resources *r, struct arena *a, struct bytes stem, struct bytes *cse)
{
	const struct store_row *row;
	struct bytes there;
	struct cbor lnk;
	uint64_t id;
	bool found;
	err_t err;

	*cse = BYTES_NONE;
	TRY(store_find_ident(r->store, stem, &id));
	if (!id)
		goto out;
	TRY(store_get(r->store, id, &row));
	if (!row || row->type != TYPE_AE_ANNOUNCED || row_expired(row, clock_now()))
		goto out;
	TRY(body_get(row->body, BYTES("lnk"), &lnk, &found));
	if (found && bytes_equal(resource_stem_of(r, lnk.s, &there), stem))
		TRY(arena_copy(a, there, cse));
out:
	return err;
}

/* --- its announcement ----------------------------------------------------------------------- */

/* What is announced is one with this resourceID, where it is announced as is the AE: once. */
static err_t check_free(struct resource_work *w, struct bytes stem)
{
	uint64_t id;
	bool here;
	err_t err;

	TRY(store_find_ident(w->r->store, stem, &id));
	if (!id)
		return ERR_OK;
	TRY(resource_stem_here(w->r, stem, &here));
	return refuse(w->out, here ? RSC_ORIGINATOR_HAS_ALREADY_REGISTERED : RSC_CONFLICT,
	              here ? "this AE-ID is registered" : "this AE-ID is announced", BYTES("lnk"));
out:
	return err;
}

static err_t put_link(struct resource_work *w, struct bytes stem)
{
	struct bytes cse;
	struct cbor lnk;
	struct buf b = buf_make(URI_MAX);
	err_t err;

	(void)set_get(&w->set, BYTES("lnk"), &lnk);
	(void)resource_stem_of(w->r, lnk.s, &cse);
	TRY(buf_printf(&b, "%.*s/%.*s", BYTES_FMT(cse), BYTES_FMT(stem)));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("lnk"), bytes_of_buf(&b)));
out:
	buf_free(&b);
	return err;
}

/* Its stem is its resourceID; one that is made up has the row's number. */
static err_t created(struct resource_work *w)
{
	struct bytes stem = w->ask->stem;
	struct buf *b = &w->r->scratch;
	err_t err = ERR_OK;

	if (!stem.n || w->parent.type != TYPE_CSE_BASE)
		return ERR_OK;
	if (stem.n == 1) {
		buf_clear(b);
		TRY(buf_printf(b, "Sae%llu", (unsigned long long)w->row.id));
		TRY(arena_copy(w->arena, bytes_of_buf(b), &stem));
	}
	TRY(check_free(w, stem));
	TRY(arena_copy(w->arena, stem, &w->row.ident));
	TRY(put_link(w, stem));
out:
	return err;
}

/* The link of any other is written once. Here it says where the AE is now: as was found
 * good, or nowhere. */
static err_t asked(struct resource_work *w)
{
	struct cbor lnk;
	err_t err;

	if (!w->row.ident.n || !set_get(&w->asked, BYTES("lnk"), &lnk) || lnk.kind != CBOR_TEXT ||
	    (!bytes_equal(w->ask->stem, w->row.ident) && !bytes_equal(lnk.s, STEM_INACTIVE)))
		return ERR_OK;
	TRY(set_put(&w->set, BYTES("lnk"), lnk.raw));
	set_drop(&w->asked, BYTES("lnk"));
out:
	return err;
}

/* Announced by another CSE: it is that one's from now on, and counts for it. Policies that were linked
 * before gave the former one a say. */
static err_t updated(struct resource_work *w)
{
	static const char *const links[] = { "acpi", "daci" };
	struct bytes body;
	struct cbor creator;
	err_t err = ERR_OK;

	if (!w->ask->stem.n || (set_get(&w->set, BYTES(INTERNAL_CREATOR), &creator) &&
	                        bytes_equal(creator.s, w->ask->originator)))
		return ERR_OK;
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(INTERNAL_CREATOR), w->ask->originator));
	for (size_t i = 0; i < COUNT_OF(links); i++)
		set_drop(&w->set, bytes_str(links[i]));
	TRY(set_encode(w->r, w->arena, &w->set, &body));
	TRY(work_account(w, w->row.body, BYTES_NONE));
	TRY(work_account(w, BYTES_NONE, body));
	w->row.body = body;
out:
	return err;
}

const struct resource_hooks stem_hooks = {
	.asked = asked,
	.created = created,
	.updated = updated,
};
