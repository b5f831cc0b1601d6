/* decision: the forms of rules, each with its negative twin. */
#include "codec/json.h"
#include "security/decision/decision.h"
#include "unit.h"

#include <string.h>

#define NOW INT64_C(1767261600000) /* Thursday 2026-01-01 10:00:00 UTC */

static struct decision_facts dev(void)
{
	return (struct decision_facts){
		.originator = BYTES("//demo.example/in-cse/Cdev"), .sp_id = BYTES("//demo.example"),
		.cse_id = BYTES("/in-cse"), .authenticated = true, .operation = ACCESS_RETRIEVE,
		.resource = 7, .resource_type = 3,
		.context = { .now = NOW, .address = { 192, 0, 2, 7 }, .address_n = 4 },
	};
}

static struct buf cbor_of(const char *json)
{
	struct buf text = buf_make(8192), out = buf_make(8192);

	for (size_t i = 0; json[i]; i++)
		assert_int_equal(buf_add_byte(&text, json[i] == '\'' ? '"' : (uint8_t)json[i]), ERR_OK);
	if (json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &out) != ERR_OK)
		fail_msg("not JSON: %s", json);
	buf_free(&text);
	return out;
}

static struct decision last;

static bool judge(const struct decision_facts *f, const char *json)
{
	struct buf set = cbor_of(json);
	struct bytes sets[] = { bytes_of_buf(&set) };
	const uint64_t ids[] = { 12 };
	const struct decision_policies policies = { sets, ids, 1, false };
	bool yes = decision_judge(f, &policies, &last);

	buf_free(&set);
	return yes;
}

/* A rule with these originators, and further members. */
static bool rule(const struct decision_facts *f, const char *acor, const char *more)
{
	struct buf json = buf_make(4096);
	bool yes;

	assert_int_equal(buf_printf(&json, "{'acr':[{'acor':%s,'acop':2%s}]}%c", acor, more, 0), ERR_OK);
	yes = judge(f, (const char *)json.p);
	buf_free(&json);
	return yes;
}

static bool named(const char *acor)
{
	struct decision_facts f = dev();

	return rule(&f, acor, "");
}

static bool with(const char *more)
{
	struct decision_facts f = dev();

	return rule(&f, "['all']", more);
}

static void test_originators(void **state)
{
	assert_true(named("['all']"));
	assert_true(named("['//demo.example']"));
	assert_false(named("['//demo.exampl']"));
	assert_false(named("['//other.example']"));
	assert_true(named("['//demo.example/in-cse/Cdev']"));
	assert_true(named("['/in-cse/Cdev']"));
	assert_true(named("['Cdev']"));
	assert_false(named("['Cdev2']"));
	assert_false(named("['/mn-cse/Cdev']"));
	assert_false(named("['/in-cse']")); /* the CSE is not its AEs */
	assert_false(named("[]"));
	assert_true(named("['Cother','Cdev']"));
	/* nobody is nobody's originator */
	struct decision_facts f = dev();
	f.originator = BYTES_NONE;
	assert_false(rule(&f, "['Cdev']", ""));
	f.originator = BYTES("//demo.example/mn-cse");
	assert_true(rule(&f, "['/mn-cse']", ""));
	f.originator = BYTES("//demo.example/Sapp");
	assert_true(rule(&f, "['Sapp']", ""));
	assert_true(rule(&f, "['/Sapp']", ""));
	assert_false(rule(&f, "['Capp']", ""));
}

static void test_wildcards(void **state)
{
	assert_true(named("['C*']"));
	assert_true(named("['/in-cse/C*']"));
	assert_true(named("['/in-cse/*']"));
	assert_true(named("['/*/Cdev']"));
	assert_false(named("['/*']")); /* reach ends at the next slash */
	assert_false(named("['S*']"));
	assert_false(named("['Cd*x']"));
	assert_false(named("['//*/in-cse/Cdev']")); /* G10: not in the SP domain */
	assert_string_equal(last.reason, "a rule is malformed and grants nothing");
	assert_false(named("['al*']"));
	/* CSE-relative: the AEs of this CSE, and the provider's */
	assert_true(named("['*']"));
	assert_true(named("['*ev']"));
	assert_false(named("['*x']"));
	static const struct { const char *originator; bool yes; } all[] = {
		{ "//demo.example/Sapp", true }, { "//demo.example/in-cse/Cx", true },
		{ "//demo.example/in-cse", false }, { "//demo.example/mn-cse/Cdev", false },
		{ "//demo.example/in-cse2/Cdev", false }, { "//demo.example2/in-cse/Cdev", false },
		{ "//other.example/Sapp", false },
	};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		struct decision_facts f = dev();

		f.originator = bytes_str(all[i].originator);
		if (rule(&f, "['*']", "") != all[i].yes)
			fail_msg("%s", all[i].originator);
	}
}

