/* registry_evidence.c: what speaks for the entity at the other end of an association:
 * keys, by its live associations, and persons. What it is worth is computed elsewhere
 * (security/assurance). */
#include "security/association/registry_inner.h"

static void put_text(char *out, size_t size, const char *text)
{
	must(bytes_put_str(out, size, bytes_sub(bytes_str(text), 0, size - 1)) == ERR_OK);
}

/* Without a name of its own the environment is known by the credential: nothing says
 * that two credentials are in one. */
static struct evidence of_credential(const struct live *l, int64_t fresh)
{
	const struct credential *c = &l->of->c;
	struct evidence e = {
		.factor = c->factor ? (enum assurance_factor)c->factor : FACTOR_POSSESSION,
		.checked = !l->unproved, .protection = c->protection, .bound = c->bound,
		.since = l->proved, .until = l->proved + fresh, .ends = l->a.facts.until,
	};

	if (e.until > e.ends)
		e.until = e.ends;
	put_text(e.environment, sizeof(e.environment), c->environment[0] ? c->environment : c->id);
	put_text(e.source, sizeof(e.source), c->id);
	return e;
}

static struct evidence of_approval(const struct approval *a)
{
	struct evidence e = { .factor = FACTOR_PERSON, .checked = true, .since = a->since,
		              .until = a->until, .ends = a->until };

	put_text(e.source, sizeof(e.source), a->by);
	return e;
}

static struct evidence of_state(const struct live *l)
{
	struct evidence e = { .factor = FACTOR_STATE, .checked = true, .since = l->state_since,
		              .until = l->state_until, .ends = l->state_until };

	put_text(e.source, sizeof(e.source), "quote of its TPM");
	return e;
}

/* Does the credential stand in the list already, fresher? Reconnecting many times
 * adds no evidence, and must not push a second factor out of the list. */
static bool add_credential(struct evidence *out, size_t n, const struct evidence *e)
{
	for (size_t i = 0; i < n; i++) {
		if (!bytes_equal(bytes_str(out[i].source), bytes_str(e->source)))
			continue;
		if (e->until > out[i].until)
			out[i] = *e;
		return false;
	}
	if (n < EVIDENCE_MAX)
		out[n] = *e;
	return n < EVIDENCE_MAX;
}

static size_t add_siblings(const struct registry *r, const struct live *own, int64_t fresh,
                           struct evidence *out, size_t n)
{
	for (const struct live *l = *registry_entity(r, own->a.facts.entity); l; l = l->next_of_entity) {
		struct evidence e;

		if (l == own || l->ended || !l->of ||
		    !bytes_equal(bytes_str(l->a.facts.entity), bytes_str(own->a.facts.entity)))
			continue;
		e = of_credential(l, fresh);
		/* The proof of this association is its own: a newer one elsewhere with
		 * the same key does not make it fresh. */
		if (!bytes_equal(bytes_str(e.source), bytes_str(out[0].source)))
			n += add_credential(out, n, &e);
	}
	return n;
}

size_t registry_evidence(const struct registry *r, const struct association *a, int64_t fresh,
                         struct evidence out[EVIDENCE_MAX])
{
	const struct live *own = registry_live(r, a->number);
	size_t n = 0;

	if (!own || own->ended || !own->of)
		return 0;
	out[n++] = of_credential(own, fresh);
	for (size_t i = 0; i < APPROVALS_PER_ASSOCIATION; i++) {
		if (own->approvals[i].until)
			out[n++] = of_approval(&own->approvals[i]);
	}
	if (own->state_until)
		out[n++] = of_state(own);
	return add_siblings(r, own, fresh, out, n);
}

/* The place of the same person, of an old word, or a free one. */
static struct approval *place_for(struct live *l, struct bytes by, int64_t now)
{
	struct approval *place = NULL;

	for (size_t i = 0; i < APPROVALS_PER_ASSOCIATION; i++) {
		struct approval *a = &l->approvals[i];

		if (bytes_equal(bytes_str(a->by), by))
			return a;
		if (a->until <= now)
			place = a;
	}
	return place;
}

err_t registry_approve(struct registry *r, uint64_t number, struct bytes by, int64_t now, int64_t until)
{
	struct live *l = registry_live(r, number);
	struct approval *place;
	err_t err;

	if (!l || l->ended || l->a.facts.until <= now)
		return ERR_MISSING;
	if (until <= now || by.n == 0 || !bytes_is_printable(by))
		return ERR_RANGE;
	place = place_for(l, by, now);
	if (!place)
		return ERR_FULL;
	TRY(bytes_put_str(place->by, sizeof(place->by), by));
	place->since = now;
	place->until = until;
out:
	return err;
}

void registry_approve_undo(struct registry *r, uint64_t number, int64_t now)
{
	struct live *l = registry_live(r, number);

	for (size_t i = 0; l && i < APPROVALS_PER_ASSOCIATION; i++) {
		if (l->approvals[i].since == now)
			l->approvals[i] = (struct approval){ .until = 0 };
	}
}
