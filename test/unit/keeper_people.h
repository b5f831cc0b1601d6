/* keeper_people.h: three who may be administrators: anna and carl with keys of P-256, bert
 * with one of Ed25519. */
#ifndef KEEPER_PEOPLE_H
#define KEEPER_PEOPLE_H

#include "keeper_help.h"

enum { ANNA, BERT, CARL, PERSONS };

static const char *const names[PERSONS] = { "anna", "bert", "carl" };
static struct crypt_key keys[PERSONS];

static inline err_t people_make(void)
{
	err_t err;

	TRY(crypt_p256_new(&keys[ANNA]));
	TRY(crypt_p256_new(&keys[CARL]));
	err = crypt_ed25519_from_seed((const uint8_t *)"the seed of bert, of 32 octets ..", &keys[BERT]);
out:
	return err;
}

static inline void people_free(void)
{
	for (int i = 0; i < PERSONS; i++)
		crypt_key_free(&keys[i]);
}

static inline size_t public_of(int who, uint8_t out[65])
{
	if (who == BERT) {
		assert_int_equal(crypt_ed25519_public(&keys[who], out), ERR_OK);
		return 32;
	}
	assert_int_equal(crypt_p256_point(&keys[who], out), ERR_OK);
	return 65;
}

static inline void add_person(struct bed *b, int who)
{
	uint8_t point[65];
	size_t n = public_of(who, point);

	assert_int_equal(administration_add(&b->ks.vault.admin, bytes_str(names[who]),
	                                    who == BERT ? KEY_ED25519 : KEY_EC_P256, bytes_make(point, n)),
	                 ERR_OK);
}

#endif
