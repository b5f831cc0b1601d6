/* policy: sets of access control rules as a client may write them, judged and
 * checked for their form.
 *
 * Input: u8 how to ask, then a set of rules as JSON. Checked beside memory: a
 * verdict is the same every time; whoever permits names a rule that grants the
 * operation; a broken set beside it, or its place, changes nothing; and without
 * a policy only the creator is let in. */
#include "codec/json.h"
#include "resource/engine.h"
#include "security/decision/decision.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum access_bit operations[] = { ACCESS_CREATE, ACCESS_RETRIEVE, ACCESS_UPDATE,
	                                      ACCESS_DELETE, ACCESS_NOTIFY, ACCESS_DISCOVERY };

static struct decision_facts facts_of(uint8_t how)
{
	static const struct bytes memberships[] = { BYTES("cse-in/g") };
	static const struct bytes roles[] = { BYTES("1234@role-issuer.com") };
	struct decision_facts f = {
		.originator = BYTES("//demo.example/in-cse/Cdev"), .sp_id = BYTES("//demo.example"),
		.cse_id = BYTES("/in-cse"), .authenticated = !(how & 8), .resource = 7, .resource_type = 3,
		.operation = operations[how % COUNT_OF(operations)], .memberships = memberships,
		.memberships_n = 1, .roles = roles, .roles_n = 1,
		.context = { .now = INT64_C(1767261600000), .address = { 192, 0, 2, 7 }, .address_n = 4,
		             .located = how & 16, .latitude = 48.1, .longitude = 11.5 },
	};

	if (f.operation == ACCESS_CREATE)
		f.create_type = 4;
	return f;
}

/* Does rule `number` of the set grant the operation? */
static bool grants(struct bytes set, unsigned number, enum access_bit operation)
{
	struct cbor rules, rule = { .u = 0 }, right;
	bool found;

	must(cbor_find(set, BYTES("acr"), &rules, &found) == ERR_OK && found);
	must(rules.kind == CBOR_ARRAY && number >= 1 && number <= rules.u);
	for (unsigned i = 0; i < number; i++)
		must(cbor_next(&rules.s, &rule) == ERR_OK);
	must(cbor_find(rule.raw, BYTES("acop"), &right, &found) == ERR_OK && found);
	return right.kind == CBOR_UINT && (right.u & operation);
}

static bool judge(const struct decision_facts *f, const struct bytes *sets, size_t n, struct decision *out)
{
	static const uint64_t ids[] = { 11, 12 };
	struct decision_policies policies = { sets, ids, n, false };
	struct bytes groups[DECISION_GROUPS_MAX];
	bool yes = decision_judge(f, &policies, out);

	must(yes == out->permit && out->reason && bytes_is_printable(bytes_str(out->text)));
	must(decision_group_entries(&policies, groups, COUNT_OF(groups)) <= COUNT_OF(groups));
	return yes;
}

static void judge_all(uint8_t how, struct bytes set)
{
	struct decision_facts f = facts_of(how);
	struct bytes sets[] = { set, BYTES("\xff broken") }, turned[] = { sets[1], set };
	struct decision_policies nobody = { sets, NULL, 0, true };
	struct decision first, again;
	bool yes = judge(&f, sets, 1, &first);

	if (yes)
		must(first.policy == 11 && grants(set, first.rule, f.operation));
	must(judge(&f, sets, 1, &again) == yes && again.rule == first.rule);
	must(judge(&f, sets, 2, &again) == yes && judge(&f, turned, 2, &again) == yes);
	must(!judge(&f, sets, 0, &again));
	must(!decision_judge(&f, &nobody, &again));
	f.creator = f.originator;
	must(decision_judge(&f, &nobody, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf set = buf_make(16 << 20);
	struct cbor v;

	if (size > 1 && json_to_cbor(bytes_make(data + 1, size - 1), &codec_default_limits, &set) == ERR_OK) {
		must(cbor_read(bytes_of_buf(&set), &v) == ERR_OK);
		judge_all(data[0], bytes_of_buf(&set));
		if (acrs_ok(&v))
			must(acrs_rules(&v) == 0 || v.kind == CBOR_MAP);
	}
	buf_free(&set);
	return 0;
}
