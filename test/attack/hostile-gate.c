/* hostile-gate.c: what a gate taken over can do, row by row.
 *
 * Stands in for holdfast-gate in a copied folder of programs. It never confines
 * itself, which makes it stronger than a captured gate. Each gate of the node
 * plays one case, because a message that the table does not allow ends its link;
 * those that send the message types, of which there are more than a node may have
 * gates, end after each and play the next one when they are started again.
 * Findings go to "hostile.txt" in the gates' folder, a line each:
 *   <case> refused|FELL|can|said <text>
 */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "hostile.h"
#include "proof.h"
#include "security/enrolment/enrolment.h"
#include "wire/keeper_calls.h"

static struct keeper keeper;
static const char identity[] = "d@demo.example";
static const char originator[] = "Cdev";

static void send_row(struct link *to, unsigned type)
{
	const struct message_row *row = message_row(type);
	char what[96];

	snprintf(what, sizeof(what), "message %s to the %s", row ? row->name : "of no row", role_name(to->peer));
	raw_frame(to->fd, type, 0, 4, 4);
	say(link_ended(to) ? "refused" : "FELL", what, "");
}

/* --- the core -------------------------------------------------------------------- */

static err_t ask_core(enum message_type type, struct bytes body, struct buf *answer)
{
	static uint64_t ref = 1000;
	struct message m;
	bool found = false;
	err_t err;

	ref++;
	TRY(link_send(&core, type, ref, body));
	TRY(link_flush(&core));
	while (!found) {
		TRY(link_wait(&core, 3000));
		TRY(link_read(&core));
		/* What is not the answer came before it. */
		do
			TRY(link_next(&core, &m, &found));
		while (found && m.ref != ref);
	}
	buf_clear(answer);
	TRY(buf_add(answer, m.body));
out:
	return err;
}

/* What an ASSOCIATION_OPEN says; the rest is the same for all. */
struct claim {
	unsigned kind;
	const uint8_t *tag;
	struct bytes fingerprint, who;
	int64_t not_after;
	struct bytes transcript;
};

static char reason[300];

/* *number is 0 when it was refused, and `reason` says why. */
static err_t open_claim(const struct claim *c, uint64_t *number)
{
	struct buf body = buf_make(24576), answer = buf_make(4096);
	struct wire_out out = wire_out(&body);
	struct wire_in in;
	uint8_t address[16] = { 127, 0, 0, 1 };
	err_t err;

	wire_put_fixed(&out, bytes_make(c->tag, KEEPER_TAG));
	wire_put_u8(&out, (uint8_t)c->kind);
	wire_put_fixed(&out, c->fingerprint);
	wire_put_bytes(&out, c->who);
	wire_put_u64(&out, (uint64_t)c->not_after);
	wire_put_u16(&out, 0x0304);
	wire_put_u16(&out, 0x1301);
	wire_put_u8(&out, 4);
	wire_put_fixed(&out, BYTES_OF(address));
	wire_put_u16(&out, 4711);
	wire_put_bytes(&out, c->transcript);
	*number = 0;
	TRY(out.err);
	TRY(ask_core(MSG_ASSOCIATION_OPEN, bytes_of_buf(&body), &answer));
	in = wire_in(bytes_of_buf(&answer));
	*number = wire_get_u64(&in);
	(void)wire_get_u64(&in);
	(void)wire_get_u32(&in);
	TRY(bytes_put_str(reason, sizeof(reason), wire_get_bytes(&in, sizeof(reason) - 1)));
	TRY(wire_done(&in));
	if (*number == 0)
		err = ERR_REFUSED;
out:
	buf_free(&body);
	buf_free(&answer);
	return err;
}

static const int64_t far = 4102444800000;

static err_t open_association(unsigned kind, const uint8_t *tag, struct bytes fingerprint,
                              struct bytes who, uint64_t *number)
{
	struct claim c = { kind, tag, fingerprint, who, far, BYTES_NONE };

	return open_claim(&c, number);
}

/* Refused means: the core said so, by the number 0 and a reason. */
static void judge_open(err_t err, const char *what)
{
	say(err == ERR_REFUSED && reason[0] ? "refused" : "FELL", what, err == ERR_REFUSED ? reason : err_name(err));
}

/* {"fr": from, "op": 2, "to": to, "rqi": "h", "rvi": "3"} as canonical CBOR. */
static err_t put_text(struct buf *b, const char *s)
{
	size_t n = strlen(s);
	err_t err;

	if (n < 24)
		TRY(buf_add_byte(b, (uint8_t)(0x60 + n)));
	else {
		TRY(buf_add_byte(b, 0x78));
		TRY(buf_add_byte(b, (uint8_t)n));
	}
	TRY(buf_add(b, bytes_make(s, n)));
out:
	return err;
}

/* The answer's text holds `rsc`; 0 when the link ended or nothing came. */
static unsigned request_as(uint64_t association, const char *from, const char *to)
{
	static const char *const order[] = { "fr", "op", "to", "rqi", "rvi" };
	const char *values[] = { from, NULL, to, "h", "3" };
	struct buf body = buf_make(24576), answer = buf_make(1 << 20);
	struct wire_out out = wire_out(&body);
	uint8_t address[16] = { 127, 0, 0, 1 };
	unsigned rsc = 0;

	wire_put_u64(&out, association);
	wire_put_u8(&out, 4);
	wire_put_fixed(&out, BYTES_OF(address));
	must(out.err == ERR_OK && buf_add_byte(&body, 0xa5) == ERR_OK);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		must(put_text(&body, order[i]) == ERR_OK);
		must(values[i] ? put_text(&body, values[i]) == ERR_OK : buf_add_byte(&body, 2) == ERR_OK);
	}
	if (ask_core(MSG_REQUEST, bytes_of_buf(&body), &answer) == ERR_OK) {
		const uint8_t *at = memmem(answer.p, answer.n, "\x63rsc\x19", 5);

		rsc = at ? get_be16(at + 5) : 1;
	}
	buf_free(&body);
	buf_free(&answer);
	return rsc;
}

