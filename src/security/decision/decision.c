/* decision.c: the one place that says yes. Reads the rules in the order they
 * stand; permit overrides. It keeps, for the refusal and the record, the rule
 * that came nearest: the one that failed at the latest stage. */
#include "security/decision/decision.h"
#include "permit/mint.h"
#include "security/decision/rule.h"

/* The stages of a rule; the later one fails, the nearer it was. */
enum stage {
	STAGE_ORIGINATOR, STAGE_MALFORMED, STAGE_OPERATION, STAGE_AUTHENTICATION,
	STAGE_CONTEXT, STAGE_OBJECT, STAGE_PERMIT
};

static const char *const stage_texts[] = {
	[STAGE_MALFORMED] = "a rule is malformed and grants nothing",
	[STAGE_ORIGINATOR] = "no rule names the originator",
	[STAGE_OPERATION] = "the operation is not granted",
	[STAGE_AUTHENTICATION] = "an authenticated originator is required",
	[STAGE_CONTEXT] = "time, address or place does not fit",
	[STAGE_OBJECT] = "this resource type may not be created there",
	[STAGE_PERMIT] = "permitted",
};

static const char *const access_names[] = {
	"Create", "Retrieve", "Update", "Delete", "Notify", "Discovery",
};

enum { ACCESS_ALL = 63 };

static const char *access_name(unsigned bit)
{
	for (unsigned i = 0; i < COUNT_OF(access_names); i++) {
		if (bit == 1u << i)
			return access_names[i];
	}
	return "nothing";
}

enum verdict rule_any_of(const struct cbor *array, rule_item each, const struct decision_facts *f)
{
	enum verdict all = VERDICT_NO;
	struct bytes rest = array->s;
	struct cbor item;

	if (array->kind != CBOR_ARRAY || array->u == 0)
		return VERDICT_MALFORMED;
	for (uint64_t i = 0; i < array->u; i++) {
		enum verdict one;

		if (cbor_next(&rest, &item) != ERR_OK)
			return VERDICT_MALFORMED;
		one = each(&item, f);
		if (one == VERDICT_MALFORMED)
			return one;
		if (one == VERDICT_YES)
			all = one;
	}
	return all;
}

/* --- one rule ----------------------------------------------------------------- */

enum part { ACOR, ACOP, ACAF, ACCO, ACOD, PARTS };

static const char *const part_names[PARTS] = { "acor", "acop", "acaf", "acco", "acod" };

struct rule {
	struct cbor part[PARTS];
	bool has[PARTS];
};

/* False when the rule holds a member we cannot judge: it could narrow the rule
 * (accessControlAttributes, accessControlLimit ...), so the rule denies. */
static bool rule_read(const struct cbor *map, struct rule *out)
{
	struct bytes rest = map->s, key;
	struct cbor value;
	bool found;

	*out = (struct rule){ 0 };
	if (map->kind != CBOR_MAP)
		return false;
	for (uint64_t i = 0; i < map->u; i++) {
		size_t part = 0;

		if (cbor_pair(&rest, &key, &value, &found) != ERR_OK || !found)
			return false;
		while (part < PARTS && !bytes_equal(key, bytes_str(part_names[part])))
			part++;
		if (part == PARTS)
			return false;
		out->part[part] = value;
		out->has[part] = true;
	}
	return out->has[ACOR] && out->has[ACOP] && out->part[ACOP].kind == CBOR_UINT &&
	       out->part[ACOP].u <= ACCESS_ALL &&
	       (!out->has[ACAF] || out->part[ACAF].kind == CBOR_BOOL);
}

static enum stage stage_of(enum verdict v, enum stage failed)
{
	return v == VERDICT_YES ? STAGE_PERMIT
	                        : v == VERDICT_NO ? failed : STAGE_MALFORMED;
}

/* Where the rule fails, or STAGE_PERMIT. Every part is read even when an
 * earlier one fails: a malformed part must never be hidden by order. */
static enum stage rule_stage(const struct cbor *map, const struct decision_facts *f)
{
	enum stage stage[4] = { STAGE_PERMIT, STAGE_PERMIT, STAGE_PERMIT, STAGE_PERMIT };
	enum stage first = STAGE_PERMIT;
	struct rule rule;

