/* facts.c: gathers what an access decision is made of, and asks for it. Nothing
 * here decides: the rules are read in security/decision. */
#include "primitive/id.h"
#include "request/delivery.h"
#include "request/notification.h"
#include "request/work.h"
#include "resource/trust.h"

enum { FILTER_USAGE_DISCOVERY = 1 };

static const enum access_bit access_of[] = {
	[OPERATION_CREATE] = ACCESS_CREATE, [OPERATION_RETRIEVE] = ACCESS_RETRIEVE,
	[OPERATION_UPDATE] = ACCESS_UPDATE, [OPERATION_DELETE] = ACCESS_DELETE,
	[OPERATION_NOTIFY] = ACCESS_NOTIFY,
};

bool facts_names_discovery(const struct request_primitive *r)
{
	struct cbor usage;
	bool found;

	return r->has[PARAM_FC] &&
	       cbor_find(r->value[PARAM_FC].raw, BYTES("fu"), &usage, &found) == ERR_OK &&
	       found && usage.kind == CBOR_UINT && usage.u == FILTER_USAGE_DISCOVERY;
}

bool facts_is_discovery(const struct request_primitive *r)
{
	return r->operation == OPERATION_RETRIEVE && facts_names_discovery(r);
}

/* What the criteria of a discovery ask for beside the right to discover: the right
 * to read, where they name what only a reader may know, and the rights in ops.
 * Criteria that cannot be read are refused when they are used. */
static void search_rights(struct work *w)
{
	struct filter_criteria f;

	if (filter_read(&w->request, &f) != ERR_OK)
		return;
	w->search_rights = f.has_operations ? (unsigned)f.operations : 0;
	if (filter_reads(&f))
		w->search_rights |= ACCESS_RETRIEVE;
}

/* --- gathering ------------------------------------------------------------------ */

/* containerDefinition, or mgmtDefinition in decimal; empty for other types. */
static err_t specialization(const struct store_row *row, struct arena *a, struct bytes *out)
{
	struct buf b = buf_make(FACT_ID_MAX);
	struct cbor value;
	bool found;
	err_t err = ERR_OK;

	*out = BYTES_NONE;
	if (row->type != TYPE_MGMT_OBJ && row->type != TYPE_FLEX_CONTAINER)
		return ERR_OK;
	TRY(cbor_find(row->body, row->type == TYPE_MGMT_OBJ ? BYTES("mgd") : BYTES("cnd"),
	              &value, &found));
	if (found && value.kind == CBOR_UINT)
		TRY(buf_add_u64(&b, value.u));
	else if (found && value.kind == CBOR_TEXT)
		TRY(buf_add(&b, value.s));
	TRY(arena_copy(a, bytes_of_buf(&b), out));
out:
	buf_free(&b);
	return err;
}

static err_t context(const struct work *w, struct context_facts *out)
{
	struct location place;
	err_t err;

	*out = (struct context_facts){ .now = w->in->now, .address_n = w->in->address_n };
	TRY(resource_location(w->room->resources, w->room->location_source, w->originator, w->in->now,
	                      &place));
	out->located = place.known;
	out->latitude = place.latitude;
	out->longitude = place.longitude;
	TRY(bytes_put(out->address, sizeof(out->address),
	              bytes_make(w->in->address, w->in->address_n)));
out:
	return err;
}

/* Is the originator in the group? Found once in a request: a thousand rows may
 * be judged by rules that name it. */
static err_t is_member(struct work *w, struct bytes group, bool *yes)
{
	bool has = false, readable = false;
	size_t at;
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(w->asked) && w->asked[i].group.n; i++) {
		if (bytes_equal(w->asked[i].group, group)) {
			*yes = w->asked[i].yes;
			return ERR_OK;
		}
	}
	TRY(resource_group_has(w->room->resources, group, w->originator, &has, &readable));
	*yes = has && readable;
	if (!readable)
		goto out;
	at = w->asked_n++ % COUNT_OF(w->asked);
	w->asked[at].yes = *yes;
	TRY(arena_copy(&w->room->arena, group, &w->asked[at].group));
out:
	return err;
}

/* Which of the groups that the rules name hold the originator? One that cannot
 * be read holds nobody. */
static err_t memberships(struct work *w, const struct decision_policies *policies,
                         struct bytes out[DECISION_GROUPS_MAX], size_t *n)
{
	struct bytes groups[DECISION_GROUPS_MAX];
	size_t count = decision_group_entries(policies, groups, DECISION_GROUPS_MAX);
	err_t err = ERR_OK;

