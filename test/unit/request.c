/* request: the path of one request. Every row of admission.def, forged
 * identities, replay, fan-out, the record of each outcome, and what remains
 * when memory or the store fails. */
#include "request_room.h"
#include "store/inner.h"

/* cse-in/dev of Cdev, with a policy that lets Sapp retrieve and discover, a
 * container under it and one without. */
static void node_fill(struct node *n)
{
	expect(n, DEV, REGISTER("Cdev", "dev", "f1"), 2001);
	expect(n, APP, REGISTER("Sapp", "app", "f2"), 2001);
	expect(n, DEV, R(1, "cse-in/dev", "Cdev", "f3", ",'ty':1,'pc':{'m2m:acp':{'rn':'acp',"
	       "'pv':{'acr':[{'acor':['Cdev'],'acop':63},{'acor':['Sapp'],'acop':34}]},"
	       "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}"), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "open", "f4", ",'acpi':['cse-in/dev/acp']"), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "own", "f5", ""), 2001);
}

/* --- admission ------------------------------------------------------------------- */

struct row {
	const char *json;
	enum who who;
	unsigned status;
};

/* Each refusal of the gate beside the nearest request that passes it. */
static const struct row admission_rows[] = {
	/* a primitive at all */
	{ "{'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3'}", DEV, 4000 },
	{ "{'op':9,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3'}", DEV, 4000 },
	{ "{'op':2,'fr':'Cdev','rqi':'a','rvi':'3'}", DEV, 4000 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rvi':'3'}", DEV, 4000 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3'}", DEV, 2000 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3','zzz':1}", DEV, 5001 },
	{ "{'op':2,'to':7,'fr':'Cdev','rqi':'a','rvi':'3'}", DEV, 4000 },
	/* (1) */
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rset':'20270101T000000'"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rset':'20250101T000000'"), DEV, 4008 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rset':1000,'rqet':2000"), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rset':2000,'rqet':1000"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'oet':'20250101T000000'"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'oet':'20270101T000000'"), DEV, 5001 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'ec':1"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'ec':50"), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'da':true"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rp':'PT10S'"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rp':'soon'"), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rqet':'20251231T235959'"), DEV, 4008 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rqet':'20260101T000001'"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rqet':5000"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rqet':0"), DEV, 4008 },
	/* (2) */
	{ "{'op':2,'to':'cse-in/dev','rqi':'a','rvi':'3'}", DEV, 4000 },
	{ "{'op':1,'to':'cse-in/dev','ty':3,'pc':{'m2m:cnt':{}},'rqi':'a','rvi':'3'}", DEV, 4000 },
	/* (3) */
	{ GET("cse-in/dev", "/in-cse/Cdev"), DEV, 4000 },
	{ GET("cse-in/dev", "//demo.example/in-cse/Cdev"), DEV, 4000 },
	{ GET("cse-in/dev", "/in-cse"), DEV, 4000 },
	{ GET("cse-in/dev", "C*"), DEV, 4000 },
	{ GET("cse-in/dev", "C"), DEV, 4000 },
	{ GET("cse-in/dev", "Cdev"), DEV, 2000 },
	/* (4) */
	{ GET("cse-in/dev", "Cother"), DEV, 4106 },
	{ GET("cse-in/dev", "Sapp"), DEV, 4106 },
	{ GET("cse-in/dev", "Cdev"), APP, 4106 },
	{ REGISTER("Cdev2", "dev2", "a"), DEV, 4106 },
	/* (5) */
	{ GET("cse-in/dev", "/mn2"), MN, 4106 },
	{ GET("cse-in/dev", "//demo.example/in-cse"), MN, 4106 },
	{ GET("cse-in/dev", "Cdev"), MN, 4106 },
	{ GET("cse-in/dev", "/in-cse/Cdev"), MN, 4106 },
	{ GET("cse-in/dev", "/mn2/Cdev"), MN, 4106 },
	{ GET("cse-in/dev", "//other.example/mn-cse/Cdev"), MN, 4106 },
	{ GET("cse-in/dev", "/Sapp"), MN, 4106 },
	{ GET("cse-in/dev", "Sapp"), MN, 4106 },
	{ GET("cse-in/dev", "C"), MN, 4000 },
	{ GET("cse-in/dev", "/mn-cse"), MN, 4103 },
	{ GET("cse-in/dev", "//demo.example/mn-cse"), MN, 4103 },
	{ GET("cse-in/dev", "/mn-cse/Cfar"), MN, 4103 },
	/* (6) with no lab listener */
	{ GET("cse-in/dev", "Cdev"), LAB, 4107 },
	{ GET("cse-in/dev", "/mn-cse"), LAB, 4107 },
	{ REGISTER("Cnew", "new", "a"), LAB, 4107 },
	/* (7) */
	{ R(1, "cse-in/dev", "Cdev", "a", ",'pc':{'m2m:cnt':{}}"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a", ",'ty':0,'pc':{'m2m:cnt':{}}"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a", ",'ty':999,'pc':{'m2m:cnt':{}}"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a", ",'ty':45,'pc':{'m2m:lmg':{}}"), DEV, 5001 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'ty':3"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a", ",'ty':3,'pc':{'m2m:cnt':{}},'fc':{}"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a", ",'ty':3,'pc':{'m2m:cnt':{}},'rcn':4"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a0", ",'ty':3,'pc':{'m2m:cnt':{}},'rcn':0"), DEV, 2001 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rcn':0"), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rcn':9"), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rcn':4"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rcn':99"), DEV, 4000 },
	{ R(3, "cse-in/dev", "Cdev", "a", ",'pc':{'m2m:ae':{'lbl':['x']}},'rcn':5"), DEV, 4000 },
	{ R(3, "cse-in/dev", "Cdev", "a1", ",'pc':{'m2m:ae':{'lbl':['x']}},'rcn':9"), DEV, 2004 },
	{ R(4, "cse-in/dev/own", "Cdev", "a", ",'rcn':2"), DEV, 4000 },
	{ R(4, "cse-in/dev/own", "Cdev", "a", ",'pc':{'m2m:cnt':{}}"), DEV, 4000 },
	{ R(1, "cse-in/dev", "Cdev", "a", ",'ty':3"), DEV, 4000 },
	{ R(3, "cse-in/dev", "Cdev", "a", ""), DEV, 4000 },
	/* (8) */
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'99'}", DEV, 4001 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'1'}", DEV, 2000 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'2a'}", DEV, 2000 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'5'}", DEV, 2000 },
	{ "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'a'}", DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rt':{'rtv':1}"), DEV, 1001 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rt':{'rtv':2}"), DEV, 1002 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rt':{'rtv':4}"), DEV, 2000 },
	{ R(1, "cse-in", "C", "a", ",'rt':{'rtv':1},'ty':2,'pc':" AE("x")), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rt':{'rtv':7}"), DEV, 4000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'rt':{'rtv':3}"), DEV, 2000 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'tkns':['x']"), DEV, 5001 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'tids':['x@demo.example']"), DEV, 5001 },
	{ R(2, "cse-in/dev", "Cdev", "a", ",'vsi':'x'"), DEV, 2000 },
	/* beyond the gate */
	{ R(5, "cse-in/dev", "Cdev", "a9", ",'pc':{'m2m:sgn':{}}"), DEV, 5103 },
	{ GET("cse-in/nothing", "Cdev"), DEV, 4004 },
	{ GET("/other-cse/x", "Cdev"), DEV, 4004 },
	{ GET("//other.example/x/y", "Cdev"), DEV, 4004 },
};

