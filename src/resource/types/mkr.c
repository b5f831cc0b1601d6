/* symmKeyReg [TS-0003 8.3.5.2.7-10, 8.8.2.7-10, 10.3]: its key is made and kept elsewhere
 * (struct resource_keys); here stands who may have it and until when. */
#include "primitive/id.h"
#include "resource/engine.h"
#include "resource/trust.h"

enum { MEF_BASE = 242, MASTER = 21, TARGETS_MAX = 16, USAGE_SAEF = 2, USAGE_ESPRIM = 3 };

/* Members of the body that are ours: the keeper's name of the key; the client gave it. */
#define KEY_NAME "@key"
#define KEY_GIVEN "@given"

static enum trust_place place_of(const struct resource_work *w)
{
	return w->parent.type == MEF_BASE ? TRUST_MEF : TRUST_MAF;
}

/* Each once in full; SAEF and ESPrim keys have exactly one. */
static err_t take_targets(struct resource_work *w, uint64_t suid)
{
	struct cbor list = { .kind = CBOR_NULL }, item;
	struct bytes content, encoded;
	err_t err = ERR_OK;

	if (!set_get(&w->set, BYTES("tgis"), &list) || list.kind != CBOR_ARRAY || list.u == 0)
		return refuse(w->out, RSC_BAD_REQUEST, "a key has a target", BYTES("tgis"));
	if (list.u > 1 && (suid == MASTER || suid % 10 == USAGE_SAEF || suid % 10 == USAGE_ESPRIM))
		return refuse(w->out, RSC_BAD_REQUEST, "a key for this usage has one target", BYTES("tgis"));
	content = list.s;
	buf_clear(&w->r->scratch);
	TRY(cbor_put_array(&w->r->scratch, list.u));
	for (uint64_t i = 0; i < list.u; i++) {
		TRY(cbor_next(&content, &item));
		if (trust_put_target(w->r, item.s, suid, &w->r->scratch) != ERR_OK)
			return refuse(w->out, RSC_BAD_REQUEST, "is no identifier of a target", BYTES("tgis"));
	}
	TRY(arena_copy(w->arena, bytes_of_buf(&w->r->scratch), &encoded));
	TRY(set_put(&w->set, BYTES("tgis"), encoded));
out:
	return err;
}

static bool lists(struct bytes encoded, struct bytes item)
{
	struct cbor list, one;
	bool there = false;

	if (cbor_read(encoded, &list) != ERR_OK)
		return false;
	while (!there && list.s.n && cbor_next(&list.s, &one) == ERR_OK)
		there = bytes_equal(one.raw, item);
	return there;
}

/* What the stakeholder says of this usage: these targets, where the client names none, and no
 * others [TS-0003 8.3.5.2.7, 8.8.2.7]. */
static err_t hold_to_configuration(struct resource_work *w, uint64_t registration, uint64_t suid)
{
	struct trust_client client = { w->parent.id, registration };
	struct cbor list = { .kind = CBOR_NULL }, item;
	struct bytes configured;
	err_t err;

	TRY(trust_configured(w->r, &client, suid, w->arena, &configured));
	if (!configured.n)
		return ERR_OK;
	if (!set_get(&w->set, BYTES("tgis"), &list))
		return set_put(&w->set, BYTES("tgis"), configured);
	while (list.s.n) {
		TRY(cbor_next(&list.s, &item));
		if (!lists(configured, item.raw))
			return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
			              "the configuration of the client names other targets", BYTES("tgis"));
	}
out:
	return err;
}

static void bound_life(struct resource_work *w)
{
	int64_t most = w->now + w->r->keys.lifetime;

	if (w->row.expires == 0 || w->row.expires > most)
		w->row.expires = most;
}

/* The key, or why there is none. */
static err_t make_key(struct resource_work *w, uint64_t suid, bool mef)
{
	struct key_wish wish = { .mef = mef, .suid = (unsigned)suid };
	struct cbor v;
	struct bytes content;
	struct key_made made = { .why = "no keys are kept here" };
	err_t err;

	if (set_get(&w->set, BYTES("kv"), &v))
		wish.value = v.s;
	must(set_get(&w->set, BYTES("tgis"), &v));
	content = v.s;
	TRY(cbor_next(&content, &v));
	wish.target = v.s;
	wish.targets = set_get(&w->set, BYTES("tgis"), &v) ? v.u : 0;
	err = w->r->keys.make ? w->r->keys.make(w->r->keys.self, &wish, &made) : ERR_REFUSED;
	if (err == ERR_REFUSED)
		return refuse(w->out, RSC_BAD_REQUEST, made.why, BYTES("kv"));
	TRY(err);
	if (wish.value.n)
		TRY(set_put_bool(w->r, w->arena, &w->set, BYTES(KEY_GIVEN), true));
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES(KEY_NAME), bytes_str(made.name)));
	TRY(arena_copy(w->arena, bytes_str(made.id), &w->row.ident));
