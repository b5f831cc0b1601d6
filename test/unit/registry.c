/* registry: only what keeper and records confirm makes an association [T13 T18]. */
#include "base/clock.h"
#include "security/association/registry.h"
#include "proof.h"
#include "store_room.h"
#include "wire/keeper_calls.h"

enum { NOW = 1000000000, DAY = 86400000 };

struct registry_room {
	struct store_room *store;
	struct registry *r;
	uint8_t tag_next;
};

static int registry_make(void **state)
{
	struct registry_room *m = calloc(1, sizeof(*m));

	if (room_make(state) != 0)
		return -1;
	clock_simulate(NOW);
	proof_at = NOW;
	m->store = *state;
	OK(registry_open(m->store->s, &m->r));
	*state = m;
	return 0;
}

static int registry_end(void **state)
{
	struct registry_room *m = *state;
	void *store = m->store;

	registry_close(m->r);
	free(m);
	clock_simulate(0);
	return room_end(&store);
}

static struct credential credential_psk(const char *identity)
{
	struct credential c = { .kind = ENTITY_AE, .psk = true, .not_after = NOW + DAY, .enrolled = NOW,
		                .name = "a device", .app_id = "Napp", .replay_mode = 1 };

	snprintf(c.id, sizeof(c.id), "12-%s", identity);
	snprintf(c.psk_identity, sizeof(c.psk_identity), "%s", identity);
	snprintf(c.entity, sizeof(c.entity), "//sp.example/in-cse/C%s", identity);
	return c;
}

static struct credential credential_certificate(const char *name, uint8_t print)
{
	struct credential c = { .kind = ENTITY_CSE, .not_after = NOW + DAY };

	if (print)
		crypt_sha256(bytes_make(&print, 1), c.fingerprint); /* the certificate is this octet */
	OK(crypt_p256_point(proof_key(), c.point));

	snprintf(c.id, sizeof(c.id), "33-//sp.example/%s", name);
	snprintf(c.entity, sizeof(c.entity), "//sp.example/%s", name);
	return c;
}

static err_t enrol(struct registry_room *m, struct credential c)
{
	err_t err;

	OK(store_begin(m->store->s));
	err = registry_enrol(m->r, &c);
	OK(store_commit(m->store->s));
	return err;
}

static void withdraw(struct registry_room *m, const char *id)
{
	bool found;

	OK(store_begin(m->store->s));
	OK(registry_revoke(m->r, bytes_str(id), &found));
	assert_true(found);
	OK(store_commit(m->store->s));
}

/* One handshake as keeper and gate tell of it. */
struct handshake {
	unsigned role, gate, gate_said;
	uint8_t tag, tag_said;
	unsigned used;            /* CREDENTIAL_USED_*, 0: the keeper is silent */
	const char *used_name;
	unsigned kind;            /* 1 certificate, 2 PSK */
	uint8_t print;
	const char *identity;
	int64_t not_after;
	uint8_t place;            /* 127.0.0.place; 0: 1 */
	enum proof_form form;
	int flip;                 /* octet of the transcript that is changed; 0: none */
};

static void tell_keeper(struct registry_room *m, const struct handshake *h)
{
	uint8_t tag[16] = { h->tag, 1 };
	struct buf body = buf_make(256);
	struct wire_out out = wire_out(&body);

	wire_put_u8(&out, (uint8_t)h->role);
	wire_put_u8(&out, (uint8_t)h->gate);
	wire_put_fixed(&out, BYTES_OF(tag));
	wire_put_u8(&out, (uint8_t)h->used);
	wire_put_bytes(&out, bytes_str(h->used_name));
	proof_number = h->tag;
	{
		struct proof_made p = proof_make(bytes_make(&h->print, 1), h->form);

		wire_put_fixed(&out, BYTES_OF(p.signed_digest));
		buf_free(&p.transcript);
	}
	OK(out.err);
	OK(registry_credential_used(m->r, bytes_of_buf(&body)));
	buf_free(&body);
}

static err_t open_said(struct registry_room *m, const struct handshake *h, int64_t now,
                       const struct association **a, const char **reason)
{
	uint8_t tag[16] = { h->tag_said, 1 }, print[32] = { 0 };
	uint8_t address[16] = { 127, 0, 0, h->place ? h->place : 1 };
	struct proof_made p;
	struct buf body = buf_make(8192);
	struct wire_out out = wire_out(&body);
	err_t err;

	proof_number = h->tag;
	p = proof_make(bytes_make(&h->print, 1), h->form);
	if (h->print)
		crypt_sha256(bytes_make(&h->print, 1), print);
	if (h->flip)
		p.transcript.p[h->flip % (int)p.transcript.n] ^= 1;
	wire_put_fixed(&out, BYTES_OF(tag));
	wire_put_u8(&out, (uint8_t)h->kind);
	wire_put_fixed(&out, BYTES_OF(print));
	wire_put_bytes(&out, bytes_str(h->identity));
	wire_put_u64(&out, (uint64_t)h->not_after);
	wire_put_u16(&out, 0x0304);
	wire_put_u16(&out, 0x1301);
	wire_put_u8(&out, 4);
	wire_put_fixed(&out, BYTES_OF(address));
	wire_put_u16(&out, 40000);
	wire_put_bytes(&out, h->kind == 1 ? bytes_of_buf(&p.transcript) : BYTES_NONE);
	OK(out.err);
	err = registry_open_association(m->r, h->gate_said, bytes_of_buf(&body), now, a, reason);
	buf_free(&body);
	buf_free(&p.transcript);
	return err;
}

static struct handshake psk(struct registry_room *m, const char *identity)
{
	uint8_t tag = ++m->tag_next;

	return (struct handshake){ ROLE_GATE, 1, 1, tag, tag, CREDENTIAL_USED_PSK, identity, 2, 0, identity, 0, 0, 0, 0 };
}

static struct handshake certificate(struct registry_room *m, uint8_t print)
{
	uint8_t tag = ++m->tag_next;

	return (struct handshake){ ROLE_GATE, 1, 1, tag, tag, CREDENTIAL_USED_NODE_KEY, "node", 1, print, "",
		                   NOW + DAY / 2, 0, 0, 0 };
}

static const struct association *opened(struct registry_room *m, struct handshake h)
{
	const struct association *a;
	const char *reason;

	tell_keeper(m, &h);
	OK(open_said(m, &h, NOW, &a, &reason));
	assert_non_null(a);
	return a;
}

/* Refused, and why. */
static void refused(struct registry_room *m, struct handshake h, const char *why)
{
	const struct association *a;
	const char *reason = NULL;

	if (h.used)
		tell_keeper(m, &h);
	assert_int_equal(open_said(m, &h, NOW, &a, &reason), ERR_REFUSED);
	assert_null(a);
	assert_string_equal(reason, why);
}

static void test_psk_opens(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	uint64_t number;

	OK(enrol(m, credential_psk("net")));
	a = opened(m, psk(m, "net"));
	number = a->number;
	assert_true(a->number != 0 && a->number < UINT64_C(1) << 53 && a->gate == 1 && a->address_n == 4 && a->port == 40000);
	assert_true(a->facts.secured && a->facts.number == a->number);
	assert_string_equal(a->facts.credential, "12-net");
	assert_string_equal(a->facts.entity, "//sp.example/in-cse/Cnet");
	assert_true(!a->facts.entity_is_cse && a->facts.replay_mode == 1 && a->facts.until == NOW + DAY);
	assert_ptr_equal(registry_association(m->r, a->number, 1, NOW), a);
	assert_null(registry_association(m->r, a->number, 2, NOW));
	assert_null(registry_association(m->r, a->number + 1, 1, NOW));
	assert_null(registry_association(m->r, 0, 1, NOW));
	assert_null(registry_association(m->r, a->number, 1, NOW + DAY));
	registry_touch(m->r, a->number, NOW + 5);
	assert_true(a->requests == 1 && a->last_used == NOW + 5);
	registry_close_association(m->r, a->number, 2);
	assert_non_null(registry_association(m->r, a->number, 1, NOW));
	registry_close_association(m->r, number, 1);
	assert_null(registry_association(m->r, number, 1, NOW));
}

static void test_certificate_opens(void **state)
{
	struct registry_room *m = *state;
	struct handshake h;
	const struct association *a;

	OK(enrol(m, credential_certificate("S1", 7)));
	a = opened(m, certificate(m, 7));
	assert_true(a->facts.entity_is_cse && a->facts.until == NOW + DAY / 2);
	h = certificate(m, 7);
	h.not_after = NOW + 10 * (int64_t)DAY;
	a = opened(m, h);
	assert_int_equal(a->facts.until, NOW + DAY);
	h = certificate(m, 7);
	h.not_after = NOW;
	refused(m, h, "the certificate has expired");
	refused(m, certificate(m, 8), "the credential is not enrolled");
}

static const char unconfirmed[] = "the keeper does not confirm the handshake";

