/* keeper_help.h: a keeper in this process, its callers, and what it told the core. */
#ifndef KEEPER_HELP_H
#define KEEPER_HELP_H

#include "base/clock.h"
#include "crypt/crypt.h"
#include "keeper/handle.h"
#include "keeper/keeper.h"
#include "keeper/order.h"
#include "unit.h"

static const uint8_t TAG[KEEPER_TAG] = "tag of handshake";

struct bed {
	struct keeper_state ks;
	struct keeper_caller *by[ROLE_COUNT];
	struct keeper_caller *gate2;
	struct buf in, out;       /* fields of the call being made, result */
	struct wire_out w;        /* writes fields */
	struct wire_in r;         /* reads the result after the status */
	enum message_type told;   /* last notice */
	struct buf notice;
	int notices;
	err_t deaf;               /* what the core's link answers */
	struct buf pem;
};

static inline err_t bed_notify(void *self, enum message_type type, struct bytes body)
{
	struct bed *b = self;
	const struct message_row *row = message_row(type);

	assert_true(row && body.n <= row->max);
	if (b->deaf != ERR_OK)
		return b->deaf;
	b->told = type;
	b->notices++;
	buf_clear(&b->notice);
	return buf_add(&b->notice, body);
}

static inline void bed_init(struct bed *b, int directory)
{
	*b = (struct bed){ .in = buf_make(70000), .out = buf_make(70000), .notice = buf_make(2000),
		           .pem = buf_make(10000) };
	assert_int_equal(keeper_start(), ERR_OK);
	keeper_init(&b->ks, directory);
	b->ks.notify = bed_notify;
	b->ks.notify_self = b;
	for (int role = ROLE_CORE; role <= ROLE_DOOR; role++)
		assert_int_equal(keeper_caller_new(&b->ks, (enum role)role, 1, &b->by[role]), ERR_OK);
	assert_int_equal(keeper_caller_new(&b->ks, ROLE_GATE, 2, &b->gate2), ERR_OK);
}

static inline err_t bed_make(struct bed *b)
{
	struct keeper_node node = { .sp = BYTES("//sp.example.org"), .cse = BYTES("/in-cse"),
		                    .days = 397, .passphrase = BYTES("correct horse"), .delay = DELAY_S };

	return keeper_make_node(&b->ks.vault, &node, &b->pem);
}

static inline void bed_end(struct bed *b)
{
	keeper_end(&b->ks);
	buf_free(&b->in);
	buf_free(&b->out);
	buf_free(&b->notice);
	buf_free(&b->pem);
}

/* begin(); wire_put_...(&b->w, ...); status = ask(b, who); then read b->r */
static inline void begin(struct bed *b, enum operation op)
{
	buf_clear(&b->in);
	b->w = wire_out(&b->in);
	wire_put_u16(&b->w, (uint16_t)op);
}

static inline err_t ask_of(struct bed *b, struct keeper_caller *who)
{
	assert_int_equal(b->w.err, ERR_OK);
	assert_int_equal(keeper_ask(&b->ks, who, 0, bytes_of_buf(&b->in), &b->out), ERR_OK);
	b->r = wire_in(bytes_of_buf(&b->out));
	return (err_t)wire_get_u8(&b->r);
}

static inline err_t ask(struct bed *b, enum role role)
{
	return ask_of(b, b->by[role]);
}

static inline uint32_t answer_handle(struct bed *b)
{
	uint32_t h = wire_get_u32(&b->r);

	assert_int_equal(b->r.err, ERR_OK);
	return h;
}

