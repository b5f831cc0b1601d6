/* keys.c: uses of keys through the keeper against the provider bare in process.
 *
 * bench-keys software|softhsm|swtpm [MS]     a line a figure: name ours limit ratio, in uses a second
 *
 * Through the keeper: three processes, as in the service: an asker with 64 questions on
 * their way, the keeper's loop, and for a token the loop of its process. Bare: the
 * provider's functions, or the back end, called in this process. */
#include "base/clock.h"
#include "keeper/handle.h"
#include "provider/token.h"
#include "token_room.h"

#include <poll.h>
#include <time.h>

enum { PIPELINE = 64, USER = 1000, MEMORY = 4096 };

static struct token_room room;
static const struct key_provider *provider = &software_provider;
static unsigned place;
static int run_ms = 1000;

/* --- the token's process ---------------------------------------------------------- */

static void token_process(int fd)
{
	static struct token t;
	struct buf result = buf_make(8192);
	struct link l;
	struct message m;
	bool found;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(token_load(&t, bytes_str(room.uri)) == ERR_OK);
	must(secret_copy(BYTES("1234"), &t.pin) == ERR_OK);
	link_init(&l, fd, ROLE_TOKEN, ROLE_KEEPER, 0);
	while (link_wait(&l, -1) == ERR_OK && link_read(&l) == ERR_OK) {
		int64_t since = clock_steady();

		while (link_next(&l, &m, &found) == ERR_OK && found) {
			must(token_serve(&t, m.body, &result) == ERR_OK);
			must(link_send(&l, MSG_TOKEN_RESULT, m.ref, bytes_of_buf(&result)) == ERR_OK);
			if (clock_steady() - since < 1)
				continue;
			if (link_flush(&l) != ERR_OK || link_read(&l) != ERR_OK)
				_exit(0);
			since = clock_steady();
		}
		if (link_flush(&l) != ERR_OK)
			break;
	}
	_exit(0);
}

/* --- the keeper's process ------------------------------------------------------------- */

static err_t told(void *self, enum message_type type, struct bytes body)
{
	return ERR_OK;
}

/* who NULL: programs, through the door */
static void serve(struct keeper_state *ks, struct keeper_caller *who, struct keeper_caller *door,
                  struct link *l, struct buf *result)
{
	struct message m;
	bool found;
	err_t err;

	while (link_next(l, &m, &found) == ERR_OK && found) {
		/* the bound on calls of a program a second is not what is measured */
		for (size_t i = 0; !who && i < KEEPER_PROGRAM_USERS_MAX; i++) {
			if (ks->programs[i])
				bytes_zero(ks->programs[i]->rates, sizeof(ks->programs[i]->rates));
		}
		err = who ? keeper_ask(ks, who, m.ref, m.body, result)
		          : keeper_ask_program(ks, door, m.ref, m.body, result);
		if (err == ERR_OK)
			must(link_send(l, MSG_RESULT, m.ref, bytes_of_buf(result)) == ERR_OK);
	}
}

static void add(struct keeper_state *ks, struct bytes name, enum key_class class, uint32_t purposes)
{
	struct vault_key *made, key = vault_key_new(provider, class, ORIGIN_GENERATED, 0);

	key.purposes = purposes;
	key.owner = USER;
	key.key.place = place;
	key.key.use = class == KEY_EC_P256 ? PAIR_AGREE : purposes ? SECRET_SEAL : PAIR_ANY;
	must(provider->make(&key.key) == ERR_OK);
	must(vault_add(&ks->vault, name, &key, &made) == ERR_OK);
}

static void keeper_process(const int fd[3], int token_end)
{
	static const enum role roles[3] = { ROLE_GATE, ROLE_CORE, ROLE_DOOR };
	static struct keeper_state ks;
	struct buf pem = buf_make(16384), result = buf_make(KEEPER_RESULT_MAX);
	struct keeper_node node = { .sp = BYTES("//sp.example.org"), .cse = BYTES("/in-cse"), .days = 30,
		                    .passphrase = BYTES("a test passphrase"), .provider = provider,
		                    .place = place };
	struct keeper_caller *who[3] = { NULL };
	struct link links[3];
	uint64_t ref;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(keeper_start() == ERR_OK);
	keeper_init(&ks, -1);
	ks.notify = told;
	if (place)
		token_attach(place, token_end);
	must(keeper_make_node(&ks.vault, &node, &pem) == ERR_OK);
	add(&ks, BYTES("user/mac"), KEY_SYMMETRIC_32, 0);
	add(&ks, BYTES("app/1000/agree"), KEY_EC_P256, 1u << AGREE_PROGRAM);
	add(&ks, BYTES("app/1000/seal"), KEY_SYMMETRIC_32, 1u << SEAL_PROGRAM);
	for (int i = 0; i < 3; i++) {
		link_init(&links[i], fd[i], ROLE_KEEPER, roles[i], 0);
		must(keeper_caller_new(&ks, roles[i], 0, &who[i]) == ERR_OK);
	}
	for (;;) {
		struct pollfd p[4] = { { links[0].fd, POLLIN, 0 }, { links[1].fd, POLLIN, 0 },
			               { links[2].fd, POLLIN, 0 }, { place ? token_fd(place) : -1, POLLIN, 0 } };
		struct keeper_caller *asker;

		must(poll(p, 4, -1) > 0);
		for (int i = 0; i < 3; i++) {
			if (p[i].revents && link_read(&links[i]) != ERR_OK)
				_exit(0);
			/* the door's link carries the programs */
			serve(&ks, i == 2 ? NULL : who[i], who[2], &links[i], &result);
		}
		if (p[3].revents)
			token_read(place);
		while (keeper_next(&ks, &asker, &ref, &result) == ERR_OK && asker) {
			for (int i = 0; i < 3; i++)
				if (who[i] == asker)
					must(link_send(&links[i], MSG_RESULT, ref, bytes_of_buf(&result)) == ERR_OK);
		}
		token_flush();
		for (int i = 0; i < 3; i++)
			(void)(link_flush(&links[i]) == ERR_OK);
	}
}