	if (!rule_read(map, &rule))
		return STAGE_MALFORMED;
	stage[0] = stage_of(rule_originators(&rule.part[ACOR], f), STAGE_ORIGINATOR);
	if ((rule.part[ACOP].u & f->operation) != f->operation || f->operation == 0)
		stage[1] = STAGE_OPERATION;
	if (stage[1] == STAGE_PERMIT && rule.has[ACAF] && rule.part[ACAF].u && !f->authenticated)
		stage[1] = STAGE_AUTHENTICATION;
	if (rule.has[ACCO])
		stage[2] = stage_of(rule_contexts(&rule.part[ACCO], f), STAGE_CONTEXT);
	if (rule.has[ACOD] && f->operation == ACCESS_CREATE)
		stage[3] = stage_of(rule_objects(&rule.part[ACOD], f), STAGE_OBJECT);
	for (size_t i = 0; i < COUNT_OF(stage); i++) {
		if (stage[i] == STAGE_MALFORMED)
			return STAGE_MALFORMED;
		if (stage[i] < first)
			first = stage[i];
	}
	return first;
}

/* --- all rules ---------------------------------------------------------------- */

struct nearest {
	enum stage stage;
	uint64_t policy;
	unsigned rule;
	bool any;
};

static void consider(struct nearest *best, enum stage stage, uint64_t policy, unsigned rule)
{
	if (best->any && stage <= best->stage)
		return;
	*best = (struct nearest){ stage, policy, rule, true };
}

static void judge_set(struct bytes set, uint64_t policy, const struct decision_facts *f,
                      struct nearest *best)
{
	struct cbor acr, rule;
	struct bytes rest;
	bool found;

	if (cbor_find(set, BYTES("acr"), &acr, &found) != ERR_OK ||
	    (found && acr.kind != CBOR_ARRAY)) {
		consider(best, STAGE_MALFORMED, policy, 0);
		return;
	}
	rest = found ? acr.s : BYTES_NONE;
	for (unsigned i = 1; found && i <= acr.u && best->stage != STAGE_PERMIT; i++) {
		if (cbor_next(&rest, &rule) != ERR_OK) {
			consider(best, STAGE_MALFORMED, policy, i);
			return;
		}
		consider(best, rule_stage(&rule, f), policy, i);
	}
}

/* Appends to out->text what fits. */
static void say_more(struct decision *out, const char *s)
{
	size_t at = bytes_find(BYTES_OF(out->text), 0);
	size_t n = bytes_str(s).n;

	if (n > sizeof(out->text) - 1 - at)
		n = sizeof(out->text) - 1 - at;
	bytes_copy(out->text + at, s, n);
	out->text[at + n] = 0;
}

static void say_number(struct decision *out, uint64_t v)
{
	char digits[21] = { 0 };
	size_t at = sizeof(digits) - 1;

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	say_more(out, digits + at);
}

static void say(struct decision *out, const char *first, const char *second)
{
	if (out->rule) {
		say_more(out, "policy ");
		say_number(out, out->policy);
		say_more(out, " rule ");
		say_number(out, out->rule);
		say_more(out, ": ");
	}
	say_more(out, first);
	say_more(out, second);
}

static void say_rules(struct decision *out, const struct nearest *best,
                      const struct decision_facts *f)
{
	/* A stranger learns no number of a policy that does not name it. */
	if (best->any && best->stage != STAGE_ORIGINATOR) {
		out->policy = best->policy;
		out->rule = best->rule;
	}
	out->reason = best->any ? stage_texts[best->stage] : "no policy grants anything";
	if (best->stage == STAGE_OPERATION)
		say(out, access_name(f->operation), " is not granted");
	else if (best->stage == STAGE_PERMIT)
		say(out, "permits ", access_name(f->operation));
	else
		say(out, out->reason, "");
}

static void judge_rules(const struct decision_facts *facts,
                        const struct decision_policies *policies, struct decision *out)
{
	struct nearest best = { .any = false };

	for (size_t i = 0; i < policies->n && best.stage != STAGE_PERMIT; i++)
		judge_set(policies->sets[i], policies->ids[i], facts, &best);
	out->permit = best.any && best.stage == STAGE_PERMIT;
	say_rules(out, &best, facts);
}

/* Only who would be let in learns which level is asked for, and what he lacks. */
static void judge_assurance(const struct decision_facts *facts, struct decision *out)
{
	if (!out->permit || facts->assurance >= facts->assurance_needed)
		return;
	out->permit = false;
	out->reason = "the level of assurance is too low";
	out->text[0] = '\0';
	say(out, "level of assurance ", "");
	say_number(out, facts->assurance_needed);
	say_more(out, " is needed, it is ");
	say_number(out, facts->assurance);
	say_more(out, "; missing: ");
	say_more(out, facts->assurance_missing ? facts->assurance_missing : "not known");
}

