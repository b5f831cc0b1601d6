/* order_run.c: what each order does. Each is asked twice: whether it could be
 * done, when it is given; to do it, when it is recorded and its delay is over. */
#include "base/clock.h"
#include "crypt/crypt.h"
#include "keeper/backup.h"
#include "keeper/enrolment.h"
#include "keyrecord/shown.h"
#include "wire/name.h"
#include "keeper/order.h"

enum { PROOF = 32 };

/* --- keys come ---------------------------------------------------------------------- */

static err_t put_public(struct call *c, const struct vault_key *key)
{
	wire_put_u32(&c->out, key->version);
	wire_put_bytes(&c->out, bytes_make(key->key.public_key, key->key.public_n));
	return c->out.err;
}

static err_t check_new(struct call *c, struct bytes name, struct bytes prefix)
{
	if (!bytes_starts(name, prefix))
		return ERR_REFUSED;
	if (!name_is_key(name) || name.n == prefix.n)
		return ERR_SYNTAX;
	return vault_find(&c->ks->vault, name) ? ERR_EXISTS : ERR_OK;
}

/* A key for programs: of one purpose, of the user in its name, for no role. */
static err_t check_program(struct call *c, struct bytes name, unsigned class,
                           const struct key_policy *p)
{
	unsigned purpose = key_purpose(p->purposes);
	uint32_t user;
	err_t err;

	TRY(check_new(c, name, BYTES("app/")));
	TRY(name_program_key(name, class, purpose, &user));
	TRY(p->purposes == 1u << purpose && p->roles == 0 && p->owner == user ? ERR_OK : ERR_REFUSED);
out:
	return err;
}

static err_t key_create(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX);
	unsigned class = wire_get_u8(in), where = wire_get_u8(in);
	unsigned place = where ? where - 1 : c->ks->place;
	struct key_policy policy = key_policy_get(in);
	struct vault_key *made, key = vault_key_new(place_provider(place), (enum key_class)class,
		ORIGIN_GENERATED, 0);
	err_t err;

	TRY(wire_done(in));
	TRY(class >= KEY_EC_P256 && class <= KEY_SYMMETRIC_32 && key.provider ? ERR_OK : ERR_UNSUPPORTED);
	TRY(call_class(key.key.class));
	if (bytes_starts(name, BYTES("app/"))) {
		TRY(check_program(c, name, class, &policy));
	} else {
		TRY(check_new(c, name, BYTES("user/")));
		TRY(key_policy_fits(key.key.class, &policy, clock_now()));
	}
	if (!really)
		return ERR_OK;
	keyrecord_policy(&key, &policy);
	key.key.place = place;
	key.key.use = key_pair_use(key.key.class, policy.purposes);
	TRY(key.provider->make(&key.key));
	TRY(vault_add(&c->ks->vault, name, &key, &made));
	err = put_public(c, made);
out:
	return err;
}

static err_t key_import(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX), prefix = BYTES("user/");
	struct bytes sealed = wire_get_bytes(in, SEALED_PSK_MAX);
	struct key_policy policy = key_policy_get(in);
	struct vault_key *added, key = { 0 };
	err_t err;

	TRY(wire_done(in));
	if (bytes_starts(name, BYTES("psk/")))
		prefix = BYTES("psk/");
	TRY(check_new(c, name, prefix));
	TRY(key_policy_fits(KEY_SYMMETRIC_32, &policy, clock_now()));
	TRY(enrolment_open(c, name, sealed, &key));
	keyrecord_policy(&key, &policy);
	err = call_class(key.key.class);
	if (err != ERR_OK || !really) {
		key.provider->unload(&key.key);
		return err;
	}
	TRY(vault_add(&c->ks->vault, name, &key, &added));
out:
	return err;
}

/* HMAC by the old key: who replaces it has it. */
static bool proves_old(struct call *c, struct bytes name, struct bytes sealed, struct bytes proof)
{
	struct vault_key *old = vault_find(&c->ks->vault, name);
	struct buf text = buf_make(1024);
	uint8_t mac[32];
	bool good = false;

	if (old && key_is_symmetric(old->key.class) && proof.n == PROOF &&
	    buf_add(&text, BYTES("holdfast replace\0")) == ERR_OK && buf_add(&text, sealed) == ERR_OK &&
	    old->provider->mac(&old->key, bytes_of_buf(&text), mac) == ERR_OK)
		good = secret_equal(BYTES_OF(mac), proof);
	secret_wipe(mac, sizeof(mac));
	buf_free(&text);
	return good;
}

