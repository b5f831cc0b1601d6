/* primitive: parameters, requests, responses, filter criteria, identifiers. */
#include "base/clock.h"
#include "codec/json.h"
#include "primitive/id.h"
#include "primitive/request.h"
#include "primitive/status.h"

#include "unit.h"

static struct buf octets;

/* JSON, written with ' for ", as canonical CBOR; valid until the next call. */
static struct bytes cbor(const char *json)
{
	struct buf text = buf_make(8192);

	assert_int_equal(buf_add(&text, bytes_str(json)), ERR_OK);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			text.p[i] = '"';
	}
	buf_free(&octets);
	octets = buf_make(8192);
	assert_int_equal(json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &octets), ERR_OK);
	buf_free(&text);
	return bytes_of_buf(&octets);
}

static err_t read_request(const char *json, struct request_primitive *r)
{
	return request_read(cbor(json), 1000000, r);
}

static void test_params(void **state)
{
	enum param p;
	const struct param_row *row = param_named(BYTES("rcn"), &p);

	assert_non_null(row);
	assert_int_equal(p, PARAM_RCN);
	assert_ptr_equal(row, param_row(PARAM_RCN));
	assert_int_equal(row->kind, PARAM_UINT);
	assert_null(param_named(BYTES("rc"), &p));
	assert_null(param_named(BYTES("rcnn"), &p));
	assert_null(param_named(BYTES(""), &p));
	assert_false(param_row(PARAM_TKNS)->supported);
	/* a short name stands for one parameter, and a header too */
	for (unsigned i = 0; i < PARAM_COUNT; i++) {
		assert_non_null(param_named(bytes_str(param_row((enum param)i)->short_name), &p));
		assert_int_equal(p, i);
	}
}

static void test_request(void **state)
{
	struct request_primitive r;

	assert_int_equal(read_request("{'op':1,'to':'cse-in/a','fr':'Cdev1','rqi':'r1','rvi':'3','ty':4,"
	                              "'pc':{'m2m:cin':{'con':'x'}},'rt':{'rtv':3},'rcn':0,"
	                              "'ot':'20240101T000000','rqet':500,'drt':2}", &r), ERR_OK);
	assert_int_equal(r.operation, OPERATION_CREATE);
	assert_true(bytes_equal(r.to, BYTES("cse-in/a")));
	assert_true(bytes_equal(r.from, BYTES("Cdev1")));
	assert_true(bytes_equal(r.rqi, BYTES("r1")));
	assert_true(bytes_equal(r.rvi, BYTES("3")));
	assert_int_equal(r.type, 4);
	assert_true(r.has_content && r.content.n > 0 && r.content.p[0] == 0xa1);
	assert_int_equal(r.response_type, 3);
	assert_int_equal(r.result_content, 0);
	assert_int_equal(r.result_id_type, 2);
	assert_true(r.originated == 1704067200000);
	assert_true(r.expires == 1000500);
	assert_true(r.has[PARAM_TY] && !r.has[PARAM_GID]);
}

static void test_request_defaults(void **state)
{
	struct request_primitive r;

	assert_int_equal(read_request("{}", &r), ERR_OK);
	assert_int_equal(r.operation, 0);
	assert_int_equal(r.result_content, PRIMITIVE_DEFAULT_RCN);
	assert_int_equal(r.result_id_type, 1);
	assert_true(r.expires == 0 && r.originated == 0 && !r.has_content && r.to.n == 0);
	assert_int_equal(read_request("{'rqet':'20240101T000000,5'}", &r), ERR_OK);
	assert_true(r.expires == 1704067200500);
}

/* m2m:absRelTimestamp: digits are milliseconds from now, as a number and as a text. */
static void test_request_relative_times(void **state)
{
	static const char *const sent[] = {
		"{'rqet':2000,'rset':3000,'oet':0,'rp':70000}",
		"{'rqet':'2000','rset':'3000','oet':'0','rp':'70000'}",
	};
	struct request_primitive r;

	for (size_t i = 0; i < COUNT_OF(sent); i++) {
		assert_int_equal(read_request(sent[i], &r), ERR_OK);
		assert_true(r.expires == 1002000 && r.result_expires == 1003000 && r.executes == 1000000);
		assert_true(r.persistence == 70000 && r.persists == 0);
		/* what is left of it can be told on */
		assert_true(r.value[PARAM_RQET].kind == CBOR_UINT && r.value[PARAM_RQET].u == 2000);
	}
	assert_int_equal(read_request("{'rp':'P1D'}", &r), ERR_OK);
	assert_true(r.persistence == 86400000);
}

