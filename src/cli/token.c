/* token.c: holdfast-token, started by the command. */
#define _GNU_SOURCE
#include "cli/token.h"

#include "token/config.h"
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_LINK = 3, CHILD_PIN = 4 };

unsigned token_provider_number(const char *provider)
{
	struct bytes text = bytes_str(provider);
	uint64_t n = 0;

	if (!bytes_starts(text, BYTES("token.")) ||
	    bytes_to_u64(bytes_sub(text, 6, text.n), TOKENS_MAX, &n) != ERR_OK)
		return 0;
	return (unsigned)n;
}

int token_check(struct cli *c, const char *uri)
{
	struct token_config config;
	const char *why;

	return token_config_parse(bytes_str(uri), &config, &why) == ERR_OK ? CLI_OK : cli_usage(c, why);
}

err_t token_find_program(const char *name, char out[TOKEN_PATH])
{
	static const char *const folders[] = { "", "../sbin/", "../libexec/holdfast/" };
	char self[TOKEN_PATH];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return ERR_MISSING;
	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t k = 0; k < COUNT_OF(folders); k++) {
		if (text_print(out, TOKEN_PATH, "%.*s%s%s", (int)n, self, folders[k], name) &&
		    access(out, X_OK) == 0)
			return ERR_OK;
	}
	return ERR_MISSING;
}

/* The file with the PIN; *fd -1 when there is none. An exit code. */
static int open_pin(struct cli *c, const char *uri, int *fd)
{
	struct token_config config;
	const char *file = c->option[CLI_PIN_FILE], *why;
	struct stat st;

	*fd = -1;
	if (token_config_parse(bytes_str(uri), &config, &why) != ERR_OK)
		return cli_usage(c, why);
	if (!file)
		file = token_config_pin_file(&config);
	if (!*file)
		return CLI_OK;
	*fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return cli_fail(c, ERR_IO, "the PIN file %s cannot be opened: %s", file, strerror(errno));
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 077))
		return CLI_OK;
	close(*fd);
	return cli_fail(c, ERR_REFUSED, "others may read the PIN file %s: chmod 600", file);
}

static _Noreturn void run_token(const char *program, const char *uri, unsigned number, int link_fd,
                                int pin_fd)
{
	char user[16], *environment[] = { NULL };
	char *argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)"--serve",
		         (char *)(uintptr_t)uri, (char *)(uintptr_t)"3", user,
		         pin_fd >= 0 ? (char *)(uintptr_t)"4" : NULL, NULL };

	(void)text_print(user, sizeof(user), "%u", USER_BASE + TOKEN_USERS + number);
	/* 10 and up first, so that neither overwrites the other. */
	link_fd = fcntl(link_fd, F_DUPFD, 10);
	pin_fd = pin_fd >= 0 ? fcntl(pin_fd, F_DUPFD, 10) : -1;
	if (dup2(link_fd, CHILD_LINK) < 0 || (pin_fd >= 0 && dup2(pin_fd, CHILD_PIN) < 0))
		_exit(CLI_FAILED);
	(void)close_range(pin_fd >= 0 ? CHILD_PIN + 1 : CHILD_PIN, ~0u, 0);
	execve(program, argv, environment);
	_exit(CLI_FAILED);
}

int token_start(struct cli *c, const char *uri, unsigned number, struct token_child *out)
{
	char program[TOKEN_PATH];
	int ends[2], pin_fd, code = open_pin(c, uri, &pin_fd);

	*out = (struct token_child){ .link_fd = -1 };
	if (code != CLI_OK)
		return code;
	if (token_find_program("holdfast-token", program) != ERR_OK || link_pair(ends) != ERR_OK) {
		if (pin_fd >= 0)
			close(pin_fd);
		return cli_fail(c, ERR_MISSING, "holdfast-token is not installed beside holdfast");
	}
	out->pid = fork();
	if (out->pid == 0)
		run_token(program, uri, number, ends[1], pin_fd);
	close(ends[1]);
	if (pin_fd >= 0)
		close(pin_fd);
	out->link_fd = ends[0];
	return out->pid > 0 ? CLI_OK : cli_fail(c, ERR_IO, "no process for the token: %s", strerror(errno));
}

void token_let_go(struct token_child *t)
{
	if (t->link_fd >= 0)
		close(t->link_fd);
	t->link_fd = -1;
}

void token_end(struct token_child *t)
{
	token_let_go(t);
	while (t->pid > 0 && waitpid(t->pid, NULL, 0) < 0 && errno == EINTR)
		;
	t->pid = 0;
}
