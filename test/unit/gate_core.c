/* gate_core: what a gate keeps of the messages that it sent to the core. */
#include "role/gate/gate.h"

#include "codec/json.h"
#include "schema/schema.h"
#include "unit.h"

#define MARK "what-is-exported-stands-beside-this"

struct place {
	struct gate g;
	struct connection c;
	struct link core; /* the other end */
};

static void place_open(struct place *p)
{
	int pair[2];

	*p = (struct place){ .g.message = buf_make(1 << 16) };
	p->c.parser.method = HTTP_POST;
	assert_int_equal(uv_loop_init(&p->g.loop), 0);
	assert_int_equal(link_pair(pair), ERR_OK);
	link_init(&p->g.core, pair[0], ROLE_GATE, ROLE_CORE, 0);
	link_init(&p->core, pair[1], ROLE_CORE, ROLE_GATE, 0);
}

static void place_close(struct place *p)
{
	link_close(&p->g.core);
	link_close(&p->core);
	buf_free(&p->g.message);
	assert_int_equal(uv_loop_close(&p->g.loop), 0);
}

static bool contains(struct bytes octets)
{
	for (size_t i = 0; i < octets.n; i++) {
		if (bytes_starts(bytes_sub(octets, i, octets.n), BYTES(MARK)))
			return true;
	}
	return false;
}

static unsigned type_that(bool exports)
{
	for (unsigned t = 1; t < 1000; t++) {
		const struct resource_type *type = resource_type(t);

		if (type && type->exports == exports)
			return t;
	}
	fail_msg("there is no such type");
	return 0;
}

/* A creation of that type, to the core. */
static void request(struct place *p, unsigned type)
{
	char json[256];

	assert_int_equal(core_request_head(&p->g, &p->c), ERR_OK);
	assert_true(text_print(json, sizeof(json), "{\"op\":1,\"to\":\"x\",\"ty\":%u,\"rqi\":\"" MARK "\"}", type));
	assert_int_equal(json_to_cbor(bytes_str(json), &codec_default_limits, &p->g.message), ERR_OK);
	p->c.id++;
	assert_int_equal(core_request(&p->g, &p->c), ERR_OK);
}

static void arrived(struct place *p, unsigned n)
{
	struct message m;
	bool found;

	assert_int_equal(link_read(&p->core), ERR_OK);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(link_next(&p->core, &m, &found), ERR_OK);
		assert_true(found && m.type == MSG_REQUEST && contains(m.body));
	}
}

/* Once it is sent nothing of it is left: neither where it was made, nor in the link's buffer. */
static void test_exported_is_wiped(void **state)
{
	struct place p;

	place_open(&p);
	/* the control: of another message all is left */
	request(&p, type_that(false));
	core_flush(&p.g);
	arrived(&p, 1);
	assert_true(contains(bytes_make(p.g.core.out.p, p.g.core.out.cap)));
	/* sent together with another */
	request(&p, type_that(true));
	request(&p, type_that(false));
	assert_true(contains(bytes_make(p.g.core.out.p, p.g.core.out.cap)));
	core_flush(&p.g);
	arrived(&p, 2);
	assert_false(contains(bytes_make(p.g.core.out.p, p.g.core.out.cap)));
	request(&p, type_that(true));
	assert_false(contains(bytes_make(p.g.message.p, p.g.message.cap)));
	core_flush(&p.g);
	arrived(&p, 1);
	assert_false(contains(bytes_make(p.g.core.out.p, p.g.core.out.cap)));
	place_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exported_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
