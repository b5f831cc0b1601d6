/* resource_types: the rows against the standard's tables, and what is particular
 * to AE, accessControlPolicy and group. */
#include "resource_room.h"

#include "base/file.h"

#include <stdio.h>

/* The numbers that have a name are those of their rows. */
static void test_numbers(void **state)
{
	static const struct { uint32_t number; const char *name; } named[] = {
		{ TYPE_ACP, "accessControlPolicy" }, { TYPE_AE, "AE" }, { TYPE_CONTENT_INSTANCE, "contentInstance" },
		{ TYPE_CSE_BASE, "CSEBase" }, { TYPE_GROUP, "group" },
		{ TYPE_SERVICE_PROFILE, "m2mServiceSubscriptionProfile" }, { TYPE_NODE, "node" },
		{ TYPE_POLLING_CHANNEL, "pollingChannel" }, { TYPE_REMOTE_CSE, "remoteCSE" },
		{ TYPE_REQUEST, "request" }, { TYPE_SCHEDULE, "schedule" }, { TYPE_APP_RULE, "serviceSubscribedAppRule" },
		{ TYPE_SUBSCRIBED_NODE, "serviceSubscribedNode" }, { TYPE_TIME_SERIES, "timeSeries" },
		{ TYPE_ROLE, "role" }, { TYPE_TRANSACTION_MGMT, "transactionMgmt" },
		{ TYPE_MEF_CLIENT, "mefClientReg" }, { TYPE_KEY, "symmKeyReg" }, { TYPE_MEF_COMMAND, "mefClientCmd" },
		{ TYPE_CLIENT_CFG, "clientCfg" }, { TYPE_AE_ANNOUNCED, "AEAnnc" }, { TYPE_CSE_BASE_ANNOUNCED, "CSEBaseAnnc" },
	};

	for (size_t i = 0; i < COUNT_OF(named); i++) {
		const struct resource_type *type = resource_type(named[i].number);

		assert_non_null(type);
		assert_string_equal(type->name, named[i].name);
	}
}

/* --- rows against resource_attributes.tsv ------------------------------------------ */

static void read_vector(const char *name, struct buf *out)
{
	struct buf path = buf_make(512);
	char part[4096];
	FILE *f;
	size_t n;

	assert_int_equal(buf_printf(&path, "%s/test/vectors/onem2m/%s", SOURCE_DIR, name), ERR_OK);
	assert_int_equal(buf_add_byte(&path, 0), ERR_OK);
	f = fopen((const char *)path.p, "r");
	assert_non_null(f);
	buf_free(&path);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		assert_int_equal(buf_add(out, bytes_make(part, n)), ERR_OK);
	fclose(f);
}

struct line {
	struct bytes resource, name, short_name, create, update, type;
};

static bool next_line(struct bytes *text, struct line *out)
{
	struct bytes line;

	if (text->n == 0)
		return false;
	line = bytes_cut(text, '\n');
	out->resource = bytes_cut(&line, '\t');
	out->name = bytes_cut(&line, '\t');
	out->short_name = bytes_cut(&line, '\t');
	out->create = bytes_cut(&line, '\t');
	out->update = bytes_cut(&line, '\t');
	out->type = bytes_cut(&line, '\t');
	return true;
}

/* An empty cell and "-" both say: not in a request. */
static enum option option_of(struct bytes cell)
{
	if (bytes_equal(cell, BYTES("M")))
		return MAN;
	return bytes_equal(cell, BYTES("O")) ? OPT : NP;
}

static bool kind_fits(enum value_kind kind, struct bytes type)
{
	static const struct {
		const char *type;
		enum value_kind kinds[3];
	} rows[] = {
		{ "xs:boolean", { V_BOOL, V_BOOL, V_BOOL } },
		{ "xs:string", { V_STRING, V_STRING, V_STRING } },
		{ "xs:anyURI", { V_URI, V_URI, V_URI } },
		{ "xs:nonNegativeInteger", { V_UINT, V_UINT, V_UINT } },
		{ "xs:unsignedInt", { V_UINT, V_UINT, V_UINT } },
		{ "xs:positiveInteger", { V_POSITIVE, V_POSITIVE, V_POSITIVE } },
		{ "m2m:setOfAcrs", { V_ACRS, V_ACRS, V_ACRS } },
		{ "m2m:listOfURIs", { V_LIST_URI, V_LIST_URI, V_LIST_URI } },
		{ "list of xs:anyURI", { V_LIST_URI, V_LIST_URI, V_LIST_URI } },
		{ "m2m:acpType", { V_LIST_URI, V_LIST_URI, V_LIST_URI } },
		{ "m2m:contentInfo", { V_CONTENT_INFO, V_CONTENT_INFO, V_CONTENT_INFO } },
		{ "m2m:ID", { V_ID, V_URI, V_ID } }, /* of an entity; of a resource */
		{ "m2m:cseTypeID", { V_ENUM, V_ENUM, V_ENUM } },
		{ "m2m:consistencyStrategy", { V_ENUM, V_ENUM, V_ENUM } },
		{ "m2m:memberType", { V_UINT, V_UINT, V_UINT } },
		{ "m2m:poaList", { V_LIST_TEXT_OF, V_LIST_STRING, V_LIST_TEXT_OF } }, /* of requests; our own */
		{ "m2m:supportedReleaseVersions", { V_LIST_TEXT_OF, V_LIST_STRING, V_LIST_TEXT_OF } },
		{ "m2m:eventCat", { V_NUMBER_OF, V_NUMBER_OF, V_NUMBER_OF } },
		{ "m2m:resourceType", { V_NUMBER_OF, V_NUMBER_OF, V_NUMBER_OF } },
		{ "m2m:listOfMinMax", { V_MIN_MAX, V_MIN_MAX, V_MIN_MAX } },
		{ "m2m:dynAuthJWT", { V_TEXT_OF, V_TEXT_OF, V_TEXT_OF } },
		{ "m2m:serializations", { V_SERIALIZATIONS, V_SERIALIZATIONS, V_SERIALIZATIONS } },
		{ "xs:anyType", { V_ANY, V_ANY, V_ANY } },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (bytes_equal(type, bytes_str(rows[i].type)))
			return kind == rows[i].kinds[0] || kind == rows[i].kinds[1] || kind == rows[i].kinds[2];
	}
	return true;
}

