/* enrolment: each bound of a ticket says no, and the claim is read strictly. */
#include "security/enrolment/inner.h"
#include "client/claim.h"
#include "store_room.h"

enum { NOW = 1000000000, HOUR = 3600000 };

static const uint8_t secret[TICKET_SECRET] = "sixteen octets!";

static struct ticket some(const char *id, const char *pattern, uint32_t uses)
{
	struct ticket t = { .uses = uses, .created = NOW, .until = NOW + HOUR, .protection = 1, .days = 30 };

	crypt_sha256(BYTES_OF(secret), t.digest);
	snprintf(t.id, sizeof(t.id), "%s", id);
	snprintf(t.pattern, sizeof(t.pattern), "%s", pattern);
	snprintf(t.app_id, sizeof(t.app_id), "Napp");
	return t;
}

static const uint8_t point[65] = { 4, 1, 2, 3 };

/* What a joiner with that secret shows for that identifier and key. */
static void prove(const uint8_t with[TICKET_SECRET], const char *id, struct bytes key, uint8_t mac[32])
{
	struct buf message = buf_make(512);
	struct crypt_hmac h = { 0 };
	uint8_t digest[32];

	crypt_sha256(bytes_make(with, TICKET_SECRET), digest);
	OK(buf_add(&message, BYTES("holdfast joining\0")));
	OK(buf_add(&message, bytes_str(id)));
	OK(buf_add_byte(&message, 0));
	OK(buf_add(&message, key));
	OK(crypt_hmac_init(&h, BYTES_OF(digest)));
	crypt_hmac(&h, bytes_of_buf(&message), mac);
	crypt_hmac_free(&h);
	buf_free(&message);
}

static struct join_ask asked(const char *ticket, const char *id)
{
	static uint8_t mac[32];

	prove(secret, id, BYTES_OF(point), mac);
	return (struct join_ask){ .way = JOIN_BY_TICKET, .id = bytes_str(id), .ticket = bytes_str(ticket),
		                  .key = BYTES_OF(point), .mac = BYTES_OF(mac), .now = NOW + 1 };
}

static err_t tried(struct store *s, const struct join_ask *ask)
{
	struct join_grant grant;
	const char *reason;
	err_t err = join_authorise(s, ask, &grant, &reason);

	if (err == ERR_OK) {
		assert_string_equal(grant.app_id, "Napp");
		assert_int_equal(grant.days, 30);
	} else {
		assert_non_null(reason);
	}
	return err;
}

static struct ticket now_is(struct store *s, const char *id)
{
	struct ticket t;
	bool found;

	OK(ticket_read(s, bytes_str(id), &t, &found));
	assert_true(found);
	return t;
}

static void test_bounds(void **state)
{
	struct store_room room = { .engine = "memory" };
	struct ticket t = some("0123456789abcdef", "Cdev*", 2);
	struct join_ask ask = asked(t.id, "Cdev1");
	struct store *s;

	room_open(&room);
	s = room.s;
	OK(store_begin(s));
	OK(ticket_create(s, &t));
	assert_int_equal(ticket_create(s, &t), ERR_EXISTS);
	ask.now = t.until; /* over */
	assert_int_equal(tried(s, &ask), ERR_REFUSED);
	ask = asked(t.id, "Cother");
	assert_int_equal(tried(s, &ask), ERR_REFUSED);
	ask = asked("fedcba9876543210", "Cdev1");
	assert_int_equal(tried(s, &ask), ERR_REFUSED);
	assert_int_equal(now_is(s, t.id).used, 0);
	ask = asked(t.id, "Cdev1");
	assert_int_equal(tried(s, &ask), ERR_OK);
	assert_int_equal(tried(s, &ask), ERR_OK);
	/* one comes back, and is spent again */
	OK(join_give_back(s, BYTES("ticket 0123456789abcdef")));
	assert_int_equal(now_is(s, t.id).used, 1);
	assert_int_equal(tried(s, &ask), ERR_OK);
	assert_int_equal(tried(s, &ask), ERR_REFUSED);
	assert_int_equal(now_is(s, t.id).state, TICKET_EXCEEDED);
	OK(join_give_back(s, BYTES("ticket 0123456789abcdef")));
	assert_int_equal(tried(s, &ask), ERR_REFUSED); /* dead is dead */
	OK(store_commit(s));
	store_close(room.s);
}

