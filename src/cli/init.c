/* init.c: a new node directory.
 *
 *   DIR/holdfast.conf 0600   credential 0600   keeper/ 0700   store/ 0700
 *   DIR/node/{ca.pem,node.pem} 0755            run/ 0755
 *
 * The key store is made by holdfast-keeper, a program of its own beside this
 * one: no key is ever in this process. What was made is removed when a step
 * fails, and nothing that was there before is touched. */
#define _GNU_SOURCE
#include "cli/cli.h"
#include "cli/administrator.h"
#include "cli/provider.h"
#include "cli/token.h"

#include "base/file.h"
#include "base/secret.h"
#include "client/profile.h"
#include "crypt/crypt.h"
#include "primitive/id.h"
#include "wire/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, PEM_MAX = 65536, CREDENTIAL_OCTETS = 32, MAKERS_MAX = 1024 * 1024 };

struct init {
	struct cli *cli;
	const char *dir, *sp, *cse, *name, *listen, *days, *delay;
	const char *provider, *token; /* token NULL: software */
	char passphrase[PATH_SIZE]; /* as it stands in the configuration */
	int dir_fd;
	bool made_dir;
	struct buf pem;
	char node_name[256];
	char administrator[PATH_SIZE]; /* the file of the first one */
	char administrator_key[ADMINISTRATOR_NAME + 2 * 65 + 2]; /* NAME:key */
	bool administrator_pass; /* its passphrase was made, and lies beside it */
};

/* --- checks ------------------------------------------------------------------------ */

static const char *option_or(const struct cli *c, enum cli_option o, const char *initial)
{
	return c->option[o] ? c->option[o] : initial;
}

static int check_provider(struct init *i)
{
	struct cli *c = i->cli;

	i->token = c->option[CLI_TOKEN];
	i->provider = option_or(c, CLI_PROVIDER, i->token ? "token.1" : "software");
	if (!token_provider_number(i->provider) && !bytes_equal(bytes_str(i->provider), BYTES("software")))
		return cli_usage(c, "--provider must be software, or token.1 to token.4");
	if (!token_provider_number(i->provider) != !i->token)
		return cli_usage(c, "--provider token.N and --token URI belong together");
	if ((c->option[CLI_PIN_FILE] || c->option[CLI_MAKERS]) && !i->token)
		return cli_usage(c, "--pin-file and --makers are for --token");
	return i->token ? token_check(c, i->token) : CLI_OK;
}

static int check(struct init *i)
{
	struct cli *c = i->cli;
	struct profile place; /* only where it is */
	struct bytes listen;
	uint64_t days, delay;

	i->dir = c->arguments_n ? c->argument[0] : c->dir;
	i->sp = option_or(c, CLI_SP, "");
	i->cse = option_or(c, CLI_CSE_ID, "");
	i->name = option_or(c, CLI_CSE_NAME, "cse-in");
	i->listen = option_or(c, CLI_LISTEN, "127.0.0.1:8443");
	i->days = c->option[CLI_DAYS];
	i->delay = c->option[CLI_DELAY];
	listen = bytes_str(i->listen);
	if (!id_is_sp(bytes_str(i->sp)))
		return cli_usage(c, "--sp must be an M2M-SP-ID, as //sp.example.org (lower case)");
	if (!id_is_sp_relative_cse(bytes_str(i->cse)))
		return cli_usage(c, "--cse-id must be an SP-relative CSE-ID, as /in-cse");
	if (!id_is_resource_name(bytes_str(i->name)) || bytes_str(i->name).n > 64)
		return cli_usage(c, "--cse-name must be a resource name");
	if (listen.n && (profile_address(listen, &place) != ERR_OK || bytes_find(listen, '#') < listen.n))
		return cli_usage(c, "--listen must be address:port, as 127.0.0.1:8443");
	if (cli_number(c, CLI_DAYS, 3650, 0, &days) != ERR_OK ||
	    cli_number(c, CLI_DELAY, DELAY_MAX_S, 0, &delay) != ERR_OK)
		return CLI_USAGE;
	if (check_provider(i) != CLI_OK)
		return CLI_USAGE;
	if (conf_node_name(i->sp, i->cse, i->node_name, sizeof(i->node_name)) != ERR_OK)
		return cli_usage(c, "--sp and --cse-id are too long together");
	return CLI_OK;
}

/* --- the folder ------------------------------------------------------------------------ */

static bool folder_is_empty(int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	bool empty = d != NULL;
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct bytes name = bytes_str(e->d_name);

		if (!bytes_equal(name, BYTES(".")) && !bytes_equal(name, BYTES("..")))
			empty = false;
	}
	if (d)
		closedir(d);
	return empty;
}

