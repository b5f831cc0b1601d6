/* admission.c: the checks of admission.def. Each looks at the primitive and the
 * association alone. */
#include "primitive/id.h"
#include "primitive/release.h"
#include "request/later_work.h"
#include "request/work.h"
#include "resource/delivery.h"


typedef err_t (*check_fn)(struct work *w, bool *well);

static bool creates_ae(const struct work *w)
{
	return w->request.operation == OPERATION_CREATE && w->request.type == TYPE_AE;
}

static bool by_ae(const struct work *w)
{
	return w->association && !w->association->facts.entity_is_cse;
}

static bool by_cse(const struct work *w)
{
	return w->association && w->association->facts.entity_is_cse;
}

static bool is_ae_form(enum id_form form)
{
	return form == ID_AE_STEM || form == ID_SP_S_AE || form == ID_SP_C_AE ||
	       form == ID_ABS_AE;
}

static bool is_cse_form(enum id_form form)
{
	return form == ID_SP_CSE || form == ID_ABS_CSE;
}

/* --- a primitive at all -------------------------------------------------------- */

static err_t admission_operation(struct work *w, bool *well)
{
	*well = w->request.operation >= OPERATION_CREATE &&
	        w->request.operation <= OPERATION_NOTIFY;
	return ERR_OK;
}

static err_t admission_to(struct work *w, bool *well)
{
	*well = w->request.to.n > 0;
	return ERR_OK;
}

static err_t admission_identifier(struct work *w, bool *well)
{
	*well = w->request.rqi.n > 0;
	return ERR_OK;
}

/* --- (1) (2) (3) ---------------------------------------------------------------- */

static err_t admission_timing(struct work *w, bool *well)
{
	*well = !w->request.result_expires || w->request.result_expires >= w->request.expires;
	return ERR_OK;
}

static err_t admission_expired(struct work *w, bool *well)
{
	*well = (!w->request.has[PARAM_RQET] || w->request.expires > w->in->now) &&
	        (!w->request.has[PARAM_RSET] || w->request.result_expires > w->in->now);
	return ERR_OK;
}

static err_t admission_from(struct work *w, bool *well)
{
	*well = w->request.from.n > 0 || creates_ae(w);
	return ERR_OK;
}

/* Of an AE: the stem. Without an association the same holds for what claims to
 * be an AE of this CSE; others fail in (6). */
static err_t admission_from_format(struct work *w, bool *well)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	enum id_form form = id_form(w->request.from);

	*well = true;
	if (w->request.from.n == 0)
		return ERR_OK;
	if (form == ID_INVALID)
		*well = !by_ae(w) && stem_announcer(w).n > 0;
	else if (form == ID_ASSIGN)
		*well = creates_ae(w) && !by_cse(w);
	else if (by_ae(w))
		*well = form == ID_AE_STEM;
	else if (!w->association && form == ID_SP_C_AE)
		*well = !bytes_starts(w->request.from, cse->cse_id) ||
		        w->request.from.p[cse->cse_id.n] != '/';
	return ERR_OK;
}

/* --- (4) (5) -------------------------------------------------------------------- */

static bool is_entity(const struct work *w)
{
	return bytes_equal(w->claimed, bytes_str(w->association->facts.entity));
}

/* An AE that asks for an identity gets the one of its credential. */
static err_t admission_ae_itself(struct work *w, bool *well)
{
	bool asks = w->request.from.n == 0 || id_form(w->request.from) == ID_ASSIGN;

	*well = !by_ae(w) || (asks ? creates_ae(w) : is_entity(w));
	return ERR_OK;
}

static err_t admission_cse_itself(struct work *w, bool *well)
{
	*well = true;
	if (!by_cse(w) || !is_cse_form(id_form(w->request.from)))
		return ERR_OK;
	return behind_speaks(w, well);
}

static err_t admission_cse_stem(struct work *w, bool *well)
{
	*well = !by_cse(w) || id_form(w->request.from) != ID_AE_STEM;
	return ERR_OK;
}

static err_t admission_cse_own_ae(struct work *w, bool *well)
{
	enum id_form form = id_form(w->request.from);

	*well = true;
	if (!by_cse(w) || (form != ID_SP_C_AE && form != ID_ABS_AE) ||
	    behind_cse(w, w->claimed).n == 0)
		return ERR_OK;
	return behind_speaks(w, well);
}