/* 4106, or what comes before it; never silence. */
static void judge_rsc(unsigned rsc, const char *what)
{
	char detail[32];

	snprintf(detail, sizeof(detail), "rsc %u", rsc);
	say(rsc >= 4000 && rsc != 5000 ? "refused" : "FELL", what, detail);
}

/* --- cases -------------------------------------------------------------------------- */

static const uint8_t tag[KEEPER_TAG] = "hostile gate tag";
static const uint8_t zeros[256];

/* The key schedule of an enrolled identity, as far as a gate may run it. */
static err_t run_key_schedule(uint8_t out[48])
{
	uint32_t psk;
	size_t n;
	err_t err;

	TRY(keeper_psk_open(&keeper, bytes_str(identity), tag, &psk, &n));
	/* TLS 1.2: there the client's proof comes after the secret. */
	TRY(keeper_tls12_master(&keeper, psk, 0, BYTES_NONE, bytes_make(zeros, 32), out));
out:
	return err;
}

static void case_live(void)
{
	uint8_t secret[48];
	uint64_t number;
	char line[64];
	int fd, n;
	err_t err = ERR_REFUSED;

	/* The first gates run before the core has opened its store. */
	for (int i = 0; i < 50 && err != ERR_OK; i++) {
		if (i)
			usleep(100000);
		err = run_key_schedule(secret);
		if (err == ERR_OK)
			err = open_association(2, tag, bytes_make(zeros, 32), bytes_str(identity), &number);
	}
	say(err == ERR_OK ? "can" : "said", "open an association for an enrolled pre-shared key identity",
	    err == ERR_OK ? "" : reason);
	if (err != ERR_OK)
		return;
	say(request_as(number, originator, "cse-in/ae-Cdev") == 2000 ? "can" : "said", "speak on it as that identity", "");
	judge_rsc(request_as(number, "Cother", "cse-in/ae-Cother"), "speak on it as another identity");
	judge_rsc(request_as(number, "/in-cse", "cse-in"), "speak on it as the CSE");
	n = snprintf(line, sizeof(line), "%llu", (unsigned long long)number);
	fd = open("hostile.number", O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (fd >= 0 && write(fd, line, (size_t)n) == n)
		close(fd);
}

static void case_association_of_another_gate(void)
{
	char line[64] = "";
	uint64_t number = 0;

	for (int i = 0; i < 100 && !number; i++) {
		int fd = open("hostile.number", O_RDONLY);
		ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : -1;

		if (fd >= 0)
			close(fd);
		if (n > 0 && bytes_to_u64(bytes_make(line, (size_t)n), UINT64_MAX, &number) == ERR_OK)
			break;
		usleep(100000);
	}
	if (!number) {
		say("FELL", "no association to try", "");
		return;
	}
	judge_rsc(request_as(number, originator, "cse-in/ae-Cdev"), "speak on a live association of another gate");
	judge_rsc(request_as(number + 1, originator, "cse-in/ae-Cdev"), "speak on an association that does not exist");
	judge_rsc(request_as(0, originator, "cse-in/ae-Cdev"), "speak outside any association");
}

/* The certificate of "Cother", which is enrolled: it is public, so the gate may know
 * its fingerprint. Written by the program that started the node. */
static bool read_fingerprint(const char *name, uint8_t out[32])
{
	int fd = open(name, O_RDONLY);
	bool whole = fd >= 0 && read(fd, out, 32) == 32;

	if (fd >= 0)
		close(fd);
	return whole;
}

/* A handshake of this gate's own, in which the node's key took part. */
static err_t use_node_key(const uint8_t with[KEEPER_TAG])
{
	struct keeper_key key;
	struct buf out = buf_make(4096);
	uint8_t input[130];
	err_t err;

	memset(input, ' ', 64);
	memcpy(input + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(input + 98, 7, 32);
	TRY(keeper_open_key(&keeper, BYTES("node"), &key));
	TRY(keeper_sign(&keeper, key.handle, SIGN_TLS13_SERVER, with, bytes_make(input, 130), &out));
out:
	buf_free(&out);
	return err;
}

static void case_invented_associations(void)
{
	uint64_t number;
	uint8_t other[KEEPER_TAG] = "never seen tag..";
	uint8_t fingerprint[32] = { 1, 2, 3 };
	err_t err;

	err = open_association(2, other, bytes_make(zeros, 32), bytes_str(identity), &number);
	judge_open(err, "open for a pre-shared key that took part in nothing");
	err = open_association(1, other, bytes_make(fingerprint, 32), BYTES_NONE, &number);
	judge_open(err, "open for an unknown certificate");
	err = open_association(0, other, bytes_make(zeros, 32), BYTES_NONE, &number);
	judge_open(err, "open without a credential");
	err = open_association(4, other, bytes_make(zeros, 32), BYTES_NONE, &number);
	judge_open(err, "open with a credential of no kind");
	err = run_key_schedule((uint8_t[48]){ 0 });
	say(err == ERR_OK ? "can" : "FELL", "run the key schedule of an enrolled identity", err_name(err));
	err = open_association(2, tag, bytes_make(zeros, 32), BYTES("other@demo.example"), &number);
	judge_open(err, "open for another identity than the keeper saw");
	err = open_association(2, tag, bytes_make(zeros, 32), bytes_str(identity), &number);
	judge_open(err, "open by a tag that was used up");
	err = run_key_schedule((uint8_t[48]){ 0 });
	say(err == ERR_OK ? "can" : "FELL", "run it again", err_name(err));
	err = open_association(1, tag, bytes_make(zeros, 32), BYTES_NONE, &number);
	judge_open(err, "open for a certificate of zeros after a pre-shared key's handshake");
}

/* The client's own proof is judged behind the gate: an enrolled certificate, which is
 * public, opens nothing. */
static void case_certificates(void)
{
	uint8_t print[32], revoked[32];
	/* a handshake of its own making: ClientHello, ServerHello, two Certificates, proof */
	static const uint8_t invented[] = { 1, 0, 0, 1, 0, 2, 0, 0, 1, 0, 8, 0, 0, 1, 0, 11, 0, 0, 1, 0, 15, 0, 0, 1, 0,
		20, 0, 0, 1, 0, 11, 0, 0, 1, 0, 15, 0, 0, 4, 4, 3, 0, 0 };
	struct claim c = { 1, tag, BYTES_OF(print), BYTES_NONE, far, BYTES_NONE };
	uint64_t number;
	err_t err;

	if (!read_fingerprint("hostile.enrolled", print) || !read_fingerprint("hostile.revoked", revoked)) {
		say("FELL", "no fingerprint to try", "");
		return;
	}
	err = open_claim(&c, &number);
	judge_open(err, "open for an enrolled certificate without a handshake");
	err = use_node_key(tag);
	say(err == ERR_OK ? "can" : "FELL", "have the node's key sign a handshake of its own", err_name(err));
	err = open_claim(&c, &number);
	judge_open(err, "open for an enrolled certificate whose fingerprint it knows, after it, without the client's proof");
	err = use_node_key(tag);
	c.transcript = BYTES_OF(invented);
	err = err == ERR_OK ? open_claim(&c, &number) : err;
	judge_open(err, "the same with a proof of its own making");
	err = open_claim(&c, &number);
	judge_open(err, "open a second one by the same handshake");
	err = use_node_key(tag);
	c.fingerprint = BYTES_OF(revoked);
	err = err == ERR_OK ? open_claim(&c, &number) : err;
	judge_open(err, "open for a revoked certificate");
	err = use_node_key(tag);
	c.fingerprint = BYTES_OF(print);
	c.not_after = 1;
	err = err == ERR_OK ? open_claim(&c, &number) : err;
	judge_open(err, "open for a certificate that says it has expired");
	err = run_key_schedule((uint8_t[48]){ 0 });
	c.not_after = far;
	err = err == ERR_OK ? open_claim(&c, &number) : err;
	judge_open(err, "open for an enrolled certificate after a pre-shared key's handshake");
}

/* --- sessions --------------------------------------------------------------------- */

static void keep_session(uint64_t number, const uint8_t id[32], const uint8_t secret[32])
{
	struct buf body = buf_make(256);
	struct wire_out out = wire_out(&body);

	wire_put_u64(&out, number);
	wire_put_fixed(&out, bytes_make(id, 32));
	wire_put_u16(&out, 0x1301);
	wire_put_bytes(&out, bytes_make(secret, 32));
	must(out.err == ERR_OK && link_send(&core, MSG_SESSION_KEEP, 0, bytes_of_buf(&body)) == ERR_OK);
	buf_free(&body);
}

/* With the binder of that secret; what the core says, ERR_COUNT: nothing. */
static err_t take_session(const uint8_t id[32], const uint8_t secret[32])
{
	uint8_t early[32], nothing[32], key[32], finished[32], binder[32];
	struct buf body = buf_make(256), answer = buf_make(256);
	struct wire_out out = wire_out(&body);
	err_t err;

	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, bytes_make(secret, 32), early);
	crypt_expand_label(BYTES_OF(early), BYTES("res binder"), BYTES_OF(nothing), key, 32);
	crypt_expand_label(BYTES_OF(key), BYTES("finished"), BYTES_NONE, finished, 32);
	crypt_hmac_sha256(BYTES_OF(finished), bytes_make(zeros, 32), binder);
	wire_put_fixed(&out, bytes_make(tag, KEEPER_TAG));
	wire_put_fixed(&out, bytes_make(id, 32));
	wire_put_fixed(&out, bytes_make(zeros, 32));
	wire_put_fixed(&out, BYTES_OF(binder));
	err = ask_core(MSG_SESSION_TAKE, bytes_of_buf(&body), &answer);
	err = err == ERR_OK && answer.n && answer.p[0] < ERR_COUNT ? (err_t)answer.p[0] : ERR_COUNT;
	buf_free(&body);
	buf_free(&answer);
	return err;
}

static void case_sessions(void)
{
	uint8_t id[32] = { 0xff, (uint8_t)getpid(), (uint8_t)(getpid() >> 8) }, secret[32] = { 7 }, others[32];
	struct claim c = { 3, tag, bytes_make(zeros, 32), BYTES_NONE, 0, BYTES_NONE };
	uint64_t number;
	err_t err = open_claim(&c, &number);

	judge_open(err, "open by a session that was not taken");
	if (!read_fingerprint("hostile.session", others)) {
		say("FELL", "no session to try", "");
		return;
	}
	err = take_session(others, secret);
	say(err == ERR_TAMPERED ? "refused" : "FELL", "take a session whose name it saw, without its secret", err_name(err));
	err = open_claim(&c, &number);
	judge_open(err, "open by that session all the same");
	keep_session(4711, id, secret);
	err = take_session(id, secret);
	say(err == ERR_MISSING ? "refused" : "FELL", "make a session of an association that is not its own", err_name(err));
	for (int i = 0; i < 50 && err != ERR_OK; i++) {
		if (i)
			usleep(100000);
		err = run_key_schedule((uint8_t[48]){ 0 });
		if (err == ERR_OK)
			err = open_association(2, tag, bytes_make(zeros, 32), bytes_str(identity), &number);
	}
	keep_session(number, id, secret);
	err = take_session(id, secret);
	if (err == ERR_OK)
		err = open_claim(&c, &number);
	say(err == ERR_OK ? "can" : "said", "take up again what is live on it", err_name(err));
	judge_open(open_claim(&c, &number), "open two by one session");
	err = take_session(id, secret);
	say(err == ERR_MISSING ? "refused" : "FELL", "take a session twice", err_name(err));
}

static void case_certificates_and_sessions(void)
{
	case_certificates();
	case_sessions();
}

static void case_other_handles(void)
{
	struct buf out = buf_make(4096);
	uint8_t input[130];
	unsigned worked = 0;
	char detail[32];

	memset(input, ' ', 64);
	memcpy(input + 64, "TLS 1.3, server CertificateVerify", 34);
	memset(input + 98, 7, 32);
	for (uint32_t h = 0; h < 5000; h++) {
		uint8_t secret[48];

		worked += keeper_sign(&keeper, h, SIGN_TLS13_SERVER, tag, bytes_make(input, 130), &out) == ERR_OK;
		worked += keeper_handshake_secret(&keeper, h, BYTES("an (EC)DHE secret of its choice!"), secret) == ERR_OK;
		if (h < 200)
			worked += keeper_tls12_master(&keeper, h, 0, BYTES_NONE, bytes_make(zeros, 32), secret) == ERR_OK;
	}
	snprintf(detail, sizeof(detail), "%u worked", worked);
	say(worked ? "FELL" : "refused", "handles 0..4999 that this gate never opened", detail);
	buf_free(&out);
}

static void case_signing_oracle(void)
{
	struct keeper_key key;
	struct buf out = buf_make(4096);
	uint8_t input[130];
	err_t err = keeper_open_key(&keeper, BYTES("node"), &key);

	judge(true, "open the node's own key (a gate may)", err);
	if (err != ERR_OK)
		return;
	err = keeper_sign(&keeper, key.handle, SIGN_TLS13_SERVER, tag, BYTES("any text to be signed"), &out);
	judge(err != ERR_OK, "sign any text with the node's key", err);
	memset(input, ' ', 64);
	memcpy(input + 64, "TLS 1.3, client CertificateVerify", 34);
	memset(input + 98, 7, 32);
	err = keeper_sign(&keeper, key.handle, SIGN_TLS13_SERVER, tag, bytes_make(input, 130), &out);
	judge(err != ERR_OK, "sign a client's proof under the server's purpose", err);
	err = keeper_sign(&keeper, key.handle, SIGN_TLS12_SERVER, tag, bytes_make(input, 130), &out);
	judge(err != ERR_OK, "sign a TLS 1.3 proof under the TLS 1.2 purpose", err);
	err = keeper_sign(&keeper, key.handle, (enum sign_purpose)9, tag, bytes_make(input, 130), &out);
	judge(err != ERR_OK, "sign for no purpose", err);
	static const char *const names[] = { "ca", "audit", "import", "root", "psk/d@demo.example", "", "../keystore" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char what[80];

		snprintf(what, sizeof(what), "open the key \"%s\"", names[i]);
		err = keeper_open_key(&keeper, bytes_str(names[i]), &key);
		judge(err != ERR_OK, what, err);
	}
	buf_free(&out);
}

static void case_psk_oracle(void)
{
	struct keeper_shown shown = { bytes_str(identity), bytes_make(zeros, 32), bytes_make(zeros, 32), tag };
	uint8_t secret[48];
	uint32_t psk, proved = 0;
	size_t n;
	err_t err = keeper_psk_open(&keeper, bytes_str(identity), tag, &psk, &n);

	say(err == ERR_OK ? "can" : "said", "ask for an enrolled identity", err_name(err));
	if (err != ERR_OK)
		return;
	err = keeper_handshake_secret(&keeper, psk, BYTES("an (EC)DHE secret of its choice!"), secret);
	judge(err != ERR_OK, "a handshake secret without a client's binder", err);
	err = keeper_binder(&keeper, &shown, &proved);
	judge(err != ERR_OK, "a binder of its own making", err);
	/* by the handle that comes of a binder, where one came */
	err = keeper_handshake_secret(&keeper, proved, BYTES("an (EC)DHE secret of its choice!"), secret);
	judge(err != ERR_OK, "a handshake secret after a wrong binder", err);
	err = keeper_tls12_master(&keeper, psk, 0, BYTES_NONE, BYTES("short"), secret);
	judge(err != ERR_OK, "a TLS 1.2 master secret over no session hash", err);
	err = keeper_tls12_master(&keeper, psk, 7, BYTES_NONE, bytes_make(zeros, 32), secret);
	judge(err != ERR_OK, "a TLS 1.2 master secret by no hash", err);
	shown.hash = BYTES("not a hash");
	err = keeper_binder(&keeper, &shown, &proved);
	judge(err != ERR_OK, "a binder of what is no transcript hash", err);
	err = keeper_tls12_master(&keeper, psk, 0, BYTES_NONE, bytes_make(zeros, 32), secret);
	say(err == ERR_OK ? "can" : "said", "derive one TLS 1.2 master secret", err_name(err));
	err = keeper_tls12_master(&keeper, psk, 0, BYTES_NONE, bytes_make(zeros, 32), secret);
	judge(err != ERR_OK, "a second one by the handle that is spent", err);
	err = keeper_psk_open(&keeper, BYTES("nobody@demo.example"), tag, &psk, &n);
	judge(err != ERR_OK, "an identity that is not enrolled", err);
	shown = (struct keeper_shown){ BYTES("nobody@demo.example"), bytes_make(zeros, 32), bytes_make(zeros, 32), tag };
	err = keeper_binder(&keeper, &shown, &proved);
	judge(err != ERR_OK, "a binder of an identity that is not enrolled", err);
}

/* Every operation of the keeper's table, with fields of every small length. */
static void case_operations(void)
{
	struct buf out = buf_make(65536);

	for (unsigned op = 0; op < OP_COUNT; op++) {
		bool gate_may = op == OP_OPEN_KEY || op == OP_SIGN || op == OP_PSK_OPEN || op == OP_TLS13_EXTRACT ||
		                op == OP_TLS13_BINDER || op == OP_TLS12_MASTER || op == OP_CLOSE_HANDLE;
		char what[80];
		err_t err = ERR_REFUSED;
		bool fell = false;

		for (size_t n = 0; n <= sizeof(zeros); n++) {
			buf_clear(&out);
			err = keeper_call(&keeper, (enum operation)op, bytes_make(zeros, n), &out);
			fell |= err == ERR_OK && op != OP_CLOSE_HANDLE;
			if (err == ERR_CLOSED)
				break;
		}
		snprintf(what, sizeof(what), "operation %u of the keeper%s", op, gate_may ? " with empty fields" : "");
		judge(!fell, what, err);
		if (err == ERR_CLOSED)
			break;
	}
	buf_free(&out);
}

/* The rows that a gate may send, sent wrongly: one fault a gate. `size` is what
 * the head claims, `n` how much follows. */
static const struct fault {
	const char *what;
	bool keeper;
	unsigned type;
	uint16_t zero;
	uint32_t size;
	size_t n;
} faults[] = {
	{ "a request of 4 GiB", false, MSG_REQUEST, 0, 0xffffffff, 16 },
	{ "a request of one octet more than its row allows", false, MSG_REQUEST, 0, 1114113, 16 },
	{ "an empty request", false, MSG_REQUEST, 0, 0, 0 },
	{ "a request that ends in its head", false, MSG_REQUEST, 0, 10, 10 },
	{ "a request with reserved octets that are not zero", false, MSG_REQUEST, 1, 16, 16 },
	{ "an ASSOCIATION_OPEN larger than its row allows", false, MSG_ASSOCIATION_OPEN, 0, 24577, 16 },
	{ "an ASSOCIATION_CLOSE larger than its row allows", false, MSG_ASSOCIATION_CLOSE, 0, 65, 65 },
	{ "an ASSOCIATION_CLOSE that is too short", false, MSG_ASSOCIATION_CLOSE, 0, 3, 3 },
	{ "an ASSOCIATION_CLOSE with octets after its end", false, MSG_ASSOCIATION_CLOSE, 0, 9, 9 },
	{ "a call larger than its row allows", true, MSG_CALL, 0, 65537, 16 },
	{ "a call with reserved octets that are not zero", true, MSG_CALL, 9, 4, 4 },
};

/* Bodies of the right size and the wrong content are answered by a refusal. */
static void case_contents(void)
{
	struct buf answer = buf_make(1 << 20);
	err_t err;

	for (size_t n = 0; n <= sizeof(zeros); n++) {
		err = ask_core(MSG_ASSOCIATION_OPEN, bytes_make(zeros, n), &answer);
		if (err != ERR_OK || answer.n < 8 || get_be64(answer.p) != 0) {
			say("FELL", "ASSOCIATION_OPEN of zeros", err_name(err));
			break;
		}
	}
	if (err == ERR_OK)
		say("refused", "ASSOCIATION_OPEN of 0..256 zeros", "number 0");
	err = ask_core(MSG_REQUEST, bytes_make(zeros, 200), &answer);
	say(err != ERR_OK || !memmem(answer.p, answer.n, "\x63rsc\x19\x07", 6) ? "refused" : "FELL",
	    "a request of zeros", err_name(err));
	buf_free(&answer);
}

/* What hostile.joining says is asked of the core, on an association that is live: by whom
 * (3: that association, 1: a ticket), and the fields of JOIN in hex. */
static void join_as_told(uint64_t number, char *line)
{
	static const char blank[] = " \n";
	struct buf body = buf_make(4096), answer = buf_make(16384);
	struct wire_out out = wire_out(&body);
	const char *words[7] = { NULL };
	uint8_t octets[256];
	char what[200];
	err_t err;

	for (size_t i = 0; i < COUNT_OF(words); i++)
		words[i] = strtok(i ? NULL : line, blank);
	must(words[6] != NULL); /* verdict, way, ticket, shown, id, point, proof; then the text */
	wire_put_u8(&out, (uint8_t)(words[1][0] - '0'));
	wire_put_bytes(&out, words[2][0] == '-' ? BYTES_NONE : bytes_str(words[2]));
	must(words[3][0] == '-' || bytes_from_hex(bytes_str(words[3]), octets, strlen(words[3]) / 2) == ERR_OK);
	wire_put_bytes(&out, words[3][0] == '-' ? BYTES_NONE : bytes_make(octets, strlen(words[3]) / 2));
	for (int i = 0; i < 3; i++) /* no device */
		wire_put_bytes(&out, BYTES_NONE);
	wire_put_u64(&out, words[1][0] == '3' ? number : 0);
	wire_put_bytes(&out, words[4][0] == '-' ? BYTES_NONE : bytes_str(words[4]));
	for (size_t i = 5; i < 7; i++) {
		must(bytes_from_hex(bytes_str(words[i]), octets, strlen(words[i]) / 2) == ERR_OK);
		wire_put_bytes(&out, bytes_make(octets, strlen(words[i]) / 2));
	}
	wire_put_bytes(&out, BYTES_NONE);
	must(out.err == ERR_OK);
	snprintf(what, sizeof(what), "%s", strtok(NULL, "\n"));
	err = ask_core(MSG_JOIN, bytes_of_buf(&body), &answer);
	if (strcmp(words[0], "control") == 0)
		say(err == ERR_OK && answer.n && answer.p[0] == ERR_OK ? "note" : "FELL", what, "");
	else
		say(err == ERR_OK && answer.n && answer.p[0] == ERR_REFUSED ? "refused" : "FELL", what, "");
	buf_free(&body);
	buf_free(&answer);
}

static void case_devices(void);
static void case_recorded(void);

static void case_joining(void)
{
	FILE *f = fopen("hostile.joining", "r");
	uint8_t secret[48];
	uint64_t number;
	char line[1024];
	err_t err = ERR_REFUSED;

	must(f != NULL);
	for (int i = 0; i < 50 && err != ERR_OK; i++) {
		usleep(100000);
		err = run_key_schedule(secret);
		if (err == ERR_OK)
			err = open_association(2, tag, bytes_make(zeros, 32), bytes_str(identity), &number);
	}
	must(err == ERR_OK);
	while (fgets(line, sizeof(line), f))
		join_as_told(number, line);
	fclose(f);
	case_devices();
	case_recorded();
}

/* --- devices of makers -------------------------------------------------------------- */

/* A file of hostile.*, in DER or PEM. */
static struct buf file_of(const char *name)
{
	struct buf out = buf_make(16384);
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "hostile.%s", name);
	fd = open(path, O_RDONLY);
	must(fd >= 0 && buf_reserve(&out, 16384) == ERR_OK);
	n = read(fd, out.p, 16384);
	must(n > 0);
	out.n = (size_t)n;
	close(fd);
	return out;
}

