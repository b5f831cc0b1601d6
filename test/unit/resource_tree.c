/* resource_tree: addresses, discovery, results with children, policy gathering. */
#include "resource_room.h"

#include "resource/roles.h"

#include <stdio.h>

#define AE(from, name)                                                                  \
	"{'op':1,'to':'cse-in','fr':'" from "','rqi':'1','rvi':'3','ty':2,"             \
	"'pc':{'m2m:ae':{'rn':'" name "','rr':true,'srv':['3'],'api':'Napp'}}}"
#define SUB(to, name, more) CREATE(to, 3, "{'m2m:cnt':{'rn':'" name "'" more "}}")
#define RULES(who, what) "{'acr':[{'acor':['" who "'],'acop':" #what "}]}"
#define ACP(name, pv, pvs)                                                              \
	CREATE("cse-in", 1, "{'m2m:acp':{'rn':'" name "','pv':" pv ",'pvs':" pvs "}}")

/* --- addresses --------------------------------------------------------------------- */

static void leads(struct room *m, const char *to, enum target_place where, uint64_t id)
{
	struct target t;

	assert_int_equal(resource_resolve(m->r, bytes_str(to), &t), ERR_OK);
	if (t.place != where || (where == TARGET_HERE && t.id != id))
		fail_msg("%s leads to %d %d", to, (int)t.place, (int)t.id);
}

static void test_addresses(void **state)
{
	struct room *m = *state;
	static const char *const base[] = {
		"cse-in", "-", "in-cse", "/in-cse", "//demo.example/in-cse", "/in-cse/cse-in",
		"/in-cse/-", "//demo.example/in-cse/cse-in", "/in-cse/in-cse", "cse-in#lbl",
	};
	static const char *const container[] = {
		"cse-in/dev/c", "-/dev/c", "in-cse/dev/c", "Cdev1/c", "cnt3", "/in-cse/cnt3",
		"/in-cse/Cdev1/c", "//demo.example/in-cse/cnt3", "/in-cse/cse-in/dev/c",
		"//demo.example/in-cse/-/dev/c", "//demo.example/in-cse/Cdev1/c", "cnt3#mni",
	};
	static const char *const none[] = {
		"", "/", "//", "#x", "cse-in/", "cse-in//dev", "cse-in/dev/", "cse-in/dev/c/x", "cnt",
		"cnt4", "cin3", "ae2", "cnt03", "cnt3x", "3", "cse-IN", "CSE-IN", "cse-in/Dev",
		"cse-in/dev/../dev/c", "cse-in/./dev", "cse-in/%64ev", "cse-in/dev/c/la/x", "cb1",
		"cnt18446744073709551616", "/in-cse/", "/in-cse//cse-in", "cse-in/*", "-dev",
		"cse-in/dev/c/la", "dev", "c",
	};
	static const char *const elsewhere[] = {
		"/other", "/other/cse-in/dev", "/in-cse2", "/in-cs", "//demo.example", "//other.example/in-cse",
		"//demo.example/other/x", "//demo.examplex/in-cse", "///in-cse", "/Sapp",
	};

	expect(m, AE("Cdev1", "dev"), 2001);
	expect(m, SUB("cse-in/dev", "c", ""), 2001);
	for (size_t i = 0; i < COUNT_OF(base); i++)
		leads(m, base[i], TARGET_HERE, 1);
	for (size_t i = 0; i < COUNT_OF(container); i++)
		leads(m, container[i], TARGET_HERE, 3);
	for (size_t i = 0; i < COUNT_OF(none); i++)
		leads(m, none[i], TARGET_NONE, 0);
	for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
		leads(m, elsewhere[i], TARGET_ELSEWHERE, 0);
}

static void test_virtual_addresses(void **state)
{
	struct room *m = *state;
	struct target t;

	expect(m, CNT("c", ""), 2001);
	leads(m, "cse-in/c/la", TARGET_NONE, 0);
	expect(m, CIN("cse-in/c", "'1'"), 2001);
	expect(m, CIN("cse-in/c", "'2'"), 2001);
	leads(m, "cse-in/c/la", TARGET_HERE, 4);
	leads(m, "cse-in/c/ol", TARGET_HERE, 3);
	leads(m, "cnt2/la", TARGET_HERE, 4);
	leads(m, "//demo.example/in-cse/cnt2/ol", TARGET_HERE, 3);
	assert_int_equal(resource_resolve(m->r, BYTES("cnt2/la"), &t), ERR_OK);
	assert_int_equal(t.parent_of_virtual, 2);
	assert_int_equal(t.type, 4);
	leads(m, "cse-in/la", TARGET_NONE, 0);
}