	*n = 0;
	for (size_t i = 0; i < count && w->originator.n; i++) {
		bool yes;

		TRY(is_member(w, groups[i], &yes));
		if (yes)
			out[(*n)++] = groups[i];
	}
out:
	return err;
}

static struct decision_policies policies_of(const struct resource_policy *p)
{
	return (struct decision_policies){ .sets = p->policies, .ids = p->policy_ids,
		                           .n = p->policies_n,
		                           .creator_only = p->from_creator };
}

/* The level of the association, as of now: found once in a request. */
static const struct assurance *level_of(struct work *w)
{
	struct evidence evidence[EVIDENCE_MAX];
	size_t n = 0;

	if (w->level_known)
		return &w->level;
	if (w->association)
		n = registry_evidence(w->room->registry, w->association, w->room->proof_fresh, evidence);
	assurance_compute(evidence, n, w->in->now, &w->level);
	w->level_known = true;
	return &w->level;
}

/* Nothing is looked at where no rule asks for a level. */
static err_t assurance_facts(struct work *w, struct decision_facts *out)
{
	struct buf address = buf_make(ASSURANCE_ADDRESS_MAX * 4);
	const struct assurance *level;
	err_t err = ERR_OK;

	if (assurance_count(w->room->assurance) == 0)
		return ERR_OK;
	TRY(resource_address(w->room->resources, out->resource, &address));
	out->assurance_needed = assurance_needed(w->room->assurance, out, bytes_of_buf(&address));
	if (out->assurance_needed == 0)
		goto out;
	level = level_of(w);
	out->assurance = level->level;
	out->assurance_missing = level->missing;
out:
	buf_free(&address);
	return err;
}

/* What of the Role-IDs that the request claims is the originator's: found once, before rows
 * are looked at. */
static err_t roles(struct work *w)
{
	struct resource_role_ask ask = { .originator = w->originator, .issuers = w->room->role_issuers,
		                         .now = w->in->now };
	err_t err = ERR_OK;

	if (w->request.has[PARAM_RIDS]) {
		if (w->association)
			ask.credential = bytes_str(w->association->facts.credential);
		TRY(cbor_read(w->request.value[PARAM_RIDS].raw, &ask.claimed));
		TRY(resource_roles(w->room->resources, &w->room->arena, &ask, w->roles, &w->roles_n));
	}
out:
	return err;
}

static err_t gather(struct work *w, const struct store_row *row, struct arena *a,
                    struct decision_facts *out)
{
	const struct cse_identity *cse = resources_cse(w->room->resources);
	err_t err;

	*out = (struct decision_facts){
		.originator = w->originator, .sp_id = cse->sp_id, .cse_id = cse->cse_id,
		.authenticated = w->association ? w->association->facts.secured : w->vouched,
		.operation = w->access, .resource = row->id, .resource_type = row->type,
		.create_type = w->access == ACCESS_CREATE ? w->request.type : 0,
		.roles = w->roles, .roles_n = w->roles_n,
	};
	TRY(context(w, &out->context));
	TRY(specialization(row, a, &out->specialization));
	TRY(assurance_facts(w, out));
out:
	return err;
}

/* --- the decision on the target ---------------------------------------------------- */

static bool is_registration(const struct work *w, const struct store_row *row)
{
	return w->request.operation == OPERATION_CREATE && w->request.type == TYPE_AE &&
	       row->type == TYPE_CSE_BASE && !w->depth;
}

/* A registration where there can be none: no policy is asked, because the standard asks
 * none of a registration: other steps stand for Recv-6.3 [TS-0004 7.4.4.2.1, 7.4.5.2.1]. */
static void refuse_misplaced(struct work *w, const struct store_row *row)
{
	if (w->request.operation != OPERATION_CREATE || w->depth || w->target.virtual_child)
		return;
	if (w->request.type == TYPE_AE && row->type != TYPE_CSE_BASE)
		work_refuse(w, RSC_INVALID_CHILD_RESOURCE_TYPE, "TS-0004 7.4.5.2.1",
		            "an AE is registered at the CSEBase");
	else if (w->request.type == TYPE_REMOTE_CSE && id_form(w->originator) == ID_ABS_AE)
		work_refuse(w, RSC_OPERATION_NOT_ALLOWED, "TS-0004 7.4.4.2.1",
		            "an AE registers no CSE");
	else if (w->request.type == TYPE_REMOTE_CSE && row->type != TYPE_CSE_BASE)
		work_refuse(w, RSC_INVALID_CHILD_RESOURCE_TYPE, "TS-0004 7.4.4.2.1",
		            "a CSE is registered at the CSEBase");
	if (w->status)
		decision_refuse(&w->decision, "a registration where there can be none");
}

