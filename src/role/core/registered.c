/* registered.c: keys that are registered with the MAF or the MEF of this node: made of what
 * a connection exports, or brought; kept by the keeper, given to their targets, destroyed
 * with their registration [TS-0003 8.3.5, 8.8, 10.3].
 *
 *   48 octets of the connection --EXPORTER--> RelativeKeyID, Kc (MAF) or Ke (MEF)
 *     Ke --KM, KPSA, USAGE--> what the MEF registers
 *
 * The keeper is no part of the transaction: what was touched in it is looked at again when
 * it is over, and the key of a registration that is not there, or no more, is destroyed. */
#include "base/log.h"
#include "base/secret.h"
#include "crypt/crypt.h"
#include "resource/trust.h"
#include "role/service/key_source.h"
#include "role/core/core.h"

#include <openssl/evp.h>

enum { ID = 16, KEY = 32, OCTETS = ID + KEY, DECODED = 33, TOUCHED_MAX = 1 << 20, SUID_KM = 21, SUID_KPSA = 22, ASSIGNED_OFTEN = 8 };

static err_t refuse(struct key_made *made, const char *why)
{
	made->why = why;
	return ERR_REFUSED;
}

/* --- octets ------------------------------------------------------------------------------- */

static err_t given_octets(const struct key_wish *wish, uint8_t octets[OCTETS], struct key_made *made)
{
	uint8_t decoded[DECODED];
	err_t err = ERR_OK;

	/* 32 octets are 44 letters, the last of them one "=". */
	if (wish->value.n != KEY_VALUE_TEXT || wish->value.p[KEY_VALUE_TEXT - 1] != '=' ||
	    wish->value.p[KEY_VALUE_TEXT - 2] == '=' ||
	    EVP_DecodeBlock(decoded, wish->value.p, KEY_VALUE_TEXT) != DECODED)
		return refuse(made, "a key has 32 octets");
	crypt_random(octets, ID);
	bytes_copy(octets + ID, decoded, KEY);
	secret_wipe(decoded, sizeof(decoded));
	return err;
}

static err_t octets_of(struct core *c, const struct key_wish *wish, uint8_t octets[OCTETS],
                       struct key_made *made)
{
	if (wish->value.n)
		return given_octets(wish, octets, made);
	if (c->exported.n != 2 * ARRIVAL_EXPORTED)
		return refuse(made, "this connection exports no key");
	/* The label of the function decides [G12]. */
	bytes_copy(octets, c->exported.p + (wish->mef ? 0 : ARRIVAL_EXPORTED), OCTETS);
	return ERR_OK;
}

/* xs:hexBinary; of its two forms the one that identities of keys are kept in. */
static void put_relative(struct bytes id, char text[KEY_ID_TEXT + 1])
{
	bytes_to_hex(id, text, KEY_ID_TEXT + 1);
	for (size_t i = 0; i < KEY_ID_TEXT; i++) {
		if (text[i] >= 'a')
			text[i] = (char)(text[i] - 'a' + 'A');
	}
}

/* --- made ----------------------------------------------------------------------------------- */

/* What a MEF gives out is derived from Ke for its usage and target [TS-0003 10.3.2-7]. */
static err_t derive(struct core *c, const struct key_wish *wish, struct buf *name, struct key_made *made)
{
	struct keeper_derive ask = { .derivation = DERIVE_USAGE, .second = wish->target };
	struct buf key = buf_make(KEEPER_NAME_MAX), id = buf_make(ID);
	char suid[3] = { (char)('0' + wish->suid / 10), (char)('0' + wish->suid % 10), '\0' };
	err_t err;

	if (wish->targets != 1)
		return refuse(made, "a key is derived for one target; bring one for several");
	TRY(buf_add(&key, bytes_of_buf(name)));
	ask.input = bytes_of_buf(&key);
	ask.first = bytes_str(suid);
	if (wish->suid == SUID_KM || wish->suid == SUID_KPSA)
		ask = (struct keeper_derive){ wish->suid == SUID_KM ? DERIVE_KM : DERIVE_KPSA, ask.input,
			                      wish->target, BYTES_NONE };
	buf_clear(name);
	TRY(keeper_derive(&c->keeper, &ask, name, &id));
out:
	buf_free(&key);
	buf_free(&id);
	return err;
}

err_t registered_touch(struct core *c, struct bytes name, struct bytes id)
{
	struct wire_out out = wire_out(&c->touched);
	size_t n = c->touched.n;

	wire_put_bytes(&out, id);
	wire_put_bytes(&out, name);
	if (out.err != ERR_OK)
		c->touched.n = n;
	return out.err;
}

