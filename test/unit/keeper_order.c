/* keeper_order: who may order what of the keeper, how many it takes, what waits, and
 * what makes an order void. */
#include "keeper/order.h"
#include "keeper_people.h"
#include "provider/approval.h"
#include "wire/token_link.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/holdfast-order-XXXXXX";
static int dir = -1;

static void clear_folder(void)
{
	(void)unlinkat(dir, "keystore.new", AT_REMOVEDIR);
	(void)unlinkat(dir, "keystore", 0);
	(void)unlinkat(dir, "counter", 0);
}

/* A new node with two administrators. */
static int fresh(void **state)
{
	struct bed *b = mem_new(1, sizeof(*b));

	clear_folder();
	bed_init(b, dir);
	assert_int_equal(bed_make(b), ERR_OK);
	add_person(b, ANNA);
	add_person(b, BERT);
	assert_int_equal(vault_save(&b->ks.vault), ERR_OK);
	*state = b;
	return 0;
}

static int done(void **state)
{
	bed_end(*state);
	mem_free(*state);
	return 0;
}

/* The keeper ends (in order or not) and is started again. */
static void restart(struct bed *b)
{
	struct vault_setup setup = { .passphrase = BYTES("correct horse") };

	bed_end(b);
	bed_init(b, dir);
	assert_int_equal(vault_open(&b->ks.vault, &setup), ERR_OK);
}

/* Time goes by for the keeper. */
static void pass(struct bed *b, int64_t ms)
{
	b->ks.vault.admin.counted -= ms;
}

/* --- orders ------------------------------------------------------------------------ */

struct paper {
	struct order order;
	struct buf body, object;
	uint8_t signatures[PERSONS][80];
	size_t signature_n[PERSONS];
};

static void paper_begin(struct bed *b, struct paper *p, unsigned kind)
{
	*p = (struct paper){ .order.kind = kind, .body = buf_make(4096), .object = buf_make(8192) };
	begin(b, OP_ORDER_CHALLENGE);
	b->by[ROLE_DOOR]->rates[OP_ORDER_CHALLENGE] = (struct rate){ 0 };
	b->by[ROLE_DOOR]->rates[OP_ORDER_PREPARE] = (struct rate){ 0 };
	assert_int_equal(ask(b, ROLE_DOOR), ERR_OK);
	bytes_copy(p->order.keeper, wire_get_fixed(&b->r, KEEPER_IDENTITY).p, KEEPER_IDENTITY);
	p->order.sequence = wire_get_u64(&b->r);
	bytes_copy(p->order.nonce, wire_get_fixed(&b->r, ORDER_NONCE).p, ORDER_NONCE);
}

static void paper_end(struct paper *p)
{
	p->order.body = bytes_of_buf(&p->body);
	assert_int_equal(order_print(&p->order, &p->object), ERR_OK);
}

static void sign(struct paper *p, int who)
{
	struct buf text = buf_make(9000), signature = buf_make(100);

	assert_int_equal(order_signed(bytes_of_buf(&p->object), &text), ERR_OK);
	if (who == BERT) {
		assert_int_equal(crypt_ed25519_sign(&keys[who], bytes_of_buf(&text), p->signatures[who]), ERR_OK);
		p->signature_n[who] = 64;
	} else {
		assert_int_equal(crypt_p256_sign(&keys[who], bytes_of_buf(&text), &signature), ERR_OK);
		bytes_copy(p->signatures[who], signature.p, signature.n);
		p->signature_n[who] = signature.n;
	}
	buf_free(&text);
	buf_free(&signature);
}

static void sign_by(struct paper *p, unsigned persons)
{
	for (int i = 0; i < PERSONS; i++) {
		if (persons & 1u << i)
			sign(p, i);
	}
}

static err_t prepare(struct bed *b, const struct paper *p, uint32_t *ticket)
{
	unsigned n = 0;
	err_t err;

	for (int i = 0; i < PERSONS; i++)
		n += p->signature_n[i] > 0;
	begin(b, OP_ORDER_PREPARE);
	wire_put_bytes(&b->w, bytes_of_buf(&p->object));
	wire_put_u8(&b->w, (uint8_t)n);
	for (int i = 0; i < PERSONS; i++) {
		if (!p->signature_n[i])
			continue;
		wire_put_bytes(&b->w, bytes_str(names[i]));
		wire_put_bytes(&b->w, bytes_make(p->signatures[i], p->signature_n[i]));
	}
	err = ask(b, ROLE_DOOR);
	*ticket = err == ERR_OK ? wire_get_u32(&b->r) : 0;
	return err;
}

static err_t execute(struct bed *b, uint32_t ticket)
{
	begin(b, OP_ORDER_EXECUTE);
	wire_put_u32(&b->w, ticket);
	return ask(b, ROLE_DOOR);
}

/* The core says that the last event is durable. */
static void recorded(struct bed *b)
{
	uint64_t event = get_be64(b->notice.p + b->notice.n - 8);

	assert_int_equal(b->told, MSG_KEEPER_EVENT);
	assert_true(event != 0);
	begin(b, OP_ORDER_RECORDED);
	wire_put_u64(&b->w, event);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
}

static err_t whole_way(struct bed *b, struct paper *p)
{
	uint32_t ticket;
	err_t err;

	TRY(prepare(b, p, &ticket));
	recorded(b);
	err = execute(b, ticket);
out:
	return err;
}

static void paper_free(struct paper *p)
{
	buf_free(&p->body);
	buf_free(&p->object);
}

