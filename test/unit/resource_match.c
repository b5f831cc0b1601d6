/* resource_match: filter criteria on children and parents, label queries, joined
 * conditions, relative paths, places. */
#include "resource_room.h"

#include "resource/match.h"

#define SUB(to, name, more) CREATE(to, 3, "{'m2m:cnt':{'rn':'" name "'" more "}}")

/*   a  color:red            (2)
 *     b  color:green, hot   (3)
 *       i, j                (4 5)
 *     e                     (6)
 *   z  color, mni 7         (7)
 *     k                     (8) */
static void grow(struct room *m)
{
	expect(m, CNT("a", ",'lbl':['color:red']"), 2001);
	expect(m, SUB("cse-in/a", "b", ",'lbl':['color:green','hot'],'mni':5"), 2001);
	expect(m, CREATE("cse-in/a/b", 4, "{'m2m:cin':{'rn':'i','con':'1','lbl':['in']}}"), 2001);
	expect(m, CREATE("cse-in/a/b", 4, "{'m2m:cin':{'rn':'j','con':'2'}}"), 2001);
	expect(m, SUB("cse-in/a", "e", ""), 2001);
	expect(m, CNT("z", ",'lbl':['color'],'mni':7"), 2001);
	expect(m, CREATE("cse-in/z", 4, "{'m2m:cin':{'rn':'k','con':'3'}}"), 2001);
}

static void test_relatives(void **state)
{
	struct room *m = *state;

	grow(m);
	finds(m, "cse-in", ",'chty':[4]", "'cse-in/a/b','cse-in/z'");
	finds(m, "cse-in", ",'chty':[3,4]", "'cse-in/a','cse-in/a/b','cse-in/z'");
	finds(m, "cse-in", ",'chty':[9]", "");
	finds(m, "cse-in", ",'pty':[5]", "'cse-in/a','cse-in/z'");
	finds(m, "cse-in", ",'pty':[3],'ty':[3]", "'cse-in/a/b','cse-in/a/e'");
	finds(m, "cse-in", ",'clbl':['hot']", "'cse-in/a'");
	finds(m, "cse-in", ",'clbl':['hot','in']", "'cse-in/a','cse-in/a/b'");
	finds(m, "cse-in", ",'palb':['hot']", "'cse-in/a/b/i','cse-in/a/b/j'");
	finds(m, "cse-in", ",'catr':[{'nm':'mni','val':5}]", "'cse-in/a'");
	finds(m, "cse-in", ",'patr':[{'nm':'mni','val':'7'}]", "'cse-in/z/k'");
	finds(m, "cse-in", ",'catr':[{'nm':'rn','val':'*'}],'lbl':['color']", "'cse-in/z'");
	finds(m, "cse-in", ",'patr':[{'nm':'rn','val':'b*'}]", "'cse-in/a/b/i','cse-in/a/b/j'");
	/* Each condition may be met by a child of its own. */
	finds(m, "cse-in", ",'chty':[3],'catr':[{'nm':'rn','val':'e'}],'clbl':['hot']", "'cse-in/a'");
	/* as a condition on a target */
	expect(m, REQ(2, "cse-in/a") ",'fc':{'chty':[3]}}", 2000);
	expect(m, REQ(2, "cse-in/a") ",'fc':{'chty':[4]}}", 4004);
	expect(m, REQ(3, "cse-in/a/b") ",'fc':{'palb':['none']},'pc':{'m2m:cnt':{'mni':1}}}", 4004);
	expect(m, REQ(4, "cse-in/a/b") ",'fc':{'clbl':['none']}}", 4004);
	expect(m, REQ(4, "cse-in/a/b") ",'rcn':8,'fc':{'ty':[4]}}", 4004);
	expect(m, REQ(4, "cse-in/a/b") ",'rcn':8,'fc':{'ty':[3]}}", 2002);
	shows(m, "'rn':'i'");
	expect(m, DISCOVER("cse-in", ",'catr':[{'nm':'nonsense','val':1}]"), 4000);
}

static bool not_row_three(void *self, uint64_t id)
{
	return id != 3;
}

