/* core: credentials that come by themselves: by a ticket, with a key of a MAF, with one of
 * the underlying network. Each is there with its record, or not at all: tried with every
 * allocation failing in turn, and with the commit failing. */
#include "core_bench.h"

#include "role/core/network_work.h"
#include "security/audit/inner.h"
#include "base/secret.h"
#include "security/enrolment/enrolment.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#define SECRET "sixteen octets!!"
#define MAF "maf.other.example"
#define VALUE "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="
#define REALM "bsf.operator.example"
#define SUBSCRIBER "imsi-1"

enum { ENOUGH = 2000, MAPPED_MAX = 1 << 28 };

/* --- what is asked for -------------------------------------------------------------------- */

static void ticket(struct bench *b, unsigned kind, struct bytes of, const char *pattern)
{
	struct buf fields = buf_make(256);
	struct wire_out out = wire_out(&fields);
	uint8_t digest[32];
	char id[TICKET_ID + 1];

	crypt_sha256(of, digest);
	bytes_to_hex(bytes_make(digest, TICKET_ID / 2), id, sizeof(id));
	wire_put_bytes(&out, bytes_str(id));
	wire_put_fixed(&out, BYTES_OF(digest));
	wire_put_bytes(&out, bytes_str(pattern));
	wire_put_bytes(&out, BYTES_NONE);
	wire_put_u8(&out, 1);
	wire_put_u32(&out, 0);
	wire_put_u32(&out, 10000);
	wire_put_u32(&out, 60);
	wire_put_u8(&out, (uint8_t)kind);
	assert_int_equal(out.err, ERR_OK);
	(void)command(b, ADMIN_TICKET_CREATE, bytes_of_buf(&fields));
	assert_int_equal(b->done, ERR_OK);
	buf_free(&fields);
}

static void mac_of(struct bytes id, struct bytes key, uint8_t mac[32])
{
	struct buf message = buf_make(512);
	struct crypt_hmac h = { 0 };
	uint8_t digest[32];

	crypt_sha256(bytes_str(SECRET), digest);
	assert_int_equal(buf_add(&message, BYTES(JOIN_MAC_TEXT "\0")), ERR_OK);
	assert_int_equal(buf_add(&message, id), ERR_OK);
	assert_int_equal(buf_add_byte(&message, 0), ERR_OK);
	assert_int_equal(buf_add(&message, key), ERR_OK);
	assert_int_equal(crypt_hmac_init(&h, BYTES_OF(digest)), ERR_OK);
	crypt_hmac(&h, bytes_of_buf(&message), mac);
	crypt_hmac_free(&h);
	buf_free(&message);
}

/* By the ticket, as `stem`. */
static bool forged;
static void send_join(struct bench *b, const char *stem)
{
	struct buf body = buf_make(4096), proof = buf_make(80);
	struct wire_out out = wire_out(&body);
	struct crypt_key k = { NULL };
	uint8_t point[CRYPT_POINT], mac[32], digest[32];
	char id[TICKET_ID + 1], entity[FACT_ID_MAX];

	crypt_sha256(bytes_str(SECRET), digest);
	bytes_to_hex(bytes_make(digest, TICKET_ID / 2), id, sizeof(id));
	assert_true(text_print(entity, sizeof(entity), CHILD_SP "/in-cse/%s", stem));
	assert_int_equal(crypt_p256_new(&k), ERR_OK);
	prove_key(&k, CERTIFY_AE, entity, forged, point, &proof);
	mac_of(bytes_str(stem), BYTES_OF(point), mac);
	wire_put_u8(&out, JOIN_BY_TICKET);
	wire_put_bytes(&out, bytes_str(id));
	wire_put_bytes(&out, BYTES_OF(mac));
	for (int i = 0; i < 3; i++)
		wire_put_bytes(&out, BYTES_NONE);
	wire_put_u64(&out, 0);
	wire_put_bytes(&out, bytes_str(stem));
	wire_put_bytes(&out, BYTES_OF(point));
	wire_put_bytes(&out, bytes_of_buf(&proof));
	wire_put_bytes(&out, BYTES_NONE);
	assert_int_equal(out.err, ERR_OK);
	assert_int_equal(link_send(&b->gate, MSG_JOIN, ++b->ref, bytes_of_buf(&body)), ERR_OK);
	crypt_key_free(&k);
	buf_free(&body);
	buf_free(&proof);
}