/* A difference that is listed, with its reason, is not one. */
static bool is_listed(struct bytes differences, const char *type, struct bytes attribute)
{
	struct bytes line;

	while (differences.n) {
		line = bytes_cut(&differences, '\n');
		if (bytes_equal(bytes_cut(&line, '\t'), bytes_str(type)) &&
		    bytes_equal(bytes_cut(&line, '\t'), attribute))
			return line.n > 10;
	}
	return false;
}

static size_t compare_type(const struct resource_type *t, struct bytes text, struct bytes differences)
{
	bool seen[ATTRIBUTES_MAX] = { false }, general;
	size_t found = 0;
	struct line line;

	while (next_line(&text, &line)) {
		const struct attribute *a;

		if (!bytes_equal(line.resource, bytes_str(t->name)))
			continue;
		found++;
		a = type_attribute(t, line.short_name);
		if (!a && is_listed(differences, t->short_name, line.name))
			continue;
		if (!a)
			fail_msg("%s has no %.*s %.*s", t->name, BYTES_FMT(line.name),
			         BYTES_FMT(line.short_name));
		seen[a - t->attributes] = true;
		if (is_listed(differences, t->short_name, bytes_str(a->short_name)))
			continue;
		if (!bytes_equal(line.name, bytes_str(a->long_name)))
			fail_msg("%s %s is %s, not %.*s", t->name, a->short_name, a->long_name,
			         BYTES_FMT(line.name));
		if (option_of(line.create) != a->create || option_of(line.update) != a->update)
			fail_msg("%s %s: other optionality", t->name, a->short_name);
		if (!kind_fits(a->kind, line.type))
			fail_msg("%s %s is no %.*s", t->name, a->short_name, BYTES_FMT(line.type));
	}
	for (size_t i = 0; i < t->attributes_n; i++) {
		struct bytes name = bytes_str(t->attributes[i].short_name);

		general = t->base && type_attribute(t->base, name);
		if (!seen[i] && !general && !is_listed(differences, t->short_name, name))
			fail_msg("%s %s is not in the standard's table", t->name,
			         t->attributes[i].short_name);
	}
	return found;
}

static void test_rows(void **state)
{
	const struct resource_type *const *types;
	struct buf text = buf_make(1 << 20), differences = buf_make(1 << 20);
	size_t n = schema_types(&types), compared = 0;

	read_vector("resource_attributes.tsv", &text);
	read_vector("resource_differences.tsv", &differences);
	for (size_t i = 0; i < n; i++) {
		if (types[i]->number > 10000 || types[i]->definition)
			continue;
		if (is_listed(bytes_of_buf(&differences), types[i]->short_name, BYTES("*")))
			continue;
		assert_true(compare_type(types[i], bytes_of_buf(&text), bytes_of_buf(&differences)) > 4);
		compared++;
	}
	assert_true(compared >= 60);
	buf_free(&text);
	buf_free(&differences);
}

static void test_rows_are_sound(void **state)
{
	const struct resource_type *const *types;
	size_t n = schema_types(&types);

	for (size_t i = 0; i < n; i++) {
		const struct resource_type *t = types[i];

		if (t->base == NULL)
			assert_ptr_equal(resource_type(t->number), t);
		assert_true(t->attributes_n <= ATTRIBUTES_MAX / 2);
		for (size_t k = 0; k < t->attributes_n; k++) {
			const struct attribute *a = &t->attributes[k];

			assert_ptr_equal(type_attribute(t, bytes_str(a->short_name)), a);
			assert_true(a->kind != V_ENUM || a->enum_max > 0);
			/* What we set, no request sets; cr is the one that may be asked for. */
			if (a->flags & F_SERVER && !bytes_equal(bytes_str(a->short_name), BYTES("cr")))
				assert_true(a->create == NP && a->update == NP);
		}
	}
	assert_null(resource_type(0));
	assert_null(resource_type_named(BYTES("m2m:xyz")));
	assert_null(resource_type_named(BYTES("cnt")));
	assert_null(resource_type_named(BYTES("")));
}

