/* keeper_program.c: keys for other programs: whose they are, what for, how often. */
#include "keeper/enrolment.h"
#include "keeper_help.h"

enum { ALICE = 1000, BOB = 1001 };

static err_t make(struct bed *b, const char *name, unsigned class, unsigned purpose)
{
	return create_key(b, name, class, purpose);
}

/* begin(), fields, then this: the call as the door sends it for that user. */
static err_t ask_as(struct bed *b, uint32_t user)
{
	struct buf call = buf_make(60000);
	struct wire_out w = wire_out(&call);

	wire_put_u32(&w, user);
	wire_put_u32(&w, 4711);
	wire_put_fixed(&w, bytes_of_buf(&b->in));
	assert_int_equal(w.err, ERR_OK);
	assert_int_equal(keeper_ask_program(&b->ks, b->by[ROLE_DOOR], 0, bytes_of_buf(&call), &b->out), ERR_OK);
	buf_free(&call);
	b->r = wire_in(bytes_of_buf(&b->out));
	return (err_t)wire_get_u8(&b->r);
}

static err_t sign(struct bed *b, uint32_t user, const char *name, unsigned purpose, struct bytes input)
{
	begin(b, OP_PROGRAM_SIGN);
	wire_put_bytes(&b->w, bytes_str(name));
	wire_put_u8(&b->w, (uint8_t)purpose);
	wire_put_bytes(&b->w, input);
	return ask_as(b, user);
}

static err_t agree(struct bed *b, uint32_t user, const char *name, struct bytes peer)
{
	begin(b, OP_PROGRAM_AGREE);
	wire_put_bytes(&b->w, bytes_str(name));
	wire_put_bytes(&b->w, peer);
	return ask_as(b, user);
}

/* The keeper counts by the second: begin a new one. */
static void next_second(struct bed *b)
{
	for (size_t i = 0; i < COUNT_OF(b->ks.programs); i++)
		if (b->ks.programs[i])
			for (size_t op = 0; op <= OP_COUNT; op++)
				b->ks.programs[i]->rates[op].since = 0;
	for (size_t i = 0; i < b->ks.callers_n; i++)
		for (size_t op = 0; op <= OP_COUNT; op++)
			b->ks.callers[i]->rates[op].since = 0;
}

static int setup(void **state)
{
	static const struct { const char *name; unsigned class, purpose; } rows[] = {
		{ "app/1000/tls", KEY_EC_P256, SIGN_PROGRAM_DIGEST }, { "app/1000/doc", KEY_EC_P256, SIGN_PROGRAM },
		{ "app/1000/ed", KEY_ED25519, SIGN_PROGRAM }, { "app/1000/dh", KEY_EC_P256, AGREE_PROGRAM },
		{ "app/1000/seal", KEY_SYMMETRIC_32, SEAL_PROGRAM }, { "app/1000/wrap", KEY_SYMMETRIC_32, WRAP_PROGRAM },
		{ "app/1001/tls", KEY_EC_P256, SIGN_PROGRAM_DIGEST }, { "user/s", KEY_EC_P256, SIGN_STATEMENT },
	};
	int err = bed_setup(state);
	struct bed *b = *state;

	for (size_t i = 0; !err && i < COUNT_OF(rows); i++)
		err = make(b, rows[i].name, rows[i].class, rows[i].purpose) != ERR_OK;
	return err;
}

static bool verifies(struct bed *b, const char *name, struct bytes message)
{
	struct vault_key *key = vault_find(&b->ks.vault, bytes_str(name));
	struct bytes signature = wire_get_bytes(&b->r, 256);

	assert_int_equal(wire_done(&b->r), ERR_OK);
	if (key->key.class == KEY_ED25519)
		return crypt_ed25519_verify(key->key.public_key, message, signature) == ERR_OK;
	return crypt_p256_verify(key->key.public_key, message, signature) == ERR_OK;
}

