/* request_action: requests that are made when conditions on resources hold: which do, how
 * often, on whose right, and that actions which feed each other come to an end. */
#include "request_due.h"

#include "request/action.h"
#include "resource/action.h"

static int setup(void **state)
{
	struct node *n;

	due_setup(state);
	n = *state;
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "c2", ""), 2001);
	expect(n, APP, CNT("cse-in/app", "Sapp", "e", "c3", ""), 2001);
	return 0;
}

static void add(struct node *n, const char *to)
{
	assert_int_equal(ask(n, DEV, 1, to, "Cdev", ",'ty':4,'pc':{'m2m:cin':{'con':'1'}}"), 2001);
}

#define gets(n, who, to, from, part)                                                    \
	do {                                                                            \
		assert_int_equal(ask(n, who, 2, to, from, ""), 2000);                   \
		shows(n, part);                                                         \
	} while (0)

#define EVC(sbjt, optr, thld) "'evc':{'optr':" #optr ",'sbjt':'" sbjt "','thld':" #thld "}"
#define PUT(to, from) "'orc':'" to "','apv':{'op':1,'to':'" to "','fr':'" from \
	"','rqi':'a','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'acted'}}}"
#define ACTR(name, sri, evc, mode, rest) ",'ty':65,'pc':{'m2m:actr':{'rn':'" name "','sri':'" sri "'," evc \
	",'evm':" #mode "," rest "}}"
#define MADE(n, who, to, from, content) assert_int_equal(ask(n, who, 1, to, from, content), 2001)
#define REFUSED(n, who, to, from, content, status) assert_int_equal(ask(n, who, 1, to, from, content), status)

static void test_once(void **state)
{
	struct node *n = *state;

	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 3, 1), 1, PUT("cse-in/dev/d", "Cdev")));
	shows(n, "'evm':1");
	hides(n, "air");
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	add(n, "cse-in/dev/c");
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':0");
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':1");
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'evm':0");
	shows(n, "'rsc':2001");
	shows(n, "'air':{");
	hides(n, "@");
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	/* Switched on again it holds at once. */
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':1}}"), 2004);
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':2");
}

static void test_continuous(void **state)
{
	struct node *n = *state;

	MADE(n, DEV, "cse-in/dev", "Cdev",
	     ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ecp':2," PUT("cse-in/dev/d", "Cdev")));
	for (unsigned i = 0; i < 4; i++) {
		add(n, "cse-in/dev/c");
		assert_int_equal(work_off_all(n), i < 2 ? 1 : 0);
	}
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'evm':0");
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':2");
	/* A deletion is a change of what stands above. */
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev",
	                     ",'pc':{'m2m:actr':{'evm':1,'ecp':null,'evc':{'optr':4,'sbjt':'cni','thld':4}}}"), 2004);
	assert_int_equal(work_off_all(n), 0);
	assert_int_equal(ask(n, DEV, 4, "cse-in/dev/c/la", "Cdev", ""), 2002);
	assert_int_equal(work_off_all(n), 1);
}

/* Two actions that feed each other: one change from outside has ACTION_CHAIN of them done,
 * and what would come after is on record. */
