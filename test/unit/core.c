/* core: the process that judges [core_bench.h]. */
#include "core_bench.h"

#include "resource/coordinate.h"
#include "security/association/registry_inner.h"

#include <fcntl.h>

/* --- tests ------------------------------------------------------------------------------ */

static void test_status(void **state)
{
	const char *row;
	struct bench b;

	bench_open(&b);
	row = command(&b, ADMIN_STATUS, BYTES_NONE);
	assert_int_equal(b.done, ERR_OK);
	assert_true(has(row, "\"state\":\"open\""));
	assert_true(has(row, "\"keeper\":\"open\""));
	assert_true(has(row, "\"rows\":1"));
	command(&b, ADMIN_STATUS, BYTES("x"));
	assert_int_equal(b.done, ERR_SYNTAX);
	command(&b, 55, BYTES_NONE);
	assert_int_equal(b.done, ERR_UNSUPPORTED);
	bench_close(&b);
}

static void test_life_of_a_credential(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 8 };
	uint64_t number;
	struct message m;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_true(has(command(&b, ADMIN_CREDENTIAL_LIST, BYTES_NONE), "\"revoked\":false"));
	assert_true(has(command(&b, ADMIN_ASSOCIATION_LIST, BYTES_NONE), "\"credential\":\"12-" PSK_ID "\""));
	assert_int_equal(request(&b, number, GET_AE), 2000);
	/* twice: refused, and the first stays */
	enrol_psk(&b, CHILD_SP "/in-cse/Cdev", PSK_ID);
	assert_int_equal(b.done, ERR_EXISTS);
	assert_int_equal(request(&b, number, GET_AE), 2000);
	/* revoked: the gate is told at once, and nothing is served any more */
	revoke_id(&b, "12-" PSK_ID);
	assert_int_equal(b.done, ERR_OK);
	assert_true(next(&b, &b.gate, &m));
	assert_int_equal(m.type, MSG_ASSOCIATION_END);
	assert_true(get_be64(m.body.p) == number);
	assert_int_equal(request(&b, number, GET_AE), 4107);
	assert_true(has(command(&b, ADMIN_CREDENTIAL_LIST, BYTES_NONE), "\"revoked\":true"));
	/* the key is gone from the keeper, too */
	uint32_t handle;
	size_t n;
	assert_int_equal(keeper_psk_open(&b.keeper.gates[0], BYTES(PSK_ID), tag, &handle, &n), ERR_MISSING);
	revoke_id(&b, "12-nobody@sp.example.org");
	assert_int_equal(b.done, ERR_MISSING);
	assert_true(has(list_audit(&b), "user 1000 process 4711"));
	assert_true(has(list_audit(&b), "association register"));
	bench_close(&b);
}

/* As an order that the keeper reported, and a turn. */
static void order_revoke(struct bench *b, const char *identity, const char *by)
{
	char subject[512];

	assert_true(text_print(subject, sizeof(subject), "REVOKE 12-%s by %s", identity, by));
	revoke_note(&b->core, bytes_str(subject));
	assert_int_equal(loop_turn(&b->core), ERR_OK);
}

static bool is_good(struct bench *b, const char *identity)
{
	static const uint8_t tag[KEEPER_TAG] = { 8 };
	const struct credential *credential;
	char id[128];
	uint32_t handle;
	size_t n;
	bool key = keeper_psk_open(&b->keeper.gates[0], bytes_str(identity), tag, &handle, &n) == ERR_OK;

	assert_true(text_print(id, sizeof(id), "12-%s", identity));
	assert_int_equal(registry_find(b->core.room.registry, bytes_str(id), &credential), ERR_OK);
	assert_int_equal(!credential->revoked, key); /* both or neither */
	return key;
}

#define NAME_32 "administrator-with-a-long-name-0"

/* However long the names of who ordered it: with its record, its receipt and the end of the
 * key; and not at all without a record. */
static void test_ordered_revocation(void **state)
{
	char longer[200] = { 0 };
	struct bench b;

	bench_open(&b);
	enrol_psk(&b, CHILD_SP "/in-cse/Cdev", PSK_ID);
	enrol_psk(&b, CHILD_SP "/in-cse/Cother", "other@sp.example.org");
	assert_int_equal(b.done, ERR_OK);
	assert_true(is_good(&b, PSK_ID));
	order_revoke(&b, PSK_ID, NAME_32 "," NAME_32 "," "administrator-with-a-name-029");
	assert_false(is_good(&b, PSK_ID));
	assert_int_equal(b.core.ordered.n, 0);
	assert_true(has(list_audit(&b), "ordered by " NAME_32 "," NAME_32 ",administrator-with-a-name-029"));
	assert_true(has(list_audit(&b), "revocation receipt"));
	for (size_t i = 0; i < sizeof(longer) - 1; i++)
		longer[i] = 'n';
	order_revoke(&b, "other@sp.example.org", longer);
	assert_true(is_good(&b, "other@sp.example.org"));
	bench_close(&b);
}

/* What cannot be carried out now is not lost, and not tried with each turn. */
static void test_ordered_revocation_waits(void **state)
{
	struct bench b;
	uint64_t before;

	bench_open(&b);
	enrol_psk(&b, CHILD_SP "/in-cse/Cdev", PSK_ID);
	/* of nobody: it is over */
	order_revoke(&b, "nobody@sp.example.org", "anna");
	assert_int_equal(b.core.ordered.n, 0);
	/* as many as may are under way */
	for (size_t i = 0; i < CORE_REVOCATIONS; i++)
		b.core.revocations[i] = (struct revocation){ .used = true, .waiting = 1, .deadline = clock_steady() + 60000 };
	before = records(&b);
	order_revoke(&b, PSK_ID, "anna");
	for (int i = 0; i < 2; i++)
		revoke_ordered(&b.core);
	assert_true(is_good(&b, PSK_ID) && b.core.ordered.n != 0);
	assert_int_equal(records(&b), before);
	assert_true(revoke_next(&b.core) > clock_steady());
	for (size_t i = 0; i < CORE_REVOCATIONS; i++)
		b.core.revocations[i].used = false;
	assert_true(revoke_next(&b.core) <= clock_steady());
	/* the store fails for a while */
	engine_fail_at(1, ERR_IO);
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	engine_fail_at(0, ERR_OK);
	assert_true(is_good(&b, PSK_ID) && b.core.ordered.n != 0);
	before = records(&b);
	assert_true(revoke_next(&b.core) > clock_steady());
	revoke_ordered(&b.core);
	assert_int_equal(records(&b), before);
	b.core.ordered_at = 0; /* the pause is over */
	revoke_ordered(&b.core);
	assert_false(is_good(&b, PSK_ID));
	assert_int_equal(b.core.ordered.n, 0);
	bench_close(&b);
}

