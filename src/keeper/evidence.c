/* evidence.c: how a token's level is accepted [CM1 CM2]. The certificate is passed on
 * as it is; who reads it is the command of the administrator. */
#include "keeper/dispatch.h"
#include "provider/proof.h"

err_t run_evidence(struct call *c)
{
	return proof_pass(TOKEN_EVIDENCE, &c->in, &c->out);
}

err_t run_activate(struct call *c)
{
	return proof_pass(TOKEN_ACTIVATE, &c->in, &c->out);
}

/* --- in the vault: evidence/NUMBER/LEVEL/CERTIFICATION --------------------------------- */

static struct vault_key *find_evidence(const struct vault *v, unsigned number)
{
	char prefix[32];

	must(text_print(prefix, sizeof(prefix), "evidence/%u/", number));
	for (size_t i = 0; i < v->keys_n; i++) {
		if (bytes_starts(bytes_str(v->keys[i]->name), bytes_str(prefix)))
			return v->keys[i];
	}
	return NULL;
}

void evidence_pin(const struct vault *v, unsigned number)
{
	const struct vault_key *key = find_evidence(v, number);

	if (!key || key->provider != &token_provider ||
	    !proof_set_named(number, bytes_str(key->name), &key->key, key->not_after))
		proof_set(number, NULL);
}

/* --- the order ------------------------------------------------------------------------------ */

static err_t keep(struct call *c, unsigned number, const struct proof_pin *pin)
{
	struct vault_key *kept, key = vault_key_new(&token_provider, KEY_EC_P256, ORIGIN_MADE, pin->not_after);
	char name[KEEPER_NAME_MAX];
	err_t err;

	TRY(proof_key(number, pin, name, &key.key));
	err = vault_add(&c->ks->vault, bytes_str(name), &key, &kept);
out:
	return err;
}

err_t order_accept(struct call *c, struct wire_in *in, bool really)
{
	unsigned number = token_number(wire_get_bytes(in, KEEPER_NAME_MAX));
	struct vault_key *old = find_evidence(&c->ks->vault, number);
	struct proof_pin pin = { 0 };
	bool withdraw = in->err == ERR_OK && !in->rest.n;
	err_t err = ERR_OK;

	TRY(number && (old || !withdraw) ? ERR_OK : ERR_MISSING);
	if (!withdraw) {
		TRY(proof_pin_get(in, number, &pin));
		TRY(proof_challenge(number, &pin));
	}
	if (!really)
		return ERR_OK;
	if (old)
		vault_remove(&c->ks->vault, old);
	if (!withdraw)
		TRY(keep(c, number, &pin));
	evidence_pin(&c->ks->vault, number);
	proof_look();
out:
	return err;
}