static void test_groups_and_roles(void **state)
{
	const struct bytes held[] = { BYTES("cse-in/group1") };
	const struct bytes roles[] = { BYTES("1234-nurse@demo.example") };
	struct decision_facts f = dev();

	assert_false(rule(&f, "['cse-in/group1']", ""));
	assert_false(rule(&f, "['1234-nurse@demo.example']", ""));
	f.memberships = held;
	f.memberships_n = 1;
	f.roles = roles;
	f.roles_n = 1;
	assert_true(rule(&f, "['cse-in/group1']", ""));
	assert_false(rule(&f, "['cse-in/group2']", ""));
	assert_false(rule(&f, "['cse-in/group*']", "")); /* no wildcard in groups */
	assert_true(rule(&f, "['1234-nurse@demo.example']", ""));
	assert_false(rule(&f, "['1234-doctor@demo.example']", ""));
}

static void test_group_entries(void **state)
{
	struct buf set = cbor_of("{'acr':[{'acor':['all','Cdev','//demo.example','/in-cse/Cx','/mn',"
	                         "'n@r.example','C*','cse-in/g','grp9'],'acop':1},"
	                         "{'acor':['grp9','/in-cse/cse-in/g'],'acop':1}]}");
	struct bytes sets[] = { bytes_of_buf(&set) }, out[4];
	const uint64_t ids[] = { 1 };
	struct decision_policies policies = { sets, ids, 1, false };

	assert_int_equal(decision_group_entries(&policies, out, 4), 3);
	assert_true(bytes_equal(out[0], BYTES("cse-in/g")));
	assert_true(bytes_equal(out[1], BYTES("grp9")));
	assert_true(bytes_equal(out[2], BYTES("/in-cse/cse-in/g")));
	assert_int_equal(decision_group_entries(&policies, out, 1), 1);
	policies.creator_only = true;
	assert_int_equal(decision_group_entries(&policies, out, 4), 0);
	buf_free(&set);
}

static void test_operations(void **state)
{
	static const enum access_bit bits[] = { ACCESS_CREATE, ACCESS_RETRIEVE, ACCESS_UPDATE,
		                                ACCESS_DELETE, ACCESS_NOTIFY, ACCESS_DISCOVERY };
	struct decision_facts f = dev();
	char json[96] = "{'acr':[{'acor':['all'],'acop':__}]}";
	char *digits = strstr(json, "__");

	for (size_t granted = 0; granted < COUNT_OF(bits); granted++) {
		digits[0] = (char)('0' + bits[granted] / 10);
		digits[1] = (char)('0' + bits[granted] % 10);
		if (digits[0] == '0')
			digits[0] = ' ';
		for (size_t asked = 0; asked < COUNT_OF(bits); asked++) {
			f.operation = bits[asked];
			assert_int_equal(judge(&f, json), asked == granted);
		}
	}
	f.operation = ACCESS_RETRIEVE;
	assert_false(judge(&f, "{'acr':[{'acor':['all'],'acop':0}]}"));
	assert_false(judge(&f, "{'acr':[{'acor':['all'],'acop':64}]}"));
	assert_false(judge(&f, "{'acr':[{'acor':['all'],'acop':-1}]}"));
	assert_true(judge(&f, "{'acr':[{'acor':['all'],'acop':63}]}"));
	f.operation = 0;
	assert_false(judge(&f, "{'acr':[{'acor':['all'],'acop':63}]}"));
}

static void test_authentication(void **state)
{
	struct decision_facts f = dev();

	assert_true(rule(&f, "['all']", ",'acaf':true"));
	f.authenticated = false;
	assert_false(rule(&f, "['all']", ",'acaf':true"));
	assert_string_equal(last.reason, "an authenticated originator is required");
	assert_true(rule(&f, "['all']", ",'acaf':false"));
	assert_false(rule(&f, "['all']", ",'acaf':1"));
}

