/* file.c: small files, whole. */
#include "base/file.h"

#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static err_t read_all(int fd, size_t max, struct buf *out)
{
	size_t start = out->n;
	uint8_t chunk[4096];
	err_t err;

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? ERR_IO : ERR_OK;
			break;
		}
		TRY(buf_add(out, bytes_make(chunk, (size_t)n)));
		TRY(out->n - start > max ? ERR_LIMIT : ERR_OK);
	}
out:
	/* it may have been a key */
	secret_wipe(chunk, sizeof(chunk));
	return err;
}

err_t file_read(const char *path, size_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	err_t err;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERR_MISSING : ERR_IO;
	if (fstat(fd, &st) != 0)
		err = ERR_IO;
	else if (!S_ISREG(st.st_mode))
		err = ERR_TYPE;
	else if (st.st_size > 0 && (uint64_t)st.st_size > max)
		err = ERR_LIMIT;
	else
		err = read_all(fd, max, out);
	close(fd);
	return err;
}

static err_t write_all(int fd, struct bytes content)
{
	while (content.n > 0) {
		ssize_t n = write(fd, content.p, content.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_IO;
		content = bytes_sub(content, (size_t)n, content.n);
	}
	return ERR_OK;
}

err_t file_write_new(const char *path, struct bytes content, unsigned mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	err_t err;

	if (fd < 0)
		return errno == EEXIST ? ERR_EXISTS : ERR_IO;
	err = write_all(fd, content);
	if (err == ERR_OK && (fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0))
		err = ERR_IO;
	if (close(fd) != 0 && err == ERR_OK)
		err = ERR_IO;
	if (err != ERR_OK)
		unlink(path);
	return err;
}

err_t file_path(char *out, size_t size, const char *dir, const char *name)
{
	int n = snprintf(out, size, "%s/%s", dir, name);

	return n >= 0 && (size_t)n < size ? ERR_OK : ERR_LIMIT;
}