static int open_folder(struct init *i)
{
	if (mkdir(i->dir, 0755) == 0)
		i->made_dir = true;
	else if (errno != EEXIST)
		return cli_fail(i->cli, ERR_IO, "%s cannot be made: %s", i->dir, strerror(errno));
	i->dir_fd = open(i->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (i->dir_fd < 0)
		return cli_fail(i->cli, ERR_IO, "%s cannot be opened: %s", i->dir, strerror(errno));
	if (!folder_is_empty(i->dir_fd))
		return cli_fail(i->cli, ERR_EXISTS, "%s is not empty; nothing was changed", i->dir);
	/* The umask may be anything; the service refuses folders that others may write. */
	if (i->made_dir && fchmod(i->dir_fd, 0755) != 0)
		return cli_fail(i->cli, ERR_IO, "%s: %s", i->dir, strerror(errno));
	return CLI_OK;
}

/* Everything below a folder that init made; one level is all there is. */
static void remove_files(int at, const char *folder)
{
	int fd = openat(at, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d))) {
		if (e->d_type == DT_REG)
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	(void)unlinkat(at, folder, AT_REMOVEDIR);
}

static void remove_all(struct init *i)
{
	static const char *const folders[] = { "keeper", "store", "node", "run" };

	for (size_t k = 0; k < COUNT_OF(folders); k++)
		remove_files(i->dir_fd, folders[k]);
	(void)unlinkat(i->dir_fd, "holdfast.conf", 0);
	(void)unlinkat(i->dir_fd, "makers.pem", 0);
	(void)unlinkat(i->dir_fd, "credential", 0);
	(void)unlinkat(i->dir_fd, "administrator", 0);
	(void)unlinkat(i->dir_fd, "administrator.pass", 0);
	if (i->made_dir)
		(void)rmdir(i->dir);
}

static int make_folders(struct init *i)
{
	static const struct {
		const char *name;
		mode_t mode;
	} folders[] = { { "keeper", 0700 }, { "store", 0700 }, { "node", 0755 }, { "run", 0755 } };

	for (size_t k = 0; k < COUNT_OF(folders); k++) {
		if (mkdirat(i->dir_fd, folders[k].name, 0700) != 0 ||
		    fchmodat(i->dir_fd, folders[k].name, folders[k].mode, 0) != 0)
			return cli_fail(i->cli, ERR_IO, "%s/%s cannot be made: %s", i->dir,
			                folders[k].name, strerror(errno));
	}
	return CLI_OK;
}

static err_t write_file(struct init *i, const char *name, struct bytes content, unsigned mode)
{
	char path[PATH_SIZE];
	err_t err;

	TRY(file_path(path, sizeof(path), i->dir, name));
	err = file_write_new(path, content, mode);
out:
	if (err != ERR_OK)
		(void)cli_fail(i->cli, err, "%s/%s cannot be written: %s", i->dir, name, err_text(err));
	return err;
}

/* --- the passphrase ---------------------------------------------------------------------- */

/* A random one in the folder, or the file that was named. The descriptor goes
 * to the keeper; -1 after saying why. */
