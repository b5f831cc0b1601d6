/* keeper: who may ask for what, how often; handles; the forms of what is signed. */
#include "keeper_help.h"

struct row {
	const char *name;
	unsigned who, rate;
	bool audited;
};

enum { QUIET = 0, AUDITED = 1 };

static const struct row table[OP_COUNT] = {
#define OPERATION(number, name, who, rate, audited, text) [number] = { #name, who, rate, audited },
#include "wire/operations.def"
#undef OPERATION
};

static void test_roles(void **state)
{
	struct bed *b = *state;

	for (unsigned op = 0; op < OP_COUNT; op++) {
		for (int role = ROLE_CORE; role <= ROLE_DOOR; role++) {
			err_t got;

			b->by[role]->rates[OP_COUNT] = (struct rate){ 0 };
			b->told = (enum message_type)0;
			begin(b, (enum operation)op);
			got = ask(b, (enum role)role);
			if (!table[op].name) {
				assert_int_equal(got, ERR_UNSUPPORTED);
			} else if (!(table[op].who & 1u << role)) {
				assert_int_equal(got, ERR_REFUSED);
				assert_int_equal(b->told, MSG_KEEPER_EVENT);
				assert_int_equal(get_be16(b->notice.p), op);
				assert_int_equal(b->notice.p[2], role);
				assert_int_equal(b->notice.p[3], 1);
				assert_int_equal(b->notice.p[4], ERR_REFUSED);
			} else {
				/* without fields: asked for rightly, but malformed */
				bool repair = op == OP_REBIND_BEGIN || op == OP_REBIND; /* of a locked one */

				assert_true(repair ? got == ERR_BAD_STATE : got == ERR_SYNTAX || got == ERR_OK);
			}
			assert_int_equal(b->out.n == 1, got != ERR_OK);
		}
	}
}

static void test_export_is_refused_and_recorded(void **state)
{
	struct bed *b = *state;

	for (int role = ROLE_CORE; role <= ROLE_DOOR; role++) {
		b->notices = 0;
		b->by[role]->rates[OP_COUNT] = (struct rate){ 0 };
		begin(b, OP_EXPORT);
		wire_put_bytes(&b->w, BYTES("root"));
		assert_int_equal(ask(b, (enum role)role), ERR_REFUSED);
		assert_int_equal(b->notices, 1);
		assert_int_equal(b->told, MSG_KEEPER_EVENT);
	}
}

static void test_broken_link_is_recorded(void **state)
{
	struct bed *b = *state;

	b->notices = 0;
	keeper_caller_broke(&b->ks, b->by[ROLE_GATE], ERR_REFUSED);
	assert_int_equal(b->notices, 1);
	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	assert_int_equal(get_be16(b->notice.p), 0);
	assert_int_equal(b->notice.p[2], ROLE_GATE);
	assert_int_equal(b->notice.p[4], ERR_REFUSED);
	keeper_caller_broke(&b->ks, b->by[ROLE_CORE], ERR_REFUSED);
	assert_int_equal(b->notices, 1);
}

static void test_refusals_do_not_flood(void **state)
{
	struct bed *b = *state;

	b->notices = 0;
	b->by[ROLE_DOOR]->rates[OP_COUNT] = (struct rate){ 0 };
	for (int i = 0; i < 1000; i++) {
		begin(b, OP_EXPORT);
		assert_int_equal(ask(b, ROLE_DOOR), ERR_REFUSED);
	}
	assert_in_range(b->notices, 10, 20);
}

static void test_rate(void **state)
{
	struct bed *b = *state;
	int64_t begun;
	err_t last = ERR_OK;
	int n = 0;

	b->by[ROLE_CORE]->rates[OP_DATA_KEY_NEW] = (struct rate){ 0 };
	begun = clock_steady();
	for (; n < 50 && last == ERR_OK; n++) {
		begin(b, OP_DATA_KEY_NEW);
		last = ask(b, ROLE_CORE);
	}
	assert_int_equal(last, ERR_LIMIT);
	assert_int_equal(n, 11);
	while (last == ERR_LIMIT && clock_steady() < begun + 2000) {
		begin(b, OP_DATA_KEY_NEW);
		last = ask(b, ROLE_CORE);
	}
	assert_int_equal(last, ERR_OK);
}

