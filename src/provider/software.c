/* software.c: keys in this process's memory; protection level 1.
 *
 * The blob is the key: a P-256 scalar, an Ed25519 seed or the octets of a
 * symmetric key, in a struct secret. A pair is also held as EVP_PKEY (P-256 with
 * a prepared context, for signing speed); its secret part lies in OpenSSL's
 * secure heap (keeper_start). */
#include "crypt/crypt.h"
#include "provider/provider.h"

#include <openssl/evp.h>

enum { SIGNATURE_MAX = 80, ED_PUBLIC = 32, ED_SIGNATURE = 64, PREMASTER_MAX = 4 + 2 * 256 };

struct software_key {
	struct crypt_key key;
	EVP_PKEY_CTX *sign; /* ready made: a context a signature costs as much as hashing */
};

static size_t symmetric_size(enum key_class class)
{
	return class == KEY_SYMMETRIC_16 ? 16 : class == KEY_SYMMETRIC_32 ? 32 : 0;
}

static bool is_pair(enum key_class class)
{
	return class == KEY_EC_P256 || class == KEY_ED25519;
}

/* The pair behind the blob: a scalar of P-256 or a seed of Ed25519, both of 32
 * octets. ERR_RANGE: no such scalar. */
static err_t pair_open(const struct provider_key *k, struct crypt_key *out,
                       uint8_t public_key[KEY_POINT], size_t *n)
{
	bool ed = k->class == KEY_ED25519;
	err_t err;

	TRY(k->blob.n == CRYPT_SCALAR ? ERR_OK : ERR_TAMPERED);
	TRY(ed ? crypt_ed25519_from_seed(k->blob.p, out) : crypt_p256_from_scalar(k->blob.p, out));
	TRY(ed ? crypt_ed25519_public(out, public_key) : crypt_p256_point(out, public_key));
	*n = ed ? ED_PUBLIC : KEY_POINT;
out:
	return err;
}

/* A scalar is drawn evenly from 1..order-1, by rejection. */
static err_t make_pair(struct provider_key *k)
{
	struct crypt_key key = { 0 };
	err_t err;

	TRY(secret_new(CRYPT_SCALAR, &k->blob));
	do {
		crypt_random(k->blob.p, k->blob.n);
		err = pair_open(k, &key, k->public_key, &k->public_n);
	} while (err == ERR_RANGE);
out:
	crypt_key_free(&key);
	if (err != ERR_OK)
		secret_free(&k->blob);
	return err;
}

static err_t software_make(struct provider_key *k)
{
	size_t n = symmetric_size(k->class);
	err_t err;

	if (is_pair(k->class))
		return make_pair(k);
	if (!n)
		return ERR_UNSUPPORTED;
	TRY(secret_new(n, &k->blob));
	crypt_random(k->blob.p, n);
out:
	return err;
}

static err_t software_import(struct provider_key *k, struct bytes raw)
{
	size_t n = symmetric_size(k->class);

	if (!n)
		return ERR_UNSUPPORTED;
	return raw.n == n ? secret_copy(raw, &k->blob) : ERR_RANGE;
}

static void software_key_free(struct software_key *s)
{
	if (!s)
		return;
	EVP_PKEY_CTX_free(s->sign);
	crypt_key_free(&s->key);
	mem_free(s);
}

static err_t load_pair(struct provider_key *k)
{
	struct software_key *s = mem_new(1, sizeof(*s));
	uint8_t public_key[KEY_POINT];
	size_t n = 0;
	err_t err;

	if (!s)
		return ERR_MEMORY;
	TRY(pair_open(k, &s->key, public_key, &n));
	TRY(bytes_equal(bytes_make(public_key, n), bytes_make(k->public_key, k->public_n))
	            ? ERR_OK : ERR_TAMPERED);
	if (k->class == KEY_ED25519)
		goto out;
	s->sign = EVP_PKEY_CTX_new_from_pkey(NULL, s->key.pkey, "provider=default");
	if (!s->sign || EVP_PKEY_sign_init(s->sign) != 1)
		err = ERR_CRYPTO;
out:
	if (err != ERR_OK)
		software_key_free(s);
	else
		k->loaded = s;
	return err;
}