static err_t admission_cse_no_other(struct work *w, bool *well)
{
	*well = true;
	return by_cse(w) ? behind_speaks(w, well) : ERR_OK;
}

static err_t admission_cse_descendants(struct work *w, bool *well)
{
	*well = true;
	return by_cse(w) ? behind_may_name(w, well) : ERR_OK;
}

/* --- (6) ------------------------------------------------------------------------ */

static err_t admission_open_cse(struct work *w, bool *well)
{
	*well = w->association || w->in->own || (!is_cse_form(id_form(w->request.from)) && !w->announces.n);
	return *well ? ERR_OK : lab_believes(w, well);
}

struct namesake {
	struct bytes entity;
	bool found;
};

static err_t see_credential(void *self, const struct credential *c)
{
	struct namesake *n = self;

	n->found |= !c->revoked && bytes_equal(bytes_str(c->entity), n->entity);
	return ERR_OK;
}

/* Who has a credential is protected in a laboratory as well. Looking at all of
 * them is cheap enough there. */
static err_t admission_open_enrolled(struct work *w, bool *well)
{
	struct namesake n = { .entity = w->claimed };
	err_t err = ERR_OK;

	if (!w->association && n.entity.n)
		err = registry_credentials(w->room->registry, see_credential, &n);
	*well = !n.found;
	return err;
}

/* An AE of this CSE, registered or not, is judged by the policies there; one
 * behind another CSE needs that this CSE is believed. */
static err_t admission_open_ae(struct work *w, bool *well)
{
	enum id_form form = id_form(w->request.from);

	*well = w->association || !is_ae_form(form) || form == ID_AE_STEM;
	return *well ? ERR_OK : lab_believes(w, well);
}

/* --- (7) ------------------------------------------------------------------------ */

/* A number of the enumeration, or one of those that TS-0032 leaves open; one that is not
 * built is answered 5001 later. */
static bool is_resource_type(uint32_t ty)
{
	uint32_t plain = ty > TYPE_ANNOUNCED ? ty - TYPE_ANNOUNCED : ty;

	return (plain >= 1 && plain <= TYPE_LAST) || resource_type(ty) != NULL;
}

static err_t admission_type(struct work *w, bool *well)
{
	if (w->request.operation == OPERATION_CREATE)
		*well = w->request.has[PARAM_TY] && is_resource_type(w->request.type);
	else
		*well = !w->request.has[PARAM_TY];
	return ERR_OK;
}

/* What finds is a Retrieve: an Update or a Delete that says "discovery" is not guessed at. */
static err_t admission_filter(struct work *w, bool *well)
{
	bool changes = w->request.operation == OPERATION_UPDATE ||
	               w->request.operation == OPERATION_DELETE;

	*well = !w->request.has[PARAM_FC] || w->request.operation == OPERATION_RETRIEVE ||
	        (changes && !facts_names_discovery(&w->request));
	return ERR_OK;
}

#define RCN(n) (1u << (n))

/* Valid resultContent by operation [TS-0001 8.1.2]. */
static const unsigned result_contents[] = {
	[OPERATION_CREATE] = RCN(0) | RCN(1) | RCN(2) | RCN(3) | RCN(9),
	[OPERATION_RETRIEVE] = RCN(1) | RCN(4) | RCN(5) | RCN(6) | RCN(7) | RCN(8) | RCN(10) | RCN(12),
	[OPERATION_UPDATE] = RCN(0) | RCN(1) | RCN(9),
	[OPERATION_DELETE] = RCN(0) | RCN(1) | RCN(4) | RCN(5) | RCN(6) | RCN(8),
	[OPERATION_NOTIFY] = 0,
};

/* Of a discovery: references, or their addresses alone (11). */
enum { DISCOVERY_CONTENTS = RCN(6) | RCN(11) };

static err_t admission_result(struct work *w, bool *well)
{
	unsigned rcn = w->request.result_content;
	unsigned valid = facts_is_discovery(&w->request) ? DISCOVERY_CONTENTS
	                                                 : result_contents[w->request.operation];

	*well = !w->request.has[PARAM_RCN] || (rcn < 32 && (valid & RCN(rcn)));
	return ERR_OK;
}

/* What a Notify may carry [TS-0004 7.5.1]. A Create without its Resource Type
 * arrives as a Notify over HTTP, and is told so. */
