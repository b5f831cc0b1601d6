/* request_transaction: one request step by step, and several of them, led by this CSE and by
 * their creator; who is kept out meanwhile, and that nothing stays of what is taken back. */
#include "request_due.h"

#include <stdio.h>

#include "request/notification.h"
#include "request/coordinate.h"
#include "resource/coordinate.h"

static int setup(void **state)
{
	struct node *n;

	due_setup(state);
	n = *state;
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "c2", ""), 2001);
	return 0;
}

#define does(n, op, to, more, status) assert_int_equal(ask(n, DEV, op, to, "Cdev", more), status)
#define LABEL(to, lbl) "{'op':3,'to':'" to "','fr':'Cdev','rqi':'a','rvi':'3','pc':{'m2m:cnt':{'lbl':['" lbl "']}}}"
#define TRAC(rqp) ",'ty':51,'pc':{'m2m:trac':{'rn':'t','tid':'1','rqp':" rqp "}}"
#define TRAM(rqps, more) ",'ty':50,'pc':{'m2m:tram':{'rn':'m','tmh':2,'rqps':{'rqp':[" rqps "]}" more "}}"
#define CONTROL(type, tctl) ",'pc':{'m2m:" type "':{'tctl':" #tctl "}}"
#define GO(n, type, at, tctl, status) does(n, 3, at, CONTROL(type, tctl), status)

static void test_one(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC(LABEL("cse-in/dev/c", "new")), 2001);
	shows(n, "'trst':2");
	does(n, 2, "cse-in/dev/c", "", 5222);
	does(n, 1, "cse-in/dev/c", ",'ty':4,'pc':{'m2m:cin':{'con':'1'}}", 5222);
	does(n, 2, "cse-in/dev/d", "", 2000);
	GO(n, "trac", "cse-in/dev/c/t", 4, 4123);
	GO(n, "trac", "cse-in/dev/c/t", 3, 2004);
	shows(n, "'trst':3");
	shows(n, "'rsc':2004");
	does(n, 4, "cse-in/dev/c/t", "", 5222);
	GO(n, "trac", "cse-in/dev/c/t", 4, 2004);
	shows(n, "'trst':4");
	does(n, 2, "cse-in/dev/c", "", 2000);
	shows(n, "'lbl':['new']");
	does(n, 4, "cse-in/dev/c/t", "", 2002);
}

/* A lock ends after a minute, whatever is asked; and what was open stays open over a start. */
static void test_time(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC(LABEL("cse-in/dev/c", "new")), 2001);
	GO(n, "trac", "cse-in/dev/c/t", 3, 2004);
	resources_close(n->room.resources);
	assert_int_equal(resources_open(n->room.store, &test_cse, &n->room.resources), ERR_OK);
	does(n, 2, "cse-in/dev/c", "", 5222);
	n->now += LOCK_MS - 1;
	does(n, 2, "cse-in/dev/c", "", 5222);
	n->now += 2;
	does(n, 2, "cse-in/dev/c", "", 2000);
	hides(n, "new");
	GO(n, "trac", "cse-in/dev/c/t", 4, 4004);
}

static void test_of_another(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC(LABEL("cse-in/dev/d", "new")), 4000);
	does(n, 1, "cse-in/dev/c", TRAC("{'op':3}"), 4000);
	does(n, 1, "cse-in/dev/c", TRAC("5"), 4000);
	assert_int_equal(ask(n, APP, 1, "cse-in/dev/c", "Sapp", TRAC(LABEL("cse-in/dev/c", "new"))), 4103);
	does(n, 2, "cse-in/dev/c", "", 2000);
}

#define BOTH LABEL("cse-in/dev/c", "one") "," LABEL("cse-in/dev/d", "two")