static err_t software_load(struct provider_key *k)
{
	if (is_pair(k->class))
		return load_pair(k);
	return symmetric_size(k->class) && k->blob.n == symmetric_size(k->class) && !k->public_n
	               ? ERR_OK : ERR_TAMPERED;
}

static void software_unload(struct provider_key *k)
{
	software_key_free(k->loaded);
	k->loaded = NULL;
	secret_free(&k->blob);
}

static err_t software_sign_digest(struct provider_key *k, const uint8_t digest[32],
                                  struct buf *out)
{
	struct software_key *s = k->loaded;
	size_t n = SIGNATURE_MAX;
	err_t err;

	if (!s || k->class != KEY_EC_P256)
		return ERR_TYPE;
	TRY(buf_reserve(out, n));
	if (EVP_PKEY_sign(s->sign, out->p + out->n, &n, digest, 32) != 1)
		return ERR_CRYPTO;
	out->n += n;
out:
	return err;
}

static err_t software_sign(struct provider_key *k, struct bytes input, struct buf *out)
{
	struct software_key *s = k->loaded;
	uint8_t digest[32];
	err_t err;

	if (!s)
		return ERR_TYPE;
	if (k->class == KEY_ED25519) {
		TRY(buf_reserve(out, SIGNATURE_MAX));
		TRY(crypt_ed25519_sign(&s->key, input, out->p + out->n));
		out->n += ED_SIGNATURE;
		return ERR_OK;
	}
	crypt_sha256(input, digest);
	err = software_sign_digest(k, digest, out);
out:
	return err;
}

static err_t software_agree(struct provider_key *k, struct bytes peer, uint8_t out[KEY_AGREED])
{
	struct software_key *s = k->loaded;

	if (!s || k->class != KEY_EC_P256)
		return ERR_TYPE;
	return peer.n == CRYPT_POINT ? crypt_p256_ecdh(&s->key, peer.p, out) : ERR_SYNTAX;
}

static err_t software_mac(struct provider_key *k, struct bytes message, uint8_t out[32])
{
	if (!symmetric_size(k->class))
		return ERR_TYPE;
	crypt_hmac_sha256(secret_view(&k->blob), message, out);
	return ERR_OK;
}

static err_t software_extract(struct provider_key *k, struct bytes salt, uint8_t out[32])
{
	if (!symmetric_size(k->class))
		return ERR_TYPE;
	crypt_hkdf_extract(salt, secret_view(&k->blob), out);
	return ERR_OK;
}

/* The nonce is drawn; at most 2^32 messages a key [SP 800-38D 8.3]. */
static err_t software_seal(struct provider_key *k, struct bytes additional, struct bytes plain, struct buf *out)
{
	struct crypt_aead a = { 0 };
	uint8_t nonce[CRYPT_AEAD_NONCE];
	err_t err;

	if (k->class != KEY_SYMMETRIC_32)
		return ERR_TYPE;
	if (plain.n > TOKEN_MESSAGE_MAX || additional.n > TOKEN_ADDITIONAL_MAX)
		return ERR_LIMIT;
	crypt_random(nonce, sizeof(nonce));
	TRY(buf_add_byte(out, FORM_GCM));
	TRY(buf_add(out, BYTES_OF(nonce)));
	TRY(buf_reserve(out, plain.n + CRYPT_AEAD_TAG));
	TRY(crypt_aead_init(&a, k->blob.p));
	TRY(crypt_aead_seal(&a, nonce, additional, plain, out->p + out->n));
	out->n += plain.n + CRYPT_AEAD_TAG;
out:
	crypt_aead_free(&a);
	return err;
}

