/* resource_trust: MAF and MEF in the tree: registrations, keys, commands; who keeps the keys is
 * played here. */
#include "resource/trust.h"

#include "resource_room.h"

/* Keys by name; the octets are told from nothing. */
struct keeper_of_keys {
	unsigned made, released, gone, assigned, unassigned;
	unsigned suid;
	bool mef, refuses;
	char target[128], value[64], last_gone[KEY_NAME_TEXT + 1];
};

static err_t make(void *self, const struct key_wish *wish, struct key_made *out)
{
	struct keeper_of_keys *k = self;

	out->why = "not now";
	if (k->refuses)
		return ERR_REFUSED;
	k->suid = wish->suid;
	k->mef = wish->mef;
	assert_int_equal(bytes_put_str(k->target, sizeof(k->target), wish->target), ERR_OK);
	assert_int_equal(bytes_put_str(k->value, sizeof(k->value), wish->value), ERR_OK);
	(void)text_print(out->name, sizeof(out->name), "exported/10/%u", k->made);
	(void)text_print(out->id, sizeof(out->id), "%032X", k->made++);
	return ERR_OK;
}

static err_t release(void *self, struct bytes name, char value[KEY_VALUE_TEXT + 1])
{
	struct keeper_of_keys *k = self;

	k->released++;
	return bytes_put_str(value, KEY_VALUE_TEXT + 1, BYTES("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
}

static err_t gone(void *self, struct bytes name, struct bytes id)
{
	struct keeper_of_keys *k = self;

	k->gone++;
	return bytes_put_str(k->last_gone, sizeof(k->last_gone), name);
}

static err_t assign(void *self, struct bytes credential, int64_t until, char identity[KEY_ASSIGNED_TEXT + 1])
{
	struct keeper_of_keys *k = self;

	return text_print(identity, KEY_ASSIGNED_TEXT + 1, "%u@maf.example", ++k->assigned) ? ERR_OK : ERR_LIMIT;
}

static err_t unassign(void *self, struct bytes identity)
{
	struct keeper_of_keys *k = self;

	k->unassigned++;
	return ERR_OK;
}

static struct keeper_of_keys keys;

static int setup_open(void **state)
{
	struct resource_keys table = { .make = make, .release = release, .gone = gone, .lifetime = 3600 * 1000, .self = &keys };
	struct room *m;

	setup(state);
	m = *state;
	keys = (struct keeper_of_keys){ .made = 1 };
	resources_keys(m->r, &table);
	assert_int_equal(trust_open(m->r, permit_for_system("t"), TRUST_MAF, NOW), ERR_OK);
	assert_int_equal(trust_open(m->r, permit_for_system("t"), TRUST_MEF, NOW), ERR_OK);
	expect(m, CREATE("mafBase", 243, "{'sec:macr':{'adfq':'a.example'}}"), 2001);
	expect(m, CREATE("mefBase", 244, "{'sec:mecr':{'rn':'c','adfq':'a.example'}}"), 2001);
	return 0;
}

static void test_bases(void **state)
{
	struct room *m = *state;
	uint64_t id;

	assert_int_equal(trust_base(m->r, TRUST_MAF, &id), ERR_OK);
	assert_true(id > 1);
	assert_int_equal(trust_open(m->r, permit_for_system("t"), TRUST_MAF, NOW), ERR_EXISTS);
	assert_int_equal(trust_open(m->r, NULL, TRUST_MEF, NOW), ERR_REFUSED);
	assert_int_equal(trust_open(m->r, permit_for_system("t"), TRUST_CSE, NOW), ERR_REFUSED);
	expect(m, CREATE("cse-in", 241, "{'sec:maf':{}}"), 4005);
	expect(m, "{'op':4,'to':'mafBase','fr':'Ctest','rqi':'1','rvi':'4'}", 4005);
	expect(m, CREATE("mafBase", 3, "{'m2m:cnt':{}}"), 4108);
}

static void test_key(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("mafBase", 245, "{'sec:mkr':{'adfq':'a.example','suid':32,'tgis':['/mn']}}"), 2001);
	assert_true(!keys.mef && keys.suid == 32);
	assert_string_equal(keys.target, "//demo.example/mn");
	/* Not to who registered it; to its target, and nothing of ours to anybody. */
	expect(m, "{'op':2,'to':'00000000000000000000000000000001','fr':'Ctest','rqi':'1','rvi':'4'}", 2000);
	hides(m, "'kv'");
	hides(m, "exported");
	assert_int_equal(keys.released, 0);
	expect(m, "{'op':2,'to':'00000000000000000000000000000001','fr':'/mn','rqi':'1','rvi':'4'}", 2000);
	shows(m, "'kv':'AAEC");
	assert_int_equal(keys.released, 1);
	/* Its lifetime is bounded, also by an update. */
	expect(m, "{'op':3,'to':'00000000000000000000000000000001','fr':'Ctest','rqi':'1','rvi':'4','pc':{'sec:mkr':{'et':'20990101T000000'}}}", 2004);
	hides(m, "2099");
	expect(m, "{'op':4,'to':'00000000000000000000000000000001','fr':'Ctest','rqi':'1','rvi':'4'}", 2002);
	assert_int_equal(keys.gone, 1);
	assert_string_equal(keys.last_gone, "exported/10/1");
	/* The identifier serves once. */
	keys.made = 1;
	expect(m, CREATE("mafBase", 245, "{'sec:mkr':{'adfq':'a.example','suid':32,'tgis':['/mn']}}"), 4105);
}

static void test_key_that_is_brought(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("mafBase", 245, "{'sec:mkr':{'adfq':'a.example','suid':35,'tgis':['/mn','Sx'],'kv':'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='}}"), 2001);
	assert_string_equal(keys.value, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
	hides(m, "AAEC");
	expect(m, "{'op':2,'to':'mafBase','fr':'/mn','rqi':'1','rvi':'4','rcn':4}", 2000);
	hides(m, "AAEC");
	/* Expired with its parent's row or by itself: told each time. */
	m->now += 7200 * 1000;
	clock_simulate(m->now);
	{
		size_t n;

		assert_int_equal(resource_expire(m->r, permit_for_system("t"), m->now, 10, &n), ERR_OK);
		assert_true(n == 1 && keys.gone == 1);
	}
}

static void test_refusals(void **state)
{
	static const char *const bodies[] = {
		"{'suid':32,'tgis':['/mn']}", "{'adfq':'a.example','tgis':['/mn']}", "{'adfq':'a.example','suid':32}",
		"{'adfq':'a.example','suid':32,'tgis':['/mn','/mn2']}", "{'adfq':'a.example','suid':22,'tgis':['/mn']}",
		"{'adfq':'a.example','suid':32,'tgis':['']}", "{'adfq':'a.example','suid':32,'tgis':['a b']}",
		"{'adfq':'a.example','suid':32,'tgis':['/mn'],'@key':'exported/10/1'}",
	};
	struct room *m = *state;
	char request[512];

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		(void)text_print(request, sizeof(request),
		                 "{'op':1,'ty':245,'to':'mafBase','fr':'Ctest','rqi':'1','rvi':'4','pc':{'sec:mkr':%s}}", bodies[i]);
		if (room_do(m, request) != 4000)
			fail_msg("%u: %s", m->out.status, bodies[i]);
	}
	assert_int_equal(keys.made, 1);
	expect(m, CREATE("mafBase", 245, "{'sec:mkr':{'adfq':'b.example','suid':32,'tgis':['/mn']}}"), 4103);
	keys.refuses = true;
	expect(m, CREATE("mafBase", 245, "{'sec:mkr':{'adfq':'a.example','suid':32,'tgis':['/mn']}}"), 4000);
}