static void test_signs(void **state)
{
	struct bed *b = *state;
	struct bytes text = BYTES("what a program wants signed");
	uint8_t digest[32];

	next_second(b);
	crypt_sha256(text, digest);
	assert_int_equal(sign(b, ALICE, "app/1000/doc", SIGN_PROGRAM, text), ERR_OK);
	assert_true(verifies(b, "app/1000/doc", text));
	assert_int_equal(sign(b, ALICE, "app/1000/ed", SIGN_PROGRAM, text), ERR_OK);
	assert_true(verifies(b, "app/1000/ed", text));
	assert_int_equal(sign(b, ALICE, "app/1000/tls", SIGN_PROGRAM_DIGEST, BYTES_OF(digest)), ERR_OK);
	assert_true(verifies(b, "app/1000/tls", text));
	assert_int_equal(vault_find(&b->ks.vault, BYTES("app/1000/tls"))->uses, 1);
}

static void test_agrees(void **state)
{
	struct bed *b = *state;
	struct vault_key *key = vault_find(&b->ks.vault, BYTES("app/1000/dh"));
	uint8_t point[65], x[32], off[65] = { 4 };
	struct crypt_key own;

	next_second(b);
	assert_int_equal(crypt_p256_new(&own), ERR_OK);
	assert_int_equal(crypt_p256_point(&own, point), ERR_OK);
	assert_int_equal(crypt_p256_ecdh(&own, key->key.public_key, x), ERR_OK);
	assert_int_equal(agree(b, ALICE, "app/1000/dh", BYTES_OF(point)), ERR_OK);
	assert_bytes(b->r.rest, BYTES_OF(x));
	assert_int_equal(agree(b, ALICE, "app/1000/dh", BYTES_OF(off)), ERR_SYNTAX);
	assert_int_equal(agree(b, ALICE, "app/1000/dh", BYTES_NONE), ERR_SYNTAX);
	assert_int_equal(agree(b, ALICE, "app/1000/tls", BYTES_OF(point)), ERR_REFUSED);
	assert_int_equal(agree(b, BOB, "app/1000/dh", BYTES_OF(point)), ERR_REFUSED);
	crypt_key_free(&own);
}

static err_t seal(struct bed *b, uint32_t user, unsigned op, const char *name, struct bytes more, struct bytes input)
{
	begin(b, op);
	wire_put_bytes(&b->w, bytes_str(name));
	wire_put_bytes(&b->w, more);
	wire_put_bytes(&b->w, input);
	return ask_as(b, user);
}

/* Sealed and opened, also by what an earlier version sealed; nothing altered, nothing of
 * another user, key or use. */
static void test_seals(void **state)
{
	struct bed *b = *state;
	struct vault_key *old = vault_find(&b->ks.vault, BYTES("app/1000/seal")), *made;
	struct vault_key fresh = vault_key_new(old->provider, old->key.class, old->origin, 0);
	struct buf sealed = buf_make(8192);
	uint8_t digest[32] = { 0 };

	next_second(b);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("more"), BYTES("plain text")), ERR_OK);
	assert_int_equal(buf_add(&sealed, b->r.rest), ERR_OK);
	assert_int_equal(get_be32(sealed.p), 1);
	assert_int_equal(sealed.n, 4 + 1 + 12 + 10 + 16);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("more"), bytes_of_buf(&sealed)), ERR_OK);
	assert_bytes(b->r.rest, BYTES("plain text"));
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("more"), BYTES("plain text")), ERR_OK);
	assert_false(bytes_equal(b->r.rest, bytes_of_buf(&sealed)));
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("more"), bytes_of_buf(&sealed)),
		                 i < 3 ? ERR_MISSING : ERR_TAMPERED); /* there is no version 0 */
		sealed.p[i] ^= 1;
		assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("more"), bytes_make(sealed.p, i)), ERR_TAMPERED);
	}
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("less"), bytes_of_buf(&sealed)), ERR_TAMPERED);
	assert_int_equal(seal(b, BOB, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("more"), bytes_of_buf(&sealed)), ERR_REFUSED);
	assert_int_equal(seal(b, BOB, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("more"), BYTES("x")), ERR_REFUSED);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "app/1000/tls", BYTES("more"), BYTES("x")), ERR_REFUSED);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "root", BYTES("more"), BYTES("x")), ERR_REFUSED);
	assert_int_equal(sign(b, ALICE, "app/1000/seal", SEAL_PROGRAM, BYTES_OF(digest)), ERR_REFUSED);
	assert_int_equal(fresh.provider->make(&fresh.key), ERR_OK);
	assert_int_equal(vault_renew(&b->ks.vault, old, &fresh, &made), ERR_OK);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("more"), bytes_of_buf(&sealed)), ERR_OK);
	assert_bytes(b->r.rest, BYTES("plain text"));
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("more"), BYTES("x")), ERR_OK);
	assert_int_equal(get_be32(b->r.rest.p), 2);
	buf_free(&sealed);
}

