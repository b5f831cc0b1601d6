/* keeper_files.h: files of a folder, kept as they are and put back. */
#ifndef KEEPER_FILES_H
#define KEEPER_FILES_H

#include "base/bytes.h"
#include "unit.h"

#include <fcntl.h>
#include <unistd.h>

struct file {
	uint8_t octets[16384];
	size_t n;
};

static inline void file_get(int dir, const char *name, struct file *f)
{
	int fd = openat(dir, name, O_RDONLY);
	ssize_t n = read(fd, f->octets, sizeof(f->octets));

	assert_true(fd >= 0 && n > 0);
	f->n = (size_t)n;
	close(fd);
}

static inline void file_put(int dir, const char *name, const struct file *f)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, f->octets, f->n), f->n);
	close(fd);
}

#endif
