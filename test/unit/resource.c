/* resource: create, update, delete and the rows of the types. */
#include "resource_room.h"

static void test_base(void **state)
{
	struct room *m = *state;

	expect(m, RETRIEVE("cse-in"), 2000);
	shows(m, "'csi':'/in-cse'");
	shows(m, "'csz':['application/json','application/cbor','application/xml']");
	shows(m, "'srt':[1,2,3,4,5,6,7,8,9,10,");
	shows(m, "'pi':''");
	shows(m, "'ri':'in-cse'");
	shows(m, "'rn':'cse-in'");
	shows(m, "'cst':1");
	hides(m, "@");
	expect(m, UPDATE("cse-in", "{'m2m:cb':{'lbl':['x']}}"), 4005);
	expect(m, DELETE("cse-in"), 4005);
	expect(m, CREATE("cse-in", 5, "{'m2m:cb':{}}"), 4005);
}

static void test_base_is_kept(void **state)
{
	struct room *m = *state;
	struct cse_identity other = test_cse;
	struct resources *again;

	assert_int_equal(resources_open(m->store, &test_cse, &again), ERR_OK);
	resources_close(again);
	other.cse_id = BYTES("/other");
	assert_int_equal(resources_open(m->store, &other, &again), ERR_BAD_STATE);
	other.cse_id = BYTES("in-cse");
	assert_int_equal(resources_open(m->store, &other, &again), ERR_SYNTAX);
}

static void test_create_container(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c1", ",'lbl':['a'],'mni':10,'cr':null"), 2001);
	shows(m, "'cni':0");
	shows(m, "'cbs':0");
	shows(m, "'st':0");
	shows(m, "'cr':'Ctest'");
	shows(m, "'ct':'20260101T000000'");
	shows(m, "'ty':3");
	shows(m, "'pi':'in-cse'");
	hides(m, "@cr");
	/* There is always an expirationTime [TS-0001 9.6.1.3.2]. */
	shows(m, "'et':'2036");
	assert_int_equal(m->out.version, 1);
	assert_true(m->out.changed);
	expect(m, CNT("c1", ""), 4105);
	expect(m, CNT("c2", ",'cr':'Cother'"), 4000);
	expect(m, RETRIEVE("cse-in/c2"), 4004);
}

static void test_create_refusals(void **state)
{
	struct room *m = *state;

	expect(m, CNT("x", ",'xyz':1"), 4000);
	assert_string_equal(m->out.detail, "xyz");
	expect(m, CNT("x", ",'cni':1"), 4000);
	expect(m, CNT("x", ",'ct':'20260101T000000'"), 4000);
	expect(m, CNT("x", ",'mni':'10'"), 4000);
	expect(m, CNT("x", ",'mni':-1"), 4000);
	expect(m, CNT("x", ",'mni':1.5"), 4000);
	expect(m, CNT("x", ",'disr':1"), 4000);
	expect(m, CNT("x", ",'lbl':'a'"), 4000);
	expect(m, CNT("x", ",'lbl':[1]"), 4000);
	expect(m, CNT("x", ",'lbl':['']"), 4000);
	expect(m, CNT("x", ",'mni':null"), 4000);
	expect(m, CNT("x", ",'at':['/in-cse']"), 4000); /* announced to others */
	expect(m, CNT("x", ",'at':['mn']"), 4000);
	expect(m, CNT("x", ",'@cr':'//demo.example/in-cse/Cevil'"), 4000);
	expect(m, CNT("a b", ""), 4000);
	expect(m, CNT("../x", ""), 4000);
	expect(m, CNT("", ""), 4000);
	expect(m, CREATE("cse-in", 3, "{'m2m:cin':{'con':'x'}}"), 4000);
	expect(m, CREATE("cse-in", 3, "{'m2m:cnt':{},'m2m:cin':{}}"), 4000);
	expect(m, CREATE("cse-in", 3, "{}"), 4000);
	expect(m, CREATE("cse-in", 3, "{'cnt':{}}"), 4000);
	expect(m, CREATE("cse-in", 3, "[1]"), 4000);
	expect(m, CREATE("cse-in", 3, "{'m2m:cnt':3}"), 4000);
	expect(m, REQ(1, "cse-in") ",'ty':3}", 4000);
	expect(m, REQ(1, "cse-in") ",'pc':{'m2m:cnt':{}}}", 4000);
	expect(m, CREATE("cse-in", 45, "{'m2m:cnt':{}}"), 5001);
	expect(m, CREATE("cse-in", 4, "{'m2m:cin':{'con':'x'}}"), 4108);
	expect(m, CREATE("cse-in/none", 3, "{'m2m:cnt':{}}"), 4004);
	expect(m, CREATE("cse-in", 2, "{'m2m:ae':{'api':'N1'}}"), 4000);
}

