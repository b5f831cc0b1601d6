/* handshakes.c: what gate and courier need of a long-term key, and no more.
 *
 *   PSK --+ transcript hash, the client's binder --> proved, or refused
 *         |
 *         +-- (EC)DHE secret --> handshake secret (out); only of a handle that is proved
 *
 * The steps between (early secret, binder key, finished key) are walked inside. The
 * binder is compared here, and never comes out: a gate shows what a client sent, and
 * each is taken once, so that it can begin no handshake that no client began. A handle
 * that gave a handshake its secret is spent.
 *
 * Only what is bound to one handshake comes out [RFC 8446 7.1, 4.2.11.2]. A use
 * that authenticates is told to the core first: who asks for it cannot hide it. */
#include "crypt/crypt.h"
#include "keeper/dispatch.h"
#include "wire/purpose.h"

enum { HASH = 32, ECDHE_MIN = 32, ECDHE_MAX = 256 };

/* Tell the core which credential takes part in the handshake of this tag, and what
 * was signed in it: so that the core can hold it against what the client signed. */
static err_t tell_used(struct call *c, const uint8_t tag[KEEPER_TAG], unsigned kind,
                       struct vault_key *key, struct bytes input)
{
	uint8_t digest[HASH];
	struct bytes name = bytes_str(key->name);
	struct buf body = buf_make(256);
	struct wire_out w = wire_out(&body);
	err_t err;

	if (kind != CREDENTIAL_USED_NODE_KEY)
		name = bytes_sub(name, BYTES("psk/").n, name.n);
	wire_put_u8(&w, (uint8_t)c->who->role);
	wire_put_u8(&w, (uint8_t)c->who->number);
	wire_put_fixed(&w, bytes_make(tag, KEEPER_TAG));
	wire_put_u8(&w, (uint8_t)kind);
	wire_put_bytes(&w, name);
	crypt_sha256(input, digest);
	wire_put_fixed(&w, BYTES_OF(digest));
	TRY(w.err);
	/* A core that does not know of it could not judge the association. */
	TRY(c->ks->notify ? c->ks->notify(c->ks->notify_self, MSG_CREDENTIAL_USED,
	                                  bytes_of_buf(&body)) : ERR_CLOSED);
	err = call_count(c, key);
out:
	buf_free(&body);
	return err;
}

err_t run_open_key(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	unsigned assurance = c->in.rest.n ? wire_get_u8(&c->in) : 0;
	struct vault_key *key;
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(call_use(c, name, USE_SIGN, &key));
	if (assurance < key->assurance)
		return ERR_REFUSED;
	TRY(handle_new(c->who, HANDLE_KEY, key, NULL, &h));
	wire_put_u32(&c->out, h->number);
	wire_put_u8(&c->out, (uint8_t)key->key.class);
	wire_put_bytes(&c->out, bytes_make(key->key.public_key, key->key.public_n));
out:
	return err;
}

err_t run_close_handle(struct call *c)
{
	uint32_t number = wire_get_u32(&c->in);
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(handle_find(c->who, number, UINT32_MAX, &h));
	handle_close(c->who, h);
out:
	return err;
}

/* --- signatures ---------------------------------------------------------------- */

err_t run_sign(struct call *c)
{
	uint32_t number = wire_get_u32(&c->in);
	unsigned purpose = wire_get_u8(&c->in);
	struct bytes tag = wire_get_fixed(&c->in, KEEPER_TAG);
	struct bytes input = wire_get_bytes(&c->in, KEEPER_INPUT_MAX);
	struct buf signature = buf_make(256);
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(handle_find(c->who, number, 1u << HANDLE_KEY, &h));
	err = ERR_REFUSED;
	if (!purpose_fits(purpose, c->who->role, input) || !(h->key->purposes & 1u << purpose) ||
	    h->key->state != KEY_ACTIVE)
		goto out;
	TRY(h->key->provider->sign(&h->key->key, input, &signature));
	/* A statement authenticates nobody in a handshake. */
	TRY(purpose == SIGN_STATEMENT ? call_count(c, h->key)
	                              : tell_used(c, tag.p, CREDENTIAL_USED_NODE_KEY, h->key, input));
	wire_put_bytes(&c->out, bytes_of_buf(&signature));
out:
	buf_free(&signature);
	return err;
}

/* --- pre-shared keys --------------------------------------------------------- */

static err_t find_psk(struct call *c, struct bytes identity, struct vault_key **out)
{
	struct bytes prefix = BYTES("psk/");
	uint8_t name[KEEPER_NAME_MAX + 4];

	bytes_copy(name, prefix.p, prefix.n);
	bytes_copy(name + prefix.n, identity.p, identity.n);
	/* What was derived from a pre-shared key is not one itself; nor is a key for
	 * another security usage than associations [TS-0003 10.7]. */
	return call_use(c, bytes_make(name, prefix.n + identity.n), USE_HANDSHAKE, out) == ERR_OK &&
	       (*out)->suid % 10 <= 2 ? ERR_OK : ERR_MISSING;
}

