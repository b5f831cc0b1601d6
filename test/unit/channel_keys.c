#define _GNU_SOURCE /* memmem */
/* channel_keys: the stock openssl s_client as peer, and where the keys are: a
 * keeper that comes and goes, a process that serves and holds none. */
#include "channel_pair.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>

static char folder[] = "/tmp/holdfast-channel-XXXXXX";

/* --- the stock client ---------------------------------------------------------------------------------- */

static void put_file(const char *name, struct bytes content, char path[256])
{
	FILE *f;
	struct buf b = buf_make(255);

	assert_int_equal(buf_printf(&b, "%s/%s", folder, name), ERR_OK);
	assert_int_equal(bytes_put_str(path, 256, bytes_of_buf(&b)), ERR_OK);
	buf_free(&b);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(content.p, 1, content.n, f), content.n);
	fclose(f);
}

static int listen_here(char address[32])
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval patience = { .tv_sec = 20 };
	socklen_t n = sizeof(at);
	struct buf b = buf_make(31);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(buf_printf(&b, "127.0.0.1:%u", ntohs(at.sin_port)), ERR_OK);
	assert_int_equal(bytes_put_str(address, 32, bytes_of_buf(&b)), ERR_OK);
	buf_free(&b);
	return fd;
}

/* openssl s_client with these arguments, "ping" on its standard input. */
static pid_t stock_start(const char *address, const char *const *more)
{
	const char *argv[32] = { "openssl", "s_client", "-connect", address, "-quiet",
		                 "-no_ign_eof" };
	size_t n = 6;
	int in[2];
	pid_t pid;

	for (; *more; more++)
		argv[n++] = *more;
	assert_int_equal(pipe(in), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(in[0], 0);
		dup2(null, 1);
		dup2(null, 2);
		close(in[1]);
		execvp("openssl", (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	assert_int_equal(write(in[1], "ping\n", 5), 5);
	/* Left open: the end of the input would close the connection. */
	fcntl(in[1], F_SETFD, FD_CLOEXEC);
	return pid;
}

struct stock {
	const char *what;
	const char *args[16];
	uint16_t version, suite;
	enum credential_kind kind; /* NONE: must be refused */
	const char *identity;
};

static void run_stock(const struct stock *row, const char *const *credential)
{
	const char *args[24];
	char address[32], line[8] = "";
	struct timeval patience = { .tv_sec = 20 };
	struct channel_peer peer;
	size_t n = 0;
	int listener = listen_here(address), fd, good;
	pid_t pid;
	SSL *ssl;

	for (size_t i = 0; row->args[i]; i++)
		args[n++] = row->args[i];
	for (; credential && *credential; credential++)
		args[n++] = *credential;
	args[n] = NULL;
	pid = stock_start(address, args);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(channel_new(server, &ssl), ERR_OK);
	SSL_set_fd(ssl, fd);
	ERR_clear_error();
	good = SSL_do_handshake(ssl) == 1;
	if (good != (row->kind != CREDENTIAL_NONE)) {
		char why[128];

		channel_error(why, sizeof(why));
		fail_msg("%s: %s", row->what, why);
	}
	if (good) {
		assert_int_equal(SSL_read(ssl, line, 5), 5);
		assert_string_equal(line, "ping\n");
		assert_int_equal(channel_peer(ssl, &peer), ERR_OK);
		assert_int_equal(peer.version, row->version);
		assert_int_equal(peer.suite, row->suite);
		assert_int_equal(peer.kind, row->kind);
		assert_string_equal(peer.identity, row->identity);
		if (row->kind == CREDENTIAL_PSK)
			assert_null(SSL_get_certificate(ssl) ? SSL_get0_peer_certificate(ssl) : NULL);
	}
	SSL_free(ssl);
	ERR_clear_error();
	close(fd);
	close(listener);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_stock_psk(void **state)
{
	static const struct stock rows[] = {
		{ "TLS 1.3", { "-tls1_3" }, 0x0304, 0x1301, CREDENTIAL_PSK, PSK_NAME },
		{ "TLS 1.3 by P-256", { "-tls1_3", "-groups", "P-256" }, 0x0304, 0x1301,
		  CREDENTIAL_PSK, PSK_NAME },
		{ "TLS 1.2", { "-tls1_2" }, 0x0303, 0xccac, CREDENTIAL_PSK, PSK_NAME },
		{ "TLS 1.2 plain", { "-tls1_2", "-cipher", "PSK-AES128-GCM-SHA256" }, 0x0303, 0x00a8,
		  CREDENTIAL_PSK, PSK_NAME },
		{ "TLS 1.2 CBC", { "-tls1_2", "-cipher", "PSK-AES128-CBC-SHA256" }, 0, 0,
		  CREDENTIAL_NONE, NULL },
		{ "without fresh exchange", { "-tls1_3", "-allow_no_dhe_kex", "-groups", "P-384" }, 0, 0,
		  CREDENTIAL_NONE, NULL },
	};
	char hex[65];
	const char *credential[] = { "-psk_identity", PSK_NAME, "-psk", hex, NULL };

	bytes_to_hex(BYTES_OF(psk32), hex, sizeof(hex));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		run_stock(&rows[i], credential);
}

static void test_stock_psk_refused(void **state)
{
	static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
	static const struct stock rows[] = {
		{ "wrong key, 1.3", { "-tls1_3", "-psk_identity", PSK_NAME, "-psk", zeros }, 0, 0, 0, NULL },
		{ "wrong key, 1.2", { "-tls1_2", "-psk_identity", PSK_NAME, "-psk", zeros }, 0, 0, 0, NULL },
		{ "unknown, 1.3", { "-tls1_3", "-psk_identity", "nobody", "-psk", zeros }, 0, 0, 0, NULL },
		{ "unknown, 1.2", { "-tls1_2", "-psk_identity", "nobody", "-psk", zeros }, 0, 0, 0, NULL },
		{ "nothing, 1.3", { "-tls1_3" }, 0, 0, 0, NULL },
		{ "nothing, 1.2", { "-tls1_2" }, 0, 0, 0, NULL },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		run_stock(&rows[i], NULL);
}

static void test_stock_certificate(void **state)
{
	static const struct stock rows[] = {
		{ "TLS 1.3", { "-tls1_3" }, 0x0304, 0x1301, CREDENTIAL_CERTIFICATE, "URI:" AE },
		{ "TLS 1.2", { "-tls1_2" }, 0x0303, 0xc02b, CREDENTIAL_CERTIFICATE, "URI:" AE },
		{ "TLS 1.3 by P-256", { "-tls1_3", "-groups", "P-256" }, 0x0304, 0x1301,
		  CREDENTIAL_CERTIFICATE, "URI:" AE },
		{ "early data", { "-tls1_3", "-groups", "ffdhe2048:P-256" }, 0x0304, 0x1301,
		  CREDENTIAL_CERTIFICATE, "URI:" AE },
	};
	char pem[256], key[256], ca[256];
	const char *credential[] = { "-cert", pem, "-key", key, "-CAfile", ca, "-verify_return_error",
		                     "-verify_hostname", CHILD_HOST, "-x509_strict", NULL };

	put_file("ae.pem", bytes_of_buf(&ae_pem), pem);
	put_file("ae.key", bytes_of_buf(&ae_key), key);
	put_file("ca.pem", bytes_of_buf(&child.ca_pem), ca);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		run_stock(&rows[i], credential);
	remove(pem);
	remove(key);
	remove(ca);
}

/* --- the keeper comes and goes ---------------------------------------------------------------------------- */

/* After a restart the link is another and the handles of before mean nothing. */
static void test_link_replaced(void **state)
{
	SSL_CTX *ctx = certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
	struct keeper shared = child.gates[0];
	SSL_CTX *own = server_make(&shared, false);
	struct pair p;

	shared.link = child.gates[1].link;
	pair_open(&p, ctx, own);
	assert_true(pair_shake(&p));
	pair_close(&p);
	child.gates[1] = shared;
	SSL_CTX_free(own);
	SSL_CTX_free(ctx);
}

static void test_keeper_gone(void **state)
{
	SSL_CTX *by_certificate = certificate_client(bytes_of_buf(&ae_pem), bytes_of_buf(&ae_key));
	SSL_CTX *by_psk = psk_client(PSK_NAME, BYTES_OF(psk32));
	struct keeper shared = child.gates[0];
	SSL_CTX *own = server_make(&shared, false);
	struct pair p;
	int fd[2];

	assert_int_equal(link_pair(fd), ERR_OK);
	close(fd[1]);
	child.gates[0] = shared;
	link_init(&shared.link, fd[0], ROLE_GATE, ROLE_KEEPER, 0);
	for (int i = 0; i < 2; i++) {
		pair_open(&p, i ? by_psk : by_certificate, own);
		assert_false(pair_shake(&p));
		assert_true(p.why[0]);
		pair_close(&p);
	}
	link_close(&shared.link);
	SSL_CTX_free(own);
	SSL_CTX_free(by_certificate);
	SSL_CTX_free(by_psk);
}

/* Handles of failed and of finished handshakes go back. */
static void test_handles_go_back(void **state)
{
	static const uint8_t wrong[32] = { 7 };
	SSL_CTX *good = psk_client(PSK_NAME, BYTES_OF(psk32));
	SSL_CTX *bad = psk_client(PSK_NAME, BYTES_OF(wrong));
	struct keeper_status before, after;
	struct pair p;

	assert_int_equal(keeper_status(&child.core, &before), ERR_OK);
	for (int i = 0; i < 40; i++) {
		int version = i & 2 ? TLS1_2_VERSION : TLS1_3_VERSION;
		SSL_CTX *ctx = i & 1 ? good : bad;

		SSL_CTX_set_max_proto_version(ctx, version);
		pair_open(&p, ctx, server);
		assert_int_equal(pair_shake(&p), i & 1);
		pair_close(&p);
	}
	assert_int_equal(keeper_status(&child.core, &after), ERR_OK);
	assert_int_equal(before.handles, after.handles);
	SSL_CTX_free(good);
	SSL_CTX_free(bad);
}

/* A handle serves one handshake, and none that no client began. */
static void test_handle_is_spent(void **state)
{
	static const uint8_t tag[KEEPER_TAG] = { 5 }, ecdhe[32] = { 6 }, hash[32] = { 7 };
	struct keeper *k = &child.gates[0];
	uint8_t one[32], master[48];
	struct keeper_shown shown = { BYTES(PSK_NAME), BYTES_OF(hash), BYTES_OF(hash), tag };
	uint32_t psk, none = 0;
	size_t n;

	assert_int_equal(keeper_psk_open(k, BYTES(PSK_NAME), tag, &psk, &n), ERR_OK);
	assert_int_equal(keeper_handshake_secret(k, psk, BYTES_OF(ecdhe), one), ERR_REFUSED);
	assert_int_equal(keeper_binder(k, &shown, &none), ERR_REFUSED);
	assert_int_equal(keeper_handshake_secret(k, none, BYTES_OF(ecdhe), one), ERR_MISSING); /* of it came no handle */
	assert_int_equal(keeper_handshake_secret(k, psk, BYTES_OF(ecdhe), one), ERR_REFUSED);
	assert_int_equal(keeper_close_handle(k, psk), ERR_OK);

	assert_int_equal(keeper_psk_open(k, BYTES(PSK_NAME), tag, &psk, &n), ERR_OK);
	assert_int_equal(keeper_tls12_master(k, psk, 0, BYTES_NONE, BYTES_OF(hash), master), ERR_OK);
	assert_int_equal(keeper_tls12_master(k, psk, 0, BYTES_NONE, BYTES_OF(hash), master), ERR_MISSING);
}

/* --- nothing long-term in the process that serves ------------------------------------------------------------ */

/* The process that serves is forked before the key is drawn: what is found in
 * its memory got there by the handshake. */
static void serve_and_wait(int fd, int tell)
{
	SSL *ssl[2];
	char c;

	for (int i = 0; i < 2; i++) {
		SSL_CTX *ctx = server_make(&child.gates[1], false);
		struct channel_peer peer;

		if (read(fd, &c, 1) != 1 || channel_new(ctx, &ssl[i]) != ERR_OK)
			_exit(1);
		SSL_set_fd(ssl[i], fd);
		if (SSL_do_handshake(ssl[i]) != 1 || channel_peer(ssl[i], &peer) != ERR_OK)
			_exit(2);
		must(write(tell, "1", 1) == 1);
	}
	/* A canary, so that the search is known to find what is there. */
	{
		static uint8_t canary[32];

		if (read(fd, canary, 32) != 32)
			_exit(3);
		must(write(tell, "1", 1) == 1);
		(void)!read(fd, &c, 1);
		_exit(canary[0] == 255);
	}
}

static bool memory_has(pid_t pid, struct bytes what)
{
	struct buf path = buf_make(64);
	char maps_path[64], mem_path[64], line[512];
	static uint8_t chunk[1 << 20];
	bool found = false;
	FILE *maps;
	int mem;

	assert_int_equal(buf_printf(&path, "/proc/%d/maps", (int)pid), ERR_OK);
	assert_int_equal(bytes_put_str(maps_path, 64, bytes_of_buf(&path)), ERR_OK);
	buf_clear(&path);
	assert_int_equal(buf_printf(&path, "/proc/%d/mem", (int)pid), ERR_OK);
	assert_int_equal(bytes_put_str(mem_path, 64, bytes_of_buf(&path)), ERR_OK);
	buf_free(&path);
	maps = fopen(maps_path, "r");
	mem = open(mem_path, O_RDONLY | O_CLOEXEC);
	assert_true(maps && mem >= 0);
	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char mode[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w' ||
		    to - from > 1ul << 30)
			continue;
		for (unsigned long at = from; !found && at < to; at += sizeof(chunk) - what.n) {
			size_t want = to - at < sizeof(chunk) ? to - at : sizeof(chunk);
			ssize_t n = pread(mem, chunk, want, (off_t)at);

			found = n > 0 && memmem(chunk, (size_t)n, what.p, what.n) != NULL;
		}
	}
	fclose(maps);
	close(mem);
	return found;
}

static void shake_with(SSL_CTX *ctx, int version, int fd, int told, SSL **out)
{
	char c;

	assert_int_equal(SSL_CTX_set_max_proto_version(ctx, version), 1);
	assert_int_equal(write(fd, "s", 1), 1);
	assert_int_equal(channel_new(ctx, out), ERR_OK);
	SSL_set_fd(*out, fd);
	assert_int_equal(SSL_do_handshake(*out), 1);
	assert_int_equal(read(told, &c, 1), 1);
}

static void test_no_key_in_memory(void **state)
{
	static const char *const names[] = { "PSK", "early secret", "derived of it", "binder key",
		                             "finished key", "inner pad", "outer pad" };
	uint8_t key[32], secrets[7][32], nothing[32], canary[32];
	int talk[2], tell[2];
	SSL_CTX *ctx;
	SSL *ssl[2];
	pid_t pid;
	char c;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, talk), 0);
	assert_int_equal(pipe(tell), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(talk[0]);
		serve_and_wait(talk[1], tell[1]);
	}
	close(talk[1]);
	close(tell[1]);
	crypt_random(key, 32);
	assert_int_equal(keeper_child_psk(&child, BYTES("fresh@sp.example.org"), BYTES_OF(key)), ERR_OK);
	ctx = psk_client("fresh@sp.example.org", BYTES_OF(key));
	shake_with(ctx, TLS1_3_VERSION, talk[0], tell[0], &ssl[0]);
	shake_with(ctx, TLS1_2_VERSION, talk[0], tell[0], &ssl[1]);

	bytes_copy(secrets[0], key, 32);
	crypt_sha256(BYTES_NONE, nothing);
	crypt_hkdf_extract(BYTES_NONE, BYTES_OF(key), secrets[1]);
	crypt_expand_label(BYTES_OF(secrets[1]), BYTES("derived"), BYTES_OF(nothing), secrets[2], 32);
	crypt_expand_label(BYTES_OF(secrets[1]), BYTES("ext binder"), BYTES_OF(nothing), secrets[3], 32);
	crypt_expand_label(BYTES_OF(secrets[3]), BYTES("finished"), BYTES_NONE, secrets[4], 32);
	for (int i = 0; i < 32; i++) {
		secrets[5][i] = key[i] ^ 0x36;
		secrets[6][i] = key[i] ^ 0x5c;
	}
	crypt_random(canary, 32);
	assert_int_equal(write(talk[0], canary, 32), 32);
	assert_int_equal(read(tell[0], &c, 1), 1);
	assert_true(memory_has(pid, BYTES_OF(canary)));
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (memory_has(pid, BYTES_OF(secrets[i])))
			fail_msg("found in the serving process: %s", names[i]);
	/* And the search works on the process that does have it. */
	assert_true(memory_has(getpid(), BYTES_OF(key)));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 2; i++)
		SSL_free(ssl[i]);
	SSL_CTX_free(ctx);
	close(talk[0]);
	close(tell[0]);
}

/* --- stand-ins -------------------------------------------------------------------------------------------------- */

static EVP_KDF_CTX *kdf(const char *name)
{
	OSSL_LIB_CTX *lib;
	EVP_KDF *kdf;
	EVP_KDF_CTX *ctx;

	assert_int_equal(channel_library(&lib), ERR_OK);
	kdf = EVP_KDF_fetch(lib, name, CHANNEL_PROPERTIES);
	assert_non_null(kdf);
	ctx = EVP_KDF_CTX_new(kdf);
	EVP_KDF_free(kdf);
	return ctx;
}

static int derive(const char *name, const char *label, struct bytes key, struct bytes secret, size_t n)
{
	char digest[] = "SHA256";
	int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
	uint8_t out[64] = { 0 }, prefix[] = "tls13 ";
	EVP_KDF_CTX *ctx = kdf(name);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string("digest", digest, 0),
		OSSL_PARAM_construct_int("mode", &mode),
		OSSL_PARAM_construct_octet_string("prefix", prefix, 6),
		OSSL_PARAM_construct_octet_string("label", (void *)(uintptr_t)label, bytes_str(label).n),
		OSSL_PARAM_construct_octet_string("key", (void *)(uintptr_t)key.p, key.n),
		OSSL_PARAM_construct_octet_string("secret", (void *)(uintptr_t)secret.p, secret.n),
		OSSL_PARAM_construct_octet_string("seed", (void *)(uintptr_t)label, bytes_str(label).n),
		OSSL_PARAM_construct_octet_string("seed", prefix, 6),
		OSSL_PARAM_construct_end(),
	};
	int good;

	if (key.n == 0) /* TLS1-PRF knows only its own */
		params[1] = params[0], params[2] = params[5], params[3] = params[6],
		params[4] = params[7], params[5] = OSSL_PARAM_construct_end();
	else
		params[5] = OSSL_PARAM_construct_end();
	good = EVP_KDF_derive(ctx, out, n, params);
	EVP_KDF_CTX_free(ctx);
	ERR_clear_error();
	return good == 1;
}

