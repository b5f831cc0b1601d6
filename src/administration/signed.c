/* signed.c: the challenge that an order is signed over, and its signatures. */
#include "administration/administration.h"

#include "base/secret.h"
#include "crypt/crypt.h"

enum { NONCE_MAC_AT = 24 };

/* u64 elapsed | random (16) | MAC (16): the keeper knows its own again, and needs
 * no list of them. */
static void nonce_mac(const struct administration *a, struct bytes key,
                      const uint8_t nonce[ORDER_NONCE], uint8_t out[32])
{
	uint8_t more[NONCE_MAC_AT + 8];

	bytes_copy(more, nonce, NONCE_MAC_AT);
	put_be64(more + NONCE_MAC_AT, a->sequence);
	crypt_hmac_sha256(key, BYTES_OF(more), out);
}

void administration_challenge(const struct administration *a, struct bytes key,
                              uint8_t nonce[ORDER_NONCE])
{
	uint8_t mac[32];

	put_be64(nonce, administration_now(a));
	crypt_random(nonce + 8, NONCE_MAC_AT - 8);
	nonce_mac(a, key, nonce, mac);
	bytes_copy(nonce + NONCE_MAC_AT, mac, ORDER_NONCE - NONCE_MAC_AT);
}

err_t administration_fresh(const struct administration *a, struct bytes key, const struct order *o)
{
	uint8_t mac[32];
	/* Below zero after a crash, which loses some elapsed time. */
	int64_t age = (int64_t)(administration_now(a) - get_be64(o->nonce));

	nonce_mac(a, key, o->nonce, mac);
	if (o->sequence != a->sequence ||
	    !secret_equal(bytes_make(mac, ORDER_NONCE - NONCE_MAC_AT),
	                  bytes_make(o->nonce + NONCE_MAC_AT, ORDER_NONCE - NONCE_MAC_AT)) ||
	    age > (int64_t)ORDER_LIFE_S * 1000)
		return ERR_EXPIRED;
	return ERR_OK;
}

/* --- signatures ------------------------------------------------------------------ */

static err_t check_signature(const struct administrator *one, struct bytes text,
                             struct bytes signature)
{
	return one->class == KEY_EC_P256 ? crypt_p256_verify(one->public_key, text, signature)
	                                 : crypt_ed25519_verify(one->public_key, text, signature);
}

static void by_add(char by[ORDER_BY_MAX], const char *name)
{
	char before[ORDER_BY_MAX];

	bytes_copy(before, by, ORDER_BY_MAX);
	(void)text_print(by, ORDER_BY_MAX, "%s%s%s", before, before[0] ? "," : "", name);
}

/* Whose signature this is; a bit of his own. */
static err_t signer(struct administration *a, struct bytes name, const struct administrator **one, uint32_t *bit,
                    struct signers *out)
{
	const struct bounded_administrator *bounded = administration_find_bounded(a, name);

	*one = administration_find(a, name);
	if (!*one && !bounded)
		return ERR_MISSING;
	if (*one) {
		*bit = 1u << (*one - a->all);
		return ERR_OK;
	}
	*one = &bounded->who;
	*bit = 1u << (ADMINISTRATORS_MAX + (bounded - a->bounded));
	/* What takes two persons takes one at least who may order everything. */
	if (out->bounded && out->bounded != bounded->number)
		return ERR_REFUSED;
	out->bounded = bounded->number;
	return ERR_OK;
}

err_t administration_signatures(struct administration *a, struct bytes object, struct wire_in *in,
                                struct signers *out)
{
	struct buf text = buf_make(ORDER_MAX + 64);
	unsigned n = wire_get_u8(in);
	uint32_t seen = 0, bit;
	err_t err;

	*out = (struct signers){ .persons = 0 };
	TRY(order_signed(object, &text));
	for (unsigned i = 0; i < n; i++) {
		struct bytes name = wire_get_bytes(in, ADMINISTRATOR_NAME);
		struct bytes signature = wire_get_bytes(in, ORDER_SIGNATURE_MAX);
		const struct administrator *one;

		TRY(in->err);
		TRY(signer(a, name, &one, &bit, out));
		TRY(seen & bit ? ERR_DUPLICATE : ERR_OK);
		TRY(check_signature(one, bytes_of_buf(&text), signature));
		seen |= bit;
		by_add(out->by, one->name);
	}
	TRY(wire_done(in));
	out->persons = n;
out:
	buf_free(&text);
	return err == ERR_SYNTAX && n ? ERR_TAMPERED : err;
}