err_t run_psk_open(struct call *c)
{
	struct bytes identity = wire_get_bytes(&c->in, KEEPER_NAME_MAX), tag = wire_get_fixed(&c->in, KEEPER_TAG);
	struct vault_key *key;
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(find_psk(c, identity, &key));
	TRY(handle_new(c->who, HANDLE_PSK, key, tag.p, &h));
	wire_put_u32(&c->out, h->number);
	wire_put_u8(&c->out, key->key.class == KEY_SYMMETRIC_16 ? 16 : 32);
out:
	return err;
}

static bool all_zero(struct bytes b)
{
	uint8_t any = 0;

	for (size_t i = 0; i < b.n; i++)
		any |= b.p[i];
	return any == 0;
}

err_t run_tls13_extract(struct call *c)
{
	uint32_t number = wire_get_u32(&c->in);
	struct bytes ecdhe = wire_get_bytes(&c->in, ECDHE_MAX);
	uint8_t out[HASH];
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(handle_find(c->who, number, 1u << HANDLE_PSK, &h));
	/* Without fresh (EC)DHE the pre-shared key would protect it all alone. */
	if (!h->proved || ecdhe.n < ECDHE_MIN || all_zero(ecdhe))
		return ERR_REFUSED;
	TRY(h->key->provider->tls13(&h->key->key, PART_DERIVED, ecdhe, out));
	TRY(tell_used(c, h->tag, CREDENTIAL_USED_PSK, h->key, BYTES_NONE));
	wire_put_fixed(&c->out, BYTES_OF(out));
	handle_close(c->who, h); /* one handshake a handle */
out:
	secret_wipe(out, sizeof(out));
	return err;
}

/* A client's binder is taken once: one that was recorded opens nothing later. */
err_t run_tls13_binder(struct call *c)
{
	struct bytes identity = wire_get_bytes(&c->in, KEEPER_NAME_MAX), tag = wire_get_fixed(&c->in, KEEPER_TAG);
	struct bytes hash = wire_get_bytes(&c->in, HASH), binder = wire_get_bytes(&c->in, HASH);
	uint8_t mac[HASH];
	struct vault_key *key;
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(find_psk(c, identity, &key));
	if (hash.n != HASH || binder.n != HASH)
		return ERR_REFUSED;
	TRY(key->provider->tls13(&key->key, PART_FINISHED, hash, mac));
	TRY(secret_equal(BYTES_OF(mac), binder) ? seen_once(&c->ks->seen, mac) : ERR_REFUSED);
	TRY(handle_new(c->who, HANDLE_PSK, key, tag.p, &h));
	h->proved = true;
	wire_put_u32(&c->out, h->number);
out:
	secret_wipe(mac, sizeof(mac));
	return err;
}

/* The node as the one that connects. A key that a gate takes shows itself nowhere: who had
 * captured the courier would be any client of this node. */
err_t run_tls13_show(struct call *c)
{
	struct bytes identity = wire_get_bytes(&c->in, KEEPER_NAME_MAX), tag = wire_get_fixed(&c->in, KEEPER_TAG);
	struct bytes hash = wire_get_fixed(&c->in, HASH);
	uint8_t mac[HASH];
	struct vault_key *key;
	struct handle *h;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(find_psk(c, identity, &key));
	TRY(key->policy == TO(COURIER) ? ERR_OK : ERR_REFUSED);
	TRY(key->provider->tls13(&key->key, PART_FINISHED, hash, mac));
	TRY(handle_new(c->who, HANDLE_PSK, key, tag.p, &h));
	h->proved = true;
	wire_put_u32(&c->out, h->number);
	wire_put_fixed(&c->out, BYTES_OF(mac));
out:
	return err;
}

/* The client's Finished comes after the secret: its proof cannot be asked for here. The
 * core is told so. */
err_t run_tls12_master(struct call *c)
{
	uint32_t number = wire_get_u32(&c->in);
	unsigned hash = wire_get_u8(&c->in);
	struct tls12_ask ask = { .hash = (enum tls12_hash)hash };
	uint8_t master[48];
	struct handle *h;
	err_t err;

	ask.other = wire_get_bytes(&c->in, ECDHE_MAX);
	ask.session_hash = wire_get_bytes(&c->in, 64);
	TRY(wire_done(&c->in));
	TRY(handle_find(c->who, number, 1u << HANDLE_PSK, &h));
	if (hash > TLS12_SHA384 || ask.session_hash.n != (hash == TLS12_SHA384 ? 48 : 32))
		return ERR_REFUSED;
	TRY(h->key->provider->tls12_master(&h->key->key, &ask, master));
	TRY(tell_used(c, h->tag, CREDENTIAL_USED_PSK_UNPROVED, h->key, BYTES_NONE));
	wire_put_fixed(&c->out, BYTES_OF(master));
	handle_close(c->who, h);
out:
	secret_wipe(master, sizeof(master));
	return err;
}
