/* behind.c: whom a CSE may speak for: itself, its own AEs, and the CSEs behind it
 * with theirs, as its remoteCSE says; our registrar for all that is not on our side
 * [TS-0004 7.3.2.1 (5)]. So a transit node cannot claim who is elsewhere.
 *
 * Who is of another service provider comes by its IN-CSE, or from our registrar (provider.c).
 *
 * An S-type AE-ID names no CSE. From below it is believed where the service subscription
 * names it at that CSE's node, and no other such node announced it since; from the registrar always; never one that is registered or
 * enrolled here [doc/decision/054-relations.md]. */
#include "primitive/id.h"
#include "request/reach.h"
#include "request/work.h"
#include "resource/stem.h"

enum { ID_TEXT = 1024 };

struct bytes behind_cse(const struct work *w, struct bytes absolute)
{
	struct bytes rest = id_behind_sp(absolute, resources_cse(w->room->resources)->sp_id);

	if (rest.n == 0)
		return BYTES_NONE;
	/* "/Sapp" is no CSE; "/Smart-cse/Cx" is behind one. */
	if (id_form(rest) == ID_SP_S_AE && id_form(absolute) == ID_ABS_AE)
		return BYTES_NONE;
	return bytes_sub(rest, 0, 1 + bytes_find(bytes_sub(rest, 1, rest.n), '/'));
}

struct named {
	const struct work *w;
	struct bytes list; /* encoded texts */
	bool found;
};

static bool is_named(const struct named *n, struct bytes entity)
{
	struct bytes rest = n->list, sp = resources_cse(n->w->room->resources)->sp_id;
	struct cbor item;

	entity = id_behind_sp(entity, sp);
	while (entity.n && rest.n && cbor_next(&rest, &item) == ERR_OK) {
		if (item.kind == CBOR_TEXT && bytes_equal(item.s, entity))
			return true;
	}
	return false;
}

static err_t see_credential(void *self, const struct credential *c)
{
	struct named *n = self;

	n->found |= !c->revoked && is_named(n, bytes_str(c->entity));
	return ERR_OK;
}

err_t behind_is_strange(struct work *w, struct bytes absolute, bool *yes)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id;
	struct entity_terms terms;
	bool here;
	err_t err;

	*yes = false;
	TRY(resource_stem_here(w->room->resources, bytes_sub(absolute, sp.n + 1, absolute.n), &here));
	if (here)
		goto out;
	registry_terms(w->room->registry, absolute, w->in->now, &terms);
	*yes = !terms.enrolled;
out:
	return err;
}

/* Does the subscription name it there; and, where it names several, is it not announced by
 * another of them? */
static err_t is_there(struct work *w, struct bytes by, struct bytes stem, bool *yes)
{
	struct resources *r = w->room->resources;
	struct bytes at;
	bool there = false;
	err_t err;

	TRY(resource_subscribed_at(r, &w->room->arena, by, stem, w->in->now, yes));
	if (!*yes)
		goto out;
	TRY(resource_stem_at(r, &w->room->arena, stem, &at));
	if (at.n && !bytes_equal(at, by))
		TRY(resource_subscribed_at(r, &w->room->arena, at, stem, w->in->now, &there));
	*yes = !there;
out:
	return err;
}

/* An S-type AE-ID is of the provider, so the provider says where it is: its service
 * subscription names it at the node of a CSE below. The registrar (by: none) brings those
 * that are elsewhere. Nobody brings one of ours. */
static err_t speaks_for_stem(struct work *w, struct bytes by, bool *yes)
{
	struct bytes sp = resources_cse(w->room->resources)->sp_id;
	err_t err;

	TRY(behind_is_strange(w, w->claimed, yes));
	if (*yes && by.n)
		TRY(is_there(w, by, bytes_sub(w->claimed, sp.n + 1, w->claimed.n), yes));
out:
	return err;
}