static void test_no_storm(void **state)
{
	struct node *n = *state;
	unsigned done;

	MADE(n, DEV, "cse-in/dev", "Cdev",
	     ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ecp':100000," PUT("cse-in/dev/d", "Cdev")));
	MADE(n, DEV, "cse-in/dev", "Cdev",
	     ACTR("b", "cse-in/dev/d", EVC("cni", 5, 1), 3, "'ecp':100000," PUT("cse-in/dev/c", "Cdev")));
	assert_int_equal(work_off_all(n), 0);
	add(n, "cse-in/dev/c");
	done = work_off_all(n);
	assert_true(done > 2);
	assert_true(done <= ACTION_CHAIN);
	/* Many at each step are no more. */
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(ask(n, DEV, 1, "cse-in/dev", "Cdev", ",'ty':65,'pc':{'m2m:actr':{'sri':'cse-in/dev/c',"
		                     EVC("cni", 5, 1) ",'evm':3," PUT("cse-in/dev/c", "Cdev") "}}"), 2001);
	done = work_off_all(n); /* each held when it was made */
	assert_true(done <= 6 * ACTION_CHAIN);
	add(n, "cse-in/dev/c");
	done = work_off_all(n);
	assert_true(done >= 7 && done <= ACTION_CHAIN);
}

enum { STORM = 6 };

/* Containers, each with an action by which all of them, by `put`, have something new. */
static void storm(struct node *n, const char *put)
{
	struct buf text = buf_make(65536);

	for (unsigned i = 0; i < STORM; i++) {
		buf_clear(&text);
		assert_int_equal(buf_printf(&text, ",'ty':3,'pc':{'m2m:cnt':{'rn':'s%u','mni':9}}", i), ERR_OK);
		assert_int_equal(buf_add_byte(&text, 0), ERR_OK);
		MADE(n, DEV, "cse-in/dev", "Cdev", (const char *)text.p);
	}
	MADE(n, DEV, "cse-in/dev", "Cdev", ",'ty':9,'pc':{'m2m:grp':{'rn':'g','mt':3,'mnm':9,'mid':['cse-in/dev/s0',"
	     "'cse-in/dev/s1','cse-in/dev/s2','cse-in/dev/s3','cse-in/dev/s4','cse-in/dev/s5']}}");
	for (unsigned i = 0; i < STORM; i++) {
		buf_clear(&text);
		assert_int_equal(buf_printf(&text, ",'ty':65,'pc':{'m2m:actr':{'rn':'a%u','sri':'cse-in/dev/s%u',"
		                            EVC("mni", 3, 9) ",'evm':3,'ecp':100000,%s}}", i, i, put), ERR_OK);
		assert_int_equal(buf_add_byte(&text, 0), ERR_OK);
		MADE(n, DEV, "cse-in/dev", "Cdev", (const char *)text.p);
	}
	assert_int_equal(work_off_all(n), 0);
	buf_free(&text);
}

#define MORE "'pc':{'m2m:cnt':{'mni':10}}"

/* However many resources one request changes, the chain is one. */
static void test_no_storm_by_group(void **state)
{
	struct node *n = *state;
	unsigned done;

	storm(n, "'orc':'cse-in/dev/g/fopt','apv':{'op':3,'to':'cse-in/dev/g/fopt','fr':'Cdev','rqi':'a','rvi':'3'," MORE "}");
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/s0", "Cdev", "," MORE), 2004);
	done = work_off_all(n);
	assert_true(done > STORM && done <= ACTION_CHAIN);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/g/fopt", "Cdev", "," MORE), 2000);
	done = work_off_all(n);
	assert_true(done > STORM && done <= ACTION_CHAIN);
}

#define TRAM_OF(rqps) "'orc':'cse-in/dev','apv':{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3','ty':50," \
	"'pc':{'m2m:tram':{'rqps':{'rqp':[" rqps "]}}}}"
#define CHANGE(to) "{'op':3,'to':'" to "','fr':'Cdev','rqi':'b','rvi':'3'," MORE "}"

static void test_no_storm_by_transaction(void **state)
{
	struct node *n = *state;
	unsigned done;

	storm(n, TRAM_OF(CHANGE("cse-in/dev/s0") "," CHANGE("cse-in/dev/s1") "," CHANGE("cse-in/dev/s2")));
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/s0", "Cdev", "," MORE), 2004);
	done = work_off_all(n);
	assert_true(done >= 4 && done <= ACTION_CHAIN);
}

/* Rounds of one that is set off by an action are of its chain. */
static void test_no_storm_by_rounds(void **state)
{
	struct node *n = *state;
	unsigned done;

	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/c", "Cdev", "," MORE), 2004);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/d", "Cdev", "," MORE), 2004);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("mni", 3, 9), 3, "'ecp':100000,"
	     TRAM_OF(CHANGE("cse-in/dev/d") "," CHANGE("/mn/cse/x"))));
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("b", "cse-in/dev/d", EVC("mni", 3, 9), 3, "'ecp':100000,"
	     TRAM_OF(CHANGE("cse-in/dev/c") "," CHANGE("/mn/cse/x"))));
	done = work_off_all(n); /* each held when it was made; of a transaction two are tried, and one is taken back */
	assert_true(done >= 8 && done <= 2 * 4 * ACTION_CHAIN);
}

static uint64_t row_of(struct node *n, const char *at)
{
	struct target target;

	assert_int_equal(resource_resolve(n->room.resources, bytes_str(at), &target), ERR_OK);
	assert_int_equal(target.place, TARGET_HERE);
	return target.id;
}

/* What cannot be kept is refused when it is made; and where there is one all the same, it
 * is nothing to who changes the resource. */