static err_t wrapped_do(struct bed *b, unsigned op, const char *name, struct bytes input, struct bytes wrapped)
{
	begin(b, op);
	wire_put_bytes(&b->w, bytes_str(name));
	wire_put_bytes(&b->w, BYTES("more"));
	wire_put_bytes(&b->w, input);
	wire_put_bytes(&b->w, wrapped);
	return ask_as(b, ALICE);
}

static err_t wrap(struct bed *b, uint32_t user, const char *name)
{
	begin(b, OP_PROGRAM_WRAP);
	wire_put_bytes(&b->w, bytes_str(name));
	return ask_as(b, user);
}

/* A key in a key: no octet of it or of what it sealed may differ, no other key opens it, and
 * the wrapping key does nothing else. */
static void test_wraps(void **state)
{
	struct bed *b = *state;
	struct buf wrapped = buf_make(256), sealed = buf_make(256);
	const char *name = "app/1000/wrap";

	next_second(b);
	assert_int_equal(wrap(b, ALICE, name), ERR_OK);
	assert_int_equal(buf_add(&wrapped, b->r.rest), ERR_OK);
	assert_int_equal(wrapped.n, 4 + 1 + 12 + 32 + 16);
	assert_int_equal(wrapped_do(b, OP_PROGRAM_SEAL, name, BYTES("plain text"), bytes_of_buf(&wrapped)), ERR_OK);
	assert_int_equal(buf_add(&sealed, b->r.rest), ERR_OK);
	assert_int_equal(wrapped_do(b, OP_PROGRAM_UNSEAL, name, bytes_of_buf(&sealed), bytes_of_buf(&wrapped)), ERR_OK);
	assert_bytes(b->r.rest, BYTES("plain text"));
	for (size_t i = 0; i < wrapped.n; i++) {
		wrapped.p[i] ^= 1;
		assert_int_equal(wrapped_do(b, OP_PROGRAM_UNSEAL, name, bytes_of_buf(&sealed), bytes_of_buf(&wrapped)),
		                 i < 3 ? ERR_MISSING : ERR_TAMPERED);
		wrapped.p[i] ^= 1;
		if (i)
			assert_int_equal(wrapped_do(b, OP_PROGRAM_UNSEAL, name, bytes_of_buf(&sealed), bytes_make(wrapped.p, i)), ERR_TAMPERED);
	}
	for (size_t i = 0; i < sealed.n; i++) {
		sealed.p[i] ^= 1;
		assert_int_equal(wrapped_do(b, OP_PROGRAM_UNSEAL, name, bytes_of_buf(&sealed), bytes_of_buf(&wrapped)), ERR_TAMPERED);
		sealed.p[i] ^= 1;
		assert_int_equal(wrapped_do(b, OP_PROGRAM_UNSEAL, name, bytes_make(sealed.p, i), bytes_of_buf(&wrapped)), ERR_TAMPERED);
	}
	/* one key for one thing */
	assert_int_equal(wrapped_do(b, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("x"), bytes_of_buf(&wrapped)), ERR_REFUSED);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, name, BYTES("more"), BYTES("x")), ERR_REFUSED);
	assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, name, BYTES("holdfast wrapped key"), bytes_of_buf(&wrapped)), ERR_REFUSED);
	assert_int_equal(wrap(b, ALICE, "app/1000/seal"), ERR_REFUSED);
	assert_int_equal(wrap(b, BOB, name), ERR_REFUSED);
	assert_int_equal(wrap(b, ALICE, "root"), ERR_REFUSED);
	buf_free(&wrapped);
	buf_free(&sealed);
}

