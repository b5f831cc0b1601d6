/* shown.h: what may be seen of a key from outside, and how its policy is set. */
#ifndef KEYRECORD_SHOWN_H
#define KEYRECORD_SHOWN_H

#include "keyrecord/keyrecord.h"
#include "wire/order.h"

/* Its policy, of its making, for good. */
void keyrecord_policy(struct vault_key *k, const struct key_policy *p);

/* Leftmost 4 octets of HMAC(key, "holdfast check value"). */
err_t keyrecord_check(struct vault_key *k, uint8_t out[4]) MUST_USE;

/* The fields of KEY_LIST. A symmetric key is asked for its check value; one whose token is
 * away is shown all the same. */
err_t keyrecord_show(struct vault_key *k, bool more, struct wire_out *out) MUST_USE;

#endif