/* A stand-in is a key nowhere: every use that is not written down is refused. */
static void test_standins_are_no_keys(void **state)
{
	struct psk_use use = { .keeper = &child.gates[0], .n = 32 };
	uint8_t key[32], early[32], premaster[2 + 32 + 2 + 32] = { 0, 32 };
	static const uint8_t plain[32] = { 9 };
	struct psk_use *found;

	assert_int_equal(standin_open(&use), ERR_OK);
	standin_write(&use, STANDIN_KEY, key, 32);
	standin_write(&use, STANDIN_EARLY, early, 32);
	assert_int_equal(standin_read(BYTES_OF(key), &found), STANDIN_KEY);
	assert_ptr_equal(found, &use);
	assert_int_equal(standin_read(BYTES_OF(plain), &found), STANDIN_NONE);

	assert_true(derive("TLS13-KDF", "c hs traffic", BYTES_OF(plain), BYTES_NONE, 32));
	assert_false(derive("TLS13-KDF", "c e traffic", BYTES_OF(early), BYTES_NONE, 32));
	assert_false(derive("TLS13-KDF", "e exp master", BYTES_OF(early), BYTES_NONE, 32));
	assert_false(derive("TLS13-KDF", "res binder", BYTES_OF(early), BYTES_NONE, 32));
	assert_false(derive("TLS13-KDF", "derived", BYTES_OF(early), BYTES_NONE, 32));
	assert_false(derive("TLS13-KDF", "ext binder", BYTES_OF(key), BYTES_NONE, 32));
	assert_false(derive("TLS13-KDF", "ext binder", BYTES_OF(early), BYTES_NONE, 16));
	assert_true(derive("TLS13-KDF", "ext binder", BYTES_OF(early), BYTES_NONE, 32));

	premaster[34 + 1] = 32;
	bytes_copy(premaster + 36, key, 32);
	assert_false(derive("TLS1-PRF", "master secret", BYTES_NONE, BYTES_OF(premaster), 48));
	assert_false(derive("TLS1-PRF", "key expansion", BYTES_NONE, BYTES_OF(premaster), 48));
	assert_false(derive("TLS1-PRF", "key expansion", BYTES_NONE, BYTES_OF(key), 48));
	assert_true(derive("TLS1-PRF", "key expansion", BYTES_NONE, BYTES_OF(plain), 48));
	/* One whose use has ended is still no key. */
	standin_close(&use);
	assert_false(derive("TLS13-KDF", "ext binder", BYTES_OF(early), BYTES_NONE, 32));
	assert_false(derive("TLS1-PRF", "extended master secret", BYTES_NONE, BYTES_OF(premaster), 48));
}

