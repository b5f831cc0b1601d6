/* request_later: requests that are answered later: kept, done at their time under
 * the rights of that time, their results kept and sent, their end. */
#include "request_due.h"

#include "request/notification_inside.h"
#include "request/work.h"

static int setup(void **state)
{
	struct node *n;

	due_setup(state);
	n = *state;
	expect(n, DEV, CIN("cse-in/dev/c", "Cdev", "cin", "hello"), 2001);
	return 0;
}

/* The address of the request resource in the last answer. */
static const char *reference(struct node *n)
{
	static char address[32];
	const char *at = strstr(node_json(n), "\"m2m:uri\":\"");
	size_t i = 0;

	assert_non_null(at);
	for (at += 11; at[i] != '"' && i < sizeof(address) - 1; i++)
		address[i] = at[i];
	address[i] = '\0';
	return address;
}

#define LATER(op, to, fr, rqi, rt, more) R(op, to, fr, rqi, ",'rt':{'rtv':" #rt "}" more)

/* What a request that was undone added to the order is not there: its row's number may be
 * another's, which would be done before its time, or twice. */
static void test_undone(void **state)
{
	struct node *n = *state;
	struct buf primitive = buf_make(LATER_OCTETS);
	struct request_arrival in;
	bool found;

	expect(n, DEV, LATER(2, "cse-in/dev/c", "Cdev", "far", 1, ",'oet':'20260101T000200'"), 1001);
	assert_int_equal(n->room.later.n, 1);
	assert_int_equal(work_mark(&n->room), ERR_OK);
	assert_int_equal(later_add(&n->room.later, n->now, n->room.later.heap[0].row, BYTES("x")), ERR_OK);
	assert_int_equal(later_take(&n->room, n->now, &primitive, &in, &found), ERR_OK);
	assert_false(found); /* not before its time, whatever the entry says */
	assert_int_equal(later_add(&n->room.later, n->now, 4711, BYTES("x")), ERR_OK);
	work_undo(&n->room);
	assert_true(n->room.later.stale);
	assert_int_equal(later_take(&n->room, n->now, &primitive, &in, &found), ERR_OK);
	assert_false(found);
	assert_int_equal(n->room.later.n, 1);
	assert_true(later_next(&n->room.later) > n->now);
	buf_free(&primitive);
}

static void test_synchronous(void **state)
{
	struct node *n = *state;
	char address[32];

	expect(n, DEV, LATER(2, "cse-in/dev/c/la", "Cdev", "q1", 1, ",'ot':'20260101T000000','rcn':1"), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	assert_true(n->room.must_commit);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rs':3");
	shows(n, "'rid':'q1'");
	shows(n, "'tg':'cse-in/dev/c/la'");
	shows(n, "'org':'Cdev'");
	shows(n, "'op':2");
	shows(n, "'mi':{'ot':'20260101T000000','rt':{'rtv':1},'rcn':1}");
	shows(n, "'ors':{'rqi':'q1','rsc':1000}");
	shows(n, "'lbl':['Cdev']");
	hides(n, "@");
	/* nobody else */
	assert_int_equal(ask(n, APP, 2, address, "Sapp", ""), 4103);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rs':1");
	shows(n, "'ors':{'pc':{'m2m:cin':{");
	shows(n, "'con':'hello'");
	shows(n, "'rqi':'q1','rsc':2000");
	hides(n, "@");
	assert_int_equal(ask(n, APP, 2, address, "Sapp", ""), 4103);
	assert_int_equal(ask(n, DEV, 3, address, "Cdev", ""), 4000);
	expect(n, DEV, R(3, "-/x", "Cdev", "u", ",'pc':{'m2m:req':{'rs':1}}"), 4004);
	assert_int_equal(ask(n, DEV, 4, address, "Cdev", ""), 2002);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 4004);
}

