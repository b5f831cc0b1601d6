/* request_delivery: requests that go to another CSE together: what is carried and what is
 * not, whom the CSE that brings a delivery may speak for within it, what is done twice. */
#include "request_room.h"

#include "base/clock.h"
#include "request/delivery.h"
#include "request/later_work.h"
#include "resource/delivery.h"

#define CSR "{'m2m:csr':{'cb':'/mn-cse/cse-mn','csi':'/mn-cse','rr':true,'poa':['https://mn.example'],'srv':['3'],'dcse':['/far']}}"
#define OPEN "{'m2m:acp':{'rn':'open','pv':{'acr':[{'acor':['/mn-cse/Cx','/far/Cx','Cdev'],'acop':63}]},'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}"
#define BOX "{'m2m:cnt':{'rn':'box','acpi':['cse-in/dev/open']}}"

static int setup(void **state)
{
	static struct node n;

	node_open(&n);
	expect(&n, DEV, REGISTER("C", "dev", "reg"), 2001);
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "acp", ",'ty':1,'pc':" OPEN), 2001);
	expect(&n, DEV, R(1, "cse-in/dev", "Cdev", "box", ",'ty':3,'pc':" BOX), 2001);
	expect(&n, MN, R(1, "cse-in", "/mn-cse", "csr", ",'ty':16,'pc':" CSR), 2001);
	*state = &n;
	return 0;
}

static int teardown(void **state)
{
	node_close(*state);
	return 0;
}

#define CARRIED(to, fr, rqi, more)                                             \
	"{'op':1,'to':'" to "','fr':'" fr "','rqi':'" rqi "','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'x'}}" more "}"
#define DELIVERY_OF(sr, tg, requests)                                          \
	",'ty':6,'pc':{'m2m:dlv':{'sr':'" sr "','tg':'" tg "','ls':'20991231T000000','ec':3,'dmd':{'tcop':true}," \
	"'arq':{'rqp':[" requests "]}}}"
#define HERE "/in-cse/cse-in/dev/box"

static void deliver(struct node *n, enum who who, const char *from, const char *rest, unsigned status)
{
	struct buf json = buf_make(8192);

	assert_int_equal(buf_printf(&json, "{'op':1,'to':'cse-in','fr':'%s','rqi':'d%u','rvi':'3'%s}", from, n->rqi++, rest), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	expect(n, who, (const char *)json.p, status);
	buf_free(&json);
}

/* What is due is done, until one asks another CSE. */
static unsigned work_off(struct node *n, struct request_arrival *in)
{
	static uint8_t room[LATER_OCTETS];
	struct buf primitive = buf_make(LATER_OCTETS);
	unsigned done = 0;
	bool found;

	for (;;) {
		assert_int_equal(later_take(&n->room, n->now, &primitive, in, &found), ERR_OK);
		if (!found)
			break;
		done++;
		buf_clear(&n->answer);
		n->err = request_serve(&n->room, in, &n->answer);
		if (n->err == ERR_PENDING)
			break;
		assert_int_equal(n->err, ERR_OK);
	}
	if (found) {
		bytes_copy(room, primitive.p, primitive.n);
		in->primitive = bytes_make(room, primitive.n);
	}
	buf_free(&primitive);
	return done;
}

static uint64_t instances(struct node *n)
{
	const char *at;

	expect(n, DEV, R(2, "cse-in/dev/box", "Cdev", "look", ""), 2000);
	at = strstr(node_json(n), "\"cni\":");
	assert_non_null(at);
	return (uint64_t)(at[6] - '0');
}

/* Those of which something is left to be done. */
static size_t deliveries(struct node *n)
{
	struct store_scan scan = { .parent = 1, .type = 6, .limit = 16 };
	const struct store_row *row;
	uint64_t ids[16];
	size_t all, there = 0;

	assert_int_equal(store_children(n->room.store, &scan, ids, &all), ERR_OK);
	for (size_t i = 0; i < all; i++) {
		assert_int_equal(store_get(n->room.store, ids[i], &row), ERR_OK);
		if (row->expires <= n->now)
			continue;
		buf_clear(&n->answer);
		assert_int_equal(buf_add(&n->answer, row->body), ERR_OK);
		there += !node_has(n, "\"rqp\":[]");
	}
	return there;
}

/* Whom the CSE at the other end may not name, it may not name within a delivery. */
static void test_nobody_else(void **state)
{
	static const char *const forged[] = {
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/in-cse/Cdev", "a", "")),
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "Cdev", "a", "")),
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/in-cse", "a", "")),
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/Sapp", "a", "")),
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/nowhere/Cx", "a", "")),
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "//other.example/mn-cse/Cx", "a", "")),
		DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "") "," CARRIED(HERE, "/in-cse/Cdev", "b", "")),
		DELIVERY_OF("/in-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")),
		DELIVERY_OF("/nowhere", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")),
	};
	struct request_arrival in;
	struct node *n = *state;

	for (size_t i = 0; i < COUNT_OF(forged); i++)
		deliver(n, MN, "/mn-cse", forged[i], 4106);
	/* who is behind it makes none, nor does an AE; nor is there one for another CSE's CSE */
	deliver(n, MN, "/mn-cse/Cx", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")), 4103);
	deliver(n, MN, "/far", DELIVERY_OF("/far", "/in-cse", CARRIED(HERE, "/far/Cx", "a", "")), 4103);
	deliver(n, DEV, "Cdev", DELIVERY_OF("/in-cse", "/in-cse", CARRIED(HERE, "Cdev", "a", "")), 4005);
	/* back to where it came from */
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/far", CARRIED("/far/x", "/mn-cse/Cx", "a", "")), 4004);
	assert_int_equal(work_off(n, &in), 0);
	assert_int_equal(instances(n), 0);
	/* the controls */
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")), 2001);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/far", "/in-cse", CARRIED(HERE, "/far/Cx", "a", "")), 2001);
	assert_int_equal(deliveries(n), 2);
	work_off(n, &in);
	assert_int_equal(instances(n), 2);
	assert_int_equal(deliveries(n), 0);
}

