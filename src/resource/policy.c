/* policy.c: what a decision must know of a row's policy [TS-0001 9.6.1.3.2].
 * Gathers only; security/decision judges. What cannot be read grants nothing. */
#include "resource/engine.h"

#include "base/clock.h"

static err_t add_policy(struct resources *r, struct arena *a, struct bytes address,
                        struct bytes attribute, struct resource_policy *out)
{
	const struct resource_type *type;
	const struct store_row *row;
	struct place place;
	struct cbor rules;
	bool found;
	err_t err;

	if (out->policies_n == COUNT_OF(out->policies)) {
		out->broken = true;
		return ERR_OK;
	}
	TRY(tree_walk(r, address, &place));
	type = place.where == TARGET_HERE ? resource_type(place.type) : NULL;
	if (!type || !type->self_governed || place.virtual_child || place.attribute.n) {
		out->broken = true;
		goto out;
	}
	TRY(store_get(r->store, place.id, &row));
	/* Expired is gone, whether swept yet or not. */
	if (row_expired(row, clock_now()) ||
	    cbor_find(row->body, attribute, &rules, &found) != ERR_OK || !found ||
	    !acrs_ok(&rules)) {
		out->broken = true;
		goto out;
	}
	out->policy_ids[out->policies_n] = place.id;
	(void)resource_spend(r, rules.raw.n / 256); /* each entry of it may be compared */
	TRY(arena_copy(a, rules.raw, &out->policies[out->policies_n]));
	out->policies_n++;
out:
	return err;
}

/* The list of policies in attribute `link` of the row; *linked false without. */
static err_t add_linked(struct resources *r, struct arena *a, struct bytes body,
                        struct bytes link, struct bytes attribute,
                        struct resource_policy *out)
{
	struct bytes content;
	struct cbor list, item;
	bool found;
	err_t err;

	TRY(body_get(body, link, &list, &found));
	if (!found || list.kind != CBOR_ARRAY || list.u == 0) {
		out->from_creator = true;
		goto out;
	}
	/* The store's rows may move while policies are read. */
	TRY(arena_copy(a, list.s, &content));
	for (uint64_t i = 0; i < list.u; i++) {
		TRY(cbor_next(&content, &item));
		if (item.kind != CBOR_TEXT) {
			out->broken = true;
			continue;
		}
		TRY(add_policy(r, a, item.s, attribute, out));
	}
out:
	return err;
}

static err_t add_creator(struct arena *a, const struct store_row *row,
                         struct resource_policy *out)
{
	struct cbor creator;
	bool found;
	err_t err;

	TRY(body_get(row->body, BYTES(INTERNAL_CREATOR), &creator, &found));
	if (found && creator.kind == CBOR_TEXT)
		TRY(arena_copy(a, creator.s, &out->creator));
out:
	return err;
}

/* The row that governs: the row itself, or the parent where the type says so. */
static err_t governing_row(struct resources *r, const struct store_row *row,
                           const struct store_row **out, const struct resource_type **type)
{
	err_t err = ERR_OK;

	*out = row;
	*type = resource_type(row->type);
	for (size_t i = 0; *type && (*type)->policy_of_parent && i <= TREE_DEPTH_MAX; i++) {
		TRY(store_get(r->store, (*out)->parent, out));
		*type = *out ? resource_type((*out)->type) : NULL;
	}
out:
	return err;
}

static err_t gather(struct resources *r, const struct store_row *asked, struct arena *a,
                    struct bytes link, struct bytes attribute, struct resource_policy *out)
{
	const struct resource_type *type;
	const struct store_row *row;
	struct store_row kept;
	struct cbor rules;
	bool found;
	err_t err;

	*out = (struct resource_policy){ 0 };
	TRY(governing_row(r, asked, &row, &type));
	if (!row || !type || type->policy_of_parent) {
		out->broken = true;
		goto out;
	}
	kept = *row;
	TRY(arena_copy(a, row->body, &kept.body));
	out->owner = kept.id;
	TRY(add_creator(a, &kept, out));
	if (type->self_governed) {
		TRY(body_get(kept.body, BYTES("pvs"), &rules, &found));
		out->broken = !found || !acrs_ok(&rules);
		if (!out->broken) {
			out->policies[0] = rules.raw;
			out->policy_ids[0] = kept.id;
			out->policies_n = 1;
		}
	} else if (type_attribute(type, link)) {
		TRY(add_linked(r, a, kept.body, link, attribute, out));
	} else if (type->direct) {
		out->from_creator = true;
	} else {
		out->broken = true;
	}
out:
	return err;
}

err_t resource_policy(struct resources *r, const struct store_row *row, struct arena *a,
                      struct resource_policy *out)
{
	return gather(r, row, a, BYTES("acpi"), BYTES("pv"), out);
}

err_t resource_link_policy(struct resources *r, const struct store_row *row, struct arena *a,
                           struct resource_policy *out)
{
	return gather(r, row, a, BYTES("acpi"), BYTES("pvs"), out);
}

err_t resource_target_policy(struct resources *r, const struct target *target, struct arena *a,
                             struct resource_policy *out)
{
	const struct virtual_child *v = target->virtual_child;
	const struct store_row *row;
	struct cbor list;
	bool found = false;
	err_t err;

	TRY(store_get(r->store, target->id, &row));
	if (!row) {
		*out = (struct resource_policy){ .broken = true };
		goto out;
	}
	if (v && v->policy_attribute)
		TRY(body_get(row->body, bytes_str(v->policy_attribute), &list, &found));
	if (found && list.kind == CBOR_ARRAY && list.u > 0)
		return gather(r, row, a, bytes_str(v->policy_attribute), BYTES("pv"), out);
	return resource_policy(r, row, a, out);
out:
	return err;
}
