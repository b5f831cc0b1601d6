/* keeper_process: the real holdfast-keeper in its sandbox; this test is its
 * parent and its neighbours. Run in the build folder. */
#include "keeper_help.h"

#include "role/common/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/holdfast-keeper-XXXXXX";
static struct link control;
static struct keeper core, gate, other_gate;
static const char *share; /* keeper.share_gate; NULL: as it is when nothing is said */
static pid_t child;

/* A descriptor to read the text from. */
static int text_fd(const char *text)
{
	struct bytes b = bytes_str(text);
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], b.p, b.n), b.n);
	close(fd[1]);
	return fd[0];
}

static int wait_for(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* holdfast-keeper --init ..., its output in `out`; returns the exit code. */
static int init(const char *passphrase, const char *sp, struct buf *out)
{
	int fd = text_fd(passphrase), result[2];
	uint8_t part[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(result), 0);
	pid = fork();
	if (pid == 0) {
		if (dup2(result[1], 1) < 0 || dup2(fd, 5) < 0)
			_exit(99);
		close(result[0]);
		execl("./holdfast-keeper", "holdfast-keeper", "--init", folder, "--sp", sp, "--cse-id",
		      "/in-cse", "--passphrase-fd", "5", (char *)NULL);
		_exit(98);
	}
	close(result[1]);
	close(fd);
	while ((n = read(result[0], part, sizeof(part))) > 0)
		assert_int_equal(buf_add(out, bytes_make(part, (size_t)n)), ERR_OK);
	close(result[0]);
	return wait_for(pid);
}

static void give(enum worker_link what, enum role peer, unsigned number, int fd)
{
	uint8_t body[4] = { (uint8_t)what, (uint8_t)peer, (uint8_t)number, 0 };

	assert_int_equal(link_flush(&control), ERR_OK);
	assert_int_equal(link_send_fd(&control, MSG_LINK, 0, BYTES_OF(body), fd), ERR_OK);
	close(fd);
}

static void neighbour(struct keeper *k, enum role role, unsigned number)
{
	int fd[2];

	link_close(&k->link);
	assert_int_equal(link_pair(fd), ERR_OK);
	link_init(&k->link, fd[0], role, ROLE_KEEPER, 0);
	give(WORKER_LINK_NEIGHBOUR, role, number, fd[1]);
}

static void send_start(unsigned links)
{
	struct buf body = buf_make(65536);
	struct wire_out w = wire_out(&body);
	struct options options;
	unsigned flags = 0;

#ifdef HOLDFAST_SANITIZE
	flags = WORKER_NO_SECCOMP;
#endif
	wire_put_u8(&w, 0);
	wire_put_u32(&w, geteuid());
	wire_put_u32(&w, geteuid());
	wire_put_bytes(&w, bytes_str(folder));
	wire_put_u8(&w, (uint8_t)flags);
	wire_put_u8(&w, (uint8_t)links);
	assert_int_equal(w.err, ERR_OK);
	assert_int_equal(options_init(&options), ERR_OK);
	if (share)
		assert_int_equal(options_set(&options, BYTES("keeper.share_gate"), bytes_str(share)), ERR_OK);
	assert_int_equal(options_write(&options, ROLE_KEEPER, false, &body), ERR_OK);
	assert_int_equal(link_send(&control, MSG_START, 0, bytes_of_buf(&body)), ERR_OK);
	assert_int_equal(link_flush(&control), ERR_OK);
	options_free(&options);
	buf_free(&body);
}

static struct buf used;

static void on_used(void *self, struct bytes body)
{
	buf_clear(&used);
	assert_int_equal(buf_add(&used, body), ERR_OK);
}

/* Start it; passphrase NULL: none is given. Returns when it said READY. */
static void start(const char *passphrase)
{
	struct message m;
	bool found = false;
	int fd[2];

	assert_int_equal(link_pair(fd), ERR_OK);
	child = fork();
	if (child == 0) {
		if (fd[1] != WORKER_CONTROL_FD && dup2(fd[1], WORKER_CONTROL_FD) < 0)
			_exit(99);
		(void)fcntl(WORKER_CONTROL_FD, F_SETFD, 0);
		execl("./holdfast-keeper", "holdfast-keeper", (char *)NULL);
		_exit(98);
	}
	close(fd[1]);
	link_init(&control, fd[0], ROLE_PARENT, ROLE_KEEPER, 0);
	send_start(passphrase ? 4 : 3);
	if (passphrase)
		give(WORKER_LINK_PASSPHRASE, ROLE_PARENT, 0, text_fd(passphrase));
	give(WORKER_LINK_DIRECTORY, ROLE_PARENT, 0, open(folder, O_RDONLY | O_DIRECTORY));
	neighbour(&core, ROLE_CORE, 0);
	neighbour(&gate, ROLE_GATE, 1);
	core.notice = on_used;
	while (!found) {
		assert_int_equal(link_wait(&control, 20000), ERR_OK);
		assert_int_equal(link_read(&control), ERR_OK);
		assert_int_equal(link_next(&control, &m, &found), ERR_OK);
	}
	assert_int_equal(m.type, MSG_READY);
}

static void stop(void)
{
	assert_int_equal(link_send(&control, MSG_STOP, 0, BYTES_NONE), ERR_OK);
	assert_int_equal(link_flush(&control), ERR_OK);
	assert_int_equal(wait_for(child), 0);
	link_close(&control);
	link_close(&core.link);
	link_close(&gate.link);
}

static err_t sign(const uint8_t tag[KEEPER_TAG])
{
	struct bytes text = BYTES("TLS 1.3, server CertificateVerify");
	struct buf signature = buf_make(256);
	uint8_t input[64 + 33 + 1 + 32] = { 0 };
	struct keeper_key key;
	err_t err;

	for (int i = 0; i < 64; i++)
		input[i] = ' ';
	bytes_copy(input + 64, text.p, text.n);
	TRY(keeper_open_key(&gate, BYTES("node"), &key));
	TRY(keeper_sign(&gate, key.handle, SIGN_TLS13_SERVER, tag, BYTES_OF(input), &signature));
	TRY(crypt_p256_verify(key.public_key, BYTES_OF(input), bytes_of_buf(&signature)));
	TRY(keeper_close_handle(&gate, key.handle));
out:
	buf_free(&signature);
	return err;
}

static int setup(void **state)
{
	used = buf_make(256);
	link_init(&core.link, -1, ROLE_CORE, ROLE_KEEPER, 0);
	link_init(&gate.link, -1, ROLE_GATE, ROLE_KEEPER, 0);
	crypt_start();
	return !mkdtemp(folder);
}

static int teardown(void **state)
{
	int dir = open(folder, O_RDONLY | O_DIRECTORY);

	(void)unlinkat(dir, "keystore", 0);
	(void)unlinkat(dir, "counter", 0);
	close(dir);
	buf_free(&used);
	return rmdir(folder);
}

/* --- tests ------------------------------------------------------------------------ */

static void test_init(void **state)
{
	struct buf out = buf_make(65536);
	struct bytes begin_line = BYTES("-----BEGIN CERTIFICATE-----\n");

	assert_int_equal(init("short\n", "//demo.example", &out), 1);
	assert_int_equal(init("\n", "//demo.example", &out), 1);
	assert_int_equal(init("long enough\n", "demo.example", &out), 1);
	assert_int_equal(out.n, 0);
	assert_int_equal(init("long enough\n", "//demo.example", &out), 0);
	assert_true(bytes_starts(bytes_of_buf(&out), begin_line));
	assert_true(bytes_ends(bytes_of_buf(&out), BYTES("-----END CERTIFICATE-----\n")));
	buf_clear(&out);
	assert_int_equal(init("long enough\n", "//demo.example", &out), 1);
	assert_int_equal(out.n, 0);
	buf_free(&out);
}

static void test_serves_and_keeps(void **state)
{
	struct keeper_status s;
	struct buf name = buf_make(256), id = buf_make(64);
	uint8_t exported[48] = { 1, 2, 3 };
	struct keeper_derive export = { .derivation = DERIVE_EXPORTER, .first = BYTES_OF(exported) };
	uint64_t generation;

	start("long enough\r\n");
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	assert_false(s.locked);
	generation = s.generation;
	assert_int_equal(sign(TAG), ERR_OK);
	assert_int_equal(keeper_drain(&core), ERR_OK);
	assert_int_equal(used.p[0], ROLE_GATE);
	assert_bytes(bytes_make(used.p + 2, KEEPER_TAG), BYTES_OF(TAG));
	/* writes its file inside the sandbox */
	assert_int_equal(keeper_derive(&core, &export, &name, &id), ERR_OK);
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	assert_int_equal(s.generation, generation + 1);
	assert_int_equal(s.keys, 6);
	stop();
	start("long enough");
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	assert_false(s.locked);
	assert_int_equal(s.keys, 6);
	assert_true(s.generation >= generation + 1);
	assert_int_equal(keeper_destroy(&core, bytes_of_buf(&name)), ERR_OK);
	stop();
	buf_free(&name);
	buf_free(&id);
}

static void test_notice_is_before_the_answer(void **state)
{
	start("long enough");
	for (uint8_t i = 0; i < 200; i++) {
		uint8_t tag[KEEPER_TAG] = { i };

		assert_int_equal(sign(tag), ERR_OK);
		used.n = 0;
		assert_int_equal(keeper_drain(&core), ERR_OK);
		assert_int_equal(used.p[2], i);
		assert_true(used.n > 0);
	}
	stop();
}

static void test_locked(void **state)
{
	static const char *const wrong[] = { NULL, "long enougi", "", "\n" };
	static const char *const why[] = { "there is no passphrase", "wrong passphrase" };
	struct keeper_status s;

	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		start(wrong[i]);
		assert_int_equal(keeper_status(&core, &s), ERR_OK);
		assert_true(s.locked);
		assert_int_equal(s.keys, 0);
		assert_string_equal(s.why, why[i == 1]);
		assert_int_equal(sign(TAG), ERR_LOCKED);
		stop();
	}
}

