/* keeper_calls: every function of wire/keeper_calls.h against a keeper at the
 * other end of a link, in a process of its own. */
#include "keeper_help.h"

#include <openssl/hmac.h>
#include <sys/wait.h>
#include <unistd.h>

static struct keeper gate, core, door;
static pid_t child;
static struct keeper_caller *of_link[3];

struct served {
	struct link link;
	struct bed *bed;
};

static err_t tell_core(void *self, enum message_type type, struct bytes body)
{
	struct link *links = self;

	return link_send(&links[0], type, 0, body);
}

/* Core, gate, door: answer until all are gone. The core's link is written first. */
static void serve(struct link *links)
{
	struct bed b;
	struct message m;
	bool found;
	static const enum role roles[] = { ROLE_CORE, ROLE_GATE, ROLE_DOOR };
	int alive = 3;

	bed_init(&b, -1);
	if (bed_make(&b) != ERR_OK)
		_exit(2);
	b.ks.notify = tell_core;
	b.ks.notify_self = links;
	for (int i = 0; i < 3; i++)
		of_link[i] = b.by[roles[i]];
	while (alive) {
		alive = 0;
		for (int i = 0; i < 3; i++) {
			if (links[i].dead || link_wait(&links[i], 1) == ERR_CLOSED || link_read(&links[i]) != ERR_OK)
				continue;
			alive++;
			while (link_next(&links[i], &m, &found) == ERR_OK && found) {
				must(keeper_ask(&b.ks, of_link[i], m.ref, m.body, &b.out) == ERR_OK);
				must(link_send(&links[i], MSG_RESULT, m.ref, bytes_of_buf(&b.out)) == ERR_OK);
			}
			must(link_flush(&links[0]) == ERR_OK || links[0].dead);
			if (link_flush(&links[i]) != ERR_OK)
				links[i].dead = true;
		}
	}
	bed_end(&b);
	for (int i = 0; i < 3; i++)
		link_close(&links[i]);
	_exit(0);
}

static struct buf used, event;

static void on_used(void *self, struct bytes body)
{
	buf_clear(&used);
	assert_int_equal(buf_add(&used, body), ERR_OK);
}

static void on_event(void *self, struct bytes body)
{
	buf_clear(&event);
	assert_int_equal(buf_add(&event, body), ERR_OK);
}

static int setup(void **state)
{
	static const enum role roles[] = { ROLE_CORE, ROLE_GATE, ROLE_DOOR };
	struct keeper *mine[] = { &core, &gate, &door };
	struct link theirs[3];
	int fds[3][2];

	for (int i = 0; i < 3; i++)
		assert_int_equal(link_pair(fds[i]), ERR_OK);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 3; i++) {
			close(fds[i][0]);
			link_init(&theirs[i], fds[i][1], ROLE_KEEPER, roles[i], 1);
		}
		serve(theirs);
	}
	for (int i = 0; i < 3; i++) {
		close(fds[i][1]);
		link_init(&mine[i]->link, fds[i][0], roles[i], ROLE_KEEPER, 0);
	}
	used = buf_make(256);
	event = buf_make(256);
	core.notice = on_used;
	core.event = on_event;
	return child < 0;
}

static int teardown(void **state)
{
	int status;

	link_close(&core.link);
	link_close(&gate.link);
	link_close(&door.link);
	buf_free(&used);
	buf_free(&event);
	return waitpid(child, &status, 0) != child || status != 0;
}

static void public_of(const char *name, uint8_t out[65])
{
	struct keeper_key_row row = { .more = true };
	struct buf result = buf_make(4096);

	for (uint32_t i = 0; row.more; i++) {
		uint8_t index[4];

		put_be32(index, i);
		assert_int_equal(keeper_call(&door, OP_KEY_LIST, BYTES_OF(index), &result), ERR_OK);
		assert_int_equal(keeper_key_row_read(bytes_of_buf(&result), &row), ERR_OK);
		if (bytes_equal(row.name, bytes_str(name))) {
			bytes_copy(out, row.public_key.p, row.public_key.n);
			buf_free(&result);
			return;
		}
	}
	fail();
}