/* What is sealed is opened, up to the most that is taken; by a key of one's own and by a wrapped one. */
static void test_seals_the_most(void **state)
{
	struct buf wrapped = buf_make(256), sealed = buf_make(2 * TOKEN_MESSAGE_MAX);
	static uint8_t most[TOKEN_MESSAGE_MAX + 1];
	struct bed *b = *state;

	next_second(b);
	crypt_random(most, sizeof(most));
	assert_int_equal(wrap(b, ALICE, "app/1000/wrap"), ERR_OK);
	assert_int_equal(buf_add(&wrapped, b->r.rest), ERR_OK);
	for (size_t n = TOKEN_MESSAGE_MAX - 12; n <= TOKEN_MESSAGE_MAX; n++) {
		struct bytes plain = bytes_make(most, n);

		next_second(b);
		buf_clear(&sealed);
		assert_int_equal(wrapped_do(b, OP_PROGRAM_SEAL, "app/1000/wrap", plain, bytes_of_buf(&wrapped)), ERR_OK);
		assert_int_equal(buf_add(&sealed, b->r.rest), ERR_OK);
		assert_int_equal(wrapped_do(b, OP_PROGRAM_UNSEAL, "app/1000/wrap", bytes_of_buf(&sealed), bytes_of_buf(&wrapped)), ERR_OK);
		assert_bytes(b->r.rest, plain);
		buf_clear(&sealed);
		assert_int_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("more"), plain), ERR_OK);
		assert_int_equal(buf_add(&sealed, b->r.rest), ERR_OK);
		assert_int_equal(seal(b, ALICE, OP_PROGRAM_UNSEAL, "app/1000/seal", BYTES("more"), bytes_of_buf(&sealed)), ERR_OK);
		assert_bytes(b->r.rest, plain);
	}
	assert_int_not_equal(wrapped_do(b, OP_PROGRAM_SEAL, "app/1000/wrap", BYTES_OF(most), bytes_of_buf(&wrapped)), ERR_OK);
	assert_int_not_equal(seal(b, ALICE, OP_PROGRAM_SEAL, "app/1000/seal", BYTES("more"), BYTES_OF(most)), ERR_OK);
	buf_free(&wrapped);
	buf_free(&sealed);
}

static void test_random(void **state)
{
	static const unsigned bad[] = { 0, PROGRAM_RANDOM_MAX + 1, 65535 };
	struct bed *b = *state;

	next_second(b);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		begin(b, OP_PROGRAM_RANDOM);
		wire_put_u16(&b->w, (uint16_t)bad[i]);
		assert_int_equal(ask_as(b, ALICE), ERR_RANGE);
	}
	begin(b, OP_PROGRAM_RANDOM);
	wire_put_u16(&b->w, PROGRAM_RANDOM_MAX);
	assert_int_equal(ask_as(b, ALICE), ERR_OK);
	assert_int_equal(b->r.rest.n, PROGRAM_RANDOM_MAX);
}