static void test_changes_happen_once(void **state)
{
	struct node *n = *state;
	static const char create[] = LATER(1, "cse-in/dev", "Cdev", "q2", 1,
	                                   ",'ty':3,'pc':{'m2m:cnt':{'rn':'later'}}");
	char address[32];

	expect(n, DEV, create, 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/later", "Cdev", ""), 4004);
	/* sent again: the same acknowledgement, nothing kept twice */
	expect(n, DEV, create, 1001);
	assert_string_equal(reference(n), address);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/later", "Cdev", ""), 2000);
	expect(n, DEV, create, 1001);
	assert_string_equal(reference(n), address);
	assert_int_equal(work_off(n), 0);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rsc':2001");
	/* what cannot be done is a result, too */
	expect(n, DEV, LATER(1, "cse-in/dev", "Cdev", "q3", 1, ",'ty':3,'pc':{'m2m:cnt':{'rn':'later'}}"), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	(void)work_off(n);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rs':2");
	shows(n, "'rsc':4105");
}

static void test_at_its_time(void **state)
{
	struct node *n = *state;
	char address[32];

	expect(n, DEV, LATER(4, "cse-in/dev/c", "Cdev", "q4", 1, ",'oet':'20260101T001000'"), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	assert_int_equal(later_next(&n->room.later), NOW + 600000);
	assert_int_equal(work_off(n), 0);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/c", "Cdev", ""), 2000);
	/* a restart */
	node_commit(n);
	later_free(&n->room.later);
	assert_int_equal(later_reload(&n->room), ERR_OK);
	assert_int_equal(later_next(&n->room.later), NOW + 600000);
	n->now += 599999;
	clock_simulate(n->now);
	assert_int_equal(work_off(n), 0);
	n->now++;
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/c", "Cdev", ""), 4004);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rsc':2002");
	/* flexBlocking: only what is done later is answered later */
	expect(n, DEV, LATER(2, "cse-in/dev", "Cdev", "q5", 4, ",'oet':1000"), 1001);
	expect(n, DEV, LATER(2, "cse-in/dev", "Cdev", "q6", 4, ",'oet':0"), 2000);
	expect(n, DEV, R(2, "cse-in/dev", "Cdev", "q7", ",'rt':{'rtv':4,'nu':['http://x']},'oet':1000"), 1002);
}

/* Rights are those of the moment when it is done. */
static void test_rights_at_that_time(void **state)
{
	struct node *n = *state;
	char address[32];
	bool found;

	expect(n, DEV, R(1, "cse-in/dev", "Cdev", "p1", ",'ty':1,'pc':{'m2m:acp':{'rn':'p','pvs':{'acr':[{'acor':['Cdev'],'acop':63}]},"
	                 "'pv':{'acr':[{'acor':['Cdev','Sapp'],'acop':63}]}}}"), 2001);
	expect(n, DEV, R(3, "cse-in/dev/c", "Cdev", "p2", ",'pc':{'m2m:cnt':{'acpi':['cse-in/dev/p']}}"), 2004);
	expect(n, APP, LATER(2, "cse-in/dev/c/la", "Sapp", "a1", 1, ""), 1001);
	assert_int_equal(work_off(n), 1);
	expect(n, APP, LATER(2, "cse-in/dev/c/la", "Sapp", "a2", 1, ""), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	expect(n, DEV, R(3, "cse-in/dev/p", "Cdev", "p3", ",'pc':{'m2m:acp':{'pv':{'acr':[{'acor':['Cdev'],'acop':63}]}}}"), 2004);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, APP, 2, address, "Sapp", ""), 2000);
	shows(n, "'rs':2");
	shows(n, "'rsc':4103");
	hides(n, "hello");
	/* a credential that was revoked meanwhile */
	expect(n, APP, LATER(4, "cse-in/app", "Sapp", "a3", 1, ""), 1001);
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-app@demo.example"), &found), ERR_OK);
	assert_true(found);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, DEV, 2, "cse-in/app", "Cdev", ""), 4103); /* still there */
}

/* What was kept on a credential is not done on its successor of the same name. */
static void test_successor(void **state)
{
	struct node *n = *state;
	bool found;

	expect(n, DEV, LATER(1, "cse-in/dev", "Cdev", "s1", 1, ",'ty':3,'oet':5000,'pc':{'m2m:cnt':{'rn':'thief'}}"), 1001);
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-dev@demo.example"), &found), ERR_OK);
	assert_true(found);
	n->now += 1000;
	clock_simulate(n->now);
	n->associations[DEV] = node_associate(n, "dev@demo.example", "//demo.example/in-cse/Cdev", ENTITY_AE, REPLAY_WINDOW);
	expect(n, DEV, LATER(1, "cse-in/dev", "Cdev", "s2", 1, ",'ty':3,'oet':5000,'pc':{'m2m:cnt':{'rn':'owner'}}"), 1001);
	n->now += 6000;
	clock_simulate(n->now);
	assert_int_equal(work_off(n), 2);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/owner", "Cdev", ""), 2000);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/thief", "Cdev", ""), 4004);
}