bool decision_judge(const struct decision_facts *facts,
                    const struct decision_policies *policies, struct decision *out)
{
	*out = (struct decision){ .reason = "" };
	if (policies->creator_only) {
		out->permit = facts->originator.n && facts->operation != 0 &&
		              bytes_equal(facts->creator, facts->originator);
		out->reason = out->permit ? "the creator"
		                          : "no policy is set: only the creator has access";
		say(out, out->reason, "");
	} else {
		judge_rules(facts, policies, out);
	}
	judge_assurance(facts, out);
	return out->permit;
}

/* --- permits ------------------------------------------------------------------- */

static err_t mint(const struct decision_facts *facts, const char *reason,
                  struct arena *arena, const struct permit **permit)
{
	struct permit *p;
	void *room;
	err_t err;

	must(facts->operation != 0 && facts->resource != 0);
	TRY(arena_take(arena, sizeof(*p), &room));
	p = room;
	p->access = facts->operation;
	p->resource = facts->resource;
	must(bytes_put_str(p->reason, sizeof(p->reason),
	                   bytes_sub(bytes_str(reason), 0, sizeof(p->reason) - 1)) == ERR_OK);
	*permit = p;
out:
	return err;
}

err_t decide(const struct decision_facts *facts, const struct decision_policies *policies,
             struct arena *arena, const struct permit **permit, struct decision *out)
{
	*permit = NULL;
	if (!decision_judge(facts, policies, out))
		return ERR_OK;
	return mint(facts, out->text, arena, permit);
}

static const char *const grounds[] = {
	[GROUND_REGISTRATION] = "registration [TS-0001 10.2.2.2]",
	[GROUND_TARGET] = "a notification target, of itself [TS-0004 7.4.33.2.4]",
	[GROUND_MEMBER] = "the CSE of a member, to the group [TS-0004 7.5.1.2.6]",
	[GROUND_ORIGINAL] = "the CSE of the original [TS-0004 7.4.26.2.4]",
	[GROUND_KEY_TARGET] = "a target of the key [TS-0003 8.3.5.2.8, 8.8.2.8]",
	[GROUND_DELIVERY] = "a delivery, from a CSE that is registered here [TS-0001 10.2.5.8]",
	[GROUND_LAB_ADMIN] = "lab mode: administrator",
	[GROUND_LAB_OPEN] = "lab mode: open",
};

err_t decide_on_ground(const struct decision_facts *facts, enum decision_ground ground,
                       struct arena *arena, const struct permit **permit,
                       struct decision *out)
{
	must((size_t)ground < COUNT_OF(grounds));
	*permit = NULL;
	*out = (struct decision){ .permit = true, .reason = grounds[ground] };
	say(out, out->reason, "");
	if (ground != GROUND_LAB_ADMIN && ground != GROUND_LAB_OPEN)
		judge_assurance(facts, out);
	return !out->permit ? ERR_OK : mint(facts, out->reason, arena, permit);
}

void decision_refuse(struct decision *out, const char *reason)
{
	*out = (struct decision){ .reason = reason };
	say(out, reason, "");
}

/* --- groups ---------------------------------------------------------------------- */

static size_t add_entry(struct bytes entry, struct bytes *out, size_t n, size_t max)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_equal(out[i], entry))
			return n;
	}
	if (n < max)
		out[n++] = entry;
	return n;
}

static size_t add_entries(const struct cbor *rule, struct bytes *out, size_t n, size_t max)
{
	struct cbor acor, entry;
	struct bytes rest;
	bool found;

	if (rule->kind != CBOR_MAP ||
	    cbor_find(rule->raw, BYTES("acor"), &acor, &found) != ERR_OK || !found ||
	    acor.kind != CBOR_ARRAY)
		return n;
	rest = acor.s;
	for (uint64_t i = 0; i < acor.u && cbor_next(&rest, &entry) == ERR_OK; i++) {
		if (entry.kind == CBOR_TEXT && rule_is_group_entry(entry.s))
			n = add_entry(entry.s, out, n, max);
	}
	return n;
}

size_t decision_group_entries(const struct decision_policies *policies,
                              struct bytes *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; !policies->creator_only && i < policies->n; i++) {
		struct cbor acr, rule;
		struct bytes rest;
		bool found;

		if (cbor_find(policies->sets[i], BYTES("acr"), &acr, &found) != ERR_OK ||
		    !found || acr.kind != CBOR_ARRAY)
			continue;
		rest = acr.s;
		for (uint64_t k = 0; k < acr.u && cbor_next(&rest, &rule) == ERR_OK; k++)
			n = add_entries(&rule, out, n, max);
	}
	return n;
}
