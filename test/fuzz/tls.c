/* tls: the gate's TLS set-up, with a keeper behind it, by records and handshake messages
 * that come wrongly. The first octet says who speaks:
 *
 *   0       the octets themselves, as records
 *   1..5    a stock client with a good credential (certificate or pre-shared key, TLS 1.3
 *           or 1.2) or a stranger's, and each octet what becomes of the next record,
 *           of either side: passed, left out, twice, changed, cut, of another type, held back
 *
 * Whatever is done to a handshake, the server ends it only where nothing was done to what
 * it took, and never with a stranger. */
#include "../unit/channel_pair.h"

enum { RAW, BY_CERTIFICATE_13, BY_CERTIFICATE_12, BY_PSK_13, BY_PSK_12, STRANGER, SPEAKERS };
enum { HEAD = 5, RECORD_MAX = 20000, ROUNDS = 40, CHANGE_CIPHER = 20, ALERT = 21 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static SSL_CTX *clients[SPEAKERS];

static SSL_CTX *at_version(SSL_CTX *ctx, int version)
{
	must(SSL_CTX_set_min_proto_version(ctx, version) == 1 && SSL_CTX_set_max_proto_version(ctx, version) == 1);
	return ctx;
}

static SSL_CTX *stranger(void)
{
	struct certificate_spec spec = { .san = "URI:" AE };
	struct buf pem = buf_make(8192), key = buf_make(8192);
	SSL_CTX *ctx;

	certificate_make(&rogue, &spec, &pem, &key, NULL);
	ctx = certificate_client(bytes_of_buf(&pem), bytes_of_buf(&key));
	buf_free(&pem);
	buf_free(&key);
	return ctx;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct bytes key = BYTES_OF(psk32);

	(void)setup(NULL);
	clients[BY_CERTIFICATE_13] = at_version(certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key)), TLS1_3_VERSION);
	clients[BY_CERTIFICATE_12] = at_version(certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key)), TLS1_2_VERSION);
	clients[BY_PSK_13] = at_version(psk_client(PSK_NAME, key), TLS1_3_VERSION);
	clients[BY_PSK_12] = at_version(psk_client(PSK_NAME, key), TLS1_2_VERSION);
	clients[STRANGER] = stranger();
	return 0;
}

/* --- both ends, and what lies between ------------------------------------------------- */

struct talk {
	SSL *client, *server;
	bool client_done, server_done, client_dead, server_dead;
	bool tampered;  /* the server must not end it */
	bool disturbed; /* nor need it succeed */
	struct bytes script;
	uint8_t held[RECORD_MAX];
	size_t held_n;
};

static void give(SSL *to, const uint8_t *record, size_t n)
{
	must(BIO_write(SSL_get_rbio(to), record, (int)n) == (int)n);
}

static void turn(SSL *ssl, bool *done, bool *dead)
{
	ERR_clear_error();
	if (!*dead && !step(ssl, done))
		*dead = true;
}

/* One record of `from`; 0 when there is none. */
static size_t take(SSL *from, uint8_t record[RECORD_MAX])
{
	BIO *out = SSL_get_wbio(from);
	size_t n;

	if (BIO_ctrl_pending(out) < HEAD || BIO_read(out, record, HEAD) != HEAD)
		return 0;
	n = (size_t)record[3] << 8 | record[4];
	must(HEAD + n <= RECORD_MAX && BIO_read(out, record + HEAD, (int)n) == (int)n);
	return HEAD + n;
}

/* The next octet of the script. */
static unsigned next(struct talk *t)
{
	unsigned c = t->script.n ? t->script.p[0] : 0;

	t->script = bytes_sub(t->script, 1, t->script.n);
	return c;
}

/* The record as it goes on, and whether that is what was sent. In TLS 1.3 a lone
 * ChangeCipherSpec means nothing, and an alert is nobody's step: they go as they are. */