/* An order of one name, signed by these. */
static err_t order_name(struct bed *b, unsigned kind, const char *name, unsigned persons)
{
	struct paper p;
	struct wire_out w;
	err_t err;

	paper_begin(b, &p, kind);
	w = wire_out(&p.body);
	if (kind == ORDER_UNDO)
		wire_put_u32(&w, 0);
	wire_put_bytes(&w, bytes_str(name));
	paper_end(&p);
	sign_by(&p, persons);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

/* By anna and bert. */
static err_t minimum(struct bed *b, const char *name, uint32_t version)
{
	struct paper p;
	struct wire_out w;
	err_t err;

	paper_begin(b, &p, ORDER_KEY_MINIMUM);
	w = wire_out(&p.body);
	wire_put_bytes(&w, bytes_str(name));
	wire_put_u32(&w, version);
	paper_end(&p);
	sign(&p, ANNA);
	sign(&p, BERT);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

static void create_body(struct paper *p, const char *name, unsigned class)
{
	struct wire_out w = wire_out(&p->body);
	struct key_policy policy = { .roles = TO(CORE), .owner = KEY_NO_OWNER };

	policy.purposes = class == KEY_EC_P256 || class == KEY_ED25519 ? 1u << SIGN_STATEMENT : USE_DERIVE;
	wire_put_bytes(&w, bytes_str(name));
	wire_put_u8(&w, (uint8_t)class);
	wire_put_u8(&w, 0);
	key_policy_put(&w, &policy);
	paper_end(p);
}

/* An order for a new key, signed by these. */
static void paper_create(struct bed *b, struct paper *p, const char *name, unsigned persons)
{
	paper_begin(b, p, ORDER_KEY_CREATE);
	create_body(p, name, KEY_EC_P256);
	sign_by(p, persons);
}

static err_t create(struct bed *b, const char *name, int who)
{
	struct paper p;
	err_t err;

	paper_create(b, &p, name, 1u << who);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

static bool there(struct bed *b, const char *name)
{
	return vault_find(&b->ks.vault, bytes_str(name)) != NULL;
}

/* --- tests ----------------------------------------------------------------------------- */

static void test_one_person(void **state)
{
	struct bed *b = *state;

	assert_int_equal(create(b, "user/a", ANNA), ERR_OK);
	assert_int_equal(wire_get_u8(&b->r), 0); /* at once */
	assert_int_equal(wire_get_u32(&b->r), 1);
	assert_int_equal(wire_get_bytes(&b->r, 65).n, 65);
	assert_int_equal(create(b, "user/b", BERT), ERR_OK);
	assert_true(there(b, "user/a") && there(b, "user/b"));
	assert_int_equal(create(b, "user/a", ANNA), ERR_EXISTS);
	assert_int_equal(create(b, "root2", ANNA), ERR_REFUSED);
	assert_int_equal(create(b, "user/c", CARL), ERR_MISSING); /* no administrator */
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "user/a", 1u << BERT), ERR_OK);
	assert_true(there(b, "user/a#1"));
	assert_int_equal(order_name(b, ORDER_KEY_DEPRECATE, "user/a", 1u << BERT), ERR_OK);
	assert_int_equal(open_key(b, b->by[ROLE_CORE], BYTES("user/a")), ERR_REFUSED);
	restart(b);
	assert_true(there(b, "user/a#1"));
	assert_int_equal(vault_find(&b->ks.vault, BYTES("user/a"))->version, 2);
}

static void data_key(struct bed *b, enum operation op, struct bytes sealed, uint8_t key[32], struct buf *out)
{
	begin(b, op);
	b->by[ROLE_CORE]->rates[op] = (struct rate){ 0 };
	if (sealed.n)
		wire_put_bytes(&b->w, sealed);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	if (op != OP_DATA_KEY_REWRAP)
		bytes_copy(key, wire_get_fixed(&b->r, 32).p, 32);
	buf_clear(out);
	if (op != OP_DATA_KEY_OPEN)
		assert_int_equal(buf_add(out, wire_get_bytes(&b->r, SEALED_KEY_MAX)), ERR_OK);
	assert_int_equal(wire_done(&b->r), ERR_OK);
}

static void index_key(struct bed *b, uint8_t key[32])
{
	begin(b, OP_INDEX_KEY);
	wire_put_bytes(&b->w, BYTES("aei"));
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	bytes_copy(key, wire_get_fixed(&b->r, 32).p, 32);
}

/* The root key is rotated: what its first version sealed opens, is sealed anew unseen, and
 * the places of the store stay where they are. */
static void test_root(void **state)
{
	struct bed *b = *state;
	struct buf first = buf_make(256), again = buf_make(256), nothing = buf_make(256);
	uint8_t key[32], same[32], index[2][32], other[32];

	data_key(b, OP_DATA_KEY_NEW, BYTES_NONE, key, &first);
	index_key(b, index[0]);
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "root", 0), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "root", 1u << ANNA), ERR_OK);
	assert_true(there(b, "root#1"));
	assert_int_equal(vault_find(&b->ks.vault, BYTES("root"))->version, 2);
	restart(b);
	data_key(b, OP_DATA_KEY_OPEN, bytes_of_buf(&first), same, &nothing);
	assert_memory_equal(key, same, 32);
	data_key(b, OP_DATA_KEY_REWRAP, bytes_of_buf(&first), NULL, &again);
	assert_int_equal(get_be32(first.p + 1), 1);
	assert_int_equal(get_be32(again.p + 1), 2);
	data_key(b, OP_DATA_KEY_OPEN, bytes_of_buf(&again), same, &nothing);
	assert_memory_equal(key, same, 32);
	index_key(b, index[1]);
	assert_memory_equal(index[0], index[1], 32);
	/* by the other version it does not open, nor by one that there is not */
	for (unsigned version = 0; version < 4; version++) {
		again.p[4] = (uint8_t)version;
		begin(b, OP_DATA_KEY_OPEN);
		wire_put_bytes(&b->w, bytes_of_buf(&again));
		assert_int_equal(ask(b, ROLE_CORE), version == 2 ? ERR_OK : ERR_TAMPERED);
	}
	again.p[4] = 2;
	/* nor by one that is under other rules than the key of today */
	for (unsigned i = 0; i < 3; i++) {
		struct vault_key *old = vault_find(&b->ks.vault, BYTES("root#1")), was = *old;

		old->policy = i == 1 ? TO(GATE) | TO(CORE) : old->policy;
		old->purposes = i == 2 ? USE_OPEN : old->purposes;
		begin(b, OP_DATA_KEY_OPEN);
		wire_put_bytes(&b->w, bytes_of_buf(&first));
		assert_int_equal(ask(b, ROLE_CORE), i ? ERR_REFUSED : ERR_OK);
		old->policy = was.policy;
		old->purposes = was.purposes;
	}
	/* what the index needs is not destroyed, by no order */
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "root#1", 3), ERR_REFUSED);
	assert_int_equal(minimum(b, "root", 2), ERR_REFUSED);
	/* nobody but the core asks */
	begin(b, OP_DATA_KEY_REWRAP);
	wire_put_bytes(&b->w, bytes_of_buf(&first));
	assert_int_equal(ask(b, ROLE_GATE), ERR_REFUSED);
	data_key(b, OP_DATA_KEY_NEW, BYTES_NONE, other, &first);
	assert_int_equal(get_be32(first.p + 1), 2);
	buf_free(&first);
	buf_free(&again);
}