/* What no resource of the kind takes, whoever asks. The standard says so of the message,
 * before anybody's rights [TS-0004 6.8, 7.4.3.2, 7.4.7.2.3, 7.4.12.2.1, 7.4.27, 7.4.28]. */
static void refuse_impossible(struct work *w, const struct store_row *row)
{
	bool creates = w->request.operation == OPERATION_CREATE;
	const struct resource_type *type = creates ? resource_type(w->request.type) : resource_row_type(row);
	const struct virtual_child *v = w->target.virtual_child;

	if (v && !(v->operations & w->access))
		work_refuse(w, RSC_OPERATION_NOT_ALLOWED, "TS-0004 6.8",
		            "this virtual resource does not take the operation");
	else if (!v && type && type->not_allowed & w->access)
		work_refuse(w, RSC_OPERATION_NOT_ALLOWED, "TS-0004 7.4",
		            creates ? "a resource of this type is not created by a request"
		                    : "a resource of this type does not take the operation");
	else if (!v && type && type->between_cses && w->access & (ACCESS_CREATE | ACCESS_UPDATE | ACCESS_DELETE) &&
	         !delivery_by_cse(w))
		work_refuse(w, RSC_OPERATION_NOT_ALLOWED, "TS-0004 7.4.11.2",
		            "CSEs alone make, change and delete a resource of this type, each by itself");
	if (w->status)
		decision_refuse(&w->decision, "an operation that there is not");
}

/* A CSE registers itself on its own association; that it names no other is the
 * type's to see [TS-0001 10.2.2]. */
static bool is_cse_registration(const struct work *w, const struct store_row *row)
{
	return w->request.operation == OPERATION_CREATE && w->request.type == TYPE_REMOTE_CSE &&
	       row->type == TYPE_CSE_BASE && !w->depth && w->association &&
	       w->association->facts.entity_is_cse &&
	       bytes_equal(w->originator, bytes_str(w->association->facts.entity));
}

/* A CSE that is registered here, or behind one that is, announces its CSEBase. What
 * it announces goes below that, and is its own. */
static err_t is_cse_announcement(struct work *w, const struct store_row *row, bool *yes)
{
	uint64_t there = 0;
	bool behind;
	err_t err = ERR_OK;

	*yes = false;
	if (w->request.operation != OPERATION_CREATE || w->request.type != TYPE_CSE_BASE_ANNOUNCED ||
	    row->type != TYPE_CSE_BASE || w->depth || id_form(w->originator) != ID_ABS_CSE)
		return ERR_OK;
	TRY(resource_remote(w->room->resources, behind_cse(w, w->originator), &there, &behind));
	*yes = there != 0;
out:
	return err;
}

/* A notification target takes itself out, and needs no right on the subscription;
 * whether it may is for the policies of targets. */
static err_t is_leave(struct work *w, bool *yes)
{
	*yes = false;
	if (!w->target.virtual_child || !w->target.virtual_child->leaves ||
	    w->request.operation != OPERATION_DELETE)
		return ERR_OK;
	return notification_is_target(w, yes);
}

/* An AE registers itself, bound by its credential instead of a policy [TS-0001
 * 10.2.2.2]. Nobody registers another. */
static err_t register_itself(struct work *w, const struct decision_facts *facts)
{
	if (w->association ? w->association->facts.entity_is_cse
	                   : w->room->require_registration_rule) {
		decision_refuse(&w->decision, "an AE registers itself, on its own association");
		work_refuse(w, RSC_APP_RULE_VALIDATION_FAILED, "TS-0001 10.2.2.2",
		            w->decision.reason);
		return ERR_OK;
	}
	return decide_on_ground(facts, GROUND_REGISTRATION, &w->room->arena, &w->permit,
	                        &w->decision);
}

/* A change of acpi is a right of its own: Update in the selfPrivileges of what
 * is linked now [TS-0001 9.6.1.3.2]. */
static err_t target_policy(struct work *w, const struct store_row *row,
                           struct resource_policy *out)
{
	if (w->request.operation == OPERATION_UPDATE && !w->target.virtual_child &&
	    resource_updates_policy_link(&w->request))
		return resource_link_policy(w->room->resources, row, &w->room->arena, out);
	return resource_target_policy(w->room->resources, &w->target, &w->room->arena, out);
}

static err_t by_rules(struct work *w, const struct store_row *row,
                      struct decision_facts *facts)
{
	struct bytes groups[DECISION_GROUPS_MAX];
	struct decision_policies policies;
	struct resource_policy policy;
	err_t err;

