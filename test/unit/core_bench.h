/* core_bench.h: the core, driven over its links by a gate and a door that are the test,
 * beside a real keeper in a child. The store is a file. */
#ifndef CORE_BENCH_H
#define CORE_BENCH_H

#include "role/core/core.h"

#include "base/clock.h"
#include "codec/json.h"
#include "crypt/seal.h"
#include "keeper_child.h"
#include "store/inner.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PSK_ID "dev@sp.example.org"

struct bench {
	struct keeper_child keeper;
	struct worker worker;
	struct core core;
	struct link parent, gate, door; /* our ends */
	uint64_t ref;
	char directory[64];
	uint8_t import[CRYPT_POINT];
	struct buf json;
	err_t done;      /* of the last ADMIN_DONE */
	char text[256];
};

static inline void set(struct bench *b, const char *name, const char *value)
{
	assert_int_equal(options_set(&b->worker.options, bytes_str(name), bytes_str(value)), ERR_OK);
}

static inline void connect_to(struct bench *b, enum role peer, unsigned number, struct link *mine)
{
	int pair[2];

	assert_int_equal(link_pair(pair), ERR_OK);
	link_init(mine, pair[0], peer, ROLE_CORE, 0);
	assert_int_equal(loop_add_link(&b->core, peer, number, pair[1]), ERR_OK);
}

static inline void core_start_links(struct bench *b, int keeper)
{
	int pair[2];

	b->worker = (struct worker){ .role = ROLE_CORE, .descriptor = -1 };
	assert_int_equal(options_init(&b->worker.options), ERR_OK);
	set(b, "node.sp_id", CHILD_SP);
	set(b, "node.cse_id", "/in-cse");
	/* What waits here for an answer waits longer than a busy machine is slow. */
	set(b, "outbound.time", "120");
	set(b, "gate.request_time", "300");
	assert_int_equal(link_pair(pair), ERR_OK);
	link_init(&b->worker.control, pair[0], ROLE_CORE, ROLE_PARENT, 0);
	link_init(&b->parent, pair[1], ROLE_PARENT, ROLE_CORE, 0);
	b->core = (struct core){ .worker = &b->worker };
	b->core.answers = buf_make(CORE_ANSWERS);
	b->core.answer = buf_make(message_row(MSG_ANSWER)->max);
	b->core.events = buf_make(65536);
	b->core.now = b->core.started = clock_now();
	/* the keeper lives longer than a core: lend it a copy of the descriptor */
	if (keeper >= 0)
		assert_int_equal(loop_add_link(&b->core, ROLE_KEEPER, 0, dup(keeper)), ERR_OK);
	connect_to(b, ROLE_GATE, 0, &b->gate);
	connect_to(b, ROLE_DOOR, 0, &b->door);
	assert_int_equal(loop_turn(&b->core), ERR_OK); /* the first tick opens the node */
}

static inline void core_start(struct bench *b)
{
	core_start_links(b, b->keeper.core.link.fd);
	assert_true(b->core.open);
}

static inline void core_stop(struct bench *b)
{
	node_close(&b->core);
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		if (b->core.neighbours[i].used)
			link_close(&b->core.neighbours[i].link);
	}
	link_close(&b->core.keeper.link);
	link_close(&b->gate);
	link_close(&b->door);
	link_close(&b->parent);
	mem_free(b->core.pending);
	buf_free(&b->core.answers);
	buf_free(&b->core.answer);
	buf_free(&b->core.events);
	buf_free(&b->core.ordered);
	worker_end(&b->worker);
}

static inline void bench_open(struct bench *b)
{
	*b = (struct bench){ .directory = "/tmp/holdfast-core-XXXXXX" };
	assert_non_null(mkdtemp(b->directory));
	assert_int_equal(chdir(b->directory), 0);
	keeper_child_start(&b->keeper);
	assert_int_equal(keeper_child_import_point(&b->keeper, b->import), ERR_OK);
	b->json = buf_make(1 << 20);
	core_start(b);
}

