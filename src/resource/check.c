/* check.c: the content of a request against the rows of its type
 * [TS-0004 7.3.3.3, 7.3.3.4].
 *
 * An attribute that no row names, one that is NP, a mandatory one that is
 * missing, a value of the wrong kind: 4000. An attribute that the standard has
 * and this program has not: 5001, never silence. */
#include "resource/engine.h"

#include "base/clock.h"

/* A type that is only a frame is given its shape by the attribute that names the
 * definition [TS-0004 7.4.15, 7.4.37]. One that is not known is 4125. */
static err_t specialize(struct resource_work *w)
{
	const struct resource_type *special;
	const struct attribute *rule;
	struct cbor value;

	if (!w->type->selector || w->type->definition || w->type->management)
		return ERR_OK;
	if (!set_get(&w->asked, bytes_str(w->type->selector), &value))
		return refuse(w->out, RSC_BAD_REQUEST, "mandatory attribute is missing",
		              bytes_str(w->type->selector));
	rule = type_attribute(w->type, bytes_str(w->type->selector));
	if (value.kind != (rule && rule->kind == V_URI ? CBOR_TEXT : CBOR_UINT))
		return refuse(w->out, RSC_BAD_REQUEST, "value is not acceptable",
		              bytes_str(w->type->selector));
	special = type_specialization(w->type, &value);
	if (!special)
		return refuse(w->out, RSC_SPECIALIZATION_SCHEMA_NOT_FOUND, "no such definition here",
		              bytes_str(w->type->selector));
	w->type = special;
	return ERR_OK;
}

err_t work_asked(struct resource_work *w)
{
	struct bytes rest, inside;
	struct cbor key;
	uint64_t n;
	err_t err;

	if (!w->ask->request->has_content ||
	    cbor_map(w->ask->request->content, &rest, &n) != ERR_OK || n != 1)
		return refuse(w->out, RSC_BAD_REQUEST, "content must be one resource", NO_DETAIL);
	if (cbor_next(&rest, &key) != ERR_OK || key.kind != CBOR_TEXT ||
	    cbor_map(rest, &inside, &n) != ERR_OK)
		return refuse(w->out, RSC_BAD_REQUEST, "content is not of the resource type", key.s);
	if (n > ATTRIBUTES_MAX || set_load(&w->asked, rest) != ERR_OK)
		return refuse(w->out, RSC_BAD_REQUEST, "malformed attributes", NO_DETAIL);
	TRY(specialize(w));
	if (resource_type_named(key.s) != w->type)
		return refuse(w->out, RSC_BAD_REQUEST, "content is not of the resource type", key.s);
	if (resource_hooks(w->type)->asked)
		TRY(resource_hooks(w->type)->asked(w));
out:
	return err;
}

/* What holds for an attribute that is present, whatever the operation. */
static err_t check_present(struct resource_work *w, const struct attribute *a, struct bytes key,
                           enum option option, struct cbor *value)
{
	if (!a)
		return refuse(w->out, RSC_BAD_REQUEST, "unknown attribute", key);
	if (option == NP || (a->flags & F_SERVER && !bytes_equal(key, BYTES("cr"))))
		return refuse(w->out, RSC_BAD_REQUEST, "attribute is set by the CSE only", key);
	if (a->flags & F_NOT_BUILT)
		return refuse(w->out, RSC_NOT_IMPLEMENTED, "attribute is not supported", key);
	if (!set_get(&w->asked, key, value))
		return refuse(w->out, RSC_BAD_REQUEST, "malformed attribute", key);
	return ERR_OK;
}

/* Each entry must be an accessControlPolicy that stands here: one that dangles
 * would lock everybody out without a word. */
static err_t check_policies(struct resource_work *w, struct bytes key, const struct cbor *list)
{
	struct bytes content = list->s;
	struct place place;
	struct cbor item;
	err_t err = ERR_OK;

	for (uint64_t i = 0; i < list->u; i++) {
		const struct resource_type *type;

		TRY(cbor_next(&content, &item));
		TRY(tree_walk(w->r, item.s, &place));
		type = place.where == TARGET_HERE ? resource_type(place.type) : NULL;
		if (!type || !type->self_governed || place.virtual_child || place.attribute.n)
			return refuse(w->out, RSC_BAD_REQUEST, "names no accessControlPolicy here", key);
	}
out:
	return err;
}

/* announcedAttribute names what of this type can be announced [TS-0001 9.6.1.3.2]: a name that
 * never would be says nothing, and its writer is told. */
static err_t check_announced(struct resource_work *w, struct bytes key, const struct cbor *list)
{
	struct bytes content = list->s;
	struct cbor item;
	err_t err = ERR_OK;

	for (uint64_t i = 0; i < list->u; i++) {
		const struct attribute *a;

		TRY(cbor_next(&content, &item));
		a = type_attribute(w->type, item.s);
		if (!a || a->announce == NP)
			return refuse(w->out, RSC_BAD_REQUEST, "names what is not announced of this type", key);
	}
out:
	return err;
}

static err_t check_value(struct resource_work *w, const struct attribute *a, struct bytes key,
                         const struct cbor *value)
{
	if (!value_ok(a, value))
		return refuse(w->out, RSC_BAD_REQUEST, "value is not acceptable", key);
	if (a->flags & F_POLICY)
		return check_policies(w, key, value);
	if (bytes_equal(key, BYTES("aa")))
		return check_announced(w, key, value);
	return ERR_OK;
}