err_t behind_speaks(struct work *w, bool *yes)
{
	const struct cse_identity *own = resources_cse(w->room->resources);
	struct bytes cse = behind_cse(w, w->claimed);
	struct bytes hop = behind_cse(w, bytes_str(w->association->facts.entity));
	bool is_registrar = w->room->registrar.n && bytes_equal(hop, w->room->registrar);
	uint64_t there, by;
	bool behind;
	err_t err = ERR_OK;

	*yes = cse.n && bytes_equal(cse, hop);
	if (id_behind_sp(w->claimed, own->sp_id).n == 0)
		*yes = provider_speaks(w, is_registrar);
	if (*yes || hop.n == 0 || id_behind_sp(w->claimed, own->sp_id).n == 0 || bytes_equal(cse, own->cse_id))
		return ERR_OK;
	if (cse.n == 0)
		return speaks_for_stem(w, is_registrar ? BYTES_NONE : hop, yes);
	TRY(resource_remote(w->room->resources, cse, &there, &behind));
	TRY(resource_remote(w->room->resources, hop, &by, yes));
	/* Behind this one; or, from the registrar, nowhere on our side. */
	*yes = there ? by && there == by && behind && !is_registrar : is_registrar;
out:
	return err;
}

/* The CSE that it is at, "/mn-cse"; empty: here, or nobody knows. */
static err_t place_of(struct work *w, struct bytes absolute, struct bytes *out)
{
	const struct cse_identity *own = resources_cse(w->room->resources);
	struct bytes rest = id_behind_sp(absolute, own->sp_id);
	err_t err = ERR_OK;

	*out = behind_cse(w, absolute);
	if (!out->n && rest.n > 1)
		TRY(resource_stem_at(w->room->resources, &w->room->arena, bytes_sub(rest, 1, rest.n), out));
	if (bytes_equal(*out, own->cse_id))
		*out = BYTES_NONE;
out:
	return err;
}

static err_t is_revoked(struct work *w, struct bytes cse, bool *yes)
{
	struct buf absolute = buf_make(ID_TEXT);
	err_t err;

	TRY(buf_add(&absolute, resources_cse(w->room->resources)->sp_id));
	TRY(buf_add(&absolute, cse));
	*yes = reach_is_revoked(w, bytes_of_buf(&absolute));
out:
	buf_free(&absolute);
	return err;
}

/* Was the credential revoked of the CSE that it is at, or of the one here by which it is believed? */
static err_t way_is_revoked(struct work *w, struct bytes absolute, bool *yes)
{
	struct buf hop = buf_make(ID_TEXT);
	struct provider p;
	struct bytes at;
	uint64_t there;
	bool behind;
	err_t err = ERR_OK;

	*yes = provider_of(w->room, absolute, &p) && p.cse.n && reach_is_revoked(w, p.cse);
	TRY(place_of(w, absolute, &at));
	if (*yes || !at.n)
		goto out;
	TRY(is_revoked(w, at, yes));
	TRY(resource_remote(w->room->resources, at, &there, &behind));
	if (!*yes && there && behind) {
		TRY(reach_identity(w, there, &hop));
		*yes = reach_is_revoked(w, bytes_of_buf(&hop));
	} else if (!*yes && !there && w->room->registrar.n) {
		TRY(is_revoked(w, w->room->registrar, yes));
	}
out:
	buf_free(&hop);
	return err;
}

err_t behind_is_gone(struct work *w, struct bytes absolute, bool *gone, bool *live)
{
	bool known;
	err_t err;

	TRY(registry_entity_live(w->room->registry, absolute, w->in->now, &known, live));
	*gone = known && !*live;
	if (!known)
		err = way_is_revoked(w, absolute, gone);
out:
	return err;
}

err_t behind_may_name(struct work *w, bool *yes)
{
	struct named named = { .w = w };
	struct cbor csr, dcse;
	bool found;
	err_t err = ERR_OK;

	*yes = true;
	if (!w->association || !w->request.has_content ||
	    cbor_find(w->request.content, BYTES("m2m:csr"), &csr, &found) != ERR_OK || !found ||
	    csr.kind != CBOR_MAP || cbor_find(csr.raw, BYTES("dcse"), &dcse, &found) != ERR_OK ||
	    !found || dcse.kind != CBOR_ARRAY)
		goto out;
	named.list = dcse.s;
	TRY(registry_credentials(w->room->registry, see_credential, &named));
	*yes = !named.found;
out:
	return err;
}