static void test_admission(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	for (size_t i = 0; i < COUNT_OF(admission_rows); i++) {
		const struct row *r = &admission_rows[i];
		uint64_t records = node_records(&n);

		expect(&n, r->who, r->json, r->status);
		/* whatever came of it, it is on record with its status */
		assert_true(node_records(&n) > records);
		assert_int_equal(record_number(&n, "rsc"), r->status);
	}
	node_close(&n);
}

static void test_order_of_the_gate(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	/* the earlier row speaks */
	expect(&n, DEV, R(2, "cse-in/dev", "Cother", "a", ",'rset':1000,'rqet':2000"), 4000);
	expect(&n, DEV, R(2, "cse-in/dev", "Cother", "a", ",'rqet':'20200101T000000'"), 4008);
	expect(&n, DEV, R(2, "cse-in/dev", "/in-cse/Cother", "a", ",'rcn':99"), 4000);
	shows(&n, "AE-ID-Stem");
	expect(&n, DEV, R(2, "cse-in/dev", "Cother", "a", ",'rcn':99"), 4106);
	expect(&n, DEV, R(2, "cse-in/dev", "Cdev", "a", ",'rcn':99,'tkns':['x']"), 4000);
	expect(&n, DEV, R(2, "cse-in/nothing", "Cdev", "a", ",'tkns':['x']"), 5001);
	shows(&n, "not supported: tkns");
	node_close(&n);
}

static void test_unreadable(void **state)
{
	static const uint8_t junk[] = { 0xff, 0, 1, 2 };
	struct request_arrival in;
	struct node n;

	node_open(&n);
	in = node_arrival(&n, DEV, GET("cse-in", "Cdev"));
	in.primitive = BYTES_OF(junk);
	assert_int_equal(node_serve(&n, &in), 4000);
	in.primitive = BYTES_NONE;
	assert_int_equal(node_serve(&n, &in), 4000);
	assert_int_equal(node_records(&n), 2);
	assert_true(record_says(&n, "cr", "12-dev@demo.example"));
	node_close(&n);
}

/* --- identity ------------------------------------------------------------------- */

static void test_unknown_association(void **state)
{
	struct request_arrival in;
	struct node n;
	uint64_t rows;

	node_open(&n);
	node_fill(&n);
	rows = node_rows(&n);
	in = node_arrival(&n, DEV, CNT("cse-in/dev", "Cdev", "x", "u1", ""));
	in.association += 1;
	assert_int_equal(node_serve(&n, &in), 4107);
	shows(&n, "'rqi':'u1'");
	assert_true(record_says(&n, "ru", "association register"));
	/* of another gate */
	in.association -= 1;
	in.gate = GATE + 1;
	assert_int_equal(node_serve(&n, &in), 4107);
	/* ended */
	in.gate = GATE;
	in.now = NOW + 86400000;
	assert_int_equal(node_serve(&n, &in), 4107);
	/* not even read: junk is no 4000 here */
	in.association = 12345;
	in.primitive = BYTES("junk");
	assert_int_equal(node_serve(&n, &in), 4107);
	assert_int_equal(node_rows(&n), rows);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "x", "u1", ""), 2001);
	node_close(&n);
}

static void test_revoked(void **state)
{
	struct node n;
	bool found;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GET("cse-in/dev", "Cdev"), 2000);
	assert_int_equal(registry_revoke(n.room.registry, BYTES("12-dev@demo.example"), &found), ERR_OK);
	expect(&n, DEV, GET("cse-in/dev", "Cdev"), 4107);
	expect(&n, APP, GET("cse-in/app", "Sapp"), 2000);
	node_close(&n);
}

static void test_forged_from(void **state)
{
	struct node n;
	uint64_t rows;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "victim", "same", ""), 2001);
	node_commit(&n);
	rows = node_rows(&n);
	/* absent, refused and permitted targets cannot be told apart */
	expect(&n, APP, GET("cse-in/nothing", "Cdev"), 4106);
	expect(&n, APP, GET("cse-in/dev/own", "Cdev"), 4106);
	expect(&n, APP, GET("cse-in/dev/open", "Cdev"), 4106);
	expect(&n, APP, GET("/other-cse/x", "Cdev"), 4106);
	/* nor is the memory of replay asked */
	expect(&n, APP, CNT("cse-in/dev", "Cdev", "victim", "same", ""), 4106);
	expect(&n, APP, CNT("cse-in/dev", "Cdev", "other", "same", ""), 4106);
	assert_true(record_says(&n, "fr", "Cdev"));
	assert_true(record_says(&n, "cr", "12-app@demo.example"));
	assert_int_equal(node_rows(&n), rows);
	/* the records are all that was written */
	engine_fail_at(0, ERR_OK);
	expect(&n, APP, R(4, "cse-in/dev/own", "Cdev", "x", ""), 4106);
	assert_int_equal(engine_writes(), 0);
	/* and the victim's own retry is untouched by it */
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "victim", "same", ""), 2001);
	node_close(&n);
}

static void test_registration(void **state)
{
	struct node n;

	node_open(&n);
	/* the credential names the AE, whatever From asks */
	expect(&n, DEV, "{'op':1,'to':'cse-in','ty':2,'rqi':'r1','rvi':'3','pc':" AE("dev") "}", 2001);
	shows(&n, "'aei':'Cdev'");
	assert_true(record_says(&n, "ru", "registration [TS-0001 10.2.2.2]"));
	expect(&n, APP, REGISTER("S", "app", "r2"), 2001);
	shows(&n, "'aei':'Sapp'");
	expect(&n, STRICT, R(1, "cse-in", "S", "r3", ",'ty':2,'ot':'20260101T000000','pc':" AE("s")), 4126);
	expect(&n, DEV, REGISTER("Cdev", "again", "r4"), 4117);
	/* a CSE registers no AE, and nothing else is exempt from policy */
	expect(&n, MN, R(1, "cse-in", "/mn-cse", "r5", ",'ty':2,'pc':" AE("x")), 4126);
	expect(&n, DEV, CNT("cse-in", "Cdev", "c", "r6", ""), 4103);
	/* where there can be no AE, none is asked who may make one */
	expect(&n, DEV, R(1, "cse-in/app", "Cdev", "r7", ",'ty':2,'pc':" AE("x")), 4108);
	node_close(&n);
}