static void test_names(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 3, "{'m2m:cnt':{}}"), 2001);
	shows(m, "'rn':'cnt2'");
	shows(m, "'ri':'cnt2'");
	/* Somebody took the name that the next one would get. */
	expect(m, CNT("cnt4", ""), 2001);
	expect(m, CREATE("cse-in", 3, "{'m2m:cnt':{}}"), 2001);
	shows(m, "'rn':'cnt4-1'");
	/* Virtual names are taken. */
	expect(m, CREATE("cse-in/cnt2", 3, "{'m2m:cnt':{'rn':'la'}}"), 4105);
	expect(m, CREATE("cse-in/cnt2", 3, "{'m2m:cnt':{'rn':'ol'}}"), 4105);
	expect(m, CREATE("cse-in/cnt2", 3, "{'m2m:cnt':{'rn':'fopt'}}"), 2001);
	expect(m, CNT("la", ""), 2001);
}

static void test_expiration(void **state)
{
	struct room *m = *state;

	expect(m, CNT("e", ",'et':'20250101T000000'"), 4000);
	expect(m, CNT("e", ",'et':'20260101T000000'"), 4000);
	expect(m, CNT("e", ",'et':'2026-02-01'"), 4000);
	expect(m, CNT("e", ",'et':'20260230T000000'"), 4000);
	expect(m, CNT("e", ",'et':'20260201T000000'"), 2001);
	shows(m, "'et':'20260201T000000'");
	/* Neither longer than the parent nor than ten years. */
	expect(m, CREATE("cse-in/e", 3, "{'m2m:cnt':{'rn':'f','et':'20260301T000000'}}"), 2001);
	shows(m, "'et':'20260201T000000'");
	expect(m, CREATE("cse-in/e", 3, "{'m2m:cnt':{'rn':'g'}}"), 2001);
	shows(m, "'et':'20260201T000000'");
	expect(m, CNT("h", ",'et':'20991231T000000'"), 2001);
	shows(m, "'et':'2036");
	/* A child must not outlive it. */
	expect(m, UPDATE("cse-in/e", "{'m2m:cnt':{'et':'20260115T000000'}}"), 4000);
	expect(m, UPDATE("cse-in/e/f", "{'m2m:cnt':{'et':'20260110T000000'}}"), 2004);
	expect(m, UPDATE("cse-in/e/g", "{'m2m:cnt':{'et':'20260110T000000'}}"), 2004);
	expect(m, UPDATE("cse-in/e", "{'m2m:cnt':{'et':'20260115T000000'}}"), 2004);
	expect(m, UPDATE("cse-in/h", "{'m2m:cnt':{'et':'20270101T000000'}}"), 2004);
	expect(m, UPDATE("cse-in/h", "{'m2m:cnt':{'et':null}}"), 2004);
	shows(m, "'et':'2036");
	expect(m, UPDATE("cse-in/e/g", "{'m2m:cnt':{'et':null}}"), 2004);
	shows(m, "'et':'20260115T000000'");
}

static void test_expiry(void **state)
{
	struct room *m = *state;
	struct permit none = { .access = 63, .resource = 99 };
	size_t n;

	expect(m, CNT("e", ",'et':'20260201T000000'"), 2001);
	expect(m, CIN("cse-in/e", "'x'"), 2001);
	expect(m, CNT("stay", ",'mia':60"), 2001);
	expect(m, CIN("cse-in/stay", "'abc'"), 2001);
	shows(m, "'et':'20260101T000100'");
	m->now = NOW + 61000;
	clock_simulate(m->now);
	/* Gone at once, swept or not. */
	expect(m, RETRIEVE("cse-in/stay/la"), 4004);
	assert_int_equal(resource_expire(m->r, &none, m->now, 10, &n), ERR_REFUSED);
	assert_int_equal(resource_expire(m->r, permit_for_system("expiry"), m->now, 10, &n), ERR_OK);
	assert_int_equal(n, 1);
	expect(m, RETRIEVE("cse-in/stay"), 2000);
	shows(m, "'cni':0");
	shows(m, "'cbs':0");
	m->now = NOW + INT64_C(40) * 86400000;
	clock_simulate(m->now);
	expect(m, UPDATE("cse-in/e", "{'m2m:cnt':{'mni':3}}"), 4004);
	expect(m, CIN("cse-in/e", "'x'"), 4004);
	expect(m, DELETE("cse-in/e"), 4004);
	assert_int_equal(resource_expire(m->r, permit_for_system("expiry"), m->now, 10, &n), ERR_OK);
	assert_true(n >= 1);
	expect(m, RETRIEVE("cse-in/e"), 4004);
}

