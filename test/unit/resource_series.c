/* resource_series: time series, their limits, and what of their data is missing;
 * location policies. */
#include "resource_room.h"

#include "resource/series.h"

#include <stdio.h>

static unsigned told;
static uint64_t told_sub;
static char told_text[1024];

static err_t tell(void *self, uint64_t sub, struct bytes tsn)
{
	struct buf json = buf_make(1000);

	told++;
	told_sub = sub;
	assert_int_equal(cbor_to_json(tsn, &json), ERR_OK);
	assert_int_equal(bytes_put_str(told_text, sizeof(told_text), bytes_of_buf(&json)), ERR_OK);
	buf_free(&json);
	return ERR_OK;
}

/* The clock of the room, and what the core does once a second. */
static size_t at(struct room *m, int64_t ms)
{
	struct permit system = { .everything = true };
	struct series_report report = { tell, NULL };
	uint64_t ids[8], after = 0;
	size_t n;

	m->now = NOW + ms;
	clock_simulate(m->now);
	assert_int_equal(series_due(m->r, m->now, &after, ids, 8, &n), ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(series_judge(m->r, &system, ids[i], m->now, &report), ERR_OK);
	return n;
}

#define TS(name, more) CREATE("cse-in", 29, "{'m2m:ts':{'rn':'" name "'" more "}}")
#define TSI(to, dgt, con) CREATE("cse-in/" to, 30, "{'m2m:tsi':{'dgt':'" dgt "','con':" con "}}")
#define DETECT ",'mdd':true,'pei':1000,'peid':100,'mdt':500"

static void test_limits(void **state)
{
	struct room *m = *state;

	expect(m, TS("s", ",'mni':2,'mbs':5"), 2001);
	shows(m, "'cni':0");
	expect(m, RETRIEVE("cse-in/s/la"), 4004);
	expect(m, TSI("s", "20260101T000000", "'ab'"), 2001);
	shows(m, "'cs':2");
	expect(m, TSI("s", "20260101T000000", "'xy'"), 4105);
	expect(m, TSI("s", "20260101T000001", "42"), 2001);
	expect(m, TSI("s", "20260101T000002", "true"), 2001);
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'cbs':4");
	shows(m, "'cni':1");
	expect(m, TSI("s", "20260101T000003", "'123456'"), 5207);
	expect(m, TSI("s", "20260101T000003", "{'no':'scalar'}"), 4000);
	expect(m, TSI("s", "yesterday", "1"), 4000);
	expect(m, RETRIEVE("cse-in/s/la"), 2000);
	shows(m, "'con':true");
	expect(m, UPDATE("cse-in/s/la", "{'m2m:tsi':{'lbl':[]}}"), 4005);
	expect(m, UPDATE("cse-in/s", "{'m2m:ts':{'mni':0}}"), 2004);
	shows(m, "'cni':0");
	expect(m, CREATE("cse-in/s", 4, "{'m2m:cin':{'con':'x'}}"), 4108);
	expect(m, TS("t", ",'pei':100,'peid':60"), 4000);
}

static void test_missing(void **state)
{
	struct room *m = *state;

	told = 0;
	expect(m, TS("s", DETECT ",'mdn':3"), 2001);
	shows(m, "'mdc':0");
	expect(m, CREATE("cse-in/s", 23, "{'m2m:sub':{'rn':'n','nu':['Ctest'],'enc':{'net':[8],"
	          "'md':{'num':2,'dur':'PT3S'}}}}"), 2001);
	/* nothing has come yet: nothing is expected */
	assert_int_equal(at(m, 60000), 0);
	m->now = NOW;
	expect(m, TSI("s", "20260101T000000", "1"), 2001);
	assert_int_equal(at(m, 1500), 0);
	expect(m, TSI("s", "20260101T000001", "1"), 2001);
	assert_int_equal(at(m, 1700), 1);
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'mdc':0");
	hides(m, "@md");
	/* the third is late for more than its timer */
	assert_int_equal(at(m, 2700), 1);
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'mdc':1");
	shows(m, "'mdlt':['20260101T000002']");
	assert_int_equal(told, 0);
	assert_int_equal(at(m, 3700), 1);
	assert_int_equal(told, 1);
	assert_string_equal(told_text, "{\"m2m:tsn\":{\"mdc\":2,\"mdlt\":[\"20260101T000002\",\"20260101T000003\"]}}");
	/* each that follows in the window is told */
	assert_int_equal(at(m, 4700), 1);
	assert_int_equal(told, 2);
	assert_string_equal(told_text, "{\"m2m:tsn\":{\"mdc\":3,\"mdlt\":[\"20260101T000002\",\"20260101T000003\",\"20260101T000004\"]}}");
	/* the next window begins; the oldest goes */
	assert_int_equal(at(m, 5700), 1);
	assert_int_equal(told, 2);
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'mdlt':['20260101T000003','20260101T000004','20260101T000005']");
	/* data that came before it was asked for is no gap */
	expect(m, TSI("s", "20260101T000007", "1"), 2001);
	assert_int_equal(at(m, 7700), 1);
	assert_int_equal(told, 3);
	assert_string_equal(told_text, "{\"m2m:tsn\":{\"mdc\":2,\"mdlt\":[\"20260101T000005\",\"20260101T000006\"]}}");
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'20260101T000006']");
	hides(m, "20260101T000007");
	/* switched off, nothing is expected; on again, from the start */
	expect(m, UPDATE("cse-in/s", "{'m2m:ts':{'mdd':false}}"), 2004);
	assert_int_equal(at(m, 60000), 0);
	expect(m, UPDATE("cse-in/s", "{'m2m:ts':{'mdd':true}}"), 2004);
	shows(m, "'mdc':0");
	assert_int_equal(at(m, 120000), 0);
}