static struct crypt_key key_of(const char *name)
{
	struct buf pem = file_of(name);
	struct crypt_key key = { NULL };

	must(crypt_p256_from_pem(bytes_of_buf(&pem), &key) == ERR_OK);
	buf_free(&pem);
	return key;
}

/* A handshake that this gate has with itself, as the client of that key and these
 * certificates; the keeper signs for the node, under the tag. */
static struct proof_made handshake_as(struct crypt_key *client, const struct bytes *der, size_t n, int64_t at)
{
	struct proof_made p = { .transcript = buf_make(20 * 1024) };

	proof_client = client;
	proof_at = at;
	proof_number++;
	proof_tls13(&p, der, n, PROOF_TLS13);
	return p;
}

static err_t sign_again(const struct proof_made *p, const uint8_t with[KEEPER_TAG])
{
	struct keeper_key key;
	struct buf out = buf_make(4096);
	err_t err;

	TRY(keeper_open_key(&keeper, BYTES("node"), &key));
	TRY(keeper_sign(&keeper, key.handle, SIGN_TLS13_SERVER, with, bytes_make(p->input, p->input_n), &out));
out:
	buf_free(&out);
	return err;
}

static void put_signature(struct wire_out *out, struct crypt_key *by, struct bytes message, bool hex)
{
	struct buf signature = buf_make(128);
	char text[256] = "";

	must(crypt_p256_sign(by, message, &signature) == ERR_OK);
	if (hex)
		bytes_to_hex(bytes_of_buf(&signature), text, sizeof(text));
	wire_put_bytes(out, hex ? bytes_str(text) : bytes_of_buf(&signature));
	buf_free(&signature);
}

