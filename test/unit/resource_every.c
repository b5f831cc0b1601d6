/* resource_every: every type with every attribute of its rows, created, retrieved,
 * updated and refused, from the rows alone. What a type wants beyond its rows is
 * told in two small tables. */
#include "resource_room.h"
#include "samples.h"

#include "base/file.h"

#include <stdio.h>

/* Values that the rows alone do not tell; NULL: left out. */
static const struct { const char *type, *attribute, *json; } special[] = {
	{ "*", "aa", "[\"lbl\"]" },
	{ "*", "acpi", "[\"cse-in/p\"]" }, { "*", "macp", "[\"cse-in/p\"]" }, { "*", "nl", NULL },
	{ "*", "at", "[\"/mn\",\"/mn2/cse/a\"]" }, { "*", "rn", NULL }, { "ae", "api", "\"Napp.example\"" }, { "ae", "srv", "[\"3\"]" },
	{ "grp", "mt", "0" }, { "grp", "spty", NULL }, { "sch", "nco", NULL }, { "grp", "mnm", "5" }, { "grp", "mid", "[\"cse-in/p\"]" },
	{ "cnt", "mni", "5" }, { "cnt", "mbs", "500" },
	{ "ts", "mni", "5" }, { "ts", "mbs", "500" }, { "ts", "pei", "1000" }, { "ts", "peid", "100" },
	{ "cnt", "disr", "false" }, { "*", "fcied", NULL }, { "*", "mni", NULL }, { "*", "mbs", NULL }, { "*", "mia", NULL },
	{ "evcg", "evs", NULL }, { "evcg", "eve", NULL }, { "evcg", "ds", NULL }, { "evcg", "eris", NULL }, { "asar", "aai", "[\"N*\"]" }, { "ts", "mdd", "false" }, { "smd", "soe", NULL }, { "smd", "dcrp", "4" },
	{ "smd", "vlde", "false" }, { "lcp", "lon", "\"places\"" }, { "stcl", "srs", "2" }, { "actr", "evm", "0" }, { "mgc", "exra", "{\"rst\":[{}]}" }, { "lcp", "los", "3" },
	{ "dlv", "sr", "\"/mn\"" }, { "dlv", "tg", "\"/mn2\"" }, { "dlv", "arq", NULL },
};
/* Types whose hooks want more than rows: they have tests of their own. */
static const char *const others[] = { "cb", "ae", "sub", "actr", "depr", "trac", "csr", "req", "pch", "crs", "ntpr", "ntp", "pdr", "tgr",
	                              "tram", "maf", "mef", "macr", "mecr", "mkr", "mcc" };

static bool is_other(const struct resource_type *t)
{
	/* An announced variant is its rows and no more. */
	for (size_t i = 0; t->number < 10000 && i < COUNT_OF(others); i++) {
		if (bytes_equal(bytes_str(t->short_name), bytes_str(others[i])))
			return true;
	}
	return false;
}

static bool put_value(const struct resource_type *t, const struct attribute *a, struct buf *json)
{
	struct buf cbor = buf_make(1 << 16);
	bool put = true;

	buf_clear(json);
	if (t->selector && bytes_equal(bytes_str(t->selector), bytes_str(a->short_name))) {
		if (t->definition)
			assert_int_equal(buf_printf(json, "\"%s\"", t->definition), ERR_OK);
		else
			assert_int_equal(buf_printf(json, "%u", t->management), ERR_OK);
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(special); i++) {
		bool mine = bytes_equal(bytes_str(special[i].type), bytes_str(t->short_name)) ||
			    bytes_equal(bytes_str(special[i].type), BYTES("*"));

		if (!mine || !bytes_equal(bytes_str(special[i].attribute), bytes_str(a->short_name)))
			continue;
		if (special[i].json)
			assert_int_equal(buf_add(json, bytes_str(special[i].json)), ERR_OK);
		return special[i].json != NULL;
	}
	if (a->flags & F_ACTION) {
		assert_int_equal(buf_add(json, BYTES("false")), ERR_OK);
		return true;
	}
	sample_put(a, &cbor);
	assert_int_equal(cbor_to_json(bytes_of_buf(&cbor), json), ERR_OK);
	buf_free(&cbor);
	return put;
}

static bool is_given(const struct attribute *a, enum option option)
{
	return option != NP && !(a->flags & (F_NOT_BUILT | F_SERVER));
}