static inline void bench_close(struct bench *b)
{
	core_stop(b);
	keeper_child_stop(&b->keeper);
	buf_free(&b->json);
	(void)!unlink("holdfast.db");
	(void)!unlink("holdfast.db-wal");
	(void)!unlink("holdfast.db-shm");
	(void)!unlink("old.db");
	assert_int_equal(chdir("/"), 0);
	(void)!rmdir(b->directory);
}

/* Turn until a message for us is there; what others have to do first may take long on a busy machine. */
static inline bool next(struct bench *b, struct link *l, struct message *m)
{
	bool found = false;

	assert_int_equal(link_flush(l), ERR_OK);
	for (int64_t end = clock_steady() + 30000; clock_steady() < end;) {
		if (link_next(l, m, &found) != ERR_OK || found)
			break;
		assert_int_equal(loop_turn(&b->core), ERR_OK);
		(void)!link_read(l);
	}
	return found;
}

/* --- the door --------------------------------------------------------------------- */

static inline void add_texts(struct buf *out, struct bytes octets)
{
	for (size_t i = 0; i < octets.n; i++) {
		bool shown = octets.p[i] >= ' ' && octets.p[i] < 127;

		assert_int_equal(buf_add_byte(out, shown ? octets.p[i] : '.'), ERR_OK);
	}
}

/* One command; its rows as JSON, one a line. */
static inline const char *command(struct bench *b, unsigned number, struct bytes fields)
{
	struct buf body = buf_make(65536);
	struct wire_out out = wire_out(&body);
	struct message m;

	wire_put_u32(&out, 1000);
	wire_put_u32(&out, 4711);
	wire_put_u16(&out, (uint16_t)number);
	wire_put_fixed(&out, fields);
	assert_int_equal(out.err, ERR_OK);
	assert_int_equal(link_send(&b->door, MSG_ADMIN, ++b->ref, bytes_of_buf(&body)), ERR_OK);
	buf_clear(&b->json);
	while (next(b, &b->door, &m) && m.type == MSG_ADMIN_ROW) {
		/* octet strings have no JSON form: the texts among the octets, then */
		if (cbor_to_json(m.body, &b->json) != ERR_OK)
			add_texts(&b->json, m.body);
		assert_int_equal(buf_add_byte(&b->json, '\n'), ERR_OK);
	}
	assert_int_equal(m.type, MSG_ADMIN_DONE);
	struct wire_in in = wire_in(m.body);
	b->done = (err_t)wire_get_u8(&in);
	assert_int_equal(bytes_put_str(b->text, sizeof(b->text), wire_get_bytes(&in, 255)), ERR_OK);
	assert_int_equal(wire_done(&in), ERR_OK);
	assert_int_equal(buf_add_byte(&b->json, 0), ERR_OK);
	buf_free(&body);
	return (const char *)b->json.p;
}

static inline bool has(const char *text, const char *part)
{
	if (strstr(text, part))
		return true;
	print_message("%s is not in %s\n", part, text);
	return false;
}

static inline void put_common(struct wire_out *out, const char *entity, unsigned kind, unsigned replay)
{
	wire_put_bytes(out, BYTES("test"));
	wire_put_u8(out, (uint8_t)kind);
	wire_put_bytes(out, bytes_str(entity));
	wire_put_bytes(out, BYTES_NONE);
	wire_put_u8(out, (uint8_t)replay);
	wire_put_u32(out, 0);
	wire_put_u8(out, 1); /* possession, of software, not bound, an environment of its own */
	wire_put_u8(out, 1);
	wire_put_u8(out, 0);
	wire_put_bytes(out, BYTES_NONE);
}

static inline const char *enrol_psk(struct bench *b, const char *entity, const char *identity)
{
	static const uint8_t key[32] = { 1, 2, 3 };
	struct buf fields = buf_make(1024), sealed = buf_make(SEAL_MORE + sizeof(key));
	struct wire_out out = wire_out(&fields);
	const char *answer;

	assert_int_equal(seal_to_keeper(BYTES_OF(key), bytes_str(identity), b->import, &sealed), ERR_OK);
	put_common(&out, entity, ENTITY_AE, REPLAY_WINDOW);
	wire_put_bytes(&out, bytes_str(identity));
	wire_put_bytes(&out, bytes_of_buf(&sealed));
	answer = command(b, ADMIN_ENROL_PSK, bytes_of_buf(&fields));
	buf_free(&fields);
	buf_free(&sealed);
	return answer;
}