static void test_a_bad_neighbour_falls_alone(void **state)
{
	uint8_t call[] = { 0, OP_STATUS };
	struct keeper_status s;
	err_t err = ERR_OK;

	start("long enough");
	assert_int_equal(sign(TAG), ERR_OK);
	/* a gate that poses as the keeper: the row does not allow it */
	gate.link.self = ROLE_KEEPER;
	gate.link.peer = ROLE_CORE;
	assert_int_equal(link_send(&gate.link, MSG_CREDENTIAL_USED, 0, BYTES_OF(call)), ERR_OK);
	assert_int_equal(link_flush(&gate.link), ERR_OK);
	gate.link.self = ROLE_GATE;
	gate.link.peer = ROLE_KEEPER;
	assert_int_equal(sign(TAG), ERR_CLOSED);
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	/* its successor is served; the handles of the old one are gone */
	neighbour(&gate, ROLE_GATE, 1);
	assert_int_equal(sign(TAG), ERR_OK);
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	assert_int_equal(s.handles, 0);
	/* without a core to tell, nothing is signed */
	link_close(&core.link);
	for (int i = 0; i < 2000 && (err = sign(TAG)) == ERR_OK; i++)
		usleep(10000); /* until it has seen that */
	assert_int_equal(err, ERR_CLOSED);
	neighbour(&core, ROLE_CORE, 0);
	assert_int_equal(sign(TAG), ERR_OK);
	stop();
}