/* All attributes but `without`, as m2m:x with the name. */
static void write_content(const struct resource_type *t, const char *name, const char *without,
                          struct buf *out)
{
	struct buf value = buf_make(1 << 16);

	assert_int_equal(buf_add(out, BYTES("{\"")), ERR_OK);
	assert_int_equal(type_member(t, out), ERR_OK);
	assert_int_equal(buf_printf(out, "\":{\"rn\":\"%s\"", name), ERR_OK);
	for (size_t i = 0; i < t->attributes_n; i++) {
		const struct attribute *a = &t->attributes[i];

		if (!is_given(a, a->create) || bytes_equal(bytes_str(a->short_name), bytes_str(without)) ||
		    !put_value(t, a, &value))
			continue;
		assert_int_equal(buf_printf(out, ",\"%s\":", a->short_name), ERR_OK);
		assert_int_equal(buf_add(out, bytes_of_buf(&value)), ERR_OK);
	}
	assert_int_equal(buf_add(out, BYTES("}}")), ERR_OK);
	buf_free(&value);
}

static unsigned create(struct room *m, const struct resource_type *t, const char *parent,
                       const char *name, const char *without)
{
	struct buf json = buf_make(1 << 20);
	unsigned status;

	assert_int_equal(buf_printf(&json, "{'op':1,'to':'%s','fr':'Ctest','rqi':'1','rvi':'4','ty':%u,'pc':",
	                            parent, t->number), ERR_OK);
	write_content(t, name, without, &json);
	assert_int_equal(buf_add(&json, bytes_make("}", 2)), ERR_OK);
	status = room_do(m, (const char *)json.p);
	if (status != 2001 && !without[0])
		fail_msg("%u %s %s: %s", status, m->out.what, m->out.detail, (const char *)json.p);
	buf_free(&json);
	return status;
}

/* A place for it: below the CSEBase where it may stand there. */
static void make_parent(struct room *m, const struct resource_type *t, char path[256])
{
	const struct resource_type *above;
	char upper[256];

	if (type_allows_parent(t, 5)) {
		must(bytes_put_str(path, 256, BYTES("cse-in")) == ERR_OK);
		return;
	}
	above = resource_type(t->parents[0]);
	must(above != NULL);
	if (above->selector && !above->base)
		above = resource_type_named(BYTES("cod:binSh"));
	make_parent(m, above, upper);
	if (create(m, above, upper, above->short_name, "") != 2001)
		fail();
	snprintf(path, 256, "%.200s/%.40s", upper, above->short_name);
}

static unsigned update(struct room *m, const struct resource_type *t, const char *path,
                       const char *attribute, const char *value)
{
	struct buf json = buf_make(1 << 20);
	unsigned status;

	assert_int_equal(buf_printf(&json, "{'op':3,'to':'%s/x','fr':'Ctest','rqi':'1','rvi':'4','pc':{\"", path), ERR_OK);
	assert_int_equal(type_member(t, &json), ERR_OK);
	assert_int_equal(buf_printf(&json, "\":{\"%s\":%s}}}", attribute, value), ERR_OK);
	assert_int_equal(buf_add_byte(&json, 0), ERR_OK);
	status = room_do(m, (const char *)json.p);
	buf_free(&json);
	return status;
}

static void check_update(struct room *m, const struct resource_type *t, const char *path,
                         const struct attribute *a)
{
	struct buf value = buf_make(1 << 16);
	bool may = is_given(a, a->update) && !(a->flags & F_ONCE), put;
	unsigned status;

	put = put_value(t, a, &value);
	if (put && !(a->flags & F_NOT_BUILT)) {
		assert_int_equal(buf_add_byte(&value, 0), ERR_OK);
		status = update(m, t, path, a->short_name, (const char *)value.p);
		if (status != (may ? 2004u : 4000u))
			fail_msg("%s %s: %u (%s)", t->name, a->short_name, status, m->out.what);
	}
	buf_free(&value);
}

