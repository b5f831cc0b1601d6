/* door.c: the way to a running node. */
#define _GNU_SOURCE
#include "cli/door.h"

#include "base/file.h"
#include "local/local.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SILENT "a node runs, and does not answer: its core or door hangs, or has long work"

/* Much may have to be read for an answer; not for that of whether it runs. */
enum { WAIT_MS = 600 * 1000, STATUS_WAIT_MS = 10 * 1000 };

/* A path too long for a socket's address is reached through its folder. */
static err_t address_of(const char *dir, int *folder, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	*folder = -1;
	if (file_path(out->sun_path, sizeof(out->sun_path), dir, "run/admin.sock") == ERR_OK)
		return ERR_OK;
	*folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*folder < 0)
		return ERR_MISSING;
	return text_print(out->sun_path, sizeof(out->sun_path), "/proc/self/fd/%d/run/admin.sock", *folder)
	               ? ERR_OK : ERR_LIMIT;
}

err_t door_try(const struct cli *c, struct door *out)
{
	const struct timeval patience = { .tv_sec = STATUS_WAIT_MS / 1000 };
	struct sockaddr_un address;
	int fd = -1, folder = -1;
	err_t err;

	*out = (struct door){ .cli = c };
	TRY(address_of(c->dir, &folder, &address));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Before a door that hangs as many wait as there is room for, and the next one for ever. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0)
		err = ERR_IO;
	else if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0)
		err = errno == ENOENT || errno == ECONNREFUSED ? ERR_MISSING : errno == EACCES ? ERR_REFUSED
		      : errno == EAGAIN ? ERR_TIMEOUT : ERR_IO;
	else
		err = local_listener_check(fd, address.sun_path);
out:
	if (folder >= 0)
		close(folder);
	if (err == ERR_OK) {
		link_init(&out->link, fd, ROLE_CLIENT, ROLE_DOOR, 0);
		return ERR_OK;
	}
	if (fd >= 0)
		close(fd);
	return err;
}

err_t door_open(const struct cli *c, struct door *out)
{
	err_t err = door_try(c, out);

	if (err == ERR_MISSING)
		(void)cli_fail(c, err, "no node runs in %s (start it: holdfastd -d %s)", c->dir, c->dir);
	else if (err == ERR_REFUSED)
		(void)cli_fail(c, err, "the node in %s is administered by its owner and root only", c->dir);
	else if (err == ERR_TAMPERED)
		(void)cli_fail(c, err, "who listens in %s need not be the node: others can write there", c->dir);
	else if (err == ERR_TIMEOUT)
		(void)cli_fail(c, err, SILENT);
	else if (err != ERR_OK)
		(void)cli_fail(c, err, "the node in %s cannot be reached: %s", c->dir, strerror(errno));
	return err;
}

void door_close(struct door *d)
{
	link_close(&d->link);
}

/* The next message; waits that long for each piece of it. */
static err_t next(struct door *d, struct message *m, int wait)
{
	bool found = false;
	err_t err;

	for (;;) {
		TRY(link_next(&d->link, m, &found));
		if (found)
			return ERR_OK;
		TRY(link_wait(&d->link, wait));
		TRY(link_read(&d->link));
	}
out:
	return err;
}

static err_t ask(struct door *d, enum message_type type, uint16_t number, struct bytes fields)
{
	struct buf body = buf_make(65536);
	struct wire_out w = wire_out(&body);
	err_t err;

	wire_put_u16(&w, number);
	wire_put_fixed(&w, fields);
	TRY(w.err);
	TRY(link_send(&d->link, type, ++d->ref, bytes_of_buf(&body)));
	while (link_wants_write(&d->link))
		TRY(link_flush(&d->link));
out:
	buf_free(&body);
	return err;
}

