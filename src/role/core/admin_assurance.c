/* admin_assurance.c: the rules that ask for a level of assurance, what an association
 * is worth and why, and the approval of a person. */
#include "role/core/core.h"

enum { APPROVAL_MAX_S = 24 * 3600 };

static err_t refuse(struct admin *a, err_t err)
{
	static const struct {
		err_t err;
		const char *text;
	} reasons[] = {
		{ ERR_RANGE, "a level is 2, 3 or 4; an approval holds for at most a day" },
		{ ERR_SYNTAX, "not a structured address, operations (CRUDN and D for discovery), network or schedule" },
		{ ERR_FULL, "there are as many as may be" },
		{ ERR_MISSING, "there is none of this number" },
	};

	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		if (err == reasons[i].err)
			admin_say(a, reasons[i].text);
	}
	return err;
}

/* --- rules ---------------------------------------------------------------------------- */

static err_t text_field(struct admin *a, char *out, size_t size)
{
	struct bytes text = wire_get_bytes(&a->in, (uint32_t)size - 1);

	return a->in.err == ERR_OK ? bytes_put_str(out, size, text) : a->in.err;
}

err_t admin_assurance_require(struct admin *a)
{
	struct assurance_rule rule = { .level = wire_get_u8(&a->in) };
	struct row r = row_begin();
	err_t err;

	rule.operations = wire_get_u8(&a->in);
	rule.type = wire_get_u32(&a->in);
	TRY(text_field(a, rule.address, sizeof(rule.address)));
	TRY(text_field(a, rule.outside, sizeof(rule.outside)));
	TRY(text_field(a, rule.during, sizeof(rule.during)));
	TRY(wire_done(&a->in));
	TRY(bytes_put_str(a->subject, sizeof(a->subject),
	                  bytes_sub(bytes_str(rule.address), 0, sizeof(a->subject) - 1)));
	err = assurance_require(a->core->room.assurance, &rule);
	TRY(refuse(a, err));
	row_uint(&r, "number", rule.number);
	return admin_row_out(a, &r);
out:
	buf_free(&r.values);
	return err;
}

err_t admin_assurance_remove(struct admin *a)
{
	uint32_t number = wire_get_u32(&a->in);
	err_t err;

	TRY(wire_done(&a->in));
	TRY(text_print(a->subject, sizeof(a->subject), "rule %u", number) ? ERR_OK : ERR_LIMIT);
	err = refuse(a, assurance_remove(a->core->room.assurance, number));
out:
	return err;
}

static err_t rule_row(struct admin *a, const struct assurance_rule *rule)
{
	struct row r = row_begin();

	row_uint(&r, "number", rule->number);
	row_uint(&r, "level", rule->level);
	row_text(&r, "address", bytes_str(rule->address));
	row_uint(&r, "operations", rule->operations);
	row_uint(&r, "type", rule->type);
	row_text(&r, "outside", bytes_str(rule->outside));
	row_text(&r, "during", bytes_str(rule->during));
	return admin_row_out(a, &r);
}

err_t admin_assurance_list(struct admin *a)
{
	const struct assurance_rules *rules = a->core->room.assurance;
	err_t err;

	TRY(wire_done(&a->in));
	for (size_t i = 0; i < assurance_count(rules); i++)
		TRY(rule_row(a, assurance_rule(rules, i)));
out:
	return err;
}

/* --- associations ------------------------------------------------------------------------ */

unsigned association_level(struct core *c, const struct association *a)
{
	struct evidence evidence[EVIDENCE_MAX];
	struct assurance level;

	assurance_compute(evidence, registry_evidence(c->room.registry, a, c->room.proof_fresh, evidence),
	                  c->now, &level);
	return level.level;
}

/* A proof that has aged is shown with its end: it is why the level went down. */
static err_t evidence_row(struct admin *a, const struct evidence *e)
{
	struct row r = row_begin();

	row_text(&r, "factor", bytes_str(assurance_factor_name(e->factor)));
	row_text(&r, "source", bytes_str(e->source));
	row_text(&r, "environment", bytes_str(e->environment));
	row_uint(&r, "protection", e->protection);
	row_bool(&r, "bound", e->bound);
	row_uint(&r, "since", (uint64_t)e->since);
	row_uint(&r, "until", (uint64_t)e->until);
	row_bool(&r, "fresh", e->since <= a->core->now && a->core->now < e->until);
	return admin_row_out(a, &r);
}

struct sought {
	uint64_t number;
	const struct association *found;
};

static err_t look(void *self, const struct association *a)
{
	struct sought *s = self;

	if (a->number == s->number)
		s->found = a;
	return ERR_OK;
}

err_t admin_association_show(struct admin *a)
{
	struct core *c = a->core;
	struct sought search = { .number = wire_get_u64(&a->in) };
	struct evidence evidence[EVIDENCE_MAX];
	struct assurance level;
	struct row r = row_begin();
	size_t n;
	err_t err;

	TRY(wire_done(&a->in));
	TRY(registry_associations(c->room.registry, look, &search));
	TRY(refuse(a, search.found ? ERR_OK : ERR_MISSING));
	n = registry_evidence(c->room.registry, search.found, c->room.proof_fresh, evidence);
	assurance_compute(evidence, n, c->now, &level);
	row_uint(&r, "number", search.number);
	row_text(&r, "entity", bytes_str(search.found->facts.entity));
	row_text(&r, "credential", bytes_str(search.found->facts.credential));
	row_uint(&r, "level", level.level);
	row_uint(&r, "until", (uint64_t)level.until);
	row_text(&r, "missing", bytes_str(level.missing));
	TRY(admin_row_out(a, &r));
	for (size_t i = 0; i < n; i++)
		TRY(evidence_row(a, &evidence[i]));
	return ERR_OK;
out:
	buf_free(&r.values);
	return err;
}

err_t admin_association_approve(struct admin *a)
{
	uint64_t number = wire_get_u64(&a->in);
	uint32_t seconds = wire_get_u32(&a->in);
	char by[64];
	err_t err;

	TRY(wire_done(&a->in));
	TRY(refuse(a, seconds && seconds <= APPROVAL_MAX_S ? ERR_OK : ERR_RANGE));
	TRY(text_print(a->subject, sizeof(a->subject), "association %llu for %u s",
	               (unsigned long long)number, seconds) ? ERR_OK : ERR_LIMIT);
	TRY(text_print(by, sizeof(by), "operator, user %u", a->user) ? ERR_OK : ERR_LIMIT);
	err = refuse(a, registry_approve(a->core->room.registry, number, bytes_str(by), a->core->now,
	                                 a->core->now + (int64_t)seconds * 1000));
	if (err == ERR_OK)
		a->approved = number;
out:
	return err;
}