/* That who asks for a certificate of it has the key. */
static inline void prove_key(const struct crypt_key *k, unsigned kind, const char *subject, bool forged,
                             uint8_t point[CRYPT_POINT], struct buf *proof)
{
	struct buf text = buf_make(512);

	assert_int_equal(crypt_p256_point(k, point), ERR_OK);
	assert_int_equal(buf_add(&text, bytes_make("holdfast enrolment", 19)), ERR_OK);
	assert_int_equal(buf_add_byte(&text, (uint8_t)kind), ERR_OK);
	assert_int_equal(buf_add(&text, bytes_str(subject)), ERR_OK);
	assert_int_equal(buf_add(&text, bytes_make(point, CRYPT_POINT)), ERR_OK);
	if (forged)
		text.p[0] ^= 1;
	assert_int_equal(crypt_p256_sign(k, bytes_of_buf(&text), proof), ERR_OK);
	buf_free(&text);
}

/* proof: of another key when `forged`. */
static inline const char *enrol_certificate(struct bench *b, const char *entity, unsigned kind, bool forged)
{
	struct crypt_key k = { NULL };
	struct buf proof = buf_make(80), fields = buf_make(1024);
	struct wire_out out = wire_out(&fields);
	uint8_t point[CRYPT_POINT];
	const char *answer;

	assert_int_equal(crypt_p256_new(&k), ERR_OK);
	prove_key(&k, kind, kind == ENTITY_CSE ? "mn.in-cse.sp.example.org" : entity, forged, point, &proof);
	put_common(&out, entity, kind, REPLAY_WINDOW);
	wire_put_bytes(&out, BYTES_OF(point));
	wire_put_bytes(&out, bytes_of_buf(&proof));
	answer = command(b, ADMIN_ENROL_CERTIFICATE, bytes_of_buf(&fields));
	crypt_key_free(&k);
	buf_free(&proof);
	buf_free(&fields);
	return answer;
}

static inline const char *revoke_id(struct bench *b, const char *id)
{
	struct buf fields = buf_make(256);
	struct wire_out out = wire_out(&fields);
	const char *answer;

	wire_put_bytes(&out, bytes_str(id));
	answer = command(b, ADMIN_REVOKE, bytes_of_buf(&fields));
	buf_free(&fields);
	return answer;
}

/* From a record's number on; 0: all. */
static inline const char *list_audit_from(struct bench *b, uint64_t from)
{
	uint8_t fields[12] = { 0 };

	put_be64(fields, from);
	return command(b, ADMIN_AUDIT_LIST, BYTES_OF(fields));
}

static inline const char *list_audit(struct bench *b)
{
	return list_audit_from(b, 0);
}

/* --- the gate ---------------------------------------------------------------------- */

/* A handshake at gate 0: the keeper uses the key, and tells the core. */
static inline void handshake(struct bench *b, const char *identity, const uint8_t tag[KEEPER_TAG])
{
	uint8_t hash[32] = { 9 }, master[48];
	uint32_t handle;
	size_t n;

	assert_int_equal(keeper_psk_open(&b->keeper.gates[0], bytes_str(identity), tag, &handle, &n), ERR_OK);
	assert_int_equal(keeper_tls12_master(&b->keeper.gates[0], handle, 0, BYTES_NONE, BYTES_OF(hash), master), ERR_OK);
}