static void test_too_large(void **state)
{
	struct node *n = *state;
	struct buf con = buf_make(400000), content = buf_make(1 << 20), apv = buf_make(400000);
	struct cbor_member m = { .key = BYTES("apv") };
	struct resource_change change = { .m = &m, .n = 1, .now = n->now, .expires = n->now + 86400000 };

	for (size_t i = 0; i < 300000; i++)
		assert_int_equal(buf_add_byte(&con, 'x'), ERR_OK);
	assert_int_equal(buf_add_byte(&con, 0), ERR_OK);
	assert_int_equal(buf_printf(&content, ",'ty':65,'pc':{'m2m:actr':{'sri':'cse-in/dev/c'," EVC("cni", 5, 1)
	                            ",'evm':3,'orc':'cse-in/dev/d','apv':{'op':1,'to':'cse-in/dev/d','fr':'Cdev','rqi':'a',"
	                            "'rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'%s'}}}}}", (const char *)con.p), ERR_OK);
	assert_int_equal(buf_add_byte(&content, 0), ERR_OK);
	REFUSED(n, DEV, "cse-in/dev", "Cdev", (const char *)content.p, 5207);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(cbor_put_map(&apv, 1), ERR_OK);
	assert_int_equal(cbor_put_text(&apv, BYTES("pc")), ERR_OK);
	assert_int_equal(cbor_put_text(&apv, bytes_sub(bytes_of_buf(&con), 0, 300000)), ERR_OK);
	m.value = bytes_of_buf(&apv);
	assert_int_equal(resource_request_change(n->room.resources, permit_for_system("test"), row_of(n, "cse-in/dev/a"),
	                                         &change, &n->room.arena), ERR_OK);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	buf_free(&con);
	buf_free(&content);
	buf_free(&apv);
}

/* It is the creator's right that counts, when it is done. */
static void test_rights(void **state)
{
	struct node *n = *state;

	REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("x", "cse-in/dev/c", EVC("cni", 5, 1), 1, PUT("cse-in/app/e", "Sapp")), 4000);
	REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("x", "cse-in/app/e", EVC("cni", 5, 1), 1, PUT("cse-in/dev/d", "Cdev")), 4000);
	REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("x", "cse-in/none", EVC("cni", 5, 1), 1, PUT("cse-in/dev/d", "Cdev")), 4000);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 1, PUT("cse-in/app/e", "Cdev")));
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'rsc':4103");
	gets(n, APP, "cse-in/app/e", "Sapp", "'cni':0");
}

/* What somebody else may switch, it cannot aim. */
static void test_others(void **state)
{
	struct node *n = *state;

	MADE(n, DEV, "cse-in/dev", "Cdev", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[{'acor':['Cdev','/Sapp'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}");
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 0,
	     "'acpi':['cse-in/dev/p']," PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'apv':{'op':4,'to':'cse-in/dev/d',"
	                     "'fr':'Sapp','rqi':'a','rvi':'3'}}}"), 4103);
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'apv':{'op':4,'to':'cse-in/dev/d',"
	                     "'fr':'Cdev','rqi':'a','rvi':'3'}}}"), 4103);
	/* nor switch on what it may not read */
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'evm':1}}"), 4000);
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'lbl':['x']}}"), 2004);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':1}}"), 2004);
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'evm':0}}"), 2004);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
}

/* The right to read what is compared, and the credential, are asked each time. */
static void test_withdrawn(void **state)
{
	struct node *n = *state;
	bool found;

	MADE(n, APP, "cse-in/app", "Sapp", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[{'acor':['/in-cse/Cdev','/Sapp'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['/Sapp'],'acop':63}]}}}");
	assert_int_equal(ask(n, APP, 3, "cse-in/app/e", "Sapp", ",'pc':{'m2m:cnt':{'acpi':['cse-in/app/p']}}"), 2004);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/app/e", EVC("mni", 1, 7), 3, PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(ask(n, APP, 3, "cse-in/app/e", "Sapp", ",'pc':{'m2m:cnt':{'mni':7}}"), 2004);
	assert_int_equal(work_off_all(n), 1);
	assert_int_equal(ask(n, APP, 3, "cse-in/app/p", "Sapp",
	                     ",'pc':{'m2m:acp':{'pv':{'acr':[{'acor':['/Sapp'],'acop':63}]}}}"), 2004);
	assert_int_equal(ask(n, APP, 3, "cse-in/app/e", "Sapp", ",'pc':{'m2m:cnt':{'lbl':['x']}}"), 2004);
	assert_int_equal(work_off_all(n), 0);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("b", "cse-in/dev/c", EVC("cni", 5, 1), 3, PUT("cse-in/dev/d", "Cdev")));
	add(n, "cse-in/dev/c");
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-dev@demo.example"), &found), ERR_OK);
	assert_int_equal(work_off_all(n), 1);
	assert_true(record_says(n, "tx", "the credential that the request came on stands no more"));
}

