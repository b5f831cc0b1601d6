/* wrapped.c: a key in a key. The outer may lie on a token; the inner is in this process's
 * memory for as long as one message takes. */
#include "provider/wrapped.h"

#include "crypt/crypt.h"

enum { KEY = 32, NONCE = CRYPT_AEAD_NONCE, TAG = CRYPT_AEAD_TAG, HEAD = 1 + NONCE };

/* So that no other use of the outer key opens it. */
#define LABEL BYTES("holdfast wrapped key")

err_t wrapped_new(const struct key_provider *p, struct provider_key *key, struct buf *out)
{
	uint8_t fresh[KEY];
	err_t err;

	crypt_random(fresh, sizeof(fresh));
	err = p->seal(key, LABEL, BYTES_OF(fresh), out);
	secret_wipe(fresh, sizeof(fresh));
	return err;
}

static err_t by_key(struct crypt_aead *a, const struct wrapped_use *u, struct buf *out)
{
	struct bytes in = u->octets;
	uint8_t nonce[NONCE];
	err_t err;

	if (u->open && (in.n < HEAD + TAG || in.p[0] != FORM_GCM))
		return ERR_TAMPERED;
	TRY(buf_reserve(out, u->open ? in.n - HEAD - TAG : HEAD + in.n + TAG));
	if (u->open) {
		TRY(crypt_aead_open(a, in.p + 1, u->additional, bytes_sub(in, HEAD, in.n), out->p + out->n));
		out->n += in.n - HEAD - TAG;
		return ERR_OK;
	}
	crypt_random(nonce, sizeof(nonce));
	TRY(buf_add_byte(out, FORM_GCM));
	TRY(buf_add(out, BYTES_OF(nonce)));
	TRY(crypt_aead_seal(a, nonce, u->additional, in, out->p + out->n));
	out->n += in.n + TAG;
out:
	return err;
}

err_t wrapped_use(const struct key_provider *p, struct provider_key *key, const struct wrapped_use *u,
                  struct buf *out)
{
	struct buf inner = buf_make(KEY + TOKEN_SEAL_MORE);
	struct crypt_aead a = { 0 };
	err_t err;

	TRY(p->unseal(key, LABEL, u->wrapped, &inner));
	TRY(inner.n == KEY ? ERR_OK : ERR_TAMPERED);
	TRY(crypt_aead_init(&a, inner.p));
	err = by_key(&a, u, out);
out:
	crypt_aead_free(&a);
	if (inner.p)
		secret_wipe(inner.p, inner.cap);
	buf_free(&inner);
	return err;
}
