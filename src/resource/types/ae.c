/* AE [TS-0001 9.6.5, 10.2.2.2; TS-0004 7.4.5]: an application, registered.
 * Creating one binds an AE-ID-Stem, so the stem is judged by the security
 * association: it says who is at the other end, the request does not. */
#include "resource/engine.h"

#include "primitive/id.h"
#include "primitive/release.h"
#include "resource/stem.h"

static err_t app_rule(struct resource_work *w, const char *what, struct bytes detail)
{
	return refuse(w->out, RSC_APP_RULE_VALIDATION_FAILED, what, detail);
}

/* The last segment of //sp/in-cse/Cdev1 or //sp/Sapp. */
static struct bytes stem_of(struct bytes absolute)
{
	struct bytes stem = absolute;

	while (bytes_find(stem, '/') < stem.n)
		(void)bytes_cut(&stem, '/');
	return stem;
}

/* Clients of Release 1 were told of others, as A01.com.company.app (doc/decision/070-old-clients.md). */
static bool is_app_id(struct bytes api, unsigned release)
{
	if (release == RELEASE_1)
		return api.n > 0;
	return api.n > 1 && (api.p[0] == 'R' || api.p[0] == 'r' || api.p[0] == 'N');
}

static err_t check_app(struct resource_work *w)
{
	struct cbor api;

	if (!set_get(&w->set, BYTES("api"), &api) || !is_app_id(api.s, w->ask->request->release))
		return refuse(w->out, RSC_BAD_REQUEST, "App-ID must begin with R or N",
		              BYTES("api"));
	if (w->ask->app_id.n && !bytes_equal(api.s, w->ask->app_id))
		return app_rule(w, "the credential is for another App-ID", BYTES("api"));
	return ERR_OK;
}

/* A role that it claims as it registers is one that its rule lists, or it does not register
 * [TS-0001 9.6.29, 10.2.2.2]. Later a claim that does not hold gives nothing, and refuses nothing
 * [TS-0003 7.4.3] (doc/decision/074-role-claims.md). */
static err_t check_roles(struct resource_work *w, struct bytes stem)
{
	struct cbor list, role;
	bool may;
	err_t err;

	if (!w->ask->request->has[PARAM_RIDS])
		return ERR_OK;
	TRY(cbor_read(w->ask->request->value[PARAM_RIDS].raw, &list));
	while (list.kind == CBOR_ARRAY && list.s.n) {
		TRY(cbor_next(&list.s, &role));
		TRY(app_rule_role(w, role.s, stem, &may));
		if (!may)
			return app_rule(w, "no serviceSubscribedAppRule lets it claim that role", role.s);
	}
out:
	return err;
}

/* A credential that names its App-ID is the certificate of TS-0001 10.2.2.2 (1). Any
 * other is subject to the service subscription as soon as there is a profile. */
static err_t check_subscription(struct resource_work *w, struct bytes stem)
{
	enum app_rule rule;
	struct cbor api;
	err_t err;

	TRY(check_roles(w, stem));
	if (w->ask->app_id.n || !set_get(&w->set, BYTES("api"), &api))
		return ERR_OK;
	TRY(app_rule_holds(w, api.s, stem, &rule));
	if (rule == APP_RULE_NONE)
		return app_rule(w, "no serviceSubscribedAppRule lets this credential register that",
		                BYTES("api"));
	if (rule == APP_RULE_NO_PROFILE && w->ask->subscription_required)
		return refuse(w->out, RSC_SERVICE_SUBSCRIPTION_NOT_ESTABLISHED,
		              "there is no service subscription profile", NO_DETAIL);
out:
	return err;
}

/* The association's AE-ID is the only one that may be bound on it. */
static err_t stem_by_association(struct resource_work *w, struct bytes *stem)
{
	const struct cse_identity *cse = resources_cse(w->r);
	struct bytes entity = w->ask->entity, from = w->ask->request->from;
	struct buf absolute = buf_make(URI_MAX);
	err_t err = ERR_OK;

	*stem = stem_of(entity);
	if (id_form(entity) != ID_ABS_AE) {
		err = app_rule(w, "the association is not that of an application", NO_DETAIL);
		goto out;
	}
	/* It must also be one that this CSE can bind: its own C-stem or an S-stem. */
	TRY(id_absolute(*stem, cse->sp_id, cse->cse_id, &absolute));
	if (!bytes_equal(bytes_of_buf(&absolute), entity))
		err = app_rule(w, "the credential is for another CSE", NO_DETAIL);
	else if (id_form(from) == ID_ASSIGN && from.p[0] != stem->p[0])
		err = app_rule(w, "the credential is for another kind of stem", NO_DETAIL);
	else if (id_form(from) == ID_AE_STEM && !bytes_equal(from, *stem))
		err = app_rule(w, "the credential is for another AE-ID", NO_DETAIL);
out:
	buf_free(&absolute);
	return err;
}