static void test_address_of(void **state)
{
	struct room *m = *state;
	const struct store_row *row;
	struct buf b = buf_make(1000);

	expect(m, AE("Cdev1", "dev"), 2001);
	expect(m, SUB("Cdev1", "c", ""), 2001);
	assert_int_equal(resource_address(m->r, 3, &b), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&b), BYTES("cse-in/dev/c")));
	buf_clear(&b);
	assert_int_equal(resource_address(m->r, 99, &b), ERR_MISSING);
	assert_int_equal(b.n, 0);
	assert_int_equal(store_get(m->store, 2, &row), ERR_OK);
	assert_int_equal(resource_identifier(row, &b), ERR_OK);
	assert_true(bytes_equal(bytes_of_buf(&b), BYTES("Cdev1")));
	buf_free(&b);
}

/* --- discovery --------------------------------------------------------------------- */

static void grow(struct room *m)
{
	expect(m, CNT("a", ",'lbl':['red','big'],'mni':100"), 2001);         /* 2 */
	expect(m, SUB("cse-in/a", "b", ",'lbl':['red']"), 2001);             /* 3 */
	m->now += 60000;
	expect(m, CREATE("cse-in/a/b", 4, "{'m2m:cin':{'rn':'i','con':'12345','lbl':['blue']}}"), 2001);
	expect(m, CREATE("cse-in/a/b", 4, "{'m2m:cin':{'rn':'j','con':'1','or':'http://o/x'}}"), 2001);
	expect(m, CNT("z", ",'lbl':['red'],'disr':false,'et':'20260601T000000'"), 2001); /* 6 */
}

/* Ten thousand rows of one with a label do not hide the one of another. */
static void test_labels_of_others(void **state)
{
	struct room *m = *state;
	struct buf json = buf_make(1024);

	expect(m, CNT("many", ""), 2001);
	for (int i = 0; i <= SELECTION_MAX; i++) {
		buf_clear(&json);
		assert_int_equal(buf_printf(&json, "{'op':1,'to':'cse-in/many','fr':'Ctest','rqi':'1','rvi':'3','ty':3,"
		                            "'pc':{'m2m:cnt':{'rn':'n%d','lbl':['common']}}}", i), ERR_OK);
		assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
		expect(m, (const char *)json.p, 2001);
		arena_reset(&m->arena);
	}
	expect(m, CNT("mine", ""), 2001);
	expect(m, CREATE("cse-in/mine", 3, "{'m2m:cnt':{'rn':'x','lbl':['common']}}"), 2001);
	expect(m, DISCOVER("cse-in/mine", ",'lbl':['common']"), 2000);
	shows(m, "cse-in/mine/x");
	buf_free(&json);
}

/* One pattern against one long text must not stop the node, nor a thousand. */
static void test_patterns_are_bounded(void **state)
{
	struct room *m = *state;
	struct buf text = buf_make(1 << 20), pattern = buf_make(1 << 16);

	for (int i = 0; i < 60000; i++)
		assert_int_equal(buf_add_byte(&text, 'a'), ERR_OK);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(buf_add_byte(&pattern, 'a'), ERR_OK);
	expect(m, CNT("c", ""), 2001);
	for (int i = 0; i < 200; i++) {
		struct buf json = buf_make(1 << 20);

		assert_int_equal(buf_printf(&json, "{'op':1,'to':'cse-in/c','fr':'Ctest','rqi':'1','rvi':'3','ty':4,"
		                            "'pc':{'m2m:cin':{'con':'"), ERR_OK);
		assert_int_equal(buf_add(&json, bytes_of_buf(&text)), ERR_OK);
		assert_int_equal(buf_printf(&json, "'}}}"), ERR_OK);
		assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
		expect(m, (const char *)json.p, 2001);
		buf_free(&json);
	}
	assert_int_equal(buf_add_byte(&pattern, 0), ERR_OK);
	buf_clear(&text);
	assert_int_equal(buf_printf(&text, "{'op':2,'to':'cse-in/c','fr':'Ctest','rqi':'1','rvi':'3','fc':{'fu':1,"
	                            "'atr':[{'nm':'con','val':'*%sb'}]}}", (const char *)pattern.p), ERR_OK);
	assert_int_equal(buf_add_byte(&text, 0), ERR_OK);
	resource_begin(m->r);
	expect(m, (const char *)text.p, 2000);
	shows(m, "[]");
	assert_true(m->out.content_status == 1); /* there may be more: it was cut */
	resource_begin(m->r);
	expect(m, "{'op':2,'to':'cse-in/c','fr':'Ctest','rqi':'1','rvi':'3','fc':{'fu':1,"
	          "'atr':[{'nm':'con','val':'aa*aa'}]}}", 2000);
	shows(m, "cse-in/c/cin");
	buf_free(&text);
	buf_free(&pattern);
}

