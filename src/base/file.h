/* file.h: small files, whole. For the command, the parent and tests; a worker
 * in its sandbox has no use for it. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/bytes.h"

/* Append the content of a regular file of at most max octets. ERR_MISSING when
 * there is none, ERR_LIMIT, ERR_TYPE for what is no regular file, ERR_IO. */
err_t file_read(const char *path, size_t max, struct buf *out) MUST_USE;

/* Make a new file with this content and mode (not narrowed by the umask), on
 * disk when it returns. ERR_EXISTS; ERR_IO leaves nothing behind. */
err_t file_write_new(const char *path, struct bytes content, unsigned mode) MUST_USE;

/* dir + "/" + name, NUL-terminated. ERR_LIMIT. */
err_t file_path(char *out, size_t size, const char *dir, const char *name) MUST_USE;

#endif