static err_t key_replace(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX);
	struct bytes sealed = wire_get_bytes(in, SEALED_PSK_MAX);
	struct bytes proof = wire_get_bytes(in, PROOF);
	struct vault_key *old = vault_find(&c->ks->vault, name), *added, key = { 0 };
	int64_t not_after;
	err_t err;

	TRY(wire_done(in));
	TRY(old ? ERR_OK : ERR_MISSING);
	TRY(old->origin == ORIGIN_IMPORTED && old->state != KEY_OLD ? ERR_OK : ERR_REFUSED);
	TRY(proof.n == 0 || proves_old(c, name, sealed, proof) ? ERR_OK : ERR_TAMPERED);
	TRY(enrolment_open(c, name, sealed, &key));
	if (!really) {
		key.provider->unload(&key.key);
		return ERR_OK;
	}
	not_after = old->not_after;
	keeper_forget_derived(c->ks, name);
	handles_drop_key(c->ks, old);
	TRY(vault_renew(&c->ks->vault, old, &key, &added));
	added->not_after = not_after;
	/* What was replaced may have been stolen: it opens nothing any more. */
	vault_remove(&c->ks->vault, old);
out:
	return err;
}

/* --- versions -------------------------------------------------------------------------- */

static err_t find_own(struct call *c, struct bytes name, struct vault_key **key)
{
	*key = vault_find(&c->ks->vault, name);
	return !*key ? ERR_MISSING : (*key)->state == KEY_OLD ? ERR_REFUSED : ERR_OK;
}

/* Not what others have in their hands (enrolled keys), nor what certificates are made
 * with: ca, node. */
static bool may_rotate(const struct vault_key *key)
{
	return key->origin == ORIGIN_GENERATED ||
	       (key->origin == ORIGIN_MADE && key->purposes & (USE_OPEN | USE_ANCHOR | USE_NODE));
}

static err_t key_rotate(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX);
	struct vault_key *old, *made;
	err_t err;

	TRY(wire_done(in));
	TRY(find_own(c, name, &old));
	TRY(may_rotate(old) ? ERR_OK : ERR_REFUSED);
	TRY(call_class(old->key.class));
	if (!really)
		return ERR_OK;
	TRY(order_renew(c, old, place_of(old->provider, &old->key), &made));
	err = put_public(c, made);
out:
	return err;
}

static err_t key_deprecate(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX);
	struct vault_key *key;
	err_t err;

	TRY(wire_done(in));
	TRY(find_own(c, name, &key));
	TRY(key->origin != ORIGIN_MADE && key->state == KEY_ACTIVE ? ERR_OK : ERR_REFUSED);
	if (really)
		key->state = KEY_DEPRECATED;
out:
	return err;
}

static err_t key_minimum(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX);
	uint32_t version = wire_get_u32(in);
	struct vault *v = &c->ks->vault;
	struct vault_key *key;
	err_t err;

	TRY(wire_done(in));
	TRY(find_own(c, name, &key));
	TRY(key->purposes & USE_NODE ? ERR_REFUSED : ERR_OK); /* index keys are of the first root key */
	TRY(version > key->minimum && version <= key->version ? ERR_OK : ERR_RANGE);
	if (!really)
		return ERR_OK;
	key->minimum = version;
	for (size_t i = v->keys_n; i > 0; i--) {
		if (key_is_version(v->keys[i - 1], name) && v->keys[i - 1]->version < version)
			vault_remove(v, v->keys[i - 1]);
	}
out:
	return err;
}

/* --- keys go ---------------------------------------------------------------------------- */