/* A captured gate says what it likes. */
static void test_gate_is_not_believed(void **state)
{
	struct registry_room *m = *state;
	struct handshake h;

	OK(enrol(m, credential_psk("net")));
	OK(enrol(m, credential_psk("admin")));
	OK(enrol(m, credential_certificate("S1", 7)));
	h = psk(m, "net");
	h.used = 0;
	refused(m, h, unconfirmed); /* the keeper knows nothing */
	h = psk(m, "net");
	h.tag_said = 200;
	refused(m, h, unconfirmed); /* another handshake */
	h = psk(m, "net");
	h.gate_said = 2;
	refused(m, h, unconfirmed); /* another gate's */
	h = psk(m, "net");
	h.role = ROLE_COURIER;
	refused(m, h, unconfirmed);
	h = psk(m, "net");
	h.identity = "admin";
	refused(m, h, unconfirmed); /* another identity */
	h = psk(m, "net");
	h.used_name = "ne";
	refused(m, h, unconfirmed);
	h = psk(m, "net");
	h.used = CREDENTIAL_USED_NODE_KEY;
	refused(m, h, unconfirmed);
	h = certificate(m, 7);
	h.used = CREDENTIAL_USED_PSK;
	refused(m, h, unconfirmed);
	h = psk(m, "net");
	h.kind = 0;
	refused(m, h, "nobody authenticated");
	h = psk(m, "net");
	h.kind = 4;
	refused(m, h, "nobody authenticated");
	h = psk(m, "");
	refused(m, h, "no identity was named");
	refused(m, psk(m, "other"), "the credential is not enrolled");
	/* a certificate has no PSK identity, a PSK no fingerprint */
	refused(m, certificate(m, 0), "the credential is not enrolled");
}

static void test_notice_is_used_once(void **state)
{
	struct registry_room *m = *state;
	struct handshake h;
	const char *reason;
	const struct association *a;

	OK(enrol(m, credential_psk("net")));
	h = psk(m, "net");
	opened(m, h);
	h.used = 0;
	refused(m, h, unconfirmed);
	/* also by a refusal */
	h = psk(m, "net");
	h.identity = "wrong";
	refused(m, h, "the credential is not enrolled");
	h.identity = "net";
	h.used = 0;
	refused(m, h, unconfirmed);
	/* and it ages */
	h = psk(m, "net");
	tell_keeper(m, &h);
	assert_int_equal(open_said(m, &h, NOW + 60001, &a, &reason), ERR_REFUSED);
	assert_string_equal(reason, unconfirmed);
	h = psk(m, "net");
	tell_keeper(m, &h);
	OK(open_said(m, &h, NOW + 60000, &a, &reason));
}

/* A flood at one gate pushes out its own notices only. */
static void test_notices_are_bounded(void **state)
{
	struct registry_room *m = *state;
	struct handshake h, other, flood;
	const struct association *a;
	const char *reason;

	OK(enrol(m, credential_psk("net")));
	h = psk(m, "net");
	other = psk(m, "net");
	other.gate = other.gate_said = 2;
	tell_keeper(m, &h);
	tell_keeper(m, &other);
	flood = psk(m, "x");
	for (int i = 0; i < 4096; i++)
		tell_keeper(m, &flood);
	assert_int_equal(open_said(m, &h, NOW, &a, &reason), ERR_REFUSED);
	OK(open_said(m, &other, NOW, &a, &reason));
}

static void test_malformed(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	const char *reason;
	uint8_t octets[120] = { 0 };

	for (size_t n = 0; n <= sizeof(octets); n++) {
		assert_int_equal(registry_open_association(m->r, 1, bytes_make(octets, n), NOW, &a, &reason),
		                 ERR_REFUSED);
		assert_non_null(reason);
	}
	assert_int_equal(registry_credential_used(m->r, bytes_make(octets, 54)), ERR_SYNTAX);
	OK(registry_credential_used(m->r, bytes_make(octets, 55)));
	assert_int_equal(registry_credential_used(m->r, bytes_make(octets, 56)), ERR_SYNTAX);
}

static void count(void *self, const struct association *a)
{
	++*(unsigned *)self;
}

static void test_revocation_is_now(void **state)
{
	struct registry_room *m = *state;
	const struct credential *c;
	const struct association *a;
	uint64_t number, other;
	unsigned ended = 0;
	bool found;

	OK(enrol(m, credential_psk("net")));
	OK(enrol(m, credential_psk("two")));
	number = opened(m, psk(m, "net"))->number;
	other = opened(m, psk(m, "two"))->number;
	withdraw(m, "12-net");
	assert_null(registry_association(m->r, number, 1, NOW));
	assert_non_null(registry_association(m->r, other, 1, NOW));
	refused(m, psk(m, "net"), "the credential is revoked");
	registry_sweep(m->r, NOW, count, &ended);
	assert_int_equal(ended, 1);
	registry_sweep(m->r, NOW, count, &ended);
	assert_int_equal(ended, 1);
	registry_sweep(m->r, NOW + DAY, count, &ended);
	assert_int_equal(ended, 2);
	OK(store_begin(m->store->s));
	OK(registry_revoke(m->r, BYTES("12-nobody"), &found));
	assert_false(found);
	store_rollback(m->store->s);
	/* a new key under the old name, and it is a new credential */
	assert_int_equal(enrol(m, credential_psk("two")), ERR_EXISTS);
	OK(enrol(m, credential_psk("net")));
	OK(registry_find(m->r, BYTES("12-net"), &c));
	assert_false(c->revoked);
	assert_null(registry_association(m->r, number, 1, NOW));
	a = opened(m, psk(m, "net"));
	assert_non_null(a);
}

static void test_revoked_certificate_stays_out(void **state)
{
	struct registry_room *m = *state;

	OK(enrol(m, credential_certificate("S1", 7)));
	withdraw(m, "33-//sp.example/S1");
	assert_int_equal(enrol(m, credential_certificate("S1", 7)), ERR_EXISTS);
	assert_int_equal(enrol(m, credential_certificate("S2", 7)), ERR_EXISTS);
	OK(enrol(m, credential_certificate("S1", 8)));
	refused(m, certificate(m, 7), "the credential is not enrolled");
	opened(m, certificate(m, 8));
}

static void test_limit_per_credential(void **state)
{
	struct registry_room *m = *state;
	const struct association *a = NULL;
	uint64_t first, last;

	OK(enrol(m, credential_psk("net")));
	first = opened(m, psk(m, "net"))->number;
	for (int i = 1; i < ASSOCIATION_LIMIT_PER_CREDENTIAL; i++) {
		a = opened(m, psk(m, "net"));
		assert_true(a->number != first + (uint64_t)i);
	}
	refused(m, psk(m, "net"), "the credential has too many associations");
	registry_close_association(m->r, first, 1);
	opened(m, psk(m, "net"));
	registry_gate_lost(m->r, 2);
	last = a->number;
	assert_non_null(registry_association(m->r, last, 1, NOW));
	registry_gate_lost(m->r, 1);
	assert_null(registry_association(m->r, last, 1, NOW));
	opened(m, psk(m, "net"));
}

static void test_whole_credentials_only(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_psk("x");

	c.fingerprint[3] = 1;
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_psk("");
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_certificate("S", 0);
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_certificate("S", 1);
	c.entity[0] = 0;
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_certificate("S", 1);
	c.not_after = 0;
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_certificate("S", 1);
	c.kind = 0;
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_certificate("S", 1);
	bytes_zero(c.name, sizeof(c.name));
	for (size_t i = 0; i < sizeof(c.name); i++)
		c.name[i] = 'n';
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c = credential_certificate("S", 1);
	c.replay_mode = 3;
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c.replay_mode = 0;
	OK(enrol(m, c));
	c.fingerprint[0] = 9;
	assert_int_equal(enrol(m, c), ERR_EXISTS); /* the id */
}

/* Over all associations of a credential, and of no other. */
static void test_rate(void **state)
{
	struct registry_room *m = *state;
	int64_t t = 1000000;
	uint64_t one, two, other;
	unsigned served = 0;

	OK(enrol(m, credential_psk("net")));
	OK(enrol(m, credential_psk("two")));
	one = opened(m, psk(m, "net"))->number;
	two = opened(m, psk(m, "net"))->number;
	other = opened(m, psk(m, "two"))->number;
	/* a pause saves up four seconds' worth, however long */
	for (unsigned i = 0; i < 100; i++)
		served += registry_spend(m->r, i % 2 ? one : two, 10, t);
	assert_int_equal(served, 40);
	assert_true(registry_spend(m->r, other, 10, t));
	assert_int_equal(registry_refused(m->r, one, t, 60000), 60);
	assert_int_equal(registry_refused(m->r, one, t, 60000), 0);
	assert_false(registry_spend(m->r, one, 10, t + 99));
	assert_true(registry_spend(m->r, one, 10, t + 200));
	served = 0;
	for (unsigned i = 0; i < 1000; i++)
		served += registry_spend(m->r, one, 10, t + 200 + i);
	assert_in_range(served, 9, 11);
	/* one record in a minute, of all since */
	assert_int_equal(registry_refused(m->r, two, t + 59999, 60000), 0);
	assert_in_range(registry_refused(m->r, two, t + 60000, 60000), 985, 1000);
	/* the clock was set back; no limit; nobody */
	assert_true(registry_spend(m->r, one, 10, 5));
	for (unsigned i = 0; i < 100; i++)
		assert_true(registry_spend(m->r, one, 0, 5));
	assert_true(registry_spend(m->r, 0, 10, 5));
}