/* What a joining as a maker's device says; NULL: nobody says that the key is the device's. */
struct device_join {
	const uint8_t *tag;
	const struct proof_made *shown;
	struct bytes maker;
	const char *id;
	struct crypt_key *holder;
};

static void join_as_device(const struct device_join *d, bool control, const char *what)
{
	struct buf body = buf_make(32768), answer = buf_make(16384), message = buf_make(1024);
	struct wire_out out = wire_out(&body);
	struct crypt_key own = { NULL };
	uint8_t point[CRYPT_POINT];
	char entity[96];
	bool joined;

	must(crypt_p256_new(&own) == ERR_OK && crypt_p256_point(&own, point) == ERR_OK);
	snprintf(entity, sizeof(entity), "//demo.example/in-cse/%s", d->id);
	wire_put_u8(&out, JOIN_BY_MAKER);
	wire_put_bytes(&out, BYTES_NONE);
	must(buf_add(&message, BYTES("holdfast renewal\0")) == ERR_OK && buf_add(&message, bytes_str(entity)) == ERR_OK &&
	     buf_add(&message, BYTES_OF(point)) == ERR_OK);
	if (d->holder)
		put_signature(&out, d->holder, bytes_of_buf(&message), true);
	else
		wire_put_bytes(&out, BYTES_NONE);
	wire_put_bytes(&out, bytes_make(d->tag, KEEPER_TAG));
	wire_put_bytes(&out, d->shown ? bytes_of_buf(&d->shown->transcript) : BYTES_NONE);
	wire_put_bytes(&out, d->maker);
	wire_put_u64(&out, 0);
	wire_put_bytes(&out, bytes_str(d->id));
	wire_put_bytes(&out, BYTES_OF(point));
	buf_clear(&message);
	must(buf_add(&message, BYTES("holdfast enrolment\0\1")) == ERR_OK && buf_add(&message, bytes_str(entity)) == ERR_OK &&
	     buf_add(&message, BYTES_OF(point)) == ERR_OK);
	put_signature(&out, &own, bytes_of_buf(&message), false);
	wire_put_bytes(&out, BYTES_NONE);
	must(out.err == ERR_OK && ask_core(MSG_JOIN, bytes_of_buf(&body), &answer) == ERR_OK && answer.n);
	joined = answer.p[0] == ERR_OK;
	if (control)
		say(joined ? "note" : "FELL", what, joined ? "" : err_name((err_t)answer.p[0]));
	else
		say(answer.p[0] == ERR_REFUSED ? "refused" : "FELL", what, "");
	crypt_key_free(&own);
	buf_free(&body);
	buf_free(&answer);
	buf_free(&message);
}