/* A key for a MAF opens nothing else, neither at once nor later, here or elsewhere. */
static void test_key_for_a_maf(void **state)
{
	struct node *n = *state;
	const enum who KM = STRICT; /* in the place of an association that is not needed here */
	char address[32];

	n->room.registrar = BYTES("/mn-cse");
	expect(n, MN, R(1, "cse-in", "/mn-cse", "k0", ",'ty':16,'pc':{'m2m:csr':{'rn':'mn','csi':'/mn-cse','cb':'/mn-cse/base','srv':['3'],"
	                                              "'rr':true,'poa':['https://mn.example']}}"), 2001);
	n->suid = 21;
	n->associations[KM] = node_associate(n, "zdev@demo.example", "//demo.example/in-cse/Cdev", ENTITY_AE, REPLAY_WINDOW);
	assert_int_equal(ask(n, KM, 2, "cse-in/dev/c", "Cdev", ""), 4106);
	expect(n, KM, LATER(4, "cse-in/dev/c", "Cdev", "k1", 1, ""), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/c", "Cdev", ""), 2000);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rsc':4106");
	/* at another CSE, to which the same request of the same entity by its own key goes on */
	assert_int_equal(ask(n, DEV, 4, "/mn-cse/base/x", "Cdev", ""), 0);
	assert_int_equal(n->err, ERR_PENDING);
	assert_int_equal(ask(n, KM, 4, "/mn-cse/base/x", "Cdev", ""), 4106);
	expect(n, KM, LATER(4, "/mn-cse/base/x", "Cdev", "k2", 1, ""), 1001);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(n->err, ERR_OK);
}

static void test_its_ends(void **state)
{
	struct node *n = *state;
	char address[32];
	size_t expired;

	/* too late to be done */
	expect(n, DEV, LATER(4, "cse-in/dev/c", "Cdev", "e1", 1, ",'oet':5000,'rqet':3000"), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	n->now += 5000;
	clock_simulate(n->now);
	assert_int_equal(work_off(n), 1);
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	shows(n, "'rsc':4008");
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/c", "Cdev", ""), 2000);
	/* taken back */
	expect(n, DEV, LATER(4, "cse-in/dev/c", "Cdev", "e2", 1, ",'oet':5000"), 1001);
	assert_int_equal(ask(n, DEV, 4, reference(n), "Cdev", ""), 2002);
	n->now += 5000;
	clock_simulate(n->now);
	assert_int_equal(work_off(n), 0);
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/c", "Cdev", ""), 2000);
	/* how long the result is kept: rp, and never beyond rset */
	expect(n, DEV, LATER(2, "cse-in/dev", "Cdev", "e3", 1, ",'rp':'PT30S'"), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	n->now += 10000;
	clock_simulate(n->now);
	(void)work_off(n);
	n->now += 29000;
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	n->now += 2000;
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 4004);
	expect(n, DEV, LATER(2, "cse-in/dev", "Cdev", "e4", 1, ",'rp':3600000,'rset':20000"), 1001);
	assert_int_equal(bytes_put_str(address, sizeof(address), bytes_str(reference(n))), ERR_OK);
	(void)work_off(n);
	n->now += 19000;
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 2000);
	n->now += 2000;
	assert_int_equal(ask(n, DEV, 2, address, "Cdev", ""), 4004);
	assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 100, &expired), ERR_OK);
	assert_int_equal(expired, 2);
}