static void test_discovery(void **state)
{
	struct room *m = *state;

	grow(m);
	finds(m, "cse-in", "", "'cse-in/a','cse-in/a/b','cse-in/a/b/i','cse-in/a/b/j','cse-in/z'");
	finds(m, "cse-in", ",'ty':[4]", "'cse-in/a/b/i','cse-in/a/b/j'");
	finds(m, "cse-in/a/b", ",'ty':[3]", "");
	finds(m, "cse-in", ",'lbl':['red']", "'cse-in/a','cse-in/a/b','cse-in/z'");
	finds(m, "cse-in/a", ",'lbl':['red']", "'cse-in/a/b'");
	finds(m, "cse-in", ",'lbl':['big','blue']", "'cse-in/a','cse-in/a/b/i'");
	finds(m, "cse-in", ",'lbl':['none']", "");
	finds(m, "cse-in", ",'lbl':['red'],'ty':[4]", "");
	finds(m, "cse-in", ",'lbl':['red'],'ty':[4],'fo':2",
	      "'cse-in/a','cse-in/a/b','cse-in/a/b/i','cse-in/a/b/j','cse-in/z'");
	finds(m, "cse-in", ",'lbl':['red'],'lvl':1", "'cse-in/a','cse-in/z'");
	finds(m, "cse-in", ",'lvl':1", "'cse-in/a','cse-in/z'");
	finds(m, "cse-in", ",'lvl':2", "'cse-in/a','cse-in/a/b','cse-in/z'");
	finds(m, "cse-in", ",'lvl':0", "");
	finds(m, "cse-in", ",'sza':5", "'cse-in/a/b/i'");
	finds(m, "cse-in", ",'cty':['text/none']", "");
	finds(m, "cse-in", ",'szb':5", "'cse-in/a/b/j'");
	finds(m, "cse-in", ",'stb':2", "'cse-in/a/b','cse-in/a/b/j'");
	finds(m, "cse-in", ",'sts':2,'ty':[4]", "'cse-in/a/b/i'");
	finds(m, "cse-in", ",'cra':'20260101T000001'", "'cse-in/a/b/i','cse-in/a/b/j','cse-in/z'");
	finds(m, "cse-in", ",'crb':'20260101T000001'", "'cse-in/a','cse-in/a/b'");
	finds(m, "cse-in", ",'exb':'20270101T000000'", "'cse-in/z'");
	finds(m, "cse-in", ",'us':'20260101T000001'", "'cse-in/a'");
	finds(m, "cse-in", ",'atr':[{'nm':'mni','val':100}]", "'cse-in/a'");
	finds(m, "cse-in", ",'atr':[{'nm':'mni','val':'100'}]", "'cse-in/a'");
	finds(m, "cse-in", ",'atr':[{'nm':'or','val':'http://o/*'}]", "'cse-in/a/b/j'");
	finds(m, "cse-in", ",'atr':[{'nm':'rn','val':'*'}],'ty':[3]", "'cse-in/a','cse-in/a/b','cse-in/z'");
	finds(m, "cse-in", ",'atr':[{'nm':'disr','val':'false'}]", "'cse-in/z'");
	expect(m, DISCOVER("cse-in", ",'atr':[{'nm':'@cr','val':'*'}]"), 4000);
	expect(m, DISCOVER("cse-in", ",'atr':[{'nm':'mni','val':1},{'nm':'nonsense','val':1}]"), 4000);
	expect(m, REQ(2, "cse-in/a") ",'fc':{'atr':[{'nm':'nonsense','val':1}]}}", 4000);
	finds(m, "cse-in", ",'atr':[{'nm':'pi','val':'in-cse'}]", "'cse-in/a','cse-in/z'");
	expect(m, DISCOVER("cse-in/none", ""), 4004);
	expect(m, REQ(2, "cse-in") ",'rcn':4,'fc':{'fu':1}}", 4000);
	expect(m, REQ(2, "cse-in") ",'rcn':1,'fc':{'fu':1}}", 4000);
	expect(m, REQ(2, "cse-in/a/b") ",'rcn':11,'fc':{'fu':1}}", 2000);
	shows(m, "{'m2m:uril':['cse-in/a/b/i','cse-in/a/b/j']}");
	expect(m, REQ(2, "cse-in/a/b") ",'drt':2,'fc':{'fu':1}}", 2000);
	shows(m, "['cin4','cin5']");
	expect(m, REQ(2, "cse-in/a/b") ",'rcn':6,'fc':{'fu':1,'lim':1}}", 2000);
	shows(m, "{'m2m:rrl':{'rrf':[{'nm':'i','typ':4,'val':'cse-in/a/b/i'}]}}");
}