static void test_dependencies(void **state)
{
	struct node *n = *state;

	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3,
	     "'dep':['cse-in/dev/a/one']," PUT("cse-in/dev/d", "Cdev")));
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0); /* it is not there yet */
#define DEPR(name, sufficient, thld) ",'ty':66,'pc':{'m2m:depr':{'rn':'" name "','rri':'cse-in/dev/d'," \
	EVC("mni", 1, thld) ",'sfc':" #sufficient "}}"
	MADE(n, DEV, "cse-in/dev/a", "Cdev", DEPR("one", false, 1));
	MADE(n, DEV, "cse-in/dev/a", "Cdev", DEPR("two", false, 2));
	MADE(n, DEV, "cse-in/dev/a", "Cdev", DEPR("three", true, 3));
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'dep':['cse-in/dev/a/one',"
	                     "'cse-in/dev/a/three']}}"), 2004);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const mni[] = { "9", "1", "2", "3" };
		static const unsigned done[] = { 0, 1, 0, 1 };
		struct buf content = buf_make(200);

		assert_int_equal(buf_printf(&content, ",'pc':{'m2m:cnt':{'mni':%s}}", mni[i]), ERR_OK);
		assert_int_equal(buf_add_byte(&content, 0), ERR_OK);
		assert_int_equal(ask(n, DEV, 3, "cse-in/dev/d", "Cdev", (const char *)content.p), 2004);
		add(n, "cse-in/dev/c");
		assert_int_equal(work_off_all(n), done[i]);
		buf_free(&content);
	}
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'dep':['cse-in/dev/a/one',"
	                     "'cse-in/dev/a/two']}}"), 2004);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	REFUSED(n, DEV, "cse-in/dev/a", "Cdev", ",'ty':66,'pc':{'m2m:depr':{'rri':'cse-in/app/e'," EVC("mni", 1, 1)
	        ",'sfc':true}}", 4000);
}

static void test_periodic(void **state)
{
	struct node *n = *state;
	uint64_t after = 0, ids[4];
	int64_t made;
	size_t due;

	REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("x", "cse-in/dev/c", EVC("cni", 5, 1), 2, "'ecp':10," PUT("cse-in/dev/d", "Cdev")), 5207);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 0), 2, "'ecp':5000," PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(work_off_all(n), 1);
	assert_int_equal(actions_due(n->room.resources, n->now, &after, ids, 4, &due), ERR_OK);
	assert_int_equal(due, 0);
	n->now += 5000;
	assert_int_equal(actions_due(n->room.resources, n->now, &after, ids, 4, &due), ERR_OK);
	assert_int_equal(due, 1);
	assert_int_equal(action_period(&n->room, ids[0], n->now), ERR_OK);
	assert_int_equal(work_off_all(n), 1);
	/* In vain it waits for the next time. */
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evc':{'optr':1,'sbjt':'cni','thld':9}}}"), 2004);
	n->now += 5000;
	assert_int_equal(action_period(&n->room, ids[0], n->now), ERR_OK);
	assert_int_equal(work_off_all(n), 0);
	assert_int_equal(actions_due(n->room.resources, n->now, &after, ids, 4, &due), ERR_OK);
	assert_int_equal(due, 0);
	/* Without a period: every ten seconds. */
	assert_int_equal(ask(n, DEV, 4, "cse-in/dev/a", "Cdev", ""), 2002);
	made = n->now;
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("b", "cse-in/dev/c", EVC("cni", 5, 0), 2, PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(work_off_all(n), 1);
	for (size_t i = 0; i < 2; i++) {
		n->now = made + (i ? 10000 : 9999);
		assert_int_equal(actions_due(n->room.resources, n->now, &after, ids, 4, &due), ERR_OK);
		assert_int_equal(due, i);
	}
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/b", "Cdev", ",'pc':{'m2m:actr':{'evm':0}}"), 2004);
}

