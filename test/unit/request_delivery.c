/* request_delivery: requests that go to another CSE together: what is carried and what is
 * not, whom the CSE that brings a delivery may speak for within it, what is done twice. */
#include "request_room.h"

#include "request/later_work.h"

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
	",'ty':6,'pc':{'m2m:dlv':{'sr':'" sr "','tg':'" tg "','ls':'20991231T000000','ec':0,'dmd':{'tcop':true}," \
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

static size_t deliveries(struct node *n)
{
	struct store_scan scan = { .parent = 1, .type = 6, .limit = 16 };
	const struct store_row *row;
	uint64_t ids[16];
	size_t all, there = 0;

	assert_int_equal(store_children(n->room.store, &scan, ids, &all), ERR_OK);
	for (size_t i = 0; i < all; i++) {
		assert_int_equal(store_get(n->room.store, ids[i], &row), ERR_OK);
		there += row->expires > n->now;
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
	/* nobody answers: later again, the same */
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
		assert_true(record_says(n, "tx", i ? "a delivery was not taken, and is given up" : "a delivery is not taken now: later again"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_credential_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_delivery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
