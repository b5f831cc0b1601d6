/* registry_state.c: the measured state of a machine, as far as the register has to do with
 * it: what was accepted for a credential, the nonce that a quote has to be over, until
 * when the last good one counts, and whether the TPM's counters run backwards in it [T15].
 * Who judges a quote is security/assurance. */
#include "security/association/registry_inner.h"

#include "crypt/crypt.h"

enum { NONCE_MS = 60000, NONCE_EVERY_MS = 1000 };

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && !p[n - 1])
		n--;
	return n == 0;
}

/* What counted before does not any more. */
static void forget_states(struct registry *r, const struct enrolled *e)
{
	for (struct live *l = r->newest; l; l = l->older) {
		if (l->of == e)
			l->state_until = l->nonce_until = 0;
	}
}

err_t registry_accept_state(struct registry *r, struct bytes id, const uint8_t point[65],
                            const uint8_t state[CREDENTIAL_STATE])
{
	struct enrolled *e = credentials_by_id(&r->credentials, id);
	struct credential c;
	err_t err;

	if (!e)
		return ERR_MISSING;
	if (e->c.revoked)
		return ERR_REFUSED;
	c = e->c;
	/* Another TPM, or one whose owner says that it has begun anew. */
	if (!bytes_equal(bytes_make(point, sizeof(c.state_point)), BYTES_OF(c.state_point)))
		bytes_zero(c.clock, sizeof(c.clock));
	bytes_copy(c.state_point, point, sizeof(c.state_point));
	bytes_copy(c.state, state, sizeof(c.state));
	TRY(registry_put_record(r, &c));
	credentials_change(&r->credentials, e, &c);
	forget_states(r, e);
out:
	return err;
}

static struct live *vouched(const struct registry *r, uint64_t number, int64_t now)
{
	struct live *l = registry_live(r, number);

	if (!l || l->ended || !l->of || l->a.facts.until <= now ||
	    all_zero(l->of->c.state_point, sizeof(l->of->c.state_point)))
		return NULL;
	return l;
}

err_t registry_nonce(struct registry *r, uint64_t number, int64_t now, uint8_t out[32])
{
	struct live *l = vouched(r, number, now);

	if (!l)
		return ERR_MISSING;
	if (l->nonce_until - NONCE_MS + NONCE_EVERY_MS > now)
		return ERR_LIMIT;
	crypt_random(l->nonce, sizeof(l->nonce));
	l->nonce_until = now + NONCE_MS;
	l->nonce_given = true;
	bytes_copy(l->clock, l->of->c.clock, sizeof(l->clock));
	bytes_copy(out, l->nonce, sizeof(l->nonce));
	return ERR_OK;
}

err_t registry_nonce_take(struct registry *r, uint64_t number, int64_t now, uint8_t out[32],
                          const struct credential **of)
{
	struct live *l = vouched(r, number, now);

	if (!l)
		return ERR_MISSING;
	if (!l->nonce_given || l->nonce_until <= now)
		return ERR_EXPIRED;
	bytes_copy(out, l->nonce, sizeof(l->nonce));
	l->nonce_given = false;
	*of = &l->of->c;
	return ERR_OK;
}

void registry_state_forget(struct registry *r, uint64_t number)
{
	struct live *l = registry_live(r, number);

	if (l)
		l->state_until = 0;
}

/* Quotes of several associations may come in another order than they were made in: the one that
 * was made last is kept, unless it went back and that is what the policy puts up with. */
static err_t keep_clock(struct registry *r, struct enrolled *e, const uint8_t clock[CREDENTIAL_CLOCK], bool suspicious)
{
	struct credential c = e->c;
	err_t err = ERR_OK;

	if (!suspicious && clone_counter_is_less(clock, c.clock))
		goto out;
	bytes_copy(c.clock, clock, sizeof(c.clock));
	TRY(registry_put_record(r, &c));
	bytes_copy(e->c.clock, clock, sizeof(e->c.clock));
out:
	return err;
}

err_t registry_state_shown(struct registry *r, uint64_t number, const uint8_t clock[CREDENTIAL_CLOCK],
                           int64_t now, int64_t *until, const char **reason)
{
	struct live *l = vouched(r, number, now);
	bool suspicious;
	err_t err;

	*reason = "there is no such association";
	TRY(l ? ERR_OK : ERR_MISSING);
	suspicious = clone_counter_is_less(clock, l->clock);
	*reason = suspicious ? "clone alarm: the counters of its TPM run backwards" : "";
	if (suspicious && r->policy.action != CLONE_RECORD) {
		l->state_until = 0;
		if (r->policy.action == CLONE_END)
			registry_end_all_of(r, l->of);
		return ERR_BAD_STATE;
	}
	TRY(keep_clock(r, l->of, clock, suspicious));
	l->state_since = now;
	l->state_until = *until < l->a.facts.until ? *until : l->a.facts.until;
	*until = l->state_until;
out:
	return err;
}