/* In another delivery it is the same request; and what one may not do alone, one may not do so. */
static void test_each_once(void **state)
{
	struct request_arrival in;
	struct node *n = *state;

	for (int i = 0; i < 2; i++) {
		deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "same", "")), 2001);
		work_off(n, &in);
		assert_int_equal(instances(n), 1);
	}
	expect(n, MN, R(1, "cse-in/dev/box", "/mn-cse/Cx", "same", ",'ty':4,'pc':{'m2m:cin':{'con':'other'}}"), 4105);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cy", "c", "")), 2001);
	work_off(n, &in);
	assert_int_equal(instances(n), 1);
	assert_int_equal(deliveries(n), 0);
}

/* Taken, but not done yet: the credential goes; a restart between. */
static void test_the_credential_goes(void **state)
{
	struct request_arrival in;
	struct node *n = *state;
	bool found;

	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")), 2001);
	later_free(&n->room.later);
	assert_int_equal(later_reload(&n->room), ERR_OK);
	work_off(n, &in);
	assert_int_equal(instances(n), 1);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "b", "")), 2001);
	assert_int_equal(registry_revoke(n->room.registry, BYTES("12-mn@demo.example"), &found), ERR_OK);
	work_off(n, &in);
	assert_int_equal(instances(n), 1);
	assert_int_equal(deliveries(n), 0);
}

static void test_what_is_no_delivery(void **state)
{
	struct node *n = *state;

	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", ",'rt':{'rtv':1}")), 5001);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED("/far/x", "/mn-cse/Cx", "a", "")), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED("cse-in/dev/box", "/mn-cse/Cx", "a", "")), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", "{'op':1}"), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", "7"), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", ""), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse/x", CARRIED(HERE, "/mn-cse/Cx", "a", "")), 4000);
	/* what may bring a key */
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", "{'op':1,'to':'/in-cse/x','fr':'/mn-cse/Cx','rqi':'k','rvi':'3','ty':241,"
	        "'pc':{'sec:mkr':{'kv':'AAAA'}}}"), 4000);
	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")) ",'rt':{'rtv':1}", 4000);
	assert_int_equal(deliveries(n), 0);
}