/* --- decisions on the way ----------------------------------------------------------- */

static void test_access(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, APP, GET("cse-in/dev/open", "Sapp"), 2000);
	assert_true(record_says(&n, "ru", "policy "));
	expect(&n, APP, GET("cse-in/dev/own", "Sapp"), 4103);
	shows(&n, "only the creator has access");
	expect(&n, APP, CIN("cse-in/dev/open", "Sapp", "x1", "1"), 4103);
	shows(&n, "Create is not granted");
	hides(&n, "Cdev");
	expect(&n, DEV, CIN("cse-in/dev/open", "Cdev", "x2", "1"), 2001);
	expect(&n, APP, GET("cse-in/dev/open/la", "Sapp"), 2000);
	expect(&n, APP, R(4, "cse-in/dev/open/la", "Sapp", "x3", ""), 4103);
	/* who may nothing still learns that there is nothing, as the standard has it */
	expect(&n, APP, GET("cse-in/dev/none", "Sapp"), 4004);
	hides(&n, "dbg");
	/* the policy itself: selfPrivileges */
	expect(&n, APP, GET("cse-in/dev/acp", "Sapp"), 4103);
	expect(&n, DEV, GET("cse-in/dev/acp", "Cdev"), 2000);
	/* a policy that is gone grants nothing */
	expect(&n, DEV, R(4, "cse-in/dev/acp", "Cdev", "x4", ""), 2002);
	expect(&n, DEV, GET("cse-in/dev/open", "Cdev"), 4103);
	node_close(&n);
}

static void test_link_of_policies(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	/* Sapp may update, and is not named in the selfPrivileges */
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "l1", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Sapp'],'acop':63}]}}}"), 2004);
	expect(&n, APP, R(3, "cse-in/dev/open", "Sapp", "l2", ",'pc':{'m2m:cnt':{'lbl':['a']}}"), 2004);
	expect(&n, APP, R(3, "cse-in/dev/open", "Sapp", "l3", ",'pc':{'m2m:cnt':{'acpi':null}}"), 4103);
	/* Cdev has no privileges left, yet the selfPrivileges */
	expect(&n, DEV, R(3, "cse-in/dev/open", "Cdev", "l4", ",'pc':{'m2m:cnt':{'lbl':['b']}}"), 4103);
	expect(&n, DEV, R(3, "cse-in/dev/open", "Cdev", "l5", ",'pc':{'m2m:cnt':{'acpi':null}}"), 2004);
	expect(&n, APP, GET("cse-in/dev/open", "Sapp"), 4103);
	node_close(&n);
}

/* A place counts when the named source says it; what Cdev says of itself does not. */
static void test_places_in_policies(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	n.room.lab = true;
	n.room.location_source = BYTES("//demo.example/Sapp");
	n.room.lab_admin = BYTES("CAdmin");
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "p1", ",'ty':1,'pc':{'m2m:acp':{'rn':'near','pv':{'acr':["
	       "{'acor':['Cdev'],'acop':2,'acco':[{'aclr':{'accr':[52.5,13.4,5000]}}]}]},"
	       "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}"), 2001);
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "p2", ",'ty':1,'pc':{'m2m:acp':{'rn':'both','pv':{'acr':["
	       "{'acor':['Cdev','Sapp'],'acop':63}]},'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}"), 2001);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "gated", "p3", ",'acpi':['cse-in/dev/near']"), 2001);
	expect(&n, LAB, R(1, "cse-in", "CAdmin", "p4", ",'ty':10,'pc':{'m2m:lcp':{'los':2,'lon':'van',"
	       "'lot':'//demo.example/in-cse/Cdev','acpi':['cse-in/dev/both']}}"), 2001);
	expect(&n, DEV, GET("cse-in/dev/gated", "Cdev"), 4103);
	expect(&n, DEV, CIN("cse-in/van", "Cdev", "p5", "52.5,13.4"), 2001);
	expect(&n, DEV, GET("cse-in/dev/gated", "Cdev"), 4103);
	expect(&n, APP, CIN("cse-in/van", "Sapp", "p6", "52.51,13.41"), 2001);
	expect(&n, DEV, GET("cse-in/dev/gated", "Cdev"), 2000);
	expect(&n, APP, CIN("cse-in/van", "Sapp", "p7", "48.1,11.6"), 2001);
	expect(&n, DEV, GET("cse-in/dev/gated", "Cdev"), 4103);
	node_close(&n);
}

static void test_groups_in_policies(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "g1", ",'ty':9,'pc':{'m2m:grp':{'rn':'friends',"
	       "'mt':2,'mnm':10,'mid':['cse-in/app']}}"), 2001);
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "g2", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['cse-in/dev/friends'],'acop':2},{'acor':['Cdev'],'acop':63}]}}}"), 2004);
	expect(&n, APP, GET("cse-in/dev/open", "Sapp"), 2000);
	expect(&n, DEV, R(3, "cse-in/dev/friends", "Cdev", "g3", ",'pc':{'m2m:grp':{'mid':['cse-in/dev']}}"), 2004);
	expect(&n, APP, GET("cse-in/dev/open", "Sapp"), 4103);
	expect(&n, DEV, R(4, "cse-in/dev/friends", "Cdev", "g4", ""), 2002);
	expect(&n, APP, GET("cse-in/dev/open", "Sapp"), 4103);
	node_close(&n);
}

static void test_discovery(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, CIN("cse-in/dev/open", "Cdev", "d1", "1"), 2001);
	expect(&n, APP, R(2, "cse-in/dev", "Sapp", "d2", ",'fc':{'fu':1}"), 4103);
	/* let Sapp discover below dev: only what it may discover is listed */
	expect(&n, DEV, R(3, "cse-in/dev", "Cdev", "d3", ",'pc':{'m2m:ae':{'acpi':['cse-in/dev/acp']}}"), 2004);
	expect(&n, APP, R(2, "cse-in/dev", "Sapp", "d4", ",'fc':{'fu':1,'ty':[3]}"), 2000);
	shows(&n, "cse-in/dev/open");
	hides(&n, "cse-in/dev/own");
	expect(&n, APP, R(2, "cse-in/dev", "Sapp", "d5", ",'rcn':4"), 2000);
	shows(&n, "'rn':'open'");
	hides(&n, "'rn':'own'");
	expect(&n, DEV, R(2, "cse-in/dev", "Cdev", "d6", ",'rcn':4"), 2000);
	shows(&n, "'rn':'own'");
	/* the discovery bit is not the retrieve bit */
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "d7", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Cdev'],'acop':63},{'acor':['Sapp'],'acop':2}]}}}"), 2004);
	expect(&n, APP, R(2, "cse-in/dev", "Sapp", "d8", ",'fc':{'fu':1}"), 4103);
	expect(&n, APP, GET("cse-in/dev", "Sapp"), 2000);
	node_close(&n);
}