static void test_status(void **state)
{
	struct keeper_status s;

	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	assert_false(s.locked);
	assert_int_equal(s.level, 1);
	assert_int_equal(s.keys, 5);
	assert_int_equal(s.generation, 1);
	assert_string_equal(s.provider, "software");
	assert_int_equal(keeper_status(&door, &s), ERR_OK);
	assert_int_equal(keeper_status(&gate, &s), ERR_REFUSED);
}

static void test_sign(void **state)
{
	struct bytes text = BYTES("TLS 1.3, server CertificateVerify");
	struct buf signature = buf_make(256);
	uint8_t input[64 + 33 + 1 + 32] = { 0 };
	struct keeper_key key;

	for (int i = 0; i < 64; i++)
		input[i] = ' ';
	bytes_copy(input + 64, text.p, text.n);
	assert_int_equal(keeper_open_key(&gate, BYTES("node"), &key), ERR_OK);
	assert_int_equal(key.class, KEY_EC_P256);
	assert_int_equal(key.public_n, 65);
	assert_int_equal(keeper_sign(&gate, key.handle, SIGN_TLS13_SERVER, TAG, BYTES_OF(input), &signature), ERR_OK);
	assert_int_equal(crypt_p256_verify(key.public_key, BYTES_OF(input), bytes_of_buf(&signature)), ERR_OK);
	/* told before the answer came, so it is there to be read */
	assert_int_equal(keeper_drain(&core), ERR_OK);
	assert_int_equal(used.p[0], ROLE_GATE);
	assert_bytes(bytes_make(used.p + 2, KEEPER_TAG), BYTES_OF(TAG));
	assert_int_equal(keeper_sign(&gate, key.handle, SIGN_TLS12_SERVER, TAG, BYTES_OF(input), &signature), ERR_REFUSED);
	assert_int_equal(keeper_close_handle(&gate, key.handle), ERR_OK);
	assert_int_equal(keeper_close_handle(&gate, key.handle), ERR_MISSING);
	buf_free(&signature);
}

static void seal(struct bytes identity, struct bytes key, struct buf *out)
{
	struct bed b = { 0 };
	struct vault_key import = { .provider = &software_provider };
	uint32_t slots[2] = { 0 };
	struct vault_key *keys[] = { &import };

	/* only the public part is needed: a vault of one */
	assert_int_equal(bytes_put_str(import.name, sizeof(import.name), BYTES("import")), ERR_OK);
	public_of("import", import.key.public_key);
	b.ks.vault = (struct vault){ .keys = keys, .keys_n = 1, .slots = slots, .slots_n = 2 };
	slots[hash_bytes(&b.ks.vault.hash, BYTES("import")) & 1] = 1;
	seal_psk(&b, identity, key, out);
}