/* Every refusal still leaves the names an answer needs. */
static void test_request_refuses(void **state)
{
	static const struct {
		const char *member;
		err_t err;
	} bad[] = {
		{ "'op':0", ERR_RANGE },        { "'op':6", ERR_RANGE },
		{ "'op':'1'", ERR_TYPE },       { "'op':-1", ERR_TYPE },
		{ "'op':1.5", ERR_TYPE },       { "'to':5", ERR_TYPE },
		{ "'to':''", ERR_RANGE },       { "'ty':4294967296", ERR_RANGE },
		{ "'ty':null", ERR_TYPE },      { "'rcn':101", ERR_RANGE },
		{ "'rcn':255", ERR_RANGE },     { "'drt':3", ERR_RANGE },
		{ "'drt':0", ERR_RANGE },       { "'rt':3", ERR_TYPE },
		{ "'rt':{'rtv':6}", ERR_RANGE },{ "'rt':{'rtv':'3'}", ERR_TYPE },
		{ "'ot':5", ERR_TYPE },         { "'ot':'yesterday'", ERR_SYNTAX },
		{ "'ot':'20240230T000000'", ERR_RANGE },
		{ "'rqet':-5", ERR_TYPE },      { "'rqet':''", ERR_SYNTAX },
		{ "'rqet':18446744073709551615", ERR_RANGE },
		{ "'rqet':'18446744073709551615'", ERR_RANGE },
		{ "'rqet':'-5'", ERR_SYNTAX },  { "'rqet':' 5'", ERR_SYNTAX },
		{ "'oet':'5s'", ERR_SYNTAX },   { "'rset':'18446744073709551616'", ERR_SYNTAX },
		{ "'rp':'1.5'", ERR_SYNTAX },   { "'ot':'5'", ERR_TYPE },
		{ "'rids':'a'", ERR_TYPE },     { "'rids':[1]", ERR_TYPE },
		{ "'fc':[]", ERR_TYPE },        { "'da':1", ERR_TYPE },
		{ "'gid':1", ERR_TYPE },        { "'xyz':1", ERR_UNSUPPORTED },
		{ "'rsc':2000", ERR_UNSUPPORTED },
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct request_primitive r;
		char json[256];
		struct buf b = buf_make(sizeof(json));

		assert_int_equal(buf_printf(&b, "{%s,'zz':1,'rqi':'r1','fr':'Cdev1','rvi':'3'}", bad[i].member), ERR_OK);
		assert_int_equal(bytes_put_str(json, sizeof(json), bytes_of_buf(&b)), ERR_OK);
		buf_free(&b);
		if (read_request(json, &r) == ERR_OK)
			fail_msg("accepted: %s", bad[i].member);
		assert_true(bytes_equal(r.rqi, BYTES("r1")));
		assert_true(bytes_equal(r.from, BYTES("Cdev1")));
		assert_true(bytes_equal(r.rvi, BYTES("3")));
		/* alone, with its own error */
		b = buf_make(sizeof(json));
		assert_int_equal(buf_printf(&b, "{%s}", bad[i].member), ERR_OK);
		assert_int_equal(bytes_put_str(json, sizeof(json), bytes_of_buf(&b)), ERR_OK);
		buf_free(&b);
		if (read_request(json, &r) != bad[i].err)
			fail_msg("%s: other error", bad[i].member);
	}
}

