/* first.c: the first administrator of a node whose key store has none. The program
 * holdfast-keeper opens the key store; the passphrase is not in this process. */
#define _GNU_SOURCE
#include "cli/administrator.h"
#include "cli/token.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_SIZE = 1024, CHILD_PASSPHRASE = 3 };

/* The file of the line, that of the configuration, or the terminal; -1. */
static int open_passphrase(const struct cli *c, const struct conf *conf)
{
	const char *file = c->option[CLI_PASSPHRASE] ? c->option[CLI_PASSPHRASE] : conf->passphrase;
	char path[PATH_SIZE];

	if (file[0] == '\0')
		return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (file[0] == '/' || c->option[CLI_PASSPHRASE])
		return open(file, O_RDONLY | O_CLOEXEC);
	return file_path(path, sizeof(path), c->dir, file) == ERR_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* In the child. */
static _Noreturn void run_keeper(const struct cli *c, const char *program, int passphrase, char *key)
{
	char folder[PATH_SIZE], *environment[] = { NULL };
	char first[] = "--first", fd[] = "--passphrase-fd", number[] = "3", administrator[] = "--administrator";
	char *argv[] = { (char *)(uintptr_t)program, first, folder, fd, number, administrator, key, NULL };

	passphrase = fcntl(passphrase, F_DUPFD, 10);
	if (file_path(folder, sizeof(folder), c->dir, "keeper") != ERR_OK || dup2(passphrase, CHILD_PASSPHRASE) < 0)
		_exit(CLI_FAILED);
	(void)close_range(CHILD_PASSPHRASE + 1, ~0u, 0);
	execve(program, argv, environment);
	_exit(CLI_FAILED);
}

int run_administrator_first(struct cli *c)
{
	char program[TOKEN_PATH], hex[2 * 65 + 1], key[ADMINISTRATOR_NAME + sizeof(hex) + 1];
	struct administrator_file a;
	struct conf conf;
	int passphrase, status = 0;
	pid_t child;

	if (conf_read(c, &conf) != ERR_OK || administrator_look(c, c->argument[0], &a) != ERR_OK)
		return CLI_FAILED;
	bytes_to_hex(bytes_make(a.public_key, a.public_n), hex, sizeof(hex));
	(void)text_print(key, sizeof(key), "%s:%s", a.name, hex);
	if (token_find_program("holdfast-keeper", program) != ERR_OK)
		return cli_fail(c, ERR_MISSING, "holdfast-keeper is not installed beside holdfast");
	passphrase = open_passphrase(c, &conf);
	if (passphrase < 0)
		return cli_fail(c, ERR_MISSING, "the passphrase of the key store cannot be read");
	child = fork();
	if (child == 0)
		run_keeper(c, program, passphrase, key);
	close(passphrase);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0 || status != 0)
		return cli_fail(c, ERR_REFUSED, "no administrator was named; the key store is as it was");
	if (c->json)
		printf("{\"first\":true}\n");
	else
		printf("%s is the first administrator as soon as the node runs and has recorded it\n", a.name);
	return CLI_OK;
}
