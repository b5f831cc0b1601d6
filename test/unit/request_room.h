/* request_room.h: a node in memory for the tests of request/: store, register
 * with enrolled credentials and live associations, audit, replay; requests are
 * written as JSON with single quotes for double ones. */
#ifndef REQUEST_ROOM_H
#define REQUEST_ROOM_H

#include "primitive/status.h"
#include "request/request.h"
#include "wire/keeper_calls.h"
#include "wire/wire.h"
#include "test_cse.h"
enum { GATE = 3, PEER_BY_PSK = 2, NOBODY = 0 };

/* Who speaks: indices of node.associations. */
enum who { LAB, DEV, APP, STRICT, MN, WHO_COUNT };

struct node {
	struct request_room room;
	uint64_t associations[WHO_COUNT];
	struct buf primitive, answer, json, content;
	int64_t now;
	unsigned rqi, suid; /* of credentials that are enrolled now */
	err_t err;
};

/* Enrol a PSK credential and open an association with it, as keeper and gate
 * would. */
static inline uint64_t node_associate(struct node *n, const char *name, const char *entity,
                                      enum entity_kind kind, unsigned replay_mode)
{
	struct credential c = { .kind = kind, .psk = true, .not_after = NOW + 86400000,
		                .replay_mode = replay_mode, .enrolled = n->now, .suid = n->suid };
	struct buf used = buf_make(512), open = buf_make(1024), id = buf_make(200);
	struct wire_out u = wire_out(&used), o = wire_out(&open);
	uint8_t tag[KEEPER_TAG] = { 0 }, zeros[32] = { 0 };
	const struct association *a;
	const char *reason;
	uint64_t number;

	tag[0] = (uint8_t)name[0];
	assert_int_equal(buf_printf(&id, "12-%s", name), ERR_OK);
	assert_int_equal(bytes_put_str(c.id, sizeof(c.id), bytes_of_buf(&id)), ERR_OK);
	assert_int_equal(bytes_put_str(c.psk_identity, sizeof(c.psk_identity), bytes_str(name)), ERR_OK);
	assert_int_equal(bytes_put_str(c.entity, sizeof(c.entity), bytes_str(entity)), ERR_OK);
	assert_int_equal(registry_enrol(n->room.registry, &c), ERR_OK);
	wire_put_u8(&u, ROLE_GATE);
	wire_put_u8(&u, GATE);
	wire_put_fixed(&u, BYTES_OF(tag));
	wire_put_u8(&u, CREDENTIAL_USED_PSK);
	wire_put_bytes(&u, bytes_str(name));
	wire_put_fixed(&u, BYTES_OF(zeros));
	assert_int_equal(registry_credential_used(n->room.registry, bytes_of_buf(&used)), ERR_OK);
	wire_put_fixed(&o, BYTES_OF(tag));
	wire_put_u8(&o, PEER_BY_PSK);
	wire_put_fixed(&o, BYTES_OF(zeros));
	wire_put_bytes(&o, bytes_str(name));
	wire_put_u64(&o, 0);
	wire_put_u16(&o, 0x0304);
	wire_put_u16(&o, 0x1301);
	wire_put_u8(&o, 4);
	wire_put_fixed(&o, bytes_make(zeros, 16));
	wire_put_u16(&o, 4711);
	wire_put_bytes(&o, BYTES_NONE);
	if (registry_open_association(n->room.registry, GATE, bytes_of_buf(&open), NOW, &a,
	                              &reason) != ERR_OK)
		fail_msg("association: %s", reason);
	number = a->number;
	buf_free(&used);
	buf_free(&open);
	buf_free(&id);
	return number;
}

static inline void node_open(struct node *n)
{
	struct request_room *r = &n->room;

	*n = (struct node){ .now = NOW };
	clock_simulate(NOW);
	r->content_max = 1 << 20;
	r->require_registration_rule = true;
	arena_init(&r->arena, 32 << 20);
	arena_init(&r->scratch, 4 << 20);
	n->primitive = buf_make(1 << 20);
	n->answer = buf_make(4 << 20);
	n->json = buf_make(16 << 20);
	test_store_open(&r->store);
	assert_int_equal(audit_open(r->store, &r->audit), ERR_OK);
	assert_int_equal(replay_open(r->store, 300000, 1000, NOW, &r->replay), ERR_OK);
	assert_int_equal(assurance_open(r->store, &r->assurance), ERR_OK);
	r->proof_fresh = 86400000;
	assert_int_equal(registry_open(r->store, &r->registry), ERR_OK);
	assert_int_equal(store_begin(r->store), ERR_OK);
	assert_int_equal(resources_open(r->store, &test_cse, &r->resources), ERR_OK);
	n->associations[DEV] = node_associate(n, "dev@demo.example",
	                                      "//demo.example/in-cse/Cdev", ENTITY_AE, REPLAY_WINDOW);
	n->associations[APP] = node_associate(n, "app@demo.example",
	                                      "//demo.example/Sapp", ENTITY_AE, REPLAY_WINDOW);
	n->associations[STRICT] = node_associate(n, "strict@demo.example",
	                                         "//demo.example/in-cse/Cstrict", ENTITY_AE, REPLAY_STRICT);
	n->associations[MN] = node_associate(n, "mn@demo.example",
	                                     "//demo.example/mn-cse", ENTITY_CSE, REPLAY_WINDOW);
}