/* The gate tells of it, from 127.0.0.place. */
static inline void send_opening(struct bench *b, const char *identity, const uint8_t tag[KEEPER_TAG], uint8_t place)
{
	uint8_t zeros[32] = { 0 }, address[16] = { 127, 0, 0, place };
	struct buf body = buf_make(1024);
	struct wire_out o = wire_out(&body);

	wire_put_fixed(&o, bytes_make(tag, KEEPER_TAG));
	wire_put_u8(&o, 2);
	wire_put_fixed(&o, BYTES_OF(zeros));
	wire_put_bytes(&o, bytes_str(identity));
	wire_put_u64(&o, 0);
	wire_put_u16(&o, 0x0303);
	wire_put_u16(&o, 0x00a8);
	wire_put_u8(&o, 4);
	wire_put_fixed(&o, BYTES_OF(address));
	wire_put_u16(&o, 99);
	wire_put_bytes(&o, BYTES_NONE);
	assert_int_equal(link_send(&b->gate, MSG_ASSOCIATION_OPEN, ++b->ref, bytes_of_buf(&body)), ERR_OK);
	buf_free(&body);
}

static inline uint64_t open_association(struct bench *b, const char *identity, const uint8_t tag[KEEPER_TAG])
{
	struct message m;
	uint64_t number;

	send_opening(b, identity, tag, 0);
	assert_true(next(b, &b->gate, &m));
	assert_int_equal(m.type, MSG_ASSOCIATION_OPENED);
	struct wire_in in = wire_in(m.body);
	number = wire_get_u64(&in);
	(void)wire_get_u64(&in);
	(void)wire_get_u32(&in);
	assert_int_equal(bytes_put_str(b->text, sizeof(b->text), wire_get_bytes(&in, 255)), ERR_OK);
	assert_int_equal(wire_done(&in), ERR_OK);
	return number;
}

static inline void send_request(struct bench *b, uint64_t association, const char *json)
{
	struct buf text = buf_make(65536), body = buf_make(65536);
	struct wire_out o = wire_out(&body);
	uint8_t zeros[16] = { 0 };

	for (size_t i = 0; json[i]; i++)
		assert_int_equal(buf_add_byte(&text, json[i] == '\'' ? '"' : (uint8_t)json[i]), ERR_OK);
	wire_put_u64(&o, association);
	wire_put_u8(&o, 4);
	wire_put_fixed(&o, BYTES_OF(zeros));
	assert_int_equal(json_to_cbor(bytes_of_buf(&text), &codec_default_limits, &body), ERR_OK);
	assert_int_equal(link_send(&b->gate, MSG_REQUEST, ++b->ref, bytes_of_buf(&body)), ERR_OK);
	buf_free(&text);
	buf_free(&body);
}

static inline unsigned status_of(const struct message *m)
{
	struct cbor rsc;
	bool found;

	assert_int_equal(m->type, MSG_ANSWER);
	assert_int_equal(cbor_find(m->body, BYTES("rsc"), &rsc, &found), ERR_OK);
	assert_true(found);
	return (unsigned)rsc.u;
}

static inline unsigned request(struct bench *b, uint64_t association, const char *json)
{
	struct message m;

	send_request(b, association, json);
	assert_true(next(b, &b->gate, &m));
	return status_of(&m);
}

#define REGISTER "{'op':1,'to':'cse-in','fr':'Cdev','rqi':'r1','rvi':'3','ty':2,'pc':{'m2m:ae':{'rn':'dev','api':'Nx','rr':true,'srv':['3']}}}"
#define GET_AE "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'r2','rvi':'3'}"
#define MAKE(name) "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'" name "','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'" name "'}}}"

static inline uint64_t enrolled_and_open(struct bench *b)
{
	static const uint8_t tag[KEEPER_TAG] = { 7 };
	uint64_t number;

	assert_true(has(enrol_psk(b, CHILD_SP "/in-cse/Cdev", PSK_ID), "12-" PSK_ID));
	assert_int_equal(b->done, ERR_OK);
	handshake(b, PSK_ID, tag);
	number = open_association(b, PSK_ID, tag);
	assert_true(number != 0);
	assert_int_equal(request(b, number, REGISTER), 2001);
	return number;
}

static inline uint64_t records(struct bench *b)
{
	uint8_t hash[32];
	uint64_t number;

	audit_head(b->core.room.audit, &number, hash);
	return number;
}

#endif