static void test_malformed(void **state)
{
	struct bed *b = *state;
	struct bytes empty = BYTES_NONE;

	assert_int_equal(keeper_ask(&b->ks, b->by[ROLE_CORE], 0, empty, &b->out), ERR_OK);
	assert_int_equal(b->out.p[0], ERR_SYNTAX);
	assert_int_equal(keeper_ask(&b->ks, b->by[ROLE_CORE], 0, BYTES("\0"), &b->out), ERR_OK);
	assert_int_equal(b->out.p[0], ERR_SYNTAX);
	/* One octet too many, where there are no fields, and where there are. */
	begin(b, OP_STATUS);
	wire_put_u8(&b->w, 0);
	assert_int_equal(ask(b, ROLE_CORE), ERR_SYNTAX);
	begin(b, OP_MAC_CHECK);
	wire_put_bytes(&b->w, BYTES("root"));
	wire_put_u8(&b->w, 0);
	assert_int_equal(ask(b, ROLE_CORE), ERR_SYNTAX);
	/* A length that points beyond the body, and one that is too long. */
	begin(b, OP_MAC_CHECK);
	wire_put_u32(&b->w, 100);
	assert_int_equal(ask(b, ROLE_CORE), ERR_SYNTAX);
	begin(b, OP_MAC_CHECK);
	wire_put_u32(&b->w, UINT32_MAX);
	assert_int_equal(ask(b, ROLE_CORE), ERR_SYNTAX);
}

static void test_locked(void **state)
{
	struct bed b;

	bed_init(&b, -1);
	begin(&b, OP_STATUS);
	assert_int_equal(ask(&b, ROLE_DOOR), ERR_OK);
	assert_int_equal(wire_get_u8(&b.r), 1);
	for (unsigned op = 1; op < OP_COUNT; op++) {
		for (int role = ROLE_CORE; role <= ROLE_DOOR; role++) {
			if (op == OP_STATUS || !(table[op].who & 1u << role))
				continue;
			/* a repair is for one that another machine locks */
			bool repair = op == OP_REBIND_BEGIN || op == OP_REBIND;

			begin(&b, (enum operation)op);
			assert_int_equal(ask(&b, (enum role)role), repair ? ERR_BAD_STATE : ERR_LOCKED);
		}
	}
	bed_end(&b);
}

/* --- handles ------------------------------------------------------------------ */

static void test_who_may_open(void **state)
{
	static const char *const closed[] = { "root", "ca", "audit", "import" };
	struct bed *b = *state;

	assert_int_equal(open_key(b, b->by[ROLE_GATE], BYTES("node")), ERR_OK);
	assert_int_equal(open_key(b, b->by[ROLE_COURIER], BYTES("node")), ERR_OK);
	assert_int_equal(open_key(b, b->by[ROLE_CORE], BYTES("node")), ERR_REFUSED);
	assert_int_equal(open_key(b, b->by[ROLE_GATE], BYTES("nobody")), ERR_MISSING);
	for (size_t i = 0; i < COUNT_OF(closed); i++) {
		assert_int_equal(open_key(b, b->by[ROLE_GATE], bytes_str(closed[i])), ERR_REFUSED);
		assert_int_equal(open_key(b, b->by[ROLE_COURIER], bytes_str(closed[i])), ERR_REFUSED);
		assert_int_equal(open_key(b, b->by[ROLE_CORE], bytes_str(closed[i])), ERR_REFUSED);
	}
	assert_int_equal(import_psk(b, BYTES("opened"), BYTES("0123456789abcdef"), tomorrow()), ERR_OK);
	assert_int_equal(open_key(b, b->by[ROLE_GATE], BYTES("psk/opened")), ERR_REFUSED);
}

static err_t close_handle(struct bed *b, struct keeper_caller *who, uint32_t handle)
{
	begin(b, OP_CLOSE_HANDLE);
	wire_put_u32(&b->w, handle);
	return ask_of(b, who);
}

static void test_handle_is_bound_to_its_link(void **state)
{
	struct bed *b = *state;
	uint32_t handle;

	assert_int_equal(open_key(b, b->by[ROLE_GATE], BYTES("node")), ERR_OK);
	handle = answer_handle(b);
	assert_int_equal(close_handle(b, b->gate2, handle), ERR_MISSING);
	assert_int_equal(close_handle(b, b->by[ROLE_COURIER], handle), ERR_MISSING);
	assert_int_equal(close_handle(b, b->by[ROLE_GATE], handle ^ 1), ERR_MISSING);
	assert_int_equal(close_handle(b, b->by[ROLE_GATE], 0), ERR_MISSING);
	assert_int_equal(close_handle(b, b->by[ROLE_GATE], UINT32_MAX), ERR_MISSING);
	assert_int_equal(close_handle(b, b->by[ROLE_GATE], handle), ERR_OK);
	assert_int_equal(close_handle(b, b->by[ROLE_GATE], handle), ERR_MISSING);
}