/* Without association (lab): as asked, as the IN-CSE gave it, or "C" or "S" with the row's number. */
static err_t stem_by_request(struct resource_work *w, struct bytes *stem)
{
	struct bytes from = w->ask->request->from;
	struct buf *b = &w->r->scratch;
	err_t err;

	if (id_form(from) == ID_AE_STEM || w->ask->stem.n) {
		*stem = w->ask->stem.n ? w->ask->stem : from;
		return ERR_OK;
	}
	buf_clear(b);
	TRY(buf_add_byte(b, from.n ? from.p[0] : 'C'));
	TRY(buf_add(b, BYTES("ae")));
	TRY(buf_add_u64(b, w->row.id));
	TRY(arena_copy(w->arena, bytes_of_buf(b), stem));
out:
	return err;
}

static err_t check_free(struct resource_work *w, struct bytes stem)
{
	const struct cse_identity *cse = resources_cse(w->r);
	uint64_t id;
	bool here;
	err_t err;

	/* An address must lead to one resource only. */
	if (bytes_equal(stem, cse->cse_name) || bytes_equal(stem, w->r->base_ri))
		return refuse(w->out, RSC_CONFLICT, "the identifier is the CSE's", BYTES("fr"));
	TRY(store_find_ident(w->r->store, stem, &id));
	TRY(resource_stem_here(w->r, stem, &here));
	/* Who was elsewhere and shows its own credential here is here now; an S begins no other identifier. */
	if (id && !here && stem.p[0] == 'S' && w->ask->entity.n)
		TRY(tree_remove(w->r, id));
	else if (id)
		return refuse(w->out, RSC_ORIGINATOR_HAS_ALREADY_REGISTERED,
		              "this AE-ID is registered", NO_DETAIL);
out:
	return err;
}

/* An AE that does not know the attribute is one of Release 1. */
static err_t speak_first_release(struct resource_work *w)
{
	const struct bytes first[] = { BYTES("1") };
	struct cbor srv;

	if (set_get(&w->set, BYTES("srv"), &srv))
		return ERR_OK;
	return set_put_texts(w->r, w->arena, &w->set, BYTES("srv"), first, COUNT_OF(first));
}

static err_t registered(struct resource_work *w)
{
	const struct cse_identity *cse = resources_cse(w->r);
	struct bytes from = w->ask->request->from, stem;
	struct buf absolute = buf_make(URI_MAX);
	err_t err;

	TRY(check_app(w));
	TRY(speak_first_release(w));
	if (from.n && id_form(from) != ID_AE_STEM && id_form(from) != ID_ASSIGN) {
		err = refuse(w->out, RSC_BAD_REQUEST, "From must be an AE-ID-Stem", BYTES("fr"));
		goto out;
	}
	if (w->ask->entity.n) {
		TRY(stem_by_association(w, &stem));
		TRY(check_subscription(w, stem));
	} else {
		TRY(stem_by_request(w, &stem));
	}
	TRY(check_free(w, stem));
	TRY(arena_copy(w->arena, stem, &w->row.ident));
	if (stem.p[0] == 'S' && cse->cse_type != IN_CSE && w->ask->credential.n)
		TRY(set_put_text(w->r, w->arena, &w->set, BYTES(INTERNAL_CREDENTIAL), w->ask->credential));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("aei"), stem));
	/* It is its own creator: whoever asked, the AE's resources are the AE's. */
	TRY(id_absolute(stem, cse->sp_id, cse->cse_id, &absolute));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(INTERNAL_CREATOR),
	                 bytes_of_buf(&absolute)));
out:
	buf_free(&absolute);
	return err;
}

const struct resource_hooks resource_hooks_ae = {
	.created = registered,
	.announced = &stem_hooks,
};