/* The control: an authoriser that is told what the gate found, as it was before. */
static err_t key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	crypt_random(key, 32);
	return buf_add(sealed, bytes_make(key, 32));
}

static err_t key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	return bytes_put(key, 32, sealed);
}

static err_t index_key(void *self, struct bytes attribute, uint8_t key[32])
{
	crypt_sha256(attribute, key);
	return ERR_OK;
}

static void control_of_devices(struct bytes maker)
{
	const struct store_setup setup = { .engine = "memory", .cache_rows = 16, .keys = { NULL, key_new, key_open, index_key, NULL } };
	struct ticket t = { .kind = TICKET_MAKER, .pattern = "Cacme*", .uses = 9, .until = far };
	struct store *s = NULL;
	uint8_t invented[32] = { 1 }, digest[32];
	struct join_ask ask = { .way = JOIN_BY_MAKER, .id = BYTES("Cacme9"), .device = BYTES_OF(invented), .maker = BYTES_OF(digest), .now = 1 };
	struct join_grant grant;
	const char *why;
	err_t err;

	crypt_sha256(maker, digest);
	bytes_copy(t.digest, digest, sizeof(t.digest));
	bytes_to_hex(bytes_make(digest, TICKET_ID / 2), t.id, sizeof(t.id));
	err = store_open(&setup, &s);
	if (err == ERR_OK)
		err = store_begin(s);
	if (err == ERR_OK)
		err = ticket_create(s, &t);
	if (err == ERR_OK)
		err = join_authorise(s, &ask, &grant, &why);
	say(err == ERR_OK ? "note" : "FELL", "control: believed, a gate lets a stranger in as a maker's device", err_name(err));
}