static void check_shown(struct room *m, const struct resource_type *t, const char *path)
{
	struct buf value = buf_make(1 << 16), want = buf_make(1 << 16);
	char request[512];

	snprintf(request, sizeof(request), "{'op':2,'to':'%s/x','fr':'Ctest','rqi':'1','rvi':'4'}", path);
	assert_int_equal(room_do(m, request), 2000);
	room_json(m);
	for (size_t i = 0; i < t->attributes_n; i++) {
		const struct attribute *a = &t->attributes[i];
		bool shown;

		if (!is_given(a, a->create) || a->flags & F_COLUMN || !put_value(t, a, &value))
			continue;
		buf_clear(&want);
		assert_int_equal(buf_printf(&want, "\"%s\":", a->short_name), ERR_OK);
		if (!(a->flags & F_SECRET))
			assert_int_equal(buf_add(&want, bytes_of_buf(&value)), ERR_OK);
		assert_int_equal(buf_add_byte(&want, 0), ERR_OK);
		shown = strstr((const char *)m->json.p, (const char *)want.p) != NULL;
		if (shown == ((a->flags & F_SECRET) != 0))
			fail_msg("%s: %s in %s", t->name, (const char *)want.p, (const char *)m->json.p);
	}
	buf_free(&value);
	buf_free(&want);
}

static void check_type(struct room *m, const struct resource_type *t)
{
	char path[256];

	make_parent(m, t, path);
	for (size_t i = 0; i < t->attributes_n; i++) {
		const struct attribute *a = &t->attributes[i];

		if (a->create == MAN && !(a->flags & F_LATER) &&
		    create(m, t, path, "without", a->short_name) / 1000 != 4)
			fail_msg("%s without %s", t->name, a->short_name);
	}
	assert_int_equal(create(m, t, path, "x", ""), 2001);
	check_shown(m, t, path);
	for (size_t i = 0; i < t->attributes_n && !(t->not_allowed & RIGHT_UPDATE); i++)
		check_update(m, t, path, &t->attributes[i]);
	if (!(t->not_allowed & RIGHT_UPDATE))
		assert_int_equal(update(m, t, path, "notAnAttribute", "1"), 4000);
	else
		assert_int_equal(update(m, t, path, "lbl", "[]"), 4005);
}

static void load_definitions(void)
{
	static const char *const files[] = { "interworking", "modules", "devices", "home" };

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		struct buf text = buf_make(1 << 20), path = buf_make(512);
		size_t line;

		assert_int_equal(buf_printf(&path, "%s/src/schema/definitions/%s.rows", SOURCE_DIR, files[i]), ERR_OK);
		assert_int_equal(buf_add_byte(&path, 0), ERR_OK);
		assert_int_equal(file_read((const char *)path.p, 1 << 20, &text), ERR_OK);
		assert_int_equal(schema_load(bytes_of_buf(&text), &line), ERR_OK);
		buf_free(&text);
		buf_free(&path);
	}
}

static void test_every_type(void **state)
{
	const struct resource_type *const *types;
	struct room m;
	size_t n, tried = 0;

	load_definitions();
	n = schema_types(&types);
	for (size_t i = 0; i < n; i++) {
		const struct resource_type *t = types[i];

		if (is_other(t) || t->not_built || t->not_allowed & RIGHT_CREATE ||
		    (t->selector && !t->definition && !t->management))
			continue;
		room_open(&m);
		expect(&m, CREATE("cse-in", 1, "{'m2m:acp':{'rn':'p','pv':{},'pvs':{'acr':[{'acor':['all'],"
		                               "'acop':63}]}}}"), 2001);
		check_type(&m, t);
		room_close(&m);
		tried++;
	}
	assert_true(tried > 170);
}

/* What is not built says so, and is not in supportedResourceType. */
static void test_not_built(void **state)
{
	const struct resource_type *const *types;
	size_t n = resource_types(&types), met = 0;
	char request[256], number[16];
	struct room m;

	room_open(&m);
	for (size_t i = 0; i < n; i++) {
		if (!types[i]->not_built)
			continue;
		snprintf(request, sizeof(request), "{'op':1,'to':'cse-in','fr':'Ctest','rqi':'1','rvi':'4','ty':%u,"
		         "'pc':{'m2m:%s':{}}}", types[i]->number, types[i]->short_name);
		expect(&m, request, 5001);
		expect(&m, RETRIEVE("cse-in"), 2000);
		snprintf(number, sizeof(number), ",%u,", types[i]->number);
		hides(&m, number);
		met++;
	}
	assert_true(met > 0);
	room_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_type), cmocka_unit_test(test_not_built) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
