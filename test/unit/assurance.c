/* assurance: each level, and what keeps it from being reached [draft 8.1.1; D10]. */
#include "security/assurance/assurance.h"
#include "attest.h"
#include "security/assurance/quote.h"
#include "crypt/crypt.h"
#include "wire/wire.h"
#include "store_room.h"

#include <string.h>

enum { NOW = 1000000000, HOUR = 3600000 };

static struct evidence key(enum assurance_factor factor, unsigned protection, const char *environment)
{
	struct evidence e = { .factor = factor, .checked = true, .protection = protection, .bound = true,
		              .since = NOW - HOUR, .until = NOW + HOUR, .ends = NOW + 10 * HOUR };

	snprintf(e.environment, sizeof(e.environment), "%s", environment);
	return e;
}

static struct evidence said(enum assurance_factor factor)
{
	return (struct evidence){ .factor = factor, .checked = true, .since = NOW - 1, .until = NOW + 1000,
		                  .ends = NOW + 1000 };
}

static struct assurance of(size_t n, const struct evidence *e)
{
	struct assurance a;

	assurance_compute(e, n, NOW, &a);
	return a;
}

static void test_one_factor(void **state)
{
	struct evidence e = key(FACTOR_POSSESSION, 1, "a");

	assert_int_equal(of(0, NULL).level, 0);
	assert_int_equal(of(1, &e).level, 2);
	assert_int_equal(of(1, &e).until, NOW + HOUR);
	e.protection = 3; /* the best key alone is one factor */
	assert_int_equal(of(1, &e).level, 2);
	e.protection = 0; /* nothing protects it */
	assert_int_equal(of(1, &e).level, 1);
	e = key(FACTOR_POSSESSION, 1, "a");
	e.checked = false; /* remembered, never checked */
	assert_int_equal(of(1, &e).level, 1);
	e = key(FACTOR_POSSESSION, 1, "a");
	e.until = NOW; /* aged: the same as before, no more */
	assert_int_equal(of(1, &e).level, 1);
	assert_int_equal(of(1, &e).until, NOW + 10 * HOUR);
	e.ends = NOW;
	assert_int_equal(of(1, &e).level, 0);
	e = key(FACTOR_POSSESSION, 1, "a");
	e.since = NOW + 1; /* from the future */
	assert_int_equal(of(1, &e).level, 1);
	e = said(FACTOR_PERSON); /* an approval without a key */
	assert_int_equal(of(1, &e).level, 0);
}

static void test_two_factors(void **state)
{
	struct evidence e[2] = { key(FACTOR_POSSESSION, 2, "a"), key(FACTOR_NETWORK, 2, "b") };

	assert_int_equal(of(2, e).level, 3);
	e[1].protection = 1; /* the second in plain software */
	assert_int_equal(of(2, e).level, 2);
	e[1] = key(FACTOR_NETWORK, 2, "a"); /* two keys in one store are one factor */
	assert_int_equal(of(2, e).level, 2);
	e[1] = key(FACTOR_POSSESSION, 2, "b"); /* two of one kind */
	assert_int_equal(of(2, e).level, 2);
	e[1] = key(FACTOR_NETWORK, 2, "b");
	e[1].until = NOW; /* the second has aged: it decays */
	assert_int_equal(of(2, e).level, 2);
	e[1] = said(FACTOR_PERSON);
	assert_int_equal(of(2, e).level, 3);
	assert_int_equal(of(2, e).until, NOW + 1000);
	e[0].protection = 1; /* a person does not mend a key in software */
	assert_int_equal(of(2, e).level, 2);
	e[0] = said(FACTOR_STATE); /* two words without a key */
	assert_int_equal(of(2, e).level, 0);
}

static void test_hardware(void **state)
{
	struct evidence e[3] = { key(FACTOR_POSSESSION, 3, "a"), said(FACTOR_STATE),
		                 key(FACTOR_NETWORK, 3, "b") };

	assert_int_equal(of(2, e).level, 4);
	assert_int_equal(of(3, e).level, 4);
	assert_string_equal(of(3, e).missing, "");
	e[0].bound = false; /* it could be moved */
	assert_int_equal(of(2, e).level, 3);
	e[0] = key(FACTOR_POSSESSION, 2, "a");
	assert_int_equal(of(2, e).level, 3);
	e[0] = key(FACTOR_POSSESSION, 3, "a");
	e[2].protection = 2; /* one key of all outside of hardware */
	assert_int_equal(of(3, e).level, 3);
	/* software never gets there, whatever stands beside it */
	for (unsigned protection = 0; protection <= 2; protection++) {
		e[0].protection = e[2].protection = protection;
		assert_true(of(3, e).level < 4);
	}
}

/* --- rules ------------------------------------------------------------------------------ */

static struct decision_facts reading(void)
{
	return (struct decision_facts){ .operation = ACCESS_RETRIEVE, .resource = 9, .resource_type = 3,
		.context = { .now = INT64_C(1767261600000) /* 2026-01-01 10:00 */,
		             .address = { 10, 1, 2, 3 }, .address_n = 4 } };
}