/* What may not be known of says nothing through its neighbours. */
static void test_hidden_relatives(void **state)
{
	struct room *m = *state;
	const struct discovery some = { not_row_three, NULL };

	grow(m);
	m->children = &some;
	finds(m, "cse-in", ",'clbl':['hot']", "");
	finds(m, "cse-in", ",'palb':['hot']", "");
	finds(m, "cse-in", ",'catr':[{'nm':'rn','val':'b'}]", "");
	finds(m, "cse-in", ",'arp':'b/la'", "'cse-in/a/b/j'");
	finds(m, "cse-in", ",'arp':'b'", "");
	expect(m, REQ(2, "cse-in/a") ",'fc':{'clbl':['hot']}}", 4004);
}

static void test_joined(void **state)
{
	struct room *m = *state;

	grow(m);
	finds(m, "cse-in", ",'ty':[3],'pty':[5],'fo':1", "'cse-in/a','cse-in/z'");
	finds(m, "cse-in", ",'ty':[4],'pty':[5],'fo':2",
	      "'cse-in/a','cse-in/a/b/i','cse-in/a/b/j','cse-in/z','cse-in/z/k'");
	/* an odd number of conditions */
	finds(m, "cse-in", ",'ty':[3],'pty':[5],'fo':3", "'cse-in/a/b','cse-in/a/e'");
	finds(m, "cse-in", ",'ty':[3],'pty':[5],'lbl':['color'],'fo':3",
	      "'cse-in/a/b','cse-in/a/e','cse-in/z'");
}

static void test_label_queries(void **state)
{
	struct room *m = *state;

	grow(m);
#define COLOURED "'cse-in/a','cse-in/a/b','cse-in/z'"
	finds(m, "cse-in", ",'lbq':['color']", COLOURED);
	finds(m, "cse-in", ",'lbq':['color:red']", "'cse-in/a'");
	finds(m, "cse-in", ",'lbq':['color EQ red']", "'cse-in/a'");
	finds(m, "cse-in", ",'lbq':['color EQ re']", "");
	finds(m, "cse-in", ",'lbq':['NT color'],'ty':[3]", "'cse-in/a/e'");
	finds(m, "cse-in", ",'lbq':['color NE red']", "'cse-in/a/b'");
	finds(m, "cse-in", ",'lbq':['color IN (red, green)']", "'cse-in/a','cse-in/a/b'");
	finds(m, "cse-in", ",'lbq':['color IN (blue)']", "");
	finds(m, "cse-in", ",'lbq':['color NI (red,blue)']", "'cse-in/a/b'");
	finds(m, "cse-in", ",'lbq':['color EQ red','hot']", "'cse-in/a','cse-in/a/b'");
	finds(m, "cse-in", ",'lbq':'hot','lbl':['color:red']", "");
	expect(m, DISCOVER("cse-in", ",'lbq':['color IN red']"), 4000);
	expect(m, DISCOVER("cse-in", ",'lbq':['']"), 4000);
	assert_false(label_query_ok(BYTES("x IN ()")));
	assert_true(label_query_ok(BYTES("a b")));
}

static void test_relative_path(void **state)
{
	struct room *m = *state;

	grow(m);
	finds(m, "cse-in", ",'ty':[3],'arp':'la'", "'cse-in/a/b/j','cse-in/z/k'");
	finds(m, "cse-in", ",'lbl':['color:red'],'arp':'b/ol'", "'cse-in/a/b/i'");
	finds(m, "cse-in", ",'ty':[3],'arp':'b'", "'cse-in/a/b'");
	finds(m, "cse-in", ",'ty':[3],'arp':'none'", "");
	finds(m, "cse-in", ",'ty':[3],'arp':'la/x'", "");
	expect(m, REQ(2, "cse-in") ",'rcn':6,'fc':{'ty':[3],'arp':'la'}}", 2000);
	shows(m, "{'nm':'j','typ':4,'val':'cse-in/a/b/j'},{'nm':'k'");
	expect(m, REQ(2, "cse-in") ",'rcn':4,'fc':{'arp':'la'}}", 4000);
	expect(m, REQ(2, "cse-in/a") ",'fc':{'arp':'b'}}", 4000);
	/* up, each once; never above the CSEBase */
	finds(m, "cse-in", ",'ty':[4],'arp':'../../e'", "'cse-in/a/e'");
	finds(m, "cse-in/a", ",'lbl':['hot'],'arp':'../../z/k'", "'cse-in/z/k'");
	finds(m, "cse-in/z", ",'arp':'../../cse-in'", "");
	expect(m, DISCOVER("cse-in", ",'arp':'a/../a'"), 4000);
	expect(m, DISCOVER("cse-in", ",'arp':'./a'"), 4000);
	/* a hidden instance is in no result */
	expect(m, UPDATE("cse-in/z", "{'m2m:cnt':{'disr':true}}"), 2004);
	finds(m, "cse-in", ",'ty':[3],'arp':'la'", "'cse-in/a/b/j'");
}