static void test_nobody(void **state)
{
	struct bed *b = *state;

	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "import", 0), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "import", 1u << ANNA), ERR_OK);
	/* what others rely on is neither rotated nor destroyed */
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "ca", 3), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "root", 3), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "ca", 3), ERR_REFUSED);
	/* without administrators nothing is ordered */
	b->ks.vault.admin.n = 0;
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "import", 0), ERR_REFUSED);
}

static void test_two_persons_and_a_delay(void **state)
{
	struct bed *b = *state;

	assert_int_equal(create(b, "user/a", ANNA), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/a", 1u << ANNA), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/a", 1u << BERT), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/a", 3), ERR_OK);
	assert_int_equal(wire_get_u8(&b->r), 1);
	assert_int_equal(keeper_tick(&b->ks), 1000);
	assert_true(there(b, "user/a"));
	/* the clock of the system is set far ahead: nothing comes sooner */
	clock_simulate(clock_now() + INT64_C(3650) * 86400 * 1000);
	assert_int_equal(keeper_tick(&b->ks), 1000);
	clock_simulate(0);
	assert_int_equal(b->ks.vault.admin.pending_n, 1);
	/* a restart keeps what has gone by, and no more */
	pass(b, DELAY_S * INT64_C(1000) / 2);
	restart(b);
	assert_int_equal(b->ks.vault.admin.pending_n, 1);
	pass(b, DELAY_S * INT64_C(1000) / 2 - 5000);
	b->notices = 0;
	(void)keeper_tick(&b->ks);
	assert_int_equal(b->notices, 0);
	pass(b, 6000);
	(void)keeper_tick(&b->ks);
	assert_int_equal(b->notices, 1); /* announced */
	assert_true(there(b, "user/a")); /* and not yet recorded */
	recorded(b);
	assert_false(there(b, "user/a"));
	assert_int_equal(b->ks.vault.admin.pending_n, 0);
	restart(b);
	assert_false(there(b, "user/a"));
}