static void test_psk(void **state)
{
	static const uint8_t psk[32] = "thirty-two octets of shared key!";
	uint8_t nothing[32], early[32], step[32], want[32], got[48], ecdhe[32] = { 9 };
	struct buf sealed = buf_make(256), name = buf_make(256), id = buf_make(64);
	struct keeper_derive km = { DERIVE_KM, BYTES("psk/net@demo.example"), BYTES("maf"), BYTES_NONE };
	struct keeper_shown shown;
	uint32_t p;
	uint8_t check[4];
	size_t n;

	seal(BYTES("net@demo.example"), BYTES_OF(psk), &sealed);
	assert_int_equal(keeper_import_psk(&core, BYTES("net@demo.example"), bytes_of_buf(&sealed), tomorrow(), &name), ERR_OK);
	assert_bytes(bytes_of_buf(&name), BYTES("psk/net@demo.example"));
	assert_int_equal(get_be16(event.p), OP_IMPORT_PSK);
	crypt_sha256(BYTES_NONE, nothing);
	assert_int_equal(keeper_psk_open(&gate, BYTES("net@demo.example"), TAG, &p, &n), ERR_OK);
	assert_int_equal(n, 32);
	assert_int_equal(keeper_psk_open(&gate, BYTES("nobody"), TAG, &p, &n), ERR_MISSING);
	assert_int_equal(keeper_psk_open(&gate, BYTES("net@demo.example"), TAG, &p, &n), ERR_OK);
	crypt_hkdf_extract(BYTES_NONE, BYTES_OF(psk), early);
	crypt_expand_label(BYTES_OF(early), BYTES("ext binder"), BYTES_OF(nothing), step, 32);
	crypt_expand_label(BYTES_OF(step), BYTES("finished"), BYTES_NONE, want, 32);
	crypt_hmac_sha256(BYTES_OF(want), BYTES_OF(ecdhe), step);
	assert_int_equal(keeper_handshake_secret(&gate, p, BYTES_OF(ecdhe), got), ERR_REFUSED);
	shown = (struct keeper_shown){ BYTES("net@demo.example"), BYTES_OF(ecdhe), BYTES_OF(want), TAG };
	assert_int_equal(keeper_binder(&gate, &shown, &p), ERR_REFUSED);
	shown.binder = BYTES_OF(step);
	assert_int_equal(keeper_binder(&gate, &shown, &p), ERR_OK);
	assert_int_equal(keeper_handshake_secret(&gate, p, BYTES_NONE, got), ERR_REFUSED);
	assert_int_equal(keeper_handshake_secret(&gate, p, BYTES_OF(ecdhe), got), ERR_OK);
	crypt_expand_label(BYTES_OF(early), BYTES("derived"), BYTES_OF(nothing), step, 32);
	crypt_hkdf_extract(BYTES_OF(step), BYTES_OF(ecdhe), want);
	assert_memory_equal(got, want, 32);
	assert_int_equal(keeper_handshake_secret(&gate, p, BYTES_OF(ecdhe), got), ERR_MISSING);
	assert_int_equal(keeper_psk_open(&gate, BYTES("net@demo.example"), TAG, &p, &n), ERR_OK);
	assert_int_equal(keeper_tls12_master(&gate, p, 1, BYTES_NONE, BYTES_OF(nothing), got), ERR_REFUSED);
	assert_int_equal(keeper_tls12_master(&gate, p, 0, BYTES_NONE, BYTES_OF(nothing), got), ERR_OK);
	assert_int_equal(keeper_psk_open(&gate, BYTES("net@demo.example"), TAG, &p, &n), ERR_OK);
	assert_int_equal(keeper_check_value(&core, BYTES("psk/net@demo.example"), check), ERR_OK);
	crypt_hmac_sha256(BYTES_OF(psk), BYTES("holdfast check value"), want);
	assert_memory_equal(check, want, 4);
	buf_clear(&name);
	assert_int_equal(keeper_derive(&core, &km, &name, &id), ERR_OK);
	assert_true(bytes_starts(bytes_of_buf(&name), BYTES("psk/net@demo.example/1/")));
	assert_int_equal(id.n, 0);
	assert_int_equal(keeper_destroy(&core, BYTES("psk/net@demo.example")), ERR_OK);
	assert_int_equal(keeper_check_value(&core, bytes_of_buf(&name), check), ERR_MISSING);
	assert_int_equal(keeper_binder(&gate, &shown, &p), ERR_MISSING);
	buf_free(&sealed);
	buf_free(&name);
	buf_free(&id);
}

static void test_core(void **state)
{
	uint8_t key[32], again[32], hash[32] = { 7 };
	struct buf sealed = buf_make(SEALED_KEY_MAX);
	struct keeper_anchor a;

	assert_int_equal(keeper_data_key_new(&core, key, &sealed), ERR_OK);
	assert_int_equal(keeper_data_key_open(&core, bytes_of_buf(&sealed), again), ERR_OK);
	assert_memory_equal(key, again, 32);
	assert_int_equal(keeper_index_key(&core, BYTES("rn"), key), ERR_OK);
	assert_int_equal(keeper_index_key(&core, BYTES("rn"), again), ERR_OK);
	assert_memory_equal(key, again, 32);
	assert_int_equal(keeper_anchor_read(&core, &a), ERR_OK);
	assert_true(a.sequence == 0 && a.signature_n == 0 && a.at == 0);
	assert_int_equal(keeper_anchor(&core, 9, hash, &a), ERR_OK);
	assert_true(a.sequence == 9 && a.signature_n > 60 && a.at > 0);
	assert_memory_equal(a.hash, hash, 32);
	assert_int_equal(keeper_anchor(&core, 8, hash, &a), ERR_ROLLBACK);
	assert_int_equal(keeper_anchor_read(&core, &a), ERR_OK);
	assert_int_equal(a.sequence, 9);
	buf_free(&sealed);
}

