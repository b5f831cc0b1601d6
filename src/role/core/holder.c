/* holder.c: does the entity at an association, or a maker's device, itself ask for a
 * certificate over this key? That it is connected, the core knows; that this request is
 * its own would be the gate's word. So the request carries a proof by the credential (challengePassword of a
 * certification request, in hex), over "holdfast renewal", a zero octet, the entity's
 * absolute identifier and the new point:
 *
 *   certificate     the ECDSA signature (DER) by the key that is to make way, or the device's; none where the
 *                   request is for that key itself, whose signature it has
 *   pre-shared key  the check value (4 octets) of Ke2e_master of that key [TS-0003 10.3],
 *                   salt: the SHA-256 of the above. Few are tried. */
#include "base/secret.h"
#include "crypt/crypt.h"
#include "role/core/core.h"

enum { MESSAGE_MAX = 512, CHECK = 4, SIGNATURE_MAX = 80, WRONG_MAX = 5 };

static err_t message_of(const struct credential *held, const struct keeper_certify *ask, struct buf *out)
{
	err_t err;

	TRY(buf_add(out, BYTES("holdfast renewal\0")));
	TRY(buf_add(out, bytes_str(held->entity)));
	TRY(buf_add(out, ask->public_key));
out:
	return err;
}

static err_t by_signature(const struct credential *held, const struct keeper_certify *ask,
                          struct bytes message, struct bytes shown)
{
	uint8_t signature[SIGNATURE_MAX];
	bool renews = bytes_equal(ask->public_key, BYTES_OF(held->point));

	if (renews)
		return ERR_OK; /* the proof of possession is its signature, and is verified */
	if (shown.n == 0 || shown.n % 2 || shown.n / 2 > sizeof(signature) ||
	    bytes_from_hex(shown, signature, shown.n / 2) != ERR_OK)
		return ERR_REFUSED;
	return crypt_p256_verify(held->point, message, bytes_make(signature, shown.n / 2)) == ERR_OK
	               ? ERR_OK : ERR_REFUSED;
}

/* 32 bits are enough for a few tries: who fails too often has to wait for the next start
 * of the core. */
static uint8_t *wrong_of(struct core *c, const struct credential *held)
{
	uint8_t digest[CRYPT_SHA256_SIZE];

	crypt_sha256(bytes_str(held->id), digest);
	return &c->wrong_proofs[get_be16(digest) % HOLDER_COUNTS];
}

static err_t check_value(struct core *c, const struct credential *held, struct bytes message, uint8_t out[CHECK])
{
	struct buf input = buf_make(KEEPER_NAME_MAX), name = buf_make(KEEPER_NAME_MAX), id = buf_make(32);
	uint8_t salt[CRYPT_SHA256_SIZE];
	struct keeper_derive ask = { .derivation = DERIVE_E2E_MASTER, .first = BYTES_OF(salt) };
	err_t err, gone;

	crypt_sha256(message, salt);
	TRY(buf_printf(&input, "psk/%s", held->psk_identity));
	ask.input = bytes_of_buf(&input);
	TRY(keeper_derive(&c->keeper, &ask, &name, &id));
	err = keeper_check_value(&c->keeper, bytes_of_buf(&name), out);
	gone = keeper_destroy(&c->keeper, bytes_of_buf(&name));
	if (err == ERR_OK)
		err = gone;
out:
	buf_free(&input);
	buf_free(&name);
	buf_free(&id);
	return err;
}

static err_t by_check_value(struct core *c, const struct credential *held, struct bytes message,
                            struct bytes shown)
{
	uint8_t is[CHECK], given[CHECK], *wrong = wrong_of(c, held);
	err_t err;

	if (shown.n != 2 * CHECK || bytes_from_hex(shown, given, CHECK) != ERR_OK || *wrong >= WRONG_MAX)
		return ERR_REFUSED;
	err = check_value(c, held, message, is);
	/* A key that has ended proves nothing; that the keeper fails is nobody's fault. */
	if (err == ERR_MISSING || err == ERR_EXPIRED)
		return ERR_REFUSED;
	TRY(err);
	if (!secret_equal(BYTES_OF(is), BYTES_OF(given))) {
		++*wrong;
		err = ERR_REFUSED;
	}
out:
	return err;
}

err_t holder_proves(struct core *c, const struct credential *held, const struct keeper_certify *ask,
                    struct bytes shown)
{
	struct buf message = buf_make(MESSAGE_MAX);
	err_t err;

	TRY(message_of(held, ask, &message));
	err = held->psk ? by_check_value(c, held, bytes_of_buf(&message), shown)
	                : by_signature(held, ask, bytes_of_buf(&message), shown);
out:
	buf_free(&message);
	return err;
}