/* Who caused much work waits for as long as it was too much; others do not. */
static void test_work(void **state)
{
	struct registry_room *m = *state;
	int64_t t = 1000000;
	uint64_t one, again, other;

	OK(enrol(m, credential_psk("net")));
	OK(enrol(m, credential_psk("two")));
	one = opened(m, psk(m, "net"))->number;
	again = opened(m, psk(m, "net"))->number;
	other = opened(m, psk(m, "two"))->number;
	registry_work(m->r, BYTES("12-net"), 400, 100, t); /* what a pause saved up */
	assert_true(registry_rested(m->r, one, 100, t));
	registry_work(m->r, BYTES("12-net"), 200, 100, t);
	assert_false(registry_rested(m->r, one, 100, t));
	assert_false(registry_rested(m->r, again, 100, t + 1999));
	assert_true(registry_rested(m->r, other, 100, t));
	assert_true(registry_rested(m->r, one, 0, t));
	assert_true(registry_rested(m->r, 0, 100, t));
	assert_int_equal(registry_refused(m->r, one, t, 60000), 2);
	assert_true(registry_rested(m->r, again, 100, t + 2000));
	/* the debt has an end */
	registry_work(m->r, BYTES("12-net"), UINT32_MAX, 100, t + 2000);
	assert_false(registry_rested(m->r, one, 100, t + 2000 + 59999));
	assert_true(registry_rested(m->r, one, 100, t + 2000 + 60000));
}

static void test_rolled_back(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_psk("two");
	const struct credential *found;
	uint64_t number;
	bool was;

	OK(enrol(m, credential_psk("net")));
	number = opened(m, psk(m, "net"))->number;
	OK(store_begin(m->store->s));
	OK(registry_enrol(m->r, &c));
	OK(registry_revoke(m->r, BYTES("12-net"), &was));
	store_rollback(m->store->s);
	OK(registry_reload(m->r));
	OK(registry_find(m->r, BYTES("12-two"), &found));
	assert_null(found);
	OK(registry_find(m->r, BYTES("12-net"), &found));
	assert_true(found && !found->revoked);
	/* what was ended has to come again */
	assert_null(registry_association(m->r, number, 1, NOW));
	number = opened(m, psk(m, "net"))->number;
	OK(store_begin(m->store->s));
	OK(registry_enrol(m->r, &c));
	store_rollback(m->store->s);
	OK(registry_reload(m->r));
	assert_non_null(registry_association(m->r, number, 1, NOW));
	registry_close_association(m->r, number, 1);
}

static err_t count_credential(void *self, const struct credential *c)
{
	++*(unsigned *)self;
	return ERR_OK;
}

static void test_many_and_restart(void **state)
{
	struct registry_room *m = *state;
	const struct credential *c;
	unsigned n = 0;
	char name[32];

	OK(store_begin(m->store->s));
	for (unsigned i = 0; i < 10000; i++) {
		struct credential one;

		snprintf(name, sizeof(name), "d%u", i);
		one = credential_psk(name);
		OK(registry_enrol(m->r, &one));
	}
	OK(store_commit(m->store->s));
	if (m->store->engine[0] == 's') {
		registry_close(m->r);
		room_restart(m->store);
		OK(registry_open(m->store->s, &m->r));
	}
	OK(registry_credentials(m->r, count_credential, &n));
	assert_int_equal(n, 10000);
	OK(registry_find(m->r, BYTES("12-d7777"), &c));
	assert_true(c && c->psk && c->kind == ENTITY_AE && c->not_after == NOW + DAY && c->replay_mode == 1);
	assert_string_equal(c->app_id, "Napp");
	assert_string_equal(c->name, "a device");
	opened(m, psk(m, "d9999"));
}

/* Every allocation fails once: enrolled is found in both places, or in none. */
static bool is_live(struct registry_room *m, const char *entity, bool *known)
{
	bool live;

	OK(registry_entity_live(m->r, bytes_str(entity), NOW, known, &live));
	return live;
}

/* Whose credentials are good is asked for each notification and each request that is handed on: it must not
 * be looked for among all that are enrolled. */
static void test_of_an_entity(void **state)
{
	enum { MANY = 20000, ASKED = 20000 };
	struct registry_room *m = *state;
	struct credential c = credential_psk("first"), other = credential_psk("second");
	char entity[FACT_ID_MAX], name[32];
	struct entity_terms terms;
	bool known, found;
	int64_t began;

	assert_false(is_live(m, c.entity, &known) || known);
	OK(enrol(m, c));
	OK(store_begin(m->store->s));
	for (unsigned i = 0; i < MANY; i++) {
		struct credential one;

		snprintf(name, sizeof(name), "many%u", i);
		one = credential_psk(name);
		OK(registry_enrol(m->r, &one));
	}
	snprintf(entity, sizeof(entity), "%s", c.entity);
	snprintf(other.entity, sizeof(other.entity), "%s", entity);
	snprintf(other.app_id, sizeof(other.app_id), "Nother");
	other.enrolled = NOW + 1;
	other.replay_mode = 0;
	OK(registry_enrol(m->r, &other));
	registry_terms(m->r, bytes_str(entity), NOW, &terms);
	assert_true(!terms.dead && terms.enrolled && terms.replay_mode == 1);
	assert_string_equal(terms.app_id, "Napp");
	OK(registry_revoke(m->r, BYTES("12-first"), &found));
	assert_true(found && is_live(m, entity, &known) && known);
	registry_terms(m->r, bytes_str(entity), NOW, &terms);
	assert_true(!terms.dead && terms.enrolled && terms.replay_mode == 0);
	assert_string_equal(terms.app_id, "Nother");
	registry_terms(m->r, bytes_str(entity), NOW + 2 * DAY, &terms);
	assert_true(terms.dead && terms.enrolled);
	OK(registry_revoke(m->r, BYTES("12-second"), &found));
	assert_true(!is_live(m, entity, &known) && known);
	registry_terms(m->r, bytes_str(entity), NOW, &terms);
	assert_true(terms.dead && !terms.enrolled);
	/* among all it would take a minute */
	began = clock_steady();
	for (unsigned i = 0; i < ASKED; i++) {
		snprintf(entity, sizeof(entity), "//sp.example/in-cse/Cmany%u", i % (2 * MANY));
		registry_terms(m->r, bytes_str(entity), NOW, &terms);
		assert_true(terms.enrolled == (i % (2 * MANY) < MANY));
	}
	assert_true(clock_steady() - began < 5000);
	OK(store_commit(m->store->s));
	OK(registry_reload(m->r));
	assert_true(is_live(m, "//sp.example/in-cse/Cmany0", &known));
}

static void test_memory_fails(void **state)
{
	struct registry_room *m = *state;
	unsigned done = 0;

	for (uint64_t n = 1; n < 60; n++) {
		struct credential c;
		const struct credential *found;
		char name[16];
		err_t err;

		snprintf(name, sizeof(name), "d%u", (unsigned)n);
		c = credential_psk(name);
		OK(store_begin(m->store->s));
		mem_fail_at(n);
		err = registry_enrol(m->r, &c);
		if (err == ERR_OK)
			err = store_commit(m->store->s);
		mem_fail_at(0);
		store_rollback(m->store->s);
		if (err != ERR_OK)
			OK(registry_reload(m->r));
		OK(registry_find(m->r, bytes_str(c.id), &found));
		assert_int_equal(found != NULL, err == ERR_OK);
		OK(registry_reload(m->r));
		OK(registry_find(m->r, bytes_str(c.id), &found));
		assert_int_equal(found != NULL, err == ERR_OK);
		done += err == ERR_OK;
	}
	assert_true(done > 20);
}

enum { FRESH = 3600000 };

static size_t evidence(struct registry_room *m, const struct association *a, struct evidence out[EVIDENCE_MAX])
{
	return registry_evidence(m->r, a, FRESH, out);
}

/* A second credential of the same entity on an association of its own is evidence for
 * the first; one of somebody else is not, and neither is one that ended. */
static void test_evidence(void **state)
{
	struct registry_room *m = *state;
	struct credential second = credential_psk("second"), other = credential_psk("other");
	const struct association *a, *b;
	struct evidence e[EVIDENCE_MAX];
	uint64_t number;

	OK(enrol(m, credential_psk("net")));
	snprintf(second.entity, sizeof(second.entity), "//sp.example/in-cse/Cnet");
	second.factor = FACTOR_NETWORK;
	second.protection = 3;
	second.bound = true;
	snprintf(second.environment, sizeof(second.environment), "uicc");
	OK(enrol(m, second));
	OK(enrol(m, other));
	a = opened(m, psk(m, "net"));
	(void)opened(m, psk(m, "other"));
	assert_int_equal(evidence(m, a, e), 1);
	/* a record from before the fields existed says software */
	assert_true(e[0].factor == FACTOR_POSSESSION && e[0].checked && !e[0].bound);
	assert_string_equal(e[0].environment, "12-net");
	assert_true(e[0].until == NOW + FRESH && e[0].ends == NOW + DAY);
	b = opened(m, psk(m, "second"));
	number = b->number;
	(void)opened(m, psk(m, "second")); /* twice the same adds nothing */
	assert_int_equal(evidence(m, a, e), 2);
	assert_true(e[1].factor == FACTOR_NETWORK && e[1].protection == 3 && e[1].bound);
	assert_string_equal(e[1].environment, "uicc");
	assert_string_equal(e[1].source, "12-second");
	registry_close_association(m->r, number, 1);
	assert_int_equal(evidence(m, a, e), 2); /* the other of the two is still there */
	withdraw(m, "12-second");
	assert_int_equal(evidence(m, a, e), 1);
	withdraw(m, "12-net");
	assert_int_equal(evidence(m, a, e), 0);
}

