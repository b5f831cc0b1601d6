/* node.c: the node's own use of its keys: data keys, index keys, the anchor of
 * the audit chain; and what may be seen of the keys from outside. */
#include "base/clock.h"
#include "crypt/crypt.h"
#include "keeper/dispatch.h"
#include "provider/place.h"

enum { SEALED_VERSION = 1, SEALED_SALT = 32, DATA_KEY = 32,
       SEALED_SIZE = 1 + SEALED_SALT + DATA_KEY + CRYPT_AEAD_TAG, LABEL_MAX = 256 };

/* HMAC(root key, label 0 more): the label keeps the uses apart. */
static err_t root_mac(struct call *c, struct bytes label, struct bytes more, uint8_t out[32])
{
	uint8_t message[LABEL_MAX];
	struct vault_key *root;
	err_t err;

	must(label.n + 1 + more.n <= sizeof(message));
	TRY(call_use(c, NAME_ROOT, USE_NODE, &root));
	bytes_copy(message, label.p, label.n);
	message[label.n] = 0;
	bytes_copy(message + label.n + 1, more.p, more.n);
	TRY(root->provider->mac(&root->key, bytes_make(message, label.n + 1 + more.n), out));
	root->uses++;
out:
	return err;
}

/* The key that seals data keys of this salt: each seals one. */
static err_t sealing(struct call *c, struct bytes salt, struct crypt_aead *out)
{
	uint8_t key[32];
	err_t err;

	TRY(root_mac(c, BYTES("holdfast data key"), salt, key));
	TRY(crypt_aead_init(out, key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

static const uint8_t zero_nonce[CRYPT_AEAD_NONCE];

/* version (1) | salt (32) | sealed key (32 + 16); version and salt are
 * associated data. */
err_t run_data_key_new(struct call *c)
{
	uint8_t key[DATA_KEY], sealed[SEALED_SIZE];
	struct bytes head = { sealed, 1 + SEALED_SALT };
	struct crypt_aead aead = { 0 };
	err_t err;

	TRY(wire_done(&c->in));
	crypt_random(key, sizeof(key));
	sealed[0] = SEALED_VERSION;
	crypt_random(sealed + 1, SEALED_SALT);
	TRY(sealing(c, bytes_make(sealed + 1, SEALED_SALT), &aead));
	TRY(crypt_aead_seal(&aead, zero_nonce, head, BYTES_OF(key), sealed + head.n));
	wire_put_fixed(&c->out, BYTES_OF(key));
	wire_put_bytes(&c->out, BYTES_OF(sealed));
out:
	crypt_aead_free(&aead);
	secret_wipe(key, sizeof(key));
	return err;
}

err_t run_data_key_open(struct call *c)
{
	struct bytes sealed = wire_get_bytes(&c->in, SEALED_KEY_MAX), head;
	struct crypt_aead aead = { 0 };
	uint8_t key[DATA_KEY];
	err_t err;

	TRY(wire_done(&c->in));
	if (sealed.n != SEALED_SIZE || sealed.p[0] != SEALED_VERSION)
		return ERR_TAMPERED;
	head = bytes_sub(sealed, 0, 1 + SEALED_SALT);
	TRY(sealing(c, bytes_sub(head, 1, SEALED_SALT), &aead));
	TRY(crypt_aead_open(&aead, zero_nonce, head, bytes_sub(sealed, head.n, sealed.n), key));
	wire_put_fixed(&c->out, BYTES_OF(key));
out:
	crypt_aead_free(&aead);
	secret_wipe(key, sizeof(key));
	return err;
}

err_t run_index_key(struct call *c)
{
	struct bytes attribute = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	uint8_t key[32];
	err_t err;

	TRY(wire_done(&c->in));
	if (attribute.n == 0)
		return ERR_SYNTAX;
	TRY(root_mac(c, BYTES("holdfast index key"), attribute, key));
	wire_put_fixed(&c->out, BYTES_OF(key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

/* --- the anchor ------------------------------------------------------------- */

static err_t put_anchor(struct call *c)
{
	const struct counter *kept = &c->ks->vault.count;
	struct bytes label = BYTES("holdfast audit anchor");
	uint8_t message[80];
	struct buf signature = buf_make(256);
	size_t n = label.n + 1;
	struct vault_key *audit;
	err_t err = ERR_OK;

	if (kept->at != 0) {
		must(n + 48 <= sizeof(message));
		TRY(call_use(c, NAME_AUDIT, USE_ANCHOR, &audit));
		bytes_copy(message, label.p, label.n);
		message[label.n] = 0;
		put_be64(message + n, kept->sequence);
		bytes_copy(message + n + 8, kept->hash, sizeof(kept->hash));
		put_be64(message + n + 40, (uint64_t)kept->at);
		TRY(audit->provider->sign(&audit->key, bytes_make(message, n + 48), &signature));
		audit->uses++;
	}
	wire_put_u64(&c->out, kept->sequence);
	wire_put_fixed(&c->out, BYTES_OF(kept->hash));
	wire_put_u64(&c->out, (uint64_t)kept->at);
	wire_put_bytes(&c->out, bytes_of_buf(&signature));
out:
	buf_free(&signature);
	return err;
}

err_t run_anchor(struct call *c)
{
	uint64_t sequence = wire_get_u64(&c->in);
	struct bytes hash = wire_get_fixed(&c->in, 32);
	err_t err;

	TRY(wire_done(&c->in));
	TRY(vault_anchor(&c->ks->vault, sequence, hash));
	TRY(put_anchor(c));
out:
	return err;
}

err_t run_anchor_read(struct call *c)
{
	err_t err;

	TRY(wire_done(&c->in));
	TRY(put_anchor(c));
out:
	return err;
}

/* --- what may be seen --------------------------------------------------------- */

err_t run_status(struct call *c)
{
	const struct vault *v = &c->ks->vault;
	err_t err;

	TRY(wire_done(&c->in));
	wire_put_u8(&c->out, !v->open);
	wire_put_u8(&c->out, (uint8_t)place_level(c->ks->place));
	wire_put_u64(&c->out, v->generation);
	wire_put_u32(&c->out, (uint32_t)v->keys_n);
	wire_put_u32(&c->out, (uint32_t)handles_count(c->ks));
	wire_put_bytes(&c->out, place_name(c->ks->place));
	wire_put_u8(&c->out, (uint8_t)keeper_warnings(c->ks));
	wire_put_bytes(&c->out, bytes_str(v->open ? "" : v->why));
out:
	return err;
}

static bool is_symmetric(const struct vault_key *key)
{
	return key->key.class == KEY_SYMMETRIC_16 || key->key.class == KEY_SYMMETRIC_32;
}

/* Leftmost 4 octets of HMAC(key, "holdfast check value"). */
static err_t check_value(struct vault_key *key, uint8_t out[4])
{
	uint8_t mac[32];
	err_t err;

	TRY(key->provider->mac(&key->key, BYTES("holdfast check value"), mac));
	bytes_copy(out, mac, 4);
out:
	secret_wipe(mac, sizeof(mac));
	return err;
}

err_t run_mac_check(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct vault_key *key;
	uint8_t check[4];
	err_t err;

	TRY(wire_done(&c->in));
	TRY(call_key(c, name, &key));
	TRY(check_value(key, check));
	wire_put_fixed(&c->out, BYTES_OF(check));
out:
	return err;
}

err_t run_key_list(struct call *c)
{
	uint32_t index = wire_get_u32(&c->in);
	const struct vault *v = &c->ks->vault;
	uint8_t check[4] = { 0 };
	struct vault_key *key;
	err_t err;

	TRY(wire_done(&c->in));
	if (index >= v->keys_n)
		return ERR_MISSING;
	key = v->keys[index];
	err = is_symmetric(key) ? check_value(key, check) : ERR_OK;
	/* A key whose token is away is listed all the same. */
	TRY(err == ERR_ABSENT ? ERR_OK : err);
	wire_put_u8(&c->out, index + 1 < v->keys_n);
	wire_put_bytes(&c->out, bytes_str(key->name));
	wire_put_u8(&c->out, (uint8_t)key->key.class);
	wire_put_u32(&c->out, key->version);
	wire_put_u8(&c->out, (uint8_t)key->policy);
	wire_put_u64(&c->out, key->uses);
	wire_put_u64(&c->out, (uint64_t)key->not_after);
	wire_put_fixed(&c->out, BYTES_OF(check));
	wire_put_bytes(&c->out, bytes_make(key->key.public_key, key->key.public_n));
	wire_put_u32(&c->out, key->purposes);
	wire_put_u8(&c->out, key->suid);
	wire_put_u8(&c->out, key->assurance);
	wire_put_u8(&c->out, (uint8_t)key->state);
	wire_put_u32(&c->out, key->minimum);
	wire_put_u64(&c->out, key->uses_max);
	wire_put_u8(&c->out, (uint8_t)key->provider->id);
	wire_put_u32(&c->out, key->owner);
	wire_put_u8(&c->out, (uint8_t)place_of(key->provider, &key->key));
out:
	return err;
}

err_t run_provider_list(struct call *c)
{
	unsigned index = wire_get_u32(&c->in);
	err_t err;

	TRY(wire_done(&c->in));
	err = place_row(index, &c->out);
out:
	return err;
}