/* A captured gate may send anything. */
static void test_request_not_canonical(void **state)
{
	struct request_primitive r;

	assert_int_equal(request_read(BYTES(""), 0, &r), ERR_SYNTAX);
	assert_int_equal(request_read(BYTES("\x80"), 0, &r), ERR_TYPE);
	assert_int_equal(request_read(BYTES("\xa2\x62op\x01\x62" "fr\x61" "a"), 0, &r), ERR_SYNTAX);
	assert_int_equal(request_read(BYTES("\xa1\x62op\x18\x01"), 0, &r), ERR_SYNTAX);
	assert_int_equal(request_read(BYTES("\xa1\x62to\x61\xff"), 0, &r), ERR_SYNTAX);
	/* still named, where it can be seen */
	assert_int_equal(request_read(BYTES("\xa2\x62op\x18\x01\x63rqi\x61x"), 0, &r), ERR_SYNTAX);
	assert_int_equal(request_read(BYTES("\xa3\x62op\x01\x63rqi\x61x\x62to\x61y"), 0, &r), ERR_SYNTAX);
	assert_true(bytes_equal(r.rqi, BYTES("x")));
	assert_int_equal(request_read(BYTES("\xa1\x63rqi\x61\xff"), 0, &r), ERR_SYNTAX);
	assert_int_equal(r.rqi.n, 0);
}

static void test_response(void **state)
{
	struct response_primitive r = { .status = RSC_CREATED, .rqi = BYTES("r1"), .to = BYTES("Cdev1"),
		.from = BYTES("/in-cse"), .rvi = BYTES("3"), .vendor = BYTES("v 1"), .content = BYTES("\xa1\x61" "a\x01"),
		.originated = 1704067200000, .result_expires = 1704067260000, .content_status = 1, .content_offset = 100 }, back;
	struct response_primitive least = { .status = RSC_OK };
	struct buf out = buf_make(1024), small = buf_make(8);

	assert_int_equal(response_write(&r, &out), ERR_OK);
	assert_int_equal(cbor_check(bytes_of_buf(&out), &codec_default_limits), ERR_OK);
	assert_int_equal(response_read(bytes_of_buf(&out), &back), ERR_OK);
	assert_int_equal(back.status, RSC_CREATED);
	assert_true(bytes_equal(back.rqi, r.rqi) && bytes_equal(back.to, r.to) &&
	            bytes_equal(back.from, r.from) && bytes_equal(back.rvi, r.rvi) &&
	            bytes_equal(back.content, r.content) && bytes_equal(back.vendor, r.vendor));
	assert_true(back.originated == r.originated && back.result_expires == r.result_expires);
	assert_true(back.content_status == 1 && back.content_offset == 100);
	buf_clear(&out);
	assert_int_equal(response_write(&least, &out), ERR_OK);
	assert_int_equal(cbor_check(bytes_of_buf(&out), &codec_default_limits), ERR_OK);
	assert_int_equal(response_read(bytes_of_buf(&out), &back), ERR_OK);
	assert_true(back.status == RSC_OK && back.content.n == 0);
	assert_int_equal(response_write(&r, &small), ERR_LIMIT);
	assert_int_equal(small.n, 0);
	buf_free(&out);
	buf_free(&small);
}

static void test_response_refuses(void **state)
{
	struct response_primitive r;

	assert_int_equal(response_read(cbor("{'rqi':'a'}"), &r), ERR_MISSING);
	assert_int_equal(response_read(cbor("{'rsc':'2000'}"), &r), ERR_TYPE);
	assert_int_equal(response_read(cbor("{'rsc':65536}"), &r), ERR_RANGE);
	assert_int_equal(response_read(cbor("{'rsc':2000,'op':1}"), &r), ERR_UNSUPPORTED);
	assert_int_equal(response_read(cbor("{'rsc':2000,'xx':1}"), &r), ERR_UNSUPPORTED);
	assert_int_equal(response_read(cbor("[]"), &r), ERR_TYPE);
	assert_int_equal(response_read(BYTES(""), &r), ERR_SYNTAX);
}

static err_t read_filter(const char *json, struct filter_criteria *f)
{
	static struct request_primitive r;
	struct buf whole = buf_make(8192);
	char text[2048];
	err_t err;

	assert_int_equal(buf_printf(&whole, "{'fc':%s}", json), ERR_OK);
	assert_int_equal(bytes_put_str(text, sizeof(text), bytes_of_buf(&whole)), ERR_OK);
	buf_free(&whole);
	assert_int_equal(read_request(text, &r), ERR_OK);
	err = filter_read(&r, f);
	return err;
}