static void test_certificates(void **state)
{
	struct bench b;

	bench_open(&b);
	assert_true(has(enrol_certificate(&b, CHILD_SP "/in-cse/Cdev", ENTITY_AE, false), "certificate"));
	assert_int_equal(b.done, ERR_OK);
	assert_true(has(command(&b, ADMIN_CREDENTIAL_LIST, BYTES_NONE), "33-" CHILD_SP "/in-cse/Cdev"));
	assert_true(has(enrol_certificate(&b, CHILD_SP "/mn", ENTITY_CSE, false), "certificate"));
	assert_true(has(command(&b, ADMIN_CREDENTIAL_LIST, BYTES_NONE), "32-mn.in-cse.sp.example.org"));
	enrol_certificate(&b, CHILD_SP "/in-cse/Cother", ENTITY_AE, true);
	assert_int_equal(b.done, ERR_TAMPERED);
	assert_string_equal(b.text, "the proof of possession is wrong");
	/* identities that are not ours to give */
	static const char *const bad[] = { "//other.example/in-cse/Cdev", CHILD_SP "/mn/Cdev", "Cdev",
		CHILD_SP "/in-cse", CHILD_SP, "", CHILD_SP "/in-cse/Cdev/x", CHILD_SP "/in-cse/C*" };
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		enrol_certificate(&b, bad[i], ENTITY_AE, false);
		if (b.done != ERR_SYNTAX)
			fail_msg("%s: %s", bad[i], err_text(b.done));
	}
	enrol_certificate(&b, CHILD_SP "/in-cse", ENTITY_CSE, false);
	assert_int_equal(b.done, ERR_SYNTAX);
	enrol_certificate(&b, CHILD_SP "/Sapp", ENTITY_AE, false);
	assert_int_equal(b.done, ERR_OK);
	bench_close(&b);
}

/* The gate alone opens nothing. */
static void test_gate_alone(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 7 }, other[KEEPER_TAG] = { 8 };
	struct bench b;

	bench_open(&b);
	enrol_psk(&b, CHILD_SP "/in-cse/Cdev", PSK_ID);
	assert_int_equal(b.done, ERR_OK);
	assert_true(open_association(&b, PSK_ID, tag) == 0);
	assert_string_equal(b.text, "the keeper does not confirm the handshake");
	handshake(&b, PSK_ID, tag);
	assert_true(open_association(&b, "nobody", tag) == 0);
	/* the tag is used up */
	assert_true(open_association(&b, PSK_ID, tag) == 0);
	handshake(&b, PSK_ID, other);
	assert_true(open_association(&b, PSK_ID, other) != 0);
	assert_true(has(list_audit(&b), "the keeper does not confirm the handshake"));
	assert_true(request(&b, 1, GET_AE) == 4107);
	/* no lab listener: number 0 is nothing */
	assert_true(request(&b, 0, GET_AE) == 4107);
	bench_close(&b);
}

static void test_hostile_gate(void **state)
{
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	/* a request that is none ends the link, and with it its associations */
	assert_int_equal(link_send(&b.gate, MSG_REQUEST, ++b.ref, BYTES("short")), ERR_OK);
	assert_int_equal(link_flush(&b.gate), ERR_OK);
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_int_equal(link_read(&b.gate), ERR_CLOSED);
	assert_string_equal(command(&b, ADMIN_ASSOCIATION_LIST, BYTES_NONE), "");
	/* its successor does not inherit them */
	link_close(&b.gate);
	connect_to(&b, ROLE_GATE, 0, &b.gate);
	assert_int_equal(request(&b, number, GET_AE), 4107);
	/* a command from a gate */
	b.gate.self = ROLE_DOOR;
	assert_int_equal(link_send(&b.gate, MSG_ADMIN, ++b.ref, BYTES("0123456789")), ERR_OK);
	assert_int_equal(link_flush(&b.gate), ERR_OK);
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_int_equal(link_read(&b.gate), ERR_CLOSED);
	assert_true(has(command(&b, ADMIN_STATUS, BYTES_NONE), "\"state\":\"open\""));
	assert_true(has(list_audit(&b), "a gate broke the rules of its link"));
	bench_close(&b);
}

/* Without keys the store stays shut: said to everybody, and tried again. */
static void test_not_open(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 7 };
	struct bench b;
	int keeper;

	bench_open(&b);
	core_stop(&b);
	keeper = b.keeper.core.link.fd;
	core_start_links(&b, -1);
	assert_false(b.core.open);
	assert_int_equal(request(&b, 1, GET_AE), 5000);
	assert_true(open_association(&b, PSK_ID, tag) == 0);
	assert_string_equal(b.text, "the node is not open");
	assert_true(has(command(&b, ADMIN_STATUS, BYTES_NONE), "\"state\":\"not open\""));
	command(&b, ADMIN_CREDENTIAL_LIST, BYTES_NONE);
	assert_int_equal(b.done, ERR_LOCKED);
	assert_int_equal(loop_add_link(&b.core, ROLE_KEEPER, 0, dup(keeper)), ERR_OK);
	for (int i = 0; i < 20 && !b.core.open; i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_true(b.core.open);
	assert_int_equal(request(&b, 1, GET_AE), 4107);
	bench_close(&b);
}