/* A stranger, by all that is public and by what the gate has recorded. */
static void case_devices(void)
{
	struct buf maker = file_of("maker.der"), leaf = file_of("device.der"), strange = file_of("strange.der");
	struct buf fake = file_of("fake.der"), below = file_of("below.der");
	struct crypt_key device = key_of("device.pem"), other = key_of("strange.pem"), made = key_of("below.pem");
	struct bytes one[2] = { bytes_of_buf(&leaf) };
	uint8_t t[KEEPER_TAG] = "a device's tag 0";
	struct proof_made p;
	struct device_join d = { t, NULL, bytes_of_buf(&maker), "Cacme1", &other };

	control_of_devices(d.maker);
	join_as_device(&d, false, "join as a maker's device without any handshake");
	must(use_node_key(t) == ERR_OK);
	join_as_device(&d, false, "the same after a handshake of its own, without the device's proof");
	p = handshake_as(&other, one, 1, clock_now());
	d.shown = &p;
	must(sign_again(&p, t) == ERR_OK);
	join_as_device(&d, false, "with a device's certificate, which is public, and another key");
	one[0] = bytes_of_buf(&strange);
	p = handshake_as(&other, one, 1, clock_now());
	must(sign_again(&p, t) == ERR_OK);
	join_as_device(&d, false, "with a certificate of another maker of the same name");
	must(sign_again(&p, t) == ERR_OK);
	d.maker = bytes_of_buf(&fake);
	join_as_device(&d, false, "the same, and that maker's certificate");
	d.maker = bytes_of_buf(&maker);
	one[0] = bytes_of_buf(&below);
	one[1] = bytes_of_buf(&leaf);
	p = handshake_as(&made, one, 2, clock_now());
	must(sign_again(&p, t) == ERR_OK);
	join_as_device(&d, false, "with a certificate that a device of the maker's made");
	one[0] = bytes_of_buf(&leaf);
	p = handshake_as(&device, one, 1, clock_now() - 3600000);
	must(sign_again(&p, t) == ERR_OK);
	d.holder = &device;
	join_as_device(&d, false, "with a device's handshake of an hour ago");
	p = handshake_as(&device, one, 1, clock_now());
	d.holder = NULL;
	must(sign_again(&p, t) == ERR_OK);
	join_as_device(&d, false, "a key of its own while a device joins");
	p = handshake_as(&device, one, 1, clock_now());
	d.holder = &other;
	must(sign_again(&p, t) == ERR_OK);
	join_as_device(&d, false, "the same, as the device's, by its own word");
	p = handshake_as(&device, one, 1, clock_now());
	d.holder = &device;
	must(sign_again(&p, t) == ERR_OK);
	join_as_device(&d, true, "control: the device itself joins");
	must(sign_again(&p, t) == ERR_OK);
	d.id = "Cacme2";
	join_as_device(&d, false, "with that handshake once more");
}