static int open_passphrase(struct init *i)
{
	const char *file = i->cli->option[CLI_PASSPHRASE];
	char text[2 * CREDENTIAL_OCTETS + 1], path[PATH_MAX], *full;
	uint8_t random[CREDENTIAL_OCTETS];
	struct stat st;
	int fd = -1;
	err_t err;

	if (!file) {
		crypt_random(random, sizeof(random));
		bytes_to_hex(BYTES_OF(random), text, sizeof(text));
		err = write_file(i, "credential", bytes_str(text), 0600);
		secret_wipe(random, sizeof(random));
		secret_wipe(text, sizeof(text));
		if (err != ERR_OK)
			return -1;
		/* relative: the folder may be moved */
		(void)text_print(i->passphrase, sizeof(i->passphrase), "credential");
		fd = openat(i->dir_fd, "credential", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	} else {
		/* absolute: the service starts elsewhere */
		full = realpath(file, path);
		if (full && text_print(i->passphrase, sizeof(i->passphrase), "%s", full))
			fd = open(full, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0) {
		(void)cli_fail(i->cli, ERR_IO, "the passphrase file cannot be opened: %s", strerror(errno));
	} else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_mode & 077) {
		/* the service would refuse it at start */
		(void)cli_fail(i->cli, ERR_REFUSED, "others may read the passphrase file: chmod 600");
		close(fd);
		fd = -1;
	}
	return fd;
}

/* --- the first administrator ---------------------------------------------------------------- */

/* A random passphrase beside the file, when there is none and nobody to ask. */
static err_t administrator_secret(struct init *i, struct secret *out)
{
	char text[2 * CREDENTIAL_OCTETS + 1];
	uint8_t random[CREDENTIAL_OCTETS];
	err_t err;

	if (i->cli->option[CLI_ADMINISTRATOR] || i->cli->option[CLI_ADMINISTRATOR_PASSPHRASE])
		return administrator_passphrase(i->cli, i->administrator, 0, out);
	crypt_random(random, sizeof(random));
	bytes_to_hex(BYTES_OF(random), text, sizeof(text));
	i->administrator_pass = true;
	TRY(write_file(i, "administrator.pass", bytes_str(text), 0600));
	TRY(secret_copy(bytes_make(text, sizeof(text) - 1), out));
out:
	secret_wipe(random, sizeof(random));
	secret_wipe(text, sizeof(text));
	return err;
}

static int make_administrator(struct init *i)
{
	const char *path = i->cli->option[CLI_ADMINISTRATOR];
	struct administrator_file file = { 0 };
	struct secret passphrase = { 0 };
	char hex[2 * 65 + 1];
	err_t err;

	TRY(path ? (text_print(i->administrator, PATH_SIZE, "%s", path) ? ERR_OK : ERR_LIMIT)
	         : file_path(i->administrator, PATH_SIZE, i->dir, "administrator"));
	TRY(administrator_secret(i, &passphrase));
	TRY(administrator_make(i->cli, i->administrator, "first", KEY_EC_P256, secret_view(&passphrase), &file));
	bytes_to_hex(bytes_make(file.public_key, file.public_n), hex, sizeof(hex));
	(void)text_print(i->administrator_key, sizeof(i->administrator_key), "first:%s", hex);
out:
	administrator_close(&file);
	secret_free(&passphrase);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

/* --- the keeper ----------------------------------------------------------------------------- */

/* What the keeper is handed, by its number in the child. */
enum { CHILD_PASSPHRASE = 3, CHILD_TOKEN = 4 };

/* In the child: nothing else is handed over than these and, as 1, the pipe. */
static _Noreturn void run_keeper(struct init *i, const char *program, int passphrase, int pipe_fd,
                                 int token)
{
	char folder[PATH_SIZE], *argv[24], *environment[] = { NULL };
	size_t n = 0;

	(void)text_print(folder, sizeof(folder), "%s/keeper", i->dir);
	/* 10 and up first, so that neither overwrites the other. */
	passphrase = fcntl(passphrase, F_DUPFD, 10);
	pipe_fd = fcntl(pipe_fd, F_DUPFD, 10);
	token = token >= 0 ? fcntl(token, F_DUPFD, 10) : -1;
	if (dup2(passphrase, CHILD_PASSPHRASE) < 0 || dup2(pipe_fd, STDOUT_FILENO) < 0 ||
	    (token >= 0 && dup2(token, CHILD_TOKEN) < 0))
		_exit(CLI_FAILED);
	(void)close_range(token >= 0 ? CHILD_TOKEN + 1 : CHILD_TOKEN, ~0u, 0);
	argv[n++] = (char *)(uintptr_t)program;
	argv[n++] = (char *)(uintptr_t)"--init";
	argv[n++] = folder;
	argv[n++] = (char *)(uintptr_t)"--sp";
	argv[n++] = (char *)(uintptr_t)i->sp;
	argv[n++] = (char *)(uintptr_t)"--cse-id";
	argv[n++] = (char *)(uintptr_t)i->cse;
	argv[n++] = (char *)(uintptr_t)"--passphrase-fd";
	argv[n++] = (char *)(uintptr_t)"3";
	if (i->days) {
		argv[n++] = (char *)(uintptr_t)"--days";
		argv[n++] = (char *)(uintptr_t)i->days;
	}
	argv[n++] = (char *)(uintptr_t)"--administrator";
	argv[n++] = i->administrator_key;
	if (i->delay) {
		argv[n++] = (char *)(uintptr_t)"--delay";
		argv[n++] = (char *)(uintptr_t)i->delay;
	}
	if (i->cli->option[CLI_NO_MACHINE])
		argv[n++] = (char *)(uintptr_t)"--no-machine";
	if (token >= 0) {
		argv[n++] = (char *)(uintptr_t)"--provider";
		argv[n++] = (char *)(uintptr_t)i->provider;
		argv[n++] = (char *)(uintptr_t)"--token-fd";
		argv[n++] = (char *)(uintptr_t)"4";
	}
	argv[n] = NULL;
	execve(program, argv, environment);
	_exit(CLI_FAILED);
}

static err_t read_pipe(int fd, struct buf *out)
{
	err_t err;

	for (;;) {
		ssize_t n;

		TRY(buf_reserve(out, 4096));
		n = read(fd, out->p + out->n, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERR_IO;
		if (n == 0)
			return ERR_OK;
		out->n += (size_t)n;
	}
out:
	return err;
}

static int make_keys(struct init *i)
{
	char program[TOKEN_PATH];
	int passphrase = open_passphrase(i), ends[2], status = 0;
	struct token_child token = { .link_fd = -1 };
	pid_t child;
	err_t err;

	if (passphrase < 0)
		return CLI_FAILED;
	if (token_find_program("holdfast-keeper", program) != ERR_OK) {
		close(passphrase);
		return cli_fail(i->cli, ERR_MISSING, "holdfast-keeper is not installed beside holdfast");
	}
	if (pipe2(ends, O_CLOEXEC) != 0) {
		close(passphrase);
		return cli_fail(i->cli, ERR_IO, "no pipe to the keeper: %s", strerror(errno));
	}
	if (i->token && token_start(i->cli, i->token, token_provider_number(i->provider), &token) != CLI_OK) {
		close(passphrase);
		close(ends[0]);
		close(ends[1]);
		return CLI_FAILED;
	}
	child = fork();
	if (child == 0)
		run_keeper(i, program, passphrase, ends[1], token.link_fd);
	close(passphrase);
	close(ends[1]);
	token_let_go(&token);
	err = child > 0 ? read_pipe(ends[0], &i->pem) : ERR_IO;
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	token_end(&token);
	if (err != ERR_OK || status != 0)
		return cli_fail(i->cli, ERR_CRYPTO, "the keeper made no keys; nothing is left behind");
	return CLI_OK;
}

/* CA first, node second; each must be a certificate. */
static int write_certificates(struct init *i)
{
	static const char *const names[] = { "node/ca.pem", "node/node.pem" };
	struct bytes end = BYTES("-----END CERTIFICATE-----\n"), rest = bytes_of_buf(&i->pem);

	for (size_t k = 0; k < COUNT_OF(names); k++) {
		struct buf der = buf_make(PEM_MAX);
		size_t at = 0;
		err_t err;

		while (at < rest.n && !bytes_ends(bytes_sub(rest, 0, at), end))
			at++;
		err = crypt_certificate_der(bytes_sub(rest, 0, at), &der);
		buf_free(&der);
		if (err != ERR_OK)
			return cli_fail(i->cli, err, "the keeper printed no certificates");
		if (write_file(i, names[k], bytes_sub(rest, 0, at), 0644) != ERR_OK)
			return CLI_FAILED;
		rest = bytes_sub(rest, at, rest.n);
	}
	return CLI_OK;
}

/* --- owners and configuration ------------------------------------------------------------------ */

static err_t give(int at, const char *folder, uid_t user)
{
	int fd = openat(at, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	err_t err = ERR_OK;

	if (!d)
		return ERR_IO;
	while ((e = readdir(d))) {
		if (e->d_type == DT_REG && fchownat(fd, e->d_name, user, user, AT_SYMLINK_NOFOLLOW) != 0)
			err = ERR_IO;
	}
	if (fchown(fd, user, user) != 0)
		err = ERR_IO;
	closedir(d);
	return err;
}

static int set_owners(struct init *i)
{
	if (geteuid() != 0)
		return CLI_OK;
	if (give(i->dir_fd, "keeper", USER_BASE + ROLE_KEEPER) != ERR_OK ||
	    give(i->dir_fd, "store", USER_BASE + ROLE_CORE) != ERR_OK)
		return cli_fail(i->cli, ERR_IO, "folders cannot be given to their users: %s", strerror(errno));
	return CLI_OK;
}

/* Those who vouch for tokens stay with the node. */
static int write_makers(struct init *i)
{
	const char *from = i->cli->option[CLI_MAKERS];
	struct buf text = buf_make(MAKERS_MAX);
	int code;

	if (!from)
		return CLI_OK;
	if (file_read(from, MAKERS_MAX, &text) == ERR_OK)
		code = write_file(i, "makers.pem", bytes_of_buf(&text), 0644) == ERR_OK ? CLI_OK : CLI_FAILED;
	else
		code = cli_fail(i->cli, ERR_IO, "the file of --makers cannot be read: %s", from);
	buf_free(&text);
	return code;
}

static int write_conf_of(struct init *i, bool listens)
{
	struct buf text = buf_make(8192);
	err_t err;

	TRY(buf_printf(&text, "# made by holdfast init; every option: holdfastd --print-options, holdfast.conf(5)\n"));
	TRY(buf_printf(&text, "node.sp_id = %s\nnode.cse_id = %s\nnode.cse_name = %s\n", i->sp, i->cse, i->name));
	if (listens)
		TRY(buf_printf(&text, "listen.https = %s\n", i->listen));
	TRY(buf_printf(&text, "keeper.passphrase_file = %s\n", i->passphrase));
	if (i->token)
		TRY(buf_printf(&text, "%s = %s\nkeeper.provider = %s\n", i->provider, i->token, i->provider));
	if (i->cli->option[CLI_MAKERS])
		TRY(buf_printf(&text, "token.makers = makers.pem\n"));
	err = write_file(i, "holdfast.conf", bytes_of_buf(&text), 0600);
out:
	buf_free(&text);
	return err == ERR_OK ? CLI_OK : CLI_FAILED;
}

/* Without a listener while it runs to accept evidence: it is not anybody's node yet. */
static int write_conf(struct init *i)
{
	return write_conf_of(i, !i->cli->option[CLI_MAKERS]);
}

/* The keys are made, and a sealed PIN is set: what fails here undoes nothing of that. */
static int accept_evidence(struct init *i)
{
	int code;

	if (!i->cli->option[CLI_MAKERS])
		return CLI_OK;
	code = provider_accept_first(i->cli, i->dir, i->provider);
	if (unlinkat(i->dir_fd, "holdfast.conf", 0) != 0 || write_conf_of(i, true) != CLI_OK)
		return cli_fail(i->cli, ERR_IO, "holdfast.conf cannot be written anew");
	if (code != CLI_OK)
		(void)cli_fail(i->cli, ERR_REFUSED, "the node is made, and its token counts as level 1: holdfast -d %s provider accept %s",
		               i->dir, i->provider);
	return code;
}

static void report(const struct init *i)
{
	const char *pass = i->passphrase;

	if (i->cli->json) {
		const char *const members[][2] = { { "directory", i->dir }, { "name", i->node_name }, { "listen", i->listen } };

		output_members(members, COUNT_OF(members));
		printf("\n");
		return;
	}
	printf("made the node %s%s, public name %s, in %s\n", i->sp, i->cse, i->node_name, i->dir);
	printf("  holdfast.conf    configuration; listens on %s\n", i->listen);
	printf("  keeper/          key store: CA, node, audit and import keys (provider %s)\n", i->provider);
	printf("  node/ca.pem      trust anchor for clients;  node/node.pem: the node's certificate\n");
	printf("  passphrase       %s\n", i->cli->option[CLI_PASSPHRASE] ? pass :
	       "credential (random; who reads this file and keeper/ on this machine has the keys)");
	printf("  administrator    %s: who has it and its passphrase orders keys%s\n", i->administrator,
	       i->administrator_pass ? "; take it and administrator.pass away from this machine" : "");
	if (i->cli->option[CLI_PIN_FILE] && !text_contains(bytes_str(i->token), BYTES("pin-source=")))
		printf("  PIN              not kept: the service manager gives it to the node (holdfast.%s.pin), or the token stays away;\n"
		       "                   or say pin-source= in %s\n", i->provider, i->provider);
	if (i->token && !i->cli->option[CLI_MAKERS])
		printf("  protection       level 1 until evidence is accepted: token.makers in holdfast.conf, then, when the node runs,\n"
		       "                   holdfast -d %s provider accept %s\n", i->dir, i->provider);
	printf("next:\n  holdfastd -d %s &\n  holdfast -d %s enrol device NAME --id CNAME --out FOLDER\n"
	       "  holdfast -d %s doctor\n", i->dir, i->dir, i->dir);
}

int run_init(struct cli *c)
{
	static int (*const steps[])(struct init *) = { make_folders, make_administrator, make_keys, write_certificates,
		                                       set_owners, write_makers, write_conf };
	struct init i = { .cli = c, .dir_fd = -1, .pem = buf_make(PEM_MAX) };
	mode_t before = umask(0022);
	int code = check(&i);

	if (code == CLI_OK)
		code = open_folder(&i);
	if (code == CLI_OK) {
		for (size_t k = 0; k < COUNT_OF(steps) && code == CLI_OK; k++)
			code = steps[k](&i);
		if (code != CLI_OK)
			remove_all(&i);
	}
	if (code == CLI_OK) {
		code = accept_evidence(&i);
		report(&i);
	}
	(void)umask(before);
	if (i.dir_fd >= 0)
		close(i.dir_fd);
	buf_free(&i.pem);
	return code;
}