static struct assurance_rules *rules_of(struct store_room *m)
{
	struct assurance_rules *r;

	OK(assurance_open(m->s, &r));
	return r;
}

static err_t require(struct store_room *m, struct assurance_rules *r, struct assurance_rule rule)
{
	err_t err;

	OK(store_begin(m->s));
	err = assurance_require(r, &rule);
	OK(store_commit(m->s));
	return err;
}

static unsigned needed(const struct assurance_rules *r, struct decision_facts f, const char *address)
{
	return assurance_needed(r, &f, bytes_str(address));
}

static void test_rules(void **state)
{
	struct store_room *m = *state;
	struct assurance_rules *r = rules_of(m);
	struct decision_facts f = reading();

	assert_int_equal(needed(r, f, "cse-in/valve"), 0);
	OK(require(m, r, (struct assurance_rule){ .level = 3, .address = "cse-in/valve",
	                                          .operations = ACCESS_UPDATE | ACCESS_CREATE }));
	OK(require(m, r, (struct assurance_rule){ .level = 2, .address = "cse-in", .type = 4 }));
	assert_int_equal(needed(r, f, "cse-in/valve"), 0);
	f.operation = ACCESS_UPDATE;
	assert_int_equal(needed(r, f, "cse-in/valve"), 3);
	assert_int_equal(needed(r, f, "cse-in/valve/state"), 3);
	assert_int_equal(needed(r, f, "cse-in/valves"), 0);
	f = reading();
	f.operation = ACCESS_CREATE;
	f.create_type = 4;
	assert_int_equal(needed(r, f, "cse-in/other"), 2);
	assert_int_equal(needed(r, f, "cse-in/valve"), 3); /* the higher counts */
	/* They are there after a restart, and numbers are not given again. */
	assurance_close(r);
	r = rules_of(m);
	assert_int_equal(assurance_count(r), 2);
	assert_int_equal(needed(r, f, "cse-in/valve"), 3);
	OK(store_begin(m->s));
	OK(assurance_remove(r, 2));
	assert_int_equal(assurance_remove(r, 2), ERR_MISSING);
	OK(store_commit(m->s));
	assert_int_equal(needed(r, f, "cse-in/other"), 0);
	OK(require(m, r, (struct assurance_rule){ .level = 4, .address = "cse-in/other" }));
	assert_int_equal(assurance_rule(r, 1)->number, 3);
	/* Taken back by a rollback. */
	OK(store_begin(m->s));
	OK(assurance_remove(r, 3));
	store_rollback(m->s);
	OK(assurance_reload(r));
	assert_int_equal(needed(r, f, "cse-in/other"), 4);
	assurance_close(r);
}

static void test_rule_contexts(void **state)
{
	struct store_room *m = *state;
	struct assurance_rules *r = rules_of(m);
	struct decision_facts f = reading();

	OK(require(m, r, (struct assurance_rule){ .level = 3, .address = "cse-in", .outside = "10.0.0.0/8" }));
	assert_int_equal(needed(r, f, "cse-in/a"), 0);
	f.context.address[0] = 11;
	assert_int_equal(needed(r, f, "cse-in/a"), 3);
	f.context.address_n = 0; /* not known: the stricter */
	assert_int_equal(needed(r, f, "cse-in/a"), 3);
	f = reading();
	OK(require(m, r, (struct assurance_rule){ .level = 4, .address = "cse-in",
	                                          .during = "* * 10-11 * * * *" }));
	assert_int_equal(needed(r, f, "cse-in/a"), 4);
	f.context.now += 2 * HOUR;
	assert_int_equal(needed(r, f, "cse-in/a"), 0);
	assurance_close(r);
}

static void test_bad_rules(void **state)
{
	struct store_room *m = *state;
	struct assurance_rules *r = rules_of(m);

	assert_int_equal(require(m, r, (struct assurance_rule){ .level = 1, .address = "a" }), ERR_RANGE);
	assert_int_equal(require(m, r, (struct assurance_rule){ .level = 5, .address = "a" }), ERR_RANGE);
	assert_int_equal(require(m, r, (struct assurance_rule){ .level = 3 }), ERR_SYNTAX);
	assert_int_equal(require(m, r, (struct assurance_rule){ .level = 3, .address = "a",
	                                                        .outside = "10.0.0.0/99" }), ERR_SYNTAX);
	assert_int_equal(require(m, r, (struct assurance_rule){ .level = 3, .address = "a",
	                                                        .during = "* *" }), ERR_SYNTAX);
	assert_int_equal(require(m, r, (struct assurance_rule){ .level = 3, .address = "a",
	                                                        .operations = 64 }), ERR_SYNTAX);
	assert_int_equal(assurance_count(r), 0);
	/* A record that is none of ours is not guessed at. */
	OK(store_begin(m->s));
	OK(store_record_put(m->s, STORE_ASSURANCE, BYTES("1"), BYTES("\xa0")));
	OK(store_commit(m->s));
	assert_int_equal(assurance_reload(r), ERR_TAMPERED);
	assurance_close(r);
}