/* --- the rule ------------------------------------------------------------------------------ */

static bool is_live(struct bench *b, const char *id)
{
	const struct credential *found;

	assert_int_equal(registry_find(b->core.room.registry, bytes_str(id), &found), ERR_OK);
	return found && !found->revoked;
}

static uint64_t used(struct bench *b)
{
	const char *row = command(b, ADMIN_TICKET_LIST, BYTES_NONE), *at;

	while (*row == '\n' || strstr(row, "\"ids\":\"C*\"") > strchr(row, '\n'))
		row = strchr(row, '\n') + 1;
	at = strstr(row, "\"used\":");
	assert_non_null(at);
	return strtoull(at + 7, NULL, 10);
}

/* The key is with the keeper. */
static bool has_key(struct bench *b, const char *identity)
{
	static const uint8_t tag[KEEPER_TAG] = { 8 };
	uint32_t handle;
	size_t n;
	err_t err = keeper_psk_open(&b->keeper.gates[0], bytes_str(identity), tag, &handle, &n);

	if (err == ERR_OK)
		assert_int_equal(keeper_close_handle(&b->keeper.gates[0], handle), ERR_OK);
	return err == ERR_OK;
}

/* On record since then, as done. */
static bool is_recorded(struct bench *b, uint64_t since, const char *name, const char *text)
{
	const char *line = list_audit_from(b, since + 1), *end;

	for (; *line; line = *end ? end + 1 : end) {
		end = strchr(line, '\n') ? strchr(line, '\n') : line + strlen(line);
		const char *named = strstr(line, name), *said = strstr(line, text);

		if (named && said && named < end && said < end)
			return true;
	}
	return false;
}

/* In which what was sent is served, and its transaction ended. */
static void turn(struct bench *b, uint64_t fails)
{
	b->core.next_tick = clock_steady() + 5000;
	buf_free(&b->core.room.audit->record); /* so that each record may fail */
	mem_fail_at(fails);
	assert_int_equal(loop_turn(&b->core), ERR_OK);
}

static unsigned joined; /* as JOINED said last; ERR_COUNT: nothing */

/* Whatever was said of it. Who could not be read for lack of memory is lost, and comes again. */
static void drain(struct bench *b, struct link *l)
{
	enum role peer = l->self;
	struct message m;
	bool found = true;
	err_t err = ERR_OK;

	if (peer == ROLE_GATE)
		joined = ERR_COUNT;
	(void)!link_read(l);
	while (found && err == ERR_OK) {
		err = link_next(l, &m, &found);
		if (err == ERR_OK && found && m.type == MSG_JOINED)
			joined = m.body.p[0];
	}
	if (!l->dead)
		return;
	link_close(l);
	connect_to(b, peer, 0, l);
}

/* --- by a ticket ---------------------------------------------------------------------------- */

static void join_once(struct bench *b, unsigned n, const char *stem)
{
	b->core.joins = 0;
	send_join(b, stem);
	assert_int_equal(link_flush(&b->gate), ERR_OK);
	turn(b, n);
}

/* --- with a key of a MAF: the courier is this test --------------------------------------------- */

static struct link courier, network;
static const char *revoke_when_asked;

static void put_source(struct wire_out *out, const char *identity)
{
	static const uint8_t address[16] = { 127, 0, 0, 1 };

	wire_put_bytes(out, bytes_str(identity));
	wire_put_u8(out, 4);
	wire_put_fixed(out, BYTES_OF(address));
}

