/* derive.c: the derivations of TS-0003 10.3, input key to output key.
 *
 * Both stay in the vault: what comes out is the name of the new key, made of
 * the input's name, the derivation and a digest of the parameters, so that the
 * same question has the same answer and no two questions share one. */
#include "keeper/dispatch.h"

enum { DIGEST = 16 };

static err_t name_new(struct call *c, const struct derivation_ask *a, struct buf *name)
{
	bool exported = a->derivation == DERIVE_EXPORTER;
	uint8_t digest[32];
	err_t err;

	derivation_digest(a, digest);
	/* Of exported octets, half of them a key, only a keyed digest may be seen. */
	if (exported)
		vault_subkey(&c->ks->vault, BYTES("holdfast exported"), BYTES_OF(digest), digest);
	TRY(buf_add(name, exported ? BYTES("exported") : a->input));
	TRY(buf_add_byte(name, '/'));
	TRY(buf_add_u64(name, a->derivation));
	TRY(buf_add_byte(name, '/'));
	TRY(buf_add_hex(name, bytes_make(digest, DIGEST)));
out:
	return err;
}

/* What a derived key has of the one it came from. */
struct derived {
	int64_t not_after;
	uint8_t suid, assurance;
};

static err_t keep_derived(struct call *c, const struct derivation_ask *a, struct bytes name,
                          struct bytes raw, const struct derived *from)
{
	struct vault_key *added, key = vault_key_new(place_provider(c->ks->place), KEY_SYMMETRIC_32,
		(enum key_origin)a->derivation, from->not_after);
	err_t err;

	key.policy = TO(CORE);
	key.purposes = USE_DERIVE;
	key.suid = from->suid;
	key.assurance = from->assurance;
	key.key.place = c->ks->place;
	TRY(key.provider->import(&key.key, raw));
	TRY(call_keep(c, name, &key, &added));
out:
	return err;
}

static err_t derive_new(struct call *c, const struct derivation_ask *a, struct bytes name)
{
	struct derived made = { 0 };
	struct vault_key *key;
	uint8_t raw[DERIVATION_KEY];
	err_t err;

	if (a->derivation == DERIVE_EXPORTER) {
		bytes_copy(raw, a->first.p + EXPORTED_ID, DERIVATION_KEY);
	} else {
		TRY(call_use(c, a->input, USE_DERIVE, &key));
		if (!derivation_from(a->derivation, key->origin, key->suid))
			return ERR_REFUSED;
		/* It ends with what it came from [TS-0003 10.7]. */
		made = (struct derived){ key->not_after, derivation_suid(a, key->suid), key->assurance };
		TRY(derivation_compute(a, key->provider, &key->key, raw));
		TRY(call_count(c, key));
	}
	TRY(keep_derived(c, a, name, bytes_make(raw, DERIVATION_KEY), &made));
out:
	secret_wipe(raw, sizeof(raw));
	return err;
}

err_t run_derive(struct call *c)
{
	struct derivation_ask a = { .derivation = wire_get_u8(&c->in) };
	struct buf name = buf_make(KEEPER_NAME_MAX);
	struct vault_key *known;
	err_t err;

	a.input = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	a.first = wire_get_bytes(&c->in, DERIVATION_TEXT_MAX);
	a.second = wire_get_bytes(&c->in, DERIVATION_TEXT_MAX);
	TRY(wire_done(&c->in));
	TRY(derivation_check(&a));
	TRY(name_new(c, &a, &name));
	known = vault_find(&c->ks->vault, bytes_of_buf(&name));
	if (!known)
		TRY(derive_new(c, &a, bytes_of_buf(&name)));
	else if ((unsigned)known->origin != a.derivation)
		err = ERR_EXISTS; /* imported under this very name */
	TRY(err);
	wire_put_bytes(&c->out, bytes_of_buf(&name));
	wire_put_bytes(&c->out, bytes_sub(a.first, 0,
	                                  a.derivation == DERIVE_EXPORTER ? EXPORTED_ID : 0));
out:
	buf_free(&name);
	return err;
}

err_t derive_exported(struct call *c, struct bytes name, struct bytes *raw)
{
	struct vault_key *key;
	err_t err;

	TRY(bytes_starts(name, BYTES("exported/")) ? ERR_OK : ERR_REFUSED);
	TRY(call_use(c, name, USE_DERIVE, &key));
	TRY(key->provider == key_provider_first() && key->origin < ORIGIN_MADE ? ERR_OK : ERR_UNSUPPORTED);
	*raw = secret_view(&key->key.blob);
	err = call_count(c, key);
out:
	return err;
}

/* MAF and MEF give keys to others [TS-0003 8.3.5, 8.8]. */
err_t run_release(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX), raw;
	err_t err;

	TRY(wire_done(&c->in));
	c->subject = name;
	TRY(derive_exported(c, name, &raw));
	wire_put_fixed(&c->out, raw);
out:
	return err;
}