static void test_batch(void **state)
{
	uint64_t number, batches;
	struct message m;
	struct bench b;
	bool found;

	bench_open(&b);
	number = enrolled_and_open(&b);
	/* three in one turn: one commit, three answers in order */
	batches = b.core.batches;
	send_request(&b, number, MAKE("c1"));
	send_request(&b, number, MAKE("c2"));
	send_request(&b, number, GET_AE);
	assert_true(next(&b, &b.gate, &m));
	assert_int_equal(status_of(&m), 2001);
	assert_int_equal(link_next(&b.gate, &m, &found), ERR_OK);
	assert_int_equal(status_of(&m), 2001);
	assert_int_equal(link_next(&b.gate, &m, &found), ERR_OK);
	assert_int_equal(status_of(&m), 2000);
	assert_true(b.core.batches == batches + 1);
	/* a read is answered at once, its record is durable a little later */
	while (b.core.inside)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	batches = b.core.batches;
	assert_int_equal(request(&b, number, GET_AE), 2000);
	assert_true(b.core.inside);
	assert_true(b.core.batches == batches);
	for (int i = 0; i < 5 && b.core.batches == batches; i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_true(b.core.batches == batches + 1);
	/* audit.read=durable: before its answer */
	set(&b, "audit.read", "durable");
	while (b.core.inside)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	batches = b.core.batches;
	assert_int_equal(request(&b, number, GET_AE), 2000);
	assert_true(b.core.batches == batches + 1);
	/* a refusal that an auditor looks for is durable first, too */
	set(&b, "audit.read", "batch");
	assert_int_equal(request(&b, number, "{'op':2,'to':'cse-in','fr':'Cdev','rqi':'x','rvi':'3'}"), 4103);
	assert_false(b.core.inside);
	bench_close(&b);
}

static unsigned all_of(struct bytes octets, uint8_t value)
{
	unsigned n = 0, longest = 0;

	for (size_t i = 0; i < octets.n; i++) {
		n = octets.p[i] == value ? n + 1 : 0;
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* What a connection exports is nowhere left, whether its request is served or comes too fast. */
static void test_exported_is_wiped(void **state)
{
	enum { ASKED = 12, VALUE = 0xa7 };
	const struct link *in = NULL;
	uint64_t number;
	unsigned fast = 0;
	struct message m;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	set(&b, "peer.requests", "1");
	for (unsigned i = 0; i < ASKED; i++) {
		struct buf body = buf_make(4096);
		struct wire_out o = wire_out(&body);

		wire_put_u64(&o, number);
		wire_put_u8(&o, 4 | ARRIVAL_EXPORTS);
		for (unsigned k = 0; k < 16; k++)
			wire_put_u8(&o, 0);
		assert_int_equal(json_to_cbor(BYTES("{\"op\":2,\"to\":\"cse-in/dev\",\"fr\":\"Cdev\",\"rqi\":\"e\",\"rvi\":\"3\"}"), &codec_default_limits, &body), ERR_OK);
		for (unsigned k = 0; k < 2 * ARRIVAL_EXPORTED; k++)
			wire_put_u8(&o, VALUE);
		assert_int_equal(link_send(&b.gate, MSG_REQUEST, ++b.ref, bytes_of_buf(&body)), ERR_OK);
		assert_int_equal(all_of(bytes_of_buf(&b.gate.out), VALUE), 2 * ARRIVAL_EXPORTED);
		assert_true(next(&b, &b.gate, &m));
		fast += status_of(&m) == RSC_NOT_ACCEPTABLE;
		for (size_t k = 0; k < CORE_NEIGHBOURS; k++) {
			if (b.core.neighbours[k].used && b.core.neighbours[k].link.peer == ROLE_GATE)
				in = &b.core.neighbours[k].link;
		}
		assert_non_null(in);
		assert_true(all_of(bytes_make(in->in.p, in->in.cap), VALUE) < 8);
		buf_free(&body);
	}
	assert_in_range(fast, 1, ASKED - 1);
	bench_close(&b);
}

/* What is not durable is not answered as done. */
static void test_commit_fails(void **state)
{
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	engine_fail_at(1, ERR_IO);
	assert_int_equal(request(&b, number, MAKE("c1")), 5000);
	engine_fail_at(0, ERR_OK);
	assert_int_equal(request(&b, number, "{'op':2,'to':'cse-in/dev/c1','fr':'Cdev','rqi':'g','rvi':'3'}"), 4004);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	command(&b, ADMIN_AUDIT_VERIFY, BYTES_NONE);
	assert_string_equal(b.text, "done");
	/* an enrolment that does not last leaves no key behind */
	engine_fail_at(1, ERR_IO);
	enrol_psk(&b, CHILD_SP "/Sapp", "app@sp.example.org");
	engine_fail_at(0, ERR_OK);
	assert_int_not_equal(b.done, ERR_OK);
	assert_null(strstr(command(&b, ADMIN_CREDENTIAL_LIST, BYTES_NONE), "Sapp"));
	enrol_psk(&b, CHILD_SP "/Sapp", "app@sp.example.org");
	assert_int_equal(b.done, ERR_OK);
	bench_close(&b);
}

/* A store that cannot be written can be read; the gap is recorded when it can. */
static void test_reads_while_no_commit(void **state)
{
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	engine_fail_at(1, ERR_FULL);
	assert_int_equal(request(&b, number, GET_AE), 2000);
	/* its time is over: in this turn the commit is tried, and fails */
	while (b.core.failed_commits == 0) {
		b.core.since = b.core.inside ? clock_steady() - CORE_READ_LAG_MS : b.core.since;
		assert_int_equal(request(&b, number, GET_AE), 2000);
		engine_fail_at(1, ERR_FULL);
	}
	/* where reads must be recorded first they are refused */
	set(&b, "audit.read", "durable");
	engine_fail_at(1, ERR_FULL);
	assert_int_equal(request(&b, number, GET_AE), 5000);
	set(&b, "audit.read", "batch");
	engine_fail_at(0, ERR_OK);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	assert_true(b.core.failed_commits == 0);
	assert_true(has(list_audit(&b), "batches of records could not be kept"));
	command(&b, ADMIN_AUDIT_VERIFY, BYTES_NONE);
	assert_string_equal(b.text, "done");
	bench_close(&b);
}

static void copy_file(const char *from, const char *to)
{
	static uint8_t octets[1 << 22];
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n = read(in, octets, sizeof(octets));

	assert_true(in >= 0 && out >= 0 && n > 0);
	assert_int_equal(write(out, octets, (size_t)n), n);
	close(in);
	close(out);
}

static void test_restart(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 9 };
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	core_stop(&b);
	core_start(&b);
	assert_false(b.core.rollback);
	assert_true(has(list_audit(&b), "the previous end was clean"));
	/* associations do not survive; credentials, resources and replay do */
	assert_int_equal(request(&b, number, GET_AE), 4107);
	handshake(&b, PSK_ID, tag);
	number = open_association(&b, PSK_ID, tag);
	assert_true(number != 0);
	assert_int_equal(request(&b, number, GET_AE), 2000);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	assert_int_equal(request(&b, number, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'c1','rvi':'3','ty':3,'pc':{'m2m:cnt':{}}}"), 4105);
	bench_close(&b);
}

/* An older copy of the store: seen, said, and nothing is changed on it. */
static void test_rollback(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 9 };
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	core_stop(&b);
	copy_file("holdfast.db", "old.db");
	core_start(&b);
	handshake(&b, PSK_ID, tag);
	number = open_association(&b, PSK_ID, tag);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	core_stop(&b);
	(void)!unlink("holdfast.db-wal");
	(void)!unlink("holdfast.db-shm");
	copy_file("old.db", "holdfast.db");
	core_start(&b);
	assert_true(b.core.rollback);
	assert_true(has(command(&b, ADMIN_STATUS, BYTES_NONE), "\"state\":\"ROLLBACK\""));
	handshake(&b, PSK_ID, tag);
	number = open_association(&b, PSK_ID, tag);
	assert_true(number != 0);
	assert_int_equal(request(&b, number, GET_AE), 2000);
	assert_int_equal(request(&b, number, MAKE("c2")), 5000);
	enrol_psk(&b, CHILD_SP "/Sapp", "app@sp.example.org");
	assert_int_equal(b.done, ERR_ROLLBACK);
	command(&b, ADMIN_AUDIT_VERIFY, BYTES_NONE);
	assert_string_equal(b.text, "the audit log does NOT verify");
	bench_close(&b);
}

static void test_verify(void **state)
{
	uint64_t number;
	const char *row;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	assert_int_equal(request(&b, number, "{'op':3,'to':'cse-in/dev/c1','fr':'Cdev','rqi':'u','rvi':'3','pc':{'m2m:cnt':{'lbl':['x']}}}"), 2004);
	assert_int_equal(request(&b, number, "{'op':4,'to':'cse-in/dev/c1','fr':'Cdev','rqi':'d','rvi':'3'}"), 2002);
	row = command(&b, ADMIN_STORE_VERIFY, BYTES_NONE);
	assert_true(has(row, "\"first_bad\":0"));
	assert_true(has(row, "\"compared\":4"));
	row = command(&b, ADMIN_AUDIT_VERIFY, BYTES_NONE);
	assert_true(has(row, "\"first_bad\":0"));
	assert_true(has(row, "\"anchor_agrees\":true"));
	assert_true(has(command(&b, ADMIN_ANCHOR, BYTES_NONE), "\"signature\":\"30"));
	bench_close(&b);
}

static void test_expiry(void **state)
{
	char json[256], stamp[CLOCK_STAMP_LENGTH + 1];
	int64_t now = clock_now();
	uint64_t number, rows;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	clock_stamp(now + 60000, stamp);
	(void)!snprintf(json, sizeof(json), "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'e','rvi':'3','ty':3,"
	                "'pc':{'m2m:cnt':{'rn':'brief','et':'%s'}}}", stamp);
	assert_int_equal(request(&b, number, json), 2001);
	assert_int_equal(store_count(b.core.store, &rows), ERR_OK);
	clock_simulate(now + 61000);
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	clock_simulate(0);
	assert_true(has(list_audit(&b), "1 expired resources deleted"));
	assert_int_equal(request(&b, number, "{'op':2,'to':'cse-in/dev/brief','fr':'Cdev','rqi':'g','rvi':'3'}"), 4004);
	bench_close(&b);
}

/* What fails for one resource, each second, keeps nothing from those behind it. */
static void test_one_fails(void **state)
{
#define TRAM(name) "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'" name "','rvi':'3','ty':50,'pc':{'m2m:tram':{'rn':'" name "','tmh':2,'tltm':'%s'," \
	"'rqps':{'rqp':[{'op':3,'to':'cse-in/dev','fr':'Cdev','rqi':'x','rvi':'3','pc':{'m2m:ae':{'lbl':['" name "']}}}]}}}}"
	static const char *const names[] = { TRAM("first"), TRAM("second") };
	char json[512], stamp[CLOCK_STAMP_LENGTH + 1];
	uint64_t number, ids[4], after = 0;
	int64_t now = clock_now();
	const struct store_row *found;
	struct store_row row;
	struct bench b;
	struct cbor trst;
	uint8_t *body;
	size_t n, at;
	bool has_it;

	bench_open(&b);
	number = enrolled_and_open(&b);
	clock_stamp(now + 60000, stamp);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)!snprintf(json, sizeof(json), names[i], stamp);
		assert_int_equal(request(&b, number, json), 2001);
	}
	clock_simulate(now + 61000);
	/* The first of them is not what this node wrote. */
	assert_int_equal(coordinated_due(b.core.room.resources, now + 61000, &after, ids, COUNT_OF(ids), &n), ERR_OK);
	assert_int_equal(n, 2);
	assert_int_equal(batch_begin(&b.core), ERR_OK);
	assert_int_equal(store_get(b.core.store, ids[0], &found), ERR_OK);
	row = *found;
	body = mem_new(row.body.n, 1);
	assert_non_null(body);
	bytes_copy(body, row.body.p, row.body.n);
	for (at = 0; at + 4 < row.body.n && memcmp(body + at, "rqps", 4) != 0; at++)
		;
	body[at + 3] = 'x';
	row.body.p = body;
	assert_int_equal(store_update(b.core.store, &row), ERR_OK);
	mem_free(body);
	b.core.next_tick = clock_steady();
	for (int i = 0; i < 10; i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	clock_simulate(0);
	assert_int_equal(store_get(b.core.store, ids[1], &found), ERR_OK);
	assert_non_null(found);
	assert_int_equal(cbor_find(found->body, BYTES("trst"), &trst, &has_it), ERR_OK);
	assert_true(has_it);
	assert_int_equal(trst.u, STATE_COMMITTED);
	bench_close(&b);
}

/* The row of a request that is answered later, with one of its members named otherwise. */
static void rename_member(struct bench *b, uint64_t id, const char *from, const char *to)
{
	const struct store_row *found;
	struct store_row row;
	uint8_t *body;
	size_t n = strlen(from), at;

	assert_int_equal(batch_begin(&b->core), ERR_OK);
	assert_int_equal(store_get(b->core.store, id, &found), ERR_OK);
	row = *found;
	body = mem_new(row.body.n, 1);
	assert_non_null(body);
	bytes_copy(body, row.body.p, row.body.n);
	for (at = 0; at + n < row.body.n && memcmp(body + at, from, n) != 0; at++)
		;
	assert_true(at + n < row.body.n);
	bytes_copy(body + at, to, n);
	row.body.p = body;
	assert_int_equal(store_update(b->core.store, &row), ERR_OK);
	assert_int_equal(batch_commit(&b->core), ERR_OK);
	mem_free(body);
}

/* A request that was kept and cannot be read at its time has failed, for its originator to read. */
static void test_kept_request_is_tampered(void **state)
{
	char json[256], stamp[CLOCK_STAMP_LENGTH + 1];
	const struct store_row *found;
	int64_t now = clock_now();
	uint64_t number, id;
	struct bench b;
	struct cbor v, rsc, rqi;
	bool has_it;

	bench_open(&b);
	number = enrolled_and_open(&b);
	clock_stamp(now + 60000, stamp);
	(void)!snprintf(json, sizeof(json), "{'op':2,'to':'cse-in/dev','fr':'Cdev','rqi':'kept','rvi':'3','rt':{'rtv':1},'oet':'%s'}", stamp);
	assert_int_equal(request(&b, number, json), 1001);
	assert_int_equal(b.core.room.later.n, 1);
	id = b.core.room.later.heap[0].row;
	rename_member(&b, id, "@at", "@xt");
	clock_simulate(now + 61000);
	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	clock_simulate(0);
	assert_int_equal(store_get(b.core.store, id, &found), ERR_OK);
	assert_non_null(found);
	assert_int_equal(cbor_find(found->body, BYTES("rs"), &v, &has_it), ERR_OK);
	assert_true(has_it);
	assert_int_equal(v.u, 2);
	assert_int_equal(cbor_find(found->body, BYTES("ors"), &v, &has_it), ERR_OK);
	assert_true(has_it);
	assert_int_equal(cbor_find(v.raw, BYTES("rsc"), &rsc, &has_it), ERR_OK);
	assert_int_equal(rsc.u, 5000);
	assert_int_equal(cbor_find(v.raw, BYTES("rqi"), &rqi, &has_it), ERR_OK);
	assert_true(bytes_equal(rqi.s, BYTES("kept")));
	assert_true(has(list_audit(&b), "TAMPERED"));
	bench_close(&b);
}

/* One that cannot be read stays, and keeps no other from going; nothing is recorded where nothing went. */
static void test_expiry_of_what_is_tampered(void **state)
{
	static const char *const names[] = { "broken", "other" };
	char json[512], stamp[CLOCK_STAMP_LENGTH + 1];
	uint64_t number, ae, id, before;
	const struct store_row *row;
	int64_t now = clock_now();
	struct store_row bad;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	clock_stamp(now + 60000, stamp);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)!snprintf(json, sizeof(json), "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'t%zu','rvi':'3','ty':3,"
		                "'pc':{'m2m:cnt':{'rn':'%s','et':'%s'}}}", i, names[i], stamp);
		assert_int_equal(request(&b, number, json), 2001);
	}
	assert_int_equal(batch_begin(&b.core), ERR_OK);
	assert_int_equal(store_find_ident(b.core.store, BYTES("Cdev"), &ae), ERR_OK);
	assert_int_equal(store_find_child(b.core.store, ae, BYTES("broken"), &id), ERR_OK);
	assert_int_equal(store_get(b.core.store, id, &row), ERR_OK);
	bad = *row;
	bad.body = BYTES("no map");
	assert_int_equal(store_update(b.core.store, &bad), ERR_OK);
	assert_int_equal(batch_commit(&b.core), ERR_OK);
	clock_simulate(now + 61000);
	for (int i = 0; i < 10; i++) {
		if (i == 5)
			before = records(&b);
		b.core.next_tick = clock_steady();
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	}
	assert_int_equal(records(&b), before);
	clock_simulate(0);
	assert_int_equal(resource_stuck(b.core.room.resources), id);
	assert_int_equal(store_find_child(b.core.store, ae, BYTES("broken"), &number), ERR_OK);
	assert_int_equal(number, id);
	assert_int_equal(store_find_child(b.core.store, ae, BYTES("other"), &number), ERR_OK);
	assert_int_equal(number, 0);
	assert_true(has(list_audit(&b), "1 expired resources deleted"));
	bench_close(&b);
}

