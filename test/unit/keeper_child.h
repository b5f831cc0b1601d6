/* keeper_child.h: a real keeper in a forked child, for tests and benchmarks of
 * what talks to it. The key store is in the child's memory only.
 *
 * The parent gets GATES links as a gate and one as the core, and the PEM of the
 * node (CA first, then node certificate). */
#ifndef KEEPER_CHILD_H
#define KEEPER_CHILD_H

#include "base/clock.h"
#include "crypt/crypt.h"
#include "keeper/keeper.h"
#include "wire/keeper_calls.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

enum { CHILD_GATES = 2, CHILD_LINKS = CHILD_GATES + 1 };

#define CHILD_SP "//sp.example.org"
#define CHILD_HOST "in-cse.sp.example.org"

struct keeper_child {
	pid_t pid;
	struct keeper gates[CHILD_GATES];
	struct keeper core;
	struct buf ca_pem, node_pem;
	unsigned used; /* CREDENTIAL_USED seen by keeper_drain of the core */
	uint8_t used_tag[KEEPER_TAG];
	unsigned used_kind;
	char used_name[KEEPER_NAME_MAX + 1];
};

/* --- the child ------------------------------------------------------------- */

static struct link child_links[CHILD_LINKS]; /* the last is the core's */

static inline err_t child_notify(void *self, enum message_type type, struct bytes body)
{
	struct link *core = &child_links[CHILD_GATES];
	err_t err;

	TRY(link_send(core, type, 0, body));
	TRY(link_flush(core));
out:
	return err;
}

static inline void child_serve(struct keeper_state *ks, struct keeper_caller *who, struct link *l)
{
	struct buf result = buf_make(KEEPER_RESULT_MAX);
	struct message m;
	bool found;

	if (link_read(l) != ERR_OK)
		_exit(0);
	while (link_next(l, &m, &found) == ERR_OK && found) {
		must(keeper_ask(ks, who, m.ref, m.body, &result) == ERR_OK);
		must(link_send(l, MSG_RESULT, m.ref, bytes_of_buf(&result)) == ERR_OK);
		must(link_flush(l) == ERR_OK);
	}
	buf_free(&result);
}