/* --- the asker ---------------------------------------------------------------------------- */

static struct keeper asker[3];

static void start(void)
{
	int pair[2], mine[3], theirs[3], token[2];

	for (int i = 0; i < 3; i++) {
		must(link_pair(pair) == ERR_OK);
		mine[i] = pair[0];
		theirs[i] = pair[1];
	}
	must(link_pair(token) == ERR_OK);
	if (place && fork() == 0)
		token_process(token[0]);
	close(token[0]);
	if (fork() == 0)
		keeper_process(theirs, token[1]);
	close(token[1]);
	for (int i = 0; i < 3; i++) {
		close(theirs[i]);
		link_init(&asker[i].link, mine[i], i == 0 ? ROLE_GATE : i == 1 ? ROLE_CORE : ROLE_DOOR,
		          ROLE_KEEPER, 0);
	}
}

/* Uses a second with 64 on their way. */
static double rate(struct link *l, enum message_type type, struct bytes body)
{
	int64_t begin = clock_steady(), now = begin;
	uint64_t ref = 1000000, sent = 0, done = 0;
	struct message m;
	bool found;

	while (now - begin < run_ms || done < sent) {
		while (now - begin < run_ms && sent - done < PIPELINE && sent < 1u << 24) {
			must(link_send(l, type, ref++, body) == ERR_OK);
			sent++;
		}
		must(link_flush(l) == ERR_OK && link_wait(l, 20000) == ERR_OK && link_read(l) == ERR_OK);
		while (link_next(l, &m, &found) == ERR_OK && found) {
			if (m.type != MSG_RESULT)
				continue;
			if (m.body.p[0] != ERR_OK) {
				fprintf(stderr, "refused: %s\n", err_text((err_t)m.body.p[0]));
				exit(1);
			}
			done++;
		}
		now = clock_steady();
	}
	return (double)done * 1000 / (double)(now - begin);
}

static double through(unsigned link, enum operation op, struct bytes fields, bool program)
{
	struct buf body = buf_make(2048);
	struct wire_out w = wire_out(&body);
	double r;

	if (program) {
		wire_put_u32(&w, USER);
		wire_put_u32(&w, 0);
	}
	wire_put_u16(&w, (uint16_t)op);
	wire_put_fixed(&w, fields);
	must(w.err == ERR_OK);
	r = rate(&asker[link].link, program ? MSG_PROGRAM_CALL : MSG_CALL, bytes_of_buf(&body));
	buf_free(&body);
	return r;
}

/* --- bare ------------------------------------------------------------------------------------- */

enum what { SIGN, MAC, AGREE, GCM };

static double bare_software(enum what what, struct bytes input)
{
	struct provider_key k = { .class = what == MAC || what == GCM ? KEY_SYMMETRIC_32 : KEY_EC_P256 };
	struct buf out = buf_make(512);
	uint8_t result[32];
	int64_t begin = clock_steady(), now = begin;
	uint64_t n = 0;

	must(software_provider.make(&k) == ERR_OK && software_provider.load(&k) == ERR_OK);
	for (; now - begin < run_ms; now = clock_steady()) {
		for (int i = 0; i < 64; i++, n++) {
			buf_clear(&out);
			must((what == SIGN ? software_provider.sign(&k, input, &out)
			      : what == MAC ? software_provider.mac(&k, input, result)
			      : what == GCM ? software_provider.seal(&k, BYTES("additional"), input, &out)
			                    : software_provider.agree(&k, input, result)) == ERR_OK);
		}
	}
	return (double)n * 1000 / (double)(now - begin);
}