static err_t key_destroy(struct call *c, struct wire_in *in, bool really)
{
	struct bytes name = wire_get_bytes(in, KEEPER_NAME_MAX);
	struct vault_key *key = vault_find(&c->ks->vault, name);
	err_t err;

	TRY(wire_done(in));
	TRY(key ? ERR_OK : ERR_MISSING);
	/* Without these the node is none, and its rows are lost: there is `init`. */
	TRY(key->origin == ORIGIN_MADE && ((key->state != KEY_OLD && key->state != KEY_LOST) || key->purposes & USE_NODE)
	            ? ERR_REFUSED : ERR_OK);
	if (really)
		keeper_forget_key(c->ks, key);
out:
	return err;
}

static err_t undo_withdrawal(struct call *c, struct bytes name, bool really)
{
	struct vault_key *key = vault_find(&c->ks->vault, name);
	struct bytes rest = name, free_name = bytes_cut(&rest, '#');
	err_t err;

	TRY(key && key->state == KEY_WITHDRAWN ? ERR_OK : ERR_MISSING);
	TRY(vault_find(&c->ks->vault, free_name) ? ERR_EXISTS : ERR_OK);
	if (!really)
		return ERR_OK;
	TRY(vault_rename(&c->ks->vault, key, free_name));
	key->state = KEY_ACTIVE;
	key->erase_at = 0;
out:
	return err;
}

static err_t undo(struct call *c, struct wire_in *in, bool really)
{
	uint32_t number = wire_get_u32(in);
	struct bytes name = number ? BYTES_NONE : wire_get_bytes(in, KEEPER_NAME_MAX);
	struct administration *a = &c->ks->vault.admin;
	err_t err;

	TRY(wire_done(in));
	if (!number)
		return undo_withdrawal(c, name, really);
	for (size_t i = 0; i < a->pending_n; i++) {
		if (a->pending[i]->number != number)
			continue;
		if (a->pending[i]->kind == ORDER_REBIND) /* the store is open by it */
			return ERR_REFUSED;
		if (really) {
			c->ks->gone = a->pending[i];
			a->pending[i] = a->pending[--a->pending_n];
		}
		return ERR_OK;
	}
	err = ERR_MISSING;
out:
	return err;
}

/* --- the table ----------------------------------------------------------------------------------- */

static err_t (*const runs[ORDER_COUNT])(struct call *c, struct wire_in *in, bool really) = {
	[ORDER_KEY_CREATE] = key_create,
	[ORDER_KEY_IMPORT] = key_import,
	[ORDER_KEY_REPLACE] = key_replace,
	[ORDER_KEY_ROTATE] = key_rotate,
	[ORDER_KEY_DEPRECATE] = key_deprecate,
	[ORDER_KEY_MINIMUM] = key_minimum,
	[ORDER_KEY_DESTROY] = key_destroy,
	[ORDER_UNDO] = undo,
	[ORDER_BACKUP] = order_backup,
	[ORDER_RESTORE] = order_restore,
	[ORDER_PROVIDER_ACCEPT] = order_accept,
	[ORDER_REBIND] = order_rebind,
	[ORDER_TOKEN_LOST] = order_token_lost,
	[ORDER_STATE_APPROVE] = order_approve,
};

err_t order_run(struct call *c, const struct order_held *h, bool really)
{
	struct wire_in in = wire_in(bytes_make(h->body, h->body_n));
	err_t err = administration_may(&c->ks->vault.admin, h->who.bounded, h->kind, in.rest);

	if (err != ERR_OK)
		return err;
	return runs[h->kind] ? runs[h->kind](c, &in, really)
	                     : administration_order(&c->ks->vault.admin, h->kind, &in, really);
}

unsigned order_persons(struct call *c, const struct order_held *h)
{
	struct wire_in in = wire_in(bytes_make(h->body, h->body_n));
	struct bytes name, sealed, proof;

	if (h->kind == ORDER_KEY_REPLACE) {
		name = wire_get_bytes(&in, KEEPER_NAME_MAX);
		sealed = wire_get_bytes(&in, SEALED_PSK_MAX);
		proof = wire_get_bytes(&in, PROOF);
		if (in.err == ERR_OK && proves_old(c, name, sealed, proof))
			return 1;
	}
	return administration_persons(&c->ks->vault.admin, order_row(h->kind));
}