static void test_limits(void **state)
{
	struct room *m = *state;

	grow(m);
	finds(m, "cse-in", ",'lim':2", "'cse-in/a','cse-in/a/b'");
	assert_int_equal(m->out.content_status, 1);
	assert_int_equal(m->out.content_offset, 3);
	finds(m, "cse-in", ",'lim':2,'ofst':3", "'cse-in/a/b/i','cse-in/a/b/j'");
	assert_int_equal(m->out.content_offset, 5);
	finds(m, "cse-in", ",'lim':2,'ofst':5", "'cse-in/z'");
	assert_int_equal(m->out.content_status, 0);
	finds(m, "cse-in", ",'lim':0", "");
	assert_int_equal(m->out.content_status, 1);
	finds(m, "cse-in", ",'lbl':['red'],'lim':1,'ofst':2", "'cse-in/a/b'");
	assert_int_equal(m->out.content_offset, 3);
	m->content_max = 30;
	expect(m, DISCOVER("cse-in", ""), 5207);
	assert_int_equal(m->content.n, 0);
	expect(m, REQ(2, "cse-in") ",'rcn':4}", 5207);
	assert_int_equal(m->content.n, 0);
}

static bool odd_only(void *self, uint64_t id)
{
	return id % 2 == 1;
}

static bool none_may(void *self, uint64_t id)
{
	return false;
}

static void test_only_what_may_be_seen(void **state)
{
	struct room *m = *state;
	const struct discovery odd = { odd_only, NULL }, none = { none_may, NULL };

	grow(m);
	m->children = &odd;
	finds(m, "cse-in", "", "'cse-in/a/b','cse-in/a/b/j'");
	finds(m, "cse-in", ",'lbl':['red']", "'cse-in/a/b'");
	/* What may not be seen does not count either. */
	finds(m, "cse-in", ",'lim':1,'ofst':2", "'cse-in/a/b/j'");
	expect(m, REQ(2, "cse-in/a/b") ",'rcn':4}", 2000);
	shows(m, "'rn':'j'");
	hides(m, "'rn':'i'");
	expect(m, REQ(2, "cse-in") ",'rcn':4}", 2000);
	hides(m, "m2m:cnt"); /* nothing below what is left out */
	expect(m, REQ(4, "cse-in/a") ",'rcn':6}", 2002);
	shows(m, "cse-in/a/b/j");
	hides(m, "cse-in/a/b/i");
	m->children = &none;
	finds(m, "cse-in", "", "");
}