/* --- shares ---------------------------------------------------------------------- */

static struct bytes handshake_input(void)
{
	static uint8_t input[64 + 33 + 1 + 32];
	struct bytes text = BYTES("TLS 1.3, server CertificateVerify");

	for (int i = 0; i < 64; i++)
		input[i] = ' ';
	bytes_copy(input + 64, text.p, text.n);
	return BYTES_OF(input);
}

static void put_sign(struct buf *body, uint32_t handle)
{
	struct wire_out w = wire_out(body);

	wire_put_u16(&w, OP_SIGN);
	wire_put_u32(&w, handle);
	wire_put_u8(&w, SIGN_TLS13_SERVER);
	wire_put_fixed(&w, BYTES_OF(TAG));
	wire_put_bytes(&w, handshake_input());
	assert_int_equal(w.err, ERR_OK);
}

/* Keep so many calls under way; returns how many were answered since. */
static unsigned exchange(struct keeper *k, struct bytes call, unsigned under_way, unsigned *open)
{
	static uint64_t ref = 1000;
	unsigned answered = 0;
	struct message m;
	bool found;

	for (; *open < under_way; ++*open)
		assert_int_equal(link_send(&k->link, MSG_CALL, ref++, call), ERR_OK);
	assert_int_equal(link_flush(&k->link), ERR_OK);
	assert_int_not_equal(link_wait(&k->link, 1000), ERR_CLOSED);
	assert_int_equal(link_read(&k->link), ERR_OK);
	while (link_next(&k->link, &m, &found) == ERR_OK && found) {
		assert_int_equal(m.body.p[0], ERR_OK);
		answered++;
	}
	*open -= answered;
	return answered;
}

/* A captured gate: as many signatures as it can ask for. */
static _Noreturn void flood(uint32_t handle)
{
	struct buf body = buf_make(1024);
	unsigned open = 0;

	put_sign(&body, handle);
	for (;;)
		(void)exchange(&gate, bytes_of_buf(&body), 512, &open);
}