static void test_instances(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c", ""), 2001);
	expect(m, CIN("cse-in/c", "'gr\xc3\xbcn'"), 2001);
	shows(m, "'cs':5");
	shows(m, "'st':1");
	expect(m, CIN("cse-in/c", "{'b':[1,2.5],'a':true}"), 2001);
	shows(m, "'cs':22");
	shows(m, "'st':2");
	expect(m, CIN("cse-in/c", "12"), 2001);
	shows(m, "'cs':2");
	expect(m, CIN("cse-in/c", "null"), 4000);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{}}"), 4000);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'con':'x','cs':1}}"), 4000);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'cni':3");
	shows(m, "'cbs':29");
	shows(m, "'st':3");
	expect(m, RETRIEVE("cse-in/c/la"), 2000);
	shows(m, "'con':12");
	expect(m, RETRIEVE("cse-in/c/ol"), 2000);
	shows(m, "'con':'gr\xc3\xbcn'");
	expect(m, UPDATE("cse-in/c/la", "{'m2m:cin':{'lbl':['x']}}"), 4005);
	expect(m, CREATE("cse-in/c/la", 3, "{'m2m:cnt':{}}"), 4005);
	expect(m, DELETE("cse-in/c/ol"), 2002);
	expect(m, RETRIEVE("cse-in/c/ol"), 2000);
	shows(m, "'b'");
	expect(m, DELETE("cse-in/c/la"), 2002);
	expect(m, DELETE("cse-in/c/la"), 2002);
	expect(m, RETRIEVE("cse-in/c/la"), 4004);
	expect(m, DELETE("cse-in/c/ol"), 4004);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'cni':0");
	shows(m, "'cbs':0");
}

static void test_content_info(void **state)
{
	struct room *m = *state;
	static const char *const good[] = { "text/plain", "text/plain:0", "application/json:1:5" };
	static const char *const bad[] = { "plain", "text/", "/plain", "text/plain:3", "text/plain:0:6",
		                           "text/plain:", "text/plain:0:1:2", "text/pl ain", "a/b/c", "" };
	char json[256];

	expect(m, CNT("c", ""), 2001);
	for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
		const char *cnf = i < COUNT_OF(good) ? good[i] : bad[i - COUNT_OF(good)];
		struct buf b = buf_make(sizeof(json));

		assert_int_equal(buf_printf(&b, REQ(1, "cse-in/c") ",'ty':4,'pc':{'m2m:cin':"
		                            "{'con':'x','cnf':'%s'}}}", cnf), ERR_OK);
		assert_int_equal(bytes_put_str(json, sizeof(json), bytes_of_buf(&b)), ERR_OK);
		buf_free(&b);
		expect(m, json, i < COUNT_OF(good) ? 2001u : 4000u);
	}
}

static void test_bounds(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c", ",'mni':3,'mbs':10"), 2001);
	expect(m, CIN("cse-in/c", "'12345678901'"), 5207);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'st':0");
	expect(m, CIN("cse-in/c", "'1234567890'"), 2001);
	expect(m, CIN("cse-in/c", "'a'"), 2001);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'cni':1");
	shows(m, "'cbs':1");
	expect(m, CIN("cse-in/c", "'bb'"), 2001);
	expect(m, CIN("cse-in/c", "'ccc'"), 2001);
	expect(m, CIN("cse-in/c", "'dddd'"), 2001);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'cni':3");
	shows(m, "'cbs':9");
	shows(m, "'st':5");
	expect(m, RETRIEVE("cse-in/c/ol"), 2000);
	shows(m, "'con':'bb'");
	/* Lower bounds hold at once. */
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'mbs':5}}"), 2004);
	shows(m, "'cni':1");
	shows(m, "'cbs':4");
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'mni':0,'mbs':null}}"), 2004);
	shows(m, "'cni':0");
	hides(m, "'mbs'");
	expect(m, CIN("cse-in/c", "'a'"), 5207);
}

