/* request_quota: what one originator may have here, counted exactly whatever
 * happens to its requests. */
#include "request_room.h"

#include "request/work.h"
#include "resource/action.h"

#include <stdio.h>

static const struct hash_key key = { { 1, 2 } };

static void limit(struct node *n, uint64_t rows, uint64_t octets)
{
	quota_limit(n->room.quota, (struct quota_limits){ rows, octets });
}

static void open_quota(struct node *n)
{
	assert_int_equal(quota_open(n->room.store, key, &n->room.quota), ERR_OK);
	resources_account(n->room.resources, quota_accounts(n->room.quota));
}

static int setup(void **state)
{
	static struct node n;

	node_open(&n);
	open_quota(&n);
	limit(&n, 4, 0);
	expect(&n, DEV, REGISTER("C", "dev", "reg"), 2001);
	expect(&n, APP, REGISTER("S", "app", "reg"), 2001);
	*state = &n;
	return 0;
}

static int teardown(void **state)
{
	struct node *n = *state;

	quota_close(n->room.quota);
	node_close(n);
	return 0;
}

static void commit(struct node *n)
{
	assert_int_equal(quota_write(n->room.quota), ERR_OK);
	node_commit(n);
	quota_settle(n->room.quota, true);
}

static void test_rows(void **state)
{
	struct node *n = *state;

	expect(n, DEV, CNT("cse-in/dev", "Cdev", "a", "1", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "b", "2", ""), 2001);
	/* what is refused takes nothing */
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "b", "3", ""), 4105);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "c", "4", ",'mni':'x'"), 4000);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "c", "5", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "6", ""), 5207);
	shows(n, "share of this node");
	assert_int_equal(node_do(n, DEV, GET("cse-in/dev/d", "Cdev")), 4004);
	/* another is not concerned */
	expect(n, APP, CNT("cse-in/app", "Sapp", "a", "1", ""), 2001);
	/* what goes gives back: one, a subtree, an instance pushed out */
	expect(n, DEV, R(4, "cse-in/dev/c", "Cdev", "7", ""), 2002);
	expect(n, DEV, CNT("cse-in/dev/a", "Cdev", "x", "8", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "9", ""), 5207);
	expect(n, DEV, R(4, "cse-in/dev/a", "Cdev", "10", ""), 2002);
	expect(n, DEV, R(3, "cse-in/dev/b", "Cdev", "11", ",'pc':{'m2m:cnt':{'mni':1}}"), 2004);
	for (unsigned i = 0; i < 3; i++) {
		char json[256];

		snprintf(json, sizeof(json), CIN("cse-in/dev/b", "Cdev", "i%u", "x"), i);
		expect(n, DEV, json, 2001);
	}
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "e", "12", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "f", "13", ""), 5207);
	/* a waiting request is a resource, too */
	expect(n, DEV, R(2, "cse-in/dev", "Cdev", "14", ",'rt':{'rtv':1}"), 5207);
	limit(n, 0, 0);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "f", "15", ""), 2001);
}

static void test_octets(void **state)
{
	struct node *n = *state;

	limit(n, 0, 1600);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "a", "1", ""), 2001);
	expect(n, DEV, R(3, "cse-in/dev/a", "Cdev", "2", ",'pc':{'m2m:cnt':{'lbl':['"
	                 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	                 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789']}}"), 2004);
	for (unsigned i = 0; i < 2; i++)
		expect(n, DEV, R(3, "cse-in/dev/a", "Cdev", "3", ",'pc':{'m2m:cnt':{'lbl':['x'],'or':null}}"), 2004);
	expect(n, DEV, R(1, "cse-in/dev/a", "Cdev", "4", ",'ty':4,'pc':{'m2m:cin':{'con':'"
	                 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	                 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789'}}"), 2001);
	limit(n, 0, 700);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "b", "5", ""), 5207);
	expect(n, DEV, R(3, "cse-in/dev/a", "Cdev", "6", ",'pc':{'m2m:cnt':{'lbl':['longer than it was']}}"), 5207);
	/* smaller always fits */
	expect(n, DEV, R(3, "cse-in/dev/a", "Cdev", "7", ",'pc':{'m2m:cnt':{'lbl':null}}"), 2004);
	expect(n, DEV, R(4, "cse-in/dev/a", "Cdev", "8", ""), 2002);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "b", "9", ""), 2001);
}