static void test_setup_refuses(void **state)
{
	struct channel_server_setup s = { .keeper = &child.gates[0],
		                          .anchor_pem = bytes_of_buf(&child.ca_pem),
		                          .certificate_pem = bytes_of_buf(&ae_pem) };
	struct channel_client_setup c = { .psk_identity = BYTES("x"), .psk = BYTES("short") };
	SSL_CTX *ctx;

	/* a certificate of another key than the keeper's */
	assert_int_equal(channel_server_new(&s, &ctx), ERR_TYPE);
	assert_null(ctx);
	s.certificate_pem = bytes_of_buf(&child.node_pem);
	s.anchor_pem = BYTES_NONE;
	assert_int_equal(channel_server_new(&s, &ctx), ERR_SYNTAX);
	assert_int_equal(channel_client_new(&c, &ctx), ERR_RANGE);
	c.psk = BYTES("sixteen octets..");
	c.psk_identity = BYTES_NONE;
	assert_int_equal(channel_client_new(&c, &ctx), ERR_MISSING);
	c = (struct channel_client_setup){ .anchor_pem = bytes_of_buf(&child.ca_pem),
		.certificate_pem = bytes_of_buf(&ae_pem), .key_pem = bytes_of_buf(&ae_key) };
	assert_int_equal(channel_client_new(&c, &ctx), ERR_MISSING); /* no name */
	c.name = CHILD_HOST;
	c.anchor_pem = BYTES_NONE;
	assert_int_equal(channel_client_new(&c, &ctx), ERR_SYNTAX);
	ERR_clear_error();
}
static int begin(void **state)
{
	return setup(state) == 0 && mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
	return teardown(state) == 0 ? rmdir(folder) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock_psk),
		cmocka_unit_test(test_stock_psk_refused),
		cmocka_unit_test(test_stock_certificate),
		cmocka_unit_test(test_link_replaced),
		cmocka_unit_test(test_keeper_gone),
		cmocka_unit_test(test_handles_go_back),
		cmocka_unit_test(test_handle_is_spent),
		cmocka_unit_test(test_no_key_in_memory),
		cmocka_unit_test(test_standins_are_no_keys),
		cmocka_unit_test(test_setup_refuses),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