static void test_guessed_and_killed(void **state)
{
	struct store_room room = { .engine = "memory" };
	struct ticket t = some("0123456789abcdef", "*", 9), other = some("1123456789abcdef", "*", 9);
	struct join_ask ask = asked(t.id, "Cdev1");
	uint8_t wrong[32];
	bool found;

	room_open(&room);
	OK(store_begin(room.s));
	OK(ticket_create(room.s, &t));
	OK(ticket_create(room.s, &other));
	prove((const uint8_t *)"another secret!!", "Cdev1", BYTES_OF(point), wrong);
	ask.mac = BYTES_OF(wrong);
	for (int i = 0; i < TICKET_WRONG_MAX; i++)
		assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	assert_int_equal(now_is(room.s, t.id).state, TICKET_GUESSED);
	ask = asked(t.id, "Cdev1");
	assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	ask.ticket = bytes_str(other.id);
	assert_int_equal(tried(room.s, &ask), ERR_OK);
	OK(ticket_kill(room.s, bytes_str(other.id), &found));
	assert_true(found);
	assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	OK(ticket_kill(room.s, BYTES("nothing"), &found));
	assert_false(found);
	OK(store_commit(room.s));
	store_close(room.s);
}

/* The proof of one identifier and key is none for another: who passes it on changes nothing. */
static void test_proof_is_of_one_key(void **state)
{
	struct store_room room = { .engine = "memory" };
	struct ticket t = some("0123456789abcdef", "*", 9);
	static const uint8_t other[65] = { 4, 9, 9, 9 };
	struct join_ask ask = asked(t.id, "Cdev1"), good = ask;
	uint8_t mac[32];

	room_open(&room);
	OK(store_begin(room.s));
	OK(ticket_create(room.s, &t));
	ask.key = BYTES_OF(other);
	assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	ask = good;
	ask.id = BYTES("Cdev2");
	assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	ask = good;
	ask.mac = BYTES_OF(secret); /* the secret itself is no proof */
	assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	prove(secret, "Cdev1", BYTES_OF(other), mac);
	ask = good;
	ask.mac = BYTES_OF(mac);
	assert_int_equal(tried(room.s, &ask), ERR_REFUSED);
	assert_int_equal(now_is(room.s, t.id).wrong, 4);
	ask.key = BYTES_OF(other);
	assert_int_equal(tried(room.s, &ask), ERR_OK);
	OK(store_commit(room.s));
	store_close(room.s);
}

static void test_maker_once(void **state)
{
	uint8_t print[32] = { 7 }, maker[32] = { 0xab }, stranger[32] = { 0xab, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct join_ask ask = { .way = JOIN_BY_MAKER, .id = BYTES("Cdev1"), .device = BYTES_OF(print),
		                .maker = BYTES_OF(maker), .now = NOW };
	struct ticket t = some("ab00000000000000", "Cdev*", 1);
	struct store_room room = { .engine = "memory" };
	struct join_grant grant;
	const char *reason;

	room_open(&room);
	OK(store_begin(room.s));
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	t.kind = TICKET_MAKER;
	bytes_copy(t.digest, maker, sizeof(maker));
	OK(ticket_create(room.s, &t));
	ask.maker = BYTES_OF(stranger); /* the same first octets */
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	ask.maker = BYTES_OF(maker);
	ask.id = BYTES("Sother");
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	ask.id = BYTES("Cdev1");
	ask.way = JOIN_BY_TICKET; /* a maker is nobody's ticket, and nobody's guess kills it */
	ask.ticket = bytes_str(t.id);
	for (int i = 0; i < 2 * TICKET_WRONG_MAX; i++)
		assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	ask.way = JOIN_BY_MAKER;
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_OK);
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	ask.device = bytes_make(print, 31);
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	ask.device = BYTES_OF(print);
	OK(join_give_back(room.s, bytes_str("maker 0700000000000000000000000000000000000000000000000000000000000000")));
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_OK);
	ask.way = JOIN_BY_ASSOCIATION; /* without one */
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	ask.way = (enum join_way)5;
	assert_int_equal(join_authorise(room.s, &ask, &grant, &reason), ERR_REFUSED);
	OK(store_commit(room.s));
	store_close(room.s);
}

