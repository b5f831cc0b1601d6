/* dependency (Release 4; doc/decision/068-actions.md): a further condition of the action
 * above it, on a resource that who makes it may read. */
#include "resource/action.h"

#include "resource/engine.h"

static err_t check(struct resource_work *w)
{
	struct place place = { .id = 0 };
	struct cbor rri;
	bool here = false, elsewhere;
	err_t err;

	TRY(action_elsewhere(w, "rri", &elsewhere));
	if (elsewhere)
		return polled_keep(w, BYTES("rri"));
	if (set_get(&w->set, BYTES("rri"), &rri)) {
		TRY(tree_walk(w->r, rri.s, &place));
		here = place.where == TARGET_HERE && !place.virtual_child && !place.attribute.n;
	}
	TRY(action_criteria_fit(w, here ? place.id : 0, "rri"));
	err = polled_keep(w, BYTES("rri"));
out:
	return err;
}

/* Its condition counts with the right of who made it: others do not choose what it reads. */
static err_t updated(struct resource_work *w)
{
	struct cbor value, creator;

	if (!set_get(&w->asked, BYTES("rri"), &value) && !set_get(&w->asked, BYTES("evc"), &value))
		return ERR_OK;
	if (!set_get(&w->set, BYTES(INTERNAL_CREATOR), &creator) || !bytes_equal(creator.s, w->ask->originator))
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "its creator alone says what is read",
		              BYTES("rri"));
	return check(w);
}

static err_t written(struct resource_work *w)
{
	return polled_index(w->r, w->row.id, &w->set);
}

static err_t reindexed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return polled_index(r, row->id, set);
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return polled_index(r, row->id, NULL);
}

const struct resource_hooks resource_hooks_depr = {
	.created = check, .updated = updated, .written = written, .removed = removed, .reindexed = reindexed,
};
