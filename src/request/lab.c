/* lab.c: who is let in without a security association, and to what: the laboratory
 * alone. Nothing else is off there: policies are evaluated, limits and records
 * hold, and who is enrolled keeps its name. */
#include "primitive/id.h"
#include "request/work.h"
#include "resource/stem.h"

static bool in_lab(const struct work *w)
{
	return !w->association && !w->in->own && w->room->lab;
}

bool lab_is_admin(const struct work *w)
{
	return in_lab(w) && w->room->lab_admin.n &&
	       bytes_equal(w->request.from, w->room->lab_admin);
}

/* "/id-mn" of "/id-mn", "/id-mn/Cae", "//sp/id-mn", "//sp/id-mn/Cae" of this
 * provider; empty for others. */
static struct bytes cse_of(const struct work *w)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id, id = w->request.from;
	size_t n;

	if (bytes_starts(id, BYTES("//")))
		id = id_behind_sp(id, sp);
	if (!bytes_starts(id, BYTES("/")))
		return BYTES_NONE;
	n = bytes_find(bytes_sub(id, 1, id.n), '/');
	return bytes_sub(id, 0, n + 1);
}

bool lab_is_cse(const struct work *w)
{
	struct bytes rest = w->room->lab_cses, cse = in_lab(w) ? cse_of(w) : BYTES_NONE;

	while (cse.n && rest.n) {
		if (bytes_equal(bytes_cut(&rest, ','), cse))
			return true;
	}
	return cse.n && bytes_equal(cse, w->room->registrar);
}

/* An S-type AE-ID names no CSE: one that is not registered here is behind one of those that
 * are believed. */
static err_t is_brought(struct work *w, bool *yes)
{
	struct bytes id = w->request.from;
	bool here;
	err_t err = ERR_OK;

	if (bytes_starts(id, BYTES("//")))
		id = id_behind_sp(id, resources_cse(w->room->resources)->sp_id);
	*yes = w->room->lab_cses.n > 0 && id_form(id) == ID_SP_S_AE;
	if (!*yes)
		return ERR_OK;
	TRY(resource_stem_here(w->room->resources, bytes_sub(id, 1, id.n), &here));
	*yes = !here;
out:
	return err;
}

/* By the registrar comes who is anywhere else; by a CSE below who is behind it. */
err_t lab_believes(struct work *w, bool *yes)
{
	struct bytes own = resources_cse(w->room->resources)->cse_id, cse = cse_of(w);
	uint64_t there = 0;
	bool behind;
	err_t err = ERR_OK;

	*yes = lab_is_admin(w) || lab_is_cse(w);
	if (*yes || !in_lab(w) || !cse.n || bytes_equal(cse, own))
		return ERR_OK;
	*yes = w->room->registrar.n > 0;
	if (!*yes)
		TRY(resource_remote(w->room->resources, cse, &there, &behind));
	*yes |= there != 0;
	if (!*yes)
		TRY(is_brought(w, yes));
out:
	return err;
}

static err_t is_registered(struct work *w, bool *yes)
{
	err_t err = ERR_OK;

	*yes = false;
	if (id_form(w->request.from) == ID_AE_STEM)
		TRY(resource_stem_here(w->room->resources, w->request.from, yes));
out:
	return err;
}

/* The CSEBase: policies by anyone; a look by who is registered; a CSE that is
 * believed makes its remoteCSE. */
err_t lab_opens(struct work *w, const struct store_row *target, bool *opens)
{
	*opens = false;
	if (!in_lab(w) || target->type != TYPE_CSE_BASE || w->target.virtual_child)
		return ERR_OK;
	if (w->access == ACCESS_CREATE)
		*opens = w->request.type == TYPE_ACP ||
		         (w->request.type == TYPE_REMOTE_CSE && lab_is_cse(w));
	if (!(w->access & (ACCESS_RETRIEVE | ACCESS_DISCOVERY)))
		return ERR_OK;
	*opens = lab_is_cse(w);
	return *opens ? ERR_OK : is_registered(w, opens);
}