static void test_evidence_kept(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_psk("net");
	const struct credential *found;

	c.factor = FACTOR_NETWORK;
	c.protection = 2;
	c.bound = true;
	snprintf(c.environment, sizeof(c.environment), "tee");
	OK(enrol(m, c));
	registry_close(m->r);
	OK(registry_open(m->store->s, &m->r));
	OK(registry_find(m->r, BYTES("12-net"), &found));
	assert_true(found->factor == FACTOR_NETWORK && found->protection == 2 && found->bound);
	assert_string_equal(found->environment, "tee");
	c = credential_psk("bad");
	c.factor = FACTOR_PERSON; /* a person is no credential */
	assert_int_equal(enrol(m, c), ERR_RANGE);
	c.factor = FACTOR_POSSESSION;
	c.protection = 4;
	assert_int_equal(enrol(m, c), ERR_RANGE);
}

static void test_approval(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	struct evidence e[EVIDENCE_MAX];

	OK(enrol(m, credential_psk("net")));
	a = opened(m, psk(m, "net"));
	assert_int_equal(registry_approve(m->r, a->number + 1, BYTES("user 1"), NOW, NOW + 1), ERR_MISSING);
	assert_int_equal(registry_approve(m->r, a->number, BYTES("user 1"), NOW, NOW), ERR_RANGE);
	assert_int_equal(registry_approve(m->r, a->number, BYTES(""), NOW, NOW + 1), ERR_RANGE);
	OK(registry_approve(m->r, a->number, BYTES("user 1"), NOW, NOW + 1000));
	OK(registry_approve(m->r, a->number, BYTES("user 1"), NOW, NOW + 2000)); /* the same person */
	assert_int_equal(evidence(m, a, e), 2);
	assert_true(e[1].factor == FACTOR_PERSON && e[1].until == NOW + 2000);
	for (unsigned i = 2; i <= APPROVALS_PER_ASSOCIATION; i++) {
		uint8_t by[] = { 'u', (uint8_t)('0' + i) };

		OK(registry_approve(m->r, a->number, BYTES_OF(by), NOW, NOW + 1000));
	}
	assert_int_equal(registry_approve(m->r, a->number, BYTES("one more"), NOW, NOW + 1), ERR_FULL);
	OK(registry_approve(m->r, a->number, BYTES("one more"), NOW + 1000, NOW + 1500)); /* an old one makes room */
	registry_close_association(m->r, a->number, 1);
	a = opened(m, psk(m, "net")); /* it dies with the association */
	assert_int_equal(evidence(m, a, e), 1);
}

/* Every form of handshake opens; with any octet of the proof changed, none does. */
static void test_clients_own_proof(void **state)
{
	struct registry_room *m = *state;
	const char *why = "the client's own proof is missing or does not hold";
	size_t n;

	OK(enrol(m, credential_certificate("S1", 7)));
	for (enum proof_form form = 0; form < PROOF_FORMS; form++) {
		struct handshake h = certificate(m, 7);
		struct proof_made p = proof_make(BYTES("\7"), form);

		n = p.transcript.n;
		buf_free(&p.transcript);
		h.form = form;
		registry_close_association(m->r, opened(m, h)->number, 1);
		for (int at = 1; at < (int)n; at++) {
			struct handshake bad = certificate(m, 7);

			bad.form = form;
			bad.flip = at;
			/* the server's own signature and Finished come after what the keeper
			 * signed, but the client signed them as well */
			refused(m, bad, why);
		}
	}
}

/* A gate that has recorded a handshake has the keeper sign the same once more. */
static void test_proof_of_before(void **state)
{
	struct registry_room *m = *state;
	const char *why = "the client's own proof is missing or does not hold";
	struct handshake h = certificate(m, 7);

	OK(enrol(m, credential_certificate("S1", 7)));
	for (enum proof_form form = 0; form < PROOF_FORMS; form++) {
		h = certificate(m, 7);
		h.form = form;
		proof_at = NOW;
		registry_close_association(m->r, opened(m, h)->number, 1);
		refused(m, h, why); /* taken */
		/* not taken, but of another time */
		for (int64_t at = -1; at < 2; at += 2) {
			h = certificate(m, 7);
			h.form = form;
			proof_at = NOW + at * 61000;
			refused(m, h, why);
		}
	}
	/* of the run before, which may have taken it */
	proof_at = NOW - 2000;
	refused(m, certificate(m, 7), why);
	/* taken now, it would be fresh in the run to come */
	for (int64_t ahead = 1; ahead < 6; ahead++) {
		proof_at = (NOW / 1000 + ahead) * 1000;
		refused(m, certificate(m, 7), why);
	}
	proof_at = NOW;
	registry_close_association(m->r, opened(m, certificate(m, 7))->number, 1);
}

/* A good proof of another handshake, another key or another certificate. */
static void test_proof_of_another(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_certificate("S1", 7), other = credential_certificate("S2", 9);
	const char *why = "the client's own proof is missing or does not hold";
	struct handshake h = certificate(m, 7);
	struct crypt_key stranger = { NULL };
	const struct association *a;
	const char *reason;

	OK(crypt_p256_new(&stranger));
	OK(crypt_p256_point(&stranger, other.point));
	OK(enrol(m, c));
	OK(enrol(m, other));
	tell_keeper(m, &h); /* the keeper saw a handshake of one form, the gate shows another */
	h.form = PROOF_TLS12;
	assert_int_equal(open_said(m, &h, NOW, &a, &reason), ERR_REFUSED);
	assert_string_equal(reason, why);
	refused(m, certificate(m, 9), why); /* signed by another key than the one enrolled */
	crypt_key_free(&stranger);
}

/* One handshake from an address 127.0.0.n. */
static err_t from_place(struct registry_room *m, uint8_t place, int64_t now, const struct association **a,
                        const char **reason)
{
	struct handshake h = psk(m, "net");

	h.place = place;
	tell_keeper(m, &h);
	return open_said(m, &h, now, a, reason);
}

static void watch(struct registry_room *m, enum clone_action action)
{
	registry_set_policy(m->r, &(struct registry_policy){ .places = 1, .moves = 3, .action = action });
}

static void test_two_places(void **state)
{
	struct registry_room *m = *state;
	const struct association *a, *b;
	const char *reason;
	uint64_t first;

	OK(enrol(m, credential_psk("net")));
	OK(from_place(m, 1, NOW, &a, &reason)); /* the control: nobody watches */
	OK(from_place(m, 2, NOW, &b, &reason));
	assert_string_equal(reason, "");
	registry_close_association(m->r, b->number, 1);
	watch(m, CLONE_RECORD);
	OK(from_place(m, 1, NOW, &b, &reason)); /* twice from one place is nothing */
	assert_string_equal(reason, "");
	OK(from_place(m, 2, NOW, &b, &reason));
	assert_non_null(strstr(reason, "clone alarm"));
	registry_close_association(m->r, b->number, 1);
	watch(m, CLONE_REFUSE);
	first = a->number;
	assert_int_equal(from_place(m, 2, NOW, &b, &reason), ERR_BAD_STATE);
	assert_null(b);
	assert_non_null(registry_association(m->r, first, 1, NOW));
	watch(m, CLONE_END);
	assert_int_equal(from_place(m, 2, NOW, &b, &reason), ERR_BAD_STATE);
	assert_null(registry_association(m->r, first, 1, NOW));
	OK(from_place(m, 2, NOW, &b, &reason)); /* nobody is left to differ from */
}

static void test_to_and_fro(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	const char *reason;

	OK(enrol(m, credential_psk("net")));
	watch(m, CLONE_REFUSE);
	for (uint8_t i = 0; i < 4; i++) {
		OK(from_place(m, 1 + i % 2, NOW + i, &a, &reason));
		registry_close_association(m->r, a->number, 1);
	}
	assert_int_equal(from_place(m, 1, NOW + 5, &a, &reason), ERR_BAD_STATE);
	assert_non_null(strstr(reason, "to and fro"));
	clock_simulate(NOW + 3600000);
	OK(from_place(m, 1, NOW + 3600000, &a, &reason)); /* another hour */
}

/* Something is undone, and everything enrolled read again. */
static void reload(struct registry_room *m)
{
	struct credential c = credential_psk("undone");

	OK(store_begin(m->store->s));
	OK(registry_enrol(m->r, &c));
	store_rollback(m->store->s);
	OK(registry_reload(m->r));
}

/* Bounds are the same after something was undone: what can be brought about would else be a way around them. */
static void test_usage_stays_over_a_reload(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	const char *reason;
	unsigned served = 0, opened_n = 0;

	OK(enrol(m, credential_psk("net")));
	watch(m, CLONE_REFUSE);
	for (uint8_t i = 0; i < 4; i++) {
		OK(from_place(m, 1 + i % 2, NOW + i, &a, &reason));
		if (i < 3)
			registry_close_association(m->r, a->number, 1);
		reload(m);
	}
	for (unsigned i = 0; i < 100; i++) {
		served += registry_spend(m->r, a->number, 10, 1000000);
		if (i % 10 == 0)
			reload(m);
	}
	assert_int_equal(served, 40);
	assert_int_equal(registry_refused(m->r, a->number, 1000000, 60000), 60);
	registry_close_association(m->r, a->number, 1);
	assert_int_equal(from_place(m, 1, NOW + 5, &a, &reason), ERR_BAD_STATE);
	assert_non_null(strstr(reason, "to and fro"));
	registry_set_policy(m->r, &(struct registry_policy){ .openings = 2 });
	for (int i = 0; i < 20; i++) {
		opened_n += from_place(m, 1, NOW + 6, &a, &reason) == ERR_OK;
		reload(m);
	}
	assert_int_equal(opened_n, 8);
}