static void test_time_window(void **state)
{
	assert_true(with(",'acco':[{'actw':['* * * * * * *']}]"));
	assert_true(with(",'acco':[{'actw':['* * 8-17 * * 1-5 *']}]"));
	assert_true(with(",'acco':[{'actw':['0 0 10 1 1 4 2026']}]"));
	assert_true(with(",'acco':[{'actw':['0 0 9,10 * * * *']}]"));
	assert_false(with(",'acco':[{'actw':['0 0 9,11 * * * *']}]"));
	assert_false(with(",'acco':[{'actw':['* * 11-17 * * * *']}]"));
	assert_false(with(",'acco':[{'actw':['* * * 2 * * *']}]"));
	assert_false(with(",'acco':[{'actw':['* * * * 2 * *']}]"));
	assert_false(with(",'acco':[{'actw':['* * * * * 0 *']}]"));
	assert_true(with(",'acco':[{'actw':['*/5 0-30/10 0-22/2 * * */4 *']}]"));
	assert_false(with(",'acco':[{'actw':['* * 1-23/2 * * * *']}]"));
	assert_false(with(",'acco':[{'actw':['* * * * * * 2025']}]"));
	/* one of several */
	assert_true(with(",'acco':[{'actw':['* * 1 * * * *','* * 10 * * * *']}]"));
	struct decision_facts f = dev();
	f.context.now = NOW + INT64_C(3) * 86400000; /* Sunday */
	assert_true(rule(&f, "['all']", ",'acco':[{'actw':['* * * * * 0 *']}]"));
	/* what is out of its range is no time at all [TS-0004 table 7.4.9.1-4] */
	assert_false(rule(&f, "['all']", ",'acco':[{'actw':['* * * * * 0,7 *']}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'actw':['* * * * * * 1999-2999']}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'actw':['* * * * * 1-6 *']}]"));
	f.context.now = INT64_C(1709164800000); /* 2024-02-29 */
	assert_true(rule(&f, "['all']", ",'acco':[{'actw':['* * * 29 2 * 2024']}]"));
}

static void test_time_window_malformed(void **state)
{
	static const char *const bad[] = { "", "*", "* * * * * *", "* * * * * * * *", "60 * * * * * *",
		"* * 24 * * * *", "* * * 0 * * *", "* * * * 13 * *", "* * * * * 8 *", "5-3 * * * * * *",
		"1- * * * * * *", "-1 * * * * * *", ", * * * * * *", "1, * * * * * *", "*/0 * * * * * *", "*/ * * * * * *", "5/2 * * * * * *", "0-9/60 * * * * * *", "/2 * * * * * *",
		"* * * * * * * ", " * * * * * * *", "*  * * * * * *" };
	struct decision_facts f = dev();

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct buf more = buf_make(512);

		assert_int_equal(buf_printf(&more, ",'acco':[{'actw':['%s']}]%c", bad[i], 0), ERR_OK);
		if (rule(&f, "['all']", (const char *)more.p))
			fail_msg("permits: %s", bad[i]);
		assert_string_equal(last.reason, "a rule is malformed and grants nothing");
		buf_free(&more);
	}
}

static void test_addresses(void **state)
{
	struct decision_facts f = dev();

	assert_true(with(",'acco':[{'acip':{'ipv4':['192.0.2.7']}}]"));
	assert_false(with(",'acco':[{'acip':{'ipv4':['192.0.2.8']}}]"));
	assert_true(with(",'acco':[{'acip':{'ipv4':['10.0.0.1','192.0.2.0/24']}}]"));
	assert_true(with(",'acco':[{'acip':{'ipv4':['192.0.2.4/30']}}]"));
	assert_false(with(",'acco':[{'acip':{'ipv4':['192.0.2.8/29']}}]"));
	assert_true(with(",'acco':[{'acip':{'ipv4':['0.0.0.0/0']}}]"));
	assert_false(with(",'acco':[{'acip':{'ipv6':['::/0']}}]"));
	assert_false(with(",'acco':[{'acip':{'ipv4':['192.0.2.7/33']}}]"));
	assert_false(with(",'acco':[{'acip':{'ipv4':['192.0.2']}}]"));
	assert_false(with(",'acco':[{'acip':{'ipv4':['192.0.2.7','x']}}]"));
	assert_false(with(",'acco':[{'acip':{}}]"));
	assert_false(with(",'acco':[{'acip':['192.0.2.7']}]"));
	f.context.address_n = 0; /* not known */
	assert_false(rule(&f, "['all']", ",'acco':[{'acip':{'ipv4':['0.0.0.0/0']}}]"));
	/* an IPv4 peer on an IPv6 socket */
	f.context = (struct context_facts){ .now = NOW, .address_n = 16,
		.address = { [10] = 0xff, 0xff, 192, 0, 2, 7 } };
	assert_true(rule(&f, "['all']", ",'acco':[{'acip':{'ipv4':['192.0.2.7']}}]"));
	f.context.address[0] = 0x20;
	f.context.address[1] = 0x01;
	assert_true(rule(&f, "['all']", ",'acco':[{'acip':{'ipv6':['2000::/3']}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'acip':{'ipv6':['fe80::/10']}}]"));
}

