/* enrolment.c: certificates and pre-shared keys of entities come and go. */
#include "base/clock.h"
#include "crypt/crypt.h"
#include "keeper/enrolment.h"
#include "wire/name.h"

enum { PROOF_MAX = 80, REQUEST_MAX = 2048, SUBJECT_MAX = 253, SUID_FOR_MAF = 21 };

/* --- certificates ------------------------------------------------------------ */

/* The node's own key proves itself by lying in this vault; no other does so, and
 * no key of this vault may get an entity's certificate. */
static err_t check_key(struct call *c, const struct certificate_ask *ask, struct bytes request,
                       struct bytes proof)
{
	const struct vault *v = &c->ks->vault;
	struct vault_key *node;
	err_t err;

	if (ask->kind == CERTIFY_NODE_SELF) {
		TRY(call_key(c, NAME_NODE, &node));
		return proof.n == 0 && bytes_equal(ask->public_key, BYTES_OF(node->key.public_key))
		           ? ERR_OK : ERR_REFUSED;
	}
	TRY(certificate_check_proof(ask, request, proof));
	for (size_t i = 0; i < v->keys_n; i++) {
		if (v->keys[i]->key.public_n == KEY_POINT &&
		    bytes_equal(BYTES_OF(v->keys[i]->key.public_key), ask->public_key))
			return ERR_REFUSED;
	}
out:
	return err;
}

static err_t sign_by(void *self, struct bytes input, struct buf *out)
{
	struct vault_key *key = self;

	key->uses++;
	return key->provider->sign(&key->key, input, out);
}

struct certificate_ca authority_of(const struct vault *v, struct vault_key *key)
{
	return (struct certificate_ca){
		.public_key = bytes_make(key->key.public_key, key->key.public_n),
		.created = key->created, .not_after = key->not_after, .domain = certificate_domain(bytes_str(v->sp)),
		.sign = sign_by, .self = key,
	};
}

/* This node's, when it may sign now. */
static err_t find_authority(struct call *c, struct certificate_ca *ca)
{
	struct vault_key *key;
	err_t err = call_use(c, NAME_CA, USE_CERTIFY, &key);

	if (err == ERR_OK)
		*ca = authority_of(&c->ks->vault, key);
	return err;
}

static err_t certify(struct call *c, bool by_request)
{
	struct certificate_ask ask = { .kind = (enum certify_kind)wire_get_u8(&c->in) };
	struct certificate_ca ca;
	struct buf der = buf_make(CERTIFICATE_MAX);
	uint8_t serial[CERTIFICATE_SERIAL];
	struct bytes proof, request = BYTES_NONE;
	err_t err;

	ask.public_key = wire_get_fixed(&c->in, KEY_POINT);
	proof = wire_get_bytes(&c->in, PROOF_MAX);
	ask.subject = wire_get_bytes(&c->in, SUBJECT_MAX);
	ask.not_after = (int64_t)wire_get_u64(&c->in);
	if (by_request)
		request = wire_get_bytes(&c->in, REQUEST_MAX);
	TRY(wire_done(&c->in));
	c->subject = ask.subject;
	if (by_request && (request.n == 0 || ask.kind == CERTIFY_NODE_SELF))
		return ERR_SYNTAX;
	if (ask.kind < CERTIFY_AE || ask.kind > CERTIFY_NODE_SELF)
		return ERR_UNSUPPORTED;
	TRY(certificate_check_subject(bytes_str(c->ks->vault.sp), bytes_str(c->ks->vault.cse), &ask));
	TRY(check_key(c, &ask, request, proof));
	TRY(find_authority(c, &ca));
	TRY(ask.not_after > clock_now() && ask.not_after <= ca.not_after ? ERR_OK : ERR_RANGE);
	if (ask.kind != CERTIFY_NODE_SELF)
		TRY(administration_enrol(&c->ks->vault.admin, ask.subject, ask.not_after));
	TRY(certificate_of_entity(&ca, &ask, serial, &der));
	wire_put_bytes(&c->out, bytes_of_buf(&der));
	wire_put_fixed(&c->out, BYTES_OF(serial));
out:
	buf_free(&der);
	return err;
}

err_t run_certify(struct call *c)
{
	return certify(c, false);
}

err_t run_certify_request(struct call *c)
{
	return certify(c, true);
}

/* When the list is from, and its number, are this keeper's to say. */
err_t run_revoked_list(struct call *c)
{
	struct certificate_revoked list = { .this_update = clock_now(), .next_update = (int64_t)wire_get_u64(&c->in) };
	struct certificate_ca ca;
	struct buf der = buf_make(REVOKED_OCTETS);
	err_t err;

	list.n = wire_get_u16(&c->in);
	list.entries = wire_get_fixed(&c->in, list.n * (size_t)REVOKED_ENTRY);
	TRY(wire_done(&c->in));
	TRY(list.n > REVOKED_MAX || list.next_update <= list.this_update ? ERR_RANGE : ERR_OK);
	TRY(find_authority(c, &ca));
	TRY(certificate_revoked(&ca, &list, &der));
	wire_put_bytes(&c->out, bytes_of_buf(&der));
out:
	buf_free(&der);
	return err;
}