/* --- management objects ------------------------------------------------------------- */

static void test_management(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 14, "{'m2m:nod':{'rn':'n','ni':'urn:dev:1'}}"), 2001);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:bat':{'rn':'b','mgd':1006,'btl':80,'bts':1}}"), 2001);
	shows(m, "'m2m:bat':");
	shows(m, "'ty':13");
	expect(m, CREATE("cse-in/n", 13, "{'m2m:bat':{'mgd':1006,'btl':101,'bts':1}}"), 4000);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:bat':{'mgd':1003,'btl':80,'bts':1}}"), 4000);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:bat':{'btl':80,'bts':1}}"), 4000);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:own':{'mgd':0,'mgs':'http://x.example/s.xsd'}}"), 4125);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:mgo':{'mgd':1006}}"), 4000);
	expect(m, CREATE("cse-in", 13, "{'m2m:bat':{'mgd':1006,'btl':80,'bts':1}}"), 4108);
	expect(m, UPDATE("cse-in/n/b", "{'m2m:bat':{'btl':79}}"), 2004);
	expect(m, UPDATE("cse-in/n/b", "{'m2m:mem':{'mma':79}}"), 4000);
	expect(m, RETRIEVE("cse-in/n"), 2000);
}

/* Who names a node stands in it, as long as it does. */
static void test_hosted(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 14, "{'m2m:nod':{'rn':'n','ni':'urn:dev:1'}}"), 2001);
	expect(m, CREATE("cse-in", 14, "{'m2m:nod':{'rn':'o','ni':'urn:dev:2'}}"), 2001);
#define ON(ae, nl) "{'op':1,'to':'cse-in','fr':'" ae "','rqi':'1','rvi':'3','ty':2," \
	"'pc':{'m2m:ae':{'rr':true,'srv':['3'],'api':'Nx','nl':'" nl "'}}}"
	expect(m, ON("Ca", "cse-in/n"), 2001);
	expect(m, ON("Cb", "/in-cse/cse-in/n"), 2001);
	expect(m, ON("Cc", "/other/cse/n"), 2001);
	expect(m, RETRIEVE("cse-in/n"), 2000);
	shows(m, "'hael':['Ca','Cb']");
	expect(m, UPDATE("Ca", "{'m2m:ae':{'nl':'cse-in/o'}}"), 2004);
	expect(m, RETRIEVE("cse-in/n"), 2000);
	shows(m, "'hael':['Cb']");
	expect(m, RETRIEVE("cse-in/o"), 2000);
	shows(m, "'hael':['Ca']");
	expect(m, DELETE("Cb"), 2002);
	expect(m, RETRIEVE("cse-in/n"), 2000);
	hides(m, "hael");
	expect(m, UPDATE("Ca", "{'m2m:ae':{'nl':null}}"), 2004);
	expect(m, RETRIEVE("cse-in/o"), 2000);
	hides(m, "hael");
	expect(m, DELETE("cse-in/o"), 2002);
	expect(m, DELETE("Ca"), 2002);
}

/* What nobody here can do is never said to be done. */
static void test_actions_without_executor(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 14, "{'m2m:nod':{'rn':'n','ni':'urn:dev:1'}}"), 2001);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:rbo':{'rn':'r','mgd':1009}}"), 2001);
	expect(m, UPDATE("cse-in/n/r", "{'m2m:rbo':{'rbo':true}}"), 5001);
	expect(m, UPDATE("cse-in/n/r", "{'m2m:rbo':{'far':true}}"), 5001);
	expect(m, RETRIEVE("cse-in/n/r"), 2000);
	hides(m, "'rbo':true");
#define FIRMWARE(ud) "{'m2m:fwr':{'rn':'f','mgd':1001,'vr':'1','fwn':'x','url':'http://x.example/f'," \
	"'ud':" ud "}}"
	expect(m, CREATE("cse-in/n", 13, FIRMWARE("true")), 5001);
	expect(m, CREATE("cse-in/n", 13, FIRMWARE("false")), 2001);
	expect(m, UPDATE("cse-in/n/f", "{'m2m:fwr':{'ud':true}}"), 5001);
	expect(m, CREATE("cse-in", 12, "{'m2m:mgc':{'cmt':2,'ext':'urn:dev:1','exe':true}}"), 5001);
}

/* --- flexible containers --------------------------------------------------------------- */

static void load_definitions(const char *name)
{
	struct buf text = buf_make(1 << 20), path = buf_make(512);
	size_t line;

	assert_int_equal(buf_printf(&path, "%s/src/schema/definitions/%s", SOURCE_DIR, name), ERR_OK);
	assert_int_equal(buf_add_byte(&path, 0), ERR_OK);
	assert_int_equal(file_read((const char *)path.p, 1 << 20, &text), ERR_OK);
	if (!resource_type_named(BYTES("m2m:gis")) || !bytes_starts(bytes_str(name), BYTES("inter")))
	{
		err_t err = schema_load(bytes_of_buf(&text), &line);

		if (err != ERR_OK)
			fail_msg("%s:%zu %s", name, line, err_name(err));
	}
	buf_free(&text);
	buf_free(&path);
}