static void test_lifetime(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	const char *reason;
	int64_t least = INT64_MAX, most = 0;
	uint64_t number;

	OK(enrol(m, credential_psk("net")));
	registry_set_policy(m->r, &(struct registry_policy){ .lifetime = 100000, .requests = 2 });
	for (int i = 0; i < 40; i++) {
		OK(from_place(m, 1, NOW, &a, &reason));
		least = a->facts.until < least ? a->facts.until : least;
		most = a->facts.until > most ? a->facts.until : most;
	}
	assert_true(least >= NOW + 80000 && most <= NOW + 100000 && most - least > 1000);
	registry_touch(m->r, a->number, NOW);
	assert_non_null(registry_association(m->r, a->number, 1, NOW));
	registry_touch(m->r, a->number, NOW);
	assert_null(registry_association(m->r, a->number, 1, NOW)); /* used up */
	/* The last one waits for something: it is served once more, and nothing else is. */
	assert_null(registry_association_held(m->r, a->number, 1, NOW));
	registry_hold(m->r, a->number, true);
	assert_non_null(registry_association_held(m->r, a->number, 1, NOW));
	assert_null(registry_association_held(m->r, a->number, 2, NOW));
	assert_null(registry_association_held(m->r, a->number, 1, NOW + 100000));
	assert_null(registry_association(m->r, a->number, 1, NOW));
	registry_sweep(m->r, NOW, NULL, NULL);
	assert_non_null(registry_association_held(m->r, a->number, 1, NOW));
	registry_hold(m->r, a->number, false);
	number = a->number;
	registry_sweep(m->r, NOW, NULL, NULL);
	registry_hold(m->r, number, true); /* it is gone */
	assert_null(registry_association_held(m->r, number, 1, NOW));
	registry_set_policy(m->r, &(struct registry_policy){ .lifetime = INT64_C(100) * DAY });
	OK(from_place(m, 1, NOW, &a, &reason));
	assert_true(a->facts.until == NOW + DAY); /* never longer than the credential */
}

