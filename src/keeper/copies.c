/* copies.c: copies of the key store that are, or were, at work [CM5 CM10]: by the witness,
 * at once (provider/witness.h); by a TPM, after one another: its counter goes on by one with
 * each start of a keeper, and the key store keeps the number. One that is beyond was counted
 * by a keeper with another copy. */
#include "base/clock.h"
#include "base/log.h"
#include "keeper/order.h"
#include "provider/token.h"

enum { COPIED_EVERY_MS = 60000 };

/* The number is written before the TPM counts: a start that was cut in between is one
 * behind, and no alarm. In `uses` of the pairing secret, which has no others. */
static err_t count_start(struct keeper_state *ks, unsigned number, bool *copied)
{
	struct vault_key *pairing = token_record(&ks->vault, "token", number);
	uint64_t n;
	err_t err;

	TRY(pairing ? ERR_OK : ERR_UNSUPPORTED);
	TRY(token_count(number, false, &n));
	*copied |= pairing->uses && n > pairing->uses;
	pairing->uses = n + 1;
	TRY(vault_save(&ks->vault));
	err = token_count(number, true, &n);
out:
	return err;
}

/* Once for each time that a token comes. */
static bool counted_by_another(struct keeper_state *ks)
{
	bool copied = false;
	err_t err;

	for (unsigned n = 1; n <= TOKENS_MAX; n++) {
		unsigned bit = 1u << n;

		if (!token_state_of(n)->present) {
			ks->counted &= ~bit;
			continue;
		}
		if (ks->counted & bit)
			continue;
		ks->counted |= bit;
		err = count_start(ks, n, &copied);
		if (err != ERR_OK && err != ERR_UNSUPPORTED)
			log_event(LOG_WARN, "start not counted", "token=%u why=%s", n, err_text(err));
	}
	return copied;
}

static void tell(struct keeper_state *ks, const char *what)
{
	static const struct keeper_caller myself = { .role = ROLE_KEEPER };

	log_event(LOG_ERROR, "key store copied", "%s", what);
	dispatch_event(ks, &myself, OP_STATUS, ERR_DUPLICATE, bytes_str(what), 0);
}

/* Said at once, and of one at work every minute. */
void keeper_look_for_copies(struct keeper_state *ks, int64_t now)
{
	bool copied;
	err_t err = vault_witness(&ks->vault, &copied);

	if (err != ERR_OK && ks->witness == ERR_OK)
		log_event(LOG_WARN, "witness not told", "copies of the key store will not be noticed: %s", err_text(err));
	ks->witness = err;
	if (counted_by_another(ks)) {
		ks->was_copied = true;
		tell(ks, "another keeper has used a copy of this key store: the TPM counted its start");
	}
	if (!copied || (ks->copied_at && now - ks->copied_at < COPIED_EVERY_MS))
		return;
	ks->copied_at = now;
	tell(ks, "another keeper uses a copy of this key store");
}