#define SWITCH "'cnd':'org.onem2m.common.moduleclass.binarySwitch'"

static void test_flex_containers(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{" SWITCH ",'powSe':true}}"), 4125);
	load_definitions("interworking.rows");
	load_definitions("modules.rows");
	load_definitions("devices.rows");
	load_definitions("home.rows");
	expect(m, CREATE("cse-in", 28, "{'hd:bat':{'cnd':'org.onem2m.home.moduleclass.battery','lvl':100}}"), 2001);
	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{'rn':'s'," SWITCH ",'powSe':true}}"), 2001);
	shows(m, "'cod:binSh':");
	shows(m, "'cs':4");
	shows(m, "'st':0");
	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{" SWITCH ",'powSe':1}}"), 4000);
	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{" SWITCH "}}"), 4000);
	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{" SWITCH ",'powSe':true,'x':1}}"), 4000);
	expect(m, CREATE("cse-in", 28, "{'cod:tempe':{" SWITCH ",'powSe':true}}"), 4000);
	expect(m, CREATE("cse-in", 28, "{'m2m:fcnt':{" SWITCH ",'powSe':true}}"), 4000);
	expect(m, CREATE("cse-in", 28, "{'x:y':{'cnd':'org.example.none'}}"), 4125);
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'powSe':false}}"), 2004);
	shows(m, "'st':1");
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'cnd':'org.example.none'}}"), 4000);
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'powSe':null}}"), 4000);
	expect(m, CREATE("cse-in/s", 28, "{'cod:batty':{'rn':'b',"
	          "'cnd':'org.onem2m.common.moduleclass.battery','lvl':101}}"), 4000);
	expect(m, CREATE("cse-in/s", 28, "{'cod:batty':{'rn':'b',"
	          "'cnd':'org.onem2m.common.moduleclass.battery','lvl':100}}"), 2001);
	expect(m, CREATE("cse-in", 28, "{'m2m:gis':{'cnd':'org.onem2m.genericInterworkingService',"
	          "'gisn':'x'}}"), 2001);
	expect(m, REQ(2, "cse-in") ",'rcn':4}", 2000);
	shows(m, "'cod:binSh':[");
	shows(m, "'cod:batty':[");
}

static void test_flex_instances(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{'rn':'s'," SWITCH ",'powSe':true,'fcied':true,"
	          "'mni':2}}"), 2001);
	shows(m, "'cni':1");
	expect(m, RETRIEVE("cse-in/s/la"), 2000);
	shows(m, "'powSe':true");
	shows(m, "'ty':58");
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'powSe':false}}"), 2004);
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'powSe':true}}"), 2004);
	shows(m, "'cni':2");
	shows(m, "'cbs':9");
	expect(m, RETRIEVE("cse-in/s/ol"), 2000);
	shows(m, "'powSe':false");
	expect(m, DELETE("cse-in/s/ol"), 2002);
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'cni':1");
	expect(m, CREATE("cse-in/s", 58, "{'cod:binSh':{'powSe':true}}"), 4005);
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'fcied':false}}"), 2004);
	shows(m, "'cni':0");
	expect(m, RETRIEVE("cse-in/s/la"), 4004);
}

/* A limit enables them, unless fcied says no; none without either. */
static void test_flex_instances_by_limit(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{'rn':'s'," SWITCH ",'powSe':true,'mni':2}}"), 2001);
	shows(m, "'cni':1");
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'powSe':false}}"), 2004);
	shows(m, "'cni':2");
	expect(m, RETRIEVE("cse-in/s/la"), 2000);
	shows(m, "'powSe':false");
	expect(m, UPDATE("cse-in/s", "{'cod:binSh':{'mni':null}}"), 2004);
	expect(m, RETRIEVE("cse-in/s/la"), 4004);
	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{'rn':'t'," SWITCH ",'powSe':true,'mni':2,"
	          "'fcied':false}}"), 2001);
	expect(m, RETRIEVE("cse-in/t/la"), 4004);
	expect(m, CREATE("cse-in", 28, "{'cod:binSh':{'rn':'u'," SWITCH ",'powSe':true}}"), 2001);
	expect(m, RETRIEVE("cse-in/u/la"), 4004);
}

/* A bad file is left out whole. */
static void test_definition_files(void **state)
{
	static const struct { const char *text; err_t err; } rows[] = {
		{ "attribute a b bool M O OA\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember m2m:cnt\n", ERR_DUPLICATE },
		{ "definition org.onem2m.common.moduleclass.battery\nname n\nmember x:nn\n", ERR_DUPLICATE },
		{ "management 1001\nname n\nmember x:nn\n", ERR_DUPLICATE },
		{ "definition x.y\nmember x:nn\n", ERR_SYNTAX },
		{ "definition x.y\nname n\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b none M O OA\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b struct M O OA\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b enum M O OA\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b bool X O OA\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:n/n\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b string M O OA secret\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b string M O NA secret searched\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b string M O NA action\n", ERR_SYNTAX },
		{ "definition x.y\nname n\nmember x:nn\nattribute a b string M O NA 1 1 1 1 1 secret\n", ERR_SYNTAX },
		{ "garbage\n", ERR_SYNTAX },
		{ "# nothing\n\n", ERR_OK },
	};
	const struct resource_type *const *types;
	size_t n = schema_types(&types), line;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		err_t err = schema_load(bytes_str(rows[i].text), &line);

		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].text, err_name(err));
	}
	assert_int_equal(schema_types(&types), n);
	assert_null(resource_type_named(BYTES("x:nn")));
}

