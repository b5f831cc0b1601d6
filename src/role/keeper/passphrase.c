/* passphrase.c: one line that unlocks the key store. */
#include "keeper/vault.h"
#include "role/keeper/process.h"

#include <errno.h>
#include <termios.h>
#include <unistd.h>

/* Read to the end, or to the first line end on a terminal or pipe. */
static err_t read_line(int fd, struct secret *page, size_t *n)
{
	size_t at = 0;
	ssize_t got;

	for (;;) {
		/* A file's offset may be where an earlier keeper left it. */
		got = pread(fd, page->p + at, page->n - at, (off_t)at);
		if (got < 0 && errno == ESPIPE)
			got = read(fd, page->p + at, page->n - at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERR_IO;
		at += (size_t)got;
		if (got == 0 || bytes_find(bytes_make(page->p, at), '\n') < at)
			break;
		if (at == page->n)
			return ERR_LIMIT;
	}
	*n = bytes_find(bytes_make(page->p, at), '\n');
	if (*n > 0 && page->p[*n - 1] == '\r')
		--*n;
	return *n ? ERR_OK : ERR_MISSING;
}

static void ask(int fd, bool begin, struct termios *before)
{
	struct bytes text = begin ? BYTES("Passphrase of the key store: ") : BYTES("\n");
	struct termios silent;

	if (begin) {
		if (tcgetattr(fd, before) != 0)
			return;
		silent = *before;
		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)tcsetattr(fd, TCSAFLUSH, &silent);
	} else {
		(void)tcsetattr(fd, TCSAFLUSH, before);
	}
	if (write(fd, text.p, text.n) < 0)
		return;
}

err_t passphrase_read(int fd, struct secret *out)
{
	bool person = isatty(fd);
	struct secret page = { 0 };
	struct termios before;
	size_t n = 0;
	err_t err;

	*out = (struct secret){ 0 };
	TRY(secret_new(VAULT_PASSPHRASE_MAX + 2, &page));
	if (person)
		ask(fd, true, &before);
	err = read_line(fd, &page, &n);
	if (person)
		ask(fd, false, &before);
	TRY(err);
	TRY(n <= VAULT_PASSPHRASE_MAX ? ERR_OK : ERR_LIMIT);
	TRY(secret_copy(bytes_make(page.p, n), out));
out:
	secret_free(&page);
	return err;
}