static err_t software_unseal(struct provider_key *k, struct bytes additional, struct bytes sealed,
                             struct buf *out)
{
	struct bytes rest = bytes_sub(sealed, 1 + CRYPT_AEAD_NONCE, sealed.n);
	struct crypt_aead a = { 0 };
	err_t err;

	if (k->class != KEY_SYMMETRIC_32)
		return ERR_TYPE;
	if (additional.n > TOKEN_ADDITIONAL_MAX || rest.n > TOKEN_MESSAGE_MAX + CRYPT_AEAD_TAG)
		return ERR_LIMIT;
	if (rest.n < CRYPT_AEAD_TAG || sealed.p[0] != FORM_GCM)
		return ERR_TAMPERED;
	TRY(buf_reserve(out, rest.n));
	TRY(crypt_aead_init(&a, k->blob.p));
	TRY(crypt_aead_open(&a, sealed.p + 1, additional, rest, out->p + out->n));
	out->n += rest.n - CRYPT_AEAD_TAG;
out:
	crypt_aead_free(&a);
	return err;
}

static err_t software_tls13(struct provider_key *k, enum token_part part, struct bytes message,
                            uint8_t out[32])
{
	uint8_t nothing[32], early[32], key[32], binder[32];

	if (!symmetric_size(k->class) || (part != PART_DERIVED && part != PART_FINISHED))
		return ERR_TYPE;
	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, secret_view(&k->blob), early);
	if (part == PART_DERIVED) {
		crypt_expand_label(BYTES_OF(early), BYTES("derived"), BYTES_OF(nothing), key, 32);
	} else {
		crypt_expand_label(BYTES_OF(early), BYTES("ext binder"), BYTES_OF(nothing), binder, 32);
		crypt_expand_label(BYTES_OF(binder), BYTES("finished"), BYTES_NONE, key, 32);
		secret_wipe(binder, sizeof(binder));
	}
	crypt_hmac_sha256(BYTES_OF(key), message, out);
	secret_wipe(early, sizeof(early));
	secret_wipe(key, sizeof(key));
	return ERR_OK;
}

/* u16 n, other secret, u16 n, key [RFC 4279 2]. */
static size_t premaster(const struct provider_key *k, struct bytes other,
                        uint8_t out[PREMASTER_MAX])
{
	size_t first = other.n ? other.n : k->blob.n;

	put_be16(out, (uint16_t)first);
	if (other.n)
		bytes_copy(out + 2, other.p, other.n);
	else
		bytes_zero(out + 2, first);
	put_be16(out + 2 + first, (uint16_t)k->blob.n);
	bytes_copy(out + 4 + first, k->blob.p, k->blob.n);
	return 4 + first + k->blob.n;
}

static err_t software_tls12_master(struct provider_key *k, const struct tls12_ask *ask,
                                   uint8_t out[48])
{
	uint8_t secret[PREMASTER_MAX];
	size_t n;
	err_t err;

	if (!symmetric_size(k->class))
		return ERR_TYPE;
	if (ask->other.n > 256)
		return ERR_LIMIT;
	n = premaster(k, ask->other, secret);
	err = crypt_tls12_prf(ask->hash == TLS12_SHA384 ? CRYPT_SHA384 : CRYPT_SHA256,
	                      bytes_make(secret, n), BYTES("extended master secret"),
	                      ask->session_hash, out, 48);
	secret_wipe(secret, sizeof(secret));
	return err;
}

const struct key_provider software_provider = {
	.name = "software",
	.id = PROVIDER_SOFTWARE,
	.level = 1,
	.make = software_make,
	.import = software_import,
	.load = software_load,
	.unload = software_unload,
	.sign = software_sign,
	.sign_digest = software_sign_digest,
	.agree = software_agree,
	.mac = software_mac,
	.extract = software_extract,
	.seal = software_seal,
	.unseal = software_unseal,
	.tls13 = software_tls13,
	.tls12_master = software_tls12_master,
};