	TRY(target_policy(w, row, &policy));
	policies = policies_of(&policy);
	facts->creator = policy.creator;
	TRY(memberships(w, &policies, groups, &facts->memberships_n));
	facts->memberships = groups;
	TRY(decide(facts, &policies, &w->room->arena, &w->permit, &w->decision));
	if (!w->permit && policy.broken && policy.policies_n == 0)
		decision_refuse(&w->decision,
		                "the linked policy is absent or unreadable: it grants nothing");
out:
	facts->memberships_n = 0; /* groups end here */
	facts->memberships = NULL;
	return err;
}

/* Km, by which an entity comes to a MAF, and for nothing else [TS-0004 6.3.4.2.39]. */
enum { SUID_MASTER = 21 };

static const char another_usage[] = "the key of this association is for another usage";

bool facts_barred_elsewhere(struct work *w)
{
	if (!w->association || w->association->facts.suid != SUID_MASTER)
		return false;
	work_refuse(w, RSC_ORIGINATOR_NOT_AUTHENTICATED, "TS-0003 8.3.5, 8.8", another_usage);
	return true;
}

/* Trust enabling functions speak with who is authenticated to them, not with who is
 * spoken for: keys are given to the one at the other end [TS-0003 8.3.5, 8.8]. */
static bool speaks_for_itself(const struct work *w, const struct store_row *row)
{
	const struct resource_type *type = resource_type(row->type), *made = NULL;

	if (w->request.operation == OPERATION_CREATE)
		made = resource_type(w->request.type);
	if (!(type && type->direct) && !(made && made->direct))
		return !w->association || w->association->facts.suid != SUID_MASTER;
	return w->association && w->association->facts.secured && !w->depth &&
	       bytes_equal(w->originator, bytes_str(w->association->facts.entity));
}

static err_t is_key_target(const struct work *w, const struct store_row *row, bool *yes)
{
	struct entity_terms terms;
	struct bytes client;
	err_t err;

	*yes = false;
	if (w->access != ACCESS_RETRIEVE || !w->association || w->target.virtual_child)
		return ERR_OK;
	TRY(trust_is_target(row, w->originator, bytes_str(w->association->facts.credential), yes));
	if (!*yes)
		goto out;
	/* By a key of somebody whose credential was revoked nobody is let in any more. */
	TRY(trust_client_of(row, &client));
	registry_terms(w->room->registry, client, w->in->now, &terms);
	*yes = !terms.dead;
out:
	return err;
}

/* Where no rule permits, the laboratory may. The row may have moved meanwhile. */
static err_t by_rules_or_lab(struct work *w, const struct store_row *row,
                             struct decision_facts *facts)
{
	bool opens;
	err_t err;

	TRY(lab_opens(w, row, &opens));
	TRY(by_rules(w, row, facts));
	if (!w->permit && opens)
		err = decide_on_ground(facts, GROUND_LAB_OPEN, &w->room->arena, &w->permit,
		                       &w->decision);
out:
	return err;
}

err_t facts_decide(struct work *w)
{
	struct decision_facts facts;
	const struct store_row *row;
	bool announces, announcer = false, stem, leaves, reports, target, delivers;
	err_t err;

	w->discovers = facts_is_discovery(&w->request);
	if (w->discovers)
		search_rights(w);
	w->access = w->discovers ? ACCESS_DISCOVERY : access_of[w->request.operation];
	TRY(is_leave(w, &leaves));
	TRY(notification_is_report(w, &reports));
	TRY(roles(w));
	TRY(store_get(w->room->store, w->target.id, &row));
	/* It was resolved in this transaction. */
	TRY(row ? ERR_OK : ERR_TAMPERED);
	TRY(gather(w, row, &w->room->arena, &facts));
	if (!speaks_for_itself(w, row)) {
		decision_refuse(&w->decision, w->association && w->association->facts.suid
		                                      ? another_usage
		                                      : "this is served on the originator's own association only");
		work_refuse(w, RSC_ORIGINATOR_NOT_AUTHENTICATED, "TS-0003 8.3.5, 8.8", w->decision.reason);
		goto out;
	}
	TRY(is_cse_announcement(w, row, &announces));
	TRY(delivery_is_direct(w, row, &delivers));
	refuse_impossible(w, row);
	TRY(stem_announced(w, row, &stem));
	TRY(store_get(w->room->store, w->target.id, &row)); /* others were read */
	if (!w->status && !stem && !lab_is_admin(w)) {
		refuse_misplaced(w, row);
		TRY(announced_whose(w, row, &announcer));
	}
	if (w->status)
		goto out;
	TRY(is_key_target(w, row, &target));
	if (lab_is_admin(w))
		err = decide_on_ground(&facts, GROUND_LAB_ADMIN, &w->room->arena, &w->permit,
		                       &w->decision);
	else if (is_registration(w, row))
		err = register_itself(w, &facts);
	else if (is_cse_registration(w, row) || announces || stem)
		err = decide_on_ground(&facts, GROUND_REGISTRATION, &w->room->arena, &w->permit,
		                       &w->decision);
	else if (delivers)
		err = decide_on_ground(&facts, GROUND_DELIVERY, &w->room->arena, &w->permit,
		                       &w->decision);
	else if (announcer)
		err = decide_on_ground(&facts, GROUND_ORIGINAL, &w->room->arena, &w->permit,
		                       &w->decision);
	else if (target)
		err = decide_on_ground(&facts, GROUND_KEY_TARGET, &w->room->arena, &w->permit,
		                       &w->decision);
	else if (leaves)
		err = decide_on_ground(&facts, GROUND_TARGET, &w->room->arena, &w->permit,
		                       &w->decision);
	else if (reports)
		err = decide_on_ground(&facts, GROUND_MEMBER, &w->room->arena, &w->permit,
		                       &w->decision);
	else
		err = by_rules_or_lab(w, row, &facts);
out:
	return err;
}