/* The ticket of a subscriber is named by the digest of its identity. */
static struct ticket subscriber(const char *identity, const char *pattern)
{
	struct ticket t = some("", pattern, 1);

	crypt_sha256(bytes_str(identity), t.digest);
	bytes_to_hex(bytes_make(t.digest, TICKET_ID / 2), t.id, sizeof(t.id));
	t.kind = TICKET_SUBSCRIBER;
	return t;
}

static err_t comes(struct store *s, const char *identity, const char *stem, bool taken, struct join_grant *grant)
{
	struct join_ask ask = { .way = JOIN_BY_NETWORK, .id = bytes_str(stem), .subscriber = bytes_str(identity),
		                .taken = taken, .now = NOW };
	const char *reason;
	err_t err = join_authorise(s, &ask, grant, &reason);

	assert_true(err == ERR_OK || reason != NULL);
	return err;
}

static void test_network(void **state)
{
	struct ticket one = subscriber("one@ims", "Cgw Cgw-*"), two = subscriber("two@ims", "Cgw2 Cgw-*");
	struct ticket alone = subscriber("alone@ims", "Calone");
	struct store_room room = { .engine = "memory" };
	struct join_grant g;
	bool found;

	room_open(&room);
	OK(store_begin(room.s));
	assert_int_equal(comes(room.s, "one@ims", "", false, &g), ERR_REFUSED);
	OK(ticket_create(room.s, &one));
	OK(ticket_create(room.s, &two));
	OK(ticket_create(room.s, &alone));
	OK(comes(room.s, "one@ims", "", true, &g)); /* again and again: its uses do not end it */
	OK(comes(room.s, "one@ims", "", true, &g));
	assert_string_equal(g.id, "Cgw");
	assert_true(bytes_starts(bytes_str(g.by), BYTES(JOIN_BY_NETWORK_TEXT)));
	assert_int_equal(comes(room.s, "", "", false, &g), ERR_REFUSED);
	assert_int_equal(comes(room.s, "One@ims", "", false, &g), ERR_REFUSED);
	/* behind: by the pattern, bound to the first */
	assert_int_equal(comes(room.s, "one@ims", "Cgw", false, &g), ERR_REFUSED);
	assert_int_equal(comes(room.s, "one@ims", "Cother", false, &g), ERR_REFUSED);
	assert_int_equal(comes(room.s, "alone@ims", "Cgw-1", false, &g), ERR_REFUSED);
	assert_int_equal(comes(room.s, "one@ims", "Cgw-1", true, &g), ERR_REFUSED);
	OK(comes(room.s, "one@ims", "Cgw-1", false, &g));
	assert_string_equal(g.id, "Cgw-1");
	OK(comes(room.s, "one@ims", "Cgw-1", true, &g));
	assert_int_equal(comes(room.s, "two@ims", "Cgw-1", true, &g), ERR_REFUSED);
	OK(comes(room.s, "two@ims", "Cgw-2", false, &g));
	/* nobody's claim, and no claim opens it */
	assert_int_equal(join_authorise(room.s, &(struct join_ask){ .way = JOIN_BY_TICKET, .id = BYTES("Cgw"),
		.ticket = bytes_str(one.id), .now = NOW }, &g, &(const char *){ NULL }), ERR_REFUSED);
	OK(ticket_kill(room.s, bytes_str(one.id), &found));
	assert_int_equal(comes(room.s, "one@ims", "", false, &g), ERR_REFUSED);
	assert_int_equal(comes(room.s, "one@ims", "Cgw-1", true, &g), ERR_REFUSED);
	OK(store_commit(room.s));
	store_close(room.s);
}