/* Of the node's own certificate only, by the key that it has now: what else is revoked
 * the list says. */
err_t run_certificate_good(struct call *c)
{
	struct certificate_good good = { .this_update = clock_now(), .next_update = (int64_t)wire_get_u64(&c->in) };
	struct vault_key *node;
	struct buf der = buf_make(CERTIFICATE_GOOD_MAX);
	struct certificate_ca ca;
	err_t err;

	good.certificate = wire_get_bytes(&c->in, CERTIFICATE_MAX);
	TRY(wire_done(&c->in));
	TRY(call_key(c, NAME_NODE, &node));
	good.public_key = bytes_make(node->key.public_key, node->key.public_n);
	TRY(find_authority(c, &ca));
	TRY(certificate_good(&ca, &good, &der));
	wire_put_bytes(&c->out, bytes_of_buf(&der));
out:
	buf_free(&der);
	return err;
}

/* --- pre-shared keys ------------------------------------------------------------ */

static err_t take_in(struct call *c, struct bytes raw, struct vault_key *out)
{
	*out = vault_key_new(place_provider(c->ks->place), raw.n == 16 ? KEY_SYMMETRIC_16 : KEY_SYMMETRIC_32,
	                     ORIGIN_IMPORTED, 0);
	out->key.place = c->ks->place;
	return out->provider->import(&out->key, raw);
}

err_t enrolment_open(struct call *c, struct bytes identity, struct bytes sealed,
                     struct vault_key *out)
{
	const struct sealed_key s = { identity, sealed };
	uint8_t raw[SEALED_PSK_MAX] = { 0 };
	struct vault_key *import, *by;
	size_t n = 0;
	err_t err;

	TRY(call_key(c, NAME_IMPORT, &import));
	TRY(import->purposes & USE_OPEN ? ERR_OK : ERR_REFUSED);
	err = sealed_key_open(import->provider, &import->key, &s, raw, &n);
	/* It may have been rotated while somebody sealed. */
	by = import;
	if (err == ERR_TAMPERED && call_version(c, import->version - 1, &by) == ERR_OK)
		err = sealed_key_open(by->provider, &by->key, &s, raw, &n);
	TRY(err);
	TRY(call_count(c, import));
	err = take_in(c, bytes_make(raw, n), out);
out:
	secret_wipe(raw, sizeof(raw));
	return err;
}

static err_t add_psk(struct call *c, struct bytes name, struct vault_key *key, int64_t not_after)
{
	struct vault_key *added;

	key->not_after = not_after;
	key->policy = TO(GATE) | TO(CORE);
	key->purposes = USE_HANDSHAKE | USE_DERIVE;
	return call_keep(c, name, key, &added);
}

/* "psk/" identity, appended, when a key may come under it until then. */
static err_t name_new(struct call *c, struct bytes identity, int64_t not_after, struct buf *name)
{
	err_t err;

	c->subject = identity;
	TRY(buf_add(name, BYTES("psk/")));
	TRY(buf_add(name, identity));
	if (identity.n == 0 || !name_is_key(identity))
		return ERR_SYNTAX;
	if (not_after <= clock_now())
		return ERR_RANGE;
	err = vault_find(&c->ks->vault, bytes_of_buf(name)) ? ERR_EXISTS : ERR_OK;
out:
	return err;
}

err_t run_import_psk(struct call *c)
{
	struct bytes identity = wire_get_bytes(&c->in, KEEPER_NAME_MAX - 4);
	struct bytes sealed = wire_get_bytes(&c->in, SEALED_PSK_MAX);
	int64_t not_after = (int64_t)wire_get_u64(&c->in);
	unsigned suid = c->in.rest.n ? wire_get_u8(&c->in) : 0;
	struct buf name = buf_make(KEEPER_NAME_MAX);
	struct vault_key key;
	struct bytes raw;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(name_new(c, identity, not_after, &name));
	/* A sealed one begins with a point. */
	if (bytes_starts(sealed, BYTES("exported/"))) {
		TRY(derive_exported(c, sealed, &raw));
		TRY(take_in(c, raw, &key));
	} else {
		TRY(enrolment_open(c, identity, sealed, &key));
	}
	key.suid = (uint8_t)suid;
	err = administration_enrol(&c->ks->vault.admin, identity, not_after);
	if (err != ERR_OK)
		key.provider->unload(&key.key);
	TRY(err);
	TRY(add_psk(c, bytes_of_buf(&name), &key, not_after));
	wire_put_bytes(&c->out, bytes_of_buf(&name));
out:
	buf_free(&name);
	return err;
}

/* Of a key that came from a MEF for this MAF: its KmID [TS-0003 8.8.2.3]. It ends with what it
 * was made of at the latest [10.7]. */
