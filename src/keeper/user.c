/* user.c: keys that are made when an administrator asks for one. Those under
 * user/ sign statements and nothing else; a symmetric one has its check value
 * only. Those under app/ are for other programs (program.c). */
#include "keeper/dispatch.h"
#include "wire/name.h"

/* A key has one purpose, and its class decides which [CM26]. */
static err_t check_use(unsigned class, unsigned purpose)
{
	bool pair = class == KEY_EC_P256 || class == KEY_ED25519;

	if (!pair && class != KEY_SYMMETRIC_16 && class != KEY_SYMMETRIC_32)
		return ERR_UNSUPPORTED;
	return purpose == (pair ? SIGN_STATEMENT : SIGN_NOTHING) ? ERR_OK : ERR_REFUSED;
}

err_t run_generate(struct call *c)
{
	struct bytes name = wire_get_bytes(&c->in, KEEPER_NAME_MAX), prefix = BYTES("user/");
	bool program = bytes_starts(name, BYTES("app/"));
	unsigned class = wire_get_u8(&c->in), purpose = wire_get_u8(&c->in);
	struct vault_key *made, key = vault_key_new(c->ks->provider, (enum key_class)class,
		ORIGIN_GENERATED, 0);
	err_t err;

	TRY(wire_done(&c->in));
	c->subject = name;
	if (!program && !bytes_starts(name, prefix))
		return ERR_REFUSED;
	if (name.n == prefix.n || !name_is_key(name))
		return ERR_SYNTAX;
	TRY(program ? program_key_check(name, class, purpose, &key.owner)
	            : check_use(class, purpose));
	/* No role may open a program's key by handle. */
	key.key.place = c->ks->place;
	key.key.use = purpose == SIGN_NOTHING ? PAIR_ANY :
	              purpose == AGREE_PROGRAM ? PAIR_AGREE : PAIR_SIGN;
	if (purpose != SIGN_NOTHING) {
		key.purposes = 1u << purpose;
		key.policy = program ? TO(NONE) : TO(CORE);
	}
	TRY(key.provider->make(&key.key));
	TRY(call_keep(c, name, &key, &made));
	wire_put_bytes(&c->out, bytes_str(made->name));
	wire_put_bytes(&c->out, bytes_make(made->key.public_key, made->key.public_n));
out:
	return err;
}