/* --- replay ---------------------------------------------------------------------------- */

static void test_repeated(void **state)
{
	struct node n;
	uint64_t rows;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, R(1, "cse-in/dev/open", "Cdev", "p1", ",'ty':4,'pc':{'m2m:cin':{'con':'1','rn':'one'}}"), 2001);
	node_commit(&n);
	rows = node_rows(&n);
	expect(&n, DEV, R(1, "cse-in/dev/open", "Cdev", "p1", ",'ty':4,'pc':{'m2m:cin':{'con':'1','rn':'one'}}"), 2001);
	shows(&n, "'rn':'one'");
	assert_int_equal(node_rows(&n), rows);
	/* the same identifier with other content */
	expect(&n, DEV, CIN("cse-in/dev/open", "Cdev", "p1", "2"), 4105);
	/* a retrieve may be asked again */
	expect(&n, DEV, GET("cse-in/dev/open", "Cdev"), 2000);
	expect(&n, DEV, GET("cse-in/dev/open", "Cdev"), 2000);
	/* an update and a delete: once */
	expect(&n, DEV, R(3, "cse-in/dev/open", "Cdev", "p2", ",'pc':{'m2m:cnt':{'lbl':['a']}}"), 2004);
	expect(&n, DEV, R(3, "cse-in/dev/open", "Cdev", "p2", ",'pc':{'m2m:cnt':{'lbl':['a']}}"), 2004);
	expect(&n, DEV, R(4, "cse-in/dev/open/one", "Cdev", "p3", ""), 2002);
	expect(&n, DEV, R(4, "cse-in/dev/open/one", "Cdev", "p3", ""), 2002);
	/* the created one is gone: the first status, no content */
	expect(&n, DEV, R(1, "cse-in/dev/open", "Cdev", "p1", ",'ty':4,'pc':{'m2m:cin':{'con':'1','rn':'one'}}"), 2001);
	hides(&n, "cin");
	/* of another originator it is another identifier */
	expect(&n, APP, R(3, "cse-in/app", "Sapp", "p2", ",'pc':{'m2m:ae':{'lbl':['a']}}"), 2004);
	node_close(&n);
}

static void test_repeated_is_decided_anew(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "q1", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Cdev','Sapp'],'acop':63}]}}}"), 2004);
	expect(&n, APP, CIN("cse-in/dev/open", "Sapp", "q2", "secret"), 2001);
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "q3", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Cdev'],'acop':63}]}}}"), 2004);
	expect(&n, APP, CIN("cse-in/dev/open", "Sapp", "q2", "secret"), 4103);
	hides(&n, "secret");
	node_close(&n);
}

static void test_freshness(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, STRICT, REGISTER("Cstrict", "s", "w1"), 4000);
	shows(&n, "(ot)");
	expect(&n, STRICT, R(1, "cse-in", "Cstrict", "w1", ",'ty':2,'ot':'20251231T230000','pc':" AE("s")), 4008);
	expect(&n, STRICT, R(1, "cse-in", "Cstrict", "w1", ",'ty':2,'ot':'20260101T000000','pc':" AE("s")), 2001);
	/* made again it is the same; what is made too late, or is another, is not done for that */
	expect(&n, STRICT, R(3, "cse-in/s", "Cstrict", "w3", ",'ot':'20260101T000000','pc':{'m2m:ae':{'lbl':['a']}}"), 2004);
	expect(&n, STRICT, R(3, "cse-in/s", "Cstrict", "w4", ",'ot':'20260101T000000','pc':{'m2m:ae':{'lbl':['b']}}"), 2004);
	expect(&n, STRICT, R(3, "cse-in/s", "Cstrict", "w3", ",'ot':'20260101T000003','pc':{'m2m:ae':{'lbl':['a']}}"), 2004);
	expect(&n, STRICT, R(3, "cse-in/s", "Cstrict", "w3", ",'ot':'20260101T000003','pc':{'m2m:ae':{'lbl':['c']}}"), 4105);
	expect(&n, STRICT, R(3, "cse-in/s", "Cstrict", "w3", ",'ot':'20251231T230000','pc':{'m2m:ae':{'lbl':['a']}}"), 4008);
	expect(&n, STRICT, R(2, "cse-in/s", "Cstrict", "w5", ",'ot':'20260101T000000'"), 2000);
	shows(&n, "'lbl':['b']");
	/* a first attempt that was refused is not remembered as done */
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "own", "w2", ""), 4105);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "own2", "w2", ""), 2001);
	/* out of the window the identifier is free again [TS-0001 7.1.7] */
	n.now += 301000;
	clock_simulate(n.now);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "own3", "w2", ""), 2001);
	node_close(&n);
}

/* --- fan-out ------------------------------------------------------------------------------ */

#define GRP(name, rqi, mid, more) \
	R(1, "cse-in/dev", "Cdev", rqi, ",'ty':9,'pc':{'m2m:grp':{'rn':'" name "','mnm':50,'mid':[" mid "]" more "}}")

static void test_fan_out(void **state)
{
	struct node n;
	uint64_t records;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GRP("g", "o1", "'cse-in/dev/open','cse-in/dev/own'", ",'mt':3"), 2001);
	records = node_records(&n);
	expect(&n, DEV, CIN("cse-in/dev/g/fopt", "Cdev", "o2", "7"), 2000);
	shows(&n, "m2m:agr");
	shows(&n, "'fr':'cse-in/dev/open'");
	shows(&n, "'fr':'cse-in/dev/own'");
	hides(&n, "'to'");
	hides(&n, "'rsc':4");
	/* a record each, and one of the whole */
	assert_int_equal(node_records(&n), records + 3);
	expect(&n, DEV, GET("cse-in/dev/g/fopt/la", "Cdev"), 2000);
	shows(&n, "'con':'7'");
	/* what stands behind goes along; a member that lacks it says so */
	expect(&n, DEV, GET("cse-in/dev/g/fopt/none", "Cdev"), 2000);
	shows(&n, "'rsc':4004");
	/* repeated: not done again */
	expect(&n, DEV, CIN("cse-in/dev/g/fopt", "Cdev", "o2", "7"), 2000);
	expect(&n, DEV, R(2, "cse-in/dev/own", "Cdev", "o3", ""), 2000);
	shows(&n, "'cni':1");
	node_close(&n);
}

