/* notification_leave.c: a target takes itself out of a subscription, by its ntsr, where
 * a policy lets it [TS-0004 7.4.33.2.4]. It needs no right on the subscription, and can
 * take out nobody else. Without a policy it stays. */
#include "request/notification_inside.h"

#include "primitive/context.h"

enum {
	POLICY_REFERENCE = 25, POLICY = 26, POLICY_RULES = 27, CSE_BASE_ROW = 1,
	LOOKED_AT = 64, RULES_MAX = 2,
	ACTION_ACCEPT = 1, ACTION_REJECT, ACTION_ASK, ACTION_TELL, OPERATOR_OR = 2,
};

static uint64_t number(struct bytes body, const char *key, uint64_t otherwise)
{
	struct cbor value;

	return notification_member(body, key, &value) && value.kind == CBOR_UINT ? value.u : otherwise;
}

static bool is_text(struct bytes body, const char *key, struct bytes text)
{
	struct cbor value;

	return text.n && notification_member(body, key, &value) && value.kind == CBOR_TEXT &&
	       bytes_equal(value.s, text);
}

/* Is the originator in this list of a row? */
static err_t lists_originator(struct work *w, struct bytes body, const char *key, bool *yes)
{
	struct cbor list, item;
	err_t err = ERR_OK;

	*yes = false;
	if (!w->originator.n || !notification_member(body, key, &list) || list.kind != CBOR_ARRAY)
		return ERR_OK;
	while (list.s.n && !*yes) {
		TRY(cbor_next(&list.s, &item));
		TRY(notification_is_originator(w, item.s, yes));
	}
out:
	return err;
}

err_t notification_is_target(struct work *w, bool *yes)
{
	struct store_row sub;
	bool found;
	err_t err;

	*yes = false;
	TRY(notification_row(w, w->target.id, &sub, &found));
	if (found)
		TRY(lists_originator(w, sub.body, "nu", yes));
out:
	return err;
}

/* --- which policy ------------------------------------------------------------------------ */

/* A reference that leads nowhere is none that permits. */
static err_t follow(struct work *w, struct bytes body, struct store_row *policy, bool *found)
{
	struct target place;
	struct cbor npi;
	err_t err = ERR_OK;

	*found = false;
	if (!notification_member(body, "npi", &npi) || npi.kind != CBOR_TEXT)
		return ERR_OK;
	TRY(resource_resolve(w->room->resources, npi.s, &place));
	if (place.place == TARGET_HERE && place.type == POLICY && !place.virtual_child)
		TRY(notification_row(w, place.id, policy, found));
out:
	return err;
}

static err_t referred(struct work *w, struct store_row *policy, bool *named, bool *found)
{
	struct store_scan scan = { .parent = w->target.id, .type = POLICY_REFERENCE, .limit = LOOKED_AT };
	uint64_t ids[LOOKED_AT];
	struct store_row row;
	size_t n;
	bool there;
	err_t err;

	*named = *found = false;
	TRY(store_children(w->room->store, &scan, ids, &n));
	for (size_t i = 0; i < n && !*named; i++) {
		TRY(notification_row(w, ids[i], &row, &there));
		if (there)
			TRY(lists_originator(w, row.body, "ntu", named));
		if (*named)
			TRY(follow(w, row.body, policy, found));
	}
out:
	return err;
}

/* "Default" of the subscription's creator, else the oldest. */
static err_t by_default(struct work *w, const struct store_row *sub, struct store_row *policy,
                        bool *found)
{
	struct store_scan scan = { .parent = CSE_BASE_ROW, .type = POLICY, .limit = LOOKED_AT };
	uint64_t ids[LOOKED_AT];
	struct bytes creator;
	struct store_row row;
	bool there, own = false;
	size_t n;
	err_t err;

	*found = false;
	TRY(notification_creator(w, sub, &creator));
	TRY(store_children(w->room->store, &scan, ids, &n));
	for (size_t i = 0; i < n && !own; i++) {
		TRY(notification_row(w, ids[i], &row, &there));
		if (!there || !is_text(row.body, "plbl", BYTES("Default")))
			continue;
		own = is_text(row.body, "@cr", creator);
		if (own || !*found)
			*policy = row;
		*found = true;
	}
out:
	return err;
}

/* --- does it hold ------------------------------------------------------------------------- */