static void test_by_its_creator(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmd':2"), 2001);
	shows(n, "'trst':1");
	hides(n, "@");
	assert_int_equal(work_off(n), 0);
	GO(n, "tram", "cse-in/dev/m", 2, 2004);
	GO(n, "tram", "cse-in/dev/m", 3, 5222); /* the round before is not over */
	assert_int_equal(work_off(n), 2);
	does(n, 2, "cse-in/dev/m", "", 2000);
	shows(n, "'trst':2");
	does(n, 2, "cse-in/dev/d", "", 5222);
	GO(n, "tram", "cse-in/dev/m", 3, 2004);
	assert_int_equal(work_off(n), 2);
	GO(n, "tram", "cse-in/dev/m", 5, 2004);
	assert_int_equal(work_off(n), 2);
	does(n, 2, "cse-in/dev/m", "", 2000);
	shows(n, "'trst':6");
	does(n, 2, "cse-in/dev/c", "", 2000);
	hides(n, "one");
	does(n, 4, "cse-in/dev/m", "", 2002);
}

/* One of them is held by somebody: what was locked is let go when its creator says so. */
static void test_refused(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/d", TRAC(LABEL("cse-in/dev/d", "x")), 2001);
	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmd':2"), 2001);
	GO(n, "tram", "cse-in/dev/m", 2, 2004);
	assert_int_equal(work_off(n), 2);
	does(n, 2, "cse-in/dev/m", "", 2000);
	shows(n, "'trst':5");
	shows(n, "'rsc':5222");
	GO(n, "tram", "cse-in/dev/m", 3, 4123);
	GO(n, "tram", "cse-in/dev/m", 5, 2004);
	assert_int_equal(work_off(n), 1); /* of the one that there is */
	does(n, 2, "cse-in/dev/m", "", 2000);
	shows(n, "'trst':6");
	does(n, 2, "cse-in/dev/c", "", 2000);
}

/* An ABORT that could not be sent is not done: it may be asked for once more. */
static void test_abort_again(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmd':2"), 2001);
	GO(n, "tram", "cse-in/dev/m", 2, 2004);
	assert_int_equal(work_off(n), 2);
	for (unsigned i = 0; i < LATER_PER_ORIGINATOR - 1; i++)
		assert_int_equal(later_add(&n->room.later, n->now + 1000, 1, BYTES("//demo.example/in-cse/Cdev")), ERR_OK);
	GO(n, "tram", "cse-in/dev/m", 5, 2004); /* there is room for one of two */
	assert_int_equal(work_off(n), 1);
	does(n, 2, "cse-in/dev/m", "", 2000);
	shows(n, "'trst':5");
	n->now += 1001;
	assert_int_equal(work_off(n), 0);
	GO(n, "tram", "cse-in/dev/m", 5, 2004);
	assert_int_equal(work_off(n), 1);
	does(n, 2, "cse-in/dev/m", "", 2000);
	shows(n, "'trst':6");
	does(n, 2, "cse-in/dev/c", "", 2000);
	does(n, 2, "cse-in/dev/d", "", 2000);
}

/* At COMMIT a right that was withdrawn meanwhile is withdrawn. */
static void test_withdrawn(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pv':{'acr':[{'acor':['Cdev'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}", 2001);
	does(n, 3, "cse-in/dev/c", ",'pc':{'m2m:cnt':{'acpi':['cse-in/dev/p']}}", 2004);
	/* the transaction has a policy of its own, so that the step itself is let in */
	does(n, 1, "cse-in/dev", ",'ty':1,'pc':{'m2m:acp':{'rn':'q','pv':{'acr':[{'acor':['Cdev'],'acop':63}]},"
	     "'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}", 2001);
	does(n, 1, "cse-in/dev/c", ",'ty':51,'pc':{'m2m:trac':{'rn':'t','tid':'1','acpi':['cse-in/dev/q'],'rqp':"
	     LABEL("cse-in/dev/c", "new") "}}", 2001);
	GO(n, "trac", "cse-in/dev/c/t", 3, 2004);
	does(n, 3, "cse-in/dev/p", ",'pc':{'m2m:acp':{'pv':{'acr':[{'acor':['Cdev'],'acop':2}]}}}", 2004);
	GO(n, "trac", "cse-in/dev/c/t", 4, 2004);
	shows(n, "'trst':6");
	shows(n, "'rsc':4103");
	does(n, 2, "cse-in/dev/c", "", 2000);
	hides(n, "new");
}