/* A handshake wants that key; what the core asks for it, of whom. */
static uint64_t want(struct bench *b, const char *identity, struct link *of)
{
	struct buf body = buf_make(512);
	struct wire_out out = wire_out(&body);
	struct message m;
	uint64_t ref;

	put_source(&out, identity);
	assert_int_equal(link_send(&b->gate, MSG_NETWORK_KEY, ++b->ref, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(link_flush(&b->gate), ERR_OK);
	assert_true(next(b, of, &m));
	ref = m.ref;
	if (revoke_when_asked)
		(void)revoke_id(b, revoke_when_asked);
	revoke_when_asked = NULL;
	buf_free(&body);
	return ref;
}

static void maf_once(struct bench *b, unsigned n, const char *stem)
{
	struct buf body = buf_make(4096), primitive = buf_make(4096);
	struct wire_out out = wire_out(&body);
	char identity[64], json[512];
	uint64_t ref;

	source_free(&b->core); /* as a second later */
	assert_true(text_print(identity, sizeof(identity), "%s@" MAF, stem));
	assert_true(text_print(json, sizeof(json), "{\"rsc\":2000,\"rqi\":\"1\",\"pc\":{\"sec:mkr\":{\"suid\":32,\"tgis\":[\"" CHILD_SP "/in-cse\"],"
	                       "\"cr\":\"" CHILD_SP "/in-cse/%s\",\"kv\":\"" VALUE "\",\"et\":\"20990101T000000\"}}}", stem));
	assert_int_equal(json_to_cbor(bytes_str(json), &codec_default_limits, &primitive), ERR_OK);
	ref = want(b, identity, &courier);
	wire_put_u8(&out, ERR_OK);
	wire_put_bytes(&out, bytes_of_buf(&primitive));
	assert_int_equal(link_send(&courier, MSG_SENT, ref, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(link_flush(&courier), ERR_OK);
	turn(b, n);
	buf_free(&body);
	buf_free(&primitive);
}

/* --- with a key of the network: its process is this test ------------------------------------------ */

static void network_once(struct bench *b, unsigned n, const char *stem)
{
	static const uint8_t key[32] = { 4 };
	struct buf body = buf_make(1024), sealed = buf_make(256);
	struct wire_out out = wire_out(&body);
	char identity[64];
	uint64_t ref;

	if (b->core.network)
		b->core.network->asked[NETWORK_gba] = 0;
	assert_true(text_print(identity, sizeof(identity), "%s@" REALM, stem));
	assert_int_equal(seal_to_keeper(BYTES_OF(key), bytes_str(identity), b->import, &sealed), ERR_OK);
	ref = want(b, identity, &network);
	wire_put_u8(&out, ERR_OK);
	wire_put_bytes(&out, BYTES(SUBSCRIBER));
	wire_put_u64(&out, (uint64_t)clock_now() + 86400000);
	wire_put_bytes(&out, bytes_of_buf(&sealed));
	assert_int_equal(link_send(&network, MSG_NETWORK_FETCHED, ref, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(link_flush(&network), ERR_OK);
	turn(b, n);
	buf_free(&body);
	buf_free(&sealed);
}

/* --- all ways ---------------------------------------------------------------------------------------- */

static const struct way {
	void (*once)(struct bench *b, unsigned n, const char *stem);
	const char *credential, *key; /* around the stem */
	const char *after, *said;
	bool spends;                  /* a use of the ticket */
	bool allocates;               /* and goes on without: else a failed allocation ends the process */
} ways[] = {
	{ join_once, "33-" CHILD_SP "/in-cse/", NULL, "", "joined", true, true },
	{ maf_once, "12-", "", "@" MAF, "a key of a MAF or MEF", false, false },
	{ network_once, "12-", "", "@" REALM, "a key of the network", false, true },
};

static void open_all(struct bench *b)
{
	bench_open(b);
	set(b, "join.enabled", "yes");
	set(b, "trust.keys", MAF "=https://" MAF ":8443");
	set(b, "network.gba", REALM " 127.0.0.1:9080");
	connect_to(b, ROLE_COURIER, 0, &courier);
	connect_to(b, ROLE_NETWORK, 0, &network);
	ticket(b, TICKET_CLAIM, bytes_str(SECRET), "C*");
	ticket(b, TICKET_SUBSCRIBER, BYTES(SUBSCRIBER), "Cgw C*");
}

static void close_all(struct bench *b)
{
	link_close(&courier);
	link_close(&network);
	bench_close(b);
}

/* The credential is there, with all that belongs to it; or nothing of it is. */
static bool is_whole(struct bench *b, const struct way *way, const char *stem, uint64_t since, uint64_t before)
{
	char id[128], key[128];
	bool live;

	assert_true(text_print(id, sizeof(id), "%s%s%s", way->credential, stem, way->after));
	live = is_live(b, id);
	assert_int_equal(is_recorded(b, since, stem, way->said), live);
	if (way->spends)
		assert_int_equal(used(b), before + live);
	if (way->key) {
		assert_true(text_print(key, sizeof(key), "%s%s", stem, way->after));
		assert_int_equal(has_key(b, key), live);
	}
	return live;
}

static void test_with_its_record(void **state)
{
	struct bench b;

	open_all(&b);
	network_once(&b, 0, "Cfirst"); /* the keeper's key to seal to is looked up once */
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		unsigned n, whole = 0;
		uint64_t allocated = ENOUGH;

		for (n = 1; ways[i].allocates && n <= allocated; n++) {
			uint64_t since = records(&b), before = ways[i].spends ? used(&b) : 0;
			char stem[32];

			assert_true(text_print(stem, sizeof(stem), "Cx%zu-%u", i, n));
			ways[i].once(&b, n, stem);
			allocated = mem_count();
			mem_fail_at(0);
			drain(&b, &b.gate);
			drain(&b, &courier);
			drain(&b, &network);
			assert_int_not_equal(joined, ERR_REFUSED);
			whole += is_whole(&b, &ways[i], stem, since, before);
		}
		if (ways[i].allocates)
			assert_true(n > 10 && n < ENOUGH && whole > 0 && whole < n - 1);
	}
	(void)command(&b, ADMIN_AUDIT_VERIFY, BYTES_NONE);
	assert_string_equal(b.text, "done");
	close_all(&b);
}

/* No record can be made. */
static void test_not_recorded(void **state)
{
	struct bench b;

	open_all(&b);
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		uint64_t since = records(&b), before = ways[i].spends ? used(&b) : 0;
		struct audit *a = b.core.room.audit;

		since = records(&b);
		a->now.number++;
		ways[i].once(&b, 0, "Cnone");
		a->now.number = a->marked.number = a->settled.number = since;
		drain(&b, &b.gate);
		assert_int_not_equal(joined, ERR_REFUSED);
		assert_false(is_whole(&b, &ways[i], "Cnone", since, before));
		ways[i].once(&b, 0, "Cnone");
		assert_true(is_whole(&b, &ways[i], "Cnone", since, before));
	}
	(void)command(&b, ADMIN_AUDIT_VERIFY, BYTES_NONE);
	assert_string_equal(b.text, "done");
	close_all(&b);
}

/* What the keeper judges is a refusal; a keeper that is away, or has too much to do, refuses nobody. */
static void test_keeper_fails(void **state)
{
	uint64_t before;
	struct bench b;

	open_all(&b);
	before = used(&b);
	forged = true;
	join_once(&b, 0, "Cforged");
	forged = false;
	drain(&b, &b.gate);
	assert_int_equal(joined, ERR_REFUSED);
	for (unsigned i = 0; i < 200 && (joined == ERR_OK || joined == ERR_REFUSED); i++) {
		char stem[16];

		assert_true(text_print(stem, sizeof(stem), "Cmany%u", i));
		before = used(&b);
		join_once(&b, 0, stem);
		drain(&b, &b.gate);
		assert_int_not_equal(joined, ERR_REFUSED);
	}
	assert_int_equal(joined, ERR_IO);
	assert_int_equal(used(&b), before);
	assert_true(b.core.keeper.link.fd >= 0 && shutdown(b.core.keeper.link.fd, SHUT_RDWR) == 0);
	join_once(&b, 0, "Caway");
	drain(&b, &b.gate);
	assert_true(joined != ERR_OK && joined != ERR_REFUSED);
	close_all(&b);
}

/* Not durable: not there. */
static void test_commit_fails(void **state)
{
	struct bench b;

	open_all(&b);
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		uint64_t since = records(&b), before = ways[i].spends ? used(&b) : 0;

		engine_fail_at(1, ERR_FULL);
		ways[i].once(&b, 0, "Cfull");
		engine_fail_at(0, ERR_OK);
		drain(&b, &b.gate);
		assert_false(is_whole(&b, &ways[i], "Cfull", since, before));
		ways[i].once(&b, 0, "Cfull");
		drain(&b, &b.gate);
		assert_true(is_whole(&b, &ways[i], "Cfull", since, before));
	}
	close_all(&b);
}

/* --- in clear ------------------------------------------------------------------------------------- */

/* The key that VALUE is, each octet turned over: else it would lie here. */
static const uint8_t turned[32] = {
	0xce, 0xcd, 0xcc, 0xcb, 0xca, 0xc9, 0xc8, 0xc7, 0xc6, 0xcf, 0xce, 0xcd, 0xcc, 0xcb, 0xca, 0xc9,
	0xc8, 0xc7, 0xc6, 0xcf, 0xce, 0xcd, 0xcc, 0xcb, 0xca, 0xc9, 0xc8, 0xc7, 0xc6, 0xcf, 0xce, 0xcd,
};

struct look {
	pid_t keeper;
	uint8_t place[sizeof(turned)]; /* control: the key */
	const struct buf *link;        /* from the courier */
	bool found, read, text;
};

static bool has_turned(const uint8_t *p, size_t n)
{
	for (size_t i = 0, k; i + sizeof(turned) <= n; i++) {
		for (k = 0; k < sizeof(turned) && (p[i + k] ^ turned[k]) == 0xff; k++)
			;
		if (k == sizeof(turned))
			return true;
	}
	return false;
}

/* Windows overlap by half, and are no part of what is looked through. */
static void scan_range(struct look *l, int mem, unsigned long low, unsigned long high)
{
	enum { WINDOW = 65536 };
	static uint8_t window[WINDOW];

	for (; low < high; low += WINDOW / 2) {
		ssize_t n = pread(mem, window, high - low < WINDOW ? high - low : WINDOW, (off_t)low);
		bool own = low < (uintptr_t)window + WINDOW && low + WINDOW > (uintptr_t)window;

		l->read |= n > 0;
		l->found |= n > 0 && !own && has_turned(window, (size_t)n);
	}
	secret_wipe(window, sizeof(window));
}

/* Of everything that this process may write to; what is larger is no memory of it but a tool's. */
static void scan(struct look *l)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	unsigned long low, high;
	char line[512], rights[8];

	while (maps && mem >= 0 && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %7s", &low, &high, rights) == 3 && rights[1] == 'w' &&
		    high - low <= MAPPED_MAX)
			scan_range(l, mem, low, high);
	}
	if (maps)
		(void)fclose(maps);
	if (mem >= 0)
		close(mem);
}

static bool lies_in(const struct buf *b, struct bytes what)
{
	for (size_t i = 0; i + what.n <= b->cap; i++) {
		if (bytes_equal(bytes_make(b->p + i, what.n), what))
			return true;
	}
	return false;
}

/* While the core waits for the keeper, which is held. */
static void *look_while_it_waits(void *self)
{
	struct look *l = self;
	struct timespec time = { .tv_nsec = 300000000 };

	(void)nanosleep(&time, NULL);
	scan(l);
	l->text = lies_in(l->link, BYTES(VALUE));
	(void)kill(l->keeper, SIGCONT);
	return NULL;
}

static const struct buf *from_courier(struct bench *b)
{
	for (size_t i = 0; i < CORE_NEIGHBOURS; i++) {
		if (b->core.neighbours[i].used && b->core.neighbours[i].link.peer == ROLE_COURIER)
			return &b->core.neighbours[i].link.in;
	}
	return NULL;
}

/* A key that a MAF gave goes to the keeper sealed. While that takes it in, which may be long, the
 * core has it no more; and what brought it is wiped. */
static void test_in_clear_no_longer(void **state)
{
	struct bench b;
	pthread_t thread;

	open_all(&b);
	maf_once(&b, 0, "Cfirst"); /* the keeper's key to seal to is looked up once */
	for (int control = 1; control >= 0; control--) {
		const char *stem = control ? "Ccontrol" : "Cquiet";
		uint64_t since = records(&b);
		struct look l = { .keeper = b.keeper.pid, .link = from_courier(&b) };

		for (size_t i = 0; control && i < sizeof(turned); i++)
			l.place[i] = turned[i] ^ 0xff;
		drain(&b, &b.gate);
		assert_int_equal(kill(b.keeper.pid, SIGSTOP), 0);
		assert_int_equal(pthread_create(&thread, NULL, look_while_it_waits, &l), 0);
		maf_once(&b, 0, stem);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_true(l.read);
		assert_int_equal(l.found, control);
		assert_false(l.text);
		secret_wipe(l.place, sizeof(l.place));
		drain(&b, &b.gate);
		assert_true(is_whole(&b, &ways[1], stem, since, 0));
		assert_false(lies_in(from_courier(&b), BYTES(VALUE)));
	}
	close_all(&b);
}

/* Whoever is revoked while a function, or the network, is asked for a key stays revoked. */
static void test_revoked_meanwhile(void **state)
{
	static const struct { size_t way; const char *first, *credential, *then; } rows[] = {
		{ 1, "Cdev", "12-Cdev@" MAF, "Cdev" },
		{ 2, "Cgw", "12-Cgw@" REALM, "Cbehind:Cgw" },
	};
	struct bench b;

	open_all(&b);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct way *way = &ways[rows[i].way];
		uint64_t since = records(&b), ended = clock_now() + 86400000ll * 4000;
		char id[128];

		way->once(&b, 0, rows[i].first);
		assert_true(is_whole(&b, way, rows[i].first, since, 0));
		revoke_when_asked = rows[i].credential;
		if (rows[i].way == 1)
			clock_simulate((int64_t)ended); /* asked for anew */
		since = records(&b);
		way->once(&b, 0, rows[i].then);
		clock_simulate(0);
		assert_null(revoke_when_asked);
		assert_false(is_recorded(&b, since, rows[i].then, way->said));
		assert_true(text_print(id, sizeof(id), "%s%s%s", way->credential, rows[i].then, way->after));
		assert_false(is_live(&b, id));
		assert_false(is_live(&b, rows[i].credential));
	}
	close_all(&b);
}

