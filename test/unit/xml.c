/* xml: JSON -> CBOR -> XML -> CBOR -> JSON of every type and every root, from the
 * rows; what is refused. */
#include "base/file.h"
#include "codec/xml.h"
#include "samples.h"

#include <string.h>

static void fill(const struct resource_type *t, struct buf *out)
{
	static struct buf values[128];
	struct cbor_member m[128];
	struct buf member = buf_make(256), map = buf_make(1 << 20);

	assert_true(t->attributes_n <= COUNT_OF(m));
	for (size_t i = 0; i < t->attributes_n; i++) {
		const struct attribute *a = &t->attributes[i];

		values[i] = buf_make(1 << 16);
		sample_put(a, &values[i]);
		m[i] = (struct cbor_member){ bytes_str(a->short_name), bytes_of_buf(&values[i]) };
	}
	assert_int_equal(cbor_put_members(&map, m, t->attributes_n), ERR_OK);
	assert_int_equal(type_member(t, &member), ERR_OK);
	assert_int_equal(cbor_put_map(out, 1), ERR_OK);
	assert_int_equal(cbor_put_text(out, bytes_of_buf(&member)), ERR_OK);
	assert_int_equal(buf_add(out, bytes_of_buf(&map)), ERR_OK);
	for (size_t i = 0; i < t->attributes_n; i++)
		buf_free(&values[i]);
	buf_free(&member);
	buf_free(&map);
}

static void there_and_back(struct bytes cbor)
{
	struct buf xml = buf_make(4 << 20), back = buf_make(4 << 20), a = buf_make(4 << 20),
		   b = buf_make(4 << 20);
	err_t err = cbor_to_xml(cbor, &schema_xml, &xml);

	assert_int_equal(cbor_to_json(cbor, &a), ERR_OK);
	if (err != ERR_OK)
		fail_msg("%s: %.*s", err_name(err), BYTES_FMT(bytes_of_buf(&a)));
	err = xml_to_cbor(bytes_of_buf(&xml), &codec_default_limits, &schema_xml, &back);
	if (err != ERR_OK)
		fail_msg("%s: %.*s", err_name(err), BYTES_FMT(bytes_of_buf(&xml)));
	assert_int_equal(cbor_to_json(bytes_of_buf(&back), &b), ERR_OK);
	if (!bytes_equal(bytes_of_buf(&back), cbor))
		fail_msg("%.*s\n%.*s\n%.*s", BYTES_FMT(bytes_of_buf(&a)), BYTES_FMT(bytes_of_buf(&xml)),
		         BYTES_FMT(bytes_of_buf(&b)));
	buf_free(&xml);
	buf_free(&back);
	buf_free(&a);
	buf_free(&b);
}

static void test_every_type(void **state)
{
	const struct resource_type *const *types;
	size_t n, line;

	for (size_t i = 0; i < 3; i++) {
		static const char *const files[] = { "interworking", "modules", "devices" };
		struct buf text = buf_make(1 << 20), path = buf_make(512);

		assert_int_equal(buf_printf(&path, "%s/src/schema/definitions/%s.rows", SOURCE_DIR, files[i]), ERR_OK);
		assert_int_equal(buf_add_byte(&path, 0), ERR_OK);
		assert_int_equal(file_read((const char *)path.p, 1 << 20, &text), ERR_OK);
		assert_int_equal(schema_load(bytes_of_buf(&text), &line), ERR_OK);
		buf_free(&text);
		buf_free(&path);
	}
	n = schema_types(&types);
	assert_true(n > 180);
	for (size_t i = 0; i < n; i++) {
		struct buf cbor = buf_make(1 << 20);

		/* An instance is shown under its definition's name. */
		if (resource_type_named(BYTES("m2m:fci")) != types[i] && types[i]->number != 58)
			fill(types[i], &cbor);
		if (cbor.n)
			there_and_back(bytes_of_buf(&cbor));
		buf_free(&cbor);
	}
}

