/* A client of the MAF registers [TS-0003 8.8.2.3]. One whose key was provisioned remotely for
 * this MAF gets an identifier for it that this MAF assigns, its KmID, and comes by that from
 * then on. An update over an association by a provisioned key gives it a new one, and the one
 * before ends [8.8.2.5]; so does each with the registration. */
#include "resource/engine.h"

/* The client came by another key than the one whose identifier is in aski: ours. */
#define ASSIGNED "@km"

err_t trust_assign(struct resource_work *w, bool *given)
{
	char identity[KEY_ASSIGNED_TEXT + 1];
	err_t err = ERR_UNSUPPORTED;

	*given = false;
	if (w->r->keys.assign)
		err = w->r->keys.assign(w->r->keys.self, w->ask->credential, w->row.expires, identity);
	if (err == ERR_UNSUPPORTED)
		return ERR_OK;
	TRY(err);
	TRY(set_put_bool(w->r, w->arena, &w->set, BYTES(ASSIGNED), true));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("aski"), bytes_str(identity)));
	*given = true;
out:
	return err;
}

static err_t take_back(struct resources *r, const struct attribute_set *set)
{
	struct cbor aski;

	if (!r->keys.unassign || !set_true(set, BYTES(ASSIGNED)) || !set_get(set, BYTES("aski"), &aski))
		return ERR_OK;
	return r->keys.unassign(r->keys.self, aski.s);
}

static err_t updated(struct resource_work *w)
{
	struct bytes by = bytes_sub(w->ask->credential, BYTES("12-").n, w->ask->credential.n);
	struct cbor aski, cr;
	bool given;
	err_t err;

	/* Who else may update it has a key of its own. */
	if (!set_get(&w->before, BYTES("cr"), &cr) || !bytes_equal(cr.s, w->ask->originator))
		return ERR_OK;
	if (set_get(&w->before, BYTES("aski"), &aski) && bytes_equal(aski.s, by))
		return ERR_OK;
	TRY(trust_assign(w, &given));
	if (given)
		TRY(take_back(w->r, &w->before));
out:
	return err;
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return take_back(r, set);
}

const struct resource_hooks resource_hooks_macr = {
	.created = trust_client_created, .written = trust_client_written, .updated = updated, .removed = removed,
};