static void test_certify(void **state)
{
	struct keeper_certify ask_for = { .kind = CERTIFY_AE, .subject = BYTES("//sp.example.org/in-cse/Cdev"),
		                          .not_after = tomorrow() };
	struct buf proof = buf_make(256), message = buf_make(256), der = buf_make(4096);
	struct crypt_key device;
	uint8_t point[65];

	assert_int_equal(crypt_p256_new(&device), ERR_OK);
	assert_int_equal(crypt_p256_point(&device, point), ERR_OK);
	assert_int_equal(buf_add(&message, BYTES("holdfast enrolment\0\1//sp.example.org/in-cse/Cdev")), ERR_OK);
	assert_int_equal(buf_add(&message, BYTES_OF(point)), ERR_OK);
	assert_int_equal(crypt_p256_sign(&device, bytes_of_buf(&message), &proof), ERR_OK);
	ask_for.public_key = BYTES_OF(point);
	assert_int_equal(keeper_certify(&core, &ask_for, &der), ERR_TAMPERED);
	ask_for.proof = bytes_of_buf(&proof);
	assert_int_equal(keeper_certify(&core, &ask_for, &der), ERR_OK);
	assert_true(der.n > 300 && der.p[0] == 0x30);
	assert_int_equal(keeper_certify(&gate, &ask_for, &der), ERR_REFUSED);
	assert_int_equal(keeper_drain(&core), ERR_OK);
	assert_int_equal(event.p[2], ROLE_GATE);
	crypt_key_free(&device);
	buf_free(&proof);
	buf_free(&message);
	buf_free(&der);
}

/* Of a message that came in parts, one copy is there: the reader's to wipe. */
static void test_no_copy_of_a_begun_message(void **state)
{
	static const struct bytes mark = { (const uint8_t *)"a secret in the middle of a message", 35 };
	uint8_t body[2000] = { 0 }, whole[2 * (WIRE_HEAD + sizeof(body))] = { 0 };
	size_t one = WIRE_HEAD + sizeof(body), found_n = 0;
	struct link l;
	struct message m;
	bool found;
	int fd[2];

	bytes_copy(body + 100, mark.p, mark.n);
	for (size_t i = 0; i < 2; i++) {
		put_be32(whole + i * one, sizeof(body));
		put_be16(whole + i * one + 4, MSG_RESULT);
		put_be64(whole + i * one + 8, 7 + i);
	}
	bytes_copy(whole + one + WIRE_HEAD, body, sizeof(body));
	assert_int_equal(link_pair(fd), ERR_OK);
	link_init(&l, fd[0], ROLE_CORE, ROLE_KEEPER, 0);
	for (uint64_t ref = 7; ref < 9; ref++)
		assert_int_equal(link_send(&l, MSG_CALL, ref, BYTES("?")), ERR_OK);
	assert_int_equal(write(fd[1], whole, one + 1000), one + 1000);
	assert_int_equal(link_read(&l), ERR_OK);
	assert_int_equal(link_next(&l, &m, &found), ERR_OK);
	assert_true(found);
	assert_int_equal(link_next(&l, &m, &found), ERR_OK);
	assert_false(found);
	assert_int_equal(write(fd[1], whole + one + 1000, one - 1000), one - 1000);
	assert_int_equal(link_read(&l), ERR_OK);
	assert_int_equal(link_next(&l, &m, &found), ERR_OK);
	assert_true(found);
	for (size_t i = 0; i + mark.n <= one + 1000; i++)
		found_n += bytes_equal(bytes_make(l.in.p + i, mark.n), mark);
	assert_int_equal(found_n, 1);
	link_close(&l);
	close(fd[1]);
}