/* What is held does not go with what it stands in, at once or through a group; what expires goes. */
static void test_from_above(void **state)
{
	struct node *n = *state;
	size_t expired;

	does(n, 1, "cse-in/dev", ",'ty':3,'pc':{'m2m:cnt':{'rn':'up','et':'20260101T000030'}}", 2001);
	does(n, 1, "cse-in/dev/up", ",'ty':3,'pc':{'m2m:cnt':{'rn':'low','lbl':['old']}}", 2001);
	does(n, 1, "cse-in/dev", ",'ty':9,'pc':{'m2m:grp':{'rn':'g','mnm':1,'mid':['cse-in/dev/up']}}", 2001);
	does(n, 1, "cse-in/dev/up/low", TRAC(LABEL("cse-in/dev/up/low", "new")), 2001);
	does(n, 4, "cse-in/dev/up", "", 5222);
	does(n, 4, "cse-in/dev", "", 5222);
	does(n, 4, "cse-in/dev/g/fopt", "", 2000);
	shows(n, "'rsc':5222");
	does(n, 1, "cse-in/dev", TRAM("{'op':4,'to':'cse-in/dev/up','fr':'Cdev','rqi':'a','rvi':'3'}", ""), 2001);
	shows(n, "'rsc':5222");
	GO(n, "trac", "cse-in/dev/up/low/t", 3, 2004);
	does(n, 4, "cse-in/dev/up", "", 5222);
	GO(n, "trac", "cse-in/dev/up/low/t", 4, 2004);
	does(n, 4, "cse-in/dev/up/low", "", 2002);
	does(n, 1, "cse-in/dev/up", ",'ty':3,'pc':{'m2m:cnt':{'rn':'low'}}", 2001);
	does(n, 1, "cse-in/dev/up/low", TRAC(LABEL("cse-in/dev/up/low", "new")), 2001);
	n->now += 31000;
	clock_simulate(n->now);
	assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 10, &expired), ERR_OK);
	does(n, 2, "cse-in/dev/up/low", "", 4004);
}

/* An open one expires like anything else, and keeps nothing else from it. */
static void test_expires(void **state)
{
	struct node *n = *state;
	size_t expired;

	does(n, 1, "cse-in/dev/c", TRAC(LABEL("cse-in/dev/c", "new")), 2001);
	does(n, 1, "cse-in/dev", TRAM(LABEL("cse-in/dev/d", "x"), ",'tmd':2,'et':'20260101T000030'"), 2001);
	does(n, 1, "cse-in/dev", ",'ty':3,'pc':{'m2m:cnt':{'rn':'after','et':'20260101T000050'}}", 2001);
	n->now += LOCK_MS + 1;
	clock_simulate(n->now);
	assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 10, &expired), ERR_OK);
	assert_int_equal(expired, 3);
}

/* What this CSE ends by itself goes as a whole, whatever is held below. */
static void test_ended(void **state)
{
	struct node *n = *state;
	struct target target;

	does(n, 1, "cse-in/dev", ",'ty':3,'pc':{'m2m:cnt':{'rn':'up'}}", 2001);
	does(n, 1, "cse-in/dev/up", ",'ty':4,'pc':{'m2m:cin':{'con':'1'}}", 2001);
	does(n, 1, "cse-in/dev/up", ",'ty':3,'pc':{'m2m:cnt':{'rn':'low'}}", 2001);
	does(n, 1, "cse-in/dev/up/low", TRAC(LABEL("cse-in/dev/up/low", "new")), 2001);
	assert_int_equal(resource_resolve(n->room.resources, BYTES("cse-in/dev/up"), &target), ERR_OK);
	assert_int_equal(notification_end(&n->room, &target, n->now), ERR_OK);
	does(n, 2, "cse-in/dev/up", "", 4004);
	does(n, 2, "cse-in/dev/up/low/t", "", 4004);
}