/* --- AE ------------------------------------------------------------------------------ */

#define AE(from, more)                                                                  \
	"{'op':1,'to':'cse-in','fr':'" from "','rqi':'1','rvi':'3','ty':2,"             \
	"'pc':{'m2m:ae':{'rr':true,'srv':['3']" more "}}}"
#define NAPP ",'api':'Napp.example'"

static void test_registration(void **state)
{
	struct room *m = *state;

	m->entity = BYTES("//demo.example/in-cse/Cdev1");
	expect(m, AE("Cother", NAPP), 4126);
	expect(m, AE("S", NAPP), 4126);
	expect(m, AE("/in-cse/Cdev1", NAPP), 4000);
	expect(m, AE("Cdev1", ""), 4000);
	expect(m, AE("Cdev1", ",'api':'Xapp'"), 4000);
	expect(m, AE("Cdev1", ",'api':'N'"), 4000);
	expect(m, AE("Cdev1", NAPP ",'aei':'Cdev1'"), 4000);
	m->app_id = BYTES("Nother");
	expect(m, AE("Cdev1", NAPP), 4126);
	m->app_id = BYTES("Napp.example");
	expect(m, AE("Cdev1", NAPP ",'rn':'dev'"), 2001);
	shows(m, "'aei':'Cdev1'");
	shows(m, "'ri':'Cdev1'");
	shows(m, "'rn':'dev'");
	expect(m, AE("Cdev1", NAPP ",'rn':'dev2'"), 4117);
	expect(m, AE("C", NAPP), 4117);
	expect(m, RETRIEVE("Cdev1"), 2000);
	expect(m, RETRIEVE("ae2"), 4004);
	m->entity = BYTES("//demo.example/in-cse");
	expect(m, AE("Cdev2", NAPP), 4126);
	m->entity = BYTES("//demo.example/other-cse/Cdev2");
	expect(m, AE("Cdev2", NAPP), 4126);
	m->entity = BYTES("//evil.example/Sdev2");
	expect(m, AE("Sdev2", NAPP), 4126);
	m->entity = BYTES("//demo.example/Sdev2");
	expect(m, AE("C", NAPP), 4126);
	expect(m, AE("S", NAPP ",'rn':'dev2'"), 2001);
	shows(m, "'aei':'Sdev2'");
	expect(m, UPDATE("Sdev2", "{'m2m:ae':{'api':'Nx'}}"), 4000);
	expect(m, UPDATE("Sdev2", "{'m2m:ae':{'rr':null}}"), 4000);
	expect(m, UPDATE("Sdev2", "{'m2m:ae':{'rr':false,'apn':'x'}}"), 2004);
	expect(m, UPDATE("Sdev2", "{'m2m:ae':{'trps':true}}"), 5001);
	expect(m, DELETE("cse-in/dev2"), 2002);
	expect(m, AE("S", NAPP ",'rn':'dev2'"), 2001);
	expect(m, CREATE("Cdev1", 2, "{'m2m:ae':{'rr':true,'srv':['3'],'api':'Nx'}}"), 4108);
}

static void test_registration_in_the_lab(void **state)
{
	struct room *m = *state;

	expect(m, AE("C", NAPP), 2001);
	shows(m, "'aei':'Cae2'");
	expect(m, AE("S", NAPP), 2001);
	shows(m, "'aei':'Sae3'");
	expect(m, AE("Cmine", NAPP), 2001);
	shows(m, "'aei':'Cmine'");
	expect(m, "{'op':1,'to':'cse-in','rqi':'1','rvi':'3','ty':2,"
	          "'pc':{'m2m:ae':{'rr':true,'srv':['3'],'api':'Nx'}}}", 2001);
	shows(m, "'aei':'Cae5'");
	expect(m, AE("Cmine", NAPP), 4117);
}

/* --- accessControlPolicy ---------------------------------------------------------------- */

#define RULE "{'acor':['Ctest'],'acop':63}"
#define ACP(name, rule) CREATE("cse-in", 1, "{'m2m:acp':{'rn':'" name "','pv':{'acr':[" rule "]}," \
                               "'pvs':{'acr':[" RULE "]}}}")

