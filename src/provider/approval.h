/* approval.h: which measured states of a TPM its keys open in, beside the one of their
 * making: decided by an order of administrators (STATE_APPROVE), signed for the TPM by the
 * approver, a pair in the key store that signs nothing else.
 *
 * A record of the key store says of each token what is approved; it is no key:
 *   u8 2, u8 number, identity (16), u32 set of PCRs, name of the TPM's counter (34),
 *   u64 generation, u8 n, n times the SHA-256 over the values of those PCRs (32)
 * What is withdrawn takes the counter on by one, in this record first and then in the TPM;
 * the states that stay are signed anew. The first order with other PCRs withdraws the states
 * of those before. */
#ifndef PROVIDER_APPROVAL_H
#define PROVIDER_APPROVAL_H

#include "provider/provider.h"

/* Is it such a record, and whole? ERR_TAMPERED. */
bool approval_is(const struct provider_key *k);
err_t approval_check(const struct provider_key *k) MUST_USE;

/* For a token that was paired now: the state that it is in. ERR_MISSING: it measures none. */
err_t approval_first(unsigned number, struct provider_key *out) MUST_USE;

/* What the order says, behind token.N/ (wire/order.h). `old` NULL: nothing was approved yet.
 * ERR_MISSING: it is not approved, or no such TPM is here; ERR_EXISTS; ERR_FULL; ERR_RANGE:
 * other PCRs. */
err_t approval_order(unsigned number, const struct provider_key *old, struct bytes asked,
                     struct provider_key *out) MUST_USE;

/* Sign it by the approver and tell the token's process; nobody waits for the answer. */
void approval_tell(unsigned number, const struct provider_key *record, const struct key_provider *signs,
                   struct provider_key *approver);

/* Is what the token measures now approved, as it was told last? */
bool approval_now(unsigned number);

#endif