static void carry(struct talk *t, SSL *to, uint8_t *record, size_t n)
{
	unsigned what = next(t) % 8, at;
	bool before = t->tampered;

	if (what == 0 || n <= HEAD || record[0] == CHANGE_CIPHER || record[0] == ALERT) {
		give(to, record, n);
		return;
	}
	at = next(t);
	t->tampered = t->disturbed = true;
	switch (what) {
	case 1: /* left out */
		return;
	case 2: /* twice: where the first ends the handshake, or the client is done, the second is nobody's */
		t->tampered = before;
		give(to, record, n);
		if (to == t->client)
			break;
		turn(t->server, &t->server_done, &t->server_dead);
		t->tampered = !t->server_done || before;
		if (t->server_done)
			return;
		break;
	case 3: /* changed */
		record[HEAD + at % (n - HEAD)] ^= (uint8_t)(1 + next(t) % 255);
		break;
	case 4: /* cut */
		n = HEAD + at % (n - HEAD);
		record[3] = (uint8_t)((n - HEAD) >> 8);
		record[4] = (uint8_t)(n - HEAD);
		break;
	case 5: /* of another type */
		record[0] = (uint8_t)(record[0] == 22 ? 23 : 22);
		break;
	case 6: /* held back for the next one of either side */
		if (t->held_n == 0) {
			bytes_copy(t->held, record, n);
			t->held_n = n;
			return;
		}
		break;
	default: /* another message of the handshake in front; not a HelloRequest, which a client passes over */
		give(to, (const uint8_t[]){ 22, 3, 3, 0, 4, (uint8_t)(at ? at : 1), 0, 0, 0 }, HEAD + 4);
		break;
	}
	give(to, record, n);
	if (t->held_n) {
		give(to, t->held, t->held_n);
		t->held_n = 0;
	}
}

static void exchange(struct talk *t)
{
	static uint8_t record[RECORD_MAX];
	size_t n;

	for (int i = 0; i < ROUNDS && !t->server_done && !t->server_dead; i++) {
		bool moved = false;

		turn(t->client, &t->client_done, &t->client_dead);
		while (!t->server_done && !t->server_dead && (n = take(t->client, record)) > 0) {
			carry(t, t->server, record, n);
			turn(t->server, &t->server_done, &t->server_dead);
			moved = true;
		}
		while (!t->server_done && (n = take(t->server, record)) > 0) {
			carry(t, t->client, record, n);
			moved = true;
		}
		if (!moved)
			break;
	}
}

static void memory(SSL *ssl)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	must(in && out);
	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(ssl, in, out);
}

static void by_client(unsigned who, struct bytes script)
{
	static struct talk t;
	struct channel_peer peer;

	t = (struct talk){ .script = script };
	must(channel_new(server, &t.server) == ERR_OK);
	t.client = SSL_new(clients[who]);
	must(t.client != NULL);
	SSL_set_connect_state(t.client);
	memory(t.client);
	memory(t.server);
	exchange(&t);
	if (t.server_done)
		must(!t.tampered && who != STRANGER && channel_peer(t.server, &peer) == ERR_OK);
	else if (!t.disturbed && who != STRANGER)
		must(!"an honest handshake failed");
	SSL_free(t.client);
	SSL_free(t.server);
	ERR_clear_error();
}

static void by_octets(struct bytes octets)
{
	bool done = false, dead = false;
	SSL *ssl;

	must(channel_new(server, &ssl) == ERR_OK);
	memory(ssl);
	if (octets.n)
		give(ssl, octets.p, octets.n);
	turn(ssl, &done, &dead);
	must(!done);
	SSL_free(ssl);
	ERR_clear_error();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned who = size ? data[0] % SPEAKERS : RAW;
	struct bytes rest = bytes_sub(bytes_make(data, size), 1, size);

	/* What the keeper tells the core is read, or its link fills up. */
	must(keeper_drain(&child.core) == ERR_OK);
	if (who == RAW)
		by_octets(rest);
	else
		by_client(who, rest);
	return 0;
}