/* A container; one that is not sound has a body that cannot be read. */
static void put_expiring(struct bench *b, uint64_t parent, struct bytes name, int64_t expires, bool sound)
{
	struct store_row row = { .id = store_next_id(b->core.store), .parent = parent, .type = 3, .version = 1,
		                 .name = name, .expires = expires, .body = sound ? BYTES("\xa0") : BYTES("no map") };

	assert_int_equal(store_insert(b->core.store, &row), ERR_OK);
}

/* However many cannot be read, what expires after them goes, and soon. */
static void test_expiry_of_many_tampered(void **state)
{
	enum { BAD = 200 };
	struct buf name = buf_make(32);
	int64_t now = clock_now();
	struct bench b;
	uint64_t ae, id;

	bench_open(&b);
	(void)enrolled_and_open(&b);
	assert_int_equal(batch_begin(&b.core), ERR_OK);
	assert_int_equal(store_find_ident(b.core.store, BYTES("Cdev"), &ae), ERR_OK);
	for (int i = 0; i <= BAD; i++) {
		buf_clear(&name);
		assert_int_equal(buf_printf(&name, "row%d", i), ERR_OK);
		put_expiring(&b, ae, bytes_of_buf(&name), now + 1000 + i, i == BAD);
	}
	assert_int_equal(batch_commit(&b.core), ERR_OK);
	clock_simulate(now + 10000);
	for (int i = 0; i < 10; i++) {
		b.core.next_tick = clock_steady();
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	}
	assert_int_equal(store_find_child(b.core.store, ae, BYTES("row0"), &id), ERR_OK);
	assert_int_not_equal(id, 0);
	assert_int_equal(store_find_child(b.core.store, ae, bytes_of_buf(&name), &id), ERR_OK);
	assert_int_equal(id, 0);
	clock_simulate(0);
	buf_free(&name);
	bench_close(&b);
}