/* A MAF is a target by the domain name in its certificate, and by nothing that looks so. */
static void test_targets(void **state)
{
	struct room *m = *state;
	const struct store_row *row;
	uint64_t id;
	bool yes;

	expect(m, CREATE("mefBase", 245, "{'sec:mkr':{'adfq':'a.example','suid':21,'tgis':['maf.example']}}"), 2001);
	assert_true(keys.mef);
	assert_int_equal(store_find_ident(m->store, BYTES("00000000000000000000000000000001"), &id), ERR_OK);
	assert_int_equal(store_get(m->store, id, &row), ERR_OK);
	assert_int_equal(trust_is_target(row, BYTES("//sp.example/maf"), BYTES("32-maf.example"), &yes), ERR_OK);
	assert_true(yes);
	assert_int_equal(trust_is_target(row, BYTES("//sp.example/maf"), BYTES("12-maf.example"), &yes), ERR_OK);
	assert_false(yes);
	assert_int_equal(trust_is_target(row, BYTES("//sp.example/maf"), BYTES("32-maf.example.org"), &yes), ERR_OK);
	assert_false(yes);
	assert_int_equal(trust_is_target(row, BYTES_NONE, BYTES_NONE, &yes), ERR_OK);
	assert_false(yes);
	/* Derived for its target: for no other. */
	expect(m, "{'op':3,'to':'00000000000000000000000000000001','fr':'Ctest','rqi':'1','rvi':'4','pc':{'sec:mkr':{'tgis':['other.example']}}}", 4000);
}

