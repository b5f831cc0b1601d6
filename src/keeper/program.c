/* program.c: keys that other programs of the machine use: app/USER/NAME.
 *
 * The user is part of the name, given when the key is made: a key has one user
 * for good, who is named by the kernel at the door and by nobody else. A program
 * holds no handle here: each call names its key and is judged by itself, so that
 * there is nothing of one program that another could pick up. No role opens
 * these keys (user.c), and no call of a program reaches any other key. */
#include "base/clock.h"
#include "keeper/dispatch.h"
#include "crypt/crypt.h"
#include "provider/wrapped.h"
#include "wire/name.h"

enum { SCAN_MAX = 4096 };

/* --- whose programs ask ------------------------------------------------------- */

/* The caller that counts for this user; the one that was silent longest makes
 * room, and by that gets a fresh second at most. */
static err_t caller_of(struct keeper_state *ks, uint32_t user, struct keeper_caller **out)
{
	struct keeper_caller **at = NULL;
	err_t err = ERR_OK;

	for (size_t i = 0; i < COUNT_OF(ks->programs); i++) {
		struct keeper_caller **p = &ks->programs[i];

		if (*p && (*p)->user == user) {
			*out = *p;
			goto out;
		}
		if (!at || (*at && (!*p || (*p)->last < (*at)->last)))
			at = p;
	}
	mem_free(*at);
	*at = mem_new(1, sizeof(struct keeper_caller));
	if (!*at)
		return ERR_MEMORY;
	(*at)->role = ROLE_PROGRAM;
	(*at)->user = user;
	*out = *at;
out:
	(*out)->last = clock_steady();
	return err;
}

err_t program_carry_out(struct keeper_state *ks, struct bytes call, struct buf *result, bool again)
{
	struct wire_in in = wire_in(call);
	uint32_t user = wire_get_u32(&in);
	struct keeper_caller *who;
	err_t err;

	(void)wire_get_u32(&in); /* the process: for the door's log */
	TRY(in.err);
	TRY(caller_of(ks, user, &who));
	err = dispatch_carry_out(ks, who, in.rest, result, again);
out:
	return err;
}

/* --- operations ----------------------------------------------------------------- */

static bool is_of(const struct vault_key *key, uint32_t user)
{
	uint32_t whose;

	return key->owner == user && name_program_user(bytes_str(key->name), &whose) == ERR_OK &&
	       whose == user && key->state == KEY_ACTIVE && !vault_key_ended(key, clock_now());
}

err_t run_program_keys(struct call *c)
{
	uint32_t from = wire_get_u32(&c->in), rows = 0;
	const struct vault *v = &c->ks->vault;
	struct buf out = buf_make(KEEPER_RESULT_MAX / 2);
	struct wire_out w = wire_out(&out);
	size_t at = from, end;
	err_t err;

	TRY(wire_done(&c->in));
	end = from < v->keys_n && v->keys_n - from > SCAN_MAX ? from + SCAN_MAX : v->keys_n;
	for (; at < end && rows < PROGRAM_ROWS; at++) {
		const struct vault_key *key = v->keys[at];

		if (!is_of(key, c->who->user))
			continue;
		wire_put_bytes(&w, bytes_str(key->name));
		wire_put_u8(&w, (uint8_t)key->key.class);
		wire_put_u8(&w, (uint8_t)key_purpose(key->purposes));
		wire_put_bytes(&w, bytes_make(key->key.public_key, key->key.public_n));
		rows++;
	}
	TRY(w.err);
	wire_put_u32(&c->out, at < v->keys_n ? (uint32_t)at : 0);
	wire_put_u32(&c->out, rows);
	wire_put_fixed(&c->out, bytes_of_buf(&out));
out:
	buf_free(&out);
	return err;
}

/* The caller's key of that name and purpose. Of others' names it is not said
 * whether they exist. */
static err_t own_key(struct call *c, struct bytes name, unsigned purpose, struct vault_key **out)
{
	uint32_t user;
	err_t err;

	c->subject = name;
	if (name_program_user(name, &user) != ERR_OK || user != c->who->user)
		return ERR_REFUSED;
	TRY(call_key(c, name, out));
	if (!is_of(*out, user))
		return ERR_MISSING;
	if (purpose < SIGN_PROGRAM || purpose > WRAP_PROGRAM || !((*out)->purposes & 1u << purpose))
		err = ERR_REFUSED;
out:
	return err;
}

