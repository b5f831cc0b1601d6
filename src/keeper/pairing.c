/* pairing.c: the secret that binds a token to this key store [CM5]. */
#include "keeper/vault.h"
#include "provider/token.h"

err_t token_open(struct vault *v, unsigned number, bool *made)
{
	struct vault_key *pairing, fresh;
	struct buf name = buf_make(16), body = buf_make(64);
	struct wire_out w = wire_out(&body);
	bool told;
	err_t err;

	*made = false;
	if (!token_is_attached(number, &told))
		return ERR_ABSENT;
	if (!v->open)
		return ERR_LOCKED;
	TRY(buf_printf(&name, "token/%u", number));
	pairing = vault_find(v, bytes_of_buf(&name));
	if (!pairing) {
		fresh = vault_key_new(&software_provider, KEY_SYMMETRIC_32, ORIGIN_MADE, 0);
		TRY(fresh.provider->make(&fresh.key));
		TRY(vault_add(v, bytes_of_buf(&name), &fresh, &pairing));
		*made = true;
	}
	evidence_pin(v, number);
	wire_put_u16(&w, TOKEN_OPEN);
	wire_put_fixed(&w, secret_view(&pairing->key.blob));
	wire_put_u8(&w, *made);
	TRY(w.err);
	TRY(token_link_open(number, bytes_of_buf(&body)));
out:
	if (body.p)
		secret_wipe(body.p, body.cap);
	buf_free(&body);
	buf_free(&name);
	return err;
}