/* What is deleted through the group is its member no more [TS-0004 7.4.14.3.5]. */
static void test_fan_out_deletes_members(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GRP("g", "o1", "'cse-in/dev/open/la','cse-in/dev/own','cse-in/dev/open'", ""), 2001);
	expect(&n, DEV, CIN("cse-in/dev/open", "Cdev", "o2", "7"), 2001);
	expect(&n, DEV, R(4, "cse-in/dev/g/fopt/none", "Cdev", "o3", ""), 2000);
	expect(&n, DEV, GET("cse-in/dev/g", "Cdev"), 2000);
	shows(&n, "'cnm':3");
	expect(&n, DEV, R(4, "cse-in/dev/g/fopt", "Cdev", "o4", ""), 2000);
	hides(&n, "'rsc':4");
	expect(&n, DEV, GET("cse-in/dev/g", "Cdev"), 2000);
	shows(&n, "'mid':['cse-in/dev/open/la']");
	shows(&n, "'cnm':1");
	node_close(&n);
}

static void test_fan_out_access(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GRP("g", "o1", "'cse-in/dev/open','cse-in/dev/own'", ",'mt':3"), 2001);
	expect(&n, APP, GET("cse-in/dev/g/fopt", "Sapp"), 4103);
	/* let it in at the fan-out point: each member still decides for itself */
	expect(&n, DEV, R(3, "cse-in/dev/g", "Cdev", "o2", ",'pc':{'m2m:grp':{'macp':['cse-in/dev/acp']}}"), 2004);
	expect(&n, APP, GET("cse-in/dev/g/fopt", "Sapp"), 2000);
	shows(&n, "'rsc':2000");
	shows(&n, "'rsc':4103");
	hides(&n, "'rn':'own'");
	expect(&n, APP, GET("cse-in/dev/g", "Sapp"), 4103);
	expect(&n, APP, CIN("cse-in/dev/g/fopt", "Sapp", "o3", "x"), 4103);
	node_close(&n);
}

static void test_fan_out_loops(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GRP("a", "o1", "'cse-in/dev/open'", ""), 2001);
	expect(&n, DEV, GRP("b", "o2", "'cse-in/dev/a/fopt'", ""), 2001);
	expect(&n, DEV, GET("cse-in/dev/b/fopt", "Cdev"), 2000);
	shows(&n, "'rn':'open'");
	expect(&n, DEV, R(3, "cse-in/dev/a", "Cdev", "o3", ",'pc':{'m2m:grp':{'mid':['cse-in/dev/b/fopt','cse-in/dev/open']}}"), 2004);
	expect(&n, DEV, GET("cse-in/dev/b/fopt", "Cdev"), 2000);
	shows(&n, "4104");
	/* too deep */
	expect(&n, DEV, GRP("c", "o4", "'cse-in/dev/own'", ""), 2001);
	expect(&n, DEV, GRP("d", "o5", "'cse-in/dev/c/fopt'", ""), 2001);
	expect(&n, DEV, GRP("e", "o6", "'cse-in/dev/d/fopt'", ""), 2001);
	expect(&n, DEV, GET("cse-in/dev/e/fopt", "Cdev"), 2000);
	shows(&n, "'rn':'own'");
	expect(&n, DEV, GRP("f", "o7", "'cse-in/dev/e/fopt'", ""), 2001);
	expect(&n, DEV, GET("cse-in/dev/f/fopt", "Cdev"), 2000);
	hides(&n, "'rn':'own'");
	shows(&n, "too deep");
	node_close(&n);
}

/* JSON with a number in it, as one request of DEV. */
static void numbered(struct node *n, const char *before, int i, const char *after, unsigned status)
{
	struct buf text = buf_make(4096);

	assert_int_equal(buf_printf(&text, "%s%d%s", before, i, after), ERR_OK);
	assert_int_equal(buf_add_byte(&text, 0), ERR_OK);
	expect(n, DEV, (const char *)text.p, status);
	buf_free(&text);
}

/* `before` with the address in it, then a number, as one request of DEV. */
static void at(struct node *n, const char *before, const struct buf *where, const char *after, int i)
{
	struct buf text = buf_make(4096);

	assert_int_equal(buf_printf(&text, "%s%.*s%s", before, (int)where->n, (const char *)where->p, after), ERR_OK);
	assert_int_equal(buf_add_byte(&text, 0), ERR_OK);
	numbered(n, (const char *)text.p, i, "'}", 2001);
	buf_free(&text);
}

/* What one request may cost is bounded, however it is multiplied: 24 containers, one in the
 * other, with 1 200 instances in the last, each asked for by a group of its own, and all the
 * groups by one. The container of 24 groups is asked for them all at once [TS-0004 7.3.3.2]. */