/* A handshake of an enrolled client, as this gate may have recorded it. */
static void case_recorded(void)
{
	struct buf leaf = file_of("enrolled.der");
	struct crypt_key client = key_of("enrolled.pem");
	struct bytes one = bytes_of_buf(&leaf);
	uint8_t print[32], t[KEEPER_TAG] = "recorded tag of.";
	struct proof_made p = handshake_as(&client, &one, 1, clock_now() - 3600000);
	struct claim c = { 1, t, BYTES_OF(print), BYTES_NONE, far, bytes_of_buf(&p.transcript) };
	uint64_t number;
	err_t err;

	crypt_sha256(one, print);
	must(sign_again(&p, t) == ERR_OK);
	judge_open(open_claim(&c, &number), "open by a client's handshake of an hour ago, which the keeper signs again");
	p = handshake_as(&client, &one, 1, clock_now());
	c.transcript = bytes_of_buf(&p.transcript);
	must(sign_again(&p, t) == ERR_OK);
	err = open_claim(&c, &number);
	say(err == ERR_OK ? "note" : "FELL", "control: a client's handshake of now opens", err == ERR_OK ? "" : reason);
	must(sign_again(&p, t) == ERR_OK);
	judge_open(open_claim(&c, &number), "open by a client's handshake of now, which the keeper signs again");
}