out:
	set_drop(&w->set, BYTES("kv"));
	return err;
}

/* A RelativeKeyID serves once: what comes out of one connection's exporter a second time
 * is the same key [G11]. Its record stays when the registration goes. */
static err_t use_identifier(struct resource_work *w)
{
	struct bytes key = w->row.ident, used, name;
	struct cbor v;
	uint64_t id;
	err_t err;

	TRY(store_record_get(w->r->store, STORE_KEYS, key, w->arena, &used));
	TRY(store_find_ident(w->r->store, key, &id));
	if (used.n || id)
		return refuse(w->out, RSC_CONFLICT, "this connection's key is, or was, registered", NO_DETAIL);
	must(set_get(&w->set, BYTES(KEY_NAME), &v));
	name = v.s;
	TRY(store_record_put(w->r->store, STORE_KEYS, key, name));
out:
	return err;
}

static err_t created(struct resource_work *w)
{
	uint64_t suid = set_uint(&w->set, BYTES("suid"), 0), registered;
	enum trust_place place = place_of(w);
	struct cbor v;
	struct bytes admin;
	size_t keys;
	err_t err;

	TRY(trust_admin(w, &admin));
	TRY(trust_keys_of(w, &keys));
	if (keys >= KEYS_OF_CLIENT)
		return refuse(w->out, RSC_NOT_ACCEPTABLE, "this client has as many keys as it may", NO_DETAIL);
	TRY(trust_registered(w->r, w->parent.id, w->ask->originator, admin, w->now, &registered));
	if (!registered)
		return refuse(w->out, RSC_ORIGINATOR_HAS_NO_PRIVILEGE,
		              "the client is not registered for this stakeholder", BYTES("adfq"));
	if (!trust_usage_fits(place, suid))
		return refuse(w->out, RSC_BAD_REQUEST, "no key for this usage is registered here", BYTES("suid"));
	if (set_get(&w->set, BYTES("tgis"), &v))
		TRY(take_targets(w, suid));
	TRY(hold_to_configuration(w, registered, suid));
	TRY(take_targets(w, suid));
	bound_life(w);
	TRY(set_put_text(w->r, w->arena, &w->set, BYTES("cr"), w->ask->originator));
	TRY(make_key(w, suid, place == TRUST_MEF));
	TRY(use_identifier(w));
out:
	return err;
}

/* A key that was derived for its target is of no use to another. */
static err_t updated(struct resource_work *w)
{
	uint64_t suid = set_uint(&w->set, BYTES("suid"), 0), registered;
	struct cbor before, now;
	err_t err;

	bound_life(w);
	TRY(take_targets(w, suid));
	must(set_get(&w->set, BYTES("adfq"), &now));
	TRY(trust_registered(w->r, w->parent.id, w->ask->originator, now.s, w->now, &registered));
	if (registered && set_get(&w->asked, BYTES("tgis"), &now))
		TRY(hold_to_configuration(w, registered, suid));
	must(set_get(&w->before, BYTES("tgis"), &before) && set_get(&w->set, BYTES("tgis"), &now));
	if (w->parent.type == MEF_BASE && !set_true(&w->set, BYTES(KEY_GIVEN)) &&
	    !bytes_equal(before.raw, now.raw))
		return refuse(w->out, RSC_BAD_REQUEST, "the key was derived for its target", BYTES("tgis"));
out:
	return err;
}

static err_t removed(struct resources *r, const struct store_row *row,
                     const struct attribute_set *set)
{
	struct cbor name;

	if (!r->keys.gone || !set_get(set, BYTES(KEY_NAME), &name))
		return ERR_OK;
	return r->keys.gone(r->keys.self, name.s, row->ident);
}

/* The one who asks is a target: it gets the key [TS-0003 8.3.5.2.8, 8.8.2.8]. */
static err_t shown(struct resource_work *w, struct attribute_set *set)
{
	char value[KEY_VALUE_TEXT + 1];
	struct cbor name;
	bool target;
	err_t err;

	TRY(trust_is_target(&w->row, w->ask->originator, w->ask->credential, &target));
	if (!target)
		return ERR_OK;
	TRY(set_load(&w->set, w->row.body));
	if (!w->r->keys.release || !set_get(&w->set, BYTES(KEY_NAME), &name))
		return refuse(w->out, RSC_INTERNAL_SERVER_ERROR, "the key is not here", NO_DETAIL);
	err = w->r->keys.release(w->r->keys.self, name.s, value);
	if (err == ERR_UNSUPPORTED || err == ERR_MISSING)
		return refuse(w->out, RSC_NOT_FOUND, "the key cannot be given away", NO_DETAIL);
	TRY(err);
	TRY(set_put_text(w->r, w->arena, set, BYTES("kv"), bytes_str(value)));
out:
	bytes_zero(value, sizeof(value));
	return err;
}

const struct resource_hooks resource_hooks_mkr = {
	.created = created, .updated = updated, .removed = removed, .shown = shown,
};