static void test_filter(void **state)
{
	struct filter_criteria f;

	assert_int_equal(read_filter("{}", &f), ERR_OK);
	assert_true(f.usage == 2 && f.operation == 1 && !f.has_limit);
	assert_int_equal(read_filter("{'fu':1,'fo':2,'ty':[3,4],'lbl':['a','b'],'crb':'20240101T000000',"
	                             "'cra':'20230101T000000','ms':'20230101T000000','us':'20240101T000000',"
	                             "'exb':'20240101T000000','exa':'20230101T000000','sza':1,'szb':9,"
	                             "'stb':2,'sts':8,'lim':5,'lvl':2,'ofst':1,'arp':'x/y',"
	                             "'atr':[{'nm':'cr','val':'Cdev1'},{'nm':'mni','val':5}]}", &f), ERR_OK);
	assert_true(f.usage == 1 && f.operation == 2);
	assert_true(f.self.types_n == 2 && f.self.types[1] == 4);
	assert_true(f.self.labels_n == 2 && bytes_equal(f.self.labels[1], BYTES("b")));
	assert_true(f.created_before == 1704067200000 && f.created_after < f.created_before);
	assert_true(f.modified_since == 1672531200000 && f.unmodified_since == 1704067200000);
	assert_true(f.expire_before == 1704067200000 && f.expire_after == 1672531200000);
	assert_true(f.has_size_above && f.size_above == 1 && f.has_size_below && f.size_below == 9);
	assert_true(f.has_state_above && f.state_above == 2 && f.has_state_below && f.state_below == 8);
	assert_true(f.has_limit && f.limit == 5 && f.has_level && f.level == 2 && f.has_offset && f.offset == 1);
	assert_true(bytes_equal(f.arp, BYTES("x/y")));
	assert_true(f.self.attributes_n == 2 && bytes_equal(f.self.attribute_names[0], BYTES("cr")) &&
	            bytes_equal(f.self.attributes[0].s, BYTES("Cdev1")) && f.self.attributes[1].u == 5);
	/* one value where a list may stand */
	assert_int_equal(read_filter("{'ty':3,'lbl':'a'}", &f), ERR_OK);
	assert_true(f.self.types_n == 1 && f.self.types[0] == 3 && f.self.labels_n == 1);
}

static void test_filter_refuses(void **state)
{
	static const struct {
		const char *json;
		err_t err;
	} bad[] = {
		{ "{'fu':0}", ERR_RANGE },       { "{'fu':4}", ERR_RANGE },
		{ "{'fu':3}", ERR_UNSUPPORTED }, { "{'fu':'1'}", ERR_TYPE },
		{ "{'fo':4}", ERR_RANGE }, { "{'fo':0}", ERR_RANGE },
		{ "{'ty':['3']}", ERR_TYPE },    { "{'ty':4294967296}", ERR_RANGE },
		{ "{'lbl':[1]}", ERR_TYPE },     { "{'crb':1}", ERR_TYPE },
		{ "{'crb':'x'}", ERR_SYNTAX },   { "{'lim':'5'}", ERR_TYPE },
		{ "{'lim':-1}", ERR_TYPE },      { "{'lbq':1}", ERR_TYPE },
		{ "{'cfs':2,'cfq':'x'}", ERR_RANGE }, { "{'cfs':1}", ERR_SYNTAX },
		{ "{'cfq':'x'}", ERR_SYNTAX }, { "{'cfs':1,'cfq':''}", ERR_SYNTAX },
		{ "{'cfs':1,'cfq':1}", ERR_TYPE }, { "{'ops':0}", ERR_RANGE },
		{ "{'ops':64}", ERR_RANGE }, { "{'ops':[]}", ERR_SYNTAX },
		{ "{'gmty':1}", ERR_SYNTAX }, { "{'gmty':1,'gsf':1}", ERR_SYNTAX },
		{ "{'gmty':7,'gsf':1,'geom':'x'}", ERR_RANGE }, { "{'gsf':4}", ERR_RANGE },
		{ "{'gmty':1,'gsf':1,'geom':''}", ERR_SYNTAX }, { "{'geom':[1]}", ERR_TYPE },
		{ "{'gq':{'gmty':1,'gsf':1}}", ERR_SYNTAX }, { "{'gq':1}", ERR_TYPE },
		{ "{'catr':[{'nm':'a'}]}", ERR_SYNTAX }, { "{'chty':['3']}", ERR_TYPE },
		{ "{'clbl':[1]}", ERR_TYPE }, { "{'pty':-1}", ERR_TYPE },
		{ "{'smf':['a']}", ERR_UNSUPPORTED }, { "{'unknown':1}", ERR_SYNTAX },
		{ "{'arp':''}", ERR_SYNTAX },    { "{'arp':'x/..'}", ERR_SYNTAX },
		{ "{'arp':'a//b'}", ERR_SYNTAX },{ "{'arp':1}", ERR_TYPE },
		{ "{'atr':[{'nm':'a'}]}", ERR_SYNTAX },
		{ "{'atr':[{'nm':'cs','val':1}]}", ERR_SYNTAX }, { "{'patr':[{'nm':'lbl','val':'a'}]}", ERR_SYNTAX },
		{ "{'atr':[{'nm':'a','val':1,'x':2}]}", ERR_SYNTAX },
		{ "{'atr':[{'nm':1,'val':1}]}", ERR_TYPE },
		{ "{'atr':[{'nm':'a','val':{}}]}", ERR_TYPE },
		{ "{'atr':['a']}", ERR_TYPE },
		{ "{'ty':[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", ERR_LIMIT },
	};
	struct filter_criteria f;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		if (read_filter(bad[i].json, &f) != bad[i].err)
			fail_msg("%s: other error", bad[i].json);
	}
}

