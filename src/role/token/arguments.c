/* arguments.c: what holdfast-token is started with, and its PIN. */
#include "role/token/process.h"

#include <errno.h>
#include <unistd.h>

enum { PIN_MAX = 256 };

static int descriptor(const char *text)
{
	uint64_t n;

	return bytes_to_u64(bytes_str(text), 1023, &n) == ERR_OK ? (int)n : -1;
}

bool token_serve_asked(int argc, char **argv, struct token_serve_arguments *out)
{
	uint64_t user;

	if (argc < 5 || argc > 6 || !bytes_equal(bytes_str(argv[1]), BYTES("--serve")))
		return false;
	out->config = argv[2];
	out->link_fd = descriptor(argv[3]);
	out->pin_fd = argc == 6 ? descriptor(argv[5]) : -1;
	if (bytes_to_u64(bytes_str(argv[4]), UINT32_MAX, &user) != ERR_OK || user == 0)
		return false;
	out->user = (uint32_t)user;
	return out->link_fd >= 0;
}

err_t token_pin_read(int fd, struct secret *out)
{
	struct secret page = { 0 };
	ssize_t got;
	size_t n;
	err_t err;

	TRY(secret_new(PIN_MAX + 2, &page));
	do {
		/* From the beginning: one before us may have read it. */
		got = pread(fd, page.p, page.n, 0);
		if (got < 0 && errno == ESPIPE)
			got = read(fd, page.p, page.n);
	} while (got < 0 && errno == EINTR);
	n = got > 0 ? bytes_find(bytes_make(page.p, (size_t)got), '\n') : 0;
	if (n > 0 && page.p[n - 1] == '\r')
		n--;
	if (n == 0 || n > PIN_MAX)
		err = n ? ERR_LIMIT : ERR_MISSING;
	else
		err = secret_copy(bytes_make(page.p, n), out);
out:
	secret_free(&page);
	return err;
}