static void test_every_root(void **state)
{
	const struct complex *roots = schema_complex(C_root);

	for (size_t i = 0; i < roots->members_n; i++) {
		struct buf cbor = buf_make(1 << 20);

		assert_int_equal(cbor_put_map(&cbor, 1), ERR_OK);
		assert_int_equal(cbor_put_text(&cbor, bytes_str(roots->members[i].short_name)), ERR_OK);
		sample_put(&roots->members[i], &cbor);
		there_and_back(bytes_of_buf(&cbor));
		buf_free(&cbor);
	}
}

static void test_vectors(void **state)
{
	static const char *const texts[] = {
		"{\"m2m:cin\":{\"con\":\"  two\\n lines \\t\\r& <x> \"}}", "{\"m2m:cin\":{\"con\":\"\"}}",
		"{\"m2m:cin\":{\"con\":5}}", "{\"m2m:cin\":{\"con\":-1.5e300}}", "{\"m2m:cin\":{\"con\":true}}",
		"{\"m2m:cin\":{\"con\":[]}}", "{\"m2m:cin\":{\"con\":{}}}", "{\"m2m:cin\":{\"con\":[{\"a\":null}]}}",
		"{\"m2m:cnt\":{\"lbl\":[]}}", "{\"m2m:ae\":{\"apn\":\"\"}}", "{\"m2m:acp\":{\"pv\":null}}", "{\"m2m:cin\":{\"con\":null}}", "{\"m2m:cnt\":{\"lbl\":null,\"mni\":null}}", "{\"m2m:cnt\":{}}",
		"{\"m2m:cnt\":{\"mni\":\"x\"}}", "{\"m2m:cnt\":{\"unknown\":\"x\",\"lbl\":\"no list\"}}",
		"{\"m2m:acp\":{\"pv\":{},\"pvs\":{\"acr\":[]}}}",
		"{\"m2m:ae\":{\"rn\":\"a\",\"m2m:cnt\":[{\"rn\":\"c\",\"m2m:cin\":[{\"con\":\"1\"},{\"con\":2}]},"
		"{\"rn\":\"d\"}],\"cod:binSh\":[{\"powSe\":true}]}}",
		"{\"m2m:cb\":{\"ch\":[{\"nm\":\"a\",\"typ\":2,\"val\":\"cse-in/a\"}]}}",
		"{\"m2m:rce\":{\"uri\":\"cse-in/a\",\"m2m:ae\":{\"rn\":\"a\"}}}",
		"{\"m2m:uril\":[\"a\",\"b\"]}", "{\"m2m:dbg\":\"why\"}",
		"{\"m2m:agr\":{\"m2m:rsp\":[{\"rsc\":2000,\"rqi\":\"1\",\"pc\":{\"m2m:cnt\":{\"rn\":\"x\"}}},"
		"{\"rsc\":4004,\"rqi\":\"1\"}]}}",
		"{\"m2m:sgn\":{\"nev\":{\"rep\":{\"m2m:cin\":{\"con\":7}},\"net\":3},\"sur\":\"/in-cse/s\"}}",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct buf cbor = buf_make(1 << 16);

		assert_int_equal(json_to_cbor(bytes_str(texts[i]), &codec_default_limits, &cbor), ERR_OK);
		there_and_back(bytes_of_buf(&cbor));
		buf_free(&cbor);
	}
}

#define M2M "xmlns:m2m=\"http://www.onem2m.org/xml/protocols\""
#define XSI "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""