#define REGISTRY_BOTH(f) { #f " (sqlite)", f, registry_make, registry_end, engine_of_sqlite }, \
	{ #f " (memory)", f, registry_make, registry_end, engine_of_memory }

/* --- joining and renewal --------------------------------------------------------------- */

static err_t count_forgotten(void *self, const struct credential *c)
{
	(*(int *)self)++;
	assert_true(c->unfinished != 0 || bytes_starts(bytes_str(c->by), BYTES("network ")));
	return ERR_OK;
}

static int forget(struct registry_room *m, int64_t now)
{
	int n = 0;

	OK(store_begin(m->store->s));
	OK(registry_forget_unfinished(m->r, now, count_forgotten, &n));
	OK(store_commit(m->store->s));
	return n;
}

static void reopen(struct registry_room *m)
{
	registry_close(m->r);
	m->r = NULL;
	OK(registry_open(m->store->s, &m->r));
}

static void test_unfinished_joining(void **state)
{
	struct registry_room *m = *state;
	struct credential late = credential_certificate("mn-1", 1), used = credential_certificate("mn-2", 2);
	const struct credential *there;

	late.unfinished = NOW + 10;
	used.unfinished = NOW + 20;
	OK(enrol(m, late));
	OK(enrol(m, used));
	reopen(m);
	assert_false(registry_awaits(m->r, NOW + 9));
	assert_true(registry_awaits(m->r, NOW + 10));
	OK(store_begin(m->store->s));
	(void)opened(m, certificate(m, 2));
	OK(store_commit(m->store->s));
	assert_int_equal(forget(m, NOW + 9), 0);
	assert_int_equal(forget(m, NOW + 30), 1);
	assert_false(registry_awaits(m->r, NOW + DAY));
	OK(registry_find(m->r, bytes_str(late.id), &there));
	assert_null(there);
	refused(m, certificate(m, 1), "the credential is not enrolled");
	reopen(m);
	OK(registry_find(m->r, bytes_str(used.id), &there));
	assert_true(there && there->unfinished == 0);
	(void)opened(m, certificate(m, 2)); /* no transaction: nothing is written any more */
}

/* What the network vouched for goes with its key, revoked or not; others stay. */
static void test_network_key_that_ended(void **state)
{
	struct registry_room *m = *state;
	struct credential used = credential_psk("used"), revoked = credential_psk("revoked"), never = credential_psk("never");
	const struct credential *there;

	for (struct credential *c = &used; c; c = c == &used ? &revoked : c == &revoked ? &never : NULL) {
		OK(bytes_put_str(c->by, sizeof(c->by), BYTES("network 0123456789abcdef")));
		c->unfinished = c == &used ? 0 : NOW + 20;
		OK(enrol(m, *c));
	}
	OK(enrol(m, credential_psk("operator")));
	withdraw(m, revoked.id);
	reopen(m);
	assert_int_equal(forget(m, NOW + 20), 1); /* never used */
	assert_int_equal(forget(m, NOW + DAY - 1), 0);
	OK(registry_find(m->r, bytes_str(revoked.id), &there));
	assert_true(there && there->revoked); /* so that it is not fetched again */
	assert_int_equal(forget(m, NOW + DAY), 2);
	OK(registry_find(m->r, BYTES("12-operator"), &there));
	assert_non_null(there);
	assert_false(registry_awaits(m->r, NOW + 10 * DAY));
}

static void test_late_joiner_is_refused(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_certificate("mn-1", 1);

	c.unfinished = NOW; /* over, though nobody swept yet */
	OK(enrol(m, c));
	refused(m, certificate(m, 1), "the joining was not finished in time");
}

/* What came before is kept for as long as others take it, so that it is listed with the rest when the
 * credential is revoked; and none is pushed out of that while it is good. */
static void test_former_certificates(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_certificate("mn-1", 1), next = credential_certificate("mn-1", 0);
	const struct credential *found;
	uint8_t print = 1;
	unsigned seen = 0;
	err_t err = ERR_OK;

	bytes_copy(c.serial, (const uint8_t *)"serial number 01", 16);
	OK(enrol(m, c));
	next.enrolled = NOW;
	for (; err == ERR_OK && print < 20; print++) {
		uint8_t octet = (uint8_t)(print + 1);

		crypt_sha256(bytes_make(&octet, 1), next.fingerprint);
		bytes_copy(next.serial, c.serial, 16);
		next.serial[15] = (uint8_t)('a' + print);
		next.not_after = NOW + DAY + print;
		OK(store_begin(m->store->s));
		err = registry_renew(m->r, bytes_str(c.id), &next);
		if (err == ERR_OK && print % 2) /* every other one is never used */
			(void)opened(m, certificate(m, octet));
		OK(store_commit(m->store->s));
	}
	assert_int_equal(err, ERR_REFUSED);
	assert_int_equal(print, 10);
	reopen(m);
	OK(registry_find(m->r, bytes_str(c.id), &found));
	/* the first, those that were used but for the last, those that were not: 1 and b to g; i is the next */
	for (size_t i = 0; i < CREDENTIAL_FORMERS; i++) {
		unsigned last = found->former[i][15], n = last == '1' ? 0 : last - 'a';

		if (last)
			assert_true(get_be64(found->former[i] + 16) == (uint64_t)(NOW + DAY + n));
		seen |= last ? 1u << n : 0;
	}
	assert_int_equal(seen, 0x7f);
	assert_true(found->serial[15] == 'h' && found->next_serial[15] == 'i');
	/* those that ended make way */
	next.enrolled = NOW + DAY;
	OK(store_begin(m->store->s));
	OK(registry_renew(m->r, bytes_str(c.id), &next));
	OK(store_commit(m->store->s));
}

static err_t renew(struct registry_room *m, const char *id, uint8_t print)
{
	struct credential next = credential_certificate("next", print);
	err_t err;

	next.not_after = NOW + 2 * DAY;
	OK(store_begin(m->store->s));
	err = registry_renew(m->r, bytes_str(id), &next);
	OK(store_commit(m->store->s));
	return err;
}

static void test_renewal(void **state)
{
	struct registry_room *m = *state;
	struct credential c = credential_certificate("mn-1", 1);
	const struct association *old;
	const struct credential *found;

	c.protection = 3;
	c.bound = true;
	OK(enrol(m, c));
	OK(enrol(m, credential_certificate("mn-2", 9)));
	OK(enrol(m, credential_psk("net")));
	assert_int_equal(renew(m, "33-//sp.example/nobody", 3), ERR_MISSING);
	assert_int_equal(renew(m, "12-net", 3), ERR_REFUSED);
	assert_int_equal(renew(m, c.id, 9), ERR_EXISTS); /* another's */
	assert_int_equal(renew(m, c.id, 1), ERR_EXISTS); /* its own */
	OK(renew(m, c.id, 2));
	OK(renew(m, c.id, 3)); /* asked again: the last one counts */
	refused(m, certificate(m, 2), "the credential is not enrolled");
	reopen(m);
	old = opened(m, certificate(m, 1)); /* both serve */
	OK(registry_find(m->r, bytes_str(c.id), &found));
	assert_true(found->protection == 3 && found->bound);
	OK(store_begin(m->store->s));
	(void)opened(m, certificate(m, 3));
	OK(store_commit(m->store->s));
	refused(m, certificate(m, 1), "the credential is not enrolled");
	assert_non_null(registry_association(m->r, old->number, 1, NOW));
	reopen(m);
	refused(m, certificate(m, 1), "the credential is not enrolled");
	(void)opened(m, certificate(m, 3));
	/* the new key may be anywhere */
	OK(registry_find(m->r, bytes_str(c.id), &found));
	assert_true(found->protection == PROTECTION_LOW && !found->bound);
	withdraw(m, c.id);
	refused(m, certificate(m, 3), "the credential is revoked");
	assert_int_equal(renew(m, c.id, 4), ERR_REFUSED);
}

/* --- sessions: resumption [RFC 8446 2.2] ------------------------------------------------ */

/* Of RFC 8448 section 4: the PSK, the hash of the ClientHello up to its binders, the binder. */
static const char *const vector[] = {
	"4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3",
	"63224b2e4573f2d3454ca84b9d009a04f6be9e05711a8396473aefa01e924a14",
	"3add4fb2d8fdf822a0ca3cf7678ef5e88dae990141c5924d57bb6fa31b9e5f9d",
};

static err_t keep_as(struct registry_room *m, const struct association *a, unsigned gate, uint8_t name, uint16_t suite, int64_t now)
{
	uint8_t id[32] = { 0xff, name }, secret[32];
	struct buf body = buf_make(256);
	struct wire_out out = wire_out(&body);
	err_t err;

	OK(bytes_from_hex(bytes_str(vector[0]), secret, 32));
	wire_put_u64(&out, a->number);
	wire_put_fixed(&out, BYTES_OF(id));
	wire_put_u16(&out, suite);
	wire_put_bytes(&out, BYTES_OF(secret));
	OK(store_begin(m->store->s));
	err = registry_session_keep(m->r, gate, bytes_of_buf(&body), now);
	OK(store_commit(m->store->s));
	buf_free(&body);
	return err;
}

static err_t keep(struct registry_room *m, const struct association *a, uint8_t name)
{
	return keep_as(m, a, 1, name, 0x1301, NOW);
}

struct taking { unsigned gate; uint8_t name, tag; int flip; int64_t now; };

static err_t take(struct registry_room *m, struct taking t, const char **why)
{
	uint8_t id[32] = { 0xff, t.name }, tag[16] = { t.tag, 7 }, hash[32], binder[32], secret[32];
	struct session_taken taken;
	struct buf body = buf_make(256);
	struct wire_out out = wire_out(&body);
	err_t err;

	OK(bytes_from_hex(bytes_str(vector[0]), secret, 32));
	OK(bytes_from_hex(bytes_str(vector[1]), hash, 32));
	OK(bytes_from_hex(bytes_str(vector[2]), binder, 32));
	if (t.flip)
		binder[t.flip % 32] ^= 1;
	wire_put_fixed(&out, BYTES_OF(tag));
	wire_put_fixed(&out, BYTES_OF(id));
	wire_put_fixed(&out, BYTES_OF(hash));
	wire_put_fixed(&out, BYTES_OF(binder));
	OK(store_begin(m->store->s));
	err = registry_session_take(m->r, t.gate, bytes_of_buf(&body), t.now ? t.now : NOW, &taken);
	OK(store_commit(m->store->s));
	if (err == ERR_OK)
		assert_memory_equal(taken.secret, secret, 32);
	else
		assert_true(taken.secret[0] == 0 && taken.secret[31] == 0);
	*why = taken.why;
	buf_free(&body);
	return err;
}

static err_t take_up(struct registry_room *m, unsigned gate, uint8_t tag, int64_t now, const struct association **a, const char **reason)
{
	uint8_t tags[16] = { tag, 7 }, zeros[32] = { 0 }, address[16] = { 127, 0, 0, 1 };
	struct buf body = buf_make(256);
	struct wire_out out = wire_out(&body);
	err_t err;

	wire_put_fixed(&out, BYTES_OF(tags));
	wire_put_u8(&out, 3);
	wire_put_fixed(&out, BYTES_OF(zeros));
	wire_put_bytes(&out, BYTES_NONE);
	wire_put_u64(&out, 0);
	wire_put_u16(&out, 0x0304);
	wire_put_u16(&out, 0x1301);
	wire_put_u8(&out, 4);
	wire_put_fixed(&out, BYTES_OF(address));
	wire_put_u16(&out, 40001);
	wire_put_bytes(&out, BYTES_NONE);
	OK(store_begin(m->store->s));
	err = registry_open_association(m->r, gate, bytes_of_buf(&body), now, a, reason);
	OK(store_commit(m->store->s));
	buf_free(&body);
	return err;
}

static const struct registry_policy with_sessions = { .lifetime = DAY / 2, .session = 3600000 };

static void test_session(void **state)
{
	struct registry_room *m = *state;
	struct evidence e[EVIDENCE_MAX];
	const struct association *a, *b;
	const char *why;
	uint64_t first;
	int64_t until;

	OK(enrol(m, credential_psk("net")));
	/* not unless policy says so */
	a = opened(m, psk(m, "net"));
	assert_int_equal(registry_session_life(m->r, a, NOW), 0);
	assert_int_equal(keep(m, a, 1), ERR_MISSING);
	registry_set_policy(m->r, &with_sessions);
	a = opened(m, psk(m, "net"));
	first = a->number;
	until = a->facts.until;
	assert_int_equal(registry_session_life(m->r, a, NOW), 3600000);
	assert_int_equal(registry_session_life(m->r, a, until - 1000), 1000);
	OK(keep(m, a, 1));
	assert_int_equal(registry_sessions(m->r), 1);
	/* a wrong binder ends nothing, the right one takes it once */
	for (int i = 1; i <= 32; i++)
		assert_int_equal(take(m, (struct taking){ 2, 1, 9, i, 0 }, &why), ERR_TAMPERED);
	assert_int_equal(take(m, (struct taking){ 2, 2, 9, 0, 0 }, &why), ERR_MISSING);
	OK(take(m, (struct taking){ 2, 1, 9, 0, 0 }, &why));
	assert_int_equal(take(m, (struct taking){ 2, 1, 10, 0, 0 }, &why), ERR_MISSING);
	assert_int_equal(registry_sessions(m->r), 0);
	/* by that gate, in that handshake, once */
	assert_int_equal(take_up(m, 1, 9, NOW + 50, &b, &why), ERR_REFUSED);
	assert_int_equal(take_up(m, 2, 8, NOW + 50, &b, &why), ERR_REFUSED);
	registry_touch(m->r, first, NOW);
	OK(take_up(m, 2, 9, NOW + 50, &b, &why));
	assert_int_equal(take_up(m, 2, 9, NOW + 51, &a, &why), ERR_REFUSED);
	assert_string_equal(why, "no session was taken in this handshake");
	/* it is the first, on another connection; and there is one of the two */
	assert_true(b->resumed && b->facts.until == until && b->number != first && b->gate == 2);
	assert_string_equal(b->facts.entity, "//sp.example/in-cse/Cnet");
	assert_null(registry_association(m->r, first, 1, NOW + 50));
	assert_int_equal(registry_evidence(m->r, b, DAY, e), 1);
	assert_true(e[0].since == NOW && e[0].checked);
}

static void test_session_is_never_more(void **state)
{
	struct registry_room *m = *state;
	struct registry_policy policy = with_sessions;
	const struct association *a, *b;
	const char *why;

	policy.requests = 3;
	policy.octets = 1000;
	OK(enrol(m, credential_psk("net")));
	registry_set_policy(m->r, &policy);
	/* requests and octets go on being counted */
	a = opened(m, psk(m, "net"));
	OK(keep(m, a, 1));
	registry_touch(m->r, a->number, NOW);
	registry_count(m->r, a->number, 900);
	OK(store_begin(m->store->s));
	registry_close_association(m->r, a->number, 1);
	OK(store_commit(m->store->s));
	OK(take(m, (struct taking){ 1, 1, 1, 0, 0 }, &why));
	OK(take_up(m, 1, 1, NOW, &b, &why));
	assert_true(b->requests == 1 && b->octets == 900);
	registry_count(m->r, b->number, 99);
	assert_non_null(registry_association(m->r, b->number, 1, NOW));
	OK(keep(m, b, 2));
	registry_count(m->r, b->number, 1);
	assert_null(registry_association(m->r, b->number, 1, NOW)); /* used up */
	assert_int_equal(take(m, (struct taking){ 1, 2, 2, 0, 0 }, &why), ERR_REFUSED);
	assert_string_equal(why, "what the association may do is used up");
	/* one that nobody saw the end of counts as used up, where that counts */
	a = opened(m, psk(m, "net"));
	OK(keep(m, a, 3));
	registry_close_association(m->r, a->number, 1);
	assert_int_equal(take(m, (struct taking){ 1, 3, 3, 0, 0 }, &why), ERR_REFUSED);
	registry_set_policy(m->r, &with_sessions);
	/* time: its own end, the association's, the credential's */
	a = opened(m, psk(m, "net"));
	OK(keep(m, a, 4));
	assert_int_equal(take(m, (struct taking){ 1, 4, 4, 0, NOW + 3600000 }, &why), ERR_REFUSED);
	assert_string_equal(why, "the session has ended");
	/* switched off: what was given before opens nothing */
	a = opened(m, psk(m, "net"));
	OK(keep(m, a, 5));
	registry_set_policy(m->r, &(struct registry_policy){ .lifetime = DAY });
	assert_int_equal(take(m, (struct taking){ 1, 5, 5, 0, 0 }, &why), ERR_REFUSED);
	/* shortened: from the first proof on */
	registry_set_policy(m->r, &with_sessions);
	a = opened(m, psk(m, "net"));
	OK(keep(m, a, 6));
	OK(take(m, (struct taking){ 1, 6, 6, 0, 0 }, &why));
	policy = with_sessions;
	policy.lifetime = 5000;
	registry_set_policy(m->r, &policy);
	OK(take_up(m, 1, 6, NOW + 1000, &b, &why));
	assert_true(b->facts.until <= NOW + 5000);
	/* to less than what is past: it has ended, taken already or not */
	for (uint8_t i = 7; i < 9; i++) {
		registry_set_policy(m->r, &with_sessions);
		a = opened(m, psk(m, "net"));
		OK(keep(m, a, i));
		if (i == 8)
			OK(take(m, (struct taking){ 1, i, i, 0, 0 }, &why));
		registry_set_policy(m->r, &policy);
		if (i == 7) {
			assert_int_equal(take(m, (struct taking){ 1, i, i, 0, NOW + 5000 }, &why), ERR_REFUSED);
			assert_string_equal(why, "the session has ended");
		}
		assert_int_equal(take_up(m, 1, i, NOW + 5000, &b, &why), ERR_REFUSED);
	}
}

static void test_session_is_kept_for_whom(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	const char *why;

	OK(enrol(m, credential_psk("net")));
	registry_set_policy(m->r, &with_sessions);
	a = opened(m, psk(m, "net"));
	/* another gate's association, one that is not there, another hash */
	assert_int_equal(keep_as(m, a, 2, 1, 0x1301, NOW), ERR_MISSING);
	assert_int_equal(keep_as(m, a, 1, 1, 0x1302, NOW), ERR_UNSUPPORTED);
	assert_int_equal(keep_as(m, a, 1, 1, 0x1301, NOW + DAY), ERR_MISSING);
	OK(keep(m, a, 1));
	assert_int_equal(keep(m, a, 1), ERR_LIMIT); /* the name is taken */
	/* the next one takes its place; not without end */
	for (uint8_t i = 2; i <= 16; i++)
		OK(keep(m, a, i));
	assert_int_equal(registry_sessions(m->r), 1);
	assert_int_equal(keep(m, a, 17), ERR_LIMIT);
	assert_int_equal(take(m, (struct taking){ 1, 15, 1, 0, 0 }, &why), ERR_MISSING);
	/* a gate that is gone has no claim any more */
	OK(take(m, (struct taking){ 1, 16, 1, 0, 0 }, &why));
	registry_gate_lost(m->r, 1);
	assert_int_equal(take_up(m, 1, 1, NOW, &a, &why), ERR_REFUSED);
}

static void test_session_dies(void **state)
{
	struct registry_room *m = *state;
	const struct association *a;
	struct credential renewed;
	const char *why;
	size_t n;

	OK(enrol(m, credential_psk("net")));
	OK(enrol(m, credential_certificate("mn", 5)));
	registry_set_policy(m->r, &with_sessions);
	a = opened(m, psk(m, "net"));
	OK(keep(m, a, 1));
	a = opened(m, certificate(m, 5));
	OK(keep(m, a, 2));
	/* taken, and revoked before the handshake is over */
	OK(take(m, (struct taking){ 1, 1, 1, 0, 0 }, &why));
	withdraw(m, "12-net");
	assert_int_equal(take_up(m, 1, 1, NOW, &a, &why), ERR_REFUSED);
	/* of the other it is there yet, also after a restart */
	registry_close(m->r);
	OK(registry_open(m->store->s, &m->r));
	registry_set_policy(m->r, &with_sessions);
	assert_int_equal(registry_sessions(m->r), 1);
	/* its certificate was replaced by the next */
	renewed = credential_certificate("mn", 6);
	OK(store_begin(m->store->s));
	OK(registry_renew(m->r, BYTES("33-//sp.example/mn"), &renewed));
	OK(store_commit(m->store->s));
	OK(store_begin(m->store->s));
	a = opened(m, certificate(m, 6));
	OK(store_commit(m->store->s));
	OK(keep(m, a, 3));
	assert_int_equal(take(m, (struct taking){ 1, 2, 1, 0, 0 }, &why), ERR_REFUSED);
	assert_string_equal(why, "the certificate of the session was replaced");
	/* all of a credential; rolled back, they are there again */
	OK(store_begin(m->store->s));
	OK(registry_sessions_end(m->r, BYTES("33-//sp.example/mn"), &n));
	assert_int_equal(n, 1);
	store_rollback(m->store->s);
	OK(registry_reload(m->r));
	assert_int_equal(registry_sessions(m->r), 1);
	OK(store_begin(m->store->s));
	OK(registry_sessions_end(m->r, BYTES("33-//sp.example/mn"), &n));
	OK(store_commit(m->store->s));
	assert_int_equal(take(m, (struct taking){ 1, 3, 1, 0, 0 }, &why), ERR_MISSING);
	/* what has ended is swept */
	OK(keep(m, a, 4));
	assert_false(registry_sessions_due(m->r, NOW));
	assert_true(registry_sessions_due(m->r, NOW + DAY));
	OK(store_begin(m->store->s));
	OK(registry_sessions_sweep(m->r, NOW + DAY, 100));
	OK(store_commit(m->store->s));
	assert_int_equal(registry_sessions(m->r), 0);
	/* what was taken in a transaction that was undone: it is there again */
	OK(keep(m, a, 20));
	OK(take(m, (struct taking){ 1, 20, 20, 0, 0 }, &why));
	registry_sessions_untake(m->r, 1);
	assert_int_equal(take_up(m, 1, 20, NOW, &a, &why), ERR_REFUSED);
}

/* --- the counters of a TPM ---------------------------------------------------------------- */

enum { LOST_MOST = 1 << 22 };

struct tpm_counters {
	uint64_t clock;
	uint32_t resets, restarts;
	uint8_t safe;
};

static void counters_put(const struct tpm_counters *c, uint8_t out[CREDENTIAL_CLOCK])
{
	put_be64(out, c->clock);
	put_be32(out + 8, c->resets);
	put_be32(out + 12, c->restarts);
	out[16] = c->safe;
}

static void accept_state(struct registry_room *m, const char *id, uint8_t key, uint8_t state)
{
	uint8_t point[65] = { key ? 4 : 0, key }, pcrs[CREDENTIAL_STATE] = { 0, 0, 0, 1, state };

	OK(store_begin(m->store->s));
	OK(registry_accept_state(m->r, bytes_str(id), point, pcrs));
	OK(store_commit(m->store->s));
}

static int64_t asked_at; /* a nonce a second */

static void ask_nonce(struct registry_room *m, uint64_t number)
{
	uint8_t nonce[32];

	asked_at += 1000;
	OK(registry_nonce(m->r, number, asked_at, nonce));
}

/* The quote over it comes. */
static err_t come(struct registry_room *m, uint64_t number, struct tpm_counters c, const char **reason)
{
	uint8_t nonce[32], clock[CREDENTIAL_CLOCK];
	int64_t until = asked_at + 60000;
	const struct credential *of;
	err_t err;

	counters_put(&c, clock);
	OK(registry_nonce_take(m->r, number, asked_at, nonce, &of));
	OK(store_begin(m->store->s));
	err = registry_state_shown(m->r, number, clock, asked_at, &until, reason);
	OK(store_commit(m->store->s));
	return err;
}

static err_t show(struct registry_room *m, uint64_t number, struct tpm_counters c, const char **reason)
{
	ask_nonce(m, number);
	return come(m, number, c, reason);
}

static bool has_state(struct registry_room *m, uint64_t number)
{
	const struct association *a = registry_association(m->r, number, 1, asked_at);
	struct evidence e[EVIDENCE_MAX];
	bool has = false;

	for (size_t i = 0, n = a ? evidence(m, a, e) : 0; i < n; i++)
		has |= e[i].factor == FACTOR_STATE && e[i].until > asked_at;
	return has;
}

static uint64_t with_state(struct registry_room *m, enum clone_action action)
{
	asked_at = NOW;
	OK(enrol(m, credential_psk("net")));
	accept_state(m, "12-net", 1, 1);
	registry_set_policy(m->r, &(struct registry_policy){ .action = action });
	return opened(m, psk(m, "net"))->number;
}

static void test_counters(void **state)
{
	static const struct {
		struct tpm_counters before, said;
		bool less;
	} rows[] = {
		{ { 1000, 5, 7, 1 }, { 1001, 5, 7, 1 }, false },
		{ { 1000, 5, 7, 1 }, { 1000, 5, 7, 1 }, false },
		{ { 1000, 5, 7, 1 }, { 999, 5, 7, 1 }, true },
		{ { 1000, 5, 7, 1 }, { 999, 5, 7, 0 }, true },  /* in one run nothing is lost */
		{ { 1000, 5, 7, 1 }, { 2000, 4, 9, 1 }, true },
		{ { 1000, 5, 7, 1 }, { 2000, 5, 6, 1 }, true },
		{ { 1000, 5, 7, 1 }, { 2000, 5, 8, 1 }, false },
		{ { 1000, 5, 7, 1 }, { 2000, 6, 0, 1 }, false }, /* restarts are counted anew */
		{ { 1000, 5, 7, 1 }, { 999, 6, 0, 1 }, true },
		{ { 1000, 5, 7, 1 }, { 0, 6, 0, 0 }, false },    /* it was not shut down */
		{ { 1000, 5, 7, 0 }, { 0, 5, 8, 0 }, false },
		{ { LOST_MOST + 1, 5, 7, 1 }, { 1, 6, 0, 0 }, false },
		{ { LOST_MOST + 2, 5, 7, 1 }, { 1, 6, 0, 0 }, true },
		{ { UINT64_MAX, 5, 7, 1 }, { 0, 6, 0, 0 }, true },
		{ { 1000, UINT32_MAX, 7, 1 }, { 1001, 0, 7, 1 }, false }, /* they wrap */
		{ { 1000, 0, 7, 1 }, { 1001, UINT32_MAX, 7, 1 }, true },
		{ { 1000, 5, UINT32_MAX, 1 }, { 1001, 5, 1, 1 }, false },
		{ { 1000, 5, 1, 1 }, { 1001, 5, UINT32_MAX, 1 }, true },
		{ { 1000, 0x80000000u, 0, 1 }, { 1001, 0x7fffffffu, 0, 1 }, true },
		{ { 1000, 0x7fffffffu, 0, 1 }, { 1001, 0x80000000u, 0, 1 }, false },
		{ { 0, 0, 0, 0 }, { 0, UINT32_MAX, 0, 1 }, false }, /* nothing was known */
	};
	struct registry_room *m = *state;
	uint64_t number = with_state(m, CLONE_REFUSE);
	const char *reason;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		accept_state(m, "12-net", (uint8_t)(1 + i % 2), 1); /* another TPM: nothing is known of it */
		OK(show(m, number, rows[i].before, &reason));
		assert_string_equal(reason, "");
		assert_true(has_state(m, number));
		assert_int_equal(show(m, number, rows[i].said, &reason), rows[i].less ? ERR_BAD_STATE : ERR_OK);
		assert_int_equal(strncmp(reason, "clone alarm", 11) == 0, rows[i].less);
		assert_int_equal(has_state(m, number), !rows[i].less);
	}
}