static void test_disabled_retrieval(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c", ",'disr':true"), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'i','con':'secret'}}"), 2001);
	expect(m, RETRIEVE("cse-in/c/i"), 4005);
	expect(m, RETRIEVE("cse-in/c/la"), 4005);
	expect(m, DELETE("cse-in/c/i"), 4005);
	expect(m, REQ(2, "cse-in/c") ",'rcn':4}", 2000);
	hides(m, "secret");
	expect(m, REQ(2, "cse-in") ",'fc':{'fu':1,'ty':[4]}}", 2000);
	hides(m, "cse-in/c/i");
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'disr':false}}"), 2004);
	shows(m, "'cni':0");
	expect(m, RETRIEVE("cse-in/c/la"), 4004);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'i','con':'open'}}"), 2001);
	expect(m, RETRIEVE("cse-in/c/i"), 2000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'disr':true}}"), 2004);
	expect(m, DELETE("cse-in/c"), 2002);
}

static void test_update(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c", ",'lbl':['a'],'mni':5"), 2001);
	m->now += 1000;
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'lbl':['b'],'mni':null,'mbs':100}}"), 2004);
	shows(m, "'lbl':['b']");
	shows(m, "'mbs':100");
	shows(m, "'st':1");
	shows(m, "'lt':'20260101T000001'");
	shows(m, "'ct':'20260101T000000'");
	hides(m, "'mni'");
	assert_int_equal(m->out.version, 2);
	expect(m, REQ(3, "cse-in/c") ",'rcn':0,'pc':{'m2m:cnt':{'mni':7}}}", 2004);
	assert_int_equal(m->content.n, 0);
	expect(m, REQ(3, "cse-in/c") ",'rcn':9,'pc':{'m2m:cnt':{'mni':8}}}", 2004);
	shows(m, "{'m2m:cnt':{'lt'");
	shows(m, "'st':3");
	hides(m, "'mni'");
	expect(m, REQ(3, "cse-in/c") ",'rcn':2,'pc':{'m2m:cnt':{'mni':8}}}", 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'rn':'d'}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'cr':null}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'cni':null}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'st':0}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'@cr':null}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'mni':'9'}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:ae':{'apn':'9'}}"), 4000);
	expect(m, REQ(3, "cse-in/c") "}", 4000);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'mni':8");
	shows(m, "'st':3");
}

static void test_delete_takes_the_subtree(void **state)
{
	struct room *m = *state;
	uint64_t before, after;

	assert_int_equal(store_count(m->store, &before), ERR_OK);
	expect(m, CNT("c", ",'lbl':['gone']"), 2001);
	for (int i = 0; i < 150; i++)
		expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'con':'x','lbl':['gone']}}"), 2001);
	expect(m, CREATE("cse-in/c", 3, "{'m2m:cnt':{'rn':'d'}}"), 2001);
	expect(m, CREATE("cse-in/c/d", 3, "{'m2m:cnt':{'rn':'e'}}"), 2001);
	expect(m, CIN("cse-in/c/d/e", "'x'"), 2001);
	expect(m, CIN("cse-in/c", "'x'"), 2001);
	expect(m, REQ(4, "cse-in/c") ",'rcn':1}", 2002);
	shows(m, "'cni':151");
	assert_int_equal(store_count(m->store, &after), ERR_OK);
	assert_int_equal(before, after);
	expect(m, RETRIEVE("cse-in/c/d/e"), 4004);
	expect(m, REQ(2, "cse-in") ",'fc':{'fu':1,'lbl':['gone']}}", 2000);
	shows(m, "{'m2m:uril':[]}");
	/* The index holds nothing of them. */
	uint64_t ids[4];
	size_t n;

	assert_int_equal(store_index_find(m->store, &(struct store_find){ BYTES("lbl"), BYTES("gone"), 0, 4 }, ids, &n), ERR_OK);
	assert_int_equal(n, 0);
}