static err_t make(void *self, const struct key_wish *wish, struct key_made *made)
{
	struct core *c = self;
	struct buf name = buf_make(KEEPER_NAME_MAX), id = buf_make(ID);
	struct keeper_derive ask = { .derivation = DERIVE_EXPORTER };
	uint8_t octets[OCTETS];
	err_t err;

	TRY(octets_of(c, wish, octets, made));
	ask.first = BYTES_OF(octets);
	TRY(keeper_derive(&c->keeper, &ask, &name, &id));
	TRY(id.n == ID ? ERR_OK : ERR_BAD_STATE);
	put_relative(bytes_of_buf(&id), made->id);
	TRY(registered_touch(c, bytes_of_buf(&name), bytes_str(made->id)));
	if (wish->mef && !wish->value.n)
		TRY(derive(c, wish, &name, made));
	TRY(bytes_put_str(made->name, sizeof(made->name), bytes_of_buf(&name)));
out:
	secret_wipe(octets, sizeof(octets));
	buf_free(&name);
	buf_free(&id);
	return err;
}

/* --- given ---------------------------------------------------------------------------------- */

static err_t release(void *self, struct bytes name, char value[KEY_VALUE_TEXT + 1])
{
	struct core *c = self;
	uint8_t key[KEY];
	err_t err;

	TRY(keeper_release(&c->keeper, name, key));
	must(EVP_EncodeBlock((uint8_t *)value, key, KEY) == KEY_VALUE_TEXT);
out:
	secret_wipe(key, sizeof(key));
	return err;
}

/* --- destroyed -------------------------------------------------------------------------------- */

/* Where this node itself took the key for handshakes, that ends now, too. */
static err_t end_handshakes(struct core *c, struct bytes id)
{
	struct bytes list = bytes_str(options_text(&c->worker->options, OPT_trust_keys));
	char credential[FACT_ID_MAX], key[KEEPER_NAME_MAX + 1];
	struct key_source s;
	bool found;
	err_t err = ERR_OK;

	while (key_source_next(&list, &s)) {
		if (s.url.n || !text_print(credential, sizeof(credential), "12-%.*s@%.*s", BYTES_FMT(id), BYTES_FMT(s.fqdn)))
			continue;
		TRY(registry_revoke(c->room.registry, bytes_str(credential), &found));
		if (!found)
			continue;
		TRY(text_print(key, sizeof(key), "psk/%s", credential + 3) ? ERR_OK : ERR_LIMIT);
		TRY(registered_touch(c, bytes_str(key), id));
	}
out:
	return err;
}

static err_t gone(void *self, struct bytes name, struct bytes id)
{
	struct bytes rest = name;
	err_t err;

	TRY(end_handshakes(self, id));
	/* What it was derived from goes, and takes it along. */
	(void)bytes_cut(&rest, '/');
	(void)bytes_cut(&rest, '/');
	(void)bytes_cut(&rest, '/');
	err = registered_touch(self, rest.n ? bytes_sub(name, 0, name.n - rest.n - 1) : name, id);
out:
	return err;
}

/* Has it a registration, or (a key for handshakes) a credential that is good? */
static err_t is_wanted(struct core *c, struct bytes name, struct bytes id, bool *yes)
{
	struct bytes psk = BYTES("psk/");
	const struct credential *credential;
	char text[FACT_ID_MAX];
	uint64_t row;
	err_t err;

	if (!bytes_starts(name, psk)) {
		TRY(store_find_ident(c->store, id, &row));
		*yes = row != 0;
	} else {
		TRY(text_print(text, sizeof(text), "12-%.*s", BYTES_FMT(bytes_sub(name, psk.n, name.n))) ? ERR_OK : ERR_LIMIT);
		TRY(registry_find(c->room.registry, bytes_str(text), &credential));
		*yes = credential && !credential->revoked;
	}
out:
	return err;
}

/* ERR_LIMIT: too many for now. */
static err_t look(struct core *c, struct bytes name, struct bytes id)
{
	bool wanted;
	err_t err;

	TRY(is_wanted(c, name, id, &wanted));
	if (wanted)
		return ERR_OK;
	err = keeper_destroy(&c->keeper, name);
	if (err == ERR_MISSING)
		err = ERR_OK;
out:
	return err;
}

/* --- KmID [TS-0003 8.8.2.3] --------------------------------------------------------------------- */

/* RelativeKmID@MAF-FQDN [TS-0003 10.3.4]. */
static err_t put_identifier(struct core *c, char identity[KEY_ASSIGNED_TEXT + 1])
{
	const struct cse_identity *cse = resources_cse(c->room.resources);
	char relative[KEY_ID_TEXT + 1];
	uint8_t octets[ID];

	crypt_random(octets, sizeof(octets));
	put_relative(BYTES_OF(octets), relative);
	return text_print(identity, KEY_ASSIGNED_TEXT + 1, "%s@%.*s.%.*s", relative,
	                  BYTES_FMT(bytes_sub(cse->cse_id, 1, cse->cse_id.n)),
	                  BYTES_FMT(bytes_sub(cse->sp_id, 2, cse->sp_id.n))) ? ERR_OK : ERR_LIMIT;
}

struct counted {
	struct bytes entity, domain;
	int64_t since;
	unsigned n;
};