static double bare_token(enum what what, struct bytes input)
{
	static struct token t;
	uint8_t digest[32], out[64];
	struct buf sealed = buf_make(512);
	struct asking a = { .call = { 0 } };
	int64_t begin, now;
	struct room_key k;
	uint64_t n = 0;
	double r;

	must(room_open(&room, "1234", "bare", &t) == ERR_OK);
	must(room_make(&a, &t, what == MAC || what == GCM ? KEY_SYMMETRIC_32 : KEY_EC_P256,
	               what == AGREE ? PAIR_AGREE : what == GCM ? SECRET_SEAL : PAIR_SIGN, &k) == ERR_OK);
	for (now = begin = clock_steady(); now - begin < run_ms; now = clock_steady(), n++) {
		if (what == SIGN) {
			crypt_sha256(input, digest);
			must(room_sign(&a, &t, &k, BYTES_OF(digest), out) == ERR_OK);
		} else if (what == GCM) {
			buf_clear(&sealed);
			must(room_text(&a, &t, &k, TOKEN_SEAL, BYTES("additional"), input, &sealed) == ERR_OK);
		} else {
			must((what == MAC ? room_mac(&a, &t, &k, PART_KEY, input, out)
			                  : room_agree(&a, &t, &k, input.p, out)) == ERR_OK);
		}
	}
	r = (double)n * 1000 / (double)(now - begin);
	asking_end(&a);
	buf_free(&sealed);
	token_unload(&t);
	return r;
}

static double bare(enum what what, struct bytes input)
{
	return place ? bare_token(what, input) : bare_software(what, input);
}

/* --- figures ------------------------------------------------------------------------------------ */

static void print(const char *name, const char *where, double ours, double limit)
{
	printf("%s-%s %.1f %.1f %.3f\n", name, where, ours, limit, ours / limit);
	fflush(stdout);
}

static void measure(const char *where)
{
	struct buf fields = buf_make(1024), input = buf_make(256);
	uint8_t hash[32] = { 1 }, tag[KEEPER_TAG] = { 2 }, point[65], octets[256] = { 3 };
	struct bytes message = BYTES("holdfast check value");
	struct wire_out w = wire_out(&fields);
	struct keeper_key node;
	struct crypt_key peer;

	for (int i = 0; i < 64; i++)
		must(buf_add_byte(&input, ' ') == ERR_OK);
	must(buf_add(&input, BYTES("TLS 1.3, server CertificateVerify\0")) == ERR_OK);
	must(buf_add(&input, BYTES_OF(hash)) == ERR_OK);
	start();
	must(keeper_open_key(&asker[0], BYTES("node"), &node) == ERR_OK);
	wire_put_u32(&w, node.handle);
	wire_put_u8(&w, SIGN_TLS13_SERVER);
	wire_put_fixed(&w, BYTES_OF(tag));
	wire_put_bytes(&w, bytes_of_buf(&input));
	double ours = through(0, OP_SIGN, bytes_of_buf(&fields), false);
	/* the keeper stays idle meanwhile; a simulator serves one connection at a time */
	buf_clear(&fields);
	wire_put_bytes(&w, BYTES("user/mac"));
	double mac = through(1, OP_MAC_CHECK, bytes_of_buf(&fields), false);
	must(crypt_p256_new(&peer) == ERR_OK && crypt_p256_point(&peer, point) == ERR_OK);
	buf_clear(&fields);
	wire_put_bytes(&w, BYTES("app/1000/agree"));
	wire_put_bytes(&w, BYTES_OF(point));
	double agree = through(2, OP_PROGRAM_AGREE, bytes_of_buf(&fields), true);
	buf_clear(&fields);
	wire_put_bytes(&w, BYTES("app/1000/seal"));
	wire_put_bytes(&w, BYTES("additional"));
	wire_put_bytes(&w, BYTES_OF(octets));
	double gcm = through(2, OP_PROGRAM_SEAL, bytes_of_buf(&fields), true);
	for (int i = 0; i < 3; i++)
		link_close(&asker[i].link); /* the keeper ends, then the token's process */
	usleep(300000);
	print("sign", where, ours, bare(SIGN, bytes_of_buf(&input)));
	print("hmac", where, mac, bare(MAC, message));
	print("ecdh", where, agree, bare(AGREE, BYTES_OF(point)));
	print("aes-gcm-256-octets", where, gcm, bare(GCM, BYTES_OF(octets)));
	crypt_key_free(&peer);
	buf_free(&fields);
	buf_free(&input);
}

int main(int argc, char **argv)
{
	struct bytes where = bytes_str(argc > 1 ? argv[1] : "software");
	uint64_t ms;

	log_level_set(LOG_ERROR);
	crypt_start();
	if (argc > 2 && bytes_to_u64(bytes_str(argv[2]), 600000, &ms) == ERR_OK)
		run_ms = (int)ms;
	if (bytes_equal(where, BYTES("softhsm")))
		room_softhsm(&room);
	else if (bytes_equal(where, BYTES("swtpm")))
		room_swtpm(&room, "");
	if (room.folder[0]) {
		provider = &token_provider;
		place = 1;
	}
	measure(argc > 1 ? argv[1] : "software");
	if (room.folder[0])
		room_end(&room);
	return 0;
}