/* Without a judge of children only the system's permit shows any. */
static void test_no_judge_no_children(void **state)
{
	struct room *m = *state;
	struct permit permit = { .access = 63, .resource = 1 };
	struct request_primitive q;
	struct target target;
	struct resource_ask ask = { .request = &q, .target = &target, .permit = &permit,
	                            .arena = &m->arena, .now = NOW };

	grow(m);
	room_request(m, REQ(2, "cse-in") ",'rcn':5}", &q);
	assert_int_equal(resource_resolve(m->r, q.to, &target), ERR_OK);
	buf_clear(&m->content);
	assert_int_equal(resource_retrieve(m->r, &ask, &m->content, &m->out), ERR_OK);
	shows(m, "'ch':[]");
	ask.permit = permit_for_system("test");
	buf_clear(&m->content);
	assert_int_equal(resource_retrieve(m->r, &ask, &m->content, &m->out), ERR_OK);
	shows(m, "'cse-in/a/b/j'");
}

/* --- results with children ------------------------------------------------------------ */

static void test_results(void **state)
{
	struct room *m = *state;

	grow(m);
	expect(m, REQ(2, "cse-in/a") ",'rcn':4}", 2000);
	shows(m, "'rn':'a'");
	shows(m, "'m2m:cnt':[{");
	shows(m, "'m2m:cin':[{");
	shows(m, "'con':'12345'");
	expect(m, REQ(2, "cse-in/a") ",'rcn':4,'fc':{'lvl':1}}", 2000);
	shows(m, "'rn':'b'");
	hides(m, "m2m:cin");
	expect(m, REQ(2, "cse-in/a") ",'rcn':5}", 2000);
	shows(m, "'ch':[{'nm':'b','typ':3,'val':'cse-in/a/b'},{'nm':'i'");
	shows(m, "'mni':100");
	expect(m, REQ(2, "cse-in/a") ",'rcn':6,'drt':2}", 2000);
	shows(m, "{'m2m:rrl':{'rrf':[{'nm':'b','typ':3,'val':'cnt3'},");
	hides(m, "mni");
	expect(m, REQ(2, "cse-in/a/b") ",'rcn':8}", 2000);
	shows(m, "{'m2m:cnt':{'m2m:cin':[{");
	hides(m, "'cni'");
	expect(m, REQ(2, "cse-in/a/b") ",'rcn':8,'fc':{'lbl':['blue']}}", 2000);
	shows(m, "'rn':'i'");
	hides(m, "'rn':'j'");
	expect(m, REQ(2, "cse-in/a/b") ",'rcn':4,'fc':{'lim':1}}", 2000);
	hides(m, "'rn':'j'");
	assert_int_equal(m->out.content_status, 1);
	expect(m, REQ(2, "cse-in/a") ",'rcn':7}", 4000);
	expect(m, REQ(2, "cse-in/a") ",'rcn':10}", 5001);
	expect(m, REQ(2, "cse-in/a") ",'rcn':12}", 2000);
	shows(m, "{'m2m:tkps':{'pm':[{'pv':{'acr':[{'acop':0,'acor':['Ctest']}]},'ris':['cse-in/a']}]}}");
	expect(m, REQ(2, "cse-in/a") ",'rcn':0}", 4000);
	expect(m, REQ(2, "cse-in/a") ",'rcn':9}", 4000);
	expect(m, REQ(4, "cse-in/a") ",'rcn':2}", 4000);
	expect(m, RETRIEVE("cse-in/a"), 2000);
	expect(m, REQ(4, "cse-in/a") ",'rcn':8}", 2002);
	shows(m, "'con':'12345'");
}

static void test_conditions(void **state)
{
	struct room *m = *state;

	grow(m);
	expect(m, REQ(2, "cse-in/a") ",'fc':{'lbl':['red']}}", 2000);
	expect(m, REQ(2, "cse-in/a") ",'fc':{'lbl':['blue']}}", 4004);
	expect(m, REQ(2, "cse-in/a") ",'fc':{'ms':'20270101T000000'}}", 4004);
	expect(m, REQ(3, "cse-in/a") ",'fc':{'lbl':['blue']},'pc':{'m2m:cnt':{'mni':1}}}", 4004);
	expect(m, REQ(4, "cse-in/a") ",'rcn':1,'fc':{'lbl':['red']}}", 2002);
}