static void test_keeper_gone(void **state)
{
	struct keeper_status s;
	struct keeper lost = { 0 };
	int fd[2];

	assert_int_equal(link_pair(fd), ERR_OK);
	link_init(&lost.link, fd[0], ROLE_CORE, ROLE_KEEPER, 0);
	close(fd[1]);
	assert_int_equal(keeper_status(&lost, &s), ERR_CLOSED);
	assert_int_equal(keeper_drain(&lost), ERR_CLOSED);
	link_close(&lost.link);
}

/* A keeper that hangs costs one wait, not one for every question, until it answers again. */
static void test_keeper_silent(void **state)
{
	static const uint8_t status[] = { ERR_MISSING };
	struct buf result = buf_make(64);
	struct keeper k = { 0 };
	struct link far;
	int fds[2];
	int64_t began;

	assert_int_equal(link_pair(fds), ERR_OK);
	link_init(&k.link, fds[0], ROLE_CORE, ROLE_KEEPER, 0);
	link_init(&far, fds[1], ROLE_KEEPER, ROLE_CORE, 0);
	/* a question whose asker gave up */
	assert_int_equal(link_send(&k.link, MSG_CALL, ++k.next_ref, BYTES("\0\1")), ERR_OK);
	began = clock_steady();
	for (int i = 0; i < 3; i++)
		assert_int_equal(keeper_call(&k, OP_STATUS, BYTES_NONE, &result), ERR_TIMEOUT);
	assert_true(clock_steady() - began < KEEPER_WAIT_MS / 2);
	/* its answer, late */
	assert_int_equal(link_send(&far, MSG_RESULT, k.next_ref - 3, BYTES_OF(status)), ERR_OK);
	assert_int_equal(link_flush(&far), ERR_OK);
	assert_int_equal(keeper_drain(&k), ERR_OK);
	assert_int_equal(link_send(&far, MSG_RESULT, k.next_ref + 1, BYTES_OF(status)), ERR_OK);
	assert_int_equal(link_flush(&far), ERR_OK);
	assert_int_equal(keeper_call(&k, OP_STATUS, BYTES_NONE, &result), ERR_MISSING);
	/* a keeper that was started again owes nothing */
	assert_int_equal(link_send(&k.link, MSG_CALL, ++k.next_ref, BYTES("\0\1")), ERR_OK);
	link_close(&far);
	assert_int_equal(keeper_call(&k, OP_STATUS, BYTES_NONE, &result), ERR_CLOSED);
	link_close(&k.link);
	buf_free(&result);
}

/* What comes in one read with an answer is taken with it: nothing else would wake who asked. */
static void test_behind_an_answer(void **state)
{
	static const uint8_t answers[][2] = { { ERR_OK, 7 }, { ERR_MISSING, 7 } };
	struct keeper k = { .event = on_event };
	struct buf result = buf_make(64);
	struct link far;
	int fds[2];

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		assert_int_equal(link_pair(fds), ERR_OK);
		link_init(&k.link, fds[0], ROLE_CORE, ROLE_KEEPER, 0);
		link_init(&far, fds[1], ROLE_KEEPER, ROLE_CORE, 0);
		buf_clear(&event);
		assert_int_equal(link_send(&far, MSG_RESULT, k.next_ref + 1, BYTES_OF(answers[i])), ERR_OK);
		assert_int_equal(link_send(&far, MSG_KEEPER_EVENT, 0, BYTES("an event")), ERR_OK);
		assert_int_equal(link_flush(&far), ERR_OK);
		assert_int_equal(keeper_call(&k, OP_STATUS, BYTES_NONE, &result), answers[i][0]);
		assert_int_equal(result.n, answers[i][0] == ERR_OK);
		assert_true(bytes_equal(bytes_of_buf(&event), BYTES("an event")));
		link_close(&k.link);
		link_close(&far);
	}
	buf_free(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_psk),
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_certify),
		cmocka_unit_test(test_no_copy_of_a_begun_message),
		cmocka_unit_test(test_behind_an_answer),
		cmocka_unit_test(test_keeper_gone),
		cmocka_unit_test(test_keeper_silent),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