static void test_refuses(void **state)
{
	static const char *const others[] = { "app/1000/tls", "app/1000/none", "app/0/tls", "app/01001/tls", "app/1001",
		                              "app/1001/", "app//tls", "app/4294967295/x", "app/1001x/tls",
		                              "node", "ca", "root", "user/s", "psk/x", "", "app/" };
	struct bed *b = *state;
	uint8_t digest[32] = { 1 }, longer[48] = { 1 };
	struct vault_key *own = vault_find(&b->ks.vault, BYTES("app/1001/tls"));
	uint64_t uses = own->uses;

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		next_second(b);
		b->told = (enum message_type)0;
		assert_int_equal(sign(b, BOB, others[i], SIGN_PROGRAM_DIGEST, BYTES_OF(digest)), ERR_REFUSED);
		/* on record, with who it was */
		assert_int_equal(b->told, MSG_KEEPER_EVENT);
		assert_int_equal(b->notice.p[2], ROLE_PROGRAM);
		assert_true(bytes_ends(bytes_sub(bytes_of_buf(&b->notice), 0, b->notice.n - 8), BYTES(" user 1001")));
	}
	/* for another purpose, of another form; of no such name */
	next_second(b);
	for (unsigned purpose = 0; purpose < 256; purpose++)
		if (purpose != SIGN_PROGRAM_DIGEST)
			assert_int_equal(sign(b, BOB, "app/1001/tls", purpose, BYTES_OF(digest)), ERR_REFUSED);
	assert_int_equal(sign(b, BOB, "app/1001/tls", SIGN_PROGRAM_DIGEST, BYTES_OF(longer)), ERR_SYNTAX);
	assert_int_equal(sign(b, BOB, "app/1001/tls", SIGN_PROGRAM_DIGEST, BYTES_NONE), ERR_SYNTAX);
	assert_int_equal(sign(b, ALICE, "app/1000/dh", AGREE_PROGRAM, BYTES_OF(digest)), ERR_REFUSED);
	assert_int_equal(sign(b, BOB, "app/1001/none", SIGN_PROGRAM_DIGEST, BYTES_OF(digest)), ERR_MISSING);
	assert_int_equal(own->uses, uses);
}

static bool is_of_programs(unsigned op)
{
	return (op >= OP_PROGRAM_KEYS && op <= OP_PROGRAM_WRAP) || op == OP_PROGRAM_RANDOM;
}

/* What is not for programs they cannot ask; what is for them nobody else can. */
static void test_other_operations(void **state)
{
	struct bed *b = *state;

	for (unsigned op = 0; op < OP_COUNT; op++) {
		err_t err;

		next_second(b);
		begin(b, (enum operation)op);
		err = ask_as(b, ALICE);
		if (is_of_programs(op))
			assert_int_equal(err, ERR_SYNTAX);
		else
			assert_true(err == ERR_REFUSED || err == ERR_UNSUPPORTED);
	}
	for (int role = ROLE_CORE; role <= ROLE_DOOR; role++) {
		for (unsigned op = 0; op < OP_COUNT; op++) {
			if (!is_of_programs(op))
				continue;
			begin(b, (enum operation)op);
			assert_int_equal(ask(b, (enum role)role), ERR_REFUSED);
		}
		assert_int_equal(open_key(b, b->by[role], BYTES("app/1000/doc")), ERR_REFUSED);
	}
}

static void test_lists_own(void **state)
{
	struct bed *b = *state;
	uint32_t next, rows, seen = 0;

	next_second(b);
	begin(b, OP_PROGRAM_KEYS);
	wire_put_u32(&b->w, 0);
	assert_int_equal(ask_as(b, ALICE), ERR_OK);
	next = wire_get_u32(&b->r);
	rows = wire_get_u32(&b->r);
	assert_int_equal(next, 0);
	for (uint32_t i = 0; i < rows; i++) {
		struct bytes name = wire_get_bytes(&b->r, KEEPER_NAME_MAX);
		unsigned class = wire_get_u8(&b->r), purpose = wire_get_u8(&b->r);

		assert_true(bytes_starts(name, BYTES("app/1000/")));
		assert_true(purpose >= SIGN_PROGRAM && purpose <= WRAP_PROGRAM);
		assert_int_equal(wire_get_bytes(&b->r, 65).n, class == KEY_ED25519 ? 32 : class == KEY_EC_P256 ? 65 : 0);
		seen++;
	}
	assert_int_equal(wire_done(&b->r), ERR_OK);
	assert_int_equal(seen, 6);
	begin(b, OP_PROGRAM_KEYS);
	wire_put_u32(&b->w, 0);
	assert_int_equal(ask_as(b, 4242), ERR_OK);
	assert_int_equal(wire_get_u32(&b->r), 0);
	assert_int_equal(wire_get_u32(&b->r), 0);
	begin(b, OP_PROGRAM_KEYS);
	wire_put_u32(&b->w, UINT32_MAX);
	assert_int_equal(ask_as(b, ALICE), ERR_OK);
	assert_int_equal(wire_get_u64(&b->r), 0);
}

