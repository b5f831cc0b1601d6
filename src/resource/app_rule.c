/* app_rule.c: the service subscription as it rules who registers [TS-0001 9.6.29,
 * 10.2.2.2; TS-0004 7.3.2.7]: below an m2mServiceSubscriptionProfile a
 * serviceSubscribedNode of this CSE, whose ruleLinks lead to serviceSubscribedAppRules.
 *
 * A rule holds when Credential-ID, App-ID and AE-ID-Stem each match one entry of its
 * list; '*' in an entry stands for any characters. A Role-ID is claimed by who has a rule
 * that lists it. A list that is absent matches no
 * authenticated entity. What cannot be read grants nothing. */
#include "resource/engine.h"
#include "resource/roles.h"
#include "resource/stem.h"

#include "primitive/id.h"

enum { BASE = 1, NODES_MAX = 1024, LINKS_MAX = 64 };

/* May this credential register that here, or claim this role; or, of another CSE, may it
 * have this AE? */
struct question {
	struct resources *r;
	struct arena *arena;
	int64_t now;
	struct bytes cse; /* whose serviceSubscribedNode counts */
	bool elsewhere;
	const struct resource_stem_ask *announced; /* it is to be registered there */
	struct bytes credential, app_id, stem, role;
	bool holds;
};

/* Greedy with one way back: no more than pattern times text steps. */
static bool matches(struct bytes pattern, struct bytes text)
{
	size_t p = 0, t = 0, star = SIZE_MAX, from = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			from = t;
		} else if (p < pattern.n && pattern.p[p] == text.p[t]) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++from;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static bool listed(struct bytes body, struct bytes key, struct bytes value,
                   bool (*means)(struct bytes item, struct bytes value))
{
	struct cbor list, item;
	struct bytes rest;
	bool found;

	if (body_get(body, key, &list, &found) != ERR_OK || !found || list.kind != CBOR_ARRAY)
		return false;
	rest = list.s;
	for (uint64_t i = 0; i < list.u && cbor_next(&rest, &item) == ERR_OK; i++) {
		if (item.kind == CBOR_TEXT && means(item.s, value))
			return true;
	}
	return false;
}

/* The first of the AE-IDs named here that is asked for; none with a wildcard is one. */
static err_t choose(struct question *q, struct bytes body)
{
	bool any = bytes_equal(q->stem, BYTES("S")), found;
	struct cbor list, item;
	struct bytes rest;
	err_t err;

	TRY(body_get(body, BYTES("aae"), &list, &found));
	if (!found || list.kind != CBOR_ARRAY)
		goto out;
	TRY(arena_copy(q->arena, list.s, &rest));
	for (uint64_t i = 0; i < list.u && !q->holds; i++) {
		TRY(cbor_next(&rest, &item));
		if (item.kind != CBOR_TEXT || id_form(item.s) != ID_AE_STEM || item.s.p[0] != 'S')
			continue;
		q->holds = bytes_equal(item.s, q->stem);
		TRY(resource_spend(q->r, 1) ? ERR_OK : ERR_LIMIT);
		if (any)
			TRY(q->announced->is_free(q->announced->self, item.s, &q->holds));
		if (q->holds)
			q->stem = item.s;
	}
out:
	return err;
}

static err_t look_at_rule(struct question *q, struct bytes link)
{
	const struct store_row *row;
	struct place place;
	err_t err;

	TRY(tree_walk(q->r, link, &place));
	if (place.where != TARGET_HERE || place.type != TYPE_APP_RULE || place.virtual_child)
		return ERR_OK;
	TRY(store_get(q->r->store, place.id, &row));
	if (!row || row_expired(row, q->now))
		return ERR_OK;
	if (q->announced && listed(row->body, BYTES("apci"), q->credential, matches) &&
	    listed(row->body, BYTES("aai"), q->app_id, matches))
		TRY(choose(q, row->body));
	if (q->announced)
		goto out;
	if (q->elsewhere)
		/* Without any wildcard: what is meant for any AE of a node is no word that a
		 * certain one is there and not elsewhere. */
		q->holds = listed(row->body, BYTES("aae"), q->stem, bytes_equal);
	else if (q->role.n)
		q->holds = listed(row->body, BYTES("apci"), q->credential, matches) &&
		           listed(row->body, BYTES("aae"), q->stem, matches) &&
		           listed(row->body, BYTES("ari"), q->role, bytes_equal);
	else
		q->holds = listed(row->body, BYTES("apci"), q->credential, matches) &&
		           listed(row->body, BYTES("aai"), q->app_id, matches) &&
		           listed(row->body, BYTES("aae"), q->stem, matches);
out:
	return err;
}

/* A serviceSubscribedNode speaks for the CSE whose CSE-ID it names. */
static bool is_of(struct bytes cse, struct bytes body)
{
	struct cbor csi;
	bool found;

	return body_get(body, BYTES("csi"), &csi, &found) == ERR_OK && found && csi.kind == CBOR_TEXT &&
	       bytes_equal(csi.s, cse);
}