/* What is wrong is said when it is made. */
static void test_refused(void **state)
{
	struct node *n = *state;

#define WRONG(evc, mode, rest, status) REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("x", "cse-in/dev/c", evc, mode, rest), status)
	WRONG(EVC("nothing", 1, 1), 1, PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 7, 1), 1, PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 4, PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'ecp':3," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 3, "'ecp':0," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'air':{}," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'ipu':['x']," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'ipu':['cse-in/dev/c']," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'ipu':['cse-in/dev/c#no']," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'ipu':['cse-in/app/e#cni']," PUT("cse-in/dev/d", "Cdev"), 4000); /* not for its eyes */
	WRONG(EVC("cni", 1, 1), 1, "'ipu':['/mn/cse/c']," PUT("cse-in/dev/d", "Cdev"), 4000);
	WRONG(EVC("cni", 1, 1), 1, "'ipu':['cse-in/dev/c#cni','cse-in/dev/c#cni','cse-in/dev/c#cni','cse-in/dev/c#cni','cse-in/dev/c#cni',"
	      "'cse-in/dev/c#cni','cse-in/dev/c#cni','cse-in/dev/c#cni','cse-in/dev/c#cni']," PUT("cse-in/dev/d", "Cdev"), 5207);
	WRONG(EVC("cni", 1, 1), 1, "'orc':'cse-in/dev/c','apv':{'op':4,'to':'cse-in/dev/d','fr':'Cdev','rqi':'a'}", 4000);
	WRONG(EVC("cni", 1, 1), 1, "'orc':'cse-in/dev/c','apv':{'op':6,'to':'cse-in/dev/c','fr':'Cdev','rqi':'a'}", 4000);
	WRONG(EVC("cni", 1, 1), 1, "'orc':'cse-in/dev/c','apv':{'to':'cse-in/dev/c','fr':'Cdev','rqi':'a'}", 4000);
	WRONG(EVC("cni", 1, 1), 1, "'orc':'cse-in/dev/c','apv':{'op':4,'to':'cse-in/dev/c','rqi':'a'}", 4000);
	WRONG(EVC("cni", 1, 1), 1, "'orc':'cse-in/dev/c','apv':{'op':4,'to':'cse-in/dev/c','fr':'Cdev','rqi':'a','rt':{'rtv':1}}", 4000);
	/* no identity, and nothing that may bring a key */
	for (unsigned i = 0; i < 2; i++) {
		static const unsigned types[] = { 2, 245 };
		struct buf more = buf_make(1024);

		assert_int_equal(buf_printf(&more, ACTR("x", "cse-in/dev/c", EVC("cni", 1, 1), 1, "'orc':'cse-in/dev','apv':{'op':1,"
		                            "'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3','ty':%u,'pc':{}}"), types[i]), ERR_OK);
		assert_int_equal(buf_add_byte(&more, 0), ERR_OK);
		REFUSED(n, DEV, "cse-in/dev", "Cdev", (const char *)more.p, 4000);
		buf_free(&more);
	}
	WRONG(EVC("cni", 1, 1), 1, TRAM_OF("{'op':1,'to':'cse-in','fr':'Cdev','rqi':'b','rvi':'3','ty':245,'pc':{}}"), 4000);
	REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("x", "/mn/cse/c#cni", EVC("cni", 1, 1), 1, PUT("cse-in/dev/d", "Cdev")), 4000);
}

/* --- input ------------------------------------------------------------------------------ */

#define MADE_OF(content) "'orc':'cse-in/dev/d','apv':{'op':1,'to':'cse-in/dev/d','fr':'Cdev','rqi':'a','rvi':'3','ty':4," \
	"'pc':{'m2m:cin':" content "}}"

/* Whole values for whole texts; what looks like one and is none stays. */
static void test_input(void **state)
{
	struct node *n = *state;

	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ipu':['cse-in/dev/c/la#con','cse-in/dev/c#cni'],"
	     MADE_OF("{'con':'$1','lbl':['$1 and','$3','$2x']}")));
	assert_int_equal(ask(n, DEV, 1, "cse-in/dev/c", "Cdev", ",'ty':4,'pc':{'m2m:cin':{'con':'measured'}}"), 2001);
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d/la", "Cdev", "'con':'measured'");
	shows(n, "'lbl':['$1 and','$3','$2x']");
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'rsc':2001");
	shows(n, "'con':'$1'"); /* the action says what it said */
	/* a value that does not fit is refused like any other, when it is done */
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'apv':{'op':3,'to':'cse-in/dev/d','fr':'Cdev',"
	                     "'rqi':'a','rvi':'3','pc':{'m2m:cnt':{'mni':'$1'}}}}}"), 2004);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'rsc':4000");
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'ipu':['cse-in/dev/c#cni']}}"), 2004);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'mni':3");
}

/* What an input shows is for its creator's eyes at that time, or nothing is done. */
static void test_input_withdrawn(void **state)
{
	struct node *n = *state;

	MADE(n, APP, "cse-in/app", "Sapp", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[{'acor':['/in-cse/Cdev','/Sapp'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['/Sapp'],'acop':63}]}}}");
	assert_int_equal(ask(n, APP, 3, "cse-in/app/e", "Sapp", ",'pc':{'m2m:cnt':{'lbl':['secret']}}"), 2004);
	assert_int_equal(ask(n, APP, 3, "cse-in/app/e", "Sapp", ",'pc':{'m2m:cnt':{'acpi':['cse-in/app/p']}}"), 2004);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ipu':['cse-in/app/e#lbl'],"
	     MADE_OF("{'con':'x','lbl':'$1'}")));
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d/la", "Cdev", "'secret'");
	assert_int_equal(ask(n, APP, 3, "cse-in/app/p", "Sapp", ",'pc':{'m2m:acp':{'pv':{'acr':[{'acor':['/Sapp'],'acop':63}]}}}"), 2004);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':1");
	assert_int_equal(ask(n, APP, 4, "cse-in/app/e", "Sapp", ""), 2002);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
}

static char n_text[4096];

