/* request_transaction: one request step by step, and several of them, led by this CSE and by
 * their creator; who is kept out meanwhile, and that nothing stays of what is taken back. */
#include "request_room.h"

#include <stdio.h>

#include "request/later_work.h"
#include "request/notification.h"
#include "resource/lock.h"

static int setup(void **state)
{
	static struct node n;

	node_open(&n);
	expect(&n, DEV, REGISTER("C", "dev", "reg"), 2001);
	expect(&n, APP, REGISTER("S", "app", "reg"), 2001);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "c", "c1", ""), 2001);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "d", "c2", ""), 2001);
	*state = &n;
	return 0;
}

static int teardown(void **state)
{
	node_close(*state);
	return 0;
}

static unsigned work_off(struct node *n)
{
	struct buf primitive = buf_make(LATER_OCTETS);
	struct request_arrival in;
	unsigned done = 0;
	bool found = true;

	while (found) {
		assert_int_equal(later_take(&n->room, n->now, &primitive, &in, &found), ERR_OK);
		buf_clear(&n->answer);
		if (found)
			assert_int_equal(request_serve(&n->room, &in, &n->answer), ERR_OK);
		done += found;
		assert_true(done < 1000);
	}
	buf_free(&primitive);
	return done;
}

static unsigned ask(struct node *n, enum who who, unsigned op, const char *to, const char *from,
                    const char *more)
{
	struct buf json = buf_make(8192);
	unsigned status;

	assert_int_equal(buf_printf(&json, "{'op':%u,'to':'%s','fr':'%s','rqi':'x%u','rvi':'3'%s}", op, to,
	                            from, n->rqi++, more), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	status = node_do(n, who, (const char *)json.p);
	buf_free(&json);
	return status;
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
	does(n, 1, "cse-in/dev/c", TRAC("{'op':4,'to':'cse-in/dev/c','fr':'Cdev','rqi':'a','rvi':'3'}"), 5001);
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

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_abort_again),
		row(test_one), row(test_time), row(test_of_another), row(test_by_its_creator), row(test_refused),
		row(test_withdrawn), row(test_keyless),
		row(test_from_above), row(test_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