/* After a week's stop the newest are listed, at once. */
static void test_long_stop(void **state)
{
	struct room *m = *state;

	expect(m, TS("s", ",'mdd':true,'pei':1,'mdt':1,'mdn':2"), 2001);
	expect(m, TSI("s", "20260101T000000", "1"), 2001);
	assert_int_equal(at(m, INT64_C(7) * 86400 * 1000), 1);
	expect(m, RETRIEVE("cse-in/s"), 2000);
	shows(m, "'mdc':2");
	assert_int_equal(at(m, INT64_C(7) * 86400 * 1000), 0);
	/* times that are far off do not count, and do no harm */
	expect(m, TSI("s", "20990101T000000", "1"), 2001);
	expect(m, TSI("s", "19700101T000000", "1"), 2001);
	assert_int_equal(at(m, INT64_C(7) * 86400 * 1000 + 1), 1);
}

static void test_location_policy(void **state)
{
	struct room *m = *state;

	expect(m, CREATE("cse-in", 10, "{'m2m:lcp':{'rn':'l','los':1}}"), 5001);
	expect(m, CREATE("cse-in", 10, "{'m2m:lcp':{'rn':'l','los':2,'lon':'a/b'}}"), 4000);
	expect(m, CREATE("cse-in", 10, "{'m2m:lcp':{'rn':'l','los':2,'lon':'l'}}"), 4105);
	expect(m, CREATE("cse-in", 10, "{'m2m:lcp':{'rn':'l','los':2,'lon':'places'}}"), 2001);
	shows(m, "'loi':'cnt");
	expect(m, CREATE("cse-in", 10, "{'m2m:lcp':{'los':2,'lon':'places'}}"), 4105);
	expect(m, RETRIEVE("cse-in/places"), 2000);
	shows(m, "'li':'lcp");
	shows(m, "'cni':0");
	expect(m, CIN("cse-in/places", "'52.5,13.4'"), 2001);
	expect(m, UPDATE("cse-in/places", "{'m2m:cnt':{'li':'x'}}"), 4000);
}

/* Only what the named source wrote of another counts. */
static void test_location(void **state)
{
	struct room *m = *state;
	struct bytes source = BYTES("//demo.example/in-cse/Clocator"), who = BYTES("//demo.example/in-cse/Cvan");
	struct location l;

#define PLACE(from, text) "{'op':1,'to':'cse-in/van','fr':'" from "','rqi':'1','rvi':'3','ty':4," \
	"'pc':{'m2m:cin':{'con':'" text "'}}}"
#define KNOWN(yes) do { assert_int_equal(resource_location(m->r, source, who, m->now, &l), ERR_OK); \
	assert_int_equal(l.known, yes); } while (0)
	expect(m, CREATE("cse-in", 10, "{'m2m:lcp':{'los':2,'lon':'van','lot':'//demo.example/in-cse/Cvan'}}"), 2001);
	KNOWN(false);
	/* its own word, and a stranger's */
	expect(m, PLACE("Cvan", "52.5,13.4"), 2001);
	KNOWN(false);
	expect(m, PLACE("Cother", "52.5,13.4"), 2001);
	KNOWN(false);
	expect(m, PLACE("Clocator", "52.5, -13.25"), 2001);
	KNOWN(true);
	assert_true(l.latitude == 52.5 && l.longitude == -13.25);
	/* another's is not this one's; nobody is the source of its own place */
	who = BYTES("//demo.example/in-cse/Cbus");
	KNOWN(false);
	who = source;
	KNOWN(false);
	who = BYTES("//demo.example/in-cse/Cvan");
	source = BYTES("");
	KNOWN(false);
	source = BYTES("//demo.example/in-cse/Clocator");
	/* a word later than the source's takes its place, and is none */
	expect(m, PLACE("Cvan", "0,0"), 2001);
	KNOWN(false);
	expect(m, PLACE("Clocator", "91,0"), 2001);
	KNOWN(false);
	expect(m, PLACE("Clocator", "here"), 2001);
	KNOWN(false);
	expect(m, PLACE("Clocator", "1,2"), 2001);
	KNOWN(true);
	m->now += 16 * 60 * 1000;
	KNOWN(false);
}

#define row(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(test_limits), row(test_missing), row(test_long_stop), row(test_location_policy),
		row(test_location),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