static void test_depth(void **state)
{
	struct room *m = *state;
	struct buf to = buf_make(4096), json = buf_make(8192);
	unsigned last = 2001;
	int made = 0;

	assert_int_equal(buf_add(&to, BYTES("cse-in")), ERR_OK);
	while (last == 2001 && made < 100) {
		buf_clear(&json);
		assert_int_equal(buf_printf(&json, "{'op':1,'to':'%.*s','fr':'Ctest','rqi':'1','rvi':'3',"
		                            "'ty':3,'pc':{'m2m:cnt':{'rn':'c'}}}", BYTES_FMT(bytes_of_buf(&to))),
		                 ERR_OK);
		assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
		last = room_do(m, (const char *)json.p);
		made += last == 2001;
		assert_int_equal(buf_add(&to, BYTES("/c")), ERR_OK);
	}
	assert_int_equal(last, 5207);
	assert_int_equal(made, TREE_DEPTH_MAX - 1);
	expect(m, REQ(2, "cse-in") ",'rcn':4}", 2000);
	expect(m, DELETE("cse-in/c"), 2002);
	buf_free(&to);
	buf_free(&json);
}

/* Every operation looks at the permit first, whatever else is wrong. */
static void test_permit(void **state)
{
	struct room *m = *state;
	static const struct {
		unsigned operation, right;
	} rows[] = { { 1, RIGHT_CREATE }, { 2, RIGHT_RETRIEVE }, { 3, RIGHT_UPDATE }, { 4, RIGHT_DELETE } };
	struct request_primitive q;
	struct target target;

	expect(m, CNT("c", ""), 2001);
	room_request(m, CNT("new", ""), &q);
	assert_int_equal(resource_resolve(m->r, BYTES("cse-in/c"), &target), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct permit others = { .access = 63 & ~rows[i].right, .resource = target.id };
		struct permit elsewhere = { .access = 63, .resource = target.id + 1 };
		const struct permit *wrong[] = { NULL, &others, &elsewhere };

		for (size_t k = 0; k < COUNT_OF(wrong); k++) {
			struct resource_ask ask = { .request = &q, .target = &target,
			                            .permit = wrong[k], .arena = &m->arena, .now = m->now };

			q.operation = rows[i].operation;
			assert_int_equal(room_perform(m, &q, &ask, false), ERR_REFUSED);
			assert_int_equal(m->out.status, 0);
			assert_int_equal(resource_discover(m->r, &ask, &everything, &m->content, &m->out),
			                 k == 1 ? ERR_OK : ERR_REFUSED);
		}
	}
	assert_int_equal(resource_link(m->r, NULL, 1, NULL, 0, NOW), ERR_REFUSED);
	expect(m, RETRIEVE("cse-in/c"), 2000);
	expect(m, RETRIEVE("cse-in/new"), 4004);
}

static void test_results_of_create(void **state)
{
	struct room *m = *state;

	expect(m, REQ(1, "cse-in") ",'ty':3,'rcn':0,'pc':{'m2m:cnt':{'rn':'a'}}}", 2001);
	assert_int_equal(m->content.n, 0);
	expect(m, REQ(1, "cse-in") ",'ty':3,'rcn':2,'pc':{'m2m:cnt':{'rn':'b'}}}", 2001);
	assert_string_equal(room_json(m), "{\"m2m:uri\":\"cse-in/b\"}");
	expect(m, REQ(1, "cse-in") ",'ty':3,'rcn':3,'pc':{'m2m:cnt':{'rn':'c'}}}", 2001);
	shows(m, "{'m2m:rce':{'uri':'cse-in/c','m2m:cnt':{");
	expect(m, REQ(1, "cse-in") ",'ty':3,'rcn':9,'pc':{'m2m:cnt':{'rn':'d','mni':3}}}", 2001);
	hides(m, "'mni'");
	hides(m, "'rn'");
	shows(m, "'ri'");
	expect(m, REQ(1, "cse-in") ",'ty':3,'rcn':4,'pc':{'m2m:cnt':{'rn':'e'}}}", 4000);
	expect(m, REQ(1, "cse-in") ",'ty':3,'rcn':7,'pc':{'m2m:cnt':{'rn':'e'}}}", 4000);
	expect(m, RETRIEVE("cse-in/e"), 4004);
}

