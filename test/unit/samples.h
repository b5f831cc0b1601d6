/* samples.h: a value of each kind, so that a test can fill any row of any type. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "codec/json.h"
#include "schema/schema.h"
#include "unit.h"

static inline void sample_json(const char *json, struct buf *out)
{
	assert_int_equal(json_to_cbor(bytes_str(json), &codec_default_limits, out), ERR_OK);
}

static inline void sample_put(const struct attribute *a, struct buf *out);

/* Every member, or the first where there may be one only. */
static inline void sample_struct(const struct complex *c, struct buf *out)
{
	struct cbor_member m[64];
	struct buf values[64];
	size_t n = c->flags & X_ONE ? 1 : c->members_n;

	assert_true(n <= 64);
	for (size_t i = 0; i < n; i++) {
		values[i] = buf_make(1 << 16);
		sample_put(&c->members[i], &values[i]);
		m[i] = (struct cbor_member){ bytes_str(c->members[i].short_name), bytes_of_buf(&values[i]) };
	}
	assert_int_equal(cbor_put_members(out, m, n), ERR_OK);
	for (size_t i = 0; i < n; i++)
		buf_free(&values[i]);
}

static inline void sample_simple(const struct attribute *a, struct buf *out)
{
	static const char *const texts[] = {
		[S_eventCat] = "3", [S_eventCatWithDef] = "0", [S_resourceType] = "3", [S_suid] = "12",
		[S_NCName] = "\"n.1-\u00e4\"", [S_pointOfAccess] = "\"mqtt://x.example:1883\"", [S_releaseVersion] = "\"2a\"",
		[S_sessionCapability] = "\"audio:AVP\"", [S_dynAuthJWT] = "\"YQ..YQ\"", [S_base64Binary] = "\"YQ==\"",
	};
	bool list = a->kind == V_LIST_NUMBER_OF || a->kind == V_LIST_TEXT_OF;

	assert_true(a->enum_max < COUNT_OF(texts) && texts[a->enum_max]);
	if (list)
		assert_int_equal(cbor_put_array(out, 2), ERR_OK);
	for (int i = 0; i <= list; i++)
		sample_json(texts[a->enum_max], out);
}

static inline void sample_put(const struct attribute *a, struct buf *out)
{
	static const char *const texts[] = {
		[V_STRING] = "\"a <b> & \\\"c\\\" \\u00e4\"", [V_UINT] = "0", [V_POSITIVE] = "1", [V_BOOL] = "true",
		[V_TIMESTAMP] = "\"20300101T000000\"", [V_URI] = "\"http://x.example/a?b=c&d\"",
		[V_ID] = "\"/in-cse/Cx\"", [V_LIST_STRING] = "[\"a\",\"b<\"]",
		[V_LIST_URI] = "[\"cse-in/a\",\"cse-in/b\"]", [V_LIST_ID] = "[\"Ca\",\"/b\"]",
		[V_LIST_UINT] = "[3,4]", [V_ENUM] = "1", [V_NAME] = "\"name1\"",
		[V_CONTENT_INFO] = "\"text/plain:0\"", [V_ANY] = "{\"x\":[1,2.5,null,\"<\"]}",
		[V_MAP] = "{\"x\":1}", [V_FLOAT] = "21.5", [V_INT] = "-5", [V_ENUM0] = "0",
		[V_LIST_ENUM] = "[1,2]", [V_STAMP] = "\"20300101T000000\"", [V_DURATION] = "\"PT10S\"",
		[V_LIST_DURATION] = "[\"PT10S\",\"P1D\"]", [V_BASE64] = "\"aGVsbG8=\"", [V_SCALAR] = "42",
		[V_NAMED] = "\"role@x.example\"", [V_LIST_NAMED] = "[\"a@x.example\"]",
		[V_SCHEDULE] = "\"* * 8-20 * * * *\"", [V_SCHEDULES] = "[\"* * 8-20 * * * *\",\"0 0 0 * * * *\"]",
		[V_LIST_FLOAT] = "[-1,2.5]", [V_CIRCLE] = "[52.5,13.4,100]", [V_LIST_BOOL] = "[true,false]",
		[V_SERIALIZATIONS] = "[\"application/json\",\"cbor\"]",
		[V_COUNTRIES] = "[\"DE\",\"FR\"]", [V_IPV4] = "\"10.0.0.1\"", [V_LIST_IPV4] = "[\"10.0.0.1\"]",
		[V_IPV6] = "\"::1\"", [V_LIST_IPV6] = "[\"::1\"]", [V_ORIGINATORS] = "[\"all\"]",
		[V_MIN_MAX] = "[-1,2560]",
		[V_SPECIALIZATION] = "\"org.example\"", [V_CONTENT] = "{\"m2m:cin\":{\"con\":\"x\"}}",
	};

	if (a->kind == V_STRUCT) {
		sample_struct(schema_complex(a->enum_max & UINT16_MAX), out);
	} else if (a->kind >= V_NUMBER_OF) {
		sample_simple(a, out);
	} else if (a->kind == V_ACRS) {
		sample_struct(schema_complex(C_setOfAcrs), out);
	} else if (a->kind == V_STRUCTS || a->kind == V_REQUESTS) {
		/* names of references are one each */
		bool alone = (a->enum_max & UINT16_MAX) == C_contentRefEntry;

		assert_int_equal(cbor_put_array(out, alone ? 1 : 2), ERR_OK);
		sample_struct(schema_complex(a->enum_max & UINT16_MAX), out);
		if (!alone)
			sample_struct(schema_complex(a->enum_max & UINT16_MAX), out);
	} else {
		if ((size_t)a->kind >= COUNT_OF(texts) || !texts[a->kind])
			fail_msg("no sample of kind %s (%s)", value_kind_name(a->kind), a->short_name);
		sample_json(texts[a->kind], out);
	}
}

#endif