static void test_policies(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'pv':{'acr':[" RULE "]},'pvs':{'acr':[]}}}"), 4000);
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'pv':{'acr':[" RULE "]},'pvs':{}}}"), 4000);
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'pv':{'acr':[" RULE "]}}}"), 4000);
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'pvs':{'acr':[" RULE "]}}}"), 4000);
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'rn':'e','pv':{},'pvs':{'acr':[" RULE "]}}}"), 2001);
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'rn':'f','pv':{'acr':[]},'pvs':{'acr':[" RULE
	                              "]}}}"), 2001);
	expect(m, UPDATE("cse-in/f", "{'m2m:acp':{'pvs':{'acr':[]}}}"), 4000);
	expect(m, UPDATE("cse-in/f", "{'m2m:acp':{'pvs':null}}"), 4000);
	expect(m, UPDATE("cse-in/f", "{'m2m:acp':{'pv':{'acr':[" RULE "]}}}"), 2004);
	expect(m, UPDATE("cse-in/f", "{'m2m:acp':{'acpi':['e']}}"), 4000);
	expect(m, UPDATE("cse-in/f", "{'m2m:acp':{'adri':['e']}}"), 5001);
}

/* A rule whose condition is not understood grants more than it should. */
static void test_rules_are_strict(void **state)
{
	struct room *m = *state;

#define GOOD(n, rest) expect(m, ACP(n, "{'acor':['all'],'acop':2" rest "}"), 2001)
#define BAD(rule) expect(m, ACP("bad", rule), 4000)
	GOOD("1", ",'acaf':true");
	GOOD("2", ",'acco':[{'actw':['* * 8-20 * * * *']}]");
	GOOD("3", ",'acco':[{'acip':{'ipv4':['10.0.0.1'],'ipv6':['::1']}}]");
	GOOD("3n", ",'acco':[{'acip':{'ipv4':['10.0.0.0/8'],'ipv6':['fd00::/8']}}]");
	GOOD("4", ",'acco':[{'aclr':{'accr':[52.5,13.4,100]}},{'aclr':{'accc':['DE','FR']}}]");
	GOOD("5", ",'acod':[{'chty':[3,4]},{'ty':28,'spty':'org.example','chty':[4]}]");
	GOOD("6", ",'acco':[{'actw':['0 0 */2 1,2 * * *'],'acip':{'ipv4':['1.2.3.4']}}]");
	GOOD("7", ",'acco':[]");
	BAD("{'acop':2}");
	BAD("{'acor':['all']}");
	BAD("{'acor':[],'acop':2}");
	BAD("{'acor':[''],'acop':2}");
	BAD("{'acor':'all','acop':2}");
	BAD("{'acor':['a b'],'acop':2}");
	BAD("{'acor':['all'],'acop':64}");
	BAD("{'acor':['all'],'acop':-1}");
	BAD("{'acor':['all'],'acop':'2'}");
	BAD("{'acor':['all'],'acop':2,'acxx':1}");
	BAD("{'acor':['all'],'acop':2,'acaf':1}");
	BAD("{'acor':['all'],'acop':2,'acco':{}}");
	BAD("{'acor':['all'],'acop':2,'acco':[{}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'actw':[]}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'actw':['* * *']}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'actw':['* * * * * * mon']}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'acxx':1}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'acip':{}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'acip':{'ipv4':['10.0.0.256']}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'acip':{'ipv4':['10.0.0.0/33']}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'acip':{'ipv6':['::/']}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'acip':{'ipv6':['10.0.0.1']}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'aclr':{}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'aclr':{'accr':[1,2]}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'aclr':{'accc':['de']}}]}");
	BAD("{'acor':['all'],'acop':2,'acco':[{'aclr':{'accc':['DE'],'accr':[1,2,3]}}]}");
	BAD("{'acor':['all'],'acop':2,'acod':[]}");
	BAD("{'acor':['all'],'acop':2,'acod':[{'ty':3}]}");
	BAD("{'acor':['all'],'acop':2,'acod':[{'chty':[]}]}");
	BAD("'all'");
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'pv':{'acr':[],'x':1},'pvs':{'acr':[" RULE "]}}}"), 4000);
	expect(m, CREATE("cse-in", 1, "{'m2m:acp':{'pv':[],'pvs':{'acr':[" RULE "]}}}"), 4000);
}

static void test_links(void **state)
{
	struct room *m = *state;
	struct request_primitive q;

	expect(m, ACP("p", RULE), 2001);
	expect(m, CNT("c", ",'acpi':['cse-in/p']"), 2001);
	expect(m, CNT("d", ",'acpi':['cse-in/none']"), 4000);
	expect(m, CNT("d", ",'acpi':['cse-in/c']"), 4000);
	expect(m, CNT("d", ",'acpi':['/other/p']"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'acpi':['acp2'],'lbl':['x']}}"), 4000);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'acpi':['acp2']}}"), 2004);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'acpi':null}}"), 2004);
	expect(m, UPDATE("cse-in/c", "{'m2m:cnt':{'acpi':'acp2'}}"), 4000);
	room_request(m, UPDATE("x", "{'m2m:cnt':{'acpi':[]}}"), &q);
	assert_true(resource_updates_policy_link(&q));
	room_request(m, UPDATE("x", "{'m2m:cnt':{'acpi':null}}"), &q);
	assert_true(resource_updates_policy_link(&q));
	room_request(m, UPDATE("x", "{'m2m:cnt':{'lbl':[]}}"), &q);
	assert_false(resource_updates_policy_link(&q));
	room_request(m, CREATE("x", 3, "{'m2m:cnt':{'acpi':[]}}"), &q);
	assert_false(resource_updates_policy_link(&q));
}

