/* seal.c: octets sealed by a key on the token, and keys wrapped by one.
 *
 * A token without AES-GCM (a TPM has AES in CFB at most, and need not have that) makes,
 * by HMAC, a key for each message: the key on it stays there, and what passes through
 * this process's memory opens that one message and no other. */
#include "token/serve.h"

#include "base/secret.h"
#include "crypt/crypt.h"

enum { NONCE = CRYPT_AEAD_NONCE, LONG_NONCE = 32, TAG = CRYPT_AEAD_TAG, KEY = 32 };

/* The key of one message, ready. */
static err_t message_key(struct token *t, const struct token_key *k, struct bytes nonce, struct crypt_aead *out)
{
	struct bytes label = BYTES("holdfast seal\0");
	uint8_t text[14 + LONG_NONCE], key[KEY];
	err_t err;

	must(label.n + nonce.n == sizeof(text));
	bytes_copy(text, label.p, label.n);
	bytes_copy(text + label.n, nonce.p, nonce.n);
	TRY(t->backend->mac(t, k, BYTES_OF(text), key));
	err = crypt_aead_init(out, key);
out:
	secret_wipe(key, sizeof(key));
	return err;
}

static err_t seal_composed(struct token *t, const struct token_gcm *g, struct buf *out)
{
	static const uint8_t zero[NONCE];
	struct crypt_aead a = { 0 };
	uint8_t nonce[LONG_NONCE];
	err_t err;

	crypt_random(nonce, sizeof(nonce));
	TRY(buf_add_byte(out, FORM_HMAC_GCM));
	TRY(buf_add(out, BYTES_OF(nonce)));
	TRY(buf_reserve(out, g->input.n + TAG));
	TRY(message_key(t, g->key, BYTES_OF(nonce), &a));
	TRY(crypt_aead_seal(&a, zero, g->additional, g->input, out->p + out->n));
	out->n += g->input.n + TAG;
out:
	crypt_aead_free(&a);
	return err;
}

static err_t open_composed(struct token *t, const struct token_gcm *g, struct bytes nonce, struct buf *out)
{
	static const uint8_t zero[NONCE];
	struct crypt_aead a = { 0 };
	err_t err;

	TRY(buf_reserve(out, g->input.n));
	TRY(message_key(t, g->key, nonce, &a));
	TRY(crypt_aead_open(&a, zero, g->additional, g->input, out->p + out->n));
	out->n += g->input.n - TAG;
out:
	crypt_aead_free(&a);
	return err;
}

static err_t seal(struct token *t, struct token_gcm *g, struct buf *out)
{
	err_t err;

	if (!(t->state.can & TOKEN_CAN_GCM))
		return seal_composed(t, g, out);
	crypt_random(g->nonce, sizeof(g->nonce));
	TRY(buf_add_byte(out, FORM_GCM));
	TRY(buf_add(out, BYTES_OF(g->nonce)));
	err = t->backend->gcm(t, g, out);
out:
	return err;
}

static err_t unseal(struct token *t, struct token_gcm *g, struct buf *out)
{
	struct bytes all = g->input, nonce;
	unsigned form = all.n ? all.p[0] : 0;
	size_t n = form == FORM_GCM ? NONCE : LONG_NONCE;

	if ((form != FORM_GCM && form != FORM_HMAC_GCM) || all.n < 1 + n + TAG)
		return ERR_TAMPERED;
	nonce = bytes_sub(all, 1, n);
	g->input = bytes_sub(all, 1 + n, all.n);
	g->open = true;
	if (form == FORM_HMAC_GCM)
		return open_composed(t, g, nonce, out);
	if (!(t->state.can & TOKEN_CAN_GCM))
		return ERR_UNSUPPORTED;
	bytes_copy(g->nonce, nonce.p, nonce.n);
	return t->backend->gcm(t, g, out);
}

static err_t run(struct token *t, struct token_work *w, size_t most,
                 err_t (*what)(struct token *t, struct token_gcm *g, struct buf *out))
{
	struct buf out = buf_make(TOKEN_MESSAGE_MAX + TOKEN_SEAL_MORE);
	struct token_gcm g = { .open = false };
	struct token_key k;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	g.key = &k;
	g.additional = wire_get_bytes(&w->in, TOKEN_ADDITIONAL_MAX);
	g.input = wire_get_bytes(&w->in, (uint32_t)most);
	TRY(wire_done(&w->in));
	TRY(k.class == KEY_SYMMETRIC_32 ? ERR_OK : ERR_TYPE);
	TRY(what(t, &g, &out));
	wire_put_bytes(&w->out, bytes_of_buf(&out));
out:
	if (out.p)
		secret_wipe(out.p, out.cap);
	buf_free(&out);
	return err;
}

err_t token_run_seal(struct token *t, struct token_work *w)
{
	return run(t, w, TOKEN_MESSAGE_MAX, seal);
}

err_t token_run_unseal(struct token *t, struct token_work *w)
{
	return run(t, w, TOKEN_MESSAGE_MAX + TOKEN_SEAL_MORE, unseal);
}

/* --- keys in keys ----------------------------------------------------------------- */

err_t token_run_wrap(struct token *t, struct token_work *w)
{
	struct buf wrapped = buf_make(2 * TOKEN_WRAPPED);
	struct token_key k;
	struct bytes raw;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	raw = wire_get_bytes(&w->in, KEY);
	TRY(wire_done(&w->in));
	TRY(raw.n == KEY ? ERR_OK : ERR_RANGE);
	TRY(k.class == KEY_SYMMETRIC_32 ? ERR_OK : ERR_TYPE);
	TRY(t->backend->wrap ? ERR_OK : ERR_UNSUPPORTED);
	TRY(t->backend->wrap(t, &k, raw, &wrapped));
	TRY(wrapped.n == TOKEN_WRAPPED ? ERR_OK : ERR_CRYPTO);
	wire_put_bytes(&w->out, bytes_of_buf(&wrapped));
out:
	buf_free(&wrapped);
	return err;
}

err_t token_run_unwrap(struct token *t, struct token_work *w)
{
	struct token_made made = { 0 };
	struct token_key k;
	struct bytes wrapped;
	err_t err;

	TRY(token_get_key(t, w, PART_KEY, &k));
	wrapped = wire_get_bytes(&w->in, TOKEN_WRAPPED);
	TRY(wire_done(&w->in));
	TRY(wrapped.n == TOKEN_WRAPPED ? ERR_OK : ERR_RANGE);
	TRY(k.class == KEY_SYMMETRIC_32 ? ERR_OK : ERR_TYPE);
	TRY(t->backend->unwrap ? ERR_OK : ERR_UNSUPPORTED);
	TRY(t->backend->unwrap(t, &k, wrapped, &made));
	token_put_reference(t, w, &made, 1);
out:
	return err;
}