static void test_counters_and_policy(void **state)
{
	const struct tpm_counters older = { 900, 5, 7, 1 }, newer = { 1000, 5, 7, 1 };
	struct registry_room *m = *state;
	uint64_t number = with_state(m, CLONE_RECORD), other = opened(m, psk(m, "net"))->number;
	const char *reason;

	/* recorded: it counts, and is what the next is measured by */
	OK(show(m, number, newer, &reason));
	OK(show(m, number, older, &reason));
	assert_string_equal(reason, "clone alarm: the counters of its TPM run backwards");
	assert_true(has_state(m, number));
	OK(show(m, number, newer, &reason));
	assert_string_equal(reason, "");
	/* refused: what counted for this association does not any more; what is kept stays */
	registry_set_policy(m->r, &(struct registry_policy){ .action = CLONE_REFUSE });
	OK(show(m, other, newer, &reason));
	for (int i = 0; i < 2; i++)
		assert_int_equal(show(m, number, older, &reason), ERR_BAD_STATE);
	assert_false(has_state(m, number));
	assert_true(registry_association(m->r, number, 1, asked_at) && has_state(m, other));
	OK(show(m, number, newer, &reason));
	/* ended: all of the credential */
	registry_set_policy(m->r, &(struct registry_policy){ .action = CLONE_END });
	assert_int_equal(show(m, number, older, &reason), ERR_BAD_STATE);
	assert_null(registry_association(m->r, number, 1, asked_at));
	assert_null(registry_association(m->r, other, 1, asked_at));
	/* another credential is measured by its own */
	OK(enrol(m, credential_psk("two")));
	accept_state(m, "12-two", 1, 1);
	number = opened(m, psk(m, "two"))->number;
	OK(show(m, number, older, &reason));
	assert_string_equal(reason, "");
}