static void test_partial(void **state)
{
	struct room *m = *state;

	grow(m);
	expect(m, RETRIEVE("cse-in/a#mni"), 2000);
	assert_string_equal(room_json(m), "{\"m2m:cnt\":{\"mni\":100}}");
	expect(m, RETRIEVE("cse-in/a#mbs"), 4004);
	expect(m, RETRIEVE("cse-in/a#xyz"), 4000);
	expect(m, RETRIEVE("cse-in/a#@cr"), 4000);
	expect(m, REQ(2, "cse-in/a") ",'pc':{'m2m:atrl':['mni','ri','mbs']}}", 2000);
	shows(m, "{'m2m:cnt':{'ri':'cnt2','mni':100}}");
	expect(m, REQ(2, "cse-in/a") ",'pc':{'m2m:atrl':['xyz']}}", 4000);
	expect(m, REQ(2, "cse-in/a") ",'pc':{'m2m:atrl':[]}}", 4000);
	expect(m, REQ(2, "cse-in/a") ",'pc':{'m2m:cnt':{}}}", 4000);
	expect(m, REQ(2, "cse-in/a") ",'pc':5}", 4000);
	expect(m, UPDATE("cse-in/a#mni", "{'m2m:cnt':{'mni':1}}"), 4000);
	expect(m, DELETE("cse-in/a#mni"), 4000);
	expect(m, SUB("cse-in/a#mni", "x", ""), 4000);
	expect(m, RETRIEVE("cse-in/a#mni"), 2000);
}

/* --- policy ------------------------------------------------------------------------------ */

static struct resource_policy policy_of(struct room *m, const char *to)
{
	struct resource_policy p;
	struct target t;

	arena_reset(&m->arena);
	assert_int_equal(resource_resolve(m->r, bytes_str(to), &t), ERR_OK);
	assert_int_equal(t.place, TARGET_HERE);
	assert_int_equal(resource_target_policy(m->r, &t, &m->arena, &p), ERR_OK);
	return p;
}

static bool grants_to(const struct resource_policy *p, size_t i, const char *who)
{
	return i < p->policies_n && strstr((const char *)p->policies[i].p, who) != NULL;
}

static void test_policy(void **state)
{
	struct room *m = *state;
	struct resource_policy p;

	expect(m, ACP("p1", RULES("Cone", 2), RULES("Cself1", 63)), 2001);
	expect(m, ACP("p2", RULES("Ctwo", 2), RULES("Cself2", 63)), 2001);
	expect(m, CNT("c", ",'acpi':['cse-in/p1','/in-cse/acp3']"), 2001);
	expect(m, CIN("cse-in/c", "'x'"), 2001);
	expect(m, SUB("cse-in/c", "own", ""), 2001);

	p = policy_of(m, "cse-in/c");
	assert_int_equal(p.policies_n, 2);
	assert_false(p.from_creator || p.broken);
	assert_int_equal(p.policy_ids[0], 2);
	assert_int_equal(p.policy_ids[1], 3);
	assert_true(grants_to(&p, 0, "Cone") && grants_to(&p, 1, "Ctwo"));
	assert_false(grants_to(&p, 0, "Cself1"));
	/* The container's holds for its instances, by whatever name. */
	p = policy_of(m, "cse-in/c/la");
	assert_int_equal(p.policies_n, 2);
	assert_int_equal(p.owner, 4);
	/* Nothing is inherited otherwise. */
	p = policy_of(m, "cse-in/c/own");
	assert_int_equal(p.policies_n, 0);
	assert_true(p.from_creator);
	assert_true(bytes_equal(p.creator, BYTES("//demo.example/in-cse/Ctest")));
	/* A policy is judged by itself. */
	p = policy_of(m, "cse-in/p1");
	assert_int_equal(p.policies_n, 1);
	assert_true(grants_to(&p, 0, "Cself1"));
	assert_false(p.from_creator);
	/* The CSEBase has no creator: nobody. */
	p = policy_of(m, "cse-in");
	assert_true(p.from_creator && p.creator.n == 0 && p.policies_n == 0);
}