static void test_fan_out_is_bounded(void **state)
{
	enum { DEEP = 24, ALL = 1200 };
	struct buf where = buf_make(1024), members = buf_make(1 << 16), same = buf_make(1 << 16);
	unsigned last = 0;
	struct node n;

	node_open(&n);
	node_fill(&n);
	assert_int_equal(buf_printf(&where, "cse-in/dev/own"), ERR_OK);
	for (int i = 0; i < DEEP; i++) {
		at(&n, "{'op':1,'to':'", &where, "','fr':'Cdev','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'d'}},'rqi':'d", i);
		last = (unsigned)node_rows(&n);
		assert_int_equal(buf_printf(&where, "/d"), ERR_OK);
		at(&n, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rvi':'3','ty':9,'pc':{'m2m:grp':{'mnm':1,'mid':['", &where, "']}},'rqi':'g", i);
		assert_int_equal(buf_printf(&members, "%s'grp%u/fopt'", i ? "," : "", (unsigned)node_rows(&n)), ERR_OK);
		numbered(&n, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rvi':'3','ty':9,'pc':{'m2m:grp':{'mnm':1,'mid':['cse-in/dev/own']}},'rqi':'s", i, "'}", 2001);
		assert_int_equal(buf_printf(&same, "%s'grp%u/fopt'", i ? "," : "", (unsigned)node_rows(&n)), ERR_OK);
	}
	buf_clear(&where);
	assert_int_equal(buf_printf(&where, "cnt%u", last), ERR_OK); /* found faster */
	for (int i = 0; i < ALL; i++)
		at(&n, "{'op':1,'to':'", &where, "','fr':'Cdev','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x'}},'rqi':'i", i);
	at(&n, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rvi':'3','ty':9,'pc':{'m2m:grp':{'rn':'top','mnm':24,'mid':[", &members, "]}},'rqi':'top", 0);
	at(&n, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rvi':'3','ty':9,'pc':{'m2m:grp':{'rn':'one','mnm':24,'mid':[", &same, "]}},'rqi':'one", 0);
	expect(&n, DEV, R(2, "cse-in/dev/own", "Cdev", "one", ",'fc':{'fu':1,'sza':100}"), 2000);
	expect(&n, DEV, R(2, "cse-in/dev/top/fopt", "Cdev", "all", ",'fc':{'fu':1,'sza':100}"), 5207);
	shows(&n, "too much");
	expect(&n, DEV, R(2, "cse-in/dev/one/fopt", "Cdev", "all", ",'fc':{'fu':1,'sza':100}"), 2000);
	shows(&n, "4104");
	buf_free(&where);
	buf_free(&members);
	buf_free(&same);
	node_close(&n);
}

/* What a fan-out did before it was found too much is undone. */
static void test_fan_out_too_much_is_undone(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GRP("g", "o1", "'cse-in/dev/open','cse-in/dev/own'", ",'mt':3"), 2001);
	n.room.content_max = 250; /* one answer fits, two do not */
	expect(&n, DEV, CIN("cse-in/dev/g/fopt", "Cdev", "o2", "7"), 5207);
	n.room.content_max = 1 << 20;
	expect(&n, DEV, GET("cse-in/dev/open", "Cdev"), 2000);
	shows(&n, "'cni':0");
	/* and the same may be asked again */
	expect(&n, DEV, CIN("cse-in/dev/g/fopt", "Cdev", "o2", "7"), 2000);
	node_close(&n);
}

static void test_fan_out_of_an_expired_group(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GRP("g", "o1", "'cse-in/dev/open'", ",'et':'20260101T000100'"), 2001);
	expect(&n, DEV, GET("cse-in/dev/g/fopt", "Cdev"), 2000);
	n.now += 61000;
	clock_simulate(n.now);
	expect(&n, DEV, GET("cse-in/dev/g/fopt", "Cdev"), 4004);
	node_close(&n);
}

/* What the credential binds holds behind a group, too. */
static void test_fan_out_keeps_the_credential(void **state)
{
	struct bytes links[] = { BYTES("cse-in/dev/acp") };
	const struct credential *c;
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "k1", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Sapp','Cdev'],'acop':63}]}}}"), 2004);
	assert_int_equal(resource_link(n.room.resources, permit_for_system("test"), 1, links, 1, NOW), ERR_OK);
	expect(&n, DEV, GRP("g", "k2", "'cse-in'", ",'macp':['cse-in/dev/acp']"), 2001);
	expect(&n, APP, R(4, "cse-in/app", "Sapp", "k3", ""), 2002);
	assert_int_equal(registry_find(n.room.registry, BYTES("12-app@demo.example"), &c), ERR_OK);
	assert_int_equal(bytes_put_str(((struct credential *)(uintptr_t)c)->app_id, sizeof(c->app_id),
	                               BYTES("Nbound.example")), ERR_OK);
	expect(&n, APP, REGISTER("Sapp", "other", "k4"), 4126);
	expect(&n, APP, R(1, "cse-in/dev/g/fopt", "Sapp", "k5", ",'ty':2,'pc':" AE("other")), 2000);
	shows(&n, "'rsc':4126");
	hides(&n, "'rsc':2001");
	node_close(&n);
}

/* Whether a container is empty is not for strangers. */
static void test_empty_container(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, GET("cse-in/dev/own/la", "Cdev"), 4004);
	expect(&n, APP, GET("cse-in/dev/own/la", "Sapp"), 4103);
	expect(&n, APP, R(4, "cse-in/dev/own/ol", "Sapp", "e1", ""), 4103);
	expect(&n, DEV, R(4, "cse-in/dev/own/ol", "Cdev", "e2", ""), 4004);
	expect(&n, DEV, CIN("cse-in/dev/own", "Cdev", "e3", "7"), 2001);
	expect(&n, APP, GET("cse-in/dev/own/la", "Sapp"), 4103);
	expect(&n, DEV, R(3, "cse-in/dev/own/la", "Cdev", "e4", ",'pc':{'m2m:cin':{}}"), 4005);
	node_close(&n);
}

/* The right to discover is not the right to read by guessing. */
static void test_discovery_by_content(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, CIN("cse-in/dev/open", "Cdev", "v1", "secret"), 2001);
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "v2", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Sapp'],'acop':32},{'acor':['Cdev'],'acop':63}]}}}"), 2004);
	expect(&n, APP, R(2, "cse-in/dev/open", "Sapp", "v3", ",'fc':{'fu':1}"), 2000);
	shows(&n, "cse-in/dev/open/cin");
	expect(&n, APP, R(2, "cse-in/dev/open", "Sapp", "v4", ",'fc':{'fu':1,'atr':[{'nm':'con','val':'s*'}]}"), 2000);
	hides(&n, "cse-in/dev/open/cin");
	expect(&n, APP, R(2, "cse-in/dev/open", "Sapp", "v5", ",'fc':{'fu':1,'atr':[{'nm':'rn','val':'cin*'}]}"), 2000);
	shows(&n, "cse-in/dev/open/cin");
	expect(&n, DEV, R(2, "cse-in/dev/open", "Cdev", "v6", ",'fc':{'fu':1,'atr':[{'nm':'con','val':'s*'}]}"), 2000);
	shows(&n, "cse-in/dev/open/cin");
	node_close(&n);
}

/* What one member is refused leaves no trace, and the others keep theirs. */
static void test_fan_out_of_changes(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, R(3, "cse-in/dev/own", "Cdev", "o0", ",'pc':{'m2m:cnt':{'mbs':3}}"), 2004);
	expect(&n, DEV, CIN("cse-in/dev/own", "Cdev", "o1", "123"), 2001);
	expect(&n, DEV, GRP("g", "o2", "'cse-in/dev/open','cse-in/dev/own','cse-in/dev'", ""), 2001);
	expect(&n, DEV, CIN("cse-in/dev/g/fopt", "Cdev", "o3", "too long"), 2000);
	shows(&n, "'rsc':2001");
	shows(&n, "'rsc':5207");
	shows(&n, "'rsc':4108");
	expect(&n, DEV, GET("cse-in/dev/open", "Cdev"), 2000);
	shows(&n, "'cni':1");
	expect(&n, DEV, GET("cse-in/dev/own", "Cdev"), 2000);
	shows(&n, "'cni':1");
	node_commit(&n);
	expect(&n, DEV, GET("cse-in/dev/open/la", "Cdev"), 2000);
	shows(&n, "too long");
	expect(&n, DEV, GET("cse-in/dev/own/la", "Cdev"), 2000);
	shows(&n, "123");
	node_close(&n);
}

/* --- lab --------------------------------------------------------------------------------------- */