static void test_transactions(void **state)
{
	struct node *n = *state;
	size_t expired;

	expect(n, DEV, CNT("cse-in/dev", "Cdev", "a", "1", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "b", "2", ",'et':'20260101T000010'"), 2001);
	commit(n);
	/* undone as a whole */
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "c", "3", ""), 2001);
	store_rollback(n->room.store);
	audit_settle(n->room.audit, false);
	replay_settle(n->room.replay, false);
	quota_settle(n->room.quota, false);
	assert_int_equal(store_begin(n->room.store), ERR_OK);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "c", "4", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "5", ""), 5207);
	commit(n);
	/* a restart */
	quota_close(n->room.quota);
	open_quota(n);
	limit(n, 4, 0);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "6", ""), 5207);
	/* what expired gives back */
	n->now += 11000;
	clock_simulate(n->now);
	assert_int_equal(resource_expire(n->room.resources, permit_for_system("test"), n->now, 10, &expired), ERR_OK);
	assert_int_equal(expired, 1);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "7", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "e", "8", ""), 5207);
	/* all of it gone, the account too */
	expect(n, DEV, R(4, "cse-in/dev", "Cdev", "9", ""), 2002);
	commit(n);
	expect(n, DEV, REGISTER("C", "dev", "reg2"), 2001);
	for (unsigned i = 0; i < 4; i++) {
		char json[256];

		snprintf(json, sizeof(json), CNT("cse-in/dev", "Cdev", "n%u", "n%u", ""), i, i);
		expect(n, DEV, json, i < 3 ? 2001 : 5207);
	}
}

/* What the CSE adds to a resource by itself counts, though there be no room left: when the
 * resource goes nothing is given back that was not taken. */
static void test_own_changes(void **state)
{
	struct node *n = *state;
	struct buf result = buf_make(8192);
	struct target a;
	char text[6000];

	memset(text, 'x', sizeof(text));
	limit(n, 0, 4000);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "c", "1", ""), 2001);
	expect(n, DEV, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'2','rvi':'4','ty':65,'pc':{'m2m:actr':{'rn':'a',"
	               "'sri':'cse-in/dev/c','evm':0,'evc':{'optr':1,'sbjt':'cni','thld':0},'orc':'cse-in/dev/c',"
	               "'apv':{'op':2,'to':'cse-in/dev/c','fr':'Cdev','rqi':'x','rvi':'3'}}}}", 2001);
	assert_int_equal(resource_resolve(n->room.resources, BYTES("cse-in/dev/a"), &a), ERR_OK);
	assert_int_equal(cbor_put_map(&result, 1), ERR_OK);
	assert_int_equal(cbor_put_text(&result, BYTES("pc")), ERR_OK);
	assert_int_equal(cbor_put_text(&result, BYTES_OF(text)), ERR_OK);
	assert_int_equal(action_result(n->room.resources, permit_for_system("test"), a.id, bytes_of_buf(&result)), ERR_OK);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "3", ""), 5207);
	expect(n, DEV, R(4, "cse-in/dev/a", "Cdev", "4", ""), 2002);
	/* c is counted still */
	limit(n, 0, 450);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "5", ""), 5207);
	limit(n, 0, 4000);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "d", "6", ""), 2001);
	buf_free(&result);
}

static void test_memory_fails(void **state)
{
	struct node *n = *state;
	struct request_arrival in;
	unsigned made = 0, status;

	commit(n);
	limit(n, 60, 0);
	quota_settle(n->room.quota, false); /* to be read anew */
	for (uint64_t i = 1; i < 60; i++) {
		char json[256];

		snprintf(json, sizeof(json), CNT("cse-in/dev", "Cdev", "m%u", "m%u", ""), (unsigned)i, (unsigned)i);
		in = node_arrival(n, DEV, json);
		mem_fail_at(i);
		status = node_serve(n, &in);
		mem_fail_at(0);
		made += status == 2001;
	}
	assert_true(made > 20);
	limit(n, made + 2, 0);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "last", "l", ""), 2001);
	expect(n, DEV, CNT("cse-in/dev", "Cdev", "more", "k", ""), 5207);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_octets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_fails, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
