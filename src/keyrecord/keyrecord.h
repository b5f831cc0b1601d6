/* keyrecord.h: what is kept of a key, and its octets (doc/protocol/keystore.md).
 *
 * The record says what may be done with the key; who holds it to that is the keeper. */
#ifndef KEYRECORD_KEYRECORD_H
#define KEYRECORD_KEYRECORD_H

#include "derivation/derivation.h"

enum { KEYRECORD_MAX = 2048 };

struct vault_key {
	char name[KEEPER_NAME_MAX + 1];
	enum key_origin origin;
	/* Its policy, of its making, for good. */
	unsigned policy;   /* set of roles that may use it */
	uint32_t purposes; /* set of 1 << enum sign_purpose, and of enum key_use */
	uint8_t suid;      /* the only security usage it is for; 0: any [TS-0004 6.3.4.2.39] */
	uint8_t assurance; /* least level of the association that it is used for */
	uint64_t uses_max; /* 0: no end */
	uint32_t owner;    /* user of the system who may use it through the door */
	int64_t not_after; /* ms, 0: no end */
	/* Its life. */
	enum key_state state;
	uint32_t version, minimum; /* earlier versions below the minimum are gone */
	uint64_t uses;
	uint64_t erase_at; /* elapsed time of the keeper, when withdrawn */
	int64_t created;   /* ms */
	const struct key_provider *provider;
	struct provider_key key;
	bool before, gone; /* while an order is carried out: before.h */
};

/* The octets into a secret page of KEYRECORD_MAX, which never grows; *n of them. */
err_t keyrecord_print(const struct vault_key *k, struct secret *page, size_t *n) MUST_USE;

/* What a token is to hold a key to that is made for these purposes. */
enum pair_use key_pair_use(enum key_class class, uint32_t purposes);

/* `key` by the policy of `old` but for its end, and one version later. */
void keyrecord_succeed(struct vault_key *key, const struct vault_key *old);

/* The first of its purposes of signatures and programs; a program's key has one. */
unsigned key_purpose(uint32_t purposes);

/* Is it an earlier version of the key of that name? */
bool key_is_version(const struct vault_key *k, struct bytes name);

/* And back; also those of the form before, whose uses went by origin and name. The name is
 * a view, not yet in k; the blob is owned by k. ERR_UNSUPPORTED: form or provider. */
err_t keyrecord_get(struct wire_in *in, struct vault_key *k, struct bytes *name) MUST_USE;

#endif