static void test_dangling_policy_grants_nothing(void **state)
{
	struct room *m = *state;
	struct resource_policy p;

	expect(m, ACP("p1", RULES("Cone", 2), RULES("Cself1", 63)), 2001);
	expect(m, CNT("c", ",'acpi':['cse-in/p1']"), 2001);
	expect(m, DELETE("cse-in/p1"), 2002);
	p = policy_of(m, "cse-in/c");
	assert_int_equal(p.policies_n, 0);
	assert_true(p.broken);
	assert_false(p.from_creator);
	/* Another resource of that name is no policy. */
	expect(m, CNT("p1", ""), 2001);
	p = policy_of(m, "cse-in/c");
	assert_true(p.broken && p.policies_n == 0 && !p.from_creator);
}

static void test_expired_policy_grants_nothing(void **state)
{
	struct room *m = *state;
	struct resource_policy p;

	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'rn':'p','et':'20260201T000000','pv':"
	                 RULES("Cone", 2) ",'pvs':" RULES("Cone", 2) "}}"), 2001);
	expect(m, CNT("c", ",'acpi':['cse-in/p']"), 2001);
	p = policy_of(m, "cse-in/c");
	assert_int_equal(p.policies_n, 1);
	clock_simulate(NOW + INT64_C(60) * 86400000);
	p = policy_of(m, "cse-in/c");
	assert_true(p.broken && p.policies_n == 0);
}

static void test_link_policy(void **state)
{
	struct room *m = *state;
	struct resource_policy p;
	const struct store_row *row;

	expect(m, ACP("p1", RULES("Cone", 2), RULES("Cself1", 63)), 2001);
	expect(m, CNT("c", ",'acpi':['cse-in/p1']"), 2001);
	assert_int_equal(store_get(m->store, 3, &row), ERR_OK);
	assert_int_equal(resource_link_policy(m->r, row, &m->arena, &p), ERR_OK);
	assert_int_equal(p.policies_n, 1);
	assert_true(grants_to(&p, 0, "Cself1"));
}

static void test_group_policy(void **state)
{
	struct room *m = *state;
	struct resource_policy p;

	expect(m, ACP("p1", RULES("Cone", 2), RULES("Cself1", 63)), 2001);
	expect(m, ACP("p2", RULES("Ctwo", 2), RULES("Cself2", 63)), 2001);
	expect(m, CREATE("cse-in", 9, "{'m2m:grp':{'mnm':1,'mt':99,'mid':[]}}"), 4000);
	expect(m, CREATE("cse-in", 9, "{'m2m:grp':{'rn':'g','mnm':1,'mid':[],"
	                 "'acpi':['cse-in/p1'],'macp':['cse-in/p2']}}"), 2001);
	p = policy_of(m, "cse-in/g");
	assert_true(p.policies_n == 1 && grants_to(&p, 0, "Cone"));
	p = policy_of(m, "cse-in/g/fopt");
	assert_true(p.policies_n == 1 && grants_to(&p, 0, "Ctwo"));
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'macp':null}}"), 2004);
	p = policy_of(m, "cse-in/g/fopt");
	assert_true(p.policies_n == 1 && grants_to(&p, 0, "Cone"));
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'macp':['cse-in/none']}}"), 4000);
}

static void test_creator_of_an_application(void **state)
{
	struct room *m = *state;
	struct resource_policy p;

	expect(m, AE("C", "dev"), 2001);
	p = policy_of(m, "cse-in/dev");
	assert_true(p.from_creator);
	assert_true(bytes_equal(p.creator, BYTES("//demo.example/in-cse/Cae2")));
}

static void test_base_policy(void **state)
{
	struct room *m = *state;
	struct bytes links[] = { BYTES("cse-in/p1") }, bad[] = { BYTES("cse-in") };
	struct resource_policy p;

	expect(m, ACP("p1", RULES("Cone", 2), RULES("Cself1", 63)), 2001);
	assert_int_equal(resource_link(m->r, permit_for_system("t"), 1, bad, 1, NOW), ERR_MISSING);
	assert_int_equal(resource_link(m->r, permit_for_system("t"), 1, links, 1, NOW), ERR_OK);
	p = policy_of(m, "cse-in");
	assert_true(p.policies_n == 1 && !p.from_creator);
	assert_int_equal(resource_link(m->r, permit_for_system("t"), 1, NULL, 0, NOW), ERR_OK);
	p = policy_of(m, "cse-in");
	assert_true(p.policies_n == 0);
}