static void test_represent(void **state)
{
	struct room *m = *state;
	struct permit permit = { .access = RIGHT_CREATE, .resource = 1 };
	struct resource_ask ask = { .permit = &permit, .now = NOW };
	struct request_primitive q;
	struct target target;
	uint64_t id;

	expect(m, CNT("c", ""), 2001);
	id = m->out.resource;
	room_request(m, CNT("c", ""), &q);
	assert_int_equal(resource_resolve(m->r, q.to, &target), ERR_OK);
	ask.request = &q;
	ask.target = &target;
	ask.arena = &m->arena;
	buf_clear(&m->content);
	assert_int_equal(resource_represent(m->r, &ask, id, &m->content), ERR_OK);
	shows(m, "'rn':'c'");
	buf_clear(&m->content);
	assert_int_equal(resource_represent(m->r, &ask, id + 7, &m->content), ERR_OK);
	assert_int_equal(m->content.n, 0);
	permit.access = RIGHT_RETRIEVE;
	assert_int_equal(resource_represent(m->r, &ask, id, &m->content), ERR_REFUSED);
}

/* One request whose n-th allocation fails; everything that keeps memory between
 * requests starts without. *done: it needed fewer. */
static err_t perform_failing(struct room *m, const char *json, uint64_t n, bool *done)
{
	struct request_primitive q;
	struct permit permit = { .access = 63 };
	struct target target;
	struct resource_ask ask = { .request = &q, .target = &target, .permit = &permit,
	                            .originator = BYTES("//demo.example/in-cse/Ctest"),
	                            .arena = &m->arena, .now = NOW, .children = &everything };
	err_t err;

	room_request(m, json, &q);
	assert_int_equal(resource_resolve(m->r, q.to, &target), ERR_OK);
	permit.resource = target.id;
	arena_free(&m->arena);
	buf_free(&m->r->scratch);
	arena_free(&m->r->passing);
	buf_free(&m->content);
	assert_int_equal(store_mark(m->store), ERR_OK);
	mem_fail_at(n);
	err = room_perform(m, &q, &ask, q.has[PARAM_FC]);
	*done = mem_count() < n;
	mem_fail_at(0);
	if (*done)
		store_release_mark(m->store);
	else
		store_undo_to_mark(m->store);
	return err;
}

/* Each allocation fails once: an error or a whole result, never half of one. */
static void test_memory_fails(void **state)
{
	struct room *m = *state;
	static const struct {
		const char *request, *kept;
		unsigned status;
	} rows[] = {
		{ CREATE("cse-in/c", 4, "{'m2m:cin':{'con':{'a':1},'lbl':['l']}}"), "'old'", 2001 },
		{ UPDATE("cse-in/c", "{'m2m:cnt':{'lbl':['x','y'],'mni':1}}"), "'a':1", 2004 },
		{ REQ(2, "cse-in") ",'rcn':4}", "'a':1", 2000 },
		{ REQ(2, "cse-in") ",'rcn':5}", "'a':1", 2000 },
		{ REQ(2, "cse-in") ",'fc':{'fu':1,'lbl':['x']}}", "'a':1", 2000 },
		{ REQ(4, "cse-in/c/la") ",'rcn':1}", "'a':1", 2002 },
	};

	expect(m, CNT("c", ",'mni':1"), 2001);
	expect(m, CIN("cse-in/c", "'old'"), 2001);
	for (size_t k = 0; k < COUNT_OF(rows); k++) {
		bool done = false;

		for (uint64_t i = 1;; i++) {
			err_t err = perform_failing(m, rows[k].request, i, &done);

			assert_true(i < 500);
			if (done) {
				assert_int_equal(err, ERR_OK);
				break;
			}
			/* Some memory is only for speed. */
			assert_true(err == ERR_MEMORY ? m->content.n == 0 : err == ERR_OK);
			expect(m, RETRIEVE("cse-in/c/la"), 2000);
			shows(m, rows[k].kept);
			expect(m, RETRIEVE("cse-in/c"), 2000);
			shows(m, "'cni':1");
		}
		assert_int_equal(m->out.status, rows[k].status);
	}
	expect(m, RETRIEVE("cse-in/c"), 2000);
	shows(m, "'cni':0");
	shows(m, "'lbl':['x','y']");
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_base), row(test_base_is_kept), row(test_create_container),
		row(test_create_refusals), row(test_names), row(test_expiration), row(test_expiry),
		row(test_instances), row(test_content_info), row(test_bounds),
		row(test_disabled_retrieval), row(test_update), row(test_delete_takes_the_subtree),
		row(test_depth), row(test_permit), row(test_results_of_create), row(test_represent),
		row(test_memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