#define NUMBERED(rqi, con) "{'op':1,'to':'" HERE "','fr':'/mn-cse/Cx','rqi':'" rqi "','rvi':'3','ty':4,'pc':{'m2m:cin':{'con':'" con "'}}}"

/* As they stand there, so they are done: before a restart and after one. */
static void test_in_order(void **state)
{
	struct request_arrival in;
	struct node *n = *state;

	for (int i = 0; i < 2; i++) {
		deliver(n, MN, "/mn-cse", i ? DELIVERY_OF("/mn-cse", "/in-cse", NUMBERED("e", "5") "," NUMBERED("f", "6") ","
		        NUMBERED("g", "7") "," NUMBERED("h", "8")) : DELIVERY_OF("/mn-cse", "/in-cse", NUMBERED("a", "1") ","
		        NUMBERED("b", "2") "," NUMBERED("c", "3") "," NUMBERED("d", "4")), 2001);
		if (i) {
			later_free(&n->room.later);
			assert_int_equal(later_reload(&n->room), ERR_OK);
		}
		assert_int_equal(work_off(n, &in), 4);
		expect(n, DEV, R(2, "cse-in/dev/box/la", "Cdev", "la", ""), 2000);
		shows(n, i ? "\"con\":\"8\"" : "\"con\":\"4\"");
		expect(n, DEV, R(2, "cse-in/dev/box/ol", "Cdev", "ol", ""), 2000);
		shows(n, "\"con\":\"1\"");
	}
	assert_int_equal(instances(n), 8);
}

#define AGAIN "'rn':'once','sr':'/mn-cse','tg':'/in-cse','ls':'20991231T000000','ec':3,'dmd':{'tcop':false}"
#define NAMED ",'ty':6,'pc':{'m2m:dlv':{" AGAIN ",'arq':{'rqp':[" CARRIED(HERE, "/mn-cse/Cx", "a", "") "]}}}"

/* Brought again under its name, when the memory of replay is over, and after a restart: it was taken. */
static void test_taken_once(void **state)
{
	struct request_arrival in;
	struct node *n = *state;
	size_t gone;

	deliver(n, MN, "/mn-cse", NAMED, 2001);
	deliver(n, MN, "/mn-cse", NAMED, 4105);
	work_off(n, &in);
	assert_int_equal(instances(n), 1);
	for (int i = 0; i < 3; i++) {
		n->now += 400000;
		assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 100, &gone), ERR_OK);
		later_free(&n->room.later);
		assert_int_equal(later_reload(&n->room), ERR_OK);
		deliver(n, MN, "/mn-cse", NAMED, 4105);
		assert_int_equal(work_off(n, &in), 0);
		assert_int_equal(instances(n), 1);
	}
	/* nor are its requests given it again; nothing of them is left */
	expect(n, MN, R(3, "cse-in/once", "/mn-cse", "u", ",'pc':{'m2m:dlv':{'arq':{'rqp':[" CARRIED(HERE, "/mn-cse/Cx", "a", "") "]}}}"), 4000);
	expect(n, MN, R(2, "cse-in/once", "/mn-cse", "v", ""), 2000);
	shows(n, "\"rqp\":[]");
	/* it is not known for ever */
	n->now += DELIVERY_KNOWN_MS;
	assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 100, &gone), ERR_OK);
	assert_true(gone > 0);
}

/* On the way for longer than the window of replay: what was taken on is done, on a credential that
 * asks for the time, too. */