static void test_commands(void **state)
{
	static const uint8_t dev_cfg[] = "\xa2\x63" "cma\xa1\x64" "dcca\xa1\x63" "dcu\x61" "x\x64" "ccid\x02";
	struct trust_command command = { BYTES("mefBase/c"), bytes_make(dev_cfg, sizeof(dev_cfg) - 1), NOW };
	struct room *m = *state;
	uint64_t number;

	expect(m, "{'op':2,'to':'mefBase/c/cmd','fr':'Ctest','rqi':'1','rvi':'4'}", 2000);
	shows(m, "'ccid':0");
	shows(m, "'mccs':10");
	assert_int_equal(trust_command(m->r, permit_for_system("t"), &command, &number), ERR_OK);
	assert_int_equal(number, 2);
	for (unsigned i = 0; i < COMMANDS_WAITING; i++)
		assert_int_equal(trust_command(m->r, permit_for_system("t"), &command, &number), ERR_OK);
	assert_int_equal(number, 2 + COMMANDS_WAITING);
	assert_int_equal(trust_command(m->r, permit_for_system("t"), &command, &number), ERR_FULL);
	assert_int_equal(trust_command(m->r, NULL, &command, &number), ERR_REFUSED);
	command.registration = BYTES("mefBase");
	assert_int_equal(trust_command(m->r, permit_for_system("t"), &command, &number), ERR_MISSING);
	for (unsigned i = 2; i <= 2 + COMMANDS_WAITING; i++) {
		char request[256];

		(void)text_print(request, sizeof(request), "{'op':3,'to':'mefBase/c/cmd','fr':'Ctest','rqi':'1','rvi':'4','pc':{'sec:mcc':{'mcci':%u,'mccs':20}}}", i);
		expect(m, request, 2004);
	}
	shows(m, "'ccid':0");
	hides(m, "@");
}

/* Who may update a registration of another client leaves it the key it has. */
static void test_an_update_by_another_assigns_nothing(void **state)
{
	struct resource_keys table = { .make = make, .release = release, .gone = gone, .assign = assign, .unassign = unassign,
		                       .lifetime = 3600 * 1000, .self = &keys };
	struct room *m = *state;

	resources_keys(m->r, &table);
	expect(m, CREATE("mafBase", 243, "{'sec:macr':{'rn':'d','adfq':'b.example'}}"), 2001);
	shows(m, "'aski':'1@maf.example'");
	expect(m, "{'op':3,'to':'mafBase/d','fr':'Cother','rqi':'1','rvi':'4','pc':{'sec:macr':{'lbl':['x']}}}", 2004);
	assert_true(keys.assigned == 1 && keys.unassigned == 0);
	expect(m, "{'op':2,'to':'mafBase/d','fr':'Ctest','rqi':'1','rvi':'4'}", 2000);
	shows(m, "'aski':'1@maf.example'");
	expect(m, "{'op':3,'to':'mafBase/d','fr':'Ctest','rqi':'1','rvi':'4','pc':{'sec:macr':{'lbl':['y']}}}", 2004);
	assert_true(keys.assigned == 2 && keys.unassigned == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup_open, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bases), TEST(key), TEST(key_that_is_brought), TEST(refusals), TEST(targets), TEST(commands),
		TEST(an_update_by_another_assigns_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
