/* remoteCSE [TS-0001 9.6.4, 10.2.2; TS-0004 7.4.4]: another CSE registers itself, and
 * says who is behind it. Whom a CSE may speak for follows from these rows, so
 * nobody may name who is registered here, or behind somebody else. */
#include "resource/engine.h"

#include "primitive/id.h"

/* Our own registrar's, made by ourselves (role/core/registrar.c). */
static bool is_mirror(const struct resource_work *w)
{
	const struct cse_identity *cse = &w->r->cse;

	return bytes_equal(id_behind_sp(w->ask->originator, cse->sp_id), cse->cse_id);
}

static bool is_absolute_of(const struct resource_work *w, struct bytes absolute, struct bytes csi)
{
	return bytes_equal(id_behind_sp(absolute, w->r->cse.sp_id), csi);
}

/* A CSE registers itself and no other. */
static err_t check_itself(struct resource_work *w, struct bytes csi)
{
	bool by_cse = id_form(w->ask->originator) == ID_ABS_CSE;

	if (!id_is_sp_relative_cse(csi))
		return refuse(w->out, RSC_BAD_REQUEST, "a CSE-ID is SP-relative, as /mn", BYTES("csi"));
	if (is_mirror(w))
		return ERR_OK;
	if (w->r->cse.cse_type == ASN_CSE)
		return refuse(w->out, RSC_OPERATION_NOT_ALLOWED, "an ASN-CSE is no registrar", NO_DETAIL);
	if ((by_cse || w->ask->entity.n) &&
	    (!is_absolute_of(w, w->ask->originator, csi) ||
	     (w->ask->entity.n && !is_absolute_of(w, w->ask->entity, csi))))
		return refuse(w->out, RSC_BAD_REQUEST, "a CSE registers itself", BYTES("csi"));
	return ERR_OK;
}

static err_t check_descendant(struct resource_work *w, struct bytes csi, const struct cbor *item)
{
	uint64_t there;
	bool behind;
	err_t err;

	if (item->kind != CBOR_TEXT || !id_is_sp_relative_cse(item->s))
		return refuse(w->out, RSC_BAD_REQUEST, "a CSE-ID is SP-relative, as /mn", BYTES("dcse"));
	TRY(resource_remote(w->r, item->s, &there, &behind));
	if (bytes_equal(item->s, w->r->cse.cse_id) || bytes_equal(item->s, csi) ||
	    (there && (there != w->row.id || !behind)))
		return refuse(w->out, RSC_CONFLICT, "a descendant is registered elsewhere", BYTES("dcse"));
out:
	return err;
}

static err_t check_descendants(struct resource_work *w, struct bytes csi)
{
	struct cbor dcse, item;
	err_t err = ERR_OK;

	if (!set_get(&w->asked, BYTES("dcse"), &dcse) || dcse.kind != CBOR_ARRAY)
		return ERR_OK;
	for (uint64_t i = 0; i < dcse.u; i++) {
		TRY(cbor_next(&dcse.s, &item));
		TRY(check_descendant(w, csi, &item));
	}
out:
	return err;
}

/* What is written is what From says; old clients leave its slash out, or have the provider before it. */
static struct bytes id_registered(struct resource_work *w)
{
	struct bytes from = id_behind_sp(w->ask->originator, w->r->cse.sp_id);
	struct cbor csi;

	if (!set_get(&w->set, BYTES("csi"), &csi) || bytes_equal(csi.s, w->ask->originator) ||
	    bytes_equal(csi.s, bytes_sub(from, 1, from.n)))
		return from;
	return csi.s;
}

static err_t registered(struct resource_work *w)
{
	const struct cse_identity *cse = &w->r->cse;
	struct bytes csi = id_registered(w);
	uint64_t there;
	bool behind;
	err_t err;

	TRY(check_itself(w, csi));
	TRY(resource_remote(w->r, csi, &there, &behind));
	if (there || bytes_equal(csi, cse->cse_id))
		return refuse(w->out, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED,
		              "this CSE-ID is registered", NO_DETAIL);
	TRY(check_descendants(w, csi));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("csi"), csi));
out:
	return err;
}

static err_t updated(struct resource_work *w)
{
	struct cbor csi;

	if (!set_get(&w->set, BYTES("csi"), &csi))
		return ERR_TAMPERED;
	return check_descendants(w, csi.s);
}

/* Who says nothing new can be reached as before. */
static err_t written(struct resource_work *w)
{
	static const char *const ways[] = { "csi", "poa", "rr" };
	struct cbor now, before;

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		bool is = set_get(&w->set, bytes_str(ways[i]), &now), was = set_get(&w->before, bytes_str(ways[i]), &before);

		if (is != was || (is && !bytes_equal(now.raw, before.raw)))
			w->r->reached = w->now;
	}
	return ERR_OK;
}

const struct resource_hooks resource_hooks_csr = {
	.created = registered,
	.updated = updated,
	.written = written,
};