/* The parent ends a worker that speaks out of turn; so the last words come first. */
static void case_parent(void)
{
	static const unsigned types[] = { MSG_START, MSG_LINK, MSG_STOP, MSG_PENALTY };

	say("note", "a message that a gate may not send goes to the parent", "");
	raw_frame(w.control.fd, types[(unsigned)getpid() % COUNT_OF(types)], 0, 4, 4);
	sleep(3);
	say("FELL", "outlived a message to the parent that a gate may not send", "");
}

static void case_use_of_keys_and_contents(void)
{
	case_other_handles();
	case_signing_oracle();
	case_psk_oracle();
	case_contents();
}

static void (*const cases[])(void) = {
	case_live, case_association_of_another_gate, case_invented_associations, case_use_of_keys_and_contents,
	 case_operations, case_certificates_and_sessions, case_joining, case_parent,
};

enum { SENDERS = 16 }; /* gates that send the message types: a node has at most 64 gates */

/* After the cases: each message type, to the core and to the keeper. */
static const unsigned allowed[] = { MSG_ASSOCIATION_OPEN, MSG_ASSOCIATION_CLOSE, MSG_REQUEST };

/* Lines of the report that this gate began so. */
static unsigned reported(unsigned gate, const char *verdict)
{
	static char before[1 << 18];
	ssize_t n = pread(report_fd, before + 1, sizeof(before) - 2, 0);
	char line[32];
	unsigned found = 0;

	before[0] = '\n';
	before[n > 0 ? n + 1 : 1] = '\0';
	snprintf(line, sizeof(line), "\n%u %s", gate, verdict);
	for (const char *at = before; (at = strstr(at, line)) != NULL; at++)
		found++;
	return found;
}

/* A node whose gates end before all were there once gives up. */
static void wait_for_all(void)
{
	for (unsigned i = 0, tries = 0; i < COUNT_OF(cases) + COUNT_OF(faults) + SENDERS && tries < 200;) {
		if (reported(i, "")) {
			i++;
			continue;
		}
		usleep(100000);
		tries++;
	}
}

/* True: there is more to play, in another start. */
static bool play_type(unsigned n)
{
	unsigned types = 0;

	for (unsigned type = 1; type < MSG_TYPE_COUNT; type++) {
		bool to_core = true;

		for (size_t i = 0; i < COUNT_OF(allowed); i++)
			to_core &= type != allowed[i];
		if ((!message_row(type) && type != 63) || (!to_core && type == MSG_CALL))
			continue;
		if (types++ != n)
			continue;
		if (to_core)
			send_row(&core, type);
		if (type != MSG_CALL)
			send_row(&keeper.link, type);
		say("end", "of a type", "");
		return true;
	}
	say("over", "no more types", "");
	return false;
}

static bool play(void)
{
	unsigned n = w.number;

	if (n < COUNT_OF(cases)) {
		cases[n]();
		return false;
	}
	n -= COUNT_OF(cases);
	if (n < COUNT_OF(faults)) {
		struct link *to = faults[n].keeper ? &keeper.link : &core;

		raw_frame(to->fd, faults[n].type, faults[n].zero, faults[n].size, faults[n].n);
		say(link_ended(to) ? "refused" : "FELL", faults[n].what, "");
		return false;
	}
	n -= COUNT_OF(faults);
	return play_type(n + SENDERS * reported(w.number, "end "));
}

int main(int argc, char **argv)
{
	char path[700];

	log_open("hostile gate");
	if (worker_start(ROLE_GATE, argc, argv, &w) != ERR_OK)
		return 1;
	if (chdir(w.directory) != 0)
		return 1;
	snprintf(path, sizeof(path), "%s/hostile.txt", w.directory);
	link_init(&core, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_CORE, 0), ROLE_GATE, ROLE_CORE, 0);
	link_init(&keeper.link, worker_take_link(&w, WORKER_LINK_NEIGHBOUR, ROLE_KEEPER, 0), ROLE_GATE, ROLE_KEEPER, 0);
	if (!report_open(path) || !ready(BYTES("hostile")))
		return 1;
	case_number = w.number; /* of the gate, which plays its case */
	if (play()) {
		wait_for_all();
		return 0; /* and again */
	}
	for (;;) {
		struct worker_event event;

		if (link_wait(&w.control, 1000) == ERR_TIMEOUT)
			continue;
		if (worker_next_event(&w, &event) != ERR_OK || event.type == MSG_STOP)
			return 0;
	}
}
