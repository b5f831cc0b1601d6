/* init_accept.c: the evidence of a new node's token, accepted when the node is made.
 *
 * By the same way as later: an order that the first administrator signs, verified by the
 * keeper, on the record before it counts. So the node runs for that moment, from its own
 * folder, and nothing listens but its door. */
#define _GNU_SOURCE
#include "cli/provider.h"

#include "base/clock.h"
#include "cli/evidence.h"
#include "cli/token.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READY_MS = 30000, STEP_MS = 50 };

static pid_t start(const char *program, const char *dir)
{
	char *const argv[] = { (char *)(uintptr_t)program, (char *)(uintptr_t)"-d", (char *)(uintptr_t)dir, NULL };
	pid_t child = fork();
	int null;

	if (child != 0)
		return child;
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(CLI_FAILED);
	(void)close_range(3, ~0u, 0);
	execv(program, argv);
	_exit(CLI_FAILED);
}

/* Does its keeper say that the token is there? */
static bool is_ready(const struct cli *c, const char *provider)
{
	struct buf result = buf_make(65536);
	struct keeper_provider_row row;
	bool found = true, ready = false;
	struct door d;

	if (door_try(c, &d) != ERR_OK)
		return false;
	for (uint32_t i = 0; found && !ready && provider_ask(&d, i, &result, &row, &found) == ERR_OK; i++)
		ready = found && row.present && bytes_equal(row.name, bytes_str(provider));
	door_close(&d);
	buf_free(&result);
	return ready;
}

/* *child is 0 when it ended meanwhile. */
static bool await(const struct cli *c, const char *provider, pid_t *child)
{
	int64_t end = clock_steady() + READY_MS;

	while (clock_steady() < end) {
		if (waitpid(*child, NULL, WNOHANG) != 0) {
			*child = 0;
			return false;
		}
		if (is_ready(c, provider))
			return true;
		(void)poll(NULL, 0, STEP_MS);
	}
	return false;
}

int provider_accept_first(struct cli *c, const char *dir, const char *provider)
{
	struct cli as = *c;
	char program[TOKEN_PATH];
	int code = CLI_FAILED;
	pid_t child;

	if (token_find_program("holdfastd", program) != ERR_OK)
		return cli_fail(c, ERR_MISSING, "holdfastd is not installed beside holdfast");
	as.dir = dir;
	as.argument[0] = provider;
	as.arguments_n = 1;
	child = start(program, dir);
	if (child > 0 && await(&as, provider, &child))
		code = run_provider_accept(&as);
	else
		(void)cli_fail(c, ERR_ABSENT, "the new node does not show its token");
	if (child > 0 && kill(child, SIGTERM) == 0) {
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return code;
}