err_t run_program_sign(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	unsigned purpose = wire_get_u8(&c->in);
	struct bytes input = wire_get_bytes(&c->in, PROGRAM_INPUT_MAX);
	struct buf signature = buf_make(256);
	struct vault_key *key;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(own_key(c, name, purpose, &key));
	if (purpose >= AGREE_PROGRAM)
		err = ERR_REFUSED;
	else if (purpose == SIGN_PROGRAM)
		err = key->provider->sign(&key->key, input, &signature);
	else if (input.n != PROGRAM_DIGEST)
		err = ERR_SYNTAX;
	else if (!key->provider->sign_digest)
		err = ERR_UNSUPPORTED;
	else
		err = key->provider->sign_digest(&key->key, input.p, &signature);
	TRY(err);
	TRY(call_count(c, key));
	wire_put_bytes(&c->out, bytes_of_buf(&signature));
out:
	buf_free(&signature);
	return err;
}

err_t run_program_agree(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct bytes peer = wire_get_bytes(&c->in, KEY_POINT);
	uint8_t agreed[KEY_AGREED];
	struct vault_key *key;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(own_key(c, name, AGREE_PROGRAM, &key));
	TRY(key->provider->agree(&key->key, peer, agreed));
	TRY(call_count(c, key));
	wire_put_fixed(&c->out, BYTES_OF(agreed));
out:
	secret_wipe(agreed, sizeof(agreed));
	return err;
}

/* Its own version, or an earlier one that is still there, as the octets say in front. */
static err_t version_of(struct call *c, struct bytes *octets, struct vault_key **key)
{
	uint32_t version = octets->n < 4 ? 0 : get_be32(octets->p);

	if (!version)
		return ERR_TAMPERED;
	*octets = bytes_sub(*octets, 4, octets->n);
	return call_version(c, version, key);
}

/* By a key of one's own, or by one that it wraps. */
static err_t sealing(struct call *c, bool open)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct wrapped_use u = { .additional = wire_get_bytes(&c->in, TOKEN_ADDITIONAL_MAX), .open = open };
	struct buf out = buf_make(TOKEN_MESSAGE_MAX + TOKEN_SEAL_MORE);
	struct vault_key *key;
	err_t err;

	u.octets = wire_get_bytes(&c->in, TOKEN_MESSAGE_MAX + (open ? 4 + TOKEN_SEAL_MORE : 0));
	u.wrapped = c->in.rest.n ? wire_get_bytes(&c->in, PROGRAM_WRAPPED_MAX) : BYTES_NONE;
	TRY(wire_done(&c->in));
	TRY(own_key(c, name, u.wrapped.n ? WRAP_PROGRAM : SEAL_PROGRAM, &key));
	if (u.wrapped.n || open)
		TRY(version_of(c, u.wrapped.n ? &u.wrapped : &u.octets, &key));
	else
		wire_put_u32(&c->out, key->version);
	TRY(u.wrapped.n ? wrapped_use(key->provider, &key->key, &u, &out)
	    : open ? key->provider->unseal(&key->key, u.additional, u.octets, &out)
	           : key->provider->seal(&key->key, u.additional, u.octets, &out));
	TRY(call_count(c, key));
	wire_put_fixed(&c->out, bytes_of_buf(&out));
out:
	if (out.p)
		secret_wipe(out.p, out.cap);
	buf_free(&out);
	return err;
}

err_t run_program_seal(struct call *c)
{
	return sealing(c, false);
}

err_t run_program_unseal(struct call *c)
{
	return sealing(c, true);
}

err_t run_program_wrap(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX);
	struct buf wrapped = buf_make(PROGRAM_WRAPPED_MAX);
	struct vault_key *key;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(own_key(c, name, WRAP_PROGRAM, &key));
	TRY(wrapped_new(key->provider, &key->key, &wrapped));
	TRY(call_count(c, key));
	wire_put_u32(&c->out, key->version);
	wire_put_fixed(&c->out, bytes_of_buf(&wrapped));
out:
	buf_free(&wrapped);
	return err;
}

err_t run_program_random(struct call *c)
{
	uint8_t octets[PROGRAM_RANDOM_MAX];
	size_t n = wire_get_u16(&c->in);
	err_t err;

	TRY(wire_done(&c->in));
	TRY(n > 0 && n <= sizeof(octets) ? ERR_OK : ERR_RANGE);
	crypt_random(octets, n);
	wire_put_fixed(&c->out, bytes_make(octets, n));
	secret_wipe(octets, sizeof(octets));
out:
	return err;
}