/* Rows that are of no type asked for and lead to none cost nothing: a discovery is
 * not cut short by the instances on its way. */
static void test_types_on_the_way(void **state)
{
	struct room *m = *state;

	grow(m);
	for (unsigned i = 0; i < 300; i++)
		expect(m, CREATE("cse-in/a", 4, "{'m2m:cin':{'con':'x'}}"), 2001);
	expect(m, SUB("cse-in/a", "last", ""), 2001);
	resource_begin(m->r);
	m->r->effort = 100;
	finds(m, "cse-in", ",'ty':[3]", "'cse-in/a','cse-in/a/b','cse-in/a/e','cse-in/a/last','cse-in/z'");
	assert_int_equal(m->out.content_status, 0);
	m->r->effort = 100;
	expect(m, DISCOVER("cse-in", ",'ty':[3],'fo':2"), 2000);
	assert_int_equal(m->out.content_status, 1); /* the control: all of them are looked at */
	/* with children of the other kinds it is found as before */
	resource_begin(m->r);
	finds(m, "cse-in/z", ",'ty':[4]", "'cse-in/z/k'");
	finds(m, "cse-in", ",'ty':[2]", "");
}

/* Each label against each value of a query is work as well: one that has very many of both costs as
 * many rows, and the search ends early. */
static void test_label_queries_are_bounded(void **state)
{
	struct buf labels = buf_make(8192), query = buf_make(8192);
	struct room *m = *state;
	uint64_t few, many;

	assert_int_equal(buf_printf(&labels, "%s,'ty':3,'pc':{'m2m:cnt':{'rn':'many','lbl':['z:0'", REQ(1, "cse-in")), ERR_OK);
	for (unsigned i = 1; i < 64; i++)
		assert_int_equal(buf_printf(&labels, ",'z:%u'", i), ERR_OK);
	assert_int_equal(buf_printf(&labels, "]}}}%c", 0), ERR_OK);
	expect(m, (const char *)labels.p, 2001);
	assert_int_equal(buf_printf(&query, "%s,'fc':{'fu':1,'lbq':['z IN (y", REQ(2, "cse-in")), ERR_OK);
	for (unsigned i = 0; i < 1900; i++)
		assert_int_equal(buf_printf(&query, ",y"), ERR_OK);
	assert_int_equal(buf_printf(&query, ")']}}%c", 0), ERR_OK);
	resource_begin(m->r);
	finds(m, "cse-in", ",'lbq':['z IN (y,w,63)']", "'cse-in/many'");
	few = EFFORT_MAX - m->r->effort;
	resource_begin(m->r);
	expect(m, (const char *)query.p, 2000);
	shows(m, "{'m2m:uril':[]}");
	many = EFFORT_MAX - m->r->effort;
	assert_true(few < 20 && many > few + 64 * 1900 / 300);
	m->r->effort = 100;
	expect(m, (const char *)query.p, 2000);
	shows(m, "{'m2m:uril':[]}");
	assert_int_equal(m->r->effort, 0);
	buf_free(&labels);
	buf_free(&query);
}

/* --- places --------------------------------------------------------------------------- */

#define SQUARE "[[[0,0],[10,0],[10,10],[0,10],[0,0]]]"
#define WITH_HOLE "[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[4,4],[6,4],[6,6],[4,6],[4,4]]]"
#define U_SHAPE "[[[0,0],[10,0],[10,10],[8,10],[8,2],[2,2],[2,10],[0,10],[0,0]]]"