static void test_undo(void **state)
{
	struct bed *b = *state;
	struct wire_out w;
	struct paper p;

	assert_int_equal(create(b, "user/a", ANNA), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/a", 3), ERR_OK);
	paper_begin(b, &p, ORDER_UNDO);
	w = wire_out(&p.body);
	wire_put_u32(&w, b->ks.vault.admin.pending[0]->number);
	paper_end(&p);
	sign(&p, BERT);
	assert_int_equal(whole_way(b, &p), ERR_OK);
	paper_free(&p);
	assert_int_equal(b->ks.vault.admin.pending_n, 0);
	pass(b, 2 * DELAY_S * INT64_C(1000));
	(void)keeper_tick(&b->ks);
	assert_true(there(b, "user/a"));
}

/* A core that destroys keys destroys none until somebody had time to look. */
static void test_withdrawal_is_undone(void **state)
{
	static const uint8_t psk[32] = { 7 };
	struct bed *b = *state;
	char name[KEEPER_NAME_MAX + 1];

	for (int round = 0; round < 2; round++) {
		b->by[ROLE_CORE]->rates[OP_IMPORT_PSK] = (struct rate){ 0 };
		if (round == 0)
			assert_int_equal(import_psk(b, BYTES("dev"), BYTES_OF(psk), tomorrow()), ERR_OK);
		begin(b, OP_DESTROY);
		wire_put_bytes(&b->w, BYTES("psk/dev"));
		assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
		assert_int_equal(open_psk(b, BYTES("dev")), ERR_MISSING);
		assert_int_equal(bytes_put_str(name, sizeof(name),
		                               bytes_str(b->ks.vault.keys[b->ks.vault.keys_n - 1]->name)), ERR_OK);
		if (round == 0) {
			assert_int_equal(order_name(b, ORDER_UNDO, name, 1u << ANNA), ERR_OK);
			assert_int_equal(open_psk(b, BYTES("dev")), ERR_OK);
		}
	}
	assert_true(there(b, name));
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	assert_false(there(b, name));
	assert_int_equal(order_name(b, ORDER_UNDO, name, 1u << ANNA), ERR_MISSING);
}

static void test_replayed_reordered_stale(void **state)
{
	struct bed *b = *state;
	struct paper first, second;
	uint32_t ticket;

	paper_create(b, &first, "user/a", 1u << ANNA);
	paper_create(b, &second, "user/b", 1u << ANNA);
	/* the one that was signed later goes first: the other is stale by that */
	assert_int_equal(whole_way(b, &second), ERR_OK);
	assert_int_equal(prepare(b, &first, &ticket), ERR_EXPIRED);
	assert_int_equal(prepare(b, &second, &ticket), ERR_EXPIRED); /* replayed */
	restart(b);
	assert_int_equal(prepare(b, &second, &ticket), ERR_EXPIRED); /* and after a restart */
	paper_free(&first);
	paper_free(&second);
	/* a challenge survives a restart, and ends after its life */
	paper_create(b, &first, "user/c", 1u << ANNA);
	restart(b);
	pass(b, ORDER_LIFE_S * INT64_C(1000) + 5000);
	assert_int_equal(prepare(b, &first, &ticket), ERR_EXPIRED);
	pass(b, -10000);
	assert_int_equal(whole_way(b, &first), ERR_OK);
	paper_free(&first);
}

static void test_forged(void **state)
{
	struct bed *b = *state;
	struct paper p;
	uint32_t ticket;

	paper_create(b, &p, "user/a", 1u << ANNA | 1u << BERT);
	for (size_t at = 0; at < p.object.n; at++) { /* each octet counts */
		p.object.p[at] ^= 1;
		b->by[ROLE_DOOR]->rates[OP_ORDER_PREPARE] = (struct rate){ 0 };
		assert_int_not_equal(prepare(b, &p, &ticket), ERR_OK);
		p.object.p[at] ^= 1;
	}
	for (int who = ANNA; who <= BERT; who++) {
		for (size_t at = 0; at < p.signature_n[who]; at++) {
			p.signatures[who][at] ^= 1;
			b->by[ROLE_DOOR]->rates[OP_ORDER_PREPARE] = (struct rate){ 0 };
			assert_int_not_equal(prepare(b, &p, &ticket), ERR_OK);
			p.signatures[who][at] ^= 1;
		}
	}
	b->by[ROLE_DOOR]->rates[OP_ORDER_PREPARE] = (struct rate){ 0 };
	/* for another keeper */
	b->ks.vault.salt[0] ^= 1;
	assert_int_equal(prepare(b, &p, &ticket), ERR_TYPE);
	b->ks.vault.salt[0] ^= 1;
	/* nobody but the door and the core may bring one */
	begin(b, OP_ORDER_PREPARE);
	wire_put_bytes(&b->w, bytes_of_buf(&p.object));
	assert_int_equal(ask(b, ROLE_GATE), ERR_REFUSED);
	assert_int_equal(whole_way(b, &p), ERR_OK);
	paper_free(&p);
}

/* One person who signs twice is one person. */
static void test_signed_twice(void **state)
{
	struct bed *b = *state;
	struct paper p;
	struct wire_out w;

	paper_begin(b, &p, ORDER_KEY_DESTROY);
	w = wire_out(&p.body);
	wire_put_bytes(&w, BYTES("psk/x"));
	paper_end(&p);
	sign(&p, ANNA);
	begin(b, OP_ORDER_PREPARE);
	wire_put_bytes(&b->w, bytes_of_buf(&p.object));
	wire_put_u8(&b->w, 2);
	for (int i = 0; i < 2; i++) {
		wire_put_bytes(&b->w, BYTES("anna"));
		wire_put_bytes(&b->w, bytes_make(p.signatures[ANNA], p.signature_n[ANNA]));
	}
	assert_int_equal(ask(b, ROLE_DOOR), ERR_DUPLICATE);
	paper_free(&p);
}

static void test_nothing_without_its_record(void **state)
{
	struct bed *b = *state;
	struct paper p;
	uint32_t ticket;

	paper_create(b, &p, "user/a", 1u << ANNA);
	assert_int_equal(prepare(b, &p, &ticket), ERR_OK);
	assert_int_equal(execute(b, ticket), ERR_BAD_STATE);
	assert_false(there(b, "user/a"));
	assert_int_equal(execute(b, ticket + 1), ERR_MISSING);
	/* another event that is recorded is not this one */
	begin(b, OP_ORDER_RECORDED);
	wire_put_u64(&b->w, b->ks.events + 1);
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	assert_int_equal(execute(b, ticket), ERR_BAD_STATE);
	/* only the core says so */
	begin(b, OP_ORDER_RECORDED);
	wire_put_u64(&b->w, b->ks.events);
	assert_int_equal(ask(b, ROLE_DOOR), ERR_REFUSED);
	assert_int_equal(execute(b, ticket), ERR_BAD_STATE);
	/* the core never says so: it is void */
	b->ks.held->since -= ORDER_RECORD_MS;
	assert_int_equal(execute(b, ticket), ERR_TIMEOUT);
	assert_int_equal(execute(b, ticket), ERR_MISSING);
	assert_false(there(b, "user/a"));
	/* the core that was told is gone */
	assert_int_equal(prepare(b, &p, &ticket), ERR_OK);
	keeper_caller_end(&b->ks, b->by[ROLE_CORE]);
	assert_int_equal(keeper_caller_new(&b->ks, ROLE_CORE, 1, &b->by[ROLE_CORE]), ERR_OK);
	assert_int_equal(execute(b, ticket), ERR_MISSING);
	/* nothing was taken, so the same paper is still good */
	assert_int_equal(whole_way(b, &p), ERR_OK);
	assert_true(there(b, "user/a"));
	paper_free(&p);
}

static err_t order_administrator(struct bed *b, int who, unsigned persons)
{
	struct paper p;
	struct wire_out w;
	uint8_t point[65];
	size_t n = public_of(who, point);
	err_t err;

	paper_begin(b, &p, ORDER_ADMINISTRATOR_ADD);
	w = wire_out(&p.body);
	wire_put_bytes(&w, bytes_str(names[who]));
	wire_put_u8(&w, who == BERT ? KEY_ED25519 : KEY_EC_P256);
	wire_put_bytes(&w, bytes_make(point, n));
	paper_end(&p);
	sign_by(&p, persons);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

static void test_administrators(void **state)
{
	struct bed *b = *state;

	assert_int_equal(order_administrator(b, CARL, 1u << ANNA), ERR_REFUSED);
	assert_int_equal(order_administrator(b, CARL, 3), ERR_OK);
	assert_int_equal(order_administrator(b, CARL, 3), ERR_EXISTS);
	assert_int_equal(create(b, "user/c", CARL), ERR_OK);
	assert_int_equal(order_name(b, ORDER_ADMINISTRATOR_REMOVE, "carl", 1u << ANNA), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_ADMINISTRATOR_REMOVE, "carl", 3), ERR_OK);
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	recorded(b);
	assert_int_equal(create(b, "user/d", CARL), ERR_MISSING);
	/* alone, the first makes the second; what takes two cannot be done by one */
	b->ks.vault.admin.n = 1;
	assert_int_equal(create(b, "user/e", ANNA), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/e", 1u << ANNA), ERR_REFUSED);
	assert_int_equal(order_administrator(b, CARL, 1u << ANNA), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/e", 1u << ANNA | 1u << CARL), ERR_OK);
}

/* Carl is bounded so by these; orders 0: withdrawn. */
static err_t bound(struct bed *b, uint32_t orders, const char *name, int64_t until, unsigned persons)
{
	struct order_bounds bounds = { .orders = orders, .until = until, .names_n = 1 };
	struct paper p;
	struct wire_out w;
	uint8_t point[65];
	size_t n = public_of(CARL, point);
	err_t err;

	must(bytes_put_str(bounds.names[0], sizeof(bounds.names[0]), bytes_str(name)) == ERR_OK);
	paper_begin(b, &p, ORDER_ADMINISTRATOR_BOUND);
	w = wire_out(&p.body);
	wire_put_bytes(&w, bytes_str(names[CARL]));
	wire_put_u8(&w, orders ? KEY_EC_P256 : 0);
	wire_put_bytes(&w, bytes_make(point, orders ? n : 0));
	if (orders)
		order_bounds_put(&w, &bounds);
	else
		wire_put_u32(&w, 0);
	paper_end(&p);
	sign_by(&p, persons);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

enum { BOTH = 1u << ANNA | 1u << BERT, FOR_CARL = 1u << ORDER_KEY_CREATE | 1u << ORDER_KEY_DESTROY };

static void test_bounded(void **state)
{
	struct bed *b = *state;
	int64_t until = clock_now() + 3600000;

	/* by a quorum, within what can be bounded, for a time, and not over everything */
	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", until, 1u << ANNA), ERR_REFUSED);
	assert_int_equal(bound(b, FOR_CARL | 1u << ORDER_POLICY, "user/acme-*", until, BOTH), ERR_RANGE);
	assert_int_equal(bound(b, FOR_CARL | 1u << ORDER_ADMINISTRATOR_BOUND, "user/acme-*", until, BOTH), ERR_RANGE);
	assert_int_equal(bound(b, 1u << 31, "user/acme-*", until, BOTH), ERR_RANGE);
	assert_int_equal(bound(b, FOR_CARL, "*", until, BOTH), ERR_SYNTAX);
	assert_int_equal(bound(b, FOR_CARL, "user/*-x", until, BOTH), ERR_SYNTAX);
	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", clock_now() - 1, BOTH), ERR_RANGE);
	assert_int_equal(bound(b, 0, "", until, BOTH), ERR_MISSING);
	assert_int_equal(create(b, "user/acme-1", CARL), ERR_MISSING);
	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", until, BOTH), ERR_OK);
	/* he can, within; not another class, not another name */
	assert_int_equal(create(b, "user/acme-1", CARL), ERR_OK);
	assert_int_equal(create(b, "user/other", CARL), ERR_REFUSED);
	assert_int_equal(create(b, "user/acme", CARL), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DEPRECATE, "user/acme-1", 1u << CARL), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DEPRECATE, "user/acme-1", 1u << CARL | 1u << ANNA), ERR_REFUSED);
	/* he widens himself by nothing */
	assert_int_equal(bound(b, FOR_CARL, "user/*", until, 1u << CARL), ERR_REFUSED);
	assert_int_equal(bound(b, FOR_CARL, "user/*", until, 1u << CARL | 1u << ANNA), ERR_REFUSED);
	assert_int_equal(order_administrator(b, CARL, BOTH), ERR_EXISTS);
	/* what takes two takes one of the others, and is still bounded */
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/acme-1", 1u << CARL), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/acme-1", 1u << CARL | 1u << BERT), ERR_OK);
	/* he counts for none of those who are needed for everything */
	assert_int_equal(b->ks.vault.admin.n, 2);
}