/* What a crash left of an enrolment, a key that nobody is enrolled with, makes way. */
static void test_stale_key(void **state)
{
	static const uint8_t key[16] = { 9 };
	struct bench b;

	open_all(&b);
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		uint64_t since = records(&b);
		char identity[64];

		if (!ways[i].key)
			continue;
		assert_true(text_print(identity, sizeof(identity), "Cstale%s", ways[i].after));
		assert_int_equal(keeper_child_psk(&b.keeper, bytes_str(identity), BYTES_OF(key)), ERR_OK);
		ways[i].once(&b, 0, "Cstale");
		drain(&b, &b.gate);
		assert_true(is_whole(&b, &ways[i], "Cstale", since, 0));
	}
	close_all(&b);
}

/* A revocation that does not last takes no key with it: neither its own nor one that hangs on it. */
static void test_revocation_not_durable(void **state)
{
	static const char *const own = "Cgw@" REALM, *const behind = "Cbehind:Cgw@" REALM;
	struct bench b;

	open_all(&b);
	network_once(&b, 0, "Cgw");
	network_once(&b, 0, "Cbehind:Cgw");
	drain(&b, &b.gate);
	for (int fails = 1; fails >= 0; fails--) {
		assert_true(is_live(&b, "12-Cgw@" REALM) && is_live(&b, "12-Cbehind:Cgw@" REALM));
		assert_true(has_key(&b, own) && has_key(&b, behind));
		engine_fail_at((uint64_t)fails, ERR_FULL);
		(void)revoke_id(&b, "12-Cgw@" REALM);
		engine_fail_at(0, ERR_OK);
		assert_int_equal(b.done == ERR_OK, !fails);
	}
	assert_false(is_live(&b, "12-Cgw@" REALM) || is_live(&b, "12-Cbehind:Cgw@" REALM));
	assert_false(has_key(&b, own) || has_key(&b, behind));
	close_all(&b);
}