static bool holds(struct room *m, unsigned typ, const char *crd, unsigned gmty, const char *geom,
                  unsigned gsf)
{
	struct filter_criteria f = { .usage = 1, .operation = FILTER_AND, .geometry_type = gmty,
		                     .space = gsf, .geometry = bytes_str(geom) };
	struct matcher matcher = { m->r, &f, NULL, NOW };
	struct buf json = buf_make(4096), body = buf_make(4096);
	struct store_row row = { .id = 2, .parent = 1, .type = 3, .created = NOW };
	bool matches = false;

	assert_int_equal(buf_printf(&json, "{'loc':{'crd':'%s','typ':%u}}", crd, typ), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	test_cbor((const char *)json.p, &body);
	row.body = bytes_of_buf(&body);
	assert_true(filter_known(&f));
	assert_int_equal(filter_matches(&matcher, &row, &matches), ERR_OK);
	buf_free(&json);
	buf_free(&body);
	return matches;
}

static void test_places(void **state)
{
	struct room *m = *state;

	assert_true(holds(m, GEO_POINT, "[5,5]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_true(holds(m, GEO_POINT, "[0,5]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_false(holds(m, GEO_POINT, "[11,5]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_false(holds(m, GEO_POINT, "[-0.001,5]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_false(holds(m, GEO_POINT, "[5,5]", GEO_POLYGON, WITH_HOLE, GEO_WITHIN));
	assert_true(holds(m, GEO_POINT, "[3,5]", GEO_POLYGON, WITH_HOLE, GEO_WITHIN));
	assert_false(holds(m, GEO_POLYGON, SQUARE, GEO_POINT, "[5,5]", GEO_WITHIN));
	assert_true(holds(m, GEO_POLYGON, SQUARE, GEO_POINT, "[5,5]", GEO_CONTAINS));
	assert_true(holds(m, GEO_POLYGON, SQUARE, GEO_POINT, "[5,5]", GEO_INTERSECTS));
	assert_false(holds(m, GEO_POLYGON, SQUARE, GEO_POINT, "[15,5]", GEO_INTERSECTS));
	assert_true(holds(m, GEO_LINE, "[[1,1],[9,9]]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	/* both ends are inside, what is between them is not */
	assert_false(holds(m, GEO_LINE, "[[1,9],[9,9]]", GEO_POLYGON, U_SHAPE, GEO_WITHIN));
	assert_true(holds(m, GEO_LINE, "[[1,9],[9,9]]", GEO_POLYGON, U_SHAPE, GEO_INTERSECTS));
	/* no end is inside */
	assert_true(holds(m, GEO_LINE, "[[-5,5],[15,5]]", GEO_POLYGON, SQUARE, GEO_INTERSECTS));
	assert_false(holds(m, GEO_LINE, "[[-5,5],[15,5]]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_true(holds(m, GEO_POINTS, "[[1,1],[2,2]]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_false(holds(m, GEO_POINTS, "[[1,1],[20,2]]", GEO_POLYGON, SQUARE, GEO_WITHIN));
	assert_true(holds(m, GEO_POINT, "[2,2]", GEO_LINES, "[[[0,0],[5,5]],[[7,7],[8,8]]]", GEO_WITHIN));
	assert_true(holds(m, GEO_POINT, "[25,5]", GEO_POLYGONS,
	                  "[" SQUARE ",[[[20,0],[30,0],[30,10],[20,10],[20,0]]]]", GEO_WITHIN));
	/* a place that cannot be read is nowhere */
	assert_false(holds(m, GEO_POINT, "[5]", GEO_POLYGON, SQUARE, GEO_INTERSECTS));
	assert_false(holds(m, 9, "[5,5]", GEO_POLYGON, SQUARE, GEO_INTERSECTS));
}

static void test_geometry_is_checked(void **state)
{
	static const struct { unsigned type; const char *text; } bad[] = {
		{ GEO_POINT, "[1]" }, { GEO_POINT, "[1,2,3,4]" }, { GEO_POINT, "x" },
		{ GEO_POINT, "[\"1\",2]" }, { GEO_LINE, "[[1,2]]" }, { GEO_POLYGON, "[]" },
		{ GEO_POLYGON, "[[[0,0],[1,0],[1,1],[0,1]]]" }, { GEO_POLYGON, "[[[0,0],[1,0],[0,0]]]" },
		{ GEO_POLYGON, "[[0,0],[1,0],[1,1],[0,0]]" }, { GEO_POLYGONS, SQUARE },
		{ 0, "[1,2]" }, { 7, "[1,2]" },
	};
	struct room *m = *state;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(geo_ok(bad[i].type, bytes_str(bad[i].text)));
	expect(m, DISCOVER("cse-in", ",'gmty':1,'gsf':1,'geom':'[1]'"), 4000);
	expect(m, DISCOVER("cse-in", ",'gmty':1,'gsf':1"), 4000);
	finds(m, "cse-in", ",'gmty':1,'gsf':1,'geom':'[1,2]'", "");
	finds(m, "cse-in", ",'gq':{'geom':'[1,2]','gmty':1,'gsf':1}", "");
}

#define QUERY(q) ",'ty':[4],'cfs':1,'cfq':'" q "'"

/*  i  a number and a unit, as text       j  an object, which says nothing of itself
 *  k  in base64 [{"a b":null}]           l  not JSON, though it says so    m  a plain text */
static void fill(struct room *m)
{
	expect(m, CNT("c", ""), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'i','cnf':'application/json:0','con':"
	                 "'{\\\"t\\\":[20,21.5],\\\"u\\\":\\\"hPa\\\",\\\"on\\\":true}'}}"), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'j','con':{'t':-3,'u':'kPa','in':{'x.y':7}}}}"), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'k','cnf':'application/senml+json:1',"
	                 "'con':'W3siYSBiIjpudWxsfV0='}}"), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'l','cnf':'application/json:0','con':'{t:20}'}}"), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'m','con':'{\\\"t\\\":20}'}}"), 2001);
	expect(m, CREATE("cse-in/c", 4, "{'m2m:cin':{'rn':'n','cnf':'application/xml:0','con':{'t':20}}}"), 2001);
}

#define I "'cse-in/c/i'"
#define J "'cse-in/c/j'"
#define K "'cse-in/c/k'"

static const char *printed(struct buf *b, const char *format, const char *part)
{
	struct bytes rest = bytes_str(format);
	struct bytes before = bytes_cut(&rest, '%');

	buf_clear(b);
	assert_int_equal(buf_add(b, before), ERR_OK);
	assert_int_equal(buf_add(b, bytes_str(part)), ERR_OK);
	assert_int_equal(buf_add(b, bytes_sub(rest, 1, rest.n)), ERR_OK);
	assert_int_equal(buf_add_byte(b, 0), ERR_OK);
	return (const char *)b->p;
}

static void test_content(void **state)
{
	static const struct { const char *query, *found; } asked[] = {
		{ "$.t[0] EQ 20", I }, { "$.t[0] EQ 20.0", I }, { "$.t[1] GT 21", I }, { "$.t[1] GE 21.5", I },
		{ "$.t[1] LT 21.5", "" }, { "$.t[2] EQ 1", "" }, { "$.t LE -3", J }, { "$.t LT 0", J },
		{ "$.t GT -2.5", "" }, { "$.t NE 5", I "," J }, { "$.u EQ \\\"hPa\\\"", I },
		{ "$.u MATCH \\\"*Pa\\\"", I "," J }, { "$.u GT \\\"hPa\\\"", J },
		{ "$.u MATCH \\\"Pa\\\"", "" }, { "$.on EQ true", I }, { "$.on NE true", "" },
		{ "$.in.\\\"x.y\\\" EQ 7", J }, { "$[0].\\\"a b\\\" EQ null", K }, { "$[1] EQ null", "" },
		{ "$ EQ 20", "" }, { "$.t[0].x EQ 20", "" }, { "$[0] NE 1", K }, { "$.none NE 1", "" },
		{ "$.t[0] EQ 20 AND $.on EQ false", "" }, { "$.t[0] EQ 20 AND $.u EQ \\\"hPa\\\"", I },
		{ "$.t[0] EQ 20 OR $.t EQ -3", I "," J }, { "$.x EQ 1 OR $.y EQ 1 OR $.on EQ true", I },
		{ "$.u EQ \\\"a b AND c\\\"", "" }, { "$.t LT 18446744073709551615", J },
		{ "$.t GT -9223372036854775808", J },
	};
	struct room *m = *state;
	struct buf text = buf_make(1024);

	fill(m);
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		expect(m, printed(&text, DISCOVER("cse-in", QUERY("%s")), asked[i].query), 2000);
		shows(m, printed(&text, "{'m2m:uril':[%s]}", asked[i].found));
	}
	buf_free(&text);
	/* joined with other conditions, and as a condition on a target */
	finds(m, "cse-in", ",'fo':2,'ty':[3],'cfs':1,'cfq':'$.t LT 0'", "'cse-in/c'," J);
	expect(m, REQ(2, "cse-in/c/j") ",'fc':{'cfs':1,'cfq':'$.t LT 0'}}", 2000);
	expect(m, REQ(2, "cse-in/c/j") ",'fc':{'cfs':1,'cfq':'$.t GE 0'}}", 4004);
	expect(m, REQ(2, "cse-in/c") ",'fc':{'cfs':1,'cfq':'$ EQ 1'}}", 4004);
}

static void test_content_queries_are_checked(void **state)
{
	static const char *const wrong[] = {
		"", "$", "t EQ 1", "$.t", "$.t EQ", "$.t EQ ", "$.t  EQ 1", "$.t EQ  1", "$.t EQ 1 ", "$.t eq 1",
		"$.t == 1", "$.t EQ 1 XOR $.t EQ 2", "$.t EQ 1 AND", "$.t EQ 1 AND ", "$.t EQ 1 $.t EQ 2",
		"$.t EQ 1 AND $.u EQ 2 OR $.v EQ 3", "$. EQ 1", "$.t[ EQ 1", "$.t[] EQ 1", "$.t[x] EQ 1",
		"$.t[-1] EQ 1", "$.t[1234567] EQ 1", "$.\"t EQ 1", "$.\"\" EQ 1", "$.t{ EQ 1", "$.t$ EQ 1",
		"$..t EQ 1", "$.t EQ x", "$.t EQ [1]", "$.t EQ {}", "$.t EQ \"x", "$.t EQ \"\\", "$.t EQ 1e999",
		"$.t MATCH 1", "$.t GT true", "$.t LE null", "$.t EQ 01", " $.t EQ 1",
	};
	struct buf many = buf_make(4096);

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		if (content_query_ok(bytes_str(wrong[i])))
			fail_msg("taken: %s", wrong[i]);
	}
	for (size_t i = 0; i < 16; i++)
		assert_int_equal(buf_add(&many, bytes_str(i ? " AND $.t EQ 1" : "$.t EQ 1")), ERR_OK);
	assert_true(content_query_ok(bytes_of_buf(&many)));
	assert_int_equal(buf_add(&many, BYTES(" AND $.t EQ 1")), ERR_OK);
	assert_false(content_query_ok(bytes_of_buf(&many)));
	buf_clear(&many);
	assert_int_equal(buf_printf(&many, "$%s EQ 1", "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"
	                            "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"), ERR_OK);
	assert_true(content_query_ok(bytes_of_buf(&many)));
	assert_int_equal(buf_add(&many, BYTES(" AND $.t[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"
	                                      "[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0] EQ 1")), ERR_OK);
	assert_false(content_query_ok(bytes_of_buf(&many)));
	buf_free(&many);
}

static bool nothing(void *self, uint64_t id)
{
	return false;
}

/* Who may change a resource and not read it learns nothing of its content by conditions. */
static void test_content_is_for_readers(void **state)
{
	static const struct discovery blind = { nothing, NULL };
	struct room *m = *state;

	fill(m);
	expect(m, REQ(4, "cse-in/c/j") ",'fc':{'cfs':1,'cfq':'$.t GE 0'}}", 4004);
	m->children = &blind;
	expect(m, REQ(4, "cse-in/c/j") ",'fc':{'cfs':1,'cfq':'$.t GE 0'}}", 4103);
	expect(m, REQ(4, "cse-in/c/j") ",'fc':{'cfs':1,'cfq':'$.t LT 0'}}", 4103);
	expect(m, REQ(4, "cse-in/c/m") ",'fc':{'atr':[{'nm':'con','val':'x'}]}}", 4103);
	expect(m, REQ(4, "cse-in/c/m") ",'fc':{'ty':[4]}}", 2002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_relatives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hidden_relatives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_label_queries, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relative_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_types_on_the_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_label_queries_are_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_geometry_is_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content_queries_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_content_is_for_readers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
