/* enrolment.h: keys that come from outside, and how keys go. Private to the room. */
#ifndef KEEPER_ENROLMENT_H
#define KEEPER_ENROLMENT_H

#include "certificate/certificate.h"
#include "keeper/dispatch.h"
#include "provider/sealed.h"

/* A symmetric key that was sealed to the key "import", or to its last version
 * before, for this identity; owned by the caller, in no vault. ERR_TAMPERED,
 * ERR_RANGE: neither 16 nor 32 octets. */
err_t enrolment_open(struct call *c, struct bytes identity, struct bytes sealed,
                     struct vault_key *out) MUST_USE;

/* The CA as certificates see it; its key counts its uses. */
struct certificate_ca authority_of(const struct vault *v, struct vault_key *key);

/* Out of use in this state; its name is free for another, unless (false) it was too long. An
 * earlier version keeps its name. */
bool keeper_put_away(struct keeper_state *ks, struct vault_key *key, enum key_state state);

/* The key is gone: its handles, its earlier versions and what was derived from it
 * too. Not yet written. */
void keeper_forget_key(struct keeper_state *ks, struct vault_key *key);
void keeper_forget_derived(struct keeper_state *ks, struct bytes name);

#endif