/* --- group --------------------------------------------------------------------------------- */

#define GRP(name, more) CREATE("cse-in", 9, "{'m2m:grp':{'rn':'" name "'" more "}}")

static void test_group(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c1", ""), 2001);
	expect(m, CNT("c2", ""), 2001);
	expect(m, ACP("p", RULE), 2001);
	expect(m, GRP("g", ",'mnm':3,'mid':['cse-in/c1','cse-in/c2','cse-in/c1']"), 2001);
	shows(m, "'mid':['cse-in/c1','cse-in/c2']");
	shows(m, "'cnm':2");
	shows(m, "'mt':0");
	shows(m, "'mtv':true");
	shows(m, "'csy':1");
	/* The same resource by another address is the same member. */
	expect(m, GRP("h", ",'mnm':3,'mid':['cse-in/c1','cnt2','/in-cse/cnt2']"), 2001);
	shows(m, "'cnm':1");
	expect(m, GRP("x", ",'mnm':1,'mid':['cse-in/c1','cse-in/c2']"), 6010);
	expect(m, GRP("x", ",'mnm':0,'mid':[]"), 4000);
	expect(m, GRP("x", ",'mid':[]"), 4000);
	expect(m, GRP("x", ",'mnm':3"), 4000);
	expect(m, GRP("x", ",'mnm':3,'mid':[],'cnm':0"), 4000);
	expect(m, GRP("x", ",'mnm':3,'mid':[],'csy':4"), 4000);
	expect(m, GRP("x", ",'mnm':3,'mid':[],'spty':1006"), 4000);
	expect(m, GRP("x", ",'mnm':3,'mt':13,'mid':[],'spty':{'mgd':1,'cnd':'a'}"), 4000);
	expect(m, GRP("a", ",'mnm':3,'mt':3,'mid':['cse-in/c1','cse-in/p','cse-in/none']"), 2001);
	shows(m, "'mid':['cse-in/c1']");
	shows(m, "'mt':3");
	expect(m, GRP("b", ",'mnm':3,'mt':3,'csy':2,'mid':['cse-in/c1','cse-in/p']"), 4110);
	expect(m, GRP("b", ",'mnm':3,'mt':3,'csy':2,'mid':['cse-in/none']"), 4110);
	expect(m, GRP("b", ",'mnm':3,'mt':3,'csy':3,'mid':['cse-in/c1','cse-in/p']"), 2001);
	shows(m, "'mt':0");
	shows(m, "'cnm':2");
	expect(m, GRP("r", ",'mnm':3,'mt':3,'mid':['/other/cnt5','cse-in/c1/la']"), 2001);
	shows(m, "'mid':['/other/cnt5']");
	shows(m, "'mtv':false");
	expect(m, GRP("la", ",'mnm':3,'mt':20002,'mid':['cse-in/c1/la','cse-in/c2/ol']"), 2001);
	shows(m, "'mid':['cse-in/c1/la']");
	expect(m, GRP("s", ",'mnm':3,'mt':3,'mid':['cse-in/a/fopt','cse-in/g/fopt']"), 2001);
	shows(m, "'mid':['cse-in/a/fopt']");
}

/* Members of one specialization, by the definition that they carry [TS-0004 7.4.13.2.1]. */
static void test_group_of_specialized(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 14, "{'m2m:nod':{'rn':'n','ni':'n1'}}"), 2001);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:bat':{'rn':'b1','mgd':1006,'btl':50,'bts':1}}"), 2001);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:bat':{'rn':'b2','mgd':1006,'btl':50,'bts':1}}"), 2001);
	expect(m, CREATE("cse-in/n", 13, "{'m2m:mem':{'rn':'mem','mgd':1003,'mma':1,'mmt':2}}"), 2001);
	expect(m, GRP("all", ",'mnm':5,'mt':13,'mid':['cse-in/n/b1','cse-in/n/mem']"), 2001);
	shows(m, "'cnm':2");
	expect(m, GRP("bat", ",'mnm':5,'mt':13,'spty':1006,'mid':['cse-in/n/b1','cse-in/n/mem','cse-in/n/b2']"), 2001);
	shows(m, "'mid':['cse-in/n/b1','cse-in/n/b2']");
	shows(m, "'spty':1006");
	expect(m, GRP("x", ",'mnm':5,'mt':13,'spty':1006,'csy':2,'mid':['cse-in/n/mem']"), 4110);
	expect(m, GRP("y", ",'mnm':5,'mt':13,'spty':{'mgd':1006},'csy':3,'mid':['cse-in/n/b1','cse-in/n/mem']"), 2001);
	shows(m, "'mt':0");
	hides(m, "'spty'");
	/* a fan-out point counts as what its group holds */
	expect(m, GRP("sub", ",'mnm':5,'mt':13,'spty':{'mgd':1006},'mid':['cse-in/bat/fopt','cse-in/all/fopt']"), 2001);
	shows(m, "'mid':['cse-in/bat/fopt']");
	expect(m, UPDATE("cse-in/bat", "{'m2m:grp':{'mid':['cse-in/n/mem']}}"), 2004);
	shows(m, "'cnm':0");
	expect(m, UPDATE("cse-in/bat", "{'m2m:grp':{'spty':1003}}"), 4000);
	expect(m, UPDATE("cse-in/bat", "{'m2m:grp':{'nar':{'num':3,'dur':'PT5S'}}}"), 2004);
	expect(m, UPDATE("cse-in/bat", "{'m2m:grp':{'nar':{'num':0}}}"), 4000);
}