err_t run_assign_psk(struct call *c)
{
	struct bytes identity = wire_get_bytes(&c->in, KEEPER_NAME_MAX - 4);
	struct bytes assigned = wire_get_bytes(&c->in, KEEPER_NAME_MAX - 4);
	int64_t not_after = (int64_t)wire_get_u64(&c->in);
	struct buf old = buf_make(KEEPER_NAME_MAX), name = buf_make(KEEPER_NAME_MAX);
	struct vault_key *from, key;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(name_new(c, assigned, not_after, &name));
	TRY(buf_add(&old, BYTES("psk/")));
	TRY(buf_add(&old, identity));
	TRY(call_use(c, bytes_of_buf(&old), USE_HANDSHAKE, &from));
	TRY(from->suid == SUID_FOR_MAF && from->origin == ORIGIN_IMPORTED ? ERR_OK : ERR_REFUSED);
	TRY(not_after <= from->not_after ? ERR_OK : ERR_RANGE);
	TRY(from->provider == key_provider_first() ? ERR_OK : ERR_UNSUPPORTED);
	TRY(administration_enrol(&c->ks->vault.admin, assigned, not_after));
	key = vault_key_new(from->provider, from->key.class, ORIGIN_IMPORTED, not_after);
	key.suid = from->suid;
	key.assurance = from->assurance;
	TRY(key.provider->import(&key.key, secret_view(&from->key.blob)));
	TRY(add_psk(c, bytes_of_buf(&name), &key, not_after));
out:
	buf_free(&old);
	buf_free(&name);
	return err;
}

/* --- the end of a key -------------------------------------------------------------- */

/* Was it derived, in any number of steps, from the key of that name? */
static bool is_derived_of(const struct vault_key *key, struct bytes name)
{
	struct bytes own = bytes_str(key->name);

	return key->origin < ORIGIN_MADE && bytes_starts(own, name) && own.n > name.n &&
	       own.p[name.n] == '/';
}

static void forget(struct keeper_state *ks, struct vault_key *key)
{
	handles_drop_key(ks, key);
	if (key->key.blob.n && key->provider->destroy)
		key->provider->destroy(&key->key);
	vault_remove(&ks->vault, key);
}

void keeper_forget_derived(struct keeper_state *ks, struct bytes name)
{
	struct vault *v = &ks->vault;

	for (size_t i = v->keys_n; i > 0; i--) {
		/* The last takes the place of a removed one, and was looked at. */
		if (is_derived_of(v->keys[i - 1], name))
			forget(ks, v->keys[i - 1]);
	}
}

void keeper_forget_key(struct keeper_state *ks, struct vault_key *key)
{
	struct vault *v = &ks->vault;
	char text[KEEPER_NAME_MAX + 1];
	struct bytes name;

	must(bytes_put_str(text, sizeof(text), bytes_str(key->name)) == ERR_OK);
	name = bytes_str(text);
	forget(ks, key);
	keeper_forget_derived(ks, name);
	for (size_t i = v->keys_n; i > 0; i--) {
		if (key_is_version(v->keys[i - 1], name))
			forget(ks, v->keys[i - 1]);
	}
}

bool keeper_put_away(struct keeper_state *ks, struct vault_key *key, enum key_state state)
{
	char kept[KEEPER_NAME_MAX + 32];
	bool renamed = key->state == KEY_OLD;

	handles_drop_key(ks, key);
	(void)text_print(kept, sizeof(kept), "%s#%u", key->name, ++ks->vault.admin.numbers);
	if (!renamed)
		renamed = vault_rename(&ks->vault, key, bytes_str(kept)) == ERR_OK;
	key->state = state;
	ks->vault.dirty = ks->vault.owed = true;
	return renamed;
}

/* Out of use now, and erased after the delay, so that who misused the core to
 * destroy keys destroyed none [T2]. */
static void withdraw(struct keeper_state *ks, struct vault_key *key)
{
	const struct administration *a = &ks->vault.admin;

	key->erase_at = administration_now(a) + a->standing.delay * UINT64_C(1000);
	if (!keeper_put_away(ks, key, KEY_WITHDRAWN))
		vault_remove(&ks->vault, key); /* the longest names */
}

/* A right withdrawn stops now: handles and what was derived go with the key. If
 * the file cannot be written the key is out of use in this keeper all the same; the
 * asker is told that it may come back with a restart, and keeper_tick writes again until
 * the file says what memory does. */
err_t run_destroy(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct vault_key *key;
	bool derived;
	err_t err;

	TRY(wire_done(&c->in));
	c->subject = name;
	key = vault_find(&c->ks->vault, name);
	if (!key || key->state == KEY_WITHDRAWN)
		return ERR_MISSING;
	derived = key->origin < ORIGIN_MADE;
	/* What administrators had made, they destroy. */
	if (!derived && !bytes_starts(name, BYTES("psk/")))
		return ERR_REFUSED;
	keeper_forget_derived(c->ks, name);
	if (derived)
		keeper_forget_key(c->ks, vault_find(&c->ks->vault, name));
	else
		withdraw(c->ks, key);
	TRY(vault_save(&c->ks->vault));
out:
	return err;
}