static bool time_holds(const struct cbor *times, int64_t now)
{
	struct bytes rest = times->kind == CBOR_ARRAY ? times->s : BYTES_NONE;
	struct cbor entry;

	while (rest.n && cbor_next(&rest, &entry) == ERR_OK) {
		if (entry.kind == CBOR_TEXT && schedule_holds(entry.s, now) == VERDICT_YES)
			return true;
	}
	return false;
}

/* Nobody vouches for where a target is: a condition on its place never holds. The relation
 * is between time and place, OR if none is given [TS-0004 7.4.32.1-3]. */
static bool rule_holds(struct bytes body, int64_t now)
{
	struct cbor contexts, times, places;
	bool both = number(body, "drr", OPERATOR_OR) != OPERATOR_OR;

	if (!notification_member(body, "dr", &contexts) || contexts.kind != CBOR_MAP ||
	    !notification_member(contexts.raw, "tod", &times))
		return false;
	return time_holds(&times, now) && !(both && notification_member(contexts.raw, "lr", &places));
}

/* Without rules the action stands by itself. */
static err_t policy_holds(struct work *w, const struct store_row *policy, bool *yes)
{
	struct store_scan scan = { .parent = policy->id, .type = POLICY_RULES, .limit = RULES_MAX + 1 };
	bool any = false, all = true, there, holds;
	uint64_t ids[RULES_MAX + 1];
	struct store_row row;
	size_t n;
	err_t err;

	TRY(store_children(w->room->store, &scan, ids, &n));
	for (size_t i = 0; i < n; i++) {
		TRY(notification_row(w, ids[i], &row, &there));
		holds = there && rule_holds(row.body, w->in->now);
		any = any || holds;
		all = all && holds;
	}
	*yes = n <= RULES_MAX && (n && number(policy->body, "rrs", 1) == OPERATOR_OR ? any : all);
out:
	return err;
}

/* --- what follows --------------------------------------------------------------------------- */

/* A subscription that has no target left is over. */
static err_t take_out(struct work *w, const struct store_row *sub)
{
	const struct permit *system = permit_for_system("notificationTargetSelfReference");
	struct target target = { .place = TARGET_HERE, .id = sub->id, .type = sub->type };
	struct bytes *left;
	struct cbor nu, item;
	bool itself;
	size_t n = 0;
	void *room;
	err_t err;

	TRY(notification_member(sub->body, "nu", &nu) && nu.kind == CBOR_ARRAY ? ERR_OK : ERR_TAMPERED);
	TRY(arena_take(&w->room->arena, (size_t)nu.u * sizeof(*left), &room));
	left = room;
	while (nu.s.n) {
		TRY(cbor_next(&nu.s, &item));
		TRY(notification_is_originator(w, item.s, &itself));
		if (!itself)
			left[n++] = item.s;
	}
	err = n ? subscription_set_list(w->room->resources, system, sub->id, BYTES("nu"), left, n)
	        : notification_end(w->room, &target, w->in->now);
out:
	return err;
}

/* What the policies say to it; with the creator told where they ask for that. */
static err_t may_leave(struct work *w, const struct store_row *sub, bool *yes)
{
	bool named, found, holds = false;
	struct store_row policy;
	uint64_t action = ACTION_REJECT;
	err_t err;

	TRY(referred(w, &policy, &named, &found));
	if (!named)
		TRY(by_default(w, sub, &policy, &found));
	if (found)
		TRY(policy_holds(w, &policy, &holds));
	if (holds)
		action = number(policy.body, "acn", ACTION_REJECT);
	*yes = action == ACTION_ACCEPT;
	if (action == ACTION_ASK || action == ACTION_TELL)
		TRY(notification_ask_removal(w, sub, yes));
	*yes = *yes && action != ACTION_TELL;
out:
	return err;
}

err_t notification_leave(struct work *w)
{
	bool found, target = false, may = false;
	struct store_row sub;
	err_t err;

	TRY(notification_row(w, w->target.id, &sub, &found));
	if (found)
		TRY(lists_originator(w, sub.body, "nu", &target));
	if (target)
		TRY(may_leave(w, &sub, &may));
	if (!may) {
		work_refuse(w, RSC_ORIGINATOR_HAS_NO_PRIVILEGE, "TS-0004 7.4.33.2.4",
		            target ? "no policy lets this target go" : "a target takes out itself alone");
		goto out;
	}
	TRY(take_out(w, &sub));
	w->outcome = (struct outcome){ .status = RSC_DELETED, .resource = w->target.id };
out:
	return err;
}