/* The next request that is due: it is asked of another CSE, whose answer this is; what was asked. */
static const char *answered(struct node *n, const char *response)
{
	struct buf shown = buf_make(1 << 16);
	struct outbound_answer answer = { .err = response ? ERR_OK : ERR_TIMEOUT };
	struct buf primitive = buf_make(LATER_OCTETS), said = buf_make(1 << 20);
	struct request_arrival in;
	bool found;

	assert_int_equal(later_take(&n->room, n->now, &primitive, &in, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(request_serve(&n->room, &in, &n->answer), ERR_PENDING);
	assert_int_equal(n->room.needs.n, 1);
	assert_int_equal(cbor_to_json(n->room.needs.list[0].primitive, &shown), ERR_OK);
	assert_int_equal(buf_add_byte(&shown, 0), ERR_OK);
	if (response)
		test_cbor(response, &said);
	answer.primitive = bytes_of_buf(&said);
	bytes_copy(answer.key, n->room.needs.list[0].key, OUTBOUND_KEY);
	in.memo.list = &answer;
	in.memo.n = 1;
	assert_int_equal(request_serve(&n->room, &in, &n->answer), ERR_OK);
	buf_free(&primitive);
	buf_free(&said);
	assert_int_equal(bytes_put_str(n_text, sizeof(n_text), bytes_sub(bytes_of_buf(&shown), 0, shown.n - 1)), ERR_OK);
	buf_free(&shown);
	return n_text;
}

#define CNI(n) "{'pc':{'m2m:cnt':{'cni':" #n ",'lbl':['far']}},'rqi':'x','rsc':2000}"

/* Asked for in the creator's name, one after the other; with the last answer the request is made. */
static void test_input_elsewhere(void **state)
{
	struct node *n = *state;

	expect(n, MN, R(1, "cse-in", "/mn-cse", "reg", ",'ty':16,'pc':{'m2m:csr':{'rn':'mn','cb':'/mn-cse/x','csi':'/mn-cse','rr':true,"
	                "'poa':['https://mn.example'],'srv':['3']}}"), 2001);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ipu':['/mn-cse/x/c#cni','cse-in/dev/c#cni','/mn-cse/x/d/la#lbl'],"
	     "'orc':'cse-in/dev/d','apv':{'op':3,'to':'cse-in/dev/d','fr':'Cdev','rqi':'a','rvi':'3','pc':{'m2m:cnt':{'mni':'$1','mbs':'$2','lbl':'$3'}}}"));
	REFUSED(n, DEV, "cse-in/dev", "Cdev", ACTR("b", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ipu':['/mn-cse/x/c']," MADE_OF("{'con':'$1'}")), 4000);
	assert_int_equal(work_off_all(n), 0);
	add(n, "cse-in/dev/c");
	assert_true(test_has(answered(n, CNI(7)), "'fr':'/in-cse/Cdev','op':2"));
	assert_true(test_has(n_text, "'to':'/mn-cse/x/c'"));
	assert_true(test_has(n_text, "'ot':'"));
	assert_true(test_has(answered(n, CNI(9)), "'to':'/mn-cse/x/d/la'"));
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'mni':7");
	shows(n, "'mbs':1");
	shows(n, "'lbl':['far']");
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'rsc':2004");
}

/* What is not shown, for whatever reason, is not done: of none is a part made. */
static void test_input_elsewhere_fails(void **state)
{
	static const char *const answers[] = {
		"{'rqi':'x','rsc':4103}", "{'rqi':'x','rsc':4004}", "{'pc':{'m2m:cnt':{'lbl':['far']}},'rqi':'x','rsc':2000}",
		"{'pc':{'m2m:cnt':{'cni':null}},'rqi':'x','rsc':2000}", "{'pc':7,'rqi':'x','rsc':2000}", "{'rqi':'x','rsc':2000}", NULL,
	};
	struct node *n = *state;
	bool found;

	expect(n, MN, R(1, "cse-in", "/mn-cse", "reg", ",'ty':16,'pc':{'m2m:csr':{'rn':'mn','cb':'/mn-cse/x','csi':'/mn-cse','rr':true,"
	                "'poa':['https://mn.example'],'srv':['3']}}"), 2001);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ipu':['/mn-cse/x/c#cni','/mn-cse/x/d#cni'],"
	     MADE_OF("{'con':'$1'}")));
	for (size_t i = 0; i < 2 * COUNT_OF(answers); i++) {
		add(n, "cse-in/dev/c");
		if (i % 2)
			(void)answered(n, CNI(1));
		(void)answered(n, answers[i / 2]);
		assert_int_equal(work_off_all(n), 0);
	}
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':0");
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'rsc':5103");
	hides(n, "'m2m:cnt'");
	/* changed, or gone, while it is asked for */
	add(n, "cse-in/dev/c");
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'ipu':['/mn-cse/x/other#cni']}}"), 2004);
	(void)answered(n, CNI(1));
	assert_int_equal(work_off_all(n), 0);
	add(n, "cse-in/dev/c");
	assert_int_equal(ask(n, DEV, 4, "cse-in/dev/a", "Cdev", ""), 2002);
	(void)answered(n, CNI(1));
	assert_int_equal(work_off_all(n), 0);
	/* and the credential is asked each time */
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("b", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'ipu':['/mn-cse/x/c#cni']," MADE_OF("{'con':'$1'}")));
	add(n, "cse-in/dev/c");
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-dev@demo.example"), &found), ERR_OK);
	assert_int_equal(work_off_all(n), 2); /* it held when it was made, too */
	assert_true(record_says(n, "tx", "not done: an input is not there for its creator"));
}