static void test_bounded_ends(void **state)
{
	struct bed *b = *state;
	int64_t until = clock_now() + 3600000;

	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", until, BOTH), ERR_OK);
	restart(b);
	assert_int_equal(create(b, "user/acme-1", CARL), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/acme-1", 1u << CARL | 1u << BERT), ERR_OK);
	/* bound anew: what he said under the bounds before is not carried out, by nobody's clock */
	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", clock_now() + 3600000, BOTH), ERR_OK);
	restart(b);
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	recorded(b);
	assert_true(there(b, "user/acme-1"));
	assert_int_equal(b->ks.vault.admin.pending_n, 0);
	/* that was more than an hour in which the keeper ran, whatever the clock says */
	assert_int_equal(create(b, "user/acme-2", CARL), ERR_EXPIRED);
	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", until, BOTH), ERR_OK);
	assert_int_equal(create(b, "user/acme-2", CARL), ERR_OK);
	b->ks.vault.admin.bounded[0].bounds.until = clock_now() - 1;
	assert_int_equal(create(b, "user/acme-3", CARL), ERR_EXPIRED);
	assert_int_equal(bound(b, FOR_CARL, "user/acme-*", until, BOTH), ERR_OK);
	assert_int_equal(bound(b, 0, "", 0, 1u << ANNA), ERR_REFUSED);
	assert_int_equal(bound(b, 0, "", 0, BOTH), ERR_OK);
	assert_int_equal(create(b, "user/acme-3", CARL), ERR_MISSING);
	restart(b);
	assert_int_equal(create(b, "user/acme-3", CARL), ERR_MISSING);
}

/* A part of the form before, which knew no bounds, is read; one of a form after is not. */
static void test_form_before(void **state)
{
	struct bed *b = *state;
	struct buf part = buf_make(ADMINISTRATION_MAX);
	struct administration read;

	assert_int_equal(administration_print(&b->ks.vault.admin, &part), ERR_OK);
	assert_int_equal(administration_parse(&read, bytes_of_buf(&part)), ERR_OK);
	part.p[1] = 1;
	assert_int_not_equal(administration_parse(&read, bytes_of_buf(&part)), ERR_OK);
	/* the last two octets say: nobody bounded, nothing waits */
	assert_int_equal(administration_parse(&read, bytes_make(part.p, part.n - 1)), ERR_OK);
	assert_int_equal(read.n, 2);
	assert_int_equal(read.bounded_n, 0);
	part.p[1] = 3;
	assert_int_equal(administration_parse(&read, bytes_of_buf(&part)), ERR_UNSUPPORTED);
	buf_free(&part);
}

static err_t policy(struct bed *b, const struct standing *s, unsigned persons)
{
	struct paper p;
	struct wire_out w;
	err_t err;

	paper_begin(b, &p, ORDER_POLICY);
	w = wire_out(&p.body);
	wire_put_u32(&w, s->delay);
	wire_put_u32(&w, s->a_day);
	wire_put_u32(&w, s->days);
	wire_put_u8(&w, (uint8_t)s->names_n);
	for (size_t i = 0; i < s->names_n; i++)
		wire_put_bytes(&w, bytes_str(s->names[i]));
	paper_end(&p);
	sign_by(&p, persons);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

static void test_standing_policy(void **state)
{
	struct bed *b = *state;
	struct standing s = { .delay = DELAY_S, .a_day = 2, .days = 30, .names_n = 1, .names = { "@here" } };
	static const uint8_t psk[32] = { 9 };

	assert_int_equal(policy(b, &s, 1u << ANNA), ERR_REFUSED);
	assert_int_equal(policy(b, &s, 3), ERR_OK); /* narrower: at once */
	assert_int_equal(wire_get_u8(&b->r), 0);
	assert_int_equal(import_psk(b, BYTES("a@there"), BYTES_OF(psk), tomorrow()), ERR_REFUSED);
	assert_int_equal(import_psk(b, BYTES("a@here"), BYTES_OF(psk), tomorrow() + 40ll * 86400000), ERR_RANGE);
	assert_int_equal(import_psk(b, BYTES("a@here"), BYTES_OF(psk), tomorrow()), ERR_OK);
	assert_int_equal(import_psk(b, BYTES("b@here"), BYTES_OF(psk), tomorrow()), ERR_OK);
	assert_int_equal(import_psk(b, BYTES("c@here"), BYTES_OF(psk), tomorrow()), ERR_LIMIT);
	restart(b);
	assert_int_equal(import_psk(b, BYTES("c@here"), BYTES_OF(psk), tomorrow()), ERR_LIMIT);
	/* one outside of it, once */
	assert_int_equal(order_name(b, ORDER_ENROL_ALLOW, "x@there", 1u << ANNA), ERR_OK);
	assert_int_equal(import_psk(b, BYTES("y@there"), BYTES_OF(psk), tomorrow()), ERR_REFUSED);
	assert_int_equal(import_psk(b, BYTES("x@there"), BYTES_OF(psk), tomorrow()), ERR_OK);
	begin(b, OP_DESTROY);
	wire_put_bytes(&b->w, BYTES("psk/x@there"));
	assert_int_equal(ask(b, ROLE_CORE), ERR_OK);
	assert_int_equal(import_psk(b, BYTES("x@there"), BYTES_OF(psk), tomorrow()), ERR_REFUSED);
	pass(b, 86400 * INT64_C(1000));
	assert_int_equal(import_psk(b, BYTES("c@here"), BYTES_OF(psk), tomorrow()), ERR_OK);
	/* wider, or a shorter delay, waits */
	s.delay = 1;
	assert_int_equal(policy(b, &s, 3), ERR_OK);
	assert_int_equal(wire_get_u8(&b->r), 1);
	assert_int_equal(b->ks.vault.admin.standing.delay, DELAY_S);
	s.delay = DELAY_MAX_S + 1;
	assert_int_equal(policy(b, &s, 3), ERR_RANGE);
}

static err_t replace(struct bed *b, const char *name, const uint8_t *proof_of, unsigned persons)
{
	static const uint8_t new[32] = { 2 };
	struct buf sealed = buf_make(512), text = buf_make(1024);
	struct paper p;
	struct wire_out w;
	uint8_t proof[32];
	err_t err;

	seal_psk(b, bytes_str(name), BYTES_OF(new), &sealed);
	assert_int_equal(buf_add(&text, BYTES("holdfast replace\0")), ERR_OK);
	assert_int_equal(buf_add(&text, bytes_of_buf(&sealed)), ERR_OK);
	if (proof_of)
		crypt_hmac_sha256(bytes_make(proof_of, 32), bytes_of_buf(&text), proof);
	paper_begin(b, &p, ORDER_KEY_REPLACE);
	w = wire_out(&p.body);
	wire_put_bytes(&w, bytes_str(name));
	wire_put_bytes(&w, bytes_of_buf(&sealed));
	wire_put_bytes(&w, proof_of ? BYTES_OF(proof) : BYTES_NONE);
	paper_end(&p);
	sign_by(&p, persons);
	err = whole_way(b, &p);
	paper_free(&p);
	buf_free(&sealed);
	buf_free(&text);
	return err;
}

static void test_replacement(void **state)
{
	static const uint8_t old[32] = { 1 }, other[32] = { 3 };
	struct bed *b = *state;

	assert_int_equal(import_psk(b, BYTES("dev"), BYTES_OF(old), tomorrow()), ERR_OK);
	assert_int_equal(replace(b, "psk/dev", NULL, 1u << ANNA), ERR_REFUSED);
	assert_int_equal(replace(b, "psk/dev", other, 3), ERR_TAMPERED);
	assert_int_equal(replace(b, "psk/none", NULL, 3), ERR_MISSING);
	assert_int_equal(replace(b, "root", NULL, 3), ERR_REFUSED);
	assert_int_equal(replace(b, "psk/dev", old, 1u << ANNA), ERR_OK); /* with proof: one */
	assert_int_equal(wire_get_u8(&b->r), 1);
	assert_memory_equal(vault_find(&b->ks.vault, BYTES("psk/dev"))->key.blob.p, old, 32);
	restart(b);
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	recorded(b);
	assert_int_equal(vault_find(&b->ks.vault, BYTES("psk/dev"))->key.blob.p[0], 2);
	assert_int_equal(vault_find(&b->ks.vault, BYTES("psk/dev"))->version, 2);
	assert_false(there(b, "psk/dev#1"));
	assert_int_equal(open_psk(b, BYTES("dev")), ERR_OK);
}

static void test_minimum(void **state)
{
	struct bed *b = *state;

	for (int i = 0; i < 3; i++)
		assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "import", 1u << ANNA), ERR_OK);
	assert_int_equal(minimum(b, "import", 3), ERR_OK);
	assert_true(there(b, "import#1"));
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	recorded(b);
	assert_false(there(b, "import#1") || there(b, "import#2"));
	assert_true(there(b, "import#3") && there(b, "import"));
}

