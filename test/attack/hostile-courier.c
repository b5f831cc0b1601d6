/* hostile-courier.c: what a courier taken over can do.
 *
 * Stands in for holdfast-courier in a copied folder of programs. It never confines
 * itself, which makes it stronger than a captured courier. Each start plays the next
 * case, because a message that the table does not allow ends its link. Findings go to
 * "hostile.txt" in the folder of the node's certificate, a line each:
 *   <case> refused|FELL|can|end <text>
 */
#include "role/common/worker.h"
#include "wire/keeper_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct worker w;
static struct keeper keeper;
static struct link core;
static int report_fd;
static unsigned number;

static void say(const char *verdict, const char *what, const char *detail)
{
	char line[400];
	int n = snprintf(line, sizeof(line), "%u %s %s%s%s\n", number, verdict, what,
	                 *detail ? ": " : "", detail);

	if (write(report_fd, line, (size_t)n) != n)
		_exit(9);
}

static void judge(bool refused, const char *what, err_t err)
{
	say(refused ? "refused" : "FELL", what, err_name(err));
}

static void raw_frame(unsigned type, uint64_t ref, size_t n)
{
	uint8_t head[WIRE_HEAD] = { 0 };
	static const uint8_t body[64];

	put_be32(head, (uint32_t)n);
	put_be16(head + 4, (uint16_t)type);
	put_be64(head + 8, ref);
	if (send(core.fd, head, sizeof(head), MSG_NOSIGNAL) < 0 ||
	    send(core.fd, body, n, MSG_NOSIGNAL) < 0)
		return;
}

static bool link_ended(void)
{
	for (int i = 0; i < 20; i++) {
		struct message m;
		bool found = true;
		err_t err = link_wait(&core, 100);

		if (err == ERR_TIMEOUT)
			continue;
		if (err != ERR_OK || link_read(&core) != ERR_OK)
			return true;
		while (found) {
			if (link_next(&core, &m, &found) != ERR_OK)
				return true;
		}
	}
	return false;
}

/* {"rqi": "h", "rsc": 2000, "rvi": "3"} to whatever is sent, and to some numbers that
 * were not: what waits for an answer believes it. */
static void lie(void)
{
	static const uint8_t forged[] = "\xa3\x63rqi\x61h\x63rsc\x19\x07\xd0\x63rvi\x61" "3";
	struct buf body = buf_make(64);
	struct wire_out out = wire_out(&body);
	struct message m;
	bool found = false, said = false;

	wire_put_u8(&out, ERR_OK);
	wire_put_bytes(&out, bytes_make(forged, sizeof(forged) - 1));
	for (int i = 0; i < 600; i++) {
		if (link_wait(&core, 100) == ERR_OK && link_read(&core) != ERR_OK)
			return;
		while (link_next(&core, &m, &found) == ERR_OK && found) {
			if (link_send(&core, MSG_SENT, m.ref, bytes_of_buf(&body)) != ERR_OK)
				return;
			if (!said)
				say("can", "lie about what a target answered", "");
			said = true;
		}
		if (link_flush(&core) != ERR_OK)
			return;
	}
}