static bool is_notification(struct bytes content)
{
	static const char *const roots[] = { "m2m:sgn", "m2m:agn", "m2m:seci", "m2m:rqp",
		                             "m2m:rsp" };
	struct cbor map, value;
	struct bytes key;
	bool found;

	if (cbor_read(content, &map) != ERR_OK || map.kind != CBOR_MAP || map.u != 1 ||
	    cbor_pair(&map.s, &key, &value, &found) != ERR_OK || !found)
		return false;
	for (size_t i = 0; i < COUNT_OF(roots); i++) {
		if (bytes_equal(key, bytes_str(roots[i])))
			return value.kind == CBOR_MAP;
	}
	return false;
}

static err_t admission_content(struct work *w, bool *well)
{
	switch (w->request.operation) {
	case OPERATION_RETRIEVE: *well = true; break;
	case OPERATION_DELETE: *well = !w->request.has_content; break;
	case OPERATION_NOTIFY:
		*well = w->request.has_content && is_notification(w->request.content);
		break;
	default: *well = w->request.has_content; break;
	}
	return ERR_OK;
}

/* As for a request that is answered later: what may bring a key is kept nowhere else. */
static err_t admission_keyless(struct work *w, bool *well)
{
	*well = !transaction_keeps_key(w);
	return ERR_OK;
}

/* --- (8) ------------------------------------------------------------------------ */

static err_t admission_release_known(struct work *w, bool *well)
{
	*well = release_number(w->request.rvi) != 0;
	return ERR_OK;
}

static err_t admission_response_type(struct work *w, bool *well)
{
	*well = !w->request.has[PARAM_RT] || (w->request.response_type >= RT_SYNCH &&
	                                      w->request.response_type <= RT_NONE);
	return ERR_OK;
}

/* What may bring a key is in no request resource, not for a moment. */
static bool creates_direct(const struct work *w)
{
	const struct resource_type *type = resource_type(w->request.type);

	return w->request.operation == OPERATION_CREATE && type && type->direct;
}

/* Registration gives the identity that later answers would go to, so it is answered
 * at once. */
static err_t admission_answered_now(struct work *w, bool *well)
{
	*well = w->in->deferred || !later_wanted(&w->request, w->in->now) ||
	        (!creates_ae(w) && !creates_direct(w) &&
	         !(w->request.operation == OPERATION_CREATE && w->request.type == DELIVERY));
	return ERR_OK;
}

static err_t admission_in_time(struct work *w, bool *well)
{
	const struct request_primitive *r = &w->request;

	*well = later_wanted(r, w->in->now) || r->executes <= w->in->now ||
	        ((!r->expires || r->executes < r->expires) &&
	         (!r->result_expires || r->executes < r->result_expires));
	return ERR_OK;
}

static err_t admission_soon(struct work *w, bool *well)
{
	*well = later_wanted(&w->request, w->in->now) ||
	        w->request.executes - w->in->now <= w->room->blocking_max;
	return ERR_OK;
}

static err_t admission_parameters(struct work *w, bool *well)
{
	*well = true;
	for (size_t p = 0; p < PARAM_COUNT && *well; p++) {
		const struct param_row *row = w->request.has[p] ? param_row((enum param)p) : NULL;

		/* false asks for nothing that is not there */
		if (row && row->kind == PARAM_BOOL && w->request.value[p].u == 0)
			continue;
		if (row && (!row->supported || !(row->where & PARAM_REQ))) {
			w->detail = row->short_name;
			*well = false;
		}
	}
	return ERR_OK;
}

/* --- the table ------------------------------------------------------------------ */

static const struct {
	enum request_step step;
	check_fn check;
	unsigned status;
	const char *clause, *text;
} rows[] = {
#define ADMIT(step, check, status, clause, text)                               \
	{ STEP_##step, admission_##check, RSC_##status, clause, text },
#include "request/admission.def"
#undef ADMIT
};

err_t admission_run(struct work *w, enum request_step step)
{
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(rows) && !w->status; i++) {
		bool well = false;

		if (rows[i].step != step)
			continue;
		TRY(rows[i].check(w, &well));
		if (!well)
			work_refuse(w, rows[i].status, rows[i].clause, rows[i].text);
	}
out:
	return err;
}