static void test_handles_are_bounded_and_die_with_the_link(void **state)
{
	struct bed *b = *state;
	size_t before = handles_count(&b->ks);
	struct keeper_caller *gate;
	int n = 0;

	assert_int_equal(keeper_caller_new(&b->ks, ROLE_GATE, 3, &gate), ERR_OK);
	while (n < 5000 && open_key(b, gate, BYTES("node")) == ERR_OK)
		n++;
	assert_int_equal(n, KEEPER_HANDLES_MAX);
	assert_int_equal(b->out.p[0], ERR_FULL);
	assert_int_equal(handles_count(&b->ks), before + KEEPER_HANDLES_MAX);
	/* the others have room */
	assert_int_equal(open_key(b, b->gate2, BYTES("node")), ERR_OK);
	keeper_caller_end(&b->ks, gate);
	assert_int_equal(handles_count(&b->ks), before + 1);
}

static void test_callers_are_bounded(void **state)
{
	struct bed *b = *state;
	struct keeper_caller *more[KEEPER_CALLERS_MAX];
	size_t n = 0;

	while (n < KEEPER_CALLERS_MAX && keeper_caller_new(&b->ks, ROLE_GATE, 9, &more[n]) == ERR_OK)
		n++;
	assert_int_equal(b->ks.callers_n, KEEPER_CALLERS_MAX);
	while (n)
		keeper_caller_end(&b->ks, more[--n]);
}

/* --- signatures ---------------------------------------------------------------- */

static err_t sign(struct bed *b, struct keeper_caller *who, uint32_t handle, unsigned purpose,
                  struct bytes input)
{
	begin(b, OP_SIGN);
	wire_put_u32(&b->w, handle);
	wire_put_u8(&b->w, (uint8_t)purpose);
	wire_put_fixed(&b->w, BYTES_OF(TAG));
	wire_put_bytes(&b->w, input);
	return ask_of(b, who);
}

static uint32_t node_handle(struct bed *b, struct keeper_caller *who)
{
	assert_int_equal(open_key(b, who, BYTES("node")), ERR_OK);
	return answer_handle(b);
}

static size_t tls13_input(const char *context, size_t hash, uint8_t out[256])
{
	struct bytes text = bytes_str(context);

	for (int i = 0; i < 64; i++)
		out[i] = ' ';
	bytes_copy(out + 64, text.p, text.n);
	out[64 + text.n] = 0;
	for (size_t i = 0; i < hash; i++)
		out[65 + text.n + i] = (uint8_t)(i * 7);
	return 65 + text.n + hash;
}

#define SERVER "TLS 1.3, server CertificateVerify"
#define CLIENT "TLS 1.3, client CertificateVerify"

static void verify_answer(struct bed *b, struct bytes input)
{
	struct vault_key *node = vault_find(&b->ks.vault, BYTES("node"));
	struct bytes signature = wire_get_bytes(&b->r, 80);

	assert_int_equal(wire_done(&b->r), ERR_OK);
	assert_int_equal(crypt_p256_verify(node->key.public_key, input, signature), ERR_OK);
}

static void test_sign_tls13(void **state)
{
	struct bed *b = *state;
	uint32_t h = node_handle(b, b->by[ROLE_GATE]), c = node_handle(b, b->by[ROLE_COURIER]);
	uint8_t input[256];
	size_t n = tls13_input(SERVER, 32, input);

	assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS13_SERVER, bytes_make(input, n)), ERR_OK);
	verify_answer(b, bytes_make(input, n));
	/* each octet before the hash counts */
	for (size_t i = 0; i < n - 32; i++) {
		input[i] ^= 1;
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS13_SERVER, bytes_make(input, n)),
		                 ERR_REFUSED);
		input[i] ^= 1;
	}
	/* every other length, but that of SHA-384 */
	for (size_t hash = 0; hash < 100; hash++) {
		n = tls13_input(SERVER, hash, input);
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS13_SERVER, bytes_make(input, n)),
		                 hash == 32 || hash == 48 ? ERR_OK : ERR_REFUSED);
	}
	/* a server does not sign as client, nor the courier as server */
	n = tls13_input(CLIENT, 32, input);
	assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS13_SERVER, bytes_make(input, n)), ERR_REFUSED);
	assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS13_CLIENT, bytes_make(input, n)), ERR_REFUSED);
	assert_int_equal(sign(b, b->by[ROLE_COURIER], c, SIGN_TLS13_CLIENT, bytes_make(input, n)), ERR_OK);
	verify_answer(b, bytes_make(input, n));
	n = tls13_input(SERVER, 32, input);
	assert_int_equal(sign(b, b->by[ROLE_COURIER], c, SIGN_TLS13_SERVER, bytes_make(input, n)), ERR_REFUSED);
	for (unsigned purpose = 4; purpose < 256; purpose++)
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, purpose, bytes_make(input, n)), ERR_REFUSED);
	assert_int_equal(sign(b, b->by[ROLE_GATE], h, 0, bytes_make(input, n)), ERR_REFUSED);
	assert_int_equal(sign(b, b->gate2, h, SIGN_TLS13_SERVER, bytes_make(input, n)), ERR_MISSING);
}

