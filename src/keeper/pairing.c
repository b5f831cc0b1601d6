/* pairing.c: the secret that binds a token to this key store [CM5], and the measured states
 * that are approved for its keys. */
#include "keeper/dispatch.h"
#include "provider/approval.h"
#include "provider/token.h"

static err_t find_or_make(struct vault *v, struct bytes name, enum key_class class, struct vault_key **out,
                          bool *made)
{
	struct vault_key fresh = vault_key_new(&software_provider, class, ORIGIN_MADE, 0);
	err_t err;

	*out = vault_find(v, name);
	if (*out)
		return ERR_OK;
	*made = true;
	TRY(fresh.provider->make(&fresh.key));
	err = vault_add(v, name, &fresh, out);
out:
	return err;
}

/* --- approved/N ------------------------------------------------------------------- */

struct vault_key *token_record(const struct vault *v, const char *what, unsigned number)
{
	char name[16];

	must(text_print(name, sizeof(name), "%s/%u", what, number));
	return vault_find(v, bytes_str(name));
}

/* Takes over `fresh`, in place of whatever is there. */
static err_t keep(struct vault *v, unsigned number, struct vault_key *fresh)
{
	struct vault_key *old = token_record(v, "approved", number), *approver;
	char name[16];
	bool made;
	err_t err;

	must(text_print(name, sizeof(name), "approved/%u", number));
	err = find_or_make(v, BYTES("approver"), KEY_EC_P256, &approver, &made);
	if (err != ERR_OK) {
		secret_free(&fresh->key.blob);
		return err;
	}
	if (old)
		vault_remove(v, old);
	return vault_add(v, bytes_str(name), fresh, &old);
}

void approvals_tell(struct vault *v)
{
	struct vault_key *approver = vault_find(v, BYTES("approver")), *record;

	for (unsigned n = 1; approver && n <= TOKENS_MAX; n++) {
		record = token_record(v, "approved", n);
		if (record)
			approval_tell(n, &record->key, approver->provider, &approver->key);
	}
}

err_t order_approve(struct call *c, struct wire_in *in, bool really)
{
	struct bytes asked = wire_get_bytes(in, KEEPER_NAME_MAX);
	unsigned number = token_number(bytes_cut(&asked, '/'));
	struct vault_key *old = token_record(&c->ks->vault, "approved", number);
	struct vault_key fresh = vault_key_new(&token_provider, KEY_EC_P256, ORIGIN_MADE, 0);
	err_t err;

	TRY(wire_done(in));
	TRY(approval_order(number, old ? &old->key : NULL, asked, &fresh.key));
	if (really)
		return keep(&c->ks->vault, number, &fresh);
	secret_free(&fresh.key.blob);
out:
	return err;
}

/* --- a token that comes ------------------------------------------------------------ */

err_t token_first(struct vault *v, unsigned number)
{
	struct vault_key fresh = vault_key_new(&token_provider, KEY_EC_P256, ORIGIN_MADE, 0);

	return approval_first(number, &fresh.key) == ERR_OK ? keep(v, number, &fresh) : ERR_OK;
}

err_t token_open(struct vault *v, unsigned number, bool *made)
{
	struct buf name = buf_make(16), body = buf_make(64);
	struct wire_out w = wire_out(&body);
	struct vault_key *pairing;
	bool told;
	err_t err;

	*made = false;
	if (!token_is_attached(number, &told))
		return ERR_ABSENT;
	if (!v->open)
		return ERR_LOCKED;
	TRY(buf_printf(&name, "token/%u", number));
	TRY(find_or_make(v, bytes_of_buf(&name), KEY_SYMMETRIC_32, &pairing, made));
	evidence_pin(v, number);
	wire_put_u16(&w, TOKEN_OPEN);
	wire_put_fixed(&w, secret_view(&pairing->key.blob));
	wire_put_u8(&w, *made);
	TRY(w.err);
	TRY(token_link_open(number, bytes_of_buf(&body)));
	approvals_tell(v);
out:
	if (body.p)
		secret_wipe(body.p, body.cap);
	buf_free(&body);
	buf_free(&name);
	return err;
}
