/* request_members: groups whose members at other CSEs could not be seen when they were named:
 * when this CSE looks again, and what becomes of the group [TS-0004 7.4.13.2.1]. */
#include "request_room.h"

#include "request/later_work.h"
#include "request/members.h"

#define CSR "{'m2m:csr':{'rn':'mn','cb':'/mn-cse/cse-mn','csi':'/mn-cse','rr':true,'poa':['https://mn.example'],'srv':['3']}}"

static int setup(void **state)
{
	static struct node n;

	node_open(&n);
	expect(&n, DEV, REGISTER("C", "dev", "reg"), 2001);
	expect(&n, DEV, CNT("cse-in/dev", "Cdev", "c", "cnt", ""), 2001);
	expect(&n, MN, R(1, "cse-in", "/mn-cse", "csr", ",'ty':16,'pc':" CSR), 2001);
	*state = &n;
	return 0;
}

static int teardown(void **state)
{
	node_close(*state);
	return 0;
}

/* Served again, with one answer to all that was asked; NULL: nobody answers. */
static void answered(struct node *n, struct request_arrival *in, const char *response)
{
	struct outbound_answer answers[4];
	struct buf b = buf_make(4096);

	assert_int_equal(n->err, ERR_PENDING);
	assert_in_range(n->room.needs.n, 1, 4);
	if (response)
		test_cbor(response, &b);
	for (size_t i = 0; i < n->room.needs.n; i++) {
		answers[i] = (struct outbound_answer){ .err = response ? ERR_OK : ERR_CLOSED, .primitive = bytes_of_buf(&b) };
		bytes_copy(answers[i].key, n->room.needs.list[i].key, OUTBOUND_KEY);
	}
	in->memo.list = answers;
	in->memo.n = n->room.needs.n;
	buf_clear(&n->answer);
	n->err = request_serve(&n->room, in, &n->answer);
	assert_int_equal(n->err, ERR_OK);
	in->memo.n = 0;
	buf_free(&b);
}