static void test_revoked(void **state)
{
	uint8_t none[SERIAL] = { 0 }, one[SERIAL] = { 0x41 }, two[SERIAL] = { 0x42 };
	struct store_room room = { .engine = "memory" };
	struct buf out = buf_make(48);

	room_open(&room);
	OK(store_begin(room.s));
	OK(revoked_add(room.s, none, NOW, NOW + HOUR)); /* not known: not listed */
	OK(revoked_add(room.s, one, NOW, NOW + HOUR));
	OK(revoked_gather(room.s, NOW + 1, &out));
	assert_int_equal(out.n, 24);
	assert_memory_equal(out.p, one, SERIAL);
	assert_true(get_be64(out.p + SERIAL) == NOW);
	OK(revoked_add(room.s, two, NOW, NOW + 2 * HOUR));
	buf_clear(&out);
	OK(revoked_gather(room.s, NOW + HOUR, &out)); /* the first would have ended */
	assert_int_equal(out.n, 24);
	assert_memory_equal(out.p, two, SERIAL);
	assert_int_equal(revoked_gather(room.s, NOW + 1, &out), ERR_LIMIT); /* two more do not fit */
	OK(store_commit(room.s));
	buf_free(&out);
	store_close(room.s);
}

static void test_patterns(void **state)
{
	static const struct { const char *pattern, *id; bool fits; } rows[] = {
		{ "Cdev7", "Cdev7", true }, { "Cdev7", "Cdev70", false }, { "Cdev*", "Cdev", true },
		{ "Cdev*", "CdeV1", false }, { "C*7", "Cdev17", true }, { "C*7", "Cdev71", false },
		{ "*", "/mn-1", true }, { "", "C", false }, { "C*d*v", "Cdxdv", true }, { "a*b*c", "aXbX", false },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_int_equal(ticket_pattern_fits(bytes_str(rows[i].pattern), bytes_str(rows[i].id)), rows[i].fits);
}

static void test_claim(void **state)
{
#define PRINT "acf2d714a7d9f4c552460d9fbdf0e1d1b9cb5960956ce1d69b383ccbad1ea6cf"
#define TICKET "eacb80b124bda054/8443c42e880badc1f135604c4207633c/"
	static const char good[] = "HOLDFAST1/" TICKET PRINT "/127.0.0.1:8443/demo.example/in-cse";
	static const char *const bad[] = {
		"", "HOLDFAST1", "HOLDFAST2/" TICKET PRINT "/127.0.0.1:8443/demo.example/in-cse",
		"HOLDFAST1/-/8443c42e880badc1f135604c4207633c/" PRINT "/127.0.0.1:8443/demo.example/in-cse",
		"HOLDFAST1/" TICKET PRINT "/127.0.0.1/demo.example/in-cse",
		"HOLDFAST1/" TICKET PRINT "/127.0.0.1:8443/demo.example/in-cse/more",
		"HOLDFAST1/" TICKET PRINT "/127.0.0.1:8443/../in-cse",
		"HOLDFAST1/" TICKET PRINT "0/127.0.0.1:8443/demo.example/in-cse",
	};
	struct buf text = buf_make(CLAIM_MAX);
	struct claim claim;

	OK(claim_read(bytes_str(good), &claim));
	assert_true(claim.has_ticket);
	OK(claim_write(&claim, &text));
	assert_true(bytes_equal(bytes_of_buf(&text), bytes_str(good)));
	OK(claim_read(BYTES("  HoldFast1/-/-/" PRINT "/[::1]:8443/demo.example/in-cse\r\n"), &claim));
	assert_false(claim.has_ticket);
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(claim_read(bytes_str(bad[i]), &claim), ERR_SYNTAX);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds), cmocka_unit_test(test_guessed_and_killed),
		cmocka_unit_test(test_proof_is_of_one_key),
		cmocka_unit_test(test_maker_once), cmocka_unit_test(test_network), cmocka_unit_test(test_patterns), cmocka_unit_test(test_revoked), cmocka_unit_test(test_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
