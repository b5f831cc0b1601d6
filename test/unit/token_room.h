/* token_room.h: a software token and a TPM simulator in a folder of their own,
 * and a token on them without a process. For tests and benchmarks. */
#ifndef TOKEN_ROOM_H
#define TOKEN_ROOM_H

#include "base/file.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "token/token.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"

struct token_room {
	char folder[64], uri[1024];
	pid_t simulator;
	unsigned port;
};

static inline int room_run(const char *const *argv)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
			_exit(99);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(98);
	}
	must(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

static inline void room_folder(struct token_room *r)
{
	*r = (struct token_room){ 0 };
	must(text_print(r->folder, sizeof(r->folder), "/tmp/holdfast-token-XXXXXX"));
	must(mkdtemp(r->folder) != NULL);
}

static inline void room_softhsm(struct token_room *r)
{
	static const char *const init[] = { "softhsm2-util", "--init-token", "--free", "--label", "unit",
		                            "--so-pin", "so-pin-1", "--pin", "1234", NULL };
	char path[128], text[256], conf[160];

	room_folder(r);
	must(text_print(path, sizeof(path), "%s/tokens", r->folder) && mkdir(path, 0700) == 0);
	must(text_print(text, sizeof(text), "directories.tokendir = %s\nobjectstore.backend = file\n"
	                "log.level = ERROR\n", path));
	must(text_print(conf, sizeof(conf), "%s/softhsm2.conf", r->folder));
	must(file_write_new(conf, bytes_str(text), 0644) == ERR_OK);
	must(setenv("SOFTHSM2_CONF", conf, 1) == 0);
	must(room_run(init) == 0);
	must(text_print(r->uri, sizeof(r->uri), "pkcs11:token=unit?module-path=" SOFTHSM "&x-env="
	                "SOFTHSM2_CONF=%s&x-files=%s", conf, path));
}

static inline bool port_answers(unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool free = bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0;

	close(fd);
	return !free;
}

static inline void room_simulator(struct token_room *r)
{
	char state[128], server[96], control[96];
	const char *const argv[] = { "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server,
		                     "--ctrl", control, "--flags", "not-need-init,startup-clear", NULL };

	must(text_print(state, sizeof(state), "dir=%s", r->folder));
	must(text_print(server, sizeof(server), "type=tcp,bindaddr=127.0.0.1,port=%u", r->port));
	must(text_print(control, sizeof(control), "type=tcp,bindaddr=127.0.0.1,port=%u", r->port + 1));
	r->simulator = fork();
	if (r->simulator == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(98);
	}
	for (int i = 0; i < 500 && !(port_answers(r->port) && port_answers(r->port + 1)); i++)
		usleep(10000);
	usleep(50000);
}

static inline void room_swtpm(struct token_room *r, const char *more)
{
	uint16_t chance;

	room_folder(r);
	do {
		crypt_random(&chance, sizeof(chance));
		r->port = 20000 + chance % 10000;
	} while (port_answers(r->port) || port_answers(r->port + 1));
	room_simulator(r);
	must(text_print(r->uri, sizeof(r->uri), "tpm:swtpm:host=127.0.0.1,port=%u%s", r->port, more));
}

static inline void room_kill_simulator(struct token_room *r)
{
	if (r->simulator > 0) {
		kill(r->simulator, SIGKILL);
		waitpid(r->simulator, NULL, 0);
	}
	r->simulator = 0;
}

static inline void room_end(struct token_room *r)
{
	const char *const argv[] = { "rm", "-rf", r->folder, NULL };

	room_kill_simulator(r);
	(void)room_run(argv);
}

/* Load and open it, as the keeper does. */
static inline err_t room_open(const struct token_room *r, const char *pin, const char *pairing,
                              struct token *t)
{
	struct buf call = buf_make(128), result = buf_make(8192);
	struct wire_out w = wire_out(&call);
	uint8_t secret[TOKEN_PAIRING] = { 0 };
	struct token_state state;
	struct wire_in in;
	err_t err;

	TRY(token_load(t, bytes_str(r->uri)));
	TRY(pin ? secret_copy(bytes_str(pin), &t->pin) : ERR_OK);
	bytes_copy(secret, pairing, bytes_str(pairing).n);
	wire_put_u16(&w, TOKEN_OPEN);
	wire_put_fixed(&w, BYTES_OF(secret));
	wire_put_u8(&w, 0);
	TRY(token_serve(t, bytes_of_buf(&call), &result));
	in = wire_in(bytes_of_buf(&result));
	TRY((err_t)wire_get_u8(&in));
	TRY(token_state_get(&in, &state));
	err = state.present ? ERR_OK : ERR_ABSENT;
out:
	buf_free(&call);
	buf_free(&result);
	return err;
}

/* --- asking -------------------------------------------------------------------- */

struct room_key {
	enum key_class class;
	uint8_t identity[TOKEN_IDENTITY], reference[TOKEN_REFERENCE_MAX], public_key[65];
	size_t reference_n, public_n;
};

struct asking {
	struct buf call, result;
	struct wire_out w;
	struct wire_in r;
};

static inline void asking_begin(struct asking *a, unsigned op)
{
	if (!a->call.max)
		*a = (struct asking){ .call = buf_make(8192), .result = buf_make(8192) };
	buf_clear(&a->call);
	a->w = wire_out(&a->call);
	wire_put_u16(&a->w, (uint16_t)op);
}

static inline void asking_key(struct asking *a, unsigned op, const struct room_key *k)
{
	asking_begin(a, op);
	wire_put_u8(&a->w, (uint8_t)k->class);
	wire_put_fixed(&a->w, BYTES_OF(k->identity));
	wire_put_bytes(&a->w, bytes_make(k->reference, k->reference_n));
}

static inline err_t asking_ask(struct asking *a, struct token *t)
{
	must(a->w.err == ERR_OK && token_serve(t, bytes_of_buf(&a->call), &a->result) == ERR_OK);
	a->r = wire_in(bytes_of_buf(&a->result));
	return (err_t)wire_get_u8(&a->r);
}

static inline void asking_end(struct asking *a)
{
	buf_free(&a->call);
	buf_free(&a->result);
}

static inline void room_take_key(struct asking *a, struct room_key *k)
{
	struct bytes part = wire_get_fixed(&a->r, TOKEN_IDENTITY);

	bytes_copy(k->identity, part.p, part.n);
	part = wire_get_bytes(&a->r, TOKEN_REFERENCE_MAX);
	bytes_copy(k->reference, part.p, part.n);
	k->reference_n = part.n;
	part = a->r.rest.n ? wire_get_bytes(&a->r, 65) : BYTES_NONE;
	bytes_copy(k->public_key, part.p, part.n);
	k->public_n = part.n;
	must(wire_done(&a->r) == ERR_OK);
}

static inline err_t room_make(struct asking *a, struct token *t, enum key_class class,
                              enum pair_use use, struct room_key *k)
{
	err_t err;

	*k = (struct room_key){ .class = class };
	asking_begin(a, TOKEN_MAKE);
	wire_put_u8(&a->w, (uint8_t)class);
	wire_put_u8(&a->w, (uint8_t)use);
	TRY(asking_ask(a, t));
	room_take_key(a, k);
out:
	return err;
}

static inline err_t room_import(struct asking *a, struct token *t, struct bytes raw, struct room_key *k)
{
	err_t err;

	*k = (struct room_key){ .class = raw.n == 16 ? KEY_SYMMETRIC_16 : KEY_SYMMETRIC_32 };
	asking_begin(a, TOKEN_IMPORT);
	wire_put_u8(&a->w, (uint8_t)k->class);
	wire_put_bytes(&a->w, raw);
	TRY(asking_ask(a, t));
	room_take_key(a, k);
out:
	return err;
}

static inline err_t room_octets(struct asking *a, struct token *t, uint8_t *out, size_t n)
{
	struct bytes got;
	err_t err;

	TRY(asking_ask(a, t));
	got = wire_get_fixed(&a->r, n);
	must(wire_done(&a->r) == ERR_OK);
	bytes_copy(out, got.p, n);
out:
	return err;
}

static inline err_t room_sign(struct asking *a, struct token *t, const struct room_key *k,
                              struct bytes input, uint8_t out[64])
{
	asking_key(a, TOKEN_SIGN, k);
	wire_put_bytes(&a->w, input);
	return room_octets(a, t, out, 64);
}

static inline err_t room_mac(struct asking *a, struct token *t, const struct room_key *k,
                             enum token_part part, struct bytes message, uint8_t out[32])
{
	asking_key(a, TOKEN_MAC, k);
	wire_put_u8(&a->w, (uint8_t)part);
	wire_put_bytes(&a->w, message);
	return room_octets(a, t, out, 32);
}

static inline err_t room_agree(struct asking *a, struct token *t, const struct room_key *k,
                               const uint8_t point[65], uint8_t out[32])
{
	asking_key(a, TOKEN_AGREE, k);
	wire_put_fixed(&a->w, bytes_make(point, 65));
	return room_octets(a, t, out, 32);
}

/* SEAL and UNSEAL (with additional data), WRAP and the like: octets that come back, appended. */
static inline err_t room_text(struct asking *a, struct token *t, const struct room_key *k, unsigned op,
                              struct bytes additional, struct bytes input, struct buf *out)
{
	struct bytes got;
	err_t err;

	asking_key(a, op, k);
	if (op == TOKEN_SEAL || op == TOKEN_UNSEAL)
		wire_put_bytes(&a->w, additional);
	wire_put_bytes(&a->w, input);
	TRY(asking_ask(a, t));
	got = wire_get_bytes(&a->r, TOKEN_MESSAGE_MAX + TOKEN_SEAL_MORE);
	must(wire_done(&a->r) == ERR_OK);
	err = buf_add(out, got);
out:
	return err;
}

static inline err_t room_import_for(struct asking *a, struct token *t, enum pair_use use, struct bytes raw,
                                    struct room_key *k)
{
	err_t err;

	*k = (struct room_key){ .class = raw.n == 16 ? KEY_SYMMETRIC_16 : KEY_SYMMETRIC_32 };
	asking_begin(a, TOKEN_IMPORT);
	wire_put_u8(&a->w, (uint8_t)k->class);
	wire_put_bytes(&a->w, raw);
	wire_put_u8(&a->w, (uint8_t)use);
	TRY(asking_ask(a, t));
	room_take_key(a, k);
out:
	return err;
}

#endif