static void test_old_ones(void **state)
{
	struct request_arrival in;
	struct node *n = *state;
	char stamp[CLOCK_STAMP_LENGTH + 1];

	for (unsigned i = 0; i < 2; i++) {
		struct buf rest = buf_make(2048);

		if (i)
			n->associations[MN] = node_associate(n, "strict-mn@demo.example", "//demo.example/mn-cse", ENTITY_CSE, REPLAY_STRICT);
		clock_stamp(n->now - 3600000, stamp);
		assert_int_equal(buf_printf(&rest, DELIVERY_OF("/mn-cse", "/in-cse", "{'op':1,'to':'" HERE "','fr':'/mn-cse/Cx',"
		                 "'rqi':'old%u','rvi':'3','ty':4,'ot':'%s','pc':{'m2m:cin':{'con':'x'}}}"), i, stamp), ERR_OK);
		clock_stamp(n->now, stamp);
		if (i) {
			assert_int_equal(buf_add_byte(&rest, 0), ERR_OK);
			deliver(n, MN, "/mn-cse", (const char *)rest.p, 4000); /* undated */
			rest.n--;
			assert_int_equal(buf_printf(&rest, ",'ot':'%s'", stamp), ERR_OK);
		}
		assert_int_equal(buf_add_byte(&rest, 0), ERR_OK);
		deliver(n, MN, "/mn-cse", (const char *)rest.p, 2001);
		n->now += 400000;
		work_off(n, &in);
		assert_int_equal(instances(n), i + 1);
		buf_free(&rest);
	}
}

/* Down for longer than an hour: what was taken on is done then, and the delivery is done with. */
static void test_down_for_long(void **state)
{
	struct request_arrival in;
	struct node *n = *state;
	size_t gone;

	deliver(n, MN, "/mn-cse", DELIVERY_OF("/mn-cse", "/in-cse", CARRIED(HERE, "/mn-cse/Cx", "a", "")), 2001);
	n->now += 2 * 3600000;
	assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 100, &gone), ERR_OK);
	later_free(&n->room.later);
	assert_int_equal(later_reload(&n->room), ERR_OK);
	assert_int_equal(deliveries(n), 1);
	work_off(n, &in);
	assert_int_equal(deliveries(n), 0);
	assert_int_equal(instances(n), 1);
}

#define THIRD "{'m2m:csr':{'cb':'/third/cse-third','csi':'/third','rr':true,'poa':['https://third.example'],'srv':['3']}}"
#define TRACED(trace) ",'ty':6,'pc':{'m2m:dlv':{'sr':'/mn-cse','tg':'/third','ls':'20991231T000000','ec':3,'dmd':{'tcop':false" trace "}," \
	"'arq':{'rqp':[" CARRIED("/third/x", "/mn-cse/Cx", "a", "") "]}}}"

static bool need_has(struct node *n, const char *part);
static unsigned answered(struct node *n, struct request_arrival *in, const char *response);

/* On the way to a third CSE: one that was here before, or is on the way for ever, stops. */
static void test_no_circle(void **state)
{
	struct request_arrival in;
	struct node *n = *state;

	n->associations[STRICT] = node_associate(n, "third@demo.example", "//demo.example/third", ENTITY_CSE, REPLAY_WINDOW);
	expect(n, STRICT, R(1, "cse-in", "/third", "csr3", ",'ty':16,'pc':" THIRD), 2001);
	deliver(n, MN, "/mn-cse", TRACED(",'tcin':['/mn-cse','/in-cse','/far']"), 4004);
	deliver(n, MN, "/mn-cse", TRACED(",'tcin':['//demo.example/in-cse']"), 4004);
	deliver(n, MN, "/mn-cse", TRACED(",'tcin':['/a','/a','/a','/a','/a','/a','/a','/a','/a','/a','/a','/a','/a','/a','/a','/a']"), 4004);
	assert_int_equal(work_off(n, &in), 0);
	/* the control: it goes on, and names this CSE; it is empty then, and known */
	deliver(n, MN, "/mn-cse", TRACED(",'tcin':['/mn-cse','/far']"), 2001);
	assert_int_equal(work_off(n, &in), 1);
	assert_true(need_has(n, "\"tcin\":[\"/mn-cse\",\"/far\",\"/in-cse\"]"));
	answered(n, &in, "{'rsc':2001,'rqi':'x','rvi':'3'}");
	assert_int_equal(n->err, ERR_OK);
	assert_int_equal(deliveries(n), 0);
	deliver(n, MN, "/mn-cse", TRACED(""), 2001);
	assert_int_equal(work_off(n, &in), 1);
	assert_true(need_has(n, "\"tcop\":false") && need_has(n, "\"tcin\":[\"/in-cse\"]"));
}

/* --- outwards -------------------------------------------------------------------------------- */