/* --- quotes ----------------------------------------------------------------------------- */

static uint8_t clock[QUOTE_CLOCK]; /* of the last one that was good */

/* Signed as it stands; the verdict, and its reason. */
static const char *judged(const struct crypt_key *k, const struct quote_accepted *a, const uint8_t nonce[32],
                          struct bytes text)
{
	struct buf signature = buf_make(100);
	const char *why = NULL;
	err_t err;

	assert_int_equal(crypt_p256_sign(k, text, &signature), ERR_OK);
	bytes_zero(clock, sizeof(clock));
	err = quote_judge(a, nonce, &(struct quote_shown){ text, bytes_of_buf(&signature) }, clock, &why);
	assert_non_null(why);
	assert_int_equal(err, *why ? ERR_REFUSED : ERR_OK);
	buf_free(&signature);
	return why;
}

static void test_quotes(void **state)
{
	uint8_t point[65], accepted[QUOTE_STATE], nonce[32] = { 1 }, digest[32] = { 2 };
	const struct quote_accepted a = { point, accepted };
	const struct made good = { .magic = 0xff544347, .banks = 1, .pcrs = 0x10081, .type = 0x8018, .hash = 11,
		                   .nonce = BYTES_OF(nonce), .digest = { 2 }, .clock = 5, .safe = 1 };
	struct buf text = buf_make(512), longer = buf_make(512), signature = buf_make(100);
	struct crypt_key key, other;
	struct quote_shown shown;
	struct made m;
	const char *why;

	assert_int_equal(crypt_p256_new(&key), ERR_OK);
	assert_int_equal(crypt_p256_new(&other), ERR_OK);
	assert_int_equal(crypt_p256_point(&key, point), ERR_OK);
	put_be32(accepted, 0x10081);
	bytes_copy(accepted + 4, digest, 32);
	attest(&good, &text);
	assert_string_equal(judged(&key, &a, nonce, bytes_of_buf(&text)), "");
	assert_memory_equal(clock, "\0\0\0\0\0\0\0\5resetres\1", QUOTE_CLOCK);
	assert_non_null(strstr(judged(&other, &a, nonce, bytes_of_buf(&text)), "attestation key"));
	/* signed by the right key, and saying something else: of each member one */
	for (int i = 0; i < 9; i++) {
		static const char *const reason[] = { "no quote", "no quote", "no quote", "no quote", "other PCRs",
			                              "measured state", "stale", "stale", "no quote" };

		m = good;
		m.magic ^= i == 0;
		m.type ^= i == 1 ? 0x10u : 0; /* another attestation */
		m.banks += i == 2;
		m.hash ^= i == 3;
		m.pcrs ^= i == 4 ? 0x80u : 0;
		m.digest[31] ^= i == 5;
		m.safe += i == 8; /* neither yes nor no */
		if (i == 6 || i == 7)
			m.nonce = i == 6 ? bytes_sub(m.nonce, 0, 31) : BYTES_NONE;
		attest(&m, &text);
		assert_non_null(strstr(judged(&key, &a, nonce, bytes_of_buf(&text)), reason[i]));
	}
	attest(&good, &text);
	for (size_t n = 0; n < text.n; n++)
		assert_string_equal(judged(&key, &a, nonce, bytes_make(text.p, n)), "this is no quote");
	assert_int_equal(buf_add(&longer, bytes_of_buf(&text)), ERR_OK);
	assert_int_equal(buf_add_byte(&longer, 0), ERR_OK);
	assert_string_equal(judged(&key, &a, nonce, bytes_of_buf(&longer)), "this is no quote");
	/* altered after it was signed, at each octet */
	assert_int_equal(crypt_p256_sign(&key, bytes_of_buf(&text), &signature), ERR_OK);
	shown = (struct quote_shown){ bytes_of_buf(&text), bytes_of_buf(&signature) };
	for (size_t i = 0; i < text.n; i++) {
		text.p[i] ^= 1;
		assert_int_equal(quote_judge(&a, nonce, &shown, clock, &why), ERR_REFUSED);
		text.p[i] ^= 1;
	}
	assert_int_equal(quote_judge(&a, nonce, &shown, clock, &why), ERR_OK);
	shown.signature = BYTES_NONE;
	assert_int_equal(quote_judge(&a, nonce, &shown, clock, &why), ERR_REFUSED);
	crypt_key_free(&key);
	crypt_key_free(&other);
	buf_free(&text);
	buf_free(&longer);
	buf_free(&signature);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_factor),
		cmocka_unit_test(test_two_factors),
		cmocka_unit_test(test_hardware), cmocka_unit_test(test_quotes),
		ON_BOTH(test_rules),
		ON_BOTH(test_rule_contexts),
		ON_BOTH(test_bad_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