/* Of its level, too: an approval that is not on record is none. */
static void test_approval(void **state)
{
	struct buf fields = buf_make(64);
	struct wire_out out = wire_out(&fields);
	struct evidence evidence[EVIDENCE_MAX];
	const struct association *a;
	uint64_t number;
	struct bench b;

	open_all(&b);
	number = enrolled_and_open(&b);
	wire_put_u64(&out, number);
	wire_put_u32(&out, 600);
	for (int fails = 1; fails >= 0; fails--) {
		engine_fail_at((uint64_t)fails, ERR_FULL);
		(void)command(&b, ADMIN_ASSOCIATION_APPROVE, bytes_of_buf(&fields));
		engine_fail_at(0, ERR_OK);
		assert_int_equal(b.done == ERR_OK, !fails);
		a = registry_association(b.core.room.registry, number, 0, b.core.now);
		assert_non_null(a);
		assert_int_equal(registry_evidence(b.core.room.registry, a, 60000, evidence), fails ? 1 : 2);
	}
	buf_free(&fields);
	close_all(&b);
}

/* A renewal on an association, with a proof of nothing. */
static void send_renewal(struct bench *b, uint64_t association)
{
	uint8_t point[CRYPT_POINT] = { 4 };
	struct buf body = buf_make(4096);
	struct wire_out out = wire_out(&body);

	wire_put_u8(&out, JOIN_BY_ASSOCIATION);
	wire_put_bytes(&out, BYTES_NONE);
	wire_put_bytes(&out, BYTES("00000000"));
	for (int i = 0; i < 3; i++)
		wire_put_bytes(&out, BYTES_NONE);
	wire_put_u64(&out, association);
	wire_put_bytes(&out, BYTES_NONE);
	wire_put_bytes(&out, BYTES_OF(point));
	wire_put_bytes(&out, BYTES("proof"));
	wire_put_bytes(&out, BYTES_NONE);
	assert_int_equal(out.err, ERR_OK);
	assert_int_equal(link_send(&b->gate, MSG_JOIN, ++b->ref, bytes_of_buf(&body)), ERR_OK);
	buf_free(&body);
}

/* One device that is enrolled asks to be renewed, over and over: it has its share of those who join at
 * once, and leaves the rest to others. */
static void test_renewals_are_bounded(void **state)
{
	uint64_t number, since;
	struct bench b;

	open_all(&b);
	number = enrolled_and_open(&b);
	b.core.joins = 0;
	since = records(&b);
	for (unsigned i = 0; i < 200; i++)
		send_renewal(&b, number);
	send_join(&b, "Chonest");
	assert_int_equal(link_flush(&b.gate), ERR_OK);
	for (int i = 0; i < 3; i++)
		turn(&b, 0);
	drain(&b, &b.gate);
	assert_true(is_recorded(&b, since, "Chonest", "joined"));
	close_all(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_its_record), cmocka_unit_test(test_not_recorded), cmocka_unit_test(test_commit_fails),
		cmocka_unit_test(test_keeper_fails),
		cmocka_unit_test(test_revoked_meanwhile), cmocka_unit_test(test_approval),
		cmocka_unit_test(test_in_clear_no_longer), cmocka_unit_test(test_renewals_are_bounded),
		cmocka_unit_test(test_revocation_not_durable), cmocka_unit_test(test_stale_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