/* A rotation sets index entries anew; a row that another version made does not stop it. */
static void test_reindex(void **state)
{
	struct room *m = *state;
	struct store_row other = { .parent = 1, .type = 9999, .name = BYTES("other"), .body = BYTES("\xa0") };
	struct store_find find = { .name = BYTES("lbl"), .value = BYTES("l"), .limit = 4 };
	const struct store_row *made;
	uint64_t ids[4];
	size_t n;

	expect(m, SUB("cse-in", "c", ",'lbl':['l']"), 2001);
	assert_int_equal(store_index_find(m->store, &find, ids, &n), ERR_OK);
	assert_int_equal(n, 1);
	assert_int_equal(store_index_set(m->store, ids[0], BYTES("lbl"), NULL, 0), ERR_OK);
	assert_int_equal(store_get(m->store, ids[0], &made), ERR_OK);
	assert_int_equal(resource_reindex(m->r, made), ERR_OK);
	assert_int_equal(store_index_find(m->store, &find, ids, &n), ERR_OK);
	assert_int_equal(n, 1);
	other.id = store_next_id(m->store);
	assert_int_equal(store_insert(m->store, &other), ERR_OK);
	assert_int_equal(resource_reindex(m->r, &other), ERR_OK);
}

/* A role of an authority is found behind any number that others made for the same holder, which
 * do not count; also when its index entries are set anew. */
static void test_roles(void **state)
{
#define HOLDER "//demo.example/in-cse/Cdev"
#define ROL(name, issuer) CREATE("cse-in", 31, "{'m2m:rol':{'rn':'" name "','rlid':'op@x','tkis':'" issuer "','tkhd':'" HOLDER "'," \
	                         "'tknb':'20250101T000000','tkna':'20270101T000000'}}")
	struct room *m = *state;
	struct resource_role_ask ask = { .originator = BYTES(HOLDER), .now = NOW,
		                         .issuers = BYTES("//demo.example/Snone //demo.example/Sauth") };
	struct bytes roles[ROLES_MAX], none = BYTES_NONE;
	const struct store_row *made;
	struct target t;
	char json[512];
	size_t n;

	assert_int_equal(cbor_read(BYTES("\x81\x64op@x"), &ask.claimed), ERR_OK);
	for (unsigned i = 0; i < 1100; i++) {
		assert_true(snprintf(json, sizeof(json), ROL("r%u", "//demo.example/Sother"), i) < (int)sizeof(json));
		expect(m, json, 2001);
	}
	resource_begin(m->r);
	assert_int_equal(resource_roles(m->r, &m->arena, &ask, roles, &n), ERR_OK);
	assert_int_equal(n, 0);
	expect(m, ROL("good", "//demo.example/Sauth"), 2001);
	for (unsigned again = 0; again < 2; again++) {
		resource_begin(m->r);
		assert_int_equal(resource_roles(m->r, &m->arena, &ask, roles, &n), ERR_OK);
		assert_int_equal(n, 1);
		assert_int_equal(resource_resolve(m->r, BYTES("cse-in/good"), &t), ERR_OK);
		assert_int_equal(store_index_set(m->store, t.id, BYTES("@held"), &none, 0), ERR_OK);
		assert_int_equal(resource_roles(m->r, &m->arena, &ask, roles, &n), ERR_OK);
		assert_int_equal(n, 0); /* it was the entry */
		assert_int_equal(store_get(m->store, t.id, &made), ERR_OK);
		assert_int_equal(resource_reindex(m->r, made), ERR_OK);
	}
	expect(m, "{'op':4,'to':'cse-in/good','fr':'Cdev','rqi':'1','rvi':'3'}", 2002);
	assert_int_equal(resource_roles(m->r, &m->arena, &ask, roles, &n), ERR_OK);
	assert_int_equal(n, 0);
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_reindex), row(test_roles), row(test_addresses), row(test_virtual_addresses), row(test_address_of),
		row(test_discovery), row(test_patterns_are_bounded), row(test_labels_of_others), row(test_limits), row(test_only_what_may_be_seen),
		row(test_no_judge_no_children), row(test_results), row(test_conditions),
		row(test_partial), row(test_policy), row(test_dangling_policy_grants_nothing),
		row(test_expired_policy_grants_nothing), row(test_link_policy),
		row(test_group_policy), row(test_creator_of_an_application), row(test_base_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
