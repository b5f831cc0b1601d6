/* core: the measured state of a machine, shown in its association; with its record, or not at
 * all; and a TPM whose counters run backwards [T15]. */
#include "attest.h"
#include "core_bench.h"

#include "security/assurance/quote.h"

enum { ENOUGH = 200, PCRS = 1 };

struct device {
	struct bench b;
	struct crypt_key key;
	uint64_t number; /* of its association */
	char why[160];   /* of the last answer */
	uint64_t until;
};

static void accept_key(struct device *m)
{
	struct buf fields = buf_make(256);
	struct wire_out out = wire_out(&fields);
	uint8_t point[65], state[CREDENTIAL_STATE] = { 0, 0, 0, PCRS };

	assert_int_equal(crypt_p256_new(&m->key), ERR_OK);
	assert_int_equal(crypt_p256_point(&m->key, point), ERR_OK);
	wire_put_bytes(&out, BYTES("12-" PSK_ID));
	wire_put_fixed(&out, BYTES_OF(point));
	wire_put_fixed(&out, BYTES_OF(state));
	command(&m->b, ADMIN_STATE_ACCEPT, bytes_of_buf(&fields));
	assert_int_equal(m->b.done, ERR_OK);
	buf_free(&fields);
}

static void device_open(struct device *m, const char *action)
{
	bench_open(&m->b);
	set(&m->b, "clone.action", action);
	node_reload(&m->b.core);
	m->number = enrolled_and_open(&m->b);
	accept_key(m);
}

static void device_close(struct device *m)
{
	crypt_key_free(&m->key);
	bench_close(&m->b);
	clock_simulate(0);
}

/* One STATE_SHOW and its answer. What comes before it is for others. */
static err_t ask(struct device *m, struct bytes text, struct bytes signature, uint8_t nonce[32])
{
	struct buf body = buf_make(1024);
	struct wire_out out = wire_out(&body);
	struct message answer;
	struct bytes given;
	err_t verdict;

	wire_put_u64(&out, m->number);
	wire_put_bytes(&out, text);
	wire_put_bytes(&out, signature);
	assert_int_equal(out.err, ERR_OK);
	assert_int_equal(link_send(&m->b.gate, MSG_STATE_SHOW, ++m->b.ref, bytes_of_buf(&body)), ERR_OK);
	buf_free(&body);
	do {
		assert_true(next(&m->b, &m->b.gate, &answer));
	} while (answer.type != MSG_STATE_SHOWN);
	struct wire_in in = wire_in(answer.body);
	verdict = (err_t)wire_get_u8(&in);
	assert_int_equal(bytes_put_str(m->why, sizeof(m->why), wire_get_bytes(&in, 159)), ERR_OK);
	given = wire_get_bytes(&in, 32);
	m->until = wire_get_u64(&in);
	assert_int_equal(wire_done(&in), ERR_OK);
	if (given.n)
		bytes_copy(nonce, given.p, 32);
	return verdict;
}

/* A quote over a nonce that is asked for; the n-th write from then on fails, 0 none. */
static err_t show(struct device *m, uint64_t clock, uint64_t n)
{
	uint8_t nonce[32] = { 0 };
	struct made made = { .magic = 0xff544347, .banks = 1, .pcrs = PCRS, .type = 0x8018, .hash = 11,
		             .nonce = BYTES_OF(nonce), .clock = clock, .safe = 1 };
	struct buf text = buf_make(512), signature = buf_make(100);
	err_t err;

	clock_simulate(clock_now() + 1000); /* a nonce a second */
	assert_int_equal(ask(m, BYTES_NONE, BYTES_NONE, nonce), ERR_OK);
	attest(&made, &text);
	assert_int_equal(crypt_p256_sign(&m->key, bytes_of_buf(&text), &signature), ERR_OK);
	engine_fail_at(n, ERR_IO);
	err = ask(m, bytes_of_buf(&text), bytes_of_buf(&signature), nonce);
	engine_fail_at(0, ERR_OK);
	buf_free(&text);
	buf_free(&signature);
	return err;
}

static bool counts(struct device *m)
{
	const struct association *a = registry_association(m->b.core.room.registry, m->number, 0, m->b.core.now);
	struct evidence e[EVIDENCE_MAX];
	bool has_it = false;

	for (size_t i = 0, n = a ? registry_evidence(m->b.core.room.registry, a, 1, e) : 0; i < n; i++)
		has_it |= e[i].factor == FACTOR_STATE && e[i].until > m->b.core.now;
	return has_it;
}

static uint64_t kept(struct device *m)
{
	const struct credential *c;

	assert_int_equal(registry_find(m->b.core.room.registry, BYTES("12-" PSK_ID), &c), ERR_OK);
	assert_non_null(c);
	return get_be64(c->clock);
}

static unsigned on_record(struct device *m, const char *text)
{
	const char *at = list_audit(&m->b);
	unsigned n = 0;

	while ((at = strstr(at, text)) != NULL) {
		at++;
		n++;
	}
	return n;
}

static void test_on_record_or_not_at_all(void **state)
{
	err_t err = ERR_LOCKED;
	struct device m;
	uint64_t n;

	device_open(&m, "record");
	for (n = 1; err != ERR_OK && n < ENOUGH; n++) {
		err = show(&m, 1000, n);
		if (err == ERR_OK)
			break;
		assert_int_equal(err, ERR_LOCKED);
		assert_string_equal(m.why, "the node cannot keep it");
		assert_false(counts(&m));
		assert_int_equal(kept(&m), 0);
		assert_int_equal(on_record(&m, "measured state of its machine was shown"), 0);
	}
	assert_true(n > 2 && n < ENOUGH);
	assert_true(counts(&m) && m.until > (uint64_t)m.b.core.now);
	assert_int_equal(kept(&m), 1000);
	assert_int_equal(on_record(&m, "measured state of its machine was shown"), 1);
	/* and what was kept is there after a start */
	core_stop(&m.b);
	core_start(&m.b);
	assert_int_equal(kept(&m), 1000);
	device_close(&m);
}

static void test_backwards(void **state)
{
	static const struct {
		const char *action;
		err_t verdict;
		bool counts, lives;
		uint64_t kept;
	} rows[] = {
		{ "record", ERR_OK, true, true, 999 },
		{ "refuse", ERR_BAD_STATE, false, true, 1000 },
		{ "end", ERR_BAD_STATE, false, false, 1000 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct association *a;
		struct device m;

		device_open(&m, rows[i].action);
		assert_int_equal(show(&m, 1000, 0), ERR_OK);
		assert_int_equal(on_record(&m, "clone alarm"), 0);
		assert_int_equal(show(&m, 999, 0), rows[i].verdict);
		assert_int_equal(on_record(&m, "clone alarm: the counters of its TPM run backwards"), 1);
		assert_int_equal(counts(&m), rows[i].counts);
		assert_int_equal(kept(&m), rows[i].kept);
		a = registry_association(m.b.core.room.registry, m.number, 0, m.b.core.now);
		assert_int_equal(a != NULL, rows[i].lives);
		device_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_on_record_or_not_at_all),
		cmocka_unit_test(test_backwards),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