/* creator may stand in a request only as null: "please set it" [TS-0004 7.3.3.5]. */
static err_t check_creator(struct resource_work *w, const struct cbor *value)
{
	if (value->kind != CBOR_NULL)
		return refuse(w->out, RSC_BAD_REQUEST, "creator must be null in a request",
		              BYTES("cr"));
	return set_put_text(w->r, w->arena, &w->set, BYTES("cr"), w->ask->request->from);
}

static err_t check_one_create(struct resource_work *w, const struct cbor_member *m)
{
	const struct attribute *a = type_attribute(w->type, m->key);
	struct cbor value = { .kind = CBOR_NULL };
	err_t err;

	TRY(check_present(w, a, m->key, a ? a->create : NP, &value));
	/* Of an announced variant it is the original's. */
	if (a->flags & F_SERVER && bytes_equal(m->key, BYTES("cr")))
		return check_creator(w, &value);
	TRY(check_value(w, a, m->key, &value));
	if (!(a->flags & F_COLUMN))
		TRY(set_put(&w->set, m->key, m->value));
out:
	return err;
}

err_t work_check_create(struct resource_work *w)
{
	struct cbor value;
	err_t err = ERR_OK;

	for (size_t i = 0; i < w->asked.n; i++)
		TRY(check_one_create(w, &w->asked.m[i]));
	for (size_t i = 0; i < w->type->attributes_n; i++) {
		struct bytes name;

		if (w->type->attributes[i].create != MAN)
			continue;
		name = bytes_str(w->type->attributes[i].short_name);
		if (set_get(&w->asked, name, &value))
			continue;
		if (!(w->type->attributes[i].flags & F_LATER) || w->ask->request->release > 1)
			return refuse(w->out, RSC_BAD_REQUEST, "mandatory attribute is missing", name);
	}
	TRY(work_expiry(w));
out:
	return err;
}

static err_t check_one_update(struct resource_work *w, const struct cbor_member *m)
{
	const struct attribute *a = type_attribute(w->type, m->key);
	struct cbor value = { .kind = CBOR_NULL };
	err_t err;

	TRY(check_present(w, a, m->key, a && !(a->flags & F_ONCE) ? a->update : NP, &value));
	if (value.kind == CBOR_NULL) {
		if (a->create == MAN || a->flags & F_ONE)
			return refuse(w->out, RSC_BAD_REQUEST, "attribute cannot be deleted", m->key);
		set_drop(&w->set, m->key);
		goto out;
	}
	TRY(check_value(w, a, m->key, &value));
	if (!(a->flags & F_COLUMN))
		TRY(set_put(&w->set, m->key, m->value));
out:
	return err;
}

err_t work_check_update(struct resource_work *w)
{
	err_t err = ERR_OK;

	if (resource_updates_policy_link(w->ask->request) && w->asked.n != 1)
		return refuse(w->out, RSC_BAD_REQUEST,
		              "accessControlPolicyIDs must be updated alone", BYTES("acpi"));
	for (size_t i = 0; i < w->asked.n; i++)
		TRY(check_one_update(w, &w->asked.m[i]));
	TRY(work_expiry(w));
out:
	return err;
}

/* A child must not outlive what the request says of its parent
 * [TS-0004 7.3.3.4]. */
static err_t check_children_expiry(struct resource_work *w, int64_t expires)
{
	struct store_scan scan = { .parent = w->row.id, .limit = PAGE };
	const struct store_row *row;
	uint64_t ids[PAGE];
	size_t n, seen = 0;
	err_t err;

	do {
		TRY(store_children(w->r->store, &scan, ids, &n));
		for (size_t i = 0; i < n; i++) {
			TRY(store_get(w->r->store, ids[i], &row));
			if (row && row->expires > expires)
				return refuse(w->out, RSC_BAD_REQUEST,
				              "a child expires later", BYTES("et"));
		}
		seen += n;
		if (n)
			scan.after = ids[n - 1];
		if (seen > SELECTION_MAX)
			return refuse(w->out, RSC_NOT_ACCEPTABLE,
			              "too many children to check", BYTES("et"));
	} while (n == PAGE);
out:
	return err;
}

err_t work_expiry(struct resource_work *w)
{
	bool update = w->row.version != 0;
	int64_t expires = update ? w->row.expires : 0, before = expires;
	struct cbor value;

	if (!type_attribute(w->type, BYTES("et")))
		return ERR_OK;
	if (set_get(&w->asked, BYTES("et"), &value)) {
		expires = 0;
		if (value.kind == CBOR_TEXT && clock_parse(value.s, &expires) != ERR_OK)
			return refuse(w->out, RSC_BAD_REQUEST, "no such time", BYTES("et"));
		if (value.kind == CBOR_TEXT && expires <= w->now)
			return refuse(w->out, RSC_BAD_REQUEST, "expires in the past", BYTES("et"));
	} else if (update) {
		return ERR_OK;
	}
	/* There is always one (multiplicity 1): the CSE assigns what is not given, or is
	 * deleted by an update, and shortens what is too long; the answer shows it
	 * [TS-0001 9.6.1.3.2; TS-0004 7.3.3.3]. */
	if (expires == 0 || expires > w->now + EXPIRATION_MAX_MS)
		expires = w->now + EXPIRATION_MAX_MS;
	if (w->parent.expires && expires > w->parent.expires)
		expires = w->parent.expires;
	w->row.expires = expires;
	if (update && expires && (before == 0 || expires < before))
		return check_children_expiry(w, expires);
	return ERR_OK;
}
