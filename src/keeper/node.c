/* node.c: the node's own use of its keys: data keys, index keys, the anchor of
 * the audit chain; and what may be seen of the keys from outside. */
#include "base/clock.h"
#include "crypt/crypt.h"
#include "keeper/dispatch.h"
#include "keyrecord/shown.h"
#include "provider/datakey.h"

/* The root key of that version, 0: of today; the others are kept as root#N. */
static err_t find_root(struct call *c, uint32_t version, struct vault_key **root)
{
	err_t err = call_use(c, NAME_ROOT, USE_NODE, root);

	return err == ERR_OK && version ? call_version(c, version, root) : err;
}

static err_t seal_data_key(struct call *c, const uint8_t key[DATA_KEY], uint8_t sealed[DATA_KEY_SEALED])
{
	struct vault_key *root;
	err_t err;

	TRY(find_root(c, 0, &root));
	TRY(data_key_seal(root->provider, &root->key, root->version, key, sealed));
	root->uses++;
out:
	return err;
}

static err_t open_data_key(struct call *c, struct bytes sealed, uint8_t key[DATA_KEY])
{
	uint32_t version = data_key_version(sealed);
	struct vault_key *root;
	err_t err;

	TRY(version ? ERR_OK : ERR_TAMPERED);
	err = find_root(c, version, &root);
	TRY(err == ERR_MISSING ? ERR_TAMPERED : err);
	root->uses++;
	err = data_key_open(root->provider, &root->key, sealed, key);
out:
	return err;
}

err_t run_data_key_new(struct call *c)
{
	uint8_t key[DATA_KEY], sealed[DATA_KEY_SEALED];
	err_t err;

	TRY(wire_done(&c->in));
	crypt_random(key, sizeof(key));
	TRY(seal_data_key(c, key, sealed));
	wire_put_fixed(&c->out, BYTES_OF(key));
	wire_put_bytes(&c->out, BYTES_OF(sealed));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

err_t run_data_key_open(struct call *c)
{
	struct bytes sealed = wire_get_bytes(&c->in, SEALED_KEY_MAX);
	uint8_t key[DATA_KEY];
	err_t err;

	TRY(wire_done(&c->in));
	TRY(open_data_key(c, sealed, key));
	wire_put_fixed(&c->out, BYTES_OF(key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

/* From the root key of its time to that of today, and never seen. */
err_t run_data_key_rewrap(struct call *c)
{
	struct bytes sealed = wire_get_bytes(&c->in, SEALED_KEY_MAX);
	uint8_t key[DATA_KEY], fresh[DATA_KEY_SEALED];
	err_t err;

	TRY(wire_done(&c->in));
	TRY(open_data_key(c, sealed, key));
	TRY(seal_data_key(c, key, fresh));
	wire_put_bytes(&c->out, BYTES_OF(fresh));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

err_t run_index_key(struct call *c)
{
	struct bytes attribute = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct vault_key *root;
	uint8_t key[32];
	err_t err;

	TRY(wire_done(&c->in));
	if (attribute.n == 0)
		return ERR_SYNTAX;
	/* Of the first root key always: every place in the store is found by these. */
	TRY(find_root(c, 1, &root));
	TRY(root_mac(root->provider, &root->key, BYTES("holdfast index key"), attribute, key));
	root->uses++;
	wire_put_fixed(&c->out, BYTES_OF(key));
out:
	secret_wipe(key, sizeof(key));
	return err;
}

/* --- the anchor ------------------------------------------------------------- */

static err_t put_anchor(struct call *c)
{
	const struct counter *kept = &c->ks->vault.count;
	uint8_t message[COUNTER_ANCHOR];
	struct buf signature = buf_make(256);
	struct vault_key *audit;
	err_t err = ERR_OK;

	if (kept->at != 0) {
		TRY(call_use(c, NAME_AUDIT, USE_ANCHOR, &audit));
		counter_anchor(kept, message);
		TRY(audit->provider->sign(&audit->key, BYTES_OF(message), &signature));
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

err_t run_mac_check(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct vault_key *key;
	uint8_t check[4];
	err_t err;

	TRY(wire_done(&c->in));
	TRY(call_key(c, name, &key));
	TRY(keyrecord_check(key, check));
	wire_put_fixed(&c->out, BYTES_OF(check));
out:
	return err;
}

err_t run_key_list(struct call *c)
{
	uint32_t index = wire_get_u32(&c->in);
	const struct vault *v = &c->ks->vault;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(index < v->keys_n ? ERR_OK : ERR_MISSING);
	err = keyrecord_show(v->keys[index], index + 1 < v->keys_n, &c->out);
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