/* --- at another CSE ---------------------------------------------------------------------- */

static size_t to_be_asked(struct node *n, uint64_t *id)
{
	uint64_t after = 0, ids[8];
	size_t due;

	assert_int_equal(polled_due(n->room.resources, n->now, &after, ids, COUNT_OF(ids), &due), ERR_OK);
	*id = due ? ids[0] : 0;
	return due;
}

/* Rows that are found again and again, due or not. */
static size_t polled_rows(struct node *n)
{
	struct store_find find = { .name = BYTES("@poll"), .value = BYTES("1"), .limit = 8 };
	uint64_t ids[8];
	size_t found;

	assert_int_equal(store_index_find(n->room.store, &find, ids, &found), ERR_OK);
	return found;
}

/* Asked, and answered with this ("" with nothing). */
static bool shown(struct node *n, uint64_t id, const char *json)
{
	struct buf content = buf_make(1024);
	bool fires;

	if (*json)
		test_cbor(json, &content);
	assert_int_equal(polled_answered(n->room.resources, permit_for_system("test"), id, n->now, bytes_of_buf(&content), &fires), ERR_OK);
	if (fires)
		assert_int_equal(action_held(&n->room, id, n->now), ERR_OK);
	buf_free(&content);
	return fires;
}

static void test_elsewhere(void **state)
{
	struct node *n = *state;
	uint64_t id, other;
	bool asked;

	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "/mn/cse/c", EVC("cni", 3, 1), 3, PUT("cse-in/dev/d", "Cdev")));
	hides(n, "@");
	assert_int_equal(to_be_asked(n, &id), 1);
	/* Nobody is on the way there: it is asked ever more seldom. */
	assert_int_equal(action_poll(&n->room, id, n->now, &asked), ERR_OK);
	assert_int_equal(to_be_asked(n, &other), 0);
	assert_int_equal(work_off(n), 1);
	assert_true(record_says(n, "to", "/mn/cse/c"));
	n->now += 4999;
	assert_int_equal(to_be_asked(n, &other), 0);
	n->now += 1;
	assert_int_equal(to_be_asked(n, &other), 1);
	assert_false(shown(n, id, ""));
	n->now += 9999;
	assert_int_equal(to_be_asked(n, &other), 0);
	n->now += 1;
	assert_int_equal(to_be_asked(n, &other), 1);
	/* It holds, and again only when something is new. */
	assert_false(shown(n, id, "{'m2m:cnt':{'cni':1}}"));
	assert_true(shown(n, id, "{'m2m:cnt':{'cni':2}}"));
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':1");
	assert_false(shown(n, id, "{'m2m:cnt':{'cni':2}}"));
	assert_true(shown(n, id, "{'m2m:cnt':{'cni':3}}"));
	assert_int_equal(work_off_all(n), 1);
	/* What is no representation is none. */
	assert_false(shown(n, id, "{'m2m:cnt':7}"));
	assert_false(shown(n, id, "[]"));
	n->now += 600000;
	assert_int_equal(to_be_asked(n, &other), 1);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':0}}"), 2004);
	assert_int_equal(to_be_asked(n, &other), 0);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':1}}"), 2004);
	assert_int_equal(to_be_asked(n, &other), 1);
	assert_true(shown(n, id, "{'m2m:cnt':{'cni':3}}")); /* once */
	assert_int_equal(work_off_all(n), 1);
	gets(n, DEV, "cse-in/dev/a", "Cdev", "'evm':0");
	n->now += 600000;
	assert_int_equal(to_be_asked(n, &other), 0); /* it has fired: nobody wants to know more */
	assert_int_equal(action_poll(&n->room, id, n->now, &asked), ERR_OK);
	assert_false(asked);
	assert_int_equal(polled_rows(n), 0);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':3}}"), 2004);
	assert_int_equal(to_be_asked(n, &other), 1);
	assert_int_equal(ask(n, DEV, 4, "cse-in/dev/a", "Cdev", ""), 2002);
	n->now += 600000;
	assert_int_equal(to_be_asked(n, &other), 0);
}