static err_t count_assigned(void *self, const struct credential *credential)
{
	struct counted *k = self;
	struct bytes domain = bytes_str(credential->psk_identity);

	(void)bytes_cut(&domain, '@');
	if (credential->suid == SUID_KM && credential->enrolled >= k->since && bytes_equal(domain, k->domain) &&
	    bytes_equal(bytes_str(credential->entity), k->entity))
		k->n++;
	return ERR_OK;
}

/* Each is a key in the keeper's file, for a while also when it is over: a client gets so many in
 * the time for which one is good at most. */
static err_t check_often(struct core *c, const struct credential *from, const char *identity)
{
	struct counted k = { .entity = bytes_str(from->entity), .domain = bytes_str(identity),
		             .since = c->now - 1000 * (int64_t)options_number(&c->worker->options, OPT_trust_fresh) };
	err_t err;

	(void)bytes_cut(&k.domain, '@');
	TRY(registry_credentials(c->room.registry, count_assigned, &k));
	err = k.n < ASSIGNED_OFTEN ? ERR_OK : ERR_UNSUPPORTED;
out:
	return err;
}

/* The same credential under another identity, as long as it is good itself. */
static err_t assign(void *self, struct bytes id, int64_t until, char identity[KEY_ASSIGNED_TEXT + 1])
{
	struct core *c = self;
	const struct credential *from;
	char key[KEEPER_NAME_MAX + 1];
	struct credential new;
	err_t err;

	TRY(registry_find(c->room.registry, id, &from));
	if (!from || from->suid != SUID_KM || !bytes_starts(bytes_str(from->by), BYTES(REGISTRY_BY_TRUST)))
		return ERR_UNSUPPORTED;
	new = *from;
	TRY(put_identifier(c, identity));
	TRY(check_often(c, &new, identity));
	TRY(bytes_put_str(new.psk_identity, sizeof(new.psk_identity), bytes_str(identity)));
	TRY(text_print(new.id, sizeof(new.id), "12-%s", identity) ? ERR_OK : ERR_LIMIT);
	TRY(text_print(key, sizeof(key), "psk/%s", identity) ? ERR_OK : ERR_LIMIT);
	new.not_after = until && until < from->not_after ? until : from->not_after;
	new.enrolled = c->now;
	TRY(registered_touch(c, bytes_str(key), bytes_str(identity)));
	err = keeper_assign_psk(&c->keeper, bytes_str(from->psk_identity), bytes_str(identity), new.not_after);
	/* A token that gives nothing away, a standing policy: it goes on by the one that it has. */
	if (err == ERR_REFUSED || err == ERR_UNSUPPORTED || err == ERR_LIMIT)
		err = ERR_UNSUPPORTED;
	TRY(err);
	err = registry_enrol(c->room.registry, &new);
out:
	return err;
}

static err_t unassign(void *self, struct bytes identity)
{
	struct core *c = self;
	char id[FACT_ID_MAX], key[KEEPER_NAME_MAX + 1];
	bool found;
	err_t err;

	TRY(text_print(id, sizeof(id), "12-%.*s", BYTES_FMT(identity)) ? ERR_OK : ERR_LIMIT);
	TRY(text_print(key, sizeof(key), "psk/%.*s", BYTES_FMT(identity)) ? ERR_OK : ERR_LIMIT);
	TRY(registry_revoke(c->room.registry, bytes_str(id), &found));
	if (found)
		TRY(registered_touch(c, bytes_str(key), identity));
out:
	return err;
}

void registered_settle(struct core *c)
{
	struct wire_in in = wire_in(bytes_of_buf(&c->touched));
	struct buf left = buf_make(TOUCHED_MAX);
	struct wire_out out = wire_out(&left);
	err_t err = ERR_OK;

	while (in.err == ERR_OK && in.rest.n) {
		struct bytes id = wire_get_bytes(&in, KEEPER_NAME_MAX);
		struct bytes name = wire_get_bytes(&in, KEEPER_NAME_MAX);

		if (err == ERR_OK)
			err = look(c, name, id);
		if (err != ERR_OK) {
			wire_put_bytes(&out, id);
			wire_put_bytes(&out, name);
		}
	}
	if (err != ERR_OK && err != ERR_LIMIT)
		log_event(LOG_WARN, "key of a registration that is gone not destroyed yet", "why=%s", err_text(err));
	buf_free(&c->touched);
	c->touched = left;
}

void registered_when_due(struct core *c)
{
	if (c->touched.n && !c->inside && c->keeper_up)
		registered_settle(c);
}

void registered_open(struct core *c)
{
	struct resource_keys keys = {
		.make = make, .release = release, .gone = gone, .assign = assign, .unassign = unassign, .self = c,
		.lifetime = 1000 * (int64_t)options_number(&c->worker->options, OPT_trust_key_time),
	};

	if (!c->touched.max)
		c->touched = buf_make(TOUCHED_MAX);
	resources_keys(c->room.resources, &keys);
}