/* Every operation of the keeper that is not its, and the ones that are, wrongly. */
static void ask_keeper(void)
{
	static const enum operation others[] = {
		OP_PSK_OPEN, OP_TLS13_EXTRACT, OP_TLS13_BINDER, OP_TLS12_MASTER,
		OP_DATA_KEY_NEW, OP_DATA_KEY_OPEN, OP_INDEX_KEY, OP_ANCHOR, OP_CERTIFY,
		OP_IMPORT_PSK, OP_DESTROY, OP_DERIVE, OP_EXPORT,
	};
	static const uint8_t tag[KEEPER_TAG] = "hostile courier";
	static const char *const names[] = { "ca", "audit", "import" };
	struct keeper_key key;
	struct buf out = buf_make(4096);
	uint8_t input[130];
	char what[64];
	err_t err;

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		buf_clear(&out);
		err = keeper_call(&keeper, others[i], bytes_make("\0\0\0\1x", 5), &out);
		snprintf(what, sizeof(what), "operation %u of the keeper", others[i]);
		judge(err != ERR_OK && out.n == 0, what, err);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(what, sizeof(what), "open the key %s", names[i]);
		err = keeper_open_key(&keeper, bytes_str(names[i]), &key);
		judge(err != ERR_OK, what, err);
	}
	err = keeper_open_key(&keeper, BYTES("node"), &key);
	memset(input, ' ', 64);
	memcpy(input + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(input + 98, 7, 32);
	buf_clear(&out);
	err = keeper_sign(&keeper, key.handle, SIGN_TLS13_SERVER, tag, bytes_make(input, 130), &out);
	judge(err != ERR_OK, "have the node's key sign as a server", err);
	err = keeper_sign(&keeper, key.handle, SIGN_TLS13_CLIENT, tag, bytes_make(input, 130), &out);
	judge(err != ERR_OK, "pass a server's form off as a client's", err);
	err = keeper_sign(&keeper, key.handle, SIGN_TLS13_CLIENT, tag, BYTES("a contract"), &out);
	judge(err != ERR_OK, "have the node's key sign a text", err);
	err = keeper_sign(&keeper, key.handle, SIGN_STATEMENT, tag,
	                  BYTES("holdfast statement\0I owe you"), &out);
	judge(err != ERR_OK, "have the node's key sign a statement", err);
	memcpy(input + 73, "client", 6);
	err = keeper_sign(&keeper, key.handle, SIGN_TLS13_CLIENT, tag, bytes_make(input, 130), &out);
	say(err == ERR_OK ? "can" : "said", "have the node's key sign a handshake outward", "");
	buf_free(&out);
}

static const struct {
	unsigned type;
	const char *what;
} rows[] = {
	{ MSG_SENT, "an answer to what was not sent" },
	{ MSG_REQUEST, "a request, as if it were a gate" },
	{ MSG_ASSOCIATION_OPEN, "an association, as if it were a gate" },
	{ MSG_CREDENTIAL_USED, "a notice, as if it were the keeper" },
	{ MSG_ADMIN, "a command, as if it were the door" },
	{ MSG_STOP, "an order, as if it were the parent" },
	{ 63, "a message of no row" },
};

static void play(void)
{
	if (number == 0) {
		lie();
	} else if (number == 1) {
		ask_keeper();
	} else if (number - 2 < COUNT_OF(rows)) {
		raw_frame(rows[number - 2].type, 4711, 16);
		say(link_ended() ? "refused" : "FELL", rows[number - 2].what, "");
	} else {
		for (;;)
			pause();
	}
}

/* The parent ends what is not ready in time. */
static bool ready(void)
{
	struct buf body = buf_make(64);
	struct wire_out out = wire_out(&body);

	wire_put_u32(&out, 0);
	wire_put_bytes(&out, BYTES_NONE);
	return out.err == ERR_OK &&
	       link_send(&w.control, MSG_READY, 0, bytes_of_buf(&body)) == ERR_OK &&
	       link_flush(&w.control) == ERR_OK;
}

int main(int argc, char **argv)
{
	static char before[65536];
	ssize_t n;

	if (worker_start(ROLE_COURIER, argc, argv, &w) != ERR_OK)
		return 1;
	report_fd = open("hostile.txt", O_CREAT | O_APPEND | O_RDWR, 0644);
	if (report_fd < 0)
		return 1;
	n = pread(report_fd, before, sizeof(before) - 1, 0);
	for (const char *at = n > 0 ? before : NULL; at && (at = strstr(at, " end ")) != NULL; at++)
		number++;
	link_init(&core, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0), ROLE_COURIER, ROLE_CORE, 0);
	link_init(&keeper.link, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0), ROLE_COURIER,
	          ROLE_KEEPER, 0);
	if (!ready())
		return 1;
	play();
	say("end", "of the case", "");
	return 0;
}