/* A group of containers here and there, made when nobody answers. */
static void make_of(struct node *n, const char *name, unsigned strategy, const char *far)
{
	struct request_arrival in;
	struct buf json = buf_make(2048);

	assert_int_equal(buf_printf(&json, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'g%u','rvi':'3','ty':9,'pc':{'m2m:grp':{'rn':'%s',"
	                            "'mt':3,'mnm':5,'csy':%u,'mid':['cse-in/dev/c','%s']}}}",
	                            n->rqi++, name, strategy, far), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	in = node_arrival(n, DEV, (const char *)json.p);
	assert_int_equal(node_serve(n, &in), 0);
	answered(n, &in, NULL);
	buf_free(&json);
}

static void make(struct node *n, const char *name, unsigned strategy)
{
	make_of(n, name, strategy, "/mn-cse/cse-mn/far");
}

static void look(struct node *n, const char *name, unsigned status, const char *part)
{
	char json[200];

	assert_true(text_print(json, sizeof(json), "{'op':2,'to':'cse-in/dev/%s','fr':'Cdev','rqi':'l%u','rvi':'3'}", name, n->rqi++));
	expect(n, DEV, json, status);
	if (part)
		shows(n, part);
}

/* Those whose time it is, as the core's round does it: the first that is served asks. */
static size_t round_of(struct node *n, struct request_arrival *in)
{
	struct buf primitive = buf_make(LATER_OCTETS);
	uint64_t ids[8], after = 0;
	bool changed, found;
	size_t due;

	assert_int_equal(resource_groups_due(n->room.resources, n->now, &after, ids, 8, &due), ERR_OK);
	for (size_t i = 0; i < due; i++) {
		assert_int_equal(members_due(&n->room, ids[i], n->now, &changed), ERR_OK);
		assert_true(changed);
	}
	if (due) {
		assert_int_equal(later_take(&n->room, n->now, &primitive, in, &found), ERR_OK);
		assert_true(found);
		in->primitive = BYTES_NONE;
		buf_clear(&n->answer);
		n->err = request_serve(&n->room, in, &n->answer);
	}
	buf_free(&primitive);
	return due;
}

#define SAYS(ty) "{'rsc':2000,'rqi':'x','rvi':'3','pc':{'m2m:x':{'ty':" #ty "}}}"

static void test_by_strategy(void **state)
{
	static const struct {
		unsigned strategy;
		const char *answer;
		unsigned status;
		const char *part;
	} rows[] = {
		{ 1, SAYS(3), 2000, "'cnm':2" }, { 1, SAYS(3), 2000, "'mtv':true" },
		{ 1, SAYS(2), 2000, "'mid':['cse-in/dev/c']" }, { 1, SAYS(2), 2000, "'mtv':true" },
		{ 1, "{'rsc':4004,'rqi':'x','rvi':'3'}", 2000, "'cnm':1" },
		{ 2, SAYS(3), 2000, "'mtv':true" }, { 2, SAYS(2), 4004, NULL },
		{ 3, SAYS(2), 2000, "'mt':0" }, { 3, SAYS(2), 2000, "'cnm':2" }, { 3, SAYS(2), 2000, "'mtv':true" },
		/* who may not see it learns nothing, and the group stays as it is */
		{ 2, "{'rsc':4103,'rqi':'x','rvi':'3'}", 2000, "'mtv':false" },
		{ 2, "{'rsc':5103,'rqi':'x','rvi':'3'}", 2000, "'mtv':false" }, { 2, NULL, 2000, "'mtv':false" },
	};
	struct node *n = *state;
	struct request_arrival in;
	char name[8], json[200];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_true(text_print(name, sizeof(name), "g%zu", i));
		make(n, name, rows[i].strategy);
		look(n, name, 2000, "'mtv':false");
		n->now += 30000;
		clock_simulate(n->now);
		assert_int_equal(round_of(n, &in), 1);
		assert_int_equal(n->room.needs.n, 1);
		answered(n, &in, rows[i].answer);
		look(n, name, rows[i].status, rows[i].part);
		if (rows[i].status != 2000)
			continue;
		assert_true(text_print(json, sizeof(json), "{'op':4,'to':'cse-in/dev/%s','fr':'Cdev','rqi':'z%zu','rvi':'3'}", name, i));
		expect(n, DEV, json, 2002);
	}
}

/* A CSE on the way that does not know the way further says what the member's own would say of nothing. */
static void test_behind(void **state)
{
	struct node *n = *state;
	struct request_arrival in;

	expect(n, MN, R(3, "cse-in/mn", "/mn-cse", "up", ",'pc':{'m2m:csr':{'dcse':['/far-cse']}}"), 2004);
	for (unsigned strategy = 1; strategy <= 3; strategy++) {
		char name[8];

		assert_true(text_print(name, sizeof(name), "g%u", strategy));
		make_of(n, name, strategy, "/far-cse/cse/far");
		n->now += 30000;
		clock_simulate(n->now);
		assert_int_equal(round_of(n, &in), 1);
		answered(n, &in, "{'rsc':4004,'rqi':'x','rvi':'3'}");
		look(n, name, 2000, "'mtv':false");
		shows(n, "'cnm':2");
		n->now += 30000;
		clock_simulate(n->now);
		assert_int_equal(round_of(n, &in), 1);
		answered(n, &in, SAYS(3));
		look(n, name, 2000, "'mtv':true");
		shows(n, "'cnm':2");
	}
}

/* Ever more seldom; soon when a CSE registered, or said where it is; not when all is seen. */
static void test_when(void **state)
{
	struct node *n = *state;
	struct request_arrival in;
	int64_t pause = 30000;

	make(n, "g", 1);
	assert_int_equal(round_of(n, &in), 0);
	for (int i = 0; i < 3; i++) {
		n->now += pause - 1;
		assert_int_equal(round_of(n, &in), 0);
		n->now += 1;
		assert_int_equal(round_of(n, &in), 1);
		answered(n, &in, NULL);
		pause = (int64_t)30000 << i;
	}
	assert_int_equal(round_of(n, &in), 0);
	n->now += 30000;
	/* what says nothing new is none; and nobody has it asked more often than each 30 s */
	expect(n, MN, R(3, "cse-in/mn", "/mn-cse", "up", ",'pc':{'m2m:csr':{'rr':true,'lbl':['x']}}"), 2004);
	assert_int_equal(round_of(n, &in), 0);
	expect(n, MN, R(3, "cse-in/mn", "/mn-cse", "up2", ",'pc':{'m2m:csr':{'poa':['https://mn2.example']}}"), 2004);
	assert_int_equal(round_of(n, &in), 1);
	answered(n, &in, NULL);
	n->now += 29999;
	expect(n, MN, R(3, "cse-in/mn", "/mn-cse", "up3", ",'pc':{'m2m:csr':{'poa':['https://mn3.example']}}"), 2004);
	assert_int_equal(round_of(n, &in), 0);
	n->now += 1;
	assert_int_equal(round_of(n, &in), 1);
	answered(n, &in, NULL);
	/* a clock that is set back: once, not each second, and not never */
	n->now -= 7200000;
	clock_simulate(n->now);
	assert_int_equal(round_of(n, &in), 1);
	answered(n, &in, NULL);
	n->now += 30000;
	assert_int_equal(round_of(n, &in), 0);
	n->now += 3600000;
	assert_int_equal(round_of(n, &in), 1);
	answered(n, &in, SAYS(3));
	look(n, "g", 2000, "'mtv':true");
	n->now += 86400000 / 2;
	assert_int_equal(round_of(n, &in), 0);
	/* an undone request takes what waits from the store: nothing is left behind there */
	assert_int_equal(later_reload(&n->room), ERR_OK);
	assert_int_equal(later_next(&n->room.later), INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_strategy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_behind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_when, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