/* What was undone with a commit that failed goes with the next, though one that cannot be read was passed over. */
static void test_expiry_undone(void **state)
{
	static const char *const names[] = { "sound", "tampered" };
	int64_t now = clock_now();
	struct bench b;
	uint64_t ae, id;

	bench_open(&b);
	(void)enrolled_and_open(&b);
	assert_int_equal(batch_begin(&b.core), ERR_OK);
	assert_int_equal(store_find_ident(b.core.store, BYTES("Cdev"), &ae), ERR_OK);
	for (int i = 0; i < 2; i++)
		put_expiring(&b, ae, bytes_str(names[i]), now + 1000 + i, i == 0);
	assert_int_equal(batch_commit(&b.core), ERR_OK);
	clock_simulate(now + 10000);
	for (int fails = 1; fails >= 0; fails--) {
		engine_fail_at((uint64_t)fails, ERR_FULL);
		b.core.next_tick = clock_steady();
		assert_int_equal(loop_turn(&b.core), ERR_OK);
		engine_fail_at(0, ERR_OK);
		assert_int_equal(store_find_child(b.core.store, ae, bytes_str(names[0]), &id), ERR_OK);
		assert_int_equal(id != 0, fails);
		assert_int_equal(store_find_child(b.core.store, ae, bytes_str(names[1]), &id), ERR_OK);
		assert_int_not_equal(id, 0);
	}
	clock_simulate(0);
	bench_close(&b);
}

/* A session that is not kept costs nobody the reading of all that are; what the keeper says together
 * with an answer is on record at once. */
