/* hostile-courier.c: what a courier taken over can do.
 *
 * Stands in for holdfast-courier in a copied folder of programs. It never confines
 * itself, which makes it stronger than a captured courier. Each start plays the next
 * case, because a message that the table does not allow ends its link. Findings go to
 * "hostile.txt" in the folder of the node's certificate, a line each:
 *   <case> refused|FELL|can|end <text>
 */
#include "hostile.h"
#include "wire/keeper_calls.h"

static struct keeper keeper;

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
	uint32_t handle;
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
	memset(input, 7, sizeof(input));
	err = keeper_show(&keeper, &(struct keeper_shown){ BYTES("p@demo.example"), bytes_make(input, 32), BYTES_NONE, tag }, &handle, input + 32);
	judge(err != ERR_OK, "be a client of this node by its pre-shared key", err);
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

static const struct foreign rows[] = {
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
	if (case_number == 0) {
		lie();
	} else if (case_number == 1) {
		ask_keeper();
	} else {
		play_foreign(rows, COUNT_OF(rows), 2);
	}
}

int main(int argc, char **argv)
{
	if (worker_start(ROLE_COURIER, argc, argv, &w) != ERR_OK)
		return 1;
	if (!report_open("hostile.txt"))
		return 1;
	link_init(&core, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0), ROLE_COURIER, ROLE_CORE, 0);
	link_init(&keeper.link, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0), ROLE_COURIER,
	          ROLE_KEEPER, 0);
	if (!ready(BYTES_NONE))
		return 1;
	play();
	say("end", "of the case", "");
	return 0;
}