static void test_id_forms(void **state)
{
	static const struct {
		const char *id;
		enum id_form form;
	} ids[] = {
		{ "Cdev1", ID_AE_STEM },          { "Sapp", ID_AE_STEM },
		{ "S", ID_ASSIGN },               { "C", ID_ASSIGN },
		{ "/Sapp", ID_SP_S_AE },          { "/cse/Cdev1", ID_SP_C_AE },
		{ "//sp.example/Sapp", ID_ABS_AE },
		{ "//sp.example/cse/Cdev-1.a_b", ID_ABS_AE },
		{ "/in-cse", ID_SP_CSE },         { "//sp.example/in-cse", ID_ABS_CSE },
		{ "", ID_INVALID },               { "dev1", ID_INVALID },
		{ "cdev", ID_INVALID },           { "C/x", ID_INVALID },
		{ "Cdev 1", ID_INVALID },         { "Cdev*", ID_INVALID },
		{ "Cdev%31", ID_INVALID },        { "/", ID_INVALID },
		{ "//", ID_INVALID },             { "//sp.example", ID_INVALID },
		{ "//sp.example/", ID_INVALID },  { "//SP.example/Sapp", ID_INVALID },
		{ "//sp..example/Sapp", ID_INVALID }, { "//-sp/Sapp", ID_INVALID },
		{ "//sp.example./Sapp", ID_INVALID },
		{ "///Sapp", ID_INVALID },        { "/cse/dev1", ID_INVALID },
		{ "/cse/Cdev1/x", ID_INVALID },   { "/cse/", ID_INVALID },
		{ "/cse/C", ID_INVALID },         { "/cse/Sapp", ID_INVALID },
		{ "/../Cdev1", ID_INVALID },      { "/-cse", ID_INVALID },
		{ "//sp.example/cse/Cdev1/y", ID_INVALID },
	};

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		if (id_form(bytes_str(ids[i].id)) != ids[i].form)
			fail_msg("%s: other form", ids[i].id);
	}
	assert_int_equal(id_form(BYTES("C\0x")), ID_INVALID);
}

static void test_id_absolute(void **state)
{
	static const struct {
		const char *id, *absolute; /* NULL: refused */
	} ids[] = {
		{ "Cdev1", "//sp.example/in-cse/Cdev1" },
		{ "Sapp", "//sp.example/Sapp" },
		{ "/Sapp", "//sp.example/Sapp" },
		{ "/mn/Cdev1", "//sp.example/mn/Cdev1" },
		{ "/mn", "//sp.example/mn" },
		{ "//other.example/mn", "//other.example/mn" },
		{ "C", NULL }, { "", NULL }, { "x", NULL }, { "/a/b", NULL },
	};

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct buf out = buf_make(256);
		err_t err = id_absolute(bytes_str(ids[i].id), BYTES("//sp.example"), BYTES("/in-cse"), &out);

		assert_int_equal(err, ids[i].absolute ? ERR_OK : ERR_SYNTAX);
		assert_true(bytes_equal(bytes_of_buf(&out), bytes_str(ids[i].absolute)));
		buf_free(&out);
	}
}