static void test_lab(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	n.room.lab = true;
	n.room.lab_admin = BYTES("CAdmin");
	n.room.require_registration_rule = false;
	/* (6) */
	expect(&n, LAB, GET("cse-in/dev", "/mn-cse"), 4107);
	expect(&n, LAB, GET("cse-in/dev", "/mn-cse/Cx"), 4106);
	/* who is not registered is judged by the policies */
	expect(&n, LAB, GET("cse-in/dev", "Cnobody"), 4103);
	expect(&n, LAB, GET("cse-in", "Cnobody"), 4103);
	expect(&n, LAB, CNT("cse-in", "Cnobody", "no", "b0", ""), 4103);
	expect(&n, LAB, R(1, "cse-in", "Cnobody", "b4", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[]},"
	       "'pvs':{'acr':[{'acor':['Cnobody'],'acop':63}]}}}"), 2001);
	expect(&n, LAB, GET("cse-in/p", "Cnobody"), 2000);
	/* believed CSEs, each by its whole name */
	n.room.lab_cses = BYTES("/mn-lab,/asn,/mn-cse");
	expect(&n, LAB, GET("cse-in", "/mn-lab"), 2000);
	expect(&n, LAB, GET("cse-in", "//demo.example/asn"), 2000);
	expect(&n, LAB, GET("cse-in/dev", "/mn-lab/Cx"), 4103);
	expect(&n, LAB, GET("cse-in", "/mn"), 4107);
	expect(&n, LAB, GET("cse-in", "/mn-cse"), 4107); /* it is enrolled */
	expect(&n, LAB, GET("cse-in", "/mn-lab,/asn"), 4000);
	expect(&n, LAB, GET("cse-in", "//other.example/mn-lab"), 4107);
	expect(&n, LAB, GET("cse-in/dev", "/in-cse/Cdev"), 4000);
	expect(&n, LAB, REGISTER("Clab", "lab", "b1"), 2001);
	shows(&n, "'aei':'Clab'");
	expect(&n, LAB, REGISTER("C", "lab2", "b2"), 2001);
	expect(&n, LAB, GET("cse-in/lab", "Clab"), 2000);
	expect(&n, LAB, GET("cse-in", "Clab"), 2000);
	assert_true(record_says(&n, "ru", "lab mode: open"));
	expect(&n, LAB, GET("cse-in/dev", "Clab"), 4103);
	expect(&n, LAB, GET("cse-in/dev", "CAdmin"), 2000);
	assert_true(record_says(&n, "ru", "lab mode: administrator"));
	expect(&n, LAB, R(2, "cse-in", "CAdmin", "b3", ",'fc':{'fu':1}"), 2000);
	shows(&n, "cse-in/dev/own");
	/* on an association the name is nothing, and outside the lab neither */
	expect(&n, DEV, GET("cse-in/app", "CAdmin"), 4106);
	n.room.lab = false;
	expect(&n, LAB, GET("cse-in/dev", "CAdmin"), 4107);
	node_close(&n);
}

static void test_lab_is_not_authenticated(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	n.room.lab = true;
	n.room.require_registration_rule = false;
	expect(&n, LAB, REGISTER("Clab", "lab", "b0"), 2001);
	expect(&n, DEV, R(3, "cse-in/dev/acp", "Cdev", "b1", ",'pc':{'m2m:acp':{'pv':{'acr':["
	       "{'acor':['Cdev','Clab'],'acop':63,'acaf':true}]}}}"), 2004);
	expect(&n, DEV, GET("cse-in/dev/open", "Cdev"), 2000);
	expect(&n, LAB, GET("cse-in/dev/open", "Clab"), 4103);
	shows(&n, "authenticated originator is required");
	/* who has a credential cannot be impersonated in a laboratory either */
	expect(&n, LAB, GET("cse-in/dev/open", "Cdev"), 4107);
	expect(&n, LAB, GET("cse-in/app", "Sapp"), 4107);
	expect(&n, LAB, GET("cse-in/app", "//demo.example/Sapp"), 4107);
	node_close(&n);
}

/* --- records, batches, failures --------------------------------------------------------------- */

static void test_must_commit(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	n.room.must_commit = false;
	expect(&n, DEV, GET("cse-in/dev", "Cdev"), 2000);
	expect(&n, DEV, GET("cse-in/none", "Cdev"), 4004);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "own", "m1", ""), 4105); /* a refusal to be seen */
	assert_true(n.room.must_commit);
	n.room.must_commit = false;
	expect(&n, APP, GET("cse-in/dev/own", "Sapp"), 4103);
	assert_true(n.room.must_commit);
	n.room.must_commit = false;
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "m", "m2", ""), 2001);
	assert_true(n.room.must_commit);
	node_close(&n);
}

static void test_record_of_a_change(void **state)
{
	struct node n;

	node_open(&n);
	node_fill(&n);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "m", "m2", ""), 2001);
	assert_true(record_says(&n, "fr", "//demo.example/in-cse/Cdev"));
	assert_true(record_says(&n, "cr", "12-dev@demo.example"));
	assert_true(record_says(&n, "to", "cse-in/dev"));
	assert_true(record_says(&n, "rqi", "m2"));
	assert_int_equal(record_number(&n, "op"), 1);
	assert_int_equal(record_number(&n, "vn"), 1);
	assert_true(record_number(&n, "id") != 0);
	assert_true(record_number(&n, "as") == n.associations[DEV]);
	node_close(&n);
}

/* Without memory a request is done wholly with its record, or not at all. */
static void test_no_memory(void **state)
{
	static const char *const jsons[] = {
		CNT("cse-in/dev", "Cdev", "torture", "t1", ""),
		R(4, "cse-in/dev/open", "Cdev", "t2", ""),
		R(2, "cse-in/dev", "Cdev", "t3", ",'rcn':4"),
		R(3, "cse-in/dev/own", "Cdev", "t4", ",'pc':{'m2m:cnt':{'lbl':['x']}}"),
		CIN("cse-in/dev/g/fopt", "Cdev", "t5", "7"),
	};

	for (size_t i = 0; i < COUNT_OF(jsons); i++) {
		bool done = false;

		for (uint64_t nth = 1; !done; nth++) {
			struct request_arrival in;
			uint64_t rows, records;
			unsigned status;
			struct node n;

			node_open(&n);
			node_fill(&n);
			expect(&n, DEV, GRP("g", "o1", "'cse-in/dev/open','cse-in/dev/own'", ",'mt':3"), 2001);
			node_commit(&n);
			in = node_arrival(&n, DEV, jsons[i]);
			rows = node_rows(&n);
			records = node_records(&n);
			buf_clear(&n.answer);
			arena_free(&n.room.arena);
			arena_init(&n.room.arena, 32 << 20);
			mem_fail_at(nth);
			n.err = request_serve(&n.room, &in, &n.answer);
			done = mem_count() < nth;
			mem_fail_at(0);
			if (n.err != ERR_OK) {
				assert_int_equal(n.err, ERR_MEMORY);
				assert_int_equal(n.answer.n, 0);
				assert_int_equal(node_records(&n), records);
				assert_int_equal(node_rows(&n), rows);
				/* nothing stuck: it can be done after all */
				status = node_serve(&n, &in);
				assert_true(status_is_success(status));
			}
			assert_true(node_records(&n) > records);
			node_commit(&n);
			node_close(&n);
		}
	}
}