/* What may bring a key is in no resource of a transaction, however deep, and not for a moment. */
static void test_keyless(void **state)
{
#define KEY "{'op':1,'to':'x','fr':'Cdev','rqi':'k','rvi':'3','ty':245,'pc':{'sec:mkr':{'kv':'AAAA'}}}"
	static const char within[] = "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'k','rvi':'3','ty':50,"
	                             "'pc':{'m2m:tram':{'rqps':{'rqp':[" KEY "]}}}}";
	struct node *n = *state;
	char more[1024];

	does(n, 1, "cse-in/dev", TRAM(LABEL("cse-in/dev/c", "new") "," KEY, ""), 4000);
	does(n, 1, "cse-in/dev", TRAM(KEY, ",'tmd':2"), 4000);
	assert_true(snprintf(more, sizeof(more), TRAM("%s", ""), within) < (int)sizeof(more));
	does(n, 1, "cse-in/dev", more, 4000);
	does(n, 1, "cse-in/dev/c", TRAC(KEY), 4000);
	does(n, 2, "cse-in/dev/m", "", 4004);
}

/* --- at their times ------------------------------------------------------------------------ */

#define AT(s) "'20260101T0000" #s "'"
#define TRAC_AT(rqp, times) ",'ty':51,'pc':{'m2m:trac':{'rn':'t','tid':'1','rqp':" rqp "," times "}}"

static void pass(struct node *n, int64_t ms)
{
	n->now += ms;
	clock_simulate(n->now);
}

/* Once a second, as the core does; how many requests wait. */
static size_t tick_kept(struct node *n)
{
	uint64_t after = 0, ids[8];
	bool changed;
	size_t found;

	assert_int_equal(coordinated_due(n->room.resources, n->now, &after, ids, COUNT_OF(ids), &found), ERR_OK);
	for (size_t i = 0; i < found; i++)
		assert_int_equal(coordinate_time(&n->room, ids[i], n->now, &changed), ERR_OK);
	return n->room.later.n;
}

/* How many requests were made. */
static unsigned tick(struct node *n)
{
	(void)tick_kept(n);
	return work_off(n);
}

#define STATE(n, at, trst)                                                     \
	do {                                                                   \
		does(n, 2, at, "", 2000);                                      \
		shows(n, "'trst':" #trst);                                     \
	} while (0)

static void test_at_its_times(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC_AT(LABEL("cse-in/dev/c", "new"), "'tltm':" AT(10) ",'text':" AT(20) ",'tct':" AT(30)), 2001);
	shows(n, "'trst':1");
	hides(n, "@");
	does(n, 2, "cse-in/dev/c", "", 2000); /* nothing is held yet */
	assert_int_equal(work_off(n), 0);
	pass(n, 10000);
	assert_int_equal(work_off(n), 1);
	does(n, 2, "cse-in/dev/c", "", 5222);
	STATE(n, "cse-in/dev/c/t", 2);
	pass(n, 10000);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/c/t", 3);
	pass(n, 10000);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/c/t", 4);
	does(n, 2, "cse-in/dev/c", "", 2000);
	shows(n, "'lbl':['new']");
}

/* A step before one that has a time follows the one before it at once; one behind is the creator's. */
static void test_one_time(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC_AT(LABEL("cse-in/dev/c", "new"), "'tct':" AT(30)), 2001);
	shows(n, "'trst':2");
	pass(n, 1);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/c/t", 3);
	pass(n, 29998);
	assert_int_equal(work_off(n), 0);
	pass(n, 1);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/c/t", 4);
	does(n, 1, "cse-in/dev/d", TRAC_AT(LABEL("cse-in/dev/d", "new"), "'text':" AT(40)), 2001);
	pass(n, 20000);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/d/t", 3);
	GO(n, "trac", "cse-in/dev/d/t", 5, 2004);
}