static const char asks[] = "{'op':1,'to':'/mn-cse/cse-mn/box','fr':'Cdev','rqi':'out%u','rvi':'3','ty':4,'rcn':0,'da':true,"
                           "'pc':{'m2m:cin':{'con':'x'}}%s}";

/* Served again with what the next CSE says; the needs of that round stay in the room. */
static unsigned answered(struct node *n, struct request_arrival *in, const char *response)
{
	struct outbound_answer answer = { .err = response ? ERR_OK : ERR_CLOSED };
	struct buf b = buf_make(4096);
	unsigned status;

	assert_int_equal(n->err, ERR_PENDING);
	assert_int_equal(n->room.needs.n, 1);
	if (response)
		test_cbor(response, &b);
	answer.primitive = bytes_of_buf(&b);
	bytes_copy(answer.key, n->room.needs.list[0].key, OUTBOUND_KEY);
	in->memo.list = &answer;
	in->memo.n = 1;
	if (!in->memo.arrived)
		in->memo.arrived = n->now;
	if (in->deferred) {
		buf_clear(&n->answer);
		n->err = request_serve(&n->room, in, &n->answer);
		status = 0;
	} else {
		status = node_serve(n, in);
	}
	buf_free(&b);
	return status;
}

static struct request_arrival out(struct node *n, const char *more)
{
	struct buf json = buf_make(2048);
	struct request_arrival in;