static void test_id_behind_sp(void **state)
{
	static const struct {
		const char *id, *rest;
	} ids[] = {
		{ "//sp.example/mn/Cdev1", "/mn/Cdev1" }, { "//sp.example/Sapp", "/Sapp" },
		{ "//sp.example/", "/" },
		/* another provider whose name begins so, ends so, or is so */
		{ "//sp.example2/mn/Cdev1", "" }, { "//sp.example.evil/mn", "" }, { "//sp.exampl/e/mn", "" },
		{ "//x.sp.example/mn", "" }, { "//sp.example", "" }, { "/mn/Cdev1", "" }, { "", "" },
	};

	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct bytes rest = id_behind_sp(bytes_str(ids[i].id), BYTES("//sp.example"));

		if (!bytes_equal(rest, bytes_str(ids[i].rest)))
			fail_msg("%s: other rest", ids[i].id);
	}
}

static void test_id_matches(void **state)
{
	static const struct {
		const char *id, *pattern;
		bool yes;
	} cases[] = {
		{ "//sp.a/in/Cdev1", "//sp.a/in/Cdev1", true },
		{ "//sp.a/in/Cdev1", "//sp.a/in/Cdev2", false },
		{ "//sp.a/in/Cdev1", "//sp.a/in/*", true },
		{ "//sp.a/in/Cdev1", "//sp.a/in/C*1", true },
		{ "//sp.a/in/Cdev1", "//sp.a/in/C*2", false },
		{ "//sp.a/in/Cdev1", "//sp.a/in/C*d*v*", true },
		{ "//sp.a/in/Cdev1", "//sp.a/*/Cdev1", true },
		{ "//sp.a/in/Cdev1", "//sp.a/*", false },      /* '*' ends at '/' */
		{ "//sp.a/in/Cdev1", "//sp.a*", false },
		{ "//sp.a/Sapp", "//sp.a/*", true },
		{ "//sp.a/Sapp", "//sp.a/*/*", false },
		{ "//sp.a/Sapp", "//*/Sapp", false },          /* not in the domain */
		{ "//sp.a/Sapp", "//sp.*/Sapp", false },
		{ "//sp.a/Sapp", "*", false },
		{ "//sp.a/Sapp", "", false },
		{ "//sp.a/Sapp", "//sp.a/sapp", false },
		{ "//sp.a/Saaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "//sp.a/*a*a*a*a*a*a*a*a*c", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (id_matches(bytes_str(cases[i].id), bytes_str(cases[i].pattern)) != cases[i].yes)
			fail_msg("%s against %s", cases[i].id, cases[i].pattern);
	}
}

static void test_names(void **state)
{
	assert_true(id_is_resource_name(BYTES("a")));
	assert_true(id_is_resource_name(BYTES("9-._x")));
	assert_false(id_is_resource_name(BYTES("")));
	assert_false(id_is_resource_name(BYTES("-a")));
	assert_false(id_is_resource_name(BYTES("..")));
	assert_false(id_is_resource_name(BYTES("a/b")));
	assert_false(id_is_resource_name(BYTES("a b")));
	assert_false(id_is_resource_name(BYTES("a'--")));
	assert_false(id_is_resource_name(BYTES("\xc3\xbc")));
	assert_true(id_is_sp(BYTES("//sp.example.org")));
	assert_false(id_is_sp(BYTES("//sp.example.org/")));
	assert_false(id_is_sp(BYTES("/sp.example.org")));
	assert_false(id_is_sp(BYTES("//Sp")));
	assert_true(id_is_sp_relative_cse(BYTES("/in-cse")));
	assert_false(id_is_sp_relative_cse(BYTES("//in-cse")));
	assert_false(id_is_sp_relative_cse(BYTES("/in/cse")));
	assert_false(id_is_sp_relative_cse(BYTES("in-cse")));
}

static int unload(void **state)
{
	buf_free(&octets);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_request_defaults), cmocka_unit_test(test_request_relative_times),
		cmocka_unit_test(test_request_refuses),
		cmocka_unit_test(test_request_not_canonical),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_response_refuses),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_filter_refuses),
		cmocka_unit_test(test_id_forms),
		cmocka_unit_test(test_id_absolute),
		cmocka_unit_test(test_id_behind_sp),
		cmocka_unit_test(test_id_matches),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("primitive", tests, NULL, unload);
}