static inline void node_close(struct node *n)
{
	struct request_room *r = &n->room;

	resources_close(r->resources);
	registry_close(r->registry);
	replay_close(r->replay);
	assurance_close(r->assurance);
	audit_close(r->audit);
	later_free(&r->later);
	if (store_in_transaction(r->store))
		store_rollback(r->store);
	store_close(r->store);
	arena_free(&r->arena);
	buf_free(&r->content);
	arena_free(&r->scratch);
	buf_free(&n->primitive);
	buf_free(&n->answer);
	buf_free(&n->json);
	clock_simulate(0);
}

static inline void node_commit(struct node *n)
{
	assert_int_equal(store_commit(n->room.store), ERR_OK);
	audit_settle(n->room.audit, true);
	replay_settle(n->room.replay, true);
	assert_int_equal(store_begin(n->room.store), ERR_OK);
}

static inline struct request_arrival node_arrival(struct node *n, enum who who, const char *json)
{
	struct request_arrival in = {
		.association = n->associations[who], .gate = GATE, .now = n->now,
		.address = { 192, 0, 2, 7 }, .address_n = 4,
	};

	buf_clear(&n->primitive);
	test_cbor(json, &n->primitive);
	in.primitive = bytes_of_buf(&n->primitive);
	return in;
}

static inline unsigned node_serve(struct node *n, const struct request_arrival *in)
{
	struct response_primitive response;

	buf_clear(&n->answer);
	n->err = request_serve(&n->room, in, &n->answer);
	if (n->err != ERR_OK)
		return 0;
	assert_int_equal(response_read(bytes_of_buf(&n->answer), &response), ERR_OK);
	return response.status;
}

/* The status of one request; 0 when the node failed. */
static inline unsigned node_do(struct node *n, enum who who, const char *json)
{
	struct request_arrival in = node_arrival(n, who, json);

	return node_serve(n, &in);
}

static inline const char *node_json(struct node *n)
{
	buf_clear(&n->json);
	assert_int_equal(cbor_to_json(bytes_of_buf(&n->answer), &n->json), ERR_OK);
	assert_int_equal(buf_add_byte(&n->json, 0), ERR_OK);
	return (const char *)n->json.p;
}

static inline bool node_has(struct node *n, const char *part)
{
	return test_has(node_json(n), part);
}

#define expect(n, who, json, status)                                           \
	do {                                                                   \
		unsigned got_ = node_do(n, who, json);                         \
		if (got_ != (status))                                          \
			fail_msg("%u, not %u: %s\n%s", got_, (unsigned)(status), json, \
			         got_ ? node_json(n) : err_text((n)->err));    \
	} while (0)

#define shows(n, part)                                                         \
	do {                                                                   \
		if (!node_has(n, part))                                        \
			fail_msg("%s is not in %s", part, node_json(n));       \
	} while (0)

#define hides(n, part)                                                         \
	do {                                                                   \
		if (node_has(n, part))                                         \
			fail_msg("%s is in %s", part, node_json(n));           \
	} while (0)

static inline uint64_t node_rows(struct node *n)
{
	uint64_t rows;

	assert_int_equal(store_count(n->room.store, &rows), ERR_OK);
	return rows;
}

static inline uint64_t node_records(struct node *n)
{
	uint64_t number;

	/* of the open transaction, too */
	assert_int_equal(store_log_last(n->room.store, STORE_AUDIT, &number), ERR_OK);
	return number;
}

static err_t keep_record(void *self, struct bytes map)
{
	struct node *n = self;

	buf_clear(&n->content);
	return buf_add(&n->content, map);
}

/* A text member of the last audit record, compared. */
static inline bool record_says(struct node *n, const char *key, const char *text)
{
	struct cbor value;
	bool found, same;

	n->content = buf_make(8192);
	assert_int_equal(audit_walk(n->room.audit, node_records(n), 1, keep_record, n), ERR_OK);
	assert_int_equal(cbor_find(bytes_of_buf(&n->content), bytes_str(key), &value, &found), ERR_OK);
	same = found && value.kind == CBOR_TEXT &&
	       bytes_find(value.s, 0) == value.s.n && bytes_starts(value.s, bytes_str(text));
	buf_free(&n->content);
	return same;
}

static inline uint64_t record_number(struct node *n, const char *key)
{
	struct cbor value;
	uint64_t number;
	bool found;

	n->content = buf_make(8192);
	assert_int_equal(audit_walk(n->room.audit, node_records(n), 1, keep_record, n), ERR_OK);
	assert_int_equal(cbor_find(bytes_of_buf(&n->content), bytes_str(key), &value, &found), ERR_OK);
	number = found && value.kind == CBOR_UINT ? value.u : 0;
	buf_free(&n->content);
	return number;
}

/* Requests in short: R(op, to, from, rqi, more members). */
#define R(op, to, fr, rqi, more) \
	"{'op':" #op ",'to':'" to "','fr':'" fr "','rqi':'" rqi "','rvi':'3'" more "}"
#define AE(name) "{'m2m:ae':{'rn':'" name "','api':'Ntest','rr':true,'srv':['3']}}"
#define REGISTER(fr, name, rqi) R(1, "cse-in", fr, rqi, ",'ty':2,'pc':" AE(name))
#define CNT(to, fr, name, rqi, more) \
	R(1, to, fr, rqi, ",'ty':3,'pc':{'m2m:cnt':{'rn':'" name "'" more "}}")
#define CIN(to, fr, rqi, con) R(1, to, fr, rqi, ",'ty':4,'pc':{'m2m:cin':{'con':'" con "'}}")
#define GET(to, fr) R(2, to, fr, "g", "")

#endif