/* Two associations of one machine: which quote comes first is no sign of a copy. */
static void test_counters_out_of_order(void **state)
{
	const struct tpm_counters first = { 900, 5, 7, 1 }, second = { 1000, 5, 7, 1 };
	struct registry_room *m = *state;
	uint64_t a = with_state(m, CLONE_REFUSE), b = opened(m, psk(m, "net"))->number;
	const char *reason;

	ask_nonce(m, a);
	ask_nonce(m, b);
	OK(come(m, b, second, &reason));
	OK(come(m, a, first, &reason));
	assert_string_equal(reason, "");
	assert_true(has_state(m, a) && has_state(m, b));
	/* and the one that was made last is what the next is measured by */
	assert_int_equal(show(m, a, (struct tpm_counters){ 950, 5, 7, 1 }, &reason), ERR_BAD_STATE);
}

static void test_counters_are_kept(void **state)
{
	const struct tpm_counters older = { 900, 5, 7, 1 }, newer = { 1000, 5, 7, 1 };
	struct registry_room *m = *state;
	uint64_t number = with_state(m, CLONE_REFUSE);
	struct credential renewed = credential_certificate("mn", 6);
	uint8_t clock[CREDENTIAL_CLOCK];
	int64_t until = NOW + DAY;
	const char *reason;

	OK(show(m, number, newer, &reason));
	reopen(m);
	registry_set_policy(m->r, &(struct registry_policy){ .action = CLONE_REFUSE });
	number = opened(m, psk(m, "net"))->number;
	assert_int_equal(show(m, number, older, &reason), ERR_BAD_STATE);
	/* with another state of the same TPM */
	accept_state(m, "12-net", 1, 2);
	assert_int_equal(show(m, number, older, &reason), ERR_BAD_STATE);
	/* withdrawn, and accepted once more: the owner knows why it has begun anew */
	accept_state(m, "12-net", 0, 0);
	assert_int_equal(registry_state_shown(m->r, number, clock, asked_at, &until, &reason), ERR_MISSING);
	accept_state(m, "12-net", 1, 2);
	OK(show(m, number, older, &reason));
	assert_string_equal(reason, "");
	/* what could not be kept is not known after it */
	counters_put(&newer, clock);
	OK(store_begin(m->store->s));
	OK(registry_state_shown(m->r, number, clock, asked_at, &until, &reason));
	store_rollback(m->store->s);
	OK(registry_reload(m->r));
	registry_state_forget(m->r, number);
	assert_false(has_state(m, number));
	OK(show(m, number, older, &reason));
	assert_string_equal(reason, "");
	/* through a renewal of the credential's certificate */
	OK(enrol(m, credential_certificate("mn", 5)));
	accept_state(m, "33-//sp.example/mn", 1, 1);
	OK(show(m, opened(m, certificate(m, 5))->number, newer, &reason));
	OK(store_begin(m->store->s));
	OK(registry_renew(m->r, BYTES("33-//sp.example/mn"), &renewed));
	number = opened(m, certificate(m, 6))->number;
	OK(store_commit(m->store->s));
	assert_int_equal(show(m, number, older, &reason), ERR_BAD_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		REGISTRY_BOTH(test_psk_opens),
		REGISTRY_BOTH(test_certificate_opens),
		REGISTRY_BOTH(test_unfinished_joining),
		REGISTRY_BOTH(test_network_key_that_ended),
		REGISTRY_BOTH(test_late_joiner_is_refused),
		REGISTRY_BOTH(test_renewal),
		REGISTRY_BOTH(test_former_certificates),
		REGISTRY_BOTH(test_gate_is_not_believed),
		REGISTRY_BOTH(test_notice_is_used_once),
		REGISTRY_BOTH(test_notices_are_bounded),
		REGISTRY_BOTH(test_malformed),
		REGISTRY_BOTH(test_revocation_is_now),
		REGISTRY_BOTH(test_revoked_certificate_stays_out),
		REGISTRY_BOTH(test_limit_per_credential),
		REGISTRY_BOTH(test_whole_credentials_only),
		REGISTRY_BOTH(test_rate),
		REGISTRY_BOTH(test_work),
		REGISTRY_BOTH(test_rolled_back),
		REGISTRY_BOTH(test_many_and_restart),
		REGISTRY_BOTH(test_evidence),
		REGISTRY_BOTH(test_evidence_kept),
		REGISTRY_BOTH(test_approval),
		REGISTRY_BOTH(test_clients_own_proof),
		REGISTRY_BOTH(test_proof_of_before),
		REGISTRY_BOTH(test_proof_of_another),
		REGISTRY_BOTH(test_two_places),
		REGISTRY_BOTH(test_usage_stays_over_a_reload),
		REGISTRY_BOTH(test_to_and_fro),
		REGISTRY_BOTH(test_lifetime),
		REGISTRY_BOTH(test_session),
		REGISTRY_BOTH(test_session_is_never_more),
		REGISTRY_BOTH(test_session_is_kept_for_whom),
		REGISTRY_BOTH(test_session_dies),
		REGISTRY_BOTH(test_counters),
		REGISTRY_BOTH(test_counters_and_policy),
		REGISTRY_BOTH(test_counters_out_of_order),
		REGISTRY_BOTH(test_counters_are_kept),
		REGISTRY_BOTH(test_of_an_entity),
		REGISTRY_BOTH(test_memory_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