static void test_place(void **state)
{
	struct decision_facts f = dev();

	/* a place that is not known is in no circle */
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accr':[52.52,13.405,1000]}}]"));
	f.context.located = true;
	f.context.latitude = 52.5250;
	f.context.longitude = 13.4050;
	assert_true(rule(&f, "['all']", ",'acco':[{'aclr':{'accr':[52.52,13.405,1000]}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accr':[52.52,13.405,500]}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accr':[91,13.405,1e9]}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accr':[52.52,13.405]}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accr':[52.52,13.405,-1]}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accc':['DE']}}]"));
	f.context.country[0] = 'D';
	f.context.country[1] = 'E';
	assert_true(rule(&f, "['all']", ",'acco':[{'aclr':{'accc':['FR','DE']}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accc':['FR']}}]"));
	assert_false(rule(&f, "['all']", ",'acco':[{'aclr':{'accc':['']}}]"));
}

static void test_contexts_together(void **state)
{
	/* AND within one context, OR between them */
	assert_false(with(",'acco':[{'actw':['* * 10 * * * *'],'acip':{'ipv4':['10.0.0.1']}}]"));
	assert_true(with(",'acco':[{'actw':['* * 10 * * * *']},{'acip':{'ipv4':['10.0.0.1']}}]"));
	assert_string_equal(last.reason, "permitted");
	assert_false(with(",'acco':[{'actw':['* * 9 * * * *']}]"));
	assert_string_equal(last.reason, "time, address or place does not fit");
	assert_true(with(",'acco':[{}]"));
	assert_true(with(",'acco':[]")); /* of 0..n none */
	assert_false(with(",'acco':{}"));
	assert_false(with(",'acco':{'actw':['* * * * * * *']}"));
	/* what we cannot judge denies, even beside one that holds */
	assert_false(with(",'acco':[{'acec':1}]"));
	assert_false(with(",'acco':[{'actw':['* * * * * * *']},{'acui':['x']}]"));
}

static bool creates(const char *acod)
{
	struct decision_facts f = dev();
	struct buf json = buf_make(2048);
	bool yes;

	f.operation = ACCESS_CREATE;
	f.create_type = 4;
	assert_int_equal(buf_printf(&json, "{'acr':[{'acor':['all'],'acop':1,'acod':%s}]}%c", acod, 0), ERR_OK);
	yes = judge(&f, (const char *)json.p);
	buf_free(&json);
	return yes;
}

static void test_object_details(void **state)
{
	struct decision_facts f = dev();

	assert_true(creates("[{'chty':[4]}]"));
	assert_false(creates("[{'chty':[3]}]"));
	assert_true(creates("[{'ty':3,'chty':[3,4]}]"));
	assert_false(creates("[{'ty':2,'chty':[4]}]"));
	assert_true(creates("[{'chty':[9]},{'chty':[4]}]"));
	assert_false(creates("[]"));
	assert_false(creates("[{'ty':3}]"));
	assert_false(creates("[{'chty':[4],'x':1}]"));
	assert_false(creates("[{'ty':13,'chty':[4]}]")); /* spty must be there */
	assert_false(creates("[{'ty':28,'chty':[4]}]"));
	assert_string_equal(last.reason, "a rule is malformed and grants nothing");
	/* only for Create */
	assert_true(rule(&f, "['all']", ",'acod':[{'chty':[9]}]"));
	f.operation = ACCESS_CREATE;
	f.create_type = 4;
	f.resource_type = 13;
	f.specialization = BYTES("1001");
	assert_true(judge(&f, "{'acr':[{'acor':['all'],'acop':1,'acod':[{'ty':13,'spty':1001,'chty':[4]}]}]}"));
	assert_false(judge(&f, "{'acr':[{'acor':['all'],'acop':1,'acod':[{'ty':13,'spty':1002,'chty':[4]}]}]}"));
	f.resource_type = 28;
	f.specialization = BYTES("org.example.lamp");
	assert_true(judge(&f, "{'acr':[{'acor':['all'],'acop':1,'acod':[{'ty':28,'spty':'org.example.lamp','chty':[4]}]}]}"));
	assert_false(judge(&f, "{'acr':[{'acor':['all'],'acop':1,'acod':[{'ty':28,'spty':'org.example.door','chty':[4]}]}]}"));
}