static void test_small_causes(void **state)
{
	static const uint8_t event[] = { 0, OP_STATUS, ROLE_GATE, 0, ERR_REFUSED, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct buf body = buf_make(256);
	struct wire_out out = wire_out(&body);
	const uint8_t id[SESSION_ID] = { 0xff }, secret[SESSION_SECRET] = { 1 };
	struct bench b;
	uint64_t before;
	int64_t at;

	bench_open(&b);
	(void)enrolled_and_open(&b);
	b.core.room.registry->sessions_changed = true;
	wire_put_u64(&out, 4711);
	wire_put_fixed(&out, BYTES_OF(id));
	wire_put_u16(&out, 0x1301);
	wire_put_bytes(&out, BYTES_OF(secret));
	assert_int_equal(link_send(&b.gate, MSG_SESSION_KEEP, 0, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(link_flush(&b.gate), ERR_OK);
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_true(b.core.room.registry->sessions_changed);
	for (int i = 0; i < 20; i++) { /* nothing else is to be done */
		b.core.next_tick = clock_steady() + 10;
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	}
	before = records(&b);
	association_keeper_event(&b.core, BYTES_OF(event));
	at = clock_steady();
	b.core.next_tick = at + 5000;
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_true(clock_steady() - at < 2500);
	assert_int_equal(records(&b), before + 1);
	buf_free(&body);
	bench_close(&b);
}

/* One that has more below it than can be told of at once holds up neither others nor what else goes by time. */
static void test_expiry_too_large(void **state)
{
#define LABELS ",'lbl':['a%s','b%s','c%s','d%s','e%s','f%s','g%s','h%s']"
#define BRIEF(to, rn, more) "{'op':1,'to':'" to "','fr':'Cdev','rqi':'" rn "','rvi':'3','ty':3,'pc':{'m2m:cnt':{'rn':'" rn "'" more "}}}"
	char json[8192], label[240], stamp[CLOCK_STAMP_LENGTH + 1];
	static const char *const gone[] = { "large", "other" };
	int64_t now = clock_now();
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	clock_stamp(now + 60000, stamp);
	for (size_t i = 0; i < sizeof(label) - 1; i++)
		label[i] = 'x';
	label[sizeof(label) - 1] = '\0';
	(void)!snprintf(json, sizeof(json), BRIEF("cse-in/dev", "large", ",'et':'%s'"), stamp);
	assert_int_equal(request(&b, number, json), 2001);
	(void)!snprintf(json, sizeof(json), BRIEF("cse-in/dev/large", "low", LABELS), label, label, label, label, label, label, label, label);
	assert_int_equal(request(&b, number, json), 2001);
	assert_int_equal(request(&b, number, "{'op':1,'to':'cse-in/dev/large/low','fr':'Cdev','rqi':'s','rvi':'3','ty':23,"
	                         "'pc':{'m2m:sub':{'rn':'s','nu':['cse-in/dev'],'enc':{'net':[2]}}}}"), 2001);
	(void)!snprintf(json, sizeof(json), BRIEF("cse-in/dev", "other", ",'et':'%s'"), stamp);
	assert_int_equal(request(&b, number, json), 2001);
	clock_simulate(now + 61000);
	b.core.room.arena.max = 2560;
	for (int i = 0; i < 5; i++) {
		b.core.next_tick = clock_steady();
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	}
	b.core.room.arena.max = CORE_ARENA;
	clock_simulate(0);
	assert_true(has(list_audit(&b), "1 expired resources deleted, and nobody told"));
	for (size_t i = 0; i < COUNT_OF(gone); i++) {
		(void)!snprintf(json, sizeof(json), "{'op':2,'to':'cse-in/dev/%s','fr':'Cdev','rqi':'g%zu','rvi':'3'}", gone[i], i);
		assert_int_equal(request(&b, number, json), 4004);
	}
	bench_close(&b);
}

/* The gate closes at the end of an association before the core's tick: the end
 * is on record all the same, as is a gate that broke its link to the keeper. */
static void test_ends_on_record(void **state)
{
	static const uint8_t broke[] = { 0, 0, ROLE_GATE, 3, ERR_REFUSED, 0, 0, 0, 0,
	                                 0, 0, 0, 0, 0, 0, 0, 0 };
	int64_t now = clock_now();
	uint8_t body[8];
	struct bench b;

	bench_open(&b);
	put_be64(body, enrolled_and_open(&b));
	assert_false(has(list_audit(&b), "ended: expired or revoked"));
	clock_simulate(now + 4000ll * 24 * 3600 * 1000);
	b.core.next_tick = clock_steady() + 5000; /* no sweep in between */
	assert_int_equal(link_send(&b.gate, MSG_ASSOCIATION_CLOSE, 0, BYTES_OF(body)), ERR_OK);
	assert_int_equal(link_flush(&b.gate), ERR_OK);
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	clock_simulate(0);
	assert_true(has(list_audit(&b), "ended: expired or revoked"));
	assert_false(has(list_audit(&b), "closed by the gate"));
	association_keeper_event(&b.core, BYTES_OF(broke));
	assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_true(has(list_audit(&b), "gate 3 broke the rules of its link to the keeper"));
	bench_close(&b);
}

static const char *key_command(struct bench *b, enum admin_command number, const char *name,
                               struct bytes text)
{
	struct buf fields = buf_make(8192);
	struct wire_out out = wire_out(&fields);
	const char *answer;

	wire_put_bytes(&out, bytes_str(name));
	if (number == ADMIN_KEY_SIGN)
		wire_put_bytes(&out, text);
	answer = command(b, number, bytes_of_buf(&fields));
	buf_free(&fields);
	return answer;
}

static void test_keys(void **state)
{
	static const uint8_t long_text[4097] = { 'x' };
	struct bench b;

	bench_open(&b);
	assert_true(has(key_command(&b, ADMIN_KEY_SIGN, "user/e", BYTES("well")), "\"signature\":\""));
	assert_int_equal(b.done, ERR_OK);
	assert_true(has(key_command(&b, ADMIN_KEY_SIGN, "user/p", BYTES("well")), "\"signature\":\"30"));
	key_command(&b, ADMIN_KEY_SIGN, "user/s", BYTES("well"));
	assert_int_equal(b.done, ERR_REFUSED);
	key_command(&b, ADMIN_KEY_SIGN, "node", BYTES("well"));
	assert_int_equal(b.done, ERR_REFUSED);
	key_command(&b, ADMIN_KEY_SIGN, "user/e", BYTES("a\nb"));
	assert_int_equal(b.done, ERR_REFUSED);
	key_command(&b, ADMIN_KEY_SIGN, "user/e", BYTES_NONE);
	assert_int_equal(b.done, ERR_REFUSED);
	key_command(&b, ADMIN_KEY_SIGN, "user/e", BYTES_OF(long_text));
	assert_int_not_equal(b.done, ERR_OK);
	key_command(&b, ADMIN_KEY_SIGN, "user/nobody", BYTES("well"));
	assert_int_equal(b.done, ERR_MISSING);
	assert_true(has(list_audit(&b), "KEY_SIGN"));
	bench_close(&b);
}

/* An enrolment cut short left its key in the keeper: the next one succeeds. */
static void test_stale_key(void **state)
{
	static const uint8_t key[16] = { 4 }, tag[KEEPER_TAG] = { 5 };
	struct bench b;

	bench_open(&b);
	assert_int_equal(keeper_child_psk(&b.keeper, BYTES(PSK_ID), BYTES_OF(key)), ERR_OK);
	enrol_psk(&b, CHILD_SP "/in-cse/Cdev", PSK_ID);
	assert_int_equal(b.done, ERR_OK);
	handshake(&b, PSK_ID, tag);
	assert_true(open_association(&b, PSK_ID, tag) != 0);
	bench_close(&b);
}

/* Without its keeper the core serves what needs no key, and takes the next one. */
static void test_keeper_lost(void **state)
{
	uint64_t number;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	kill(b.keeper.pid, SIGKILL);
	waitpid(b.keeper.pid, NULL, 0);
	for (int i = 0; i < 20 && b.core.keeper_up; i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_false(b.core.keeper_up);
	assert_int_equal(request(&b, number, MAKE("c1")), 2001);
	assert_int_equal(request(&b, number, GET_AE), 2000);
	assert_true(has(command(&b, ADMIN_STATUS, BYTES_NONE), "\"keeper\":\"away\""));
	command(&b, ADMIN_ANCHOR, BYTES_NONE);
	assert_int_equal(b.done, ERR_CLOSED);
	bench_close(&b);
}

#define TELL_OF(fr, id) "{'op':5,'to':'cse-in/dev','fr':'" fr "','rqi':'" id "','rvi':'3','pc':{'m2m:sgn':{'sur':'x'}}}"
#define TELL(id) TELL_OF("Cdev", id)
#define POLL(id) "{'op':2,'to':'cse-in/dev/ch/pcu','fr':'Cdev','rqi':'" id "','rvi':'3'}"

static void leave(struct bench *b, uint64_t ref)
{
	assert_int_equal(link_send(&b->gate, MSG_REQUEST_LEFT, ref, BYTES_NONE), ERR_OK);
}

/* Asked, and nothing comes. */
static void asks_in_vain(struct bench *b, uint64_t number, const char *json)
{
	struct message m;
	bool found;

	send_request(b, number, json);
	assert_int_equal(link_flush(&b->gate), ERR_OK);
	assert_int_equal(loop_turn(&b->core), ERR_OK); /* that it would be answered in */
	(void)!link_read(&b->gate);
	assert_int_equal(link_next(&b->gate, &m, &found), ERR_OK);
	assert_false(found);
}

static void gets_request(struct bench *b, uint64_t number, const char *json)
{
	struct message m;
	struct cbor pc, rqp;
	bool found;

	send_request(b, number, json);
	assert_true(next(b, &b->gate, &m));
	assert_int_equal(status_of(&m), 2000);
	assert_int_equal(cbor_find(m.body, BYTES("pc"), &pc, &found), ERR_OK);
	assert_true(found && cbor_find(pc.raw, BYTES("m2m:rqp"), &rqp, &found) == ERR_OK && found);
}

/* Whoever polls and is gone takes nothing with it: neither what comes later, nor what was on its way. */
static void test_poller_left(void **state)
{
	struct bench b;
	struct message m;
	uint64_t number;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_int_equal(request(&b, number, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'ch','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'ch'}}}"), 2001);
	asks_in_vain(&b, number, TELL("t1"));
	gets_request(&b, number, POLL("p1"));
	/* what was given is not given again, but to who asks after that answer was lost */
	asks_in_vain(&b, number, POLL("p2"));
	leave(&b, b.ref - 1); /* p1 */
	assert_true(next(&b, &b.gate, &m));
	assert_int_equal(m.ref, b.ref); /* p2, which waited, has it */
	assert_int_equal(status_of(&m), 2000);
	/* one that waits ends, and takes nothing */
	asks_in_vain(&b, number, POLL("p3"));
	leave(&b, b.ref);
	assert_true(next(&b, &b.gate, &m));
	assert_int_equal(status_of(&m), 4008);
	asks_in_vain(&b, number, TELL("t2"));
	gets_request(&b, number, POLL("p4"));
	/* who was never there */
	leave(&b, 4711);
	asks_in_vain(&b, number, POLL("p5"));
	bench_close(&b);
}

/* Its end and what it would take come in one turn. */
static void test_poller_left_at_once(void **state)
{
	struct bench b;
	struct message m;
	uint64_t number;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_int_equal(request(&b, number, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'ch','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'ch'}}}"), 2001);
	asks_in_vain(&b, number, POLL("p1"));
	send_request(&b, number, TELL("t1"));
	leave(&b, b.ref - 1);
	assert_true(next(&b, &b.gate, &m));
	assert_int_equal(m.ref, b.ref - 1);
	assert_int_equal(status_of(&m), 4008);
	gets_request(&b, number, POLL("p2"));
	bench_close(&b);
}

#define CHANNEL "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'ch','rvi':'3','ty':15,'pc':{'m2m:pch':{'rn':'ch'}}}"

/* An answer that could not be made durable is another one: what was in it is there for the next. */
static void test_poll_commit_fails(void **state)
{
	struct bench b;
	uint64_t number;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_int_equal(request(&b, number, CHANNEL), 2001);
	asks_in_vain(&b, number, TELL("t1"));
	set(&b, "audit.read", "durable");
	engine_fail_at(1, ERR_IO);
	assert_int_equal(request(&b, number, POLL("p1")), 5000);
	engine_fail_at(0, ERR_OK);
	gets_request(&b, number, POLL("p2"));
	bench_close(&b);
}

/* A gate dies with the answer to a poll. */
static void test_poll_gate_lost(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 7 };
	struct bench b;
	uint64_t number;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_int_equal(request(&b, number, CHANNEL), 2001);
	asks_in_vain(&b, number, TELL("t1"));
	gets_request(&b, number, POLL("p1"));
	asks_in_vain(&b, number, POLL("p2"));
	link_close(&b.gate);
	connect_to(&b, ROLE_GATE, 0, &b.gate);
	handshake(&b, PSK_ID, tag);
	number = open_association(&b, PSK_ID, tag);
	gets_request(&b, number, POLL("p3"));
	bench_close(&b);
}

/* What somebody asked who was revoked since is given to nobody. */
static void test_poll_asker_revoked(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 8 };
	uint64_t number, other;
	struct message m;
	struct bench b;

	bench_open(&b);
	number = enrolled_and_open(&b);
	assert_true(has(enrol_psk(&b, CHILD_SP "/in-cse/Cother", "other@sp.example.org"), "12-other"));
	handshake(&b, "other@sp.example.org", tag);
	other = open_association(&b, "other@sp.example.org", tag);
	assert_true(other != 0);
	assert_int_equal(request(&b, number, "{'op':1,'to':'cse-in/dev','fr':'Cdev','rqi':'p','rvi':'3','ty':1,'pc':{'m2m:acp':{'rn':'p',"
	                                     "'pv':{'acr':[{'acor':['all'],'acop':63}]},'pvs':{'acr':[{'acor':['Cdev'],'acop':63}]}}}}"), 2001);
	assert_int_equal(request(&b, number, "{'op':3,'to':'cse-in/dev','fr':'Cdev','rqi':'a','rvi':'3','pc':{'m2m:ae':{'acpi':['cse-in/dev/p']}}}"), 2004);
	assert_int_equal(request(&b, number, CHANNEL), 2001);
	asks_in_vain(&b, other, TELL_OF("Cother", "t1"));
	asks_in_vain(&b, other, TELL_OF("Cother", "t2"));
	gets_request(&b, number, POLL("p1"));
	revoke_id(&b, "12-other@sp.example.org");
	assert_int_equal(b.done, ERR_OK);
	assert_true(next(&b, &b.gate, &m));
	assert_int_equal(m.type, MSG_ASSOCIATION_END);
	/* the asker is told, the poller nothing */
	send_request(&b, number, POLL("p2"));
	do {
		assert_true(next(&b, &b.gate, &m));
		assert_true(m.ref != b.ref);
	} while (m.type != MSG_ANSWER);
	assert_int_equal(status_of(&m), 4107);
	bench_close(&b);
}

static void owe(struct bench *b, int64_t due)
{
	struct queue_entry e = { .subscription = 4711, .created = b->core.now, .due = due,
		                 .target = BYTES("http://127.0.0.1:9/"), .content = BYTES("\xa0"),
		                 .originator = BYTES(CHILD_SP "/in-cse/Cdev") };

	assert_int_equal(queue_add(b->core.room.queue, &e, b->core.now), ERR_OK);
}

/* What is dropped was sent to nobody: nothing is known of the target that was not before. */
static void test_drop_proves_nothing(void **state)
{
	struct queue *q;
	struct bench b;
	uint64_t first, second;

	bench_open(&b);
	(void)enrolled_and_open(&b);
	q = b.core.room.queue;
	assert_int_equal(batch_begin(&b.core), ERR_OK);
	owe(&b, b.core.now);
	owe(&b, b.core.now + 3600000);
	assert_int_equal(batch_commit(&b.core), ERR_OK);
	first = queue_after(q, 0);
	second = queue_after(q, first);
	assert_true(first != 0 && second != 0);
	queue_failed(q, first, b.core.now - 10000, 0);
	b.core.deliver_at = 0;
	for (int i = 0; i < 20 && queue_has(q, first); i++)
		assert_int_equal(loop_turn(&b.core), ERR_OK);
	assert_false(queue_has(q, first));
	assert_true(has(list_audit(&b), "the subscription is gone"));
	assert_false(queue_proven(q, second));
	assert_int_equal(queue_attempts(q, second), 1);
	bench_close(&b);
}

static void test_stop(void **state)
{
	uint64_t number;
	struct message m;
	struct bench b;
	bool found;

	bench_open(&b);
	number = enrolled_and_open(&b);
	/* what was accepted is finished */
	send_request(&b, number, MAKE("c1"));
	assert_int_equal(link_flush(&b.gate), ERR_OK);
	assert_int_equal(link_send(&b.parent, MSG_STOP, 0, BYTES_NONE), ERR_OK);
	assert_int_equal(link_flush(&b.parent), ERR_OK);
	assert_int_equal(loop_run(&b.core), ERR_OK);
	assert_int_equal(link_read(&b.gate), ERR_OK);
	assert_int_equal(link_next(&b.gate, &m, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(status_of(&m), 2001);
	assert_false(b.core.inside);
	bench_close(&b);
}

/* Whatever moment the pause for the keeper's notices ends at, what it says is heard then, not with the next tick. */
static void test_keeper_heard_in_time(void **state)
{
	enum { TRIES = 60, TICK = 300 };
	struct link far, saved;
	struct bench b;
	int fds[2], late = 0;

	bench_open(&b);
	saved = b.core.keeper.link;
	b.core.anchors = false;
	assert_int_equal(link_pair(fds), ERR_OK);
	link_init(&b.core.keeper.link, fds[0], ROLE_CORE, ROLE_KEEPER, 0);
	link_init(&far, fds[1], ROLE_KEEPER, ROLE_CORE, 0);
	for (int i = 0; i < TRIES; i++) {
		int64_t at;

		assert_int_equal(link_send(&far, MSG_CREDENTIAL_USED, 0, BYTES("x")), ERR_OK);
		assert_int_equal(link_flush(&far), ERR_OK);
		while (clock_micro() % 1000 < 999)
			; /* the turn begins as the pause ends */
		at = clock_steady();
		b.core.keeper_at = at + 1;
		b.core.next_tick = at + TICK;
		assert_int_equal(loop_turn(&b.core), ERR_OK);
		late += clock_steady() - at >= TICK;
	}
	assert_true(late < 3); /* a busy machine */
	link_close(&b.core.keeper.link);
	link_close(&far);
	b.core.keeper.link = saved;
	bench_close(&b);
}

/* An association that ends in the turn in which it was opened: its gate is not told of it after its end. */
static void test_ended_as_it_opens(void **state)
{
	static const uint8_t tags[2][KEEPER_TAG] = { { 1 }, { 2 } };
	unsigned opened = 0, ended = 0;
	struct message m;
	struct bench b;

	bench_open(&b);
	enrol_psk(&b, CHILD_SP "/in-cse/Cdev", PSK_ID);
	set(&b, "clone.places", "1");
	set(&b, "clone.action", "end");
	node_reload(&b.core);
	for (uint8_t i = 0; i < 2; i++) {
		handshake(&b, PSK_ID, tags[i]);
		send_opening(&b, PSK_ID, tags[i], i);
	}
	while (next(&b, &b.gate, &m)) {
		opened += m.type == MSG_ASSOCIATION_OPENED && get_be64(m.body.p) != 0;
		ended += m.type == MSG_ASSOCIATION_END;
	}
	assert_int_equal(ended, 1);
	assert_int_equal(opened, 0);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status), cmocka_unit_test(test_one_fails), cmocka_unit_test(test_expiry_too_large), cmocka_unit_test(test_expiry_of_what_is_tampered),
		cmocka_unit_test(test_expiry_of_many_tampered), cmocka_unit_test(test_expiry_undone), cmocka_unit_test(test_small_causes), cmocka_unit_test(test_keeper_heard_in_time), cmocka_unit_test(test_ended_as_it_opens), cmocka_unit_test(test_kept_request_is_tampered), cmocka_unit_test(test_life_of_a_credential),
		cmocka_unit_test(test_ordered_revocation), cmocka_unit_test(test_ordered_revocation_waits),
		cmocka_unit_test(test_certificates), cmocka_unit_test(test_gate_alone),
		cmocka_unit_test(test_hostile_gate), cmocka_unit_test(test_not_open),
		cmocka_unit_test(test_batch), cmocka_unit_test(test_exported_is_wiped),
		cmocka_unit_test(test_commit_fails), cmocka_unit_test(test_reads_while_no_commit),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_rollback), cmocka_unit_test(test_verify),
		cmocka_unit_test(test_expiry), cmocka_unit_test(test_ends_on_record),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_stale_key),
		cmocka_unit_test(test_keeper_lost), cmocka_unit_test(test_poller_left),
		cmocka_unit_test(test_poller_left_at_once), cmocka_unit_test(test_stop),
		cmocka_unit_test(test_poll_commit_fails), cmocka_unit_test(test_poll_gate_lost),
		cmocka_unit_test(test_poll_asker_revoked),
		cmocka_unit_test(test_drop_proves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