/* Who may change it, but not read what is compared, does not learn it from whether it holds. */
static void test_elsewhere_by_others(void **state)
{
	struct node *n = *state;

	MADE(n, DEV, "cse-in/dev", "Cdev", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[{'acor':['Cdev','/Sapp'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}");
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "/mn/cse/c", EVC("cni", 3, 1), 3, "'acpi':['cse-in/dev/p']," PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{" EVC("cni", 3, 5) "}}"), 4103);
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'evm':0," EVC("cni", 3, 5) "}}"), 4103);
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'evm':0}}"), 2004);
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{" EVC("cni", 3, 5) "}}"), 4103);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':3," EVC("cni", 3, 5) "}}"), 2004);
}

/* As an import leaves one: without credential. Its creator switches it on; others do not lend it theirs. */
static void test_imported(void **state)
{
	struct node *n = *state;
	struct cbor_member m = { .key = BYTES("@cd") };
	struct resource_change change = { .m = &m, .n = 1, .now = n->now, .expires = n->now + 86400000 };

	MADE(n, DEV, "cse-in/dev", "Cdev", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[{'acor':['Cdev','/Sapp'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}");
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/c", "Cdev", ",'pc':{'m2m:cnt':{'acpi':['cse-in/dev/p']}}"), 2004);
	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 1), 3, "'acpi':['cse-in/dev/p']," PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(resource_request_change(n->room.resources, permit_for_system("test"), row_of(n, "cse-in/dev/a"), &change,
	                                         &n->room.arena), ERR_OK);
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 1);
	assert_true(record_says(n, "tx", "the request came on no security association"));
	assert_int_equal(ask(n, APP, 3, "cse-in/dev/a", "Sapp", ",'pc':{'m2m:actr':{'evm':3}}"), 2004);
	(void)work_off_all(n);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':0");
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':3}}"), 2004);
	(void)work_off_all(n);
	gets(n, DEV, "cse-in/dev/d", "Cdev", "'cni':1");
}

/* One for who may not be asked for more counts no more: the credential is asked each time. */
static void test_elsewhere_revoked(void **state)
{
	struct node *n = *state;
	uint64_t id;
	bool found, asked;

	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "/mn/cse/c", EVC("cni", 3, 1), 3, PUT("cse-in/dev/d", "Cdev")));
	assert_int_equal(to_be_asked(n, &id), 1);
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-dev@demo.example"), &found), ERR_OK);
	assert_int_equal(action_poll(&n->room, id, n->now, &asked), ERR_OK);
	assert_int_equal(work_off(n), 1);
	assert_true(record_says(n, "tx", "the credential that the request came on stands no more"));
}

/* A dependency elsewhere counts as it was last shown, as long as that is not long ago. */
static void test_dependency_elsewhere(void **state)
{
	struct node *n = *state;
	uint64_t id, other;
	bool asked;

	MADE(n, DEV, "cse-in/dev", "Cdev", ACTR("a", "cse-in/dev/c", EVC("cni", 5, 0), 3, "'dep':['cse-in/dev/a/one']," PUT("cse-in/dev/d", "Cdev")));
	MADE(n, DEV, "cse-in/dev/a", "Cdev", ",'ty':66,'pc':{'m2m:depr':{'rn':'one','rri':'/mn/cse/c'," EVC("cni", 3, 0) ",'sfc':false}}");
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	assert_int_equal(to_be_asked(n, &id), 1);
	assert_false(shown(n, id, "{'m2m:cnt':{'cni':0}}"));
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	assert_false(shown(n, id, "{'m2m:cnt':{'cni':4}}"));
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 1);
	n->now += 15001;
	add(n, "cse-in/dev/c");
	assert_int_equal(work_off_all(n), 0);
	/* nobody asks for one whose action is off, and nothing is written of that */
	n->now += 600000;
	assert_int_equal(to_be_asked(n, &other), 1);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':0}}"), 2004);
	assert_int_equal(to_be_asked(n, &other), 0);
	assert_int_equal(action_poll(&n->room, id, n->now, &asked), ERR_OK);
	assert_false(asked);
	assert_int_equal(work_off(n), 0);
	assert_int_equal(ask(n, DEV, 3, "cse-in/dev/a", "Cdev", ",'pc':{'m2m:actr':{'evm':3}}"), 2004);
	assert_int_equal(to_be_asked(n, &other), 1);
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, due_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_once), row(test_continuous), row(test_no_storm), row(test_no_storm_by_group),
		row(test_no_storm_by_transaction), row(test_no_storm_by_rounds), row(test_too_large), row(test_rights), row(test_others),
		row(test_withdrawn), row(test_dependencies), row(test_periodic), row(test_refused),
		row(test_input), row(test_input_withdrawn), row(test_input_elsewhere), row(test_input_elsewhere_fails), row(test_elsewhere), row(test_elsewhere_by_others), row(test_elsewhere_revoked), row(test_imported), row(test_dependency_elsewhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