static void test_sign_tls12(void **state)
{
	static const struct { uint8_t curve, point; } curves[] = {
		{ 23, 65 }, { 24, 97 }, { 25, 133 }, { 29, 32 }, { 30, 56 } };
	struct bed *b = *state;
	uint32_t h = node_handle(b, b->by[ROLE_GATE]), c = node_handle(b, b->by[ROLE_COURIER]);
	uint8_t input[256] = { 0 };

	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		size_t n = 64u + 4 + curves[i].point;
		struct bytes whole = { input, n };

		input[64] = 3;
		input[66] = curves[i].curve;
		input[67] = curves[i].point;
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS12_SERVER, whole), ERR_OK);
		verify_answer(b, whole);
		assert_int_equal(sign(b, b->by[ROLE_COURIER], c, SIGN_TLS12_SERVER, whole), ERR_REFUSED);
		for (size_t at = 64; at < 68; at++) {
			input[at] ^= 0x80;
			assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS12_SERVER, whole), ERR_REFUSED);
			input[at] ^= 0x80;
		}
		whole.n = n - 1;
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS12_SERVER, whole), ERR_REFUSED);
		whole.n = n + 1;
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS12_SERVER, whole), ERR_REFUSED);
	}
	for (size_t n = 0; n < 68; n++)
		assert_int_equal(sign(b, b->by[ROLE_GATE], h, SIGN_TLS12_SERVER, bytes_make(input, n)),
		                 ERR_REFUSED);
}

static void test_use_is_told_before_it_is_answered(void **state)
{
	struct bed *b = *state;
	uint32_t h = node_handle(b, b->gate2);
	uint8_t input[256];
	size_t n = tls13_input(SERVER, 32, input);
	struct vault_key *node = vault_find(&b->ks.vault, BYTES("node"));
	uint64_t uses = node->uses;
	struct wire_in in;

	assert_int_equal(sign(b, b->gate2, h, SIGN_TLS13_SERVER, bytes_make(input, n)), ERR_OK);
	assert_int_equal(b->told, MSG_CREDENTIAL_USED);
	in = wire_in(bytes_of_buf(&b->notice));
	assert_int_equal(wire_get_u8(&in), ROLE_GATE);
	assert_int_equal(wire_get_u8(&in), 2);
	assert_bytes(wire_get_fixed(&in, KEEPER_TAG), BYTES_OF(TAG));
	assert_int_equal(wire_get_u8(&in), CREDENTIAL_USED_NODE_KEY);
	assert_bytes(wire_get_bytes(&in, 128), BYTES("node"));
	{
		uint8_t digest[32]; /* and what was signed */

		crypt_sha256(bytes_make(input, n), digest);
		assert_bytes(wire_get_fixed(&in, 32), BYTES_OF(digest));
	}
	assert_int_equal(wire_done(&in), ERR_OK);
	assert_int_equal(node->uses, uses + 1);
	/* a core that cannot be told: no signature */
	b->deaf = ERR_CLOSED;
	assert_int_equal(sign(b, b->gate2, h, SIGN_TLS13_SERVER, bytes_make(input, n)), ERR_CLOSED);
	assert_int_equal(b->out.n, 1);
	assert_int_equal(node->uses, uses + 1);
	b->deaf = ERR_OK;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_export_is_refused_and_recorded),
		cmocka_unit_test(test_broken_link_is_recorded),
		cmocka_unit_test(test_refusals_do_not_flood),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_who_may_open),
		cmocka_unit_test(test_handle_is_bound_to_its_link),
		cmocka_unit_test(test_handles_are_bounded_and_die_with_the_link),
		cmocka_unit_test(test_callers_are_bounded),
		cmocka_unit_test(test_sign_tls13),
		cmocka_unit_test(test_sign_tls12),
		cmocka_unit_test(test_use_is_told_before_it_is_answered),
	};

	return cmocka_run_group_tests(tests, bed_setup, bed_teardown);
}