/* No lock lasts longer than a minute, so no step is a minute behind it; but all of it may be far off. */
static void test_bounds(void **state)
{
	static const struct { const char *times; unsigned status; } cases[] = {
		{ "'tct':'20260101T000101'", 5207 }, { "'tltm':'20260102T000000','text':'20260102T000101'", 5207 },
		{ "'tltm':" AT(20) ",'text':" AT(10), 4000 }, { "'text':" AT(20) ",'tct':" AT(10), 4000 },
		{ "'tltm':" AT(20) ",'et':" AT(10), 4000 }, { "'tct':'20260101T000100'", 2001 },
	};
	struct node *n = *state;
	char more[1024];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_true(snprintf(more, sizeof(more), TRAC_AT(LABEL("cse-in/dev/c", "new"), "%s"), cases[i].times) < (int)sizeof(more));
		does(n, 1, "cse-in/dev/c", more, cases[i].status);
		assert_true(snprintf(more, sizeof(more), TRAM(LABEL("cse-in/dev/d", "x"), ",%s"), cases[i].times) < (int)sizeof(more));
		does(n, 1, "cse-in/dev", more, cases[i].status);
	}
	does(n, 1, "cse-in/dev", TRAM(LABEL("cse-in/dev/d", "x"), ",'tept':" AT(30) ",'tct':" AT(40)), 4000);
	does(n, 1, "cse-in/dev/d", TRAC_AT(LABEL("cse-in/dev/d", "far"), "'tltm':'20260102T000000','tct':'20260102T000100'"), 2001);
	does(n, 2, "cse-in/dev/d", "", 2000);
	/* who may not lock it may not say that it will be locked */
	assert_int_equal(ask(n, APP, 1, "cse-in/dev/d", "Sapp", TRAC_AT(LABEL("cse-in/dev/d", "x"), "'tltm':" AT(20))), 4103);
	does(n, 1, "cse-in/dev/d", TRAC_AT("{'op':3,'to':'cse-in/dev/d','fr':'Sapp','rqi':'a','rvi':'3'}", "'tltm':" AT(20)), 4000);
}

/* What is held by somebody when its time comes is not locked twice: that one is over, and holds nothing. */
static void test_held_at_its_time(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC_AT(LABEL("cse-in/dev/c", "late"), "'tltm':" AT(10) ",'tct':" AT(20)), 2001);
	does(n, 1, "cse-in/dev/c", ",'ty':51,'pc':{'m2m:trac':{'rn':'u','tid':'2','rqp':" LABEL("cse-in/dev/c", "first") "}}", 2001);
	pass(n, 20001);
	assert_int_equal(work_off(n), 3);
	STATE(n, "cse-in/dev/c/t", 6);
	shows(n, "'rsc':5222");
	does(n, 2, "cse-in/dev/c", "", 5222);
	GO(n, "trac", "cse-in/dev/c/u", 3, 2004);
	GO(n, "trac", "cse-in/dev/c/u", 4, 2004);
	does(n, 2, "cse-in/dev/c", "", 2000);
	shows(n, "'lbl':['first']");
}