static void test_read(void **state)
{
	static const struct { const char *xml, *json; } rows[] = {
		{ "<m2m:cnt " M2M "/>", "{\"m2m:cnt\":{}}" },
		{ "<x:cnt xmlns:x=\"http://www.onem2m.org/xml/protocols\" rn=\"a\"> <mni> 5 </mni>\n"
		  "<lbl>a\n b</lbl><!-- no --></x:cnt>", "{\"m2m:cnt\":{\"rn\":\"a\",\"lbl\":[\"a\",\"b\"],\"mni\":5}}" },
		{ "<cnt xmlns=\"http://www.onem2m.org/xml/protocols\"/>", "{\"m2m:cnt\":{}}" },
		{ "<m2m:ae " M2M "><rr>1</rr><srv>2a 3</srv></m2m:ae>",
		  "{\"m2m:ae\":{\"rr\":true,\"srv\":[\"2a\",\"3\"]}}" },
		{ "<m2m:cin " M2M "><con><![CDATA[<a/>]]></con></m2m:cin>", "{\"m2m:cin\":{\"con\":\"<a/>\"}}" },
		{ "<m2m:cnt " M2M " " XSI "><mni xsi:nil=\"true\"/></m2m:cnt>", "{\"m2m:cnt\":{\"mni\":null}}" },
		/* An empty element is null, of every kind that has no empty value; a blank is an empty list. */
		{ "<m2m:grp " M2M "><mnm></mnm><gn/><mid/><macp> </macp><nar/></m2m:grp>",
		  "{\"m2m:grp\":{\"mnm\":null,\"gn\":null,\"mid\":null,\"macp\":[],\"nar\":{}}}" },
		{ "<m2m:cin " M2M " rn=\"\"><con/><cr/></m2m:cin>", "{\"m2m:cin\":{\"rn\":\"\",\"con\":\"\",\"cr\":null}}" },
		{ "<m2m:acp " M2M "><pv/></m2m:acp>", "{\"m2m:acp\":{\"pv\":{}}}" },
		{ "<m2m:uril " M2M "/>", "{\"m2m:uril\":[]}" },
		/* A list as one element, or one an item; members that a default namespace fell on. */
		{ "<m2m:sub " M2M "><enc><net>3</net><net>1</net></enc><nu>a b</nu></m2m:sub>",
		  "{\"m2m:sub\":{\"enc\":{\"net\":[3,1]},\"nu\":[\"a\",\"b\"]}}" },
		{ "<sub xmlns=\"http://www.onem2m.org/xml/protocols\"><nu>a</nu><nu>b</nu><enc><net>3</net></enc></sub>",
		  "{\"m2m:sub\":{\"enc\":{\"net\":[3]},\"nu\":[\"a\",\"b\"]}}" },
		{ "<m2m:rce " M2M " uri=\"a/b\"><m2m:cnt/></m2m:rce>", "{\"m2m:rce\":{\"uri\":\"a/b\",\"m2m:cnt\":{}}}" },
		{ "<m2m:acp " M2M "><pv><acr><acor>a b</acor><acop>63</acop></acr></pv></m2m:acp>",
		  "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acop\":63,\"acor\":[\"a\",\"b\"]}]}}}" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf out = buf_make(1 << 16), want = buf_make(1 << 16);
		err_t err = xml_to_cbor(bytes_str(rows[i].xml), &codec_default_limits, &schema_xml, &out);

		if (err != ERR_OK)
			fail_msg("%s: %s", err_name(err), rows[i].xml);
		assert_int_equal(json_to_cbor(bytes_str(rows[i].json), &codec_default_limits, &want), ERR_OK);
		if (!bytes_equal(bytes_of_buf(&out), bytes_of_buf(&want)))
			fail_msg("another value: %s", rows[i].xml);
		buf_free(&out);
		buf_free(&want);
	}
}

/* What leaves, octet by octet: elements in the order of the schema, null as an empty element, an
 * empty list of references as none, the address of what was created as an attribute. */
static void test_written(void **state)
{
	static const struct { const char *json, *xml; } rows[] = {
		{ "{\"m2m:cnt\":{\"cni\":0,\"cr\":\"C\",\"ct\":\"1\",\"et\":\"2\",\"lbl\":[\"a\"],\"lt\":\"3\",\"mni\":1,\"pi\":\"p\","
		  "\"ri\":\"r\",\"rn\":\"n\",\"st\":4,\"ty\":3,\"ch\":[{\"nm\":\"a\",\"typ\":4,\"val\":\"v\"}],\"acpi\":[\"q\"]}}",
		  "m2m:cnt " M2M " rn=\"n\"><ty>3</ty><ri>r</ri><pi>p</pi><ct>1</ct><lt>3</lt><lbl>a</lbl><acpi>q</acpi><et>2</et>"
		  "<st>4</st><cr>C</cr><mni>1</mni><cni>0</cni><ch nm=\"a\" typ=\"4\">v</ch></m2m:cnt>" },
		{ "{\"m2m:cnt\":{\"m2m:cin\":[{\"con\":\"x\",\"cs\":1}],\"mbs\":1}}",
		  "m2m:cnt " M2M "><mbs>1</mbs><m2m:cin><cs>1</cs><con>x</con></m2m:cin></m2m:cnt>" },
		{ "{\"m2m:cnt\":{\"lbl\":null,\"mni\":null}}", "m2m:cnt " M2M "><lbl></lbl><mni></mni></m2m:cnt>" },
		{ "{\"m2m:acp\":{\"pv\":{\"acr\":[{\"acor\":[\"a\"],\"acop\":1,\"acco\":[{\"acip\":{}}]}]}}}",
		  "m2m:acp " M2M "><pv><acr><acor>a</acor><acop>1</acop><acco><acip> </acip></acco></acr></pv></m2m:acp>" },
		{ "{\"m2m:rrl\":{\"rrf\":[]}}", "m2m:rrl " M2M "></m2m:rrl>" },
		{ "{\"m2m:rce\":{\"uri\":\"a\",\"m2m:cnt\":{}}}", "m2m:rce " M2M " uri=\"a\"><m2m:cnt></m2m:cnt></m2m:rce>" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf cbor = buf_make(1 << 16), out = buf_make(1 << 16), want = buf_make(1 << 16);

		assert_int_equal(json_to_cbor(bytes_str(rows[i].json), &codec_default_limits, &cbor), ERR_OK);
		assert_int_equal(cbor_to_xml(bytes_of_buf(&cbor), &schema_xml, &out), ERR_OK);
		assert_int_equal(buf_printf(&want, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s\n", rows[i].xml), ERR_OK);
		if (!bytes_equal(bytes_of_buf(&out), bytes_of_buf(&want)))
			fail_msg("%.*s", (int)out.n, (const char *)out.p);
		buf_free(&cbor);
		buf_free(&out);
		buf_free(&want);
	}
}

static void test_refused(void **state)
{
	static const struct { const char *xml; err_t err; } rows[] = {
		{ "", ERR_SYNTAX }, { "x", ERR_SYNTAX }, { "<a>", ERR_SYNTAX }, { "<a/><b/>", ERR_SYNTAX },
		{ "<!DOCTYPE a><a/>", ERR_UNSUPPORTED },
		{ "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>", ERR_UNSUPPORTED },
		{ "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", ERR_UNSUPPORTED },
		{ "<?xml version=\"1.0\"?><?php x?><a/>", ERR_UNSUPPORTED },
		{ "<a>&unknown;</a>", ERR_SYNTAX },
		{ "<m2m:cnt " M2M "><mni>1</mni><mni>2</mni></m2m:cnt>", ERR_DUPLICATE },
		{ "<m2m:cnt " M2M " rn=\"a\"><rn>a</rn></m2m:cnt>", ERR_DUPLICATE },
		{ "<m2m:cnt " M2M ">text<mni>1</mni></m2m:cnt>", ERR_SYNTAX },
		{ "<m2m:cnt " M2M "><mni>1</mni>text</m2m:cnt>", ERR_SYNTAX },
		{ "<m2m:cnt " M2M ">text</m2m:cnt>", ERR_SYNTAX },
		{ "<m2m:cnt " M2M "><unknown><a/></unknown></m2m:cnt>", ERR_SYNTAX },
		{ "<m2m:cnt " M2M "><mni><a/></mni></m2m:cnt>", ERR_SYNTAX },
		{ "<m2m:cnt><mni>1</mni></m2m:cnt>", ERR_SYNTAX },
		{ "<m2m:cin " M2M " " XSI "><con xsi:type=\"json\">{</con></m2m:cin>", ERR_SYNTAX },
		{ "<m2m:cin " M2M "><con>\x01</con></m2m:cin>", ERR_SYNTAX },
		{ "<m2m:cin " M2M "><con>\xff</con></m2m:cin>", ERR_SYNTAX },
		{ "<a b1=\"\" b2=\"\" b3=\"\" b4=\"\" b5=\"\" b6=\"\" b7=\"\" b8=\"\" b9=\"\" b10=\"\" b11=\"\" b12=\"\" "
		  "b13=\"\" b14=\"\" b15=\"\" b16=\"\" b17=\"\"/>", ERR_LIMIT },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct buf out = buf_make(1 << 16);
		err_t err;

		assert_int_equal(buf_add_byte(&out, 7), ERR_OK);
		err = xml_to_cbor(bytes_str(rows[i].xml), &codec_default_limits, &schema_xml, &out);
		if (err != rows[i].err)
			fail_msg("%s: %s", err_name(err), rows[i].xml);
		assert_int_equal(out.n, 1);
		buf_free(&out);
	}
}

static void test_limits(void **state)
{
	struct codec_limits limits = codec_default_limits;
	struct buf xml = buf_make(1 << 20), out = buf_make(1 << 20);

	for (int i = 0; i < 40; i++)
		assert_int_equal(buf_add(&xml, BYTES("<a>")), ERR_OK);
	assert_int_equal(xml_to_cbor(bytes_of_buf(&xml), &limits, &schema_xml, &out), ERR_LIMIT);
	buf_clear(&xml);
	assert_int_equal(buf_printf(&xml, "<%0100d/>", 1), ERR_OK);
	xml.p[1] = 'a';
	assert_int_equal(xml_to_cbor(bytes_of_buf(&xml), &limits, &schema_xml, &out), ERR_LIMIT);
	limits.octets = 10;
	assert_int_equal(xml_to_cbor(BYTES("<m2m:cnt " M2M "/>"), &limits, &schema_xml, &out), ERR_LIMIT);
	limits = codec_default_limits;
	limits.string = 3;
	assert_int_equal(xml_to_cbor(BYTES("<m2m:cin " M2M "><con>abcd</con></m2m:cin>"), &limits, &schema_xml,
	                             &out), ERR_LIMIT);
	limits = codec_default_limits;
	limits.members = 2;
	assert_int_equal(xml_to_cbor(BYTES("<m2m:cnt " M2M "><a/><b/><c/></m2m:cnt>"), &limits, &schema_xml,
	                             &out), ERR_LIMIT);
	buf_clear(&xml);
	assert_int_equal(buf_add(&xml, BYTES("<m2m:cnt " M2M ">")), ERR_OK);
	for (int i = 0; i < 400; i++)
		assert_int_equal(buf_printf(&xml, "<a%d/>", i), ERR_OK);
	assert_int_equal(buf_add(&xml, BYTES("</m2m:cnt>")), ERR_OK);
	assert_int_equal(xml_to_cbor(bytes_of_buf(&xml), &codec_default_limits, &schema_xml, &out), ERR_LIMIT);
	assert_int_equal(out.n, 0);
	buf_free(&xml);
	buf_free(&out);
}

/* What XML cannot carry is told, not changed. */
static void test_no_form(void **state)
{
	static const char *const texts[] = {
		"{\"m2m:cin\":{\"con\":\"\\u0001\"}}", "{\"m2m:cin\":{\"con\":\"\\uffff\"}}",
		"{\"m2m:cnt\":{\"lbl\":[\"a b\"]}}", "{\"m2m:cnt\":{\"lbl\":[\"\"]}}", "[1]", "{}",
		"{\"a\":1,\"b\":2}", "{\"m2m:cnt\":{\"x y\":1}}", "{\"m2m:cnt\":{\"<\":1}}",
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct buf cbor = buf_make(1 << 16), out = buf_make(1 << 16);

		assert_int_equal(json_to_cbor(bytes_str(texts[i]), &codec_default_limits, &cbor), ERR_OK);
		if (cbor_to_xml(bytes_of_buf(&cbor), &schema_xml, &out) != ERR_TYPE)
			fail_msg("has a form: %s", texts[i]);
		assert_int_equal(out.n, 0);
		buf_free(&cbor);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type), cmocka_unit_test(test_every_root),
		cmocka_unit_test(test_vectors), cmocka_unit_test(test_read), cmocka_unit_test(test_written),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_limits), cmocka_unit_test(test_no_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
