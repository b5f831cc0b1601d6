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

err_t administration_signatures(struct administration *a, struct bytes object, struct wire_in *in,
                                char by[ORDER_BY_MAX], unsigned *persons)
{
	struct buf text = buf_make(ORDER_MAX + 64);
	unsigned n = wire_get_u8(in);
	uint32_t seen = 0;
	err_t err;

	TRY(order_signed(object, &text));
	for (unsigned i = 0; i < n; i++) {
		struct bytes name = wire_get_bytes(in, ADMINISTRATOR_NAME);
		struct bytes signature = wire_get_bytes(in, ORDER_SIGNATURE_MAX);
		const struct administrator *one = administration_find(a, name);

		TRY(in->err);
		TRY(one ? ERR_OK : ERR_MISSING);
		TRY(seen & 1u << (one - a->all) ? ERR_DUPLICATE : ERR_OK);
		TRY(check_signature(one, bytes_of_buf(&text), signature));
		seen |= 1u << (one - a->all);
		by_add(by, one->name);
	}
	TRY(wire_done(in));
	*persons = n;
out:
	buf_free(&text);
	return err == ERR_SYNTAX && n ? ERR_TAMPERED : err;
}
