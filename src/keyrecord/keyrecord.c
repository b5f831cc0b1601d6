/* keyrecord.c: the octets of a key record, and those of the form before. */
#include "keyrecord/keyrecord.h"

enum { FORMAT = 3, BEFORE = 2 };

err_t keyrecord_print(const struct vault_key *k, struct secret *page, size_t *n)
{
	struct buf b = { .p = page->p, .cap = page->n, .max = page->n };
	struct wire_out w = wire_out(&b);

	wire_put_u16(&w, FORMAT);
	wire_put_u8(&w, (uint8_t)k->provider->id);
	wire_put_u8(&w, (uint8_t)k->key.class);
	wire_put_u8(&w, (uint8_t)k->origin);
	wire_put_u8(&w, (uint8_t)k->policy);
	wire_put_u32(&w, k->purposes);
	wire_put_u8(&w, k->suid);
	wire_put_u8(&w, k->assurance);
	wire_put_u64(&w, k->uses_max);
	wire_put_u32(&w, k->owner);
	wire_put_u8(&w, (uint8_t)k->state);
	wire_put_u32(&w, k->minimum);
	wire_put_u64(&w, k->erase_at);
	wire_put_u32(&w, k->version);
	wire_put_u64(&w, k->uses);
	wire_put_u64(&w, (uint64_t)k->created);
	wire_put_u64(&w, (uint64_t)k->not_after);
	wire_put_bytes(&w, bytes_str(k->name));
	wire_put_bytes(&w, bytes_make(k->key.public_key, k->key.public_n));
	wire_put_bytes(&w, secret_view(&k->key.blob));
	*n = b.n;
	return w.err;
}

/* What a token is to hold it to. */
enum pair_use key_pair_use(enum key_class class, uint32_t purposes)
{
	if (key_is_symmetric(class))
		return purposes == 1u << SEAL_PROGRAM || purposes == 1u << WRAP_PROGRAM ? SECRET_SEAL : PAIR_ANY;
	return purposes & (USE_OPEN | 1u << AGREE_PROGRAM) ? PAIR_AGREE : PAIR_SIGN;
}

void keyrecord_succeed(struct vault_key *key, const struct vault_key *old)
{
	key->policy = old->policy;
	key->purposes = old->purposes;
	key->suid = old->suid;
	key->assurance = old->assurance;
	key->uses_max = old->uses_max;
	key->owner = old->owner;
	key->version = old->version + 1;
	key->minimum = old->minimum;
}

unsigned key_purpose(uint32_t purposes)
{
	unsigned n = 0;

	while (n < WRAP_PROGRAM && !(purposes & 1u << n))
		n++;
	return n;
}

bool key_is_version(const struct vault_key *k, struct bytes name)
{
	struct bytes own = bytes_str(k->name);

	return k->state == KEY_OLD && bytes_starts(own, name) && own.n > name.n && own.p[name.n] == '#';
}

/* What a record of form 2 left unsaid: uses went by where the key came from. */
static void policy_before(struct vault_key *k, struct bytes name)
{
	static const struct {
		const char *name;
		uint32_t use;
	} born[] = { { "root", USE_NODE }, { "ca", USE_CERTIFY }, { "audit", USE_ANCHOR },
		     { "import", USE_OPEN } };

	k->minimum = 1;
	k->owner = KEY_NO_OWNER;
	if (k->origin == ORIGIN_IMPORTED) {
		k->purposes = USE_HANDSHAKE | USE_DERIVE;
		k->policy = TO(GATE) | TO(CORE);
	} else if (k->origin < ORIGIN_MADE) {
		k->purposes = USE_DERIVE;
		k->policy = TO(CORE);
	}
	for (size_t i = 0; k->origin == ORIGIN_MADE && i < COUNT_OF(born); i++) {
		if (bytes_equal(name, bytes_str(born[i].name))) {
			k->purposes = born[i].use;
			k->policy = TO(CORE);
		}
	}
}

static void policy_fields(struct wire_in *in, struct vault_key *k)
{
	k->purposes = wire_get_u32(in);
	k->suid = wire_get_u8(in);
	k->assurance = wire_get_u8(in);
	k->uses_max = wire_get_u64(in);
	k->owner = wire_get_u32(in);
	k->state = (enum key_state)wire_get_u8(in);
	k->minimum = wire_get_u32(in);
	k->erase_at = wire_get_u64(in);
}

err_t keyrecord_get(struct wire_in *in, struct vault_key *k, struct bytes *name)
{
	struct bytes public_key, blob;
	unsigned form = wire_get_u16(in);
	err_t err;

	if (form != FORMAT && form != BEFORE)
		return ERR_UNSUPPORTED;
	k->provider = key_provider(wire_get_u8(in));
	if (!k->provider)
		return ERR_UNSUPPORTED;
	k->key.class = (enum key_class)wire_get_u8(in);
	k->origin = (enum key_origin)wire_get_u8(in);
	k->policy = wire_get_u8(in);
	if (form == FORMAT)
		policy_fields(in, k);
	else
		k->purposes = wire_get_u8(in);
	k->version = wire_get_u32(in);
	k->uses = wire_get_u64(in);
	k->created = (int64_t)wire_get_u64(in);
	k->not_after = (int64_t)wire_get_u64(in);
	*name = wire_get_bytes(in, KEEPER_NAME_MAX);
	public_key = wire_get_bytes(in, KEY_POINT);
	blob = wire_get_bytes(in, KEY_BLOB_MAX);
	TRY(wire_done(in));
	if (blob.n == 0)
		return ERR_SYNTAX;
	if (form == BEFORE)
		policy_before(k, *name);
	bytes_copy(k->key.public_key, public_key.p, public_key.n);
	k->key.public_n = public_key.n;
	TRY(secret_copy(blob, &k->key.blob));
out:
	return err;
}
