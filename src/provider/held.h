/* held.h: the keys that lie on tokens, and what is known of each: whether it is there as it
 * was made (probe.h), and whether its TPM certified it (certified.h). */
#ifndef PROVIDER_HELD_H
#define PROVIDER_HELD_H

#include "provider/proof.h"

enum { HELD_MAX = 128 }; /* of more nothing is known: they count as level 1 */

enum standing { UNKNOWN, ASKED, CERTIFIED, REFUSED };

struct held {
	uint8_t blob[KEY_BLOB_MAX];
	size_t n; /* 0: free */
	enum key_class class;
	/* by its TPM */
	bool certifiable;
	enum standing standing;
	unsigned number; /* which link was asked */
	uint8_t nonce[32];
	uint64_t ref;
	int64_t at; /* of the answer that refused it */
	struct proof_pin pin; /* by which it was asked about */
	/* is it there? */
	bool tried; /* the question is on its way */
	err_t found;
	uint64_t tried_ref;
	int64_t tried_at; /* 0: not since the token came */
};
extern struct held held[HELD_MAX];

/* One that is used, or not any more. A copy that was unloaded goes for all. */
struct held *held_note(const struct provider_key *k);
void held_forget(const struct provider_key *k);

/* The token's own reference of it. */
struct bytes held_reference(const struct held *h);

#endif