/* The minute begins with the lock; and one that waits is taken back by its creator. */
static void test_from_the_lock_on(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", TRAC_AT(LABEL("cse-in/dev/c", "new"), "'tltm':'20260101T010000'"), 2001);
	does(n, 3, "cse-in/dev/c/t", ",'pc':{'m2m:trac':{'lbl':['x']}}", 2004); /* this does not end it */
	pass(n, 3600000);
	assert_int_equal(work_off(n), 1);
	pass(n, LOCK_MS - 1);
	does(n, 2, "cse-in/dev/c", "", 5222);
	pass(n, 2);
	does(n, 2, "cse-in/dev/c", "", 2000);
	does(n, 1, "cse-in/dev/d", TRAC_AT(LABEL("cse-in/dev/d", "new"), "'tltm':'20260101T020000'"), 2001);
	does(n, 4, "cse-in/dev/d/t", "", 5222);
	GO(n, "trac", "cse-in/dev/d/t", 5, 2004);
	does(n, 4, "cse-in/dev/d/t", "", 2002);
	pass(n, 3600000);
	assert_int_equal(work_off(n), 1); /* finds nothing to be locked */
	does(n, 2, "cse-in/dev/d", "", 2000);
}

/* The deletion of what it stands below takes it along, when it is done. */
static void test_takes_itself(void **state)
{
#define GONE TRAC("{'op':4,'to':'cse-in/dev/c','fr':'Cdev','rqi':'gone','rvi':'3'}")
	struct node *n = *state;

	does(n, 1, "cse-in/dev/c", GONE, 2001);
	GO(n, "trac", "cse-in/dev/c/t", 3, 2004);
	shows(n, "'rsc':2002");
	GO(n, "trac", "cse-in/dev/c/t", 5, 2004);
	does(n, 2, "cse-in/dev/c", "", 2000);
	does(n, 4, "cse-in/dev/c/t", "", 2002);
	does(n, 1, "cse-in/dev/c", ",'ty':4,'pc':{'m2m:cin':{'con':'1'}}", 2001);
	does(n, 1, "cse-in/dev/c", GONE, 2001);
	GO(n, "trac", "cse-in/dev/c/t", 3, 2004);
	does(n, 4, "cse-in/dev/c", "", 5222);
	GO(n, "trac", "cse-in/dev/c/t", 4, 2004);
	shows(n, "'trst':4");
	shows(n, "'rsc':2002");
	does(n, 2, "cse-in/dev/c", "", 4004);
	does(n, 2, "cse-in/dev/c/t", "", 4004);
	/* another one below it is held against this one, too */
	does(n, 1, "cse-in/dev/d", ",'ty':3,'pc':{'m2m:cnt':{'rn':'low'}}", 2001);
	does(n, 1, "cse-in/dev/d/low", TRAC(LABEL("cse-in/dev/d/low", "x")), 2001);
	does(n, 1, "cse-in/dev/d", TRAC("{'op':4,'to':'cse-in/dev/d','fr':'Cdev','rqi':'gone','rvi':'3'}"), 5222);
}

static void test_together_at_times(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tltm':" AT(10) ",'text':" AT(20) ",'tct':" AT(30)), 2001);
	shows(n, "'trst':1");
	assert_int_equal(tick(n), 0);
	does(n, 2, "cse-in/dev/d", "", 2000);
	pass(n, 10000);
	assert_int_equal(tick(n), 2);
	STATE(n, "cse-in/dev/m", 2);
	does(n, 2, "cse-in/dev/d", "", 5222);
	assert_int_equal(tick(n), 0);
	pass(n, 10000);
	assert_int_equal(tick(n), 2);
	STATE(n, "cse-in/dev/m", 3);
	pass(n, 10000);
	assert_int_equal(tick(n), 2);
	STATE(n, "cse-in/dev/m", 4);
	does(n, 2, "cse-in/dev/d", "", 2000);
	shows(n, "'lbl':['two']");
	pass(n, 100000);
	assert_int_equal(tick(n), 0);
}