static _Noreturn void drain_core(void)
{
	while (link_wait(&core.link, 10000) != ERR_CLOSED && keeper_drain(&core) == ERR_OK)
		;
	_exit(1);
}

/* Signatures that another gate has, 32 at a time, in half a second of such a flood. */
static unsigned signed_in_flood(const char *of_a_second)
{
	struct buf body = buf_make(1024);
	struct keeper_key key, other;
	unsigned n = 0, open = 0;
	pid_t drain, captured;
	int64_t end;

	share = of_a_second;
	start("long enough");
	link_init(&other_gate.link, -1, ROLE_GATE, ROLE_KEEPER, 0);
	neighbour(&other_gate, ROLE_GATE, 2);
	assert_int_equal(keeper_open_key(&gate, BYTES("node"), &key), ERR_OK);
	assert_int_equal(keeper_open_key(&other_gate, BYTES("node"), &other), ERR_OK);
	put_sign(&body, other.handle);
	drain = fork();
	if (drain == 0)
		drain_core();
	captured = fork();
	if (captured == 0)
		flood(key.handle);
	usleep(700000); /* what was saved up is used */
	for (end = clock_steady() + 500; clock_steady() < end;) {
		for (unsigned left = 32; left;)
			left -= exchange(&other_gate, bytes_of_buf(&body), left, &open);
		n += 32;
	}
	kill(captured, SIGKILL);
	kill(drain, SIGKILL);
	(void)wait_for(captured);
	(void)wait_for(drain);
	link_close(&other_gate.link);
	stop();
	share = NULL;
	buf_free(&body);
	return n;
}

/* One gate asks without end, and another goes on. How much better than without shares is
 * the machine's to say, when it has nothing else to do; who is put behind whom: keeper_program. */
static void test_a_flood_does_not_starve_another(void **state)
{
	unsigned without = signed_in_flood("0"), with = signed_in_flood(NULL);

	print_message("signatures of another gate in half a second of a flood: %u without shares, %u with\n",
	              without, with);
	assert_true(with >= 32);
}

static ino_t keystore_is(void)
{
	struct stat st;
	char path[64];

	must(text_print(path, sizeof(path), "%s/keystore", folder));
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

/* A token comes; the first that it is told. ERR_CLOSED: nothing. */
static err_t token_comes(struct link *token, struct message *m)
{
	bool found = false;
	int fd[2];
	err_t err = ERR_OK;

	assert_int_equal(link_pair(fd), ERR_OK);
	link_init(token, fd[0], ROLE_TOKEN, ROLE_KEEPER, 0);
	give(WORKER_LINK_NEIGHBOUR, ROLE_TOKEN, 1, fd[1]);
	while (!found && err == ERR_OK) {
		assert_int_equal(link_wait(token, 10000), ERR_OK);
		TRY(link_read(token));
		err = link_next(token, m, &found);
	}
out:
	return err;
}

/* A token comes and says nothing: the secret that it is paired by is on disk before it
 * leaves, or does not leave, and nobody else waits for it. */
static void test_a_silent_token(void **state)
{
	struct message m = { 0 };
	struct keeper_status s;
	struct link token;
	int64_t since;
	char path[64];
	ino_t before;

	start("long enough");
	since = clock_steady();
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	before = keystore_is();
	/* a directory stands where the new file would */
	must(text_print(path, sizeof(path), "%s/keystore.new", folder));
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(token_comes(&token, &m), ERR_CLOSED);
	link_close(&token);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(token_comes(&token, &m), ERR_OK);
	assert_int_equal(m.type, MSG_TOKEN_CALL);
	assert_int_equal(m.body.p[m.body.n - 1], 1); /* its first */
	assert_true(keystore_is() != before);
	assert_int_equal(keeper_status(&core, &s), ERR_OK);
	assert_true(clock_steady() - since < 20000); /* which a question to a token may take */
	link_close(&token);
	stop();
}

static void test_parent_gone(void **state)
{
	start("long enough");
	link_close(&control);
	assert_int_equal(wait_for(child), 0);
	link_close(&core.link);
	link_close(&gate.link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_serves_and_keeps),
		cmocka_unit_test(test_notice_is_before_the_answer),
		cmocka_unit_test(test_locked),
		cmocka_unit_test(test_a_bad_neighbour_falls_alone),
		cmocka_unit_test(test_a_flood_does_not_starve_another),
		cmocka_unit_test(test_a_silent_token),
		cmocka_unit_test(test_parent_gone),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