	assert_int_equal(buf_printf(&json, asks, n->rqi++, more), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	in = node_arrival(n, DEV, (const char *)json.p);
	buf_free(&json);
	return in;
}

static bool need_has(struct node *n, const char *part)
{
	buf_clear(&n->json);
	assert_int_equal(cbor_to_json(n->room.needs.list[0].primitive, &n->json), ERR_OK);
	assert_int_equal(buf_add_byte(&n->json, 0), ERR_OK);
	return test_has((const char *)n->json.p, part);
}

static const char takes[] = "{'rsc':2000,'rqi':'x','rvi':'3','pc':{'m2m:cb':{'srt':[1,6,9]}}}";
static const char takes_none[] = "{'rsc':2000,'rqi':'x','rvi':'3','pc':{'m2m:cb':{'srt':[1,9]}}}";

static void test_carried(void **state)
{
	struct request_arrival in;
	struct node *n = *state;

	in = out(n, "");
	assert_int_equal(node_serve(n, &in), 0);
	assert_true(need_has(n, "\"op\":2") && need_has(n, "/mn-cse/cse-mn"));
	assert_int_equal(answered(n, &in, takes), 1000);
	in.memo = (struct outbound_memo){ .n = 0 };
	/* again: it was taken; another: to the same */
	assert_int_equal(node_serve(n, &in), 1000);
	in = out(n, ",'rqet':60000");
	assert_int_equal(node_serve(n, &in), 1000);
	assert_int_equal(deliveries(n), 1);
	/* of another event category, or a result is wanted: not with it */
	in = out(n, ",'ec':2");
	assert_int_equal(node_serve(n, &in), 0);
	assert_true(need_has(n, "\"op\":2"));
	assert_int_equal(work_off(n, &in), 0); /* a second is for more to come */
	n->now += 1000;
	assert_int_equal(work_off(n, &in), 2);
	assert_int_equal(n->err, ERR_PENDING);
	assert_true(need_has(n, "\"ty\":6") && need_has(n, "\"fr\":\"/in-cse\"") && need_has(n, "\"fr\":\"/in-cse/Cdev\""));
	assert_true(need_has(n, "\"tg\":\"/mn-cse\"") && !need_has(n, "\"rqet\":60000") && need_has(n, "\"rqet\":\"2"));
	/* nobody answers: later again */
	answered(n, &in, NULL);
	assert_int_equal(n->err, ERR_OK);
	assert_int_equal(deliveries(n), 1);
	n->now += 5000;
	assert_int_equal(work_off(n, &in), 1);
	answered(n, &in, "{'rsc':2001,'rqi':'x','rvi':'3'}");
	assert_int_equal(n->err, ERR_OK);
	assert_int_equal(deliveries(n), 0);
	assert_int_equal(later_next(&n->room.later), INT64_MAX);
}

static void test_not_carried(void **state)
{
	struct request_arrival in;
	struct node *n = *state;

	/* the next CSE takes none, or does not say: by itself */
	for (int i = 0; i < 2; i++) {
		in = out(n, "");
		assert_int_equal(node_serve(n, &in), 0);
		assert_int_equal(answered(n, &in, i ? NULL : takes_none), 0);
		assert_int_equal(n->err, ERR_PENDING);
		assert_true(need_has(n, "\"op\":1") && need_has(n, "\"da\":true"));
	}
	/* a result is wanted; nothing asks for it */
	expect(n, DEV, R(2, "cse-in/dev/box", "Cdev", "w", ",'da':true"), 2000);
	in = node_arrival(n, DEV, R(3, "/mn-cse/cse-mn/box", "Cdev", "v", ",'da':true,'pc':{'m2m:cnt':{'mni':3}}"));
	assert_int_equal(node_serve(n, &in), 0);
	assert_true(need_has(n, "\"op\":3"));
	in = node_arrival(n, DEV, R(3, "/mn-cse/cse-mn/box", "Cdev", "u", ",'da':false,'rcn':0,'pc':{'m2m:cnt':{'mni':3}}"));
	assert_int_equal(node_serve(n, &in), 0);
	assert_true(need_has(n, "\"op\":3"));
	assert_int_equal(deliveries(n), 0);
}

/* A member of the primitive that is asked for: of the delivery in it where `of` is. */
static void need_text(struct node *n, const char *key, bool of, struct buf *out)
{
	struct cbor v = { .raw = n->room.needs.list[0].primitive };
	static const char *const path[] = { "pc", "m2m:dlv" };
	bool found = true;

	for (size_t i = 0; of && i < COUNT_OF(path); i++) {
		assert_int_equal(cbor_find(v.raw, bytes_str(path[i]), &v, &found), ERR_OK);
		assert_true(found);
	}
	assert_int_equal(cbor_find(v.raw, bytes_str(key), &v, &found), ERR_OK);
	assert_true(found && v.kind == CBOR_TEXT && v.s.n);
	buf_clear(out);
	assert_int_equal(buf_add(out, v.s), ERR_OK);
}

/* Each try has the name of the one before, an identifier and a time of its own; that the name is taken
 * there says that it was handed on. */
static void test_asked_again(void **state)
{
	struct buf first[3], then = buf_make(256);
	static const char *const keys[] = { "rn", "rqi", "ot" };
	struct request_arrival in;
	struct node *n = *state;

	for (size_t i = 0; i < 3; i++)
		first[i] = buf_make(256);
	in = out(n, "");
	assert_int_equal(node_serve(n, &in), 0);
	assert_true(need_has(n, "\"ot\":\""));
	assert_int_equal(answered(n, &in, takes), 1000);
	n->now += 1000;
	assert_int_equal(work_off(n, &in), 2);
	for (size_t i = 0; i < 3; i++)
		need_text(n, keys[i], i == 0, &first[i]);
	answered(n, &in, NULL);
	for (int i = 0; i < 7; i++) {
		n->now += 5000 << i;
		assert_int_equal(work_off(n, &in), 1);
		for (size_t k = 0; k < 3; k++) {
			need_text(n, keys[k], k == 0, &then);
			assert_int_equal(bytes_equal(bytes_of_buf(&then), bytes_of_buf(&first[k])), k == 0);
		}
		answered(n, &in, i == 6 ? "{'rsc':4105,'rqi':'x','rvi':'3'}" : i % 2 ? NULL : "{'rsc':5103,'rqi':'x','rvi':'3'}");
		assert_int_equal(n->err, ERR_OK);
		assert_int_equal(deliveries(n), i < 6);
		assert_true(record_says(n, "tx", i < 6 ? "a delivery is not taken now: later again" : "a delivery was handed on"));
	}
	assert_int_equal(later_next(&n->room.later), INT64_MAX);
	for (size_t i = 0; i < 3; i++)
		buf_free(&first[i]);
	buf_free(&then);
}

/* It does not live for as long as somebody says, nor is it handed on for as long as it lives. */
static void test_not_for_ever(void **state)
{
	struct store_scan scan = { .parent = 1, .type = 6, .limit = 16 };
	const struct store_row *row;
	struct request_arrival in;
	struct node *n = *state;
	uint64_t ids[16];
	size_t all;

	in = out(n, ",'rqet':'29990101T000000'");
	assert_int_equal(node_serve(n, &in), 0);
	assert_int_equal(answered(n, &in, takes), 1000);
	assert_int_equal(store_children(n->room.store, &scan, ids, &all), ERR_OK);
	assert_int_equal(all, 1);
	assert_int_equal(store_get(n->room.store, ids[0], &row), ERR_OK);
	assert_true(row->expires > n->now && row->expires <= n->now + EXPIRATION_MAX_MS);
	n->now += 1000;
	assert_int_equal(work_off(n, &in), 2);
	answered(n, &in, NULL);
	assert_int_equal(deliveries(n), 1);
	in = (struct request_arrival){ .deferred = ids[0], .now = n->now };
	assert_int_equal(delivery_failed(&n->room, &in), ERR_OK);
	assert_int_equal(deliveries(n), 1);
	in.now = n->now += DELIVERY_KNOWN_MS - 1000;
	assert_int_equal(delivery_failed(&n->room, &in), ERR_OK);
	assert_int_equal(deliveries(n), 0);
}

static size_t requests_asked(struct node *n)
{
	size_t many = 0;

	assert_true(need_has(n, "\"rqp\":"));
	for (const char *at = (const char *)n->json.p; (at = strstr(at, "\"rqi\":\"Cdev/out")) != NULL; at++)
		many++;
	return many;
}

/* What is over while the next CSE is away does not go, and what is not does. */
static void test_some_are_over(void **state)
{
	static const char *const times[] = { "", ",'rqet':4000", ",'rset':4000" };
	struct request_arrival in;
	struct node *n = *state;

	for (size_t i = 0; i < COUNT_OF(times); i++) {
		in = out(n, times[i]);
		assert_int_equal(node_serve(n, &in), i ? 1000 : 0);
		if (i == 0)
			assert_int_equal(answered(n, &in, takes), 1000);
	}
	n->now += 1000;
	assert_int_equal(work_off(n, &in), 2);
	assert_int_equal(requests_asked(n), 3);
	answered(n, &in, NULL);
	n->now += 5000;
	assert_int_equal(work_off(n, &in), 1);
	assert_int_equal(requests_asked(n), 1);
}

/* Of what is gathered for others nothing is copied. */
static void test_found_at_little_cost(void **state)
{
	struct request_arrival in;
	struct node *n = *state;
	struct buf more = buf_make(64);
	size_t first = 0;

	for (unsigned ec = 100; ec < 116; ec++) {
		buf_clear(&more);
		assert_int_equal(buf_printf(&more, ",'ec':%u", ec), ERR_OK);
		assert_int_equal(buf_add_byte(&more, 0), ERR_OK);
		in = out(n, (const char *)more.p);
		assert_int_equal(node_serve(n, &in), 0);
		assert_int_equal(answered(n, &in, takes), 1000);
		first = first ? first : n->room.arena.used;
	}
	assert_int_equal(deliveries(n), 16);
	assert_true(n->room.arena.used < first + 4096);
	buf_free(&more);
}

/* Refused there, or its time is over: given up, on record. */
static void test_given_up(void **state)
{
	struct request_arrival in;
	struct node *n = *state;

	for (int i = 0; i < 2; i++) {
		in = out(n, ",'rqet':4000");
		assert_int_equal(node_serve(n, &in), 0);
		assert_int_equal(answered(n, &in, takes), 1000);
		n->now += 1000;
		assert_int_equal(work_off(n, &in), 2);
		answered(n, &in, i ? "{'rsc':4103,'rqi':'x','rvi':'3'}" : NULL);
		assert_int_equal(n->err, ERR_OK);
		assert_int_equal(deliveries(n), 0);
		assert_true(record_says(n, "tx", "a delivery was not taken, and is given up"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_credential_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_delivery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_down_for_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_circle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_for_ever, setup, teardown),
		cmocka_unit_test_setup_teardown(test_some_are_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_found_at_little_cost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