/* What its creator did not bring to its end in time is taken back. */
static void test_end(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmd':2,'tept':" AT(30)), 2001);
	GO(n, "tram", "cse-in/dev/m", 2, 2004);
	assert_int_equal(work_off(n), 2);
	pass(n, 29999);
	assert_int_equal(tick(n), 0);
	does(n, 2, "cse-in/dev/d", "", 5222);
	pass(n, 1);
	assert_int_equal(tick(n), 2);
	STATE(n, "cse-in/dev/m", 6);
	does(n, 2, "cse-in/dev/d", "", 2000);
	hides(n, "two");
	GO(n, "tram", "cse-in/dev/m", 3, 4123);
	/* one that was never begun */
	does(n, 1, "cse-in/dev", ",'ty':50,'pc':{'m2m:tram':{'rn':'k','tmd':2,'tept':" AT(50) ",'rqps':{'rqp':[" BOTH "]}}}", 2001);
	pass(n, 20001);
	assert_int_equal(tick(n), 0);
	STATE(n, "cse-in/dev/k", 6);
	assert_int_equal(tick(n), 0);
}

/* What somebody else held may be free a moment later; what was refused is not asked again. */
static void test_tried_again(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev/d", TRAC(LABEL("cse-in/dev/d", "x")), 2001);
	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmr':2,'tct':" AT(59)), 2001);
	assert_int_equal(work_off(n), 2);
	STATE(n, "cse-in/dev/m", 1);
	assert_int_equal(tick(n), 0);
	pass(n, 1000);
	assert_int_equal(tick(n), 1); /* of the one that failed */
	STATE(n, "cse-in/dev/m", 1);
	GO(n, "trac", "cse-in/dev/d/t", 5, 2004);
	pass(n, 1000);
	assert_int_equal(tick(n), 0); /* later and later */
	pass(n, 1000);
	assert_int_equal(tick(n), 3); /* it is locked, and both are executed */
	STATE(n, "cse-in/dev/m", 3);
	pass(n, 56000);
	assert_int_equal(tick(n), 2);
	STATE(n, "cse-in/dev/m", 4);
	does(n, 2, "cse-in/dev/d", "", 2000);
	shows(n, "'lbl':['two']");
}

static void test_not_tried_again(void **state)
{
	struct node *n = *state;

	/* as often as was asked */
	does(n, 1, "cse-in/dev/d", TRAC(LABEL("cse-in/dev/d", "x")), 2001);
	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmr':1,'tct':" AT(59)), 2001);
	assert_int_equal(work_off(n), 2);
	pass(n, 1000);
	assert_int_equal(tick(n), 2); /* the one, and the other is let go */
	STATE(n, "cse-in/dev/m", 6);
	does(n, 4, "cse-in/dev/m", "", 2002);
	GO(n, "trac", "cse-in/dev/d/t", 5, 2004);
	/* what was refused */
	does(n, 1, "cse-in/dev", TRAM(LABEL("cse-in/dev/c", "one") "," LABEL("cse-in/app", "no"), ",'tmr':5,'tct':" AT(59)), 2001);
	assert_int_equal(work_off(n), 3);
	STATE(n, "cse-in/dev/m", 6);
	does(n, 2, "cse-in/dev/c", "", 2000);
	hides(n, "one");
}

/* The i-th request that waits is taken away by its creator. */
static void take_away(struct node *n, size_t i)
{
	const struct permit *system = permit_for_system("test");
	struct resource_change gone = { .n = 0, .now = n->now, .expires = n->now };
	size_t expired;

	assert_true(i < n->room.later.n);
	assert_int_equal(resource_request_change(n->room.resources, system, n->room.later.heap[i].row, &gone, &n->room.arena), ERR_OK);
	assert_int_equal(resource_expire(n->room.resources, system, n->now, 10, &expired), ERR_OK);
	assert_true(expired >= 1);
}

