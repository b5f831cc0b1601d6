/* greedy-gate.c: gates among whom one takes all that it can.
 *
 * Stands in for holdfast-gate in a copied folder of programs, and never confines itself.
 * Gate 0 has the node's key sign now and then, as one handshake after the other does, and
 * measures how long each takes; gate 1, from when the file "flood" is there, asks without
 * end; gate 2 tries the handles that the two have open. When the file "stop" is there, each
 * writes what it saw into "greedy.txt" of the gates' folder: a word, and numbers.
 *
 * The control is what gate 1 sees of itself: a call behind its own, as where all callers
 * share one queue. */
#include "base/clock.h"
#include "base/log.h"
#include "role/common/worker.h"
#include "wire/keeper_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WINDOW = 256, REFS = 65536, SAMPLES = 4096, PAUSE_MS = 10, HANDLES = 5000, ANSWER_MS = 20000 };

static struct worker w;
static struct keeper keeper;
static struct keeper_key key;
static struct buf call;
static uint64_t ref;

static bool there(const char *name)
{
	return access(name, F_OK) == 0;
}

static void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void report(const char *fmt, ...)
{
	char line[256];
	int fd = open("greedy.txt", O_CREAT | O_APPEND | O_WRONLY, 0644), n;
	va_list ap;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(9);
	close(fd);
}

/* SIGN of a handshake's form. */
static void compose(uint32_t handle)
{
	struct bytes context = BYTES("TLS 1.3, server CertificateVerify");
	struct buf input = buf_make(256);
	struct wire_out in = wire_out(&input), out = wire_out(&call);
	static const uint8_t hash[32], tag[KEEPER_TAG];

	for (int i = 0; i < 64; i++)
		wire_put_u8(&in, ' ');
	wire_put_fixed(&in, context);
	wire_put_u8(&in, 0);
	wire_put_fixed(&in, BYTES_OF(hash));
	buf_clear(&call);
	wire_put_u16(&out, OP_SIGN);
	wire_put_u32(&out, handle);
	wire_put_u8(&out, SIGN_TLS13_SERVER);
	wire_put_fixed(&out, BYTES_OF(tag));
	wire_put_bytes(&out, bytes_of_buf(&input));
	must(in.err == ERR_OK && out.err == ERR_OK);
	buf_free(&input);
}

static bool ask(void)
{
	return link_send(&keeper.link, MSG_CALL, ++ref, bytes_of_buf(&call)) == ERR_OK && link_flush(&keeper.link) == ERR_OK;
}

/* The next answer's status; ERR_TIMEOUT, ERR_CLOSED. */
static err_t answer(uint64_t *which)
{
	struct message m;
	bool found;
	err_t err;

	for (;;) {
		TRY(link_next(&keeper.link, &m, &found));
		if (found && m.type == MSG_RESULT) {
			*which = m.ref;
			return m.body.n ? (err_t)m.body.p[0] : ERR_SYNTAX;
		}
		if (found)
			continue;
		TRY(link_flush(&keeper.link));
		TRY(link_wait(&keeper.link, ANSWER_MS));
		TRY(link_read(&keeper.link));
	}
out:
	return err;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void summary(const char *what, int64_t *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), by_value);
	report("%s %zu %lld %lld\n", what, n, n ? (long long)samples[n / 2] : -1, n ? (long long)samples[n * 95 / 100] : -1);
}

/* What each took, in microseconds, before and during the flood. */
static void modest(void)
{
	static int64_t quiet[SAMPLES], flood[SAMPLES];
	size_t quiet_n = 0, flood_n = 0, failed = 0;
	uint64_t which;

	compose(key.handle);
	while (!there("stop")) {
		bool flooded = there("flood");
		int64_t begun = clock_micro();

		if (!ask() || answer(&which) != ERR_OK)
			failed++;
		else if (!flooded && quiet_n < SAMPLES)
			quiet[quiet_n++] = clock_micro() - begun;
		else if (flood_n < SAMPLES)
			flood[flood_n++] = clock_micro() - begun;
		(void)poll(NULL, 0, PAUSE_MS);
	}
	summary("quiet", quiet, quiet_n);
	summary("flood", flood, flood_n);
	report("failed %zu\n", failed);
}

static void greedy(void)
{
	static int64_t behind[SAMPLES], sent[REFS];
	size_t n = 0, done = 0;
	uint64_t which;

	compose(key.handle);
	while (!there("flood"))
		(void)poll(NULL, 0, PAUSE_MS);
	for (int i = 0; i < WINDOW; i++) {
		sent[(ref + 1) % REFS] = clock_micro();
		if (!ask())
			return;
	}
	while (!there("stop") && answer(&which) == ERR_OK) {
		done++;
		if (n < SAMPLES)
			behind[n++] = clock_micro() - sent[which % REFS];
		sent[(ref + 1) % REFS] = clock_micro();
		if (!ask())
			break;
	}
	summary("queue", behind, n);
	report("greedy %zu\n", done);
}

static void thief(void)
{
	size_t worked = 0, own;
	uint64_t which;

	(void)poll(NULL, 0, 300); /* the others have theirs */
	compose(key.handle);
	own = ask() && answer(&which) == ERR_OK;
	for (uint32_t handle = 0; handle < HANDLES && !there("stop"); handle++) {
		if (handle == key.handle)
			continue;
		compose(handle);
		worked += ask() && answer(&which) == ERR_OK;
	}
	report("handles %zu %zu\n", own, worked);
}

int main(int argc, char **argv)
{
	static void (*const plays[])(void) = { modest, greedy, thief };
	struct buf ready = buf_make(64);
	struct wire_out out = wire_out(&ready);

	log_open("greedy gate");
	call = buf_make(1024);
	if (worker_start(ROLE_GATE, argc, argv, &w) != ERR_OK || chdir(w.directory) != 0)
		return 1;
	link_init(&keeper.link, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0), ROLE_GATE, ROLE_KEEPER, 0);
	wire_put_u32(&out, 0);
	wire_put_bytes(&out, BYTES("greedy"));
	if (out.err != ERR_OK || link_send(&w.control, MSG_READY, 0, bytes_of_buf(&ready)) != ERR_OK ||
	    link_flush(&w.control) != ERR_OK || keeper_open_key(&keeper, BYTES("node"), &key) != ERR_OK)
		return 1;
	report("open %u %u\n", w.number, key.handle);
	if (w.number < COUNT_OF(plays))
		plays[w.number]();
	for (;;) {
		struct worker_event event;

		if (link_wait(&w.control, 1000) == ERR_TIMEOUT)
			continue;
		if (worker_next_event(&w, &event) != ERR_OK || event.type == MSG_STOP)
			return 0;
	}
}