/* Keys that an administrator has ordered. */
static inline void child_keys(struct keeper_state *ks)
{
	static const struct { const char *name; enum key_class class; } rows[] = {
		{ "user/e", KEY_ED25519 }, { "user/p", KEY_EC_P256 }, { "user/s", KEY_SYMMETRIC_32 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct vault_key *out, key = vault_key_new(key_provider_first(), rows[i].class, ORIGIN_GENERATED, 0);

		key.policy = TO(CORE);
		key.purposes = rows[i].class == KEY_SYMMETRIC_32 ? 0 : 1u << SIGN_STATEMENT;
		must(key.provider->make(&key.key) == ERR_OK);
		must(vault_add(&ks->vault, bytes_str(rows[i].name), &key, &out) == ERR_OK);
	}
}

static inline void child_run(int fds[CHILD_LINKS])
{
	static struct keeper_state ks;
	struct keeper_caller *who[CHILD_LINKS];
	struct pollfd polls[CHILD_LINKS];
	struct buf pem = buf_make(16384);
	struct keeper_node node = { .sp = BYTES(CHILD_SP), .cse = BYTES("/in-cse"),
		                    .days = 30, .passphrase = BYTES("a test passphrase") };
	struct machine none = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	node.machine = &none;
	must(keeper_start() == ERR_OK);
	keeper_init(&ks, -1);
	ks.notify = child_notify;
	must(keeper_make_node(&ks.vault, &node, &pem) == ERR_OK);
	child_keys(&ks);
	must(write(fds[CHILD_GATES], pem.p, pem.n) == (ssize_t)pem.n);
	for (int i = 0; i < CHILD_LINKS; i++) {
		enum role role = i < CHILD_GATES ? ROLE_GATE : ROLE_CORE;

		must(keeper_caller_new(&ks, role, (unsigned)i, &who[i]) == ERR_OK);
		link_init(&child_links[i], fds[i], ROLE_KEEPER, role, (unsigned)i);
		polls[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	}
	for (;;) {
		if (poll(polls, CHILD_LINKS, -1) < 0)
			_exit(1);
		for (int i = 0; i < CHILD_LINKS; i++)
			if (polls[i].revents)
				child_serve(&ks, who[i], &child_links[i]);
	}
}

/* --- the parent -------------------------------------------------------------- */

static inline void child_notice(void *self, struct bytes body)
{
	struct keeper_child *c = self;
	struct wire_in in = wire_in(body);

	(void)wire_get_u8(&in);
	(void)wire_get_u8(&in);
	bytes_copy(c->used_tag, wire_get_fixed(&in, KEEPER_TAG).p, KEEPER_TAG);
	c->used_kind = wire_get_u8(&in);
	must(bytes_put_str(c->used_name, sizeof(c->used_name),
	                   wire_get_bytes(&in, KEEPER_NAME_MAX)) == ERR_OK);
	c->used++;
}

static inline void keeper_child_start(struct keeper_child *c)
{
	int mine[CHILD_LINKS], theirs[CHILD_LINKS], pair[2];
	struct bytes end = BYTES("-----END CERTIFICATE-----\n"), pem;
	static char text[16384];
	ssize_t n;
	size_t at;

	for (int i = 0; i < CHILD_LINKS; i++) {
		must(link_pair(pair) == ERR_OK);
		mine[i] = pair[0];
		theirs[i] = pair[1];
	}
	c->pid = fork();
	must(c->pid >= 0);
	if (c->pid == 0) {
		for (int i = 0; i < CHILD_LINKS; i++)
			close(mine[i]);
		child_run(theirs);
	}
	for (int i = 0; i < CHILD_LINKS; i++)
		close(theirs[i]);
	n = read(mine[CHILD_GATES], text, sizeof(text));
	must(n > 0);
	pem = bytes_make(text, (size_t)n);
	for (at = 0; !bytes_starts(bytes_sub(pem, at, pem.n), end); at++)
		must(at < pem.n);
	c->ca_pem = buf_make(8192);
	c->node_pem = buf_make(8192);
	must(buf_add(&c->ca_pem, bytes_sub(pem, 0, at + end.n)) == ERR_OK);
	must(buf_add(&c->node_pem, bytes_sub(pem, at + end.n, pem.n)) == ERR_OK);
	for (int i = 0; i < CHILD_GATES; i++)
		link_init(&c->gates[i].link, mine[i], ROLE_GATE, ROLE_KEEPER, 0);
	link_init(&c->core.link, mine[CHILD_GATES], ROLE_CORE, ROLE_KEEPER, 0);
	c->core.notice = child_notice;
	c->core.self = c;
}

static inline void keeper_child_stop(struct keeper_child *c)
{
	for (int i = 0; i < CHILD_GATES; i++)
		link_close(&c->gates[i].link);
	link_close(&c->core.link);
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	buf_free(&c->ca_pem);
	buf_free(&c->node_pem);
}

/* The point that pre-shared keys are sealed to; the key list shows it. */
static inline err_t keeper_child_import_point(struct keeper_child *c, uint8_t out[CRYPT_POINT])
{
	struct buf row = buf_make(KEEPER_RESULT_MAX);
	struct keeper_key_row found;
	uint8_t index[4];
	err_t err;

	for (uint32_t i = 0;; i++) {
		put_be32(index, i);
		buf_clear(&row);
		TRY(keeper_call(&c->core, OP_KEY_LIST, BYTES_OF(index), &row));
		TRY(keeper_key_row_read(bytes_of_buf(&row), &found));
		if (bytes_equal(found.name, BYTES("import")))
			break;
	}
	TRY(bytes_put(out, CRYPT_POINT, found.public_key));
out:
	buf_free(&row);
	return err;
}

/* Give the keeper a pre-shared key, as an enrolment does. */
static inline err_t keeper_child_psk(struct keeper_child *c, struct bytes identity, struct bytes key)
{
	static const uint8_t nonce[CRYPT_AEAD_NONCE];
	struct crypt_key ephemeral = { NULL };
	struct crypt_aead aead = { NULL, NULL };
	struct buf info = buf_make(256), name = buf_make(KEEPER_NAME_MAX);
	uint8_t sealed[CRYPT_POINT + 64 + CRYPT_AEAD_TAG], x[32], wrap[32];
	uint8_t import[CRYPT_POINT];
	err_t err;

	TRY(keeper_child_import_point(c, import));
	TRY(crypt_p256_new(&ephemeral));
	TRY(crypt_p256_point(&ephemeral, sealed));
	TRY(crypt_p256_ecdh(&ephemeral, import, x));
	TRY(buf_add(&info, bytes_make("holdfast import", 16)));
	TRY(buf_add(&info, identity));
	crypt_hkdf_sha256(BYTES_NONE, BYTES_OF(x), bytes_of_buf(&info), wrap, 32);
	TRY(crypt_aead_init(&aead, wrap));
	TRY(crypt_aead_seal(&aead, nonce, identity, key, sealed + CRYPT_POINT));
	TRY(keeper_import_psk(&c->core, identity,
	                      bytes_make(sealed, CRYPT_POINT + key.n + CRYPT_AEAD_TAG),
	                      clock_now() + 86400000, &name));
out:
	crypt_aead_free(&aead);
	crypt_key_free(&ephemeral);
	buf_free(&info);
	buf_free(&name);
	return err;
}

/* A key and a certificate of the node's CA for an entity, as an enrolment does. */
static inline err_t keeper_child_certificate(struct keeper_child *c, enum certify_kind kind,
                                      struct bytes subject, struct buf *pem, struct buf *key_pem)
{
	struct crypt_key k = { NULL };
	struct buf text = buf_make(512), proof = buf_make(80), der = buf_make(4096);
	uint8_t point[CRYPT_POINT];
	struct keeper_certify ask = { .kind = kind, .subject = subject,
		                      .not_after = clock_now() + 86400000 };
	err_t err;

	TRY(crypt_p256_new(&k));
	TRY(crypt_p256_point(&k, point));
	TRY(buf_add(&text, bytes_make("holdfast enrolment", 19)));
	TRY(buf_add_byte(&text, (uint8_t)kind));
	TRY(buf_add(&text, subject));
	TRY(buf_add(&text, BYTES_OF(point)));
	TRY(crypt_p256_sign(&k, bytes_of_buf(&text), &proof));
	ask.public_key = BYTES_OF(point);
	ask.proof = bytes_of_buf(&proof);
	TRY(keeper_certify(&c->core, &ask, &der));
	TRY(crypt_certificate_pem(bytes_of_buf(&der), pem));
	TRY(crypt_p256_to_pem(&k, key_pem));
out:
	crypt_key_free(&k);
	buf_free(&text);
	buf_free(&proof);
	buf_free(&der);
	return err;
}

#endif