/* One user's flood is that user's. More users than there are places get theirs. */
static void test_rates(void **state)
{
	struct bed *b = *state;
	unsigned done = 0, limited = 0;
	uint8_t digest[32] = { 1 };
	int notices;

	next_second(b);
	for (int i = 0; i < 3000; i++) {
		err_t err = sign(b, ALICE, "app/1000/none", SIGN_PROGRAM_DIGEST, BYTES_OF(digest));

		done += err == ERR_MISSING;
		limited += err == ERR_LIMIT;
	}
	assert_int_equal(done + limited, 3000);
	assert_true(done >= 1000 && limited > 0);
	assert_int_equal(sign(b, BOB, "app/1001/tls", SIGN_PROGRAM_DIGEST, BYTES_OF(digest)), ERR_OK);
	next_second(b);
	notices = b->notices;
	for (int i = 0; i < 500; i++)
		assert_int_equal(sign(b, BOB, "ca", SIGN_PROGRAM_DIGEST, BYTES_OF(digest)), ERR_REFUSED);
	assert_true(b->notices > notices && b->notices - notices <= 20);
	for (uint32_t user = 5000; user < 5200; user++) {
		begin(b, OP_PROGRAM_KEYS);
		wire_put_u32(&b->w, 0);
		assert_int_equal(ask_as(b, user), ERR_OK);
	}
}

static void test_makes(void **state)
{
	static const struct { const char *name; unsigned class, purpose; err_t want; } rows[] = {
		{ "app/x", KEY_EC_P256, SIGN_PROGRAM, ERR_SYNTAX }, { "app/x/y", KEY_EC_P256, SIGN_PROGRAM, ERR_SYNTAX },
		{ "app/", KEY_EC_P256, SIGN_PROGRAM, ERR_SYNTAX }, { "app/1/", KEY_EC_P256, SIGN_PROGRAM, ERR_SYNTAX },
		{ "app/-1/x", KEY_EC_P256, SIGN_PROGRAM, ERR_SYNTAX }, { "app/00/x", KEY_EC_P256, SIGN_PROGRAM, ERR_SYNTAX },
		{ "app/1/x", KEY_SYMMETRIC_32, SIGN_PROGRAM, ERR_UNSUPPORTED },
		{ "app/1/x", KEY_SYMMETRIC_16, SEAL_PROGRAM, ERR_UNSUPPORTED }, { "app/1/x", KEY_EC_P256, SEAL_PROGRAM, ERR_REFUSED },
		{ "user/x", KEY_SYMMETRIC_32, SEAL_PROGRAM, ERR_REFUSED }, { "app/1/s", KEY_SYMMETRIC_32, SEAL_PROGRAM, ERR_OK },
		{ "app/1/x", KEY_SYMMETRIC_16, SIGN_NOTHING, ERR_UNSUPPORTED },
		{ "app/1/x", KEY_EC_P256, SIGN_NOTHING, ERR_REFUSED }, { "app/1/x", KEY_EC_P256, SIGN_STATEMENT, ERR_REFUSED },
		{ "app/1/x", KEY_EC_P256, SIGN_TLS13_SERVER, ERR_REFUSED },
		{ "app/1/x", KEY_ED25519, SIGN_PROGRAM_DIGEST, ERR_REFUSED },
		{ "app/1/x", KEY_ED25519, AGREE_PROGRAM, ERR_REFUSED }, { "app/1/x", KEY_EC_P256, 8, ERR_REFUSED },
		{ "user/x", KEY_EC_P256, SIGN_PROGRAM, ERR_REFUSED }, { "user/x", KEY_EC_P256, AGREE_PROGRAM, ERR_REFUSED },
		{ "app/0/x", KEY_EC_P256, SIGN_PROGRAM, ERR_OK }, { "app/1/a/b", KEY_EC_P256, AGREE_PROGRAM, ERR_OK },
	};
	struct bed *b = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		next_second(b);
		assert_int_equal(make(b, rows[i].name, rows[i].class, rows[i].purpose), rows[i].want);
	}
	keeper_forget_key(&b->ks, vault_find(&b->ks.vault, BYTES("app/0/x")));
	assert_int_equal(sign(b, 0, "app/0/x", SIGN_PROGRAM, BYTES("x")), ERR_MISSING);
}