/* --- what cannot be written is not done ------------------------------------------------ */

/* A directory stands where the new file would. */
static void block(bool on)
{
	assert_int_equal(on ? mkdirat(dir, "keystore.new", 0700) : unlinkat(dir, "keystore.new", AT_REMOVEDIR), 0);
}

static void is_in_state(struct bed *b, const char *name, enum key_state state, uint32_t version)
{
	struct vault_key *key = vault_find(&b->ks.vault, bytes_str(name));

	assert_non_null(key);
	assert_int_equal(key->state, state);
	assert_int_equal(key->version, version);
}

static void test_not_written(void **state)
{
	struct bed *b = *state;

	assert_int_equal(create(b, "user/a", ANNA), ERR_OK);
	assert_int_equal(create(b, "user/b", ANNA), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_DEPRECATE, "user/a", 1u << ANNA), ERR_OK);
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "import", 1u << ANNA), ERR_OK);
	block(true);
	assert_int_equal(order_name(b, ORDER_KEY_ROTATE, "user/a", 1u << ANNA), ERR_IO);
	assert_int_equal(order_name(b, ORDER_KEY_DEPRECATE, "user/b", 1u << ANNA), ERR_IO);
	assert_int_equal(create(b, "user/c", ANNA), ERR_IO);
	block(false);
	for (int i = 0; i < 2; i++) {
		is_in_state(b, "user/a", KEY_DEPRECATED, 1);
		is_in_state(b, "user/b", KEY_ACTIVE, 1);
		is_in_state(b, "import", KEY_ACTIVE, 2);
		assert_false(there(b, "user/a#1") || there(b, "user/c"));
		/* what is written later is not it, either */
		assert_int_equal(vault_save(&b->ks.vault), ERR_OK);
		restart(b);
	}
	/* what waited, too: it is over, and came to nothing */
	assert_int_equal(minimum(b, "import", 2), ERR_OK);
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	block(true);
	recorded(b);
	block(false);
	assert_true(there(b, "import#1"));
	assert_int_equal(vault_find(&b->ks.vault, BYTES("import"))->minimum, 1);
}