/* A target is told no number that a crash might give to another. */
static void test_numbers_run_out(void **state)
{
	const char *json = R(1, "cse-in/dev/open", "Cdev", "n1", ",'ty':23,'pc':{'m2m:sub':{'rn':'s','nu':['http://192.0.2.9/n']}}");
	struct node n;
	struct store *s;
	uint64_t rows;

	node_open(&n);
	node_fill(&n);
	node_commit(&n);
	s = n.room.store;
	rows = node_rows(&n);
	s->reserved = s->next_id;
	n.room.must_commit = false;
	assert_int_equal(node_do(&n, DEV, json), 0);
	assert_int_equal(n.err, ERR_LIMIT);
	assert_true(n.room.must_commit && node_rows(&n) == rows);
	expect(&n, DEV, R(2, "cse-in/dev", "Cdev", "n2", ""), 2000);
	node_commit(&n);
	assert_int_equal(node_do(&n, DEV, json), 0);
	assert_int_equal(n.err, ERR_PENDING);
	assert_true(n.room.needs.rows.end > n.room.needs.rows.from && n.room.needs.rows.end == s->next_id);
	node_close(&n);
}

/* A store that cannot write: the batch is gone as a whole, and the next one works. */
static void test_store_fails(void **state)
{
	bool done = false;

	for (uint64_t nth = 1; !done; nth++) {
		struct request_arrival in;
		uint64_t rows, records;
		struct node n;
		err_t err;

		node_open(&n);
		node_fill(&n);
		node_commit(&n);
		rows = node_rows(&n);
		records = node_records(&n);
		in = node_arrival(&n, DEV, CNT("cse-in/dev", "Cdev", "torture", "t1", ""));
		engine_fail_at(nth, ERR_IO);
		assert_int_equal(node_serve(&n, &in), 2001);
		err = store_commit(n.room.store);
		done = engine_writes() < nth;
		engine_fail_at(0, ERR_OK);
		audit_settle(n.room.audit, err == ERR_OK);
		replay_settle(n.room.replay, err == ERR_OK);
		assert_int_equal(store_begin(n.room.store), ERR_OK);
		if (!done) {
			assert_int_equal(err, ERR_IO);
			assert_int_equal(node_rows(&n), rows);
			assert_int_equal(node_records(&n), records);
			/* not taken for a repetition: it was never done */
			assert_int_equal(node_serve(&n, &in), 2001);
		}
		assert_int_equal(node_rows(&n), rows + 1);
		node_commit(&n);
		node_close(&n);
	}
}

static void test_failed(void **state)
{
	struct request_arrival in;
	struct node n;

	node_open(&n);
	node_fill(&n);
	in = node_arrival(&n, DEV, CNT("cse-in/dev", "Cdev", "x", "e1", ""));
	buf_clear(&n.answer);
	assert_int_equal(request_failed(&n.room, &in, ERR_TAMPERED, &n.answer), ERR_OK);
	shows(&n, "'rsc':5000");
	shows(&n, "'rqi':'e1'");
	hides(&n, "dbg"); /* the error table shows nothing of our own failures */
	assert_int_equal(record_number(&n, "rsc"), 5000);
	assert_true(record_says(&n, "ru", "TAMPERED"));
	node_close(&n);
}

static void test_arrival(void **state)
{
	uint8_t body[8 + 1 + 16 + 2] = { [7] = 5, [8] = 4, [9] = 192, [25] = 0xa1 };
	uint8_t whole[sizeof(body) + 2 * ARRIVAL_EXPORTED] = { 0 };
	struct request_arrival in;

	assert_int_equal(request_arrival_read(BYTES_OF(body), 2, NOW, &in), ERR_OK);
	assert_int_equal(in.association, 5);
	assert_int_equal(in.address[0], 192);
	assert_int_equal(in.primitive.n, 2);
	assert_int_equal(request_arrival_read(bytes_make(body, 24), 2, NOW, &in), ERR_SYNTAX);
	assert_int_equal(in.exported.n, 0);
	body[8] = 4 | ARRIVAL_EXPORTS; /* they are not there */
	assert_int_equal(request_arrival_read(BYTES_OF(body), 2, NOW, &in), ERR_SYNTAX);
	bytes_copy(whole, body, sizeof(body));
	whole[sizeof(body)] = 7;
	assert_int_equal(request_arrival_read(BYTES_OF(whole), 2, NOW, &in), ERR_OK);
	assert_int_equal(in.address_n, 4);
	assert_int_equal(in.primitive.n, 2);
	assert_true(in.exported.n == 2 * ARRIVAL_EXPORTED && in.exported.p[0] == 7);
	body[8] = 5;
	assert_int_equal(request_arrival_read(BYTES_OF(body), 2, NOW, &in), ERR_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admission), cmocka_unit_test(test_order_of_the_gate),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_unknown_association),
		cmocka_unit_test(test_revoked), cmocka_unit_test(test_forged_from),
		cmocka_unit_test(test_registration), cmocka_unit_test(test_access),
		cmocka_unit_test(test_link_of_policies), cmocka_unit_test(test_places_in_policies),
		cmocka_unit_test(test_groups_in_policies),
		cmocka_unit_test(test_discovery), cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_repeated_is_decided_anew), cmocka_unit_test(test_freshness),
		cmocka_unit_test(test_fan_out), cmocka_unit_test(test_fan_out_deletes_members), cmocka_unit_test(test_fan_out_access),
		cmocka_unit_test(test_fan_out_loops), cmocka_unit_test(test_fan_out_of_changes),
		cmocka_unit_test(test_fan_out_is_bounded),
		cmocka_unit_test(test_fan_out_too_much_is_undone),
		cmocka_unit_test(test_fan_out_of_an_expired_group),
		cmocka_unit_test(test_fan_out_keeps_the_credential),
		cmocka_unit_test(test_empty_container),
		cmocka_unit_test(test_discovery_by_content),
		cmocka_unit_test(test_lab), cmocka_unit_test(test_lab_is_not_authenticated),
		cmocka_unit_test(test_must_commit), cmocka_unit_test(test_record_of_a_change),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_numbers_run_out), cmocka_unit_test(test_store_fails),
		cmocka_unit_test(test_failed), cmocka_unit_test(test_arrival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