static err_t keys_of(struct bed *b, uint32_t user)
{
	begin(b, OP_PROGRAM_KEYS);
	wire_put_u32(&b->w, 0);
	return ask_as(b, user);
}

/* A user beyond the share of the keeper's time is refused; others are not. A gate
 * is put behind the others, and never refused. */
static void test_share(void **state)
{
	struct bed *b = *state;
	struct keeper_caller *program = NULL, *other = b->by[ROLE_GATE];

	b->ks.share[ROLE_PROGRAM] = 100;
	b->ks.share[ROLE_DOOR] = 200;
	b->ks.share[ROLE_GATE] = 500;
	assert_int_equal(keys_of(b, 4001), ERR_OK);
	for (size_t i = 0; i < COUNT_OF(b->ks.programs); i++) {
		if (b->ks.programs[i] && b->ks.programs[i]->user == 4001)
			program = b->ks.programs[i];
	}
	assert_non_null(program);
	assert_true(program->time.left <= 50000 && program->time.left > 0);
	bucket_take(&program->time, 60000);
	assert_int_equal(keys_of(b, 4001), ERR_LIMIT);
	assert_int_equal(keys_of(b, 4002), ERR_OK);
	/* it comes back with time, to half a second's worth at most */
	program->time.since -= 10000000;
	assert_int_equal(keys_of(b, 4001), ERR_OK);
	assert_true(program->time.left <= 50000);
	/* a gate is put behind, never refused */
	assert_false(keeper_is_beyond(&b->ks, other));
	bucket_take(&other->time, INT64_C(10000000));
	assert_true(keeper_is_beyond(&b->ks, other));
	/* a little at a time while another asks who is within its share; else as any */
	b->ks.within_at = clock_micro();
	assert_int_equal(keeper_turn(&b->ks, other), 4);
	assert_int_equal(keeper_turn(&b->ks, b->gate2), 64);
	assert_int_equal(keeper_turn(&b->ks, b->by[ROLE_CORE]), 64);
	b->ks.within_at = clock_micro() - 6000;
	assert_int_equal(keeper_turn(&b->ks, other), 64);
	/* to ask when beyond does not count as another's asking; within, it does */
	begin(b, OP_CLOSE_HANDLE);
	wire_put_u32(&b->w, 1);
	assert_int_equal(keeper_ask(&b->ks, other, 1, bytes_of_buf(&b->in), &b->out), ERR_OK);
	assert_int_equal(keeper_turn(&b->ks, other), 64);
	assert_int_equal(keeper_ask(&b->ks, b->gate2, 1, bytes_of_buf(&b->in), &b->out), ERR_OK);
	assert_int_equal(keeper_turn(&b->ks, other), 4);
	begin(b, OP_OPEN_KEY);
	wire_put_bytes(&b->w, BYTES("node"));
	assert_int_equal(ask(b, ROLE_GATE), ERR_OK);
	/* and owes a bounded time */
	other->time.since -= 600000;
	assert_false(keeper_is_beyond(&b->ks, other));
	b->ks.share[ROLE_GATE] = 0;
	bucket_take(&other->time, INT64_C(10000000));
	assert_false(keeper_is_beyond(&b->ks, other));
	b->ks.share[ROLE_PROGRAM] = b->ks.share[ROLE_DOOR] = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signs), cmocka_unit_test(test_agrees), cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_other_operations), cmocka_unit_test(test_lists_own), cmocka_unit_test(test_rates),
		cmocka_unit_test(test_makes), cmocka_unit_test(test_seals), cmocka_unit_test(test_wraps), cmocka_unit_test(test_seals_the_most), cmocka_unit_test(test_random), cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests(tests, setup, bed_teardown);
}