static inline void seal_psk(struct bed *b, struct bytes identity, struct bytes key, struct buf *out)
{
	struct vault_key *import = vault_find(&b->ks.vault, BYTES("import"));
	uint8_t point[65], x[32], aead_key[32], sealed[128], nonce[12] = { 0 };
	struct buf info = buf_make(512);
	struct crypt_aead aead;
	struct crypt_key own;

	assert_int_equal(crypt_p256_new(&own), ERR_OK);
	assert_int_equal(crypt_p256_point(&own, point), ERR_OK);
	assert_int_equal(crypt_p256_ecdh(&own, import->key.public_key, x), ERR_OK);
	assert_int_equal(buf_add(&info, BYTES("holdfast import\0")), ERR_OK);
	assert_int_equal(buf_add(&info, identity), ERR_OK);
	crypt_hkdf_sha256(BYTES_NONE, BYTES_OF(x), bytes_of_buf(&info), aead_key, 32);
	assert_int_equal(crypt_aead_init(&aead, aead_key), ERR_OK);
	assert_int_equal(crypt_aead_seal(&aead, nonce, identity, key, sealed), ERR_OK);
	assert_int_equal(buf_add(out, BYTES_OF(point)), ERR_OK);
	assert_int_equal(buf_add(out, bytes_make(sealed, key.n + 16)), ERR_OK);
	crypt_aead_free(&aead);
	crypt_key_free(&own);
	buf_free(&info);
}

static inline err_t import_psk(struct bed *b, struct bytes identity, struct bytes key, int64_t until)
{
	struct buf sealed = buf_make(512);
	err_t err;

	seal_psk(b, identity, key, &sealed);
	begin(b, OP_IMPORT_PSK);
	wire_put_bytes(&b->w, identity);
	wire_put_bytes(&b->w, bytes_of_buf(&sealed));
	wire_put_u64(&b->w, (uint64_t)until);
	err = ask(b, ROLE_CORE);
	buf_free(&sealed);
	return err;
}

/* What the order KEY_CREATE does, when it is carried out. */
static inline err_t create_key(struct bed *b, const char *name, unsigned class, unsigned purpose)
{
	struct call c = { .ks = &b->ks, .who = b->by[ROLE_DOOR], .out = wire_out(&b->out) };
	struct order_held *h = mem_new(1, sizeof(*h));
	struct buf body = buf_make(ORDER_BODY_MAX);
	struct wire_out w = wire_out(&body);
	struct key_policy policy = { .purposes = purpose ? 1u << purpose : 0, .owner = KEY_NO_OWNER };
	struct bytes rest = bytes_str(name);
	uint64_t user;
	err_t err;

	if (bytes_equal(bytes_cut(&rest, '/'), BYTES("app"))) {
		if (bytes_to_u64(bytes_cut(&rest, '/'), UINT32_MAX - 1, &user) == ERR_OK)
			policy.owner = (uint32_t)user;
	} else {
		policy.roles = TO(CORE);
	}
	wire_put_bytes(&w, bytes_str(name));
	wire_put_u8(&w, (uint8_t)class);
	wire_put_u8(&w, 0);
	key_policy_put(&w, &policy);
	h->kind = ORDER_KEY_CREATE;
	bytes_copy(h->body, body.p, body.n);
	h->body_n = body.n;
	buf_clear(&b->out);
	err = order_run(&c, h, true);
	if (err == ERR_OK)
		err = vault_save(&b->ks.vault);
	mem_free(h);
	buf_free(&body);
	return err;
}

static inline err_t open_key(struct bed *b, struct keeper_caller *who, struct bytes name)
{
	begin(b, OP_OPEN_KEY);
	wire_put_bytes(&b->w, name);
	return ask_of(b, who);
}

static inline err_t open_psk(struct bed *b, struct bytes identity)
{
	begin(b, OP_PSK_OPEN);
	wire_put_bytes(&b->w, identity);
	wire_put_fixed(&b->w, BYTES_OF(TAG));
	return ask(b, ROLE_GATE);
}

static inline int64_t tomorrow(void)
{
	return clock_now() + INT64_C(86400000);
}

static inline void assert_bytes(struct bytes got, struct bytes want)
{
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
}

/* A bed whose vault is in memory, for a group. */
static inline int bed_setup(void **state)
{
	struct bed *b = mem_new(1, sizeof(*b));

	bed_init(b, -1);
	*state = b;
	return bed_make(b) == ERR_OK ? 0 : -1;
}

static inline int bed_teardown(void **state)
{
	bed_end(*state);
	mem_free(*state);
	return 0;
}

#endif