static void test_group_update(void **state)
{
	struct room *m = *state;

	expect(m, CNT("c1", ""), 2001);
	expect(m, CNT("c2", ""), 2001);
	expect(m, ACP("p", RULE), 2001);
	expect(m, GRP("g", ",'mnm':3,'mt':3,'csy':2,'mid':['cse-in/c1']"), 2001);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mid':['cse-in/c1','cse-in/p']}}"), 4110);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mid':['cse-in/c1','cse-in/c2']}}"), 2004);
	shows(m, "'cnm':2");
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mnm':1}}"), 6010);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mnm':1,'mid':['cse-in/c2']}}"), 2004);
	shows(m, "'mid':['cse-in/c2']");
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mid':['cse-in/c1','cse-in/c2']}}"), 6010);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mt':0}}"), 4000);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'csy':1}}"), 4000);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'mid':null}}"), 4000);
	expect(m, UPDATE("cse-in/g", "{'m2m:grp':{'gn':'name'}}"), 2004);
	shows(m, "'cnm':1");
}

static void test_fan_out(void **state)
{
	struct room *m = *state;
	const struct store_row *row;
	struct target t;
	struct bytes members;
	struct cbor list;

	expect(m, CNT("c1", ""), 2001);
	expect(m, GRP("g", ",'mnm':3,'mid':['cse-in/c1']"), 2001);
	assert_int_equal(resource_resolve(m->r, BYTES("cse-in/g/fopt/x/la"), &t), ERR_OK);
	assert_int_equal(t.place, TARGET_HERE);
	assert_non_null(t.virtual_child);
	assert_true(bytes_equal(t.rest, BYTES("/x/la")));
	assert_int_equal(t.type, 9);
	assert_int_equal(t.id, t.parent_of_virtual);
	assert_int_equal(store_get(m->store, t.id, &row), ERR_OK);
	assert_int_equal(t.virtual_child->fans_out(m->r, row, &members), ERR_OK);
	assert_int_equal(cbor_read(members, &list), ERR_OK);
	assert_true(list.kind == CBOR_ARRAY && list.u == 1);
	assert_int_equal(resource_resolve(m->r, BYTES("cse-in/g/fopt"), &t), ERR_OK);
	assert_int_equal(t.rest.n, 0);
	assert_int_equal(resource_resolve(m->r, BYTES("cse-in/c1/fopt"), &t), ERR_OK);
	assert_int_equal(t.place, TARGET_NONE);
	expect(m, RETRIEVE("cse-in/g/fopt"), 5001);
}

static void test_group_members(void **state)
{
	struct room *m = *state;
	bool has, readable;

#define HAS(group, id, yes, can)                                                          \
	do {                                                                              \
		assert_int_equal(resource_group_has(m->r, BYTES(group), BYTES(id), &has,   \
		                                    &readable), ERR_OK);                   \
		assert_int_equal(has, yes);                                               \
		assert_int_equal(readable, can);                                          \
	} while (0)
	expect(m, AE("Cdev1", NAPP ",'rn':'dev'"), 2001);
	expect(m, AE("Cdev2", NAPP ",'rn':'dev2'"), 2001);
	expect(m, GRP("g", ",'mnm':5,'mid':['cse-in/dev','//other.example/Sfar']"), 2001);
	HAS("cse-in/g", "//demo.example/in-cse/Cdev1", true, true);
	HAS("//demo.example/in-cse/cse-in/g", "//demo.example/in-cse/Cdev1", true, true);
	HAS("cse-in/g", "//demo.example/in-cse/Cdev2", false, true);
	HAS("cse-in/g", "//other.example/Sfar", true, true);
	HAS("cse-in/g", "", false, true);
	HAS("cse-in/none", "//demo.example/in-cse/Cdev1", false, false);
	HAS("cse-in/dev", "//demo.example/in-cse/Cdev1", false, false);
	HAS("cse-in/g/fopt", "//demo.example/in-cse/Cdev1", false, false);
	/* Deregistered is no member any more. */
	expect(m, DELETE("Cdev1"), 2002);
	HAS("cse-in/g", "//demo.example/in-cse/Cdev1", false, true);
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_numbers), row(test_rows), row(test_rows_are_sound), row(test_management),
		row(test_actions_without_executor), row(test_hosted), row(test_flex_containers),
		row(test_flex_instances), row(test_flex_instances_by_limit), row(test_definition_files), row(test_registration),
		row(test_registration_in_the_lab), row(test_policies), row(test_rules_are_strict),
		row(test_links), row(test_group), row(test_group_of_specialized), row(test_group_update), row(test_fan_out),
		row(test_group_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
