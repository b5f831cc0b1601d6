/* shown.c: never a secret. */
#include "keyrecord/shown.h"

#include "provider/place.h"

void keyrecord_policy(struct vault_key *k, const struct key_policy *p)
{
	k->policy = p->roles;
	k->purposes = p->purposes;
	k->suid = p->suid;
	k->assurance = p->assurance;
	k->uses_max = p->uses_max;
	k->not_after = p->not_after;
	k->owner = p->owner;
}

err_t keyrecord_check(struct vault_key *k, uint8_t out[4])
{
	uint8_t mac[32];
	err_t err;

	TRY(k->provider->mac(&k->key, BYTES("holdfast check value"), mac));
	bytes_copy(out, mac, 4);
out:
	secret_wipe(mac, sizeof(mac));
	return err;
}

err_t keyrecord_show(struct vault_key *k, bool more, struct wire_out *out)
{
	uint8_t check[4] = { 0 };
	err_t err = key_is_symmetric(k->key.class) ? keyrecord_check(k, check) : ERR_OK;

	TRY(err == ERR_ABSENT ? ERR_OK : err);
	wire_put_u8(out, more);
	wire_put_bytes(out, bytes_str(k->name));
	wire_put_u8(out, (uint8_t)k->key.class);
	wire_put_u32(out, k->version);
	wire_put_u8(out, (uint8_t)k->policy);
	wire_put_u64(out, k->uses);
	wire_put_u64(out, (uint64_t)k->not_after);
	wire_put_fixed(out, BYTES_OF(check));
	wire_put_bytes(out, bytes_make(k->key.public_key, k->key.public_n));
	wire_put_u32(out, k->purposes);
	wire_put_u8(out, k->suid);
	wire_put_u8(out, k->assurance);
	wire_put_u8(out, (uint8_t)k->state);
	wire_put_u32(out, k->minimum);
	wire_put_u64(out, k->uses_max);
	wire_put_u8(out, (uint8_t)k->provider->id);
	wire_put_u32(out, k->owner);
	wire_put_u8(out, (uint8_t)place_of(k->provider, &k->key));
	wire_put_u8(out, (uint8_t)place_key_level(k->provider, &k->key));
	err = out->err;
out:
	return err;
}