/* --- verdicts on further rows ------------------------------------------------------- */

/* Rows under one policy get one verdict: apart from the creator, nothing of the
 * row itself enters it, as long as no rule asks for a level of assurance by address. */
static bool *judged_slot(struct work *w, uint64_t owner, bool *known)
{
	size_t at = (owner * 2 + (w->access == ACCESS_RETRIEVE)) % COUNT_OF(w->judged);

	*known = owner != 0 && w->judged[at].owner == owner && w->judged[at].access == w->access;
	w->judged[at].owner = owner;
	w->judged[at].access = w->access;
	return &w->judged[at].yes;
}

static err_t judge(struct work *w, const struct store_row *row, bool *yes)
{
	struct arena *a = &w->room->scratch;
	const struct resource_type *type = resource_type(row->type);
	struct bytes groups[DECISION_GROUPS_MAX];
	struct decision_policies policies;
	struct resource_policy policy;
	struct decision_facts facts;
	struct decision decision;
	bool known = false, *slot = NULL;
	err_t err;

	arena_reset(a);
	TRY(resource_policy(w->room->resources, row, a, &policy));
	if (assurance_count(w->room->assurance) == 0 && !policy.from_creator && type && !type->self_governed)
		slot = judged_slot(w, policy.owner, &known);
	if (known) {
		*yes = *slot;
		goto out;
	}
	TRY(gather(w, row, a, &facts));
	policies = policies_of(&policy);
	facts.creator = policy.creator;
	TRY(memberships(w, &policies, groups, &facts.memberships_n));
	facts.memberships = groups;
	*yes = decision_judge(&facts, &policies, &decision);
	if (slot)
		*slot = *yes;
out:
	if (err != ERR_OK && slot)
		*slot = false;
	return err;
}

static bool may(struct work *w, uint64_t id, enum access_bit access)
{
	enum access_bit asked = w->access;
	const struct store_row *row;
	bool yes = false;
	err_t err;

	if (lab_is_admin(w))
		return true;
	w->access = access;
	TRY(store_get(w->room->store, id, &row));
	if (row)
		TRY(judge(w, row, &yes));
out:
	w->access = asked;
	if (err != ERR_OK && w->judge_err == ERR_OK)
		w->judge_err = err;
	return err == ERR_OK && yes;
}

/* Who searches by values that discovery does not show must be allowed to read
 * them: a pattern would tell them letter by letter. */
bool facts_may_discover(void *self, uint64_t id)
{
	struct work *w = self;
	bool yes = may(w, id, ACCESS_DISCOVERY);

	for (unsigned bit = 1; yes && bit <= w->search_rights; bit <<= 1) {
		if (w->search_rights & bit)
			yes = may(w, id, (enum access_bit)bit);
	}
	return yes;
}

bool facts_may_retrieve(void *self, uint64_t id)
{
	return may(self, id, ACCESS_RETRIEVE);
}

bool facts_may_update(void *self, uint64_t id)
{
	return may(self, id, ACCESS_UPDATE);
}

bool facts_may_notify(void *self, uint64_t id)
{
	return may(self, id, ACCESS_NOTIFY);
}

unsigned facts_rights(struct work *w)
{
	unsigned rights = w->access;

	for (unsigned bit = ACCESS_CREATE; bit <= ACCESS_DISCOVERY; bit <<= 1) {
		if (may(w, w->target.id, (enum access_bit)bit))
			rights |= bit;
	}
	return rights;
}