/* A round does not wait for ever for a request that is gone, whoever leads it. */
static void test_lost(void **state)
{
	struct node *n = *state;

	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tltm':" AT(10) ",'tct':" AT(40)), 2001);
	pass(n, 10000);
	assert_int_equal(tick_kept(n), 2);
	take_away(n, 0);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/m", 1);
	pass(n, 119999);
	assert_int_equal(tick(n), 0);
	STATE(n, "cse-in/dev/m", 1);
	pass(n, 1);
	assert_int_equal(tick(n), 1); /* what was locked is let go */
	STATE(n, "cse-in/dev/m", 6);
	assert_int_equal(tick(n), 0);
	/* its creator leads it, and it ends at its time */
	does(n, 1, "cse-in/dev", ",'ty':50,'pc':{'m2m:tram':{'rn':'k','tmd':2,'tept':'20260101T000230','rqps':{'rqp':[" BOTH "]}}}", 2001);
	GO(n, "tram", "cse-in/dev/k", 2, 2004);
	take_away(n, 0);
	assert_int_equal(work_off(n), 1);
	GO(n, "tram", "cse-in/dev/k", 5, 5222);
	pass(n, 120000);
	assert_int_equal(tick(n), 1);
	STATE(n, "cse-in/dev/k", 6);
}

/* An answer that comes when its round was given up is none of the next. */
static void test_too_late(void **state)
{
	struct buf primitive = buf_make(LATER_OCTETS);
	struct request_arrival late;
	struct node *n = *state;
	uint64_t after = 0, id;
	bool found, changed;
	size_t due;

	does(n, 1, "cse-in/dev", TRAM(BOTH, ",'tmd':2"), 2001);
	GO(n, "tram", "cse-in/dev/m", 2, 2004);
	assert_int_equal(later_take(&n->room, n->now, &primitive, &late, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(work_off(n), 1);
	pass(n, 120000);
	assert_int_equal(coordinated_due(n->room.resources, n->now, &after, &id, 1, &due), ERR_OK);
	assert_int_equal(due, 1);
	assert_int_equal(coordinate_time(&n->room, id, n->now, &changed), ERR_OK);
	STATE(n, "cse-in/dev/m", 5);
	GO(n, "tram", "cse-in/dev/m", 5, 2004);
	late.now = n->now;
	buf_clear(&n->answer);
	assert_int_equal(request_serve(&n->room, &late, &n->answer), ERR_OK);
	STATE(n, "cse-in/dev/m", 5);
	assert_int_equal(work_off(n), 1);
	STATE(n, "cse-in/dev/m", 6);
	buf_free(&primitive);
}

/* What cannot be kept is refused at once; what can is done. */
static void test_too_large(void **state)
{
#define LONG "{'op':1,'to':'cse-in/dev/c','fr':'Cdev','rqi':'a','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'%s'}}}"
	static char text[LATER_OCTETS], more[LATER_OCTETS + 512];
	struct node *n = *state;

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = 'x';
	for (unsigned i = 0; i < 2; i++) {
		text[i ? LATER_OCTETS - 8500 : LATER_OCTETS - 8192] = 0;
		assert_true(snprintf(more, sizeof(more), TRAM(LONG, ",'tltm':" AT(10)), text) < (int)sizeof(more));
		does(n, 1, "cse-in/dev", more, i ? 2001 : 5207);
	}
	pass(n, 10000);
	assert_int_equal(tick(n), 3);
	STATE(n, "cse-in/dev/m", 4);
	/* at once nothing is kept */
	text[LATER_OCTETS - 8500] = 'x';
	does(n, 4, "cse-in/dev/m", "", 2002);
	assert_true(snprintf(more, sizeof(more), TRAM(LONG, ""), text) < (int)sizeof(more));
	does(n, 1, "cse-in/dev", more, 2001);
	shows(n, "'trst':4");
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, due_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_abort_again), row(test_lost), row(test_too_late), row(test_too_large),
		row(test_one), row(test_time), row(test_of_another), row(test_by_its_creator), row(test_refused),
		row(test_withdrawn), row(test_keyless),
		row(test_from_above), row(test_ended), row(test_expires), row(test_at_its_times), row(test_one_time), row(test_bounds),
		row(test_held_at_its_time), row(test_from_the_lock_on), row(test_takes_itself), row(test_together_at_times),
		row(test_end), row(test_tried_again), row(test_not_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
