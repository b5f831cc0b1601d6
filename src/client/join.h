/* join.h: a device gets its credential from a node that does not know it: the key is
 * made here and stays here.
 *
 *   1 the node's anchor is fetched, and compared with the fingerprint of the claim
 *   2 under that anchor: key, proof of possession and ticket go, the certificate comes */
#ifndef CLIENT_JOIN_H
#define CLIENT_JOIN_H

#include "client/claim.h"
#include "client/profile.h"

struct crypt_key;

/* id: Cdev7, Sapp, or /mn-3. device: NULL, or a profile of which certificate and key
 * are those that the maker gave it. out: a whole profile but for its folder; the
 * caller frees it whatever is returned. `why` receives one line on an error. */
err_t client_join(const struct claim *claim, struct bytes id, const struct profile *device,
                  struct profile *out, char *why, size_t why_size) MUST_USE;

/* ECDSA over "holdfast enrolment" 0 kind subject point, appended. kind: enum
 * certify_kind of wire/keeper_calls.h: 1 AE, 2 CSE. */
err_t client_proof(const struct crypt_key *key, unsigned kind, struct bytes subject,
                   struct bytes point, struct buf *proof) MUST_USE;

#endif
