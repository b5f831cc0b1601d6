/* role [TS-0001 9.6.38; TS-0004 7.4.40]: whoever makes one is its issuer, so that a decision
 * may believe the attribute (roles.c). */
#include "primitive/id.h"
#include "resource/engine.h"
#include "resource/roles.h"

static err_t created(struct resource_work *w)
{
	struct buf absolute = buf_make(URI_MAX);
	struct cbor issuer;
	bool own;
	err_t err;

	/* In the laboratory nobody is anybody. */
	if (w->ask->credential.n == 0 || !set_get(&w->set, BYTES("tkis"), &issuer))
		return ERR_OK;
	err = id_absolute(issuer.s, w->r->cse.sp_id, w->r->cse.cse_id, &absolute);
	own = err == ERR_OK && bytes_equal(bytes_of_buf(&absolute), w->ask->originator);
	buf_free(&absolute);
	if (own)
		return ERR_OK;
	err = refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "a role is made by its issuer", BYTES("tkis"));
	return err;
}

static err_t reindexed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return role_index(r, row->id, set);
}

static err_t written(struct resource_work *w)
{
	return role_index(w->r, w->row.id, &w->set);
}

static err_t removed(struct resources *r, const struct store_row *row, const struct attribute_set *set)
{
	return role_index(r, row->id, NULL);
}

const struct resource_hooks resource_hooks_rol = {
	.created = created, .written = written, .removed = removed, .reindexed = reindexed,
};