static err_t look_at_node(struct question *q, uint64_t id)
{
	const struct store_row *row;
	struct bytes rest;
	struct cbor links, link;
	bool found;
	err_t err;

	TRY(store_get(q->r->store, id, &row));
	if (!row || row_expired(row, q->now) || !is_of(q->cse, row->body))
		return ERR_OK;
	TRY(body_get(row->body, BYTES("rlk"), &links, &found));
	if (!found || links.kind != CBOR_ARRAY)
		return ERR_OK;
	/* The row may move while others are read. */
	TRY(arena_copy(q->arena, links.s, &rest));
	for (uint64_t i = 0; i < links.u && i < LINKS_MAX && !q->holds; i++) {
		TRY(cbor_next(&rest, &link));
		TRY(resource_spend(q->r, 1) ? ERR_OK : ERR_LIMIT);
		if (link.kind == CBOR_TEXT)
			TRY(look_at_rule(q, link.s));
	}
out:
	return err;
}

static err_t look_at_profile(struct question *q, uint64_t profile)
{
	struct store_scan scan = { .parent = profile, .type = TYPE_SUBSCRIBED_NODE, .limit = PAGE };
	uint64_t ids[PAGE];
	size_t n, seen = 0;
	err_t err;

	do {
		TRY(store_children(q->r->store, &scan, ids, &n));
		for (size_t i = 0; i < n && !q->holds; i++)
			TRY(look_at_node(q, ids[i]));
		seen += n;
		scan.after = n ? ids[n - 1] : 0;
	} while (n == PAGE && !q->holds && seen < NODES_MAX);
out:
	return err;
}

static err_t look(struct question *q, size_t *profiles)
{
	struct store_scan scan = { .parent = BASE, .type = TYPE_SERVICE_PROFILE, .limit = PAGE };
	uint64_t ids[PAGE];
	err_t err;

	TRY(store_children(q->r->store, &scan, ids, profiles));
	for (size_t i = 0; i < *profiles && !q->holds; i++)
		TRY(look_at_profile(q, ids[i]));
out:
	return err;
}

err_t app_rule_holds(struct resource_work *w, struct bytes app_id, struct bytes stem, enum app_rule *out)
{
	struct question q = { .r = w->r, .arena = w->arena, .now = w->now, .cse = w->r->cse.cse_id,
		              .credential = w->ask->credential, .app_id = app_id, .stem = stem };
	size_t n;
	err_t err;

	*out = APP_RULE_NO_PROFILE;
	TRY(look(&q, &n));
	if (n)
		*out = q.holds ? APP_RULE_HOLDS : APP_RULE_NONE;
out:
	return err;
}

err_t app_rule_role(struct resource_work *w, struct bytes role, struct bytes stem, bool *may)
{
	struct question q = { .r = w->r, .arena = w->arena, .now = w->now, .cse = w->r->cse.cse_id,
		              .credential = w->ask->credential, .stem = stem, .role = role };
	size_t n;
	err_t err;

	TRY(look(&q, &n));
	*may = n == 0 || q.holds;
out:
	return err;
}

err_t resource_subscribed_at(struct resources *r, struct arena *a, struct bytes cse, struct bytes stem,
                             int64_t now, bool *yes)
{
	struct question q = { .r = r, .arena = a, .now = now, .cse = cse, .elsewhere = true, .stem = stem };
	size_t n;
	err_t err;

	TRY(look(&q, &n));
	*yes = q.holds;
out:
	return err;
}

err_t resource_subscribes(struct resources *r, bool *yes)
{
	struct store_scan scan = { .parent = BASE, .type = TYPE_SERVICE_PROFILE, .limit = 1 };
	uint64_t id;
	size_t n;
	err_t err;

	TRY(store_children(r->store, &scan, &id, &n));
	*yes = n > 0;
out:
	return err;
}

err_t resource_stem_offered(struct resources *r, struct arena *a, const struct resource_stem_ask *ask,
                            struct bytes *stem, bool *profile)
{
	struct question q = { .r = r, .arena = a, .now = ask->now, .cse = ask->cse, .announced = ask,
		              .credential = ask->credential, .app_id = ask->app_id, .stem = ask->stem };
	size_t n;
	err_t err;

	TRY(look(&q, &n));
	*stem = q.holds ? q.stem : BYTES_NONE;
	*profile = n > 0;
out:
	return err;
}

/* "Cdev" of "//sp/cse/Cdev" here, "Sapp" of "//sp/Sapp"; empty of anybody else. */
static struct bytes stem_of(const struct cse_identity *cse, struct bytes originator)
{
	struct bytes stem = id_behind_sp(originator, cse->sp_id), own = id_behind_sp(stem, cse->cse_id);

	if (own.n)
		stem = own;
	stem = bytes_sub(stem, stem.n > 0, stem.n);
	return id_form(stem) == ID_AE_STEM ? stem : BYTES_NONE;
}

err_t role_may_be_claimed(struct resources *r, struct arena *a, const struct resource_role_ask *ask,
                          struct bytes role, bool *may)
{
	struct question q = { .r = r, .arena = a, .now = ask->now, .cse = r->cse.cse_id, .role = role,
		              .credential = ask->credential, .stem = stem_of(&r->cse, ask->originator) };
	size_t n;
	err_t err;

	TRY(look(&q, &n));
	*may = n == 0 || q.holds;
out:
	return err;
}
