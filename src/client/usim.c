/* usim.c: lines to the module and back. */
#define _GNU_SOURCE
#include "client/usim.h"

#include "base/secret.h"
#include "local/local.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WORDS_MAX = 4, RES_MIN = 4, TIME_S = 10 };

/* --- what it says -------------------------------------------------------------------- */

static err_t read_impi(const struct bytes *w, size_t n, struct usim_answer *out)
{
	if (n != 2 || !bytes_is_printable(w[1]))
		return ERR_SYNTAX;
	return bytes_put_str(out->text, sizeof(out->text), w[1]);
}

static err_t read_res(const struct bytes *w, size_t n, struct usim_answer *out)
{
	err_t err;

	out->res_n = w[1].n / 2;
	if ((n != 2 && n != 4) || out->res_n < RES_MIN || out->res_n > USIM_RES_MAX)
		return ERR_SYNTAX;
	TRY(bytes_from_hex(w[1], out->res, out->res_n));
	out->has_ks = n == 4;
	for (size_t i = 2; i < n; i++)
		TRY(bytes_from_hex(w[i], out->ks + (i - 2) * USIM_HALF, USIM_HALF));
out:
	return err;
}

static err_t read_sync(const struct bytes *w, size_t n, struct usim_answer *out)
{
	return n == 2 ? bytes_from_hex(w[1], out->auts, USIM_AUTS) : ERR_SYNTAX;
}

static err_t read_mac(const struct bytes *w, size_t n, struct usim_answer *out)
{
	return n == 1 ? ERR_OK : ERR_SYNTAX;
}

static err_t read_key(const struct bytes *w, size_t n, struct usim_answer *out)
{
	err_t err;

	TRY((n == 2 || n == 3) && bytes_is_printable(w[1]) ? ERR_OK : ERR_SYNTAX);
	if (n == 3)
		TRY(bytes_put_str(out->text, sizeof(out->text), w[1]));
	TRY(bytes_from_hex(w[n - 1], out->key, GAA_KEY));
out:
	return err;
}

static const struct {
	const char *word;
	enum usim_said said;
	err_t (*read)(const struct bytes *w, size_t n, struct usim_answer *out);
} rows[] = {
	{ "IMPI", USIM_IMPI, read_impi }, { "RES", USIM_RES, read_res }, { "SYNC", USIM_SYNC, read_sync },
	{ "MAC", USIM_MAC, read_mac }, { "KEY", USIM_KEY, read_key },
};

err_t usim_read(struct bytes line, struct usim_answer *out)
{
	struct bytes w[WORDS_MAX] = { 0 };
	size_t n = 0;
	err_t err = ERR_SYNTAX;

	*out = (struct usim_answer){ .said = USIM_ERROR };
	while (line.n && n < WORDS_MAX)
		w[n++] = bytes_cut(&line, ' ');
	for (size_t i = 0; line.n == 0 && i < COUNT_OF(rows); i++) {
		if (!bytes_equal(w[0], bytes_str(rows[i].word)))
			continue;
		out->said = rows[i].said;
		err = rows[i].read(w, n, out);
	}
	if (err != ERR_OK)
		secret_wipe(out, sizeof(*out));
	return err == ERR_OK ? ERR_OK : ERR_SYNTAX;
}

/* --- the socket ------------------------------------------------------------------------ */

err_t usim_open(const char *path, struct usim *out)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval time = { .tv_sec = TIME_S };
	err_t err;

	out->fd = -1;
	TRY(bytes_put_str(a.sun_path, sizeof(a.sun_path), bytes_str(path)));
	out->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (out->fd < 0 || setsockopt(out->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) != 0 ||
	    setsockopt(out->fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time)) != 0 ||
	    connect(out->fd, (const struct sockaddr *)&a, sizeof(a)) != 0)
		err = ERR_IO;
	else
		err = local_listener_check(out->fd, path);
out:
	if (err != ERR_OK)
		usim_close(out);
	return err;
}

void usim_close(struct usim *u)
{
	if (u->fd >= 0)
		close(u->fd);
	u->fd = -1;
}

static err_t say(struct usim *u, struct bytes line)
{
	while (line.n) {
		ssize_t n = send(u->fd, line.p, line.n, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return errno == EAGAIN ? ERR_TIMEOUT : ERR_IO;
		line = bytes_sub(line, (size_t)n, line.n);
	}
	return ERR_OK;
}

/* Up to its line feed, which is the last that comes. */
static err_t hear(struct usim *u, uint8_t *line, size_t *n)
{
	*n = 0;
	while (*n < USIM_LINE_MAX) {
		ssize_t got = recv(u->fd, line + *n, USIM_LINE_MAX - *n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 && errno == EAGAIN ? ERR_TIMEOUT : ERR_IO;
		*n += (size_t)got;
		if (bytes_find(bytes_make(line, *n), '\n') == *n - 1) {
			(*n)--;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

err_t usim_ask(struct usim *u, struct bytes line, struct usim_answer *out)
{
	uint8_t answer[USIM_LINE_MAX];
	size_t n = 0;
	err_t err;

	TRY(say(u, line));
	TRY(say(u, BYTES("\n")));
	TRY(hear(u, answer, &n));
	err = usim_read(bytes_make(answer, n), out);
out:
	secret_wipe(answer, sizeof(answer));
	return err;
}