static void test_limits(void **state)
{
	struct node *n = *state;
	struct buf json = buf_make(LATER_OCTETS * 2);

	for (unsigned i = 0; i < LATER_PER_ORIGINATOR; i++) {
		buf_clear(&json);
		assert_int_equal(buf_printf(&json, "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'l%u','rvi':'3','oet':5000,"
		                            "'rt':{'rtv':1}}", i), ERR_OK);
		assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
		expect(n, DEV, (const char *)json.p, 1001);
	}
	expect(n, DEV, LATER(2, "cse-in/dev", "Cdev", "more", 1, ""), 5207);
	/* of others it takes nothing */
	expect(n, APP, LATER(2, "cse-in/app", "Sapp", "mine", 1, ""), 1001);
	buf_clear(&json);
	assert_int_equal(buf_printf(&json, "{'op':1,'to':'cse-in/app','fr':'Sapp','rqi':'big','rvi':'3','rt':{'rtv':1},"
	                            "'ty':3,'pc':{'m2m:cnt':{'lbl':['"), ERR_OK);
	for (size_t i = 0; i < LATER_OCTETS; i++)
		assert_int_equal(buf_add_byte(&json, 'x'), ERR_OK);
	assert_int_equal(buf_printf(&json, "']}}}"), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	expect(n, APP, (const char *)json.p, 5207);
	buf_free(&json);
}

/* --- at another CSE --------------------------------------------------------------------------- */

/* What is sent to it, cut at the time when that was made. */
static void sent(struct node *n, struct buf *before, struct buf *after)
{
	char stamp[CLOCK_STAMP_LENGTH + 1], *at;

	assert_int_equal(work_off(n), 1);
	assert_int_equal(n->err, ERR_PENDING);
	assert_int_equal(n->room.needs.n, 1);
	buf_clear(before);
	buf_clear(after);
	assert_int_equal(cbor_to_json(n->room.needs.list[0].primitive, before), ERR_OK);
	assert_int_equal(buf_add_byte(before, 0), ERR_OK);
	clock_stamp(n->now, stamp);
	at = strstr((char *)before->p, stamp);
	assert_non_null(at);
	assert_int_equal(buf_add(after, bytes_str(at + CLOCK_STAMP_LENGTH)), ERR_OK);
	before->n = (size_t)(at - (char *)before->p);
}

/* Before the answer came this node stopped. It is sent again, as soon as it is there: made now, so that it is late
 * nowhere, and the same in all else, so that who has it already knows it. */
static void test_sent_again(void **state)
{
	static const char *const limits[] = { "", ",'rqet':400000,'rset':500000", ",'rqet':'20260101T001000'" };
	static const int64_t later[] = { 11000, 300000 };
	struct buf texts[4] = { buf_make(65536), buf_make(65536), buf_make(65536), buf_make(65536) };
	struct buf json = buf_make(1024);

	for (size_t i = 0; i < COUNT_OF(limits) * COUNT_OF(later); i++) {
		struct node *n = *state;

		expect(n, MN, R(1, "cse-in", "/mn-cse", "reg", ",'ty':16,'pc':{'m2m:csr':{'rn':'mn','cb':'/mn-cse/x',"
		                "'csi':'/mn-cse','rr':true,'poa':['https://mn.example'],'srv':['3']}}"), 2001);
		buf_clear(&json);
		assert_int_equal(buf_printf(&json, ",'rt':{'rtv':1},'ty':4,'pc':{'m2m:cin':{'con':'once'}}%s%c",
		                            limits[i / COUNT_OF(later)], '\0'), ERR_OK);
		assert_int_equal(ask(n, DEV, 1, "/mn-cse/x/c", "Cdev", (const char *)json.p), 1001);
		sent(n, &texts[0], &texts[1]);
		node_commit(n);
		later_free(&n->room.later);
		n->now += later[i % COUNT_OF(later)];
		clock_simulate(n->now);
		assert_int_equal(later_reload(&n->room), ERR_OK);
		sent(n, &texts[2], &texts[3]);
		assert_true(bytes_equal(bytes_of_buf(&texts[0]), bytes_of_buf(&texts[2])));
		assert_true(bytes_equal(bytes_of_buf(&texts[1]), bytes_of_buf(&texts[3])));
		assert_int_equal(due_teardown(state), 0);
		assert_int_equal(setup(state), 0);
	}
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		buf_free(&texts[i]);
	buf_free(&json);
}

/* --- telling ------------------------------------------------------------------------------ */

static bool needs_hold(struct node *n, const char *target)
{
	for (size_t i = 0; i < n->room.needs.n; i++) {
		if (bytes_equal(n->room.needs.list[i].target, bytes_str(target)))
			return true;
	}
	return false;
}

static void test_asynchronous(void **state)
{
	struct node *n = *state;
	struct buf shown = buf_make(1 << 16);

	expect(n, DEV, R(2, "cse-in/dev/c/la", "Cdev", "n1", ",'rt':{'rtv':2,'nu':['http://x.example/a','Sapp']}"), 1002);
	/* done, then told */
	assert_int_equal(work_off(n), 2);
	assert_int_equal(n->err, ERR_PENDING);
	assert_int_equal(n->room.needs.n, 1); /* not whom it may not notify */
	assert_true(needs_hold(n, "http://x.example/a"));
	assert_int_equal(cbor_to_json(n->room.needs.list[0].primitive, &shown), ERR_OK);
	assert_int_equal(buf_add_byte(&shown, 0), ERR_OK);
	assert_true(test_has((const char *)shown.p, "'op':5"));
	assert_true(test_has((const char *)shown.p, "'m2m:rsp':{'pc':{'m2m:cin':{"));
	assert_true(test_has((const char *)shown.p, "'rqi':'n1','rsc':2000"));
	buf_free(&shown);
}

/* Nobody answered: again later, and not for ever. */
static void test_told_again(void **state)
{
	struct outbound_answer answer = { .err = ERR_TIMEOUT };
	struct buf primitive = buf_make(LATER_OCTETS);
	struct node *n = *state;
	struct request_arrival in;
	unsigned tries = 0;
	bool found;

	expect(n, DEV, R(2, "cse-in/dev", "Cdev", "n2", ",'rt':{'rtv':2,'nu':['http://x.example/b']}"), 1002);
	for (;;) {
		assert_int_equal(later_take(&n->room, n->now, &primitive, &in, &found), ERR_OK);
		if (!found && later_next(&n->room.later) == INT64_MAX)
			break;
		if (!found) {
			n->now = later_next(&n->room.later);
			clock_simulate(n->now);
			continue;
		}
		n->err = request_serve(&n->room, &in, &n->answer);
		if (n->err != ERR_PENDING)
			continue;
		bytes_copy(answer.key, n->room.needs.list[0].key, OUTBOUND_KEY);
		in.memo.list = &answer;
		in.memo.n = 1;
		assert_int_equal(request_serve(&n->room, &in, &n->answer), ERR_OK);
		assert_true(record_says(n, "tx", "the result of a request"));
		tries++;
	}
	assert_int_equal(tries, 4);
	buf_free(&primitive);
}

static void test_no_response(void **state)
{
	struct node *n = *state;

	expect(n, DEV, LATER(1, "cse-in/dev", "Cdev", "s1", 5, ",'ty':3,'pc':{'m2m:cnt':{'rn':'quiet'}}"), 1000);
	hides(n, "quiet");
	assert_int_equal(ask(n, DEV, 2, "cse-in/dev/quiet", "Cdev", ""), 2000);
}

/* Whether a target may leave is its subscription's creator to say, as long as his credential stands. */
static void test_who_lets_a_target_go(void **state)
{
	struct node *n = *state;
	struct request_arrival in = { .now = n->now };
	struct work w = { .room = &n->room, .in = &in, .originator = BYTES("/Sapp"), .request = { .operation = OPERATION_DELETE } };
	struct target target;
	struct store_row sub;
	bool found, allowed = true;

	expect(n, DEV, R(3, "cse-in/dev", "Cdev", "poa", ",'pc':{'m2m:ae':{'poa':['http://127.0.0.1:9']}}"), 2004);
	expect(n, DEV, R(1, "cse-in/dev/c", "Cdev", "sub", ",'ty':23,'pc':{'m2m:sub':{'rn':'s','nu':['/in-cse/Cdev']}}"), 2001);
	assert_int_equal(resource_resolve(n->room.resources, BYTES("cse-in/dev/c/s"), &target), ERR_OK);
	assert_int_equal(notification_row(&w, target.id, &sub, &found), ERR_OK);
	assert_true(found);
	n->room.needs.n = 0;
	assert_int_equal(notification_ask_removal(&w, &sub, &allowed), ERR_PENDING);
	assert_true(n->room.needs.n == 1 && !allowed);
	n->room.needs.n = 0;
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-dev@demo.example"), &found), ERR_OK);
	assert_int_equal(notification_ask_removal(&w, &sub, &allowed), ERR_OK);
	assert_true(n->room.needs.n == 0 && !allowed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_synchronous, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_changes_happen_once, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_at_its_time, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_rights_at_that_time, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_successor, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_key_for_a_maf, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_its_ends, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_asynchronous, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_told_again, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_no_response, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_sent_again, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_undone, setup, due_teardown),
		cmocka_unit_test_setup_teardown(test_who_lets_a_target_go, setup, due_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