static void test_malformed(void **state)
{
	static const char *const bad[] = { "[]", "1", "{'acr':1}", "{'acr':{}}", "{'acr':[1]}", "{'acr':[{}]}",
		"{'acr':[{'acor':['all']}]}", "{'acr':[{'acop':2}]}", "{'acr':[{'acor':'all','acop':2}]}",
		"{'acr':[{'acor':[1],'acop':2}]}", "{'acr':[{'acor':['all'],'acop':'2'}]}",
		"{'acr':[{'acor':['all'],'acop':2,'aca':['con']}]}", "{'acr':[{'acor':['all',''],'acop':2}]}" };
	struct decision_facts f = dev();

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (judge(&f, bad[i]))
			fail_msg("permits: %s", bad[i]);
		assert_string_equal(last.reason, "a rule is malformed and grants nothing");
	}
	/* another rule may still permit */
	assert_true(judge(&f, "{'acr':[{'acor':['all'],'acop':2,'x':1},{'acor':['Cdev'],'acop':2}]}"));
	assert_int_equal(last.rule, 2);
	assert_false(judge(&f, "{}"));
	assert_false(judge(&f, "{'acr':[]}"));
}

static void test_creator_only(void **state)
{
	const struct decision_policies none = { NULL, NULL, 0, true };
	struct decision_facts f = dev();

	assert_false(decision_judge(&f, &none, &last));
	f.creator = BYTES("//demo.example/in-cse/Cdev");
	assert_true(decision_judge(&f, &none, &last));
	f.originator = BYTES("//demo.example/in-cse/Cde");
	assert_false(decision_judge(&f, &none, &last));
	f.originator = f.creator = BYTES_NONE; /* nobody created it, nobody asks */
	assert_false(decision_judge(&f, &none, &last));
}

static void test_reason(void **state)
{
	struct decision_facts f = dev();

	assert_false(judge(&f, "{'acr':[{'acor':['Cx'],'acop':2},{'acor':['Cdev'],'acop':1}]}"));
	assert_string_equal(last.text, "policy 12 rule 2: Retrieve is not granted");
	/* a stranger learns nothing of the rules, and nobody of other originators */
	assert_false(judge(&f, "{'acr':[{'acor':['Csecret'],'acop':63}]}"));
	assert_string_equal(last.text, "no rule names the originator");
	assert_int_equal(last.rule, 0);
	assert_true(judge(&f, "{'acr':[{'acor':['Cx'],'acop':2},{'acor':['Cdev'],'acop':3}]}"));
	assert_string_equal(last.text, "policy 12 rule 2: permits Retrieve");
}

static void test_permit(void **state)
{
	struct buf set = cbor_of("{'acr':[{'acor':['Cdev'],'acop':34}]}");
	struct bytes sets[] = { bytes_of_buf(&set) };
	const uint64_t ids[] = { 12 };
	const struct decision_policies policies = { sets, ids, 1, false };
	struct decision_facts f = dev();
	const struct permit *permit;
	struct arena arena;

	arena_init(&arena, 4096);
	assert_int_equal(decide(&f, &policies, &arena, &permit, &last), ERR_OK);
	assert_true(permit_covers(permit, ACCESS_RETRIEVE, 7));
	/* for what was asked, on what was asked; not for all that is granted */
	assert_false(permit_covers(permit, ACCESS_DISCOVERY, 7));
	assert_false(permit_covers(permit, ACCESS_RETRIEVE, 8));
	f.operation = ACCESS_DELETE;
	assert_int_equal(decide(&f, &policies, &arena, &permit, &last), ERR_OK);
	assert_null(permit);
	assert_int_equal(decide_on_ground(&f, GROUND_REGISTRATION, &arena, &permit, &last), ERR_OK);
	assert_true(permit_covers(permit, ACCESS_DELETE, 7));
	assert_string_equal(permit_reason(permit), "registration [TS-0001 10.2.2.2]");
	decision_refuse(&last, "no");
	assert_false(last.permit);
	arena_free(&arena);
	buf_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_originators), cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_groups_and_roles), cmocka_unit_test(test_group_entries),
		cmocka_unit_test(test_operations), cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_time_window), cmocka_unit_test(test_time_window_malformed),
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_place),
		cmocka_unit_test(test_contexts_together), cmocka_unit_test(test_object_details),
		cmocka_unit_test(test_malformed), cmocka_unit_test(test_creator_only),
		cmocka_unit_test(test_reason), cmocka_unit_test(test_permit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