static err_t read_done(struct bytes body, char text[DOOR_TEXT_MAX])
{
	struct wire_in in = wire_in(body);
	uint8_t status = wire_get_u8(&in);
	struct bytes words = wire_get_bytes(&in, DOOR_TEXT_MAX - 1);

	if (wire_done(&in) != ERR_OK || status >= ERR_COUNT)
		return ERR_SYNTAX;
	if (!bytes_is_utf8(words) || bytes_put_str(text, DOOR_TEXT_MAX, words) != ERR_OK)
		text[0] = '\0';
	return (err_t)status;
}

err_t door_ask(struct door *d, enum admin_command command, struct bytes fields,
               struct buf *rows, char text[DOOR_TEXT_MAX])
{
	struct codec_limits limits = codec_default_limits;
	int wait = command == ADMIN_STATUS ? STATUS_WAIT_MS : WAIT_MS;
	struct message m;
	err_t err;

	text[0] = '\0';
	TRY(ask(d, MSG_ADMIN, (uint16_t)command, fields));
	for (;;) {
		TRY(next(d, &m, wait));
		if (m.ref != d->ref)
			return ERR_SYNTAX;
		if (m.type == MSG_ADMIN_DONE)
			return read_done(m.body, text);
		if (m.type != MSG_ADMIN_ROW)
			return ERR_SYNTAX;
		TRY(cbor_check(m.body, &limits));
		TRY(buf_add(rows, m.body));
	}
out:
	return err;
}

err_t door_command(struct door *d, enum admin_command command, struct bytes fields,
                   struct buf *rows)
{
	char text[DOOR_TEXT_MAX];
	err_t err = door_ask(d, command, fields, rows, text);

	if (err == ERR_CLOSED && text[0] == '\0')
		(void)cli_fail(d->cli, err, "the node closed the conversation");
	else if (err == ERR_TIMEOUT && text[0] == '\0')
		(void)cli_fail(d->cli, err, SILENT);
	else if (err != ERR_OK)
		(void)cli_fail(d->cli, err, "%s", text[0] ? text : err_text(err));
	return err;
}

err_t door_call(struct door *d, enum operation op, struct bytes fields, struct buf *result)
{
	struct message m;
	err_t err;

	buf_clear(result);
	TRY(ask(d, MSG_ADMIN_CALL, (uint16_t)op, fields));
	TRY(next(d, &m, WAIT_MS));
	if (m.ref != d->ref || m.type != MSG_ADMIN_RESULT || m.body.n == 0 || m.body.p[0] >= ERR_COUNT)
		return ERR_SYNTAX;
	TRY((err_t)m.body.p[0]);
	err = buf_add(result, bytes_sub(m.body, 1, m.body.n));
out:
	return err;
}

err_t door_key(struct door *d, uint32_t index, struct buf *result, struct keeper_key_row *out,
               bool *found)
{
	uint8_t field[4];
	err_t err;

	put_be32(field, index);
	*found = false;
	/* The keeper answers so many a second and no more: wait for the next one. */
	for (int tries = 0; (err = door_call(d, OP_KEY_LIST, BYTES_OF(field), result)) == ERR_LIMIT &&
	                    tries < 30; tries++)
		usleep(100 * 1000);
	if (err == ERR_MISSING)
		return ERR_OK;
	TRY(err);
	TRY(keeper_key_row_read(bytes_of_buf(result), out));
	*found = true;
out:
	return err;
}

err_t door_public_key(struct door *d, struct bytes name, uint8_t out[65])
{
	struct buf result = buf_make(65536);
	struct keeper_key_row row;
	bool found = true;
	err_t err = ERR_MISSING;

	for (uint32_t i = 0; found; i++) {
		err = door_key(d, i, &result, &row, &found);
		if (err != ERR_OK)
			break;
		err = ERR_MISSING;
		if (found && bytes_equal(row.name, name) && row.public_key.n == 65) {
			bytes_copy(out, row.public_key.p, 65);
			err = ERR_OK;
			break;
		}
	}
	buf_free(&result);
	return err;
}
