/* lost.c: a token or TPM that is gone for good [CM5; T2 T5].
 *
 * What lay on it, nobody has: the key store keeps references, and so does each backup. By a
 * quorum of administrators its keys are recorded as lost; those that the keeper makes itself
 * (the node's own, and those that it generated) are made anew at another place, by the same
 * policy and one version later. What came from outside comes from there again: its name is
 * free. A token that is there is not lost, and one that comes back later is not looked for. */
#include "keeper/enrolment.h"
#include "keeper/order.h"

#include "base/log.h"
#include "provider/approval.h"
#include "provider/proof.h"

enum { CERTIFICATE_DAYS_MAX = 3650 };

static bool is_on(const struct vault_key *key, unsigned number)
{
	return key->provider == &token_provider && key->state != KEY_LOST &&
	       place_of(key->provider, &key->key) == number;
}

/* No key of it: what is accepted of it, what is approved. */
static bool is_record(const struct vault_key *key)
{
	return approval_is(&key->key) || bytes_starts(bytes_str(key->name), BYTES("evidence/"));
}

/* *n keys are on it, and nothing can be had of any. */
static err_t check_gone(const struct vault *v, unsigned number, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < v->keys_n; i++) {
		if (!is_on(v->keys[i], number))
			continue;
		if (!token_is_gone(&v->keys[i]->key))
			return ERR_REFUSED;
		++*n;
	}
	return *n ? ERR_OK : ERR_MISSING;
}

static bool is_made_anew(const struct vault_key *key)
{
	return (key->origin == ORIGIN_GENERATED || key->origin == ORIGIN_MADE) && !is_record(key) &&
	       (key->state == KEY_ACTIVE || key->state == KEY_DEPRECATED);
}

err_t order_renew(struct call *c, struct vault_key *old, unsigned place, struct vault_key **made)
{
	struct vault_key key = vault_key_new(place_provider(place), old->key.class, old->origin, old->not_after);
	err_t err;

	key.key.place = place;
	key.key.use = key_pair_use(old->key.class, old->purposes);
	TRY(call_class(old->key.class));
	TRY(key.provider->make(&key.key));
	handles_drop_key(c->ks, old);
	err = vault_renew(&c->ks->vault, old, &key, made);
out:
	return err;
}

static err_t make_all(struct call *c, unsigned number, unsigned place)
{
	struct vault *v = &c->ks->vault;
	struct vault_key *made;
	size_t n = v->keys_n;
	err_t err = ERR_OK;

	for (size_t i = 0; i < n; i++) {
		enum key_state state = v->keys[i]->state;

		if (!is_on(v->keys[i], number) || !is_made_anew(v->keys[i]))
			continue;
		TRY(order_renew(c, v->keys[i], place, &made));
		made->state = state;
	}
out:
	return err;
}

err_t order_token_lost(struct call *c, struct wire_in *in, bool really)
{
	unsigned number = token_number(wire_get_bytes(in, KEEPER_NAME_MAX)), place;
	const struct key_provider *provider;
	struct vault *v = &c->ks->vault;
	size_t n;
	err_t err;

	TRY(place_parse(wire_get_bytes(in, KEEPER_NAME_MAX), &provider, &place));
	TRY(wire_done(in));
	TRY(number && place != number ? ERR_OK : ERR_MISSING);
	TRY(check_gone(v, number, &n));
	TRY(place == 0 || token_state_of(place)->present ? ERR_OK : ERR_ABSENT);
	if (!really)
		return ERR_OK;
	TRY(make_all(c, number, place));
	for (size_t i = v->keys_n; i > 0; i--) {
		struct vault_key *key = v->keys[i - 1];

		if (is_on(key, number) && is_record(key))
			vault_remove(v, key);
		else if (is_on(key, number) && !keeper_put_away(c->ks, key, KEY_LOST))
			log_event(LOG_WARN, "lost key keeps its name", "name=%s", key->name);
	}
	/* Another token in its place is paired as a new one. */
	if (token_record(v, "token", number))
		vault_remove(v, token_record(v, "token", number));
	evidence_pin(v, number);
	c->ks->place = c->ks->place == number ? place : c->ks->place;
	log_event(LOG_NOTE, "token recorded as lost", "token=%u keys=%zu", number, n);
out:
	return err;
}

/* CA and node, for when a key of theirs is another one: of fixed fields, about this node. */
err_t run_certificates(struct call *c)
{
	unsigned days = wire_get_u16(&c->in);
	struct buf pem = buf_make(16384);
	struct vault_key *key;
	err_t err;

	TRY(wire_done(&c->in));
	TRY(call_key(c, NAME_CA, &key));
	TRY(call_key(c, NAME_NODE, &key));
	TRY(days && days <= CERTIFICATE_DAYS_MAX ? ERR_OK : ERR_RANGE);
	TRY(keeper_certificates(&c->ks->vault, days, &pem));
	wire_put_bytes(&c->out, bytes_of_buf(&pem));
out:
	buf_free(&pem);
	return err;
}