/* --- a TPM that is gone for good ---------------------------------------------------------- */

static struct link tpm; /* its end */

/* TPM `id` comes, in this state. */
static void tpm_comes(struct bed *b, uint8_t id, bool fresh_pairing)
{
	struct token_state s = { .present = true, .kind = TOKEN_KIND_TPM, .name = "TPM", .pcrs = 0x81,
		                 .identity = { id }, .counter = { id }, .generation = 3 };
	struct buf body = buf_make(512);
	struct wire_out w = wire_out(&body);
	int ends[2];
	bool made;

	assert_int_equal(link_pair(ends), ERR_OK);
	link_init(&tpm, ends[1], ROLE_TOKEN, ROLE_KEEPER, 0);
	token_attach(1, ends[0]);
	assert_int_equal(token_open(&b->ks.vault, 1, &made), ERR_OK);
	assert_int_equal(made, fresh_pairing);
	assert_int_equal(token_state_put(&w, &s), ERR_OK);
	assert_int_equal(link_send(&tpm, MSG_TOKEN_STATE, 0, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(link_flush(&tpm), ERR_OK);
	token_read(1);
	if (made)
		assert_int_equal(token_first(&b->ks.vault, 1), ERR_OK);
	assert_int_equal(vault_save(&b->ks.vault), ERR_OK);
	buf_free(&body);
}

static void tpm_goes(void)
{
	token_detach(1);
	link_close(&tpm);
}

static void key_on_tpm(struct bed *b, const char *name, enum key_origin origin, enum key_state state, uint8_t id)
{
	uint8_t blob[2 + TOKEN_IDENTITY + 1] = { 1, 1, id };
	struct vault_key *key, fresh_key = vault_key_new(&token_provider, KEY_SYMMETRIC_32, origin, 0);

	blob[sizeof(blob) - 1] = (uint8_t)name[5];
	assert_int_equal(secret_copy(BYTES_OF(blob), &fresh_key.key.blob), ERR_OK);
	assert_int_equal(vault_add(&b->ks.vault, bytes_str(name), &fresh_key, &key), ERR_OK);
	key->state = state;
}

static err_t lost(struct bed *b)
{
	struct paper p;
	struct wire_out w;
	err_t err;

	paper_begin(b, &p, ORDER_TOKEN_LOST);
	w = wire_out(&p.body);
	wire_put_bytes(&w, BYTES("token.1"));
	wire_put_bytes(&w, BYTES("software"));
	paper_end(&p);
	sign(&p, ANNA);
	sign(&p, BERT);
	err = whole_way(b, &p);
	paper_free(&p);
	return err;
}

static void is_as_before(struct bed *b)
{
	is_in_state(b, "user/a", KEY_ACTIVE, 1);
	is_in_state(b, "user/d", KEY_DEPRECATED, 1);
	is_in_state(b, "user/m", KEY_ACTIVE, 1);
	assert_true(vault_find(&b->ks.vault, BYTES("user/a"))->provider == &token_provider);
	assert_true(there(b, "token/1") && there(b, "approved/1"));
	assert_false(there(b, "user/a#1") || there(b, "user/d#1"));
}

static void approved_whole(struct bed *b, uint8_t id)
{
	struct vault_key *record = vault_find(&b->ks.vault, BYTES("approved/1"));

	assert_non_null(record);
	assert_true(record->provider == &token_provider && approval_is(&record->key));
	assert_int_equal(record->key.blob.p[2], id);
}

/* Its keys are lost and made anew as they stood; what is known of it goes; another TPM in
 * its place begins anew, and the key store opens. */
static void test_tpm_lost(void **state)
{
	struct vault_key *pair, wrong = vault_key_new(&software_provider, KEY_EC_P256, ORIGIN_MADE, 0);
	struct bed *b = *state;

	tpm_comes(b, 7, true);
	approved_whole(b, 7);
	key_on_tpm(b, "user/a", ORIGIN_GENERATED, KEY_ACTIVE, 7);
	key_on_tpm(b, "user/d", ORIGIN_GENERATED, KEY_DEPRECATED, 7);
	key_on_tpm(b, "user/m", ORIGIN_MADE, KEY_ACTIVE, 7);
	key_on_tpm(b, "psk/p", ORIGIN_IMPORTED, KEY_ACTIVE, 7);
	assert_int_equal(vault_save(&b->ks.vault), ERR_OK);
	assert_int_equal(lost(b), ERR_REFUSED); /* it is there */
	tpm_goes();
	block(true);
	assert_int_equal(lost(b), ERR_IO);
	block(false);
	is_as_before(b);
	assert_int_equal(vault_save(&b->ks.vault), ERR_OK);
	restart(b);
	is_as_before(b);

	assert_int_equal(lost(b), ERR_OK);
	is_in_state(b, "user/a", KEY_ACTIVE, 2);
	is_in_state(b, "user/d", KEY_DEPRECATED, 2);
	is_in_state(b, "user/d#1", KEY_LOST, 1);
	assert_true(vault_find(&b->ks.vault, BYTES("user/d"))->provider == &software_provider);
	assert_false(there(b, "token/1") || there(b, "approved/1") || there(b, "approved/1#1") || there(b, "psk/p"));

	/* a key store that took the record for a key is mended by the next TPM */
	assert_int_equal(wrong.provider->make(&wrong.key), ERR_OK);
	assert_int_equal(vault_add(&b->ks.vault, BYTES("approved/1"), &wrong, &pair), ERR_OK);
	tpm_comes(b, 8, true);
	approved_whole(b, 8);
	restart(b);
	restart(b);
	approved_whole(b, 8);
	tpm_goes();

	/* lost keys are ended, those of the node's birth, too; those that replaced them are not */
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/m", 3), ERR_REFUSED);
	assert_int_equal(order_name(b, ORDER_KEY_DESTROY, "user/m#1", 3), ERR_OK);
	pass(b, DELAY_S * INT64_C(1000) + 1000);
	(void)keeper_tick(&b->ks);
	recorded(b);
	assert_false(there(b, "user/m#1"));
	assert_true(there(b, "user/m"));
}

/* An approval that could not be written holds nowhere. */
static void test_approval_not_written(void **state)
{
	static const char say[] = "token.1/approve/" "07000000000000000000000000000000" "/00000081/"
	                          "5555555555555555555555555555555555555555555555555555555555555555";
	struct bed *b = *state;
	struct secret *blob;
	size_t n;

	tpm_comes(b, 7, true);
	n = vault_find(&b->ks.vault, BYTES("approved/1"))->key.blob.n;
	block(true);
	assert_int_equal(order_name(b, ORDER_STATE_APPROVE, say, 3), ERR_IO);
	block(false);
	assert_int_equal(vault_save(&b->ks.vault), ERR_OK);
	restart(b);
	blob = &vault_find(&b->ks.vault, BYTES("approved/1"))->key.blob;
	assert_int_equal(blob->n, n);
	assert_int_equal(order_name(b, ORDER_STATE_APPROVE, say, 3), ERR_OK);
	blob = &vault_find(&b->ks.vault, BYTES("approved/1"))->key.blob;
	assert_int_equal(blob->n, n + TOKEN_MEASURED);
	tpm_goes();
}

static int setup(void **state)
{
	if (keeper_start() != ERR_OK || !mkdtemp(folder))
		return -1;
	dir = open(folder, O_RDONLY | O_DIRECTORY);
	return dir < 0 || people_make() != ERR_OK;
}

static int teardown(void **state)
{
	people_free();
	clear_folder();
	close(dir);
	return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fresh, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_person), TEST(nobody), TEST(two_persons_and_a_delay), TEST(undo),
		TEST(withdrawal_is_undone), TEST(replayed_reordered_stale), TEST(forged),
		TEST(signed_twice), TEST(nothing_without_its_record), TEST(administrators), TEST(bounded), TEST(bounded_ends), TEST(form_before),
		TEST(standing_policy), TEST(replacement), TEST(minimum), TEST(root),
		TEST(not_written), TEST(tpm_lost), TEST(approval_not_written),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
