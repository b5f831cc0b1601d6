/* passphrase.c: files of the keeper that lie elsewhere: its passphrase, PINs, the witness.
 *
 * The parent opens it and hands the descriptor over; it never reads it. Option
 * keeper.passphrase_file, else the service manager's credential, else the
 * terminal; with none of them the keeper starts locked. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"
#include "token/config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that others can read is no secret. */
static err_t take_secret(int at, const char *path, const char *what, int *out)
{
	struct stat s;
	int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) {
		log_event(LOG_ERROR, what, "path=%s why=the file cannot be opened", path);
		if (fd >= 0)
			close(fd);
		return ERR_IO;
	}
	if (s.st_mode & 077) {
		log_event(LOG_ERROR, what,
		          "path=%s why=the file can be read or written by others: chmod 600", path);
		close(fd);
		return ERR_REFUSED;
	}
	*out = fd;
	return ERR_OK;
}

static err_t take_file(struct parent *p, int at, const char *path)
{
	return take_secret(at, path, "no passphrase", &p->node.passphrase_fd);
}

static err_t take_credential(struct parent *p, const char *folder)
{
	int at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err_t err = ERR_OK;

	if (at < 0)
		return ERR_OK;
	if (faccessat(at, "holdfast.passphrase", R_OK, 0) == 0)
		err = take_file(p, at, "holdfast.passphrase");
	close(at);
	return err;
}

err_t node_open_passphrase(struct parent *p)
{
	const char *path = options_text(&p->options, OPT_keeper_passphrase_file);
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	err_t err = ERR_OK;

	if (*path)
		return take_file(p, p->node.fd, path);
	if (folder)
		TRY(take_credential(p, folder));
	if (p->node.passphrase_fd < 0 && isatty(STDIN_FILENO))
		p->node.passphrase_fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (p->node.passphrase_fd < 0)
		log_event(LOG_WARN, "no passphrase", "the keeper starts locked");
out:
	return err;
}

/* A token without its PIN stays away; the node works without it. */
static void open_pin(struct parent *p, unsigned number, const struct token_config *c)
{
	const char *path = token_config_pin_file(c), *folder = getenv("CREDENTIALS_DIRECTORY");
	int at = folder ? open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	char name[32];

	(void)text_print(name, sizeof(name), "holdfast.token.%u.pin", number);
	if (*path)
		(void)(take_secret(p->node.fd, path, "no PIN", &p->node.pin_fd[number]) == ERR_OK);
	else if (at >= 0 && faccessat(at, name, R_OK, 0) == 0)
		(void)(take_secret(at, name, "no PIN", &p->node.pin_fd[number]) == ERR_OK);
	if (at >= 0)
		close(at);
}

err_t node_open_pins(struct parent *p)
{
	struct token_config config;
	const char *why;
	err_t err = ERR_OK;

	for (unsigned i = 1; i <= TOKENS_MAX; i++) {
		struct bytes text = bytes_str(options_text(&p->options, (enum option_id)(OPT_token_1 + i - 1)));

		p->node.pin_fd[i] = -1;
		if (!text.n)
			continue;
		TRY(token_config_parse(text, &config, &why));
		open_pin(p, i, &config);
	}
out:
	return err;
}

/* Ours or root's, and nobody else writes it. */
static bool is_kept(int fd)
{
	struct stat s;

	return fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && (s.st_mode & 022) == 0 &&
	       (s.st_uid == 0 || s.st_uid == geteuid());
}

void node_open_witness(struct parent *p)
{
	const char *path = options_text(&p->options, OPT_keeper_witness);
	int fd;

	if (bytes_equal(bytes_str(path), BYTES("none")))
		return;
	fd = openat(p->node.fd, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd >= 0 && is_kept(fd)) {
		p->node.witness_fd = fd;
		return;
	}
	log_event(LOG_WARN, "no witness", "file=%s why=%s", path,
	          fd >= 0 ? "others may write it" : "it cannot be opened");
	if (fd >= 0)
		close(fd);
}
